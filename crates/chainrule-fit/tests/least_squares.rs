//! Least squares as a user meets it: bounds, weights, losses, what is not determined, what fails.

use chainrule_core::Tensor;
use chainrule_fit::curve::{Request, fit};
use chainrule_fit::report;
use chainrule_fit::solve::{
    Loss, Method, Options, Outcome, Place, Residuals, Why, least_squares, least_squares_of,
};

const METHODS: [Method; 3] = [Method::LevenbergMarquardt, Method::Dogleg, Method::GaussNewton];

fn near(got: &[f64], wanted: &[f64], tolerance: f64) {
    assert_eq!(got.len(), wanted.len());
    for (g, w) in got.iter().zip(wanted) {
        assert!((g - w).abs() <= tolerance * w.abs().max(1e-3), "{got:?} for {wanted:?}");
    }
}

fn rosenbrock(b: &Tensor) -> Tensor {
    chainrule_core::stack(&[&(10.0 * (b.i(1) - b.i(0).square())), &(1.0 - b.i(0))], 0).unwrap()
}

#[test]
fn every_method_finds_the_valley() {
    for method in METHODS {
        let options = Options { method, ..Options::default() };
        let found = least_squares_of(rosenbrock, &[-1.2, 1.0], &options).unwrap();
        assert!(found.outcome.converged(), "{method:?}: {}", found.outcome);
        near(&found.parameters, &[1.0, 1.0], 1e-12);
    }
}

/// The first and the third as scipy 1.17.1 has them; the others are obvious.
#[test]
fn bounds_are_kept_and_reached() {
    let inf = f64::INFINITY;
    for method in METHODS {
        for (bounds, start, wanted) in [
            (vec![(-inf, inf), (1.5, inf)], [-1.2, 2.0], [-1.221_026_242_144_766, 1.5]),
            (vec![(-inf, 0.5), (-inf, inf)], [-1.2, 1.0], [0.5, 0.25]),
            (vec![(1.5, 3.0), (-inf, 2.0)], [2.0, 0.0], [1.5, 2.0]),
            (vec![(-2.0, 2.0), (-2.0, 2.0)], [-1.2, 1.0], [1.0, 1.0]),
            (vec![(0.3, 0.3), (-inf, inf)], [0.3, 1.0], [0.3, 0.09]),
        ] {
            let options = Options { method, bounds: bounds.clone(), ..Options::default() };
            let found = least_squares_of(rosenbrock, &start, &options).unwrap();
            assert!(found.outcome.converged(), "{method:?} {bounds:?}: {}", found.outcome);
            near(&found.parameters, &wanted, 1e-9);
            for (x, (low, high)) in found.parameters.iter().zip(&bounds) {
                assert!(low <= x && x <= high, "{method:?}: {x} is not in {low}..{high}");
            }
        }
    }
}

/// A linear problem whose free minimum is outside the box: the gradient at the answer points
/// outwards at active bounds and is 0 elsewhere (Karush, Kuhn and Tucker).
#[test]
fn the_answer_in_a_box_is_stationary() {
    let a = Tensor::from([
        [2.0, 1.0, 0.3, 0.1],
        [1.0, 3.0, -0.5, 0.2],
        [0.2, -1.0, 1.5, 0.9],
        [0.5, 0.4, 0.8, 2.5],
        [1.1, -0.2, 0.7, -0.6],
    ]);
    let y = Tensor::from([4.0, -3.0, 5.0, 1.0, 2.0]);
    let bounds = vec![(-1.0, 1.0), (-0.5, 0.5), (0.0, 2.0), (-0.4, 0.4)];
    for method in METHODS {
        let options = Options { method, bounds: bounds.clone(), ..Options::default() };
        let f = |b: &Tensor| a.matmul(b) - &y;
        let found = least_squares_of(f, &[0.0, 0.0, 1.0, 0.0], &options).unwrap();
        assert!(found.outcome.converged());
        assert!(found.at_bound.iter().any(|b| *b));
        for (j, (low, high)) in bounds.iter().enumerate() {
            let x = found.parameters[j];
            let g: f64 = found.jacobian[j].iter().zip(&found.residuals).map(|(j, r)| j * r).sum();
            let right = match (x <= *low, x >= *high) {
                (true, _) => g >= -1e-9,
                (_, true) => g <= 1e-9,
                _ => g.abs() < 1e-9,
            };
            assert!(right, "{method:?}: parameter {j} is {x}, its gradient {g}");
        }
    }
}

/// A line through points of which one is far off.
fn line() -> (Tensor, Vec<f64>) {
    let x: Vec<f64> = (0..12).map(f64::from).collect();
    let noise = [0.1, -0.2, 0.05, 0.15, -0.1, 0.0, 8.0, -0.05, 0.2, -0.15, 0.1, -0.1];
    let y = x.iter().zip(noise).map(|(x, e)| 1.0 + 2.0 * x + e).collect();
    (Tensor::from(x), y)
}

/// From scipy 1.17.1: `least_squares(…, [1.5, 1.9], loss=…, f_scale=0.5)` with tolerances of 1e-15,
/// then reweighted until nothing moves; Tukey's, which scipy lacks, as a function of ours.
const LINEAR: [f64; 2] = [1.522_435_897_435_897_4, 2.026_223_776_223_776_3];
const HUBER: [f64; 2] = [1.044_585_987_261_145_2, 2.000_159_235_668_789_4];
const SOFT: [f64; 2] = [1.050_723_698_196_437_6, 1.999_789_458_251_049_8];
const CAUCHY: [f64; 2] = [1.018_530_684_832_662_5, 1.997_225_991_496_538_2];
const ARCTAN: [f64; 2] = [1.010_994_068_142_276_2, 1.997_993_394_143_281_5];
const TUKEY: [f64; 2] = [1.027_546_532_409_594_5, 1.995_011_069_551_756_4];

#[test]
fn losses_agree_with_scipy() {
    let (x, y) = line();
    let model = |b: &Tensor| b.i(0) + b.i(1) * &x;
    for (loss, wanted) in [
        (Loss::Linear, LINEAR),
        (Loss::Huber(0.5), HUBER),
        (Loss::SoftL1(0.5), SOFT),
        (Loss::Cauchy(0.5), CAUCHY),
        (Loss::Arctan(0.5), ARCTAN),
        (Loss::Tukey(0.5), TUKEY),
    ] {
        let options = Options { loss, ..Options::default() };
        let request = Request { options, ..Request::new(["a", "b"]).start(&[1.5, 1.9]) };
        let found = fit(model, &y, &request).unwrap();
        assert!(found.outcome.converged(), "{loss:?}: {}", found.outcome);
        near(&found.parameters(), &wanted, 1e-8);
        assert_eq!(found.aic.is_nan(), loss != Loss::Linear);
    }
}

/// Weights repeat observations: as whole numbers they give the estimates of a longer table.
#[test]
fn weights_are_repetitions() {
    let (x, y) = line();
    let weights: Vec<f64> = (0..12).map(|i| f64::from(i % 3)).collect();
    let numbers = x.to_vec::<f64>().unwrap();
    let repeated = |v: &[f64]| -> Vec<f64> {
        v.iter().enumerate().flat_map(|(i, v)| vec![*v; i % 3]).collect()
    };
    let long = Tensor::from(repeated(&numbers));
    let start = Request::new(["a", "b"]).start(&[0.0, 0.0]);
    let options = Options { weights, ..Options::default() };
    let weighted = Request { options, ..start.clone() };
    let short = fit(|b: &Tensor| b.i(0) + b.i(1) * &x, &y, &weighted).unwrap();
    let long = fit(|b: &Tensor| b.i(0) + b.i(1) * &long, &repeated(&y), &start).unwrap();
    near(&short.parameters(), &long.parameters(), 1e-12);
    assert!((short.rss / long.rss - 1.0).abs() < 1e-12);
    // Rows of weight 0 do not count, those of weight 2 count once.
    assert_eq!((short.rows, long.rows), (8, 12));
}

#[test]
fn what_is_not_determined_is_named() {
    let (x, y) = line();
    let model = |b: &Tensor| b.i(0) + b.i(1) * &x + b.i(2) * 2.0 * &x + b.i(3) * 0.0;
    let request = Request::new(["a", "b", "c", "d"]).start(&[0.0; 4]);
    let found = fit(model, &y, &request).unwrap();
    assert!(found.outcome.converged());
    let said: Vec<String> = found.undetermined.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said.contains(&"d".to_string()), "{said:?}");
    let both = "b and c apart: moving them by 1 : −0.5 changes no prediction".to_string();
    assert!(said.contains(&both), "{said:?}");
    assert_eq!(found.condition, f64::INFINITY);
    let nan: Vec<bool> = found.estimates.iter().map(|e| e.std_error.is_nan()).collect();
    assert_eq!(nan, [false, true, true, true]);
    assert_eq!(found.dof, 10);
    // The prediction is determined all the same.
    let plain = Request::new(["a", "b"]).start(&[0.0; 2]);
    let plain = fit(|b: &Tensor| b.i(0) + b.i(1) * &x, &y, &plain).unwrap();
    near(&found.fitted, &plain.fitted, 1e-9);
    near(&[found.sigma], &[plain.sigma], 1e-12);
    near(&[found.estimates[0].std_error], &[plain.estimates[0].std_error], 1e-9);
}

/// The bands of a line are known: s √(1/n + (x − x̄)²/Σ(xᵢ − x̄)²), and s² more.
#[test]
fn bands_of_a_line() {
    let (x, y) = line();
    let request = Request::new(["a", "b"]).start(&[0.0, 0.0]);
    let found = fit(|b: &Tensor| b.i(0) + b.i(1) * &x, &y, &request).unwrap();
    let at = Tensor::from([0.0, 5.5, 20.0]);
    let bands = found.predict(|b: &Tensor| b.i(0) + b.i(1) * &at).unwrap();
    let half = 2.228_138_851_964_939;
    for (band, x) in bands.iter().zip([0.0, 5.5, 20.0]) {
        let error = found.sigma * (1.0 / 12.0 + (x - 5.5f64).powi(2) / 143.0).sqrt();
        near(&[band.std_error], &[error], 1e-10);
        near(&[band.confidence.1 - band.value], &[half * error], 1e-10);
        let whole = half * (error * error + found.sigma * found.sigma).sqrt();
        near(&[band.prediction.1 - band.value], &[whole], 1e-10);
    }
}

/// A problem written by hand.
struct ByHand(fn(f64) -> (f64, f64));

impl Residuals for ByHand {
    fn parameters(&self) -> usize {
        1
    }
    fn residuals(&self) -> usize {
        1
    }
    fn evaluate(&mut self, theta: &[f64]) -> chainrule_fit::Result<Vec<f64>> {
        Ok(vec![(self.0)(theta[0]).0])
    }
    fn linearise(&mut self, theta: &[f64]) -> chainrule_fit::Result<(Vec<f64>, Vec<Vec<f64>>)> {
        let (r, slope) = (self.0)(theta[0]);
        Ok((vec![r], vec![vec![slope]]))
    }
}

#[test]
fn ends_are_told_apart() {
    let run = |f: fn(f64) -> (f64, f64), start: f64, options: &Options| {
        least_squares(&mut ByHand(f), &[start], options).unwrap().outcome
    };
    let plain = Options::default();
    // A derivative of the wrong sign leads uphill.
    assert_eq!(run(|x| (x - 3.0, -1.0), 1.0, &plain), Outcome::Stalled);
    let exact = Outcome::Converged { why: Why::Exact };
    assert_eq!(run(|x| (x, 1.0), 0.0, &plain), exact);
    assert_eq!(run(|_| (2.0, 0.0), 1.0, &plain), Outcome::Converged { why: Why::Gradient });
    let at = |place| Outcome::NonFinite { place };
    assert_eq!(run(|x| (x, 1.0), f64::NAN, &plain), at(Place::Start { parameter: 0 }));
    assert_eq!(run(|x| (x.ln(), 1.0 / x), -1.0, &plain), at(Place::Residual { row: 0 }));
    let root = |x: f64| (x.sqrt(), 0.5 / x.sqrt());
    assert_eq!(run(root, 0.0, &plain), exact);
    let slope = |x: f64| (1.0 + x.sqrt(), 0.5 / x.sqrt());
    assert_eq!(run(slope, 0.0, &plain), at(Place::Derivative { row: 0, parameter: 0 }));
    let few = Options { max_steps: 2, ..Options::default() };
    assert_eq!(run(|x| (x * x * x - 1e9, 3.0 * x * x), 1.0, &few), Outcome::MaxSteps);
    // 1/x falls for ever.
    let far = run(|x| (1.0 / x, -1.0 / (x * x)), 1.0, &plain);
    assert_eq!(far, Outcome::Diverged { parameter: 0 });
    // Steps that leave the domain are shortened.
    let ln = run(|x| (x.ln() - 2.0, 1.0 / x), 1e-3, &plain);
    assert!(ln.converged(), "{ln}");
}

#[test]
fn misuse_is_a_sentence() {
    let said = |start: &[f64], options: &Options| {
        least_squares_of(rosenbrock, start, options).unwrap_err().to_string()
    };
    let plain = Options::default();
    let mut problem = ByHand(|x| (x, 1.0));
    let error = least_squares(&mut problem, &[1.0, 2.0], &plain).unwrap_err().to_string();
    assert_eq!(error, "2 start values were given for 1 parameters; give one each");
    assert!(said(&[], &plain).contains("no parameter"));
    let bounds = Options { bounds: vec![(1.0, 0.0), (0.0, 1.0)], ..Options::default() };
    assert!(said(&[0.0, 0.0], &bounds).contains("nothing between the bounds 1 and 0"));
    let weights = Options { weights: vec![1.0, -1.0], ..Options::default() };
    assert!(said(&[0.0, 0.0], &weights).contains("the weight -1 is not one"));
    let (x, mut y) = line();
    let model = |b: &Tensor| b.i(0) + b.i(1) * &x;
    let request = Request::new(["a", "b"]).start(&[0.0, f64::INFINITY]);
    let error = fit(model, &y, &request).unwrap_err().to_string();
    assert_eq!(error, "the start value of b is not finite; give finite start values");
    y.pop();
    assert!(fit(model, &y, &Request::new(["a", "b"]).start(&[0.0; 2])).is_err());
    y.push(f64::NAN);
    let error = fit(model, &y, &Request::new(["a", "b"])).unwrap_err().to_string();
    assert!(error.contains("not finite"), "{error}");
}

#[test]
fn a_report_reads_well() {
    let x = Tensor::from([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
    let y = [5.02, 3.01, 1.86, 1.09, 0.70, 0.39, 0.27, 0.13, 0.11, 0.04];
    let request = Request::new(["height", "rate"]).start(&[1.0, 1.0]);
    let model = |b: &Tensor| b.i(0) * (-b.i(1) * &x).exp();
    let mut found = fit(model, &y, &request).unwrap();
    found.seconds = 0.0;
    assert_eq!(report::curve::text(&found, &str::to_string), include_str!("curve_report.txt"));
    let json = report::curve::json(&found);
    for key in [
        "parameters",
        "outcome",
        "iterations",
        "rss",
        "metrics",
        "correlation",
        "condition",
        "undetermined",
        "aic",
        "bic",
        "rows",
        "seconds",
        "warnings",
    ] {
        assert!(!json[key].is_null(), "{key}");
    }
    for key in ["name", "estimate", "std_error", "t", "p", "interval"] {
        assert!(!json["parameters"][1][key].is_null(), "{key}");
    }
}
