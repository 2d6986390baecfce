//! Values whose derivative is had by computing them again.

use super::trace::{pull, push};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Tensor;
use crate::graph::call::{Point, Rule, Slopes, custom};
use crate::place::Place;
use crate::tensor::cat;

/// A function of tensors that can be recorded at any time.
type Recipe = dyn Fn(&[Tensor]) -> Result<Vec<Tensor>> + Send + Sync;

/// `values`, which are `recipe(xs)`, without the graph that made them: derivatives come from
/// recording `recipe` once more. Values that are not floating-point have none.
pub(super) fn again(
    name: &'static str,
    values: &[Tensor],
    xs: &[Tensor],
    here: Place,
    recipe: Box<Recipe>,
) -> Result<Vec<Tensor>> {
    let smooth: Vec<Tensor> = values.iter().filter(|v| v.dtype().is_float()).cloned().collect();
    if let Some(other) = smooth.iter().find(|v| v.dtype() != smooth[0].dtype()) {
        let what = format!("`{name}` of a function that gives floating-point numbers of two types");
        return Err(Error::new(ErrorKind::DType, what, here)
            .operand(smooth[0].operand("first"))
            .operand(other.operand("other"))
            .hint("convert its results to one type with `.to_dtype(…)`"));
    }
    if smooth.is_empty() || !xs.iter().any(Tensor::tracks_grad) {
        return Ok(values.to_vec());
    }
    let joint = custom(&joint(&smooth)?, xs, Box::new(Again { name, recipe }));
    let mut start = 0;
    values
        .iter()
        .map(|value| {
            if !value.dtype().is_float() {
                return Ok(value.clone());
            }
            let part = joint.try_slice(0, start..start + value.len())?;
            start += value.len();
            part.try_reshape(value.shape())
        })
        .collect()
}

/// Tensors as one vector.
fn joint(ys: &[Tensor]) -> Result<Tensor> {
    if let [y] = ys {
        return y.try_flatten();
    }
    let flat = ys.iter().map(Tensor::try_flatten).collect::<Result<Vec<_>>>()?;
    cat(&flat.iter().collect::<Vec<_>>(), 0)
}

/// The rule: compute again, then differentiate.
struct Again {
    name: &'static str,
    recipe: Box<Recipe>,
}

impl Again {
    /// The floating-point results in one vector.
    fn record(&self, xs: &[Tensor]) -> Result<Vec<Tensor>> {
        let ys = (self.recipe)(xs)?;
        let smooth: Vec<Tensor> = ys.into_iter().filter(|y| y.dtype().is_float()).collect();
        Ok(vec![joint(&smooth)?])
    }
}

impl Rule for Again {
    fn name(&self) -> &str {
        self.name
    }

    fn vjp(&self, at: &Point<'_>, gys: &[Option<Tensor>]) -> Result<Slopes> {
        // Not before the cotangent is there: else the values would be kept all the same.
        let xs: Vec<Tensor> = match &gys[0] {
            Some(gy) if gy.as_constant().is_none() => at.xs.iter().map(|x| x.after(gy)).collect(),
            _ => at.xs.to_vec(),
        };
        Ok(pull(&|xs| self.record(xs), &xs, gys)?.into())
    }

    fn jvp(&self, at: &Point<'_>, dxs: &[Option<Tensor>]) -> Result<Slopes> {
        Ok(push(&|xs| self.record(xs), at.xs, dxs)?.1.into())
    }
}
