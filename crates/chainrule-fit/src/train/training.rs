//! The loop: steps, epochs, and what is told and written after each.

use std::time::{Duration, Instant};

use chainrule_core::{Tensor, rng_state, set_rng_state};
use serde_json::{Value, json};

use super::checkpoint::Checkpoint;
use super::event::{EpochRecord, Event, Watcher};
use super::log::Log;
use super::run::Run;
use super::step::{Numbers, Stepper, Sums, evaluate};
use super::team::Team;
use super::tensorboard::EventFile;
use super::{Ending, Task, Trained, Trainer, digest};
use crate::data::loader::{Cut, DataLoader, Position, Share};
use crate::error::{Error, Result, fail};
use crate::nn::{Module, from_bytes, load_state, state, to_bytes};
use crate::optim::schedule::{Schedule, Scheduler};
use crate::parallel::{Communicator, same_on_all};

/// A run in this process.
pub(super) struct Training<'a> {
    trainer: Trainer,
    model: &'a dyn Module,
    train: &'a DataLoader,
    validation: Option<&'a DataLoader>,
    stepper: Stepper<'a>,
    ranks: &'a dyn Communicator,
    scheduler: Option<Scheduler<Box<dyn Schedule>>>,
    watcher: Option<Watcher<'a>>,
    known: Value,
    run: Run,
    resumed: Option<usize>,
    pub(super) log: Option<Log>,
    events: Option<EventFile>,
    start: Instant,
    /// The step at which this process began.
    begun: usize,
    warnings: Vec<String>,
}

impl<'a> Training<'a> {
    pub(super) fn begin(
        mut trainer: Trainer,
        task: Task<'a>,
        ranks: &'a dyn Communicator,
        watcher: Option<Watcher<'a>>,
    ) -> Result<Training<'a>> {
        let (mut warnings, known) = (vec![], trainer.known(&task));
        let Task { model, optimiser, train, validation, loss } = task;
        let mut stepper = Stepper::new(model, optimiser, loss);
        (stepper.clip, stepper.with_norm) = (trainer.clip, trainer.norm);
        if ranks.size() > 1 {
            same_options(ranks, &known)?;
            share_model(ranks, model)?;
        }
        if ranks.size() > 1 || trainer.pieces.is_some() {
            let Trainer { pieces, bucket, shard_optimiser, .. } = trainer;
            if shard_optimiser && !stepper.optimiser.is_separable() {
                fail!("this optimiser's state cannot be divided over ranks; leave it whole");
            }
            let parameters = &stepper.parameters;
            let pieces = pieces.map(|n| n.max(1));
            let team = Team::new(ranks, pieces, bucket, shard_optimiser, parameters);
            stepper.team = Some(team);
        }
        stepper.start_means(trainer.ema);
        let schedule = trainer.schedule.take();
        let mut scheduler = schedule.map(|s| Scheduler::new(s, stepper.optimiser));
        let (mut run, mut resumed) = (Run::default(), None);
        if let Some(checkpoints) = &trainer.checkpoints {
            let mut last = None;
            if ranks.is_first() {
                checkpoints.prepare(trainer.resume)?;
                last = if trainer.resume { checkpoints.last(&mut warnings)? } else { None };
            }
            // The others need not reach the folder.
            if let Some(last) = share_checkpoint(ranks, last)? {
                run = Run::resume(&last, model, &mut stepper, scheduler.as_mut(), &known)?;
                resumed = Some(run.step);
            }
        }
        let begun = run.step;
        let mut log = trainer.log.as_ref().map(|path| Log::open(path, begun)).transpose()?;
        if let (Some(log), None) = (&mut log, resumed) {
            log.line(&json!({
                "event": "start", "step": 0, "rows": train.rows(),
                "batches": train.per_epoch(), "epochs": trainer.epochs,
                "configuration": trainer.configuration, "version": env!("CARGO_PKG_VERSION"),
            }))?;
        }
        let folder = trainer.tensorboard.as_ref();
        let events = folder.map(|folder| EventFile::create(folder, begun)).transpose()?;
        model.set_training(true);
        Ok(Training {
            model,
            train,
            validation,
            trainer,
            stepper,
            ranks,
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

    pub(super) fn run(&mut self) -> Result<Ending> {
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
        let share = self.stepper.team.as_ref().map_or(Share::whole(), Team::share);
        let mut batches = self.train.cuts(self.run.position, share);
        let mut last = Numbers::default();
        let mut rate = 0.0;
        loop {
            let group = batches.by_ref().take(self.trainer.accumulate.max(1));
            let group = group.collect::<Result<Vec<Cut>>>()?;
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

    fn step(&mut self, group: &[Cut], rate: f64) -> Result<Numbers> {
        let numbers = self.stepper.step(group, self.run.step).map_err(|why| {
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
            Some(loader) => Some(self.judge(loader, &sums)?),
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
    /// Each rank judges some of the batches, the first ranks first. Metrics have the names of
    /// `like`.
    fn judge(&mut self, loader: &DataLoader, like: &Numbers) -> Result<Numbers> {
        let most = loader.per_epoch().div_ceil(self.ranks.size());
        let from = Position { epoch: 0, batch: most * self.ranks.rank() };
        self.stepper.swap_means()?;
        let own = evaluate(self.model, self.stepper.loss, loader.batches(from).take(most));
        self.stepper.swap_means()?;
        let own = own?;
        let width = 2 + own.first().map_or(0, |first| first.metrics.len());
        let row = |one: &Numbers| {
            let head = [one.rows as f64, one.loss];
            let metrics = one.metrics.iter().map(|(_, x)| *x);
            head.into_iter().chain(metrics).flat_map(f64::to_le_bytes).collect::<Vec<u8>>()
        };
        let head = (width as u64).to_le_bytes();
        let bytes = head.into_iter().chain(own.iter().flat_map(row)).collect();
        let names = || like.metrics.iter().map(|(name, _)| *name);
        let mut sums = Sums::default();
        for said in self.ranks.gather(bytes)? {
            let Some((width, rows)) = said.as_chunks().0.split_first() else { continue };
            let rows: Vec<f64> = rows.iter().map(|x| f64::from_le_bytes(*x)).collect();
            for row in rows.chunks_exact(u64::from_le_bytes(*width) as usize) {
                let metrics = names().zip(row[2..].iter().copied()).collect();
                sums.add(&Numbers { loss: row[1], norm: None, metrics, rows: row[0] as usize });
            }
        }
        Ok(sums.mean())
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
        let is_first = self.ranks.is_first();
        let checkpoints = self.trainer.checkpoints.as_ref();
        if let Some(checkpoints) = checkpoints.filter(|c| is_first && c.best > 0) {
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
        let optimiser = self.stepper.optimiser_state()?;
        if !self.ranks.is_first() {
            return Ok(());
        }
        let scheduler = self.scheduler.as_ref();
        let stepper = &self.stepper;
        let checkpoint =
            self.run.checkpoint(self.model, stepper, optimiser, scheduler, &self.known);
        checkpoints.save(&checkpoint)
    }

    pub(super) fn finish(mut self, ending: Ending) -> Result<Trained> {
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
            communication: self.stepper.team.map(|team| team.told).filter(|told| told.ranks > 1),
        })
    }
}

/// That all ranks train alike.
fn same_options(ranks: &dyn Communicator, known: &Value) -> Result<()> {
    let texts = known.as_object().into_iter().flatten();
    let texts: Vec<_> = texts.map(|(name, value)| (name.as_str(), value.to_string())).collect();
    same_on_all(ranks, &texts.iter().map(|(name, text)| (*name, &**text)).collect::<Vec<_>>())
}

/// Gives all ranks the model and the generator of the first.
fn share_model(ranks: &dyn Communicator, model: &dyn Module) -> Result<()> {
    let is_first = ranks.is_first();
    let bytes = if is_first { to_bytes(&state(model), None)? } else { vec![] };
    let bytes = ranks.broadcast(0, bytes)?;
    let (seed, drawn) = rng_state();
    let rng = ranks.broadcast(0, [seed.to_le_bytes(), drawn.to_le_bytes()].concat())?;
    if !is_first {
        load_state(model, &from_bytes(&bytes)?.0)?;
        if let [seed, drawn] = rng.as_chunks().0 {
            set_rng_state((u64::from_le_bytes(*seed), u64::from_le_bytes(*drawn)));
        }
    }
    Ok(())
}

/// Gives all ranks the checkpoint of the first, if it has one.
fn share_checkpoint(
    ranks: &dyn Communicator,
    own: Option<Checkpoint>,
) -> Result<Option<Checkpoint>> {
    if ranks.size() == 1 {
        return Ok(own);
    }
    let bytes = own.as_ref().map_or(Ok(vec![]), Checkpoint::to_bytes)?;
    let bytes = ranks.broadcast(0, bytes)?;
    match own {
        None if !bytes.is_empty() => Checkpoint::from_bytes(&bytes, "of rank 0").map(Some),
        own => Ok(own),
    }
}
