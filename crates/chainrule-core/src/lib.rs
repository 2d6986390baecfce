//! Tensors on one lazy graph: recording, differentiation, planning and fused evaluation.
//!
//! The data flow is the order of the modules: [`op`] says what can be computed, `graph` records it,
//! `grad` turns graphs into graphs of derivatives, `plan` decides what runs together, `exec` runs
//! it, and `tensor` is the front door. Users depend on the crate `chainrule`, which re-exports this
//! one and has the tour.
//!
//! ```
//! use chainrule_core::*;
//! let x = Tensor::from([0.0, 1.0, 2.0, 3.0]).requires_grad();
//! let y = 2.0 * x.dot(&x);
//! y.backward()?;
//! assert_eq!(x.grad().unwrap().to_vec::<f64>()?, [0.0, 4.0, 8.0, 12.0]);
//! # Ok::<(), Error>(())
//! ```

mod check;
mod error;
mod exec;
mod grad;
mod graph;
mod inspect;
#[cfg(feature = "linalg")]
pub mod linalg;
pub mod op;
mod place;
mod plan;
pub mod scalar;
mod tensor;
mod transform;

pub use chainrule_kernels::threads::with_threads;
pub use chainrule_kernels::{MemoryStats, empty_cache, memory_stats};
pub use check::{Culprit, Gradcheck, GradcheckRow, Identity, Verdict, gradcheck, gradcheck_tree};
pub use error::{Error, ErrorKind, Result, take_raised};
pub use exec::{Engine, detect_anomaly, realize, stop_evaluations, with_engine};
pub use grad::grad;
pub use graph::{Cut, CutBy, GradMode, NoGrad, Tensor, is_grad_enabled, live_nodes, no_grad};
pub use inspect::{
    Explanation, GraphNode, HookHandle, LostGradient, LostGradients, Profile, ProfileRow, Step,
    explain, graph_of, graph_to_dot, lost_gradients, profile, profile_note,
};
pub use op::{DType, Element, Real, Scalar};
pub use place::{ForeignLine, Place, foreign_line, work_for};
pub use tensor::{
    Indices, IntoAxes, IntoShape, NewAxis, Numbers, Operand, cat, contents as notebook_contents,
    einsum, manual_seed, rng_state, set_rng_state, stack,
};
pub use transform::{
    Function, Gradient, IntoSlopes, LinearMap, Ode, Outcome, Program, Tree, WithPullback,
    WithPushforward, argmin, checkpoint, cond, derivative, derivatives, fixed_point, fori_loop,
    gradient, hessian, hvp, jacfwd, jacobian, jacrev, jvp, linear_solve, linear_solve_spd,
    linearize, odeint, root, root_with, scan, value_and_grad, value_and_grad_aux, vjp, vmap,
    while_loop,
};
