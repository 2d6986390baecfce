//! Axes: frame, ticks, labels, grid and the bar that explains colours; and the room they take.

use crate::contour::usable;
use crate::figure::{Axis, Kind, Legend, Mark, Panel};
use crate::font;
use crate::layout::{Frame, LABEL, SMALL, Sides, TICK, TITLE, colours, line};
use crate::place;
use crate::scale::{Scale, Span, Ticks, short};
use crate::shape::{Anchor, Edges, Point, Rect, Shape, Stroke, Text, ring};
use crate::stat::extent;
use crate::theme::{Ink, Map};

impl Ticks {
    /// The width of the widest label.
    fn widest(&self) -> f64 {
        self.major.iter().map(|tick| font::width(&tick.1, SMALL)).fold(0.0, f64::max)
    }
}

/// How far turned labels lean.
pub(crate) const LEAN: f64 = -40.0;

/// A bar of colours right of a frame.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    map: Map,
    label: String,
    /// Places from 0 to 1, with labels.
    ticks: Vec<(f64, String)>,
    power: String,
    /// How many blocks of one colour there are.
    blocks: usize,
    opacity: f64,
}

const BAR: f64 = 12.0;

impl Bar {
    /// The width it takes right of the frame.
    pub(crate) fn room(&self) -> f64 {
        let widest = self.ticks.iter().map(|tick| font::width(&tick.1, SMALL)).fold(0.0, f64::max);
        let wide = widest.max(font::width(&self.power, SMALL) - BAR);
        let label = if self.label.is_empty() { 0.0 } else { line(LABEL) + 6.0 };
        14.0 + BAR + TICK + wide + label
    }
}

/// The bar of the panel's first mark whose colours stand for values.
pub(crate) fn bar(panel: &Panel, height: f64) -> Option<Bar> {
    let most = ((height / 30.0) as usize).max(2);
    panel.marks.iter().filter(|mark| mark.bar).find_map(|mark| {
        let span = match &mark.kind {
            Kind::Heat { grid, range, .. } => colours(grid, *range),
            Kind::Points { values, .. } if !values.is_empty() => {
                let (low, high) = extent(values.iter().copied()).unwrap_or((0.0, 1.0));
                Span::new(Scale::Linear, low, high)
            }
            Kind::Contour { levels, filled: true, .. } if usable(levels).len() > 1 => {
                let levels = usable(levels);
                let last = levels.len() - 1;
                let every = last.div_ceil(most).max(1);
                let tick = |k: usize| (k as f64 / last as f64, short(levels[k], 3));
                let ticks = (0..=last).step_by(every).map(tick).collect();
                let (map, label, power) = (mark.map, mark.label.clone(), String::new());
                return Some(Bar { map, label, ticks, power, blocks: last, opacity: mark.opacity });
            }
            _ => return None,
        };
        let ticks = span.ticks(most, |_| true);
        let placed = ticks.major.into_iter().map(|(v, text)| (span.place(v), text)).collect();
        let (map, label, power) = (mark.map, mark.label.clone(), ticks.power);
        Some(Bar { map, label, ticks: placed, power, blocks: 64, opacity: mark.opacity })
    })
}

/// The room a panel needs round its frame.
pub(crate) fn sides((panel, frame): (&Panel, &Frame)) -> Sides {
    let label = |text: &str, gap: f64| if text.is_empty() { 0.0 } else { line(LABEL) + gap };
    let mut sides = Sides {
        left: TICK + frame.y_ticks.widest() + label(&panel.y.label, 8.0),
        right: 4.0,
        top: 6.0,
        bottom: TICK + line(SMALL) + label(&panel.x.label, 6.0),
    };
    if frame.turned {
        let lean = LEAN.to_radians();
        let w = frame.x_ticks.widest();
        sides.bottom += w * lean.sin().abs();
        let first = frame.x_ticks.major.first().map_or(0.0, |tick| font::width(&tick.1, SMALL));
        let step = frame.rect.w / (frame.x.high - frame.x.low);
        sides.left = sides.left.max(first * lean.cos() + 8.0 - step / 2.0);
    } else {
        for (v, text) in &frame.x_ticks.major {
            let (at, half) = (frame.x.place(*v), font::width(text, SMALL) / 2.0);
            let at = if frame.flip.0 { 1.0 - at } else { at } * frame.rect.w;
            sides.left = sides.left.max(half - at);
            sides.right = sides.right.max(at + half - frame.rect.w);
        }
    }
    if !frame.x_ticks.power.is_empty() && panel.x.label.is_empty() {
        sides.bottom += line(SMALL) + 4.0;
    }
    sides.right += frame.bar.as_ref().map_or(0.0, Bar::room);
    if !panel.title.is_empty() {
        sides.top += line(TITLE) + 4.0;
    }
    let bar_power = frame.bar.as_ref().is_some_and(|bar| !bar.power.is_empty());
    if !frame.y_ticks.power.is_empty() || bar_power {
        sides.top += line(SMALL) + 3.0;
    }
    match panel.legend {
        Legend::Right => sides.right += 12.0 + place::legend_size(panel, frame).0,
        _ if frame.above => sides.top += place::rows_height(panel, frame.rect.w),
        _ => {}
    }
    sides
}

/// Lines across the frame at the ticks, but none behind bars that have names.
pub(crate) fn grid(panel: &Panel, frame: &Frame, shapes: &mut Vec<Shape>) {
    let (r, stroke) = (frame.rect, Stroke::new(Ink::Faint, 0.8));
    let bars = |mark: &Mark| matches!(mark.kind, Kind::Bars { .. });
    let bars = panel.marks.iter().any(bars);
    let of = |axis: &Axis, ticks: &'_ Ticks| -> Vec<f64> {
        let bare = bars && !axis.names.is_empty();
        if bare { Vec::new() } else { ticks.major.iter().map(|tick| tick.0).collect() }
    };
    let upright = of(&panel.x, &frame.x_ticks).into_iter().map(|v| frame.at(v, frame.y.low).0);
    let flat = of(&panel.y, &frame.y_ticks).into_iter().map(|v| frame.at(frame.x.low, v).1);
    let runs: Vec<Vec<Point>> = upright
        .map(|x| vec![(x, r.y), (x, r.bottom())])
        .chain(flat.map(|y| vec![(r.x, y), (r.right(), y)]))
        .collect();
    shapes.push(Shape::Line { runs, stroke });
}

/// Frame, ticks, labels and titles; all four sides of the frame if `boxed`.
pub(crate) fn draw(panel: &Panel, frame: &Frame, boxed: bool, shapes: &mut Vec<Shape>) {
    let r = frame.rect;
    let mut runs = vec![vec![(r.x, r.y), (r.x, r.bottom()), (r.right(), r.bottom())]];
    if boxed {
        runs.push(vec![(r.x, r.y), (r.right(), r.y), (r.right(), r.bottom())]);
    }
    let x_of = |v: f64| frame.at(v, frame.y.low).0;
    let y_of = |v: f64| frame.at(frame.x.low, v).1;
    let down = |v: f64, by: f64| vec![(x_of(v), r.bottom()), (x_of(v), r.bottom() + by)];
    let aside = |v: f64, by: f64| vec![(r.x, y_of(v)), (r.x - by, y_of(v))];
    runs.extend(frame.x_ticks.major.iter().map(|tick| down(tick.0, 4.5)));
    runs.extend(frame.y_ticks.major.iter().map(|tick| aside(tick.0, 4.5)));
    runs.extend(frame.x_ticks.minor.iter().map(|v| down(*v, 2.5)));
    runs.extend(frame.y_ticks.minor.iter().map(|v| aside(*v, 2.5)));
    shapes.push(Shape::Line { runs, stroke: Stroke::new(Ink::Muted, 0.9) });
    let mut put = |text: Text| shapes.push(Shape::Words(text));
    for (v, text) in &frame.x_ticks.major {
        let at = (x_of(*v), r.bottom() + TICK + line(SMALL) / 2.0 - 1.0);
        let mut text = Text::level(at, text, SMALL, Anchor::Middle, Ink::Muted);
        if frame.turned {
            (text.anchor, text.turn) = (Anchor::End, LEAN);
            text.at = (text.at.0 + 4.0, r.bottom() + TICK + 6.0);
        }
        put(text);
    }
    for (v, text) in &frame.y_ticks.major {
        put(Text::level((r.x - TICK, y_of(*v)), text, SMALL, Anchor::End, Ink::Muted));
    }
    labels(panel, frame, &mut put);
    if let Some(bar) = &frame.bar {
        draw_bar(bar, frame, shapes);
    }
}

fn labels(panel: &Panel, frame: &Frame, put: &mut impl FnMut(Text)) {
    let (r, sides) = (frame.rect, sides((panel, frame)));
    let (x_power, y_power) = (&frame.x_ticks.power, &frame.y_ticks.power);
    let mut room = r.w;
    let below = r.bottom() + sides.bottom - line(LABEL) / 2.0;
    if !x_power.is_empty() {
        put(Text::level((r.right(), below), x_power, SMALL, Anchor::End, Ink::Muted));
        room -= 2.0 * (font::width(x_power, SMALL) + 8.0);
    }
    let middle = r.x + r.w / 2.0;
    if !panel.x.label.is_empty() {
        let text = font::fitted(&panel.x.label, LABEL, room);
        put(Text::level((middle, below), &text, LABEL, Anchor::Middle, Ink::Text));
    }
    if !panel.y.label.is_empty() {
        let own = frame.y_ticks.widest() + TICK + 8.0 + line(LABEL);
        let left = if frame.left - own < 24.0 { frame.left } else { own };
        let x = r.x - left + font::ASCENT * LABEL;
        let text = font::fitted(&panel.y.label, LABEL, r.h);
        let mut text = Text::level((x, 0.0), &text, LABEL, Anchor::Middle, Ink::Text);
        (text.at, text.turn) = ((x, r.y + r.h / 2.0), -90.0);
        put(text);
    }
    if !y_power.is_empty() {
        let at = (r.x - TICK, r.y - 6.0 - line(SMALL) / 2.0);
        let fits = font::width(y_power, SMALL) <= sides.left - TICK;
        let (at, anchor) =
            if fits { (at, Anchor::End) } else { ((r.x - sides.left, at.1), Anchor::Start) };
        put(Text::level(at, y_power, SMALL, anchor, Ink::Muted));
    }
    if !panel.title.is_empty() {
        let text = font::fitted(&panel.title, TITLE, r.w);
        let at = (middle, r.y - sides.top + line(TITLE) / 2.0);
        put(Text::level(at, &text, TITLE, Anchor::Middle, Ink::Text));
    }
}

fn draw_bar(bar: &Bar, frame: &Frame, shapes: &mut Vec<Shape>) {
    let r = frame.rect;
    let x = r.right() + 14.0;
    let block = r.h / bar.blocks as f64;
    let mut parts = Vec::new();
    for k in 0..bar.blocks {
        let t = if bar.blocks > 1 { k as f64 / (bar.blocks - 1) as f64 } else { 0.5 };
        let y = r.bottom() - (k + 1) as f64 * block;
        let (red, green, blue) = bar.map.at(t);
        let over = if k + 1 < bar.blocks { 0.6 } else { 0.0 };
        let rings = vec![ring(Rect { x, y: y - over, w: BAR, h: block + over })];
        let fill = Ink::Rgb(red, green, blue);
        parts.push(Shape::Area { rings, fill, opacity: 1.0, edges: Edges::Crisp });
    }
    shapes.push(Shape::Group { parts, opacity: bar.opacity, title: String::new() });
    let y_of = |t: f64| r.bottom() - t * r.h;
    let edge = x + BAR;
    let runs =
        bar.ticks.iter().map(|(t, _)| vec![(edge, y_of(*t)), (edge + 4.5, y_of(*t))]).collect();
    shapes.push(Shape::Line { runs, stroke: Stroke::new(Ink::Muted, 0.9) });
    let mut widest: f64 = 0.0;
    for (t, text) in &bar.ticks {
        let at = (edge + TICK, y_of(*t));
        shapes.push(Shape::Words(Text::level(at, text, SMALL, Anchor::Start, Ink::Muted)));
        widest = widest.max(font::width(text, SMALL));
    }
    if !bar.power.is_empty() {
        let at = (x, r.y - 6.0 - line(SMALL) / 2.0);
        shapes.push(Shape::Words(Text::level(at, &bar.power, SMALL, Anchor::Start, Ink::Muted)));
    }
    if !bar.label.is_empty() {
        let text = font::fitted(&bar.label, LABEL, r.h);
        let mut text = Text::level((0.0, 0.0), &text, LABEL, Anchor::Middle, Ink::Text);
        text.at = (edge + TICK + widest + 6.0 + font::ASCENT * LABEL, r.y + r.h / 2.0);
        text.turn = -90.0;
        shapes.push(Shape::Words(text));
    }
}
