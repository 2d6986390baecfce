//! What methods accept: shapes, axes, and the other operand of an arithmetic operation.

use std::panic::Location;

use smallvec::SmallVec;

use crate::error::{Error, ErrorKind, Result};
use crate::graph::Tensor;
use crate::op::{Axes, DType, Linear, MAX_RANK, Op, Scalar, Shape};

/// A length in a shape, or an axis number.
pub trait Dim: Copy {
    /// As a signed number.
    fn dim(self) -> i64;
}

macro_rules! dim {
    ($($t:ty)*) => { $(
        impl Dim for $t {
            fn dim(self) -> i64 {
                self as i64
            }
        }
    )* };
}
dim!(i32 i64 isize usize u32);

/// A shape: an array, slice or vector of lengths; `()` is the shape of a 0-d tensor. One length may
/// be −1 where it follows from the number of elements.
pub trait IntoShape {
    /// The lengths as given.
    fn into_dims(self) -> SmallVec<[i64; 4]>;
}

impl<D: Dim, const N: usize> IntoShape for [D; N] {
    fn into_dims(self) -> SmallVec<[i64; 4]> {
        self.iter().map(|d| d.dim()).collect()
    }
}
impl<D: Dim> IntoShape for &[D] {
    fn into_dims(self) -> SmallVec<[i64; 4]> {
        self.iter().map(|d| d.dim()).collect()
    }
}
impl<D: Dim> IntoShape for &Vec<D> {
    fn into_dims(self) -> SmallVec<[i64; 4]> {
        self.as_slice().into_dims()
    }
}
impl<D: Dim> IntoShape for Vec<D> {
    fn into_dims(self) -> SmallVec<[i64; 4]> {
        self.as_slice().into_dims()
    }
}
impl IntoShape for () {
    fn into_dims(self) -> SmallVec<[i64; 4]> {
        SmallVec::new()
    }
}

/// One axis or several; negative numbers count from the last axis.
pub trait IntoAxes {
    /// The axes as given.
    fn into_axes(self) -> SmallVec<[i64; 4]>;
}

macro_rules! axis {
    ($($t:ty)*) => { $(
        impl IntoAxes for $t {
            fn into_axes(self) -> SmallVec<[i64; 4]> {
                smallvec::smallvec![self.dim()]
            }
        }
    )* };
}
axis!(i32 i64 isize usize);
impl<D: Dim, const N: usize> IntoAxes for [D; N] {
    fn into_axes(self) -> SmallVec<[i64; 4]> {
        self.iter().map(|d| d.dim()).collect()
    }
}
impl<D: Dim> IntoAxes for &[D] {
    fn into_axes(self) -> SmallVec<[i64; 4]> {
        self.iter().map(|d| d.dim()).collect()
    }
}

/// The lengths of a new tensor, none of them negative.
#[track_caller]
pub(super) fn lengths(op: &str, shape: impl IntoShape) -> Result<Shape> {
    let dims = shape.into_dims();
    check_rank(op, dims.len())?;
    let negative = dims.iter().find(|&&d| d < 0);
    if let Some(d) = negative {
        let what = format!("`{op}` got the shape {dims:?} with the negative length {d}");
        return Err(
            Error::new(ErrorKind::Shape, what, Location::caller()).hint("lengths are 0 or more")
        );
    }
    let product = dims.iter().try_fold(1i64, |p, &d| p.checked_mul(d.max(1)));
    if product.is_none_or(|p| p > isize::MAX as i64 / 16) {
        let what =
            format!("`{op}` got the shape {dims:?}, with more elements than memory can hold");
        return Err(Error::new(ErrorKind::Shape, what, Location::caller())
            .hint("check the lengths; axes multiply"));
    }
    Ok(dims.iter().map(|&d| d as usize).collect())
}

#[track_caller]
pub(super) fn check_rank(op: &str, rank: usize) -> Result<()> {
    if rank <= MAX_RANK {
        return Ok(());
    }
    let what = format!("`{op}` would make a tensor with {rank} axes");
    Err(Error::new(ErrorKind::Shape, what, Location::caller())
        .hint(format!("tensors have at most {MAX_RANK} axes: merge some with `reshape`")))
}

/// An axis number counted from the first axis.
#[track_caller]
pub(super) fn axis(op: &str, x: &Tensor, axis: i64) -> Result<usize> {
    axis_of(op, x, axis, x.rank())
}

/// An axis number for a result of rank `rank`.
#[track_caller]
pub(super) fn axis_of(op: &str, x: &Tensor, axis: i64, rank: usize) -> Result<usize> {
    let from_start = if axis < 0 { axis + rank as i64 } else { axis };
    if (0..rank as i64).contains(&from_start) {
        return Ok(from_start as usize);
    }
    let what = format!("axis {axis} does not exist in `{op}`");
    let hint = match rank {
        0 => "a 0-d tensor has no axes".to_string(),
        _ => format!("axes are 0..{rank}, or -{rank}..0 from the end"),
    };
    Err(Error::new(ErrorKind::Axis, what, Location::caller())
        .operand(x.operand("tensor"))
        .hint(hint))
}

/// A set of axes.
#[track_caller]
pub(super) fn axes(op: &str, x: &Tensor, list: impl IntoAxes) -> Result<Axes> {
    let mut set = Axes::default();
    for number in list.into_axes() {
        let a = axis(op, x, number)?;
        if set.contains(a) {
            let what = format!("axis {a} stands twice in `{op}`");
            return Err(Error::new(ErrorKind::Axis, what, Location::caller())
                .operand(x.operand("tensor"))
                .hint("name each axis once"));
        }
        set.0 |= 1 << a;
    }
    Ok(set)
}

/// The other operand of an arithmetic operation: a tensor, or a number, which takes the tensor's
/// element type (but a fraction beside integers makes both floating).
pub trait Operand {
    /// As a tensor that can stand beside `other`.
    #[doc(hidden)]
    fn beside(self, other: &Tensor) -> Tensor;
}

impl Operand for &Tensor {
    #[track_caller]
    fn beside(self, _: &Tensor) -> Tensor {
        self.source()
    }
}
impl Operand for Tensor {
    #[track_caller]
    fn beside(self, _: &Tensor) -> Tensor {
        self.source()
    }
}

macro_rules! number {
    ($($t:ty, $kind:ident, $least:ident;)*) => { $(
        impl Operand for $t {
            #[track_caller]
            fn beside(self, other: &Tensor) -> Tensor {
                let least = DType::$least;
                let dtype = other.dtype().promote(least);
                Tensor::constant(Scalar::$kind(self.into()), dtype, other.0.shape.clone())
            }
        }
    )* };
}
number! {
    f64, Float, F32;
    f32, Float, F32;
    i64, Int, I64;
    i32, Int, I64;
    bool, Bool, Bool;
}

/// The shape that two shapes broadcast to: axes are matched from the last, and a length of 1 (or a
/// missing axis) stretches.
#[track_caller]
pub(super) fn broadcast(op: &str, x: &Tensor, y: &Tensor) -> Result<Shape> {
    let (a, b) = (&x.0.shape, &y.0.shape);
    let rank = a.len().max(b.len());
    let at = |s: &Shape, i: usize| if i < s.len() { s[s.len() - 1 - i] } else { 1 };
    let mut shape = Shape::from_elem(1, rank);
    for i in 0..rank {
        let (m, n) = (at(a, i), at(b, i));
        shape[rank - 1 - i] = match (m, n) {
            (m, n) if m == n => m,
            (1, n) => n,
            (m, 1) => m,
            _ => return Err(clash(op, x, y, i, m, n)),
        };
    }
    Ok(shape)
}

#[track_caller]
#[cold]
fn clash(op: &str, x: &Tensor, y: &Tensor, from_last: usize, m: usize, n: usize) -> Error {
    let place = match from_last {
        0 => "the last axis".into(),
        1 => "the axis before the last".into(),
        i => format!("axis -{}", i + 1),
    };
    let error = Error::new(
        ErrorKind::Broadcast,
        format!("shapes do not broadcast in `{op}`"),
        Location::caller(),
    );
    let (a, b) = (&x.0.shape, &y.0.shape);
    let hint = if a.len() == 2 && b.len() == 2 && a[0] == b[1] && a[1] == b[0] {
        "one is the other's transpose in shape: did you mean `.t()`?".to_string()
    } else if b.len() == 1 && a.len() > 1 && a[..a.len() - 1].contains(&b[0]) {
        format!(
            "axes are matched from the last: to match axis 0, give right the shape [{n}, 1] \
                 with `.unsqueeze(-1)`"
        )
    } else {
        format!(
            "axes are matched from the last, and only a length of 1 stretches: make {m} and \
                 {n} equal, or one of them 1"
        )
    };
    error
        .operand(x.operand("left"))
        .operand(y.operand("right"))
        .marker(format!("{m} and {n} differ on {place}"))
        .hint(hint)
}

/// `x` stretched to `shape`, with which it broadcasts.
#[track_caller]
pub(super) fn stretch(x: Tensor, shape: &Shape) -> Tensor {
    if x.0.shape == *shape {
        return x;
    }
    if let Some(c) = x.as_constant() {
        return Tensor::constant(c, x.0.dtype, shape.clone());
    }
    let missing = shape.len() - x.0.shape.len();
    let mut new = Axes::range(0, missing);
    let mut kept = Shape::new();
    for (i, &n) in x.0.shape.iter().enumerate() {
        if n == 1 && shape[missing + i] != 1 {
            new.0 |= 1 << (missing + i);
        } else {
            kept.push(n);
        }
    }
    let x = x.linear(Linear::Reshape, kept);
    x.linear(Linear::Expand(new), shape.clone())
}

impl Tensor {
    /// Records a linear operation of one source; the identity records nothing.
    #[track_caller]
    pub(crate) fn linear(&self, op: Linear, shape: Shape) -> Tensor {
        let x = self.source();
        if matches!(op, Linear::Reshape) && x.0.shape == shape {
            return x;
        }
        let dtype = x.0.dtype;
        crate::graph::node::record(Op::Linear(op), dtype, shape, smallvec::smallvec![x])
    }
}
