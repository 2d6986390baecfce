//! Attention: for each query a mean of values, weighted by how well their keys fit.
//!
//! ```text
//! head k:  softmax(Q Kᵀ / √d + mask) V      Q = x Wq + bq, K = y Wk + bk, V = z Wv + bv
//! output:  the heads side by side, times Wo, plus bo
//! ```
//!
//! With `heads` heads, each has d = width / heads numbers of the projections. The parameters are
//! torch's: `in_proj_weight` is Wq, Wk and Wv below each other, transposed. When queries, keys and
//! values are made of one tensor, one product makes all three.
//!
//! ```
//! use chainrule_core::Tensor;
//! use chainrule_fit::nn::{Masks, MultiheadAttention};
//! let attention = MultiheadAttention { batch_first: true, ..MultiheadAttention::new(8, 2)? };
//! let x = Tensor::randn([3, 5, 8]);
//! let found = attention.of_itself(&x, &Masks { causal: true, ..Masks::default() })?;
//! assert_eq!((found.output.shape(), found.weights.shape()), (&[3, 5, 8][..], &[3, 5, 5][..]));
//! assert_eq!(found.weights.i((0, 0, 1..)).sum().item::<f32>()?, 0.0); // nothing from the future
//! # Ok::<(), chainrule_fit::Error>(())
//! ```
//!
//! A query that may attend to nothing gets NaN, as in torch. [`ScaledDotProduct`] is attention
//! without projections, of any leading axes. Not here: keys and values of other
//! widths than queries, biases added to keys.
//!
//! Vaswani et al. 2017, *Attention is all you need*.

use chainrule_core::{DType, Tensor};

use super::basic::{Dropout, Linear, affine};
use super::init::{self, Init};
use super::layer::{Layer, tell};
use crate::error::{Result, fail};
use crate::module;

/// Attention of several heads; inputs are \[length, batch, width\], or \[batch, length, width\]
/// with `batch_first`. The batch may be missing.
#[derive(Clone, Debug)]
pub struct MultiheadAttention {
    /// Wq, Wk and Wv, transposed, \[3 · width, width\].
    pub in_proj_weight: Tensor,
    /// bq, bk and bv, \[3 · width\].
    pub in_proj_bias: Option<Tensor>,
    /// Wo and bo.
    pub out_proj: Linear,
    /// The number of heads.
    pub heads: usize,
    /// Whether the batch is the first axis.
    pub batch_first: bool,
    /// Dropout of weights in training.
    pub dropout: Dropout,
}
module!(MultiheadAttention { in_proj_weight, in_proj_bias, out_proj, dropout });

/// softmax(scale Q Kᵀ + mask) V for queries \[…, queries, d\], keys \[…, keys, d\] and values
/// \[…, keys, width\], without projections. Leading axes broadcast.
///
/// ```
/// use chainrule_core::Tensor;
/// use chainrule_fit::nn::ScaledDotProduct;
/// let x = Tensor::randn([2, 5, 4]);
/// let first = ScaledDotProduct { causal: true, ..ScaledDotProduct::default() }.of(&x, &x, &x)?;
/// assert_eq!(first.i((0, 0)).to_vec::<f32>()?, x.i((0, 0)).to_vec::<f32>()?); // it sees itself
/// # Ok::<(), chainrule_fit::Error>(())
/// ```
///
/// A query that may attend to nothing gets zeros.
#[derive(Clone, Debug, Default)]
pub struct ScaledDotProduct {
    /// Query i sees keys up to i only.
    pub causal: bool,
    /// A truth value for each query and key, true where it may look, or a number that is added;
    /// broadcasts to \[…, queries, keys\].
    pub mask: Option<Tensor>,
    /// By what products are multiplied; 1/√d without one.
    pub scale: Option<f64>,
    /// Dropout of weights in training.
    pub dropout: Dropout,
    /// Whether several heads of queries, axis −3, share one of keys and values.
    pub grouped: bool,
}

impl ScaledDotProduct {
    /// Attention of queries to keys, with whose weights values are averaged.
    ///
    /// # Errors
    /// If shapes do not fit, or there is a mask beside `causal`.
    pub fn of(&self, query: &Tensor, key: &Tensor, value: &Tensor) -> Result<Tensor> {
        if [query, key, value].iter().any(|x| x.rank() < 2) {
            fail!("attention takes [..., length, width], of two axes or more");
        }
        let last = |x: &Tensor| x.shape()[x.rank() - 1];
        if last(query) != last(key)
            || key.shape()[key.rank() - 2] != value.shape()[value.rank() - 2]
        {
            fail!(
                "attention needs queries and keys of one width, and as many values as keys; these \
                 are {:?}, {:?} and {:?}",
                query.shape(),
                key.shape(),
                value.shape()
            );
        }
        if self.causal && self.mask.is_some() {
            fail!("attention is causal or has a mask, not both; put the one into the other");
        }
        let (key, value) = match self.grouped {
            true => (shared(key, query)?, shared(value, query)?),
            false => (key.clone(), value.clone()),
        };
        let scale = self.scale.unwrap_or(1.0 / (last(query) as f64).sqrt());
        let mut scores = query.try_matmul(&key.try_t()?)? * scale;
        let (queries, keys) = (scores.shape()[scores.rank() - 2], last(&scores));
        if self.causal {
            let rows = Tensor::arange(0, queries as i64, 1).try_unsqueeze(1)?;
            let seen = Tensor::arange(0, keys as i64, 1).try_le(&rows)?;
            scores = seen.try_where(&scores, f64::NEG_INFINITY)?;
        }
        let Some(mask) = &self.mask else {
            return Ok(self.dropout.drop(&scores.try_softmax(-1)?)?.try_matmul(&value)?);
        };
        scores = match mask.dtype() {
            DType::Bool => mask.try_where(&scores, f64::NEG_INFINITY)?,
            _ => scores.try_add(mask)?,
        };
        let blind = scores.try_max_axis(-1, true)?.try_eq(f64::NEG_INFINITY)?;
        let weights = blind.try_where(&scores.zeros_like(), scores.try_softmax(-1)?)?;
        Ok(self.dropout.drop(&weights)?.try_matmul(&value)?)
    }
}

/// Keys or values \[…, heads, length, width\], each head as often as there are more of queries.
fn shared(x: &Tensor, query: &Tensor) -> Result<Tensor> {
    let heads = |x: &Tensor| if x.rank() < 3 { 1 } else { x.shape()[x.rank() - 3] };
    let (own, wanted) = (heads(x), heads(query));
    if own == 0 || !wanted.is_multiple_of(own) {
        fail!("{own} heads of keys cannot be shared by {wanted} of queries; choose a divisor");
    }
    if own == wanted {
        return Ok(x.clone());
    }
    let at = x.rank() - 2;
    let mut shape = x.shape().to_vec();
    shape.insert(at, wanted / own);
    let repeated = x.try_unsqueeze(at as i64)?.try_expand(shape.as_slice())?;
    shape.remove(at);
    shape[at - 1] = wanted;
    Ok(repeated.try_reshape(shape.as_slice())?)
}

/// What queries may not see.
#[derive(Clone, Debug, Default)]
pub struct Masks {
    /// Query i sees keys up to i only.
    pub causal: bool,
    /// Keys that are padding: truth values \[batch, keys\], true where nobody may look.
    pub key_padding: Option<Tensor>,
    /// For each query and key, \[queries, keys\] or \[batch · heads, queries, keys\]: a truth
    /// value, true where it may not look, or a number that is added.
    pub attention: Option<Tensor>,
}

/// What attention found.
#[derive(Clone, Debug)]
pub struct Attended {
    /// The output, of the queries' shape.
    pub output: Tensor,
    /// The weights, \[batch, queries, keys\], means over the heads.
    pub weights: Tensor,
}

impl MultiheadAttention {
    /// For vectors of `width` numbers, with biases.
    ///
    /// # Errors
    /// If the number of heads does not divide the width.
    pub fn new(width: usize, heads: usize) -> Result<MultiheadAttention> {
        if heads == 0 || !width.is_multiple_of(heads) || width == 0 {
            fail!("{heads} heads do not divide a width of {width}; choose a divisor");
        }
        let weight = Init::XavierUniform { gain: 1.0 }.draw([3 * width, width])?;
        let mut out_proj = Linear::new(width, width);
        out_proj.bias = Some(init::constant(&[width], 0.0));
        Ok(MultiheadAttention {
            in_proj_weight: weight.requires_grad(),
            in_proj_bias: Some(init::constant(&[3 * width], 0.0)),
            out_proj,
            heads,
            batch_first: false,
            dropout: Dropout::new(0.0),
        })
    }

    /// The same without biases.
    ///
    /// # Errors
    /// If the number of heads does not divide the width.
    pub fn without_bias(width: usize, heads: usize) -> Result<MultiheadAttention> {
        let mut attention = MultiheadAttention::new(width, heads)?;
        attention.in_proj_bias = None;
        attention.out_proj.bias = None;
        Ok(attention)
    }

    fn width(&self) -> usize {
        self.in_proj_weight.shape()[1]
    }

    /// Attention of each place of `x` to all of them.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn of_itself(&self, x: &Tensor, masks: &Masks) -> Result<Attended> {
        let (y, single) = self.arranged(x)?;
        let all = affine(&y, &self.in_proj_weight, self.in_proj_bias.as_ref())?;
        let width = self.width();
        let part = |k: usize| self.split(&all.try_slice(2, k * width..(k + 1) * width)?);
        let found = self.attend(&part(0)?, &part(1)?, &part(2)?, masks)?;
        self.back(found, single)
    }

    /// Attention of queries to keys, with whose weights values are averaged.
    ///
    /// # Errors
    /// If shapes do not fit.
    pub fn attention(
        &self,
        query: &Tensor,
        key: &Tensor,
        value: &Tensor,
        masks: &Masks,
    ) -> Result<Attended> {
        let width = self.width();
        let project = |x: &Tensor, k: usize| -> Result<(Tensor, bool)> {
            let (x, single) = self.arranged(x)?;
            let rows = k * width..(k + 1) * width;
            let weight = self.in_proj_weight.try_slice(0, rows.clone())?;
            let bias = self.in_proj_bias.as_ref().map(|b| b.try_slice(0, rows)).transpose()?;
            Ok((self.split(&affine(&x, &weight, bias.as_ref())?)?, single))
        };
        let ((q, single), (k, _), (v, _)) =
            (project(query, 0)?, project(key, 1)?, project(value, 2)?);
        if k.shape() != v.shape() || q.shape()[0] != k.shape()[0] {
            fail!(
                "attention needs keys and values of one shape, and queries of as large a batch; \
                 these are {:?}, {:?} and {:?}",
                key.shape(),
                value.shape(),
                query.shape()
            );
        }
        let found = self.attend(&q, &k, &v, masks)?;
        self.back(found, single)
    }

    /// `x` as \[batch, length, width\], and whether the batch was missing.
    fn arranged(&self, x: &Tensor) -> Result<(Tensor, bool)> {
        if !(2..=3).contains(&x.rank()) || x.shape().last() != Some(&self.width()) {
            fail!(
                "attention of width {} got a tensor of shape {:?}; it takes {}",
                self.width(),
                x.shape(),
                if self.batch_first { "[batch, length, width]" } else { "[length, batch, width]" }
            );
        }
        Ok(match (x.rank(), self.batch_first) {
            (2, _) => (x.try_unsqueeze(0)?, true),
            (_, true) => (x.clone(), false),
            (_, false) => (x.try_transpose(0, 1)?, false),
        })
    }

    /// \[batch, length, width\] as \[batch, heads, length, width / heads\].
    fn split(&self, x: &Tensor) -> Result<Tensor> {
        let [n, length, width] = [0, 1, 2].map(|a| x.shape()[a]);
        let x = x.try_reshape([n, length, self.heads, width / self.heads])?;
        Ok(x.try_transpose(1, 2)?)
    }

    /// The output \[batch, queries, width\], and the weights.
    fn attend(&self, q: &Tensor, k: &Tensor, v: &Tensor, masks: &Masks) -> Result<Attended> {
        let [n, _, queries, depth] = [0, 1, 2, 3].map(|a| q.shape()[a]);
        let keys = k.shape()[2];
        let scores = q.try_matmul(&k.try_t()?)? * (1.0 / (depth as f64).sqrt());
        let scores = self.masked(scores, masks, [n, queries, keys])?;
        let weights = self.dropout.drop(&scores.try_softmax(-1)?)?;
        let heads = weights.try_matmul(v)?.try_transpose(1, 2)?;
        let output = heads.try_reshape([n, queries, self.width()])?;
        let output = affine(&output, &self.out_proj.weight, self.out_proj.bias.as_ref())?;
        Ok(Attended { output, weights: weights.try_mean_axis(1, false)? })
    }

    /// Scores \[batch, heads, queries, keys\], −∞ where a query may not look.
    fn masked(&self, mut scores: Tensor, masks: &Masks, lengths: [usize; 3]) -> Result<Tensor> {
        let [n, queries, keys] = lengths;
        let hide = |scores: &Tensor, hidden: &Tensor| {
            hidden
                .try_expand(scores.shape())?
                .try_where(&scores.full_like(f64::NEG_INFINITY), scores)
        };
        if masks.causal {
            let rows = Tensor::arange(0, queries as i64, 1).try_unsqueeze(1)?;
            let later = Tensor::arange(0, keys as i64, 1).try_gt(&rows)?;
            scores = hide(&scores, &later)?;
        }
        if let Some(padding) = &masks.key_padding {
            let fits = padding.shape() == [n, keys] || n == 1 && padding.shape() == [keys];
            if !fits || padding.dtype() != DType::Bool {
                fail!(
                    "a key padding mask is bool [{n}, {keys}], not {} {:?}",
                    padding.dtype(),
                    padding.shape()
                );
            }
            scores = hide(&scores, &padding.try_reshape([n, 1, 1, keys])?)?;
        }
        if let Some(mask) = &masks.attention {
            let mask = match mask.rank() {
                3 => mask.try_reshape([n, self.heads, queries, keys])?,
                _ => mask.try_reshape([1, 1, queries, keys])?,
            };
            scores = match mask.dtype() {
                DType::Bool => hide(&scores, &mask)?,
                _ => scores.try_add(&mask)?,
            };
        }
        Ok(scores)
    }

    /// With the axes as they came.
    fn back(&self, found: Attended, single: bool) -> Result<Attended> {
        let Attended { output, weights } = found;
        if single {
            let (output, weights) = (output.try_squeeze(0)?, weights.try_squeeze(0)?);
            return Ok(Attended { output, weights });
        }
        let output = if self.batch_first { output } else { output.try_transpose(0, 1)? };
        Ok(Attended { output, weights })
    }

    /// Multiplications of attention to itself, without the output's projection.
    pub(super) fn macs(&self, x: &Tensor) -> u64 {
        let width = self.width();
        let length = match (x.rank(), self.batch_first) {
            (3, true) => x.shape()[1],
            _ => x.shape()[0],
        };
        let places = x.len() / width.max(1);
        (places * width * (4 * width + 2 * length)) as u64
    }
}

impl Layer for MultiheadAttention {
    /// [`of_itself`](MultiheadAttention::of_itself) without masks.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let found = self.of_itself(x, &Masks::default())?;
        Ok(tell(self, found.output, |_| self.macs(x)))
    }
}
