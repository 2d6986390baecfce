//! Convolutions and pools along one axis or two.

use chainrule::Tensor;
use chainrule::fit::nn::{AdaptiveAvgPool2d, AvgPool, Conv, ConvOptions, ConvTranspose, MaxPool};
use pyo3::prelude::*;

use crate::layers::{Axes, inner, made, ranked, wrong};
use crate::tensor::{Arg, PyTensor};

fn fixed<const SPACE: usize>(what: &str, list: &[usize]) -> PyResult<[usize; SPACE]> {
    let all = <[usize; SPACE]>::try_from(list);
    all.map_err(|_| wrong(format!("{what} {list:?} needs {SPACE} numbers, one for each axis")))
}

fn options<const SPACE: usize>(
    weight: &Tensor,
    lists: [&[usize]; 3],
    groups: usize,
    outputs: usize,
) -> PyResult<ConvOptions<SPACE>> {
    let [stride, padding, dilation] = lists;
    let zero = [&weight.shape()[2..], stride, dilation].iter().any(|list| list.contains(&0));
    if zero || groups == 0 || !outputs.is_multiple_of(groups) {
        return Err(wrong(format!(
            "a convolution has kernel {:?}, stride {stride:?}, dilation {dilation:?} and {groups} \
             groups; each number must be 1 or more, and groups divide {outputs} channels",
            &weight.shape()[2..]
        )));
    }
    Ok(ConvOptions {
        stride: fixed("stride", stride)?,
        padding: fixed("padding", padding)?,
        dilation: fixed("dilation", dilation)?,
        groups,
        bias: true,
    })
}

/// Convolution along one axis or two, by the weight's axes.
#[pyfunction]
fn conv(
    x: Arg,
    weight: Arg,
    bias: Option<Arg>,
    stride: Axes,
    padding: Axes,
    dilation: Axes,
    groups: usize,
) -> PyResult<PyTensor> {
    ranked("convolution", &weight.0, &[3, 4])?;
    let (weight, bias) = (weight.0, inner(bias));
    let (lists, outputs) = ([&*stride, &*padding, &*dilation], weight.shape()[0]);
    match weight.rank() {
        3 => {
            let options = options::<1>(&weight, lists, groups, outputs)?;
            made("convolution", &Conv { weight, bias, options }, &x)
        }
        _ => {
            let options = options::<2>(&weight, lists, groups, outputs)?;
            made("convolution", &Conv { weight, bias, options }, &x)
        }
    }
}

/// Transposed convolution along one axis or two, by the weight's axes.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
fn conv_transpose(
    x: Arg,
    weight: Arg,
    bias: Option<Arg>,
    stride: Axes,
    padding: Axes,
    output_padding: Axes,
    dilation: Axes,
    groups: usize,
) -> PyResult<PyTensor> {
    ranked("transposed convolution", &weight.0, &[3, 4])?;
    let (weight, bias) = (weight.0, inner(bias));
    let (lists, inputs) = ([&*stride, &*padding, &*dilation], weight.shape()[0]);
    let largest = stride.iter().zip(&dilation).map(|(s, d)| *s.max(d));
    if largest.zip(&output_padding).any(|(largest, p)| *p >= largest) {
        return Err(wrong(format!(
            "output padding {output_padding:?} must be smaller than stride {stride:?} or dilation \
             {dilation:?}"
        )));
    }
    match weight.rank() {
        3 => {
            let options = options::<1>(&weight, lists, groups, inputs)?;
            let output_padding = fixed("output_padding", &output_padding)?;
            made("convolution", &ConvTranspose { weight, bias, options, output_padding }, &x)
        }
        _ => {
            let options = options::<2>(&weight, lists, groups, inputs)?;
            let output_padding = fixed("output_padding", &output_padding)?;
            made("convolution", &ConvTranspose { weight, bias, options, output_padding }, &x)
        }
    }
}

#[pyfunction]
fn max_pool(
    x: Arg,
    kernel: Axes,
    stride: Axes,
    padding: Axes,
    dilation: Axes,
) -> PyResult<PyTensor> {
    fn pool<const SPACE: usize>(lists: [&[usize]; 4]) -> PyResult<MaxPool<SPACE>> {
        let [kernel, stride, padding, dilation] = lists;
        Ok(MaxPool {
            kernel: fixed("kernel_size", kernel)?,
            stride: fixed("stride", stride)?,
            padding: fixed("padding", padding)?,
            dilation: fixed("dilation", dilation)?,
        })
    }
    let lists = [&*kernel, &*stride, &*padding, &*dilation];
    match kernel.len() {
        1 => made("max_pool1d", &pool::<1>(lists)?, &x),
        _ => made("max_pool2d", &pool::<2>(lists)?, &x),
    }
}

#[pyfunction]
fn avg_pool(
    x: Arg,
    kernel: Axes,
    stride: Axes,
    padding: Axes,
    count_include_pad: bool,
) -> PyResult<PyTensor> {
    fn pool<const SPACE: usize>(lists: [&[usize]; 3], count: bool) -> PyResult<AvgPool<SPACE>> {
        let [kernel, stride, padding] = lists;
        Ok(AvgPool {
            kernel: fixed("kernel_size", kernel)?,
            stride: fixed("stride", stride)?,
            padding: fixed("padding", padding)?,
            count_include_pad: count,
        })
    }
    let lists = [&*kernel, &*stride, &*padding];
    match kernel.len() {
        1 => made("avg_pool1d", &pool::<1>(lists, count_include_pad)?, &x),
        _ => made("avg_pool2d", &pool::<2>(lists, count_include_pad)?, &x),
    }
}

#[pyfunction]
fn adaptive_avg_pool2d(x: Arg, output: [usize; 2]) -> PyResult<PyTensor> {
    made("adaptive_avg_pool2d", &AdaptiveAvgPool2d { output }, &x)
}

/// Adds these to the module of layers.
pub(crate) fn add(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(conv, m)?)?;
    m.add_function(wrap_pyfunction!(conv_transpose, m)?)?;
    m.add_function(wrap_pyfunction!(max_pool, m)?)?;
    m.add_function(wrap_pyfunction!(avg_pool, m)?)?;
    m.add_function(wrap_pyfunction!(adaptive_avg_pool2d, m)?)
}
