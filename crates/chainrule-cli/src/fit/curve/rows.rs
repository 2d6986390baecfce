//! The rows that take part, as numbers.

use chainrule::Tensor;
use chainrule_fit::data::split::split;
use chainrule_fit::data::table::Table;
use chainrule_fit::{Error, Result};

use super::formula::{Curve, columns};

/// The rows of a table, divided.
pub(super) struct Rows {
    /// The columns of the formula, for the rows to train on.
    pub(super) train: Vec<Tensor>,
    pub(super) train_y: Vec<f64>,
    /// One for each row to train on; empty if all are 1.
    pub(super) weights: Vec<f64>,
    pub(super) test: Vec<Tensor>,
    pub(super) test_y: Vec<f64>,
    /// Rows that lack a number and take no part.
    pub(super) incomplete: usize,
    /// What the columns contain.
    numbers: Vec<Vec<f64>>,
}

impl Rows {
    pub(super) fn of(
        table: &Table,
        curve: &Curve,
        weights: Option<&str>,
        test_split: f64,
        seed: u64,
    ) -> Result<Rows> {
        let target = table.column(&curve.target)?;
        let weight = weights.map(|name| table.column(name)).transpose()?;
        let used = curve.columns.iter().map(|name| table.column(name));
        let used = used.collect::<Result<Vec<usize>>>()?;
        let needed: Vec<usize> = used.iter().copied().chain([target]).chain(weight).collect();
        let mut rows = vec![];
        for row in 0..table.len() {
            let mut whole = true;
            for &column in &needed {
                whole &= table.number(row, column)?.is_some();
            }
            if whole {
                rows.push(row);
            }
        }
        let (train, test) = split(rows.len(), test_split, seed);
        let pick = |part: &[usize]| part.iter().map(|&i| rows[i]).collect::<Vec<usize>>();
        let (train, test) = (pick(&train), pick(&test));
        if train.len() < curve.names.len() {
            return Err(Error::new(format!(
                "{} has {} complete rows to train on for {} parameters; add rows{}",
                table.path(),
                train.len(),
                curve.names.len(),
                if test.is_empty() { "" } else { ", or test on fewer with --test-split 0" }
            )));
        }
        let numbers = |rows: &[usize], column: usize| -> Result<Vec<f64>> {
            rows.iter().map(|&row| Ok(table.number(row, column)?.unwrap_or(f64::NAN))).collect()
        };
        let weights = match weight {
            Some(column) => numbers(&train, column)?,
            None => vec![],
        };
        if let Some(at) = weights.iter().position(|w| *w < 0.0) {
            return Err(Error::new(format!(
                "{}, line {}: the weight {} is negative; weights are at least 0",
                table.path(),
                table.line(train[at]),
                weights[at]
            )));
        }
        Ok(Rows {
            train: columns(curve, table, &train)?,
            train_y: numbers(&train, target)?,
            weights,
            test: columns(curve, table, &test)?,
            test_y: numbers(&test, target)?,
            incomplete: table.len() - rows.len(),
            numbers: used.iter().map(|&c| numbers(&train, c)).collect::<Result<_>>()?,
        })
    }

    /// Sizes that parameters may have: places on the axes, parts of their lengths, and reciprocals.
    pub(super) fn sizes(&self) -> Vec<f64> {
        let mut sizes = vec![];
        for column in &self.numbers {
            let mut sorted = column.clone();
            sorted.sort_by(f64::total_cmp);
            let last = sorted.len() - 1;
            let range = sorted[last] - sorted[0];
            sizes.extend((0..=8).map(|k| sorted[last * k / 8]));
            sizes.extend((1..=8).map(|k| range / f64::from(k)));
            sizes.extend([0.3, 1.0, 3.0, 10.0, 30.0].map(|k| k / range));
        }
        sizes.retain(|x| x.is_finite() && *x != 0.0);
        sizes
    }

    pub(super) fn warnings(&self) -> Vec<String> {
        match self.incomplete {
            0 => vec![],
            1 => vec!["1 row lacks a number that is needed, and took no part".into()],
            n => vec![format!("{n} rows lack a number that is needed, and took no part")],
        }
    }
}
