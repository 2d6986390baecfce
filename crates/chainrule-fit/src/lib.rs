//! Fitting a linear model to a table, end to end.
//!
//! # The way of the data
//!
//! ```text
//! file ─ table ─ split ─ encode ─┬─ linear (descent) ──┬─ metrics ─ report
//!        cells   rows    numbers └─ least_squares (QR) ┘      └─ model (file)
//! ```
//!
//! [`fit`] walks it once: the cells of a CSV file become standardised numbers, with everything
//! learnt from the training rows only; gradient descent on the library's own derivatives finds the
//! parameters; a QR factorisation finds them in closed form; and the reader sees both side by side.
//! A linear model needs no descent, which is the point: here one can check that it arrives.
//! [`predict`] applies a saved model to another table.
//!
//! ```
//! use chainrule_fit::{Request, data::table::Table, fit};
//! let table = Table::parse("t.csv", b"x,y\n0,1\n1,3.1\n2,4.9\n3,7\n")?;
//! let fit = fit(&table, &Request { test_split: 0.0, ..Request::new("y") }, None)?;
//! assert_eq!(fit.names, ["x", "intercept"]);
//! assert!((fit.descent.parameters[0] - 1.98).abs() < 1e-3);
//! # Ok::<(), chainrule_fit::Error>(())
//! ```
//!
//! # What is where
//!
//! - [`data`]: from a file to numbers. [`optim`]: optimisers and schedules. [`linear`]: the
//!   model and its descent. [`mod@least_squares`]: the closed form. [`metrics`]: R² and RMSE.
//!   [`report`]: text and JSON. [`model`]: the file. [`atomic`]: files that are whole or not there.
//! - Not here: arguments, terminals, exit codes. They belong to the command.

pub mod atomic;
pub mod curve;
pub mod data;
mod error;
pub mod glm;
pub mod inference;
pub mod least_squares;
pub mod linear;
pub mod metrics;
pub mod model;
pub mod network;
pub mod nn;
pub mod optim;
pub mod parallel;
pub mod report;
pub mod solve;
pub mod train;

pub use error::{Error, Result, shown};

use data::encode::{Encoder, Missing, moments};
use data::split::split;
use data::table::{Kind, Table};
use error::{count, fail};
use linear::{Linear, Rows, Schedule, Watcher, descend};
use metrics::Metrics;
use model::Model;

/// The name of the constant term among the parameters.
pub const INTERCEPT: &str = "intercept";

/// What to fit.
#[derive(Clone, Debug)]
pub struct Request {
    /// The column to predict.
    pub target: String,
    /// The columns to predict from; by default all others.
    pub features: Option<Vec<String>>,
    /// The share of the rows to test on.
    pub test_split: f64,
    /// Length and pace of the descent; its seed also decides the split.
    pub schedule: Schedule,
}

impl Request {
    /// Predict `target` from all other columns, and test on a fifth of the rows.
    pub fn new(target: impl Into<String>) -> Request {
        let schedule = Schedule::default();
        Request { target: target.into(), features: None, test_split: 0.2, schedule }
    }
}

/// How many rows were used for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowCounts {
    /// Learnt from.
    pub train: usize,
    /// Kept to be judged by.
    pub test: usize,
    /// Left out, since the target is missing.
    pub without_target: usize,
}

/// Parameters in the units of the table, and how good they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// In the order of [`Fit::names`].
    pub parameters: Vec<f64>,
    /// On the training rows.
    pub train: Metrics,
    /// On the test rows, if there are any.
    pub test: Option<Metrics>,
}

/// What a fit found.
#[derive(Clone, Debug)]
pub struct Fit {
    /// The name of the file.
    pub path: String,
    /// The column that is predicted.
    pub target: String,
    /// How many rows were used for what.
    pub rows: RowCounts,
    /// Which features lack values in these rows.
    pub missing: Vec<Missing>,
    /// The names of the parameters; the last is [`INTERCEPT`].
    pub names: Vec<String>,
    /// Where the descent ended.
    pub descent: Answer,
    /// The least-squares answer in closed form.
    pub closed_form: Answer,
    /// The number of independent columns.
    pub rank: usize,
    /// The epochs of the descent.
    pub epochs: usize,
    /// The rows of one of its steps.
    pub batch: usize,
    /// The time of the descent.
    pub seconds: f64,
    /// The seed of the split.
    pub seed: u64,
    /// What the user should know, each a clause.
    pub warnings: Vec<String>,
    /// The model, ready to be saved.
    pub model: Model,
    /// The target of the rows to test on, or, without any, of those learnt from.
    pub observed: Vec<f64>,
    /// What the model predicts for them.
    pub predicted: Vec<f64>,
}

impl Fit {
    /// Whether there is only one best answer.
    pub fn is_unique(&self) -> bool {
        self.rank + 1 == self.names.len()
    }
}

/// Fits a linear model to `table` as `request` says, and tells `watcher` how it goes.
///
/// # Errors
/// If the table does not fit the request; the sentence says where.
pub fn fit(table: &Table, request: &Request, watcher: Option<Watcher<'_>>) -> Result<Fit> {
    let mut warnings = vec![];
    let target = table.column(&request.target)?;
    let columns = features(table, request.features.as_ref(), target)?;
    let (rows, y) = targets(table, target)?;
    let (train, test) = split(rows.len(), request.test_split, request.schedule.seed);
    if train.len() < 2 {
        fail!(
            "{} has {} with a target, and {} left to train on; at least 2 are needed: add rows{}",
            table.path(),
            count(rows.len(), "row"),
            train.len(),
            if rows.len() > 1 { " or test on fewer with --test-split 0" } else { "" }
        );
    }
    let pick = |part: &[usize]| part.iter().map(|&i| (rows[i], y[i])).unzip();
    let ((train, train_y), (test, test_y)): ((Vec<_>, Vec<_>), (Vec<_>, Vec<_>)) =
        (pick(&train), pick(&test));
    let (target_mean, target_scale) = spread(table, &request.target, &train_y)?;
    let encoder = Encoder::learn(table, &columns, &train, &mut warnings)?;
    let x = encoder.encode(table, &train, &mut warnings)?;
    let test_x = encoder.encode(table, &test, &mut warnings)?;
    let missing = encoder.missing(table, &rows)?;
    let standard = |y: &[f64]| y.iter().map(|y| (y - target_mean) / target_scale).collect();
    let (z, test_z): (Vec<f64>, Vec<f64>) = (standard(&train_y), standard(&test_y));

    let width = encoder.width();
    let tested = (!test.is_empty()).then_some(Rows { x: &test_x, y: &test_z });
    let descent = descend(width, Rows { x: &x, y: &z }, tested, &request.schedule, watcher)?;
    // The columns have mean 0, so the best bias is the mean of the target, which is 0 as well.
    let solution = least_squares::least_squares(&x, width, &z);
    let exact = Linear { weight: solution.weight, bias: 0.0 };

    let mut names = encoder.names();
    names.push(INTERCEPT.into());
    let model = Model {
        target: request.target.clone(),
        encoder,
        linear: descent.model,
        target_mean,
        target_scale,
    };
    let judge = |linear: &Linear| -> Result<Answer> {
        let parameters = model.parameters(linear);
        let predicted = model.in_units(linear, &x)?;
        let Some(metrics) = Metrics::of(&train_y, &predicted) else { fail!("there are no rows") };
        if !(metrics.rmse.is_finite() && parameters.iter().all(|p| p.is_finite())) {
            fail!(
                "{}: the numbers are too large or too small to compute with; choose other units",
                table.path()
            );
        }
        let test = Metrics::of(&test_y, &model.in_units(linear, &test_x)?);
        Ok(Answer { parameters, train: metrics, test })
    };
    let (ours, closed_form) = (judge(&model.linear)?, judge(&exact)?);
    let (shown_x, observed) =
        if test_y.is_empty() { (&x, train_y.clone()) } else { (&test_x, test_y.clone()) };
    let predicted = model.in_units(&model.linear, shown_x)?;
    Ok(Fit {
        path: table.path().into(),
        target: request.target.clone(),
        rows: RowCounts {
            train: train.len(),
            test: test.len(),
            without_target: table.len() - rows.len(),
        },
        missing,
        names,
        descent: ours,
        closed_form,
        rank: solution.rank,
        epochs: descent.epochs,
        batch: descent.batch,
        seconds: descent.elapsed.as_secs_f64(),
        seed: request.schedule.seed,
        warnings,
        model,
        observed,
        predicted,
    })
}

/// The columns to predict from.
fn features(table: &Table, names: Option<&Vec<String>>, target: usize) -> Result<Vec<usize>> {
    let Some(names) = names else {
        let all: Vec<usize> = (0..table.names().len()).filter(|&c| c != target).collect();
        if all.is_empty() {
            fail!("{} has no column besides the target; add features", table.path());
        }
        return Ok(all);
    };
    let mut columns = vec![];
    for name in names {
        let column = table.column(name)?;
        if column == target {
            fail!("--features names the target \"{}\"; leave it out there", shown(name));
        }
        if columns.contains(&column) {
            fail!("--features names \"{}\" twice; name it once", shown(name));
        }
        if table.kind(column) == Kind::Empty {
            fail!(
                "{}: the feature \"{}\" has no value in any row; leave it out of --features",
                table.path(),
                shown(name)
            );
        }
        columns.push(column);
    }
    Ok(columns)
}

/// The rows that have a target, and their targets.
fn targets(table: &Table, target: usize) -> Result<(Vec<usize>, Vec<f64>)> {
    if let Kind::Text { row } = table.kind(target) {
        return Err(table.wrong(
            row,
            target,
            "is not a number, and a target must be numeric; correct it or choose another --target",
        ));
    }
    let (mut rows, mut y) = (vec![], vec![]);
    for row in 0..table.len() {
        if let Some(value) = table.number(row, target)? {
            rows.push(row);
            y.push(value);
        }
    }
    if rows.is_empty() {
        fail!(
            "{}: the target \"{}\" has no value in any row; choose another --target",
            table.path(),
            shown(&table.names()[target])
        );
    }
    Ok((rows, y))
}

/// Mean and deviation of the target, which must vary.
fn spread(table: &Table, target: &str, y: &[f64]) -> Result<(f64, f64)> {
    let (mean, scale) = moments(y);
    if !(mean.is_finite() && scale.is_finite()) {
        fail!(
            "{}, column \"{}\": its numbers are too large to compute with; choose a larger unit",
            table.path(),
            shown(target)
        );
    }
    if scale < f64::MIN_POSITIVE {
        fail!(
            "{}: the target \"{}\" is {mean} in all training rows, so there is nothing to fit; \
             choose another --target or add rows",
            table.path(),
            shown(target)
        );
    }
    Ok((mean, scale))
}

/// What a saved model says about a table.
#[derive(Clone, Debug)]
pub struct Predictions {
    /// One for each row.
    pub predicted: Vec<f64>,
    /// The target where the table has it.
    pub observed: Option<Vec<Option<f64>>>,
    /// How well they agree, if any row has a target.
    pub metrics: Option<Metrics>,
    /// What the user should know, each a clause.
    pub warnings: Vec<String>,
}

/// Predicts every row of `table`, and compares with the target if the table has it.
///
/// # Errors
/// If the table lacks a feature of the model, or a cell is not of its kind.
pub fn predict(model: &Model, table: &Table) -> Result<Predictions> {
    let mut warnings = vec![];
    let rows: Vec<usize> = (0..table.len()).collect();
    let predicted = model.predict(table, &rows, &mut warnings)?;
    warnings.extend(model.encoder.missing(table, &rows)?.iter().map(report::missing));
    let observed = match table.names().iter().position(|name| *name == model.target) {
        None => None,
        Some(column) => Some(
            rows.iter()
                .map(|&row| table.number(row, column))
                .collect::<Result<Vec<Option<f64>>>>()?,
        ),
    };
    let both = observed.iter().flatten().zip(&predicted).filter_map(|(y, p)| Some(((*y)?, *p)));
    let (y, p): (Vec<f64>, Vec<f64>) = both.unzip();
    Ok(Predictions { metrics: Metrics::of(&y, &p), predicted, observed, warnings })
}
