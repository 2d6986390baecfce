//! The lasso by coordinate descent.
//!
//! In one weight the objective (1/2n) ‖y − Z w‖² + λ ‖w‖₁ is a parabola with a kink at 0. Its
//! minimum, with the residual r of all others and columns of variance 1, is the soft threshold
//!
//! ```text
//! wⱼ ← S(zⱼ·r / n, λ) / (zⱼ·zⱼ / n)        S(a, λ) = sign(a) max(|a| − λ, 0)
//! ```
//!
//! and going over all weights again and again converges, since the kinks are separable (Tseng
//! 2001). Between passes over all weights those that are not 0 are visited alone until they rest.
//! The end is judged by the conditions of Karush, Kuhn and Tucker with fresh residuals: with the
//! slope cⱼ = zⱼ·(y − Z w)/n,
//!
//! ```text
//! cⱼ = λ sign(wⱼ)  where wⱼ ≠ 0        |cⱼ| ≤ λ  where wⱼ = 0
//! ```
//!
//! must hold to within 10⁻¹⁰ of the standard deviation of y.
//!
//! J. Friedman, T. Hastie and R. Tibshirani (2010), *Regularization paths for generalized linear
//! models via coordinate descent*, Journal of Statistical Software 33 (1).

use crate::solve::minimise::Outcome;
use crate::solve::minimise::dense::{dot, norm};

const TOLERANCE: f64 = 1e-10;

/// The most passes over the weights, of either kind.
const MOST: usize = 100_000;

/// The weights, the number of passes, and how the descent ended; `y` has the mean 0, and `x` has
/// `width` columns, row by row.
pub(super) fn descend(
    x: &[f64],
    width: usize,
    y: &[f64],
    lambda: f64,
) -> (Vec<f64>, usize, Outcome) {
    let n = y.len() as f64;
    let columns: Vec<Vec<f64>> =
        (0..width).map(|j| x.iter().skip(j).step_by(width).copied().collect()).collect();
    let sizes: Vec<f64> = columns.iter().map(|z| dot(z, z) / n).collect();
    let enough = TOLERANCE * norm(y) / n.sqrt();
    let mut weight = vec![0.0; width];
    let mut rest = y.to_vec();
    let visit = |j: usize, weight: &mut [f64], rest: &mut [f64]| -> f64 {
        let (z, old) = (&columns[j], weight[j]);
        let a = dot(z, rest) / n + sizes[j] * old;
        let new = a.signum() * (a.abs() - lambda).max(0.0) / sizes[j];
        if new != old {
            rest.iter_mut().zip(z).for_each(|(r, z)| *r -= (new - old) * z);
            weight[j] = new;
        }
        (new - old).abs() * sizes[j].sqrt()
    };
    let mut passes = 0;
    while passes < MOST {
        (0..width).for_each(|j| _ = visit(j, &mut weight, &mut rest));
        passes += 1;
        let active: Vec<usize> = (0..width).filter(|&j| weight[j] != 0.0).collect();
        while passes < MOST {
            let moved =
                active.iter().map(|&j| visit(j, &mut weight, &mut rest)).fold(0.0, f64::max);
            passes += 1;
            if moved <= 0.1 * enough {
                break;
            }
        }
        // Fresh residuals: rounding errors of many small updates add up.
        for (r, (row, y)) in rest.iter_mut().zip(x.chunks(width.max(1)).zip(y)) {
            *r = y - dot(row, &weight);
        }
        let holds = |j: usize| {
            let c = dot(&columns[j], &rest) / n;
            let miss = if weight[j] == 0.0 {
                c.abs() - lambda
            } else {
                (c - lambda * weight[j].signum()).abs()
            };
            miss <= enough
        };
        if (0..width).all(holds) {
            return (weight, passes, Outcome::Converged);
        }
    }
    (weight, passes, Outcome::MaxSteps)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With orthogonal columns each weight is a soft threshold by itself.
    #[test]
    fn orthogonal_columns() {
        let x = [1.0, 1.0, 1.0, -1.0, -1.0, 1.0, -1.0, -1.0];
        let y = [2.5, 1.5, -1.5, -2.5]; // 2 z₀ + ½ z₁
        let (weight, _, outcome) = descend(&x, 2, &y, 0.7);
        assert_eq!(outcome, Outcome::Converged);
        assert!((weight[0] - 1.3).abs() < 1e-12 && weight[1] == 0.0, "{weight:?}");
        let (weight, ..) = descend(&x, 2, &y, 2.0);
        assert_eq!(weight, [0.0, 0.0]);
    }
}
