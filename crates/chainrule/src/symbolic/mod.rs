//! Formulas as mathematics: terms that are differentiated and simplified into formulas again.
//!
//! ```
//! use chainrule::formula::Formula;
//! use chainrule::symbolic::Term;
//!
//! let slope = |text: &str| {
//!     let f = Formula::parse(text)?;
//!     Ok::<String, Box<dyn std::error::Error>>(Term::of(&f)?.derivative("x").to_string())
//! };
//! assert_eq!(slope("3x^2 - 4x")?, "6*x - 4");
//! assert_eq!(slope("x^x")?, "x^x*(ln(x) + 1)");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod derive;
mod exact;
mod gradients;
mod kinds;
mod matrix;
mod named;
mod real;
mod several;
mod steps;
mod term;
mod tidy;
mod trace;
mod write;

use std::fmt;

pub use gradients::{Known, gradient_steps};
pub use kinds::{Kind, guessed_kinds, has_matrices, is_linear_map};
pub use matrix::{Extra, MatrixFormula, Shape};
pub use named::{GROWTH, LONG, Named, SAVED};
pub use several::{chain_steps, composed};
pub use steps::{Operator, Rule, Step, steps};
pub use term::Term;
pub use trace::trace;

use crate::formula::{Formula, FormulaError, Node};

impl Term {
    /// The term that a formula of numbers is.
    ///
    /// # Errors
    /// If the formula has a vector in it.
    pub fn of(formula: &Formula) -> Result<Term, FormulaError> {
        let names: Vec<(&str, Term)> =
            formula.variables().iter().map(|name| (name.as_str(), Term::symbol(name))).collect();
        formula.eval_real(&Term::written(), &names)
    }

    /// The derivative by a variable.
    #[must_use]
    pub fn derivative(&self, by: &str) -> Term {
        self.gradient(&[by]).swap_remove(0)
    }

    /// The partial derivatives by several variables.
    pub fn gradient(&self, by: &[&str]) -> Vec<Term> {
        derive::gradient(self, by).iter().map(tidy::tidy).collect()
    }

    /// The number of operations, those of equal parts counted once.
    pub fn operations(&self) -> usize {
        Term::operations_of(std::slice::from_ref(self))
    }

    /// The number of operations in several terms together, those of equal parts counted once.
    pub fn operations_of(terms: &[Term]) -> usize {
        term::operations(terms)
    }

    /// The term as the tree of a formula.
    pub fn to_node(&self) -> Node {
        write::node(self)
    }
}

/// The canonical text of the formula.
impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_node(), f)
    }
}

impl fmt::Debug for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Term({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(text: &str) -> Term {
        Term::of(&Formula::parse(text).unwrap()).unwrap()
    }

    #[test]
    fn simplified() {
        for (text, simple) in [
            ("3x^2 - 4x", "3*x^2 - 4*x"),
            ("x + x", "2*x"),
            ("x*x/x", "x"),
            ("2(x+1)", "2*x + 2"),
            ("sin(x)^2 + cos(x)^2", "1"),
            ("e^(2x) e^(-2x)", "1"),
            ("ln(e^x)", "x"),
            ("e^(ln x)", "x"),
            ("sqrt(x^2)", "sqrt(x^2)"),
            ("sqrt(4x)", "2*sqrt(x)"),
            ("sin(-x)", "-sin(x)"),
            ("1 - x", "1 - x"),
            ("-x^2/2", "-x^2/2"),
            ("0.1x", "0.1*x"),
            ("x/10", "x/10"),
            ("0.5x/3 + 0.25y", "x/6 + 0.25*y"),
            ("x/0.3", "x/0.3"),
            ("0.1x - x/10", "0"),
            ("x y/(2 z)", "x*y/(2*z)"),
            ("|x|^2", "x^2"),
            ("x^(-1/2)", "1/sqrt(x)"),
        ] {
            assert_eq!(term(text).to_string(), simple, "{text}");
        }
    }

    #[test]
    fn derivatives() {
        for (text, slope) in [
            ("3x^2 - 4x", "6*x - 4"),
            ("x^x", "x^x*(ln(x) + 1)"),
            ("e^(-x^2/2)/sqrt(2pi)", "-x*e^(-x^2/2)/sqrt(2*pi)"),
            ("sin(x)/x", "cos(x)/x - sin(x)/x^2"),
            ("x^2 sin x", "x^2*cos(x) + 2*x*sin(x)"),
            ("ln(x)", "1/x"),
            ("|x|", "sign(x)"),
            ("tanh x", "1 - tanh(x)^2"),
            ("erf x", "2*e^(-x^2)/sqrt(pi)"),
            ("sqrt(x)", "1/(2*sqrt(x))"),
            ("{x^2 if x > 0; -x otherwise}", "{2*x if x > 0; -1 otherwise}"),
            ("relu(x)", "{1 if relu(x) > 0; 0 otherwise}"),
            ("2^x", "2^x*ln(2)"),
            ("0.1x^2", "0.2*x"),
            ("x^2/10", "x/5"),
            ("x^1.5", "1.5*sqrt(x)"),
            ("e^(-0.5 x^2)", "-x*e^(-0.5*x^2)"),
        ] {
            assert_eq!(term(text).derivative("x").to_string(), slope, "{text}");
        }
    }
}
