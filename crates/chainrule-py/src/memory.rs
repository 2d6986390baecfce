//! Numbers exchanged with numpy and others through memory.
//!
//! What leaves is not copied: an array on the tensor's memory, read-only, as tensors never change.
//! What comes in is not copied either if nobody writes to it: if the array says that it is
//! read-only, or the caller says `copy=False`. Everything else is copied, as are elements that are
//! not dense, not aligned, or of a type that tensors do not have. A tensor's numbers are read when
//! something is computed from it, which may be late; were they to change before, results would
//! depend on when they are asked for.

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

    /// The element type that is stored in the same way.
    fn own(self) -> Option<DType> {
        match self {
            Foreign::Bool => Some(DType::Bool),
            Foreign::Signed(4) => Some(DType::I32),
            Foreign::Signed(8) => Some(DType::I64),
            Foreign::Unsigned(1) => Some(DType::U8),
            Foreign::Float(4) => Some(DType::F32),
            Foreign::Float(8) => Some(DType::F64),
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

/// Whether numbers that come in are copied.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Copying {
    /// Unless they are read-only, and as tensors have them.
    AsNeeded,
    Always,
    /// An error if they would have to be.
    Never,
}

impl Copying {
    /// As Python says it: `copy=None`, `True` or `False`.
    pub(crate) fn of(copy: Option<bool>) -> Copying {
        match copy {
            None => Copying::AsNeeded,
            Some(true) => Copying::Always,
            Some(false) => Copying::Never,
        }
    }
}

/// Memory that is lent, and what keeps it alive.
pub(crate) struct Loan<K> {
    data: *const u8,
    bytes: usize,
    _keeper: K,
}

// SAFETY: the memory is only read, by any thread; the keeper can be dropped by any.
unsafe impl<K: Send> Send for Loan<K> {}
// SAFETY: as above; nothing but the memory is given out.
unsafe impl<K: Send> Sync for Loan<K> {}

impl<K> AsRef<[u8]> for Loan<K> {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: whoever made the loan says that so many bytes are readable while the keeper
        // lives, and not written to.
        unsafe { std::slice::from_raw_parts(self.data, self.bytes) }
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

    /// The tensor of all elements, in this memory if it can be, which `keeper` keeps alive.
    ///
    /// # Safety
    /// As for `read`; and if `read_only` is said, or `copying` is `Never`, nobody writes to the
    /// elements while the keeper lives.
    pub(crate) unsafe fn shared<K: Send + 'static>(
        &self,
        of: Foreign,
        read_only: bool,
        copying: Copying,
        keeper: K,
    ) -> PyResult<Tensor> {
        let n: usize = self.shape.iter().product();
        let whole = dense(self.shape, of.size());
        let in_order = |a: usize| self.shape[a] == 1 || self.strides[a] == whole[a];
        let fits = n > 0
            && !self.data.is_null()
            && self.data.addr().is_multiple_of(of.size())
            && (0..self.shape.len()).all(in_order);
        let lent = match copying {
            Copying::AsNeeded => read_only,
            Copying::Always => false,
            Copying::Never => true,
        };
        match of.own() {
            Some(dtype) if lent && fits => {
                let loan = Loan { data: self.data, bytes: n * of.size(), _keeper: keeper };
                return run(|| Tensor::from_owner(loan, self.shape, dtype));
            }
            _ if copying == Copying::Never && n > 0 => {
                return Err(PyValueError::new_err(
                    "the array's memory cannot be a tensor's\n  hint: its elements are not dense \
                     in row-major order, not aligned, or of another type than tensors have; say \
                     `copy=None`",
                ));
            }
            _ => {}
        }
        // SAFETY: passed on.
        unsafe { self.tensor(of) }
    }

    /// A copy of all elements as a tensor.
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

/// The tensor of an array that has numpy's array interface.
pub(crate) fn from_interface(of: &Bound<'_, PyAny>, copying: Copying) -> PyResult<Tensor> {
    let dict = of.getattr("__array_interface__")?.cast_into::<PyDict>()?;
    let item = |name: &str| dict.get_item(name);
    let typestr: String = match item("typestr")? {
        Some(text) => text.extract()?,
        None => return Err(PyValueError::new_err("an array interface without `typestr`")),
    };
    let Some(kind) = Foreign::named(&typestr) else {
        return from_other(of, &typestr, copying);
    };
    let shape: Vec<usize> = match item("shape")? {
        Some(shape) => shape.extract()?,
        None => return Err(PyValueError::new_err("an array interface without `shape`")),
    };
    let strides: Vec<isize> = match item("strides")?.filter(|s| !s.is_none()) {
        Some(strides) => strides.extract()?,
        None => dense(&shape, kind.size()),
    };
    let (data, read_only) = match item("data")?.filter(|d| !d.is_none()) {
        Some(data) => data.extract::<(usize, bool)>()?,
        None => return Err(PyValueError::new_err("an array interface without `data`")),
    };
    if strides.len() != shape.len() || data == 0 && shape.iter().product::<usize>() > 0 {
        return Err(PyValueError::new_err("an array interface that contradicts itself"));
    }
    let strided = Strided { data: data as *const u8, shape: &shape, strides: &strides };
    // SAFETY: the interface promises that its elements are readable while `of` lives; the
    // interpreter is held, so that no Python code writes to them now. Who says that they are
    // read-only, or asks for no copy, promises that they stay as they are.
    unsafe { strided.shared(kind, read_only, copying, of.clone().unbind()) }
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
fn from_other(of: &Bound<'_, PyAny>, typestr: &str, copying: Copying) -> PyResult<Tensor> {
    if copying == Copying::Never {
        return Err(PyValueError::new_err(format!(
            "elements of type {typestr} have to be copied\n  hint: say `copy=None`"
        )));
    }
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
    from_interface(&of.call_method1("astype", (to,))?, copying)
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

/// A tensor of the numbers of an array.
///
/// They are copied unless the array is read-only; then, or with `copy=False`, the tensor stands in
/// the array's memory, which must not be written to any more. What cannot be shared, because
/// elements are not dense, not aligned or of another type, is copied, or an error with
/// `copy=False`.
#[pyfunction]
#[pyo3(signature = (ndarray, *, copy=None))]
fn from_numpy(ndarray: &Bound<'_, PyAny>, copy: Option<bool>) -> PyResult<PyTensor> {
    from_interface(ndarray, Copying::of(copy)).map(PyTensor::given)
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(_from_bytes, m)?)?;
    m.add_function(wrap_pyfunction!(from_numpy, m)?)
}
