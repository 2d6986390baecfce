//! Reverse mode: `backward`, which gathers gradients in parameters, and `grad`, which returns them.

use std::panic::Location;
use std::sync::Arc;

use chainrule_kernels::guarded::lock;

use super::real::Expr;
use super::vjp::{Cotangent, vjp};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::node::{Cut, Link, Node, Parameter};
use crate::graph::walk::Walk;
use crate::graph::{Tensor, mode};
use crate::op::Op;

/// With respect to what to differentiate.
enum Target {
    Parameter(Arc<Parameter>),
    Node(Tensor),
}

impl Target {
    fn is(&self, node: &Tensor) -> bool {
        match (self, &node.0.link) {
            (Target::Parameter(p), Link::Version(q)) => std::ptr::eq(Arc::as_ptr(p), q.as_ptr()),
            (Target::Parameter(_), _) => false,
            (Target::Node(x), _) => Arc::ptr_eq(&x.0, &node.0),
        }
    }
}

/// Records nodes under a line from `begin` until dropped.
struct Located(&'static Location<'static>);

impl Located {
    fn begin(&self) {
        mode::set_location(Some(self.0));
    }
}

impl Drop for Located {
    fn drop(&mut self) {
        mode::set_location(None);
    }
}

/// The cotangents of `targets`; of every parameter that is reached if there is no list of them.
/// Each comes with the number of its target, or the parameter itself.
fn pull_back(
    y: &Tensor,
    seed: Expr,
    here: &'static Location<'static>,
    targets: Option<&[Target]>,
    mut found: impl FnMut(usize, &Tensor, Expr),
) {
    let key = lock();
    let walk = Walk::new(&key, [y], Node::is_inner);
    let n = walk.nodes.len();
    let target_of = |node: &Tensor| match targets {
        None => matches!(node.0.op, Op::Version).then_some(usize::MAX),
        Some(list) => list.iter().position(|t| t.is(node)),
    };
    // Only nodes from which a target can be reached are worth a cotangent.
    let needed: Option<Vec<bool>> = targets.map(|_| {
        let mut needed = vec![false; n];
        for (i, node) in walk.nodes.iter().enumerate() {
            needed[i] = target_of(node).is_some()
                || node.0.is_inner()
                    && node
                        .0
                        .src
                        .get(&key)
                        .iter()
                        .any(|s| s.0.tracks && walk.index(&s.0).is_some_and(|j| needed[j]));
        }
        needed
    });
    let mut cotangents: Vec<Option<Cotangent>> = vec![None; n];
    if let Some(last) = cotangents.last_mut() {
        *last = Some(Cotangent { value: seed, masked: false });
    }
    let located = Located(here);
    for i in (0..n).rev() {
        let node = walk.nodes[i];
        let gy = cotangents[i].take();
        if let Some(target) = target_of(node).filter(|_| node.0.tracks) {
            // Where nothing arrived, every derivative on the way is 0.
            let zero = Expr::Lit(0.0);
            located.begin();
            found(target, node, gy.as_ref().map_or(zero, |gy| gy.value.clone()));
        }
        let Some(gy) = gy else { continue };
        if !node.0.is_inner() {
            continue;
        }
        mode::set_location(Some(node.0.at));
        let src = node.0.src.get(&key);
        let place = |j: usize| {
            let place = if src[j].0.tracks { walk.index(&src[j].0) } else { None };
            place.filter(|&p| needed.as_ref().is_none_or(|needed| needed[p]))
        };
        let masked = gy.masked || matches!(node.0.op, Op::Where | Op::Reduce(..));
        vjp(
            node,
            src,
            gy,
            |j| place(j).is_some(),
            |j, gx| {
                let Some(p) = place(j) else { return };
                if matches!(gx, Expr::Lit(0.0)) {
                    return;
                }
                cotangents[p] = Some(match cotangents[p].take() {
                    None => Cotangent { value: gx, masked },
                    Some(sum) => Cotangent { value: sum.value + gx, masked: masked || sum.masked },
                });
            },
        );
    }
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
    let here = Location::caller();
    let y = y.source();
    let seed = y.seed("grad", here)?;
    let targets: Vec<Target> = xs
        .iter()
        .map(|x| {
            x.cell().map_or_else(|| Target::Node((*x).clone()), |p| Target::Parameter(p.clone()))
        })
        .collect();
    let mut sums: Vec<Option<Expr>> = vec![None; xs.len()];
    pull_back(&y, seed, here, Some(&targets), |i, _, g| {
        sums[i] = Some(match sums[i].take() {
            None => g,
            Some(sum) => sum + g,
        });
    });
    let located = Located(here);
    located.begin();
    // A tensor asked for twice is one target; its later mentions copy the first.
    for i in 0..xs.len() {
        let same = |j: &usize| Arc::ptr_eq(&xs[*j].0, &xs[i].0);
        if let Some(first) = (0..i).find(same) {
            sums[i] = sums[first].clone();
        }
    }
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
    /// Adds ∂self/∂p to the gradient of every parameter p that this tensor depends on.
    ///
    /// The tensor must have one element. Gradients add up over calls until
    /// [`zero_grad`](Tensor::zero_grad); the graph stays and may be used again. The gradients are
    /// plain numbers: for derivatives of derivatives use [`grad`](crate::grad()).
    ///
    /// ```
    /// # use chainrule_core::*;
    /// let x = Tensor::from([0.0, 1.0, 2.0, 3.0]).requires_grad();
    /// let y = 2.0 * x.dot(&x);
    /// y.backward()?;
    /// assert_eq!(x.grad().unwrap().to_vec::<f64>()?, [0.0, 4.0, 8.0, 12.0]);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// If the tensor has several elements, or tracks no gradients.
    #[track_caller]
    pub fn backward(&self) -> Result<()> {
        let y = self.source();
        let here = Location::caller();
        let seed = y.seed("backward", here)?;
        y.accumulate(seed, here);
        Ok(())
    }

    /// Adds Jᵀ · `cotangent` to the gradients: `backward` for a tensor of any shape.
    ///
    /// ```
    /// # use chainrule_core::*;
    /// let x = Tensor::from([1.0, 2.0]).requires_grad();
    /// (&x * &x).backward_with(&Tensor::from([10.0, 1.0]))?;
    /// assert_eq!(x.grad().unwrap().to_vec::<f64>()?, [20.0, 4.0]);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// If the tensor tracks no gradients, or the cotangent has another shape.
    #[track_caller]
    pub fn backward_with(&self, cotangent: &Tensor) -> Result<()> {
        let (y, here) = (self.source(), Location::caller());
        y.check_tracked("backward_with", here)?;
        if y.0.shape != cotangent.0.shape {
            let what = "the cotangent of `backward_with` must have the shape of the tensor";
            return Err(Error::new(ErrorKind::Cotangent, what, here)
                .operand(y.operand("tensor"))
                .operand(cotangent.operand("cotangent"))
                .hint("`.reshape` or `.expand` the cotangent, or give `&y.ones_like()`"));
        }
        y.accumulate(Expr::of(&cotangent.to_dtype(y.0.dtype)), here);
        Ok(())
    }

    fn accumulate(&self, seed: Expr, here: &'static Location<'static>) {
        let _off = mode::set_no_grad(Some(here));
        pull_back(self, seed, here, None, |_, version, g| {
            let Link::Version(parameter) = &version.0.link else { return };
            let Some(parameter) = parameter.upgrade() else { return };
            let mut slot = parameter.grad();
            let sum = match slot.take() {
                None => g,
                Some(old) => Expr::of(&old) + g,
            };
            *slot = Some(sum.like(version));
        });
    }

    /// The cotangent 1 for a tensor of one element, or why there is none.
    fn seed(&self, op: &str, here: &'static Location<'static>) -> Result<Expr> {
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

    fn check_tracked(&self, op: &str, here: &'static Location<'static>) -> Result<()> {
        if self.0.tracks {
            return Ok(());
        }
        let what = format!("`{op}` on a tensor that tracks no gradients");
        let hint = match self.0.cut {
            Some(Cut::NoGrad(at)) => {
                format!("compute it outside of `no_grad`, which cut the graph at {at}")
            }
            Some(Cut::Detach(at)) => {
                format!("gradients do not pass through `detach`, which cut the graph at {at}")
            }
            Some(Cut::Discrete(at)) => {
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
