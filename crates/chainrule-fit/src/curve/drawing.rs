//! What a picture of a fitted curve of one column shows: plain numbers, drawn elsewhere.

use super::{CurveFit, Prediction};

/// Points, the curve with its bands, and residuals.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// The column on the horizontal axis.
    pub x: String,
    /// The column on the vertical axis.
    pub y: String,
    /// The observations (x, y).
    pub points: Vec<(f64, f64)>,
    /// The residuals (x, y − f(x)).
    pub residuals: Vec<(f64, f64)>,
    /// Places from the least to the greatest x.
    pub places: Vec<f64>,
    /// The curve and its bands at each place.
    pub curve: Vec<Prediction>,
    /// The level of the bands.
    pub confidence: f64,
}

impl Drawing {
    /// `n` places, at equal distances, from the least to the greatest of `x`.
    ///
    /// ```
    /// use chainrule_fit::curve::drawing::Drawing;
    /// assert_eq!(Drawing::places(&[3.0, 1.0, 2.0], 5), [1.0, 1.5, 2.0, 2.5, 3.0]);
    /// ```
    pub fn places(x: &[f64], n: usize) -> Vec<f64> {
        let least = x.iter().copied().fold(f64::INFINITY, f64::min);
        let most = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let step = (most - least) / n.saturating_sub(1).max(1) as f64;
        (0..n).map(|i| if i + 1 == n { most } else { least + step * i as f64 }).collect()
    }

    /// The drawing of `fit`, which was made at `x`, with the `curve` at `places`.
    pub fn new(
        fit: &CurveFit,
        (x_name, x): (&str, &[f64]),
        y_name: &str,
        places: Vec<f64>,
        curve: Vec<Prediction>,
    ) -> Drawing {
        let residuals = &fit.residue.values;
        let seen = fit.fitted.iter().zip(residuals).map(|(f, r)| f + r);
        Drawing {
            x: x_name.into(),
            y: y_name.into(),
            points: x.iter().copied().zip(seen).collect(),
            residuals: x.iter().copied().zip(residuals.iter().copied()).collect(),
            places,
            curve,
            confidence: fit.confidence,
        }
    }
}
