//! Normalisation: over features, or over the batch.
//!
//! ```text
//! LayerNorm  y = (x − μ)/√(σ² + ε) · w + b    μ, σ² over the last axes     Ba et al. 2016
//! RmsNorm    y = x/√(mean x² + ε) · w         over the last axes           Zhang & Sennrich 2019
//! BatchNorm  y = (x − μ)/√(σ² + ε) · w + b    μ, σ² of each channel over the batch and space
//!                                                                          Ioffe & Szegedy 2015
//! ```
//!
//! Batch normalisation keeps running statistics for evaluation, r ← (1 − m) r + m s with momentum
//! m, where s is the batch's mean, or its variance with n − 1 (the normalisation itself divides by
//! n, as torch does). They are buffers; a training step's are computed with that step or, if nobody
//! asks, when the next begins. (Inside `vmap` and `Program::trace` a batch has no numbers, so there
//! a layer must be in evaluation.)
//!
//! In a step over several ranks ([`crate::parallel`]) μ and σ² are those of the whole batch, summed
//! over ranks in the forward and in the backward pass, each as the step comes to it.
//!
//! ```
//! use chainrule_core::Tensor;
//! use chainrule_fit::nn::{BatchNorm1d, Layer, Module};
//! let norm = BatchNorm1d::new(2);
//! let y = norm.forward(&Tensor::from([[0.0f32, 5.0], [2.0, 9.0]]))?;
//! let signs = y.round().to_vec::<f32>()?;
//! assert_eq!(signs, [-1.0, -1.0, 1.0, 1.0]);
//! assert_eq!(norm.running_mean.get().to_vec::<f32>()?, [0.1, 0.7]);
//! norm.set_training(false); // from now on with the running statistics
//! # Ok::<(), chainrule_fit::Error>(())
//! ```
//!
//! Not here: instance and group normalisation.

use chainrule_core::{Tensor, no_grad, realize};

use super::init;
use super::layer::{Layer, tell};
use super::module::{Buffer, Mode};
use crate::error::{Result, fail};
use crate::module;
use crate::parallel::scope;

/// Normalisation over the last axes.
#[derive(Clone, Debug)]
pub struct LayerNorm {
    /// The factor w, of the shape of the last axes.
    pub weight: Option<Tensor>,
    /// The summand b, of the same shape.
    pub bias: Option<Tensor>,
    /// The lengths of the axes that are normalised over.
    pub shape: Vec<usize>,
    /// ε.
    pub eps: f64,
}
module!(LayerNorm { weight, bias });

impl LayerNorm {
    /// Over the last axes, which have these lengths; ε = 10⁻⁵.
    pub fn new(shape: impl AsRef<[usize]>) -> LayerNorm {
        let shape = shape.as_ref().to_vec();
        let (weight, bias) = (init::constant(&shape, 1.0), init::constant(&shape, 0.0));
        LayerNorm { weight: Some(weight), bias: Some(bias), shape, eps: 1e-5 }
    }

    /// The same without w and b.
    pub fn plain(shape: impl AsRef<[usize]>) -> LayerNorm {
        let shape = shape.as_ref().to_vec();
        LayerNorm { weight: None, bias: None, shape, eps: 1e-5 }
    }
}

/// `x` with the axes of `shape`, its last ones, as one.
fn rows(layer: &str, x: &Tensor, shape: &[usize]) -> Result<Tensor> {
    if !x.shape().ends_with(shape) || shape.is_empty() {
        fail!(
            "a {layer} over {shape:?} got a tensor of shape {:?}, whose last axes must be these",
            x.shape()
        );
    }
    if shape.len() == 1 {
        return Ok(x.clone());
    }
    let mut lengths = x.shape()[..x.rank() - shape.len()].to_vec();
    lengths.push(shape.iter().product());
    Ok(x.try_reshape(lengths)?)
}

impl Layer for LayerNorm {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let flat = rows("layer norm", x, &self.shape)?;
        let centred = &flat - flat.mean_axis(-1, true);
        let variance = centred.square().mean_axis(-1, true);
        let y = (centred * (variance + self.eps).rsqrt()).try_reshape(x.shape())?;
        let y = scaled(y, self.weight.as_ref(), self.bias.as_ref());
        Ok(tell(self, y, |_| 0))
    }
}

fn scaled(y: Tensor, weight: Option<&Tensor>, bias: Option<&Tensor>) -> Tensor {
    let y = match weight {
        Some(weight) => y * weight,
        None => y,
    };
    match bias {
        Some(bias) => y + bias,
        None => y,
    }
}

/// Division by the root of the mean square over the last axes.
#[derive(Clone, Debug)]
pub struct RmsNorm {
    /// The factor w, of the shape of the last axes.
    pub weight: Option<Tensor>,
    /// The lengths of the axes that are normalised over.
    pub shape: Vec<usize>,
    /// ε; `None` is the distance of 1 to the next larger number of the element type.
    pub eps: Option<f64>,
}
module!(RmsNorm { weight });

impl RmsNorm {
    /// Over the last axes, which have these lengths.
    pub fn new(shape: impl AsRef<[usize]>) -> RmsNorm {
        let shape = shape.as_ref().to_vec();
        RmsNorm { weight: Some(init::constant(&shape, 1.0)), shape, eps: None }
    }
}

impl Layer for RmsNorm {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let flat = rows("rms norm", x, &self.shape)?;
        let unit = if x.dtype().size() == 4 { f64::from(f32::EPSILON) } else { f64::EPSILON };
        let root = (flat.square().mean_axis(-1, true) + self.eps.unwrap_or(unit)).rsqrt();
        let y = (&flat * root).try_reshape(x.shape())?;
        Ok(tell(self, scaled(y, self.weight.as_ref(), None), |_| 0))
    }
}

/// Normalisation of each channel over the batch, for inputs \[n, channels\] and \[n, channels,
/// length\] (`SPACE` = 1), or \[n, channels, height, width\] (`SPACE` = 2).
#[derive(Clone, Debug)]
pub struct BatchNorm<const SPACE: usize> {
    /// The factor w, \[channels\].
    pub weight: Option<Tensor>,
    /// The summand b, \[channels\].
    pub bias: Option<Tensor>,
    /// The running mean, \[channels\].
    pub running_mean: Buffer,
    /// The running variance, \[channels\].
    pub running_var: Buffer,
    /// The number of batches seen in training, I64.
    pub num_batches_tracked: Buffer,
    /// ε.
    pub eps: f64,
    /// m; `None` makes the running statistics the mean over all batches.
    pub momentum: Option<f64>,
    /// Training or evaluation.
    pub mode: Mode,
}
module!(BatchNorm<1> { weight, bias, running_mean, running_var, num_batches_tracked, mode });
module!(BatchNorm<2> { weight, bias, running_mean, running_var, num_batches_tracked, mode });

/// For \[n, channels\] and \[n, channels, length\].
pub type BatchNorm1d = BatchNorm<1>;
/// For \[n, channels, height, width\].
pub type BatchNorm2d = BatchNorm<2>;

impl<const SPACE: usize> BatchNorm<SPACE> {
    /// For so many channels; ε = 10⁻⁵, momentum 0.1.
    pub fn new(channels: usize) -> BatchNorm<SPACE> {
        let all = |c: f64| init::constant(&[channels], c);
        BatchNorm {
            weight: Some(all(1.0)),
            bias: Some(all(0.0)),
            running_mean: Buffer::new(all(0.0).detach()),
            running_var: Buffer::new(all(1.0).detach()),
            num_batches_tracked: Buffer::new(Tensor::from(0i64)),
            eps: 1e-5,
            momentum: Some(0.1),
            mode: Mode::default(),
        }
    }

    /// The same without w and b.
    pub fn plain(channels: usize) -> BatchNorm<SPACE> {
        BatchNorm { weight: None, bias: None, ..BatchNorm::new(channels) }
    }

    /// Mean and variance of the batch, which the running statistics take up.
    fn observe(&self, x: &Tensor) -> Result<(Tensor, Tensor)> {
        let axes: Vec<usize> = (0..x.rank()).filter(|&a| a != 1).collect();
        let own: usize = axes.iter().map(|&a| x.shape()[a]).product();
        let sum = |x: &Tensor| -> Result<(Tensor, usize)> {
            scope::total(&x.try_sum_axis(axes.as_slice(), true)?, own)
        };
        let (total, n) = match scope::is_cut() {
            true => sum(x)?,
            false => (x.clone(), own),
        };
        if n < 2 {
            fail!(
                "batch norm in training needs two numbers of each channel, and a tensor of shape \
                 {:?} has {n}; give it a larger batch, or switch to evaluation",
                x.shape()
            );
        }
        let (mean, variance) = if scope::is_cut() {
            let mean = total / n as f64;
            let (squares, _) = sum(&(x - &mean).square())?;
            (mean, squares / n as f64)
        } else {
            let mean = x.try_mean_axis(axes.as_slice(), true)?;
            let variance = (x - &mean).square().try_mean_axis(axes.as_slice(), true)?;
            (mean, variance)
        };
        no_grad(|| {
            let (old_mean, old_var) = (self.running_mean.get(), self.running_var.get());
            let seen = self.num_batches_tracked.get();
            // So that a step does not hold on to the graphs of those before it.
            let _ = realize(&[&old_mean, &old_var, &seen]);
            let seen = seen + 1;
            let channels = old_mean.shape().to_vec();
            let flat = |t: &Tensor| t.detach().try_reshape(channels.as_slice());
            let unbiased = flat(&variance)? * (n as f64 / (n - 1) as f64);
            let blend = |old: &Tensor, new: &Tensor| match self.momentum {
                Some(m) => old * (1.0 - m) + new * m,
                None => old + (new - old) / seen.to_dtype(old.dtype()),
            };
            self.running_mean.set(blend(&old_mean, &flat(&mean)?));
            self.running_var.set(blend(&old_var, &unbiased));
            self.num_batches_tracked.set(seen);
            Ok((mean, variance))
        })
    }
}

impl<const SPACE: usize> Layer for BatchNorm<SPACE>
where
    BatchNorm<SPACE>: super::Module,
{
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let channels = self.running_mean.get().len();
        let rank = x.rank();
        let fits = rank == SPACE + 2 || SPACE == 1 && rank == 2;
        if !fits || x.shape()[1] != channels {
            fail!(
                "batch norm of {channels} channels got a tensor of shape {:?}; it takes [n, \
                 {channels}{}]",
                x.shape(),
                if SPACE == 1 { "] and [n, channels, length" } else { ", height, width" }
            );
        }
        let mut column = vec![1; rank];
        column[1] = channels;
        let shaped = |t: &Tensor| t.try_reshape(column.as_slice());
        let (mean, variance) = match self.mode.is_training() {
            true => self.observe(x)?,
            false => (shaped(&self.running_mean.get())?, shaped(&self.running_var.get())?),
        };
        let y = (x - mean) * (variance + self.eps).rsqrt();
        let weight = self.weight.as_ref().map(shaped).transpose()?;
        let bias = self.bias.as_ref().map(shaped).transpose()?;
        Ok(tell(self, scaled(y, weight.as_ref(), bias.as_ref()), |_| 0))
    }
}
