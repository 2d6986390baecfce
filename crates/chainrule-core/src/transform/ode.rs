//! Differential equations, and derivatives of their solutions.
//!
//! [`odeint`] integrates y' = f(t, y) from y0 through given times. The right side is recorded once;
//! a whole step with its error estimate is one plan, which runs for every step. A derivative of the
//! solution is had in one of two ways ([`Gradient`]):
//!
//! - **Direct**: the derivative of the computation. The steps that were made are made again as
//!   one [`scan`](crate::scan), each a constant part of the interval between two output times, and
//!   the loop is differentiated. It is exact for the numbers that were computed, of any order, and
//!   keeps one state for each step.
//! - **Adjoint**: the derivative of the equation. With a(t) = ∂L/∂y(t),
//!   a' = −(∂f/∂y)ᵀ a and ∂L/∂θ = ∫ (∂f/∂θ)ᵀ a dt
//!   are integrated together with y, back in time and anew from each output. Memory does not depend
//!   on the number of steps; the derivative has an error of its own, controlled by the same
//!   tolerance, and where the equation contracts, going back is unstable.
//!
//! In forward mode the tangent is carried along: dy' = ∂f/∂y dy + ∂f/∂θ dθ.
//!
//! ```
//! # use chainrule_core::*;
//! // A population that grows towards 1, by its rate of growth.
//! let rate = Tensor::from(0.7).requires_grad();
//! let grow = |_t: &Tensor, y: &Tensor| &rate * y * (1.0 - y);
//! let times = Tensor::from([0.0, 1.0, 2.0]);
//! let y = odeint(grow, &Tensor::from(0.1), &times, &Ode::default())?;
//! let exact = 1.0 / (1.0 + 9.0 * (-1.4f64).exp());
//! assert!((y.i(2).item::<f64>()? - exact).abs() < 1e-7);
//! y.i(2).backward()?; // t y (1 − y)
//! let slope = rate.grad().unwrap().item::<f64>()?;
//! assert!((slope - 2.0 * exact * (1.0 - exact)).abs() < 1e-7);
//! # Ok::<(), Error>(())
//! ```
//!
//! Edges: stiff equations need implicit methods, which are not here; f is evaluated by explicit
//! steps only. Jumps of f in t cost steps: integrate from jump to jump. Output times are hit
//! exactly, so that many of them make steps shorter. The elements of a batch make common steps.
//!
//! References: Hairer, Nørsett & Wanner, *Solving ordinary differential equations I* (1993);
//! Pontryagin et al. (1962); Chen et al., *Neural ordinary differential equations* (2018).

use super::flow::Flow;
use super::solve::alike;
use super::trace::Trace;
use super::tree::{Outcome, Tree};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Tensor;
use crate::op::DType;
use crate::place::Place;

/// How the solution of a differential equation is differentiated in reverse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gradient {
    /// The computation is differentiated: every step is made again, and keeps its state.
    #[default]
    Direct,
    /// The adjoint equation is integrated back in time: nothing is kept but the results.
    Adjoint,
}

/// How a differential equation is solved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ode {
    /// The error allowed in a step, relative to the state: 10⁻⁷ unless said otherwise.
    pub rtol: f64,
    /// The error allowed in a step where the state is near 0: 10⁻⁹ unless said otherwise.
    pub atol: f64,
    /// After so many steps, rejected ones included, it is given up: 100,000 unless said otherwise.
    pub steps: usize,
    /// How it is differentiated.
    pub gradient: Gradient,
}

impl Default for Ode {
    fn default() -> Ode {
        Ode { rtol: 1e-7, atol: 1e-9, steps: 100_000, gradient: Gradient::Direct }
    }
}

impl Ode {
    /// The relative error that numbers of this type can have.
    pub(super) fn relative(&self, dtype: DType) -> f64 {
        let epsilon = if dtype == DType::F32 { f32::EPSILON.into() } else { f64::EPSILON };
        self.rtol.max(4.0 * epsilon)
    }
}

/// The solution of y' = f(t, y) with y(t₀) = y0 at the times t₀, t₁, …, which go up or down: for
/// each tensor of y0 one with a new first axis along the times. By the method of Dormand and
/// Prince of order 5, with steps chosen by its error estimate.
///
/// ```
/// # use chainrule_core::*;
/// // An oscillator: position and speed, there and back.
/// let swing = |_: &Tensor, (x, v): &(Tensor, Tensor)| (v.clone(), -x);
/// let start = (Tensor::from(1.0), Tensor::from(0.0));
/// let (x, _) = odeint(swing, &start, &Tensor::from([0.0, 1.0, 2.0]), &Ode::default())?;
/// assert!((x.i(2).item::<f64>()? - 2f64.cos()).abs() < 1e-7);
/// # Ok::<(), Error>(())
/// ```
///
/// Derivatives flow to y0, to the times and to all that `f` captures. Where numbers are not known
/// when the derivative is taken (inside the function given to [`vmap`](crate::vmap)), it is the
/// adjoint one.
///
/// # Errors
/// Those of `f`; if it asks for numbers, or gives other shapes than those of its state; if times do
/// not go one way; of kind [`Numeric`](ErrorKind::Numeric) if steps become too small or too many;
/// in direct mode, if the state has two element types.
#[track_caller]
pub fn odeint<Y: Tree, F: Outcome<Tree = Y>>(
    f: impl FnOnce(&Tensor, &Y) -> F,
    y0: &Y,
    t: &Tensor,
    options: &Ode,
) -> Result<Y> {
    let here = Place::caller();
    let t = if t.dtype().is_float() { t.source() } else { t.to_dtype(DType::F64) };
    if t.rank() != 1 || t.len() == 0 {
        let what = format!("`odeint` through times of shape {:?}", t.shape());
        return Err(Error::new(ErrorKind::Shape, what, here)
            .operand(t.operand("times"))
            .hint("give a vector of times, the first being that of the start"));
    }
    let element = (t.unknown_element(), y0.replace(&mut |y| Ok(y.unknown()))?);
    let (body, captured, y) = Trace::of(|(t, y)| f(t, y), &element, false)?;
    let start: Vec<Tensor> = y0.leaves().iter().map(Tensor::source).collect();
    let body = alike("odeint", body, &start, here)?;
    let flow = Flow::new(body, start.len(), *options)?;
    let mut found = flow.record(&[vec![t], start, captured].concat(), here)?.into_iter();
    y.replace(&mut |leaf| Ok(found.next().unwrap_or_else(|| leaf.clone())))
}
