//! The value of a tree: numbers stay numbers as long as they can, everything else is recorded on
//! tensors.

use std::collections::HashMap;

use chainrule_core::op::{Binary, Cmp, DType, Unary};
use chainrule_core::{Error, Tensor, stack};

use super::ast::{Case, Constant, Expr, Node, Sign, Span};
use super::error::{FormulaError, nearest};
use super::words;

/// A value on the way.
#[derive(Clone)]
pub(super) enum Value {
    /// A number that depends on no tensor.
    Number(f64),
    /// A tensor; a vector may have been transposed.
    Tensor(Tensor, Lie),
}

/// How a vector lies.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Lie {
    Column,
    Row,
}

use Lie::{Column, Row};
use Value::Number;

/// A tensor that is no row.
pub(super) fn tensor(x: Tensor) -> Value {
    Value::Tensor(x, Column)
}

fn truth(holds: bool) -> Value {
    Number(f64::from(u8::from(holds)))
}

pub(super) struct Eval<'a> {
    pub(super) text: &'a str,
    pub(super) values: HashMap<&'a str, Value>,
    /// The type of numbers that become tensors.
    pub(super) dtype: DType,
}

/// What went wrong, and where if it is known more closely than the node.
pub(super) type Outcome = Result<Value, Failure>;

pub(super) enum Failure {
    /// Arithmetic on tensors.
    Tensor(Error),
    /// What the formula asks for cannot be: a clause, and what to do.
    Other(String, String),
    /// It has been said already.
    Said(FormulaError),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Tensor(error)
    }
}

impl From<FormulaError> for Failure {
    fn from(error: FormulaError) -> Failure {
        Failure::Said(error)
    }
}

impl Eval<'_> {
    /// The value as a tensor.
    pub(super) fn tensor(&self, value: Value) -> Tensor {
        match value {
            Number(x) => Tensor::full((), x).to_dtype(self.dtype),
            Value::Tensor(x, _) => x,
        }
    }

    #[track_caller]
    pub(super) fn node(&self, node: &Node) -> Result<Value, FormulaError> {
        self.expr(node).map_err(|failure| self.report(failure, node.span()))
    }

    #[cold]
    fn report(&self, failure: Failure, span: Span) -> FormulaError {
        match failure {
            Failure::Tensor(error) => FormulaError::of(error, self.text, span),
            Failure::Other(what, hint) => FormulaError::new(what, self.text, span).hint(hint),
            Failure::Said(error) => error,
        }
    }

    #[track_caller]
    fn all(&self, nodes: &[Node]) -> Result<Vec<Value>, FormulaError> {
        let mut values = Vec::with_capacity(nodes.len());
        for node in nodes {
            values.push(self.node(node)?);
        }
        Ok(values)
    }

    #[track_caller]
    fn expr(&self, node: &Node) -> Outcome {
        match node.expr() {
            Expr::Number(x) => Ok(Number(*x)),
            Expr::Constant(c) => Ok(Number(c.value())),
            Expr::Variable(name) => self.variable(name),
            Expr::Negate(a) => self.map(Unary::neg, self.node(a)?),
            Expr::Sum(first, rest) => {
                let mut sum = self.node(first)?;
                for (sign, term) in rest {
                    let op = if *sign == Sign::Plus { Binary::Add } else { Binary::Sub };
                    let span = first.span().to(term.span());
                    let term = self.node(term)?;
                    sum = self.zip(op, sum, term).map_err(|e| self.report(e, span))?;
                }
                Ok(sum)
            }
            Expr::Product(first, rest) => {
                let mut product = self.node(first)?;
                for (by, factor) in rest {
                    let span = first.span().to(factor.span());
                    let factor = self.node(factor)?;
                    product = self.by(*by, product, factor).map_err(|e| self.report(e, span))?;
                }
                Ok(product)
            }
            Expr::Power(base, exponent) => {
                let is_e = *base.expr() == Expr::Constant(Constant::E);
                let (base, exponent) = (self.node(base)?, self.node(exponent)?);
                if is_e { self.map(Unary::exp, exponent) } else { self.power(base, exponent) }
            }
            Expr::Transpose(a) => match self.node(a)? {
                Value::Tensor(x, lie) if x.rank() == 1 => {
                    Ok(Value::Tensor(x, if lie == Row { Column } else { Row }))
                }
                Value::Tensor(x, _) if x.rank() > 1 => Ok(tensor(x.try_t()?)),
                single => Ok(single),
            },
            Expr::Call(function, arguments) => self.call(*function, self.all(arguments)?),
            Expr::Vector(all) => self.vector(self.all(all)?),
            Expr::Compare(first, rest) => self.compare(first, rest),
            Expr::And(all) => self.logic(all, true),
            Expr::Or(all) => self.logic(all, false),
            Expr::Not(a) => match self.node(a)? {
                Number(x) => Ok(truth(x == 0.0)),
                Value::Tensor(x, _) => Ok(tensor(x.logical_not())),
            },
            Expr::Piecewise(cases, otherwise) => self.piecewise(cases, otherwise.as_deref()),
        }
    }

    fn variable(&self, name: &str) -> Outcome {
        if let Some(value) = self.values.get(name) {
            return Ok(value.clone());
        }
        Err(Failure::Other(format!("`{name}` has no value"), self.missing(name)))
    }

    /// What to do about a variable without a value.
    #[cold]
    fn missing(&self, name: &str) -> String {
        let mut given: Vec<&str> = self.values.keys().copied().collect();
        given.sort_unstable();
        let single = |c: char| given.iter().any(|d| d.chars().eq([c]));
        let functions = words::functions();
        let start = functions.iter().filter(|f| name.starts_with(**f)).max_by_key(|f| f.len());
        let names = given.iter().copied().chain(functions.iter().copied());
        if name.chars().count() > 1 && name.chars().all(single) {
            let letters: Vec<String> = name.chars().map(String::from).collect();
            format!("the product is written `{}`", letters.join("*"))
        } else if let Some(f) = start.filter(|f| f.len() > 2 && f.len() < name.len()) {
            format!("did you mean `{f}({})`?", &name[f.len()..])
        } else if let Some(near) = nearest(name, names) {
            format!("did you mean `{near}`?")
        } else if given.is_empty() {
            "give a value to each variable of the formula".into()
        } else {
            format!("values are given for {}", given.join(", "))
        }
    }

    #[track_caller]
    fn vector(&self, all: Vec<Value>) -> Outcome {
        let numbers: Option<Vec<f64>> =
            all.iter().map(|v| if let Number(x) = v { Some(*x) } else { None }).collect();
        if let Some(numbers) = numbers {
            return Ok(tensor(Tensor::from(numbers).to_dtype(self.dtype)));
        }
        let all: Vec<Tensor> = all.into_iter().map(|v| self.tensor(v)).collect();
        Ok(tensor(stack(&all.iter().collect::<Vec<_>>(), 0)?))
    }

    #[track_caller]
    fn compare(&self, first: &Node, rest: &[(Cmp, Node)]) -> Outcome {
        let mut left = self.node(first)?;
        let mut holds: Option<Value> = None;
        for (cmp, node) in rest {
            let right = self.node(node)?;
            let pair = match (&left, &right) {
                (Number(x), Number(y)) => truth(cmp.holds(*x, *y)),
                (x, y) => {
                    let (x, y) = (self.tensor(x.clone()), self.tensor(y.clone()));
                    tensor(match cmp {
                        Cmp::Eq => x.try_eq(&y)?,
                        Cmp::Ne => x.try_ne(&y)?,
                        Cmp::Lt => x.try_lt(&y)?,
                        Cmp::Le => x.try_le(&y)?,
                        Cmp::Gt => x.try_gt(&y)?,
                        Cmp::Ge => x.try_ge(&y)?,
                    })
                }
            };
            holds = Some(match holds {
                Some(before) => self.join(before, pair, true)?,
                None => pair,
            });
            left = right;
        }
        Ok(holds.unwrap_or(left))
    }

    #[track_caller]
    fn logic(&self, all: &[Node], both: bool) -> Outcome {
        let mut result = truth(both);
        for node in all {
            result = self.join(result, self.node(node)?, both)?;
        }
        Ok(result)
    }

    #[track_caller]
    fn join(&self, x: Value, y: Value, both: bool) -> Outcome {
        match (x, y) {
            (Number(x), Number(y)) => {
                let (x, y) = (x != 0.0, y != 0.0);
                Ok(truth(if both { x && y } else { x || y }))
            }
            (x, y) => {
                let (x, y) = (self.tensor(x), self.tensor(y));
                Ok(tensor(if both { x.try_logical_and(&y)? } else { x.try_logical_or(&y)? }))
            }
        }
    }

    #[track_caller]
    fn piecewise(&self, cases: &[Case], otherwise: Option<&Node>) -> Outcome {
        let mut result = match otherwise {
            Some(node) => self.node(node)?,
            None => Number(f64::NAN),
        };
        for case in cases.iter().rev() {
            let (value, condition) = (self.node(&case.value)?, self.node(&case.condition)?);
            result = match (condition, value, result) {
                (Number(holds), value, _) if holds != 0.0 => value,
                (Number(_), _, result) => result,
                (Value::Tensor(holds, _), value, result) => {
                    let lie = match (&value, &result) {
                        (Value::Tensor(x, lie), _) | (_, Value::Tensor(x, lie))
                            if x.rank() == 1 =>
                        {
                            *lie
                        }
                        _ => Column,
                    };
                    let (value, result) = (self.tensor(value), self.tensor(result));
                    Value::Tensor(holds.try_where(&value, &result)?, lie)
                }
            };
        }
        Ok(result)
    }
}
