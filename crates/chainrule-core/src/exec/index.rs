//! Elements by index: gathering, and its adjoint, adding where an index says.
//!
//! Rows that share one index are moved whole, by several threads. Each task of an addition has rows
//! of the result for itself and goes through all indices in order, so that the bits do not depend
//! on the number of threads.

use bytemuck::{Pod, cast_slice_mut};
use chainrule_kernels::reduce::{Fold, Reduce};
use chainrule_kernels::{Layout, threads};

use super::eval::{Elements, MOVE, around};
use crate::error::places;

/// The elements of `index` as places on an axis of length `len`, or which is out of range.
fn places_of(
    index: &Elements<'_>,
    len: usize,
    axis: usize,
) -> Result<Vec<usize>, (String, String)> {
    let values = index.in_order::<i64>();
    let wrapped = |j: i64| if j < 0 { j + len as i64 } else { j };
    let outside = |&j: &i64| wrapped(j) < 0 || wrapped(j) >= len as i64;
    if let Some(i) = values.iter().position(outside) {
        let what = format!("index {} is out of range for axis {axis} of length {len}", values[i]);
        let mut place = vec![0; index.layout.shape.len()];
        let mut rest = i;
        for (at, n) in place.iter_mut().zip(&index.layout.shape).rev() {
            (*at, rest) = (rest % n, rest / n);
        }
        let hint = match len {
            0 => "the axis is empty: check where the data were lost".into(),
            _ => format!("valid indices are {}; this one is at {place:?}", places(len)),
        };
        return Err((what, hint));
    }
    Ok(values.iter().map(|&j| wrapped(j) as usize).collect())
}

/// The index without the axes after `axis`, if it is the same along them.
fn narrow<'a>(index: &Elements<'a>, axis: usize) -> Option<Elements<'a>> {
    let Layout { shape, strides, offset } = &index.layout;
    strides[axis + 1..].iter().all(|&s| s == 0).then(|| Elements {
        bytes: index.bytes,
        layout: Layout {
            shape: shape[..=axis].to_vec(),
            strides: strides[..=axis].to_vec(),
            offset: *offset,
        },
        dtype: index.dtype,
    })
}

/// The axes from `axis` on, at index 0 of those before.
fn from_axis(layout: &Layout, axis: usize) -> Layout {
    let (shape, strides) = (layout.shape[axis..].to_vec(), layout.strides[axis..].to_vec());
    Layout { shape, strides, offset: layout.offset }
}

/// Elements that a task should have at least.
const SHARE: usize = 1 << 15;

pub(super) fn gather<T: Pod + Send + Sync>(
    x: &Elements<'_>,
    index: &Elements<'_>,
    axis: usize,
    shape: &[usize],
    out: &mut [u8],
) -> Result<(), (String, String)> {
    let out: &mut [T] = cast_slice_mut(out);
    let (_, n, inner) = around(shape, axis);
    let len = x.layout.shape[axis];
    let data = x.slice::<T>();
    // The element of x at index 0 of the axis, for each index of the other axes.
    let base = Layout { shape: shape.to_vec(), ..x.layout.clone() };
    let stride = x.layout.strides[axis];
    // Rows that share one index are copied whole.
    let dense = base.strides[axis + 1..] == Layout::dense(shape).strides[axis + 1..];
    if let Some(narrow) = narrow(index, axis).filter(|_| dense && inner > 1) {
        let places = places_of(&narrow, len, axis)?;
        let work = out.len() as f64 * MOVE;
        let each = (SHARE / inner).max(1);
        let tasks: Vec<_> = out.chunks_mut(each * inner).enumerate().collect();
        threads::for_each(tasks, work, |(task, out)| {
            for (i, out) in (task * each..).zip(out.chunks_exact_mut(inner)) {
                let at =
                    base.at(i * inner) as isize + (places[i] as isize - (i % n) as isize) * stride;
                out.copy_from_slice(&data[at as usize..][..inner]);
            }
        });
        return Ok(());
    }
    // On the last axis rows are gathered one after the other, by one index if all have the same.
    if inner == 1 && n > 0 {
        let same = index.layout.strides[..axis].iter().all(|&s| s == 0);
        let first = Elements { layout: from_axis(&index.layout, axis), ..*index };
        let places = places_of(if same { &first } else { index }, len, axis)?;
        for (r, out) in out.chunks_exact_mut(n).enumerate() {
            let row = base.at(r * n) as isize;
            let places = if same { &places[..] } else { &places[r * n..][..n] };
            for (out, &j) in out.iter_mut().zip(places) {
                *out = data[(row + j as isize * stride) as usize];
            }
        }
        return Ok(());
    }
    let places = places_of(index, len, axis)?;
    for (i, (out, j)) in out.iter_mut().zip(places).enumerate() {
        let own = (i / inner % n) as isize;
        *out = data[(base.at(i) as isize + (j as isize - own) * stride) as usize];
    }
    Ok(())
}

pub(super) fn scatter_add<T: Reduce>(
    x: &Elements<'_>,
    index: &Elements<'_>,
    axis: usize,
    shape: &[usize],
    out: &mut [u8],
) -> Result<(), (String, String)> {
    let out: &mut [T] = cast_slice_mut(out);
    let (_, len, inner) = around(shape, axis);
    let n = x.layout.shape[axis];
    let x = x.in_order::<T>();
    // Rows that share one index are added whole; each task has rows of the result for itself, and
    // goes through all indices.
    if let Some(narrow) = narrow(index, axis).filter(|_| inner > 1 && len > 0) {
        let places = places_of(&narrow, len, axis)?;
        let work = (out.len() + x.len()) as f64 * MOVE;
        let rows = out.len() / inner;
        let each = rows.div_ceil(16).max(SHARE / inner).max(1);
        let tasks: Vec<_> = out.chunks_mut(each * inner).enumerate().collect();
        threads::for_each(tasks, work, |(task, out)| {
            out.fill(T::ZERO);
            let mine = task * each..(task + 1) * each;
            for (i, &j) in places.iter().enumerate() {
                let row = i / n * len + j;
                if mine.contains(&row) {
                    let to = &mut out[(row - mine.start) * inner..][..inner];
                    Fold::Sum.into(to, &x[i * inner..][..inner]);
                }
            }
        });
        return Ok(());
    }
    let places = places_of(index, len, axis)?;
    out.fill(T::ZERO);
    if x.is_empty() {
        return Ok(());
    }
    let blocks = x.chunks(n * inner).zip(places.chunks(n * inner));
    for (out, (x, places)) in out.chunks_mut(len * inner).zip(blocks) {
        for (x, places) in x.chunks(inner).zip(places.chunks(inner)) {
            for (inside, (&x, &j)) in x.iter().zip(places).enumerate() {
                let cell = &mut out[j * inner + inside];
                *cell = cell.plus(x);
            }
        }
    }
    Ok(())
}
