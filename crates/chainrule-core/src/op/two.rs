//! Scalar functions of two arguments.
//!
//! Ties: where `maximum` and `minimum` have equal arguments, each gets half of the derivative.

use chainrule_kernels::Float;

use super::scalar::*;
use super::{Cmp, Real};

macro_rules! scalar2 {
    ($($(#[$doc:meta])* $op:ident $name:literal $tex:literal
       samples $samples:expr; cost $cost:literal; int $int:expr;
       f($x:ident, $y:ident) = $f:expr;
       dx($a:pat, $b:pat, $c:pat) = $dx:expr;
       dy($d:pat, $e:pat, $g:pat) = $dy:expr;)*) => { $(
        $(#[$doc])*
        impl Scalar2 for $op {
            const NAME: &'static str = $name;
            const TEX: &'static str = $tex;
            const SAMPLES: &'static [(f64, f64)] = $samples;
            const COST: u32 = $cost;
            const INT: Option<fn(i64, i64) -> i64> = $int;
            #[inline(always)]
            fn f<F: Float>($x: F, $y: F) -> F { $f }
            fn dx<R: Real>($a: R, $b: R, $c: R) -> R { $dx }
            fn dy<R: Real>($d: R, $e: R, $g: R) -> R { $dy }
        }
    )* };
}

const PAIRS: &[(f64, f64)] = &[(-2.0, 0.7), (-0.5, -1.3), (0.3, 2.0), (1.7, 1.1)];
const POSITIVE: &[(f64, f64)] = &[(0.2, 0.7), (0.5, -1.3), (2.3, 2.0), (1.7, 3.0)];

scalar2! {
    /// x + y.
    Add "add" "#+@" samples PAIRS; cost 1; int Some(i64::wrapping_add);
    f(x, y) = x + y;
    dx(x, _, _) = x.lit(1.0);
    dy(x, _, _) = x.lit(1.0);

    /// x − y.
    Sub "sub" "#-@" samples PAIRS; cost 1; int Some(i64::wrapping_sub);
    f(x, y) = x - y;
    dx(x, _, _) = x.lit(1.0);
    dy(x, _, _) = x.lit(-1.0);

    /// x y: the product rule.
    Mul "mul" r"# \cdot @" samples PAIRS; cost 1; int Some(i64::wrapping_mul);
    f(x, y) = x * y;
    dx(_, y, _) = y;
    dy(x, _, _) = x;

    /// x / y: ∂x is 1/y; differentiating z y = x by y gives z + y ∂z = 0. Of integers, the whole
    /// number below, and 0 for y = 0; their fraction is taken after a cast.
    Div "div" r"\frac{#}{@}" samples PAIRS; cost 4; int Some(int_div);
    f(x, y) = x / y;
    dx(_, y, _) = y.lit(1.0) / y;
    dy(_, y, z) = -(z / y);

    /// x to the power y, as C's `pow`. ∂x = y x^(y−1), 0 where y = 0; ∂y = z ln x, 0 where z = 0.
    Pow "pow" "#^{@}" samples POSITIVE; cost 40; int Some(int_pow);
    f(x, y) = x.pow(y);
    dx(x, y, _) = {
        let slope = y.clone() * x.zip(Binary::Pow, &(y.clone() - y.lit(1.0)));
        y.pick(Cmp::Eq, &y.lit(0.0), &y.lit(0.0), &slope)
    };
    dy(x, _, z) = {
        let slope = z.clone() * x.map(Unary::ln);
        z.pick(Cmp::Eq, &z.lit(0.0), &z.lit(0.0), &slope)
    };

    /// The remainder of x / y with the sign of x, as C's `fmod`: x − y trunc(x/y).
    Rem "fmod" r"# \bmod @" samples PAIRS; cost 20;
    int Some(|x, y| if y == 0 { 0 } else { x.wrapping_rem(y) });
    f(x, y) = x.rem(y);
    dx(x, _, _) = x.lit(1.0);
    dy(x, y, _) = -(x / y).map(Unary::trunc);

    /// The larger; NaN if either is. Equal arguments share the derivative.
    Maximum "maximum" r"\max\left(#,@\right)" samples PAIRS; cost 1; int Some(i64::max);
    f(x, y) = { let m = if x > y { x } else { y }; if x.is_nan() { x } else { m } };
    dx(x, y, _) = share(&x, &y, Cmp::Gt);
    dy(x, y, _) = share(&y, &x, Cmp::Gt);

    /// The smaller; NaN if either is. Equal arguments share the derivative.
    Minimum "minimum" r"\min\left(#,@\right)" samples PAIRS; cost 1; int Some(i64::min);
    f(x, y) = { let m = if x < y { x } else { y }; if x.is_nan() { x } else { m } };
    dx(x, y, _) = share(&x, &y, Cmp::Lt);
    dy(x, y, _) = share(&y, &x, Cmp::Lt);

    /// The angle of the point (y, x), the first argument being the ordinate: with r² = x² + y²,
    /// dθ = (y dx − x dy)/r².
    Atan2 "atan2" r"\operatorname{atan2}\left(#,@\right)" samples PAIRS; cost 24; int None;
    f(x, y) = x.atan2(y);
    dx(x, y, _) = y.clone() / (x.clone() * x + y.clone() * y);
    dy(x, y, _) = -(x.clone() / (x.clone() * x + y.clone() * y));

    /// √(x² + y²) without overflow: z ∂z = x; 0 at the origin.
    Hypot "hypot" r"\sqrt{#^{2}+@^{2}}" samples PAIRS; cost 12; int None;
    f(x, y) = x.hypot(y);
    dx(x, _, z) = z.pick(Cmp::Eq, &z.lit(0.0), &z.lit(0.0), &(x / z.clone()));
    dy(_, y, z) = z.pick(Cmp::Eq, &z.lit(0.0), &z.lit(0.0), &(y / z.clone()));

    /// |x| with the sign of y: slope sign x · sign y in x, 0 at x = 0; none in y.
    Copysign "copysign" r"\left|#\right|\operatorname{sgn} @" samples PAIRS; cost 1; int None;
    f(x, y) = x.copysign(y);
    dx(x, y, _) = x.map(Unary::sign) * x.lit(1.0).zip(Binary::Copysign, &y);
    dy(x, _, _) = x.lit(0.0);

    /// ln(eˣ + e^y) without overflow: ∂x = e^(x − z).
    Logaddexp "logaddexp" r"\ln\left(e^{#}+e^{@}\right)" samples PAIRS; cost 20; int None;
    f(x, y) = {
        let m = if x > y { x } else { y };
        let d = -(x - y).abs();
        let sum = m + d.exp().log1p();
        if x == y { x + F::lit(std::f64::consts::LN_2) } else { sum }
    };
    dx(x, _, z) = (x - z).map(Unary::exp);
    dy(_, y, z) = (y - z).map(Unary::exp);

    /// x ln y, and 0 where x = 0 whatever y is (but NaN).
    Xlogy "xlogy" r"# \ln @" samples &[(0.5, 0.7), (-0.5, 1.3), (2.3, 2.0), (1.7, 3.0)];
    cost 10; int None;
    f(x, y) = {
        let z = x * y.ln();
        let zero = if y.is_nan() { y } else { F::lit(0.0) };
        if x == F::lit(0.0) { zero } else { z }
    };
    dx(_, y, _) = y.map(Unary::ln);
    dy(x, y, _) = x / y;
}

/// The n-th derivative of the digamma function at x, the order n ≥ 0 being the first argument;
/// NaN for other orders. ∂x is the next order; an integer has no derivative.
impl Scalar2 for Polygamma {
    const NAME: &'static str = "polygamma";
    const TEX: &'static str = r"\psi^{(#)}\left(@\right)";
    const SAMPLES: &'static [(f64, f64)] = &[(0.0, 1.5), (1.0, 0.7), (1.0, 6.0), (2.0, 2.5)];
    const COST: u32 = 100;
    const SMOOTH_IN_X: bool = false;
    #[inline(always)]
    fn f<F: Float>(n: F, x: F) -> F {
        F::polygamma(n, x)
    }
    fn dx<R: Real>(n: R, _: R, _: R) -> R {
        n.lit(0.0)
    }
    fn dy<R: Real>(n: R, x: R, _: R) -> R {
        (n.clone() + n.lit(1.0)).zip(Binary::Polygamma, &x)
    }
}

/// 1 where `x cmp y`, ½ where they are equal, else 0.
fn share<R: Real>(x: &R, y: &R, cmp: Cmp) -> R {
    x.pick(cmp, y, &x.lit(1.0), &x.pick(Cmp::Eq, y, &x.lit(0.5), &x.lit(0.0)))
}

/// ⌊x / y⌋, wrapping; 0 for y = 0.
fn int_div(x: i64, y: i64) -> i64 {
    if y == 0 {
        return 0;
    }
    let (whole, rest) = (x.wrapping_div(y), x.wrapping_rem(y));
    whole - i64::from(rest != 0 && (rest < 0) != (y < 0))
}

/// Integer powers, wrapping; a negative exponent gives the truncated reciprocal (0 for a base of
/// 0).
fn int_pow(mut x: i64, y: i64) -> i64 {
    if y < 0 {
        return if x == 1 || (x == -1 && y & 1 == 0) { 1 } else { -i64::from(x == -1) };
    }
    let (mut power, mut y) = (1i64, y);
    while y > 0 {
        if y & 1 == 1 {
            power = power.wrapping_mul(x);
        }
        x = x.wrapping_mul(x);
        y >>= 1;
    }
    power
}
