//! Arrays in the IDX format, in which the MNIST digits come; also compressed by gzip.
//!
//! ```text
//! 00 00 type axes | length of each axis, 4 bytes | numbers          all big-endian
//!       08 u8   09 i8   0B i16   0C i32   0D f32   0E f64
//! ```
//!
//! ```
//! use chainrule_fit::data::{array::Array, idx};
//! let folder = tempfile::tempdir().unwrap();
//! let path = folder.path().join("labels");
//! std::fs::write(&path, [0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]).unwrap();
//! assert_eq!(idx::read(&path)?, Array::new([3], vec![7u8, 2, 1])?);
//! # Ok::<(), chainrule_fit::Error>(())
//! ```
//!
//! LeCun, Cortes and Burges, *The MNIST database of handwritten digits*, describe the format.

use std::io::{BufRead, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::array::{self, Array, Encoding, MAX_RANK};
use super::open;
use crate::data::table::shown_path;
use crate::error::{Error, Result, fail, reason};

/// Reads the array in an IDX file, compressed or not.
///
/// # Errors
/// If the file cannot be read or is no IDX file.
pub fn read(path: &Path) -> Result<Array> {
    let mut file = open(path)?;
    let name = shown_path(&path.display().to_string());
    let start = file.fill_buf();
    let start = start.map_err(|e| Error::new(format!("{name} cannot be read: {}", reason(&e))))?;
    let read = if start.starts_with(&[0x1f, 0x8b]) {
        array(&mut MultiGzDecoder::new(file))
    } else {
        array(&mut file)
    };
    read.map_err(|why| {
        Error::new(format!("{name} cannot be read as IDX: {why}; fetch the file again"))
    })
}

fn array(from: &mut dyn Read) -> Result<Array> {
    let damaged = |_| Error::new("it is cut off");
    let mut start = [0; 4];
    from.read_exact(&mut start).map_err(damaged)?;
    let encoding = match start {
        [0, 0, 0x08, _] => Encoding::U8,
        [0, 0, 0x09, _] => Encoding::I8,
        [0, 0, 0x0b, _] => Encoding::I16,
        [0, 0, 0x0c, _] => Encoding::I32,
        [0, 0, 0x0d, _] => Encoding::F32,
        [0, 0, 0x0e, _] => Encoding::F64,
        _ => fail!("it does not begin as an IDX file does"),
    };
    let axes = usize::from(start[3]);
    if axes > MAX_RANK {
        fail!("it has more than {MAX_RANK} axes");
    }
    let mut shape = vec![];
    for _ in 0..axes {
        let mut length = [0; 4];
        from.read_exact(&mut length).map_err(damaged)?;
        shape.push(u32::from_be_bytes(length) as usize);
    }
    let numbers = array::read(from, &shape, encoding, true)?;
    // Also tells a decoder to compare the checksum behind the numbers.
    match from.read(&mut [0]) {
        Ok(0) => Array::new(shape, numbers),
        Ok(_) => fail!("there are bytes after its last number"),
        Err(error) => fail!("it is damaged: {}", reason(&error)),
    }
}
