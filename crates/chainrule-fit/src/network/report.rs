//! What a network's fit found, for people ([`text`]) and for machines ([`json()`]).

use serde_json::{Value, json};

use super::{Fit, Request, RowCounts};
use crate::error::{count, shown};
use crate::glm::Score;
use crate::glm::report::{score, summary};
use crate::report::{all_missing, missing_json, number};
use crate::train::Ending;

/// A fit as one object.
pub fn json(fit: &Fit, request: &Request) -> Value {
    let is_class = !fit.model.classes().is_empty();
    let trained = &fit.trained;
    json!({
        "data": fit.path,
        "target": request.target,
        "model": "mlp",
        "hidden": request.hidden,
        "weights": fit.model.weights(),
        "classes": fit.model.classes(),
        "rows": {
            "train": fit.rows.train, "validation": fit.rows.validation, "test": fit.rows.test,
            "without_target": fit.rows.without_target,
        },
        "missing": fit.missing.iter().map(missing_json).collect::<Vec<Value>>(),
        "seed": request.seed,
        "outcome": match trained.ending {
            Ending::Done => "done",
            Ending::Stopped => "stopped early",
        },
        "iterations": trained.steps,
        "epochs": trained.history.epochs.len(),
        "best_epoch": trained.best.map(|best| best.0),
        "resumed": trained.resumed,
        "optimizer": request.method.name(),
        "rate": fit.rate,
        "rate_search": fit.sweep.as_ref().map(|s| json!({
            "rates": s.rates, "losses": s.smooth, "suggestion": s.suggestion, "reason": s.reason,
        })),
        "metrics": {
            "train": score(is_class, Some(&fit.train)),
            "test": score(is_class, fit.test.as_ref()),
        },
        "history": trained.history.to_json(),
        "digest": trained.digest,
        "seconds": trained.elapsed.as_secs_f64(),
        "warnings": fit.warnings,
    })
}

/// A fit as text.
pub fn text(fit: &Fit, request: &Request, bold: &dyn Fn(&str) -> String) -> String {
    let RowCounts { train, validation, test, without_target } = fit.rows;
    let mut out = format!(
        "{}: {} to train on, {validation} to validate and {test} to test on (seed {})\n",
        fit.path,
        count(train, "row"),
        request.seed
    );
    if without_target > 0 {
        let verb = if without_target == 1 { "has" } else { "have" };
        let more = count(without_target, "more row");
        out += &format!("{more} {verb} no target and took no part\n");
    }
    out += &all_missing(&fit.missing);
    let hidden: Vec<String> = request.hidden.iter().map(usize::to_string).collect();
    let title = format!(
        "{} by a network with hidden layers of {}, {}",
        shown(&request.target),
        hidden.join(", "),
        count(fit.model.weights(), "weight")
    );
    out += &format!("\n{}\n", bold(&title));
    for (part, score) in [("train", Some(&fit.train)), ("test", fit.test.as_ref())] {
        if let Some(judged) = score {
            out += &format!("  {part:<7}{}\n", summary(judged));
        }
    }
    if let Some(Score::Classes(score)) = fit.test.as_ref().or(Some(&fit.train)) {
        out += &format!("\n{}", score.text());
    }
    if let Some(sweep) = &fit.sweep {
        out += &format!("\nlearning rate {}: {}\n", number(fit.rate, 2), sweep.reason);
    }
    let trained = &fit.trained;
    let (epochs, steps) = (trained.history.epochs.len(), trained.steps);
    out += &format!(
        "\n{} of {request_epochs}, {}",
        count(epochs, "epoch"),
        count(steps, "step"),
        request_epochs = request.epochs
    );
    if let Some((epoch, _)) = trained.best.filter(|_| request.early_stop.is_some()) {
        out += &format!("; the model is that of epoch {epoch}");
    }
    if let Some(step) = trained.resumed {
        out += &format!("; went on from step {step}");
    }
    out + &format!("; digest {}, {:.2} s\n", trained.digest, trained.elapsed.as_secs_f64())
}
