//! Run-time dispatch to the widest vector instructions of the machine.
//!
//! A loop is written once, as plain Rust over slices, in a [`Vectorize`] whose `call` is
//! `#[inline(always)]`. [`vectorize`] compiles it three times (baseline, AVX2 + FMA, AVX-512) and
//! runs the best one that the processor has; the compiler vectorises each copy for its own
//! registers. Lane arithmetic goes through [`Float::mul_add`](crate::Float::mul_add), which is one
//! instruction on the two upper levels and a correctly rounded library call on the lowest, so all
//! three levels give the same bits.

use std::sync::atomic::{AtomicU8, Ordering};

/// A loop to compile once per instruction set. `call` must be `#[inline(always)]`, and so must
/// everything in it that should be vectorised.
pub trait Vectorize {
    /// What the loop returns.
    type Output;
    /// Runs the loop.
    fn call(self) -> Self::Output;
}

/// The instruction sets that [`vectorize`] chooses from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What every machine of the target has (NEON on AArch64).
    Baseline,
    /// AVX2 and FMA: 256-bit registers.
    Avx2,
    /// AVX-512 F, BW, CD, DQ and VL: 512-bit registers.
    Avx512,
}

static LEVEL: AtomicU8 = AtomicU8::new(u8::MAX);

/// The level this machine runs at.
#[inline]
pub fn level() -> Level {
    match LEVEL.load(Ordering::Relaxed) {
        0 => Level::Baseline,
        1 => Level::Avx2,
        2 => Level::Avx512,
        _ => detect(),
    }
}

#[cold]
fn detect() -> Level {
    #[cfg(target_arch = "x86_64")]
    let level = if is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512cd")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("fma")
    {
        Level::Avx512
    } else if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        Level::Avx2
    } else {
        Level::Baseline
    };
    #[cfg(not(target_arch = "x86_64"))]
    let level = Level::Baseline;
    LEVEL.store(level as u8, Ordering::Relaxed);
    level
}

/// Runs `loop_` with the widest instructions of this machine.
#[inline]
pub fn vectorize<V: Vectorize>(loop_: V) -> V::Output {
    #[cfg(target_arch = "x86_64")]
    match level() {
        // SAFETY: `level` has found every feature that `avx512` enables on this processor.
        Level::Avx512 => return unsafe { avx512(loop_) },
        // SAFETY: `level` has found every feature that `avx2` enables on this processor.
        Level::Avx2 => return unsafe { avx2(loop_) },
        Level::Baseline => {}
    }
    loop_.call()
}

/// Cache lines that will be read, or written, soon, to be asked for one after the other. The
/// processor's own prefetching stops at the end of each page.
#[derive(Debug)]
pub struct Lines {
    next: *const u8,
    left: usize,
    write: bool,
}

impl Default for Lines {
    /// None.
    fn default() -> Lines {
        Lines::of(&[], false)
    }
}

impl Lines {
    /// The lines of some bytes.
    #[inline]
    pub fn of(bytes: &[u8], write: bool) -> Lines {
        Lines { next: bytes.as_ptr(), left: bytes.len().div_ceil(64), write }
    }

    /// How many are left.
    #[inline]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.left
    }

    /// Asks for the next, `most` at most: how many there were.
    #[inline]
    pub fn prefetch(&mut self, most: usize) -> usize {
        let count = self.left.min(most);
        for _ in 0..count {
            #[cfg(target_arch = "x86_64")]
            {
                use std::arch::x86_64::{_MM_HINT_ET0, _MM_HINT_T0, _mm_prefetch};
                let at = self.next.cast::<i8>();
                if self.write {
                    // SAFETY: a hint, which reads and writes nothing whatever the address is.
                    unsafe { _mm_prefetch::<_MM_HINT_ET0>(at) }
                } else {
                    // SAFETY: as above.
                    unsafe { _mm_prefetch::<_MM_HINT_T0>(at) }
                }
            }
            self.next = self.next.wrapping_add(64);
        }
        self.left -= count;
        count
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,fma,bmi1,bmi2")]
fn avx512<V: Vectorize>(loop_: V) -> V::Output {
    loop_.call()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2<V: Vectorize>(loop_: V) -> V::Output {
    loop_.call()
}
