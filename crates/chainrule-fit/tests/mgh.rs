//! The problems of Moré, Garbow and Hillstrom from 1, 10 and 100 times their starts, beside another
//! Rust library on the same residuals and derivatives.
//!
//! `cargo test -p chainrule-fit --test mgh -- --nocapture` prints the table of `docs/nist.md`.

mod mgh_problems;

use std::cell::RefCell;

use chainrule_fit::solve::{Method, Options, Residuals, Traced, least_squares};
use levenberg_marquardt::{LeastSquaresProblem, LevenbergMarquardt};
use mgh_problems::{is_solved, problems};
use nalgebra::{DMatrix, DVector, Dyn, Owned};

/// A problem for the crate `levenberg-marquardt`.
struct Peer<'a> {
    traced: &'a RefCell<Traced>,
    x: DVector<f64>,
}

impl LeastSquaresProblem<f64, Dyn, Dyn> for Peer<'_> {
    type ParameterStorage = Owned<f64, Dyn>;
    type ResidualStorage = Owned<f64, Dyn>;
    type JacobianStorage = Owned<f64, Dyn, Dyn>;

    fn set_params(&mut self, x: &DVector<f64>) {
        self.x.copy_from(x);
    }

    fn params(&self) -> DVector<f64> {
        self.x.clone()
    }

    fn residuals(&self) -> Option<DVector<f64>> {
        self.traced.borrow_mut().evaluate(self.x.as_slice()).ok().map(DVector::from_vec)
    }

    fn jacobian(&self) -> Option<DMatrix<f64>> {
        let (r, columns) = self.traced.borrow_mut().linearise(self.x.as_slice()).ok()?;
        Some(DMatrix::from_vec(r.len(), columns.len(), columns.concat()))
    }
}

fn sum(r: &[f64]) -> f64 {
    r.iter().map(|r| r * r).sum()
}

/// The peer with exact tolerances and ten times its default patience.
fn peer(traced: Traced, start: &[f64]) -> f64 {
    let traced = RefCell::new(traced);
    let problem = Peer { traced: &traced, x: DVector::from_column_slice(start) };
    let (end, _) = LevenbergMarquardt::new().with_patience(1000).minimize(problem);
    let end = end.x;
    traced.borrow_mut().evaluate(end.as_slice()).map_or(f64::NAN, |r| sum(&r))
}

#[test]
fn eighteen_problems_from_three_starts() {
    let methods = [Method::LevenbergMarquardt, Method::Dogleg, Method::GaussNewton];
    let (mut runs, mut solved, mut peers) = (0, [0; 3], 0);
    println!("| problem | start | LM | dogleg | Gauss–Newton | levenberg-marquardt 0.15 |");
    println!("|---|---|---|---|---|---|");
    for problem in problems() {
        for factor in [1.0, 10.0, 100.0] {
            let start: Vec<f64> = problem.start.iter().map(|x| x * factor).collect();
            let mut traced = Traced::new(problem.residuals, start.len()).unwrap();
            let defined = sum(&traced.evaluate(&start).unwrap()).is_finite();
            if !defined {
                continue;
            }
            runs += 1;
            let mut cells = vec![];
            for (method, count) in methods.iter().zip(&mut solved) {
                let options = Options { method: *method, ..Options::default() };
                let found = least_squares(&mut traced, &start, &options).unwrap();
                let is = is_solved(2.0 * found.cost, problem.least);
                *count += usize::from(is);
                cells.push(format!("{} {:.3e}", if is { "✓" } else { "–" }, 2.0 * found.cost));
            }
            let end = peer(traced, &start);
            let is = is_solved(end, problem.least);
            peers += usize::from(is);
            cells.push(format!("{} {end:.3e}", if is { "✓" } else { "–" }));
            println!("| {} | ×{factor} | {} |", problem.name, cells.join(" | "));
        }
    }
    let [lm, dogleg, gauss] = solved;
    println!("| solved | of {runs} | {lm} | {dogleg} | {gauss} | {peers} |");
    assert!(lm >= peers, "{lm} of {runs}, the peer {peers}");
}
