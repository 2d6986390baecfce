//! What a fit found, for people and for machines.
//!
//! [`text`] is a table that reads in a terminal and in a file alike: five significant digits,
//! decimal points below each other, the descent and the closed form side by side. [`json()`] is one
//! object with everything at full precision; what is not defined is `null`.

pub mod curve;

use serde_json::{Value, json};

use crate::data::encode::{MISSING_LEVEL, Missing};
use crate::error::{count, shown};
use crate::metrics::Metrics;
use crate::{Answer, Fit};

/// The text of a fit; `bold` marks the heading, and is the identity where there is no terminal.
pub fn text(fit: &Fit, bold: &dyn Fn(&str) -> String) -> String {
    let rows = &fit.rows;
    let tested = match rows.test {
        0 => "none to test on".into(),
        n => format!("{n} to test on (seed {})", fit.seed),
    };
    let mut out = format!("{}: {} to train on, {tested}\n", fit.path, count(rows.train, "row"));
    if rows.without_target > 0 {
        let verb = if rows.without_target == 1 { "has" } else { "have" };
        out += &format!(
            "{} {verb} no target and took no part\n",
            count(rows.without_target, "more row")
        );
    }
    out += &all_missing(&fit.missing);
    out.push('\n');
    out += &table(fit, bold);
    out.push('\n');
    out += &if fit.is_unique() { agreement(fit) } else { ambiguity(fit) };
    let steps = match rows.train.div_ceil(fit.batch) {
        1 => String::new(),
        n => format!(" of {n} steps"),
    };
    out + &format!("{}{steps} in {:.2} s\n", count(fit.epochs, "epoch"), fit.seconds)
}

/// The most columns whose missing values have a line each.
const LISTED: usize = 6;

/// What is missing in each column.
pub(crate) fn all_missing(all: &[Missing]) -> String {
    let (first, rest) = all.split_at(all.len().min(LISTED));
    let mut out: String = first.iter().map(|m| missing(m) + "\n").collect();
    if !rest.is_empty() {
        let cells = count(rest.iter().map(|m| m.cells).sum(), "missing value");
        out += &format!("{cells} of {} likewise\n", count(rest.len(), "more column"));
    }
    out
}

/// What is missing in a column and what stands for it, as a clause.
pub fn missing(missing: &Missing) -> String {
    let Missing { column, cells, mean } = missing;
    let what = format!("{} of \"{}\"", count(*cells, "missing value"), shown(column));
    match mean {
        Some(mean) => format!("{what} took the mean of the training rows, {}", number(*mean, 5)),
        None => format!("{what} went into the category \"{MISSING_LEVEL}\""),
    }
}

/// Parameters and measures, the descent on the left and the closed form on the right.
fn table(fit: &Fit, bold: &dyn Fn(&str) -> String) -> String {
    let mut names: Vec<String> = fit.names.iter().map(|name| shown(name)).collect();
    let parameters = names.len();
    names.extend(["train R²", "train RMSE"].map(String::from));
    if fit.rows.test > 0 {
        names.extend(["test R²", "test RMSE"].map(String::from));
    }
    let column = |title: &str, answer: &Answer| -> Vec<String> {
        // What is left of a perfect fit are rounding errors, which would look like a finding.
        let noise = 1e-12 * fit.model.target_scale;
        let clean = |x: f64| if x.abs() < noise { 0.0 } else { x };
        let measures = |m: Option<&Metrics>| [m.and_then(|m| m.r2), m.map(|m| clean(m.rmse))];
        let mut numbers: Vec<Option<f64>> = answer.parameters.iter().copied().map(Some).collect();
        if let Some(Some(intercept)) = numbers.last_mut() {
            *intercept = clean(*intercept);
        }
        numbers.extend(measures(Some(&answer.train)));
        numbers.extend(measures(answer.test.as_ref()));
        let mut cells = vec![title.to_string()];
        cells.extend(aligned(&numbers, 5));
        cells
    };
    let (ours, exact) =
        (column("descent", &fit.descent), column("least squares", &fit.closed_form));
    let title = format!("predicting {}", shown(&fit.target));
    let wide = |cells: &[String]| cells.iter().map(|c| c.chars().count()).max().unwrap_or(0);
    let (first, left, right) = (wide(&names).max(title.chars().count()), wide(&ours), wide(&exact));
    let line = |name: &str, i: usize| {
        let (a, b) = (pad_left(&ours[i], left), pad_left(&exact[i], right));
        format!("  {}   {a}   {b}", pad_right(name, first)).trim_end().to_string()
    };
    let mut out = bold(&line(&title, 0)) + "\n";
    for (i, name) in names.iter().enumerate() {
        if i == parameters {
            out.push('\n');
        }
        out += &(line(name, i + 1) + "\n");
    }
    out
}

/// What it means that several answers are best.
fn ambiguity(fit: &Fit) -> String {
    format!(
        "The best answer is not unique: the {} have rank {} in the training rows, so other\n\
         coefficients fit them equally well. Least squares shows the smallest ones.\n",
        count(fit.names.len() - 1, "column"),
        fit.rank
    )
}

/// How near the descent came.
fn agreement(fit: &Fit) -> String {
    let share = |m: Option<Metrics>| m.and_then(|m| m.r2);
    let (ours, exact) = (&fit.descent, &fit.closed_form);
    let (part, a, b) = match (share(ours.test), share(exact.test)) {
        (Some(a), Some(b)) => ("test", a, b),
        _ => match (ours.train.r2, exact.train.r2) {
            (Some(a), Some(b)) => ("train", a, b),
            _ => return String::new(),
        },
    };
    let gap = (a - b).abs();
    let gap = if gap < 1e-12 { "10⁻¹²".into() } else { number(gap, 1) };
    format!("The descent came within {gap} of the {part} R² of least squares.\n")
}

/// Everything as one object.
pub fn json(fit: &Fit) -> Value {
    let list = |answer: &Answer| -> Vec<Value> {
        let rows = fit.names.iter().zip(&answer.parameters);
        rows.map(|(name, x)| json!({ "name": name, "estimate": x })).collect()
    };
    json!({
        "data": fit.path,
        "target": fit.target,
        "rows": {
            "train": fit.rows.train,
            "test": fit.rows.test,
            "without_target": fit.rows.without_target,
        },
        "missing": fit.missing.iter().map(missing_json).collect::<Vec<Value>>(),
        "seed": fit.seed,
        "outcome": "done",
        "iterations": fit.epochs * fit.rows.train.div_ceil(fit.batch.max(1)),
        "parameters": list(&fit.descent),
        "rss": fit.descent.train.rmse.powi(2) * fit.rows.train as f64,
        "metrics": {
            "train": metrics(Some(&fit.descent.train)),
            "test": metrics(fit.descent.test.as_ref()),
        },
        "closed_form": {
            "unique": fit.is_unique(),
            "rank": fit.rank,
            "parameters": list(&fit.closed_form),
            "train": metrics(Some(&fit.closed_form.train)),
            "test": metrics(fit.closed_form.test.as_ref()),
        },
        "epochs": fit.epochs,
        "batch": fit.batch,
        "seconds": fit.seconds,
        "warnings": fit.warnings,
    })
}

pub(crate) fn missing_json(missing: &Missing) -> Value {
    let taken = missing.mean.map_or(json!(MISSING_LEVEL), |mean| json!(mean));
    json!({ "column": missing.column, "cells": missing.cells, "replaced_by": taken })
}

/// The measures as an object; `null` for each if there were no rows.
pub fn metrics(metrics: Option<&Metrics>) -> Value {
    json!({
        "r2": metrics.and_then(|m| m.r2),
        "rmse": metrics.map(|m| m.rmse),
        "mae": metrics.map(|m| m.mae),
    })
}

/// A number with `digits` significant digits.
///
/// ```
/// use chainrule_fit::report::number;
/// assert_eq!(number(-0.0123456, 4), "-0.01235");
/// assert_eq!(number(98765.4, 4), "98765");
/// assert_eq!(number(1.5e-9, 4), "1.500e-9");
/// assert_eq!(number(0.0, 4), "0");
/// ```
pub fn number(x: f64, digits: usize) -> String {
    if x == 0.0 || !x.is_finite() {
        return format!("{}", x.abs());
    }
    // The exponent after rounding: 9.9999 with three digits is 10.0.
    let rounded = format!("{:.*e}", digits - 1, x);
    let exponent: i32 = rounded.rsplit('e').next().and_then(|e| e.parse().ok()).unwrap_or(0);
    if !(-5..9).contains(&exponent) {
        return rounded;
    }
    let decimals = (digits as i32 - 1 - exponent).max(0) as usize;
    format!("{x:.decimals$}")
}

/// Numbers of `digits` digits, padded so that their decimal points stand below each other; a dash
/// for one that is not defined.
pub(crate) fn aligned(column: &[Option<f64>], digits: usize) -> Vec<String> {
    let cells: Vec<String> =
        column.iter().map(|x| x.map_or("–".into(), |x| number(x, digits))).collect();
    let tail = |cell: &String| {
        cell.find(['.', 'e']).map_or(0, |at| cell.chars().count() - cell[..at].chars().count())
    };
    let longest = cells.iter().map(tail).max().unwrap_or(0);
    cells.iter().map(|cell| format!("{cell}{}", " ".repeat(longest - tail(cell)))).collect()
}

pub(crate) fn pad_right(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.chars().count())))
}

pub(crate) fn pad_left(text: &str, width: usize) -> String {
    format!("{}{text}", " ".repeat(width.saturating_sub(text.chars().count())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_points_stand_below_each_other() {
        let got = aligned(&[Some(1.5), Some(-123.456), None, Some(0.012), Some(-98_765.0)], 4);
        assert_eq!(got, ["1.500  ", "-123.5    ", "–      ", "0.01200", "-98765      "]);
    }

    #[test]
    fn what_is_missing() {
        let column = |i: usize| Missing { column: format!("x{i}"), cells: 1 + i, mean: Some(0.5) };
        let mut all: Vec<Missing> = (0..8).map(column).collect();
        all[1].mean = None;
        let text = all_missing(&all);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 7);
        assert_eq!(
            lines[0],
            "1 missing value of \"x0\" took the mean of the training rows, 0.50000"
        );
        assert_eq!(lines[1], "2 missing values of \"x1\" went into the category \"(missing)\"");
        assert_eq!(lines[6], "15 missing values of 2 more columns likewise");
        assert_eq!(all_missing(&[]), "");
    }

    #[test]
    fn digits() {
        for (x, text) in [
            (9.99996, "10.000"),
            (123.456, "123.46"),
            (-0.5, "-0.50000"),
            (1e9, "1.0000e9"),
            (123_456_789.0, "123456789"),
            (-0.0, "0"),
        ] {
            assert_eq!(number(x, 5), text);
        }
    }
}
