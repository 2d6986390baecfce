//! Linear equations whose matrix is known by its products only.
//!
//! [`linear_solve`] finds x with A x = b, where the linear map A is a function of tensors. The
//! solution is one node of the graph, and its derivative is again such an equation. From
//! A dx = db − dA x follows, with Aᵀ w = gx,
//!
//! ```text
//! gb = w,    ⟨gθ, dθ⟩ = −⟨w, (∂A/∂θ dθ) x⟩,
//! ```
//!
//! where θ is all that the map captures. Nothing of how the equation was solved is differentiated,
//! and nothing is kept for it but x. The derivative of functions that are given by equations
//! ([`root`](crate::root), [`fixed_point`](crate::fixed_point)) comes down to this.
//!
//! References: Giles, *An extended collection of matrix derivative results* (2008), §2.3;
//! Christianson, *Reverse accumulation and implicit functions* (1998).

use std::ops::Range;
use std::sync::Arc;

use super::krylov::{self, Fail};
use super::numbers::{Unknowns, now, store};
use super::trace::{Trace, pull, push};
use super::tree::{Outcome, Tree};
use crate::error::{Error, ErrorKind, Result};
use crate::exec::value_of;
use crate::graph::Tensor;
use crate::graph::call::{Array, Point, Primitive, Rule, Slopes, call};
use crate::graph::node::Value;
use crate::op::{DType, Shape};
use crate::place::Place;

type Line = Place;

/// x with A x = b, for a linear map A given as a function. Derivatives of any order flow to b and
/// to all that the function captures.
///
/// ```
/// # use chainrule_core::*;
/// let a = Tensor::from([[2.0, 1.0], [1.0, 3.0]]).requires_grad();
/// let x = linear_solve(|v: &Tensor| a.matmul(v), &Tensor::from([3.0, 5.0]))?;
/// assert!((x.i(1).item::<f64>()? - 1.4).abs() < 1e-15);
/// x.i(1).backward()?; // of A⁻¹ b by A: −A⁻ᵀ gx xᵀ
/// assert!((a.grad().unwrap().i((1, 1)).item::<f64>()? + 0.4 * 1.4).abs() < 1e-15);
/// # Ok::<(), Error>(())
/// ```
///
/// Up to 64 unknowns the matrix is written out and eliminated; more are found by GMRES. Where the
/// numbers are known, they are computed at once.
///
/// # Errors
/// Those of `matvec`; if it does not map structures like `b` to such structures; if it is not
/// linear; if its matrix is singular, or the iteration does not converge.
#[track_caller]
pub fn linear_solve<X: Tree, Y: Outcome<Tree = X>>(
    matvec: impl FnOnce(&X) -> Y,
    b: &X,
) -> Result<X> {
    solution("linear_solve", matvec, b, false, Place::caller())
}

/// [`linear_solve`] for a symmetric and positive definite map, by conjugate gradients: less memory,
/// and the derivative needs no transposed map.
///
/// ```
/// # use chainrule_core::*;
/// // (1 − ∂²) x = b on a ring.
/// let b = Tensor::linspace(0.0, 1.0, 100);
/// let smooth = |v: &Tensor| -> Result<Tensor> {
///     let left = cat(&[&v.i(1..), &v.i(..1)], 0)?;
///     let right = cat(&[&v.i(-1..), &v.i(..-1)], 0)?;
///     Ok(3.0 * v - left - right)
/// };
/// let x = linear_solve_spd(smooth, &b)?;
/// assert!((x.sum() - b.sum()).abs().item::<f64>()? < 1e-10);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// As [`linear_solve`]; if the map is found not to be positive definite. That it is symmetric is
/// taken on trust.
#[track_caller]
pub fn linear_solve_spd<X: Tree, Y: Outcome<Tree = X>>(
    matvec: impl FnOnce(&X) -> Y,
    b: &X,
) -> Result<X> {
    solution("linear_solve_spd", matvec, b, true, Place::caller())
}

#[track_caller]
fn solution<X: Tree, Y: Outcome<Tree = X>>(
    op: &'static str,
    matvec: impl FnOnce(&X) -> Y,
    b: &X,
    symmetric: bool,
    here: Line,
) -> Result<X> {
    let leaves: Vec<Tensor> = b.leaves().iter().map(Tensor::source).collect();
    let (trace, captured, _) = Trace::of(matvec, b, false)?;
    let trace = alike(op, trace, &leaves, here)?;
    let zeros: Vec<Tensor> = leaves.iter().map(Tensor::zeros_like).collect();
    let moved = trace.apply(&[&zeros[..], &captured].concat())?;
    let size = |y: &Tensor| y.abs().sum().item::<f64>().ok();
    if let Some(y) = moved.iter().filter_map(size).find(|y| *y != 0.0) {
        let what = format!("`{op}` of a map that takes 0 to something of size {y:.1e}");
        return Err(Error::new(ErrorKind::Numeric, what, here).hint(
            "it is not linear: move what does not depend on the unknown to the right side, b",
        ));
    }
    let system = System { symmetric, ..System::new(trace, leaves.len()) };
    let sources = [leaves, captured].concat();
    let mut found = now(Box::new(system.clone()), system.results(), &sources, here)?.into_iter();
    b.replace(&mut |leaf| Ok(found.next().unwrap_or_else(|| leaf.clone())))
}

/// The trace of a function from structures like `xs` to such structures, in their element types.
pub(super) fn alike(op: &str, trace: Trace, xs: &[Tensor], here: Line) -> Result<Trace> {
    let wrong = |kind, what: String, x: &Tensor| {
        Error::new(kind, what, here).operand(x.operand("argument"))
    };
    if let Some(x) = xs.iter().find(|x| !x.dtype().is_float()) {
        return Err(wrong(
            ErrorKind::DType,
            format!("`{op}` for unknowns of type {}", x.dtype()),
            x,
        )
        .hint("unknowns are floating-point numbers; let the closure capture the others"));
    }
    if trace.outputs.len() != xs.len() {
        let (n, m) = (xs.len(), trace.outputs.len());
        let what = format!("`{op}` of a function that takes {n} tensors and gives {m}");
        return Err(Error::new(ErrorKind::Shape, what, here)
            .hint("it must give a structure of the form of its argument"));
    }
    for (x, y) in xs.iter().zip(&trace.outputs) {
        if x.shape() != y.shape() || !y.dtype().is_float() {
            let (from, to) = (x.shape(), y.shape());
            let what = format!("`{op}` of a function from {from:?} to {} {to:?}", y.dtype());
            return Err(wrong(ErrorKind::Shape, what, x)
                .hint("it must give floating-point numbers of the shape of its argument"));
        }
    }
    let outputs = trace.outputs.iter().zip(xs).map(|(y, x)| y.to_dtype(x.dtype())).collect();
    Ok(Trace::new(trace.inputs, outputs))
}

/// Systems of linear equations. Sources: the right side, then what the map depends on besides the
/// unknown; results: the unknown.
#[derive(Clone)]
pub(super) struct System {
    /// A v from v and the rest.
    map: Arc<Trace>,
    /// Of how many tensors v consists.
    unknowns: usize,
    /// How many systems there are side by side.
    systems: usize,
    symmetric: bool,
}

impl System {
    pub(super) fn new(map: Trace, unknowns: usize) -> System {
        System { map: Arc::new(map), unknowns, systems: 1, symmetric: false }
    }

    pub(super) fn results(&self) -> Vec<(DType, Shape)> {
        self.map.outputs.iter().map(|x| (x.dtype(), x.0.shape.clone())).collect()
    }

    /// Records the solution for a right side.
    pub(super) fn record(self, b: &[Tensor], rest: &[Tensor]) -> Result<Vec<Tensor>> {
        let results = self.results();
        call(Box::new(self), results, &[b, rest].concat())
    }

    /// The solutions in numbers, given right sides and all that the map depends on.
    pub(super) fn numbers(&self, b: &[Vec<f64>], rest: &[Value]) -> Result<Vec<Vec<f64>>, Fail> {
        let map = self.map.prepared().map_err(|e| (e.to_string(), String::new()))?;
        let space = Unknowns::new(&self.map.outputs, self.systems);
        let mut apply = |vectors: &[Vec<f64>]| {
            let y = map.run(&[space.scatter(vectors), rest.to_vec()].concat())?;
            Ok(space.gather(y.iter().map(|y| y.buffer.bytes())))
        };
        krylov::solve(self.symmetric, space.epsilon(), &mut apply, b)
    }

    /// The system for a batch.
    pub(super) fn batched(&self, flags: &[bool], size: usize) -> Result<System> {
        let map = Arc::new(self.map.batched(size, flags)?);
        Ok(System { map, systems: self.systems * size, ..self.clone() })
    }

    /// The system with Aᵀ.
    pub(super) fn transposed(&self) -> Result<System> {
        if self.symmetric {
            return Ok(self.clone());
        }
        let (v, rest) = self.map.inputs.split_at(self.unknowns);
        let w: Vec<Tensor> = v.iter().map(Tensor::unknown).collect();
        let rest: Vec<Tensor> = rest.iter().map(Tensor::unknown).collect();
        // The map is linear: its derivative is the same everywhere.
        let zeros = v.iter().map(Tensor::zeros_like).collect();
        let seeds: Vec<Option<Tensor>> = w.iter().cloned().map(Some).collect();
        let mut slopes = pull(&|xs| self.map.apply(xs), &[zeros, rest.clone()].concat(), &seeds)?;
        slopes.truncate(v.len());
        let rows = slopes.into_iter().zip(v).map(|(g, v)| g.unwrap_or_else(|| v.zeros_like()));
        let map = Trace::new([w, rest].concat(), rows.collect());
        Ok(System { map: Arc::new(map), ..self.clone() })
    }
}

/// Slopes, with zeros for those that are none.
pub(super) fn full(slopes: &[Option<Tensor>], like: &[Tensor]) -> Vec<Tensor> {
    let each = slopes.iter().zip(like);
    each.map(|(g, x)| g.clone().unwrap_or_else(|| x.zeros_like())).collect()
}

pub(super) fn minus(slope: Option<Tensor>) -> Option<Tensor> {
    slope.map(|g| -g)
}

impl Rule for System {
    fn name(&self) -> &str {
        "linear_solve"
    }

    fn vjp(&self, at: &Point<'_>, gys: &[Option<Tensor>]) -> Result<Slopes> {
        let rest = &at.xs[self.unknowns..];
        let w = self.transposed()?.record(&full(gys, at.ys), rest)?;
        let seeds: Vec<Option<Tensor>> = w.iter().cloned().map(Some).collect();
        let slopes = pull(&|xs| self.map.apply(xs), &[at.ys, rest].concat(), &seeds)?;
        let by_rest = slopes.into_iter().skip(self.unknowns).map(minus);
        Ok(seeds.into_iter().chain(by_rest).collect())
    }

    fn jvp(&self, at: &Point<'_>, dxs: &[Option<Tensor>]) -> Result<Slopes> {
        let n = self.unknowns;
        let mut right = dxs[..n].to_vec();
        if dxs[n..].iter().any(Option::is_some) {
            let still = [vec![None; n], dxs[n..].to_vec()].concat();
            let moved = push(&|xs| self.map.apply(xs), &[at.ys, &at.xs[n..]].concat(), &still)?.1;
            for (right, moved) in right.iter_mut().zip(moved) {
                *right = match (right.take(), moved) {
                    (Some(db), Some(d)) => Some(db - d),
                    (db, d) => db.or(minus(d)),
                };
            }
        }
        let dx = self.clone().record(&full(&right, at.ys), &at.xs[n..])?;
        Ok(dx.into_iter().map(Some).collect())
    }
}

/// The sources of a batch, those in `range` all with the new axis, and the flags that say so.
pub(super) fn widened(
    xs: &[Tensor],
    batched: &[bool],
    range: Range<usize>,
    size: usize,
) -> Result<(Vec<Tensor>, Vec<bool>)> {
    let (mut sources, mut flags) = (xs.to_vec(), batched.to_vec());
    for i in range.filter(|&i| !batched[i]) {
        let shape = [&[size], xs[i].shape()].concat();
        sources[i] = xs[i].try_unsqueeze(0)?.try_expand(shape)?;
        flags[i] = true;
    }
    Ok((sources, flags))
}

impl Primitive for System {
    fn prepare(&self) -> Result<()> {
        self.map.prepared().map(|_| ())
    }

    fn key(&self, words: &mut Vec<u64>) {
        words.extend([self.unknowns as u64, self.systems as u64, u64::from(self.symmetric)]);
        self.map.key(words);
    }

    fn batch(&self, xs: &[Tensor], batched: &[bool], size: usize) -> Result<Vec<Tensor>> {
        let (sources, flags) = widened(xs, batched, 0..self.unknowns, size)?;
        let (b, rest) = sources.split_at(self.unknowns);
        self.batched(&flags, size)?.record(b, rest)
    }

    fn eval(&self, xs: &[Array<'_>], ys: &mut [&mut [u8]]) -> Result<(), Fail> {
        let space = Unknowns::new(&self.map.outputs, self.systems);
        let b = space.gather(xs[..self.unknowns].iter().map(|x| x.bytes));
        let rest: Vec<Value> = xs[self.unknowns..].iter().map(|x| value_of(x.bytes)).collect();
        store(&space.scatter(&self.numbers(&b, &rest)?), ys);
        Ok(())
    }
}
