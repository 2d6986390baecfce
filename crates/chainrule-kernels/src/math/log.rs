//! Logarithms: ln, log₂, log₁₀, log1p.
//!
//! x = 2ᵉ·m with m in [√½, √2), so that ln x = e·ln 2 + ln(1 + f), f = m − 1 exactly, without
//! cancellation: for e = −1 the two terms have opposite signs, but |ln(1 + f)| ≤ ½ ln 2. The kernel
//! ([`Lane::ln_1p_core`]) gives ln(1 + f) = f + (−f²/2 + …), the leading term apart. In single
//! precision the bracket is a polynomial; in double precision, where that would be long, it is
//! s·(f²/2 + R(s²)) − f²/2 with s = f/(2 + f), from the series of 2 atanh s.
//!
//! log₂ and log₁₀ multiply both parts by the constant, itself in two parts, and lose nothing but
//! the last rounding. log1p divides 1 + x by its power of two before adding it up: (1 + x)/2ᵉ − 1
//! = 2⁻ᵉx + (2⁻ᵉ − 1) is a sum of two exact terms, taken with its rounding error.
//!
//! The largest errors found, in ULP (see [`math`](super) for how):
//!
//! | | ln | log₂ | log₁₀ | log1p |
//! |---|---|---|---|---|
//! | f32 | 0.81 | 0.90 | 0.85 | 0.82 |
//! | f64 | 0.84 | 0.93 | 0.86 | 0.87 |
//!
//! P.-T. P. Tang, "Table-driven implementation of the logarithm function", ACM TOMS 16, 1990.

use super::lane::{Lane, fast_two_sum, two_sum};

/// (e, hi, lo) with ln x = e·ln 2 + hi + lo for positive finite x.
#[inline(always)]
fn parts<F: Lane>(x: F) -> (F, F, F) {
    let (m, e) = x.frexp();
    let (hi, lo) = F::ln_1p_core(m - F::lit(1.0));
    (e, hi, lo)
}

/// The values that the formulas miss: `y` is what they give for x.
#[inline(always)]
fn edges<F: Lane>(x: F, y: F) -> F {
    let zero = F::lit(0.0);
    let y = if x < F::INF { y } else { x };
    let y = if x < zero { F::NAN } else { y };
    if x == zero { -F::INF } else { y }
}

#[inline(always)]
pub(super) fn ln<F: Lane>(x: F) -> F {
    let (e, hi, lo) = parts(x);
    edges(x, e.mul_add(F::LN_2.0, hi + e.mul_add(F::LN_2.1, lo)))
}

/// (e + (hi + lo)·c)·d, both constants in two parts.
#[inline(always)]
fn scaled<F: Lane>(x: F, c: (F, F), d: (F, F)) -> F {
    let (e, hi, lo) = parts(x);
    let (hi, lo) = fast_two_sum(hi, lo);
    let p = hi * c.0;
    let q = hi.mul_add(c.0, -p) + hi.mul_add(c.1, lo * c.0);
    edges(x, e.mul_add(d.0, p + e.mul_add(d.1, q)))
}

#[inline(always)]
pub(super) fn log2<F: Lane>(x: F) -> F {
    scaled(x, F::LOG2_E, (F::lit(1.0), F::lit(0.0)))
}

#[inline(always)]
pub(super) fn log10<F: Lane>(x: F) -> F {
    scaled(x, F::LOG10_E, F::LOG10_2)
}

/// ln(1 + x + lo) for x + lo > −1, lo small beside x, x below half of the largest number.
#[inline(always)]
pub(super) fn ln_1p<F: Lane>(x: F, lo: F) -> F {
    let one = F::lit(1.0);
    let u = one + x;
    let (m, e) = u.frexp();
    // f = (1 + x)/2ᵉ − 1 with one rounding, since 2⁻ᵉ − 1 is exact; beyond the point where 1 is
    // below the last bit of x, m − 1 is as good.
    let big = u > F::HUGE * F::HUGE;
    let s = F::pow2(if big { F::MAGIC } else { F::MAGIC - e });
    let (f, g) = two_sum(x * s, s - one);
    let g = lo.mul_add(s, g);
    let (f, g) = if big { (m - one, F::lit(0.0)) } else { (f, g) };
    let (hi, c) = F::ln_1p_core(f);
    // ln(1 + f + g) = ln(1 + f) + g(1 − f + …).
    let c = c + (-f).mul_add(g, g);
    e.mul_add(F::LN_2.0, hi + e.mul_add(F::LN_2.1, c))
}

#[inline(always)]
pub(super) fn log1p<F: Lane>(x: F) -> F {
    let one = F::lit(1.0);
    let y = ln_1p(x, F::lit(0.0));
    let y = if x.abs() < F::SMALL { (x * x).mul_add(F::lit(-0.5), x) } else { y };
    let y = if x < F::INF { y } else { x };
    let y = if x < -one { F::NAN } else { y };
    let y = if x == -one { -F::INF } else { y };
    if x == F::lit(0.0) { x } else { y }
}
