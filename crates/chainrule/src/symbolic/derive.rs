//! Derivatives of terms: the chain rule, backwards over the parts of a term.
//!
//! Each part is visited once, after everything that it is a part of, and hands down what it got
//! times its own partial derivative. The partials are the operations' own, in the arithmetic of
//! terms; of a product of powers, with P = Π bᵢ^eᵢ, they are
//!
//! ```text
//! ∂P/∂bᵢ = eᵢ P / bᵢ          ∂P/∂eᵢ = P ln bᵢ
//! ```

use std::collections::{HashMap, HashSet};

use chainrule_core::Real;
use chainrule_core::op::{Cmp, Unary};

use super::exact::Exact;
use super::term::{Kind, Term};

/// The parts of `term` in which one of `names` occurs, each once, after its own parts.
fn dependent(term: &Term, names: &HashSet<&str>) -> Vec<Term> {
    enum Visit {
        Enter(Term),
        Leave(Term),
    }
    let (mut order, mut depends, mut stack) = (vec![], HashMap::new(), vec![]);
    stack.push(Visit::Enter(term.clone()));
    while let Some(visit) = stack.pop() {
        match visit {
            Visit::Enter(term) if depends.contains_key(&term) => {}
            Visit::Enter(term) => {
                depends.insert(term.clone(), false);
                stack.push(Visit::Leave(term.clone()));
                term.kind().for_parts(&mut |part| stack.push(Visit::Enter(part.clone())));
            }
            Visit::Leave(term) => {
                let mut does = matches!(term.kind(), Kind::Symbol(s) if names.contains(&**s));
                term.kind().for_parts(&mut |part| does |= depends.get(part) == Some(&true));
                if does {
                    order.push(term.clone());
                }
                depends.insert(term, does);
            }
        }
    }
    order
}

/// The partial derivatives of `term` by the symbols `names`.
pub(super) fn gradient(term: &Term, names: &[&str]) -> Vec<Term> {
    let order = dependent(term, &names.iter().copied().collect());
    let inside: HashSet<&Term> = order.iter().collect();
    let mut slopes: HashMap<Term, Vec<(Exact, Term)>> = HashMap::new();
    slopes.insert(term.clone(), vec![(Exact::ONE, Term::integer(1))]);
    for part in order.iter().rev() {
        let Some(list) = slopes.get(part) else { continue };
        let slope = Term::sum(list.iter().cloned());
        for (source, partial) in partials(part, &slope) {
            if inside.contains(&source) {
                slopes.entry(source).or_default().push((Exact::ONE, partial));
            }
        }
        if !matches!(part.kind(), Kind::Symbol(_)) {
            slopes.remove(part);
        }
    }
    let of = |name: &&str| slopes.get(&Term::symbol(name)).cloned().unwrap_or_default();
    names.iter().map(|name| Term::sum(of(name))).collect()
}

/// What a part that got `slope` hands down to each of its own parts.
fn partials(part: &Term, slope: &Term) -> Vec<(Term, Term)> {
    match part.kind() {
        Kind::Number(_) | Kind::Constant(_) | Kind::Symbol(_) => vec![],
        Kind::Sum(_, terms) => terms.iter().map(|(c, t)| (t.clone(), slope.times(*c))).collect(),
        Kind::Product(all) => {
            let mut list = vec![];
            for (base, exponent) in all {
                let lower = &(part * &base.to_the(-1, 1)) * exponent;
                list.push((base.clone(), slope * &lower));
                list.push((exponent.clone(), slope * &(part * &base.map(Unary::ln))));
            }
            list
        }
        Kind::Map(op, x) => vec![(x.clone(), slope * &op.d(x.clone(), part.clone()))],
        Kind::Zip(op, x, y) => {
            let (a, b, z) = (x.clone(), y.clone(), part.clone());
            let by_y = op.dy(a.clone(), b.clone(), z.clone());
            let by_x = if op.smooth_in_x() { op.dx(a, b, z) } else { Term::integer(0) };
            vec![(x.clone(), slope * &by_x), (y.clone(), slope * &by_y)]
        }
        Kind::Choice(cmp, [a, b, then, otherwise]) => {
            let zero = Term::integer(0);
            let side = |cmp: Cmp, x: &Term, y: &Term| {
                Term::choice(cmp, [a.clone(), b.clone(), x.clone(), y.clone()])
            };
            vec![
                (then.clone(), side(*cmp, slope, &zero)),
                (otherwise.clone(), side(*cmp, &zero, slope)),
            ]
        }
    }
}
