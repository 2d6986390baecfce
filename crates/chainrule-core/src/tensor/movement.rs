//! Moving elements: shapes, axes, windows, joining. Most of these copy nothing.

use std::panic::Location;

use super::args::{
    IntoAxes, IntoShape, axes, axis, axis_of, check_rank, joint, lengths, record, stretch,
};
use super::make::infer;
use super::methods;
use crate::error::{Error, ErrorKind, Operand, Result, count};
use crate::graph::Tensor;
use crate::graph::node::Sources;
use crate::op::{DType, Linear, Op, Order, Shape, Window};
use crate::place::Place;

methods! {
    /// The same elements, in row-major order, in another shape; one length may be −1.
    ///
    /// ```
    /// # use chainrule_core::*;
    /// let x = Tensor::arange(0, 6, 1).reshape([2, -1]);
    /// assert_eq!(x.shape(), [2, 3]);
    /// ```
    ///
    /// # Panics
    /// If the shape has another number of elements.
    fn reshape / try_reshape(&self, shape: impl IntoShape) {
        let shape = infer("reshape", self.len(), shape)?;
        let n: usize = shape.iter().product();
        if n != self.len() {
            let what =
                format!("`reshape` to {:?} needs {n} elements, not {}", &shape[..], self.len());
            return Err(Error::new(ErrorKind::Shape, what, Location::caller())
                .operand(self.operand("tensor"))
                .hint(
                    "the lengths must multiply to the number of elements; one of them may be -1",
                ));
        }
        Ok(self.linear(Linear::Reshape, shape))
    }

    /// One axis with all elements.
    fn flatten / try_flatten(&self) {
        self.try_reshape([-1])
    }

    /// The axes in another order: axis i of the result is axis `order[i]`.
    ///
    /// # Panics
    /// If `order` does not name each axis once.
    fn permute / try_permute(&self, order: impl IntoAxes) {
        let given = order.into_axes();
        let set = axes("permute", self, given.as_slice())?;
        if set.count() != self.rank() {
            let what = format!("`permute` needs all axes, got {:?}", &given[..]);
            return Err(Error::new(ErrorKind::Axis, what, Location::caller())
                .operand(self.operand("tensor"))
                .hint("name each axis once, in the new order"));
        }
        let rank = self.rank() as i64;
        let wrap = |a: i64| (if a < 0 { a + rank } else { a }) as usize;
        let order: Vec<usize> = given.iter().map(|&a| wrap(a)).collect();
        if order.iter().enumerate().all(|(i, &a)| i == a) {
            return Ok(self.source());
        }
        let shape = order.iter().map(|&a| self.shape()[a]).collect();
        Ok(self.linear(Linear::Permute(Order::new(order)), shape))
    }

    /// Two axes exchanged.
    ///
    /// # Panics
    /// If an axis does not exist.
    fn transpose / try_transpose(&self, a: i64, b: i64) {
        let (a, b) = (axis("transpose", self, a)?, axis("transpose", self, b)?);
        let mut order: Vec<usize> = (0..self.rank()).collect();
        order.swap(a, b);
        self.try_permute(order.as_slice())
    }

    /// The transpose of a matrix; of a tensor with more axes, the last two exchanged.
    ///
    /// # Panics
    /// If there are fewer than two axes.
    fn t / try_t(&self) {
        if self.rank() < 2 {
            let what = format!("`t` on a tensor with {}", count(self.rank(), "axis", "axes"));
            return Err(Error::new(ErrorKind::Shape, what, Location::caller())
                .operand(self.operand("tensor"))
                .hint("`.unsqueeze(0)` makes a row of a vector, `.unsqueeze(-1)` a column"));
        }
        self.try_transpose(-2, -1)
    }

    /// Stretched to a shape with which it broadcasts; copies nothing.
    ///
    /// # Panics
    /// If the shapes do not broadcast to `shape`.
    fn expand / try_expand(&self, shape: impl IntoShape) {
        let shape = lengths("expand", shape)?;
        if joint(self.shape(), &shape).as_ref() != Ok(&shape) {
            let what = format!("`expand` cannot stretch the tensor to {:?}", &shape[..]);
            let fact = format!("{:?}", &shape[..]);
            return Err(Error::new(ErrorKind::Broadcast, what, Location::caller())
                .operand(self.operand("tensor"))
                .operand(Operand { role: "target", fact, what: String::new(), at: None })
                .hint("only axes of length 1 stretch, and new axes come before the others"));
        }
        Ok(stretch(self.source(), &shape))
    }

    /// Without the given axes, which must have length 1.
    ///
    /// # Panics
    /// If an axis does not exist or has another length.
    fn squeeze / try_squeeze(&self, which: impl IntoAxes) {
        let set = axes("squeeze", self, which)?;
        if let Some(a) = (0..self.rank()).find(|&a| set.contains(a) && self.shape()[a] != 1) {
            let what = format!("`squeeze` of axis {a}, which has length {}", self.shape()[a]);
            return Err(Error::new(ErrorKind::Shape, what, Location::caller())
                .operand(self.operand("tensor"))
                .hint("only axes of length 1 can go; pick an element with `.i(…)`"));
        }
        Ok(self.linear(Linear::Reshape, set.remove_from(self.shape())))
    }

    /// With a new axis of length 1 before axis `at` (−1: after the last).
    ///
    /// # Panics
    /// If `at` is out of range.
    fn unsqueeze / try_unsqueeze(&self, at: i64) {
        check_rank("unsqueeze", self.rank() + 1)?;
        let at = axis_of("unsqueeze", self, at, self.rank() + 1)?;
        let mut shape = self.0.shape.clone();
        shape.insert(at, 1);
        Ok(self.linear(Linear::Reshape, shape))
    }

    /// Some axes backwards.
    ///
    /// # Panics
    /// If an axis does not exist.
    fn flip / try_flip(&self, which: impl IntoAxes) {
        let set = axes("flip", self, which)?;
        Ok(self.linear(Linear::Flip(set), self.0.shape.clone()))
    }

    /// The elements `range` of an axis.
    ///
    /// # Panics
    /// If the axis does not exist or the range leaves it.
    fn slice / try_slice(&self, along: i64, range: std::ops::Range<usize>) {
        let a = axis("slice", self, along)?;
        let n = self.shape()[a];
        if range.start > range.end || range.end > n {
            let what = format!("`slice` {range:?} leaves axis {a} of length {n}");
            return Err(Error::new(ErrorKind::Index, what, Location::caller())
                .operand(self.operand("tensor"))
                .hint(format!(
                    "the range must have start ≤ end ≤ {n}; `.i({range:?})` cuts it off"
                )));
        }
        let mut shape = self.0.shape.clone();
        shape[a] = range.len();
        let mut windows = vec![Window { start: 0, step: 1 }; self.rank()];
        windows[a].start = range.start;
        Ok(self.linear(Linear::Slice(windows.into()), shape))
    }

    /// With `before` and `after` zeros around an axis.
    ///
    /// # Panics
    /// If the axis does not exist.
    fn pad / try_pad(&self, along: i64, before: usize, after: usize) {
        let a = axis("pad", self, along)?;
        let mut shape = self.0.shape.clone();
        shape[a] += before + after;
        let mut windows = vec![Window { start: 0, step: 1 }; self.rank()];
        windows[a].start = before;
        Ok(self.linear(Linear::Pad(windows.into()), shape))
    }

    /// The elements at `index` along an axis: y\[…, j, …\] = x\[…, index\[…, j, …\], …\]. The other
    /// axes of `index` must be no longer than the tensor's (as in torch). Negative indices count
    /// from the end.
    ///
    /// # Panics
    /// If shapes or the index's element type do not fit. An index out of range is an error when
    /// the result is computed, reported with the line of this call.
    fn gather / try_gather(&self, along: i64, index: &Tensor) {
        let a = axis("gather", self, along)?;
        check_index("gather", self, index)?;
        let mut x = self.source();
        for i in (0..self.rank()).filter(|&i| i != a) {
            if index.shape()[i] != x.shape()[i] {
                x = x.try_slice(i as i64, 0..index.shape()[i])?;
            }
        }
        let sources: Sources = [x.source(), index.to_dtype(DType::I64)].into_iter().collect();
        let op = Op::Linear(Linear::Gather(a as u8));
        Ok(record(op, x.dtype(), index.0.shape.clone(), sources))
    }

    /// This tensor with `src` added at `index` along an axis: the adjoint of
    /// [`gather`](Self::gather). `src` and `index` have one shape, equal to this one's but for the
    /// axis.
    ///
    /// # Panics
    /// If shapes or element types do not fit.
    fn scatter_add / try_scatter_add(&self, along: i64, index: &Tensor, src: &Tensor) {
        let a = axis("scatter_add", self, along)?;
        check_index("scatter_add", self, index)?;
        let fits = |i: usize| i == a || index.shape()[i] == self.shape()[i];
        if index.shape() != src.shape() || !(0..self.rank()).all(fits) {
            let what = "`scatter_add` needs `index` and `src` of one shape";
            return Err(Error::new(ErrorKind::Shape, what, Location::caller())
                .operand(self.operand("tensor"))
                .operand(index.operand("index"))
                .operand(src.operand("src"))
                .hint(format!("it must be the tensor's but for axis {a}: `.expand` the index")));
        }
        // Truth values are counted.
        let dtype = self.dtype().lanes();
        let sources: Sources =
            [src.to_dtype(dtype), index.to_dtype(DType::I64)].into_iter().collect();
        let op = Op::Linear(Linear::ScatterAdd(a as u8));
        let placed = record(op, dtype, self.0.shape.clone(), sources);
        Ok(self.to_dtype(dtype).try_add(&placed)?.into_dtype(self.dtype().counted()))
    }

    /// The elements at the 1-d `index` along an axis (rows of a matrix for axis 0, as an embedding
    /// looks them up).
    ///
    /// # Panics
    /// If the axis does not exist, or the index is not a vector of integers.
    fn index_select / try_index_select(&self, along: i64, index: &Tensor) {
        let a = axis("index_select", self, along)?;
        check_integers("index_select", index)?;
        if index.rank() != 1 {
            let axes = count(index.rank(), "axis", "axes");
            let what = format!("`index_select` needs a vector of indices, got {axes}");
            return Err(Error::new(ErrorKind::Shape, what, Location::caller())
                .operand(index.operand("index"))
                .hint("`x.i(&index)` takes an index of any shape"));
        }
        let mut shape = self.0.shape.clone();
        shape[a] = index.len();
        let mut column = Shape::from_elem(1, self.rank());
        column[a] = index.len();
        let index = stretch(index.linear(Linear::Reshape, column), &shape);
        self.try_gather(a as i64, &index)
    }
}

#[track_caller]
fn check_integers(op: &str, index: &Tensor) -> Result<()> {
    if index.dtype().is_integer() {
        return Ok(());
    }
    let what = format!("`{op}` needs integer indices, got {}", index.dtype());
    Err(Error::new(ErrorKind::DType, what, Location::caller())
        .operand(index.operand("index"))
        .hint("convert with `.to_dtype(DType::I64)`; for a mask use `.i(&mask)`"))
}

#[track_caller]
fn check_index(op: &str, x: &Tensor, index: &Tensor) -> Result<()> {
    let here = Place::caller();
    check_integers(op, index)?;
    if index.rank() != x.rank() {
        let what = format!("`{op}` needs an index with as many axes as the tensor");
        return Err(Error::new(ErrorKind::Shape, what, here)
            .operand(x.operand("tensor"))
            .operand(index.operand("index"))
            .hint("`.unsqueeze` the index, or use `index_select` for a vector of indices"));
    }
    Ok(())
}

/// Tensors one after the other along an axis; shapes must agree on the other axes.
///
/// # Errors
/// If there is no tensor, or shapes do not fit.
#[track_caller]
pub fn cat(tensors: &[&Tensor], along: i64) -> Result<Tensor> {
    let here = Place::caller();
    let Some(first) = tensors.first() else {
        return Err(Error::new(ErrorKind::Data, "`cat` of no tensors", here)
            .hint("give at least one tensor"));
    };
    let a = axis("cat", first, along)?;
    let dtype = tensors.iter().map(|t| t.dtype()).fold(DType::Bool, DType::promote);
    let mut shape = first.0.shape.clone();
    shape[a] = 0;
    let mut sources = Sources::new();
    for t in tensors {
        let fits = t.rank() == first.rank()
            && (0..t.rank()).all(|i| i == a || t.shape()[i] == first.shape()[i]);
        if !fits {
            let what = format!("`cat` along axis {a} of tensors that differ elsewhere");
            return Err(Error::new(ErrorKind::Shape, what, here)
                .operand(first.operand("first"))
                .operand(t.operand("other"))
                .hint(format!("all lengths but that of axis {a} must be equal")));
        }
        shape[a] += t.shape()[a];
        sources.push(t.to_dtype(dtype));
    }
    Ok(record(Op::Cat(a as u8), dtype, shape, sources))
}

/// Tensors of one shape side by side along a new axis.
///
/// # Errors
/// If there is no tensor, or shapes differ.
#[track_caller]
pub fn stack(tensors: &[&Tensor], at: i64) -> Result<Tensor> {
    let Some(first) = tensors.first() else {
        return Err(Error::new(ErrorKind::Data, "`stack` of no tensors", Location::caller())
            .hint("give at least one tensor"));
    };
    if let Some(other) = tensors.iter().find(|t| t.shape() != first.shape()) {
        let what = "`stack` of tensors of different shapes";
        return Err(Error::new(ErrorKind::Shape, what, Location::caller())
            .operand(first.operand("first"))
            .operand(other.operand("other"))
            .hint("`cat` joins tensors that differ along one axis"));
    }
    let at = axis_of("stack", first, at, first.rank() + 1)? as i64;
    let mut lifted = Vec::with_capacity(tensors.len());
    for t in tensors {
        lifted.push(t.try_unsqueeze(at)?);
    }
    cat(&lifted.iter().collect::<Vec<_>>(), at)
}
