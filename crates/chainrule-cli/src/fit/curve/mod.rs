//! A formula of columns and parameters, by nonlinear least squares.
//!
//! Names of columns in the formula are the columns, every other name is a parameter. Without
//! `--start` the search begins at many places ([`seeds`](chainrule_fit::solve::seeds)).

pub(crate) mod formula;
mod options;
mod rows;

use std::process::ExitCode;
use std::time::Instant;

use chainrule::Tensor;
use chainrule_fit::curve::drawing::Drawing;
use chainrule_fit::curve::file::SavedCurve;
use chainrule_fit::curve::{CurveFit, Request, bands, fit_over};
use chainrule_fit::data::stream::{self, Shares};
use chainrule_fit::data::table::Table;
use chainrule_fit::metrics::Metrics;
use chainrule_fit::parallel::Communicator;
use chainrule_fit::solve::seeds::Seeds;
use chainrule_fit::{Error, Result, report};
use serde_json::{Value, json};

use super::{Common, figures};
use formula::Curve;
pub(super) use options::Options;
use rows::Rows;

/// What a run found.
struct Found {
    curve: Curve,
    rows: Rows,
    fit: CurveFit,
    test: Option<Metrics>,
    warnings: Vec<String>,
}

/// Runs the command: exit code 1 if the search did not converge, 2 if the formula or the options
/// are wrong. Each of several ranks reads its part of the file; which rows are tested on then
/// follows from the seed and their numbers, as for `--stream`.
pub(super) fn run(
    common: &Common,
    options: &Options,
    text: &str,
    ranks: &dyn Communicator,
) -> Result<ExitCode> {
    if common.features.is_some() {
        let what = "a formula names its columns itself; leave --features out";
        crate::note("error", what);
        return Ok(ExitCode::from(2));
    }
    let (table, before) = match ranks.size() {
        1 => (Table::read(&common.data)?, 0),
        _ => stream::part(&common.data, ranks)?,
    };
    table.column(common.target.trim())?;
    let curve = match Curve::read(&table, common.target.trim(), text, &options.declared()) {
        Ok(curve) => curve,
        Err(misuse) => {
            crate::note("error", &misuse);
            return Ok(ExitCode::from(2));
        }
    };
    let solve = || solve(common, options, (&table, before), curve, ranks);
    let (found, profile) = common.profiled(solve);
    let found = found?;
    let profile = profile.map(|profile| profile.of_all(ranks)).transpose()?;
    let done = match found.fit.outcome.converged() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    };
    if !ranks.is_first() {
        return Ok(done);
    }
    crate::warn(&found.warnings);
    if let Some(out) = &common.out {
        found.saved().save(out)?;
    }
    common.draw(|| Ok(figures::curve(&found.fit, found.drawing()?.as_ref())))?;
    let plain = || found.text(&table, common.seed, &|title| title.into());
    common.page(plain, &found.warnings, || {
        Ok(figures::of_curve(&found.fit, found.drawing()?.as_ref()))
    })?;
    common.tell(|| found.json(&table), |bold| found.text(&table, common.seed, bold), profile)?;
    Ok(done)
}

fn solve(
    common: &Common,
    options: &Options,
    (table, before): (&Table, usize),
    curve: Curve,
    ranks: &dyn Communicator,
) -> Result<Found> {
    let begin = Instant::now();
    let weights = options.weights.as_deref().map(str::trim);
    let shares = Shares { test: common.test_split, validation: 0.0, seed: common.seed };
    let rows = Rows::of((table, before), &curve, weights, shares, ranks)?;
    let mut request = Request::new(curve.names.iter().cloned());
    request.start = options.start(&curve.names)?;
    request.options = options.solver(&curve.names, rows.weights.clone())?;
    request.confidence = common.confidence;
    request.seeds = Seeds { seed: common.seed, sizes: rows.sizes(), ..Seeds::default() };
    let model = |theta: &Tensor| curve.at(&rows.train, theta);
    let mut found = fit_over(model, &rows.train_y, &request, ranks)?;
    found.seconds = begin.elapsed().as_secs_f64();
    let test = match rows.tested {
        0 => None,
        _ => {
            let theta = found.parameters();
            let none = vec![0.0; theta.len() * theta.len()];
            let model = |theta: &Tensor| curve.at(&rows.test, theta);
            let predicted = bands(model, &theta, &none, 0.0, 0.0)?;
            let values: Vec<f64> = predicted.iter().map(|p| p.value).collect();
            Metrics::over(&rows.test_y, &values, ranks)?
        }
    };
    let mut warnings = curve.warnings(table);
    warnings.extend(rows.warnings());
    warnings.extend(found.warnings.iter().cloned());
    Ok(Found { curve, rows, fit: found, test, warnings })
}

impl Found {
    fn saved(&self) -> SavedCurve {
        SavedCurve {
            formula: self.curve.formula.to_string(),
            target: self.curve.target.clone(),
            columns: self.curve.columns.clone(),
            names: self.curve.names.clone(),
            parameters: self.fit.parameters(),
            covariance: self.fit.covariance.clone(),
            sigma: self.fit.sigma,
            dof: self.fit.dof,
            confidence: self.fit.confidence,
        }
    }

    fn text(&self, table: &Table, seed: u64, bold: &dyn Fn(&str) -> String) -> String {
        let (train, test) = (self.rows.trained, self.rows.tested);
        let tested = match test {
            0 => "none to test on".into(),
            n => format!("{n} to test on (seed {seed})"),
        };
        let plural = if train == 1 { "" } else { "s" };
        let mut out = format!(
            "{}: {train} row{plural} to train on, {tested}\n{} ≈ {}\n\n",
            table.path(),
            chainrule_fit::shown(&self.curve.target),
            self.curve.formula
        );
        out += &report::curve::text(&self.fit, bold);
        if let Some(metrics) = &self.test {
            let r2 = metrics.r2.map_or("not defined".into(), |r2| report::number(r2, 5));
            out += &format!(
                "On the rows to test on: R² {r2}, RMSE {}\n",
                report::number(metrics.rmse, 5)
            );
        }
        out
    }

    fn json(&self, table: &Table) -> Value {
        let mut object = report::curve::json(&self.fit);
        object["data"] = json!(table.path());
        object["target"] = json!(self.curve.target);
        object["formula"] = json!(self.curve.formula.to_string());
        object["columns"] = json!(self.curve.columns);
        object["rows"] = json!({
            "train": self.rows.trained,
            "test": self.rows.tested,
            "incomplete": self.rows.incomplete,
        });
        object["metrics"]["test"] = report::metrics(self.test.as_ref());
        object["warnings"] = json!(self.warnings);
        object
    }

    /// What a picture shows, if the formula uses one column.
    fn drawing(&self) -> Result<Option<Drawing>> {
        let ([name], [x]) = (&self.curve.columns[..], &self.rows.train[..]) else {
            return Ok(None);
        };
        let x = x.to_vec::<f64>().map_err(|e| Error::new(e.to_string()))?;
        let places = Drawing::places(&x, 200);
        let columns = [Tensor::from(places.clone())];
        let curve = self.fit.predict(|theta: &Tensor| self.curve.at(&columns, theta))?;
        Ok(Some(Drawing::new(&self.fit, (name, &x), &self.curve.target, places, curve)))
    }
}
