//! Gradient checking: derivatives against central differences, to any order.
//!
//! The function is made a scalar by a fixed random weighting of its result, s(x) = Σ w f(x). Each
//! component of ∂s/∂x is compared with (s(x + h) − s(x − h))/2h, h scaled to |x|. For order n > 1
//! the gradient itself is the function to check to order n − 1.

use chainrule_kernels::random;

use crate::error::{Error, ErrorKind, Result};
use crate::grad::grad;
use crate::graph::{Tensor, is_grad_enabled};
use crate::op::DType;

/// What a gradient check found.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradcheck {
    /// The largest error |analytic − numeric| / max(1, |numeric|).
    pub error: f64,
    /// Where: order of the derivative, number of the input, number of its element.
    pub place: (usize, usize, usize),
    /// The derivative there from the graph.
    pub analytic: f64,
    /// The derivative there by central differences.
    pub numeric: f64,
}

impl Gradcheck {
    /// Whether the largest error is at most `tolerance`.
    pub fn passes(&self, tolerance: f64) -> bool {
        self.error <= tolerance
    }
}

impl std::fmt::Display for Gradcheck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (order, input, element) = self.place;
        write!(
            f,
            "largest error {:.1e}: derivative of order {order} by element {element} of input \
             {input} \
             is {} from the graph, {} by central differences",
            self.error, self.analytic, self.numeric
        )
    }
}

/// Checks the derivatives of `f` at `inputs` (F64) up to order `order`.
///
/// ```
/// # use chainrule_core::*;
/// let x = Tensor::from([0.3, 1.2]);
/// let report = gradcheck(|x| x[0].sin() * &x[0], &[x], 2)?;
/// assert!(report.passes(1e-6), "{report}");
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// If an input is not F64, or the function's evaluation fails.
#[track_caller]
pub fn gradcheck(
    f: impl Fn(&[Tensor]) -> Tensor,
    inputs: &[Tensor],
    order: usize,
) -> Result<Gradcheck> {
    if let Some(x) = inputs.iter().find(|x| x.dtype() != DType::F64) {
        let what = format!("`gradcheck` needs float64 inputs, got {}", x.dtype());
        let here = std::panic::Location::caller();
        return Err(Error::new(ErrorKind::DType, what, here)
            .operand(x.operand("input"))
            .hint("convert with `.to_dtype(DType::F64)`: differences need the digits"));
    }
    debug_assert!(is_grad_enabled(), "gradients are off");
    check(&|x| Ok(f(x)), inputs, 1, order)
}

type Function<'a> = dyn Fn(&[Tensor]) -> Result<Tensor> + 'a;

fn check(f: &Function<'_>, inputs: &[Tensor], order: usize, last: usize) -> Result<Gradcheck> {
    let scalar = |x: &[Tensor]| -> Result<Tensor> {
        let y = f(x)?;
        let weights: Vec<f64> =
            (0..y.len()).map(|i| 0.5 + random::uniform(random::word(7, 1, i as u64))).collect();
        let w = Tensor::from_vec(weights, y.shape())?.to_dtype(y.dtype());
        Ok((y * w).sum())
    };
    let leaves: Vec<Tensor> = inputs.iter().map(|x| x.detach().requires_grad()).collect();
    let slopes = gradients(&scalar(&leaves)?, &leaves)?;
    let mut worst = Gradcheck { error: 0.0, place: (order, 0, 0), analytic: 0.0, numeric: 0.0 };
    for (k, x) in inputs.iter().enumerate() {
        let analytic = slopes[k].to_vec::<f64>()?;
        let numbers = x.to_vec::<f64>()?;
        for (i, &v) in numbers.iter().enumerate() {
            let h = 1e-5 * v.abs().max(0.1);
            let at = |v: f64| -> Result<f64> {
                let mut moved = numbers.clone();
                moved[i] = v;
                let mut inputs = inputs.to_vec();
                inputs[k] = Tensor::from_vec(moved, x.shape())?;
                scalar(&inputs)?.item()
            };
            // Richardson: two steps, so that the error is of order h⁴.
            let slope = |h: f64| Ok::<_, Error>((at(v + h)? - at(v - h)?) / ((v + h) - (v - h)));
            let (near, far) = (slope(20.0 * h)?, slope(40.0 * h)?);
            let numeric = near + (near - far) / 3.0;
            let error = (analytic[i] - numeric).abs() / numeric.abs().max(1.0);
            // A NaN is the worst of all.
            let error = if error.is_nan() { f64::INFINITY } else { error };
            if error > worst.error {
                worst = Gradcheck { error, place: (order, k, i), analytic: analytic[i], numeric };
            }
        }
    }
    if order < last {
        let next = |x: &[Tensor]| -> Result<Tensor> {
            let own: Vec<Tensor> = x
                .iter()
                .map(|x| if x.tracks_grad() { x.clone() } else { x.clone().requires_grad() })
                .collect();
            let flat: Vec<Tensor> =
                gradients(&scalar(&own)?, &own)?.iter().map(Tensor::flatten).collect();
            crate::tensor::cat(&flat.iter().collect::<Vec<_>>(), 0)
        };
        let deeper = check(&next, inputs, order + 1, last)?;
        if deeper.error > worst.error {
            worst = deeper;
        }
    }
    Ok(worst)
}

/// The gradients, zeros where y does not depend on an input.
fn gradients(y: &Tensor, xs: &[Tensor]) -> Result<Vec<Tensor>> {
    xs.iter()
        .map(|x| match grad(y, &[x]) {
            Ok(mut g) => Ok(g.remove(0)),
            Err(e) if matches!(e.kind(), ErrorKind::Unused | ErrorKind::NoGraph) => {
                Ok(x.zeros_like())
            }
            Err(e) => Err(e),
        })
        .collect()
}
