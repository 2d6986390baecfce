//! Triangular systems.
//!
//! From T X = B follows, as for any system,
//!
//! ```text
//! dX = T⁻¹ (dB − dT X),        gB = T⁻ᵀ gX,        gT = −gB Xᵀ,
//! ```
//!
//! of which gT is taken on the triangle only: what stands elsewhere (and, for a unit triangle, on
//! the diagonal) was not read, and its derivative is 0.
//!
//! A zero on the diagonal is an error where numbers are asked for.
//!
//! Reference: Giles, *An extended collection of matrix derivative results* (2008), §2.3.

use chainrule_linalg::{Outcome, Triangle};
use smallvec::smallvec;

use super::args::{Pair, bits, lead, shaped, square};
use super::each::{Float, Routine, numbers, numbers_mut, record_one, sum};
use crate::error::Result;
use crate::graph::Tensor;
use crate::graph::call::{Array, Point, Slopes};
use crate::op::{DType, Shape};

/// X with T X = B, where T is a triangle of the square matrix A: the upper one if `upper`, with
/// ones on the diagonal if `unitriangular`. What stands elsewhere is not read.
///
/// B has a column for each system, or is a vector for each matrix. Axes before the last two are a
/// batch, and broadcast.
///
/// ```
/// # use chainrule_core::*;
/// let a = Tensor::from([[2.0, 9.0], [1.0, 4.0]]);
/// let x = linalg::solve_triangular(&a, &Tensor::from([2.0, 9.0]), false, false)?;
/// assert_eq!(x.to_vec::<f64>()?, [1.0, 2.0]);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// If shapes do not fit; where numbers are asked for, if there is a 0 on the diagonal.
#[track_caller]
pub fn solve_triangular(
    a: &Tensor,
    b: &Tensor,
    upper: bool,
    unitriangular: bool,
) -> Result<Tensor> {
    let pair = Pair::new("solve_triangular", &square("solve_triangular", a)?, b)?;
    let x = Triangular::new("solve_triangular", upper, unitriangular).solve(&pair.a, &pair.b)?;
    pair.like(&x)
}

/// X with L Lᵀ X = B: the system of a positive definite matrix, from its
/// [`cholesky`](super::cholesky) factor L.
///
/// ```
/// # use chainrule_core::*;
/// let a = Tensor::from([[4.0, 2.0], [2.0, 5.0]]);
/// let x = linalg::cholesky_solve(&linalg::cholesky(&a)?, &Tensor::from([8.0, 12.0]))?;
/// assert_eq!(x.to_vec::<f64>()?, [1.0, 2.0]);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// If shapes do not fit; where numbers are asked for, if there is a 0 on the diagonal.
#[track_caller]
pub fn cholesky_solve(l: &Tensor, b: &Tensor) -> Result<Tensor> {
    let pair = Pair::new("cholesky_solve", &square("cholesky_solve", l)?, b)?;
    let lower = Triangular::new("cholesky_solve", false, false);
    let x = lower.flipped().solve(&pair.a, &lower.solve(&pair.a, &pair.b)?)?;
    pair.like(&x)
}

/// X from A and B.
#[derive(Clone, Copy)]
pub(super) struct Triangular {
    /// On whose behalf.
    op: &'static str,
    triangle: Triangle,
}

impl Triangular {
    pub(super) fn new(op: &'static str, upper: bool, unit: bool) -> Triangular {
        Triangular { op, triangle: Triangle { upper, unit, transposed: false } }
    }

    /// With Tᵀ instead of T.
    pub(super) fn flipped(self) -> Triangular {
        let transposed = !self.triangle.transposed;
        Triangular { triangle: Triangle { transposed, ..self.triangle }, ..self }
    }

    /// T⁻¹ B.
    #[track_caller]
    pub(super) fn solve(self, a: &Tensor, b: &Tensor) -> Result<Tensor> {
        record_one(self, lead(a), &[a.clone(), b.clone()])
    }

    /// The elements of a matrix that are read; on the diagonal of a unit triangle none are.
    fn part(self, a: &Tensor) -> Tensor {
        let inside = i64::from(self.triangle.unit);
        if self.triangle.upper { a.triu(inside) } else { a.tril(-inside) }
    }
}

impl Routine<1> for Triangular {
    const NAME: &'static str = "solve_triangular";

    fn name(&self) -> &'static str {
        self.op
    }

    fn options(&self) -> u64 {
        let Triangle { upper, unit, transposed } = self.triangle;
        bits(&[upper, unit, transposed])
    }

    fn results(&self, dtype: DType, xs: &[&[usize]]) -> [(DType, Shape); 1] {
        [shaped(dtype, xs[1].iter().copied())]
    }

    fn eval<T: Float>(&self, xs: &[Array<'_>], ys: [&mut [u8]; 1]) -> Outcome {
        let (a, n) = (numbers::<T>(xs[0].bytes), xs[0].shape[0]);
        let (b, k) = (numbers(xs[1].bytes), xs[1].shape[1]);
        T::solve_triangular(a, n, self.triangle, b, k, numbers_mut(ys[0]))
    }

    fn forward(&self, at: &Point<'_>, dxs: &[Option<Tensor>]) -> Result<[Option<Tensor>; 1]> {
        let moved = dxs[0].as_ref().map(|da| {
            let dt = self.part(da);
            let dt = if self.triangle.transposed { dt.t() } else { dt };
            -dt.matmul(&at.ys[0])
        });
        let Some(right) = sum([dxs[1].clone(), moved]) else { return Ok([None]) };
        Ok([Some(self.solve(&at.xs[0], &right)?)])
    }

    fn reverse(&self, at: &Point<'_>, gys: &[Option<Tensor>]) -> Result<Slopes> {
        let Some(gx) = &gys[0] else { return Ok(smallvec![None; 2]) };
        let gb = self.flipped().solve(&at.xs[0], gx)?;
        let product = gb.matmul(&at.ys[0].t());
        let product = if self.triangle.transposed { product.t() } else { product };
        Ok(smallvec![Some(-self.part(&product)), Some(gb)])
    }
}
