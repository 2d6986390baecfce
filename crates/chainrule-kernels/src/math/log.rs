//! The logarithm. x = 2ⁿ m with √½ ≤ m < √2, so ln x = n ln 2 + ln m, and ln(1 + f) is
//! f − f²/2 + f³ P(f) with a minimax polynomial P. Subnormal arguments are scaled by 2²³ first.

use super::exp::poly;

const LN2_HI: f32 = 0.693_359_4;
const LN2_LO: f32 = -2.121_944_4e-4;
/// (ln(1 + f) − f + f²/2)/f³ on [√½ − 1, √2 − 1], relative error of the logarithm 2⁻²⁸·⁴.
const LN: [f32; 9] = [
    0.333_333_13,
    -0.250_000_1,
    0.200_021_18,
    -0.166_679_95,
    0.142_195_6,
    -0.124_056_11,
    0.118_881_38,
    -0.116_755_664,
    0.067_466_065,
];
/// The bits of √½.
const ROOT_HALF: u32 = 0x3f35_04f3;

#[inline(always)]
pub(super) fn ln(x: f32) -> f32 {
    let tiny = x < f32::MIN_POSITIVE;
    let scaled = if tiny { x * 8_388_608.0 } else { x };
    let above = scaled.to_bits().wrapping_sub(ROOT_HALF);
    let n = ((above as i32) >> 23) as f32 + if tiny { -23.0 } else { 0.0 };
    let f = f32::from_bits((above & 0x007f_ffff).wrapping_add(ROOT_HALF)) - 1.0;
    let z = f * f;
    let tail = z.mul_add(-0.5, n.mul_add(LN2_LO, f * z * poly(f, LN)));
    let y = n.mul_add(LN2_HI, f + tail);
    let y = if x == 0.0 { f32::NEG_INFINITY } else { y };
    let y = if x == f32::INFINITY { x } else { y };
    if x < 0.0 || x.is_nan() { f32::NAN } else { y }
}

/// ln u for u = 1 + x rounded, and what rounding lost: (x − (u − 1))/u.
#[inline(always)]
pub(super) fn log1p(x: f32) -> f32 {
    let u = 1.0 + x;
    let y = ln(u) + (x - (u - 1.0)) / u;
    let y = if u == 0.0 || u == f32::INFINITY { ln(u) } else { y };
    if x == 0.0 { x } else { y }
}
