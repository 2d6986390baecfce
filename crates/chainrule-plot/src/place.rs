//! Places for legends, facts and notes: where the data are not.
//!
//! The frame is covered by cells of four pixels, and every shape drawn adds to the cells it
//! touches. A legend takes the one of nine places whose cells are emptiest; if even that one is not
//! empty, it moves above the frame. A note tries the eight directions round its point at growing
//! distances.

use crate::figure::{Kind, Legend, Mark, Panel};
use crate::font;
use crate::layout::{Frame, SMALL, TITLE, line};
use crate::marks;
use crate::shape::{Anchor, Dash, Edges, Marker, Point, Rect, Shape, Stroke, Text, clip_segment};
use crate::theme::Ink;

const CELL: f64 = 4.0;
const SWATCH: f64 = 22.0;
const PITCH: f64 = 17.0;

/// A note further from its point than this is joined to it by a line.
const LEAD: f64 = 30.0;

/// How much is drawn where.
pub(crate) struct Cover {
    frame: Rect,
    columns: usize,
    rows: usize,
    weight: Vec<f32>,
}

impl Cover {
    pub(crate) fn new(frame: Rect) -> Cover {
        let count = |length: f64| (length / CELL).ceil().clamp(1.0, 2000.0) as usize;
        let (columns, rows) = (count(frame.w), count(frame.h));
        Cover { frame, columns, rows, weight: vec![0.0; columns * rows] }
    }

    fn touch(&mut self, p: Point, by: f32) {
        let (i, j) = ((p.0 - self.frame.x) / CELL, (p.1 - self.frame.y) / CELL);
        if i >= 0.0 && j >= 0.0 && i < self.columns as f64 && j < self.rows as f64 {
            let cell = &mut self.weight[j as usize * self.columns + i as usize];
            *cell = cell.max(by);
        }
    }

    fn segment(&mut self, a: Point, b: Point, by: f32) {
        let steps =
            ((a.0 - b.0).hypot(a.1 - b.1) / (CELL / 2.0)).ceil().clamp(1.0, 4000.0) as usize;
        for k in 0..=steps {
            let t = k as f64 / steps as f64;
            self.touch((a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1)), by);
        }
    }

    pub(crate) fn block(&mut self, r: Rect, by: f32) {
        let (a, b) = ((r.x, r.y), (r.right(), r.bottom()));
        let Some((a, b)) = clip_segment(a, b, self.frame).filter(|(a, b)| a.0 < b.0 && a.1 < b.1)
        else {
            return;
        };
        for j in 0..=((b.1 - a.1) / CELL) as usize {
            let y = (a.1 + j as f64 * CELL).min(b.1);
            self.segment((a.0, y), (b.0, y), by);
        }
    }

    /// Adds a shape. Grounds count nothing, areas little, texts much.
    pub(crate) fn add(&mut self, shape: &Shape) {
        match shape {
            Shape::Line { runs, .. } => {
                for pair in runs.iter().flat_map(|run| run.windows(2)) {
                    self.segment(pair[0], pair[1], 1.0);
                }
            }
            Shape::Area { edges: Edges::Crisp | Edges::Odd, .. } | Shape::Group { .. } => {}
            Shape::Area { rings, opacity, .. } => {
                let by = if *opacity < 0.5 { 0.0005 } else { 1.0 };
                for ring in rings {
                    self.columns_of(ring, by);
                }
            }
            Shape::Dots { at, radius, .. } => {
                for &(x, y) in at {
                    for (dx, dy) in [(0.0, 0.0), (1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)] {
                        self.touch((x + dx * radius, y + dy * radius), 1.0);
                    }
                }
            }
            Shape::Words(text) => self.block(text.bounds().grown(2.0), 3.0),
        }
    }

    /// An area as the stretch between its lowest and highest crossing in each column.
    fn columns_of(&mut self, ring: &[Point], by: f32) {
        for i in 0..self.columns {
            let x = self.frame.x + (i as f64 + 0.5) * CELL;
            let sides = ring.iter().zip(ring.iter().cycle().skip(1));
            let crossings = sides.filter(|(a, b)| (a.0 < x) != (b.0 < x));
            let heights = crossings.map(|(a, b)| a.1 + (x - a.0) / (b.0 - a.0) * (b.1 - a.1));
            if let Some((low, high)) = crate::stat::extent(heights) {
                self.segment((x, low), (x, high), by);
            }
        }
    }

    /// The sum over the cells of a rectangle.
    pub(crate) fn cost(&self, r: Rect) -> f64 {
        let index = |v: f64, most: usize| (v / CELL).floor().clamp(0.0, most as f64 - 1.0) as usize;
        let (i, k) = (
            index(r.x - self.frame.x, self.columns),
            index(r.right() - self.frame.x, self.columns),
        );
        let (j, l) =
            (index(r.y - self.frame.y, self.rows), index(r.bottom() - self.frame.y, self.rows));
        let row = |j: usize| &self.weight[j * self.columns + i..=j * self.columns + k];
        (j..=l).flat_map(row).map(|w| f64::from(*w)).sum()
    }

    /// The emptiest place in the frame for a box of this size, with what it covers; none if the
    /// frame is too small.
    fn corner(&self, (w, h): (f64, f64)) -> Option<(f64, Rect)> {
        let f = self.frame.grown(-7.0);
        if w > f.w || h > f.h {
            return None;
        }
        let (right, low) = (f.right() - w, f.bottom() - h);
        let (centre, middle) = (f.x + (f.w - w) / 2.0, f.y + (f.h - h) / 2.0);
        let places = [
            (right, f.y),
            (f.x, f.y),
            (right, low),
            (f.x, low),
            (centre, f.y),
            (centre, low),
            (right, middle),
            (f.x, middle),
        ];
        let boxed = |(k, (x, y)): (usize, (f64, f64))| {
            let r = Rect { x, y, w, h };
            (self.cost(r.grown(3.0)), r, k)
        };
        let best = places.into_iter().enumerate().map(boxed);
        let order = |a: &(f64, Rect, usize), b: &(f64, Rect, usize)| {
            (a.0 + 0.01 * a.2 as f64).total_cmp(&(b.0 + 0.01 * b.2 as f64))
        };
        best.min_by(order).map(|(cost, r, _)| (cost, r))
    }
}

/// The marks in the legend, with their colours.
fn entries(panel: &Panel) -> Vec<(&Mark, Ink)> {
    let colour_bar = |mark: &Mark| match &mark.kind {
        Kind::Points { values, .. } => !values.is_empty(),
        kind => marks::is_ground(kind),
    };
    let listed = panel.marks.iter().zip(marks::inks(panel));
    listed.filter(|(mark, _)| !mark.label.is_empty() && !colour_bar(mark)).take(30).collect()
}

/// The size of the legend as a column.
pub(crate) fn legend_size(panel: &Panel, frame: &Frame) -> (f64, f64) {
    let entries = entries(panel);
    let room = (frame.rect.w * 0.6).max(60.0) - SWATCH;
    let wide = |entry: &(&Mark, Ink)| font::width(&entry.0.label, SMALL).min(room);
    let widest = entries.iter().map(wide).fold(0.0, f64::max);
    (SWATCH + 8.0 + widest + 14.0, entries.len() as f64 * PITCH + 8.0)
}

/// Whether the legend has no empty place inside.
pub(crate) fn crowded(panel: &Panel, frame: &Frame) -> bool {
    if panel.legend != Legend::Auto || entries(panel).is_empty() {
        return false;
    }
    let mut cover = Cover::new(frame.rect);
    for (mark, parts) in marks::shapes(panel, frame) {
        if marks::is_ground(&mark.kind) {
            cover.block(frame.rect, 1.0);
        }
        parts.iter().for_each(|shape| cover.add(shape));
    }
    let size = legend_size(panel, frame);
    cover.corner(size).is_none_or(|(cost, _)| cost > 0.5)
}

/// Entries in rows above the frame: the left end of each entry, its width and its row.
fn rows(panel: &Panel, width: f64) -> Vec<(f64, f64, usize)> {
    let (mut x, mut row) = (0.0, 0);
    let mut place = |(mark, _): (&Mark, Ink)| {
        let w = (SWATCH + 8.0 + font::width(&mark.label, SMALL)).min(width);
        if x > 0.0 && x + w > width {
            (x, row) = (0.0, row + 1);
        }
        let at = x;
        x += w + 18.0;
        (at, w, row)
    };
    entries(panel).into_iter().map(&mut place).collect()
}

/// The height of a legend above a frame of this width.
pub(crate) fn rows_height(panel: &Panel, width: f64) -> f64 {
    rows(panel, width).last().map_or(0.0, |last| (last.2 + 1) as f64 * PITCH + 4.0)
}

/// Draws the legend.
pub(crate) fn legend(panel: &Panel, frame: &Frame, cover: &mut Cover, shapes: &mut Vec<Shape>) {
    let entries = entries(panel);
    if entries.is_empty() || panel.legend == Legend::None {
        return;
    }
    let r = frame.rect;
    if frame.above {
        let title = if panel.title.is_empty() { 0.0 } else { line(TITLE) + 4.0 };
        let top = r.y - crate::axes::sides((panel, frame)).top + title;
        for ((mark, ink), (x, w, row)) in entries.into_iter().zip(rows(panel, r.w)) {
            let at = (r.x + x, top + (row as f64 + 0.5) * PITCH);
            entry(mark, ink, at, w - SWATCH - 8.0 + 0.01, shapes);
        }
        return;
    }
    let (w, h) = legend_size(panel, frame);
    let at = match panel.legend {
        Legend::Right => Some(Rect { x: r.right() + 12.0 + bar_room(frame), y: r.y, w, h }),
        _ => cover.corner((w, h)).map(|(_, at)| at),
    };
    let Some(at) = at else { return };
    if panel.legend != Legend::Right {
        cover.block(at.grown(2.0), 3.0);
        shapes.push(Shape::rect(at, Ink::Surface, 0.85));
    }
    for (k, (mark, ink)) in entries.into_iter().enumerate() {
        let middle = (at.x + 7.0, at.y + 4.0 + (k as f64 + 0.5) * PITCH);
        entry(mark, ink, middle, w - SWATCH - 21.0, shapes);
    }
}

fn bar_room(frame: &Frame) -> f64 {
    frame.bar.as_ref().map_or(0.0, crate::axes::Bar::room)
}

fn entry(mark: &Mark, ink: Ink, (x, y): Point, room: f64, shapes: &mut Vec<Shape>) {
    let stroke = Stroke { ink, width: mark.width, dash: mark.dash, opacity: mark.opacity };
    let across = vec![(x, y), (x + SWATCH, y)];
    let middle = (x + SWATCH / 2.0, y);
    let dot = |radius: f64| {
        let (at, opacity) = (vec![middle], mark.opacity);
        Shape::Dots { at, radius, marker: mark.marker, ink, opacity }
    };
    match &mark.kind {
        Kind::Line { .. } | Kind::Rule { .. } | Kind::Contour { .. } => {
            shapes.push(Shape::line(across, stroke));
        }
        Kind::Points { .. } => shapes.push(dot(mark.radius.clamp(2.0, 6.0))),
        Kind::Errors { .. } => {
            let cap = |x: f64| vec![(x, y - 4.0), (x, y + 4.0)];
            shapes.push(Shape::Line {
                runs: vec![cap(x + 1.0), across, cap(x + SWATCH - 1.0)],
                stroke,
            });
        }
        Kind::Path { .. } => {
            shapes.push(Shape::line(across, Stroke { dash: Dash::Solid, ..stroke }));
            let at = vec![middle];
            shapes.push(Shape::Dots { at, radius: 2.4, marker: Marker::Circle, ink, opacity: 1.0 });
        }
        Kind::Band { .. } | Kind::Bars { .. } | Kind::Heat { .. } => {
            let r = Rect { x: x + 2.0, y: y - 5.0, w: SWATCH - 4.0, h: 10.0 };
            shapes.push(Shape::rect(r, ink, mark.opacity.max(0.1)));
        }
    }
    let text = font::fitted(&mark.label, SMALL, room);
    let at = (x + SWATCH + 8.0, y);
    shapes.push(Shape::Words(Text::level(at, &text, SMALL, Anchor::Start, Ink::Text)));
}

/// Draws the facts in the emptiest corner.
pub(crate) fn facts(panel: &Panel, frame: &Frame, cover: &mut Cover, shapes: &mut Vec<Shape>) {
    let room = frame.rect.w * 0.7;
    let lines: Vec<String> =
        panel.facts.iter().take(12).map(|fact| font::fitted(fact, SMALL, room)).collect();
    let widest = lines.iter().map(|text| font::width(text, SMALL)).fold(0.0, f64::max);
    let size = (widest + 12.0, lines.len() as f64 * PITCH + 6.0);
    let Some((_, at)) = cover.corner(size).filter(|_| !lines.is_empty()) else { return };
    cover.block(at.grown(2.0), 3.0);
    shapes.push(Shape::rect(at, Ink::Surface, 0.85));
    for (k, text) in lines.iter().enumerate() {
        let middle = (at.x + 6.0, at.y + 3.0 + (k as f64 + 0.5) * PITCH);
        shapes.push(Shape::Words(Text::level(middle, text, SMALL, Anchor::Start, Ink::Text)));
    }
}

/// Draws the notes where they cover least, and leaves out those that would cover a text.
pub(crate) fn notes(
    panel: &Panel,
    frame: &Frame,
    cover: &mut Cover,
    mut texts: Vec<Rect>,
    shapes: &mut Vec<Shape>,
) {
    let seen = |p: Point| frame.rect.grown(0.5).holds(Rect { x: p.0, y: p.1, w: 0.0, h: 0.0 });
    let placed = panel.notes.iter().map(|note| (note, frame.at(note.at.0, note.at.1)));
    let placed: Vec<_> = placed.filter(|(_, p)| seen(*p)).take(500).collect();
    for (note, p) in placed.iter().filter(|(note, _)| note.dot) {
        let (at, marker, ink) = (vec![*p], Marker::Circle, note.ink);
        let dot = Shape::Dots { at, radius: 4.5, marker, ink, opacity: 1.0 };
        cover.add(&dot);
        shapes.push(dot);
    }
    for (note, p) in placed.into_iter().filter(|(note, _)| !note.text.is_empty()) {
        let size = (font::width(&note.text, SMALL), line(SMALL));
        let Some((far, r)) = beside(p, size, cover, &texts) else { continue };
        if far > LEAD {
            let end = nearest(p, r);
            cover.segment(p, end, 3.0);
            shapes.push(Shape::line(vec![p, end], Stroke::new(Ink::Muted, 0.8)));
        }
        let mut text = Text::level((r.x, 0.0), &note.text, SMALL, Anchor::Start, note.ink);
        (text.at.1, text.halo) = (r.y + font::ASCENT * SMALL, true);
        texts.push(r);
        cover.block(r.grown(2.0), 3.0);
        shapes.push(Shape::Words(text));
    }
}

/// The place of a text of this size near `p` that covers least, and how far off it is.
fn beside(p: Point, (w, h): (f64, f64), cover: &Cover, texts: &[Rect]) -> Option<(f64, Rect)> {
    let candidates = [9.0, 15.0, 24.0, 38.0, 56.0].into_iter().flat_map(|far| {
        let d = far * 0.75;
        let corners = [(d, -d - h), (-d - w, -d - h), (d, d), (-d - w, d)];
        let sides = [(far, -h / 2.0), (-far - w, -h / 2.0), (-w / 2.0, -far - h), (-w / 2.0, far)];
        let rect = move |(x, y)| (far, Rect { x: p.0 + x, y: p.1 + y, w, h });
        corners.into_iter().chain(sides).map(rect)
    });
    let free = candidates.filter(|(far, r)| {
        let crossed = |text: &Rect| *far > LEAD && clip_segment(p, nearest(p, *r), *text).is_some();
        let meets = |text: &Rect| text.meets(r.grown(2.0)) || crossed(text);
        cover.frame.grown(-2.0).holds(*r) && !texts.iter().any(meets)
    });
    let cost = |(far, r): &(f64, Rect)| cover.cost(r.grown(1.0)) + far * 0.12;
    free.min_by(|a, b| cost(a).total_cmp(&cost(b)))
}

fn nearest(p: Point, r: Rect) -> Point {
    (p.0.clamp(r.x, r.right()), p.1.clamp(r.y, r.bottom()))
}
