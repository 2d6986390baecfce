//! Memory for numbers: aligned blocks that come from, and return to, a pool.
//!
//! A fresh large block costs more than the arithmetic on it: the system zeroes each page on first
//! touch. Blocks of 4 KiB and more therefore go back to free lists, one per size class (four
//! classes per power of two, so at most a quarter is wasted), and are handed out again as they are.
//! A block's contents are unspecified but always initialised — fresh memory is zeroed by the
//! system, reused memory holds old numbers — so reading it is never undefined behaviour.
//!
//! A buffer may also be memory that belongs to someone else ([`Buffer::of`]); it is only read.
//!
//! ```
//! use chainrule_kernels::Buffer;
//! let mut b = Buffer::new(3 * 4);
//! b.as_mut_slice::<f32>().copy_from_slice(&[1.0, 2.0, 3.0]);
//! assert_eq!(b.as_slice::<f32>(), [1.0, 2.0, 3.0]);
//! ```

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use bytemuck::Pod;

use crate::blocks::{self, BLOCK};
use crate::counts::{self, Counted};

/// Blocks of at least this many bytes are pooled and aligned to a cache line.
const POOLED: usize = 4096;
/// The pool keeps at most this many idle bytes.
const POOL_LIMIT: usize = 1 << 30;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
static POOL: Mutex<Pool> = Mutex::new(Pool { free: [const { Vec::new() }; 256], idle: 0 });

struct Pool {
    free: [Vec<Block>; 256],
    idle: usize,
}

/// A block of memory that nobody uses.
struct Block(NonNull<u8>);

// SAFETY: a block in the pool is owned by the pool alone; moving the pointer moves that ownership.
unsafe impl Send for Block {}

/// A block of bytes for numbers of any type that [`bytemuck::Pod`] admits.
pub struct Buffer {
    ptr: NonNull<u8>,
    len: usize,
    /// 0 if there is nothing to give back.
    capacity: usize,
    /// Whose memory it is, if not our own.
    owner: Option<Owner>,
}

/// What keeps memory alive that is not ours. A thin pointer, to keep buffers small.
type Owner = Box<Box<dyn AsRef<[u8]> + Send + Sync>>;

// SAFETY: a `Buffer` owns its block alone, and gives out `&[T]` from `&self`, `&mut [T]` from
// `&mut self` only, as a `Vec<u8>` does.
unsafe impl Send for Buffer {}
// SAFETY: as above; there is no interior mutability.
unsafe impl Sync for Buffer {}

/// The size class of a pooled block: its index and its capacity in bytes.
fn class(len: usize) -> (usize, usize) {
    let top = len.ilog2() as usize;
    let quarter = 1usize << (top - 2);
    let steps = len.div_ceil(quarter);
    (top * 4 + (steps - 4), steps * quarter)
}

fn layout(capacity: usize) -> Layout {
    let align = if capacity >= POOLED { 64 } else { 16 };
    Layout::from_size_align(capacity, align).expect("a buffer of more than isize::MAX bytes")
}

impl Buffer {
    /// A buffer of no bytes, which costs nothing.
    pub const EMPTY: Buffer =
        Buffer { ptr: NonNull::<u64>::dangling().cast(), len: 0, capacity: 0, owner: None };

    /// The memory of an owner, which lives as long as this does; it must not change meanwhile.
    ///
    /// ```
    /// let numbers = chainrule_kernels::Buffer::of(vec![1u8, 2, 3]);
    /// assert_eq!(numbers.bytes(), [1, 2, 3]);
    /// ```
    pub fn of(owner: impl AsRef<[u8]> + Send + Sync + 'static) -> Buffer {
        let owner: Owner = Box::new(Box::new(owner));
        let bytes = (**owner).as_ref();
        let (ptr, len) = (NonNull::from(bytes).cast(), bytes.len());
        Buffer { ptr, len, capacity: 0, owner: Some(owner) }
    }

    /// A block of `len` bytes with unspecified contents.
    ///
    /// # Panics
    /// If the system has no memory left, or `len` exceeds `isize::MAX`.
    pub fn new(len: usize) -> Buffer {
        counts::add(Counted::Buffers, 1);
        if len <= BLOCK {
            let ptr = blocks::take();
            // SAFETY: a block has `BLOCK` bytes and is ours.
            unsafe { ptr.write_bytes(0, BLOCK) };
            return Buffer { ptr, len, capacity: BLOCK, owner: None };
        }
        if len < POOLED {
            // Small blocks are rounded to 16 bytes so that any element type divides them.
            let capacity = len.next_multiple_of(16);
            return Buffer { ptr: fresh(capacity), len, capacity, owner: None };
        }
        let (index, capacity) = class(len);
        let live = LIVE.fetch_add(capacity, Relaxed) + capacity;
        PEAK.fetch_max(live, Relaxed);
        let reused = {
            let mut pool = POOL.lock().unwrap_or_else(|e| e.into_inner());
            let block = pool.free[index].pop();
            if block.is_some() {
                pool.idle -= capacity;
            }
            block
        };
        let ptr = reused.map_or_else(|| fresh(capacity), |block| block.0);
        Buffer { ptr, len, capacity, owner: None }
    }

    /// The number of bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the buffer has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The contents as numbers.
    ///
    /// # Panics
    /// If the length in bytes is not a multiple of the size of `T`.
    #[inline]
    pub fn as_slice<T: Pod>(&self) -> &[T] {
        bytemuck::cast_slice(self.bytes())
    }

    /// The contents as numbers to overwrite.
    ///
    /// # Panics
    /// If the length in bytes is not a multiple of the size of `T`, or as [`bytes_mut`] does.
    ///
    /// [`bytes_mut`]: Self::bytes_mut
    #[inline]
    pub fn as_mut_slice<T: Pod>(&mut self) -> &mut [T] {
        bytemuck::cast_slice_mut(self.bytes_mut())
    }

    /// The contents as bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: `ptr` is valid for `len ≤ capacity` initialised bytes, owned by `self`; or they
        // were borrowed from the owner, which stands still in its box and is not used otherwise.
        unsafe { std::slice::from_raw_parts(self.ptr.as_ptr(), self.len) }
    }

    /// The contents as bytes to overwrite.
    ///
    /// # Panics
    /// If the memory belongs to someone else.
    #[inline]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        assert!(self.owner.is_none(), "memory of someone else is only read");
        // SAFETY: as in `bytes`, and `&mut self` excludes every other reference.
        unsafe { std::slice::from_raw_parts_mut(self.ptr.as_ptr(), self.len) }
    }
}

/// `capacity > 0` zeroed bytes from the system.
fn fresh(capacity: usize) -> NonNull<u8> {
    let layout = layout(capacity);
    // SAFETY: `layout` has a non-zero size.
    let ptr = unsafe { alloc_zeroed(layout) };
    NonNull::new(ptr).unwrap_or_else(|| handle_alloc_error(layout))
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.capacity == 0 {
            return;
        }
        counts::add(Counted::Buffers, usize::MAX);
        if self.capacity == BLOCK {
            // SAFETY: it came from `take`, as every buffer of this capacity, and `self` was its
            // only owner.
            unsafe { blocks::give(self.ptr) }
            return;
        }
        if self.capacity >= POOLED {
            LIVE.fetch_sub(self.capacity, Relaxed);
            let mut pool = POOL.lock().unwrap_or_else(|e| e.into_inner());
            if pool.idle + self.capacity <= POOL_LIMIT {
                pool.idle += self.capacity;
                pool.free[class(self.capacity).0].push(Block(self.ptr));
                return;
            }
        }
        // SAFETY: the block was allocated in `fresh` with this very layout, and nothing else
        // refers to it once `self` is gone.
        unsafe { dealloc(self.ptr.as_ptr(), layout(self.capacity)) }
    }
}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Buffer({} bytes)", self.len)
    }
}

/// What the process holds in buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryStats {
    /// Buffers in use, of any size.
    pub buffers: usize,
    /// Bytes in use, in blocks of 4 KiB and more.
    pub live: usize,
    /// The largest value of `live` so far.
    pub peak: usize,
    /// Idle bytes that the pool keeps for reuse.
    pub pooled: usize,
}

/// The current memory statistics of the process.
pub fn memory_stats() -> MemoryStats {
    MemoryStats {
        buffers: counts::total(Counted::Buffers),
        live: LIVE.load(Relaxed),
        peak: PEAK.load(Relaxed),
        pooled: POOL.lock().unwrap_or_else(|e| e.into_inner()).idle,
    }
}

/// Returns the pool's idle blocks to the system, and what this thread keeps for small values.
pub fn empty_cache() {
    crate::blocks::empty();
    let mut pool = POOL.lock().unwrap_or_else(|e| e.into_inner());
    pool.idle = 0;
    for (index, list) in pool.free.iter_mut().enumerate() {
        let capacity = (index % 4 + 4) << (index / 4).saturating_sub(2);
        for block in list.drain(..) {
            // SAFETY: every block of this list was allocated with the capacity of its class.
            unsafe { dealloc(block.0.as_ptr(), layout(capacity)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_monotone_and_waste_at_most_a_quarter() {
        for len in (POOLED..1 << 16).step_by(97).chain([1 << 20, (1 << 30) + 1]) {
            let (index, capacity) = class(len);
            assert!(capacity >= len && capacity <= len + len / 4 + 4, "{len} → {capacity}");
            assert_eq!(class(capacity).1, capacity);
            let from_index = |i: usize| (i % 4 + 4) << (i / 4 - 2);
            assert_eq!(from_index(class(capacity).0), capacity, "class {index}");
        }
    }

    #[test]
    fn a_dropped_block_is_handed_out_again() {
        let len = 123_456;
        let mut a = Buffer::new(len);
        a.bytes_mut().fill(7);
        drop(a);
        let b = Buffer::new(len);
        assert_eq!(b.len(), len);
        assert_eq!(b.as_slice::<u8>().len(), len);
    }

    #[test]
    fn memory_of_others_lives_as_long_as_it_is_used_and_is_not_written_to() {
        struct Owner(Vec<u8>, std::sync::mpsc::Sender<()>);
        impl AsRef<[u8]> for Owner {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }
        impl Drop for Owner {
            fn drop(&mut self) {
                let _ = self.1.send(());
            }
        }
        let (send, gone) = std::sync::mpsc::channel();
        let mut a = Buffer::of(Owner(vec![1; 5000], send));
        assert!(gone.try_recv().is_err() && a.bytes() == [1; 5000]);
        let write = std::panic::AssertUnwindSafe(|| a.bytes_mut()[0] = 2);
        assert!(std::panic::catch_unwind(write).is_err());
        drop(a);
        assert!(gone.try_recv().is_ok());
    }

    #[test]
    fn empty_buffers_are_ordinary() {
        let b = Buffer::new(0);
        assert!(b.is_empty() && b.as_slice::<f64>().is_empty());
    }
}
