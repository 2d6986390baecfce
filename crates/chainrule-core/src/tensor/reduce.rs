//! Reductions: sums, extrema, moments, softmax, running sums, sorting.
//!
//! The plain form takes everything (`sum()`); the `_axis` form takes one axis or several and says
//! whether they stay with length 1 (`sum_axis(-1, true)`), as `dim` and `keepdim` do in torch.

use std::panic::Location;

use smallvec::smallvec;

use super::args::{IntoAxes, axes, axis, record};
use super::methods;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Tensor;
use crate::op::{Axes, DType, Extremum, Linear, Op, Shape};

impl Tensor {
    fn every_axis(&self) -> Axes {
        Axes::range(0, self.rank())
    }

    /// With the reduced axes back, at length 1, if they are to stay.
    #[track_caller]
    fn keep(self, source: &Tensor, set: Axes, keepdim: bool) -> Tensor {
        if !keepdim {
            return self;
        }
        let n = |(i, &n): (usize, &usize)| if set.contains(i) { 1 } else { n };
        let shape: Shape = source.shape().iter().enumerate().map(n).collect();
        self.linear(Linear::Reshape, shape)
    }

    /// In the type of comparisons: what is only stored, as I64.
    #[track_caller]
    pub(super) fn widened(self) -> Tensor {
        if self.dtype().is_narrow() { self.to_dtype(DType::I64) } else { self }
    }

    #[track_caller]
    fn sum_over(&self, set: Axes) -> Tensor {
        let x = self.to_dtype(self.dtype().lanes());
        if set == Axes::default() {
            return x;
        }
        x.linear(Linear::Sum(set), set.remove_from(x.shape()))
    }

    #[track_caller]
    fn mean_over(&self, set: Axes) -> Tensor {
        let x = self.to_dtype(self.dtype().to_float());
        let count = set.product(x.shape());
        x.sum_over(set) * (1.0 / count as f64)
    }

    #[track_caller]
    fn extremum(&self, op: &str, kind: Extremum, set: Axes) -> Result<Tensor> {
        let x = self.source();
        if set.product(x.shape()) == 0 {
            let what = format!("`{op}` over no elements");
            return Err(Error::new(ErrorKind::Shape, what, Location::caller())
                .operand(x.operand("tensor"))
                .hint("there is nothing to choose from: check where the data were lost"));
        }
        if set == Axes::default() {
            return Ok(x);
        }
        let (dtype, shape) = (x.0.dtype, set.remove_from(x.shape()));
        let x = x.widened();
        Ok(record(Op::Reduce(kind, set), x.dtype(), shape, smallvec![x]).into_dtype(dtype))
    }

    #[track_caller]
    fn arg(&self, op: &str, kind: Extremum, a: usize) -> Result<Tensor> {
        let x = self.source();
        if x.shape()[a] == 0 {
            let what = format!("`{op}` over no elements");
            return Err(Error::new(ErrorKind::Shape, what, Location::caller())
                .operand(x.operand("tensor"))
                .hint("there is nothing to choose from: check where the data were lost"));
        }
        let mut shape = x.0.shape.clone();
        shape.remove(a);
        Ok(record(Op::ArgReduce(kind, a as u8), DType::I64, shape, smallvec![x.widened()]))
    }

    /// Σ(x − mean)²/(n − correction) over axes of n elements.
    #[track_caller]
    fn var_over(&self, set: Axes, correction: f64) -> Tensor {
        let x = self.to_dtype(self.dtype().to_float());
        let mean = x.mean_over(set).keep(&x, set, true);
        let n = set.product(x.shape()) as f64;
        (&x - &mean).square().sum_over(set) / (n - correction)
    }

    /// The largest element along axes, as a constant that keeps exponentials in range.
    #[track_caller]
    fn peak(&self, set: Axes) -> Result<Tensor> {
        let m = self.detach().extremum("logsumexp", Extremum::Max, set)?.keep(self, set, true);
        // An infinite peak would make ∞ − ∞.
        m.isfinite().try_where(&m, 0.0)
    }
}

methods! {
    /// Σ x; of integers of any width in I64, of truth values how many are true (I64).
    fn sum / try_sum(&self) {
        Ok(self.sum_over(self.every_axis()))
    }

    /// Σ x along axes.
    ///
    /// # Panics
    /// If an axis does not exist.
    fn sum_axis / try_sum_axis(&self, along: impl IntoAxes, keepdim: bool) {
        let set = axes("sum", self, along)?;
        Ok(self.sum_over(set).keep(self, set, keepdim))
    }

    /// The arithmetic mean; NaN of no elements.
    fn mean / try_mean(&self) {
        Ok(self.mean_over(self.every_axis()))
    }

    /// The arithmetic mean along axes.
    ///
    /// # Panics
    /// If an axis does not exist.
    fn mean_axis / try_mean_axis(&self, along: impl IntoAxes, keepdim: bool) {
        let set = axes("mean", self, along)?;
        Ok(self.mean_over(set).keep(self, set, keepdim))
    }

    /// The variance Σ(x − mean)²/(n − 1).
    fn var / try_var(&self) {
        Ok(self.var_over(self.every_axis(), 1.0))
    }

    /// The variance along axes, with divisor n − `correction` (1: unbiased, 0: of a population).
    ///
    /// # Panics
    /// If an axis does not exist.
    fn var_axis / try_var_axis(&self, along: impl IntoAxes, correction: f64, keepdim: bool) {
        let set = axes("var", self, along)?;
        Ok(self.var_over(set, correction).keep(self, set, keepdim))
    }

    /// The standard deviation √var.
    fn std / try_std(&self) {
        Ok(self.try_var()?.sqrt())
    }

    /// The standard deviation along axes.
    ///
    /// # Panics
    /// If an axis does not exist.
    fn std_axis / try_std_axis(&self, along: impl IntoAxes, correction: f64, keepdim: bool) {
        let set = axes("std", self, along)?;
        Ok(self.var_over(set, correction).keep(self, set, keepdim).sqrt())
    }

    /// The largest element; equal ones share the derivative. NaN if any element is.
    ///
    /// # Panics
    /// If there are no elements.
    fn max / try_max(&self) {
        self.extremum("max", Extremum::Max, self.every_axis())
    }

    /// The largest element along axes.
    ///
    /// # Panics
    /// If an axis does not exist or is empty.
    fn max_axis / try_max_axis(&self, along: impl IntoAxes, keepdim: bool) {
        let set = axes("max", self, along)?;
        Ok(self.extremum("max", Extremum::Max, set)?.keep(self, set, keepdim))
    }

    /// The smallest element; equal ones share the derivative. NaN if any element is.
    ///
    /// # Panics
    /// If there are no elements.
    fn min / try_min(&self) {
        self.extremum("min", Extremum::Min, self.every_axis())
    }

    /// The smallest element along axes.
    ///
    /// # Panics
    /// If an axis does not exist or is empty.
    fn min_axis / try_min_axis(&self, along: impl IntoAxes, keepdim: bool) {
        let set = axes("min", self, along)?;
        Ok(self.extremum("min", Extremum::Min, set)?.keep(self, set, keepdim))
    }

    /// The index (I64) of the first largest element of all, in row-major order.
    ///
    /// # Panics
    /// If there are no elements.
    fn argmax / try_argmax(&self) {
        self.try_flatten()?.arg("argmax", Extremum::Max, 0)
    }

    /// The index (I64) of the first largest element along an axis.
    ///
    /// # Panics
    /// If the axis does not exist or is empty.
    fn argmax_axis / try_argmax_axis(&self, along: i64, keepdim: bool) {
        let a = axis("argmax", self, along)?;
        Ok(self.arg("argmax", Extremum::Max, a)?.keep(self, Axes(1 << a), keepdim))
    }

    /// The index (I64) of the first smallest element of all, in row-major order.
    ///
    /// # Panics
    /// If there are no elements.
    fn argmin / try_argmin(&self) {
        self.try_flatten()?.arg("argmin", Extremum::Min, 0)
    }

    /// The index (I64) of the first smallest element along an axis.
    ///
    /// # Panics
    /// If the axis does not exist or is empty.
    fn argmin_axis / try_argmin_axis(&self, along: i64, keepdim: bool) {
        let a = axis("argmin", self, along)?;
        Ok(self.arg("argmin", Extremum::Min, a)?.keep(self, Axes(1 << a), keepdim))
    }

    /// Whether any element is true (or not 0); false of no elements.
    fn any / try_any(&self) {
        Ok(self.to_dtype(DType::Bool).sum_over(self.every_axis()).gt(0))
    }

    /// Whether all elements are true (or not 0); true of no elements.
    fn all / try_all(&self) {
        Ok(self.logical_not().sum_over(self.every_axis()).eq(0))
    }

    /// Whether any element along axes is true.
    ///
    /// # Panics
    /// If an axis does not exist.
    fn any_axis / try_any_axis(&self, along: impl IntoAxes, keepdim: bool) {
        let set = axes("any", self, along)?;
        Ok(self.to_dtype(DType::Bool).sum_over(set).keep(self, set, keepdim).gt(0))
    }

    /// Whether all elements along axes are true.
    ///
    /// # Panics
    /// If an axis does not exist.
    fn all_axis / try_all_axis(&self, along: impl IntoAxes, keepdim: bool) {
        let set = axes("all", self, along)?;
        Ok(self.logical_not().sum_over(set).keep(self, set, keepdim).eq(0))
    }

    /// Π x, of integers in I64. The product is taken in pairs, so its derivative is right where
    /// elements are 0.
    fn prod / try_prod(&self) {
        self.try_flatten()?.try_prod_axis(0, false)
    }

    /// Π x along an axis.
    ///
    /// # Panics
    /// If the axis does not exist.
    fn prod_axis / try_prod_axis(&self, along: i64, keepdim: bool) {
        let a = axis("prod", self, along)?;
        let mut x = self.to_dtype(self.dtype().lanes());
        if x.shape()[a] == 0 {
            let mut shape = x.0.shape.clone();
            shape[a] = 1;
            x = Tensor::constant(crate::op::Scalar::Int(1), x.dtype(), shape);
        }
        let along = a as i64;
        while x.shape()[a] > 1 {
            let (n, half) = (x.shape()[a], x.shape()[a] / 2);
            let pairs = x.try_slice(along, 0..half)? * x.try_slice(along, half..2 * half)?;
            x = match n % 2 {
                0 => pairs,
                _ => super::cat(&[&pairs, &x.try_slice(along, n - 1..n)?], along)?,
            };
        }
        if keepdim { Ok(x) } else { x.try_squeeze(along) }
    }

    /// ln Σ eˣ along axes, without overflow.
    ///
    /// # Panics
    /// If an axis does not exist or is empty.
    fn logsumexp / try_logsumexp(&self, along: impl IntoAxes, keepdim: bool) {
        let set = axes("logsumexp", self, along)?;
        let x = self.to_dtype(self.dtype().to_float());
        let peak = x.peak(set)?;
        let sum = (&x - &peak).exp().sum_over(set).keep(&x, set, true);
        let all = sum.ln() + peak;
        Ok(if keepdim { all } else { all.linear(Linear::Reshape, set.remove_from(x.shape())) })
    }

    /// eˣ / Σ eˣ along an axis, without overflow.
    ///
    /// # Panics
    /// If the axis does not exist or is empty.
    fn softmax / try_softmax(&self, along: i64) {
        let set = Axes(1 << axis("softmax", self, along)?);
        let x = self.to_dtype(self.dtype().to_float());
        let e = (&x - &x.peak(set)?).exp();
        let sum = e.sum_over(set).keep(&x, set, true);
        Ok(e / sum)
    }

    /// ln softmax(x), computed as x − ln Σ eˣ.
    ///
    /// # Panics
    /// If the axis does not exist or is empty.
    fn log_softmax / try_log_softmax(&self, along: i64) {
        let set = Axes(1 << axis("log_softmax", self, along)?);
        let x = self.to_dtype(self.dtype().to_float());
        let shifted = &x - &x.peak(set)?;
        let sum = shifted.exp().sum_over(set).keep(&x, set, true);
        Ok(shifted - sum.ln())
    }

    /// −mean ln softmax(x)\[target\]: the cross-entropy of rows of logits, \[n, classes\], and
    /// class indices, \[n\] (I64). Rows with a target outside 0..classes count as having no class.
    ///
    /// # Panics
    /// If shapes or element types do not fit.
    fn cross_entropy / try_cross_entropy(&self, target: &Tensor) {
        let fits = self.rank() == 2 && target.shape() == &self.shape()[..1];
        if !fits || !target.dtype().is_integer() {
            let what = "`cross_entropy` needs logits [n, classes] and integer targets [n]";
            return Err(Error::new(ErrorKind::Shape, what, Location::caller())
                .operand(self.operand("logits"))
                .operand(target.operand("target"))
                .hint(
                    "`.reshape` the logits to two axes; targets are class numbers, of type int64",
                ));
        }
        let x = self.to_dtype(self.dtype().to_float());
        let target = &target.to_dtype(DType::I64);
        let classes = target.linear(Linear::Expand(Axes(2)), self.0.shape.clone());
        let index = record(Op::Iota(1), DType::I64, self.0.shape.clone(), smallvec![]);
        // ln Σ eᶻ − z at the target: the choice meets z itself, not what is computed from it, so
        // that its cotangent goes back without a product.
        let z = &x - &x.peak(Axes(2))?;
        let picked = index.try_eq(&classes)?.try_where(&z, 0.0)?.sum_over(Axes(2));
        let lost = z.exp().sum_over(Axes(2)).ln() - picked;
        let count = self.shape()[1] as i64;
        let valid = target.try_ge(0)?.try_logical_and(&target.try_lt(count)?)?;
        Ok(valid.try_where(&lost, 0.0)?.mean_over(Axes(1)))
    }

    /// The Euclidean norm √Σx²; its derivative at 0 is 0.
    fn norm / try_norm(&self) {
        safe_root(&self.square().sum_over(self.every_axis()))
    }

    /// The Euclidean norm along axes.
    ///
    /// # Panics
    /// If an axis does not exist.
    fn norm_axis / try_norm_axis(&self, along: impl IntoAxes, keepdim: bool) {
        let set = axes("norm", self, along)?;
        safe_root(&self.square().sum_over(set).keep(self, set, keepdim))
    }

    /// Running sums along an axis, of integers in I64.
    ///
    /// # Panics
    /// If the axis does not exist.
    fn cumsum / try_cumsum(&self, along: i64) {
        let a = axis("cumsum", self, along)?;
        let x = self.to_dtype(self.dtype().lanes());
        Ok(x.linear(Linear::Cumsum(a as u8, false), x.0.shape.clone()))
    }

    /// Running products along an axis, of integers in I64, taken by doubling (Hillis & Steele
    /// 1986), so that the derivative is right where elements are 0.
    ///
    /// # Panics
    /// If the axis does not exist.
    fn cumprod / try_cumprod(&self, along: i64) {
        let a = axis("cumprod", self, along)?;
        let (along, n) = (a as i64, self.shape()[a]);
        let mut x = self.to_dtype(self.dtype().lanes());
        let mut reach = 1;
        while reach < n {
            let later = x.try_slice(along, reach..n)? * x.try_slice(along, 0..n - reach)?;
            x = super::cat(&[&x.try_slice(along, 0..reach)?, &later], along)?;
            reach *= 2;
        }
        Ok(x)
    }

    /// The indices (I64) that sort along an axis. Stable; NaN counts as the largest number.
    ///
    /// # Panics
    /// If the axis does not exist.
    fn argsort / try_argsort(&self, along: i64, descending: bool) {
        let a = axis("argsort", self, along)?;
        let x = self.source().widened();
        let op = Op::ArgSort(a as u8, descending);
        let shape = x.0.shape.clone();
        Ok(record(op, DType::I64, shape, smallvec![x]))
    }

    /// The elements in order along an axis; derivatives go where each element came from.
    ///
    /// # Panics
    /// If the axis does not exist.
    fn sort / try_sort(&self, along: i64, descending: bool) {
        axis("sort", self, along)?;
        self.try_gather(along, &self.try_argsort(along, descending)?)
    }

    /// The same elements in random order along the first axis.
    ///
    /// # Panics
    /// On a 0-d tensor.
    fn shuffle / try_shuffle(&self) {
        axis("shuffle", self, 0)?;
        self.try_index_select(0, &Tensor::randperm(self.shape()[0]))
    }
}

/// √s with derivative 0 at s = 0: the root is taken of 1 where s is 0, and then not used.
#[track_caller]
fn safe_root(s: &Tensor) -> Result<Tensor> {
    let zero = s.eq(0.0);
    let root = zero.try_where(&s.ones_like(), s)?.sqrt();
    zero.try_where(&s.zeros_like().to_dtype(root.dtype()), &root)
}

impl Tensor {
    /// The k largest elements along an axis, largest first, and their indices (I64).
    ///
    /// # Errors
    /// If the axis does not exist or is shorter than k.
    #[track_caller]
    pub fn topk(&self, k: usize, along: i64) -> Result<(Tensor, Tensor)> {
        let a = axis("topk", self, along)?;
        let n = self.shape()[a];
        if k > n {
            let what = format!("`topk` of {k} elements along axis {a} of length {n}");
            return Err(Error::new(ErrorKind::Index, what, Location::caller())
                .operand(self.operand("tensor"))
                .hint("take at most as many as there are"));
        }
        let index = self.try_argsort(along, true)?.try_slice(along, 0..k)?;
        Ok((self.try_gather(along, &index)?, index))
    }

    /// The parts of an axis, without it: the inverse of [`stack`](crate::stack).
    ///
    /// # Errors
    /// If the axis does not exist.
    #[track_caller]
    pub fn unbind(&self, along: i64) -> Result<Vec<Tensor>> {
        let a = axis("unbind", self, along)?;
        let mut parts = Vec::with_capacity(self.shape()[a]);
        for i in 0..self.shape()[a] {
            parts.push(self.try_slice(along, i..i + 1)?.try_squeeze(along)?);
        }
        Ok(parts)
    }
}
