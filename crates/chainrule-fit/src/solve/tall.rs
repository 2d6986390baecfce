//! The triangle of a tall matrix whose rows are in parts.
//!
//! Least squares of X and y need only the R of a QR factorisation of [X y], since the products of
//! columns of R are those of columns of the whole, and R is found from the triangles of parts:
//!
//! ```text
//! [ X₁ ]   [ Q₁    ] [ R₁ ]   [ Q₁    ]
//! [ X₂ ] = [    Q₂ ] [ R₂ ] = [    Q₂ ] Q R
//! ```
//!
//! Unlike XᵀX = X₁ᵀX₁ + X₂ᵀX₂, which has squares of numbers and so half of their digits, this is as
//! accurate as a factorisation in one piece. A part sends p² numbers, whatever its rows.
//!
//! Pivoting puts the columns of each part in an order of its own; here they are put back, so that
//! what is kept of a part is a square that was triangular.
//!
//! J. Demmel, L. Grigori, M. Hoemmen and J. Langou (2012), *Communication-optimal parallel and
//! sequential QR and LU factorizations*, SIAM Journal on Scientific Computing 34.

use super::qr::{self, Qr};
use crate::error::Result;
use crate::parallel::Communicator;
use crate::parallel::fold::{Tree, gather};

/// The columns of R for these of a matrix, one behind the other.
pub(crate) fn triangle(columns: Vec<Vec<f64>>) -> Vec<f64> {
    let rows = columns.first().map_or(0, Vec::len);
    unpivoted(&Qr::new(columns, rows, 0.0))
}

/// R with its columns where those of the matrix were.
pub(crate) fn unpivoted(qr: &Qr) -> Vec<f64> {
    let rows: Vec<Vec<f64>> = (0..qr.rank()).map(|i| qr.row(i)).collect();
    let mut all = vec![0.0; rows.len() * qr.order.len()];
    for (place, &j) in qr.order.iter().enumerate() {
        for (i, row) in rows.iter().enumerate() {
            all[j * rows.len() + i] = row[place];
        }
    }
    all
}

/// The columns in numbers that are `width` of them, one behind the other.
pub(crate) fn columns(numbers: &[f64], width: usize) -> Vec<Vec<f64>> {
    let rows = numbers.len() / width;
    (0..width).map(|j| numbers[j * rows..(j + 1) * rows].to_vec()).collect()
}

/// The triangle of two parts, from those of each.
pub(crate) fn stacked(a: &[f64], b: &[f64], width: usize) -> Vec<f64> {
    let both = columns(a, width).into_iter().zip(columns(b, width));
    triangle(both.map(|(a, b)| [a, b].concat()).collect())
}

/// Columns with the same products with each other as these of all ranks, the same on all: those of
/// R, or themselves if there is one rank.
pub(crate) fn over(ranks: &dyn Communicator, own: Vec<Vec<f64>>) -> Result<Vec<Vec<f64>>> {
    let width = own.len();
    if ranks.size() == 1 || width == 0 {
        return Ok(own);
    }
    let join = |a: &[f64], b: &[f64]| stacked(a, b, width);
    let mut tree = Tree::new(&join);
    tree.push(ranks.rank(), triangle(own));
    Ok(columns(&tree.over(ranks)?, width))
}

/// The norm of the vector of which each rank has a part.
pub(crate) fn norm(ranks: &dyn Communicator, own: &[f64]) -> Result<f64> {
    match &gather(ranks, &[qr::norm(own)])?.concat()[..] {
        [one] => Ok(*one),
        parts => Ok(qr::norm(parts)),
    }
}
