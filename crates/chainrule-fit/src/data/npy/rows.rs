//! Some rows of an array in a file, without the others.
//!
//! In a `.npy` file whose array is in C's order, row i begins (i · the bytes of a row) behind the
//! header, so that any run of rows is one seek and one read. Ranks of a job so read their parts
//! ([`part`](crate::parallel::part)) of an array that fits into no memory:
//!
//! ```
//! use chainrule_fit::data::{array::Array, npy};
//! use chainrule_fit::parallel::{part, threads};
//! let folder = tempfile::tempdir().unwrap();
//! let path = folder.path().join("a.npy");
//! npy::write(&path, &Array::new([5, 2], (0..10).collect::<Vec<i64>>())?)?;
//! let parts = threads(2, |ranks| {
//!     let rows = npy::Rows::open(&path)?;
//!     rows.read(part(rows.len(), ranks))
//! });
//! assert_eq!(parts[0], Array::new([2, 2], vec![0i64, 1, 2, 3]));
//! assert_eq!(parts[1], Array::new([3, 2], vec![4i64, 5, 6, 7, 8, 9]));
//! # Ok::<(), chainrule_fit::Error>(())
//! ```
//!
//! Not here: arrays in Fortran's order, whose rows are scattered over the file, and archives.

use std::io::{Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::{Header, header, wrong};
use crate::data::array::{self, Array};
use crate::data::open;
use crate::error::{Error, Result, fail, reason};

/// An array in a `.npy` file, whose rows are read when they are needed.
#[derive(Clone, Debug)]
pub struct Rows {
    path: PathBuf,
    header: Header,
    /// Where the numbers begin.
    begin: u64,
    /// The bytes of a row.
    width: usize,
}

impl Rows {
    /// Reads the header.
    ///
    /// # Errors
    /// If the file cannot be read, is no array of numbers, or is not as long as its header says; if
    /// the array has no rows or is in Fortran's order.
    pub fn open(path: &Path) -> Result<Rows> {
        Rows::of(path).map_err(|why| wrong(path, &why))
    }

    fn of(path: &Path) -> Result<Rows> {
        let mut file = open(path)?;
        let header = header(&mut file)?;
        let failed = |e: std::io::Error| Error::new(reason(&e));
        let begin = file.stream_position().map_err(failed)?;
        let length = file.get_ref().metadata().map_err(failed)?.len();
        let Some((_, others)) = header.shape.split_first() else {
            fail!("it is one number and has no rows");
        };
        if header.fortran_order && !others.is_empty() {
            fail!("it is in Fortran's order, in which rows are scattered: make it C's, then");
        }
        let all =
            array::elements(&header.shape).and_then(|n| n.checked_mul(header.encoding.size()));
        match all.map(|all| begin.checked_add(all as u64)) {
            Some(Some(end)) if end == length => {}
            Some(Some(end)) if end < length => fail!("there are bytes after its last number"),
            _ => fail!("it is cut off"),
        }
        let width = others.iter().product::<usize>() * header.encoding.size();
        Ok(Rows { path: path.to_path_buf(), header, begin, width })
    }

    /// The shape of the whole array.
    pub fn shape(&self) -> &[usize] {
        &self.header.shape
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.header.shape[0]
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// These rows, as an array of their own.
    ///
    /// # Errors
    /// If there are not so many, or they cannot be read any more.
    pub fn read(&self, rows: Range<usize>) -> Result<Array> {
        if rows.start > rows.end || rows.end > self.len() {
            fail!("there are no rows {} to {} among {}", rows.start, rows.end, self.len());
        }
        let Header { shape, encoding, big_endian, .. } = &self.header;
        let mut shape = shape.clone();
        shape[0] = rows.len();
        let read = || {
            let mut file = open(&self.path)?;
            let at = self.begin + rows.start as u64 * self.width as u64;
            file.seek(SeekFrom::Start(at)).map_err(|e| Error::new(reason(&e)))?;
            Array::new(&shape[..], array::read(&mut file, &shape, *encoding, *big_endian)?)
        };
        read().map_err(|why| wrong(&self.path, &why))
    }
}
