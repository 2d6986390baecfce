//! From estimates to what the data can and cannot tell: errors, intervals, correlation.
//!
//! A fit gives estimates θ̂ and their covariance matrix C. The standard error of θ̂ⱼ is √Cⱼⱼ; how far
//! θ̂ⱼ is from 0 in that unit is its statistic, which chance distributes in a known way
//! ([`Reference`]): as Student's t where the noise was estimated from the same residuals, normally
//! where it was known or where there are many observations. From this follow
//!
//! ```text
//! statistic  τ = θ̂ / √C       p-value  P(|T| > |τ|)       interval  θ̂ ± q √C,  P(|T| ≤ q) = level
//! ```
//!
//! ```
//! use chainrule_fit::inference::{Reference, estimates};
//! let names = ["slope".to_string(), "offset".into()];
//! let all = estimates(&names, &[2.0, 0.1], &[0.01, 0.0, 0.0, 0.04], Reference::StudentT(8.0), 0.95);
//! assert!((all[0].std_error - 0.1).abs() < 1e-15 && (all[0].statistic - 20.0).abs() < 1e-12);
//! assert!((all[1].interval.1 - (0.1 + 2.306004135204166 * 0.2)).abs() < 1e-12);
//! assert!(all[0].p_value < 1e-6 && all[1].p_value > 0.6);
//! ```
//!
//! For linear models with normal noise all of it is exact. For others it is what the linear model
//! that touches them at θ̂ would give, which is good as long as the model is nearly linear over the
//! interval.
//!
//! What is not defined (an error without degrees of freedom, or of a parameter that the data do
//! not determine) is NaN, printed as a dash and `null` in JSON.
//!
//! Not here: profile likelihoods, the bootstrap, corrections for several comparisons.
//!
//! D. M. Bates and D. G. Watts (1988), *Nonlinear Regression Analysis and Its Applications*, §2.3.

pub mod distribution;

use distribution::{normal_quantile, normal_tail, t_quantile, t_tail};

/// What the statistics of estimates are distributed like if the true values are 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reference {
    /// Student's t, with this many degrees of freedom: observations less parameters.
    StudentT(f64),
    /// The standard normal distribution.
    Normal,
}

impl Reference {
    /// How often chance gives a statistic at least as far from 0.
    pub fn p_value(self, statistic: f64) -> f64 {
        match self {
            Reference::StudentT(dof) => t_tail(statistic, dof),
            Reference::Normal => normal_tail(statistic),
        }
    }

    /// The half-width, in standard errors, of the interval with the given level, such as 0.95.
    pub fn half_width(self, level: f64) -> f64 {
        let p = 0.5 + 0.5 * level;
        match self {
            Reference::StudentT(dof) => t_quantile(p, dof),
            Reference::Normal => normal_quantile(p),
        }
    }

    /// What the statistic is called: `t` or `z`.
    pub fn symbol(self) -> &'static str {
        match self {
            Reference::StudentT(_) => "t",
            Reference::Normal => "z",
        }
    }
}

/// A parameter, and how well the data determine it.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// What it is called.
    pub name: String,
    /// Its value.
    pub estimate: f64,
    /// The standard deviation of the estimate; NaN if it is not defined, as all that follow.
    pub std_error: f64,
    /// The estimate in units of its error.
    pub statistic: f64,
    /// How often chance would give a statistic at least as far from 0 if the parameter were 0.
    pub p_value: f64,
    /// The lower and the upper end of the confidence interval.
    pub interval: (f64, f64),
}

/// The estimates with all that follows from their p × p `covariance`, row by row.
///
/// # Panics
/// If there are not as many names as values, or not their square of covariances.
pub fn estimates(
    names: &[String],
    values: &[f64],
    covariance: &[f64],
    reference: Reference,
    level: f64,
) -> Vec<Estimate> {
    let p = values.len();
    assert_eq!(names.len(), p, "each parameter has a name");
    assert_eq!(covariance.len(), p * p, "the covariance is square");
    let width = reference.half_width(level);
    let rows = names.iter().zip(values).enumerate();
    rows.map(|(j, (name, &estimate))| {
        let variance = covariance[j * p + j];
        let std_error = if variance >= 0.0 { variance.sqrt() } else { f64::NAN };
        let statistic =
            if estimate == 0.0 && std_error == 0.0 { 0.0 } else { estimate / std_error };
        Estimate {
            name: name.clone(),
            estimate,
            std_error,
            statistic,
            p_value: reference.p_value(statistic),
            interval: (estimate - width * std_error, estimate + width * std_error),
        }
    })
    .collect()
}

/// The p × p matrix of correlations Cᵢⱼ/√(Cᵢᵢ Cⱼⱼ), row by row; NaN where an error is 0 or NaN.
///
/// ```
/// use chainrule_fit::inference::correlation;
/// assert_eq!(correlation(&[4.0, -3.0, -3.0, 9.0], 2), [1.0, -0.5, -0.5, 1.0]);
/// ```
///
/// # Panics
/// If `covariance` is not p × p.
pub fn correlation(covariance: &[f64], p: usize) -> Vec<f64> {
    assert_eq!(covariance.len(), p * p, "the covariance is square");
    let error = |j: usize| covariance[j * p + j].sqrt();
    let entry = |at: usize| {
        let (i, j) = (at / p, at % p);
        let scaled = covariance[at] / error(i) / error(j);
        if i == j && scaled.is_finite() { 1.0 } else { scaled.clamp(-1.0, 1.0) }
    };
    (0..p * p).map(entry).collect()
}

/// The singular values of a matrix of `width` columns, given row by row, from the largest down,
/// and the right singular vectors that belong to them.
///
/// Columns are turned against each other in pairs until all are orthogonal (the one-sided method
/// of Jacobi, after Hestenes 1958); their lengths are then the singular values, small ones to
/// their own relative accuracy if the matrix is a triangle with columns of similar lengths.
///
/// ```
/// use chainrule_fit::inference::singular;
/// let (values, vectors) = singular(&[3.0, 0.0, 4.0, 5.0], 2);
/// assert!((values[0] - 45f64.sqrt()).abs() < 1e-14 && (values[1] - 5f64.sqrt()).abs() < 1e-14);
/// assert!((vectors[0][0] - vectors[0][1]).abs() < 1e-14);
/// ```
///
/// # Panics
/// If the last row is not whole.
pub fn singular(matrix: &[f64], width: usize) -> (Vec<f64>, Vec<Vec<f64>>) {
    assert!(width == 0 || matrix.len().is_multiple_of(width), "all rows have {width} numbers");
    let columns =
        (0..width).map(|j| matrix.iter().skip(j).step_by(width).copied().collect()).collect();
    let triples = orthogonal(columns);
    triples.into_iter().map(|(value, _, vector)| (value, vector)).unzip()
}

/// The columns turned until they are orthogonal, from the longest down: the length of each, itself,
/// and the combination of the given columns that it is.
pub(crate) fn orthogonal(mut columns: Vec<Vec<f64>>) -> Vec<(f64, Vec<f64>, Vec<f64>)> {
    let width = columns.len();
    let unit = |j: usize| (0..width).map(|i| f64::from(u8::from(i == j))).collect();
    let mut vectors: Vec<Vec<f64>> = (0..width).map(unit).collect();
    for _ in 0..60 {
        let mut turned = false;
        for j in 1..width {
            for i in 0..j {
                turned |= orthogonalise(&mut columns, &mut vectors, i, j);
            }
        }
        if !turned {
            break;
        }
    }
    let pairs = columns.into_iter().zip(vectors);
    let mut all: Vec<_> = pairs.map(|(c, v)| (dot(&c, &c).sqrt(), c, v)).collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    all
}

/// Turns columns i < j in their plane until they are orthogonal; false if they were.
fn orthogonalise(columns: &mut [Vec<f64>], vectors: &mut [Vec<f64>], i: usize, j: usize) -> bool {
    let (a, b) = (dot(&columns[i], &columns[i]), dot(&columns[j], &columns[j]));
    let c = dot(&columns[i], &columns[j]);
    if c.is_nan() || c.abs() <= 1e-15 * (a * b).sqrt() {
        return false;
    }
    let zeta = (b - a) / (2.0 * c);
    let tangent = zeta.signum() / (zeta.abs() + zeta.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    let sine = cosine * tangent;
    for set in [columns, vectors] {
        let (left, right) = set.split_at_mut(j);
        for (x, y) in left[i].iter_mut().zip(&mut right[0]) {
            (*x, *y) = (cosine * *x - sine * *y, sine * *x + cosine * *y);
        }
    }
    true
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

/// How much relative errors of the data can grow in the estimates: the ratio of the largest to the
/// smallest singular value of a matrix of `width` columns scaled to length 1. It is infinite if
/// columns are dependent, or 0.
///
/// ```
/// use chainrule_fit::inference::condition;
/// assert!((condition(&[1.0, 0.0, 0.0, 1000.0], 2) - 1.0).abs() < 1e-12);
/// assert!(condition(&[1.0, 2.0, 2.0, 4.0], 2) > 1e15);
/// ```
///
/// # Panics
/// If the last row is not whole.
pub fn condition(matrix: &[f64], width: usize) -> f64 {
    let (values, _) = singular(&scaled(matrix, width).0, width);
    match (values.first(), values.last()) {
        (Some(most), Some(least)) => most / least,
        _ => 1.0,
    }
}

/// The matrix with its columns divided by their lengths, and the lengths; columns of 0 stay.
pub fn scaled(matrix: &[f64], width: usize) -> (Vec<f64>, Vec<f64>) {
    let mut lengths = vec![0.0f64; width];
    for (at, x) in matrix.iter().enumerate() {
        lengths[at % width] = lengths[at % width].hypot(*x);
    }
    let unit = |(at, x): (usize, &f64)| match lengths[at % width] {
        0.0 => 0.0,
        length => x / length,
    };
    (matrix.iter().enumerate().map(unit).collect(), lengths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_defined_is_nan() {
        let names = ["a".to_string()];
        let one = |c: f64, reference| estimates(&names, &[1.0], &[c], reference, 0.95).remove(0);
        assert!(one(f64::NAN, Reference::Normal).std_error.is_nan());
        let without = one(1.0, Reference::StudentT(0.0));
        assert!(without.p_value.is_nan() && without.interval.0.is_nan());
        let exact = one(0.0, Reference::StudentT(3.0));
        assert_eq!((exact.p_value, exact.interval), (0.0, (1.0, 1.0)));
    }

    /// Hilbert's matrix of order 6 has the condition number 1.495·10⁷.
    #[test]
    fn singular_values_of_a_hilbert_matrix() {
        let h: Vec<f64> = (0..36).map(|at| 1.0 / (1 + at / 6 + at % 6) as f64).collect();
        let (values, vectors) = singular(&h, 6);
        assert!((values[0] / values[5] / 1.495_105_864_225_466e7 - 1.0).abs() < 1e-7);
        for (i, v) in vectors.iter().enumerate() {
            for (j, w) in vectors.iter().enumerate() {
                let wanted = f64::from(u8::from(i == j));
                assert!((dot(v, w) - wanted).abs() < 1e-14, "{i} {j}");
            }
        }
    }
}
