//! The exponential and what is made of it: `exp`, `expm1`, `tanh`, `sigmoid`, `softplus`.
//!
//! With n the integer nearest to x/ln 2, eˣ = 2ⁿ e^r for r = x − n ln 2, |r| ≤ ½ ln 2. ln 2 is
//! taken in two parts, so that r keeps its digits (Cody & Waite 1980); e^r is a minimax polynomial;
//! 2ⁿ is put together from bits, as two factors, so that overflow and subnormal results round once.
//!
//! Adding 1.5 · 2²³ to a number of magnitude below 2²² rounds it to an integer, which then stands
//! in the low bits: no conversion instruction is needed.

/// 1.5 · 2²³.
const MAGIC: f32 = 12_582_912.0;
const LN2_HI: f32 = 0.693_359_4;
const LN2_LO: f32 = -2.121_944_4e-4;
/// (e^r − 1 − r)/r² on |r| ≤ ½ ln 2, relative error of e^r 2⁻²⁷·⁷.
const EXP: [f32; 5] = [0.499_999_94, 0.166_665_2, 0.041_668_393, 0.008_368_781, 0.001_381_446_3];
/// The same, relative error of e^r − 1 2⁻²⁸·⁷.
const EXPM1: [f32; 6] =
    [0.5, 0.166_666_67, 0.041_666_355, 0.008_333_273, 0.001_394_110_3, 0.000_199_143_08];
/// (tanh x / x − 1)/x² in x² for |x| ≤ 0.5625, relative error 2⁻²⁹.
const TANH: [f32; 5] = [-0.333_333_13, 0.133_324_34, -0.053_835_206, 0.020_997_388, -0.006_164_638];

/// Σ c[i] xⁱ.
#[inline(always)]
pub(super) fn poly<const N: usize>(x: f32, c: [f32; N]) -> f32 {
    let mut y = c[N - 1];
    for i in (0..N - 1).rev() {
        y = y.mul_add(x, c[i]);
    }
    y
}

/// r and, in its low bits, n.
#[inline(always)]
fn reduce(x: f32) -> (f32, f32) {
    let t = x.mul_add(std::f32::consts::LOG2_E, MAGIC);
    let n = t - MAGIC;
    (n.mul_add(-LN2_LO, n.mul_add(-LN2_HI, x)), t)
}

/// 2ⁿ as two factors.
#[inline(always)]
fn powers(t: f32) -> (f32, f32) {
    let n = t.to_bits().wrapping_sub(MAGIC.to_bits()) as i32;
    let half = n >> 1;
    let power = |k: i32| f32::from_bits((k.wrapping_add(127) as u32) << 23);
    (power(half), power(n.wrapping_sub(half)))
}

/// Between the arguments where the result is 0 and where it is ∞; NaN passes.
#[inline(always)]
fn clamp(x: f32) -> f32 {
    let x = if x > 89.0 { 89.0 } else { x };
    if x < -104.0 { -104.0 } else { x }
}

#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    let (r, t) = reduce(clamp(x));
    let (a, b) = powers(t);
    ((r * r).mul_add(poly(r, EXP), r) + 1.0) * a * b
}

/// 2ⁿ (e^r − 1) + (2ⁿ − 1), which does not cancel.
#[inline(always)]
pub(super) fn expm1(x: f32) -> f32 {
    let (r, t) = reduce(clamp(x));
    let (a, b) = powers(t);
    let m = (r * r).mul_add(poly(r, EXPM1), r);
    let large = (m + 1.0) * a * b;
    let power = a * b;
    let small = power.mul_add(m, power - 1.0);
    let y = if x > 20.0 { large } else { small };
    if x.is_nan() { x } else { y.copysign(x) }
}

/// An odd polynomial for small |x|, else 1 − 2/(e^{2|x|} + 1).
#[inline(always)]
pub(super) fn tanh(x: f32) -> f32 {
    let (z, a) = (x * x, x.abs());
    let small = (x * z).mul_add(poly(z, TANH), x);
    let large = 1.0 - 2.0 / (exp(a + a) + 1.0);
    (if a < 0.5625 { small } else { large }).copysign(x)
}

/// With e = e^{−|x|}, 1/(1 + e) or e/(1 + e): a quotient with both parts known to more digits than
/// one number holds, corrected by its remainder.
#[inline(always)]
pub(super) fn sigmoid(x: f32) -> f32 {
    let (r, t) = reduce(clamp(-x.abs()));
    let (a, b) = powers(t);
    let m = (r * r).mul_add(poly(r, EXP), r);
    let high = m + 1.0;
    let (e, low) = (high * a * b, (m - (high - 1.0)) * a * b);
    let below = 1.0 + e;
    let below_low = (e - (below - 1.0)) + low;
    let (above, above_low) = if x < 0.0 { (e, low) } else { (1.0, 0.0) };
    let s = above / below;
    let rest = (-s).mul_add(below, above) + s.mul_add(-below_low, above_low);
    let inverse = if x < 0.0 { 1.0 - s } else { s };
    rest.mul_add(inverse, s)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_magic_constants_are_ln_2() {
        let sum = f64::from(super::LN2_HI) + f64::from(super::LN2_LO);
        assert!((sum - std::f64::consts::LN_2).abs() < 1e-11);
    }
}
