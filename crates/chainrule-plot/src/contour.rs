//! Lines and areas of equal value over a lattice: marching squares.
//!
//! Each cell of four lattice points is cut by the level on those of its sides whose ends lie on both
//! sides of it; the pieces of neighbouring cells share their end points and are joined into lines.
//! In the ambiguous case of a saddle the mean of the four corners decides. An area above a level is
//! the union of each cell's part, cut out of its four triangles about the middle; cells wholly inside
//! are joined along the row.
//!
//! # References
//!
//! W. E. Lorensen, H. E. Cline, Computer Graphics 21, 1987 (the three-dimensional case).

use std::collections::HashMap;

use crate::figure::Grid;
use crate::shape::{Point, cut};

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

/// Polygons that cover where the values are not below `level`.
pub(crate) fn above(grid: &Grid, level: f64) -> Vec<Vec<Point>> {
    let mut rings = Vec::new();
    let cells = grid.x.len().saturating_sub(1);
    for j in 0..grid.y.len().saturating_sub(1) {
        let (low, high) = (grid.y[j], grid.y[j + 1]);
        let mut run: Option<usize> = None;
        for i in 0..=cells {
            let corners = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)];
            let values = corners.map(|(i, j)| if i <= cells { grid.at(i, j) } else { f64::NAN });
            let whole = i < cells && values.iter().all(|v| *v >= level);
            match (whole, run) {
                (true, None) => run = Some(i),
                (false, Some(from)) => {
                    let (a, b) = (grid.x[from], grid.x[i]);
                    rings.push(vec![(a, low), (b, low), (b, high), (a, high)]);
                    run = None;
                }
                _ => {}
            }
            let part = i < cells && !whole && values.iter().any(|v| *v >= level);
            if part && values.iter().all(|v| v.is_finite()) {
                let places = corners.map(|(i, j)| (grid.x[i], grid.y[j]));
                rings.extend(cell(places, values, level));
            }
        }
    }
    rings
}

fn cell(places: [Point; 4], values: [f64; 4], level: f64) -> Vec<Vec<Point>> {
    let middle = values.iter().map(|v| v / 4.0).sum::<f64>();
    let centre = ((places[0].0 + places[1].0) / 2.0, (places[0].1 + places[2].1) / 2.0);
    let triangle = |k: usize| {
        let (a, b) = (k, (k + 1) % 4);
        let depths = [values[a] - level, values[b] - level, middle - level];
        let corners = [places[a], places[b], centre];
        let depth = |p: Point| {
            let at = corners.iter().position(|q| *q == p);
            at.map_or(0.0, |at| depths[at])
        };
        cut(&corners, depth)
    };
    (0..4).map(triangle).filter(|ring| ring.len() > 2).collect()
}

/// About `count` levels at multiples of 1, 2 or 5 times a power of ten.
pub fn levels(grid: &Grid, count: usize) -> Vec<f64> {
    let Some((low, high)) = grid.extent() else { return Vec::new() };
    let span = crate::scale::Span::new(crate::scale::Scale::Linear, low, high);
    span.ticks(count, |_| true).major.into_iter().map(|tick| tick.0).collect()
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
        let whole: f64 = above(&grid, 0.0).iter().map(area).sum();
        assert!((whole - std::f64::consts::PI).abs() < 5e-3, "{whole}");
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
