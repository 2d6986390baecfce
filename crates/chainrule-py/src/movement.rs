//! Shapes, axes, and joining.

use chainrule::{DType, Result, Tensor};
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::errors::run;
use crate::make::numbers;
use crate::tensor::{Arg, Operand, PyTensor};

/// An axis of `x` counted from the first, if it exists.
pub(crate) fn axis(x: &Tensor, a: i64) -> Result<usize> {
    x.try_flip(a)?;
    Ok((if a < 0 { a + x.rank() as i64 } else { a }) as usize)
}

#[pymethods]
impl PyTensor {
    /// The same elements in another shape, in row-major order; one length may be -1.
    #[pyo3(signature = (*shape))]
    fn reshape(&self, shape: &Bound<'_, PyTuple>) -> PyResult<PyTensor> {
        let shape = numbers(shape)?;
        self.make("view", |x| x.try_reshape(&shape))
    }

    /// The same as `reshape`, or with an element type the same as `to`.
    #[pyo3(signature = (*shape))]
    fn view(&self, shape: &Bound<'_, PyTuple>) -> PyResult<PyTensor> {
        let shape = numbers(shape)?;
        self.make("view", |x| x.try_reshape(&shape))
    }

    /// The same elements in the shape of another tensor.
    fn view_as(&self, other: Arg) -> PyResult<PyTensor> {
        self.make("view", |x| x.try_reshape(other.0.shape()))
    }

    /// The same elements in the shape of another tensor.
    fn reshape_as(&self, other: Arg) -> PyResult<PyTensor> {
        self.make("view", |x| x.try_reshape(other.0.shape()))
    }

    /// The axes from `start_dim` to `end_dim` as one.
    #[pyo3(signature = (start_dim=0, end_dim=-1))]
    fn flatten(&self, start_dim: i64, end_dim: i64) -> PyResult<PyTensor> {
        self.make("view", |x| {
            if x.rank() == 0 {
                return x.try_reshape([1]);
            }
            let (a, b) = (axis(x, start_dim)?, axis(x, end_dim)?);
            let mut shape: Vec<i64> = x.shape().iter().map(|&n| n as i64).collect();
            let one: i64 = shape.get(a..=b).unwrap_or_default().iter().product();
            if a <= b {
                shape.splice(a..=b, [one]);
            }
            x.try_reshape(shape)
        })
    }

    /// One axis of length n as several.
    fn unflatten(&self, dim: i64, sizes: Vec<i64>) -> PyResult<PyTensor> {
        self.make("view", |x| {
            let a = axis(x, dim)?;
            let mut shape: Vec<i64> = x.shape().iter().map(|&n| n as i64).collect();
            shape.splice(a..=a, sizes);
            x.try_reshape(shape)
        })
    }

    /// All elements along one axis.
    fn ravel(&self) -> PyResult<PyTensor> {
        self.make("view", Tensor::try_flatten)
    }

    /// The axes in another order: `permute(2, 0, 1)`.
    #[pyo3(signature = (*dims))]
    fn permute(&self, dims: &Bound<'_, PyTuple>) -> PyResult<PyTensor> {
        let order = numbers(dims)?;
        self.make("permute", |x| x.try_permute(&order[..]))
    }

    /// Two axes exchanged.
    fn transpose(&self, dim0: i64, dim1: i64) -> PyResult<PyTensor> {
        self.make("transpose", |x| match x.rank() {
            0 => Ok(x.clone()),
            _ => x.try_transpose(dim0, dim1),
        })
    }

    /// The transpose of a matrix; a vector as it is.
    fn t(&self) -> PyResult<PyTensor> {
        self.make("t", |x| if x.rank() < 2 { Ok(x.clone()) } else { x.try_t() })
    }

    /// The axes in opposite order.
    #[getter(T)]
    fn transposed(&self) -> PyResult<PyTensor> {
        self.make("permute", |x| x.try_permute(&(0..x.rank() as i64).rev().collect::<Vec<_>>()[..]))
    }

    /// The last two axes exchanged.
    #[getter(mT)]
    fn matrices_transposed(&self) -> PyResult<PyTensor> {
        self.make("transpose", |x| x.try_transpose(-2, -1))
    }

    /// An axis moved to another place.
    fn movedim(&self, source: i64, destination: i64) -> PyResult<PyTensor> {
        self.make("permute", |x| {
            let (from, to) = (axis(x, source)?, axis(x, destination)?);
            let mut order: Vec<i64> =
                (0..x.rank() as i64).filter(|&i| i as usize != from).collect();
            order.insert(to, from as i64);
            x.try_permute(&order[..])
        })
    }

    /// Axes of length 1 repeated; -1 keeps a length.
    #[pyo3(signature = (*sizes))]
    fn expand(&self, sizes: &Bound<'_, PyTuple>) -> PyResult<PyTensor> {
        let sizes = numbers(sizes)?;
        self.make("expand", |x| {
            let missing = sizes.len().saturating_sub(x.rank());
            let kept = |(i, &n): (usize, &i64)| match n {
                -1 if i >= missing => x.shape()[i - missing] as i64,
                n => n,
            };
            x.try_expand(sizes.iter().enumerate().map(kept).collect::<Vec<_>>())
        })
    }

    /// Stretched to the shape of another tensor.
    fn expand_as(&self, other: Arg) -> PyResult<PyTensor> {
        self.make("expand", |x| x.try_expand(other.0.shape()))
    }

    /// Stretched to a shape.
    fn broadcast_to(&self, size: Vec<i64>) -> PyResult<PyTensor> {
        self.make("expand", |x| x.try_expand(size))
    }

    /// Copies side by side: `repeats[i]` of them along axis i.
    #[pyo3(signature = (*repeats))]
    fn repeat(&self, repeats: &Bound<'_, PyTuple>) -> PyResult<PyTensor> {
        let repeats = numbers(repeats)?;
        if repeats.len() < self.tensor().rank() {
            return Err(PyRuntimeError::new_err(
                "`repeat` needs a number for each axis\n  hint: give 1 for axes to leave alone",
            ));
        }
        self.make("repeat", |x| repeated(x, &repeats))
    }

    /// Copies side by side, as numpy's `tile`.
    #[pyo3(signature = (*dims))]
    fn tile(&self, dims: &Bound<'_, PyTuple>) -> PyResult<PyTensor> {
        let mut repeats = numbers(dims)?;
        let missing = self.tensor().rank().saturating_sub(repeats.len());
        repeats.splice(0..0, std::iter::repeat_n(1, missing));
        self.make("repeat", |x| repeated(x, &repeats))
    }

    /// Without axes of length 1: those given, or all.
    #[pyo3(signature = (dim=None))]
    fn squeeze(&self, dim: Option<crate::reduce::Dims>) -> PyResult<PyTensor> {
        self.make("squeeze", |x| {
            let given = match dim {
                None | Some(crate::reduce::Dims::All) => (0..x.rank() as i64).collect(),
                Some(crate::reduce::Dims::Some(list)) if x.rank() == 0 => {
                    if list.iter().all(|a| matches!(a, 0 | -1)) { vec![] } else { list }
                }
                Some(crate::reduce::Dims::Some(list)) => list,
            };
            // An axis that does not exist is an error; one longer than 1 stays, as in torch.
            let mut ones = vec![];
            for a in given {
                if x.shape()[axis(x, a)?] == 1 {
                    ones.push(a);
                }
            }
            x.try_squeeze(&ones[..])
        })
    }

    /// A new axis of length 1.
    fn unsqueeze(&self, dim: i64) -> PyResult<PyTensor> {
        self.make("unsqueeze", |x| x.try_unsqueeze(dim))
    }

    /// Backwards along axes.
    #[pyo3(signature = (*dims))]
    fn flip(&self, dims: &Bound<'_, PyTuple>) -> PyResult<PyTensor> {
        let dims = numbers(dims)?;
        self.make("flip", |x| x.try_flip(&dims[..]))
    }

    /// Shifted along axes, what leaves at one end entering at the other.
    #[pyo3(signature = (shifts, dims=None))]
    fn roll(
        &self,
        shifts: &Bound<'_, PyAny>,
        dims: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<PyTensor> {
        let list = |of: &Bound<'_, PyAny>| -> PyResult<Vec<i64>> {
            of.extract::<i64>().map(|one| vec![one]).or_else(|_| of.extract())
        };
        let shifts = list(shifts)?;
        let Some(dims) = dims else {
            return self
                .make("roll", |x| rolled(&x.try_flatten()?, shifts[0], 0)?.try_reshape(x.shape()));
        };
        let dims = list(dims)?;
        if dims.len() != shifts.len() {
            return Err(PyRuntimeError::new_err("`roll` needs a shift for each axis"));
        }
        self.make("roll", |x| {
            let mut y = x.clone();
            for (&shift, &dim) in shifts.iter().zip(&dims) {
                y = rolled(&y, shift, dim)?;
            }
            Ok(y)
        })
    }

    /// A part of an axis: `length` elements from `start` on.
    fn narrow(&self, dim: i64, start: i64, length: i64) -> PyResult<PyTensor> {
        self.make("slice", |x| {
            let n = x.shape()[axis(x, dim)?] as i64;
            let from = if start < 0 { start + n } else { start };
            x.try_slice(dim, from.max(0) as usize..(from + length.max(0)) as usize)
        })
    }

    /// Element `index` of an axis, which disappears.
    fn select(&self, dim: i64, index: i64) -> PyResult<PyTensor> {
        self.make("select", |x| crate::index::pick(x, axis(x, dim)?, index))
    }

    /// `out[i][j] = x[index[i][j]][j]` for `dim` 0, and so on.
    fn gather(&self, dim: i64, index: Arg) -> PyResult<PyTensor> {
        self.make("gather", |x| x.try_gather(dim, &index.0))
    }

    /// A copy with `src` added at the places that `index` names, as `gather` reads them.
    fn scatter_add(&self, dim: i64, index: Arg, src: Arg) -> PyResult<PyTensor> {
        self.make("scatter_add", |x| x.try_scatter_add(dim, &index.0, &src.0))
    }

    /// A copy with `src` (numbers or one number) put at the places that `index` names.
    fn scatter(&self, dim: i64, index: Arg, src: Operand) -> PyResult<PyTensor> {
        self.make("scatter", |x| crate::index::scatter(x, dim, &index.0, src))
    }

    /// Several elements of an axis, by their indices.
    fn index_select(&self, dim: i64, index: Arg) -> PyResult<PyTensor> {
        self.make("index_select", |x| x.try_index_select(dim, &index.0))
    }

    /// The elements where the mask is true, along one axis.
    fn masked_select(&self, mask: Arg) -> PyResult<PyTensor> {
        self.make("masked_select", |x| {
            let (mask, x) = broadcast_pair(&mask.0, x)?;
            x.try_i(&mask)
        })
    }

    /// A copy with a number where the mask is true.
    fn masked_fill(&self, mask: Arg, value: Operand) -> PyResult<PyTensor> {
        self.make("masked_fill", |x| {
            let value = value.beside(x).to_dtype(x.dtype());
            mask.0.try_where(&value, x)
        })
    }

    /// Several elements by their places in row-major order.
    fn take(&self, index: Arg) -> PyResult<PyTensor> {
        self.make("take", |x| {
            let picked = x.try_flatten()?.try_index_select(0, &index.0.try_flatten()?)?;
            picked.try_reshape(index.0.shape())
        })
    }

    /// Below and on a diagonal; zeros above.
    #[pyo3(signature = (diagonal=0))]
    fn tril(&self, diagonal: i64) -> PyResult<PyTensor> {
        self.make("tril", |x| x.try_tril(diagonal))
    }

    /// Above and on a diagonal; zeros below.
    #[pyo3(signature = (diagonal=0))]
    fn triu(&self, diagonal: i64) -> PyResult<PyTensor> {
        self.make("triu", |x| x.try_triu(diagonal))
    }

    /// The diagonal of a matrix.
    fn diagonal(&self) -> PyResult<PyTensor> {
        self.make("diagonal", Tensor::diagonal)
    }

    /// The diagonal of a matrix, or the matrix with a vector on its diagonal.
    fn diag(&self) -> PyResult<PyTensor> {
        self.make("diag", |x| match x.rank() {
            1 => {
                let eye = Tensor::eye(x.len()).to_dtype(DType::Bool);
                eye.try_where(&x.try_expand([x.len(), x.len()])?, x.zeros_like())
            }
            _ => x.diagonal(),
        })
    }

    /// The sum of the diagonal.
    fn trace(&self) -> PyResult<PyTensor> {
        self.make("trace", |x| x.diagonal()?.try_sum())
    }

    /// Sliding windows along an axis: `size` elements every `step`, along a new last axis.
    fn unfold(&self, dimension: i64, size: usize, step: usize) -> PyResult<PyTensor> {
        self.make("unfold", |x| {
            let y = x.try_unfold(dimension, size, step)?;
            Ok(y)
        })
    }

    /// The parts of an axis, without it.
    #[pyo3(signature = (dim=0))]
    fn unbind<'py>(&self, py: Python<'py>, dim: i64) -> PyResult<Bound<'py, PyTuple>> {
        let x = self.tensor();
        let parts = run(|| x.unbind(dim))?;
        PyTuple::new(py, parts.into_iter().map(|p| PyTensor::made("unbind", p)))
    }

    /// The axis in parts of a length, or of given lengths.
    #[pyo3(signature = (split_size, dim=0))]
    fn split<'py>(
        &self,
        py: Python<'py>,
        split_size: &Bound<'py, PyAny>,
        dim: i64,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let x = self.tensor();
        let n = x.shape()[run(|| axis(&x, dim))?];
        let sizes = match split_size.extract::<usize>() {
            Ok(0) => return Err(PyRuntimeError::new_err("`split` needs a length of 1 or more")),
            Ok(size) => {
                let count = n.div_ceil(size).max(1);
                (0..count).map(|i| size.min(n - i * size)).collect()
            }
            Err(_) => split_size.extract::<Vec<usize>>()?,
        };
        if sizes.iter().sum::<usize>() != n {
            return Err(PyRuntimeError::new_err(format!(
                "`split` into {sizes:?} needs {} elements, the axis has {n}",
                sizes.iter().sum::<usize>()
            )));
        }
        parts(py, &x, dim, &sizes)
    }

    /// The axis in `chunks` parts, all but perhaps the last equally long.
    #[pyo3(signature = (chunks, dim=0))]
    fn chunk<'py>(
        &self,
        py: Python<'py>,
        chunks: usize,
        dim: i64,
    ) -> PyResult<Bound<'py, PyTuple>> {
        if chunks == 0 {
            return Err(PyRuntimeError::new_err("`chunk` into 0 parts"));
        }
        let x = self.tensor();
        let n = x.shape()[run(|| axis(&x, dim))?];
        let size = n.div_ceil(chunks).max(1);
        let count = n.div_ceil(size).max(1);
        let sizes: Vec<usize> = (0..count).map(|i| size.min(n - i * size)).collect();
        parts(py, &x, dim, &sizes)
    }

    /// 1 in the column of the class, else 0, along a new last axis.
    fn one_hot(&self, num_classes: usize) -> PyResult<PyTensor> {
        self.make("one_hot", |x| Ok(x.one_hot(num_classes)?.to_dtype(DType::I64)))
    }
}

fn broadcast_pair(a: &Tensor, b: &Tensor) -> Result<(Tensor, Tensor)> {
    let shape = a.try_logical_and(b)?.shape().to_vec();
    Ok((a.try_expand(&shape)?, b.try_expand(&shape)?))
}

fn parts<'py>(
    py: Python<'py>,
    x: &Tensor,
    dim: i64,
    sizes: &[usize],
) -> PyResult<Bound<'py, PyTuple>> {
    let mut from = 0;
    let mut all = Vec::with_capacity(sizes.len());
    for &n in sizes {
        all.push(PyTensor::made("split", run(|| x.try_slice(dim, from..from + n))?));
        from += n;
    }
    PyTuple::new(py, all)
}

fn repeated(x: &Tensor, repeats: &[i64]) -> Result<Tensor> {
    let missing = repeats.len() - x.rank();
    let (mut apart, mut wide, mut shape) = (vec![], vec![], vec![]);
    for (i, &r) in repeats.iter().enumerate() {
        let n = if i < missing { 1 } else { x.shape()[i - missing] as i64 };
        apart.extend([1, n]);
        wide.extend([r, n]);
        shape.push(r.saturating_mul(n));
    }
    x.try_reshape(apart)?.try_expand(wide)?.try_reshape(shape)
}

fn rolled(x: &Tensor, shift: i64, dim: i64) -> Result<Tensor> {
    let n = x.shape()[axis(x, dim)?];
    if n == 0 {
        return Ok(x.clone());
    }
    let cut = n - shift.rem_euclid(n as i64) as usize;
    chainrule::cat(&[&x.try_slice(dim, cut..n)?, &x.try_slice(dim, 0..cut)?], dim)
}

/// Tensors one after the other along an axis.
#[pyfunction]
#[pyo3(signature = (tensors, dim=0))]
fn cat(tensors: Vec<Arg>, dim: i64) -> PyResult<PyTensor> {
    joined("cat", &tensors, |list| {
        // Torch lets empty vectors stand among tensors of any rank.
        let full: Vec<&Tensor> = list.iter().copied().filter(|t| t.shape() != [0]).collect();
        if full.is_empty() { chainrule::cat(list, dim) } else { chainrule::cat(&full, dim) }
    })
}

/// Tensors of one shape along a new axis.
#[pyfunction]
#[pyo3(signature = (tensors, dim=0))]
fn stack(tensors: Vec<Arg>, dim: i64) -> PyResult<PyTensor> {
    joined("stack", &tensors, |list| chainrule::stack(list, dim))
}

fn joined(
    by: &'static str,
    tensors: &[Arg],
    join: impl FnOnce(&[&Tensor]) -> Result<Tensor>,
) -> PyResult<PyTensor> {
    if tensors.is_empty() {
        return Err(PyValueError::new_err(format!("`{by}` of no tensors")));
    }
    let dtype = tensors.iter().fold(DType::Bool, |d, t| d.promote(t.0.dtype()));
    run(|| {
        let same: Vec<Tensor> = tensors.iter().map(|t| t.0.to_dtype(dtype)).collect();
        join(&same.iter().collect::<Vec<_>>())
    })
    .map(|y| PyTensor::made(by, y))
}

/// The elements of `input` where the condition is true, else those of `other`.
#[pyfunction]
#[pyo3(name = "where", signature = (condition, input=None, other=None))]
fn where_(
    py: Python<'_>,
    condition: Arg,
    input: Option<Operand>,
    other: Option<Operand>,
) -> PyResult<Py<PyAny>> {
    let (x, y) = match (input, other) {
        (Some(x), Some(y)) => (x, y),
        (None, None) => return crate::index::nonzero(py, &condition.0),
        _ => return Err(PyTypeError::new_err("`where` needs both choices, or none")),
    };
    let y = run(|| {
        let (x, y) = match (x, y) {
            (Operand::Tensor(x), y) => crate::tensor::pair(x, y),
            (x, Operand::Tensor(y)) => {
                let (y, x) = crate::tensor::pair(y, x);
                (x, y)
            }
            (x, y) => crate::tensor::pair(x.alone(), Operand::Tensor(y.alone())),
        };
        condition.0.try_where(&x, &y)
    })?;
    Ok(Py::new(py, PyTensor::made("where", y))?.into_any())
}

/// The shape that shapes broadcast to.
#[pyfunction]
#[pyo3(signature = (*shapes))]
fn broadcast_shapes(shapes: Vec<Vec<i64>>) -> PyResult<Vec<usize>> {
    run(|| {
        let mut all = Tensor::zeros(());
        for shape in &shapes {
            all = all.try_add(Tensor::zeros(shape))?;
        }
        Ok(all.shape().to_vec())
    })
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(cat, m)?)?;
    m.add_function(wrap_pyfunction!(stack, m)?)?;
    m.add_function(wrap_pyfunction!(where_, m)?)?;
    m.add_function(wrap_pyfunction!(broadcast_shapes, m)?)
}
