//! Derivatives to look at.

use crate::scale::short;
use crate::{Figure, Ink, Mark, Note, Panel};

/// A point of a curve with its slope there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Touch {
    /// Abscissa.
    pub x: f64,
    /// Value.
    pub y: f64,
    /// Derivative.
    pub slope: f64,
}

fn dot(at: (f64, f64), text: &str, ink: Ink) -> Note {
    Note { at, text: text.to_string(), ink, dot: true }
}

/// A straight line through a point, over the range of `x`.
fn straight(x: &[f64], (a, b): (f64, f64), slope: f64) -> Mark {
    let (low, high) = super::reach(&[x]);
    let y = [b + slope * (low - a), b + slope * (high - a)];
    Mark::line(&[low, high], &y)
}

/// A little more than the range of the values.
fn roomy(values: &[f64]) -> (f64, f64) {
    let (low, high) = super::reach(&[values]);
    let pad = 0.12 * (high - low);
    (low - pad, high + pad)
}

/// Above a function with its tangent at a point, below its derivative with the slope of that
/// tangent. `x`, `f` and `df` are sampled densely enough to look smooth.
pub fn derivative(x: &[f64], f: &[f64], df: &[f64], at: Touch, name: &str) -> Figure {
    let (low, high) = roomy(f);
    let tangent = straight(x, (at.x, at.y), at.slope);
    let slope = format!("slope {}", short(at.slope, 3));
    let mut above = Panel::new("", name)
        .y(|axis| axis.range(low, high))
        .with(Mark::line(x, f).ink(Ink::Series(0)).label(name))
        .with(tangent.ink(Ink::Series(1)).width(1.6).dashed().label("tangent"));
    above.notes.push(dot((at.x, at.y), &slope, Ink::Series(1)));
    let prime = if name.ends_with("f(x)") { "f′(x)".to_string() } else { format!("({name})′") };
    let mut below = Panel::new("x", &prime)
        .with(Mark::level(0.0).width(0.9))
        .with(Mark::line(x, df).ink(Ink::Series(2)));
    let value = format!("f′({}) = {}", short(at.x, 3), short(at.slope, 3));
    below.notes.push(dot((at.x, at.slope), &value, Ink::Series(1)));
    let (low, high) = super::reach(&[x]);
    let same = |panel: Panel| panel.x(|axis| axis.range(low, high));
    let mut figure = Figure::grid(vec![same(above), same(below)], 1, (640.0, 560.0));
    figure.rows = vec![3.0, 2.0];
    figure.title("A function, its tangent and its derivative")
}

/// Secants through a point of a curve, whose other points close in on it, and the tangent.
pub fn secants(x: &[f64], f: &[f64], at: Touch, others: &[(f64, f64)]) -> Figure {
    let (low, high) = roomy(f);
    let (first, last) = super::reach(&[x]);
    let mut panel = Panel::new("x", "f(x)")
        .x(|axis| axis.range(first, last))
        .y(|axis| axis.range(low, high))
        .with(Mark::line(x, f).ink(Ink::Series(0)).width(2.4).label("f"));
    for (k, &(a, b)) in others.iter().enumerate() {
        let slope = (b - at.y) / (a - at.x);
        let share = (k + 1) as f64 / others.len() as f64;
        let label = format!("h = {}: slope {}", short(a - at.x, 3), short(slope, 4));
        let line = straight(x, (at.x, at.y), slope).ink(Ink::Series(4)).width(1.4);
        panel = panel.with(line.opacity(0.3 + 0.6 * share).label(&label));
        panel.notes.push(dot((a, b), "", Ink::Series(4)));
    }
    let label = format!("tangent: slope {}", short(at.slope, 4));
    let tangent = straight(x, (at.x, at.y), at.slope).ink(Ink::Series(1)).dashed();
    panel = panel.with(tangent.label(&label));
    panel.notes.push(dot((at.x, at.y), "", Ink::Series(1)));
    Figure::of(panel).title("Secants close in on the tangent")
}

/// The errors of difference quotients against the step `h`, both logarithmic: to the right the
/// remainder of Taylor's series, to the left rounding. Errors of 0 are gaps.
pub fn difference_error(h: &[f64], errors: &[(&str, &[f64])]) -> Figure {
    let mut panel = Panel::new("step h", "relative error of the derivative")
        .x(crate::Axis::log)
        .y(crate::Axis::log);
    for (k, (name, error)) in errors.iter().enumerate() {
        let ink = Ink::Series(k);
        panel = panel.with(Mark::line(h, error).ink(ink).label(name));
        let usable = h.iter().zip(*error).filter(|(_, e)| e.is_finite() && **e > 0.0);
        if let Some((h, e)) = usable.min_by(|a, b| a.1.total_cmp(b.1)) {
            let text = format!("best h ≈ {}", short(*h, 1));
            panel.notes.push(dot((*h, *e), &text, ink));
        }
    }
    Figure::of(panel).title("Difference quotients: rounding against truncation")
}
