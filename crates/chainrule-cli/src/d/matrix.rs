//! Formulas with vectors and matrices: their gradients as formulas and as numbers.

use std::collections::HashMap;
use std::fmt::Write;

use chainrule::formula::{Formula, Node};
use chainrule::symbolic::{Kind, MatrixFormula, guessed_kinds};
use serde_json::{Value, json};

use super::Arguments;
use super::limit::agreement;
use crate::check::{Function, Trouble, misuse, trimmed};

/// The digits that are shown.
const DIGITS: usize = 8;

/// A gradient by one variable.
struct Gradient {
    by: String,
    node: Node,
    at: Option<Numbers>,
}

/// A gradient's numbers at the point.
struct Numbers {
    formula: Vec<f64>,
    reverse: Vec<f64>,
    digits: u32,
}

/// The text of the answer.
pub(super) fn run(
    arguments: &Arguments,
    formula: &Formula,
    point: Option<&Function>,
) -> Result<String, Trouble> {
    if arguments.order > 1 || arguments.steps || arguments.limit {
        return Err(misuse(
            "of formulas with vectors there is the gradient; --order, --steps and --limit are for \
             formulas of numbers",
        ));
    }
    let mut kinds = guessed_kinds(formula);
    if let Some(f) = point {
        kinds = f.variables.iter().map(|v| (v.name.clone(), kind(&v.shape))).collect();
    }
    let by: Vec<String> = match &arguments.wrt {
        Some(wrt) => wrt.iter().map(|name| name.trim().to_string()).collect(),
        None => formula.variables().to_vec(),
    };
    if let Some(name) = by.iter().find(|name| !formula.variables().contains(name)) {
        let list = formula.variables().join(", ");
        return Err(misuse(format!("--wrt names `{name}`; the variables are {list}")));
    }
    let outside = |what: String| {
        misuse(format!(
            "there is no formula for this derivative yet ({what}); \
             `chainrule check` has its numbers"
        ))
    };
    let mut matrix = MatrixFormula::new(formula, kinds.clone()).map_err(outside)?;
    let mut all = vec![];
    for name in by {
        let node = matrix.gradient(&name).map_err(outside)?;
        let at = point.map(|f| numbers(f, &name, &node)).transpose()?;
        all.push(Gradient { by: name, node, at });
    }
    match arguments.json {
        true => Ok(format!("{:#}\n", json_of(formula, &kinds, &all, point)?)),
        false => text(arguments, formula, &all, point),
    }
}

fn kind(shape: &[usize]) -> Kind {
    match shape.len() {
        0 => Kind::Scalar,
        1 => Kind::Vector,
        _ => Kind::Matrix,
    }
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Scalar => "scalar",
        Kind::Vector => "vector",
        Kind::Matrix => "matrix",
    }
}

/// The gradient by one variable, from its formula and by reverse mode.
fn numbers(f: &Function, name: &str, node: &Node) -> Result<Numbers, Trouble> {
    let mine = f.coordinates(Some(&[name.to_string()]))?;
    let tensors = f.tensors(&f.point)?;
    let names = f.variables.iter().map(|v| v.name.as_str());
    let values: Vec<_> = names.zip(&tensors).collect();
    let all = Formula::from_node(node.clone()).eval(&values)?.to_vec::<f64>()?;
    let whole = f.gradient_of_all()?;
    let reverse: Vec<f64> = mine.iter().map(|&i| whole[i]).collect();
    let size = reverse.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    let digits = all.iter().zip(&reverse).map(|(a, b)| agreement(&[size + a, size + b])).min();
    Ok(Numbers { formula: all, reverse, digits: digits.unwrap_or(0) })
}

fn text(
    arguments: &Arguments,
    formula: &Formula,
    all: &[Gradient],
    point: Option<&Function>,
) -> Result<String, Trouble> {
    let shown = |node: &Node| if arguments.latex { node.to_latex() } else { node.pretty() };
    let name = |by: &str| match arguments.latex {
        true => format!(r"\nabla_{{{by}}} f"),
        false => format!("∇_{by} f"),
    };
    let width = all.iter().map(|g| name(&g.by).chars().count()).max().unwrap_or(1);
    let mut text = format!("{:<width$} = {}\n", "f", shown(formula.root()));
    for g in all {
        let _ = writeln!(text, "{:<width$} = {}", name(&g.by), shown(&g.node));
    }
    let Some(f) = point else { return Ok(text) };
    let value = trimmed(f.value(&f.point)?, 12);
    let _ = writeln!(text, "\nat {}: f = {value}", f.place());
    for g in all {
        let Some(at) = &g.at else { continue };
        let list =
            |all: &[f64]| all.iter().map(|x| trimmed(*x, DIGITS)).collect::<Vec<_>>().join(", ");
        let _ = writeln!(
            text,
            "{}\n  formula        {}\n  reverse mode   {}\n  digits         {}",
            name(&g.by),
            list(&at.formula),
            list(&at.reverse),
            at.digits
        );
    }
    Ok(text)
}

fn json_of(
    formula: &Formula,
    kinds: &HashMap<String, Kind>,
    all: &[Gradient],
    point: Option<&Function>,
) -> Result<Value, Trouble> {
    let row = |g: &Gradient| {
        json!({
            "wrt": [g.by],
            "kind": name(kinds.get(&g.by).copied().unwrap_or(Kind::Scalar)),
            "formula": g.node.to_string(),
            "latex": g.node.to_latex(),
            "value": g.at.as_ref().map(|at| at.formula.clone()),
            "reverse": g.at.as_ref().map(|at| at.reverse.clone()),
            "digits": g.at.as_ref().map(|at| at.digits),
        })
    };
    let value = point.map(|f| f.value(&f.point)).transpose()?;
    Ok(json!({
        "formula": formula.to_string(),
        "latex": formula.root().to_latex(),
        "at": point.map(Function::place),
        "value": value,
        "derivatives": all.iter().map(row).collect::<Vec<_>>(),
    }))
}
