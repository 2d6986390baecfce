//! Functions of functions: derivatives of closures, batches, custom derivatives, control flow.
//!
//! Each takes an ordinary Rust closure on tensors (or on structures of them, [`Tree`]), runs it on
//! variables of its own, and works on the graph that was recorded. What comes back is graph again,
//! so that all of them nest in any order.

mod again;
mod checkpoint;
mod control;
mod dopri;
mod first;
mod flow;
mod function;
mod implicit;
mod krylov;
mod numbers;
mod ode;
mod program;
mod scan;
mod scope;
mod search;
mod solve;
mod trace;
mod tree;
mod vmap;
mod whole;

pub use checkpoint::checkpoint;
pub use control::{cond, while_loop};
pub use first::{
    LinearMap, WithPullback, WithPushforward, gradient, jvp, linearize, value_and_grad,
    value_and_grad_aux, vjp,
};
pub use function::{Function, IntoSlopes};
pub use implicit::{argmin, fixed_point, root, root_with};
pub use ode::{Gradient, Ode, odeint};
pub use program::Program;
pub use scan::{fori_loop, scan};
pub use solve::{linear_solve, linear_solve_spd};
#[cfg(feature = "linalg")]
pub(crate) use trace::{pull, push};
pub use tree::{Outcome, Tree};
pub use vmap::vmap;
pub use whole::{derivative, derivatives, hessian, hvp, jacfwd, jacobian, jacrev};
