//! Numbers exchanged with numpy and others through memory.
//!
//! What leaves is not copied: an array on the tensor's memory, read-only, as tensors never change.
//! What comes in is copied once, so that nothing can change a tensor behind its graph.

use chainrule::{DType, Element, Numbers, Tensor};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};

use crate::dtype::AnyDType;
use crate::tensor::PyTensor;

use crate::errors::run;

/// The memory of a tensor, for numpy's array interface.
#[pyclass(module = "chainrule", frozen)]
pub(crate) struct Memory {
    numbers: Numbers,
    shape: Vec<usize>,
    dtype: DType,
}

impl Memory {
    pub(crate) fn of(x: &Tensor) -> PyResult<Memory> {
        let numbers = run(|| x.numbers())?;
        Ok(Memory { numbers, shape: x.shape().to_vec(), dtype: x.dtype() })
    }
}

#[pymethods]
impl Memory {
    /// Numpy's array interface, version 3: <https://numpy.org/doc/stable/reference/arrays.interface.html>.
    #[getter(__array_interface__)]
    fn interface<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        let kind = match self.dtype {
            DType::Bool => "b1",
            DType::U8 => "u1",
            DType::I32 => "i4",
            DType::I64 => "i8",
            DType::F32 => "f4",
            DType::F64 => "f8",
        };
        let order = if cfg!(target_endian = "little") { '<' } else { '>' };
        let kind = format!("{}{kind}", if self.dtype.size() == 1 { '|' } else { order });
        dict.set_item("version", 3)?;
        dict.set_item("typestr", kind)?;
        dict.set_item("shape", PyTuple::new(py, &self.shape)?)?;
        dict.set_item("data", (self.numbers.bytes().as_ptr() as usize, true))?;
        Ok(dict)
    }
}

/// A number type of another library that is converted to one of ours.
#[derive(Clone, Copy)]
pub(crate) enum Foreign {
    Bool,
    Signed(usize),
    Unsigned(usize),
    Float(usize),
}

impl Foreign {
    fn named(typestr: &str) -> Option<Foreign> {
        let mut letters = typestr.chars();
        let (order, kind) = (letters.next()?, letters.next()?);
        let size: usize = letters.as_str().parse().ok()?;
        let native = if cfg!(target_endian = "little") { '<' } else { '>' };
        if order != native && size > 1 {
            return None;
        }
        match (kind, size) {
            ('b', 1) => Some(Foreign::Bool),
            ('i', 1 | 2 | 4 | 8) => Some(Foreign::Signed(size)),
            ('u', 1 | 2 | 4 | 8) => Some(Foreign::Unsigned(size)),
            ('f', 4 | 8) => Some(Foreign::Float(size)),
            _ => None,
        }
    }

    pub(crate) fn size(self) -> usize {
        match self {
            Foreign::Bool => 1,
            Foreign::Signed(n) | Foreign::Unsigned(n) | Foreign::Float(n) => n,
        }
    }
}

/// Strided elements in foreign memory.
pub(crate) struct Strided<'a> {
    pub(crate) data: *const u8,
    pub(crate) shape: &'a [usize],
    /// In bytes.
    pub(crate) strides: &'a [isize],
}

impl Strided<'_> {
    /// All elements in row-major order.
    ///
    /// # Safety
    /// Every element lies in readable memory, which nobody writes to meanwhile.
    unsafe fn read<S: Copy, T>(&self, convert: impl Fn(S) -> T) -> Vec<T> {
        let n: usize = self.shape.iter().product();
        let mut out = Vec::with_capacity(n);
        let mut at = vec![0usize; self.shape.len()];
        let mut offset = 0isize;
        for _ in 0..n {
            // SAFETY: the caller says that the element is readable; it may be unaligned.
            let value = unsafe { self.data.offset(offset).cast::<S>().read_unaligned() };
            out.push(convert(value));
            for axis in (0..at.len()).rev() {
                at[axis] += 1;
                offset += self.strides[axis];
                if at[axis] < self.shape[axis] {
                    break;
                }
                offset -= self.strides[axis] * self.shape[axis] as isize;
                at[axis] = 0;
            }
        }
        out
    }

    /// A tensor of all elements.
    ///
    /// # Safety
    /// As for `read`.
    pub(crate) unsafe fn tensor(&self, of: Foreign) -> PyResult<Tensor> {
        macro_rules! read {
            ($from:ty, $convert:expr) => {
                // SAFETY: passed on.
                make(unsafe { self.read::<$from, _>($convert) }, self.shape)
            };
        }
        match of {
            Foreign::Bool => read!(u8, |b| b != 0),
            Foreign::Signed(1) => read!(i8, i64::from),
            Foreign::Signed(2) => read!(i16, i64::from),
            Foreign::Signed(4) => {
                // SAFETY: passed on.
                let numbers = unsafe { self.read::<[u8; 4], _>(|bytes| bytes) };
                run(|| Tensor::from_bytes(numbers.as_flattened(), self.shape, DType::I32))
            }
            Foreign::Signed(_) => read!(i64, |i| i),
            Foreign::Unsigned(1) => read!(u8, |i| i),
            Foreign::Unsigned(2) => read!(u16, i64::from),
            Foreign::Unsigned(4) => read!(u32, i64::from),
            Foreign::Unsigned(_) => read!(u64, |i| i as i64),
            Foreign::Float(4) => read!(f32, |x| x),
            Foreign::Float(_) => read!(f64, |x| x),
        }
    }
}

fn make<T: Element>(numbers: Vec<T>, shape: &[usize]) -> PyResult<Tensor> {
    run(|| Tensor::from_vec(numbers, shape))
}

/// A copy of an array that has numpy's array interface.
pub(crate) fn from_interface(of: &Bound<'_, PyAny>) -> PyResult<Tensor> {
    let dict = of.getattr("__array_interface__")?.cast_into::<PyDict>()?;
    let item = |name: &str| dict.get_item(name);
    let typestr: String = match item("typestr")? {
        Some(text) => text.extract()?,
        None => return Err(PyValueError::new_err("an array interface without `typestr`")),
    };
    let Some(kind) = Foreign::named(&typestr) else {
        return from_other(of, &typestr);
    };
    let shape: Vec<usize> = match item("shape")? {
        Some(shape) => shape.extract()?,
        None => return Err(PyValueError::new_err("an array interface without `shape`")),
    };
    let strides: Vec<isize> = match item("strides")?.filter(|s| !s.is_none()) {
        Some(strides) => strides.extract()?,
        None => dense(&shape, kind.size()),
    };
    let data: usize = match item("data")?.filter(|d| !d.is_none()) {
        Some(data) => data.extract::<(usize, bool)>()?.0,
        None => return Err(PyValueError::new_err("an array interface without `data`")),
    };
    if strides.len() != shape.len() || data == 0 && shape.iter().product::<usize>() > 0 {
        return Err(PyValueError::new_err("an array interface that contradicts itself"));
    }
    // SAFETY: the interface promises that its elements are readable while `of` lives; the
    // interpreter is held, so that no Python code writes to them.
    unsafe { Strided { data: data as *const u8, shape: &shape, strides: &strides }.tensor(kind) }
}

/// Strides in bytes of dense elements.
pub(crate) fn dense(shape: &[usize], size: usize) -> Vec<isize> {
    let mut strides = vec![size as isize; shape.len()];
    for i in (1..shape.len()).rev() {
        strides[i - 1] = strides[i] * shape[i].max(1) as isize;
    }
    strides
}

/// Half precision and foreign byte orders are converted by numpy itself.
fn from_other(of: &Bound<'_, PyAny>, typestr: &str) -> PyResult<Tensor> {
    let to = match typestr.get(1..2) {
        Some("f") if typestr.ends_with('2') => "float32",
        Some("f") => "float64",
        Some("i" | "u") => "int64",
        _ => {
            return Err(PyTypeError::new_err(format!(
                "elements of type {typestr} cannot be those of a tensor\n  hint: there are bool, \
                 integers and real floating-point numbers"
            )));
        }
    };
    from_interface(&of.call_method1("astype", (to,))?)
}

#[pymethods]
impl PyTensor {
    /// The numbers as bytes, in row-major order.
    fn _bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let x = self.realized(py)?;
        let numbers = run(|| x.numbers())?;
        Ok(PyBytes::new(py, numbers.bytes()))
    }

    /// An in-place method: this handle stands for `new` from now on.
    fn _rebind(&self, new: &PyTensor) -> PyResult<()> {
        self.rebind(new.by(), &new.tensor())
    }
}

/// A tensor of numbers given as bytes, in row-major order.
#[pyfunction]
fn _from_bytes(bytes: &[u8], shape: Vec<i64>, dtype: AnyDType) -> PyResult<PyTensor> {
    run(|| Tensor::from_bytes(bytes, &shape, dtype.0)).map(PyTensor::given)
}

/// A tensor of the numbers of an array, copied.
#[pyfunction]
fn from_numpy(ndarray: &Bound<'_, PyAny>) -> PyResult<PyTensor> {
    from_interface(ndarray).map(PyTensor::given)
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(_from_bytes, m)?)?;
    m.add_function(wrap_pyfunction!(from_numpy, m)?)
}
