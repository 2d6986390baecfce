//! Making tensors: from Python's numbers, from arrays, filled, in sequences, at random.

use chainrule::{DType, Element, Result, Tensor, manual_seed, rng_state, set_rng_state};
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyList, PyString, PyTuple};

use crate::dtype::{self, AnyDType};
use crate::errors::{run, sure};
use crate::memory::{self, Copying};
use crate::tensor::{Operand, PyTensor};

/// Lengths or axes, as `f(2, 3)` or `f((2, 3))`.
pub(crate) fn numbers(given: &Bound<'_, PyTuple>) -> PyResult<Vec<i64>> {
    if given.len() == 1 {
        let one = given.get_item(0)?;
        if let Ok(list) = one.extract::<Vec<i64>>() {
            return Ok(list);
        }
    }
    given.extract()
}

/// Numbers of one kind, gathered from nested sequences.
enum Numbers {
    Bools(Vec<bool>),
    Ints(Vec<i64>),
    Floats(Vec<f64>),
}

/// The deepest nesting that is read.
const DEEPEST: usize = 64;

/// Nested sequences as they are read.
struct Nest {
    shape: Vec<usize>,
    numbers: Numbers,
}

impl Nest {
    fn read(&mut self, of: &Bound<'_, PyAny>, depth: usize) -> PyResult<()> {
        if depth > DEEPEST {
            return Err(PyValueError::new_err("sequences nested too deeply to be a tensor"));
        }
        if of.is_instance_of::<PyList>() || of.is_instance_of::<PyTuple>() {
            let items = of.try_iter()?;
            let n = of.len()?;
            self.length(depth, n)?;
            for item in items {
                self.read(&item?, depth + 1)?;
            }
            return Ok(());
        }
        if let Ok(part) = of.cast::<PyTensor>() {
            let part = part.get().tensor();
            for (i, &n) in part.shape().iter().enumerate() {
                self.length(depth + i, n)?;
            }
            return self.tensor(&part, depth);
        }
        if of.is_instance_of::<PyString>() {
            return Err(PyTypeError::new_err("a text is no number"));
        }
        if !of.is_instance_of::<PyFloat>()
            && !of.is_instance_of::<PyInt>()
            && of.hasattr("__array_interface__")?
        {
            let part = memory::from_interface(of, Copying::AsNeeded)?;
            for (i, &n) in part.shape().iter().enumerate() {
                self.length(depth + i, n)?;
            }
            return self.tensor(&part, depth);
        }
        if of.hasattr("__len__")? && of.hasattr("__getitem__")? {
            return self.read(
                PyList::new(of.py(), of.try_iter()?.collect::<PyResult<Vec<_>>>()?)?.as_any(),
                depth,
            );
        }
        self.leaf(depth)?;
        self.number(of)
    }

    /// The numbers of a tensor among the sequences.
    fn tensor(&mut self, part: &Tensor, depth: usize) -> PyResult<()> {
        self.leaf(depth + part.rank())?;
        match part.dtype() {
            DType::Bool => run(|| part.to_vec::<bool>())?.into_iter().for_each(|b| self.bool(b)),
            dtype if dtype.is_integer() => {
                run(|| part.to_vec::<i64>())?.into_iter().for_each(|i| self.int(i));
            }
            _ => run(|| part.to_vec::<f64>())?.into_iter().for_each(|x| self.float(x)),
        }
        Ok(())
    }

    /// A sequence of `n` at `depth`: all of one depth have one length.
    fn length(&mut self, depth: usize, n: usize) -> PyResult<()> {
        match self.shape.get(depth) {
            None if depth == self.shape.len() && self.is_empty() => self.shape.push(n),
            Some(&m) if m == n => {}
            other => {
                let expected = other.map_or("a number".into(), |m| format!("length {m}"));
                return Err(PyValueError::new_err(format!(
                    "sequences of different lengths are no tensor: expected {expected} at depth \
                     {depth}, got length {n}"
                )));
            }
        }
        Ok(())
    }

    fn leaf(&self, depth: usize) -> PyResult<()> {
        if depth == self.shape.len() {
            return Ok(());
        }
        Err(PyValueError::new_err(format!(
            "sequences of different depths are no tensor: expected a sequence of length {} at \
             depth {depth}, got a number",
            self.shape.get(depth).copied().unwrap_or_default()
        )))
    }

    fn is_empty(&self) -> bool {
        match &self.numbers {
            Numbers::Bools(v) => v.is_empty(),
            Numbers::Ints(v) => v.is_empty(),
            Numbers::Floats(v) => v.is_empty(),
        }
    }

    fn number(&mut self, of: &Bound<'_, PyAny>) -> PyResult<()> {
        if of.is_exact_instance_of::<PyBool>() {
            self.bool(of.extract()?);
        } else if of.is_instance_of::<PyFloat>() {
            self.float(of.extract()?);
        } else if of.hasattr("__index__")? {
            match of.extract::<i64>() {
                Ok(i) => self.int(i),
                Err(_) => {
                    let what = format!("{} is outside the range of int64", of.repr()?);
                    return Err(pyo3::exceptions::PyOverflowError::new_err(what));
                }
            }
        } else if of.hasattr("__float__")? {
            self.float(of.extract()?);
        } else {
            let what = format!("{} is no number", of.get_type().name()?);
            return Err(PyTypeError::new_err(what));
        }
        Ok(())
    }

    fn bool(&mut self, b: bool) {
        match &mut self.numbers {
            Numbers::Bools(v) => v.push(b),
            Numbers::Ints(v) => v.push(i64::from(b)),
            Numbers::Floats(v) => v.push(f64::from(u8::from(b))),
        }
    }

    fn int(&mut self, i: i64) {
        if let Numbers::Bools(v) = &self.numbers {
            self.numbers = Numbers::Ints(v.iter().map(|&b| i64::from(b)).collect());
        }
        match &mut self.numbers {
            Numbers::Ints(v) => v.push(i),
            Numbers::Floats(v) => v.push(i as f64),
            Numbers::Bools(_) => {}
        }
    }

    fn float(&mut self, x: f64) {
        match &self.numbers {
            Numbers::Bools(v) => {
                let floats = v.iter().map(|&b| f64::from(u8::from(b))).collect();
                self.numbers = Numbers::Floats(floats);
            }
            Numbers::Ints(v) => {
                self.numbers = Numbers::Floats(v.iter().map(|&i| i as f64).collect());
            }
            Numbers::Floats(_) => {}
        }
        if let Numbers::Floats(v) = &mut self.numbers {
            v.push(x);
        }
    }
}

/// A tensor of what Python or numpy calls numbers; not tracked.
pub(crate) fn from_any(of: &Bound<'_, PyAny>, dtype: Option<DType>) -> PyResult<Tensor> {
    let cast = |x: Tensor| match dtype {
        Some(dtype) => sure(|| x.to_dtype(dtype)),
        None => Ok(x),
    };
    if let Ok(tensor) = of.cast::<PyTensor>() {
        return cast(tensor.get().tensor().detach());
    }
    let is_number = of.is_instance_of::<PyFloat>() || of.is_instance_of::<PyInt>();
    if !is_number && of.hasattr("__array_interface__")? {
        return cast(memory::from_interface(of, Copying::AsNeeded)?);
    }
    if !is_number && (of.hasattr("__arrow_c_array__")? || of.hasattr("__arrow_c_stream__")?) {
        return cast(crate::arrow::column(of)?);
    }
    if !is_number && of.hasattr("__dlpack__")? {
        return cast(crate::dlpack::import(of, Copying::AsNeeded)?);
    }
    let mut nest = Nest { shape: vec![], numbers: Numbers::Bools(vec![]) };
    nest.read(of, 0)?;
    let shape = nest.shape;
    run(|| match nest.numbers {
        Numbers::Bools(v) if v.is_empty() => typed(&[0.0; 0], &shape, dtype),
        Numbers::Bools(v) => typed(&v, &shape, dtype.or(Some(DType::Bool))),
        Numbers::Ints(v) => typed(&v, &shape, dtype.or(Some(DType::I64))),
        Numbers::Floats(v) => typed(&v, &shape, dtype),
    })
}

/// Numbers of a shape as a tensor of a type.
fn typed<T: Element>(numbers: &[T], shape: &[usize], to: Option<DType>) -> Result<Tensor> {
    fn cast<T: Element, U: Element>(numbers: &[T], shape: &[usize]) -> Result<Tensor> {
        Tensor::from_vec(numbers.iter().map(|x| U::from_scalar(x.to_scalar())).collect(), shape)
    }
    match to.unwrap_or(dtype::default()) {
        DType::Bool => cast::<T, bool>(numbers, shape),
        DType::U8 => cast::<T, u8>(numbers, shape),
        DType::I32 => Ok(cast::<T, i32>(numbers, shape)?.to_dtype(DType::I32)),
        DType::I64 => cast::<T, i64>(numbers, shape),
        DType::F32 => cast::<T, f32>(numbers, shape),
        DType::F64 => cast::<T, f64>(numbers, shape),
    }
}

/// A new tensor that perhaps requires gradients.
fn new(tensor: Tensor, requires_grad: bool) -> PyResult<PyTensor> {
    match requires_grad {
        true => run(|| tensor.try_requires_grad()).map(PyTensor::given),
        false => Ok(PyTensor::given(tensor)),
    }
}

fn of_type(given: Option<AnyDType>) -> DType {
    given.map_or_else(dtype::default, |d| d.0)
}

/// A tensor of given numbers: a number, nested sequences, an array, another tensor (copied).
///
/// The element type is that of the numbers: `bool`, `int64`, or the default float type.
///
///     >>> tensor([[1.0, 2.0], [3.0, 4.0]])
///     tensor([[1., 2.],
///             [3., 4.]])
#[pyfunction]
#[pyo3(signature = (data, *, dtype=None, device=None, requires_grad=false))]
fn tensor(
    data: &Bound<'_, PyAny>,
    dtype: Option<AnyDType>,
    device: Option<Bound<'_, PyAny>>,
    requires_grad: bool,
) -> PyResult<PyTensor> {
    cpu(device.as_ref())?;
    new(from_any(data, dtype.map(|d| d.0))?, requires_grad)
}

/// A device by name: there is only the processor.
pub(crate) fn cpu(device: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
    let Some(device) = device else { return Ok(()) };
    let name = device.str()?.to_string();
    match &*name {
        "cpu" | "cpu:0" => Ok(()),
        _ => Err(PyRuntimeError::new_err(format!(
            "there is no device {name:?}\n  hint: chainrule computes on the processor: \"cpu\""
        ))),
    }
}

/// The numbers `start, start + step, …` before `end`.
///
///     >>> arange(4.0)
///     tensor([0., 1., 2., 3.])
#[pyfunction]
#[pyo3(signature = (start, end=None, step=None, *, dtype=None, requires_grad=false))]
fn arange(
    start: Operand,
    end: Option<Operand>,
    step: Option<Operand>,
    dtype: Option<AnyDType>,
    requires_grad: bool,
) -> PyResult<PyTensor> {
    let (start, end) = match end {
        Some(end) => (start, end),
        None => (Operand::Int(0), start),
    };
    let step = step.unwrap_or(Operand::Int(1));
    let whole =
        [&start, &end, &step].iter().all(|n| matches!(n, Operand::Int(_) | Operand::Bool(_)));
    let tensor = match whole {
        true => {
            let [a, b, s] = [int(start), int(end), int(step)];
            if s == 0 || (b - a).signum() * s.signum() < 0 {
                return Err(PyRuntimeError::new_err(
                    "`arange` needs a step that leads from start to end",
                ));
            }
            sure(|| Tensor::arange(a, b, s))?
        }
        false => {
            let [a, b, s] = [float(start)?, float(end)?, float(step)?];
            if s == 0.0 || (b - a) * s < 0.0 {
                return Err(PyRuntimeError::new_err(
                    "`arange` needs a step that leads from start to end",
                ));
            }
            let to = of_type(None);
            sure(|| Tensor::arange(a, b, s).to_dtype(to))?
        }
    };
    new(dtype.map_or(Ok(tensor.clone()), |d| sure(|| tensor.to_dtype(d.0)))?, requires_grad)
}

fn int(of: Operand) -> i64 {
    match of {
        Operand::Int(i) => i,
        Operand::Bool(b) => i64::from(b),
        Operand::Float(_) | Operand::Tensor(_) => 0,
    }
}

/// A single number.
pub(crate) fn float(of: Operand) -> PyResult<f64> {
    Ok(match of {
        Operand::Int(i) => i as f64,
        Operand::Bool(b) => f64::from(u8::from(b)),
        Operand::Float(x) => x,
        Operand::Tensor(x) => run(|| x.item::<f64>())?,
    })
}

/// `steps` numbers from `start` to `end`, both included, at equal distances.
#[pyfunction]
#[pyo3(signature = (start, end, steps, *, dtype=None, requires_grad=false))]
fn linspace(
    start: Operand,
    end: Operand,
    steps: i64,
    dtype: Option<AnyDType>,
    requires_grad: bool,
) -> PyResult<PyTensor> {
    let steps = usize::try_from(steps)
        .map_err(|_| PyRuntimeError::new_err("`linspace` needs 0 steps or more"))?;
    let (start, end) = (float(start)?, float(end)?);
    let to = of_type(dtype);
    new(sure(|| Tensor::linspace(start, end, steps).to_dtype(to))?, requires_grad)
}

macro_rules! filled {
    ($($(#[$doc:meta])* $name:ident $like:ident $number:expr;)*) => { $(
        $(#[$doc])*
        #[pyfunction]
        #[pyo3(signature = (*size, dtype=None, requires_grad=false))]
        fn $name(
            size: &Bound<'_, PyTuple>,
            dtype: Option<AnyDType>,
            requires_grad: bool,
        ) -> PyResult<PyTensor> {
            let (shape, to) = (numbers(size)?, of_type(dtype));
            let one: f32 = $number;
            new(sure(|| Tensor::full(&shape, one).to_dtype(to))?, requires_grad)
        }

        #[doc = concat!("`", stringify!($name), "` of the shape and type of a tensor.")]
        #[pyfunction]
        #[pyo3(signature = (input, *, dtype=None, requires_grad=false))]
        fn $like(
            input: &PyTensor,
            dtype: Option<AnyDType>,
            requires_grad: bool,
        ) -> PyResult<PyTensor> {
            let x = input.tensor();
            let to = dtype.map_or(x.dtype(), |d| d.0);
            let one: f32 = $number;
            new(sure(|| Tensor::full(x.shape(), one).to_dtype(to))?, requires_grad)
        }
    )* };
}
filled! {
    /// Zeros: `zeros(2, 3)` or `zeros((2, 3))`.
    zeros zeros_like 0.0;
    /// Ones: `ones(2, 3)` or `ones((2, 3))`.
    ones ones_like 1.0;
    /// A tensor whose numbers do not matter; they are zeros.
    empty empty_like 0.0;
}

/// One number everywhere.
#[pyfunction]
#[pyo3(signature = (size, fill_value, *, dtype=None, requires_grad=false))]
fn full(
    size: &Bound<'_, PyAny>,
    fill_value: Operand,
    dtype: Option<AnyDType>,
    requires_grad: bool,
) -> PyResult<PyTensor> {
    let shape = match size.extract::<i64>() {
        Ok(n) => vec![n],
        Err(_) => size.extract()?,
    };
    let to = dtype.map(|d| d.0);
    new(constant(&shape, fill_value, to)?, requires_grad)
}

/// One number everywhere, of a shape and type.
fn constant(shape: &[i64], value: Operand, to: Option<DType>) -> PyResult<Tensor> {
    sure(|| {
        let x = match value {
            Operand::Bool(b) => Tensor::full(shape, b),
            Operand::Int(i) => Tensor::full(shape, i),
            Operand::Float(x) if to.unwrap_or(dtype::default()) == DType::F32 => {
                Tensor::full(shape, x as f32)
            }
            Operand::Float(x) => Tensor::full(shape, x),
            Operand::Tensor(x) => x.expand(shape),
        };
        to.map_or(x.clone(), |to| x.to_dtype(to))
    })
}

/// One number everywhere, in the shape and type of a tensor.
#[pyfunction]
#[pyo3(signature = (input, fill_value, *, dtype=None, requires_grad=false))]
fn full_like(
    input: &PyTensor,
    fill_value: Operand,
    dtype: Option<AnyDType>,
    requires_grad: bool,
) -> PyResult<PyTensor> {
    let x = input.tensor();
    let shape: Vec<i64> = x.shape().iter().map(|&n| n as i64).collect();
    let to = dtype.map_or(x.dtype(), |d| d.0);
    new(constant(&shape, fill_value, Some(to))?, requires_grad)
}

/// The identity matrix of n rows, and m columns if given.
#[pyfunction]
#[pyo3(signature = (n, m=None, *, dtype=None, requires_grad=false))]
fn eye(
    n: usize,
    m: Option<usize>,
    dtype: Option<AnyDType>,
    requires_grad: bool,
) -> PyResult<PyTensor> {
    let (to, m) = (of_type(dtype), m.unwrap_or(n));
    let x = run(|| {
        let square = Tensor::eye(n.max(m)).to_dtype(to);
        square.try_slice(0, 0..n)?.try_slice(1, 0..m)
    })?;
    new(x, requires_grad)
}

macro_rules! random {
    ($($(#[$doc:meta])* $name:ident $like:ident $single:ident $double:ident;)*) => { $(
        $(#[$doc])*
        #[pyfunction]
        #[pyo3(signature = (*size, dtype=None, requires_grad=false))]
        fn $name(
            size: &Bound<'_, PyTuple>,
            dtype: Option<AnyDType>,
            requires_grad: bool,
        ) -> PyResult<PyTensor> {
            let shape = numbers(size)?;
            let x = match of_type(dtype) {
                DType::F64 => sure(|| Tensor::$double(&shape))?,
                to => sure(|| Tensor::$single(&shape).to_dtype(to))?,
            };
            new(x, requires_grad)
        }

        #[doc = concat!("`", stringify!($name), "` of the shape and type of a tensor.")]
        #[pyfunction]
        #[pyo3(signature = (input, *, dtype=None, requires_grad=false))]
        fn $like(
            input: &PyTensor,
            dtype: Option<AnyDType>,
            requires_grad: bool,
        ) -> PyResult<PyTensor> {
            let like = input.tensor();
            let x = match dtype.map_or(like.dtype(), |d| d.0) {
                DType::F64 => sure(|| Tensor::$double(like.shape()))?,
                to => sure(|| Tensor::$single(like.shape()).to_dtype(to))?,
            };
            new(x, requires_grad)
        }
    )* };
}
random! {
    /// Uniform random numbers in [0, 1).
    rand rand_like rand rand_f64;
    /// Standard normal random numbers.
    randn randn_like randn randn_f64;
}

/// The numbers 0 … n−1 in random order.
#[pyfunction]
fn randperm(n: usize) -> PyResult<PyTensor> {
    sure(|| Tensor::randperm(n)).map(PyTensor::given)
}

/// Random integers from `low` to `high − 1`.
#[pyfunction]
#[pyo3(signature = (low, high=None, size=None))]
fn randint(low: i64, high: Option<Bound<'_, PyAny>>, size: Option<Vec<i64>>) -> PyResult<PyTensor> {
    let (low, high, size) = match (high, size) {
        (Some(high), Some(size)) => (low, high.extract::<i64>()?, size),
        (Some(size), None) => (0, low, size.extract()?),
        _ => {
            return Err(PyTypeError::new_err("`randint` needs the size: randint(low, high, size)"));
        }
    };
    if low >= high {
        return Err(PyRuntimeError::new_err(format!("`randint` from {low} to {high} is empty")));
    }
    let width = (high as f64) - (low as f64);
    let x = run(|| {
        let u = Tensor::rand_f64(&size) * width + low as f64;
        Ok(u.floor().to_dtype(DType::I64))
    })?;
    Ok(PyTensor::given(x))
}

/// Sets the seed of the random tensors made from now on, on all threads.
#[pyfunction]
#[pyo3(name = "manual_seed")]
fn seed(seed: i64) {
    manual_seed(seed as u64);
}

/// The state of the generator.
#[pyfunction]
fn get_rng_state() -> (u64, u64) {
    rng_state()
}

/// Goes on drawing as if from a state.
#[pyfunction]
#[pyo3(name = "set_rng_state")]
fn set_state(state: (u64, u64)) {
    set_rng_state(state);
}

/// A tensor of what numpy can make an array of; a tensor of the type stays itself.
#[pyfunction]
#[pyo3(signature = (data, dtype=None))]
fn as_tensor(data: &Bound<'_, PyAny>, dtype: Option<AnyDType>) -> PyResult<Py<PyAny>> {
    let py = data.py();
    let to = dtype.map(|d| d.0);
    if let Ok(x) = data.cast::<PyTensor>() {
        let tensor = x.get().tensor();
        return match to {
            Some(to) if to != tensor.dtype() => {
                let cast = sure(|| tensor.to_dtype(to))?;
                Ok(Py::new(py, PyTensor::made("to_copy", cast))?.into_any())
            }
            _ => Ok(data.clone().unbind()),
        };
    }
    Ok(Py::new(py, PyTensor::given(from_any(data, to)?))?.into_any())
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    macro_rules! add {
        ($($name:ident)*) => { $( m.add_function(wrap_pyfunction!($name, m)?)?; )* };
    }
    add! {
        tensor as_tensor arange linspace zeros zeros_like ones ones_like empty empty_like full
        full_like eye rand rand_like randn randn_like randperm randint seed get_rng_state set_state
    }
    Ok(())
}
