//! Losses: how far predictions are from targets, as one number to be made small.
//!
//! Names, defaults and formulas are torch's. Each takes a [`Reduction`]. All are finite for inputs
//! of ±10⁴ wherever the mathematics is: a logarithm of a sigmoid or softmax is never taken of a
//! number that has been rounded to 0, and a branch that is not taken sends no NaN back.
//!
//! ```
//! use chainrule_core::Tensor;
//! use chainrule_fit::nn::{Reduction, loss};
//! let (x, y) = (Tensor::from([0.0, 2.0]), Tensor::from([1.0, 0.0]));
//! assert_eq!(loss::mse(&x, &y, Reduction::Mean)?.item::<f64>()?, 2.5);
//! assert_eq!(loss::l1(&x, &y, Reduction::Sum)?.item::<f64>()?, 3.0);
//! let logits = Tensor::from([1e4, -1e4]);
//! let lost = loss::bce_with_logits(&logits, &y, None, Reduction::None)?;
//! assert_eq!(lost.to_vec::<f64>()?, [0.0, 0.0]);
//! # Ok::<(), chainrule_fit::Error>(())
//! ```
//!
//! This file has regression: [`mse`], [`l1`], [`smooth_l1`], [`huber`], and negative
//! log-likelihoods of counts and of normal numbers. `classes` has classification, `pairs` has
//! losses that compare vectors or ranks.
//!
//! Huber 1964, *Robust estimation of a location parameter*; Nix & Weigend 1994 for
//! [`gaussian_nll`].

mod classes;
mod pairs;

use chainrule_core::Tensor;

use crate::error::{Result, fail};

pub use classes::{
    CrossEntropy, bce, bce_with_logits, cross_entropy, kl_div, multilabel_soft_margin, nll,
    soft_margin,
};
pub use pairs::{TripletMargin, cosine_embedding, hinge_embedding, margin_ranking, triplet_margin};

/// What becomes of the losses of single elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reduction {
    /// Their mean.
    #[default]
    Mean,
    /// Their sum.
    Sum,
    /// Their sum, divided by the length of the first axis.
    BatchMean,
    /// Nothing: the losses themselves.
    None,
}

impl Reduction {
    /// Applies it.
    pub(super) fn of(self, x: &Tensor) -> Result<Tensor> {
        Ok(match self {
            Reduction::Mean => x.try_mean()?,
            Reduction::Sum => x.try_sum()?,
            Reduction::BatchMean => {
                let n = x.shape().first().copied().unwrap_or(1);
                x.try_sum()? / n as f64
            }
            Reduction::None => x.clone(),
        })
    }
}

/// Refuses two tensors of different shapes: broadcasting them is a mistake that trains.
pub(super) fn alike(loss: &str, roles: [&str; 2], x: &Tensor, y: &Tensor) -> Result<()> {
    if x.shape() != y.shape() {
        fail!(
            "{loss} needs {} and {} of one shape, not {:?} and {:?}; `.reshape` one of them",
            roles[0],
            roles[1],
            x.shape(),
            y.shape()
        );
    }
    Ok(())
}

const BOTH: [&str; 2] = ["prediction", "target"];

/// (x − y)².
///
/// # Errors
/// If the shapes differ.
pub fn mse(x: &Tensor, y: &Tensor, reduction: Reduction) -> Result<Tensor> {
    alike("mse", BOTH, x, y)?;
    reduction.of(&x.try_sub(y)?.square())
}

/// |x − y|.
///
/// # Errors
/// If the shapes differ.
pub fn l1(x: &Tensor, y: &Tensor, reduction: Reduction) -> Result<Tensor> {
    alike("l1", BOTH, x, y)?;
    reduction.of(&x.try_sub(y)?.abs())
}

/// d²/(2β) for |d| < β, else |d| − β/2, where d = x − y; torch's default for β is 1. With β = 0
/// this is [`l1`].
///
/// # Errors
/// If the shapes differ, or β is negative.
pub fn smooth_l1(x: &Tensor, y: &Tensor, beta: f64, reduction: Reduction) -> Result<Tensor> {
    if beta == 0.0 {
        return l1(x, y, reduction);
    }
    if beta.is_nan() || beta < 0.0 {
        fail!("smooth_l1 needs a beta of 0 or more, not {beta}");
    }
    reduction.of(&(kinked("smooth_l1", x, y, beta)? * (1.0 / beta)))
}

/// d²/2 for |d| ≤ δ, else δ (|d| − δ/2), where d = x − y; torch's default for δ is 1.
///
/// # Errors
/// If the shapes differ, or δ is not positive.
pub fn huber(x: &Tensor, y: &Tensor, delta: f64, reduction: Reduction) -> Result<Tensor> {
    if delta.is_nan() || delta <= 0.0 {
        fail!("huber needs a delta above 0, not {delta}");
    }
    reduction.of(&kinked("huber", x, y, delta)?)
}

fn kinked(loss: &str, x: &Tensor, y: &Tensor, knee: f64) -> Result<Tensor> {
    alike(loss, BOTH, x, y)?;
    let far = x.try_sub(y)?.abs();
    Ok(far.lt(knee).try_where(&(far.square() * 0.5), (&far - 0.5 * knee) * knee)?)
}

/// The negative log-likelihood of counts y with a Poisson distribution, whose rate is e^x
/// (`log_input`) or x: e^x − y x, or x − y ln(x + 10⁻⁸). With `full`, Stirling's approximation
/// y ln y − y + ln(2πy)/2 of the constant is added where y > 1.
///
/// # Errors
/// If the shapes differ.
pub fn poisson_nll(
    x: &Tensor,
    y: &Tensor,
    log_input: bool,
    full: bool,
    reduction: Reduction,
) -> Result<Tensor> {
    alike("poisson_nll", BOTH, x, y)?;
    let mut lost = match log_input {
        true => x.exp() - y * x,
        false => x - y * (x + 1e-8).ln(),
    };
    if full {
        let many = y.gt(1.0);
        let count = many.try_where(y, y.ones_like())?;
        let stirling = &count * count.ln() - &count + (&count * std::f64::consts::TAU).ln() * 0.5;
        lost = lost + many.try_where(&stirling, 0.0)?;
    }
    reduction.of(&lost)
}

/// The negative log-likelihood of y with a normal distribution of mean x and variance v:
/// (ln v + (x − y)²/v)/2, plus ln(2π)/2 with `full`. Variances below 10⁻⁶ count as 10⁻⁶ (the
/// gradient passes as if they were not touched). v may have length 1 on its last axis, or lack it.
///
/// # Errors
/// If the shapes do not fit, or a variance is negative.
pub fn gaussian_nll(
    x: &Tensor,
    y: &Tensor,
    variance: &Tensor,
    full: bool,
    reduction: Reduction,
) -> Result<Tensor> {
    alike("gaussian_nll", BOTH, x, y)?;
    let lacks = variance.rank() + 1 == x.rank() && x.shape().starts_with(variance.shape());
    let v = if lacks { variance.try_unsqueeze(-1)? } else { variance.clone() };
    let raised = (v.maximum(GAUSSIAN_EPS) - &v).detach();
    let v = (v + raised).try_expand(x.shape())?;
    let mut lost = (v.ln() + (x - y).square() / &v) * 0.5;
    if full {
        lost = lost + 0.5 * std::f64::consts::TAU.ln();
    }
    reduction.of(&lost)
}

/// The smallest variance.
const GAUSSIAN_EPS: f64 = 1e-6;
