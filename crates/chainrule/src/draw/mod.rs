//! Drawings of recorded graphs: which data went through which operation, with the values on the way
//! forward and the gradients on the way back.
//!
//! ```
//! use chainrule::draw::{Theme, draw};
//! use chainrule::prelude::Tensor;
//!
//! let x = Tensor::from(2.0).named("x").requires_grad();
//! let drawing = draw(&(3.0 * x.square() - 4.0 * &x));
//! assert_eq!(drawing.nodes().iter().filter(|n| !n.is_constant).count(), 5);
//! assert!(drawing.svg(Theme::Light)?.contains(">∂ 8</text>")); // 6x − 4
//! assert!(drawing.html()?.contains("<!doctype html>"));
//! # Ok::<(), chainrule::draw::Error>(())
//! ```
//!
//! A node shows its operation (or the name that it was given), its value — a number, or the shape
//! and the range of the elements — and, after ∂, the gradient of the result by it in the same form.
//! Numbers written in a program stand in the operation, `mul(3, ·)`, unless
//! [`constants`](Drawing::constants) shows them as nodes of their own. What repeats, such as the
//! layers of a network, is one node with a count. The line that recorded a node is its tooltip.
//!
//! [`html`](Drawing::html) is a page of its own that needs nothing else: it can be zoomed and
//! moved, repetitions unfold, and a slider plays the values forward and the gradients backward.
//!
//! # What is not here
//!
//! Graphs of more than 20,000 nodes are listed, in DOT too, but not drawn and not evaluated. The
//! values of a graph that tracks no gradients let it go once they are computed; what is drawn of it
//! later is only its result.

mod fold;
mod html;
mod view;

use std::hash::{DefaultHasher, Hash, Hasher};

use chainrule_core::op::{Linear, Op};
use chainrule_core::{DType, GraphNode, Tensor, grad, graph_of, realize};
use chainrule_plot::graph::Role;
use chainrule_plot::scale::short;
pub use chainrule_plot::{Error, Theme};

use view::View;

/// Larger graphs are not evaluated.
const MOST: usize = 20_000;
/// Pixels for each unit of a PNG.
const SCALE: f64 = 2.0;
/// Graphs of so few nodes are shown whole.
const FEW: usize = 16;

/// A node of a drawing.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// The operation.
    pub op: String,
    /// The name given by the user.
    pub name: Option<String>,
    /// The lengths of the axes.
    pub shape: Vec<usize>,
    /// A number, or shape and range; none if it is not known.
    pub value: Option<String>,
    /// The gradient of the sum of the result by the node, in the same form.
    pub gradient: Option<String>,
    /// The numbers of the value, if it is one number.
    pub number: Option<f64>,
    /// The numbers of the gradient, if it is one number.
    pub slope: Option<f64>,
    /// The line that recorded it.
    pub at: String,
    /// The places in the list of what it was computed from.
    pub sources: Vec<usize>,
    /// Whether it is a number of the program, or made of such.
    pub is_constant: bool,
    /// Whether it only moves elements: reshape, permute, expand and the like.
    pub is_movement: bool,
    role: Role,
    label: u64,
}

/// A graph to be drawn. Its methods choose what is shown, and how.
#[derive(Clone, Debug)]
pub struct Drawing {
    nodes: Vec<Drawn>,
    title: String,
    constants: bool,
    movement: bool,
    gradients: bool,
    folded: bool,
    lines: bool,
}

/// The graph behind `y`, with values and gradients.
pub fn draw(y: &Tensor) -> Drawing {
    let list = needed(graph_of(&[y]));
    let slopes = gradients(&list);
    let mut nodes: Vec<Drawn> = Vec::with_capacity(list.len());
    for (i, node) in list.iter().enumerate() {
        let is_movement = matches!(&node.op, Op::Linear(linear) if moves(linear));
        let is_constant = match &node.op {
            Op::Const(_) => true,
            _ => is_movement && node.sources.iter().all(|&s| nodes[s].is_constant),
        };
        let role = match node.op {
            Op::Const(_) => Role::Constant,
            Op::Parameter | Op::Version => Role::Parameter,
            Op::Leaf | Op::Variable => Role::Input,
            _ if is_constant => Role::Constant,
            _ if i + 1 == list.len() => Role::Output,
            _ => Role::Operation,
        };
        let value = numbers(&node.tensor).filter(|_| list.len() <= MOST);
        let slope = slopes[i].as_ref().and_then(numbers);
        let single = |all: &Option<Vec<f64>>| all.as_ref().filter(|v| v.len() == 1).map(|v| v[0]);
        nodes.push(Drawn {
            op: node.op.name().to_string(),
            name: node.name.clone(),
            shape: node.tensor.shape().to_vec(),
            number: single(&value),
            slope: single(&slope),
            value: value.map(|v| shown(&node.tensor, &v)),
            gradient: slope.map(|v| shown(&node.tensor, &v)),
            at: node.at.to_string(),
            sources: node.sources.clone(),
            is_constant,
            is_movement,
            role,
            label: label(node),
        });
    }
    let title = y.name().unwrap_or_default().to_string();
    Drawing {
        nodes,
        title,
        constants: false,
        movement: true,
        gradients: true,
        folded: true,
        lines: true,
    }
}

/// The nodes that lead to the last one, without what parameters were made from.
fn needed(mut list: Vec<GraphNode>) -> Vec<GraphNode> {
    let mut on = vec![false; list.len()];
    if let Some(last) = on.last_mut() {
        *last = true;
    }
    for i in (0..list.len()).rev() {
        if list[i].is_parameter {
            list[i].sources.clear();
        }
        if on[i] {
            list[i].sources.iter().for_each(|&s| on[s] = true);
        }
    }
    let place: Vec<usize> = on
        .iter()
        .scan(0, |next, &on| {
            *next += usize::from(on);
            Some(next.saturating_sub(1))
        })
        .collect();
    let mut keep = on.into_iter();
    list.retain(|_| keep.next() == Some(true));
    list.iter_mut().flat_map(|node| &mut node.sources).for_each(|s| *s = place[*s]);
    list
}

fn moves(linear: &Linear) -> bool {
    matches!(
        linear,
        Linear::Reshape | Linear::Permute(_) | Linear::Flip(_) | Linear::Expand(_) | Linear::Cast
    )
}

/// What nodes have to have in common to be alike.
fn label(node: &GraphNode) -> u64 {
    let mut hasher = DefaultHasher::new();
    (format!("{:?}", node.op), node.tensor.shape(), node.is_parameter).hash(&mut hasher);
    hasher.finish()
}

/// The gradients of the sum of the last node by all nodes, as far as there are any; and all values.
fn gradients(list: &[GraphNode]) -> Vec<Option<Tensor>> {
    let mut slopes = vec![None; list.len()];
    let Some(last) = list.last().filter(|_| list.len() <= MOST) else { return slopes };
    let y = &last.tensor;
    let tracked: Vec<usize> = (0..list.len() - 1)
        .filter(|&i| list[i].tensor.tracks_grad() && list[i].tensor.dtype().is_float())
        .collect();
    if y.tracks_grad() && y.dtype().is_float() {
        slopes[list.len() - 1] = Some(y.ones_like());
        let sum = if y.len() == 1 && y.rank() == 0 { y.clone() } else { y.sum() };
        let wrt: Vec<&Tensor> = tracked.iter().map(|&i| &list[i].tensor).collect();
        match grad(&sum, &wrt) {
            Ok(all) => tracked.iter().zip(all).for_each(|(&i, slope)| slopes[i] = Some(slope)),
            Err(_) => {
                for &i in &tracked {
                    slopes[i] = grad(&sum, &[&list[i].tensor]).ok().map(|mut all| all.remove(0));
                }
            }
        }
    }
    let values = list.iter().filter(|n| !matches!(n.op, Op::Call(_))).map(|n| &n.tensor);
    // What has no value is shown without one.
    let _ = realize(&values.chain(slopes.iter().flatten()).collect::<Vec<_>>());
    slopes
}

fn numbers(x: &Tensor) -> Option<Vec<f64>> {
    x.to_dtype(DType::F64).to_vec::<f64>().ok()
}

/// A number, or shape and range.
fn shown(x: &Tensor, numbers: &[f64]) -> String {
    let is_truth = x.dtype() == DType::Bool;
    let number = |v: f64| match is_truth {
        true => (if v == 0.0 { "false" } else { "true" }).to_string(),
        false => short(v, 4),
    };
    let shape: Vec<String> = x.shape().iter().map(ToString::to_string).collect();
    let shape = if shape.is_empty() { String::new() } else { format!("[{}] ", shape.join("×")) };
    let finite = numbers.iter().copied().filter(|v| !v.is_nan());
    let (low, high) =
        finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
    let nan = if numbers.iter().any(|v| v.is_nan()) { " NaN" } else { "" };
    match numbers {
        [] => format!("{shape}empty"),
        [v] => format!("{shape}{}", number(*v)),
        _ if low > high => format!("{shape}NaN"),
        _ if low == high => format!("{shape}{}{nan}", number(low)),
        _ => format!("{shape}{} … {}{nan}", number(low), number(high)),
    }
}

impl Drawing {
    /// What stands above; the name of the result unless it is set.
    #[must_use]
    pub fn title(mut self, text: &str) -> Drawing {
        self.title = text.to_string();
        self
    }

    /// Whether numbers of the program are nodes of their own; they are not unless it is set.
    #[must_use]
    pub fn constants(mut self, show: bool) -> Drawing {
        self.constants = show;
        self
    }

    /// Whether operations that only move elements are shown; they are unless it is unset.
    #[must_use]
    pub fn movement(mut self, show: bool) -> Drawing {
        self.movement = show;
        self
    }

    /// Whether gradients are shown; they are unless it is unset.
    #[must_use]
    pub fn gradients(mut self, show: bool) -> Drawing {
        self.gradients = show;
        self
    }

    /// Whether blocks that repeat three times or more are one node, in graphs of more than 16
    /// nodes; they are unless it is unset.
    #[must_use]
    pub fn folded(mut self, fold: bool) -> Drawing {
        self.folded = fold;
        self
    }

    /// Whether tooltips tell the lines that recorded nodes; they do unless it is unset.
    #[must_use]
    pub fn lines(mut self, show: bool) -> Drawing {
        self.lines = show;
        self
    }

    /// All nodes of the graph, shown or not, each after its sources.
    pub fn nodes(&self) -> &[Drawn] {
        &self.nodes
    }

    /// How many repetitions are folded.
    pub fn repetitions(&self) -> usize {
        View::visible(self).repetitions.len()
    }

    /// The drawing as SVG.
    ///
    /// # Errors
    /// If the graph is too large to be looked at.
    pub fn svg(&self, theme: Theme) -> Result<String, Error> {
        View::visible(self).picture(&self.title, 0).graph.svg(theme)
    }

    /// The drawing as PNG.
    ///
    /// # Errors
    /// If the graph is too large to be looked at.
    pub fn png(&self, theme: Theme) -> Result<Vec<u8>, Error> {
        View::visible(self).picture(&self.title, 0).graph.png(theme, SCALE)
    }

    /// The same nodes and edges in DOT, the language of Graphviz.
    pub fn dot(&self) -> String {
        View::visible(self).picture(&self.title, 0).graph.dot()
    }

    /// The drawing as a page of its own.
    ///
    /// # Errors
    /// If the graph is too large to be looked at.
    pub fn html(&self) -> Result<String, Error> {
        html::page(&View::visible(self), &self.title)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A deep network: the same layer over and over.
    fn network(layers: usize) -> (Tensor, Vec<Tensor>) {
        let mut x = Tensor::from([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]).named("x");
        let mut parameters = vec![];
        for k in 0..layers {
            let w = (Tensor::ones([3, 3]) * 0.3).requires_grad().named(format!("W{k}"));
            let b = Tensor::zeros([3]).requires_grad().named(format!("b{k}"));
            x = (x.matmul(&w) + &b).relu();
            parameters.extend([w, b]);
        }
        (x.sum(), parameters)
    }

    #[test]
    fn constants_stand_in_their_operation() {
        let x = Tensor::from(2.0).named("x").requires_grad();
        let drawing = draw(&(3.0 * x.square() - 4.0 * &x));
        let dot = drawing.dot();
        assert!(dot.contains("mul(3, ·)") || dot.contains("mul(·, 3)"), "{dot}");
        assert_eq!(dot.matches(" -> ").count(), 5);
        assert_eq!(drawing.constants(true).dot().matches(" -> ").count(), 7);
    }

    #[test]
    fn layers_fold_and_do_not_change_the_graph_around_them() {
        let (y, _parameters) = network(6);
        let drawing = draw(&y);
        assert_eq!(drawing.repetitions(), 1);
        let dot = drawing.dot();
        assert!(dot.contains("to_dtype, matmul, to_dtype, expand, … (6)\\n×6"), "{dot}");
        assert_eq!(dot.matches("label=").count(), 3, "{dot}");
        assert_eq!(dot.matches(" -> ").count(), 2, "{dot}");
        let whole = drawing.clone().folded(false).dot();
        assert_eq!(whole.matches("label=").count(), 2 + 6 * 8, "{whole}");
        assert!(whole.contains("\"W3\\n[3×3] "), "a parameter is where its graph begins");
        let bare = drawing.clone().movement(false).folded(false).dot();
        assert!(!bare.contains("expand"), "{bare}");
        assert!(drawing.html().unwrap().contains("view-1"));
    }

    #[test]
    fn what_has_no_value_or_gradient_is_drawn_without() {
        let drawing = draw(&Tensor::from([1.0, f64::NAN]).gt(0.0));
        assert!(drawing.nodes().iter().all(|n| n.gradient.is_none()));
        assert!(drawing.svg(Theme::Dark).unwrap().contains("NaN"));
        assert!(draw(&Tensor::zeros([0, 3])).svg(Theme::Light).unwrap().contains("[0×3] empty"));
    }
}
