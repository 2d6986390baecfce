//! The coefficients of standardised columns that fit best, and how well they are determined.
//!
//! Coefficients are one vector: for each linear predictor the weights, then the intercept. The
//! columns have mean 0, so least squares have the mean of y as their intercept; for the others the
//! run begins at the model without features.

use chainrule_core::{Outcome as Gives, Tensor, no_grad};

use super::family::Family;
use super::lasso;
use super::target::Response;
use crate::error::Result;
use crate::least_squares::least_squares;
use crate::solve::minimise::dense::{Cholesky, largest};
use crate::solve::minimise::{Method, Minimiser, Objective, Outcome, Problem};
use crate::solve::qr::Qr;

/// The largest element of the gradient of the mean loss at the answer, relative to the mean of
/// counts.
const TOLERANCE: f64 = 1e-10;

/// Where that much is left of it, a look is taken at whether the classes are separated.
const COARSE: f64 = 1e-4;

/// With more coefficients than this, steps use products with the Hessian only.
const MANY: usize = 400;

/// With more coefficients than this there are no errors.
const TOO_MANY: usize = 2000;

/// The most numbers that a Hessian may need on its way, rows times linear predictors times
/// coefficients; if more, it is made column by column.
const WIDE: usize = 10_000_000;

/// The most Newton steps for the last digits.
const POLISH: usize = 6;

/// If the last of them is longer than this, they lead to infinity.
const LONG: f64 = 1e-3;

/// Where the loss bends less than this in every direction, all rows are told apart.
const FLAT: f64 = 1e-6;

/// The share of the largest column that must be left of one for it to count as independent.
const INDEPENDENT: f64 = 1e-11;

/// What was found.
pub(super) struct Solution {
    /// For each linear predictor the weights, then the intercept.
    pub(super) weight: Vec<f64>,
    /// Their covariance; NaN if it is not defined, empty if it would be too large.
    pub(super) covariance: Vec<f64>,
    pub(super) log_likelihood: f64,
    pub(super) deviance: f64,
    pub(super) null_deviance: f64,
    pub(super) steps: usize,
    pub(super) outcome: Outcome,
    /// Which coefficients grow without end.
    pub(super) runaway: Vec<usize>,
    pub(super) is_unique: bool,
    pub(super) is_too_large: bool,
}

/// Rows, and what their targets say about coefficients.
struct Data {
    family: Family,
    /// The columns and one of ones, n × (width + 1).
    x: Tensor,
    y: Tensor,
    predictors: usize,
}

impl Data {
    fn new(family: Family, x: &[f64], width: usize, y: &Response) -> Result<Data> {
        let rows = y.len();
        let mut all = Vec::with_capacity(rows * (width + 1));
        for row in x.chunks(width.max(1)) {
            all.extend_from_slice(row);
            all.push(1.0);
        }
        let x = Tensor::from_vec(all, [rows, width + 1])?;
        Ok(Data {
            family,
            x,
            y: family.target(y)?,
            predictors: family.predictors(y.classes().len()),
        })
    }

    fn loss(&self, b: &Tensor) -> chainrule_core::Result<Tensor> {
        let width = self.x.shape()[1];
        let eta = self.x.matmul(&b.try_reshape([self.predictors, width])?.t());
        self.family.loss(&eta, &self.y)
    }

    /// How many numbers the Hessian needs on its way: rows times linear predictors times
    /// coefficients.
    fn need(&self) -> usize {
        let m = self.predictors;
        self.x.len().saturating_mul(m).saturating_mul(m)
    }
}

/// The coefficients that are best for `family` with a ridge penalty.
pub(super) fn solve(
    family: Family,
    ridge: f64,
    x: &[f64],
    width: usize,
    y: &Response,
) -> Result<Solution> {
    let data = Data::new(family, x, width, y)?;
    let (n, ridge) = (y.len() as f64, family.ridge(ridge));
    let mut null = vec![0.0; data.predictors * (width + 1)];
    for (k, b) in family.null(y).into_iter().enumerate() {
        null[k * (width + 1) + width] = b;
    }
    let free = family.is_free(ridge);
    let (mut weight, steps, outcome) = if family.is_least_squares() {
        quadratic(family, ridge, x, width, y)
    } else {
        newton(&data, ridge, &null, y)?
    };
    let losses = Objective::new(|b: &Tensor| data.loss(b), weight.len())?;
    let is_too_large = weight.len() > TOO_MANY;
    let mut known = Known { covariance: vec![], runaway: vec![], is_unique: true };
    if free && is_separated(&data, &weight, y)? {
        known.runaway = long(&weight, 0.0);
    } else if free && !is_too_large {
        known = if family.is_least_squares() {
            exact(x, width, 2.0 * n * losses.value(&weight)?, y.len())
        } else {
            near(&data, &losses, &mut weight, outcome)?
        };
    }
    let (loss, null_loss) = (losses.value(&weight)?, losses.value(&null)?);
    let deviance = |loss: f64| 2.0 * (family.saturated(y) + n * loss);
    let log_likelihood = if family.is_least_squares() {
        -0.5 * n * ((2.0 * std::f64::consts::PI * 2.0 * loss).ln() + 1.0)
    } else {
        -n * loss
    };
    if known.covariance.is_empty() && !is_too_large {
        known.covariance = vec![f64::NAN; weight.len() * weight.len()];
    }
    Ok(Solution {
        weight,
        covariance: known.covariance,
        log_likelihood,
        deviance: deviance(loss),
        null_deviance: deviance(null_loss),
        steps,
        outcome,
        runaway: known.runaway,
        is_unique: known.is_unique,
        is_too_large,
    })
}

/// What is known of coefficients besides their values.
struct Known {
    /// Empty if it is not defined.
    covariance: Vec<f64>,
    runaway: Vec<usize>,
    is_unique: bool,
}

/// Least squares: C = σ² (XᵀX)⁻¹ = σ² R⁻¹ R⁻ᵀ, from the columns and one of ones.
fn exact(x: &[f64], width: usize, rss: f64, rows: usize) -> Known {
    let p = width + 1;
    let qr = factored(x, width, rows);
    let mut covariance = vec![];
    if qr.rank() == p && rows > p {
        let noise = rss / (rows - p) as f64;
        covariance = vec![0.0; p * p];
        for k in 0..p {
            let mut unit = vec![0.0; p];
            unit[k] = noise;
            let column = qr.solve(qr.solve_transposed(unit));
            for (&j, c) in qr.order.iter().zip(column) {
                covariance[j * p + qr.order[k]] = c;
            }
        }
    }
    Known { covariance, runaway: vec![], is_unique: qr.rank() == p }
}

fn factored(x: &[f64], width: usize, rows: usize) -> Qr {
    let mut columns: Vec<Vec<f64>> =
        (0..width).map(|j| x.iter().skip(j).step_by(width).copied().collect()).collect();
    columns.push(vec![1.0; rows]);
    Qr::new(columns, rows, INDEPENDENT)
}

/// The others: C = (n ∇² mean loss)⁻¹, after the last digits of the coefficients are found by a few
/// more Newton steps. Where these do not become small, the answer is at infinity.
fn near<Y: Gives<Tree = Tensor>, F: Fn(&Tensor) -> Y>(
    data: &Data,
    losses: &Objective<F>,
    weight: &mut [f64],
    outcome: Outcome,
) -> Result<Known> {
    let (rows, width) = (data.x.shape()[0], data.x.shape()[1] - 1);
    let mut known = Known { covariance: vec![], runaway: vec![], is_unique: true };
    let x: Vec<f64> = data.x.slice(1, 0..width).to_vec()?;
    if factored(&x, width, rows).rank() <= width {
        known.is_unique = false;
        return Ok(known);
    }
    if outcome != Outcome::Converged {
        return Ok(known);
    }
    let mut step = vec![];
    for _ in 0..POLISH {
        let (_, g) = losses.value_and_gradient(weight)?;
        let h = hessian(data, losses, weight)?;
        let Some(factor) = Cholesky::new(&h, weight.len()) else {
            let flat = (0..weight.len()).all(|j| h[j * weight.len() + j] < FLAT);
            known.runaway = if flat { long(weight, 1.0) } else { vec![] };
            known.is_unique = flat;
            return Ok(known);
        };
        step = factor.solve(&g);
        known.covariance = factor.inverse();
        weight.iter_mut().zip(&step).for_each(|(w, s)| *w -= s);
        // What is left is of the order of its square; the Hessian changes in proportion to it.
        if largest(&step) <= 1e-10 {
            break;
        }
    }
    known.covariance.iter_mut().for_each(|c| *c /= rows as f64);
    known.runaway = long(&step, LONG);
    if !known.runaway.is_empty() {
        known.covariance.clear();
    }
    Ok(known)
}

/// The places of numbers of at least a hundredth of the largest, if that is `least` or more.
fn long(step: &[f64], least: f64) -> Vec<usize> {
    let most = largest(step);
    if most < least {
        return vec![];
    }
    (0..step.len()).filter(|&j| step[j].abs() >= 0.01 * most).collect()
}

/// Least squares with a penalty: by coordinate descent or in closed form. A ridge penalty is the
/// same as p more rows, √(n λ) I, with the target 0.
fn quadratic(
    family: Family,
    ridge: f64,
    x: &[f64],
    width: usize,
    y: &Response,
) -> (Vec<f64>, usize, Outcome) {
    let mean = y.mean();
    let mut rest: Vec<f64> = y.numbers().iter().map(|y| y - mean).collect();
    let (mut weight, steps, outcome) = match family {
        Family::Lasso(lambda) if lambda > 0.0 => lasso::descend(x, width, &rest, lambda),
        _ => {
            let mut rows = x.to_vec();
            if ridge > 0.0 {
                let size = (y.len() as f64 * ridge).sqrt();
                for j in 0..width {
                    rows.extend((0..width).map(|k| if j == k { size } else { 0.0 }));
                }
                rest.resize(y.len() + width, 0.0);
            }
            (least_squares(&rows, width, &rest).weight, 1, Outcome::Converged)
        }
    };
    weight.push(mean);
    (weight, steps, outcome)
}

/// Newton's method on the penalised loss.
fn newton(
    data: &Data,
    ridge: f64,
    start: &[f64],
    y: &Response,
) -> Result<(Vec<f64>, usize, Outcome)> {
    let width = data.x.shape()[1];
    let is_weight = |j: usize| f64::from(u8::from(j % width != width - 1));
    let mask: Vec<f64> = (0..start.len()).map(|j| ridge * is_weight(j)).collect();
    let mask = Tensor::from(mask);
    let loss = |b: &Tensor| {
        let loss = data.loss(b)?;
        Ok(if ridge > 0.0 { loss + 0.5 * (&mask * b.square()).sum() } else { loss })
    };
    let columns = start.len() > MANY || data.need() > WIDE;
    let method = if columns { Method::NewtonCg } else { Method::Newton };
    let size = if data.family == Family::Poisson { y.mean().max(1.0) } else { 1.0 };
    let problem = Objective::new(loss, start.len())?;
    let run = |tolerance: f64, start: &[f64]| {
        let tolerance = tolerance * size;
        Minimiser { tolerance, max_steps: 200, ..Minimiser::new(method) }.run(&problem, start)
    };
    let first = run(COARSE, start)?;
    if ridge == 0.0 && is_separated(data, &first.x, y)? {
        return Ok((first.x, first.steps, first.outcome));
    }
    let found = run(TOLERANCE, &first.x)?;
    Ok((found.x, first.steps + found.steps, found.outcome))
}

/// Whether the coefficients give every row's class the largest probability. Multiples of them then
/// give it a probability as near to 1 as one likes, and there are no best ones.
fn is_separated(data: &Data, weight: &[f64], y: &Response) -> Result<bool> {
    let Response::Classes { classes, rows } = y else { return Ok(false) };
    let width = data.x.shape()[1];
    let b = Tensor::from_vec(weight.to_vec(), [data.predictors, width])?;
    let means: Vec<f64> = no_grad(|| data.family.mean(&data.x.matmul(&b.t())))?.to_vec()?;
    let is_right =
        |(p, &k): (&[f64], &usize)| p.iter().enumerate().all(|(j, q)| j == k || *q < p[k]);
    Ok(means.chunks(classes.len()).zip(rows).all(is_right))
}

/// The Hessian of the mean loss, made in one piece or column by column.
fn hessian<Y: Gives<Tree = Tensor>, F: Fn(&Tensor) -> Y>(
    data: &Data,
    losses: &Objective<F>,
    weight: &[f64],
) -> Result<Vec<f64>> {
    let p = weight.len();
    if data.need() <= WIDE {
        return losses.hessian(weight);
    }
    let mut rows = Vec::with_capacity(p * p);
    let mut unit = vec![0.0; p];
    for j in 0..p {
        unit[j] = 1.0;
        rows.extend(losses.hvp(weight, &unit)?);
        unit[j] = 0.0;
    }
    Ok(rows)
}

/// The means that coefficients predict for encoded rows.
pub(super) fn means(family: Family, classes: usize, weight: &[f64], x: &[f64]) -> Result<Vec<f64>> {
    let m = family.predictors(classes);
    let width = weight.len() / m - 1;
    let rows = x.len() / width.max(1);
    if rows == 0 {
        return Ok(vec![]);
    }
    no_grad(|| {
        let x = Tensor::from_vec(x.to_vec(), [rows, width])?;
        let b = Tensor::from_vec(weight.to_vec(), [m, width + 1])?;
        let (w, b) = (b.slice(1, 0..width), b.slice(1, width..width + 1));
        Ok(family.mean(&(x.matmul(&w.t()) + b.t()))?.to_vec()?)
    })
}
