//! Several processes that fit one model: what they must be able to say to each other.
//!
//! A job has [`size`](Communicator::size) *ranks*, numbered from 0. They run the same program on
//! different rows, and call the methods of their [`Communicator`] in the same order (MPI 4.1,
//! chapter 6, *Collective Communication*): whoever calls one waits for the others. Nothing else
//! of a fit knows about processes.
//!
//! [`Single`] is a job of one rank, and what all fits use who are not told otherwise. The crate
//! `chainrule-mpi` runs ranks as processes under MPI. [`threads`] runs them as threads of this
//! process, to test what is written for ranks:
//!
//! ```
//! use chainrule_fit::parallel::{Communicator, Summands, threads};
//! let sums = threads(3, |ranks| ranks.sum(Summands::F64(vec![ranks.rank() as f64, 1.0])));
//! assert!(sums.iter().all(|sum| *sum == Ok(Summands::F64(vec![3.0, 3.0]))));
//! ```
//!
//! A rank that fails calls [`abort`](Communicator::abort), which ends the job: nobody waits for
//! ever for who will not come.

mod agree;
pub mod cost;
pub(crate) mod fold;
pub(crate) mod scope;
mod threads;

pub use agree::same_on_all;
pub use threads::{Threads, threads};

use std::rc::Rc;

use crate::error::{Error, Result};

/// Numbers that are added up element by element.
#[derive(Clone, Debug, PartialEq)]
pub enum Summands {
    /// Of 32 bits.
    F32(Vec<f32>),
    /// Of 64 bits.
    F64(Vec<f64>),
}

/// A sum on its way.
pub trait Pending {
    /// Whether the sum is there. To ask also gives the library time to work on it.
    fn is_ready(&mut self) -> bool;

    /// The sum over all ranks, the same bits on each.
    ///
    /// # Errors
    ///
    /// If the job was ended.
    fn wait(self: Box<Self>) -> Result<Summands>;
}

/// What ranks say to each other. All of them call each method, in the same order.
///
/// Every method fails if the job was ended by [`abort`](Communicator::abort).
pub trait Communicator {
    /// The number of this rank, from 0.
    fn rank(&self) -> usize;

    /// The number of ranks.
    fn size(&self) -> usize;

    /// What rank `root` has, on every rank. What the others give does not matter.
    ///
    /// # Errors
    ///
    /// If the job was ended.
    fn broadcast(&self, root: usize, bytes: Vec<u8>) -> Result<Vec<u8>>;

    /// What each rank has, by their numbers, on every rank. Lengths may differ.
    ///
    /// # Errors
    ///
    /// If the job was ended.
    fn gather(&self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>>;

    /// Begins to add up numbers over all ranks: of one type, as many on each.
    ///
    /// # Errors
    ///
    /// If the job was ended.
    fn start_sum(&self, numbers: Summands) -> Result<Box<dyn Pending + '_>>;

    /// Returns when every rank has called it.
    ///
    /// # Errors
    ///
    /// If the job was ended.
    fn barrier(&self) -> Result<()>;

    /// Ends the job because of `why`, which is said with the number of this rank. May not return.
    fn abort(&self, why: &Error);

    /// Another handle on the same rank, to keep.
    fn handle(&self) -> Rc<dyn Communicator>;

    /// The sum over all ranks, the same bits on each.
    ///
    /// # Errors
    ///
    /// If the job was ended.
    fn sum(&self, numbers: Summands) -> Result<Summands> {
        self.start_sum(numbers)?.wait()
    }

    /// Whether this is the rank that writes files and talks to the user.
    fn is_first(&self) -> bool {
        self.rank() == 0
    }
}

/// Which of `n` rows are those of this rank: about equal parts, in the order of ranks.
///
/// ```
/// use chainrule_fit::parallel::{part, threads};
/// assert_eq!(threads(3, |ranks| part(8, ranks)), [0..2, 2..5, 5..8]);
/// ```
pub fn part(n: usize, ranks: &dyn Communicator) -> std::ops::Range<usize> {
    let cut = |rank: usize| (n as u128 * rank as u128 / ranks.size() as u128) as usize;
    cut(ranks.rank())..cut(ranks.rank() + 1)
}

/// A job of one rank.
#[derive(Clone, Copy, Debug, Default)]
pub struct Single;

struct Ready(Summands);

impl Pending for Ready {
    fn is_ready(&mut self) -> bool {
        true
    }

    fn wait(self: Box<Self>) -> Result<Summands> {
        Ok(self.0)
    }
}

impl Communicator for Single {
    fn rank(&self) -> usize {
        0
    }

    fn size(&self) -> usize {
        1
    }

    fn broadcast(&self, _root: usize, bytes: Vec<u8>) -> Result<Vec<u8>> {
        Ok(bytes)
    }

    fn gather(&self, bytes: Vec<u8>) -> Result<Vec<Vec<u8>>> {
        Ok(vec![bytes])
    }

    fn start_sum(&self, numbers: Summands) -> Result<Box<dyn Pending + '_>> {
        Ok(Box::new(Ready(numbers)))
    }

    fn barrier(&self) -> Result<()> {
        Ok(())
    }

    /// Does nothing: the caller returns the error.
    fn abort(&self, _why: &Error) {}

    fn handle(&self) -> Rc<dyn Communicator> {
        Rc::new(Single)
    }
}
