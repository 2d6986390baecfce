//! The certified answers of NIST's Statistical Reference Datasets.
//!
//! A digit that is lost here is a finding: the bounds stand just below what is reached, at 11
//! digits for the nonlinear problems, which are certified to 11, and 15 for the linear ones.

mod strd;

use chainrule_fit::least_squares::ols::{Design, ols};
use chainrule_fit::solve::{Method, Options};
use strd::{LINEAR, Linear, NONLINEAR, Problem, judged};

/// The number of solved runs (more than 4 digits), the mean of the digits, and the least digits of
/// the standard deviations.
fn all(options: &Options) -> (usize, f64, f64) {
    let (mut solved, mut total, mut least) = (0, 0.0, f64::INFINITY);
    for (name, _) in NONLINEAR {
        let problem = Problem::read("nonlinear", name);
        for start in &problem.starts {
            let fit = problem.fit(start, options);
            let (digits, errors) =
                judged(&fit.estimates, &problem.certified, &problem.deviations, 11.0);
            solved += usize::from(digits > 4.0 && fit.outcome.converged());
            total += digits;
            least = least.min(errors);
        }
    }
    (solved, total / 54.0, least)
}

/// Among them those of Lanczos1, which was computed from its model to 14 digits: its residuals are
/// the rounding errors of the data.
#[test]
fn nonlinear_problems_have_their_certified_digits() {
    let (solved, mean, errors) = all(&Options::default());
    assert_eq!(solved, 54);
    assert!(mean >= 10.7, "{mean}");
    assert!(errors >= 10.0, "{errors}");
}

#[test]
fn other_methods_solve_most() {
    let (dogleg, ..) = all(&Options { method: Method::Dogleg, ..Options::default() });
    assert!(dogleg >= 52, "{dogleg}");
    let gauss = Options { method: Method::GaussNewton, max_steps: 200, ..Options::default() };
    let (gauss, ..) = all(&gauss);
    assert!(gauss >= 49, "{gauss}");
}

/// Also those whose condition leaves a factorisation 6 digits.
#[test]
fn linear_problems_have_their_certified_digits() {
    for (name, degree) in LINEAR {
        let problem = Linear::read(name, degree);
        let fit = ols(&problem.design, &problem.response, 0.95).unwrap();
        let (digits, errors) =
            judged(&fit.estimates, &problem.certified, &problem.deviations, 15.0);
        assert!(digits >= 13.0, "{name}: {digits}");
        let wanted = if name == "Filip" { 7.0 } else { 12.0 };
        assert!(errors >= wanted, "{name}: {errors}");
    }
}

/// Powers rounded to doubles are another problem, whose answer has as many digits of the first as
/// the condition, 5·10⁹, leaves.
#[test]
fn a_polynomial_of_rounded_powers_keeps_seven_digits() {
    let problem = Linear::read("Filip", Some(10));
    let names = (0..=10).map(|k| format!("B{k}")).collect();
    let rounded = Design::new(names, problem.columns).unwrap();
    let fit = ols(&rounded, &problem.response, 0.95).unwrap();
    let (digits, _) = judged(&fit.estimates, &problem.certified, &problem.deviations, 15.0);
    assert!(fit.rank == 11 && digits >= 7.0, "{digits}");
}
