//! `chainrule predict`: a saved model on a table.

mod curve;
mod glm;
mod network;

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Instant;

use chainrule_fit::data::table::Table;
use chainrule_fit::metrics::Metrics;
use chainrule_fit::model::Model;
use chainrule_fit::{Predictions, Result, atomic, predict, report};
use clap::Args;
use serde_json::json;

/// Predict with a model that `chainrule fit --out` saved
///
/// Prints one line for each row of the table: its number, the prediction and, where the table has
/// the target, what was observed. Then it also says on standard error how well the two agree.
#[derive(Args)]
#[command(after_help = "\
Examples:
  chainrule fit data/diabetes.csv --target bp --out bp.safetensors
  chainrule predict bp.safetensors data/diabetes.csv
  chainrule predict bp.safetensors data/diabetes.csv --out predictions.csv")]
pub(crate) struct Arguments {
    /// The model
    #[arg(value_name = "MODEL.safetensors")]
    model: PathBuf,
    /// The table: a CSV file with the columns that the model was fitted to
    #[arg(value_name = "DATA.csv")]
    data: PathBuf,
    /// Write the predictions to this file instead of standard output
    #[arg(long, value_name = "PREDICTIONS.csv")]
    out: Option<PathBuf>,
    /// Print one JSON object instead of lines
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let start = Instant::now();
    if let Some(out) = &arguments.out {
        crate::fit::differs("--out", out, &arguments.data)?;
        crate::fit::differs("--out", out, &arguments.model)?;
        atomic::check(out)?;
    }
    let (bytes, layout) = chainrule_fit::model::read(&arguments.model)?;
    match layout.as_str() {
        chainrule_fit::curve::file::LAYOUT => return curve::run(arguments, &bytes, start),
        chainrule_fit::glm::model::LAYOUT => return glm::run(arguments, &bytes, start),
        chainrule_fit::network::model::LAYOUT => return network::run(arguments, &bytes, start),
        _ => {}
    }
    let model = Model::load(&arguments.model)?;
    let table = Table::read(&arguments.data)?;
    let found = predict(&model, &table)?;
    crate::warn(&found.warnings);
    if let Some(out) = &arguments.out {
        atomic::write(out, lines(&found).as_bytes())?;
    }
    if arguments.json {
        let object = json!({
            "data": table.path(),
            "target": model.target,
            "rows": found.predicted.len(),
            "predictions": found.predicted,
            "metrics": report::metrics(found.metrics.as_ref()),
            "seconds": start.elapsed().as_secs_f64(),
            "warnings": found.warnings,
        });
        return crate::print(&format!("{object:#}\n"));
    }
    finish(arguments, &lines(&found), found.predicted.len(), found.metrics.as_ref())
}

/// Prints the lines, or where they are, and how well they agree with the table.
fn finish(arguments: &Arguments, lines: &str, n: usize, metrics: Option<&Metrics>) -> Result<()> {
    match &arguments.out {
        None => crate::print(lines)?,
        Some(out) => {
            let plural = if n == 1 { "" } else { "s" };
            crate::print(&format!("{n} prediction{plural} in {}\n", out.display()))?;
        }
    }
    if let Some(metrics) = metrics {
        let share = metrics.r2.map_or("not defined".into(), |r2| report::number(r2, 5));
        let error = report::number(metrics.rmse, 5);
        crate::note("compared with the table", &format!("R² {share}, RMSE {error}"));
    }
    Ok(())
}

/// The predictions as comma-separated values with a header.
fn lines(found: &Predictions) -> String {
    let mut text = String::from("row,predicted");
    text += if found.observed.is_some() { ",observed\n" } else { "\n" };
    for (i, predicted) in found.predicted.iter().enumerate() {
        let _ = write!(text, "{},{predicted}", i + 1);
        match found.observed.as_ref().map(|observed| observed[i]) {
            Some(Some(y)) => _ = writeln!(text, ",{y}"),
            Some(None) => text += ",\n",
            None => text.push('\n'),
        }
    }
    text
}
