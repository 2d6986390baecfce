//! The graph: immutable nodes, each with the operation and the sources that make it.
//!
//! [`node`] is the node and its handle, [`Tensor`]; [`mode`] switches recording for gradients off
//! and on; [`walk`] visits graphs of any depth without recursion; [`call`] is how operations with
//! rules of their own are recorded. Nothing here computes a number.

pub(crate) mod batches;
pub(crate) mod call;
pub(crate) mod cut;
pub(crate) mod extra;
pub(crate) mod mode;
pub(crate) mod node;
pub(crate) mod walk;

pub use cut::{Cut, CutBy};
pub use mode::{GradMode, NoGrad, is_grad_enabled, no_grad};
pub use node::{Tensor, live_nodes};
