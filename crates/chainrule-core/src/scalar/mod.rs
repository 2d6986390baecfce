//! Scalar programs: numbers that carry their derivatives, for ordinary code with loops and
//! branches.
//!
//! A tensor program is recorded whole, then differentiated as a graph. A program over single
//! numbers, `fn f<R: Number>(x: &[R]) -> R`, is differentiated by running it on another kind of
//! number. There are three, and each propagates something different through an operation y = f(x):
//!
//! | number | propagates | gives |
//! |---|---|---|
//! | [`Dual<N>`](Dual) | ẏ = f′(x) ẋ in N directions | forward mode |
//! | [`Taylor<N>`](Taylor) | k y_k = Σ j x_j d_{k−j}, d = f′(x) | N derivatives by one variable |
//! | [`Var`] | a row of the Jacobian, on a [`Tape`] | reverse mode |
//!
//! All know f′ from one place, the operation's rule in [`op`](crate::op), which is generic over
//! [`Real`](crate::op::Real) as the program is. `Dual` and `Var` have coefficients that are numbers
//! in turn, so derivatives nest to any order and in any mix of modes: `Var<Dual<1>>` is reverse
//! over forward, which gives the product of a Hessian and a vector at a multiple of the cost of f.
//!
//! ```
//! use chainrule_core::Real;
//! use chainrule_core::scalar::{Number, gradient, hessian};
//! /// The energy of two bodies on a line, with a soft wall at 0.
//! fn energy<R: Number>(x: &[R]) -> R {
//!     let mut energy = (x[0] - x[1]).abs().recip();
//!     for &x in x {
//!         if x < 0.0 {
//!             energy += x * x * 10.0;
//!         }
//!     }
//!     energy
//! }
//! assert_eq!(energy(&[2.0, 0.0]), 0.5);
//! assert_eq!(gradient(|x| energy(x), &[2.0, 0.0]), [-0.25, 0.25]);
//! assert_eq!(hessian(|x| energy(x), &[2.0, 0.0])[0], [0.25, -0.25]);
//! ```
//!
//! **Which to use.** [`gradient`] for many variables, [`gradient_forward`] for a handful,
//! [`derivatives`] for high orders in one variable, [`jacobian`] or [`jacobian_forward`] as there
//! are fewer results or fewer variables, [`hvp`] and [`hessian`] for second order. They take
//! closures, in which a generic function is called as `|x| f(x)`; a function that must be passed
//! around uncalled is a [`ScalarFn`], which [`scalar_fn!`] makes.
//!
//! **Real or Number.** A program over [`Real`](crate::op::Real) has no comparisons and selects by
//! `pick`: it also runs on what has no value yet. One over [`Number`] has values and copies.
//!
//! **What a branch means.** The derivative is that of the branch taken, as if the test had chosen
//! the program beforehand. What does not depend on a variable has derivative 0 by it, even through
//! an infinite partial derivative: 0 · ∞ is 0 where the 0 is a constant ([`Number::chain`]).
//!
//! Not here: tensors of numbers (those are [`Tensor`](crate::Tensor)s), functions of complex
//! variables, source transformation, and checkpoints for programs whose tape would not fit.
//!
//! References: Wengert 1964 (forward); Linnainmaa 1976 (reverse); Pearlmutter 1994 (products with
//! the Hessian); Siskind & Pearlmutter 2005 (nesting); Griewank & Walther 2008, *Evaluating
//! Derivatives*, chapters 3, 9 and 13.

mod dual;
mod functions;
mod number;
mod tape;
mod taylor;
mod var;

pub use dual::Dual;
pub use functions::*;
pub use number::Number;
pub use tape::Tape;
pub use taylor::Taylor;
pub use var::Var;

pub use crate::scalar_fn;
