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
//! Whoever sends a file may have written anything into it: sizes are checked before what they are
//! the size of, and names are printed with care.

use std::collections::HashMap;
use std::path::Path;

use chainrule_core::{DType, Tensor, realize};
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};

use super::module::{Module, Slot};
use crate::atomic;
use crate::data::table::{contents, shown_path};
use crate::error::{Error, Result, fail, listed, shown};

/// The largest file that is read.
const MAX_BYTES: usize = 64 << 30;
/// The largest header: a hundred thousand tensors with long names.
const MAX_HEADER: u64 = 16 << 20;

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
/// If a value cannot be computed.
pub fn to_bytes(state: &[(String, Tensor)], metadata: Option<Metadata>) -> Result<Vec<u8>> {
    realize(&state.iter().map(|s| &s.1).collect::<Vec<_>>())?;
    let mut all = vec![];
    for (name, tensor) in state {
        let (dtype, bytes): (Dtype, Vec<u8>) = match tensor.dtype() {
            DType::F32 => (Dtype::F32, flat(tensor, f32::to_le_bytes)?),
            DType::F64 => (Dtype::F64, flat(tensor, f64::to_le_bytes)?),
            DType::I64 => (Dtype::I64, flat(tensor, i64::to_le_bytes)?),
            DType::Bool => (Dtype::BOOL, flat(tensor, |b: bool| [u8::from(b)])?),
        };
        all.push((name, dtype, tensor.shape().to_vec(), bytes));
    }
    let wrong = |e| Error::new(format!("the tensors cannot be written: {e}"));
    let mut views = vec![];
    for (name, dtype, shape, bytes) in &all {
        views.push((name, TensorView::new(*dtype, shape.clone(), bytes).map_err(wrong)?));
    }
    serialize(views, metadata).map_err(wrong)
}

fn flat<T: chainrule_core::Element, const N: usize>(
    tensor: &Tensor,
    bytes: impl Fn(T) -> [u8; N],
) -> Result<Vec<u8>> {
    Ok(tensor.to_vec::<T>()?.into_iter().flat_map(bytes).collect())
}

/// The tensors of a safetensors file, in the order of their names, and its metadata.
///
/// # Errors
/// If the bytes are no whole and sound file; the text is the end of a sentence.
pub fn from_bytes(bytes: &[u8]) -> Result<(Vec<(String, Tensor)>, Metadata)> {
    let header = bytes.first_chunk::<8>().map(|b| u64::from_le_bytes(*b));
    match header {
        None => fail!("it has less than 8 bytes"),
        Some(n) if n > MAX_HEADER || n > bytes.len() as u64 - 8 => {
            fail!("it is cut off or in another format")
        }
        Some(_) => {}
    }
    let damaged = |_| Error::new("it is damaged or in another format");
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
    let file = SafeTensors::deserialize(bytes).map_err(damaged)?;
    let mut tensors = vec![];
    for (name, view) in file.tensors() {
        let tensor = tensor(&view)
            .map_err(|why| Error::new(format!("its tensor {} {why}", shown(&name))))?;
        tensors.push((name, tensor));
    }
    tensors.sort_by(|a, b| a.0.cmp(&b.0));
    Ok((tensors, metadata.metadata().clone().unwrap_or_default()))
}

fn tensor(view: &TensorView<'_>) -> Result<Tensor> {
    let (data, shape) = (view.data(), view.shape());
    fn numbers<const N: usize, T>(data: &[u8], f: impl Fn([u8; N]) -> T) -> Vec<T> {
        data.as_chunks::<N>().0.iter().map(|b| f(*b)).collect()
    }
    let tensor = match view.dtype() {
        Dtype::F64 => Tensor::from_vec(numbers(data, f64::from_le_bytes), shape),
        Dtype::F32 => Tensor::from_vec(numbers(data, f32::from_le_bytes), shape),
        Dtype::I64 => Tensor::from_vec(numbers(data, i64::from_le_bytes), shape),
        Dtype::I32 => Tensor::from_vec(numbers(data, i32::from_le_bytes), shape),
        Dtype::BOOL => Tensor::from_vec(numbers(data, |b: [u8; 1]| b[0] != 0), shape),
        Dtype::BF16 => {
            let wide = |b| f32::from_bits(u32::from(u16::from_le_bytes(b)) << 16);
            Tensor::from_vec(numbers(data, wide), shape)
        }
        Dtype::F16 => Tensor::from_vec(numbers(data, |b| half(u16::from_le_bytes(b))), shape),
        other => fail!("has numbers of type {other:?}, which is not supported"),
    };
    tensor.map_err(|_| Error::new("has a shape that its data do not fill"))
}

/// The number of an IEEE 754 half: 1 bit sign, 5 bits exponent (bias 15), 10 bits fraction.
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
    sign * match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        e => (1.0 + fraction / 1024.0) * 2f32.powi(e - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_what_ieee_754_says() {
        for (bits, number) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0001, 5.960_464_5e-8),
            (0x7c00, f32::INFINITY),
            (0x3555, 0.333_251_95),
        ] {
            assert_eq!(half(bits), number, "{bits:x}");
        }
        assert!(half(0x7e00).is_nan());
    }
}
