//! Fitting a curve y ≈ f(x; θ) to data, with an honest report.
//!
//! # The mathematics
//!
//! The parameters minimise Σ wᵢ (f(xᵢ; θ) − yᵢ)², or another loss, by [`solve`](crate::solve). Near
//! the answer f is nearly linear in θ, so that with J̃ = √w J and the degrees of freedom ν = n − p
//!
//! ```text
//! s² = Σ wᵢ rᵢ²/ν      C = s² (J̃ᵀJ̃)⁻¹ = s² D⁻¹ V S⁻² Vᵀ D⁻¹      J̃ D⁻¹ = Q R,  Rᵀ = V S Uᵀ
//! ```
//!
//! from which the errors follow ([`inference`](crate::inference)). For a loss with ρ(z) the factor
//! s² is that of an M-estimator, with ψ = r ρ′ and ψ′ = ρ′ + 2zρ″ (Huber 1981, §7.6):
//!
//! ```text
//! s² = (Σ ψᵢ²/ν) / (Σ ψᵢ′/n)²
//! ```
//!
//! Where a singular value is 0, moving the parameters along its direction changes no prediction:
//! the data do not determine them, and the report names the [`Direction`] instead of inventing an
//! error. Parameters at a bound count as known.
//!
//! A sum of squares that consists of rounding errors is computed again in twice the precision, from
//! the decimals that the data stand for (`solve/twofold.rs`, which says when).
//!
//! A prediction at x has the variance g C gᵀ with g = ∂f/∂θ there (where the curve is), and s² more
//! for a new observation.
//!
//! AIC = −2 ln L + 2 (p + 1) and BIC = −2 ln L + (p + 1) ln n, with the normal likelihood
//! −2 ln L = n (1 + ln 2π Σ wᵢrᵢ²/n) − Σ ln wᵢ: σ counts as a parameter, as in R.
//!
//! # Several ranks
//!
//! [`fit_over`] fits one curve to observations of which each rank of a job has some: steps are
//! those of [`least_squares_over`], and all that is said of the fit is of the rows of all, but for
//! what is said of each row.
//!
//! # Example
//!
//! ```
//! use chainrule_core::Tensor;
//! use chainrule_fit::curve::{Request, fit};
//! let t = Tensor::from([0.0, 1.0, 2.0, 3.0, 4.0]);
//! let y = [5.0, 3.04, 1.83, 1.12, 0.68];
//! let request = Request::new(["height", "rate"]).start(&[1.0, 1.0]);
//! let found = fit(|b: &Tensor| b.i(0) * (-b.i(1) * &t).exp(), &y, &request)?;
//! let rate = &found.estimates[1];
//! assert!(rate.interval.0 < 0.5 && 0.5 < rate.interval.1);
//! println!("{}", chainrule_fit::report::curve::text(&found, &str::to_string));
//! # Ok::<(), chainrule_fit::Error>(())
//! ```
//!
//! # Not here
//!
//! Errors in the predictors; profile intervals, which would show how far the linear approximation
//! holds; what a formula is (the command reads one).
//!
//! # References
//!
//! G. A. F. Seber and C. J. Wild (1989), *Nonlinear Regression*, §2 and §5.

pub mod drawing;
pub mod file;
mod spread;

use std::time::Instant;

use chainrule_core::{Outcome as Given, Tensor};

use crate::error::{Result, fail, shown};
use crate::inference::{Estimate, Reference, correlation, estimates};
use crate::metrics::Metrics;
use crate::parallel::fold::{alone, gather, total};
use crate::parallel::{Communicator, Single};
use crate::solve::seeds::{self, Seeds};
use crate::solve::{
    Loss, Options, Outcome, Residuals, Solution, Traced, least_squares_over, twofold,
};
use spread::{Spread, deviation, named, residue};

/// What to fit, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The names of the parameters.
    pub names: Vec<String>,
    /// Where to begin; `None` for a search from many starts.
    pub start: Option<Vec<f64>>,
    /// How to search when there is no start.
    pub seeds: Seeds,
    /// Method, loss, weights, bounds and tolerances.
    pub options: Options,
    /// The level of the intervals, such as 0.95.
    pub confidence: f64,
}

impl Request {
    /// Parameters of these names, by default without start, bounds or weights, and a level of 0.95.
    pub fn new<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Request {
        Request {
            names: names.into_iter().map(Into::into).collect(),
            start: None,
            seeds: Seeds::default(),
            options: Options::default(),
            confidence: 0.95,
        }
    }

    /// The same, from a given start.
    #[must_use]
    pub fn start(self, start: &[f64]) -> Request {
        Request { start: Some(start.to_vec()), ..self }
    }
}

/// A combination of parameters that the data do not determine: moving each by its part changes no
/// prediction.
#[derive(Clone, Debug, PartialEq)]
pub struct Direction {
    /// The parameters that take part, with the largest part 1.
    pub parts: Vec<(String, f64)>,
}

/// What the residuals, y − f(x), look like.
#[derive(Clone, Debug, PartialEq)]
pub struct Residue {
    /// One for each observation, in units of y.
    pub values: Vec<f64>,
    /// The largest of √w|r|/s, with the index of the observation, from the largest down.
    pub largest: Vec<(usize, f64)>,
    /// How often chance would give so few runs of one sign, in the order of the observations (Wald
    /// and Wolfowitz 1940); NaN if there are fewer than ten.
    pub runs_p: f64,
    /// How often normal noise would give so skewed or heavy-tailed ones (Jarque and Bera 1980);
    /// likewise.
    pub normal_p: f64,
}

/// A fitted curve.
#[derive(Clone, Debug, PartialEq)]
pub struct CurveFit {
    /// The parameters with their errors.
    pub estimates: Vec<Estimate>,
    /// Their covariance, p × p row by row; 0 for those at a bound, NaN for undetermined ones.
    pub covariance: Vec<f64>,
    /// Their correlation, likewise.
    pub correlation: Vec<f64>,
    /// The condition number of the Jacobian with columns of length 1.
    pub condition: f64,
    /// What the data do not determine.
    pub undetermined: Vec<Direction>,
    /// The parameters that rest at a bound.
    pub at_bound: Vec<String>,
    /// How the search ended.
    pub outcome: Outcome,
    /// Steps of the search that found the answer.
    pub steps: usize,
    /// Whether many starts were tried.
    pub searched: bool,
    /// Observations with a weight.
    pub rows: usize,
    /// Observations less parameters that are free and determined.
    pub dof: usize,
    /// Σ wᵢ rᵢ².
    pub rss: f64,
    /// The estimated deviation of an observation of weight 1; NaN without degrees of freedom.
    pub sigma: f64,
    /// R² and RMSE of the observations fitted to, without weights.
    pub metrics: Metrics,
    /// Akaike's criterion; NaN for losses that are no likelihood.
    pub aic: f64,
    /// Schwarz's criterion; likewise.
    pub bic: f64,
    /// What the curve says about each observation.
    pub fitted: Vec<f64>,
    /// The residuals.
    pub residue: Residue,
    /// The loss.
    pub loss: Loss,
    /// The level of the intervals.
    pub confidence: f64,
    /// The time it took.
    pub seconds: f64,
    /// What the user should know, each a clause.
    pub warnings: Vec<String>,
}

/// The curve at one place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// f(x; θ̂).
    pub value: f64,
    /// The standard error of that.
    pub std_error: f64,
    /// Where the curve is.
    pub confidence: (f64, f64),
    /// Where a new observation of weight 1 would be.
    pub prediction: (f64, f64),
}

/// Fits `model`, which takes the vector θ and gives what it predicts for each of `y`.
///
/// # Errors
/// If the numbers of names, starts or predictions do not fit; those of the model; if a number of
/// `y` is not finite; if the residuals are not finite at the start.
pub fn fit<Y: Given<Tree = Tensor>>(
    model: impl Fn(&Tensor) -> Y,
    y: &[f64],
    request: &Request,
) -> Result<CurveFit> {
    fit_over(model, y, request, &Single)
}

/// [`fit`] where each of the `ranks` has some of the observations, perhaps none: `model` predicts
/// those of this rank, and the weights in `request` are theirs; all else of it is the same on all
/// ranks, but for the sizes of the search, which are those of the first. So is the fit, but for
/// [`fitted`](CurveFit::fitted) and the residuals, which are the rank's; the numbers of rows count
/// on from those of the ranks before.
///
/// # Errors
/// As [`fit`]; what fails on one rank ends the job.
pub fn fit_over<Y: Given<Tree = Tensor>>(
    model: impl Fn(&Tensor) -> Y,
    y: &[f64],
    request: &Request,
    ranks: &dyn Communicator,
) -> Result<CurveFit> {
    let begin = Instant::now();
    let observed = Tensor::from(y.to_vec());
    let residuals = |theta: &Tensor| -> chainrule_core::Result<Tensor> {
        model(theta).outcome()?.try_sub(&observed)
    };
    let mut problem = alone(ranks, || {
        if y.iter().any(|y| !y.is_finite()) {
            fail!("an observation is not finite; leave it out");
        }
        let problem = Traced::new(residuals, request.names.len())?;
        if problem.residuals() != y.len() {
            fail!("the model gives {} numbers for {} observations", problem.residuals(), y.len());
        }
        Ok(problem)
    })?;
    let mut found = match &request.start {
        Some(start) => least_squares_over(&mut problem, start, &request.options, ranks)?,
        None => {
            // What sizes are typical each rank sees in its own rows.
            let sizes = gather(ranks, &request.seeds.sizes)?.swap_remove(0);
            let seeds = Seeds { sizes, ..request.seeds.clone() };
            seeds::search_over(&mut problem, &request.options, &seeds, ranks)?
        }
    };
    if let Outcome::NonFinite { .. } = found.outcome {
        let what = match found.outcome {
            Outcome::NonFinite { place } => place.named(&request.names),
            _ => String::new(),
        };
        fail!("{what}; {}", lower(found.outcome.advice()));
    }
    if twofold::is_needed(y, &found, &request.options, ranks)? {
        twofold::sharpen(residuals, y, &mut found, &request.options, ranks)?;
    }
    judge(y, request, found, begin, ranks)
}

/// A sentence as the end of another.
fn lower(sentence: &str) -> String {
    let mut letters = sentence.trim_end_matches('.').chars();
    letters.next().map_or(String::new(), |c| c.to_lowercase().chain(letters).collect())
}

/// All that follows from a solution.
fn judge(
    y: &[f64],
    request: &Request,
    found: Solution,
    begin: Instant,
    ranks: &dyn Communicator,
) -> Result<CurveFit> {
    let (options, p) = (&request.options, found.parameters.len());
    let weight = |i: usize| options.weights.get(i).copied().unwrap_or(1.0);
    let fitted: Vec<f64> = y.iter().zip(&found.residuals).map(|(y, r)| y + r).collect();
    let weighted: Vec<f64> =
        found.residuals.iter().enumerate().map(|(i, r)| r * weight(i).sqrt()).collect();
    let rows = (0..y.len()).filter(|&i| weight(i) > 0.0).count();
    let rows = total(ranks, rows as f64)? as usize;
    let spread = Spread::of(&found, options, ranks)?;
    let dof = rows.saturating_sub(spread.rank);
    let rss = total(ranks, weighted.iter().map(|r| r * r).sum())?;
    let sigma = deviation(&weighted, rows, dof, options.loss, ranks)?;
    let covariance: Vec<f64> = spread.inverse.iter().map(|c| c * sigma * sigma).collect();
    let values = found.parameters.clone();
    let reference = Reference::StudentT(dof as f64);
    let mut fit = CurveFit {
        estimates: estimates(&request.names, &values, &covariance, reference, request.confidence),
        correlation: correlation(&covariance, p),
        covariance,
        condition: spread.condition,
        undetermined: named(&spread.directions, &request.names),
        at_bound: picked(&request.names, &found.at_bound),
        steps: found.steps,
        outcome: found.outcome,
        searched: request.start.is_none(),
        rows,
        dof,
        rss,
        sigma,
        metrics: Metrics::over(y, &fitted, ranks)?.unwrap_or(Metrics {
            r2: None,
            rmse: f64::NAN,
            mae: f64::NAN,
        }),
        aic: f64::NAN,
        bic: f64::NAN,
        residue: residue(&found.residuals, &weighted, sigma, ranks)?,
        fitted,
        loss: options.loss,
        confidence: request.confidence,
        seconds: begin.elapsed().as_secs_f64(),
        warnings: vec![],
    };
    if fit.loss == Loss::Linear && rss > 0.0 {
        let n = rows as f64;
        let logs = options.weights.iter().filter(|w| **w > 0.0).map(|w| w.ln());
        let logs = total(ranks, logs.sum())?;
        let likelihood = n * (1.0 + (2.0 * std::f64::consts::PI * rss / n).ln()) - logs;
        let count = (p + 1) as f64;
        (fit.aic, fit.bic) = (likelihood + 2.0 * count, likelihood + count * n.ln());
    }
    for (estimate, _) in fit.estimates.iter_mut().zip(&found.at_bound).filter(|(_, at)| **at) {
        let nothing = f64::NAN;
        (estimate.std_error, estimate.statistic, estimate.p_value) = (nothing, nothing, nothing);
        estimate.interval = (nothing, nothing);
    }
    fit.warnings = warnings(&fit);
    Ok(fit)
}

/// The names for which `is` holds.
fn picked(names: &[String], is: &[bool]) -> Vec<String> {
    names.iter().zip(is).filter(|(_, is)| **is).map(|(name, _)| name.clone()).collect()
}

fn warnings(fit: &CurveFit) -> Vec<String> {
    let mut all = vec![];
    if !fit.outcome.converged() {
        all.push(format!("{}; {}", fit.outcome, lower(fit.outcome.advice())));
    }
    if fit.dof == 0 {
        all.push("there are as many parameters as observations, so errors are not defined".into());
    }
    for direction in &fit.undetermined {
        all.push(format!("the data do not determine {direction}"));
    }
    if fit.undetermined.is_empty() && fit.condition > 1e8 {
        all.push(format!(
            "parameters are nearly interchangeable (condition {:.0e}): small errors of the data \
             move them far",
            fit.condition
        ));
    }
    for name in &fit.at_bound {
        all.push(format!("{} is at its bound, and counts as known", shown(name)));
    }
    all
}

/// `a`, or `a and b apart: moving them by 1 : −0.5 changes no prediction`.
impl std::fmt::Display for Direction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<String> = self.parts.iter().map(|(name, _)| shown(name)).collect();
        let [before @ .., last] = &names[..] else { return Ok(()) };
        if before.is_empty() {
            return f.write_str(last);
        }
        let parts = self.parts.iter().map(|(_, part)| {
            let size = format!("{:.3}", part.abs());
            let size = size.trim_end_matches('0').trim_end_matches('.');
            format!("{}{size}", if *part < 0.0 { "−" } else { "" })
        });
        let parts = parts.collect::<Vec<_>>().join(" : ");
        let before = before.join(", ");
        write!(f, "{before} and {last} apart: moving them by {parts} changes no prediction")
    }
}

impl CurveFit {
    /// The values of the parameters.
    pub fn parameters(&self) -> Vec<f64> {
        self.estimates.iter().map(|e| e.estimate).collect()
    }

    /// The curve and its bands where `model` predicts, at the level of the fit.
    ///
    /// # Errors
    /// Those of the model.
    pub fn predict<Y: Given<Tree = Tensor>>(
        &self,
        model: impl Fn(&Tensor) -> Y,
    ) -> Result<Vec<Prediction>> {
        let half = Reference::StudentT(self.dof as f64).half_width(self.confidence);
        bands(model, &self.parameters(), &self.covariance, self.sigma, half)
    }
}

/// The curve where `model` predicts with parameters θ, the standard error of each value from the
/// covariance, and bands of `half` that error; `sigma` is the deviation of an observation.
///
/// # Errors
/// Those of the model.
pub fn bands<Y: Given<Tree = Tensor>>(
    model: impl Fn(&Tensor) -> Y,
    theta: &[f64],
    covariance: &[f64],
    sigma: f64,
    half: f64,
) -> Result<Vec<Prediction>> {
    let p = theta.len();
    let (values, columns) = Traced::new(model, p)?.linearise(theta)?;
    let one = |(i, &value): (usize, &f64)| {
        let g: Vec<f64> = columns.iter().map(|c| c[i]).collect();
        let product = |a: usize| -> f64 {
            // What does not depend on a parameter does not need to know it.
            (0..p)
                .filter(|&b| g[a] != 0.0 && g[b] != 0.0)
                .map(|b| g[a] * covariance[a * p + b] * g[b])
                .sum()
        };
        let variance = (0..p).map(product).sum::<f64>();
        let variance = if variance < 0.0 { 0.0 } else { variance };
        let around = |width: f64| (value - half * width, value + half * width);
        Prediction {
            value,
            std_error: variance.sqrt(),
            confidence: around(variance.sqrt()),
            prediction: around((variance + sigma * sigma).sqrt()),
        }
    };
    Ok(values.iter().enumerate().map(one).collect())
}
