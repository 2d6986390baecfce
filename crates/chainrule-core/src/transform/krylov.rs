//! Linear systems A x = b by products with A alone.
//!
//! Several systems of one size are solved side by side: each asks for the product that it needs
//! next, and one call makes the products of all. Small systems are written out as matrices, column
//! by column, and eliminated; large ones go by conjugate gradients if A is symmetric and positive
//! definite, and else by GMRES with restarts, whose residual never grows.
//!
//! References: Hestenes & Stiefel, *Methods of conjugate gradients for solving linear systems*
//! (1952); Saad & Schultz, *GMRES* (1986); Golub & Van Loan, *Matrix computations*, §3.4 and §11.

/// What is wrong, and what to do.
pub(super) type Fail = (String, String);

/// A v for a vector v of each system.
pub(super) type Product<'a> = dyn FnMut(&[Vec<f64>]) -> Result<Vec<Vec<f64>>, Fail> + 'a;

/// Systems up to this size are written out.
const DENSE: usize = 64;
/// Vectors that GMRES keeps.
const RESTART: usize = 80;

/// x with A x = b for each system; `symmetric` says that each A is symmetric and positive definite,
/// `epsilon` is the rounding error of the products.
pub(super) fn solve(
    symmetric: bool,
    epsilon: f64,
    apply: &mut Product<'_>,
    b: &[Vec<f64>],
) -> Result<Vec<Vec<f64>>, Fail> {
    let n = b.first().map_or(0, Vec::len);
    if n == 0 {
        return Ok(b.to_vec());
    }
    if let Some(bad) = b.iter().flatten().find(|v| !v.is_finite()) {
        return Err((
            format!("a linear system with {bad} on its right side"),
            "look for where it comes from with `detect_anomaly`".into(),
        ));
    }
    // The residual to be reached, relative to the right side.
    let tolerance = epsilon * 4.0;
    if symmetric {
        iterate(b.iter().map(|b| Gradients::new(b, tolerance)).collect(), apply)
    } else if n <= DENSE {
        dense(epsilon, apply, b)
    } else {
        iterate(b.iter().map(|b| Gmres::new(b, tolerance)).collect(), apply)
    }
}

pub(super) fn norm(v: &[f64]) -> f64 {
    dot(v, v).sqrt()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// y + c x.
fn add(y: &mut [f64], c: f64, x: &[f64]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += c * x);
}

fn singular() -> Fail {
    (
        "a linear system has no single solution: its matrix is singular".into(),
        "for implicit functions this means that the solution is not isolated, and has no \
         derivative: look for equations that say the same, or for a double root"
            .into(),
    )
}

/// By writing out the matrices.
fn dense(epsilon: f64, apply: &mut Product<'_>, b: &[Vec<f64>]) -> Result<Vec<Vec<f64>>, Fail> {
    let n = b[0].len();
    let mut rows = vec![vec![vec![0.0; n + 1]; n]; b.len()];
    for j in 0..n {
        let mut unit = vec![0.0; n];
        unit[j] = 1.0;
        for (rows, column) in rows.iter_mut().zip(apply(&vec![unit; b.len()])?) {
            rows.iter_mut().zip(column).for_each(|(row, a)| row[j] = a);
        }
    }
    let each = rows.into_iter().zip(b).map(|(mut rows, b)| {
        if b.iter().all(|&v| v == 0.0) {
            return Ok(b.clone());
        }
        rows.iter_mut().zip(b).for_each(|(row, &b)| row[n] = b);
        eliminate(rows, epsilon)
    });
    each.collect()
}

/// The solution of a system, by elimination with row pivots. The last column is the right side.
fn eliminate(mut rows: Vec<Vec<f64>>, epsilon: f64) -> Result<Vec<f64>, Fail> {
    let n = rows.len();
    // Rows are scaled to compare pivots, and a pivot is 0 if rounding in its column could make it.
    for row in &mut rows {
        let scale = row[..n].iter().fold(0.0f64, |m, a| m.max(a.abs()));
        if !(scale > 0.0 && row.iter().all(|a| a.is_finite())) {
            return Err(singular());
        }
        row.iter_mut().for_each(|a| *a /= scale);
    }
    let largest = |j: usize| rows.iter().fold(0.0f64, |m, row| m.max(row[j].abs()));
    let columns: Vec<f64> = (0..n).map(largest).collect();
    for j in 0..n {
        let size = |i: &usize| rows[*i][j].abs();
        let pivot = (j..n).max_by(|a, b| size(a).total_cmp(&size(b))).unwrap_or(j);
        rows.swap(j, pivot);
        if rows[j][j].abs() <= columns[j] * epsilon * n as f64 {
            return Err(singular());
        }
        let (above, below) = rows.split_at_mut(j + 1);
        let top = &above[j];
        for row in below {
            let factor = row[j] / top[j];
            add(&mut row[j..], -factor, &top[j..]);
        }
    }
    let mut x = vec![0.0; n];
    for i in (0..n).rev() {
        x[i] = (rows[i][n] - dot(&rows[i][i + 1..n], &x[i + 1..])) / rows[i][i];
    }
    Ok(x)
}

/// A method that improves a solution with each product.
trait Method {
    /// The vector whose product it needs, until it is done.
    fn wants(&self) -> Option<&[f64]>;
    fn take(&mut self, product: Vec<f64>) -> Result<(), Fail>;
    /// The residual relative to the right side.
    fn residual(&self) -> f64;
    fn solution(self) -> Vec<f64>;
}

fn iterate<M: Method>(mut systems: Vec<M>, apply: &mut Product<'_>) -> Result<Vec<Vec<f64>>, Fail> {
    let size = |s: &M| s.wants().map(<[f64]>::len);
    let Some(n) = systems.iter().find_map(size) else {
        return Ok(systems.into_iter().map(M::solution).collect());
    };
    let limit = 10 * n.min(1000) + 1000;
    for _ in 0..limit {
        if systems.iter().all(|s| s.wants().is_none()) {
            return Ok(systems.into_iter().map(M::solution).collect());
        }
        let vectors: Vec<Vec<f64>> =
            systems.iter().map(|s| s.wants().map_or_else(|| vec![0.0; n], Vec::from)).collect();
        for (system, product) in systems.iter_mut().zip(apply(&vectors)?) {
            if system.wants().is_some() {
                if !product.iter().all(|v| v.is_finite()) {
                    let what = "a product in a linear system is NaN or infinite".to_string();
                    return Err((what, "look for where with `detect_anomaly`".into()));
                }
                system.take(product)?;
            }
        }
    }
    let rest = systems.iter().map(M::residual).fold(0.0, f64::max);
    Err((
        format!("a linear system was not solved in {limit} products; the residual is {rest:.1e}"),
        "its matrix may be singular or badly scaled: scale the unknowns to similar sizes".into(),
    ))
}

/// Conjugate gradients.
struct Gradients {
    x: Vec<f64>,
    residual: Vec<f64>,
    direction: Vec<f64>,
    first: f64,
    tolerance: f64,
}

impl Gradients {
    fn new(b: &[f64], tolerance: f64) -> Gradients {
        let (residual, direction) = (b.to_vec(), b.to_vec());
        Gradients { x: vec![0.0; b.len()], residual, direction, first: norm(b), tolerance }
    }
}

impl Method for Gradients {
    fn wants(&self) -> Option<&[f64]> {
        (norm(&self.residual) > self.tolerance * self.first).then_some(&*self.direction)
    }

    fn take(&mut self, product: Vec<f64>) -> Result<(), Fail> {
        let curvature = dot(&self.direction, &product);
        if curvature <= 0.0 {
            let what = "conjugate gradients on a matrix that is not positive definite";
            let hint = "use `linear_solve`, which asks nothing of its matrix";
            return Err((what.into(), hint.into()));
        }
        let old = dot(&self.residual, &self.residual);
        let step = old / curvature;
        add(&mut self.x, step, &self.direction);
        add(&mut self.residual, -step, &product);
        let grow = dot(&self.residual, &self.residual) / old;
        let both = self.direction.iter_mut().zip(&self.residual);
        both.for_each(|(d, r)| *d = r + grow * *d);
        Ok(())
    }

    fn residual(&self) -> f64 {
        norm(&self.residual) / self.first
    }

    fn solution(self) -> Vec<f64> {
        self.x
    }
}

/// GMRES: the x of least residual in the span of r, A r, A² r, ….
struct Gmres {
    b: Vec<f64>,
    x: Vec<f64>,
    first: f64,
    tolerance: f64,
    /// Orthonormal vectors of the span.
    basis: Vec<Vec<f64>>,
    /// A in that basis, made triangular by rotations; one column for each product.
    columns: Vec<Vec<f64>>,
    turns: Vec<(f64, f64)>,
    /// The residual in the basis, rotated; its last entry is its norm.
    rest: Vec<f64>,
    /// Whether the residual is to be computed anew from x.
    measure: bool,
    done: bool,
}

impl Gmres {
    fn new(b: &[f64], tolerance: f64) -> Gmres {
        let mut new = Gmres {
            b: b.to_vec(),
            x: vec![0.0; b.len()],
            first: norm(b),
            tolerance,
            basis: vec![],
            columns: vec![],
            turns: vec![],
            rest: vec![],
            measure: false,
            done: false,
        };
        new.start(b.to_vec());
        new
    }

    /// Begins anew from a residual.
    fn start(&mut self, mut residual: Vec<f64>) {
        let size = norm(&residual);
        self.done = size <= self.tolerance * self.first;
        if size > 0.0 {
            residual.iter_mut().for_each(|r| *r /= size);
        }
        (self.columns, self.turns) = (vec![], vec![]);
        (self.basis, self.rest, self.measure) = (vec![residual], vec![size], false);
    }

    /// Adds what was found to x.
    fn update(&mut self) -> Result<(), Fail> {
        let n = self.columns.len();
        let mut c = vec![0.0; n];
        for i in (0..n).rev() {
            let known: f64 = (i + 1..n).map(|j| self.columns[j][i] * c[j]).sum();
            if self.columns[i][i] == 0.0 {
                return Err(singular());
            }
            c[i] = (self.rest[i] - known) / self.columns[i][i];
        }
        self.basis.iter().zip(c).for_each(|(v, c)| add(&mut self.x, c, v));
        Ok(())
    }
}

impl Method for Gmres {
    fn wants(&self) -> Option<&[f64]> {
        let next = if self.measure { Some(&self.x) } else { self.basis.last() };
        next.filter(|_| !self.done).map(|v| &**v)
    }

    fn take(&mut self, mut w: Vec<f64>) -> Result<(), Fail> {
        if self.measure {
            let residual = self.b.iter().zip(&w).map(|(b, w)| b - w).collect();
            self.start(residual);
            return Ok(());
        }
        let (k, size) = (self.columns.len(), norm(&w));
        let mut column = vec![0.0; k + 1];
        // Twice is enough for vectors orthogonal to rounding.
        for _ in 0..2 {
            for (h, v) in column.iter_mut().zip(&self.basis) {
                let part = dot(v, &w);
                *h += part;
                add(&mut w, -part, v);
            }
        }
        let new = norm(&w);
        for (i, &(c, s)) in self.turns.iter().enumerate() {
            let (a, b) = (column[i], column[i + 1]);
            (column[i], column[i + 1]) = (c * a + s * b, c * b - s * a);
        }
        let long = column[k].hypot(new);
        let (c, s) = if long > 0.0 { (column[k] / long, new / long) } else { (1.0, 0.0) };
        column[k] = long;
        self.columns.push(column);
        self.turns.push((c, s));
        let last = self.rest[k];
        self.rest[k] = c * last;
        self.rest.push(-s * last);
        self.done = self.rest[k + 1].abs() <= self.tolerance * self.first;
        let closed = new <= f64::EPSILON * size;
        if self.done || closed || k + 1 == RESTART.min(self.b.len()) {
            self.measure = true;
            return self.update();
        }
        w.iter_mut().for_each(|w| *w /= new);
        self.basis.push(w);
        Ok(())
    }

    fn residual(&self) -> f64 {
        self.rest.last().map_or(0.0, |r| r.abs()) / self.first
    }

    fn solution(self) -> Vec<f64> {
        self.x
    }
}
