//! Shared data behind one lock, without a lock in each piece.
//!
//! Many small pieces of data that are always visited together (the edges of a graph) need one lock,
//! not one each. A [`Guarded`] value can be reached only with the [`Key`], of which the process has
//! one, behind one mutex: whoever holds [`lock`]'s guard can read and write every guarded value at
//! no further cost.
//!
//! ```
//! use chainrule_kernels::guarded::{Guarded, lock};
//! let x = Guarded::new(vec![1]);
//! let mut key = lock();
//! x.get_mut(&mut key).push(2);
//! assert_eq!(x.get(&key), &[1, 2]);
//! ```

use std::cell::UnsafeCell;
use std::sync::{Mutex, MutexGuard};

/// The right to reach every [`Guarded`] value. There is one, and [`lock`] lends it.
pub struct Key(());

static KEY: Mutex<Key> = Mutex::new(Key(()));

/// Waits for the key. Not re-entrant: a thread that holds the key must not ask for it again.
pub fn lock() -> MutexGuard<'static, Key> {
    KEY.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A value that can be reached only with the [`Key`], or by its only owner.
#[derive(Default)]
pub struct Guarded<T>(UnsafeCell<T>);

// SAFETY: shared access to the value needs `&Key`, mutable access `&mut Key`; there is one `Key`,
// which can't be copied, so the borrow checker rules out a write beside any other access. As values
// can then be moved out by another thread, `T: Send` is needed, and `T: Sync` for shared reads.
unsafe impl<T: Send + Sync> Sync for Guarded<T> {}

impl<T> Guarded<T> {
    /// Wraps a value.
    pub fn new(value: T) -> Self {
        Guarded(UnsafeCell::new(value))
    }

    /// Reads the value.
    #[inline]
    pub fn get<'a>(&'a self, _key: &'a Key) -> &'a T {
        // SAFETY: while `&Key` lives, nobody has `&mut Key`, hence nobody a `&mut T`.
        unsafe { &*self.0.get() }
    }

    /// Reaches the value to change it.
    #[inline]
    #[allow(clippy::mut_from_ref)]
    pub fn get_mut<'a>(&'a self, _key: &'a mut Key) -> &'a mut T {
        // SAFETY: `&mut Key` is exclusive, hence so is every reference that it gave out.
        unsafe { &mut *self.0.get() }
    }

    /// Reaches the value as its only owner.
    #[inline]
    pub fn owned(&mut self) -> &mut T {
        self.0.get_mut()
    }
}
