//! Indexing: `x[1, ..., 2:8:2, None, mask]`, read and assigned.
//!
//! Basic entries (numbers, slices, `None`, `...`) are views. Integer arrays and masks are advanced
//! entries: they broadcast against each other, and their axes stand where the first of them stood
//! if they are neighbours, else first. Numbers are taken before advanced entries, as in torch.
//!
//! A tensor does not change, so `x[key] = v` gives the handle `x` another tensor: v where the key
//! points, the old elements elsewhere. Gradients flow to both.

use chainrule::{DType, ErrorKind, Result, Tensor};
use pyo3::exceptions::{PyIndexError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyEllipsis, PyFloat, PyList, PySlice, PyTuple};

use crate::errors::{run, run_detached};
use crate::make::from_any;
use crate::tensor::{Arg, Operand, PyTensor, pair};

/// One entry of an index.
enum Entry {
    At(i64),
    Slice(Option<i64>, Option<i64>, i64),
    New,
    Rest,
    /// Integers; a mask is one such entry for each of its axes.
    Picks(Vec<Tensor>),
    /// The truth of the whole: a new axis, with everything or nothing along it.
    Whole(Tensor),
}

/// The entries of a key, masks computed. A mask must fit the axes that it covers, so these are
/// found on the way.
fn entries(x: &Tensor, key: &Bound<'_, PyAny>) -> PyResult<Vec<Entry>> {
    let items: Vec<Bound<'_, PyAny>> = match key.cast::<PyTuple>() {
        Ok(tuple) => tuple.iter().collect(),
        Err(_) => vec![key.clone()],
    };
    let mut list = Vec::with_capacity(items.len());
    for item in items {
        list.push(entry(&item)?);
    }
    compute(key.py(), &list);
    let taken: usize = list.iter().map(width).sum();
    if taken > x.rank() {
        return Err(PyIndexError::new_err(format!(
            "an index with {taken} entries for a tensor of shape {:?}\n  hint: give at most one \
             entry for each axis",
            x.shape()
        )));
    }
    let mut axis = 0;
    let mut all = Vec::with_capacity(list.len());
    for (n, masked) in list.into_iter().map(|e| (width(&e), e)) {
        all.push(match masked {
            Read::Entry(Entry::Rest) => {
                axis += x.rank() - taken;
                Entry::Rest
            }
            Read::Entry(entry) => entry,
            Read::Mask(mask) if mask.rank() == 0 => {
                Entry::Whole(run(|| true_places(&mask))?.remove(0))
            }
            Read::Mask(mask) => Entry::Picks(places(x, axis, &mask)?),
        });
        axis += n;
    }
    if all.iter().filter(|e| matches!(e, Entry::Rest)).count() > 1 {
        return Err(PyIndexError::new_err("an index can have one `...` only"));
    }
    Ok(all)
}

/// Computes masks and indices while other threads of Python run. What fails fails again where the
/// numbers are used, and says so.
fn compute(py: Python<'_>, list: &[Read]) {
    let mut tensors: Vec<Tensor> = vec![];
    for read in list {
        match read {
            Read::Mask(mask) => tensors.push(mask.clone()),
            Read::Entry(Entry::Picks(picks)) => tensors.extend(picks.iter().cloned()),
            Read::Entry(_) => {}
        }
    }
    if !tensors.is_empty() {
        let each: Vec<&Tensor> = tensors.iter().collect();
        let _ = run_detached(py, || chainrule::realize(&each));
    }
}

/// An entry before it is known where it stands.
enum Read {
    Entry(Entry),
    Mask(Tensor),
}

/// How many axes an entry takes.
fn width(read: &Read) -> usize {
    match read {
        Read::Entry(Entry::New | Entry::Rest | Entry::Whole(_)) => 0,
        Read::Entry(Entry::At(_) | Entry::Slice(..)) => 1,
        Read::Entry(Entry::Picks(list)) => list.len(),
        Read::Mask(mask) => mask.rank(),
    }
}

fn entry(item: &Bound<'_, PyAny>) -> PyResult<Read> {
    if item.is_none() {
        return Ok(Read::Entry(Entry::New));
    }
    if item.is_instance_of::<PyEllipsis>() {
        return Ok(Read::Entry(Entry::Rest));
    }
    if let Ok(slice) = item.cast::<PySlice>() {
        let part = |name| -> PyResult<Option<i64>> { clipped(&slice.getattr(name)?) };
        let step = part("step")?.unwrap_or(1);
        return Ok(Read::Entry(Entry::Slice(part("start")?, part("stop")?, step)));
    }
    if item.is_exact_instance_of::<PyBool>() {
        return Ok(Read::Mask(Tensor::from(item.extract::<bool>()?)));
    }
    if item.is_instance_of::<PyFloat>() {
        return Err(PyIndexError::new_err("a fraction is no index\n  hint: convert it with `int`"));
    }
    if item.cast::<PyTensor>().is_err()
        && let Ok(i) = item.extract::<i64>()
    {
        return Ok(Read::Entry(Entry::At(i)));
    }
    let mut index = from_any(item, None).map_err(|_| {
        let name = item.get_type().name().map_or("this".to_string(), |n| n.to_string());
        PyTypeError::new_err(format!(
            "{name} is no index\n  hint: there are numbers, slices, None, ..., and arrays of \
             integers or truth values"
        ))
    })?;
    if item.is_instance_of::<PyList>() && index.len() == 0 {
        index = index.to_dtype(DType::I64);
    }
    match index.dtype() {
        DType::Bool => Ok(Read::Mask(index)),
        integers if integers.is_integer() => {
            Ok(Read::Entry(Entry::Picks(vec![index.to_dtype(DType::I64)])))
        }
        other => Err(PyIndexError::new_err(format!(
            "{other} numbers are no indices\n  hint: convert them with `.to(int64)`"
        ))),
    }
}

/// A bound of a slice; huge ones are cut, as Python does.
fn clipped(bound: &Bound<'_, PyAny>) -> PyResult<Option<i64>> {
    if bound.is_none() {
        return Ok(None);
    }
    let index = bound.call_method0("__index__").map_err(|_| {
        PyTypeError::new_err("bounds and steps of slices are whole numbers or None")
    })?;
    match index.extract::<i64>() {
        Ok(i) => Ok(Some(i)),
        Err(_) => Ok(Some(if index.lt(0)? { i64::MIN / 4 } else { i64::MAX / 4 })),
    }
}

/// Where a mask over the axes from `axis` on is true: an index for each of them.
fn places(x: &Tensor, axis: usize, mask: &Tensor) -> PyResult<Vec<Tensor>> {
    let end = axis + mask.rank();
    if x.shape()[axis..end] != *mask.shape() {
        return Err(PyIndexError::new_err(format!(
            "a mask of shape {:?} for the axes {:?} of a tensor of shape {:?}\n  hint: a mask has \
             the lengths of the axes that it covers; to choose between two values use `where`",
            mask.shape(),
            &x.shape()[axis..end],
            x.shape()
        )));
    }
    run(|| true_places(mask))
}

/// The coordinates of the true elements, a vector for each axis.
fn true_places(mask: &Tensor) -> Result<Vec<Tensor>> {
    let truth = mask.detach().to_vec::<bool>()?;
    let mut columns: Vec<Vec<i64>> = vec![vec![]; mask.rank()];
    for (i, _) in truth.iter().enumerate().filter(|t| *t.1) {
        let mut rest = i;
        for (column, &n) in columns.iter_mut().zip(mask.shape()).rev() {
            column.push((rest % n) as i64);
            rest /= n;
        }
    }
    if mask.rank() == 0 {
        // One axis of length 1 or 0 stands for the truth of the whole.
        let count = truth.iter().filter(|t| **t).count();
        return Ok(vec![Tensor::from(vec![0i64; count])]);
    }
    Ok(columns.into_iter().map(Tensor::from).collect())
}

/// Element `i` of axis `a`, which disappears.
pub(crate) fn pick(x: &Tensor, a: usize, i: i64) -> Result<Tensor> {
    // The engine's own entry checks `i` and explains; leading axes are taken whole.
    let front = x.try_transpose(0, a as i64)?;
    let y = front.try_i(i)?;
    if a == 0 {
        return Ok(y);
    }
    // The first axis went to place a − 1 of the rest: bring it back.
    let order: Vec<i64> = (0..y.rank() as i64).collect();
    let mut back = order.clone();
    back.remove(a - 1);
    back.insert(0, (a - 1) as i64);
    y.try_permute(&back[..])
}

/// Part of axis `a`.
fn slice(x: &Tensor, a: usize, from: Option<i64>, to: Option<i64>, step: i64) -> Result<Tensor> {
    let n = x.shape()[a] as i64;
    if step == 1 {
        let wrap = |i: i64| (if i < 0 { i + n } else { i }).clamp(0, n);
        let (from, to) = (from.map_or(0, wrap), to.map_or(n, wrap));
        return match (from, to) {
            (0, to) if to == n => Ok(x.clone()),
            _ => x.try_slice(a as i64, from as usize..to.max(from) as usize),
        };
    }
    let moved = x.try_transpose(0, a as i64)?;
    let part = match (from, to) {
        (None, None) => moved.try_i(((.., step),))?,
        (Some(from), None) => moved.try_i(((from.., step),))?,
        (None, Some(to)) => moved.try_i(((..to, step),))?,
        (Some(from), Some(to)) => moved.try_i(((from..to, step),))?,
    };
    part.try_transpose(0, a as i64)
}

/// `x[key]`: the tensor, and the name of what made it.
fn read(x: &Tensor, list: Vec<Entry>) -> Result<(Tensor, &'static str)> {
    let taken: usize = list
        .iter()
        .map(|e| match e {
            Entry::At(_) | Entry::Slice(..) => 1,
            Entry::Picks(list) => list.len(),
            Entry::New | Entry::Rest | Entry::Whole(_) => 0,
        })
        .sum();
    let (mut y, mut at, mut by) = (x.clone(), 0, "alias");
    // Advanced entries: the axis of `y` that each takes, and its index.
    let mut picks: Vec<(usize, Tensor)> = vec![];
    let mut scattered = false;
    let mut gap = false;
    for entry in list {
        let advanced = matches!(entry, Entry::Picks(_) | Entry::Whole(_));
        if !advanced && !picks.is_empty() && !matches!(entry, Entry::At(_)) {
            gap = true;
        }
        match entry {
            Entry::At(i) => (y, by) = (pick(&y, at, i)?, "select"),
            Entry::Slice(from, to, step) => {
                (y, by) = (slice(&y, at, from, to, step)?, "slice");
                at += 1;
            }
            Entry::New => {
                (y, by) = (y.try_unsqueeze(at as i64)?, "unsqueeze");
                at += 1;
            }
            Entry::Rest => at += x.rank() - taken,
            Entry::Picks(list) => {
                scattered |= gap;
                for index in list {
                    picks.push((at, index));
                    at += 1;
                }
            }
            Entry::Whole(index) => {
                scattered |= gap;
                y = y.try_unsqueeze(at as i64)?;
                picks.push((at, index));
                at += 1;
            }
        }
    }
    if picks.is_empty() {
        return Ok((y, by));
    }
    Ok((advanced(&y, &picks, scattered)?, "index"))
}

/// The elements of `y` at `picks`: axes, and indices that broadcast.
fn advanced(y: &Tensor, picks: &[(usize, Tensor)], scattered: bool) -> Result<Tensor> {
    let mut shape = picks[0].1.shape().to_vec();
    for (_, index) in picks {
        let one = Tensor::zeros(shape.as_slice()).try_add(Tensor::zeros(index.shape()))?;
        shape = one.shape().to_vec();
    }
    let axes: Vec<i64> = picks.iter().map(|p| p.0 as i64).collect();
    let others: Vec<i64> = (0..y.rank() as i64).filter(|a| !axes.contains(a)).collect();
    let order: Vec<i64> = axes.iter().chain(&others).copied().collect();
    let front = y.try_permute(&order[..])?;
    let rest: Vec<usize> = front.shape()[axes.len()..].to_vec();
    let mut flat: Option<Tensor> = None;
    let mut size = 1;
    for ((_, index), &n) in picks.iter().zip(front.shape()) {
        check(index, n)?;
        let index = index.try_lt(0)?.try_where(&index.try_add(n as i64)?, index)?;
        flat = Some(match flat {
            None => index,
            Some(before) => before.try_mul(n as i64)?.try_add(&index)?,
        });
        size *= n;
    }
    let Some(flat) = flat else { return Ok(y.clone()) };
    let flat = flat.try_expand(shape.as_slice())?.try_flatten()?;
    let mut table = vec![size];
    table.extend(&rest);
    let mut result = shape.clone();
    result.extend(&rest);
    let out = front.try_reshape(table)?.try_index_select(0, &flat)?.try_reshape(result)?;
    let before = if scattered { 0 } else { others.iter().filter(|&&a| a < axes[0]).count() };
    if before == 0 {
        return Ok(out);
    }
    // The picked axes stand where the first of them stood.
    let k = shape.len() as i64;
    let (before, rank) = (before as i64, out.rank() as i64);
    let order: Vec<i64> = (k..k + before).chain(0..k).chain(k + before..rank).collect();
    out.try_permute(&order[..])
}

/// That indices are inside an axis of length n, if they are known.
fn check(index: &Tensor, n: usize) -> Result<()> {
    let numbers = match index.to_vec::<i64>() {
        Ok(numbers) => numbers,
        Err(error) if error.kind() == ErrorKind::Unknown => return Ok(()),
        Err(error) => return Err(error),
    };
    let n = n as i64;
    match numbers.iter().find(|&&i| i < -n || i >= n) {
        // The engine's own check explains.
        Some(&i) => Tensor::zeros([n]).try_i(i).map(|_| ()),
        None => Ok(()),
    }
}

/// A copy of `x` with `v` at the places `at`, numbers of elements in row-major order, each there
/// once.
fn put(x: &Tensor, at: &Tensor, v: &Tensor) -> Result<Tensor> {
    let n = x.len();
    let flat = x.try_flatten()?;
    let zeros = Tensor::zeros_of([n], x.dtype());
    let placed = zeros.try_scatter_add(0, at, v)?;
    let none = Tensor::zeros_of([n], DType::I64);
    let hit = none.try_scatter_add(0, at, &Tensor::full([at.len()], 1i64))?.try_gt(0)?;
    let placed = placed.to_dtype(x.dtype());
    hit.try_where(&placed, &flat)?.try_reshape(x.shape())
}

/// `x` with `v` where the key points.
fn assign(x: &Tensor, list: Vec<Entry>, v: Operand) -> Result<Tensor> {
    let picked = list.iter().any(|e| matches!(e, Entry::Picks(_) | Entry::Whole(_)));
    let all = Tensor::arange(0, x.len() as i64, 1).try_reshape(x.shape())?;
    let (at, _) = read(&all, list)?;
    let v = match v {
        Operand::Tensor(v) => v.to_dtype(x.dtype()),
        number => number.beside(&Tensor::zeros_of((), x.dtype())).to_dtype(x.dtype()),
    };
    // Leading axes of length 1 more than the place has are let go, as numpy does.
    let surplus = v.rank().saturating_sub(at.rank());
    let v = match v.shape()[..surplus].iter().all(|&n| n == 1) {
        true => v.try_reshape(&v.shape()[surplus..])?,
        false => v,
    };
    let v = v.try_expand(at.shape())?.try_flatten()?;
    let at = at.try_flatten()?;
    if !picked {
        return put(x, &at, &v);
    }
    // Of several values for one place the last one stays.
    let numbers = at.to_vec::<i64>()?;
    let mut last = vec![usize::MAX; x.len()];
    numbers.iter().enumerate().for_each(|(i, &p)| last[p as usize] = i);
    let keep: Vec<i64> =
        (0..numbers.len()).filter(|&i| last[numbers[i] as usize] == i).map(|i| i as i64).collect();
    if keep.len() == numbers.len() {
        return put(x, &at, &v);
    }
    let keep = Tensor::from(keep);
    put(x, &at.try_index_select(0, &keep)?, &v.try_index_select(0, &keep)?)
}

/// A copy of `x` with `src` at the places that `index` names along an axis.
pub(crate) fn scatter(x: &Tensor, dim: i64, index: &Tensor, src: Operand) -> Result<Tensor> {
    let src = match src {
        Operand::Tensor(src) if src.rank() > 0 => src.to_dtype(x.dtype()),
        one => one
            .beside(x)
            .to_dtype(x.dtype())
            .try_flatten()?
            .try_slice(0, 0..1)?
            .try_expand(index.shape())?,
    };
    let placed = Tensor::zeros_of(x.shape(), x.dtype()).try_scatter_add(dim, index, &src)?;
    let ones = Tensor::full(index.shape(), 1i64);
    let none = Tensor::zeros_of(x.shape(), DType::I64);
    let hit = none.try_scatter_add(dim, index, &ones)?.try_gt(0)?;
    hit.try_where(&placed.to_dtype(x.dtype()), x)
}

/// The mask of a key that is one mask over the first axes.
fn lone_mask(x: &Tensor, key: &Bound<'_, PyAny>) -> PyResult<Option<Tensor>> {
    if key.is_instance_of::<PyTuple>() {
        return Ok(None);
    }
    let Ok(mask) = key.extract::<Arg>() else { return Ok(None) };
    let mask = mask.0;
    let covers = mask.rank() > 0 && x.shape().get(..mask.rank()) == Some(mask.shape());
    Ok((mask.dtype() == DType::Bool && covers).then_some(mask))
}

#[pymethods]
impl PyTensor {
    fn __getitem__(&self, key: &Bound<'_, PyAny>) -> PyResult<PyTensor> {
        let x = self.tensor();
        let list = entries(&x, key)?;
        run(|| read(&x, list)).map(|(y, by)| PyTensor::made(by, y))
    }

    fn __setitem__(&self, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let x = self.tensor();
        let value: Operand = match value.extract() {
            Ok(value) => value,
            Err(_) => Operand::Tensor(from_any(value, None)?),
        };
        let one = match &value {
            Operand::Tensor(v) => v.rank() == 0,
            _ => true,
        };
        let new = match lone_mask(&x, key)? {
            Some(mask) if one => run(|| {
                let missing = vec![1i64; x.rank() - mask.rank()];
                let mut shape: Vec<i64> = mask.shape().iter().map(|&n| n as i64).collect();
                shape.extend(missing);
                let (x, v) = pair(x.clone(), value);
                mask.try_reshape(shape)?.try_where(&v.to_dtype(x.dtype()), &x)
            })?,
            _ => {
                let list = entries(&x, key)?;
                run(|| assign(&x, list, value))?
            }
        };
        self.rebind("copy_slices", &new)
    }

    /// The places of elements that are not 0: a row for each, or with `as_tuple` a vector for each
    /// axis.
    #[pyo3(signature = (*, as_tuple=false))]
    fn nonzero(&self, py: Python<'_>, as_tuple: bool) -> PyResult<Py<PyAny>> {
        let x = self.tensor();
        if as_tuple {
            return nonzero(py, &x);
        }
        let rows = run(|| {
            let columns = true_places(&x.to_dtype(DType::Bool))?;
            if x.rank() == 0 {
                return Ok(Tensor::zeros_of([columns[0].len(), 0], DType::I64));
            }
            chainrule::stack(&columns.iter().collect::<Vec<_>>(), 1)
        })?;
        Ok(Py::new(py, PyTensor::given(rows))?.into_any())
    }
}

/// The places of elements that are not 0, a vector for each axis.
pub(crate) fn nonzero(py: Python<'_>, x: &Tensor) -> PyResult<Py<PyAny>> {
    let columns = run(|| true_places(&x.to_dtype(DType::Bool)))?;
    let list = columns.into_iter().map(PyTensor::given);
    Ok(PyTuple::new(py, list.collect::<Vec<_>>())?.into_any().unbind())
}
