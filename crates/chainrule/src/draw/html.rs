//! A drawing as one page: the pictures of all sets of unfolded repetitions, a style sheet that
//! follows the reader's preference of light or dark, and a program of a hundred lines.
//!
//! Up to three repetitions unfold one by one, more of them all at once. `#step=middle&open=1`
//! behind the page's address says where it begins.

use std::fmt::Write;

use chainrule_plot::{Error, Theme};

use super::view::{Picture, View};

/// So many repetitions unfold one by one.
const SINGLE: usize = 3;

pub(super) fn page(view: &View<'_>, title: &str) -> Result<String, Error> {
    let n = view.repetitions.len();
    let sets: Vec<usize> = match n {
        0 => vec![0],
        _ if n <= SINGLE => (0..1 << n).collect(),
        _ => vec![0, usize::MAX],
    };
    let (mut templates, mut data) = (String::new(), vec![]);
    for (k, open) in sets.into_iter().enumerate() {
        let picture = view.picture("", open);
        let svg = picture.graph.svg(Theme::Auto)?;
        let svg = svg.split_once("<svg").map_or(svg.clone(), |(_, rest)| format!("<svg{rest}"));
        let _ = writeln!(templates, "<template id=\"view-{k}\">\n{svg}</template>");
        data.push(places(&picture));
    }
    let mut buttons = String::new();
    for k in 0..n {
        let what = escaped(&format!("{} {}", view.summary(k), view.count(k)));
        let _ = write!(buttons, "<button data-block=\"{k}\">Unfold {what}</button>");
    }
    let blocks: Vec<String> =
        (0..n).map(|k| quoted(&format!("{} {}", view.summary(k), view.count(k)))).collect();
    let title = if title.is_empty() { "Graph" } else { title };
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{css}</style>\n</head>\n<body>\n<header>\
         <h1>{title}</h1>\n<button id=\"play\">▶ Play</button>\
         <input id=\"step\" type=\"range\" min=\"0\" max=\"0\" value=\"0\" \
         aria-label=\"Forward, then backward\"><output id=\"says\" for=\"step\"></output>\n\
         <span><button id=\"out\" aria-label=\"Smaller\">−</button> \
         <button id=\"fit\">Fit</button> \
         <button id=\"in\" aria-label=\"Larger\">+</button></span>\n{buttons}</header>\n\
         <main id=\"stage\"></main>\n{templates}\
         <script type=\"application/json\" id=\"views\">{{\"blocks\":[{}],\"views\":[{}],\
         \"start\":0}}</script>\n<script>\n{js}</script>\n</body>\n</html>\n",
        blocks.join(","),
        data.join(","),
        title = escaped(title),
        css = include_str!("page.css"),
        js = include_str!("page.js"),
    ))
}

/// Ranks and lines of a picture's nodes, as JSON.
fn places(picture: &Picture) -> String {
    let number = |n: Option<usize>| n.map_or(-1, |n| n as i64);
    let each = picture.places.iter().map(|p| {
        let (block, value, slope) = (number(p.block), number(p.value), number(p.slope));
        format!("{{\"rank\":{},\"block\":{block},\"value\":{value},\"slope\":{slope}}}", p.rank)
    });
    let ranks = picture.places.iter().map(|p| p.rank + 1).max().unwrap_or(0);
    format!("{{\"ranks\":{ranks},\"nodes\":[{}]}}", each.collect::<Vec<_>>().join(","))
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;")
}

/// A text in JSON, within an element of a page.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '<' | '>' | '&' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out + "\""
}
