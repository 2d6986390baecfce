//! The first pass: where blocks begin, and what columns are.
//!
//! Each rank reads its range of the bytes, which may begin anywhere (`records`), and learns from
//! the blocks that begin in it. What one rank has found, all others then get to know.

use std::io::Read;
use std::path::Path;

use serde_json::{Value, json};

use super::column::{Column, Moments, joined, whole};
use super::records::{self, Cutter, Effect, Place};
use super::{Part, Shares};
use crate::data::open;
use crate::data::table::{
    MAX_BYTES, MAX_COLUMNS, MAX_RECORD, Table, delimiter, newlines, shown_path,
};
use crate::error::{Error, Result, count, fail, reason};
use crate::parallel::Communicator;
use crate::parallel::fold::{Tree, all, alone, gather};

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
