//! `backward`: gradients gathered in parameters.

use crate::error::{Error, ErrorKind, Result};
use crate::exec::{anomaly, realize};
use crate::grad::Expr;
use crate::graph::Tensor;
use crate::place::Place;

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
        let here = Place::caller();
        let seed = y.seed("backward", here)?;
        y.settle(seed, false, here)
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
        let (y, here) = (self.source(), Place::caller());
        y.settle(y.cotangent(cotangent, here)?, false, here)
    }

    /// As [`backward`](Self::backward), or [`backward_with`](Self::backward_with) a cotangent, but
    /// with gradients that can be differentiated in turn.
    ///
    /// ```
    /// # use chainrule_core::*;
    /// let x = Tensor::from(2.0).requires_grad();
    /// x.powi(3).backward_tracked(None)?;
    /// let slope = x.grad().unwrap(); // 3x²
    /// x.zero_grad();
    /// slope.backward()?;
    /// assert_eq!(x.grad().unwrap().item::<f64>()?, 12.0); // 6x
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// As those of `backward` and `backward_with`.
    #[track_caller]
    pub fn backward_tracked(&self, cotangent: Option<&Tensor>) -> Result<()> {
        let (y, here) = (self.source(), Place::caller());
        let seed = match cotangent {
            Some(cotangent) => y.cotangent(cotangent, here)?,
            None => y.seed("backward", here)?,
        };
        y.settle(seed, true, here)
    }

    /// A cotangent given by the user.
    fn cotangent(&self, given: &Tensor, here: Place) -> Result<Expr> {
        let (y, cotangent) = (self, given);
        y.check_tracked("backward_with", here)?;
        if y.0.shape != cotangent.0.shape {
            let what = "the cotangent of `backward_with` must have the shape of the tensor";
            return Err(Error::new(ErrorKind::Cotangent, what, here)
                .operand(y.operand("tensor"))
                .operand(cotangent.operand("cotangent"))
                .hint("`.reshape` or `.expand` the cotangent, or give `&y.ones_like()`"));
        }
        Ok(Expr::of(&cotangent.to_dtype(y.0.dtype)))
    }

    /// Gathers gradients; in anomaly mode looks at them.
    fn settle(&self, seed: Expr, tracked: bool, here: Place) -> Result<()> {
        let gradients = self.accumulate(seed, tracked, here)?;
        if anomaly::is_on() {
            realize(&std::iter::once(self).chain(&gradients).collect::<Vec<_>>())?;
        }
        Ok(())
    }
}
