//! Initial values of parameters.
//!
//! A sum of n products of independent numbers of variance 1 and σ² has variance n σ²: if weights
//! are too large or too small, signals grow or fade with depth. *Xavier* initialisation (Glorot &
//! Bengio 2010) compromises between the forward direction, n = fan in, and the backward one, n =
//! fan out: σ² = 2 g² / (fan in + fan out). *Kaiming* initialisation (He et al. 2015) takes one
//! direction, with a gain g for the variance that the nonlinearity loses: σ² = g² / fan. A uniform
//! distribution on [−a, a] has variance a²/3. *Orthogonal* matrices (Saxe et al. 2014) keep lengths
//! exactly.
//!
//! For a shape \[out, in, k…\], fan in is in·∏k and fan out is out·∏k.
//!
//! ```
//! use chainrule_core::manual_seed;
//! use chainrule_fit::nn::{Init, init::{Fan, Nonlinearity}};
//!
//! manual_seed(1);
//! let gain = Nonlinearity::Relu.gain();
//! let w = Init::KaimingNormal { gain, fan: Fan::In }.draw([64, 256])?;
//! let std: f64 = w.std().item()?;
//! assert!((std - (2.0 / 256.0f64).sqrt()).abs() < 2e-3);
//!
//! let q = Init::Orthogonal { gain: 1.0 }.draw([3, 5])?;
//! let unit = q.matmul(&q.t()) - chainrule_core::Tensor::eye(3);
//! assert!(unit.abs().max().item::<f64>()? < 1e-6);
//! # Ok::<(), chainrule_fit::Error>(())
//! ```
//!
//! Everything is drawn in double precision and then rounded, so that F32 and F64 models of one seed
//! are the same model.

use std::cell::Cell;

use chainrule_core::{DType, Tensor, realize};

use crate::error::{Result, fail};

/// Which connections of a unit are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fan {
    /// Those that come in: keeps the variance of signals.
    In,
    /// Those that go out: keeps the variance of gradients.
    Out,
}

/// A nonlinearity, for its gain.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Nonlinearity {
    /// None, or a sigmoid: 1.
    Linear,
    /// 5/3.
    Tanh,
    /// √2: half of the variance is lost.
    Relu,
    /// √(2/(1 + s²)) for the slope s below 0.
    LeakyRelu(f64),
    /// 3/4, for self-normalising networks.
    Selu,
}

impl Nonlinearity {
    /// The factor for the standard deviation of the weights before it.
    pub fn gain(self) -> f64 {
        match self {
            Nonlinearity::Linear => 1.0,
            Nonlinearity::Tanh => 5.0 / 3.0,
            Nonlinearity::Relu => std::f64::consts::SQRT_2,
            Nonlinearity::LeakyRelu(slope) => (2.0 / (1.0 + slope * slope)).sqrt(),
            Nonlinearity::Selu => 0.75,
        }
    }
}

/// A way to draw initial values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// One number everywhere.
    Constant(f64),
    /// Uniform between two numbers.
    Uniform {
        /// The smaller.
        low: f64,
        /// The larger.
        high: f64,
    },
    /// Normal.
    Normal {
        /// The mean.
        mean: f64,
        /// The standard deviation.
        std: f64,
    },
    /// Normal, drawn again where it leaves \[low, high\].
    TruncNormal {
        /// The mean before truncation.
        mean: f64,
        /// The standard deviation before truncation.
        std: f64,
        /// The smallest value.
        low: f64,
        /// The largest value.
        high: f64,
    },
    /// Uniform with variance 2 g²/(fan in + fan out).
    XavierUniform {
        /// The factor g.
        gain: f64,
    },
    /// Normal with variance 2 g²/(fan in + fan out).
    XavierNormal {
        /// The factor g.
        gain: f64,
    },
    /// Uniform with variance g²/fan.
    KaimingUniform {
        /// The factor g: [`Nonlinearity::gain`].
        gain: f64,
        /// Which fan.
        fan: Fan,
    },
    /// Normal with variance g²/fan.
    KaimingNormal {
        /// The factor g: [`Nonlinearity::gain`].
        gain: f64,
        /// Which fan.
        fan: Fan,
    },
    /// A matrix \[out, ∏ others\] with orthonormal rows or columns, whichever are fewer, times g.
    Orthogonal {
        /// The factor g.
        gain: f64,
    },
}

thread_local! {
    static DTYPE: Cell<DType> = const { Cell::new(DType::F32) };
}

/// Runs `f`, in which layers are made with parameters of element type `dtype`.
///
/// ```
/// use chainrule_core::DType;
/// use chainrule_fit::nn::{Linear, init};
/// let layer = init::with_dtype(DType::F64, || Linear::new(2, 3));
/// assert_eq!(layer.weight.dtype(), DType::F64);
/// ```
pub fn with_dtype<T>(dtype: DType, f: impl FnOnce() -> T) -> T {
    struct Restore(DType);
    impl Drop for Restore {
        fn drop(&mut self) {
            DTYPE.set(self.0);
        }
    }
    let _restore = Restore(DTYPE.replace(dtype));
    f()
}

/// The element type of parameters that are made now.
pub(crate) fn dtype() -> DType {
    DTYPE.get()
}

/// A parameter with this initial value.
pub(crate) fn parameter(value: &Tensor) -> Tensor {
    let value = value.to_dtype(dtype());
    // An error comes up again when the numbers are asked for.
    let _ = realize(&[&value]);
    value.detach().requires_grad()
}

/// A parameter, uniform on [−bound, bound].
pub(crate) fn uniform(shape: &[usize], bound: f64) -> Tensor {
    parameter(&(Tensor::rand_f64(shape) * (2.0 * bound) - bound))
}

/// A parameter, normal with mean 0.
pub(crate) fn normal(shape: &[usize], std: f64) -> Tensor {
    parameter(&(Tensor::randn_f64(shape) * std))
}

/// A parameter with one number everywhere.
pub(crate) fn constant(shape: &[usize], value: f64) -> Tensor {
    parameter(&Tensor::full(shape, value))
}

impl Init {
    /// A tensor of this shape, F32 or what [`with_dtype`] says.
    ///
    /// # Errors
    /// If fans are asked for of a shape with fewer than two axes, or a range is empty.
    pub fn draw(&self, shape: impl AsRef<[usize]>) -> Result<Tensor> {
        let shape = shape.as_ref();
        let x = match *self {
            Init::Constant(c) => Tensor::full(shape, c),
            Init::Uniform { low, high } => Tensor::rand_f64(shape) * (high - low) + low,
            Init::Normal { mean, std } => Tensor::randn_f64(shape) * std + mean,
            Init::TruncNormal { mean, std, low, high } => {
                truncated(shape, mean, std, (low - mean) / std, (high - mean) / std)?
            }
            Init::XavierUniform { gain } => {
                let (fan_in, fan_out) = fans(shape)?;
                symmetric(shape, gain * (6.0 / (fan_in + fan_out)).sqrt())
            }
            Init::XavierNormal { gain } => {
                let (fan_in, fan_out) = fans(shape)?;
                Tensor::randn_f64(shape) * (gain * (2.0 / (fan_in + fan_out)).sqrt())
            }
            Init::KaimingUniform { gain, fan } => {
                symmetric(shape, gain * (3.0 / chosen(shape, fan)?).sqrt())
            }
            Init::KaimingNormal { gain, fan } => {
                Tensor::randn_f64(shape) * (gain / chosen(shape, fan)?.sqrt())
            }
            Init::Orthogonal { gain } => orthogonal(shape, gain)?,
        };
        let x = x.to_dtype(dtype());
        realize(&[&x])?;
        Ok(x)
    }

    /// Gives a parameter new values.
    ///
    /// # Errors
    /// As [`draw`](Self::draw); if `parameter` is none.
    pub fn apply(&self, parameter: &Tensor) -> Result<()> {
        let x = with_dtype(parameter.dtype(), || self.draw(parameter.shape()))?;
        Ok(parameter.assign(&x)?)
    }
}

fn symmetric(shape: &[usize], bound: f64) -> Tensor {
    Tensor::rand_f64(shape) * (2.0 * bound) - bound
}

fn fans(shape: &[usize]) -> Result<(f64, f64)> {
    let [out, into, kernel @ ..] = shape else {
        fail!("a tensor of shape {shape:?} has no fans; give it two axes, [out, in], or more")
    };
    let field: usize = kernel.iter().product();
    Ok(((into * field).max(1) as f64, (out * field).max(1) as f64))
}

fn chosen(shape: &[usize], fan: Fan) -> Result<f64> {
    let (fan_in, fan_out) = fans(shape)?;
    Ok(if fan == Fan::In { fan_in } else { fan_out })
}

/// A normal distribution cut to [a, b], in units of `std` around `mean`, by rejection: of normal
/// numbers if the interval has a good part of their mass, else of uniform ones, accepted with
/// probability exp((m² − z²)/2) for the point m of the interval next to 0 (Robert 1995).
fn truncated(shape: &[usize], mean: f64, std: f64, a: f64, b: f64) -> Result<Tensor> {
    if a >= b || !std.is_finite() || std <= 0.0 || a.is_nan() || b.is_nan() {
        fail!(
            "a normal distribution needs a deviation above 0 and low < high; these are {std}, \
               {} and {}",
            mean + a * std,
            mean + b * std
        );
    }
    let n: usize = shape.iter().product();
    let nearest = 0f64.clamp(a, b);
    let is_normal = nearest == 0.0 && b - a > 2.0;
    // Further than ten deviations from the nearest point nothing is ever drawn.
    let (a, b) = (a.max(nearest - 10.0), b.min(nearest + 10.0));
    let mut kept: Vec<f64> = Vec::with_capacity(n);
    while kept.len() < n {
        let many = (2 * (n - kept.len())).max(64);
        if is_normal {
            let z = Tensor::randn_f64([many]).to_vec::<f64>()?;
            kept.extend(z.into_iter().filter(|z| (a..=b).contains(z)));
        } else {
            let [z, u] = [0, 1].map(|_| Tensor::rand_f64([many]).to_vec::<f64>());
            let z = z?.into_iter().map(|u| a + (b - a) * u);
            let height = |z: f64| ((nearest * nearest - z * z) / 2.0).exp();
            kept.extend(z.zip(u?).filter(|&(z, u)| u < height(z)).map(|pair| pair.0));
        }
    }
    kept.truncate(n);
    kept.iter_mut().for_each(|z| *z = mean + std * *z);
    Ok(Tensor::from_vec(kept, shape)?)
}

/// The rows of a normal matrix, made orthonormal by Gram and Schmidt, twice for accuracy; their
/// distribution is that of Haar.
fn orthogonal(shape: &[usize], gain: f64) -> Result<Tensor> {
    fans(shape)?;
    let rows = shape[0];
    let columns: usize = shape[1..].iter().product();
    let (few, many) = (rows.min(columns), rows.max(columns));
    let mut q = Tensor::randn_f64([few, many]).to_vec::<f64>()?;
    for i in 0..few {
        let (before, row) = q.split_at_mut(i * many);
        let row = &mut row[..many];
        for _ in 0..2 {
            for other in before.chunks_exact(many) {
                let along: f64 = other.iter().zip(&*row).map(|(a, b)| a * b).sum();
                row.iter_mut().zip(other).for_each(|(x, o)| *x -= along * o);
            }
            let norm = row.iter().map(|x| x * x).sum::<f64>().sqrt();
            row.iter_mut().for_each(|x| *x /= norm);
        }
    }
    let q = Tensor::from_vec(q, [few, many])? * gain;
    let q = if rows <= columns { q } else { q.t() };
    Ok(q.try_reshape(shape)?)
}
