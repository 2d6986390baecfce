//! The class `Tensor`: a handle on one of the engine's tensors.
//!
//! The engine's tensors never change. A method that changes a tensor in Python (`add_`, `x[i] = v`,
//! `requires_grad_`) gives the *handle* another tensor. Two handles therefore never see each
//! other's changes, with three exceptions where users rely on it: a parameter is a cell and keeps
//! its identity, and `x.grad` and `x.data` are handles that write through to `x`.

use std::sync::{Mutex, PoisonError};

use chainrule::{DType, Operand as _, Result, Tensor, is_grad_enabled};
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt};

use crate::errors::{run, sure};

/// A multi-dimensional array of numbers, and how it came about.
///
/// Operations are recorded and computed when numbers are asked for. Operations on a tensor that
/// requires gradients can be differentiated with `backward`, which adds to `grad`.
#[pyclass(name = "Tensor", module = "chainrule", frozen, subclass, weakref)]
pub(crate) struct PyTensor(Mutex<Held>);

/// What a handle holds.
#[derive(Clone)]
struct Held {
    tensor: Tensor,
    /// The method that made it, by torch's name.
    by: &'static str,
    through: Through,
}

/// Where changes go besides into the handle.
#[derive(Clone)]
enum Through {
    Nothing,
    /// The gradient of this parameter.
    Grad(Tensor),
    /// The value of this parameter.
    Data(Tensor),
}

impl PyTensor {
    /// A handle on what the method `by` made.
    pub(crate) fn made(by: &'static str, tensor: Tensor) -> PyTensor {
        PyTensor(Mutex::new(Held { tensor, by, through: Through::Nothing }))
    }

    /// A handle on given numbers.
    pub(crate) fn given(tensor: Tensor) -> PyTensor {
        PyTensor::made("", tensor)
    }

    /// The gradient of `parameter`: changes of the handle are changes of the gradient.
    pub(crate) fn grad_of(parameter: Tensor, tensor: Tensor) -> PyTensor {
        PyTensor(Mutex::new(Held { tensor, by: "", through: Through::Grad(parameter) }))
    }

    /// The value of `parameter`: changes of the handle are changes of the value.
    pub(crate) fn data_of(parameter: Tensor, tensor: Tensor) -> PyTensor {
        PyTensor(Mutex::new(Held { tensor, by: "", through: Through::Data(parameter) }))
    }

    fn with<R>(&self, f: impl FnOnce(&mut Held) -> R) -> R {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The tensor.
    #[inline]
    pub(crate) fn tensor(&self) -> Tensor {
        self.with(|held| held.tensor.clone())
    }

    /// The method that made it, by torch's name.
    pub(crate) fn by(&self) -> &'static str {
        self.with(|held| held.by)
    }

    /// What a method makes of the tensor.
    #[inline]
    pub(crate) fn make(
        &self,
        by: &'static str,
        f: impl FnOnce(&Tensor) -> Result<Tensor>,
    ) -> PyResult<PyTensor> {
        let x = self.tensor();
        run(|| f(&x)).map(|y| PyTensor::made(by, y))
    }

    /// Gives the handle another tensor, made by `by`; as it is, whatever it is.
    pub(crate) fn replace(&self, by: &'static str, tensor: Tensor) {
        let old = self.with(|held| {
            let new = Held { tensor, by, through: Through::Nothing };
            std::mem::replace(held, new)
        });
        drop(old); // after the lock is released
    }

    /// An in-place method: the handle stands for `new` from now on. A parameter takes it as its
    /// value, which needs recording to be off.
    pub(crate) fn rebind(&self, by: &'static str, new: &Tensor) -> PyResult<()> {
        let held = self.with(|held| held.clone());
        if held.tensor.is_parameter() {
            if is_grad_enabled() {
                return Err(PyRuntimeError::new_err(
                    "an in-place operation on a parameter would cut it from its gradients\n  hint: \
                     change parameters inside `with no_grad():`, or compute a new tensor",
                ));
            }
            return run(|| held.tensor.assign(&fit(new, &held.tensor)?));
        }
        match held.through {
            Through::Nothing => {}
            Through::Grad(parameter) => {
                run(|| parameter.set_grad(&fit(new, &parameter)?.detach()))?;
            }
            Through::Data(parameter) => {
                run(|| parameter.assign(&fit(new, &parameter)?.detach()))?;
            }
        }
        let new = run(|| fit(new, &held.tensor))?;
        let old = self.with(|held| {
            held.by = by;
            std::mem::replace(&mut held.tensor, new)
        });
        drop(old);
        Ok(())
    }
}

/// `new` as an in-place operation stores it: of the shape and type of `old`.
fn fit(new: &Tensor, old: &Tensor) -> Result<Tensor> {
    let new = new.to_dtype(old.dtype());
    if new.shape() == old.shape() { Ok(new) } else { new.try_expand(old.shape()) }
}

/// The other operand of an operation: a tensor, a number, or what numpy can make an array of.
pub(crate) enum Operand {
    Tensor(Tensor),
    Bool(bool),
    Int(i64),
    Float(f64),
}

impl<'a, 'py> FromPyObject<'a, 'py> for Operand {
    type Error = PyErr;
    #[inline]
    fn extract(of: Borrowed<'a, 'py, PyAny>) -> PyResult<Operand> {
        if let Ok(tensor) = of.cast::<PyTensor>() {
            return Ok(Operand::Tensor(tensor.get().tensor()));
        }
        if let Ok(x) = of.cast_exact::<PyFloat>() {
            return Ok(Operand::Float(x.value()));
        }
        if of.is_exact_instance_of::<PyBool>() {
            return Ok(Operand::Bool(of.extract()?));
        }
        if of.is_instance_of::<PyInt>() {
            return match of.extract() {
                Ok(i) => Ok(Operand::Int(i)),
                Err(_) => Ok(Operand::Float(of.extract()?)),
            };
        }
        if of.is_instance_of::<PyFloat>() {
            return Ok(Operand::Float(of.extract()?));
        }
        if of.hasattr("__array_interface__")? || of.hasattr("__dlpack__")? {
            return Ok(Operand::Tensor(crate::make::from_any(&of, None)?));
        }
        Err(PyTypeError::new_err(format!(
            "expected a tensor or a number, got {}",
            of.get_type().name()?
        )))
    }
}

impl Operand {
    /// As a tensor that stands beside `x`. Between tensors, one of a single number gives way to the
    /// type of one with axes if that is of the same kind or a wider one, as in torch.
    pub(crate) fn beside(self, x: &Tensor) -> Tensor {
        match self {
            Operand::Bool(b) => b.beside(x),
            Operand::Int(i) => i.beside(x),
            Operand::Float(f) => f.beside(x),
            Operand::Tensor(y) if y.dtype() != x.dtype() && gives_way(&y, x) => {
                y.to_dtype(x.dtype())
            }
            Operand::Tensor(y) => y,
        }
    }

    /// As a tensor of its own.
    pub(crate) fn alone(self) -> Tensor {
        match self {
            Operand::Tensor(x) => x,
            Operand::Bool(b) => Tensor::from(b),
            Operand::Int(i) => Tensor::from(i),
            Operand::Float(x) if crate::dtype::default() == DType::F32 => Tensor::from(x as f32),
            Operand::Float(x) => Tensor::from(x),
        }
    }
}

/// Both operands, each beside the other.
pub(crate) fn pair(x: Tensor, y: Operand) -> (Tensor, Tensor) {
    let y = y.beside(&x);
    if x.dtype() != y.dtype() && gives_way(&x, &y) {
        return (x.to_dtype(y.dtype()), y);
    }
    (x, y)
}

fn gives_way(y: &Tensor, x: &Tensor) -> bool {
    let kind = |t: &Tensor| match t.dtype() {
        DType::Bool => 0,
        DType::U8 | DType::I32 | DType::I64 => 1,
        DType::F32 | DType::F64 => 2,
    };
    y.rank() == 0 && x.rank() > 0 && kind(y) <= kind(x)
}

/// A tensor as an argument: a handle, or what numpy can make an array of.
pub(crate) struct Arg(pub(crate) Tensor);

impl<'a, 'py> FromPyObject<'a, 'py> for Arg {
    type Error = PyErr;
    fn extract(of: Borrowed<'a, 'py, PyAny>) -> PyResult<Arg> {
        let operand: Operand = of.extract()?;
        sure(|| operand.alone()).map(Arg)
    }
}
