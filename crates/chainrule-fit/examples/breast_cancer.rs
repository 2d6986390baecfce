//! Telling malignant tumours from benign ones by logistic regression.
//!
//! ```sh
//! cargo run --release -p chainrule-fit --example breast_cancer -- --plot roc.svg
//! ```
//!
//! # Data
//!
//! `data/breast_cancer.csv`: thirty measurements of cell nuclei for 569 tumours. A fifth of the
//! rows is kept to test on.
//!
//! # Models
//!
//! P(malignant) = 1/(1 + e⁻ᵑ) with η = b + Σ wⱼ xⱼ, fitted by Newton's method on the likelihood.
//!
//! - Three features, without a penalty: coefficients have standard errors, Wald tests, intervals,
//!   and e^w says by which factor a unit of the feature multiplies the odds.
//! - All thirty. They separate the classes, so the likelihood has no maximum and a penalty
//!   ½ λ ‖w‖² on the weights of standardised columns is needed; here λ = 0.01.
//!
//! Two scores of the 114 test rows matter: accuracy, at the threshold ½, and the area under the ROC
//! curve, the probability that a malignant tumour gets a higher score than a benign one, which is
//! the same for any threshold. Whoever must not miss a tumour moves along the curve.
//!
//! # What to expect
//!
//! 112 of 114 right with three features and 111 with all, and areas above 0.99: with so few rows
//! the difference in accuracy means nothing, but the area says that all thirty rank better.

pub(crate) mod common;

use std::process::ExitCode;

use chainrule_fit::data::split::split;
use chainrule_fit::data::table::Table;
use chainrule_fit::glm::{Family, Fit, Request, Score, fit, report};
use chainrule_fit::metrics::classes::{Classification, RocPoint, roc_auc, roc_curve};
use chainrule_fit::{Error, Result};
use chainrule_plot::ready::classification::{Roc, roc};
use common::Options;

fn main() -> ExitCode {
    common::start(&[], run)
}

/// Fits both models, and returns the accuracy of the second on the test rows.
pub(crate) fn run(options: &Options) -> Result<f64> {
    let table = common::table("breast_cancer.csv")?;
    let request = Request { seed: options.seed, ..Request::new("diagnosis", Family::Logistic) };
    let three = ["worst_area", "worst_smoothness", "mean_texture"];
    let few = Request { features: Some(three.map(String::from).to_vec()), ..request.clone() };
    let few = fit(&table, &few)?;
    println!("{}", report::text(&few, &str::to_string));

    let all = fit(&table, &Request { ridge: 0.01, ..request })?;
    println!("All thirty features, with a penalty:\n");
    let tested = scores(&all)?;
    println!("{}\n{}", tested.text(), tested.summary());

    options.draw(|| {
        let (few, all) = (tested_curve(&few, &table)?, tested_curve(&all, &table)?);
        let rates = |points: &[RocPoint]| -> (Vec<f64>, Vec<f64>) {
            points.iter().map(|p| (p.false_positives, p.true_positives)).unzip()
        };
        let (few_rates, all_rates) = (rates(&few.0), rates(&all.0));
        let curve = |name, (x, y), auc| Roc { name, false_positive: x, true_positive: y, auc };
        Ok(roc(&[
            curve("three features", (&few_rates.0, &few_rates.1), few.1),
            curve("all thirty", (&all_rates.0, &all_rates.1), all.1),
        ])
        .title("Malignant or benign: 114 test rows"))
    })?;
    Ok(tested.accuracy)
}

fn scores(fit: &Fit) -> Result<&Classification> {
    match &fit.test {
        Some(Score::Classes(scores)) => Ok(scores),
        _ => Err(Error::new("there are no rows to test on")),
    }
}

/// The ROC curve of the rows that `fit` was not made with, and the area under it.
fn tested_curve(fit: &Fit, table: &Table) -> Result<(Vec<RocPoint>, f64)> {
    let (_, test) = split(table.len(), fit.request.test_split, fit.request.seed);
    let found = fit.model.predict(table)?;
    let target = table.column("diagnosis")?;
    let second = fit.classes.get(1).map(String::as_str);
    let positive: Vec<bool> = test.iter().map(|&row| table.cell(row, target) == second).collect();
    let score: Vec<f64> = test.iter().map(|&row| found.means[2 * row + 1]).collect();
    let both = roc_curve(&positive, &score).zip(roc_auc(&positive, &score));
    both.ok_or_else(|| Error::new("both classes must occur among the test rows"))
}
