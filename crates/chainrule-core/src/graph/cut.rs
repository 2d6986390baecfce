//! Where the way of gradients was cut, remembered by what lies behind the cut.

use std::fmt;
use std::sync::Arc;

use super::node::Tensor;
use crate::place::Place;

/// What cut the way of gradients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CutBy {
    /// It was recorded inside [`no_grad`](crate::no_grad()), which begins at the line.
    NoGrad,
    /// [`detach`](crate::Tensor::detach) was called at the line.
    Detach,
    /// The operation at the line gives integers or truth values, which have no derivative.
    Discrete,
}

/// One cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// What cut.
    pub by: CutBy,
    /// The user's line.
    pub at: Place,
    /// A bit for each parameter behind the cut; parameters share 64 bits.
    pub(crate) mask: u64,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.by {
            CutBy::NoGrad => write!(f, "`no_grad` at {}", self.at),
            CutBy::Detach => write!(f, "`detach` at {}", self.at),
            CutBy::Discrete => write!(f, "integers or truth values at {}", self.at),
        }
    }
}

/// The cuts above a tensor that tracks no gradients, oldest first.
pub(crate) type Cuts = Option<Arc<[Cut]>>;

/// No tensor remembers more.
const MOST: usize = 16;

fn with(list: &[Cut], more: &[Cut]) -> Cuts {
    let mut all = list.to_vec();
    all.extend(more.iter().filter(|c| !list.contains(c)));
    all.truncate(MOST);
    Some(all.into())
}

/// The cuts above any of `src`.
pub(crate) fn inherited(src: &[Tensor]) -> Cuts {
    let mut all: Cuts = None;
    for more in src.iter().filter_map(|s| s.0.cuts.as_ref()) {
        all = match &all {
            None => Some(more.clone()),
            Some(known) if Arc::ptr_eq(known, more) => continue,
            Some(known) => with(known, more),
        };
    }
    all
}

/// A new cut above sources, some of which track gradients.
pub(crate) fn new(by: CutBy, at: Place, src: &[Tensor]) -> Cuts {
    let tracked = src.iter().filter(|s| s.0.tracks());
    let mask = tracked.fold(0, |mask, s| mask | s.0.mask);
    with(inherited(src).as_deref().unwrap_or_default(), &[Cut { by, at, mask }])
}
