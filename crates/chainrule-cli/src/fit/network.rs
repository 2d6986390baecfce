//! Networks: layers of neurons, trained by descent.

use std::path::{Path, PathBuf};

use chainrule_fit::data::table::Table;
use chainrule_fit::network::{Method, Pace, Request, fit_file_on, fit_on, report};
use chainrule_fit::parallel::Communicator;
use chainrule_fit::train::Event;
use chainrule_fit::{Error, Result, atomic};
use clap::Args;

use super::descent::Descent;
use super::{Common, differs, figures, given, positive, share};
use crate::progress::Progress;

/// What only networks are told.
#[derive(Args)]
#[group(skip)]
pub(super) struct Options {
    /// What to predict: numbers, or classes [default: classes where the target is text]
    #[arg(long, value_name = "number|class", value_parser = ["number", "class"])]
    task: Option<String>,
    /// What moves the weights
    #[arg(long, value_name = "NAME", default_value = "adamw", value_parser = method)]
    optimizer: Method,
    /// How the learning rate changes
    #[arg(long, value_name = "constant|cosine|one-cycle", default_value = "cosine",
          value_parser = pace)]
    schedule: Pace,
    /// Look for a learning rate first, and take the one where the loss falls fastest
    #[arg(long, conflicts_with = "lr")]
    lr_find: bool,
    /// Stop after so many epochs without a better loss of the rows to validate on (or to train on,
    /// if there are none), and keep the best model
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = positive)]
    early_stop: Option<usize>,
    /// The share of the training rows to validate each epoch on
    #[arg(long, value_name = "SHARE", default_value = "0.1", allow_negative_numbers = true,
          value_parser = share)]
    validation_split: f64,
    /// Keep checkpoints in this folder
    #[arg(long, value_name = "FOLDER")]
    checkpoint: Option<PathBuf>,
    /// Go on from the last checkpoint, if there is one
    #[arg(long, requires = "checkpoint")]
    resume: bool,
    /// Write a line of JSON for each step and epoch to this file
    #[arg(long, value_name = "FILE.jsonl")]
    log: Option<PathBuf>,
    /// Write events for TensorBoard to this folder
    #[arg(long, value_name = "FOLDER")]
    tensorboard: Option<PathBuf>,
    /// Take the same steps, bit for bit, on any number of ranks (docs/mpi.md)
    #[arg(long)]
    deterministic: bool,
    /// Divide what the optimizer remembers among the ranks, to save memory
    #[arg(long)]
    shard_optimizer: bool,
}

impl Options {
    /// The options that were given, as far as they say something else than their defaults.
    pub(super) fn given(&self) -> Vec<&'static str> {
        given(&[
            ("--task", self.task.is_some()),
            ("--optimizer", self.optimizer != Method::AdamW),
            ("--schedule", self.schedule != Pace::Cosine),
            ("--lr-find", self.lr_find),
            ("--early-stop", self.early_stop.is_some()),
            ("--checkpoint", self.checkpoint.is_some()),
            ("--log", self.log.is_some()),
            ("--tensorboard", self.tensorboard.is_some()),
            ("--deterministic", self.deterministic),
            ("--shard-optimizer", self.shard_optimizer),
        ])
    }
}

/// The entry of `all` called `text`.
fn named<T: Copy>(text: &str, all: &[(&str, T)]) -> std::result::Result<T, String> {
    let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
    let found = all.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
    found.ok_or_else(|| format!("it must be one of {}", names.join(", ")))
}

fn method(text: &str) -> std::result::Result<Method, String> {
    named(text, &Method::ALL)
}

fn pace(text: &str) -> std::result::Result<Pace, String> {
    named(text, &Pace::ALL)
}

/// Runs the command.
pub(super) fn run(
    common: &Common,
    descent: &Descent,
    options: &Options,
    widths: &[usize],
    ranks: &dyn Communicator,
) -> Result<()> {
    if let Some(log) = options.log.as_ref().filter(|_| ranks.is_first()) {
        differs("--log", log, &common.data)?;
        atomic::check(log)?;
    }
    if common.streams() && options.task.as_deref() == Some("number") {
        return Err(Error::new(
            "a file that is read block by block has a target of numbers if all of it are numbers; \
             leave --task out",
        ));
    }
    let table = if common.streams() { None } else { Some(Table::read(&common.data)?) };
    let request = request(common, descent, options, widths, table.as_ref())?;
    let mut progress = Progress::new();
    let mut tell = |event: &Event<'_>| progress.step(event);
    let fit = || match &table {
        Some(table) => fit_on(table, &request, ranks, Some(&mut tell)),
        None => fit_file_on(&common.data, &request, ranks, Some(&mut tell)),
    };
    let (fitted, profile) = common.profiled(fit);
    progress.end();
    let fitted = fitted?;
    let profile = profile.map(|profile| profile.of_all(ranks)).transpose()?;
    let Some(fitted) = fitted else { return Ok(()) };
    crate::warn(&fitted.warnings);
    if let Some(out) = &common.out {
        fitted.model.save(out)?;
    }
    common.draw(|| Ok(figures::network(&fitted)))?;
    let plain = || report::text(&fitted, &request, &|title| title.into());
    common.page(plain, &fitted.warnings, || Ok(figures::of_network(&fitted)))?;
    common.tell(
        || report::json(&fitted, &request),
        |bold| report::text(&fitted, &request, bold),
        profile,
    )
}

fn request(
    common: &Common,
    descent: &Descent,
    options: &Options,
    widths: &[usize],
    table: Option<&Table>,
) -> Result<Request> {
    let target = common.target.trim();
    let usual = Request::new(target);
    if let (Some("number"), Some(table)) = (options.task.as_deref(), table) {
        let column = table.column(target)?;
        // Says which cell is none.
        (0..table.len()).try_for_each(|row| table.number(row, column).map(drop))?;
    }
    let trimmed = |names: &Vec<String>| names.iter().map(|name| name.trim().into()).collect();
    let folder = |path: &Option<PathBuf>| path.as_deref().map(Path::to_path_buf);
    Ok(Request {
        features: common.features.as_ref().map(trimmed),
        as_class: options.task.as_deref() == Some("class"),
        hidden: widths.to_vec(),
        epochs: descent.epochs.unwrap_or(usual.epochs),
        batch: descent.batch.unwrap_or(usual.batch),
        method: options.optimizer,
        rate: descent.lr,
        pace: options.schedule,
        find_rate: options.lr_find,
        early_stop: options.early_stop,
        validation: options.validation_split,
        test_split: common.test_split,
        seed: common.seed,
        checkpoints: folder(&options.checkpoint),
        resume: options.resume,
        log: folder(&options.log),
        tensorboard: folder(&options.tensorboard),
        deterministic: options.deterministic,
        shard_optimiser: options.shard_optimizer,
        ..usual
    })
}
