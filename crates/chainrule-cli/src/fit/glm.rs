//! Generalised linear models: linear, ridge, lasso, logistic, softmax, Poisson.

use std::io::{self, Write};

use chainrule_fit::data::table::Table;
use chainrule_fit::glm::{Family, Request, fit, report};
use chainrule_fit::{Error, Result, atomic};
use clap::Args;

use super::{Common, Kind};

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
pub(super) fn run(common: &Common, options: &Options, kind: &Kind) -> Result<()> {
    if common.plot.is_some() {
        return Err(Error::new("--plot draws no generalised linear models yet; leave it out"));
    }
    let trimmed = |names: &Vec<String>| names.iter().map(|name| name.trim().into()).collect();
    let request = Request {
        features: common.features.as_ref().map(trimmed),
        ridge: options.ridge,
        test_split: common.test_split,
        seed: common.seed,
        confidence: common.confidence,
        ..Request::new(common.target.trim(), family(kind)?)
    };
    let table = Table::read(&common.data)?;
    let (fitted, profile) = match &common.profile {
        Some(path) => {
            let (fitted, profile) = chainrule::profile(|| fit(&table, &request));
            (fitted?, Some((path, profile)))
        }
        None => (fit(&table, &request)?, None),
    };
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
