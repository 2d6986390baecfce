//! Element types: `chainrule.float32` and so on.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use chainrule::DType;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyType;

/// The type of a tensor's elements: `bool`, `uint8`, `int32`, `int64`, `float32` or
/// `float64`.
#[pyclass(name = "dtype", module = "chainrule", frozen, eq, hash, from_py_object)]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PyDType(pub(crate) DType);

#[pymethods]
impl PyDType {
    fn __repr__(&self) -> String {
        format!("chainrule.{}", self.0)
    }

    /// Bytes of one element.
    #[getter]
    fn itemsize(&self) -> usize {
        self.0.size()
    }

    /// Whether elements are floating-point numbers, the ones that can carry gradients.
    #[getter]
    fn is_floating_point(&self) -> bool {
        self.0.is_float()
    }

    /// The name without the module, as numpy writes it.
    #[getter]
    fn name(&self) -> &'static str {
        self.0.name()
    }

    /// Types are the module's constants; copies and pickles are the same object.
    fn __reduce__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let find = py.import("chainrule._native")?.getattr("_dtype")?;
        Ok((find, (self.0.name(),)).into_pyobject(py)?.into_any().unbind())
    }
}

/// The element type that is meant by one of ours, a Python type, a name or numpy's type.
pub(crate) struct AnyDType(pub(crate) DType);

impl<'a, 'py> FromPyObject<'a, 'py> for AnyDType {
    type Error = PyErr;
    fn extract(of: Borrowed<'a, 'py, PyAny>) -> PyResult<AnyDType> {
        if let Ok(ours) = of.cast::<PyDType>() {
            return Ok(AnyDType(ours.get().0));
        }
        let name = match of.cast::<PyType>() {
            Ok(class) => class.name()?.to_string(),
            Err(_) => match of.extract::<String>() {
                Ok(name) => name,
                Err(_) => of.getattr("name").and_then(|n| n.extract()).unwrap_or_default(),
            },
        };
        Ok(AnyDType(match &*name {
            "bool" | "bool_" => DType::Bool,
            "uint8" => DType::U8,
            "int32" => DType::I32,
            "int" | "int64" | "long" => DType::I64,
            "float" => default(),
            "float32" => DType::F32,
            "float64" | "double" => DType::F64,
            _ => {
                let what = format!(
                    "{} is no element type of chainrule\n  hint: there are bool, uint8, int32, \
                     int64, float32 and float64",
                    of.repr()?
                );
                return Err(PyTypeError::new_err(what));
            }
        }))
    }
}

static DOUBLE: AtomicBool = AtomicBool::new(false);

/// The type of floating-point numbers that are given without one.
pub(crate) fn default() -> DType {
    if DOUBLE.load(Relaxed) { DType::F64 } else { DType::F32 }
}

/// Sets the type of floating-point numbers that are given without one.
#[pyfunction]
fn set_default_dtype(dtype: AnyDType) -> PyResult<()> {
    if !dtype.0.is_float() {
        return Err(PyTypeError::new_err("only float32 and float64 can be the default"));
    }
    DOUBLE.store(dtype.0 == DType::F64, Relaxed);
    Ok(())
}

/// The type of floating-point numbers that are given without one; float32 at first.
#[pyfunction]
fn get_default_dtype(py: Python<'_>) -> PyResult<Py<PyAny>> {
    object(py, default())
}

#[pyfunction]
fn _dtype(py: Python<'_>, name: AnyDType) -> PyResult<Py<PyAny>> {
    object(py, name.0)
}

/// The type that holds values of both.
#[pyfunction]
fn promote_types(py: Python<'_>, a: AnyDType, b: AnyDType) -> PyResult<Py<PyAny>> {
    object(py, a.0.promote(b.0))
}

/// The module's object for a type, so that `x.dtype is chainrule.float32`.
pub(crate) fn object(py: Python<'_>, dtype: DType) -> PyResult<Py<PyAny>> {
    static OBJECTS: pyo3::sync::PyOnceLock<[Py<PyDType>; 6]> = pyo3::sync::PyOnceLock::new();
    let objects = OBJECTS.get_or_try_init(py, || {
        let [a, b, c, d, e, f] = ALL.map(|t| Py::new(py, PyDType(t)));
        Ok::<_, PyErr>([a?, b?, c?, d?, e?, f?])
    })?;
    Ok(objects[dtype as usize].clone_ref(py).into_any())
}

const ALL: [DType; 6] = [DType::Bool, DType::U8, DType::I32, DType::I64, DType::F32, DType::F64];

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyDType>()?;
    for dtype in ALL {
        m.add(dtype.name(), object(m.py(), dtype)?)?;
    }
    m.add_function(wrap_pyfunction!(set_default_dtype, m)?)?;
    m.add_function(wrap_pyfunction!(get_default_dtype, m)?)?;
    m.add_function(wrap_pyfunction!(promote_types, m)?)?;
    m.add_function(wrap_pyfunction!(_dtype, m)?)
}
