//! The families: what a linear predictor means, and how wrong it is.

use chainrule_core::{DType, Result as CoreResult, Tensor, cat};

use super::rows::Totals;
use super::target::Response;
use crate::error::{Result, fail};
use crate::inference::Reference;

/// What the target is distributed like, and which penalty there is on least squares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Family {
    /// Numbers with normal errors: ordinary least squares.
    Linear,
    /// Least squares with the penalty ½ λ ‖w‖² on the mean of half the squared errors.
    Ridge(f64),
    /// Least squares with the penalty λ ‖w‖₁ on the mean of half the squared errors.
    Lasso(f64),
    /// Two classes.
    Logistic,
    /// Any number of classes.
    Softmax,
    /// Counts, with a log link.
    Poisson,
}

impl Family {
    /// The name of the family, without its penalty.
    ///
    /// ```
    /// assert_eq!(chainrule_fit::glm::Family::Ridge(0.5).name(), "ridge");
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Family::Linear => "linear",
            Family::Ridge(_) => "ridge",
            Family::Lasso(_) => "lasso",
            Family::Logistic => "logistic",
            Family::Softmax => "softmax",
            Family::Poisson => "poisson",
        }
    }

    /// Whether the target is a class.
    pub fn is_classifier(self) -> bool {
        matches!(self, Family::Logistic | Family::Softmax)
    }

    /// Whether the model is linear with squared errors, with a penalty or without.
    pub fn is_least_squares(self) -> bool {
        matches!(self, Family::Linear | Family::Ridge(_) | Family::Lasso(_))
    }

    /// The penalty on squares, of which `ridge` is the one asked for besides.
    pub(super) fn ridge(self, ridge: f64) -> f64 {
        if let Family::Ridge(lambda) = self { lambda } else { ridge }
    }

    /// Whether there is no penalty, so that likelihood theory applies.
    pub(super) fn is_free(self, ridge: f64) -> bool {
        self.ridge(ridge) == 0.0 && !matches!(self, Family::Lasso(lambda) if lambda > 0.0)
    }

    /// Refuses penalties that make no sense.
    pub(super) fn check(self, ridge: f64) -> Result<()> {
        let own = match self {
            Family::Ridge(lambda) | Family::Lasso(lambda) => lambda,
            _ => 0.0,
        };
        if !(own >= 0.0 && own.is_finite() && ridge >= 0.0 && ridge.is_finite()) {
            fail!("a penalty must be a number of at least 0");
        }
        if ridge > 0.0 && self.is_least_squares() {
            fail!(
                "--ridge is for logistic, softmax and poisson models; write --model ridge:{ridge} \
                 for a linear one"
            );
        }
        Ok(())
    }

    /// What estimates are compared with, for n rows and p coefficients.
    pub(super) fn reference(self, n: usize, p: usize) -> Reference {
        if self.is_least_squares() {
            Reference::StudentT(n as f64 - p as f64)
        } else {
            Reference::Normal
        }
    }

    /// The number of linear predictors for so many classes.
    pub(super) fn predictors(self, classes: usize) -> usize {
        if self == Family::Softmax { classes - 1 } else { 1 }
    }

    /// The mean loss of `eta`, n × m, for a target as [`Family::target`] makes it.
    pub(super) fn loss(self, eta: &Tensor, y: &Tensor) -> CoreResult<Tensor> {
        let loss = match self {
            Family::Linear | Family::Ridge(_) | Family::Lasso(_) => 0.5 * (y - eta).square(),
            Family::Logistic => eta.softplus() - y * eta,
            Family::Poisson => eta.exp() - y * eta + (y + 1.0).lgamma(),
            Family::Softmax => {
                return Ok(-(with_first(eta)?.log_softmax(-1) * y).sum_axis(1, false).mean());
            }
        };
        Ok(loss.mean())
    }

    /// The target as a tensor: n × 1 numbers, or one-hot rows for softmax.
    pub(super) fn target(self, y: &Response) -> Result<Tensor> {
        let n = y.len();
        Ok(match (self, y) {
            (Family::Softmax, Response::Classes { classes, rows }) => {
                let rows: Vec<i64> = rows.iter().map(|&k| k as i64).collect();
                Tensor::from_vec(rows, [n])?.one_hot(classes.len())?.to_dtype(DType::F64)
            }
            _ => Tensor::from_vec(y.numbers(), [n, 1])?,
        })
    }

    /// The mean of the target for `eta`, n × m: one number a row, or a probability for each class.
    pub(super) fn mean(self, eta: &Tensor) -> CoreResult<Tensor> {
        Ok(match self {
            Family::Linear | Family::Ridge(_) | Family::Lasso(_) => eta.clone(),
            Family::Poisson => eta.exp(),
            Family::Logistic | Family::Softmax => with_first(eta)?.softmax(-1),
        })
    }

    /// The best coefficients without features, one for each linear predictor.
    pub(super) fn null(self, totals: &Totals) -> Vec<f64> {
        match &totals.counts[..] {
            [first, others @ ..] => {
                others.iter().map(|&n| (n as f64 / *first as f64).ln()).collect()
            }
            [] if self == Family::Poisson => vec![totals.mean.ln()],
            [] => vec![totals.mean],
        }
    }

    /// ln of the likelihood of a model that knows every row: what deviances are measured from.
    pub(super) fn saturated(self, y: &Response) -> f64 {
        match self {
            Family::Poisson => {
                let ln_factorial = |y: f64| libm::lgamma(y + 1.0);
                let term = |y: &f64| if *y > 0.0 { y * y.ln() - y - ln_factorial(*y) } else { 0.0 };
                y.numbers().iter().map(term).sum()
            }
            _ => 0.0,
        }
    }
}

/// η with the first class's 0 before it.
fn with_first(eta: &Tensor) -> CoreResult<Tensor> {
    let zeros = Tensor::zeros_of([eta.shape()[0], 1], DType::F64);
    cat(&[&zeros, eta], 1)
}
