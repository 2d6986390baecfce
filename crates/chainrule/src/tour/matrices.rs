//! The tour's third part: linear algebra, with derivatives. It is behind the feature `linalg`
//! (`chainrule = { version = "0.1", features = ["linalg"] }`); without it the library builds in
//! half the time.
//!
//! # Systems of equations
//!
//! [`linalg`](crate::linalg) has the functions of `torch.linalg`. They take matrices or batches of
//! them, are recorded like any operation, and are differentiated in any mode, to any order.
//!
//! ```
//! use chainrule::{linalg, prelude::*};
//!
//! let a = Tensor::from([[4.0, 1.0], [1.0, 3.0]]);
//! let b = Tensor::from([1.0, 2.0]);
//! let x = linalg::solve(&a, &b)?;
//! assert!((a.matmul(&x) - &b).abs().max().item::<f64>()? < 1e-15);
//!
//! // The energy bᵀ A⁻¹ b and its slope by A, −x xᵀ.
//! let energy = |a: &Tensor| Ok(b.dot(&linalg::solve(a, &b)?));
//! let (_, slope) = value_and_grad(energy, &a)?;
//! let column = x.unsqueeze(1);
//! assert!((slope + column.matmul(&column.t())).abs().max().item::<f64>()? < 1e-15);
//! # Ok::<(), Error>(())
//! ```
//!
//! What has no solution says so where its numbers are asked for, at the line that asked for it.
//!
//! ```
//! # use chainrule::{linalg, prelude::*};
//! let x = linalg::solve(&Tensor::from([[1.0, 2.0], [2.0, 4.0]]), &Tensor::from([1.0, 2.0]))?;
//! let error = x.to_vec::<f64>().unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::Numeric);
//! assert!(error.to_string().contains("`solve` of a singular matrix"));
//! # Ok::<(), Error>(())
//! ```
//!
//! Batches, per-sample gradients and Hessians come from the same rules:
//!
//! ```
//! # use chainrule::{linalg, prelude::*};
//! manual_seed(0);
//! let many = Tensor::randn([10, 3, 3]) + 4.0 * Tensor::eye(3);
//! assert_eq!(linalg::inv(&many)?.shape(), [10, 3, 3]);
//! let log_det = |a: &Tensor| Ok(linalg::slogdet(a)?.1);
//! let slopes = vmap(|a: &Tensor| gradient(log_det, a), &many)?; // A⁻ᵀ each
//! assert!((slopes.t() - linalg::inv(&many)?).abs().max().item::<f32>()? < 1e-5);
//! assert_eq!(hessian(log_det, &many.i(0))?.shape(), [3, 3, 3, 3]);
//! # Ok::<(), Error>(())
//! ```
//!
//! # Likelihoods
//!
//! The Cholesky factor of a covariance gives both the distance and the determinant in the logarithm
//! of a normal density. Its slope by a scale of the covariance is 0 where the scale fits.
//!
//! ```
//! # use chainrule::{linalg, prelude::*};
//! let shape = Tensor::from([[2.0, 0.6], [0.6, 1.0]]);
//! let x = Tensor::from([1.0, -1.0]);
//! let minus_log_density = |scale: &Tensor| -> Result<Tensor, Error> {
//!     let l = linalg::cholesky(&(&shape * scale))?;
//!     let z = linalg::solve_triangular(&l, &x, false, false)?;
//!     Ok(0.5 * z.dot(&z) + l.diagonal()?.ln().sum())
//! };
//! let fits = 0.5 * x.dot(&linalg::solve(&shape, &x)?);
//! let slope = gradient(minus_log_density, &fits)?;
//! assert!(slope.abs().item::<f64>()? < 1e-14);
//! # Ok::<(), Error>(())
//! ```
//!
//! # Factorisations
//!
//! [`qr`](crate::linalg::qr), [`svd`](crate::linalg::svd) and [`eigh`](crate::linalg::eigh) give
//! their factors; where factors are not unique, derivatives that would depend on the choice are NaN
//! or infinite and not an arbitrary number.
//!
//! ```
//! # use chainrule::{linalg, prelude::*};
//! // A frequency of two coupled oscillators, and how it moves with the coupling.
//! let frequency = |c: &Tensor| -> Result<Tensor, Error> {
//!     let alone = Tensor::from([[3.0, 0.0], [0.0, 2.0]]);
//!     let stiffness = alone + c * Tensor::from([[1.0, -1.0], [-1.0, 1.0]]);
//!     Ok(linalg::eigvalsh(&stiffness)?.i(0).sqrt())
//! };
//! let (w, slope) = value_and_grad(frequency, &Tensor::from(0.0))?;
//! assert!((w.item::<f64>()? - 2f64.sqrt()).abs() < 1e-15);
//! assert!((slope.item::<f64>()? - 0.5 / 2f64.sqrt()).abs() < 1e-15);
//!
//! // At equal eigenvalues, sums over them have a slope, single vectors have none.
//! let unit = Tensor::from([[1.0, 0.0], [0.0, 1.0]]);
//! let sum = gradient(|a: &Tensor| Ok(linalg::eigvalsh(a)?.exp().sum()), &unit)?;
//! assert!((sum.i((0, 0)).item::<f64>()? - 1f64.exp()).abs() < 1e-15);
//! let corner = gradient(|a: &Tensor| Ok(linalg::eigh(a)?.1.square().i((0, 0))), &unit)?;
//! assert!(!corner.sum().item::<f64>()?.is_finite());
//! # Ok::<(), Error>(())
//! ```
//!
//! # Least squares, exponentials, determinants
//!
//! [`lstsq`](crate::linalg::lstsq) takes matrices of any shape and rank,
//! [`matrix_exp`](crate::linalg::matrix_exp) solves linear differential equations, and
//! [`det`](crate::linalg::det) has its derivatives also where the matrix is singular.
//!
//! ```
//! # use chainrule::{linalg, prelude::*};
//! // y' = A y from y(0) = (1, 0): after time t, cos t and sin t.
//! let a = Tensor::from([[0.0, -1.0], [1.0, 0.0]]);
//! let after = |t: &Tensor| Ok(linalg::matrix_exp(&(&a * t))?.matmul(&Tensor::from([1.0, 0.0])));
//! let (y, dy) = jvp(after, &Tensor::from(0.3), &Tensor::from(1.0))?;
//! assert!((y.i(0).item::<f64>()? - 0.3f64.cos()).abs() < 1e-15);
//! assert!((dy.i(0).item::<f64>()? + 0.3f64.sin()).abs() < 1e-15);
//!
//! let singular = Tensor::from([[1.0, 2.0], [2.0, 4.0]]);
//! let cofactors = gradient(linalg::det, &singular)?;
//! let off = cofactors - Tensor::from([[4.0, -2.0], [-2.0, 1.0]]);
//! assert!(off.abs().max().item::<f64>()? < 1e-14);
//! # Ok::<(), Error>(())
//! ```
