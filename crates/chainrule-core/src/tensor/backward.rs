//! `backward`: gradients gathered in parameters.

use std::panic::Location;

use crate::error::{Error, ErrorKind, Result};
use crate::exec::{anomaly, realize};
use crate::grad::Expr;
use crate::graph::Tensor;

impl Tensor {
    /// Adds ∂self/∂p to the gradient of every parameter p that this tensor depends on.
    ///
    /// The tensor must have one element. Gradients add up over calls until
    /// [`zero_grad`](Tensor::zero_grad); the graph stays and may be used again. The gradients are
    /// plain numbers: for derivatives of derivatives use [`grad`](crate::grad()).
    ///
    /// ```
    /// # use chainrule_core::*;
    /// let x = Tensor::from([0.0, 1.0, 2.0, 3.0]).requires_grad();
    /// let y = 2.0 * x.dot(&x);
    /// y.backward()?;
    /// assert_eq!(x.grad().unwrap().to_vec::<f64>()?, [0.0, 4.0, 8.0, 12.0]);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// If the tensor has several elements, or tracks no gradients.
    #[track_caller]
    pub fn backward(&self) -> Result<()> {
        let y = self.source();
        let here = Location::caller();
        let seed = y.seed("backward", here)?;
        y.settle(seed, here)
    }

    /// Adds Jᵀ · `cotangent` to the gradients: `backward` for a tensor of any shape.
    ///
    /// ```
    /// # use chainrule_core::*;
    /// let x = Tensor::from([1.0, 2.0]).requires_grad();
    /// (&x * &x).backward_with(&Tensor::from([10.0, 1.0]))?;
    /// assert_eq!(x.grad().unwrap().to_vec::<f64>()?, [20.0, 4.0]);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// If the tensor tracks no gradients, or the cotangent has another shape.
    #[track_caller]
    pub fn backward_with(&self, cotangent: &Tensor) -> Result<()> {
        let (y, here) = (self.source(), Location::caller());
        y.check_tracked("backward_with", here)?;
        if y.0.shape != cotangent.0.shape {
            let what = "the cotangent of `backward_with` must have the shape of the tensor";
            return Err(Error::new(ErrorKind::Cotangent, what, here)
                .operand(y.operand("tensor"))
                .operand(cotangent.operand("cotangent"))
                .hint("`.reshape` or `.expand` the cotangent, or give `&y.ones_like()`"));
        }
        y.settle(Expr::of(&cotangent.to_dtype(y.0.dtype)), here)
    }

    /// Gathers gradients; in anomaly mode looks at them.
    fn settle(&self, seed: Expr, here: &'static Location<'static>) -> Result<()> {
        let gradients = self.accumulate(seed, here)?;
        if anomaly::is_on() {
            realize(&std::iter::once(self).chain(&gradients).collect::<Vec<_>>())?;
        }
        Ok(())
    }
}
