//! Scores gathered block by block, where rows are too many to keep what was predicted for each.
//!
//! Sums of errors and counts of classes add up. The ROC curve of two classes would need every
//! probability p; kept are counts of rows in 65,536 bins of the log-odds ln p/(1 − p) from −32 to
//! 32, a thousandth wide, which makes the curve a polygon through every thousandth of a log-odd.

use super::Score;
use super::target::Response;
use crate::metrics::Metrics;
use crate::metrics::classes::{Classification, RocPoint, most_probable};

const BINS: usize = 1 << 16;
const REACH: f64 = 32.0;

/// What was gathered.
pub(crate) enum Tally {
    /// Of numbers y, about a number near their mean.
    Numbers { about: f64, rows: usize, sums: Sums },
    /// Of classes.
    Classes {
        classes: Vec<String>,
        confusion: Vec<Vec<usize>>,
        /// The sum of −ln p of the observed classes.
        surprise: f64,
        /// Rows of both classes by their log-odds.
        bins: Vec<[u64; 2]>,
    },
}

/// Σ(y − c), Σ(y − c)², Σ(y − ŷ)² and Σ|y − ŷ|.
#[derive(Default)]
pub(crate) struct Sums {
    offset: f64,
    spread: f64,
    squares: f64,
    absolute: f64,
}

impl Tally {
    /// Of numbers near `about`, or of `classes` if there are any.
    pub(crate) fn new(classes: &[String], about: f64) -> Tally {
        match classes.len() {
            0 => Tally::Numbers { about, rows: 0, sums: Sums::default() },
            k => Tally::Classes {
                classes: classes.to_vec(),
                confusion: vec![vec![0; k]; k],
                surprise: 0.0,
                bins: vec![[0, 0]; if k == 2 { BINS } else { 0 }],
            },
        }
    }

    /// Takes in rows with the means that a model predicts for them.
    pub(crate) fn take(&mut self, y: &Response, means: &[f64]) {
        match (self, y) {
            (Tally::Numbers { about, rows, sums }, Response::Numbers(y)) => {
                for (y, predicted) in y.iter().zip(means) {
                    let (offset, error) = (y - *about, y - predicted);
                    *rows += 1;
                    sums.offset += offset;
                    sums.spread += offset * offset;
                    sums.squares += error * error;
                    sums.absolute += error.abs();
                }
            }
            (
                Tally::Classes { classes, confusion, surprise, bins },
                Response::Classes { rows, .. },
            ) => {
                for (&y, p) in rows.iter().zip(means.chunks(classes.len())) {
                    confusion[y][most_probable(p)] += 1;
                    *surprise -= p[y].max(f64::EPSILON).ln();
                    if let [other, one] = p {
                        let odds = (one / other).ln().clamp(-REACH, REACH);
                        let bin = (odds + REACH) / (2.0 * REACH) * (BINS - 1) as f64;
                        bins[bin.round() as usize][y] += 1;
                    }
                }
            }
            _ => {}
        }
    }

    /// What was counted.
    pub(super) fn counts(&self) -> Vec<f64> {
        match self {
            Tally::Numbers { rows, .. } => vec![*rows as f64],
            Tally::Classes { confusion, bins, .. } => {
                let bins = bins.iter().flatten().map(|n| *n as f64);
                confusion.iter().flatten().map(|n| *n as f64).chain(bins).collect()
            }
        }
    }

    /// What was added up so far, and begins anew.
    pub(super) fn sums(&mut self) -> Vec<f64> {
        match self {
            Tally::Numbers { sums, .. } => {
                let Sums { offset, spread, squares, absolute } = std::mem::take(sums);
                vec![offset, spread, squares, absolute]
            }
            Tally::Classes { surprise, .. } => vec![std::mem::take(surprise)],
        }
    }

    /// With the counts and sums of all parts instead of its own.
    pub(super) fn with(mut self, counts: &[f64], all: &[f64]) -> Tally {
        match (&mut self, all) {
            (Tally::Numbers { rows, sums, .. }, &[offset, spread, squares, absolute]) => {
                *rows = counts[0] as usize;
                *sums = Sums { offset, spread, squares, absolute };
            }
            (Tally::Classes { confusion, surprise, bins, .. }, &[sum]) => {
                *surprise = sum;
                let all = confusion.iter_mut().flatten();
                all.zip(counts).for_each(|(own, n)| *own = *n as usize);
                let counts = &counts[confusion.len() * confusion.len()..];
                bins.iter_mut().flatten().zip(counts).for_each(|(own, n)| *own = *n as u64);
            }
            _ => {}
        }
        self
    }

    /// The score; `None` without rows.
    pub(crate) fn score(self) -> Option<Score> {
        match self {
            Tally::Numbers { rows, sums, .. } => {
                let n = rows as f64;
                let total = sums.spread - sums.offset * sums.offset / n;
                let varies = total > 1e-14 * sums.spread;
                let r2 = varies.then(|| 1.0 - sums.squares / total).filter(|r2| r2.is_finite());
                let (rmse, mae) = ((sums.squares / n).sqrt(), sums.absolute / n);
                (rows > 0).then_some(Score::Numbers(Metrics { r2, rmse, mae }))
            }
            Tally::Classes { classes, confusion, surprise, bins } => {
                let roc = roc(&bins);
                let all = Classification::counted(&classes, confusion, surprise, roc);
                all.map(Score::Classes)
            }
        }
    }
}

/// The curve from the largest log-odds down.
fn roc(bins: &[[u64; 2]]) -> Option<Vec<RocPoint>> {
    let all = |class: usize| bins.iter().map(|bin| bin[class]).sum::<u64>() as f64;
    let (negatives, positives) = (all(0), all(1));
    if negatives == 0.0 || positives == 0.0 {
        return None;
    }
    let mut points = vec![RocPoint::START];
    let (mut misses, mut hits) = (0, 0);
    for (at, bin) in bins.iter().enumerate().rev().filter(|(_, bin)| **bin != [0, 0]) {
        (misses, hits) = (misses + bin[0], hits + bin[1]);
        let odds = at as f64 / (BINS - 1) as f64 * 2.0 * REACH - REACH;
        points.push(RocPoint {
            threshold: 1.0 / (1.0 + (-odds).exp()),
            false_positives: misses as f64 / negatives,
            true_positives: hits as f64 / positives,
        });
    }
    Some(points)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::split::Random;

    #[test]
    fn blocks_add_up_to_the_whole() {
        let mut random = Random::new(3);
        let y: Vec<f64> = (0..500).map(|_| 1e6 + random.uniform()).collect();
        let p: Vec<f64> = y.iter().map(|y| y + 0.3 * random.uniform()).collect();
        let mut tally = Tally::new(&[], 1e6);
        for k in [0..100, 100..101, 101..500] {
            tally.take(&Response::Numbers(y[k.clone()].to_vec()), &p[k]);
        }
        let (Some(Score::Numbers(found)), Some(whole)) = (tally.score(), Metrics::of(&y, &p))
        else {
            panic!("a score of numbers")
        };
        let close = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-9;
        assert!(close(found.rmse, whole.rmse) && close(found.mae, whole.mae));
        assert!(close(found.r2.unwrap(), whole.r2.unwrap()));
        assert!(Tally::new(&[], 0.0).score().is_none());
    }

    /// The area differs by the pairs that share a bin: a thousandth of a log-odd each.
    #[test]
    fn classes_too() {
        let classes = ["no".to_string(), "yes".into()];
        let mut random = Random::new(4);
        let one: Vec<f64> = (0..3000).map(|_| random.uniform()).collect();
        let rows: Vec<usize> = one.iter().map(|p| usize::from(random.uniform() < *p)).collect();
        let p: Vec<f64> = one.iter().flat_map(|p| [1.0 - p, *p]).collect();
        let whole = Classification::of(&classes, &rows, &p).unwrap();
        let mut tally = Tally::new(&classes, 0.0);
        for (rows, p) in rows.chunks(700).zip(p.chunks(1400)) {
            let y = Response::Classes { classes: classes.to_vec(), rows: rows.to_vec() };
            tally.take(&y, p);
        }
        let Some(Score::Classes(found)) = tally.score() else { panic!("a score of classes") };
        assert_eq!((&found.confusion, &found.classes), (&whole.confusion, &whole.classes));
        assert!((found.log_loss - whole.log_loss).abs() < 1e-12);
        assert!((found.auc.unwrap() - whole.auc.unwrap()).abs() < 1e-3);
    }
}
