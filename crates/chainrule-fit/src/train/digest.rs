//! A short name for all the numbers of a model: 48 bits of XXH3-128 over names, shapes and bytes.
//!
//! Two runs that print the same digest have the same weights, but for one chance in 2⁴⁸.
//!
//! ```
//! use chainrule_core::Tensor;
//! use chainrule_fit::train::digest;
//! let a = vec![("w".to_string(), Tensor::from([1.0f32, 2.0]))];
//! let b = vec![("w".to_string(), Tensor::from([1.0f32, 2.0000002]))];
//! assert_eq!(digest(&a)?.len(), 12);
//! assert_ne!(digest(&a)?, digest(&b)?);
//! # Ok::<(), chainrule_fit::Error>(())
//! ```

use chainrule_core::Tensor;
use twox_hash::XxHash3_128;

use crate::data::array::Array;
use crate::error::Result;

/// The digest of named tensors, as 12 hexadecimal digits.
///
/// # Errors
/// If a value cannot be computed.
pub fn digest(state: &[(String, Tensor)]) -> Result<String> {
    let mut bytes = vec![];
    for (name, tensor) in state {
        bytes.extend_from_slice(name.as_bytes());
        bytes.push(0);
        bytes.extend(tensor.shape().iter().flat_map(|n| (*n as u64).to_le_bytes()));
        bytes.extend(Array::of_tensor(tensor)?.to_bytes());
    }
    Ok(format!("{:012x}", XxHash3_128::oneshot(&bytes) >> 80))
}
