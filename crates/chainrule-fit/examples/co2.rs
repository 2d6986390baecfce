//! Carbon dioxide above Mauna Loa: a trend, a season, and a forecast that is put to the test.
//!
//! ```sh
//! cargo run --release -p chainrule-fit --example co2 -- --plot co2.svg
//! ```
//!
//! # Data
//!
//! `data/co2.csv`: weekly means from March 1958 to December 2001 in parts per million. 59 of the
//! 2,284 weeks were not measured and are left out: least squares needs no equal distances. The last
//! three years are kept to test the forecast on.
//!
//! # Model
//!
//! With t in years since 1980, a quadratic trend, and a season of four harmonics whose first two
//! grow in proportion to time,
//!
//! ```text
//! y(t) = a₀ + a₁ t + a₂ t² + Σₖ (sₖ sin 2πkt + cₖ cos 2πkt)           k = 1 … 4
//!          + Σₖ t (uₖ sin 2πkt + vₖ cos 2πkt)                          k = 1, 2
//! ```
//!
//! which is linear in its 15 parameters: the Jacobian is the same everywhere.
//! A forecast at t has the variance g C gᵀ + s², where g = ∂y/∂θ comes from the library's own
//! derivatives, C is the covariance of the parameters and s the deviation of a week.
//!
//! # What to expect
//!
//! s is ¾ ppm, and the forecast of three years errs by 1.1 ppm. The report says that residuals have
//! far too few changes of sign: warm and cool years follow each other, which the model does not
//! know and its bands do not contain. So the 95 % band is too narrow for years ahead: 86 % of the
//! weeks kept back lie in it. The figure shows the forecast above, residuals below.

pub(crate) mod common;

use std::f64::consts::TAU;
use std::process::ExitCode;

use chainrule_core::{Tensor, stack};
use chainrule_fit::curve::{Prediction, Request, fit};
use chainrule_fit::{Result, report};
use chainrule_plot::{Figure, Ink, Mark, Marker, Panel};
use common::Options;

fn main() -> ExitCode {
    common::start(&[], run)
}

/// Fits and forecasts, and returns the root mean square error of the forecast in ppm.
pub(crate) fn run(options: &Options) -> Result<f64> {
    let table = common::table("co2.csv")?;
    let (mut times, mut levels) = (vec![], vec![]);
    for row in 0..table.len() {
        let (year, co2) = (table.column("year")?, table.column("co2")?);
        if let (Some(year), Some(co2)) = (table.number(row, year)?, table.number(row, co2)?) {
            times.push(year);
            levels.push(co2);
        }
    }
    let missing = table.len() - times.len();
    let known = times.partition_point(|&year| year < 1999.0);
    println!(
        "{} weeks, {missing} not measured; {known} to fit, {} to forecast\n",
        table.len(),
        times.len() - known
    );

    let design = |times: &[f64]| -> Result<Tensor> {
        let columns: Vec<Tensor> = terms(times).into_iter().map(|(_, v)| Tensor::from(v)).collect();
        Ok(stack(&columns.iter().collect::<Vec<_>>(), 1)?)
    };
    let names = terms(&[]).into_iter().map(|(name, _)| name);
    let request = Request::new(names).start(&[0.0; 15]);
    let x = design(&times[..known])?;
    let found = fit(|theta: &Tensor| x.matmul(theta), &levels[..known], &request)?;
    println!("{}", report::curve::text(&found, &str::to_string));

    let ahead = design(&times[known..])?;
    let forecast = found.predict(|theta: &Tensor| ahead.matmul(theta))?;
    let seen = &levels[known..];
    let inside = forecast.iter().zip(seen).filter(|(f, y)| {
        let (low, high) = f.prediction;
        (low..=high).contains(*y)
    });
    let (inside, n) = (inside.count(), seen.len());
    let squares: f64 = forecast.iter().zip(seen).map(|(f, y)| (f.value - y).powi(2)).sum();
    let rmse = (squares / n as f64).sqrt();
    println!("forecast of 1999 to 2001: error {rmse:.3} ppm (root mean square); {inside} of {n}");
    println!("weeks ({:.0} %) in the 95 % band", 100.0 * inside as f64 / n as f64);

    options.draw(|| {
        let weeks: Vec<f64> = (0..=320).map(|i| 1996.0 + f64::from(i) / 52.0).collect();
        let shown = design(&weeks)?;
        let curve = found.predict(|theta: &Tensor| shown.matmul(theta))?;
        let rest: Vec<f64> = forecast.iter().zip(seen).map(|(f, y)| y - f.value).collect();
        let rest = [&found.residue.values[..], &rest].concat();
        Ok(figure((&times, &levels), &rest, (&weeks, &curve)))
    })?;
    Ok(rmse)
}

/// What each parameter multiplies.
fn terms(times: &[f64]) -> Vec<(String, Vec<f64>)> {
    let mut all = vec![];
    let mut add = |name: String, f: &dyn Fn(f64) -> f64| {
        all.push((name, times.iter().map(|year| f(year - 1980.0)).collect()));
    };
    for (k, name) in ["level", "slope", "t²"].into_iter().enumerate() {
        add(name.into(), &|t| t.powi(k as i32));
    }
    for k in 1..=4 {
        add(format!("sin {k}"), &|t| (TAU * f64::from(k) * t).sin());
        add(format!("cos {k}"), &|t| (TAU * f64::from(k) * t).cos());
    }
    for k in 1..=2 {
        add(format!("t sin {k}"), &|t| t * (TAU * f64::from(k) * t).sin());
        add(format!("t cos {k}"), &|t| t * (TAU * f64::from(k) * t).cos());
    }
    all
}

/// The last years with the forecast, and the residuals of all.
fn figure(
    (times, levels): (&[f64], &[f64]),
    rest: &[f64],
    (weeks, curve): (&[f64], &[Prediction]),
) -> Figure {
    let column = |of: fn(&Prediction) -> f64| curve.iter().map(of).collect::<Vec<f64>>();
    let (low, high) = (column(|p| p.prediction.0), column(|p| p.prediction.1));
    let from = times.partition_point(|&year| year < 1996.0);
    let dots = |x: &[f64], y: &[f64]| {
        Mark::points(x, y).ink(Ink::Series(1)).marker(Marker::Circle, 1.6).opacity(0.7)
    };
    let above = Panel::new("", "CO₂ (ppm)")
        .title("Forecast from the end of 1998")
        .with(Mark::band(weeks, &low, &high).ink(Ink::Series(0)).opacity(0.2).label("95 % band"))
        .with(Mark::line(weeks, &column(|p| p.value)).ink(Ink::Series(0)).width(1.6).label("model"))
        .with(dots(&times[from..], &levels[from..]).label("weeks"))
        .with(Mark::upright(1999.0).dashed());
    // Every fourth week is enough to see.
    let thin = |v: &[f64]| v.iter().copied().step_by(4).collect::<Vec<f64>>();
    let below = Panel::new("year", "residual (ppm)")
        .title("Residuals")
        .with(Mark::level(0.0).width(0.9))
        .with(dots(&thin(times), &thin(rest)))
        .with(Mark::upright(1999.0).dashed());
    let mut figure = Figure::grid(vec![above, below], 1, (760.0, 640.0));
    figure.rows = vec![3.0, 2.0];
    figure.title("Carbon dioxide above Mauna Loa")
}
