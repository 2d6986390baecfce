//! Pooling: the largest or the mean of each window.
//!
//! Windows are the same view as a convolution's; pooling reduces their axes. Ties of a maximum
//! share the derivative equally (torch gives it to the first); padding counts as −∞ for maxima and,
//! for means, as zeros, which count unless `count_include_pad` is false. What does not fill a
//! window at the end is left out.
//!
//! ```
//! use chainrule_core::Tensor;
//! use chainrule_fit::nn::{AvgPool1d, Layer, MaxPool2d};
//! let x = Tensor::from([[[1.0, 2.0, 5.0, 1.0]]]);
//! let y = AvgPool1d::new([2]).forward(&x)?;
//! assert_eq!(y.to_vec::<f64>()?, [1.5, 3.0]);
//! let y = MaxPool2d::new([1, 3]).forward(&x.unsqueeze(0))?;
//! assert_eq!(y.to_vec::<f64>()?, [5.0]);
//! # Ok::<(), chainrule_fit::Error>(())
//! ```
//!
//! Not here: indices of maxima, rounding up (`ceil_mode`).

use chainrule_core::Tensor;

use super::conv::{padded, reach, unbatched, windows};
use super::layer::{Layer, tell};
use super::module::{List, Module};
use crate::error::{Result, fail};

/// The largest element of each window, for \[n, channels, space…\]; the first axis may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPool<const SPACE: usize> {
    /// The lengths of a window.
    pub kernel: [usize; SPACE],
    /// The distance of windows.
    pub stride: [usize; SPACE],
    /// Places on both sides that are never the largest, at most half a window.
    pub padding: [usize; SPACE],
    /// The distance of elements in a window.
    pub dilation: [usize; SPACE],
}

/// [`MaxPool`] along one axis.
pub type MaxPool1d = MaxPool<1>;
/// [`MaxPool`] along two axes.
pub type MaxPool2d = MaxPool<2>;

impl<const SPACE: usize> MaxPool<SPACE> {
    /// Windows side by side.
    pub fn new(kernel: [usize; SPACE]) -> MaxPool<SPACE> {
        MaxPool { kernel, stride: kernel, padding: [0; SPACE], dilation: [1; SPACE] }
    }
}

/// The mean of each window, for \[n, channels, space…\]; the first axis may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AvgPool<const SPACE: usize> {
    /// The lengths of a window.
    pub kernel: [usize; SPACE],
    /// The distance of windows.
    pub stride: [usize; SPACE],
    /// Zeros on both sides, at most half a window.
    pub padding: [usize; SPACE],
    /// Whether these zeros count as elements.
    pub count_include_pad: bool,
}

/// [`AvgPool`] along one axis.
pub type AvgPool1d = AvgPool<1>;
/// [`AvgPool`] along two axes.
pub type AvgPool2d = AvgPool<2>;

impl<const SPACE: usize> AvgPool<SPACE> {
    /// Windows side by side.
    pub fn new(kernel: [usize; SPACE]) -> AvgPool<SPACE> {
        AvgPool { kernel, stride: kernel, padding: [0; SPACE], count_include_pad: true }
    }
}

/// How windows lie.
struct Windows<'a> {
    kernel: &'a [usize],
    stride: &'a [usize],
    padding: &'a [usize],
    dilation: &'a [usize],
}

impl Windows<'_> {
    /// `x` as \[n, channels, space…\], and whether the first axis was missing.
    fn checked(&self, x: &Tensor) -> Result<(Tensor, bool)> {
        let space = self.kernel.len();
        let single = x.rank() == space + 1;
        if !single && x.rank() != space + 2 {
            fail!(
                "pooling along {space} axes got a tensor of shape {:?}, which needs {} axes",
                x.shape(),
                space + 2
            );
        }
        let zero = [self.kernel, self.stride, self.dilation].iter().any(|list| list.contains(&0));
        if zero || self.padding.iter().zip(self.kernel).any(|(p, k)| 2 * p > *k) {
            fail!(
                "pooling has kernel {:?}, stride {:?}, dilation {:?} and padding {:?}; each is 1 \
                 or more, and padding at most half the kernel",
                self.kernel,
                self.stride,
                self.dilation,
                self.padding
            );
        }
        for (i, n) in x.shape()[x.rank() - space..].iter().enumerate() {
            if reach(self.kernel[i], self.dilation[i]) > n + 2 * self.padding[i] {
                fail!(
                    "pooling with kernel {:?} is larger than its input {:?}",
                    self.kernel,
                    x.shape()
                );
            }
        }
        Ok((if single { x.try_unsqueeze(0)? } else { x.clone() }, single))
    }

    fn of(&self, x: &Tensor) -> Result<Tensor> {
        windows(x, self.kernel, self.stride, self.dilation)
    }

    /// The window's axes.
    fn axes(&self) -> Vec<usize> {
        (2..2 + self.kernel.len()).collect()
    }
}

impl<const SPACE: usize> Module for MaxPool<SPACE> {
    fn list(&self, _: &mut List) {}
}

impl<const SPACE: usize> Layer for MaxPool<SPACE> {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let MaxPool { kernel, stride, padding, dilation } = self;
        let cut = Windows { kernel, stride, padding, dilation };
        let (x, single) = cut.checked(x)?;
        let wide = match padding.iter().any(|&p| p > 0) {
            true => {
                let inside = padded(&x.ones_like(), padding)?.try_gt(0.0)?;
                inside.try_where(&padded(&x, padding)?, f64::NEG_INFINITY)?
            }
            false => x,
        };
        let y = cut.of(&wide)?.try_max_axis(cut.axes().as_slice(), false)?;
        Ok(tell(self, unbatched(y, single)?, |_| 0))
    }
}

impl<const SPACE: usize> Module for AvgPool<SPACE> {
    fn list(&self, _: &mut List) {}
}

impl<const SPACE: usize> Layer for AvgPool<SPACE> {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let AvgPool { kernel, stride, padding, count_include_pad } = self;
        let cut = Windows { kernel, stride, padding, dilation: &[1; SPACE] };
        let (x, single) = cut.checked(x)?;
        let axes = cut.axes();
        let sum = |x: &Tensor| -> Result<Tensor> {
            Ok(cut.of(&padded(x, padding)?)?.try_sum_axis(axes.as_slice(), false)?)
        };
        let all: usize = kernel.iter().product();
        let y = match *count_include_pad || padding.iter().all(|&p| p == 0) {
            true => sum(&x)? * (1.0 / all as f64),
            false => sum(&x)? / sum(&x.ones_like())?,
        };
        Ok(tell(self, unbatched(y, single)?, |_| 0))
    }
}

/// Means of nearly equal parts of an image: row i of m of an axis of n is the mean of the elements
/// ⌊i n/m⌋ to ⌈(i + 1) n/m⌉, for \[n, channels, height, width\]; the first axis may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdaptiveAvgPool2d {
    /// Height and width of the result.
    pub output: [usize; 2],
}

impl Module for AdaptiveAvgPool2d {
    fn list(&self, _: &mut List) {}
}

impl Layer for AdaptiveAvgPool2d {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        if !(3..=4).contains(&x.rank()) || self.output.contains(&0) {
            fail!(
                "adaptive pooling to {:?} got a tensor of shape {:?}; it takes [n, channels, \
                 height, width] to lengths of 1 or more",
                self.output,
                x.shape()
            );
        }
        // Along each axis a product with a matrix of weights; the mean of everything is a mean.
        let [height, width] = [x.rank() - 2, x.rank() - 1].map(|a| x.shape()[a]);
        let y = if self.output == [1, 1] {
            x.try_mean_axis([-2, -1], true)?
        } else {
            let across = parts(width, self.output[1])?.to_dtype(x.dtype());
            let down = parts(height, self.output[0])?.to_dtype(x.dtype());
            down.try_matmul(&x.try_matmul(&across.t())?)?
        };
        Ok(tell(self, y, |_| 0))
    }
}

/// The m × n matrix whose row i takes the mean of its part of n elements.
fn parts(n: usize, m: usize) -> Result<Tensor> {
    let mut weights = vec![0.0; m * n];
    for i in 0..m {
        let part = i * n / m..((i + 1) * n).div_ceil(m);
        let weight = 1.0 / part.len() as f64;
        weights[i * n..][part].fill(weight);
    }
    Ok(Tensor::from_vec(weights, [m, n])?)
}
