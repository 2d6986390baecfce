//! A place for a value that is filled in once.
//!
//! A [`Once`] is a [`OnceLock`](std::sync::OnceLock) that nobody waits at: of several who fill it
//! at the same time one succeeds, and until it has, there is no value. Without waiting there is no
//! list of who waits, and filling costs two stores.
//!
//! ```
//! use chainrule_kernels::once::Once;
//! let x = Once::new();
//! assert_eq!((x.get(), x.set(1), x.set(2), x.get()), (None, Ok(()), Err(2), Some(&1)));
//! ```

use std::cell::UnsafeCell;
use std::sync::atomic::{
    AtomicU8,
    Ordering::{Acquire, Relaxed, Release},
};

const EMPTY: u8 = 0;
const BUSY: u8 = 1;
const FULL: u8 = 2;

/// A value that is there from some moment on.
pub struct Once<T> {
    state: AtomicU8,
    value: UnsafeCell<Option<T>>,
}

// SAFETY: the value is written by the one who turned `state` from EMPTY to BUSY, and read only
// after it is FULL, which it stays; so it may be read by all threads (`Sync`) and is dropped by
// whoever owns it, who need not be the one who filled it (`Send`).
unsafe impl<T: Send + Sync> Sync for Once<T> {}

impl<T> Once<T> {
    /// Nothing yet.
    #[inline]
    pub const fn new() -> Once<T> {
        Once { state: AtomicU8::new(EMPTY), value: UnsafeCell::new(None) }
    }

    /// The value, if it is there.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        if self.state.load(Acquire) != FULL {
            return None;
        }
        // SAFETY: a full place is not written any more.
        unsafe { (*self.value.get()).as_ref() }
    }

    /// Fills it, or hands the value back if somebody else has, or is about to.
    ///
    /// # Errors
    /// The value, if this was not the first.
    #[inline]
    pub fn set(&self, value: T) -> Result<(), T> {
        if self.state.compare_exchange(EMPTY, BUSY, Acquire, Relaxed).is_err() {
            return Err(value);
        }
        // SAFETY: only one comes here, and nobody reads before the store below.
        unsafe { *self.value.get() = Some(value) };
        self.state.store(FULL, Release);
        Ok(())
    }
}

impl<T> Default for Once<T> {
    fn default() -> Once<T> {
        Once::new()
    }
}

impl<T> From<T> for Once<T> {
    #[inline]
    fn from(value: T) -> Once<T> {
        Once { state: AtomicU8::new(FULL), value: UnsafeCell::new(Some(value)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn of_several_one_fills_it_and_nothing_is_lost() {
        for _ in 0..500 {
            let (place, witness) = (Once::new(), Arc::new(()));
            let filled: Vec<bool> = std::thread::scope(|scope| {
                let fill = |i: usize| place.set((i, witness.clone())).is_ok();
                let threads: Vec<_> = (0..4).map(|i| scope.spawn(move || fill(i))).collect();
                threads.into_iter().map(|t| t.join().unwrap()).collect()
            });
            let winner = filled.iter().position(|&filled| filled).unwrap();
            assert_eq!(filled.iter().filter(|&&filled| filled).count(), 1);
            assert_eq!(place.get().unwrap().0, winner);
            assert_eq!(Arc::strong_count(&witness), 2);
            drop(place);
            assert_eq!(Arc::strong_count(&witness), 1);
        }
    }
}
