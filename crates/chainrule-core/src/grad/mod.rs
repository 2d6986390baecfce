//! Differentiation: from graph to graph.
//!
//! Reverse mode walks from a result back to its sources. Each node turns the cotangent of its
//! value into cotangents of its sources ([`vjp`]); where a value was used several times, they add
//! up. Nothing is computed here: the gradient is more graph, which can be evaluated together with
//! the forward pass, and differentiated again.

mod custom;
mod jvp;
mod real;
mod replay;
mod reverse;
mod tape;
mod vjp;

pub(crate) use custom::transpose;
pub(crate) use jvp::push_forward;
pub(crate) use real::Expr;
pub(crate) use replay::{Between, batch, between, replay, uncut};
pub use reverse::grad;
pub(crate) use reverse::{Located, pull_back};
