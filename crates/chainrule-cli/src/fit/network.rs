//! Networks: layers of neurons, trained by descent.

use chainrule_fit::{Error, Result};
use clap::Args;

use super::Common;

/// What only networks are told.
#[derive(Args)]
#[group(skip)]
pub(super) struct Options {}

/// Runs the command.
pub(super) fn run(_common: &Common, _options: &Options, _widths: &[usize]) -> Result<()> {
    Err(Error::new("this kind of model is not there yet"))
}
