//! Looking at tensors: shape, numbers, gradients.

use std::panic::Location;

use crate::error::{Error, ErrorKind, Result, or_raise};
use crate::exec::{dense, realize};
use crate::graph::Tensor;
use crate::op::{DType, Element, Op, Scalar};
use crate::place::Place;

impl Tensor {
    /// The length of each axis.
    pub fn shape(&self) -> &[usize] {
        &self.0.shape
    }

    /// The element type.
    pub fn dtype(&self) -> DType {
        self.0.dtype
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.0.shape.len()
    }

    /// The number of elements.
    #[allow(clippy::len_without_is_empty)] // an empty tensor is not a special case
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether derivatives flow through this tensor to some parameter.
    pub fn tracks_grad(&self) -> bool {
        self.0.tracks()
    }

    /// Whether this is a parameter: a cell that gathers gradients and can be assigned.
    pub fn is_parameter(&self) -> bool {
        self.cell().is_some()
    }

    /// The operation that made this tensor; `None` for given numbers and parameters.
    pub fn grad_fn(&self) -> Option<&str> {
        match &self.0.op {
            Op::Leaf | Op::Parameter | Op::Version => None,
            op => Some(op.name()),
        }
    }

    /// The name given with [`named`](Self::named).
    pub fn name(&self) -> Option<&str> {
        self.0.name.get().map(|n| &**n)
    }

    /// Names the tensor, for errors, printing and pictures. The first name stays.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Tensor {
        self.set_name(&name.into());
        self
    }

    /// Makes the tensor a parameter: gradients of what is computed from it can be asked for.
    ///
    /// # Panics
    /// If the elements are not floating-point numbers, which have no derivatives; see
    /// [`try_requires_grad`](Self::try_requires_grad).
    #[track_caller]
    #[must_use]
    pub fn requires_grad(self) -> Tensor {
        or_raise(self.try_requires_grad())
    }

    /// [`requires_grad`](Self::requires_grad), with mistakes as errors.
    ///
    /// # Errors
    /// If the elements are not floating-point numbers.
    #[track_caller]
    pub fn try_requires_grad(self) -> Result<Tensor> {
        if !self.dtype().is_float() {
            let what = format!("a tensor of {} cannot require gradients", self.dtype());
            return Err(Error::new(ErrorKind::DType, what, Location::caller())
                .operand(self.operand("tensor"))
                .hint(
                    "only floating-point numbers have derivatives: write them as `1.0`, or \
                     convert with `.to_dtype(DType::F64)`",
                ));
        }
        Ok(self.into_parameter())
    }

    /// The gradient gathered by [`backward`](Self::backward) since the last
    /// [`zero_grad`](Self::zero_grad); `None` if there is none, or this is neither a parameter nor
    /// keeps its gradient. [`try_grad`](Self::try_grad) says which.
    pub fn grad(&self) -> Option<Tensor> {
        match self.cell() {
            Some(parameter) => parameter.grad().clone(),
            None => self.extra().get()?.retained().clone()?,
        }
    }

    /// Makes `gradient` the one gathered so far, in the place of what [`backward`](Self::backward)
    /// gathered.
    ///
    /// # Errors
    /// If this is no parameter, or the gradient has another shape or element type.
    #[track_caller]
    pub fn set_grad(&self, gradient: &Tensor) -> Result<()> {
        let here = Place::caller();
        let Some(parameter) = self.cell() else {
            let what = "only parameters have gradients that can be set";
            return Err(Error::new(ErrorKind::NoGraph, what, here)
                .operand(self.operand("tensor"))
                .hint("make it a parameter with `.requires_grad()`"));
        };
        if self.0.shape != gradient.0.shape || self.0.dtype != gradient.0.dtype {
            let same = self.0.dtype == gradient.0.dtype;
            let kind = if same { ErrorKind::Shape } else { ErrorKind::DType };
            let what = format!(
                "a gradient of {} {:?} for a parameter of {} {:?}",
                gradient.dtype(),
                gradient.shape(),
                self.dtype(),
                self.shape()
            );
            return Err(Error::new(kind, what, here)
                .hint("a gradient has the shape and element type of its parameter"));
        }
        let old = parameter.grad().replace(gradient.source());
        drop(old); // after the lock is released
        Ok(())
    }

    /// Forgets the gradient gathered so far.
    pub fn zero_grad(&self) {
        let old = match self.cell() {
            Some(parameter) => parameter.grad().take(),
            None => self.extra().get().and_then(|e| e.retained().as_mut().and_then(Option::take)),
        };
        drop(old);
    }

    /// The same numbers, for which no derivative flows back.
    #[track_caller]
    #[must_use]
    pub fn detach(&self) -> Tensor {
        self.cut_off()
    }

    /// Gives a parameter a new value. Graphs recorded before keep the old one.
    ///
    /// # Errors
    /// If this is no parameter, or the new value has another shape or element type.
    #[track_caller]
    pub fn assign(&self, new: &Tensor) -> Result<()> {
        let here = Place::caller();
        let Some(parameter) = self.cell() else {
            let what = "`assign` on a tensor that is no parameter";
            return Err(Error::new(ErrorKind::Data, what, here)
                .operand(self.operand("tensor"))
                .hint(
                    "tensors never change: make a parameter with `.requires_grad()`, or give the \
                     variable a new tensor",
                ));
        };
        if self.0.shape != new.0.shape || self.0.dtype != new.0.dtype {
            let kind =
                if self.0.dtype == new.0.dtype { ErrorKind::Shape } else { ErrorKind::DType };
            let what = format!(
                "`assign` of {} {:?} to a parameter of {} {:?}",
                new.dtype(),
                new.shape(),
                self.dtype(),
                self.shape()
            );
            return Err(Error::new(kind, what, here)
                .operand(self.operand("parameter"))
                .operand(new.operand("new"))
                .hint(
                    "a parameter keeps its shape and element type: `.reshape` or `.to_dtype` the \
                     new value",
                ));
        }
        self.set_version(parameter, new);
        Ok(())
    }

    /// The one number of a tensor with one element, converted to `T`.
    ///
    /// # Errors
    /// If there is not exactly one element, or an index in the computation was out of range.
    #[track_caller]
    pub fn item<T: Element>(&self) -> Result<T> {
        if self.len() != 1 {
            let what = format!("`item` on a tensor with {} elements", self.len());
            let hint = match self.len() {
                0 => "it is empty: check where the data were lost",
                _ => {
                    "reduce it with `.mean()`, pick one with `.i(…)`, or read all with `.to_vec()`"
                }
            };
            return Err(Error::new(ErrorKind::NonScalar, what, Location::caller())
                .operand(self.operand("tensor"))
                .hint(hint));
        }
        Ok(self.to_vec::<T>()?[0])
    }

    /// That every number can become an integer.
    fn check_finite(&self, here: Place) -> Result<()> {
        let numbers = self.to_vec::<f64>()?;
        let Some(i) = numbers.iter().position(|x| !x.is_finite()) else { return Ok(()) };
        let what = format!("{} cannot become an integer", numbers[i]);
        let bad = numbers.iter().filter(|x| !x.is_finite()).count();
        Err(Error::new(ErrorKind::NonFinite, what, here).operand(self.operand("tensor")).hint(
            format!(
                "element {i} is the first of {bad} that are not finite: read floating-point \
                 numbers, or replace them, as in `x.isfinite().where_(&x, 0.0)`"
            ),
        ))
    }

    /// All numbers in row-major order, converted to `T`.
    ///
    /// # Errors
    /// If an index in the computation was out of range, or integers are asked for and a number is
    /// NaN or infinite.
    #[track_caller]
    pub fn to_vec<T: Element>(&self) -> Result<Vec<T>> {
        let x = self.source();
        if let Some(c) = x.as_constant() {
            return Ok(vec![T::from_scalar(c); x.len()]);
        }
        realize(&[&x])?;
        if T::DTYPE == DType::I64 && x.0.dtype.is_float() {
            x.check_finite(Place::caller())?;
        }
        let Some(value) = x.0.value.get() else { unreachable!("`realize` stores the value") };
        let numbers = |bytes: &[u8]| -> Vec<T> {
            fn all<S: Element, T: Element>(x: &[S::Stored], load: fn(S::Stored) -> S) -> Vec<T> {
                x.iter().map(|&v| T::from_scalar(load(v).to_scalar())).collect()
            }
            match x.0.dtype {
                DType::Bool => {
                    bytes.iter().map(|&b| T::from_scalar(Scalar::Bool(b != 0))).collect()
                }
                DType::U8 => all::<u8, T>(bytes, |v| v),
                DType::I32 => bytemuck::cast_slice::<u8, i32>(bytes)
                    .iter()
                    .map(|&i| T::from_scalar(Scalar::Int(i.into())))
                    .collect(),
                DType::I64 => all::<i64, T>(bytemuck::cast_slice(bytes), |v| v),
                DType::F32 => all::<f32, T>(bytemuck::cast_slice(bytes), |v| v),
                DType::F64 => all::<f64, T>(bytemuck::cast_slice(bytes), |v| v),
            }
        };
        match &value.layout {
            None => Ok(numbers(&value.buffer.bytes()[..x.len() * x.0.dtype.size()])),
            Some(_) => Ok(numbers(dense(value, &x.0.shape, x.0.dtype.size()).bytes())),
        }
    }
}
