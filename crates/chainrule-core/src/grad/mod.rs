//! Differentiation: from graph to graph.
//!
//! Reverse mode walks from a result back to its sources. Each node turns the cotangent of its
//! value into cotangents of its sources ([`vjp`]); where a value was used several times, they add
//! up. Nothing is computed here: the gradient is more graph, which can be evaluated together with
//! the forward pass, and differentiated again.

mod real;
mod reverse;
mod vjp;

pub use reverse::grad;
