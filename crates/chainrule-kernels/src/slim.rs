//! Products with a short sum, `c = a · b` where a has few columns.
//!
//! A product of which every element is a sum of sixteen or so costs as much to divide, pack and
//! call for as to compute. Here nothing is packed but a `b` whose rows are not dense, and each
//! block of the result stays in registers while its terms come in, one k after the other: the order,
//! and with it the bits, of the larger products.

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
/// Rows of the result that are computed together.
const TOGETHER: usize = 4;

/// Computes the m×n product if its sums are short, and says whether it did.
pub(crate) fn slim<T: Float>(
    (m, n, k): (usize, usize, usize),
    c: &mut [T],
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
) -> bool {
    // Sums of one or two terms have a way of their own, with other roundings. A processor without
    // fused multiply-adds would compute them one by one.
    let fused = cfg!(not(target_arch = "x86_64")) || simd::level() >= simd::Level::Avx2;
    if !fused || !(3..=SHORT).contains(&k) || m < ROWS || n < ROWS {
        return false;
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
        return vectorize(Slim { c, a, b, n, k });
    }
    let pieces = c.chunks_mut(each * n).enumerate().collect();
    threads::for_each(pieces, work, |(i, c)| {
        vectorize(Slim { c, a: a.below(i * each), b, n, k });
    });
}

struct Slim<'a, T> {
    c: &'a mut [T],
    a: Matrix<'a, T>,
    b: Matrix<'a, T>,
    n: usize,
    k: usize,
}

impl<T: Float> Vectorize for Slim<'_, T> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let Slim { c, a, b, n, k } = self;
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
            while j + 16 <= n {
                block::<T, 16>(c, n, j, factors, b);
                j += 16;
            }
            while j + 8 <= n {
                block::<T, 8>(c, n, j, factors, b);
                j += 8;
            }
            while j < n {
                block::<T, 1>(c, n, j, factors, b);
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
) {
    let [mut c0, mut c1, mut c2, mut c3] = [[T::default(); W]; TOGETHER];
    for (l, f) in factors.iter().enumerate() {
        let Some(row) = b.data[b.at(l, j)..].first_chunk::<W>() else { return };
        c0 = add(c0, f[0], row);
        c1 = add(c1, f[1], row);
        c2 = add(c2, f[2], row);
        c3 = add(c3, f[3], row);
    }
    for (c, sums) in c.chunks_exact_mut(n).zip([c0, c1, c2, c3]) {
        c[j..j + W].copy_from_slice(&sums);
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
