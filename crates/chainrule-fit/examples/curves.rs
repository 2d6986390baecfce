//! Three curves of physics, fitted with errors one can check.
//!
//! ```sh
//! cargo run --release -p chainrule-fit --example curves -- --plot curves.svg
//! ```
//!
//! # Data
//!
//! Three problems of NIST's Statistical Reference Datasets, in `data/nist/nonlinear`, which come
//! with answers certified to 11 digits:
//!
//! - `Misra1a`: how much gas a surface takes up at a pressure x, y = b₁ (1 − e^(−b₂ x)).
//! - `Eckerle4`: the light that passes two mirrors near a resonance, (b₁/b₂) e^(−(x − b₃)²/2b₂²).
//! - `Thurber`: how fast electrons move in a semiconductor, as the logarithm x of their density
//!   grows: a ratio of two cubics, one of NIST's hardest.
//!
//! # Method
//!
//! Levenberg–Marquardt, from NIST's far start. The Jacobian is the library's own derivative of the
//! model, which is written as one would write the formula. Near the answer the curve is nearly
//! linear in b, so that the covariance of b is s² (JᵀJ)⁻¹, and a band around the curve follows from
//! ∂f/∂b at each x.
//!
//! # What to expect
//!
//! For each problem a report, and how many digits of each estimate and each error agree with
//! NIST's; 9 and more of 11. The figure shows data, curves, 95 % bands and residuals.

pub(crate) mod common;
#[path = "../tests/strd/mod.rs"]
mod strd;

use std::process::ExitCode;

use chainrule_core::Tensor;
use chainrule_fit::curve::{CurveFit, drawing::Drawing};
use chainrule_fit::solve::Options as Search;
use chainrule_fit::{Result, report};
use chainrule_plot::Figure;
use chainrule_plot::ready::regression::{Fitted, curve};
use common::Options;
use strd::{Problem, judged};

/// Each problem, and what its axes measure.
const PROBLEMS: [(&str, &str, &str); 3] = [
    ("Misra1a", "pressure", "volume"),
    ("Eckerle4", "wavelength (nm)", "transmittance"),
    ("Thurber", "log density", "mobility"),
];

fn main() -> ExitCode {
    common::start(&[], run)
}

/// Fits all, and returns the least number of digits that agree.
pub(crate) fn run(options: &Options) -> Result<f64> {
    let (mut least, mut panels) = (f64::INFINITY, vec![]);
    for (name, x, y) in PROBLEMS {
        let problem = Problem::read("nonlinear", name);
        let found = problem.fit(&problem.starts[0], &Search::default());
        let (certified, deviations) = (&problem.certified, &problem.deviations);
        let (values, errors) = judged(&found.estimates, certified, deviations, 11.0);
        println!("{name}\n\n{}", report::curve::text(&found, &str::to_string));
        println!("NIST: {values:.1} digits of the estimates agree, {errors:.1} of the errors\n");
        least = least.min(values).min(errors);
        if options.plot.is_some() {
            panels.extend(figure(&problem, &found, (x, y))?.panels);
        }
    }
    options.draw(|| {
        // Curves in the first row, their residuals in the second.
        let order = [0, 2, 4, 1, 3, 5].map(|k| std::mem::take(&mut panels[k]));
        let mut figure = Figure::grid(order.to_vec(), 3, (1260.0, 520.0));
        figure.rows = vec![3.0, 1.0];
        Ok(figure.title("Three of NIST's problems"))
    })?;
    Ok(least)
}

/// A fit with bands, and its residuals.
fn figure(problem: &Problem, found: &CurveFit, (x, y): (&str, &str)) -> Result<Figure> {
    let at = &problem.predictors[0];
    let places = Drawing::places(at, 120);
    let wide =
        Problem { predictors: vec![places.clone()], ..Problem::read("nonlinear", &problem.name) };
    let model = wide.model();
    let bands = found.predict(|b: &Tensor| model(b))?;
    let column = |of: fn(&chainrule_fit::curve::Prediction) -> f64| -> Vec<f64> {
        bands.iter().map(of).collect()
    };
    let (low, high) = (column(|p| p.confidence.0), column(|p| p.confidence.1));
    let (least, most) = (column(|p| p.prediction.0), column(|p| p.prediction.1));
    let fitted = Fitted {
        x: at,
        y: &problem.response,
        fitted: &found.fitted,
        grid: &places,
        curve: &column(|p| p.value),
        confidence: (&low, &high),
        prediction: (&least, &most),
    };
    let fact = format!("s = {}", report::number(found.sigma, 3));
    let mut figure = curve(&fitted, (x, y), &[&fact]);
    figure.panels[0].title.clone_from(&problem.name);
    Ok(figure)
}
