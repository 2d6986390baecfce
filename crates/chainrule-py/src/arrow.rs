//! Columns by the Arrow C data interface: <https://arrow.apache.org/docs/format/CDataInterface>.
//!
//! A vector leaves as an Arrow array on its own memory (truth values are packed into bits). Arrays
//! of numbers come in as copies; a missing number becomes NaN.

use std::ffi::{CStr, c_char, c_void};
use std::ptr;

use chainrule::{DType, Numbers, Tensor};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;

use crate::errors::run;
use crate::memory::{Foreign, Strided};
use crate::tensor::PyTensor;

const SCHEMA: &CStr = c"arrow_schema";
const ARRAY: &CStr = c"arrow_array";

/// `ArrowSchema`.
#[repr(C)]
struct Schema {
    format: *const c_char,
    name: *const c_char,
    metadata: *const c_char,
    flags: i64,
    n_children: i64,
    children: *mut *mut Schema,
    dictionary: *mut Schema,
    release: Option<unsafe extern "C" fn(*mut Schema)>,
    private_data: *mut c_void,
}

/// `ArrowArray`.
#[repr(C)]
struct Array {
    length: i64,
    null_count: i64,
    offset: i64,
    n_buffers: i64,
    n_children: i64,
    buffers: *mut *const c_void,
    children: *mut *mut Array,
    dictionary: *mut Array,
    release: Option<unsafe extern "C" fn(*mut Array)>,
    private_data: *mut c_void,
}

/// What an exported array holds on to.
struct Owner {
    _numbers: Numbers,
    _bits: Vec<u8>,
    /// Validity, of which there is none, and the numbers.
    buffers: [*const c_void; 2],
}

unsafe extern "C" fn release_schema(schema: *mut Schema) {
    // SAFETY: the consumer passes a schema that was not released; nothing hangs on it.
    unsafe { (*schema).release = None };
}

unsafe extern "C" fn release_array(array: *mut Array) {
    // SAFETY: the consumer passes an array that was not released; its owner was made by `export`.
    unsafe {
        drop(Box::from_raw((*array).private_data.cast::<Owner>()));
        (*array).release = None;
    }
}

unsafe extern "C" fn drop_schema(capsule: *mut ffi::PyObject) {
    // SAFETY: the capsule holds a boxed schema of ours.
    unsafe {
        let schema = ffi::PyCapsule_GetPointer(capsule, SCHEMA.as_ptr()).cast::<Schema>();
        if let Some(release) = (*schema).release {
            release(schema);
        }
        drop(Box::from_raw(schema));
    }
}

unsafe extern "C" fn drop_array(capsule: *mut ffi::PyObject) {
    // SAFETY: the capsule holds a boxed array of ours.
    unsafe {
        let array = ffi::PyCapsule_GetPointer(capsule, ARRAY.as_ptr()).cast::<Array>();
        if let Some(release) = (*array).release {
            release(array);
        }
        drop(Box::from_raw(array));
    }
}

fn capsule(
    py: Python<'_>,
    pointer: *mut c_void,
    name: &'static CStr,
    free: unsafe extern "C" fn(*mut ffi::PyObject),
) -> PyResult<Py<PyAny>> {
    // SAFETY: the pointer is to what `free` expects, the name lives for ever, and the interpreter
    // is held; the result is a new reference or null with an exception.
    unsafe {
        let new = ffi::PyCapsule_New(pointer, name.as_ptr(), Some(free));
        Ok(Bound::from_owned_ptr_or_err(py, new)?.unbind())
    }
}

#[pymethods]
impl PyTensor {
    /// A vector as a pair of Arrow capsules, the type and the array.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_array__(
        &self,
        py: Python<'_>,
        requested_schema: Option<Py<PyAny>>,
    ) -> PyResult<(Py<PyAny>, Py<PyAny>)> {
        let _best_effort = requested_schema;
        let x = self.realized(py)?;
        if x.rank() != 1 {
            return Err(PyValueError::new_err(format!(
                "an Arrow array has one axis, the tensor has {}\n  hint: export columns, as in \
                 `x[:, 0]`",
                x.rank()
            )));
        }
        let numbers = run(|| x.numbers())?;
        let format = match x.dtype() {
            DType::Bool => c"b",
            DType::U8 => c"C",
            DType::I32 => c"i",
            DType::I64 => c"l",
            DType::F32 => c"f",
            DType::F64 => c"g",
        };
        let bits: Vec<u8> = match x.dtype() {
            DType::Bool => {
                let pack = |byte: &[u8]| byte.iter().rev().fold(0, |all, &b| all << 1 | b);
                numbers.bytes().chunks(8).map(pack).collect()
            }
            _ => vec![],
        };
        let data = if x.dtype() == DType::Bool { bits.as_ptr() } else { numbers.bytes().as_ptr() };
        let buffers = [ptr::null(), data.cast()];
        let owner = Box::into_raw(Box::new(Owner { _numbers: numbers, _bits: bits, buffers }));
        let schema = Schema {
            format: format.as_ptr(),
            name: c"".as_ptr(),
            metadata: ptr::null(),
            flags: 0,
            n_children: 0,
            children: ptr::null_mut(),
            dictionary: ptr::null_mut(),
            release: Some(release_schema),
            private_data: ptr::null_mut(),
        };
        let array = Array {
            length: x.len() as i64,
            null_count: 0,
            offset: 0,
            n_buffers: 2,
            n_children: 0,
            // SAFETY: the owner lives until the array is released.
            buffers: unsafe { (&raw mut (*owner).buffers).cast() },
            children: ptr::null_mut(),
            dictionary: ptr::null_mut(),
            release: Some(release_array),
            private_data: owner.cast(),
        };
        let schema = Box::into_raw(Box::new(schema)).cast();
        let array = Box::into_raw(Box::new(array)).cast();
        Ok((capsule(py, schema, SCHEMA, drop_schema)?, capsule(py, array, ARRAY, drop_array)?))
    }
}

/// A copy of an Arrow array of numbers.
pub(crate) fn import(of: &Bound<'_, PyAny>) -> PyResult<Tensor> {
    let (schema, array): (Bound<'_, PyAny>, Bound<'_, PyAny>) =
        of.call_method0("__arrow_c_array__")?.extract()?;
    // SAFETY: capsules by these names hold what the interface says, alive as long as they are.
    unsafe {
        if ffi::PyCapsule_IsValid(schema.as_ptr(), SCHEMA.as_ptr()) != 1
            || ffi::PyCapsule_IsValid(array.as_ptr(), ARRAY.as_ptr()) != 1
        {
            return Err(PyTypeError::new_err("`__arrow_c_array__` gave no Arrow capsules"));
        }
        let schema = ffi::PyCapsule_GetPointer(schema.as_ptr(), SCHEMA.as_ptr()).cast::<Schema>();
        let array = ffi::PyCapsule_GetPointer(array.as_ptr(), ARRAY.as_ptr()).cast::<Array>();
        read(&*schema, &*array)
    }
}

/// A copy of the array's numbers.
///
/// # Safety
/// Both are alive and as the interface says.
unsafe fn read(schema: &Schema, array: &Array) -> PyResult<Tensor> {
    // SAFETY: the format is a text that ends in 0.
    let format = unsafe { CStr::from_ptr(schema.format) }.to_bytes();
    let kind = match format {
        b"b" => None,
        b"c" => Some(Foreign::Signed(1)),
        b"s" => Some(Foreign::Signed(2)),
        b"i" => Some(Foreign::Signed(4)),
        b"l" => Some(Foreign::Signed(8)),
        b"C" => Some(Foreign::Unsigned(1)),
        b"S" => Some(Foreign::Unsigned(2)),
        b"I" => Some(Foreign::Unsigned(4)),
        b"L" => Some(Foreign::Unsigned(8)),
        b"f" => Some(Foreign::Float(4)),
        b"g" => Some(Foreign::Float(8)),
        _ => {
            return Err(PyTypeError::new_err(format!(
                "an Arrow array of format {:?} cannot be a tensor\n  hint: there are bool, \
                 integers and floating-point numbers of 32 and 64 bits",
                String::from_utf8_lossy(format)
            )));
        }
    };
    let (n, offset) = (array.length.max(0) as usize, array.offset.max(0) as usize);
    if array.n_buffers != 2 || array.buffers.is_null() {
        return Err(PyValueError::new_err("an Arrow array that contradicts its type"));
    }
    // SAFETY: there are two buffers: validity, which may be null, and data.
    let [valid, data] = unsafe { *array.buffers.cast::<[*const u8; 2]>() };
    let bit = |at: *const u8, i: usize| {
        // SAFETY: both buffers hold at least offset + length bits.
        let byte = unsafe { *at.add((offset + i) / 8) };
        (byte >> ((offset + i) % 8)) & 1
    };
    let Some(kind) = kind else {
        if array.null_count != 0 && !valid.is_null() && (0..n).any(|i| bit(valid, i) == 0) {
            return Err(PyValueError::new_err("a truth value is missing in an Arrow array"));
        }
        let truth: Vec<bool> = (0..n).map(|i| bit(data, i) == 1).collect();
        return run(|| Tensor::from_vec(truth, [n as i64]));
    };
    let size = kind.size();
    let strided =
        Strided { data: data.wrapping_add(offset * size), shape: &[n], strides: &[size as isize] };
    // SAFETY: the buffer holds offset + length elements.
    let x = unsafe { strided.tensor(kind)? };
    let missing: Vec<bool> = match array.null_count != 0 && !valid.is_null() {
        true => (0..n).map(|i| bit(valid, i) == 0).collect(),
        false => vec![],
    };
    if !missing.contains(&true) {
        return Ok(x);
    }
    run(|| {
        let float = if x.dtype().is_float() { x.dtype() } else { DType::F64 };
        let x = x.to_dtype(float);
        Tensor::from(missing).try_where(&x.full_like(f64::NAN), &x)
    })
}

/// A copy of an Arrow array of numbers; missing ones become NaN.
#[pyfunction]
fn from_arrow(array: &Bound<'_, PyAny>) -> PyResult<PyTensor> {
    import(array).map(PyTensor::given)
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(from_arrow, m)?)
}
