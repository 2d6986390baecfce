//! `chainrule fit`: a linear model of one column of a table.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use chainrule_fit::data::table::Table;
use chainrule_fit::linear::{Schedule, Watcher};
use chainrule_fit::{Error, Request, Result, atomic, fit, report};
use clap::Args;

use crate::progress::Progress;

/// Fit a linear model to a table by gradient descent, and compare it with least squares
///
/// The table is a CSV file with a header. Columns of text become categories; missing values take
/// the mean of the column, or a category of their own. Nothing is learnt from the rows to test on.
#[derive(Args)]
#[command(after_help = "\
Examples:
  chainrule fit data/diabetes.csv --target bp
  chainrule fit data/diabetes.csv --target bp --features age,bmi,s5 --out bp.safetensors
  chainrule fit data/diabetes.csv --target bp --json > fit.json
  chainrule fit data/diabetes.csv --target bp --profile profile.json")]
pub(crate) struct Arguments {
    /// The table: a CSV file whose first line names the columns
    #[arg(value_name = "DATA.csv")]
    data: PathBuf,
    /// The column to predict; it must be numeric
    #[arg(long, value_name = "COLUMN")]
    target: String,
    /// The columns to predict from, separated by commas [default: all others]
    #[arg(long, value_name = "A,B,…", value_delimiter = ',')]
    features: Option<Vec<String>>,
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
    /// Decides which rows are tested on, and the order of batches
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// The share of the rows to test on, from 0 to below 1
    #[arg(long, value_name = "SHARE", default_value = "0.2", allow_negative_numbers = true,
          value_parser = share)]
    test_split: f64,
    /// Save the model to this file, for `chainrule predict`
    #[arg(long, value_name = "MODEL.safetensors")]
    out: Option<PathBuf>,
    /// Tell where the time of the fit went, and save its steps to this file, a Chrome trace
    #[arg(long, value_name = "FILE.json")]
    profile: Option<PathBuf>,
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
}

fn positive(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(n @ 1..=1_000_000_000) => Ok(n),
        _ => Err("it must be a whole number from 1 to 1000000000".into()),
    }
}

fn rate(text: &str) -> std::result::Result<f64, String> {
    match text.parse::<f64>() {
        Ok(x) if x > 0.0 && x.is_finite() => Ok(x),
        _ => Err("it must be a positive number, such as 0.05".into()),
    }
}

fn share(text: &str) -> std::result::Result<f64, String> {
    match text.parse::<f64>() {
        Ok(x) if (0.0..1.0).contains(&x) => Ok(x),
        _ => Err("it must be at least 0 and less than 1, such as 0.2".into()),
    }
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    check(arguments)?;
    let table = Table::read(&arguments.data)?;
    let request = request(arguments);
    let mut progress = Progress::new();
    let times = progress.times();
    let mut tell = |epoch: &_| progress.tell(epoch);
    let mut fit = || fit(&table, &request, Some(Watcher { times, tell: &mut tell }));
    let (fitted, profile) = match &arguments.profile {
        Some(path) => {
            let (fitted, profile) = chainrule::profile(fit);
            (fitted, Some((path, profile)))
        }
        None => (fit(), None),
    };
    progress.end();
    let fitted = fitted?;
    crate::warn(&fitted.warnings);
    if let Some(out) = &arguments.out {
        fitted.model.save(out)?;
    }
    if let Some((path, profile)) = &profile {
        atomic::write(path, profile.to_chrome_trace().as_bytes())?;
    }
    if arguments.json {
        crate::print(&format!("{:#}\n", report::json(&fitted)))?;
    } else {
        let styled = crate::is_styled(&io::stdout());
        let mut text = report::text(&fitted, &|title| crate::bold(title, styled));
        if let Some(out) = &arguments.out {
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

/// Refuses files that cannot be written or must not be, before any work is done.
fn check(arguments: &Arguments) -> Result<()> {
    let outputs = [("--out", &arguments.out), ("--profile", &arguments.profile)];
    for (option, path) in outputs {
        if let Some(path) = path {
            differs(option, path, &arguments.data)?;
            atomic::check(path)?;
        }
    }
    if let (Some(out), Some(profile)) = (&arguments.out, &arguments.profile) {
        // Where a file does not exist yet, names are all there is to compare.
        let place = |path: &PathBuf| path.canonicalize().or_else(|_| std::path::absolute(path));
        if let (Ok(a), Ok(b)) = (place(out), place(profile))
            && a == b
        {
            return Err(Error::new("--out and --profile name the same file; name two"));
        }
    }
    Ok(())
}

fn request(arguments: &Arguments) -> Request {
    let trimmed = |names: &Vec<String>| names.iter().map(|name| name.trim().into()).collect();
    Request {
        target: arguments.target.trim().into(),
        features: arguments.features.as_ref().map(trimmed),
        test_split: arguments.test_split,
        schedule: Schedule {
            epochs: arguments.epochs,
            rate: arguments.lr,
            batch: arguments.batch,
            seed: arguments.seed,
        },
    }
}

/// Refuses to write over a file that is read.
pub(crate) fn differs(option: &str, out: &Path, read: &Path) -> Result<()> {
    match (out.canonicalize(), read.canonicalize()) {
        (Ok(a), Ok(b)) if a == b => Err(Error::new(format!(
            "{option} {} would replace the file that is read; name another",
            out.display()
        ))),
        _ => Ok(()),
    }
}
