//! How a derivative came about: the chain rule with numbers.

use std::fmt;

use chainrule_kernels::guarded::lock;

use crate::error::{Error, ErrorKind, Result};
use crate::exec::realize;
use crate::grad::{Expr, pull_back, replay};
use crate::graph::Tensor;
use crate::graph::node::{Node, Sources};
use crate::graph::walk::Walk;
use crate::op::Op;
use crate::place::Place;

/// One step from x to y.
#[derive(Clone, Debug)]
pub struct Step {
    /// The name given by the user, or v₁, v₂, ….
    pub name: String,
    /// The operation, and the names of its sources that depend on x.
    pub op: String,
    /// The step's value.
    pub value: Tensor,
    /// For each source that depends on x: its name, and the local partial derivative by it.
    pub partials: Vec<(String, Tensor)>,
    /// ∂y by the step's value.
    pub gradient: Tensor,
    /// The line that recorded it.
    pub at: Place,
}

/// The steps from x to y, in order: x first, y last.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The steps.
    pub steps: Vec<Step>,
}

/// The chain of local partial derivatives from y, a single number, back to x: for each operation on
/// the way its value, its partial derivatives by what came before, and ∂y by it, with the line.
///
/// ```
/// # use chainrule_core::*;
/// let x = Tensor::from(2.0).named("x").requires_grad();
/// let y = x.square().sin();
/// let steps = explain(&y, &x)?;
/// println!("{steps}");
/// assert_eq!(steps.steps[1].partials[0].1.item::<f64>()?, 4.0); // ∂x²/∂x
/// assert_eq!(steps.steps[0].gradient.item::<f64>()?, 4.0 * 4f64.cos()); // ∂y/∂x
/// # Ok::<(), Error>(())
/// ```
///
/// Partial derivatives of an operation with several results are summed over them.
///
/// # Errors
/// If y has several elements or does not depend on x.
#[track_caller]
pub fn explain(y: &Tensor, x: &Tensor) -> Result<Explanation> {
    let here = Place::caller();
    let y = y.source();
    let seed = y.seed("explain", here)?;
    let start = x.source();
    let path = path(&y, &start);
    if path.is_empty() {
        let what = "the result given to `explain` does not depend on the tensor";
        return Err(Error::new(ErrorKind::Unused, what, here)
            .operand(y.operand("result"))
            .operand(x.operand("tensor"))
            .hint("`lost_gradients(&y, &[&x])` tells what cut the way"));
    }
    let nodes: Vec<Tensor> = path.iter().map(|p| p.0.clone()).collect();
    let slopes = pull_back(&[y], vec![seed], &nodes, here)?;
    let names: Vec<String> = nodes.iter().enumerate().map(|(i, n)| name(n, x, i)).collect();
    let mut steps: Vec<Step> = vec![];
    for (i, (node, src)) in path.iter().enumerate() {
        let on_path = |s: &Tensor| nodes.iter().position(|n| n.0.serial == s.0.serial);
        let mut partials = vec![];
        for (j, source) in src.iter().enumerate() {
            if let (Some(k), true) = (on_path(source), i > 0) {
                partials.push((names[k].clone(), partial(node, src, j, here)?));
            }
        }
        let list: Vec<&str> = partials.iter().map(|p| p.0.as_str()).collect();
        let op = match i {
            0 => String::new(),
            _ => format!("{}({})", node.0.op.name(), list.join(", ")),
        };
        let gradient = slopes[i].clone().unwrap_or(Expr::Lit(0.0)).like(node);
        let (name, value, at) = (names[i].clone(), node.detach(), node.0.place());
        steps.push(Step { name, op, value, partials, gradient, at });
    }
    let all = steps
        .iter()
        .flat_map(|s| [&s.value, &s.gradient].into_iter().chain(s.partials.iter().map(|p| &p.1)));
    realize(&all.collect::<Vec<_>>())?;
    Ok(Explanation { steps })
}

/// The nodes on a way from x to y, with the sources that count: those of a call for its parts.
fn path(y: &Tensor, x: &Tensor) -> Vec<(Tensor, Sources)> {
    let key = lock();
    let enter = |n: &Node| n.is_inner() && n.serial > x.0.serial;
    let walk = Walk::new(&key, [y], enter);
    let mut on = vec![false; walk.nodes.len()];
    let mut list = vec![];
    for (i, node) in walk.nodes.iter().enumerate() {
        let src = node.0.src.get(&key);
        let through = |s: &Tensor| walk.index(&s.0).is_some_and(|j| on[j]);
        on[i] = node.0.serial == x.0.serial || enter(&node.0) && src.iter().any(through);
        if !on[i] || matches!(node.0.op, Op::Call(_)) {
            continue;
        }
        let src = match (&node.0.op, src.first()) {
            (Op::Part(..), Some(call)) => call.0.src.get(&key).clone(),
            _ => src.clone(),
        };
        list.push(((*node).clone(), src));
    }
    list
}

/// The derivative of a node by its source `j`, the others held still.
fn partial(node: &Tensor, src: &[Tensor], j: usize, here: Place) -> Result<Tensor> {
    let vars: Vec<Tensor> = src.iter().map(Tensor::variable).collect();
    let again = replay(std::slice::from_ref(node), src, &vars)?;
    let slope = pull_back(&again, vec![Expr::Lit(1.0)], &vars[j..=j], here)?.remove(0);
    Ok(slope.unwrap_or(Expr::Lit(0.0)).like(&src[j]).detach())
}

/// The user's name of a node, or one by its place.
fn name(node: &Tensor, x: &Tensor, i: usize) -> String {
    let given = if i == 0 { x.name().or(node.name()) } else { node.name() };
    given.map_or_else(|| if i == 0 { "x".into() } else { format!("v{i}") }, str::to_string)
}

/// A short form of a tensor's numbers.
fn short(x: &Tensor) -> String {
    let numbers = x.to_vec::<f64>().unwrap_or_default();
    let digits = |v: f64| {
        let text = format!("{v:.6}");
        let plain = text.trim_end_matches('0').trim_end_matches('.').to_string();
        if v != 0.0 && (v.abs() < 1e-3 || v.abs() >= 1e7) { format!("{v:.5e}") } else { plain }
    };
    match &numbers[..] {
        [v] => digits(*v),
        list if list.len() <= 4 => {
            let list: Vec<String> = list.iter().map(|&v| digits(v)).collect();
            format!("[{}]", list.join(", "))
        }
        list => {
            let largest = list.iter().fold(0.0f64, |m, v| m.max(v.abs()));
            format!("{:?} up to ±{}", x.shape(), digits(largest))
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(first), Some(last)) = (self.steps.first(), self.steps.last()) else {
            return Ok(());
        };
        write!(f, "∂{}/∂{} = {}", last.name, first.name, short(&first.gradient))?;
        let mut rows: Vec<[String; 4]> = vec![];
        for step in &self.steps {
            let made = match step.op.is_empty() {
                true => step.name.clone(),
                false => format!("{} = {}", step.name, step.op),
            };
            let partials = step.partials.iter();
            let partials: Vec<String> = partials
                .map(|(source, p)| format!("∂{}/∂{source} = {}", step.name, short(p)))
                .collect();
            let gradient = format!("∂{}/∂{} = {}", last.name, step.name, short(&step.gradient));
            rows.push([made, format!("= {}", short(&step.value)), partials.join(", "), gradient]);
        }
        let width = |c: usize| rows.iter().map(|r| r[c].chars().count()).max().unwrap_or(0);
        let widths = [0, 1, 2, 3].map(width);
        for (row, step) in rows.iter().zip(&self.steps) {
            write!(f, "\n ")?;
            for (cell, width) in row.iter().zip(widths) {
                write!(f, " {cell:<width$}  ")?;
            }
            write!(f, "{}", step.at)?;
        }
        Ok(())
    }
}
