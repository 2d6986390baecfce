//! The first eighteen problems of Moré, Garbow and Hillstrom (1981), *Testing unconstrained
//! optimization software*, with the starting points of the paper.
//!
//! Gulf's residual has |yᵢ − x₂|; the paper prints |yᵢ m i x₂|, at which its solution is none. The
//! data of Meyer, Kowalik–Osborne and Osborne are also those of NIST's MGH10, MGH09 and MGH17.

use chainrule_core::{Tensor, stack};

/// A problem.
pub(crate) struct Problem {
    pub(crate) name: &'static str,
    pub(crate) start: Vec<f64>,
    /// The least sum of squares.
    pub(crate) least: f64,
    pub(crate) residuals: fn(&Tensor) -> Tensor,
}

/// A sum of squares is found if it is within 10⁻⁴ of the least, or below 10⁻¹⁰ if that is 0.
pub(crate) fn is_solved(sum: f64, least: f64) -> bool {
    sum <= least * (1.0 + 1e-4) + 1e-10
}

fn numbers(from: u32, to: u32) -> Tensor {
    Tensor::from((from..=to).map(f64::from).collect::<Vec<f64>>())
}

fn vector(all: &[Tensor]) -> Tensor {
    stack(&all.iter().collect::<Vec<_>>(), 0).expect("numbers")
}

fn rosenbrock(x: &Tensor) -> Tensor {
    vector(&[10.0 * (x.i(1) - x.i(0).square()), 1.0 - x.i(0)])
}

fn freudenstein_roth(x: &Tensor) -> Tensor {
    let (a, b) = (x.i(0), x.i(1));
    vector(&[-13.0 + &a + ((5.0 - &b) * &b - 2.0) * &b, -29.0 + &a + ((&b + 1.0) * &b - 14.0) * &b])
}

fn powell_badly_scaled(x: &Tensor) -> Tensor {
    vector(&[1e4 * x.i(0) * x.i(1) - 1.0, (-x.i(0)).exp() + (-x.i(1)).exp() - 1.0001])
}

fn brown_badly_scaled(x: &Tensor) -> Tensor {
    vector(&[x.i(0) - 1e6, x.i(1) - 2e-6, x.i(0) * x.i(1) - 2.0])
}

fn beale(x: &Tensor) -> Tensor {
    let (a, b) = (x.i(0), x.i(1));
    vector(&[1.5 - &a * (1.0 - &b), 2.25 - &a * (1.0 - b.powi(2)), 2.625 - &a * (1.0 - b.powi(3))])
}

fn jennrich_sampson(x: &Tensor) -> Tensor {
    let i = numbers(1, 10);
    2.0 + 2.0 * &i - ((&i * x.i(0)).exp() + (&i * x.i(1)).exp())
}

fn helical_valley(x: &Tensor) -> Tensor {
    let turn = (x.i(1) / x.i(0)).atan() / std::f64::consts::TAU;
    let left = x.i(0).lt(0.0).to_dtype(x.dtype());
    let angle = turn + 0.5 * left;
    let length = (x.i(0).square() + x.i(1).square()).sqrt();
    vector(&[10.0 * (x.i(2) - 10.0 * angle), 10.0 * (length - 1.0), x.i(2)])
}

fn bard(x: &Tensor) -> Tensor {
    let y = Tensor::from([
        0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39,
    ]);
    let u = numbers(1, 15);
    let v = 16.0 - &u;
    let w = u.minimum(&v);
    y - (x.i(0) + &u / (v * x.i(1) + w * x.i(2)))
}

fn gaussian(x: &Tensor) -> Tensor {
    let half = [0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521, 0.3989];
    let y: Vec<f64> = half.iter().chain(half[..7].iter().rev()).copied().collect();
    let t = (8.0 - numbers(1, 15)) / 2.0;
    x.i(0) * (-x.i(1) * (t - x.i(2)).square() / 2.0).exp() - Tensor::from(y)
}

fn meyer(x: &Tensor) -> Tensor {
    let y = Tensor::from([
        34780.0, 28610.0, 23650.0, 19630.0, 16370.0, 13720.0, 11540.0, 9744.0, 8261.0, 7030.0,
        6005.0, 5147.0, 4427.0, 3820.0, 3307.0, 2872.0,
    ]);
    let t = 45.0 + 5.0 * numbers(1, 16);
    x.i(0) * (x.i(1) / (t + x.i(2))).exp() - y
}

fn gulf(x: &Tensor) -> Tensor {
    let t = numbers(1, 99) / 100.0;
    let y = 25.0 + (-50.0 * t.ln()).powf(2.0 / 3.0);
    (-((y - x.i(1)).abs().pow(x.i(2))) / x.i(0)).exp() - t
}

fn box_three(x: &Tensor) -> Tensor {
    let t = 0.1 * numbers(1, 10);
    let known = (-&t).exp() - (-10.0 * &t).exp();
    (-&t * x.i(0)).exp() - (-&t * x.i(1)).exp() - x.i(2) * known
}

fn powell_singular(x: &Tensor) -> Tensor {
    vector(&[
        x.i(0) + 10.0 * x.i(1),
        5f64.sqrt() * (x.i(2) - x.i(3)),
        (x.i(1) - 2.0 * x.i(2)).square(),
        10f64.sqrt() * (x.i(0) - x.i(3)).square(),
    ])
}

fn wood(x: &Tensor) -> Tensor {
    vector(&[
        10.0 * (x.i(1) - x.i(0).square()),
        1.0 - x.i(0),
        90f64.sqrt() * (x.i(3) - x.i(2).square()),
        1.0 - x.i(2),
        10f64.sqrt() * (x.i(1) + x.i(3) - 2.0),
        (x.i(1) - x.i(3)) / 10f64.sqrt(),
    ])
}

fn kowalik_osborne(x: &Tensor) -> Tensor {
    let y = Tensor::from([
        0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246,
    ]);
    let u = Tensor::from([4.0, 2.0, 1.0, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625]);
    y - x.i(0) * (u.square() + &u * x.i(1)) / (u.square() + &u * x.i(2) + x.i(3))
}

fn brown_dennis(x: &Tensor) -> Tensor {
    let t = numbers(1, 20) / 5.0;
    (x.i(0) + &t * x.i(1) - t.exp()).square() + (x.i(2) + x.i(3) * t.sin() - t.cos()).square()
}

fn osborne_1(x: &Tensor) -> Tensor {
    let y = Tensor::from(vec![
        0.844, 0.908, 0.932, 0.936, 0.925, 0.908, 0.881, 0.850, 0.818, 0.784, 0.751, 0.718, 0.685,
        0.658, 0.628, 0.603, 0.580, 0.558, 0.538, 0.522, 0.506, 0.490, 0.478, 0.467, 0.457, 0.448,
        0.438, 0.431, 0.424, 0.420, 0.414, 0.411, 0.406,
    ]);
    let t = 10.0 * numbers(0, 32);
    y - (x.i(0) + x.i(1) * (-&t * x.i(3)).exp() + x.i(2) * (-&t * x.i(4)).exp())
}

fn biggs_exp6(x: &Tensor) -> Tensor {
    let t = 0.1 * numbers(1, 13);
    let y = (-&t).exp() - 5.0 * (-10.0 * &t).exp() + 3.0 * (-4.0 * &t).exp();
    x.i(2) * (-&t * x.i(0)).exp() - x.i(3) * (-&t * x.i(1)).exp() + x.i(5) * (-&t * x.i(4)).exp()
        - y
}

/// All of them.
pub(crate) fn problems() -> Vec<Problem> {
    let problem = |name, start: &[f64], least, residuals| Problem {
        name,
        start: start.to_vec(),
        least,
        residuals,
    };
    vec![
        problem("Rosenbrock", &[-1.2, 1.0], 0.0, rosenbrock as fn(&Tensor) -> Tensor),
        problem("Freudenstein–Roth", &[0.5, -2.0], 0.0, freudenstein_roth),
        problem("Powell, badly scaled", &[0.0, 1.0], 0.0, powell_badly_scaled),
        problem("Brown, badly scaled", &[1.0, 1.0], 0.0, brown_badly_scaled),
        problem("Beale", &[1.0, 1.0], 0.0, beale),
        problem("Jennrich–Sampson", &[0.3, 0.4], 124.362, jennrich_sampson),
        problem("helical valley", &[-1.0, 0.0, 0.0], 0.0, helical_valley),
        problem("Bard", &[1.0; 3], 8.21487e-3, bard),
        problem("Gaussian", &[0.4, 1.0, 0.0], 1.12793e-8, gaussian),
        problem("Meyer", &[0.02, 4000.0, 250.0], 87.9458, meyer),
        problem("Gulf", &[5.0, 2.5, 0.15], 0.0, gulf),
        problem("Box, three-dimensional", &[0.0, 10.0, 20.0], 0.0, box_three),
        problem("Powell, singular", &[3.0, -1.0, 0.0, 1.0], 0.0, powell_singular),
        problem("Wood", &[-3.0, -1.0, -3.0, -1.0], 0.0, wood),
        problem("Kowalik–Osborne", &[0.25, 0.39, 0.415, 0.39], 3.07505e-4, kowalik_osborne),
        problem("Brown–Dennis", &[25.0, 5.0, -5.0, -1.0], 85_822.2, brown_dennis),
        problem("Osborne 1", &[0.5, 1.5, -1.0, 0.01, 0.02], 5.46489e-5, osborne_1),
        problem("Biggs EXP6", &[1.0, 2.0, 1.0, 1.0, 1.0, 1.0], 0.0, biggs_exp6),
    ]
}
