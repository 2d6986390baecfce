//! First step: ranks, so that edges point down, and nodes where long edges pass.
//!
//! Edges that close a cycle are turned round. Each node lies one rank below the lowest of those it
//! comes from; then nodes with more edges down than up sink towards those they lead to, which
//! shortens the sum of all edges as a network simplex would, if not to the very minimum.

use super::{Layers, MOST};
use crate::Error;

/// Nodes of these widths and heights in ranks, joined by the edges.
pub(super) fn layers(sizes: &[(f64, f64)], edges: &[(usize, usize)]) -> Result<Layers, Error> {
    let n = sizes.len();
    if n > MOST || edges.len() > MOST {
        return Err(large(n, edges.len()));
    }
    let turned = back_edges(n, edges);
    let down: Vec<(usize, usize)> = edges
        .iter()
        .zip(&turned)
        .map(|(&(from, to), turned)| if *turned { (to, from) } else { (from, to) })
        .collect();
    let rank = ranks(n, &down);
    let passing: usize = down.iter().map(|(from, to)| rank[*to] - rank[*from] - 1).sum();
    if n + passing > MOST {
        return Err(large(n, edges.len()));
    }
    let mut layers = Layers {
        width: sizes.iter().map(|size| size.0).collect(),
        rows: vec![Vec::new(); rank.iter().max().map_or(0, |most| most + 1)],
        up: vec![Vec::new(); n],
        down: vec![Vec::new(); n],
        ways: Vec::new(),
        real: n,
    };
    for (v, r) in rank.iter().enumerate() {
        layers.rows[*r].push(v);
    }
    for ((from, to), turned) in down.into_iter().zip(turned) {
        let mut way = vec![from];
        for row in &mut layers.rows[rank[from] + 1..rank[to]] {
            let v = layers.width.len();
            layers.width.push(0.0);
            layers.up.push(Vec::new());
            layers.down.push(Vec::new());
            row.push(v);
            way.push(v);
        }
        way.push(to);
        for pair in way.windows(2) {
            layers.down[pair[0]].push(pair[1]);
            layers.up[pair[1]].push(pair[0]);
        }
        layers.ways.push((way, turned));
    }
    Ok(layers)
}

fn large(nodes: usize, edges: usize) -> Error {
    Error(format!(
        "a graph of {nodes} nodes and {edges} edges is too large to be looked at: draw a part \
         of it, or write DOT"
    ))
}

/// Which edges lead back to a node on the way of a depth-first search.
fn back_edges(n: usize, edges: &[(usize, usize)]) -> Vec<bool> {
    let mut out = vec![Vec::new(); n];
    for (k, (from, to)) in edges.iter().enumerate() {
        out[*from].push((k, *to));
    }
    let mut back = vec![false; edges.len()];
    let (mut seen, mut open) = (vec![false; n], vec![false; n]);
    for root in 0..n {
        let mut way = if seen[root] { Vec::new() } else { vec![(root, 0)] };
        while let Some((v, next)) = way.last_mut() {
            let v = *v;
            (seen[v], open[v]) = (true, true);
            match out[v].get(*next) {
                Some(&(edge, to)) => {
                    *next += 1;
                    if open[to] {
                        back[edge] = true;
                    } else if !seen[to] {
                        way.push((to, 0));
                    }
                }
                None => {
                    open[v] = false;
                    way.pop();
                }
            }
        }
    }
    back
}

fn ranks(n: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let (mut up, mut down) = (vec![Vec::new(); n], vec![Vec::new(); n]);
    for (from, to) in edges {
        down[*from].push(*to);
        up[*to].push(*from);
    }
    let mut waiting: Vec<usize> = up.iter().map(Vec::len).collect();
    let mut order: Vec<usize> = (0..n).filter(|v| waiting[*v] == 0).collect();
    let mut rank = vec![0usize; n];
    let mut at = 0;
    while let Some(&v) = order.get(at) {
        at += 1;
        for &to in &down[v] {
            rank[to] = rank[to].max(rank[v] + 1);
            waiting[to] -= 1;
            if waiting[to] == 0 {
                order.push(to);
            }
        }
    }
    for _ in 0..8 {
        for &v in order.iter().rev().filter(|v| down[**v].len() > up[**v].len()) {
            let lowest = down[v].iter().map(|to| rank[*to]).min().unwrap_or(1);
            rank[v] = rank[v].max(lowest - 1);
        }
        for &v in order.iter().filter(|v| up[**v].len() > down[**v].len()) {
            let highest = up[v].iter().map(|from| rank[*from]).max().unwrap_or(0);
            rank[v] = rank[v].min(highest + 1);
        }
    }
    rank
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_point_down_and_are_short() {
        let rank = ranks(5, &[(0, 1), (1, 2), (3, 2), (4, 0)]);
        assert_eq!(rank, [1, 2, 3, 2, 0], "3 is needed late, so it stands low");
    }

    #[test]
    fn one_edge_of_a_cycle_is_turned() {
        let back = back_edges(3, &[(0, 1), (1, 2), (2, 0)]);
        assert_eq!(back, [false, false, true]);
    }

    #[test]
    fn a_long_edge_passes_each_rank() {
        let sizes = [(10.0, 10.0); 3];
        let layers = layers(&sizes, &[(0, 1), (1, 2), (0, 2)]).expect("ranks");
        assert_eq!(layers.width.len(), 4);
        assert_eq!(layers.ways[2].0, [0, 3, 2]);
    }
}
