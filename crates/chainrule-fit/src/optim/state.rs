//! What optimisers and schedules save: tensors by name.

use std::collections::HashMap;

use chainrule_core::{DType, Tensor};

use crate::error::{Result, fail, shown};

/// A number, saved with all its bits.
pub(crate) fn exact(x: f64) -> Tensor {
    Tensor::from(x)
}

/// A number of steps.
pub(crate) fn count(n: u64) -> Tensor {
    Tensor::from(i64::try_from(n).unwrap_or(i64::MAX))
}

/// A saved state that has been compared with what is expected.
pub(crate) struct Loading<'a>(HashMap<&'a str, &'a Tensor>);

impl<'a> Loading<'a> {
    /// Compares the names, shapes and element types in `state` with those in `expected`.
    pub(crate) fn new(
        state: &'a [(String, Tensor)],
        expected: &[(String, Tensor)],
    ) -> Result<Loading<'a>> {
        let mut found = HashMap::new();
        for (name, tensor) in state {
            if found.insert(name.as_str(), tensor).is_some() {
                fail!("the saved state has \"{}\" twice; save it again", shown(name));
            }
        }
        for (name, like) in expected {
            let Some(tensor) = found.get(name.as_str()) else {
                fail!(
                    "the saved state lacks \"{}\"; load it into an optimiser made with the same \
                     options and parameters",
                    shown(name)
                );
            };
            if tensor.shape() != like.shape() || tensor.dtype() != like.dtype() {
                fail!(
                    "\"{}\" is {} {:?} in the saved state, but {} {:?} here; load it into an \
                     optimiser made with the same options and parameters",
                    shown(name),
                    tensor.dtype(),
                    tensor.shape(),
                    like.dtype(),
                    like.shape()
                );
            }
        }
        if found.len() != expected.len() {
            let known: Vec<&str> = expected.iter().map(|(name, _)| name.as_str()).collect();
            let extra = state.iter().find(|(name, _)| !known.contains(&name.as_str()));
            fail!(
                "the saved state has \"{}\", which means nothing here; load it into an optimiser \
                 made with the same options and parameters",
                shown(extra.map_or("", |(name, _)| name))
            );
        }
        Ok(Loading(found))
    }

    /// The tensor called `name`.
    pub(crate) fn tensor(&self, name: &str) -> Result<Tensor> {
        match self.0.get(name) {
            Some(&tensor) => Ok(tensor.detach()),
            None => fail!("the saved state lacks \"{}\"; save it again", shown(name)),
        }
    }

    /// The number called `name`.
    pub(crate) fn number(&self, name: &str) -> Result<f64> {
        Ok(self.tensor(name)?.item()?)
    }

    /// The number of steps called `name`.
    pub(crate) fn count(&self, name: &str) -> Result<u64> {
        let tensor = self.tensor(name)?;
        debug_assert_eq!(tensor.dtype(), DType::I64);
        let n = tensor.item::<i64>()?;
        match u64::try_from(n) {
            Ok(n) => Ok(n),
            Err(_) => fail!(
                "\"{}\" is {n} in the saved state, but counts steps; save it again",
                shown(name)
            ),
        }
    }
}
