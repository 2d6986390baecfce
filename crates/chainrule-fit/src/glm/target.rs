//! What is predicted: numbers, counts or classes.
//!
//! Classes may be text or numbers. They are ordered by value if all are numbers and by letters
//! otherwise; the first is the one that the others are compared with. Rows without a target take no
//! part.

use std::collections::BTreeSet;

use super::{Family, Score};
use crate::data::table::{Kind, Table};
use crate::error::{Result, fail, listed, shown};
use crate::metrics::Metrics;
use crate::metrics::classes::Classification;

/// The most classes.
pub const MAX_CLASSES: usize = 100;

/// The target of some rows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Response {
    Numbers(Vec<f64>),
    /// The number of the class of each row.
    Classes {
        classes: Vec<String>,
        rows: Vec<usize>,
    },
}

impl Response {
    pub(super) fn len(&self) -> usize {
        match self {
            Response::Numbers(y) => y.len(),
            Response::Classes { rows, .. } => rows.len(),
        }
    }

    /// The names of the classes, or none.
    pub(super) fn classes(&self) -> &[String] {
        match self {
            Response::Numbers(_) => &[],
            Response::Classes { classes, .. } => classes,
        }
    }

    /// The numbers, or those of the classes.
    pub(super) fn numbers(&self) -> Vec<f64> {
        match self {
            Response::Numbers(y) => y.clone(),
            Response::Classes { rows, .. } => rows.iter().map(|&k| k as f64).collect(),
        }
    }

    pub(super) fn mean(&self) -> f64 {
        let n = self.len() as f64;
        self.numbers().iter().map(|y| y / n).sum()
    }

    /// How many rows each class has.
    pub(super) fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes().len()];
        if let Response::Classes { rows, .. } = self {
            rows.iter().for_each(|&k| counts[k] += 1);
        }
        counts
    }

    pub(super) fn pick(&self, part: &[usize]) -> Response {
        match self {
            Response::Numbers(y) => Response::Numbers(part.iter().map(|&i| y[i]).collect()),
            Response::Classes { classes, rows } => Response::Classes {
                classes: classes.clone(),
                rows: part.iter().map(|&i| rows[i]).collect(),
            },
        }
    }

    /// How good the means that a model predicts are; none without rows.
    pub(crate) fn score(&self, means: &[f64]) -> Option<Score> {
        match self {
            Response::Numbers(y) => Metrics::of(y, means).map(Score::Numbers),
            Response::Classes { classes, rows } => {
                Classification::of(classes, rows, means).map(Score::Classes)
            }
        }
    }

    /// Refuses training rows from which nothing can be learnt.
    pub(super) fn check(&self, table: &Table, target: &str) -> Result<()> {
        match self {
            Response::Numbers(y) if y.iter().all(|v| *v == y[0]) => fail!(
                "{}: the target \"{}\" is {} in all training rows, so there is nothing to fit; \
                 choose another --target or add rows",
                table.path(),
                shown(target),
                y[0]
            ),
            Response::Numbers(y) => {
                let size: f64 = y.iter().map(|v| v * v).sum();
                if !size.is_finite() {
                    fail!(
                        "{}, column \"{}\": its numbers are too large to compute with; choose a \
                         larger unit",
                        table.path(),
                        shown(target)
                    );
                }
                Ok(())
            }
            Response::Classes { classes, .. } => {
                let counts = self.counts();
                match counts.iter().position(|&n| n == 0) {
                    None => Ok(()),
                    Some(k) => fail!(
                        "{}: no row to train on has the class \"{}\" of \"{}\"; choose another \
                         --seed, a smaller --test-split, or leave the class out",
                        table.path(),
                        shown(&classes[k]),
                        shown(target)
                    ),
                }
            }
        }
    }
}

/// The rows that have a target, and their targets.
pub(super) fn read(table: &Table, column: usize, family: Family) -> Result<(Vec<usize>, Response)> {
    if family.is_classifier() {
        return classes(table, column, family);
    }
    if let Kind::Text { row } = table.kind(column) {
        return Err(table.wrong(
            row,
            column,
            "is not a number, and the target of this model must be numeric; correct it, or use \
             --model logistic or softmax for classes",
        ));
    }
    let (rows, y) = crate::targets(table, column)?;
    if family == Family::Poisson {
        if let Some(i) = y.iter().position(|y| *y < 0.0) {
            let is = "is negative, and counts cannot be; correct it, or use --model linear";
            return Err(table.wrong(rows[i], column, is));
        }
        if let Some(i) = y.iter().position(|y| y.fract() != 0.0) {
            let is = "is not a whole number, and counts are; correct it, or use --model linear";
            return Err(table.wrong(rows[i], column, is));
        }
    }
    Ok((rows, Response::Numbers(y)))
}

fn classes(table: &Table, column: usize, family: Family) -> Result<(Vec<usize>, Response)> {
    let is_text = matches!(table.kind(column), Kind::Text { .. });
    let (mut rows, mut labels) = (vec![], vec![]);
    for row in 0..table.len() {
        let label = if is_text {
            table.cell(row, column).map(str::to_string)
        } else {
            // 1 and 1.0 are one class, and so are 0 and -0.
            table.number(row, column)?.map(|x| (x + 0.0).to_string())
        };
        if let Some(label) = label {
            rows.push(row);
            labels.push(label);
        }
    }
    let (path, name) = (table.path(), shown(&table.names()[column]));
    let different: BTreeSet<&String> = labels.iter().collect();
    let mut classes: Vec<String> = different.into_iter().cloned().collect();
    if !is_text {
        let value = |class: &String| class.parse::<f64>().unwrap_or(0.0);
        classes.sort_by(|a, b| value(a).total_cmp(&value(b)));
    }
    match classes.len() {
        0 => {
            fail!("{path}: the target \"{name}\" has no value in any row; choose another --target")
        }
        1 => fail!(
            "{path}: the target \"{name}\" is \"{}\" in all rows, so there is nothing to tell \
             apart; choose another --target",
            shown(&classes[0])
        ),
        2 => {}
        n if n > MAX_CLASSES => fail!(
            "{path}: the target \"{name}\" has {n} different values, more than {MAX_CLASSES} \
             classes; use --model linear if it is a quantity"
        ),
        n if family == Family::Logistic => fail!(
            "{path}: the target \"{name}\" has {n} classes ({}), and logistic models tell two \
             apart; use --model softmax",
            listed(&classes)
        ),
        _ => {}
    }
    let places: std::collections::HashMap<&str, usize> =
        classes.iter().enumerate().map(|(k, class)| (class.as_str(), k)).collect();
    let numbers = labels.iter().map(|label| places[label.as_str()]).collect();
    Ok((rows, Response::Classes { classes, rows: numbers }))
}
