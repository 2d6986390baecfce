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
//! `step`: one step, and what to say when it makes no number. [`checkpoint`]: the files. `run`:
//! where a run is. `log`, [`tensorboard`]: what is written on the way. [`Event`] and [`History`]:
//! what is told and remembered. [`lr_find`]: looking for a learning rate.
//!
//! Not here: several processes. The loss, the optimiser and the data are the caller's.

pub mod checkpoint;
mod digest;
mod event;
mod log;
mod lr;
mod run;
mod step;
pub mod tensorboard;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use chainrule_core::Tensor;
use serde_json::{Value, json};

pub use checkpoint::Checkpoints;
pub use digest::digest;
pub use event::{EpochRecord, Event, History, Watcher};
pub use lr::{Sweep, SweepOptions, lr_find};
pub use step::{Judged, Loss};

use crate::data::loader::{Batch, DataLoader, Position};
use crate::error::{Error, Result, fail};
use crate::nn::{Module, load_state, state};
use crate::optim::schedule::{Schedule, Scheduler};
use crate::optim::{Clip, Optimiser};
use log::Log;
use run::Run;
use step::{Numbers, Stepper, evaluate};
use tensorboard::EventFile;

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
}

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
}

impl Trainer {
    /// Trains.
    ///
    /// # Errors
    /// If a loss or gradient is no finite number; then the model is as it was before that step, and
    /// the error says which operation made the first bad number. If data cannot be read, or a log
    /// or a checkpoint not be written; the last checkpoint is there all the same. If a checkpoint
    /// does not fit.
    pub fn train(self, task: Task<'_>, mut watcher: Option<Watcher<'_>>) -> Result<Trained> {
        if task.train.per_epoch() == 0 {
            fail!("there is no batch to train on; add rows, or choose smaller batches");
        }
        // Borrowed again, so that the watcher may live shorter than the task, and longer.
        let mut task = task;
        let task = task.again();
        let is_watched = watcher.is_some();
        let mut tell = |event: &Event<'_>| {
            if let Some(watcher) = &mut watcher {
                watcher(event);
            }
        };
        let mut training = Training::begin(self, task, is_watched.then_some(&mut tell))?;
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
        })
    }
}

/// A run in this process.
struct Training<'a> {
    trainer: Trainer,
    model: &'a dyn Module,
    train: &'a DataLoader,
    validation: Option<&'a DataLoader>,
    stepper: Stepper<'a>,
    scheduler: Option<Scheduler<Box<dyn Schedule>>>,
    watcher: Option<Watcher<'a>>,
    known: Value,
    run: Run,
    resumed: Option<usize>,
    log: Option<Log>,
    events: Option<EventFile>,
    start: Instant,
    /// The step at which this process began.
    begun: usize,
    warnings: Vec<String>,
}

impl<'a> Training<'a> {
    fn begin(
        mut trainer: Trainer,
        task: Task<'a>,
        watcher: Option<Watcher<'a>>,
    ) -> Result<Training<'a>> {
        let (mut warnings, known) = (vec![], trainer.known(&task));
        let mut stepper = Stepper::new(task.model, task.optimiser, task.loss);
        (stepper.clip, stepper.with_norm) = (trainer.clip, trainer.norm);
        stepper.start_means(trainer.ema);
        let schedule = trainer.schedule.take();
        let mut scheduler = schedule.map(|s| Scheduler::new(s, stepper.optimiser));
        let (mut run, mut resumed) = (Run::default(), None);
        if let Some(checkpoints) = &trainer.checkpoints {
            checkpoints.prepare(trainer.resume)?;
            let last = if trainer.resume { checkpoints.last(&mut warnings)? } else { None };
            if let Some(last) = last {
                run = Run::resume(&last, task.model, &mut stepper, scheduler.as_mut(), &known)?;
                resumed = Some(run.step);
            }
        }
        let begun = run.step;
        let mut log = trainer.log.as_ref().map(|path| Log::open(path, begun)).transpose()?;
        if let (Some(log), None) = (&mut log, resumed) {
            log.line(&json!({
                "event": "start", "step": 0, "rows": task.train.rows(),
                "batches": task.train.per_epoch(), "epochs": trainer.epochs,
                "configuration": trainer.configuration, "version": env!("CARGO_PKG_VERSION"),
            }))?;
        }
        let folder = trainer.tensorboard.as_ref();
        let events = folder.map(|folder| EventFile::create(folder, begun)).transpose()?;
        task.model.set_training(true);
        Ok(Training {
            model: task.model,
            train: task.train,
            validation: task.validation,
            trainer,
            stepper,
            scheduler,
            watcher,
            known,
            run,
            resumed,
            log,
            events,
            start: Instant::now(),
            begun,
            warnings,
        })
    }

    fn run(&mut self) -> Result<Ending> {
        while self.run.position.epoch < self.trainer.epochs {
            if self.is_stale() {
                return Ok(Ending::Stopped);
            }
            self.epoch()?;
        }
        Ok(if self.is_stale() { Ending::Stopped } else { Ending::Done })
    }

    fn is_stale(&self) -> bool {
        self.trainer.early_stop.is_some_and(|most| self.run.stale >= most.max(1))
    }

    fn epoch(&mut self) -> Result<()> {
        let begun = Instant::now();
        let mut batches = self.train.batches(self.run.position);
        let mut last = Numbers::default();
        let mut rate = 0.0;
        loop {
            let group = batches.by_ref().take(self.trainer.accumulate.max(1));
            let group = group.collect::<Result<Vec<Batch>>>()?;
            if group.is_empty() {
                break;
            }
            rate = self.stepper.optimiser.rates().first().copied().unwrap_or(0.0);
            last = self.step(&group, rate)?;
            let every = self.trainer.checkpoints.as_ref().and_then(|c| c.every);
            let is_due = every.is_some_and(|n| self.run.step.is_multiple_of(n.max(1)));
            if is_due && self.run.position.batch < self.train.per_epoch() {
                self.save()?;
            }
        }
        self.end_of_epoch(&last, rate, begun.elapsed())
    }

    fn step(&mut self, group: &[Batch], rate: f64) -> Result<Numbers> {
        let numbers = self.stepper.step(group).map_err(|why| {
            let Position { epoch, batch } = self.run.position;
            Error::new(format!(
                "training stopped in step {} (epoch {}, batch {}), and the model is as it was \
                 before; choose a smaller rate, clip gradients or look at the data: {why}",
                self.run.step + 1,
                epoch + 1,
                batch + 1
            ))
        })?;
        let run = &mut self.run;
        run.step += 1;
        run.position.batch += group.len();
        run.observe(numbers.loss);
        run.sums.add(&numbers);
        if let Some(scheduler) = &mut self.scheduler {
            scheduler.step(self.stepper.optimiser);
        }
        if run.step.is_multiple_of(self.trainer.log_every.max(1)) {
            self.write_step(&numbers, rate)?;
        }
        self.tell(&numbers, rate, None);
        Ok(numbers)
    }

    fn write_step(&mut self, numbers: &Numbers, rate: f64) -> Result<()> {
        let Run { step, position, .. } = self.run;
        if let Some(log) = &mut self.log {
            let mut line = json!({
                "event": "step", "step": step, "epoch": position.epoch + 1,
                "batch": position.batch, "loss": numbers.loss, "rate": rate, "norm": numbers.norm,
            });
            for (name, x) in &numbers.metrics {
                line[*name] = json!(x);
            }
            log.line(&line)?;
        }
        if let Some(events) = &mut self.events {
            let mut scalars = vec![("train/loss", numbers.loss), ("train/rate", rate)];
            scalars.extend(numbers.norm.map(|norm| ("train/norm", norm)));
            events.scalars(step, &scalars)?;
        }
        Ok(())
    }

    fn tell(&mut self, numbers: &Numbers, rate: f64, end: Option<&EpochRecord>) {
        let Some(watcher) = &mut self.watcher else { return };
        let (run, batches) = (&self.run, self.train.per_epoch());
        let elapsed = self.start.elapsed();
        let per_epoch = batches.div_ceil(self.trainer.accumulate.max(1));
        let all = self.trainer.epochs.saturating_mul(per_epoch);
        let pace = elapsed.as_secs_f64() / (run.step - self.begun).max(1) as f64;
        let left = (all.saturating_sub(run.step) as f64 * pace).min(1e9);
        watcher(&Event {
            epoch: run.position.epoch + 1,
            epochs: self.trainer.epochs,
            batch: run.position.batch,
            batches,
            step: run.step,
            loss: end.map_or(numbers.loss, |end| end.loss),
            smooth: run.smooth(),
            rate,
            norm: numbers.norm,
            metrics: &numbers.metrics,
            end,
            elapsed,
            left: Duration::from_secs_f64(left),
        });
    }

    fn end_of_epoch(&mut self, last: &Numbers, rate: f64, took: Duration) -> Result<()> {
        let sums = std::mem::take(&mut self.run.sums).mean();
        let validation = match self.validation {
            None => None,
            Some(loader) => Some(self.judge(loader)?),
        };
        let judged = validation.as_ref().unwrap_or(&sums);
        let record = EpochRecord {
            epoch: self.run.position.epoch + 1,
            step: self.run.step,
            loss: sums.loss,
            validation: validation.as_ref().map(|v| v.loss),
            metrics: judged.metrics.iter().map(|(n, x)| ((*n).to_string(), *x)).collect(),
            rate,
            norm: last.norm,
            digest: digest(&state(self.model))?,
            seconds: took.as_secs_f64(),
        };
        if let Some(scheduler) = &mut self.scheduler {
            scheduler.observe(judged.loss);
        }
        self.rank(judged.loss)?;
        let shown = Numbers { norm: last.norm, ..judged.clone() };
        self.tell(&shown, rate, Some(&record));
        self.write_epoch(&record)?;
        self.run.history.epochs.push(record);
        self.run.position = Position { epoch: self.run.position.epoch + 1, batch: 0 };
        self.save()
    }

    fn write_epoch(&mut self, record: &EpochRecord) -> Result<()> {
        if let Some(log) = &mut self.log {
            log.line(&record.to_json())?;
            log.flush()?;
        }
        if let Some(events) = &mut self.events {
            let mut scalars = vec![("epoch/loss", record.loss)];
            scalars.extend(record.validation.map(|v| ("epoch/validation", v)));
            let tags: Vec<_> = record.metrics.iter().map(|m| format!("epoch/{}", m.0)).collect();
            scalars.extend(tags.iter().zip(&record.metrics).map(|(tag, m)| (tag.as_str(), m.1)));
            events.scalars(record.step, &scalars)?;
        }
        Ok(())
    }

    /// The validation rows, judged with the running means of the parameters if there are any.
    fn judge(&mut self, loader: &DataLoader) -> Result<Numbers> {
        let batches = loader.batches(Position::default());
        self.stepper.swap_means()?;
        let judged = evaluate(self.model, self.stepper.loss, batches);
        self.stepper.swap_means()?;
        judged
    }

    /// Remembers whether the epoch is among the best.
    fn rank(&mut self, value: f64) -> Result<()> {
        let kept = self.trainer.checkpoints.as_ref().map_or(0, |c| c.best);
        let (epoch, run) = (self.run.position.epoch + 1, &mut self.run);
        let at = run.best.partition_point(|(_, other)| *other <= value);
        let is_best = at == 0 && !value.is_nan();
        run.stale = if is_best { 0 } else { run.stale + 1 };
        if at >= kept.max(1) || value.is_nan() {
            return Ok(());
        }
        run.best.insert(at, (epoch, value));
        run.best.truncate(kept.max(1));
        let epochs: Vec<usize> = run.best.iter().map(|b| b.0).collect();
        self.stepper.swap_means()?;
        let model: Vec<(String, Tensor)> = state(self.model);
        self.stepper.swap_means()?;
        if let Some(checkpoints) = self.trainer.checkpoints.as_ref().filter(|c| c.best > 0) {
            checkpoints.save_best(epoch, &epochs, &model)?;
        }
        if is_best && self.trainer.early_stop.is_some() {
            self.run.best_model = Some(model);
        }
        Ok(())
    }

    fn save(&mut self) -> Result<()> {
        let Some(checkpoints) = &self.trainer.checkpoints else { return Ok(()) };
        if let Some(log) = &mut self.log {
            log.flush()?;
        }
        let scheduler = self.scheduler.as_ref();
        let checkpoint = self.run.checkpoint(self.model, &self.stepper, scheduler, &self.known);
        checkpoints.save(&checkpoint)
    }

    fn finish(mut self, ending: Ending) -> Result<Trained> {
        match self.run.best_model.take() {
            Some(best) => load_state(self.model, &best)?,
            None => self.stepper.swap_means()?,
        }
        self.model.set_training(false);
        let digest = digest(&state(self.model))?;
        if let Some(log) = &mut self.log {
            log.line(&json!({
                "event": "end", "step": self.run.step, "ending": format!("{ending:?}"),
                "digest": digest,
            }))?;
            log.flush()?;
        }
        Ok(Trained {
            ending,
            steps: self.run.step,
            resumed: self.resumed,
            best: self.run.best.first().copied(),
            history: self.run.history,
            digest,
            elapsed: self.start.elapsed(),
            warnings: self.warnings,
        })
    }
}
