//! From files to batches of tensors.
//!
//! ```text
//! npy npz idx safetensors ─ array ─┐                     ┌ seed, epoch
//! png in folders ────────── image ─┼─ dataset ── loader ─┴─▶ batches ─▶ training
//! csv larger than memory ─ stream ─┘            transform
//! csv ─ table ─ split ─ encode ──────────────────────────▶ a fit of the whole table
//! ```
//!
//! [`table`] reads cells, [`split`] says which rows are learnt from and [`encode`] turns the cells
//! of features into standardised numbers. [`dataset`] is anything with rows, and [`loader`] goes
//! over them in batches, in an order that is a function of the seed and the epoch, so that it can
//! begin anywhere.

pub mod array;
pub mod dataset;
pub mod encode;
pub mod idx;
pub mod image;
pub mod loader;
pub mod npy;
pub mod split;
pub mod stream;
pub mod table;
pub mod target;
pub mod tensors;
pub mod transform;

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use crate::error::{Error, Result, fail, reason};

/// Opens a file for reading, or says in a sentence why not.
pub(crate) fn open(path: &Path) -> Result<BufReader<File>> {
    let name = table::shown_path(&path.display().to_string());
    if path.is_dir() {
        fail!("{name} is a directory; name a file in it");
    }
    let file = File::open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Error::new(format!("{name}: there is no such file; check the path"))
        }
        _ => Error::new(format!("{name} cannot be read: {}", reason(&error))),
    })?;
    Ok(BufReader::with_capacity(1 << 16, file))
}
