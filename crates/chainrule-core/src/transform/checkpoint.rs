//! Computing again instead of keeping.
//!
//! Reverse mode needs values of the forward pass, and keeps those that are dear to compute. A
//! checkpoint keeps only its arguments and results: when a cotangent arrives, its function is
//! computed once more, from its recorded graph, and then differentiated. With √n checkpoints along
//! a chain of n steps, √n values are kept instead of n, for one more forward pass (Chen et al.,
//! *Training deep nets with sublinear memory cost*, 2016; Griewank & Walther, *Evaluating
//! derivatives*, ch. 12).

use super::again::again;
use super::trace::Trace;
use super::tree::{Outcome, Tree};
use crate::error::Result;
use crate::graph::Tensor;
use crate::place::Place;

/// f(x), without keeping what f computes on the way: it is computed again when derivatives are
/// asked for. Less memory, and the same bits (only the order in which a tensor's cotangents add up
/// can differ, where it is used several times). What `f` captures gets its derivatives too.
///
/// ```
/// # use chainrule_core::*;
/// let w = Tensor::from([0.5, -0.2]).requires_grad();
/// let y = checkpoint(|x: &Tensor| (x * &w).tanh().exp(), &Tensor::from([1.0, 2.0]))?;
/// y.sum().backward()?;
/// assert!(w.grad().is_some());
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// Those of `f`; if it gives floating-point tensors of different types.
#[track_caller]
pub fn checkpoint<X: Tree, Y: Outcome>(f: impl FnOnce(&X) -> Y, x: &X) -> Result<Y::Tree> {
    let here = Place::caller();
    let (trace, captured, y) = Trace::of(f, x, true)?;
    let xs: Vec<Tensor> = x.leaves().iter().chain(&captured).map(Tensor::source).collect();
    let cut: Vec<Tensor> = xs.iter().map(Tensor::cut_off).collect();
    let values = trace.apply(&cut)?;
    let recipe = Box::new(move |xs: &[Tensor]| trace.apply(xs));
    let mut found = again("checkpoint", &values, &xs, here, recipe)?.into_iter();
    y.replace(&mut |leaf| Ok(found.next().unwrap_or_else(|| leaf.clone())))
}
