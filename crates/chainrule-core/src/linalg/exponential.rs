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

use chainrule_linalg::{Entry, Fault};

use super::args::{lead, shaped, sides, square};
use super::each::{Mode, Routine, numbers, numbers_mut, record_one};
use crate::error::Result;
use crate::graph::Tensor;
use crate::graph::call::{Array, Point};
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

impl Routine for Exponential {
    const NAME: &'static str = "matrix_exp";
    const MODE: Mode = Mode::Both;

    fn results(&self, dtype: DType, xs: &[&[usize]]) -> Vec<(DType, Shape)> {
        vec![shaped(dtype, xs[0].iter().copied())]
    }

    fn eval<T: Entry + bytemuck::Pod>(
        &self,
        xs: &[Array<'_>],
        ys: &mut [&mut [u8]],
    ) -> Result<(), Fault> {
        T::expm(numbers(xs[0].bytes), xs[0].shape[0], numbers_mut(ys[0]))
    }

    fn forward(&self, at: &Point<'_>, dxs: &[Option<Tensor>]) -> Result<Vec<Option<Tensor>>> {
        Ok(vec![dxs[0].as_ref().map(|e| derivative(&at.xs[0], e)).transpose()?])
    }

    fn reverse(&self, at: &Point<'_>, gys: &[Option<Tensor>]) -> Result<Vec<Option<Tensor>>> {
        Ok(vec![gys[0].as_ref().map(|g| derivative(&at.xs[0].t(), g)).transpose()?])
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
