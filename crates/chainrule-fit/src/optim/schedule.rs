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

use std::f64::consts::PI;

use chainrule_core::Tensor;

use super::Optimiser;
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

/// A rate that depends on the step t alone; η₀ is the rate that a group began with.
#[derive(Clone, Debug, PartialEq)]
pub enum Curve {
    /// η₀ `factor` in the first `steps` steps, then η₀.
    Constant {
        /// What the rate is multiplied by.
        factor: f64,
        /// For how long.
        steps: usize,
    },
    /// η₀ γ^⌊t / every⌋.
    Step {
        /// The steps between two drops.
        every: usize,
        /// γ, usually 0.1.
        gamma: f64,
    },
    /// η₀ γᵏ after k of the milestones.
    MultiStep {
        /// The steps at which the rate drops, in any order.
        milestones: Vec<usize>,
        /// γ, usually 0.1.
        gamma: f64,
    },
    /// η₀ γᵗ.
    Exponential {
        /// γ.
        gamma: f64,
    },
    /// From η₀ `from` in a straight line to η₀ `to` at `steps`, then constant: a warm-up if it
    /// rises.
    Linear {
        /// The first factor.
        from: f64,
        /// The last factor.
        to: f64,
        /// The length of the line.
        steps: usize,
    },
    /// η₀ (1 − t/steps)^power, then 0.
    Polynomial {
        /// When the rate is 0.
        steps: usize,
        /// The power; 1 is a straight line.
        power: f64,
    },
    /// Along a cosine from η₀ at 0 to `least` at `steps`, and up again after that, as torch has it.
    Cosine {
        /// Half a period.
        steps: usize,
        /// The rate at the bottom.
        least: f64,
    },
    /// Half a cosine from η₀ to `least` again and again, each `factor` times as long as the last.
    CosineRestarts {
        /// The length of the first.
        steps: usize,
        /// How much longer each is; 1 or more.
        factor: usize,
        /// The rate at the bottom.
        least: f64,
    },
    /// One cycle under the *largest* rate η₀: from η₀/`start` up to it, and down to a rate `end`
    /// times smaller than the first.
    OneCycle(OneCycle),
    /// One curve after another.
    Sequential {
        /// The curves; each sees t = 0 where it begins.
        curves: Vec<Curve>,
        /// Where each but the first begins, rising.
        milestones: Vec<usize>,
    },
    /// Each curve takes the rate of the one before for η₀.
    Chained(Vec<Curve>),
}

/// The options of [`Curve::OneCycle`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OneCycle {
    /// All steps.
    pub steps: usize,
    /// The share of them that rises; 0.3 by default.
    pub rise: f64,
    /// What the largest rate is divided by at first; 25 by default.
    pub start: f64,
    /// What the first rate is divided by at last; 10⁴ by default.
    pub end: f64,
    /// Straight lines instead of cosines.
    pub linear: bool,
    /// Whether to come back to the first rate as fast as it rose, and only then to go down further.
    pub three_phases: bool,
}

impl OneCycle {
    /// With the usual options.
    pub fn new(steps: usize) -> OneCycle {
        OneCycle { steps, rise: 0.3, start: 25.0, end: 1e4, linear: false, three_phases: false }
    }

    fn rate(&self, top: f64, t: usize) -> f64 {
        let (first, n) = (top / self.start, self.steps as f64);
        let (up, last) = (self.rise * n - 1.0, n - 1.0);
        let bottom = first / self.end;
        let phases: &[(f64, f64, f64)] = match self.three_phases {
            true => &[(up, first, top), (2.0 * self.rise * n - 2.0, top, first)],
            false => &[(up, first, top)],
        };
        let (t, mut from) = ((t as f64).min(last), 0.0);
        let mut rest = if self.three_phases { first } else { top };
        for &(to, a, b) in phases {
            if t <= to {
                return self.between(a, b, (t - from) / (to - from).max(f64::MIN_POSITIVE));
            }
            (from, rest) = (to, b);
        }
        self.between(rest, bottom, (t - from) / (last - from).max(f64::MIN_POSITIVE))
    }

    fn between(&self, a: f64, b: f64, share: f64) -> f64 {
        match self.linear {
            true => (b - a) * share + a,
            false => b + (a - b) / 2.0 * (1.0 + (PI * share).cos()),
        }
    }
}

/// From `top` at 0 along half a cosine to `least` at 1.
fn cosine(top: f64, least: f64, share: f64) -> f64 {
    least + (top - least) * (1.0 + (PI * share).cos()) / 2.0
}

impl Curve {
    /// This curve until step `from`, then `next`.
    #[must_use]
    pub fn then(self, from: usize, next: Curve) -> Curve {
        match self {
            Curve::Sequential { mut curves, mut milestones } => {
                curves.push(next);
                milestones.push(from);
                Curve::Sequential { curves, milestones }
            }
            first => Curve::Sequential { curves: vec![first, next], milestones: vec![from] },
        }
    }
}

impl Schedule for Curve {
    fn rate(&self, base: f64, t: usize) -> f64 {
        let at = t as f64;
        let share = |steps: usize| at / steps.max(1) as f64;
        match self {
            Curve::Constant { factor, steps } if t < *steps => base * factor,
            Curve::Constant { .. } => base,
            Curve::Step { every, gamma } => base * gamma.powf((t / (*every).max(1)) as f64),
            Curve::MultiStep { milestones, gamma } => {
                base * gamma.powf(milestones.iter().filter(|&&m| m <= t).count() as f64)
            }
            Curve::Exponential { gamma } => base * gamma.powf(at),
            Curve::Linear { from, to, steps } => {
                base * (from + (to - from) * share(*steps).min(1.0))
            }
            Curve::Polynomial { steps, power } => {
                base * (1.0 - share(*steps).min(1.0)).powf(*power)
            }
            Curve::Cosine { steps, least } => cosine(base, *least, share(*steps)),
            Curve::CosineRestarts { steps, factor, least } => {
                let (mut t, mut length) = (t, (*steps).max(1));
                if *factor <= 1 {
                    t %= length;
                }
                while t >= length {
                    t -= length;
                    length = length.saturating_mul(*factor);
                }
                cosine(base, *least, t as f64 / length as f64)
            }
            Curve::OneCycle(cycle) => cycle.rate(base, t),
            Curve::Sequential { curves, milestones } => {
                let passed = milestones.iter().take_while(|&&m| m <= t).count();
                let begun = if passed == 0 { 0 } else { milestones[passed - 1] };
                match curves.get(passed).or(curves.last()) {
                    Some(curve) => curve.rate(base, t - begun),
                    None => base,
                }
            }
            Curve::Chained(curves) => curves.iter().fold(base, |rate, curve| curve.rate(rate, t)),
        }
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
    best: f64,
    bad: u64,
    cooling: u64,
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
            best: f64::NAN,
            bad: 0,
            cooling: 0,
            drops: 0,
        }
    }
}

impl Plateau {
    fn is_better(&self, metric: f64) -> bool {
        let by = if self.relative { self.best * self.threshold } else { self.threshold };
        match (self.best.is_nan(), self.maximize) {
            (true, _) => !metric.is_nan(),
            (false, true) => metric > self.best + by,
            (false, false) => metric < self.best - by,
        }
    }
}

impl Schedule for Plateau {
    fn rate(&self, base: f64, _: usize) -> f64 {
        let mut rate = base;
        for _ in 0..self.drops {
            let next = (rate * self.factor).max(self.least);
            if (rate - next).abs() <= self.epsilon || rate <= next {
                break;
            }
            rate = next;
        }
        rate
    }

    fn observe(&mut self, metric: f64) {
        if self.is_better(metric) {
            (self.best, self.bad) = (metric, 0);
        } else {
            self.bad = self.bad.saturating_add(1);
        }
        if self.cooling > 0 {
            (self.cooling, self.bad) = (self.cooling - 1, 0);
        }
        if self.bad > self.patience {
            self.drops = self.drops.saturating_add(1);
            (self.cooling, self.bad) = (self.cooldown, 0);
        }
    }

    fn state(&self) -> Vec<(String, Tensor)> {
        let state = [
            ("best", exact(self.best)),
            ("bad", count(self.bad)),
            ("cooling", count(self.cooling)),
            ("drops", count(self.drops)),
        ];
        state.map(|(name, tensor)| (name.to_string(), tensor)).to_vec()
    }

    fn load_state(&mut self, state: &[(String, Tensor)]) -> Result<()> {
        let loading = Loading::new(state, &self.state())?;
        let best = loading.number("best")?;
        let counts = [loading.count("bad")?, loading.count("cooling")?, loading.count("drops")?];
        self.best = best;
        [self.bad, self.cooling, self.drops] = counts;
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
