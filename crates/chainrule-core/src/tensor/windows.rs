//! Sliding windows along an axis, and adding them where they overlap: what convolutions and pooling
//! are made of.
//!
//! With W windows of k elements, step s and dilation d on an axis of n elements,
//!
//! ```text
//! unfold   y[j, i] = x[j s + i d]                     W = ⌊(n − d (k − 1) − 1)/s⌋ + 1
//! fold     x[t] = Σ y[j, i] over j s + i d = t
//! ```
//!
//! The two are adjoint: ⟨u, unfold x⟩ = ⟨fold u, x⟩. Unfolding is a view through overlapping
//! strides; a moving average is `x.unfold(0, k, 1).mean_axis(-1, false)`.

use std::panic::Location;

use super::args::{axis, check_rank};
use super::methods;
use crate::error::{Error, ErrorKind, Result, count};
use crate::graph::Tensor;
use crate::op::{Linear, Sliding};

methods! {
    /// Windows of `size` elements along an axis, one every `step`: y\[…, j, …, i\] =
    /// x\[…, j · step + i, …\]. The elements of a window are a new last axis; what does not fill a
    /// window at the end is left out. Copies nothing.
    ///
    /// ```
    /// # use chainrule_core::*;
    /// let pairs = Tensor::from([1.0, 2.0, 3.0]).unfold(0, 2, 1);
    /// assert_eq!(pairs.to_vec::<f64>()?, [1.0, 2.0, 2.0, 3.0]);
    /// assert_eq!(pairs.shape(), [2, 2]);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Panics
    /// If the axis does not exist or is shorter than a window, or `size` or `step` is 0.
    fn unfold / try_unfold(&self, along: i64, size: usize, step: usize) {
        self.try_unfold_dilated(along, size, step, 1)
    }

    /// [`unfold`](Self::unfold) with `dilation` as the distance of a window's elements:
    /// y\[…, j, …, i\] = x\[…, j · step + i · dilation, …\].
    ///
    /// # Panics
    /// As `unfold`; if `dilation` is 0.
    fn unfold_dilated / try_unfold_dilated(
        &self,
        along: i64,
        size: usize,
        step: usize,
        dilation: usize,
    ) {
        let a = axis("unfold", self, along)?;
        check_rank("unfold", self.rank() + 1)?;
        let sliding = windows("unfold", self, a, [size, step, dilation])?;
        let mut shape = self.0.shape.clone();
        let n = shape[a];
        let Some(windows) = sliding.count(n) else {
            let what = format!("`unfold` of windows that are longer than axis {a}, which is {n}");
            return Err(Error::new(ErrorKind::Shape, what, Location::caller())
                .operand(self.operand("tensor"))
                .hint(format!("{size} elements {dilation} apart: take fewer, or `.pad` the axis")));
        };
        shape[a] = windows;
        shape.push(size);
        Ok(self.linear(Linear::Unfold(Box::new(sliding)), shape))
    }

    /// The adjoint of [`unfold_dilated`](Self::unfold_dilated): the last axis has the elements of
    /// windows along `along`; they are added where windows overlap, on an axis of length `n`.
    ///
    /// ```
    /// # use chainrule_core::*;
    /// let windows = Tensor::from([[1.0, 2.0], [10.0, 20.0]]);
    /// assert_eq!(windows.fold(0, 3, 1, 1).to_vec::<f64>()?, [1.0, 12.0, 20.0]);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Panics
    /// If the axis does not exist or is the last, or an axis of length `n` does not have so many
    /// windows of that size.
    fn fold / try_fold(&self, along: i64, n: usize, step: usize, dilation: usize) {
        let a = axis("fold", self, along)?;
        let size = self.shape().last().copied().unwrap_or(0);
        let sliding = windows("fold", self, a, [size, step, dilation])?;
        if a + 1 == self.rank() || sliding.count(n) != Some(self.shape()[a]) {
            let what = format!("`fold` along axis {a} to length {n} does not fit the windows");
            return Err(Error::new(ErrorKind::Shape, what, Location::caller())
                .operand(self.operand("windows"))
                .hint(match sliding.count(n) {
                    Some(windows) => format!(
                        "an axis of length {n} has {} of {size} elements",
                        count(windows, "window", "windows")
                    ),
                    None => format!("a window of {size} elements is longer than {n}"),
                }));
        }
        let mut shape = self.0.shape.clone();
        shape.pop();
        shape[a] = n;
        let y = self.source().widened().linear(Linear::Fold(Box::new(sliding)), shape);
        Ok(y.into_dtype(self.dtype()))
    }
}

/// Windows along axis `a`, none of whose numbers is 0.
#[track_caller]
fn windows(op: &str, x: &Tensor, a: usize, numbers: [usize; 3]) -> Result<Sliding> {
    let [size, step, dilation] = numbers;
    if numbers.contains(&0) {
        let what = format!("`{op}` got size {size}, step {step} and dilation {dilation}");
        return Err(Error::new(ErrorKind::Data, what, Location::caller())
            .operand(x.operand("tensor"))
            .hint("each of them is 1 or more"));
    }
    Ok(Sliding { axis: a as u8, size, step, dilation })
}
