//! The native half of the Python package `chainrule`.
//!
//! The package is a face of the engine and has no mathematics of its own: a class `Tensor` whose
//! methods have torch's names and call the engine's, functions that make tensors, and what Python
//! expects around them. One file for each topic of methods; each has a `register` where it adds
//! functions to the module. What is glue rather than speed (contexts, containers, printing,
//! layers) is Python, in `python/chainrule`.
//!
//! ```python
//! import chainrule as cr
//! x = cr.arange(4.0, requires_grad=True)
//! y = 2 * cr.dot(x, x)
//! y.backward()
//! x.grad                       # tensor([ 0.,  4.,  8., 12.])
//! ```
//!
//! - `tensor`: the handle. Tensors never change; methods that do change the handle.
//! - `errors`: the one place through which the engine is called: errors and panics become
//!   exceptions, and the interpreter is released where something may take long.
//! - `place`: the line of Python that the engine names in its errors.
//! - `memory`, `dlpack`, `arrow`: numbers exchanged with other libraries; with `place` and
//!   `interrupt` the only `unsafe` code.

#![allow(clippy::needless_pass_by_value)] // arguments of Python's functions are given

mod arith;
mod arrow;
mod dlpack;
mod dtype;
mod elementwise;
mod errors;
mod func;
mod grad;
mod index;
mod initial;
mod interrupt;
mod layers;
mod linalg;
mod look;
mod losses;
mod make;
mod memory;
mod movement;
mod optim;
mod place;
mod plot;
mod reduce;
mod sentence;
mod sequence;
mod solve;
mod space;
mod storage;
mod symbolic;
mod tensor;

use pyo3::prelude::*;

/// The native half of `chainrule`.
#[pymodule]
fn _native(m: &Bound<'_, PyModule>) -> PyResult<()> {
    errors::hush();
    interrupt::heed();
    m.add("__version__", env!("CARGO_PKG_VERSION"))?;
    m.add_class::<tensor::PyTensor>()?;
    dtype::register(m)?;
    make::register(m)?;
    reduce::register(m)?;
    movement::register(m)?;
    grad::register(m)?;
    linalg::register(m)?;
    memory::register(m)?;
    arrow::register(m)?;
    dlpack::register(m)?;
    func::register(m)?;
    layers::register(m)?;
    losses::register(m)?;
    optim::register(m)?;
    plot::register(m)?;
    solve::register(m)?;
    storage::register(m)?;
    symbolic::register(m)
}
