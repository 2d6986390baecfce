//! [`Lane`] for `f32`: constants, coefficients, and the two kernels that differ from `f64`'s.
//!
//! Every coefficient is this crate's own minimax fit (see [`lane`](super::lane)); the comment on
//! the constant's declaration there says of what. Relative errors of the fits: exponential 2⁻²⁷·⁷
//! of eʳ, 2⁻²⁸·⁷ of eʳ − 1; logarithm 2⁻²⁸·⁴; sine 2⁻²⁸·⁰, cosine 2⁻³³·¹; sinh 2⁻³⁴, cosh 2⁻³³;
//! tanh 2⁻²⁹·⁴; arc tangent 2⁻³⁰·⁴; arc sine 2⁻³¹·⁷; erf 2⁻³⁰, erfcx 2⁻²⁸·²; the start of the cube
//! root 2⁻¹¹·⁸.

use std::f32::consts;

use super::lane::{Lane, bits, poly};

impl Lane for f32 {
    const MAGIC: f32 = 12582912.0 + 256.0;
    const INF: f32 = f32::INFINITY;
    const NAN: f32 = f32::NAN;
    const SMALL: f32 = 1.0 / 8192.0;
    const EXP_RANGE: (f32, f32) = (-104.0, 89.0);
    const EXP2_RANGE: (f32, f32) = (-151.0, 129.0);
    const LN_2: (f32, f32) = (consts::LN_2, -1.9046542e-9);
    const LOG2_E: (f32, f32) = (consts::LOG2_E, 1.925963e-8);
    const LOG10_E: (f32, f32) = (consts::LOG10_E, -1.010305e-8);
    const LOG10_2: (f32, f32) = (consts::LOG10_2, -1.4320989e-8);
    const PI_2: (f32, f32, f32) = (consts::FRAC_PI_2, -4.371139e-8, -1.7151245e-15);
    const HUGE: f32 = 16384.0;
    const FAR: (f32, f32) = (f32::from_bits((127 - 40) << 23), f32::from_bits((127 + 40) << 23));
    const EXP: &'static [f32] = &[0.49999994, 0.1666652, 0.041668393, 0.008368781, 0.0013814463];
    const EXPM1: &'static [f32] =
        &[0.5, 0.16666667, 0.041666355, 0.008333273, 0.0013941103, 0.00019914308];
    const SINH: &'static [f32] = &[0.16666667, 0.008333175, 0.00019974068];
    const COSH: &'static [f32] = &[0.04166646, 0.0013935438];
    const SIN: &'static [f32] = &[-0.16666655, 0.00833219, -0.00019518373];
    const COS: &'static [f32] = &[0.041666646, -0.0013887301, 2.4430661e-5];
    const TANH: &'static [f32] =
        &[-0.33333313, 0.13332434, -0.053835206, 0.020997388, -0.006164638];
    const ATAN: &'static [f32] = &[-0.33333316, 0.19998524, -0.14244239, 0.105976224, -0.060852];
    const ASIN: &'static [f32] =
        &[0.1666666, 0.07500521, 0.044513628, 0.031836186, 0.014328448, 0.037674498];
    const ERF: &'static [f32] = &[
        0.12837917,
        -0.3761263,
        0.11283624,
        -0.026855564,
        0.005191777,
        -8.040225e-4,
        7.9460646e-5,
    ];
    const ERFCX: &'static [f32] = &[
        0.27697837,
        -0.092763774,
        -0.16603039,
        0.16404867,
        -0.054219425,
        -0.007999821,
        0.008707909,
        0.0010977387,
        -0.0013556931,
        -0.00011891005,
    ];
    const ERFCX_K: (f32, f32) = (2.0, 10.5);
    const ICBRT: &'static [f32] = &[1.732562, -1.2905129, 0.7172988, -0.15959038];

    bits!(f32, u32, 23, 127, 8, 0x3f35_04f3);

    #[inline(always)]
    fn ln_1p_core(f: f32) -> (f32, f32) {
        const LN: &[f32] = &[
            0.33333313,
            -0.2500001,
            0.20002118,
            -0.16667995,
            0.1421956,
            -0.12405611,
            0.11888138,
            -0.116755664,
            0.067466065,
        ];
        let f2 = f * f;
        (f, (f2 * f).mul_add(poly(f, LN), -0.5 * f2))
    }
    #[inline(always)]
    fn erf_tail(a: f32) -> f32 {
        const G: &[f32] = &[
            -0.00015450252,
            1.1294156,
            0.633552,
            0.10804979,
            -0.024967702,
            0.004112455,
            -0.00042217862,
            2.00178e-5,
        ];
        let a = if a > 4.0 { 4.0 } else { a };
        1.0 - super::exp::exp_middle(-poly(a, G))
    }
    #[inline(always)]
    fn pow_positive(a: f32, y: f32) -> f32 {
        super::pow::pow_f32(a, y)
    }
    fn sin_any(self) -> f32 {
        super::trig::sin_large(f64::from(self)) as f32
    }
    fn cos_any(self) -> f32 {
        super::trig::cos_large(f64::from(self)) as f32
    }
    fn tan_any(self) -> f32 {
        super::trig::tan_large(f64::from(self)) as f32
    }
}
