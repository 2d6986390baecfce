//! The Cholesky factorisation of a symmetric positive definite matrix.
//!
//! From A = L Lᵀ follows dA = dL Lᵀ + L dLᵀ, hence L⁻¹ dA L⁻ᵀ = L⁻¹ dL + (L⁻¹ dL)ᵀ. The first term
//! is lower triangular and the second its transpose, so that it is the lower half of the left side,
//! with half of the diagonal:
//!
//! ```text
//! dL = L Φ(L⁻¹ dA L⁻ᵀ),        Φ(X) = X below the diagonal, X/2 on it, 0 above.
//! ```
//!
//! There is no edge inside: the factorisation is smooth wherever it exists. A matrix that is not
//! positive definite, also one that is only semi-definite, is an error.
//!
//! Reference: Murray, *Differentiation of the Cholesky decomposition* (2016), §3.1.

use chainrule_linalg::Outcome;

use super::args::{half, lead, shaped, symmetric};
use super::each::{Float, Routine, numbers, numbers_mut, record_one};
use super::triangular::Triangular;
use crate::error::Result;
use crate::graph::Tensor;
use crate::graph::call::{Array, Point};
use crate::op::{DType, Shape};

/// The lower triangular L with a positive diagonal and L Lᵀ = A, for symmetric positive definite
/// matrices. Of other matrices the symmetric part (A + Aᵀ)/2 is taken. Axes before the last two are
/// a batch.
///
/// ```
/// # use chainrule_core::*;
/// let a = Tensor::from([[4.0, 2.0], [2.0, 5.0]]);
/// assert_eq!(linalg::cholesky(&a)?.to_vec::<f64>()?, [2.0, 0.0, 1.0, 2.0]);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// If the matrix is not square; where numbers are asked for, if it is not positive definite.
#[track_caller]
pub fn cholesky(a: &Tensor) -> Result<Tensor> {
    let a = symmetric("cholesky", a)?;
    record_one(Cholesky, lead(&a), &[a])
}

#[derive(Clone)]
struct Cholesky;

impl Routine<1> for Cholesky {
    const NAME: &'static str = "cholesky";

    fn results(&self, dtype: DType, xs: &[&[usize]]) -> [(DType, Shape); 1] {
        [shaped(dtype, xs[0].iter().copied())]
    }

    fn eval<T: Float>(&self, xs: &[Array<'_>], ys: [&mut [u8]; 1]) -> Outcome {
        T::cholesky(numbers(xs[0].bytes), xs[0].shape[0], numbers_mut(ys[0]))
    }

    fn forward(&self, at: &Point<'_>, dxs: &[Option<Tensor>]) -> Result<[Option<Tensor>; 1]> {
        let (l, Some(da)) = (&at.ys[0], &dxs[0]) else { return Ok([None]) };
        let inverse = Triangular::new("cholesky", false, false);
        let x = inverse.solve(l, &inverse.solve(l, da)?.t())?.t();
        Ok([Some(l.matmul(&half(&x)))])
    }
}
