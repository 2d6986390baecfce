//! Reverse mode: from results back to what they were made from.

use std::sync::Arc;

use chainrule_kernels::shared::Shared;
use rustc_hash::FxHashMap;
use smallvec::smallvec;

use super::real::Expr;
use super::tape::{self, Pass, Tape};
use super::vjp::{Cotangent, vjp};
use crate::error::{Error, ErrorKind, Result, count};
use crate::graph::call::{self, Point};
use crate::graph::extra::Extra;
use crate::graph::node::{Link, Parameter, record};
use crate::graph::{CutBy, Tensor, mode};
use crate::op::{Linear, Op, Window};
use crate::place::Place;

/// With respect to what to differentiate.
enum Target {
    Parameter(Arc<Parameter>),
    Node(Tensor),
}

impl Target {
    fn of(x: &Tensor) -> Target {
        x.cell().map_or_else(|| Target::Node(x.clone()), |p| Target::Parameter(p.clone()))
    }

    fn is(&self, node: &Tensor) -> bool {
        match (self, &node.0.link) {
            (Target::Parameter(p), Link::Version(q)) => std::ptr::eq(Arc::as_ptr(p), q.as_ptr()),
            (Target::Parameter(_), _) => false,
            (Target::Node(x), _) => Shared::same(&x.0, &node.0),
        }
    }

    /// Nothing older can depend on the target.
    fn serial(&self) -> u64 {
        match self {
            Target::Parameter(p) => p.serial,
            Target::Node(x) => x.0.serial,
        }
    }
}

/// Records nodes under a line until dropped.
pub(crate) struct Located {
    here: Place,
    outer: Option<Place>,
    deriving: Option<u64>,
}

impl Located {
    pub(crate) fn at(here: Place) -> Located {
        let outer = mode::set_location(Some(here));
        Located { here, outer, deriving: mode::set_deriving(None) }
    }

    /// From now on it is the derivative of `node` that is recorded.
    pub(super) fn derive(&self, node: &Tensor) {
        mode::set_location(Some(node.0.place()));
        mode::set_deriving(Some(node.0.serial));
    }

    /// Back to the line, if another one has been set since.
    pub(super) fn resume(&self) {
        mode::set_location(Some(self.here));
        mode::set_deriving(None);
    }
}

impl Drop for Located {
    fn drop(&mut self) {
        mode::set_location(self.outer);
        mode::set_deriving(self.deriving);
    }
}

/// What a reverse pass found: the number of the target, the node, its cotangent.
type Found = (usize, Tensor, Expr);

/// One reverse pass.
struct Reverse<'a> {
    /// Results and their cotangents.
    roots: &'a [Tensor],
    seeds: Vec<Expr>,
    /// Every parameter that is reached, if there is no list.
    targets: Option<&'a [Target]>,
    here: Place,
}

impl Reverse<'_> {
    fn run(self) -> Result<Vec<Found>> {
        let oldest = self.targets.map_or(0, |t| t.iter().map(Target::serial).min().unwrap_or(0));
        tape::pass(self.roots, oldest.saturating_sub(1), self)
    }

    /// Which target a node is.
    fn target(&self, node: &Tensor) -> Option<usize> {
        match self.targets {
            None => matches!(node.0.op, Op::Version).then_some(usize::MAX),
            Some(list) => list.iter().position(|t| t.is(node)),
        }
    }

    /// Only nodes from which a target can be reached are worth a cotangent.
    fn needed(&self, tape: &impl Tape) -> Option<Vec<bool>> {
        self.targets?;
        let mut needed = vec![false; tape.nodes().len()];
        for (i, node) in tape.nodes().iter().enumerate() {
            let through = |j: usize| tape.place(i, j).is_some_and(|p| needed[p]);
            needed[i] = self.target(node).is_some() || (0..tape.src(i).len()).any(through);
        }
        Some(needed)
    }
}

/// Cotangents on their way: of nodes, of parts of nodes, and of the results of calls.
struct Cotangents {
    nodes: Vec<Option<Cotangent>>,
    parts: FxHashMap<usize, Vec<Part>>,
    results: FxHashMap<usize, Vec<Option<Cotangent>>>,
}

/// The cotangent of the part of a node that a slice took.
struct Part {
    windows: Box<[Window]>,
    value: Tensor,
    masked: bool,
}

impl Cotangents {
    fn add(slot: &mut Option<Cotangent>, value: Expr, masked: bool) {
        if matches!(value, Expr::Lit(0.0)) {
            return;
        }
        *slot = Some(match slot.take() {
            None => Cotangent { value, masked },
            Some(sum) => Cotangent { value: sum.value + value, masked: masked || sum.masked },
        });
    }

    /// The cotangent of node `i`, complete. Parts that are the whole node side by side are joined;
    /// others are padded with zeros and added.
    #[inline]
    fn take(&mut self, i: usize, node: &Tensor, located: &Located) -> Option<Cotangent> {
        let mut sum = self.nodes[i].take();
        if self.parts.is_empty() {
            return sum;
        }
        let Some(mut parts) = self.parts.remove(&i) else { return sum };
        located.derive(node);
        let masked = parts.iter().any(|part| part.masked);
        if let Some(joined) = joined(node, &mut parts) {
            Cotangents::add(&mut sum, Expr::Node(joined), masked);
            parts.clear();
        }
        for Part { windows, value, masked } in parts {
            let (dtype, shape) = (node.0.dtype, node.0.shape.clone());
            let pad = Op::Linear(Linear::Pad(windows));
            let padded = Expr::Node(record(pad, dtype, shape, smallvec![value]));
            Cotangents::add(&mut sum, padded, masked);
        }
        located.resume();
        sum
    }
}

/// The parts along one axis as one tensor, if they are all of the node, each once.
fn joined(node: &Tensor, parts: &mut [Part]) -> Option<Tensor> {
    let shape = &node.0.shape;
    let cut = |part: &Part| {
        let own = &part.value.0.shape;
        (0..shape.len()).find(|&axis| own[axis] != shape[axis])
    };
    let axis = cut(parts.first()?)?;
    parts.sort_by_key(|part| part.windows[axis].start);
    let mut end = 0;
    for part in &*parts {
        let own = &part.value.0.shape;
        let whole = (0..shape.len()).all(|a| a == axis || own[a] == shape[a]);
        if !whole || part.windows[axis].step != 1 || part.windows[axis].start != end {
            return None;
        }
        end += own[axis];
    }
    let sources = parts.iter().map(|part| part.value.clone()).collect();
    let axis_number = u8::try_from(axis).ok()?;
    let all = || record(Op::Cat(axis_number), node.0.dtype, shape.clone(), sources);
    (end == shape[axis]).then(all)
}

impl Pass for Reverse<'_> {
    type Output = Result<Vec<Found>>;

    fn run(self, tape: &impl Tape) -> Self::Output {
        let needed = self.needed(tape);
        let n = tape.nodes().len();
        let mut cotangents = Cotangents {
            nodes: vec![None; n],
            parts: FxHashMap::default(),
            results: FxHashMap::default(),
        };
        for (root, seed) in self.roots.iter().zip(&self.seeds) {
            if let Some(i) = tape.find(root) {
                Cotangents::add(&mut cotangents.nodes[i], seed.clone(), false);
            }
        }
        let mut found = vec![];
        let located = Located::at(self.here);
        for i in (0..n).rev() {
            let node = tape.nodes()[i];
            let mut gy = cotangents.take(i, node, &located);
            if let Some(extra) = node.0.extra.get() {
                gy = hooked(node, extra, gy, self.here)?;
            }
            if let Some(target) = self.target(node).filter(|_| node.0.tracks()) {
                // Where nothing arrived, every derivative on the way is 0.
                let g = gy.as_ref().map_or(Expr::Lit(0.0), |gy| gy.value.clone());
                found.push((target, node.clone(), g));
            }
            let src = tape.src(i);
            if src.is_empty() {
                continue;
            }
            let place = |j: usize| {
                tape.place(i, j).filter(|&p| needed.as_ref().is_none_or(|needed| needed[p]))
            };
            located.derive(node);
            match (&node.0.op, gy) {
                (Op::Part(k, _), Some(gy)) => {
                    let Some(p) = place(0) else { continue };
                    let results = call::details(&src[0].0.op).map_or(0, |c| c.results.len());
                    let list = cotangents.results.entry(p).or_insert_with(|| vec![None; results]);
                    Cotangents::add(&mut list[*k as usize], gy.value, gy.masked);
                }
                (Op::Call(_), _) => {
                    let Some(list) = cotangents.results.remove(&i) else { continue };
                    let masked = list.iter().flatten().any(|g| g.masked);
                    let ys = call::parts(node);
                    let gys: Vec<Option<Tensor>> =
                        list.into_iter().zip(&ys).map(|(g, y)| Some(g?.value.like(y))).collect();
                    give_by_rule(node, src, &ys, &gys, |j, g| {
                        let Some(p) = place(j) else { return };
                        Cotangents::add(&mut cotangents.nodes[p], g, masked);
                    })?;
                }
                (Op::Custom(_), Some(gy)) => {
                    let masked = gy.masked;
                    let gys = [Some(gy.value.like(node))];
                    give_by_rule(node, &src[1..], std::slice::from_ref(node), &gys, |j, g| {
                        let Some(p) = place(j + 1) else { return };
                        Cotangents::add(&mut cotangents.nodes[p], g, masked);
                    })?;
                }
                (Op::Linear(Linear::Slice(windows)), Some(gy)) => {
                    let Some(p) = place(0) else { continue };
                    let (windows, masked) = (windows.clone(), gy.masked);
                    let value = gy.value.like(node);
                    let part = Part { windows, value, masked };
                    cotangents.parts.entry(p).or_default().push(part);
                }
                (_, Some(gy)) => {
                    let masked = gy.masked || matches!(node.0.op, Op::Where | Op::Reduce(..));
                    vjp(
                        node,
                        src,
                        gy,
                        |j| place(j).is_some(),
                        |j, gx| {
                            let Some(p) = place(j) else { return };
                            Cotangents::add(&mut cotangents.nodes[p], gx, masked);
                        },
                    );
                }
                (_, None) => {}
            }
            located.resume();
        }
        Ok(found)
    }
}

/// Passes cotangents through an operation's own rule, and checks what comes back.
fn give_by_rule(
    node: &Tensor,
    xs: &[Tensor],
    ys: &[Tensor],
    gys: &[Option<Tensor>],
    mut give: impl FnMut(usize, Expr),
) -> Result<()> {
    let Some(rule) = call::rule(&node.0.op) else { return Ok(()) };
    let gxs = rule.vjp(&Point { xs, ys }, gys)?;
    check_slopes("cotangent", rule.name(), "input", node, xs, &gxs)?;
    for (j, gx) in gxs.into_iter().enumerate() {
        if let Some(gx) = gx {
            give(j, Expr::of(&gx.to_dtype(xs[j].0.dtype)));
        }
    }
    Ok(())
}

/// That a rule gave as many slopes as there are tensors, each of its tensor's shape.
pub(super) fn check_slopes(
    what: &str,
    rule: &str,
    role: &'static str,
    node: &Tensor,
    of: &[Tensor],
    slopes: &[Option<Tensor>],
) -> Result<()> {
    if slopes.len() != of.len() {
        let text = format!(
            "the derivative of `{rule}` gave {} for {}",
            count(slopes.len(), what, &format!("{what}s")),
            count(of.len(), role, &format!("{role}s")),
        );
        return Err(Error::new(ErrorKind::Cotangent, text, node.0.place())
            .hint(format!("give one {what} per {role}, in order; `None` stands for 0")));
    }
    for (i, (slope, x)) in slopes.iter().zip(of).enumerate() {
        let Some(slope) = slope.as_ref().filter(|s| s.0.shape != x.0.shape) else { continue };
        let text =
            format!("the derivative of `{rule}` gave a {what} of the wrong shape for {role} {i}");
        return Err(Error::new(ErrorKind::Cotangent, text, node.0.place())
            .operand(x.operand(role))
            .operand(slope.operand("got"))
            .hint(format!(
                "a {what} has the shape of its {role}: where the function broadcasts, the \
                 derivative sums over the stretched axes"
            )));
    }
    Ok(())
}

/// The cotangent of a node after its hooks; kept there if it is to be kept.
fn hooked(
    node: &Tensor,
    extra: &Extra,
    gy: Option<Cotangent>,
    here: Place,
) -> Result<Option<Cotangent>> {
    let Some(gy) = gy else { return Ok(None) };
    let value = run_hooks(node, extra, gy.value, here)?;
    if let Some(kept) = extra.retained().as_mut() {
        let g = value.clone();
        *kept = Some(match kept.take() {
            None => g.like(node),
            Some(old) => (Expr::of(&old) + g).like(node),
        });
    }
    Ok(Some(Cotangent { value, masked: gy.masked }))
}

/// A cotangent after hooks, in the order in which they were added.
fn run_hooks(x: &Tensor, extra: &Extra, mut g: Expr, here: Place) -> Result<Expr> {
    for (_, hook) in extra.hooks() {
        let _lines = call::own_lines();
        let now = g.clone().like(x);
        let Some(new) = hook(&now) else { continue };
        if new.0.shape != x.0.shape {
            let what = "a hook replaced a gradient by one of another shape";
            return Err(Error::new(ErrorKind::Cotangent, what, here)
                .operand(x.operand("tensor"))
                .operand(new.operand("replaced"))
                .hint(
                    "a hook returns `None` to leave the gradient, or one of the tensor's shape",
                ));
        }
        g = Expr::of(&new.to_dtype(x.0.dtype));
    }
    Ok(g)
}

fn add_gradient(parameter: &Parameter, version: &Tensor, g: Expr) -> Tensor {
    let mut slot = parameter.grad();
    let sum = match slot.take() {
        None => g,
        Some(old) => Expr::of(&old) + g,
    };
    slot.insert(sum.like(version)).clone()
}

/// Jᵀ `seeds` for results `ys`: for each x of `xs` its cotangent, `None` where no y depends on it.
pub(crate) fn pull_back(
    ys: &[Tensor],
    seeds: Vec<Expr>,
    xs: &[Tensor],
    here: Place,
) -> Result<Vec<Option<Expr>>> {
    let targets: Vec<Target> = xs.iter().map(Target::of).collect();
    let pass = Reverse { roots: ys, seeds, targets: Some(&targets), here };
    let mut sums: Vec<Option<Expr>> = vec![None; xs.len()];
    for (i, _, g) in pass.run()? {
        sums[i] = Some(match sums[i].take() {
            None => g,
            Some(sum) => sum + g,
        });
    }
    for i in 0..xs.len() {
        // A tensor asked for twice is one target; its later mentions copy the first.
        if let Some(first) = (0..i).find(|&j| Shared::same(&xs[j].0, &xs[i].0)) {
            sums[i] = sums[first].clone();
        } else if let (Some(p), Some(g)) = (xs[i].cell(), &sums[i])
            && let Some(extra) = p.extra.get()
        {
            sums[i] = Some(run_hooks(&xs[i], extra, g.clone(), here)?);
        }
    }
    Ok(sums)
}

/// ∂y/∂x for each x of `xs`, as tensors of their shapes, which can be differentiated again.
///
/// y must have one element. A parameter that y does not depend on is an error, unlike in
/// [`Tensor::backward`]: its gradient would be a surprise.
///
/// ```
/// # use chainrule_core::*;
/// let x = Tensor::from(1.0).requires_grad();
/// let y = 3.0 * x.powi(2) - 4.0 * &x;
/// let dy = &grad(&y, &[&x])?[0]; // 6x − 4
/// let ddy = &grad(dy, &[&x])?[0];
/// assert_eq!((dy.item::<f64>()?, ddy.item::<f64>()?), (2.0, 6.0));
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// If y has several elements or tracks no gradients, or does not depend on one of `xs`.
#[track_caller]
pub fn grad(y: &Tensor, xs: &[&Tensor]) -> Result<Vec<Tensor>> {
    let here = Place::caller();
    let y = y.source();
    let seed = y.seed("grad", here)?;
    let targets: Vec<Tensor> = xs.iter().map(|&x| x.clone()).collect();
    let sums = pull_back(std::slice::from_ref(&y), vec![seed], &targets, here)?;
    let _located = Located::at(here);
    let each = sums.into_iter().zip(xs).enumerate();
    each.map(|(i, (sum, x))| {
        let unused = || {
            let what = format!("the result given to `grad` does not depend on tensor {i}");
            let hint = if x.tracks_grad() {
                "leave it out; a path through `detach`, `no_grad` or integers does not count"
            } else {
                "it is no parameter: mark it with `.requires_grad()` before computing with it"
            };
            let error = Error::new(ErrorKind::Unused, what, here);
            error.operand(y.operand("result")).operand(x.operand("tensor")).hint(hint)
        };
        sum.map(|g| g.like(x)).ok_or_else(unused)
    })
    .collect()
}

impl Tensor {
    /// Adds derivatives to the gradients of all parameters, and gives the gradients: plain numbers,
    /// or `tracked`.
    pub(crate) fn accumulate(&self, seed: Expr, tracked: bool, here: Place) -> Result<Vec<Tensor>> {
        let _mode = mode::set_no_grad((!tracked).then_some(here));
        let roots = std::slice::from_ref(self);
        let found = Reverse { roots, seeds: vec![seed], targets: None, here }.run()?;
        let mut sums: Vec<(Arc<Parameter>, Tensor, Expr)> = vec![];
        let mut gradients = Vec::with_capacity(found.len());
        for (_, version, g) in found {
            let Link::Version(parameter) = &version.0.link else { continue };
            let Some(parameter) = parameter.upgrade() else { continue };
            if parameter.extra.get().is_none() {
                gradients.push(add_gradient(&parameter, &version, g));
                continue;
            }
            // Hooks see the sum over all versions of their parameter.
            match sums.iter_mut().find(|s| Arc::ptr_eq(&s.0, &parameter)) {
                Some(sum) => sum.2 = sum.2.clone() + g,
                None => sums.push((parameter, version, g)),
            }
        }
        for (parameter, version, mut g) in sums {
            if let Some(extra) = parameter.extra.get() {
                g = run_hooks(&version, extra, g, here)?;
            }
            gradients.push(add_gradient(&parameter, &version, g));
        }
        Ok(gradients)
    }

    /// The cotangent 1 for a tensor of one element, or why there is none.
    pub(crate) fn seed(&self, op: &str, here: Place) -> Result<Expr> {
        if self.0.len() != 1 {
            let what = format!("`{op}` needs a tensor with one element");
            let sum = match op {
                "grad" => "`.sum()` or `.mean()` first; for another weighting, `(&y * &w).sum()`",
                _ => "`.sum()` or `.mean()` first, or give a cotangent: `y.backward_with(&v)`",
            };
            let error = Error::new(ErrorKind::NonScalar, what, here);
            return Err(error.operand(self.operand("tensor")).hint(sum));
        }
        self.check_tracked(op, here)?;
        Ok(Expr::Lit(1.0))
    }

    pub(crate) fn check_tracked(&self, op: &str, here: Place) -> Result<()> {
        if self.0.tracks() {
            return Ok(());
        }
        let what = format!("`{op}` on a tensor that tracks no gradients");
        let cut = self.0.cuts.as_ref().and_then(|cuts| cuts.last());
        let hint = match cut.map(|cut| (cut.by, cut.at)) {
            Some((CutBy::NoGrad, at)) => {
                format!("compute it outside of `no_grad`, which cut the graph at {at}")
            }
            Some((CutBy::Detach, at)) => {
                format!("gradients do not pass through `detach`, which cut the graph at {at}")
            }
            Some((CutBy::Discrete, at)) => {
                format!("gradients do not pass through integers or truth values, as made at {at}")
            }
            None if self.as_constant().is_some() => {
                "it is a constant, so that its derivatives are all 0".into()
            }
            None => {
                "it depends on no parameter: mark its inputs with `.requires_grad()` first".into()
            }
        };
        Err(Error::new(ErrorKind::NoGraph, what, here).operand(self.operand("tensor")).hint(hint))
    }
}
