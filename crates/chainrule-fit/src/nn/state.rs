//! State dictionaries: the tensors of a model by name, in memory and in files.
//!
//! A file is in the safetensors format, with the names that torch gives: what
//! `safetensors.torch.save_file(model.state_dict(), …)` wrote loads here, and the other way round.
//! Loading is strict: every tensor of the model must be there with its shape, and nothing else. All
//! is checked before anything is changed, so that a model is loaded whole or not at all.
//!
//! ```
//! use chainrule_fit::nn::{Linear, load_state, state};
//! let (a, b) = (Linear::new(2, 3), Linear::new(2, 3));
//! load_state(&b, &state(&a))?;
//! assert_eq!(a.weight.to_vec::<f32>()?, b.weight.to_vec::<f32>()?);
//!
//! let why = load_state(&Linear::without_bias(2, 4), &state(&a)).unwrap_err().to_string();
//! assert_eq!(
//!     why,
//!     "the tensors are not those of the model: unexpected are bias; weight is [3, 2] instead of \
//!      [4, 2]; make the model as it was when they were saved",
//! );
//! # Ok::<(), chainrule_fit::Error>(())
//! ```
//!
//! Numbers of another floating-point type (F16 and BF16 too) are converted to that of the model.
//! The bytes are read and written by [`crate::data::tensors`].

use std::collections::HashMap;
use std::path::Path;

use chainrule_core::{Tensor, realize};

use super::module::{Module, Slot};
use crate::atomic;
use crate::data::array::Array;
use crate::data::table::{contents, shown_path};
use crate::data::tensors::Tensors;
use crate::error::{Error, Result, fail, listed, shown};

/// The largest file that is read.
const MAX_BYTES: usize = 64 << 30;

/// The tensors of a model with their names: parameters and buffers, as they are now.
pub fn state(module: &(impl Module + ?Sized)) -> Vec<(String, Tensor)> {
    let entries = module.entries().into_iter();
    entries.map(|entry| (entry.name, entry.slot.tensor().detach())).collect()
}

/// Gives the tensors of a model the values of a state.
///
/// # Errors
/// If names, shapes or element types are not those of the model; then nothing is changed. The
/// sentence lists what is missing, unexpected and of a wrong shape.
pub fn load_state(module: &(impl Module + ?Sized), state: &[(String, Tensor)]) -> Result<()> {
    let entries = module.entries();
    let mut given: HashMap<&str, &Tensor> = HashMap::new();
    for (name, tensor) in state {
        if given.insert(name, tensor).is_some() {
            fail!("the tensor {} is there twice; nothing was loaded", shown(name));
        }
    }
    let mut missing = vec![];
    let mut wrong = vec![];
    let mut ready = vec![];
    for entry in &entries {
        let Some(new) = given.remove(entry.name.as_str()) else {
            missing.push(&entry.name);
            continue;
        };
        let own = entry.slot.tensor();
        if new.shape() != own.shape() {
            let (a, b) = (new.shape(), own.shape());
            wrong.push(format!("{} is {a:?} instead of {b:?}", shown(&entry.name)));
        } else if new.dtype() != own.dtype() && !(new.dtype().is_float() && own.dtype().is_float())
        {
            let (a, b) = (new.dtype(), own.dtype());
            wrong.push(format!("{} is {a} instead of {b}", shown(&entry.name)));
        } else {
            ready.push((&entry.slot, new.to_dtype(own.dtype()).detach()));
        }
    }
    let mut unexpected: Vec<&str> = given.into_keys().collect();
    unexpected.sort_unstable();
    refuse(&missing, &unexpected, &wrong)?;
    let all: Vec<&Tensor> = ready.iter().map(|r| &r.1).collect();
    realize(&all)?;
    for (slot, new) in &ready {
        match slot {
            Slot::Parameter(parameter) => parameter.assign(new)?,
            Slot::Buffer(buffer) => buffer.set(new.clone()),
        }
    }
    Ok(())
}

/// The most complaints about shapes in one sentence.
const COMPLAINTS: usize = 6;

fn refuse(missing: &[&String], unexpected: &[&str], wrong: &[String]) -> Result<()> {
    let mut clauses = vec![];
    if !missing.is_empty() {
        clauses.push(format!("missing are {}", listed(missing)));
    }
    if !unexpected.is_empty() {
        clauses.push(format!("unexpected are {}", listed(unexpected)));
    }
    clauses.extend(wrong.iter().take(COMPLAINTS).cloned());
    if wrong.len() > COMPLAINTS {
        clauses.push(format!("and {} more differ", wrong.len() - COMPLAINTS));
    }
    if clauses.is_empty() {
        return Ok(());
    }
    fail!(
        "the tensors are not those of the model: {}; make the model as it was when they were saved",
        clauses.join("; ")
    );
}

/// Writes a model's tensors to a safetensors file, whole or not at all.
///
/// # Errors
/// If a value cannot be computed, or the file not be written.
pub fn save(module: &(impl Module + ?Sized), path: impl AsRef<Path>) -> Result<()> {
    atomic::write(path.as_ref(), &to_bytes(&state(module), None)?)
}

/// Gives a model the tensors of a safetensors file.
///
/// # Errors
/// If the file cannot be read or is damaged; as [`load_state`]. Then nothing is changed.
pub fn load(module: &(impl Module + ?Sized), path: impl AsRef<Path>) -> Result<()> {
    let (state, _) = read(path.as_ref())?;
    let name = shown_path(&path.as_ref().display().to_string());
    load_state(module, &state).map_err(|why| Error::new(format!("{name}: {why}")))
}

/// Notes that a safetensors file keeps beside its tensors.
pub type Metadata = HashMap<String, String>;

/// The tensors of a safetensors file, in the order of their names, and its metadata.
///
/// # Errors
/// If the file cannot be read, or is not whole and sound.
pub fn read(path: &Path) -> Result<(Vec<(String, Tensor)>, Metadata)> {
    let name = shown_path(&path.display().to_string());
    from_bytes(&contents(path, MAX_BYTES)?)
        .map_err(|why| Error::new(format!("{name} is no sound safetensors file: {why}")))
}

/// A safetensors file of tensors.
///
/// # Errors
/// If a value cannot be computed, or two tensors have one name.
pub fn to_bytes(state: &[(String, Tensor)], metadata: Option<Metadata>) -> Result<Vec<u8>> {
    realize(&state.iter().map(|s| &s.1).collect::<Vec<_>>())?;
    let array = |(name, tensor): &(String, Tensor)| Ok((name.clone(), Array::of_tensor(tensor)?));
    let arrays = state.iter().map(array).collect::<Result<_>>()?;
    Tensors { arrays, texts: metadata.unwrap_or_default().into_iter().collect() }.to_bytes()
}

/// The tensors of a safetensors file, in the order of their names, and its metadata.
///
/// # Errors
/// If the bytes are no whole and sound file; the text is the end of a sentence.
pub fn from_bytes(bytes: &[u8]) -> Result<(Vec<(String, Tensor)>, Metadata)> {
    let Tensors { arrays, texts } = Tensors::from_bytes(bytes)?;
    let tensor = |(name, array): (String, Array)| Ok((name, array.into_tensor()?));
    Ok((arrays.into_iter().map(tensor).collect::<Result<_>>()?, texts.into_iter().collect()))
}
