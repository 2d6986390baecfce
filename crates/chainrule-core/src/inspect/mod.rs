//! Looking into derivatives: hooks, kept gradients, what got none, how a number came about.

mod explain;
mod hooks;
mod lost;

pub use explain::{Explanation, Step, explain};
pub use hooks::HookHandle;
pub use lost::{LostGradient, LostGradients, lost_gradients};
