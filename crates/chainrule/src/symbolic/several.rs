//! The chain rule of several variables: y = f(u, v, …) with u, v, … functions of x.
//!
//! ```text
//! dy/dx = ∂f/∂u du/dx + ∂f/∂v dv/dx + …
//! ```
//!
//! If x stands in f beside u and v, its own partial derivative is one more term.

use super::steps::{Operator, Rule, Step, hole, new, number, replaced, steps, times};
use super::term::Term;
use crate::formula::{Expr, Formula, FormulaError, Node, Sign};

/// A formula with others in the places of some of its variables. A later one may use the names of
/// earlier ones.
///
/// ```
/// use chainrule::formula::Formula;
/// use chainrule::symbolic::composed;
/// let inner = [("u".to_string(), Formula::parse("x^2")?)];
/// assert_eq!(composed(&Formula::parse("sin(u) + u")?, &inner).to_string(), "sin(x^2) + x^2");
/// # Ok::<(), chainrule::formula::FormulaError>(())
/// ```
pub fn composed(outer: &Formula, inner: &[(String, Formula)]) -> Formula {
    // From the last to the first: what a later one brings in is replaced by the earlier ones.
    let put = |node: Node, (name, with): &(String, Formula)| replaced(&node, name, with.root());
    Formula::from_node(inner.iter().rev().fold(outer.root().clone(), put))
}

/// The derivative of a composition by the variable `by`: the chain rule of several variables, then
/// the steps of each derivative in it.
///
/// ```
/// use chainrule::formula::Formula;
/// use chainrule::symbolic::chain_steps;
/// let inner = [
///     ("u".to_string(), Formula::parse("x^2")?),
///     ("v".to_string(), Formula::parse("sin x")?),
/// ];
/// let steps = chain_steps(&Formula::parse("u e^v")?, &inner, "x")?;
/// let first = steps.to_string().lines().next().map(String::from).unwrap_or_default();
/// let rule = "d/dx[u e^v] = ∂/∂u[u e^v] d/dx[x²] + ∂/∂v[u e^v] d/dx[sin x]";
/// assert_eq!(first, format!("{rule}   chain rule in several variables"));
/// # Ok::<(), chainrule::formula::FormulaError>(())
/// ```
///
/// # Errors
/// If a formula has a vector in it.
pub fn chain_steps(
    outer: &Formula,
    inner: &[(String, Formula)],
    by: &str,
) -> Result<Step, FormulaError> {
    let whole = composed(outer, inner);
    let value = Term::of(&whole)?.derivative(by).to_node();
    let (mut parts, mut terms) = (vec![], vec![]);
    let d = |i| new(Expr::Variable(hole(i)));
    for (i, (name, _)) in inner.iter().enumerate() {
        let within = composed(&inner[i].1, &inner[..i]);
        let depends = |f: &Formula, name: &str| f.variables().iter().any(|v| v == name);
        if depends(outer, name) && depends(&within, by) {
            terms.push(times(vec![d(parts.len()), d(parts.len() + 1)]));
            parts.push(steps(outer, name)?);
            parts.push(steps(&within, by)?);
        }
    }
    if outer.variables().iter().any(|v| v == by) {
        terms.push(d(parts.len()));
        parts.push(steps(outer, by)?);
    }
    let mut terms = terms.into_iter();
    let first = terms.next().unwrap_or_else(|| number(0.0));
    let rest: Vec<(Sign, Node)> = terms.map(|x| (Sign::Plus, x)).collect();
    let made = if rest.is_empty() { first } else { new(Expr::Sum(Box::new(first), rest)) };
    let rule = Rule::ChainOfVariables;
    let operator = match whole.variables().len() {
        0 | 1 => Operator::Derivative,
        _ => Operator::Partial,
    };
    Ok(Step { rule, of: outer.root().clone(), by: by.into(), operator, made, value, parts })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contributions_add_up() {
        let parse = |text: &str| Formula::parse(text).unwrap();
        let inner = [("u".to_string(), parse("x y")), ("v".to_string(), parse("u + x"))];
        let outer = parse("u^2 sin(v) + x");
        assert_eq!(composed(&outer, &inner).to_string(), "(x*y)^2*sin(x*y + x) + x");
        let steps = chain_steps(&outer, &inner, "x").unwrap();
        assert_eq!(steps.parts.len(), 5);
        let names = ["u", "v", "x", "y"];
        let at = |text: &str| {
            let f = Formula::parse_with(text, &names).unwrap();
            f.value(&[("x", 0.7), ("y", -0.4), ("u", -0.28), ("v", 0.42)]).unwrap()
        };
        let (made, value) = (at(&steps.filled().to_string()), at(&steps.value.to_string()));
        assert!((made - value).abs() < 1e-14, "{made} {value}");
    }
}
