//! The predictions of a saved formula, with their bands.

use std::fmt::Write;
use std::time::Instant;

use chainrule::Tensor;
use chainrule_fit::curve::file::SavedCurve;
use chainrule_fit::curve::{Prediction, bands};
use chainrule_fit::data::table::Table;
use chainrule_fit::inference::Reference;
use chainrule_fit::metrics::Metrics;
use chainrule_fit::{Error, Result, atomic, report};
use serde_json::json;

use super::Arguments;
use crate::fit::curve::formula::{Curve, columns};

/// Runs the command on the bytes of a model file.
pub(super) fn run(arguments: &Arguments, bytes: &[u8], start: Instant) -> Result<()> {
    let saved = SavedCurve::load(&arguments.model, bytes)?;
    let curve = Curve::saved(&saved.formula, &saved.target, &saved.columns, &saved.names);
    let curve = curve.map_err(|why| {
        let name = arguments.model.display();
        Error::new(format!("{name} is not a model of `chainrule fit`: {why}; make it again"))
    })?;
    let table = Table::read(&arguments.data)?;
    let rows: Vec<usize> = (0..table.len()).collect();
    let columns = columns(&curve, &table, &rows)?;
    let half = Reference::StudentT(saved.dof as f64).half_width(saved.confidence);
    let model = |theta: &Tensor| curve.at(&columns, theta);
    let found = bands(model, &saved.parameters, &saved.covariance, saved.sigma, half)?;
    if let Some(i) = found.iter().position(|p| !p.value.is_finite()) {
        return Err(Error::new(format!(
            "{}, line {}: the formula has no finite value there; check the numbers of the row",
            table.path(),
            table.line(i)
        )));
    }
    let observed = match table.names().iter().position(|name| *name == saved.target) {
        None => None,
        Some(column) => {
            Some(rows.iter().map(|&row| table.number(row, column)).collect::<Result<Vec<_>>>()?)
        }
    };
    let both = observed.iter().flatten().zip(&found).filter_map(|(y, p)| Some(((*y)?, p.value)));
    let (y, p): (Vec<f64>, Vec<f64>) = both.unzip();
    let metrics = Metrics::of(&y, &p);
    let text = lines(&found, observed.as_deref());
    if let Some(out) = &arguments.out {
        atomic::write(out, text.as_bytes())?;
    }
    if arguments.json {
        let ends = |get: fn(&Prediction) -> (f64, f64)| -> Vec<[f64; 2]> {
            found.iter().map(get).map(|(low, high)| [low, high]).collect()
        };
        let object = json!({
            "data": table.path(),
            "target": saved.target,
            "rows": found.len(),
            "predictions": found.iter().map(|p| p.value).collect::<Vec<f64>>(),
            "std_errors": found.iter().map(|p| p.std_error).collect::<Vec<f64>>(),
            "confidence": saved.confidence,
            "confidence_bands": ends(|p| p.confidence),
            "prediction_bands": ends(|p| p.prediction),
            "metrics": report::metrics(metrics.as_ref()),
            "seconds": start.elapsed().as_secs_f64(),
            "warnings": [],
        });
        return crate::print(&format!("{object:#}\n"));
    }
    super::finish(arguments, &text, found.len(), metrics.as_ref())
}

/// The predictions as comma-separated values: `low` and `high` are where a new observation is.
fn lines(found: &[Prediction], observed: Option<&[Option<f64>]>) -> String {
    let mut text = String::from("row,predicted,low,high");
    text += if observed.is_some() { ",observed\n" } else { "\n" };
    for (i, p) in found.iter().enumerate() {
        let _ = write!(text, "{},{}", i + 1, p.value);
        for end in [p.prediction.0, p.prediction.1] {
            let _ = if end.is_finite() { write!(text, ",{end}") } else { write!(text, ",") };
        }
        match observed.map(|observed| observed[i]) {
            Some(Some(y)) => _ = writeln!(text, ",{y}"),
            Some(None) => text += ",\n",
            None => text.push('\n'),
        }
    }
    text
}
