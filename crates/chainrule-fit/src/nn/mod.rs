//! Layers, losses, and what a model made of them consists of.
//!
//! A model is a plain struct. It lists its tensors once, in [`Module::list`] (which
//! [`module!`](crate::module) writes); names, saving, loading, optimisers, summaries and the switch
//! between training and evaluation all follow from that list. A [`Layer`] is a module that makes
//! one tensor of one tensor:
//!
//! ```
//! use chainrule_core::{Tensor, manual_seed};
//! use chainrule_fit::nn::{Activation, Layer, Linear, Module, Reduction, Sequential, loss};
//!
//! manual_seed(0);
//! let net = Sequential::new()
//!     .then(Linear::new(2, 16))
//!     .then(Activation::Tanh)
//!     .then(Linear::new(16, 3));
//! let (x, y) = (Tensor::randn([8, 2]), Tensor::from(vec![0i64, 1, 2, 0, 1, 2, 0, 1]));
//! let lost = loss::cross_entropy(&net.forward(&x)?, &y, Reduction::Mean)?;
//! lost.backward()?;
//! assert!(net.parameters().iter().all(|p| p.grad().is_some()));
//! # Ok::<(), chainrule_fit::Error>(())
//! ```
//!
//! # Conventions
//!
//! - **`forward` returns a `Result`.** What a layer is given comes from data, and data has wrong
//!   shapes; constructors that only count are infallible. A model's own `forward` uses `?`.
//! - **Names, defaults, initial distributions and names of tensors are torch's**, so that a state
//!   dictionary saved by torch loads by name; `tools/golden_nn.py` stores what torch computes and
//!   the tests compare with it, value and gradient, to 10⁻⁹.
//! - **Element type.** Layers are F32. Those made inside [`init::with_dtype`] have another.
//! - **Randomness** (initial values, dropout) is drawn from the generator of
//!   [`manual_seed`](chainrule_core::manual_seed): the same seed gives the same model.
//! - **Training or evaluation** is a [`Mode`] in each layer that needs one, switched for the whole
//!   model by [`Module::set_training`].
//!
//! # What is where
//!
//! `module`: lists and names. `layer`: the trait and [`Sequential`]. [`init`]: initial values.
//! `basic`: linear maps, embeddings, dropout. `activation`, `norm`, `conv`, `transposed`, `pool`,
//! `recurrent`, `attention`, `transformer`, `position`: layers. [`loss`]: losses. `state`: state
//! dictionaries. `summary`: what a model costs.

mod activation;
mod attention;
mod basic;
mod conv;
pub mod init;
mod layer;
pub mod loss;
mod module;
mod norm;
mod pool;
mod position;
mod recurrent;
mod state;
mod summary;
mod transformer;
mod transposed;

pub use activation::{Activation, Softmax};
pub use attention::{Attended, Masks, MultiheadAttention, ScaledDotProduct};
pub use basic::{Dropout, Embedding, Flatten, Linear};
pub use conv::{Conv, Conv1d, Conv2d, ConvOptions};
pub use init::Init;
pub use layer::{Layer, Sequential};
pub use loss::Reduction;
pub use module::{Buffer, Entry, List, Listed, Mode, Module, Slot};
pub use norm::{BatchNorm, BatchNorm1d, BatchNorm2d, LayerNorm, RmsNorm};
pub use pool::{AdaptiveAvgPool2d, AvgPool, AvgPool1d, AvgPool2d, MaxPool, MaxPool1d, MaxPool2d};
pub use position::{PositionalEmbedding, PositionalEncoding, rotary, sinusoids};
pub use recurrent::{Cell, Recurrent, RecurrentOptions, State, Weights};
pub use state::{Metadata, from_bytes, load, load_state, read, save, state, to_bytes};
pub use summary::{Summary, SummaryRow, summary};
pub use transformer::{TransformerEncoderLayer, TransformerOptions};
pub use transposed::{ConvTranspose, ConvTranspose1d, ConvTranspose2d};
