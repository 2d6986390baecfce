//! The search for solutions of equations in numbers.
//!
//! Several equations of one size are solved side by side, as a batch has them: each goes on until
//! it has converged, and all are evaluated together.

use super::krylov::{Fail, norm};
use super::numbers::Unknowns;
use super::solve::System;
use super::trace::Trace;
use crate::graph::node::Value;

/// How a solution is found.
#[derive(Clone, Copy)]
pub(super) enum Search {
    /// It is the start.
    Given,
    /// Newton's method.
    Newton,
    /// x − F(x), again and again.
    Iterate,
}

/// The search for the solutions of equations side by side.
pub(super) struct Descent<'a> {
    pub(super) name: &'static str,
    pub(super) search: Search,
    /// F from x and the rest.
    pub(super) residual: &'a Trace,
    /// A dx = b from x and the rest.
    pub(super) slope: &'a System,
    pub(super) space: Unknowns,
    pub(super) rest: Vec<Value>,
    pub(super) x: Vec<Vec<f64>>,
}

impl Descent<'_> {
    pub(super) fn run(&mut self) -> Result<(), Fail> {
        match self.search {
            Search::Given => Ok(()),
            Search::Newton => self.newton(),
            Search::Iterate => self.iterate(),
        }
    }

    fn off(&self, x: &[Vec<f64>]) -> Result<Vec<Vec<f64>>, Fail> {
        let plan = self.residual.prepared().map_err(|e| (e.to_string(), String::new()))?;
        let found = plan.run(&[self.space.scatter(x), self.rest.clone()].concat())?;
        Ok(self.space.gather(found.iter().map(|y| y.buffer.bytes())))
    }

    fn failed(&self, what: &str, size: f64) -> Fail {
        let name = self.name;
        let hint = match self.search {
            Search::Iterate => {
                "the iteration converges if f brings points closer together; `root` of x − f(x) \
                 needs no such thing"
            }
            _ => "start nearer to the solution, or bring a solver of your own: `root_with`",
        };
        (format!("`{name}` {what}; the equation is off by {size:.1e}"), hint.into())
    }

    /// Newton's method for each system, with steps halved until they help.
    fn newton(&mut self) -> Result<(), Fail> {
        let tolerance = self.space.epsilon().powf(0.75);
        let mut r = self.off(&self.x)?;
        let mut done = vec![false; r.len()];
        for _ in 0..200 {
            for (done, r) in done.iter_mut().zip(&mut r) {
                *done |= norm(r) == 0.0;
                if *done {
                    r.fill(0.0);
                }
            }
            if done.iter().all(|&done| done) {
                return Ok(());
            }
            if let Some(r) = r.iter().find(|r| !norm(r).is_finite()) {
                return Err(self.failed("got to numbers that are not finite", norm(r)));
            }
            let inputs = [self.space.scatter(&self.x), self.rest.clone()].concat();
            let step = self.slope.numbers(&r, &inputs).map_err(|(what, hint)| {
                (format!("`{}` cannot go on from where it has come to: {what}", self.name), hint)
            })?;
            self.shorten(&step, &mut r, &mut done, tolerance)?;
        }
        let size = r.iter().map(|r| norm(r)).fold(0.0, f64::max);
        Err(self.failed("has not converged in 200 steps", size))
    }

    /// Takes for each system the longest of the step, its half, … that makes the residual smaller.
    fn shorten(
        &mut self,
        step: &[Vec<f64>],
        r: &mut [Vec<f64>],
        done: &mut [bool],
        tolerance: f64,
    ) -> Result<(), Fail> {
        let mut open: Vec<bool> = done.iter().map(|done| !done).collect();
        let mut factor = 1.0;
        for _ in 0..50 {
            let mut next = self.x.clone();
            for i in (0..next.len()).filter(|&i| open[i]) {
                next[i].iter_mut().zip(&step[i]).for_each(|(x, d)| *x -= factor * d);
            }
            let new = self.off(&next)?;
            for i in 0..next.len() {
                if open[i] && norm(&new[i]) < norm(&r[i]) * (1.0 - 1e-4 * factor) {
                    done[i] = factor == 1.0 && norm(&step[i]) <= tolerance * norm(&next[i]);
                    (self.x[i], r[i]) = (next[i].clone(), new[i].clone());
                    open[i] = false;
                }
            }
            if !open.contains(&true) {
                return Ok(());
            }
            factor *= 0.5;
        }
        // Where no step helps, rounding is all that is left, or something is wrong.
        for i in (0..open.len()).filter(|&i| open[i]) {
            let near = tolerance.powf(2.0 / 3.0);
            if norm(&step[i]) > near * (norm(&self.x[i]) + near) {
                return Err(self.failed("gets no nearer to a root", norm(&r[i])));
            }
            done[i] = true;
        }
        Ok(())
    }

    /// x ← x − F(x), until it comes no nearer.
    fn iterate(&mut self) -> Result<(), Fail> {
        let tolerance = self.space.epsilon().powf(0.75);
        let mut before = vec![f64::INFINITY; self.x.len()];
        let mut done = vec![false; self.x.len()];
        for _ in 0..10_000 {
            if done.iter().all(|&done| done) {
                return Ok(());
            }
            for (i, change) in self.off(&self.x)?.into_iter().enumerate() {
                let size = norm(&change);
                if done[i] {
                    continue;
                }
                if !size.is_finite() {
                    return Err(self.failed("got to numbers that are not finite", size));
                }
                let close = size <= tolerance * norm(&self.x[i]);
                done[i] = size == 0.0 || close && size >= before[i];
                before[i] = size;
                self.x[i].iter_mut().zip(&change).for_each(|(x, d)| *x -= d);
            }
        }
        // Some are near enough, but still come nearer, slowly.
        let far = |i: &usize| before[*i] > tolerance * norm(&self.x[*i]);
        match (0..before.len()).find(far) {
            Some(i) => Err(self.failed("has not converged in 10,000 steps", before[i])),
            None => Ok(()),
        }
    }
}
