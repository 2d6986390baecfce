//! Operators and functions on values.

use chainrule_core::op::{Binary, Unary};
use chainrule_core::{Error, Tensor};

use super::ast::{By, Function};
use super::eval::Lie::{Column, Row};
use super::eval::Value::{self, Number};
use super::eval::{Eval, Failure, Outcome, tensor};

impl Eval<'_> {
    #[track_caller]
    pub(super) fn map(&self, op: Unary, x: Value) -> Outcome {
        match x {
            Number(x) => Ok(Number(op.f(x))),
            Value::Tensor(x, lie) => {
                let method = Tensor::SCALAR_METHODS[op as usize].1;
                Ok(Value::Tensor(method(&x), lie))
            }
        }
    }

    /// A function of matching elements.
    #[track_caller]
    pub(super) fn zip(&self, op: Binary, x: Value, y: Value) -> Outcome {
        let lie = match (&x, &y) {
            (Number(x), Number(y)) => return Ok(Number(op.f(*x, *y))),
            (Value::Tensor(x, lie), Value::Tensor(y, other)) => {
                if lie != other && x.rank() == 1 && y.rank() == 1 {
                    let hint = "transpose one of them";
                    return Err(Failure::Other("a row meets a column".into(), hint.into()));
                }
                if x.rank() == 1 { *lie } else { *other }
            }
            (Value::Tensor(_, lie), _) | (_, Value::Tensor(_, lie)) => *lie,
        };
        let z = match (x, y) {
            // A number on the right takes the tensor's type.
            (Value::Tensor(x, _), Number(y)) => match op {
                Binary::Add => x.try_add(y),
                Binary::Sub => x.try_sub(y),
                Binary::Mul => x.try_mul(y),
                Binary::Div => x.try_div(y),
                Binary::Pow => x.try_powf(y),
                _ => self.zip_tensors(op, &x, &self.tensor(Number(y))),
            },
            (x, y) => self.zip_tensors(op, &self.tensor(x), &self.tensor(y)),
        };
        Ok(Value::Tensor(z?, lie))
    }

    #[track_caller]
    fn zip_tensors(&self, op: Binary, x: &Tensor, y: &Tensor) -> Result<Tensor, Error> {
        match op {
            Binary::Add => x.try_add(y),
            Binary::Sub => x.try_sub(y),
            Binary::Mul => x.try_mul(y),
            Binary::Div => x.try_div(y),
            Binary::Pow => x.try_pow(y),
            Binary::Rem => x.try_fmod(y),
            Binary::Maximum => x.try_maximum(y),
            Binary::Minimum => x.try_minimum(y),
            Binary::Atan2 => x.try_atan2(y),
            Binary::Hypot => x.try_hypot(y),
            Binary::Copysign => x.try_copysign(y),
            Binary::Logaddexp => x.try_logaddexp(y),
            Binary::Xlogy => x.try_xlogy(y),
            Binary::Polygamma => x.try_polygamma(y),
        }
    }

    #[track_caller]
    pub(super) fn by(&self, by: By, x: Value, y: Value) -> Outcome {
        let rank = |v: &Value| if let Value::Tensor(x, _) = v { x.rank() } else { 0 };
        if by == By::Over {
            return self.zip(Binary::Div, x, y);
        }
        if by == By::Elementwise || rank(&x) == 0 || rank(&y) == 0 {
            // The tensor first: the number takes its type.
            return match (&x, &y) {
                (Number(_), Value::Tensor(..)) => self.zip(Binary::Mul, y, x),
                _ => self.zip(Binary::Mul, x, y),
            };
        }
        let (Value::Tensor(x, left), Value::Tensor(y, right)) = (x, y) else {
            return Ok(Number(f64::NAN));
        };
        if x.rank() == 1 && y.rank() == 1 && (left, right) == (Column, Row) {
            return Ok(tensor(x.try_unsqueeze(1)?.try_mul(&y)?));
        }
        let lie = if x.rank() == 1 { Row } else { Column };
        Ok(Value::Tensor(x.try_matmul(&y)?, lie))
    }

    #[track_caller]
    pub(super) fn power(&self, base: Value, exponent: Value) -> Outcome {
        match (base, exponent) {
            (Value::Tensor(a, _), exponent) if a.rank() >= 2 => match exponent {
                Number(n) if n.fract() == 0.0 && (1.0..=64.0).contains(&n) => {
                    let mut power = a.clone();
                    for _ in 1..n as usize {
                        power = power.try_matmul(&a)?;
                    }
                    Ok(tensor(power))
                }
                _ => {
                    let what = "the power of a matrix takes a whole exponent from 1 to 64";
                    Err(Failure::Other(what.into(), "`.^` is the power of each element".into()))
                }
            },
            (Number(2.0), Value::Tensor(x, lie)) => Ok(Value::Tensor(x.exp2(), lie)),
            (base, exponent) => self.zip(Binary::Pow, base, exponent),
        }
    }

    #[track_caller]
    pub(super) fn call(&self, function: Function, mut arguments: Vec<Value>) -> Outcome {
        let last = arguments.pop().unwrap_or(Number(f64::NAN));
        match function {
            Function::Map(op) => self.map(op, last),
            Function::Zip(op) => {
                let first = arguments.pop().unwrap_or(Number(f64::NAN));
                self.zip(op, first, last)
            }
            Function::Max | Function::Min if !arguments.is_empty() => {
                let op = [Binary::Minimum, Binary::Maximum][usize::from(function == Function::Max)];
                arguments.push(last);
                let mut all = arguments.into_iter();
                let mut extreme = all.next().unwrap_or(Number(f64::NAN));
                for x in all {
                    extreme = self.zip(op, extreme, x)?;
                }
                Ok(extreme)
            }
            Function::Sec => self.zip(Binary::Div, Number(1.0), self.map(Unary::cos, last)?),
            Function::Csc => self.zip(Binary::Div, Number(1.0), self.map(Unary::sin, last)?),
            Function::Cot => self.zip(Binary::Div, Number(1.0), self.map(Unary::tan, last)?),
            Function::Dot => match (arguments.pop(), last) {
                (Some(Value::Tensor(x, _)), Value::Tensor(y, _)) if x.rank() + y.rank() > 0 => {
                    Ok(tensor(x.try_dot(&y)?))
                }
                (x, y) => self.zip(Binary::Mul, x.unwrap_or(Number(f64::NAN)), y),
            },
            _ => match last {
                Number(x) => Ok(Number(reduce_number(function, x))),
                Value::Tensor(x, lie) => {
                    let y = reduce(function, &x)?;
                    Ok(Value::Tensor(y, if function == Function::Softmax { lie } else { Column }))
                }
            },
        }
    }
}

/// A function of all elements.
#[track_caller]
fn reduce(function: Function, x: &Tensor) -> Result<Tensor, Error> {
    match function {
        Function::Max => x.try_max(),
        Function::Min => x.try_min(),
        Function::Prod => x.try_prod(),
        Function::Mean => x.try_mean(),
        Function::Var => x.try_var(),
        Function::Std => x.try_std(),
        Function::Norm => x.try_norm(),
        Function::Logsumexp => x.try_flatten()?.try_logsumexp(0, false),
        Function::Softmax => x.try_softmax(-1),
        Function::Trace => x.diagonal()?.try_sum(),
        _ => x.try_sum(),
    }
}

/// The same function of one number.
fn reduce_number(function: Function, x: f64) -> f64 {
    match function {
        Function::Norm => x.abs(),
        Function::Var | Function::Std => f64::NAN,
        Function::Softmax => 1.0,
        _ => x,
    }
}
