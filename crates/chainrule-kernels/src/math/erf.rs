//! The error function and its complement.
//!
//! Near 0, erf x = x + x·P(x²); the term x is apart, which makes the last rounding the only large
//! one, and 1 − erf x = (1 − x) − x·P(x²) as good.
//!
//! The tail is erfc a = e^(−a²)·erfcx a. The scaled function erfcx falls off like 1/(a√π), so (1 +
//! 2a)·erfcx a stays between 1 and 1.3 on the whole half-line; in t = (a − K)/(a + K), which maps
//! that to a finite interval, one polynomial serves for all of it (Shepherd and Laframboise 1981).
//! a² is squared exactly, in two parts, because a unit in the last place of 700 would be a
//! thousand units of its exponential. Left of 0, erfc x = 2 − erfc(−x).
//!
//! erf is 1 − erfc in double precision; in single precision −ln erfc a is itself a short polynomial
//! on [0.85, 4], where the last bit of 1 − e^(−…) needs few bits of the exponential.
//!
//! The largest errors found, in ULP (see [`math`](super) for how):
//!
//! | | erf | erfc |
//! |---|---|---|
//! | f32 | 1.14 | 1.44 |
//! | f64 | 1.00 | 1.30 |
//!
//! M. M. Shepherd, J. G. Laframboise, "Chebyshev approximation of (1 + 2x)exp(x²)erfc x in
//! 0 ≤ x < ∞", Mathematics of Computation 36, 1981.

use super::exp::exp_times;
use super::lane::{Lane, fast_two_sum, poly, two_prod, two_sum};

/// erfc a for a ≥ 0.65, relative to its own size.
#[inline(always)]
pub(super) fn erfc_tail<F: Lane>(a: F) -> F {
    let one = F::lit(1.0);
    let (k, last) = F::ERFCX_K;
    let a = if a > last { last } else { a };
    let t = (a - k) / (a + k);
    let (p, p_lo) = fast_two_sum(one, poly(t, F::ERFCX));
    // p/(1 + 2a), and what the rounded quotient lacks.
    let (d, d_lo) = two_sum(a + a, one);
    let i = one / d;
    let q = p * i;
    let q_lo = ((-q).mul_add(d, p) + (-q).mul_add(d_lo, p_lo)) * i;
    let (s, e) = two_prod(a, a);
    exp_times(-s, -e, q, q_lo)
}

#[inline(always)]
pub(super) fn erf<F: Lane>(x: F) -> F {
    let near = x.mul_add(poly(x * x, F::ERF), x);
    let far = F::erf_tail(x.abs());
    (if x.abs() < F::lit(0.85) { near } else { far }).copysign(x)
}

#[inline(always)]
pub(super) fn erfc<F: Lane>(x: F) -> F {
    let (d, d_lo) = two_sum(F::lit(1.0), -x);
    let near = d + (-x).mul_add(poly(x * x, F::ERF), d_lo);
    let far = erfc_tail(x.abs());
    let far = if x < F::lit(0.0) { F::lit(2.0) - far } else { far };
    if x.abs() < F::lit(0.65) { near } else { far }
}
