//! A box for the unknowns, and what it does to slopes.

pub(super) mod project;

use super::problem::Point;
use crate::error::{Result, fail};

/// lower ≤ x ≤ upper, element by element; infinite where there is no bound.
///
/// ```
/// use chainrule_fit::solve::minimise::Bounds;
/// let mut x = [-1.0, 5.0];
/// Bounds::new(vec![0.0, f64::NEG_INFINITY], vec![1.0, 4.0]).project(&mut x);
/// assert_eq!(x, [0.0, 4.0]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Bounds {
    /// The least value of each unknown.
    pub lower: Vec<f64>,
    /// The largest value of each unknown.
    pub upper: Vec<f64>,
}

impl Bounds {
    /// The box between `lower` and `upper`.
    pub fn new(lower: Vec<f64>, upper: Vec<f64>) -> Bounds {
        Bounds { lower, upper }
    }

    /// The box of `n` unknowns that are at least `least`.
    pub fn at_least(least: f64, n: usize) -> Bounds {
        Bounds { lower: vec![least; n], upper: vec![f64::INFINITY; n] }
    }

    /// Moves `x` to the nearest point of the box.
    pub fn project(&self, x: &mut [f64]) {
        for (x, (l, u)) in x.iter_mut().zip(self.lower.iter().zip(&self.upper)) {
            *x = x.max(*l).min(*u);
        }
    }

    /// Refuses a box of another size than `n`, or one that is empty.
    pub(super) fn check(&self, n: usize) -> Result<()> {
        if self.lower.len() != n || self.upper.len() != n {
            fail!(
                "{n} unknowns have {} lower and {} upper bounds; give one of each for every \
                 unknown, infinite where there is none",
                self.lower.len(),
                self.upper.len()
            );
        }
        let ends = self.lower.iter().zip(&self.upper).enumerate();
        for (i, (l, u)) in ends {
            if !(l <= u && *l < f64::INFINITY && *u > f64::NEG_INFINITY) {
                fail!("no number is between the bounds {l} and {u} of unknown {i}; swap them?");
            }
        }
        Ok(())
    }

    /// ‖P(x − g) − x‖∞, which is 0 where the conditions of Karush, Kuhn and Tucker hold.
    pub(super) fn slope(&self, at: &Point) -> f64 {
        let moves = (0..at.x.len()).map(|i| self.shift(at, i).abs());
        moves.fold(0.0, |a, b| if b.is_nan() || b > a { b } else { a })
    }

    /// P(x − g) − x of unknown i: −g, unless a bound is nearer.
    fn shift(&self, at: &Point, i: usize) -> f64 {
        let (x, g) = (at.x[i], at.gradient[i]);
        (-g).max(self.lower[i] - x).min(self.upper[i] - x)
    }

    /// Which unknowns are not pressed against a bound. Those very near one that the gradient pushes
    /// towards it count as pressed, or the path would bend after a tiny step; how near shrinks with
    /// the slope (Bertsekas 1982).
    pub(super) fn free(&self, at: &Point) -> Vec<bool> {
        let near = self.slope(at).min(1e-3);
        let is_free = |i: usize| {
            let (x, g) = (at.x[i], at.gradient[i]);
            let low = g > 0.0 && x <= self.lower[i] + near * self.lower[i].abs().max(1.0);
            let high = g < 0.0 && x >= self.upper[i] - near * self.upper[i].abs().max(1.0);
            !(low || high)
        };
        (0..at.x.len()).map(is_free).collect()
    }
}
