//! Differentiation: parameters, `backward`, gradients, modes, hooks, and derivatives by rules.

use std::sync::Mutex;

use chainrule::{GradMode, HookHandle, Result, Tensor, is_grad_enabled};
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::errors::{carry, run, run_detached, sure};
use crate::tensor::{Arg, PyTensor};

/// The step of a recorded computation that made a tensor.
#[pyclass(name = "Node", module = "chainrule.autograd", frozen)]
pub(crate) struct GradFn {
    by: &'static str,
}

/// Torch's name for the derivative of the method `by`.
pub(crate) fn backward_name(by: &str) -> String {
    if by == "copy_slices" {
        return "CopySlices".into();
    }
    let (by, form) = by.split_once(':').unwrap_or((by, "0"));
    let mut name = String::new();
    for word in by.split('_').filter(|word| !word.is_empty()) {
        let (first, rest) = word.split_at(1);
        name += &first.to_uppercase();
        name += rest;
    }
    name + "Backward" + form
}

#[pymethods]
impl GradFn {
    /// The name, such as `MulBackward0`.
    fn name(&self) -> String {
        backward_name(self.by)
    }

    fn __repr__(slf: &Bound<'_, GradFn>) -> String {
        format!("<{} object at {:p}>", backward_name(slf.get().by), slf.as_ptr())
    }
}

#[pymethods]
impl PyTensor {
    /// Whether gradients flow back through this tensor.
    #[getter]
    fn requires_grad(&self) -> bool {
        self.tensor().tracks_grad()
    }

    #[setter(requires_grad)]
    fn set_requires_grad(&self, on: bool) -> PyResult<()> {
        let x = self.tensor();
        if x.tracks_grad() == on {
            return Ok(());
        }
        if x.tracks_grad() && !x.is_parameter() {
            return Err(PyRuntimeError::new_err(
                "only tensors that were not computed can stop requiring gradients\n  hint: use \
                 `.detach()` for a tensor that is cut from its history",
            ));
        }
        let new = if on { run(|| x.try_requires_grad())? } else { sure(|| x.detach())? };
        self.replace("", new);
        Ok(())
    }

    /// Makes the tensor a parameter, whose gradient `backward` gathers in `grad`; or no more.
    #[pyo3(signature = (requires_grad=true))]
    fn requires_grad_(
        slf: Bound<'_, PyTensor>,
        requires_grad: bool,
    ) -> PyResult<Bound<'_, PyTensor>> {
        slf.get().set_requires_grad(requires_grad)?;
        Ok(slf)
    }

    /// Whether the tensor was given, not computed from others that require gradients.
    #[getter]
    fn is_leaf(&self) -> bool {
        let x = self.tensor();
        x.is_parameter() || !x.tracks_grad()
    }

    /// The gradient gathered by `backward`, or None. Changing it in place changes what was
    /// gathered.
    #[getter]
    fn grad(&self) -> Option<PyTensor> {
        let x = self.tensor();
        let gradient = x.grad()?;
        Some(if x.is_parameter() {
            PyTensor::grad_of(x, gradient)
        } else {
            PyTensor::given(gradient)
        })
    }

    #[setter(grad)]
    fn set_gradient(&self, gradient: Option<Arg>) -> PyResult<()> {
        let x = self.tensor();
        match gradient {
            None => x.zero_grad(),
            Some(gradient) => run(|| x.set_grad(&gradient.0))?,
        }
        Ok(())
    }

    /// The step that made this tensor, or None.
    #[getter]
    fn grad_fn(&self) -> Option<GradFn> {
        let x = self.tensor();
        if !x.tracks_grad() || x.is_parameter() {
            return None;
        }
        let by = match self.by() {
            "" => interned(x.grad_fn().unwrap_or("copy")),
            by => by,
        };
        Some(GradFn { by })
    }

    /// The numbers, cut from the history; changing them in place changes those of a parameter.
    #[getter]
    fn data(&self) -> PyResult<PyTensor> {
        let x = self.tensor();
        let plain = sure(|| x.detach())?;
        Ok(if x.is_parameter() { PyTensor::data_of(x, plain) } else { PyTensor::given(plain) })
    }

    #[setter(data)]
    fn set_data(&self, new: Arg) -> PyResult<()> {
        let x = self.tensor();
        match x.is_parameter() {
            true => run(|| x.assign(&new.0.detach())),
            false => {
                self.replace("", sure(|| new.0.detach())?);
                Ok(())
            }
        }
    }

    /// The same numbers, for which no derivative flows back.
    fn detach(&self) -> PyResult<PyTensor> {
        let x = self.tensor();
        sure(|| x.detach()).map(PyTensor::given)
    }

    /// Cuts this tensor from its history.
    fn detach_(slf: Bound<'_, PyTensor>) -> PyResult<Bound<'_, PyTensor>> {
        let x = slf.get().tensor();
        slf.get().replace("", sure(|| x.detach())?);
        Ok(slf)
    }

    /// Adds the derivatives of this tensor to the `grad` of every parameter it depends on.
    ///
    /// A tensor of several elements needs `gradient`, the vector v of the product vᵀJ. The graph
    /// stays and may be used again, whatever `retain_graph` is; with `create_graph` the gradients
    /// can be differentiated in turn.
    #[pyo3(signature = (gradient=None, retain_graph=None, create_graph=false, inputs=None))]
    fn backward(
        &self,
        py: Python<'_>,
        gradient: Option<Arg>,
        retain_graph: Option<bool>,
        create_graph: bool,
        inputs: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let _stays = retain_graph;
        let y = self.tensor();
        let v = gradient.map(|v| v.0);
        if let Some(inputs) = inputs {
            let xs = match inputs.extract::<Arg>() {
                Ok(one) => vec![one.0],
                Err(_) => inputs.extract::<Vec<Arg>>()?.into_iter().map(|x| x.0).collect(),
            };
            return into_inputs(py, &y, v.as_ref(), &xs, create_graph);
        }
        run_detached(py, || match (&v, create_graph) {
            (v, true) => y.backward_tracked(v.as_ref()),
            (Some(v), false) => y.backward_with(v),
            (None, false) => y.backward(),
        })
    }

    /// Calls `hook` with the gradient by this tensor when one is computed; what it returns, if not
    /// None, takes the gradient's place.
    fn register_hook(&self, hook: Py<PyAny>) -> PyResult<PyHook> {
        let x = self.tensor();
        let call = move |g: &Tensor| {
            Python::attach(|py| {
                let result = hook.call1(py, (PyTensor::given(g.clone()),));
                let new = result.and_then(|new| new.extract::<Option<Arg>>(py));
                match new {
                    Ok(new) => new.map(|new| new.0),
                    Err(exception) => {
                        let _carried = carry(exception);
                        None
                    }
                }
            })
        };
        let handle = run(|| x.on_grad(call))?;
        Ok(PyHook(Mutex::new(Some(handle))))
    }

    /// Keeps the gradient by this tensor, though it is computed, in `grad`.
    fn retain_grad(&self) -> PyResult<()> {
        let x = self.tensor();
        run(|| x.retain_grad())
    }
}

/// Adds the gradients by `xs` alone to theirs.
fn into_inputs(
    py: Python<'_>,
    y: &Tensor,
    v: Option<&Tensor>,
    xs: &[Tensor],
    tracked: bool,
) -> PyResult<()> {
    run_detached(py, || {
        let y = match v {
            Some(v) => y.try_mul(v)?.try_sum()?,
            None => y.clone(),
        };
        let list: Vec<&Tensor> = xs.iter().collect();
        for (x, g) in xs.iter().zip(chainrule::grad(&y, &list)?) {
            let g = if tracked { g } else { g.detach() };
            let sum = match x.grad() {
                Some(old) => old.try_add(&g)?,
                None => g,
            };
            x.set_grad(&sum)?;
        }
        Ok(())
    })
}

/// A hook that was registered, to remove it again.
#[pyclass(name = "RemovableHandle", module = "chainrule.autograd", frozen)]
pub(crate) struct PyHook(Mutex<Option<HookHandle>>);

#[pymethods]
impl PyHook {
    /// Removes the hook.
    fn remove(&self) {
        let handle = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        handle.map(HookHandle::remove);
    }
}

/// Whether operations are recorded, as it was before a scope.
#[pyclass(name = "Mode", module = "chainrule.autograd", frozen)]
struct PyMode(GradMode);

/// Switches recording on or off on this thread, and gives the state before.
#[pyfunction]
fn _enter_grad_mode(on: bool) -> PyMode {
    let _place = crate::place::enter();
    let mode = if on { GradMode::ON } else { GradMode::off() };
    PyMode(mode.enter())
}

/// Goes back to a state.
#[pyfunction]
fn _leave_grad_mode(before: &PyMode) {
    before.0.enter();
}

/// Whether operations on this thread are recorded for gradients.
#[pyfunction]
#[pyo3(name = "is_grad_enabled")]
fn enabled() -> bool {
    is_grad_enabled()
}

/// ∂(Σ vᵢ·yᵢ)/∂x for each x; None for those that no y depends on, if that is allowed.
#[pyfunction]
fn _grad(
    py: Python<'_>,
    ys: Vec<Arg>,
    xs: Vec<Arg>,
    vs: Vec<Option<Arg>>,
    create_graph: bool,
    allow_unused: bool,
) -> PyResult<Vec<Option<PyTensor>>> {
    let (ys, xs) = (tensors(ys), tensors(xs));
    let vs: Vec<Option<Tensor>> = vs.into_iter().map(|v| v.map(|v| v.0)).collect();
    let result = run_detached(py, || sum_of_gradients(&ys, &xs, &vs, allow_unused))?;
    let finish = |g: Tensor| match create_graph {
        true => PyTensor::made("grad", g),
        false => PyTensor::given(g.detach()),
    };
    Ok(result.into_iter().map(|g| g.map(finish)).collect())
}

/// ∂(Σ vᵢ·yᵢ)/∂x for each x.
fn sum_of_gradients(
    ys: &[Tensor],
    xs: &[Tensor],
    vs: &[Option<Tensor>],
    allow_unused: bool,
) -> Result<Vec<Option<Tensor>>> {
    let mut total: Option<Tensor> = None;
    for (y, v) in ys.iter().zip(vs) {
        let part = match v {
            // The engine's own check explains.
            Some(v) if v.shape() != y.shape() => return y.backward_with(v).map(|()| vec![]),
            Some(v) => y.try_mul(v)?.try_sum()?,
            None if y.len() == 1 => y.try_sum()?,
            None => y.clone(),
        };
        total = Some(match total {
            Some(sum) => sum.try_add(&part)?,
            None => part,
        });
    }
    let Some(total) = total else { return Ok(vec![]) };
    let unused = |e: &chainrule::Error| e.kind() == chainrule::ErrorKind::Unused;
    match chainrule::grad(&total, &xs.iter().collect::<Vec<_>>()) {
        Ok(list) => Ok(list.into_iter().map(Some).collect()),
        Err(e) if allow_unused && unused(&e) => {
            let each = xs.iter().map(|x| match chainrule::grad(&total, &[x]) {
                Ok(mut one) => Ok(one.pop()),
                Err(e) if unused(&e) => Ok(None),
                Err(e) => Err(e),
            });
            each.collect()
        }
        Err(e) => Err(e),
    }
}

fn tensors(list: Vec<Arg>) -> Vec<Tensor> {
    list.into_iter().map(|x| x.0).collect()
}

/// A value with a derivative by a rule: `backward(g)` gives the cotangents of the inputs.
#[pyfunction]
fn _custom(
    name: &str,
    by: &Bound<'_, PyAny>,
    value: Arg,
    inputs: Vec<Arg>,
    backward: Py<PyAny>,
) -> PyResult<PyTensor> {
    let value = value.0;
    let own = value.clone();
    let rule = move |xs: &[Tensor], _: &Tensor, g: &Tensor| {
        Python::attach(|py| -> Result<Vec<Option<Tensor>>> {
            let call = || -> PyResult<Vec<Option<Tensor>>> {
                let result = backward.bind(py).call1((PyTensor::given(g.clone()),))?;
                let list: Vec<Option<Arg>> = result.extract()?;
                if list.len() != xs.len() {
                    return Err(PyRuntimeError::new_err(format!(
                        "`backward` gave {} gradients for {} inputs",
                        list.len(),
                        xs.len()
                    )));
                }
                Ok(list.into_iter().map(|g| g.map(|g| g.0)).collect())
            };
            call().map_err(carry)
        })
    };
    let function = chainrule::Function::with_vjp(name, move |_: &[Tensor]| own.clone(), rule);
    let by: &'static str = interned(&by.extract::<String>()?);
    let list: Vec<&Tensor> = inputs.iter().map(|x| &x.0).collect();
    run(|| function.call(&list)).map(|y| PyTensor::made(by, y))
}

/// A name that lives as long as the process, once for each.
fn interned(name: &str) -> &'static str {
    static NAMES: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());
    let mut names = NAMES.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(known) = names.iter().find(|known| **known == name) {
        return known;
    }
    let kept: &'static str = Box::leak(name.to_string().into_boxed_str());
    names.push(kept);
    kept
}

/// Computes several tensors together, as one plan.
#[pyfunction]
#[pyo3(signature = (*tensors))]
fn realize(py: Python<'_>, tensors: &Bound<'_, PyTuple>) -> PyResult<()> {
    let list: Vec<Arg> = match tensors.len() {
        1 if tensors.get_item(0)?.cast::<PyTensor>().is_err() => tensors.get_item(0)?.extract()?,
        _ => tensors.extract().map_err(|_| PyTypeError::new_err("`realize` takes tensors"))?,
    };
    let list: Vec<&Tensor> = list.iter().map(|x| &x.0).collect();
    run_detached(py, || chainrule::realize(&list))
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(_enter_grad_mode, m)?)?;
    m.add_function(wrap_pyfunction!(_leave_grad_mode, m)?)?;
    m.add_function(wrap_pyfunction!(enabled, m)?)?;
    m.add_function(wrap_pyfunction!(_grad, m)?)?;
    m.add_function(wrap_pyfunction!(_custom, m)?)?;
    m.add_function(wrap_pyfunction!(realize, m)?)
}
