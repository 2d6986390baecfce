//! Activations of neural networks.
//!
//! Kinks follow torch: relu′(0) = 0, and a leaky or exponential unit has at 0 the derivative of its
//! left branch. Sources: Hendrycks & Gimpel 2016 (GELU), Elfwing et al. 2018 (SiLU), Misra 2019
//! (Mish), Clevert et al. 2016 (ELU).

use chainrule_kernels::Float;

use super::elementary::{scalar, where_};
use super::scalar::*;
use super::{Binary, Cmp, Real};

const REALS: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);
const AROUND: &[f64] = &[-2.0, -0.5, 0.3, 1.7];
const FRAC_1_SQRT_2: f64 = std::f64::consts::FRAC_1_SQRT_2;
/// 1/√(2π), the height of the normal density.
const NORMAL: f64 = 0.398_942_280_401_432_7;
/// √(2/π), the slope inside the tanh form of GELU.
const ROOT_2_PI: f64 = 0.797_884_560_802_865_4;
/// The cubic coefficient inside the tanh form of GELU.
const GELU_CUBIC: f64 = 0.044_715;
/// The slope of the leaky unit below 0.
const LEAK: f64 = 0.01;

scalar! {
    /// σ(x) = 1/(1 + e⁻ˣ), so y′ = e⁻ˣ y² = y (1 − y).
    sigmoid r"\sigma\left(#\right)" REALS, AROUND, 10;
    f(x) = x.sigmoid(); d(_, y) = y.clone() * (y.lit(1.0) - y);

    /// The inverse of σ, ln(x/(1 − x)): y′ = 1/(x (1 − x)).
    logit r"\operatorname{logit} #" (0.0, 1.0), &[0.1, 0.3, 0.5, 0.9], 14;
    f(x) = (x / (F::lit(1.0) - x)).ln(); d(x, _) = x.lit(1.0) / (x.clone() * (x.lit(1.0) - x));

    /// ln(1 + eˣ), a smooth relu, with derivative σ(x). Overflows nowhere.
    softplus r"\operatorname{softplus} #" REALS, AROUND, 16;
    f(x) = x.softplus(); d(x, _) = x.map(Unary::sigmoid);

    /// ln σ(x) = −softplus(−x), so y′ = σ(−x).
    logsigmoid r"\ln\sigma\left(#\right)" REALS, AROUND, 16;
    f(x) = -(-x).softplus(); d(x, _) = (-x).map(Unary::sigmoid);

    /// max(x, 0). Derivative 1 above 0, else 0; NaN stays NaN.
    relu r"\operatorname{relu} #" REALS, AROUND, 1;
    f(x) = if x <= F::lit(0.0) { F::lit(0.0) } else { x }; d(_, y) = where_(&y, Cmp::Gt, 0.0);

    /// x above 0, else x/100.
    leaky_relu r"\operatorname{leakyrelu} #" REALS, AROUND, 2;
    f(x) = if x > F::lit(0.0) { x } else { x * F::lit(LEAK) };
    d(x, _) = x.pick(Cmp::Gt, &x.lit(0.0), &x.lit(1.0), &x.lit(LEAK));

    /// x above 0, else eˣ − 1.
    elu r"\operatorname{elu} #" REALS, AROUND, 12;
    f(x) = { let e = x.expm1(); if x > F::lit(0.0) { x } else { e } };
    d(x, y) = x.pick(Cmp::Gt, &x.lit(0.0), &x.lit(1.0), &(y + x.lit(1.0)));

    /// x Φ(x), Φ the normal distribution function: y′ = Φ(x) + x φ(x).
    gelu r"\operatorname{gelu} #" REALS, AROUND, 20;
    f(x) = F::lit(0.5) * x * (x * F::lit(-FRAC_1_SQRT_2)).erfc();
    d(x, _) = {
        let distribution = x.lit(0.5) * (x.lit(-FRAC_1_SQRT_2) * x.clone()).map(Unary::erfc);
        let density = x.lit(NORMAL) * (x.lit(-0.5) * (x.clone() * x.clone())).map(Unary::exp);
        distribution + x * density
    };

    /// The tanh form of GELU: x (1 + tanh u)/2 with u = √(2/π) (x + 0.044715 x³).
    gelu_tanh r"\operatorname{gelu}_{\tanh} #" REALS, AROUND, 16;
    f(x) = {
        let u = F::lit(ROOT_2_PI) * (x + F::lit(GELU_CUBIC) * (x * x * x));
        F::lit(0.5) * x * (F::lit(1.0) + u.tanh())
    };
    d(x, _) = {
        // Far out the slope is 0 or 1, and x³ would overflow.
        let near = x.zip(Binary::Minimum, &x.lit(30.0));
        let x = near.zip(Binary::Maximum, &x.lit(-30.0));
        let xx = x.clone() * x.clone();
        let u = x.lit(ROOT_2_PI) * (x.clone() + x.lit(GELU_CUBIC) * (xx.clone() * x.clone()));
        let du = x.lit(ROOT_2_PI) * (x.lit(1.0) + x.lit(3.0 * GELU_CUBIC) * xx);
        let t = u.map(Unary::tanh);
        let sech2 = x.lit(1.0) - t.clone() * t.clone();
        x.lit(0.5) * (x.lit(1.0) + t) + x.lit(0.5) * x * (sech2 * du)
    };

    /// x σ(x), also called swish: y′ = σ + x σ (1 − σ).
    silu r"\operatorname{silu} #" REALS, AROUND, 10;
    f(x) = x * x.sigmoid();
    d(x, y) = { let s = x.map(Unary::sigmoid); s.clone() + y * (s.lit(1.0) - s) };

    /// x tanh(softplus x).
    mish r"\operatorname{mish} #" REALS, AROUND, 26;
    f(x) = x * x.softplus().tanh();
    d(x, _) = {
        let t = x.map(Unary::softplus).map(Unary::tanh);
        t.clone() + x.clone() * (x.map(Unary::sigmoid) * (t.lit(1.0) - t.clone() * t))
    };

    /// x/(1 + |x|): y′ = 1/(1 + |x|)², with the same value on both sides of 0.
    softsign r"\operatorname{softsign} #" REALS, AROUND, 5;
    f(x) = x / (F::lit(1.0) + x.abs());
    d(x, _) = (x.lit(1.0) / (x.lit(1.0) + x.map(Unary::abs))).map(Unary::square);
}
