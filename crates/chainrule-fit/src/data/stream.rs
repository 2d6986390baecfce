//! A CSV file larger than memory as a dataset.
//!
//! [`Stream::open`] reads the file once, row by row, and keeps what it learnt: where each block of
//! rows begins, and for each column its kind and its mean and variance, gathered one number at a
//! time (Welford 1962)
//!
//! ```text
//! δ = x − μₙ₋₁      μₙ = μₙ₋₁ + δ / n      Sₙ = Sₙ₋₁ + δ (x − μₙ)      σ² = Sₙ / n
//! ```
//!
//! or its levels. After that any block can be read by itself, from its first byte to the next one's.
//! Blocks are of about a quarter of a million numbers, the last 32 that were read are kept, and the
//! loader's order asks for no more than that at once, so that memory is bounded whatever the file.
//!
//! ```
//! use chainrule_fit::data::{dataset::Dataset, stream::Stream};
//! let folder = tempfile::tempdir().unwrap();
//! let path = folder.path().join("t.csv");
//! std::fs::write(&path, "x,y\n1,10\n3,30\n5,50\n").unwrap();
//! let stream = Stream::open(&path, "y", None)?;
//! assert_eq!((stream.len(), stream.encoder().mean[0]), (3, 3.0));
//! # Ok::<(), chainrule_fit::Error>(())
//! ```
//!
//! Not here: a split. Keep the rows to validate on in a file of their own. A file that is changed
//! while it is used is noticed if its length changes.

use std::cell::Cell;
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use super::array::{Array, Numbers};
use super::dataset::{Dataset, Example, WINDOW};
use super::encode::{Encoder, Feature, Levels, MAX_LEVELS, MAX_WIDTH, MISSING_LEVEL};
use super::open;
use super::table::{
    MAX_COLUMNS, MAX_RECORD, Table, delimiter, find, is_missing, number, shown_path,
};
use super::target::{MAX_CLASSES, Target, label, sort};
use crate::error::{Error, Result, count, fail, reason, shown};

/// The numbers of a block of rows, about.
const BLOCK: usize = 1 << 18;

/// The most rows of a block.
const MAX_BLOCK_ROWS: usize = 4096;

/// A CSV file whose rows are read when they are needed.
pub struct Stream {
    path: PathBuf,
    /// The bytes of the header.
    header: Vec<u8>,
    /// Where each block begins, and where the last one ends.
    starts: Vec<u64>,
    rows: usize,
    block: usize,
    encoder: Encoder,
    target: Target,
    column: usize,
    recent: Mutex<VecDeque<(usize, Arc<Example>)>>,
}

impl Stream {
    /// Reads the file through and learns how to encode `features` (by default all other columns)
    /// and `target`.
    ///
    /// # Errors
    /// If the file cannot be read, a row is not like the others or has no target, or a column has
    /// too many levels.
    pub fn open(path: &Path, target: &str, features: Option<&[String]>) -> Result<Stream> {
        let mut scan = Scan::new(path)?;
        let names = scan.header()?;
        let find = |name: &str| find(&scan.name, &names, name);
        let column = find(target)?;
        let features = match features {
            None => (0..names.len()).filter(|&c| c != column).collect(),
            Some(list) => list.iter().map(|f| find(f)).collect::<Result<Vec<usize>>>()?,
        };
        if features.is_empty() || features.contains(&column) {
            fail!("{}: features must be columns besides the target; name others", scan.name);
        }
        let block = (BLOCK / names.len()).clamp(1, MAX_BLOCK_ROWS);
        let mut columns = vec![Column::default(); names.len()];
        let (starts, rows) = scan.rows(block, column, &mut columns)?;
        let encoder = encoder(&scan.name, &names, &features, &columns, rows)?;
        let target = columns[column].target(&scan.name, &names[column])?;
        let recent = Mutex::new(VecDeque::new());
        let (path, header) = (path.to_path_buf(), scan.head);
        Ok(Stream { path, header, starts, rows, block, encoder, target, column, recent })
    }

    /// How features become numbers.
    pub fn encoder(&self) -> &Encoder {
        &self.encoder
    }

    /// How the target becomes a number.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// A block of rows, encoded; perhaps one that was read before.
    fn at(&self, block: usize) -> Result<Arc<Example>> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, example)) = recent.iter().find(|(b, _)| *b == block) {
            return Ok(example.clone());
        }
        let example = Arc::new(self.read_block(block)?);
        if recent.len() == 2 * WINDOW {
            recent.pop_front();
        }
        recent.push_back((block, example.clone()));
        Ok(example)
    }

    fn read_block(&self, block: usize) -> Result<Example> {
        let name = shown_path(&self.path.display().to_string());
        let (begin, end) = (self.starts[block], self.starts[block + 1]);
        let mut bytes = self.header.clone();
        let header = bytes.len();
        bytes.resize(header + (end - begin) as usize, 0);
        let read = |part: &mut [u8]| -> io::Result<()> {
            let mut file = File::open(&self.path)?;
            file.seek(SeekFrom::Start(begin))?;
            file.read_exact(part)
        };
        read(&mut bytes[header..])
            .map_err(|e| Error::new(format!("{name} cannot be read any more: {}", reason(&e))))?;
        let table = Table::parse(&self.path.display().to_string(), &bytes)?;
        let rows: Vec<usize> = (0..table.len()).collect();
        if rows.len() != self.block.min(self.rows - block * self.block) {
            fail!("{name} was changed while it was read; start again");
        }
        let x = self.encoder.encode(&table, &rows, &mut vec![])?;
        let x: Vec<f32> = x.iter().map(|&x| x as f32).collect();
        let y = self.target.encode(&table, self.column, &rows)?;
        let shape = match &y {
            Numbers::F32(_) => vec![rows.len(), 1],
            _ => vec![rows.len()],
        };
        Ok(Example {
            x: Array::new([rows.len(), self.encoder.width()], x)?,
            y: Array::new(shape, y)?,
        })
    }
}

impl Dataset for Stream {
    fn len(&self) -> usize {
        self.rows
    }

    fn read(&self, rows: &[usize]) -> Result<Example> {
        let width = self.encoder.width();
        let mut x = Vec::with_capacity(rows.len() * width);
        let mut y = match self.target {
            Target::Number { .. } => Numbers::F32(vec![]),
            Target::Class(_) => Numbers::I64(vec![]),
        };
        for &row in rows {
            if row >= self.rows {
                fail!("there is no row {row} among {}", self.rows);
            }
            let block = self.at(row / self.block)?;
            let at = row % self.block;
            if let Numbers::F32(from) = block.x.numbers() {
                x.extend_from_slice(&from[at * width..(at + 1) * width]);
            }
            match (&mut y, block.y.numbers()) {
                (Numbers::F32(y), Numbers::F32(from)) => y.push(from[at]),
                (Numbers::I64(y), Numbers::I64(from)) => y.push(from[at]),
                _ => {}
            }
        }
        let shape = match &y {
            Numbers::F32(_) => vec![rows.len(), 1],
            _ => vec![rows.len()],
        };
        Ok(Example { x: Array::new([rows.len(), width], x)?, y: Array::new(shape, y)? })
    }

    fn block(&self) -> Option<usize> {
        Some(self.block)
    }
}

/// What one pass learns of a column.
#[derive(Clone, Default)]
struct Column {
    /// Numbers so far, their mean and sum of squares about it.
    n: u64,
    mean: f64,
    squares: f64,
    missing: u64,
    /// The line of the first cell that is no number.
    text: Option<u64>,
    /// The levels as text, until there are too many.
    levels: BTreeMap<String, u64>,
    many: bool,
}

impl Column {
    fn take(&mut self, cell: &str, line: u64) {
        if is_missing(cell) {
            self.missing += 1;
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
        if self.many && self.text.is_none() {
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

    fn target(&self, path: &str, name: &str) -> Result<Target> {
        let name = shown(name);
        if let Some(line) = self.text {
            if self.many {
                fail!(
                    "{path}, line {line}: the target \"{name}\" is text here, and has more than \
                     {MAX_CLASSES} values; correct it or choose another"
                );
            }
            let labels = self.levels.keys().map(|level| label(level));
            let mut classes: Vec<String> = labels.collect::<HashSet<_>>().into_iter().collect();
            sort(&mut classes);
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

fn encoder(
    path: &str,
    names: &[String],
    features: &[usize],
    columns: &[Column],
    rows: usize,
) -> Result<Encoder> {
    let mut encoder = Encoder { features: vec![], mean: vec![], scale: vec![] };
    for &c in features {
        let (column, name) = (&columns[c], names[c].clone());
        if let Some(line) = column.text {
            let (levels, shares) = column.levels(path, &name, line, rows)?;
            if levels.others.is_empty() {
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

/// One pass over a file.
struct Scan {
    name: String,
    reader: csv::Reader<Bounded>,
    /// The byte up to which the file may be read.
    allowed: Rc<Cell<u64>>,
    record: csv::StringRecord,
    head: Vec<u8>,
    fields: usize,
}

impl Scan {
    fn new(path: &Path) -> Result<Scan> {
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

    fn header(&mut self) -> Result<Vec<String>> {
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

    /// Where each block of rows begins and the last ends, and the number of rows.
    fn rows(
        &mut self,
        block: usize,
        target: usize,
        columns: &mut [Column],
    ) -> Result<(Vec<u64>, usize)> {
        let (mut starts, mut rows) = (vec![], 0);
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
            if rows % block == 0 {
                starts.push(at);
            }
            rows += 1;
            for (cell, column) in self.record.iter().zip(columns.iter_mut()) {
                column.take(cell.trim(), line);
            }
            if columns[target].missing > 0 {
                fail!(
                    "{}, line {line}: the row has no target; leave out rows without one",
                    self.name
                );
            }
        }
        if rows == 0 {
            fail!("{} has a header but no rows of data below it", self.name);
        }
        starts.push(self.reader.position().byte());
        Ok((starts, rows))
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
