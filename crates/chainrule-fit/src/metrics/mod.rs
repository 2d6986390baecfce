//! How well predictions meet what was observed: numbers here, classes in [`classes`].
//!
//! ```text
//! RMSE = √( Σ (y − ŷ)² / n )     MAE = Σ |y − ŷ| / n     R² = 1 − Σ (y − ŷ)² / Σ (y − ȳ)²
//! ```
//!
//! RMSE and MAE have the unit of y. R² is 1 for perfect predictions and 0 for those no better than
//! the mean ȳ of the same rows; it can be negative. It is not defined when all y are equal, one row
//! included.

pub mod classes;

use crate::error::Result;
use crate::parallel::fold::{gather, total};
use crate::parallel::{Communicator, Single};

/// The three measures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metrics {
    /// The share of the variance that is explained; `None` if there is no variance.
    pub r2: Option<f64>,
    /// The root of the mean squared error.
    pub rmse: f64,
    /// The mean of the absolute errors.
    pub mae: f64,
}

impl Metrics {
    /// Compares `predicted` with `observed`; `None` without rows.
    ///
    /// ```
    /// use chainrule_fit::metrics::Metrics;
    /// let metrics = Metrics::of(&[1.0, 2.0, 3.0], &[1.0, 2.0, 4.0]).unwrap();
    /// assert_eq!(metrics.r2, Some(0.5));
    /// assert_eq!(Metrics::of(&[], &[]), None);
    /// ```
    pub fn of(observed: &[f64], predicted: &[f64]) -> Option<Metrics> {
        Metrics::over(observed, predicted, &Single).ok().flatten()
    }

    /// The same of the rows of all `ranks`, of which each has some, perhaps none.
    ///
    /// # Errors
    /// If the job was ended.
    pub fn over(
        observed: &[f64],
        predicted: &[f64],
        ranks: &dyn Communicator,
    ) -> Result<Option<Metrics>> {
        let all = |own: f64| total(ranks, own);
        let n = all(observed.len() as f64)?;
        if n == 0.0 {
            return Ok(None);
        }
        let mean = all(observed.iter().map(|y| y / n).sum())?;
        let sum = |squares: &mut dyn Iterator<Item = f64>| all(squares.map(|e| e * e).sum());
        let missed = sum(&mut observed.iter().zip(predicted).map(|(y, p)| y - p))?;
        let first = gather(ranks, &observed[..observed.len().min(1)])?.concat();
        let varies = all(observed.iter().filter(|y| **y != first[0]).count() as f64)? > 0.0;
        let total = sum(&mut observed.iter().map(|y| y - mean))?;
        let r2 = (varies && total > 0.0).then(|| 1.0 - missed / total).filter(|r2| r2.is_finite());
        let absolute = all(observed.iter().zip(predicted).map(|(y, p)| (y - p).abs()).sum())?;
        Ok(Some(Metrics { r2, rmse: (missed / n).sqrt(), mae: absolute / n }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn perfect_mean_and_worse() {
        let y = [1.0, 2.0, 3.0, 6.0];
        let r2 = |p: &[f64]| Metrics::of(&y, p).and_then(|m| m.r2);
        assert_eq!(r2(&y), Some(1.0));
        assert_eq!(r2(&[3.0; 4]), Some(0.0));
        assert!(r2(&[6.0, 3.0, 2.0, 1.0]).is_some_and(|r2| r2 < 0.0));
    }

    #[test]
    fn without_variance_there_is_no_r2() {
        let metrics = Metrics::of(&[5.0], &[3.0]);
        assert_eq!(metrics, Some(Metrics { r2: None, rmse: 2.0, mae: 2.0 }));
        assert_eq!(Metrics::of(&[0.1; 3], &[0.1; 3]).and_then(|m| m.r2), None);
    }
}
