//! The matrix exponential.
//!
//! Its derivative in the direction E stands in the exponential of a matrix twice as large,
//!
//! ```text
//! exp [A E; 0 A] = [eᴬ L(A, E); 0 eᴬ],        L(A, E) = ∫₀¹ e^(sA) E e^((1−s)A) ds,
//! ```
//!
//! so that derivatives of any order are exponentials again. The adjoint of E ↦ L(A, E) is
//! G ↦ L(Aᵀ, G). The exponential is an entire function: there are no exceptions.
//!
//! References: Higham, *Functions of matrices* (2008), §3.1 and theorem 10.13; Mathias, *A chain
//! rule for matrix functions and applications* (1996).

use chainrule_linalg::Outcome;
use smallvec::smallvec;

use super::args::{lead, shaped, sides, square};
use super::each::{Float, Routine, numbers, numbers_mut, record_one};
use crate::error::Result;
use crate::graph::Tensor;
use crate::graph::call::{Array, Point, Slopes};
use crate::op::{DType, Shape};
use crate::tensor::cat;

/// eᴬ = 1 + A + A²/2 + … of square matrices. Axes before the last two are a batch.
///
/// ```
/// # use chainrule_core::*;
/// let t = 0.5f64;
/// let turn = linalg::matrix_exp(&Tensor::from([[0.0, -t], [t, 0.0]]))?;
/// assert!((turn.i((0, 0)).item::<f64>()? - t.cos()).abs() < 1e-15);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// If the matrix is not square; where numbers are asked for, if it is not finite.
#[doc(alias = "expm")]
#[track_caller]
pub fn matrix_exp(a: &Tensor) -> Result<Tensor> {
    let a = square("matrix_exp", a)?;
    record_one(Exponential, lead(&a), &[a])
}

#[derive(Clone)]
struct Exponential;

impl Routine<1> for Exponential {
    const NAME: &'static str = "matrix_exp";

    fn results(&self, dtype: DType, xs: &[&[usize]]) -> [(DType, Shape); 1] {
        [shaped(dtype, xs[0].iter().copied())]
    }

    fn eval<T: Float>(&self, xs: &[Array<'_>], ys: [&mut [u8]; 1]) -> Outcome {
        T::expm(numbers(xs[0].bytes), xs[0].shape[0], numbers_mut(ys[0]))
    }

    fn forward(&self, at: &Point<'_>, dxs: &[Option<Tensor>]) -> Result<[Option<Tensor>; 1]> {
        Ok([dxs[0].as_ref().map(|e| derivative(&at.xs[0], e)).transpose()?])
    }

    fn reverse(&self, at: &Point<'_>, gys: &[Option<Tensor>]) -> Result<Slopes> {
        Ok(smallvec![gys[0].as_ref().map(|g| derivative(&at.xs[0].t(), g)).transpose()?])
    }
}

/// L(A, E).
fn derivative(a: &Tensor, e: &Tensor) -> Result<Tensor> {
    let n = sides(a)[0];
    let upper = cat(&[a, e], -1)?;
    let lower = cat(&[&a.zeros_like(), a], -1)?;
    let whole = matrix_exp(&cat(&[&upper, &lower], -2)?)?;
    whole.try_slice(-2, 0..n)?.try_slice(-1, n..2 * n)
}
