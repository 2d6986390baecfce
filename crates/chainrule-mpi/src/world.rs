//! The ranks that `mpirun` started.

use std::io::Write as _;
use std::rc::Rc;
use std::time::Duration;

use chainrule_fit::parallel::{Communicator, Pending, Summands};
use chainrule_fit::{Error, Result};
use mpi::Threading;
use mpi::datatype::PartitionMut;
use mpi::environment::Universe;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator as _, CommunicatorCollectives as _, Root as _};

use crate::sum;

/// The most bytes of one message: MPI counts in 32 bits.
const MOST: usize = 1 << 30;

/// This process as a rank of the job that `mpirun` started.
#[derive(Clone)]
pub struct Mpi(Rc<World>);

struct World {
    world: SimpleCommunicator,
    /// Ends MPI when the last handle is gone.
    _universe: Universe,
}

/// Whether this process was started by a launcher of MPI, as its environment says: `mpirun` of
/// OpenMPI, MPICH and their kin, or `srun`.
pub fn is_launched() -> bool {
    ["OMPI_COMM_WORLD_SIZE", "PMI_RANK", "PMI_FD", "PMIX_RANK", "MV2_COMM_WORLD_SIZE"]
        .iter()
        .any(|name| std::env::var_os(name).is_some())
}

impl Mpi {
    /// Starts MPI, once in a process. Without a launcher the job has one rank.
    ///
    /// # Errors
    /// If it was started before, or does not let threads be.
    pub fn start() -> Result<Mpi> {
        let Some((universe, threading)) = mpi::initialize_with_threading(Threading::Funneled)
        else {
            return Err(Error::new("MPI is running already; start it once"));
        };
        if threading < Threading::Funneled {
            return Err(Error::new(
                "this MPI cannot be used in programs with threads; install one that can \
                 (MPI_THREAD_FUNNELED)",
            ));
        }
        let world = universe.world();
        Ok(Mpi(Rc::new(World { world, _universe: universe })))
    }

    fn world(&self) -> &SimpleCommunicator {
        &self.0.world
    }

    /// Bytes of any number from `root`, of which every rank knows how many there are.
    fn spread(&self, root: usize, bytes: &mut [u8]) {
        let process = self.world().process_at_rank(root as i32);
        bytes.chunks_mut(MOST).for_each(|chunk| process.broadcast_into(chunk));
    }
}

impl Communicator for Mpi {
    fn rank(&self) -> usize {
        self.world().rank() as usize
    }

    fn size(&self) -> usize {
        self.world().size() as usize
    }

    fn broadcast(&self, root: usize, mut bytes: Vec<u8>) -> Result<Vec<u8>> {
        let mut length = bytes.len() as u64;
        self.world().process_at_rank(root as i32).broadcast_into(&mut length);
        bytes.resize(length as usize, 0);
        self.spread(root, &mut bytes);
        Ok(bytes)
    }

    fn gather(&self, mut bytes: Vec<u8>) -> Result<Vec<Vec<u8>>> {
        // The address of no bytes at all is 1, which OpenMPI takes for MPI_IN_PLACE.
        bytes.reserve(1);
        let mut lengths = vec![0u64; self.size()];
        self.world().all_gather_into(&(bytes.len() as u64), &mut lengths[..]);
        let all: u64 = lengths.iter().sum();
        if all == 0 {
            return Ok(vec![vec![]; lengths.len()]);
        }
        if all > MOST as u64 {
            let of = |(root, length): (usize, u64)| {
                let mut part = if root == self.rank() { bytes.clone() } else { vec![] };
                part.resize(length as usize, 0);
                self.spread(root, &mut part);
                part
            };
            return Ok(lengths.into_iter().enumerate().map(of).collect());
        }
        let counts: Vec<i32> = lengths.iter().map(|&n| n as i32).collect();
        let mut begins = vec![0; counts.len()];
        (1..counts.len()).for_each(|i| begins[i] = begins[i - 1] + counts[i - 1]);
        let mut flat = vec![0u8; all as usize];
        let mut parts = PartitionMut::new(&mut flat[..], &counts[..], &begins[..]);
        self.world().all_gather_varcount_into(&bytes[..], &mut parts);
        let part = |(begin, n): (&i32, &i32)| flat[*begin as usize..(begin + n) as usize].to_vec();
        Ok(begins.iter().zip(&counts).map(part).collect())
    }

    fn start_sum(&self, numbers: Summands) -> Result<Box<dyn Pending + '_>> {
        sum::start(self.world(), numbers)
    }

    fn barrier(&self) -> Result<()> {
        self.world().barrier();
        Ok(())
    }

    /// Says why on standard error and ends all processes; does not return.
    ///
    /// Often all ranks fail alike, as when a file is not there. Then one message is enough: who
    /// has a higher number waits two seconds to be ended by those before it, which takes mpirun a
    /// while on a busy machine.
    fn abort(&self, why: &Error) {
        if !self.is_first() {
            std::thread::sleep(Duration::from_millis(2000 + 20 * self.rank().min(50) as u64));
        }
        let (rank, size) = (self.rank(), self.size());
        let line = match size {
            1 => format!("error: {why}\n"),
            _ => format!("error: rank {rank} of {size}: {why}\n"),
        };
        let mut err = std::io::stderr().lock();
        let _ = err.write_all(line.as_bytes()).and_then(|()| err.flush());
        self.world().abort(1);
    }

    fn handle(&self) -> Rc<dyn Communicator> {
        Rc::new(self.clone())
    }
}
