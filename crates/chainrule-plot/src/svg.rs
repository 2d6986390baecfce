//! Shapes as SVG.
//!
//! The writer knows four elements: `path` for lines, areas and many dots, `circle` for few, `text`,
//! and for a PNG the outlines of text. Numbers have at most two decimals. Every text that comes
//! from data is escaped, and characters that XML forbids become U+FFFD. The title and the
//! description are there for readers who do not see the figure.

use std::fmt::Write;

use crate::font;
use crate::shape::{Anchor, Dash, Edges, Marker, Point, Shape, Stroke, Text};
use crate::theme::{Ink, Theme};

/// Above so many dots, one path is shorter than an element for each.
const CIRCLES: usize = 2000;

/// How texts are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Letters {
    /// As text, to be found, read aloud and drawn in the reader's font.
    Text,
    /// As outlines of the embedded font.
    Outlines,
}

/// The head of a file: size, title and description.
pub(crate) struct Head<'a> {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) title: &'a str,
    pub(crate) description: &'a str,
}

/// The whole file.
pub(crate) fn write(head: &Head<'_>, shapes: &[Shape], theme: Theme, letters: Letters) -> String {
    let (w, h) = (num(head.width), num(head.height));
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chainrule-plot\" width=\"{w}\" \
         height=\"{h}\" viewBox=\"0 0 {w} {h}\" font-family=\"{}\" role=\"img\">\n\
         <title>{}</title>\n",
        font::FAMILY,
        escaped(head.title)
    );
    if !head.description.is_empty() {
        let _ = writeln!(out, "<desc>{}</desc>", escaped(head.description));
    }
    out.push_str(&theme.sheet());
    let ground = theme.colour(Ink::Surface);
    let _ = writeln!(out, "<rect width=\"{w}\" height=\"{h}\" fill=\"{ground}\"/>");
    for shape in shapes {
        element(&mut out, shape, theme, letters);
    }
    out.push_str("</svg>\n");
    out
}

fn element(out: &mut String, shape: &Shape, theme: Theme, letters: Letters) {
    match shape {
        Shape::Line { runs, stroke } => {
            let data = path(runs, false);
            if !data.is_empty() {
                let _ = writeln!(out, "<path d=\"{data}\" {}/>", stroked(stroke, theme));
            }
        }
        Shape::Area { rings, fill, opacity, edges } => {
            let data = if *edges == Edges::Crisp { boxes(rings) } else { path(rings, true) };
            if !data.is_empty() {
                let edges = match edges {
                    Edges::Smooth => "",
                    Edges::Crisp => " shape-rendering=\"crispEdges\"",
                    Edges::Odd => " fill-rule=\"evenodd\"",
                };
                let (fill, opacity) = (theme.colour(*fill), share("fill-opacity", *opacity));
                let _ = writeln!(out, "<path d=\"{data}\" fill=\"{fill}\"{opacity}{edges}/>");
            }
        }
        Shape::Dots { at, radius, marker, ink, opacity } => {
            dots(out, at, *radius, *marker, &theme.colour(*ink), *opacity, theme);
        }
        Shape::Words(text) => words(out, text, theme, letters),
        Shape::Group { parts, opacity, title } => {
            let _ = writeln!(out, "<g{}>", share("opacity", *opacity));
            if !title.is_empty() {
                let _ = writeln!(out, "<title>{}</title>", escaped(title));
            }
            parts.iter().for_each(|part| element(out, part, theme, letters));
            out.push_str("</g>\n");
        }
    }
}

fn stroked(stroke: &Stroke, theme: Theme) -> String {
    let (colour, width) = (theme.colour(stroke.ink), num(stroke.width));
    let w = stroke.width.max(1.0);
    let (dash, cap) = match stroke.dash {
        Dash::Solid => (String::new(), "butt"),
        Dash::Dashed => {
            (format!(" stroke-dasharray=\"{} {}\"", num(4.0 * w), num(2.5 * w)), "butt")
        }
        Dash::Dotted => (format!(" stroke-dasharray=\"0 {}\"", num(2.2 * w)), "round"),
    };
    let opacity = share("stroke-opacity", stroke.opacity);
    format!(
        "fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\" stroke-linejoin=\"round\" \
         stroke-linecap=\"{cap}\"{dash}{opacity}"
    )
}

fn dots(
    out: &mut String,
    at: &[Point],
    radius: f64,
    marker: Marker,
    colour: &str,
    opacity: f64,
    theme: Theme,
) {
    let opacity = share("opacity", opacity);
    if at.is_empty() {
        return;
    }
    if marker == Marker::Circle && at.len() > CIRCLES {
        let data: String = at.iter().map(|p| format!("M{} {}h0", num(p.0), num(p.1))).collect();
        let width = num(2.0 * radius);
        let _ = writeln!(
            out,
            "<path d=\"{data}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\" \
             stroke-linecap=\"round\"{opacity}/>"
        );
        return;
    }
    let (fill, stroke, width) = match marker {
        Marker::Cross => ("none", colour, 1.6),
        _ => (colour, &*theme.colour(Ink::Surface), edge(at, radius)),
    };
    let width = num(width);
    let _ =
        write!(out, "<g fill=\"{fill}\" stroke=\"{stroke}\" stroke-width=\"{width}\"{opacity}>");
    for &(x, y) in at {
        let _ = match marker {
            Marker::Circle => {
                let (x, y, r) = (num(x), num(y), num(radius));
                write!(out, "<circle cx=\"{x}\" cy=\"{y}\" r=\"{r}\"/>")
            }
            _ => write!(out, "<path d=\"{}\"/>", form((x, y), radius, marker)),
        };
    }
    out.push_str("</g>\n");
}

/// The width of the edge that sets dots off from each other: none where they form a chain.
fn edge(at: &[Point], radius: f64) -> f64 {
    let touch = |pair: &[Point]| (pair[0].0 - pair[1].0).hypot(pair[0].1 - pair[1].1) < radius;
    let touching = at.windows(2).filter(|pair| touch(pair)).count();
    if at.len() > CIRCLES || radius < 2.0 || 3 * touching > at.len() { 0.0 } else { 0.6 }
}

fn form((x, y): Point, r: f64, marker: Marker) -> String {
    let ring = |points: &[Point]| {
        path(&[points.iter().map(|p| (x + r * p.0, y + r * p.1)).collect()], true)
    };
    match marker {
        Marker::Circle | Marker::Square => {
            ring(&[(-0.88, -0.88), (0.88, -0.88), (0.88, 0.88), (-0.88, 0.88)])
        }
        Marker::Triangle => ring(&[(0.0, -1.2), (1.05, 0.8), (-1.05, 0.8)]),
        Marker::Diamond => ring(&[(0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)]),
        Marker::Cross => {
            let r = 0.85 * r;
            let (a, b) =
                (vec![(x - r, y - r), (x + r, y + r)], vec![(x - r, y + r), (x + r, y - r)]);
            path(&[a, b], false)
        }
    }
}

fn words(out: &mut String, text: &Text, theme: Theme, letters: Letters) {
    let colour = theme.colour(text.ink);
    let (x, y) = (num(text.at.0), num(text.at.1));
    let halo = match text.halo {
        true => format!(
            " stroke=\"{}\" stroke-width=\"3\" stroke-linejoin=\"round\" paint-order=\"stroke\"",
            theme.colour(Ink::Surface)
        ),
        false => String::new(),
    };
    if letters == Letters::Outlines {
        let width = font::width(&text.text, text.size);
        let shift = match text.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => -width / 2.0,
            Anchor::End => -width,
        };
        let turn =
            if text.turn == 0.0 { String::new() } else { format!(" rotate({})", num(text.turn)) };
        let data = font::outline(&text.text, text.size);
        let _ = writeln!(
            out,
            "<path transform=\"translate({x} {y}){turn} translate({} 0)\" fill=\"{colour}\"{halo} \
             d=\"{data}\"/>",
            num(shift)
        );
        return;
    }
    let anchor = match text.anchor {
        Anchor::Start => "",
        Anchor::Middle => " text-anchor=\"middle\"",
        Anchor::End => " text-anchor=\"end\"",
    };
    let turn = match text.turn {
        0.0 => String::new(),
        turn => format!(" transform=\"rotate({} {x} {y})\"", num(turn)),
    };
    let (size, text) = (num(text.size), escaped(&text.text));
    let _ = writeln!(
        out,
        "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" fill=\"{colour}\"{anchor}{turn}{halo}>\
         {text}</text>"
    );
}

fn path(runs: &[Vec<Point>], closed: bool) -> String {
    let mut out = String::new();
    for run in runs.iter().filter(|run| run.len() > 1) {
        for (k, p) in run.iter().enumerate() {
            out.push(if k == 0 { 'M' } else { 'L' });
            let _ = write!(out, "{} {}", num(p.0), num(p.1));
        }
        if closed {
            out.push('Z');
        }
    }
    out
}

/// Rings that are rectangles, in the short form.
fn boxes(rings: &[Vec<Point>]) -> String {
    let mut out = String::new();
    for ring in rings {
        if let [a, .., _] = ring[..]
            && let Some(c) = ring.iter().find(|p| p.0 != a.0 && p.1 != a.1)
        {
            let _ =
                write!(out, "M{} {}H{}V{}H{}Z", num(a.0), num(a.1), num(c.0), num(c.1), num(a.0));
        }
    }
    out
}

fn share(name: &str, opacity: f64) -> String {
    if opacity >= 1.0 { String::new() } else { format!(" {name}=\"{}\"", num(opacity)) }
}

/// At most two decimals, without zeros at the end; 0 for what is not a number.
pub(crate) fn num(v: f64) -> String {
    let v = if v.is_finite() { v } else { 0.0 };
    let text = format!("{v:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

/// The text as the content of an element or an attribute.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push(' '),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_escaped() {
        assert_eq!(
            escaped("</text><script a=\"&\">\0\n"),
            "&lt;/text&gt;&lt;script a=&quot;&amp;&quot;&gt;\u{fffd} "
        );
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!([num(1.0), num(0.126), num(-0.001), num(100.0)], ["1", "0.13", "0", "100"]);
    }
}
