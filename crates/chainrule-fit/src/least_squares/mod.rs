//! The answer in closed form: minimise ‖X w − y‖² by a QR factorisation.
//!
//! # The mathematics
//!
//! Householder reflections with pivoting give X P = Q R of numerical rank r
//! (`solve/qr.rs` has the derivation). If r equals the number of columns, R₁₁ w = (Qᵀ y)₁ has one
//! solution. Otherwise infinitely many w fit equally well, and of these the one with the least norm
//! is returned: with [R₁₁ R₁₂]ᵀ = Q₂ S, factored in the same way, it is w = P Q₂ S⁻ᵀ (Qᵀ y)₁. It is
//! also the one to which gradient descent from 0 leads.
//!
//! ```
//! use chainrule_fit::least_squares::least_squares;
//! let fit = least_squares(&[1.0, 0.0, 0.0, 1.0, 1.0, 1.0], 2, &[1.0, 2.0, 3.0]);
//! assert!((fit.weight[0] - 1.0).abs() < 1e-12 && (fit.weight[1] - 2.0).abs() < 1e-12);
//! assert_eq!(fit.rank, 2);
//! ```
//!
//! [`ols`] is for a person who asks what the estimates are worth: errors, intervals, and the last
//! digits.
//!
//! Golub and Van Loan, *Matrix Computations*, §5.2 and §5.4–5.5.

pub(crate) mod extended;
pub mod ols;
mod parted;

use crate::solve::qr::Qr;

/// A column counts as dependent on those before it if less than this share of the largest column
/// is left of it. Columns that a person computed from others agree with them to about this degree.
const TOLERANCE: f64 = 1e-11;

/// The solution of a least-squares problem.
#[derive(Clone, Debug, PartialEq)]
pub struct Solution {
    /// The weights, of least norm if several solutions exist.
    pub weight: Vec<f64>,
    /// The number of independent columns.
    pub rank: usize,
}

/// The w that minimises ‖X w − y‖², with `x` row by row and of `width` columns.
///
/// # Panics
/// If `x` does not have `width` numbers for each of `y`.
pub fn least_squares(x: &[f64], width: usize, y: &[f64]) -> Solution {
    let rows = y.len();
    assert_eq!(x.len(), rows * width, "x has as many rows as y");
    let columns = (0..width).map(|j| (0..rows).map(|i| x[i * width + j]).collect()).collect();
    let qr = Qr::new(columns, rows, TOLERANCE);
    let mut right = y.to_vec();
    qr.reflect(&mut right);
    right.truncate(qr.rank());
    let z = if qr.rank() == width { qr.solve(right) } else { qr.least_norm(&right, TOLERANCE) };
    let mut weight = vec![0.0; width];
    for (&j, z) in qr.order.iter().zip(z) {
        weight[j] = z;
    }
    Solution { weight, rank: qr.rank() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::split::Random;

    /// `n` numbers between −1 and 1.
    fn numbers(n: usize, seed: u64) -> Vec<f64> {
        let mut places: Vec<usize> = (0..n).collect();
        Random::new(seed).shuffle(&mut places);
        places.iter().map(|&i| (1.0 + i as f64 * 1.37).sin()).collect()
    }

    fn product(x: &[f64], width: usize, w: &[f64]) -> Vec<f64> {
        x.chunks(width).map(|row| row.iter().zip(w).map(|(x, w)| x * w).sum()).collect()
    }

    /// Xᵀ (X w − y), which is 0 at a minimum.
    fn slope(x: &[f64], width: usize, y: &[f64], w: &[f64]) -> f64 {
        let misses: Vec<f64> =
            product(x, width, w).iter().zip(y).map(|(fitted, y)| fitted - y).collect();
        (0..width)
            .map(|j| {
                misses.iter().enumerate().map(|(i, e)| e * x[i * width + j]).sum::<f64>().abs()
            })
            .fold(0.0, f64::max)
    }

    #[test]
    fn the_gradient_vanishes_at_the_answer() {
        for (rows, width) in [(1, 1), (3, 3), (50, 7), (200, 40), (2, 5), (10, 30)] {
            let (x, y) = (numbers(rows * width, 1), numbers(rows, 2));
            let fit = least_squares(&x, width, &y);
            assert_eq!(fit.rank, rows.min(width));
            let slope = slope(&x, width, &y, &fit.weight);
            assert!(slope < 1e-10, "{rows} × {width}: {slope}");
        }
    }

    #[test]
    fn dependent_columns_are_found_and_share_the_weight() {
        // Two equal columns and their sum: of all solutions the least in norm is 1 : 1 : 2.
        let a = numbers(20, 3);
        let x: Vec<f64> = a.iter().flat_map(|&a| [a, a, 2.0 * a]).collect();
        let y: Vec<f64> = a.iter().map(|a| 6.0 * a).collect();
        let fit = least_squares(&x, 3, &y);
        assert_eq!(fit.rank, 1);
        for (w, wanted) in fit.weight.iter().zip([1.0, 1.0, 2.0]) {
            assert!((w - wanted).abs() < 1e-12, "{:?}", fit.weight);
        }
    }

    #[test]
    fn a_zero_matrix_has_rank_zero() {
        let fit = least_squares(&[0.0; 6], 2, &[1.0, 2.0, 3.0]);
        assert_eq!(fit, Solution { weight: vec![0.0, 0.0], rank: 0 });
    }

    #[test]
    fn a_known_line() {
        // y = 3 + 2 t at t = 0 … 3.
        let x = [1.0, 0.0, 1.0, 1.0, 1.0, 2.0, 1.0, 3.0];
        let fit = least_squares(&x, 2, &[3.0, 5.0, 7.0, 9.0]);
        assert!((fit.weight[0] - 3.0).abs() < 1e-13 && (fit.weight[1] - 2.0).abs() < 1e-13);
    }
}
