//! Terms: formulas in a form in which equal ones look equal.
//!
//! A sum holds each of its terms once, with a number before it; a product holds each of its bases
//! once, with its exponent. Differences, quotients, roots and the powers of e are sums and products
//! too. The constructors keep it so: they are the simplification, and each rule that they apply
//! has its name in [`RULES`](super::RULES).

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use chainrule_core::op::{Binary, Cmp, Unary};

use super::exact::Exact;
use crate::formula::Constant;

/// A formula in canonical form. Clones share it; equal parts are found by their hash.
#[derive(Clone)]
pub struct Term(Arc<Inner>);

struct Inner {
    kind: Kind,
    hash: u64,
    height: usize,
}

/// What a term is.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Number(Exact),
    Constant(Constant),
    Symbol(Arc<str>),
    /// A number, and other terms, each times a number that is not 0.
    Sum(Exact, Vec<(Exact, Term)>),
    /// Bases to the power of exponents.
    Product(Vec<(Term, Term)>),
    Map(Unary, Term),
    Zip(Binary, Term, Term),
    /// The third where the first two compare so, else the last.
    Choice(Cmp, [Term; 4]),
}

impl PartialEq for Term {
    fn eq(&self, other: &Term) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || (self.0.hash == other.0.hash && self.0.kind == other.0.kind)
    }
}

impl Eq for Term {}

impl Hash for Term {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

/// What is added up or multiplied: entries with equal keys become one, in a fixed order.
fn gather<V>(mut list: Vec<(Term, V)>, join: impl Fn(V, V) -> V) -> Vec<(Term, V)> {
    list.sort_by_key(|(term, _)| term.0.hash);
    let mut one: Vec<(Term, V)> = Vec::with_capacity(list.len());
    for (term, value) in list {
        let same = one.iter().rposition(|(other, _)| *other == term);
        match same {
            Some(at) => {
                let (term, old) = one.remove(at);
                one.insert(at, (term, join(old, value)));
            }
            None => one.push((term, value)),
        }
    }
    one
}

impl Term {
    pub(super) fn new(kind: Kind) -> Term {
        let mut hasher = DefaultHasher::new();
        kind.hash(&mut hasher);
        let mut height = 0;
        kind.for_parts(&mut |part| height = height.max(part.0.height));
        Term(Arc::new(Inner { kind, hash: hasher.finish(), height: height + 1 }))
    }

    pub(super) fn kind(&self) -> &Kind {
        &self.0.kind
    }

    /// The length of the longest way down; 1 for a symbol.
    pub fn height(&self) -> usize {
        self.0.height
    }

    pub(super) fn number(x: Exact) -> Term {
        Term::new(Kind::Number(x))
    }

    pub(super) fn integer(n: i64) -> Term {
        Term::number(Exact::ratio(n.into(), 1))
    }

    /// What numbers that people wrote are made from: they stay decimals.
    pub(super) fn written() -> Term {
        Term::number(Exact::WRITTEN)
    }

    /// The variable of this name.
    pub fn symbol(name: &str) -> Term {
        Term::new(Kind::Symbol(name.into()))
    }

    pub(super) fn constant(c: Constant) -> Term {
        Term::new(Kind::Constant(c))
    }

    /// The number that it is.
    pub(super) fn as_number(&self) -> Option<Exact> {
        match self.kind() {
            Kind::Number(x) => Some(*x),
            _ => None,
        }
    }

    pub(super) fn is(&self, n: i64) -> bool {
        self.as_number().is_some_and(|x| x.integer() == Some(n))
    }

    /// The number before it, and the rest.
    pub(super) fn split(&self) -> (Exact, Term) {
        match self.kind() {
            Kind::Number(x) => (*x, Term::integer(1)),
            Kind::Sum(zero, terms) if zero.is_zero() && terms.len() == 1 => terms[0].clone(),
            _ => (Exact::ONE, self.clone()),
        }
    }

    /// Whether it is above 0 whatever its symbols are.
    pub(super) fn is_positive(&self) -> bool {
        match self.kind() {
            Kind::Number(x) => x.value() > 0.0,
            Kind::Constant(_) => true,
            Kind::Product(all) => all.iter().all(|(base, _)| base.is_positive()),
            Kind::Map(Unary::cosh | Unary::sigmoid | Unary::softplus, _) => true,
            _ => false,
        }
    }

    /// The sum of terms, each times a number.
    pub(super) fn sum(terms: impl IntoIterator<Item = (Exact, Term)>) -> Term {
        let (mut number, mut list) = (Exact::ZERO, vec![]);
        for (c, term) in terms {
            match term.kind() {
                Kind::Number(x) => number = number.add(c.mul(*x)),
                Kind::Sum(x, inner) => {
                    number = number.add(c.mul(*x));
                    list.extend(inner.iter().map(|(d, t)| (t.clone(), c.mul(*d))));
                }
                _ => list.push((term, c)),
            }
        }
        let mut list = gather(list, Exact::add);
        list.retain(|(_, c)| !c.is_zero());
        pythagoras(&mut number, &mut list);
        let mut list = choices(list);
        if list.iter().any(|(term, _)| matches!(term.kind(), Kind::Number(_) | Kind::Sum(..))) {
            // A choice between equals was none.
            let mut rest: Vec<(Exact, Term)> = list.into_iter().map(|(t, c)| (c, t)).collect();
            rest.push((number, Term::integer(1)));
            return Term::sum(rest);
        }
        if number.is_zero() && list.len() == 1 && list[0].1 == Exact::ONE {
            return list.swap_remove(0).0;
        }
        if list.is_empty() {
            return Term::number(number);
        }
        Term::new(Kind::Sum(number, list.into_iter().map(|(t, c)| (c, t)).collect()))
    }

    /// c times the term.
    pub(super) fn times(&self, c: Exact) -> Term {
        Term::sum([(c, self.clone())])
    }

    /// The product of bases to the power of exponents.
    pub(super) fn product(factors: impl IntoIterator<Item = (Term, Term)>) -> Term {
        let mut all = Factors { number: Exact::ONE, list: vec![] };
        factors.into_iter().for_each(|(base, exponent)| all.push(base, exponent));
        all.finish()
    }

    /// The power.
    pub(super) fn raised(&self, exponent: &Term) -> Term {
        Term::product([(self.clone(), exponent.clone())])
    }

    /// The power with a whole exponent or a half of one.
    pub(super) fn to_the(&self, n: i128, d: i128) -> Term {
        self.raised(&Term::number(Exact::ratio(n, d)))
    }

    pub(super) fn choice(cmp: Cmp, [a, b, then, otherwise]: [Term; 4]) -> Term {
        if let (Some(x), Some(y)) = (a.as_number(), b.as_number()) {
            return if cmp.holds(x.value(), y.value()) { then } else { otherwise };
        }
        if then == otherwise {
            return then;
        }
        // A guard at one point of what has a limit there: the value beside it says it all.
        if cmp == Cmp::Eq && then.is(0) {
            return otherwise;
        }
        Term::new(Kind::Choice(cmp, [a, b, then, otherwise]))
    }

    /// The place among the factors of a product of this term to the power of `exponent`: number,
    /// constant, variable, exponential, function, sum.
    pub(super) fn rank(&self, exponent: &Term) -> u8 {
        match self.kind() {
            Kind::Number(_) if exponent.as_number().is_some() => 0,
            Kind::Constant(_) if exponent.as_number().is_some() => 1,
            Kind::Symbol(_) => 2,
            Kind::Number(_) | Kind::Constant(_) => 3,
            Kind::Product(_) => 4,
            Kind::Map(..) => 5,
            Kind::Zip(..) => 6,
            Kind::Sum(..) => 7,
            Kind::Choice(..) => 8,
        }
    }
}

/// Terms, each with the number before it.
type Terms = Vec<(Exact, Term)>;

/// Choices by one condition become one, with the numbers before them inside.
fn choices(mut list: Vec<(Term, Exact)>) -> Vec<(Term, Exact)> {
    let condition = |term: &Term| match term.kind() {
        Kind::Choice(cmp, [a, b, ..]) => Some((*cmp, a.clone(), b.clone())),
        _ => None,
    };
    let mut joined: Vec<((Cmp, Term, Term), [Terms; 2])> = vec![];
    list.retain(|(term, c)| {
        let (Some(of), Kind::Choice(_, [_, _, then, otherwise])) = (condition(term), term.kind())
        else {
            return true;
        };
        let at = joined.iter().position(|(other, _)| *other == of).unwrap_or_else(|| {
            joined.push((of, [vec![], vec![]]));
            joined.len() - 1
        });
        let [if_so, if_not] = &mut joined[at].1;
        if_so.push((*c, then.clone()));
        if_not.push((*c, otherwise.clone()));
        false
    });
    for ((cmp, a, b), sides) in joined {
        let [then, otherwise] = sides.map(Term::sum);
        list.push((Term::choice(cmp, [a, b, then, otherwise]), Exact::ONE));
    }
    list
}

/// cos² + sin² = 1 and cosh² − sinh² = 1, for equal arguments and numbers before them.
fn pythagoras(number: &mut Exact, list: &mut Vec<(Term, Exact)>) {
    let squared = |term: &Term, op: Unary| match term.kind() {
        Kind::Product(all) => match all.as_slice() {
            [(base, two)] if two.is(2) => match base.kind() {
                Kind::Map(f, x) if *f == op => Some(x.clone()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    };
    for (even, odd, sign) in
        [(Unary::cos, Unary::sin, Exact::ONE), (Unary::cosh, Unary::sinh, Exact::MINUS_ONE)]
    {
        let pair = list.iter().enumerate().find_map(|(i, (term, c))| {
            let x = squared(term, even)?;
            let partner = |(t, d): &(Term, Exact)| {
                squared(t, odd).is_some_and(|y| x == y) && *d == c.mul(sign)
            };
            Some((i, list.iter().position(partner)?, *c))
        });
        if let Some((i, j, c)) = pair {
            *number = number.add(c);
            list.remove(i.max(j));
            list.remove(i.min(j));
        }
    }
}

/// A product on the way: a number, and bases with their exponents.
struct Factors {
    number: Exact,
    list: Vec<(Term, Term)>,
}

impl Factors {
    /// Multiplies by a power, taken apart as far as it stays the same number everywhere.
    fn push(&mut self, base: Term, exponent: Term) {
        if exponent.is(0) || base.is(1) {
            return;
        }
        let power = exponent.as_number();
        let whole = power.and_then(Exact::integer);
        match base.kind() {
            Kind::Number(x) => match power.and_then(|e| x.pow(e)) {
                Some(x) => self.number = self.number.mul(x),
                None => self.list.push((base, exponent)),
            },
            Kind::Product(all) if whole.is_some() || base.is_positive() => {
                for (b, e) in all {
                    self.push(b.clone(), e * &exponent);
                }
            }
            Kind::Sum(zero, terms) if zero.is_zero() && terms.len() == 1 => {
                let (c, rest) = &terms[0];
                match power.and_then(|e| c.pow(e)) {
                    Some(c) if whole.is_some() || !terms[0].0.is_negative() => {
                        self.number = self.number.mul(c);
                        self.push(rest.clone(), exponent);
                    }
                    _ => self.list.push((base, exponent)),
                }
            }
            Kind::Map(Unary::abs, x) if whole.is_some_and(|n| n % 2 == 0) => {
                self.push(x.clone(), exponent);
            }
            Kind::Constant(Constant::E) => self.exponential(&exponent),
            _ => self.list.push((base, exponent)),
        }
    }

    /// e to the power of a term: of its logarithms the arguments' powers.
    fn exponential(&mut self, exponent: &Term) {
        let (mut rest, mut powers) = (vec![], vec![]);
        let terms = match exponent.kind() {
            Kind::Sum(x, terms) => {
                rest.push((*x, Term::integer(1)));
                terms.clone()
            }
            _ => vec![(Exact::ONE, exponent.clone())],
        };
        for (c, term) in terms {
            match term.kind() {
                Kind::Map(Unary::ln, x) => powers.push((x.clone(), Term::number(c))),
                _ => rest.push((c, term)),
            }
        }
        let rest = Term::sum(rest);
        if !rest.is(0) {
            self.list.push((Term::constant(Constant::E), rest));
        }
        powers.into_iter().for_each(|(base, exponent)| self.push(base, exponent));
    }

    fn finish(self) -> Term {
        let mut number = self.number;
        let mut list = gather(self.list, |a, b| &a + &b);
        list.retain(|(_, exponent)| !exponent.is(0));
        // Powers of numbers may have become numbers, such as √2 √2.
        list.retain(|(base, exponent)| {
            let power = base.as_number().zip(exponent.as_number()).and_then(|(b, e)| b.pow(e));
            number = number.mul(power.unwrap_or(Exact::ONE));
            power.is_none()
        });
        if number.is_zero() || list.is_empty() {
            return Term::number(number);
        }
        if list.len() == 1 && list[0].1.is(1) {
            return list[0].0.times(number);
        }
        // What is multiplied by a choice with a 0 in it belongs where the 0 is not.
        let masked = list.iter().position(|(base, exponent)| {
            let zero = |x: &Term| x.is(0);
            exponent.is(1)
                && matches!(base.kind(), Kind::Choice(_, [_, _, t, o]) if zero(t) || zero(o))
        });
        if let Some(at) = masked
            && let Kind::Choice(cmp, [a, b, then, otherwise]) = list.remove(at).0.kind()
        {
            let rest = Factors { number, list }.finish();
            let inside = [then, otherwise].map(|x| &rest * x);
            let [then, otherwise] = inside;
            return Term::choice(*cmp, [a.clone(), b.clone(), then, otherwise]);
        }
        let product = Term::new(Kind::Product(list));
        if number == Exact::ONE {
            return product;
        }
        Term::new(Kind::Sum(Exact::ZERO, vec![(number, product)]))
    }
}

impl Kind {
    /// Gives the parts to `see`.
    pub(super) fn for_parts(&self, see: &mut impl FnMut(&Term)) {
        match self {
            Kind::Number(_) | Kind::Constant(_) | Kind::Symbol(_) => {}
            Kind::Sum(_, terms) => terms.iter().for_each(|(_, t)| see(t)),
            Kind::Product(all) => all.iter().for_each(|(b, e)| {
                see(b);
                see(e);
            }),
            Kind::Map(_, x) => see(x),
            Kind::Zip(_, x, y) => {
                see(x);
                see(y);
            }
            Kind::Choice(_, all) => all.iter().for_each(see),
        }
    }
}

/// The operations in the distinct parts of `terms`.
pub(super) fn operations(terms: &[Term]) -> usize {
    let (mut seen, mut rest, mut n) = (HashSet::new(), terms.to_vec(), 0);
    while let Some(term) = rest.pop() {
        if !seen.insert(term.clone()) {
            continue;
        }
        n += match term.kind() {
            Kind::Number(_) | Kind::Constant(_) | Kind::Symbol(_) => 0,
            Kind::Sum(x, all) => {
                let scaled = all.iter().filter(|(c, _)| c.value().abs() != 1.0).count();
                all.len() - 1 + scaled + usize::from(!x.is_zero())
            }
            Kind::Product(all) => {
                let raised = all.iter().filter(|(_, e)| !e.is(1) && !e.is(-1)).count();
                all.len() - 1 + raised + usize::from(all.len() == 1 && raised == 0)
            }
            // Activations count as what they abbreviate.
            Kind::Map(Unary::silu | Unary::logsigmoid, _) => 2,
            Kind::Map(Unary::mish | Unary::softsign, _) => 3,
            Kind::Map(Unary::gelu, _) => 4,
            Kind::Map(Unary::gelu_tanh, _) => 8,
            Kind::Map(..) | Kind::Zip(..) | Kind::Choice(..) => 1,
        };
        term.kind().for_parts(&mut |part| rest.push(part.clone()));
    }
    n
}
