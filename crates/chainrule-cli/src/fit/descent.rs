//! What linear models and networks are told about their descents.

use clap::Args;

use super::{given, positive, rate};

/// Length and pace of a descent.
#[derive(Args)]
#[group(skip)]
pub(super) struct Descent {
    /// Passes over the training rows [default: enough for 3000 steps, fewer if the table is large;
    /// networks 100]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = positive)]
    pub(super) epochs: Option<usize>,
    /// The learning rate of the first step; of a linear model it falls to 0 along a cosine
    /// [default: 0.05; networks what suits the optimizer]
    #[arg(long, value_name = "X", allow_negative_numbers = true, value_parser = rate)]
    pub(super) lr: Option<f64>,
    /// Rows for each step [default: all; networks 32]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = positive)]
    pub(super) batch: Option<usize>,
}

impl Descent {
    /// The options that were given.
    pub(super) fn given(&self) -> Vec<&'static str> {
        given(&[
            ("--epochs", self.epochs.is_some()),
            ("--lr", self.lr.is_some()),
            ("--batch", self.batch.is_some()),
        ])
    }
}
