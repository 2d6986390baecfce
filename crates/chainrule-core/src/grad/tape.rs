//! The part of a graph that a derivative goes through, in order.
//!
//! A pass over a graph needs each node's sources and their places in the order. [`Walked`] reads
//! them where they are, under the graph's key, which is fastest. No user code may run under the
//! key, so a pass that meets rules of the user's own, or hooks, first makes a [`Copied`] tape.

use chainrule_kernels::guarded::{Key, lock};
use smallvec::SmallVec;

use crate::graph::Tensor;
use crate::graph::node::{Node, Sources};
use crate::graph::walk::Walk;
use crate::op::Op;

/// Nodes with their sources, sources first.
pub(super) trait Tape {
    fn nodes(&self) -> &[&Tensor];
    /// The sources of node `i`; none where differentiation ends.
    fn src(&self, i: usize) -> &[Tensor];
    /// The place of source `j` of node `i`, if it is on the tape.
    fn place(&self, i: usize, j: usize) -> Option<usize>;
    /// The place of a node.
    fn find(&self, node: &Tensor) -> Option<usize>;
}

/// Whether differentiation goes through a node that is younger than `oldest`.
fn enters(node: &Node, oldest: u64) -> bool {
    node.is_inner() && node.serial > oldest
}

struct Walked<'a> {
    key: &'a Key,
    walk: Walk<'a>,
    oldest: u64,
}

impl Tape for Walked<'_> {
    fn nodes(&self) -> &[&Tensor] {
        &self.walk.nodes
    }
    fn src(&self, i: usize) -> &[Tensor] {
        let node = &self.walk.nodes[i].0;
        if enters(node, self.oldest) { node.src.get(self.key) } else { &[] }
    }
    fn place(&self, i: usize, j: usize) -> Option<usize> {
        let source = &self.src(i)[j].0;
        if source.tracks() { self.walk.index(source) } else { None }
    }
    fn find(&self, node: &Tensor) -> Option<usize> {
        self.walk.index(&node.0)
    }
}

struct Copied<'a> {
    nodes: Vec<&'a Tensor>,
    src: Vec<Sources>,
    places: Vec<SmallVec<[Option<u32>; 2]>>,
    roots: Vec<(&'a Tensor, Option<usize>)>,
}

impl Tape for Copied<'_> {
    fn nodes(&self) -> &[&Tensor] {
        &self.nodes
    }
    fn src(&self, i: usize) -> &[Tensor] {
        &self.src[i]
    }
    fn place(&self, i: usize, j: usize) -> Option<usize> {
        self.places[i][j].map(|p| p as usize)
    }
    fn find(&self, node: &Tensor) -> Option<usize> {
        self.roots.iter().find(|(root, _)| root.0.serial == node.0.serial)?.1
    }
}

/// What is done with a tape.
pub(super) trait Pass {
    type Output;
    fn run(self, tape: &impl Tape) -> Self::Output;
}

/// Whether user code runs where a derivative passes.
fn runs_user_code(node: &Node) -> bool {
    matches!(node.op, Op::Custom(_) | Op::Call(_)) || node.extra.get().is_some()
}

/// Runs a pass over the nodes below `roots` that can depend on something younger than `oldest`.
pub(super) fn pass<P: Pass>(roots: &[Tensor], oldest: u64, pass: P) -> P::Output {
    let key = lock();
    let walk = Walk::new(&key, roots, |node| enters(node, oldest));
    let walked = Walked { key: &key, walk, oldest };
    if !walked.walk.nodes.iter().any(|n| runs_user_code(&n.0)) {
        return pass.run(&walked);
    }
    let n = walked.walk.nodes.len();
    let nodes: Vec<Tensor> = walked.walk.nodes.iter().map(|&n| n.clone()).collect();
    let src: Vec<Sources> = (0..n).map(|i| walked.src(i).iter().cloned().collect()).collect();
    let places = (0..n)
        .map(|i| (0..src[i].len()).map(|j| walked.place(i, j).map(|p| p as u32)).collect())
        .collect();
    let roots = roots.iter().map(|root| (root, walked.find(root))).collect();
    drop(walked);
    drop(key);
    pass.run(&Copied { nodes: nodes.iter().collect(), src, places, roots })
}
