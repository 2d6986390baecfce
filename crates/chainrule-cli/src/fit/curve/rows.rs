//! The rows that take part, as numbers.

use chainrule::Tensor;
use chainrule_fit::data::split::split;
use chainrule_fit::data::stream::{Part, Shares};
use chainrule_fit::data::table::Table;
use chainrule_fit::parallel::{Communicator, Summands};
use chainrule_fit::{Error, Result};

use super::formula::{Curve, columns};

/// The rows of a table, divided; of several ranks each has some.
pub(super) struct Rows {
    /// The columns of the formula, for the rows to train on.
    pub(super) train: Vec<Tensor>,
    pub(super) train_y: Vec<f64>,
    /// One for each row to train on; empty if all are 1.
    pub(super) weights: Vec<f64>,
    pub(super) test: Vec<Tensor>,
    pub(super) test_y: Vec<f64>,
    /// The rows to train and to test on, of all ranks.
    pub(super) trained: usize,
    pub(super) tested: usize,
    /// Rows that lack a number and take no part, of all ranks.
    pub(super) incomplete: usize,
    /// What the columns contain.
    numbers: Vec<Vec<f64>>,
}

impl Rows {
    /// Of a table that has rows of a longer one, with so many before it.
    pub(super) fn of(
        (table, before): (&Table, usize),
        curve: &Curve,
        weights: Option<&str>,
        shares: Shares,
        ranks: &dyn Communicator,
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
        let (train, test): (Vec<usize>, Vec<usize>) = if ranks.size() == 1 {
            let (train, test) = split(rows.len(), shares.test, shares.seed);
            let pick = |part: &[usize]| part.iter().map(|&i| rows[i]).collect();
            (pick(&train), pick(&test))
        } else {
            rows.iter().partition(|row| shares.part(before + **row) == Part::Train)
        };
        let counts = [train.len(), test.len(), table.len() - rows.len()];
        let [trained, tested, incomplete] = totals(counts, ranks)?;
        if trained < curve.names.len() {
            return Err(Error::new(format!(
                "{} has {} complete rows to train on for {} parameters; add rows{}",
                table.path(),
                trained,
                curve.names.len(),
                if tested == 0 { "" } else { ", or test on fewer with --test-split 0" }
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
            trained,
            tested,
            incomplete,
            numbers: used.iter().map(|&c| numbers(&train, c)).collect::<Result<_>>()?,
        })
    }

    /// Sizes that parameters may have: places on the axes, parts of their lengths, and reciprocals.
    pub(super) fn sizes(&self) -> Vec<f64> {
        let mut sizes = vec![];
        for column in &self.numbers {
            let mut sorted = column.clone();
            sorted.sort_by(f64::total_cmp);
            let Some(last) = sorted.len().checked_sub(1) else { continue };
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

/// The sums over all ranks.
fn totals(own: [usize; 3], ranks: &dyn Communicator) -> Result<[usize; 3]> {
    match ranks.sum(Summands::F64(own.map(|n| n as f64).to_vec()))? {
        Summands::F64(all) if all.len() == 3 => Ok([0, 1, 2].map(|i| all[i] as usize)),
        _ => Err(Error::new("another rank counted something else")),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use chainrule_fit::curve::{CurveFit, Request, fit_over};
    use chainrule_fit::data::stream;
    use chainrule_fit::parallel::{Single, threads};

    use super::*;

    /// A formula by ranks, one of which has no rows, is that of one process to ten digits.
    #[test]
    fn ranks_fit_their_rows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        let mut text = String::from("x,\"w\nw\",y\n");
        for i in 0..300 {
            let x = 0.05 * f64::from(i);
            let y = 3.0 * (-0.4 * x).exp() + 0.01 * f64::from(i).sin();
            let _ = writeln!(
                text,
                "{x},{},{}",
                1 + i % 2,
                if i == 50 { "NA".into() } else { y.to_string() }
            );
        }
        std::fs::write(&path, text).unwrap();
        let found = |ranks: &dyn Communicator, searched: bool| -> (Rows, CurveFit) {
            let (table, before) = stream::part(&path, ranks).unwrap();
            let curve = Curve::read(&table, "y", "a*exp(-b*x)", &[]).unwrap();
            let rows =
                Rows::of((&table, before), &curve, Some("w\nw"), Shares::default(), ranks).unwrap();
            let mut request = Request::new(curve.names.clone());
            request.start = (!searched).then(|| vec![1.0, 1.0]);
            request.seeds.sizes = rows.sizes();
            request.seeds.points = 20;
            request.options.weights = rows.weights.clone();
            let model = |theta: &Tensor| curve.at(&rows.train, theta);
            let fit = fit_over(model, &rows.train_y, &request, ranks).unwrap();
            (rows, fit)
        };
        for searched in [false, true] {
            let (whole, single) = found(&Single, searched);
            assert_eq!((whole.trained, whole.tested, whole.incomplete), (299, 0, 1));
            for size in [2, 3, 7] {
                for (trained, incomplete, fit) in threads(size, |ranks| {
                    let (rows, fit) = found(ranks, searched);
                    (rows.trained, rows.incomplete, fit)
                }) {
                    assert_eq!((trained, incomplete), (299, 1));
                    for (own, one) in fit.estimates.iter().zip(&single.estimates) {
                        assert!((own.estimate / one.estimate - 1.0).abs() < 1e-10);
                        assert!((own.std_error / one.std_error - 1.0).abs() < 1e-10);
                    }
                }
            }
        }
    }
}
