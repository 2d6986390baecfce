//! `chainrule graph`: the graph that a formula records, drawn with values and gradients.

use std::path::PathBuf;
use std::process::ExitCode;

use chainrule::draw::{Drawing, Drawn, draw};
use chainrule_fit::Result;
use clap::Args;
use serde_json::{Value, json};

use crate::check::{Function, Trouble, clipped};
use crate::picture::{Format, Ground, failure, format, write};

/// Draw the graph of a formula, with the values forward and the gradients backward
///
/// Without --out the graph is printed in DOT, the language of Graphviz. A page (.html) can be
/// zoomed and moved, and plays the values forward and the gradients backward.
#[derive(Args)]
#[command(after_help = "\
Examples:
  chainrule graph \"(x + y)^2 sin x\" --at x=1,y=2 --out graph.svg
  chainrule graph \"(x + y)^2 sin x\" --at x=1,y=2 --out graph.html
  chainrule graph \"x' A x\" --at \"x=[1,2],A=[2,1;0,5]\" | dot -Tpdf > graph.pdf

Exit codes: 0 done, 1 failed, 2 misused.")]
pub(crate) struct Arguments {
    /// The formula, such as "e^(-x²/2)/sqrt(2π)"
    #[arg(value_name = "FORMULA", allow_hyphen_values = true)]
    formula: String,
    /// The values of the variables
    #[arg(long, value_name = "x=1,y=2,…", allow_hyphen_values = true)]
    at: Vec<String>,
    /// Write to a file that ends in .svg, .png, .dot or .html
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Show the numbers of the formula as nodes of their own
    #[arg(long)]
    constants: bool,
    /// Leave out what only moves elements: reshape, permute, expand
    #[arg(long)]
    no_movement: bool,
    /// Show repeated blocks one by one
    #[arg(long)]
    unfold: bool,
    /// Show the gradients [default]
    #[arg(long, conflicts_with = "forward")]
    backward: bool,
    /// Show the values only
    #[arg(long)]
    forward: bool,
    #[command(flatten)]
    ground: Ground,
    /// Print the nodes as a JSON list instead of DOT
    #[arg(long)]
    json: bool,
}

const FORMATS: &[(&str, Format)] =
    &[("svg", Format::Svg), ("png", Format::Png), ("dot", Format::Dot), ("html", Format::Html)];

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    Trouble::ended(found(arguments).and_then(|text| {
        crate::print(&text)?;
        Ok(ExitCode::SUCCESS)
    }))
}

/// What is printed.
fn found(arguments: &Arguments) -> std::result::Result<String, Trouble> {
    let format = match &arguments.out {
        Some(path) => Some((path, format(path, FORMATS)?)),
        None => None,
    };
    let f = Function::read(&arguments.formula, &arguments.at, None)?;
    // Parameters have their names as long as they are held.
    let (y, _parameters) = f.recorded()?;
    let title = clipped(&f.formula.root().pretty(), 80);
    let drawing = draw(&y)
        .title(&title)
        .lines(false)
        .constants(arguments.constants)
        .movement(!arguments.no_movement)
        .folded(!arguments.unfold)
        .gradients(arguments.backward || !arguments.forward);
    let theme = arguments.ground.theme();
    if let Some((path, format)) = format {
        let bytes = match format {
            Format::Svg => drawing.svg(theme).map_err(failure)?.into_bytes(),
            Format::Png => drawing.png(theme).map_err(failure)?,
            Format::Dot => drawing.dot().into_bytes(),
            Format::Html => drawing.html().map_err(failure)?.into_bytes(),
        };
        write(path, &bytes)?;
    }
    Ok(match (arguments.json, format) {
        (true, _) => format!("{:#}\n", nodes(&drawing)),
        (_, None) => drawing.dot(),
        _ => String::new(),
    })
}

fn nodes(drawing: &Drawing) -> Value {
    let node = |(i, node): (usize, &Drawn)| {
        json!({
            "id": i,
            "op": node.op,
            "name": node.name,
            "shape": node.shape,
            "value": node.number.map_or_else(|| json!(node.value), |v| json!(v)),
            "gradient": node.slope.map_or_else(|| json!(node.gradient), |v| json!(v)),
            "constant": node.is_constant,
            "sources": node.sources,
        })
    };
    drawing.nodes().iter().enumerate().map(node).collect()
}
