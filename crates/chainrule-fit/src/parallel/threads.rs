//! Ranks as threads of one process.
//!
//! Everything is one operation, the exchange: each rank lays down what it has for the k-th
//! exchange and takes what all have laid down. A sum is made by every rank for itself in the order
//! of ranks, so that all get the same bits.

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::{Communicator, Pending, Summands};
use crate::error::{Error, Result, fail};

#[derive(Clone)]
enum Item {
    Bytes(Arc<Vec<u8>>),
    Numbers(Arc<Summands>),
}

/// What was laid down for one exchange, and how many have taken it.
struct Round {
    items: Vec<Option<Item>>,
    taken: usize,
}

#[derive(Default)]
struct State {
    rounds: HashMap<u64, Round>,
    ended: Option<Error>,
}

#[derive(Default)]
struct Table {
    state: Mutex<State>,
    changed: Condvar,
}

impl Table {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, why: Error) {
        self.state().ended.get_or_insert(why);
        self.changed.notify_all();
    }
}

/// A rank that is a thread; see [`threads`].
#[derive(Clone)]
pub struct Threads {
    rank: usize,
    size: usize,
    table: Arc<Table>,
    /// The number of the next exchange.
    next: Rc<Cell<u64>>,
}

/// Runs `work` as `size` ranks, each on a thread of its own, and returns what they return by their
/// numbers.
///
/// # Panics
///
/// If `work` does; the other ranks get an error from what they wait for.
pub fn threads<T: Send>(size: usize, work: impl Fn(&Threads) -> T + Sync) -> Vec<T> {
    let (table, work) = (Arc::new(Table::default()), &work);
    std::thread::scope(|scope| {
        let ranks = (0..size).map(|rank| {
            let table = table.clone();
            scope.spawn(move || {
                let ranks = Threads { rank, size, table, next: Rc::default() };
                let ended = Guard(&ranks);
                let result = work(&ranks);
                std::mem::forget(ended);
                result
            })
        });
        let ranks: Vec<_> = ranks.collect();
        let results: Vec<_> = ranks.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        results
            .into_iter()
            .map(|result| result.unwrap_or_else(|why| std::panic::resume_unwind(why)))
            .collect()
    })
}

/// Ends the job if its rank unwinds.
struct Guard<'a>(&'a Threads);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.table.end(Error::new(format!("rank {} panicked", self.0.rank)));
    }
}

impl Threads {
    fn lay_down(&self, item: Item) -> u64 {
        let number = self.next.replace(self.next.get() + 1);
        let mut state = self.table.state();
        let new = || Round { items: vec![None; self.size], taken: 0 };
        state.rounds.entry(number).or_insert_with(new).items[self.rank] = Some(item);
        self.table.changed.notify_all();
        number
    }

    fn is_full(&self, number: u64) -> bool {
        let state = self.table.state();
        state.rounds.get(&number).is_some_and(|round| round.items.iter().all(Option::is_some))
    }

    fn take_up(&self, number: u64) -> Result<Vec<Item>> {
        let mut state = self.table.state();
        loop {
            if let Some(why) = &state.ended {
                return Err(why.clone());
            }
            if let Some(round) = state.rounds.get_mut(&number)
                && let Some(items) = round.items.iter().cloned().collect::<Option<Vec<Item>>>()
            {
                round.taken += 1;
                if round.taken == self.size {
                    state.rounds.remove(&number);
                }
                return Ok(items);
            }
            state = self.table.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

struct Sum<'a> {
    ranks: &'a Threads,
    number: u64,
}

impl Pending for Sum<'_> {
    fn is_ready(&mut self) -> bool {
        self.ranks.is_full(self.number)
    }

    fn wait(self: Box<Self>) -> Result<Summands> {
        let mut items = self.ranks.take_up(self.number)?.into_iter();
        let Some(Item::Numbers(first)) = items.next() else { return mismatch() };
        let mut sum = (*first).clone();
        for item in items {
            let Item::Numbers(more) = item else { return mismatch() };
            match (&mut sum, &*more) {
                (Summands::F32(a), Summands::F32(b)) if a.len() == b.len() => {
                    a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
                }
                (Summands::F64(a), Summands::F64(b)) if a.len() == b.len() => {
                    a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
                }
                _ => return mismatch(),
            }
        }
        Ok(sum)
    }
}

fn mismatch<T>() -> Result<T> {
    fail!("the ranks did not call the same operations in the same order with equal lengths")
}

impl Communicator for Threads {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.size
    }

    fn broadcast(&self, root: usize, bytes: Vec<u8>) -> Result<Vec<u8>> {
        let bytes = if self.rank == root { bytes } else { vec![] };
        Ok(self.gather(bytes)?.swap_remove(root))
    }

    fn gather(&self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>> {
        let number = self.lay_down(Item::Bytes(Arc::new(bytes)));
        let items = self.take_up(number)?.into_iter();
        items
            .map(|item| match item {
                Item::Bytes(bytes) => Ok((*bytes).clone()),
                Item::Numbers(_) => mismatch(),
            })
            .collect()
    }

    fn start_sum(&self, numbers: Summands) -> Result<Box<dyn Pending + '_>> {
        let number = self.lay_down(Item::Numbers(Arc::new(numbers)));
        Ok(Box::new(Sum { ranks: self, number }))
    }

    fn barrier(&self) -> Result<()> {
        self.gather(vec![]).map(|_| ())
    }

    /// Lets all ranks fail with `why`.
    fn abort(&self, why: &Error) {
        self.table.end(Error::new(format!("rank {}: {why}", self.rank)));
    }

    fn handle(&self) -> Rc<dyn Communicator> {
        Rc::new(self.clone())
    }
}
