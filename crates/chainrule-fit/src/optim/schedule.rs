//! Learning rates that change from step to step.
//!
//! A [`Schedule`] gives the rate of a step from the rate η₀ that a group began with. Those that
//! depend on the step alone are the variants of [`Curve`], closed forms in t = 0, 1, 2, …;
//! [`Plateau`] also looks at how training goes. What torch calls an epoch is a step here; whoever
//! wants a rate for each epoch calls [`Scheduler::step`] once in an epoch.
//!
//! ```
//! use chainrule_core::Tensor;
//! use chainrule_fit::optim::schedule::{Curve, Scheduler};
//! use chainrule_fit::optim::{Optimiser, Rule, Sgd};
//!
//! let x = Tensor::from(4.0).requires_grad();
//! let mut sgd = Sgd::default().over([&x], 0.4);
//! // Four steps up to the rate, then along a cosine down to 0.
//! let warm = Curve::Linear { from: 0.25, to: 1.0, steps: 4 };
//! let curve = warm.then(4, Curve::Cosine { steps: 16, least: 0.0 });
//! let mut scheduler = Scheduler::new(curve, &mut sgd);
//! assert_eq!(sgd.rates(), [0.1]);
//! for _ in 0..20 {
//!     sgd.minimise(&x.square(), &[])?;
//!     scheduler.step(&mut sgd);
//! }
//! assert!(sgd.rates()[0] < 1e-12 && x.item::<f64>()?.abs() < 0.1);
//! # Ok::<(), chainrule_fit::Error>(())
//! ```
//!
//! Loshchilov and Hutter 2017 (*SGDR*) for the cosine with restarts; Smith and Topin 2018 (*Super-
//! convergence*) for the single cycle; Goyal et al. 2017 for the warm-up. Momentum, which torch's
//! single cycle changes as well, is left alone.

use chainrule_core::Tensor;

use super::Optimiser;
pub use super::curve::{Curve, OneCycle};
use super::state::{Loading, count, exact};
use crate::error::{Result, fail};

/// What gives the rate of each step.
pub trait Schedule {
    /// The rate of step `t` (0 is the first) for a group that began with the rate `base`.
    fn rate(&self, base: f64, t: usize) -> f64;

    /// Tells how training goes: a loss, or another number to be made small (or large).
    fn observe(&mut self, metric: f64) {
        let _ = metric;
    }

    /// What [`observe`](Self::observe) has changed so far.
    fn state(&self) -> Vec<(String, Tensor)> {
        vec![]
    }

    /// Takes over what [`state`](Self::state) gave.
    ///
    /// # Errors
    /// If it is not a state of this schedule; then nothing is changed.
    fn load_state(&mut self, state: &[(String, Tensor)]) -> Result<()> {
        Loading::new(state, &self.state()).map(|_| ())
    }
}

impl Schedule for Box<dyn Schedule> {
    fn rate(&self, base: f64, t: usize) -> f64 {
        (**self).rate(base, t)
    }
    fn observe(&mut self, metric: f64) {
        (**self).observe(metric);
    }
    fn state(&self) -> Vec<(String, Tensor)> {
        (**self).state()
    }
    fn load_state(&mut self, state: &[(String, Tensor)]) -> Result<()> {
        (**self).load_state(state)
    }
}

/// A rate that a closure gives, from η₀ and the step.
///
/// ```
/// use chainrule_fit::optim::schedule::{Lambda, Schedule};
/// let inverse_root = Lambda(|base: f64, t: usize| base / (1.0 + t as f64).sqrt());
/// assert_eq!(inverse_root.rate(0.1, 3), 0.05);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Lambda<F>(
    /// The closure.
    pub F,
);

impl<F: Fn(f64, usize) -> f64> Schedule for Lambda<F> {
    fn rate(&self, base: f64, t: usize) -> f64 {
        (self.0)(base, t)
    }
}

/// A rate that drops when a metric has not become better for a while: torch's
/// `ReduceLROnPlateau`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plateau {
    /// What the rate is multiplied by; 0.1 by default.
    pub factor: f64,
    /// How many observations without a better one are borne; 10 by default.
    pub patience: u64,
    /// How much better is better; 10⁻⁴ by default.
    pub threshold: f64,
    /// Whether the threshold is a share of the best metric (by default) or a difference.
    pub relative: bool,
    /// How many observations after a drop do not count; 0 by default.
    pub cooldown: u64,
    /// The least rate; 0 by default.
    pub least: f64,
    /// Drops by less than this are left out; 10⁻⁸ by default.
    pub epsilon: f64,
    /// Whether larger is better.
    pub maximize: bool,
    /// What has been observed so far.
    pub seen: Seen,
}

/// What a [`Plateau`] has observed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Seen {
    best: Option<f64>,
    /// Observations since then.
    bad: u64,
    /// Observations that will not count.
    cooling: u64,
    /// How often the rate dropped.
    drops: u64,
}

impl Default for Plateau {
    fn default() -> Plateau {
        Plateau {
            factor: 0.1,
            patience: 10,
            threshold: 1e-4,
            relative: true,
            cooldown: 0,
            least: 0.0,
            epsilon: 1e-8,
            maximize: false,
            seen: Seen::default(),
        }
    }
}

impl Plateau {
    fn is_better(&self, metric: f64) -> bool {
        let Some(best) = self.seen.best else { return !metric.is_nan() };
        let by = if self.relative { best * self.threshold } else { self.threshold };
        if self.maximize { metric > best + by } else { metric < best - by }
    }
}

impl Schedule for Plateau {
    fn rate(&self, base: f64, _: usize) -> f64 {
        let mut rate = base;
        for _ in 0..self.seen.drops {
            let next = (rate * self.factor).max(self.least);
            if (rate - next).abs() <= self.epsilon || rate <= next {
                break;
            }
            rate = next;
        }
        rate
    }

    fn observe(&mut self, metric: f64) {
        let better = self.is_better(metric);
        let seen = &mut self.seen;
        if better {
            (seen.best, seen.bad) = (Some(metric), 0);
        } else {
            seen.bad = seen.bad.saturating_add(1);
        }
        if seen.cooling > 0 {
            (seen.cooling, seen.bad) = (seen.cooling - 1, 0);
        }
        if seen.bad > self.patience {
            seen.drops = seen.drops.saturating_add(1);
            (seen.cooling, seen.bad) = (self.cooldown, 0);
        }
    }

    fn state(&self) -> Vec<(String, Tensor)> {
        let Seen { best, bad, cooling, drops } = self.seen;
        let state = [
            ("best", exact(best.unwrap_or(f64::NAN))),
            ("bad", count(bad)),
            ("cooling", count(cooling)),
            ("drops", count(drops)),
        ];
        state.map(|(name, tensor)| (name.to_string(), tensor)).to_vec()
    }

    fn load_state(&mut self, state: &[(String, Tensor)]) -> Result<()> {
        let loading = Loading::new(state, &self.state())?;
        self.seen = Seen {
            best: Some(loading.number("best")?).filter(|best| !best.is_nan()),
            bad: loading.count("bad")?,
            cooling: loading.count("cooling")?,
            drops: loading.count("drops")?,
        };
        Ok(())
    }
}

/// A schedule at work: it knows the step and the rates that the groups began with.
#[derive(Clone, Debug)]
pub struct Scheduler<S> {
    schedule: S,
    base: Vec<f64>,
    t: usize,
}

impl<S: Schedule> Scheduler<S> {
    /// Takes the rates of `optimiser` for η₀, and gives it those of step 0.
    pub fn new(schedule: S, optimiser: &mut dyn Optimiser) -> Scheduler<S> {
        let scheduler = Scheduler { schedule, base: optimiser.rates(), t: 0 };
        scheduler.apply(optimiser);
        scheduler
    }

    /// Gives `optimiser` the rates of the next step.
    pub fn step(&mut self, optimiser: &mut dyn Optimiser) {
        self.t = self.t.saturating_add(1);
        self.apply(optimiser);
    }

    /// Tells the schedule a metric, for the next [`step`](Self::step).
    pub fn observe(&mut self, metric: f64) {
        self.schedule.observe(metric);
    }

    /// The number of steps so far.
    pub fn steps(&self) -> usize {
        self.t
    }

    fn apply(&self, optimiser: &mut dyn Optimiser) {
        for (group, &base) in optimiser.groups_mut().into_iter().zip(&self.base) {
            group.rate = self.schedule.rate(base, self.t);
        }
    }

    /// The step, the first rates and the state of the schedule.
    pub fn state(&self) -> Vec<(String, Tensor)> {
        let mut state = vec![
            ("steps".to_string(), count(self.t as u64)),
            ("base".to_string(), Tensor::from(self.base.clone())),
        ];
        let own = self.schedule.state().into_iter();
        state.extend(own.map(|(name, tensor)| (format!("schedule.{name}"), tensor)));
        state
    }

    /// Takes over what [`state`](Self::state) gave.
    ///
    /// # Errors
    /// If it is not a state of this schedule for as many groups; then nothing is changed.
    pub fn load_state(&mut self, state: &[(String, Tensor)]) -> Result<()> {
        let loading = Loading::new(state, &self.state())?;
        let Ok(t) = usize::try_from(loading.count("steps")?) else {
            fail!(
                "the saved schedule is at a step that this machine cannot count to; save it again"
            )
        };
        let base = loading.tensor("base")?.to_vec()?;
        let own = state.iter().filter_map(|(name, tensor)| {
            Some((name.strip_prefix("schedule.")?.to_string(), tensor.clone()))
        });
        self.schedule.load_state(&own.collect::<Vec<_>>())?;
        (self.base, self.t) = (base, t);
        Ok(())
    }
}
