//! Tensors in files, and the order of rows in an epoch.

use std::path::PathBuf;

use chainrule::fit::atomic;
use chainrule::fit::data::split::Random;
use chainrule::fit::nn::{Metadata, from_bytes, read, to_bytes};
use chainrule::{Tensor, fit};
use pyo3::exceptions::{PyFileNotFoundError, PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::run_detached;
use crate::tensor::{Arg, PyTensor};

type Named = Vec<(String, Arg)>;

fn named(state: Named) -> Vec<(String, Tensor)> {
    state.into_iter().map(|(name, t)| (name, t.0.detach())).collect()
}

fn told<R>(result: fit::Result<R>, class: fn(String) -> PyErr) -> PyResult<R> {
    result.map_err(|e| class(e.to_string()))
}

/// Writes tensors by name into a safetensors file, whole or not at all.
#[pyfunction]
#[pyo3(signature = (path, tensors, metadata=None))]
fn write_file(
    py: Python<'_>,
    path: PathBuf,
    tensors: Named,
    metadata: Option<Metadata>,
) -> PyResult<()> {
    let state = named(tensors);
    let bytes = told(run_detached(py, || Ok(to_bytes(&state, metadata)))?, PyValueError::new_err)?;
    told(atomic::write(&path, &bytes), PyOSError::new_err)
}

/// The bytes of a safetensors file.
#[pyfunction]
#[pyo3(signature = (tensors, metadata=None))]
fn write_bytes<'py>(
    py: Python<'py>,
    tensors: Named,
    metadata: Option<Metadata>,
) -> PyResult<Bound<'py, PyBytes>> {
    let state = named(tensors);
    let bytes = told(run_detached(py, || Ok(to_bytes(&state, metadata)))?, PyValueError::new_err)?;
    Ok(PyBytes::new(py, &bytes))
}

type Found = (Vec<(String, PyTensor)>, Metadata);

fn handles((state, metadata): (Vec<(String, Tensor)>, Metadata)) -> Found {
    (state.into_iter().map(|(name, t)| (name, PyTensor::given(t))).collect(), metadata)
}

/// The tensors and the metadata of a safetensors file.
#[pyfunction]
fn read_file(path: PathBuf) -> PyResult<Found> {
    let class: fn(String) -> PyErr = match path.exists() {
        true => PyValueError::new_err,
        false => PyFileNotFoundError::new_err,
    };
    told(read(&path), class).map(handles)
}

/// The tensors and the metadata of the bytes of such a file.
#[pyfunction]
fn read_bytes(bytes: &[u8]) -> PyResult<Found> {
    told(from_bytes(bytes), |e| {
        PyValueError::new_err(format!("these bytes are no sound safetensors file: {e}"))
    })
    .map(handles)
}

/// The rows 0 … n − 1 in the order of an epoch: the one that the Rust loader has for this seed.
#[pyfunction]
fn order(n: usize, seed: u64, epoch: u64) -> PyResult<Vec<usize>> {
    let mut rows: Vec<usize> = (0..bearable(n)?).collect();
    Random::of(&[seed, epoch, 1]).shuffle(&mut rows);
    Ok(rows)
}

/// The most rows that are put in order.
const MOST: usize = 1 << 31;

fn bearable(n: usize) -> PyResult<usize> {
    match n <= MOST {
        true => Ok(n),
        false => Err(PyValueError::new_err(format!("{n} rows are too many to put in order"))),
    }
}

/// The rows to learn from and those to test on, as the Rust programs split them.
#[pyfunction]
fn split(n: usize, fraction: f64, seed: u64) -> PyResult<(Vec<usize>, Vec<usize>)> {
    Ok(fit::data::split::split(bearable(n)?, fraction, seed))
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    let sub = PyModule::new(m.py(), "_storage")?;
    sub.add_function(wrap_pyfunction!(write_file, &sub)?)?;
    sub.add_function(wrap_pyfunction!(write_bytes, &sub)?)?;
    sub.add_function(wrap_pyfunction!(read_file, &sub)?)?;
    sub.add_function(wrap_pyfunction!(read_bytes, &sub)?)?;
    sub.add_function(wrap_pyfunction!(order, &sub)?)?;
    sub.add_function(wrap_pyfunction!(split, &sub)?)?;
    m.add_submodule(&sub)
}
