//! `chainrule check`: the derivatives of a formula, by both modes and by differences.
//!
//! Each derivative is a row, each way of computing it a column. The last column is the one that
//! the others are measured by.

mod at;
mod differences;
mod function;
mod places;
mod show;

use std::process::ExitCode;

use chainrule_fit::Result;
use clap::Args;

use differences::Estimate;
pub(crate) use differences::derivative;
pub(crate) use function::{Function, misuse};
pub(crate) use show::{clipped, trimmed};

/// Check the derivatives of a formula at a point
///
/// Computes the first and second derivatives by reverse and by forward mode, and by differences of
/// values with steps of its own choice, and says to how many digits they agree.
#[derive(Args)]
#[command(after_help = "\
Examples:
  chainrule check \"3x^2 - 4x\" --at x=2
  chainrule check \"sin(x y)/y\" --at x=1,y=pi/3
  chainrule check \"x' A x\" --at \"x=[1,2],A=[2,1;0,5]\" --wrt x --json

Exit codes: 0 all agree; 1 some do not, or there is no derivative at the point; 2 misused.")]
pub(crate) struct Arguments {
    /// The formula, such as "e^(-x²/2)/sqrt(2π)"
    #[arg(value_name = "FORMULA", allow_hyphen_values = true)]
    formula: String,
    /// The values of the variables; a value may be a number, a formula, a vector or a matrix
    #[arg(long, value_name = "x=1,y=2,…", allow_hyphen_values = true)]
    at: Vec<String>,
    /// The variables to differentiate by, separated by commas [default: all]
    #[arg(long, value_name = "X,Y,…", value_delimiter = ',')]
    wrt: Option<Vec<String>>,
    /// Check derivatives up to this order, 1 or 2
    #[arg(long, value_name = "N", default_value_t = 2, allow_negative_numbers = true,
          value_parser = clap::value_parser!(u8).range(1..=2))]
    order: u8,
    /// The largest error that counts as agreement, relative to the derivative
    #[arg(long, value_name = "X", default_value = "1e-6", allow_negative_numbers = true,
          value_parser = tolerance)]
    tolerance: f64,
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
}

fn tolerance(text: &str) -> std::result::Result<f64, String> {
    match text.parse::<f64>() {
        Ok(x) if x > 0.0 && x < 1.0 => Ok(x),
        _ => Err("it must be a number between 0 and 1, such as 1e-6".into()),
    }
}

type Found<T> = std::result::Result<T, Trouble>;

/// Why there is no result.
pub(crate) enum Trouble {
    /// The arguments do not fit together.
    Misuse(String),
    /// Something else.
    Failure(String),
}

impl Trouble {
    /// The end of a command: misuse is told and has an exit code of its own, a failure is an error.
    pub(crate) fn ended(outcome: Found<ExitCode>) -> Result<ExitCode> {
        match outcome {
            Ok(code) => Ok(code),
            Err(Trouble::Misuse(text)) => {
                crate::note("error", &text);
                Ok(ExitCode::from(2))
            }
            Err(Trouble::Failure(text)) => Err(chainrule_fit::Error::new(text)),
        }
    }
}

impl From<chainrule_fit::Error> for Trouble {
    fn from(error: chainrule_fit::Error) -> Trouble {
        Trouble::Failure(error.to_string())
    }
}

/// A derivative: the numbers of the coordinates to differentiate by, one after the other.
type Derivative = Vec<usize>;

/// A derivative and what was found.
struct Row {
    derivative: Derivative,
    /// One number for each column.
    values: Vec<f64>,
    estimate: Estimate,
    /// To how many digits the columns agree; none where there is no derivative to agree on.
    digits: Option<u32>,
    agrees: bool,
}

/// Everything that was found.
struct Findings {
    value: f64,
    names: Vec<&'static str>,
    rows: Vec<Row>,
    /// From which order on there are no differences at the point to compare with, and why not, if
    /// there is no derivative.
    problem: Option<(usize, String)>,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let wrt = arguments.wrt.as_deref();
    let found = Function::read(&arguments.formula, &arguments.at, wrt)
        .and_then(|f| find(&f, arguments).map(|found| (f, found)));
    let (f, found) = match found {
        Ok(found) => found,
        Err(Trouble::Misuse(text)) => {
            crate::note("error", &text);
            return Ok(ExitCode::from(2));
        }
        Err(Trouble::Failure(text)) => return Err(chainrule_fit::Error::new(text)),
    };
    let verdict = show::verdict(&f, &found, arguments.tolerance);
    if arguments.json {
        let object = show::json(&f, &found, arguments.tolerance);
        crate::print(&format!("{object:#}\n"))?;
    } else {
        crate::print(&show::table(&f, &found, verdict.as_ref().ok()))?;
    }
    match verdict {
        Ok(_) => Ok(ExitCode::SUCCESS),
        Err(sentence) => Err(chainrule_fit::Error::new(sentence)),
    }
}

/// Computes all derivatives in all ways.
fn find(f: &Function, arguments: &Arguments) -> Found<Findings> {
    let value = f.value(&f.point)?;
    if !value.is_finite() {
        let problem = Some((1, f.why_not_finite(value)));
        return Ok(Findings { value, names: vec![], rows: vec![], problem });
    }
    let slopes = f.slopes(arguments.order)?;
    let forward = f.forward(arguments.order)?;
    let columns = [("reverse mode", &slopes), ("forward mode", &forward)];
    let problem = f.no_derivative(arguments.order, &slopes);
    let mut rows = vec![];
    for derivative in derivatives(f.wrt.len(), arguments.order) {
        let values = columns.iter().map(|(_, slopes)| slopes.at(&derivative)).collect();
        let exists = problem.as_ref().is_none_or(|(order, _)| derivative.len() < *order);
        rows.push(compare(f, derivative, values, exists, arguments.tolerance));
    }
    let names = columns.iter().map(|c| c.0).chain(["differences"]).collect();
    Ok(Findings { value, names, rows, problem })
}

/// The values of a derivative beside its differences, if it exists.
fn compare(
    f: &Function,
    derivative: Derivative,
    values: Vec<f64>,
    exists: bool,
    tolerance: f64,
) -> Row {
    if !exists {
        let estimate = Estimate::NONE;
        return Row { derivative, values, estimate, digits: None, agrees: false };
    }
    let by: Vec<usize> = derivative.iter().map(|&i| f.wrt[i]).collect();
    let value = |x: &[f64]| f.value(x).unwrap_or(f64::NAN);
    let estimate = differences::derivative(&value, &f.point, &by);
    let error = values.iter().map(|&v| estimate.error(v)).fold(0.0, f64::max);
    let agrees = error <= tolerance || values.iter().all(|&v| estimate.allows(v));
    let digits = match error.is_finite() {
        true => (-error.max(1e-16).log10()).max(0.0) as u32,
        false => 0,
    };
    Row { derivative, values, estimate, digits: Some(digits), agrees }
}

/// The derivatives by `n` coordinates up to an order; of mixed ones, those in order.
fn derivatives(n: usize, order: u8) -> Vec<Derivative> {
    let mut all: Vec<Derivative> = (0..n).map(|i| vec![i]).collect();
    if order > 1 {
        all.extend((0..n).flat_map(|i| (i..n).map(move |j| vec![i, j])));
    }
    all
}
