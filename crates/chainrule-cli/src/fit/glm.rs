//! Generalised linear models: linear, ridge, lasso, logistic, softmax, Poisson.

use chainrule_fit::data::table::Table;
use chainrule_fit::glm::{Family, Request, fit, fit_file, report};
use chainrule_fit::parallel::Communicator;
use chainrule_fit::{Error, Result};
use clap::Args;

use super::{Common, Kind, figures};

/// What only these models are told.
#[derive(Args)]
#[group(skip)]
pub(super) struct Options {
    /// Penalise squares of the weights of standardised columns (logistic, softmax, poisson)
    #[arg(long, value_name = "X", default_value = "0", allow_negative_numbers = true,
          value_parser = penalty)]
    ridge: f64,
}

fn penalty(text: &str) -> std::result::Result<f64, String> {
    match text.parse::<f64>() {
        Ok(x) if x >= 0.0 && x.is_finite() => Ok(x),
        _ => Err("it must be a number of at least 0, such as 0.01".into()),
    }
}

fn family(kind: &Kind) -> Result<Family> {
    Ok(match kind {
        Kind::Linear => Family::Linear,
        Kind::Ridge(lambda) => Family::Ridge(*lambda),
        Kind::Lasso(lambda) => Family::Lasso(*lambda),
        Kind::Logistic => Family::Logistic,
        Kind::Softmax => Family::Softmax,
        Kind::Poisson => Family::Poisson,
        Kind::Mlp(_) | Kind::Formula(_) => {
            return Err(Error::new("this is no generalised linear model"));
        }
    })
}

/// Runs the command.
pub(super) fn run(
    common: &Common,
    options: &Options,
    kind: &Kind,
    ranks: &dyn Communicator,
) -> Result<()> {
    let trimmed = |names: &Vec<String>| names.iter().map(|name| name.trim().into()).collect();
    let request = Request {
        features: common.features.as_ref().map(trimmed),
        ridge: options.ridge,
        test_split: common.test_split,
        seed: common.seed,
        confidence: common.confidence,
        ..Request::new(common.target.trim(), family(kind)?)
    };
    let (fitted, profile) = if common.streams() || ranks.size() > 1 {
        common.profiled(|| fit_file(&common.data, &request, ranks))
    } else {
        let table = Table::read(&common.data)?;
        common.profiled(|| fit(&table, &request))
    };
    let fitted = fitted?;
    let profile = profile.map(|profile| profile.of_all(ranks)).transpose()?;
    if !ranks.is_first() {
        return Ok(());
    }
    crate::warn(&fitted.warnings);
    if let Some(out) = &common.out {
        fitted.model.save(out)?;
    }
    common.draw(|| Ok(figures::glm(&fitted)))?;
    let plain = || report::text(&fitted, &|title| title.into());
    common.page(plain, &fitted.warnings, || Ok(figures::of_glm(&fitted)))?;
    common.tell(|| report::json(&fitted), |bold| report::text(&fitted, bold), profile)
}
