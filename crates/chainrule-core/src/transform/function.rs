//! Functions with a derivative of their own.
//!
//! A [`Function`] is a closure for the value and one for the derivative, in either mode: the
//! cotangents Jᵀ gy, or the tangent J dx. The other mode is its transpose. As the derivative is
//! ordinary tensor arithmetic, it can be differentiated again.

use std::sync::Arc;

use smallvec::SmallVec;

use super::tree::Outcome;
use crate::error::Result;
use crate::grad::transpose;
use crate::graph::call::{Point, Rule, Slopes, custom, own_lines};
use crate::graph::{Tensor, mode};

/// What a derivative's closure may give: one slope, or a list of them, or a list in which `None`
/// stands for 0; or a `Result` of these.
pub trait IntoSlopes {
    /// The slopes in order.
    ///
    /// # Errors
    /// The closure's own.
    fn into_slopes(self) -> Result<Vec<Option<Tensor>>>;
}

impl IntoSlopes for Tensor {
    fn into_slopes(self) -> Result<Vec<Option<Tensor>>> {
        Ok(vec![Some(self)])
    }
}
impl IntoSlopes for Vec<Tensor> {
    fn into_slopes(self) -> Result<Vec<Option<Tensor>>> {
        Ok(self.into_iter().map(Some).collect())
    }
}
impl IntoSlopes for Vec<Option<Tensor>> {
    fn into_slopes(self) -> Result<Vec<Option<Tensor>>> {
        Ok(self)
    }
}
impl<const N: usize> IntoSlopes for [Tensor; N] {
    fn into_slopes(self) -> Result<Vec<Option<Tensor>>> {
        Ok(self.map(Some).into())
    }
}
impl<const N: usize> IntoSlopes for [Option<Tensor>; N] {
    fn into_slopes(self) -> Result<Vec<Option<Tensor>>> {
        Ok(self.into())
    }
}
impl<S: IntoSlopes> IntoSlopes for Result<S> {
    fn into_slopes(self) -> Result<Vec<Option<Tensor>>> {
        self?.into_slopes()
    }
}

type Value = dyn Fn(&[Tensor]) -> Result<Tensor> + Send + Sync;
type Slope = dyn Fn(&[Tensor], &Tensor, &[Tensor]) -> Result<Vec<Option<Tensor>>> + Send + Sync;

/// A derivative in one of the two modes. The last argument is the cotangent, or the tangents.
enum Derivative {
    Vjp(Box<Slope>),
    Jvp(Box<Slope>),
}

/// A function of any number of tensors whose derivative is given, not derived.
///
/// ```
/// # use chainrule_core::*;
/// // ln(1 + eˣ), with the derivative written so that it does not overflow.
/// let softplus = Function::with_vjp(
///     "softplus",
///     |x: &[Tensor]| x[0].exp().log1p(),
///     |x: &[Tensor], _y: &Tensor, gy: &Tensor| gy * (1.0 - (1.0 + x[0].exp()).recip()),
/// );
/// let x = Tensor::from(1000.0).requires_grad();
/// softplus.call(&[&x])?.backward()?;
/// assert_eq!(x.grad().unwrap().item::<f64>()?, 1.0);
/// # Ok::<(), Error>(())
/// ```
///
/// Derivatives flow only as the given closure says, and only to the inputs: through what the
/// closure for the value captures, none does.
#[derive(Clone)]
pub struct Function {
    name: Arc<str>,
    value: Arc<Value>,
    derivative: Arc<Derivative>,
}

impl Function {
    /// A function by its value and its reverse derivative: from the inputs, the value and its
    /// cotangent gy to the inputs' cotangents Jᵀ gy.
    pub fn with_vjp<V: Outcome<Tree = Tensor>, S: IntoSlopes>(
        name: &str,
        value: impl Fn(&[Tensor]) -> V + Send + Sync + 'static,
        vjp: impl Fn(&[Tensor], &Tensor, &Tensor) -> S + Send + Sync + 'static,
    ) -> Function {
        Function {
            name: name.into(),
            value: Arc::new(move |x| value(x).outcome()),
            derivative: Arc::new(Derivative::Vjp(Box::new(move |xs, y, gy| {
                vjp(xs, y, &gy[0]).into_slopes()
            }))),
        }
    }

    /// A function by its value and its forward derivative: from the inputs, the value and the
    /// inputs' tangents to the value's tangent. It must be linear in the tangents; reverse mode is
    /// derived from it.
    ///
    /// ```
    /// # use chainrule_core::*;
    /// let sine = Function::with_jvp(
    ///     "sine",
    ///     |x: &[Tensor]| x[0].sin(),
    ///     |x: &[Tensor], _y: &Tensor, dx: &[Tensor]| x[0].cos() * &dx[0],
    /// );
    /// let x = Tensor::from(0.5);
    /// let (y, g) = value_and_grad(|x: &Tensor| sine.call(&[x]), &x)?;
    /// assert_eq!(g.item::<f64>()?, 0.5f64.cos());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn with_jvp<V: Outcome<Tree = Tensor>, S: Outcome<Tree = Tensor>>(
        name: &str,
        value: impl Fn(&[Tensor]) -> V + Send + Sync + 'static,
        jvp: impl Fn(&[Tensor], &Tensor, &[Tensor]) -> S + Send + Sync + 'static,
    ) -> Function {
        Function {
            name: name.into(),
            value: Arc::new(move |x| value(x).outcome()),
            derivative: Arc::new(Derivative::Jvp(Box::new(move |xs, y, dxs| {
                Ok(vec![Some(jvp(xs, y, dxs).outcome()?)])
            }))),
        }
    }

    /// The function of `xs`.
    ///
    /// # Errors
    /// Those of the closure for the value. Errors of the closure for the derivative come up where
    /// the derivative is taken.
    #[track_caller]
    pub fn call(&self, xs: &[&Tensor]) -> Result<Tensor> {
        let inputs: Vec<Tensor> = xs.iter().map(|x| x.cut_off()).collect();
        let y = (self.value)(&inputs)?;
        let xs: Vec<Tensor> = xs.iter().map(|x| x.source()).collect();
        Ok(custom(&y, &xs, Box::new(self.clone())))
    }
}

impl Rule for Function {
    fn name(&self) -> &str {
        &self.name
    }

    fn vjp(&self, at: &Point<'_>, gys: &[Option<Tensor>]) -> Result<Slopes> {
        let here = mode::location();
        let _lines = own_lines();
        let (xs, y) = (at.xs, &at.ys[0]);
        let Some(gy) = gys[0].clone() else { return Ok(SmallVec::from_elem(None, xs.len())) };
        match &*self.derivative {
            Derivative::Vjp(vjp) => Ok(vjp(xs, y, &[gy])?.into()),
            Derivative::Jvp(jvp) => {
                transpose(&self.name, here, xs, |dxs| jvp(xs, y, dxs), &[Some(gy)])
            }
        }
    }

    fn jvp(&self, at: &Point<'_>, dxs: &[Option<Tensor>]) -> Result<Slopes> {
        let here = mode::location();
        let _lines = own_lines();
        let (xs, y) = (at.xs, &at.ys[0]);
        match &*self.derivative {
            Derivative::Jvp(jvp) => {
                let full = dxs.iter().zip(xs);
                let full: Vec<Tensor> =
                    full.map(|(d, x)| d.clone().unwrap_or_else(|| x.zeros_like())).collect();
                Ok(jvp(xs, y, &full)?.into())
            }
            Derivative::Vjp(vjp) => {
                let y = std::slice::from_ref(y);
                transpose(&self.name, here, y, |gy| vjp(xs, &y[0], gy), dxs)
            }
        }
    }
}
