//! Numbers that stay what they are: fractions as long as they fit, else binary ones.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

/// The largest numerator and denominator of a fraction. Both are binary numbers exactly, so the
/// quotient, printed and read again, is the nearest one to the fraction.
const LARGEST: i128 = 1 << 53;

/// A fraction in lowest terms with a positive denominator, or a number that is none.
#[derive(Clone, Copy, Debug)]
pub(super) enum Exact {
    Ratio(i64, i64),
    Float(f64),
}

use Exact::{Float, Ratio};

impl Exact {
    pub(super) const ZERO: Exact = Ratio(0, 1);
    pub(super) const ONE: Exact = Ratio(1, 1);
    pub(super) const MINUS_ONE: Exact = Ratio(-1, 1);

    /// The number that a person means by `x`: of 0.1 the tenth.
    pub(super) fn meant(x: f64) -> Exact {
        if !x.is_finite() || (x != 0.0 && !(1e-9..=1e15).contains(&x.abs())) {
            return Float(x);
        }
        let text = format!("{x}");
        let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
        let digits = format!("{whole}{part}");
        match (digits.parse::<i128>(), part.len()) {
            (Ok(n), places @ 0..=15) if digits.trim_start_matches(['-', '0']).len() <= 15 => {
                Exact::ratio(n, 10i128.pow(places as u32))
            }
            _ => Float(x),
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
            Ratio(p as i64, q as i64)
        } else {
            Float(n as f64 / d as f64)
        }
    }

    pub(super) fn value(self) -> f64 {
        match self {
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
        match self {
            Ratio(n, 1) => Some(n),
            _ => None,
        }
    }

    pub(super) fn add(self, other: Exact) -> Exact {
        match (self, other) {
            (Ratio(a, b), Ratio(c, d)) => {
                let [a, b, c, d] = [a, b, c, d].map(i128::from);
                Exact::ratio(a * d + c * b, b * d)
            }
            (x, y) => Float(x.value() + y.value()),
        }
    }

    pub(super) fn mul(self, other: Exact) -> Exact {
        match (self, other) {
            (Ratio(a, b), Ratio(c, d)) => {
                Exact::ratio(i128::from(a) * i128::from(c), i128::from(b) * i128::from(d))
            }
            (x, y) => Float(x.value() * y.value()),
        }
    }

    pub(super) fn neg(self) -> Exact {
        self.mul(Exact::MINUS_ONE)
    }

    /// 1/x; none of 0.
    pub(super) fn recip(self) -> Option<Exact> {
        match self {
            x if x.is_zero() => None,
            Ratio(n, d) => Some(Exact::ratio(d.into(), n.into())),
            Float(x) => Some(Float(1.0 / x)),
        }
    }

    /// The power, if it is a number of this kind again and not too long to be read.
    pub(super) fn pow(self, exponent: Exact) -> Option<Exact> {
        let (Ratio(..), Ratio(n, d)) = (self, exponent) else { return None };
        let root = self.root(d)?;
        let (base, n) = if n < 0 { (root.recip()?, -n) } else { (root, n) };
        let mut power = Exact::ONE;
        for _ in 0..n.min(64) {
            power = power.mul(base);
        }
        match power {
            Ratio(p, q) if n <= 64 && p.abs().max(q) < 1_000_000_000_000 => Some(power),
            _ => None,
        }
    }

    /// The root of degree `d`, if it is a fraction.
    fn root(self, d: i64) -> Option<Exact> {
        let Ratio(p, q) = self else { return None };
        if d == 1 {
            return Some(self);
        }
        let degree = u32::try_from(d).ok().filter(|&d| d <= 64)?;
        let whole = |n: i64| {
            let root = (n as f64).powf(1.0 / f64::from(degree)).round() as i128;
            (n >= 0 && root.checked_pow(degree) == Some(n.into())).then_some(root)
        };
        Some(Exact::ratio(whole(p)?, whole(q)?))
    }

    pub(super) fn cmp(self, other: Exact) -> Ordering {
        self.value().total_cmp(&other.value())
    }
}

impl PartialEq for Exact {
    fn eq(&self, other: &Exact) -> bool {
        match (self, other) {
            (Ratio(a, b), Ratio(c, d)) => (a, b) == (c, d),
            (Float(x), Float(y)) => x.to_bits() == y.to_bits(),
            _ => false,
        }
    }
}

impl Eq for Exact {}

impl Hash for Exact {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
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
        assert_eq!(Exact::meant(0.1), Ratio(1, 10));
        assert_eq!(Exact::meant(-2.5), Ratio(-5, 2));
        assert_eq!(Exact::meant(3.0), Ratio(3, 1));
        assert_eq!(Exact::meant(std::f64::consts::PI), Float(std::f64::consts::PI));
        assert_eq!(Exact::meant(1e300), Float(1e300));
        assert_eq!(Exact::meant(0.0), Exact::ZERO);
    }

    #[test]
    fn arithmetic_is_exact_while_it_fits() {
        let third = Exact::ratio(1, 3);
        assert_eq!(third.add(Exact::ratio(1, 6)), Ratio(1, 2));
        assert_eq!(third.mul(Exact::ratio(-6, 1)), Ratio(-2, 1));
        assert_eq!(Exact::ratio(-4, -6), Ratio(2, 3));
        let large = Exact::ratio(1 << 52, 1);
        assert!(matches!(large.mul(large), Float(_)));
    }

    #[test]
    fn powers() {
        let half = Exact::ratio(1, 2);
        assert_eq!(Exact::ratio(4, 9).pow(half), Some(Ratio(2, 3)));
        assert_eq!(Exact::ratio(2, 1).pow(half), None);
        assert_eq!(Exact::ratio(2, 1).pow(Exact::ratio(-3, 1)), Some(Ratio(1, 8)));
        assert_eq!(Exact::ZERO.pow(Exact::MINUS_ONE), None);
        assert_eq!(Exact::ratio(-8, 1).pow(Exact::ratio(1, 3)), None);
        assert_eq!(Exact::ratio(10, 1).pow(Exact::ratio(40, 1)), None);
    }
}
