//! From a term back to the tree of a formula, in the form that a person would write.
//!
//! Negative powers stand below a fraction line, terms in falling degree, factors in the order
//! number, constant, variable, function, sum. A factor that all terms of a sum share is taken out
//! if it is no plain power of a variable: xˣ ln x + xˣ is xˣ (ln x + 1), and 3x² − 4x stays.

use std::cmp::Ordering;

use chainrule_core::op::{Cmp, Unary};

use super::exact::Exact;
use super::term::{Kind, Term};
use crate::formula::{By, Case, Constant, Expr, Function, Node, Sign, Span};

fn new(expr: Expr) -> Node {
    Node::new(expr, Span::default())
}

fn number(x: f64) -> Node {
    new(Expr::Number(x))
}

/// The tree of a term.
pub(super) fn node(term: &Term) -> Node {
    match term.kind() {
        Kind::Number(x) => scaled(*x, None),
        Kind::Constant(c) => new(Expr::Constant(*c)),
        Kind::Symbol(name) => new(Expr::Variable(name.to_string())),
        Kind::Sum(..) => sum(term),
        Kind::Product(_) => scaled(Exact::ONE, Some(term)),
        Kind::Map(op, x) => new(Expr::Call(Function::Map(*op), vec![node(x)])),
        Kind::Zip(op, x, y) => new(Expr::Call(Function::Zip(*op), vec![node(x), node(y)])),
        Kind::Choice(..) => cases(term),
    }
}

/// Nested choices as one list of cases.
fn cases(term: &Term) -> Node {
    let (mut list, mut rest) = (vec![], term);
    while let Kind::Choice(cmp, [a, b, then, otherwise]) = rest.kind() {
        // A truth value computed as a number is compared with 0: the comparison itself is meant.
        let condition = match (cmp, b.is(0), a.kind()) {
            (Cmp::Ne, true, Kind::Choice(inner, [x, y, one, zero])) if one.is(1) && zero.is(0) => {
                Expr::Compare(Box::new(node(x)), vec![(*inner, node(y))])
            }
            _ => Expr::Compare(Box::new(node(a)), vec![(*cmp, node(b))]),
        };
        list.push(Case { value: node(then), condition: new(condition) });
        rest = otherwise;
    }
    let undefined = rest.as_number().is_some_and(|x| x.value().is_nan());
    let otherwise = (!undefined).then(|| Box::new(node(rest)));
    new(Expr::Piecewise(list, otherwise))
}

/// By their texts, where nothing else decides.
fn texts(a: &(Term, Term), b: &(Term, Term)) -> Ordering {
    a.0.to_string().cmp(&b.0.to_string())
}

/// c times a product, or c alone.
fn scaled(c: Exact, term: Option<&Term>) -> Node {
    let negative = c.is_negative();
    let (mut above, mut below) = (vec![], vec![]);
    let (dividend, divisor) = if negative { c.neg() } else { c }.written();
    match dividend {
        1.0 => {}
        f64::INFINITY => above.push(new(Expr::Constant(Constant::Infinity))),
        x => above.push(number(x)),
    }
    if divisor != 1.0 {
        below.push(number(divisor));
    }
    match term.map(Term::kind) {
        None => {}
        Some(Kind::Product(all)) => {
            let mut all = all.clone();
            all.sort_by(|a, b| a.0.rank(&a.1).cmp(&b.0.rank(&b.1)).then_with(|| texts(a, b)));
            for (base, exponent) in &all {
                match exponent.as_number() {
                    Some(e) if e.is_negative() => {
                        below.push(power(base, &Term::number(e.neg())));
                    }
                    _ => above.push(power(base, exponent)),
                }
            }
        }
        Some(_) => above.extend(term.map(node)),
    }
    let mut result = joined(above, By::Times);
    if !below.is_empty() {
        let divisor = (By::Over, joined(below, By::Times));
        result = match result.expr() {
            Expr::Product(first, rest) => {
                let rest = rest.iter().cloned().chain([divisor]).collect();
                new(Expr::Product(first.clone(), rest))
            }
            _ => new(Expr::Product(Box::new(result), vec![divisor])),
        };
    }
    if negative { new(Expr::Negate(Box::new(result))) } else { result }
}

/// The product of all; 1 if there are none.
fn joined(all: Vec<Node>, by: By) -> Node {
    // Factors of a factor are factors.
    let flat = |node: Node| match node.expr() {
        Expr::Product(a, rest) if rest.iter().all(|(by, _)| *by == By::Times) => {
            std::iter::once((**a).clone()).chain(rest.iter().map(|(_, x)| x.clone())).collect()
        }
        _ => vec![node],
    };
    let mut all = all.into_iter().flat_map(flat);
    let Some(first) = all.next() else { return number(1.0) };
    let rest: Vec<(By, Node)> = all.map(|node| (by, node)).collect();
    if rest.is_empty() { first } else { new(Expr::Product(Box::new(first), rest)) }
}

fn power(base: &Term, exponent: &Term) -> Node {
    if exponent.is(1) {
        return node(base);
    }
    if exponent.as_number() == Some(Exact::ratio(1, 2)) {
        return new(Expr::Call(Function::Map(Unary::sqrt), vec![node(base)]));
    }
    new(Expr::Power(Box::new(node(base)), Box::new(node(exponent))))
}

/// The degree in all variables together, as far as it is a number.
fn degree(term: &Term) -> f64 {
    match term.kind() {
        Kind::Symbol(_) => 1.0,
        Kind::Product(all) => all
            .iter()
            .filter(|(base, _)| matches!(base.kind(), Kind::Symbol(_)))
            .map(|(_, exponent)| exponent.as_number().map_or(0.0, Exact::value))
            .sum(),
        _ => 0.0,
    }
}

fn sum(term: &Term) -> Node {
    let Kind::Sum(constant, terms) = term.kind() else { return node(term) };
    if constant.is_zero() && terms.len() == 1 {
        return scaled(terms[0].0, Some(&terms[0].1));
    }
    if let Some(factored) = factored(*constant, terms) {
        return factored;
    }
    let mut list: Vec<(Exact, Option<&Term>)> = terms.iter().map(|(c, t)| (*c, Some(t))).collect();
    let place = |term: &Option<&Term>| term.map_or(0.0, degree);
    list.sort_by(|(_, a), (_, b)| {
        let texts = || a.map(ToString::to_string).cmp(&b.map(ToString::to_string));
        place(b).total_cmp(&place(a)).then_with(texts)
    });
    if !constant.is_zero() {
        list.push((*constant, None));
    }
    // A sum that can begin without a sign does.
    if let Some(at) = list.iter().position(|(c, _)| !c.is_negative())
        && list[0].0.is_negative()
    {
        let first = list.remove(at);
        list.insert(0, first);
    }
    let mut list = list.into_iter();
    let Some((c, first)) = list.next() else { return number(0.0) };
    let signed = |(c, term): (Exact, Option<&Term>)| match c.is_negative() {
        true => (Sign::Minus, scaled(c.neg(), term)),
        false => (Sign::Plus, scaled(c, term)),
    };
    new(Expr::Sum(Box::new(scaled(c, first)), list.map(signed).collect()))
}

/// The sum with what all terms share taken out, if they share what is worth it.
fn factored(constant: Exact, terms: &[(Exact, Term)]) -> Option<Node> {
    if !constant.is_zero() || terms.len() < 2 {
        return None;
    }
    let factors = |term: &Term| match term.kind() {
        Kind::Product(all) => all.clone(),
        _ => vec![(term.clone(), Term::integer(1))],
    };
    let worth = |base: &Term, exponent: &Term| {
        !matches!(base.kind(), Kind::Symbol(_)) || exponent.as_number().is_none()
    };
    let shared: Vec<(Term, Term)> = factors(&terms[0].1)
        .into_iter()
        .filter(|(base, exponent)| {
            worth(base, exponent)
                && terms.iter().all(|(_, t)| factors(t).contains(&(base.clone(), exponent.clone())))
        })
        .collect();
    if shared.is_empty() {
        return None;
    }
    // What is left has fewer factors, so that this comes to an end.
    let left = |t: &Term| Term::product(factors(t).into_iter().filter(|f| !shared.contains(f)));
    let rest = Term::sum(terms.iter().map(|(c, t)| (*c, left(t))));
    let out = Term::product(shared);
    match rest.kind() {
        Kind::Sum(_, _) => {
            let Expr::Product(first, mut others) = scaled(Exact::ONE, Some(&out)).expr().clone()
            else {
                let first = Box::new(node(&out));
                return Some(new(Expr::Product(first, vec![(By::Times, node(&rest))])));
            };
            let over = others.iter().position(|(by, _)| *by == By::Over).unwrap_or(others.len());
            if first.expr() == &Expr::Number(1.0) && over == 0 {
                return Some(new(Expr::Product(Box::new(node(&rest)), others)));
            }
            others.insert(over, (By::Times, node(&rest)));
            Some(new(Expr::Product(first, others)))
        }
        _ => None,
    }
}
