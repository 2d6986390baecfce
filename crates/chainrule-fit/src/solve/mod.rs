//! Nonlinear least squares: one loop, several ways to descend and to search.
//!
//! # The mathematics
//!
//! Sought is a θ that makes ½ Σ wᵢ rᵢ(θ)² least, between bounds. Near θ the residuals are almost
//! linear, r(θ + p) ≈ r + J p, and each round of the loop takes a step p that a linear
//! least-squares problem suggests, if it keeps what it promised:
//!
//! ```text
//! linearise ─ converged? ─ descent: p from J, r and a length ─ search: is r(θ + p) better?
//!     ↑                       ↑                                   │            │
//!     └───── yes: go ─────────┼───────────────────────────────────┘            │
//!                             └───────────── no: shorter ──────────────────────┘
//! ```
//!
//! | [`Method`]           | descent                                        | search       |
//! |----------------------|------------------------------------------------|--------------|
//! | `LevenbergMarquardt` | least squares of the model within the length   | trust region |
//! | `Dogleg`             | from steepest descent to Gauss–Newton          | trust region |
//! | `GaussNewton`        | least squares of the model, shortened          | backtracking |
//!
//! All of them scale parameters by the norms of their columns of J, the largest so far, so that
//! units do not matter; factor J by pivoted QR and never form JᵀJ; and when the cost can no longer
//! tell two points apart, end with Gauss–Newton steps as long as these keep getting smaller: a
//! minimum is flat, so that its value has digits for only half of those of its place. Residuals
//! that are nothing but rounding errors are computed in twice the precision (`twofold`).
//!
//! # Bounds
//!
//! A parameter at its bound, with the cost falling outwards, rests. Others that a step would carry
//! over their bounds are set on them, and the step is sought again in the rest, with the residuals
//! that these have caused. A step shrunk far enough is one of projected gradient descent, which
//! finds downhill wherever there is one.
//!
//! # Several ranks
//!
//! [`least_squares_over`] is for residuals of which each rank of a job has some. At each point the
//! ranks make the R of [J r] together (`tall`), which has all products of columns of J with each
//! other and with r, as accurate as J itself; the steps are chosen from that by the same code, and
//! the costs of points are added up over ranks. So all take the same steps.
//!
//! # Example
//!
//! ```
//! use chainrule_core::Tensor;
//! use chainrule_fit::solve::{Options, least_squares_of};
//! let t = Tensor::from([0.0, 1.0, 2.0, 3.0]);
//! let y = Tensor::from([5.0, 3.03, 1.84, 1.12]);
//! let decay = |b: &Tensor| b.i(0) * (-b.i(1) * &t).exp() - &y;
//! let found = least_squares_of(decay, &[1.0, 1.0], &Options::default())?;
//! assert!(found.outcome.converged());
//! assert!((found.parameters[0] - 5.0).abs() < 0.01 && (found.parameters[1] - 0.5).abs() < 0.01);
//! # Ok::<(), chainrule_fit::Error>(())
//! ```
//!
//! # Not here
//!
//! Sparse Jacobians, constraints other than bounds, global search beyond several starts; what the
//! estimates are worth is told by [`inference`](crate::inference) and [`curve`](crate::curve).
//!
//! # References
//!
//! J. J. Moré (1978), *The Levenberg–Marquardt algorithm: implementation and theory*; J. Nocedal
//! and S. J. Wright (2006), *Numerical Optimization*, §4 and §10; D. P. Bertsekas (1982),
//! *Projected Newton methods for optimization problems with simple constraints*.

mod local;
mod loss;
pub mod minimise;
mod outcome;
mod problem;
pub(crate) mod qr;
mod run;
pub mod seeds;
pub(crate) mod tall;
pub(crate) mod twofold;

pub use loss::Loss;
pub use outcome::{Outcome, Place, Why};
pub use problem::{Residuals, Traced};

use chainrule_core::Tensor;

use crate::error::{Result, fail};
use crate::parallel::fold::alone;
use crate::parallel::{Communicator, Single};

/// How steps are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Method {
    /// Damped steps within a trust region.
    #[default]
    LevenbergMarquardt,
    /// Powell's dogleg within a trust region.
    Dogleg,
    /// Gauss–Newton steps, halved until the cost falls.
    GaussNewton,
}

/// Where parameters may be, with which weights and loss, and when to stop.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// How steps are chosen.
    pub method: Method,
    /// How residuals count.
    pub loss: Loss,
    /// The weights wᵢ ≥ 0 of the squares, one for each residual; empty if all are 1.
    pub weights: Vec<f64>,
    /// The lowest and the highest value of each parameter; empty if there are no bounds.
    pub bounds: Vec<(f64, f64)>,
    /// The most steps to take; each linearises the residuals once.
    pub max_steps: usize,
    /// Stop when both the predicted and the actual fall of the cost are below this share of it.
    pub ftol: f64,
    /// Stop when a step is below this share of the parameters, in their scale.
    pub xtol: f64,
    /// Stop when the cosine between the residuals and each column of J is below this.
    pub gtol: f64,
    /// The length of the first step, as a multiple of the start values in their scale.
    pub factor: f64,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            method: Method::default(),
            loss: Loss::Linear,
            weights: vec![],
            bounds: vec![],
            max_steps: 2000,
            ftol: 1e-15,
            xtol: 1e-15,
            gtol: 1e-15,
            factor: 1.0,
        }
    }
}

/// Where a search ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Solution {
    /// The parameters.
    pub parameters: Vec<f64>,
    /// ½ Σ wᵢ c² ρ(rᵢ²/c²), half the weighted sum of squares for the linear loss.
    pub cost: f64,
    /// The residuals there, without weights.
    pub residuals: Vec<f64>,
    /// The columns of the Jacobian there, without weights.
    pub jacobian: Vec<Vec<f64>>,
    /// How it ended.
    pub outcome: Outcome,
    /// How often the residuals were linearised.
    pub steps: usize,
    /// How often they were evaluated.
    pub evaluations: usize,
    /// Which parameters rest at a bound.
    pub at_bound: Vec<bool>,
}

/// Minimises ½ Σ wᵢ rᵢ(θ)², or another loss of the residuals, from `start`.
///
/// A search that fails is a [`Solution`] with the [`Outcome`] that says how.
///
/// # Errors
/// If the numbers of parameters, weights or bounds do not fit; if a bound or weight is not one; if
/// the problem cannot be computed.
pub fn least_squares(
    problem: &mut dyn Residuals,
    start: &[f64],
    options: &Options,
) -> Result<Solution> {
    least_squares_over(problem, start, options, &Single)
}

/// [`least_squares`] where each of the `ranks` has some of the residuals, perhaps none, with their
/// weights; all else is the same on all ranks, and so is the solution, but for its residuals and
/// its Jacobian, which are those of the rank.
///
/// # Errors
/// As [`least_squares`]; what fails on one rank ends the job.
pub fn least_squares_over(
    problem: &mut dyn Residuals,
    start: &[f64],
    options: &Options,
    ranks: &dyn Communicator,
) -> Result<Solution> {
    alone(ranks, || check(problem, start, options))?;
    run::run(problem, start, options, ranks)
}

/// [`least_squares`] of a closure on tensors that takes the vector θ and gives the residuals.
///
/// # Errors
/// As [`least_squares`] and [`Traced::new`].
pub fn least_squares_of<Y: chainrule_core::Outcome<Tree = Tensor>>(
    f: impl Fn(&Tensor) -> Y,
    start: &[f64],
    options: &Options,
) -> Result<Solution> {
    least_squares(&mut Traced::new(f, start.len())?, start, options)
}

/// The best of the solutions from several starts: the one with the least cost among those that
/// converged, or among all if none did; the first of equals.
///
/// # Errors
/// As [`least_squares`]; if there is no start.
pub fn multi_start(
    problem: &mut dyn Residuals,
    starts: &[Vec<f64>],
    options: &Options,
) -> Result<Solution> {
    best(problem, starts, options, &Single)
}

fn best(
    problem: &mut dyn Residuals,
    starts: &[Vec<f64>],
    options: &Options,
    ranks: &dyn Communicator,
) -> Result<Solution> {
    let mut best: Option<Solution> = None;
    for start in starts {
        let next = least_squares_over(problem, start, options, ranks)?;
        let better = |best: &Solution| {
            let (a, b) = (next.outcome.converged(), best.outcome.converged());
            a && !b || a == b && (next.cost < best.cost || best.cost.is_nan())
        };
        if best.as_ref().is_none_or(better) {
            best = Some(next);
        }
    }
    match best {
        Some(best) => Ok(best),
        None => fail!("there is no start to search from; give one"),
    }
}

fn check(problem: &dyn Residuals, start: &[f64], options: &Options) -> Result<()> {
    let (p, n) = (problem.parameters(), problem.residuals());
    if start.len() != p {
        fail!("{} start values were given for {p} parameters; give one each", start.len());
    }
    if !(options.bounds.is_empty() || options.bounds.len() == p) {
        fail!("{} bounds were given for {p} parameters; give one each", options.bounds.len());
    }
    let wrong = |b: &&(f64, f64)| b.0.is_nan() || b.1.is_nan() || b.0 > b.1;
    if let Some((low, high)) = options.bounds.iter().find(wrong) {
        fail!("there is nothing between the bounds {low} and {high}; give the lower one first");
    }
    if !(options.weights.is_empty() || options.weights.len() == n) {
        fail!("{} weights were given for {n} residuals; give one each", options.weights.len());
    }
    if let Some(w) = options.weights.iter().find(|w| !(**w >= 0.0 && w.is_finite())) {
        fail!("the weight {w} is not one; weights are finite and at least 0");
    }
    Ok(())
}
