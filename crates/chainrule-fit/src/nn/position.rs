//! Where in a sequence something stands, told to layers that do not see order.
//!
//! - [`sinusoids`]: fixed vectors, for position t and pair i of a width d:
//!   sin(t / 10000^(2i/d)), cos(t / 10000^(2i/d)) (Vaswani et al. 2017). [`PositionalEncoding`]
//!   adds them, and drops out.
//! - [`PositionalEmbedding`]: one learnt vector for each position, added.
//! - [`rotary`]: pair i of a query or key at position t is turned by the angle t / 10000^(2i/d), so
//!   that the product of two depends on their distance only (Su et al. 2021). The pairs are (i,
//!   i + d/2).
//!
//! ```
//! use chainrule_core::Tensor;
//! use chainrule_fit::nn::rotary;
//! let q = Tensor::from([1.0, 0.5, -1.0, 2.0]).expand([6, 4]); // one vector at six positions
//! let q = rotary(&q)?;
//! let products = q.matmul(&q.t());
//! let (a, b) = (products.i((0, 2)).item::<f64>()?, products.i((3, 5)).item::<f64>()?);
//! assert!((a - b).abs() < 1e-12);
//! # Ok::<(), chainrule_fit::Error>(())
//! ```

use chainrule_core::{DType, Tensor, cat};

use super::basic::Dropout;
use super::init;
use super::layer::{Layer, tell};
use crate::error::{Result, fail};
use crate::module;

/// The longest wavelength, in 2π positions.
const BASE: f64 = 10_000.0;

/// Angles t / 10000^(2i/d), \[length, d/2\], F64.
fn angles(length: usize, width: usize) -> Result<Tensor> {
    let times = Tensor::arange(0.0, length as f64, 1.0).try_unsqueeze(1)?;
    let rates: Vec<f64> =
        (0..width / 2).map(|i| BASE.powf(-2.0 * i as f64 / width as f64)).collect();
    Ok(times * Tensor::from(rates))
}

/// \[length, width\]: sines at even, cosines at odd places; F32 or what
/// [`init::with_dtype`](crate::nn::init::with_dtype) says.
///
/// # Errors
/// If the width is odd.
pub fn sinusoids(length: usize, width: usize) -> Result<Tensor> {
    if !width.is_multiple_of(2) {
        fail!("positional encodings are pairs, and a width of {width} is odd");
    }
    let angles = angles(length, width)?.try_unsqueeze(2)?;
    let pairs = cat(&[&angles.sin(), &angles.cos()], 2)?;
    Ok(pairs.try_reshape([length, width])?.to_dtype(init::dtype()))
}

/// Adds [`sinusoids`] to \[…, length, width\], then drops out.
#[derive(Clone, Debug)]
pub struct PositionalEncoding {
    table: Tensor,
    /// The dropout.
    pub dropout: Dropout,
}
module!(PositionalEncoding { dropout });

impl PositionalEncoding {
    /// For sequences of up to `length`.
    ///
    /// # Errors
    /// If the width is odd.
    pub fn new(length: usize, width: usize, dropout: f64) -> Result<PositionalEncoding> {
        let table = sinusoids(length, width)?;
        chainrule_core::realize(&[&table])?;
        Ok(PositionalEncoding { table, dropout: Dropout::new(dropout) })
    }
}

/// The first rows of a table, as many as `x` has positions, added to it.
fn placed(x: &Tensor, table: &Tensor) -> Result<Tensor> {
    let (most, width) = (table.shape()[0], table.shape()[1]);
    if x.rank() < 2 || x.shape()[x.rank() - 1] != width || x.shape()[x.rank() - 2] > most {
        fail!(
            "a table of {most} positions of width {width} got a tensor of shape {:?}; it takes […, \
             length, {width}] with at most {most} positions",
            x.shape()
        );
    }
    Ok(x + table.try_slice(0, 0..x.shape()[x.rank() - 2])?)
}

impl Layer for PositionalEncoding {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = self.dropout.drop(&placed(x, &self.table)?)?;
        Ok(tell(self, y, |_| 0))
    }
}

/// Adds a learnt vector for each position to \[…, length, width\].
#[derive(Clone, Debug)]
pub struct PositionalEmbedding {
    /// The vectors, \[length, width\].
    pub weight: Tensor,
}
module!(PositionalEmbedding { weight });

impl PositionalEmbedding {
    /// For sequences of up to `length`; starts normal with deviation 0.02, as in GPT-2.
    pub fn new(length: usize, width: usize) -> PositionalEmbedding {
        PositionalEmbedding { weight: init::normal(&[length, width], 0.02) }
    }
}

impl Layer for PositionalEmbedding {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(tell(self, placed(x, &self.weight)?, |_| 0))
    }
}

/// `x` \[…, length, width\] with the pairs of each vector turned by its position.
///
/// # Errors
/// If there are fewer than two axes, the width is odd, or the elements are no floats.
pub fn rotary(x: &Tensor) -> Result<Tensor> {
    if x.rank() < 2 || !x.shape()[x.rank() - 1].is_multiple_of(2) || !x.dtype().is_float() {
        fail!(
            "rotary positions need floats […, length, even width], not {} {:?}",
            x.dtype(),
            x.shape()
        );
    }
    let (length, width) = (x.shape()[x.rank() - 2], x.shape()[x.rank() - 1]);
    let angles = angles(length, width)?;
    let float = if x.dtype() == DType::F64 { DType::F64 } else { DType::F32 };
    let (cos, sin) = (angles.cos().to_dtype(float), angles.sin().to_dtype(float));
    let (a, b) = (x.try_slice(-1, 0..width / 2)?, x.try_slice(-1, width / 2..width)?);
    let (left, right) = (&a * &cos - &b * &sin, b * cos + a * sin);
    Ok(cat(&[&left, &right], -1)?)
}
