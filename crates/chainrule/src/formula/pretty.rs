//! Formulas for eyes: `6x − 4`, `x^x (ln x + 1)`. What is printed can be read again, and means the
//! same.

use std::fmt::Write;

use chainrule_core::op::Unary;

use super::ast::{By, Constant, Expr, Function, Node, Sign};
use super::print::{Tightness, number, sign, tightness};

impl Node {
    /// The expression as people write it by hand, in one line.
    pub fn pretty(&self) -> String {
        bare(self, true)
    }
}

/// `node`, in brackets unless it holds together at least as tightly as `least`. `last` says that
/// nothing follows that an argument without brackets could swallow.
fn within(node: &Node, least: Tightness, last: bool) -> String {
    if tightness(node.expr()) >= least {
        bare(node, last)
    } else {
        format!("({})", bare(node, true))
    }
}

fn list(all: &[Node], between: &str, least: Tightness) -> String {
    let all: Vec<String> = all.iter().map(|node| within(node, least, true)).collect();
    all.join(between)
}

fn bare(node: &Node, last: bool) -> String {
    match node.expr() {
        Expr::Number(x) => number(*x),
        Expr::Constant(Constant::Pi) => "π".into(),
        Expr::Constant(Constant::Tau) => "τ".into(),
        Expr::Constant(Constant::Infinity) => "∞".into(),
        Expr::Constant(Constant::E) => "e".into(),
        Expr::Variable(name) => name.clone(),
        Expr::Negate(a) => format!("−{}", within(a, Tightness::Product, last)),
        Expr::Sum(first, rest) => {
            let mut text = within(first, Tightness::Negate, true);
            for (sign, term) in rest {
                text += if *sign == Sign::Plus { " + " } else { " − " };
                text += &within(term, Tightness::Product, true);
            }
            text
        }
        Expr::Product(first, rest) => product(first, rest, last),
        Expr::Power(base, exponent) => power(base, exponent),
        Expr::Transpose(a) => format!("{}'", within(a, Tightness::Transpose, false)),
        Expr::Call(function, arguments) => call(*function, arguments, last),
        Expr::Vector(all) => {
            let row = |node: &Node| match node.expr() {
                Expr::Vector(row) if row.len() > 1 => Some(list(row, ", ", Tightness::Or)),
                _ => None,
            };
            match all.iter().map(row).collect::<Option<Vec<String>>>() {
                Some(rows) if rows.len() > 1 => format!("[{}]", rows.join("; ")),
                _ => format!("[{}]", list(all, ", ", Tightness::Or)),
            }
        }
        Expr::Compare(first, rest) => {
            let mut text = within(first, Tightness::Sum, true);
            for (cmp, node) in rest {
                let _ = write!(text, " {} {}", sign(*cmp), within(node, Tightness::Sum, true));
            }
            text
        }
        Expr::And(all) => list(all, " and ", Tightness::Not),
        Expr::Or(all) => list(all, " or ", Tightness::And),
        Expr::Not(a) => format!("not {}", within(a, Tightness::Compare, true)),
        Expr::Piecewise(cases, otherwise) => {
            let case = |value: &Node, rest: String| {
                format!("{} {rest}", within(value, Tightness::Or, true))
            };
            let condition = |node: &Node| format!("if {}", within(node, Tightness::Or, true));
            let mut all: Vec<String> =
                cases.iter().map(|c| case(&c.value, condition(&c.condition))).collect();
            all.extend(otherwise.iter().map(|value| case(value, "otherwise".into())));
            format!("{{{}}}", all.join("; "))
        }
    }
}

/// Factors side by side, where that cannot be misread.
fn product(first: &Node, rest: &[(By, Node)], last: bool) -> String {
    let mut text = within(first, Tightness::Power, false);
    let mut divided = false;
    for (at, (by, factor)) in rest.iter().enumerate() {
        let ends = last && at + 1 == rest.len() && *by == By::Times;
        let next = within(factor, Tightness::Power, ends);
        let between = match by {
            By::Over => "/",
            By::Elementwise => " .* ",
            By::Times if next.starts_with(|c: char| c.is_ascii_digit() || c == '[') => "·",
            By::Times if divided => " · ",
            By::Times => {
                let number = matches!(first.expr(), Expr::Number(_)) && !text.contains('e');
                let bracket = tightness(first.expr()) < Tightness::Power;
                let letter = next.starts_with(|c: char| c.is_alphabetic() && !"eE".contains(c));
                let glued = at == 0 && (number || bracket) && letter && is_name(factor);
                if glued { "" } else { " " }
            }
        };
        divided |= *by == By::Over;
        text += between;
        text += &next;
    }
    text
}

/// A variable or a constant, perhaps raised.
fn is_name(node: &Node) -> bool {
    match node.expr() {
        Expr::Variable(_) | Expr::Constant(_) => true,
        Expr::Power(base, _) | Expr::Transpose(base) => {
            matches!(base.expr(), Expr::Variable(_))
        }
        _ => false,
    }
}

fn power(base: &Node, exponent: &Node) -> String {
    let base = within(base, Tightness::Transpose, false);
    match exponent.expr() {
        Expr::Number(n) if *n == n.trunc() && (0.0..100.0).contains(n) => {
            let digit = |c: char| "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().nth(c.to_digit(10).unwrap_or(0) as usize);
            base + &format!("{n}").chars().filter_map(digit).collect::<String>()
        }
        _ => format!("{base}^{}", within(exponent, Tightness::Transpose, false)),
    }
}

fn call(function: Function, arguments: &[Node], last: bool) -> String {
    let [argument] = arguments else {
        return format!("{}({})", function.name(), list(arguments, ", ", Tightness::Or));
    };
    let simple = matches!(argument.expr(), Expr::Variable(_) | Expr::Constant(_) | Expr::Number(_));
    match function {
        Function::Map(Unary::abs) => format!("|{}|", bars(argument)),
        Function::Norm => format!("‖{}‖", bars(argument)),
        Function::Map(Unary::sqrt) if simple => {
            format!("√{}", bare(argument, false))
        }
        Function::Map(Unary::sqrt) => format!("√({})", bare(argument, true)),
        _ if simple && last => format!("{} {}", function.name(), bare(argument, true)),
        _ => format!("{}({})", function.name(), bare(argument, true)),
    }
}

/// What stands between bars, in brackets if it is no sum or has bars of its own.
fn bars(node: &Node) -> String {
    let text = within(node, Tightness::Sum, false);
    if text.contains(['|', '‖']) { format!("({text})") } else { text }
}
