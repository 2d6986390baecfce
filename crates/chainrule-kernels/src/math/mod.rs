//! Elementary functions on lanes.
//!
//! [`Float`] is a floating-point lane. Its functions are our own, written as straight-line scalar
//! code: every path is computed and the right one selected, integers are rounded by adding a
//! constant, powers of two are made of bits, and nothing looks up a table or calls a function that
//! is not inlined. So a plain loop over them becomes vector code in
//! [`vectorize`](crate::simd::vectorize), and because every rounding is written out (a fused
//! multiply-add is one by name) the bits are the same on every level, in vectors or out of them.
//!
//! The loop must see the function: call `x.exp()` from an `#[inline(always)]` function or method;
//! the compiler may refuse to inline a large closure, and then the loop is slower than the
//! library's.
//!
//! **Not vectorised:** `lgamma`, `digamma`, `polygamma` and `rem`, and `sin`, `cos`, `tan`, which
//! must branch for arguments beyond [`TRIG_BOUND`](Float::TRIG_BOUND). Loops call `sin_fast`,
//! `cos_fast`, `tan_fast` on blocks without such arguments.
//!
//! **Accuracy.** The bound is 2 units in the last place (ULP) for every vectorised function and
//! argument of both types. It is measured, not proven: each module gives the largest error found
//! against 113-bit arithmetic, in `f32` on every 23rd bit pattern, in `f64` on some ten million
//! numbers of all exponents and around the points where formulas change; functions of two arguments
//! on as many pairs. `tests/ulp.rs` measures again, on fewer. Subnormal numbers are numbers: none
//! is flushed, going in or coming out. NaN gives NaN (but pow(NaN, 0) = 1, pow(1, NaN) = 1 and
//! hypot(∞, NaN) = ∞, as in C), and odd functions keep the sign of 0.
//!
//! Both types share their algorithms, generic over the private `lane::Lane`; `single` and
//! `double` hold constants and coefficients.

mod double;
mod erf;
mod exp;
mod gamma;
mod hyperbolic;
mod lane;
mod log;
mod pow;
mod single;
mod trig;

use lane::Lane;

/// A floating-point lane.
pub trait Float:
    Copy
    + Send
    + Sync
    + PartialEq
    + PartialOrd
    + std::fmt::Debug
    + Default
    + 'static
    + std::ops::Add<Output = Self>
    + std::ops::Sub<Output = Self>
    + std::ops::Mul<Output = Self>
    + std::ops::Div<Output = Self>
    + std::ops::Neg<Output = Self>
    + bytemuck::Pod
{
    /// The largest magnitude for which `sin_fast`, `cos_fast` and `tan_fast` are right.
    const TRIG_BOUND: Self;
    /// The constant `c`, rounded to this type.
    fn lit(c: f64) -> Self;
    /// This number as an `f64`, exactly.
    fn to_f64(self) -> f64;
    /// `self * a + b`, rounded once.
    fn mul_add(self, a: Self, b: Self) -> Self;
    /// The `then` lane where `mask`, else the `otherwise` lane.
    #[inline(always)]
    fn select(mask: bool, then: Self, otherwise: Self) -> Self {
        if mask { then } else { otherwise }
    }
    /// NaN test.
    fn is_nan(self) -> bool;
    /// Magnitude of `self`, sign of `sign`.
    fn copysign(self, sign: Self) -> Self;
    /// True C remainder: the sign of the dividend.
    fn rem(self, y: Self) -> Self;
    /// √(x²+y²) without overflow.
    fn hypot(self, y: Self) -> Self;
    /// The angle of (x = `x`, y = `self`).
    fn atan2(self, x: Self) -> Self;
    /// `self` to the power `y`.
    fn pow(self, y: Self) -> Self;
    /// The n-th derivative of digamma at x, n = `n` ≥ 0 (n = 0 is digamma).
    fn polygamma(n: Self, x: Self) -> Self;
    /// |x|
    fn abs(self) -> Self;
    /// √x
    fn sqrt(self) -> Self;
    /// ∛x
    fn cbrt(self) -> Self;
    /// eˣ
    fn exp(self) -> Self;
    /// 2ˣ
    fn exp2(self) -> Self;
    /// eˣ − 1
    fn expm1(self) -> Self;
    /// ln x
    fn ln(self) -> Self;
    /// log₂ x
    fn log2(self) -> Self;
    /// log₁₀ x
    fn log10(self) -> Self;
    /// ln(1 + x)
    fn log1p(self) -> Self;
    /// sin x for |x| ≤ `TRIG_BOUND`, without a branch; the same bits as `sin` there.
    fn sin_fast(self) -> Self;
    /// cos x for |x| ≤ `TRIG_BOUND`, without a branch; the same bits as `cos` there.
    fn cos_fast(self) -> Self;
    /// tan x for |x| ≤ `TRIG_BOUND`, without a branch; the same bits as `tan` there.
    fn tan_fast(self) -> Self;
    /// sin x
    fn sin(self) -> Self;
    /// cos x
    fn cos(self) -> Self;
    /// tan x
    fn tan(self) -> Self;
    /// asin x
    fn asin(self) -> Self;
    /// acos x
    fn acos(self) -> Self;
    /// atan x
    fn atan(self) -> Self;
    /// sinh x
    fn sinh(self) -> Self;
    /// cosh x
    fn cosh(self) -> Self;
    /// tanh x
    fn tanh(self) -> Self;
    /// asinh x
    fn asinh(self) -> Self;
    /// acosh x
    fn acosh(self) -> Self;
    /// atanh x
    fn atanh(self) -> Self;
    /// 1 / (1 + e⁻ˣ)
    fn sigmoid(self) -> Self;
    /// ln(1 + eˣ)
    fn softplus(self) -> Self;
    /// The error function.
    fn erf(self) -> Self;
    /// 1 − erf x, without cancellation.
    fn erfc(self) -> Self;
    /// ln |Γ(x)|
    fn lgamma(self) -> Self;
    /// d/dx ln Γ(x)
    fn digamma(self) -> Self;
    /// Largest integer ≤ x
    fn floor(self) -> Self;
    /// Smallest integer ≥ x
    fn ceil(self) -> Self;
    /// Nearest integer, ties to even
    fn round(self) -> Self;
    /// Towards zero
    fn trunc(self) -> Self;
}

/// The functions that are written once for both types, from their modules.
macro_rules! float {
    ($t:ident, $trig_bound:literal, $hypot:ident, $($name:ident: $own:path;)*) => {
        impl Float for $t {
            const TRIG_BOUND: Self = $trig_bound;
            #[inline(always)]
            fn lit(c: f64) -> Self {
                c as $t
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                self as f64
            }
            #[inline(always)]
            fn mul_add(self, a: Self, b: Self) -> Self {
                $t::mul_add(self, a, b)
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                $t::is_nan(self)
            }
            #[inline(always)]
            fn copysign(self, s: Self) -> Self {
                $t::copysign(self, s)
            }
            #[inline(always)]
            fn rem(self, y: Self) -> Self {
                self % y
            }
            #[inline(always)]
            fn hypot(self, y: Self) -> Self {
                pow::$hypot(self, y)
            }
            #[inline(always)]
            fn atan2(self, x: Self) -> Self {
                trig::atan2(self, x)
            }
            #[inline(always)]
            fn pow(self, y: Self) -> Self {
                pow::pow(self, y)
            }
            fn polygamma(n: Self, x: Self) -> Self {
                gamma::polygamma(n.to_f64(), x.to_f64()) as $t
            }
            fn lgamma(self) -> Self {
                gamma::lgamma(self.to_f64()) as $t
            }
            fn digamma(self) -> Self {
                gamma::digamma(self.to_f64()) as $t
            }
            #[inline(always)]
            fn sin(self) -> Self {
                let near = self.abs() <= Self::TRIG_BOUND;
                if near { trig::sin_fast(self) } else { self.sin_any() }
            }
            #[inline(always)]
            fn cos(self) -> Self {
                let near = self.abs() <= Self::TRIG_BOUND;
                if near { trig::cos_fast(self) } else { self.cos_any() }
            }
            #[inline(always)]
            fn tan(self) -> Self {
                let near = self.abs() <= Self::TRIG_BOUND;
                if near { trig::tan_fast(self) } else { self.tan_any() }
            }
            #[inline(always)]
            fn abs(self) -> Self {
                $t::abs(self)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                $t::sqrt(self)
            }
            #[inline(always)]
            fn floor(self) -> Self {
                $t::floor(self)
            }
            #[inline(always)]
            fn ceil(self) -> Self {
                $t::ceil(self)
            }
            #[inline(always)]
            fn round(self) -> Self {
                $t::round_ties_even(self)
            }
            #[inline(always)]
            fn trunc(self) -> Self {
                $t::trunc(self)
            }
            $(
                #[inline(always)]
                fn $name(self) -> Self {
                    $own(self)
                }
            )*
        }
    };
}

macro_rules! floats {
    ($($t:ident $trig_bound:literal $hypot:ident)*) => { $(
        float! {
            $t, $trig_bound, $hypot,
            exp: exp::exp;
            exp2: exp::exp2;
            expm1: exp::expm1;
            sigmoid: exp::sigmoid;
            softplus: exp::softplus;
            ln: log::ln;
            log2: log::log2;
            log10: log::log10;
            log1p: log::log1p;
            sin_fast: trig::sin_fast;
            cos_fast: trig::cos_fast;
            tan_fast: trig::tan_fast;
            asin: trig::asin;
            acos: trig::acos;
            atan: trig::atan;
            sinh: hyperbolic::sinh;
            cosh: hyperbolic::cosh;
            tanh: hyperbolic::tanh;
            asinh: hyperbolic::asinh;
            acosh: hyperbolic::acosh;
            atanh: hyperbolic::atanh;
            erf: erf::erf;
            erfc: erf::erfc;
            cbrt: pow::cbrt;
        }
    )* };
}
floats!(f32 1e5 hypot_f32 f64 1e8 hypot_f64);
