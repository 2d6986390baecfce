//! The value of a tree in any arithmetic of single numbers.

use std::collections::HashMap;

use chainrule_core::op::{Binary, Cmp, Real, Unary};

use super::ast::{By, Constant, Expr, Function, Node, Sign};
use super::error::FormulaError;

pub(super) struct Scalars<'a, R> {
    pub(super) text: &'a str,
    pub(super) values: HashMap<&'a str, R>,
    /// Any number of the arithmetic, of which constants are made.
    pub(super) like: &'a R,
}

impl<R: Real> Scalars<'_, R> {
    fn lit(&self, x: f64) -> R {
        self.like.lit(x)
    }

    fn fail(&self, node: &Node, what: String) -> FormulaError {
        FormulaError::new(what, self.text, node.span())
    }

    pub(super) fn node(&self, node: &Node) -> Result<R, FormulaError> {
        Ok(match node.expr() {
            Expr::Number(x) => self.lit(*x),
            Expr::Constant(c) => self.lit(c.value()),
            Expr::Variable(name) => match self.values.get(name.as_str()) {
                Some(x) => x.clone(),
                None => return Err(self.fail(node, format!("`{name}` has no value"))),
            },
            Expr::Negate(a) => -self.node(a)?,
            Expr::Sum(first, rest) => {
                let mut sum = self.node(first)?;
                for (sign, term) in rest {
                    let term = self.node(term)?;
                    sum = if *sign == Sign::Plus { sum + term } else { sum - term };
                }
                sum
            }
            Expr::Product(first, rest) => {
                let mut product = self.node(first)?;
                for (by, factor) in rest {
                    let factor = self.node(factor)?;
                    product = if *by == By::Over { product / factor } else { product * factor };
                }
                product
            }
            Expr::Power(base, exponent) => match (base.expr(), exponent.expr()) {
                (Expr::Constant(Constant::E), _) => self.node(exponent)?.map(Unary::exp),
                (_, Expr::Number(2.0)) => self.node(base)?.map(Unary::square),
                _ => self.node(base)?.zip(Binary::Pow, &self.node(exponent)?),
            },
            Expr::Transpose(a) => self.node(a)?,
            Expr::Call(function, arguments) => self.call(*function, arguments)?,
            Expr::Vector(_) => {
                return Err(self.fail(node, "a vector where numbers are computed".into()));
            }
            _ => self.choice(node)?,
        })
    }

    fn call(&self, function: Function, arguments: &[Node]) -> Result<R, FormulaError> {
        let mut all = Vec::with_capacity(arguments.len());
        for argument in arguments {
            all.push(self.node(argument)?);
        }
        let mut all = all.into_iter();
        let x = all.next().unwrap_or_else(|| self.lit(f64::NAN));
        Ok(match function {
            Function::Map(op) => x.map(op),
            Function::Zip(op) => all.fold(x, |x, y| x.zip(op, &y)),
            Function::Max => all.fold(x, |x, y| x.zip(Binary::Maximum, &y)),
            Function::Min => all.fold(x, |x, y| x.zip(Binary::Minimum, &y)),
            Function::Dot => all.fold(x, |x, y| x * y),
            Function::Sec => x.lit(1.0) / x.map(Unary::cos),
            Function::Csc => x.lit(1.0) / x.map(Unary::sin),
            Function::Cot => x.lit(1.0) / x.map(Unary::tan),
            Function::Norm => x.map(Unary::abs),
            Function::Softmax => x.lit(1.0),
            Function::Var | Function::Std => x.lit(f64::NAN),
            Function::Sum
            | Function::Prod
            | Function::Mean
            | Function::Logsumexp
            | Function::Trace => x,
        })
    }

    /// A condition as 1 or 0, or the value of a case.
    fn choice(&self, node: &Node) -> Result<R, FormulaError> {
        let zero = self.lit(0.0);
        let truth = |x: R| x.indicator(Cmp::Ne, &zero);
        match node.expr() {
            Expr::Compare(first, rest) => {
                let (mut left, mut holds) = (self.node(first)?, self.lit(1.0));
                for (cmp, node) in rest {
                    let right = self.node(node)?;
                    holds = holds * left.indicator(*cmp, &right);
                    left = right;
                }
                Ok(holds)
            }
            Expr::And(all) => all
                .iter()
                .try_fold(self.lit(1.0), |holds, node| Ok(holds * truth(self.node(node)?))),
            Expr::Or(all) => all
                .iter()
                .try_fold(zero.clone(), |holds, node| Ok(truth(holds + truth(self.node(node)?)))),
            Expr::Not(a) => Ok(self.node(a)?.indicator(Cmp::Eq, &zero)),
            Expr::Piecewise(cases, otherwise) => {
                let mut value = match otherwise {
                    Some(node) => self.node(node)?,
                    None => self.lit(f64::NAN),
                };
                for case in cases.iter().rev() {
                    let holds = self.node(&case.condition)?;
                    value = holds.pick(Cmp::Ne, &zero, &self.node(&case.value)?, &value);
                }
                Ok(value)
            }
            _ => Ok(self.lit(f64::NAN)),
        }
    }
}
