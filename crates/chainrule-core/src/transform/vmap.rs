//! One function for a batch of arguments.

use super::scope::results;
use super::tree::{Outcome, Tree};
use crate::error::{Error, ErrorKind, Result};
use crate::grad::{Located, batch};
use crate::graph::Tensor;
use crate::place::Place;

/// f of each element along the first axis of x, the results joined along a new first axis: the same
/// numbers as a loop, at the speed of one computation on the whole batch.
///
/// `f` runs once, on tensors without the first axis that stand for any element. Tensors that it
/// captures are shared by the batch. `vmap` composes with derivatives in either order; with
/// [`value_and_grad`](crate::value_and_grad) inside it gives gradients per sample:
///
/// ```
/// # use chainrule_core::*;
/// let w = Tensor::from([0.5, -1.0]);
/// let x = Tensor::from([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]);
/// let y = Tensor::from([1.0, 0.0, 1.0]);
/// let loss = |w: &Tensor, x: &Tensor, y: &Tensor| (w.dot(x) - y).square();
/// let per_sample = vmap(|(x, y)| gradient(|w: &Tensor| loss(w, x, y), &w), &(x, y))?;
/// assert_eq!(per_sample.shape(), [3, 2]);
/// assert_eq!(per_sample.to_vec::<f64>()?[..2], [-5.0, -10.0]);
/// # Ok::<(), Error>(())
/// ```
///
/// Random numbers made in `f` are drawn anew for each element; numbers made outside and captured
/// are shared.
///
/// # Errors
/// Those of `f`; if a tensor of x has no axis, or lengths differ; if `f` asks for numbers, which
/// differ from element to element.
#[track_caller]
pub fn vmap<X: Tree, Y: Outcome>(f: impl FnOnce(&X) -> Y, x: &X) -> Result<Y::Tree> {
    let here = Place::caller();
    let xs: Vec<Tensor> = x.leaves().iter().map(Tensor::source).collect();
    let size = common("vmap", &xs, here)?;
    let mut unknown = vec![];
    let line = Located::at(here);
    let element = x.replace(&mut |leaf| {
        let variable = leaf.unknown_element();
        unknown.push(variable.clone());
        Ok(variable)
    })?;
    drop(line);
    let batches = crate::graph::batches::enter(size);
    let y = results(f(&element))?;
    let (random, numbers): (Vec<_>, Vec<_>) = batches.leave().into_iter().unzip();
    let from = [unknown, random].concat();
    let to = [xs, numbers].concat();
    let mut new = batch(&y.leaves(), &from, &to, size)?.into_iter();
    y.replace(&mut |leaf| Ok(new.next().unwrap_or_else(|| leaf.clone())))
}

/// The length of the first axes.
pub(super) fn common(op: &str, xs: &[Tensor], here: Place) -> Result<usize> {
    let Some(first) = xs.first() else {
        return Err(Error::new(ErrorKind::Shape, format!("`{op}` over no tensors"), here)
            .hint("give at least one tensor with a first axis to go along"));
    };
    for x in xs {
        let Some(&n) = x.shape().first() else {
            let what = format!("`{op}` goes along the first axis of each tensor, but one has none");
            return Err(Error::new(ErrorKind::Shape, what, here)
                .operand(x.operand("tensor"))
                .hint("let the closure capture what all elements share, or `.unsqueeze(0)` it"));
        };
        if n != first.shape()[0] {
            let what = format!("`{op}` goes along first axes of different lengths");
            return Err(Error::new(ErrorKind::Shape, what, here)
                .operand(first.operand("first"))
                .operand(x.operand("other"))
                .hint("all first axes must be equally long; let the closure capture the others"));
        }
    }
    Ok(first.shape()[0])
}
