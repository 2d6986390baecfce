//! Reductions, and what runs along axes.

use chainrule::{DType, Result, Tensor};
use pyo3::exceptions::{PyNotImplementedError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::dtype::AnyDType;
use crate::errors::{run, run_detached};
use crate::tensor::{Arg, Operand, PyTensor};

/// Axes as torch's `dim`: one, several, or all.
pub(crate) enum Dims {
    All,
    Some(Vec<i64>),
}

impl<'a, 'py> FromPyObject<'a, 'py> for Dims {
    type Error = PyErr;
    fn extract(of: Borrowed<'a, 'py, PyAny>) -> PyResult<Dims> {
        if of.is_none() {
            return Ok(Dims::All);
        }
        if let Ok(one) = of.extract::<i64>() {
            return Ok(Dims::Some(vec![one]));
        }
        let list: Vec<i64> = of.extract()?;
        Ok(if list.is_empty() { Dims::All } else { Dims::Some(list) })
    }
}

impl Dims {
    /// The axes of `x`; a tensor without axes may be reduced along its "first", as in torch.
    fn of(self, x: &Tensor) -> Vec<i64> {
        match self {
            Dims::All => (0..x.rank() as i64).collect(),
            Dims::Some(list) if x.rank() == 0 && matches!(list[..], [0 | -1]) => vec![],
            Dims::Some(list) => list,
        }
    }
}

/// A reduction by name along axes.
type Along = fn(&Tensor, &[i64], bool) -> Result<Tensor>;

impl PyTensor {
    fn reduce(
        &self,
        by: &'static str,
        dim: Option<Dims>,
        keep: bool,
        f: Along,
    ) -> PyResult<PyTensor> {
        self.make(by, |x| f(x, &dim.unwrap_or(Dims::All).of(x), keep))
    }

    /// Torch's pair of an extremum and its place, or the extremum of all.
    fn extremum(
        slf: &Bound<'_, PyTensor>,
        name: &'static str,
        dim: Option<Bound<'_, PyAny>>,
        keep: bool,
    ) -> PyResult<Py<PyAny>> {
        let (py, x) = (slf.py(), slf.get().tensor());
        let max = name == "max";
        let Some(dim) = dim else {
            let y = run(|| if max { x.try_max() } else { x.try_min() })?;
            return Ok(Py::new(py, PyTensor::made(name, y))?.into_any());
        };
        if let Ok(other) = dim.extract::<Arg>()
            && dim.cast::<PyTensor>().is_ok()
        {
            let y = run(|| if max { x.try_maximum(&other.0) } else { x.try_minimum(&other.0) })?;
            return Ok(
                Py::new(py, PyTensor::made(if max { "maximum" } else { "minimum" }, y))?.into_any()
            );
        }
        let along: i64 = dim.extract()?;
        let (values, indices) = run(|| {
            if x.rank() == 0 && matches!(along, 0 | -1) {
                return Ok((x.clone(), Tensor::from(0i64)));
            }
            let index = match max {
                true => x.try_argmax_axis(along, true)?,
                false => x.try_argmin_axis(along, true)?,
            };
            let value = x.try_gather(along, &index)?;
            match keep {
                true => Ok((value, index)),
                false => Ok((value.try_squeeze(along)?, index.try_squeeze(along)?)),
            }
        })?;
        pair(py, name, values, indices)
    }
}

/// The named tuple of values and indices.
fn pair(py: Python<'_>, by: &'static str, values: Tensor, indices: Tensor) -> PyResult<Py<PyAny>> {
    let class = py.import("chainrule._returns")?.getattr("ValuesAndIndices")?;
    Ok(class.call1((PyTensor::made(by, values), PyTensor::given(indices)))?.unbind())
}

fn wide(x: &Tensor) -> Tensor {
    x.to_dtype(x.dtype().lanes())
}

#[pymethods]
impl PyTensor {
    /// Σ x, of all elements or along axes `dim`.
    #[pyo3(signature = (dim=None, keepdim=false, *, dtype=None))]
    fn sum(&self, dim: Option<Dims>, keepdim: bool, dtype: Option<AnyDType>) -> PyResult<PyTensor> {
        self.reduce("sum", dim, keepdim, |x, along, keep| wide(x).try_sum_axis(along, keep))
            .and_then(|y| y.typed(dtype))
    }

    /// The mean of all elements or along axes `dim`.
    #[pyo3(signature = (dim=None, keepdim=false, *, dtype=None))]
    fn mean(
        &self,
        dim: Option<Dims>,
        keepdim: bool,
        dtype: Option<AnyDType>,
    ) -> PyResult<PyTensor> {
        let x = match dtype {
            Some(dtype) => self.make("to_copy", |x| Ok(x.to_dtype(dtype.0)))?,
            None => PyTensor::given(self.tensor()),
        };
        if !x.tensor().dtype().is_float() {
            return Err(PyNotImplementedError::new_err(format!(
                "`mean` of {} would not be whole\n  hint: convert first, as in \
                 `x.to(float32).mean()`, or give `dtype=float32`",
                x.tensor().dtype()
            )));
        }
        x.reduce("mean", dim, keepdim, |x, along, keep| x.try_mean_axis(along, keep))
    }

    /// Σ(x − mean)²/(n − correction), of all elements or along axes `dim`.
    #[pyo3(signature = (dim=None, unbiased=None, keepdim=false, *, correction=None))]
    fn var(
        &self,
        dim: Option<Dims>,
        unbiased: Option<bool>,
        keepdim: bool,
        correction: Option<f64>,
    ) -> PyResult<PyTensor> {
        let less = correction.unwrap_or(f64::from(u8::from(unbiased.unwrap_or(true))));
        self.make("var", |x| x.try_var_axis(&dim.unwrap_or(Dims::All).of(x)[..], less, keepdim))
    }

    /// The square root of `var`.
    #[pyo3(signature = (dim=None, unbiased=None, keepdim=false, *, correction=None))]
    fn std(
        &self,
        dim: Option<Dims>,
        unbiased: Option<bool>,
        keepdim: bool,
        correction: Option<f64>,
    ) -> PyResult<PyTensor> {
        let less = correction.unwrap_or(f64::from(u8::from(unbiased.unwrap_or(true))));
        self.make("std", |x| x.try_std_axis(&dim.unwrap_or(Dims::All).of(x)[..], less, keepdim))
    }

    /// The largest element; along `dim` the pair (values, indices); of two tensors the larger.
    #[pyo3(signature = (dim=None, keepdim=false))]
    fn max(
        slf: &Bound<'_, PyTensor>,
        dim: Option<Bound<'_, PyAny>>,
        keepdim: bool,
    ) -> PyResult<Py<PyAny>> {
        PyTensor::extremum(slf, "max", dim, keepdim)
    }

    /// The smallest element; along `dim` the pair (values, indices); of two tensors the smaller.
    #[pyo3(signature = (dim=None, keepdim=false))]
    fn min(
        slf: &Bound<'_, PyTensor>,
        dim: Option<Bound<'_, PyAny>>,
        keepdim: bool,
    ) -> PyResult<Py<PyAny>> {
        PyTensor::extremum(slf, "min", dim, keepdim)
    }

    /// The largest elements along axes; equal ones share the derivative.
    #[pyo3(signature = (dim=None, keepdim=false))]
    fn amax(&self, dim: Option<Dims>, keepdim: bool) -> PyResult<PyTensor> {
        self.reduce("amax", dim, keepdim, |x, along, keep| x.try_max_axis(along, keep))
    }

    /// The smallest elements along axes; equal ones share the derivative.
    #[pyo3(signature = (dim=None, keepdim=false))]
    fn amin(&self, dim: Option<Dims>, keepdim: bool) -> PyResult<PyTensor> {
        self.reduce("amin", dim, keepdim, |x, along, keep| x.try_min_axis(along, keep))
    }

    /// The index of the first largest element, of all in row-major order or along `dim`.
    #[pyo3(signature = (dim=None, keepdim=false))]
    fn argmax(&self, dim: Option<i64>, keepdim: bool) -> PyResult<PyTensor> {
        self.make("argmax", |x| match dim {
            None => x.try_argmax(),
            Some(_) if x.rank() == 0 => Ok(Tensor::from(0i64)),
            Some(dim) => x.try_argmax_axis(dim, keepdim),
        })
    }

    /// The index of the first smallest element, of all in row-major order or along `dim`.
    #[pyo3(signature = (dim=None, keepdim=false))]
    fn argmin(&self, dim: Option<i64>, keepdim: bool) -> PyResult<PyTensor> {
        self.make("argmin", |x| match dim {
            None => x.try_argmin(),
            Some(_) if x.rank() == 0 => Ok(Tensor::from(0i64)),
            Some(dim) => x.try_argmin_axis(dim, keepdim),
        })
    }

    /// Whether any element is true (or not 0).
    #[pyo3(signature = (dim=None, keepdim=false))]
    fn any(&self, dim: Option<Dims>, keepdim: bool) -> PyResult<PyTensor> {
        self.reduce("any", dim, keepdim, |x, along, keep| x.try_any_axis(along, keep))
    }

    /// Whether all elements are true (or not 0).
    #[pyo3(signature = (dim=None, keepdim=false))]
    fn all(&self, dim: Option<Dims>, keepdim: bool) -> PyResult<PyTensor> {
        self.reduce("all", dim, keepdim, |x, along, keep| x.try_all_axis(along, keep))
    }

    /// Π x, of all elements or along an axis. The derivative is right where elements are 0.
    #[pyo3(signature = (dim=None, keepdim=false))]
    fn prod(&self, dim: Option<i64>, keepdim: bool) -> PyResult<PyTensor> {
        self.make("prod", |x| match dim {
            None => wide(x).try_prod(),
            Some(_) if x.rank() == 0 => Ok(wide(x)),
            Some(dim) => x.try_prod_axis(dim, keepdim),
        })
    }

    /// ln Σ eˣ along axes, without overflow.
    #[pyo3(signature = (dim, keepdim=false))]
    fn logsumexp(&self, dim: Dims, keepdim: bool) -> PyResult<PyTensor> {
        self.reduce("logsumexp", Some(dim), keepdim, |x, along, keep| x.try_logsumexp(along, keep))
    }

    /// eˣ / Σ eˣ along an axis, without overflow.
    #[pyo3(signature = (dim=-1, *, dtype=None))]
    fn softmax(&self, dim: i64, dtype: Option<AnyDType>) -> PyResult<PyTensor> {
        self.make("softmax", |x| cast(x, dtype).try_softmax(dim))
    }

    /// ln softmax(x) along an axis, without overflow.
    #[pyo3(signature = (dim=-1, *, dtype=None))]
    fn log_softmax(&self, dim: i64, dtype: Option<AnyDType>) -> PyResult<PyTensor> {
        self.make("log_softmax", |x| cast(x, dtype).try_log_softmax(dim))
    }

    /// The p-norm, of all elements or along axes: (Σ|x|ᵖ)^(1/p). Its derivative at 0 is 0.
    #[pyo3(signature = (p=None, dim=None, keepdim=false))]
    pub(crate) fn norm(
        &self,
        p: Option<Operand>,
        dim: Option<Dims>,
        keepdim: bool,
    ) -> PyResult<PyTensor> {
        let p = p.map_or(Ok(2.0), crate::make::float)?;
        self.make("linalg_vector_norm", |x| {
            let axes = dim.unwrap_or(Dims::All).of(x);
            if p == 2.0 {
                return x.try_norm_axis(&axes[..], keepdim);
            }
            let y = chainrule::linalg::vector_norm(x, p, &axes[..])?;
            if !keepdim {
                return Ok(y);
            }
            let rank = x.rank() as i64;
            let gone = |i: i64| axes.iter().any(|&a| if a < 0 { a + rank } else { a } == i);
            let shape = (0..rank).map(|i| if gone(i) { 1 } else { x.shape()[i as usize] as i64 });
            y.try_reshape(shape.collect::<Vec<_>>())
        })
    }

    /// Running sums along an axis.
    fn cumsum(&self, dim: i64) -> PyResult<PyTensor> {
        self.make("cumsum", |x| if x.rank() == 0 { Ok(wide(x)) } else { x.try_cumsum(dim) })
    }

    /// Running products along an axis.
    fn cumprod(&self, dim: i64) -> PyResult<PyTensor> {
        self.make("cumprod", |x| if x.rank() == 0 { Ok(wide(x)) } else { x.try_cumprod(dim) })
    }

    /// The indices that sort along an axis. Stable; NaN counts as the largest number.
    #[pyo3(signature = (dim=-1, descending=false, stable=true))]
    fn argsort(&self, dim: i64, descending: bool, stable: bool) -> PyResult<PyTensor> {
        let _always = stable;
        self.make("argsort", |x| x.try_argsort(dim, descending))
    }

    /// The elements in order along an axis, and their indices.
    #[pyo3(signature = (dim=-1, descending=false))]
    fn sort(&self, py: Python<'_>, dim: i64, descending: bool) -> PyResult<Py<PyAny>> {
        let x = self.tensor();
        let (values, indices) = run(|| {
            let index = x.try_argsort(dim, descending)?;
            Ok((x.try_gather(dim, &index)?, index))
        })?;
        pair(py, "sort", values, indices)
    }

    /// The k largest (or smallest) elements along an axis, best first, and their indices.
    #[pyo3(signature = (k, dim=-1, largest=true))]
    fn topk(&self, py: Python<'_>, k: usize, dim: i64, largest: bool) -> PyResult<Py<PyAny>> {
        let x = self.tensor();
        let n = x.shape()[run(|| crate::movement::axis(&x, dim))?];
        if k > n {
            return Err(PyRuntimeError::new_err(format!(
                "`topk` of {k} elements along an axis of length {n}\n  hint: take at most as many \
                 as there are"
            )));
        }
        let (values, indices) = run(|| {
            if largest {
                return x.topk(k, dim);
            }
            let (_, index) = (-&x).topk(k, dim)?;
            Ok((x.try_gather(dim, &index)?, index))
        })?;
        pair(py, "topk", values, indices)
    }

    /// Whether all elements are near: |x − y| ≤ atol + rtol |y|.
    #[pyo3(signature = (other, rtol=1e-5, atol=1e-8, equal_nan=false))]
    fn allclose(
        &self,
        py: Python<'_>,
        other: Arg,
        rtol: f64,
        atol: f64,
        equal_nan: bool,
    ) -> PyResult<bool> {
        let near = self.isclose(other, rtol, atol, equal_nan)?.tensor();
        run_detached(py, || near.all().item::<bool>())
    }

    /// Where elements are near: |x − y| ≤ atol + rtol |y|.
    #[pyo3(signature = (other, rtol=1e-5, atol=1e-8, equal_nan=false))]
    fn isclose(&self, other: Arg, rtol: f64, atol: f64, equal_nan: bool) -> PyResult<PyTensor> {
        self.make("isclose", |x| {
            let (x, y) = (x.detach(), other.0.detach());
            let (a, b) = (x.to_dtype(DType::F64), y.to_dtype(DType::F64));
            let bound = b.abs() * rtol + atol;
            let near = a.try_sub(&b)?.abs().try_le(&bound)?.try_logical_and(b.isfinite())?;
            let near = near.try_logical_or(&a.try_eq(&b)?)?;
            match equal_nan {
                true => near.try_logical_or(&a.isnan().try_logical_and(b.isnan())?),
                false => Ok(near),
            }
        })
    }

    /// Whether shape and all elements are equal.
    fn equal(&self, py: Python<'_>, other: Arg) -> PyResult<bool> {
        let (x, y) = (self.tensor(), other.0);
        run_detached(py, || Ok(x.shape() == y.shape() && x.try_eq(&y)?.all().item::<bool>()?))
    }
}

impl PyTensor {
    /// Converted, if a type is given.
    fn typed(self, dtype: Option<AnyDType>) -> PyResult<PyTensor> {
        match dtype {
            Some(dtype) => self.make(self.by(), |x| Ok(x.to_dtype(dtype.0))),
            None => Ok(self),
        }
    }
}

fn cast(x: &Tensor, dtype: Option<AnyDType>) -> Tensor {
    dtype.map_or_else(|| x.clone(), |d| x.to_dtype(d.0))
}

/// The mean cross-entropy of rows of logits and class numbers; see `nn.functional`.
#[pyfunction]
fn _cross_entropy(logits: Arg, target: Arg) -> PyResult<PyTensor> {
    run(|| logits.0.try_cross_entropy(&target.0)).map(|y| PyTensor::made("nll_loss", y))
}

/// A sum of products over named axes: `einsum("ij,jk->ik", a, b)`.
#[pyfunction]
#[pyo3(signature = (equation, *operands))]
fn einsum(equation: &str, operands: &Bound<'_, PyTuple>) -> PyResult<PyTensor> {
    let list: Vec<Arg> = match operands.len() {
        1 if operands.get_item(0)?.cast::<PyTensor>().is_err() => {
            operands.get_item(0)?.extract()?
        }
        _ => operands.extract()?,
    };
    let tensors: Vec<&Tensor> = list.iter().map(|a| &a.0).collect();
    run(|| chainrule::einsum(equation, &tensors)).map(|y| PyTensor::made("einsum", y))
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(_cross_entropy, m)?)?;
    m.add_function(wrap_pyfunction!(einsum, m)?)
}
