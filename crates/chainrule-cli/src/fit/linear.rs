//! A linear model by gradient descent, beside its closed form.

use std::io::{self, Write};

use chainrule_fit::data::table::Table;
use chainrule_fit::linear::{Schedule, Watcher};
use chainrule_fit::{Request, Result, atomic, fit, report};

use super::Common;
use super::descent::Descent;
use crate::progress::Progress;

/// Runs the command.
pub(super) fn run(common: &Common, descent: &Descent) -> Result<()> {
    let table = Table::read(&common.data)?;
    let request = request(common, descent);
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

fn request(common: &Common, descent: &Descent) -> Request {
    let trimmed = |names: &Vec<String>| names.iter().map(|name| name.trim().into()).collect();
    Request {
        target: common.target.trim().into(),
        features: common.features.as_ref().map(trimmed),
        test_split: common.test_split,
        schedule: Schedule {
            epochs: descent.epochs,
            rate: descent.lr.unwrap_or(Schedule::default().rate),
            batch: descent.batch,
            seed: common.seed,
        },
    }
}
