//! Functions of functions: derivatives, batches, checkpoints, programs.
//!
//! The Python half makes lists of tensors of its containers, and containers of the results; here a
//! function of Python is a closure on vectors of tensors, which the engine runs on variables of its
//! own. What comes back is graph, so that all of these nest.

use chainrule::{LinearMap, Program, Result, Tensor};
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::errors::{carry, run, run_detached};
use crate::tensor::{Arg, PyTensor};

type Many = Vec<Tensor>;

/// The handles of results.
fn given(list: Many) -> Vec<PyTensor> {
    list.into_iter().map(|t| PyTensor::made("func", t)).collect()
}

fn tensors(list: Vec<Arg>) -> Many {
    list.into_iter().map(|x| x.0).collect()
}

/// The function of Python on these tensors: it takes a list and gives one.
pub(crate) fn call(f: &Py<PyAny>, xs: &[Tensor]) -> Result<Many> {
    Python::attach(|py| {
        let handles = xs.iter().map(|x| PyTensor::made("func", x.clone()));
        let list = PyList::new(py, handles.map(|h| Py::new(py, h)).collect::<PyResult<Vec<_>>>()?)?;
        f.call1(py, (list,))?.extract::<Vec<Arg>>(py).map(tensors)
    })
    .map_err(carry)
}

/// The function of Python on one tensor, which gives one.
pub(crate) fn call_one(f: &Py<PyAny>, x: &Tensor) -> Result<Tensor> {
    Python::attach(|py| {
        let x = Py::new(py, PyTensor::made("func", x.clone()))?;
        f.call1(py, (x,))?.extract::<Arg>(py).map(|y| y.0)
    })
    .map_err(carry)
}

/// The value, the gradient, and what else `f` gives.
#[pyfunction]
fn value_and_grad(
    f: Py<PyAny>,
    xs: Vec<Arg>,
) -> PyResult<(PyTensor, Vec<PyTensor>, Vec<PyTensor>)> {
    let xs = tensors(xs);
    let apart = |xs: &Many| {
        let mut all = call(&f, xs)?;
        let aux = all.split_off(1);
        Ok((all.swap_remove(0), aux))
    };
    let (y, gradient, aux) = run(|| chainrule::value_and_grad_aux(apart, &xs))?;
    Ok((PyTensor::made("func", y), given(gradient), given(aux)))
}

/// A derivative as a linear map, to be applied many times.
#[pyclass(name = "LinearMap", module = "chainrule.func", frozen)]
struct PyLinearMap(LinearMap<Many, Many>);

#[pymethods]
impl PyLinearMap {
    /// The map applied to a list of tensors.
    fn __call__(&self, vs: Vec<Arg>) -> PyResult<Vec<PyTensor>> {
        let vs = tensors(vs);
        run(|| self.0.apply(&vs)).map(given)
    }
}

/// The results, and the map from their cotangents to those of the arguments.
#[pyfunction]
fn vjp(f: Py<PyAny>, xs: Vec<Arg>) -> PyResult<(Vec<PyTensor>, PyLinearMap)> {
    let xs = tensors(xs);
    let (ys, map) = run(|| chainrule::vjp(|xs: &Many| call(&f, xs), &xs))?;
    Ok((given(ys), PyLinearMap(map)))
}

/// The results, and the map from tangents of the arguments to theirs.
#[pyfunction]
fn linearize(f: Py<PyAny>, xs: Vec<Arg>) -> PyResult<(Vec<PyTensor>, PyLinearMap)> {
    let xs = tensors(xs);
    let (ys, map) = run(|| chainrule::linearize(|xs: &Many| call(&f, xs), &xs))?;
    Ok((given(ys), PyLinearMap(map)))
}

/// The results and their tangents.
#[pyfunction]
fn jvp(f: Py<PyAny>, xs: Vec<Arg>, vs: Vec<Arg>) -> PyResult<(Vec<PyTensor>, Vec<PyTensor>)> {
    let (xs, vs) = (tensors(xs), tensors(vs));
    let (ys, dys) = run(|| chainrule::jvp(|xs: &Many| call(&f, xs), &xs, &vs))?;
    Ok((given(ys), given(dys)))
}

/// For each result a block for each argument.
#[pyfunction]
fn jacobian(f: Py<PyAny>, xs: Vec<Arg>, forward: bool) -> PyResult<Vec<Vec<PyTensor>>> {
    let xs = tensors(xs);
    let call = |xs: &Many| call(&f, xs);
    let rows = run(|| match forward {
        true => chainrule::jacfwd(call, &xs),
        false => chainrule::jacrev(call, &xs),
    })?;
    Ok(rows.into_iter().map(given).collect())
}

/// Second derivatives of the one result: a block for each pair of arguments.
#[pyfunction]
fn hessian(f: Py<PyAny>, xs: Vec<Arg>) -> PyResult<Vec<Vec<PyTensor>>> {
    let xs = tensors(xs);
    let rows = run(|| chainrule::hessian(|xs: &Many| one(&f, xs), &xs))?;
    Ok(rows.into_iter().map(given).collect())
}

/// The Hessian times a vector.
#[pyfunction]
fn hvp(f: Py<PyAny>, xs: Vec<Arg>, vs: Vec<Arg>) -> PyResult<Vec<PyTensor>> {
    let (xs, vs) = (tensors(xs), tensors(vs));
    run(|| chainrule::hvp(|xs: &Many| one(&f, xs), &xs, &vs)).map(given)
}

/// The first result.
fn one(f: &Py<PyAny>, xs: &[Tensor]) -> Result<Tensor> {
    Ok(call(f, xs)?.swap_remove(0))
}

/// The function for each element along first axes.
#[pyfunction]
fn vmap(f: Py<PyAny>, xs: Vec<Arg>) -> PyResult<Vec<PyTensor>> {
    let xs = tensors(xs);
    run(|| chainrule::vmap(|xs: &Many| call(&f, xs), &xs)).map(given)
}

/// The function, whose inner values are computed again for its derivatives.
#[pyfunction]
fn checkpoint(f: Py<PyAny>, xs: Vec<Arg>) -> PyResult<Vec<PyTensor>> {
    let xs = tensors(xs);
    run(|| chainrule::checkpoint(|xs: &Many| call(&f, xs), &xs)).map(given)
}

/// A function recorded and planned once.
#[pyclass(name = "Traced", module = "chainrule", frozen)]
struct Traced(Program<Many, Many>);

#[pymethods]
impl Traced {
    #[new]
    fn trace(f: Py<PyAny>, xs: Vec<Arg>) -> PyResult<Traced> {
        let xs = tensors(xs);
        run(|| Program::trace(|xs: &Many| call(&f, xs), &xs)).map(Traced)
    }

    fn __call__(&self, py: Python<'_>, xs: Vec<Arg>) -> PyResult<Vec<PyTensor>> {
        let xs = tensors(xs);
        run_detached(py, || self.0.call(&xs)).map(given)
    }
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    let sub = PyModule::new(m.py(), "_func")?;
    sub.add_class::<PyLinearMap>()?;
    sub.add_class::<Traced>()?;
    sub.add_function(wrap_pyfunction!(value_and_grad, &sub)?)?;
    sub.add_function(wrap_pyfunction!(vjp, &sub)?)?;
    sub.add_function(wrap_pyfunction!(linearize, &sub)?)?;
    sub.add_function(wrap_pyfunction!(jvp, &sub)?)?;
    sub.add_function(wrap_pyfunction!(jacobian, &sub)?)?;
    sub.add_function(wrap_pyfunction!(hessian, &sub)?)?;
    sub.add_function(wrap_pyfunction!(hvp, &sub)?)?;
    sub.add_function(wrap_pyfunction!(vmap, &sub)?)?;
    sub.add_function(wrap_pyfunction!(checkpoint, &sub)?)?;
    m.add_submodule(&sub)
}
