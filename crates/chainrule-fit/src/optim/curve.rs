//! Rates that depend on the step alone, in closed form.
//!
//! torch computes most of them from one step to the next; the closed forms are its values up to
//! rounding, and can be asked for in any order.

use std::f64::consts::PI;

use super::schedule::Schedule;

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
