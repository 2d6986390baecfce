//! Training to look at.

use crate::scale::{Scale, short};
use crate::{Figure, Grid, Ink, Mark, Note, Panel, contour};

/// An exponential moving average, without bias towards its start: weights `smoothing`ⁿ of values n
/// steps ago, normalised. Values that are not finite leave it as it is.
pub fn smoothed(values: &[f64], smoothing: f64) -> Vec<f64> {
    let keep = smoothing.clamp(0.0, 0.9999);
    let (mut sum, mut weight) = (0.0, 0.0);
    let mut step = |v: &f64| {
        if v.is_finite() {
            (sum, weight) = (keep * sum + v, keep * weight + 1.0);
        }
        sum / weight
    };
    values.iter().map(&mut step).collect()
}

/// One curve of losses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Curve<'a> {
    /// Its name in the legend.
    pub name: &'a str,
    /// Steps or epochs.
    pub step: &'a [f64],
    /// Losses.
    pub loss: &'a [f64],
}

/// Losses against steps. With `smoothing` above 0, what was measured is pale and its average over
/// about 1/(1 − `smoothing`) steps is drawn over it. The best value of the last curve is marked if
/// there are several curves, because early stopping would stop there.
pub fn losses(curves: &[Curve<'_>], unit: &str, scale: Scale, smoothing: f64) -> Figure {
    let mut panel = Panel::new(unit, "loss").y(|mut axis| {
        axis.scale = scale;
        axis
    });
    for (k, curve) in curves.iter().enumerate() {
        let ink = Ink::Series(k);
        if smoothing > 0.0 {
            panel = panel.with(Mark::line(curve.step, curve.loss).ink(ink).width(1.0).opacity(0.3));
        }
        let shown = smoothed(curve.loss, smoothing);
        panel = panel.with(Mark::line(curve.step, &shown).ink(ink).label(curve.name));
    }
    if let Some(curve) = curves.last().filter(|_| curves.len() > 1) {
        let shown = smoothed(curve.loss, smoothing);
        let usable = curve.step.iter().zip(&shown).filter(|(_, loss)| loss.is_finite());
        if let Some((step, loss)) = usable.min_by(|a, b| a.1.total_cmp(b.1)) {
            let text = format!("best {} at {}", short(*loss, 3), short(*step, 4));
            let ink = Ink::Series(curves.len() - 1);
            panel.notes.push(Note { at: (*step, *loss), text, ink, dot: true });
        }
    }
    Figure::of(panel).title("Loss")
}

/// Losses of a run in which the learning rate grows, with a suggested rate. The range of losses
/// ends a little above the first, since the last ones are beyond all bounds.
pub fn learning_rates(rate: &[f64], loss: &[f64], suggested: Option<f64>) -> Figure {
    let smooth = smoothed(loss, 0.6);
    let (low, high) = super::reach(&[&smooth]);
    let first = smooth.iter().copied().find(|v| v.is_finite()).unwrap_or(high);
    let top = (first + 0.35 * (first - low).abs()).min(high);
    let pad = 0.08 * (top - low);
    let mut panel = Panel::new("learning rate", "loss")
        .x(crate::Axis::log)
        .with(Mark::line(rate, loss).ink(Ink::Series(0)).width(1.0).opacity(0.3).label("measured"))
        .with(Mark::line(rate, &smooth).ink(Ink::Series(0)).label("smoothed"));
    if top > low {
        panel = panel.y(|axis| axis.range(low - pad, top + pad));
    }
    if let Some(at) = suggested {
        panel = panel.with(Mark::upright(at).ink(Ink::Series(1)).dashed());
        let near = |r: &f64| (r.ln() - at.ln()).abs();
        let nearest = rate.iter().zip(&smooth).filter(|(r, v)| **r > 0.0 && v.is_finite());
        if let Some((_, v)) = nearest.min_by(|a, b| near(a.0).total_cmp(&near(b.0))) {
            let text = format!("suggested {}", short(at, 2));
            panel.notes.push(Note { at: (at, *v), text, ink: Ink::Series(1), dot: true });
        }
    }
    Figure::of(panel).title("Learning-rate finder")
}

/// A way over a surface.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Way<'a> {
    /// Its name in the legend.
    pub name: &'a str,
    /// Abscissae of its points.
    pub x: &'a [f64],
    /// Ordinates.
    pub y: &'a [f64],
}

/// Ways of descent over the contours of a surface, whose axes are parameters with these names. If
/// `levels` is empty, levels are chosen: in equal ratios where the values span more than two
/// decades above their minimum, else in equal steps.
pub fn ways(surface: Grid, levels: &[f64], ways: &[Way<'_>], names: (&str, &str)) -> Figure {
    let levels = if levels.is_empty() { chosen(&surface) } else { levels.to_vec() };
    let (x, y) = (super::reach(&[&surface.x]), super::reach(&[&surface.y]));
    let mut panel = Panel::new(names.0, names.1)
        .x(|axis| axis.range(x.0, x.1))
        .y(|axis| axis.range(y.0, y.1))
        .with(Mark::contour(surface, &levels));
    for (k, way) in ways.iter().enumerate() {
        let ink = Ink::Series(k + 1);
        panel = panel.with(Mark::path(way.x, way.y).ink(ink).width(1.6).label(way.name));
        let text = if k == 0 { "start" } else { "" };
        if let (Some(&a), Some(&b)) = (way.x.first(), way.y.first()) {
            panel.notes.push(Note { at: (a, b), text: text.into(), ink: Ink::Text, dot: true });
        }
        if let (Some(&a), Some(&b)) = (way.x.last(), way.y.last()) {
            panel.notes.push(Note { at: (a, b), text: String::new(), ink, dot: true });
        }
    }
    Figure::of(panel).title("Descent").size(640.0, 520.0)
}

fn chosen(surface: &Grid) -> Vec<f64> {
    let sorted = crate::stat::sorted(&surface.values);
    let (Some(&low), Some(&high)) = (sorted.first(), sorted.last()) else { return Vec::new() };
    let inner = crate::stat::quantile(&sorted, 0.05) - low;
    if inner > 0.0 && (high - low) / inner > 100.0 && low.abs() < inner {
        let (a, b) = (inner.log10().floor() as i32, (high - low).log10().floor() as i32);
        let both = |e: i32| [1.0, 3.0].map(|digit| digit * 10f64.powi(e));
        return (a..=b).flat_map(both).filter(|v| *v < high).collect();
    }
    contour::levels(surface, 12)
}
