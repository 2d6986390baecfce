//! Terms as an arithmetic: every rule and every program that is written for [`Real`] runs on them.

use std::f64::consts;
use std::ops::{Add, Div, Mul, Neg, Sub};

use chainrule_core::Real;
use chainrule_core::op::{Binary, Cmp, Unary};

use super::exact::Exact;
use super::term::{Kind, Term};
use crate::formula::Constant;

/// The numbers that stand for something: π, ln 2, 2/√π and so on.
fn known(x: f64) -> Option<Term> {
    let pi = || Term::constant(Constant::Pi);
    let number = |n: i128, d: i128| Term::number(Exact::ratio(n, d));
    let ln = |n: i64| Term::integer(n).map(Unary::ln);
    let over = |x: Term, y: Term| &x * &y.to_the(-1, 1);
    Some(match x {
        x if x < 0.0 => known(-x)?.times(Exact::MINUS_ONE),
        consts::PI => pi(),
        consts::TAU => Term::constant(Constant::Tau),
        consts::E => Term::constant(Constant::E),
        f64::INFINITY => Term::constant(Constant::Infinity),
        consts::LN_2 => ln(2),
        consts::LN_10 => ln(10),
        consts::LOG2_E => over(number(1, 1), ln(2)),
        consts::LOG10_E => over(number(1, 1), ln(10)),
        consts::SQRT_2 => number(2, 1).to_the(1, 2),
        consts::FRAC_1_SQRT_2 => number(2, 1).to_the(-1, 2),
        consts::FRAC_2_SQRT_PI => &number(2, 1) * &pi().to_the(-1, 2),
        0.398_942_280_401_432_7 => (&number(2, 1) * &pi()).to_the(-1, 2),
        0.797_884_560_802_865_4 => over(number(2, 1), pi()).to_the(1, 2),
        _ => return None,
    })
}

/// The value at 0 or 1, or of a rounding, where it is a whole number.
fn folded(op: Unary, x: Exact) -> Option<Term> {
    let rounding = matches!(
        op,
        Unary::abs | Unary::sign | Unary::floor | Unary::ceil | Unary::round | Unary::trunc
    );
    let plain = rounding || x.integer().is_some_and(|n| (0..=1).contains(&n));
    let y = op.f(x.value());
    if op == Unary::abs {
        return Some(Term::number(if x.is_negative() { x.neg() } else { x }));
    }
    (plain && y.is_finite() && y == y.round()).then(|| Term::number(Exact::meant(y)))
}

/// f(−x) = −f(x), f(−x) = f(x), or neither.
fn parity(op: Unary) -> Option<Exact> {
    match op {
        Unary::sin | Unary::tan | Unary::asin | Unary::atan => Some(Exact::MINUS_ONE),
        Unary::sinh | Unary::tanh | Unary::asinh | Unary::atanh => Some(Exact::MINUS_ONE),
        Unary::erf | Unary::cbrt | Unary::sign => Some(Exact::MINUS_ONE),
        Unary::cos | Unary::cosh | Unary::abs => Some(Exact::ONE),
        _ => None,
    }
}

impl Real for Term {
    /// A number of a decimal's arithmetic is a decimal: see `Term::written`.
    fn lit(&self, c: f64) -> Term {
        let spelt = |x: Exact| self.as_number().map_or(x, |like| x.spelt_like(like));
        known(c).unwrap_or_else(|| Term::number(spelt(Exact::meant(c))))
    }

    fn map(&self, op: Unary) -> Term {
        match op {
            Unary::neg => return self.times(Exact::MINUS_ONE),
            Unary::square => return self.to_the(2, 1),
            Unary::recip => return self.to_the(-1, 1),
            Unary::sqrt => return self.to_the(1, 2),
            Unary::rsqrt => return self.to_the(-1, 2),
            Unary::exp => return Term::constant(Constant::E).raised(self),
            Unary::exp2 => return Term::integer(2).raised(self),
            _ => {}
        }
        if let Some(x) = self.as_number()
            && let Some(y) = folded(op, x)
        {
            return y;
        }
        if op == Unary::ln {
            if *self == Term::constant(Constant::E) {
                return Term::integer(1);
            }
            if let Kind::Product(all) = self.kind()
                && let [(base, exponent)] = all.as_slice()
                && base.is_positive()
            {
                return exponent * &base.map(Unary::ln);
            }
        }
        if op == Unary::abs && self.is_positive() {
            return self.clone();
        }
        let (c, rest) = self.split();
        match parity(op) {
            Some(sign) if c.is_negative() && self.as_number().is_none() => {
                rest.times(c.neg()).map(op).times(sign)
            }
            _ => Term::new(Kind::Map(op, self.clone())),
        }
    }

    fn zip(&self, op: Binary, other: &Term) -> Term {
        match op {
            Binary::Add => return self + other,
            Binary::Sub => {
                return Term::sum([(Exact::ONE, self.clone()), (Exact::MINUS_ONE, other.clone())]);
            }
            Binary::Mul => return self * other,
            Binary::Div => return self * &other.to_the(-1, 1),
            Binary::Pow => return self.raised(other),
            Binary::Xlogy => return self * &other.map(Unary::ln),
            _ => {}
        }
        if self == other && matches!(op, Binary::Maximum | Binary::Minimum) {
            return self.clone();
        }
        if let (Some(x), Some(y)) = (self.as_number(), other.as_number())
            && matches!(op, Binary::Maximum | Binary::Minimum)
        {
            let first = (x.cmp(y).is_ge()) == (op == Binary::Maximum);
            return Term::number(if first { x } else { y });
        }
        Term::new(Kind::Zip(op, self.clone(), other.clone()))
    }

    fn pick(&self, cmp: Cmp, other: &Term, then: &Term, otherwise: &Term) -> Term {
        Term::choice(cmp, [self, other, then, otherwise].map(Term::clone))
    }
}

impl Add for &Term {
    type Output = Term;
    fn add(self, other: &Term) -> Term {
        Term::sum([(Exact::ONE, self.clone()), (Exact::ONE, other.clone())])
    }
}

impl Mul for &Term {
    type Output = Term;
    fn mul(self, other: &Term) -> Term {
        let one = Term::integer(1);
        Term::product([(self.clone(), one.clone()), (other.clone(), one)])
    }
}

impl Neg for Term {
    type Output = Term;
    fn neg(self) -> Term {
        self.map(Unary::neg)
    }
}

/// The operators that take their operands, and those with a number on the right.
macro_rules! operators {
    ($($Trait:ident $method:ident $op:ident;)*) => { $(
        impl $Trait for Term {
            type Output = Term;
            fn $method(self, other: Term) -> Term {
                self.zip(Binary::$op, &other)
            }
        }
        impl $Trait<f64> for Term {
            type Output = Term;
            fn $method(self, other: f64) -> Term {
                let other = self.lit(other);
                self.zip(Binary::$op, &other)
            }
        }
    )* };
}
operators! {
    Add add Add;
    Sub sub Sub;
    Mul mul Mul;
    Div div Div;
}
