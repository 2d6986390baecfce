//! Layers as functions: each call is one of `chainrule_fit`'s layers made of the tensors given.
//!
//! Layers there are plain structs of handles, so that making one costs nothing; the modules of the
//! Python half own the parameters and choose the options.

use chainrule::fit::nn::init::{self, Fan, Nonlinearity};
use chainrule::fit::nn::{
    Activation, AdaptiveAvgPool2d, AvgPool, BatchNorm, Buffer, Cell, Conv, ConvOptions,
    ConvTranspose, Dropout, Embedding, Init, Layer, LayerNorm, Linear, Masks, MaxPool, Mode,
    Module, MultiheadAttention, Recurrent, RecurrentOptions, RmsNorm, Softmax, State, Weights,
    rotary, sinusoids,
};
use chainrule::{Tensor, no_grad};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::dtype::AnyDType;
use crate::sentence::run_fit;
use crate::tensor::{Arg, PyTensor};

/// A number for each axis of space.
type Axes = Vec<usize>;

fn made(by: &'static str, layer: &dyn Layer, x: &Arg) -> PyResult<PyTensor> {
    run_fit(|| layer.forward(&x.0)).map(|y| PyTensor::made(by, y))
}

fn inner(x: Option<Arg>) -> Option<Tensor> {
    x.map(|x| x.0)
}

fn mode(training: bool) -> Mode {
    let mode = Mode::default();
    mode.set_training(training);
    mode
}

fn dropping(p: f64, training: bool) -> Dropout {
    Dropout { p, mode: mode(training) }
}

fn wrong(what: String) -> PyErr {
    PyValueError::new_err(what)
}

fn fixed<const SPACE: usize>(what: &str, list: &[usize]) -> PyResult<[usize; SPACE]> {
    let all = <[usize; SPACE]>::try_from(list);
    all.map_err(|_| wrong(format!("{what} {list:?} needs {SPACE} numbers, one for each axis")))
}

/// That a weight has so many axes.
fn ranked(layer: &str, weight: &Tensor, ranks: &[usize]) -> PyResult<()> {
    match ranks.contains(&weight.rank()) {
        true => Ok(()),
        false => Err(wrong(format!(
            "the weight of a {layer} layer has shape {:?}, but {ranks:?} axes are needed",
            weight.shape()
        ))),
    }
}

/// x Wᵀ + b.
#[pyfunction]
#[pyo3(signature = (x, weight, bias=None))]
fn linear(x: Arg, weight: Arg, bias: Option<Arg>) -> PyResult<PyTensor> {
    ranked("linear", &weight.0, &[2])?;
    made("addmm", &Linear { weight: weight.0, bias: inner(bias) }, &x)
}

/// Rows of a table.
#[pyfunction]
#[pyo3(signature = (x, weight, padding=None))]
fn embedding(x: Arg, weight: Arg, padding: Option<usize>) -> PyResult<PyTensor> {
    ranked("embedding", &weight.0, &[2])?;
    made("embedding", &Embedding { weight: weight.0, padding }, &x)
}

#[pyfunction]
fn layer_norm(
    x: Arg,
    shape: Axes,
    weight: Option<Arg>,
    bias: Option<Arg>,
    eps: f64,
) -> PyResult<PyTensor> {
    let (weight, bias) = (inner(weight), inner(bias));
    made("native_layer_norm", &LayerNorm { weight, bias, shape, eps }, &x)
}

#[pyfunction]
fn rms_norm(x: Arg, shape: Axes, weight: Option<Arg>, eps: Option<f64>) -> PyResult<PyTensor> {
    made("rms_norm", &RmsNorm { weight: inner(weight), shape, eps }, &x)
}

/// The handles of running statistics: mean, variance, and the number of batches.
type Running<'py> = (Bound<'py, PyTensor>, Bound<'py, PyTensor>, Bound<'py, PyTensor>);

/// Batch normalisation, whose running statistics take up the batch in training.
#[pyfunction]
#[pyo3(signature = (x, running, weight, bias, training, momentum, eps, space))]
#[allow(clippy::too_many_arguments)]
fn batch_norm(
    x: Arg,
    running: Option<Running<'_>>,
    weight: Option<Arg>,
    bias: Option<Arg>,
    training: bool,
    momentum: Option<f64>,
    eps: f64,
    space: usize,
) -> PyResult<PyTensor> {
    let channels = x.0.shape().get(1).copied().unwrap_or(0);
    let (mean, var, seen) = match &running {
        Some((mean, var, seen)) => (mean.get().tensor(), var.get().tensor(), seen.get().tensor()),
        None => {
            let all = |c: f64| Tensor::full([channels], c).to_dtype(x.0.dtype());
            (all(0.0), all(1.0), Tensor::from(0i64))
        }
    };
    let buffers = [mean, var, seen].map(Buffer::new);
    let parts = (inner(weight), inner(bias));
    let y = match space {
        1 => normalised::<1>(&x.0, &buffers, parts, training, momentum, eps),
        _ => normalised::<2>(&x.0, &buffers, parts, training, momentum, eps),
    }?;
    if let (Some((mean, var, seen)), true) = (running, training) {
        for (handle, buffer) in [mean, var, seen].iter().zip(&buffers) {
            handle.get().replace("", buffer.get());
        }
    }
    Ok(PyTensor::made("native_batch_norm", y))
}

fn normalised<const SPACE: usize>(
    x: &Tensor,
    [mean, var, seen]: &[Buffer; 3],
    (weight, bias): (Option<Tensor>, Option<Tensor>),
    training: bool,
    momentum: Option<f64>,
    eps: f64,
) -> PyResult<Tensor>
where
    BatchNorm<SPACE>: Module + Layer,
{
    let layer = BatchNorm::<SPACE> {
        weight,
        bias,
        running_mean: mean.clone(),
        running_var: var.clone(),
        num_batches_tracked: seen.clone(),
        eps,
        momentum,
        mode: mode(training),
    };
    run_fit(|| layer.forward(x))
}

#[pyfunction]
fn dropout(x: Arg, p: f64, training: bool) -> PyResult<PyTensor> {
    made("dropout", &dropping(p, training), &x)
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

/// An activation by its name, with its number if it has one.
#[pyfunction]
#[pyo3(signature = (name, x, number=0.0))]
fn activation(name: &str, x: Arg, number: f64) -> PyResult<PyTensor> {
    let (by, activation) = match name {
        "relu" => ("relu", Activation::Relu),
        "leaky_relu" => ("leaky_relu", Activation::LeakyRelu(number)),
        "elu" => ("elu", Activation::Elu(number)),
        "selu" => ("selu", Activation::Selu),
        "gelu" => ("gelu", Activation::Gelu),
        "gelu_tanh" => ("gelu", Activation::GeluTanh),
        "silu" => ("silu", Activation::Silu),
        "mish" => ("mish", Activation::Mish),
        "tanh" => ("tanh", Activation::Tanh),
        "sigmoid" => ("sigmoid", Activation::Sigmoid),
        "softplus" => ("softplus", Activation::Softplus),
        "softsign" => ("softsign", Activation::Softsign),
        "logsigmoid" => ("log_sigmoid", Activation::LogSigmoid),
        "hardtanh" => ("hardtanh", Activation::HardTanh),
        "relu6" => ("hardtanh", Activation::Relu6),
        "hardsigmoid" => ("hardsigmoid", Activation::HardSigmoid),
        "hardswish" => ("hardswish", Activation::HardSwish),
        _ => return Err(wrong(format!("there is no activation {name}"))),
    };
    made(by, &activation, &x)
}

#[pyfunction]
fn softmax(x: Arg, axis: i64, log: bool) -> PyResult<PyTensor> {
    made(if log { "log_softmax" } else { "softmax" }, &Softmax { axis, log }, &x)
}

/// All states of a recurrent network, and the last ones of each layer.
#[pyfunction]
#[pyo3(signature = (
    cell, x, hidden, weights, layers, bias, batch_first, bidirectional, dropout, training, h0, c0
))]
#[allow(clippy::too_many_arguments)]
fn recurrent(
    cell: &str,
    x: Arg,
    hidden: usize,
    weights: Vec<Arg>,
    layers: usize,
    bias: bool,
    batch_first: bool,
    bidirectional: bool,
    dropout: f64,
    training: bool,
    h0: Option<Arg>,
    c0: Option<Arg>,
) -> PyResult<(PyTensor, PyTensor, Option<PyTensor>)> {
    let cell = match cell {
        "rnn_tanh" => Cell::Rnn,
        "rnn_relu" => Cell::RnnRelu,
        "gru" => Cell::Gru,
        _ => Cell::Lstm,
    };
    let options = RecurrentOptions { layers: 0, bias, batch_first, bidirectional, dropout };
    let mut network = Recurrent::with(cell, 1, hidden, options);
    network.options.layers = layers;
    let each = if bias { 4 } else { 2 };
    if weights.len() != each * layers * (1 + usize::from(bidirectional)) {
        return Err(wrong(format!("{} weights do not make {layers} layers", weights.len())));
    }
    for (i, w) in weights.iter().enumerate() {
        ranked("recurrent", &w.0, if i % each < 2 { &[2] } else { &[1] })?;
    }
    network.weights = weights
        .chunks_exact(each)
        .map(|w| {
            let t = |i: usize| w[i].0.clone();
            Weights { ih: t(0), hh: t(1), bias: bias.then(|| (t(2), t(3))) }
        })
        .collect();
    network.set_training(training);
    let initial = h0.map(|h| State { hidden: h.0, cell: inner(c0) });
    let (y, last) = run_fit(|| network.run(&x.0, initial.as_ref()))?;
    let by = |t: Tensor| PyTensor::made("rnn", t);
    Ok((by(y), by(last.hidden), last.cell.map(by)))
}

/// Attention of several heads: the output, and the weights averaged over heads.
#[pyfunction]
#[pyo3(signature = (
    query, others, in_weight, in_bias, out_weight, out_bias, heads, batch_first, p, training,
    causal, key_padding, mask
))]
#[allow(clippy::too_many_arguments)]
fn attention(
    query: Arg,
    others: Option<(Arg, Arg)>,
    in_weight: Arg,
    in_bias: Option<Arg>,
    out_weight: Arg,
    out_bias: Option<Arg>,
    heads: usize,
    batch_first: bool,
    p: f64,
    training: bool,
    causal: bool,
    key_padding: Option<Arg>,
    mask: Option<Arg>,
) -> PyResult<(PyTensor, PyTensor)> {
    let width = in_weight.0.shape().get(1).copied().unwrap_or(0);
    if in_weight.0.shape() != [3 * width, width] || heads == 0 || !width.is_multiple_of(heads) {
        return Err(wrong(format!(
            "attention of {heads} heads has an input projection of shape {:?}; it needs [3 · \
             width, width], and heads divide the width",
            in_weight.0.shape()
        )));
    }
    ranked("attention's output", &out_weight.0, &[2])?;
    let layer = MultiheadAttention {
        in_proj_weight: in_weight.0,
        in_proj_bias: inner(in_bias),
        out_proj: Linear { weight: out_weight.0, bias: inner(out_bias) },
        heads,
        batch_first,
        dropout: dropping(p, training),
    };
    let masks = Masks { causal, key_padding: inner(key_padding), attention: inner(mask) };
    let found = run_fit(|| match &others {
        None => layer.of_itself(&query.0, &masks),
        Some((key, value)) => layer.attention(&query.0, &key.0, &value.0, &masks),
    })?;
    let by = |t: Tensor| PyTensor::made("attention", t);
    Ok((by(found.output), by(found.weights)))
}

/// Sines and cosines that tell positions.
#[pyfunction]
#[pyo3(name = "sinusoids")]
fn table_of_sinusoids(length: usize, width: usize, dtype: AnyDType) -> PyResult<PyTensor> {
    run_fit(|| init::with_dtype(dtype.0, || sinusoids(length, width))).map(PyTensor::given)
}

/// Pairs of a vector turned by its position.
#[pyfunction]
#[pyo3(name = "rotary")]
fn turned(x: Arg) -> PyResult<PyTensor> {
    run_fit(|| rotary(&x.0)).map(|y| PyTensor::made("rotary", y))
}

fn nonlinearity(name: &str, slope: f64) -> PyResult<Nonlinearity> {
    Ok(match name {
        "linear" | "sigmoid" | "conv1d" | "conv2d" | "conv3d" | "conv_transpose1d"
        | "conv_transpose2d" | "conv_transpose3d" => Nonlinearity::Linear,
        "tanh" => Nonlinearity::Tanh,
        "relu" => Nonlinearity::Relu,
        "leaky_relu" => Nonlinearity::LeakyRelu(slope),
        "selu" => Nonlinearity::Selu,
        _ => return Err(wrong(format!("there is no gain for the nonlinearity {name}"))),
    })
}

/// The factor by which weights before a nonlinearity are larger.
#[pyfunction]
fn gain(name: &str, slope: f64) -> PyResult<f64> {
    nonlinearity(name, slope).map(Nonlinearity::gain)
}

/// A tensor with initial values.
#[pyfunction]
#[pyo3(signature = (kind, shape, dtype, a=0.0, b=0.0, c=0.0, d=0.0, fan_out=false))]
#[allow(clippy::too_many_arguments)]
fn draw(
    kind: &str,
    shape: Vec<usize>,
    dtype: AnyDType,
    a: f64,
    b: f64,
    c: f64,
    d: f64,
    fan_out: bool,
) -> PyResult<PyTensor> {
    let fan = if fan_out { Fan::Out } else { Fan::In };
    let init = match kind {
        "constant" => Init::Constant(a),
        "uniform" => Init::Uniform { low: a, high: b },
        "normal" => Init::Normal { mean: a, std: b },
        "trunc_normal" => Init::TruncNormal { mean: a, std: b, low: c, high: d },
        "xavier_uniform" => Init::XavierUniform { gain: a },
        "xavier_normal" => Init::XavierNormal { gain: a },
        "kaiming_uniform" => Init::KaimingUniform { gain: a, fan },
        "kaiming_normal" => Init::KaimingNormal { gain: a, fan },
        "orthogonal" => Init::Orthogonal { gain: a },
        _ => return Err(wrong(format!("there is no initial distribution {kind}"))),
    };
    let x = run_fit(|| no_grad(|| init::with_dtype(dtype.0, || init.draw(&shape))))?;
    Ok(PyTensor::given(x))
}

/// A tensor that a module learns: a leaf that requires gradients.
#[pyclass(name = "Parameter", module = "chainrule.nn", extends = PyTensor, frozen, subclass)]
struct PyParameter;

#[pymethods]
impl PyParameter {
    #[new]
    #[pyo3(signature = (data, requires_grad=true))]
    fn new(data: Arg, requires_grad: bool) -> PyResult<PyClassInitializer<PyParameter>> {
        let x = crate::errors::run(|| {
            let plain = data.0.detach();
            if requires_grad { plain.try_requires_grad() } else { Ok(plain) }
        })?;
        Ok(PyClassInitializer::from(PyTensor::given(x)).add_subclass(PyParameter))
    }
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    let sub = PyModule::new(m.py(), "_layers")?;
    sub.add_class::<PyParameter>()?;
    sub.add_function(wrap_pyfunction!(linear, &sub)?)?;
    sub.add_function(wrap_pyfunction!(embedding, &sub)?)?;
    sub.add_function(wrap_pyfunction!(layer_norm, &sub)?)?;
    sub.add_function(wrap_pyfunction!(rms_norm, &sub)?)?;
    sub.add_function(wrap_pyfunction!(batch_norm, &sub)?)?;
    sub.add_function(wrap_pyfunction!(dropout, &sub)?)?;
    sub.add_function(wrap_pyfunction!(conv, &sub)?)?;
    sub.add_function(wrap_pyfunction!(conv_transpose, &sub)?)?;
    sub.add_function(wrap_pyfunction!(max_pool, &sub)?)?;
    sub.add_function(wrap_pyfunction!(avg_pool, &sub)?)?;
    sub.add_function(wrap_pyfunction!(adaptive_avg_pool2d, &sub)?)?;
    sub.add_function(wrap_pyfunction!(activation, &sub)?)?;
    sub.add_function(wrap_pyfunction!(softmax, &sub)?)?;
    sub.add_function(wrap_pyfunction!(recurrent, &sub)?)?;
    sub.add_function(wrap_pyfunction!(attention, &sub)?)?;
    sub.add_function(wrap_pyfunction!(table_of_sinusoids, &sub)?)?;
    sub.add_function(wrap_pyfunction!(turned, &sub)?)?;
    sub.add_function(wrap_pyfunction!(gain, &sub)?)?;
    sub.add_function(wrap_pyfunction!(draw, &sub)?)?;
    m.add_submodule(&sub)
}
