//! The table of `docs/nist.md`: all of NIST's reference problems, solved and compared.
//!
//! ```sh
//! cargo run --release -p chainrule-fit --example nist
//! ```

#[path = "../tests/strd/mod.rs"]
mod strd;

use std::time::Instant;

use chainrule_fit::least_squares::ols::ols;
use chainrule_fit::solve::{Method, Options};
use strd::{LINEAR, Linear, NONLINEAR, Problem, judged};

fn main() {
    nonlinear();
    linear();
}

fn nonlinear() {
    println!("| problem | level | digits 1 | digits 2 | errors 1 | errors 2 | steps 1 | steps 2 |");
    println!("|---|---|---|---|---|---|---|---|");
    for (name, level) in NONLINEAR {
        let problem = Problem::read("nonlinear", name);
        let runs: Vec<(f64, f64, usize)> = problem
            .starts
            .iter()
            .map(|start| {
                let fit = problem.fit(start, &Options::default());
                let (b, s) = judged(&fit.estimates, &problem.certified, &problem.deviations, 11.0);
                (b, s, fit.steps)
            })
            .collect();
        let [(b1, s1, n1), (b2, s2, n2)] = runs[..] else { continue };
        println!("| {name} | {level} | {b1:.1} | {b2:.1} | {s1:.1} | {s2:.1} | {n1} | {n2} |");
    }
    println!("\n| method | solved of 54 | mean digits | least digits of errors | seconds |");
    println!("|---|---|---|---|---|");
    for (title, method) in [
        ("Levenberg–Marquardt", Method::LevenbergMarquardt),
        ("dogleg", Method::Dogleg),
        ("Gauss–Newton", Method::GaussNewton),
    ] {
        let begin = Instant::now();
        let options = Options { method, ..Options::default() };
        let (mut solved, mut total, mut least) = (0, 0.0, f64::INFINITY);
        for (name, _) in NONLINEAR {
            let problem = Problem::read("nonlinear", name);
            for start in &problem.starts {
                let fit = problem.fit(start, &options);
                let (b, s) = judged(&fit.estimates, &problem.certified, &problem.deviations, 11.0);
                total += b;
                if b > 4.0 {
                    solved += 1;
                    least = least.min(s);
                }
            }
        }
        let seconds = begin.elapsed().as_secs_f64();
        println!("| {title} | {solved} | {:.2} | {least:.1} | {seconds:.2} |", total / 54.0);
    }
}

fn linear() {
    println!("\n| problem | parameters | condition | digits | digits of errors |");
    println!("|---|---|---|---|---|");
    for (name, degree) in LINEAR {
        let problem = Linear::read(name, degree);
        let Ok(fit) = ols(&problem.design, &problem.response, 0.95) else { continue };
        let (b, s) = judged(&fit.estimates, &problem.certified, &problem.deviations, 15.0);
        let (p, condition) = (fit.estimates.len(), fit.condition);
        println!("| {name} | {p} | {condition:.1e} | {b:.1} | {s:.1} |");
    }
}
