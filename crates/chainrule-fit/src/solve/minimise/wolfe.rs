//! A line search for the strong Wolfe conditions, robust to rounding.
//!
//! Along φ(t) = f(x + t d), a step must make the value fall in proportion to the slope, and flatten
//! the slope:
//!
//! ```text
//! φ(t) ≤ φ(0) + c₁ t φ′(0) + ε        |φ′(t)| ≤ c₂ |φ′(0)|        c₁ = 10⁻⁴
//! ```
//!
//! ε is the part of the value that may be rounding error. Near a minimum the true fall is smaller
//! than that, and a search that compares values alone is lost; with ε the slopes decide, which are
//! right to many more digits there. This is the idea of the *approximate* Wolfe conditions of Hager
//! and Zhang (2005).
//!
//! The search keeps an interval whose lower end is below the line and slopes down, and whose upper
//! end is above the line, slopes up, or is not finite. Such an interval contains a step that will
//! do. It grows by the secant of the slopes until there is an upper end, and then shrinks to the
//! minimum of the cubic through both ends' values and slopes, in every third trial to the middle.
//! Where the function is not finite, the search backs off to a fifth of the way: beyond lies a
//! logarithm of something negative, or an overflow, and the numbers there say nothing.
//!
//! Nocedal and Wright, §3.5; the cubic is their equation 3.59.

use super::dense::{along, dot};
use super::descent::Ray;
use super::problem::{Counted, Point};
use crate::error::Result;

const ENOUGH: f64 = 1e-4;

/// The most trials in one search. Each divides the interval by at least about two.
const MOST: usize = 60;

struct Trial {
    t: f64,
    value: f64,
    slope: f64,
    point: Option<Point>,
}

/// A point that satisfies the conditions with c₂ = `curvature`, or is at least lower; none if there
/// is none.
pub(super) fn search(
    problem: &Counted<'_>,
    at: &Point,
    ray: &Ray,
    curvature: f64,
    slack: f64,
) -> Result<Option<Point>> {
    let down = dot(&at.gradient, &ray.d);
    if !(down < 0.0 && down.is_finite()) {
        return Ok(None);
    }
    let is_high = |trial: &Trial| {
        let line = at.value + ENOUGH * trial.t * down + slack;
        !(trial.value <= line && trial.slope.is_finite())
    };
    let mut low = Trial { t: 0.0, value: at.value, slope: down, point: None };
    let (mut older, mut high): (Option<(f64, f64)>, Option<Trial>) = (None, None);
    let mut t = ray.first;
    for round in 0..MOST {
        let trial = try_at(problem, at, ray, t)?;
        let too_high = is_high(&trial);
        if !too_high && trial.slope.abs() <= -curvature * down {
            return Ok(trial.point);
        }
        if too_high || trial.slope >= 0.0 {
            high = Some(trial);
        } else {
            older = Some((low.t, low.slope));
            low = trial;
        }
        t = match &high {
            None => beyond(&low, older),
            Some(high) => between(&low, high, round, slack),
        };
        if t <= low.t || high.as_ref().is_some_and(|high| t >= high.t) || !t.is_finite() {
            break;
        }
    }
    let best = [Some(low), high].into_iter().flatten().filter(|trial| trial.value < at.value);
    let best = best.min_by(|a, b| a.value.total_cmp(&b.value));
    Ok(best.and_then(|trial| trial.point).filter(Point::is_finite))
}

fn try_at(problem: &Counted<'_>, at: &Point, ray: &Ray, t: f64) -> Result<Trial> {
    let point = problem.point(along(&at.x, t, &ray.d))?;
    let slope = if point.is_finite() { dot(&point.gradient, &ray.d) } else { f64::NAN };
    Ok(Trial { t, value: point.value, slope, point: Some(point) })
}

/// Further out: where the slope would vanish if it went on changing as it did, up to ten times as
/// far.
fn beyond(low: &Trial, older: Option<(f64, f64)>) -> f64 {
    let secant =
        older.map_or(f64::NAN, |(t, slope)| low.t + (low.t - t) * low.slope / (slope - low.slope));
    if secant > low.t { secant.clamp(1.1 * low.t, 10.0 * low.t) } else { 10.0 * low.t }
}

/// Inside the interval, away from the ends: at the minimum of a cubic, or where the secant of the
/// slopes vanishes if the values differ by no more than rounding may have made of them.
fn between(low: &Trial, high: &Trial, round: usize, slack: f64) -> f64 {
    let width = high.t - low.t;
    if !(high.value.is_finite() && high.slope.is_finite()) {
        return low.t + 0.2 * width;
    }
    if round % 3 == 2 {
        return low.t + 0.5 * width;
    }
    let rise = high.slope - low.slope;
    let t = if high.slope > 0.0 && (high.value - low.value).abs() <= 100.0 * slack {
        low.t - width * low.slope / rise
    } else {
        let a = low.slope + high.slope - 3.0 * (high.value - low.value) / width;
        let b = (a * a - low.slope * high.slope).sqrt();
        high.t - width * (high.slope + b - a) / (rise + 2.0 * b)
    };
    let t = if t.is_finite() { t } else { low.t + 0.5 * width };
    t.clamp(low.t + 0.05 * width, high.t - 0.05 * width)
}
