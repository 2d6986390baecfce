//! Looking for a learning rate: steps with a rate that grows from far too small to far too large.
//!
//! ```text
//! ηₜ = η₀ (η₁ / η₀)^(t / (n − 1))          s̄ₜ: the losses, smoothed and corrected for the start
//! ```
//!
//! As long as the rate is too small nothing happens; then the loss falls, and at last it flies
//! apart. The suggestion is the rate where the smoothed loss falls fastest over ln η. Where it never
//! falls there is no suggestion, and [`Sweep::reason`] says why.
//!
//! Smith 2017, *Cyclical learning rates for training neural networks*.

use chainrule_core::{rng_state, set_rng_state};

use super::Task;
use super::step::Stepper;
use crate::data::loader::Position;
use crate::error::{Result, fail};
use crate::nn::{load_state, state};

/// How to sweep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SweepOptions {
    /// The first rate.
    pub from: f64,
    /// The last rate.
    pub to: f64,
    /// The number of steps.
    pub steps: usize,
    /// The weight of the past in the smoothed loss.
    pub past: f64,
    /// The sweep ends when the smoothed loss is so many times its least value so far.
    pub burst: f64,
}

impl Default for SweepOptions {
    fn default() -> SweepOptions {
        SweepOptions { from: 1e-6, to: 10.0, steps: 100, past: 0.9, burst: 4.0 }
    }
}

/// What a sweep found.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    /// The rates, rising.
    pub rates: Vec<f64>,
    /// The loss before the step with each rate.
    pub losses: Vec<f64>,
    /// The losses, smoothed.
    pub smooth: Vec<f64>,
    /// The rate that is suggested, if any can be.
    pub suggestion: Option<f64>,
    /// Why, in a sentence.
    pub reason: String,
}

/// Sweeps over learning rates, and puts model, optimiser and generator back to where they were.
///
/// # Errors
/// If the options are no range of rates, data cannot be read, or a step fails.
pub fn lr_find(task: Task<'_>, options: SweepOptions) -> Result<Sweep> {
    let SweepOptions { from, to, steps, past, burst } = options;
    let is_range = from > 0.0 && to > from && to.is_finite() && steps >= 2;
    if !is_range || !(0.0..1.0).contains(&past) {
        fail!("a sweep needs rates 0 < from < to, at least 2 steps, and a past in [0, 1)");
    }
    let Task { model, optimiser, train, loss, .. } = task;
    let (before, rng) = (state(model), rng_state());
    let (moments, rates) = (optimiser.state(), optimiser.rates());
    model.set_training(true);
    let mut stepper = Stepper::new(model, optimiser, loss);
    let mut sweep = Sweep {
        rates: vec![],
        losses: vec![],
        smooth: vec![],
        suggestion: None,
        reason: String::new(),
    };
    let mut all = || -> Result<()> {
        let (mut mean, mut weight, mut least) = (0.0, 0.0, f64::INFINITY);
        let mut batches = (0..).flat_map(|epoch| train.batches(Position { epoch, batch: 0 }));
        if train.per_epoch() == 0 {
            fail!("there is no batch to sweep on; add rows, or choose smaller batches");
        }
        for t in 0..steps {
            let rate = from * (to / from).powf(t as f64 / (steps - 1) as f64);
            stepper.optimiser.set_rate(rate);
            let Some(batch) = batches.next() else { break };
            let loss = stepper.try_step(&batch?)?;
            if !loss.is_finite() {
                break;
            }
            mean = past * mean + (1.0 - past) * loss;
            weight = past * weight + (1.0 - past);
            sweep.rates.push(rate);
            sweep.losses.push(loss);
            sweep.smooth.push(mean / weight);
            least = least.min(mean / weight);
            if mean / weight > burst * least {
                break;
            }
        }
        Ok(())
    };
    let done = all();
    load_state(model, &before)?;
    stepper.optimiser.load_state(&moments)?;
    for (group, rate) in stepper.optimiser.groups_mut().into_iter().zip(rates) {
        group.rate = rate;
    }
    set_rng_state(rng);
    done?;
    sweep.suggest();
    Ok(sweep)
}

impl Sweep {
    /// Chooses the rate where the smoothed loss falls fastest; slopes are taken over four steps, and
    /// the first steps, in which the mean still settles, do not count.
    fn suggest(&mut self) {
        let n = self.smooth.len();
        let skip = (n / 10).max(1);
        if n < skip + 5 {
            self.reason = "the loss flew apart at once; begin with smaller rates".into();
            return;
        }
        let slope = |i: usize| self.smooth[i + 2] - self.smooth[i - 2];
        let steepest = (skip + 2..n - 2).min_by(|&a, &b| slope(a).total_cmp(&slope(b)));
        let Some(at) = steepest.filter(|&at| slope(at) < 0.0) else {
            self.reason =
                "the loss falls at none of these rates; look at the model and the data".into();
            return;
        };
        let range = f64::max(self.smooth[skip], self.smooth[at]) - self.smooth[at + 2];
        let rate = self.rates[at];
        self.suggestion = Some(rate);
        let end = match self.rates.last() {
            Some(last) if n > at + 3 => format!("; the sweep ended at {last:.1e}"),
            _ => String::new(),
        };
        self.reason = format!(
            "at {rate:.1e} the loss falls fastest, from {:.4} to {:.4} over four steps ({range:.4} \
             in all){end}",
            self.smooth[at - 2],
            self.smooth[at + 2]
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sweep(smooth: Vec<f64>) -> Sweep {
        let rates = (0..smooth.len()).map(|i| 10f64.powf(-6.0 + i as f64 / 10.0)).collect();
        let losses = smooth.clone();
        let mut sweep = Sweep { rates, losses, smooth, suggestion: None, reason: String::new() };
        sweep.suggest();
        sweep
    }

    #[test]
    fn the_steepest_place() {
        // Flat, then a fall about step 30, then up.
        let fall = |i: usize| 1.0 / (1.0 + ((i as f64 - 30.0) / 3.0).exp());
        let up = |i: usize| ((i as f64 - 50.0) / 2.0).exp();
        let found = sweep((0..60).map(|i| fall(i) + up(i)).collect());
        assert!((found.suggestion.unwrap().log10() + 3.0).abs() < 0.15, "{}", found.reason);
    }

    #[test]
    fn nothing_to_suggest() {
        let found = sweep((0..60).map(f64::from).collect());
        assert!(found.suggestion.is_none() && found.reason.contains("none of these rates"));
        assert!(sweep(vec![1.0, 9.0]).reason.contains("at once"));
    }
}
