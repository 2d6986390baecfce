//! Lists of formulas of numbers: their Jacobian.

use std::fmt::Write;
use std::panic::Location;

use chainrule::formula::{Expr, Formula, Node, Span};
use chainrule::symbolic::Named;
use chainrule::{ErrorKind, Tensor, jacrev, stack};
use serde_json::{Value, json};

use super::Arguments;
use super::limit::agreement_to;
use super::matrix::rows;
use super::show::{lines, tree};
use super::symbolic::{Composition, Symbolic};
use crate::check::{Function, Trouble, misuse};

/// The formulas in a list, if the formula is a list of formulas of numbers.
pub(super) fn elements(formula: &Formula) -> Option<Vec<Formula>> {
    let Expr::Vector(all) = formula.root().expr() else { return None };
    let is_list = |node: &Node| matches!(node.expr(), Expr::Vector(_));
    (!all.iter().any(is_list)).then(|| all.iter().cloned().map(Formula::from_node).collect())
}

/// The matrix of the numbers at the point, from the formulas and by differentiating the program.
fn numbers(f: &Function, by: &[String], all: &[Symbolic]) -> Result<[Vec<f64>; 3], Trouble> {
    let names: Vec<&str> = f.variables.iter().map(|v| v.name.as_str()).collect();
    let point: Vec<(&str, f64)> = names.iter().copied().zip(f.point.clone()).collect();
    let program = |x: &Tensor| -> Result<Tensor, chainrule::Error> {
        let each = (0..names.len()).map(|i| x.try_i(i as i64));
        let each = each.collect::<Result<Vec<_>, _>>()?;
        let values: Vec<(&str, &Tensor)> = names.iter().copied().zip(&each).collect();
        let value = |s: &Symbolic| {
            s.formula.eval(&values).map_err(|e| {
                chainrule::Error::new(ErrorKind::Data, e.to_string(), Location::caller())
            })
        };
        let list = all.iter().map(value).collect::<Result<Vec<_>, _>>()?;
        // A constant element takes the point's type, as the others.
        let list: Vec<Tensor> = list.iter().map(|y| y.to_dtype(x.dtype())).collect();
        stack(&list.iter().collect::<Vec<_>>(), 0)
    };
    let x = Tensor::from(&f.point[..]);
    let value = program(&x)?.to_vec::<f64>()?;
    let whole = jacrev(program, &x)?.to_vec::<f64>()?;
    let places: Vec<usize> =
        by.iter().filter_map(|name| names.iter().position(|n| n == name)).collect();
    let reverse = (0..all.len()).flat_map(|i| places.iter().map(move |&j| (i, j)));
    let reverse = reverse.map(|(i, j)| whole[i * names.len() + j]).collect();
    let mut formula = vec![];
    for partial in all.iter().flat_map(|s| &s.partials) {
        formula.push(Formula::from_node(partial.term.to_node()).value(&point)?);
    }
    Ok([value, formula, reverse])
}

/// A list of formulas, its derivatives, and their numbers at a point.
struct Jacobian<'a> {
    formula: &'a Formula,
    point: Option<&'a Function>,
    by: Vec<String>,
    rows: Vec<Symbolic>,
    named: Named,
    /// Values, and derivatives from the formulas and by reverse mode.
    numbers: Option<[Vec<f64>; 3]>,
}

/// The text of the answer.
pub(super) fn run(
    arguments: &Arguments,
    formula: &Formula,
    elements: Vec<Formula>,
    point: Option<&Function>,
) -> Result<String, Trouble> {
    if arguments.order > 1 || arguments.limit || arguments.plot.is_some() {
        return Err(misuse(
            "of a list of formulas there is the Jacobian; --order, --limit and --plot are for one",
        ));
    }
    if let Some(f) = point.filter(|f| f.has_vectors()) {
        return Err(misuse(format!("a list of formulas is of numbers, not at {}", f.place())));
    }
    let by: Vec<String> = match &arguments.wrt {
        Some(wrt) => wrt.iter().map(|name| name.trim().to_string()).collect(),
        None => formula.variables().to_vec(),
    };
    let each = elements
        .into_iter()
        .map(|outer| Symbolic::by(arguments, Composition { outer, inner: vec![] }, by.clone()));
    let rows = each.collect::<Result<Vec<_>, _>>()?;
    let taken: Vec<&str> = by.iter().chain(formula.variables()).map(String::as_str).collect();
    let named = Named::derivatives(&derivatives(&rows), &taken, formula.root().operations());
    let numbers = point.map(|f| numbers(f, &by, &rows)).transpose()?;
    let jacobian = Jacobian { formula, point, by, rows, named, numbers };
    Ok(match arguments.json {
        true => format!("{:#}\n", jacobian.json(arguments.steps)),
        false => jacobian.text(arguments),
    })
}

fn derivatives(rows: &[Symbolic]) -> Vec<Node> {
    rows.iter().flat_map(|s| s.partials.iter().map(|p| p.term.to_node())).collect()
}

impl Jacobian<'_> {
    /// The matrix of formulas.
    fn matrix(&self, nodes: &[Node]) -> Node {
        let row = |row: &[Node]| Node::new(Expr::Vector(row.to_vec()), Span::default());
        let rows = nodes.chunks(self.by.len().max(1)).map(row).collect();
        Node::new(Expr::Vector(rows), Span::default())
    }

    fn text(&self, arguments: &Arguments) -> String {
        let shown = |node: &Node| match arguments.latex {
            true => node.to_latex(),
            false => node.pretty(),
        };
        let mut text = format!("f = {}\n", shown(self.formula.root()));
        let _ = writeln!(text, "J = {}", shown(&self.matrix(&self.named.results)));
        for (i, equation) in self.named.equations().iter().enumerate() {
            let _ = writeln!(text, "{}{}", if i == 0 { "where\n" } else { "" }, shown(equation));
        }
        let by = self.by.join(", ");
        let _ = writeln!(text, "\nJ has a row for each element of f and a column for each of {by}");
        let steps = self.rows.iter().flat_map(|s| &s.partials).filter_map(|p| p.steps.as_ref());
        for steps in steps {
            let _ = write!(text, "\n{}", tree(&steps.lines(arguments.depth, arguments.latex)));
        }
        if let (Some(f), Some([value, formula, reverse])) = (self.point, &self.numbers) {
            let size = reverse.iter().fold(0.0f64, |m, x| m.max(x.abs()));
            let pairs = formula.iter().zip(reverse);
            let digits = pairs.map(|(a, b)| agreement_to(&[*a, *b], size)).min().unwrap_or(0);
            let columns = self.by.len();
            let _ = writeln!(text, "\nat {}: f = [{}]\nJ", f.place(), rows(value, 1));
            let _ = writeln!(text, "  formula        {}", rows(formula, columns));
            let _ = writeln!(text, "  reverse mode   {}", rows(reverse, columns));
            let _ = writeln!(text, "  digits         {digits}");
        }
        text
    }

    fn json(&self, with_steps: bool) -> Value {
        let steps = |s: &Symbolic| -> Vec<Value> {
            let all = s.partials.iter().filter_map(|p| p.steps.as_ref());
            all.map(|s| json!(lines(&s.lines(usize::MAX, false)))).collect()
        };
        let columns = self.by.len().max(1);
        let table = |k: usize| {
            let rows = |n: &[Vec<f64>; 3]| -> Vec<Vec<f64>> {
                n[k].chunks(columns).map(<[f64]>::to_vec).collect()
            };
            self.numbers.as_ref().map(rows)
        };
        let whole = self.matrix(&derivatives(&self.rows));
        json!({
            "formula": self.formula.to_string(),
            "latex": self.formula.root().to_latex(),
            "wrt": self.by,
            "jacobian": whole.to_string(),
            "jacobian_latex": whole.to_latex(),
            "steps": with_steps.then(|| self.rows.iter().map(steps).collect::<Vec<_>>()),
            "at": self.point.map(Function::place),
            "value": self.numbers.as_ref().map(|n| n[0].clone()),
            "symbolic": table(1),
            "reverse": table(2),
        })
    }
}
