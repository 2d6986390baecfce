//! Descent along the gradient itself, along its mean, and along its sign.

use chainrule_core::Tensor;

use super::adam::check_betas;
use super::group::number;
use super::rule::{Decay, Now, Rule};

/// Gradient descent, with momentum if it is not 0 (Polyak 1964):
///
/// ```text
/// m ← μ m + (1 − τ) g        (m ← g in the first step)
/// θ ← θ − η m                (Nesterov: θ ← θ − η (g + μ m))
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sgd {
    /// μ; 0 is plain descent.
    pub momentum: f64,
    /// τ; 0 by default.
    pub dampening: f64,
    /// Whether to look ahead along the momentum (Nesterov 1983, as Sutskever et al. 2013 wrote it).
    pub nesterov: bool,
}

impl Sgd {
    /// With the momentum μ.
    pub fn momentum(momentum: f64) -> Sgd {
        Sgd { momentum, ..Sgd::default() }
    }
}

impl Rule for Sgd {
    fn slots(&self, p: &Tensor, _: f64) -> Vec<(&'static str, Tensor)> {
        match self.momentum == 0.0 {
            true => vec![],
            false => vec![("momentum_buffer", p.zeros_like())],
        }
    }

    fn numbers(&self, _: u64, rate: f64, _: f64) -> Vec<f64> {
        vec![rate]
    }

    fn step(&self, now: &Now<'_>, _: &Tensor, g: &Tensor, slots: &mut [Tensor]) -> Tensor {
        let rate = &now.numbers[0];
        let Some(m) = slots.first_mut() else { return g * rate };
        *m = match now.t {
            1 => g.clone(),
            _ if self.dampening == 0.0 => &*m * self.momentum + g,
            _ => &*m * self.momentum + g * (1.0 - self.dampening),
        };
        match self.nesterov {
            true => (g + &*m * self.momentum) * rate,
            false => &*m * rate,
        }
    }

    fn complaint(&self, _: &Tensor) -> Option<String> {
        let lone = self.nesterov && (self.momentum <= 0.0 || self.dampening != 0.0);
        lone.then(|| "Nesterov's look ahead needs a momentum > 0 and a dampening of 0".into())
    }
}

/// Gradient descent with a rate that falls, and the mean of the parameters on the way (Polyak and
/// Juditsky 1992):
///
/// ```text
/// θ ← (1 − λ' ηₜ) θ − ηₜ g          ηₜ₊₁ = η / (1 + λ' η t)^α
/// θ̄ ← θ̄ + μₜ (θ − θ̄)                μₜ₊₁ = 1 / max(1, t − t₀)
/// ```
///
/// θ̄ is the slot `ax` of the [`state`](super::Optimiser::state). The usual rate is 10⁻².
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Asgd {
    /// λ'; 10⁻⁴ by default.
    pub lambda: f64,
    /// α; 0.75 by default.
    pub alpha: f64,
    /// t₀, the step at which averaging starts; 10⁶ by default.
    pub start: f64,
}

impl Default for Asgd {
    fn default() -> Asgd {
        Asgd { lambda: 1e-4, alpha: 0.75, start: 1e6 }
    }
}

impl Rule for Asgd {
    fn slots(&self, p: &Tensor, rate: f64) -> Vec<(&'static str, Tensor)> {
        vec![("eta", number(rate, p.dtype())), ("ax", p.zeros_like())]
    }

    fn numbers(&self, t: u64, rate: f64, _: f64) -> Vec<f64> {
        let t = t as f64;
        let next = rate / (1.0 + self.lambda * rate * t).powf(self.alpha);
        vec![rate, next, 1.0 / (t - 1.0 - self.start).max(1.0)]
    }

    fn step(&self, now: &Now<'_>, p: &Tensor, g: &Tensor, slots: &mut [Tensor]) -> Tensor {
        let [rate, next, mu] = [0, 1, 2].map(|i| &now.numbers[i]);
        let eta = if now.t == 1 { rate } else { &slots[0] };
        let less = (p * self.lambda + g) * eta;
        slots[1] = &slots[1] + (p - &less - &slots[1]) * mu;
        slots[0] = next.clone();
        less
    }
}

/// Descent along the sign of a mean of gradients (Chen et al. 2023), found by a search over
/// programs:
///
/// ```text
/// θ ← (1 − η λ) θ − η sign(β₁ m + (1 − β₁) g)          m ← β₂ m + (1 − β₂) g
/// ```
///
/// All parameters move equally far, so the rate is 3 to 10 times smaller than Adam's and the decay
/// as much larger; the usual rate is 10⁻⁴.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lion {
    /// β₁ and β₂; 0.9 and 0.99 by default.
    pub betas: (f64, f64),
}

impl Default for Lion {
    fn default() -> Lion {
        Lion { betas: (0.9, 0.99) }
    }
}

impl Rule for Lion {
    fn decay(&self) -> Decay {
        Decay::Decoupled
    }

    fn slots(&self, p: &Tensor, _: f64) -> Vec<(&'static str, Tensor)> {
        vec![("exp_avg", p.zeros_like())]
    }

    fn numbers(&self, _: u64, rate: f64, _: f64) -> Vec<f64> {
        vec![rate]
    }

    fn step(&self, now: &Now<'_>, _: &Tensor, g: &Tensor, slots: &mut [Tensor]) -> Tensor {
        let (b1, b2) = self.betas;
        let along = &slots[0] * b1 + g * (1.0 - b1);
        slots[0] = &slots[0] * b2 + g * (1.0 - b2);
        along.sign() * &now.numbers[0]
    }

    fn complaint(&self, _: &Tensor) -> Option<String> {
        check_betas(self.betas)
    }
}

/// A step size for each parameter, which grows while the gradient keeps its sign and shrinks when
/// it turns (Riedmiller and Braun 1993, in the form that takes no step after a turn):
///
/// ```text
/// s = sign(g g'):   Δ ← clamp(Δ η₊, Δ₋, Δ₊) for s > 0,   Δ ← clamp(Δ η₋, …) and g ← 0 for s < 0
/// θ ← θ − Δ sign(g)
/// ```
///
/// g' is the g of the step before. For whole batches only: with noise, signs turn for nothing. The
/// rate is the first Δ, and is not read again; it is usually 10⁻². There is no weight decay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rprop {
    /// η₋ and η₊; 0.5 and 1.2 by default.
    pub etas: (f64, f64),
    /// Δ₋ and Δ₊; 10⁻⁶ and 50 by default.
    pub step_sizes: (f64, f64),
}

impl Default for Rprop {
    fn default() -> Rprop {
        Rprop { etas: (0.5, 1.2), step_sizes: (1e-6, 50.0) }
    }
}

impl Rule for Rprop {
    fn decay(&self) -> Decay {
        Decay::Absent
    }

    fn slots(&self, p: &Tensor, rate: f64) -> Vec<(&'static str, Tensor)> {
        vec![("prev", p.zeros_like()), ("step_size", p.full_like(rate))]
    }

    fn numbers(&self, _: u64, rate: f64, _: f64) -> Vec<f64> {
        vec![rate]
    }

    fn step(&self, now: &Now<'_>, p: &Tensor, g: &Tensor, slots: &mut [Tensor]) -> Tensor {
        let size = if now.t == 1 { p.zeros_like() + &now.numbers[0] } else { slots[1].clone() };
        let same = (g * &slots[0]).sign();
        let turned = same.lt(0.0);
        let less = turned.where_(&g.full_like(self.etas.0), 1.0);
        let factor = same.gt(0.0).where_(&g.full_like(self.etas.1), &less);
        slots[1] = (size * factor).clamp(self.step_sizes.0, self.step_sizes.1);
        slots[0] = turned.where_(&g.zeros_like(), g);
        slots[0].sign() * &slots[1]
    }

    fn complaint(&self, _: &Tensor) -> Option<String> {
        let ((less, more), (low, high)) = (self.etas, self.step_sizes);
        let good = 0.0 < less && less < 1.0 && 1.0 < more && 0.0 <= low && low <= high;
        (!good).then(|| "Rprop needs 0 < η₋ < 1 < η₊ and 0 ≤ Δ₋ ≤ Δ₊; choose other options".into())
    }
}
