//! DLPack, the exchange of arrays in memory between libraries: <https://dmlc.github.io/dlpack>.
//!
//! What leaves shares the tensor's memory and is marked read-only, which needs version 1 of the
//! protocol; who asks for less gets a copy. What comes in is shared if it is marked so as well, or
//! if the caller says `copy=False`, and copied otherwise.

use std::ffi::{CStr, c_void};

use chainrule::{DType, Numbers, Tensor};
use pyo3::exceptions::{PyBufferError, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::memory::{Copying, Foreign, Strided};
use crate::tensor::PyTensor;

const PLAIN: &CStr = c"dltensor";
const VERSIONED: &CStr = c"dltensor_versioned";
const PLAIN_USED: &CStr = c"used_dltensor";
const VERSIONED_USED: &CStr = c"used_dltensor_versioned";

const READ_ONLY: u64 = 1;
const COPIED: u64 = 2;
const CPU: i32 = 1;

#[repr(C)]
#[derive(Clone, Copy)]
struct Device {
    kind: i32,
    id: i32,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct ElementType {
    code: u8,
    bits: u8,
    lanes: u16,
}

/// `DLTensor`.
#[repr(C)]
struct Array {
    data: *mut c_void,
    device: Device,
    ndim: i32,
    dtype: ElementType,
    shape: *mut i64,
    /// In elements; null if dense.
    strides: *mut i64,
    byte_offset: u64,
}

/// `DLManagedTensor`.
#[repr(C)]
struct Managed {
    array: Array,
    context: *mut c_void,
    deleter: Option<unsafe extern "C" fn(*mut Managed)>,
}

/// `DLManagedTensorVersioned`.
#[repr(C)]
struct Versioned {
    major: u32,
    minor: u32,
    context: *mut c_void,
    deleter: Option<unsafe extern "C" fn(*mut Versioned)>,
    flags: u64,
    array: Array,
}

/// What an exported array holds on to.
struct Owner {
    _numbers: Option<Numbers>,
    copy: Vec<u64>,
    shape: Vec<i64>,
    strides: Vec<i64>,
}

fn element(dtype: DType) -> ElementType {
    let (code, bits) = match dtype {
        DType::Bool => (6, 8),
        DType::U8 => (1, 8),
        DType::I32 => (0, 32),
        DType::I64 => (0, 64),
        DType::F32 => (2, 32),
        DType::F64 => (2, 64),
    };
    ElementType { code, bits, lanes: 1 }
}

/// The array of a tensor, and what it must hold on to.
fn array(x: &Tensor, numbers: Numbers, copied: bool) -> (Array, Box<Owner>) {
    let shape: Vec<i64> = x.shape().iter().map(|&n| n as i64).collect();
    let mut strides = vec![1i64; shape.len()];
    for i in (1..shape.len()).rev() {
        strides[i - 1] = strides[i] * shape[i].max(1);
    }
    let mut owner = Box::new(Owner { _numbers: None, copy: vec![], shape, strides });
    let data = if copied {
        let bytes = numbers.bytes();
        owner.copy = bytes
            .chunks(8)
            .map(|c| {
                let mut word = [0u8; 8];
                word[..c.len()].copy_from_slice(c);
                u64::from_ne_bytes(word)
            })
            .collect();
        owner.copy.as_mut_ptr().cast::<c_void>()
    } else {
        let data = numbers.bytes().as_ptr().cast_mut().cast();
        owner._numbers = Some(numbers);
        data
    };
    let array = Array {
        data,
        device: Device { kind: CPU, id: 0 },
        ndim: owner.shape.len() as i32,
        dtype: element(x.dtype()),
        shape: owner.shape.as_mut_ptr(),
        strides: owner.strides.as_mut_ptr(),
        byte_offset: 0,
    };
    (array, owner)
}

unsafe extern "C" fn free_plain(this: *mut Managed) {
    // SAFETY: the consumer calls this once, with the pointer that `plain` made.
    unsafe {
        let this = Box::from_raw(this);
        drop(Box::from_raw(this.context.cast::<Owner>()));
    }
}

unsafe extern "C" fn free_versioned(this: *mut Versioned) {
    // SAFETY: the consumer calls this once, with the pointer that `versioned` made.
    unsafe {
        let this = Box::from_raw(this);
        drop(Box::from_raw(this.context.cast::<Owner>()));
    }
}

/// Frees what a capsule holds if nobody took it.
unsafe extern "C" fn abandon(capsule: *mut ffi::PyObject) {
    // SAFETY: the capsule is alive, and its name says what it points to.
    unsafe {
        if ffi::PyCapsule_IsValid(capsule, PLAIN.as_ptr()) == 1 {
            let this = ffi::PyCapsule_GetPointer(capsule, PLAIN.as_ptr()).cast::<Managed>();
            if let Some(free) = (*this).deleter {
                free(this);
            }
        } else if ffi::PyCapsule_IsValid(capsule, VERSIONED.as_ptr()) == 1 {
            let this = ffi::PyCapsule_GetPointer(capsule, VERSIONED.as_ptr()).cast::<Versioned>();
            if let Some(free) = (*this).deleter {
                free(this);
            }
        }
    }
}

fn capsule(py: Python<'_>, pointer: *mut c_void, name: &'static CStr) -> PyResult<Py<PyAny>> {
    // SAFETY: the pointer is to what the name says, the name lives for ever, and the interpreter
    // is held; the result is a new reference or null with an exception.
    unsafe {
        let new = ffi::PyCapsule_New(pointer, name.as_ptr(), Some(abandon));
        Ok(Bound::from_owned_ptr_or_err(py, new)?.unbind())
    }
}

#[pymethods]
impl PyTensor {
    /// The memory of the numbers as a DLPack capsule, read-only.
    #[pyo3(signature = (*, stream=None, max_version=None, dl_device=None, copy=None))]
    fn __dlpack__(
        &self,
        py: Python<'_>,
        stream: Option<Py<PyAny>>,
        max_version: Option<(u32, u32)>,
        dl_device: Option<(i32, i32)>,
        copy: Option<bool>,
    ) -> PyResult<Py<PyAny>> {
        if stream.is_some() || dl_device.is_some_and(|d| d != (CPU, 0)) {
            return Err(PyBufferError::new_err("tensors are on the processor"));
        }
        let x = self.realized(py)?;
        if x.tracks_grad() {
            return Err(PyBufferError::new_err(
                "a tensor that requires gradients cannot leave without losing them\n  hint: \
                 `.detach()` it first",
            ));
        }
        let numbers = crate::errors::run(|| x.numbers())?;
        let modern = max_version.is_some_and(|(major, _)| major >= 1);
        let copied = copy == Some(true) || !modern && copy != Some(false);
        let (array, owner) = array(&x, numbers, copied);
        let context = Box::into_raw(owner).cast();
        if modern {
            let flags = if copied { COPIED } else { READ_ONLY };
            let deleter = Some(free_versioned as unsafe extern "C" fn(*mut Versioned));
            let this = Versioned { major: 1, minor: 0, context, deleter, flags, array };
            return capsule(py, Box::into_raw(Box::new(this)).cast(), VERSIONED);
        }
        let this = Managed { array, context, deleter: Some(free_plain) };
        capsule(py, Box::into_raw(Box::new(this)).cast(), PLAIN)
    }

    /// The processor, in DLPack's numbers.
    fn __dlpack_device__(&self) -> (i32, i32) {
        (CPU, 0)
    }
}

/// A lent array of either protocol, given back when this is dropped.
enum Lent {
    Plain(*mut Managed),
    Versioned(*mut Versioned),
}

// SAFETY: the protocol lets any thread give an array back.
unsafe impl Send for Lent {}

impl Drop for Lent {
    fn drop(&mut self) {
        // SAFETY: both are alive until their deleter is called, which happens here, once.
        unsafe {
            match *self {
                Lent::Plain(this) => {
                    if let Some(free) = (*this).deleter {
                        free(this);
                    }
                }
                Lent::Versioned(this) => {
                    if let Some(free) = (*this).deleter {
                        free(this);
                    }
                }
            }
        }
    }
}

/// The tensor of what has `__dlpack__`.
pub(crate) fn import(of: &Bound<'_, PyAny>, copying: Copying) -> PyResult<Tensor> {
    let py = of.py();
    let options = PyDict::new(py);
    options.set_item("max_version", (1, 0))?;
    let given = match of.call_method("__dlpack__", (), Some(&options)) {
        Err(e) if e.is_instance_of::<PyTypeError>(py) => of.call_method0("__dlpack__")?,
        other => other?,
    };
    let pointer = given.as_ptr();
    // SAFETY: the interpreter is held; the name of a capsule says what it points to, which is alive
    // until its deleter is called. Renaming it says that we will do that.
    unsafe {
        if ffi::PyCapsule_IsValid(pointer, VERSIONED.as_ptr()) == 1 {
            let this = ffi::PyCapsule_GetPointer(pointer, VERSIONED.as_ptr()).cast::<Versioned>();
            ffi::PyCapsule_SetName(pointer, VERSIONED_USED.as_ptr());
            let lent = Lent::Versioned(this);
            if (*this).major != 1 {
                return Err(PyBufferError::new_err("a DLPack version that is not known here"));
            }
            return read(&(*this).array, (*this).flags & READ_ONLY != 0, copying, lent);
        }
        if ffi::PyCapsule_IsValid(pointer, PLAIN.as_ptr()) == 1 {
            let this = ffi::PyCapsule_GetPointer(pointer, PLAIN.as_ptr()).cast::<Managed>();
            ffi::PyCapsule_SetName(pointer, PLAIN_USED.as_ptr());
            return read(&(*this).array, false, copying, Lent::Plain(this));
        }
    }
    Err(PyBufferError::new_err("`__dlpack__` gave no DLPack capsule"))
}

/// The tensor of an array, in its memory if nobody writes to it.
///
/// # Safety
/// The array's pointers are as DLPack says, until `lent` is dropped.
unsafe fn read(array: &Array, read_only: bool, copying: Copying, lent: Lent) -> PyResult<Tensor> {
    if array.device.kind != CPU {
        return Err(PyBufferError::new_err(
            "the array is not in the processor's memory\n  hint: copy it there first",
        ));
    }
    let size = usize::from(array.dtype.bits / 8);
    let kind = match (array.dtype.code, array.dtype.bits, array.dtype.lanes) {
        (6, 8, 1) => Foreign::Bool,
        (0, 8 | 16 | 32 | 64, 1) => Foreign::Signed(size),
        (1, 8 | 16 | 32 | 64, 1) => Foreign::Unsigned(size),
        (2, 32 | 64, 1) => Foreign::Float(size),
        _ => {
            return Err(PyBufferError::new_err(
                "the array's elements cannot be those of a tensor\n  hint: there are bool, \
                 integers and real floating-point numbers of 32 and 64 bits",
            ));
        }
    };
    let rank = usize::try_from(array.ndim).unwrap_or(0);
    let list = |p: *const i64| match rank {
        0 => vec![],
        // SAFETY: `shape`, and `strides` if not null, point to `ndim` numbers.
        _ => unsafe { std::slice::from_raw_parts(p, rank) }.to_vec(),
    };
    let shape: Vec<usize> = list(array.shape).iter().map(|&n| n.max(0) as usize).collect();
    let strides: Vec<isize> = match array.strides.is_null() {
        true => crate::memory::dense(&shape, size),
        false => list(array.strides).iter().map(|&s| s as isize * size as isize).collect(),
    };
    let data = array.data.cast_const().cast::<u8>().wrapping_add(array.byte_offset as usize);
    let strided = Strided { data, shape: &shape, strides: &strides };
    // SAFETY: DLPack promises readable elements until the deleter is called, and those that are
    // read-only do not change; who asks for no copy promises that as well.
    unsafe { strided.shared(kind, read_only, copying, lent) }
}

/// A tensor of an array of another library that has `__dlpack__`.
///
/// Its numbers are copied unless it says that they are read-only; then, or with `copy=False`, the
/// tensor stands in its memory, which must not be written to any more.
#[pyfunction]
#[pyo3(signature = (ext_tensor, *, device=None, copy=None))]
fn from_dlpack(
    ext_tensor: &Bound<'_, PyAny>,
    device: Option<Bound<'_, PyAny>>,
    copy: Option<bool>,
) -> PyResult<PyTensor> {
    crate::make::cpu(device.as_ref())?;
    import(ext_tensor, Copying::of(copy)).map(PyTensor::given)
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(from_dlpack, m)?)
}
