//! Initial values of parameters.

use chainrule::fit::nn::Init;
use chainrule::fit::nn::init::{Fan, Nonlinearity, with_dtype};
use chainrule::no_grad;
use pyo3::prelude::*;

use crate::dtype::AnyDType;
use crate::layers::wrong;
use crate::sentence::run_fit;
use crate::tensor::PyTensor;

fn nonlinearity(name: &str, slope: f64) -> PyResult<Nonlinearity> {
    Ok(match name {
        "linear" | "sigmoid" | "conv1d" | "conv2d" | "conv3d" | "conv_transpose1d"
        | "conv_transpose2d" | "conv_transpose3d" => Nonlinearity::Linear,
        "tanh" => Nonlinearity::Tanh,
        "relu" => Nonlinearity::Relu,
        "leaky_relu" => Nonlinearity::LeakyRelu(slope),
        "selu" => Nonlinearity::Selu,
        _ => return Err(wrong(format!("there is no gain for the nonlinearity {name}"))),
    })
}

/// The factor by which weights before a nonlinearity are larger.
#[pyfunction]
fn gain(name: &str, slope: f64) -> PyResult<f64> {
    nonlinearity(name, slope).map(Nonlinearity::gain)
}

/// A tensor with initial values.
#[pyfunction]
#[pyo3(signature = (kind, shape, dtype, a=0.0, b=0.0, c=0.0, d=0.0, fan_out=false))]
#[allow(clippy::too_many_arguments)]
fn draw(
    kind: &str,
    shape: Vec<usize>,
    dtype: AnyDType,
    a: f64,
    b: f64,
    c: f64,
    d: f64,
    fan_out: bool,
) -> PyResult<PyTensor> {
    let fan = if fan_out { Fan::Out } else { Fan::In };
    let init = match kind {
        "constant" => Init::Constant(a),
        "uniform" => Init::Uniform { low: a, high: b },
        "normal" => Init::Normal { mean: a, std: b },
        "trunc_normal" => Init::TruncNormal { mean: a, std: b, low: c, high: d },
        "xavier_uniform" => Init::XavierUniform { gain: a },
        "xavier_normal" => Init::XavierNormal { gain: a },
        "kaiming_uniform" => Init::KaimingUniform { gain: a, fan },
        "kaiming_normal" => Init::KaimingNormal { gain: a, fan },
        "orthogonal" => Init::Orthogonal { gain: a },
        _ => return Err(wrong(format!("there is no initial distribution {kind}"))),
    };
    let x = run_fit(|| no_grad(|| with_dtype(dtype.0, || init.draw(&shape))))?;
    Ok(PyTensor::given(x))
}

/// Adds these to the module of layers.
pub(crate) fn add(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(gain, m)?)?;
    m.add_function(wrap_pyfunction!(draw, m)?)
}
