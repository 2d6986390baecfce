//! What one pass learns of columns, and what follows from it for a model.
//!
//! Counts and levels add up; means and squares are those of blocks, joined along the tree of
//! [`fold`](crate::parallel::fold) as T. F. Chan, G. H. Golub and R. J. LeVeque (1979) do it, from
//! n and m numbers:
//!
//! ```text
//! δ = μₘ − μₙ      μ = μₙ + δ m/(n + m)      S = Sₙ + Sₘ + δ² n m/(n + m)
//! ```

use std::collections::{BTreeMap, HashSet};

use serde_json::{Value, json};

use crate::data::encode::{
    Encoder, Feature, Levels, MAX_LEVELS, MAX_WIDTH, MISSING_LEVEL, Missing, constant,
};
use crate::data::table::{is_missing, number};
use crate::data::target::{MAX_CLASSES, Target, label, sort};
use crate::error::{Result, fail, shown};

/// How many numbers, their mean and the sum of squares about it.
#[derive(Clone, Copy, Default)]
pub(super) struct Moments {
    n: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn take(&mut self, x: f64) {
        self.n += 1.0;
        let delta = x - self.mean;
        self.mean += delta / self.n;
        self.squares += delta * (x - self.mean);
    }

    fn and(self, other: Moments) -> Moments {
        let n = self.n + other.n;
        if self.n == 0.0 || other.n == 0.0 {
            return if self.n == 0.0 { other } else { self };
        }
        let delta = other.mean - self.mean;
        let share = other.n / n;
        Moments {
            n,
            mean: self.mean + delta * share,
            squares: self.squares + other.squares + delta * delta * (self.n * share),
        }
    }

    pub(super) fn of(numbers: &[f64]) -> Moments {
        Moments { n: numbers[0], mean: numbers[1], squares: numbers[2] }
    }

    pub(super) fn to_numbers(self) -> [f64; 3] {
        [self.n, self.mean, self.squares]
    }
}

/// The moments of all columns.
pub(super) fn joined(a: &[f64], b: &[f64]) -> Vec<f64> {
    let pairs = a.chunks_exact(3).zip(b.chunks_exact(3));
    pairs.flat_map(|(a, b)| Moments::of(a).and(Moments::of(b)).to_numbers()).collect()
}

/// What one pass learns of a column.
#[derive(Clone, Default)]
pub(super) struct Column {
    pub(super) moments: Moments,
    missing: u64,
    /// Cells without a value, in rows that are not learnt from as well.
    pub(super) absent: u64,
    /// The line of the first cell that is no number.
    text: Option<u64>,
    /// The levels as text, until there are too many.
    levels: BTreeMap<String, u64>,
    many: bool,
}

impl Column {
    /// Takes in a cell, of a row that is learnt from or not. Whether a column is text depends on
    /// all rows, as in a table.
    pub(super) fn take(&mut self, cell: &str, line: &dyn Fn() -> u64, learns: bool) {
        if is_missing(cell) {
            self.absent += 1;
            self.missing += u64::from(learns);
            return;
        }
        if !learns {
            if self.text.is_none() && number(cell).is_none() {
                self.text = Some(line());
            }
            return;
        }
        match number(cell).filter(|x| x.is_finite()) {
            Some(x) => self.moments.take(x),
            None => {
                self.text.get_or_insert_with(line);
            }
        }
        if self.many {
            return;
        }
        match self.levels.get_mut(cell) {
            Some(n) => *n += 1,
            None => self.meet(cell, 1),
        }
    }

    /// A level that is new.
    fn meet(&mut self, level: &str, n: u64) {
        if self.levels.len() < MAX_CLASSES && level.len() < 1 << 10 {
            self.levels.insert(level.to_string(), n);
        } else {
            self.many = true;
            self.levels.clear();
        }
    }

    /// All but the moments, for other ranks.
    pub(super) fn to_json(&self) -> Value {
        json!([self.missing, self.absent, self.text, self.many, self.levels])
    }

    /// Takes in what a later part of the file says, but for the moments.
    pub(super) fn and(&mut self, later: &Value) {
        self.missing += whole(&later[0]);
        self.absent += whole(&later[1]);
        self.text = self.text.or(later[2].as_u64());
        self.many |= later[3] == true;
        for (level, n) in later[4].as_object().into_iter().flatten() {
            match self.levels.get_mut(level) {
                Some(sum) => *sum += whole(n),
                None if self.many => {}
                None => self.meet(level, whole(n)),
            }
        }
        if self.many {
            self.levels.clear();
        }
    }

    fn moments(&self) -> (f64, f64) {
        (self.moments.mean, (self.moments.squares / self.moments.n.max(1.0)).sqrt())
    }

    pub(super) fn target(&self, path: &str, name: &str, as_class: bool) -> Result<Target> {
        let name = shown(name);
        if self.text.is_some() || as_class {
            if self.many {
                let line = self.text.map_or(String::new(), |line| format!(", line {line}"));
                let is = if line.is_empty() { "" } else { "is text here, and " };
                fail!(
                    "{path}{line}: the target \"{name}\" {is}has more than {MAX_CLASSES} values; \
                     correct it or choose another"
                );
            }
            let labels = self.levels.keys().map(|level| label(level));
            let mut classes: Vec<String> = labels.collect::<HashSet<_>>().into_iter().collect();
            sort(&mut classes);
            if classes.len() < 2 {
                fail!("{path}: the target \"{name}\" does not vary; choose another");
            }
            return Ok(Target::Class(classes));
        }
        let (mean, scale) = self.moments();
        if !scale.is_finite() || scale < f64::MIN_POSITIVE {
            fail!("{path}: the target \"{name}\" does not vary; choose another");
        }
        Ok(Target::Number { mean, scale })
    }

    /// The levels but the most frequent, and their shares.
    fn levels(&self, path: &str, name: &str, line: u64, rows: usize) -> Result<(Levels, Vec<f64>)> {
        let mut counts = self.levels.clone();
        if self.missing > 0 {
            *counts.entry(MISSING_LEVEL.into()).or_insert(0) += self.missing;
        }
        if self.many || counts.len() > MAX_LEVELS {
            fail!(
                "{path}, line {line}, column \"{}\": text here, and more than {MAX_LEVELS} \
                 different values; correct it, or leave the column out",
                shown(name)
            );
        }
        let most = counts.iter().rev().max_by_key(|level| level.1).map(|level| level.0.clone());
        let baseline = most.unwrap_or_default();
        counts.remove(&baseline);
        let shares = counts.values().map(|&n| n as f64 / rows as f64).collect();
        Ok((Levels { baseline, others: counts.into_keys().collect() }, shares))
    }
}

pub(super) fn encoder(
    path: &str,
    names: &[String],
    features: &[usize],
    columns: &[Column],
    rows: usize,
    warnings: &mut Vec<String>,
) -> Result<Encoder> {
    let mut encoder = Encoder { features: vec![], mean: vec![], scale: vec![] };
    for &c in features {
        let (column, name) = (&columns[c], names[c].clone());
        if let Some(line) = column.text {
            let (levels, shares) = column.levels(path, &name, line, rows)?;
            if levels.others.is_empty() {
                warnings.push(constant(&name));
                continue;
            }
            encoder.features.push(Feature { name, levels: Some(levels) });
            encoder.scale.extend(shares.iter().map(|p| (p * (1.0 - p)).sqrt()));
            encoder.mean.extend(shares);
            continue;
        }
        let (mean, scale) = column.moments();
        if !scale.is_finite() {
            fail!(
                "{path}, column \"{}\": its numbers are too large; choose a larger unit",
                shown(&name)
            );
        }
        if scale >= f64::MIN_POSITIVE {
            encoder.features.push(Feature { name, levels: None });
            encoder.mean.push(mean);
            encoder.scale.push(scale);
        } else if column.moments.n == 0.0 {
            warnings.push(format!(
                "the feature \"{}\" has no value in any row and was left out",
                shown(&name)
            ));
        } else {
            warnings.push(constant(&name));
        }
    }
    if encoder.features.is_empty() {
        fail!("{path} has no feature that varies, so there is nothing to fit; add columns or rows");
    }
    if encoder.width() > MAX_WIDTH {
        fail!("{path}: the features need more than {MAX_WIDTH} parameters; choose fewer");
    }
    Ok(encoder)
}

/// What is missing in the features that are left.
pub(super) fn missing(encoder: &Encoder, names: &[String], columns: &[Column]) -> Vec<Missing> {
    let (mut found, mut at) = (vec![], 0);
    for feature in &encoder.features {
        let mean = feature.levels.is_none().then(|| encoder.mean[at]);
        at += feature.width();
        let column = names.iter().position(|name| *name == feature.name);
        let cells = column.map_or(0, |c| columns[c].absent as usize);
        if cells > 0 {
            found.push(Missing { column: feature.name.clone(), cells, mean });
        }
    }
    found
}

pub(super) fn whole(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}
