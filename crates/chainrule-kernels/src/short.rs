//! Rows of a few elements, eight rows at a time, with AVX-512.
//!
//! Eight rows side by side are reduced in one register, column by column, each row in order: the
//! bits are those of a loop over each row. Columns are not contiguous. Compilers collect them
//! element by element; here blocks of 8 × 8 are loaded row by row and turned, by 24 instructions
//! that move pairs, pairs of pairs and halves.

use std::arch::x86_64::*;

use crate::reduce::Fold;

/// A type whose rows are reduced so.
pub(crate) trait Turned: Sized {
    /// Each of eight rows of `n` elements in one, for each eight rows of `x`.
    ///
    /// # Safety
    /// The processor has AVX-512 F, DQ and VL.
    unsafe fn rows(fold: Fold, x: &[Self], n: usize, out: &mut [[Self; 8]]);
}

macro_rules! turned {
    ($t:ident, $register:ident, $turn:ident, $splat:ident, $load:ident, $store:ident,
     $add:ident, $max:ident, $min:ident, $unordered:ident) => {
        impl Turned for $t {
            #[target_feature(enable = "avx512f,avx512dq,avx512vl")]
            unsafe fn rows(fold: Fold, x: &[$t], n: usize, out: &mut [[$t; 8]]) {
                match fold {
                    Fold::Sum => each(x, n, out, fold, |x, y| $add(x, y)),
                    Fold::Max => each(x, n, out, fold, |x, y| $max(x, y)),
                    Fold::Min => each(x, n, out, fold, |x, y| $min(x, y)),
                }

                #[inline]
                #[target_feature(enable = "avx512f,avx512dq,avx512vl")]
                fn each(
                    x: &[$t],
                    n: usize,
                    out: &mut [[$t; 8]],
                    fold: Fold,
                    f: impl Fn($register, $register) -> $register + Copy,
                ) {
                    match n % 8 {
                        0 => with_tail::<0>(x, n, out, fold, f),
                        1 => with_tail::<1>(x, n, out, fold, f),
                        2 => with_tail::<2>(x, n, out, fold, f),
                        3 => with_tail::<3>(x, n, out, fold, f),
                        4 => with_tail::<4>(x, n, out, fold, f),
                        5 => with_tail::<5>(x, n, out, fold, f),
                        6 => with_tail::<6>(x, n, out, fold, f),
                        _ => with_tail::<7>(x, n, out, fold, f),
                    }
                }

                #[inline]
                #[target_feature(enable = "avx512f,avx512dq,avx512vl")]
                fn with_tail<const TAIL: usize>(
                    x: &[$t],
                    n: usize,
                    out: &mut [[$t; 8]],
                    fold: Fold,
                    f: impl Fn($register, $register) -> $register + Copy,
                ) {
                    // One row and the next are `n` elements apart.
                    let columns = |x: &[$t], from: usize, mask: u8| {
                        let mut block = [$splat(0.0); 8];
                        for (i, row) in block.iter_mut().enumerate() {
                            // SAFETY: row `i` has `n` elements from `i * n` on, and the mask is
                            // for those only that it has from `from` on.
                            *row = unsafe { $load(mask, x.as_ptr().add(i * n + from)) };
                        }
                        $turn(block)
                    };
                    let whole = n - TAIL;
                    for (out, x) in out.iter_mut().zip(x.chunks_exact(8 * n)) {
                        let (mut total, mut nan) = ($splat(fold.neutral()), 0);
                        for from in (0..whole).step_by(8) {
                            for column in columns(x, from, u8::MAX) {
                                nan |= $unordered(column, column);
                                total = f(total, column);
                            }
                        }
                        if TAIL > 0 {
                            let block = columns(x, whole, u8::MAX >> (8 - TAIL));
                            for &column in &block[..TAIL] {
                                nan |= $unordered(column, column);
                                total = f(total, column);
                            }
                        }
                        // SAFETY: eight elements are written to eight.
                        unsafe { $store(out.as_mut_ptr(), total) }
                        if nan != 0 && fold != Fold::Sum {
                            // Instructions for extrema forget NaN.
                            for (out, row) in out.iter_mut().zip(x.chunks_exact(n)) {
                                let one = |total, &x: &$t| fold.combine(total, x);
                                *out = row.iter().fold(fold.neutral(), one);
                            }
                        }
                    }
                }
            }
        }
    };
}
turned! {
    f64, __m512d, turn64, _mm512_set1_pd, _mm512_maskz_loadu_pd, _mm512_storeu_pd, _mm512_add_pd,
    _mm512_max_pd, _mm512_min_pd, unordered64
}
turned! {
    f32, __m256, turn32, _mm256_set1_ps, _mm256_maskz_loadu_ps, _mm256_storeu_ps, _mm256_add_ps,
    _mm256_max_ps, _mm256_min_ps, unordered32
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl")]
fn unordered64(x: __m512d, y: __m512d) -> u8 {
    _mm512_cmp_pd_mask::<_CMP_UNORD_Q>(x, y)
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl")]
fn unordered32(x: __m256, y: __m256) -> u8 {
    _mm256_cmp_ps_mask::<_CMP_UNORD_Q>(x, y)
}

/// Columns for rows.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl")]
fn turn64(rows: [__m512d; 8]) -> [__m512d; 8] {
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
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl")]
fn turn32(rows: [__m256; 8]) -> [__m256; 8] {
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
