//! The distributions behind errors and intervals: normal, Student's t, Fisher's F and χ².
//!
//! A statistic is judged by its *tail*: how often chance alone would give one at least as large.
//! Tails are computed as tails, not as 1 − P, so that p-values of 10⁻³⁰⁰ keep all their digits.
//!
//! ```text
//! P(|Z| > z) = erfc(z/√2)                    P(|T| > t) = I_x(ν/2, ½)      x = ν/(ν + t²)
//! P(F > f) = I_x(d₂/2, d₁/2)                 x = d₂/(d₂ + d₁ f)
//! P(χ² > c) = Q(k/2, c/2)
//! ```
//!
//! I_x(a, b) is the regularised incomplete beta function, Q the upper regularised incomplete gamma
//! function; both are continued fractions where those converge fast, and their reflection or a
//! series elsewhere. Quantiles are found by halving the interval that holds them.
//!
//! ```
//! use chainrule_fit::inference::distribution::{normal_quantile, t_quantile};
//! assert!((normal_quantile(0.975) - 1.959963984540054).abs() < 1e-12);
//! assert!((t_quantile(0.975, 10.0) - 2.228138851986274).abs() < 1e-12);
//! ```
//!
//! Abramowitz and Stegun, *Handbook of Mathematical Functions*, §6.5 and §26.5; W. J. Lentz (1976),
//! *Generating Bessel functions in Mie scattering calculations*, for evaluating the fractions.

use std::f64::consts::SQRT_2;

/// P(Z ≤ z) for a standard normal Z.
pub fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z / SQRT_2)
}

/// P(|Z| > |z|) for a standard normal Z.
pub fn normal_tail(z: f64) -> f64 {
    libm::erfc(z.abs() / SQRT_2)
}

/// The z with P(Z ≤ z) = p; infinite at 0 and 1, NaN outside.
pub fn normal_quantile(p: f64) -> f64 {
    quantile(p, normal_tail)
}

/// P(T ≤ t) for Student's T with ν = `dof` degrees of freedom, infinitely many included.
pub fn t_cdf(t: f64, dof: f64) -> f64 {
    let half = 0.5 * t_tail(t, dof);
    if t < 0.0 { half } else { 1.0 - half }
}

/// P(|T| > |t|) for Student's T with ν = `dof` degrees of freedom; NaN unless ν > 0.
pub fn t_tail(t: f64, dof: f64) -> f64 {
    if dof == f64::INFINITY {
        return normal_tail(t);
    }
    if dof.is_nan() || dof <= 0.0 || t.is_nan() {
        return f64::NAN;
    }
    let ratio = t / dof.sqrt() * (t / dof.sqrt());
    if ratio == f64::INFINITY {
        return if t.is_infinite() { 0.0 } else { beta(0.5 * dof, 0.5, 0.0, 1.0) };
    }
    beta(0.5 * dof, 0.5, 1.0 / (1.0 + ratio), ratio / (1.0 + ratio))
}

/// The t with P(T ≤ t) = p; infinite at 0 and 1, NaN outside.
pub fn t_quantile(p: f64, dof: f64) -> f64 {
    quantile(p, |t| t_tail(t, dof))
}

/// P(F > f) for Fisher's F with d₁ and d₂ degrees of freedom.
pub fn f_tail(f: f64, d1: f64, d2: f64) -> f64 {
    let ratio = d1 * f / d2;
    match ratio {
        _ if ratio.is_nan() => f64::NAN,
        _ if ratio <= 0.0 => 1.0,
        f64::INFINITY => 0.0,
        _ => beta(0.5 * d2, 0.5 * d1, 1.0 / (1.0 + ratio), ratio / (1.0 + ratio)),
    }
}

/// P(χ² > c) with k = `dof` degrees of freedom.
pub fn chi2_tail(c: f64, dof: f64) -> f64 {
    let (a, x) = (0.5 * dof, 0.5 * c);
    if a.is_nan() || a <= 0.0 || x.is_nan() {
        return f64::NAN;
    }
    if x <= 0.0 {
        return 1.0;
    }
    if x == f64::INFINITY {
        return 0.0;
    }
    let front = (a * x.ln() - x - libm::lgamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum) = (1.0 / a, 1.0 / a);
        for n in 1..100_000 {
            term *= x / (a + f64::from(n));
            sum += term;
            if term < sum * 1e-17 {
                break;
            }
        }
        return 1.0 - front * sum;
    }
    // Q = front · 1/(x+1−a − 1·(1−a)/(x+3−a − 2·(2−a)/(x+5−a − …)))
    let step = |n: u32| {
        let n = f64::from(n);
        (if n == 0.0 { 1.0 } else { -n * (n - a) }, x + 2.0 * n + 1.0 - a)
    };
    front * fraction(0.0, step)
}

/// The point whose distribution, symmetric about 0 with the given two-sided tail, has P(T ≤ t) = p.
fn quantile(p: f64, tail: impl Fn(f64) -> f64) -> f64 {
    if !(0.0..=1.0).contains(&p) || tail(0.0).is_nan() {
        return f64::NAN;
    }
    let (sign, wanted) = if p < 0.5 { (-1.0, 2.0 * p) } else { (1.0, 2.0 * (1.0 - p)) };
    if wanted == 0.0 {
        return sign * f64::INFINITY;
    }
    let (mut low, mut high) = (0.0, 1.0);
    while tail(high) > wanted && high < f64::MAX / 4.0 {
        (low, high) = (high, 2.0 * high);
    }
    for _ in 0..1100 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if tail(middle) > wanted { low = middle } else { high = middle }
    }
    sign * 0.5 * (low + high)
}

/// The regularised incomplete beta function I_x(a, b), with y = 1 − x.
fn beta(a: f64, b: f64, x: f64, y: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if y <= 0.0 {
        return 1.0;
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - beta_fraction(b, a, y, x);
    }
    beta_fraction(a, b, x, y)
}

fn beta_fraction(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let ln = |x: f64, y: f64| if x > 0.5 { (-y).ln_1p() } else { x.ln() };
    let front = (a * ln(x, y) + b * ln(y, x) - ln_beta(a, b)).exp() / a;
    let step = |n: u32| {
        if n == 0 {
            return (1.0, 1.0);
        }
        let m = f64::from(n / 2);
        let top = if n.is_multiple_of(2) {
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        } else {
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        };
        (top, 1.0)
    };
    (front * fraction(0.0, step)).clamp(0.0, 1.0)
}

/// b + a₀/(b₀ + a₁/(b₁ + …)) with (aₙ, bₙ) = `step(n)`, by Lentz's method.
fn fraction(b: f64, step: impl Fn(u32) -> (f64, f64)) -> f64 {
    const TINY: f64 = 1e-300;
    let nonzero = |x: f64| if x == 0.0 { TINY } else { x };
    let mut value = nonzero(b);
    let (mut c, mut d) = (value, 0.0);
    for n in 0..100_000 {
        let (a, b) = step(n);
        d = 1.0 / nonzero(b + a * d);
        c = nonzero(b + a / c);
        value *= c * d;
        if (c * d - 1.0).abs() < 1e-16 {
            break;
        }
    }
    value
}

/// ln B(a, b) = ln Γ(a) + ln Γ(b) − ln Γ(a + b), without their cancellation where one is large.
fn ln_beta(a: f64, b: f64) -> f64 {
    let (small, large) = if a < b { (a, b) } else { (b, a) };
    if large < 10.0 {
        return libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b);
    }
    let ratio = stirling(large)
        - stirling(small + large)
        - (large - 0.5) * (small / large).ln_1p()
        - small * ((small + large).ln() - 1.0);
    libm::lgamma(small) + ratio
}

/// ln Γ(x) − ((x − ½) ln x − x + ½ ln 2π) for x ≥ 10, by Stirling's series.
fn stirling(x: f64) -> f64 {
    let z = 1.0 / (x * x);
    let terms = [1.0 / 12.0, -1.0 / 360.0, 1.0 / 1260.0, -1.0 / 1680.0, 1.0 / 1188.0];
    terms.iter().rev().fold(0.0, |sum, term| sum * z + term) / x
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values to 15 digits and more from mpmath 1.3, by its incomplete beta and gamma functions.
    #[test]
    fn tails() {
        let near = |got: f64, wanted: f64| {
            assert!(((got - wanted) / wanted).abs() < 4e-13, "{got} for {wanted}");
        };
        near(t_tail(0.5, 1.0), 0.7048327646991335);
        near(t_tail(2.0, 3.0), 0.1393259685588432);
        near(t_tail(12.706, 1.0), 0.05000080235813319);
        near(t_tail(3.5, 12.0), 0.0043818694317481486);
        near(t_tail(40.0, 5.0), 1.8411962171772954e-07);
        near(t_tail(30.0, 200.0), 5.724161208827852e-76);
        near(t_tail(0.001, 9.0), 0.9992239303259732);
        near(f_tail(3.0, 2.0, 10.0), 0.095367431640625);
        near(f_tail(0.2, 5.0, 3.0), 0.9423311143775627);
        near(f_tail(250.0, 4.0, 30.0), 1.4333648423519547e-22);
        near(chi2_tail(3.84, 1.0), 0.050043521248705106);
        near(chi2_tail(10.0, 10.0), 0.4404932850652124);
        near(chi2_tail(200.0, 20.0), 1.1253473960842733e-31);
        near(chi2_tail(0.5, 7.0), 0.9994464813904249);
        near(normal_tail(10.0), 1.523970604832105e-23);
        // The fraction loses as many digits as there are in the degrees of freedom.
        let many = t_tail(1.96, 1e6) / 0.04999606758526979;
        assert!((many - 1.0).abs() < 1e-10, "{many}");
    }

    #[test]
    fn quantiles_invert() {
        for dof in [0.5, 1.0, 2.0, 7.5, 100.0, 1e6, f64::INFINITY] {
            for p in [1e-12, 0.01, 0.4, 0.5, 0.8, 0.975, 0.9999] {
                let t = t_quantile(p, dof);
                assert!((t_cdf(t, dof) / p - 1.0).abs() < 1e-11, "{p} {dof}: {t}");
            }
        }
        assert_eq!(t_quantile(1.0, 3.0), f64::INFINITY);
        assert!(t_quantile(1.5, 3.0).is_nan() && t_quantile(0.5, -1.0).is_nan());
    }
}
