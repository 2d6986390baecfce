//! The operations that run one at a time: moving elements by index, sorting, running sums.
//!
//! Each takes its sources as strided elements and fills a dense result.

use std::borrow::Cow;

use bytemuck::{Pod, cast_slice, cast_slice_mut};
use chainrule_kernels::reduce::{Fold, Reduce};
use chainrule_kernels::{Buffer, Layout, threads, turn};

use super::index::{gather, scatter_add};
use super::windows::fold_windows;
use crate::graph::call::{Array, details};
use crate::op::{DType, Extremum, Linear, Op, Window};

/// Elements somewhere in memory.
pub(crate) struct Elements<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) layout: Layout,
    pub(crate) dtype: DType,
}

impl Elements<'_> {
    pub(super) fn slice<T: Pod>(&self) -> &[T] {
        cast_slice(self.bytes)
    }

    /// All elements in order; a copy only if they do not stand so already.
    pub(super) fn in_order<T: Pod>(&self) -> Cow<'_, [T]> {
        let n = self.layout.len();
        if self.layout.is_dense() {
            return Cow::Borrowed(&self.slice()[self.layout.offset..][..n]);
        }
        let mut out = vec![T::zeroed(); n];
        let bytes = cast_slice_mut(&mut out);
        copy(&self.layout, 0, self.bytes, bytes, size_of::<T>());
        Cow::Owned(out)
    }
}

/// Copies elements `from ..` of the row-major order of `layout` to fill `out`.
pub(crate) fn copy(layout: &Layout, from: usize, bytes: &[u8], out: &mut [u8], size: usize) {
    fn of<T: Pod>(layout: &Layout, from: usize, bytes: &[u8], out: &mut [u8]) {
        let (x, out): (&[T], &mut [T]) = (cast_slice(bytes), cast_slice_mut(out));
        if layout.is_transposed() && copy_transposed(layout, from, x, out) {
            return;
        }
        let mut at = 0;
        layout.runs(from, out.len(), |start, n, step| {
            let to = &mut out[at..at + n];
            match step {
                1 => to.copy_from_slice(&x[start..start + n]),
                0 => to.fill(x[start]),
                _ => {
                    for (i, y) in to.iter_mut().enumerate() {
                        *y = x[(start as isize + i as isize * step) as usize];
                    }
                }
            }
            at += n;
        });
    }
    match size {
        1 => of::<u8>(layout, from, bytes, out),
        4 => of::<u32>(layout, from, bytes, out),
        _ => of::<u64>(layout, from, bytes, out),
    }
}

/// Copies whole rows whose elements stand far apart while the rows themselves are neighbours.
/// Whether there were whole rows.
fn copy_transposed<T: Pod>(layout: &Layout, from: usize, x: &[T], out: &mut [T]) -> bool {
    let rank = layout.shape.len();
    let (height, n, step) =
        (layout.shape[rank - 2], layout.shape[rank - 1], layout.strides[rank - 1]);
    if !from.is_multiple_of(n) || !out.len().is_multiple_of(n) || out.len() < 2 * n {
        return false;
    }
    let (mut row, mut rest) = (from / n, out);
    while !rest.is_empty() {
        let rows = (height - row % height).min(rest.len() / n);
        let (now, later) = rest.split_at_mut(rows * n);
        let start = layout.at(row * n);
        turn::rows(x, start, step, n, now);
        row += rows;
        rest = later;
    }
    true
}

/// Folds the last `count` elements of each kept index into one.
pub(crate) fn fold<T: Reduce>(kind: Fold, x: &[T], layout: &Layout, count: usize, out: &mut [T]) {
    if count > 0 && layout.is_dense() {
        return kind.rows(&x[layout.offset..][..count * out.len()], out);
    }
    let rank = layout.shape.len();
    let mut split = rank;
    let mut product = 1;
    while product < count {
        split -= 1;
        product *= layout.shape[split];
    }
    let part = |range: std::ops::Range<usize>, offset| Layout {
        shape: layout.shape[range.clone()].to_vec(),
        strides: layout.strides[range].to_vec(),
        offset,
    };
    let (kept, reduced) = (part(0..split, layout.offset).merged(), part(split..rank, 0).merged());
    // With neighbours among the kept indices, whole runs are combined; else each index by itself.
    if kept.strides.last() == Some(&1) && reduced.strides.last() != Some(&1) {
        out.fill(kind.neutral());
        let width = *kept.shape.last().unwrap_or(&1);
        for (row, out) in out.chunks_mut(width).enumerate() {
            let base = kept.at(row * width) as isize;
            for i in 0..count {
                let start = (base + reduced.at(i) as isize) as usize;
                kind.into(out, &x[start..start + width]);
            }
        }
        return;
    }
    let together = reduced.is_dense();
    let mut row = vec![kind.neutral(); if together { 0 } else { count }];
    let mut moved = reduced;
    for (i, y) in out.iter_mut().enumerate() {
        moved.offset = kept.at(i);
        if together {
            *y = kind.block(&x[moved.offset..moved.offset + count]);
            continue;
        }
        let mut at = 0;
        moved.runs(0, count, |start, n, step| {
            for (j, v) in row[at..at + n].iter_mut().enumerate() {
                *v = x[(start as isize + j as isize * step) as usize];
            }
            at += n;
        });
        *y = kind.block(&row);
    }
}

/// Calls a generic function with the Rust type of a `DType`.
macro_rules! by_type {
    ($dtype:expr, $f:ident, $($arg:expr),*) => {
        match $dtype {
            DType::Bool => $f::<u8>($($arg),*),
            DType::U8 | DType::I32 => unreachable!("arithmetic is recorded as int64"),
            DType::I64 => $f::<i64>($($arg),*),
            DType::F32 => $f::<f32>($($arg),*),
            DType::F64 => $f::<f64>($($arg),*),
        }
    };
}
pub(crate) use by_type;

/// Calls a generic function with a type of the elements' size, for what only moves them.
macro_rules! by_size {
    ($dtype:expr, $f:ident, $($arg:expr),*) => {
        match $dtype.size() {
            1 => $f::<u8>($($arg),*),
            4 => $f::<u32>($($arg),*),
            _ => $f::<u64>($($arg),*),
        }
    };
}

/// Computes `op` from `src` into `out`, a dense tensor of shape `shape`. The error is what is wrong
/// and what to do.
pub(crate) fn eval(
    op: &Op,
    src: &[Elements<'_>],
    shape: &[usize],
    dtype: DType,
    out: &mut [u8],
) -> Result<(), (String, String)> {
    match op {
        Op::Linear(Linear::Pad(windows)) => by_size!(dtype, pad, &src[0], windows, shape, out),
        Op::Linear(Linear::Gather(axis)) => {
            let axis = usize::from(*axis);
            return by_size!(dtype, gather, &src[0], &src[1], axis, shape, out);
        }
        Op::Linear(Linear::ScatterAdd(axis)) => {
            let axis = usize::from(*axis);
            return by_type!(dtype, scatter_add, &src[0], &src[1], axis, shape, out);
        }
        Op::Linear(Linear::Fold(sliding)) => {
            by_type!(dtype, fold_windows, &src[0], sliding, shape, out);
        }
        Op::Linear(Linear::Cumsum(axis, reverse)) => {
            by_type!(dtype, cumsum, &src[0], usize::from(*axis), *reverse, out);
        }
        Op::Cat(axis) => by_size!(dtype, cat, src, usize::from(*axis), shape, out),
        Op::ArgReduce(kind, axis) => {
            by_type!(src[0].dtype, arg_reduce, &src[0], *kind, usize::from(*axis), out);
        }
        Op::ArgSort(axis, descending) => {
            by_type!(src[0].dtype, arg_sort, &src[0], usize::from(*axis), *descending, out);
        }
        Op::Dot => by_type!(dtype, dot, &src[0], &src[1], out),
        Op::After => copy(&src[0].layout, 0, src[0].bytes, out, dtype.size()),
        Op::Call(_) => return call(op, src, out),
        _ => unreachable!("`{}` is no step of its own", op.name()),
    }
    Ok(())
}

/// A primitive's results, each in its part of `out`. Sources that are not dense are copied.
fn call(op: &Op, src: &[Elements<'_>], out: &mut [u8]) -> Result<(), (String, String)> {
    let Some(call) = details(op) else { unreachable!("a call holds its primitive") };
    let copies: Vec<Option<Buffer>> = src
        .iter()
        .map(|x| {
            let size = x.dtype.size();
            if x.layout.is_dense() {
                return None;
            }
            let mut buffer = Buffer::new(x.layout.len() * size);
            copy(&x.layout, 0, x.bytes, buffer.bytes_mut(), size);
            Some(buffer)
        })
        .collect();
    let arrays: Vec<Array<'_>> = src
        .iter()
        .zip(&copies)
        .map(|(x, copied)| {
            let (start, bytes) = match copied {
                Some(buffer) => (0, buffer.bytes()),
                None => (x.layout.offset * x.dtype.size(), x.bytes),
            };
            let bytes = &bytes[start..start + x.layout.len() * x.dtype.size()];
            Array { bytes, shape: &x.layout.shape }
        })
        .collect();
    call.primitive.eval(&arrays, &mut call.slots(out))
}

fn pad<T: Pod>(x: &Elements<'_>, windows: &[Window], shape: &[usize], out: &mut [u8]) {
    let out: &mut [T] = cast_slice_mut(out);
    out.fill(T::zeroed());
    let mut to = Layout::dense(shape);
    for (i, w) in windows.iter().enumerate() {
        to.offset += w.start * to.strides[i] as usize;
        to.strides[i] *= w.step as isize;
        to.shape[i] = x.layout.shape[i];
    }
    if to.is_empty() {
        return;
    }
    let x = x.in_order::<T>();
    let mut at = 0;
    to.runs(0, x.len(), |start, n, step| {
        for (i, &v) in x[at..at + n].iter().enumerate() {
            out[start + i * step as usize] = v;
        }
        at += n;
    });
}

/// Nanoseconds for an element that is moved.
pub(super) const MOVE: f64 = 0.5;

/// The lengths before, of and after an axis.
pub(super) fn around(shape: &[usize], axis: usize) -> (usize, usize, usize) {
    (shape[..axis].iter().product(), shape[axis], shape[axis + 1..].iter().product())
}

fn cumsum<T: Reduce>(x: &Elements<'_>, axis: usize, reverse: bool, out: &mut [u8]) {
    let out: &mut [T] = cast_slice_mut(out);
    let (outer, n, inner) = around(&x.layout.shape, axis);
    out.copy_from_slice(&x.in_order::<T>());
    for o in 0..outer {
        for k in 1..n {
            let (to, from) = if reverse { (n - 1 - k, n - k) } else { (k, k - 1) };
            for i in 0..inner {
                let previous = out[(o * n + from) * inner + i];
                let cell = &mut out[(o * n + to) * inner + i];
                *cell = cell.plus(previous);
            }
        }
    }
}

fn cat<T: Pod + Send>(src: &[Elements<'_>], axis: usize, shape: &[usize], out: &mut [u8]) {
    let out: &mut [T] = cast_slice_mut(out);
    let (outer, total, inner) = around(shape, axis);
    let mut pieces = vec![];
    let mut rest = out;
    for _ in 0..outer {
        for (i, x) in src.iter().enumerate() {
            let (piece, later) = rest.split_at_mut(x.layout.shape[axis] * inner);
            pieces.push((i, piece));
            rest = later;
        }
    }
    let each = pieces.len().div_ceil(64).max(src.len());
    let work = (outer * total * inner) as f64 * MOVE;
    let tasks: Vec<_> = pieces.chunks_mut(each).enumerate().collect();
    threads::for_each(tasks, work, |(task, pieces)| {
        for (k, (i, piece)) in (task * each..).zip(pieces) {
            let from = k / src.len() * piece.len();
            let bytes = cast_slice_mut(piece);
            copy(&src[*i].layout, from, src[*i].bytes, bytes, size_of::<T>());
        }
    });
}

fn arg_reduce<T: Reduce>(x: &Elements<'_>, kind: Extremum, axis: usize, out: &mut [u8]) {
    let out: &mut [i64] = cast_slice_mut(out);
    let (_, n, inner) = around(&x.layout.shape, axis);
    let x = x.in_order::<T>();
    for (i, y) in out.iter_mut().enumerate() {
        let at = |k: usize| x[(i / inner * n + k) * inner + i % inner];
        let mut best = 0;
        for k in 1..n {
            let (v, b) = (at(k), at(best));
            let better = match kind {
                Extremum::Max => v > b,
                Extremum::Min => v < b,
            };
            // The first NaN wins over every number.
            let nan = v.partial_cmp(&v).is_none() && b.partial_cmp(&b).is_some();
            if better || nan {
                best = k;
            }
        }
        *y = best as i64;
    }
}

/// NaN counts as the largest number, and comes last (or, descending, first).
fn arg_sort<T: Reduce>(x: &Elements<'_>, axis: usize, descending: bool, out: &mut [u8]) {
    let out: &mut [i64] = cast_slice_mut(out);
    let (outer, n, inner) = around(&x.layout.shape, axis);
    let x = x.in_order::<T>();
    let turned = if descending { u64::MAX } else { 0 };
    let mut keys: Vec<(u64, usize)> = vec![];
    for o in 0..outer {
        for i in 0..inner {
            keys.clear();
            keys.extend((0..n).map(|k| (x[(o * n + k) * inner + i].key() ^ turned, k)));
            // Among equal numbers the index decides.
            keys.sort_unstable();
            for (k, &(_, j)) in keys.iter().enumerate() {
                out[(o * n + k) * inner + i] = j as i64;
            }
        }
    }
}

/// The matrix product by its definition, for element types without a fast one. Accumulates by
/// `plus` and multiplies in `f64` or `i64`, whichever the type is.
fn dot<T: Reduce>(a: &Elements<'_>, b: &Elements<'_>, out: &mut [u8]) {
    let out: &mut [T] = cast_slice_mut(out);
    let rank = a.layout.shape.len();
    let (m, k, n) = (a.layout.shape[rank - 2], a.layout.shape[rank - 1], b.layout.shape[rank - 1]);
    let (a, b) = (a.in_order::<T>(), b.in_order::<T>());
    for (i, y) in out.iter_mut().enumerate() {
        let (batch, row, col) = (i / (m * n), i / n % m, i % n);
        let term = |l: usize| a[(batch * m + row) * k + l].times(b[(batch * k + l) * n + col]);
        *y = (0..k).map(term).fold(T::ZERO, T::plus);
    }
}
