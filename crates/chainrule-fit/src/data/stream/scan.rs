//! The first pass: where blocks begin, and what columns are.
//!
//! Each rank learns from the blocks that begin in its range of the bytes. Counts and levels add up;
//! means and squares are those of blocks, joined along the tree of [`fold`](crate::parallel::fold)
//! as T. F. Chan, G. H. Golub and R. J. LeVeque (1979) do it, from n and m numbers:
//!
//! ```text
//! δ = μₘ − μₙ      μ = μₙ + δ m/(n + m)      S = Sₙ + Sₘ + δ² n m/(n + m)
//! ```

use std::collections::{BTreeMap, HashSet};
use std::io::Read;
use std::path::Path;

use serde_json::{Value, json};

use super::records::{self, Cutter, Effect, Place};
use super::{Part, Shares};
use crate::data::encode::{
    Encoder, Feature, Levels, MAX_LEVELS, MAX_WIDTH, MISSING_LEVEL, Missing, constant,
};
use crate::data::open;
use crate::data::table::{
    MAX_BYTES, MAX_COLUMNS, MAX_RECORD, Table, delimiter, is_missing, newlines, number, shown_path,
};
use crate::data::target::{MAX_CLASSES, Target, label, sort};
use crate::error::{Error, Result, count, fail, reason, shown};
use crate::parallel::Communicator;
use crate::parallel::fold::{Tree, all, alone, gather};

/// How many numbers, their mean and the sum of squares about it.
#[derive(Clone, Copy, Default)]
struct Moments {
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

    fn of(numbers: &[f64]) -> Moments {
        Moments { n: numbers[0], mean: numbers[1], squares: numbers[2] }
    }

    fn to_numbers(self) -> [f64; 3] {
        [self.n, self.mean, self.squares]
    }
}

/// The moments of all columns.
fn joined(a: &[f64], b: &[f64]) -> Vec<f64> {
    let pairs = a.chunks_exact(3).zip(b.chunks_exact(3));
    pairs.flat_map(|(a, b)| Moments::of(a).and(Moments::of(b)).to_numbers()).collect()
}

/// What one pass learns of a column.
#[derive(Clone, Default)]
pub(super) struct Column {
    moments: Moments,
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
    fn take(&mut self, cell: &str, line: &dyn Fn() -> u64, learns: bool) {
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
    fn to_json(&self) -> Value {
        json!([self.missing, self.absent, self.text, self.many, self.levels])
    }

    /// Takes in what a later part of the file says, but for the moments.
    fn and(&mut self, later: &Value) {
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

fn whole(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

/// Where rows are.
#[derive(Default)]
pub(super) struct Found {
    /// Where each block begins and the last ends.
    pub(super) starts: Vec<u64>,
    /// The line of the first row of each block.
    pub(super) lines: Vec<u64>,
    /// The blocks that begin in the range of this rank.
    pub(super) own: std::ops::Range<usize>,
    pub(super) rows: usize,
    /// Those to learn from.
    pub(super) train: usize,
}

/// A file whose header was read.
pub(super) struct Scan<'a> {
    pub(super) name: String,
    path: &'a Path,
    ranks: &'a dyn Communicator,
    length: u64,
    delimiter: u8,
    /// The bytes of the header.
    pub(super) head: Vec<u8>,
    pub(super) names: Vec<String>,
}

/// What rows are used for, and what they must have.
#[derive(Clone, Copy)]
pub(super) struct Use {
    /// The rows of a block.
    pub(super) block: usize,
    /// The column that every row must have.
    pub(super) target: usize,
    pub(super) shares: Shares,
}

impl<'a> Scan<'a> {
    /// Reads the header, which must be the same on all ranks, as must the length of the file.
    pub(super) fn new(path: &'a Path, ranks: &'a dyn Communicator) -> Result<Scan<'a>> {
        let scan = alone(ranks, || Scan::open(path, ranks))?;
        let digest = scan.head.iter().fold(0u32, |d, b| d.rotate_left(5) ^ u32::from(*b));
        let seen = [scan.length as f64, scan.head.len() as f64, f64::from(digest)];
        if let Some(other) = gather(ranks, &seen)?.iter().position(|other| *other != seen) {
            fail!(
                "{} is not the same file on the ranks {other} and {}; give every rank the same one",
                scan.name,
                ranks.rank()
            );
        }
        Ok(scan)
    }

    fn open(path: &'a Path, ranks: &'a dyn Communicator) -> Result<Scan<'a>> {
        let name = shown_path(&path.display().to_string());
        let unreadable = |e| Error::new(format!("{name} cannot be read: {}", reason(&e)));
        let (file, mut head) = (open(path)?, vec![]);
        let length = file.get_ref().metadata().map_err(unreadable)?.len();
        file.take(MAX_RECORD as u64).read_to_end(&mut head).map_err(unreadable)?;
        let text = String::from_utf8_lossy(&head);
        let line = text.trim_start_matches(['\u{feff}', '\r', '\n']).split(['\r', '\n']).next();
        let delimiter = delimiter(line.unwrap_or_default());
        let mut reader = reader(delimiter, &head);
        let mut record = csv::StringRecord::new();
        let end = head.len() as u64;
        let more = reader.read_record(&mut record).map_err(|why| not_utf8(&name, 1, &why))?;
        let at = reader.position().byte();
        if !more {
            fail!("{name} is empty; the first line must name the columns");
        }
        if at == end && end == MAX_RECORD as u64 {
            fail!(
                "{name}, line 1: the row is longer than {} MiB; is a quote left open, or is \
                   this not a CSV file?",
                MAX_RECORD >> 20
            );
        }
        if record.len() > MAX_COLUMNS {
            fail!("{name}: the header names more than {MAX_COLUMNS} columns");
        }
        let column = |(i, name): (usize, &str)| match name.trim_start_matches('\u{feff}').trim() {
            "" => format!("column {}", i + 1),
            name => name.to_string(),
        };
        let names = record.iter().enumerate().map(column).collect();
        head.truncate(at as usize);
        Ok(Scan { name, path, ranks, length, delimiter, head, names })
    }

    /// Where the range of this rank begins, and where that of the next one does.
    fn range(&self) -> Result<(Place, u64)> {
        let begin = self.head.len() as u64;
        let start = Place::new(begin, 1 + newlines(&self.head) as u64);
        let (size, rank) = (self.ranks.size() as u64, self.ranks.rank() as u64);
        if size == 1 {
            return Ok((start, u64::MAX));
        }
        let unreadable = |e| Error::new(format!("{} cannot be read: {}", self.name, reason(&e)));
        let all = u128::from(self.length.saturating_sub(begin));
        let cut = |rank: u64| begin + (all * u128::from(rank) / u128::from(size)) as u64;
        let effect = alone(self.ranks, || {
            records::effect(self.path, self.delimiter, cut(rank), cut(rank + 1)).map_err(unreadable)
        })?;
        let mut at = start;
        for (before, numbers) in gather(self.ranks, &effect.to_numbers())?.iter().enumerate() {
            let Some(effect) = Effect::of(numbers).filter(|_| (before as u64) < rank) else {
                break;
            };
            at = at.behind(&effect, cut(before as u64 + 1));
        }
        Ok((at, if rank + 1 == size { u64::MAX } else { cut(rank + 1) }))
    }

    /// Goes over all rows; columns learn from those of [`Part::Train`].
    pub(super) fn rows(&self, what: Use) -> Result<(Found, Vec<Column>)> {
        let (at, end) = self.range()?;
        let mut columns = vec![Column::default(); self.names.len()];
        let mut moments = Tree::new(&joined);
        let mut found = alone(self.ranks, || {
            let mut found = Found::default();
            let path = (self.path, &*self.name);
            let mut cutter = Cutter::new(path, self.delimiter, what.block, at, end)?;
            while let Some(cut) = cutter.next()? {
                self.block(&cut, what, &mut found, &mut columns)?;
                let of_block = columns.iter_mut().map(|c| std::mem::take(&mut c.moments));
                moments.push(cut.block, of_block.flat_map(Moments::to_numbers).collect());
                found.starts.push(cut.begin);
                found.lines.push(cut.line);
            }
            found.starts.push(cutter.byte());
            Ok(found)
        })?;
        let moments = moments.over(self.ranks)?;
        self.together(&mut found, &mut columns)?;
        let all = columns.iter_mut().zip(moments.chunks_exact(3));
        all.for_each(|(column, of)| column.moments = Moments::of(of));
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
        Ok((found, columns))
    }

    /// The rows of the blocks of this rank, and the number of the first.
    pub(super) fn part(&self, block: usize) -> Result<(Table, usize)> {
        let (at, end) = self.range()?;
        alone(self.ranks, || {
            let path = (self.path, &*self.name);
            let mut cutter = Cutter::new(path, self.delimiter, block, at, end)?;
            let (mut bytes, mut first) = (self.head.clone(), None);
            while let Some(cut) = cutter.next()? {
                first.get_or_insert((cut.block * block, cut.line));
                bytes.extend_from_slice(&cut.bytes[1..]);
                if bytes.len() > MAX_BYTES {
                    fail!(
                        "a part of {} is larger than {} MiB; fit it by more ranks",
                        self.name,
                        MAX_BYTES >> 20
                    );
                }
            }
            let (before, line) = first.unwrap_or_default();
            let table = Table::part(&self.path.display().to_string(), &bytes)?;
            Ok((table.beginning_at(line as usize), before))
        })
    }

    /// Goes over the rows of a block.
    fn block(
        &self,
        cut: &records::Cut,
        what: Use,
        found: &mut Found,
        columns: &mut [Column],
    ) -> Result<()> {
        let bytes = &cut.bytes[..];
        let line = |at: usize| cut.line + newlines(&bytes[..at]) as u64 - 1;
        if let Err(why) = std::str::from_utf8(bytes) {
            fail!(
                "{}, line {}: the bytes here are not UTF-8 text; save the file as UTF-8",
                self.name,
                line(why.valid_up_to())
            );
        }
        let mut reader = reader(self.delimiter, bytes);
        let mut record = csv::StringRecord::new();
        let first = cut.block * what.block;
        for row in first.. {
            let at = reader.position().byte() as usize;
            if !reader.read_record(&mut record).map_err(|why| not_utf8(&self.name, 0, &why))? {
                break;
            }
            let blank = bytes[at..].iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
            let line = || line(at + blank);
            if record.len() != self.names.len() {
                fail!(
                    "{}, line {}: the row has {} but the header has {}; add or remove fields, or \
                     quote those that contain the separator",
                    self.name,
                    line(),
                    count(record.len(), "field"),
                    self.names.len()
                );
            }
            let learns = what.shares.part(row) == Part::Train;
            found.rows += 1;
            found.train += usize::from(learns);
            for (cell, column) in record.iter().zip(columns.iter_mut()) {
                column.take(cell.trim(), &line, learns);
            }
            if columns[what.target].absent > 0 {
                fail!(
                    "{}, line {}: the row has no target; leave out rows without one",
                    self.name,
                    line()
                );
            }
        }
        Ok(())
    }

    /// What all ranks have found, instead of what this one has.
    fn together(&self, found: &mut Found, columns: &mut Vec<Column>) -> Result<()> {
        if self.ranks.size() == 1 {
            found.own = 0..found.lines.len();
            return Ok(());
        }
        let columns_of: Vec<Value> = columns.iter().map(Column::to_json).collect();
        let own = json!([found.starts, found.lines, found.rows, found.train, columns_of]);
        let own = self.ranks.gather(own.to_string().into_bytes())?;
        *found = Found::default();
        *columns = vec![Column::default(); columns.len()];
        let (mut end, mut agree) = (0, true);
        for (rank, bytes) in own.iter().enumerate() {
            let value: Value = serde_json::from_slice(bytes).unwrap_or_default();
            let numbers = |value: &Value| -> Vec<u64> {
                value.as_array().into_iter().flatten().map(whole).collect()
            };
            let (mut starts, before) = (numbers(&value[0]), found.lines.len());
            found.lines.extend(numbers(&value[1]));
            if let Some(last) = starts.pop().filter(|_| !starts.is_empty()) {
                agree &= before == 0 || starts[0] == end;
                end = last;
            }
            found.starts.extend(starts);
            if rank == self.ranks.rank() {
                found.own = before..found.lines.len();
            }
            found.rows += whole(&value[2]) as usize;
            found.train += whole(&value[3]) as usize;
            let parts = value[4].as_array().into_iter().flatten();
            columns.iter_mut().zip(parts).for_each(|(column, part)| column.and(part));
        }
        found.starts.push(end);
        if !all(self.ranks, agree)? {
            fail!("{} was changed while it was read; start again", self.name);
        }
        Ok(())
    }
}

fn reader(delimiter: u8, bytes: &[u8]) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .has_headers(false)
        .buffer_capacity(1 << 16)
        .from_reader(bytes)
}

fn not_utf8(name: &str, line: u64, why: &csv::Error) -> Error {
    Error::new(match why.kind() {
        csv::ErrorKind::Utf8 { .. } => format!(
            "{name}, line {line}: the bytes here are not UTF-8 text; save the file as UTF-8"
        ),
        _ => format!("{name}: {why}"),
    })
}
