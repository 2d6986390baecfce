//! What a fit found, for people and for machines.
//!
//! [`text`] is a table of coefficients in the units of the data, with errors, tests and intervals,
//! then what the model as a whole achieves. [`json()`] is one object with everything at full
//! precision; what is not defined is `null`.

use serde_json::{Value, json};

use super::{Family, Fit, Parameter, Predictions, Score};
use crate::error::{count, shown};
use crate::metrics::Metrics;
use crate::report::{aligned, all_missing, metrics, missing_json, number, pad_left, pad_right};

/// The text of a fit; `bold` marks the heading, and is the identity where there is no terminal.
pub fn text(fit: &Fit, bold: &dyn Fn(&str) -> String) -> String {
    let rows = &fit.rows;
    let tested = match rows.test {
        0 => "none to test on".into(),
        n => format!("{n} to test on (seed {})", fit.request.seed),
    };
    let mut out = format!("{}: {} to train on, {tested}\n", fit.path, count(rows.train, "row"));
    if rows.without_target > 0 {
        let verb = if rows.without_target == 1 { "has" } else { "have" };
        let more = count(rows.without_target, "more row");
        out += &format!("{more} {verb} no target and took no part\n");
    }
    out += &all_missing(&fit.missing);
    out += &format!("{}\n\n", subject(fit));
    out += &coefficients(fit, bold);
    out.push('\n');
    out += &whole(fit);
    for (part, score) in [("train", Some(&fit.train)), ("test", fit.test.as_ref())] {
        out += &judged(part, score);
    }
    if let Some(Score::Classes(score)) = fit.test.as_ref().or(Some(&fit.train)) {
        out += &format!("\n{}", score.text());
    }
    let steps = match fit.request.family {
        Family::Lasso(_) => format!("{} of the weights", count(fit.steps, "visit")),
        _ => count(fit.steps, "step"),
    };
    out + &format!("\n{} in {steps}, {:.2} s\n", outcome(fit).replace('_', " "), fit.seconds)
}

/// The outcome in a word.
fn outcome(fit: &Fit) -> &'static str {
    if fit.runaway.is_empty() { fit.outcome.word() } else { "separated" }
}

/// What the linear predictor is.
fn subject(fit: &Fit) -> String {
    let target = shown(&fit.request.target);
    let class = |k: usize| fit.classes.get(k).map_or(String::new(), |class| shown(class));
    let penalty = |name: &str, lambda: f64| {
        let lambda = number(lambda, 3);
        format!("{target} by least squares with {name} penalty {lambda} on standardised columns")
    };
    let mut line = match fit.request.family {
        Family::Linear => format!("{target} by least squares"),
        Family::Ridge(lambda) => penalty("a ridge", lambda),
        Family::Lasso(lambda) => penalty("a lasso", lambda),
        Family::Logistic => {
            format!("log-odds of {target} being {}, not {}", class(1), class(0))
        }
        Family::Softmax => format!("log-odds of each {target} against {}", class(0)),
        Family::Poisson => format!("logarithm of the mean of {target}"),
    };
    if fit.request.ridge > 0.0 {
        let lambda = number(fit.request.ridge, 3);
        line += &format!(", with a ridge penalty {lambda} on standardised columns");
    }
    line
}

/// One line for each parameter.
fn coefficients(fit: &Fit, bold: &dyn Fn(&str) -> String) -> String {
    let all: Vec<&Parameter> = fit.parameters.iter().collect();
    let column = |title: &str, of: &dyn Fn(&Parameter) -> f64, digits: usize| {
        let numbers: Vec<Option<f64>> =
            all.iter().map(|p| Some(of(p)).filter(|x| x.is_finite())).collect();
        let mut cells = vec![title.to_string()];
        cells.extend(aligned(&numbers, digits));
        cells
    };
    let name = |p: &Parameter| match &p.class {
        Some(class) if fit.classes.len() > 2 => {
            format!("{} · {}", shown(class), shown(&p.estimate.name))
        }
        _ => shown(&p.estimate.name),
    };
    let mut columns = vec![column("estimate", &|p| p.estimate.estimate, 5)];
    if all.iter().any(|p| p.estimate.std_error.is_finite()) {
        columns.push(column("std. error", &|p| p.estimate.std_error, 4));
        columns.push(column(fit.reference.symbol(), &|p| p.estimate.statistic, 4));
        columns.push(probabilities(&all));
        let level = number(100.0 * fit.request.confidence, 2);
        columns.push(column(&format!("{level} % from"), &|p| p.estimate.interval.0, 4));
        columns.push(column("to", &|p| p.estimate.interval.1, 4));
    }
    let mut names = vec![String::new()];
    names.extend(all.iter().map(|p| name(p)));
    let wide = |cells: &[String]| cells.iter().map(|c| c.chars().count()).max().unwrap_or(0);
    let first = wide(&names);
    let widths: Vec<usize> = columns.iter().map(|cells| wide(cells)).collect();
    let mut out = String::new();
    for (i, name) in names.iter().enumerate() {
        let mut line = format!("  {}", pad_right(name, first));
        for (cells, width) in columns.iter().zip(&widths) {
            line += &format!("   {}", pad_left(&cells[i], *width));
        }
        let line = line.trim_end();
        out += &(if i == 0 { bold(line) } else { line.to_string() });
        out.push('\n');
    }
    out
}

/// p-values, with three digits after the point or as a bound.
fn probabilities(all: &[&Parameter]) -> Vec<String> {
    let cell = |p: f64| match p {
        p if !p.is_finite() => "–".to_string(),
        p if p < 0.0001 => "<0.0001".into(),
        p => format!("{p:.4}"),
    };
    let mut cells = vec!["p".to_string()];
    cells.extend(all.iter().map(|p| cell(p.estimate.p_value)));
    cells
}

/// Deviance and criteria.
fn whole(fit: &Fit) -> String {
    let what = if fit.request.family.is_least_squares() { "sum of squares" } else { "deviance" };
    let n = |x: f64| number(x, 6);
    let mut line = format!("{what} {}, without features {}", n(fit.deviance), n(fit.null_deviance));
    if let (Some(aic), Some(bic)) = (fit.aic, fit.bic) {
        line += &format!("; AIC {}, BIC {}", n(aic), n(bic));
    }
    line + "\n"
}

/// How good the predictions of some rows are, in one line.
fn judged(part: &str, score: Option<&Score>) -> String {
    match score {
        None => String::new(),
        Some(Score::Classes(score)) => format!("{}{}\n", pad_right(part, 7), score.summary()),
        Some(Score::Numbers(m)) => format!("{}{}\n", pad_right(part, 7), agreement(m)),
    }
}

/// The measures of numbers in one line.
fn agreement(m: &Metrics) -> String {
    let share = m.r2.map_or("not defined".into(), |r2| number(r2, 5));
    format!("R² {share}, RMSE {}, MAE {}", number(m.rmse, 5), number(m.mae, 5))
}

/// A score in one line.
pub fn summary(score: &Score) -> String {
    match score {
        Score::Numbers(m) => agreement(m),
        Score::Classes(score) => score.summary(),
    }
}

/// A score as an object; for classes `null` if there is none.
pub fn score(is_class: bool, score: Option<&Score>) -> Value {
    match score {
        Some(Score::Classes(score)) => score.json(),
        Some(Score::Numbers(m)) => metrics(Some(m)),
        None if is_class => Value::Null,
        None => metrics(None),
    }
}

/// Everything as one object.
pub fn json(fit: &Fit) -> Value {
    let family = fit.request.family;
    let parameters: Vec<Value> = fit.parameters.iter().map(|p| parameter(fit, p)).collect();
    let penalty = match family {
        Family::Ridge(lambda) | Family::Lasso(lambda) => lambda,
        _ => fit.request.ridge,
    };
    let size = if family.is_least_squares() { "rss" } else { "deviance" };
    json!({
        "data": fit.path,
        "target": fit.request.target,
        "model": family.name(),
        "penalty": penalty,
        "classes": fit.classes,
        "rows": {
            "train": fit.rows.train,
            "test": fit.rows.test,
            "without_target": fit.rows.without_target,
        },
        "missing": fit.missing.iter().map(missing_json).collect::<Vec<Value>>(),
        "seed": fit.request.seed,
        "parameters": parameters,
        "outcome": outcome(fit),
        "iterations": fit.steps,
        size: fit.deviance,
        format!("null_{size}"): fit.null_deviance,
        "log_likelihood": fit.log_likelihood,
        "aic": fit.aic,
        "bic": fit.bic,
        "runaway": fit.runaway,
        "metrics": {
            "train": score(family.is_classifier(), Some(&fit.train)),
            "test": score(family.is_classifier(), fit.test.as_ref()),
        },
        "seconds": fit.seconds,
        "warnings": fit.warnings,
    })
}

fn parameter(fit: &Fit, p: &Parameter) -> Value {
    let e = &p.estimate;
    let mut object = json!({ "name": e.name });
    if let Some(class) = &p.class {
        object["class"] = json!(class);
    }
    object["estimate"] = json!(e.estimate);
    object["std_error"] = json!(e.std_error);
    object[fit.reference.symbol()] = json!(e.statistic);
    object["p"] = json!(e.p_value);
    object["interval"] = json!([e.interval.0, e.interval.1]);
    object
}

/// Predictions as comma-separated values with a header: the class and a probability for each class,
/// or the mean; then what was observed, if the table has it.
pub fn lines(classes: &[String], found: &Predictions) -> String {
    let quoted = |text: &str| {
        if text.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.to_string()
        }
    };
    let mut out = String::from("row,predicted");
    for class in classes {
        out += &format!(",{}", quoted(&format!("p({class})")));
    }
    out += if found.observed.is_some() { ",observed\n" } else { "\n" };
    let k = classes.len().max(1);
    for (i, means) in found.means.chunks(k).enumerate() {
        out += &format!("{},", i + 1);
        match found.called.get(i) {
            None => out += &means[0].to_string(),
            Some(&class) => {
                out += &quoted(&classes[class]);
                means.iter().for_each(|p| out += &format!(",{p}"));
            }
        }
        if let Some(observed) = &found.observed {
            out += &format!(",{}", observed[i].as_deref().map(quoted).unwrap_or_default());
        }
        out.push('\n');
    }
    out
}

/// Predictions of the column `target` by a model of the kind `model` as one object.
pub fn predictions(target: &str, model: &str, classes: &[String], found: &Predictions) -> Value {
    let k = classes.len();
    let (predicted, probabilities) = if k == 0 {
        (json!(found.means), Value::Null)
    } else {
        let called: Vec<&String> = found.called.iter().map(|&c| &classes[c]).collect();
        (json!(called), json!(found.means.chunks(k).collect::<Vec<&[f64]>>()))
    };
    json!({
        "target": target,
        "model": model,
        "classes": classes,
        "rows": found.means.len() / k.max(1),
        "predictions": predicted,
        "probabilities": probabilities,
        "metrics": score(k > 0, found.score.as_ref()),
        "warnings": found.warnings,
    })
}
