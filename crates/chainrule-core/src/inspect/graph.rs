//! A recorded graph as a list: what it is drawn, printed and exported from.

use std::fmt::Write;

use chainrule_kernels::guarded::lock;

use crate::graph::Tensor;
use crate::graph::walk::Walk;
use crate::op::Op;
use crate::place::Place;

/// A node of a recorded graph.
#[derive(Clone, Debug)]
pub struct GraphNode {
    /// The node itself, for its value, shape and type.
    pub tensor: Tensor,
    /// The operation.
    pub op: Op,
    /// The places in the list of what it was computed from.
    pub sources: Vec<usize>,
    /// The name given by the user.
    pub name: Option<String>,
    /// The line that recorded it.
    pub at: Place,
    /// Whether it is a parameter.
    pub is_parameter: bool,
}

impl GraphNode {
    /// The name given by the user, or the operation's.
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(self.op.name())
    }
}

/// The recorded graph behind some tensors: each node once, after its sources.
///
/// What is not needed any more is let go: behind a tensor whose value is known and that tracks no
/// gradients there is no graph.
///
/// ```
/// # use chainrule_core::*;
/// let x = Tensor::from(2.0).named("x").requires_grad();
/// let nodes = graph_of(&[&(x.sin() * &x)]);
/// let labels: Vec<&str> = nodes.iter().map(|n| n.label()).collect();
/// assert_eq!(labels, ["x", "sin", "mul"]);
/// assert_eq!(nodes[2].sources, [1, 0]);
/// ```
pub fn graph_of(outputs: &[&Tensor]) -> Vec<GraphNode> {
    let roots: Vec<Tensor> = outputs.iter().map(|x| x.source()).collect();
    let key = lock();
    let walk = Walk::new(&key, &roots, |_| true);
    let node = |tensor: &&Tensor| {
        let node = &tensor.0;
        let sources = node.src.get(&key).iter().filter_map(|s| walk.index(&s.0)).collect();
        GraphNode {
            tensor: (*tensor).clone(),
            op: node.op.clone(),
            sources,
            name: tensor.given_name(),
            at: node.place(),
            is_parameter: matches!(node.op, Op::Version | Op::Parameter | Op::Variable),
        }
    };
    walk.nodes.iter().map(node).collect()
}

/// A graph in Graphviz's language, DOT: parameters as boxes, constants as plain text.
///
/// ```
/// # use chainrule_core::*;
/// let x = Tensor::from(2.0).named("x").requires_grad();
/// let dot = graph_to_dot(&graph_of(&[&x.sin()]));
/// assert!(dot.starts_with("digraph") && dot.contains("n0 -> n1"));
/// ```
pub fn graph_to_dot(nodes: &[GraphNode]) -> String {
    let mut text = String::from("digraph {\n  node [shape=ellipse]\n");
    for (i, node) in nodes.iter().enumerate() {
        let shape = match node.op {
            Op::Const(_) => "plaintext",
            _ if node.is_parameter => "box",
            _ => "ellipse",
        };
        let label = node.label().replace('\\', "\\\\").replace('"', "\\\"");
        let size = node.tensor.shape();
        let label = if size.is_empty() { label } else { format!("{label}\\n{size:?}") };
        let _ =
            writeln!(text, "  n{i} [label=\"{label}\", shape={shape}, tooltip=\"{}\"]", node.at);
        for source in &node.sources {
            let _ = writeln!(text, "  n{source} -> n{i}");
        }
    }
    text + "}\n"
}
