//! Anything with rows of features and targets.
//!
//! A [`Dataset`] says how many rows it has and reads some of them. Where a row costs as much as its
//! whole neighbourhood, as in a file that is read through, [`Dataset::block`] says so, and whoever
//! shuffles keeps neighbours together.
//!
//! ```
//! use chainrule_fit::data::{array::Array, dataset::{Arrays, Dataset}};
//! let x = Array::new([3, 2], vec![0.0f32, 1.0, 2.0, 3.0, 4.0, 5.0])?;
//! let y = Array::new([3], vec![0i64, 1, 0])?;
//! let data = Arrays::new(x, y)?;
//! assert_eq!(data.read(&[2])?.y, Array::new([1], vec![0i64])?);
//! # Ok::<(), chainrule_fit::Error>(())
//! ```

use std::sync::Arc;

use super::array::Array;
use crate::error::{Result, fail};

/// How many blocks of a dataset are shuffled together and must be at hand at once.
pub const WINDOW: usize = 16;

/// Features and targets of some rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// The features; the first axis counts rows.
    pub x: Array,
    /// The targets; the first axis counts rows.
    pub y: Array,
}

/// Rows of features and targets.
#[allow(clippy::len_without_is_empty)] // an empty dataset is not a special case
pub trait Dataset: Send + Sync {
    /// The number of rows.
    fn len(&self) -> usize;

    /// The rows with these numbers, in this order.
    ///
    /// # Errors
    /// If a row is out of range or cannot be read.
    fn read(&self, rows: &[usize]) -> Result<Example>;

    /// The rows kept in one place: rows k n … k n + n − 1 are read together. `None` if any row is
    /// as near as any other.
    fn block(&self) -> Option<usize> {
        None
    }
}

/// Features and targets in memory.
#[derive(Clone, Debug)]
pub struct Arrays(Example);

impl Arrays {
    /// A row of `x` and the same row of `y` belong together.
    ///
    /// # Errors
    /// If they do not have the same number of rows.
    pub fn new(x: Array, y: Array) -> Result<Arrays> {
        if x.shape().is_empty() || y.shape().is_empty() {
            fail!("features and targets need a first axis that counts rows");
        }
        if x.len() != y.len() {
            fail!("there are {} rows of features but {} targets", x.len(), y.len());
        }
        Ok(Arrays(Example { x, y }))
    }

    /// The features.
    pub fn x(&self) -> &Array {
        &self.0.x
    }

    /// The targets.
    pub fn y(&self) -> &Array {
        &self.0.y
    }
}

impl Dataset for Arrays {
    fn len(&self) -> usize {
        self.0.x.len()
    }

    fn read(&self, rows: &[usize]) -> Result<Example> {
        Ok(Example { x: self.0.x.rows(rows)?, y: self.0.y.rows(rows)? })
    }
}

/// Some rows of a dataset, such as one part of a split.
#[derive(Clone)]
pub struct Subset {
    of: Arc<dyn Dataset>,
    rows: Vec<usize>,
}

impl Subset {
    /// The rows of `of` with these numbers.
    ///
    /// # Errors
    /// If a row is out of range.
    pub fn new(of: Arc<dyn Dataset>, rows: Vec<usize>) -> Result<Subset> {
        if let Some(row) = rows.iter().find(|&&row| row >= of.len()) {
            fail!("there is no row {row} among {}", of.len());
        }
        Ok(Subset { of, rows })
    }
}

impl Dataset for Subset {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn read(&self, rows: &[usize]) -> Result<Example> {
        let Some(rows) =
            rows.iter().map(|&i| self.rows.get(i).copied()).collect::<Option<Vec<_>>>()
        else {
            fail!("a row is out of range")
        };
        self.of.read(&rows)
    }
}
