//! The batches that functions are being recorded for on this thread, and the numbers drawn in them.
//!
//! A random tensor made while a function is recorded for a batch stands for other numbers in each
//! element: it is a variable, and the numbers for the whole batch are kept here until the batch is
//! recorded.

use std::cell::RefCell;

use smallvec::SmallVec;

use super::node::Tensor;
use crate::op::Shape;

/// A variable, and its numbers for the whole batch.
type Drawn = Vec<(Tensor, Tensor)>;

thread_local! {
    static BATCHES: RefCell<Vec<(usize, Drawn)>> = const { RefCell::new(Vec::new()) };
}

/// A batch that a function is being recorded for.
pub(crate) struct Batch(usize);

/// Begins to record for a batch of `size` elements.
pub(crate) fn enter(size: usize) -> Batch {
    BATCHES.with_borrow_mut(|b| {
        b.push((size, vec![]));
        Batch(b.len())
    })
}

impl Batch {
    /// Ends it: what was drawn.
    pub(crate) fn leave(self) -> Drawn {
        BATCHES
            .with_borrow_mut(|b| b.last_mut().map(|b| std::mem::take(&mut b.1)).unwrap_or_default())
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        BATCHES.with_borrow_mut(|b| b.truncate(self.0 - 1));
    }
}

/// A tensor of random numbers of `shape`, made by `draw`: inside batches a variable for it, and the
/// numbers for all elements drawn at once.
pub(crate) fn drawn(shape: &Shape, draw: impl FnOnce(&Shape) -> Tensor) -> Tensor {
    let sizes: SmallVec<[usize; 4]> = BATCHES.with_borrow(|b| b.iter().map(|b| b.0).collect());
    let mut full: Shape = sizes.iter().copied().collect();
    full.extend_from_slice(shape);
    let mut x = draw(&full);
    for i in 0..sizes.len() {
        let variable = x.unknown_element();
        BATCHES.with_borrow_mut(|b| b[i].1.push((variable.clone(), x)));
        x = variable;
    }
    x
}
