//! Hyperbolic functions and their inverses.
//!
//! With |x| = n·ln 2 + r as for the exponential and the polynomials of sinh r and cosh r,
//!
//! sinh |x| = cosh r·(2ⁿ − 2⁻ⁿ)/2 + sinh r·(2ⁿ + 2⁻ⁿ)/2,
//!
//! and likewise cosh. Nothing cancels: for n = 0 the first term is 0. Everything is kept at half
//! its size until the last doubling, so that only results that are too large overflow.
//!
//! tanh is an odd polynomial up to 0.5625 and from there 1 − 2/(e^2|x| + 1), where the errors of
//! exponential and division are below half a unit of the result.
//!
//! The inverses are log1p of an unevaluated sum of two numbers: asinh x of x + x²/(1 + √(1 + x²)),
//! acosh of t + √(t² + 2t) with t = x − 1, both ln x + ln 2 far out; atanh is half of that of
//! 2x/(1 − x), the quotient with its remainder.
//!
//! The largest errors found, in ULP (see [`math`](super) for how):
//!
//! | | sinh | cosh | tanh | asinh | acosh | atanh |
//! |---|---|---|---|---|---|---|
//! | f32 | 1.69 | 1.34 | 1.41 | 1.25 | 1.58 | 0.99 |
//! | f64 | 1.76 | 1.32 | 1.41 | 1.23 | 1.69 | 0.89 |
//!
//! W. Kahan, "Branch cuts for complex elementary functions", 1987 (the forms of the inverses).

use super::exp::{exp_middle, reduce_two};
use super::lane::{Lane, clamp, fast_two_sum, poly};
use super::log::ln_1p;

/// (sinh r, cosh r − 1, ¼2ⁿ, ¼2⁻ⁿ) with |x| = n·ln 2 + r.
#[inline(always)]
fn parts<F: Lane>(x: F) -> (F, F, F, F) {
    let a = clamp(x.abs(), F::lit(0.0), F::EXP_RANGE.1 + F::lit(0.5));
    let (r, lo, t) = reduce_two(a);
    let z = r * r;
    let s = r + (z * r).mul_add(poly(z, F::SINH), lo);
    let c = z.mul_add(F::lit(0.5), z * z * poly(z, F::COSH));
    let two = F::lit(2.0);
    let n = t - F::MAGIC;
    let n = if n > F::lit(60.0) { F::lit(60.0) } else { n };
    (s, c, F::pow2(t - two), F::pow2(F::MAGIC - n - two))
}

#[inline(always)]
pub(super) fn sinh<F: Lane>(x: F) -> F {
    let (s, c, a, b) = parts(x);
    let (d, lo) = fast_two_sum(a, -b);
    let y = d + c.mul_add(d, s.mul_add(a + b, lo));
    let y = y + y;
    (if x.abs() < F::SMALL { x } else { y }).copysign(x)
}

#[inline(always)]
pub(super) fn cosh<F: Lane>(x: F) -> F {
    let (s, c, a, b) = parts(x);
    let (m, lo) = fast_two_sum(a, b);
    let y = m + c.mul_add(m, s.mul_add(a - b, lo));
    y + y
}

#[inline(always)]
pub(super) fn tanh<F: Lane>(x: F) -> F {
    let a = x.abs();
    let z = x * x;
    let small = (z * x).mul_add(poly(z, F::TANH), x);
    let one = F::lit(1.0);
    let c = if a > F::lit(20.0) { F::lit(20.0) } else { a };
    let e = exp_middle(c + c);
    let large = one - F::lit(2.0) / (one + e);
    if a < F::lit(0.5625) { small } else { large }.copysign(x)
}

#[inline(always)]
pub(super) fn asinh<F: Lane>(x: F) -> F {
    let a = x.abs();
    let one = F::lit(1.0);
    let big = a > F::HUGE;
    // ln(a + √(a² + 1)) = log1p(a + a²/(1 + √(a² + 1))), or ln 2a = ln a + ln 2.
    let v = a.mul_add(a, one);
    let s = v.sqrt();
    let u = a * a / (one + s);
    let (hi, lo) = fast_two_sum(a, u);
    let half = a.mul_add(F::lit(0.5), -one);
    let hi = if big { half } else { hi };
    let lo = if big { F::lit(0.0) } else { lo };
    let y = ln_1p(hi, lo);
    let two = F::lit(2.0);
    let y = if big { two.mul_add(F::LN_2.0, y) + two * F::LN_2.1 } else { y };
    let y = if a < F::INF { y } else { a };
    if a < F::SMALL { x } else { y }.copysign(x)
}

#[inline(always)]
pub(super) fn acosh<F: Lane>(x: F) -> F {
    let one = F::lit(1.0);
    let big = x > F::HUGE;
    // ln(x + √(x² − 1)) = log1p(t + √(t² + 2t)), t = x − 1.
    let t = x - one;
    let v = t.mul_add(t, t + t);
    let s = v.sqrt();
    let (hi, lo) = fast_two_sum(s, t);
    // t may exceed the root's last place only where both are large.
    let hi = if big { x.mul_add(F::lit(0.5), -one) } else { hi };
    let lo = if big { F::lit(0.0) } else { lo };
    let y = ln_1p(hi, lo);
    let two = F::lit(2.0);
    let y = if big { two.mul_add(F::LN_2.0, y) + two * F::LN_2.1 } else { y };
    let y = if x < F::INF { y } else { x };
    let y = if x == one { F::lit(0.0) } else { y };
    if x < one { F::NAN } else { y }
}

#[inline(always)]
pub(super) fn atanh<F: Lane>(x: F) -> F {
    let a = x.abs();
    let one = F::lit(1.0);
    // ½ ln((1 + a)/(1 − a)) = ½ log1p(2a/(1 − a)), the quotient in two parts.
    let d = one - a;
    let d_lo = (one - d) - a;
    let n = a + a;
    let i = one / d;
    let q = n * i;
    let lo = (-q).mul_add(d_lo, (-q).mul_add(d, n)) * i;
    let y = F::lit(0.5) * ln_1p(q, lo);
    let y = if a == one { F::INF } else { y };
    let y = if a > one { F::NAN } else { y };
    if a < F::SMALL { x } else { y.copysign(x) }
}
