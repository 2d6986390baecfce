//! The processes that `mpirun` started, of which this is one.

use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};

use chainrule_fit::Result;
use chainrule_fit::parallel::{Communicator, Single, same_on_all};

/// Whether this process is another than the first.
static SILENT: AtomicBool = AtomicBool::new(false);

/// Whether this process talks to the user.
pub(crate) fn is_talking() -> bool {
    !SILENT.load(Ordering::Relaxed)
}

/// The ranks of this job: those of MPI where a launcher started this process, else one.
pub(crate) fn start() -> Result<Rc<dyn Communicator>> {
    let ranks = launched()?;
    SILENT.store(!ranks.is_first(), Ordering::Relaxed);
    Ok(ranks)
}

#[cfg(feature = "mpi")]
fn launched() -> Result<Rc<dyn Communicator>> {
    if chainrule_mpi::is_launched() {
        return Ok(Rc::new(chainrule_mpi::Mpi::start()?));
    }
    Ok(Rc::new(Single))
}

/// Whether a launcher of MPI started this process, and MPI is there.
pub(crate) fn is_launched() -> bool {
    #[cfg(feature = "mpi")]
    return chainrule_mpi::is_launched();
    #[cfg(not(feature = "mpi"))]
    false
}

/// Several processes that do not know of each other would write over each other's files.
#[cfg(not(feature = "mpi"))]
fn launched() -> Result<Rc<dyn Communicator>> {
    let number = |name| std::env::var(name).ok()?.parse::<usize>().ok();
    let size = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"].into_iter().find_map(number);
    let rank = ["OMPI_COMM_WORLD_RANK", "PMI_RANK"].into_iter().find_map(number);
    if size.is_some_and(|size| size > 1) {
        SILENT.store(rank.is_some_and(|rank| rank > 0), Ordering::Relaxed);
        return Err(chainrule_fit::Error::new(
            "this chainrule was built without MPI and cannot run as several processes; build it \
             with `--features mpi`, or start it without mpirun",
        ));
    }
    Ok(Rc::new(Single))
}

/// That all ranks are of one version and were given the same arguments.
pub(crate) fn agree(ranks: &dyn Communicator) -> Result<()> {
    if ranks.size() == 1 {
        return Ok(());
    }
    let arguments = std::env::args().skip(1).zip(1..);
    let named: Vec<(String, String)> =
        arguments.map(|(text, i)| (format!("argument {i}"), text)).collect();
    let mut parts = vec![("the version", env!("CARGO_PKG_VERSION"))];
    parts.extend(named.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    same_on_all(ranks, &parts)
}
