//! Elementary functions on lanes.
//!
//! [`Float`] is a floating-point lane: a number whose functions are written without branches, so
//! that a loop over them becomes vector code inside [`vectorize`](crate::simd::vectorize). In
//! `f32`, `exp`,
//! `expm1`, `ln`, `log1p`, `sin`, `cos`, `tanh`, `sigmoid` and `softplus` are our own (`exp.rs`,
//! `log.rs`, `trig.rs`), at most 2 units in the last place from the true value (`tests/ulp.rs`
//! measures them); the other functions of `f32` are rounded from `f64`, and those of `f64` are the
//! standard library's. The error and gamma functions, which it lacks, are in `erf.rs` and
//! `gamma.rs`.

mod erf;
mod exp;
mod gamma;
mod log;
mod trig;

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
    /// The largest magnitude for which `sin_fast` and `cos_fast` are right.
    const TRIG_BOUND: Self;
    /// sin x for |x| ≤ `TRIG_BOUND`, without a branch; the same bits as `sin` there.
    fn sin_fast(self) -> Self;
    /// cos x for |x| ≤ `TRIG_BOUND`, without a branch; the same bits as `cos` there.
    fn cos_fast(self) -> Self;
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

macro_rules! common {
    ($t:ident) => {
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
        fn rem(self, y: Self) -> Self {
            self % y
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
        #[inline(always)]
        fn softplus(self) -> Self {
            let peak = if self < 0.0 { 0.0 } else { self };
            peak + Float::log1p(Float::exp(-Float::abs(self)))
        }
    };
}

/// Functions of `f32`: our own where a name stands before the arrow, else rounded from `f64`.
macro_rules! single {
    ($($name:ident: $own:path;)* -- $($wide:ident)*) => {
        impl Float for f32 {
            common!(f32);
            const TRIG_BOUND: Self = trig::BOUND as f32;
            #[inline(always)]
            fn sin(self) -> Self {
                let far = self.abs() > Self::TRIG_BOUND;
                if far { f64::from(self).sin() as f32 } else { trig::sin(self) }
            }
            #[inline(always)]
            fn cos(self) -> Self {
                let far = self.abs() > Self::TRIG_BOUND;
                if far { f64::from(self).cos() as f32 } else { trig::cos(self) }
            }
            fn hypot(self, y: Self) -> Self {
                f64::from(self).hypot(f64::from(y)) as f32
            }
            fn atan2(self, x: Self) -> Self {
                f64::from(self).atan2(f64::from(x)) as f32
            }
            fn pow(self, y: Self) -> Self {
                f64::from(self).powf(f64::from(y)) as f32
            }
            fn polygamma(n: Self, x: Self) -> Self {
                gamma::polygamma(f64::from(n), f64::from(x)) as f32
            }
            $(
                #[inline(always)]
                fn $name(self) -> Self {
                    $own(self)
                }
            )*
            $(
                fn $wide(self) -> Self {
                    Float::$wide(f64::from(self)) as f32
                }
            )*
        }
    };
}

single! {
    exp: exp::exp; expm1: exp::expm1; tanh: exp::tanh; sigmoid: exp::sigmoid; ln: log::ln;
    log1p: log::log1p; sin_fast: trig::sin; cos_fast: trig::cos;
    --
    cbrt exp2 log2 log10 tan asin acos atan sinh cosh asinh acosh atanh erf erfc lgamma digamma
}

/// Functions of `f64`: the standard library's, but for those that it lacks.
macro_rules! double {
    ($($name:ident: $std:path;)*) => {
        impl Float for f64 {
            common!(f64);
            const TRIG_BOUND: Self = f64::INFINITY;
            fn hypot(self, y: Self) -> Self {
                f64::hypot(self, y)
            }
            fn atan2(self, x: Self) -> Self {
                f64::atan2(self, x)
            }
            fn pow(self, y: Self) -> Self {
                f64::powf(self, y)
            }
            fn polygamma(n: Self, x: Self) -> Self {
                gamma::polygamma(n, x)
            }
            fn sigmoid(self) -> Self {
                let e = f64::exp(-f64::abs(self));
                let part = if self < 0.0 { e } else { 1.0 };
                part / (1.0 + e)
            }
            $(
                fn $name(self) -> Self {
                    $std(self)
                }
            )*
        }
    };
}

double! {
    cbrt: f64::cbrt; exp: f64::exp; exp2: f64::exp2; expm1: f64::exp_m1; ln: f64::ln;
    log2: f64::log2; log10: f64::log10; log1p: f64::ln_1p; sin: f64::sin; cos: f64::cos;
    sin_fast: f64::sin; cos_fast: f64::cos; tan: f64::tan; asin: f64::asin; acos: f64::acos;
    atan: f64::atan; sinh: f64::sinh; cosh: f64::cosh; tanh: f64::tanh; asinh: f64::asinh;
    acosh: f64::acosh; atanh: f64::atanh; erf: erf::erf; erfc: erf::erfc; lgamma: gamma::lgamma;
    digamma: gamma::digamma;
}
