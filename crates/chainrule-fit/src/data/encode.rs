//! Features as numbers that a descent likes: mean 0, variance 1.
//!
//! A column of numbers becomes one parameter's column; its missing cells take the mean. A column of
//! text becomes one column of zeros and ones for each of its *levels* but the most frequent, the
//! *baseline*, whose effect is part of the intercept; a missing cell is a level of its own, called
//! [`MISSING_LEVEL`]. Then every column x is standardised,
//!
//! ```text
//! z = (x − μ) / σ        μ, σ: mean and (population) standard deviation of the training rows
//! ```
//!
//! so that one learning rate suits all parameters. Everything an [`Encoder`] knows it learnt from
//! the rows it was shown; rows encoded later cannot change it. A level that it did not meet counts
//! as the baseline, and a warning says so.
//!
//! What cannot help is left out with a warning: a column that is constant in the training rows.

use std::collections::BTreeMap;

use crate::data::table::{Kind, Table};
use crate::error::{Result, count, fail, listed, shown};

/// The most levels of a text column.
pub const MAX_LEVELS: usize = 50;

/// The most columns after encoding.
pub const MAX_WIDTH: usize = 1000;

/// The most encoded numbers: rows times columns.
pub const MAX_NUMBERS: usize = 50_000_000;

/// The level of cells without a value.
pub const MISSING_LEVEL: &str = "(missing)";

/// One column of the table as a feature.
#[derive(Clone, Debug, PartialEq)]
pub struct Feature {
    /// The name of the column.
    pub name: String,
    /// The levels if the column holds text.
    pub levels: Option<Levels>,
}

/// The levels of a text column.
#[derive(Clone, Debug, PartialEq)]
pub struct Levels {
    /// The most frequent level, which has no parameter.
    pub baseline: String,
    /// The others, in alphabetical order.
    pub others: Vec<String>,
}

impl Feature {
    /// The number of parameters.
    pub fn width(&self) -> usize {
        self.levels.as_ref().map_or(1, |levels| levels.others.len())
    }
}

/// The cells without a value in one feature, and what stands for them.
#[derive(Clone, Debug, PartialEq)]
pub struct Missing {
    /// The name of the column.
    pub column: String,
    /// How many there are.
    pub cells: usize,
    /// The number that they took; `None` if they are the level [`MISSING_LEVEL`].
    pub mean: Option<f64>,
}

/// How to turn the rows of a table into standardised numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoder {
    /// The features, in the order of their parameters.
    pub features: Vec<Feature>,
    /// The mean of each parameter's column.
    pub mean: Vec<f64>,
    /// The standard deviation of each parameter's column.
    pub scale: Vec<f64>,
}

impl Encoder {
    /// Learns from the cells of `columns` in `rows`, and says in `warnings` what it leaves out.
    ///
    /// # Errors
    /// If a column has an infinite number or too many levels, or if no feature is left.
    pub fn learn(
        table: &Table,
        columns: &[usize],
        rows: &[usize],
        warnings: &mut Vec<String>,
    ) -> Result<Encoder> {
        let mut encoder = Encoder { features: vec![], mean: vec![], scale: vec![] };
        for &column in columns {
            let name = table.names()[column].clone();
            match table.kind(column) {
                Kind::Empty => warnings.push(format!(
                    "the feature \"{}\" has no value in any row and was left out",
                    shown(&name)
                )),
                Kind::Number => {
                    let present =
                        rows.iter().filter_map(|&row| table.number(row, column).transpose());
                    let (mean, scale) = moments(&present.collect::<Result<Vec<f64>>>()?);
                    if !(mean.is_finite() && scale.is_finite()) {
                        fail!(
                            "{}, column \"{}\": its numbers are too large to compute with; choose \
                             a larger unit",
                            table.path(),
                            shown(&name)
                        );
                    }
                    if scale < f64::MIN_POSITIVE {
                        warnings.push(constant(&name));
                        continue;
                    }
                    encoder.features.push(Feature { name, levels: None });
                    encoder.mean.push(mean);
                    encoder.scale.push(scale);
                }
                Kind::Text { row } => {
                    let Some((levels, shares)) = levels(table, column, row, rows)? else {
                        warnings.push(constant(&name));
                        continue;
                    };
                    encoder.features.push(Feature { name, levels: Some(levels) });
                    encoder.scale.extend(shares.iter().map(|p| (p * (1.0 - p)).sqrt()));
                    encoder.mean.extend(shares);
                }
            }
        }
        if encoder.features.is_empty() {
            fail!(
                "{} has no feature that varies, so there is nothing to fit; add columns or rows",
                table.path()
            );
        }
        encoder.check_size(rows.len())?;
        Ok(encoder)
    }

    fn check_size(&self, rows: usize) -> Result<()> {
        let width = self.width();
        if width > MAX_WIDTH {
            fail!(
                "the features need {width} parameters, more than {MAX_WIDTH}; choose fewer with \
                 --features"
            );
        }
        if rows.saturating_mul(width) > MAX_NUMBERS {
            fail!(
                "{rows} rows of {width} parameters are more than {MAX_NUMBERS} numbers; choose \
                 fewer features with --features, or fewer rows"
            );
        }
        Ok(())
    }

    /// The number of parameters.
    pub fn width(&self) -> usize {
        self.features.iter().map(Feature::width).sum()
    }

    /// The name of each parameter: the column's, or `column=level`.
    pub fn names(&self) -> Vec<String> {
        let mut names = vec![];
        for feature in &self.features {
            match &feature.levels {
                None => names.push(feature.name.clone()),
                Some(levels) => {
                    let level = |level: &String| format!("{}={level}", feature.name);
                    names.extend(levels.others.iter().map(level));
                }
            }
        }
        names
    }

    /// The standardised numbers of `rows`, row by row.
    ///
    /// # Errors
    /// If a column is missing, or a cell of a numeric feature is no finite number.
    pub fn encode(
        &self,
        table: &Table,
        rows: &[usize],
        warnings: &mut Vec<String>,
    ) -> Result<Vec<f64>> {
        self.check_size(rows.len())?;
        let width = self.width();
        let mut numbers = vec![0.0; rows.len() * width];
        let mut at = 0;
        for feature in &self.features {
            let column = table.column(&feature.name)?;
            match &feature.levels {
                None => {
                    for (i, &row) in rows.iter().enumerate() {
                        let x = table.number(row, column)?.unwrap_or(self.mean[at]);
                        numbers[i * width + at] = (x - self.mean[at]) / self.scale[at];
                    }
                }
                Some(levels) => {
                    let mut unseen: Vec<&str> = vec![];
                    for (i, &row) in rows.iter().enumerate() {
                        let level = table.cell(row, column).unwrap_or(MISSING_LEVEL);
                        let hit = levels.others.iter().position(|other| other == level);
                        if hit.is_none() && level != levels.baseline && !unseen.contains(&level) {
                            unseen.push(level);
                        }
                        for j in 0..levels.others.len() {
                            let x = f64::from(u8::from(hit == Some(j)));
                            let k = at + j;
                            numbers[i * width + k] = (x - self.mean[k]) / self.scale[k];
                        }
                    }
                    if !unseen.is_empty() {
                        warnings.push(format!(
                            "the column \"{}\" has {} that the training rows do not have ({}); \
                             each counts as \"{}\"",
                            shown(&feature.name),
                            count(unseen.len(), "value"),
                            listed(&unseen),
                            shown(&levels.baseline)
                        ));
                    }
                }
            }
            at += feature.width();
        }
        if numbers.iter().any(|z| !z.is_finite()) {
            fail!(
                "{}: a value is too far from those of the training rows to compute with",
                table.path()
            );
        }
        Ok(numbers)
    }

    /// What is missing in `rows`, for each feature where something is. A level that was not met in
    /// learning is not listed; [`Encoder::encode`] warns of those.
    ///
    /// # Errors
    /// If a column is missing.
    pub fn missing(&self, table: &Table, rows: &[usize]) -> Result<Vec<Missing>> {
        let (mut found, mut at) = (vec![], 0);
        for feature in &self.features {
            let column = table.column(&feature.name)?;
            let mean = feature.levels.is_none().then(|| self.mean[at]);
            at += feature.width();
            let met = feature.levels.as_ref().is_none_or(|levels| {
                levels.baseline == MISSING_LEVEL || levels.others.iter().any(|l| l == MISSING_LEVEL)
            });
            let cells = rows.iter().filter(|&&row| table.cell(row, column).is_none()).count();
            if met && cells > 0 {
                found.push(Missing { column: feature.name.clone(), cells, mean });
            }
        }
        Ok(found)
    }
}

pub(super) fn constant(name: &str) -> String {
    format!("the feature \"{}\" is constant in the training rows and was left out", shown(name))
}

/// The levels of a text column in `rows` and the share of rows that each but the baseline has;
/// `None` if there is one level only. `first` is a row where the column is text.
#[allow(clippy::type_complexity)]
fn levels(
    table: &Table,
    column: usize,
    first: usize,
    rows: &[usize],
) -> Result<Option<(Levels, Vec<f64>)>> {
    let mut counts = BTreeMap::new();
    for &row in rows {
        *counts.entry(table.cell(row, column).unwrap_or(MISSING_LEVEL)).or_insert(0usize) += 1;
    }
    if counts.len() > MAX_LEVELS {
        let is = format!(
            "makes this a column of text, and it has {} different values, more than {MAX_LEVELS}; \
             correct it, or leave the column out with --features",
            counts.len()
        );
        return Err(table.wrong(first, column, &is));
    }
    // The first in alphabetical order among the most frequent.
    let Some(baseline) = counts.iter().rev().max_by_key(|level| level.1).map(|level| *level.0)
    else {
        return Ok(None);
    };
    counts.remove(baseline);
    let shares: Vec<f64> = counts.values().map(|&n| n as f64 / rows.len() as f64).collect();
    let others: Vec<String> = counts.keys().map(|level| (*level).to_string()).collect();
    Ok((!others.is_empty()).then(|| (Levels { baseline: baseline.into(), others }, shares)))
}

/// Mean and population standard deviation, without overflow on the way where both can be
/// represented. Equal numbers have the deviation 0 exactly; no numbers have mean and deviation 0.
pub(crate) fn moments(x: &[f64]) -> (f64, f64) {
    let Some(&first) = x.first() else { return (0.0, 0.0) };
    if x.iter().all(|&v| v == first) {
        return (first, 0.0);
    }
    let n = x.len() as f64;
    let mean = first + x.iter().map(|v| (v - first) / n).sum::<f64>();
    let largest = x.iter().map(|v| (v - mean).abs()).fold(0.0, f64::max);
    if !largest.is_finite() {
        return (mean, f64::INFINITY);
    }
    let squares = x.iter().map(|v| ((v - mean) / largest).powi(2)).sum::<f64>();
    (mean, largest * (squares / n).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        Table::parse("t.csv", text.as_bytes()).unwrap()
    }

    #[test]
    fn means_and_deviations() {
        assert_eq!(moments(&[]), (0.0, 0.0));
        assert_eq!(moments(&[0.1; 7]), (0.1, 0.0));
        assert_eq!(moments(&[1.0, 3.0]), (2.0, 1.0));
        let (mean, scale) = moments(&[1e300, 3e300]);
        assert!((mean / 2e300 - 1.0).abs() < 1e-15 && (scale / 1e300 - 1.0).abs() < 1e-15);
        assert!(!moments(&[f64::MAX, -f64::MAX]).1.is_finite());
    }

    #[test]
    fn numbers_and_levels() {
        let t = table("a,c\n1,x\n3,y\n,x\nNA,\n");
        let (mut warnings, rows) = (vec![], [0, 1, 2, 3]);
        let encoder = Encoder::learn(&t, &[0, 1], &rows, &mut warnings).unwrap();
        assert_eq!(encoder.names(), ["a", "c=(missing)", "c=y"]);
        assert_eq!(encoder.mean, [2.0, 0.25, 0.25]);
        let z = encoder.encode(&t, &rows, &mut warnings).unwrap();
        assert_eq!((z[0], z[3], z[6], z[9]), (-1.0, 1.0, 0.0, 0.0));
        for column in 1..3 {
            let column: Vec<f64> = (0..4).map(|i| z[3 * i + column]).collect();
            let (mean, scale) = moments(&column);
            assert!(mean.abs() < 1e-15 && (scale - 1.0).abs() < 1e-15);
        }
        assert!(warnings.is_empty());
        let missing = encoder.missing(&t, &rows).unwrap();
        let list: Vec<_> = missing.iter().map(|m| (m.column.as_str(), m.cells, m.mean)).collect();
        assert_eq!(list, [("a", 2, Some(2.0)), ("c", 1, None)]);
        assert!(encoder.missing(&t, &[0, 1]).unwrap().is_empty());
    }

    #[test]
    fn only_training_rows_teach() {
        let t = table("a,c\n1,x\n3,y\n1e6,z\n");
        let mut warnings = vec![];
        let encoder = Encoder::learn(&t, &[0, 1], &[0, 1], &mut warnings).unwrap();
        assert_eq!((encoder.mean[0], encoder.scale[0]), (2.0, 1.0));
        encoder.encode(&t, &[2], &mut warnings).unwrap();
        assert_eq!(
            warnings,
            ["the column \"c\" has 1 value that the training rows do not have (z); each counts \
              as \"x\""]
        );
    }

    #[test]
    fn what_does_not_vary_is_left_out() {
        let t = table("a,b,c,d\n1,7,x,\n2,7,x,\n");
        let mut warnings = vec![];
        let encoder = Encoder::learn(&t, &[0, 1, 2, 3], &[0, 1], &mut warnings).unwrap();
        assert_eq!(encoder.names(), ["a"]);
        assert_eq!(warnings.len(), 3);
        let none = Encoder::learn(&t, &[1, 2], &[0, 1], &mut warnings).unwrap_err().to_string();
        assert!(none.contains("no feature that varies"), "{none}");
    }

    #[test]
    fn too_many_levels() {
        let cells: Vec<String> = (0..51).map(|i| format!("1,v{i}\n")).collect();
        let t = table(&format!("a,b\n{}", cells.concat()));
        let rows: Vec<usize> = (0..51).collect();
        let got = Encoder::learn(&t, &[1], &rows, &mut vec![]).unwrap_err().to_string();
        assert!(got.starts_with("t.csv, line 2, column \"b\": \"v0\" makes this"), "{got}");
        assert!(got.contains("51 different values"), "{got}");
    }
}
