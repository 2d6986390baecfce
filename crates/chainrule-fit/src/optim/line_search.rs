//! A step along a line that is long enough and goes down enough: the strong Wolfe conditions.
//!
//! With φ(t) = f(x + t d), a step t is taken that fulfils
//!
//! ```text
//! φ(t) ≤ φ(0) + 10⁻⁴ t φ'(0)           it goes down
//! |φ'(t)| ≤ 0.9 |φ'(0)|                and to where the slope is small
//! ```
//!
//! First t grows until a good point lies in an interval, then the interval shrinks: Nocedal and
//! Wright, *Numerical Optimization* (2006), algorithms 3.5 and 3.6. Trial points are the minima of
//! the cubics through the ends' values and slopes, kept from the ends as torch keeps them.

use chainrule_core::Tensor;

use crate::error::Result;

const DOWN: f64 = 1e-4;
const FLAT: f64 = 0.9;

/// A point on the line.
#[derive(Clone)]
pub(super) struct Point {
    /// How far along it is.
    pub(super) t: f64,
    /// φ(t).
    pub(super) f: f64,
    /// φ'(t).
    pub(super) slope: f64,
    /// The gradient there.
    pub(super) gradient: Tensor,
}

impl Point {
    fn is_too_high(&self, start: &Point) -> bool {
        self.f > start.f + DOWN * self.t * start.slope
    }

    fn is_flat(&self, start: &Point) -> bool {
        self.slope.abs() <= -FLAT * start.slope
    }
}

/// The minimum, between `low` and `high`, of the cubic with the values and slopes of `p` and `q`;
/// the middle if it has none.
fn cubic(p: &Point, q: &Point, low: f64, high: f64) -> f64 {
    let (p, q) = if p.t <= q.t { (p, q) } else { (q, p) };
    let d1 = p.slope + q.slope - 3.0 * (p.f - q.f) / (p.t - q.t);
    let square = d1 * d1 - p.slope * q.slope;
    if square < 0.0 || square.is_nan() {
        return f64::midpoint(low, high);
    }
    let d2 = square.sqrt();
    let t = q.t - (q.t - p.t) * ((q.slope + d2 - d1) / (q.slope - p.slope + 2.0 * d2));
    t.max(low).min(high)
}

/// What the search has so far: both ends of an interval, or the answer.
enum Found {
    Interval([Point; 2]),
    Answer(Point),
}

/// Searches from `start` (at t = 0, going down) with the first step `first`, and evaluates at most
/// `most` + 1 points with `at`. Intervals whose points are nearer than `nearest` in t are not
/// searched. Gives the point and the number of evaluations.
pub(super) fn strong_wolfe(
    start: &Point,
    first: f64,
    nearest: f64,
    most: usize,
    at: &mut dyn FnMut(f64) -> Result<Point>,
) -> Result<(Point, usize)> {
    let mut tried = 0;
    let ends = match widen(start, first, most, &mut tried, at)? {
        Found::Answer(point) => return Ok((point, tried + 1)),
        Found::Interval(ends) => ends,
    };
    let point = shrink(start, ends, nearest, most, &mut tried, at)?;
    Ok((point, tried + 1))
}

/// Grows t until a good point must lie between two tried ones.
fn widen(
    start: &Point,
    first: f64,
    most: usize,
    tried: &mut usize,
    at: &mut dyn FnMut(f64) -> Result<Point>,
) -> Result<Found> {
    let mut old = start.clone();
    let mut new = at(first)?;
    while *tried < most {
        if new.is_too_high(start) || (*tried > 1 && new.f >= old.f) {
            return Ok(Found::Interval([old, new]));
        }
        if new.is_flat(start) {
            return Ok(Found::Answer(new));
        }
        if new.slope >= 0.0 {
            return Ok(Found::Interval([old, new]));
        }
        let t = cubic(&old, &new, new.t + 0.01 * (new.t - old.t), new.t * 10.0);
        old = std::mem::replace(&mut new, at(t)?);
        *tried += 1;
    }
    Ok(Found::Interval([start.clone(), new]))
}

/// Shrinks the interval to a good point, or to the best that was tried.
fn shrink(
    start: &Point,
    mut ends: [Point; 2],
    nearest: f64,
    most: usize,
    tried: &mut usize,
    at: &mut dyn FnMut(f64) -> Result<Point>,
) -> Result<Point> {
    let lower = |ends: &[Point; 2]| usize::from(ends[0].f > ends[1].f);
    let mut best = lower(&ends);
    let mut slow = false;
    while *tried < most {
        let (low, high) = (ends[0].t.min(ends[1].t), ends[0].t.max(ends[1].t));
        if high - low < nearest {
            break;
        }
        let mut t = cubic(&ends[0], &ends[1], low, high);
        let margin = 0.1 * (high - low);
        if (high - t).min(t - low) < margin {
            // A second time near an end, or at it, counts as no progress.
            if slow || t >= high || t <= low {
                t = if high - t < t - low { high - margin } else { low + margin };
                slow = false;
            } else {
                slow = true;
            }
        } else {
            slow = false;
        }
        let new = at(t)?;
        *tried += 1;
        if new.is_too_high(start) || new.f >= ends[best].f {
            ends[1 - best] = new;
            best = lower(&ends);
            continue;
        }
        let done = new.is_flat(start);
        if !done && new.slope * (ends[1 - best].t - ends[best].t) >= 0.0 {
            ends[1 - best] = ends[best].clone();
        }
        ends[best] = new;
        if done {
            break;
        }
    }
    let [a, b] = ends;
    Ok(if best == 0 { a } else { b })
}
