//! Looking into derivatives: hooks, kept gradients, what got none, how a number came about,
//! where the time goes, and the graph itself.

mod explain;
mod graph;
mod hooks;
mod lost;
mod profile;

pub use explain::{Explanation, Step, explain};
pub use graph::{GraphNode, graph_of, graph_to_dot};
pub use hooks::HookHandle;
pub use lost::{LostGradient, LostGradients, lost_gradients};
pub use profile::{Profile, ProfileRow, profile, profile_note};
