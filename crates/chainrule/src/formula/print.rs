//! The canonical text of a tree: plain characters, every product written with a sign, every
//! function with brackets, and no other brackets than precedence asks for.

use std::fmt;

use chainrule_core::op::Cmp;

use super::ast::{By, Expr, Node, Sign};

/// How tightly an expression holds together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tightness {
    Or,
    And,
    Not,
    Compare,
    Sum,
    Negate,
    Product,
    Power,
    Transpose,
    Alone,
}

pub(super) fn tightness(expr: &Expr) -> Tightness {
    match expr {
        Expr::Or(_) => Tightness::Or,
        Expr::And(_) => Tightness::And,
        Expr::Not(_) => Tightness::Not,
        Expr::Compare(..) => Tightness::Compare,
        Expr::Sum(..) => Tightness::Sum,
        Expr::Negate(_) => Tightness::Negate,
        Expr::Product(..) => Tightness::Product,
        Expr::Power(..) => Tightness::Power,
        Expr::Transpose(_) => Tightness::Transpose,
        Expr::Number(x) if x.is_sign_negative() => Tightness::Or,
        _ => Tightness::Alone,
    }
}

/// Writes `node`, in brackets unless it holds together at least as tightly as `least`.
fn write(node: &Node, least: Tightness, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if tightness(node.expr()) >= least {
        return bare(node.expr(), f);
    }
    f.write_str("(")?;
    bare(node.expr(), f)?;
    f.write_str(")")
}

/// Writes `all` with `between` them.
fn list(all: &[Node], between: &str, least: Tightness, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    all.iter().enumerate().try_for_each(|(i, node)| {
        f.write_str(if i == 0 { "" } else { between })?;
        write(node, least, f)
    })
}

/// A number as short as it can be without becoming another one.
pub(super) fn number(x: f64) -> String {
    let (plain, short) = (format!("{x:?}"), format!("{x:e}"));
    let plain = plain.strip_suffix(".0").unwrap_or(&plain);
    if plain.len() > short.len() + 3 { short } else { plain.into() }
}

fn bare(expr: &Expr, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match expr {
        Expr::Number(x) => f.write_str(&number(*x)),
        Expr::Constant(c) => f.write_str(c.name()),
        Expr::Variable(name) => f.write_str(name),
        Expr::Negate(a) => {
            f.write_str("-")?;
            write(a, Tightness::Product, f)
        }
        Expr::Sum(first, rest) => {
            write(first, Tightness::Negate, f)?;
            rest.iter().try_for_each(|(sign, term)| {
                f.write_str(if *sign == Sign::Plus { " + " } else { " - " })?;
                write(term, Tightness::Product, f)
            })
        }
        Expr::Product(first, rest) => {
            write(first, Tightness::Power, f)?;
            rest.iter().try_for_each(|(by, factor)| {
                f.write_str(match by {
                    By::Times => "*",
                    By::Elementwise => " .* ",
                    By::Over => "/",
                })?;
                write(factor, Tightness::Power, f)
            })
        }
        Expr::Power(base, exponent) => {
            write(base, Tightness::Transpose, f)?;
            f.write_str("^")?;
            write(exponent, Tightness::Transpose, f)
        }
        Expr::Transpose(a) => {
            write(a, Tightness::Transpose, f)?;
            f.write_str("'")
        }
        Expr::Call(function, arguments) => {
            write!(f, "{}(", function.name())?;
            list(arguments, ", ", Tightness::Or, f)?;
            f.write_str(")")
        }
        Expr::Vector(all) => {
            f.write_str("[")?;
            list(all, ", ", Tightness::Or, f)?;
            f.write_str("]")
        }
        _ => condition(expr, f),
    }
}

fn condition(expr: &Expr, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match expr {
        Expr::Compare(first, rest) => {
            write(first, Tightness::Sum, f)?;
            rest.iter().try_for_each(|(cmp, node)| {
                write!(f, " {} ", sign(*cmp))?;
                write(node, Tightness::Sum, f)
            })
        }
        Expr::And(all) => list(all, " and ", Tightness::Not, f),
        Expr::Or(all) => list(all, " or ", Tightness::And, f),
        Expr::Not(a) => {
            f.write_str("not ")?;
            write(a, Tightness::Compare, f)
        }
        Expr::Piecewise(cases, otherwise) => {
            f.write_str("{")?;
            for (i, case) in cases.iter().enumerate() {
                f.write_str(if i == 0 { "" } else { "; " })?;
                write(&case.value, Tightness::Or, f)?;
                f.write_str(" if ")?;
                write(&case.condition, Tightness::Or, f)?;
            }
            if let Some(value) = otherwise {
                f.write_str("; ")?;
                write(value, Tightness::Or, f)?;
                f.write_str(" otherwise")?;
            }
            f.write_str("}")
        }
        _ => Ok(()),
    }
}

pub(super) fn sign(cmp: Cmp) -> &'static str {
    match cmp {
        Cmp::Eq => "=",
        Cmp::Ne => "!=",
        Cmp::Lt => "<",
        Cmp::Le => "<=",
        Cmp::Gt => ">",
        Cmp::Ge => ">=",
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        bare(self.expr(), f)
    }
}
