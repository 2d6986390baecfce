//! Columns by the Arrow C data interface: <https://arrow.apache.org/docs/format/CDataInterface>.
//!
//! A vector leaves as an Arrow array on its own memory (truth values are packed into bits). Arrays,
//! chunked arrays and tables come in; as Arrow's numbers never change, they stay where they are. A
//! missing number becomes NaN.

use std::ffi::{CStr, c_char, c_void};
use std::ptr;
use std::sync::Arc;

use chainrule::{DType, Numbers, Tensor};
use pyo3::exceptions::{PyKeyError, PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::run;
use crate::memory::{Copying, Foreign, Strided};
use crate::tensor::PyTensor;

const SCHEMA: &CStr = c"arrow_schema";
const ARRAY: &CStr = c"arrow_array";
const STREAM: &CStr = c"arrow_array_stream";

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

/// `ArrowArrayStream`.
#[repr(C)]
struct Stream {
    get_schema: unsafe extern "C" fn(*mut Stream, *mut Schema) -> i32,
    get_next: unsafe extern "C" fn(*mut Stream, *mut Array) -> i32,
    get_last_error: unsafe extern "C" fn(*mut Stream) -> *const c_char,
    release: Option<unsafe extern "C" fn(*mut Stream)>,
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

/// An array that was taken out of its capsule, released when this is dropped.
struct Taken(Box<Array>);

// SAFETY: the interface lets any thread release an array; until then it is only read.
unsafe impl Send for Taken {}
// SAFETY: as above.
unsafe impl Sync for Taken {}

impl Taken {
    /// Moves an array to us: who had it must not release it any more.
    ///
    /// # Safety
    /// The array is alive, or released, and as the interface says.
    unsafe fn from(array: *mut Array) -> Taken {
        // SAFETY: the caller's; moving is done by copying and marking the source as released.
        unsafe {
            let taken = Box::new(array.read());
            (*array).release = None;
            Taken(taken)
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if let Some(release) = self.0.release {
            // SAFETY: it was not released, and is only here.
            unsafe { release(&raw mut *self.0) };
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(release) = self.release {
            // SAFETY: it was not released, and is only here.
            unsafe { release(self) };
        }
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        if let Some(release) = self.release {
            // SAFETY: as above.
            unsafe { release(self) };
        }
    }
}

/// What a capsule of a name holds.
fn held<T>(capsule: &Bound<'_, PyAny>, name: &CStr) -> PyResult<*mut T> {
    // SAFETY: the interpreter is held, and the object alive.
    unsafe {
        if ffi::PyCapsule_IsValid(capsule.as_ptr(), name.as_ptr()) != 1 {
            return Err(PyTypeError::new_err("the object gave no Arrow capsules"));
        }
        Ok(ffi::PyCapsule_GetPointer(capsule.as_ptr(), name.as_ptr()).cast())
    }
}

/// What an object has for Arrow: columns of one type, each in one or several pieces.
enum Found {
    Column(Tensor),
    Table(Vec<(String, Tensor)>),
}

/// Reads an array, a chunked array, a batch or a table; of columns those that are `wanted`.
fn import(of: &Bound<'_, PyAny>, wanted: Option<&[String]>) -> PyResult<Found> {
    if !of.hasattr("__arrow_c_stream__")? {
        let capsules: (Bound<'_, PyAny>, Bound<'_, PyAny>) =
            of.call_method0("__arrow_c_array__")?.extract()?;
        let schema = held::<Schema>(&capsules.0, SCHEMA)?;
        let array = held::<Array>(&capsules.1, ARRAY)?;
        // SAFETY: capsules by these names hold what the interface says, alive as long as they are.
        return unsafe { gather(&*schema, vec![Arc::new(Taken::from(array))], wanted) };
    }
    let capsule = of.call_method0("__arrow_c_stream__")?;
    let stream = held::<Stream>(&capsule, STREAM)?;
    // SAFETY: the capsule holds a stream, which is moved to us as arrays are; it fills the structs
    // that it is given, or says by a number that it could not.
    unsafe {
        let mut stream = {
            let taken = stream.read();
            (*stream).release = None;
            taken
        };
        let mut schema = std::mem::zeroed::<Schema>();
        let outcome = (stream.get_schema)(&raw mut stream, &raw mut schema);
        stream.told(outcome)?;
        let mut pieces = vec![];
        loop {
            let mut array = std::mem::zeroed::<Array>();
            let outcome = (stream.get_next)(&raw mut stream, &raw mut array);
            stream.told(outcome)?;
            if array.release.is_none() {
                break;
            }
            pieces.push(Arc::new(Taken::from(&raw mut array)));
        }
        gather(&schema, pieces, wanted)
    }
}

impl Stream {
    /// The exception for a number that is not 0.
    fn told(&mut self, number: i32) -> PyResult<()> {
        if number == 0 {
            return Ok(());
        }
        // SAFETY: after a failure the stream has a text for it, or null.
        let text = unsafe {
            let text = (self.get_last_error)(self);
            if text.is_null() { None } else { Some(CStr::from_ptr(text).to_string_lossy()) }
        };
        let text = text.unwrap_or(std::borrow::Cow::Borrowed("no reason given"));
        Err(PyValueError::new_err(format!("the Arrow stream failed: {text}")))
    }
}

/// The columns of pieces of one type.
///
/// # Safety
/// The schema is alive, and describes every piece.
unsafe fn gather(
    schema: &Schema,
    pieces: Vec<Arc<Taken>>,
    wanted: Option<&[String]>,
) -> PyResult<Found> {
    let text = |at: *const c_char| match at.is_null() {
        true => String::new(),
        // SAFETY: texts of a schema end in 0.
        false => unsafe { CStr::from_ptr(at) }.to_string_lossy().into_owned(),
    };
    let join = |schema: &Schema, arrays: &[*const Array]| {
        // SAFETY: the pieces are alive, and of this type.
        let read = |(piece, array): (&Arc<Taken>, &*const Array)| unsafe {
            column_of(schema, &**array, piece)
        };
        let parts = pieces.iter().zip(arrays).map(read).collect::<PyResult<Vec<_>>>()?;
        match &parts[..] {
            [] => run(|| Tensor::from_vec(Vec::<f64>::new(), [0])),
            [one] => Ok(one.clone()),
            many => run(|| chainrule::cat(&many.iter().collect::<Vec<_>>(), 0)),
        }
    };
    if text(schema.format) != "+s" {
        let arrays: Vec<*const Array> = pieces.iter().map(|p| &raw const *p.0).collect();
        return join(schema, &arrays).map(Found::Column);
    }
    // SAFETY: the first buffer of a struct is its validity, or null.
    let gaps = |p: &&Arc<Taken>| p.0.null_count > 0 && !unsafe { *p.0.buffers }.is_null();
    if pieces.iter().any(|p| gaps(&p)) {
        return Err(PyValueError::new_err("an Arrow table with rows that are missing as a whole"));
    }
    let mut columns = vec![];
    for i in 0..schema.n_children.max(0) as usize {
        // SAFETY: a struct has as many children as it says, in the schema and in each piece.
        let child = unsafe { &**schema.children.add(i) };
        let name = text(child.name);
        if wanted.is_some_and(|wanted| !wanted.contains(&name)) {
            continue;
        }
        let arrays: Vec<*const Array> =
            // SAFETY: as above.
            pieces.iter().map(|p| unsafe { (*p.0.children.add(i)).cast_const() }).collect();
        let short = |(p, &a): (&Arc<Taken>, &*const Array)| {
            // SAFETY: as above.
            let length = unsafe { (*a).length };
            length < p.0.offset + p.0.length
        };
        if pieces.iter().zip(&arrays).any(short) {
            return Err(PyValueError::new_err("an Arrow table that contradicts itself"));
        }
        let column = join(child, &arrays).map_err(|e| within(e, &name))?;
        columns.push((name, column));
    }
    Ok(Found::Table(columns))
}

/// An error with the column in which it happened.
fn within(error: PyErr, name: &str) -> PyErr {
    Python::attach(|py| {
        let text = format!("column {name:?}: {}", error.value(py));
        PyErr::from_type(error.get_type(py), text)
    })
}

/// The numbers of one array of a piece, in its memory if they can be; missing ones are NaN.
///
/// # Safety
/// Both are alive and as the interface says, the array as long as the piece.
unsafe fn column_of(schema: &Schema, array: &Array, piece: &Arc<Taken>) -> PyResult<Tensor> {
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
                 integers and floating-point numbers of 32 and 64 bits; of a table, name the \
                 `columns` that are wanted",
                String::from_utf8_lossy(format)
            )));
        }
    };
    // The rows of a struct are a part of its columns.
    let outer = if ptr::eq(array, &raw const *piece.0) { None } else { Some(&piece.0) };
    let (skipped, length) = outer.map_or((0, array.length), |p| (p.offset, p.length));
    let (n, offset) = (length.max(0) as usize, (array.offset + skipped).max(0) as usize);
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
    let missing: Vec<bool> = match array.null_count != 0 && !valid.is_null() {
        true => (0..n).map(|i| bit(valid, i) == 0).collect(),
        false => vec![],
    };
    let Some(kind) = kind else {
        if missing.contains(&true) {
            return Err(PyValueError::new_err(
                "a truth value is missing in an Arrow array\n  hint: fill it before, as in \
                 `column.fill_null(False)`",
            ));
        }
        let truth: Vec<bool> = (0..n).map(|i| bit(data, i) == 1).collect();
        return run(|| Tensor::from_vec(truth, [n as i64]));
    };
    let size = kind.size();
    let strided =
        Strided { data: data.wrapping_add(offset * size), shape: &[n], strides: &[size as isize] };
    // SAFETY: the buffer holds offset + length elements, which Arrow does not let anyone change.
    let x = unsafe { strided.shared(kind, true, Copying::AsNeeded, piece.clone())? };
    if !missing.contains(&true) {
        return Ok(x);
    }
    run(|| {
        let float = if x.dtype().is_float() { x.dtype() } else { DType::F64 };
        let x = x.to_dtype(float);
        Tensor::from(missing).try_where(&x.full_like(f64::NAN), &x)
    })
}

/// The one column of what has an Arrow interface.
pub(crate) fn column(of: &Bound<'_, PyAny>) -> PyResult<Tensor> {
    match import(of, None)? {
        Found::Column(x) => Ok(x),
        Found::Table(_) => Err(PyTypeError::new_err(
            "a table is no tensor\n  hint: `from_arrow` gives its columns by name",
        )),
    }
}

/// The numbers of Arrow: of an array or a chunked array a vector; of a table, a batch or a frame of
/// another library the columns, or those that are named, as vectors by name.
///
/// Numbers without gaps are not copied (truth values are, and what comes in several pieces).
/// Missing numbers become NaN, of integers in `float64`; a missing truth value is an error.
#[pyfunction]
#[pyo3(signature = (array, columns=None))]
fn from_arrow(
    py: Python<'_>,
    array: &Bound<'_, PyAny>,
    columns: Option<Vec<String>>,
) -> PyResult<Py<PyAny>> {
    match (import(array, columns.as_deref())?, &columns) {
        (Found::Column(x), None) => Ok(Py::new(py, PyTensor::given(x))?.into_any()),
        (Found::Column(_), Some(_)) => {
            Err(PyTypeError::new_err("`columns` are of tables; this is one column"))
        }
        (Found::Table(found), _) => {
            let dict = PyDict::new(py);
            for (name, x) in found {
                dict.set_item(name, PyTensor::given(x))?;
            }
            for name in columns.iter().flatten() {
                if !dict.contains(name)? {
                    return Err(PyKeyError::new_err(format!("there is no column {name:?}")));
                }
            }
            Ok(dict.into_any().unbind())
        }
    }
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(from_arrow, m)?)
}
