//! A matrix as Q R, by Householder reflections with pivoting.
//!
//! A reflection I − v vᵀ with ‖v‖² = 2 turns any vector x into α e₁, where α = ∓‖x‖ and v is
//! parallel to x − α e₁; the sign opposite to x₁ avoids cancellation. Reflecting column after
//! column, and taking as the next column the one with the largest norm that is left, gives
//!
//! ```text
//! X P = Q [ R₁₁ R₁₂ ]      R₁₁: r × r, upper triangular, |diagonal| falling
//!         [  0   ≈0 ]
//! ```
//!
//! with the numerical rank r. Where X has long rows and short ones, columns are summed as they
//! stand, which is as accurate as the largest entry of each column allows.
//!
//! Golub and Van Loan, *Matrix Computations*, §5.2 and §5.4.

/// A matrix, factored.
pub(crate) struct Qr {
    /// Column j: above row j the entries of R, from there on the vector v of reflection j.
    columns: Vec<Vec<f64>>,
    /// The diagonal of R.
    diagonal: Vec<f64>,
    /// Which column of the matrix stands at each place.
    pub(crate) order: Vec<usize>,
}

impl Qr {
    /// Factors the matrix with these columns of `rows` numbers. Columns of which less than the
    /// share `tolerance` of the largest is left count as dependent on those before them.
    pub(crate) fn new(mut columns: Vec<Vec<f64>>, rows: usize, tolerance: f64) -> Qr {
        let width = columns.len();
        let (mut order, mut diagonal) = ((0..width).collect::<Vec<_>>(), vec![]);
        let mut least = 0.0;
        for k in 0..width.min(rows) {
            let norms = (k..width).map(|j| (j, norm(&columns[j][k..])));
            let Some((best, size)) = norms.max_by(|a, b| a.1.total_cmp(&b.1)) else { break };
            if k == 0 {
                least = size * tolerance;
            }
            if size <= least {
                break;
            }
            columns.swap(k, best);
            order.swap(k, best);
            let (done, rest) = columns.split_at_mut(k + 1);
            let v = &mut done[k][k..];
            let alpha = if v[0] > 0.0 { -size } else { size };
            v[0] -= alpha;
            let shrink = std::f64::consts::SQRT_2 / norm(v);
            v.iter_mut().for_each(|v| *v *= shrink);
            diagonal.push(alpha);
            rest.iter_mut().for_each(|column| mirror(v, &mut column[k..]));
        }
        Qr { columns, diagonal, order }
    }

    pub(crate) fn rank(&self) -> usize {
        self.diagonal.len()
    }

    /// Row i of [R₁₁ R₁₂].
    pub(crate) fn row(&self, i: usize) -> Vec<f64> {
        let entry = |j: usize| match j.cmp(&i) {
            std::cmp::Ordering::Less => 0.0,
            std::cmp::Ordering::Equal => self.diagonal[i],
            std::cmp::Ordering::Greater => self.columns[j][i],
        };
        (0..self.columns.len()).map(entry).collect()
    }

    /// Qᵀ y, in place.
    pub(crate) fn reflect(&self, y: &mut [f64]) {
        for k in 0..self.rank() {
            mirror(&self.columns[k][k..], &mut y[k..]);
        }
    }

    /// Q y, in place.
    pub(crate) fn reflect_back(&self, y: &mut [f64]) {
        for k in (0..self.rank()).rev() {
            mirror(&self.columns[k][k..], &mut y[k..]);
        }
    }

    /// R₁₁⁻¹ c, from the last row up.
    pub(crate) fn solve(&self, mut c: Vec<f64>) -> Vec<f64> {
        for k in (0..self.rank()).rev() {
            c[k] /= self.diagonal[k];
            for i in 0..k {
                c[i] -= self.columns[k][i] * c[k];
            }
        }
        c
    }

    /// R₁₁⁻ᵀ c, from the first row down.
    pub(crate) fn solve_transposed(&self, mut c: Vec<f64>) -> Vec<f64> {
        for k in 0..self.rank() {
            let known: f64 = (0..k).map(|i| self.columns[k][i] * c[i]).sum();
            c[k] = (c[k] - known) / self.diagonal[k];
        }
        c
    }

    /// The z of least norm with [R₁₁ R₁₂] z = c.
    pub(crate) fn least_norm(&self, c: &[f64], tolerance: f64) -> Vec<f64> {
        let (rank, width) = (self.rank(), self.columns.len());
        let second = Qr::new((0..rank).map(|i| self.row(i)).collect(), width, tolerance);
        let permuted = second.order.iter().map(|&i| c[i]).collect();
        let mut z = second.solve_transposed(permuted);
        z.resize(width, 0.0);
        second.reflect_back(&mut z);
        z
    }
}

pub(crate) fn norm(x: &[f64]) -> f64 {
    let plain = x.iter().map(|x| x * x).sum::<f64>().sqrt();
    if plain > 1e-140 && plain < 1e140 {
        return plain;
    }
    let most = x.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    if most == 0.0 || !most.is_finite() {
        return plain;
    }
    most * x.iter().map(|x| (x / most) * (x / most)).sum::<f64>().sqrt()
}

/// Reflects `x`: x ← x − v (v·x).
fn mirror(v: &[f64], x: &mut [f64]) {
    let along: f64 = v.iter().zip(x.iter()).map(|(v, x)| v * x).sum();
    x.iter_mut().zip(v).for_each(|(x, v)| *x -= v * along);
}
