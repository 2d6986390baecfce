//! Errors of the fitting half, which are sentences, as exceptions.

use chainrule::fit;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::errors::{idioms, run};

/// Runs what calls `chainrule_fit`. Its errors are of a class that is both `ValueError` and
/// `RuntimeError`; an exception of a Python function that it called comes out as it was.
pub(crate) fn run_fit<R>(f: impl FnOnce() -> fit::Result<R>) -> PyResult<R> {
    run(|| Ok(f()))?.map_err(|error| exception(&error.to_string()))
}

/// The exception that says `sentence`.
pub(crate) fn exception(sentence: &str) -> PyErr {
    let text = idioms(sentence.strip_prefix("error: ").unwrap_or(sentence));
    Python::attach(|py| {
        if let Err(interrupt) = py.check_signals() {
            return interrupt;
        }
        let class = py.import("chainrule._errors").and_then(|m| m.getattr("ShapeError"));
        class
            .and_then(|class| class.call1((&text,)))
            .map_or_else(|_| PyRuntimeError::new_err(text.clone()), PyErr::from_value)
    })
}
