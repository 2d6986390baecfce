//! Generalised linear models: linear, ridge, lasso, logistic, softmax, Poisson.

use chainrule_fit::{Error, Result};
use clap::Args;

use super::{Common, Kind};

/// What only these models are told.
#[derive(Args)]
#[group(skip)]
pub(super) struct Options {}

/// Runs the command.
pub(super) fn run(_common: &Common, _options: &Options, _kind: &Kind) -> Result<()> {
    Err(Error::new("this kind of model is not there yet"))
}
