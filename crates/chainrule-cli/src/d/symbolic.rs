//! The formula and the formulas of its derivatives.

use chainrule::formula::{Formula, Node};
use chainrule::symbolic::{Named, Step, Term, chain_steps, composed, steps};

use super::Arguments;
use crate::check::{Trouble, misuse};

/// The most partial derivatives.
const MOST: usize = 100;

/// A derivative: by which variables, one after the other, and its formula.
pub(super) struct Partial {
    pub(super) by: Vec<String>,
    pub(super) term: Term,
    pub(super) steps: Option<Step>,
}

/// A formula, and formulas that stand for some of its names.
#[derive(Clone)]
pub(super) struct Composition {
    pub(super) outer: Formula,
    pub(super) inner: Vec<(String, Formula)>,
}

/// A formula and its derivatives.
pub(super) struct Symbolic {
    pub(super) formula: Formula,
    /// The formula as it was given, and what the names in it stand for.
    pub(super) given: Composition,
    /// The variables to differentiate by.
    pub(super) by: Vec<String>,
    /// The first derivatives, then, if asked for, those of higher order.
    pub(super) partials: Vec<Partial>,
    /// Their formulas as they are shown, with names for what long ones repeat.
    pub(super) named: Named,
    pub(super) order: usize,
}

impl Symbolic {
    pub(super) fn new(arguments: &Arguments, given: Composition) -> Result<Symbolic, Trouble> {
        let formula = composed(&given.outer, &given.inner);
        let by: Vec<String> = match &arguments.wrt {
            Some(wrt) => wrt.iter().map(|name| name.trim().to_string()).collect(),
            None if formula.variables().is_empty() => vec!["x".to_string()],
            None => formula.variables().to_vec(),
        };
        Symbolic::by(arguments, given, by)
    }

    /// The derivatives by these variables.
    pub(super) fn by(
        arguments: &Arguments,
        given: Composition,
        by: Vec<String>,
    ) -> Result<Symbolic, Trouble> {
        if let Some(name) = by.iter().enumerate().find(|(i, n)| by[..*i].contains(n)) {
            return Err(misuse(format!("--wrt names `{}` twice", name.1)));
        }
        let formula = composed(&given.outer, &given.inner);
        let term = Term::of(&formula)?;
        let order = usize::from(arguments.order);
        let count = (0..order).fold(1usize, |n, k| n * (by.len() + k) / (k + 1));
        if count > MOST {
            return Err(misuse(format!(
                "{count} derivatives of order {order}; up to {MOST} are possible: \
                 name fewer variables with --wrt"
            )));
        }
        let mut partials = vec![];
        let mut last: Vec<(Vec<String>, Term)> = vec![(vec![], term)];
        for level in 1..=order {
            let mut next = vec![];
            for (so_far, term) in &last {
                let names: Vec<&str> = by.iter().map(String::as_str).collect();
                let from = so_far.last().map_or(0, |name| place(&by, name));
                for (i, slope) in term.gradient(&names).into_iter().enumerate().skip(from) {
                    let all: Vec<String> = so_far.iter().cloned().chain([by[i].clone()]).collect();
                    next.push((all, slope));
                }
            }
            for (by, term) in &next {
                let before = last.iter().find(|(b, _)| *b == by[..level - 1]);
                let steps = match (arguments.steps, before) {
                    (false, _) => None,
                    (true, Some((_, term))) if level > 1 => {
                        Some(steps(&Formula::from_node(term.to_node()), &by[level - 1])?)
                    }
                    _ if given.inner.is_empty() => Some(steps(&formula, &by[0])?),
                    _ => Some(chain_steps(&given.outer, &given.inner, &by[0])?),
                };
                partials.push(Partial { by: by.clone(), term: term.clone(), steps });
            }
            last = next;
        }
        let nodes: Vec<Node> = partials.iter().map(|p| p.term.to_node()).collect();
        let taken: Vec<&str> = formula.variables().iter().chain(&by).map(String::as_str).collect();
        let named = Named::derivatives(&nodes, &taken, formula.root().operations());
        Ok(Symbolic { formula, given, by, partials, named, order })
    }

    /// `f′`, `∂f/∂x`, `∂²f/∂x∂y`, `f⁗`.
    pub(super) fn name(&self, by: &[String], latex: bool) -> String {
        let n = by.len();
        if self.formula.variables().len() < 2 {
            return match (n, latex) {
                (1..=3, false) => format!("f{}", "′".repeat(n)),
                (1..=3, true) => format!("f{}", "'".repeat(n)),
                (_, false) => format!("f^({n})"),
                (_, true) => format!("f^{{({n})}}"),
            };
        }
        let mut below = String::new();
        let d = if latex { r"\partial " } else { "∂" };
        let raised = |n: usize| match (n, latex) {
            (1, _) => String::new(),
            (n, true) => format!("^{{{n}}}"),
            (n, false) => {
                let digits = "⁰¹²³⁴⁵⁶⁷⁸⁹";
                digits.chars().nth(n).map_or(format!("^{n}"), String::from)
            }
        };
        let mut rest = by;
        while let Some(first) = rest.first() {
            let same = rest.iter().take_while(|name| *name == first).count();
            below += &format!("{d}{first}{}", raised(same));
            rest = &rest[same..];
        }
        match latex {
            true => format!(r"\frac{{\partial{} f}}{{{below}}}", raised(n)),
            false => format!("∂{}f/{below}", raised(n)),
        }
    }
}

fn place(all: &[String], name: &str) -> usize {
    all.iter().position(|other| other == name).unwrap_or(0)
}

/// The formula and those of `--let`, read with the names that the arguments give.
pub(super) fn given(arguments: &Arguments) -> Result<Composition, Trouble> {
    let mut names = names(arguments);
    let mut inner: Vec<(String, Formula)> = vec![];
    for text in &arguments.bindings {
        let form = "write it as --let \"u = x^2\"";
        let Some((name, right)) = text.split_once('=') else {
            return Err(misuse(format!("`{}` names nothing; {form}", chainrule_fit::shown(text))));
        };
        let shown = chainrule_fit::shown(name.trim());
        let read = Formula::parse_with(name, &[name.trim()]);
        let Some([name]) = read.as_ref().ok().map(Formula::variables) else {
            return Err(misuse(format!("`{shown}` is no name of a variable; {form}")));
        };
        if names.contains(name) {
            return Err(misuse(format!("`{shown}` has more than one meaning")));
        }
        let formula = parsed(right, &names)?;
        if formula.variables().contains(name) {
            return Err(misuse(format!("`{shown}` stands for itself; {form}")));
        }
        names.push(name.clone());
        inner.push((name.clone(), formula));
    }
    Ok(Composition { outer: parsed(&arguments.formula, &names)?, inner })
}

fn parsed(text: &str, names: &[String]) -> Result<Formula, Trouble> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Ok(Formula::parse_with(text, &names)?)
}

/// The names that the arguments give to variables.
fn names(arguments: &Arguments) -> Vec<String> {
    let at = arguments.at.iter().flat_map(|text| text.split(','));
    let at = at.filter_map(|part| part.split_once('=')).map(|(name, _)| name.trim().to_string());
    let wrt = arguments.wrt.iter().flatten().map(|name| name.trim().to_string());
    at.chain(wrt).filter(|name| !name.is_empty()).collect()
}
