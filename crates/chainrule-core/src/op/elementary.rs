//! Elementary functions: powers, exponentials, logarithms, circular, hyperbolic and special ones.
//!
//! Each derivative is derived in a line at its operation. Kinks: |·|′(0) = 0, and the sign, being
//! constant on both sides of its jump, has derivative 0 everywhere.

use chainrule_kernels::Float;

use super::scalar::*;
use super::{Binary, Cmp, Real};

const REALS: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);
const POSITIVE: (f64, f64) = (0.0, f64::INFINITY);
const ABOVE_ZERO: &[f64] = &[0.1, 0.5, 1.0, 3.0];

/// Declares operations: LaTeX, domain, samples and cost, then the value and the derivative.
macro_rules! scalar {
    ($($(#[$doc:meta])* $op:ident $tex:literal $domain:expr, $samples:expr, $cost:literal;
       f($x:ident) = $f:expr; d($dx:pat, $dy:pat) = $d:expr;)*) => { $(
        $(#[$doc])*
        impl Scalar1 for $op {
            const TEX: &'static str = $tex;
            const DOMAIN: (f64, f64) = $domain;
            const SAMPLES: &'static [f64] = $samples;
            const COST: u32 = $cost;
            #[inline(always)]
            fn f<F: Float>($x: F) -> F { $f }
            fn d<R: Real>($dx: R, $dy: R) -> R { $d }
        }
    )* };
}
pub(super) use scalar;

/// −x. Derivative −1.
impl Scalar1 for neg {
    const TEX: &'static str = "-#";
    const COST: u32 = 1;
    const INT: Option<fn(i64) -> i64> = Some(i64::wrapping_neg);
    #[inline(always)]
    fn f<F: Float>(x: F) -> F {
        -x
    }
    fn d<R: Real>(x: R, _: R) -> R {
        x.lit(-1.0)
    }
}

/// |x|. Derivative sign x; 0 at the kink.
impl Scalar1 for abs {
    const TEX: &'static str = r"\left|#\right|";
    const COST: u32 = 1;
    const INT: Option<fn(i64) -> i64> = Some(i64::wrapping_abs);
    #[inline(always)]
    fn f<F: Float>(x: F) -> F {
        x.abs()
    }
    fn d<R: Real>(x: R, _: R) -> R {
        x.map(Unary::sign)
    }
}

/// −1, 0 or 1; a zero keeps its sign, NaN stays NaN. Derivative 0.
impl Scalar1 for sign {
    const TEX: &'static str = r"\operatorname{sgn} #";
    const COST: u32 = 1;
    const INT: Option<fn(i64) -> i64> = Some(i64::signum);
    #[inline(always)]
    fn f<F: Float>(x: F) -> F {
        let one = F::lit(1.0).copysign(x);
        if x.abs() > F::lit(0.0) { one } else { x }
    }
    fn d<R: Real>(x: R, _: R) -> R {
        x.lit(0.0)
    }
}

/// x². Derivative 2x.
impl Scalar1 for square {
    const TEX: &'static str = "#^{2}";
    const COST: u32 = 1;
    const INT: Option<fn(i64) -> i64> = Some(|x| x.wrapping_mul(x));
    #[inline(always)]
    fn f<F: Float>(x: F) -> F {
        x * x
    }
    fn d<R: Real>(x: R, _: R) -> R {
        x.lit(2.0) * x
    }
}

scalar! {
    /// 1/x; ±∞ at ±0. Differentiating xy = 1: y + x y′ = 0, hence y′ = −y².
    recip r"\frac{1}{#}" REALS, &[-2.0, -0.5, 0.3, 1.7], 4;
    f(x) = F::lit(1.0) / x; d(_, y) = -(y.clone() * y);

    /// The non-negative root: y² = x, so 2y y′ = 1. Unbounded at 0⁺; NaN for x < 0 (IEEE 754).
    sqrt r"\sqrt{#}" POSITIVE, &[0.25, 1.0, 2.0, 9.0], 4;
    f(x) = x.sqrt(); d(_, y) = y.lit(0.5) / y;

    /// 1/√x. With y = x^(−1/2), y′ = −½ x^(−3/2) = −½ y³.
    rsqrt r"\frac{1}{\sqrt{#}}" POSITIVE, &[0.25, 1.0, 2.0, 9.0], 6;
    f(x) = F::lit(1.0) / x.sqrt(); d(_, y) = y.lit(-0.5) * (y.clone() * y.clone() * y);

    /// ∛x, of negative numbers too: y³ = x, so 3y² y′ = 1. Unbounded at 0.
    cbrt r"\sqrt[3]{#}" REALS, &[-2.0, -0.5, 0.3, 8.0], 16;
    f(x) = x.cbrt(); d(_, y) = y.lit(1.0) / (y.lit(3.0) * (y.clone() * y));

    /// eˣ, its own derivative.
    exp "e^{#}" REALS, &[-2.0, -0.5, 0.3, 1.7], 6;
    f(x) = x.exp(); d(_, y) = y;

    /// 2ˣ = e^(x ln 2), so y′ = y ln 2.
    exp2 "2^{#}" REALS, &[-2.0, -0.5, 0.3, 1.7], 6;
    f(x) = x.exp2(); d(_, y) = y.lit(std::f64::consts::LN_2) * y;

    /// eˣ − 1 without cancellation near 0. Derivative eˣ = y + 1.
    expm1 r"e^{#}-1" REALS, &[-2.0, -0.5, 0.3, 1.7], 10;
    f(x) = x.expm1(); d(x, _) = x.map(Unary::exp);

    /// The natural logarithm: −∞ at 0, NaN below. e^y = x, so y′ = 1/x.
    ln r"\ln #" POSITIVE, ABOVE_ZERO, 8;
    f(x) = x.ln(); d(x, _) = x.lit(1.0) / x;

    /// ln x / ln 2.
    log2 r"\log_{2} #" POSITIVE, ABOVE_ZERO, 8;
    f(x) = x.log2(); d(x, _) = x.lit(std::f64::consts::LOG2_E) / x;

    /// ln x / ln 10.
    log10 r"\log_{10} #" POSITIVE, ABOVE_ZERO, 8;
    f(x) = x.log10(); d(x, _) = x.lit(std::f64::consts::LOG10_E) / x;

    /// ln(1 + x) without cancellation near 0. Derivative 1/(1 + x).
    log1p r"\ln\left(1+#\right)" (-1.0, f64::INFINITY), &[-0.5, 0.1, 0.3, 1.7], 10;
    f(x) = x.log1p(); d(x, _) = x.lit(1.0) / (x.lit(1.0) + x);

    /// The inverse sine: sin y = x, so y′ = 1/cos y = 1/√(1 − x²). Unbounded at ±1.
    asin r"\arcsin #" (-1.0, 1.0), &[-0.9, -0.5, 0.3, 0.7], 16;
    f(x) = x.asin(); d(x, _) = (x.lit(1.0) - x.clone() * x).map(Unary::rsqrt);

    /// The inverse cosine, π/2 − asin x.
    acos r"\arccos #" (-1.0, 1.0), &[-0.9, -0.5, 0.3, 0.7], 16;
    f(x) = x.acos(); d(x, _) = -(x.lit(1.0) - x.clone() * x).map(Unary::rsqrt);

    /// The inverse tangent: tan y = x, so (1 + x²) y′ = 1.
    atan r"\arctan #" REALS, &[-2.0, -0.5, 0.3, 1.7], 16;
    f(x) = x.atan(); d(x, _) = x.lit(1.0) / (x.lit(1.0) + x.clone() * x);

    /// (eˣ − e⁻ˣ)/2, with derivative cosh x.
    sinh r"\sinh #" REALS, &[-2.0, -0.5, 0.3, 1.7], 12;
    f(x) = x.sinh(); d(x, _) = x.map(Unary::cosh);

    /// (eˣ + e⁻ˣ)/2, with derivative sinh x.
    cosh r"\cosh #" REALS, &[-2.0, -0.5, 0.3, 1.7], 12;
    f(x) = x.cosh(); d(x, _) = x.map(Unary::sinh);

    /// sinh x / cosh x, so y′ = 1 − y².
    tanh r"\tanh #" REALS, &[-2.0, -0.5, 0.3, 1.7], 10;
    f(x) = x.tanh(); d(_, y) = y.lit(1.0) - y.clone() * y;

    /// The inverse of sinh: y′ = 1/cosh y = 1/√(1 + x²).
    asinh r"\operatorname{arsinh} #" REALS, &[-2.0, -0.5, 0.3, 1.7], 16;
    f(x) = x.asinh(); d(x, _) = (x.lit(1.0) + x.clone() * x).map(Unary::rsqrt);

    /// The inverse of cosh on x ≥ 1: y′ = 1/sinh y = 1/√(x² − 1). Unbounded at 1.
    acosh r"\operatorname{arcosh} #" (1.0, f64::INFINITY), &[1.2, 1.5, 2.0, 5.0], 16;
    f(x) = x.acosh(); d(x, _) = (x.clone() * x.clone() - x.lit(1.0)).map(Unary::rsqrt);

    /// The inverse of tanh: (1 − x²) y′ = 1. ±∞ at ±1.
    atanh r"\operatorname{artanh} #" (-1.0, 1.0), &[-0.9, -0.5, 0.3, 0.7], 16;
    f(x) = x.atanh(); d(x, _) = x.lit(1.0) / (x.lit(1.0) - x.clone() * x);

    /// The error function 2/√π ∫₀ˣ e^(−t²) dt, whose derivative is its integrand.
    erf r"\operatorname{erf} #" REALS, &[-2.0, -0.5, 0.3, 1.7], 14;
    f(x) = x.erf();
    d(x, _) = x.lit(std::f64::consts::FRAC_2_SQRT_PI) * (-(x.clone() * x)).map(Unary::exp);

    /// 1 − erf x, without cancellation for large x.
    erfc r"\operatorname{erfc} #" REALS, &[-2.0, -0.5, 0.3, 1.7], 20;
    f(x) = x.erfc();
    d(x, _) = x.lit(-std::f64::consts::FRAC_2_SQRT_PI) * (-(x.clone() * x)).map(Unary::exp);

    /// ln |Γ(x)|; +∞ at 0 and the negative integers. Its derivative is ψ(x), the digamma function.
    lgamma r"\ln\Gamma\left(#\right)" REALS, &[-1.3, 0.5, 1.7, 6.0], 60;
    f(x) = x.lgamma(); d(x, _) = x.map(Unary::digamma);

    /// ψ(x) = Γ′(x)/Γ(x); NaN at the negative integers, ∓∞ at ±0. Its derivative is ψ⁽¹⁾(x).
    digamma r"\psi\left(#\right)" REALS, &[-1.3, 0.5, 1.7, 6.0], 60;
    f(x) = x.digamma(); d(x, _) = x.lit(1.0).zip(Binary::Polygamma, &x);
}

/// Declares circular functions, whose lanes need a test for arguments that are far from 0: LaTeX,
/// samples, the function, the one for blocks without such arguments, and the derivative.
macro_rules! circular {
    ($($(#[$doc:meta])* $op:ident $tex:literal $samples:expr, $fast:ident;
       d($x:pat, $y:pat) = $d:expr;)*) => { $(
        $(#[$doc])*
        impl Scalar1 for $op {
            const TEX: &'static str = $tex;
            const SAMPLES: &'static [f64] = $samples;
            const COST: u32 = 10;
            #[inline(always)]
            fn f<F: Float>(x: F) -> F { x.$op() }
            fn d<R: Real>($x: R, $y: R) -> R { $d }
            #[inline(always)]
            fn block<F: Float>(x: &[F], y: &mut [F]) { periodic(x, y, F::$fast, F::$op); }
        }
    )* };
}

circular! {
    /// sin x, x in radians. sin′ = cos.
    sin r"\sin #" &[-2.0, -0.5, 0.3, 1.7], sin_fast; d(x, _) = x.map(Unary::cos);

    /// cos x, x in radians. cos′ = −sin.
    cos r"\cos #" &[-2.0, -0.5, 0.3, 1.7], cos_fast; d(x, _) = -x.map(Unary::sin);

    /// tan x = sin x / cos x, so y′ = (cos² + sin²)/cos² = 1 + y².
    tan r"\tan #" &[-1.2, -0.5, 0.3, 1.1], tan_fast; d(_, y) = y.lit(1.0) + y.clone() * y;
}

/// 1 where `x cmp c`, else 0.
pub(super) fn where_<R: Real>(x: &R, cmp: Cmp, c: f64) -> R {
    x.indicator(cmp, &x.lit(c))
}
