//! Second step: an order within the ranks such that few edges cross.
//!
//! Sweeps down and up put each node at the median of its neighbours in the rank before; between
//! them, neighbours are exchanged as long as that helps. The best order met is kept. Crossings of
//! two ranks are inversions, counted with a Fenwick tree.

use super::Layers;

const SWEEPS: usize = 24;

/// Reorders the rows.
pub(super) fn untangle(layers: &mut Layers) {
    start(layers);
    let mut best = (crossings(layers), layers.rows.clone());
    let mut idle = 0;
    for sweep in 0..SWEEPS {
        let downwards = sweep % 2 == 0;
        medians(layers, downwards);
        if layers.width.len() < 3000 {
            exchange(layers);
        }
        let now = crossings(layers);
        if now < best.0 {
            best = (now, layers.rows.clone());
            idle = 0;
        } else {
            idle += 1;
        }
        if best.0 == 0 || idle > 6 {
            break;
        }
    }
    layers.rows = best.1;
}

/// The order in which a depth-first search over neighbours below meets them.
fn start(layers: &mut Layers) {
    let n = layers.width.len();
    let mut met = vec![usize::MAX; n];
    let mut count = 0;
    let roots: Vec<usize> = layers.rows.iter().flatten().copied().collect();
    for root in roots {
        let mut stack = vec![root];
        while let Some(v) = stack.pop() {
            if met[v] == usize::MAX {
                met[v] = count;
                count += 1;
                stack.extend(layers.down[v].iter().rev());
                stack.extend(layers.up[v].iter().rev());
            }
        }
    }
    for row in &mut layers.rows {
        row.sort_by_key(|v| met[*v]);
    }
}

fn positions(layers: &Layers) -> Vec<usize> {
    let mut at = vec![0; layers.width.len()];
    for row in &layers.rows {
        row.iter().enumerate().for_each(|(k, v)| at[*v] = k);
    }
    at
}

fn medians(layers: &mut Layers, downwards: bool) {
    let mut at = positions(layers);
    let many = layers.rows.len();
    for step in 1..many {
        let r = if downwards { step } else { many - 1 - step };
        let before = if downwards { &layers.up } else { &layers.down };
        let mut keyed: Vec<(f64, usize)> = layers.rows[r]
            .iter()
            .map(|v| (median(&before[*v], &at).unwrap_or(at[*v] as f64), *v))
            .collect();
        keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
        layers.rows[r] = keyed.into_iter().map(|pair| pair.1).collect();
        layers.rows[r].iter().enumerate().for_each(|(k, v)| at[*v] = k);
    }
}

fn median(neighbours: &[usize], at: &[usize]) -> Option<f64> {
    let mut places: Vec<usize> = neighbours.iter().map(|v| at[*v]).collect();
    places.sort_unstable();
    let (n, m) = (places.len(), places.len() / 2);
    match n {
        0 => None,
        _ if n % 2 == 1 => Some(places[m] as f64),
        _ => Some((places[m - 1] + places[m]) as f64 / 2.0),
    }
}

/// Exchanges neighbours in a row while that leaves fewer crossings with both rows beside it.
fn exchange(layers: &mut Layers) {
    let mut at = positions(layers);
    for _ in 0..4 {
        let mut better = false;
        for r in 0..layers.rows.len() {
            for k in 1..layers.rows[r].len() {
                let (a, b) = (layers.rows[r][k - 1], layers.rows[r][k]);
                let pairs = |p: usize, q: usize| {
                    between(&layers.up[p], &layers.up[q], &at)
                        + between(&layers.down[p], &layers.down[q], &at)
                };
                if pairs(b, a) < pairs(a, b) {
                    layers.rows[r].swap(k - 1, k);
                    (at[a], at[b]) = (k, k - 1);
                    better = true;
                }
            }
        }
        if !better {
            return;
        }
    }
}

/// Crossings of the edges of two nodes, the first left of the second, with one other row.
fn between(left: &[usize], right: &[usize], at: &[usize]) -> usize {
    left.iter().map(|a| right.iter().filter(|b| at[**b] < at[*a]).count()).sum()
}

/// The crossings of all edges.
pub(super) fn crossings(layers: &Layers) -> usize {
    let at = positions(layers);
    let mut sum = 0;
    for pair in layers.rows.windows(2) {
        let mut tree = vec![0usize; pair[1].len() + 1];
        let mut met = 0;
        for v in &pair[0] {
            let mut ends: Vec<usize> = layers.down[*v].iter().map(|to| at[*to]).collect();
            ends.sort_unstable();
            for end in &ends {
                let mut k = end + 1;
                let mut left = 0;
                while k > 0 {
                    left += tree[k];
                    k &= k - 1;
                }
                sum += met - left;
            }
            for end in ends {
                let mut k = end + 1;
                while k < tree.len() {
                    tree[k] += 1;
                    k += k & k.wrapping_neg();
                }
                met += 1;
            }
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::rank;

    #[test]
    fn crossings_are_counted() {
        let edges = [(0, 3), (1, 2)];
        let layers = rank::layers(&[(1.0, 1.0); 4], &edges).expect("ranks");
        assert_eq!(layers.rows, [[0, 1], [2, 3]]);
        assert_eq!(crossings(&layers), 1);
        let all: Vec<_> = (0..3).flat_map(|a| (3..6).map(move |b| (a, b))).collect();
        let layers = rank::layers(&[(1.0, 1.0); 6], &all).expect("ranks");
        assert_eq!(crossings(&layers), 9, "C(3, 2)² for the complete graph of three and three");
    }
}
