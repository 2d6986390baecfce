//! Forward mode: a number and its derivatives in `N` directions, computed together.
//!
//! A dual number x + Σᵢ ẋᵢ εᵢ with εᵢ εⱼ = 0 goes through y = f(x) as
//!
//! ```text
//! f(x + Σ ẋᵢ εᵢ) = f(x) + Σ f′(x) ẋᵢ εᵢ ,
//! ```
//!
//! which is Taylor's theorem cut after the first term: the tangents ẏᵢ = f′(x) ẋᵢ are derivatives
//! in `N` directions at the cost of one evaluation of f and f′ and `N` products. f′ is the
//! operation's own rule, evaluated in the coefficients `R`.
//!
//! **Nesting.** Coefficients may be duals themselves: `Dual<1, Dual<1>>` has second derivatives. In
//! nested derivatives each ε must be kept apart from the others, or the inner derivative takes up
//! perturbations of outer variables (Siskind & Pearlmutter 2005 call it confusion). Here each level
//! is a type: a variable of the outer derivative is a number of type `R`, the inner function
//! computes with `Dual<N, R>`, and the only way in is [`Dual::constant`], which gives the outer
//! variable a zero tangent of the inner kind. What would be confused does not compile.
//!
//! ```
//! use chainrule_core::scalar::{Dual, Number, derivative};
//! // d/dx (x · d/dy (x + y) at y = 1) at x = 1 is 1; with confusion it would be 2.
//! let outer = |x: Dual<1>| x * derivative(|y| Dual::constant(x) + y, Dual::from(1.0));
//! assert_eq!(derivative(outer, 1.0), 1.0);
//! ```
//!
//! **Zero tangents.** A tangent that is the constant 0 (0 with all its own derivatives) stays 0
//! through a partial derivative that is infinite or NaN: what does not depend on a variable has
//! no derivative by it, wherever the rule is evaluated. So √x has derivative 0 by z at x = 0, and
//! not 0 · ∞. [`pick`](crate::Real::pick) selects a number with its tangents; nothing leaks from
//! the other.
//!
//! Not here: a number of directions known only at run time ([`gradient_forward`] goes in pieces).
//!
//! [`gradient_forward`]: super::gradient_forward

use super::number::{Number, arithmetic_by_rule, comforts};

/// A number with derivatives in `N` directions.
#[derive(Clone, Copy, Debug)]
pub struct Dual<const N: usize, R = f64> {
    /// The value, x.
    pub primal: R,
    /// The derivative in each direction, ẋ.
    pub tangent: [R; N],
}

impl<const N: usize, R: Number> Dual<N, R> {
    /// A number of the level below, as one that does not depend on this level's directions.
    #[inline(always)]
    pub fn constant(primal: R) -> Self {
        Dual { primal, tangent: [R::from(0.0); N] }
    }

    /// The variable `x` of direction `i`: its derivative in that direction is 1.
    ///
    /// # Panics
    /// If there is no direction `i`.
    pub fn variable(primal: R, i: usize) -> Self {
        let mut x = Dual::constant(primal);
        x.tangent[i] = R::from(1.0);
        x
    }

    /// Whether the tangents are the constant 0.
    fn is_constant(&self) -> bool {
        self.tangent.iter().all(Number::is_zero)
    }

    /// The chain rule with one argument: value `y`, partial derivative `d`.
    #[inline(always)]
    fn through(self, y: R, d: R) -> Self {
        Dual { primal: y, tangent: d.chain(self.tangent) }
    }

    /// The chain rule with two arguments: value `z`, partial derivatives `dx` and `dy`.
    #[inline(always)]
    fn join(self, other: Self, z: R, dx: R, dy: R) -> Self {
        let (x, y) = (dx.chain(self.tangent), dy.chain(other.tangent));
        let tangent = std::array::from_fn(|i| x[i] + y[i]);
        Dual { primal: z, tangent }
    }
}

arithmetic_by_rule! { [const N: usize, R: Number] Dual<N, R> }
comforts! { [const N: usize, R: Number] Dual<N, R> }

impl<const N: usize, R: Number> Number for Dual<N, R> {
    #[inline(always)]
    fn value(&self) -> f64 {
        self.primal.value()
    }

    #[inline(always)]
    fn is_zero(&self) -> bool {
        self.primal.is_zero() && self.is_constant()
    }
}
