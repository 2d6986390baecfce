//! Sums that MPI makes while the program goes on.

use std::ptr;

use chainrule_fit::parallel::{Pending, Summands};
use chainrule_fit::{Error, Result};
use mpi::collective::SystemOperation;
use mpi::request::{Request, StaticScope};
use mpi::topology::SimpleCommunicator;
use mpi::traits::{CommunicatorCollectives as _, Equivalence};

/// A sum on its way, and the memory that MPI reads and writes for it.
struct Sum<T: Equivalence + 'static> {
    /// `None` when MPI is done with the memory.
    request: Option<Request<'static, [T], StaticScope>>,
    send: *mut [T],
    receive: *mut [T],
    wrap: fn(Vec<T>) -> Summands,
}

/// The most numbers of one sum: MPI counts in 32 bits.
const MOST: usize = i32::MAX as usize;

/// Begins a sum over all ranks of `world`.
pub(crate) fn start(world: &SimpleCommunicator, numbers: Summands) -> Result<Box<dyn Pending>> {
    Ok(match numbers {
        Summands::F32(numbers) => Box::new(Sum::start(world, numbers, Summands::F32)?),
        Summands::F64(numbers) => Box::new(Sum::start(world, numbers, Summands::F64)?),
    })
}

impl<T: Equivalence + Clone + Default + 'static> Sum<T> {
    fn start(
        world: &SimpleCommunicator,
        numbers: Vec<T>,
        wrap: fn(Vec<T>) -> Summands,
    ) -> Result<Sum<T>> {
        if numbers.len() > MOST {
            return Err(Error::new(format!(
                "{} numbers are too many for one sum of MPI; add up parts of them",
                numbers.len()
            )));
        }
        let receive = Box::into_raw(vec![T::default(); numbers.len()].into_boxed_slice());
        let send = Box::into_raw(numbers.into_boxed_slice());
        // SAFETY: both come from boxes that nobody else knows; they are freed in `drop`, after
        // MPI is done with them, and these references are not used after that.
        let (from, to): (&'static [T], &'static mut [T]) = unsafe { (&*send, &mut *receive) };
        let add = SystemOperation::sum();
        let request = world.immediate_all_reduce_into(StaticScope, from, to, add);
        Ok(Sum { request: Some(request), send, receive, wrap })
    }
}

impl<T: Equivalence + Clone + 'static> Pending for Sum<T> {
    fn is_ready(&mut self) -> bool {
        self.request = self.request.take().and_then(|request| request.test().err());
        self.request.is_none()
    }

    fn wait(mut self: Box<Self>) -> Result<Summands> {
        if let Some(request) = self.request.take() {
            request.wait_without_status();
        }
        let empty = ptr::slice_from_raw_parts_mut(ptr::NonNull::dangling().as_ptr(), 0);
        let receive = std::mem::replace(&mut self.receive, empty);
        // SAFETY: it came from `Box::into_raw`, MPI is done with it, and `self` has forgotten it.
        Ok((self.wrap)(unsafe { Box::from_raw(receive) }.into_vec()))
    }
}

impl<T: Equivalence + 'static> Drop for Sum<T> {
    fn drop(&mut self) {
        if let Some(request) = self.request.take() {
            request.wait_without_status();
        }
        // SAFETY: both came from `Box::into_raw` (or `receive` is the empty slice, which owns
        // nothing), MPI is done with them, and nobody else knows them.
        unsafe {
            drop(Box::from_raw(self.send));
            drop(Box::from_raw(self.receive));
        }
    }
}
