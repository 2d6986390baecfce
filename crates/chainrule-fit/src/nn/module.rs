//! What a model consists of: parameters, buffers and the switch between training and evaluation.
//!
//! ```
//! use chainrule_core::Tensor;
//! use chainrule_fit::nn::{List, Module};
//!
//! struct Line { slope: Tensor, offset: Tensor }
//!
//! impl Module for Line {
//!     fn list(&self, list: &mut List) {
//!         list.parameter("slope", &self.slope);
//!         list.parameter("offset", &self.offset);
//!     }
//! }
//!
//! let line = Line {
//!     slope: Tensor::from(2.0f32).requires_grad(),
//!     offset: Tensor::from(1.0f32).requires_grad(),
//! };
//! let names: Vec<String> = line.entries().into_iter().map(|e| e.name).collect();
//! assert_eq!(names, ["slope", "offset"]);
//! ```
//!
//! [`module!`](crate::module) writes such a list from the names of the fields. Tensors are
//! parameters there; [`Buffer`]s, [`Mode`]s, other modules and vectors or options of these are what
//! they are, which is the trait [`Listed`]:
//!
//! ```
//! use chainrule_core::Tensor;
//! use chainrule_fit::{Result, module, nn::{Activation, Layer, Linear, Module}};
//!
//! struct Net { hidden: Vec<Linear>, out: Linear, skip: Option<Linear> }
//! module!(Net { hidden, out, skip });
//!
//! impl Layer for Net {
//!     fn forward(&self, x: &Tensor) -> Result<Tensor> {
//!         let mut x = x.clone();
//!         for layer in &self.hidden {
//!             x = Activation::Relu.forward(&layer.forward(&x)?)?;
//!         }
//!         self.out.forward(&x)
//!     }
//! }
//!
//! let net = Net { hidden: vec![Linear::new(2, 8)], out: Linear::new(8, 1), skip: None };
//! let names: Vec<String> = net.entries().into_iter().map(|e| e.name).collect();
//! assert_eq!(names, ["hidden.0.weight", "hidden.0.bias", "out.weight", "out.bias"]);
//! assert_eq!(net.forward(&Tensor::zeros([5, 2]))?.shape(), [5, 1]);
//! # Ok::<(), chainrule_fit::Error>(())
//! ```

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use chainrule_core::Tensor;

/// A tensor that a model keeps and replaces, but does not learn, such as a running mean. Clones
/// share what they hold.
#[derive(Clone, Debug)]
pub struct Buffer(Arc<RwLock<Tensor>>);

impl Buffer {
    /// A buffer that holds `value`.
    pub fn new(value: Tensor) -> Buffer {
        Buffer(Arc::new(RwLock::new(value)))
    }

    /// What it holds now.
    pub fn get(&self) -> Tensor {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces what it holds. Graphs recorded before keep the old value.
    pub fn set(&self, value: Tensor) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = value;
    }
}

/// Whether a layer is being trained (the state at first) or evaluated. Clones share it.
#[derive(Clone, Debug)]
pub struct Mode(Arc<AtomicBool>);

impl Default for Mode {
    fn default() -> Mode {
        Mode(Arc::new(AtomicBool::new(true)))
    }
}

impl Mode {
    /// Whether the layer is being trained.
    pub fn is_training(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Chooses.
    pub fn set_training(&self, on: bool) {
        self.0.store(on, Ordering::Relaxed);
    }
}

/// A place of a model that holds a tensor.
#[derive(Clone, Debug)]
pub enum Slot {
    /// Learnt: a leaf that requires gradients.
    Parameter(Tensor),
    /// Kept, but not learnt.
    Buffer(Buffer),
}

impl Slot {
    /// The tensor that is there now.
    pub fn tensor(&self) -> Tensor {
        match self {
            Slot::Parameter(tensor) => tensor.clone(),
            Slot::Buffer(buffer) => buffer.get(),
        }
    }
}

/// One tensor of a model and its name, such as `encoder.0.weight`.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Names of the modules on the way, and of the tensor, joined by dots.
    pub name: String,
    /// Where it is.
    pub slot: Slot,
}

/// What [`Module::list`] fills.
#[derive(Debug, Default)]
pub struct List {
    prefix: String,
    entries: Vec<Entry>,
    modes: Vec<Mode>,
    parts: Vec<Part>,
}

/// A module inside a model: what it is called, and which it is.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// The names on the way, joined by dots.
    pub(crate) name: String,
    /// The module's type and where it stands: a struct and its first field share their place.
    pub(crate) identity: (&'static str, usize),
}

impl List {
    /// Adds a tensor that is learnt.
    pub fn parameter(&mut self, name: &str, tensor: &Tensor) {
        self.push(name, Slot::Parameter(tensor.clone()));
    }

    /// Adds a tensor that is kept but not learnt.
    pub fn buffer(&mut self, name: &str, buffer: &Buffer) {
        self.push(name, Slot::Buffer(buffer.clone()));
    }

    /// Adds all that `module` lists, under `name`.
    pub fn module(&mut self, name: &str, module: &dyn Module) {
        let outer = self.prefix.len();
        self.prefix += name;
        self.parts.push(Part { name: self.prefix.clone(), identity: module.identity() });
        self.prefix.push('.');
        module.list(self);
        self.prefix.truncate(outer);
    }

    /// Adds several under `name`, numbered from 0.
    fn numbered<T: Listed>(&mut self, name: &str, all: &[T]) {
        let outer = self.prefix.len();
        self.prefix += name;
        self.prefix.push('.');
        for (i, one) in all.iter().enumerate() {
            one.list_as(&i.to_string(), self);
        }
        self.prefix.truncate(outer);
    }

    /// The switches.
    pub(crate) fn modes(&self) -> &[Mode] {
        &self.modes
    }

    /// The modules inside, each before its own parts.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Adds the switch of a layer that behaves differently in training.
    pub fn mode(&mut self, mode: &Mode) {
        self.modes.push(mode.clone());
    }

    fn push(&mut self, name: &str, slot: Slot) {
        self.entries.push(Entry { name: format!("{}{name}", self.prefix), slot });
    }
}

/// A model, or a part of one.
pub trait Module {
    /// Lists parameters, buffers, parts and switches, always in the same order.
    fn list(&self, list: &mut List);

    /// Parameters and buffers with their names.
    fn entries(&self) -> Vec<Entry> {
        self.all().entries
    }

    /// The parameters.
    fn parameters(&self) -> Vec<Tensor> {
        let learnt = self.entries().into_iter().filter_map(|entry| match entry.slot {
            Slot::Parameter(tensor) => Some(tensor),
            Slot::Buffer(_) => None,
        });
        learnt.collect()
    }

    /// Switches every part to training (`true`) or evaluation.
    fn set_training(&self, on: bool) {
        self.all().modes.iter().for_each(|mode| mode.set_training(on));
    }

    #[doc(hidden)]
    fn all(&self) -> List {
        let mut list = List::default();
        self.list(&mut list);
        list
    }

    /// The module's type and place in memory, by which a summary knows it.
    #[doc(hidden)]
    fn identity(&self) -> (&'static str, usize) {
        (std::any::type_name::<Self>(), std::ptr::from_ref(self).cast::<()>().addr())
    }

    /// What a summary calls the module's kind.
    #[doc(hidden)]
    fn label(&self) -> String {
        let name = std::any::type_name::<Self>();
        let end = name.find('<').unwrap_or(name.len());
        let start = name[..end].rfind("::").map_or(0, |i| i + 2);
        name[start..].replace("<1>", "1d").replace("<2>", "2d")
    }
}

/// What can stand in [`module!`](crate::module) and under a name of a [`List`].
pub trait Listed {
    /// Adds this to `list` under `name`.
    fn list_as(&self, name: &str, list: &mut List);
}

impl<M: Module> Listed for M {
    fn list_as(&self, name: &str, list: &mut List) {
        list.module(name, self);
    }
}

impl Listed for Tensor {
    fn list_as(&self, name: &str, list: &mut List) {
        list.parameter(name, self);
    }
}

impl Listed for Buffer {
    fn list_as(&self, name: &str, list: &mut List) {
        list.buffer(name, self);
    }
}

impl Listed for Mode {
    fn list_as(&self, _: &str, list: &mut List) {
        list.mode(self);
    }
}

impl<T: Listed> Listed for Vec<T> {
    fn list_as(&self, name: &str, list: &mut List) {
        list.numbered(name, self);
    }
}

impl<T: Listed> Listed for Option<T> {
    fn list_as(&self, name: &str, list: &mut List) {
        if let Some(one) = self {
            one.list_as(name, list);
        }
    }
}

/// Makes a struct a [`Module`](crate::nn::Module): `module!(Net { encoder, head })`. The fields
/// named are listed in this order under their names; see [`Listed`](crate::nn::Listed) for what
/// they may be.
#[macro_export]
macro_rules! module {
    ($name:ty { $($field:ident),* $(,)? }) => {
        impl $crate::nn::Module for $name {
            fn list(&self, list: &mut $crate::nn::List) {
                $( $crate::nn::Listed::list_as(&self.$field, stringify!($field), list); )*
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Leaf(Tensor, Buffer, Mode);

    impl Module for Leaf {
        fn list(&self, list: &mut List) {
            list.parameter("w", &self.0);
            list.buffer("mean", &self.1);
            list.mode(&self.2);
        }
    }

    struct Pair(Leaf, Leaf);

    impl Module for Pair {
        fn list(&self, list: &mut List) {
            list.module("a", &self.0);
            list.module("b", &self.1);
        }
    }

    fn leaf() -> Leaf {
        let w = Tensor::from(1.0).requires_grad();
        Leaf(w, Buffer::new(Tensor::from(0.0)), Mode::default())
    }

    #[test]
    fn names_have_the_way_in_them() {
        let pair = Pair(leaf(), leaf());
        let names: Vec<String> = pair.entries().into_iter().map(|e| e.name).collect();
        assert_eq!(names, ["a.w", "a.mean", "b.w", "b.mean"]);
        assert_eq!(pair.parameters().len(), 2);
    }

    #[test]
    fn entries_are_the_places_themselves() {
        let pair = Pair(leaf(), leaf());
        for entry in pair.entries() {
            match entry.slot {
                Slot::Parameter(w) => w.assign(&Tensor::from(5.0)).unwrap(),
                Slot::Buffer(b) => b.set(Tensor::from(7.0)),
            }
        }
        assert_eq!(pair.1.0.item::<f64>().unwrap(), 5.0);
        assert_eq!(pair.0.1.get().item::<f64>().unwrap(), 7.0);
    }

    #[test]
    fn one_switch_for_all() {
        let pair = Pair(leaf(), leaf());
        assert!(pair.0.2.is_training());
        pair.set_training(false);
        assert!(!pair.0.2.is_training() && !pair.1.2.is_training());
    }
}
