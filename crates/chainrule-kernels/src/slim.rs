//! Products with short sums, and with few rows or columns.
//!
//! A product of which every element is a sum of sixteen or so terms costs as much to divide, pack
//! and call for as to compute. Here `b` alone is packed, into tiles of columns: a tile takes 128
//! bytes of each row, one row after the other. Each block of the result, some rows by one tile,
//! stays in registers while its terms come in, one k after the other, in the order of the larger
//! products.
//!
//! The derivative with respect to a matrix of few rows or columns, `xᵀ · g`, has long sums, but is
//! itself a sum of products with short sums. There nothing is packed.

use crate::Float;
use crate::gemm::Matrix;
use crate::simd::{self, Vectorize, vectorize};
use crate::threads;

/// Sums no longer than this are short,
const SHORT: usize = 32;
/// if `a` has at least so many rows for each packing of `b`.
const ROWS: usize = 8;
/// With fewer rows, dense rows of `b` are not packed.
const MANY: usize = 48;
/// Pieces for threads.
const PIECES: usize = 16;
/// Parts of a long sum, each with a result of its own,
const PARTS: usize = 8;
/// which has no more elements than this.
const SMALL: usize = 1 << 16;
/// Rows of the result that [`product`] computes together.
pub const GROUP: usize = 4;
/// The same where few rows meet long ones.
const FIVE: usize = 5;

/// Computes the m×n product if its sums are short, or if it has few rows or columns and what lies
/// along the others is dense, and says whether it did.
pub(crate) fn slim<T: Float>(
    (m, n, k): (usize, usize, usize),
    c: &mut [T],
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
) -> bool {
    if !pays(m, n, k) {
        return false;
    }
    if k > SHORT {
        let small = m * n <= SMALL;
        let (few_rows, few_columns) = (small && m <= SHORT && m < n, small && n <= SHORT && n < m);
        if few_rows && b.col == 1 && b.row > 0 {
            long(a, b, (m, n, k), |r, j| r * n + j, c);
        } else if few_columns && a.row == 1 && a.col > 0 {
            long(b.turned(), a.turned(), (n, m, k), |j, r| r * n + j, c);
        } else {
            return false;
        }
        return true;
    }
    if m < MANY && b.col == 1 && b.row > 0 && n >= tile::<T>(n) {
        let (b, row) = (&b.data[b.offset..], b.row as usize);
        vectorize(Slim { c, a, b, row, packed: false, n, k });
        return true;
    }
    let mut packed = vec![T::default(); packed_len::<T>(n, k) + 64 / size_of::<T>()];
    let aligned = packed.as_ptr().align_offset(64).min(64 / size_of::<T>());
    let packed = &mut packed[aligned..][..packed_len::<T>(n, k)];
    pack(b, (n, k), packed);
    let packed = &*packed;
    let work = 0.03 * (c.len() * k) as f64;
    if !threads::is_worth_sharing(work) {
        product(c, 0, a, packed, (n, k));
        return true;
    }
    let each = m.div_ceil(PIECES).next_multiple_of(GROUP);
    let pieces = c.chunks_mut(each * n).enumerate().collect();
    threads::for_each(pieces, work, |(i, c)| product(c, i * each, a, packed, (n, k)));
    true
}

/// Whether such products are computed here, if their sums are short or what is long is dense.
fn pays(m: usize, n: usize, k: usize) -> bool {
    // Sums of one or two terms have a way of their own, with other roundings. A processor without
    // fused multiply-adds would compute them one by one.
    let fused = cfg!(not(target_arch = "x86_64")) || simd::level() >= simd::Level::Avx2;
    fused && k > 2 && m >= ROWS && n >= ROWS
}

/// Whether [`product`] computes an m×n product of sums of k terms, with the bits of
/// [`Gemm`](crate::gemm::Gemm).
pub fn is_short(m: usize, n: usize, k: usize) -> bool {
    pays(m, n, k) && k <= SHORT
}

/// Columns of a tile of a matrix with `n` columns: 128 bytes, or half of it if that suffices.
fn tile<T>(n: usize) -> usize {
    let half = 64 / size_of::<T>();
    if n <= half { half } else { 2 * half }
}

/// Numbers of a packed matrix with `n` columns and `k` rows.
pub fn packed_len<T>(n: usize, k: usize) -> usize {
    k * n.next_multiple_of(tile::<T>(n))
}

/// Where the tiles of a matrix with `n` columns start: one after the other, and the last one so
/// that it ends with the matrix, if that is as wide as a tile.
fn starts(n: usize, wide: usize) -> impl Iterator<Item = usize> {
    (0..n).step_by(wide).map(move |j| j.min(n.saturating_sub(wide)))
}

/// Packs a matrix with `n` columns and `k` rows: tile after tile, each row after row, what is
/// beyond the last column being 0.
///
/// # Panics
/// If the matrix does not lie inside its slice, or `to` has not [`packed_len`] numbers.
pub fn pack<T: Float>(b: Matrix<'_, T>, (n, k): (usize, usize), to: &mut [T]) {
    assert_eq!(to.len(), packed_len::<T>(n, k), "see `packed_len`");
    let wide = tile::<T>(n);
    for (start, tile) in starts(n, wide).zip(to.chunks_exact_mut(wide * k)) {
        for (l, row) in tile.chunks_exact_mut(wide).enumerate() {
            let (row, beyond) = row.split_at_mut(wide.min(n));
            let from = b.at(l, start);
            if b.col == 1 {
                row.copy_from_slice(&b.data[from..from + row.len()]);
            } else {
                let place = |j: usize| (from as isize + j as isize * b.col) as usize;
                row.iter_mut().enumerate().for_each(|(j, to)| *to = b.data[place(j)]);
            }
            beyond.fill(T::default());
        }
    }
}

/// Some rows of the product `a · b`, from row `first` on, with `n` columns and sums of `k` terms,
/// on the calling thread; `b` as [`pack`] leaves it. See [`is_short`].
///
/// # Panics
/// If `a` does not lie inside its slice, `b` has not [`packed_len`] numbers, or sums are not short.
pub fn product<T: Float>(
    c: &mut [T],
    first: usize,
    a: Matrix<'_, T>,
    b: &[T],
    (n, k): (usize, usize),
) {
    assert!(k <= SHORT && b.len() == packed_len::<T>(n, k), "see `is_short` and `packed_len`");
    let (a, row) = (a.below(first), tile::<T>(n));
    vectorize(Slim { c, a, b, row, packed: true, n, k });
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
            vectorize(More { c, a, b, n, k: SHORT.min(k - l) });
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

/// The factors of some rows of `b` in each row of a group of rows of the product.
type Factors<T> = [[T; SHORT]; FIVE];

/// Collects the factors of `k` rows in rows of the product from `first` on.
#[inline(always)]
fn collect<T: Float>(
    factors: &mut Factors<T>,
    a: Matrix<'_, T>,
    (first, rows): (usize, usize),
    k: usize,
) {
    for (row, to) in factors[..rows].iter_mut().enumerate() {
        let (from, to) = (a.at(first + row, 0), &mut to[..k]);
        if a.col == 1 {
            to.iter_mut().zip(&a.data[from..from + k]).for_each(|(to, &x)| *to = x);
        } else {
            let place = |l: usize| (from as isize + l as isize * a.col) as usize;
            to.iter_mut().enumerate().for_each(|(l, to)| *to = a.data[place(l)]);
        }
    }
}

/// A product, `b` being packed, or dense rows that stand `row` apart.
struct Slim<'a, T> {
    c: &'a mut [T],
    a: Matrix<'a, T>,
    b: &'a [T],
    row: usize,
    packed: bool,
    n: usize,
    k: usize,
}

impl<T: Float> Vectorize for Slim<'_, T> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        match tile::<T>(self.n) {
            32 => self.tiles::<32>(),
            16 => self.tiles::<16>(),
            _ => self.tiles::<8>(),
        }
    }
}

impl<T: Float> Slim<'_, T> {
    #[inline(always)]
    fn tiles<const W: usize>(self) {
        let Slim { c, a, b, row, packed, n, k } = self;
        let mut factors: Factors<T> = [[T::default(); SHORT]; FIVE];
        let rows = c.len() / n;
        for first in (0..rows).step_by(GROUP) {
            collect(&mut factors, a, (first, GROUP.min(rows - first)), k);
            let c = &mut c[first * n..];
            if n < W && c.len() < (GROUP - 1) * n + W {
                // The last rows: beyond them nothing may be written.
                let mut some = [[T::default(); W]; GROUP];
                block::<T, W, GROUP, false>(some.as_flattened_mut(), W, (&factors, k), b, row);
                c.chunks_mut(n).zip(&some).for_each(|(c, some)| c.copy_from_slice(&some[..n]));
                return;
            }
            // What is written beyond a short row, the next row writes again.
            for (i, start) in starts(n, W).enumerate() {
                let b = &b[if packed { i * k * W } else { start }..];
                block::<T, W, GROUP, false>(&mut c[start..], n, (&factors, k), b, row);
            }
        }
    }
}

/// What is added to a product of few rows, the rows of `b` being dense.
struct More<'a, T> {
    c: &'a mut [T],
    a: Matrix<'a, T>,
    b: Matrix<'a, T>,
    n: usize,
    k: usize,
}

impl<T: Float> Vectorize for More<'_, T> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let over = |r: usize| (self.c.len() / self.n).next_multiple_of(r);
        if over(FIVE) < over(GROUP) { self.by::<FIVE, 7>() } else { self.by::<GROUP, 8>() }
    }
}

impl<T: Float> More<'_, T> {
    /// `G` groups of `R` rows, all of which meet each block of columns in turn.
    #[inline(always)]
    fn by<const R: usize, const G: usize>(self) {
        let More { c, a, b, n, k } = self;
        let mut factors: [Factors<T>; G] = [[[T::default(); SHORT]; FIVE]; G];
        let rows = c.len() / n;
        let groups = rows.div_ceil(R);
        for (i, factors) in factors[..groups].iter_mut().enumerate() {
            collect(factors, a, (i * R, R.min(rows - i * R)), k);
        }
        let factors = &factors[..groups];
        let mut j = 0;
        while size_of::<T>() < 8 && j + 32 <= n {
            columns::<T, 32, R>(c, n, j, factors, b, k);
            j += 32;
        }
        while j + 16 <= n {
            columns::<T, 16, R>(c, n, j, factors, b, k);
            j += 16;
        }
        if j + 8 <= n {
            columns::<T, 8, R>(c, n, j, factors, b, k);
            j += 8;
        }
        if j < n {
            // The last eight, some of which are there. They are added one by one: a vector would
            // have to wait for the one before it to be stored.
            let (b, row) = (&b.data[b.at(0, n - 8)..], b.row as usize);
            for (factors, c) in factors.iter().zip(c.chunks_mut(R * n)) {
                let mut some = [[T::default(); 8]; R];
                block::<T, 8, R, false>(some.as_flattened_mut(), 8, (factors, k), b, row);
                for (c, some) in c.chunks_mut(n).zip(&some) {
                    let some = &some[j + 8 - n..];
                    c[j..].iter_mut().zip(some).for_each(|(c, &sum)| *c = *c + sum);
                }
            }
        }
    }
}

/// `W` columns of all groups of rows, from column `j` on.
#[inline(always)]
fn columns<T: Float, const W: usize, const R: usize>(
    c: &mut [T],
    n: usize,
    j: usize,
    factors: &[Factors<T>],
    b: Matrix<'_, T>,
    k: usize,
) {
    let (b, row) = (&b.data[b.at(0, j)..], b.row as usize);
    let mut from = j;
    for factors in factors {
        block::<T, W, R, true>(&mut c[from..], n, (factors, k), b, row);
        from += R * n;
    }
}

/// `W` columns of `R` rows or fewer of the product, which stand `n` apart, for rows of `b` that
/// stand `row` apart. They are written, or added if `ADD`.
#[inline(always)]
fn block<T: Float, const W: usize, const R: usize, const ADD: bool>(
    c: &mut [T],
    n: usize,
    (factors, k): (&Factors<T>, usize),
    b: &[T],
    row: usize,
) {
    // A variable for each row: an array of rows would stand in memory.
    macro_rules! rows {
        ($($sums:ident $r:literal),*) => {{
            $(let mut $sums = [T::default(); W];)*
            let mut at = 0;
            for l in 0..k.min(SHORT) {
                let Some(row_of_b) = b.get(at..).and_then(<[T]>::first_chunk::<W>) else { return };
                $($sums = plus($sums, factors[$r][l], row_of_b);)*
                at += row;
            }
            $(
                let place = c.get_mut($r * n..).and_then(<[T]>::first_chunk_mut::<W>);
                let Some(place) = place else { return };
                for w in 0..W {
                    place[w] = if ADD { place[w] + $sums[w] } else { $sums[w] };
                }
            )*
        }};
    }
    match R {
        FIVE => rows!(c0 0, c1 1, c2 2, c3 3, c4 4),
        _ => rows!(c0 0, c1 1, c2 2, c3 3),
    }
}

/// Each sum with another term.
#[inline(always)]
fn plus<T: Float, const W: usize>(mut sums: [T; W], factor: T, row: &[T; W]) -> [T; W] {
    for w in 0..W {
        sums[w] = factor.mul_add(row[w], sums[w]);
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gemm::Gemm;

    /// Numbers whose products and sums are exact, so that any order gives the same.
    fn whole(n: usize, k: usize) -> Vec<f32> {
        (0..n).map(|i| ((i * k) % 23) as f32 - 11.0).collect()
    }

    #[test]
    fn rows_of_any_product_equal_the_definition() {
        let (a, b) = (whole(40_000, 7), whole(40_000, 5));
        for (m, n, k) in
            [(8, 8, 3), (9, 13, 5), (40, 31, 16), (21, 32, 32), (30, 33, 4), (12, 250, 10)]
        {
            for (across_a, across_b) in [(false, false), (true, false), (false, true)] {
                let matrix = |data, across, r: usize, c: usize| {
                    let (row, col) = if across { (1, r as isize) } else { (c as isize, 1) };
                    Matrix { data, offset: 2, row, col }
                };
                let (ma, mb) = (matrix(&a, across_a, m, k), matrix(&b, across_b, k, n));
                let exact = |i: usize, j: usize| -> f32 {
                    (0..k).map(|l| a[ma.at(i, l)] * b[mb.at(l, j)]).sum()
                };
                let mut packed = vec![f32::NAN; packed_len::<f32>(n, k)];
                pack(mb, (n, k), &mut packed);
                for (first, rows) in [(0, m), (1, m - 1), (3, 4), (m - 3, 3)] {
                    let mut c = vec![f32::NAN; rows * n];
                    product(&mut c, first, ma, &packed, (n, k));
                    let wrong = (0..rows * n).find(|&i| c[i] != exact(first + i / n, i % n));
                    assert_eq!(wrong, None, "{rows} rows from {first} of {m}×{k}×{n}");
                }
                let mut c = vec![f32::NAN; m * n];
                f32::gemm(m, n, k, &mut c, ma, mb);
                assert!((0..m * n).all(|i| c[i] == exact(i / n, i % n)), "{m}×{k}×{n}");
            }
        }
    }

    #[test]
    fn long_sums_of_few_rows_or_columns_equal_the_definition() {
        let (a, b) = (whole(300_000, 7), whole(300_000, 5));
        for (m, n, k) in
            [(10, 250, 1000), (250, 10, 1000), (9, 77, 100), (32, 41, 33), (101, 8, 64)]
        {
            let ma = Matrix { data: &a, offset: 1, row: 1, col: m as isize };
            let mb = Matrix { data: &b, offset: 3, row: n as isize, col: 1 };
            let mut c = vec![f32::NAN; m * n];
            assert!(slim((m, n, k), &mut c, ma, mb), "{m}×{k}×{n}");
            let exact = |i: usize, j: usize| -> f32 {
                (0..k).map(|l| a[ma.at(i, l)] * b[mb.at(l, j)]).sum()
            };
            assert!((0..m * n).all(|i| c[i] == exact(i / n, i % n)), "{m}×{k}×{n}");
        }
    }
}
