//! Classifiers to look at.

use crate::scale::number;
use crate::{Figure, Grid, Ink, Map, Mark, Marker, Panel};

/// A curve of true against false positives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Roc<'a> {
    /// Its name; may be empty.
    pub name: &'a str,
    /// Rates of false positives, ascending from 0 to 1.
    pub false_positive: &'a [f64],
    /// Rates of true positives.
    pub true_positive: &'a [f64],
    /// The area under it.
    pub auc: f64,
}

/// ROC curves with the areas under them; the diagonal is what guessing gives.
pub fn roc(curves: &[Roc<'_>]) -> Figure {
    let mut panel = Panel::new("false positive rate", "true positive rate")
        .x(|axis| axis.range(0.0, 1.0))
        .y(|axis| axis.range(0.0, 1.0))
        .square();
    if let [only] = curves {
        let ground = vec![0.0; only.false_positive.len()];
        let area = Mark::band(only.false_positive, &ground, only.true_positive);
        panel = panel.with(area.ink(Ink::Series(0)).opacity(0.12));
    }
    for (k, curve) in curves.iter().enumerate() {
        let auc = format!("AUC {}", number(curve.auc, 3));
        let label = if curve.name.is_empty() { auc } else { format!("{}: {auc}", curve.name) };
        let line = Mark::line(curve.false_positive, curve.true_positive).ink(Ink::Series(k));
        panel = panel.with(line.width(2.2).label(&label));
    }
    let guess = Mark::line(&[0.0, 1.0], &[0.0, 1.0]).ink(Ink::Muted).width(1.2).dashed();
    Figure::of(panel.with(guess.label("guessing"))).title("ROC").size(520.0, 520.0)
}

/// Counts of true classes (rows) and predicted ones (columns), row by row. Colours are shares of
/// the row, so that rare classes are seen; cells say how many.
pub fn confusion(classes: &[&str], counts: &[usize]) -> Figure {
    let n = classes.len().max(1);
    let rows = counts.chunks(n).map(|row| (row, row.iter().sum::<usize>().max(1)));
    let shares: Vec<f64> =
        rows.flat_map(|(row, sum)| row.iter().map(move |c| *c as f64 / sum as f64)).collect();
    let mut mark =
        Mark::heat(Grid::matrix(&shares, n)).map(Map::Blues).label("share of true class");
    if let crate::Kind::Heat { range, cells, .. } = &mut mark.kind {
        *range = Some((0.0, 1.0));
        *cells = counts.iter().map(ToString::to_string).collect();
    }
    let right: usize = counts.iter().step_by(n + 1).take(n).sum();
    let all: usize = counts.iter().sum::<usize>().max(1);
    let accuracy = number(100.0 * right as f64 / all as f64, 1);
    let panel = Panel::new("predicted", "true")
        .title(&format!("{right} of {all} right ({accuracy} %)"))
        .x(|axis| axis.names(classes))
        .y(|axis| axis.names(classes).reversed())
        .square()
        .with(mark);
    let side = (240.0 + 56.0 * n as f64).clamp(380.0, 1200.0);
    Figure::of(panel).title("Confusion matrix").size(side + 60.0, side)
}

/// The points of a class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Class<'a> {
    /// Its name.
    pub name: &'a str,
    /// Abscissae.
    pub x: &'a [f64],
    /// Ordinates.
    pub y: &'a [f64],
}

/// The probability of the second class over the plane, with the line where it is one half, and the
/// points of both classes.
pub fn boundary(probability: Grid, classes: &[Class<'_>], names: (&str, &str)) -> Figure {
    const MARKERS: [Marker; 4] =
        [Marker::Circle, Marker::Triangle, Marker::Square, Marker::Diamond];
    let levels: Vec<f64> = (0..=10).map(|k| f64::from(k) / 10.0).collect();
    let (x, y) = (super::reach(&[&probability.x]), super::reach(&[&probability.y]));
    let line = Mark::contour(probability.clone(), &[0.5]).ink(Ink::Text).width(1.6);
    let second =
        classes.get(1).map_or("probability".into(), |c| format!("probability of {}", c.name));
    let ground = Mark::filled(probability, &levels).map(Map::Diverging).opacity(0.5).label(&second);
    let mut panel = Panel::new(names.0, names.1)
        .x(|axis| axis.range(x.0, x.1))
        .y(|axis| axis.range(y.0, y.1))
        .with(ground)
        .with(line.label("decision boundary"));
    for (k, class) in classes.iter().enumerate() {
        let points = Mark::points(class.x, class.y).ink(Ink::Series(k)).opacity(1.0);
        panel = panel.with(points.marker(MARKERS[k % 4], 3.6).label(class.name));
    }
    Figure::of(panel).title("Decision boundary").size(640.0, 500.0)
}
