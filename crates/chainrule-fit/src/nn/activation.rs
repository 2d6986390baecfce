//! Activations as layers: an enum, as they hold nothing.
//!
//! ```
//! use chainrule_core::Tensor;
//! use chainrule_fit::nn::{Activation, Layer};
//! let y = Activation::Relu.forward(&Tensor::from([-1.0, 2.0]))?;
//! assert_eq!(y.to_vec::<f64>()?, [0.0, 2.0]);
//! # Ok::<(), chainrule_fit::Error>(())
//! ```
//!
//! What they compute and their derivatives at kinks are those of the methods of the same names of
//! [`Tensor`].

use chainrule_core::Tensor;

use super::layer::{Layer, tell};
use super::module::{List, Module};
use crate::error::Result;

/// An elementwise nonlinearity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// x.
    Identity,
    /// max(x, 0).
    Relu,
    /// x above 0, else s x for the slope s.
    LeakyRelu(f64),
    /// x above 0, else α (eˣ − 1).
    Elu(f64),
    /// λ x above 0, else λ α (eˣ − 1) with the constants of Klambauer et al. 2017.
    Selu,
    /// x Φ(x).
    Gelu,
    /// x Φ(x) with Φ by tanh.
    GeluTanh,
    /// x σ(x).
    Silu,
    /// x tanh(softplus(x)).
    Mish,
    /// tanh x.
    Tanh,
    /// 1/(1 + e⁻ˣ).
    Sigmoid,
    /// ln(1 + eˣ).
    Softplus,
    /// x/(1 + |x|).
    Softsign,
    /// ln σ(x).
    LogSigmoid,
    /// x within [−1, 1], else the nearer end.
    HardTanh,
    /// x within [0, 6], else the nearer end.
    Relu6,
    /// (x + 3)/6 within [0, 1].
    HardSigmoid,
    /// x times the hard sigmoid.
    HardSwish,
}

impl Activation {
    /// Its value at each element.
    pub fn of(self, x: &Tensor) -> Tensor {
        match self {
            Activation::Identity => x.clone(),
            Activation::Relu => x.relu(),
            Activation::LeakyRelu(slope) => x.gt(0.0).where_(x, x * slope),
            Activation::Elu(alpha) => below(x, alpha),
            Activation::Selu => below(x, SELU_ALPHA) * SELU_SCALE,
            Activation::Gelu => x.gelu(),
            Activation::GeluTanh => x.gelu_tanh(),
            Activation::Silu => x.silu(),
            Activation::Mish => x.mish(),
            Activation::Tanh => x.tanh(),
            Activation::Sigmoid => x.sigmoid(),
            Activation::Softplus => x.softplus(),
            Activation::Softsign => x.softsign(),
            Activation::LogSigmoid => x.logsigmoid(),
            Activation::HardTanh => x.clamp(-1.0, 1.0),
            Activation::Relu6 => x.clamp(0.0, 6.0),
            Activation::HardSigmoid => (x * (1.0 / 6.0) + 0.5).clamp(0.0, 1.0),
            Activation::HardSwish => (x * (1.0 / 6.0) + 0.5).clamp(0.0, 1.0) * x,
        }
    }
}

/// α of the self-normalising unit.
const SELU_ALPHA: f64 = 1.673_263_242_354_377_2;
/// λ of the self-normalising unit.
const SELU_SCALE: f64 = 1.050_700_987_355_480_5;

/// x above 0, else α (eˣ − 1); the exponential meets only x ≤ 0.
fn below(x: &Tensor, alpha: f64) -> Tensor {
    let negative = x.minimum(0.0).expm1() * alpha;
    x.gt(0.0).where_(x, &negative)
}

impl Module for Activation {
    fn list(&self, _: &mut List) {}

    fn label(&self) -> String {
        format!("{self:?}")
    }
}

impl Layer for Activation {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(tell(self, self.of(x), |_| 0))
    }
}

/// eˣ/Σeˣ along an axis, or its logarithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Softmax {
    /// The axis; negative numbers count from the last.
    pub axis: i64,
    /// Whether the logarithm is taken.
    pub log: bool,
}

impl Module for Softmax {
    fn list(&self, _: &mut List) {}
}

impl Layer for Softmax {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = match self.log {
            true => x.try_log_softmax(self.axis)?,
            false => x.try_softmax(self.axis)?,
        };
        Ok(tell(self, y, |_| 0))
    }
}
