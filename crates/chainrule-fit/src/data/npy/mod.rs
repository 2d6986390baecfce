//! Arrays of numpy: one in a file (`.npy`), or several in an archive (`.npz`).
//!
//! ```text
//! 93 'NUMPY' major minor | length of the header | {'descr': '<f4', 'fortran_order': False,
//!                          2 bytes (1.0) or 4     'shape': (3, 2), }⎵⎵…\n | numbers
//! ```
//!
//! The header is a literal of Python. Here only the literal that numpy writes is read: a dictionary
//! of these three keys in any order, with a text, a truth value and a tuple of whole numbers. An
//! archive is a zip file of such files, plain or deflated.
//!
//! ```
//! use chainrule_fit::data::{array::Array, npy};
//! let folder = tempfile::tempdir().unwrap();
//! let path = folder.path().join("a.npy");
//! let a = Array::new([3, 2], vec![0.0f32, 1.0, 2.0, 3.0, 4.0, 5.0])?;
//! npy::write(&path, &a)?;
//! assert_eq!(npy::read(&path)?, a);
//! # Ok::<(), chainrule_fit::Error>(())
//! ```
//!
//! [`Rows`] reads some rows of an array without the others.
//!
//! Not here: structured types, objects (which are programs), complex numbers, texts.
//!
//! The format: numpy's manual, *numpy.lib.format*.

mod rows;

pub use rows::Rows;

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Write};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use crate::atomic;
use crate::data::array::{self, Array, Encoding, MAX_RANK, Numbers};
use crate::data::open;
use crate::data::table::shown_path;
use crate::error::{Error, Result, fail, shown};

const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// The longest header; numpy itself refuses more than 10,000 bytes.
const MAX_HEADER: usize = 1 << 16;

/// The most arrays of an archive.
pub const MAX_ARRAYS: usize = 4096;

/// The most bytes that the arrays of an archive may take together.
pub const MAX_UNPACKED: usize = array::MAX_BYTES;

/// Reads the array in a `.npy` file.
///
/// # Errors
/// If the file cannot be read or is no array of numbers.
pub fn read(path: &Path) -> Result<Array> {
    let mut file = open(path)?;
    let read = array(&mut file).and_then(|array| match file.read(&mut [0]) {
        Ok(0) => Ok(array),
        _ => Err(Error::new("there are bytes after its last number")),
    });
    read.map_err(|why| wrong(path, &why))
}

/// Writes an array to a `.npy` file, whole or not at all.
///
/// # Errors
/// If the file cannot be written.
pub fn write(path: &Path, array: &Array) -> Result<()> {
    atomic::write(path, &to_bytes(array))
}

/// Reads the arrays in a `.npz` file, with their names, in the order of the archive.
///
/// # Errors
/// If the file cannot be read, or is no archive of arrays of numbers.
pub fn read_archive(path: &Path) -> Result<Vec<(String, Array)>> {
    arrays(open(path)?).map_err(|why| wrong(path, &why))
}

/// Writes arrays to a `.npz` file, whole or not at all; without compression.
///
/// # Errors
/// If the file cannot be written, or two arrays have one name.
pub fn write_archive(path: &Path, arrays: &[(&str, &Array)]) -> Result<()> {
    let failed = |why| Error::new(format!("{} cannot be written: {why}", shown_path(&text(path))));
    let mut zip = ZipWriter::new(Cursor::new(vec![]));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, array) in arrays {
        zip.start_file(format!("{name}.npy"), options).map_err(|e| failed(e.to_string()))?;
        zip.write_all(&to_bytes(array)).map_err(|e| failed(e.to_string()))?;
    }
    let bytes = zip.finish().map_err(|e| failed(e.to_string()))?.into_inner();
    atomic::write(path, &bytes)
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn wrong(path: &Path, why: &Error) -> Error {
    let name = shown_path(&text(path));
    Error::new(format!("{name} cannot be read as arrays of numpy: {why}; save it again"))
}

fn arrays(file: BufReader<File>) -> Result<Vec<(String, Array)>> {
    let damaged = |_| Error::new("it is no whole zip archive");
    let mut zip = ZipArchive::new(file).map_err(damaged)?;
    if zip.len() > MAX_ARRAYS {
        fail!("it holds more than {MAX_ARRAYS} files");
    }
    let (mut found, mut left) = (vec![], MAX_UNPACKED as u64);
    for i in 0..zip.len() {
        let file = zip.by_index(i).map_err(damaged)?;
        if file.is_dir() {
            continue;
        }
        let name = file.name().map_err(damaged)?.to_string();
        let Some(stem) = name.strip_suffix(".npy") else {
            fail!("it holds \"{}\", which is no array", shown(&name));
        };
        // One byte more than what is left tells an archive that is too large from one that fits.
        let mut file = file.take(left + 1);
        let named = |why| Error::new(format!("in \"{}\", {why}", shown(&name)));
        let read = array(&mut file);
        if file.limit() == 0 {
            fail!("its arrays take more than {} MiB", MAX_UNPACKED >> 20);
        }
        let array = read.map_err(named)?;
        // The rest is read for the sake of the checksum behind it.
        match file.read(&mut [0]) {
            Ok(0) => {}
            Ok(_) => return Err(named(Error::new("there are bytes after its last number"))),
            Err(_) => return Err(named(Error::new("the checksum does not match"))),
        }
        left = file.limit().saturating_sub(1);
        found.push((stem.to_string(), array));
    }
    Ok(found)
}

/// Reads one array; errors are the ends of sentences.
fn array(from: &mut dyn Read) -> Result<Array> {
    let header = header(from)?;
    let numbers = array::read(from, &header.shape, header.encoding, header.big_endian)?;
    if header.fortran_order {
        return Ok(Array::from_fortran(&header.shape, &numbers));
    }
    Array::new(header.shape, numbers)
}

/// Reads what stands before the numbers.
fn header(from: &mut dyn Read) -> Result<Header> {
    let cut = |_| Error::new("it is cut off");
    let mut start = [0; 8];
    from.read_exact(&mut start).map_err(cut)?;
    if !start.starts_with(MAGIC) {
        fail!("it does not begin as an array does");
    }
    let length = match start[6] {
        1 => {
            let mut bytes = [0; 2];
            from.read_exact(&mut bytes).map_err(cut)?;
            usize::from(u16::from_le_bytes(bytes))
        }
        2 | 3 => {
            let mut bytes = [0; 4];
            from.read_exact(&mut bytes).map_err(cut)?;
            u32::from_le_bytes(bytes) as usize
        }
        major => fail!("it has the version {major} of the format, which is not known"),
    };
    if length > MAX_HEADER {
        fail!("its header is longer than {MAX_HEADER} bytes");
    }
    let mut header = vec![0; length];
    from.read_exact(&mut header).map_err(cut)?;
    Header::parse(&header)
}

#[derive(Clone, Debug, PartialEq)]
struct Header {
    encoding: Encoding,
    big_endian: bool,
    fortran_order: bool,
    shape: Vec<usize>,
}

impl Header {
    fn parse(bytes: &[u8]) -> Result<Header> {
        let Ok(text) = std::str::from_utf8(bytes) else { fail!("its header is no text") };
        let mut rest = Literal(text);
        let (mut descr, mut order, mut shape) = (None, None, None);
        rest.expect("{")?;
        while !rest.eat("}") {
            let key = rest.string()?;
            rest.expect(":")?;
            let again = match key {
                "descr" => descr.replace(rest.string()?).is_some(),
                "fortran_order" => order.replace(rest.truth()?).is_some(),
                "shape" => shape.replace(rest.tuple()?).is_some(),
                other => fail!("its header has an unknown entry \"{}\"", shown(other)),
            };
            if again {
                fail!("its header has an entry twice");
            }
            if !rest.eat(",") {
                rest.expect("}")?;
                break;
            }
        }
        if !rest.0.trim().is_empty() {
            fail!("its header does not end where it should");
        }
        let (Some(descr), Some(fortran_order), Some(shape)) = (descr, order, shape) else {
            fail!("its header lacks an entry");
        };
        let (encoding, big_endian) = encoding(descr)?;
        Ok(Header { encoding, big_endian, fortran_order, shape })
    }
}

/// The type that numpy calls `descr`, and whether it is big-endian.
fn encoding(descr: &str) -> Result<(Encoding, bool)> {
    let order = descr.chars().next().filter(|c| "<>|=".contains(*c));
    let encoding = match descr.strip_prefix(['<', '>', '|', '=']).unwrap_or(descr) {
        "b1" | "?" => Encoding::Bool,
        "u1" => Encoding::U8,
        "i1" => Encoding::I8,
        "u2" => Encoding::U16,
        "i2" => Encoding::I16,
        "u4" => Encoding::U32,
        "i4" => Encoding::I32,
        "u8" => Encoding::U64,
        "i8" => Encoding::I64,
        "f2" => Encoding::F16,
        "f4" => Encoding::F32,
        "f8" => Encoding::F64,
        _ => fail!(
            "its elements are of the type \"{}\"; only truth values, integers and real numbers \
             are read",
            shown(descr)
        ),
    };
    Ok((encoding, order == Some('>')))
}

/// What is left to read of a literal.
struct Literal<'a>(&'a str);

impl<'a> Literal<'a> {
    fn eat(&mut self, token: &str) -> bool {
        self.0 = self.0.trim_start();
        let Some(rest) = self.0.strip_prefix(token) else { return false };
        self.0 = rest;
        true
    }

    fn expect(&mut self, token: &str) -> Result<()> {
        if !self.eat(token) {
            fail!("its header lacks a \"{token}\"");
        }
        Ok(())
    }

    fn string(&mut self) -> Result<&'a str> {
        let quote = if self.eat("'") { '\'' } else { '"' };
        if quote == '"' && !self.eat("\"") {
            fail!("its header is none of plain numbers");
        }
        let Some((inside, rest)) = self.0.split_once(quote) else {
            fail!("its header has a quote left open")
        };
        self.0 = rest;
        Ok(inside)
    }

    fn truth(&mut self) -> Result<bool> {
        match (self.eat("True"), self.eat("False")) {
            (true, false) => Ok(true),
            (false, true) => Ok(false),
            _ => fail!("its header does not say in which order the numbers are"),
        }
    }

    fn tuple(&mut self) -> Result<Vec<usize>> {
        self.expect("(")?;
        let mut lengths = vec![];
        while !self.eat(")") {
            self.0 = self.0.trim_start();
            let digits = self.0.bytes().take_while(u8::is_ascii_digit).count();
            let Ok(n) = self.0[..digits].parse() else { fail!("its shape is damaged") };
            self.0 = &self.0[digits..];
            lengths.push(n);
            if lengths.len() > MAX_RANK {
                fail!("it has more than {MAX_RANK} axes");
            }
            self.eat("L");
            if !self.eat(",") {
                self.expect(")")?;
                break;
            }
        }
        Ok(lengths)
    }
}

fn to_bytes(array: &Array) -> Vec<u8> {
    let descr = match array.numbers() {
        Numbers::Bool(_) => "|b1",
        Numbers::U8(_) => "|u1",
        Numbers::I32(_) => "<i4",
        Numbers::I64(_) => "<i8",
        Numbers::F32(_) => "<f4",
        Numbers::F64(_) => "<f8",
    };
    let mut shape: String = array.shape().iter().map(|n| format!("{n}, ")).collect();
    shape = shape.trim_end().to_string();
    if array.shape().len() > 1 {
        shape.pop();
    }
    let mut header =
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}");
    // Numbers begin at a multiple of 64 bytes.
    let used = MAGIC.len() + 4 + header.len() + 1;
    header.push_str(&" ".repeat(used.next_multiple_of(64) - used));
    header.push('\n');
    let mut bytes = MAGIC.to_vec();
    bytes.extend([1, 0]);
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(array.to_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers() {
        let parse = |text: &str| Header::parse(text.as_bytes());
        let header = parse("{'descr': '>i2', 'fortran_order': True, 'shape': (3, 4), }  \n");
        let want = Header {
            encoding: Encoding::I16,
            big_endian: true,
            fortran_order: true,
            shape: vec![3, 4],
        };
        assert_eq!(header.unwrap(), want);
        for (text, said) in [
            ("", "lacks a \"{\""),
            ("{'descr': '<f4', 'fortran_order': False}", "lacks an entry"),
            ("{'descr': '|O', 'fortran_order': False, 'shape': ()}", "only truth values"),
            ("{'descr': [('a', '<f4')], 'shape': ()}", "none of plain numbers"),
            ("{'shape': (-1,)}", "shape is damaged"),
            ("{'shape': (99999999999999999999,)}", "shape is damaged"),
            ("{'shape': (1,), 'shape': (1,)}", "twice"),
            ("{'évil': 1}", "unknown entry"),
            ("{'descr", "left open"),
        ] {
            let got = parse(text).unwrap_err().to_string();
            assert!(got.contains(said), "{text}: {got}");
        }
    }

    #[test]
    fn own_files_read_back() {
        let shapes: [&[usize]; 5] = [&[], &[0], &[3], &[2, 3], &[1, 2, 3, 1]];
        for shape in shapes {
            let n: usize = shape.iter().product();
            let a = Array::new(shape, (0..n as i64).collect::<Vec<i64>>()).unwrap();
            let bytes = to_bytes(&a);
            assert_eq!(array(&mut &bytes[..]).unwrap(), a);
            assert_eq!((bytes.len() - 8 * n) % 64, 0);
        }
    }
}
