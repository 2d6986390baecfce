//! One step: forward pass, backward pass, clipping, update and running means as one plan; and what
//! to say if it made no number.

use chainrule_core::{Tensor, detect_anomaly, grad, no_grad, realize, rng_state, set_rng_state};

use super::team::Team;
use crate::data::loader::{Batch, Cut};
use crate::error::{Error, Result};
use crate::nn::{Buffer, Module, Slot};
use crate::optim::{Clip, Optimiser, clip};

/// What a model makes of a batch: the loss, and what else one wants to know.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The mean loss of the batch, one element.
    pub loss: Tensor,
    /// Further means over the rows of the batch, one element each, always with the same names.
    pub metrics: Vec<(&'static str, Tensor)>,
}

impl From<Tensor> for Judged {
    fn from(loss: Tensor) -> Judged {
        Judged { loss, metrics: vec![] }
    }
}

/// What makes a loss of a batch.
pub type Loss<'a> = &'a dyn Fn(&Batch) -> Result<Judged>;

/// The numbers of a step or of several batches.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    pub(super) loss: f64,
    pub(super) norm: Option<f64>,
    pub(super) metrics: Vec<(&'static str, f64)>,
    pub(super) rows: usize,
}

/// What a step works on.
pub(super) struct Stepper<'a> {
    pub(super) optimiser: &'a mut dyn Optimiser,
    pub(super) loss: Loss<'a>,
    pub(super) clip: Option<Clip>,
    pub(super) with_norm: bool,
    /// The decay and the running means of the parameters.
    pub(super) means: Option<(f64, Vec<Tensor>)>,
    /// The ranks that make the steps together, if there are several, or pieces.
    pub(super) team: Option<Team<'a>>,
    pub(super) parameters: Vec<Tensor>,
    pub(super) buffers: Vec<Buffer>,
    /// The names of metrics, where batches are cut into pieces.
    pub(super) names: Vec<&'static str>,
}

impl<'a> Stepper<'a> {
    pub(super) fn new(
        model: &dyn Module,
        optimiser: &'a mut dyn Optimiser,
        loss: Loss<'a>,
    ) -> Stepper<'a> {
        let buffers = model.entries().into_iter().filter_map(|entry| match entry.slot {
            Slot::Buffer(buffer) => Some(buffer),
            Slot::Parameter(_) => None,
        });
        let (buffers, parameters) = (buffers.collect(), optimiser.parameters());
        let (clip, with_norm, means, team) = (None, false, None, None);
        Stepper {
            optimiser,
            loss,
            clip,
            with_norm,
            means,
            team,
            parameters,
            buffers,
            names: vec![],
        }
    }

    /// Keeps running means of the parameters from now on, if there is a decay.
    pub(super) fn start_means(&mut self, decay: Option<f64>) {
        let now = || self.parameters.iter().map(Tensor::detach).collect();
        self.means = decay.map(|decay| (decay, now()));
    }

    /// Exchanges the parameters and their running means, if there are any.
    pub(super) fn swap_means(&mut self) -> Result<()> {
        let Some((_, means)) = &mut self.means else { return Ok(()) };
        for (p, mean) in self.parameters.iter().zip(means) {
            let now = p.detach();
            p.assign(mean)?;
            *mean = now;
        }
        Ok(())
    }

    /// Takes a step along the mean loss of all rows of the batches in `group`; `step` is the
    /// number of steps before it.
    ///
    /// If the loss or the gradient is no finite number, parameters and buffers are put back to
    /// where they were before, and the error says where that number came from.
    pub(super) fn step(&mut self, group: &[Cut], step: usize) -> Result<Numbers> {
        let before = Before::new(&self.parameters, &self.buffers);
        let batches: Vec<&Batch> =
            group.iter().flat_map(|cut| cut.parts.iter().map(|(_, batch)| batch)).collect();
        let numbers = match (&self.team, &batches[..]) {
            (Some(_), _) => self.together(group, step)?,
            (None, [batch]) => self.single(batch)?,
            (None, _) => self.accumulated(&batches)?,
        };
        if numbers.loss.is_finite() && numbers.norm.is_none_or(f64::is_finite) {
            return Ok(numbers);
        }
        before.restore(&self.parameters, &self.buffers)?;
        let (found, why) = self.autopsy(&batches, &numbers);
        // To look again observes again.
        before.restore(&self.parameters, &self.buffers)?;
        let Some(team) = &self.team else { return Err(Error::new(why)) };
        // All ranks see that there is a bad number, but not all where it comes from.
        let said = [&[u8::from(!found)], why.as_bytes()].concat();
        let all = team.ranks.gather(said)?;
        let first = all.iter().enumerate().min_by_key(|(_, said)| said.first().copied());
        let (rank, said) = first.map_or((0, &[][..]), |(rank, said)| (rank, &said[..]));
        let said = String::from_utf8_lossy(said.get(1..).unwrap_or(&[]));
        let by = if team.ranks.size() > 1 { format!("on rank {rank}, ") } else { String::new() };
        Err(Error::new(format!("{by}{said}")))
    }

    /// Takes a step, whatever becomes of it: the loss before it, which may be no number.
    pub(super) fn try_step(&mut self, batch: &Batch) -> Result<f64> {
        Ok(self.single(batch)?.loss)
    }

    fn single(&mut self, batch: &Batch) -> Result<Numbers> {
        let judged = (self.loss)(batch)?;
        let gradients = self.gradients(&judged.loss)?;
        let (mut wanted, norm) = self.record(gradients)?;
        wanted.extend(self.record_means());
        self.realize(&wanted, &judged)?;
        read(&judged, norm.as_ref(), batch.rows.len())
    }

    /// The gradient of the mean over all rows is the mean of the batches' gradients, weighted by
    /// their rows.
    fn accumulated(&mut self, batches: &[&Batch]) -> Result<Numbers> {
        let rows: usize = batches.iter().map(|batch| batch.rows.len()).sum();
        let mut all = Sums::default();
        let mut sums: Option<Vec<Tensor>> = None;
        for batch in batches {
            let judged = (self.loss)(batch)?;
            let share = batch.rows.len() as f64 / rows as f64;
            let weighted = self.gradients(&judged.loss)?;
            let weighted = weighted.iter().map(|g| g * Tensor::from(share).to_dtype(g.dtype()));
            let next: Vec<Tensor> = no_grad(|| match &sums {
                None => weighted.collect(),
                Some(sums) => sums.iter().zip(weighted).map(|(sum, g)| sum + g).collect(),
            });
            self.realize(&next, &judged)?;
            all.add(&read(&judged, None, batch.rows.len())?);
            sums = Some(next);
        }
        let (mut wanted, norm) = self.record(sums.unwrap_or_default())?;
        wanted.extend(self.record_means());
        realize(&wanted.iter().collect::<Vec<_>>())?;
        let mut numbers = all.mean();
        numbers.norm = norm.map(|norm| norm.item()).transpose()?;
        Ok(numbers)
    }

    fn gradients(&self, loss: &Tensor) -> Result<Vec<Tensor>> {
        Ok(grad(loss, &self.parameters.iter().collect::<Vec<_>>())?)
    }

    /// Records the update, and returns what must be realized for it and the gradient's norm.
    pub(super) fn record(
        &mut self,
        gradients: Vec<Tensor>,
    ) -> Result<(Vec<Tensor>, Option<Tensor>)> {
        let mut gradients: Vec<Option<Tensor>> = gradients.into_iter().map(Some).collect();
        let norm = match self.clip {
            Some(Clip::Norm(bound)) => clip(&mut gradients, Clip::Norm(bound))?,
            other => {
                let norm = self.with_norm.then(|| norm(&gradients));
                if let Some(other) = other {
                    clip(&mut gradients, other)?;
                }
                norm
            }
        };
        if let Some(team) = &self.team {
            let others = gradients.iter_mut().enumerate().filter(|(i, _)| !team.owns(*i));
            others.for_each(|(_, gradient)| *gradient = None);
        }
        let mut wanted = self.optimiser.record(&gradients)?;
        wanted.extend(norm.clone());
        Ok((wanted, norm))
    }

    /// Records the running means of the parameters, and returns them.
    pub(super) fn record_means(&mut self) -> Vec<Tensor> {
        let Some((decay, means)) = &mut self.means else { return vec![] };
        for (p, mean) in self.parameters.iter().zip(&mut *means) {
            *mean = no_grad(|| &*mean + (p.detach() - &*mean) * (1.0 - *decay));
        }
        means.clone()
    }

    pub(super) fn realize(&self, wanted: &[Tensor], judged: &Judged) -> Result<()> {
        let buffers: Vec<Tensor> = self.buffers.iter().map(Buffer::get).collect();
        let metrics = judged.metrics.iter().map(|(_, metric)| metric);
        let all = wanted.iter().chain(&buffers).chain(metrics).chain([&judged.loss]);
        Ok(realize(&all.collect::<Vec<_>>())?)
    }

    /// Runs the step again, looking at every number on the way: what is wrong, and whether it was
    /// found here.
    fn autopsy(&self, batches: &[&Batch], numbers: &Numbers) -> (bool, String) {
        let found = detect_anomaly(|| {
            for batch in batches {
                let judged = match (self.loss)(batch) {
                    Ok(judged) => judged,
                    Err(error) => return Ok(Some(error)),
                };
                judged.loss.item::<f64>()?;
                let gradients = grad(&judged.loss, &self.parameters.iter().collect::<Vec<_>>())?;
                realize(&gradients.iter().collect::<Vec<_>>())?;
            }
            Ok(None)
        });
        let what = match numbers.loss.is_finite() {
            true => "the gradient is not finite".to_string(),
            false => format!("the loss is {}", numbers.loss),
        };
        let is_found = !matches!(found, Ok(None));
        let origin = match found {
            Err(error) => format!("; the first bad number:\n{error}"),
            Ok(Some(error)) => format!("; on the way, {error}"),
            Ok(None) => {
                "; every operation's result is finite by itself, but their squares are too \
                         large to add"
                    .to_string()
            }
        };
        (is_found, format!("{what}{origin}"))
    }
}

fn norm(gradients: &[Option<Tensor>]) -> Tensor {
    no_grad(|| {
        let squares = gradients.iter().flatten().map(|g| g.square().sum());
        squares.reduce(|a, b| a + b).unwrap_or_else(|| Tensor::from(0.0)).sqrt()
    })
}

fn read(judged: &Judged, norm: Option<&Tensor>, rows: usize) -> Result<Numbers> {
    let metrics = judged.metrics.iter().map(|(name, metric)| Ok((*name, metric.item()?)));
    Ok(Numbers {
        loss: judged.loss.item()?,
        norm: norm.map(|norm| norm.item()).transpose()?,
        metrics: metrics.collect::<Result<_>>()?,
        rows,
    })
}

/// Sums over rows, to take means of.
#[derive(Clone, Debug, Default)]
pub(super) struct Sums {
    pub(super) loss: f64,
    pub(super) metrics: Vec<(String, f64)>,
    pub(super) rows: usize,
    names: Vec<&'static str>,
}

impl Sums {
    pub(super) fn add(&mut self, numbers: &Numbers) {
        let n = numbers.rows as f64;
        self.loss += n * numbers.loss;
        self.rows += numbers.rows;
        self.names = numbers.metrics.iter().map(|m| m.0).collect();
        for (i, (name, value)) in numbers.metrics.iter().enumerate() {
            match self.metrics.get_mut(i) {
                Some((_, sum)) => *sum += n * value,
                None => self.metrics.push(((*name).to_string(), n * value)),
            }
        }
    }

    pub(super) fn mean(&self) -> Numbers {
        let n = self.rows.max(1) as f64;
        let metrics = self.names.iter().zip(&self.metrics).map(|(name, m)| (*name, m.1 / n));
        Numbers { loss: self.loss / n, norm: None, metrics: metrics.collect(), rows: self.rows }
    }
}

/// Parameters, buffers and generator before a step.
struct Before {
    parameters: Vec<Tensor>,
    buffers: Vec<Tensor>,
    rng: (u64, u64),
}

impl Before {
    fn new(parameters: &[Tensor], buffers: &[Buffer]) -> Before {
        Before {
            parameters: parameters.iter().map(Tensor::detach).collect(),
            buffers: buffers.iter().map(Buffer::get).collect(),
            rng: rng_state(),
        }
    }

    fn restore(&self, parameters: &[Tensor], buffers: &[Buffer]) -> Result<()> {
        for (p, old) in parameters.iter().zip(&self.parameters) {
            p.assign(old)?;
        }
        for (buffer, old) in buffers.iter().zip(&self.buffers) {
            buffer.set(old.clone());
        }
        set_rng_state(self.rng);
        Ok(())
    }
}

/// The mean loss and metrics of each batch, without learning from them.
pub(super) fn evaluate(
    model: &dyn Module,
    loss: Loss<'_>,
    batches: impl Iterator<Item = Result<Batch>>,
) -> Result<Vec<Numbers>> {
    model.set_training(false);
    let rng = rng_state();
    let mut judgements = vec![];
    let all = || -> Result<()> {
        for batch in batches {
            let batch = batch?;
            let judged = no_grad(|| loss(&batch))?;
            let metrics = judged.metrics.iter().map(|(_, metric)| metric);
            realize(&metrics.chain([&judged.loss]).collect::<Vec<_>>())?;
            judgements.push(read(&judged, None, batch.rows.len())?);
        }
        Ok(())
    };
    let done = all();
    set_rng_state(rng);
    model.set_training(true);
    done?;
    Ok(judgements)
}
