//! A search along a ray that bends at the walls of a box: x(t) = P(x + t d).
//!
//! The path has corners, so slopes along it mean little; the step is accepted as soon as the value
//! has fallen in proportion to what the gradient promises for it,
//!
//! ```text
//! f(x(t)) ≤ f(x) + c₁ g·(x(t) − x) + ε        c₁ = 10⁻⁴
//! ```
//!
//! else t shrinks to the minimum of a parabola, between a tenth and a half; to a fifth where the
//! function is not finite. Several unknowns can reach their bounds in one step. Together with
//! directions that are free of what is pressed against a bound, this is the two-metric projection
//! of Bertsekas (1982), *Projected Newton methods for optimization problems with simple
//! constraints*, SIAM J. Control Optim. 20 (2).

use super::Bounds;
use crate::error::Result;
use crate::solve::minimise::dense::{along, dot};
use crate::solve::minimise::descent::Ray;
use crate::solve::minimise::problem::{Counted, Point};

const ENOUGH: f64 = 1e-4;

/// The most trials; each is at most half as far as the one before.
const MOST: usize = 50;

/// A lower point on the bent ray, or none.
pub(in super::super) fn search(
    problem: &Counted<'_>,
    at: &Point,
    ray: &Ray,
    bounds: &Bounds,
    slack: f64,
) -> Result<Option<Point>> {
    let mut t = ray.first;
    for _ in 0..MOST {
        let mut x = along(&at.x, t, &ray.d);
        bounds.project(&mut x);
        let promised = dot(&at.gradient, &along(&x, -1.0, &at.x));
        if x == at.x || promised.is_nan() {
            return Ok(None);
        }
        let next = problem.point(x)?;
        if !next.is_finite() {
            t *= 0.2;
            continue;
        }
        if promised < 0.0 && next.value <= at.value + ENOUGH * promised + slack {
            return Ok(Some(next));
        }
        let parabola = 0.5 * promised / (promised - (next.value - at.value));
        t *= if parabola.is_finite() { parabola.clamp(0.1, 0.5) } else { 0.5 };
    }
    Ok(None)
}
