//! Elementary functions on lanes (provisional: scalar bodies from `std`).

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

macro_rules! float {
    ($t:ident) => {
        impl Float for $t {
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
                self != self
            }
            #[inline(always)]
            fn copysign(self, s: Self) -> Self {
                $t::copysign(self, s)
            }
            fn rem(self, y: Self) -> Self {
                self % y
            }
            fn hypot(self, y: Self) -> Self {
                $t::hypot(self, y)
            }
            fn atan2(self, x: Self) -> Self {
                $t::atan2(self, x)
            }
            fn pow(self, y: Self) -> Self {
                $t::powf(self, y)
            }
            fn polygamma(_n: Self, _x: Self) -> Self {
                $t::NAN
            }
            #[inline(always)]
            fn abs(self) -> Self {
                $t::abs(self)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                $t::sqrt(self)
            }
            fn cbrt(self) -> Self {
                $t::cbrt(self)
            }
            fn exp(self) -> Self {
                $t::exp(self)
            }
            fn exp2(self) -> Self {
                $t::exp2(self)
            }
            fn expm1(self) -> Self {
                $t::exp_m1(self)
            }
            fn ln(self) -> Self {
                $t::ln(self)
            }
            fn log2(self) -> Self {
                $t::log2(self)
            }
            fn log10(self) -> Self {
                $t::log10(self)
            }
            fn log1p(self) -> Self {
                $t::ln_1p(self)
            }
            fn sin(self) -> Self {
                $t::sin(self)
            }
            fn cos(self) -> Self {
                $t::cos(self)
            }
            fn tan(self) -> Self {
                $t::tan(self)
            }
            fn asin(self) -> Self {
                $t::asin(self)
            }
            fn acos(self) -> Self {
                $t::acos(self)
            }
            fn atan(self) -> Self {
                $t::atan(self)
            }
            fn sinh(self) -> Self {
                $t::sinh(self)
            }
            fn cosh(self) -> Self {
                $t::cosh(self)
            }
            fn tanh(self) -> Self {
                $t::tanh(self)
            }
            fn asinh(self) -> Self {
                $t::asinh(self)
            }
            fn acosh(self) -> Self {
                $t::acosh(self)
            }
            fn atanh(self) -> Self {
                $t::atanh(self)
            }
            fn sigmoid(self) -> Self {
                1.0 / (1.0 + (-self).exp())
            }
            fn softplus(self) -> Self {
                self.max(0.0) + (-self.abs()).exp().ln_1p()
            }
            fn erf(self) -> Self {
                $t::NAN
            }
            fn erfc(self) -> Self {
                $t::NAN
            }
            fn lgamma(self) -> Self {
                $t::NAN
            }
            fn digamma(self) -> Self {
                $t::NAN
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
        }
    };
}
float!(f32);
float!(f64);
