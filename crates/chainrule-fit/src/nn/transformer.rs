//! A layer of a transformer's encoder (with a causal mask, of a decoder that only generates).
//!
//! ```text
//! after:   x ← norm1(x + attention(x)),  x ← norm2(x + feed(x))          Vaswani et al. 2017
//! before:  x ← x + attention(norm1(x)),  x ← x + feed(norm2(x))          Xiong et al. 2020
//! feed(x) = φ(x W₁ + b₁) W₂ + b₂
//! ```
//!
//! Normalising before trains more stably; torch's default is after.
//!
//! ```
//! use chainrule_core::Tensor;
//! use chainrule_fit::nn::{Activation, Layer, TransformerEncoderLayer, TransformerOptions};
//! let options = TransformerOptions {
//!     norm_first: true,
//!     batch_first: true,
//!     activation: Activation::Gelu,
//!     ..TransformerOptions::default()
//! };
//! let block = TransformerEncoderLayer::with(8, 2, 32, options)?;
//! assert_eq!(block.forward(&Tensor::randn([3, 5, 8]))?.shape(), [3, 5, 8]);
//! # Ok::<(), chainrule_fit::Error>(())
//! ```

use chainrule_core::Tensor;

use super::activation::Activation;
use super::attention::{Masks, MultiheadAttention};
use super::basic::{Dropout, Linear};
use super::layer::{Layer, tell};
use super::norm::LayerNorm;
use crate::error::Result;
use crate::module;

/// The options of a transformer's layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TransformerOptions {
    /// The probability of dropout: of weights, of both parts' results, and inside `feed`.
    pub dropout: f64,
    /// φ.
    pub activation: Activation,
    /// Whether parts see normalised inputs, instead of sums being normalised.
    pub norm_first: bool,
    /// Whether inputs are \[batch, length, width\] instead of \[length, batch, width\].
    pub batch_first: bool,
}

impl Default for TransformerOptions {
    /// Dropout 0.1, relu, normalised after, length first.
    fn default() -> TransformerOptions {
        TransformerOptions {
            dropout: 0.1,
            activation: Activation::Relu,
            norm_first: false,
            batch_first: false,
        }
    }
}

/// Attention and a network of two layers, each added to its input.
#[derive(Clone, Debug)]
pub struct TransformerEncoderLayer {
    /// The attention.
    pub self_attn: MultiheadAttention,
    /// W₁ and b₁.
    pub linear1: Linear,
    /// W₂ and b₂.
    pub linear2: Linear,
    /// Before or after the attention.
    pub norm1: LayerNorm,
    /// Before or after the network.
    pub norm2: LayerNorm,
    /// Dropout everywhere but of the attention's weights.
    pub dropout: Dropout,
    /// φ.
    pub activation: Activation,
    /// Whether parts see normalised inputs.
    pub norm_first: bool,
}
module!(TransformerEncoderLayer { self_attn, linear1, linear2, norm1, norm2, dropout });

impl TransformerEncoderLayer {
    /// For vectors of `width` numbers, with so many heads and `hidden` numbers inside the network.
    ///
    /// # Errors
    /// If the number of heads does not divide the width.
    pub fn new(width: usize, heads: usize, hidden: usize) -> Result<TransformerEncoderLayer> {
        TransformerEncoderLayer::with(width, heads, hidden, TransformerOptions::default())
    }

    /// With options.
    ///
    /// # Errors
    /// If the number of heads does not divide the width.
    pub fn with(
        width: usize,
        heads: usize,
        hidden: usize,
        options: TransformerOptions,
    ) -> Result<TransformerEncoderLayer> {
        let self_attn = MultiheadAttention {
            batch_first: options.batch_first,
            dropout: Dropout::new(options.dropout),
            ..MultiheadAttention::new(width, heads)?
        };
        Ok(TransformerEncoderLayer {
            self_attn,
            linear1: Linear::new(width, hidden),
            linear2: Linear::new(hidden, width),
            norm1: LayerNorm::new([width]),
            norm2: LayerNorm::new([width]),
            dropout: Dropout::new(options.dropout),
            activation: options.activation,
            norm_first: options.norm_first,
        })
    }

    /// The layer's output, where attention is restricted by masks.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn masked(&self, x: &Tensor, masks: &Masks) -> Result<Tensor> {
        let attend = |x: &Tensor| -> Result<Tensor> {
            let found = self.self_attn.of_itself(x, masks)?.output;
            let found = tell(&self.self_attn, found, |_| self.self_attn.macs(x));
            self.dropout.drop(&found)
        };
        let feed = |x: &Tensor| -> Result<Tensor> {
            let inner = self.activation.of(&self.linear1.forward(x)?);
            self.dropout.drop(&self.linear2.forward(&self.dropout.drop(&inner)?)?)
        };
        if self.norm_first {
            let x = x + attend(&self.norm1.forward(x)?)?;
            return Ok(&x + feed(&self.norm2.forward(&x)?)?);
        }
        let x = self.norm1.forward(&(x + attend(x)?))?;
        self.norm2.forward(&(&x + feed(&x)?))
    }
}

impl Layer for TransformerEncoderLayer {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.masked(x, &Masks::default())
    }
}
