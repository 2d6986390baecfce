//! Factorisations of dense matrices, in numbers: what `chainrule-core` calls for the values of its
//! linear algebra. The algorithms are those of the crate `faer`; the matrix exponential is written
//! here. Nothing here knows tensors or derivatives.
//!
//! Matrices are slices in row-major order with their lengths beside them. Every routine works on
//! one thread, because the bits of a result must not depend on how many there are; batches are
//! shared between threads by the caller.
//!
//! It is a crate of its own so that these routines are compiled once, and only for those who use
//! them.
//!
//! ```
//! use chainrule_linalg::Entry;
//! let (a, mut l) = ([4.0, 2.0, 2.0, 5.0], [0.0; 4]);
//! f64::cholesky(&a, 2, &mut l).unwrap();
//! assert_eq!(l, [2.0, 0.0, 1.0, 2.0]);
//! ```

mod exponential;
mod spectra;
mod systems;

use std::fmt;

use faer::{Mat, MatRef, Par, traits::RealField};

pub use systems::Triangle;

macro_rules! entries {
    ($($(#[$doc:meta])* $name:ident in $module:ident ($($arg:ident: $t:ty),*) $(-> $r:ty)?;)*) => {
        /// Element types of matrices, `f32` and `f64`, with the routines for them.
        ///
        /// # Panics
        /// All of them if a slice is shorter than its lengths say.
        pub trait Entry: RealField + Copy + PartialOrd + Into<f64> + fmt::Debug {
            /// The distance from 1 to the next number.
            const EPSILON: f64;
            /// The nearest number.
            fn of(x: f64) -> Self;
            $($(#[$doc])* fn $name($($arg: $t),*) $(-> $r)?;)*
        }
        entries!(impl f32 $($name in $module ($($arg: $t),*) $(-> $r)?;)*);
        entries!(impl f64 $($name in $module ($($arg: $t),*) $(-> $r)?;)*);
    };
    (impl $T:ident $($name:ident in $module:ident ($($arg:ident: $t:ty),*) $(-> $r:ty)?;)*) => {
        impl Entry for $T {
            const EPSILON: f64 = $T::EPSILON as f64;
            fn of(x: f64) -> $T {
                x as $T
            }
            $(fn $name($($arg: $t),*) $(-> $r)? {
                $module::$name($($arg),*)
            })*
        }
    };
}

/// Whether a matrix has what was asked for.
pub type Outcome = Result<(), Fault>;

entries! {
    /// P A = L U with row pivots, for a square matrix of `n` rows: both triangles in one matrix,
    /// the ones on L's diagonal left out; row i of P A is row `order[i]` of A. A singular matrix
    /// has zeros on U's diagonal.
    lu in systems (a: &[Self], n: usize, lu: &mut [Self], order: &mut [i64]);

    /// X with A X = B, or Aᵀ X = B, from A's `lu` and `order`; B has `k` columns.
    lu_solve in systems (
        lu: &[Self], order: &[i64], transposed: bool, b: &[Self], k: usize, x: &mut [Self]
    ) -> Outcome;

    /// X with T X = B for a triangle T of a matrix of `n` rows; B has `k` columns.
    solve_triangular in systems (
        a: &[Self], n: usize, triangle: Triangle, b: &[Self], k: usize, x: &mut [Self]
    ) -> Outcome;

    /// L with A = L Lᵀ for a symmetric matrix of `n` rows, of which the lower triangle is read.
    cholesky in systems (a: &[Self], n: usize, l: &mut [Self]) -> Outcome;

    /// A = Q R for a matrix \[m, n\] with m ≥ n: orthonormal columns in Q, \[m, n\], and R, \[n,
    /// n\], upper triangular with a diagonal that is not negative.
    qr in spectra (a: &[Self], m: usize, n: usize, q: &mut [Self], r: &mut [Self]);

    /// Singular values and vectors of a matrix \[m, n\]: A = U diag(s) Vᵀ with U \[m, k\],
    /// s \[k\] descending, Vᵀ \[k, n\], and k = min(m, n).
    svd in spectra (
        a: &[Self], m: usize, n: usize, u: &mut [Self], s: &mut [Self], vt: &mut [Self]
    ) -> Outcome;

    /// A V = V diag(w) for a symmetric matrix of `n` rows, of which the lower triangle is read:
    /// eigenvalues in ascending order, and orthonormal eigenvectors in V's columns.
    eigh in spectra (a: &[Self], n: usize, w: &mut [Self], v: &mut [Self]) -> Outcome;

    /// The pseudo-inverse, \[n, m\], of a matrix \[m, n\]. Singular values up to `cutoff` times the
    /// largest count as 0.
    pinv in spectra (a: &[Self], m: usize, n: usize, cutoff: f64, out: &mut [Self]) -> Outcome;

    /// Of all X that make |A X − B| smallest, the one that is smallest itself, for A \[m, n\] and
    /// B \[m, k\]. Singular values up to `cutoff` times the largest count as 0.
    lstsq in spectra (
        a: &[Self], m: usize, n: usize, cutoff: f64, b: &[Self], k: usize, x: &mut [Self]
    ) -> Outcome;

    /// eᴬ for a square matrix of `n` rows.
    expm in exponential (a: &[Self], n: usize, out: &mut [Self]) -> Outcome;
}

/// Why a matrix has no such factorisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The pivot of this column is 0.
    Singular(usize),
    /// The leading minor up to this row and column is not positive.
    NotPositive(usize),
    /// This element, in row and column, is NaN or infinite.
    NotFinite(usize, usize),
    /// The iteration for singular values or eigenvalues did not end.
    NoConvergence,
}

const SEQ: Par = Par::Seq;

fn matrix<T: Entry>(a: &[T], rows: usize, columns: usize) -> Mat<T> {
    MatRef::from_row_major_slice(a, rows, columns).to_owned()
}

fn store<T: Entry>(x: MatRef<'_, T>, out: &mut [T]) {
    let columns = x.ncols();
    for (i, row) in out.chunks_exact_mut(columns.max(1)).enumerate().take(x.nrows()) {
        row.iter_mut().enumerate().for_each(|(j, y)| *y = x[(i, j)]);
    }
}

/// Finds the first element that is no finite number.
fn finite<T: Entry>(a: &[T], columns: usize) -> Result<(), Fault> {
    match a.iter().position(|&v| !v.into().is_finite()) {
        Some(i) => Err(Fault::NotFinite(i / columns, i % columns)),
        None => Ok(()),
    }
}
