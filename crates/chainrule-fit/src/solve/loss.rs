//! How much a residual counts.
//!
//! The cost is ½ Σ c² ρ((r/c)²) with a function ρ(z) that is z near 0 and grows more slowly after,
//! so that residuals well beyond the scale c pull less than their square. ρ′ is the weight that a
//! residual keeps. With g = Jᵀ (ρ′ r) exactly and Σ (ρ′ + 2 z ρ″) J Jᵀ for the curvature along each
//! residual, the problem is again one of least squares (Triggs and others 2000, *Bundle adjustment:
//! a modern synthesis*, §4.3):
//!
//! ```text
//! J̃ = √a J    r̃ = ρ′ r / √a    a = ρ′ + 2 z ρ″, or almost 0 where that is negative
//! ```
//!
//! | loss     | ρ(z)                          | a residual far out pulls    |
//! |----------|-------------------------------|-----------------------------|
//! | linear   | z                             | in proportion               |
//! | huber    | z up to 1, then 2√z − 1       | as one at the scale         |
//! | soft_l1  | 2(√(1 + z) − 1)               | the same, without a kink    |
//! | cauchy   | ln(1 + z)                     | less, the farther           |
//! | arctan   | arctan z                      | even less                   |
//! | tukey    | (1 − (1 − z)³)/3 up to z = 1  | not at all beyond the scale |
//!
//! ```
//! use chainrule_fit::solve::Loss;
//! assert_eq!(Loss::Huber(2.0).rho(6.0), 2.0 * 2.0 * (2.0 * 3.0 - 1.0));
//! assert_eq!("cauchy:0.5".parse(), Ok(Loss::Cauchy(0.5)));
//! ```

use std::str::FromStr;

/// A loss with its scale c, in the unit of the (weighted) residuals.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub enum Loss {
    /// The square: ordinary least squares.
    #[default]
    Linear,
    /// Squares within the scale, absolute values beyond (Huber 1964).
    Huber(f64),
    /// A smooth form of the same.
    SoftL1(f64),
    /// The loss of Cauchy's distribution.
    Cauchy(f64),
    /// Bounded.
    Arctan(f64),
    /// Bounded, and constant beyond the scale (Beaton and Tukey 1974).
    Tukey(f64),
}

impl Loss {
    /// The scale; infinite for squares.
    pub fn scale(self) -> f64 {
        match self {
            Loss::Linear => f64::INFINITY,
            Loss::Huber(c)
            | Loss::SoftL1(c)
            | Loss::Cauchy(c)
            | Loss::Arctan(c)
            | Loss::Tukey(c) => c,
        }
    }

    /// Its name, as it is parsed.
    pub fn name(self) -> &'static str {
        match self {
            Loss::Linear => "linear",
            Loss::Huber(_) => "huber",
            Loss::SoftL1(_) => "soft_l1",
            Loss::Cauchy(_) => "cauchy",
            Loss::Arctan(_) => "arctan",
            Loss::Tukey(_) => "tukey",
        }
    }

    /// c² ρ((r/c)²), which is r² near 0.
    pub fn rho(self, r: f64) -> f64 {
        if self == Loss::Linear {
            return r * r;
        }
        let c = self.scale();
        c * c * self.terms((r / c) * (r / c)).0
    }

    /// ρ′ and ρ″ at z = (r/c)².
    pub(crate) fn slopes(self, r: f64) -> (f64, f64, f64) {
        if self == Loss::Linear {
            return (1.0, 0.0, 0.0);
        }
        let z = (r / self.scale()) * (r / self.scale());
        let (_, first, second) = self.terms(z);
        (first, second, z)
    }

    /// ρ, ρ′ and ρ″ at z.
    fn terms(self, z: f64) -> (f64, f64, f64) {
        match self {
            Loss::Linear => (z, 1.0, 0.0),
            Loss::Huber(_) if z <= 1.0 => (z, 1.0, 0.0),
            Loss::Huber(_) => (2.0 * z.sqrt() - 1.0, z.powf(-0.5), -0.5 * z.powf(-1.5)),
            Loss::SoftL1(_) => {
                let t = (1.0 + z).sqrt();
                (2.0 * z / (t + 1.0), 1.0 / t, -0.5 / (t * t * t))
            }
            Loss::Cauchy(_) => {
                let t = 1.0 / (1.0 + z);
                (z.ln_1p(), t, -t * t)
            }
            Loss::Arctan(_) => {
                let t = 1.0 / (1.0 + z * z);
                (z.atan(), t, -2.0 * z * t * t)
            }
            Loss::Tukey(_) if z <= 1.0 => {
                let t = 1.0 - z;
                (z * (1.0 - z + z * z / 3.0), t * t, -2.0 * t)
            }
            Loss::Tukey(_) => (1.0 / 3.0, 0.0, 0.0),
        }
    }

    /// The residual r̃ and the factor √a of its row of the Jacobian.
    pub(crate) fn correct(self, r: f64) -> (f64, f64) {
        let (first, second, z) = self.slopes(r);
        let root = (first + 2.0 * z * second).max(f64::EPSILON).sqrt();
        (r * first / root, root)
    }
}

impl FromStr for Loss {
    type Err = String;

    /// `huber` or `huber:0.5`; the scale is 1 if it is not given.
    fn from_str(text: &str) -> Result<Loss, String> {
        let (word, scale) = match text.split_once(':') {
            None => (text.trim(), None),
            Some((word, scale)) => (word.trim(), Some(scale.trim())),
        };
        let c = match scale.map(str::parse::<f64>) {
            None => 1.0,
            Some(Ok(c)) if c > 0.0 && c.is_finite() => c,
            Some(_) => return Err(format!("the scale of {word} is a positive number: {word}:1.5")),
        };
        Ok(match word {
            "linear" if scale.is_none() => Loss::Linear,
            "linear" => return Err("linear has no scale: write linear".into()),
            "huber" => Loss::Huber(c),
            "soft_l1" => Loss::SoftL1(c),
            "cauchy" => Loss::Cauchy(c),
            "arctan" => Loss::Arctan(c),
            "tukey" => Loss::Tukey(c),
            _ => return Err("it is linear, huber, soft_l1, cauchy, arctan or tukey".into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Loss; 6] = [
        Loss::Linear,
        Loss::Huber(1.3),
        Loss::SoftL1(1.3),
        Loss::Cauchy(1.3),
        Loss::Arctan(1.3),
        Loss::Tukey(1.3),
    ];

    #[test]
    fn slopes_are_derivatives() {
        for loss in ALL {
            for z in [0.01, 0.4, 0.9, 1.7, 30.0] {
                let h = 1e-6 * z;
                let (up, down) = (loss.terms(z + h), loss.terms(z - h));
                let (_, first, second) = loss.terms(z);
                assert!(((up.0 - down.0) / (2.0 * h) - first).abs() < 1e-8, "{loss:?} {z}");
                assert!(((up.1 - down.1) / (2.0 * h) - second).abs() < 1e-6, "{loss:?} {z}");
            }
        }
    }

    #[test]
    fn small_residuals_are_squared() {
        for loss in ALL {
            assert!((loss.rho(1e-6) / 1e-12 - 1.0).abs() < 1e-9, "{loss:?}");
        }
    }

    #[test]
    fn words() {
        assert_eq!("soft_l1".parse(), Ok(Loss::SoftL1(1.0)));
        for wrong in ["huber:0", "huber:x", "linear:2", "l2", ""] {
            assert!(wrong.parse::<Loss>().is_err(), "{wrong}");
        }
    }
}
