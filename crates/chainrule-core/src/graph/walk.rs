//! Visiting graphs in topological order, sources first, without recursion.
//!
//! Marks live in the nodes; the walk that holds the key owns them until it lets the key go. A
//! node's mark is the walk's epoch and the node's place in the order.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use chainrule_kernels::guarded::Key;

use super::node::{Node, Tensor};

static EPOCH: AtomicU64 = AtomicU64::new(1);

/// Bits of a mark that hold the place; the others hold the epoch.
const PLACE: u32 = 28;

/// The nodes reachable from some roots, each after its sources.
pub(crate) struct Walk<'a> {
    epoch: u64,
    /// The nodes in order.
    pub(crate) nodes: Vec<&'a Tensor>,
}

impl<'a> Walk<'a> {
    /// Walks from `roots` to the sources of each node for which `enter` holds.
    pub(crate) fn new(
        key: &'a Key,
        roots: impl IntoIterator<Item = &'a Tensor>,
        enter: impl Fn(&Node) -> bool,
    ) -> Walk<'a> {
        let epoch = EPOCH.fetch_add(1, Relaxed) << PLACE;
        let mut nodes = Vec::new();
        let mut stack: Vec<(&'a Tensor, u32)> = Vec::new();
        for root in roots {
            stack.push((root, 0));
            while let Some((tensor, next)) = stack.pop() {
                let node = &tensor.0;
                if node.mark.load(Relaxed) >= epoch {
                    continue;
                }
                let src = if enter(node) { node.src.get(key).as_slice() } else { &[] };
                // The next source that has no place yet.
                let unseen = |i: &usize| src[*i].0.mark.load(Relaxed) < epoch;
                if let Some(i) = (next as usize..src.len()).find(unseen) {
                    stack.push((tensor, i as u32 + 1));
                    stack.push((&src[i], 0));
                } else {
                    node.mark.store(epoch | nodes.len() as u64, Relaxed);
                    nodes.push(tensor);
                }
            }
        }
        Walk { epoch, nodes }
    }

    /// A node's place in the order, if it was reached.
    #[inline]
    pub(crate) fn index(&self, node: &Node) -> Option<usize> {
        let mark = node.mark.load(Relaxed);
        let place = mark & ((1 << PLACE) - 1);
        (mark - place == self.epoch).then_some(place as usize)
    }
}
