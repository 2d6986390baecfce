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
        self.prefix.push('.');
        module.list(self);
        self.prefix.truncate(outer);
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
