//! Operators, comparisons, and functions of two tensors.

#![allow(unsafe_op_in_unsafe_fn)] // in what pyo3 makes of methods that are listed by a macro

use chainrule::{DType, Result, Tensor};
use pyo3::exceptions::{PyOverflowError, PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::pyclass::CompareOp;

use crate::errors::{run, sure};
use crate::tensor::{Arg, Operand, PyTensor, pair};

/// What an operation of two tensors makes.
type Two = fn(&Tensor, &Tensor) -> Result<Tensor>;

impl PyTensor {
    /// `f(self, other)`.
    #[inline]
    pub(crate) fn two(&self, by: &'static str, other: Operand, f: Two) -> PyResult<PyTensor> {
        let x = roomy(by, self.tensor(), &other)?;
        run(|| {
            let (x, y) = pair(x, other);
            f(&x, &y)
        })
        .map(|z| PyTensor::made(by, z))
    }

    /// `f(other, self)`.
    fn two_reflected(&self, by: &'static str, other: Operand, f: Two) -> PyResult<PyTensor> {
        let y = roomy(by, self.tensor(), &other)?;
        run(|| {
            let (y, x) = pair(y, other);
            f(&x, &y)
        })
        .map(|z| PyTensor::made(by, z))
    }

    /// `self` becomes `f(self, other)`.
    fn two_in_place(&self, by: &'static str, other: Operand, f: Two) -> PyResult<()> {
        let new = self.two(by, other, f)?.tensor();
        self.rebind(by, &new)
    }

    fn power(&self, exponent: Operand) -> PyResult<PyTensor> {
        let x = self.tensor();
        match exponent {
            Operand::Int(n) if n < 0 && !x.dtype().is_float() => Err(PyRuntimeError::new_err(
                "integers to negative integer powers are not whole\n  hint: convert them with \
                 `.to(float64)` first",
            )),
            Operand::Int(n) if i32::try_from(n).is_ok() => {
                run(|| x.try_powi(n as i32)).map(|y| PyTensor::made("pow", y))
            }
            Operand::Float(p) => run(|| x.try_powf(p)).map(|y| PyTensor::made("pow", y)),
            other => self.two("pow", other, |x, y| x.try_pow(y)),
        }
    }
}

/// That an operand is no fraction, and has bits.
fn discrete(x: &Tensor, other: &Operand) -> PyResult<()> {
    let float = match other {
        Operand::Tensor(y) => y.dtype().is_float(),
        other => matches!(other, Operand::Float(_)),
    };
    if !x.dtype().is_float() && !float {
        return Ok(());
    }
    Err(PyTypeError::new_err(
        "`&`, `|`, `^`, `~`, `<<` and `>>` are for truth values and integers\n  hint: compare \
         first, as in `(x > 0) & (y > 0)`",
    ))
}

/// The tensor, if a whole number beside it fits its type; compared are all numbers.
fn roomy(by: &str, x: Tensor, other: &Operand) -> PyResult<Tensor> {
    let range = match x.dtype() {
        DType::U8 => 0..=255,
        DType::I32 => i64::from(i32::MIN)..=i64::from(i32::MAX),
        _ => return Ok(x),
    };
    match other {
        Operand::Int(i) if !range.contains(i) => match by {
            "eq" | "ne" | "lt" | "le" | "gt" | "ge" => sure(|| x.to_dtype(DType::I64)),
            _ => Err(PyOverflowError::new_err(format!(
                "{i} is outside the range of {}\n  hint: convert the tensor with `.to(int64)` \
                 first",
                x.dtype()
            ))),
        },
        _ => Ok(x),
    }
}

/// x · 2^y of integers, wrapping: 0 where y is the width or more.
fn shift_left(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    let power = Tensor::from(2i64).try_pow(y.to_dtype(DType::I64))?;
    let (dtype, all) = (x.dtype().promote(y.dtype()), y.try_ge(63)?);
    let last = x.to_dtype(DType::I64).try_mul(Tensor::from(i64::MIN))?;
    let last = y.try_eq(63)?.try_where(&last, 0)?;
    Ok(all.try_where(&last, &x.try_mul(&power)?)?.to_dtype(dtype))
}

/// ⌊x / 2^y⌋ of integers: the sign is what is left where y is the width or more.
fn shift_right(x: &Tensor, y: &Tensor) -> Result<Tensor> {
    let power = Tensor::from(2i64).try_pow(y.to_dtype(DType::I64))?;
    let dtype = x.dtype().promote(y.dtype());
    let sign = x.try_lt(0)?.to_dtype(DType::I64).neg();
    Ok(y.try_ge(63)?.try_where(&sign, &x.try_floor_divide(&power)?)?.to_dtype(dtype))
}

macro_rules! operators {
    ($($by:literal $plain:ident $reflected:ident $in_place:ident $f:expr;)*) => {
        #[pymethods]
        impl PyTensor { $(
            fn $plain(&self, other: Operand) -> PyResult<PyTensor> {
                self.two($by, other, $f)
            }
            fn $reflected(&self, other: Operand) -> PyResult<PyTensor> {
                self.two_reflected($by, other, $f)
            }
            fn $in_place(&self, other: Operand) -> PyResult<()> {
                self.two_in_place($by, other, $f)
            }
        )* }
    };
}

operators! {
    "add" __add__ __radd__ __iadd__ |x, y| x.try_add(y);
    "sub" __sub__ __rsub__ __isub__ |x, y| x.try_sub(y);
    "mul" __mul__ __rmul__ __imul__ |x, y| x.try_mul(y);
    "div" __truediv__ __rtruediv__ __itruediv__ |x, y| x.try_div(y);
    "remainder" __mod__ __rmod__ __imod__ |x, y| x.try_remainder(y);
    "floor_divide" __floordiv__ __rfloordiv__ __ifloordiv__ |x, y| x.try_floor_divide(y);
}

macro_rules! logic {
    ($($plain:ident $reflected:ident $name:ident $f:expr;)*) => {
        #[pymethods]
        impl PyTensor { $(
            fn $plain(&self, other: Operand) -> PyResult<PyTensor> {
                discrete(&self.tensor(), &other)?;
                self.two(stringify!($name), other, $f)
            }
            fn $reflected(&self, other: Operand) -> PyResult<PyTensor> {
                discrete(&self.tensor(), &other)?;
                self.two_reflected(stringify!($name), other, $f)
            }
            #[doc = "The operator on truth values, or on the bits of integers."]
            fn $name(&self, other: Operand) -> PyResult<PyTensor> {
                discrete(&self.tensor(), &other)?;
                self.two(stringify!($name), other, $f)
            }
        )* }
    };
}

logic! {
    __and__ __rand__ bitwise_and |x, y| x.try_bitwise_and(y);
    __or__ __ror__ bitwise_or |x, y| x.try_bitwise_or(y);
    __xor__ __rxor__ bitwise_xor |x, y| x.try_bitwise_xor(y);
    __lshift__ __rlshift__ bitwise_left_shift shift_left;
    __rshift__ __rrshift__ bitwise_right_shift shift_right;
}

/// Torch's name for a product of tensors with so many axes.
fn product_name(a: usize, b: usize) -> &'static str {
    match (a, b) {
        (1, 1) => "dot",
        (2, 2) => "mm",
        (2, 1) => "mv",
        (3, 3) => "bmm",
        _ => "unsafe_view",
    }
}

#[pymethods]
impl PyTensor {
    /// The matrix product over the last two axes, leading axes broadcasting, as the operator `@`.
    fn matmul(&self, other: Arg) -> PyResult<PyTensor> {
        let by = product_name(self.tensor().rank(), other.0.rank());
        self.two(by, Operand::Tensor(other.0), |x, y| x.try_matmul(y))
    }

    fn __matmul__(&self, other: Arg) -> PyResult<PyTensor> {
        self.matmul(other)
    }

    fn __rmatmul__(&self, other: Arg) -> PyResult<PyTensor> {
        let by = product_name(other.0.rank(), self.tensor().rank());
        self.two_reflected(by, Operand::Tensor(other.0), |x, y| x.try_matmul(y))
    }

    fn __imatmul__(&self, other: Arg) -> PyResult<()> {
        let new = self.matmul(other)?;
        self.rebind(new.by(), &new.tensor())
    }

    fn __pow__(&self, exponent: Operand, _modulo: Option<Py<PyAny>>) -> PyResult<PyTensor> {
        self.power(exponent)
    }

    fn __rpow__(&self, base: Operand, _modulo: Option<Py<PyAny>>) -> PyResult<PyTensor> {
        self.two_reflected("pow", base, |x, y| x.try_pow(y))
    }

    fn __ipow__(&self, exponent: Operand, _modulo: Option<Py<PyAny>>) -> PyResult<()> {
        let new = self.power(exponent)?.tensor();
        self.rebind("pow", &new)
    }

    /// x to the power y, element by element.
    #[pyo3(signature = (exponent))]
    fn pow(&self, exponent: Operand) -> PyResult<PyTensor> {
        self.power(exponent)
    }

    fn __neg__(&self) -> PyResult<PyTensor> {
        self.make("neg", |x| Ok(-x))
    }

    fn __pos__(&self) -> PyResult<PyTensor> {
        Ok(PyTensor::made(self.by(), self.tensor()))
    }

    fn __abs__(&self) -> PyResult<PyTensor> {
        self.make("abs", |x| Ok(x.abs()))
    }

    fn __invert__(&self) -> PyResult<PyTensor> {
        self.bitwise_not()
    }

    /// Not, of truth values; of integers, the opposite of every bit: −1 − x.
    fn bitwise_not(&self) -> PyResult<PyTensor> {
        discrete(&self.tensor(), &Operand::Bool(true))?;
        self.make("bitwise_not", |x| match x.dtype() {
            DType::Bool => Ok(x.logical_not()),
            _ => x.try_bitwise_xor(-1),
        })
    }

    fn __richcmp__(&self, other: Operand, op: CompareOp) -> PyResult<PyTensor> {
        match op {
            CompareOp::Eq => self.two("eq", other, |x, y| x.try_eq(y)),
            CompareOp::Ne => self.two("ne", other, |x, y| x.try_ne(y)),
            CompareOp::Lt => self.two("lt", other, |x, y| x.try_lt(y)),
            CompareOp::Le => self.two("le", other, |x, y| x.try_le(y)),
            CompareOp::Gt => self.two("gt", other, |x, y| x.try_gt(y)),
            CompareOp::Ge => self.two("ge", other, |x, y| x.try_ge(y)),
        }
    }

    /// x + alpha y.
    #[pyo3(signature = (other, *, alpha=None))]
    fn add(&self, other: Operand, alpha: Option<Operand>) -> PyResult<PyTensor> {
        let other = scaled(other, alpha)?;
        self.two("add", other, |x, y| x.try_add(y))
    }

    /// x − alpha y.
    #[pyo3(signature = (other, *, alpha=None))]
    fn sub(&self, other: Operand, alpha: Option<Operand>) -> PyResult<PyTensor> {
        let other = scaled(other, alpha)?;
        self.two("sub", other, |x, y| x.try_sub(y))
    }

    /// x / y; `rounding_mode` is `None`, `"floor"` or `"trunc"`.
    #[pyo3(signature = (other, *, rounding_mode=None))]
    fn div(&self, other: Operand, rounding_mode: Option<&str>) -> PyResult<PyTensor> {
        match rounding_mode {
            None => self.two("div", other, |x, y| x.try_div(y)),
            Some("floor") => self.two("div", other, |x, y| x.try_floor_divide(y)),
            Some("trunc") => self.two("div", other, |x, y| {
                let x = x.to_dtype(x.dtype().promote(y.dtype()));
                Ok(x.to_dtype(DType::F64).try_div(y)?.trunc().to_dtype(x.dtype()))
            }),
            Some(other) => Err(PyRuntimeError::new_err(format!(
                "{other:?} is no rounding mode\n  hint: there are None, \"floor\" and \"trunc\""
            ))),
        }
    }

    /// (1 − weight) x + weight end.
    fn lerp(&self, end: Arg, weight: Operand) -> PyResult<PyTensor> {
        let end = end.0;
        self.make("lerp", |x| {
            let weight = weight.beside(x);
            x.try_lerp(&end, &weight)
        })
    }

    /// `x` where the condition is true, else `y`, as the method of the condition's first choice.
    #[pyo3(name = "where", signature = (condition, other))]
    fn where_(&self, condition: Arg, other: Operand) -> PyResult<PyTensor> {
        let x = roomy("where", self.tensor(), &other)?;
        run(|| {
            let (x, y) = pair(x, other);
            condition.0.try_where(&x, &y)
        })
        .map(|y| PyTensor::made("where", y))
    }

    /// Numbers below `min` become `min`, above `max` become `max`; either may be a tensor or None.
    #[pyo3(signature = (min=None, max=None))]
    fn clamp(&self, min: Option<Operand>, max: Option<Operand>) -> PyResult<PyTensor> {
        let x = self.tensor();
        if min.is_none() && max.is_none() {
            return Err(PyRuntimeError::new_err("`clamp` needs a lower or an upper bound"));
        }
        for bound in min.iter().chain(&max) {
            roomy("clamp", x.clone(), bound)?;
        }
        // Bounds that are tensors share the derivative at ties, as torch's do not: choose.
        run(|| {
            let mut x = x;
            if let Some(low) = min {
                let (y, low) = pair(x, low);
                x = y.try_lt(&low)?.try_where(&low.try_add(y.zeros_like().detach())?, &y)?;
            }
            if let Some(high) = max {
                let (y, high) = pair(x, high);
                x = y.try_gt(&high)?.try_where(&high.try_add(y.zeros_like().detach())?, &y)?;
            }
            Ok(x)
        })
        .map(|y| PyTensor::made("clamp", y))
    }
}

/// `alpha` times an operand.
fn scaled(other: Operand, alpha: Option<Operand>) -> PyResult<Operand> {
    let Some(alpha) = alpha else { return Ok(other) };
    run(|| {
        let y = other.alone();
        let alpha = alpha.beside(&y);
        y.try_mul(&alpha)
    })
    .map(Operand::Tensor)
}

macro_rules! two {
    ($($(#[$doc:meta])* $name:ident $f:expr;)*) => {
        #[pymethods]
        impl PyTensor { $(
            $(#[$doc])*
            fn $name(&self, other: Operand) -> PyResult<PyTensor> {
                self.two(stringify!($name), other, $f)
            }
        )* }
    };
}

two! {
    /// x y, element by element, as the operator `*`.
    mul |x, y| x.try_mul(y);
    /// The remainder of x / y with the sign of y, as Python's `%`.
    remainder |x, y| x.try_remainder(y);
    /// The whole number below x / y, as Python's `//`.
    floor_divide |x, y| x.try_floor_divide(y);
    /// The remainder of x / y with the sign of x.
    fmod |x, y| x.try_fmod(y);
    /// The larger of each pair; equal ones share the derivative.
    maximum |x, y| x.try_maximum(y);
    /// The smaller of each pair; equal ones share the derivative.
    minimum |x, y| x.try_minimum(y);
    /// The angle of the points (other, self), in (−π, π].
    atan2 |x, y| x.try_atan2(y);
    /// √(x² + y²) without overflow.
    hypot |x, y| x.try_hypot(y);
    /// |x| with the sign of y.
    copysign |x, y| x.try_copysign(y);
    /// ln(eˣ + e^y) without overflow.
    logaddexp |x, y| x.try_logaddexp(y);
    /// x ln y, and 0 where x = 0.
    xlogy |x, y| x.try_xlogy(y);
    /// x = y, as truth values, as the operator `==`.
    eq |x, y| x.try_eq(y);
    /// x ≠ y, as truth values, as the operator `!=`.
    ne |x, y| x.try_ne(y);
    /// x < y, as truth values, as the operator `<`.
    lt |x, y| x.try_lt(y);
    /// x ≤ y, as truth values, as the operator `<=`.
    le |x, y| x.try_le(y);
    /// x > y, as truth values, as the operator `>`.
    gt |x, y| x.try_gt(y);
    /// x ≥ y, as truth values, as the operator `>=`.
    ge |x, y| x.try_ge(y);
    /// Both true (a number is true unless it is 0).
    logical_and |x, y| x.try_logical_and(y);
    /// At least one true.
    logical_or |x, y| x.try_logical_or(y);
    /// Exactly one true.
    logical_xor |x, y| x.try_logical_xor(y);
    /// Σ xᵢ yᵢ of two vectors.
    dot |x, y| x.try_dot(y);
}

#[pymethods]
impl PyTensor {
    /// The n-th derivative of the digamma function at x, as `polygamma(n, x)` with x this tensor.
    fn polygamma(&self, n: i64) -> PyResult<PyTensor> {
        self.make("polygamma", |x| Tensor::from(n).to_dtype(x.dtype()).try_polygamma(x))
    }
}
