//! Predictions of generalised linear models: a mean, or a class with the probabilities of all.

use std::time::Instant;

use chainrule_fit::data::table::Table;
use chainrule_fit::glm::{Model, report};
use chainrule_fit::{Result, atomic};
use serde_json::json;

use super::Arguments;

/// Runs the command with the model in `bytes`.
pub(super) fn run(arguments: &Arguments, bytes: &[u8], start: Instant) -> Result<()> {
    let model = Model::from_file(&arguments.model, bytes)?;
    let table = Table::read(&arguments.data)?;
    let found = model.predict(&table)?;
    crate::warn(&found.warnings);
    let rows = found.means.len() / model.classes.len().max(1);
    if let Some(out) = &arguments.out {
        atomic::write(out, report::lines(&model.classes, &found).as_bytes())?;
    }
    if arguments.json {
        let mut object = report::predictions(&model.target, model.family.name(), &model.classes, &found);
        object["data"] = json!(table.path());
        object["seconds"] = json!(start.elapsed().as_secs_f64());
        return crate::print(&format!("{object:#}\n"));
    }
    match &arguments.out {
        None => crate::print(&report::lines(&model.classes, &found))?,
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
