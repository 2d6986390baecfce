//! Powers and roots: pow, cbrt, hypot.
//!
//! **pow** is e^(y·ln a). An error in y·ln a, up to 709 in size, is a relative error of the
//! result, so ln a is needed to ten bits more than a double has: the series of 2 atanh s, s = (m −
//! 1)/(m + 1), is summed in unevaluated sums of two numbers as far as its third term and e·ln 2 is
//! added in three parts, to a relative error of about 2⁻⁶⁵; the product with y and the exponential
//! carry both parts. Single precision does the same in plain double precision. Then follow the
//! special values of C99 (annex F.9.4.4), and the powers 1, 2 and −1, which are x, x·x and 1/x to
//! the bit. Other exact powers, such as 10², come out exact because the error before the last
//! rounding is below half a unit.
//!
//! **cbrt** takes x = 2^(3k + j)·m; m^(−⅓) by a polynomial and one step of Halley's kind, of third
//! order and free of divisions, then the root by one Newton step with an exact residual.
//!
//! **hypot** is √(x² + y²), in double precision after scaling by a power of two, so that no square
//! overflows or underflows; it is ∞ if either argument is, even beside NaN.
//!
//! The largest errors found, in ULP (see [`math`](super) for how):
//!
//! | | pow | cbrt | hypot |
//! |---|---|---|---|
//! | f32 | 0.51 | 0.51 | 0.51 |
//! | f64 | 1.02 | 0.51 | 0.99 |
//!
//! T. J. Dekker, "A floating-point technique for extending the available precision", Numerische
//! Mathematik 18, 1971.

use super::exp::exp_two;
use super::lane::{Lane, fast_two_sum, poly, two_prod};

/// a^y for positive finite a.
#[inline(always)]
pub(super) fn pow_f64(a: f64, y: f64) -> f64 {
    let (h, l) = ln_two(a);
    let p = y * h;
    let q = y.mul_add(h, -p) + y * l;
    exp_two(p, if p.abs() < 1000.0 { q } else { 0.0 })
}

/// ln a as an unevaluated sum, good to about 2⁻⁶⁶.
#[inline(always)]
fn ln_two(a: f64) -> (f64, f64) {
    // 2 atanh s = 2s + s³(⅔ + z·Q(z)), z = s².
    const Q: &[f64] = &[
        0.3999999999999998,
        0.28571428571445073,
        0.2222222221754394,
        0.18181818869566932,
        0.1538455691234763,
        0.13336316131236156,
        0.11674839672237004,
        0.11988870447971564,
    ];
    const TWO_THIRDS: (f64, f64) = (0.6666666666666666, 3.700743415417188e-17);
    const LN_2: (f64, f64) = (0.6931471805598903, 5.497923018708371e-14);
    let (m, e) = a.frexp();
    let f = m - 1.0;
    let d = m + 1.0;
    let d_lo = (1.0 - d) + m;
    let i = 1.0 / d;
    let s = f * i;
    let s_lo = (-s).mul_add(d_lo, (-s).mul_add(d, f)) * i;
    let (z, z_lo) = two_prod(s, s);
    let z_lo = (s + s).mul_add(s_lo, z_lo);
    let (c, c_lo) = fast_two_sum(TWO_THIRDS.0, z * poly(z, Q));
    let c_lo = c_lo + TWO_THIRDS.1;
    let (u, u_lo) = two_prod(z, c);
    let u_lo = z.mul_add(c_lo, z_lo.mul_add(c, u_lo));
    let (v, v_lo) = two_prod(s, u);
    let v_lo = s.mul_add(u_lo, s_lo.mul_add(u, v_lo));
    let (h, l) = fast_two_sum(s + s, v);
    let l = l + (2.0f64.mul_add(s_lo, v_lo));
    let (h, t) = fast_two_sum(e * LN_2.0, h);
    fast_two_sum(h, t + e.mul_add(LN_2.1, l))
}

/// a^y for positive finite a, in double precision.
#[inline(always)]
pub(super) fn pow_f32(a: f32, y: f32) -> f32 {
    const LN: &[f64] = &[
        0.6666666667579662,
        0.3999999562355833,
        0.2857210896309314,
        0.22176197239874706,
        0.1958402327912956,
    ];
    const EXP: &[f64] = &[
        0.5000000067994689,
        0.16666665862502095,
        0.04166629368713492,
        0.008333498017257334,
        0.0013944757330308414,
        0.00019790104762443313,
    ];
    let (m, e) = f64::from(a).frexp();
    let f = m - 1.0;
    let s = f / (m + 1.0);
    let z = s * s;
    let l = e.mul_add(f64::LN_2.0, s.mul_add(z * poly(z, LN), s + s));
    let x = f64::from(y) * l;
    let x = super::lane::clamp(x, -200.0, 200.0);
    let t = x.mul_add(f64::LOG2_E.0, f64::MAGIC);
    let r = (-(t - f64::MAGIC)).mul_add(f64::LN_2.0, x);
    ((1.0 + (r * r).mul_add(poly(r, EXP), r)) * f64::pow2(t)) as f32
}

#[inline(always)]
pub(super) fn pow<F: Lane>(x: F, y: F) -> F {
    let (zero, one) = (F::lit(0.0), F::lit(1.0));
    let a = x.abs();
    let p = F::pow_positive(a, y);
    // The base's edges.
    let p = if a == zero { if y < zero { F::INF } else { zero } } else { p };
    let p = if a == F::INF { if y < zero { zero } else { F::INF } } else { p };
    // Infinite exponents.
    let grows = (a > one) == (y > zero);
    let p = if y.abs() == F::INF { if grows { F::INF } else { zero } } else { p };
    let p = if y.abs() == F::INF && a == one { one } else { p };
    // Negative bases. Numbers too large for a fraction are even integers.
    let whole = y.trunc() == y;
    let half = y * F::lit(0.5);
    let odd = whole && half.trunc() != half;
    let p = if x < zero && !whole && a < F::INF { F::NAN } else { p };
    let p = if x.is_negative() && odd { -p } else { p };
    let p = if x.is_nan() { x } else { p };
    let p = if y.is_nan() { y } else { p };
    // What is exact, or should be.
    let p = if y == F::lit(2.0) { x * x } else { p };
    let p = if y == one { x } else { p };
    let p = if y == -one { one / x } else { p };
    if y == zero || x == one { one } else { p }
}

#[inline(always)]
pub(super) fn cbrt<F: Lane>(x: F) -> F {
    let zero = F::lit(0.0);
    let a = x.abs();
    let (m, e) = a.frexp();
    let third = F::lit(1.0 / 3.0);
    let t = e.mul_add(third, F::MAGIC);
    let k = t - F::MAGIC;
    let j = F::lit(-3.0).mul_add(k, e);
    // w = m^(−1/3): a rough polynomial and one step of third order.
    let w = poly(m, F::ICBRT);
    let h = (-m * w).mul_add(w * w, F::lit(1.0));
    let w = (w * h).mul_add(h.mul_add(F::lit(2.0 / 9.0), third), w);
    let w = w * w;
    // ∛(2ʲ·m), j in {−1, 0, 1}, and its inverse square.
    let (up, down) = (j > zero, j < zero);
    let c = if up { F::lit(1.2599210498948732) } else { F::lit(1.0) };
    let c = if down { F::lit(0.7937005259840998) } else { c };
    let d = if up { F::lit(0.6299605249474366) } else { F::lit(1.0) };
    let d = if down { F::lit(1.5874010519681994) } else { d };
    let s = if up { F::lit(2.0) } else { F::lit(1.0) };
    let s = if down { F::lit(0.5) } else { s };
    let y = m * w * c;
    // One step of Newton with an exact residual.
    let (q, q_lo) = two_prod(y, y);
    let rest = q_lo.mul_add(y, q.mul_add(y, -(m * s)));
    let y = (-rest).mul_add(w * d * third, y) * F::pow2(t);
    if a > zero && a < F::INF { y.copysign(x) } else { x }
}

#[inline(always)]
pub(super) fn hypot_f32(x: f32, y: f32) -> f32 {
    let (a, b) = (f64::from(x), f64::from(y));
    let r = a.mul_add(a, b * b).sqrt() as f32;
    if x.abs() == f32::INF || y.abs() == f32::INF { f32::INF } else { r }
}

#[inline(always)]
pub(super) fn hypot_f64(x: f64, y: f64) -> f64 {
    const UP: f64 = f64::from_bits((1023 + 600) << 52);
    const DOWN: f64 = f64::from_bits((1023 - 600) << 52);
    let (x, y) = (x.abs(), y.abs());
    let (a, b) = if x > y { (x, y) } else { (y, x) };
    let (s, i) = if a > UP * 1e-30 { (DOWN, UP) } else { (1.0, 1.0) };
    let (s, i) = if a < DOWN * 1e30 { (UP, DOWN) } else { (s, i) };
    let (a, b) = (a * s, b * s);
    let r = a.mul_add(a, b * b).sqrt() * i;
    if x == f64::INF || y == f64::INF { f64::INF } else { r }
}
