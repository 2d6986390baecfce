//! A table of cells, read from a file of comma-separated values with a header.
//!
//! # What is accepted
//!
//! Fields may be quoted, lines may end in any way, a byte-order mark and empty lines are passed
//! over. A file whose header has more semicolons or tabs than commas is read with those. A cell is
//! *missing* when it is empty or one of the words of [`MISSING`], or any spelling of NaN that a
//! number parser knows; spaces around a cell do not count.
//!
//! # What is refused
//!
//! Rows of another length than the header, two columns of one name, bytes that are no text, and
//! sizes ([`MAX_BYTES`], [`MAX_RECORD`], [`MAX_COLUMNS`], [`MAX_ROWS`], [`MAX_CELLS`]) that no
//! table for this program has. A refusal of a row or a byte names the line.
//!
//! ```
//! use chainrule_fit::data::table::Table;
//! let table = Table::parse("people.csv", b"age,name\n31,\"Lovelace, Ada\"\nNA,Alan\n")?;
//! assert_eq!(table.cell(0, 1), Some("Lovelace, Ada"));
//! assert_eq!(table.cell(1, 0), None);
//! # Ok::<(), chainrule_fit::Error>(())
//! ```
//!
//! Not here: what a column means. Whether it holds numbers or text is asked of it by
//! [`Table::kind`] and decided anew by whoever needs to know.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::{Error, Result, count, fail, listed, nearest, reason, shown};

/// The words that stand for a missing value.
pub const MISSING: [&str; 8] = ["", "NA", "N/A", "NaN", "nan", "null", "None", "?"];

/// The largest file that is read.
pub const MAX_BYTES: usize = 512 << 20;

/// The longest row that is read.
pub const MAX_RECORD: usize = 1 << 20;

/// The most columns that are read.
pub const MAX_COLUMNS: usize = 10_000;

/// The most rows that are read.
pub const MAX_ROWS: usize = 20_000_000;

/// The most cells that are read.
pub const MAX_CELLS: usize = 100_000_000;

// Offsets into the text of a table are kept in 32 bits.
const _: () = assert!(MAX_BYTES <= u32::MAX as usize);

/// The cells of a file.
#[derive(Clone, Debug)]
pub struct Table {
    path: String,
    names: Vec<String>,
    /// The cells, row by row, without quotes and outer spaces, one after the other.
    text: String,
    /// Where each cell ends in `text`.
    ends: Vec<u32>,
    /// The line of each row.
    lines: Vec<u32>,
}

/// What the cells of a column are.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Every cell that is not missing is a number, if perhaps an infinite one.
    Number,
    /// Some cell is no number; the first such cell stands in row `row`.
    Text {
        /// The row of the first cell that is no number.
        row: usize,
    },
    /// Every cell is missing.
    Empty,
}

impl Table {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// If it cannot be read or is refused; see the module.
    pub fn read(path: &Path) -> Result<Table> {
        let name = path.display().to_string();
        Table::parse(&name, &contents(path, MAX_BYTES)?)
    }

    /// Reads a table from `bytes`; messages call it `path`.
    ///
    /// # Errors
    /// If it is refused; see the module.
    pub fn parse(path: &str, bytes: &[u8]) -> Result<Table> {
        let table = Table::part(path, bytes)?;
        if table.is_empty() {
            fail!("{} has a header but no rows of data below it", table.path);
        }
        Ok(table)
    }

    /// The same, perhaps without rows.
    pub(super) fn part(path: &str, bytes: &[u8]) -> Result<Table> {
        let path = shown_path(path);
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
            Err(error) => {
                let line = 1 + newlines(&bytes[..error.valid_up_to()]);
                fail!(
                    "{path}, line {line}: the bytes here are not UTF-8 text; save the file as UTF-8"
                )
            }
        };
        let trimmed = text.trim_start_matches(['\r', '\n']);
        if trimmed.trim().is_empty() {
            fail!("{path} is empty; the first line must name the columns and data must follow");
        }
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter(trimmed.split(['\r', '\n']).next().unwrap_or_default()))
            .flexible(true)
            .has_headers(false)
            .from_reader(text.as_bytes());
        let mut table =
            Table { path, names: vec![], text: String::new(), ends: vec![], lines: vec![] };
        let (mut record, mut counted, mut newlines_before) = (csv::StringRecord::new(), 0, 0);
        loop {
            // The reader passes over empty lines after it has noted where it stands.
            let place = reader.position().byte() as usize;
            let blank = text.as_bytes()[place..].iter().take_while(|b| matches!(b, b'\r' | b'\n'));
            let begin = place + blank.count();
            newlines_before += newlines(&text.as_bytes()[counted..begin]);
            counted = begin;
            match reader.read_record(&mut record) {
                Ok(true) => table.push(&record, newlines_before + 1)?,
                Ok(false) => break,
                Err(error) => fail!("{}: {error}", table.path),
            }
        }
        Ok(table)
    }

    /// Takes the header or one more row, which begins on `line`.
    fn push(&mut self, record: &csv::StringRecord, line: usize) -> Result<()> {
        let path = &self.path;
        if record.as_slice().len() > MAX_RECORD {
            let most = MAX_RECORD >> 20;
            fail!(
                "{path}, line {line}: the row is longer than {most} MiB; is a quote left open, or \
                 is this not a CSV file?"
            );
        }
        if self.names.is_empty() {
            return self.header(record);
        }
        if record.len() != self.names.len() {
            let open = if record.iter().any(|cell| cell.contains('\n')) {
                "is a quote left open?"
            } else {
                "add or remove fields, or quote those that contain the separator"
            };
            fail!(
                "{path}, line {line}: the row has {} but the header has {}; {open}",
                count(record.len(), "field"),
                self.names.len()
            );
        }
        if self.lines.len() == MAX_ROWS {
            fail!("{path} has more than {} million rows; keep fewer", MAX_ROWS / 1_000_000);
        }
        if self.ends.len() + record.len() > MAX_CELLS {
            let most = MAX_CELLS / 1_000_000;
            fail!("{path} has more than {most} million cells; keep fewer rows or columns");
        }
        for cell in record {
            self.text.push_str(cell.trim());
            self.ends.push(self.text.len() as u32);
        }
        self.lines.push(line as u32);
        Ok(())
    }

    fn header(&mut self, record: &csv::StringRecord) -> Result<()> {
        let path = &self.path;
        if record.len() > MAX_COLUMNS {
            fail!(
                "{path}: the header names {} columns, more than {MAX_COLUMNS}; keep those that \
                 matter",
                record.len()
            );
        }
        for (i, name) in record.iter().enumerate() {
            let name = name.trim();
            self.names.push(if name.is_empty() {
                format!("column {}", i + 1)
            } else {
                name.into()
            });
        }
        let mut seen = HashSet::new();
        if let Some(name) = self.names.iter().find(|name| !seen.insert(name.as_str())) {
            fail!("{path}: two columns are named \"{}\"; rename one of them", shown(name));
        }
        Ok(())
    }

    /// The same with its first row on `line`: part of a longer file.
    pub(super) fn beginning_at(mut self, line: usize) -> Table {
        let first = self.lines.first().map_or(0, |first| *first as usize);
        self.lines.iter_mut().for_each(|own| *own = (*own as usize - first + line) as _);
        self
    }

    /// The name of the file, for messages.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The names of the columns.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The number of rows below the header.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there are no rows; a table that was read has some.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The line of the file on which `row` begins.
    pub fn line(&self, row: usize) -> usize {
        self.lines[row] as usize
    }

    /// The number of the column called `name`.
    ///
    /// # Errors
    /// If there is none; the message says which name may have been meant.
    pub fn column(&self, name: &str) -> Result<usize> {
        find(&self.path, &self.names, name)
    }

    /// The text of a cell without the spaces around it.
    fn content(&self, row: usize, column: usize) -> &str {
        let at = row * self.names.len() + column;
        let begin = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[begin as usize..self.ends[at] as usize]
    }

    /// The cell of a row and a column without the spaces around it, or `None` if it is missing.
    pub fn cell(&self, row: usize, column: usize) -> Option<&str> {
        let cell = self.content(row, column);
        (!is_missing(cell)).then_some(cell)
    }

    /// The number in a cell, or `None` if it is missing.
    ///
    /// # Errors
    /// If the cell holds something else, or an infinite number.
    pub fn number(&self, row: usize, column: usize) -> Result<Option<f64>> {
        let Some(cell) = self.cell(row, column) else { return Ok(None) };
        match number(cell) {
            Some(x) if x.is_finite() => Ok(Some(x)),
            Some(_) => Err(self.wrong(row, column, "is infinite; correct it or leave it empty")),
            None => Err(self.wrong(row, column, "is not a number; correct it or leave it empty")),
        }
    }

    /// The error that a cell `is` not what it should be.
    pub(crate) fn wrong(&self, row: usize, column: usize, is: &str) -> Error {
        let cell = shown(self.content(row, column));
        let (line, name) = (self.lines[row], shown(&self.names[column]));
        Error::new(format!("{}, line {line}, column \"{name}\": \"{cell}\" {is}", self.path))
    }

    /// What the cells of a column are.
    pub fn kind(&self, column: usize) -> Kind {
        let mut kind = Kind::Empty;
        for row in 0..self.len() {
            match self.cell(row, column).map(number) {
                Some(None) => return Kind::Text { row },
                Some(Some(_)) => kind = Kind::Number,
                None => {}
            }
        }
        kind
    }
}

/// The place of `name` among the names of the columns.
pub(super) fn find(path: &str, names: &[String], name: &str) -> Result<usize> {
    if let Some(i) = names.iter().position(|n| n == name) {
        return Ok(i);
    }
    let advice = match nearest(name, names) {
        Some(near) => format!("did you mean \"{}\"?", shown(near)),
        None => format!("the columns are {}", listed(names)),
    };
    Err(Error::new(format!("{path} has no column \"{}\"; {advice}", shown(name))))
}

/// Whether a cell without outer spaces stands for a missing value.
pub(super) fn is_missing(cell: &str) -> bool {
    MISSING.contains(&cell) || cell.ends_with(['n', 'N']) && number(cell).is_some_and(f64::is_nan)
}

/// The number that a cell holds.
pub(super) fn number(cell: &str) -> Option<f64> {
    cell.parse().ok()
}

/// The ends of lines in `bytes`: each is `\n`, `\r\n` or `\r`.
pub(super) fn newlines(bytes: &[u8]) -> usize {
    let follows = bytes.iter().skip(1).map(Some).chain([None]);
    bytes
        .iter()
        .zip(follows)
        .filter(|&(&b, next)| b == b'\n' || b == b'\r' && next != Some(&b'\n'))
        .count()
}

/// A path for a sentence: what a path may hold is not always fit to print, but it is not cut.
pub(crate) fn shown_path(path: &str) -> String {
    path.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// The separator that a header line uses: the most frequent of three, outside quotes.
pub(super) fn delimiter(header: &str) -> u8 {
    let mut quoted = false;
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    for b in header.bytes() {
        quoted ^= b == b'"';
        counts.iter_mut().filter(|c| !quoted && c.0 == b).for_each(|c| c.1 += 1);
    }
    counts.iter().rev().max_by_key(|c| c.1).map_or(b',', |c| c.0)
}

/// The bytes of the file at `path`, at most `most` of them.
pub(crate) fn contents(path: &Path, most: usize) -> Result<Vec<u8>> {
    let name = shown_path(&path.display().to_string());
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Error::new(format!("{name}: there is no such file; check the path"))
        }
        _ => Error::new(format!("{name} cannot be read: {}", reason(&error))),
    };
    if path.is_dir() {
        fail!("{name} is a directory; name a file in it");
    }
    let mut bytes = vec![];
    File::open(path)
        .map_err(failed)?
        .take(most as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() > most {
        fail!("{name} is larger than {} MiB, the most that is read at once", most >> 20);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &[u8]) -> String {
        Table::parse("t.csv", text).expect_err("the table should be refused").to_string()
    }

    #[test]
    fn plain_and_odd_files_read_alike() {
        let texts: [&[u8]; 5] = [
            b"a,b\n1,x\n2,\"y, z\"\n",
            b"\xef\xbb\xbfa,b\r\n1,x\r\n2,\"y, z\"",
            b"\n\na,b\n\n1,x\n\n\n2,\"y, z\"\n\n",
            b"a;b\n1;x\n2;y, z\n",
            b"a\tb\n 1\tx \n2\ty, z\n",
        ];
        for text in texts {
            let table = Table::parse("t.csv", text).unwrap();
            assert_eq!(table.names(), ["a", "b"]);
            assert_eq!((table.cell(0, 0), table.cell(1, 1)), (Some("1"), Some("y, z")));
        }
    }

    #[test]
    fn lines_are_those_of_an_editor() {
        let table = Table::parse("t.csv", b"\na,b\n\n\n1,\"x\ny\"\n\r\n2,z\n3,z\n").unwrap();
        assert_eq!((table.line(0), table.line(1), table.line(2)), (5, 8, 9));
        for end in ["\n", "\r\n", "\r"] {
            let text = ["a;b", "1;2", "", "3;4", "5;6", ""].join(end);
            let table = Table::parse("t.csv", text.as_bytes()).unwrap();
            assert_eq!((table.line(0), table.line(1), table.line(2)), (2, 4, 5), "{end:?}");
            assert_eq!(table.cell(2, 1), Some("6"));
        }
    }

    #[test]
    fn missing_cells() {
        let table = Table::parse(
            "t.csv",
            b"a,b\n,x\nNA,\nN/A,x\nNaN,\nnan,x\nnull,\nNone,x\n ? ,\n-nan,x\n",
        );
        let table = table.unwrap();
        assert!((0..table.len()).all(|row| table.cell(row, 0).is_none()));
        assert_eq!(table.kind(0), Kind::Empty);
        assert_eq!(table.kind(1), Kind::Text { row: 0 });
    }

    #[test]
    fn refusals_say_where() {
        for (text, said) in [
            (&b"a,b\n1,2\n3\n"[..], "t.csv, line 3: the row has 1 field but the header has 2; add"),
            (b"", "t.csv is empty"),
            (b"\n \n", "t.csv is empty"),
            (b"a,b\n", "has a header but no rows"),
            (b"a,a\n1,2\n", "two columns are named \"a\""),
            (b"a,b\n1,\xff\n", "t.csv, line 2: the bytes here are not UTF-8"),
        ] {
            let got = refused(text);
            assert!(got.contains(said), "{got}");
        }
        assert!(refused(b"a,b\n1,2,\"x\ny\n").contains("is a quote left open?"));
    }

    #[test]
    fn limits() {
        let wide = vec!["c"; MAX_COLUMNS + 1].join(",");
        assert!(refused(format!("{wide}\n").as_bytes()).contains("names 10001 columns"));
        let long = format!("a,b\n1,{}\n", "x".repeat(MAX_RECORD + 1));
        assert!(refused(long.as_bytes()).contains("line 2: the row is longer than 1 MiB"));
    }

    #[test]
    fn numbers() {
        let table = Table::parse("t.csv", b"a,b\n1e3,inf\n-0.5,1e999\nx,2\n").unwrap();
        assert_eq!(table.number(0, 0), Ok(Some(1000.0)));
        let got = table.number(1, 1).unwrap_err().to_string();
        assert!(got.starts_with("t.csv, line 3, column \"b\": \"1e999\" is infinite"), "{got}");
        assert!(table.number(2, 0).unwrap_err().to_string().contains("is not a number"));
    }

    #[test]
    fn wrong_names() {
        let table = Table::parse("t.csv", b"age,bp\n1,2\n").unwrap();
        let got = table.column("agee").unwrap_err().to_string();
        assert_eq!(got, "t.csv has no column \"agee\"; did you mean \"age\"?");
        let got = table.column("height").unwrap_err().to_string();
        assert_eq!(got, "t.csv has no column \"height\"; the columns are age, bp");
    }
}
