//! A function as a graph of its own: what a closure recorded, closed over nothing.
//!
//! A [`Trace`] has variables without values for the function's arguments and for everything that
//! the closure captured, and results in terms of these. It can be recorded again on other tensors,
//! differentiated, batched and planned, without running the closure again.

use std::sync::OnceLock;

use chainrule_kernels::guarded::lock;

use super::scope::{Scope, results};
use super::tree::{Outcome, Tree};
use crate::error::Result;
use crate::exec::Prepared;
use crate::grad::{Expr, Located, batch, pull_back, push_forward, replay};
use crate::graph::Tensor;
use crate::graph::node::{Node, next_serial};
use crate::graph::walk::Walk;
use crate::op::Op;
use crate::place::Place;

/// A function of tensors, as a graph.
pub(crate) struct Trace {
    /// Variables without values: arguments, then what was captured.
    pub(crate) inputs: Vec<Tensor>,
    pub(crate) outputs: Vec<Tensor>,
    prepared: OnceLock<Prepared>,
}

/// Slopes of several tensors; none where they are 0.
pub(crate) type Slopes = Vec<Option<Tensor>>;

impl Trace {
    pub(crate) fn new(inputs: Vec<Tensor>, outputs: Vec<Tensor>) -> Trace {
        Trace { inputs, outputs, prepared: OnceLock::new() }
    }

    /// The trace of `f` at `x`; with it what `f` captured, in the order of the trace's inputs after
    /// the arguments, and the structure of the results. With `known`, `f` can ask for numbers.
    #[track_caller]
    pub(crate) fn of<X: Tree, Y: Outcome>(
        f: impl FnOnce(&X) -> Y,
        x: &X,
        known: bool,
    ) -> Result<(Trace, Vec<Tensor>, Y::Tree)> {
        let from = next_serial();
        let mut vars = vec![];
        let line = Located::at(Place::caller());
        let arguments = x.replace(&mut |leaf| {
            let var = if known { leaf.variable() } else { leaf.unknown() };
            vars.push(var.clone());
            Ok(var)
        })?;
        drop(line);
        let y = results(f(&arguments))?;
        let outputs = y.leaves();
        let captured = captured(&outputs, &vars, from);
        let old = [&vars[..], &captured].concat();
        let inputs: Vec<Tensor> = old.iter().map(Tensor::unknown).collect();
        let outputs = replay(&outputs, &old, &inputs)?;
        Ok((Trace::new(inputs, outputs), captured, y))
    }

    /// The function of `xs`, recorded again.
    pub(crate) fn apply(&self, xs: &[Tensor]) -> Result<Vec<Tensor>> {
        replay(&self.outputs, &self.inputs, xs)
    }

    /// The function for a batch: inputs for which `flags` holds, and all outputs, have a new first
    /// axis.
    pub(crate) fn batched(&self, size: usize, flags: &[bool]) -> Result<Trace> {
        let wide = |x: &Tensor| {
            let shape: Vec<usize> =
                std::iter::once(size).chain(x.shape().iter().copied()).collect();
            Tensor::full(shape, 0.0f32).to_dtype(x.dtype()).unknown()
        };
        let one = |(x, &batched): (&Tensor, &bool)| if batched { wide(x) } else { x.unknown() };
        let inputs: Vec<Tensor> = self.inputs.iter().zip(flags).map(one).collect();
        let part = |list: &[Tensor], which: bool| -> Vec<Tensor> {
            list.iter().zip(flags).filter(|(_, f)| **f == which).map(|(x, _)| x.clone()).collect()
        };
        let single = replay(&self.outputs, &part(&self.inputs, false), &part(&inputs, false))?;
        let outputs = batch(&single, &part(&self.inputs, true), &part(&inputs, true), size)?;
        Ok(Trace::new(inputs, outputs))
    }

    /// Appends words that tell it, once it has been planned, from other traces.
    pub(crate) fn key(&self, words: &mut Vec<u64>) {
        let Some(plan) = self.prepared.get() else { unreachable!("a primitive was prepared") };
        words.extend(plan.words());
    }

    /// The plan for it.
    pub(crate) fn prepared(&self) -> Result<&Prepared> {
        if let Some(known) = self.prepared.get() {
            return Ok(known);
        }
        let new = Prepared::new(&self.outputs, &self.inputs)?;
        Ok(self.prepared.get_or_init(|| new))
    }
}

/// A function recorded on tensors.
pub(crate) type Recorded<'a> = dyn Fn(&[Tensor]) -> Result<Vec<Tensor>> + 'a;

/// Jᵀ gys of f at `xs`.
pub(crate) fn pull(f: &Recorded<'_>, xs: &[Tensor], gys: &[Option<Tensor>]) -> Result<Slopes> {
    let here = Place::caller();
    let scope = Scope::enter();
    let vars: Vec<Tensor> = xs.iter().map(Tensor::variable).collect();
    let used = f(&vars)?.into_iter().zip(gys);
    let used = used.filter_map(|(y, g)| Some((y.source(), Expr::of(g.as_ref()?))));
    let (ys, seeds): (Vec<_>, Vec<_>) = used.unzip();
    let slopes = pull_back(&ys, seeds, &vars, here)?;
    let slopes: Slopes = slopes.into_iter().zip(xs).map(|(g, x)| Some(g?.like(x))).collect();
    scope.seal(&slopes.iter().flatten().collect::<Vec<_>>());
    Ok(slopes)
}

/// The results of f at `xs`, and their tangents J dxs.
pub(crate) fn push(
    f: &Recorded<'_>,
    xs: &[Tensor],
    dxs: &[Option<Tensor>],
) -> Result<(Vec<Tensor>, Slopes)> {
    let here = Place::caller();
    let scope = Scope::enter();
    let vars: Vec<Tensor> = xs.iter().map(Tensor::variable).collect();
    let ys: Vec<Tensor> = f(&vars)?.iter().map(Tensor::source).collect();
    let moved = vars.iter().zip(dxs).filter_map(|(x, d)| Some((x.clone(), Expr::of(d.as_ref()?))));
    let (moved, dxs): (Vec<_>, Vec<_>) = moved.unzip();
    let slopes = push_forward(&ys, &moved, &dxs, here)?;
    let slopes: Slopes = slopes.into_iter().zip(&ys).map(|(d, y)| Some(d?.like(y))).collect();
    scope.seal(&ys.iter().chain(slopes.iter().flatten()).collect::<Vec<_>>());
    Ok((ys, slopes))
}

/// What a function made since `from` took from outside: older tensors, and numbers given inside.
fn captured(outputs: &[Tensor], vars: &[Tensor], from: u64) -> Vec<Tensor> {
    let is_var = |node: &Node| vars.iter().any(|v| v.0.serial == node.serial);
    let outside = |node: &Node| {
        let given = node.is_realized() && !node.tracks();
        (node.serial < from || given) && !is_var(node) && !matches!(node.op, Op::Const(_))
    };
    let key = lock();
    let walk = Walk::new(&key, outputs, |node| !outside(node) && !is_var(node));
    walk.nodes.iter().filter(|n| outside(&n.0)).map(|&n| n.clone()).collect()
}
