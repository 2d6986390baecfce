//! Generalised linear models on tables: linear, ridge, lasso, logistic, softmax, Poisson.
//!
//! # The mathematics
//!
//! Each row has linear predictors η = B z + b of its standardised columns z, one for most models,
//! one for each class but the first for softmax. A [`Family`] says what η means for the target y:
//!
//! | family            | mean of y                      | loss of a row                 |
//! |-------------------|--------------------------------|-------------------------------|
//! | linear            | η                              | ½ (y − η)²                    |
//! | logistic          | P(second class) = 1/(1 + e⁻ᵑ)  | ln(1 + eᵑ) − y η              |
//! | softmax           | P(class k) = eᵑₖ / Σⱼ eᵑⱼ, η₀ = 0 | ln Σⱼ eᵑⱼ − η of the class |
//! | Poisson           | e^η                            | e^η − y η + ln Γ(y + 1)       |
//!
//! The loss is −ln of the likelihood, recorded as it stands; gradient and Hessian are the engine's.
//! All of these are convex, and Newton's method ([`crate::solve::minimise`]), which for them is the
//! same as iteratively reweighted least squares, goes from the model without features to the answer
//! in a handful of steps, until no element of the mean gradient is larger than 10⁻¹⁰.
//!
//! The observed information, the Hessian of the whole loss at the answer, gives the covariance of
//! the estimates, H⁻¹ (for linear models times σ² = RSS/(n − p)), which [`crate::inference`] turns
//! into errors, tests and intervals. Everything is then carried over, exactly, from standardised
//! columns to the units of the table.
//!
//! # Penalties
//!
//! Penalties act on the weights w of *standardised* columns (mean 0, variance 1), never on the
//! intercept, and are added to the *mean* loss, so that λ means the same for any unit and number of
//! rows:
//!
//! ```text
//! ridge  (1/n) Σ loss + ½ λ ‖w‖²          lasso  (1/2n) Σ (y − η)² + λ ‖w‖₁
//! ```
//!
//! Penalised estimates are biased on purpose; no errors are given for them.
//!
//! # When there is no answer
//!
//! If some combination of columns tells the classes apart without fail, the likelihood grows for
//! ever as the weights do. This is noticed when coefficients give every row its class. If only some
//! rows are told apart, the slope vanishes at infinity, but Newton's steps do not become small
//! there; this is noticed too, and [`Fit::runaway`] names the parameters that run away.
//!
//! ```
//! use chainrule_fit::data::table::Table;
//! use chainrule_fit::glm::{Family, Request, fit};
//! let table = Table::parse("t.csv", b"x,y\n1,no\n2,no\n3,yes\n4,no\n5,yes\n6,yes\n")?;
//! let found = fit(&table, &Request { test_split: 0.0, ..Request::new("y", Family::Logistic) })?;
//! let slope = &found.parameters[0].estimate;
//! assert_eq!((slope.name.as_str(), found.classes.len()), ("x", 2));
//! assert!((slope.estimate - 1.2140).abs() < 1e-4 && (slope.std_error - 0.9126).abs() < 1e-4);
//! # Ok::<(), chainrule_fit::Error>(())
//! ```
//!
//! [`fit_file`] does the same to a file larger than memory (`passes` says how).
//!
//! Not here: offsets and weights of rows, other links, interactions of columns.
//!
//! P. McCullagh and J. A. Nelder (1989), *Generalized Linear Models*, 2nd edition; A. Albert and
//! J. A. Anderson (1984), *On the existence of maximum likelihood estimates in logistic regression
//! models*, Biometrika 71.

mod family;
mod lasso;
mod likelihood;
pub mod model;
mod passes;
pub mod report;

mod rows;
pub(crate) mod tally;
pub(crate) mod target;

use std::time::Instant;

use crate::data::encode::{Encoder, Missing};
use crate::data::split::split;
use crate::data::table::Table;
use crate::error::{Result, count, fail};
use crate::inference::{Estimate, Reference, estimates};
use crate::metrics::Metrics;
use crate::metrics::classes::Classification;
use crate::solve::minimise::Outcome;
use crate::{INTERCEPT, RowCounts};

pub use family::Family;
pub use model::{Model, Predictions};
pub use passes::fit_file;
pub use target::MAX_CLASSES;

use likelihood::Solution;
use rows::Memory;
use target::Response;

/// What to fit.
#[derive(Clone, Debug)]
pub struct Request {
    /// The column to predict.
    pub target: String,
    /// What it is distributed like.
    pub family: Family,
    /// The columns to predict from; by default all others.
    pub features: Option<Vec<String>>,
    /// A penalty ½ λ ‖w‖² for logistic, softmax and Poisson models; by default 0. (For linear ones,
    /// see [`Family::Ridge`].)
    pub ridge: f64,
    /// The share of the rows to test on.
    pub test_split: f64,
    /// Decides the split.
    pub seed: u64,
    /// The level of the intervals, such as 0.95.
    pub confidence: f64,
}

impl Request {
    /// Predict `target` from all other columns, and test on a fifth of the rows.
    pub fn new(target: impl Into<String>, family: Family) -> Request {
        Request {
            target: target.into(),
            family,
            features: None,
            ridge: 0.0,
            test_split: 0.2,
            seed: 0,
            confidence: 0.95,
        }
    }
}

/// A coefficient in the units of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// The class whose linear predictor it belongs to, if the target is a class.
    pub class: Option<String>,
    /// What is known of it; named like the feature, or [`INTERCEPT`].
    pub estimate: Estimate,
}

/// How good predictions are.
#[derive(Clone, Debug, PartialEq)]
pub enum Score {
    /// Of numbers.
    Numbers(Metrics),
    /// Of classes.
    Classes(Classification),
}

/// What a fit found.
#[derive(Clone, Debug)]
pub struct Fit {
    /// The name of the file.
    pub path: String,
    /// What was asked for.
    pub request: Request,
    /// How many rows were used for what.
    pub rows: RowCounts,
    /// Which features lack values in these rows.
    pub missing: Vec<Missing>,
    /// The classes in order, if the target is one; the first has no parameters.
    pub classes: Vec<String>,
    /// The parameters, for one class after the other; the last of each class is the intercept.
    pub parameters: Vec<Parameter>,
    /// Their covariance, row by row; NaN where it is not defined, empty if there are too many.
    pub covariance: Vec<f64>,
    /// What the estimates were compared with.
    pub reference: Reference,
    /// Twice what the log-likelihood lacks to that of a model that knows every row; the sum of
    /// squared errors for linear models.
    pub deviance: f64,
    /// The deviance of the model without features.
    pub null_deviance: f64,
    /// ln of the likelihood; of linear models with σ² = RSS/n.
    pub log_likelihood: f64,
    /// Akaike's criterion, −2 ln L + 2 p, with p the number of coefficients (σ is not counted);
    /// `None` for penalised models, whose number of parameters is no measure of freedom, and where
    /// there is no answer.
    pub aic: Option<f64>,
    /// Schwarz's criterion, −2 ln L + p ln n.
    pub bic: Option<f64>,
    /// The steps done.
    pub steps: usize,
    /// How the run ended.
    pub outcome: Outcome,
    /// The names of parameters that grow without end; there are some if the classes are separated.
    pub runaway: Vec<String>,
    /// On the training rows.
    pub train: Score,
    /// On the test rows, if there are any.
    pub test: Option<Score>,
    /// The time of the fit.
    pub seconds: f64,
    /// What the user should know, each a clause.
    pub warnings: Vec<String>,
    /// The model, ready to be saved.
    pub model: Model,
}

/// The numbers of a table: encoded rows with their targets.
struct Numbers {
    rows: RowCounts,
    encoder: Encoder,
    x: Vec<f64>,
    y: Response,
    test_x: Vec<f64>,
    test_y: Response,
    missing: Vec<Missing>,
}

fn numbers(table: &Table, request: &Request, warnings: &mut Vec<String>) -> Result<Numbers> {
    let target = table.column(&request.target)?;
    let columns = crate::features(table, request.features.as_ref(), target)?;
    let (rows, y) = target::read(table, target, request.family)?;
    let (train, test) = split(rows.len(), request.test_split, request.seed);
    enough(table, rows.len(), train.len())?;
    let (train_y, test_y) = (y.pick(&train), y.pick(&test));
    train_y.check(table, &request.target)?;
    let pick = |part: &[usize]| part.iter().map(|&i| rows[i]).collect::<Vec<usize>>();
    let (train, test) = (pick(&train), pick(&test));
    let encoder = Encoder::learn(table, &columns, &train, warnings)?;
    let x = encoder.encode(table, &train, warnings)?;
    let test_x = encoder.encode(table, &test, warnings)?;
    let missing = encoder.missing(table, &rows)?;
    let without_target = table.len() - rows.len();
    let rows = RowCounts { train: train.len(), test: test.len(), without_target };
    Ok(Numbers { rows, encoder, x, y: train_y, test_x, test_y, missing })
}

/// Fits the model of `request` to `table`.
///
/// # Errors
/// If the table does not fit the request; the sentence says where.
pub fn fit(table: &Table, request: &Request) -> Result<Fit> {
    let start = Instant::now();
    let (family, mut warnings) = (request.family, vec![]);
    family.check(request.ridge)?;
    let Numbers { rows, encoder, x, y, test_x, test_y, missing } =
        numbers(table, request, &mut warnings)?;
    let learnt = Memory::new(family, &x, encoder.width(), &y)?;
    let solution = likelihood::solve(family, request.ridge, &learnt)?;
    drop(learnt);
    let (path, classes) = (table.path().into(), y.classes().to_vec());
    let found = Found { path, rows, missing, encoder, classes, solution, warnings };
    finish(found, request, start, |model, _| {
        Ok((y.score(&model.means(&x)?), test_y.score(&model.means(&test_x)?)))
    })
}

/// A solution, and what it was found from.
struct Found {
    path: String,
    rows: RowCounts,
    missing: Vec<Missing>,
    encoder: Encoder,
    classes: Vec<String>,
    solution: Solution,
    warnings: Vec<String>,
}

/// All that follows from a solution; `scores` are those of a model on the rows to train and to test
/// on.
fn finish(
    found: Found,
    request: &Request,
    start: Instant,
    scores: impl FnOnce(&Model, &mut Vec<String>) -> Result<(Option<Score>, Option<Score>)>,
) -> Result<Fit> {
    let Found { path, rows, missing, encoder, classes, solution, mut warnings } = found;
    let family = request.family;
    let names = encoder.names();
    let runaway = runaway(&solution, &names, &classes);
    warn(&solution, &runaway, request, &mut warnings);
    let target = request.target.clone();
    let weight = solution.weight;
    let model = Model { target, family, classes: classes.clone(), encoder, weight };
    let (Some(train), test) = scores(&model, &mut warnings)? else {
        fail!("there are no rows to train on")
    };
    let (values, covariance) = model.in_units(&solution.covariance);
    if values.iter().any(|v| !v.is_finite()) {
        fail!("{path}: the numbers are too large or too small to compute with");
    }
    let reference = family.reference(rows.train, values.len());
    let parameters =
        parameters(&names, &classes, &values, &covariance, reference, request.confidence);
    let free = family.is_free(request.ridge) && runaway.is_empty();
    let criterion = |price: f64| {
        let value = -2.0 * solution.log_likelihood + price * values.len() as f64;
        Some(value).filter(|value| free && value.is_finite())
    };
    Ok(Fit {
        path,
        request: request.clone(),
        rows,
        missing,
        classes,
        parameters,
        covariance,
        reference,
        deviance: solution.deviance,
        null_deviance: solution.null_deviance,
        log_likelihood: solution.log_likelihood,
        aic: criterion(2.0),
        bic: criterion((rows.train as f64).ln()),
        steps: solution.steps,
        outcome: solution.outcome,
        runaway,
        train,
        test,
        seconds: start.elapsed().as_secs_f64(),
        warnings,
        model,
    })
}

fn enough(table: &Table, rows: usize, train: usize) -> Result<()> {
    if train < 2 {
        fail!(
            "{} has {} with a target, and {train} left to train on; at least 2 are needed: add \
             rows{}",
            table.path(),
            count(rows, "row"),
            if rows > 1 { " or test on fewer with --test-split 0" } else { "" }
        );
    }
    Ok(())
}

/// The names of the parameters that grow without end.
fn runaway(solution: &Solution, names: &[String], classes: &[String]) -> Vec<String> {
    let width = names.len() + 1;
    let name = |j: usize| {
        let name = names.get(j % width).map_or(INTERCEPT, String::as_str);
        match classes.get(j / width + 1) {
            Some(class) if classes.len() > 2 => format!("{name} of {class}"),
            _ => name.to_string(),
        }
    };
    // The intercept goes where the weights go.
    let all: Vec<usize> = solution.runaway.clone();
    let weights: Vec<usize> = all.iter().copied().filter(|j| j % width < names.len()).collect();
    (if weights.is_empty() { all } else { weights }).into_iter().map(name).collect()
}

fn warn(solution: &Solution, runaway: &[String], request: &Request, warnings: &mut Vec<String>) {
    let family = request.family;
    if solution.outcome != Outcome::Converged {
        warnings.push(format!("the fit is not complete: {}", solution.outcome));
    }
    if !runaway.is_empty() {
        let names = crate::error::listed(runaway);
        let why = if family.is_classifier() {
            "the features separate the classes, so that no finite coefficients are the best"
        } else {
            "the target is 0 wherever some feature says so, so that no finite coefficients are the \
             best"
        };
        warnings.push(format!(
            "{why}: those of {names} grow without end, and errors are not defined; add a penalty, \
             as in --ridge 0.01"
        ));
    }
    if !solution.is_unique && family.is_free(request.ridge) {
        warnings.push(
            "the columns depend on each other, so the best coefficients are not unique and their \
             errors not defined; leave columns out with --features, or add a penalty"
                .into(),
        );
    }
    if !(solution.is_unique && runaway.is_empty() && family.is_free(request.ridge)) {
        return;
    }
    if solution.is_too_large {
        warnings.push("there are too many parameters to compute their errors".into());
    } else if solution.outcome == Outcome::Converged && solution.covariance[0].is_nan() {
        warnings.push(
            "there are as many parameters as rows, so that their errors are not defined; add rows \
             or leave features out with --features"
                .into(),
        );
    }
}

fn parameters(
    names: &[String],
    classes: &[String],
    values: &[f64],
    covariance: &[f64],
    reference: Reference,
    level: f64,
) -> Vec<Parameter> {
    let width = names.len() + 1;
    let all: Vec<String> = (0..values.len())
        .map(|j| names.get(j % width).cloned().unwrap_or_else(|| INTERCEPT.into()))
        .collect();
    let estimates = if covariance.is_empty() {
        let one = |(name, value): (&String, &f64)| {
            estimates(std::slice::from_ref(name), &[*value], &[f64::NAN], reference, level)
        };
        all.iter().zip(values).flat_map(one).collect()
    } else {
        estimates(&all, values, covariance, reference, level)
    };
    let with_class = estimates.into_iter().enumerate().map(|(j, estimate)| {
        let class = classes.get(j / width + 1).cloned();
        Parameter { class, estimate }
    });
    with_class.collect()
}
