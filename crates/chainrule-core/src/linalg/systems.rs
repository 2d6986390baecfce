//! Square systems: `solve` and the inverse.
//!
//! A is factorised once, P A = L U with row pivots; the solution, its derivatives of any order and
//! the determinant all go back to that factorisation. From A X = B follows A dX = dB − dA X, hence
//!
//! ```text
//! dX = A⁻¹ (dB − dA X),        gB = A⁻ᵀ gX,        gA = −gB Xᵀ,
//! ```
//!
//! and the derivative is a system with the same A, or with Aᵀ. A⁻¹ is the solution for B = 1. L and
//! U themselves are given no derivative, and never leave this module.
//!
//! A singular matrix is an error where numbers are asked for. One that is only close to it is
//! solved, with errors of its condition number times the rounding error.
//!
//! References: Giles, *An extended collection of matrix derivative results* (2008), §2.2 and 2.3;
//! Golub & Van Loan, *Matrix computations*, §3.4.

use chainrule_linalg::Outcome;
use smallvec::smallvec;

use super::args::{Pair, bits, eye_like, lead, shaped, square};
use super::each::{Float, Routine, numbers, numbers_mut, record, record_one, sum};
use crate::error::Result;
use crate::graph::Tensor;
use crate::graph::call::{Array, Point, Slopes};
use crate::op::{DType, Shape};

/// X with A X = B, for square matrices A.
///
/// B has a column for each system, or is a vector for each matrix. Axes before the last two are a
/// batch, and broadcast.
///
/// ```
/// # use chainrule_core::*;
/// let a = Tensor::from([[2.0, 1.0], [1.0, 3.0]]).requires_grad();
/// let x = linalg::solve(&a, &Tensor::from([3.0, 5.0]))?;
/// assert!((x.i(1).item::<f64>()? - 1.4).abs() < 1e-15);
/// x.i(1).backward()?; // −A⁻ᵀ gx xᵀ
/// assert!((a.grad().unwrap().i((1, 1)).item::<f64>()? + 0.4 * 1.4).abs() < 1e-15);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// If shapes do not fit; where numbers are asked for, if a matrix is singular.
#[track_caller]
pub fn solve(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let pair = Pair::new("solve", &square("solve", a)?, b)?;
    let x = Factors::of(&pair.a)?.solve("solve", false, &pair.b)?;
    pair.like(&x)
}

/// A⁻¹. To multiply with it, [`solve`] is faster and more accurate.
///
/// ```
/// # use chainrule_core::*;
/// let a = Tensor::from([[4.0, 7.0], [2.0, 6.0]]);
/// let unit = a.matmul(&linalg::inv(&a)?);
/// assert!((unit - Tensor::eye(2)).abs().max().item::<f64>()? < 1e-15);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// If the matrix is not square; where numbers are asked for, if it is singular.
#[doc(alias = "inverse")]
#[track_caller]
pub fn inv(a: &Tensor) -> Result<Tensor> {
    let a = square("inv", a)?;
    Factors::of(&a)?.inverse("inv", false)
}

/// A matrix with its factorisation.
pub(super) struct Factors {
    pub(super) a: Tensor,
    pub(super) lu: Tensor,
    /// Row i of L U is row `order[i]` of A.
    pub(super) order: Tensor,
}

impl Factors {
    #[track_caller]
    pub(super) fn of(a: &Tensor) -> Result<Factors> {
        let [lu, order] = record(Lu, lead(a), std::slice::from_ref(a))?;
        Ok(Factors { a: a.clone(), lu, order })
    }

    /// Those of a point whose first three sources they are.
    pub(super) fn at(xs: &[Tensor]) -> Factors {
        Factors { a: xs[0].clone(), lu: xs[1].clone(), order: xs[2].clone() }
    }

    pub(super) fn sources(&self) -> [Tensor; 3] {
        [self.a.clone(), self.lu.clone(), self.order.clone()]
    }

    /// A⁻¹ B, or A⁻ᵀ B.
    #[track_caller]
    pub(super) fn solve(&self, op: &'static str, transposed: bool, b: &Tensor) -> Result<Tensor> {
        let sources = [&self.sources()[..], std::slice::from_ref(b)].concat();
        record_one(Solve { op, transposed }, lead(&self.a), &sources)
    }

    /// A⁻¹, or A⁻ᵀ.
    #[track_caller]
    pub(super) fn inverse(&self, op: &'static str, transposed: bool) -> Result<Tensor> {
        self.solve(op, transposed, &eye_like(&self.a)?)
    }
}

/// The factorisation, as a means: without a derivative.
#[derive(Clone)]
struct Lu;

impl Routine<2> for Lu {
    const NAME: &'static str = "lu";

    fn results(&self, dtype: DType, xs: &[&[usize]]) -> [(DType, Shape); 2] {
        let n = xs[0][0];
        [shaped(dtype, [n, n]), shaped(DType::I64, [n])]
    }

    fn eval<T: Float>(&self, xs: &[Array<'_>], ys: [&mut [u8]; 2]) -> Outcome {
        let [lu, order] = ys;
        T::lu(numbers(xs[0].bytes), xs[0].shape[0], numbers_mut(lu), numbers_mut(order));
        Ok(())
    }

    fn forward(&self, _: &Point<'_>, _: &[Option<Tensor>]) -> Result<[Option<Tensor>; 2]> {
        Ok([None, None])
    }
}

/// X from A, its factorisation, and B.
#[derive(Clone)]
struct Solve {
    /// On whose behalf.
    op: &'static str,
    transposed: bool,
}

impl Routine<1> for Solve {
    const NAME: &'static str = "solve";

    fn name(&self) -> &'static str {
        self.op
    }

    fn options(&self) -> u64 {
        bits(&[self.transposed])
    }

    fn results(&self, dtype: DType, xs: &[&[usize]]) -> [(DType, Shape); 1] {
        [shaped(dtype, xs[3].iter().copied())]
    }

    fn eval<T: Float>(&self, xs: &[Array<'_>], ys: [&mut [u8]; 1]) -> Outcome {
        let (lu, order) = (numbers(xs[1].bytes), numbers(xs[2].bytes));
        let (b, k) = (numbers::<T>(xs[3].bytes), xs[3].shape[1]);
        T::lu_solve(lu, order, self.transposed, b, k, numbers_mut(ys[0]))
    }

    fn forward(&self, at: &Point<'_>, dxs: &[Option<Tensor>]) -> Result<[Option<Tensor>; 1]> {
        let moved = dxs[0].as_ref().map(|da| {
            let da = if self.transposed { da.t() } else { da.clone() };
            -da.matmul(&at.ys[0])
        });
        let Some(right) = sum([dxs[3].clone(), moved]) else { return Ok([None]) };
        Ok([Some(Factors::at(at.xs).solve(self.op, self.transposed, &right)?)])
    }

    fn reverse(&self, at: &Point<'_>, gys: &[Option<Tensor>]) -> Result<Slopes> {
        let Some(gx) = &gys[0] else { return Ok(smallvec![None; 4]) };
        let gb = Factors::at(at.xs).solve(self.op, !self.transposed, gx)?;
        let product = gb.matmul(&at.ys[0].t());
        let ga = if self.transposed { -product.t() } else { -product };
        Ok(smallvec![Some(ga), None, None, Some(gb)])
    }
}
