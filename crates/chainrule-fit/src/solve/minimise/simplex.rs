//! The simplex of Nelder and Mead: minimisation from values alone.
//!
//! n + 1 points span a simplex. Its worst point is reflected through the centre c of the others;
//! depending on how good that is, the simplex stretches, contracts or shrinks towards its best:
//!
//! ```text
//! reflect c + (c − w)   stretch c + β (c − w)   contract c ± γ (c − w)   shrink b + δ (x − b)
//! β = 1 + 2/n           γ = ¾ − 1/2n            δ = 1 − 1/n              for n ≥ 2
//! ```
//!
//! These parameters depend on n, since the classical ones (those for n = 2) stretch and shrink too
//! much where n is large (Gao and Han 2012, *Implementing the Nelder–Mead simplex algorithm with
//! adaptive parameters*, Comput. Optim. Appl. 51). A value that is not a number counts as infinite.
//! Points outside bounds are moved onto them. When the simplex has become small, the search starts
//! again from its best point with a new one, until that no longer helps: a simplex can degenerate
//! (Nelder and Mead 1965, *A simplex method for function minimization*, Computer Journal 7).

use super::dense::{along, largest};
use super::problem::Counted;
use super::{ENDLESS, Found, Minimiser, Outcome};
use crate::error::Result;

type Corner = (Vec<f64>, f64);

/// Minimises from values.
pub(super) fn run(minimiser: &Minimiser, problem: &Counted<'_>, x: Vec<f64>) -> Result<Found> {
    let evaluate = |mut x: Vec<f64>| -> Result<Corner> {
        if let Some(bounds) = &minimiser.bounds {
            bounds.project(&mut x);
        }
        let value = problem.value(&x)?;
        Ok((x, if value.is_nan() { f64::INFINITY } else { value }))
    };
    let mut best = evaluate(x)?;
    let (mut steps, mut size) = (0, f64::INFINITY);
    let mut outcome = Outcome::NonFinite { at: 0 };
    while best.1.is_finite() {
        let start = best.1;
        let mut corners = first(&best, minimiser, &evaluate)?;
        outcome = loop {
            corners.sort_by(|a, b| a.1.total_cmp(&b.1));
            size = spread(&corners);
            if corners[0].1 < -ENDLESS || largest(&corners[0].0) > ENDLESS {
                break Outcome::Diverged;
            }
            if size <= minimiser.tolerance {
                break Outcome::Converged;
            }
            if steps >= minimiser.max_steps {
                break Outcome::MaxSteps;
            }
            step(&mut corners, &evaluate)?;
            steps += 1;
        };
        best = corners.swap_remove(0);
        let helped = start - best.1 > minimiser.tolerance * (start.abs() + best.1.abs()).max(1e-30);
        if outcome != Outcome::Converged || !helped {
            break;
        }
    }
    let (x, value) = best;
    let gradient = vec![];
    Ok(Found { x, value, gradient, slope: size, steps, counts: problem.counts(), outcome })
}

/// A point and one more along each axis, on the side where the bounds leave room.
fn first(
    (x, value): &Corner,
    minimiser: &Minimiser,
    evaluate: &impl Fn(Vec<f64>) -> Result<Corner>,
) -> Result<Vec<Corner>> {
    let mut corners = vec![(x.clone(), *value)];
    for i in 0..x.len() {
        let mut moved = x.clone();
        let edge = if x[i] == 0.0 { 0.1 } else { 0.1 * x[i].abs() };
        let full = minimiser.bounds.as_ref().is_some_and(|b| x[i] + edge > b.upper[i]);
        moved[i] += if full { -edge } else { edge };
        corners.push(evaluate(moved)?);
    }
    Ok(corners)
}

/// The larger of the spread of the values and that of the points, each relative to what is spread.
fn spread(corners: &[Corner]) -> f64 {
    let (best, worst) = (&corners[0], &corners[corners.len() - 1]);
    let edges = corners.iter().map(|c| largest(&along(&c.0, -1.0, &best.0)));
    let edge = edges.fold(0.0, f64::max) / largest(&best.0).max(1.0);
    edge.max((worst.1 - best.1) / best.1.abs().max(1.0))
}

/// One step; the corners are in order of their values.
fn step(corners: &mut [Corner], evaluate: &impl Fn(Vec<f64>) -> Result<Corner>) -> Result<()> {
    let last = corners.len() - 1;
    let n = (last as f64).max(2.0);
    let (stretch, contract, shrink) = (1.0 + 2.0 / n, 0.75 - 0.5 / n, 1.0 - 1.0 / n);
    let mut centre = vec![0.0; corners[0].0.len()];
    for (x, _) in &corners[..last] {
        centre = along(&centre, 1.0 / last as f64, x);
    }
    let away = along(&centre, -1.0, &corners[last].0);
    let reflected = evaluate(along(&centre, 1.0, &away))?;
    let (best, next_to_worst, worst) = (corners[0].1, corners[last - 1].1, corners[last].1);
    if reflected.1 < best {
        let further = evaluate(along(&centre, stretch, &away))?;
        corners[last] = if further.1 < reflected.1 { further } else { reflected };
    } else if reflected.1 < next_to_worst {
        corners[last] = reflected;
    } else {
        let outside = reflected.1 < worst;
        let limit = if outside { reflected.1 } else { worst };
        let nearer = evaluate(along(&centre, if outside { contract } else { -contract }, &away))?;
        if nearer.1 <= limit && nearer.1 < f64::INFINITY {
            corners[last] = nearer;
        } else {
            let origin = corners[0].0.clone();
            for corner in &mut corners[1..] {
                *corner = evaluate(along(&origin, shrink, &along(&corner.0, -1.0, &origin)))?;
            }
        }
    }
    Ok(())
}
