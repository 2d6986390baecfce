//! A formula of columns and parameters, by nonlinear least squares.

use chainrule_fit::{Error, Result};
use clap::Args;

use super::Common;

/// What only formulas are told.
#[derive(Args)]
#[group(skip)]
pub(super) struct Options {}

/// Runs the command.
pub(super) fn run(_common: &Common, _options: &Options, _formula: &str) -> Result<()> {
    Err(Error::new("this kind of model is not there yet"))
}
