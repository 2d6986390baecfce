//! How a search for least squares ended, and what to do about it.
//!
//! What residuals tell beyond a function's value is in it: which test was met, which parameter ran
//! away, which residual or derivative is not finite. [`minimise`](super::minimise::Outcome) has an
//! outcome of its own, which knows none of that; the words for machines are the same.

use std::fmt;

use crate::error::shown;

/// How a search ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// At a minimum, as far as the tests can tell.
    Converged {
        /// Which test was met.
        why: Why,
    },
    /// The steps were used up.
    MaxSteps,
    /// A parameter grew without end while the sum of squares kept falling.
    Diverged {
        /// The index of the parameter.
        parameter: usize,
    },
    /// A residual or a derivative is not a finite number.
    NonFinite {
        /// Where that was.
        place: Place,
    },
    /// No step, however short, lowers the sum of squares, though its slope is not 0.
    Stalled,
}

/// The test that ended a search well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The residuals are orthogonal to what the parameters can change.
    Gradient,
    /// The sum of squares would fall by less than its tolerance.
    Cost,
    /// The parameters would move by less than their tolerance.
    Step,
    /// All residuals are 0.
    Exact,
}

/// Where a number was not finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the start values themselves.
    Start {
        /// The index of the parameter.
        parameter: usize,
    },
    /// In a residual.
    Residual {
        /// Its index.
        row: usize,
    },
    /// In a derivative of a residual.
    Derivative {
        /// The index of the residual.
        row: usize,
        /// The index of the parameter.
        parameter: usize,
    },
}

impl Place {
    /// What is not finite, as a clause, with the parameters by their names.
    pub fn named(self, names: &[String]) -> String {
        let name = |j: usize| names.get(j).map_or_else(|| format!("{}", j + 1), |n| shown(n));
        match self {
            Place::Start { parameter } => {
                format!("the start value of {} is not finite", name(parameter))
            }
            Place::Residual { row } => {
                format!("the model is not finite at observation {}", row + 1)
            }
            Place::Derivative { row, parameter } => format!(
                "the derivative of the model by {} is not finite at observation {}",
                name(parameter),
                row + 1
            ),
        }
    }
}

impl Outcome {
    /// Whether a minimum was found.
    pub fn converged(&self) -> bool {
        matches!(self, Outcome::Converged { .. })
    }

    /// One word, for machines: `converged`, `max_steps`, `diverged`, `non_finite` or `stalled`.
    pub fn word(&self) -> &'static str {
        match self {
            Outcome::Converged { .. } => "converged",
            Outcome::MaxSteps => "max_steps",
            Outcome::Diverged { .. } => "diverged",
            Outcome::NonFinite { .. } => "non_finite",
            Outcome::Stalled => "stalled",
        }
    }

    /// What to do, in one sentence.
    pub fn advice(&self) -> &'static str {
        match self {
            Outcome::Converged { .. } => {
                "Look at the errors and the residuals before trusting the fit."
            }
            Outcome::MaxSteps => {
                "Allow more steps, or begin nearer to the answer or with fewer parameters."
            }
            Outcome::Diverged { .. } => {
                "Bound the parameter, or begin nearer to the answer: there may be no best value."
            }
            Outcome::NonFinite { place: Place::Start { .. } } => "Give finite start values.",
            Outcome::NonFinite { .. } => {
                "Begin where the model is defined, or bound the parameters to where it is."
            }
            Outcome::Stalled => {
                "Look for a kink, a jump or noise in the model there, or begin elsewhere."
            }
        }
    }
}

/// What happened, as a clause without the advice.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Outcome::Converged { why: Why::Gradient } => "converged: the gradient is 0",
            Outcome::Converged { why: Why::Cost } => "converged: the sum of squares falls no more",
            Outcome::Converged { why: Why::Step } => "converged: the parameters move no more",
            Outcome::Converged { why: Why::Exact } => "converged: every residual is 0",
            Outcome::MaxSteps => "not converged: the steps were used up",
            Outcome::Diverged { parameter } => {
                return write!(f, "not converged: parameter {} grows without end", parameter + 1);
            }
            Outcome::NonFinite { place: Place::Start { parameter } } => {
                return write!(f, "the start value of parameter {} is not finite", parameter + 1);
            }
            Outcome::NonFinite { place: Place::Residual { row } } => {
                return write!(f, "residual {} is not finite", row + 1);
            }
            Outcome::NonFinite { place: Place::Derivative { row, parameter } } => {
                let (row, parameter) = (row + 1, parameter + 1);
                return write!(
                    f,
                    "the derivative of residual {row} by parameter {parameter} is not finite"
                );
            }
            Outcome::Stalled => "not converged: no step lowers the sum of squares",
        };
        f.write_str(what)
    }
}
