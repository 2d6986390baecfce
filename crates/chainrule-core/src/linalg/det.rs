//! Determinants.
//!
//! The derivative of det A by A is the matrix C of its cofactors, which is det A · A⁻ᵀ where A has
//! an inverse, and exists everywhere: the determinant is a polynomial.
//!
//! C is computed from the inverse where A is far from singular, and else from singular values: for
//! A = U diag(s) Vᵀ it is det U det V · U diag(∏_{j≠i} sⱼ) Vᵀ. To differentiate it further, A gets
//! a border of the vectors of its r = 2 smallest singular values,
//!
//! ```text
//! M = [A  σU₂; σV₂ᵀ  0],      M⁻¹ = [X Z; W G],      det A = det M · det G
//! ```
//!
//! (Jacobi's identity for complementary minors), which has an inverse even if two singular values
//! of A are 0. Hence, for fixed borders,
//!
//! ```text
//! Cᵀ = det M · (det G · X − Z adj(G) W),
//! ```
//!
//! all of which can be differentiated to any order. If three singular values or more are 0, first
//! and second derivatives are 0, as they should; higher ones are given as infinite or NaN.
//!
//! The logarithm of |det A| has the derivative A⁻ᵀ, and none where A is singular: asking for it
//! there is an error.
//!
//! References: Giles, *An extended collection of matrix derivative results* (2008), §2.2; Magnus &
//! Neudecker, *Matrix differential calculus* (2019), §8.3; Horn & Johnson, *Matrix analysis*
//! (2012), §0.8.4.

use chainrule_linalg::{Entry, Outcome};

use super::args::{bits, epsilon, lead, shaped, sides, square};
use super::each::{Float, Routine, numbers, numbers_mut, record, record_one};
use super::spectra::svd;
use super::systems::Factors;
use crate::error::Result;
use crate::graph::Tensor;
use crate::graph::call::{Array, Point, Slopes};
use crate::op::{DType, Shape};
use crate::tensor::cat;
use crate::transform::{pull, push};

/// The determinant of square matrices, of any rank. Axes before the last two are a batch.
///
/// ```
/// # use chainrule_core::*;
/// let a = Tensor::from([[1.0, 2.0], [2.0, 4.0]]).requires_grad();
/// let d = linalg::det(&a)?;
/// assert_eq!(d.item::<f64>()?, 0.0);
/// d.backward()?; // the cofactors, although there is no inverse
/// let off = a.grad().unwrap() - Tensor::from([[4.0, -2.0], [-2.0, 1.0]]);
/// assert!(off.abs().max().item::<f64>()? < 1e-14);
/// # Ok::<(), Error>(())
/// ```
///
/// Derivatives of any order are right up to two singular values of 0; with more, up to the second.
///
/// # Errors
/// If the matrix is not square.
#[track_caller]
pub fn det(a: &Tensor) -> Result<Tensor> {
    let a = square("det", a)?;
    record_one(Det { regular: false }, lead(&a), &Factors::of(&a)?.sources())
}

/// The sign of the determinant (−1, 0 or 1) and the logarithm of its absolute value, neither of
/// which overflows for large matrices. Axes before the last two are a batch.
///
/// ```
/// # use chainrule_core::*;
/// let (sign, log) = linalg::slogdet(&(Tensor::eye(500) * -10.0))?;
/// assert_eq!(sign.item::<f32>()?, 1.0);
/// assert!((log.item::<f32>()? - 500.0 * 10f32.ln()).abs() < 1e-3);
/// # Ok::<(), Error>(())
/// ```
///
/// Of a singular matrix they are 0 and −∞.
///
/// # Errors
/// If the matrix is not square; where numbers of a derivative are asked for, if it is singular.
#[track_caller]
pub fn slogdet(a: &Tensor) -> Result<(Tensor, Tensor)> {
    let a = square("slogdet", a)?;
    Ok(record(LogDet, lead(&a), &Factors::of(&a)?.sources())?.into())
}

/// Numbers as a batch of 1 × 1 matrices, to multiply with matrices.
fn wide(x: &Tensor) -> Tensor {
    x.unsqueeze(-1).unsqueeze(-1)
}

/// −1 for an odd number of exchanges, else 1.
fn parity(order: &[i64]) -> f64 {
    let (mut seen, mut sign) = (vec![false; order.len()], 1.0);
    for start in 0..order.len() {
        let (mut at, mut length) = (start, 0);
        while !std::mem::replace(&mut seen[at], true) {
            at = order[at] as usize;
            length += 1;
        }
        if length > 0 && length % 2 == 0 {
            sign = -sign;
        }
    }
    sign
}

/// U's diagonal in L U.
fn pivots<T: Entry>(lu: &[T], n: usize) -> impl Iterator<Item = f64> {
    (0..n).map(move |i| lu[i * n + i].into())
}

#[derive(Clone)]
struct Det {
    /// The matrix is known to have an inverse.
    regular: bool,
}

impl Routine<1> for Det {
    const NAME: &'static str = "det";

    fn options(&self) -> u64 {
        bits(&[self.regular])
    }

    fn results(&self, dtype: DType, _: &[&[usize]]) -> [(DType, Shape); 1] {
        [shaped(dtype, [])]
    }

    fn eval<T: Float>(&self, xs: &[Array<'_>], ys: [&mut [u8]; 1]) -> Outcome {
        let lu = numbers::<T>(xs[1].bytes);
        let product: f64 = pivots(lu, xs[0].shape[0]).product();
        numbers_mut(ys[0])[0] = T::of(parity(numbers(xs[2].bytes)) * product);
        Ok(())
    }

    fn forward(&self, at: &Point<'_>, dxs: &[Option<Tensor>]) -> Result<[Option<Tensor>; 1]> {
        let Some(da) = &dxs[0] else { return Ok([None]) };
        let factors = Factors::at(at.xs);
        let cofactors = if self.regular {
            factors.inverse("the derivative of det", true)? * wide(&at.ys[0])
        } else {
            record_one(Cofactors, lead(da), at.xs)?
        };
        Ok([Some((da * cofactors).try_sum_axis([-2, -1], false)?)])
    }
}

#[derive(Clone)]
struct LogDet;

impl Routine<2> for LogDet {
    const NAME: &'static str = "slogdet";

    fn results(&self, dtype: DType, _: &[&[usize]]) -> [(DType, Shape); 2] {
        [shaped(dtype, []), shaped(dtype, [])]
    }

    fn eval<T: Float>(&self, xs: &[Array<'_>], ys: [&mut [u8]; 2]) -> Outcome {
        let (lu, n) = (numbers::<T>(xs[1].bytes), xs[0].shape[0]);
        let sign_of = |p: f64| if p == 0.0 { 0.0 } else { p.signum() };
        let sign = pivots(lu, n).fold(parity(numbers(xs[2].bytes)), |s, p| s * sign_of(p));
        numbers_mut(ys[0])[0] = T::of(sign);
        numbers_mut(ys[1])[0] = T::of(pivots(lu, n).map(|p| p.abs().ln()).sum());
        Ok(())
    }

    fn forward(&self, at: &Point<'_>, dxs: &[Option<Tensor>]) -> Result<[Option<Tensor>; 2]> {
        let Some(da) = &dxs[0] else { return Ok([None, None]) };
        let inverse = Factors::at(at.xs).inverse("the derivative of slogdet", true)?;
        Ok([None, Some((da * inverse).try_sum_axis([-2, -1], false)?)])
    }
}

/// The cofactors of A, from A and its factorisation.
#[derive(Clone)]
struct Cofactors;

impl Routine<1> for Cofactors {
    const NAME: &'static str = "cofactors";

    fn name(&self) -> &'static str {
        "det"
    }

    fn results(&self, dtype: DType, xs: &[&[usize]]) -> [(DType, Shape); 1] {
        [shaped(dtype, xs[0].iter().copied())]
    }

    fn eval<T: Float>(&self, xs: &[Array<'_>], ys: [&mut [u8]; 1]) -> Outcome {
        let (a, n) = (numbers::<T>(xs[0].bytes), xs[0].shape[0]);
        let (lu, order) = (numbers::<T>(xs[1].bytes), numbers(xs[2].bytes));
        let out = numbers_mut::<T>(ys[0]);
        let sizes = pivots(lu, n).map(f64::abs);
        let (least, most) =
            sizes.fold((f64::INFINITY, 0.0), |(l, m): (f64, f64), p| (l.min(p), m.max(p)));
        if least > most * T::EPSILON.powf(0.25) {
            let det = parity(order) * pivots(lu, n).product::<f64>();
            let mut unit = vec![T::of(0.0); n * n];
            unit.iter_mut().step_by(n + 1).for_each(|x| *x = T::of(1.0));
            T::lu_solve(lu, order, true, &unit, n, out)?;
            out.iter_mut().for_each(|x| *x *= T::of(det));
            return Ok(());
        }
        let mut u = vec![T::of(0.0); n * n];
        let (mut s, mut vt) = (u[..n].to_vec(), u.clone());
        T::svd(a, n, n, &mut u, &mut s, &mut vt)?;
        let sign = orientation(&u, n) * orientation(&vt, n);
        let without = |i: usize| -> f64 {
            (0..n).filter(|&j| j != i).map(|j| s[j].into()).product::<f64>() * sign
        };
        let products: Vec<f64> = (0..n).map(without).collect();
        for (at, x) in out.iter_mut().enumerate() {
            let (i, j) = (at / n, at % n);
            let terms = (0..n).map(|k| u[i * n + k].into() * products[k] * vt[k * n + j].into());
            *x = T::of(terms.sum());
        }
        Ok(())
    }

    fn forward(&self, at: &Point<'_>, dxs: &[Option<Tensor>]) -> Result<[Option<Tensor>; 1]> {
        let mut dys = push(&|xs| Ok(vec![bordered(&xs[0])?]), &at.xs[..1], &dxs[..1])?.1;
        Ok([dys.remove(0)])
    }

    fn reverse(&self, at: &Point<'_>, gys: &[Option<Tensor>]) -> Result<Slopes> {
        let by_a = pull(&|xs| Ok(vec![bordered(&xs[0])?]), &at.xs[..1], gys)?;
        Ok(by_a.into_iter().chain([None, None]).collect())
    }
}

/// The determinant, 1 or −1, of an orthogonal matrix.
fn orientation<T: Entry>(q: &[T], n: usize) -> f64 {
    let (mut lu, mut order) = (q.to_vec(), vec![0; n]);
    T::lu(q, n, &mut lu, &mut order);
    pivots(&lu, n).fold(parity(&order), |sign, p| sign * p.signum())
}

/// The cofactors of A by a border of the two smallest singular vectors.
fn bordered(a: &Tensor) -> Result<Tensor> {
    let [n, _] = sides(a);
    let r = n.min(2);
    if n == 0 {
        return Ok(a.clone());
    }
    let fixed = a.cut_off();
    let (u, s, vt) = svd(&fixed)?;
    let most = s.try_slice(-1, 0..1)?.try_unsqueeze(-1)?;
    let scale = most.try_gt(0.0)?.try_where(&most, 1.0)?;
    // Where three values are 0, they are filled, and the result is replaced.
    let least = s.try_slice(-1, 0..n - r)? * (1.0 / (epsilon(&s) * n as f64));
    let gone = least.try_le(&most.try_squeeze(-1)?)?.to_dtype(s.dtype());
    let (rest, rest_t) = (u.try_slice(-1, 0..n - r)?, vt.try_slice(-2, 0..n - r)?);
    let filled = a + (rest * gone.unsqueeze(-2)).matmul(&rest_t) * &scale;
    let right = u.try_slice(-1, n - r..n)? * &scale;
    let below = vt.try_slice(-2, n - r..n)? * &scale;
    let corner = below.zeros_like().try_slice(-1, 0..r)?;
    let upper = cat(&[&filled, &right], -1)?;
    let m = cat(&[&upper, &cat(&[&below, &corner], -1)?], -2)?;
    let factors = Factors::of(&m)?;
    let d = record_one(Det { regular: true }, lead(&m), &factors.sources())?;
    let inverse = factors.inverse("the derivative of det", false)?;
    let (top, bottom) = (inverse.try_slice(-2, 0..n)?, inverse.try_slice(-2, n..n + r)?);
    let (x, z) = (top.try_slice(-1, 0..n)?, top.try_slice(-1, n..n + r)?);
    let (w, g) = (bottom.try_slice(-1, 0..n)?, bottom.try_slice(-1, n..n + r)?);
    let (det_g, adj_g) = if r == 1 {
        (g.clone(), g.ones_like())
    } else {
        let at = |i: usize, j: usize| g.try_slice(-2, i..i + 1)?.try_slice(-1, j..j + 1);
        let (p, q, s, t) = (at(0, 0)?, at(0, 1)?, at(1, 0)?, at(1, 1)?);
        let rows = [cat(&[&t, &-&q], -1)?, cat(&[&-&s, &p], -1)?];
        (&p * &t - &q * &s, cat(&[&rows[0], &rows[1]], -2)?)
    };
    let c = (wide(&d) * (det_g * x - z.matmul(&adj_g).matmul(&w))).t();
    // 0 with the derivative 0, and no second one.
    let flat = (a - &fixed).try_powf(1.5)?;
    let any = gone.try_sum_axis(-1, false)?.try_gt(0.0)?;
    wide(&any).try_expand(c.shape())?.try_where(&flat, &c)
}
