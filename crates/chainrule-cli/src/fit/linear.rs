//! A linear model by gradient descent, beside its closed form.

use std::io::{self, Write};

use chainrule_fit::data::table::Table;
use chainrule_fit::linear::{Schedule, Watcher};
use chainrule_fit::{Request, Result, atomic, fit, report};
use clap::Args;

use super::{Common, positive, rate};
use crate::progress::Progress;

/// Length and pace of the descent.
#[derive(Args)]
#[group(skip)]
pub(super) struct Options {
    /// Passes over the training rows [default: enough for 3000 steps; fewer if the table is large]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = positive)]
    epochs: Option<usize>,
    /// The learning rate of the first step; it falls to 0 along a cosine
    #[arg(long, value_name = "X", default_value = "0.05", allow_negative_numbers = true,
          value_parser = rate)]
    lr: f64,
    /// Rows for each step [default: all]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = positive)]
    batch: Option<usize>,
}

/// Runs the command.
pub(super) fn run(common: &Common, options: &Options) -> Result<()> {
    let table = Table::read(&common.data)?;
    let request = request(common, options);
    let mut progress = Progress::new();
    let times = progress.times();
    let mut tell = |epoch: &_| progress.tell(epoch);
    let mut fit = || fit(&table, &request, Some(Watcher { times, tell: &mut tell }));
    let (fitted, profile) = match &common.profile {
        Some(path) => {
            let (fitted, profile) = chainrule::profile(fit);
            (fitted, Some((path, profile)))
        }
        None => (fit(), None),
    };
    progress.end();
    let fitted = fitted?;
    crate::warn(&fitted.warnings);
    if let Some(out) = &common.out {
        fitted.model.save(out)?;
    }
    if let Some((path, profile)) = &profile {
        atomic::write(path, profile.to_chrome_trace().as_bytes())?;
    }
    if common.json {
        crate::print(&format!("{:#}\n", report::json(&fitted)))?;
    } else {
        let styled = crate::is_styled(&io::stdout());
        let mut text = report::text(&fitted, &|title| crate::bold(title, styled));
        if let Some(out) = &common.out {
            text += &format!("The model is in {}\n", out.display());
        }
        crate::print(&text)?;
    }
    if let Some((path, profile)) = profile {
        let text = format!("{profile}The profile is in {}\n", path.display());
        let _ = io::stderr().write_all(text.as_bytes());
    }
    Ok(())
}

fn request(common: &Common, options: &Options) -> Request {
    let trimmed = |names: &Vec<String>| names.iter().map(|name| name.trim().into()).collect();
    Request {
        target: common.target.trim().into(),
        features: common.features.as_ref().map(trimmed),
        test_split: common.test_split,
        schedule: Schedule {
            epochs: options.epochs,
            rate: options.lr,
            batch: options.batch,
            seed: common.seed,
        },
    }
}
