//! Ranks as processes under MPI.
//!
//! `Mpi` is a [`Communicator`](chainrule_fit::parallel::Communicator) over the crate `mpi`, that
//! is over whatever MPI is installed (OpenMPI, MPICH). A program that is started by
//! `mpirun -n 4 program` begins with `Mpi::start` and hands it to a fit; `docs/mpi.md` tells the
//! rest.
//!
//! ```no_run
//! # #[cfg(feature = "mpi")]
//! # fn f() -> chainrule_fit::Result<()> {
//! use chainrule_fit::parallel::{Communicator, Summands};
//! let ranks = chainrule_mpi::Mpi::start()?;
//! let sum = ranks.sum(Summands::F64(vec![ranks.rank() as f64]))?;
//! # Ok(())
//! # }
//! ```
//!
//! # What is asked of MPI
//!
//! Only the thread that started it calls MPI (`MPI_THREAD_FUNNELED`); the engine's worker threads
//! do not. Errors inside MPI are fatal, which is its default: it says which rank met which error
//! and ends the job. A process that dies is noticed by `mpirun`, which says so and ends the others.
//! So no method ever returns an error here.
//!
//! Without the feature `mpi` this crate is empty: it then needs nothing that Rust does not have.
//!
//! # References
//!
//! MPI Forum 2023, *MPI: A Message-Passing Interface Standard, version 4.1*: chapter 6 (collective
//! communication), 11.6 (threads), 9.3 (errors).

#[cfg(feature = "mpi")]
mod sum;
#[cfg(feature = "mpi")]
mod world;

#[cfg(feature = "mpi")]
pub use world::{Mpi, is_launched};
