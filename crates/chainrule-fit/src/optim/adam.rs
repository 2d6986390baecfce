//! Adam and its kin: a rate for each parameter, from running means of its gradient and the square.
//!
//! All of them keep m ← β₁ m + (1 − β₁) g and most keep v ← β₂ v + (1 − β₂) g². Both start at 0, so
//! that after t steps they have gathered 1 − βᵗ of what they should; m̂ and v̂ are m and v divided by
//! that.

use chainrule_core::Tensor;

use super::group::number;
use super::rule::{Decay, Now, Rule};

/// Adam (Kingma and Ba 2015), with AMSGrad (Reddi, Kale and Kumar 2018) if asked for:
///
/// ```text
/// m ← β₁ m + (1 − β₁) g           m̂ = m / (1 − β₁ᵗ)
/// v ← β₂ v + (1 − β₂) g²          v̂ = v / (1 − β₂ᵗ)      (AMSGrad: of the largest v so far)
/// θ ← θ − η m̂ / (√v̂ + ε)
/// ```
///
/// Weight decay is part of the gradient; [`AdamW`] has it beside. The usual rate is 10⁻³.
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
        let mut slots = two_means(p);
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
        gather(self.betas, g, slots);
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

/// Adam with Nesterov's look ahead (Dozat 2016). The momentum warms up,
/// μₜ = β₁ (1 − ½ 0.96^(t ψ)), and with Πₜ = μ₁ ⋯ μₜ
///
/// ```text
/// θ ← θ − η [(1 − μₜ) g / (1 − Πₜ) + μₜ₊₁ m / (1 − Πₜ₊₁)] / (√v̂ + ε)
/// ```
///
/// The usual rate is 2·10⁻³.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NAdam {
    /// β₁ and β₂; 0.9 and 0.999 by default.
    pub betas: (f64, f64),
    /// ε; 10⁻⁸ by default.
    pub epsilon: f64,
    /// ψ, how fast the momentum warms up; 0.004 by default.
    pub momentum_decay: f64,
    /// Whether weight decay stands beside the gradient, as in [`AdamW`].
    pub decoupled_weight_decay: bool,
}

impl Default for NAdam {
    fn default() -> NAdam {
        let betas = (0.9, 0.999);
        NAdam { betas, epsilon: 1e-8, momentum_decay: 4e-3, decoupled_weight_decay: false }
    }
}

impl Rule for NAdam {
    fn decay(&self) -> Decay {
        if self.decoupled_weight_decay { Decay::Decoupled } else { Decay::Coupled }
    }

    fn slots(&self, p: &Tensor, _: f64) -> Vec<(&'static str, Tensor)> {
        let mut slots = two_means(p);
        slots.push(("mu_product", number(1.0, p.dtype())));
        slots
    }

    fn numbers(&self, t: u64, rate: f64, _: f64) -> Vec<f64> {
        let mu = |t: f64| self.betas.0 * (1.0 - 0.5 * 0.96f64.powf(t * self.momentum_decay));
        let (now, next) = (mu(t as f64), mu(t as f64 + 1.0));
        let (_, c2) = corrections(self.betas, t);
        vec![now, next, rate * (1.0 - now), rate * next, 1.0 / c2]
    }

    fn step(&self, now: &Now<'_>, _: &Tensor, g: &Tensor, slots: &mut [Tensor]) -> Tensor {
        gather(self.betas, g, slots);
        let n = now.numbers;
        slots[2] = &slots[2] * &n[0];
        let of_g = &n[2] / (1.0 - &slots[2]);
        let of_m = &n[3] / (1.0 - &slots[2] * &n[1]);
        let size = (&slots[1] * &n[4]).sqrt() + self.epsilon;
        (g * of_g + &slots[0] * of_m) / size
    }

    fn complaint(&self, _: &Tensor) -> Option<String> {
        check_betas(self.betas)
    }
}

/// Adam whose first steps, when v̂ rests on too few gradients, have no v̂ (Liu et al. 2020). With
/// ρ∞ = 2/(1 − β₂) − 1 and ρ = ρ∞ − 2 t β₂ᵗ/(1 − β₂ᵗ),
///
/// ```text
/// θ ← θ − η m̂                              where ρ ≤ 5, else
/// θ ← θ − η r m̂ √(1 − β₂ᵗ) / (√v + ε)      r² = (ρ − 4)(ρ − 2) ρ∞ / ((ρ∞ − 4)(ρ∞ − 2) ρ)
/// ```
///
/// The usual rate is 10⁻³. The two forms have two plans.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RAdam {
    /// β₁ and β₂; 0.9 and 0.999 by default.
    pub betas: (f64, f64),
    /// ε; 10⁻⁸ by default.
    pub epsilon: f64,
    /// Whether weight decay stands beside the gradient, as in [`AdamW`].
    pub decoupled_weight_decay: bool,
}

impl Default for RAdam {
    fn default() -> RAdam {
        RAdam { betas: (0.9, 0.999), epsilon: 1e-8, decoupled_weight_decay: false }
    }
}

impl RAdam {
    /// r, once the variance can be trusted.
    fn rectification(&self, t: u64) -> Option<f64> {
        let b2 = self.betas.1;
        let (_, c2) = corrections(self.betas, t);
        let most = 2.0 / (1.0 - b2) - 1.0;
        let rho = most - 2.0 * t as f64 * b2.powf(t as f64) / c2;
        let ratio = (rho - 4.0) * (rho - 2.0) * most / ((most - 4.0) * (most - 2.0) * rho);
        (rho > 5.0).then(|| ratio.sqrt())
    }
}

impl Rule for RAdam {
    fn decay(&self) -> Decay {
        if self.decoupled_weight_decay { Decay::Decoupled } else { Decay::Coupled }
    }

    fn slots(&self, p: &Tensor, _: f64) -> Vec<(&'static str, Tensor)> {
        two_means(p)
    }

    fn numbers(&self, t: u64, rate: f64, _: f64) -> Vec<f64> {
        let (c1, c2) = corrections(self.betas, t);
        vec![rate / c1 * self.rectification(t).map_or(1.0, |r| r * c2.sqrt())]
    }

    fn step(&self, now: &Now<'_>, _: &Tensor, g: &Tensor, slots: &mut [Tensor]) -> Tensor {
        gather(self.betas, g, slots);
        let step = &slots[0] * &now.numbers[0];
        match self.rectification(now.t) {
            Some(_) => step / (slots[1].sqrt() + self.epsilon),
            None => step,
        }
    }

    fn complaint(&self, _: &Tensor) -> Option<String> {
        check_betas(self.betas)
    }
}

/// Adam with the largest gradient of late in place of the mean square (Kingma and Ba 2015, §7.1):
///
/// ```text
/// u ← max(β₂ u, |g| + ε)           θ ← θ − η m̂ / u
/// ```
///
/// The usual rate is 2·10⁻³.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adamax {
    /// β₁ and β₂; 0.9 and 0.999 by default.
    pub betas: (f64, f64),
    /// ε; 10⁻⁸ by default.
    pub epsilon: f64,
}

impl Default for Adamax {
    fn default() -> Adamax {
        Adamax { betas: (0.9, 0.999), epsilon: 1e-8 }
    }
}

impl Rule for Adamax {
    fn slots(&self, p: &Tensor, _: f64) -> Vec<(&'static str, Tensor)> {
        vec![("exp_avg", p.zeros_like()), ("exp_inf", p.zeros_like())]
    }

    fn numbers(&self, t: u64, rate: f64, _: f64) -> Vec<f64> {
        vec![rate / corrections(self.betas, t).0]
    }

    fn step(&self, now: &Now<'_>, _: &Tensor, g: &Tensor, slots: &mut [Tensor]) -> Tensor {
        let (b1, b2) = self.betas;
        slots[0] = &slots[0] * b1 + g * (1.0 - b1);
        slots[1] = (&slots[1] * b2).maximum(g.abs() + self.epsilon);
        &slots[0] * &now.numbers[0] / &slots[1]
    }

    fn complaint(&self, _: &Tensor) -> Option<String> {
        check_betas(self.betas)
    }
}

/// Adam whose step is as long as the tensor it changes (You et al. 2020), for large batches:
///
/// ```text
/// u = m̂ / (√v̂ + ε) + λ θ           θ ← θ − η (‖θ‖ / ‖u‖) u
/// ```
///
/// The factor is 1 where a norm is 0. The usual rate is 10⁻³.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lamb {
    /// β₁ and β₂; 0.9 and 0.999 by default.
    pub betas: (f64, f64),
    /// ε; 10⁻⁶ by default.
    pub epsilon: f64,
}

impl Default for Lamb {
    fn default() -> Lamb {
        Lamb { betas: (0.9, 0.999), epsilon: 1e-6 }
    }
}

impl Rule for Lamb {
    fn decay(&self) -> Decay {
        Decay::Own
    }

    fn slots(&self, p: &Tensor, _: f64) -> Vec<(&'static str, Tensor)> {
        two_means(p)
    }

    fn numbers(&self, t: u64, rate: f64, _: f64) -> Vec<f64> {
        let (c1, c2) = corrections(self.betas, t);
        vec![1.0 / c1, 1.0 / c2, rate]
    }

    fn step(&self, now: &Now<'_>, p: &Tensor, g: &Tensor, slots: &mut [Tensor]) -> Tensor {
        gather(self.betas, g, slots);
        let [c1, c2, rate] = [0, 1, 2].map(|i| &now.numbers[i]);
        let mut u = &slots[0] * c1 / ((&slots[1] * c2).sqrt() + self.epsilon);
        if now.weight_decay != 0.0 {
            u = u + p * now.weight_decay;
        }
        let (of_p, of_u) = (norm(p), norm(&u));
        let both = of_p.gt(0.0).logical_and(of_u.gt(0.0));
        let trust = both.where_(&(of_p / of_u), 1.0);
        u * (trust * rate)
    }

    fn complaint(&self, _: &Tensor) -> Option<String> {
        check_betas(self.betas)
    }
}

/// The Euclidean norm of all elements.
pub(super) fn norm(x: &Tensor) -> Tensor {
    x.square().sum().sqrt()
}

/// 1 − β₁ᵗ and 1 − β₂ᵗ, what running means that start at 0 have gathered of 1 after t steps.
fn corrections((b1, b2): (f64, f64), t: u64) -> (f64, f64) {
    (1.0 - b1.powf(t as f64), 1.0 - b2.powf(t as f64))
}

/// The slots m and v.
fn two_means(p: &Tensor) -> Vec<(&'static str, Tensor)> {
    vec![("exp_avg", p.zeros_like()), ("exp_avg_sq", p.zeros_like())]
}

/// m ← β₁ m + (1 − β₁) g and v ← β₂ v + (1 − β₂) g².
fn gather((b1, b2): (f64, f64), g: &Tensor, slots: &mut [Tensor]) {
    slots[0] = &slots[0] * b1 + g * (1.0 - b1);
    slots[1] = &slots[1] * b2 + g.square() * (1.0 - b2);
}

pub(super) fn check_betas((b1, b2): (f64, f64)) -> Option<String> {
    let bad = [b1, b2].into_iter().find(|b| !(0.0..1.0).contains(b))?;
    Some(format!("β = {bad} is not in [0, 1); choose another, such as 0.9"))
}
