//! Arithmetic in twice the working precision.
//!
//! A number is a pair high + low with |low| ≤ ½ ulp(high). Products are exact by a fused
//! multiplication, sums by Knuth's six operations; what is computed from them has an error of a few
//! parts in 10³². Elementary functions are in `functions`.
//!
//! A double that a person wrote stands for a decimal: 0.1 for one tenth, though the double is
//! 5.6·10⁻¹⁸ more. [`Wide::decimal`] gives back the shortest decimal that reads as the double,
//! which is the one written if that had at most 15 digits.
//!
//! Not here: the range beyond that of doubles, infinities, signed zeros: whatever is not finite
//! may become NaN.
//!
//! T. J. Dekker (1971), *A floating-point technique for extending the available precision*;
//! T. Ogita, S. M. Rump and S. Oishi (2005), *Accurate sum and dot product*; Y. Hida, X. S. Li and
//! D. H. Bailey (2001), *Algorithms for quad-double precision floating point arithmetic*.

mod functions;

use std::ops::{Add, Div, Mul, Neg, Sub};

/// A number with about 32 digits.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Wide {
    pub(crate) high: f64,
    pub(crate) low: f64,
}

fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let part = sum - a;
    (sum, (a - (sum - part)) + (b - part))
}

fn two_product(a: f64, b: f64) -> (f64, f64) {
    let product = a * b;
    (product, a.mul_add(b, -product))
}

impl Wide {
    pub(crate) fn of(x: f64) -> Wide {
        Wide { high: x, low: 0.0 }
    }

    fn new(high: f64, low: f64) -> Wide {
        let sum = high + low;
        Wide { high: sum, low: low - (sum - high) }
    }

    pub(crate) fn plus(self, x: f64) -> Wide {
        let (sum, lost) = two_sum(self.high, x);
        Wide::new(sum, lost + self.low)
    }

    /// self + x y.
    pub(crate) fn plus_product(self, x: Wide, y: f64) -> Wide {
        let (product, lost) = two_product(x.high, y);
        let (sum, more) = two_sum(self.high, product);
        Wide::new(sum, x.low.mul_add(y, lost + more + self.low))
    }

    pub(crate) fn times(self, y: f64) -> Wide {
        Wide::default().plus_product(self, y)
    }

    pub(crate) fn value(self) -> f64 {
        self.high + self.low
    }

    /// The shortest decimal that reads as `x`.
    pub(crate) fn decimal(x: f64) -> Wide {
        let far = !(1e-250..1e250).contains(&x.abs());
        if far || x.fract() == 0.0 && x.abs() < 1e15 {
            return Wide::of(x);
        }
        let text = format!("{:e}", x.abs());
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        let number = format!("{whole}{part}").parse::<u64>();
        let (Ok(number), Ok(exponent)) = (number, exponent.parse::<i32>()) else {
            return Wide::of(x);
        };
        let high = number as f64;
        let low = (i128::from(number) - high as i128) as f64;
        let places = exponent - part.len() as i32;
        let power = Wide::of(10.0).powi(places.unsigned_abs());
        let number = Wide { high, low };
        let size = if places < 0 { number / power } else { number * power };
        if x < 0.0 { -size } else { size }
    }

    /// self to the power n, by squaring.
    pub(crate) fn powi(self, mut n: u32) -> Wide {
        let (mut power, mut square) = (Wide::of(1.0), self);
        while n > 0 {
            if n & 1 == 1 {
                power = power * square;
            }
            square = square * square;
            n >>= 1;
        }
        power
    }
}

impl Neg for Wide {
    type Output = Wide;
    fn neg(self) -> Wide {
        Wide { high: -self.high, low: -self.low }
    }
}

impl Add for Wide {
    type Output = Wide;
    fn add(self, y: Wide) -> Wide {
        let (high, lost) = two_sum(self.high, y.high);
        let (low, least) = two_sum(self.low, y.low);
        let sum = Wide::new(high, lost + low);
        Wide::new(sum.high, sum.low + least)
    }
}

impl Sub for Wide {
    type Output = Wide;
    fn sub(self, y: Wide) -> Wide {
        self + -y
    }
}

impl Mul for Wide {
    type Output = Wide;
    fn mul(self, y: Wide) -> Wide {
        let (high, lost) = two_product(self.high, y.high);
        Wide::new(high, self.high.mul_add(y.low, self.low.mul_add(y.high, lost)))
    }
}

/// Three digits of a long division.
impl Div for Wide {
    type Output = Wide;
    fn div(self, y: Wide) -> Wide {
        let first = self.high / y.high;
        let rest = self - y.times(first);
        let second = rest.high / y.high;
        let third = (rest - y.times(second)).high / y.high;
        Wide::new(first, second).plus(third)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_doubles_lose_is_kept() {
        let sum = Wide::of(1e16).plus(1.0).plus(-1e16);
        assert_eq!(sum.value(), 1.0);
        // (1 + ε)² − 1 − 2ε = ε².
        let e = f64::EPSILON;
        let square = Wide::of(1.0 + e).times(1.0 + e).plus(-1.0).plus(-2.0 * e);
        assert_eq!(square.value(), e * e);
        assert_eq!(Wide::of(0.1).plus_product(Wide::of(10.0), 0.1).plus(-0.1).value(), 10.0 * 0.1);
    }

    #[test]
    fn decimals_are_what_was_written() {
        let tenth = Wide::decimal(0.1);
        assert_eq!((tenth.high, tenth.low), (0.1, -5.551115123125783e-18));
        assert!((tenth.times(10.0).plus(-1.0)).value().abs() < 1e-31);
        let small = Wide::decimal(-1.25e-30) / Wide::decimal(1.25e-30);
        assert_eq!((small.high, small.low.abs() < 1e-31), (-1.0, true));
        for x in [0.0, 3.0, -1e300, f64::MIN_POSITIVE, f64::INFINITY] {
            assert_eq!(Wide::decimal(x), Wide::of(x));
        }
        let third = Wide::of(1.0) / Wide::of(3.0);
        assert!((third + third + third).plus(-1.0).value().abs() < 1e-31);
    }
}
