//! What a figure consists of once its layout is known: lines, areas, dots and texts in pixels.
//!
//! Marks become shapes, and shapes are what is written, what legends avoid and what tests measure.
//! Everything a mark draws is cut to its frame here, by arithmetic, so that no coordinate in a file
//! is far outside the figure; lines and areas are cut at one side after the other, as
//! Sutherland and Hodgman do.
//!
//! # References
//!
//! I. E. Sutherland, G. W. Hodgman, Commun. ACM 17, 1974. U. Jugel et al., *M4*, VLDB 2014: a line
//! needs four points for each column of pixels.

use crate::font;
use crate::theme::Ink;

/// A point in pixels, y downwards.
pub(crate) type Point = (f64, f64);

/// A rectangle with its sides parallel to the figure's.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Rect {
    /// Left side.
    pub(crate) x: f64,
    /// Top side.
    pub(crate) y: f64,
    /// Width, not negative.
    pub(crate) w: f64,
    /// Height, not negative.
    pub(crate) h: f64,
}

impl Rect {
    /// The right side.
    pub(crate) fn right(self) -> f64 {
        self.x + self.w
    }

    /// The bottom side.
    pub(crate) fn bottom(self) -> f64 {
        self.y + self.h
    }

    /// Whether two rectangles share more than a border.
    pub(crate) fn meets(self, other: Rect) -> bool {
        self.x < other.right() - 0.01
            && other.x < self.right() - 0.01
            && self.y < other.bottom() - 0.01
            && other.y < self.bottom() - 0.01
    }

    /// Whether `other` lies within, to a hundredth of a pixel.
    pub(crate) fn holds(self, other: Rect) -> bool {
        other.x >= self.x - 0.01
            && other.y >= self.y - 0.01
            && other.right() <= self.right() + 0.01
            && other.bottom() <= self.bottom() + 0.01
    }

    /// The rectangle moved outwards by `by` on each side.
    pub(crate) fn grown(self, by: f64) -> Rect {
        Rect { x: self.x - by, y: self.y - by, w: self.w + 2.0 * by, h: self.h + 2.0 * by }
    }
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dash {
    /// Without gaps.
    #[default]
    Solid,
    /// In dashes.
    Dashed,
    /// In dots.
    Dotted,
}

/// The form of a point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Marker {
    /// A disc.
    #[default]
    Circle,
    /// A square.
    Square,
    /// A triangle, its tip up.
    Triangle,
    /// A square on its corner.
    Diamond,
    /// Two crossed strokes.
    Cross,
}

/// A line's colour, width, dashes and opacity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stroke {
    pub(crate) ink: Ink,
    pub(crate) width: f64,
    pub(crate) dash: Dash,
    pub(crate) opacity: f64,
}

impl Stroke {
    pub(crate) fn new(ink: Ink, width: f64) -> Stroke {
        Stroke { ink, width, dash: Dash::Solid, opacity: 1.0 }
    }
}

/// Where a text's anchor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// One line of text. `at` is on its baseline; `turn` is in degrees, clockwise.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Text {
    pub(crate) at: Point,
    pub(crate) text: String,
    pub(crate) size: f64,
    pub(crate) anchor: Anchor,
    pub(crate) turn: f64,
    pub(crate) ink: Ink,
    pub(crate) halo: bool,
}

impl Text {
    /// A text whose capitals are centred on the height of `at`.
    pub(crate) fn level(at: Point, text: &str, size: f64, anchor: Anchor, ink: Ink) -> Text {
        let at = (at.0, at.1 + font::MIDDLE * size);
        Text { at, text: text.to_string(), size, anchor, turn: 0.0, ink, halo: false }
    }

    /// The corners of its line, in turn.
    pub(crate) fn corners(&self) -> [Point; 4] {
        let w = font::width(&self.text, self.size);
        let x = match self.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => -w / 2.0,
            Anchor::End => -w,
        };
        let (top, bottom) = (-font::ASCENT * self.size, font::DESCENT * self.size);
        let (sin, cos) = self.turn.to_radians().sin_cos();
        [(x, top), (x + w, top), (x + w, bottom), (x, bottom)]
            .map(|(x, y)| (self.at.0 + x * cos - y * sin, self.at.1 + x * sin + y * cos))
    }

    /// The smallest upright rectangle about it.
    pub(crate) fn bounds(&self) -> Rect {
        let corners = self.corners();
        let least = |of: fn(&Point) -> f64| corners.iter().map(of).fold(f64::INFINITY, f64::min);
        let most = |of: fn(&Point) -> f64| corners.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
        let (x, y) = (least(|p| p.0), least(|p| p.1));
        Rect { x, y, w: most(|p| p.0) - x, h: most(|p| p.1) - y }
    }
}

/// How an area is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edges {
    /// The union of its rings.
    Smooth,
    /// The same, at whole pixels, so that neighbours leave no gap.
    Crisp,
    /// What an odd number of rings goes round.
    Odd,
}

/// A part of a drawing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    Line {
        runs: Vec<Vec<Point>>,
        stroke: Stroke,
    },
    Area {
        rings: Vec<Vec<Point>>,
        fill: Ink,
        opacity: f64,
        edges: Edges,
    },
    /// Parts that are one, with what a reader sees who points at them.
    Group {
        parts: Vec<Shape>,
        opacity: f64,
        title: String,
    },
    Dots {
        at: Vec<Point>,
        radius: f64,
        marker: Marker,
        ink: Ink,
        opacity: f64,
    },
    Words(Text),
}

impl Shape {
    pub(crate) fn line(run: Vec<Point>, stroke: Stroke) -> Shape {
        Shape::Line { runs: vec![run], stroke }
    }

    pub(crate) fn area(ring: Vec<Point>, fill: Ink, opacity: f64) -> Shape {
        Shape::Area { rings: vec![ring], fill, opacity, edges: Edges::Smooth }
    }

    pub(crate) fn rect(r: Rect, fill: Ink, opacity: f64) -> Shape {
        Shape::area(ring(r), fill, opacity)
    }
}

/// The corners of a rectangle, in turn.
pub(crate) fn ring(r: Rect) -> Vec<Point> {
    vec![(r.x, r.y), (r.right(), r.y), (r.right(), r.bottom()), (r.x, r.bottom())]
}

/// One side of a frame: the coordinate it bounds, the sign of its inside, and where it is.
type Side = (usize, f64, f64);

fn sides(frame: Rect) -> [Side; 4] {
    let (right, bottom) = (frame.right(), frame.bottom());
    [(0, 1.0, frame.x), (0, -1.0, right), (1, 1.0, frame.y), (1, -1.0, bottom)]
}

fn depth(p: Point, (axis, sign, at): Side) -> f64 {
    sign * (if axis == 0 { p.0 } else { p.1 } - at)
}

/// Where the segment crosses a side; exactly on it, however far its ends are.
fn crossing(a: Point, b: Point, side: Side) -> Point {
    let (da, db) = (depth(a, side), depth(b, side));
    let t = da / (da - db);
    match side.0 {
        0 => (side.2, a.1 + t * (b.1 - a.1)),
        _ => (a.0 + t * (b.0 - a.0), side.2),
    }
}

/// The part of the segment from `a` to `b` inside `frame`.
pub(crate) fn clip_segment(mut a: Point, mut b: Point, frame: Rect) -> Option<(Point, Point)> {
    for side in sides(frame) {
        match (depth(a, side) < 0.0, depth(b, side) < 0.0) {
            (true, true) => return None,
            (true, false) => a = crossing(a, b, side),
            (false, true) => b = crossing(a, b, side),
            (false, false) => {}
        }
    }
    Some((a, b))
}

/// The parts of a line inside `frame`; it breaks where a point is not finite.
pub(crate) fn clip_line(points: &[Point], frame: Rect) -> Vec<Vec<Point>> {
    let mut runs: Vec<Vec<Point>> = Vec::new();
    let mut joined = false;
    for pair in points.windows(2) {
        let finite = [pair[0].0, pair[0].1, pair[1].0, pair[1].1].iter().all(|v| v.is_finite());
        let Some((a, b)) = finite.then(|| clip_segment(pair[0], pair[1], frame)).flatten() else {
            joined = false;
            continue;
        };
        match runs.last_mut() {
            Some(run) if joined && run.last() == Some(&a) => run.push(b),
            _ => runs.push(vec![a, b]),
        }
        joined = b == pair[1];
    }
    runs
}

/// The part of a polygon inside `frame`.
pub(crate) fn clip_area(points: &[Point], frame: Rect) -> Vec<Point> {
    let mut points = points.to_vec();
    for side in sides(frame) {
        let mut kept = Vec::with_capacity(points.len() + 4);
        for (k, &b) in points.iter().enumerate() {
            let a = points[(k + points.len() - 1) % points.len()];
            let inside = (depth(a, side) >= 0.0, depth(b, side) >= 0.0);
            if inside.0 != inside.1 {
                kept.push(crossing(a, b, side));
            }
            if inside.1 {
                kept.push(b);
            }
        }
        points = kept;
    }
    points
}

/// Above so many points, a line or a cloud is thinned.
const MANY: usize = 10_000;

/// A run with fewer points that looks the same: in each half column of pixels the first, lowest,
/// highest and last point where x does not turn back, else points that are apart.
pub(crate) fn thinned(run: Vec<Point>) -> Vec<Point> {
    if run.len() <= MANY {
        return run;
    }
    if run.windows(2).all(|pair| pair[0].0 <= pair[1].0) {
        return columns(&run);
    }
    let mut apart = 0.25;
    loop {
        let mut kept: Vec<Point> = Vec::new();
        for &p in &run {
            if kept.last().is_none_or(|q| (p.0 - q.0).hypot(p.1 - q.1) >= apart) {
                kept.push(p);
            }
        }
        if kept.len() <= MANY {
            return kept;
        }
        apart *= 2.0;
        if apart > 1e4 {
            return kept.into_iter().take(MANY).collect();
        }
    }
}

fn columns(run: &[Point]) -> Vec<Point> {
    let mut kept = Vec::new();
    for column in run.chunk_by(|a, b| (a.0 * 2.0).floor() == (b.0 * 2.0).floor()) {
        let by_y = |a: &(usize, &Point), b: &(usize, &Point)| a.1.1.total_cmp(&b.1.1);
        let low = column.iter().enumerate().min_by(by_y).map_or(0, |(k, _)| k);
        let high = column.iter().enumerate().max_by(by_y).map_or(0, |(k, _)| k);
        let mut picks = [0, low, high, column.len() - 1];
        picks.sort_unstable();
        let mut last = None;
        for k in picks.into_iter().filter(|k| last.replace(*k) != Some(*k)) {
            kept.push(column[k]);
        }
    }
    kept
}

/// A run without the points that lie within a tenth of a pixel of the line through their
/// neighbours: from each kept point, a sector narrows until the next point falls outside it.
pub(crate) fn straightened(run: &[Point]) -> Vec<Point> {
    const SLACK: f64 = 0.1;
    let [first, .., last] = run else { return run.to_vec() };
    let mut kept = vec![*first];
    let (mut anchor, mut before) = (*first, *first);
    let mut sector: Option<(f64, f64, f64, f64)> = None;
    for &p in &run[1..] {
        let d = (p.0 - anchor.0).hypot(p.1 - anchor.1);
        let angle = (p.1 - anchor.1).atan2(p.0 - anchor.0);
        if let Some((base, low, high, far)) = sector {
            let turn = (angle - base + std::f64::consts::PI).rem_euclid(std::f64::consts::TAU)
                - std::f64::consts::PI;
            if d >= far && (low..=high).contains(&turn) {
                let open = (SLACK / d).min(1.0).asin();
                sector = Some((base, low.max(turn - open), high.min(turn + open), d));
                before = p;
                continue;
            }
            kept.push(before);
            anchor = before;
        }
        let d = (p.0 - anchor.0).hypot(p.1 - anchor.1);
        let open = (SLACK / d.max(SLACK)).asin();
        sector = Some(((p.1 - anchor.1).atan2(p.0 - anchor.0), -open, open, d));
        before = p;
    }
    kept.push(*last);
    kept
}

/// Points of a cloud such that no two lie in one cell of a lattice, which is as fine as it can be
/// without leaving more than ten thousand.
pub(crate) fn sparse(points: &[Point]) -> Vec<Point> {
    let mut cell = 0.5;
    let mut kept = points.to_vec();
    while kept.len() > MANY {
        let key = |p: &Point| ((p.0 / cell).floor() as i64, (p.1 / cell).floor() as i64);
        let mut cells: Vec<_> = kept.iter().enumerate().map(|(k, p)| (key(p), k)).collect();
        cells.sort_unstable();
        cells.dedup_by_key(|cell| cell.0);
        let mut order: Vec<usize> = cells.into_iter().map(|cell| cell.1).collect();
        order.sort_unstable();
        kept = order.into_iter().map(|k| kept[k]).collect();
        cell *= 1.5;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: Rect = Rect { x: 0.0, y: 0.0, w: 1.0, h: 1.0 };

    #[test]
    fn a_line_is_cut_at_the_frame_and_at_gaps() {
        let line = [(-1.0, 0.5), (0.5, 0.5), (0.5, 3.0), (0.75, f64::NAN), (0.0, 0.0), (1.0, 1.0)];
        let runs = clip_line(&line, UNIT);
        assert_eq!(runs, [vec![(0.0, 0.5), (0.5, 0.5), (0.5, 1.0)], vec![(0.0, 0.0), (1.0, 1.0)]]);
        assert_eq!(clip_segment((-1.0, 2.0), (3.0, 2.0), UNIT), None);
        let huge = clip_segment((0.5, -1e300), (0.5, 1e300), UNIT);
        assert_eq!(huge, Some(((0.5, 0.0), (0.5, 1.0))));
    }

    #[test]
    fn an_area_is_cut_at_the_frame() {
        let ring = clip_area(&[(-1.0, -1.0), (3.0, -1.0), (3.0, 0.5), (-1.0, 0.5)], UNIT);
        let doubled: f64 = (0..ring.len())
            .map(|k| (ring[k], ring[(k + 1) % ring.len()]))
            .map(|(a, b)| a.0 * b.1 - b.0 * a.1)
            .sum();
        assert_eq!(doubled.abs() / 2.0, 0.5);
    }

    #[test]
    fn many_points_become_few_and_keep_their_peaks() {
        let mut run: Vec<_> = (0..1_000_000).map(|k| (f64::from(k) / 2000.0, 0.0)).collect();
        run[777_777].1 = 5.0;
        let few = thinned(run.clone());
        assert!(few.len() <= 4 * 1000 && few.contains(&run[777_777]));
        let circle: Vec<_> = (0..1_000_000).map(|k| f64::from(k).sin_cos()).collect();
        assert!(thinned(circle.clone()).len() <= MANY);
        assert!(sparse(&circle).len() <= MANY);
    }

    #[test]
    fn a_straight_line_needs_two_points_and_a_corner_one() {
        let straight: Vec<_> = (0..100).map(|k| (f64::from(k), 2.0 * f64::from(k))).collect();
        assert_eq!(straightened(&straight), [straight[0], straight[99]]);
        let corner = [(0.0, 0.0), (5.0, 0.0), (9.0, 0.0), (9.0, 4.0), (9.0, 8.0), (9.0, 1.0)];
        assert_eq!(straightened(&corner), [(0.0, 0.0), (9.0, 0.0), (9.0, 8.0), (9.0, 1.0)]);
        assert_eq!(straightened(&corner[..1]), corner[..1]);
    }

    #[test]
    fn a_turned_text_is_as_high_as_it_was_wide() {
        let mut text = Text::level((5.0, 5.0), "label", 10.0, Anchor::Middle, Ink::Text);
        let flat = text.bounds();
        text.turn = -90.0;
        assert!((text.bounds().h - flat.w).abs() < 1e-9 && (text.bounds().w - flat.h).abs() < 1e-9);
    }
}
