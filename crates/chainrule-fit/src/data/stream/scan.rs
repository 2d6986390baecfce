//! The first pass: where blocks begin, and what columns are.

use std::cell::Cell;
use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::rc::Rc;

use super::{Part, Shares};
use crate::data::encode::{
    Encoder, Feature, Levels, MAX_LEVELS, MAX_WIDTH, MISSING_LEVEL, Missing, constant,
};
use crate::data::open;
use crate::data::table::{MAX_COLUMNS, MAX_RECORD, delimiter, is_missing, number, shown_path};
use crate::data::target::{MAX_CLASSES, Target, label, sort};
use crate::error::{Error, Result, count, fail, reason, shown};

/// What one pass learns of a column.
#[derive(Clone, Default)]
pub(super) struct Column {
    /// Numbers so far, their mean and sum of squares about it.
    n: u64,
    mean: f64,
    squares: f64,
    missing: u64,
    /// Cells without a value, in rows that are not learnt from as well.
    absent: u64,
    /// The line of the first cell that is no number.
    text: Option<u64>,
    /// The levels as text, until there are too many.
    levels: BTreeMap<String, u64>,
    many: bool,
}

impl Column {
    /// Takes in a cell, of a row that is learnt from or not. Whether a column is text depends on
    /// all rows, as in a table.
    fn take(&mut self, cell: &str, line: u64, learns: bool) {
        if is_missing(cell) {
            self.absent += 1;
            self.missing += u64::from(learns);
            return;
        }
        if !learns {
            if self.text.is_none() && number(cell).is_none() {
                self.text = Some(line);
            }
            return;
        }
        match number(cell).filter(|x| x.is_finite()) {
            Some(x) => {
                self.n += 1;
                let delta = x - self.mean;
                self.mean += delta / self.n as f64;
                self.squares += delta * (x - self.mean);
            }
            None => {
                self.text.get_or_insert(line);
            }
        }
        if self.many {
            return;
        }
        if let Some(n) = self.levels.get_mut(cell) {
            *n += 1;
        } else if self.levels.len() < MAX_CLASSES && cell.len() < 1 << 10 {
            self.levels.insert(cell.to_string(), 1);
        } else {
            self.many = true;
            self.levels.clear();
        }
    }

    fn moments(&self) -> (f64, f64) {
        (self.mean, (self.squares / self.n.max(1) as f64).sqrt())
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
        } else if column.n == 0 {
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

/// Where rows are.
pub(super) struct Found {
    /// Where each block begins and the last ends.
    pub(super) starts: Vec<u64>,
    /// The line of the first row of each block.
    pub(super) lines: Vec<u64>,
    pub(super) rows: usize,
    /// Those to learn from.
    pub(super) train: usize,
}

/// One pass over a file.
pub(super) struct Scan {
    pub(super) name: String,
    reader: csv::Reader<Bounded>,
    /// The byte up to which the file may be read.
    allowed: Rc<Cell<u64>>,
    record: csv::StringRecord,
    pub(super) head: Vec<u8>,
    fields: usize,
}

impl Scan {
    pub(super) fn new(path: &Path) -> Result<Scan> {
        let name = shown_path(&path.display().to_string());
        let unreadable =
            |e: io::Error| Error::new(format!("{name} cannot be read: {}", reason(&e)));
        let mut start = vec![];
        open(path)?.take(MAX_RECORD as u64).read_to_end(&mut start).map_err(unreadable)?;
        let text = String::from_utf8_lossy(&start);
        let line = text.trim_start_matches(['\u{feff}', '\r', '\n']).split(['\r', '\n']).next();
        let allowed = Rc::new(Cell::new(0));
        let bounded = Bounded { file: open(path)?.into_inner(), read: 0, allowed: allowed.clone() };
        let reader = csv::ReaderBuilder::new()
            .delimiter(delimiter(line.unwrap_or_default()))
            .flexible(true)
            .has_headers(false)
            .buffer_capacity(1 << 16)
            .from_reader(bounded);
        let record = csv::StringRecord::new();
        Ok(Scan { name, reader, allowed, record, head: start, fields: 0 })
    }

    /// Reads the next row; `false` at the end.
    fn next(&mut self) -> Result<bool> {
        let from = self.reader.position().byte();
        self.allowed.set(from + MAX_RECORD as u64 + (1 << 17));
        let line = self.reader.position().line();
        match self.reader.read_record(&mut self.record) {
            Ok(more) => Ok(more),
            Err(error) => match error.kind() {
                csv::ErrorKind::Io(e) if e.kind() == io::ErrorKind::FileTooLarge => fail!(
                    "{}, line {line}: the row is longer than {} MiB; is a quote left open, or is \
                     this not a CSV file?",
                    self.name,
                    MAX_RECORD >> 20
                ),
                csv::ErrorKind::Utf8 { .. } => fail!(
                    "{}, line {line}: the bytes here are not UTF-8 text; save the file as UTF-8",
                    self.name
                ),
                _ => fail!("{}: {error}", self.name),
            },
        }
    }

    pub(super) fn header(&mut self) -> Result<Vec<String>> {
        if !self.next()? {
            fail!("{} is empty; the first line must name the columns", self.name);
        }
        if self.record.len() > MAX_COLUMNS {
            fail!("{}: the header names more than {MAX_COLUMNS} columns", self.name);
        }
        self.fields = self.record.len();
        self.head.truncate(self.reader.position().byte() as usize);
        let name = |(i, name): (usize, &str)| match name.trim_start_matches('\u{feff}').trim() {
            "" => format!("column {}", i + 1),
            name => name.to_string(),
        };
        Ok(self.record.iter().enumerate().map(name).collect())
    }

    /// Goes over all rows; columns learn from those of [`Part::Train`].
    pub(super) fn rows(
        &mut self,
        block: usize,
        target: usize,
        shares: Shares,
        columns: &mut [Column],
    ) -> Result<Found> {
        let mut found = Found { starts: vec![], lines: vec![], rows: 0, train: 0 };
        loop {
            let at = self.reader.position().byte();
            if !self.next()? {
                break;
            }
            let line = self.record.position().map_or(0, csv::Position::line);
            if self.record.len() != self.fields {
                fail!(
                    "{}, line {line}: the row has {} but the header has {}; add or remove fields, \
                     or quote those that contain the separator",
                    self.name,
                    count(self.record.len(), "field"),
                    self.fields
                );
            }
            if found.rows.is_multiple_of(block) {
                found.starts.push(at);
                found.lines.push(line);
            }
            let learns = shares.part(found.rows) == Part::Train;
            found.rows += 1;
            found.train += usize::from(learns);
            for (cell, column) in self.record.iter().zip(columns.iter_mut()) {
                column.take(cell.trim(), line, learns);
            }
            if columns[target].absent > 0 {
                fail!(
                    "{}, line {line}: the row has no target; leave out rows without one",
                    self.name
                );
            }
        }
        if found.rows == 0 {
            fail!("{} has a header but no rows of data below it", self.name);
        }
        if found.train < 2 {
            fail!(
                "{} has {}, and {} left to train on; at least 2 are needed: add rows or test on \
                 fewer",
                self.name,
                count(found.rows, "row"),
                found.train
            );
        }
        found.starts.push(self.reader.position().byte());
        Ok(found)
    }
}

/// A file that refuses to be read beyond a byte.
struct Bounded {
    file: File,
    read: u64,
    allowed: Rc<Cell<u64>>,
}

impl Read for Bounded {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.read > self.allowed.get() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let n = self.file.read(to)?;
        self.read += n as u64;
        Ok(n)
    }
}
