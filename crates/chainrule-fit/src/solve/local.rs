//! The linear model of the residuals at one point, and the steps that it suggests.
//!
//! Near θ, r(θ + p) ≈ r + J p. With the scale D of the parameters, p̂ = D p, and the factors
//!
//! ```text
//! J D⁻¹ P = Q R      Rᵀ = V S Uᵀ      β = Uᵀ Qᵀ r
//! ```
//!
//! (pivoted Householder QR, then Jacobi's rotations on the rows of R, which together give small
//! singular values with all their digits) every step of the solvers is one line:
//!
//! ```text
//! Gauss–Newton   p̂ = −V S⁻¹ β                      the least squares of the linear model
//! damped         p̂ = −V S (S² + λ)⁻¹ β             the same within ‖p̂‖ ≤ Δ, for the right λ
//! Cauchy         p̂ = −(‖ĝ‖²/‖S Vᵀ ĝ‖²) ĝ           steepest descent, ĝ = V S β
//! dogleg         from Cauchy's to Gauss–Newton's as far as ‖p̂‖ = Δ
//! ```
//!
//! J. J. Moré (1978), *The Levenberg–Marquardt algorithm: implementation and theory*, for λ;
//! M. J. D. Powell (1970), *A hybrid method for nonlinear equations*, for the dogleg; Z. Drmač and
//! K. Veselić (2008), *New fast and accurate Jacobi SVD algorithm*.

use super::Method;
use super::qr::{Qr, norm};
use crate::inference::orthogonal;

/// Singular values below this share of the largest are 0.
const TOLERANCE: f64 = 1e-15;

/// The linear model of residuals in some of the parameters, in scaled directions.
pub(super) struct Local {
    /// Singular values, from the largest down.
    singular: Vec<f64>,
    /// The direction p̂ of each.
    directions: Vec<Vec<f64>>,
    /// The residual along the change that each makes.
    beta: Vec<f64>,
    /// The number of parameters.
    width: usize,
}

impl Local {
    /// The model with Jacobian `columns`, residuals `r`, and one positive `scale` for each column.
    pub(super) fn new(columns: &[&[f64]], r: &[f64], scale: &[f64]) -> Local {
        let scaled = columns.iter().zip(scale);
        let scaled = scaled.map(|(c, d)| c.iter().map(|x| x / d).collect()).collect();
        let qr = Qr::new(scaled, r.len(), 0.0);
        let mut right = r.to_vec();
        qr.reflect(&mut right);
        let (rank, width) = (qr.rank(), columns.len());
        // Column i of Rᵀ is row i of R; turned by U they are V S.
        let triples = orthogonal((0..rank).map(|i| qr.row(i)).collect());
        let most = triples.first().map_or(0.0, |t| t.0);
        let mut local = Local { singular: vec![], directions: vec![], beta: vec![], width };
        for (s, image, left) in triples {
            if s.is_nan() || s <= most * TOLERANCE {
                break;
            }
            let mut direction = vec![0.0; width];
            for (&j, x) in qr.order.iter().zip(image) {
                direction[j] = x / s;
            }
            local.singular.push(s);
            local.directions.push(direction);
            local.beta.push(left.iter().zip(&right).map(|(u, y)| u * y).sum());
        }
        local
    }

    /// −Σ cᵢ vᵢ.
    fn combine(&self, along: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut p = vec![0.0; self.width];
        for (i, v) in self.directions.iter().enumerate() {
            let c = along(i);
            p.iter_mut().zip(v).for_each(|(p, v)| *p -= c * v);
        }
        p
    }

    /// The step of `method` with ‖p̂‖ ≤ `radius`, up to a tenth more.
    pub(super) fn step(&self, method: Method, radius: f64) -> Vec<f64> {
        let newton: Vec<f64> = self.beta.iter().zip(&self.singular).map(|(b, s)| b / s).collect();
        if norm(&newton) <= 1.1 * radius {
            return self.combine(|i| newton[i]);
        }
        match method {
            Method::LevenbergMarquardt => {
                let lambda = self.damping(&newton, radius);
                let along = |i: usize| {
                    let s = self.singular[i];
                    self.beta[i] / (s + lambda / s)
                };
                self.combine(along)
            }
            Method::Dogleg => self.dogleg(&newton, radius),
            Method::GaussNewton => {
                let share = radius / norm(&newton);
                self.combine(|i| share * newton[i])
            }
        }
    }

    /// The λ for which the damped step is as long as `radius`, to a tenth.
    fn damping(&self, newton: &[f64], radius: f64) -> f64 {
        let gradient: Vec<f64> = self.beta.iter().zip(&self.singular).map(|(b, s)| b * s).collect();
        let (mut low, mut high) = (0.0, norm(&gradient) / radius);
        let mut lambda = 1e-3 * high;
        // Newton's method on 1/‖p̂(λ)‖ − 1/Δ, which is nearly linear in λ.
        for _ in 0..60 {
            let shrunk = |i: usize| self.singular[i].powi(2) / (self.singular[i].powi(2) + lambda);
            let p: Vec<f64> = (0..newton.len()).map(|i| newton[i] * shrunk(i)).collect();
            let size = norm(&p);
            if (size - radius).abs() <= 0.1 * radius {
                break;
            }
            if size > radius {
                low = lambda;
            } else {
                high = lambda;
            }
            let slope: f64 = (0..p.len())
                .map(|i| (p[i] / size).powi(2) / (self.singular[i].powi(2) + lambda))
                .sum();
            lambda += (size / radius - 1.0) / slope;
            if !(lambda > low && lambda < high) {
                lambda = if low > 0.0 { (low * high).sqrt() } else { 1e-3 * high };
            }
        }
        lambda
    }

    fn dogleg(&self, newton: &[f64], radius: f64) -> Vec<f64> {
        let gradient: Vec<f64> = self.beta.iter().zip(&self.singular).map(|(b, s)| b * s).collect();
        let image: Vec<f64> = gradient.iter().zip(&self.singular).map(|(g, s)| g * s).collect();
        let (steep, bend) = (norm(&gradient), norm(&image));
        let length = (steep / bend) * (steep / bend);
        if length * steep >= radius {
            return self.combine(|i| radius / steep * gradient[i]);
        }
        // ‖c + t (n − c)‖ = Δ.
        let cauchy: Vec<f64> = gradient.iter().map(|g| length * g).collect();
        let way: Vec<f64> = newton.iter().zip(&cauchy).map(|(n, c)| n - c).collect();
        let (a, c) = (norm(&way).powi(2), norm(&cauchy).powi(2) - radius * radius);
        let b: f64 = way.iter().zip(&cauchy).map(|(w, c)| w * c).sum();
        let t = -c / (b + (b * b - a * c).max(0.0).sqrt());
        self.combine(|i| cauchy[i] + t.clamp(0.0, 1.0) * way[i])
    }
}
