//! Reverse mode: a number that knows how it depends on quantities of a tape.
//!
//! A [`Var`] is a value and a linear form in at most two places of its [`Tape`],
//!
//! ```text
//! ẋ = p₁ ẋ_{j₁} + p₂ ẋ_{j₂} .
//! ```
//!
//! An operation multiplies the forms of its arguments by its partial derivatives and adds them. As
//! long as the sum names no more than two places, that *is* the result's form, and nothing is
//! written: this is forward mode, on the fly, where it is cheaper. A sum of three or four places
//! becomes a statement on the tape, and the result the form 1 · ẋₖ of the new place k. The chain
//! rule is associative, so where a product of partials is formed, before recording or in the
//! sweep, does not matter (the elimination of a vertex of the computational graph: Griewank &
//! Walther 2008, chapter 9).
//!
//! So a loop over one or two variables, whatever it does and however long, takes constant memory,
//! and a program of n operations at most n statements. The example `scalar_loop` measures the time
//! of loops of a million steps; where each step is recorded, that is mostly the tape's memory, and
//! for few variables [`gradient_forward`](super::gradient_forward) is the better choice.
//!
//! ```
//! use chainrule_core::scalar::Tape;
//! let tape = Tape::new();
//! let r = tape.var(3.7);
//! let mut x = r * 0.1;
//! for _ in 0..1000 {
//!     x = r * x * (1.0 - x);
//! }
//! let mut gradient = [0.0];
//! x.gradient(&[r], &mut gradient);
//! assert!(gradient[0].abs() > 1e100, "the logistic map is chaotic");
//! assert_eq!(tape.len(), 1, "only the variable itself");
//! ```
//!
//! Coefficients may be any [`Number`]: over [`Dual`](super::Dual) they give products of the Hessian
//! with a vector, over the `Var` of another tape, reverse over reverse. A variable of the level
//! below enters by [`Var::constant`]; an operation on two tapes of one level panics. Zeros behave
//! as in [`dual`](super::Dual): the constant 0 stays 0 through any partial derivative, in forms as
//! well as in the sweep.

use super::Tape;
use super::number::{Number, arithmetic_by_rule, comforts};

/// A number that can be differentiated by the variables of a tape.
#[derive(Clone, Copy, Debug)]
pub struct Var<'t, R = f64> {
    primal: R,
    tape: Option<&'t Tape<R>>,
    /// The places of the form, ascending; 0 is none.
    place: [u32; 2],
    partial: [R; 2],
}

impl<'t, R: Number> Var<'t, R> {
    /// A number of the level below, as one that does not depend on the tape.
    #[inline(always)]
    pub fn constant(primal: R) -> Self {
        Var { primal, tape: None, place: [0; 2], partial: [R::from(0.0); 2] }
    }

    /// The quantity at a place.
    #[inline(always)]
    pub(super) fn new(primal: R, tape: &'t Tape<R>, place: u32) -> Self {
        let partial = [R::from(1.0), R::from(0.0)];
        Var { primal, tape: Some(tape), place: [place, 0], partial }
    }

    /// The value, a number of the level below.
    #[inline(always)]
    pub fn primal(&self) -> R {
        self.primal
    }

    /// Writes into `gradient` the derivatives of `self` by `variables`, which are variables of the
    /// same tape, as [`Tape::var`] returned them.
    ///
    /// # Panics
    /// If `gradient` has another length than `variables`, or one of them is not a variable.
    pub fn gradient(&self, variables: &[Var<'t, R>], gradient: &mut [R]) {
        assert_eq!(variables.len(), gradient.len(), "a derivative for each variable");
        let Some(tape) = self.tape else {
            return gradient.fill(R::from(0.0));
        };
        for x in variables {
            let here = x.tape.is_some_and(|other| std::ptr::eq(other, tape));
            let alone = x.place[1] == 0 && (x.partial[0] - 1.0).is_zero();
            assert!(here && alone && tape.is_variable(x.place[0]), "{NOT_A_VARIABLE}");
        }
        tape.sweep(self.place, self.partial, variables.iter().map(|x| x.place[0]), gradient);
    }

    #[inline(always)]
    fn is_constant(&self) -> bool {
        self.place[0] == 0
    }

    /// The chain rule with one argument: value `y`, partial derivative `d`.
    #[inline(always)]
    fn through(self, y: R, d: R) -> Self {
        Var { primal: y, partial: d.chain(self.partial), ..self }
    }

    /// The chain rule with two arguments: value `z`, partial derivatives `dx` and `dy`.
    #[inline(always)]
    fn join(self, other: Self, z: R, dx: R, dy: R) -> Self {
        if other.is_constant() {
            return self.through(z, dx);
        }
        if self.is_constant() {
            return other.through(z, dy);
        }
        let here = |x: Self| x.tape.map_or(std::ptr::null(), std::ptr::from_ref);
        assert!(std::ptr::eq(here(self), here(other)), "{TWO_TAPES}");
        let (x, y) = (self.through(z, dx), other.through(z, dy));
        let ([i, j], [k, l]) = (x.place, y.place);
        let ([p, q], [r, s]) = (x.partial, y.partial);
        let (place, partial) = if (i, j) == (k, l) {
            ([i, j], [p + r, q + s])
        } else if l == 0 && (k == i || k == j) {
            ([i, j], if k == i { [p + r, q] } else { [p, q + r] })
        } else if j == 0 && (i == k || i == l) {
            ([k, l], if i == k { [p + r, s] } else { [r, p + s] })
        } else if j == 0 && l == 0 {
            if i < k { ([i, k], [p, r]) } else { ([k, i], [r, p]) }
        } else {
            let sum = Tape::record(x.tape, x.place, p, q, y.place, r, s);
            ([sum, 0], [R::from(1.0), R::from(0.0)])
        };
        Var { primal: z, tape: x.tape, place, partial }
    }
}

const NOT_A_VARIABLE: &str =
    "derivatives are taken by variables of the tape, as Tape::var returns them";

const TWO_TAPES: &str = "two variables of different tapes; the outer one enters the inner \
                         derivative by Var::constant";

arithmetic_by_rule! { ['t, R: Number] Var<'t, R> }
comforts! { ['t, R: Number] Var<'t, R> }

impl<R: Number> Number for Var<'_, R> {
    #[inline(always)]
    fn value(&self) -> f64 {
        self.primal.value()
    }

    #[inline(always)]
    fn is_zero(&self) -> bool {
        self.primal.is_zero() && self.partial.iter().all(Number::is_zero)
    }
}
