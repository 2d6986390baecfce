//! Where a run is, in memory and in a checkpoint.

use chainrule_core::{Tensor, rng_state, set_rng_state};
use serde_json::{Value, json};

use super::checkpoint::Checkpoint;
use super::event::History;
use super::step::{Stepper, Sums};
use crate::data::loader::Position;
use crate::error::{Error, Result, fail, shown};
use crate::nn::{Module, load_state, state};
use crate::optim::schedule::{Schedule, Scheduler};

/// The weight of the past in the smoothed loss.
const PAST: f64 = 0.98;

/// Where a run is.
#[derive(Clone, Debug, Default)]
pub(super) struct Run {
    pub(super) position: Position,
    pub(super) step: usize,
    pub(super) history: History,
    /// The sums of the epoch that is under way.
    pub(super) sums: Sums,
    /// The exponential mean of losses before it is divided by the sum of its weights.
    smooth: f64,
    weight: f64,
    /// The best epochs and what they are judged by, the best first.
    pub(super) best: Vec<(usize, f64)>,
    /// The model of the best epoch, if it is wanted.
    pub(super) best_model: Option<Vec<(String, Tensor)>>,
    /// Epochs since the best one.
    pub(super) stale: usize,
}

impl Run {
    /// Takes in the loss of a step.
    pub(super) fn observe(&mut self, loss: f64) {
        self.smooth = PAST * self.smooth + (1.0 - PAST) * loss;
        self.weight = PAST * self.weight + (1.0 - PAST);
    }

    /// The smoothed loss.
    pub(super) fn smooth(&self) -> f64 {
        self.smooth / self.weight.max(f64::MIN_POSITIVE)
    }

    /// Everything that is needed to go on from here.
    pub(super) fn checkpoint(
        &self,
        model: &dyn Module,
        stepper: &Stepper<'_>,
        optimiser: Vec<(String, Tensor)>,
        scheduler: Option<&Scheduler<Box<dyn Schedule>>>,
        known: &Value,
    ) -> Checkpoint {
        let (seed, drawn) = rng_state();
        let best: Vec<Value> = self.best.iter().map(|(e, x)| json!([e, x])).collect();
        let about = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "epoch": self.position.epoch,
            "batch": self.position.batch,
            "step": self.step,
            // As text: a number of JSON need not have 64 bits.
            "rng": [seed.to_string(), drawn.to_string()],
            "smooth": self.smooth,
            "weight": self.weight,
            "sums": {
                "loss": self.sums.loss, "rows": self.sums.rows, "metrics": self.sums.metrics,
            },
            "best": best,
            "stale": self.stale,
            "history": self.history.to_json(),
            "known": known,
        });
        let mut checkpoint = Checkpoint { tensors: vec![], about };
        checkpoint.add("model", state(model));
        checkpoint.add("optimiser", optimiser);
        if let Some(scheduler) = scheduler {
            checkpoint.add("schedule", scheduler.state());
        }
        if let Some((_, means)) = &stepper.means {
            checkpoint.add("mean", numbered(means));
        }
        if let Some(best) = &self.best_model {
            checkpoint.add("best", best.clone());
        }
        checkpoint
    }

    /// Puts everything to where a checkpoint was made. All of it is compared with what is there
    /// before anything is changed, but for the model, which comes last.
    pub(super) fn resume(
        checkpoint: &Checkpoint,
        model: &dyn Module,
        stepper: &mut Stepper<'_>,
        scheduler: Option<&mut Scheduler<Box<dyn Schedule>>>,
        known: &Value,
    ) -> Result<Run> {
        let about = &checkpoint.about;
        same(&about["known"], known)?;
        let Some((run, rng)) = Run::from_json(about) else {
            fail!("the checkpoint's description is damaged; resume from another")
        };
        let mut run = run;
        let differs = |why: Error| Error::new(format!("the checkpoint does not fit: {why}"));
        let optimiser = checkpoint.part("optimiser");
        let own = state(model);
        load_state(model, &checkpoint.part("model")).map_err(differs)?;
        let rest = || -> Result<()> {
            stepper.load_optimiser(&optimiser)?;
            if let Some(scheduler) = scheduler {
                scheduler.load_state(&checkpoint.part("schedule"))?;
            }
            if let Some((_, means)) = &mut stepper.means {
                let saved = checkpoint.part("mean");
                for (name, mean) in numbered(means) {
                    let found = saved.iter().find(|(n, t)| *n == name && t.shape() == mean.shape());
                    let Some((_, new)) = found else { fail!("it lacks the mean {name}") };
                    means[name.parse::<usize>().unwrap_or(0)] = new.clone();
                }
            }
            Ok(())
        };
        if let Err(why) = rest() {
            load_state(model, &own)?;
            return Err(differs(why));
        }
        let best = checkpoint.part("best");
        run.best_model = (!best.is_empty()).then_some(best);
        set_rng_state(rng);
        Ok(run)
    }

    fn from_json(about: &Value) -> Option<(Run, (u64, u64))> {
        let count = |value: &Value| Some(value.as_u64()? as usize);
        let bits = |value: &Value| value.as_str()?.parse::<u64>().ok();
        let pair = |value: &Value| Some((count(&value[0])?, value[1].as_f64()?));
        let mut run = Run {
            position: Position { epoch: count(&about["epoch"])?, batch: count(&about["batch"])? },
            step: count(&about["step"])?,
            history: History::from_json(&about["history"])?,
            smooth: about["smooth"].as_f64()?,
            weight: about["weight"].as_f64()?,
            best: about["best"].as_array()?.iter().map(pair).collect::<Option<_>>()?,
            stale: count(&about["stale"])?,
            ..Run::default()
        };
        let sums = &about["sums"];
        (run.sums.loss, run.sums.rows) = (sums["loss"].as_f64()?, count(&sums["rows"])?);
        for metric in sums["metrics"].as_array()? {
            let sum = metric[1].as_f64().unwrap_or(f64::NAN);
            run.sums.metrics.push((metric[0].as_str()?.to_string(), sum));
        }
        Some((run, (bits(&about["rng"][0])?, bits(&about["rng"][1])?)))
    }
}

fn numbered(means: &[Tensor]) -> Vec<(String, Tensor)> {
    means.iter().enumerate().map(|(i, mean)| (i.to_string(), mean.clone())).collect()
}

/// That a run is resumed with the options that it was begun with.
fn same(then: &Value, now: &Value) -> Result<()> {
    if then == now {
        return Ok(());
    }
    let key = now.as_object().and_then(|all| all.iter().find(|(key, v)| then[key.as_str()] != **v));
    match key {
        Some((key, value)) => fail!(
            "the checkpoint was made with {key} {}, and now it is {}; use the same, or start anew \
             in another folder",
            shown(&then[key.as_str()].to_string()),
            shown(&value.to_string())
        ),
        None => fail!("the checkpoint was made with other options; start anew in another folder"),
    }
}
