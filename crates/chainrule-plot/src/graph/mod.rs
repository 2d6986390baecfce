//! Drawings of directed graphs, such as the graph of a computation: layered, from top to bottom.
//!
//! The input is plain: nodes with lines of text and a kind, edges from node to node. The output is
//! an SVG, a PNG, or a text in DOT with the same nodes and edges for other tools. The layout is
//! that of Sugiyama, Tagawa and Toda: nodes get ranks so that edges point downwards, long edges
//! pass each rank between its nodes, and the order within the ranks is chosen so that few edges
//! cross. Then each node gets an abscissa that keeps edges straight.
//!
//! ```
//! use chainrule_plot::{Theme, graph::{Graph, Role}};
//! let mut graph = Graph::new("y = x²");
//! let x = graph.node(&["x", "[3]"], Role::Input);
//! let y = graph.node(&["square"], Role::Operation);
//! graph.edge(x, y);
//! assert!(graph.svg(Theme::Light)?.contains(">square</text>"));
//! assert!(graph.dot().contains("n0 -> n1"));
//! # Ok::<(), chainrule_plot::Error>(())
//! ```
//!
//! # What is not here
//!
//! Clusters, and edges with ports. An edge from a node to itself is in the DOT but not drawn.
//!
//! # References
//!
//! K. Sugiyama, S. Tagawa, M. Toda, IEEE Trans. SMC 11, 1981. E. R. Gansner et al., *A technique
//! for drawing directed graphs*, IEEE TSE 19, 1993. U. Brandes, B. Köpf, *Fast and simple
//! horizontal coordinate assignment*, GD 2001.

mod order;
mod place;
mod rank;

use std::fmt::Write;

use crate::Error;
use crate::font;
use crate::shape::{Anchor, Dash, Edges, Point, Rect, Shape, Stroke, Text, ring, straightened};
use crate::svg::{self, Head, Letters};
use crate::theme::{Ink, Theme};

/// More nodes, or more places where edges pass a rank, are not drawn.
const MOST: usize = 20_000;

const SIZE: f64 = 11.0;
const PITCH: f64 = 14.0;
const EDGE: f64 = 14.0;

/// What a node is; it decides its colour and outline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// A computation.
    #[default]
    Operation,
    /// Data that come from outside.
    Input,
    /// What is learnt.
    Parameter,
    /// A fixed number.
    Constant,
    /// A result.
    Output,
}

/// A node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// What stands in it, line by line; the first one is its name.
    pub lines: Vec<String>,
    /// What it is.
    pub role: Role,
    /// What a reader sees who points at it; nothing if empty.
    pub tooltip: String,
}

/// A graph to be drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    /// What stands above.
    pub title: String,
    /// The nodes.
    pub nodes: Vec<Node>,
    /// Pairs of indices of nodes, from and to. Those beyond the nodes are left out.
    pub edges: Vec<(usize, usize)>,
}

impl Graph {
    /// A graph without nodes.
    pub fn new(title: &str) -> Graph {
        Graph { title: title.to_string(), ..Graph::default() }
    }

    /// Adds a node and returns its index.
    pub fn node(&mut self, lines: &[&str], role: Role) -> usize {
        let lines = lines.iter().map(ToString::to_string).collect();
        self.nodes.push(Node { lines, role, tooltip: String::new() });
        self.nodes.len() - 1
    }

    /// Adds an edge.
    pub fn edge(&mut self, from: usize, to: usize) {
        self.edges.push((from, to));
    }

    /// The drawing as a file in SVG.
    ///
    /// # Errors
    ///
    /// If the graph is too large to be looked at.
    pub fn svg(&self, theme: Theme) -> Result<String, Error> {
        self.write(theme, Letters::Text).map(|drawn| drawn.0)
    }

    /// The drawing as a file in PNG, with `scale` pixels for each unit.
    ///
    /// # Errors
    ///
    /// If the graph or the picture is too large, or if the crate was built without `png`.
    pub fn png(&self, theme: Theme, scale: f64) -> Result<Vec<u8>, Error> {
        let theme = if theme == Theme::Auto { Theme::Light } else { theme };
        let (svg, size) = self.write(theme, Letters::Outlines)?;
        crate::png::render(&svg, size, scale)
    }

    fn write(&self, theme: Theme, letters: Letters) -> Result<(String, (f64, f64)), Error> {
        let drawing = layout(self)?;
        let (width, height) = drawing.size;
        let title = if self.title.is_empty() { "Graph" } else { &self.title };
        let description =
            format!("{} nodes, {} edges, from top to bottom", self.nodes.len(), self.edges.len());
        let head = Head { width, height, title, description: &description };
        Ok((svg::write(&head, &shapes(self, &drawing), theme, letters), drawing.size))
    }

    /// The same nodes and edges in DOT, the language of Graphviz.
    pub fn dot(&self) -> String {
        let quoted =
            |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', " ");
        let mut out = format!("digraph \"{}\" {{\n", quoted(&self.title));
        out.push_str("  node [shape=box, fontname=\"DejaVu Sans\", fontsize=11];\n");
        for (k, node) in self.nodes.iter().enumerate() {
            let label: Vec<String> = node.lines.iter().map(|line| quoted(line)).collect();
            let style = match node.role {
                Role::Operation => "",
                Role::Input => ", style=rounded, color=\"#0072b2\"",
                Role::Parameter => ", style=rounded, color=\"#009e73\"",
                Role::Constant => ", style=dashed",
                Role::Output => ", color=\"#d55e00\", penwidth=2",
            };
            let tooltip = match &*node.tooltip {
                "" => String::new(),
                text => format!(", tooltip=\"{}\"", quoted(text)),
            };
            let _ = writeln!(out, "  n{k} [label=\"{}\"{style}{tooltip}];", label.join("\\n"));
        }
        for (from, to) in self.edges.iter().filter(|edge| self.has(**edge)) {
            let _ = writeln!(out, "  n{from} -> n{to};");
        }
        out + "}\n"
    }

    fn has(&self, (from, to): (usize, usize)) -> bool {
        from < self.nodes.len() && to < self.nodes.len()
    }
}

/// The nodes of all ranks, with those that only let an edge pass.
#[derive(Clone, Debug, Default)]
struct Layers {
    /// Widths; 0 where an edge passes.
    width: Vec<f64>,
    /// The nodes of each rank, from left to right.
    rows: Vec<Vec<usize>>,
    /// Neighbours in the rank above and in that below.
    up: Vec<Vec<usize>>,
    down: Vec<Vec<usize>>,
    /// Each edge as nodes from rank to rank, downwards, and whether it was turned round.
    ways: Vec<(Vec<usize>, bool)>,
    /// From here on nodes let edges pass.
    real: usize,
}

struct Drawing {
    boxes: Vec<Rect>,
    lines: Vec<Vec<Point>>,
    size: (f64, f64),
}

fn extent(node: &Node) -> (f64, f64) {
    let widest = node.lines.iter().map(|line| font::width(line, SIZE)).fold(12.0, f64::max);
    (widest.min(260.0) + 18.0, node.lines.len().max(1) as f64 * PITCH + 10.0)
}

fn layout(graph: &Graph) -> Result<Drawing, Error> {
    let edges: Vec<(usize, usize)> =
        graph.edges.iter().copied().filter(|edge| graph.has(*edge) && edge.0 != edge.1).collect();
    let sizes: Vec<(f64, f64)> = graph.nodes.iter().map(extent).collect();
    let mut layers = rank::layers(&sizes, &edges)?;
    order::untangle(&mut layers);
    let x = place::abscissae(&layers);
    let head = if graph.title.is_empty() { 0.0 } else { 30.0 };
    let high = |row: &Vec<usize>| {
        row.iter().filter_map(|v| sizes.get(*v)).map(|size| size.1).fold(0.0, f64::max)
    };
    let mut rows: Vec<(f64, f64)> = Vec::new();
    let mut y = EDGE + head;
    for row in &layers.rows {
        rows.push((y, high(row)));
        y += high(row) + 34.0;
    }
    let mut rank = vec![0; layers.width.len()];
    for (r, row) in layers.rows.iter().enumerate() {
        row.iter().for_each(|v| rank[*v] = r);
    }
    let left = (0..x.len()).map(|v| x[v] - layers.width[v] / 2.0).fold(f64::INFINITY, f64::min);
    let shift = EDGE - if left.is_finite() { left } else { 0.0 };
    let rect = |v: usize| {
        let ((top, high), (w, h)) = (rows[rank[v]], sizes[v]);
        Rect { x: x[v] + shift - w / 2.0, y: top + (high - h) / 2.0, w, h }
    };
    let boxes: Vec<Rect> = (0..sizes.len()).map(rect).collect();
    let right = boxes.iter().map(|r| r.right()).fold(0.0, f64::max);
    let passing = (0..x.len()).map(|v| x[v] + shift).fold(0.0, f64::max);
    let title = font::width(&graph.title, 14.0).min(1000.0) + 2.0 * EDGE;
    let size = ((right.max(passing) + EDGE).max(title).max(40.0), (y - 34.0 + EDGE).max(40.0));
    let x: Vec<f64> = x.iter().map(|x| x + shift).collect();
    let ports = ports(&layers, &x, &boxes);
    let lines = (0..layers.ways.len()).map(|k| way(&layers, &x, &boxes, &rows, &rank, ports[k], k));
    Ok(Drawing { lines: lines.collect(), boxes, size })
}

/// Where each edge leaves its upper node and enters its lower one: spread over the middle of the
/// side in the order of where they come from.
fn ports(layers: &Layers, x: &[f64], boxes: &[Rect]) -> Vec<(f64, f64)> {
    let mut ports = vec![(0.0, 0.0); layers.ways.len()];
    let mut ends: Vec<(Vec<usize>, Vec<usize>)> = vec![Default::default(); boxes.len()];
    for (k, (way, _)) in layers.ways.iter().enumerate() {
        ends[way[0]].0.push(k);
        ends[way[way.len() - 1]].1.push(k);
    }
    for (v, (leave, enter)) in ends.into_iter().enumerate() {
        let spread = |mut edges: Vec<usize>, next: &dyn Fn(usize) -> usize| {
            edges.sort_by(|a, b| x[next(*a)].total_cmp(&x[next(*b)]));
            let gap = (boxes[v].w * 0.6 / edges.len() as f64).min(14.0);
            let first = x[v] - gap * (edges.len() as f64 - 1.0) / 2.0;
            let place = |(k, edge): (usize, usize)| (edge, first + gap * k as f64);
            edges.into_iter().enumerate().map(place).collect::<Vec<_>>()
        };
        for (edge, at) in spread(leave, &|edge| layers.ways[edge].0[1]) {
            ports[edge].0 = at;
        }
        let before = |edge: usize| layers.ways[edge].0[layers.ways[edge].0.len() - 2];
        for (edge, at) in spread(enter, &before) {
            ports[edge].1 = at;
        }
    }
    ports
}

fn way(
    layers: &Layers,
    x: &[f64],
    boxes: &[Rect],
    rows: &[(f64, f64)],
    rank: &[usize],
    (leave, enter): (f64, f64),
    k: usize,
) -> Vec<Point> {
    let (nodes, turned) = &layers.ways[k];
    let (first, last) = (nodes[0], nodes[nodes.len() - 1]);
    let (top, high) = rows[rank[first]];
    let mut line = vec![(leave, boxes[first].bottom()), (leave, top + high)];
    for v in &nodes[1..nodes.len() - 1] {
        let (top, high) = rows[rank[*v]];
        curve(&mut line, (x[*v], top));
        line.push((x[*v], top + high));
    }
    curve(&mut line, (enter, rows[rank[last]].0));
    line.push((enter, boxes[last].y));
    if *turned {
        line.reverse();
    }
    straightened(&line)
}

/// A cubic curve from the end of the line to `to`, upright at both ends.
fn curve(line: &mut Vec<Point>, to: Point) {
    let Some(&from) = line.last() else { return };
    for k in 1..=16 {
        let t = f64::from(k) / 16.0;
        let s = t * t * (3.0 - 2.0 * t);
        line.push((from.0 + s * (to.0 - from.0), from.1 + t * (to.1 - from.1)));
    }
}

fn shapes(graph: &Graph, drawing: &Drawing) -> Vec<Shape> {
    let mut shapes = Vec::new();
    if !graph.title.is_empty() {
        let text = font::fitted(&graph.title, 14.0, drawing.size.0 - 2.0 * EDGE);
        let at = (drawing.size.0 / 2.0, EDGE + 7.0);
        shapes.push(Shape::Words(Text::level(at, &text, 14.0, Anchor::Middle, Ink::Text)));
    }
    let mut heads = Vec::new();
    let mut runs = Vec::new();
    for line in &drawing.lines {
        let [.., a, b] = line[..] else { continue };
        let long = (b.0 - a.0).hypot(b.1 - a.1).max(1e-9);
        let (u, v) = ((b.0 - a.0) / long, (b.1 - a.1) / long);
        let back = |by: f64, side: f64| (b.0 - by * u - side * v, b.1 - by * v + side * u);
        heads.push(vec![b, back(7.0, 3.0), back(7.0, -3.0)]);
        let mut run = line.clone();
        if let Some(end) = run.last_mut().filter(|_| long > 5.0) {
            *end = back(5.0, 0.0);
        }
        runs.push(run);
    }
    shapes.push(Shape::Line { runs, stroke: Stroke::new(Ink::Muted, 1.1) });
    shapes.push(Shape::Area { rings: heads, fill: Ink::Muted, opacity: 1.0, edges: Edges::Smooth });
    for (node, at) in graph.nodes.iter().zip(&drawing.boxes) {
        let (title, opacity) = (node.tooltip.clone(), 1.0);
        shapes.push(Shape::Group { parts: node_shapes(node, *at), opacity, title });
    }
    shapes
}

fn node_shapes(node: &Node, at: Rect) -> Vec<Shape> {
    let (ink, width, dash) = match node.role {
        Role::Operation => (Ink::Muted, 1.0, Dash::Solid),
        Role::Input => (Ink::Series(0), 1.4, Dash::Solid),
        Role::Parameter => (Ink::Series(2), 1.4, Dash::Solid),
        Role::Constant => (Ink::Muted, 1.0, Dash::Dashed),
        Role::Output => (Ink::Series(1), 2.0, Dash::Solid),
    };
    let outline = match node.role {
        Role::Input | Role::Parameter => rounded(at, 8.0),
        _ => ring(at),
    };
    let mut border = outline.clone();
    border.extend(outline.iter().take(if dash == Dash::Solid { 2 } else { 1 }));
    let mut parts = vec![
        Shape::area(outline.clone(), Ink::Surface, 1.0),
        Shape::area(outline, ink, 0.12),
        Shape::line(border, Stroke { ink, width, dash, opacity: 1.0 }),
    ];
    let top = at.y + at.h / 2.0 - (node.lines.len() as f64 - 1.0) * PITCH / 2.0;
    for (k, line) in node.lines.iter().enumerate() {
        let text = font::fitted(line, SIZE, at.w - 12.0);
        let middle = (at.x + at.w / 2.0, top + k as f64 * PITCH);
        let ink = if k == 0 { Ink::Text } else { Ink::Muted };
        parts.push(Shape::Words(Text::level(middle, &text, SIZE, Anchor::Middle, ink)));
    }
    parts
}

fn rounded(r: Rect, radius: f64) -> Vec<Point> {
    let radius = radius.min(r.h / 2.0);
    let corner = |k: usize| {
        let x = if k == 0 || k == 3 { r.right() - radius } else { r.x + radius };
        let y = if k < 2 { r.bottom() - radius } else { r.y + radius };
        (0..=6).map(move |step| {
            let turn = (k as f64 + f64::from(step) / 6.0) * std::f64::consts::FRAC_PI_2;
            (x + radius * turn.cos(), y + radius * turn.sin())
        })
    };
    (0..4).flat_map(corner).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(nodes: usize, edges: &[(usize, usize)]) -> Graph {
        let mut graph = Graph::new("");
        for k in 0..nodes {
            graph.node(&["node".repeat(1 + k % 3).as_str(), "[3]"], Role::Operation);
        }
        graph.edges = edges.to_vec();
        graph
    }

    #[test]
    fn a_chain_is_straight_and_points_down() {
        let drawing = layout(&of(4, &[(0, 1), (1, 2), (2, 3)])).expect("a layout");
        let middles: Vec<f64> = drawing.boxes.iter().map(|r| r.x + r.w / 2.0).collect();
        assert!(middles.iter().all(|x| (x - middles[0]).abs() < 1e-9), "{middles:?}");
        assert!(drawing.boxes.windows(2).all(|pair| pair[0].bottom() < pair[1].y));
        assert!(drawing.lines.iter().all(|line| line.len() == 2));
    }

    #[test]
    fn two_pairs_that_can_be_untangled_are() {
        let edges = [(0, 5), (1, 4), (2, 3), (0, 4), (2, 4)];
        let sizes = vec![(20.0, 20.0); 6];
        let mut layers = rank::layers(&sizes, &edges).expect("ranks");
        order::untangle(&mut layers);
        assert_eq!(order::crossings(&layers), 0);
    }

    #[test]
    fn hostile_graphs_are_drawn_or_refused() {
        assert!(Graph::new("").svg(Theme::Light).is_ok());
        let odd = of(3, &[(0, 0), (0, 1), (1, 0), (1, 2), (2, 0), (0, 1), (7, 1), (1, usize::MAX)]);
        let svg = odd.svg(Theme::Dark).expect("a drawing");
        roxmltree::Document::parse(&svg).expect("well-formed");
        let mut evil = of(1, &[]);
        evil.nodes[0] =
            Node { lines: vec!["<b>\"&\\".into()], tooltip: "</title>".into(), ..Node::default() };
        roxmltree::Document::parse(&evil.svg(Theme::Auto).expect("a drawing"))
            .expect("well-formed");
        assert!(evil.dot().contains(r#"label="<b>\"&\\""#), "{}", evil.dot());
        let long: Vec<_> = (0..30_000).map(|k| (k, k + 1)).collect();
        assert!(of(30_001, &long).svg(Theme::Light).is_err());
        let jumps: Vec<_> = (0..3000).flat_map(|k| [(k, k + 1), (0, k + 1)]).collect();
        assert!(of(3001, &jumps).svg(Theme::Light).is_err());
    }

    #[test]
    fn a_large_graph_is_drawn() {
        let edge = |k: usize| [(k - 1 - k * 7 % k.min(20), k), (k - 1 - k * 13 % k.min(20), k)];
        let edges: Vec<_> = (1..1200).flat_map(edge).collect();
        let drawing = layout(&of(1200, &edges)).expect("a layout");
        assert_eq!(drawing.lines.len(), edges.len());
    }

    #[test]
    fn dot_has_the_same_nodes_and_edges() {
        let graph = of(5, &[(0, 2), (1, 2), (2, 3), (2, 4)]);
        let dot = graph.dot();
        assert_eq!(dot.matches("[label=").count(), 5);
        assert_eq!(dot.matches(" -> ").count(), 4);
        assert!(dot.starts_with("digraph") && dot.ends_with("}\n"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn nodes_stay_apart_and_edges_pass_between(
            edges in prop::collection::vec((0usize..16, 0usize..16), 0..40),
        ) {
            let graph = of(16, &edges);
            let drawing = layout(&graph).expect("a layout");
            let page = Rect { x: 0.0, y: 0.0, w: drawing.size.0, h: drawing.size.1 };
            for (k, a) in drawing.boxes.iter().enumerate() {
                prop_assert!(page.holds(*a));
                prop_assert!(drawing.boxes[..k].iter().all(|b| !a.grown(4.0).meets(*b)));
            }
            let drawn = edges.iter().filter(|edge| edge.0 != edge.1);
            for (line, (from, to)) in drawing.lines.iter().zip(drawn) {
                let others = (0..16).filter(|k| k != from && k != to).map(|k| drawing.boxes[k]);
                for other in others {
                    let inside = |p: &Point| Rect { x: p.0, y: p.1, w: 0.0, h: 0.0 };
                    let crossed = line.iter().any(|p| other.grown(-0.5).holds(inside(p)));
                    prop_assert!(!crossed, "{from} -> {to} crosses {other:?}");
                }
                let (x, y) = line[line.len() - 1];
                let end = Rect { x, y, w: 0.0, h: 0.0 };
                prop_assert!(drawing.boxes[*to].grown(0.1).holds(end));
            }
        }
    }
}
