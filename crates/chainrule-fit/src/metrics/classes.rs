//! How well probabilities of classes meet the classes that were observed.
//!
//! ```text
//! accuracy    share of rows whose most probable class was observed
//! log-loss    −(1/n) Σ ln p(observed class)          the mean number of nats of surprise
//! precision   of what was called k, the share that is k
//! recall      of what is k, the share that was called k
//! F₁          2 · precision · recall / (precision + recall)
//! ROC AUC     P(score of a positive > score of a negative) + ½ P(equal)
//! ```
//!
//! Accuracy depends on where the line between the classes is drawn; the area under the ROC curve
//! (AUC) does not. It is computed from ranks, with the mean rank for equal scores (Mann and Whitney
//! 1947), so that scores that say nothing have ½ exactly.
//!
//! ```
//! use chainrule_fit::metrics::classes::{Classification, roc_auc};
//! let classes = ["no".to_string(), "yes".into()];
//! let p = [0.9, 0.1, 0.6, 0.4, 0.3, 0.7];
//! let scores = Classification::of(&classes, &[0, 1, 1], &p).unwrap();
//! assert_eq!(scores.confusion, [[1, 0], [1, 1]]);
//! assert_eq!(scores.auc, Some(1.0));
//! assert_eq!(roc_auc(&[false, true, true], &[0.5; 3]), Some(0.5));
//! ```
//!
//! T. Fawcett (2006), *An introduction to ROC analysis*, Pattern Recognition Letters 27.

use serde_json::{Value, json};

use crate::error::shown;
use crate::report::{number, pad_left, pad_right};

/// The scores of one class.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassScores {
    /// The class.
    pub class: String,
    /// Of the rows that were called so, the share that is; `None` if none was.
    pub precision: Option<f64>,
    /// Of the rows that are, the share that was called so; `None` if none is.
    pub recall: Option<f64>,
    /// The harmonic mean of both, 2 TP / (2 TP + FP + FN); `None` if neither exists.
    pub f1: Option<f64>,
    /// The number of rows of this class.
    pub rows: usize,
}

/// All scores.
#[derive(Clone, Debug, PartialEq)]
pub struct Classification {
    /// The share of rows whose most probable class was observed.
    pub accuracy: f64,
    /// The mean of −ln p of the observed class; p counts as ε = 2⁻⁵² where it is less.
    pub log_loss: f64,
    /// The area under the ROC curve of the second class, if there are two and both were observed.
    pub auc: Option<f64>,
    /// That curve, with at most 401 points; empty where there is no area.
    pub roc: Vec<RocPoint>,
    /// How many rows of class i were called j.
    pub confusion: Vec<Vec<usize>>,
    /// Each class by itself.
    pub classes: Vec<ClassScores>,
}

impl Classification {
    /// Compares `observed` classes, as numbers, with `probabilities`, one for each class in each
    /// row; `None` without rows. Of equally probable classes the first is called.
    ///
    /// # Panics
    /// If there are not as many probabilities as rows times classes, or a class has no name.
    pub fn of(
        classes: &[String],
        observed: &[usize],
        probabilities: &[f64],
    ) -> Option<Classification> {
        let (n, k) = (observed.len(), classes.len());
        assert_eq!(probabilities.len(), n * k, "a probability for each row and class");
        if n == 0 {
            return None;
        }
        let mut confusion = vec![vec![0; k]; k];
        let mut surprise = 0.0;
        for (&y, p) in observed.iter().zip(probabilities.chunks(k)) {
            confusion[y][most_probable(p)] += 1;
            surprise -= p[y].max(f64::EPSILON).ln();
        }
        let positive: Vec<bool> = observed.iter().map(|&y| y == 1).collect();
        let score: Vec<f64> = probabilities.iter().skip(1).step_by(k).copied().collect();
        let roc = if k == 2 { roc_curve(&positive, &score) } else { None };
        Classification::counted(classes, confusion, surprise, roc)
    }

    /// From the counts of classes, the sum of −ln p of the observed ones, and the ROC curve.
    pub(crate) fn counted(
        classes: &[String],
        confusion: Vec<Vec<usize>>,
        surprise: f64,
        roc: Option<Vec<RocPoint>>,
    ) -> Option<Classification> {
        let k = classes.len();
        let n: usize = confusion.iter().flatten().sum();
        let right: usize = (0..k).map(|i| confusion[i][i]).sum();
        (n > 0).then(|| Classification {
            accuracy: right as f64 / n as f64,
            log_loss: surprise / n as f64,
            auc: roc.as_deref().map(area),
            roc: thinned(roc.unwrap_or_default()),
            classes: (0..k).map(|i| scores(&classes[i], &confusion, i)).collect(),
            confusion,
        })
    }

    /// The mean F₁ of the classes that have one.
    pub fn macro_f1(&self) -> f64 {
        let all: Vec<f64> = self.classes.iter().filter_map(|class| class.f1).collect();
        all.iter().sum::<f64>() / all.len().max(1) as f64
    }

    /// The scores of each class, and on the right how often it was called what (`→ class`), for up
    /// to eight classes.
    pub fn text(&self) -> String {
        let names: Vec<String> = self.classes.iter().map(|c| shown(&c.class)).collect();
        let first = names.iter().map(|n| n.chars().count()).max().unwrap_or(0).max(8);
        let called: Vec<String> = names.iter().map(|n| format!("→ {n}")).collect();
        let called = if called.len() <= 8 { &called[..] } else { &[] };
        let line = |first_cell: &str, scores: [String; 4], counts: &[String]| {
            let mut line = format!("  {}", pad_right(first_cell, first));
            scores.iter().for_each(|cell| line += &pad_left(cell, 11));
            for (title, n) in called.iter().zip(counts) {
                line += &format!("   {}", pad_left(n, title.chars().count()));
            }
            line + "\n"
        };
        let titles = ["precision", "recall", "F₁", "rows"].map(String::from);
        let mut out = line("observed", titles, called);
        let share = |x: Option<f64>| x.map_or("–".into(), |x| format!("{x:.4}"));
        for ((class, name), row) in self.classes.iter().zip(&names).zip(&self.confusion) {
            let ClassScores { precision, recall, f1, rows, .. } = class;
            let scores = [share(*precision), share(*recall), share(*f1), rows.to_string()];
            let counts: Vec<String> = row.iter().map(usize::to_string).collect();
            out += &line(name, scores, &counts);
        }
        out
    }

    /// All scores as one object.
    pub fn json(&self) -> Value {
        let classes: Vec<Value> = self
            .classes
            .iter()
            .map(|c| {
                json!({
                    "class": c.class, "precision": c.precision, "recall": c.recall, "f1": c.f1,
                    "rows": c.rows,
                })
            })
            .collect();
        json!({
            "accuracy": self.accuracy,
            "log_loss": self.log_loss,
            "roc_auc": self.auc,
            "macro_f1": self.macro_f1(),
            "confusion": self.confusion,
            "classes": classes,
        })
    }

    /// The main scores in one line.
    pub fn summary(&self) -> String {
        let auc = self.auc.map_or(String::new(), |auc| format!(", ROC AUC {}", number(auc, 5)));
        let (accuracy, loss) = (number(self.accuracy, 5), number(self.log_loss, 5));
        format!("accuracy {accuracy}, log-loss {loss}{auc}")
    }
}

/// The class with the largest probability, the first of several.
pub fn most_probable(p: &[f64]) -> usize {
    (0..p.len()).fold(0, |best, i| if p[i] > p[best] { i } else { best })
}

fn scores(class: &str, confusion: &[Vec<usize>], i: usize) -> ClassScores {
    let hits = confusion[i][i];
    let rows: usize = confusion[i].iter().sum();
    let called: usize = confusion.iter().map(|row| row[i]).sum();
    let share = |a: usize, b: usize| (b > 0).then(|| a as f64 / b as f64);
    ClassScores {
        class: class.into(),
        precision: share(hits, called),
        recall: share(hits, rows),
        f1: share(2 * hits, rows + called),
        rows,
    }
}

/// The area under the ROC curve; `None` unless both classes occur.
///
/// # Panics
/// If there are not as many scores as classes.
pub fn roc_auc(positive: &[bool], score: &[f64]) -> Option<f64> {
    roc_curve(positive, score).as_deref().map(area)
}

fn area(points: &[RocPoint]) -> f64 {
    let strip = |pair: &[RocPoint]| {
        let (a, b) = (&pair[0], &pair[1]);
        (b.false_positives - a.false_positives) * 0.5 * (a.true_positives + b.true_positives)
    };
    points.windows(2).map(strip).sum()
}

/// Points of a curve that are a two-hundredth apart along one axis, and the last.
fn thinned(points: Vec<RocPoint>) -> Vec<RocPoint> {
    let mut kept: Vec<RocPoint> = vec![];
    let last = points.len().saturating_sub(1);
    for (i, point) in points.into_iter().enumerate() {
        let far = |old: &RocPoint| {
            let rise = point.true_positives - old.true_positives;
            (point.false_positives - old.false_positives).max(rise) >= 0.005
        };
        if i == last || kept.last().is_none_or(far) {
            kept.push(point);
        }
    }
    kept
}

/// A point of a ROC curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RocPoint {
    /// What scores at least this much is called positive.
    pub threshold: f64,
    /// The share of negatives that is called positive.
    pub false_positives: f64,
    /// The share of positives that is called positive.
    pub true_positives: f64,
}

impl RocPoint {
    /// Where nothing is called positive.
    pub(crate) const START: RocPoint =
        RocPoint { threshold: f64::INFINITY, false_positives: 0.0, true_positives: 0.0 };
}

/// The ROC curve from (0, 0), where the threshold is infinite, to (1, 1), with a point for each
/// different score; `None` unless both classes occur.
///
/// # Panics
/// If there are not as many scores as classes.
pub fn roc_curve(positive: &[bool], score: &[f64]) -> Option<Vec<RocPoint>> {
    assert_eq!(positive.len(), score.len(), "a score for each row");
    let all = positive.iter().filter(|p| **p).count();
    let others = positive.len() - all;
    if all == 0 || others == 0 {
        return None;
    }
    let mut order: Vec<usize> = (0..score.len()).collect();
    order.sort_by(|&a, &b| score[b].total_cmp(&score[a]));
    let mut points = vec![RocPoint::START];
    let (mut hits, mut misses) = (0, 0);
    for (i, &row) in order.iter().enumerate() {
        *(if positive[row] { &mut hits } else { &mut misses }) += 1;
        if order.get(i + 1).is_none_or(|&next| score[next] != score[row]) {
            points.push(RocPoint {
                threshold: score[row],
                false_positives: f64::from(misses) / others as f64,
                true_positives: f64::from(hits) / all as f64,
            });
        }
    }
    Some(points)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(k: usize) -> Vec<String> {
        (0..k).map(|i| format!("c{i}")).collect()
    }

    /// By hand: two of three right; c2 is never called.
    #[test]
    fn three_classes() {
        let p = [0.5, 0.3, 0.2, 0.1, 0.8, 0.1, 0.4, 0.4, 0.2];
        let found = Classification::of(&names(3), &[0, 1, 2], &p).unwrap();
        assert_eq!(found.confusion, [[1, 0, 0], [0, 1, 0], [1, 0, 0]]);
        assert_eq!(found.accuracy, 2.0 / 3.0);
        let loss = -(0.5f64.ln() + 0.8f64.ln() + 0.2f64.ln()) / 3.0;
        assert!((found.log_loss - loss).abs() < 1e-15);
        assert_eq!(found.auc, None);
        let of = |i: usize| {
            let c = &found.classes[i];
            (c.precision, c.recall, c.f1, c.rows)
        };
        assert_eq!(of(0), (Some(0.5), Some(1.0), Some(2.0 / 3.0), 1));
        assert_eq!(of(1), (Some(1.0), Some(1.0), Some(1.0), 1));
        assert_eq!(of(2), (None, Some(0.0), Some(0.0), 1));
        assert_eq!(found.json()["confusion"][2][0], 1);
        let text = found.text();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].ends_with("rows   → c0   → c1   → c2"), "{text}");
        assert!(
            lines[3].ends_with("–     0.0000     0.0000          1      1      0      0"),
            "{text}"
        );
        assert_eq!(Classification::of(&names(2), &[], &[]), None);
    }

    /// Each pair of a positive and a negative counts 1, ½ or 0.
    #[test]
    fn the_area_counts_pairs() {
        let positive = [true, false, true, false, false, true, false];
        let score: [f64; 7] = [0.9, 0.9, 0.4, 0.4, 0.1, 0.3, 0.35];
        let mut pairs = 0.0;
        for (i, _) in positive.iter().enumerate().filter(|p| *p.1) {
            for (j, _) in positive.iter().enumerate().filter(|p| !*p.1) {
                pairs += match score[i].total_cmp(&score[j]) {
                    std::cmp::Ordering::Greater => 1.0,
                    std::cmp::Ordering::Equal => 0.5,
                    std::cmp::Ordering::Less => 0.0,
                };
            }
        }
        let area = roc_auc(&positive, &score).unwrap();
        assert!((area - pairs / 12.0).abs() < 1e-15);
        let curve = roc_curve(&positive, &score).unwrap();
        assert_eq!(curve.len(), 6, "the first point and five different scores");
        let last = curve[5];
        assert_eq!((last.false_positives, last.true_positives, last.threshold), (1.0, 1.0, 0.1));
        assert_eq!(roc_auc(&[true, true], &[0.1, 0.2]), None);
    }

    #[test]
    fn a_certain_error_has_a_finite_loss() {
        let found = Classification::of(&names(2), &[0], &[0.0, 1.0]).unwrap();
        assert!((found.log_loss - 52.0 * std::f64::consts::LN_2).abs() < 1e-12);
    }
}
