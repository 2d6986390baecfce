//! The coefficients of standardised columns that fit best, and how well they are determined.
//!
//! Coefficients are one vector: for each linear predictor the weights, then the intercept. The
//! columns have mean 0, so least squares have the mean of y as their intercept; for the others the
//! run begins at the model without features.

use chainrule_core::{Tensor, no_grad};

use super::family::Family;
use super::lasso;
use super::rows::{Design, Rows};
use crate::error::Result;
use crate::least_squares::least_squares;
use crate::solve::minimise::dense::{Cholesky, largest};
use crate::solve::minimise::{Method, Minimiser, Outcome, Problem};
use crate::solve::qr::Qr;

/// The largest element of the gradient of the mean loss at the answer, relative to the mean of
/// counts.
const TOLERANCE: f64 = 1e-10;

/// Where that much is left of it, a look is taken at whether the classes are separated.
const COARSE: f64 = 1e-4;

/// With more coefficients than this, steps use products with the Hessian only.
pub(super) const MANY: usize = 400;

/// With more coefficients than this there are no errors.
const TOO_MANY: usize = 2000;

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

/// The coefficients that are best for `family` with a ridge penalty.
pub(super) fn solve(family: Family, ridge: f64, rows: &dyn Rows) -> Result<Solution> {
    let (totals, width) = (rows.totals(), rows.width());
    let (n, ridge) = (totals.rows as f64, family.ridge(ridge));
    let mut null = vec![0.0; totals.predictors(family) * (width + 1)];
    for (k, b) in family.null(totals).into_iter().enumerate() {
        null[k * (width + 1) + width] = b;
    }
    let free = family.is_free(ridge);
    let is_too_large = null.len() > TOO_MANY;
    let mut known = Known { covariance: vec![], runaway: vec![], is_unique: true };
    let (weight, steps, outcome, loss, null_loss);
    if family.is_least_squares() {
        let design = rows.design()?;
        (weight, steps, outcome) = quadratic(family, ridge, &design, width, totals.mean);
        (loss, null_loss) =
            (half_mean(&design, &weight, totals.mean), { half_mean(&design, &null, totals.mean) });
        if free && !is_too_large {
            known = exact(&design, width, 2.0 * loss, totals.rows);
        }
    } else {
        let losses = rows.losses(0.0)?;
        let mut found = newton(family, rows, ridge, &null)?;
        if free && rows.is_separated(&found.0)? {
            known.runaway = long(&found.0, 0.0);
        } else if free && !is_too_large {
            known = near(rows, &*losses, &mut found.0, found.2)?;
        }
        (weight, steps, outcome) = found;
        (loss, null_loss) = (losses.value(&weight)?, losses.value(&null)?);
    }
    let deviance = |loss: f64| 2.0 * (totals.saturated + n * loss);
    let log_likelihood = if family.is_least_squares() {
        -0.5 * n * ((2.0 * std::f64::consts::PI * 2.0 * loss).ln() + 1.0)
    } else {
        -n * loss
    };
    if known.covariance.is_empty() && !is_too_large {
        known.covariance = vec![f64::NAN; weight.len() * weight.len()];
    }
    Ok(Solution {
        covariance: known.covariance,
        log_likelihood,
        deviance: deviance(loss),
        null_deviance: deviance(null_loss),
        steps,
        outcome,
        runaway: known.runaway,
        is_unique: known.is_unique,
        is_too_large,
        weight,
    })
}

/// The mean of half the squared errors.
fn half_mean(design: &Design<'_>, weight: &[f64], mean: f64) -> f64 {
    let width = weight.len() - 1;
    let rows = design.ones.iter().zip(&design.y).enumerate();
    let error = |(i, (one, y)): (usize, (&f64, &f64))| {
        let x = &design.x[i * width..(i + 1) * width];
        let along: f64 = x.iter().zip(weight).map(|(x, w)| x * w).sum();
        y - along - (weight[width] - mean) * one
    };
    rows.map(error).map(|e| 0.5 * e * e).sum::<f64>() / design.y.len() as f64
}

/// What is known of coefficients besides their values.
struct Known {
    /// Empty if it is not defined.
    covariance: Vec<f64>,
    runaway: Vec<usize>,
    is_unique: bool,
}

/// Least squares: C = σ² (XᵀX)⁻¹ = σ² R⁻¹ R⁻ᵀ, from the columns and one of ones. `square` is the
/// mean of the squared errors.
fn exact(design: &Design<'_>, width: usize, square: f64, rows: usize) -> Known {
    let p = width + 1;
    let qr = factored(design, width);
    let mut covariance = vec![];
    if qr.rank() == p && rows > p {
        // σ² = n square/(n − p), and XᵀX is n/m of the design's.
        let noise = square * design.y.len() as f64 / (rows - p) as f64;
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

fn factored(design: &Design<'_>, width: usize) -> Qr {
    let mut columns: Vec<Vec<f64>> =
        (0..width).map(|j| design.x.iter().skip(j).step_by(width).copied().collect()).collect();
    columns.push(design.ones.clone());
    Qr::new(columns, design.y.len(), INDEPENDENT)
}

/// The others: C = (n ∇² mean loss)⁻¹, after the last digits of the coefficients are found by a few
/// more Newton steps. Where these do not become small, the answer is at infinity.
fn near(
    rows: &dyn Rows,
    losses: &dyn Problem,
    weight: &mut [f64],
    outcome: Outcome,
) -> Result<Known> {
    let width = rows.width();
    let mut known = Known { covariance: vec![], runaway: vec![], is_unique: true };
    if factored(&rows.design()?, width).rank() <= width {
        known.is_unique = false;
        return Ok(known);
    }
    if outcome != Outcome::Converged {
        return Ok(known);
    }
    let mut step = vec![];
    for _ in 0..POLISH {
        let (_, g) = losses.value_and_gradient(weight)?;
        let h = hessian(rows, losses, weight)?;
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
    let n = rows.totals().rows as f64;
    known.covariance.iter_mut().for_each(|c| *c /= n);
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
    design: &Design<'_>,
    width: usize,
    mean: f64,
) -> (Vec<f64>, usize, Outcome) {
    let (mut weight, steps, outcome) = match family {
        Family::Lasso(lambda) if lambda > 0.0 => {
            lasso::descend(&design.x, width, &design.y, lambda)
        }
        _ if ridge > 0.0 => {
            let (mut rows, mut rest) = (design.x.to_vec(), design.y.clone());
            let size = (rest.len() as f64 * ridge).sqrt();
            for j in 0..width {
                rows.extend((0..width).map(|k| if j == k { size } else { 0.0 }));
            }
            rest.resize(rest.len() + width, 0.0);
            (least_squares(&rows, width, &rest).weight, 1, Outcome::Converged)
        }
        _ => (least_squares(&design.x, width, &design.y).weight, 1, Outcome::Converged),
    };
    weight.push(mean);
    (weight, steps, outcome)
}

/// Newton's method on the penalised loss.
fn newton(
    family: Family,
    rows: &dyn Rows,
    ridge: f64,
    start: &[f64],
) -> Result<(Vec<f64>, usize, Outcome)> {
    let columns = start.len() > MANY || !rows.is_narrow();
    let method = if columns { Method::NewtonCg } else { Method::Newton };
    let size = if family == Family::Poisson { rows.totals().mean.max(1.0) } else { 1.0 };
    let problem = rows.losses(ridge)?;
    let run = |tolerance: f64, start: &[f64]| {
        let tolerance = tolerance * size;
        Minimiser { tolerance, max_steps: 200, ..Minimiser::new(method) }.run(&*problem, start)
    };
    let first = run(COARSE, start)?;
    if ridge == 0.0 && rows.is_separated(&first.x)? {
        return Ok((first.x, first.steps, first.outcome));
    }
    let found = run(TOLERANCE, &first.x)?;
    Ok((found.x, first.steps + found.steps, found.outcome))
}

/// The Hessian of the mean loss, made in one piece or column by column.
fn hessian(rows: &dyn Rows, losses: &dyn Problem, weight: &[f64]) -> Result<Vec<f64>> {
    if rows.is_narrow() {
        return losses.hessian(weight);
    }
    let p = weight.len();
    let mut all = Vec::with_capacity(p * p);
    let mut unit = vec![0.0; p];
    for j in 0..p {
        unit[j] = 1.0;
        all.extend(losses.hvp(weight, &unit)?);
        unit[j] = 0.0;
    }
    Ok(all)
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
