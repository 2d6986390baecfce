//! Linear maps, tables of vectors, dropout, and joining axes.
//!
//! ```text
//! Linear     y = x Wᵀ + b            W [out, in], b [out]; x […, in]
//! Embedding  y = W[i]                W [count, width]; i any shape, y [shape of i…, width]
//! Dropout    y = x m / (1 − p)       m 0 with probability p, else 1; only in training
//! Flatten    axes from .. = to into one
//! ```
//!
//! Dropout divides by 1 − p, so that the mean of y is x and evaluation needs no factor (Srivastava
//! et al. 2014). Linear weights and biases start uniform on ±1/√in, embeddings standard normal, as
//! torch's do.
//!
//! ```
//! use chainrule_core::Tensor;
//! use chainrule_fit::nn::{Embedding, Layer, Linear};
//! let table = Embedding::new(100, 8);
//! let y = Linear::new(8, 2).forward(&table.forward(&Tensor::from([[3, 99], [0, 1]]))?)?;
//! assert_eq!(y.shape(), [2, 2, 2]);
//! # Ok::<(), chainrule_fit::Error>(())
//! ```

use chainrule_core::{DType, Tensor};

use super::init;
use super::layer::{Layer, tell};
use super::module::{List, Mode, Module};
use crate::error::{Result, fail};
use crate::module;

/// y = x Wᵀ + b.
#[derive(Clone, Debug)]
pub struct Linear {
    /// W, \[out, in\].
    pub weight: Tensor,
    /// b, \[out\].
    pub bias: Option<Tensor>,
}
module!(Linear { weight, bias });

impl Linear {
    /// From vectors of `inputs` numbers to vectors of `outputs`.
    pub fn new(inputs: usize, outputs: usize) -> Linear {
        let bound = 1.0 / (inputs.max(1) as f64).sqrt();
        Linear {
            weight: init::uniform(&[outputs, inputs], bound),
            bias: Some(init::uniform(&[outputs], bound)),
        }
    }

    /// The same without b.
    pub fn without_bias(inputs: usize, outputs: usize) -> Linear {
        let bound = 1.0 / (inputs.max(1) as f64).sqrt();
        Linear { weight: init::uniform(&[outputs, inputs], bound), bias: None }
    }
}

/// x Wᵀ + b.
pub(crate) fn affine(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let inputs = weight.shape()[1];
    if x.shape().last() != Some(&inputs) {
        fail!(
            "a linear layer of {inputs} inputs got a tensor of shape {:?}; its last axis must have \
             length {inputs}",
            x.shape()
        );
    }
    let y = x.try_matmul(&weight.t())?;
    Ok(match bias {
        Some(bias) => y.try_add(bias)?,
        None => y,
    })
}

impl Layer for Linear {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = affine(x, &self.weight, self.bias.as_ref())?;
        Ok(tell(self, y, |y| (y.len() * self.weight.shape()[1]) as u64))
    }
}

/// A table of vectors, looked up by number.
#[derive(Clone, Debug)]
pub struct Embedding {
    /// The vectors, \[count, width\].
    pub weight: Tensor,
    /// The number whose vector gets no gradient.
    pub padding: Option<usize>,
}
module!(Embedding { weight });

impl Embedding {
    /// `count` vectors of `width` numbers.
    pub fn new(count: usize, width: usize) -> Embedding {
        Embedding { weight: init::normal(&[count, width], 1.0), padding: None }
    }

    /// The same, with vector number `padding` zero, and not learnt.
    ///
    /// # Errors
    /// If there is no such vector.
    pub fn with_padding(count: usize, width: usize, padding: usize) -> Result<Embedding> {
        if padding >= count {
            fail!("an embedding of {count} vectors has none with number {padding} to pad with");
        }
        let row = Tensor::arange(0, count as i64, 1).ne(padding as i64).to_dtype(DType::F64);
        let value = Tensor::randn_f64([count, width]) * row.unsqueeze(1);
        Ok(Embedding { weight: init::parameter(&value), padding: Some(padding) })
    }
}

impl Layer for Embedding {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        if !x.dtype().is_integer() {
            let given = x.dtype();
            fail!("an embedding takes numbers of vectors (int64 or other integers), not {given}");
        }
        let x = &x.to_dtype(DType::I64);
        let width = self.weight.shape()[1];
        let flat = self.weight.try_index_select(0, &x.try_flatten()?)?;
        let shape: Vec<usize> = x.shape().iter().copied().chain([width]).collect();
        let mut y = flat.try_reshape(shape)?;
        if let Some(padding) = self.padding {
            y = x.ne(padding as i64).unsqueeze(-1).expand(y.shape()).try_where(&y, y.detach())?;
        }
        Ok(tell(self, y, |_| 0))
    }
}

/// Elements set to 0 at random in training.
#[derive(Clone, Debug, Default)]
pub struct Dropout {
    /// The probability with which an element is dropped.
    pub p: f64,
    /// Training or evaluation.
    pub mode: Mode,
}
module!(Dropout { mode });

impl Dropout {
    /// Drops with probability `p`, from 0 to 1.
    pub fn new(p: f64) -> Dropout {
        Dropout { p, mode: Mode::default() }
    }

    /// [`forward`](Layer::forward), without telling a summary.
    pub(crate) fn drop(&self, x: &Tensor) -> Result<Tensor> {
        if !(0.0..=1.0).contains(&self.p) {
            fail!("a dropout probability is between 0 and 1, not {}", self.p);
        }
        if !self.mode.is_training() || self.p == 0.0 {
            return Ok(x.clone());
        }
        let keep = Tensor::rand(x.shape()).try_ge(self.p)?;
        let scale = if self.p < 1.0 { 1.0 / (1.0 - self.p) } else { 0.0 };
        Ok(keep.try_where(&(x * scale), 0.0)?)
    }
}

impl Layer for Dropout {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(tell(self, self.drop(x)?, |_| 0))
    }
}

/// Axes `from` to `to`, both included, as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flatten {
    /// The first axis.
    pub from: i64,
    /// The last axis; negative numbers count from the end.
    pub to: i64,
}

impl Default for Flatten {
    /// All axes but the first.
    fn default() -> Flatten {
        Flatten { from: 1, to: -1 }
    }
}

impl Module for Flatten {
    fn list(&self, _: &mut List) {}
}

impl Layer for Flatten {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let rank = x.rank() as i64;
        let place = |a: i64| if a < 0 { a + rank } else { a };
        let (from, to) = (place(self.from), place(self.to));
        if !(0 <= from && from <= to && to < rank) {
            fail!(
                "flattening axes {} to {} of a tensor of shape {:?}: there are no such axes",
                self.from,
                self.to,
                x.shape()
            );
        }
        let (from, to) = (from as usize, to as usize);
        let mut shape = x.shape()[..from].to_vec();
        shape.push(x.shape()[from..=to].iter().product());
        shape.extend(&x.shape()[to + 1..]);
        Ok(tell(self, x.try_reshape(shape)?, |_| 0))
    }
}
