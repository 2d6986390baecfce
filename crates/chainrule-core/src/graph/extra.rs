//! What few nodes have: a name, hooks, a gradient to keep.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::node::{Link, Tensor};

/// A function of a cotangent that may replace it.
pub(crate) type Hook = Arc<dyn Fn(&Tensor) -> Option<Tensor> + Send + Sync>;

/// What few nodes have.
#[derive(Default)]
pub(crate) struct Extra {
    /// In the order in which they were added, each with its number.
    hooks: Mutex<Vec<(u64, Hook)>>,
    /// The gradient, if it is to be kept.
    retained: Mutex<Option<Option<Tensor>>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Extra {
    /// The hooks, in order.
    pub(crate) fn hooks(&self) -> Vec<(u64, Hook)> {
        locked(&self.hooks).clone()
    }

    pub(crate) fn add(&self, number: u64, hook: Hook) {
        locked(&self.hooks).push((number, hook));
    }

    /// Removes the hook with this number; whether it was there.
    pub(crate) fn remove(&self, number: u64) -> bool {
        let removed: Vec<_> = locked(&self.hooks).extract_if(.., |h| h.0 == number).collect();
        !removed.is_empty()
    }

    /// The kept gradient: `None` if none is to be kept.
    pub(crate) fn retained(&self) -> MutexGuard<'_, Option<Option<Tensor>>> {
        locked(&self.retained)
    }
}

impl Tensor {
    /// What this tensor has beyond the usual; a parameter's stands in its cell.
    pub(crate) fn extra(&self) -> &OnceLock<Arc<Extra>> {
        match &self.0.link {
            Link::Cell(parameter) => &parameter.extra,
            _ => &self.0.extra,
        }
    }
}
