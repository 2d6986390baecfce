//! Where everything in a figure is.
//!
//! Ticks depend on the size of the frame, the frame on the margins, and the margins on the width of
//! the ticks' labels. Starting from a guess, these are computed in turn until they agree; should
//! they go in circles, margins may only grow. Panels of one column share their left and right
//! margins, panels of one row their top and bottom, so that frames line up. Texts that have no room
//! are ended by an ellipsis.
//!
//! The order of drawing: grid, areas, axes, lines, points, then legend and texts; see
//! [`crate::axes`] and [`crate::marks`] for the parts.

use crate::axes;
use crate::figure::{Axis, Figure, Grid, Kind, Legend, Mark, Panel};
use crate::font;
use crate::marks;
use crate::place::{self, Cover};
use crate::scale::{Scale, Span, Ticks};
use crate::shape::{Anchor, Point, Rect, Shape, Text};
use crate::stat::extent;
use crate::theme::Ink;

/// Sizes of text: ticks and legend, labels of axes, titles of panels, title of the figure.
pub(crate) const SMALL: f64 = 11.0;
pub(crate) const LABEL: f64 = 12.0;
pub(crate) const TITLE: f64 = 13.0;
pub(crate) const HEAD: f64 = 16.0;

/// From the frame to a tick's label.
pub(crate) const TICK: f64 = 8.0;

/// Round the figure, and between panels.
const EDGE: f64 = 12.0;
const GAP: f64 = 22.0;

/// Margins are computed so often at most; in the second half they only grow.
const ROUNDS: usize = 16;

/// The height of a line of text.
pub(crate) fn line(size: f64) -> f64 {
    (font::ASCENT + font::DESCENT) * size
}

/// Margins of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sides {
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) top: f64,
    pub(crate) bottom: f64,
}

impl Sides {
    fn max(self, other: Sides) -> Sides {
        Sides {
            left: self.left.max(other.left),
            right: self.right.max(other.right),
            top: self.top.max(other.top),
            bottom: self.bottom.max(other.bottom),
        }
    }
}

/// A panel's frame with what its axes show.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) rect: Rect,
    pub(crate) x: Span,
    pub(crate) y: Span,
    pub(crate) flip: (bool, bool),
    pub(crate) x_ticks: Ticks,
    pub(crate) y_ticks: Ticks,
    /// Whether the labels of the horizontal axis are turned.
    pub(crate) turned: bool,
    pub(crate) bar: Option<axes::Bar>,
    pub(crate) above: bool,
    /// The left margin, which the panels of a column share.
    pub(crate) left: f64,
}

impl Frame {
    /// The place of a point in pixels.
    pub(crate) fn at(&self, x: f64, y: f64) -> Point {
        let (mut u, mut v) = (self.x.place(x), self.y.place(y));
        if self.flip.0 {
            u = 1.0 - u;
        }
        if self.flip.1 {
            v = 1.0 - v;
        }
        (self.rect.x + u * self.rect.w, self.rect.bottom() - v * self.rect.h)
    }
}

/// The size a figure is drawn in.
pub(crate) fn size(figure: &Figure) -> (f64, f64) {
    let sane = |v: f64, least: f64| if v.is_nan() { least } else { v.clamp(least, 4000.0).round() };
    (sane(figure.width, 160.0), sane(figure.height, 120.0))
}

/// Everything in the figure, from back to front.
pub(crate) fn draw(figure: &Figure) -> Vec<Shape> {
    let (width, _) = size(figure);
    let mut shapes = Vec::new();
    if !figure.title.is_empty() {
        let text = font::fitted(&figure.title, HEAD, width - 2.0 * EDGE);
        let at = (width / 2.0, EDGE + line(HEAD) / 2.0);
        shapes.push(Shape::Words(Text::level(at, &text, HEAD, Anchor::Middle, Ink::Text)));
    }
    for (panel, frame) in figure.panels.iter().zip(frames(figure)) {
        draw_panel(panel, &frame, &mut shapes);
    }
    shapes
}

fn draw_panel(panel: &Panel, frame: &Frame, shapes: &mut Vec<Shape>) {
    let from = shapes.len();
    let drawn = marks::shapes(panel, frame);
    let areas = drawn.iter().any(|(mark, _)| marks::is_ground(&mark.kind));
    if !areas {
        axes::grid(panel, frame, shapes);
    }
    let mut cover = Cover::new(frame.rect);
    for (_, parts) in &drawn {
        parts.iter().for_each(|shape| cover.add(shape));
    }
    let (back, front): (Vec<_>, Vec<_>) =
        drawn.into_iter().partition(|(mark, _)| marks::is_ground(&mark.kind));
    shapes.extend(back.into_iter().flat_map(|(_, parts)| parts));
    axes::draw(panel, frame, areas || panel.square, shapes);
    shapes.extend(front.into_iter().flat_map(|(_, parts)| parts));
    place::legend(panel, frame, &mut cover, shapes);
    place::facts(panel, frame, &mut cover, shapes);
    let texts: Vec<Rect> = shapes[from..]
        .iter()
        .filter_map(|shape| match shape {
            Shape::Words(text) => Some(text.bounds()),
            _ => None,
        })
        .collect();
    place::notes(panel, frame, &mut cover, texts, shapes);
}

/// The frames of all panels.
pub(crate) fn frames(figure: &Figure) -> Vec<Frame> {
    let (width, height) = size(figure);
    let (columns, rows) = shape(figure);
    let (w, h) = (width / columns as f64 - 60.0, height / rows as f64 - 70.0);
    let mut rects = vec![Rect { x: 0.0, y: 0.0, w, h }; figure.panels.len()];
    let mut above = vec![false; figure.panels.len()];
    let mut sides = vec![Sides::default(); figure.panels.len()];
    for round in 0..ROUNDS {
        let frames = sized(figure, &rects, &above);
        for (k, frame) in frames.iter().enumerate() {
            let now = axes::sides((&figure.panels[k], frame));
            sides[k] = if round < ROUNDS / 2 { now } else { sides[k].max(now) };
        }
        let before = std::mem::replace(&mut rects, arranged(figure, &sides));
        if before == rects {
            let crowded = |k: usize| above[k] || place::crowded(&figure.panels[k], &frames[k]);
            let now: Vec<bool> = (0..above.len()).map(crowded).collect();
            if std::mem::replace(&mut above, now.clone()) == now {
                break;
            }
        }
    }
    let mut frames = sized(figure, &rects, &above);
    for (k, frame) in frames.iter_mut().enumerate() {
        frame.left = most(&sides, |sides| sides.left, |other| other % columns == k % columns);
    }
    frames
}

/// Panels side by side, and rows.
fn shape(figure: &Figure) -> (usize, usize) {
    let columns = figure.columns.clamp(1, 20).min(figure.panels.len().max(1));
    (columns, figure.panels.len().div_ceil(columns).max(1))
}

fn sized(figure: &Figure, rects: &[Rect], above: &[bool]) -> Vec<Frame> {
    let sized = |(k, panel): (usize, &Panel)| frame(panel, rects[k], above[k]);
    figure.panels.iter().enumerate().map(sized).collect()
}

fn most(sides: &[Sides], of: fn(&Sides) -> f64, within: impl Fn(usize) -> bool) -> f64 {
    let inside = sides.iter().enumerate().filter(|(k, _)| within(*k));
    inside.map(|(_, sides)| of(sides)).fold(0.0, f64::max)
}

/// The rectangles of frames with these margins.
fn arranged(figure: &Figure, sides: &[Sides]) -> Vec<Rect> {
    let ((width, height), (columns, rows)) = (size(figure), shape(figure));
    let by_row = |of: fn(&Sides) -> f64| -> Vec<f64> {
        (0..rows).map(|r| most(sides, of, |k| k / columns == r)).collect()
    };
    let by_column = |of: fn(&Sides) -> f64| -> Vec<f64> {
        (0..columns).map(|c| most(sides, of, |k| k % columns == c)).collect()
    };
    let (tops, bottoms) = (by_row(|s| s.top), by_row(|s| s.bottom));
    let (lefts, rights) = (by_column(|s| s.left), by_column(|s| s.right));
    let head = if figure.title.is_empty() { EDGE } else { EDGE + line(HEAD) + 10.0 };
    let weight = |row: usize| figure.rows.get(row).copied().unwrap_or(1.0).clamp(0.05, 20.0);
    let weights: Vec<f64> = (0..rows).map(|row| weight(row).max(0.05)).collect();
    let taken = tops.iter().chain(&bottoms).sum::<f64>() + GAP * (rows - 1) as f64;
    let unit = (height - head - EDGE - taken) / weights.iter().sum::<f64>();
    let across = lefts.iter().chain(&rights).sum::<f64>() + GAP * (columns - 1) as f64;
    let w = ((width - 2.0 * EDGE - across) / columns as f64).max(20.0);
    let high = |r: usize| (unit * weights[r]).max(20.0);
    let rect = |k: usize| {
        let (r, c) = (k / columns, k % columns);
        let above: f64 = (0..r).map(|r| tops[r] + bottoms[r] + high(r) + GAP).sum();
        let before: f64 = (0..c).map(|c| lefts[c] + rights[c] + w + GAP).sum();
        let (x, y) = (EDGE + before + lefts[c], head + above + tops[r]);
        let side = w.min(high(r));
        match figure.panels[k].square {
            true => {
                Rect { x: x + (w - side) / 2.0, y: y + (high(r) - side) / 2.0, w: side, h: side }
            }
            false => Rect { x, y, w, h: high(r) },
        }
    };
    (0..figure.panels.len()).map(rect).collect()
}

fn frame(panel: &Panel, rect: Rect, above: bool) -> Frame {
    let (x, y) = (span(panel, true), span(panel, false));
    let (x_ticks, turned) = x_ticks(&panel.x, x, rect.w);
    let pitch = if panel.square { 60.0 } else { 42.0 };
    let y_ticks = y_ticks(&panel.y, y, rect.h, (rect.h / pitch) as usize);
    let bar = axes::bar(panel, rect.h);
    let flip = (panel.x.reversed, panel.y.reversed);
    Frame {
        rect,
        x,
        y,
        flip,
        x_ticks,
        y_ticks,
        turned,
        bar,
        above: above || panel.legend == Legend::Above,
        left: 0.0,
    }
}

fn x_ticks(axis: &Axis, span: Span, width: f64) -> (Ticks, bool) {
    if !axis.names.is_empty() {
        let step = width / (span.high - span.low);
        let widest = axis.names.iter().map(|name| font::width(name, SMALL)).fold(0.0, f64::max);
        let turned = widest > step - 8.0;
        let need =
            if turned { line(SMALL) / axes::LEAN.to_radians().sin().abs() + 1.0 } else { 1.0 };
        return (names(axis, step, if turned { 110.0 } else { step }, need), turned);
    }
    let fits = |ticks: &Ticks| {
        let reach =
            |tick: &(f64, String)| (span.place(tick.0) * width, font::width(&tick.1, SMALL));
        ticks.major.windows(2).all(|pair| {
            let ((a, wa), (b, wb)) = (reach(&pair[0]), reach(&pair[1]));
            b - a >= (wa + wb) / 2.0 + 10.0
        })
    };
    (span.ticks((width / 60.0) as usize, fits), false)
}

fn y_ticks(axis: &Axis, span: Span, height: f64, count: usize) -> Ticks {
    if !axis.names.is_empty() {
        return names(axis, height / (span.high - span.low), 200.0, line(SMALL) + 2.0);
    }
    let fits = |ticks: &Ticks| {
        let apart =
            |pair: &[(f64, String)]| (span.place(pair[1].0) - span.place(pair[0].0)) * height;
        ticks.major.windows(2).all(|pair| apart(pair) >= line(SMALL) + 4.0)
    };
    span.ticks(count, fits)
}

fn names(axis: &Axis, step: f64, limit: f64, need: f64) -> Ticks {
    let every = (need / step.max(1e-9)).ceil().clamp(1.0, 1e9) as usize;
    let name = |(k, name): (usize, &String)| (k as f64, font::fitted(name, SMALL, limit));
    let major = axis.names.iter().enumerate().step_by(every).map(name).collect();
    Ticks { major, ..Ticks::default() }
}

/// The range of an axis: as given, else that of the data and a little more.
pub(crate) fn span(panel: &Panel, upright: bool) -> Span {
    let axis = if upright { &panel.x } else { &panel.y };
    if !axis.names.is_empty() {
        let last = axis.names.len() as f64 - 0.5;
        return Span::new(Scale::Linear, axis.low.unwrap_or(-0.5), axis.high.unwrap_or(last));
    }
    let log = axis.scale == Scale::Log;
    let mut reach: Option<(f64, f64)> = None;
    let (mut tight, mut based) = (false, false);
    for mark in &panel.marks {
        let values = values(mark, upright);
        let usable = values.into_iter().filter(|v| !log || *v > 0.0);
        if let Some((low, high)) = extent(usable) {
            reach = Some(reach.map_or((low, high), |(l, h)| (l.min(low), h.max(high))));
        }
        tight |= matches!(mark.kind, Kind::Heat { .. } | Kind::Contour { .. });
        based |= matches!(mark.kind, Kind::Bars { flat, .. } if flat == upright);
    }
    let (low, high) = reach.unwrap_or(if log { (1e-3, 1.0) } else { (0.0, 1.0) });
    let (given_low, given_high) = (axis.low.is_some(), axis.high.is_some());
    let span = Span::new(axis.scale, axis.low.unwrap_or(low), axis.high.unwrap_or(high));
    let part = if tight { 0.0 } else { 0.045 };
    let free = |given: bool, at_base: bool| !(given || based && !log && at_base);
    span.padded(part, (free(given_low, low >= 0.0), free(given_high, high <= 0.0)))
}

fn values(mark: &Mark, upright: bool) -> Vec<f64> {
    let pick = |x: &[f64], y: &[f64]| if upright { x.to_vec() } else { y.to_vec() };
    match &mark.kind {
        Kind::Line { x, y } | Kind::Path { x, y } | Kind::Points { x, y, .. } => pick(x, y),
        Kind::Band { x, low, high } => pick(x, &[&low[..], high].concat()),
        Kind::Bars { at, size, thick, flat } => match *flat == upright {
            true => size.iter().copied().chain([0.0]).collect(),
            false => at.iter().flat_map(|v| [v - thick / 2.0, v + thick / 2.0]).collect(),
        },
        Kind::Errors { at, low, high, flat } => match *flat == upright {
            true => [&low[..], high].concat(),
            false => at.clone(),
        },
        Kind::Heat { grid, .. } => edges(if upright { &grid.x } else { &grid.y }),
        Kind::Contour { grid, .. } => pick(&grid.x, &grid.y),
        Kind::Rule { at, upright: across } => {
            if *across == upright {
                vec![*at]
            } else {
                Vec::new()
            }
        }
    }
}

/// The borders of cells about ascending places.
pub(crate) fn edges(places: &[f64]) -> Vec<f64> {
    match places {
        [] => Vec::new(),
        [one] => vec![one - 0.5, one + 0.5],
        [first, second, ..] => {
            let n = places.len();
            let (a, b) = (
                first - (second - first) / 2.0,
                places[n - 1] + (places[n - 1] - places[n - 2]) / 2.0,
            );
            let inner = places.windows(2).map(|pair| pair[0] / 2.0 + pair[1] / 2.0);
            [a].into_iter().chain(inner).chain([b]).collect()
        }
    }
}

/// The values at the ends of a map of colours.
pub(crate) fn colours(grid: &Grid, range: Option<(f64, f64)>) -> Span {
    let (low, high) = range.or_else(|| grid.extent()).unwrap_or((0.0, 1.0));
    Span::new(Scale::Linear, low, high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(figure: &Figure) -> Vec<Text> {
        let words = |shape: Shape| match shape {
            Shape::Words(text) => Some(text),
            _ => None,
        };
        draw(figure).into_iter().filter_map(words).collect()
    }

    /// Whether the rectangles about two texts overlap: no side of either separates them.
    fn meet(a: &Text, b: &Text) -> bool {
        let (p, q) = (a.corners(), b.corners());
        let reach = |corners: &[Point; 4], (x, y): Point| {
            extent(corners.iter().map(|c| c.0 * x + c.1 * y)).unwrap_or((0.0, 0.0))
        };
        [a.turn, b.turn].iter().map(|turn| turn.to_radians().sin_cos()).all(|(sin, cos)| {
            [(cos, sin), (-sin, cos)].into_iter().all(|axis| {
                let (p, q) = (reach(&p, axis), reach(&q, axis));
                p.0 < q.1 - 0.01 && q.0 < p.1 - 0.01
            })
        })
    }

    fn check(figure: &Figure) -> Result<(), TestCaseError> {
        let (w, h) = size(figure);
        let page = Rect { x: 0.0, y: 0.0, w, h };
        let texts = texts(figure);
        for (k, text) in texts.iter().enumerate() {
            prop_assert!(page.holds(text.bounds()), "{text:?} leaves the page");
            for other in &texts[..k] {
                prop_assert!(!meet(text, other), "{text:?} meets {other:?}");
            }
        }
        Ok(())
    }

    fn value() -> impl Strategy<Value = f64> {
        let size = prop_oneof![4 => -3.0f64..3.0, 1 => -300.0f64..300.0];
        let finite = (size, any::<bool>())
            .prop_map(|(e, minus)| 10f64.powf(e) * if minus { -1.0 } else { 1.0 });
        prop_oneof![20 => finite, 1 => Just(0.0), 1 => Just(f64::NAN), 1 => Just(f64::INFINITY)]
    }

    fn label() -> impl Strategy<Value = String> {
        prop_oneof![
            Just(String::new()),
            Just("θ₁ (10⁻³ m)".to_string()),
            "[a-zA-Z]{1,12}( [a-z<&>\"]{1,12}){0,8}",
        ]
    }

    prop_compose! {
        fn panel()(
            x in prop::collection::vec(value(), 0..40),
            y in prop::collection::vec(value(), 0..40),
            text in prop::array::uniform5(label()),
            logs in any::<(bool, bool)>(),
            names in prop_oneof![3 => Just(0usize), 1 => 1usize..30],
            legend in prop_oneof![Just(Legend::Auto), Just(Legend::Above), Just(Legend::Right)],
            square in prop::bool::weighted(0.2),
            kind in 0usize..4,
        ) -> Panel {
            let mut panel = Panel::new(&text[0], &text[1]).title(&text[2]).legend(legend);
            panel.square = square;
            let log = |on| if on { Scale::Log } else { Scale::Linear };
            (panel.x.scale, panel.y.scale) = (log(logs.0), log(logs.1));
            panel.x.names = (0..names).map(|k| format!("{} {k}", text[3])).collect();
            let first = |values: &[f64]| values.first().copied().unwrap_or(0.0);
            let ys: Vec<f64> = y.iter().map(|v| v * 0.5).collect();
            panel
                .with(Mark::line(&x, &y).label(&text[3]))
                .with(match kind {
                    0 => Mark::points(&x, &ys).label(&text[4]),
                    1 => Mark::coloured(&x, &ys, &y).label(&text[4]),
                    2 => Mark::band(&x, &ys, &y).label(&text[4]),
                    _ => Mark::errors(&x, &ys, &y).label(&text[4]),
                })
                .note(first(&x), first(&ys), &text[4])
                .fact(&text[0])
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn texts_stay_apart_and_on_the_page(
            panels in prop::collection::vec(panel(), 1..5),
            columns in 1usize..3,
            title in label(),
        ) {
            let rows = panels.len().div_ceil(columns) as f64;
            let size = (420.0 * columns as f64, 60.0 + 360.0 * rows);
            check(&Figure::grid(panels, columns, size).title(&title))?;
        }
    }

    #[test]
    fn frames_of_a_column_line_up() {
        let wide = Panel::new("x", "y").with(Mark::line(&[0.0, 1.0], &[0.0, 1e-4]));
        let narrow = Panel::new("x", "").with(Mark::line(&[0.0, 1.0], &[0.0, 5.0]));
        let frames = frames(&Figure::grid(vec![wide, narrow], 1, (400.0, 500.0)));
        assert_eq!(frames[0].rect.x, frames[1].rect.x);
        assert_eq!(frames[0].rect.w, frames[1].rect.w);
    }

    #[test]
    fn a_legend_leaves_a_frame_without_room() {
        let noise: Vec<f64> = (0..4000).map(|k| f64::from(k * 7919 % 1009)).collect();
        let x: Vec<f64> = (0..4000).map(f64::from).collect();
        let full = Panel::new("x", "y").with(Mark::points(&x, &noise).label("data"));
        assert!(frames(&Figure::of(full.clone()))[0].above);
        let free = Panel::new("x", "y").with(Mark::line(&[0.0, 1.0], &[0.0, 1.0]).label("data"));
        assert!(!frames(&Figure::of(free))[0].above);
    }

    #[test]
    fn ranges_follow_the_data() {
        let bars = Panel::new("", "").with(Mark::bars(&[1.0, 3.0], (0, 1)));
        assert_eq!(span(&bars, false).low, 0.0);
        let empty = span(&Panel::default(), true);
        assert!(empty.low <= 0.0 && empty.high >= 1.0);
        let mut log = Panel::new("", "").with(Mark::line(&[1.0, 2.0], &[-1.0, 100.0]));
        log.y.scale = Scale::Log;
        assert!(span(&log, false).low > 0.0);
        assert_eq!(edges(&[0.0, 1.0, 3.0]), [-0.5, 0.5, 2.0, 4.0]);
    }
}
