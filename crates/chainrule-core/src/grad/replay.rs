//! Recording a graph again on other variables, one by one or as a batch.
//!
//! A function of tensors, once it has been recorded on a variable, is a graph that can be recorded
//! again: with another tensor in the variable's place, or with a *batch* of them, which has a new
//! first axis. Every operation has a form for batches, in which the first axis goes along; what
//! does not depend on a variable is shared by the whole batch and computed once. A matrix product
//! with one factor in common becomes one larger product.

use chainrule_kernels::guarded::lock;
use rustc_hash::FxHashMap;
use smallvec::smallvec;

use super::reverse::Located;
use super::vjp::transpose;
use crate::error::Result;
use crate::graph::call::{self, custom, details};
use crate::graph::node::{Node, Sources, record};
use crate::graph::walk::Walk;
use crate::graph::{Tensor, mode};
use crate::op::{Axes, Linear, Op, Order, Shape, Sliding, Window};

/// Nodes and their sources, in order.
type Recorded = Vec<(Tensor, Sources)>;

/// The nodes below `roots` that can depend on a node not older than `oldest`.
fn recorded(roots: &[Tensor], oldest: u64) -> Recorded {
    let key = lock();
    let enter = |node: &Node| node.serial > oldest;
    let walk = Walk::new(&key, roots, enter);
    let of =
        |node: &Tensor| if enter(&node.0) { node.0.src.get(&key).clone() } else { smallvec![] };
    walk.nodes.iter().map(|&node| (node.clone(), of(node))).collect()
}

/// A node's counterpart, and whether it has a batch axis.
#[derive(Clone)]
struct New {
    x: Tensor,
    batched: bool,
}

struct Replay {
    /// By serial number; nodes that depend on no variable have no entry.
    new: FxHashMap<u64, New>,
    /// The results of batched calls.
    results: FxHashMap<u64, Vec<Tensor>>,
    /// The length of the batch axis; none: one by one.
    size: Option<usize>,
    /// Whether what was cut from the graph stays cut.
    cuts: bool,
}

/// Whether one of `roots` depends on one of `variables`.
pub(super) fn depends(roots: &[Tensor], variables: &[Tensor]) -> bool {
    let oldest = variables.iter().map(|x| x.0.serial).min().unwrap_or(u64::MAX);
    let is = |node: &Tensor| variables.iter().any(|v| v.0.serial == node.0.serial);
    recorded(roots, oldest).iter().any(|(node, _)| is(node))
}

/// An operation on the way from variables to a result.
#[derive(Clone)]
pub(crate) struct Between {
    pub(crate) node: Tensor,
    /// The call that the node is a part of.
    pub(crate) call: Option<Tensor>,
    /// What its derivatives are by: floating-point numbers, each once.
    pub(crate) sources: Vec<Tensor>,
    /// Whether its value, recorded again on other sources, follows them.
    pub(crate) visible: bool,
}

impl Between {
    /// Whether it hands on a value without its derivative.
    pub(crate) fn cut(&self) -> bool {
        matches!(self.node.0.op, Op::Detach | Op::Version)
    }
}

/// The operations with floating-point results that derivatives of `root` by `variables` go through
/// or are cut at, in order.
pub(crate) fn between(root: &Tensor, variables: &[Tensor]) -> Vec<Between> {
    let oldest = variables.iter().map(|x| x.0.serial).min().unwrap_or(u64::MAX);
    let order = recorded(std::slice::from_ref(root), oldest);
    // A custom operation's first source is its value.
    let taken = |node: &Tensor, src: &Sources| -> Vec<Tensor> {
        let first = usize::from(matches!(node.0.op, Op::Custom(_)));
        src.iter().skip(first).cloned().collect()
    };
    let mut follows: FxHashMap<u64, bool> = FxHashMap::default();
    for (node, src) in &order {
        let of = |x: &Tensor| follows.get(&x.0.serial).is_some_and(|&f| f);
        let is = variables.iter().any(|v| v.0.serial == node.0.serial);
        let any = is || src.iter().any(of);
        follows.insert(node.0.serial, any);
    }
    let follows = |x: &Tensor| follows.get(&x.0.serial).is_some_and(|&f| f);
    let mut wanted: FxHashMap<u64, bool> = FxHashMap::default();
    wanted.insert(root.0.serial, true);
    let mut list = vec![];
    for (node, src) in order.iter().rev() {
        if !wanted.contains_key(&node.0.serial) || !follows(node) {
            continue;
        }
        let mut used = taken(node, src);
        for x in &used {
            wanted.insert(x.0.serial, true);
        }
        let mut call = None;
        if matches!(node.0.op, Op::Part(..)) {
            let Some((made, src)) = order.iter().find(|n| n.0.0.serial == src[0].0.serial) else {
                continue;
            };
            (used, call) = (src.to_vec(), Some(made.clone()));
        }
        let skipped = matches!(node.0.op, Op::Call(_) | Op::Variable | Op::After);
        let mut sources: Vec<Tensor> = vec![];
        for x in used.into_iter().filter(|x| x.0.dtype.is_float()) {
            if !sources.iter().any(|s| s.0.serial == x.0.serial) {
                sources.push(x);
            }
        }
        if !skipped && !sources.is_empty() && node.0.dtype.is_float() {
            let visible = !matches!(node.0.op, Op::Custom(_)) || follows(&src[0]);
            list.push(Between { node: node.clone(), call, sources, visible });
        }
    }
    list.reverse();
    list
}

/// `roots` with each variable of `from` replaced by the tensor of `to` in its place.
pub(crate) fn replay(roots: &[Tensor], from: &[Tensor], to: &[Tensor]) -> Result<Vec<Tensor>> {
    let new = run(roots, from, to, None, true)?;
    Ok(new.into_iter().map(|n| n.x).collect())
}

/// `root` as if the value that was cut off at `cut` had not been: derivatives flow on to `source`.
pub(crate) fn uncut(root: &Tensor, cut: &Tensor, source: &Tensor) -> Result<Tensor> {
    let one = std::slice::from_ref::<Tensor>;
    Ok(run(one(root), one(cut), one(source), None, false)?.remove(0).x)
}

/// `roots` for a batch: each tensor of `to` has a new first axis of length `size`, and so have the
/// results.
pub(crate) fn batch(
    roots: &[Tensor],
    from: &[Tensor],
    to: &[Tensor],
    size: usize,
) -> Result<Vec<Tensor>> {
    let new = run(roots, from, to, Some(size), true)?;
    Ok(new.into_iter().map(|n| n.wide(size)).collect())
}

fn run(
    roots: &[Tensor],
    from: &[Tensor],
    to: &[Tensor],
    size: Option<usize>,
    cuts: bool,
) -> Result<Vec<New>> {
    let oldest = from.iter().map(|x| x.0.serial).min().unwrap_or(u64::MAX);
    let order = recorded(roots, oldest);
    let mut replay =
        Replay { new: FxHashMap::default(), results: FxHashMap::default(), size, cuts };
    for (variable, x) in from.iter().zip(to) {
        let new = New { x: x.source(), batched: size.is_some() };
        replay.new.insert(variable.0.serial, new);
    }
    for (node, src) in &order {
        let known = replay.new.contains_key(&node.0.serial);
        if !known && src.iter().any(|s| replay.new.contains_key(&s.0.serial)) {
            let new = replay.again(node, src)?;
            replay.new.insert(node.0.serial, new);
        }
    }
    Ok(roots.iter().map(|root| replay.of(root)).collect())
}

impl New {
    /// With a batch axis, which a shared value is copied along.
    fn wide(&self, size: usize) -> Tensor {
        if self.batched {
            return self.x.clone();
        }
        let mut shape = self.x.0.shape.clone();
        shape.insert(0, size);
        match self.x.as_constant() {
            Some(c) => Tensor::constant(c, self.x.0.dtype, shape),
            None => self.x.linear(Linear::Expand(Axes(1)), shape),
        }
    }
}

/// The axes, one further on.
fn next(axes: Axes) -> Axes {
    Axes(axes.0 << 1)
}

impl Replay {
    fn of(&self, x: &Tensor) -> New {
        let known = self.new.get(&x.0.serial).cloned();
        known.unwrap_or_else(|| New { x: x.clone(), batched: false })
    }

    /// The node again, on the counterparts of its sources.
    fn again(&mut self, node: &Tensor, src: &[Tensor]) -> Result<New> {
        let _located = Located::at(node.0.place());
        let new: Vec<New> = src.iter().map(|s| self.of(s)).collect();
        // What was cut from the graph stays cut.
        let cut = node.0.cuts.as_ref().and_then(|cuts| cuts.last());
        let cut =
            cut.filter(|_| self.cuts && !node.0.tracks() && new.iter().any(|n| n.x.0.tracks()));
        let _scope = cut.map(|cut| mode::set_no_grad(Some(cut.at)));
        let batched = new.iter().any(|n| n.batched);
        let size = if batched { self.size } else { None };
        match (&node.0.op, size) {
            (Op::Version | Op::Detach, _) => Ok(New { x: new[0].x.cut_off(), batched }),
            (Op::Variable, _) => Ok(new[0].clone()),
            (Op::Custom(_), _) => self.custom(node, src, &new, size),
            (Op::Call(_), Some(size)) => self.call(node, &new, size),
            (Op::Part(k, _), _) => {
                let results = match self.results.get(&src[0].0.serial) {
                    Some(results) => results.clone(),
                    None => call::parts(&new[0].x),
                };
                Ok(New { x: results[*k as usize].clone(), batched })
            }
            (_, None) => {
                let xs = new.into_iter().map(|n| n.x).collect();
                let x = record(node.0.op.clone(), node.0.dtype, node.0.shape.clone(), xs);
                Ok(New { x, batched })
            }
            (Op::Dot, Some(size)) => Ok(New { x: dot(&new, size), batched }),
            (_, Some(size)) => Ok(New { x: widened(node, &new, size), batched }),
        }
    }

    fn custom(
        &self,
        node: &Tensor,
        src: &[Tensor],
        new: &[New],
        size: Option<usize>,
    ) -> Result<New> {
        let Op::Custom(op) = &node.0.op else { unreachable!("a custom operation") };
        let Some(size) = size else {
            let xs: Sources = new.iter().map(|n| n.x.clone()).collect();
            let x = record(Op::Custom(op.clone()), node.0.dtype, node.0.shape.clone(), xs);
            return Ok(New { x, batched: false });
        };
        let xs: Vec<Tensor> = new.iter().map(|n| n.wide(size)).collect();
        let rule = super::custom::Batched {
            inner: op.clone(),
            xs: src[1..].to_vec(),
            y: node.clone(),
            size,
        };
        Ok(New { x: custom(&xs[0], &xs[1..], Box::new(rule)), batched: true })
    }

    fn call(&mut self, node: &Tensor, new: &[New], size: usize) -> Result<New> {
        let Some(call) = details(&node.0.op) else { unreachable!("a call holds its primitive") };
        let xs: Vec<Tensor> = new.iter().map(|n| n.x.clone()).collect();
        let flags: Vec<bool> = new.iter().map(|n| n.batched).collect();
        let results = call.primitive.batch(&xs, &flags, size)?;
        self.results.insert(node.0.serial, results);
        // Only its parts are ever asked for.
        Ok(New { x: node.clone(), batched: true })
    }
}

/// An operation that has a form for batches with the same sources, a first axis added.
fn widened(node: &Tensor, new: &[New], size: usize) -> Tensor {
    let xs: Sources = new.iter().map(|n| n.wide(size)).collect();
    let mut shape: Shape = node.0.shape.clone();
    shape.insert(0, size);
    let window = Window { start: 0, step: 1 };
    let with = |w: &[Window]| std::iter::once(window).chain(w.iter().copied()).collect();
    let op = match &node.0.op {
        Op::Linear(linear) => Op::Linear(match linear {
            Linear::Reshape => Linear::Reshape,
            Linear::Permute(order) => {
                let rank = node.0.shape.len();
                let order = (0..rank).map(|i| order.of(i) + 1);
                Linear::Permute(Order::new(std::iter::once(0).chain(order)))
            }
            Linear::Flip(axes) => Linear::Flip(next(*axes)),
            Linear::Expand(axes) => Linear::Expand(next(*axes)),
            Linear::Sum(axes) => Linear::Sum(next(*axes)),
            Linear::Slice(windows) => Linear::Slice(with(windows)),
            Linear::Pad(windows) => Linear::Pad(with(windows)),
            Linear::Gather(axis) => Linear::Gather(axis + 1),
            Linear::ScatterAdd(axis) => Linear::ScatterAdd(axis + 1),
            Linear::Cumsum(axis, back) => Linear::Cumsum(axis + 1, *back),
            Linear::Unfold(s) => Linear::Unfold(Box::new(Sliding { axis: s.axis + 1, ..**s })),
            Linear::Fold(s) => Linear::Fold(Box::new(Sliding { axis: s.axis + 1, ..**s })),
            Linear::Cast => Linear::Cast,
        }),
        Op::Reduce(kind, axes) => Op::Reduce(*kind, next(*axes)),
        Op::ArgReduce(kind, axis) => Op::ArgReduce(*kind, axis + 1),
        Op::ArgSort(axis, down) => Op::ArgSort(axis + 1, *down),
        Op::Cat(axis) => Op::Cat(axis + 1),
        op => op.clone(),
    };
    record(op, node.0.dtype, shape, xs)
}

/// The product of matrices for a batch; with one matrix in common, one larger product.
fn dot(new: &[New], size: usize) -> Tensor {
    let [a, b] = new else { unreachable!("a product has two factors") };
    let shared = |x: &New| !x.batched && x.x.rank() == 2;
    if shared(b) && a.x.rank() == 3 {
        // [size, m, k] · [k, n] is [size·m, k] · [k, n].
        let (m, k, n) = (a.x.shape()[1], a.x.shape()[2], b.x.shape()[1]);
        let flat = a.x.linear(Linear::Reshape, smallvec![size * m, k]);
        return super::vjp::dot(&flat, &b.x).linear(Linear::Reshape, smallvec![size, m, n]);
    }
    if shared(a) && b.x.rank() == 3 {
        // [m, k] · [size, k, n]: bᵀ aᵀ, whose transpose is the product.
        let (m, k, n) = (a.x.shape()[0], a.x.shape()[1], b.x.shape()[2]);
        let flat = transpose(&b.x).linear(Linear::Reshape, smallvec![size * n, k]);
        let product = super::vjp::dot(&flat, &transpose(&a.x));
        return transpose(&product.linear(Linear::Reshape, smallvec![size, n, m]));
    }
    super::vjp::dot(&a.wide(size), &b.wide(size))
}
