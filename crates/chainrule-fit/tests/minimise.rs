//! Minimisation: classical test functions, every method, bounds, odd functions, argmin.

use argmin_testfunctions as known;
use chainrule_core::{Tensor, cat};
use chainrule_fit::Result;
use chainrule_fit::data::split::Random;
use chainrule_fit::solve::minimise::{
    Bounds, Found, Method, Minimiser, Objective, Outcome, Problem, starts,
};

const LBFGS: Method = Method::Lbfgs { memory: 10 };
const SMOOTH: [Method; 5] =
    [LBFGS, Method::Bfgs, Method::Newton, Method::NewtonCg, Method::ConjugateGradient];

type Function = fn(&Tensor) -> Tensor;

fn rosenbrock(x: &Tensor) -> Tensor {
    let n = x.len();
    let (a, b) = (x.slice(0, 0..n - 1), x.slice(0, 1..n));
    ((1.0 - &a).square() + 100.0 * (b - a.square()).square()).sum()
}

fn beale(x: &Tensor) -> Tensor {
    let (a, b) = (x.i(0), x.i(1));
    (1.5 - &a + &a * &b).square()
        + (2.25 - &a + &a * b.powi(2)).square()
        + (2.625 - &a + &a * b.powi(3)).square()
}

fn booth(x: &Tensor) -> Tensor {
    let (a, b) = (x.i(0), x.i(1));
    (&a + 2.0 * &b - 7.0).square() + (2.0 * a + b - 5.0).square()
}

fn himmelblau(x: &Tensor) -> Tensor {
    let (a, b) = (x.i(0), x.i(1));
    (a.square() + &b - 11.0).square() + (a + b.square() - 7.0).square()
}

fn wood(x: &Tensor) -> Tensor {
    let (a, b, c, d) = (x.i(0), x.i(1), x.i(2), x.i(3));
    100.0 * (&b - a.square()).square()
        + (1.0 - a).square()
        + 90.0 * (&d - c.square()).square()
        + (1.0 - c).square()
        + 10.0 * (&b + &d - 2.0).square()
        + 0.1 * (b - d).square()
}

/// Powell's singular function: the Hessian at the minimum, 0, has rank two.
fn powell(x: &Tensor) -> Tensor {
    let (a, b, c, d) = (x.i(0), x.i(1), x.i(2), x.i(3));
    (&a + 10.0 * &b).square()
        + 5.0 * (&c - &d).square()
        + (b - 2.0 * c).powi(4)
        + 10.0 * (a - d).powi(4)
}

fn run(method: Method, f: Function, start: &[f64]) -> Found {
    let problem = Objective::new(f, start.len()).unwrap();
    Minimiser { max_steps: 5000, ..Minimiser::new(method) }.run(&problem, start).unwrap()
}

fn distance(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max)
}

/// Values, gradients and Hessians at random points, against those written by hand elsewhere.
#[test]
fn derivatives_are_those_of_argmin_testfunctions() {
    type Two = [f64; 2];
    type Row = (Function, fn(&Two) -> f64, fn(&Two) -> Two, fn(&Two) -> [Two; 2]);
    let table: [Row; 4] = [
        (
            rosenbrock,
            |x| known::rosenbrock(x),
            known::rosenbrock_derivative_const,
            known::rosenbrock_hessian_const,
        ),
        (beale, known::beale, known::beale_derivative, known::beale_hessian),
        (booth, known::booth, known::booth_derivative, known::booth_hessian),
        (himmelblau, known::himmelblau, known::himmelblau_derivative, known::himmelblau_hessian),
    ];
    let mut random = Random::new(1);
    for (f, value, gradient, hessian) in table {
        let problem = Objective::new(f, 2).unwrap();
        for _ in 0..20 {
            let x = [random.uniform() * 8.0 - 4.0, random.uniform() * 8.0 - 4.0];
            let (y, g) = problem.value_and_gradient(&x).unwrap();
            let wanted = value(&x);
            // Sums of a handful of terms in another order.
            let near =
                |a: f64, b: f64, size: f64| assert!((a - b).abs() <= 1e-12 * size, "{a} {b}");
            near(y, wanted, wanted.abs() + 1e3);
            for (a, b) in g.iter().zip(gradient(&x)) {
                near(*a, b, b.abs() + 1e4);
            }
            let h = hessian(&x).concat();
            for (a, b) in problem.hessian(&x).unwrap().iter().zip(&h) {
                near(*a, *b, b.abs() + 1e5);
            }
            let v = [0.5, -2.0];
            for (i, a) in problem.hvp(&x, &v).unwrap().iter().enumerate() {
                near(*a, h[2 * i] * v[0] + h[2 * i + 1] * v[1], 1e6);
            }
        }
    }
}

#[test]
fn every_method_finds_every_minimum() {
    let far: Vec<f64> = (0..100).map(|i| if i % 2 == 0 { -1.2 } else { 1.0 }).collect();
    let (ones, wood_start) = (vec![1.0; 100], [-3.0, -1.0, -3.0, -1.0]);
    let table: [(&str, Function, &[f64], &[f64]); 6] = [
        ("Rosenbrock 2", rosenbrock, &far[..2], &ones[..2]),
        ("Rosenbrock 100", rosenbrock, &far, &ones),
        ("Beale", beale, &[1.0, 1.0], &[3.0, 0.5]),
        ("Booth", booth, &[-5.0, 8.0], &[1.0, 3.0]),
        ("Himmelblau", himmelblau, &[1.0, 1.0], &[3.0, 2.0]),
        ("Wood", wood, &wood_start, &ones[..4]),
    ];
    for (name, f, start, answer) in table {
        for method in SMOOTH {
            let found = run(method, f, start);
            let Found { steps, counts, .. } = found;
            println!("{name:15} {method:22?} {steps:4} steps {counts:?}");
            assert_eq!(found.outcome, Outcome::Converged, "{name} {method:?}: {found:?}");
            assert!(found.slope <= 1e-8);
            // From this start Rosenbrock's function of many unknowns also has a local minimum.
            if name != "Rosenbrock 100" || found.value < 1.0 {
                assert!(distance(&found.x, answer) < 1e-6, "{name} {method:?}: {:?}", found.x);
            }
        }
    }
}

/// Bounds on the work, with some room over what was measured.
#[test]
fn evaluations_are_few() {
    let start = [-1.2, 1.0];
    for (method, most) in [
        (LBFGS, 60),
        (Method::Bfgs, 60),
        (Method::Newton, 40),
        (Method::NewtonCg, 50),
        (Method::ConjugateGradient, 120),
    ] {
        let found = run(method, rosenbrock, &start);
        assert!(found.counts.values <= most, "{method:?}: {:?}", found.counts);
    }
}

#[test]
fn a_singular_hessian() {
    for method in SMOOTH {
        let found = run(method, powell, &[3.0, -1.0, 0.0, 1.0]);
        println!("Powell {method:?} {} steps {:?}", found.steps, found.counts);
        assert_eq!(found.outcome, Outcome::Converged, "{method:?}: {found:?}");
        // A slope of 10⁻⁸ leaves the value of a fourth power at about 10⁻¹¹.
        assert!(found.value < 1e-10, "{method:?}: {}", found.value);
    }
}

/// ½ x·A x − b·x has its minimum at A⁻¹ b; with the condition number 10⁴.
#[test]
fn quadratics() {
    let n = 30;
    let diagonal: Vec<f64> = (0..n).map(|i| 1e4f64.powf(i as f64 / (n - 1) as f64)).collect();
    let d = Tensor::from(diagonal.clone());
    let f = move |x: &Tensor| 0.5 * (&d * x.square()).sum() - x.sum();
    let problem = Objective::new(f, n).unwrap();
    for method in SMOOTH {
        let minimiser = Minimiser { max_steps: 5000, ..Minimiser::new(method) };
        let found = minimiser.run(&problem, &vec![0.0; n]).unwrap();
        println!("quadratic {method:?} {} steps {:?}", found.steps, found.counts);
        assert_eq!(found.outcome, Outcome::Converged, "{method:?}");
        for (x, d) in found.x.iter().zip(&diagonal) {
            assert!((x - 1.0 / d).abs() < 1e-7, "{method:?}: {x} {d}");
        }
    }
    let newton = Minimiser::new(Method::Newton).run(&problem, &vec![0.0; n]).unwrap();
    assert_eq!(newton.steps, 1);
}

#[test]
fn steepest_descent_is_slow_but_arrives() {
    let found = run(Method::SteepestDescent, booth, &[-5.0, 8.0]);
    assert_eq!(found.outcome, Outcome::Converged);
    assert!(distance(&found.x, &[1.0, 3.0]) < 1e-7);
}

#[test]
fn a_simplex_needs_no_derivative() {
    let method = Method::NelderMead;
    for (f, start, answer) in [
        (rosenbrock as Function, vec![-1.2, 1.0], vec![1.0, 1.0]),
        (beale, vec![1.0, 1.0], vec![3.0, 0.5]),
        (wood, vec![-3.0, -1.0, -3.0, -1.0], vec![1.0; 4]),
        (rosenbrock, vec![-1.2, 1.0, -1.2, 1.0, -1.2, 1.0], vec![1.0; 6]),
    ] {
        let found = run(method, f, &start);
        println!("simplex {} steps {:?}", found.steps, found.counts);
        assert_eq!((found.outcome, found.counts.gradients), (Outcome::Converged, 0));
        assert!(distance(&found.x, &answer) < 1e-4, "{found:?}");
    }
    // A kink, where gradients mislead.
    let kink = Objective::new(|x: &Tensor| (x - 0.3).abs().sum() + x.i(0).abs(), 2).unwrap();
    let found = Minimiser::new(method).run(&kink, &[5.0, -4.0]).unwrap();
    assert!((found.value - 0.3).abs() < 1e-6, "{found:?}");
}

fn bounded(method: Method, f: Function, start: &[f64], bounds: &Bounds) -> Found {
    let problem = Objective::new(f, start.len()).unwrap();
    Minimiser::new(method).within(bounds.clone()).run(&problem, start).unwrap()
}

#[test]
fn bounds_hold_and_the_conditions_of_karush_kuhn_and_tucker_too() {
    for method in [LBFGS, Method::Newton] {
        // Active: the unbounded minimum (1, 1) lies outside; on x₁ = ½ the best x₀ is near ½.
        let bounds = Bounds::new(vec![-2.0, -2.0], vec![2.0, 0.5]);
        let found = bounded(method, rosenbrock, &[-1.2, 0.4], &bounds);
        assert_eq!(found.outcome, Outcome::Converged, "{method:?} {found:?}");
        assert_eq!(found.x[1], 0.5);
        let x = found.x[0];
        assert!((-400.0 * x * (0.5 - x * x) - 2.0 * (1.0 - x)).abs() < 1e-8, "{found:?}");
        assert!(found.gradient[1] < 0.0, "the slope leads out of the box");
        // Inactive: the same answer as without.
        let bounds = Bounds::new(vec![-2.0; 2], vec![2.0; 2]);
        let found = bounded(method, rosenbrock, &[-1.2, 1.0], &bounds);
        assert!(distance(&found.x, &[1.0, 1.0]) < 1e-7);
        // From a start outside; on x₁ = 1 the best x₀ is 2.6.
        let bounds = Bounds::new(vec![2.0, f64::NEG_INFINITY], vec![9.0, 1.0]);
        let found = bounded(method, booth, &[100.0, 100.0], &bounds);
        assert_eq!(found.outcome, Outcome::Converged);
        assert!(distance(&found.x, &[2.6, 1.0]) < 1e-8 && found.gradient[1] < 0.0, "{found:?}");
    }
}

/// Non-negative least squares with many active bounds: the conditions are checked one by one.
#[test]
fn many_active_bounds() {
    let n = 60;
    let mut random = Random::new(7);
    let a = (0..n * n).map(|_| random.uniform() - 0.5).collect::<Vec<f64>>();
    let b = (0..n).map(|_| random.uniform() - 0.5).collect::<Vec<f64>>();
    let (a, b) = (Tensor::from_vec(a, [n, n]).unwrap(), Tensor::from(b));
    let problem = Objective::new(move |x: &Tensor| (a.matmul(x) - &b).square().sum(), n).unwrap();
    let mut values = vec![];
    for method in [LBFGS, Method::Newton] {
        let minimiser = Minimiser::new(method).within(Bounds::at_least(0.0, n));
        let found = minimiser.run(&problem, &vec![1.0; n]).unwrap();
        println!("NNLS {method:?} {} steps {:?}", found.steps, found.counts);
        assert_eq!(found.outcome, Outcome::Converged, "{method:?}");
        let pressed = found.x.iter().filter(|x| **x == 0.0).count();
        assert!((10..50).contains(&pressed), "{pressed}");
        for (x, g) in found.x.iter().zip(&found.gradient) {
            assert!(if *x > 1e-8 { g.abs() <= 1e-8 } else { *g >= -1e-8 }, "{x} {g}");
        }
        values.push(found.value);
    }
    assert!((values[0] - values[1]).abs() < 1e-9, "{values:?}");
}

#[test]
fn a_simplex_within_bounds() {
    let bounds = Bounds::new(vec![-2.0, -2.0], vec![2.0, 0.5]);
    let found = bounded(Method::NelderMead, rosenbrock, &[-1.2, 0.4], &bounds);
    assert!((found.x[1] - 0.5).abs() < 1e-9 && found.value < 0.09, "{found:?}");
}

/// Beyond the wall the function is not a number; every method backs off.
#[test]
fn undefined_regions_are_left_alone() -> Result<()> {
    // −ln(1 − ‖x‖²) − x₀: defined in the unit disc only. The slope vanishes at x₀ = √2 − 1.
    let f = |x: &Tensor| -(1.0 - x.square().sum()).ln() - x.i(0);
    let problem = Objective::new(f, 2)?;
    for method in SMOOTH.into_iter().chain([Method::NelderMead, Method::SteepestDescent]) {
        let found = Minimiser::new(method).run(&problem, &[-0.99, 0.1])?;
        assert_eq!(found.outcome, Outcome::Converged, "{method:?}: {found:?}");
        let answer = [2f64.sqrt() - 1.0, 0.0];
        assert!(distance(&found.x, &answer) < 1e-5, "{method:?}: {found:?}");
    }
    let outside = Minimiser::default().run(&problem, &[3.0, 0.0])?;
    assert_eq!(outside.outcome, Outcome::NonFinite { at: 0 });
    assert!(outside.outcome.to_string().contains("choose another start"));
    Ok(())
}

#[test]
fn other_ends() -> Result<()> {
    let endless = Objective::new(|x: &Tensor| x.i(0) - x.i(1).powi(3), 2)?;
    for method in SMOOTH.into_iter().chain([Method::NelderMead]) {
        let found = Minimiser::new(method).run(&endless, &[0.5, 1.0])?;
        assert_eq!(found.outcome, Outcome::Diverged, "{method:?}: {found:?}");
    }
    let problem = Objective::new(rosenbrock, 2)?;
    let short = Minimiser { max_steps: 3, ..Minimiser::default() };
    assert_eq!(short.run(&problem, &[-1.2, 1.0])?.outcome, Outcome::MaxSteps);
    // At the limit of rounding the search gives up, with the answer to all digits.
    let greedy = Minimiser { tolerance: 0.0, ..Minimiser::default() };
    let found = greedy.run(&problem, &[-1.2, 1.0])?;
    assert!(found.slope < 1e-12, "{found:?}");
    // From a minimum no step is needed.
    assert_eq!(Minimiser::default().run(&problem, &[1.0, 1.0])?.steps, 0);
    Ok(())
}

/// A sum of a million terms: its value is right to 10⁻¹³ of itself, so near the end only slopes
/// say where to go.
#[test]
fn rounding_near_the_minimum() -> Result<()> {
    let f = |x: &Tensor| (x - 1.0).square().sum() + 1e9;
    let problem = Objective::new(f, 5)?;
    for method in SMOOTH {
        let found = Minimiser::new(method).run(&problem, &[10.0, 3.0, -7.0, 0.0, 2.0])?;
        assert_eq!(found.outcome, Outcome::Converged, "{method:?}: {found:?}");
    }
    Ok(())
}

#[test]
fn refusals() -> Result<()> {
    let problem = Objective::new(rosenbrock, 2)?;
    let said = |minimiser: Minimiser, start: &[f64]| {
        minimiser.run(&problem, start).expect_err("it is refused").to_string()
    };
    assert!(said(Minimiser::default(), &[1.0]).contains("a start of 1"));
    assert!(said(Minimiser::default(), &[1.0, f64::NAN]).contains("must be finite"));
    let bounds = |l: f64, u: f64| Bounds::new(vec![l; 2], vec![u; 2]);
    let within = Minimiser::default().within(bounds(1.0, 0.0));
    assert!(said(within, &[1.0, 1.0]).contains("no number is between"));
    let within = Minimiser::new(Method::Bfgs).within(bounds(0.0, 1.0));
    assert!(said(within, &[1.0, 1.0]).contains("knows no bounds"));

    struct Plain;
    impl Problem for Plain {
        fn len(&self) -> usize {
            1
        }
        fn value(&self, x: &[f64]) -> Result<f64> {
            Ok(x[0] * x[0])
        }
        fn value_and_gradient(&self, x: &[f64]) -> Result<(f64, Vec<f64>)> {
            Ok((x[0] * x[0], vec![2.0 * x[0]]))
        }
    }
    assert!(Minimiser::default().run(&Plain, &[3.0])?.x[0].abs() < 1e-8);
    let none = Minimiser::new(Method::Newton).run(&Plain, &[3.0]).unwrap_err().to_string();
    assert!(none.contains("no second derivatives"), "{none}");
    Ok(())
}

#[test]
fn several_starts_find_the_lowest() -> Result<()> {
    // Rastrigin's function: about a hundred minima in this box.
    let f = |x: &Tensor| (x.square() - 10.0 * (x * std::f64::consts::TAU).cos() + 10.0).sum();
    let problem = Objective::new(f, 2)?;
    let range = Bounds::new(vec![-5.12; 2], vec![4.7; 2]);
    let all = starts::run(&Minimiser::default(), &problem, &range, 60, 3)?;
    assert!(all[0].value < 1e-12 && distance(&all[0].x, &[0.0, 0.0]) < 1e-7, "{:?}", all[0]);
    assert!(all.windows(2).all(|pair| pair[0].value <= pair[1].value));
    assert_eq!(all, starts::run(&Minimiser::default(), &problem, &range, 60, 3)?);
    Ok(())
}

/// Thousands of steps make no plan but the first: numbers are data.
#[test]
fn a_parameter_may_change_between_runs() -> Result<()> {
    let target = Tensor::from([1.0, 2.0]).requires_grad();
    let held = target.clone();
    let problem = Objective::new(move |x: &Tensor| (x - held.detach()).square().sum(), 2)?;
    let found = Minimiser::default().run(&problem, &[0.0, 0.0])?;
    assert!(distance(&found.x, &[1.0, 2.0]) < 1e-8);
    let longer = cat(&[&target, &target], 0)?;
    assert_eq!(longer.len(), 4);
    Ok(())
}

#[cfg(feature = "argmin")]
mod argmin_crate {
    use super::*;
    use argmin::core::{Executor, State};
    use argmin::solver::linesearch::MoreThuenteLineSearch;
    use argmin::solver::quasinewton::LBFGS;
    use chainrule_fit::solve::minimise::argmin::Argmin;

    #[test]
    fn its_solvers_run_on_our_problems() {
        let problem = || Argmin(Objective::new(rosenbrock, 2).unwrap());
        let solver = LBFGS::new(MoreThuenteLineSearch::new(), 7).with_tolerance_grad(1e-8).unwrap();
        let done = Executor::new(problem(), solver)
            .configure(|state| state.param(vec![-1.2, 1.0]).max_iters(100).counting(true))
            .run()
            .unwrap();
        let found = done.state().get_best_param().unwrap();
        assert!(distance(found, &[1.0, 1.0]) < 1e-6, "{found:?}");
        println!("argmin's L-BFGS: {:?}", done.state().get_func_counts());
    }
}
