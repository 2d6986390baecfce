//! Forward mode: how each operation pushes tangents on to its result.
//!
//! For y = f(x), the tangent dy is J dx, J being the Jacobian of f. The facts are those of reverse
//! mode, read the other way round: a scalar function multiplies by its derivative, a linear
//! operation is applied as it is, a product of matrices follows the product rule. A pass goes from
//! variables to results along a recorded graph, so that tangents are graph as well: they can be
//! pushed and pulled on, to any order. Each variable is a node of its own, made for one pass;
//! tangents of one pass can therefore not be taken for those of another (perturbation confusion).

use rustc_hash::FxHashMap;
use smallvec::smallvec;

use super::real::Expr;
use super::reverse::{Located, check_slopes};
use super::tape::{self, Pass, Tape};
use super::vjp::{dot, share};
use crate::error::Result;
use crate::graph::Tensor;
use crate::graph::call::{self, Point};
use crate::graph::node::record;
use crate::op::{Linear, Op};
use crate::place::Place;

/// J `dxs` for variables `xs`: for each y of `ys` its tangent, `None` where it depends on none.
pub(crate) fn push_forward(
    ys: &[Tensor],
    xs: &[Tensor],
    dxs: &[Expr],
    here: Place,
) -> Result<Vec<Option<Expr>>> {
    let oldest = xs.iter().map(|x| x.0.serial).min().unwrap_or(0);
    tape::pass(ys, oldest.saturating_sub(1), Forward { ys, xs, dxs, here })
}

struct Forward<'a> {
    ys: &'a [Tensor],
    xs: &'a [Tensor],
    dxs: &'a [Expr],
    here: Place,
}

impl Pass for Forward<'_> {
    type Output = Result<Vec<Option<Expr>>>;

    fn run(self, tape: &impl Tape) -> Self::Output {
        let n = tape.nodes().len();
        let mut tangents: Vec<Option<Expr>> = vec![None; n];
        let mut results: FxHashMap<usize, Vec<Option<Tensor>>> = FxHashMap::default();
        let located = Located::at(self.here);
        for i in 0..n {
            let node = tape.nodes()[i];
            if let Some(k) = self.xs.iter().position(|x| x.0.serial == node.0.serial) {
                tangents[i] = Some(self.dxs[k].clone());
                continue;
            }
            let src = tape.src(i);
            if src.is_empty() {
                continue;
            }
            let slope = |j: usize| tape.place(i, j).and_then(|p| tangents[p].clone());
            located.derive(node);
            tangents[i] = match &node.0.op {
                Op::Part(k, _) => {
                    let list = tape.place(i, 0).and_then(|p| results.get(&p));
                    list.and_then(|l| l[*k as usize].as_ref()).map(Expr::of)
                }
                Op::Call(_) => {
                    let dxs = slopes(src, slope);
                    if dxs.iter().any(Option::is_some) {
                        let ys = call::parts(node);
                        results.insert(i, by_rule(node, src, &ys, &dxs)?);
                    }
                    None
                }
                Op::Custom(_) => {
                    let dxs = slopes(&src[1..], |j| slope(j + 1));
                    if dxs.iter().any(Option::is_some) {
                        let y = std::slice::from_ref(node);
                        by_rule(node, &src[1..], y, &dxs)?[0].as_ref().map(Expr::of)
                    } else {
                        None
                    }
                }
                _ => jvp(node, src, slope),
            };
            tangents[i].take_if(|t| matches!(t, Expr::Lit(0.0)));
        }
        Ok(self.ys.iter().map(|y| tape.find(y).and_then(|i| tangents[i].clone())).collect())
    }
}

/// The tangents of sources as tensors.
fn slopes(src: &[Tensor], slope: impl Fn(usize) -> Option<Expr>) -> Vec<Option<Tensor>> {
    src.iter().enumerate().map(|(j, x)| Some(slope(j)?.like(x))).collect()
}

/// The tangents of an operation's results by its own rule.
fn by_rule(
    node: &Tensor,
    xs: &[Tensor],
    ys: &[Tensor],
    dxs: &[Option<Tensor>],
) -> Result<Vec<Option<Tensor>>> {
    let Some(rule) = call::rule(&node.0.op) else { return Ok(vec![None; ys.len()]) };
    let dys = rule.jvp(&Point { xs, ys }, dxs)?;
    check_slopes("tangent", rule.name(), "result", node, ys, &dys)?;
    Ok(dys.into_iter().zip(ys).map(|(dy, y)| Some(dy?.to_dtype(y.0.dtype))).collect())
}

/// The tangent of y, given those of its sources.
fn jvp(y: &Tensor, src: &[Tensor], slope: impl Fn(usize) -> Option<Expr>) -> Option<Expr> {
    let (dtype, shape) = (y.0.dtype, y.0.shape.clone());
    match &y.0.op {
        Op::Map(op) => {
            let dx = slope(0)?;
            Some(op.d(Expr::of(&src[0]), Expr::Node(y.clone())) * dx)
        }
        Op::Zip(op) => {
            let at = || (Expr::of(&src[0]), Expr::of(&src[1]), Expr::Node(y.clone()));
            let first = slope(0).map(|dx| {
                let (a, b, c) = at();
                op.dx(a, b, c) * dx
            });
            let second = slope(1).map(|dx| {
                let (a, b, c) = at();
                op.dy(a, b, c) * dx
            });
            sum(first, second)
        }
        Op::Where => {
            let (a, b) = (slope(1), slope(2));
            if a.is_none() && b.is_none() {
                return None;
            }
            let branch = |t: Option<Expr>| t.unwrap_or(Expr::Lit(0.0)).like(y);
            let sources = smallvec![src[0].clone(), branch(a), branch(b)];
            Some(Expr::Node(record(Op::Where, dtype, shape, sources)))
        }
        Op::Linear(linear) => match (slope(0)?, linear) {
            (Expr::Lit(c), l) if l.is_view() || matches!(l, Linear::Cast | Linear::Gather(_)) => {
                Some(Expr::Lit(c))
            }
            (Expr::Lit(c), Linear::Sum(axes)) => {
                Some(Expr::Lit(c * axes.product(&src[0].0.shape) as f64))
            }
            (dx, _) => {
                let mut sources = smallvec![dx.like(&src[0])];
                sources.extend(src.get(1).cloned());
                Some(Expr::Node(record(y.0.op.clone(), dtype, shape, sources)))
            }
        },
        Op::Dot => {
            let first = slope(0).map(|da| Expr::Node(dot(&da.like(&src[0]), &src[1])));
            let second = slope(1).map(|db| Expr::Node(dot(&src[0], &db.like(&src[1]))));
            sum(first, second)
        }
        // The mean of the tangents of those x that equal y: the adjoint of sharing.
        Op::Reduce(_, axes) => {
            let dx = slope(0)?.like(&src[0]);
            let (mask, ties) = share(y, &src[0], *axes);
            let zero = Expr::Lit(0.0).like(&src[0]);
            let wide = src[0].0.shape.clone();
            let taken = record(Op::Where, dtype, wide, smallvec![mask, dx, zero]);
            let total = record(Op::Linear(Linear::Sum(*axes)), dtype, shape, smallvec![taken]);
            Some(Expr::Node(total) / Expr::Node(ties))
        }
        Op::Cat(_) => {
            let parts: Vec<Option<Expr>> = (0..src.len()).map(&slope).collect();
            if parts.iter().all(Option::is_none) {
                return None;
            }
            let parts = parts.into_iter().zip(src);
            let sources = parts.map(|(t, x)| t.unwrap_or(Expr::Lit(0.0)).like(x)).collect();
            Some(Expr::Node(record(y.0.op.clone(), dtype, shape, sources)))
        }
        Op::Variable | Op::After => slope(0),
        _ => None,
    }
}

fn sum(x: Option<Expr>, y: Option<Expr>) -> Option<Expr> {
    match (x, y) {
        (Some(x), Some(y)) => Some(x + y),
        (x, y) => x.or(y),
    }
}
