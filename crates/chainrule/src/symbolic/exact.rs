//! Numbers that stay what they are: fractions as long as they fit, else binary ones.
//!
//! A number also remembers whether people wrote it as a decimal: 0.1 x² has the derivative 0.2 x,
//! x²/10 has x/5. What is computed from a decimal is printed as one if its digits end, else as
//! 1 over one (x/0.3), else as a fraction: 0.5 x²/3 is x²/6. The value is exact in any case, and
//! two numbers are equal whatever their spelling.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

/// The largest numerator and denominator of a fraction. Both are binary numbers exactly, so the
/// quotient, printed and read again, is the nearest one to the fraction.
const LARGEST: i128 = 1 << 53;

/// A number, and whether a decimal went into it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exact {
    number: Number,
    decimal: bool,
}

/// A fraction in lowest terms with a positive denominator, or a number that is none.
#[derive(Clone, Copy, Debug)]
enum Number {
    Ratio(i64, i64),
    Float(f64),
}

use Number::{Float, Ratio};

impl From<Number> for Exact {
    fn from(number: Number) -> Exact {
        Exact { number, decimal: false }
    }
}

impl Exact {
    pub(super) const ZERO: Exact = Exact { number: Ratio(0, 1), decimal: false };
    pub(super) const ONE: Exact = Exact { number: Ratio(1, 1), decimal: false };
    pub(super) const MINUS_ONE: Exact = Exact { number: Ratio(-1, 1), decimal: false };
    /// Of this number's arithmetic are those that people write.
    pub(super) const WRITTEN: Exact = Exact { number: Ratio(0, 1), decimal: true };

    /// The same number as a decimal, if `other` is one and this is not whole.
    pub(super) fn spelt_like(self, other: Exact) -> Exact {
        Exact { decimal: self.decimal || (other.decimal && self.integer().is_none()), ..self }
    }

    /// As it is printed: a dividend and a divisor.
    pub(super) fn written(self) -> (f64, f64) {
        let Ratio(n, d) = self.number else {
            let x = self.value();
            return if x.is_nan() { (0.0, 0.0) } else { (x, 1.0) };
        };
        let ends = |n: i64, d: i64| {
            let x = n as f64 / d as f64;
            (Exact::meant(x) == Exact::ratio(n.into(), d.into())).then_some(x)
        };
        match (self.decimal, n) {
            (true, _) if let Some(x) = ends(n, d) => (x, 1.0),
            (true, 1..) if let Some(x) = ends(d, n) => (1.0, x),
            _ => (n as f64, d as f64),
        }
    }

    /// The number that a person means by `x`: of 0.1 the tenth.
    pub(super) fn meant(x: f64) -> Exact {
        if !x.is_finite() || (x != 0.0 && !(1e-9..=1e15).contains(&x.abs())) {
            return Float(x).into();
        }
        let text = format!("{x}");
        let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
        let digits = format!("{whole}{part}");
        match (digits.parse::<i128>(), part.len()) {
            (Ok(n), places @ 0..=15) if digits.trim_start_matches(['-', '0']).len() <= 15 => {
                Exact::ratio(n, 10i128.pow(places as u32))
            }
            _ => Float(x).into(),
        }
    }

    /// n/d in lowest terms.
    pub(super) fn ratio(n: i128, d: i128) -> Exact {
        let (mut a, mut b) = (n.unsigned_abs(), d.unsigned_abs());
        while b > 0 {
            (a, b) = (b, a % b);
        }
        let divisor = (a.max(1) as i128) * d.signum();
        let (p, q) = (n / divisor.max(-i128::MAX), d / divisor);
        if p.abs() <= LARGEST && q <= LARGEST && q > 0 {
            Ratio(p as i64, q as i64).into()
        } else {
            Float(n as f64 / d as f64).into()
        }
    }

    pub(super) fn value(self) -> f64 {
        match self.number {
            Ratio(n, d) => n as f64 / d as f64,
            Float(x) => x,
        }
    }

    pub(super) fn is_zero(self) -> bool {
        self.value() == 0.0
    }

    pub(super) fn is_negative(self) -> bool {
        self.value() < 0.0
    }

    /// The whole number that it is.
    pub(super) fn integer(self) -> Option<i64> {
        match self.number {
            Ratio(n, 1) => Some(n),
            _ => None,
        }
    }

    pub(super) fn add(self, other: Exact) -> Exact {
        let sum = match (self.number, other.number) {
            (Ratio(a, b), Ratio(c, d)) => {
                let [a, b, c, d] = [a, b, c, d].map(i128::from);
                Exact::ratio(a * d + c * b, b * d)
            }
            _ => Float(self.value() + other.value()).into(),
        };
        Exact { decimal: self.decimal || other.decimal, ..sum }
    }

    pub(super) fn mul(self, other: Exact) -> Exact {
        let product = match (self.number, other.number) {
            (Ratio(a, b), Ratio(c, d)) => {
                Exact::ratio(i128::from(a) * i128::from(c), i128::from(b) * i128::from(d))
            }
            _ => Float(self.value() * other.value()).into(),
        };
        Exact { decimal: self.decimal || other.decimal, ..product }
    }

    pub(super) fn neg(self) -> Exact {
        self.mul(Exact::MINUS_ONE)
    }

    /// 1/x; none of 0.
    pub(super) fn recip(self) -> Option<Exact> {
        let inverse = match self.number {
            _ if self.is_zero() => return None,
            Ratio(n, d) => Exact::ratio(d.into(), n.into()),
            Float(x) => Float(1.0 / x).into(),
        };
        Some(Exact { decimal: self.decimal, ..inverse })
    }

    /// The power, if it is a number of this kind again and not too long to be read.
    pub(super) fn pow(self, exponent: Exact) -> Option<Exact> {
        let (Ratio(..), Ratio(n, d)) = (self.number, exponent.number) else { return None };
        let root = self.root(d)?;
        let (base, n) = if n < 0 { (root.recip()?, -n) } else { (root, n) };
        let mut power = Exact::ONE;
        for _ in 0..n.min(64) {
            power = power.mul(base);
        }
        match power.number {
            Ratio(p, q) if n <= 64 && p.abs().max(q) < 1_000_000_000_000 => Some(power),
            _ => None,
        }
    }

    /// The root of degree `d`, if it is a fraction.
    fn root(self, d: i64) -> Option<Exact> {
        let Ratio(p, q) = self.number else { return None };
        if d == 1 {
            return Some(self);
        }
        let degree = u32::try_from(d).ok().filter(|&d| d <= 64)?;
        let whole = |n: i64| {
            let root = (n as f64).powf(1.0 / f64::from(degree)).round() as i128;
            (n >= 0 && root.checked_pow(degree) == Some(n.into())).then_some(root)
        };
        Some(Exact { decimal: self.decimal, ..Exact::ratio(whole(p)?, whole(q)?) })
    }

    pub(super) fn cmp(self, other: Exact) -> Ordering {
        self.value().total_cmp(&other.value())
    }
}

impl PartialEq for Exact {
    fn eq(&self, other: &Exact) -> bool {
        match (self.number, other.number) {
            (Ratio(a, b), Ratio(c, d)) => (a, b) == (c, d),
            (Float(x), Float(y)) => x.to_bits() == y.to_bits(),
            _ => false,
        }
    }
}

impl Eq for Exact {}

impl Hash for Exact {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.number {
            Ratio(n, d) => (n, d).hash(state),
            Float(x) => x.to_bits().hash(state),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_what_is_meant() {
        assert_eq!(Exact::meant(0.1), Ratio(1, 10).into());
        assert_eq!(Exact::meant(-2.5), Ratio(-5, 2).into());
        assert_eq!(Exact::meant(3.0), Ratio(3, 1).into());
        assert_eq!(Exact::meant(std::f64::consts::PI), Float(std::f64::consts::PI).into());
        assert_eq!(Exact::meant(1e300), Float(1e300).into());
        assert_eq!(Exact::meant(0.0), Exact::ZERO);
    }

    #[test]
    fn arithmetic_is_exact_while_it_fits() {
        let third = Exact::ratio(1, 3);
        assert_eq!(third.add(Exact::ratio(1, 6)), Ratio(1, 2).into());
        assert_eq!(third.mul(Exact::ratio(-6, 1)), Ratio(-2, 1).into());
        assert_eq!(Exact::ratio(-4, -6), Ratio(2, 3).into());
        let large = Exact::ratio(1 << 52, 1);
        assert!(matches!(large.mul(large).number, Float(_)));
    }

    #[test]
    fn decimals_stay_decimals() {
        let written = |x: f64| Exact::meant(x).spelt_like(Exact::WRITTEN);
        let two = Exact::ratio(2, 1);
        assert_eq!(written(0.1).mul(two).written(), (0.2, 1.0));
        assert_eq!(Exact::meant(0.1).mul(two).written(), (1.0, 5.0));
        assert_eq!(written(0.5).mul(Exact::ratio(1, 3)).written(), (1.0, 6.0));
        assert_eq!(written(0.3).recip().unwrap().written(), (1.0, 0.3));
        assert_eq!(written(0.7).mul(Exact::ratio(1, 3)).written(), (7.0, 30.0));
        assert_eq!(written(3.0).mul(Exact::ratio(1, 4)).written(), (3.0, 4.0));
        assert_eq!(written(0.1), Exact::meant(0.1), "the spelling is not the number");
    }

    #[test]
    fn powers() {
        let half = Exact::ratio(1, 2);
        assert_eq!(Exact::ratio(4, 9).pow(half), Some(Ratio(2, 3).into()));
        assert_eq!(Exact::ratio(2, 1).pow(half), None);
        assert_eq!(Exact::ratio(2, 1).pow(Exact::ratio(-3, 1)), Some(Ratio(1, 8).into()));
        assert_eq!(Exact::ZERO.pow(Exact::MINUS_ONE), None);
        assert_eq!(Exact::ratio(-8, 1).pow(Exact::ratio(1, 3)), None);
        assert_eq!(Exact::ratio(10, 1).pow(Exact::ratio(40, 1)), None);
    }
}
