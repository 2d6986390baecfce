//! Looking at tensors: shape, numbers, conversions, and what Python asks of any object.

use chainrule::{DType, Tensor};
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::{PyIndexError, PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::dtype::{self, AnyDType};
use crate::errors::{run, run_detached, sure};
use crate::memory::Memory;
use crate::tensor::{Operand, PyTensor};

impl PyTensor {
    /// The numbers are computed while other threads of Python run.
    pub(crate) fn realized(&self, py: Python<'_>) -> PyResult<Tensor> {
        let x = self.tensor();
        run_detached(py, || chainrule::realize(&[&x]))?;
        Ok(x)
    }
}

/// Numbers of row-major order as nested lists.
fn nested<'py, T: IntoPyObject<'py>>(
    py: Python<'py>,
    shape: &[usize],
    numbers: &mut impl Iterator<Item = T>,
) -> PyResult<Bound<'py, PyAny>> {
    let Some((&n, inner)) = shape.split_first() else {
        let one = numbers.next().ok_or_else(|| PyIndexError::new_err("too few numbers"))?;
        return one.into_bound_py_any(py);
    };
    let list = PyList::empty(py);
    for _ in 0..n {
        list.append(nested(py, inner, numbers)?)?;
    }
    Ok(list.into_any())
}

#[pymethods]
impl PyTensor {
    /// The length of each axis.
    #[getter]
    fn shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.tensor().shape())
    }

    /// The element type.
    #[getter]
    fn dtype(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        dtype::object(py, self.tensor().dtype())
    }

    /// The number of axes.
    #[getter]
    fn ndim(&self) -> usize {
        self.tensor().rank()
    }

    /// The number of axes.
    fn dim(&self) -> usize {
        self.tensor().rank()
    }

    /// The number of elements.
    fn numel(&self) -> usize {
        self.tensor().len()
    }

    /// The number of elements.
    fn nelement(&self) -> usize {
        self.tensor().len()
    }

    /// Bytes of one element.
    #[getter]
    fn itemsize(&self) -> usize {
        self.tensor().dtype().size()
    }

    /// Bytes of one element.
    fn element_size(&self) -> usize {
        self.tensor().dtype().size()
    }

    /// Bytes of all elements.
    #[getter]
    fn nbytes(&self) -> usize {
        let x = self.tensor();
        x.dtype().size() * x.len()
    }

    /// Where numbers are computed: always `"cpu"`.
    #[getter]
    fn device(&self) -> &'static str {
        "cpu"
    }

    /// The name given with `named`, which errors, pictures and formulas use.
    #[getter]
    fn name(&self) -> Option<String> {
        self.tensor().name().map(Into::into)
    }

    /// Names the tensor, for errors, pictures and formulas. The first name stays.
    fn named(slf: Bound<'_, PyTensor>, name: String) -> Bound<'_, PyTensor> {
        let _ = slf.get().tensor().named(name);
        slf
    }

    /// Whether elements are floating-point numbers, the ones that can carry gradients.
    fn is_floating_point(&self) -> bool {
        self.tensor().dtype().is_float()
    }

    /// The one number of a tensor with one element, as Python's.
    fn item(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let x = self.tensor();
        if x.len() == 1 {
            self.realized(py)?;
        }
        Ok(match x.dtype() {
            DType::Bool => {
                run(|| x.item::<bool>())?.into_pyobject(py)?.to_owned().into_any().unbind()
            }
            dtype if dtype.is_integer() => {
                run(|| x.item::<i64>())?.into_pyobject(py)?.into_any().unbind()
            }
            _ => run(|| x.item::<f64>())?.into_pyobject(py)?.into_any().unbind(),
        })
    }

    /// The numbers as nested lists; of a tensor without axes, the number.
    fn tolist<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let x = self.realized(py)?;
        let shape = x.shape();
        match x.dtype() {
            DType::Bool => nested(py, shape, &mut run(|| x.to_vec::<bool>())?.into_iter()),
            dtype if dtype.is_integer() => {
                nested(py, shape, &mut run(|| x.to_vec::<i64>())?.into_iter())
            }
            _ => nested(py, shape, &mut run(|| x.to_vec::<f64>())?.into_iter()),
        }
    }

    /// Computes the numbers now, while other threads of Python run.
    fn realize(slf: Bound<'_, PyTensor>) -> PyResult<Bound<'_, PyTensor>> {
        slf.get().realized(slf.py())?;
        Ok(slf)
    }

    /// The memory of the numbers, for numpy.
    fn _memory(&self, py: Python<'_>) -> PyResult<Memory> {
        Memory::of(&self.realized(py)?)
    }

    /// With elements of a type, or those of another tensor; the device can only be `"cpu"`.
    #[pyo3(signature = (*args, dtype=None, device=None, copy=false, non_blocking=false))]
    fn to(
        slf: Bound<'_, PyTensor>,
        args: &Bound<'_, PyTuple>,
        dtype: Option<AnyDType>,
        device: Option<Bound<'_, PyAny>>,
        copy: bool,
        non_blocking: bool,
    ) -> PyResult<Py<PyAny>> {
        let _here_all_is_near = non_blocking;
        crate::make::cpu(device.as_ref())?;
        let mut target = dtype.map(|d| d.0);
        for arg in args {
            if let Ok(like) = arg.cast::<PyTensor>() {
                target = Some(like.get().tensor().dtype());
            } else if let Ok(dtype) = arg.extract::<AnyDType>() {
                target = Some(dtype.0);
            } else {
                crate::make::cpu(Some(&arg))?;
            }
        }
        let x = slf.get().tensor();
        match target {
            Some(to) if to != x.dtype() => slf.get().cast_to(slf.py(), to),
            _ if copy => Ok(Py::new(slf.py(), slf.get().clone_()?)?.into_any()),
            _ => Ok(slf.into_any().unbind()),
        }
    }

    /// As `float32`.
    fn float(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.cast_to(py, DType::F32)
    }

    /// As `float64`.
    fn double(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.cast_to(py, DType::F64)
    }

    /// As `int32`.
    fn int(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.cast_to(py, DType::I32)
    }

    /// As `uint8`.
    fn byte(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.cast_to(py, DType::U8)
    }

    /// As `int64`.
    fn long(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.cast_to(py, DType::I64)
    }

    /// As `bool`.
    fn bool(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.cast_to(py, DType::Bool)
    }

    /// With elements of a type.
    #[pyo3(name = "type")]
    fn type_(&self, py: Python<'_>, dtype: AnyDType) -> PyResult<Py<PyAny>> {
        self.cast_to(py, dtype.0)
    }

    /// With elements of the type of another tensor.
    fn type_as(&self, py: Python<'_>, other: &PyTensor) -> PyResult<Py<PyAny>> {
        self.cast_to(py, other.tensor().dtype())
    }

    /// The same numbers as a new tensor; gradients flow back.
    #[pyo3(name = "clone")]
    fn clone_(&self) -> PyResult<PyTensor> {
        self.make("clone", |x| x.try_reshape(x.shape()))
    }

    /// This tensor: memory is always in order.
    fn contiguous(slf: Bound<'_, PyTensor>) -> Bound<'_, PyTensor> {
        slf
    }

    /// Always: memory is always in order.
    fn is_contiguous(&self) -> bool {
        true
    }

    /// This tensor: everything is on the processor.
    fn cpu(slf: Bound<'_, PyTensor>) -> Bound<'_, PyTensor> {
        slf
    }

    fn __len__(&self) -> PyResult<usize> {
        let x = self.tensor();
        let missing = || PyTypeError::new_err("a tensor without axes has no length");
        x.shape().first().copied().ok_or_else(missing)
    }

    fn __iter__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let x = self.tensor();
        if x.rank() == 0 {
            return Err(PyTypeError::new_err("a tensor without axes cannot be gone through"));
        }
        let parts = run(|| x.unbind(0))?.into_iter().map(|p| PyTensor::made("unbind", p));
        let list = PyList::new(py, parts.collect::<Vec<_>>())?;
        Ok(list.try_iter()?.into_any().unbind())
    }

    fn __contains__(&self, element: Operand) -> PyResult<bool> {
        let same = self.two("eq", element, |x, y| x.try_eq(y))?.tensor();
        run(|| same.any().item::<bool>())
    }

    fn __bool__(&self, py: Python<'_>) -> PyResult<bool> {
        let x = self.tensor();
        if x.len() != 1 {
            return Err(PyRuntimeError::new_err(format!(
                "the truth of a tensor with {} elements is not one\n  hint: say `.any()` or \
                 `.all()`",
                x.len()
            )));
        }
        self.realized(py)?;
        run(|| x.item::<f64>()).map(|x| x != 0.0)
    }

    fn __float__(&self, py: Python<'_>) -> PyResult<f64> {
        self.realized(py)?;
        let x = self.tensor();
        run(|| x.item::<f64>())
    }

    fn __int__(&self, py: Python<'_>) -> PyResult<i64> {
        self.realized(py)?;
        let x = self.tensor();
        run(|| x.item::<i64>())
    }

    fn __index__(&self, py: Python<'_>) -> PyResult<i64> {
        if !self.tensor().dtype().is_integer() {
            return Err(PyTypeError::new_err("only a tensor of one integer is an index"));
        }
        self.__int__(py)
    }

    fn __hash__(slf: &Bound<'_, PyTensor>) -> usize {
        slf.as_ptr() as usize >> 4
    }
}

impl PyTensor {
    fn cast_to(&self, py: Python<'_>, to: DType) -> PyResult<Py<PyAny>> {
        let x = self.tensor();
        let y = sure(|| x.to_dtype(to))?;
        Ok(Py::new(py, PyTensor::made("to_copy", y))?.into_any())
    }
}
