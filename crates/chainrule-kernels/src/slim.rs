//! Products with short sums, and with few rows or columns.
//!
//! A product of which every element is a sum of sixteen or so terms costs as much to divide, pack
//! and call for as to compute. Here nothing is packed but a `b` whose rows are not dense, and each
//! block of the result stays in registers while its terms come in, one k after the other, in the
//! order of the larger products.
//!
//! The derivative with respect to a matrix of few rows or columns, `xᵀ · g`, has long sums, but is
//! itself a sum of products with short sums.

use crate::Float;
use crate::gemm::Matrix;
use crate::simd::{self, Vectorize, vectorize};
use crate::threads;

/// Sums no longer than this are short,
const SHORT: usize = 32;
/// if `a` has at least so many rows for each packing of `b`.
const ROWS: usize = 8;
/// Pieces for threads.
const PIECES: usize = 16;
/// Parts of a long sum, each with a result of its own,
const PARTS: usize = 8;
/// which has no more elements than this.
const SMALL: usize = 1 << 16;
/// Rows of the result that are computed together.
const TOGETHER: usize = 4;

/// Computes the m×n product if its sums are short, or if it has few rows or columns and what lies
/// along the others is dense, and says whether it did.
pub(crate) fn slim<T: Float>(
    (m, n, k): (usize, usize, usize),
    c: &mut [T],
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
) -> bool {
    // Sums of one or two terms have a way of their own, with other roundings. A processor without
    // fused multiply-adds would compute them one by one.
    let fused = cfg!(not(target_arch = "x86_64")) || simd::level() >= simd::Level::Avx2;
    if !fused || k < 3 || m < ROWS || n < ROWS {
        return false;
    }
    if k > SHORT {
        let small = m * n <= SMALL;
        let (few_rows, few_columns) = (small && m <= SHORT && m < n, small && n <= SHORT && n < m);
        if few_rows && b.col == 1 {
            long(a, b, (m, n, k), |r, j| r * n + j, c);
        } else if few_columns && a.row == 1 {
            long(b.turned(), a.turned(), (n, m, k), |j, r| r * n + j, c);
        } else {
            return false;
        }
        return true;
    }
    if b.col == 1 {
        rows(c, a, b, n, k);
        return true;
    }
    let mut packed = vec![T::default(); k * n];
    for (l, row) in packed.chunks_exact_mut(n).enumerate() {
        for (j, to) in row.iter_mut().enumerate() {
            *to = b.data[b.at(l, j)];
        }
    }
    rows(c, a, Matrix { data: &packed, offset: 0, row: n as isize, col: 1 }, n, k);
    true
}

/// All rows of the product, divided between threads.
fn rows<T: Float>(c: &mut [T], a: Matrix<'_, T>, b: Matrix<'_, T>, n: usize, k: usize) {
    let work = 0.03 * (c.len() * k) as f64;
    let each = (c.len() / n).div_ceil(PIECES).next_multiple_of(TOGETHER);
    if work < threads::WORTH {
        return vectorize(Slim { c, a, b, n, k, more: false });
    }
    let pieces = c.chunks_mut(each * n).enumerate().collect();
    threads::for_each(pieces, work, |(i, c)| {
        vectorize(Slim { c, a: a.below(i * each), b, n, k, more: false });
    });
}

/// A product of few rows, the rows of `b` being dense: a sum of products with short sums. Each
/// thread has some rows of `b`, as it had when they were computed. `at` says where an element goes.
fn long<T: Float>(
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    (m, n, k): (usize, usize, usize),
    at: impl Fn(usize, usize) -> usize,
    c: &mut [T],
) {
    let each = k.div_ceil(PARTS).next_multiple_of(SHORT);
    let mut parts = vec![T::default(); m * n * k.div_ceil(each)];
    let work = 0.03 * (m * n * k) as f64;
    threads::for_each(parts.chunks_mut(m * n).enumerate().collect(), work, |(i, c)| {
        for l in (i * each..k.min((i + 1) * each)).step_by(SHORT) {
            let (a, b) = (a.right_of(l), b.below(l));
            vectorize(Slim { c, a, b, n, k: SHORT.min(k - l), more: true });
        }
    });
    let (sum, rest) = parts.split_at_mut(m * n);
    for part in rest.chunks_exact(m * n) {
        sum.iter_mut().zip(part).for_each(|(sum, &x)| *sum = *sum + x);
    }
    for (r, row) in sum.chunks_exact(n).enumerate() {
        row.iter().enumerate().for_each(|(j, &x)| c[at(r, j)] = x);
    }
}

struct Slim<'a, T> {
    c: &'a mut [T],
    a: Matrix<'a, T>,
    b: Matrix<'a, T>,
    n: usize,
    k: usize,
    /// Whether the product is added to what `c` holds.
    more: bool,
}

impl<T: Float> Vectorize for Slim<'_, T> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let Slim { c, a, b, n, k, more } = self;
        let mut factors = [[T::default(); TOGETHER]; SHORT];
        for (group, c) in c.chunks_mut(TOGETHER * n).enumerate() {
            let rows = c.len() / n;
            for (l, factors) in factors[..k].iter_mut().enumerate() {
                for (r, factor) in factors[..rows].iter_mut().enumerate() {
                    *factor = a.data[a.at(group * TOGETHER + r, l)];
                }
            }
            let factors = &factors[..k];
            let mut j = 0;
            while size_of::<T>() < 8 && j + 32 <= n {
                block::<T, 32>(c, n, j, factors, b, more);
                j += 32;
            }
            while j + 16 <= n {
                block::<T, 16>(c, n, j, factors, b, more);
                j += 16;
            }
            while j + 8 <= n {
                block::<T, 8>(c, n, j, factors, b, more);
                j += 8;
            }
            while j < n {
                block::<T, 1>(c, n, j, factors, b, more);
                j += 1;
            }
        }
    }
}

/// `W` columns of some rows of the product, from column `j` on.
#[inline(always)]
fn block<T: Float, const W: usize>(
    c: &mut [T],
    n: usize,
    j: usize,
    factors: &[[T; TOGETHER]],
    b: Matrix<'_, T>,
    more: bool,
) {
    let [mut c0, mut c1, mut c2, mut c3] = [[T::default(); W]; TOGETHER];
    for (l, f) in factors.iter().enumerate() {
        let Some(row) = b.data[b.at(l, j)..].first_chunk::<W>() else { return };
        c0 = add(c0, f[0], row);
        c1 = add(c1, f[1], row);
        c2 = add(c2, f[2], row);
        c3 = add(c3, f[3], row);
    }
    let mut at = j;
    for sums in [c0, c1, c2, c3] {
        let Some(c) = c.get_mut(at..).and_then(<[T]>::first_chunk_mut::<W>) else { return };
        for (c, sum) in c.iter_mut().zip(sums) {
            *c = if more { *c + sum } else { sum };
        }
        at += n;
    }
}

/// Each sum with another term.
#[inline(always)]
fn add<T: Float, const W: usize>(mut sums: [T; W], factor: T, row: &[T; W]) -> [T; W] {
    for w in 0..W {
        sums[w] = factor.mul_add(row[w], sums[w]);
    }
    sums
}
