//! Repeated blocks of a graph, such as the layers of a deep network.
//!
//! The longest path is the spine of a graph, from data if there are any: what is done to parameters
//! alone, such as a cast, does not count. Every other node belongs to the place on the spine
//! where it, or what it leads to, is first used; so an edge never leads back along the spine, and
//! what belongs to consecutive places can be drawn as one node without making a circle. A period
//! of the spine's labels that repeats three times or more is a candidate. It is a repetition if the
//! blocks are equal node by node: in each, the same operations on the same sources, a source being
//! a node of the block, of the block before, or one that all blocks share.
//!
//! Labels are compared for every period and the candidate that covers most is tried first: time
//! n²/2 in the length of the spine, comparisons of single words, for at most [`LONGEST`] places.

use std::cmp::Reverse;
use std::collections::HashMap;

/// The least number of blocks.
const LEAST: usize = 3;
/// The longest period that is looked for.
const LONGEST: usize = 1000;
/// The most repetitions in one graph.
const MOST: usize = 8;

/// Blocks that repeat: the nodes of each, in corresponding order.
pub(super) type Repetition = Vec<Vec<usize>>;

/// A graph whose nodes stand after their sources, the last one being the result.
pub(super) struct Graph<'a> {
    pub(super) labels: &'a [u64],
    pub(super) sources: &'a [Vec<usize>],
    /// Which nodes are data.
    pub(super) inputs: &'a [bool],
}

/// A stretch of the spine: where it starts, the period, and how often it repeats.
#[derive(Clone, Copy)]
struct Stretch {
    start: usize,
    period: usize,
    count: usize,
}

impl Graph<'_> {
    /// The repetitions, none overlapping another.
    pub(super) fn repetitions(&self) -> Vec<Repetition> {
        let spine = self.spine();
        let owned = self.owned(&spine);
        let labels: Vec<(u64, usize)> =
            spine.iter().zip(&owned).map(|(&v, all)| (self.labels[v], all.len())).collect();
        let (mut found, mut open) = (vec![], vec![(0, spine.len())]);
        while let Some((from, to)) = open.pop() {
            if found.len() == MOST {
                break;
            }
            let mut all = candidates(&labels[from..to]);
            all.sort_by_key(|s| (Reverse(s.period * s.count), s.period));
            let tried = all.iter().take(32).find_map(|s| {
                let s = Stretch { start: s.start + from, ..*s };
                self.verified(s, &owned)
            });
            if let Some((s, blocks)) = tried {
                open.push((s.start + s.period * s.count, to));
                open.push((from, s.start));
                found.push(blocks);
            }
        }
        found.sort();
        found
    }

    /// The longest path to the result, from its start.
    fn spine(&self) -> Vec<usize> {
        // 0 is no way at all; without data every leaf is a start.
        let any = self.inputs.contains(&true);
        let mut height = vec![0usize; self.sources.len()];
        for (v, sources) in self.sources.iter().enumerate() {
            let start = usize::from(self.inputs[v] || !any && sources.is_empty());
            let ways = sources.iter().map(|&s| height[s]).filter(|h| *h > 0);
            height[v] = ways.max().map_or(start, |h| h + 1);
        }
        let mut path: Vec<usize> = self.sources.len().checked_sub(1).into_iter().collect();
        while let Some(&v) = path.last() {
            match self.sources[v].iter().copied().max_by_key(|&s| (height[s], Reverse(s))) {
                Some(s) => path.push(s),
                None => break,
            }
        }
        path.reverse();
        path
    }

    /// For each place of the spine the nodes that belong to it, its own last.
    fn owned(&self, spine: &[usize]) -> Vec<Vec<usize>> {
        let mut owner = vec![usize::MAX; self.sources.len()];
        for (i, &v) in spine.iter().enumerate() {
            owner[v] = i;
        }
        for v in (0..self.sources.len()).rev() {
            for &s in &self.sources[v] {
                owner[s] = owner[s].min(owner[v]);
            }
        }
        let mut owned = vec![vec![]; spine.len()];
        for (v, &i) in owner.iter().enumerate() {
            if let Some(list) = owned.get_mut(i) {
                list.push(v);
            }
        }
        owned
    }

    /// The longest part of a stretch whose blocks are equal, with the blocks.
    fn verified(&self, stretch: Stretch, owned: &[Vec<usize>]) -> Option<(Stretch, Repetition)> {
        let Stretch { start, period, count } = stretch;
        let block = |k: usize| -> Vec<usize> {
            let from = start + k * period;
            let mut all = owned[from..from + period].concat();
            all.sort_unstable();
            all
        };
        let blocks: Vec<Vec<usize>> = (0..count).map(block).collect();
        let (mut best, mut first): (usize, usize) = (0, 0);
        let mut from = 0;
        // A block's form tells its sources in the block before; the first block has none.
        for k in 1..=count {
            let same = k < count && self.equal(&blocks, from, k);
            if !same {
                if k - from > best {
                    (best, first) = (k - from, from);
                }
                from = k;
            }
        }
        let start = start + first * period;
        let blocks = blocks[first..first + best].to_vec();
        (best >= LEAST).then_some((Stretch { start, period, count: best }, blocks))
    }

    /// Whether block `k` is like the one before it, of a repetition that begins at `from`.
    fn equal(&self, blocks: &[Vec<usize>], from: usize, k: usize) -> bool {
        let (a, b) = (&blocks[k - 1], &blocks[k]);
        if a.len() != b.len() || !a.iter().zip(b).all(|(&v, &w)| self.labels[v] == self.labels[w]) {
            return false;
        }
        let places = |block: &[usize]| -> HashMap<usize, usize> {
            block.iter().enumerate().map(|(i, &v)| (v, i)).collect()
        };
        let (here, there) = (places(b), places(a));
        let before = if k >= 2 && k - 1 > from { places(&blocks[k - 2]) } else { HashMap::new() };
        a.iter().zip(b).all(|(&v, &w)| {
            let (x, y) = (&self.sources[v], &self.sources[w]);
            x.len() == y.len()
                && x.iter().zip(y).all(|(&s, &t)| match (here.get(&t), there.get(&t)) {
                    (Some(i), _) => there.get(&s) == Some(i),
                    (_, Some(i)) if k - 1 > from => before.get(&s) == Some(i),
                    // What enters the first block comes from outside.
                    (_, Some(_)) => !there.contains_key(&s),
                    _ => s == t,
                })
        })
    }
}

/// The stretches of labels that repeat with any period.
fn candidates(labels: &[(u64, usize)]) -> Vec<Stretch> {
    let mut all = vec![];
    for period in 1..=(labels.len() / LEAST).min(LONGEST) {
        let mut run = 0;
        for i in 0..=labels.len() - period {
            if i + period < labels.len() && labels[i] == labels[i + period] {
                run += 1;
                continue;
            }
            let start = i - run;
            for shift in 0..=(run % period).min(8) {
                let count = (run + period - shift) / period;
                if count >= LEAST {
                    all.push(Stretch { start: start + shift, period, count });
                }
            }
            run = 0;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(nodes: &[(u64, &[usize])]) -> Vec<Repetition> {
        let labels: Vec<u64> = nodes.iter().map(|n| n.0).collect();
        let sources: Vec<Vec<usize>> = nodes.iter().map(|n| n.1.to_vec()).collect();
        Graph { labels: &labels, sources: &sources, inputs: &vec![false; nodes.len()] }
            .repetitions()
    }

    #[test]
    fn layers_with_weights() {
        // x, then three times w, matmul, relu.
        let nodes: &[(u64, &[usize])] = &[
            (0, &[]),
            (1, &[]),
            (2, &[0, 1]),
            (3, &[2]),
            (1, &[]),
            (2, &[3, 4]),
            (3, &[5]),
            (1, &[]),
            (2, &[6, 7]),
            (3, &[8]),
            (4, &[9]),
        ];
        assert_eq!(of(nodes), [[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]);
    }

    #[test]
    fn equal_operations_on_other_sources_are_no_repetition() {
        // Each adds something, but from further and further back.
        let nodes: &[(u64, &[usize])] =
            &[(0, &[]), (1, &[0, 0]), (1, &[1, 0]), (1, &[2, 1]), (1, &[3, 0]), (4, &[4])];
        assert!(of(nodes).is_empty(), "{:?}", of(nodes));
        // The same with one shared source is one.
        let nodes: &[(u64, &[usize])] =
            &[(0, &[]), (1, &[0, 0]), (1, &[1, 0]), (1, &[2, 0]), (1, &[3, 0]), (4, &[4])];
        assert_eq!(of(nodes), [[[1], [2], [3], [4]]]);
    }

    #[test]
    fn empty_and_single() {
        assert!(of(&[]).is_empty());
        assert!(of(&[(0, &[])]).is_empty());
    }
}
