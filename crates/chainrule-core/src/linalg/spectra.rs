//! Eigenvalues of symmetric matrices and singular values.
//!
//! **Eigenvalues.** From A V = V diag(w) with VᵀV = 1 follows, with S = Vᵀ dA V,
//!
//! ```text
//! dwᵢ = Sᵢᵢ,        dV = V (F ∘ S),        Fᵢⱼ = 1/(wⱼ − wᵢ) for i ≠ j, 0 on the diagonal.
//! ```
//!
//! **Singular values.** From A = U diag(s) Vᵀ follows, with P = Uᵀ dA V, D = diag(s) and
//! Fᵢⱼ = 1/(sⱼ² − sᵢ²),
//!
//! ```text
//! dsᵢ = Pᵢᵢ,    dU = U (F ∘ (P D + D Pᵀ)) + (1 − UUᵀ) dA V D⁻¹,
//!               dV = V (F ∘ (D P + Pᵀ D)) + (1 − VVᵀ) dAᵀ U D⁻¹.
//! ```
//!
//! The last terms of dU and dV are there only for more rows than columns, and more columns than
//! rows.
//!
//! **Where there is no derivative.**
//!
//! - *Equal eigenvalues, or singular values.* The values are continuous, but their order makes a
//!   kink; the derivative given is that by the vectors that were found, one of the generalised
//!   gradients. It is the right one for functions that are symmetric in the values, such as sums.
//!   The vectors are not even continuous: their derivative is infinite or NaN, and nothing
//!   else is given, as any number would depend on a choice. Second derivatives, even of values
//!   alone, need derivatives of the vectors.
//! - *A singular value of 0.* It has a kink, as |x| at 0, and again one of the generalised
//!   gradients is given. The vectors have a derivative if A is square, and it is the only such
//!   value.
//! - Functions of the matrix as a whole (`inv`, `matrix_exp`, `pinv`) have their own rules here,
//!   and know nothing of these difficulties.
//!
//! References: Giles, *An extended collection of matrix derivative results* (2008), §3.1 and 3.2;
//! Townsend, *Differentiating the singular value decomposition* (2016); Magnus, *On differentiating
//! eigenvalues and eigenvectors* (1985).

use chainrule_linalg::Outcome;

use super::args::{diagonal, eye_like, lead, matrix, shaped, sides, symmetric};
use super::each::{Float, Routine, numbers, numbers_mut, record};
use crate::error::Result;
use crate::graph::Tensor;
use crate::graph::call::{Array, Point};
use crate::op::{DType, Shape};

/// Eigenvalues w, \[n\] in ascending order, and orthonormal eigenvectors V, \[n, n\] in columns, of
/// symmetric matrices: A V = V diag(w). Of other matrices the symmetric part (A + Aᵀ)/2 is taken.
/// Axes before the last two are a batch.
///
/// ```
/// # use chainrule_core::*;
/// let a = Tensor::from([[2.0, 1.0], [1.0, 2.0]]).requires_grad();
/// let (w, v) = linalg::eigh(&a)?;
/// assert!((&w - Tensor::from([1.0, 3.0])).abs().max().item::<f64>()? < 1e-15);
/// w.i(1).backward()?; // of an eigenvalue: v vᵀ
/// let v = v.slice(1, 1..2);
/// let off = a.grad().unwrap() - v.matmul(&v.t());
/// assert!(off.abs().max().item::<f64>()? < 1e-15);
/// # Ok::<(), Error>(())
/// ```
///
/// The sign of each eigenvector is arbitrary. If eigenvalues are equal, derivatives of the vectors
/// are infinite or NaN, as they do not exist.
///
/// # Errors
/// If the matrix is not square; where numbers are asked for, if it is not finite.
#[track_caller]
pub fn eigh(a: &Tensor) -> Result<(Tensor, Tensor)> {
    let a = symmetric("eigh", a)?;
    Ok(record(Eigh, lead(&a), &[a])?.into())
}

/// The eigenvalues of symmetric matrices, in ascending order: those of [`eigh`].
///
/// # Errors
/// As [`eigh`].
#[track_caller]
pub fn eigvalsh(a: &Tensor) -> Result<Tensor> {
    Ok(eigh(a)?.0)
}

/// The singular value decomposition A = U diag(s) Vᵀ of a matrix \[m, n\]: U, \[m, k\], with
/// orthonormal columns, s, \[k\], descending, and Vᵀ, \[k, n\], with orthonormal rows; k is the
/// smaller of m and n. Axes before the last two are a batch.
///
/// ```
/// # use chainrule_core::*;
/// let a = Tensor::from([[0.0, 2.0], [1.0, 0.0], [0.0, 0.0]]);
/// let (u, s, vt) = linalg::svd(&a)?;
/// assert!((&s - Tensor::from([2.0, 1.0])).abs().max().item::<f64>()? < 1e-15);
/// assert!(((u * s).matmul(&vt) - a).abs().max().item::<f64>()? < 1e-15);
/// # Ok::<(), Error>(())
/// ```
///
/// Each pair of vectors may have either sign. If singular values are equal, derivatives of the
/// vectors are infinite or NaN, as they do not exist; at a singular value of 0 that of the value is
/// one of the generalised gradients.
///
/// # Errors
/// If there are fewer than two axes; where numbers are asked for, if the matrix is not finite.
#[track_caller]
pub fn svd(a: &Tensor) -> Result<(Tensor, Tensor, Tensor)> {
    let a = matrix("svd", a)?;
    Ok(record(Svd, lead(&a), &[a])?.into())
}

/// The singular values, descending: those of [`svd`].
///
/// # Errors
/// As [`svd`].
#[track_caller]
pub fn svdvals(a: &Tensor) -> Result<Tensor> {
    Ok(svd(a)?.1)
}

/// 1/x beside the diagonal, and 0 on it.
fn inverse_gaps(x: &Tensor) -> Result<Tensor> {
    let on = eye_like(x)?.to_dtype(DType::Bool);
    on.try_where(&x.zeros_like(), on.try_where(&x.ones_like(), x)?.recip())
}

#[derive(Clone)]
struct Eigh;

impl Routine<2> for Eigh {
    const NAME: &'static str = "eigh";

    fn results(&self, dtype: DType, xs: &[&[usize]]) -> [(DType, Shape); 2] {
        let n = xs[0][0];
        [shaped(dtype, [n]), shaped(dtype, [n, n])]
    }

    fn eval<T: Float>(&self, xs: &[Array<'_>], ys: [&mut [u8]; 2]) -> Outcome {
        let [w, v] = ys;
        T::eigh(numbers(xs[0].bytes), xs[0].shape[0], numbers_mut(w), numbers_mut(v))
    }

    fn forward(&self, at: &Point<'_>, dxs: &[Option<Tensor>]) -> Result<[Option<Tensor>; 2]> {
        let (w, v) = (&at.ys[0], &at.ys[1]);
        let Some(da) = &dxs[0] else { return Ok([None, None]) };
        let s = v.t().matmul(da).matmul(v);
        let gaps = w.unsqueeze(-2) - w.unsqueeze(-1);
        let dv = v.matmul(&(inverse_gaps(&gaps)? * &s));
        Ok([Some(diagonal(&s)?), Some(dv)])
    }
}

#[derive(Clone)]
struct Svd;

impl Routine<3> for Svd {
    const NAME: &'static str = "svd";

    fn results(&self, dtype: DType, xs: &[&[usize]]) -> [(DType, Shape); 3] {
        let (m, n) = (xs[0][0], xs[0][1]);
        let k = m.min(n);
        [shaped(dtype, [m, k]), shaped(dtype, [k]), shaped(dtype, [k, n])]
    }

    fn eval<T: Float>(&self, xs: &[Array<'_>], ys: [&mut [u8]; 3]) -> Outcome {
        let [u, s, vt] = ys;
        let (a, shape) = (numbers::<T>(xs[0].bytes), xs[0].shape);
        T::svd(a, shape[0], shape[1], numbers_mut(u), numbers_mut(s), numbers_mut(vt))
    }

    fn forward(&self, at: &Point<'_>, dxs: &[Option<Tensor>]) -> Result<[Option<Tensor>; 3]> {
        let (u, s, vt) = (&at.ys[0], &at.ys[1], &at.ys[2]);
        let Some(da) = &dxs[0] else { return Ok([None, None, None]) };
        let [m, n] = sides(da);
        let (v, row, column) = (vt.t(), s.unsqueeze(-2), s.unsqueeze(-1));
        let da_v = da.matmul(&v);
        let p = u.t().matmul(&da_v);
        // sⱼ² − sᵢ² as a product, which does not lose digits.
        let f = inverse_gaps(&((&row - &column) * (&row + &column)))?;
        let mut du = u.matmul(&(&f * (&p * &row + &column * p.t())));
        let mut dv = v.matmul(&(&f * (&column * &p + p.t() * &row)));
        if m > n {
            du = du + (&da_v - u.matmul(&p)) / &row;
        }
        if n > m {
            dv = dv + (da.t().matmul(u) - v.matmul(&p.t())) / &row;
        }
        Ok([Some(du), Some(diagonal(&p)?), Some(dv.t())])
    }
}
