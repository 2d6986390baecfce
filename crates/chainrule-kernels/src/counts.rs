//! Counts that every thread adds to.
//!
//! An atomic addition to a number that all threads share costs as much as recording a tenth of an
//! operation. Each thread therefore has its own part of each count, which it alone writes; the
//! parts are added up when somebody asks. The part of a thread that ends goes to the next that
//! begins.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Buffers in use.
    Buffers,
    /// Nodes that are gone.
    NodesGone,
}

const KINDS: usize = 2;

/// A thread's part of each count.
type Part = [AtomicUsize; KINDS];

struct Parts {
    all: Vec<&'static Part>,
    /// Those of threads that have ended.
    idle: Vec<&'static Part>,
}

static PARTS: Mutex<Parts> = Mutex::new(Parts { all: Vec::new(), idle: Vec::new() });
/// The part of threads that are ending.
static LATE: Part = [const { AtomicUsize::new(0) }; KINDS];

struct Mine(&'static Part);

impl Mine {
    fn new() -> Mine {
        let mut parts = PARTS.lock().unwrap_or_else(PoisonError::into_inner);
        Mine(parts.idle.pop().unwrap_or_else(|| {
            let part: &'static Part = Box::leak(Box::default());
            parts.all.push(part);
            part
        }))
    }
}

impl Drop for Mine {
    fn drop(&mut self) {
        PARTS.lock().unwrap_or_else(PoisonError::into_inner).idle.push(self.0);
    }
}

thread_local! {
    static MINE: Mine = Mine::new();
}

/// Adds to a count; to take away, adds the negative, wrapping.
#[inline]
pub fn add(what: Counted, n: usize) {
    let mine = MINE.try_with(|mine| {
        let part = &mine.0[what as usize];
        part.store(part.load(Relaxed).wrapping_add(n), Relaxed);
    });
    if mine.is_err() {
        LATE[what as usize].fetch_add(n, Relaxed);
    }
}

/// The count: exact for what happened before, in whatever order it is known to have happened.
pub fn total(what: Counted) -> usize {
    let parts = PARTS.lock().unwrap_or_else(PoisonError::into_inner);
    let all = parts.all.iter().copied().chain([&LATE]);
    let sum = all.fold(0usize, |sum, part| sum.wrapping_add(part[what as usize].load(Relaxed)));
    // While others add and take away, a part may be seen without its counterpart.
    (sum as isize).max(0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_threads_add_and_take_away_is_there_when_they_have_ended() {
        let before = total(Counted::NodesGone);
        for round in 1..=20 {
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        (0..1000).for_each(|_| add(Counted::NodesGone, 2));
                        (0..1000).for_each(|_| add(Counted::NodesGone, usize::MAX));
                    });
                }
            });
            assert_eq!(total(Counted::NodesGone), before + 4000 * round);
        }
        let parts = PARTS.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(parts.all.len() < 60, "ended threads' parts are used again");
    }
}
