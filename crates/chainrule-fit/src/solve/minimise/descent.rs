//! Directions of descent, d = −H g, and what each method learns from a step.
//!
//! With s = x₊ − x and y = g₊ − g, the change of the gradient over a step says how the function
//! bends along it: ∇²f s ≈ y. The quasi-Newton methods keep an H with H y = s,
//!
//! ```text
//! BFGS   H₊ = (I − ρ s yᵀ) H (I − ρ y sᵀ) + ρ s sᵀ        ρ = 1 / s·y
//! ```
//!
//! which stays positive as long as s·y > 0; the Wolfe conditions see to that, and steps that fail
//! it teach nothing. L-BFGS applies the last m such updates to γ I, γ = s·y / y·y, without forming
//! a matrix (Nocedal 1980; algorithm 7.4 in Nocedal and Wright). Conjugate gradients keep the last
//! direction only,
//!
//! ```text
//! d₊ = −g₊ + β d     β = max( (y − 2 d ‖y‖² / d·y) · g₊ / d·y, −1 / (‖d‖ min(0.01, ‖g‖)) )
//! ```
//!
//! whose d₊ points down whatever the line search did (Hager and Zhang 2005, *A new conjugate
//! gradient method with guaranteed descent and an efficient line search*, SIAM J. Optim. 16 (1)).
//! Newton's H is the inverse of ∇²f + τ I with the first τ of 0, τ₀, 4τ₀, … that makes it positive
//! definite (Nocedal and Wright, algorithm 3.3).
//!
//! Where bounds hold some unknowns, all of this happens in the space of the free ones.

use std::collections::VecDeque;

use super::dense::{Cholesky, along, dot, largest, norm, product};
use super::problem::{Counted, Point};
use crate::error::Result;

/// A direction, and the first multiple of it to try.
pub(super) struct Ray {
    pub(super) d: Vec<f64>,
    pub(super) first: f64,
}

/// A way to choose directions.
pub(super) trait Descent {
    /// The direction at a point; 0 for what is not free.
    fn ray(&mut self, problem: &Counted<'_>, at: &Point, free: &[bool]) -> Result<Ray>;

    /// Takes note of a step.
    fn learn(&mut self, from: &Point, to: &Point);

    /// Forgets all steps, after a search that failed; false if there was nothing to forget.
    fn forget(&mut self) -> bool;
}

fn masked(x: &[f64], free: &[bool]) -> Vec<f64> {
    x.iter().zip(free).map(|(x, free)| if *free { *x } else { 0.0 }).collect()
}

/// Against the gradient, at first by a step of length 1 at the most.
fn downhill(at: &Point, free: &[bool]) -> Ray {
    let d: Vec<f64> = masked(&at.gradient, free).iter().map(|g| -g).collect();
    let first = (1.0 / norm(&d)).min(1.0);
    Ray { d, first }
}

fn difference(to: &[f64], from: &[f64]) -> Vec<f64> {
    along(to, -1.0, from)
}

/// Steepest descent; the first trial supposes that the value falls as much as in the last step.
#[derive(Default)]
pub(super) struct Steepest {
    fell: Option<f64>,
}

impl Descent for Steepest {
    fn ray(&mut self, _: &Counted<'_>, at: &Point, free: &[bool]) -> Result<Ray> {
        let mut ray = downhill(at, free);
        if let Some(fell) = self.fell {
            ray.first = (2.0 * fell / dot(&ray.d, &ray.d)).clamp(1e-10 * ray.first, 1e10);
        }
        Ok(ray)
    }

    fn learn(&mut self, from: &Point, to: &Point) {
        self.fell = Some(from.value - to.value).filter(|fell| *fell > 0.0);
    }

    fn forget(&mut self) -> bool {
        self.fell.take().is_some()
    }
}

/// Conjugate gradients by Hager and Zhang.
#[derive(Default)]
pub(super) struct ConjugateGradient {
    /// The last direction and its slope; and what a step along it taught: y, s·g, and β's divisor.
    last: Option<Vec<f64>>,
    step: Option<(Vec<f64>, f64, f64)>,
}

impl Descent for ConjugateGradient {
    fn ray(&mut self, _: &Counted<'_>, at: &Point, free: &[bool]) -> Result<Ray> {
        let mut ray = downhill(at, free);
        if let (Some(d), Some((y, length, size))) = (&self.last, &self.step) {
            let (dy, g) = (dot(d, y), &at.gradient);
            if dy > 0.0 {
                let beta = (dot(y, g) - 2.0 * dot(d, g) * dot(y, y) / dy) / dy;
                let least = -1.0 / (norm(d) * size.min(0.01));
                let turned = along(&ray.d, beta.max(least), d);
                if dot(&turned, g) < 0.0 {
                    ray.d = turned;
                }
            }
            // The first-order change is supposed to be that of the last step.
            let now = dot(&ray.d, g);
            ray.first = (length / now).clamp(1e-10, 1e10);
        }
        self.last = Some(ray.d.clone());
        Ok(ray)
    }

    fn learn(&mut self, from: &Point, to: &Point) {
        let y = difference(&to.gradient, &from.gradient);
        let fell = dot(&difference(&to.x, &from.x), &from.gradient);
        self.step = Some((y, fell, norm(&from.gradient)));
    }

    fn forget(&mut self) -> bool {
        self.last = None;
        self.step.take().is_some()
    }
}

/// A step that may teach: s, y and s·y > 0.
struct Pair {
    s: Vec<f64>,
    y: Vec<f64>,
}

fn pair(from: &Point, to: &Point) -> Option<Pair> {
    let (s, y) = (difference(&to.x, &from.x), difference(&to.gradient, &from.gradient));
    (dot(&s, &y) > 1e-12 * norm(&s) * norm(&y)).then_some(Pair { s, y })
}

/// L-BFGS.
pub(super) struct Lbfgs {
    memory: usize,
    pairs: VecDeque<Pair>,
}

impl Lbfgs {
    pub(super) fn new(memory: usize) -> Lbfgs {
        Lbfgs { memory: memory.max(1), pairs: VecDeque::new() }
    }
}

impl Descent for Lbfgs {
    fn ray(&mut self, _: &Counted<'_>, at: &Point, free: &[bool]) -> Result<Ray> {
        let ray = downhill(at, free);
        let mut d = ray.d.clone();
        let mut used = vec![];
        for Pair { s, y } in self.pairs.iter().rev() {
            let (s, y) = (masked(s, free), masked(y, free));
            let sy = dot(&s, &y);
            if sy > 1e-12 * norm(&s) * norm(&y) {
                let alpha = dot(&s, &d) / sy;
                d = along(&d, -alpha, &y);
                used.push((s, y, sy, alpha));
            }
        }
        let Some((_, y, sy, _)) = used.first() else { return Ok(ray) };
        let gamma = sy / dot(y, y);
        d.iter_mut().for_each(|d| *d *= gamma);
        for (s, y, sy, alpha) in used.iter().rev() {
            let beta = dot(y, &d) / sy;
            d = along(&d, alpha - beta, s);
        }
        Ok(Ray { d, first: 1.0 })
    }

    fn learn(&mut self, from: &Point, to: &Point) {
        let Some(pair) = pair(from, to) else { return };
        if self.pairs.len() == self.memory {
            self.pairs.pop_front();
        }
        self.pairs.push_back(pair);
    }

    fn forget(&mut self) -> bool {
        let any = !self.pairs.is_empty();
        self.pairs.clear();
        any
    }
}

/// BFGS with a full matrix.
pub(super) struct Bfgs {
    /// H, row by row, once a step has set its scale.
    h: Option<Vec<f64>>,
    n: usize,
}

impl Bfgs {
    pub(super) fn new(n: usize) -> Bfgs {
        Bfgs { h: None, n }
    }
}

impl Descent for Bfgs {
    fn ray(&mut self, _: &Counted<'_>, at: &Point, free: &[bool]) -> Result<Ray> {
        let ray = downhill(at, free);
        Ok(match &self.h {
            None => ray,
            Some(h) => Ray { d: product(h, &ray.d), first: 1.0 },
        })
    }

    /// H₊ = H − ρ (s uᵀ + u sᵀ) + (ρ² y·u + ρ) s sᵀ with u = H y: the same, multiplied out.
    fn learn(&mut self, from: &Point, to: &Point) {
        let Some(Pair { s, y }) = pair(from, to) else { return };
        let (n, rho) = (self.n, 1.0 / dot(&s, &y));
        let h = self.h.get_or_insert_with(|| {
            let gamma = 1.0 / (rho * dot(&y, &y));
            (0..n * n).map(|k| if k % (n + 1) == 0 { gamma } else { 0.0 }).collect()
        });
        let u = product(h, &y);
        let both = rho * rho * dot(&y, &u) + rho;
        for i in 0..n {
            for j in 0..n {
                h[i * n + j] += both * s[i] * s[j] - rho * (s[i] * u[j] + u[i] * s[j]);
            }
        }
    }

    fn forget(&mut self) -> bool {
        self.h.take().is_some()
    }
}

/// Newton's direction with the exact Hessian.
pub(super) struct Newton;

impl Descent for Newton {
    fn ray(&mut self, problem: &Counted<'_>, at: &Point, free: &[bool]) -> Result<Ray> {
        let n = at.x.len();
        let mut h = problem.hessian(&at.x)?;
        if h.iter().any(|h| !h.is_finite()) {
            return Ok(downhill(at, free));
        }
        for (k, h) in h.iter_mut().enumerate() {
            let (i, j) = (k / n, k % n);
            if !(free[i] && free[j]) {
                *h = f64::from(u8::from(i == j));
            }
        }
        let scale = largest(&h).max(f64::MIN_POSITIVE);
        let least = (0..n).map(|i| h[i * n + i]).fold(f64::INFINITY, f64::min);
        let mut shift = if least > 0.0 { 0.0 } else { 1e-3 * scale - least };
        let g = masked(&at.gradient, free);
        // The diagonal dominates at the latest when the shift is n times the largest element.
        while shift <= 1e3 * n as f64 * scale {
            let mut shifted = h.clone();
            (0..n).for_each(|i| shifted[i * n + i] += shift);
            if let Some(factor) = Cholesky::new(&shifted, n) {
                let d = factor.solve(&g).iter().map(|d| -d).collect();
                return Ok(Ray { d, first: 1.0 });
            }
            shift = (4.0 * shift).max(1e-9 * scale);
        }
        Ok(downhill(at, free))
    }

    fn learn(&mut self, _: &Point, _: &Point) {}

    fn forget(&mut self) -> bool {
        false
    }
}
