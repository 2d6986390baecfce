//! Where records of a CSV file begin, found from any byte of it.
//!
//! Whether a line's end ends a record depends on all bytes before it: it may stand within quotes.
//! The reader of a file is a machine with five states,
//!
//! ```text
//!            "          separator     end of line   other
//! record     quoted     field         record        bare       between records
//! field      quoted     field         record        bare       behind a separator
//! bare       bare       field         record        bare       in a field without quotes
//! quoted     quote      quoted        quoted        quoted     in a field with quotes
//! quote      quoted     field         record        bare       behind a quote in one
//! ```
//!
//! and a record begins where it leaves the state `record`. Who does not know the bytes before a
//! range of them runs the machine from *every* state: what comes of it is a function from states
//! to states, with a count of records for each. The functions of all ranges, applied one after the
//! other, give each range the state in which it begins, and the number of its first record. Ranks
//! so cut one file among them, where it may have quoted ends of lines or quotes within bare fields,
//! and none has read more than its part (W. D. Hillis and G. L. Steele 1986, *Data parallel
//! algorithms*).
//!
//! [`Cutter`] then goes over a range and hands out its rows in blocks.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use crate::data::table::MAX_RECORD;
use crate::error::{Error, Result, fail, reason};

const STATES: usize = 5;
const RECORD: u8 = 0;
const FIELD: u8 = 1;
const BARE: u8 = 2;
const QUOTED: u8 = 3;
const QUOTE: u8 = 4;

/// What is read at once.
const PIECE: usize = 1 << 16;

/// What a reader of records does at each byte.
pub(super) struct Machine {
    next: [[u8; 256]; STATES],
}

/// What a range of bytes does to a reader.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Effect {
    /// The state behind the range, for each state before it.
    state: [u8; STATES],
    /// How many records begin in it, for each state before it.
    records: [u64; STATES],
    /// How many lines end in it.
    lines: u64,
}

/// Where a reader is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) byte: u64,
    state: u8,
    /// The records that have begun before.
    pub(super) records: u64,
    /// The line, from 1.
    pub(super) line: u64,
}

impl Machine {
    pub(super) fn new(delimiter: u8) -> Machine {
        let step = |state: u8, byte: u8| match (state, byte) {
            (QUOTED, b'"') => QUOTE,
            (QUOTED, _) | (RECORD | FIELD | QUOTE, b'"') => QUOTED,
            (_, byte) if byte == delimiter => FIELD,
            (_, b'\r' | b'\n') => RECORD,
            _ => BARE,
        };
        let row = |state: usize| std::array::from_fn(|byte| step(state as u8, byte as u8));
        Machine { next: std::array::from_fn(row) }
    }

    /// What bytes up to `end` do; they begin behind the byte `last`.
    fn effect(&self, from: &mut dyn Read, mut last: u8) -> io::Result<Effect> {
        let mut effect =
            Effect { state: [RECORD, FIELD, BARE, QUOTED, QUOTE], records: [0; 5], lines: 0 };
        let mut piece = vec![0; PIECE];
        loop {
            let n = from.read(&mut piece)?;
            let bytes = &piece[..n];
            if n == 0 {
                return Ok(effect);
            }
            // Most states lead to the same one soon; each is followed once.
            let mut known: [Option<(u8, u64)>; STATES] = [None; STATES];
            for (state, records) in effect.state.iter_mut().zip(&mut effect.records) {
                let found =
                    *known[usize::from(*state)].get_or_insert_with(|| self.run(*state, bytes));
                *state = found.0;
                *records += found.1;
            }
            for &byte in bytes {
                effect.lines += u64::from(ends_line(last, byte));
                last = byte;
            }
        }
    }

    fn run(&self, mut state: u8, bytes: &[u8]) -> (u8, u64) {
        let mut records = 0;
        for &byte in bytes {
            let next = self.next[usize::from(state)][usize::from(byte)];
            records += u64::from(state == RECORD && next != RECORD);
            state = next;
        }
        (state, records)
    }
}

/// Lines end in `\n`, `\r\n` or `\r`.
fn ends_line(last: u8, byte: u8) -> bool {
    byte == b'\r' || byte == b'\n' && last != b'\r'
}

/// What the bytes from `begin` to `end` of a file do.
pub(super) fn effect(path: &Path, delimiter: u8, begin: u64, end: u64) -> io::Result<Effect> {
    let (mut file, last) = opened(path, begin)?;
    Machine::new(delimiter).effect(&mut (&mut file).take(end - begin), last)
}

/// A file at a byte, and the byte before it.
fn opened(path: &Path, begin: u64) -> io::Result<(File, u8)> {
    let mut file = File::open(path)?;
    let mut last = [0];
    if begin > 0 {
        file.seek(SeekFrom::Start(begin - 1))?;
        file.read_exact(&mut last)?;
    }
    Ok((file, last[0]))
}

impl Effect {
    pub(super) fn to_numbers(&self) -> Vec<f64> {
        let states = self.state.iter().map(|s| f64::from(*s));
        let records = self.records.iter().map(|n| *n as f64);
        states.chain(records).chain([self.lines as f64]).collect()
    }

    /// From the numbers of another rank.
    pub(super) fn of(numbers: &[f64]) -> Option<Effect> {
        let (states, rest) = numbers.split_first_chunk::<STATES>()?;
        let (records, rest) = rest.split_first_chunk::<STATES>()?;
        Some(Effect {
            state: states.map(|s| (s as u8).min(QUOTE)),
            records: records.map(|n| n as u64),
            lines: *rest.first()? as u64,
        })
    }
}

impl Place {
    /// Between records.
    pub(super) fn new(byte: u64, line: u64) -> Place {
        Place { byte, state: RECORD, records: 0, line }
    }

    /// The place behind bytes with this effect, up to `byte`.
    pub(super) fn behind(self, effect: &Effect, byte: u64) -> Place {
        let state = usize::from(self.state);
        Place {
            byte,
            state: effect.state[state],
            records: self.records + effect.records[state],
            line: self.line + effect.lines,
        }
    }
}

/// A block of rows.
pub(super) struct Cut {
    /// Its number.
    pub(super) block: usize,
    pub(super) begin: u64,
    /// The line on which it begins.
    pub(super) line: u64,
    /// An end of a line, so that nothing is taken for the beginning of a file; then its bytes.
    pub(super) bytes: Vec<u8>,
}

/// Hands out the blocks that begin in a range.
pub(super) struct Cutter<'a> {
    name: &'a str,
    file: File,
    machine: Machine,
    /// The rows of a block.
    block: u64,
    /// No block begins here or behind.
    end: u64,
    at: Place,
    last: u8,
    piece: Vec<u8>,
    used: usize,
    /// The block that is being read.
    open: Option<Cut>,
    /// Where its last record begins, with the line.
    begun: (u64, u64),
}

impl<'a> Cutter<'a> {
    /// The blocks of `block` rows each that begin from `at` to before `end`. Messages call the file
    /// `name`.
    pub(super) fn new(
        (path, name): (&Path, &'a str),
        delimiter: u8,
        block: usize,
        at: Place,
        end: u64,
    ) -> Result<Cutter<'a>> {
        let (file, last) = opened(path, at.byte).map_err(|why| unreadable(name, &why))?;
        let (machine, begun) = (Machine::new(delimiter), (at.byte, at.line));
        let (piece, used, block) = (vec![], 0, block as u64);
        Ok(Cutter { name, file, machine, block, end, at, last, piece, used, open: None, begun })
    }

    /// The byte behind what was read.
    pub(super) fn byte(&self) -> u64 {
        self.at.byte
    }

    /// The next block.
    pub(super) fn next(&mut self) -> Result<Option<Cut>> {
        loop {
            if self.used == self.piece.len() {
                self.piece.resize(PIECE, 0);
                let n = self.file.read(&mut self.piece);
                self.piece.truncate(n.map_err(|why| unreadable(self.name, &why))?);
                self.used = 0;
                if self.piece.is_empty() {
                    return Ok(self.open.take());
                }
            }
            if self.open.is_none() && self.at.byte >= self.end {
                return Ok(None);
            }
            if let Some(cut) = self.go()? {
                return Ok(Some(cut));
            }
        }
    }

    /// Uses up the piece, or its bytes up to the end of a block.
    fn go(&mut self) -> Result<Option<Cut>> {
        let mut from = self.used;
        while self.used < self.piece.len() {
            let (byte, at) = (self.piece[self.used], &mut self.at);
            let next = self.machine.next[usize::from(at.state)][usize::from(byte)];
            if at.state == RECORD && next != RECORD {
                if at.records.is_multiple_of(self.block) {
                    if let Some(mut done) = self.open.take() {
                        // The byte is seen again, with no block open.
                        done.bytes.extend_from_slice(&self.piece[from..self.used]);
                        return Ok(Some(done));
                    }
                    if at.byte >= self.end {
                        return Ok(None);
                    }
                    let block = (at.records / self.block) as usize;
                    let bytes = vec![b'\n'];
                    self.open = Some(Cut { block, begin: at.byte, line: at.line, bytes });
                    from = self.used;
                }
                self.begun = (at.byte, at.line);
                at.records += 1;
            }
            at.state = next;
            at.line += u64::from(ends_line(self.last, byte));
            at.byte += 1;
            (self.last, self.used) = (byte, self.used + 1);
        }
        let Some(open) = &mut self.open else { return Ok(None) };
        open.bytes.extend_from_slice(&self.piece[from..]);
        if self.at.state != RECORD && self.at.byte - self.begun.0 > MAX_RECORD as u64 {
            fail!(
                "{}, line {}: the row is longer than {} MiB; is a quote left open, or is this not \
                 a CSV file?",
                self.name,
                self.begun.1,
                MAX_RECORD >> 20
            );
        }
        Ok(None)
    }
}

fn unreadable(name: &str, why: &io::Error) -> Error {
    Error::new(format!("{name} cannot be read: {}", reason(why)))
}
