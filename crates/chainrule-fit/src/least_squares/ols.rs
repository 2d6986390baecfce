//! Ordinary least squares with an honest report: y = X β + noise.
//!
//! # The mathematics
//!
//! Columns are divided by powers of 2 near their lengths, so that units do not decide what counts
//! as dependent, and X P = Q R is found by reflections. R β = Qᵀ y has as many digits as the
//! condition of X leaves: about 16 − log₁₀ κ. The others come from *refinement* of residuals and
//! estimates together (Björck 1967),
//!
//! ```text
//! [ I  X ] [ r ]   [ y ]      f = y − r − X β     g = −Xᵀ r      in twice the working precision
//! [ Xᵀ 0 ] [ β ] = [ 0 ]      h = R⁻ᵀ g    (d₁, d₂) = Qᵀ f    r += Q (h, d₂)    β += R⁻¹ (d₁ − h)
//! ```
//!
//! which gains 16 − log₁₀ κ digits a round until β is right to the last one, for the X that is
//! given. [`Design::polynomial`] gives powers with the digits that doubles do not hold.
//!
//! With s² = ‖r‖²/(n − p), the covariance of β̂ is s² (XᵀX)⁻¹ = s² R⁻¹R⁻ᵀ; what follows from it is
//! in [`inference`](crate::inference).
//!
//! ```
//! use chainrule_fit::least_squares::ols::{Design, ols};
//! // y = x¹⁰ … 1 at eleven points is solved to the last digits, though κ is 10⁹.
//! let x: Vec<f64> = (0..14).map(|i| 1.0 + 0.1 * f64::from(i)).collect();
//! let y: Vec<f64> = x.iter().map(|x| 3.0 - 2.0 * x + 0.5 * x * x).collect();
//! let fit = ols(&Design::polynomial(&x, 2), &y, 0.95)?;
//! assert!((fit.estimates[2].estimate - 0.5).abs() < 1e-13);
//! assert!(fit.r_squared.is_some_and(|r2| r2 > 1.0 - 1e-15));
//! # Ok::<(), chainrule_fit::Error>(())
//! ```
//!
//! # Several ranks
//!
//! [`ols_over`] does the same where each rank of a job has some of the rows: the factorisation is
//! in parts (`parted`), and so is the refinement, which needs of other ranks only sums over rows
//! (in twice the precision) and the first p numbers of a turned vector. So the digits are the same.
//!
//! Not here: penalties, other noise than normal of equal size (see [`glm`](crate::glm)).
//!
//! Å. Björck (1967), *Iterative refinement of linear least squares solutions*, BIT 7; N. J. Higham
//! (2002), *Accuracy and Stability of Numerical Algorithms*, §20.5.

use super::extended::Wide;
use super::parted::Parted;
use crate::error::{Result, fail};
use crate::inference::distribution::f_tail;
use crate::inference::{Estimate, Reference, condition, correlation, estimates};
use crate::parallel::fold::{alone, gather, total};
use crate::parallel::{Communicator, Single};
use crate::solve::qr::Qr;

/// The columns of X with their names.
#[derive(Clone, Debug)]
pub struct Design {
    names: Vec<String>,
    columns: Vec<Vec<f64>>,
    /// What the numbers are larger than the doubles that stand for them; empty if they are equal.
    tails: Vec<Vec<f64>>,
}

impl Design {
    /// These columns, one name for each.
    ///
    /// # Errors
    /// If their numbers or lengths differ, there is none, or a number is not finite.
    pub fn new(names: Vec<String>, columns: Vec<Vec<f64>>) -> Result<Design> {
        if names.len() != columns.len() || columns.is_empty() {
            fail!("{} names were given for {} columns; name each", names.len(), columns.len());
        }
        let rows = columns[0].len();
        for (name, column) in names.iter().zip(&columns) {
            if column.len() != rows {
                fail!("the column {name} has {} numbers, others have {rows}", column.len());
            }
            if column.iter().any(|x| !x.is_finite()) {
                fail!("the column {name} has a number that is not finite; leave its row out");
            }
        }
        Ok(Design { names, columns, tails: vec![] })
    }

    /// The powers 1, x, …, xᵏ with k = `degree`, named `B0`, `B1`, …
    pub fn polynomial(x: &[f64], degree: usize) -> Design {
        let mut power = vec![Wide::of(1.0); x.len()];
        let mut design = Design { names: vec![], columns: vec![], tails: vec![] };
        for k in 0..=degree {
            design.names.push(format!("B{k}"));
            design.columns.push(power.iter().map(|p| p.high).collect());
            design.tails.push(power.iter().map(|p| p.low).collect());
            power = power.iter().zip(x).map(|(p, x)| p.times(*x)).collect();
        }
        design
    }

    /// Some of the rows, such as those of one rank.
    ///
    /// # Panics
    /// If there are not so many.
    #[must_use]
    pub fn rows(&self, rows: std::ops::Range<usize>) -> Design {
        let some = |all: &[Vec<f64>]| all.iter().map(|c| c[rows.clone()].to_vec()).collect();
        Design { names: self.names.clone(), columns: some(&self.columns), tails: some(&self.tails) }
    }

    fn entry(&self, i: usize, j: usize) -> Wide {
        Wide { high: self.columns[j][i], low: self.tails.get(j).map_or(0.0, |tail| tail[i]) }
    }
}

/// A linear fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Ols {
    /// The coefficients; those that the data do not determine are part of the shortest answer, and
    /// all errors are then NaN.
    pub estimates: Vec<Estimate>,
    /// Their covariance, p × p row by row.
    pub covariance: Vec<f64>,
    /// Their correlation, likewise.
    pub correlation: Vec<f64>,
    /// The condition number of the scaled columns.
    pub condition: f64,
    /// The number of independent columns.
    pub rank: usize,
    /// y less what the model says, in the rows of this rank.
    pub residuals: Vec<f64>,
    /// The sum of their squares.
    pub rss: f64,
    /// The estimated deviation of the noise, s; NaN without degrees of freedom.
    pub sigma: f64,
    /// Observations less independent columns.
    pub dof: usize,
    /// The share of the variance that is explained. Without a constant column the variance is
    /// taken about 0; `None` if there is none.
    pub r_squared: Option<f64>,
    /// Fisher's F of all columns but the constant, and how often chance gives a larger one.
    pub f: Option<(f64, f64)>,
}

/// Fits y = X β, with intervals of the given `level`, such as 0.95.
///
/// # Errors
/// If there are not as many rows in X as numbers in y, or none, or one is not finite.
pub fn ols(design: &Design, y: &[f64], level: f64) -> Result<Ols> {
    ols_over(design, y, level, &Single)
}

/// [`ols`] where `design` and `y` are the rows of one of the `ranks`, perhaps none; all have the
/// same columns, and get the same answer but for the residuals.
///
/// # Errors
/// As [`ols`], where there must be some row on some rank; what is wrong on one rank ends the job.
pub fn ols_over(design: &Design, y: &[f64], level: f64, ranks: &dyn Communicator) -> Result<Ols> {
    let (own, p) = (y.len(), design.columns.len());
    alone(ranks, || check(design, y))?;
    let n = total(ranks, own as f64)? as usize;
    if n == 0 {
        fail!("there are no rows to fit; give some");
    }
    let scale = scale(design, ranks)?;
    let scaled =
        design.columns.iter().zip(&scale).map(|(c, s)| c.iter().map(|x| x / s).collect()).collect();
    let tolerance = f64::EPSILON * n.max(p) as f64 / 8.0;
    let parted = Parted::new(ranks, scaled, own, tolerance)?;
    let (qr, rank) = (&parted.all, parted.all.rank());
    let mut right = parted.turn(y.to_vec())?.head;
    right.truncate(rank);
    let placed = if rank == p { qr.solve(right) } else { qr.least_norm(&right, tolerance) };
    let mut beta = vec![0.0; p];
    qr.order.iter().zip(&placed).for_each(|(&j, x)| beta[j] = x / scale[j]);
    let mut residuals = misses(design, y, None, &beta);
    if rank == p {
        refine((design, y), &parted, &scale, &mut residuals, &mut beta, ranks)?;
    }
    let rss = total(ranks, residuals.iter().map(|r| r * r).sum())?;
    let dof = n - rank;
    let sigma = (rss / dof as f64).sqrt();
    let covariance = match rank == p {
        true => covariance(qr, &scale, if dof > 0 { sigma } else { f64::NAN }),
        false => vec![f64::NAN; p * p],
    };
    let triangle: Vec<f64> = (0..rank).flat_map(|i| qr.row(i)).collect();
    let (r_squared, f) = explained((design, y), rss, rank, n as f64, ranks)?;
    let reference = Reference::StudentT(dof as f64);
    Ok(Ols {
        estimates: estimates(&design.names, &beta, &covariance, reference, level),
        correlation: correlation(&covariance, p),
        covariance,
        condition: if rank == p { condition(&triangle, p) } else { f64::INFINITY },
        rank,
        residuals,
        rss,
        sigma: if dof > 0 { sigma } else { f64::NAN },
        dof,
        r_squared,
        f,
    })
}

fn check(design: &Design, y: &[f64]) -> Result<()> {
    if design.columns[0].len() != y.len() {
        fail!("there are {} rows of columns for {} of y", design.columns[0].len(), y.len());
    }
    if y.iter().any(|y| !y.is_finite()) {
        fail!("a number of y is not finite; leave its row out");
    }
    Ok(())
}

/// Powers of 2 near the largest number of each column.
fn scale(design: &Design, ranks: &dyn Communicator) -> Result<Vec<f64>> {
    let most = |column: &Vec<f64>| column.iter().fold(0.0f64, |most, x| most.max(x.abs()));
    let own: Vec<f64> = design.columns.iter().map(most).collect();
    let all = gather(ranks, &own)?;
    let power = |j: usize| {
        let most = all.iter().fold(0.0f64, |most, part| most.max(part[j]));
        if most > 0.0 { most.log2().floor().exp2() } else { 1.0 }
    };
    Ok((0..own.len()).map(power).collect())
}

/// y − r − X β in twice the working precision, rounded.
fn misses(design: &Design, y: &[f64], r: Option<&[f64]>, beta: &[f64]) -> Vec<f64> {
    let row = |i: usize| {
        let mut sum = Wide::of(y[i]).plus(r.map_or(0.0, |r| -r[i]));
        for (j, b) in beta.iter().enumerate() {
            sum = sum.plus_product(design.entry(i, j), -b);
        }
        sum.value()
    };
    (0..y.len()).map(row).collect()
}

/// −Xᵀ r, likewise, of the rows of all ranks.
fn slopes(design: &Design, r: &[f64], ranks: &dyn Communicator) -> Result<Vec<f64>> {
    let along = |j: usize| {
        let products = r.iter().enumerate();
        products.fold(Wide::default(), |sum, (i, r)| sum.plus_product(design.entry(i, j), -r))
    };
    let own = (0..design.columns.len()).map(along).flat_map(|x| [x.high, x.low]);
    let all = gather(ranks, &own.collect::<Vec<f64>>())?;
    let of = |j: usize| {
        let parts = all.iter().map(|part| Wide { high: part[2 * j], low: part[2 * j + 1] });
        parts.reduce(|a, b| a + b).unwrap_or_default().value()
    };
    Ok((0..design.columns.len()).map(of).collect())
}

fn refine(
    (design, y): (&Design, &[f64]),
    parted: &Parted<'_>,
    scale: &[f64],
    residuals: &mut [f64],
    beta: &mut [f64],
    ranks: &dyn Communicator,
) -> Result<()> {
    let (p, qr) = (beta.len(), &parted.all);
    let mut last = f64::INFINITY;
    for _ in 0..30 {
        let mut turned = parted.turn(misses(design, y, Some(residuals), beta))?;
        let g = slopes(design, residuals, ranks)?;
        let h = qr.solve_transposed(qr.order.iter().map(|&j| g[j] / scale[j]).collect());
        let change = qr.solve(turned.head[..p].iter().zip(&h).map(|(d, h)| d - h).collect());
        turned.head[..p].copy_from_slice(&h);
        let d = parted.turn_back(turned);
        let moved: Vec<f64> =
            qr.order.iter().zip(&change).map(|(&j, c)| (c / scale[j] / beta[j]).abs()).collect();
        let size = moved.iter().filter(|m| m.is_finite()).fold(0.0, |a: f64, m| a.max(*m));
        if change.iter().any(|c| !c.is_finite()) || size > 0.9 * last {
            break;
        }
        residuals.iter_mut().zip(&d).for_each(|(r, d)| *r += d);
        qr.order.iter().zip(&change).for_each(|(&j, c)| beta[j] += c / scale[j]);
        if size < f64::EPSILON {
            break;
        }
        last = size;
    }
    Ok(())
}

/// s² R⁻¹ R⁻ᵀ in the order and the units of the columns.
fn covariance(qr: &Qr, scale: &[f64], sigma: f64) -> Vec<f64> {
    let p = scale.len();
    let unit = |j: usize| (0..p).map(|i| f64::from(u8::from(i == j))).collect();
    let inverse: Vec<Vec<f64>> = (0..p).map(|j| qr.solve(unit(j))).collect();
    let mut covariance = vec![0.0; p * p];
    for (a, &i) in qr.order.iter().enumerate() {
        for (b, &j) in qr.order.iter().enumerate() {
            let sum: f64 = inverse.iter().map(|column| column[a] * column[b]).sum();
            covariance[i * p + j] = sum * (sigma / scale[i]) * (sigma / scale[j]);
        }
    }
    covariance
}

/// R² and F.
#[allow(clippy::type_complexity)]
fn explained(
    (design, y): (&Design, &[f64]),
    rss: f64,
    rank: usize,
    n: f64,
    ranks: &dyn Communicator,
) -> Result<(Option<f64>, Option<(f64, f64)>)> {
    let constant = is_constant(design, ranks)?;
    let mean = total(ranks, y.iter().map(|y| y / n).sum())?;
    let mean = if constant { mean } else { 0.0 };
    let spread = total(ranks, y.iter().map(|y| (y - mean).powi(2)).sum())?;
    if spread.is_nan() || spread <= 0.0 {
        return Ok((None, None));
    }
    let (d1, d2) = ((rank - usize::from(constant)) as f64, n - rank as f64);
    let f = (spread - rss) / d1 / (rss / d2);
    let tested = d1 > 0.0 && d2 > 0.0 && f.is_finite();
    Ok((Some(1.0 - rss / spread), tested.then(|| (f, f_tail(f, d1, d2)))))
}

/// Whether a column has one number in all rows, and not 0.
fn is_constant(design: &Design, ranks: &dyn Communicator) -> Result<bool> {
    // The number, NaN where there are several; a rank without rows says nothing.
    let one = |c: &Vec<f64>| c.iter().copied().reduce(|a, b| if a == b { a } else { f64::NAN });
    let own: Vec<f64> = design.columns.iter().filter_map(one).collect();
    let all = gather(ranks, &own)?;
    let mut full = all.iter().filter(|part| !part.is_empty());
    let Some(first) = full.next() else { return Ok(false) };
    let mut same = first.clone();
    full.for_each(|part| {
        same.iter_mut().zip(part).for_each(|(a, b)| *a = if *a == *b { *a } else { f64::NAN });
    });
    Ok(same.iter().any(|x| !x.is_nan() && *x != 0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// y = 1 + 2x + (0.1, −0.1, −0.1, 0.1): the slope's error is s/√Σ(x − x̄)² = √(0.02/5).
    #[test]
    fn a_line_by_hand() {
        let y = [1.1, 2.9, 4.9, 7.1];
        let fit = ols(&Design::polynomial(&[0.0, 1.0, 2.0, 3.0], 1), &y, 0.95).unwrap();
        assert!((fit.estimates[0].estimate - 1.0).abs() < 1e-15);
        assert!((fit.estimates[1].estimate - 2.0).abs() < 1e-15);
        assert!((fit.rss - 0.04).abs() < 1e-15 && fit.dof == 2);
        assert!((fit.estimates[1].std_error - (0.02f64 / 5.0).sqrt()).abs() < 1e-15);
        assert!((fit.correlation[1] + 1.5 / 3.5f64.sqrt()).abs() < 1e-14);
        // With one column F is the square of its t.
        let (f, p) = fit.f.unwrap();
        assert!((f / fit.estimates[1].statistic.powi(2) - 1.0).abs() < 1e-12);
        assert!((p / fit.estimates[1].p_value - 1.0).abs() < 1e-12);
    }

    #[test]
    fn dependent_columns_have_no_errors() {
        let x = vec![1.0, 2.0, 3.0, 4.0];
        let twice = x.iter().map(|x| 2.0 * x).collect();
        let design = Design::new(vec!["a".into(), "b".into()], vec![x, twice]).unwrap();
        let fit = ols(&design, &[5.0, 10.0, 15.0, 20.0], 0.95).unwrap();
        assert_eq!((fit.rank, fit.condition), (1, f64::INFINITY));
        assert!(fit.estimates.iter().all(|e| e.std_error.is_nan() && e.estimate.is_finite()));
        assert!(fit.rss < 1e-26);
    }

    #[test]
    fn as_many_parameters_as_rows_leave_no_error() {
        let fit = ols(&Design::polynomial(&[1.0, 2.0], 1), &[3.0, 5.0], 0.95).unwrap();
        assert_eq!((fit.dof, fit.f), (0, None));
        assert!(fit.sigma.is_nan() && fit.estimates[0].p_value.is_nan());
        assert!(ols(&Design::polynomial(&[1.0], 0), &[f64::NAN], 0.95).is_err());
    }
}
