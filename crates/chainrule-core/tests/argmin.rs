//! Derivatives that somebody else wrote out by hand: gradients and Hessians of the test functions
//! of
//! `argmin_testfunctions`, at a thousand random points of each function's usual domain.
//!
//! The functions are written here as tensor code from their definitions; where that library's code
//! differs from its definition, the code is followed and the remark says so.

mod common;

use std::f64::consts::{E, PI};

use argmin_testfunctions as theirs;
use chainrule_core::{Tensor, gradient, hessian, vmap};
use common::{list, numbers};

/// A function and what is to be known of it.
struct Case {
    name: &'static str,
    /// From where to where each coordinate goes.
    domain: Vec<[f64; 2]>,
    f: fn(&Tensor) -> Tensor,
    value: fn(&[f64]) -> f64,
    gradient: fn(&[f64]) -> Vec<f64>,
    hessian: fn(&[f64]) -> Vec<Vec<f64>>,
    /// How far the nearest kink is, in the argument of the function that has it.
    kink: fn(&[f64]) -> f64,
}

/// What is closer to a kink than this is drawn again: a difference of numbers of magnitude 10² is
/// then known to 10⁻¹¹ of itself.
const AWAY: f64 = 1e-2;

fn nowhere(_: &[f64]) -> f64 {
    f64::INFINITY
}

/// A function of two numbers.
macro_rules! two {
    ($value:ident $gradient:ident $hessian:ident, [$($domain:expr),*],
     |$x:ident, $y:ident| $f:expr, $kink:expr) => {
        Case {
            name: stringify!($value),
            domain: vec![$($domain),*],
            f: |v| {
                let ($x, $y) = (&v.i(0), &v.i(1));
                $f
            },
            value: |x| theirs::$value(&[x[0], x[1]]),
            gradient: |x| theirs::$gradient(&[x[0], x[1]]).to_vec(),
            hessian: |x| theirs::$hessian(&[x[0], x[1]]).map(|row| row.to_vec()).to_vec(),
            kink: $kink,
        }
    };
}

/// A function of any number of numbers; here of four.
macro_rules! many {
    ($value:ident $gradient:ident $hessian:ident, $domain:expr, |$x:ident| $f:expr) => {
        Case {
            name: stringify!($value),
            domain: vec![$domain; 4],
            f: |$x| $f,
            value: |x| theirs::$value(x),
            gradient: |x| theirs::$gradient(x),
            hessian: |x| theirs::$hessian(x),
            kink: nowhere,
        }
    };
}

fn sin2(x: &Tensor) -> Tensor {
    x.sin().square()
}

fn goldstein_price(x: &Tensor, y: &Tensor) -> Tensor {
    let a = 19.0 - 14.0 * (x + y) + 3.0 * (x.square() + y.square()) + 6.0 * x * y;
    let b = 18.0 - 32.0 * x + 12.0 * x.square() + 48.0 * y - 36.0 * x * y + 27.0 * y.square();
    (1.0 + (x + y + 1.0).square() * a) * (30.0 + (2.0 * x - 3.0 * y).square() * b)
}

fn schaffer(square: &Tensor, x: &Tensor, y: &Tensor) -> Tensor {
    0.5 + (square - 0.5) / (1.0 + 0.001 * (x.square() + y.square())).square()
}

/// √|x| and its like: how far from 0 the numbers are.
fn least(list: &[f64]) -> f64 {
    list.iter().map(|v| v.abs()).fold(f64::INFINITY, f64::min)
}

fn of_any_dimension() -> Vec<Case> {
    vec![
        many!(ackley ackley_derivative ackley_hessian, [-32.768, 32.768], |x| {
            let root = x.square().mean().sqrt();
            -20.0 * (-0.2 * root).exp() - (2.0 * PI * x).cos().mean().exp() + 20.0 + E
        }),
        // By its definition the sum begins with w₁; in that library's code, with w₂.
        many!(levy levy_derivative levy_hessian, [-10.0, 10.0], |x| {
            let w = 1.0 + (x - 1.0) / 4.0;
            let (first, middle, last) = (w.i(0), w.i(1..3), w.i(3));
            let each = (&middle - 1.0).square() * (1.0 + 10.0 * sin2(&(PI * middle + 1.0)));
            let end = (&last - 1.0).square() * (1.0 + sin2(&(2.0 * PI * last)));
            sin2(&(PI * first)) + each.sum() + end
        }),
        many!(rastrigin rastrigin_derivative rastrigin_hessian, [-5.12, 5.12], |x| {
            10.0 * x.len() as f64 + (x.square() - 10.0 * (2.0 * PI * x).cos()).sum()
        }),
        many!(rosenbrock rosenbrock_derivative rosenbrock_hessian, [-3.0, 3.0], |x| {
            let (x, next) = (x.i(..-1), x.i(1..));
            ((1.0 - &x).square() + 100.0 * (next - x.square()).square()).sum()
        }),
        many!(sphere sphere_derivative sphere_hessian, [-10.0, 10.0], |x| x.square().sum()),
        many!(styblinski_tang styblinski_tang_derivative styblinski_tang_hessian, [-5.0, 5.0], |x| {
            0.5 * (x.powi(4) - 16.0 * x.square() + 5.0 * x).sum()
        }),
        many!(zero zero_derivative zero_hessian, [-1.0, 1.0], |x| x.sum() * 0.0),
    ]
}

fn of_two_numbers() -> Vec<Case> {
    let square = |r: f64| [[-r, r], [-r, r]];
    let [ten, five, two] = [10.0, 5.0, 2.0].map(square);
    vec![
        two!(beale beale_derivative beale_hessian, [[-4.5, 4.5], [-4.5, 4.5]], |x, y| {
            (1.5 - x + x * y).square()
                + (2.25 - x + x * y.square()).square()
                + (2.625 - x + x * y.powi(3)).square()
        }, nowhere),
        two!(booth booth_derivative booth_hessian, [ten[0], ten[1]], |x, y| {
            (x + 2.0 * y - 7.0).square() + (2.0 * x + y - 5.0).square()
        }, nowhere),
        two!(bukin_n6 bukin_n6_derivative bukin_n6_hessian, [[-15.0, -5.0], [-3.0, 3.0]], |x, y| {
            100.0 * (y - 0.01 * x.square()).abs().sqrt() + 0.01 * (x + 10.0).abs()
        }, |x| least(&[x[1] - 0.01 * x[0] * x[0], x[0] + 10.0])),
        two!(cross_in_tray cross_in_tray_derivative cross_in_tray_hessian, [ten[0], ten[1]],
        |x, y| {
            let steep = (100.0 - x.hypot(y) / PI).abs().exp();
            -0.0001 * ((x.sin() * y.sin() * steep).abs() + 1.0).pow(0.1)
        }, |x| least(&[x[0].sin(), x[1].sin()])),
        // Beyond 5 from (π, π) everything is below 10⁻¹⁰.
        two!(easom easom_derivative easom_hessian, [[-2.0, 8.0], [-2.0, 8.0]], |x, y| {
            -x.cos() * y.cos() * (-(x - PI).square() - (y - PI).square()).exp()
        }, nowhere),
        two!(eggholder eggholder_derivative eggholder_hessian, [[-512.0, 512.0], [-512.0, 512.0]],
        |x, y| {
            let z = y + 47.0;
            -&z * (&z + x / 2.0).abs().sqrt().sin() - x * (x - &z).abs().sqrt().sin()
        }, |x| least(&[x[1] + 47.0 + x[0] / 2.0, x[0] - x[1] - 47.0])),
        two!(goldsteinprice goldsteinprice_derivative goldsteinprice_hessian, [two[0], two[1]],
            |x, y| goldstein_price(x, y), nowhere),
        two!(himmelblau himmelblau_derivative himmelblau_hessian, [five[0], five[1]], |x, y| {
            (x.square() + y - 11.0).square() + (x + y.square() - 7.0).square()
        }, nowhere),
        two!(holder_table holder_table_derivative holder_table_hessian, [ten[0], ten[1]], |x, y| {
            -(x.sin() * y.cos() * (1.0 - x.hypot(y) / PI).abs().exp()).abs()
        }, |x| least(&[x[0].sin(), x[1].cos(), x[0].hypot(x[1]) / PI - 1.0])),
        two!(levy_n13 levy_n13_derivative levy_n13_hessian, [ten[0], ten[1]], |x, y| {
            sin2(&(3.0 * PI * x))
                + (x - 1.0).square() * (1.0 + sin2(&(3.0 * PI * y)))
                + (y - 1.0).square() * (1.0 + sin2(&(2.0 * PI * y)))
        }, nowhere),
        two!(matyas matyas_derivative matyas_hessian, [ten[0], ten[1]], |x, y| {
            0.26 * (x.square() + y.square()) - 0.48 * x * y
        }, nowhere),
        two!(mccormick mccormick_derivative mccormick_hessian, [[-1.5, 4.0], [-3.0, 4.0]], |x, y| {
            (x + y).sin() + (x - y).square() - 1.5 * x + 2.5 * y + 1.0
        }, nowhere),
        two!(picheny picheny_derivative picheny_hessian, [[0.0, 1.0], [0.0, 1.0]], |x, y| {
            (goldstein_price(&(4.0 * x - 2.0), &(4.0 * y - 2.0)).log10() - 8.693) / 2.427
        }, nowhere),
        two!(schaffer_n2 schaffer_n2_derivative schaffer_n2_hessian,
            [[-100.0, 100.0], [-100.0, 100.0]], |x, y| {
            schaffer(&sin2(&(x.square() - y.square())), x, y)
        }, nowhere),
        two!(schaffer_n4 schaffer_n4_derivative schaffer_n4_hessian,
            [[-100.0, 100.0], [-100.0, 100.0]], |x, y| {
            let inner = (x.square() - y.square()).abs().sin();
            schaffer(&inner.cos().square(), x, y)
        }, |x| least(&[x[0] - x[1], x[0] + x[1]])),
        two!(threehumpcamel threehumpcamel_derivative threehumpcamel_hessian, [five[0], five[1]],
        |x, y| {
            2.0 * x.square() - 1.05 * x.powi(4) + x.powi(6) / 6.0 + x * y + y.square()
        }, nowhere),
    ]
}

fn cases() -> impl Iterator<Item = Case> {
    of_any_dimension().into_iter().chain(of_two_numbers())
}

const POINTS: usize = 1000;

/// Random points of a function's domain, off its kinks.
fn points(case: &Case) -> Vec<Vec<f64>> {
    let n = case.domain.len();
    let place = |v: f64, [low, high]: [f64; 2]| low + (high - low) * (v + 2.0) / 4.0;
    let all = numbers(2 * POINTS * n, 11);
    all.chunks_exact(n)
        .map(|x| x.iter().zip(&case.domain).map(|(&v, &d)| place(v, d)).collect())
        .filter(|x: &Vec<f64>| (case.kink)(x) > AWAY)
        .take(POINTS)
        .collect()
}

/// That two lists agree to 10⁻⁹ of the largest numbers at the point: a sum that cancels to little
/// is known as well as its terms. For functions with large slopes these are larger than what is
/// left.
fn agree(name: &str, what: &str, at: &[f64], ours: &[f64], theirs: &[f64]) {
    let scale = theirs.iter().fold(1e-3f64, |m, v| m.max(v.abs()));
    for (a, b) in ours.iter().zip(theirs) {
        let error = (a - b).abs() / scale;
        assert!(error <= 1e-9, "{what} of {name} at {at:?}: {a}, not {b}: {error:.1e}");
    }
    assert_eq!(ours.len(), theirs.len());
}

#[test]
fn gradients_and_hessians_at_a_thousand_points() {
    for case in cases() {
        let (name, n, points) = (case.name, case.domain.len(), points(&case));
        assert_eq!(points.len(), POINTS, "{name}");
        let x = Tensor::from_vec(points.concat(), [POINTS, n]).expect(name);
        let f = case.f;
        let values = list(&vmap(f, &x).expect(name));
        let slopes = list(&vmap(|x: &Tensor| gradient(f, x), &x).expect(name));
        let curvatures = list(&vmap(|x: &Tensor| hessian(f, x), &x).expect(name));
        for (i, at) in points.iter().enumerate() {
            agree(name, "the value", at, &values[i..i + 1], &[(case.value)(at)]);
            agree(name, "the gradient", at, &slopes[i * n..][..n], &(case.gradient)(at));
            let whole = (case.hessian)(at).concat();
            agree(name, "the Hessian", at, &curvatures[i * n * n..][..n * n], &whole);
        }
    }
}

#[test]
fn one_point_by_itself() {
    for case in cases() {
        for at in &points(&case)[..5] {
            let x = Tensor::from(at.as_slice());
            let slope = list(&gradient(case.f, &x).expect(case.name));
            agree(case.name, "the gradient", at, &slope, &(case.gradient)(at));
            let whole = list(&hessian(case.f, &x).expect(case.name));
            agree(case.name, "the Hessian", at, &whole, &(case.hessian)(at).concat());
        }
    }
}
