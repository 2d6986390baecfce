//! Differentiate programs and fit models.
//!
//! A model is ordinary arithmetic on [`Tensor`]s. The library records the computational graph,
//! which data went through which operation, and turns it into the graph of the derivatives, which
//! can be differentiated again. What is asked for is then computed, all of it as one fused program.
//!
//! ```
//! use chainrule::prelude::*;
//!
//! let x = Tensor::from([0.0, 1.0, 2.0, 3.0]).requires_grad();
//! let y = 2.0 * x.dot(&x);
//! y.backward()?;
//! assert_eq!(x.grad().unwrap().to_vec::<f64>()?, [0.0, 4.0, 8.0, 12.0]); // 4x
//! # Ok::<(), Error>(())
//! ```
//!
//! Mistakes are explained, with the line that made them and the lines that led there:
//!
//! ```
//! # use chainrule::prelude::*;
//! let x = Tensor::ones([32, 10]);
//! let bias = Tensor::zeros([7]).named("bias").requires_grad();
//! let error = x.try_add(&bias).unwrap_err().to_string();
//! assert!(error.starts_with("error: shapes do not broadcast in `add`"));
//! assert!(error.contains("10 and 7 differ on the last axis"));
//! ```
//!
//! # Where to go from here
//!
//! - [`tour`]: everything that tensors and gradients do, in a dozen short chapters.
//! - [`micro`]: how reverse mode works, in a hundred lines that nothing else depends on.
//! - [`formula`]: mathematics as people write it, read from a text and computed on tensors.
//! - [`symbolic`]: formulas differentiated and simplified into formulas, step by step if wanted.
//! - [`Tensor`]: all methods. [`op`]: the operations behind them, with their derivatives.
//! - [`grad`](grad()), [`no_grad`], [`realize`], [`cat`], [`stack`], [`einsum`], [`gradcheck`]:
//!   the functions beside the methods.
//! - [`Error`] and [`ErrorKind`]: what can go wrong.
//!
//! With the feature `linalg` there is a module `linalg`: systems of equations, factorisations,
//! determinants, least squares, the matrix exponential and norms, all with derivatives. With the
//! feature `fit` there is a module `fit`: layers, optimisers, data, training, least squares.
//!
//! With the feature `draw` there is a module `draw`: pictures of recorded graphs.
//!
//! Programs begin with `use chainrule::prelude::*`.

#[cfg(feature = "draw")]
pub mod draw;
pub mod formula;
pub mod micro;
mod notebook;
pub mod symbolic;
pub mod tour;

pub use chainrule_core::*;
#[cfg(feature = "fit")]
pub use chainrule_fit as fit;

/// What programs usually need: `use chainrule::prelude::*`.
///
/// Nothing here hides a name of the standard library's prelude: results are written
/// `Result<Tensor, Error>`.
pub mod prelude {
    pub use chainrule_core::{
        DType, Error, ErrorKind, Function, NewAxis, NoGrad, Program, Tensor, cat, checkpoint, cond,
        derivative, derivatives, detect_anomaly, einsum, explain, fori_loop, grad, gradcheck,
        gradient, hessian, hvp, jacobian, jvp, linearize, lost_gradients, manual_seed, no_grad,
        realize, scan, stack, tree, value_and_grad, vjp, vmap, while_loop, with_threads,
    };
}
