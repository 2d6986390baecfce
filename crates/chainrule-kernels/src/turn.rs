//! Rows that stand as columns in memory.
//!
//! Blocks of 8 × 8 are loaded column by column and turned, by 24 instructions that move pairs,
//! pairs of pairs and halves: with AVX2 where elements have four bytes, with AVX-512 where they
//! have eight. A cache line of a column is used for all rows that it has elements of before it is
//! given up.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;
use std::ops::Range;

use bytemuck::Pod;

#[cfg(target_arch = "x86_64")]
use crate::simd::{Level, level};

/// Elements on a side of a block.
const SIDE: usize = 8;

/// Fills the rows of `out`, of `n` elements each. Element `j` of row `i` is
/// `x[first + i + j * step]`.
///
/// # Panics
/// If `out` is no whole number of rows, or some element is outside of `x`.
pub fn rows<T: Pod>(x: &[T], first: usize, step: isize, n: usize, out: &mut [T]) {
    if out.is_empty() {
        return;
    }
    assert!(out.len().is_multiple_of(n), "{} elements are no rows of {n}", out.len());
    let height = out.len() / n;
    let (start, end) = (first as isize, first as isize + (n as isize - 1) * step);
    let inside = start.min(end) >= 0 && start.max(end) as usize + height <= x.len();
    assert!(inside, "rows {start} to {end} of {height} are outside of {} elements", x.len());
    let mut done = (0, 0);
    #[cfg(target_arch = "x86_64")]
    match (size_of::<T>(), level()) {
        (4, Level::Avx2 | Level::Avx512) => {
            let (x, out) = (bytemuck::cast_slice(x), bytemuck::cast_slice_mut(&mut *out));
            // SAFETY: `level` has found AVX2; all elements are inside, as asserted.
            done = unsafe { blocks32(x, first, step, n, out) };
        }
        (8, Level::Avx512) => {
            let (x, out) = (bytemuck::cast_slice(x), bytemuck::cast_slice_mut(&mut *out));
            // SAFETY: as above, AVX-512.
            done = unsafe { blocks64(x, first, step, n, out) };
        }
        _ => {}
    }
    let (high, wide) = done;
    let mut single = |rows: Range<usize>, columns: Range<usize>| {
        for from in columns.clone().step_by(SIDE) {
            for i in rows.clone() {
                for j in from..columns.end.min(from + SIDE) {
                    out[i * n + j] = x[((first + i) as isize + j as isize * step) as usize];
                }
            }
        }
    };
    single(0..high, wide..n);
    single(high..height, 0..n);
}

#[cfg(target_arch = "x86_64")]
macro_rules! blocks {
    ($blocks:ident, $features:literal, $t:ident, $turn:ident,
     $zero:ident, $load:ident, $store:ident) => {
        /// Whole blocks: the rows and columns that they take.
        ///
        /// # Safety
        /// The processor has these instructions; every element that [`rows`] reads is inside.
        #[target_feature(enable = $features)]
        unsafe fn $blocks(
            x: &[$t],
            first: usize,
            step: isize,
            n: usize,
            out: &mut [$t],
        ) -> (usize, usize) {
            /// Rows that have elements of one cache line.
            const STRIP: usize = 64 / size_of::<$t>();
            let (high, wide) = (out.len() / n / SIDE * SIDE, n / SIDE * SIDE);
            for strip in (0..high).step_by(STRIP) {
                for from in (0..wide).step_by(SIDE) {
                    let column =
                        x.as_ptr().wrapping_offset((first + strip) as isize + from as isize * step);
                    for row in (strip..high.min(strip + STRIP)).step_by(SIDE) {
                        let column = column.wrapping_add(row - strip);
                        let mut block = [$zero(); SIDE];
                        for (j, line) in block.iter_mut().enumerate() {
                            let from = column.wrapping_offset(j as isize * step);
                            // SAFETY: eight elements of a column, all inside.
                            *line = unsafe { $load(from) };
                        }
                        for (i, line) in $turn(block).into_iter().enumerate() {
                            let to = &mut out[(row + i) * n + from..][..SIDE];
                            // SAFETY: eight elements are written to eight.
                            unsafe { $store(to.as_mut_ptr(), line) }
                        }
                    }
                }
            }
            (high, wide)
        }
    };
}
#[cfg(target_arch = "x86_64")]
blocks! {
    blocks32, "avx2", f32, turn32, _mm256_setzero_ps, _mm256_loadu_ps, _mm256_storeu_ps
}
#[cfg(target_arch = "x86_64")]
blocks! {
    blocks64, "avx512f", f64, turn64, _mm512_setzero_pd, _mm512_loadu_pd, _mm512_storeu_pd
}

/// Columns for rows.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx512f")]
pub(crate) fn turn64(rows: [__m512d; 8]) -> [__m512d; 8] {
    let [a, b, c, d, e, f, g, h] = rows;
    // Of two rows the even or odd columns; of four, and of all, every fourth and eighth.
    let even = [(a, b), (c, d), (e, f), (g, h)].map(|(x, y)| _mm512_unpacklo_pd(x, y));
    let odd = [(a, b), (c, d), (e, f), (g, h)].map(|(x, y)| _mm512_unpackhi_pd(x, y));
    let first = |[a, b, c, d]: [__m512d; 4]| {
        [(a, b), (c, d)].map(|(x, y)| _mm512_shuffle_f64x2::<0x88>(x, y))
    };
    let second = |[a, b, c, d]: [__m512d; 4]| {
        [(a, b), (c, d)].map(|(x, y)| _mm512_shuffle_f64x2::<0xdd>(x, y))
    };
    let low = |[x, y]: [__m512d; 2]| _mm512_shuffle_f64x2::<0x88>(x, y);
    let high = |[x, y]: [__m512d; 2]| _mm512_shuffle_f64x2::<0xdd>(x, y);
    let [c0, c1, c2, c3] = [first(even), first(odd), second(even), second(odd)];
    [low(c0), low(c1), low(c2), low(c3), high(c0), high(c1), high(c2), high(c3)]
}

/// Columns for rows.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn turn32(rows: [__m256; 8]) -> [__m256; 8] {
    let [a, b, c, d, e, f, g, h] = rows;
    // Pairs of columns 0 and 1, or 2 and 3, of each half; then single columns; then halves.
    let low = [(a, b), (c, d), (e, f), (g, h)].map(|(x, y)| _mm256_unpacklo_ps(x, y));
    let high = [(a, b), (c, d), (e, f), (g, h)].map(|(x, y)| _mm256_unpackhi_ps(x, y));
    let first =
        |[a, b, c, d]: [__m256; 4]| [(a, b), (c, d)].map(|(x, y)| _mm256_shuffle_ps::<0x44>(x, y));
    let second =
        |[a, b, c, d]: [__m256; 4]| [(a, b), (c, d)].map(|(x, y)| _mm256_shuffle_ps::<0xee>(x, y));
    let left = |[x, y]: [__m256; 2]| _mm256_permute2f128_ps::<0x20>(x, y);
    let right = |[x, y]: [__m256; 2]| _mm256_permute2f128_ps::<0x31>(x, y);
    let [c0, c1, c2, c3] = [first(low), second(low), first(high), second(high)];
    [left(c0), left(c1), left(c2), left(c3), right(c0), right(c1), right(c2), right(c3)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: Pod + PartialEq + std::fmt::Debug>(one: impl Fn(usize) -> T) {
        for (height, n) in [(1, 2), (8, 8), (7, 9), (16, 24), (25, 8), (23, 41), (40, 7)] {
            for (apart, backwards) in [(height + 3, false), (2 * height, true)] {
                let x: Vec<T> = (0..3 + n * apart).map(&one).collect();
                let last = (n - 1) * apart;
                let (first, step) =
                    if backwards { (3 + last, -(apart as isize)) } else { (3, apart as isize) };
                let element = |i: usize, j: usize| {
                    x[3 + i + if backwards { last - j * apart } else { j * apart }]
                };
                let expected: Vec<T> = (0..height * n).map(|at| element(at / n, at % n)).collect();
                let mut out = vec![T::zeroed(); height * n];
                rows(&x, first, step, n, &mut out);
                assert_eq!(out, expected, "{height} rows of {n}, {step} apart");
            }
        }
    }

    #[test]
    fn every_size_of_rows_and_elements() {
        check(|i| i as u8);
        check(|i| i as u32 | 0x7fa0_0000); // NaN that signal, as floats
        check(|i| i as u64 | 0x7ff4 << 48);
    }

    #[test]
    #[should_panic(expected = "outside of 64 elements")]
    fn elements_outside_are_refused() {
        rows(&[0f32; 64], 1, 8, 8, &mut [0f32; 64]);
    }
}
