//! Linear algebra on matrices and batches of them, differentiable to any order: systems of
//! equations, factorisations, determinants, least squares, the exponential, norms. Names are those
//! of `torch.linalg`.
//!
//! The last two axes of a tensor are rows and columns; axes before them are a batch, and those of
//! two operands broadcast. Integers become F32. Results are recorded like any others and computed
//! when asked for: that a matrix is singular, not positive definite or not finite is an error
//! there, of kind [`Numeric`](crate::ErrorKind::Numeric), at the line that called the function.
//!
//! ```
//! # use chainrule_core::*;
//! // The slope of ln det A at A, by A, is A⁻ᵀ; and the Hessian is a graph too.
//! let a = Tensor::from([[4.0, 1.0], [1.0, 3.0]]);
//! let log_det = |a: &Tensor| Ok(linalg::slogdet(a)?.1);
//! let slope = gradient(log_det, &a)?;
//! let off = slope - linalg::inv(&a)?.t();
//! assert!(off.abs().max().item::<f64>()? < 1e-15);
//! assert_eq!(hessian(log_det, &a)?.shape(), [2, 2, 2, 2]);
//! # Ok::<(), Error>(())
//! ```
//!
//! Values are computed by the crate `faer`, one matrix on one thread, several matrices of a batch
//! on several. Each file has the derivation of its rule at its head, with where it comes from and
//! where it ends; what happens at equal eigenvalues, zero singular values and deficient ranks is
//! said with the functions.
//!
//! Not here: eigenvalues of general matrices, which are complex numbers. For equations whose matrix
//! is known by its products only, see [`linear_solve`](crate::linear_solve).
//!
//! References: Giles, *An extended collection of matrix derivative results for forward and reverse
//! mode algorithmic differentiation* (2008); Golub & Van Loan, *Matrix computations* (4th ed.
//! 2013).

mod args;
mod cholesky;
mod det;
mod each;
mod exponential;
mod least;
mod norms;
mod qr;
mod spectra;
mod systems;
mod triangular;

pub use cholesky::cholesky;
pub use det::{det, slogdet};
pub use exponential::matrix_exp;
pub use least::{lstsq, pinv};
pub use norms::{MatrixNorm, cond, matrix_norm, matrix_rank, vector_norm};
pub use qr::qr;
pub use spectra::{eigh, eigvalsh, svd, svdvals};
pub use systems::{inv, solve};
pub use triangular::{cholesky_solve, solve_triangular};
