//! The arithmetic in which every derivative is written.
//!
//! A rule such as `cos x` for the derivative of the sine is written once, generic over [`Real`].
//! With `R = f64` it is a number, with the graph's own `R` it is more graph — and so can be
//! differentiated again, fused and printed.

use std::ops::{Add, Div, Mul, Neg, Sub};

use super::{Binary, Cmp, Unary};

/// Numbers, or things that stand for numbers, on which rules are written.
pub trait Real:
    Clone
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// The constant `c`, of the same kind as `self`.
    fn lit(&self, c: f64) -> Self;
    /// A scalar function of one argument.
    fn map(&self, op: Unary) -> Self;
    /// A scalar function of two arguments, `self` the first.
    fn zip(&self, op: Binary, other: &Self) -> Self;
    /// `then` where `self cmp other` holds, else `otherwise`. The test itself has no derivative.
    fn pick(&self, cmp: Cmp, other: &Self, then: &Self, otherwise: &Self) -> Self;

    /// 1 where `self cmp other` holds, else 0.
    fn indicator(&self, cmp: Cmp, other: &Self) -> Self {
        self.pick(cmp, other, &self.lit(1.0), &self.lit(0.0))
    }
}

impl Real for f64 {
    fn lit(&self, c: f64) -> f64 {
        c
    }
    fn map(&self, op: Unary) -> f64 {
        op.f(*self)
    }
    fn zip(&self, op: Binary, other: &f64) -> f64 {
        op.f(*self, *other)
    }
    fn pick(&self, cmp: Cmp, other: &f64, then: &f64, otherwise: &f64) -> f64 {
        if cmp.holds(*self, *other) { *then } else { *otherwise }
    }
}
