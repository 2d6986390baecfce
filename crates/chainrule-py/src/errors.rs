//! From the engine's errors to Python's exceptions.
//!
//! What goes wrong in the engine is an [`Error`] that says what, where, between which operands, and
//! what to do. It reaches Python as an exception of the class that numpy's and torch's users expect
//! ([`class`]), with its text in Python's words ([`idioms`]). Errors come as results or as panics;
//! [`run`] is the one place where both are caught. An exception raised by a Python function that
//! the engine called comes out as it was.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use chainrule::{Error, ErrorKind, Result, take_raised};
use pyo3::exceptions::{PyIndexError, PyRuntimeError};
use pyo3::prelude::*;

thread_local! {
    /// How many calls of [`run`] are active: their panics are exceptions and print nothing.
    static CAUGHT: Cell<usize> = const { Cell::new(0) };
    /// The exception of a Python function that the engine called.
    static PENDING: RefCell<Option<PyErr>> = const { RefCell::new(None) };
    /// Whether there is one.
    static FAILED: Cell<bool> = const { Cell::new(false) };
}

/// Runs what calls the engine: its errors and panics are exceptions.
#[inline]
pub(crate) fn run<R>(f: impl FnOnce() -> Result<R>) -> PyResult<R> {
    let _place = crate::place::enter();
    told(caught(f))
}

/// The same while other threads of Python run.
pub(crate) fn run_detached<R: Send>(
    py: Python<'_>,
    f: impl FnOnce() -> Result<R> + Send,
) -> PyResult<R> {
    let _place = crate::place::enter();
    told(py.detach(|| caught(f)))
}

type Panic = Box<dyn std::any::Any + Send>;

#[inline]
fn caught<R>(f: impl FnOnce() -> Result<R>) -> Result<Result<R>, Panic> {
    CAUGHT.set(CAUGHT.get() + 1);
    let result = catch_unwind(AssertUnwindSafe(f));
    CAUGHT.set(CAUGHT.get() - 1);
    result
}

#[inline]
fn told<R>(result: Result<Result<R>, Panic>) -> PyResult<R> {
    match result {
        Ok(Ok(value)) if FAILED.get() => pending().map_or(Ok(value), Err),
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(exception(&error)),
        Err(panic) => Err(match take_raised() {
            Some(error) => exception(&error),
            None => pending().unwrap_or_else(|| broken(&*panic)),
        }),
    }
}

/// The same for what cannot fail but by a panic.
pub(crate) fn sure<R>(f: impl FnOnce() -> R) -> PyResult<R> {
    run(|| Ok(f()))
}

/// Keeps the exception of a Python function that the engine called, and gives the error that
/// carries it through the engine.
#[track_caller]
pub(crate) fn carry(exception: PyErr) -> Error {
    let what = format!("a Python function failed: {exception}");
    PENDING.set(Some(exception));
    FAILED.set(true);
    Error::new(ErrorKind::Data, what, std::panic::Location::caller())
}

fn pending() -> Option<PyErr> {
    FAILED.set(false);
    PENDING.take()
}

/// The exception for an error.
pub(crate) fn exception(error: &Error) -> PyErr {
    if let Some(own) = pending() {
        return own;
    }
    let text = error.to_string();
    let text = idioms(text.strip_prefix("error: ").unwrap_or(&text));
    if error.kind() == ErrorKind::Stopped
        && let Err(interrupt) = Python::attach(|py| py.check_signals())
    {
        return interrupt;
    }
    match class(error.kind()) {
        Class::Runtime => PyRuntimeError::new_err(text),
        Class::Index => PyIndexError::new_err(text),
        Class::Ours(name) => Python::attach(|py| {
            let made =
                py.import("chainrule._errors").and_then(|m| m.getattr(name)?.call1((&text,)));
            made.map_or_else(|_| PyRuntimeError::new_err(text.clone()), PyErr::from_value)
        }),
    }
}

/// Classes of exceptions: Python's own, or one of `chainrule._errors`, which derive from both what
/// numpy and what torch raise.
enum Class {
    Runtime,
    Index,
    Ours(&'static str),
}

fn class(kind: ErrorKind) -> Class {
    match kind {
        ErrorKind::Broadcast | ErrorKind::Shape | ErrorKind::Data | ErrorKind::NonFinite => {
            Class::Ours("ShapeError")
        }
        ErrorKind::DType => Class::Ours("DTypeError"),
        ErrorKind::Axis => Class::Ours("AxisError"),
        ErrorKind::Numeric => Class::Ours("LinAlgError"),
        ErrorKind::Index => Class::Index,
        _ => Class::Runtime,
    }
}

/// A panic that no error explains is a mistake of this library, and says so.
fn broken(panic: &(dyn std::any::Any + Send)) -> PyErr {
    let what = panic.downcast_ref::<String>().map(String::as_str);
    let what = what.or(panic.downcast_ref::<&str>().copied()).unwrap_or("no text");
    PyRuntimeError::new_err(format!("a mistake inside chainrule: {what}\n  hint: please report it"))
}

/// What the engine's texts call by its Rust name, in Python's words.
const WORDS: &[(&str, &str)] = &[
    (", or give a cotangent: `y.backward_with(&v)`", ", or give a cotangent: `y.backward(v)`"),
    ("`backward_with`", "`backward`"),
    ("`.requires_grad()`", "`.requires_grad_()`"),
    ("grad(&y, &[&x])", "autograd.grad(y, x)"),
    ("(&y * &w).sum()", "(y * w).sum()"),
    (".to_dtype(DType::F64)", ".to(float64)"),
    (".to_dtype(DType::I64)", ".to(int64)"),
    ("`.to_dtype`", "`.to`"),
    (".to_dtype(…)", ".to(…)"),
    ("x.i((.., &mask))", "x[..., mask]"),
    ("((0..6, 2),)", "0:6:2"),
    ("mask.where_(&x, y)", "where(mask, x, y)"),
    ("x.isfinite().where_(&x, 0.0)", "where(isfinite(x), x, 0.0)"),
    ("read all with `.to_vec()`", "read all with `.tolist()`"),
    ("`.i(…)`", "`x[…]`"),
    ("`.i(&mask)`", "`x[mask]`"),
    ("`x.i(&index)`", "`x[index]`"),
    ("left.matmul(&right.t())", "left @ right.t()"),
    ("left.t().matmul(&right)", "left.t() @ right"),
    ("&y.ones_like()", "ones_like(y)"),
    ("`on_grad`", "`register_hook`"),
    ("linear_solve_spd", "linear_solve"),
];

/// A text in Python's words.
pub(crate) fn idioms(text: &str) -> String {
    WORDS.iter().fold(text.to_string(), |text, (rust, python)| text.replace(rust, python))
}

/// Panics inside [`run`] print nothing; others print as before.
pub(crate) fn hush() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |info| {
            if CAUGHT.try_with(Cell::get).unwrap_or(0) == 0 {
                before(info);
            }
        }));
    });
}
