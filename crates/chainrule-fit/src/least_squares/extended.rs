//! Sums of products in twice the working precision.
//!
//! A number is a pair high + low with |low| ≤ ½ ulp(high). Products are exact by a fused
//! multiplication, sums by Knuth's six operations.
//!
//! T. J. Dekker (1971), *A floating-point technique for extending the available precision*;
//! T. Ogita, S. M. Rump and S. Oishi (2005), *Accurate sum and dot product*.

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
}
