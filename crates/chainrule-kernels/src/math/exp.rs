//! Exponentials: exp, exp2, expm1, sigmoid, softplus.
//!
//! With n the integer nearest to x/ln 2, eˣ = 2ⁿ·eʳ where r = x − n·ln 2 is at most ½ ln 2 in
//! magnitude (Cody and Waite 1980). ln 2 comes in two parts. The product of n and the first is
//! exact inside the fused multiply-add, and so is its difference from x; the second part, n times
//! smaller than half a unit of r, is added to r or, where that matters, carried along beside it.
//! Then eʳ = 1 + r + r²·q(r) with a minimax polynomial q, summed from the smallest term up, and 2ⁿ
//! is put together from bits as a product of two powers, so that overflow is to ∞ and subnormal
//! results are rounded once more only.
//!
//! - exp2 reduces exactly, x = n + f, and takes e^(f·ln 2), the product in two parts.
//! - expm1 is 2ⁿ(eʳ − 1) + (2ⁿ − 1), in which the second bracket is exact where it matters.
//! - sigmoid with z = e^−|x| is 1/(1 + z) or, left of 0, z/(1 + z): neither overflows, and the left
//!   tail keeps its relative accuracy. The remainder of the division corrects the quotient.
//! - softplus is max(x, 0) + ln(1 + z) with the same z.
//!
//! The largest errors found, in ULP (see [`math`](super) for how):
//!
//! | | exp | exp2 | expm1 | sigmoid | softplus |
//! |---|---|---|---|---|---|
//! | f32 | 0.99 | 0.87 | 1.35 | 1.46 | 1.71 |
//! | f64 | 1.02 | 0.87 | 1.54 | 1.46 | 1.61 |
//!
//! W. J. Cody, W. Waite, *Software Manual for the Elementary Functions*, 1980. P.-T. P. Tang,
//! "Table-driven implementation of the exponential function", ACM TOMS 15, 1989.

use super::lane::{Lane, clamp, fast_two_sum, poly};

/// (r, n + MAGIC, n): x = n·ln 2 + r, |r| ≤ ½ ln 2.
#[inline(always)]
pub(super) fn reduce<F: Lane>(x: F) -> (F, F, F) {
    let t = x.mul_add(F::LOG2_E.0, F::MAGIC);
    let n = t - F::MAGIC;
    let r = (-n).mul_add(F::LN_2.0, x);
    ((-n).mul_add(F::LN_2.1, r), t, n)
}

/// (r, lo, n + MAGIC): x = n·ln 2 + r + lo.
#[inline(always)]
pub(super) fn reduce_two<F: Lane>(x: F) -> (F, F, F) {
    let t = x.mul_add(F::LOG2_E.0, F::MAGIC);
    let n = t - F::MAGIC;
    let (r, lo) = fast_two_sum((-n).mul_add(F::LN_2.0, x), -n * F::LN_2.1);
    (r, lo, t)
}

/// exp(r + lo), lo of the size of the rounding error of r.
#[inline(always)]
pub(super) fn kernel<F: Lane>(r: F, lo: F) -> F {
    F::lit(1.0) + (r + (r * r).mul_add(poly(r, F::EXP), lo))
}

#[inline(always)]
pub(super) fn exp<F: Lane>(x: F) -> F {
    let x = clamp(x, F::EXP_RANGE.0, F::EXP_RANGE.1);
    let (r, t, _) = reduce(x);
    let p = F::lit(1.0) + (r * r).mul_add(poly(r, F::EXP), r);
    let (a, b) = F::pow2_pair(t);
    p * a * b
}

/// exp(x + lo): lo at most some units in the last place of x.
#[inline(always)]
pub(super) fn exp_two<F: Lane>(x: F, lo: F) -> F {
    let x = clamp(x, F::EXP_RANGE.0, F::EXP_RANGE.1);
    let t = x.mul_add(F::LOG2_E.0, F::MAGIC);
    let n = t - F::MAGIC;
    let (r, lo) = fast_two_sum((-n).mul_add(F::LN_2.0, x), (-n).mul_add(F::LN_2.1, lo));
    let p = kernel(r, lo);
    let (a, b) = F::pow2_pair(t);
    p * a * b
}

/// exp(x + lo)·(c + c_lo), as `exp_two`, x ≤ 0.
#[inline(always)]
pub(super) fn exp_times<F: Lane>(x: F, lo: F, c: F, c_lo: F) -> F {
    let x = clamp(x, F::EXP_RANGE.0, F::lit(0.0));
    let t = x.mul_add(F::LOG2_E.0, F::MAGIC);
    let n = t - F::MAGIC;
    let (r, lo) = fast_two_sum((-n).mul_add(F::LN_2.0, x), (-n).mul_add(F::LN_2.1, lo));
    let m = r + (r * r).mul_add(poly(r, F::EXP), lo);
    // c(1 + m) with c·m rounded once, at a quarter of the sum's size.
    let p = c + m.mul_add(c, m.mul_add(c_lo, c_lo));
    let (a, b) = F::pow2_pair(t);
    p * a * b
}

/// exp x for −EXP_RANGE.1 + 1 ≤ x ≤ EXP_RANGE.1 − 1, or NaN.
#[inline(always)]
pub(super) fn exp_middle<F: Lane>(x: F) -> F {
    let (r, t, _) = reduce(x);
    (F::lit(1.0) + (r * r).mul_add(poly(r, F::EXP), r)) * F::pow2(t)
}

#[inline(always)]
pub(super) fn exp2<F: Lane>(x: F) -> F {
    let x = clamp(x, F::EXP2_RANGE.0, F::EXP2_RANGE.1);
    let t = x + F::MAGIC;
    let f = x - (t - F::MAGIC);
    let r = f * F::LN_2.0;
    let lo = f.mul_add(F::LN_2.1, f.mul_add(F::LN_2.0, -r));
    let (a, b) = F::pow2_pair(t);
    kernel(r, lo) * a * b
}

#[inline(always)]
pub(super) fn expm1<F: Lane>(x: F) -> F {
    // Below −50 the result is −1.
    let c = clamp(x, F::lit(-50.0), F::EXP_RANGE.1);
    let (r, lo, t) = reduce_two(c);
    let p = r + (r * r).mul_add(poly(r, F::EXPM1), lo);
    // 2ⁿp + (2ⁿ − 1) with half the power, which does not overflow before the result does.
    let s = F::pow2(t - F::lit(1.0));
    let y = s.mul_add(p, s - F::lit(0.5));
    let y = y + y;
    if x.abs() < F::SMALL { (x * x).mul_add(F::lit(0.5), x) } else { y }.copysign(x)
}

#[inline(always)]
pub(super) fn sigmoid<F: Lane>(x: F) -> F {
    let z = exp(-x.abs());
    let one = F::lit(1.0);
    let d = one + z;
    let d_lo = (one - d) + z;
    let left = x < F::lit(0.0);
    let n = if left { z } else { one };
    let q = n / d;
    // The remainder of the division over d: 1/d is q on the right and 1 − q on the left.
    let rest = (-q).mul_add(d_lo, (-q).mul_add(d, n));
    rest.mul_add(if left { one - q } else { q }, q)
}

#[inline(always)]
pub(super) fn softplus<F: Lane>(x: F) -> F {
    let one = F::lit(1.0);
    let z = exp(-x.abs());
    // ln(1 + z) = ln 2 + ln(1 + (z − 1)/2), whichever argument is the smaller.
    let half = F::lit(0.5);
    let up = z > F::lit(std::f64::consts::SQRT_2 - 1.0);
    let (f, e) = if up { (z.mul_add(half, -half), one) } else { (z, F::lit(0.0)) };
    let (hi, lo) = F::ln_1p_core(f);
    let y = e.mul_add(F::LN_2.0, hi + e.mul_add(F::LN_2.1, lo));
    if x > F::lit(0.0) { x + y } else { y }
}
