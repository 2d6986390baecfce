//! What is told while training goes on, and what is remembered of it.

use std::time::Duration;

use serde_json::{Value, json};

/// How training is going, told after each step and each epoch.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// The epoch, from 1.
    pub epoch: usize,
    /// The number of epochs.
    pub epochs: usize,
    /// The batches of this epoch that are done.
    pub batch: usize,
    /// The batches of an epoch.
    pub batches: usize,
    /// The steps that are done, from the first epoch on.
    pub step: usize,
    /// The loss of the step; of an epoch the mean over its rows.
    pub loss: f64,
    /// The exponential mean of the losses of the steps, with the weight 0.98 for the past.
    pub smooth: f64,
    /// The learning rate of the first group of parameters in the step.
    pub rate: f64,
    /// The norm of the gradient before it was clipped.
    pub norm: Option<f64>,
    /// The metrics of the step; of an epoch those of the validation rows, if there are any.
    pub metrics: &'a [(&'static str, f64)],
    /// What an epoch ended with; `None` after a step.
    pub end: Option<&'a EpochRecord>,
    /// The time since this process began to train.
    pub elapsed: Duration,
    /// The time that the rest will take at this pace.
    pub left: Duration,
}

/// Is told how training is going.
pub type Watcher<'a> = &'a mut (dyn FnMut(&Event<'_>) + 'a);

/// What is remembered of an epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct EpochRecord {
    /// The epoch, from 1.
    pub epoch: usize,
    /// The steps that were taken until its end.
    pub step: usize,
    /// The mean loss over the training rows, each at the time of its step.
    pub loss: f64,
    /// The mean loss over the validation rows at the end.
    pub validation: Option<f64>,
    /// The metrics of the validation rows, or of the training rows if there are no others.
    pub metrics: Vec<(String, f64)>,
    /// The learning rate of the last step.
    pub rate: f64,
    /// The norm of the last gradient.
    pub norm: Option<f64>,
    /// The digest of the model's parameters and buffers.
    pub digest: String,
    /// The seconds that the epoch took; after a break, since then.
    pub seconds: f64,
}

/// The epochs of a run, as data for a report or a figure.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// One record for each epoch that is done.
    pub epochs: Vec<EpochRecord>,
}

impl History {
    /// Epochs and training losses.
    pub fn loss(&self) -> Vec<(f64, f64)> {
        self.epochs.iter().map(|e| (e.epoch as f64, e.loss)).collect()
    }

    /// Epochs and validation losses.
    pub fn validation(&self) -> Vec<(f64, f64)> {
        self.epochs.iter().filter_map(|e| Some((e.epoch as f64, e.validation?))).collect()
    }

    /// Epochs and learning rates.
    pub fn rate(&self) -> Vec<(f64, f64)> {
        self.epochs.iter().map(|e| (e.epoch as f64, e.rate)).collect()
    }

    /// Epochs and the metric called `name`.
    pub fn metric(&self, name: &str) -> Vec<(f64, f64)> {
        let of = |e: &EpochRecord| {
            let (_, value) = e.metrics.iter().find(|(n, _)| n == name)?;
            Some((e.epoch as f64, *value))
        };
        self.epochs.iter().filter_map(of).collect()
    }

    /// The history as JSON, one object for each epoch.
    pub fn to_json(&self) -> Value {
        self.epochs.iter().map(EpochRecord::to_json).collect()
    }

    /// What [`to_json`](Self::to_json) made; `None` if it is something else.
    pub fn from_json(value: &Value) -> Option<History> {
        let epochs = value.as_array()?.iter().map(EpochRecord::from_json);
        Some(History { epochs: epochs.collect::<Option<_>>()? })
    }
}

impl EpochRecord {
    /// The record as a JSON object.
    pub fn to_json(&self) -> Value {
        let metrics: serde_json::Map<String, Value> =
            self.metrics.iter().map(|(name, x)| (name.clone(), json!(x))).collect();
        json!({
            "event": "epoch", "step": self.step, "epoch": self.epoch, "loss": self.loss,
            "validation": self.validation, "metrics": metrics, "rate": self.rate,
            "norm": self.norm, "digest": self.digest, "seconds": self.seconds,
        })
    }

    fn from_json(value: &Value) -> Option<EpochRecord> {
        let count = |key: &str| Some(value[key].as_u64()? as usize);
        let metrics = value["metrics"].as_object()?.iter();
        Some(EpochRecord {
            epoch: count("epoch")?,
            step: count("step")?,
            loss: value["loss"].as_f64()?,
            validation: value["validation"].as_f64(),
            // What is no number was written as null.
            metrics: metrics.map(|(k, v)| (k.clone(), v.as_f64().unwrap_or(f64::NAN))).collect(),
            rate: value["rate"].as_f64()?,
            norm: value["norm"].as_f64(),
            digest: value["digest"].as_str()?.to_string(),
            seconds: value["seconds"].as_f64()?,
        })
    }
}
