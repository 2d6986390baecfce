//! Indexing: `x.i((.., 1..3, NewAxis, -1))`.
//!
//! Each entry takes one axis: a number picks an element and drops the axis, a range (with a step:
//! `(1..9, 2)`) takes a part, `..` takes all, [`NewAxis`] adds an axis of length 1, a tensor
//! of integers picks several elements, and a tensor of truth values picks where it is true. Axes
//! that are not named are taken whole. Negative numbers count from the end.

use std::ops::{Range, RangeFrom, RangeFull, RangeTo};
use std::panic::Location;

use super::args::{axis, stretch};
use crate::error::{Error, ErrorKind, Result, count, or_raise, places};
use crate::graph::Tensor;
use crate::op::{Axes, DType, Linear, Shape, Window};

/// A new axis of length 1, in an index.
#[derive(Clone, Copy, Debug)]
pub struct NewAxis;

/// One entry of an index.
#[derive(Clone, Debug)]
#[doc(hidden)]
pub enum Index {
    At(i64),
    Range { from: Option<i64>, to: Option<i64>, step: i64 },
    New,
    Tensor(Tensor),
}

/// What an index may be: one entry or a tuple of up to six.
pub trait Indices {
    #[doc(hidden)]
    fn indices(self) -> Vec<Index>;
}

/// What one entry may be.
#[doc(hidden)]
pub trait IntoIndex {
    fn into_index(self) -> Index;
}

macro_rules! numbers {
    ($($t:ty)*) => { $(
        impl IntoIndex for $t {
            fn into_index(self) -> Index {
                Index::At(self as i64)
            }
        }
        impl IntoIndex for Range<$t> {
            fn into_index(self) -> Index {
                Index::Range { from: Some(self.start as i64), to: Some(self.end as i64), step: 1 }
            }
        }
        impl IntoIndex for RangeFrom<$t> {
            fn into_index(self) -> Index {
                Index::Range { from: Some(self.start as i64), to: None, step: 1 }
            }
        }
        impl IntoIndex for RangeTo<$t> {
            fn into_index(self) -> Index {
                Index::Range { from: None, to: Some(self.end as i64), step: 1 }
            }
        }
    )* };
}
numbers!(i32 i64 usize);

impl IntoIndex for RangeFull {
    fn into_index(self) -> Index {
        Index::Range { from: None, to: None, step: 1 }
    }
}
impl IntoIndex for NewAxis {
    fn into_index(self) -> Index {
        Index::New
    }
}
impl IntoIndex for &Tensor {
    fn into_index(self) -> Index {
        Index::Tensor(self.source())
    }
}
/// A range with a step: `(range, step)`, as in Python's `start:stop:step`. A negative step walks
/// backwards, from `start` down to after `stop`.
impl<R: IntoIndex> IntoIndex for (R, i64) {
    fn into_index(self) -> Index {
        match self.0.into_index() {
            Index::Range { from, to, .. } => Index::Range { from, to, step: self.1 },
            other => other,
        }
    }
}

impl<T: IntoIndex> Indices for T
where
    T: Single,
{
    fn indices(self) -> Vec<Index> {
        vec![self.into_index()]
    }
}

/// Entries that are not tuples, which may stand alone.
#[doc(hidden)]
pub trait Single {}
macro_rules! single {
    ($($t:ty)*) => { $( impl Single for $t {} )* };
}
single!(i32 i64 usize Range<i32> Range<i64> Range<usize> RangeFrom<i32> RangeFrom<i64>
    RangeFrom<usize> RangeTo<i32> RangeTo<i64> RangeTo<usize> RangeFull NewAxis &Tensor);

macro_rules! tuples {
    ($(($($T:ident $i:tt),*))*) => { $(
        impl<$($T: IntoIndex),*> Indices for ($($T,)*) {
            fn indices(self) -> Vec<Index> {
                vec![$(self.$i.into_index()),*]
            }
        }
    )* };
}
tuples! {
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
}

impl Tensor {
    /// A part of the tensor; see the [module's list](crate::Indices) of what an index may be.
    ///
    /// ```
    /// # use chainrule_core::*;
    /// let x = Tensor::arange(0, 12, 1).reshape([3, 4]);
    /// assert_eq!(x.i((1, ..)).to_vec::<i64>()?, [4, 5, 6, 7]);
    /// assert_eq!(x.i((.., -1)).to_vec::<i64>()?, [3, 7, 11]);
    /// assert_eq!(x.i((0, (.., -2))).to_vec::<i64>()?, [3, 1]);
    /// assert_eq!(x.i((NewAxis, 1..)).shape(), [1, 2, 4]);
    /// assert_eq!(x.i(&Tensor::from([2, 0])).shape(), [2, 4]);
    /// assert_eq!(x.i(&x.gt(9)).to_vec::<i64>()?, [10, 11]);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Panics
    /// If there are more entries than axes, or a number is outside its axis.
    #[track_caller]
    pub fn i(&self, index: impl Indices) -> Tensor {
        or_raise(self.try_i(index))
    }

    /// [`i`](Self::i), with mistakes as errors.
    ///
    /// # Errors
    /// Where the other one panics.
    #[track_caller]
    pub fn try_i(&self, index: impl Indices) -> Result<Tensor> {
        let mut x = self.source();
        // The next axis of what has become of the tensor, and of the tensor itself.
        let (mut at, mut axis) = (0, 0);
        for entry in index.indices() {
            if !matches!(entry, Index::New) && at >= x.rank() {
                let axes = count(self.rank(), "axis", "axes");
                let what = format!("too many indices for a tensor with {axes}");
                return Err(Error::new(ErrorKind::Index, what, Location::caller())
                    .operand(self.operand("tensor"))
                    .hint(
                        "give one index per axis; a range with a step stands in brackets of its \
                         own: `((0..6, 2),)`",
                    ));
            }
            match entry {
                Index::New => {
                    x = x.try_unsqueeze(at as i64)?;
                    at += 1;
                }
                Index::At(i) => {
                    let i = self.place(axis, i)?;
                    x = x.try_slice(at as i64, i..i + 1)?.try_squeeze(at)?;
                    axis += 1;
                }
                Index::Range { from, to, step } => {
                    x = x.stride(at, from, to, step)?;
                    (at, axis) = (at + 1, axis + 1);
                }
                Index::Tensor(t) if t.dtype() == DType::Bool => {
                    self.check_mask(axis, &t)?;
                    x = x.masked(at, &t)?;
                    (at, axis) = (at + 1, axis + t.rank());
                }
                Index::Tensor(t) => {
                    let rank = t.rank();
                    let picked = x.try_index_select(at as i64, &t.try_flatten()?)?;
                    let mut shape: Shape = x.shape()[..at].iter().copied().collect();
                    shape.extend_from_slice(t.shape());
                    shape.extend_from_slice(&x.shape()[at + 1..]);
                    x = picked.try_reshape(shape.as_slice())?;
                    (at, axis) = (at + rank, axis + 1);
                }
            }
        }
        Ok(x)
    }

    /// Index `i` of an axis, counted from its start.
    #[track_caller]
    fn place(&self, a: usize, i: i64) -> Result<usize> {
        let n = self.shape()[a] as i64;
        let from_start = if i < 0 { i + n } else { i };
        if !(0..n).contains(&from_start) {
            let what = format!("index {i} is out of range for axis {a} of length {n}");
            let hint = match n {
                0 => "the axis is empty: check where the data were lost".into(),
                _ => format!("valid indices are {}", places(n as usize)),
            };
            return Err(Error::new(ErrorKind::Index, what, Location::caller())
                .operand(self.operand("tensor"))
                .hint(hint));
        }
        Ok(from_start as usize)
    }

    /// A range of an axis, cut to the axis as Python does.
    #[track_caller]
    fn stride(&self, a: usize, from: Option<i64>, to: Option<i64>, step: i64) -> Result<Tensor> {
        let n = self.shape()[a] as i64;
        if step == 0 {
            return Err(Error::new(ErrorKind::Index, "a range with step 0", Location::caller())
                .hint("use a positive step, or a negative one to walk backwards"));
        }
        if step < 0 {
            // Walk the flipped axis: element i is element n − 1 − i there.
            let mirror = |i: i64| n - 1 - (if i < 0 { i + n } else { i }).clamp(-1, n - 1);
            let x = self.linear(Linear::Flip(Axes(1 << a)), self.0.shape.clone());
            return x.stride(a, from.map(mirror), to.map(mirror), -step);
        }
        let wrap = |i: i64| (if i < 0 { i + n } else { i }).clamp(0, n);
        let (from, to) = (from.map_or(0, wrap), to.map_or(n, wrap));
        let len = ((to - from).max(0) as usize).div_ceil(step as usize);
        let mut windows = vec![Window { start: 0, step: 1 }; self.rank()];
        windows[a] = Window { start: from as usize, step: step as usize };
        let mut shape = self.0.shape.clone();
        if from == 0 && step == 1 && len == shape[a] {
            return Ok(self.source());
        }
        shape[a] = len;
        Ok(self.linear(Linear::Slice(windows.into()), shape))
    }

    #[track_caller]
    fn check_mask(&self, a: usize, mask: &Tensor) -> Result<()> {
        let end = a + mask.rank();
        if mask.rank() == 0 || end > self.rank() || self.shape()[a..end] != *mask.shape() {
            let what = "a mask must have the lengths of the axes that it covers";
            return Err(Error::new(ErrorKind::Shape, what, Location::caller())
                .operand(self.operand("tensor"))
                .operand(mask.operand("mask"))
                .hint(
                    "name the axes before it, as in `x.i((.., &mask))`; to choose between two \
                     values use `mask.where_(&x, y)`",
                ));
        }
        Ok(())
    }

    /// The elements where `mask`, which covers the axes from `a` on, is true. The number of them is
    /// not known before, so the mask is computed here and now.
    #[track_caller]
    fn masked(&self, a: usize, mask: &Tensor) -> Result<Tensor> {
        let end = a + mask.rank();
        let truth = mask.to_vec::<bool>()?;
        let places: Vec<i64> = (0..).zip(truth).filter(|t| t.1).map(|t| t.0).collect();
        let mut shape: Shape = self.shape()[..a].iter().copied().collect();
        shape.push(mask.len());
        shape.extend_from_slice(&self.shape()[end..]);
        let flat = self.try_reshape(shape.as_slice())?;
        flat.try_index_select(a as i64, &Tensor::from(places))
    }

    /// The main diagonal of a matrix.
    ///
    /// # Errors
    /// If the tensor is no matrix.
    #[track_caller]
    pub fn diagonal(&self) -> Result<Tensor> {
        if self.rank() != 2 {
            let axes = count(self.rank(), "axis", "axes");
            let what = format!("`diagonal` of a tensor with {axes}");
            return Err(Error::new(ErrorKind::Shape, what, Location::caller())
                .operand(self.operand("tensor"))
                .hint("it needs a matrix"));
        }
        let n = self.shape()[0].min(self.shape()[1]);
        let index = Tensor::arange(0, n as i64, 1).try_unsqueeze(1)?;
        self.try_slice(0, 0..n)?.try_gather(1, &index)?.try_squeeze(1)
    }

    /// 1 in column `self[i]` of row i, else 0 (F32), for a tensor of class numbers.
    ///
    /// # Errors
    /// If the elements are not integers.
    #[track_caller]
    pub fn one_hot(&self, classes: usize) -> Result<Tensor> {
        if !self.dtype().is_integer() {
            let what = format!("`one_hot` needs integers, got {}", self.dtype());
            return Err(Error::new(ErrorKind::DType, what, Location::caller())
                .operand(self.operand("tensor"))
                .hint("convert with `.to_dtype(DType::I64)`"));
        }
        axis("one_hot", self, -1).or_else(|e| if self.rank() == 0 { Ok(0) } else { Err(e) })?;
        let mut shape = self.0.shape.clone();
        shape.push(classes);
        let column = stretch(self.try_unsqueeze(-1)?, &shape);
        let index = stretch(Tensor::arange(0, classes as i64, 1), &shape);
        Ok(column.try_eq(&index)?.to_dtype(DType::F32))
    }
}
