//! Several starts: for functions with several minima.
//!
//! The first start is the middle of the box, the others are drawn from it evenly; each is followed
//! to its minimum, and the lowest wins. The same seed draws the same starts on every machine.
//!
//! ```
//! use chainrule_core::Tensor;
//! use chainrule_fit::solve::minimise::{Bounds, Minimiser, Objective, starts};
//! // A parabola with ripples: nearly every start ends in the wrong one of them.
//! let f = |x: &Tensor| (x.square() / 20.0 - x.cos()).sum();
//! let f = Objective::new(f, 1)?;
//! let range = Bounds::new(vec![-30.0], vec![35.0]);
//! let all = starts::run(&Minimiser::default(), &f, &range, 20, 0)?;
//! assert!(all[0].x[0].abs() < 1e-8 && all[0].value == -1.0);
//! # Ok::<(), chainrule_fit::Error>(())
//! ```

use super::{Bounds, Found, Minimiser, Problem};
use crate::data::split::Random;
use crate::error::{Result, fail};

/// What `minimiser` finds from `count` starts drawn from `range`, the lowest first. Runs that ended
/// where the function is not finite come last.
///
/// # Errors
/// If `range` has an infinite end; those of [`Minimiser::run`].
pub fn run(
    minimiser: &Minimiser,
    problem: &dyn Problem,
    range: &Bounds,
    count: usize,
    seed: u64,
) -> Result<Vec<Found>> {
    range.check(problem.len())?;
    let Bounds { lower, upper } = range;
    if !lower.iter().chain(upper).all(|x| x.is_finite()) {
        fail!("starts are drawn between bounds, which must be finite; give a range to draw from");
    }
    let mut random = Random::new(seed);
    let mut found = vec![];
    for i in 0..count.max(1) {
        let mut start = vec![];
        for (l, u) in lower.iter().zip(upper) {
            let share = if i == 0 { 0.5 } else { random.uniform() };
            start.push(l * (1.0 - share) + u * share);
        }
        found.push(minimiser.run(problem, &start)?);
    }
    found.sort_by(|a, b| rank(a).total_cmp(&rank(b)));
    Ok(found)
}

fn rank(found: &Found) -> f64 {
    if found.value.is_nan() { f64::INFINITY } else { found.value }
}
