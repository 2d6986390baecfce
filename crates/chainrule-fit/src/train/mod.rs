//! Training: the loop, its log, checkpoints, and going on after an end of any kind.
//!
//! # A step
//!
//! Forward pass, backward pass, clipping, update and running means are recorded and then computed
//! as one plan. Several batches can make one step; then the gradients are summed, weighted by rows,
//!
//! ```text
//! g = Σ nᵢ gᵢ / Σ nᵢ          the gradient of the mean loss over all rows of the step
//! ```
//!
//! # Going on
//!
//! Whatever is drawn follows from a seed and a place: the order of rows from the seed and the epoch
//! ([`crate::data::loader`]), random tensors from the state of the generator, which a checkpoint
//! keeps. So a run that is killed and resumed ends with the same bits as one that was not, which
//! the digests of its epochs show.
//!
//! ```
//! use chainrule_core::{Tensor, manual_seed};
//! use chainrule_fit::data::{array::Array, dataset::Arrays, loader::DataLoader};
//! use chainrule_fit::nn::{Layer, Linear, Reduction, loss};
//! use chainrule_fit::optim::{AdamW, Rule};
//! use chainrule_fit::train::{Task, Trainer};
//!
//! manual_seed(0);
//! let model = Linear::new(1, 1);
//! let x: Vec<f32> = (0..40).map(|i| i as f32 / 20.0 - 1.0).collect();
//! let y = x.iter().map(|x| 3.0 * x + 1.0).collect::<Vec<f32>>();
//! let data = Arrays::new(Array::new([40, 1], x)?, Array::new([40, 1], y)?)?;
//! let train = DataLoader::new(data, 10).shuffled(0);
//! let mut optimiser = AdamW::default().over([&model.weight, model.bias.as_ref().unwrap()], 0.1);
//! let trained = Trainer::new(50).train(
//!     Task {
//!         model: &model,
//!         optimiser: &mut optimiser,
//!         train: &train,
//!         validation: None,
//!         loss: &|b| Ok(loss::mse(&model.forward(&b.x)?, &b.y, Reduction::Mean)?.into()),
//!     },
//!     None,
//! )?;
//! assert!(trained.history.epochs[49].loss < 0.01);
//! # Ok::<(), chainrule_fit::Error>(())
//! ```
//!
//! # What is where
//!
//! `training`: the loop. `step`: one step, and what to say when it makes no number. [`checkpoint`]:
//! the files. `run`: where a run is. `log`, [`tensorboard`]: what is written on the way. [`Event`]
//! and [`History`]: what is told and remembered. [`lr_find`]: looking for a learning rate.
//!
//! # Several ranks
//!
//! [`Trainer::train_on`] is [`Trainer::train`] over the ranks of a job: each takes its part of each
//! batch, and all come to the model that one rank comes to with whole batches. Only the first
//! writes and tells. `team` says how a step is shared, `pieces` how its bits
//! are kept.
//!
//! Not here: the loss, the optimiser and the data are the caller's.

pub mod checkpoint;
mod digest;
mod event;
mod log;
mod lr;
mod pieces;
mod run;
mod step;
mod team;
pub mod tensorboard;
mod training;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

pub use checkpoint::Checkpoints;
pub use digest::digest;
pub use event::{EpochRecord, Event, History, Watcher};
pub use lr::{Sweep, SweepOptions, lr_find};
pub use step::{Judged, Loss};
pub use team::Communication;

use crate::data::loader::DataLoader;
use crate::error::{Result, fail};
use crate::nn::Module;
use crate::optim::schedule::Schedule;
use crate::optim::{Clip, Optimiser};
use crate::parallel::{Communicator, Single};
use log::Log;
use training::Training;

/// What is trained, on what, and what is to become small.
pub struct Task<'a> {
    /// The model; its parameters are those of the optimiser.
    pub model: &'a dyn Module,
    /// What moves the parameters.
    pub optimiser: &'a mut dyn Optimiser,
    /// The rows that are learnt from.
    pub train: &'a DataLoader,
    /// The rows on which each epoch is judged.
    pub validation: Option<&'a DataLoader>,
    /// Makes the mean loss of a batch.
    pub loss: Loss<'a>,
}

impl Task<'_> {
    /// The same task, borrowed for something else before it.
    pub fn again(&mut self) -> Task<'_> {
        let Task { model, train, validation, loss, .. } = *self;
        Task { model, optimiser: &mut *self.optimiser, train, validation, loss }
    }
}

/// How to train.
pub struct Trainer {
    /// Passes over the training rows.
    pub epochs: usize,
    /// The rate of each step, from the rates that the optimiser has.
    pub schedule: Option<Box<dyn Schedule>>,
    /// How to bound gradients.
    pub clip: Option<Clip>,
    /// Whether the gradient's norm is computed where it is not clipped by it.
    pub norm: bool,
    /// How many batches make a step; the last step of an epoch may have fewer.
    pub accumulate: usize,
    /// The decay d of running means m ← d m + (1 − d) θ of the parameters. The validation rows are
    /// judged with them, and at the end the model has them.
    pub ema: Option<f64>,
    /// After how many epochs without a better validation loss (or training loss, if there are no
    /// validation rows) to stop. At the end the model is that of the best epoch.
    pub early_stop: Option<usize>,
    /// Where to write checkpoints.
    pub checkpoints: Option<Checkpoints>,
    /// Whether to go on from the last checkpoint, if there is one.
    pub resume: bool,
    /// The file for a log of JSON objects.
    pub log: Option<PathBuf>,
    /// After how many steps the log has a line; each epoch has one in any case.
    pub log_every: usize,
    /// The folder for an event file of TensorBoard.
    pub tensorboard: Option<PathBuf>,
    /// What else the run depends on; a run that is resumed must have the same.
    pub configuration: Value,
    /// Into how many pieces to cut each batch, so that the run has the same bits on any number of
    /// ranks up to that; [`PIECES`] is a good number. Without it, each rank takes a part of its
    /// own, and runs on different numbers of ranks are the same but for rounding and for what
    /// models draw.
    pub pieces: Option<usize>,
    /// Whether each rank keeps the optimiser's state of some parameters only, and updates those.
    pub shard_optimiser: bool,
    /// How many bytes of gradients are summed over ranks at a time.
    pub bucket: usize,
}

/// Pieces of a batch that 1, 2, 3, 4, 6 and 12 ranks share evenly.
pub const PIECES: usize = 12;

/// The usual bytes of a bucket: the time of a message is mostly that of its bytes.
pub const BUCKET: usize = 4 << 20;

impl Trainer {
    /// So many passes over the training rows, with a constant rate and nothing written.
    pub fn new(epochs: usize) -> Trainer {
        Trainer {
            epochs,
            schedule: None,
            clip: None,
            norm: true,
            accumulate: 1,
            ema: None,
            early_stop: None,
            checkpoints: None,
            resume: false,
            log: None,
            log_every: 1,
            tensorboard: None,
            configuration: Value::Null,
            pieces: None,
            shard_optimiser: false,
            bucket: BUCKET,
        }
    }
}

/// Why training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All epochs are done.
    Done,
    /// The validation loss had not become better for as long as was allowed.
    Stopped,
}

/// What training ended with.
#[derive(Clone, Debug)]
pub struct Trained {
    /// Why it ended.
    pub ending: Ending,
    /// What happened in each epoch.
    pub history: History,
    /// The steps that were taken, in all processes.
    pub steps: usize,
    /// The step from which this process went on, if it did.
    pub resumed: Option<usize>,
    /// The best epoch, from 1, and the loss that it is judged by.
    pub best: Option<(usize, f64)>,
    /// The digest of the model as it is now.
    pub digest: String,
    /// The time that this process took.
    pub elapsed: Duration,
    /// What the user should know, each a clause.
    pub warnings: Vec<String>,
    /// What the ranks had to say to each other, if there were several.
    pub communication: Option<Communication>,
}

impl Trainer {
    /// Trains in this process.
    ///
    /// # Errors
    /// If a loss or gradient is no finite number; then the model is as it was before that step, and
    /// the error says which operation made the first bad number. If data cannot be read, or a log
    /// or a checkpoint not be written; the last checkpoint is there all the same. If a checkpoint
    /// does not fit.
    pub fn train(self, task: Task<'_>, watcher: Option<Watcher<'_>>) -> Result<Trained> {
        self.train_on(task, &Single, watcher)
    }

    /// Trains over `ranks`, all of which call this with a task and options that are alike; models
    /// may begin with other numbers, for those of the first rank count. Files are written and
    /// `watcher` is told by the first rank only.
    ///
    /// # Errors
    /// As [`train`](Self::train). If options differ between ranks. An error that one rank alone
    /// meets ends the job ([`Communicator::abort`]).
    pub fn train_on(
        self,
        task: Task<'_>,
        ranks: &dyn Communicator,
        watcher: Option<Watcher<'_>>,
    ) -> Result<Trained> {
        let trained = self.train_as(task, ranks, watcher);
        if let (Err(why), 2..) = (&trained, ranks.size()) {
            ranks.abort(why);
        }
        trained
    }

    fn train_as(
        mut self,
        mut task: Task<'_>,
        ranks: &dyn Communicator,
        mut watcher: Option<Watcher<'_>>,
    ) -> Result<Trained> {
        if !ranks.is_first() {
            (self.log, self.tensorboard, watcher) = (None, None, None);
        }
        if task.train.per_epoch() == 0 {
            fail!("there is no batch to train on; add rows, or choose smaller batches");
        }
        // Borrowed again, so that the watcher may live shorter than the task, and longer.
        let task = task.again();
        let is_watched = watcher.is_some();
        let mut tell = |event: &Event<'_>| {
            if let Some(watcher) = &mut watcher {
                watcher(event);
            }
        };
        let mut training = Training::begin(self, task, ranks, is_watched.then_some(&mut tell))?;
        let outcome = training.run();
        let flushed = training.log.as_mut().map_or(Ok(()), Log::flush);
        let ending = outcome?;
        flushed?;
        training.finish(ending)
    }

    /// What a run that is resumed must have in common with the run that it was.
    fn known(&self, task: &Task<'_>) -> Value {
        json!({
            "epochs": self.epochs,
            "rows": task.train.rows(),
            "batch size": task.train.batch,
            "shuffle": task.train.shuffle.map(|seed| seed.to_string()),
            "seed": task.train.seed.to_string(),
            "accumulate": self.accumulate,
            "ema": self.ema,
            "clip": self.clip.map(|clip| format!("{clip:?}")),
            "early stop": self.early_stop,
            "configuration": self.configuration,
            "pieces": self.pieces,
        })
    }
}
