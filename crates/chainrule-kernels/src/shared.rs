//! Shared ownership of small values that come and go by the thousand.
//!
//! A [`Shared`] is an [`Arc`](std::sync::Arc) without weak pointers whose memory comes from
//! blocks of one size: making and dropping one costs a few instructions, and values made one
//! after the other are neighbours in memory.
//!
//! ```
//! use chainrule_kernels::shared::Shared;
//! let x = Shared::new(vec![1, 2]);
//! let mut y = x.clone();
//! assert_eq!((y.len(), Shared::count(&x)), (2, 2));
//! assert!(Shared::same(&x, &y) && Shared::get_mut(&mut y).is_none());
//! drop(x);
//! Shared::get_mut(&mut y).unwrap().push(3);
//! assert_eq!(*y, [1, 2, 3]);
//! ```

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::atomic::{
    AtomicUsize, Ordering::Acquire, Ordering::Relaxed, Ordering::Release, fence,
};

use crate::blocks::{BLOCK, give, take};

#[repr(C)]
struct Inner<T> {
    count: AtomicUsize,
    value: T,
}

impl<T> Inner<T> {
    const LAYOUT: Layout = Layout::new::<Inner<T>>();
    const FITS: bool = Self::LAYOUT.size() <= BLOCK && Self::LAYOUT.align() <= 64;
}

/// A value with several owners, on any threads; dropped with its last owner.
pub struct Shared<T> {
    ptr: NonNull<Inner<T>>,
    owns: PhantomData<Inner<T>>,
}

// SAFETY: as for `Arc`: owners on several threads read the value (`Sync`), and the last one, on
// whichever thread, drops it (`Send`).
unsafe impl<T: Send + Sync> Send for Shared<T> {}
// SAFETY: as above; a `&Shared<T>` gives `&T` and clones.
unsafe impl<T: Send + Sync> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// The first owner of a value.
    #[inline]
    pub fn new(value: T) -> Shared<T> {
        Shared::with(|| value)
    }

    /// The first owner of a value that is made in its place.
    #[inline(always)]
    pub fn with(value: impl FnOnce() -> T) -> Shared<T> {
        let block = if Inner::<T>::FITS { take() } else { large(Inner::<T>::LAYOUT) };
        let ptr = block.cast::<Inner<T>>();
        // SAFETY: the block is large enough and aligned for `Inner<T>` in both cases, and ours.
        unsafe { ptr.write(Inner { count: AtomicUsize::new(1), value: value() }) };
        Shared { ptr, owns: PhantomData }
    }

    #[inline]
    fn inner(&self) -> &Inner<T> {
        // SAFETY: the block is initialised and lives as long as any owner, and `self` is one.
        unsafe { self.ptr.as_ref() }
    }

    /// The number of owners.
    #[inline]
    pub fn count(this: &Self) -> usize {
        this.inner().count.load(Relaxed)
    }

    /// Whether both own the same value.
    #[inline]
    pub fn same(this: &Self, other: &Self) -> bool {
        this.ptr == other.ptr
    }

    /// The value to change, if nobody else owns it.
    #[inline]
    pub fn get_mut(this: &mut Self) -> Option<&mut T> {
        // The only owner cannot be joined by another while it is borrowed here: there are no weak
        // pointers to make one from. Acquire: what former owners did to the value is visible.
        if this.inner().count.load(Acquire) != 1 {
            return None;
        }
        // SAFETY: the block is initialised, and `this` is its only owner, borrowed mutably.
        Some(unsafe { &mut this.ptr.as_mut().value })
    }
}

impl<T> Clone for Shared<T> {
    #[inline]
    fn clone(&self) -> Self {
        // A count beyond isize::MAX needs as many owners leaked; then nothing can be saved.
        if self.inner().count.fetch_add(1, Relaxed) > isize::MAX as usize {
            std::process::abort();
        }
        Shared { ptr: self.ptr, owns: PhantomData }
    }
}

impl<T> Drop for Shared<T> {
    #[inline]
    fn drop(&mut self) {
        if self.inner().count.fetch_sub(1, Release) == 1 {
            fence(Acquire);
            last(self.ptr);
        }
    }
}

#[cold]
fn large(layout: Layout) -> NonNull<u8> {
    // SAFETY: the layout has a size: the count is part of it.
    NonNull::new(unsafe { alloc(layout) }).unwrap_or_else(|| handle_alloc_error(layout))
}

/// Drops the value after its last owner.
#[inline(never)]
fn last<T>(ptr: NonNull<Inner<T>>) {
    // SAFETY: `Drop` saw the count fall to 0, so nobody else can reach the block; it is initialised
    // and was allocated in `new`, in the same of the two ways.
    unsafe {
        ptr.drop_in_place();
        if Inner::<T>::FITS {
            give(ptr.cast())
        } else {
            dealloc(ptr.as_ptr().cast(), Inner::<T>::LAYOUT)
        }
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.inner().value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn the_last_owner_drops_the_value_whichever_thread_it_is_on() {
        let witness = Arc::new(());
        for _ in 0..100 {
            let x = Shared::new(witness.clone());
            let others: Vec<_> = (0..4)
                .map(|_| {
                    let x = x.clone();
                    std::thread::spawn(move || Shared::count(&x) >= 1)
                })
                .collect();
            drop(x);
            assert!(others.into_iter().all(|t| t.join().unwrap()));
            assert_eq!(Arc::strong_count(&witness), 1);
        }
    }

    #[test]
    fn values_too_large_for_a_block_are_ordinary() {
        let mut x = Shared::new([7u8; 1000]);
        Shared::get_mut(&mut x).unwrap()[999] = 1;
        assert_eq!((x[0], x[999]), (7, 1));
    }

    #[test]
    fn blocks_are_handed_out_again() {
        let at = |x: &Shared<u64>| std::ptr::from_ref(&**x) as usize;
        let x = Shared::new(1u64);
        let place = at(&x);
        drop(x);
        assert_eq!(at(&Shared::new(2u64)), place);
    }
}
