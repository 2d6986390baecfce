//! What a fit found, for people and for machines.
//!
//! [`text`] is a table that reads in a terminal and in a file alike: five significant digits, decimal
//! points below each other, the descent and the closed form side by side. [`json`] is one object with
//! everything at full precision; what is not defined is `null`.

use serde_json::{Value, json};

use crate::error::{count, shown};
use crate::metrics::Metrics;
use crate::{Answer, Fit};

/// The text of a table; `bold` marks headings, and is the identity where there is no terminal.
pub fn text(fit: &Fit, bold: &dyn Fn(&str) -> String) -> String {
    let mut out = String::new();
    let mut line = |text: &str| {
        out.push_str(text.trim_end());
        out.push('\n');
    };
    let rows = &fit.rows;
    line(&format!(
        "{}: {} to train on, {} to test on (seed {})",
        fit.path,
        count(rows.train, "row"),
        rows.test,
        fit.seed
    ));
    if rows.without_target > 0 {
        let has = if rows.without_target == 1 { "has" } else { "have" };
        line(&format!("{} {has} no target and took no part", count(rows.without_target, "row")));
    }
    line("");

    let names: Vec<String> = fit.names.iter().map(|name| shown(name)).collect();
    let parameters = |answer: &Answer| -> Vec<Option<f64>> {
        answer.parameters.iter().copied().map(Some).collect()
    };
    let metric_names = ["train R²", "train RMSE", "test R²", "test RMSE"].map(String::from);
    let measured = rows.measured();
    let wide = |names: &[String]| names.iter().map(|n| n.chars().count()).max().unwrap_or(0);
    let title = format!("predicting {}", shown(&fit.target));
    let width = wide(&names).max(wide(&metric_names)).max(title.chars().count());
    let block = |names: &[String], ours: &[Option<f64>], exact: &[Option<f64>], digits| {
        let (ours, exact) = (aligned(ours, digits), aligned(exact, digits));
        let rows = names.iter().zip(ours).zip(exact);
        rows.map(|((name, a), b)| (name.clone(), a, b)).collect::<Vec<_>>()
    };
    let first = block(&names, &parameters(&fit.descent), &parameters(&fit.closed_form), 5);
    let two = |answer: &Answer, pick: fn(&Metrics) -> Option<f64>| {
        [pick(&answer.train), answer.test.as_ref().and_then(pick)]
    };
    // R² and RMSE are aligned apart, since they have nothing to do with each other.
    let r2 = |m: &Metrics| m.r2;
    let rmse = |m: &Metrics| Some(m.rmse);
    let pick = |i: usize| [metric_names[i].clone(), metric_names[i + 2].clone()];
    let shares = block(&pick(0), &two(&fit.descent, r2), &two(&fit.closed_form, r2), 5);
    let errors = block(&pick(1), &two(&fit.descent, rmse), &two(&fit.closed_form, rmse), 5);

    let cells = first.iter().chain(&shares).chain(&errors);
    let (mut left, mut right) = ("descent".len(), "least squares".len());
    for (_, a, b) in cells {
        left = left.max(a.chars().count());
        right = right.max(b.chars().count());
    }
    let row = |name: &str, a: &str, b: &str| {
        format!("  {}   {}   {}", pad_right(name, width), pad_left(a, left), pad_left(b, right))
    };
    line(&bold(&row(&title, "descent", "least squares")));
    for (name, a, b) in &first {
        line(&row(name, a, b));
    }
    line("");
    for i in 0..measured {
        line(&row(&shares[i].0, &shares[i].1, &shares[i].2));
        line(&row(&errors[i].0, &errors[i].1, &errors[i].2));
    }
    line("");
    if fit.is_unique() {
        line(&agreement(fit));
    } else {
        line(&format!(
            "The answer is not unique: only {} of {} are independent in the training rows, so other \
             coefficients fit equally well. Least squares shows the smallest of them.",
            fit.rank,
            count(fit.names.len() - 1, "column")
        ));
    }
    line(&format!(
        "{} of {} in {:.2} s",
        count(fit.epochs, "epoch"),
        count(fit.rows.train.div_ceil(fit.batch), "step"),
        fit.seconds
    ));
    out
}

/// How near the descent came, as a sentence.
fn agreement(fit: &Fit) -> String {
    let (ours, exact) = (&fit.descent, &fit.closed_form);
    let share = |a: &Answer| a.test.as_ref().and_then(|m| m.r2).or(a.train.r2);
    match (share(ours), share(exact)) {
        (Some(a), Some(b)) => {
            let part = if fit.rows.test > 0 && exact.test.and_then(|m| m.r2).is_some() {
                "test"
            } else {
                "train"
            };
            let gap = (a - b).abs();
            let gap = if gap < 5e-16 { "0".into() } else { format!("{gap:.0e}") };
            format!("The descent came within {gap} of the least-squares {part} R².")
        }
        _ => "R² is not defined, since the target does not vary in the rows to test on.".into(),
    }
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
        "seed": fit.seed,
        "parameters": list(&fit.descent),
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

/// The two measures as an object; `null` for each if there were no rows.
pub fn metrics(metrics: Option<&Metrics>) -> Value {
    json!({ "r2": metrics.and_then(|m| m.r2), "rmse": metrics.map(|m| m.rmse) })
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
fn aligned(column: &[Option<f64>], digits: usize) -> Vec<String> {
    let cells: Vec<String> =
        column.iter().map(|x| x.map_or("–".into(), |x| number(x, digits))).collect();
    let tail = |cell: &String| {
        cell.find(['.', 'e']).map_or(0, |at| cell.chars().count() - cell[..at].chars().count())
    };
    let longest = cells.iter().map(tail).max().unwrap_or(0);
    cells.iter().map(|cell| format!("{cell}{}", " ".repeat(longest - tail(cell)))).collect()
}

fn pad_right(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.chars().count())))
}

fn pad_left(text: &str, width: usize) -> String {
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
