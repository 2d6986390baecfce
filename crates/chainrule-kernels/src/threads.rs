//! Threads, gated by work.
//!
//! Waking a thread costs about as much as 20 µs of arithmetic, so work below that stays on the
//! calling thread. Work is always cut into the same pieces, whatever the number of threads, and
//! each piece writes to its own place: results never depend on who did what.
//!
//! Who calls works too: its tasks are handed out to it and to helpers, threads that are started
//! once and wait for the next work, awake for a moment and asleep then. No work changes hands
//! before it begins, nobody sleeps until it ends, and if helpers come late there is nothing left
//! for them. Callers begin with the first task and helpers with the last, so that step after step
//! the same part of the data is in the same core's caches. (A pool that takes the work away from
//! its caller costs two switches of threads each time, 10 to 20 µs, and schedulers tend to leave
//! sleeper and woken on one core.) One work is shared at a time; who comes meanwhile, or from
//! inside of a task, does its own alone.

use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

thread_local! {
    static LIMIT: Cell<usize> = const { Cell::new(0) };
    /// Whether this thread works on a task that was handed out.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// The number of threads that work started here may use: what [`with_threads`] says, or the
/// environment's `CHAINRULE_NUM_THREADS`, or as many as the process may run on.
pub fn count() -> usize {
    match LIMIT.get() {
        0 => default_count(),
        n => n,
    }
}

fn default_count() -> usize {
    static COUNT: OnceLock<usize> = OnceLock::new();
    *COUNT.get_or_init(|| {
        let asked = std::env::var("CHAINRULE_NUM_THREADS").ok().and_then(|n| n.parse().ok());
        let cores = || thread::available_parallelism().map_or(1, usize::from);
        asked.filter(|&n| n > 0).unwrap_or_else(cores)
    })
}

/// Runs `f` with at most `n` threads; restored on return and panic. 0 stands for the usual number:
/// the environment's `CHAINRULE_NUM_THREADS`, or as many as the process may run on.
///
/// ```
/// use chainrule_kernels::threads::{count, with_threads};
/// assert_eq!(with_threads(1, count), 1);
/// ```
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

/// Work of less than so many nanoseconds is not shared: with helpers that are awake,
const WORTH: f64 = 10_000.0;
/// and with helpers that have to be woken.
const WORTH_WAKING: f64 = 20_000.0;

/// Whether work that is thought to take so long is shared.
pub(crate) fn is_worth_sharing(nanoseconds: f64) -> bool {
    let awake = || POOL.get().is_some_and(|pool| pool.asleep.load(Relaxed) == 0);
    nanoseconds >= WORTH_WAKING || nanoseconds >= WORTH && awake()
}

/// Calls `f` on each task. `nanoseconds` is an estimate of the whole work; if it is short, the
/// calling thread does everything itself.
///
/// # Panics
/// If a task panics, with what it said, once all are done.
pub fn for_each<T: Send>(tasks: Vec<T>, nanoseconds: f64, f: impl Fn(T) + Send + Sync) {
    if tasks.len() < 2 || !is_worth_sharing(nanoseconds) || count() == 1 {
        return tasks.into_iter().for_each(f);
    }
    let tasks: Vec<_> = tasks.into_iter().map(|task| Mutex::new(Some(task))).collect();
    share(tasks.len(), &|i| {
        // Nobody else takes it: each number comes once.
        let task = lock(&tasks[i]).take();
        task.into_iter().for_each(&f);
    });
}

/// Calls `f` with each number below `n`, on several threads. Without type parameters, so that it is
/// compiled once and not for each kind of task.
fn share(n: usize, f: &(dyn Fn(usize) + Sync)) {
    let pool = Pool::get();
    let seats = (count() - 1).min(pool.helpers).min(n.saturating_sub(1));
    if seats == 0 || n > Ticket::MOST || INSIDE.get() || pool.taken.swap(true, Acquire) {
        return (0..n).for_each(f);
    }
    pool.work_on(n, seats, f);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What there is to do.
#[derive(Clone, Copy)]
struct Work {
    f: Call<'static>,
}

/// What is called for each task.
type Call<'a> = *const (dyn Fn(usize) + Sync + 'a);

/// The pool of the process.
static POOL: OnceLock<Pool> = OnceLock::new();

/// Helpers wait so long for the next work before they fall asleep,
const AWAKE: Duration = Duration::from_micros(400);
/// and so many looks of it without leaving the core to others that want it.
const LOOKS: usize = 100;

/// The helpers, and the work that is shared.
struct Pool {
    helpers: usize,
    /// Whether work is being shared; who has set this may write `work`.
    taken: AtomicBool,
    /// What is left of the work for whom.
    ticket: AtomicU64,
    /// Read only by who has taken a task from `ticket` and not yet counted it in `done`.
    work: UnsafeCell<Work>,
    done: AtomicUsize,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    asleep: AtomicUsize,
    bed: Mutex<()>,
    bell: Condvar,
}

// SAFETY: `work` is written by one thread, the one that has set `taken`, after all tasks of the
// work before were counted in `done`, and before it publishes its tasks in `ticket`; it is read
// only between taking a task from `ticket` and counting it. What it points at is `Sync`.
unsafe impl Sync for Pool {}
// SAFETY: as above.
unsafe impl Send for Pool {}

/// Of a work: its number, seats for helpers, tasks begun from the front, and tasks left; 12, 12, 20
/// and 20 bits.
#[derive(Clone, Copy)]
struct Ticket(u64);

impl Ticket {
    const MOST: usize = (1 << 20) - 1;

    fn new(number: u64, seats: usize, tasks: usize) -> Ticket {
        Ticket(number << 52 | (seats.min(0xfff) as u64) << 40 | tasks as u64)
    }

    fn number(self) -> u64 {
        self.0 >> 52
    }

    fn seats(self) -> u64 {
        self.0 >> 40 & 0xfff
    }

    fn front(self) -> usize {
        (self.0 >> 20) as usize & Ticket::MOST
    }

    fn left(self) -> usize {
        self.0 as usize & Ticket::MOST
    }

    fn is_open(self) -> bool {
        self.left() > 0 && self.seats() > 0
    }

    /// Without the first task.
    fn first(self) -> Option<Ticket> {
        (self.left() > 0).then_some(Ticket(self.0 + (1 << 20) - 1))
    }

    /// Without the last task, and so many seats, if the work still has this number.
    fn last(self, number: u64, seats: u64) -> Option<Ticket> {
        let there = self.left() > 0 && self.number() == number && self.seats() >= seats;
        there.then_some(Ticket(self.0 - (seats << 40) - 1))
    }
}

impl Pool {
    /// The pool of the process, with its helpers started.
    fn get() -> &'static Pool {
        static STARTED: OnceLock<()> = OnceLock::new();
        fn nothing(_: usize) {}
        let pool = POOL.get_or_init(|| Pool {
            helpers: default_count() - 1,
            taken: AtomicBool::new(false),
            ticket: AtomicU64::new(0),
            work: UnsafeCell::new(Work { f: &nothing }),
            done: AtomicUsize::new(0),
            panic: Mutex::new(None),
            asleep: AtomicUsize::new(0),
            bed: Mutex::new(()),
            bell: Condvar::new(),
        });
        STARTED.get_or_init(|| {
            for i in 0..pool.helpers {
                let named = thread::Builder::new().name(format!("chainrule-{i}"));
                // Where no thread can be started, there is one less to help.
                let _ = named.spawn(|| pool.help());
            }
        });
        pool
    }

    /// Does the work with helpers. `taken` is set, and is not set on return.
    fn work_on(&self, n: usize, seats: usize, f: &(dyn Fn(usize) + Sync)) {
        // SAFETY: only the lifetime changes; `f` is called for tasks of this work alone, and this
        // function does not return before all of them are done.
        let f = unsafe { std::mem::transmute::<Call<'_>, Call<'static>>(f) };
        // SAFETY: `taken` is ours, and no task of the work before is under way.
        unsafe { *self.work.get() = Work { f } };
        self.done.store(0, Relaxed);
        let number = Ticket(self.ticket.load(Relaxed)).number().wrapping_add(1);
        self.ticket.store(Ticket::new(number, seats, n).0, SeqCst);
        if self.asleep.load(SeqCst) > 0 {
            drop(lock(&self.bed));
            (0..seats).for_each(|_| self.bell.notify_one());
        }
        INSIDE.set(true);
        while let Some(ticket) = self.take(Ticket::first) {
            self.run(ticket.front());
        }
        INSIDE.set(false);
        let mut looks = 0;
        while self.done.load(Acquire) < n {
            pause(&mut looks);
        }
        let panic = lock(&self.panic).take();
        self.taken.store(false, Release);
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }

    /// Takes a task, if the ticket allows it: the ticket as it was.
    fn take(&self, less: impl Fn(Ticket) -> Option<Ticket>) -> Option<Ticket> {
        let less = |now: u64| less(Ticket(now)).map(|less| less.0);
        self.ticket.fetch_update(AcqRel, Relaxed, less).ok().map(Ticket)
    }

    /// Runs a task that was taken.
    fn run(&self, task: usize) {
        // SAFETY: a task is taken and not counted yet.
        let work = unsafe { *self.work.get() };
        // SAFETY: the function lives until all tasks are counted, this one too.
        let run = AssertUnwindSafe(|| unsafe { (*work.f)(task) });
        if let Err(panic) = catch_unwind(run) {
            lock(&self.panic).get_or_insert(panic);
        }
        self.done.fetch_add(1, Release);
    }

    /// What a helper does.
    fn help(&self) {
        INSIDE.set(true);
        let (mut looks, mut since) = (0, Instant::now());
        loop {
            let ticket = Ticket(self.ticket.load(Relaxed));
            let number = ticket.number();
            let join = || self.take(|now| now.last(number, 1));
            if let Some(ticket) = ticket.is_open().then(join).flatten() {
                self.run(ticket.front() + ticket.left() - 1);
                while let Some(ticket) = self.take(|now| now.last(number, 0)) {
                    self.run(ticket.front() + ticket.left() - 1);
                }
                (looks, since) = (0, Instant::now());
            } else if looks <= LOOKS || since.elapsed() < AWAKE {
                pause(&mut looks);
            } else {
                self.sleep();
                (looks, since) = (0, Instant::now());
            }
        }
    }

    /// Sleeps until there is work.
    fn sleep(&self) {
        let mut bed = lock(&self.bed);
        self.asleep.fetch_add(1, SeqCst);
        while !Ticket(self.ticket.load(SeqCst)).is_open() {
            bed = self.bell.wait(bed).unwrap_or_else(PoisonError::into_inner);
        }
        self.asleep.fetch_sub(1, SeqCst);
    }
}

/// Waits a moment; after some of them the core is left to others that want it.
fn pause(looks: &mut usize) {
    if *looks < LOOKS {
        *looks += 1;
        std::hint::spin_loop();
    } else {
        *looks = LOOKS + 1;
        thread::yield_now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often each number came.
    fn counts(n: usize) -> Vec<AtomicUsize> {
        (0..n).map(|_| AtomicUsize::new(0)).collect()
    }

    #[test]
    fn each_task_is_done_once_whoever_shares() {
        // Callers on several threads: one shares, the others work alone, in any turn.
        thread::scope(|scope| {
            for caller in 0..4 {
                scope.spawn(move || {
                    for n in (0..2000).map(|i| (i * 7 + caller) % 67) {
                        let seen = counts(n);
                        let add = |i: usize| {
                            seen[i].fetch_add(1, Relaxed);
                        };
                        with_threads(3, || for_each((0..n).collect(), 1e9, add));
                        assert!(seen.iter().all(|seen| seen.load(Relaxed) == 1));
                    }
                });
            }
        });
    }

    #[test]
    fn shared_work_inside_of_shared_work_is_done_too() {
        let seen = counts(64);
        for_each((0..8).collect(), 1e9, |i: usize| {
            for_each((0..8).collect(), 1e9, |j: usize| {
                seen[i * 8 + j].fetch_add(1, Relaxed);
            });
        });
        assert!(seen.iter().all(|seen| seen.load(Relaxed) == 1));
    }

    #[test]
    fn a_panic_comes_out_when_all_tasks_are_done() {
        for bad in [0, 5, 15] {
            let seen = counts(16);
            let run = AssertUnwindSafe(|| {
                for_each((0..16).collect(), 1e9, |i: usize| {
                    seen[i].fetch_add(1, Relaxed);
                    assert!(i != bad, "task {i}");
                });
            });
            let said = catch_unwind(run).unwrap_err();
            assert_eq!(said.downcast_ref::<String>().unwrap(), &format!("task {bad}"));
            let done = seen.iter().filter(|seen| seen.load(Relaxed) == 1).count();
            assert!(done == 16 || default_count() == 1);
        }
        let total = AtomicUsize::new(0);
        for_each((1..=10).collect(), 1e9, |i: usize| {
            total.fetch_add(i, Relaxed);
        });
        assert_eq!(total.into_inner(), 55);
    }

    #[test]
    fn no_more_threads_than_allowed() {
        let seen = Mutex::new(Vec::new());
        with_threads(2, || {
            for_each((0..40).collect(), 1e9, |_: usize| {
                thread::sleep(Duration::from_micros(100));
                let mut seen = lock(&seen);
                if !seen.contains(&thread::current().id()) {
                    seen.push(thread::current().id());
                }
            });
        });
        assert!(lock(&seen).len() <= 2);
    }
}
