//! What of a graph is shown: some nodes hidden, repetitions folded.

use chainrule_plot::graph::{Graph, Role};

use super::fold::{self, Repetition};
use super::{Drawing, Drawn, FEW};

/// The visible nodes of a drawing.
pub(super) struct View<'a> {
    nodes: Vec<&'a Drawn>,
    /// What stands first in each.
    names: Vec<String>,
    sources: Vec<Vec<usize>>,
    pub(super) repetitions: Vec<Repetition>,
    gradients: bool,
    lines: bool,
}

/// What the page knows of a node of a picture.
pub(super) struct Place {
    pub(super) rank: usize,
    /// The repetition that it is or belongs to.
    pub(super) block: Option<usize>,
    /// The lines with value and gradient.
    pub(super) value: Option<usize>,
    pub(super) slope: Option<usize>,
}

/// A graph as it is drawn.
pub(super) struct Picture {
    pub(super) graph: Graph,
    pub(super) places: Vec<Place>,
}

impl View<'_> {
    pub(super) fn visible(drawing: &Drawing) -> View<'_> {
        let all = &drawing.nodes;
        let last = all.len().saturating_sub(1);
        let hidden = |i: usize| {
            let node = &all[i];
            i != last
                && (node.is_constant && !drawing.constants || node.is_movement && !drawing.movement)
        };
        // Where each node is found: a hidden movement is what it moves.
        let mut found: Vec<Option<usize>> = Vec::with_capacity(all.len());
        let mut view = View {
            nodes: vec![],
            names: vec![],
            sources: vec![],
            repetitions: vec![],
            gradients: drawing.gradients,
            lines: drawing.lines,
        };
        for (i, node) in all.iter().enumerate() {
            let shown = !hidden(i);
            found.push(match shown {
                true => Some(view.nodes.len()),
                false if node.is_constant => None,
                false => node.sources.first().and_then(|&s| found[s]),
            });
            if shown {
                view.nodes.push(node);
                view.names.push(name(node, all, &found));
                view.sources.push(node.sources.iter().filter_map(|&s| found[s]).collect());
            }
        }
        if drawing.folded && view.nodes.len() > FEW {
            let labels: Vec<u64> = view.nodes.iter().map(|n| n.label).collect();
            let inputs: Vec<bool> = view.nodes.iter().map(|n| n.role == Role::Input).collect();
            let graph = fold::Graph { labels: &labels, sources: &view.sources, inputs: &inputs };
            view.repetitions = graph.repetitions();
        }
        view
    }

    /// `matmul, add, relu`: the operations of a repetition.
    pub(super) fn summary(&self, block: usize) -> String {
        let Some(first) = self.repetitions[block].first() else { return String::new() };
        let operation = |&&v: &&usize| matches!(self.nodes[v].role, Role::Operation | Role::Output);
        let all: Vec<&str> =
            first.iter().filter(operation).map(|&v| self.nodes[v].op.as_str()).collect();
        let shown = all.iter().take(4).copied().collect::<Vec<_>>().join(", ");
        match all.len() {
            0 => "block".into(),
            n if n > 4 => format!("{shown}, … ({n})"),
            _ => shown,
        }
    }

    /// `×12`.
    pub(super) fn count(&self, block: usize) -> String {
        format!("×{}", self.repetitions[block].len())
    }

    /// The picture with the repetitions of `open` unfolded: bit k stands for repetition k.
    pub(super) fn picture(&self, title: &str, open: usize) -> Picture {
        let mut graph = Graph::new(title);
        let mut block: Vec<Option<usize>> = vec![None; self.nodes.len()];
        let mut last = vec![0; self.repetitions.len()];
        for (k, repetition) in self.repetitions.iter().enumerate() {
            for &v in repetition.iter().flatten() {
                block[v] = Some(k);
                last[k] = last[k].max(v);
            }
        }
        let folded = |v: usize| block[v].filter(|k| open >> k & 1 == 0);
        let (mut place, mut boxes) = (vec![usize::MAX; self.nodes.len()], vec![None; last.len()]);
        let mut places: Vec<Place> = vec![];
        for v in 0..self.nodes.len() {
            place[v] = match folded(v) {
                Some(k) => *boxes[k].get_or_insert_with(|| {
                    places.push(Place { rank: 0, block: Some(k), value: None, slope: None });
                    self.fold(&mut graph, k)
                }),
                None => {
                    places.push(Place { rank: 0, block: block[v], value: None, slope: None });
                    self.node(&mut graph, v, &mut places)
                }
            };
        }
        for (v, sources) in self.sources.iter().enumerate() {
            for &s in sources {
                let edge = (place[s], place[v]);
                if edge.0 != edge.1 && (folded(v).is_none() || !graph.edges.contains(&edge)) {
                    graph.edge(edge.0, edge.1);
                }
            }
        }
        ranks(&graph, &mut places);
        Picture { graph, places }
    }

    fn node(&self, graph: &mut Graph, v: usize, places: &mut [Place]) -> usize {
        let node = self.nodes[v];
        let mut lines = vec![self.names[v].as_str()];
        let slope = node.gradient.as_ref().filter(|_| self.gradients).map(|g| format!("∂ {g}"));
        if let Some(place) = places.last_mut() {
            place.value = node.value.is_some().then_some(1);
            place.slope = slope.is_some().then_some(1 + usize::from(node.value.is_some()));
        }
        let bare = format!("{:?}", node.shape);
        match &node.value {
            Some(value) => lines.push(value),
            None if !node.shape.is_empty() => lines.push(&bare),
            None => {}
        }
        if let (None, Some(place)) = (&node.value, places.last_mut()) {
            place.slope = slope.is_some().then_some(lines.len());
        }
        lines.extend(slope.as_deref());
        let at = graph.node(&lines, node.role);
        graph.nodes[at].tooltip = self.told(&node.op, node);
        at
    }

    /// A name, and the line that recorded it.
    fn told(&self, name: &str, node: &Drawn) -> String {
        if self.lines { format!("{name} at {}", node.at) } else { name.to_string() }
    }

    fn fold(&self, graph: &mut Graph, block: usize) -> usize {
        let at = graph.node(&[&self.summary(block), &self.count(block)], Role::Operation);
        let first = self.repetitions[block].first();
        let lines = first.into_iter().flatten().map(|&v| {
            let node = self.nodes[v];
            self.told(&self.names[v], node)
        });
        let inside = lines.take(12).collect::<Vec<_>>().join("; ");
        graph.nodes[at].tooltip = format!("{} times: {inside}", self.repetitions[block].len());
        at
    }
}

/// What stands first in a node: its name, or its operation with the numbers that it takes.
fn name(node: &Drawn, all: &[Drawn], found: &[Option<usize>]) -> String {
    let number = |s: usize| all[s].value.as_deref().map(|v| v.rsplit("] ").next().unwrap_or(v));
    let is_hidden = |&s: &usize| all[s].is_constant && found[s].is_none();
    let op = match node.sources.iter().any(is_hidden) {
        true => {
            let each = node.sources.iter().map(|&s| match is_hidden(&s) {
                true => number(s).unwrap_or("?"),
                false => "·",
            });
            format!("{}({})", node.op, each.collect::<Vec<_>>().join(", "))
        }
        false => node.op.clone(),
    };
    match &node.name {
        Some(name) if node.sources.is_empty() => name.clone(),
        Some(name) => format!("{name} = {op}"),
        None => op,
    }
}

/// The longest way to each node. A folded node stands in the list before some of its sources, so
/// nodes are taken when all that leads to them is done.
fn ranks(graph: &Graph, places: &mut [Place]) {
    let mut out: Vec<Vec<usize>> = vec![vec![]; places.len()];
    let mut waits = vec![0usize; places.len()];
    for &(from, to) in &graph.edges {
        out[from].push(to);
        waits[to] += 1;
    }
    let mut ready: Vec<usize> = (0..places.len()).filter(|&v| waits[v] == 0).collect();
    while let Some(v) = ready.pop() {
        for &w in &out[v] {
            places[w].rank = places[w].rank.max(places[v].rank + 1);
            waits[w] -= 1;
            if waits[w] == 0 {
                ready.push(w);
            }
        }
    }
}
