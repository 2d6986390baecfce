//! Predictions of generalised linear models: a mean, or a class with the probabilities of all.

use std::time::Instant;

use chainrule_fit::data::table::Table;
use chainrule_fit::glm::{Model, Predictions, report};
use chainrule_fit::{Result, atomic};
use serde_json::json;

use super::Arguments;

/// Runs the command with the model in `bytes`.
pub(super) fn run(arguments: &Arguments, bytes: &[u8], start: Instant) -> Result<()> {
    let model = Model::from_file(&arguments.model, bytes)?;
    let table = Table::read(&arguments.data)?;
    let found = model.predict(&table)?;
    let about =
        About { target: &model.target, model: model.family.name(), classes: &model.classes };
    show(arguments, &table, &about, &found, start)
}

/// What predictions are of.
pub(super) struct About<'a> {
    /// The column.
    pub(super) target: &'a str,
    /// The kind of model.
    pub(super) model: &'a str,
    /// The classes, or none if the target is a number.
    pub(super) classes: &'a [String],
}

/// Writes predictions where they are wanted.
pub(super) fn show(
    arguments: &Arguments,
    table: &Table,
    about: &About<'_>,
    found: &Predictions,
    start: Instant,
) -> Result<()> {
    let About { target, model, classes } = *about;
    crate::warn(&found.warnings);
    let rows = found.means.len() / classes.len().max(1);
    if let Some(out) = &arguments.out {
        atomic::write(out, report::lines(classes, found).as_bytes())?;
    }
    if arguments.json {
        let mut object = report::predictions(target, model, classes, found);
        object["data"] = json!(table.path());
        object["seconds"] = json!(start.elapsed().as_secs_f64());
        return crate::print(&format!("{object:#}\n"));
    }
    match &arguments.out {
        None => crate::print(&report::lines(classes, found))?,
        Some(out) => {
            let plural = if rows == 1 { "" } else { "s" };
            crate::print(&format!("{rows} prediction{plural} in {}\n", out.display()))?;
        }
    }
    if let Some(score) = &found.score {
        crate::note("compared with the table", &report::summary(score));
    }
    Ok(())
}
