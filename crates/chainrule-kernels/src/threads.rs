//! Threads, gated by work.
//!
//! Waking a thread costs about as much as 20 µs of arithmetic, so work below that stays on the
//! calling thread. Work is always cut into the same pieces, whatever the number of threads, and
//! each piece writes to its own place: results never depend on who did what.

use std::cell::Cell;
use std::sync::{Mutex, PoisonError};

thread_local! {
    static LIMIT: Cell<usize> = const { Cell::new(0) };
}

/// The number of threads that work started here may use.
pub fn count() -> usize {
    match LIMIT.get() {
        0 => rayon::current_num_threads(),
        n => n,
    }
}

/// Runs `f` with at most `n` threads (0: as many as the machine has); restored on return and panic.
pub fn with_threads<R>(n: usize, f: impl FnOnce() -> R) -> R {
    struct Restore(usize);
    impl Drop for Restore {
        fn drop(&mut self) {
            LIMIT.set(self.0);
        }
    }
    let _restore = Restore(LIMIT.replace(n));
    f()
}

/// Work of less than this many nanoseconds is not shared.
const WORTH: f64 = 40_000.0;

/// Whether so many tasks with so much work in all are worth more than one thread.
pub fn is_worth(tasks: usize, nanoseconds: f64) -> bool {
    tasks > 1 && nanoseconds >= WORTH
}

/// Runs `f` on a thread of the pool, so that work shared inside needs no thread to be woken each
/// time. Worth it once for many steps, some of them shared.
pub fn on_pool<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    if count() == 1 || rayon::current_thread_index().is_some() {
        return f();
    }
    let limit = LIMIT.get();
    rayon::scope(|_| with_threads(limit, f))
}

/// Calls `f` on each task. `nanoseconds` is an estimate of the whole work; under 40,000 of them,
/// the calling thread does everything itself.
pub fn for_each<T: Send>(tasks: Vec<T>, nanoseconds: f64, f: impl Fn(T) + Send + Sync) {
    if !is_worth(tasks.len(), nanoseconds) || count() == 1 {
        return tasks.into_iter().for_each(f);
    }
    let tasks: Vec<_> = tasks.into_iter().map(|task| Mutex::new(Some(task))).collect();
    share(tasks.len(), &|i| {
        // Nobody else takes it: each number comes once.
        let task = tasks[i].lock().unwrap_or_else(PoisonError::into_inner).take();
        task.into_iter().for_each(&f);
    });
}

/// Calls `f` with each number below `n`. Without type parameters, so that the pool's own code is
/// compiled once and not for each kind of task.
fn share(n: usize, f: &(dyn Fn(usize) + Sync)) {
    use rayon::prelude::*;
    (0..n).into_par_iter().with_max_len(1).for_each(f);
}
