//! The time in which a function is recorded on variables of its own.
//!
//! In a scope, variables track derivatives whether the tensors they stand for do or not, and
//! whatever `no_grad` is around it. When the scope ends, its results are *sealed*: they track
//! derivatives if something from outside does, so that what is left is as if the derivative had
//! been written out by hand.

use chainrule_kernels::guarded::lock;

use super::tree::{Outcome, Tree};
use crate::error::{Error, ErrorKind, Result};
use crate::grad::Located;
use crate::graph::node::{Node, Sources, next_serial};
use crate::graph::walk::Walk;
use crate::graph::{Tensor, mode};
use crate::op::Op;
use crate::place::Place;

pub(super) struct Scope<G> {
    from: u64,
    outer: Option<Place>,
    _recording: G,
}

impl Scope<()> {
    pub(super) fn enter() -> Scope<impl Drop> {
        let outer = mode::no_grad_scope();
        Scope { from: next_serial(), outer, _recording: mode::set_no_grad(None) }
    }
}

impl<G> Scope<G> {
    /// Ends the scope: of the nodes below `results` that were made in it, those track derivatives
    /// that can reach something tracked outside.
    pub(super) fn seal(self, results: &[&Tensor]) {
        let inside = |node: &Node| node.serial >= self.from && node.tracks();
        let mut sealed: Vec<Tensor> = vec![];
        {
            let key = lock();
            let walk = Walk::new(&key, results.iter().copied(), inside);
            for &node in walk.nodes.iter().filter(|n| inside(&n.0)) {
                let mut src = node.0.src.get(&key).iter();
                let tracks = matches!(node.0.op, Op::Version) || src.any(|s| s.0.tracks());
                if !tracks || self.outer.is_some() {
                    node.0.untrack();
                    if node.0.is_realized() {
                        sealed.push(node.clone());
                    }
                }
            }
        }
        let mut dropped: Vec<Sources> = vec![];
        {
            let mut key = lock();
            for node in &sealed {
                dropped.push(std::mem::take(node.0.src.get_mut(&mut key)));
            }
        }
    }
}

/// The structure with a variable for each tensor of floating-point numbers, and these.
#[track_caller]
pub(super) fn variables<X: Tree>(x: &X) -> Result<(X, Vec<Tensor>)> {
    replaced(x, Tensor::variable)
}

/// The same with variables without values.
#[track_caller]
pub(super) fn unknowns<X: Tree>(x: &X) -> Result<(X, Vec<Tensor>)> {
    replaced(x, Tensor::unknown)
}

#[track_caller]
fn replaced<X: Tree>(x: &X, variable: fn(&Tensor) -> Tensor) -> Result<(X, Vec<Tensor>)> {
    let _line = Located::at(Place::caller());
    let mut list = vec![];
    let vars = x.replace(&mut |leaf| {
        if !leaf.dtype().is_float() {
            return Ok(leaf.clone());
        }
        let variable = variable(leaf);
        if let Some(name) = leaf.name() {
            variable.set_name(name);
        }
        list.push(variable.clone());
        Ok(variable)
    })?;
    Ok((vars, list))
}

/// The results of a function as sources.
pub(super) fn results<Y: Outcome>(y: Y) -> Result<Y::Tree> {
    y.outcome()?.replace(&mut |leaf| Ok(leaf.source()))
}

/// A result with one floating-point number.
pub(super) fn scalar(op: &str, y: &Tensor, here: Place) -> Result<()> {
    if y.len() != 1 {
        let what = format!("`{op}` needs a function that gives one number");
        return Err(Error::new(ErrorKind::NonScalar, what, here)
            .operand(y.operand("result"))
            .hint(
                "end it with `.sum()` or `.mean()`; for several results use `jacobian` or `vjp`",
            ));
    }
    smooth(op, y, here)
}

/// A result with floating-point numbers.
pub(super) fn smooth(op: &str, y: &Tensor, here: Place) -> Result<()> {
    if y.dtype().is_float() {
        return Ok(());
    }
    let what = format!("`{op}` of a function that gives {}", y.dtype());
    Err(Error::new(ErrorKind::DType, what, here)
        .operand(y.operand("result"))
        .hint("only floating-point numbers have derivatives"))
}

/// That `v` has the shapes of `x`; its tensors for the floating-point ones of `x`, in their types.
pub(super) fn directions<X: Tree>(
    op: &str,
    role: &'static str,
    x: &X,
    v: &X,
    here: Place,
) -> Result<Vec<Tensor>> {
    let (xs, vs) = (x.leaves(), v.leaves());
    if xs.len() != vs.len() {
        let what = format!("`{op}` got {} tensors as {role} for {}", vs.len(), xs.len());
        return Err(Error::new(ErrorKind::Cotangent, what, here)
            .hint(format!("the {role} has the structure of what it belongs to")));
    }
    let mut list = vec![];
    for (x, v) in xs.iter().zip(&vs) {
        if x.shape() != v.shape() {
            let what = format!("the {role} given to `{op}` has another shape than its tensor");
            return Err(Error::new(ErrorKind::Cotangent, what, here)
                .operand(x.operand("tensor"))
                .operand(v.operand(role))
                .hint("give one number per element: `.expand` it, or start from `.zeros_like()`"));
        }
        if x.dtype().is_float() {
            list.push(v.to_dtype(x.dtype()));
        }
    }
    Ok(list)
}
