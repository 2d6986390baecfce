//! Adam and its kin: a rate for each parameter, from running means of its gradient and the square.

use chainrule_core::Tensor;

use super::rule::{Decay, Now, Rule};

/// Adam (Kingma and Ba 2015), with AMSGrad (Reddi, Kale and Kumar 2018) if asked for:
///
/// ```text
/// m ← β₁ m + (1 − β₁) g           m̂ = m / (1 − β₁ᵗ)
/// v ← β₂ v + (1 − β₂) g²          v̂ = v / (1 − β₂ᵗ)      (AMSGrad: of the largest v so far)
/// θ ← θ − η m̂ / (√v̂ + ε)
/// ```
///
/// Weight decay is part of the gradient; [`AdamW`] has it beside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// β₁ and β₂; 0.9 and 0.999 by default.
    pub betas: (f64, f64),
    /// ε; 10⁻⁸ by default.
    pub epsilon: f64,
    /// Whether to keep the largest v.
    pub amsgrad: bool,
}

impl Default for Adam {
    fn default() -> Adam {
        Adam { betas: (0.9, 0.999), epsilon: 1e-8, amsgrad: false }
    }
}

impl Rule for Adam {
    fn slots(&self, p: &Tensor, _: f64) -> Vec<(&'static str, Tensor)> {
        let mut slots = vec![("exp_avg", p.zeros_like()), ("exp_avg_sq", p.zeros_like())];
        if self.amsgrad {
            slots.push(("max_exp_avg_sq", p.zeros_like()));
        }
        slots
    }

    fn numbers(&self, t: u64, rate: f64, _: f64) -> Vec<f64> {
        let (c1, c2) = corrections(self.betas, t);
        vec![rate / c1, 1.0 / c2.sqrt()]
    }

    fn step(&self, now: &Now<'_>, _: &Tensor, g: &Tensor, slots: &mut [Tensor]) -> Tensor {
        means(self.betas, g, slots);
        if self.amsgrad {
            slots[2] = slots[2].maximum(&slots[1]);
        }
        let size = slots[slots.len() - 1].sqrt() * &now.numbers[1] + self.epsilon;
        &slots[0] * &now.numbers[0] / size
    }

    fn complaint(&self, _: &Tensor) -> Option<String> {
        check_betas(self.betas)
    }
}

/// [`Adam`] with weight decay beside the gradient, θ ← (1 − η λ) θ (Loshchilov and Hutter 2019);
/// [`over`](Rule::over) gives λ = 0.01.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AdamW(
    /// The options.
    pub Adam,
);

impl Rule for AdamW {
    fn decay(&self) -> Decay {
        Decay::Decoupled
    }
    fn default_decay(&self) -> f64 {
        1e-2
    }
    fn slots(&self, p: &Tensor, rate: f64) -> Vec<(&'static str, Tensor)> {
        self.0.slots(p, rate)
    }
    fn numbers(&self, t: u64, rate: f64, decay: f64) -> Vec<f64> {
        self.0.numbers(t, rate, decay)
    }
    fn step(&self, now: &Now<'_>, p: &Tensor, g: &Tensor, slots: &mut [Tensor]) -> Tensor {
        self.0.step(now, p, g, slots)
    }
    fn complaint(&self, p: &Tensor) -> Option<String> {
        self.0.complaint(p)
    }
}

/// 1 − β₁ᵗ and 1 − β₂ᵗ, what running means that start at 0 have gathered of 1 after t steps.
pub(super) fn corrections((b1, b2): (f64, f64), t: u64) -> (f64, f64) {
    (1.0 - b1.powf(t as f64), 1.0 - b2.powf(t as f64))
}

/// m ← β₁ m + (1 − β₁) g and v ← β₂ v + (1 − β₂) g².
pub(super) fn means((b1, b2): (f64, f64), g: &Tensor, slots: &mut [Tensor]) {
    slots[0] = &slots[0] * b1 + g * (1.0 - b1);
    slots[1] = &slots[1] * b2 + g.square() * (1.0 - b2);
}

pub(super) fn check_betas((b1, b2): (f64, f64)) -> Option<String> {
    let bad = [b1, b2].into_iter().find(|b| !(0.0..1.0).contains(b))?;
    Some(format!("β = {bad} is not in [0, 1); choose another, such as 0.9"))
}
