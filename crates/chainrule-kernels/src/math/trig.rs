//! Sine, cosine, tangent and their inverses.
//!
//! **Near arguments.** n is the integer nearest to x·2/π and r = x − n·π/2, with π/2 in three
//! parts (Cody and Waite). The first difference is exact inside a fused multiply-add; the second
//! part times n is taken as an exact product and an exact sum, so that r comes in two parts even
//! when x is the number nearest to a multiple of π/2. The sine and the cosine of r are both
//! computed, polynomials in r²; the low two bits of n choose between them and set the sign. This
//! is `sin_fast` and its kin, right for |x| ≤ 10⁵ in f32 and 10⁸ in f64
//! ([`Float::TRIG_BOUND`](super::Float::TRIG_BOUND)), and without a branch. The tangent divides
//! the two as unevaluated sums and corrects by the remainder.
//!
//! **Far arguments** go through an out-of-line function which reduces by multiplying the bits of x
//! by those bits of 2/π that make a difference modulo 4 (Payne and Hanek 1983): 53 × 192 bits,
//! which leaves 128 bits after the point; no number of double precision comes nearer than 2⁻⁶² to
//! a multiple of π/2 in those units. `sin`, `cos` and `tan` branch between the two and so do not
//! vectorise; loops look at a block of arguments first, and call the fast ones if they may.
//!
//! **Inverses.** The angle of a point (b, a) is a multiple k of π/4, k in {0, 1, 2}, plus the arc
//! tangent of a/b, (a − b)/(a + b) or −b/a, at most tan π/8 in size; the quotient keeps its
//! remainder. asin x is a polynomial up to ½ and from there π/2 − 2 asin √((1 − x)/2).
//!
//! The largest errors found, in ULP (see [`math`](super) for how):
//!
//! | | sin | cos | tan | asin | acos | atan | atan2 |
//! |---|---|---|---|---|---|---|---|
//! | f32 | 0.77 | 0.78 | 0.99 | 0.61 | 0.91 | 0.65 | 1.25 |
//! | f64 | 0.78 | 0.78 | 0.97 | 0.61 | 1.00 | 0.63 | 1.10 |
//!
//! M. H. Payne, R. N. Hanek, "Radian reduction for trigonometric functions", ACM SIGNUM Newsletter
//! 18, 1983. J.-M. Muller, *Elementary Functions*, 3rd ed. 2016, chapter 11 (the 2⁻⁶² bound).

use super::lane::{Lane, poly, two_prod, two_sum};

/// (r, lo, n + MAGIC): x = n·π/2 + r + lo, |r| ≤ π/4.
#[inline(always)]
fn reduce<F: Lane>(x: F) -> (F, F, F) {
    let t = x.mul_add(F::lit(std::f64::consts::FRAC_2_PI), F::MAGIC);
    let n = t - F::MAGIC;
    let (p1, p2, p3) = F::PI_2;
    let a = (-n).mul_add(p1, x);
    let (w, v) = two_prod(n, p2);
    let (r, e) = two_sum(a, -w);
    (r, (-n).mul_add(p3, e - v), t)
}

/// Sine and cosine of r + lo, |r| ≤ π/4.
#[inline(always)]
fn kernels<F: Lane>(r: F, lo: F) -> (F, F) {
    let z = r * r;
    let h = F::lit(0.5) * z;
    let s = r + (z * r).mul_add(poly(z, F::SIN), (-h).mul_add(lo, lo));
    let one = F::lit(1.0);
    let c = one - h;
    // 1 − h rounded, and what the rounding lost.
    let lost = (one - c) - h;
    (s, c + (z * z).mul_add(poly(z, F::COS), (-r).mul_add(lo, lost)))
}

#[inline(always)]
pub(super) fn sin_fast<F: Lane>(x: F) -> F {
    let (r, lo, t) = reduce(x);
    let (s, c) = kernels(r, lo);
    let (odd, minus) = F::low_bits(t);
    let y = if odd { c } else { s };
    let y = if minus { -y } else { y };
    if x.abs() < F::SMALL { x } else { y }
}

#[inline(always)]
pub(super) fn cos_fast<F: Lane>(x: F) -> F {
    let (r, lo, t) = reduce(x);
    let (s, c) = kernels(r, lo);
    let (odd, minus) = F::low_bits(t);
    let y = if odd { s } else { c };
    if odd != minus { -y } else { y }
}

/// (s + …)/(c + …) from sine and cosine with the error of the division taken out.
#[inline(always)]
pub(super) fn tan_fast<F: Lane>(x: F) -> F {
    let (r, lo, t) = reduce(x);
    let y = tan_kernel(r, lo, F::low_bits(t).0);
    if x.abs() < F::SMALL { x } else { y }
}

/// tan(r + lo), or −1/tan if `odd`.
#[inline(always)]
fn tan_kernel<F: Lane>(r: F, lo: F, odd: bool) -> F {
    let z = r * r;
    let h = F::lit(0.5) * z;
    let one = F::lit(1.0);
    // Sine and cosine as unevaluated sums.
    let s_lo = (z * r).mul_add(poly(z, F::SIN), (-h).mul_add(lo, lo));
    let c = one - h;
    let c_lo = (z * z).mul_add(poly(z, F::COS), (-r).mul_add(lo, (one - c) - h));
    let s = r + s_lo;
    let s_lo = (r - s) + s_lo;
    let d = c + c_lo;
    let c_lo = (c - d) + c_lo;
    let (a, a_lo) = if odd { (-d, -c_lo) } else { (s, s_lo) };
    let (b, b_lo) = if odd { (s, s_lo) } else { (d, c_lo) };
    let i = one / b;
    let q = a * i;
    (-q).mul_add(b_lo, (-q).mul_add(b, a) + a_lo).mul_add(i, q)
}

/// The bits of 2/π after the point.
const TWO_OVER_PI: [u64; 20] = [
    0xa2f9_836e_4e44_1529,
    0xfc27_57d1_f534_ddc0,
    0xdb62_9599_3c43_9041,
    0xfe51_63ab_debb_c561,
    0xb724_6e3a_424d_d2e0,
    0x0649_2eea_09d1_921c,
    0xfe1d_eb1c_b129_a73e,
    0xe882_35f5_2ebb_4484,
    0xe99c_7026_b45f_7e41,
    0x3991_d639_8353_39f4,
    0x9c84_5f8b_bdf9_283b,
    0x1ff8_97ff_de05_980f,
    0xef2f_118b_5a0a_6d1f,
    0x6d36_7ecf_27cb_09b7,
    0x4f46_3f66_9e5f_ea2d,
    0x7527_bac7_ebe5_f17b,
    0x3d07_39f7_8a52_92ea,
    0x6bfb_5fb1_1f8d_5d08,
    0x5603_3046_fc7b_6bab,
    0xf0cf_bc20_9af4_361d,
];

/// (r, lo, n mod 4) for finite |x| ≥ 2⁵³/2⁵² (Payne and Hanek): only those bits of 2/π are
/// multiplied that make a difference modulo 4.
fn reduce_large(x: f64) -> (f64, f64, u32) {
    let bits = x.to_bits();
    let m = (bits & ((1 << 52) - 1)) | (1 << 52);
    // |x| = m·2^e.
    let e = ((bits >> 52) & 0x7ff) as i32 - 1075;
    // The product is m·Σ bᵢ 2^(e−i): bits with i ≤ e − 2 give multiples of 4.
    let start = (e - 2).max(0) as usize;
    let word = |k: usize| -> u64 {
        let (i, s) = ((start + 64 * k) / 64, (start + 64 * k) % 64);
        let at = |i: usize| TWO_OVER_PI.get(i).copied().unwrap_or(0);
        if s == 0 { at(i) } else { at(i) << s | at(i + 1) >> (64 - s) }
    };
    let (w0, w1, w2) = (word(0), word(1), word(2));
    // m·(w0 w1 w2)·2^(e−start−192), as four words of which the highest has whole multiples of
    // 2^(e − start) only; e − start is 2 or, for small x, less.
    let m = u128::from(m);
    let p2 = m * u128::from(w2);
    let p1 = m * u128::from(w1) + (p2 >> 64);
    let p0 = m * u128::from(w0) + (p1 >> 64);
    let hi = p0;
    let lo = ((p1 as u64 as u128) << 64) | (p2 as u64 as u128);
    // The value is (hi·2^128 + lo)·2^(e−start−192): whole part in hi, above bit 64 − (e − start).
    let shift = (64 - (e - start as i32)) as u32;
    // Align: fraction of 2/π·|x| as 128 bits, quadrant in the bits above.
    let whole = (hi >> shift) as u32;
    let frac = (hi << (128 - shift)) | (lo >> shift);
    // Round to the nearest quadrant.
    let up = frac >> 127 != 0;
    let n = whole.wrapping_add(u32::from(up));
    let f = frac as i128;
    // f·2⁻¹²⁸ turns·¼ as a sum of two f64.
    let negative = f < 0;
    let a = f.unsigned_abs();
    let z = a.leading_zeros().min(127);
    let a = a << z;
    let scale = f64::from_bits(u64::from(1023 - z) << 52);
    let h = (a >> 75) as f64 * (f64::EPSILON / 2.0) * scale;
    let l = ((a >> 22) & ((1 << 53) - 1)) as f64 * (f64::EPSILON * f64::EPSILON / 4.0) * scale;
    let (p, q) = two_prod(h, f64::PI_2.0);
    let q = q + h.mul_add(f64::PI_2.1, l * f64::PI_2.0);
    let r = p + q;
    let lo = (p - r) + q;
    let (r, lo) = if negative { (-r, -lo) } else { (r, lo) };
    if x < 0.0 { (-r, -lo, n.wrapping_neg() & 3) } else { (r, lo, n & 3) }
}

#[cold]
#[inline(never)]
pub(super) fn sin_large(x: f64) -> f64 {
    if !x.is_finite() {
        return f64::NAN;
    }
    let (r, lo, n) = reduce_large(x);
    let (s, c) = kernels(r, lo);
    let y = if n & 1 != 0 { c } else { s };
    if n & 2 != 0 { -y } else { y }
}

#[cold]
#[inline(never)]
pub(super) fn cos_large(x: f64) -> f64 {
    if !x.is_finite() {
        return f64::NAN;
    }
    let (r, lo, n) = reduce_large(x);
    let (s, c) = kernels(r, lo);
    let y = if n & 1 != 0 { s } else { c };
    if (n + 1) & 2 != 0 { -y } else { y }
}

#[cold]
#[inline(never)]
pub(super) fn tan_large(x: f64) -> f64 {
    if !x.is_finite() {
        return f64::NAN;
    }
    let (r, lo, n) = reduce_large(x);
    tan_kernel(r, lo, n & 1 != 0)
}

/// (k, t, lo): the angle with tangent a/b, a, b ≥ 0, is k·π/4 + atan(t + lo), |t| ≤ tan π/8. The
/// larger of a and b must have an inverse.
#[inline(always)]
fn octant<F: Lane>(a: F, b: F) -> (F, F, F) {
    let zero = F::lit(0.0);
    let low = a <= F::lit(0.414_213_562_373_095_03) * b;
    let high = a > F::lit(2.414_213_562_373_095) * b;
    let outer = low || high;
    let (n, n_lo) = two_sum(a, -b);
    let (d, d_lo) = two_sum(a, b);
    let n = if high { -b } else { n };
    let n = if low { a } else { n };
    let d = if high { a } else { d };
    let d = if low { b } else { d };
    let n_lo = if outer { zero } else { n_lo };
    let d_lo = if outer { zero } else { d_lo };
    let k = if high { F::lit(2.0) } else { F::lit(1.0) };
    let k = if low { zero } else { k };
    let i = F::lit(1.0) / d;
    let t = n * i;
    let lo = ((-t).mul_add(d, n) + (-t).mul_add(d_lo, n_lo)) * i;
    // 0/0
    let flat = a == b;
    (k, if flat { zero } else { t }, if flat { zero } else { lo })
}

/// k·π/4 + atan(t + lo).
#[inline(always)]
fn turn<F: Lane>(k: F, t: F, lo: F) -> F {
    let half = F::lit(0.5);
    let z = t * t;
    let tail = (z * t).mul_add(poly(z, F::ATAN), (-z).mul_add(lo, lo));
    // t may be larger than what is added to it only when k = 0, where the sum is exact.
    let (s, e) = two_sum(k * half * F::PI_2.0, t);
    s + (e + k.mul_add(half * F::PI_2.1, tail))
}

#[inline(always)]
pub(super) fn atan<F: Lane>(x: F) -> F {
    let a = x.abs();
    // Beyond 2/ulp the angle is π/2 to rounding.
    let last = F::HUGE * F::HUGE;
    let (k, t, lo) = octant(if a > last { last } else { a }, F::lit(1.0));
    let y = turn(k, t, lo);
    (if a < F::SMALL { x } else { y }).copysign(x)
}

#[inline(always)]
pub(super) fn atan2<F: Lane>(y: F, x: F) -> F {
    let (a, b) = (y.abs(), x.abs());
    let one = F::lit(1.0);
    // Infinite arguments point along an axis or a diagonal.
    let (p, q) = (a == F::INF, b == F::INF);
    let a = if p {
        one
    } else if q {
        F::lit(0.0)
    } else {
        a
    };
    let b = if q {
        one
    } else if p {
        F::lit(0.0)
    } else {
        b
    };
    let top = if a > b { a } else { b };
    let s = if top > F::FAR.1 { F::FAR.0 } else { one };
    let s = if top < F::FAR.0 * F::FAR.0 { F::FAR.1 } else { s };
    let (k, t, lo) = octant(a * s, b * s);
    let left = x.is_negative();
    let k = if left { F::lit(4.0) - k } else { k };
    let t = if left { -t } else { t };
    let lo = if left { -lo } else { lo };
    let v = turn(k, t, lo);
    let v = if y.is_nan() { y } else { v };
    let v = if x.is_nan() { x } else { v };
    v.copysign(y)
}

/// asin x = x + this on [0, ½], given z = x² and the error of x.
#[inline(always)]
fn asin_tail<F: Lane>(x: F, z: F, lo: F) -> F {
    (z * x).mul_add(poly(z, F::ASIN), lo)
}

/// (x or √((1 − |x|)/2) with its square and error, whether it is the root).
#[inline(always)]
fn asin_reduce<F: Lane>(a: F) -> (F, F, F, bool) {
    let half = F::lit(0.5);
    let outer = a > half;
    let z = (-a).mul_add(half, half);
    let s = z.sqrt();
    let e = (-s).mul_add(s, z) / (s + s);
    let e = if z > F::lit(0.0) { e } else { F::lit(0.0) };
    if outer { (s, z, e, true) } else { (a, a * a, F::lit(0.0), false) }
}

#[inline(always)]
pub(super) fn asin<F: Lane>(x: F) -> F {
    let (s, z, e, outer) = asin_reduce(x.abs());
    let tail = asin_tail(s, z, e);
    let two = F::lit(2.0);
    // ½π − 2(s + tail)
    let (h, l) = two_sum(F::PI_2.0, -two * s);
    let far = h + ((-two).mul_add(tail, F::PI_2.1) + l);
    let y = if outer { far } else { s + tail };
    let y = if x.abs() > F::lit(1.0) { F::NAN } else { y };
    if x.abs() < F::SMALL { x } else { y.copysign(x) }
}

#[inline(always)]
pub(super) fn acos<F: Lane>(x: F) -> F {
    let (s, z, e, outer) = asin_reduce(x.abs());
    let r = (s + asin_tail(s, z, e)).copysign(x);
    let left = x.is_negative();
    // ½π − r, 2r, or π − 2|r| = π + 2r.
    let base = if left { F::lit(2.0) } else { F::lit(0.0) };
    let base = if outer { base } else { F::lit(1.0) };
    let r = if outer { r + r } else { -r };
    let y = base.mul_add(F::PI_2.0, base.mul_add(F::PI_2.1, r));
    if x.abs() > F::lit(1.0) { F::NAN } else { y }
}
