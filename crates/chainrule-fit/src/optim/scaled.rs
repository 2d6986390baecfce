//! A rate for each parameter from the squares of its gradients: the family before Adam.

use chainrule_core::Tensor;

use super::rule::{Now, Rule};

/// The gradient over its root mean square of late (Hinton 2012, lecture 6e of his course):
///
/// ```text
/// v ← α v + (1 − α) g²           u = g / (√v + ε)
/// θ ← θ − η u                    (with momentum: b ← μ b + u, θ ← θ − η b)
/// ```
///
/// Centred, the variance v − ḡ² takes the place of v, where ḡ ← α ḡ + (1 − α) g (Graves 2013). The
/// usual rate is 10⁻².
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RmsProp {
    /// α; 0.99 by default.
    pub alpha: f64,
    /// ε; 10⁻⁸ by default.
    pub epsilon: f64,
    /// μ; 0 by default.
    pub momentum: f64,
    /// Whether to divide by the standard deviation.
    pub centered: bool,
}

impl Default for RmsProp {
    fn default() -> RmsProp {
        RmsProp { alpha: 0.99, epsilon: 1e-8, momentum: 0.0, centered: false }
    }
}

impl Rule for RmsProp {
    fn slots(&self, p: &Tensor, _: f64) -> Vec<(&'static str, Tensor)> {
        let mut slots = vec![("square_avg", p.zeros_like())];
        if self.momentum > 0.0 {
            slots.push(("momentum_buffer", p.zeros_like()));
        }
        if self.centered {
            slots.push(("grad_avg", p.zeros_like()));
        }
        slots
    }

    fn numbers(&self, _: u64, rate: f64, _: f64) -> Vec<f64> {
        vec![rate]
    }

    fn step(&self, now: &Now<'_>, _: &Tensor, g: &Tensor, slots: &mut [Tensor]) -> Tensor {
        let rate = &now.numbers[0];
        slots[0] = &slots[0] * self.alpha + g.square() * (1.0 - self.alpha);
        let size = match (self.centered, slots.len()) {
            (false, _) => slots[0].sqrt(),
            (true, n) => {
                slots[n - 1] = &slots[n - 1] * self.alpha + g * (1.0 - self.alpha);
                (&slots[0] - slots[n - 1].square()).sqrt()
            }
        };
        let u = g / (size + self.epsilon);
        if self.momentum > 0.0 {
            slots[1] = &slots[1] * self.momentum + u;
            return &slots[1] * rate;
        }
        u * rate
    }

    fn complaint(&self, _: &Tensor) -> Option<String> {
        let bad = !(self.momentum >= 0.0 && (0.0..=1.0).contains(&self.alpha));
        bad.then(|| "RMSprop needs 0 ≤ α ≤ 1 and a momentum ≥ 0; choose other options".into())
    }
}

/// The gradient over the root of the sum of all its squares (Duchi, Hazan and Singer 2011):
///
/// ```text
/// s ← s + g²          θ ← θ − η / (1 + (t − 1) κ) · g / (√s + ε)
/// ```
///
/// The usual rate is 10⁻².
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adagrad {
    /// κ; 0 by default.
    pub rate_decay: f64,
    /// s before the first step; 0 by default.
    pub initial_accumulator: f64,
    /// ε; 10⁻¹⁰ by default.
    pub epsilon: f64,
}

impl Default for Adagrad {
    fn default() -> Adagrad {
        Adagrad { rate_decay: 0.0, initial_accumulator: 0.0, epsilon: 1e-10 }
    }
}

impl Rule for Adagrad {
    fn slots(&self, p: &Tensor, _: f64) -> Vec<(&'static str, Tensor)> {
        vec![("sum", p.full_like(self.initial_accumulator))]
    }

    fn numbers(&self, t: u64, rate: f64, _: f64) -> Vec<f64> {
        vec![rate / (1.0 + (t as f64 - 1.0) * self.rate_decay)]
    }

    fn step(&self, now: &Now<'_>, _: &Tensor, g: &Tensor, slots: &mut [Tensor]) -> Tensor {
        slots[0] = &slots[0] + g.square();
        g * &now.numbers[0] / (slots[0].sqrt() + self.epsilon)
    }

    fn complaint(&self, _: &Tensor) -> Option<String> {
        let bad = !(self.rate_decay >= 0.0 && self.initial_accumulator >= 0.0);
        bad.then(|| "Adagrad needs κ ≥ 0 and a first sum ≥ 0; choose other options".into())
    }
}

/// A rate without units, from the squares of gradients and of steps (Zeiler 2012):
///
/// ```text
/// v ← ρ v + (1 − ρ) g²          Δ = g √(a + ε) / √(v + ε)
/// θ ← θ − η Δ                   a ← ρ a + (1 − ρ) Δ²
/// ```
///
/// The usual rate is 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adadelta {
    /// ρ; 0.9 by default.
    pub rho: f64,
    /// ε; 10⁻⁶ by default.
    pub epsilon: f64,
}

impl Default for Adadelta {
    fn default() -> Adadelta {
        Adadelta { rho: 0.9, epsilon: 1e-6 }
    }
}

impl Rule for Adadelta {
    fn slots(&self, p: &Tensor, _: f64) -> Vec<(&'static str, Tensor)> {
        vec![("square_avg", p.zeros_like()), ("acc_delta", p.zeros_like())]
    }

    fn numbers(&self, _: u64, rate: f64, _: f64) -> Vec<f64> {
        vec![rate]
    }

    fn step(&self, now: &Now<'_>, _: &Tensor, g: &Tensor, slots: &mut [Tensor]) -> Tensor {
        let (rho, epsilon) = (self.rho, self.epsilon);
        slots[0] = &slots[0] * rho + g.square() * (1.0 - rho);
        let delta = (&slots[1] + epsilon).sqrt() / (&slots[0] + epsilon).sqrt() * g;
        slots[1] = &slots[1] * rho + delta.square() * (1.0 - rho);
        delta * &now.numbers[0]
    }

    fn complaint(&self, _: &Tensor) -> Option<String> {
        let bad = !(0.0..=1.0).contains(&self.rho);
        bad.then(|| format!("ρ = {} is not in [0, 1]; choose another, such as 0.9", self.rho))
    }
}
