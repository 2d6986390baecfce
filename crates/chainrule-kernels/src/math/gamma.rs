//! ln |Γ|, digamma and polygamma, scalar and in f64; single precision rounds their results.
//!
//! ln Γ has three formulas for positive arguments: the Taylor series about 2, whose coefficients
//! are (−1)ᵏ(ζ(k) − 1)/k, on [0.5, 2.5], through Γ(1 + x) = xΓ(x) below 1.5; the same after
//! stepping down by the recurrence up to 10; Stirling's series from there. ψ steps up to 10 and
//! takes its asymptotic series. Both reflect at ½.
//!
//! The derivatives of ψ are Hurwitz zeta functions, ψₙ(x) = (−1)ⁿ⁺¹ n! ζ(n + 1, x) with ζ(s, x) =
//! Σ (x + k)⁻ˢ, summed directly up to 10 + n/2 and by Euler and Maclaurin from there. Left of 0
//! the sum splits by the sign of x + k into two such functions less a third.
//!
//! **Poles**, as SciPy has them: lgamma is +∞ at 0, −1, −2, …; digamma is −∞ at +0, +∞ at −0 and
//! NaN at the negative integers; ψₙ for n ≥ 1 is +∞ (n odd) or −∞ (n even) at all of these. n must
//! be a non-negative integer, else the result is NaN.
//!
//! Relative errors against 45-digit references, on ±10⁻¹² … 10¹²: 5·10⁻¹⁶ for lgamma and 1.2·10⁻¹⁵
//! for digamma, absolute where the value is below 1; 1.4·10⁻¹⁵ for ψₙ, n ≤ 20, right of 0, and
//! 10⁻¹⁴ left of it, but for the neighbourhoods of the zeros of even n there, where that error is
//! absolute, relative to the two sums whose difference is 0. Beyond n = 150 the factor n! goes
//! through logarithms and the relative error grows to about n·10⁻¹⁵.
//!
//! M. Abramowitz, I. A. Stegun, *Handbook of Mathematical Functions*, 1964, sections 6.1, 6.3, 6.4
//! and 23.1; NIST DLMF sections 5.7, 5.11, 5.15 and 25.11.

use std::f64::consts::PI;

/// (−1)ᵏ(ζ(k) − 1)/k, k = 2, 3, …: lnΓ(2 + z) = (1 − γ)z + Σ cₖzᵏ.
const LGAMMA_TWO: [f64; 30] = [
    0.3224670334241132,
    -0.0673523010531981,
    0.020580808427784546,
    -0.007385551028673986,
    0.0028905103307415234,
    -0.001192753911703261,
    0.0005096695247430425,
    -0.00022315475845357939,
    9.945751278180853e-5,
    -4.492623673813314e-5,
    2.050721277567069e-5,
    -9.439488275268397e-6,
    4.374866789907488e-6,
    -2.039215753801366e-6,
    9.55141213040742e-7,
    -4.492469198764566e-7,
    2.1207184805554665e-7,
    -1.0043224823968099e-7,
    4.7698101693639804e-8,
    -2.2711094608943164e-8,
    1.0838659214896955e-8,
    -5.183475041970047e-9,
    2.4836745438024785e-9,
    -1.1921401405860912e-9,
    5.731367241678862e-10,
    -2.7595228851242334e-10,
    1.330476437424449e-10,
    -6.4229645638381e-11,
    3.1044247747322276e-11,
    -1.5021384080754142e-11,
];
const ONE_MINUS_EULER: f64 = 0.42278433509846713;

/// B₂ₖ/(2k(2k − 1)).
const STIRLING: [f64; 8] = [
    0.08333333333333333,
    -0.002777777777777778,
    0.0007936507936507937,
    -0.0005952380952380953,
    0.0008417508417508417,
    -0.0019175269175269176,
    0.00641025641025641,
    -0.029550653594771242,
];
const HALF_LN_TAU: f64 = 0.9189385332046728;

/// B₂ₖ/2k.
const DIGAMMA: [f64; 8] = [
    0.08333333333333333,
    -0.008333333333333333,
    0.003968253968253968,
    -0.004166666666666667,
    0.007575757575757576,
    -0.021092796092796094,
    0.08333333333333333,
    -0.4432598039215686,
];

/// B₂ₖ/(2k)!.
const EULER_MACLAURIN: [f64; 12] = [
    0.08333333333333333,
    -0.001388888888888889,
    3.306878306878307e-5,
    -8.267195767195768e-7,
    2.08767569878681e-8,
    -5.284190138687493e-10,
    1.3382536530684679e-11,
    -3.3896802963225827e-13,
    8.586062056277845e-15,
    -2.174868698558062e-16,
    5.5090028283602295e-18,
    -1.3954464685812522e-19,
];

fn horner(x: f64, c: &[f64]) -> f64 {
    c.iter().rev().fold(0.0, |p, &c| p * x + c)
}

/// lnΓ(2 + z), |z| ≤ ½.
fn lgamma_two(z: f64) -> f64 {
    z * (z * horner(z, &LGAMMA_TWO) + ONE_MINUS_EULER)
}

/// lnΓ of a positive number.
fn lgamma_positive(x: f64) -> f64 {
    if x < 0.5 {
        return lgamma_one(x) - x.ln();
    }
    if x < 1.5 {
        return lgamma_one(x - 1.0);
    }
    if x <= 2.5 {
        return lgamma_two(x - 2.0);
    }
    if x < 10.0 {
        let (mut y, mut p) = (x, 1.0);
        while y > 2.5 {
            y -= 1.0;
            p *= y;
        }
        return lgamma_two(y - 2.0) + p.ln();
    }
    if x > 1e17 {
        return x * (x.ln() - 1.0);
    }
    let w = 1.0 / x;
    ((x - 0.5) * x.ln() - x) + (HALF_LN_TAU + w * horner(w * w, &STIRLING))
}

/// lnΓ(1 + z), |z| ≤ ½.
fn lgamma_one(z: f64) -> f64 {
    lgamma_two(z) - z.ln_1p()
}

/// sin πx and cos πx.
fn sin_cos_pi(x: f64) -> (f64, f64) {
    let n = (2.0 * x).round_ties_even();
    let r = PI * (x - 0.5 * n);
    let (s, c) = r.sin_cos();
    match n.rem_euclid(4.0) as u32 {
        0 => (s, c),
        1 => (c, -s),
        2 => (-s, -c),
        _ => (-c, s),
    }
}

pub(super) fn lgamma(x: f64) -> f64 {
    if x > 0.0 || x.is_nan() {
        return lgamma_positive(x);
    }
    if x == x.floor() {
        return f64::INFINITY;
    }
    if x > -0.5 {
        // Γ(x) = Γ(1 + x)/x.
        return lgamma_one(x) - (-x).ln();
    }
    // Γ(x)·Γ(1 − x) = π/sin πx.
    (PI / sin_cos_pi(x).0.abs()).ln() - lgamma_positive(1.0 - x)
}

pub(super) fn digamma(x: f64) -> f64 {
    if x == 0.0 {
        return f64::INFINITY.copysign(-x);
    }
    if x < 0.0 {
        if x == x.floor() {
            return f64::NAN;
        }
        // ψ(1 − x) − ψ(x) = π cot πx.
        let (s, c) = sin_cos_pi(x);
        return digamma(1.0 - x) - PI * c / s;
    }
    let (mut y, mut sum) = (x, 0.0);
    while y < 10.0 {
        sum += 1.0 / y;
        y += 1.0;
    }
    if y == f64::INFINITY {
        return y;
    }
    let w = 1.0 / (y * y);
    (y.ln() - 0.5 / y - w * horner(w, &DIGAMMA)) - sum
}

/// n!·ζ(n + 1, x) for x > 0, 1 ≤ n.
fn hurwitz(n: f64, x: f64) -> f64 {
    // n!/y^(n+1), as a product that does not overflow before the value does.
    let term = |y: f64| -> f64 {
        if n > 150.0 {
            return (lgamma_positive(n + 1.0) - (n + 1.0) * y.ln()).exp();
        }
        let mut t = 1.0 / y;
        let mut j = 1.0;
        while j <= n {
            t *= j / y;
            j += 1.0;
        }
        t
    };
    let (mut y, mut sum) = (x, 0.0);
    let far = 10.0 + 0.5 * n;
    while y < far {
        let t = term(y);
        sum += t;
        y += 1.0;
        if t <= sum * 1e-18 {
            return sum;
        }
    }
    // Euler–Maclaurin: Σ_{k≥0} f(y + k) = ∫f + ½f(y) + Σ B₂ₖ/(2k)!·(s)₂ₖ₋₁ f(y)/y^(2k−1), s = n +
    // 1.
    let t = term(y);
    let s = n + 1.0;
    let mut tail = 0.5 + y / n;
    let mut rising = s / y;
    for (k, b) in EULER_MACLAURIN.iter().enumerate() {
        tail += b * rising;
        let k = 2.0 * k as f64;
        rising *= (s + k + 1.0) / y * ((s + k + 2.0) / y);
    }
    sum + t * tail
}

pub(super) fn polygamma(n: f64, x: f64) -> f64 {
    if !n.is_finite() || n < 0.0 || n != n.floor() || x.is_nan() {
        return f64::NAN;
    }
    if n == 0.0 {
        return digamma(x);
    }
    let odd = n % 2.0 != 0.0;
    let sign = if odd { 1.0 } else { -1.0 };
    if x > 0.0 {
        return if x == f64::INFINITY { 0.0 * sign } else { sign * hurwitz(n, x) };
    }
    if x == x.floor() {
        return if x == f64::NEG_INFINITY { f64::NAN } else { sign * f64::INFINITY };
    }
    // The defining sum n!·Σ (−1)ⁿ⁺¹/(x + k)ⁿ⁺¹ over all k ≥ 0, as those over the positive and over
    // the negative x + k; the latter end at x itself.
    let (right, left) = (x - x.floor(), x.ceil() - x);
    sign * hurwitz(n, right) + (hurwitz(n, left) - hurwitz(n, 1.0 - x))
}
