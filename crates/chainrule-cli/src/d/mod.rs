//! `chainrule d`: the derivative of a formula, as a formula and as a number.

mod jacobian;
mod limit;
mod matrix;
mod plot;
mod show;
mod symbolic;

use std::path::PathBuf;
use std::process::ExitCode;

use chainrule_fit::{Error, Result};
use clap::Args;

use chainrule::symbolic::{composed, has_matrices, is_linear_map};

use crate::check::{Function, Trouble, misuse};
use crate::picture::Ground;
use plot::{Plot, PlotKind};
use symbolic::Symbolic;

/// Differentiate a formula: the formula of the derivative, its steps, its values
///
/// At a point the derivative is computed in four ways that share nothing: from its formula, by
/// reverse mode, by forward mode, and by differences of values.
#[derive(Args)]
#[command(after_help = "\
Examples:
  chainrule d \"3x^2 - 4x\"
  chainrule d \"3x^2 - 4x\" --at x=1 --limit
  chainrule d \"x^2 sin x\" --steps
  chainrule d \"sin x\" --at x=1 --plot sine.svg
  chainrule d \"x^2 y + e^(x y)\" --at x=1,y=2 --order 2
  chainrule d \"x' A x\" --wrt x --at \"x=[1,2],A=[2,1;0,5]\"
  chainrule d \"e^(-x²/2)/√(2π)\" --order 3 --latex

Exit codes: 0 done; 1 no derivative at the point, or a failure; 2 misused.")]
pub(crate) struct Arguments {
    /// The formula, such as "e^(-x²/2)/sqrt(2π)"
    #[arg(value_name = "FORMULA", allow_hyphen_values = true)]
    formula: String,
    /// The variables to differentiate by, separated by commas [default: all]
    #[arg(long, value_name = "X,Y,…", value_delimiter = ',')]
    wrt: Option<Vec<String>>,
    /// What a name in the formula stands for; may be given several times
    #[arg(long = "let", value_name = "u=FORMULA", allow_hyphen_values = true)]
    bindings: Vec<String>,
    /// A point: the values of the variables
    #[arg(long, value_name = "x=1,y=2,…", allow_hyphen_values = true)]
    at: Vec<String>,
    /// The order of the derivative; from 2 on, of several variables, all partial derivatives
    #[arg(long, value_name = "N", default_value_t = 1, allow_negative_numbers = true,
          value_parser = clap::value_parser!(u8).range(1..=8))]
    order: u8,
    /// Show the rules that lead to the derivative, one after the other
    #[arg(long)]
    steps: bool,
    /// Show steps down to this level only
    #[arg(long, value_name = "N", default_value_t = 100, requires = "steps")]
    depth: usize,
    /// Show how difference quotients tend to the derivative as h becomes small
    #[arg(long, requires = "at")]
    limit: bool,
    /// Write formulas in LaTeX
    #[arg(long)]
    latex: bool,
    /// Write the formulas of f and its derivatives in MathML, one to a line
    #[arg(long, conflicts_with_all = ["latex", "json"])]
    mathml: bool,
    /// Draw the derivative at the point: a file that ends in .svg or .png
    #[arg(long, value_name = "FILE", requires = "at")]
    plot: Option<PathBuf>,
    /// What to draw
    #[arg(long, value_enum, default_value = "derivative", requires = "plot")]
    plot_kind: PlotKind,
    /// The range of the variable in the drawing [default: around the point]
    #[arg(long, value_name = "A:B", allow_hyphen_values = true, requires = "plot")]
    range: Option<String>,
    #[command(flatten)]
    ground: Ground,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    match found(arguments) {
        Ok((text, problem)) => {
            crate::print(&text)?;
            match problem {
                None => Ok(ExitCode::SUCCESS),
                Some(sentence) => Err(Error::new(sentence)),
            }
        }
        Err(Trouble::Misuse(text)) => {
            crate::note("error", &text);
            Ok(ExitCode::from(2))
        }
        Err(Trouble::Failure(text)) => Err(Error::new(text)),
    }
}

/// What is printed, and what is wrong with the point.
fn found(arguments: &Arguments) -> std::result::Result<(String, Option<String>), Trouble> {
    let plot = Plot::new(arguments)?;
    let given = symbolic::given(arguments)?;
    let formula = composed(&given.outer, &given.inner);
    let text = match given.inner.is_empty() {
        true => arguments.formula.clone(),
        false => formula.to_string(),
    };
    let point = match arguments.at.is_empty() {
        true => None,
        false => Some(Function::read(&text, &arguments.at, None)?),
    };
    if let Some(elements) = jacobian::elements(&formula) {
        return Ok((jacobian::run(arguments, &formula, elements, point.as_ref())?, None));
    }
    let has_vectors = has_matrices(&formula)
        || match &point {
            Some(f) => f.has_vectors(),
            None => is_linear_map(&formula),
        };
    if has_vectors {
        if plot.is_some() {
            return Err(misuse("--plot draws functions of one number, not of vectors"));
        }
        return Ok((matrix::run(arguments, &formula, point.as_ref())?, None));
    }
    let symbolic = Symbolic::new(arguments, given)?;
    let point = match point {
        None => None,
        Some(_) => {
            let f = Function::read(&text, &arguments.at, Some(&symbolic.by))?;
            let at = limit::At::compute(&f, &symbolic)?;
            if let (Some(plot), None) = (&plot, &at.problem) {
                plot.draw(&f, &symbolic)?;
            }
            Some(at)
        }
    };
    if arguments.limit && symbolic.by.len() > 1 {
        return Err(misuse("--limit needs one variable to differentiate by: name it with --wrt"));
    }
    let problem = point.as_ref().and_then(|at| at.problem.clone());
    let text = match arguments.json {
        _ if arguments.mathml => show::mathml(&symbolic),
        true => format!("{:#}\n", show::json(&symbolic, point.as_ref())),
        false => show::text(arguments, &symbolic, point.as_ref()),
    };
    Ok((text, problem))
}
