//! Products of a matrix and a vector.
//!
//! Each number of the matrix is used once, so memory decides: whole cache lines are read, in the
//! order in which they stand. A matrix whose rows are dense is multiplied row by row; one whose
//! columns are dense is summed up column by column, eight at a time. Work is cut into the same
//! pieces for any number of threads, and partial sums are added in a fixed order, so the bits do
//! not depend on it.

use crate::Float;
use crate::gemm::Matrix;
use crate::simd::{Vectorize, vectorize};
use crate::threads;

/// Lanes of a dot product.
const LANES: usize = 32;
/// Columns that are added at once.
const COLUMNS: usize = 8;
/// Elements of a piece of work, about 10 µs.
const PIECE: usize = 1 << 16;
/// Nanoseconds that an element takes when memory is slow.
const SLOW: f64 = 0.2;

/// `y = a · x` for `a` of `y.len()` rows and `x.len()` columns, if its rows or its columns are
/// dense. Whether they were. The caller has checked that the matrix lies inside its slice.
pub(crate) fn gemv<T: Float>(y: &mut [T], a: Matrix<'_, T>, x: &[T]) -> bool {
    if a.col == 1 && a.row >= 0 {
        rows(y, a, x);
    } else if a.row == 1 && a.col >= 0 {
        columns(y, a, x);
    } else {
        return false;
    }
    true
}

fn rows<T: Float>(y: &mut [T], a: Matrix<'_, T>, x: &[T]) {
    let (n, stride) = (x.len(), a.row as usize);
    let work = (y.len() * n) as f64 * SLOW;
    let each = (PIECE / n.max(1)).max(1);
    let pieces: Vec<(usize, &mut [T])> = y.chunks_mut(each).enumerate().collect();
    threads::for_each(pieces, work, |(i, y)| {
        dots(y, &a.data[a.offset + i * each * stride..], stride, x);
    });
}

/// Products of `y.len()` dense rows, `stride` elements from one to the next, with `x`.
///
/// # Panics
/// If a row is outside of `data`.
pub fn dots<T: Float>(y: &mut [T], data: &[T], stride: usize, x: &[T]) {
    vectorize(Dots { y, data, stride, x });
}

/// Adds `x.len()` dense rows, `stride` elements from one to the next, to `y`, each times an element
/// of `x`.
///
/// # Panics
/// If a row is outside of `data`.
pub fn add_rows<T: Float>(y: &mut [T], data: &[T], stride: usize, x: &[T]) {
    vectorize(Combination { y, data, stride, x });
}

/// Dot products of rows with `x`.
struct Dots<'a, T> {
    y: &'a mut [T],
    data: &'a [T],
    stride: usize,
    x: &'a [T],
}

impl<T: Float> Vectorize for Dots<'_, T> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let Dots { y, data, stride, x } = self;
        for (i, y) in y.iter_mut().enumerate() {
            *y = dot(&data[i * stride..][..x.len()], x);
        }
    }
}

/// A row's product with `x`: running sums in lanes and a tree of them, then what is left.
#[inline(always)]
fn dot<T: Float>(row: &[T], x: &[T]) -> T {
    let mut sums = [T::lit(0.0); LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    let (rows, row_rest) = row.as_chunks::<LANES>();
    for (row, x) in rows.iter().zip(chunks) {
        for i in 0..LANES {
            sums[i] = row[i].mul_add(x[i], sums[i]);
        }
    }
    let mut left = T::lit(0.0);
    for (&row, &x) in row_rest.iter().zip(rest) {
        left = row.mul_add(x, left);
    }
    let mut s = [T::lit(0.0); 16];
    for i in 0..16 {
        s[i] = sums[i] + sums[i + 16];
    }
    for i in 0..8 {
        s[i] = s[i] + s[i + 8];
    }
    for i in 0..4 {
        s[i] = s[i] + s[i + 4];
    }
    (s[0] + s[2]) + (s[1] + s[3]) + left
}

fn columns<T: Float>(y: &mut [T], a: Matrix<'_, T>, x: &[T]) {
    let (m, n, stride) = (y.len(), x.len(), a.col as usize);
    let work = (m * n) as f64 * SLOW;
    if m >= PIECE / COLUMNS {
        // Long columns: each piece of the result by itself.
        let each = (PIECE / n.clamp(1, COLUMNS)).max(1);
        let pieces: Vec<(usize, &mut [T])> = y.chunks_mut(each).enumerate().collect();
        threads::for_each(pieces, work, |(i, y)| {
            y.fill(T::lit(0.0));
            add_rows(y, &a.data[a.offset + i * each..], stride, x);
        });
        return;
    }
    let each = (PIECE / m.max(1)).next_multiple_of(COLUMNS).max(n.div_ceil(256)).max(COLUMNS);
    let mut sums = vec![T::lit(0.0); n.div_ceil(each) * m];
    let pieces: Vec<_> = sums.chunks_mut(m).zip(x.chunks(each)).enumerate().collect();
    threads::for_each(pieces, work, |(i, (y, x))| {
        add_rows(y, &a.data[a.offset + i * each * stride..], stride, x);
    });
    // Pairs, pairs of pairs, …
    let count = n.div_ceil(each);
    let mut step = 1;
    while step < count {
        for i in (0..count - step).step_by(2 * step) {
            let (left, right) = sums.split_at_mut((i + step) * m);
            let (to, from) = (&mut left[i * m..][..m], &right[..m]);
            to.iter_mut().zip(from).for_each(|(to, &from)| *to = *to + from);
        }
        step *= 2;
    }
    y.copy_from_slice(&sums[..m]);
}

/// `y` and the sum of columns times elements of `x`.
struct Combination<'a, T> {
    y: &'a mut [T],
    data: &'a [T],
    stride: usize,
    x: &'a [T],
}

impl<T: Float> Vectorize for Combination<'_, T> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let Combination { y, data, stride, x } = self;
        let m = y.len();
        let column = |j: usize| &data[j * stride..][..m];
        let (groups, rest) = x.as_chunks::<COLUMNS>();
        let mut at = 0;
        for x in groups {
            let (a, b, c, d) = (column(at), column(at + 1), column(at + 2), column(at + 3));
            let (e, f, g, h) = (column(at + 4), column(at + 5), column(at + 6), column(at + 7));
            for i in 0..m {
                let near = d[i].mul_add(x[3], c[i].mul_add(x[2], b[i].mul_add(x[1], a[i] * x[0])));
                let far = h[i].mul_add(x[7], g[i].mul_add(x[6], f[i].mul_add(x[5], e[i] * x[4])));
                y[i] = y[i] + (near + far);
            }
            at += COLUMNS;
        }
        for &x in rest {
            for (y, &c) in y.iter_mut().zip(column(at)) {
                *y = c.mul_add(x, *y);
            }
            at += 1;
        }
    }
}
