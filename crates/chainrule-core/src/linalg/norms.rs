//! Norms of vectors and matrices, the rank and the condition number.
//!
//! Where a norm has a kink, the derivative given is one of its subgradients: 0 at 0 for vector
//! norms (p ≥ 1) and the Frobenius norm; equal largest elements, rows or columns share it. The
//! norms of singular values follow the singular values ([`svd`](super::svd)).
//!
//! Reference: Golub & Van Loan, *Matrix computations*, §2.2 and 2.3.

use std::panic::Location;

use super::args::{epsilon, matrix, sides};
use super::least::cutoff;
use super::spectra::svdvals;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Tensor;
use crate::op::DType;
use crate::tensor::IntoAxes;

/// Norms of a matrix with singular values s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatrixNorm {
    /// √Σ aᵢⱼ², which is √Σ sᵢ².
    Frobenius,
    /// Σ sᵢ.
    Nuclear,
    /// The largest sᵢ.
    Spectral,
    /// The largest column sum of |aᵢⱼ|.
    One,
    /// The largest row sum of |aᵢⱼ|.
    Infinity,
}

/// A norm of matrices. Axes before the last two are a batch.
///
/// ```
/// # use chainrule_core::*;
/// use linalg::MatrixNorm::{Frobenius, Infinity, Nuclear, One, Spectral};
/// let a = Tensor::from([[3.0, 0.0], [0.0, -4.0]]);
/// for (norm, value) in
///     [(Frobenius, 5.0), (Nuclear, 7.0), (Spectral, 4.0), (One, 4.0), (Infinity, 4.0)]
/// {
///     assert!((linalg::matrix_norm(&a, norm)?.item::<f64>()? - value).abs() < 1e-14);
/// }
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// If there are fewer than two axes, or no elements and a largest one is needed; for norms of
/// singular values, where numbers are asked for, if the matrix is not finite.
#[track_caller]
pub fn matrix_norm(a: &Tensor, norm: MatrixNorm) -> Result<Tensor> {
    let a = matrix("matrix_norm", a)?;
    match norm {
        MatrixNorm::Frobenius => a.try_norm_axis([-2, -1], false),
        MatrixNorm::Nuclear => svdvals(&a)?.try_sum_axis(-1, false),
        MatrixNorm::Spectral => svdvals(&a)?.try_max_axis(-1, false),
        MatrixNorm::One => a.abs().try_sum_axis(-2, false)?.try_max_axis(-1, false),
        MatrixNorm::Infinity => a.abs().try_sum_axis(-1, false)?.try_max_axis(-1, false),
    }
}

/// (Σ |x|ᵖ)^(1/p) along axes, for p > 0; for p = ∞ the largest |x|, for p = −∞ the smallest, for
/// p = 0 the number of elements that are not 0.
///
/// ```
/// # use chainrule_core::*;
/// let x = Tensor::from([3.0, -4.0]);
/// assert_eq!(linalg::vector_norm(&x, 1.0, -1)?.item::<f64>()?, 7.0);
/// assert_eq!(linalg::vector_norm(&x, 2.0, -1)?.item::<f64>()?, 5.0);
/// assert_eq!(linalg::vector_norm(&x, f64::INFINITY, -1)?.item::<f64>()?, 4.0);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// If p is NaN or a negative number other than −∞; if an axis does not exist, or is empty and a
/// largest or smallest element is needed.
#[track_caller]
pub fn vector_norm(x: &Tensor, p: f64, axes: impl IntoAxes) -> Result<Tensor> {
    let x = x.to_dtype(x.dtype().to_float());
    let axes = axes.into_axes();
    let axes = axes.as_slice();
    if p == 2.0 {
        return x.try_norm_axis(axes, false);
    }
    let size = x.abs();
    if p == f64::INFINITY {
        return size.try_max_axis(axes, false);
    }
    if p == f64::NEG_INFINITY {
        return size.try_min_axis(axes, false);
    }
    if p == 0.0 {
        return x.try_ne(0.0)?.to_dtype(x.dtype()).try_sum_axis(axes, false);
    }
    if p.is_nan() || p < 0.0 {
        let what = format!("`vector_norm` with the exponent {p}");
        return Err(Error::new(ErrorKind::Data, what, Location::caller())
            .hint("it is a positive number, 0, or plus or minus infinity"));
    }
    if p == 1.0 {
        return size.try_sum_axis(axes, false);
    }
    // In units of the largest element, so that powers neither overflow nor vanish; 0 has none, and
    // its root is not taken.
    let largest = size.detach().try_max_axis(axes, true)?;
    let unit = largest.try_gt(0.0)?.try_where(&largest, 1.0)?;
    let sum = (size / &unit).try_powf(p)?.try_sum_axis(axes, true)?;
    let some = sum.try_gt(0.0)?;
    let root = some.try_where(&sum, 1.0)?.try_powf(1.0 / p)?;
    some.try_where(&(root * unit), 0.0)?.try_sum_axis(axes, false)
}

/// The ratio of the largest singular value to the smallest: how many times larger a relative
/// perturbation of a system's right side can be in its solution.
///
/// # Errors
/// As [`svdvals`].
#[track_caller]
pub fn cond(a: &Tensor) -> Result<Tensor> {
    let s = svdvals(&matrix("cond", a)?)?;
    s.try_max_axis(-1, false)?.try_div(&s.try_min_axis(-1, false)?)
}

/// How many singular values are larger than ε max(m, n) times the largest, as I64. It is constant
/// in pieces, and has no derivative.
///
/// ```
/// # use chainrule_core::*;
/// let a = Tensor::from([[1.0, 2.0], [2.0, 4.0]]);
/// assert_eq!(linalg::matrix_rank(&a)?.item::<i64>()?, 1);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// As [`svdvals`].
#[track_caller]
pub fn matrix_rank(a: &Tensor) -> Result<Tensor> {
    let a = matrix("matrix_rank", a)?;
    let [m, n] = sides(&a);
    let s = svdvals(&a.detach())?;
    if m.min(n) == 0 {
        return s.to_dtype(DType::I64).try_sum_axis(-1, false);
    }
    let least = s.try_slice(-1, 0..1)? * cutoff(epsilon(&a), m, n);
    s.try_gt(&least)?.to_dtype(DType::I64).try_sum_axis(-1, false)
}
