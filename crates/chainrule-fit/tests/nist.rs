//! The certified answers of NIST's Statistical Reference Datasets.

mod strd;

use chainrule_fit::least_squares::ols::{Design, ols};
use chainrule_fit::solve::{Method, Options, least_squares_of};
use strd::{LINEAR, Linear, NONLINEAR, Problem, least};

#[test]
fn probe() {
    let method = match std::env::var("METHOD").as_deref() {
        Ok("dogleg") => Method::Dogleg,
        Ok("gn") => Method::GaussNewton,
        _ => Method::LevenbergMarquardt,
    };
    let factor = std::env::var("FACTOR").ok().and_then(|f| f.parse().ok()).unwrap_or(1.0);
    let options = Options { method, factor, ..Options::default() };
    let (mut total, mut solved) = (0.0, 0);
    let begin = std::time::Instant::now();
    for (name, _) in NONLINEAR {
        let problem = Problem::read("nonlinear", name);
        for (k, start) in problem.starts.iter().enumerate() {
            let found = least_squares_of(problem.residuals(), start, &options).unwrap();
            let lre = least(&found.parameters, &problem.certified, 11.0);
            total += lre;
            solved += usize::from(lre > 4.0);
            println!(
                "{name:9} {} lre {lre:5.2} steps {:4} evals {:4} {} {}",
                k + 1,
                found.steps,
                found.evaluations,
                found.outcome,
                2.0 * found.cost
            );
        }
    }
    println!("solved {solved} average {} in {:?}", total / 54.0, begin.elapsed());
}

#[test]
fn linear_probe() {
    for (name, degree) in LINEAR {
        let problem = Linear::read(name, degree);
        let names = (0..problem.columns.len()).map(|j| format!("B{j}")).collect();
        let plain = Design::new(names, problem.columns.clone()).unwrap();
        let show = |design: &Design| {
            let fit = ols(design, &problem.response, 0.95).unwrap();
            let b: Vec<f64> = fit.estimates.iter().map(|e| e.estimate).collect();
            let s: Vec<f64> = fit.estimates.iter().map(|e| e.std_error).collect();
            (
                least(&b, &problem.certified, 15.0),
                least(&s, &problem.deviations, 15.0),
                fit.condition,
                fit.rank,
            )
        };
        println!("{name:9} {:?} plain {:?}", show(&problem.design), show(&plain));
    }
}
