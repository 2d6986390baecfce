//! Newton's method in a trust region, with products instead of a matrix.
//!
//! Inside a ball of radius Δ the function is trusted to be its quadratic model,
//!
//! ```text
//! m(p) = f + g·p + ½ p·H p        ‖p‖ ≤ Δ
//! ```
//!
//! which conjugate gradients minimise from p = 0 with one Hessian-vector product a step. They stop
//! when the residual is small against g (which makes the whole converge superlinearly), at the
//! sphere if they would leave the ball, and also at the sphere if they meet a direction of negative
//! curvature: there the model falls for ever (Steihaug 1983, *The conjugate gradient method and
//! trust regions in large scale optimization*, SIAM J. Numer. Anal. 20 (3)).
//!
//! The ratio ρ of the actual to the promised fall decides: the step is taken if ρ > 0.1, the ball
//! shrinks to a quarter of the step if ρ < ¼ and doubles if ρ > ¾ at the sphere. Both falls get the
//! possible rounding error added, or ρ would be noise near the minimum (Conn, Gould and Toint 2000,
//! *Trust-Region Methods*, §17.4).

use super::dense::{along, dot, norm};
use super::problem::{Counted, Point};
use crate::error::Result;

/// The ball.
#[derive(Default)]
pub(super) struct Region {
    /// Its radius, after the first step.
    radius: Option<f64>,
}

/// A step in the ball, and what the model promises of it.
struct Step {
    p: Vec<f64>,
    fall: f64,
    at_sphere: bool,
}

impl Region {
    /// The next point, or none if even in the smallest ball nothing is lower.
    pub(super) fn step(
        &mut self,
        problem: &Counted<'_>,
        at: &Point,
        slack: f64,
    ) -> Result<Option<Point>> {
        let mut radius = self.radius.unwrap_or(norm(&at.x).max(1.0));
        let least = 1e-15 * norm(&at.x).max(1e-15);
        while radius > least {
            let step = steihaug(problem, at, radius)?;
            let next = problem.point(along(&at.x, 1.0, &step.p))?;
            let ratio = (at.value - next.value + slack) / (step.fall + slack);
            let length = norm(&step.p);
            if !next.is_finite() || ratio.is_nan() || ratio < 0.25 {
                radius = 0.25 * length.min(radius);
            } else if ratio > 0.75 && step.at_sphere {
                radius *= 2.0;
            }
            if next.is_finite() && ratio > 0.1 {
                self.radius = Some(radius);
                return Ok(Some(next));
            }
        }
        Ok(None)
    }
}

fn steihaug(problem: &Counted<'_>, at: &Point, radius: f64) -> Result<Step> {
    let g = &at.gradient;
    let size = norm(g);
    let enough = size * size.sqrt().min(0.1);
    let mut p = vec![0.0; g.len()];
    let mut r = g.clone();
    let mut d: Vec<f64> = g.iter().map(|g| -g).collect();
    let mut hp = vec![0.0; g.len()];
    let end = |p: Vec<f64>, hp: &[f64], at_sphere: bool| {
        let fall = -(dot(g, &p) + 0.5 * dot(&p, hp));
        Step { p, fall, at_sphere }
    };
    for _ in 0..4 * g.len() + 10 {
        let hd = problem.hvp(&at.x, &d)?;
        let (bend, rr) = (dot(&d, &hd), dot(&r, &r));
        let alpha = rr / bend;
        let further = along(&p, alpha, &d);
        if bend.is_nan() || bend <= 0.0 || norm(&further) >= radius {
            let t = to_sphere(&p, &d, radius);
            return Ok(end(along(&p, t, &d), &along(&hp, t, &hd), true));
        }
        p = further;
        hp = along(&hp, alpha, &hd);
        r = along(&r, alpha, &hd);
        if norm(&r) <= enough {
            break;
        }
        let beta = dot(&r, &r) / rr;
        d = along(&r, -beta, &d).iter().map(|d| -d).collect();
    }
    Ok(end(p, &hp, false))
}

/// The t ≥ 0 with ‖p + t d‖ = radius, from the root without cancellation.
fn to_sphere(p: &[f64], d: &[f64], radius: f64) -> f64 {
    let (dd, pd) = (dot(d, d), dot(p, d));
    let room = (radius * radius - dot(p, p)).max(0.0);
    let root = (pd * pd + dd * room).sqrt();
    if pd > 0.0 { room / (pd + root) } else { (root - pd) / dd }
}
