//! The tape of reverse mode: statements in the order of computation, read backwards.
//!
//! A statement says how one quantity depends on at most four earlier ones: their places on the tape
//! and the partial derivatives, evaluated when it was recorded. The tape is thus the Jacobian of
//! each step and nothing else; no operation, no value. Reading it from the end,
//!
//! ```text
//! x̄ⱼ += x̄ₖ · ∂xₖ/∂xⱼ    for each statement k and each j it depends on,
//! ```
//!
//! gives the derivative of one output by all inputs at a fixed multiple of the cost of recording
//! (Wengert 1964; Linnainmaa 1976; Griewank & Walther 2008, chapter 3).
//!
//! A statement takes [`Tape::BYTES`] bytes, its adjoint included. What does not need one, because
//! it depends on one or two earlier quantities only, is not recorded at all: see [`Var`].
//!
//! ```
//! use chainrule_core::scalar::Tape;
//! use chainrule_core::Real;
//! let mut tape = Tape::new();
//! for start in [0.5, 1.0, 1.5] {
//!     // The second and third round write into the memory of the first.
//!     let (y, g) = tape.value_and_gradient(|x| (x[0] * x[1]).sin(), &[start, 2.0]);
//!     assert_eq!(y, (start * 2.0).sin());
//!     assert_eq!(g[1], start * (start * 2.0).cos());
//! }
//! ```
//!
//! Not here: checkpoints, and sparse Jacobians by colouring.

use std::cell::RefCell;
use std::fmt;

use super::{Number, Var};

/// How a quantity depends on up to four earlier ones; place 0 stands for none.
#[derive(Clone, Copy)]
struct Statement<R> {
    place: [u32; 4],
    partial: [R; 4],
}

/// Statements and, during a sweep, adjoints. Both keep their memory when they are cleared.
struct Record<R> {
    statements: Vec<Statement<R>>,
    adjoints: Vec<R>,
}

/// The record of a computation with [`Var`]s, for reverse mode.
pub struct Tape<R = f64> {
    record: RefCell<Record<R>>,
}

impl<R> Tape<R> {
    /// The memory that a statement takes, in bytes: itself, and its adjoint in the sweep.
    pub const BYTES: usize = size_of::<Statement<R>>() + size_of::<R>();
}

impl<R: Number> Tape<R> {
    /// An empty tape.
    pub fn new() -> Self {
        Tape::with_capacity(0)
    }

    /// An empty tape with room for `n` statements.
    pub fn with_capacity(n: usize) -> Self {
        let adjoints = Vec::with_capacity(n + 1);
        Tape { record: RefCell::new(Record { statements: Vec::with_capacity(n), adjoints }) }
    }

    /// A variable: a quantity that depends on no other.
    pub fn var(&self, x: R) -> Var<'_, R> {
        Var::new(x, self, self.push([0; 4], [R::from(0.0); 4]))
    }

    /// The number of statements, variables included.
    pub fn len(&self) -> usize {
        self.record.borrow().statements.len()
    }

    /// Whether nothing is recorded.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of statements for which there is memory.
    pub fn capacity(&self) -> usize {
        self.record.borrow().statements.capacity()
    }

    /// Forgets the statements and keeps their memory. There can be no variable left.
    pub fn reset(&mut self) {
        self.record.get_mut().statements.clear();
    }

    /// The value of `f` at `x`, and its derivatives by each element of `x`. Resets the tape before.
    pub fn value_and_gradient(
        &mut self,
        f: impl for<'t> Fn(&[Var<'t, R>]) -> Var<'t, R>,
        x: &[R],
    ) -> (R, Vec<R>) {
        self.reset();
        let x: Vec<_> = x.iter().map(|&x| self.var(x)).collect();
        let y = f(&x);
        let mut gradient = vec![R::from(0.0); x.len()];
        y.gradient(&x, &mut gradient);
        (y.primal(), gradient)
    }

    /// Writes a statement and returns its place.
    #[inline(always)]
    fn push(&self, place: [u32; 4], partial: [R; 4]) -> u32 {
        let statements = &mut self.record.borrow_mut().statements;
        statements.push(Statement { place, partial });
        u32::try_from(statements.len()).expect("a tape holds less than 2³² statements")
    }

    /// Writes the sum of p ẋ_i + q ẋ_j and r ẋ_k + s ẋ_l, which have three or four places together,
    /// and returns its own. The arguments are given one by one so that they stay in registers.
    #[inline(never)]
    pub(super) fn record(
        tape: Option<&Self>,
        [i, j]: [u32; 2],
        p: R,
        q: R,
        [k, l]: [u32; 2],
        r: R,
        s: R,
    ) -> u32 {
        let zero = R::from(0.0);
        let (place, partial) = match (j, l) {
            (0, _) => ([i, k, l, 0], [p, r, s, zero]),
            (_, 0) => ([i, j, k, 0], [p, q, r, zero]),
            _ if i == k => ([i, j, l, 0], [p + r, q, s, zero]),
            _ if i == l => ([i, j, k, 0], [p + s, q, r, zero]),
            _ if j == k => ([i, j, l, 0], [p, q + r, s, zero]),
            _ if j == l => ([i, j, k, 0], [p, q + s, r, zero]),
            _ => ([i, j, k, l], [p, q, r, s]),
        };
        tape.expect("a form in places of a tape").push(place, partial)
    }

    /// Whether there is a variable at `place`: a statement that depends on nothing.
    pub(super) fn is_variable(&self, place: u32) -> bool {
        let record = self.record.borrow();
        let statement = (place as usize).checked_sub(1).and_then(|k| record.statements.get(k));
        statement.is_some_and(|statement| statement.place[0] == 0)
    }

    /// Derivatives of the sum of `partial` times the quantities at `place`, by the variables at
    /// `inputs`.
    pub(super) fn sweep(
        &self,
        place: [u32; 2],
        partial: [R; 2],
        inputs: impl Iterator<Item = u32>,
        gradient: &mut [R],
    ) {
        let Record { statements, adjoints } = &mut *self.record.borrow_mut();
        let zero = R::from(0.0);
        let last = place[0].max(place[1]) as usize;
        adjoints.clear();
        adjoints.resize(statements.len() + 1, zero);
        for (place, partial) in place.into_iter().zip(partial) {
            adjoints[place as usize] += partial;
        }
        for k in (1..=last).rev() {
            let y = adjoints[k];
            let Statement { place, partial } = &statements[k - 1];
            if y.is_zero() {
                continue;
            }
            for (&place, &partial) in place.iter().zip(partial) {
                if place == 0 {
                    break;
                }
                adjoints[place as usize] += y * partial;
            }
        }
        for (gradient, input) in gradient.iter_mut().zip(inputs) {
            *gradient = adjoints[input as usize];
        }
    }
}

impl<R: Number> Default for Tape<R> {
    fn default() -> Self {
        Tape::new()
    }
}

impl<R> fmt::Debug for Tape<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let statements = self.record.try_borrow().map_or(0, |record| record.statements.len());
        f.debug_struct("Tape").field("statements", &statements).finish()
    }
}
