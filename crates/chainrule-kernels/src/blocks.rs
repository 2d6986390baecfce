//! Blocks of one size for small values, neighbours in the order in which they are taken.
//!
//! A graph of a hundred thousand nodes is walked again and again in the order in which it was made.
//! A walk over neighbours is twice as fast as one over nodes that lie anywhere, so what matters is
//! not only what a block costs, but where it is. Blocks therefore lie in *chunks*, and each thread
//! takes them from its chunks in ascending order, round and round, passing over what is in use. A
//! chunk has a bit for each free block; giving a block back sets the bit, on any thread. Before
//! that comes a short list of blocks given back just now, which are still in the first-level cache.
//!
//! A chunk of which nothing is in use goes back to the system when its thread has more than
//! [`SPARE`] of them, ends, or calls [`empty_cache`](crate::empty_cache); a chunk in use that its
//! thread leaves behind is taken over by the next one that needs a chunk.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::RefCell;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering::AcqRel, Ordering::Acquire, Ordering::Release};
use std::sync::{Mutex, PoisonError};

/// Bytes of a block; it is aligned to a cache line.
pub(crate) const BLOCK: usize = 256;
/// Bytes of a chunk, and its alignment: a block's chunk is known from its address.
const CHUNK: usize = 128 << 10;
/// Words of bits, one bit a block. The first block holds them.
const WORDS: usize = CHUNK / BLOCK / 64;
/// A thread keeps so many chunks of which nothing is in use: 64 MiB.
const SPARE: usize = 512;
/// Blocks given back just now.
const RECENT: usize = 32;

const LAYOUT: Layout = match Layout::from_size_align(CHUNK, CHUNK) {
    Ok(layout) => layout,
    Err(_) => panic!("a chunk's layout is valid"),
};

/// What stands in a chunk's first block.
struct Head {
    free: [AtomicU64; WORDS],
}

/// A chunk, by its head.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Chunk(NonNull<Head>);

// SAFETY: a chunk's head consists of atomics, which any thread may use.
unsafe impl Send for Chunk {}

/// Chunks that their threads left behind.
static LEFT: Mutex<Vec<Chunk>> = Mutex::new(Vec::new());

impl Chunk {
    fn new() -> Chunk {
        // SAFETY: the layout has a size.
        let Some(ptr) = NonNull::new(unsafe { alloc(LAYOUT) }) else { handle_alloc_error(LAYOUT) };
        let ptr = ptr.cast::<Head>();
        let free = std::array::from_fn(|i| AtomicU64::new(if i == 0 { !1 } else { !0 }));
        // SAFETY: the chunk is ours, and its first block is larger than a head.
        unsafe { ptr.write(Head { free }) };
        Chunk(ptr)
    }

    /// The chunk of a block.
    fn of(block: NonNull<u8>) -> Chunk {
        let inside = block.addr().get() % CHUNK;
        // SAFETY: a block lies in its chunk, which is aligned to its own size, and not at the
        // start: the result is the chunk's start.
        Chunk(unsafe { block.byte_sub(inside) }.cast())
    }

    fn words(&self) -> &[AtomicU64; WORDS] {
        // SAFETY: the head was written in `new`, and lives until `release`, which takes the last
        // copy that anybody keeps of a chunk without blocks in use.
        unsafe { &self.0.as_ref().free }
    }

    fn block(self, word: usize, bit: u32) -> NonNull<u8> {
        // SAFETY: there are `WORDS * 64` blocks in a chunk, and `bit` is below 64.
        unsafe { self.0.cast::<u8>().byte_add((word * 64 + bit as usize) * BLOCK) }
    }

    fn count(self) -> u32 {
        self.words().iter().map(|w| w.load(Acquire).count_ones()).sum()
    }

    fn is_unused(self) -> bool {
        self.count() as usize == WORDS * 64 - 1
    }

    /// Gives the chunk back to the system.
    ///
    /// # Safety
    /// No block of it is in use, and no copy of it is used from now on.
    unsafe fn release(self) {
        // SAFETY: it was allocated in `new` with this layout, and the caller has the last copy.
        unsafe { dealloc(self.0.as_ptr().cast(), LAYOUT) }
    }
}

/// A thread's blocks.
struct Heap {
    recent: Vec<NonNull<u8>>,
    chunks: Vec<Chunk>,
    /// The chunk and word that blocks are taken from, and the free ones of that word.
    at: usize,
    word: usize,
    bits: u64,
    /// Chunks to be made before it is worth going round again.
    wait: usize,
}

thread_local! {
    static HEAP: RefCell<Heap> = const {
        RefCell::new(Heap { recent: vec![], chunks: vec![], at: 0, word: 0, bits: 0, wait: 0 })
    };
}

impl Heap {
    #[inline]
    fn take(&mut self) -> NonNull<u8> {
        if let Some(block) = self.recent.pop() {
            return block;
        }
        if self.bits == 0 {
            self.refill();
        }
        let bit = self.bits.trailing_zeros();
        self.bits &= self.bits - 1;
        self.chunks[self.at].block(self.word, bit)
    }

    /// Finds a word with free blocks.
    #[cold]
    fn refill(&mut self) {
        while self.chunks.get(self.at).is_some() && self.word + 1 < WORDS {
            self.word += 1;
            self.bits = self.chunks[self.at].words()[self.word].swap(0, Acquire);
            if self.bits != 0 {
                return;
            }
        }
        self.next_chunk();
        self.word = 0;
        self.bits = self.chunks[self.at].words()[0].swap(0, Acquire);
        if self.bits == 0 {
            self.refill();
        }
    }

    /// Goes on to a chunk of which a quarter is free, or to a new one.
    fn next_chunk(&mut self) {
        if self.wait > 0 {
            self.wait -= 1;
        } else {
            if self.at + 1 >= self.chunks.len() && self.chunks.len() > SPARE {
                self.trim(SPARE);
            }
            let n = self.chunks.len();
            let free = |i: &usize| self.chunks[*i].count() as usize >= WORDS * 16;
            if let Some(i) = (1..=n).map(|i| (self.at + i) % n).find(free) {
                self.at = i;
                return;
            }
            self.wait = n / 4;
        }
        let left = LEFT.lock().unwrap_or_else(PoisonError::into_inner).pop();
        self.chunks.extend(left);
        if left.is_none_or(|chunk| chunk.count() == 0) {
            self.chunks.push(Chunk::new());
        }
        self.at = self.chunks.len() - 1;
    }

    /// Gives unused chunks back to the system, but `keep` of them.
    fn trim(&mut self, keep: usize) {
        self.leave_word();
        let mut unused = 0;
        self.chunks.retain(|chunk| {
            unused += usize::from(chunk.is_unused());
            let stays = !chunk.is_unused() || unused <= keep;
            if !stays {
                // SAFETY: none of its blocks is in use, so nobody can give one back to it; it is
                // in no other list, and leaves this one here.
                unsafe { chunk.release() }
            }
            stays
        });
    }

    /// Gives back what was set aside, so that chunks know all their free blocks.
    fn leave_word(&mut self) {
        for block in self.recent.drain(..) {
            mark(block);
        }
        if let Some(chunk) = self.chunks.get(self.at).filter(|_| self.word < WORDS) {
            chunk.words()[self.word].fetch_or(self.bits, Release);
        }
        (self.at, self.word, self.bits, self.wait) = (0, WORDS, 0, 0);
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        self.trim(0);
        LEFT.lock().unwrap_or_else(PoisonError::into_inner).append(&mut self.chunks);
    }
}

/// A block of this thread's.
#[inline]
pub(crate) fn take() -> NonNull<u8> {
    HEAP.try_with(|heap| heap.borrow_mut().take()).unwrap_or_else(|_| {
        // The thread is ending: a block from a chunk that is left behind at once.
        let chunk = Chunk::new();
        chunk.words()[0].fetch_and(!2, AcqRel);
        LEFT.lock().unwrap_or_else(PoisonError::into_inner).push(chunk);
        chunk.block(0, 1)
    })
}

/// Gives a block back.
///
/// # Safety
/// The block came from [`take`], on whichever thread, and nothing refers to it any more.
#[inline]
pub(crate) unsafe fn give(block: NonNull<u8>) {
    let kept = HEAP.try_with(|heap| {
        let recent = &mut heap.borrow_mut().recent;
        let room = recent.len() < RECENT;
        if room {
            recent.push(block);
        }
        room
    });
    if kept != Ok(true) {
        mark(block);
    }
}

/// Marks a block as free in its chunk.
#[inline]
fn mark(block: NonNull<u8>) {
    let place = block.addr().get() % CHUNK / BLOCK;
    Chunk::of(block).words()[place / 64].fetch_or(1 << (place % 64), Release);
}

/// Gives this thread's unused chunks back to the system.
pub(crate) fn empty() {
    let _ = HEAP.try_with(|heap| heap.borrow_mut().trim(0));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn all(n: usize) -> Vec<NonNull<u8>> {
        (0..n).map(|_| take()).collect()
    }

    fn back(blocks: impl IntoIterator<Item = NonNull<u8>>) {
        for block in blocks {
            // SAFETY: the tests take each block once, and write to none.
            unsafe { give(block) }
        }
    }

    #[test]
    fn blocks_are_apart_and_come_again_in_order() {
        for keep in [0, 1, 7] {
            let mut kept = vec![];
            for round in 0..20 {
                let blocks = all(5000);
                let mine: HashSet<_> = blocks.iter().chain(&kept).map(|b| b.addr()).collect();
                assert_eq!(mine.len(), blocks.len() + kept.len(), "a block was handed out twice");
                let ascending = blocks.windows(2).filter(|w| w[0] < w[1]).count();
                assert!(ascending > 4900, "{ascending} of 5000 neighbours are in order");
                for (i, block) in blocks.into_iter().enumerate() {
                    if i % 100 < keep && round < 5 { kept.push(block) } else { back([block]) }
                }
                // Chunks of which less than a quarter is free are passed over.
                let (now, needed) = (HEAP.with(|heap| heap.borrow().chunks.len()), 5000 / 512 + 1);
                assert!(now <= 2 * needed, "{now} chunks for blocks that fit into {needed}");
            }
            back(kept.drain(..));
            empty();
            // A chunk that another thread left behind may have been taken over, blocks in use.
            let unused = HEAP.with(|heap| heap.borrow().chunks.iter().any(|c| c.is_unused()));
            assert!(!unused, "an unused chunk was not given back");
        }
    }

    #[test]
    fn chunks_in_use_outlive_their_thread() {
        struct Moved(Vec<NonNull<u8>>);
        // SAFETY: blocks may be given back on any thread.
        unsafe impl Send for Moved {}
        for _ in 0..10 {
            let blocks = std::thread::spawn(|| Moved(all(3000))).join().unwrap();
            back(blocks.0);
            let mine: HashSet<_> = all(3000).into_iter().collect();
            assert_eq!(mine.len(), 3000);
            back(mine);
        }
        empty();
        let left = LEFT.lock().unwrap().len();
        assert!(left <= 10 * 6, "{left} chunks are left behind");
    }
}
