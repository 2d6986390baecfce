//! Visiting graphs in topological order, sources first, without recursion.
//!
//! Marks live in the nodes; the walk that holds the key owns them until it lets the key go. A
//! node's mark is the walk's epoch and the node's place in the order.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use chainrule_kernels::guarded::Key;

use super::node::{Node, Tensor};

static EPOCH: AtomicU64 = AtomicU64::new(1);

/// Bits of a mark that hold the place; the others hold the epoch.
const PLACE: u32 = 28;

/// The memory of a walk: the nodes that it found, and those that it is on its way from.
type Lists<'a> = (Vec<&'a Tensor>, Vec<(&'a Tensor, u32)>);

/// The memory of a walk over more nodes than this is given back: 24 MiB.
const MOST: usize = 1 << 20;

thread_local! {
    /// The memory of walks that are over.
    static LISTS: RefCell<Vec<Lists<'static>>> = const { RefCell::new(Vec::new()) };
}

/// An empty list in the memory of another: nothing is collected, so nothing is moved.
fn emptied<A, B>(mut list: Vec<A>) -> Vec<B> {
    list.clear();
    list.into_iter().map(|_| unreachable!("the list is empty")).collect()
}

/// The nodes reachable from some roots, each after its sources.
pub(crate) struct Walk<'a> {
    epoch: u64,
    stack: Vec<(&'a Tensor, u32)>,
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
        let (nodes, stack) = LISTS.with(|lists| lists.borrow_mut().pop()).unwrap_or_default();
        let (mut nodes, mut stack): Lists<'a> = (emptied(nodes), emptied(stack));
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
        Walk { epoch, stack, nodes }
    }

    /// A node's place in the order, if it was reached.
    #[inline]
    pub(crate) fn index(&self, node: &Node) -> Option<usize> {
        let mark = node.mark.load(Relaxed);
        let place = mark & ((1 << PLACE) - 1);
        (mark - place == self.epoch).then_some(place as usize)
    }
}

impl Drop for Walk<'_> {
    fn drop(&mut self) {
        if self.nodes.capacity() > MOST {
            return;
        }
        let nodes = emptied(std::mem::take(&mut self.nodes));
        let stack = emptied(std::mem::take(&mut self.stack));
        let _ = LISTS.try_with(|lists| lists.borrow_mut().push((nodes, stack)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emptied_list_keeps_its_memory() {
        let list: Vec<&u64> = Vec::with_capacity(100);
        let (at, capacity) = (list.as_ptr().addr(), list.capacity());
        let list: Vec<&'static u64> = emptied(list);
        assert_eq!((list.as_ptr().addr(), list.capacity()), (at, capacity));
    }
}
