//! Formulas as people write them: `3x² − 4x`, `e^(-x²/2)/√(2π)`, `x' A x`.
//!
//! [`Formula::parse`] reads mathematics from a text, [`Formula::eval`] computes it on tensors. What
//! is computed is recorded like any other arithmetic, so it can be differentiated:
//!
//! ```
//! use chainrule::formula::Formula;
//! use chainrule::prelude::*;
//!
//! let f = Formula::parse("3x^2 - 4x")?;
//! let x = Tensor::from(2.0).requires_grad();
//! let y = f.eval(&[("x", &x)])?;
//! assert_eq!(y.item::<f64>()?, 4.0);
//! assert_eq!(grad(&y, &[&x])?[0].item::<f64>()?, 8.0); // 6x − 4
//! assert_eq!(f.to_string(), "3*x^2 - 4*x");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What can be written
//!
//! ```text
//! formula  = or
//! or       = and { "or" and }
//! and      = truth { "and" truth }
//! truth    = "not" truth | compare
//! compare  = sum { ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) sum }
//! sum      = product { ( "+" | "-" ) product }
//! product  = signed { ( "*" | ".*" | "/" | nothing ) signed }
//! signed   = ( "-" | "+" ) product | power
//! power    = raised [ ( "^" | "**" | ".^" ) ( "-" power | power ) ]
//! raised   = primary { "'" | exponent in raised characters }
//! primary  = number | name | call | "(" or ")" | "|" sum "|" | "‖" sum "‖" | "√" power
//!          | "⌊" sum "⌋" | "⌈" sum "⌉" | vector | cases
//! call     = function [ "^" small ] ( "(" or { "," or } ")" | argument )
//! small    = [ "-" ] ( number | name | "(" or ")" )
//! argument = "-" argument | power { power, without space before it }
//! vector   = "[" or { "," or } { ";" or { "," or } } "]"
//! cases    = "{" or "if" or { ";" or "if" or } [ ";" or "otherwise" ] "}"
//!          | "if" "(" or "," or "," or ")"
//! name     = ( letter { letter | digit } | Greek letter ) [ "_" subscript ]
//! ```
//!
//! - **Powers** bind tighter than signs: −x² is −(x²). They are read from the right: `2^3^2` is 2⁹.
//! - **Products** need no sign: `2x`, `2(x+1)`, `x y`, `(a)(b)`. A number does not follow without
//!   one, so that `x 2`, perhaps a lost `^`, is an error.
//! - **Words** are names: `xy` is one variable. A word is what the caller declares it to be
//!   ([`Formula::parse_with`]), else a function or constant of that name, else a variable; if the
//!   letters of an unknown word are all declared, it is their product. A Greek letter is a name by
//!   itself, so `πr²` is π·r². `x₁` is `x_1`.
//! - **Functions** bind tighter than products: `sin x cos y` is sin(x)·cos(y). Without brackets
//!   the argument is a factor and the names that follow it without space: `sin 2πx` is sin(2πx),
//!   `sin x y` is sin(x)·y. `sin² x` is (sin x)² and `sin⁻¹ x` is the arcsine. `log` is the
//!   natural logarithm, as in code, beside `log2` and `log10`. There are all scalar functions of
//!   [`op`](crate::op) and [`Function`]'s others.
//! - **Vectors and matrices**: products of two are matrix products, and `'` transposes. A vector is
//!   a column; the product of two columns is their scalar product. `.*` multiplies element by
//!   element, as `/`, `^` of a vector, and functions work; `^` of a matrix is its power, `.^` that
//!   of its elements. |x| is element by element, ‖x‖ and `norm(x)` are the length.
//! - **Cases**: `{x^2 if x > 0; -x otherwise}` or `if(x > 0, x^2, -x)`. Where no condition is true
//!   the value is NaN. Comparisons chain: `0 < x < 1`.
//! - **What can be read in two ways is refused**: `1/2x`, `sin x(y + 1)`, `sin 2 x`, `ln⁻¹ x`.
//!   With a space, `1/2 x` is ½·x: operators of one precedence apply from left to right.
//!
//! A formula has at most [`MAX_LENGTH`] bytes and at most [`MAX_HEIGHT`] levels. Reading takes time
//! and memory in proportion to the text, and little of the stack.
//!
//! # What is not here
//!
//! Elements by index, sums over an index, derivatives and integrals in the formula, units, complex
//! numbers, TeX as input.
//!
//! # References
//!
//! Precedence climbing: V. R. Pratt, *Top down operator precedence*, POPL 1973.

mod arith;
mod ast;
mod atoms;
mod calls;
mod error;
mod eval;
mod latex;
mod lex;
#[cfg(feature = "mathml")]
mod mathml;
mod parse;
mod pretty;
mod print;
mod real;
mod words;

use std::collections::{HashMap, HashSet};
use std::fmt;

use chainrule_core::Tensor;
use chainrule_core::op::{DType, Real};

pub use ast::{By, Case, Constant, Expr, Function, Node, Sign, Span};
pub use error::FormulaError;
use eval::{Eval, Lie, Value};
use real::Scalars;

/// The longest formula, in bytes.
pub const MAX_LENGTH: usize = 100_000;

/// How deep a formula may be nested: the greatest [`Node::height`].
pub const MAX_HEIGHT: usize = 200;

/// A formula that has been read. Two are equal if they say the same, whatever their spelling.
#[derive(Clone)]
pub struct Formula {
    text: String,
    root: Node,
    variables: Vec<String>,
}

impl Formula {
    /// Reads a formula.
    ///
    /// ```
    /// # use chainrule::formula::Formula;
    /// let f = Formula::parse("e^(-x²/2)/√(2π)")?;
    /// assert_eq!(f.to_string(), "e^(-x^2/2)/sqrt(2*pi)");
    /// # Ok::<(), chainrule::formula::FormulaError>(())
    /// ```
    ///
    /// # Errors
    /// If it is no formula; the error shows where.
    pub fn parse(text: &str) -> Result<Formula, FormulaError> {
        Formula::parse_with(text, &[])
    }

    /// Reads a formula in which `declared` are names of variables, whatever else they mean, and
    /// words made of the letters among them are products.
    ///
    /// ```
    /// # use chainrule::formula::Formula;
    /// let f = Formula::parse_with("2xy + e", &["x", "y", "e"])?;
    /// assert_eq!(f.variables(), ["x", "y", "e"]);
    /// assert_eq!(f, Formula::parse_with(&f.to_string(), &["x", "y", "e"])?);
    /// # Ok::<(), chainrule::formula::FormulaError>(())
    /// ```
    ///
    /// # Errors
    /// If it is no formula; the error shows where.
    pub fn parse_with(text: &str, declared: &[&str]) -> Result<Formula, FormulaError> {
        if text.len() > MAX_LENGTH {
            let what = format!("the formula has {} bytes; {MAX_LENGTH} are allowed", text.len());
            return Err(FormulaError::new(what, text, Span::default()));
        }
        let tokens = lex::lex(text, declared, &words::is_known)?;
        let root = parse::Parser::new(text, &tokens, declared).formula()?;
        let variables = variables(&root);
        Ok(Formula { text: text.into(), root, variables })
    }

    /// The formula of a tree that was not read from a text.
    pub fn from_node(root: Node) -> Formula {
        let variables = variables(&root);
        Formula { text: root.to_string(), root, variables }
    }

    /// The tree.
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// The text that was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The names of the variables, in the order in which they appear.
    pub fn variables(&self) -> &[String] {
        &self.variables
    }

    /// The value where the variables have the given values. It is recorded in the graph.
    ///
    /// Integers count as F64. Numbers in the formula take the tensors' type.
    ///
    /// ```
    /// # use chainrule::formula::Formula;
    /// # use chainrule::prelude::*;
    /// let f = Formula::parse("x' A x + norm(x)^2")?;
    /// let x = Tensor::from([1.0, 2.0]);
    /// let a = Tensor::from([[2.0, 1.0], [1.0, 0.0]]);
    /// assert_eq!(f.eval(&[("x", &x), ("A", &a)])?.item::<f64>()?, 11.0);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// If a variable has no value, or shapes do not fit; the error shows where in the formula.
    #[track_caller]
    pub fn eval(&self, values: &[(&str, &Tensor)]) -> Result<Tensor, FormulaError> {
        let float = |x: &Tensor| match x.dtype().is_float() {
            true => x.clone(),
            false => x.to_dtype(DType::F64),
        };
        let values: HashMap<&str, Value> =
            values.iter().map(|&(name, x)| (name, Value::Tensor(float(x), Lie::Column))).collect();
        let types = values.values().filter_map(|v| match v {
            Value::Tensor(x, _) => Some(x.dtype()),
            Value::Number(_) => None,
        });
        let dtype = types.reduce(DType::promote).unwrap_or(DType::F64);
        let eval = Eval { text: &self.text, values, dtype };
        let value = eval.node(&self.root)?;
        Ok(eval.tensor(value))
    }

    /// The value where the variables are plain numbers: no graph, and the value of
    /// [`eval`](Self::eval) on tensors of F64, up to rounding.
    ///
    /// ```
    /// # use chainrule::formula::Formula;
    /// assert_eq!(Formula::parse("max(x, y)/2")?.value(&[("x", 3.0), ("y", 4.0)])?, 2.0);
    /// # Ok::<(), chainrule::formula::FormulaError>(())
    /// ```
    ///
    /// # Errors
    /// If a variable has no value, or the result is a vector.
    #[track_caller]
    pub fn value(&self, values: &[(&str, f64)]) -> Result<f64, FormulaError> {
        let values = values.iter().map(|&(name, x)| (name, Value::Number(x))).collect();
        let eval = Eval { text: &self.text, values, dtype: DType::F64 };
        match eval.node(&self.root)? {
            Value::Number(x) => Ok(x),
            Value::Tensor(x, _) => {
                x.item().map_err(|e| FormulaError::of(e, &self.text, self.root.span()))
            }
        }
    }

    /// The value in any arithmetic of single numbers: numbers that carry a derivative, an error or
    /// the steps that led to them. `like` is any number of that arithmetic.
    ///
    /// ```
    /// # use chainrule::formula::Formula;
    /// let f = Formula::parse("{x² if x > 0; -x otherwise}")?;
    /// assert_eq!(f.eval_real(&0.0, &[("x", 3.0)])?, 9.0);
    /// # Ok::<(), chainrule::formula::FormulaError>(())
    /// ```
    ///
    /// # Errors
    /// If a variable has no value, or the formula has a vector in it.
    pub fn eval_real<R: Real>(&self, like: &R, values: &[(&str, R)]) -> Result<R, FormulaError> {
        let values = values.iter().map(|(name, x)| (*name, x.clone())).collect();
        Scalars { text: &self.text, values, like }.node(&self.root)
    }
}

/// The names in a tree, each once, from left to right.
fn variables(root: &Node) -> Vec<String> {
    let (mut names, mut seen, mut rest) = (vec![], HashSet::new(), vec![root]);
    while let Some(node) = rest.pop() {
        if let Expr::Variable(name) = node.expr()
            && seen.insert(name)
        {
            names.push(name.clone());
        }
        let at = rest.len();
        node.expr().for_children(&mut |child| rest.push(child));
        rest[at..].reverse();
    }
    names
}

impl PartialEq for Formula {
    fn eq(&self, other: &Formula) -> bool {
        self.root == other.root
    }
}

/// The canonical text. Read again, with the same names declared, it gives the same formula.
impl fmt::Display for Formula {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.root, f)
    }
}

impl fmt::Debug for Formula {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Formula({:?})", self.to_string())
    }
}

impl std::str::FromStr for Formula {
    type Err = FormulaError;

    fn from_str(text: &str) -> Result<Formula, FormulaError> {
        Formula::parse(text)
    }
}
