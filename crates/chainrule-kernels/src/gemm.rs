//! Matrix products, `c = a · b`, on strided operands.
//!
//! The arithmetic is the `gemm` family of crates; this module adds bounds checks, so that the call
//! is safe, and threads: each computes some rows or some columns of a product, as if it were one
//! of its own. The family cuts the sum over k into parts by k alone, except where a product has at
//! most 64 rows and columns, and goes over it in one way, except where it has at most 256 elements.
//! Pieces are therefore larger than that, and bits do not depend on the number of threads.

use crate::gemv::gemv;
use crate::slim::slim;
use crate::{Float, threads};
use gemm_common::Parallelism;

/// A matrix inside a slice: element (i, j) stands at `offset + i * row + j * col`.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a, T> {
    /// The numbers.
    pub data: &'a [T],
    /// Where element (0, 0) stands.
    pub offset: usize,
    /// Distance between rows.
    pub row: isize,
    /// Distance between columns.
    pub col: isize,
}

impl<T: Copy> Matrix<'_, T> {
    /// Where an element stands.
    #[inline(always)]
    pub(crate) fn at(&self, i: usize, j: usize) -> usize {
        (self.offset as isize + i as isize * self.row + j as isize * self.col) as usize
    }

    /// The transpose.
    pub(crate) fn turned(self) -> Self {
        Matrix { row: self.col, col: self.row, ..self }
    }

    /// The matrix from a row on.
    pub(crate) fn below(self, row: usize) -> Self {
        Matrix { offset: (self.offset as isize + row as isize * self.row) as usize, ..self }
    }

    /// The matrix from a column on.
    pub(crate) fn right_of(self, col: usize) -> Self {
        Matrix { offset: (self.offset as isize + col as isize * self.col) as usize, ..self }
    }

    /// Whether every element of a `rows × cols` matrix lies inside the slice.
    fn fits(&self, rows: usize, cols: usize) -> bool {
        let (r, c) = ((rows as isize - 1) * self.row, (cols as isize - 1) * self.col);
        let (low, high) = (r.min(0) + c.min(0), r.max(0) + c.max(0));
        self.offset as isize + low >= 0 && self.offset as isize + high < self.data.len() as isize
    }
}

/// A number that the matrix product is compiled for.
pub trait Gemm: Copy + Default + Send + Sync {
    /// `c = a · b` for `a` m×k and `b` k×n; `c` is m×n, dense and row-major, and is overwritten.
    ///
    /// # Panics
    /// If an operand does not lie inside its slice, or `c` has not m·n elements.
    fn gemm(m: usize, n: usize, k: usize, c: &mut [Self], a: Matrix<'_, Self>, b: Matrix<'_, Self>);
}

/// Products of fewer multiplications than this run on the calling thread.
const THREADED: usize = 1 << 20;
/// Products with no more rows and columns than this have parts of the sum over k of their own,
const NARROW: usize = 64;
/// unless it is no longer than this.
const ONE_PART: usize = 512;
/// Products of no more elements than this add up their terms in another order.
const TINY: usize = 256;
/// Rows and columns of the product that are not divided between threads.
const ROWS: usize = 24;
const COLUMNS: usize = 64;

macro_rules! gemm {
    ($t:ident, $krate:ident) => {
        impl Gemm for $t {
            fn gemm(
                m: usize,
                n: usize,
                k: usize,
                c: &mut [Self],
                a: Matrix<'_, Self>,
                b: Matrix<'_, Self>,
            ) {
                assert_eq!(c.len(), m * n, "the product has {m}×{n} elements");
                if k == 0 || m == 0 || n == 0 {
                    return c.fill(0.0);
                }
                assert!(a.fits(m, k) && b.fits(k, n), "a matrix reaches outside its slice");
                if n == 1 && vector(c, k, a, b.data, b.offset, b.row) {
                    return;
                }
                if m == 1 && vector(c, k, b.turned(), a.data, a.offset, a.col) {
                    return;
                }
                if slim((m, n, k), c, a, b) {
                    return;
                }
                // The family packs `b`, and `a` if its rows are not dense; who divides the product
                // packs what is not divided for each piece.
                let (by_rows, by_columns) = (pieces(m, n, k, ROWS), pieces(n, m, k, COLUMNS));
                let tall = by_columns.len() < by_rows.len() || a.col != 1 && m >= n;
                let pieces = if tall { by_rows } else { by_columns };
                let out = Out(c.as_mut_ptr());
                let work = 0.02 * (m * n * k) as f64;
                threads::for_each(pieces, work, |(start, len)| {
                    let (m, n_here, c, a, b) = if tall {
                        (len, n, out.at(start * n), a.below(start), b)
                    } else {
                        (m, len, out.at(start), a, b.right_of(start))
                    };
                    // The family is fastest when the result's columns are dense: cᵀ = bᵀ · aᵀ.
                    // SAFETY: `fits` has checked that every element of `a` and `b` lies inside its
                    // slice. `c` is exactly m·n elements, cᵀ having row stride 1 and column stride
                    // n, is borrowed mutably, and this piece is the only one to write its rows or
                    // columns; with `read_dst` false its old contents are not used.
                    unsafe {
                        $krate::gemm::$t::get_gemm_fn()(
                            n_here,
                            m,
                            k,
                            c,
                            n as isize,
                            1,
                            false,
                            b.data.as_ptr().offset(b.offset as isize),
                            b.row,
                            b.col,
                            a.data.as_ptr().offset(a.offset as isize),
                            a.row,
                            a.col,
                            0.0,
                            1.0,
                            false,
                            false,
                            false,
                            Parallelism::None,
                        );
                    }
                });
            }
        }
    };
}

/// How the `long` rows or columns of a product are divided, in whole groups but for the last: where
/// each piece starts, and its length.
fn pieces(long: usize, short: usize, k: usize, group: usize) -> Vec<(usize, usize)> {
    let narrow = short <= NARROW && k > ONE_PART;
    let least = if narrow { 2 * NARROW } else { group };
    let least = least.max(TINY / short + 1 + group);
    let threads = if long * short * k >= THREADED { threads::count() } else { 1 };
    let pieces = threads.min(long / least).max(1);
    let start = |i: usize| if i < pieces { i * long / pieces / group * group } else { long };
    (0..pieces).map(|i| (start(i), start(i + 1) - start(i))).collect()
}

/// Where pieces of a product write.
struct Out<T>(*mut T);

impl<T> Out<T> {
    /// The place of an element inside the product.
    fn at(&self, i: usize) -> *mut T {
        self.0.wrapping_add(i)
    }
}

// SAFETY: pieces write to places of their own, see where it is used.
unsafe impl<T: Send> Sync for Out<T> {}

/// `c = a · x` for the k elements of `x` from `offset` on, `step` apart; whether `a` allowed it.
fn vector<T: Float>(
    c: &mut [T],
    k: usize,
    a: Matrix<'_, T>,
    x: &[T],
    offset: usize,
    step: isize,
) -> bool {
    if step == 1 {
        return gemv(c, a, &x[offset..offset + k]);
    }
    let at = |i: usize| (offset as isize + i as isize * step) as usize;
    gemv(c, a, &(0..k).map(|i| x[at(i)]).collect::<Vec<T>>())
}

gemm!(f32, gemm_f32);
gemm!(f64, gemm_f64);

#[cfg(test)]
mod tests {
    use super::*;

    fn naive(m: usize, n: usize, k: usize, a: Matrix<'_, f64>, b: Matrix<'_, f64>) -> Vec<f64> {
        let at = |x: &Matrix<'_, f64>, i: usize, j: usize| {
            x.data[(x.offset as isize + i as isize * x.row + j as isize * x.col) as usize]
        };
        let cell = |i, j| (0..k).map(|l| at(&a, i, l) * at(&b, l, j)).sum();
        (0..m * n).map(|ij| cell(ij / n, ij % n)).collect()
    }

    #[test]
    fn equals_the_definition_for_any_strides() {
        let data: Vec<f64> = (0..4000).map(|i| ((i * 37) % 101) as f64 / 7.0 - 5.0).collect();
        let small =
            [(1, 1, 1), (3, 5, 7), (17, 1, 9), (1, 19, 20), (33, 31, 8), (4, 4, 0), (9, 45, 21)];
        for (m, n, k) in small.into_iter().chain([
            (50, 1, 39),
            (1, 70, 41),
            (1, 35, 100),
            (59, 8, 65),
            (9, 45, 67),
            (67, 45, 9),
        ]) {
            for (ar, ac, br, bc) in
                [(k, 1, n, 1), (1, m, 1, k), (k, 1, 1, k), (0, 1, n, 1), (1, m, n, 1)]
            {
                let a = Matrix { data: &data, offset: 11, row: ar as isize, col: ac as isize };
                let b = Matrix { data: &data, offset: 5, row: br as isize, col: bc as isize };
                let mut c = vec![f64::NAN; m * n];
                f64::gemm(m, n, k, &mut c, a, b);
                for (x, y) in c.iter().zip(naive(m, n, k, a, b)) {
                    assert!((x - y).abs() <= 1e-9 * (1.0 + y.abs()), "{m}×{k}×{n}: {x} {y}");
                }
            }
        }
    }

    #[test]
    fn products_with_vectors_have_the_same_bits_on_any_number_of_threads() {
        let data: Vec<f32> = (0..3_000_000).map(|i| ((i * 37) % 101) as f32 / 7.0).collect();
        for (m, k) in [(30_000, 100), (100, 30_000), (20_000, 3), (3, 999_999)] {
            for (row, col) in [(k as isize, 1), (1, m as isize)] {
                let a = Matrix { data: &data, offset: 0, row, col };
                let x = Matrix { data: &data, offset: 1, row: 1, col: 1 };
                let run = |n| {
                    let mut c = vec![0.0; m];
                    threads::with_threads(n, || f32::gemm(m, 1, k, &mut c, a, x));
                    c
                };
                let (one, two) = (run(1), run(2));
                assert_eq!(one, two);
                let f64s = |i: usize| {
                    let term = |j: usize| {
                        let at = i * row as usize + j * col as usize;
                        f64::from(data[at]) * f64::from(data[1 + j])
                    };
                    (0..k).map(term).sum::<f64>()
                };
                for i in [0, m / 2, m - 1] {
                    // Sums of n positive terms in sixteen lanes: n/16 roundings of 2⁻²⁴.
                    let bound = f64s(i) * 6e-8 * (k as f64 / 16.0 + 8.0);
                    assert!((f64::from(one[i]) - f64s(i)).abs() <= bound, "{m}×{k}, row {i}");
                }
            }
        }
    }

    #[test]
    fn products_have_the_same_bits_on_any_number_of_threads() {
        let data: Vec<f32> = (0..2_000_000).map(|i| ((i * 37) % 101) as f32 / 7.0 - 5.0).collect();
        let sizes = [(64, 784, 256), (200, 1000, 60), (50, 2001, 333), (129, 3000, 10)];
        for (m, k, n) in sizes.into_iter().chain([
            (1000, 10, 250),
            (250, 1000, 10),
            (10, 1000, 250),
            (400, 512, 7),
            (7, 5000, 64),
            (1024, 33, 40),
            (64, 256, 128),
            (97, 513, 131),
        ]) {
            for (across_a, across_b) in [(false, false), (true, false), (false, true)] {
                let strides = |across, r: usize, c: usize| {
                    if across { (1, r as isize) } else { (c as isize, 1) }
                };
                let (row, col) = strides(across_a, m, k);
                let a = Matrix { data: &data, offset: 3, row, col };
                let (row, col) = strides(across_b, k, n);
                let b = Matrix { data: &data, offset: 8, row, col };
                let run = |threads| {
                    let mut c = vec![f32::NAN; m * n];
                    threads::with_threads(threads, || f32::gemm(m, n, k, &mut c, a, b));
                    c
                };
                let one = run(1);
                for threads in [2, 3, 5, 16] {
                    let first = one.iter().zip(run(threads)).position(|(x, y)| *x != y);
                    assert_eq!(first, None, "{m}×{k}×{n} on {threads} threads");
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "outside its slice")]
    fn refuses_to_read_outside() {
        let a = Matrix { data: &[0.0f32; 5], offset: 0, row: 3, col: 1 };
        f32::gemm(2, 1, 3, &mut [0.0; 2], a, Matrix { data: &[0.0; 3], offset: 0, row: 1, col: 1 });
    }
}
