//! Marks in pixels: each [`Kind`] as the shapes it is drawn with.

use crate::contour;
use crate::figure::{Grid, Kind, Mark, Panel};
use crate::font;
use crate::layout::{Frame, SMALL, colours, edges};
use crate::scale::{Scale, Span, short};
use crate::shape::{
    Anchor, Edges, Marker, Point, Rect, Shape, Stroke, Text, clip_area, clip_line, ring, sparse,
    straightened, thinned,
};
use crate::stat::extent;
use crate::theme::{Ink, Map};

/// More cells than this along an axis are averaged.
const CELLS: usize = 256;

/// More colours than this are not told apart.
const SHADES: usize = 64;

/// Whether a mark fills the frame, so that no grid is drawn.
pub(crate) fn is_ground(kind: &Kind) -> bool {
    matches!(kind, Kind::Heat { .. } | Kind::Contour { filled: true, .. })
}

fn layer(kind: &Kind) -> usize {
    match kind {
        Kind::Heat { .. } | Kind::Contour { filled: true, .. } => 0,
        Kind::Band { .. } | Kind::Bars { .. } => 1,
        Kind::Rule { .. } | Kind::Contour { .. } => 2,
        Kind::Line { .. } | Kind::Errors { .. } | Kind::Path { .. } | Kind::Points { .. } => 3,
    }
}

/// The colour of each mark: its own or the next of the palette.
pub(crate) fn inks(panel: &Panel) -> Vec<Ink> {
    let mut next = 0..;
    let mut ink = |mark: &Mark| {
        let coloured = is_ground(&mark.kind);
        mark.ink.unwrap_or_else(|| Ink::Series(if coloured { 0 } else { next.next().unwrap_or(0) }))
    };
    panel.marks.iter().map(&mut ink).collect()
}

/// The marks with their shapes, from back to front.
pub(crate) fn shapes<'a>(panel: &'a Panel, frame: &Frame) -> Vec<(&'a Mark, Vec<Shape>)> {
    let mut taken = Vec::new();
    let mut drawn: Vec<(&Mark, Vec<Shape>)> = panel
        .marks
        .iter()
        .zip(inks(panel))
        .map(|(mark, ink)| (mark, draw(mark, ink, frame, &mut taken)))
        .collect();
    drawn.sort_by_key(|(mark, _)| layer(&mark.kind));
    drawn
}

fn draw(mark: &Mark, ink: Ink, frame: &Frame, taken: &mut Vec<Rect>) -> Vec<Shape> {
    let stroke = Stroke { ink, width: mark.width, dash: mark.dash, opacity: mark.opacity };
    match &mark.kind {
        Kind::Line { x, y } => vec![Shape::Line { runs: runs(x, y, frame), stroke }],
        Kind::Points { x, y, radii, values } => points(mark, ink, frame, (x, y), radii, values),
        Kind::Band { x, low, high } => band(mark, ink, frame, (x, low, high)),
        Kind::Bars { at, size, thick, flat } => bars(mark, ink, frame, (at, size), *thick, *flat),
        Kind::Errors { at, low, high, flat } => errors(frame, (at, low, high), *flat, stroke),
        Kind::Heat { grid, range, cells } => heat(mark, frame, grid, *range, cells),
        Kind::Contour { grid, levels, filled: true } => filled(mark, frame, grid, levels),
        Kind::Contour { grid, levels, .. } => contours(mark, frame, grid, levels, stroke, taken),
        Kind::Path { x, y } => way(mark, ink, frame, x, y),
        Kind::Rule { at, upright } => {
            let r = frame.rect;
            let (x, y) = frame.at(*at, *at);
            let run = match upright {
                true => [(x, r.y), (x, r.bottom())],
                false => [(r.x, y), (r.right(), y)],
            };
            vec![Shape::Line { runs: clip_line(&run, r), stroke }]
        }
    }
}

fn runs(x: &[f64], y: &[f64], frame: &Frame) -> Vec<Vec<Point>> {
    let points: Vec<Point> = x.iter().zip(y).map(|(x, y)| frame.at(*x, *y)).collect();
    let points = points.split(|p| !(p.0.is_finite() && p.1.is_finite()));
    let whole = points.map(|run| thinned(run.to_vec()));
    let cut = whole.flat_map(|run| clip_line(&run, frame.rect)).collect::<Vec<_>>();
    let mut left = 40_000;
    cut.into_iter().take_while(|run| (left -= run.len() as i64, left > 0).1).collect()
}

fn points(
    mark: &Mark,
    ink: Ink,
    frame: &Frame,
    (x, y): (&[f64], &[f64]),
    radii: &[f64],
    values: &[f64],
) -> Vec<Shape> {
    let inside = frame.rect.grown(0.5);
    let at = |k: usize| frame.at(x[k], y[k]);
    let seen = |k: &usize| {
        let (x, y) = at(*k);
        inside.holds(Rect { x, y, w: 0.0, h: 0.0 })
    };
    let kept: Vec<usize> = (0..x.len().min(y.len())).filter(seen).collect();
    let (marker, opacity) = (mark.marker, mark.opacity);
    if radii.is_empty() && values.is_empty() {
        let at = sparse(&kept.into_iter().map(at).collect::<Vec<_>>());
        return vec![Shape::Dots { at, radius: mark.radius, marker, ink, opacity }];
    }
    let (low, high) = extent(values.iter().copied()).unwrap_or((0.0, 1.0));
    let span = Span::new(Scale::Linear, low, high);
    let dot = |k: usize| {
        let ink = match values.get(k) {
            Some(v) => of_map(mark.map, span.place(*v)),
            None => ink,
        };
        let radius = radii.get(k).map_or(mark.radius, |r| r.clamp(0.5, 50.0).max(0.5));
        Shape::Dots { at: vec![at(k)], radius, marker, ink, opacity }
    };
    kept.into_iter().take(20_000).map(dot).collect()
}

fn of_map(map: Map, t: f64) -> Ink {
    let shade = (t.clamp(0.0, 1.0) * (SHADES - 1) as f64).round() / (SHADES - 1) as f64;
    let (r, g, b) = map.at(shade);
    Ink::Rgb(r, g, b)
}

fn band(
    mark: &Mark,
    ink: Ink,
    frame: &Frame,
    (x, low, high): (&[f64], &[f64], &[f64]),
) -> Vec<Shape> {
    let pairs: Vec<(Point, Point)> = (0..x.len().min(low.len()).min(high.len()))
        .map(|k| (frame.at(x[k], low[k]), frame.at(x[k], high[k])))
        .collect();
    let whole = |pair: &(Point, Point)| (pair.0.0 + pair.0.1 + pair.1.1).is_finite();
    let ring = |run: &[(Point, Point)]| {
        let lower = thinned(run.iter().map(|pair| pair.0).collect());
        let mut ring = thinned(run.iter().map(|pair| pair.1).collect());
        ring.extend(lower.into_iter().rev());
        clip_area(&ring, frame.rect)
    };
    let runs = pairs.split(|pair| !whole(pair)).filter(|run| run.len() > 1);
    runs.map(|run| Shape::area(ring(run), ink, mark.opacity)).take(2000).collect()
}

fn bars(
    mark: &Mark,
    ink: Ink,
    frame: &Frame,
    (at, size): (&[f64], &[f64]),
    thick: f64,
    flat: bool,
) -> Vec<Shape> {
    let span = if flat { frame.x } else { frame.y };
    let base = if span.scale == Scale::Log { span.low } else { 0.0 };
    let ring = |(at, size): (&f64, &f64)| {
        let (a, b) = match flat {
            true => (frame.at(base, at - thick / 2.0), frame.at(*size, at + thick / 2.0)),
            false => (frame.at(at - thick / 2.0, base), frame.at(at + thick / 2.0, *size)),
        };
        let gap = if flat { (0.0, 0.3) } else { (0.3, 0.0) };
        let (x, y) = (a.0.min(b.0) + gap.0, a.1.min(b.1) + gap.1);
        let (w, h) = ((b.0 - a.0).abs() - 2.0 * gap.0, (b.1 - a.1).abs() - 2.0 * gap.1);
        let finite = (x + y + w + h).is_finite();
        finite.then(|| clip_area(&ring(Rect { x, y, w: w.max(0.2), h: h.max(0.0) }), frame.rect))
    };
    let rings = at.iter().zip(size).filter_map(ring).take(5000).collect();
    vec![Shape::Area { rings, fill: ink, opacity: mark.opacity, edges: Edges::Smooth }]
}

fn errors(
    frame: &Frame,
    (at, low, high): (&[f64], &[f64], &[f64]),
    flat: bool,
    stroke: Stroke,
) -> Vec<Shape> {
    let cap = 4.0;
    let place = |at: f64, v: f64| if flat { frame.at(v, at) } else { frame.at(at, v) };
    let mut runs = Vec::new();
    for k in 0..at.len().min(low.len()).min(high.len()).min(5000) {
        let (a, b) = (place(at[k], low[k]), place(at[k], high[k]));
        runs.extend(clip_line(&[a, b], frame.rect));
        for p in [a, b] {
            let ends = match flat {
                true => [(p.0, p.1 - cap), (p.0, p.1 + cap)],
                false => [(p.0 - cap, p.1), (p.0 + cap, p.1)],
            };
            runs.extend(clip_line(&ends, frame.rect));
        }
    }
    vec![Shape::Line { runs, stroke }]
}

fn heat(
    mark: &Mark,
    frame: &Frame,
    grid: &Grid,
    range: Option<(f64, f64)>,
    cells: &[String],
) -> Vec<Shape> {
    let span = colours(grid, range);
    let grid = &coarse(grid);
    let (xs, ys) = (edges(&grid.x), edges(&grid.y));
    let mut shades: Vec<Vec<Vec<Point>>> = vec![Vec::new(); SHADES];
    let mut texts = Vec::new();
    for j in 0..grid.y.len() {
        let mut i = 0;
        while i < grid.x.len() {
            let shade = |i: usize| {
                let t = span.place(grid.at(i, j)).clamp(0.0, 1.0);
                grid.at(i, j).is_finite().then_some((t * (SHADES - 1) as f64).round() as usize)
            };
            let from = i;
            while i < grid.x.len() && shade(i) == shade(from) {
                i += 1;
            }
            let Some(shade) = shade(from) else { continue };
            let (a, b) = (frame.at(xs[from], ys[j]), frame.at(xs[i], ys[j + 1]));
            let (x, y) = (a.0.min(b.0), a.1.min(b.1));
            let cell = Rect { x, y, w: (b.0 - a.0).abs(), h: (b.1 - a.1).abs() };
            shades[shade].push(clip_area(&ring(cell), frame.rect));
        }
    }
    for (k, text) in cells.iter().enumerate().take(grid.values.len().min(2500)) {
        let (i, j) = (k % grid.x.len(), k / grid.x.len());
        let (a, b) = (frame.at(xs[i], ys[j]), frame.at(xs[i + 1], ys[j + 1]));
        let middle = ((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0);
        let room = ((b.0 - a.0).abs() - 4.0, (b.1 - a.1).abs() - 2.0);
        let size = SMALL.min(room.1 / 1.02);
        if size >= 7.0 && font::width(text, size) <= room.0 {
            let ink = mark.map.on(span.place(grid.at(i, j)));
            texts.push(Shape::Words(Text::level(middle, text, size, Anchor::Middle, ink)));
        }
    }
    let area = |(k, rings): (usize, Vec<Vec<Point>>)| {
        let fill = of_map(mark.map, k as f64 / (SHADES - 1) as f64);
        Shape::Area { rings, fill, opacity: mark.opacity, edges: Edges::Crisp }
    };
    let drawn = shades.into_iter().enumerate().filter(|(_, rings)| !rings.is_empty());
    drawn.map(area).chain(texts).collect()
}

/// The grid with blocks of cells averaged, if it has too many.
fn coarse(grid: &Grid) -> Grid {
    let (a, b) = (grid.x.len().div_ceil(CELLS).max(1), grid.y.len().div_ceil(CELLS).max(1));
    if a == 1 && b == 1 {
        return grid.clone();
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let means = |places: &[f64], n: usize| places.chunks(n).map(mean).collect::<Vec<_>>();
    let (x, y) = (means(&grid.x, a), means(&grid.y, b));
    let block = |k: usize| {
        let (i, j) = (k % x.len() * a, k / x.len() * b);
        let cells = (j..(j + b).min(grid.y.len()))
            .flat_map(|j| (i..(i + a).min(grid.x.len())).map(move |i| grid.at(i, j)));
        mean(&cells.filter(|v| v.is_finite()).collect::<Vec<_>>())
    };
    let values = (0..x.len() * y.len()).map(block).collect();
    Grid { x, y, values }
}

fn filled(mark: &Mark, frame: &Frame, grid: &Grid, levels: &[f64]) -> Vec<Shape> {
    let grid = coarse(grid);
    let levels = contour::usable(levels);
    let blocks = levels.len().saturating_sub(1).max(1);
    let area = |(k, level): (usize, &f64)| {
        let rings = contour::above(&grid, *level).into_iter();
        let place = |ring: Vec<Point>| {
            let ring: Vec<_> = ring.into_iter().map(|(x, y)| frame.at(x, y)).collect();
            let finite = ring.iter().all(|p| p.0.is_finite() && p.1.is_finite());
            if finite { clip_area(&ring, frame.rect) } else { Vec::new() }
        };
        let rings =
            rings.map(|ring| straightened(&place(ring))).filter(|ring| ring.len() > 2).collect();
        let t = if blocks > 1 { k as f64 / (blocks - 1) as f64 } else { 0.5 };
        let (r, g, b) = mark.map.at(t);
        Shape::Area { rings, fill: Ink::Rgb(r, g, b), opacity: 1.0, edges: Edges::Odd }
    };
    let parts = levels.iter().take(blocks).enumerate().map(area).collect();
    vec![Shape::Group { parts, opacity: mark.opacity, title: String::new() }]
}

fn contours(
    mark: &Mark,
    frame: &Frame,
    grid: &Grid,
    levels: &[f64],
    stroke: Stroke,
    taken: &mut Vec<Rect>,
) -> Vec<Shape> {
    let grid = coarse(grid);
    let (mut shapes, mut texts) = (Vec::new(), Vec::new());
    let levels = contour::usable(levels);
    let last = levels.len().saturating_sub(1).max(1) as f64;
    for (k, level) in levels.iter().enumerate() {
        let place = |line: Vec<Point>| {
            let line: Vec<_> = line.into_iter().map(|(x, y)| frame.at(x, y)).collect();
            clip_line(&line, frame.rect)
        };
        let runs: Vec<_> = contour::lines(&grid, *level).into_iter().flat_map(place).collect();
        let stroke = match mark.ink {
            Some(_) => stroke,
            None => Stroke { ink: of_map(mark.map, 0.1 + 0.75 * k as f64 / last), ..stroke },
        };
        let label = short(*level, 3);
        if mark.label.is_empty()
            && let Some(text) = on_line(&runs, &label, frame.rect, taken)
        {
            taken.push(text.bounds());
            texts.push(Shape::Words(text));
        }
        let runs = runs.iter().map(|run| straightened(run)).collect();
        shapes.push(Shape::Line { runs, stroke });
    }
    shapes.extend(texts);
    shapes
}

/// The label of a contour where its longest line is straightest.
fn on_line(runs: &[Vec<Point>], label: &str, frame: Rect, taken: &[Rect]) -> Option<Text> {
    let size = 9.5;
    let need = font::width(label, size) + 6.0;
    let length = |run: &Vec<Point>| run.windows(2).map(|p| apart(p[0], p[1])).sum::<f64>();
    let run = runs.iter().max_by(|a, b| length(a).total_cmp(&length(b)))?;
    if length(run) < 2.5 * need {
        return None;
    }
    let mut best: Option<(f64, Text)> = None;
    for start in (0..run.len()).step_by(run.len().div_ceil(60)) {
        let mut way = 0.0;
        let pairs = run[start..].windows(2);
        let end = pairs.take_while(|p| (way += apart(p[0], p[1]), way < need).1).count();
        let (a, b) = (run[start], run[(start + end + 1).min(run.len() - 1)]);
        if way < need || apart(a, b) < 0.8 * need {
            continue;
        }
        let bend = way.min(1e6) - apart(a, b);
        let mut turn = (b.1 - a.1).atan2(b.0 - a.0).to_degrees();
        if turn.abs() > 90.0 {
            turn -= 180.0 * turn.signum();
        }
        let middle = ((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0);
        let (sin, cos) = turn.to_radians().sin_cos();
        let drop = font::MIDDLE * size;
        let at = (middle.0 - drop * sin, middle.1 + drop * cos);
        let ink = Ink::Muted;
        let text =
            Text { at, text: label.into(), size, anchor: Anchor::Middle, turn, ink, halo: true };
        let bounds = text.bounds();
        let free = frame.grown(-3.0).holds(bounds) && !taken.iter().any(|r| r.meets(bounds));
        let cost = bend + turn.abs() * 0.02;
        if free && best.as_ref().is_none_or(|(least, _)| cost < *least) {
            best = Some((cost, text));
        }
    }
    best.map(|(_, text)| text)
}

fn apart(a: Point, b: Point) -> f64 {
    (a.0 - b.0).hypot(a.1 - b.1)
}

fn way(mark: &Mark, ink: Ink, frame: &Frame, x: &[f64], y: &[f64]) -> Vec<Shape> {
    let runs = runs(x, y, frame);
    let stroke = Stroke { ink, width: mark.width, dash: mark.dash, opacity: mark.opacity };
    let (mut heads, mut dots) = (Vec::new(), Vec::new());
    let mut since = 0.0;
    for pair in runs.iter().flat_map(|run| run.windows(2)) {
        let (a, b) = (pair[0], pair[1]);
        let long = apart(a, b);
        since += long;
        if long > 9.0 && since > 16.0 {
            let (u, v) = ((b.0 - a.0) / long, (b.1 - a.1) / long);
            let m = (a.0 + 0.5 * (b.0 - a.0) + 4.0 * u, a.1 + 0.5 * (b.1 - a.1) + 4.0 * v);
            let back = |side: f64| (m.0 - 8.0 * u - side * v, m.1 - 8.0 * v + side * u);
            heads.push(vec![m, back(3.6), back(-3.6)]);
            since = 0.0;
        }
    }
    let places = x.iter().zip(y).map(|(x, y)| frame.at(*x, *y));
    let inside = |p: &Point| frame.rect.holds(Rect { x: p.0, y: p.1, w: 0.0, h: 0.0 });
    for p in places.filter(inside) {
        if dots.last().is_none_or(|last| apart(*last, p) >= 6.0) {
            dots.push(p);
        }
    }
    let dots = sparse(&dots);
    let heads = Shape::Area { rings: heads, fill: ink, opacity: 1.0, edges: Edges::Smooth };
    let dots = Shape::Dots { at: dots, radius: 2.4, marker: Marker::Circle, ink, opacity: 1.0 };
    vec![Shape::Line { runs, stroke }, heads, dots]
}
