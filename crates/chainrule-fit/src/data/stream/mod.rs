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
//! or its levels; blocks are joined two by two. After that any block can be read by itself, from
//! its first byte to the next one's. Blocks are of about a quarter of a million numbers, the last
//! 32 that were read are kept, and the loader's order asks for no more than that at once, so that
//! memory is bounded whatever the file.
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
//! [`Stream::divided`] keeps some rows to test and to validate on. Which ones follows from the seed
//! and the number of the row alone, so that nothing need be kept for it; [`Section`] is one of the
//! parts as a dataset.
//!
//! # Several ranks
//!
//! By [`Stream::shared`] the ranks of a job cut the bytes behind the header into equal ranges. A
//! range may begin anywhere, in a quoted field too: a pass that only counts tells every rank how
//! its range begins, and the number and the line of its first row (`records` says how). A rank then
//! learns from the blocks that *begin* in its range. Blocks are the same for any number of ranks,
//! all ranks know where each begins, and what is learnt has the same bits for any number of ranks.
//! [`Stream::own`] says which blocks a rank should go over.
//!
//! Not here: rows without a target, which are an error. A file that is changed while it is used is
//! noticed if its length changes.

mod column;
mod records;
mod scan;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::array::{Array, Numbers};
use super::dataset::{Dataset, Example, WINDOW};
use super::encode::{Encoder, Missing};
use super::split::Random;
use super::table::{Table, find, shown_path};
use super::target::Target;
use crate::error::{Error, Result, fail, reason};
use crate::parallel::fold::counts;
use crate::parallel::{Communicator, Single};
use scan::{Scan, Use};

/// The numbers of a block of rows, about.
const BLOCK: usize = 1 << 18;

/// The most rows of a block.
const MAX_BLOCK_ROWS: usize = 4096;

/// The rows of a part are a multiple of this.
const PART_ROWS: usize = 64;

/// The rows of a file that this rank of a job should have, as a table with the lines of the file,
/// and how many rows stand before them. The ranks read about equal parts, in their order; some may
/// have no rows.
///
/// ```
/// use chainrule_fit::data::stream::part;
/// use chainrule_fit::parallel::threads;
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("t.csv");
/// let rows: String = (0..1000).map(|i| format!("{i},{}\n", i * i)).collect();
/// std::fs::write(&path, format!("x,y\n{rows}")).unwrap();
/// let parts = threads(3, |ranks| part(&path, ranks).unwrap());
/// assert_eq!(parts.iter().map(|(table, _)| table.len()).sum::<usize>(), 1000);
/// let (table, before) = &parts[1];
/// assert_eq!(table.cell(0, 0), Some(&*before.to_string()));
/// assert_eq!(table.line(0), before + 2);
/// ```
///
/// # Errors
/// If the file cannot be read or is no table, if no rank has a row, or a part is larger than
/// [`MAX_BYTES`](super::table::MAX_BYTES). What one rank finds in its part ends the job with an
/// error that names the rank.
pub fn part(path: &Path, ranks: &dyn Communicator) -> Result<(Table, usize)> {
    part_of(path, PART_ROWS, ranks)
}

fn part_of(path: &Path, block: usize, ranks: &dyn Communicator) -> Result<(Table, usize)> {
    let scan = Scan::new(path, ranks)?;
    let found = scan.part(block)?;
    if counts(ranks, vec![found.0.len() as f64])?[0] == 0.0 {
        fail!("{} has a header but no rows of data below it", scan.name);
    }
    Ok(found)
}

/// What a row is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// To learn from.
    Train,
    /// To judge each epoch by.
    Validation,
    /// To be judged by at the end.
    Test,
}

/// How large the parts are.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shares {
    /// The share of all rows to test on.
    pub test: f64,
    /// The share of the others to validate on.
    pub validation: f64,
    /// Decides which.
    pub seed: u64,
}

impl Shares {
    /// The part of a row: as if a coin were tossed for each.
    ///
    /// ```
    /// use chainrule_fit::data::stream::{Part, Shares};
    /// let shares = Shares { test: 0.2, ..Shares::default() };
    /// let tested = (0..10_000).filter(|&row| shares.part(row) == Part::Test).count();
    /// assert!((1900..2100).contains(&tested));
    /// assert_eq!(Shares::default().part(7), Part::Train);
    /// ```
    pub fn part(&self, row: usize) -> Part {
        let mut random = Random::of(&[self.seed, row as u64]);
        match (random.uniform() < self.test, random.uniform() < self.validation) {
            (true, _) => Part::Test,
            (false, true) => Part::Validation,
            (false, false) => Part::Train,
        }
    }
}

/// A CSV file whose rows are read when they are needed.
pub struct Stream {
    path: PathBuf,
    /// The bytes of the header.
    header: Vec<u8>,
    /// Where each block begins, and where the last one ends.
    starts: Vec<u64>,
    /// The line on which each block begins.
    lines: Vec<u64>,
    /// The blocks of this rank.
    own: Range<usize>,
    rows: usize,
    block: usize,
    shares: Shares,
    encoder: Encoder,
    missing: Vec<Missing>,
    warnings: Vec<String>,
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
        Stream::divided(path, target, features, false, Shares::default())
    }

    /// The same, but learns from the rows of [`Part::Train`] only; a target of numbers stands for
    /// classes if `as_class` says so.
    ///
    /// # Errors
    /// As [`open`](Self::open); if no row is left to learn from.
    pub fn divided(
        path: &Path,
        target: &str,
        features: Option<&[String]>,
        as_class: bool,
        shares: Shares,
    ) -> Result<Stream> {
        Stream::shared(path, target, features, as_class, shares, &Single)
    }

    /// The same, by all `ranks` of a job, which read about equal parts of the file and then know
    /// the same of all of it; see the module.
    ///
    /// # Errors
    /// As [`divided`](Self::divided); if the file is not the same on all ranks. What one rank
    /// finds in its part ends the job with an error that names the rank.
    pub fn shared(
        path: &Path,
        target: &str,
        features: Option<&[String]>,
        as_class: bool,
        shares: Shares,
        ranks: &dyn Communicator,
    ) -> Result<Stream> {
        let block = |columns: usize| (BLOCK / columns).clamp(1, MAX_BLOCK_ROWS);
        Stream::learn(path, target, features, as_class, (shares, &block), ranks)
    }

    fn learn(
        path: &Path,
        target: &str,
        features: Option<&[String]>,
        as_class: bool,
        (shares, block): (Shares, &dyn Fn(usize) -> usize),
        ranks: &dyn Communicator,
    ) -> Result<Stream> {
        let scan = Scan::new(path, ranks)?;
        let names = &scan.names;
        let find = |name: &str| find(&scan.name, names, name);
        let column = find(target)?;
        let features = match features {
            None => (0..names.len()).filter(|&c| c != column).collect(),
            Some(list) => list.iter().map(|f| find(f)).collect::<Result<Vec<usize>>>()?,
        };
        if features.is_empty() || features.contains(&column) {
            fail!("{}: features must be columns besides the target; name others", scan.name);
        }
        let block = block(names.len());
        let (found, columns) = scan.rows(Use { block, target: column, shares })?;
        let mut warnings = vec![];
        let encoder =
            column::encoder(&scan.name, names, &features, &columns, found.train, &mut warnings)?;
        Ok(Stream {
            missing: column::missing(&encoder, names, &columns),
            target: columns[column].target(&scan.name, &names[column], as_class)?,
            path: path.to_path_buf(),
            header: scan.head,
            starts: found.starts,
            lines: found.lines,
            own: found.own,
            rows: found.rows,
            recent: Mutex::new(VecDeque::new()),
            block,
            shares,
            encoder,
            warnings,
            column,
        })
    }

    /// The name of the file, for messages.
    pub fn path(&self) -> String {
        shown_path(&self.path.display().to_string())
    }

    /// How features become numbers.
    pub fn encoder(&self) -> &Encoder {
        &self.encoder
    }

    /// How the target becomes a number.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The number of the column that is predicted.
    pub fn column(&self) -> usize {
        self.column
    }

    /// Which features lack values, in rows of any part.
    pub fn missing(&self) -> &[Missing] {
        &self.missing
    }

    /// What was left out, each a clause.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The number of blocks.
    pub fn blocks(&self) -> usize {
        self.starts.len() - 1
    }

    /// The blocks that begin in this rank's range of the file: all of them, if there is one rank.
    pub fn own(&self) -> Range<usize> {
        self.own.clone()
    }

    /// The places in a block of the rows of `part`.
    pub fn places(&self, block: usize, part: Part) -> Vec<usize> {
        let first = block * self.block;
        let rows = self.block.min(self.rows.saturating_sub(first));
        (0..rows).filter(|i| self.shares.part(first + i) == part).collect()
    }

    /// The rows of one part as a dataset.
    pub fn section(self: &Arc<Self>, part: Part) -> Section {
        let mut before = vec![0];
        for block in 0..self.blocks() {
            before.push(before[block] + self.places(block, part).len());
        }
        Section { stream: self.clone(), part, before }
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

    /// The cells of a block.
    ///
    /// # Errors
    /// If they cannot be read any more, or are others than before.
    pub fn table(&self, block: usize) -> Result<Table> {
        let name = self.path();
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
        if table.len() != self.block.min(self.rows - block * self.block) {
            fail!("{name} was changed while it was read; start again");
        }
        Ok(table.beginning_at(self.lines[block] as usize))
    }

    fn read_block(&self, block: usize) -> Result<Example> {
        let table = self.table(block)?;
        let rows: Vec<usize> = (0..table.len()).collect();
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

/// One part of a [`Stream`].
pub struct Section {
    stream: Arc<Stream>,
    part: Part,
    /// How many of its rows stand before each block, and in all.
    before: Vec<usize>,
}

impl Dataset for Section {
    fn len(&self) -> usize {
        self.before[self.before.len() - 1]
    }

    fn read(&self, rows: &[usize]) -> Result<Example> {
        let mut last = (usize::MAX, vec![]);
        let mut all = Vec::with_capacity(rows.len());
        for &row in rows {
            if row >= self.len() {
                fail!("there is no row {row} among {}", self.len());
            }
            let block = self.before.partition_point(|&n| n <= row) - 1;
            if last.0 != block {
                last = (block, self.stream.places(block, self.part));
            }
            all.push(block * self.stream.block + last.1[row - self.before[block]]);
        }
        self.stream.read(&all)
    }

    /// The mean length of the blocks: rows this near to each other are in two blocks at most, but
    /// for chance.
    fn block(&self) -> Option<usize> {
        Some((self.len() / self.stream.blocks()).max(1))
    }
}
