//! Derivatives as text and as JSON.

use std::fmt::Write;
use std::io;

use chainrule::formula::{Expr, Node, Span};
use serde_json::{Value, json};

use super::Arguments;
use super::limit::At;
use super::symbolic::{Partial, Symbolic};
use crate::check::trimmed;

/// The digits that are shown.
const DIGITS: usize = 12;

pub(super) fn text(arguments: &Arguments, symbolic: &Symbolic, at: Option<&At>) -> String {
    let styled = crate::is_styled(&io::stdout());
    let formula = |node: &Node| if arguments.latex { node.to_latex() } else { node.pretty() };
    let given = &symbolic.given;
    let mut rows = vec![("f".to_string(), formula(given.outer.root()))];
    rows.extend(given.inner.iter().map(|(name, f)| (name.clone(), formula(f.root()))));
    for (partial, node) in symbolic.partials.iter().zip(&symbolic.named.results) {
        rows.push((symbolic.name(&partial.by, arguments.latex), formula(node)));
    }
    let parts = rows.len();
    for (name, node) in &symbolic.named.parts {
        let name = Node::new(Expr::Variable(name.clone()), Span::default());
        rows.push((formula(&name), formula(node)));
    }
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for (i, (name, formula)) in rows.iter().enumerate() {
        if i == parts {
            text += "where\n";
        }
        let _ = writeln!(text, "{} = {formula}", crate::bold(&format!("{name:<width$}"), styled));
    }
    for partial in &symbolic.partials {
        if let Some(steps) = &partial.steps {
            text.push('\n');
            text += &tree(&steps.lines(arguments.depth, arguments.latex));
        }
    }
    if arguments.steps && symbolic.by.len() > 1 {
        text.push('\n');
        text += &tree(&gathered(symbolic, arguments.latex));
    }
    if let Some(at) = at {
        text += &values(symbolic, at, styled);
        if arguments.limit {
            text += &limit(symbolic, at, styled);
        }
    }
    text
}

/// The gradient and the Hessian, put together from partial derivatives.
fn gathered(symbolic: &Symbolic, latex: bool) -> Vec<(usize, String, String)> {
    let shown = |node: &Node| if latex { node.to_latex() } else { node.pretty() };
    let place = |by: &[&String]| {
        let same = |p: &Partial| {
            let reversed = p.by.iter().rev().eq(by.iter().copied());
            reversed || p.by.iter().eq(by.iter().copied())
        };
        symbolic.partials.iter().position(same)
    };
    // A matrix of derivatives: by their names, then by their formulas.
    let line = |name: &str, rows: Vec<Vec<usize>>, rule: &str| {
        let matrix = |cell: &dyn Fn(usize) -> String| match latex {
            true => {
                let row = |row: &Vec<usize>| row.iter().map(|&i| cell(i)).collect::<Vec<_>>();
                let rows: Vec<String> = rows.iter().map(|r| row(r).join(" & ")).collect();
                format!(r"\begin{{bmatrix}} {} \end{{bmatrix}}", rows.join(r" \\ "))
            }
            false => {
                let row = |row: &Vec<usize>| row.iter().map(|&i| cell(i)).collect::<Vec<_>>();
                let rows: Vec<String> = rows.iter().map(|r| row(r).join(", ")).collect();
                format!("[{}]", rows.join("; "))
            }
        };
        let names = matrix(&|i| symbolic.name(&symbolic.partials[i].by, latex));
        let formulas = matrix(&|i| shown(&symbolic.named.results[i]));
        let rule = rule.to_string();
        [(0, format!("{name} = {names}"), rule), (0, format!("= {formulas}"), String::new())]
    };
    let by = &symbolic.by;
    let first: Vec<Vec<usize>> = by.iter().filter_map(|b| place(&[b]).map(|i| vec![i])).collect();
    let nabla = if latex { r"\nabla f" } else { "∇f" };
    let mut all = line(nabla, first, "gradient: the partial derivatives").to_vec();
    if symbolic.order >= 2 {
        let row = |a: &String| by.iter().filter_map(|b| place(&[a, b])).collect::<Vec<_>>();
        let rows = by.iter().map(row).collect();
        all.extend(line("H", rows, "Hessian: the partial derivatives of the gradient"));
    }
    all
}

/// The formula and its derivatives for web pages, one to a line; then the names, as equations.
pub(super) fn mathml(symbolic: &Symbolic) -> String {
    let mut text = symbolic.formula.root().to_mathml() + "\n";
    for node in symbolic.named.results.iter().chain(&symbolic.named.equations()) {
        text += &node.to_mathml();
        text.push('\n');
    }
    text
}

/// Steps, with the names of the rules in a column of their own.
pub(super) fn tree(lines: &[(usize, String, String)]) -> String {
    let length = |(level, text, _): &(usize, String, String)| 2 * level + text.chars().count();
    let widest = lines.iter().map(length).filter(|n| *n <= 60).max().unwrap_or(0);
    let mut all = String::new();
    for line in lines {
        let (level, text, rule) = line;
        let gap = widest.saturating_sub(length(line)) + 3;
        let gap = if rule.is_empty() { 0 } else { gap };
        let (indent, gap) = (" ".repeat(2 * level), " ".repeat(gap));
        let _ = writeln!(all, "{indent}{text}{gap}{rule}");
    }
    all
}

fn values(symbolic: &Symbolic, at: &At, styled: bool) -> String {
    let mut text = format!("\nat {}: f = {}\n", at.place, trimmed(at.value, DIGITS));
    if at.values.is_empty() {
        return text;
    }
    let titles = ["", "formula", "reverse mode", "forward mode", "differences", "digits"];
    let mut rows = vec![titles.map(String::from)];
    for (partial, v) in symbolic.partials.iter().zip(&at.values) {
        let cell = |x: f64| if x.is_nan() { "–".into() } else { trimmed(x, DIGITS) };
        let digits = if at.problem.is_some() { "–".into() } else { v.digits.to_string() };
        rows.push([
            symbolic.name(&partial.by, false),
            cell(v.symbolic),
            cell(v.reverse),
            cell(v.forward),
            cell(v.numeric),
            digits,
        ]);
    }
    let width = |k: usize| rows.iter().map(|row| row[k].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..titles.len()).map(width).collect();
    for (n, row) in rows.iter().enumerate() {
        let cells = row.iter().zip(&widths).enumerate().map(|(k, (cell, width))| match k {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        let line = cells.collect::<Vec<_>>().join("   ");
        text += &crate::bold(line.trim_end(), styled && n == 0);
        text.push('\n');
    }
    text
}

/// The table of the lecture: the difference quotient for smaller and smaller h.
fn limit(symbolic: &Symbolic, at: &At, styled: bool) -> String {
    let by = symbolic.by.first().map_or("x", String::as_str);
    let title = format!("h         (f({by} + h) − f({by}))/h");
    let mut text = format!("\n{}\n", crate::bold(&title, styled));
    for (h, quotient) in &at.limit {
        let _ = writeln!(text, "{h:<7.5}   {quotient:.5}");
    }
    text
}

pub(super) fn json(symbolic: &Symbolic, at: Option<&At>) -> Value {
    let named = &symbolic.named;
    let equation = |name: &str, node: &Node| {
        let (formula, latex) = (node.to_string(), node.to_latex());
        json!({ "name": name, "formula": formula, "latex": latex })
    };
    let row = |(i, partial): (usize, &Partial)| {
        let node = partial.term.to_node();
        let short = (!named.parts.is_empty()).then(|| named.results[i].clone());
        let values = at.and_then(|at| at.values.get(i));
        json!({
            "wrt": partial.by,
            "formula": node.to_string(),
            "latex": node.to_latex(),
            "short": short.as_ref().map(ToString::to_string),
            "short_latex": short.as_ref().map(Node::to_latex),
            "value": values.map(|v| v.symbolic),
            "reverse": values.map(|v| v.reverse),
            "forward": values.map(|v| v.forward),
            "numeric": values.map(|v| v.numeric),
            "digits": values.map(|v| v.digits),
            "steps": partial.steps.as_ref().map(|s| lines(&s.lines(usize::MAX, false))),
        })
    };
    let derivatives: Vec<Value> = symbolic.partials.iter().enumerate().map(row).collect();
    let first = symbolic.partials.iter().enumerate().filter(|(_, p)| p.by.len() == 1);
    let gradient: Vec<Option<f64>> =
        first.map(|(i, _)| at.and_then(|at| at.values.get(i)).map(|v| v.reverse)).collect();
    let (root, inner) = (symbolic.formula.root(), &symbolic.given.inner);
    json!({
        "formula": root.to_string(),
        "latex": root.to_latex(),
        "let": inner.iter().map(|(name, f)| equation(name, f.root())).collect::<Vec<_>>(),
        "at": at.map(|at| at.place.clone()),
        "value": at.map(|at| at.value),
        "derivatives": derivatives,
        "where": named.parts.iter().map(|(name, node)| equation(name, node)).collect::<Vec<_>>(),
        "gradient": at.map(|_| gradient),
        "hessian": at.and_then(|at| hessian(symbolic, at)),
        "limit": at.map(|at| at.limit.iter().map(|(h, q)| json!([h, q])).collect::<Vec<_>>()),
        "problem": at.and_then(|at| at.problem.clone()),
    })
}

pub(super) fn lines(all: &[(usize, String, String)]) -> Vec<Value> {
    let line = |line: &(usize, String, String)| {
        let (level, text, rule) = line;
        json!({ "level": level, "text": text, "rule": rule })
    };
    all.iter().map(line).collect()
}

/// The matrix of second derivatives, if they were asked for.
fn hessian(symbolic: &Symbolic, at: &At) -> Option<Value> {
    let second = |a: &String, b: &String| {
        let same = |by: &[String]| by == [a.clone(), b.clone()] || by == [b.clone(), a.clone()];
        let i = symbolic.partials.iter().position(|p| same(&p.by))?;
        Some(at.values.get(i)?.reverse)
    };
    let row =
        |a: &String| -> Option<Vec<f64>> { symbolic.by.iter().map(|b| second(a, b)).collect() };
    let rows: Option<Vec<Vec<f64>>> = symbolic.by.iter().map(row).collect();
    rows.filter(|_| symbolic.order >= 2).map(|rows| json!(rows))
}
