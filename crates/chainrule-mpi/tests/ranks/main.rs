//! Ranks as processes: each test starts itself again under `mpirun`.

mod exchange;
mod launch;
mod train;
