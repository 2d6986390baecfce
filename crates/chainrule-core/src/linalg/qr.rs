//! The QR factorisation.
//!
//! For A with independent columns, from A = Q R follows dA R⁻¹ = dQ + Q dR R⁻¹. With S = Qᵀ dA R⁻¹,
//! and as QᵀdQ =: Ω is antisymmetric while dR R⁻¹ is upper triangular, Ω below the diagonal is S
//! there:
//!
//! ```text
//! Ω = low(S) − low(S)ᵀ,    dR = (S − Ω) R,    dQ = Q Ω + (dA R⁻¹ − Q S),
//! ```
//!
//! where low takes what stands below the diagonal. A matrix with more columns than rows is cut into
//! a square one and the rest: A = Q \[R₁, QᵀA₂\].
//!
//! R's diagonal is made non-negative, which makes the factorisation unique, and smooth where the
//! first min(m, n) columns are independent. Where they are not, the value exists and the derivative
//! does not: asking for it is an error.
//!
//! References: Walter & Lehmann, *Algorithmic differentiation of linear algebra functions* (2018);
//! Roberts & Roberts, *QR and LQ decomposition matrix backpropagation algorithms for square, wide,
//! and deep matrices* (2020).

use chainrule_linalg::Outcome;

use super::args::{lead, matrix, shaped, sides};
use super::each::{Float, Routine, numbers, numbers_mut, record};
use super::triangular::Triangular;
use crate::error::Result;
use crate::graph::Tensor;
use crate::graph::call::{Array, Point};
use crate::op::{DType, Shape};
use crate::tensor::cat;

/// Q, \[m, k\], with orthonormal columns and R, \[k, n\], upper triangular with a non-negative
/// diagonal, so that Q R = A, \[m, n\]; k is the smaller of m and n. Axes before the last two are a
/// batch.
///
/// ```
/// # use chainrule_core::*;
/// let a = Tensor::from([[3.0, 1.0], [4.0, 2.0]]);
/// let (q, r) = linalg::qr(&a)?;
/// assert!((q.matmul(&r) - &a).abs().max().item::<f64>()? < 1e-15);
/// assert!((r.i((0, 0)).item::<f64>()? - 5.0).abs() < 1e-15);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// If there are fewer than two axes; where numbers of a derivative are asked for, if the first k
/// columns are dependent.
#[track_caller]
pub fn qr(a: &Tensor) -> Result<(Tensor, Tensor)> {
    let a = matrix("qr", a)?;
    let [m, n] = sides(&a);
    let first = if n > m { a.try_slice(-1, 0..m)? } else { a.clone() };
    let [q, mut r] = record(Qr, lead(&a), &[first])?;
    if n > m {
        let rest = q.t().try_matmul(&a.try_slice(-1, m..n)?)?;
        r = cat(&[&r, &rest], -1)?;
    }
    Ok((q, r))
}

#[derive(Clone)]
struct Qr;

impl Routine<2> for Qr {
    const NAME: &'static str = "qr";

    fn results(&self, dtype: DType, xs: &[&[usize]]) -> [(DType, Shape); 2] {
        let n = xs[0][1];
        [shaped(dtype, xs[0].iter().copied()), shaped(dtype, [n, n])]
    }

    fn eval<T: Float>(&self, xs: &[Array<'_>], ys: [&mut [u8]; 2]) -> Outcome {
        let [q, r] = ys;
        let (a, shape) = (numbers::<T>(xs[0].bytes), xs[0].shape);
        T::qr(a, shape[0], shape[1], numbers_mut(q), numbers_mut(r));
        Ok(())
    }

    fn forward(&self, at: &Point<'_>, dxs: &[Option<Tensor>]) -> Result<[Option<Tensor>; 2]> {
        let (q, r) = (&at.ys[0], &at.ys[1]);
        let Some(da) = &dxs[0] else { return Ok([None, None]) };
        let c = Triangular::new("the derivative of qr", true, false).flipped();
        let c = c.solve(r, &da.t())?.t();
        let s = q.t().matmul(&c);
        let low = s.tril(-1);
        let turn = &low - low.t();
        let dq = q.matmul(&(&turn - &s)) + c;
        Ok([Some(dq), Some((s - turn).matmul(r))])
    }
}
