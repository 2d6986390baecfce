//! The arithmetic in which every derivative is written.
//!
//! A rule such as `cos x` for the derivative of the sine is written once, generic over [`Real`].
//! With `R = f64` it is a number, with the graph's own `R` it is more graph — and so can be
//! differentiated again, fused and printed. A user's program may be generic over [`Real`] too; it
//! runs on whatever implements it:
//!
//! ```
//! use chainrule_core::Real;
//! fn soft_step<R: Real>(x: &R) -> R {
//!     let inside = x.lit(0.5) * ((x.clone() * 3.0).tanh() + 1.0);
//!     x.maximum(&inside)
//! }
//! assert_eq!(soft_step(&0.0), 0.5);
//! ```
//!
//! What stands for a number need not be one: a graph has none until it is evaluated. So there is no
//! comparison here, only [`pick`](Real::pick); programs that branch are generic over
//! [`Number`](crate::scalar::Number), which has a value.

use std::ops::{Add, Div, Mul, Neg, Sub};

use super::scalar::unary_list;
use super::{Binary, Cmp, Unary};

/// The methods for the list of functions of one argument; the first, `neg`, is an operator.
macro_rules! unary_methods {
    (neg $($op:ident)*) => { $(
        #[doc = concat!("[`", stringify!($op), "`](enum@super::", stringify!($op), ") of `self`.")]
        #[inline]
        fn $op(&self) -> Self { self.map(Unary::$op) }
    )* };
}

/// Methods for functions of two arguments.
macro_rules! binary_methods {
    ($($name:ident $op:ident)*) => { $(
        #[doc = concat!("[`", stringify!($op), "`](super::", stringify!($op), ") of `self`, the ")]
        /// first argument, and `other`.
        #[inline]
        fn $name(&self, other: &Self) -> Self { self.zip(Binary::$op, other) }
    )* };
}

/// Numbers, or things that stand for numbers, on which rules are written.
///
/// The right operand of an operator may be an `f64`; for the left one there is [`lit`](Real::lit).
pub trait Real:
    Clone
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + Add<f64, Output = Self>
    + Sub<f64, Output = Self>
    + Mul<f64, Output = Self>
    + Div<f64, Output = Self>
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

    /// The power with an integer exponent, by repeated squaring: of ±2 it is x² and 1/x².
    fn powi(&self, n: i32) -> Self {
        let (mut power, mut square, mut rest) = (None, self.clone(), n.unsigned_abs());
        while rest > 0 {
            if rest & 1 == 1 {
                power = Some(match power {
                    None => square.clone(),
                    Some(power) => power * square.clone(),
                });
            }
            rest >>= 1;
            if rest > 0 {
                square = square.clone() * square;
            }
        }
        let power = power.unwrap_or_else(|| self.lit(1.0));
        if n < 0 { power.recip() } else { power }
    }

    /// The power with a constant exponent.
    fn powf(&self, exponent: f64) -> Self {
        self.pow(&self.lit(exponent))
    }

    unary_list!(unary_methods);

    binary_methods! {
        pow Pow fmod Rem maximum Maximum minimum Minimum atan2 Atan2 hypot Hypot
        copysign Copysign logaddexp Logaddexp xlogy Xlogy
    }
}

impl Real for f64 {
    #[inline]
    fn lit(&self, c: f64) -> f64 {
        c
    }
    #[inline]
    fn map(&self, op: Unary) -> f64 {
        op.f(*self)
    }
    #[inline]
    fn zip(&self, op: Binary, other: &f64) -> f64 {
        op.f(*self, *other)
    }
    #[inline]
    fn pick(&self, cmp: Cmp, other: &f64, then: &f64, otherwise: &f64) -> f64 {
        if cmp.holds(*self, *other) { *then } else { *otherwise }
    }
}
