//! What methods accept: shapes, axes, and the other operand of an arithmetic operation.

use std::panic::Location;

use smallvec::SmallVec;

use crate::error::{Error, ErrorKind, Operand as Party, Result, count, places};
use crate::exec::realize;
use crate::graph::Tensor;
use crate::graph::node::{self, Sources};
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
    if let Some(d) = dims.iter().filter(|&&d| d < 0).min() {
        let what = format!("`{op}` got the shape {dims:?} with the negative length {d}");
        return Err(
            Error::new(ErrorKind::Shape, what, Location::caller()).hint("lengths are 0 or more")
        );
    }
    let product = dims.iter().try_fold(1i64, |p, &d| p.checked_mul(d.max(1)));
    if product.is_none_or(|p| p > isize::MAX as i64 / 16) {
        let what = format!("`{op}` got a shape for more elements than memory holds: {dims:?}");
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
    let what = format!("`{op}` would make a tensor with {}", count(rank, "axis", "axes"));
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
        0 => "the tensor has no axes: it is a single number".to_string(),
        _ => format!("its axes are {}", places(rank)),
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
/// element type (but a fraction beside integers makes both floating, and an integer beside truth
/// values both integers).
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
    ($($t:ty, $kind:ident, $beside:ident;)*) => { $(
        impl Operand for $t {
            #[track_caller]
            fn beside(self, other: &Tensor) -> Tensor {
                let dtype = other.dtype().$beside();
                let shape = Shape::from_slice(&other.0.shape);
                Tensor::constant(Scalar::$kind(self.into()), dtype, shape)
            }
        }
    )* };
}
number! {
    f64, Float, to_float;
    f32, Float, to_float;
    i64, Int, counted;
    i32, Int, counted;
    bool, Bool, clone;
}

/// The shape that two tensors broadcast to. An error calls them by their `roles`.
#[track_caller]
pub(super) fn broadcast(
    op: &str,
    roles: [&'static str; 2],
    x: &Tensor,
    y: &Tensor,
) -> Result<Shape> {
    match joint(x.shape(), y.shape()) {
        Ok(shape) => Ok(shape),
        Err(from_last) => Err(clash(op, roles, x, y, from_last)),
    }
}

/// The shape that two shapes broadcast to: axes are matched from the last, and a length of 1 (or a
/// missing axis) stretches. If there is none, the axis where they differ, counted from the last.
pub(crate) fn joint(a: &[usize], b: &[usize]) -> Result<Shape, usize> {
    let rank = a.len().max(b.len());
    let at = |s: &[usize], i: usize| if i < s.len() { s[s.len() - 1 - i] } else { 1 };
    let mut shape = Shape::from_elem(1, rank);
    for i in 0..rank {
        let (m, n) = (at(a, i), at(b, i));
        shape[rank - 1 - i] = match (m, n) {
            (m, n) if m == n => m,
            (1, n) => n,
            (m, 1) => m,
            _ => return Err(i),
        };
    }
    Ok(shape)
}

/// The error for shapes that differ on an axis, counted from the last.
#[track_caller]
#[cold]
pub(crate) fn clash(
    op: &str,
    roles: [&'static str; 2],
    x: &Tensor,
    y: &Tensor,
    from_last: usize,
) -> Error {
    let (a, b) = (x.shape(), y.shape());
    let (m, n) = (a[a.len() - 1 - from_last], b[b.len() - 1 - from_last]);
    let place = match from_last {
        0 => "the last axis".into(),
        1 => "the axis before the last".into(),
        i => format!("axis -{}", i + 1),
    };
    let hint = match (vector_beside(a, b), vector_beside(b, a)) {
        _ if a.len() == 2 && b.len() == 2 && a[0] == b[1] && a[1] == b[0] => {
            "one has the shape of the other's transpose: did you mean `.t()`?".to_string()
        }
        (Some((axis, shape)), _) => {
            format!("to match {} with axis {axis}, `.reshape({shape:?})` it", roles[1])
        }
        (_, Some((axis, shape))) => {
            format!("to match {} with axis {axis}, `.reshape({shape:?})` it", roles[0])
        }
        _ => format!(
            "axes match from the last, and only a length of 1 stretches: make {m} and {n} \
             equal, or one of them 1"
        ),
    };
    let (facts, back) = columns([a, b], from_last);
    let [left, right] = [x.operand(roles[0]), y.operand(roles[1])];
    let [upper, lower] = facts;
    Error::new(
        ErrorKind::Broadcast,
        format!("shapes do not broadcast in `{op}`"),
        Location::caller(),
    )
    .operand(Party { fact: upper, ..left })
    .operand(Party { fact: lower, ..right })
    .marker(back, format!("{m} and {n} differ on {place}"))
    .hint(hint)
}

/// The axis of `shape` that a vector of shape `vector` was perhaps meant for, and the shape that it
/// must then have.
fn vector_beside(shape: &[usize], vector: &[usize]) -> Option<(usize, Vec<usize>)> {
    let &[n] = vector else { return None };
    let (_, before) = shape.split_last()?;
    let axis = before.iter().rposition(|&m| m == n)?;
    let mut lengths = vec![1; shape.len() - axis];
    lengths[0] = n;
    Some((axis, lengths))
}

/// Two shapes with their axes one below the other, and how many characters stand behind the one
/// that is `from_last` axes before the last.
fn columns(shapes: [&[usize]; 2], from_last: usize) -> ([String; 2], usize) {
    let from_end = |s: &[usize], i: usize| s.len().checked_sub(i + 1).map(|at| s[at].to_string());
    let width =
        |i: usize| shapes.iter().filter_map(|s| from_end(s, i)).map(|n| n.len()).max().unwrap_or(0);
    let fact = |s: &[usize]| {
        let numbers: Vec<String> = (0..s.len())
            .rev()
            .map(|i| format!("{:>1$}", from_end(s, i).unwrap_or_default(), width(i)))
            .collect();
        format!("[{}]", numbers.join(", "))
    };
    let back = 1 + (0..from_last).map(|i| width(i) + 2).sum::<usize>();
    (shapes.map(fact), back)
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
        record(Op::Linear(op), dtype, shape, smallvec::smallvec![x])
    }
}

/// Pending chains heavier than this are computed: a running total that nobody looks at must not
/// grow, nor hold on to what it was made of, for ever.
const HEAVY: u32 = 1 << 14;

/// Records an operation, and computes it if too much is pending below it. What is recorded for
/// gradients stays pending, as its graph is needed anyway.
#[track_caller]
pub(super) fn record(op: Op, dtype: DType, shape: Shape, src: Sources) -> Tensor {
    let tensor = node::record(op, dtype, shape, src);
    if tensor.0.heft > HEAVY && !tensor.0.tracks() && tensor.0.is_pending() {
        // An error comes up again when the numbers are asked for.
        let _ = realize(&[&tensor]);
    }
    tensor
}
