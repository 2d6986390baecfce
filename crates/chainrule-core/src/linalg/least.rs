//! Least squares and the pseudo-inverse, for matrices of any shape and rank.
//!
//! P = A⁺ is differentiable as long as the rank stays what it is, and then
//!
//! ```text
//! dP = −P dA P + P Pᵀ dAᵀ (1 − A P) + (1 − P A) dAᵀ Pᵀ P,
//! ```
//!
//! (Golub & Pereyra 1973, eq. 4.12). The smallest of the X that make |A X − B| smallest is P B; its
//! derivative follows, with the residual R = B − A X:
//!
//! ```text
//! dX = P (dB − dA X) + P Pᵀ dAᵀ R + (1 − P A) dAᵀ Pᵀ X.
//! ```
//!
//! Values come from singular values, of which those up to ε max(m, n) times the largest count as
//! 0. Where the rank changes, P is not even continuous; the derivative given at such a matrix is
//!   the one within its rank. The second term of dX contains the square of the condition number:
//!   for a nearly dependent A, derivatives lose twice as many digits as the solution.
//!
//! Reference: Golub & Pereyra, *The differentiation of pseudo-inverses and nonlinear least squares
//! problems whose variables separate* (1973).

use chainrule_linalg::Outcome;

use super::args::{Pair, lead, matrix, shaped};
use super::each::{Float, Routine, numbers, numbers_mut, record_one, sum};
use crate::error::Result;
use crate::graph::Tensor;
use crate::graph::call::{Array, Point};
use crate::op::{DType, Shape};

/// X that makes |A X − B| smallest, column by column, and is itself the smallest such; A, \[m, n\],
/// may have any shape and rank. B has a column for each problem, or is a vector for each matrix.
/// Axes before the last two are a batch, and broadcast.
///
/// ```
/// # use chainrule_core::*;
/// // A line through three points: intercept and slope.
/// let a = Tensor::from([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]);
/// let x = linalg::lstsq(&a, &Tensor::from([1.0, 2.0, 4.0]))?;
/// assert!((x.i(1).item::<f64>()? - 1.5).abs() < 1e-14);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// If shapes do not fit; where numbers are asked for, if they are not finite.
#[track_caller]
pub fn lstsq(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let pair = Pair::new("lstsq", &matrix("lstsq", a)?, b)?;
    let x = record_one(Lstsq, lead(&pair.a), &[pair.a.clone(), pair.b.clone()])?;
    pair.like(&x)
}

/// The pseudo-inverse A⁺, \[n, m\], of matrices \[m, n\] of any shape and rank. To multiply with
/// it, [`lstsq`] is more accurate. Axes before the last two are a batch.
///
/// ```
/// # use chainrule_core::*;
/// let a = Tensor::from([[2.0, 0.0], [0.0, 0.0]]);
/// let p = linalg::pinv(&a)?;
/// assert!((p - Tensor::from([[0.5, 0.0], [0.0, 0.0]])).abs().max().item::<f64>()? < 1e-15);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// If there are fewer than two axes; where numbers are asked for, if they are not finite.
#[track_caller]
pub fn pinv(a: &Tensor) -> Result<Tensor> {
    let a = matrix("pinv", a)?;
    record_one(Pinv, lead(&a), &[a])
}

/// Up to which multiple of the largest singular value others count as 0.
pub(super) fn cutoff(epsilon: f64, m: usize, n: usize) -> f64 {
    epsilon * m.max(n) as f64
}

#[derive(Clone)]
struct Pinv;

impl Routine<1> for Pinv {
    const NAME: &'static str = "pinv";

    fn results(&self, dtype: DType, xs: &[&[usize]]) -> [(DType, Shape); 1] {
        [shaped(dtype, [xs[0][1], xs[0][0]])]
    }

    fn eval<T: Float>(&self, xs: &[Array<'_>], ys: [&mut [u8]; 1]) -> Outcome {
        let (m, n) = (xs[0].shape[0], xs[0].shape[1]);
        let cutoff = cutoff(T::EPSILON, m, n);
        T::pinv(numbers(xs[0].bytes), m, n, cutoff, numbers_mut(ys[0]))
    }

    fn forward(&self, at: &Point<'_>, dxs: &[Option<Tensor>]) -> Result<[Option<Tensor>; 1]> {
        let (a, p) = (&at.xs[0], &at.ys[0]);
        let Some(da) = &dxs[0] else { return Ok([None]) };
        let (da_p, t) = (da.matmul(p), da.t());
        let outside = p.matmul(&p.t().matmul(&t));
        let inside = t.matmul(&p.t()).matmul(p);
        Ok([Some(
            &outside - outside.matmul(a).matmul(p) + &inside
                - p.matmul(&(a.matmul(&inside) + da_p)),
        )])
    }
}

#[derive(Clone)]
struct Lstsq;

impl Routine<1> for Lstsq {
    const NAME: &'static str = "lstsq";

    fn results(&self, dtype: DType, xs: &[&[usize]]) -> [(DType, Shape); 1] {
        [shaped(dtype, [xs[0][1], xs[1][1]])]
    }

    fn eval<T: Float>(&self, xs: &[Array<'_>], ys: [&mut [u8]; 1]) -> Outcome {
        let (m, n) = (xs[0].shape[0], xs[0].shape[1]);
        let (b, k) = (numbers(xs[1].bytes), xs[1].shape[1]);
        let cutoff = cutoff(T::EPSILON, m, n);
        T::lstsq(numbers(xs[0].bytes), m, n, cutoff, b, k, numbers_mut(ys[0]))
    }

    fn forward(&self, at: &Point<'_>, dxs: &[Option<Tensor>]) -> Result<[Option<Tensor>; 1]> {
        let (a, b, x) = (&at.xs[0], &at.xs[1], &at.ys[0]);
        let p = pinv(a)?;
        let Some(da) = &dxs[0] else {
            return Ok([dxs[1].as_ref().map(|db| p.matmul(db))]);
        };
        let t = da.t();
        let outside = p.t().matmul(&t.matmul(&(b - a.matmul(x))));
        let inside = t.matmul(&p.t().matmul(x));
        let moved = outside - da.matmul(x) - a.matmul(&inside);
        let right = sum([dxs[1].clone(), Some(moved)]);
        Ok([right.map(|right| p.matmul(&right) + inside)])
    }
}
