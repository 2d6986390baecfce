//! Vectors and small dense matrices, row by row: what the methods need and no more.

/// Σ x y.
pub(crate) fn dot(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

/// ‖x‖₂, without overflow where it can be represented.
pub(crate) fn norm(x: &[f64]) -> f64 {
    let scale = largest(x);
    if scale == 0.0 || !scale.is_finite() {
        return scale;
    }
    scale * x.iter().map(|x| (x / scale).powi(2)).sum::<f64>().sqrt()
}

/// ‖x‖∞; NaN if any element is.
pub(crate) fn largest(x: &[f64]) -> f64 {
    x.iter().map(|x| x.abs()).fold(0.0, |a, b| if b.is_nan() || b > a { b } else { a })
}

/// x + t d.
pub(crate) fn along(x: &[f64], t: f64, d: &[f64]) -> Vec<f64> {
    x.iter().zip(d).map(|(x, d)| x + t * d).collect()
}

/// The product of an n × n matrix and a vector.
pub(crate) fn product(a: &[f64], x: &[f64]) -> Vec<f64> {
    a.chunks(x.len().max(1)).map(|row| dot(row, x)).collect()
}

/// The lower triangle L with A = L Lᵀ.
#[derive(Clone, Debug)]
pub(crate) struct Cholesky {
    l: Vec<f64>,
    n: usize,
}

impl Cholesky {
    /// Factors the symmetric matrix `a` of n × n; none if it is not positive definite to within
    /// rounding: a pivot must keep 10⁻¹⁴ of its diagonal element.
    ///
    /// Lᵢⱼ = (Aᵢⱼ − Σₖ Lᵢₖ Lⱼₖ) / Lⱼⱼ, row by row (Golub and Van Loan, §4.2).
    pub(crate) fn new(a: &[f64], n: usize) -> Option<Cholesky> {
        let mut l = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..=i {
                let left = a[i * n + j] - dot(&l[i * n..i * n + j], &l[j * n..j * n + j]);
                if i > j {
                    l[i * n + j] = left / l[j * n + j];
                } else if left > 1e-14 * a[i * n + i] && left.is_finite() {
                    l[i * n + i] = left.sqrt();
                } else {
                    return None;
                }
            }
        }
        Some(Cholesky { l, n })
    }

    /// A⁻¹ b.
    pub(crate) fn solve(&self, b: &[f64]) -> Vec<f64> {
        let (l, n) = (&self.l, self.n);
        let mut x = b.to_vec();
        for i in 0..n {
            x[i] = (x[i] - dot(&l[i * n..i * n + i], &x[..i])) / l[i * n + i];
        }
        for i in (0..n).rev() {
            x[i] /= l[i * n + i];
            for j in 0..i {
                x[j] -= l[i * n + j] * x[i];
            }
        }
        x
    }

    /// A⁻¹, row by row.
    pub(crate) fn inverse(&self) -> Vec<f64> {
        let n = self.n;
        let mut rows = Vec::with_capacity(n * n);
        let mut unit = vec![0.0; n];
        for i in 0..n {
            unit[i] = 1.0;
            rows.extend(self.solve(&unit));
            unit[i] = 0.0;
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cholesky_solves() {
        let a = [4.0, 2.0, 0.4, 2.0, 5.0, 1.0, 0.4, 1.0, 3.0];
        let x = [1.0, -2.0, 0.5];
        let factor = Cholesky::new(&a, 3).unwrap();
        for (got, x) in factor.solve(&product(&a, &x)).iter().zip(x) {
            assert!((got - x).abs() < 1e-14);
        }
        let inverse = factor.inverse();
        for i in 0..3 {
            let row = product(&a, &inverse[3 * i..3 * i + 3]);
            assert!((0..3).all(|j| (row[j] - f64::from(u8::from(i == j))).abs() < 1e-14));
        }
        assert!(Cholesky::new(&[1.0, 2.0, 2.0, 1.0], 2).is_none());
        assert!(Cholesky::new(&[1.0, 1.0, 1.0, 1.0], 2).is_none());
        assert!(Cholesky::new(&[f64::NAN], 1).is_none());
    }

    #[test]
    fn norms() {
        assert!((norm(&[3e200, -4e200]) / 5e200 - 1.0).abs() < 1e-15);
        assert_eq!(norm(&[]), 0.0);
        assert!(largest(&[1.0, f64::NAN, 2.0]).is_nan());
    }
}
