//! `--plot`: the figure that tells most of each kind of model.
//!
//! A curve of one column is drawn with its data, bands and residuals, one of several columns by
//! four looks at its residuals; coefficients with their intervals; two classes as a ROC curve and a
//! confusion matrix, more as the matrix alone, of the test rows if there are any; a network's
//! training as its losses; a descent as what it predicts against what was observed.

use chainrule_fit::curve::CurveFit;
use chainrule_fit::curve::drawing::Drawing;
use chainrule_fit::glm::Score;
use chainrule_fit::metrics::classes::{Classification, RocPoint};
use chainrule_fit::{glm, network, report};
use chainrule_plot::Figure;
use chainrule_plot::ready::classification::{Roc, confusion, roc};
use chainrule_plot::ready::descent::{Curve, losses};
use chainrule_plot::ready::regression::{self, Fitted};
use chainrule_plot::scale::Scale;

/// A curve, from its drawing if it has one column.
pub(super) fn curve(fit: &CurveFit, drawing: Option<&Drawing>) -> Figure {
    let Some(drawing) = drawing else {
        return regression::residuals(&fit.fitted, &fit.residue.values);
    };
    let column = |of: &dyn Fn(usize) -> f64| (0..drawing.curve.len()).map(of).collect::<Vec<_>>();
    let at = &drawing.curve;
    let (x, y): (Vec<f64>, Vec<f64>) = drawing.points.iter().copied().unzip();
    let shown = Fitted {
        x: &x,
        y: &y,
        fitted: &fit.fitted,
        grid: &drawing.places,
        curve: &column(&|i| at[i].value),
        confidence: (&column(&|i| at[i].confidence.0), &column(&|i| at[i].confidence.1)),
        prediction: (&column(&|i| at[i].prediction.0), &column(&|i| at[i].prediction.1)),
    };
    let facts: Vec<String> = fit
        .estimates
        .iter()
        .take(6)
        .map(|e| {
            let (value, error) = (report::number(e.estimate, 4), report::number(e.std_error, 2));
            if e.std_error.is_finite() {
                format!("{} = {value} ± {error}", e.name)
            } else {
                format!("{} = {value}", e.name)
            }
        })
        .collect();
    let facts: Vec<&str> = facts.iter().map(String::as_str).collect();
    regression::curve(&shown, (&drawing.x, &drawing.y), &facts)
}

/// A generalised linear model.
pub(super) fn glm(fit: &glm::Fit) -> Figure {
    match fit.test.as_ref().unwrap_or(&fit.train) {
        Score::Classes(scores) => classes(scores, fit.test.is_some()),
        Score::Numbers(_) => coefficients(fit),
    }
}

/// All figures of a generalised linear model.
pub(super) fn of_glm(fit: &glm::Fit) -> Vec<Figure> {
    let mut all = vec![glm(fit)];
    let is_class = !fit.classes.is_empty();
    if is_class && fit.classes.len() == 2 && fit.parameters.len() > 1 {
        all.push(coefficients(fit));
    }
    all
}

fn coefficients(fit: &glm::Fit) -> Figure {
    let (mut names, mut estimates, mut low, mut high) = (vec![], vec![], vec![], vec![]);
    for parameter in &fit.parameters {
        let e = &parameter.estimate;
        if e.name == chainrule_fit::INTERCEPT {
            continue;
        }
        let (from, to) = e.interval;
        names.push(e.name.as_str());
        estimates.push(e.estimate);
        low.push(from);
        high.push(to);
    }
    regression::coefficients(&names, &estimates, &low, &high)
}

/// A network's training.
pub(super) fn network(fit: &network::Fit) -> Figure {
    let (step, loss): (Vec<f64>, Vec<f64>) = fit.trained.history.loss().into_iter().unzip();
    let (at, validation): (Vec<f64>, Vec<f64>) =
        fit.trained.history.validation().into_iter().unzip();
    let mut curves = vec![Curve { name: "training", step: &step, loss: &loss }];
    if !at.is_empty() {
        curves.push(Curve { name: "validation", step: &at, loss: &validation });
    }
    losses(&curves, "epoch", Scale::Log, 0.0)
}

/// All figures of a curve.
pub(super) fn of_curve(fit: &CurveFit, drawing: Option<&Drawing>) -> Vec<Figure> {
    let mut all = vec![];
    if drawing.is_some() {
        all.push(curve(fit, drawing));
    }
    all.push(regression::residuals(&fit.fitted, &fit.residue.values));
    if fit.estimates.len() > 1 {
        let names: Vec<&str> = fit.estimates.iter().map(|e| e.name.as_str()).collect();
        all.push(regression::correlations(&names, &fit.correlation));
    }
    all
}

/// All figures of a network.
pub(super) fn of_network(fit: &network::Fit) -> Vec<Figure> {
    let mut all = vec![network(fit)];
    if let Score::Classes(scores) = fit.test.as_ref().unwrap_or(&fit.train) {
        all.push(classes(scores, fit.test.is_some()));
    }
    all
}

/// Which rows a figure shows.
fn rows(tested: bool) -> &'static str {
    if tested { "rows to test on" } else { "rows learnt from" }
}

/// A confusion matrix, and of two classes the ROC curve of the second beside it.
fn classes(scores: &Classification, tested: bool) -> Figure {
    let names: Vec<&str> = scores.classes.iter().map(|c| c.class.as_str()).collect();
    let matrix = confusion(&names, &scores.confusion.concat());
    let Some(auc) = scores.auc else {
        return matrix.title(&format!("Confusion matrix, {}", rows(tested)));
    };
    let of = |rate: &dyn Fn(&RocPoint) -> f64| scores.roc.iter().map(rate).collect::<Vec<f64>>();
    let (false_positive, true_positive) = (of(&|p| p.false_positives), of(&|p| p.true_positives));
    let curve = Roc {
        name: names.last().copied().unwrap_or_default(),
        false_positive: &false_positive,
        true_positive: &true_positive,
        auc,
    };
    let panels = [roc(&[curve]).panels, matrix.panels].concat();
    Figure::grid(panels, 2, (1080.0, 500.0))
        .title(&format!("ROC curve and confusion matrix, {}", rows(tested)))
}

/// A linear model by descent.
pub(super) fn linear(fit: &chainrule_fit::Fit) -> Figure {
    let title = format!("Predicted against observed, {}", rows(fit.rows.test > 0));
    regression::predicted_observed(&fit.observed, &fit.predicted, "").title(&title)
}

/// All figures of a linear model by descent.
pub(super) fn of_linear(fit: &chainrule_fit::Fit) -> Vec<Figure> {
    let residuals: Vec<f64> = fit.observed.iter().zip(&fit.predicted).map(|(y, p)| y - p).collect();
    vec![linear(fit), regression::residuals(&fit.predicted, &residuals)]
}
