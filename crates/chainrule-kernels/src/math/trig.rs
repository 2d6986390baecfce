//! Sine and cosine. With k the integer nearest to 2x/π, r = x − kπ/2 is found in `f64` with π/2 in
//! two parts; sine or cosine of r are minimax polynomials, chosen and signed by the last two bits
//! of k.

use super::exp::poly;

/// 1.5 · 2⁵²: adding it rounds to an integer, which then stands in the low bits.
const MAGIC: f64 = 6_755_399_441_055_744.0;
const FRAC_PI_2_LO: f64 = 6.123_233_995_736_766e-17;
/// The largest magnitude for which the reduction is right to the last digit.
pub(super) const BOUND: f64 = 1e8;
const SIN: [f32; 4] = [-0.166_666_67, 0.008_333_38, -0.000_198_534_98, 2.837_246_7e-6];
const COS: [f32; 3] = [0.041_666_646, -0.001_388_730_1, 2.443_066_1e-5];

/// The sine and cosine of r, and k.
#[inline(always)]
fn reduced(x: f32) -> (f32, f32, u32) {
    let x = f64::from(x);
    let t = x.mul_add(std::f64::consts::FRAC_2_PI, MAGIC);
    let k = t - MAGIC;
    let r = k.mul_add(-FRAC_PI_2_LO, k.mul_add(-std::f64::consts::FRAC_PI_2, x)) as f32;
    let z = r * r;
    let s = (r * z).mul_add(poly(z, SIN), r);
    let c = (z * z).mul_add(poly(z, COS), z.mul_add(-0.5, 1.0));
    (s, c, t.to_bits() as u32)
}

/// Sine within [`BOUND`].
#[inline(always)]
pub(super) fn sin(x: f32) -> f32 {
    let (s, c, k) = reduced(x);
    let y = if k & 1 == 0 { s } else { c };
    let y = f32::from_bits(y.to_bits() ^ ((k & 2) << 30));
    if x == 0.0 { x } else { y }
}

/// Cosine within [`BOUND`].
#[inline(always)]
pub(super) fn cos(x: f32) -> f32 {
    let (s, c, k) = reduced(x);
    let y = if k & 1 == 0 { c } else { s };
    f32::from_bits(y.to_bits() ^ ((k.wrapping_add(1) & 2) << 30))
}
