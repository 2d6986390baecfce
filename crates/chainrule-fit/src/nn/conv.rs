//! Convolution along one axis or two.
//!
//! ```text
//! y[n, o, j…] = b[o] + Σ_c Σ_i… w[o, c, i…] x[n, c, j·stride + i·dilation − padding …]
//! ```
//!
//! (a correlation, strictly: the kernel is not turned round). With `groups` g, input and output
//! channels fall into g parts, and each output sees the inputs of its part.
//!
//! Windows are the linear operation `unfold`, a view through overlapping strides, so a convolution
//! is a view and one product of matrices for each image: W \[out, c·k\] times columns
//! \[c·k, space\]. The columns are copied together only for the product; kernels of size 1 need
//! not even that. The derivative is the rule of the product and the adjoint of the view, which
//! adds windows where they overlap: nothing here knows a derivative.
//!
//! ```
//! use chainrule_core::Tensor;
//! use chainrule_fit::nn::{Conv2d, ConvOptions, Layer};
//! let options = ConvOptions { padding: [1, 1], stride: [2, 2], ..ConvOptions::default() };
//! let conv = Conv2d::with(3, 8, [3, 3], options)?;
//! assert_eq!(conv.forward(&Tensor::ones([4, 3, 9, 9]))?.shape(), [4, 8, 5, 5]);
//! # Ok::<(), chainrule_fit::Error>(())
//! ```
//!
//! Weights and biases start uniform on ±1/√(fan in), as torch's do.
//!
//! Not here: padding with other numbers than zeros, three axes of space. Chellapilla, Puri & Simard
//! 2006, *High performance convolutional neural networks for document processing*, for the product.

use chainrule_core::Tensor;

use super::init;
use super::layer::{Layer, tell};
use super::module::Module;
use crate::error::{Result, fail};
use crate::module;

/// How a convolution's windows lie; a number for each axis of space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvOptions<const SPACE: usize> {
    /// The distance of windows.
    pub stride: [usize; SPACE],
    /// Zeros on both sides.
    pub padding: [usize; SPACE],
    /// The distance of elements in a window.
    pub dilation: [usize; SPACE],
    /// Parts into which channels fall.
    pub groups: usize,
    /// Whether each output has a summand.
    pub bias: bool,
}

impl<const SPACE: usize> Default for ConvOptions<SPACE> {
    /// Stride 1, no padding, dilation 1, one group, a bias.
    fn default() -> ConvOptions<SPACE> {
        ConvOptions {
            stride: [1; SPACE],
            padding: [0; SPACE],
            dilation: [1; SPACE],
            groups: 1,
            bias: true,
        }
    }
}

/// Convolution: \[n, inputs, space…\] to \[n, outputs, space…\]. The first axis may be missing.
#[derive(Clone, Debug)]
pub struct Conv<const SPACE: usize> {
    /// w, \[outputs, inputs / groups, kernel…\].
    pub weight: Tensor,
    /// b, \[outputs\].
    pub bias: Option<Tensor>,
    /// How windows lie.
    pub options: ConvOptions<SPACE>,
}
module!(Conv<1> { weight, bias });
module!(Conv<2> { weight, bias });

/// Convolution along one axis: \[n, inputs, length\].
pub type Conv1d = Conv<1>;
/// Convolution along two axes: \[n, inputs, height, width\].
pub type Conv2d = Conv<2>;

impl<const SPACE: usize> Conv<SPACE> {
    /// With a kernel of these lengths and the usual options.
    pub fn new(inputs: usize, outputs: usize, kernel: [usize; SPACE]) -> Conv<SPACE> {
        Conv::made(inputs, outputs, kernel, ConvOptions::default())
    }

    /// With a kernel of these lengths and options.
    ///
    /// # Errors
    /// If groups do not divide the channels, or a number is 0 that must not be.
    pub fn with(
        inputs: usize,
        outputs: usize,
        kernel: [usize; SPACE],
        options: ConvOptions<SPACE>,
    ) -> Result<Conv<SPACE>> {
        check(inputs, outputs, &kernel, &options)?;
        Ok(Conv::made(inputs, outputs, kernel, options))
    }

    fn made(
        inputs: usize,
        outputs: usize,
        kernel: [usize; SPACE],
        options: ConvOptions<SPACE>,
    ) -> Conv<SPACE> {
        let mut shape = vec![outputs, inputs / options.groups];
        shape.extend(kernel);
        let bound = bound(&shape);
        Conv {
            weight: init::uniform(&shape, bound),
            bias: options.bias.then(|| init::uniform(&[outputs], bound)),
            options,
        }
    }
}

/// How many places a window covers.
pub(super) fn reach(size: usize, dilation: usize) -> usize {
    (size - 1).saturating_mul(dilation).saturating_add(1)
}

/// 1/√(fan in).
pub(super) fn bound(shape: &[usize]) -> f64 {
    1.0 / (shape[1..].iter().product::<usize>().max(1) as f64).sqrt()
}

/// Refuses options that make no sense.
pub(super) fn check<const SPACE: usize>(
    inputs: usize,
    outputs: usize,
    kernel: &[usize],
    options: &ConvOptions<SPACE>,
) -> Result<()> {
    let ConvOptions { stride, dilation, groups, .. } = options;
    if kernel.contains(&0) || stride.contains(&0) || dilation.contains(&0) {
        fail!(
            "a convolution has kernel {kernel:?}, stride {stride:?} and dilation {dilation:?}; \
               each number must be 1 or more"
        );
    }
    if *groups == 0 || !inputs.is_multiple_of(*groups) || !outputs.is_multiple_of(*groups) {
        fail!("{groups} groups do not divide {inputs} input and {outputs} output channels");
    }
    Ok(())
}

/// `x` as \[n, channels, space…\], and whether the first axis was missing.
pub(super) fn batched(
    layer: &str,
    x: &Tensor,
    channels: usize,
    space: usize,
) -> Result<(Tensor, bool)> {
    let single = x.rank() == space + 1;
    let fits = single || x.rank() == space + 2;
    if !fits || x.shape()[x.rank() - space - 1] != channels {
        let names = if space == 1 { "length" } else { "height, width" };
        fail!(
            "a {layer} of {channels} channels got a tensor of shape {:?}; it takes [n, {channels}, \
             {names}]",
            x.shape()
        );
    }
    Ok((if single { x.try_unsqueeze(0)? } else { x.clone() }, single))
}

/// `y` without the first axis, if the input had none.
pub(super) fn unbatched(y: Tensor, single: bool) -> Result<Tensor> {
    Ok(if single { y.try_squeeze(0)? } else { y })
}

/// `x` \[n, channels, space…\] with zeros around the axes of space.
pub(super) fn padded(x: &Tensor, padding: &[usize]) -> Result<Tensor> {
    let mut x = x.clone();
    for (i, &p) in padding.iter().enumerate().filter(|p| *p.1 > 0) {
        x = x.try_pad(i as i64 + 2, p, p)?;
    }
    Ok(x)
}

/// The windows of `x` \[n, channels, space…\] as \[n, channels, kernel…, windows…\].
pub(super) fn windows(
    x: &Tensor,
    kernel: &[usize],
    stride: &[usize],
    dilation: &[usize],
) -> Result<Tensor> {
    let mut x = x.clone();
    // From the last axis on; each window's axis goes before those of the windows already cut.
    for i in (0..kernel.len()).rev() {
        let along = x.rank() - kernel.len() + i;
        if kernel[i] == 1 {
            let n = x.shape()[along].div_ceil(stride[i]);
            if stride[i] > 1 {
                x = x.try_unfold(along as i64, 1, stride[i])?.try_squeeze(-1)?;
                debug_assert_eq!(x.shape()[along], n);
            }
            x = x.try_unsqueeze(2)?;
            continue;
        }
        x = x.try_unfold_dilated(along as i64, kernel[i], stride[i], dilation[i])?;
        let last = x.rank() - 1;
        let order: Vec<usize> = (0..2).chain([last]).chain(2..last).collect();
        x = x.try_permute(order.as_slice())?;
    }
    Ok(x)
}

/// Convolution of `x` \[n, channels, space…\] with `weight` \[out, channels / groups, kernel…\].
fn convolve<const SPACE: usize>(
    x: &Tensor,
    weight: &Tensor,
    options: &ConvOptions<SPACE>,
) -> Result<Tensor> {
    let (outputs, kernel) = (weight.shape()[0], &weight.shape()[2..]);
    let (n, groups) = (x.shape()[0], options.groups);
    let mut reach = kernel.iter().zip(&options.dilation).map(|(k, d)| reach(*k, *d));
    let x = padded(x, &options.padding)?;
    if x.shape()[2..].iter().any(|&n| reach.next().is_none_or(|reach| reach > n)) {
        fail!(
            "a convolution with kernel {kernel:?} and dilation {:?} is larger than its input, \
             which with padding is {:?}",
            options.dilation,
            &x.shape()[2..]
        );
    }
    let columns = windows(&x, kernel, &options.stride, &options.dilation)?;
    let space = columns.shape()[2 + SPACE..].to_vec();
    let places: usize = space.iter().product();
    let depth: usize = weight.shape()[1..].iter().product();
    // [n, groups, depth, places] and [groups, out, depth].
    let y = if groups == 1 {
        let columns = columns.try_reshape([n, depth, places])?;
        weight.try_reshape([1, outputs, depth])?.try_matmul(&columns)?
    } else {
        let columns = columns.try_reshape([n, groups, depth, places])?;
        weight.try_reshape([1, groups, outputs / groups, depth])?.try_matmul(&columns)?
    };
    let shape: Vec<usize> = [n, outputs].into_iter().chain(space).collect();
    Ok(y.try_reshape(shape)?)
}

/// `y` \[n, channels, space…\] with `bias` \[channels\] added.
pub(super) fn biased(y: Tensor, bias: Option<&Tensor>, space: usize) -> Result<Tensor> {
    let Some(bias) = bias else { return Ok(y) };
    let shape: Vec<usize> = [bias.len()].into_iter().chain((0..space).map(|_| 1)).collect();
    Ok(y + bias.try_reshape(shape)?)
}

impl<const SPACE: usize> Layer for Conv<SPACE>
where
    Conv<SPACE>: Module,
{
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let channels = self.weight.shape()[1] * self.options.groups;
        let (x, single) = batched("convolution", x, channels, SPACE)?;
        let y = convolve(&x, &self.weight, &self.options)?;
        let y = unbatched(biased(y, self.bias.as_ref(), SPACE)?, single)?;
        let depth: usize = self.weight.shape()[1..].iter().product();
        Ok(tell(self, y, |y| (y.len() * depth) as u64))
    }
}
