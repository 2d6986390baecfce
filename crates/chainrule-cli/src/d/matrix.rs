//! Formulas with vectors and matrices: their gradients as formulas and as numbers.

use std::collections::HashMap;
use std::fmt::Write;
use std::panic::Location;

use chainrule::formula::{Formula, Node};
use chainrule::symbolic::{
    Extra, Kind, MatrixFormula, Shape, Step, gradient_steps, guessed_kinds, has_matrices,
};
use chainrule::{DType, ErrorKind, Tensor, jacfwd, jacrev};
use serde_json::{Value, json};

use super::Arguments;
use super::limit::agreement_to;
use super::show::{lines, tree};
use crate::check::{Function, Trouble, derivative, misuse, trimmed};

/// The digits that are shown.
const DIGITS: usize = 8;

/// A gradient by one variable.
struct Gradient {
    by: String,
    slope: MatrixFormula,
    /// The Jacobian, of vectors.
    jacobian: Option<Node>,
    /// The second derivatives, if they were asked for.
    hessian: Option<MatrixFormula>,
    steps: Option<Step>,
    at: Option<Numbers>,
}

/// A gradient's numbers at the point.
struct Numbers {
    formula: Vec<f64>,
    reverse: Vec<f64>,
    forward: Vec<f64>,
    differences: Vec<f64>,
    digits: u32,
    columns: usize,
}

/// A formula, and what its names stand for.
struct Subject<'a> {
    formula: &'a Formula,
    kinds: HashMap<String, Kind>,
    shape: Shape,
    point: Option<&'a Function>,
    /// The variables by which there is no formula.
    skipped: Vec<String>,
}

/// The text of the answer.
pub(super) fn run(
    arguments: &Arguments,
    formula: &Formula,
    point: Option<&Function>,
) -> Result<String, Trouble> {
    if arguments.order > 2 || arguments.limit {
        return Err(misuse(
            "of formulas with vectors there are the first and second derivatives; --limit is for \
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
    let matrix = MatrixFormula::new(formula, kinds.clone()).map_err(|what| outside(&what))?;
    let skipped = vec![];
    let mut subject = Subject { formula, kinds, shape: matrix.shape(), point, skipped };
    let mut all = vec![];
    for name in by {
        match subject.gradient(arguments, &matrix, &name) {
            Ok(gradient) => all.push(gradient),
            // Without --wrt, what has a formula is shown: ∇ of A x by x, not by A.
            Err(Trouble::Misuse(_)) if arguments.wrt.is_none() && subject.is_vector() => {
                subject.skipped.push(name);
            }
            Err(trouble) => return Err(trouble),
        }
    }
    if all.is_empty() {
        return Err(outside("of no variable"));
    }
    match arguments.json {
        true => Ok(format!("{:#}\n", subject.json(&all)?)),
        false => subject.text(arguments, &all),
    }
}

fn outside(what: &str) -> Trouble {
    misuse(format!(
        "there is no formula for this derivative yet ({what}); \
         `chainrule check` has its numbers"
    ))
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

fn article(kind: Kind) -> &'static str {
    match kind {
        Kind::Scalar => "a number",
        Kind::Vector => "a vector",
        Kind::Matrix => "a matrix",
    }
}

/// What a name that stands for no variable means.
fn meaning(extra: &Extra, kinds: &HashMap<String, Kind>) -> String {
    let (name, like) = (&extra.name, &extra.like);
    let what = if extra.kind == Kind::Matrix { "the identity matrix" } else { "a vector of ones" };
    match (kinds.get(like), extra.wide) {
        (Some(Kind::Matrix), true) => format!("{name} is {what}, as long as {like} is wide"),
        (Some(Kind::Matrix), false) => format!("{name} is {what}, as long as {like} is high"),
        _ => format!("{name} is {what}, as long as {like}"),
    }
}

/// The values of the names in `extras`.
fn extras(f: &Function, extras: &[Extra]) -> Result<Vec<(String, Tensor)>, Trouble> {
    let each = extras.iter().map(|extra| {
        let shape = f.values().find(|(name, ..)| *name == extra.like).map_or(&[][..], |v| v.1);
        let n = match extra.wide {
            true => shape.last(),
            false => shape.first(),
        };
        let n = n.copied().unwrap_or(1);
        let x = match extra.kind {
            Kind::Matrix => Tensor::eye(n).to_dtype(DType::F64),
            _ => Tensor::from(vec![1.0; n]),
        };
        Ok((extra.name.clone(), x))
    });
    each.collect()
}

/// The gradient by one variable, from its formula and by differentiating the program.
fn numbers(f: &Function, name: &str, slope: &MatrixFormula) -> Result<Numbers, Trouble> {
    let tensors = f.tensors(&f.point)?;
    let names: Vec<&str> = f.variables.iter().map(|v| v.name.as_str()).collect();
    let more = extras(f, slope.extras())?;
    let values: Vec<(&str, &Tensor)> = names
        .iter()
        .copied()
        .zip(&tensors)
        .chain(more.iter().map(|(name, x)| (name.as_str(), x)))
        .collect();
    let Some(place) = names.iter().position(|n| *n == name) else {
        return Err(misuse(format!("`{name}` has no value")));
    };
    let program = |x: &Tensor| -> Result<Tensor, chainrule::Error> {
        let mut tensors = tensors.clone();
        tensors[place] = x.clone();
        let values: Vec<(&str, &Tensor)> = names.iter().copied().zip(&tensors).collect();
        f.formula
            .eval(&values)
            .map_err(|e| chainrule::Error::new(ErrorKind::Data, e.to_string(), Location::caller()))
    };
    let x = &tensors[place];
    let [reverse, forward] = [jacrev(program, x)?, jacfwd(program, x)?];
    let differences = differences(&program, x)?;
    let lies = |whole: Tensor| match slope.shape() == Shape::Matrix && x.rank() == 1 {
        true => whole.t(),
        false => whole,
    };
    let reverse = lies(reverse);
    let columns = if reverse.rank() == 2 { reverse.shape()[1] } else { 1 };
    let [reverse, forward, differences] =
        [reverse, lies(forward), lies(differences)].map(|x| x.to_vec::<f64>());
    let (reverse, forward, differences) = (reverse?, forward?, differences?);
    let mut all = Formula::from_node(slope.to_node()).eval(&values)?.to_vec::<f64>()?;
    // A gradient that is 0 everywhere is printed as one 0.
    if all.len() == 1 {
        all.resize(reverse.len(), all[0]);
    }
    let size = reverse.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    let agree = |i: usize| {
        let numbers = [all[i], reverse[i], forward[i], differences[i]];
        agreement_to(&numbers, size)
    };
    let digits = (0..reverse.len()).map(agree).min().unwrap_or(0);
    Ok(Numbers { formula: all, reverse, forward, differences, digits, columns })
}

/// The Jacobian by differences of values, of the shape of those by the program.
fn differences(
    program: &impl Fn(&Tensor) -> Result<Tensor, chainrule::Error>,
    x: &Tensor,
) -> Result<Tensor, Trouble> {
    let (y, start) = (program(x)?, x.to_vec::<f64>()?);
    let mut all = vec![];
    for j in 0..y.len() {
        let value = |at: &[f64]| {
            let x = Tensor::from_vec(at.to_vec(), x.shape());
            let y = x.and_then(|x| program(&x)).and_then(|y| y.to_vec::<f64>());
            y.map_or(f64::NAN, |y| y[j])
        };
        all.extend((0..start.len()).map(|i| derivative(&value, &start, &[i]).value));
    }
    let shape: Vec<usize> = y.shape().iter().chain(x.shape()).copied().collect();
    Ok(Tensor::from_vec(all, &shape)?)
}

/// The rows of numbers, `1, 2; 3, 4` if there are several columns.
pub(super) fn rows(all: &[f64], columns: usize) -> String {
    let row = |row: &[f64]| row.iter().map(|x| trimmed(*x, DIGITS)).collect::<Vec<_>>().join(", ");
    match columns {
        1 => row(all),
        n => all.chunks(n).map(row).collect::<Vec<_>>().join("; "),
    }
}

impl Subject<'_> {
    fn is_vector(&self) -> bool {
        matches!(self.shape, Shape::Column | Shape::Row)
    }

    fn gradient(
        &self,
        arguments: &Arguments,
        matrix: &MatrixFormula,
        name: &str,
    ) -> Result<Gradient, Trouble> {
        let slope = matrix.gradient(name).map_err(|what| outside(&what))?;
        let of_vector = self.is_vector() && self.kinds.get(name) == Some(&Kind::Vector);
        let jacobian = of_vector.then(|| slope.transposed().to_node());
        let hessian = match arguments.order {
            2 => Some(slope.gradient(name).map_err(|what| outside(&what))?),
            _ => None,
        };
        let steps = match arguments.steps {
            true => Some(
                gradient_steps(self.formula, &self.kinds, name).map_err(|what| outside(&what))?,
            ),
            false => None,
        };
        let at = self.point.map(|f| numbers(f, name, &slope)).transpose()?;
        Ok(Gradient { by: name.into(), slope, jacobian, hessian, steps, at })
    }

    /// The formulas, each with its name.
    fn formulas(&self, arguments: &Arguments, all: &[Gradient]) -> Vec<(String, String)> {
        let latex = arguments.latex;
        let shown = |node: &Node| if latex { node.to_latex() } else { node.pretty() };
        let mut rows = vec![("f".to_string(), shown(self.formula.root()))];
        for g in all {
            let by = &g.by;
            rows.push((nabla(by, latex), shown(&g.slope.to_node())));
            if let Some(node) = &g.jacobian {
                let name = match latex {
                    true => format!(r"\frac{{\partial f}}{{\partial {by}}}"),
                    false => format!("∂f/∂{by}"),
                };
                rows.push((name, shown(node)));
            }
            if let Some(hessian) = &g.hessian {
                let name = match latex {
                    true => format!(r"\nabla_{{{by}}}^2 f"),
                    false => format!("∇²_{by} f"),
                };
                rows.push((name, shown(&hessian.to_node())));
            }
        }
        rows
    }

    /// What the reader has to know: how the names were read, how a gradient lies.
    fn notes(&self, all: &[Gradient]) -> Vec<String> {
        let mut notes = vec![];
        if self.point.is_none() && !has_matrices(self.formula) {
            let each = self.formula.variables().iter();
            let each = each.map(|n| format!("{n} {}", article(self.kinds[n])));
            let list = each.collect::<Vec<_>>().join(", ");
            notes.push(format!("read as: {list}; values in --at say otherwise"));
        }
        for g in all.iter().filter(|g| g.jacobian.is_some()) {
            let by = &g.by;
            notes.push(format!(
                "∂f/∂{by} is the Jacobian; ∇_{by} f, its transpose, has a row for each element \
                 of {by}"
            ));
        }
        for name in &self.skipped {
            notes.push(format!("the derivative by {name} has three axes, and no formula here"));
        }
        let extras = all.iter().flat_map(|g| g.hessian.as_ref().unwrap_or(&g.slope).extras());
        for extra in extras {
            let used = |f: &MatrixFormula| {
                Formula::from_node(f.to_node()).variables().contains(&extra.name)
            };
            let note = meaning(extra, &self.kinds);
            let is_shown = |g: &Gradient| used(&g.slope) || g.hessian.as_ref().is_some_and(used);
            if all.iter().any(is_shown) && !notes.contains(&note) {
                notes.push(note);
            }
        }
        notes
    }

    fn text(&self, arguments: &Arguments, all: &[Gradient]) -> Result<String, Trouble> {
        let formulas = self.formulas(arguments, all);
        let width = formulas.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(1);
        let mut text = String::new();
        for (name, formula) in formulas {
            let _ = writeln!(text, "{name:<width$} = {formula}");
        }
        let notes = self.notes(all);
        if !notes.is_empty() {
            let _ = writeln!(text, "\n{}", notes.join("\n"));
        }
        for steps in all.iter().filter_map(|g| g.steps.as_ref()) {
            let _ = write!(text, "\n{}", tree(&steps.lines(arguments.depth, arguments.latex)));
        }
        let Some(f) = self.point else { return Ok(text) };
        let value = self.value(f)?;
        let value = match value.len() {
            1 => trimmed(value[0], 12),
            _ => format!("[{}]", rows(&value, 1)),
        };
        let _ = writeln!(text, "\nat {}: f = {value}", f.place());
        for g in all {
            let Some(at) = &g.at else { continue };
            let _ = writeln!(
                text,
                "{}\n  formula        {}\n  reverse mode   {}\n  forward mode   {}\n  \
                 differences    {}\n  digits         {}",
                nabla(&g.by, arguments.latex),
                rows(&at.formula, at.columns),
                rows(&at.reverse, at.columns),
                rows(&at.forward, at.columns),
                rows(&at.differences, at.columns),
                at.digits
            );
        }
        Ok(text)
    }

    fn value(&self, f: &Function) -> Result<Vec<f64>, Trouble> {
        let tensors = f.tensors(&f.point)?;
        let names = f.variables.iter().map(|v| v.name.as_str());
        let values: Vec<(&str, &Tensor)> = names.zip(&tensors).collect();
        Ok(self.formula.eval(&values)?.to_vec::<f64>()?)
    }

    fn json(&self, all: &[Gradient]) -> Result<Value, Trouble> {
        let row = |g: &Gradient| {
            let node = g.slope.to_node();
            let hessian = g.hessian.as_ref().map(|h| h.to_node().to_string());
            let steps = g.steps.as_ref().map(|s| lines(&s.lines(usize::MAX, false)));
            json!({
                "wrt": [g.by],
                "kind": name(self.kinds.get(&g.by).copied().unwrap_or(Kind::Scalar)),
                "formula": node.to_string(),
                "latex": node.to_latex(),
                "jacobian": g.jacobian.as_ref().map(ToString::to_string),
                "hessian": hessian,
                "steps": steps,
                "value": g.at.as_ref().map(|at| at.formula.clone()),
                "reverse": g.at.as_ref().map(|at| at.reverse.clone()),
                "forward": g.at.as_ref().map(|at| at.forward.clone()),
                "numeric": g.at.as_ref().map(|at| at.differences.clone()),
                "digits": g.at.as_ref().map(|at| at.digits),
            })
        };
        let value = self.point.map(|f| self.value(f)).transpose()?;
        let value = value.map(|v| if v.len() == 1 { json!(v[0]) } else { json!(v) });
        Ok(json!({
            "formula": self.formula.to_string(),
            "latex": self.formula.root().to_latex(),
            "at": self.point.map(Function::place),
            "value": value,
            "derivatives": all.iter().map(row).collect::<Vec<_>>(),
            "notes": self.notes(all),
        }))
    }
}

fn nabla(by: &str, latex: bool) -> String {
    match latex {
        true => format!(r"\nabla_{{{by}}} f"),
        false => format!("∇_{by} f"),
    }
}
