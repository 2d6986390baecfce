//! Optimisers: from gradients to the next parameters.
//!
//! With the gradient g of the loss at the parameters θ and the learning rate η,
//!
//! ```text
//! Sgd     m ← β m + g                          θ ← θ − η m
//! Adam    m ← β₁ m + (1 − β₁) g                θ ← θ − η m̂ / (√v̂ + ε)
//!         v ← β₂ v + (1 − β₂) g²               m̂ = m / (1 − β₁ᵗ),  v̂ = v / (1 − β₂ᵗ)
//! ```
//!
//! A step records the update of all parameters and moments as one lazy graph and then realizes it,
//! so that they are computed together with whatever else the caller wants of the same step. What
//! changes from step to step, the rate with Adam's two corrections, enters as a tensor with one
//! element: then all steps have the same structure and share one plan.
//!
//! ```
//! use chainrule_core::{Tensor, grad};
//! use chainrule_fit::optim::{Adam, Optimiser};
//! let x = Tensor::from(5.0).requires_grad();
//! let mut adam = Adam::new(&[&x]);
//! for _ in 0..300 {
//!     let loss = (&x - 3.0).square();
//!     adam.step(&grad(&loss, &[&x])?, 0.1, &[&loss])?;
//! }
//! assert!((x.item::<f64>()? - 3.0).abs() < 1e-2);
//! # Ok::<(), chainrule_core::Error>(())
//! ```
//!
//! Not here: weight decay, clipping, parameters in groups. A rate that falls is the caller's;
//! [`cosine`] is the usual one.
//!
//! Kingma and Ba 2015, *Adam: a method for stochastic optimization*; Polyak 1964 for the momentum;
//! Loshchilov and Hutter 2017, *SGDR*, for the cosine.

use chainrule_core::{Result, Tensor, no_grad, realize};

/// A rule that moves parameters along their gradients.
pub trait Optimiser {
    /// Takes one step with the learning rate `rate`, and realizes `also` with it.
    ///
    /// # Errors
    /// If a gradient does not have the shape of its parameter, or the evaluation fails.
    fn step(&mut self, gradients: &[Tensor], rate: f64, also: &[&Tensor]) -> Result<()>;
}

/// The learning rate that falls from `rate` at step 0 to 0 at step `steps` along half a cosine.
pub fn cosine(rate: f64, step: usize, steps: usize) -> f64 {
    let done = step as f64 / steps.max(1) as f64;
    rate * 0.5 * (1.0 + (std::f64::consts::PI * done.min(1.0)).cos())
}

/// Gradient descent with momentum.
#[derive(Debug)]
pub struct Sgd {
    parameters: Vec<Tensor>,
    moments: Vec<Tensor>,
    momentum: f64,
}

impl Sgd {
    /// For `parameters`, which must be leaves; `momentum` 0 gives plain descent.
    pub fn new(parameters: &[&Tensor], momentum: f64) -> Sgd {
        let parameters: Vec<Tensor> = parameters.iter().map(|&p| p.clone()).collect();
        let moments = parameters.iter().map(Tensor::zeros_like).collect();
        Sgd { parameters, moments, momentum }
    }
}

impl Optimiser for Sgd {
    fn step(&mut self, gradients: &[Tensor], rate: f64, also: &[&Tensor]) -> Result<()> {
        no_grad(|| {
            let mut wanted = vec![];
            for ((p, m), g) in self.parameters.iter().zip(&mut self.moments).zip(gradients) {
                *m = &*m * self.momentum + g;
                p.assign(&(p - &*m * like(rate, p)))?;
                wanted.extend([p.clone(), m.clone()]);
            }
            together(&wanted, also)
        })
    }
}

/// Descent with a rate for each parameter, from running means of its gradient and the square.
#[derive(Debug)]
pub struct Adam {
    parameters: Vec<Tensor>,
    /// m and v of each parameter.
    moments: Vec<(Tensor, Tensor)>,
    steps: i32,
    betas: (f64, f64),
    epsilon: f64,
}

impl Adam {
    /// For `parameters`, which must be leaves, with β₁ = 0.9, β₂ = 0.999, ε = 10⁻⁸.
    pub fn new(parameters: &[&Tensor]) -> Adam {
        let parameters: Vec<Tensor> = parameters.iter().map(|&p| p.clone()).collect();
        let moments = parameters.iter().map(|p| (p.zeros_like(), p.zeros_like())).collect();
        Adam { parameters, moments, steps: 0, betas: (0.9, 0.999), epsilon: 1e-8 }
    }

    /// The same with other β₁ and β₂.
    #[must_use]
    pub fn betas(mut self, first: f64, second: f64) -> Adam {
        self.betas = (first, second);
        self
    }
}

impl Optimiser for Adam {
    fn step(&mut self, gradients: &[Tensor], rate: f64, also: &[&Tensor]) -> Result<()> {
        self.steps = self.steps.saturating_add(1);
        let (b1, b2) = self.betas;
        // θ − (η / c₁) m / (√v / c₂ + ε), where c₂ = √(1 − β₂ᵗ) is 1 but for the first steps.
        let c1 = 1.0 - b1.powi(self.steps);
        let c2 = (1.0 - b2.powi(self.steps)).sqrt();
        no_grad(|| {
            let mut wanted = vec![];
            for ((p, (m, v)), g) in self.parameters.iter().zip(&mut self.moments).zip(gradients) {
                *m = &*m * b1 + g * (1.0 - b1);
                *v = &*v * b2 + g.square() * (1.0 - b2);
                let size = v.sqrt() * like(1.0 / c2, p) + self.epsilon;
                p.assign(&(p - &*m * like(rate / c1, p) / size))?;
                wanted.extend([p.clone(), m.clone(), v.clone()]);
            }
            together(&wanted, also)
        })
    }
}

/// A number as a tensor of `p`'s type, which is data to the plan.
fn like(number: f64, p: &Tensor) -> Tensor {
    Tensor::from(number).to_dtype(p.dtype())
}

fn together(wanted: &[Tensor], also: &[&Tensor]) -> Result<()> {
    let all: Vec<&Tensor> = wanted.iter().chain(also.iter().copied()).collect();
    realize(&all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chainrule_core::grad;

    /// The bowl (x − 3)² + 10 (y + 1)².
    fn bowl(x: &Tensor) -> Tensor {
        ((x - Tensor::from([3.0, -1.0])).square() * Tensor::from([1.0, 10.0])).sum()
    }

    fn lowest(mut make: impl FnMut(&Tensor) -> Box<dyn Optimiser>, rate: f64) -> Vec<f64> {
        let x = Tensor::from([0.0, 0.0]).requires_grad();
        let mut optimiser = make(&x);
        for step in 0..500 {
            let loss = bowl(&x);
            let g = grad(&loss, &[&x]).unwrap();
            optimiser.step(&g, cosine(rate, step, 500), &[&loss]).unwrap();
        }
        x.to_vec().unwrap()
    }

    #[test]
    fn each_finds_the_bottom() {
        let near = |x: &[f64]| (x[0] - 3.0).abs() < 1e-4 && (x[1] + 1.0).abs() < 1e-4;
        for found in [
            lowest(|x| Box::new(Sgd::new(&[x], 0.0)), 0.05),
            lowest(|x| Box::new(Sgd::new(&[x], 0.9)), 0.02),
            lowest(|x| Box::new(Adam::new(&[x])), 0.1),
        ] {
            assert!(near(&found), "{found:?}");
        }
    }

    /// By hand: the first step of Adam has the length of the rate, whatever the gradient.
    #[test]
    fn first_steps() {
        let x = Tensor::from([1.0, -2.0]).requires_grad();
        let g = Tensor::from([1e-3, -50.0]);
        Adam::new(&[&x]).step(std::slice::from_ref(&g), 0.1, &[]).unwrap();
        let got = x.to_vec::<f64>().unwrap();
        assert!((got[0] - 0.9).abs() < 1e-5 && (got[1] + 1.9).abs() < 1e-9, "{got:?}");

        let x = Tensor::from([1.0, -2.0]).requires_grad();
        let mut sgd = Sgd::new(&[&x], 0.5);
        sgd.step(std::slice::from_ref(&g), 0.1, &[]).unwrap();
        sgd.step(std::slice::from_ref(&g), 0.1, &[]).unwrap();
        let got = x.to_vec::<f64>().unwrap();
        assert!((got[0] - (1.0 - 0.25e-3)).abs() < 1e-12, "{got:?}");
    }

    #[test]
    fn the_rate_falls_to_zero() {
        assert_eq!(cosine(2.0, 0, 10), 2.0);
        assert!((cosine(2.0, 5, 10) - 1.0).abs() < 1e-15);
        assert!(cosine(2.0, 10, 10).abs() < 1e-15 && cosine(2.0, 99, 10).abs() < 1e-15);
    }

    #[test]
    fn single_precision_stays_so() {
        let x = Tensor::from([1.0f32]).requires_grad();
        Adam::new(&[&x]).step(&[Tensor::from([1.0f32])], 0.1, &[]).unwrap();
        assert_eq!(x.dtype(), chainrule_core::DType::F32);
    }
}
