//! Third step: abscissae that keep edges straight.
//!
//! Brandes and Köpf's method. Nodes are aligned with a median neighbour in the rank before, where
//! this does not cut the straight middle part of a long edge, and form blocks; blocks are pushed
//! together as far as the widths of their nodes allow. That is done four times, from above and from
//! below, to the left and to the right, and each node takes the mean of the middle two abscissae.

use std::collections::HashSet;

use super::Layers;

const GAP: f64 = 20.0;
const NARROW: f64 = 12.0;

/// The abscissa of the middle of each node.
pub(super) fn abscissae(layers: &Layers) -> Vec<f64> {
    let n = layers.width.len();
    let conflicts = conflicts(layers);
    let mut four: Vec<Vec<f64>> = Vec::new();
    for (upwards, mirrored) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut rows = layers.rows.clone();
        if upwards {
            rows.reverse();
        }
        if mirrored {
            rows.iter_mut().for_each(|row| row.reverse());
        }
        let before = if upwards { &layers.down } else { &layers.up };
        let root = aligned(n, &rows, before, &conflicts);
        let x = compact(layers, &rows, &root);
        four.push(if mirrored { x.iter().map(|x| -x).collect() } else { x });
    }
    level(layers, &mut four);
    let middle = |v: usize| {
        let mut at = [four[0][v], four[1][v], four[2][v], four[3][v]];
        at.sort_by(f64::total_cmp);
        (at[1] + at[2]) / 2.0
    };
    (0..n).map(middle).collect()
}

/// Edges that cross a part of a long edge between two nodes where it passes.
fn conflicts(layers: &Layers) -> HashSet<(usize, usize)> {
    let mut at = vec![0; layers.width.len()];
    for row in &layers.rows {
        row.iter().enumerate().for_each(|(k, v)| at[*v] = k);
    }
    let passes = |v: usize| v >= layers.real;
    let mut found = HashSet::new();
    for pair in layers.rows.windows(2) {
        let (upper, lower) = (&pair[0], &pair[1]);
        let (mut from, mut left) = (0, 0);
        for (k, v) in lower.iter().enumerate() {
            let inner = layers.up[*v].iter().find(|u| passes(*v) && passes(**u));
            if inner.is_none() && k + 1 < lower.len() {
                continue;
            }
            let right = inner.map_or(upper.len(), |u| at[*u]);
            for w in &lower[from..=k] {
                for u in layers.up[*w].iter().filter(|u| !(passes(**u) && passes(*w))) {
                    if at[*u] < left || at[*u] > right {
                        found.insert((*u, *w));
                    }
                }
            }
            (from, left) = (k + 1, right);
        }
    }
    found
}

/// The block of each node, named by its first node.
fn aligned(
    n: usize,
    rows: &[Vec<usize>],
    before: &[Vec<usize>],
    conflicts: &HashSet<(usize, usize)>,
) -> Vec<usize> {
    let mut at = vec![0; n];
    for row in rows {
        row.iter().enumerate().for_each(|(k, v)| at[*v] = k);
    }
    let mut root: Vec<usize> = (0..n).collect();
    let mut taken = vec![false; n];
    for row in rows.iter().skip(1) {
        let mut last: Option<usize> = None;
        for v in row {
            let mut near = before[*v].clone();
            near.sort_by_key(|u| at[*u]);
            near.dedup();
            let Some(most) = near.len().checked_sub(1) else { continue };
            for m in [most / 2, most.div_ceil(2)] {
                let u = near[m];
                let cut = conflicts.contains(&(u, *v)) || conflicts.contains(&(*v, u));
                if root[*v] == *v && !taken[u] && !cut && last.is_none_or(|last| last < at[u]) {
                    root[*v] = root[u];
                    taken[u] = true;
                    last = Some(at[u]);
                }
            }
        }
    }
    root
}

/// Blocks as far left as their neighbours allow, then each as near to its right neighbour as it can
/// be without moving others.
fn compact(layers: &Layers, rows: &[Vec<usize>], root: &[usize]) -> Vec<f64> {
    let n = root.len();
    let (mut left, mut right) = (vec![Vec::new(); n], vec![Vec::new(); n]);
    for pair in rows.iter().flat_map(|row| row.windows(2)) {
        let apart = apart(layers, pair[0], pair[1]);
        let (a, b) = (root[pair[0]], root[pair[1]]);
        left[b].push((a, apart));
        right[a].push((b, apart));
    }
    let mut waiting: Vec<usize> = left.iter().map(Vec::len).collect();
    let mut order: Vec<usize> = (0..n).filter(|v| root[*v] == *v && waiting[*v] == 0).collect();
    let mut x = vec![0.0f64; n];
    let mut k = 0;
    while let Some(&v) = order.get(k) {
        k += 1;
        x[v] = left[v].iter().map(|(a, apart)| x[*a] + apart).fold(0.0, f64::max);
        for (b, _) in &right[v] {
            waiting[*b] -= 1;
            if waiting[*b] == 0 {
                order.push(*b);
            }
        }
    }
    for &v in order.iter().rev() {
        let room = right[v].iter().map(|(b, apart)| x[*b] - apart).fold(f64::INFINITY, f64::min);
        if room.is_finite() {
            x[v] = x[v].max(room);
        }
    }
    (0..n).map(|v| x[root[v]]).collect()
}

fn apart(layers: &Layers, a: usize, b: usize) -> f64 {
    let both = a >= layers.real && b >= layers.real;
    (layers.width[a] + layers.width[b]) / 2.0 + if both { NARROW } else { GAP }
}

/// Shifts the four layouts onto the narrowest: its left end for those pushed left, its right end
/// for the others.
fn level(layers: &Layers, four: &mut [Vec<f64>]) {
    let reach = |x: &Vec<f64>| {
        let low = x.iter().zip(&layers.width).map(|(x, w)| x - w / 2.0);
        let high = x.iter().zip(&layers.width).map(|(x, w)| x + w / 2.0);
        (low.fold(f64::INFINITY, f64::min), high.fold(f64::NEG_INFINITY, f64::max))
    };
    let ends: Vec<(f64, f64)> = four.iter().map(reach).collect();
    let narrow = ends.iter().copied().min_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0)));
    let Some((low, high)) = narrow.filter(|ends| ends.0.is_finite()) else { return };
    for (k, x) in four.iter_mut().enumerate() {
        let shift = if k % 2 == 0 { low - ends[k].0 } else { high - ends[k].1 };
        x.iter_mut().for_each(|x| *x += shift);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::rank;

    #[test]
    fn a_node_stands_over_the_middle_of_its_two() {
        let layers = rank::layers(&[(40.0, 20.0); 3], &[(0, 1), (0, 2)]).expect("ranks");
        let x = abscissae(&layers);
        assert!((x[0] - (x[1] + x[2]) / 2.0).abs() < 1e-9, "{x:?}");
        assert_eq!((x[2] - x[1]).abs(), 40.0 + GAP);
    }

    #[test]
    fn a_long_edge_is_straight() {
        let edges = [(0, 1), (1, 2), (2, 3), (0, 3)];
        let layers = rank::layers(&[(40.0, 20.0); 4], &edges).expect("ranks");
        let x = abscissae(&layers);
        assert_eq!(x[4], x[5]);
    }
}
