//! Minimisation of a function of n numbers, with bounds or without.
//!
//! # One loop
//!
//! All methods that follow derivatives are one loop, which joins a *descent*, the direction that
//! the method believes in, with a *search*, how far it dares to go there:
//!
//! ```text
//!   x ← start
//!   until the slope at x is small:
//!       d ← descent(x)              −H g, for the H of the method
//!       x ← search(x, d)            lower than before, or the run is over
//!       descent learns from the step
//! ```
//!
//! | method               | H                                             | search           |
//! |----------------------|-----------------------------------------------|------------------|
//! | [`Lbfgs`]            | inverse Hessian from the last m steps         | strong Wolfe     |
//! | [`Bfgs`]             | inverse Hessian from all steps, n × n         | strong Wolfe     |
//! | [`ConjugateGradient`]| identity, and the last direction              | strong Wolfe     |
//! | [`SteepestDescent`]  | identity                                      | strong Wolfe     |
//! | [`Newton`]           | inverse of the exact Hessian, made positive   | strong Wolfe     |
//! | [`NewtonCg`]         | the same by conjugate gradients, no matrix    | trust region     |
//!
//! [`NelderMead`] asks for values only and has a loop of its own. With bounds, the search bends its
//! ray along the walls of the box, and the descent leaves out what is pressed against one.
//!
//! The end is judged by the slope and nothing else: x is a stationary point of the box exactly if
//! P(x − g) = x, where P moves to the nearest point inside. This is the condition of Karush, Kuhn
//! and Tucker: g = 0 where x is free, g ≥ 0 at a lower bound, g ≤ 0 at an upper one. A run has
//! [`Converged`](Outcome::Converged) when ‖P(x − g) − x‖∞ is at most the tolerance.
//!
//! ```
//! use chainrule_core::Tensor;
//! use chainrule_fit::solve::minimise::{Minimiser, Objective, Outcome};
//! // Rosenbrock's valley, whose floor is a parabola.
//! let valley = |x: &Tensor| (1.0 - x.i(0)).square() + 100.0 * (x.i(1) - x.i(0).square()).square();
//! let valley = Objective::new(valley, 2)?;
//! let found = Minimiser::default().run(&valley, &[-1.2, 1.0])?;
//! assert_eq!(found.outcome, Outcome::Converged);
//! assert!((found.x[0] - 1.0).abs() < 1e-6 && (found.x[1] - 1.0).abs() < 1e-6);
//! # Ok::<(), chainrule_fit::Error>(())
//! ```
//!
//! Not here: sums of squares, whose structure [`crate::solve`] knows better how to use; equality
//! and general inequality constraints; proof that a minimum is the lowest of all ([`starts`] tries
//! several).
//!
//! Nocedal and Wright (2006), *Numerical Optimization*, 2nd edition. Each file names its own
//! source.
//!
//! [`Lbfgs`]: Method::Lbfgs
//! [`Bfgs`]: Method::Bfgs
//! [`ConjugateGradient`]: Method::ConjugateGradient
//! [`SteepestDescent`]: Method::SteepestDescent
//! [`Newton`]: Method::Newton
//! [`NewtonCg`]: Method::NewtonCg
//! [`NelderMead`]: Method::NelderMead

#[cfg(feature = "argmin")]
pub mod argmin;
mod bounds;
pub(crate) mod dense;
mod descent;
mod problem;
mod region;
mod simplex;
pub mod starts;
mod wolfe;

use std::fmt;

pub use bounds::Bounds;
pub use problem::{Counts, Objective, Problem};

use crate::error::{Error, Result, fail};
use bounds::project;
use dense::largest;
use descent::{Bfgs, ConjugateGradient, Descent, Lbfgs, Newton, Steepest};
use problem::{Counted, Point};
use region::Region;

/// How to choose directions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method {
    /// Limited memory: the last `memory` steps stand for the Hessian. For anything, up to millions
    /// of unknowns.
    Lbfgs {
        /// How many steps are remembered; 5 to 20 is usual.
        memory: usize,
    },
    /// All steps stand for the Hessian, in a matrix of n² numbers. For up to a few hundred
    /// unknowns.
    Bfgs,
    /// Exact Hessians; steps of O(n³). For up to a few hundred unknowns, and for high precision.
    Newton,
    /// Products with the exact Hessian only, in a trust region. For many unknowns where the
    /// function bends strongly.
    NewtonCg,
    /// Nonlinear conjugate gradients: the least memory.
    ConjugateGradient,
    /// Against the gradient: slow, and a yardstick for the others.
    SteepestDescent,
    /// A simplex of values, no derivatives. For few unknowns and functions with kinks or noise.
    NelderMead,
}

/// How to minimise.
#[derive(Clone, Debug, PartialEq)]
pub struct Minimiser {
    /// How to choose directions; by default L-BFGS with a memory of 10.
    pub method: Method,
    /// The slope at which x counts as a minimum, ‖P(x − g) − x‖∞; by default 10⁻⁸. For
    /// [`Method::NelderMead`], the size of the simplex relative to x and the spread of its values.
    pub tolerance: f64,
    /// The most steps; by default 1000.
    pub max_steps: usize,
    /// The box in which x stays; by default there is none.
    pub bounds: Option<Bounds>,
}

impl Default for Minimiser {
    fn default() -> Minimiser {
        let method = Method::Lbfgs { memory: 10 };
        Minimiser { method, tolerance: 1e-8, max_steps: 1000, bounds: None }
    }
}

/// How a run ended. Each says what to do.
///
/// It is another type than that of [least squares](crate::solve::Outcome), which knows more: there
/// a search has four ways to converge, and names the parameter, the observation or the derivative
/// at fault, where a function of unknowns has only its value and its slope. Where both mean the
/// same, [`word`](Self::word) is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The slope is as small as was asked for.
    Converged,
    /// The steps ran out.
    MaxSteps,
    /// The function falls without end.
    Diverged,
    /// The function or its gradient is not finite at the point that was reached.
    NonFinite {
        /// The number of steps done.
        at: usize,
    },
    /// No lower value was found in the direction of descent.
    Stalled,
}

impl Outcome {
    /// One word, for machines: `converged`, `max_steps`, `diverged`, `non_finite` or `stalled`.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Converged => "converged",
            Outcome::MaxSteps => "max_steps",
            Outcome::Diverged => "diverged",
            Outcome::NonFinite { .. } => "non_finite",
            Outcome::Stalled => "stalled",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Converged => f.write_str("converged: the slope is within the tolerance"),
            Outcome::MaxSteps => f.write_str(
                "the steps ran out before the slope was small: allow more steps, scale the \
                 unknowns to like sizes, or use second derivatives",
            ),
            Outcome::Diverged => f.write_str(
                "the function falls without end: set bounds, or add a penalty that keeps the \
                 unknowns small",
            ),
            Outcome::NonFinite { at: 0 } => f.write_str(
                "the function or its gradient is not finite at the start: choose another start",
            ),
            Outcome::NonFinite { at } => write!(
                f,
                "the function or its gradient is not finite after step {at}: set bounds that keep \
                 away from there"
            ),
            Outcome::Stalled => f.write_str(
                "no lower value was found along the descent: if the slope is tiny this is the \
                 limit of rounding, so ask for less; otherwise check the gradient with gradcheck",
            ),
        }
    }
}

/// What a run found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The lowest point.
    pub x: Vec<f64>,
    /// The value there.
    pub value: f64,
    /// The gradient there; empty after [`Method::NelderMead`].
    pub gradient: Vec<f64>,
    /// ‖P(x − g) − x‖∞, the measure of convergence; the size of the simplex after
    /// [`Method::NelderMead`].
    pub slope: f64,
    /// The steps done.
    pub steps: usize,
    /// How often the problem was asked for what.
    pub counts: Counts,
    /// How the run ended.
    pub outcome: Outcome,
}

impl Minimiser {
    /// A minimiser by `method`, otherwise as by default.
    pub fn new(method: Method) -> Minimiser {
        Minimiser { method, ..Minimiser::default() }
    }

    /// The same, within a box.
    pub fn within(self, bounds: Bounds) -> Minimiser {
        Minimiser { bounds: Some(bounds), ..self }
    }

    /// Minimises `problem` from `start`, which is moved into the bounds first.
    ///
    /// # Errors
    /// If lengths disagree, the method cannot use bounds, or the problem fails or lacks a
    /// derivative that the method needs. How the run ended is no error but the [`Outcome`].
    pub fn run(&self, problem: &dyn Problem, start: &[f64]) -> Result<Found> {
        let n = problem.len();
        if start.len() != n || n == 0 {
            fail!("a problem of {n} unknowns got a start of {}; give one number each", start.len());
        }
        if !(self.tolerance >= 0.0 && start.iter().all(|x| x.is_finite())) {
            fail!("the start must be finite and the tolerance at least 0");
        }
        let mut x = start.to_vec();
        if let Some(bounds) = &self.bounds {
            bounds.check(n)?;
            bounds.project(&mut x);
        }
        let problem = Counted::new(problem);
        match self.method {
            Method::NelderMead => simplex::run(self, &problem, x),
            _ => self.descend(&problem, x),
        }
    }

    fn descend(&self, problem: &Counted<'_>, x: Vec<f64>) -> Result<Found> {
        let bounds = self.bounds.as_ref();
        let mut at = problem.point(x)?;
        let (mut descent, mut search) = self.parts(at.x.len())?;
        let (mut steps, mut noise) = (0, at.value.abs());
        let outcome = loop {
            if !at.is_finite() {
                break Outcome::NonFinite { at: steps };
            }
            if at.value < -ENDLESS || largest(&at.x) > ENDLESS {
                break Outcome::Diverged;
            }
            if slope(&at, bounds) <= self.tolerance {
                break Outcome::Converged;
            }
            if steps == self.max_steps {
                break Outcome::MaxSteps;
            }
            noise = at.value.abs().max(0.5 * (noise + at.value.abs()));
            match search.next(problem, &at, &mut *descent, SLACK * noise)? {
                Some(next) => {
                    descent.learn(&at, &next);
                    at = next;
                    steps += 1;
                }
                None if descent.forget() => {}
                None => break Outcome::Stalled,
            }
        };
        let slope = slope(&at, bounds);
        let Point { x, value, gradient } = at;
        Ok(Found { x, value, gradient, slope, steps, counts: problem.counts(), outcome })
    }

    fn parts(&self, n: usize) -> Result<(Box<dyn Descent>, Search<'_>)> {
        let descent: Box<dyn Descent> = match self.method {
            Method::Lbfgs { memory } => Box::new(Lbfgs::new(memory)),
            Method::Bfgs => Box::new(Bfgs::new(n)),
            Method::Newton => Box::new(Newton),
            Method::ConjugateGradient => Box::new(ConjugateGradient::default()),
            Method::NewtonCg | Method::SteepestDescent | Method::NelderMead => {
                Box::new(Steepest::default())
            }
        };
        let curvature = if self.method == Method::ConjugateGradient { 0.1 } else { 0.9 };
        let search = match (&self.bounds, self.method) {
            (None, Method::NewtonCg) => Search::Region(Region::default()),
            (None, _) => Search::Line { curvature },
            (Some(_), Method::Bfgs | Method::NewtonCg | Method::ConjugateGradient) => {
                return Err(Error::new(
                    "this method knows no bounds; use L-BFGS, Newton or Nelder–Mead with them",
                ));
            }
            (Some(bounds), _) => Search::Box(bounds),
        };
        Ok((descent, search))
    }
}

/// Numbers beyond which a run counts as endless.
const ENDLESS: f64 = 1e100;

/// The part of a value that may be rounding error. A sum of a million terms of one size is right to
/// about 10⁻¹³ of itself; there is room for some cancellation.
const SLACK: f64 = 1e-11;

/// How far to go in a direction.
enum Search<'a> {
    Line { curvature: f64 },
    Box(&'a Bounds),
    Region(Region),
}

impl Search<'_> {
    /// The next point, or none if nothing lower was found.
    fn next(
        &mut self,
        problem: &Counted<'_>,
        at: &Point,
        descent: &mut dyn Descent,
        slack: f64,
    ) -> Result<Option<Point>> {
        match self {
            Search::Line { curvature } => {
                let free = vec![true; at.x.len()];
                let ray = descent.ray(problem, at, &free)?;
                wolfe::search(problem, at, &ray, *curvature, slack)
            }
            Search::Box(bounds) => {
                let free = bounds.free(at);
                let mut ray = descent.ray(problem, at, &free)?;
                for (d, (g, free)) in ray.d.iter_mut().zip(at.gradient.iter().zip(&free)) {
                    *d = if *free { *d } else { -g };
                }
                project::search(problem, at, &ray, bounds, slack)
            }
            Search::Region(region) => region.step(problem, at, slack),
        }
    }
}

/// ‖P(x − g) − x‖∞.
fn slope(at: &Point, bounds: Option<&Bounds>) -> f64 {
    match bounds {
        None => largest(&at.gradient),
        Some(bounds) => bounds.slope(at),
    }
}
