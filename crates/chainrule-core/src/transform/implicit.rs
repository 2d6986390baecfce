//! Functions that are given by equations.
//!
//! A solution x of F(x, θ) = 0 is a function of θ, wherever ∂F/∂x can be inverted. Its derivative
//! follows from the equation alone, however the solution was found: as F stays 0,
//!
//! ```text
//! ∂F/∂x dx + ∂F/∂θ dθ = 0,   so that   dx = −A⁻¹ ∂F/∂θ dθ   with A = ∂F/∂x,
//! ```
//!
//! and in reverse mode, with Aᵀ w = gx, the cotangent of θ is −(∂F/∂θ)ᵀ w. (This is the implicit
//! function theorem.) Only one linear system is solved, whatever the number of iterations was, and
//! none of them is kept. θ is all that F captures. The system is an ordinary
//! [`linear_solve`](crate::linear_solve), so that derivatives of any order follow.
//!
//! ```
//! # use chainrule_core::*;
//! // Kepler's equation: the eccentric anomaly E with E − e sin E = M.
//! let anomaly = |e: &Tensor| root(|x: &Tensor| x - e * x.sin() - 1.0, &Tensor::from(1.0));
//! let e = Tensor::from(0.3);
//! let (x, slope) = value_and_grad(anomaly, &e)?;
//! let x = x.item::<f64>()?;
//! assert!((x - 0.3 * x.sin() - 1.0).abs() < 1e-15);
//! assert!((slope.item::<f64>()? - x.sin() / (1.0 - 0.3 * x.cos())).abs() < 1e-14);
//! # Ok::<(), Error>(())
//! ```
//!
//! Where the equation's numbers are known, it is solved at once; where they are not, as in
//! [`vmap`](crate::vmap), when they are. The elements of a batch converge each for itself.
//!
//! Edges: at a double root A has no inverse, and the derivative does not exist: an error. The start
//! decides which of several roots is found, and has the derivative 0.
//!
//! References: Griewank & Walther, *Evaluating derivatives* (2008), ch. 15; Blondel et al.,
//! *Efficient and modular implicit differentiation* (2022).

use std::sync::Arc;

use super::first::gradient;
use super::krylov::Fail;
use super::numbers::{Unknowns, now, store};
use super::search::{Descent, Search};
use super::solve::{System, alike, full, minus, widened};
use super::trace::{Trace, pull, push};
use super::tree::{Outcome, Tree};
use crate::error::Result;
use crate::exec::value_of;
use crate::graph::Tensor;
use crate::graph::call::{Array, Point, Primitive, Rule, Slopes};
use crate::graph::mode::set_no_grad;
use crate::graph::node::Value;
use crate::no_grad;
use crate::place::Place;

type Line = Place;

/// A solution x of f(x) = 0 near x0, by Newton's method; steps that do not help are shortened.
/// Derivatives of any order flow to all that `f` captures.
///
/// ```
/// # use chainrule_core::*;
/// let a = Tensor::from([2.0, 9.0]).requires_grad();
/// let x = root(|x: &Tensor| x.square() - &a, &Tensor::from([1.0, 1.0]))?;
/// assert_eq!(x.i(1).item::<f64>()?, 3.0);
/// x.sum().backward()?; // 1 / (2 √a)
/// assert!((a.grad().unwrap().i(1).item::<f64>()? - 1.0 / 6.0).abs() < 1e-15);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// Those of `f`; if its result does not have the shapes of its argument; if it asks for numbers
/// (choose with `where_`, or bring a solver of your own: [`root_with`]); of kind
/// [`Numeric`](crate::ErrorKind::Numeric) if no root is found in 200 steps, or at one where ∂f/∂x
/// is singular.
#[track_caller]
pub fn root<X: Tree, Y: Outcome<Tree = X>>(f: impl FnOnce(&X) -> Y, x0: &X) -> Result<X> {
    let here = Place::caller();
    let on = set_no_grad(None);
    let (trace, captured, _) = Trace::of(f, x0, false)?;
    drop(on);
    solved("root", Search::Newton, trace, captured, x0, here)
}

/// A solution x of f(x) = 0 that `solve` finds from x0, by any means: it may ask for numbers,
/// branch and loop. It is not differentiated; derivatives of any order flow, by the equation, to
/// all that `f` captures.
///
/// ```
/// # use chainrule_core::*;
/// // Bisection, then the slope of the root of x³ + x = a.
/// let a = Tensor::from(10.0).requires_grad();
/// let f = |x: &Tensor| x.powi(3) + x - &a;
/// let bisect = |range: &Tensor| -> Result<Tensor> {
///     let (mut low, mut high) = (range.item::<f64>()? - 10.0, range.item::<f64>()? + 10.0);
///     while high - low > 1e-15 * high.abs() {
///         let x = 0.5 * (low + high);
///         if x == low || x == high { break; }
///         if f(&Tensor::from(x)).item::<f64>()? < 0.0 { low = x } else { high = x }
///     }
///     Ok(Tensor::from(low))
/// };
/// let x = root_with(&f, bisect, &Tensor::from(0.0))?;
/// assert!((x.item::<f64>()? - 2.0).abs() < 1e-14);
/// x.backward()?;
/// assert!((a.grad().unwrap().item::<f64>()? - 1.0 / 13.0).abs() < 1e-15);
/// # Ok::<(), Error>(())
/// ```
///
/// Whether the solution is one is not checked: the derivative is that of a root near it.
///
/// # Errors
/// Those of `f` and `solve`; if shapes differ; where a derivative is taken and ∂f/∂x is singular.
#[track_caller]
pub fn root_with<X: Tree, Y: Outcome<Tree = X>, S: Outcome<Tree = X>>(
    f: impl FnOnce(&X) -> Y,
    solve: impl FnOnce(&X) -> S,
    x0: &X,
) -> Result<X> {
    let here = Place::caller();
    let start = x0.replace(&mut |x| Ok(x.cut_off()))?;
    let found = no_grad(|| solve(&start).outcome())?;
    let found = found.replace(&mut |x| Ok(x.cut_off()))?;
    let (trace, captured, _) = Trace::of(f, &found, false)?;
    solved("root_with", Search::Given, trace, captured, &found, here)
}

/// The x with x = f(x) to which x, f(x), f(f(x)), … converges from x0. Derivatives of any order
/// flow to all that `f` captures, without going through the iterations.
///
/// ```
/// # use chainrule_core::*;
/// let a = Tensor::from(0.8).requires_grad();
/// let x = fixed_point(|x: &Tensor| (&a * x).cos(), &Tensor::from(0.5))?;
/// x.backward()?;
/// let (x, s) = (x.item::<f64>()?, (0.8 * x.item::<f64>()?).sin());
/// assert!((a.grad().unwrap().item::<f64>()? + s * x / (1.0 + 0.8 * s)).abs() < 1e-12);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// As [`root`]; it has not converged if x changes in the 10,000th step.
#[track_caller]
pub fn fixed_point<X: Tree, Y: Outcome<Tree = X>>(f: impl FnOnce(&X) -> Y, x0: &X) -> Result<X> {
    let here = Place::caller();
    let (trace, captured, _) = Trace::of(f, x0, false)?;
    let trace = alike("fixed_point", trace, &x0.leaves(), here)?;
    let change = trace.inputs.iter().zip(&trace.outputs).map(|(x, y)| x - y).collect();
    let trace = Trace::new(trace.inputs, change);
    solved("fixed_point", Search::Iterate, trace, captured, x0, here)
}

/// A point near x0 where the gradient of f is 0, by Newton's method: the minimum of a convex
/// function. Derivatives of any order flow to all that `f` captures.
///
/// ```
/// # use chainrule_core::*;
/// // The geometric median's smooth cousin, by the points.
/// let points = Tensor::from([0.0, 1.0, 5.0]).requires_grad();
/// let x = argmin(|x: &Tensor| (1.0 + (x - &points).square()).sqrt().sum(), &Tensor::from(1.0))?;
/// x.backward()?;
/// assert!((points.grad().unwrap().sum().item::<f64>()? - 1.0).abs() < 1e-14);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// As [`root`] of the gradient; if `f` gives several numbers.
#[track_caller]
pub fn argmin<X: Tree, Y: Outcome<Tree = Tensor>>(f: impl FnOnce(&X) -> Y, x0: &X) -> Result<X> {
    let here = Place::caller();
    let on = set_no_grad(None);
    let (trace, captured, _) = Trace::of(|x| gradient(f, x), x0, false)?;
    drop(on);
    solved("argmin", Search::Newton, trace, captured, x0, here)
}

/// The solution of an equation, as a node of the graph.
#[track_caller]
fn solved<X: Tree>(
    name: &'static str,
    search: Search,
    trace: Trace,
    captured: Vec<Tensor>,
    x0: &X,
    here: Line,
) -> Result<X> {
    let start: Vec<Tensor> = x0.leaves().iter().map(Tensor::cut_off).collect();
    let residual = Arc::new(alike(name, trace, &start, here)?);
    let slope = System::new(tangent(&residual, start.len())?, start.len());
    let equation = Equation { name, search, residual, slope, unknowns: start.len(), systems: 1 };
    let results = equation.slope.results();
    let sources = [start, captured].concat();
    let mut found = now(Box::new(equation), results, &sources, here)?.into_iter();
    x0.replace(&mut |leaf| Ok(found.next().unwrap_or_else(|| leaf.clone())))
}

/// ∂F/∂x v as a function of v, x and the rest.
fn tangent(residual: &Trace, n: usize) -> Result<Trace> {
    let inputs: Vec<Tensor> = residual.inputs.iter().map(Tensor::unknown).collect();
    let v: Vec<Tensor> = inputs[..n].iter().map(Tensor::unknown).collect();
    let slopes = v.iter().cloned().map(Some).chain(vec![None; inputs.len() - n]);
    let (ys, dys) = push(&|xs| residual.apply(xs), &inputs, &slopes.collect::<Vec<_>>())?;
    let dys = full(&dys, &ys);
    Ok(Trace::new([v, inputs].concat(), dys))
}

/// An equation. Sources: the start, and what the equation depends on; results: the solution.
struct Equation {
    name: &'static str,
    search: Search,
    /// F from x and the rest.
    residual: Arc<Trace>,
    /// A dx = b from x and the rest.
    slope: System,
    unknowns: usize,
    systems: usize,
}

impl Rule for Equation {
    fn name(&self) -> &str {
        self.name
    }

    fn vjp(&self, at: &Point<'_>, gys: &[Option<Tensor>]) -> Result<Slopes> {
        let n = self.unknowns;
        let inputs = [at.ys, &at.xs[n..]].concat();
        let w = self.slope.transposed()?.record(&full(gys, at.ys), &inputs)?;
        let seeds: Vec<Option<Tensor>> = w.into_iter().map(Some).collect();
        let slopes = pull(&|xs| self.residual.apply(xs), &inputs, &seeds)?;
        Ok(vec![None; n].into_iter().chain(slopes.into_iter().skip(n).map(minus)).collect())
    }

    fn jvp(&self, at: &Point<'_>, dxs: &[Option<Tensor>]) -> Result<Slopes> {
        let n = self.unknowns;
        if dxs[n..].iter().all(Option::is_none) {
            return Ok(vec![None; n].into());
        }
        let inputs = [at.ys, &at.xs[n..]].concat();
        let still = [vec![None; n], dxs[n..].to_vec()].concat();
        let moved = push(&|xs| self.residual.apply(xs), &inputs, &still)?.1;
        let dx = self.slope.clone().record(&full(&moved, at.ys), &inputs)?;
        Ok(dx.into_iter().map(|dx| minus(Some(dx))).collect())
    }
}

impl Primitive for Equation {
    fn prepare(&self) -> Result<()> {
        self.residual.prepared()?;
        self.slope.prepare()
    }

    fn key(&self, words: &mut Vec<u64>) {
        words.extend([self.search as u64, self.unknowns as u64, self.systems as u64]);
        self.residual.key(words);
    }

    fn batch(&self, xs: &[Tensor], batched: &[bool], size: usize) -> Result<Vec<Tensor>> {
        let (sources, flags) = widened(xs, batched, 0..self.unknowns, size)?;
        let (name, search, unknowns) = (self.name, self.search, self.unknowns);
        let residual = Arc::new(self.residual.batched(size, &flags)?);
        let slope = self.slope.batched(&[&flags[..unknowns], &flags].concat(), size)?;
        let systems = self.systems * size;
        let all = Equation { name, search, residual, slope, unknowns, systems };
        let results = all.slope.results();
        now(Box::new(all), results, &sources, xs[0].0.place())
    }

    fn eval(&self, xs: &[Array<'_>], ys: &mut [&mut [u8]]) -> Result<(), Fail> {
        let space = Unknowns::new(&self.residual.outputs, self.systems);
        let start = space.gather(xs[..self.unknowns].iter().map(|x| x.bytes));
        let rest: Vec<Value> = xs[self.unknowns..].iter().map(|x| value_of(x.bytes)).collect();
        let mut search = Descent {
            name: self.name,
            search: self.search,
            residual: &self.residual,
            slope: &self.slope,
            space,
            rest,
            x: start,
        };
        search.run()?;
        store(&search.space.scatter(&search.x), ys);
        Ok(())
    }
}
