//! Descent along the gradient itself.

use chainrule_core::Tensor;

use super::rule::{Now, Rule};

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
            1 => g * 1.0,
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
        lone.then(|| "Nesterov's momentum needs `momentum` > 0 and `dampening` 0".into())
    }
}
