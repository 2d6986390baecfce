//! Numbers that have a value: what a program may branch by.

use std::fmt::Debug;
use std::iter::Sum;
use std::ops::{AddAssign, DivAssign, MulAssign, SubAssign};

use crate::op::Real;

/// A [`Real`] that has a value and can be copied: `f64`, and the numbers of this module over it.
///
/// Comparisons compare values and have no derivative: which branch a program takes is not
/// differentiated, what it computes there is. Numbers can be compared with and assigned from `f64`
/// on the right; `R::from(2.0)` is a constant for the left.
///
/// ```
/// use chainrule_core::scalar::{self, Number};
/// fn root<R: Number>(a: R) -> R {
///     let mut x = a;
///     while (x * x - a).value().abs() > 1e-14 {
///         x = (x + a / x) * 0.5;
///     }
///     x
/// }
/// assert!((root(9.0) - 3.0).abs() < 1e-14);
/// assert!((scalar::derivative(root, 9.0) - 1.0 / 6.0).abs() < 1e-12);
/// ```
pub trait Number:
    Real
    + Copy
    + Debug
    + From<f64>
    + Sum
    + PartialOrd
    + PartialOrd<f64>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + AddAssign<f64>
    + SubAssign<f64>
    + MulAssign<f64>
    + DivAssign<f64>
{
    /// The value, without any derivative.
    fn value(&self) -> f64;

    /// Whether this is the constant 0: the value and every derivative that is carried are 0.
    fn is_zero(&self) -> bool;

    /// The chain rule: the products of a partial derivative, `self`, with derivatives `dx`; 0 where
    /// one is the constant 0, even if the partial is infinite or NaN.
    #[inline(always)]
    fn chain<const N: usize>(self, dx: [Self; N]) -> [Self; N] {
        dx.map(|dx| if dx.is_zero() { dx } else { self * dx })
    }
}

impl Number for f64 {
    #[inline(always)]
    fn value(&self) -> f64 {
        *self
    }
    #[inline(always)]
    fn is_zero(&self) -> bool {
        *self == 0.0
    }
    /// Only a partial derivative that is not finite needs the test of every product.
    #[inline(always)]
    fn chain<const N: usize>(self, dx: [f64; N]) -> [f64; N] {
        if self.is_finite() { dx.map(|dx| self * dx) } else { chain_singular(self, dx) }
    }
}

#[cold]
fn chain_singular<const N: usize>(d: f64, dx: [f64; N]) -> [f64; N] {
    dx.map(|dx| if dx == 0.0 { dx } else { d * dx })
}

/// The arithmetic of a number with a `primal`, from the rules of the operations. The type has the
/// chain rule: `through` with one argument, `join` with two, each given the value and the partial
/// derivatives; and `constant` and `is_constant`.
macro_rules! arithmetic_by_rule {
    ([$($generics:tt)*] $T:ty) => {
        arithmetic_by_rule! {
            @each [$($generics)*] $T; Add add + Sub sub - Mul mul * Div div /
        }
        impl<$($generics)*> $T {
            #[inline(always)]
            fn one<O: $crate::op::Scalar1>(self, y: R) -> Self {
                self.through(y, O::d(self.primal, y))
            }
            #[inline(always)]
            fn both<O: $crate::op::Scalar2>(self, other: Self, z: R) -> Self {
                let (x, y) = (self.primal, other.primal);
                self.join(other, z, O::dx(x, y, z), O::dy(x, y, z))
            }
            /// With a constant on the right.
            #[inline(always)]
            fn first<O: $crate::op::Scalar2>(self, y: R, z: R) -> Self {
                self.through(z, O::dx(self.primal, y, z))
            }
            /// With a constant on the left.
            #[inline(always)]
            fn second<O: $crate::op::Scalar2>(self, x: R, z: R) -> Self {
                self.through(z, O::dy(x, self.primal, z))
            }
        }
        impl<$($generics)*> std::ops::Neg for $T {
            type Output = Self;
            #[inline(always)]
            fn neg(self) -> Self { self.one::<$crate::op::neg>(-self.primal) }
        }
        impl<$($generics)*> From<f64> for $T {
            #[inline(always)]
            fn from(c: f64) -> Self { Self::constant(c.into()) }
        }
        impl<$($generics)*> $crate::op::Real for $T {
            #[inline(always)]
            fn lit(&self, c: f64) -> Self { c.into() }

            #[inline]
            fn map(&self, op: $crate::op::Unary) -> Self {
                let y = self.primal.map(op);
                self.through(y, op.d(self.primal, y))
            }

            #[inline]
            fn zip(&self, op: $crate::op::Binary, other: &Self) -> Self {
                let (x, y) = (self.primal, other.primal);
                let z = x.zip(op, &y);
                match (self.is_constant(), other.is_constant()) {
                    (true, true) => Self::constant(z),
                    (false, true) => self.through(z, op.dx(x, y, z)),
                    (true, false) => other.through(z, op.dy(x, y, z)),
                    (false, false) => self.join(*other, z, op.dx(x, y, z), op.dy(x, y, z)),
                }
            }

            #[inline]
            fn pick(&self, cmp: $crate::op::Cmp, other: &Self, then: &Self, or: &Self) -> Self {
                if cmp.holds(self.value(), other.value()) { *then } else { *or }
            }
        }
    };
    (@each $generics:tt $T:ty; $($Op:ident $op:ident $sign:tt)*) => { $(
        arithmetic_by_rule! { @one $generics $T; $Op $op $sign }
    )* };
    (@one [$($generics:tt)*] $T:ty; $Op:ident $op:ident $sign:tt) => {
        impl<$($generics)*> std::ops::$Op for $T {
            type Output = Self;
            #[inline(always)]
            fn $op(self, y: Self) -> Self {
                self.both::<crate::op::$Op>(y, self.primal $sign y.primal)
            }
        }
        impl<$($generics)*> std::ops::$Op<f64> for $T {
            type Output = Self;
            #[inline(always)]
            fn $op(self, c: f64) -> Self {
                self.first::<crate::op::$Op>(c.into(), self.primal $sign c)
            }
        }
        impl<$($generics)*> std::ops::$Op<$T> for f64 {
            type Output = $T;
            #[inline(always)]
            fn $op(self, y: $T) -> $T {
                let x: R = self.into();
                y.second::<crate::op::$Op>(x, x $sign y.primal)
            }
        }
    };
}
pub(super) use arithmetic_by_rule;

/// What follows from the operators, a value and a constant: assignment, sums and comparison.
macro_rules! comforts {
    ([$($generics:tt)*] $T:ty) => {
        comforts! {
            @each [$($generics)*] $T;
            AddAssign add_assign + SubAssign sub_assign -
            MulAssign mul_assign * DivAssign div_assign /
        }
        impl<$($generics)*> std::iter::Sum for $T {
            fn sum<I: Iterator<Item = Self>>(terms: I) -> Self {
                terms.reduce(|sum, x| sum + x).unwrap_or_else(|| 0.0.into())
            }
        }
        comforts! { @order [$($generics)*] $T, $T, |y| y.value() }
        comforts! { @order [$($generics)*] $T, f64, |y| y }
    };
    (@each $generics:tt $T:ty; $($Op:ident $op:ident $sign:tt)*) => { $(
        comforts! { @assign $generics $T, $T, $Op $op $sign }
        comforts! { @assign $generics $T, f64, $Op $op $sign }
    )* };
    (@assign [$($generics:tt)*] $T:ty, $Right:ty, $Op:ident $op:ident $sign:tt) => {
        impl<$($generics)*> std::ops::$Op<$Right> for $T {
            #[inline(always)]
            fn $op(&mut self, other: $Right) { *self = *self $sign other; }
        }
    };
    (@order [$($generics:tt)*] $T:ty, $Right:ty, |$y:ident| $value:expr) => {
        impl<$($generics)*> PartialEq<$Right> for $T {
            #[inline(always)]
            fn eq(&self, $y: &$Right) -> bool {
                let $y = *$y;
                self.value() == $value
            }
        }
        impl<$($generics)*> PartialOrd<$Right> for $T {
            #[inline(always)]
            fn partial_cmp(&self, $y: &$Right) -> Option<std::cmp::Ordering> {
                let $y = *$y;
                self.value().partial_cmp(&$value)
            }
        }
    };
}
pub(super) use comforts;
