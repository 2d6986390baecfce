//! Layers and losses: each is listed once in `cases`; what holds for all is tested over the list.

mod cases;
mod golden;
mod laws;
mod single;

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use chainrule_core::manual_seed;

/// The generator is one for the process, and tests run side by side.
static GENERATOR: RwLock<()> = RwLock::new(());

/// For tests that need the numbers of a seed: nobody else draws while this is held.
fn seeded(seed: u64) -> RwLockWriteGuard<'static, ()> {
    let alone = GENERATOR.write().unwrap_or_else(PoisonError::into_inner);
    manual_seed(seed);
    alone
}

/// For tests to which any numbers will do.
fn drawing() -> RwLockReadGuard<'static, ()> {
    GENERATOR.read().unwrap_or_else(PoisonError::into_inner)
}
