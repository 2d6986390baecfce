//! Rows of a few elements, eight rows at a time, with AVX-512.
//!
//! Eight rows side by side are reduced in one register, column by column, each row in order: the
//! bits are those of a loop over each row. Columns are not contiguous. Compilers collect them
//! element by element; here blocks of 8 × 8 are loaded row by row and turned ([`crate::turn`]).

use std::arch::x86_64::*;

use crate::reduce::Fold;
use crate::turn::{turn32, turn64};

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
