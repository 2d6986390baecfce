//! Transposed convolution: the adjoint of a convolution, which makes images larger.
//!
//! ```text
//! y[n, o, j·stride + i·dilation − padding …] += w[c, o, i…] x[n, c, j…]      for all c, i, j
//! ```
//!
//! One product of matrices gives the windows, \[out·k, c\] times \[c, space\], and the linear
//! operation `fold` adds them where they overlap (Zeiler et al. 2010, *Deconvolutional networks*).
//! The length of an axis becomes (n − 1) stride − 2 padding + dilation (k − 1) + 1 +
//! `output_padding`.
//!
//! ```
//! use chainrule_core::Tensor;
//! use chainrule_fit::nn::{ConvOptions, ConvTranspose2d, Layer};
//! let options = ConvOptions { stride: [2, 2], ..ConvOptions::default() };
//! let up = ConvTranspose2d::with(8, 3, [2, 2], options, [0, 0])?;
//! assert_eq!(up.forward(&Tensor::ones([4, 8, 5, 5]))?.shape(), [4, 3, 10, 10]);
//! # Ok::<(), chainrule_fit::Error>(())
//! ```

use chainrule_core::Tensor;

use super::conv::{ConvOptions, batched, biased, bound, check, unbatched};
use super::init;
use super::layer::{Layer, tell};
use super::module::Module;
use crate::error::{Result, fail};
use crate::module;

/// Transposed convolution: \[n, inputs, space…\] to \[n, outputs, space…\].
#[derive(Clone, Debug)]
pub struct ConvTranspose<const SPACE: usize> {
    /// w, \[inputs, outputs / groups, kernel…\].
    pub weight: Tensor,
    /// b, \[outputs\].
    pub bias: Option<Tensor>,
    /// How windows lie in the output; padding is taken away.
    pub options: ConvOptions<SPACE>,
    /// Places at the end of each axis that get the bias alone, or what reaches there.
    pub output_padding: [usize; SPACE],
}
module!(ConvTranspose<1> { weight, bias });
module!(ConvTranspose<2> { weight, bias });

/// Transposed convolution along one axis.
pub type ConvTranspose1d = ConvTranspose<1>;
/// Transposed convolution along two axes.
pub type ConvTranspose2d = ConvTranspose<2>;

impl<const SPACE: usize> ConvTranspose<SPACE> {
    /// With a kernel of these lengths and the usual options.
    pub fn new(inputs: usize, outputs: usize, kernel: [usize; SPACE]) -> ConvTranspose<SPACE> {
        ConvTranspose::made(inputs, outputs, kernel, ConvOptions::default(), [0; SPACE])
    }

    /// With a kernel of these lengths and options.
    ///
    /// # Errors
    /// If groups do not divide the channels, a number is 0 that must not be, or the output padding
    /// is not smaller than both stride and dilation.
    pub fn with(
        inputs: usize,
        outputs: usize,
        kernel: [usize; SPACE],
        options: ConvOptions<SPACE>,
        output_padding: [usize; SPACE],
    ) -> Result<ConvTranspose<SPACE>> {
        check(inputs, outputs, &kernel, &options)?;
        let largest = (0..SPACE).map(|i| options.stride[i].max(options.dilation[i]));
        if largest.zip(output_padding).any(|(largest, p)| p >= largest) {
            fail!(
                "output padding {output_padding:?} must be smaller than stride {:?} or dilation \
                 {:?}",
                options.stride,
                options.dilation
            );
        }
        Ok(ConvTranspose::made(inputs, outputs, kernel, options, output_padding))
    }

    fn made(
        inputs: usize,
        outputs: usize,
        kernel: [usize; SPACE],
        options: ConvOptions<SPACE>,
        output_padding: [usize; SPACE],
    ) -> ConvTranspose<SPACE> {
        let mut shape = vec![inputs, outputs / options.groups];
        shape.extend(kernel);
        let bound = bound(&shape);
        ConvTranspose {
            weight: init::uniform(&shape, bound),
            bias: options.bias.then(|| init::uniform(&[outputs], bound)),
            options,
            output_padding,
        }
    }

    /// The windows \[n, outputs, kernel…, space…\] that `x` \[n, inputs, space…\] makes.
    fn windows(&self, x: &Tensor) -> Result<Tensor> {
        let groups = self.options.groups;
        let (n, inputs) = (x.shape()[0], x.shape()[1]);
        let space = &x.shape()[2..];
        let places: usize = space.iter().product();
        let kernel = &self.weight.shape()[2..];
        let outputs = self.weight.shape()[1] * groups;
        let depth: usize = self.weight.shape()[1..].iter().product();
        let weight = self.weight.try_reshape([groups, inputs / groups, depth])?.try_t()?;
        let shape: Vec<usize> = [n, outputs].iter().chain(kernel).chain(space).copied().collect();
        let x = x.try_reshape([n, groups, inputs / groups, places])?;
        Ok(weight.try_matmul(&x)?.try_reshape(shape)?)
    }
}

impl<const SPACE: usize> Layer for ConvTranspose<SPACE>
where
    ConvTranspose<SPACE>: Module,
{
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let ConvOptions { stride, padding, dilation, .. } = self.options;
        let (x, single) = batched("transposed convolution", x, self.weight.shape()[0], SPACE)?;
        let kernel = self.weight.shape()[2..].to_vec();
        let mut y = self.windows(&x)?;
        for i in 0..SPACE {
            // [n, out, kernel from i on…, finished space…, space from i on…]
            let open = SPACE - i;
            let rank = y.rank();
            let order: Vec<usize> = (0..2).chain(3..rank).chain([2]).collect();
            y = y.try_permute(order.as_slice())?;
            let along = 2 + (open - 1) + i;
            let reach = (y.shape()[along].max(1) - 1) * stride[i] + (kernel[i] - 1) * dilation[i];
            y = y.try_fold(along as i64, reach + 1, stride[i], dilation[i])?;
            if self.output_padding[i] > 0 {
                y = y.try_pad(along as i64, 0, self.output_padding[i])?;
            }
            let n = y.shape()[along];
            if n <= 2 * padding[i] {
                fail!(
                    "a transposed convolution's padding {padding:?} leaves nothing of its output"
                );
            }
            y = y.try_slice(along as i64, padding[i]..n - padding[i])?;
        }
        let y = unbatched(biased(y, self.bias.as_ref(), SPACE)?, single)?;
        let depth: usize = self.weight.shape()[1..].iter().product();
        Ok(tell(self, y, |_| (x.len() * depth) as u64))
    }
}
