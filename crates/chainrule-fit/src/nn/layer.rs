//! What makes one tensor of one tensor, and a row of such layers.
//!
//! ```
//! use chainrule_core::Tensor;
//! use chainrule_fit::nn::{Activation, Layer, Linear, Module, Sequential};
//!
//! let net = Sequential::new()
//!     .named("hidden", Linear::new(4, 8))
//!     .then(Activation::Gelu)
//!     .then(Linear::new(8, 2));
//! let names: Vec<String> = net.entries().into_iter().map(|e| e.name).collect();
//! assert_eq!(names, ["hidden.weight", "hidden.bias", "2.weight", "2.bias"]);
//! assert_eq!(net.forward(&Tensor::ones([5, 4]))?.shape(), [5, 2]);
//! # Ok::<(), chainrule_fit::Error>(())
//! ```
//!
//! Layers tell what they did to whoever listens on their thread ([`summary`](crate::nn::summary)
//! does); otherwise telling costs the look at a flag. Not here: layers of several inputs, such as
//! attention; they have methods of their own.

use std::cell::RefCell;

use chainrule_core::Tensor;

use super::module::{List, Module};
use crate::error::Result;

/// A module that makes one tensor of one tensor.
pub trait Layer: Module {
    /// What the layer makes of `x`.
    ///
    /// # Errors
    /// If `x` does not have the shape or element type that the layer is for.
    fn forward(&self, x: &Tensor) -> Result<Tensor>;
}

impl Module for Box<dyn Layer> {
    fn list(&self, list: &mut List) {
        (**self).list(list);
    }

    fn identity(&self) -> (&'static str, usize) {
        (**self).identity()
    }

    fn label(&self) -> String {
        (**self).label()
    }
}

impl Layer for Box<dyn Layer> {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        (**self).forward(x)
    }
}

/// Layers one after the other. Those without a name are called by their number, as in torch.
#[derive(Default)]
pub struct Sequential {
    layers: Vec<(String, Box<dyn Layer>)>,
}

impl Sequential {
    /// No layers yet: the identity.
    pub fn new() -> Sequential {
        Sequential::default()
    }

    /// With `layer` behind the others.
    #[must_use]
    pub fn then(self, layer: impl Layer + 'static) -> Sequential {
        let name = self.layers.len().to_string();
        self.named(name, layer)
    }

    /// With `layer` behind the others, called `name`.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>, layer: impl Layer + 'static) -> Sequential {
        self.layers.push((name.into(), Box::new(layer)));
        self
    }

    /// The number of layers.
    pub fn len(&self) -> usize {
        self.layers.len()
    }

    /// Whether there is no layer.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }
}

impl Module for Sequential {
    fn list(&self, list: &mut List) {
        self.layers.iter().for_each(|(name, layer)| list.module(name, layer));
    }
}

impl Layer for Sequential {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.layers.iter().try_fold(x.clone(), |x, (_, layer)| layer.forward(&x))
    }
}

/// What a layer did.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Which layer.
    pub(crate) identity: (&'static str, usize),
    /// Its kind.
    pub(crate) label: String,
    /// The shape of its result.
    pub(crate) shape: Vec<usize>,
    /// The bytes of its result.
    pub(crate) bytes: usize,
    /// Multiplications with an addition.
    pub(crate) macs: u64,
}

thread_local! {
    static LISTENING: RefCell<Option<Vec<Seen>>> = const { RefCell::new(None) };
}

/// Passes `y`, the result of `layer`, on, and tells whoever listens.
pub(crate) fn tell(layer: &dyn Module, y: Tensor, macs: impl FnOnce(&Tensor) -> u64) -> Tensor {
    LISTENING.with_borrow_mut(|seen| {
        if let Some(seen) = seen {
            let bytes = y.len() * y.dtype().size();
            let (identity, label) = (layer.identity(), layer.label());
            seen.push(Seen { identity, label, shape: y.shape().to_vec(), bytes, macs: macs(&y) });
        }
    });
    y
}

/// What the layers did on this thread while `f` ran.
pub(crate) fn listen<T>(f: impl FnOnce() -> T) -> (T, Vec<Seen>) {
    let outer = LISTENING.replace(Some(vec![]));
    let result = f();
    (result, LISTENING.replace(outer).unwrap_or_default())
}
