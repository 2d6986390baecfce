//! `chainrule ops`: what can be computed, with the derivatives, printed from the rules themselves.

mod show;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use chainrule::op::Unary;
use chainrule_fit::Result;
use chainrule_plot::{Figure, Ink, Mark, Panel};
use clap::Args;
use serde_json::Value;

use crate::check::{Trouble, misuse};
use crate::picture::{Ground, Picture};

/// List the operations with their derivatives
///
/// The derivatives are printed by running the rules on formulas, and compared with differences of
/// values at sample points.
#[derive(Args)]
#[command(after_help = "\
Examples:
  chainrule ops
  chainrule ops tanh
  chainrule ops tanh --plot tanh.svg

Exit codes: 0 done, 1 failed, 2 misused.")]
pub(crate) struct Arguments {
    /// An operation, to see it in detail
    name: Option<String>,
    /// Draw the operation with its derivative: a file that ends in .svg or .png
    #[arg(long, value_name = "FILE", requires = "name")]
    plot: Option<PathBuf>,
    #[command(flatten)]
    ground: Ground,
    /// Print the page of documentation
    #[arg(long, conflicts_with_all = ["json", "name"])]
    markdown: bool,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    Trouble::ended(found(arguments).and_then(|text| {
        crate::print(&text)?;
        Ok(ExitCode::SUCCESS)
    }))
}

fn found(arguments: &Arguments) -> std::result::Result<String, Trouble> {
    let picture = match &arguments.plot {
        Some(path) => Some(Picture::new(path, arguments.ground)?),
        None => None,
    };
    let all = table::all();
    let Some(name) = &arguments.name else {
        return Ok(match (arguments.json, arguments.markdown) {
            (true, _) => format!("{:#}\n", all.iter().map(show::json).collect::<Value>()),
            (_, true) => show::markdown(&all),
            _ => show::list(&all),
        });
    };
    let is_it = |o: &&table::Operation| o.name.split(", ").any(|n| n == name);
    let Some(operation) = all.iter().find(is_it) else {
        let shown = chainrule_fit::shown(name);
        return Err(misuse(format!(
            "no operation is called `{shown}`; `chainrule ops` lists them"
        )));
    };
    if let Some(picture) = picture {
        let op = Unary::ALL.iter().find(|op| op.name() == name);
        let Some(&op) = op else {
            return Err(misuse("--plot draws functions of one number; this is none"));
        };
        picture.write(&figure(op, operation))?;
    }
    Ok(match arguments.json {
        true => format!("{:#}\n", show::json(operation)),
        false => show::one(operation),
    })
}

/// A function and its derivative about its sample points.
fn figure(op: Unary, about: &table::Operation) -> Figure {
    let reach = |pick: fn(f64, f64) -> f64| op.samples().iter().copied().fold(0.0, pick);
    let (low, high) = (reach(f64::min), reach(f64::max));
    let (low, high) = if low < 0.0 {
        (-1.5 * low.abs().max(high), 1.5 * high.max(-low))
    } else {
        (low, 1.5 * high)
    };
    let (start, end) = op.domain();
    let (low, high) = (low.max(start), high.min(end));
    let x: Vec<f64> = (0..=400).map(|k| low + (high - low) * f64::from(k) / 400.0).collect();
    let tame = |y: f64| if y.abs() <= 12.0 { y } else { f64::NAN };
    let y: Vec<f64> = x.iter().map(|&x| tame(op.f(x))).collect();
    let slope: Vec<f64> = x.iter().map(|&x| tame(op.d(x, op.f(x)))).collect();
    let derivative = about.partials.first().map_or("", |p| p.2.as_str());
    let panel = Panel::new("x", "")
        .with(Mark::line(&x, &y).ink(Ink::Series(0)).label(&about.pretty))
        .with(Mark::line(&x, &slope).ink(Ink::Series(1)).dashed().label(derivative));
    Figure::of(panel).title(&format!("{} and its derivative", about.name))
}
