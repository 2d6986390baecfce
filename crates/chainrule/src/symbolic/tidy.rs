//! Brackets multiplied out where that makes a term shorter, or not much longer.
//!
//! The chain rule works on parts, and what it leaves is a product of sums: 2x (1 − x²) e + 2x e.
//! Multiplied out, terms that are alike meet. Which form is the shorter one is found by trying.

use std::collections::HashMap;

use super::exact::Exact;
use super::term::{Kind, Term};

/// The most terms that a product is multiplied out into.
const MOST: usize = 64;

/// How many operations more a term without brackets may have.
const SLACK: usize = 1;

/// The shorter form of a term, part by part.
pub(super) fn tidy(term: &Term) -> Term {
    // Parts first, each once, without recursion: terms can be deep.
    let (mut done, mut stack) = (HashMap::<Term, Term>::new(), vec![(term.clone(), false)]);
    while let Some((term, entered)) = stack.pop() {
        if done.contains_key(&term) {
            continue;
        }
        if !entered {
            stack.push((term.clone(), true));
            term.kind().for_parts(&mut |part| stack.push((part.clone(), false)));
            continue;
        }
        let rebuilt = rebuilt(&term, &done);
        let tidied = shorter(rebuilt);
        done.insert(term, tidied);
    }
    done.remove(term).unwrap_or_else(|| term.clone())
}

fn rebuilt(term: &Term, done: &HashMap<Term, Term>) -> Term {
    let of = |part: &Term| done.get(part).unwrap_or(part).clone();
    match term.kind() {
        Kind::Number(_) | Kind::Constant(_) | Kind::Symbol(_) => term.clone(),
        Kind::Sum(x, all) => {
            let number = [(*x, Term::integer(1))];
            Term::sum(all.iter().map(|(c, t)| (*c, of(t))).chain(number))
        }
        Kind::Product(all) => Term::product(all.iter().map(|(b, e)| (of(b), of(e)))),
        Kind::Map(op, x) if of(x) != *x => chainrule_core::Real::map(&of(x), *op),
        Kind::Zip(op, x, y) => chainrule_core::Real::zip(&of(x), *op, &of(y)),
        Kind::Map(..) => term.clone(),
        Kind::Choice(cmp, all) => Term::choice(*cmp, all.each_ref().map(of)),
    }
}

/// The term, or the term multiplied out.
fn shorter(term: Term) -> Term {
    match expanded(&term) {
        Some(other) if other.operations() <= term.operations() + SLACK => other,
        _ => term,
    }
}

/// The term without products of sums at its top; none if there are none, or too many.
fn expanded(term: &Term) -> Option<Term> {
    let entries = match term.kind() {
        Kind::Sum(_, all) => all.clone(),
        Kind::Product(_) => vec![(Exact::ONE, term.clone())],
        _ => return None,
    };
    let number = match term.kind() {
        Kind::Sum(x, _) => *x,
        _ => Exact::ZERO,
    };
    let (mut list, mut changed) = (vec![(number, Term::integer(1))], false);
    for (c, entry) in entries {
        match distributed(&entry) {
            Some(all) => {
                changed = true;
                list.extend(all.into_iter().map(|(d, t)| (c.mul(d), t)));
            }
            None => list.push((c, entry)),
        }
        if list.len() > MOST {
            return None;
        }
    }
    changed.then(|| Term::sum(list))
}

/// The terms of a product that has sums among its factors.
fn distributed(term: &Term) -> Option<Vec<(Exact, Term)>> {
    let Kind::Product(all) = term.kind() else { return None };
    let is_sum = |(base, e): &&(Term, Term)| e.is(1) && matches!(base.kind(), Kind::Sum(..));
    if !all.iter().any(|f| is_sum(&f)) {
        return None;
    }
    let rest = Term::product(all.iter().filter(|f| !is_sum(f)).cloned());
    let mut list = vec![(Exact::ONE, rest)];
    for (sum, _) in all.iter().filter(is_sum) {
        let Kind::Sum(x, terms) = sum.kind() else { continue };
        let one = (*x, Term::integer(1));
        let inner: Vec<&(Exact, Term)> =
            terms.iter().chain((!x.is_zero()).then_some(&one)).collect();
        if list.len() * inner.len() > MOST {
            return None;
        }
        let times = |(c, t): &(Exact, Term)| {
            inner.iter().map(|(d, u)| (c.mul(*d), t * u)).collect::<Vec<_>>()
        };
        list = list.iter().flat_map(times).collect();
    }
    Some(list)
}
