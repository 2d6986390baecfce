//! How a disease progresses: least squares with errors, and what two penalties do to it.
//!
//! ```sh
//! cargo run --release -p chainrule-fit --example diabetes -- --plot diabetes.svg
//! ```
//!
//! # Data
//!
//! `data/diabetes.csv`: ten measurements of 442 people, and how far their disease had progressed a
//! year later, from 25 to 346. A fifth of the rows is kept to test on.
//!
//! # Models
//!
//! y = b + Σ wⱼ xⱼ + noise. With z for standardised columns, n for rows,
//!
//! ```text
//! linear   ½ (1/n) Σ (y − η)²
//! ridge    the same + ½ λ ‖w‖²      makes all weights smaller
//! lasso    the same + λ ‖w‖₁        makes some of them 0
//! ```
//!
//! Four of the blood values, s1 to s4, hold nearly the same facts. Least squares gives them large
//! weights of either sign with large errors; ridge shares the weight among them; the lasso picks.
//! Penalised weights are biased on purpose and have no errors.
//!
//! # What to expect
//!
//! R² of 0.47 to 0.48 on the test rows, whichever model: the penalties buy simplicity, not
//! accuracy. The command does the same,
//! `chainrule fit data/diabetes.csv --target progression --model lasso:2`. The figure shows the
//! coefficients in units of one standard deviation of each column.

pub(crate) mod common;

use std::process::ExitCode;

use chainrule_fit::glm::{Family, Fit, Request, Score, fit, report};
use chainrule_fit::{Error, Result};
use chainrule_plot::Figure;
use chainrule_plot::ready::regression::coefficients;
use common::Options;

fn main() -> ExitCode {
    common::start(&[], run)
}

/// Fits all three, and returns R² of the lasso on the test rows.
pub(crate) fn run(options: &Options) -> Result<f64> {
    let table = common::table("diabetes.csv")?;
    let families = [Family::Linear, Family::Ridge(0.1), Family::Lasso(2.0)];
    let fits = families.map(|family| {
        fit(&table, &Request { seed: options.seed, ..Request::new("progression", family) })
    });
    let [linear, ridge, lasso] = fits;
    let fits = [linear?, ridge?, lasso?];
    println!("{}", report::text(&fits[0], &str::to_string));

    println!("{:14}{:>12}{:>12}{:>12}", "", "linear", "ridge 0.1", "lasso 2");
    for (k, parameter) in fits[0].parameters.iter().enumerate() {
        print!("{:14}", parameter.estimate.name);
        fits.iter().for_each(|fit| print!("{:12.4}", fit.parameters[k].estimate.estimate + 0.0));
        println!();
    }
    let scores = fits.iter().map(tested).collect::<Result<Vec<f64>>>()?;
    println!("{:14}{:12.4}{:12.4}{:12.4}", "R² of test", scores[0], scores[1], scores[2]);

    options.draw(|| Ok(figure(&fits[0])))?;
    Ok(scores[2])
}

fn tested(fit: &Fit) -> Result<f64> {
    match &fit.test {
        Some(Score::Numbers(metrics)) => metrics.r2.ok_or(Error::new("the target does not vary")),
        _ => Err(Error::new("there are no rows to test on")),
    }
}

/// What a standard deviation of each column is worth, with intervals.
fn figure(fit: &Fit) -> Figure {
    let scales = &fit.model.encoder.scale;
    let parts = fit.parameters.iter().zip(scales);
    let (mut names, mut values, mut low, mut high) = (vec![], vec![], vec![], vec![]);
    for (parameter, scale) in parts {
        let one = &parameter.estimate;
        names.push(one.name.as_str());
        values.push(one.estimate * scale);
        low.push(one.interval.0 * scale);
        high.push(one.interval.1 * scale);
    }
    let mut figure = coefficients(&names, &values, &low, &high);
    figure.panels[0].x.label = "progression per standard deviation, with 95 % interval".into();
    figure.title("Diabetes: least squares")
}
