//! What the two lane types differ in: bit layout, constants, and polynomial coefficients.
//!
//! The functions in the sibling modules are written once, over [`Lane`], in a handful of moves.
//!
//! **Rounding to an integer** (Dekker's "magic number"). Adding 1.5·2^m, m the number of stored
//! mantissa bits, leaves no room for a fraction: the sum is the integer nearest to x plus the
//! constant, with ties to even, and the integer can be read in the low bits of the sum.
//! [`Lane::MAGIC`] carries a further 2^w (w the width of the exponent field), so that those low
//! bits hold a positive number, which saves the signed shifts that AVX2 does not have for 64-bit
//! lanes.
//!
//! **2ⁿ** is such a sum shifted into the exponent field ([`Lane::pow2`]). The product of two halves
//! ([`Lane::pow2_pair`]) reaches further, through the subnormal numbers and over the top, and since
//! the first product is exact the second rounds only once.
//!
//! **Taking apart** a positive number ([`Lane::frexp`]): x = 2ᵉ·m, m in [√½, √2). The bits of √½
//! are subtracted from those of x; what is then left over in the exponent field is e.
//!
//! Polynomial coefficients are minimax fits by the second algorithm of Remez (E. Ya. Remez, 1934),
//! made for this crate in 50-digit arithmetic; those of single precision are rounded one after the
//! other, each time refitting the rest.

use super::Float;

/// The inside of [`Float`].
pub(super) trait Lane: Float {
    /// Rounds to an integer when added; see the module.
    const MAGIC: Self;
    /// ∞
    const INF: Self;
    /// Not a number.
    const NAN: Self;
    /// A power of two below which x is its own sine, tangent, arc sine... to the last bit.
    const SMALL: Self;
    /// exp is 0 to rounding below the first and infinite above the second.
    const EXP_RANGE: (Self, Self);
    /// The same for exp2.
    const EXP2_RANGE: (Self, Self);
    /// ln 2 in two parts.
    const LN_2: (Self, Self);
    /// log₂ e in two parts.
    const LOG2_E: (Self, Self);
    /// log₁₀ e in two parts.
    const LOG10_E: (Self, Self);
    /// log₁₀ 2 in two parts.
    const LOG10_2: (Self, Self);
    /// π/2 in three parts.
    const PI_2: (Self, Self, Self);
    /// Beyond this the square of a number plus one is that square.
    const HUGE: Self;
    /// (d, 1/d), powers of two: arguments beyond 1/d or below d² are scaled before division.
    const FAR: (Self, Self);
    /// (eʳ − 1 − r)/r² on |r| ≤ ½ ln 2, good relative to eʳ.
    const EXP: &'static [Self];
    /// The same, good relative to eʳ − 1.
    const EXPM1: &'static [Self];
    /// (sinh r − r)/r³ in r².
    const SINH: &'static [Self];
    /// (cosh r − 1 − r²/2)/r⁴ in r².
    const COSH: &'static [Self];
    /// (sin r − r)/r³ in r², |r| ≤ π/4.
    const SIN: &'static [Self];
    /// (cos r − 1 + r²/2)/r⁴ in r².
    const COS: &'static [Self];
    /// (tanh x − x)/x³ in x², |x| ≤ 0.5625.
    const TANH: &'static [Self];
    /// (atan t − t)/t³ in t², |t| ≤ tan π/8.
    const ATAN: &'static [Self];
    /// (asin x − x)/x³ in x², |x| ≤ ½.
    const ASIN: &'static [Self];
    /// erf x/x − 1 in x², |x| ≤ 0.85.
    const ERF: &'static [Self];
    /// (1 + 2x) erfcx x − 1 in t = (x − K)/(x + K), x ≥ 0.65.
    const ERFCX: &'static [Self];
    /// The K of `ERFCX`, and an x above which erfc is 0 to rounding.
    const ERFCX_K: (Self, Self);
    /// m^(−1/3) on [√½, √2], roughly.
    const ICBRT: &'static [Self];

    /// 2ⁿ from `t` = n + `MAGIC`, for n in the range of normal numbers.
    fn pow2(t: Self) -> Self;
    /// 2ⁿ as a product of two numbers, for n within twice that range.
    fn pow2_pair(t: Self) -> (Self, Self);
    /// The parity of n and of its next bit, from `t` = n + `MAGIC`: (n odd, n mod 4 in {2, 3}).
    fn low_bits(t: Self) -> (bool, bool);
    /// The sign bit is set.
    fn is_negative(self) -> bool;
    /// (m, e) with x = 2ᵉ·m; x positive and finite, else nonsense.
    fn frexp(self) -> (Self, Self);
    /// (hi, lo), hi + lo = ln(1 + f), f in [√½ − 1, √2 − 1]: hi has the size of the sum, lo need
    /// not be below half a unit of it.
    fn ln_1p_core(f: Self) -> (Self, Self);
    /// erf a for a ≥ 0.85.
    fn erf_tail(a: Self) -> Self;
    /// aʸ for positive finite a.
    fn pow_positive(a: Self, y: Self) -> Self;
    /// Sine, cosine and tangent of any number.
    fn sin_any(self) -> Self;
    fn cos_any(self) -> Self;
    fn tan_any(self) -> Self;
}

/// c₀ + c₁x + c₂x² + … by Horner's rule.
#[inline(always)]
pub(super) fn poly<F: Float>(x: F, c: &[F]) -> F {
    let mut p = c[c.len() - 1];
    let mut k = c.len() - 1;
    while k > 0 {
        k -= 1;
        p = p.mul_add(x, c[k]);
    }
    p
}

/// (s, e): s = a + b rounded, s + e = a + b exactly, provided |a| ≥ |b| (Dekker).
#[inline(always)]
pub(super) fn fast_two_sum<F: Float>(a: F, b: F) -> (F, F) {
    let s = a + b;
    (s, b - (s - a))
}

/// The same in any order (Knuth).
#[inline(always)]
pub(super) fn two_sum<F: Float>(a: F, b: F) -> (F, F) {
    let s = a + b;
    let v = s - a;
    (s, (a - (s - v)) + (b - v))
}

/// (p, e): p = a·b rounded, p + e = a·b exactly.
#[inline(always)]
pub(super) fn two_prod<F: Float>(a: F, b: F) -> (F, F) {
    let p = a * b;
    (p, a.mul_add(b, -p))
}

/// x within lo and hi; NaN stays.
#[inline(always)]
pub(super) fn clamp<F: Float>(x: F, lo: F, hi: F) -> F {
    let x = if x > hi { hi } else { x };
    if x < lo { lo } else { x }
}

/// The methods of [`Lane`] that read and write bits: float type, unsigned type of its size, stored
/// mantissa bits, exponent bias, exponent width, bits of √½.
macro_rules! bits {
    ($t:ident, $u:ident, $mant:literal, $bias:literal, $w:literal, $sqrt_half:literal) => {
        #[inline(always)]
        fn pow2(t: Self) -> Self {
            const OFF: $u = (1 << $w) - $bias;
            $t::from_bits(t.to_bits().wrapping_sub(OFF) << $mant)
        }
        #[inline(always)]
        fn pow2_pair(t: Self) -> (Self, Self) {
            const OFF: $u = (1 << ($w - 1)) - $bias;
            let b = t.to_bits();
            let h = b >> 1;
            (
                $t::from_bits(h.wrapping_sub(OFF) << $mant),
                $t::from_bits(b.wrapping_sub(h).wrapping_sub(OFF) << $mant),
            )
        }
        #[inline(always)]
        fn low_bits(t: Self) -> (bool, bool) {
            (t.to_bits() & 1 != 0, t.to_bits() & 2 != 0)
        }
        #[inline(always)]
        fn is_negative(self) -> bool {
            self.to_bits() >> ($u::BITS - 1) != 0
        }
        #[inline(always)]
        fn frexp(self) -> (Self, Self) {
            const MASK: $u = (1 << $mant) - 1;
            const UP: $t = (1u64 << ($mant + 1)) as $t;
            const WHOLE: $t = (1u64 << $mant) as $t;
            let tiny = self < $t::MIN_POSITIVE;
            let x = if tiny { self * UP } else { self };
            let t = x.to_bits().wrapping_add(($bias << $mant) - $sqrt_half);
            let m = $t::from_bits((t & MASK) + $sqrt_half);
            let e = $t::from_bits((t >> $mant) | WHOLE.to_bits())
                - if tiny { WHOLE + ($bias + $mant + 1) as $t } else { WHOLE + $bias as $t };
            (m, e)
        }
    };
}

pub(super) use bits;
