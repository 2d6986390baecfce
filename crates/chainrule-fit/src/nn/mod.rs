//! Layers, and what a model made of them consists of.
//!
//! A model is a plain struct. It lists its tensors once, in [`Module::list`]; names, saving,
//! loading, optimisers and the switch between training and evaluation all follow from that list.

mod module;

pub use module::{Buffer, Entry, List, Mode, Module, Slot};
