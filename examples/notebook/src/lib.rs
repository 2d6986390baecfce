//! The libraries of a notebook, as one dynamic library.
//!
//! The Rust kernel compiles each cell to a library of its own. If chainrule were linked into each,
//! each would have its own pools, counters and caches, and a graph recorded in one cell could not
//! be computed in the next: values would be wrong. As a dynamic library there is one for all.

pub use {chainrule, chainrule_plot};
