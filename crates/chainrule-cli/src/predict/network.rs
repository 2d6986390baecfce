//! Predictions of networks: a number, or a class with the probabilities of all.

use std::time::Instant;

use chainrule_fit::Result;
use chainrule_fit::data::table::Table;
use chainrule_fit::network::Model;

use super::Arguments;
use super::glm::{About, show};

/// Runs the command with the model in `bytes`.
pub(super) fn run(arguments: &Arguments, bytes: &[u8], start: Instant) -> Result<()> {
    let model = Model::from_file(&arguments.model, bytes)?;
    let table = Table::read(&arguments.data)?;
    let found = model.predict(&table)?;
    let about = About { target: &model.target, model: "mlp", classes: model.classes() };
    show(arguments, &table, &about, &found, start)
}
