//! Lines and areas of equal value over a lattice: marching squares.
//!
//! Each cell of four lattice points is cut by the level on those of its sides whose ends lie on
//! both sides of it; the pieces of neighbouring cells share their end points and are joined into
//! lines. In the ambiguous case of a saddle the mean of the four corners decides. With a border
//! that lies below, all lines are closed and are the outline of the area above their level.
//!
//! # References
//!
//! W. E. Lorensen, H. E. Cline, Computer Graphics 21, 1987 (the three-dimensional case).

use std::collections::HashMap;

use crate::figure::Grid;
use crate::scale::{Scale, Span, Ticks};
use crate::shape::Point;

/// A side of a cell: its lower left lattice point, and whether it is upright.
type Side = (usize, usize, bool);

/// The lines where the values pass `level`, in the grid's coordinates; closed ones end where they
/// start.
pub(crate) fn lines(grid: &Grid, level: f64) -> Vec<Vec<Point>> {
    let mut next: HashMap<Side, Vec<Side>> = HashMap::new();
    let mut order = Vec::new();
    for j in 0..grid.y.len().saturating_sub(1) {
        for i in 0..grid.x.len().saturating_sub(1) {
            for (a, b) in pieces(grid, i, j, level) {
                next.entry(a).or_default().push(b);
                next.entry(b).or_default().push(a);
                order.push(a);
            }
        }
    }
    let open = next.iter().filter(|(_, to)| to.len() == 1);
    let mut starts: Vec<Side> = open.map(|(side, _)| *side).collect();
    starts.sort_unstable();
    starts.extend(order);
    starts.iter().filter_map(|start| walk(grid, level, *start, &mut next)).collect()
}

fn walk(
    grid: &Grid,
    level: f64,
    start: Side,
    next: &mut HashMap<Side, Vec<Side>>,
) -> Option<Vec<Point>> {
    let mut line = vec![crossing(grid, start, level)];
    let mut at = start;
    while let Some(to) = next.get_mut(&at).and_then(Vec::pop) {
        if let Some(back) = next.get_mut(&to)
            && let Some(k) = back.iter().position(|side| *side == at)
        {
            back.swap_remove(k);
        }
        line.push(crossing(grid, to, level));
        at = to;
    }
    (line.len() > 1).then_some(line)
}

fn pieces(grid: &Grid, i: usize, j: usize, level: f64) -> Vec<(Side, Side)> {
    let corners = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)].map(|(i, j)| grid.at(i, j));
    if !corners.iter().all(|v| v.is_finite()) {
        return Vec::new();
    }
    let above = corners.map(|v| v >= level);
    let sides: [Side; 4] = [(i, j, false), (i + 1, j, true), (i, j + 1, false), (i, j, true)];
    let cuts: Vec<Side> =
        (0..4).filter(|k| above[*k] != above[(k + 1) % 4]).map(|k| sides[k]).collect();
    match cuts[..] {
        [a, b] => vec![(a, b)],
        [a, b, c, d] => {
            let middle = corners.iter().map(|v| v / 4.0).sum::<f64>() >= level;
            if middle == above[0] { vec![(a, b), (c, d)] } else { vec![(a, d), (b, c)] }
        }
        _ => Vec::new(),
    }
}

fn crossing(grid: &Grid, (i, j, upright): Side, level: f64) -> Point {
    let (k, l) = if upright { (i, j + 1) } else { (i + 1, j) };
    let (a, b) = (grid.at(i, j), grid.at(k, l));
    let t = ((level / 2.0 - a / 2.0) / (b / 2.0 - a / 2.0)).clamp(0.0, 1.0);
    let mix = |a: f64, b: f64| a + t * (b - a);
    (mix(grid.x[i], grid.x[k]), mix(grid.y[j], grid.y[l]))
}

/// Rings of which an odd number goes round each place where the values are not below `level`: the
/// lines of a grid with a border of no width that lies below. Values that are not finite are below.
pub(crate) fn above(grid: &Grid, level: f64) -> Vec<Vec<Point>> {
    const BELOW: f64 = -1e300;
    let bordered = |places: &[f64]| -> Vec<f64> {
        let ends = [places.first(), places.last()].map(|end| end.copied().into_iter());
        let [first, last] = ends;
        first.chain(places.iter().copied()).chain(last).collect()
    };
    let (x, y) = (bordered(&grid.x), bordered(&grid.y));
    let value = |k: usize| {
        let (i, j) = (k % x.len(), k / x.len());
        let inside = (1..=grid.x.len()).contains(&i) && (1..=grid.y.len()).contains(&j);
        let v = if inside { grid.at(i - 1, j - 1) } else { BELOW };
        if v.is_finite() { v.max(BELOW) } else { BELOW }
    };
    let values = (0..x.len() * y.len()).map(value).collect();
    lines(&Grid { x, y, values }, level)
}

/// The finite levels in ascending order, each once, and at most a hundred.
pub(crate) fn usable(levels: &[f64]) -> Vec<f64> {
    let mut levels = crate::stat::sorted(levels);
    levels.dedup();
    levels.truncate(100);
    levels
}

/// About `count` levels at multiples of 1, 2 or 5 times a power of ten, inside the range of the
/// values.
pub fn levels(grid: &Grid, count: usize) -> Vec<f64> {
    let Some((low, high)) = grid.extent() else { return Vec::new() };
    let span = Span::new(Scale::Linear, low, high);
    let many = |ticks: &Ticks| ticks.major.len() <= count.max(1) + count / 3;
    span.ticks(2 * count, many).major.into_iter().map(|tick| tick.0).collect()
}

/// The same with a level more at each end, so that areas between levels cover all values.
pub fn steps(grid: &Grid, count: usize) -> Vec<f64> {
    let inner = levels(grid, count);
    let (Some((low, high)), [first, second, ..]) = (grid.extent(), &inner[..]) else {
        return inner;
    };
    let step = second - first;
    let mut all = inner.clone();
    if low < *first {
        all.insert(0, first - step);
    }
    let last = inner[inner.len() - 1];
    if high > last {
        all.push(last + step);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(n: usize) -> Vec<f64> {
        (0..n).map(|k| -1.5 + 3.0 * k as f64 / (n - 1) as f64).collect()
    }

    #[test]
    fn a_circle_is_one_closed_line_with_its_area() {
        let grid = Grid::of(&places(61), &places(61), |x, y| 1.0 - x * x - y * y);
        let lines = lines(&grid, 0.0);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].first(), lines[0].last());
        assert!(lines[0].iter().all(|p| (p.0.hypot(p.1) - 1.0).abs() < 1e-3));
        let area = |ring: &Vec<Point>| -> f64 {
            let next = |k: usize| ring[(k + 1) % ring.len()];
            ring.iter().enumerate().map(|(k, p)| p.0 * next(k).1 - next(k).0 * p.1).sum::<f64>()
                / 2.0
        };
        let discs = above(&grid, 0.0);
        assert_eq!(discs.len(), 1);
        assert!((area(&discs[0]).abs() - std::f64::consts::PI).abs() < 5e-3);
        let frame = above(&grid, -100.0);
        assert!(frame.len() == 1 && (area(&frame[0]).abs() - 9.0).abs() < 1e-9);
    }

    #[test]
    fn a_plane_is_one_open_line_and_a_saddle_is_two() {
        let grid = Grid::of(&places(5), &places(4), |x, y| x + 0.1 * y);
        assert_eq!(lines(&grid, 0.2).len(), 1);
        assert_eq!(lines(&grid, 0.2)[0].len(), 4);
        let saddle = Grid::matrix(&[1.0, 0.0, 0.0, 1.0], 2);
        assert_eq!(lines(&saddle, 0.6).len(), 2);
        assert_eq!(lines(&Grid::matrix(&[f64::NAN; 4], 2), 0.0).len(), 0);
        assert_eq!(lines(&Grid::default(), 0.0).len(), 0);
    }
}
