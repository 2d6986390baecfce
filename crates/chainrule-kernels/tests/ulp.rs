//! How many units in the last place the functions of `f32` are from the true value, over every kind
//! of argument; and the functions that the standard library lacks against tables.
//!
//! `cargo test -p chainrule-kernels --test ulp -- --nocapture` prints the table.

#![allow(clippy::excessive_precision, clippy::approx_constant)] // the tables have 17 digits, whatever a number needs

use chainrule_kernels::Float;
use chainrule_kernels::simd::{Vectorize, vectorize};

/// The distance between `y` and the true value `exact`, in units of `exact`'s last place.
fn ulps(y: f32, exact: f64) -> f64 {
    let nearest = exact as f32;
    if y.to_bits() == nearest.to_bits() || y.is_nan() && exact.is_nan() {
        return 0.0;
    }
    if !y.is_finite() || !nearest.is_finite() {
        // One step past the largest number is not an error of more than one unit.
        let step = |x: f32| if x.is_infinite() { f32::MAX.copysign(x) } else { x };
        let both = step(y) == step(nearest) && !y.is_nan() && !exact.is_nan();
        return if both { 1.0 } else { f64::INFINITY };
    }
    let base = nearest.abs().to_bits();
    let unit = f64::from(f32::from_bits(base + 1)) - f64::from(f32::from_bits(base));
    (f64::from(y) - exact).abs() / unit
}

/// A loop over a block, compiled for vectors.
struct Loop<'a, G>(&'a [f32], &'a mut [f32], G);

impl<G: Fn(f32) -> f32> Vectorize for Loop<'_, G> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        for (y, &x) in self.1.iter_mut().zip(self.0) {
            *y = (self.2)(x);
        }
    }
}

/// Arguments of every exponent and sign, subnormal and special ones too, and neighbours of points
/// where formulas change.
fn arguments() -> Vec<f32> {
    let mut x: Vec<f32> = (0..=u32::MAX).step_by(9973).map(f32::from_bits).collect();
    let joints =
        [0.0, 0.5625, 1.0, 0.5f32.sqrt(), 2f32.sqrt(), 20.0, 88.72284, 103.97, 89.0, 1e8, 0.84];
    for bits in joints.into_iter().flat_map(|j: f32| [j.to_bits(), (-j).to_bits()]) {
        let near = (0..200).flat_map(|i| [bits.wrapping_add(i), bits.wrapping_sub(i)]);
        x.extend(near.map(f32::from_bits));
    }
    x.extend((-2000..2000).map(|i| i as f32 * std::f32::consts::FRAC_PI_4));
    x
}

macro_rules! measure {
    ($x:expr, $($name:literal $f:expr, $exact:expr;)*) => { $(
        let mut y = vec![0.0; $x.len()];
        vectorize(Loop($x, &mut y, $f));
        let mut worst = (0.0, 0.0);
        for (&x, &y) in $x.iter().zip(&y) {
            let error = ulps(y, $exact(f64::from(x)));
            if error > worst.0 {
                worst = (error, x);
            }
            // The same bits outside vector code.
            let scalar: f32 = $f(x);
            let same = scalar.to_bits() == y.to_bits() || scalar.is_nan() && y.is_nan();
            assert!(same, "{}: other bits in vector code at {x:e}", $name);
        }
        println!("{:10} f32  {:.2} ULP at {:e}", $name, worst.0, worst.1);
        assert!(worst.0 <= 2.0, "{}: {} ULP at {:e}", $name, worst.0, worst.1);
    )* };
}

fn logistic(x: f64) -> f64 {
    let e = (-x.abs()).exp();
    if x < 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) }
}

fn softplus(x: f64) -> f64 {
    (if x < 0.0 { 0.0 } else { x }) + (-x.abs()).exp().ln_1p()
}

#[test]
fn single_precision_is_within_two_units() {
    let x = arguments();
    measure! { &x,
        "exp" Float::exp, f64::exp;
        "expm1" Float::expm1, f64::exp_m1;
        "ln" Float::ln, f64::ln;
        "log1p" Float::log1p, f64::ln_1p;
        "tanh" Float::tanh, f64::tanh;
        "sigmoid" Float::sigmoid, logistic;
        "softplus" Float::softplus, softplus;
        "sin" Float::sin, f64::sin;
        "cos" Float::cos, f64::cos;
        "exp2" Float::exp2, f64::exp2;
        "log2" Float::log2, f64::log2;
        "atan" Float::atan, f64::atan;
        "erf" Float::erf, <f64 as Float>::erf;
        "erfc" Float::erfc, <f64 as Float>::erfc;
    }
    let near: Vec<f32> = x.iter().copied().filter(|x| x.abs() <= f32::TRIG_BOUND).collect();
    measure! { &near,
        "sin_fast" Float::sin_fast, f64::sin;
        "cos_fast" Float::cos_fast, f64::cos;
    }
}

/// erf, by mpmath at 40 digits, as the other tables.
const ERF: &[(f64, f64)] = &[
    (-6.0, -0.99999999999999998),
    (-3.5, -0.99999925690162766),
    (-2.0, -0.99532226501895273),
    (-1.1, -0.88020506957408173),
    (-0.85, -0.77066805760835252),
    (-0.83, -0.75952375693777297),
    (-0.5, -0.52049987781304654),
    (-0.1, -0.1124629160182849),
    (-1e-08, -1.1283791670955126e-8),
    (1e-300, 1.1283791670955126e-300),
    (1e-10, 1.1283791670955126e-10),
    (0.001, 0.0011283787909692364),
    (0.1, 0.1124629160182849),
    (0.3, 0.32862675945912742),
    (0.5, 0.52049987781304654),
    (0.7, 0.67780119383741844),
    (0.8399, 0.76508698603470418),
    (0.8401, 0.76519842751420061),
    (0.9, 0.79690821242283214),
    (1.0, 0.84270079294971487),
    (1.2, 0.91031397822963537),
    (1.5, 0.96610514647531073),
    (2.0, 0.99532226501895273),
    (2.5, 0.99959304798255504),
    (3.0, 0.99997790950300141),
    (3.7, 0.99999983284894209),
    (4.5, 0.99999999980338396),
    (5.5, 0.99999999999999264),
];

/// erfc.
const ERFC: &[(f64, f64)] = &[
    (-3.0, 1.9999779095030014),
    (-0.9, 1.7969082124228321),
    (-0.3, 1.3286267594591274),
    (0.2, 0.77729741078952153),
    (0.5, 0.47950012218695346),
    (0.8, 0.25789903529233949),
    (0.85, 0.22933194239164748),
    (1.0, 0.15729920705028513),
    (1.5, 0.033894853524689273),
    (2.0, 0.0046777349810472658),
    (3.0, 2.2090496998585441e-5),
    (4.0, 1.5417257900280019e-8),
    (5.0, 1.5374597944280349e-12),
    (7.0, 4.1838256077794144e-23),
    (9.0, 4.1370317465138102e-37),
    (12.0, 1.3562611692059042e-64),
    (15.0, 7.2129941724512067e-100),
    (18.0, 6.0823692318163993e-143),
    (20.0, 5.3958656116079009e-176),
    (23.0, 4.4412659480880572e-232),
    (25.0, 8.3001725711965228e-274),
    (26.2, 1.6432507924389462e-300),
];

/// ln |Γ|.
const LGAMMA: &[(f64, f64)] = &[
    (-7.5, -8.4045373714515975),
    (-3.3, -0.82435580501742646),
    (-2.7, -0.071407085315645688),
    (-1.5, 0.86004701537648101),
    (-0.6, 1.3075034414677744),
    (-0.1, 2.3689613327287886),
    (-1e-05, 11.512931237209124),
    (1e-08, 18.420680738180209),
    (0.01, 4.5994798780420217),
    (0.2, 1.5240638224307845),
    (0.49, 0.59224962933526706),
    (0.51, 0.55297381792980072),
    (0.9, 0.066376239734742954),
    (1.1, -0.049872441259839762),
    (1.3, -0.10817480950786048),
    (1.7, -0.095807697407065874),
    (1.9, -0.038984275923083362),
    (2.2, 0.096947466790638873),
    (3.0, 0.69314718055994531),
    (4.5, 2.4537365708424422),
    (7.0, 6.579251212010101),
    (10.0, 12.80182748008147),
    (14.9, 24.924132002217278),
    (15.1, 25.458999750992663),
    (30.0, 71.257038967168009),
    (100.0, 359.1342053695754),
    (10000.0, 82099.717496442377),
    (10000000000.0, 220258509288.81058),
];

/// ψ.
const DIGAMMA: &[(f64, f64)] = &[
    (-7.5, 2.0800908175794201),
    (-3.3, 3.6203534605921258),
    (-2.7, -1.1153471291406896),
    (-1.5, 0.70315664064524319),
    (-0.6, -0.89471787791844926),
    (-0.1, 9.245073050052948),
    (-1e-05, 99999.422767885629),
    (1e-08, -100000000.57721565),
    (0.01, -100.56088545786867),
    (0.2, -5.289039896592188),
    (0.49, -2.0137160506951261),
    (0.51, -1.9149875241635757),
    (0.9, -0.75492694994705135),
    (1.1, -0.42375494041107667),
    (1.3, -0.16919088886679961),
    (1.7, 0.20854787487349392),
    (1.9, 0.35618416116405966),
    (2.2, 0.54429343674114514),
    (3.0, 0.92278433509846714),
    (4.5, 1.3888709263595289),
    (7.0, 1.8727843350984671),
    (10.0, 2.2517525890667211),
    (14.9, 2.6674289762160423),
    (15.1, 2.681216839951709),
    (30.0, 3.3844381326855249),
    (100.0, 4.6001618527380874),
    (10000.0, 9.2102903711428494),
    (10000000000.0, 23.025850929890457),
];

/// (n, x, ψ⁽ⁿ⁾(x)).
const POLYGAMMA: &[(f64, f64, f64)] = &[
    (1.0, -2.3, 14.725912160961291),
    (1.0, -0.4, 9.8862096709023572),
    (1.0, 0.01, 10001.621213528313),
    (1.0, 0.5, 4.9348022005446793),
    (1.0, 1.0, 1.6449340668482264),
    (1.0, 1.7, 0.79323283016399841),
    (1.0, 3.0, 0.39493406684822644),
    (1.0, 8.0, 0.13313701469403143),
    (1.0, 20.0, 0.05127082293520312),
    (1.0, 150.0, 0.0066889382711659947),
    (2.0, -2.3, 68.713792529270302),
    (2.0, -0.4, 21.287168462856536),
    (2.0, 0.01, -2000002.340398677),
    (2.0, 0.5, -16.82879664423432),
    (2.0, 1.0, -2.4041138063191886),
    (2.0, 1.7, -0.60408908410345903),
    (2.0, 3.0, -0.15411380631918857),
    (2.0, 8.0, -0.017699569195767774),
    (2.0, 20.0, -0.0026281224023146546),
    (2.0, 150.0, -4.4741728380430463e-5),
    (3.0, -2.3, 768.93506466614224),
    (3.0, -0.4, 281.78204104534573),
    (3.0, 0.01, 600000006.25106182),
    (3.0, 0.5, 97.409091034002437),
    (3.0, 1.0, 6.4939394022668291),
    (3.0, 1.7, 0.88956200662431641),
    (3.0, 3.0, 0.11893940226682915),
    (3.0, 8.0, 0.0046992397959451039),
    (3.0, 20.0, 0.00026937422133963891),
    (3.0, 150.0, 5.9854485538183623e-7),
    (4.0, -2.3, 9738.6717365692514),
    (4.0, -0.4, 2032.5572680707374),
    (4.0, 0.01, -240000000023.7009),
    (4.0, 0.5, -771.47424982666723),
    (4.0, 1.0, -24.886266123440878),
    (4.0, 1.7, -1.9106098041479516),
    (4.0, 3.0, -0.13626612344087823),
    (4.0, 8.0, -0.0018687951506376135),
    (4.0, 20.0, -4.1405977726396668e-5),
    (4.0, 150.0, -1.2010754430851037e-8),
    (7.0, -2.3, 76905683.920589216),
    (7.0, -0.4, 7990618.2458912149),
    (7.0, 0.01, 5.0399999999999996e19),
    (7.0, 0.5, 1290440.2181855981),
    (7.0, 1.0, 5060.5498752376395),
    (7.0, 1.7, 74.205840574884696),
    (7.0, 3.0, 0.86237523763947047),
    (7.0, 8.0, 0.000518000614206973),
    (7.0, 20.0, 6.6747558181760711e-7),
    (7.0, 150.0, 4.3131921990184508e-13),
];

/// Largest relative error over a table; absolute where the value is below 1 and `absolute`.
fn worst(table: &[(f64, f64)], absolute: bool, f: impl Fn(f64) -> f64) -> f64 {
    let error = |&(x, y): &(f64, f64)| {
        let scale = if absolute { y.abs().max(1.0) } else { y.abs() };
        (f(x) - y).abs() / scale
    };
    table.iter().map(error).fold(0.0, f64::max)
}

/// Four units in the last place for the error functions; for the gamma functions 10⁻¹³, the length
/// of their recurrences times the unit, absolute where the value is small.
#[test]
fn special_functions_agree_with_tables() {
    let unit = f64::EPSILON;
    let errors = [
        ("erf", worst(ERF, false, Float::erf), 4.0 * unit),
        ("erfc", worst(ERFC, false, Float::erfc), 4.0 * unit),
        ("lgamma", worst(LGAMMA, true, Float::lgamma), 1e-13),
        ("digamma", worst(DIGAMMA, true, Float::digamma), 1e-13),
    ];
    for (name, error, limit) in errors {
        println!("{name:10} f64  {error:.1e}");
        assert!(error <= limit, "{name}: {error:e}");
    }
    for &(n, x, y) in POLYGAMMA {
        let error = (f64::polygamma(n, x) - y).abs() / y.abs().max(1.0);
        assert!(error <= 1e-13, "polygamma({n}, {x}): {error:e}");
    }
}

#[test]
fn special_values() {
    let inf = f32::INFINITY;
    assert_eq!([Float::exp(inf), Float::exp(-inf), Float::exp(0.0f32)], [inf, 0.0, 1.0]);
    assert_eq!([Float::ln(0.0f32), Float::ln(inf), Float::ln(1.0f32)], [-inf, inf, 0.0]);
    assert!(Float::ln(-1.0f32).is_nan() && Float::sin(inf).is_nan() && Float::cos(-inf).is_nan());
    assert_eq!([Float::tanh(inf), Float::tanh(-inf), Float::sigmoid(0.0f32)], [1.0, -1.0, 0.5]);
    assert_eq!([Float::expm1(-inf), Float::softplus(-inf), Float::softplus(inf)], [-1.0, 0.0, inf]);
    for f in [Float::sin, Float::tanh, Float::expm1, Float::log1p, Float::erf] {
        let zero: f32 = f(-0.0f32);
        assert_eq!(zero.to_bits(), (-0.0f32).to_bits());
        assert!(f(f32::NAN).is_nan());
    }
    assert_eq!(Float::lgamma(-3.0), f64::INFINITY);
    assert!(Float::digamma(0.0).is_nan() && f64::polygamma(0.5, 1.0).is_nan());
    assert_eq!(f64::polygamma(1.0, -2.0), f64::INFINITY);
}
