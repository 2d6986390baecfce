//! Fits to look at.

use crate::scale::{number, short};
use crate::stat::{normal_quantile, quantile, sorted};
use crate::{Axis, Figure, Grid, Ink, Legend, Map, Mark, Marker, Panel};

/// A fitted curve of one variable with its data. Bands may be empty.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Fitted<'a> {
    /// The data's abscissae.
    pub x: &'a [f64],
    /// The data.
    pub y: &'a [f64],
    /// The fitted values at the data.
    pub fitted: &'a [f64],
    /// Abscissae of the curve, ascending.
    pub grid: &'a [f64],
    /// The curve.
    pub curve: &'a [f64],
    /// Lower and upper end of the band of confidence of the curve.
    pub confidence: (&'a [f64], &'a [f64]),
    /// Lower and upper end of the band of prediction of new data.
    pub prediction: (&'a [f64], &'a [f64]),
}

/// Data, curve and bands, and below the residuals over the same axis.
pub fn curve(fit: &Fitted<'_>, names: (&str, &str), facts: &[&str]) -> Figure {
    let mut above = Panel::new("", names.1);
    if !fit.prediction.0.is_empty() {
        let band = Mark::band(fit.grid, fit.prediction.0, fit.prediction.1);
        above = above.with(band.ink(Ink::Series(0)).opacity(0.12).label("95 % prediction"));
    }
    if !fit.confidence.0.is_empty() {
        let band = Mark::band(fit.grid, fit.confidence.0, fit.confidence.1);
        above = above.with(band.ink(Ink::Series(0)).opacity(0.3).label("95 % confidence"));
    }
    above = above
        .with(Mark::line(fit.grid, fit.curve).ink(Ink::Series(0)).label("fit"))
        .with(Mark::points(fit.x, fit.y).ink(Ink::Series(1)).label("data"));
    above.facts = facts.iter().map(ToString::to_string).collect();
    let rest: Vec<f64> = fit.y.iter().zip(fit.fitted).map(|(y, f)| y - f).collect();
    let stems: Vec<f64> = vec![0.0; rest.len()];
    let most = 1.15 * rest.iter().filter(|r| r.is_finite()).fold(0.0, |m: f64, r| m.max(r.abs()));
    let mut below = Panel::new(names.0, "residual")
        .with(Mark::level(0.0).width(0.9))
        .with(stem(fit.x, &stems, &rest))
        .with(Mark::points(fit.x, &rest).ink(Ink::Series(1)).marker(Marker::Circle, 3.0));
    if most > 0.0 {
        below = below.y(|axis| axis.range(-most, most));
    }
    let (low, high) = super::reach(&[fit.x, fit.grid]);
    let pad = 0.03 * (high - low);
    let same = |panel: Panel| panel.x(|axis| axis.range(low - pad, high + pad));
    let mut figure = Figure::grid(vec![same(above), same(below)], 1, (640.0, 560.0));
    figure.rows = vec![3.0, 1.0];
    figure.title("Data and fit")
}

/// Thin lines from `low` to `high`, as one line with gaps.
fn stem(x: &[f64], low: &[f64], high: &[f64]) -> Mark {
    let of = |(k, x): (usize, &f64)| [(*x, low[k]), (*x, high[k]), (*x, f64::NAN)];
    let kept = x.iter().enumerate().take(low.len().min(high.len()));
    let (x, y): (Vec<f64>, Vec<f64>) = kept.flat_map(of).unzip();
    Mark::line(&x, &y).ink(Ink::Series(1)).width(0.9).opacity(0.5)
}

/// Four looks at residuals: against fitted values, against normal quantiles, as a histogram with
/// the normal density, and their size against fitted values. A trend in the first tells of a
/// missing term, one in the last of unequal variance.
pub fn residuals(fitted: &[f64], residuals: &[f64]) -> Figure {
    let usable = sorted(residuals);
    let n = usable.len() as f64;
    let mean = usable.iter().sum::<f64>() / n;
    let sd = (usable.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    let small = |x: &[f64], y: &[f64]| Mark::points(x, y).ink(Ink::Series(0)).opacity(0.6);
    let small = |x: &[f64], y: &[f64]| small(x, y).marker(Marker::Circle, 2.8);
    let (tx, ty) = trend(fitted, residuals);
    let first = Panel::new("fitted", "residual")
        .title("Residuals against fitted")
        .with(Mark::level(0.0).width(0.9))
        .with(small(fitted, residuals))
        .with(Mark::line(&tx, &ty).ink(Ink::Series(1)));
    let normal: Vec<f64> =
        (0..usable.len()).map(|k| normal_quantile((k as f64 + 0.5) / n)).collect();
    let ends = [normal.first(), normal.last()].map(|z| z.copied().unwrap_or(0.0));
    let second = Panel::new("normal quantile", "residual")
        .title("Normal QQ")
        .with(small(&normal, &usable))
        .with(Mark::line(&ends, &ends.map(|z| mean + sd * z)).ink(Ink::Series(1)).width(1.6));
    let third = histogram(&usable, (mean, sd));
    let sizes: Vec<f64> = residuals.iter().map(|r| (r / sd).abs().sqrt()).collect();
    let (tx, ty) = trend(fitted, &sizes);
    let fourth = Panel::new("fitted", "√|residual / s|")
        .title("Spread against fitted")
        .with(small(fitted, &sizes))
        .with(Mark::line(&tx, &ty).ink(Ink::Series(1)));
    let panels = vec![first, second, third, fourth];
    Figure::grid(panels, 2, (820.0, 640.0)).title("Residuals")
}

fn histogram(residuals: &[f64], (mean, sd): (f64, f64)) -> Panel {
    let (low, high) = super::reach(&[residuals]);
    let grid: Vec<f64> =
        (0..=120).map(|k| low + (high - low) * (f64::from(k) / 120.0 * 1.3 - 0.15)).collect();
    let scale = 1.0 / (sd * std::f64::consts::TAU.sqrt());
    let density: Vec<f64> =
        grid.iter().map(|x| scale * (-0.5 * ((x - mean) / sd).powi(2)).exp()).collect();
    Panel::new("residual", "density")
        .title("Histogram")
        .with(Mark::histogram(residuals, 0, true).ink(Ink::Series(0)).opacity(0.55))
        .with(Mark::line(&grid, &density).ink(Ink::Series(1)).label("normal"))
}

/// Medians of `y` over a dozen groups of neighbouring `x`.
fn trend(x: &[f64], y: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let mut pairs: Vec<(f64, f64)> = x.iter().copied().zip(y.iter().copied()).collect();
    pairs.retain(|pair| pair.0.is_finite() && pair.1.is_finite());
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let size = pairs.len().div_ceil(12).max(5);
    let middle = |of: fn(&(f64, f64)) -> f64, group: &[(f64, f64)]| {
        quantile(&sorted(&group.iter().map(of).collect::<Vec<_>>()), 0.5)
    };
    let groups: Vec<_> = pairs.chunks(size).filter(|group| 2 * group.len() >= size).collect();
    (
        groups.iter().map(|group| middle(|p| p.0, group)).collect(),
        groups.iter().map(|group| middle(|p| p.1, group)).collect(),
    )
}

/// Predictions against what was observed, with the diagonal on which they would be right.
pub fn predicted_observed(observed: &[f64], predicted: &[f64], unit: &str) -> Figure {
    let (low, high) = super::reach(&[observed, predicted]);
    let pad = 0.04 * (high - low);
    let (low, high) = (low - pad, high + pad);
    let pairs = || observed.iter().zip(predicted).filter(|(o, p)| (*o + *p).is_finite());
    let n = pairs().count() as f64;
    let mean = pairs().map(|(o, _)| o).sum::<f64>() / n;
    let rest: f64 = pairs().map(|(o, p)| (o - p).powi(2)).sum();
    let whole: f64 = pairs().map(|(o, _)| (o - mean).powi(2)).sum();
    let dots = Mark::points(observed, predicted).ink(Ink::Series(0)).opacity(0.65);
    let mut panel =
        Panel::new(&super::with_unit("observed", unit), &super::with_unit("predicted", unit))
            .x(|axis| axis.range(low, high))
            .y(|axis| axis.range(low, high))
            .square()
            .with(Mark::line(&[low, high], &[low, high]).ink(Ink::Muted).width(1.2).dashed())
            .with(dots);
    if whole > 0.0 {
        panel = panel
            .fact(&format!("R² = {}", number(1.0 - rest / whole, 3)))
            .fact(&format!("RMSE = {}", short((rest / n).sqrt(), 3)));
    }
    Figure::of(panel).title("Predicted against observed").size(520.0, 520.0)
}

/// Coefficients with their intervals, the first on top. Intervals that reach over 0 are pale.
pub fn coefficients(names: &[&str], estimate: &[f64], low: &[f64], high: &[f64]) -> Figure {
    let n = names.len().min(estimate.len()).min(low.len()).min(high.len());
    let mut panel = Panel::new("coefficient with its 95 % interval", "")
        .y(|axis| Axis { reversed: true, ..axis.names(&names[..n]) })
        .with(Mark::upright(0.0));
    for (sure, label, opacity) in
        [(true, "interval excludes 0", 1.0), (false, "interval includes 0", 0.45)]
    {
        let is_sure = |k: &usize| (low[*k] > 0.0 || high[*k] < 0.0) == sure;
        let rows: Vec<usize> = (0..n).filter(is_sure).collect();
        let pick = |of: &[f64]| rows.iter().map(|k| of[*k]).collect::<Vec<f64>>();
        let at: Vec<f64> = rows.iter().map(|k| *k as f64).collect();
        if rows.is_empty() {
            continue;
        }
        let bars = Mark::flat_errors(&at, &pick(low), &pick(high)).ink(Ink::Series(0));
        let dots =
            Mark::points(&pick(estimate), &at).ink(Ink::Series(0)).marker(Marker::Circle, 4.5);
        panel =
            panel.with(bars.width(1.8).opacity(opacity).label(label)).with(dots.opacity(opacity));
    }
    let height = (110.0 + 26.0 * n as f64).clamp(200.0, 1600.0);
    panel.legend = Legend::Above;
    Figure::of(panel).title("Coefficients").size(640.0, height)
}

/// The correlations of variables, as a matrix row by row.
pub fn correlations(names: &[&str], matrix: &[f64]) -> Figure {
    let n = names.len();
    let mut mark = Mark::heat(Grid::matrix(matrix, n)).map(Map::Diverging).label("correlation");
    if let crate::Kind::Heat { range, cells, .. } = &mut mark.kind {
        *range = Some((-1.0, 1.0));
        *cells = matrix.iter().map(|r| number(*r, 2)).collect();
    }
    let panel = Panel::new("", "")
        .x(|axis| axis.names(names))
        .y(|axis| axis.names(names).reversed())
        .square()
        .with(mark);
    let side = (220.0 + 44.0 * n as f64).clamp(360.0, 1200.0);
    Figure::of(panel).title("Correlations").size(side + 60.0, side)
}
