//! Elementary functions in twice the working precision.
//!
//! The exponential and the circular functions are reduced to a small argument and summed as power
//! series; inverse functions take one step of Newton's method from the double, which doubles its
//! digits:
//!
//! ```text
//! eˣ = 2ᵏ (e^(ρ/512))⁵¹²          x = k ln 2 + ρ
//! ln x = y + (x e⁻ʸ − 1)          y = ln x as a double
//! atan x = y + (x cos y − sin y)/(cos y + x sin y)
//! ```

use std::f64::consts::{FRAC_PI_2, LN_2};

use super::Wide;

const LN_TWO: Wide = Wide { high: LN_2, low: 2.319_046_813_846_299_6e-17 };
const QUARTER_TURN: Wide = Wide { high: FRAC_PI_2, low: 6.123_233_995_736_766e-17 };

/// No more of them fit into a double exactly enough for [`Wide::sin_cos`].
const MOST_TURNS: f64 = 1e9;

impl Wide {
    pub(crate) fn exp(self) -> Wide {
        if self.high.is_nan() || self.high.abs() > 700.0 {
            return Wide::of(self.high.exp());
        }
        let k = (self.high / LN_2).round();
        let small = (self - LN_TWO.times(k)).times(1.0 / 512.0);
        // eˢ − 1 by its series, then (1 + t)² − 1 = t (2 + t) nine times.
        let (mut term, mut sum) = (small, small);
        for n in 2..12 {
            term = term * small / Wide::of(f64::from(n));
            sum = sum + term;
        }
        for _ in 0..9 {
            sum = sum * sum.plus(2.0);
        }
        let (sum, half) = (sum.plus(1.0), (k / 2.0).floor());
        sum.times(half.exp2()).times((k - half).exp2())
    }

    /// NaN for numbers that are not positive.
    pub(crate) fn ln(self) -> Wide {
        let y = Wide::of(self.high.ln());
        if !y.high.is_finite() {
            return Wide::of(f64::NAN);
        }
        y + (self * (-y).exp()).plus(-1.0)
    }

    pub(crate) fn sqrt(self) -> Wide {
        let root = self.high.sqrt();
        if root == 0.0 || !root.is_finite() {
            return Wide::of(root);
        }
        let miss = self - Wide::of(root).times(root);
        Wide::of(root).plus(miss.high / (2.0 * root))
    }

    pub(crate) fn sin_cos(self) -> (Wide, Wide) {
        let k = (self.high / FRAC_PI_2).round();
        if k.is_nan() || k.abs() > MOST_TURNS {
            return (Wide::of(f64::NAN), Wide::of(f64::NAN));
        }
        let x = self - QUARTER_TURN.times(k);
        let square = -(x * x);
        let series = |first: Wide, from: u32| {
            let (mut term, mut sum) = (first, first);
            for n in (from..from + 30).step_by(2) {
                term = term * square / Wide::of(f64::from(n * (n + 1)));
                sum = sum + term;
            }
            sum
        };
        let (sin, cos) = (series(x, 2), series(Wide::of(1.0), 1));
        match k.rem_euclid(4.0) {
            0.0 => (sin, cos),
            1.0 => (cos, -sin),
            2.0 => (-sin, -cos),
            _ => (-cos, sin),
        }
    }

    pub(crate) fn atan(self) -> Wide {
        let y = Wide::of(self.high.atan());
        let (sin, cos) = y.sin_cos();
        y + (self * cos - sin) / (cos + self * sin)
    }

    /// self to the power y: by squaring for small whole numbers, else e^(y ln x), which is NaN
    /// unless x > 0.
    pub(crate) fn pow(self, y: Wide) -> Wide {
        let whole = y.low == 0.0 && y.high.fract() == 0.0 && y.high.abs() <= 64.0;
        match whole {
            true if y.high < 0.0 => Wide::of(1.0) / self.powi(-y.high as u32),
            true => self.powi(y.high as u32),
            false => (y * self.ln()).exp(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parts in 10³⁰ that are lost; functions take up to a few hundred operations of 10⁻³² each.
    fn close(x: Wide, y: Wide) {
        let gap = (x - y).value().abs();
        assert!(gap <= 1e-30 * y.high.abs().max(1.0), "{x:?} {y:?} {gap:e}");
    }

    /// e, ln 10, √2, sin 1 and π/4 to 32 digits, as doubles and what is left of them.
    #[test]
    fn known_values() {
        let e = Wide { high: std::f64::consts::E, low: 1.445_646_891_729_250_2e-16 };
        close(Wide::of(1.0).exp(), e);
        let ln10 = Wide { high: std::f64::consts::LN_10, low: -2.170_756_223_382_249_4e-16 };
        close(Wide::of(10.0).ln(), ln10);
        let root = Wide { high: std::f64::consts::SQRT_2, low: -9.667_293_313_452_913e-17 };
        close(Wide::of(2.0).sqrt(), root);
        close(Wide::of(2.0).pow(Wide::of(0.5)), root);
        close(Wide::of(1.0).atan().times(2.0), QUARTER_TURN);
        close(Wide::of(2.0).powi(3), Wide::of(8.0));
        close(Wide::of(2.0).pow(Wide::of(-2.0)), Wide::of(0.25));
    }

    #[test]
    fn functions_undo_each_other() {
        for x in [-30.3, -2.0, -0.7, 1e-3, 0.4, 1.0, 5.5, 40.0, 300.1].map(Wide::decimal) {
            let (sin, cos) = x.sin_cos();
            close(sin * sin + cos * cos, Wide::of(1.0));
            close(x.exp() * (-x).exp(), Wide::of(1.0));
            close(x.exp().ln(), x);
            close((x * x).sqrt(), if x.high < 0.0 { -x } else { x });
            let (sin, cos) = x.atan().sin_cos();
            close(sin, x * cos);
        }
        assert!(Wide::of(-1.0).ln().value().is_nan() && Wide::of(1e12).sin_cos().0.high.is_nan());
    }
}
