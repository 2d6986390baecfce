//! A linear model by gradient descent, beside its closed form.

use chainrule_fit::data::table::Table;
use chainrule_fit::linear::{Schedule, Watcher};
use chainrule_fit::{Request, Result, fit, report};

use super::descent::Descent;
use super::{Common, figures};
use crate::progress::Progress;

/// Runs the command.
pub(super) fn run(common: &Common, descent: &Descent) -> Result<()> {
    let table = Table::read(&common.data)?;
    let request = request(common, descent);
    let mut progress = Progress::new();
    let times = progress.times();
    let mut tell = |epoch: &_| progress.tell(epoch);
    let fit = || fit(&table, &request, Some(Watcher { times, tell: &mut tell }));
    let (fitted, profile) = common.profiled(fit);
    progress.end();
    let fitted = fitted?;
    crate::warn(&fitted.warnings);
    if let Some(out) = &common.out {
        fitted.model.save(out)?;
    }
    common.draw(|| Ok(figures::linear(&fitted)))?;
    let plain = || report::text(&fitted, &|title| title.into());
    common.page(plain, &fitted.warnings, || Ok(figures::of_linear(&fitted)))?;
    common.tell(|| report::json(&fitted), |bold| report::text(&fitted, bold), profile)
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
