//! A network with hidden layers for one column of a table, from the table to the file.
//!
//! ```text
//! h₀ = z          hᵢ = relu(Wᵢ hᵢ₋₁ + bᵢ)          out = W h + b
//!
//! a number      ŷ = μ + σ out                        loss: mean of (out − (y − μ)/σ)²
//! a class       p = softmax(out)                     loss: mean of −ln p(observed class)
//! ```
//!
//! z are the standardised columns of [`crate::data::encode`]. A part of the training rows is kept
//! to validate each epoch on; nothing is learnt from them nor from the test rows.
//!
//! ```
//! use chainrule_fit::data::table::Table;
//! use chainrule_fit::network::{Request, fit};
//! let class = |i: i32| if i < 30 { "low" } else { "high" };
//! let rows: String = (0..60).map(|i| format!("{i},{}\n", class(i))).collect();
//! let table = Table::parse("t.csv", format!("x,y\n{rows}").as_bytes())?;
//! let request = Request { hidden: vec![8], epochs: 60, ..Request::new("y") };
//! let fit = fit(&table, &request, None)?;
//! assert_eq!(fit.model.classes(), ["high", "low"]);
//! assert!(fit.trained.history.epochs.len() == 60);
//! # Ok::<(), chainrule_fit::Error>(())
//! ```
//!
//! Not here: images and sequences; those have no columns.

pub mod model;
mod parts;
pub mod report;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chainrule_core::Tensor;
use serde_json::json;

use crate::data::dataset::Dataset;
use crate::data::encode::{Encoder, Missing};
use crate::data::loader::{Batch, DataLoader};
use crate::data::stream::{Part, Shares, Stream};
use crate::data::table::Table;
use crate::data::target::Target;
use crate::error::{Error, Result, fail};
use crate::features;
use crate::glm::Score;
use crate::glm::tally::Tally;
use crate::nn::Module;
use crate::optim::schedule::{Curve, OneCycle, Schedule};
use crate::optim::{Adam, AdamW, Lion, NAdam, Optimiser, RmsProp, Rule, Sgd};
use crate::parallel::{Communicator, Single};
use crate::train::{
    Checkpoints, PIECES, Sweep, SweepOptions, Task, Trained, Trainer, Watcher, lr_find,
};

use model::CHUNK;
pub use model::Model;
use parts::Parts;

/// The most weights of a network.
pub const MAX_WEIGHTS: usize = 100_000_000;

/// What moves the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the names are those of `optim`
pub enum Method {
    AdamW,
    Adam,
    NAdam,
    Lion,
    RmsProp,
    /// With momentum 0.9.
    Sgd,
}

impl Method {
    /// All methods with their names.
    pub const ALL: [(&'static str, Method); 6] = [
        ("adamw", Method::AdamW),
        ("adam", Method::Adam),
        ("nadam", Method::NAdam),
        ("lion", Method::Lion),
        ("rmsprop", Method::RmsProp),
        ("sgd", Method::Sgd),
    ];

    /// The name of the method.
    pub fn name(self) -> &'static str {
        Method::ALL.iter().find(|(_, method)| *method == self).map_or("", |(name, _)| name)
    }

    /// The rate that usually suits it.
    pub fn usual_rate(self) -> f64 {
        match self {
            Method::Sgd => 0.03,
            Method::Lion => 3e-4,
            _ => 3e-3,
        }
    }

    fn over(self, parameters: Vec<Tensor>, rate: f64) -> Box<dyn Optimiser> {
        match self {
            Method::AdamW => Box::new(AdamW::default().over(parameters, rate)),
            Method::Adam => Box::new(Adam::default().over(parameters, rate)),
            Method::NAdam => Box::new(NAdam::default().over(parameters, rate)),
            Method::Lion => Box::new(Lion::default().over(parameters, rate)),
            Method::RmsProp => Box::new(RmsProp::default().over(parameters, rate)),
            Method::Sgd => Box::new(Sgd::momentum(0.9).over(parameters, rate)),
        }
    }
}

/// How the rate changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the names are those of `optim::schedule`
pub enum Pace {
    Constant,
    Cosine,
    OneCycle,
}

impl Pace {
    /// All paces with their names.
    pub const ALL: [(&'static str, Pace); 3] =
        [("constant", Pace::Constant), ("cosine", Pace::Cosine), ("one-cycle", Pace::OneCycle)];

    fn name(self) -> &'static str {
        Pace::ALL.iter().find(|(_, pace)| *pace == self).map_or("", |(name, _)| name)
    }

    fn curve(self, steps: usize) -> Option<Box<dyn Schedule>> {
        match self {
            Pace::Constant => None,
            Pace::Cosine => Some(Box::new(Curve::Cosine { steps, least: 0.0 })),
            Pace::OneCycle => Some(Box::new(Curve::OneCycle(OneCycle::new(steps)))),
        }
    }
}

/// What to fit, and how.
#[derive(Clone, Debug)]
pub struct Request {
    /// The column to predict.
    pub target: String,
    /// The columns to predict from; by default all others.
    pub features: Option<Vec<String>>,
    /// Whether a target of numbers stands for classes.
    pub as_class: bool,
    /// The widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// Passes over the training rows.
    pub epochs: usize,
    /// The rows of a step.
    pub batch: usize,
    /// What moves the weights.
    pub method: Method,
    /// The learning rate; by default the usual one.
    pub rate: Option<f64>,
    /// How the rate changes.
    pub pace: Pace,
    /// Whether to look for a learning rate first, and take the one that is suggested.
    pub find_rate: bool,
    /// After how many epochs without a better validation loss to stop.
    pub early_stop: Option<usize>,
    /// The share of the training rows to validate on.
    pub validation: f64,
    /// The share of the rows to test on.
    pub test_split: f64,
    /// Decides the splits, the first weights and the order of the rows.
    pub seed: u64,
    /// The folder for checkpoints.
    pub checkpoints: Option<PathBuf>,
    /// Whether to go on from the last checkpoint.
    pub resume: bool,
    /// The file for a log of JSON objects.
    pub log: Option<PathBuf>,
    /// The folder for an event file of TensorBoard.
    pub tensorboard: Option<PathBuf>,
    /// Whether the fit has the same bits on any number of ranks.
    pub deterministic: bool,
    /// Whether each rank keeps the optimiser's state of some weights only.
    pub shard_optimiser: bool,
}

impl Request {
    /// Two hidden layers, 100 epochs of AdamW along a cosine, a tenth of the training rows to
    /// validate and a fifth of all rows to test on.
    pub fn new(target: impl Into<String>) -> Request {
        Request {
            target: target.into(),
            features: None,
            as_class: false,
            hidden: vec![64, 32],
            epochs: 100,
            batch: 32,
            method: Method::AdamW,
            rate: None,
            pace: Pace::Cosine,
            find_rate: false,
            early_stop: None,
            validation: 0.1,
            test_split: 0.2,
            seed: 0,
            checkpoints: None,
            resume: false,
            log: None,
            tensorboard: None,
            deterministic: false,
            shard_optimiser: false,
        }
    }
}

/// How many rows were used for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowCounts {
    /// Learnt from.
    pub train: usize,
    /// Kept to judge each epoch by.
    pub validation: usize,
    /// Kept to be judged by at the end.
    pub test: usize,
    /// Left out, since the target is missing.
    pub without_target: usize,
}

/// What a fit found.
#[derive(Debug)]
pub struct Fit {
    /// The name of the file.
    pub path: String,
    /// How many rows were used for what.
    pub rows: RowCounts,
    /// Which features lack values in these rows.
    pub missing: Vec<Missing>,
    /// How good the model is on the rows that were learnt from.
    pub train: Score,
    /// How good it is on the test rows, if there are any.
    pub test: Option<Score>,
    /// How training went.
    pub trained: Trained,
    /// What a sweep over learning rates found, if there was one.
    pub sweep: Option<Sweep>,
    /// The learning rate.
    pub rate: f64,
    /// What the user should know, each a clause.
    pub warnings: Vec<String>,
    /// The model, ready to be saved.
    pub model: Model,
}

/// Fits a network to `table` as `request` says, and tells `watcher` how it goes.
///
/// # Errors
/// If the table does not fit the request, training diverges, or a file cannot be written; the
/// sentence says where.
pub fn fit(table: &Table, request: &Request, watcher: Option<Watcher<'_>>) -> Result<Fit> {
    on_first(fit_on(table, request, &Single, watcher)?)
}

fn on_first(fit: Option<Fit>) -> Result<Fit> {
    fit.ok_or_else(|| Error::new("only the first rank has the fit"))
}

/// Fits a network over the ranks of a job, all of which have the same table: each learns from its
/// part of each batch. The first rank has the fit and writes files.
///
/// # Errors
/// As [`fit`] and [`Trainer::train_on`].
pub fn fit_on(
    table: &Table,
    request: &Request,
    ranks: &dyn Communicator,
    watcher: Option<Watcher<'_>>,
) -> Result<Option<Fit>> {
    let mut warnings = vec![];
    let target = table.column(&request.target)?;
    let columns = features(table, request.features.as_ref(), target)?;
    let parts = Parts::of(table, target, request)?;
    let kind = Target::learn(table, target, &parts.train, request.as_class)?;
    let encoder = Encoder::learn(table, &columns, &parts.train, &mut warnings)?;
    let missing = encoder.missing(table, &parts.all)?;
    let model = Model::fresh(request, encoder, kind)?;
    let train = DataLoader::new(model.data(table, target, &parts.train, &mut warnings)?, 1);
    let validation = match parts.validation.is_empty() {
        true => None,
        false => {
            let data = model.data(table, target, &parts.validation, &mut warnings)?;
            Some(DataLoader::new(data, CHUNK))
        }
    };
    let taught = teach(&model, request, (train, validation), ranks, &mut warnings, watcher)?;
    if !ranks.is_first() {
        return Ok(None);
    }
    let score = |rows: &[usize]| model.score(table, target, rows);
    let Some(on_train) = score(&parts.train)? else { fail!("there are no rows to train on") };
    let rows = RowCounts {
        train: parts.train.len(),
        validation: parts.validation.len(),
        test: parts.test.len(),
        without_target: table.len() - parts.all.len(),
    };
    let scores = (on_train, score(&parts.test)?);
    Ok(Some(taught.fit(table.path().into(), rows, missing, scores, warnings, model)))
}

/// Fits a network to the file at `path` without reading it into memory: batches come from blocks
/// that are shuffled with their neighbours ([`Stream`]), and rows are kept to validate and to test
/// on by [`Shares`].
///
/// # Errors
/// As [`fit`]; if a row has no target.
pub fn fit_file(path: &Path, request: &Request, watcher: Option<Watcher<'_>>) -> Result<Fit> {
    on_first(fit_file_on(path, request, &Single, watcher)?)
}

/// As [`fit_on`], of a file that every rank reaches and none holds.
///
/// # Errors
/// As [`fit_file`] and [`Trainer::train_on`].
pub fn fit_file_on(
    path: &Path,
    request: &Request,
    ranks: &dyn Communicator,
    watcher: Option<Watcher<'_>>,
) -> Result<Option<Fit>> {
    let (test, validation, seed) = (request.test_split, request.validation, request.seed);
    let shares = Shares { test, validation, seed };
    let (target, features) = (&request.target, request.features.as_deref());
    let stream = Stream::divided(path, target, features, request.as_class, shares)?;
    let mut warnings = stream.warnings().to_vec();
    let model = Model::fresh(request, stream.encoder().clone(), stream.target().clone())?;
    let stream = Arc::new(stream);
    let section = |part: Part| stream.section(part);
    let sizes = [Part::Train, Part::Validation, Part::Test].map(|part| section(part).len());
    let train = DataLoader::new(section(Part::Train), 1);
    let validation = (sizes[1] > 0).then(|| DataLoader::new(section(Part::Validation), CHUNK));
    let taught = teach(&model, request, (train, validation), ranks, &mut warnings, watcher)?;
    if !ranks.is_first() {
        return Ok(None);
    }
    let mut score = |part: Part| -> Result<Option<Score>> {
        let about = if let Target::Number { mean, .. } = model.kind { mean } else { 0.0 };
        let mut tally = Tally::new(model.classes(), about);
        for block in 0..stream.blocks() {
            let (table, rows) = (stream.table(block)?, stream.places(block, part));
            let mut here = vec![];
            let means = model.means(&table, &rows, &mut here)?;
            tally.take(&model.observed(&table, stream.column(), &rows)?, &means);
            here.retain(|text| !warnings.contains(text));
            warnings.append(&mut here);
        }
        Ok(tally.score())
    };
    let Some(on_train) = score(Part::Train)? else { fail!("there are no rows to train on") };
    let scores = (on_train, score(Part::Test)?);
    let [train, validation, test] = sizes;
    let rows = RowCounts { train, validation, test, without_target: 0 };
    let missing = stream.missing().to_vec();
    Ok(Some(taught.fit(stream.path(), rows, missing, scores, warnings, model)))
}

/// What training gave.
struct Taught {
    trained: Trained,
    sweep: Option<Sweep>,
    rate: f64,
}

impl Taught {
    fn fit(
        self,
        path: String,
        rows: RowCounts,
        missing: Vec<Missing>,
        (train, test): (Score, Option<Score>),
        warnings: Vec<String>,
        model: Model,
    ) -> Fit {
        let Taught { trained, sweep, rate } = self;
        Fit { path, rows, missing, train, test, trained, sweep, rate, warnings, model }
    }
}

/// Trains a model on loaders for rows to learn from and to validate on.
fn teach(
    model: &Model,
    request: &Request,
    (mut train, validation): (DataLoader, Option<DataLoader>),
    ranks: &dyn Communicator,
    warnings: &mut Vec<String>,
    watcher: Option<Watcher<'_>>,
) -> Result<Taught> {
    train.batch = request.batch.max(1);
    let train = train.shuffled(request.seed);
    let loss = |batch: &Batch| model.judged(batch);
    let mut rate = request.rate.unwrap_or(request.method.usual_rate());
    let mut optimiser = request.method.over(model.net.parameters(), rate);
    let mut task = Task {
        model: &model.net,
        optimiser: &mut *optimiser,
        train: &train,
        validation: validation.as_ref(),
        loss: &loss,
    };
    let mut sweep = None;
    if request.find_rate {
        let found = lr_find(task.again(), SweepOptions::default())?;
        match found.suggestion {
            Some(suggested) => rate = suggested,
            None => warnings.push(format!("no learning rate could be suggested: {}", found.reason)),
        }
        // Each rank looks with whole batches; where machines differ, the first rank is believed.
        let bits = ranks.broadcast(0, rate.to_bits().to_le_bytes().to_vec())?;
        rate = bits.as_chunks().0.first().map_or(rate, |bits| f64::from_le_bytes(*bits));
        task.optimiser.set_rate(rate);
        sweep = Some(found);
    }
    let trainer = trainer(request, &train, rate)?;
    let trained = trainer.train_on(task, ranks, watcher)?;
    warnings.extend(trained.warnings.iter().cloned());
    Ok(Taught { trained, sweep, rate })
}

fn trainer(request: &Request, train: &DataLoader, rate: f64) -> Result<Trainer> {
    let mut trainer = Trainer::new(request.epochs);
    let Some(steps) = request.epochs.checked_mul(train.per_epoch()) else {
        fail!("so many epochs are too many; choose fewer with --epochs")
    };
    trainer.schedule = request.pace.curve(steps);
    trainer.early_stop = request.early_stop;
    trainer.checkpoints = request.checkpoints.clone().map(Checkpoints::new);
    trainer.resume = request.resume;
    trainer.log = request.log.clone();
    trainer.tensorboard = request.tensorboard.clone();
    trainer.pieces = request.deterministic.then_some(PIECES);
    trainer.shard_optimiser = request.shard_optimiser;
    trainer.configuration = json!({
        "target": request.target, "features": request.features, "as class": request.as_class,
        "hidden": request.hidden, "optimizer": request.method.name(), "rate": rate,
        "schedule": request.pace.name(), "validation": request.validation,
        "test split": request.test_split, "seed": request.seed.to_string(),
    });
    Ok(trainer)
}
