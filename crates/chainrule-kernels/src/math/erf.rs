//! The error function and its complement, in `f64`.
//!
//! For |x| < 0.84, erf x = x (1 + P(x²)) with a minimax polynomial. Beyond, with t = (x − 4)/(x +
//! 4), (1 + 2x) e^{x²} erfc x is a minimax polynomial in t (after Shepherd & Laframboise 1981), and
//! the low part of x² is taken along, as its error would be multiplied by x².

const SMALL: f64 = 0.84;
/// erf x / x − 1 in x² for |x| ≤ 0.85, relative error 2⁻⁵⁴·⁷.
const ERF: [f64; 12] = [
    0.1283791670955126,
    -0.3761263890318374,
    0.11283791670954658,
    -0.026866170645011598,
    0.005223977623854523,
    -0.0008548326898888271,
    0.00012055326771894152,
    -1.4925445968394252e-05,
    1.6457608299329698e-06,
    -1.6299795214088215e-07,
    1.4185513453540482e-08,
    -8.826992785908684e-10,
];
/// (1 + 2x) e^{x²} erfc x in t for 0.84 ≤ x ≤ 27.5, error 2⁻⁶⁰·³.
const ERFC: [f64; 22] = [
    1.2329951186255526,
    -0.13962111684056247,
    0.015379652102620064,
    0.06809705425468777,
    -0.10103906603632667,
    0.093732834998582,
    -0.06633036581161823,
    0.037167515532433915,
    -0.016197734065877375,
    0.005031970038545349,
    -0.0007577732277872055,
    -0.00019925713489423716,
    0.0001506214151885013,
    -2.4397181335667125e-05,
    -1.1221450396254714e-05,
    5.703686016327978e-06,
    2.935031958274422e-07,
    -8.140597890398877e-07,
    7.323839946290819e-08,
    9.739796988641612e-08,
    -1.494746440139332e-08,
    -6.971865510125805e-09,
];

#[inline(always)]
fn poly<const N: usize>(x: f64, c: [f64; N]) -> f64 {
    let mut y = c[N - 1];
    for i in (0..N - 1).rev() {
        y = y.mul_add(x, c[i]);
    }
    y
}

/// erfc of a magnitude of at least [`SMALL`].
#[inline(always)]
fn tail(a: f64) -> f64 {
    let square = a * a;
    let rest = a.mul_add(a, -square);
    let t = (a - 4.0) / (a + 4.0);
    let e = (-square).exp();
    let y = e.mul_add(-rest, e) * poly(t, ERFC) / (1.0 + 2.0 * a);
    if a > 27.3 { 0.0 } else { y }
}

pub(super) fn erf(x: f64) -> f64 {
    let a = x.abs();
    let small = x.mul_add(poly(x * x, ERF), x);
    if x.is_nan() || a < SMALL { small } else { (1.0 - tail(a)).copysign(x) }
}

pub(super) fn erfc(x: f64) -> f64 {
    let a = x.abs();
    let small = 1.0 - x.mul_add(poly(x * x, ERF), x);
    if x.is_nan() || a < SMALL {
        small
    } else if x > 0.0 {
        tail(a)
    } else {
        2.0 - tail(a)
    }
}
