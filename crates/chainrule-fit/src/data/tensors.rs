//! Named arrays in a file of the safetensors format, with texts beside them.
//!
//! ```text
//! length of the header, 8 bytes | header, JSON | numbers, little-endian
//! ```
//!
//! ```
//! use chainrule_fit::data::{array::Array, tensors::{self, Tensors}};
//! let folder = tempfile::tempdir().unwrap();
//! let path = folder.path().join("a.safetensors");
//! let a = Array::new([2], vec![1.0f32, 2.0])?;
//! let file = Tensors { arrays: vec![("w".into(), a)], texts: vec![("by".into(), "me".into())] };
//! tensors::write(&path, &file)?;
//! assert_eq!(tensors::read(&path)?, file);
//! # Ok::<(), chainrule_fit::Error>(())
//! ```
//!
//! Whoever sends a file may have written anything into it: sizes are checked before what they are
//! the size of, and names are printed with care.
//!
//! Not here: numbers of less than a byte. The format: the README of `huggingface/safetensors`.

use std::collections::HashMap;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};

use super::array::{self, Array, Encoding, Numbers};
use super::table::{contents, shown_path};
use crate::atomic;
use crate::error::{Error, Result, fail, shown};

/// The largest file that is read.
pub const MAX_BYTES: usize = 3 << 30;

/// The largest header, a hundred thousand tensors with long names; a parser turns it into something
/// larger still.
const MAX_HEADER: u64 = 16 << 20;

/// What such a file holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensors {
    /// The arrays with their names; read in the order of the names.
    pub arrays: Vec<(String, Array)>,
    /// The texts with their keys; read in the order of the keys.
    pub texts: Vec<(String, String)>,
}

impl Tensors {
    /// The array called `name`.
    pub fn get(&self, name: &str) -> Option<&Array> {
        self.arrays.iter().find(|(n, _)| n == name).map(|(_, array)| array)
    }

    /// The text with the key `key`.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.texts.iter().find(|(k, _)| k == key).map(|(_, text)| text.as_str())
    }

    /// The file as bytes.
    ///
    /// # Errors
    /// If two arrays have one name.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let bytes: Vec<Vec<u8>> = self.arrays.iter().map(|(_, a)| a.to_bytes()).collect();
        let wrong = |e| Error::new(format!("the tensors cannot be written: {e}"));
        let mut views = vec![];
        for ((name, array), bytes) in self.arrays.iter().zip(&bytes) {
            if views.iter().any(|(other, _)| *other == name.as_str()) {
                fail!("two tensors are named \"{}\"; rename one of them", shown(name));
            }
            let view = TensorView::new(dtype(array.numbers()), array.shape().to_vec(), bytes);
            views.push((name.as_str(), view.map_err(wrong)?));
        }
        let texts: HashMap<String, String> = self.texts.iter().cloned().collect();
        serialize(views, (!texts.is_empty()).then_some(texts)).map_err(wrong)
    }

    /// What `bytes` hold; errors are the ends of sentences.
    ///
    /// # Errors
    /// If the bytes are no whole and sound file of this format.
    pub fn from_bytes(bytes: &[u8]) -> Result<Tensors> {
        match bytes.first_chunk::<8>().map(|b| u64::from_le_bytes(*b)) {
            None => fail!("it has less than 8 bytes"),
            Some(n) if n > MAX_HEADER || n > bytes.len() as u64 - 8 => {
                fail!("it is cut off or in another format")
            }
            Some(_) => {}
        }
        let damaged = |_| Error::new("it is cut off, damaged or in another format");
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
        let file = SafeTensors::deserialize(bytes).map_err(damaged)?;
        let mut all = Tensors::default();
        if let Some(texts) = metadata.metadata() {
            all.texts = texts.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
            all.texts.sort_unstable();
        }
        for (name, view) in file.iter() {
            let wrong = |why| Error::new(format!("its tensor \"{}\": {why}", shown(name)));
            let encoding = encoding(view.dtype()).map_err(wrong)?;
            let numbers = array::read(&mut view.data(), view.shape(), encoding, false);
            let array = Array::new(view.shape(), numbers.map_err(wrong)?).map_err(wrong)?;
            all.arrays.push((name.to_string(), array));
        }
        all.arrays.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(all)
    }
}

/// Reads the file at `path`.
///
/// # Errors
/// If the file cannot be read, or is no whole and sound file of this format.
pub fn read(path: &Path) -> Result<Tensors> {
    let name = shown_path(&path.display().to_string());
    Tensors::from_bytes(&contents(path, MAX_BYTES)?)
        .map_err(|why| Error::new(format!("{name} cannot be read as safetensors: {why}")))
}

/// Writes the file at `path`, whole or not at all.
///
/// # Errors
/// If the file cannot be written, or two arrays have one name.
pub fn write(path: &Path, tensors: &Tensors) -> Result<()> {
    atomic::write(path, &tensors.to_bytes()?)
}

fn dtype(numbers: &Numbers) -> Dtype {
    match numbers {
        Numbers::Bool(_) => Dtype::BOOL,
        Numbers::U8(_) => Dtype::U8,
        Numbers::I32(_) => Dtype::I32,
        Numbers::I64(_) => Dtype::I64,
        Numbers::F32(_) => Dtype::F32,
        Numbers::F64(_) => Dtype::F64,
    }
}

fn encoding(dtype: Dtype) -> Result<Encoding> {
    Ok(match dtype {
        Dtype::BOOL => Encoding::Bool,
        Dtype::U8 => Encoding::U8,
        Dtype::I8 => Encoding::I8,
        Dtype::U16 => Encoding::U16,
        Dtype::I16 => Encoding::I16,
        Dtype::U32 => Encoding::U32,
        Dtype::I32 => Encoding::I32,
        Dtype::U64 => Encoding::U64,
        Dtype::I64 => Encoding::I64,
        Dtype::F16 => Encoding::F16,
        Dtype::BF16 => Encoding::Bf16,
        Dtype::F32 => Encoding::F32,
        Dtype::F64 => Encoding::F64,
        other => fail!("elements of the type {other:?} are not read"),
    })
}
