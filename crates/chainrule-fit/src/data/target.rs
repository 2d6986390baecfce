//! The column that is predicted, as numbers that a network learns: standardised, or a class.
//!
//! ```text
//! a number y      z = (y − μ) / σ, F32          μ, σ: mean and deviation of the training rows
//! a class         its place among the classes of the training rows, I64
//! ```
//!
//! Classes are ordered by value if all are numbers, and by letters otherwise; 1 and 1.0 are one.

use std::collections::{HashMap, HashSet};

use super::array::Numbers;
use super::encode::moments;
use super::table::{Kind, Table, number};
use crate::error::{Result, count, fail, listed, shown};

/// The most classes of a target.
pub const MAX_CLASSES: usize = 1000;

/// How a target becomes a number.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// A number, standardised.
    Number {
        /// The mean of the training rows.
        mean: f64,
        /// The standard deviation of the training rows.
        scale: f64,
    },
    /// One of these classes.
    Class(Vec<String>),
}

impl Target {
    /// Learns from the cells of `column` in `rows`, which all have a value; the column is taken for
    /// classes if it holds text or `as_class` says so.
    ///
    /// # Errors
    /// If the target does not vary, or has too many classes.
    pub fn learn(table: &Table, column: usize, rows: &[usize], as_class: bool) -> Result<Target> {
        let name = shown(&table.names()[column]);
        let cells = rows.iter().filter_map(|&row| table.cell(row, column));
        if as_class || matches!(table.kind(column), Kind::Text { .. }) {
            let mut classes: Vec<String> =
                cells.map(label).collect::<HashSet<_>>().into_iter().collect();
            if classes.len() > MAX_CLASSES {
                fail!(
                    "{}: the target \"{name}\" has {} classes in the training rows, more than \
                     {MAX_CLASSES}; choose another --target",
                    table.path(),
                    classes.len()
                );
            }
            if classes.len() < 2 {
                fail!("{}", constant(table, &name));
            }
            sort(&mut classes);
            return Ok(Target::Class(classes));
        }
        let mut y = vec![];
        for &row in rows {
            y.extend(table.number(row, column)?);
        }
        let (mean, scale) = moments(&y);
        if !(mean.is_finite() && scale.is_finite()) {
            fail!(
                "{}: the numbers of the target \"{name}\" are too large; choose a larger unit",
                table.path()
            );
        }
        if scale < f64::MIN_POSITIVE {
            fail!("{}", constant(table, &name));
        }
        Ok(Target::Number { mean, scale })
    }

    /// The number of outputs of a model for this target.
    pub fn outputs(&self) -> usize {
        match self {
            Target::Number { .. } => 1,
            Target::Class(classes) => classes.len(),
        }
    }

    /// The targets of `rows`. A class that was not met in learning is an error.
    ///
    /// # Errors
    /// If a cell is missing or not of the target's kind.
    pub fn encode(&self, table: &Table, column: usize, rows: &[usize]) -> Result<Numbers> {
        match self {
            Target::Number { mean, scale } => {
                let mut z = Vec::with_capacity(rows.len());
                for &row in rows {
                    let Some(y) = table.number(row, column)? else {
                        return Err(table.wrong(row, column, MISSES));
                    };
                    z.push(((y - mean) / scale) as f32);
                }
                Ok(Numbers::F32(z))
            }
            Target::Class(classes) => {
                let mut places = Vec::with_capacity(rows.len());
                let known: HashMap<&str, usize> =
                    classes.iter().enumerate().map(|(i, class)| (class.as_str(), i)).collect();
                for &row in rows {
                    let Some(cell) = table.cell(row, column) else {
                        return Err(table.wrong(row, column, MISSES));
                    };
                    let Some(&place) = known.get(cell).or_else(|| known.get(&*label(cell))) else {
                        let is = format!(
                            "is none of the {} of the training rows ({})",
                            count(classes.len(), "class"),
                            listed(classes)
                        );
                        return Err(table.wrong(row, column, &is));
                    };
                    places.push(place as i64);
                }
                Ok(Numbers::I64(places))
            }
        }
    }
}

/// The name of the class that a cell stands for: a number may be written in any way.
pub(crate) fn label(cell: &str) -> String {
    match number(cell).filter(|x| x.is_finite()) {
        Some(x) => (x + 0.0).to_string(),
        None => cell.to_string(),
    }
}

/// Puts classes in order.
pub(crate) fn sort(classes: &mut [String]) {
    match classes.iter().map(|class| number(class)).collect::<Option<Vec<f64>>>() {
        Some(_) => classes.sort_by(|a, b| {
            let value = |class: &str| number(class).unwrap_or(f64::NAN);
            value(a).total_cmp(&value(b))
        }),
        None => classes.sort_unstable(),
    }
}

const MISSES: &str = "is no target; leave out the rows without one";

fn constant(table: &Table, name: &str) -> String {
    format!(
        "{}: the target \"{name}\" is the same in all training rows, so there is nothing to fit; \
         choose another --target or add rows",
        table.path()
    )
}
