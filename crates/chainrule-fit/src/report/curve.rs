//! What the fit of a curve found, for people and for machines.

use serde_json::{Value, json};

use super::{aligned, metrics, number, pad_left, pad_right};
use crate::curve::{CurveFit, Direction};
use crate::error::{count, shown};
use crate::inference::Estimate;
use crate::solve::Loss;

/// The most parameters whose correlations are printed.
const WIDE: usize = 10;

/// The text of a fit; `bold` marks headings, and is the identity where there is no terminal.
pub fn text(fit: &CurveFit, bold: &dyn Fn(&str) -> String) -> String {
    let mut out = estimates(&fit.estimates, "t", fit.confidence, bold);
    out.push('\n');
    for (name, value) in figures(fit) {
        out += &format!("  {} {value}\n", pad_right(name, 22));
    }
    if fit.estimates.len() > 1 && fit.estimates.len() <= WIDE {
        out += &format!("\n{}\n", bold("  correlation"));
        out += &correlations(fit);
    }
    out.push('\n');
    let how = if fit.searched { ", the best of many starts" } else { "" };
    let steps = count(fit.steps, "step");
    let outcome = fit.outcome.to_string();
    let mut letters = outcome.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    out + &format!("{first}{}; {steps} in {:.2} s{how}\n", letters.as_str(), fit.seconds)
}

/// Estimates, one in a line, with errors, statistic, p-value and interval.
pub fn estimates(
    all: &[Estimate],
    symbol: &str,
    confidence: f64,
    bold: &dyn Fn(&str) -> String,
) -> String {
    let column = |title: String, cells: Vec<String>| [vec![title], cells].concat();
    let some = |x: f64| x.is_finite().then_some(x);
    let numbers = |get: fn(&Estimate) -> f64, digits: usize| {
        aligned(&all.iter().map(|e| some(get(e))).collect::<Vec<_>>(), digits)
    };
    let level = number(100.0 * confidence, 2);
    let columns = [
        column("estimate".into(), numbers(|e| e.estimate, 6)),
        column("std. error".into(), numbers(|e| e.std_error, 4)),
        column(symbol.into(), numbers(|e| e.statistic, 4)),
        column("p".into(), all.iter().map(|e| p_value(e.p_value)).collect()),
        column(format!("{level} % from"), numbers(|e| e.interval.0, 6)),
        column("to".into(), numbers(|e| e.interval.1, 6)),
    ];
    let names: Vec<String> = all.iter().map(|e| shown(&e.name)).collect();
    let names = column(String::new(), names);
    let wide = |cells: &[String]| cells.iter().map(|c| c.chars().count()).max().unwrap_or(0);
    let mut out = String::new();
    for i in 0..=all.len() {
        let mut line = format!("  {}", pad_right(&names[i], wide(&names)));
        for cells in &columns {
            line += &format!("   {}", pad_left(&cells[i], wide(cells)));
        }
        let line = line.trim_end();
        out += &(if i == 0 { bold(line) } else { line.to_string() });
        out.push('\n');
    }
    out
}

/// A p-value as people write it.
pub fn p_value(p: f64) -> String {
    match p {
        _ if p.is_nan() => "–".into(),
        _ if p < 1e-4 => "<0.0001".into(),
        _ => format!("{p:.4}"),
    }
}

fn figures(fit: &CurveFit) -> Vec<(&'static str, String)> {
    let dash = |x: f64, digits: usize| match x.is_finite() {
        true => number(x, digits),
        false => "–".into(),
    };
    let freedom = count(fit.dof, "degree").replace("degree", "degree of freedom");
    let freedom = freedom.replace("degree of freedoms", "degrees of freedom");
    let mut all = vec![
        ("observations", fit.rows.to_string()),
        ("residual deviation", format!("{} on {freedom}", dash(fit.sigma, 5))),
        ("sum of squares", dash(fit.rss, 6)),
        ("R²", fit.metrics.r2.map_or("–".into(), |r2| number(r2, 6))),
        ("AIC, BIC", format!("{}, {}", dash(fit.aic, 5), dash(fit.bic, 5))),
        ("condition", dash(fit.condition, 3)),
    ];
    if fit.loss != Loss::Linear {
        all.insert(1, ("loss", format!("{} at scale {}", fit.loss.name(), fit.loss.scale())));
    }
    let largest: Vec<String> = fit
        .residue
        .largest
        .iter()
        .map(|(row, size)| format!("{} s in row {}", number(*size, 3), row + 1))
        .collect();
    if !largest.is_empty() {
        all.push(("largest residuals", largest.join(", ")));
    }
    if !fit.residue.runs_p.is_nan() {
        let p = |p: f64, verdict: &str| match p < 0.01 {
            true => format!("p {}: {verdict}", p_value(p)),
            false => format!("p {}", p_value(p)),
        };
        all.push(("signs at random", p(fit.residue.runs_p, "the curve misses a trend")));
        all.push(("normal residuals", p(fit.residue.normal_p, "skewed, or with outliers")));
    }
    all
}

fn correlations(fit: &CurveFit) -> String {
    let p = fit.estimates.len();
    let names: Vec<String> = fit.estimates.iter().map(|e| shown(&e.name)).collect();
    let wide = names.iter().map(|n| n.chars().count()).max().unwrap_or(0);
    let cell = |i: usize, j: usize| match fit.correlation[i * p + j] {
        c if c.is_nan() => "–".into(),
        c => format!("{c:.3}"),
    };
    let width = wide.max(6);
    let mut out = String::new();
    for (i, name) in names.iter().enumerate().skip(1) {
        let row: String = (0..i).map(|j| format!("  {}", pad_left(&cell(i, j), width))).collect();
        out += &format!("  {}{row}\n", pad_right(name, wide));
    }
    let heads: String =
        names[..p - 1].iter().map(|n| format!("  {}", pad_left(n, width))).collect();
    out + &format!("  {}{heads}\n", " ".repeat(wide))
}

/// Everything as one object; what is not defined is `null`.
pub fn json(fit: &CurveFit) -> Value {
    let p = fit.estimates.len();
    let rows: Vec<&[f64]> = fit.correlation.chunks(p.max(1)).collect();
    json!({
        "parameters": fit.estimates.iter().map(estimate).collect::<Vec<Value>>(),
        "outcome": fit.outcome.word(),
        "converged": fit.outcome.converged(),
        "why": fit.outcome.to_string(),
        "iterations": fit.steps,
        "rss": fit.rss,
        "sigma": fit.sigma,
        "degrees_of_freedom": fit.dof,
        "metrics": { "train": metrics(Some(&fit.metrics)) },
        "correlation": rows,
        "condition": fit.condition,
        "undetermined": fit.undetermined.iter().map(direction).collect::<Vec<Value>>(),
        "at_bound": fit.at_bound,
        "aic": fit.aic,
        "bic": fit.bic,
        "residuals": {
            "largest": fit.residue.largest.iter().map(|(row, size)| {
                json!({ "row": row + 1, "standardised": size })
            }).collect::<Vec<Value>>(),
            "runs_p": fit.residue.runs_p,
            "normal_p": fit.residue.normal_p,
        },
        "loss": { "name": fit.loss.name(), "scale": fit.loss.scale() },
        "confidence": fit.confidence,
        "rows": fit.rows,
        "seconds": fit.seconds,
        "warnings": fit.warnings,
    })
}

/// An estimate as an object.
pub fn estimate(e: &Estimate) -> Value {
    json!({
        "name": e.name,
        "estimate": e.estimate,
        "std_error": e.std_error,
        "t": e.statistic,
        "p": e.p_value,
        "interval": [e.interval.0, e.interval.1],
    })
}

fn direction(direction: &Direction) -> Value {
    let parts = direction.parts.iter().map(|(name, x)| (name.clone(), json!(x)));
    Value::Object(parts.collect())
}
