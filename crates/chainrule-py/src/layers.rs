//! Layers as functions: each call is one of `chainrule_fit`'s layers made of the tensors given.
//!
//! Layers there are plain structs of handles, so that making one costs nothing; the modules of the
//! Python half own the parameters and choose the options. Here are maps, normalisation, activations
//! and the class `Parameter`; `space` has convolutions and pools, `sequence` recurrent networks,
//! attention and positions, `initial` the values that parameters begin with.

use chainrule::Tensor;
use chainrule::fit::nn::{
    Activation, BatchNorm, Buffer, Dropout, Embedding, Layer, LayerNorm, Linear, Mode, Module,
    RmsNorm, Softmax,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::errors::run;
use crate::sentence::run_fit;
use crate::tensor::{Arg, PyTensor};
use crate::{initial, sequence, space};

/// A number for each axis of space.
pub(crate) type Axes = Vec<usize>;

pub(crate) fn made(by: &'static str, layer: &dyn Layer, x: &Arg) -> PyResult<PyTensor> {
    run_fit(|| layer.forward(&x.0)).map(|y| PyTensor::made(by, y))
}

pub(crate) fn inner(x: Option<Arg>) -> Option<Tensor> {
    x.map(|x| x.0)
}

fn mode(training: bool) -> Mode {
    let mode = Mode::default();
    mode.set_training(training);
    mode
}

pub(crate) fn dropping(p: f64, training: bool) -> Dropout {
    Dropout { p, mode: mode(training) }
}

pub(crate) fn wrong(what: String) -> PyErr {
    PyValueError::new_err(what)
}

/// That a weight has so many axes.
pub(crate) fn ranked(layer: &str, weight: &Tensor, ranks: &[usize]) -> PyResult<()> {
    match ranks.contains(&weight.rank()) {
        true => Ok(()),
        false => Err(wrong(format!(
            "the weight of a {layer} layer has shape {:?}, but {ranks:?} axes are needed",
            weight.shape()
        ))),
    }
}

/// x Wᵀ + b.
#[pyfunction]
#[pyo3(signature = (x, weight, bias=None))]
fn linear(x: Arg, weight: Arg, bias: Option<Arg>) -> PyResult<PyTensor> {
    ranked("linear", &weight.0, &[2])?;
    made("addmm", &Linear { weight: weight.0, bias: inner(bias) }, &x)
}

/// Rows of a table.
#[pyfunction]
#[pyo3(signature = (x, weight, padding=None))]
fn embedding(x: Arg, weight: Arg, padding: Option<usize>) -> PyResult<PyTensor> {
    ranked("embedding", &weight.0, &[2])?;
    made("embedding", &Embedding { weight: weight.0, padding }, &x)
}

#[pyfunction]
fn layer_norm(
    x: Arg,
    shape: Axes,
    weight: Option<Arg>,
    bias: Option<Arg>,
    eps: f64,
) -> PyResult<PyTensor> {
    let (weight, bias) = (inner(weight), inner(bias));
    made("native_layer_norm", &LayerNorm { weight, bias, shape, eps }, &x)
}

#[pyfunction]
fn rms_norm(x: Arg, shape: Axes, weight: Option<Arg>, eps: Option<f64>) -> PyResult<PyTensor> {
    made("rms_norm", &RmsNorm { weight: inner(weight), shape, eps }, &x)
}

/// The handles of running statistics: mean, variance, and the number of batches.
type Running<'py> = (Bound<'py, PyTensor>, Bound<'py, PyTensor>, Bound<'py, PyTensor>);

/// Batch normalisation, whose running statistics take up the batch in training.
#[pyfunction]
#[pyo3(signature = (x, running, weight, bias, training, momentum, eps, space))]
#[allow(clippy::too_many_arguments)]
fn batch_norm(
    x: Arg,
    running: Option<Running<'_>>,
    weight: Option<Arg>,
    bias: Option<Arg>,
    training: bool,
    momentum: Option<f64>,
    eps: f64,
    space: usize,
) -> PyResult<PyTensor> {
    let channels = x.0.shape().get(1).copied().unwrap_or(0);
    let (mean, var, seen) = match &running {
        Some((mean, var, seen)) => (mean.get().tensor(), var.get().tensor(), seen.get().tensor()),
        None => {
            let all = |c: f64| Tensor::full([channels], c).to_dtype(x.0.dtype());
            (all(0.0), all(1.0), Tensor::from(0i64))
        }
    };
    let buffers = [mean, var, seen].map(Buffer::new);
    let parts = (inner(weight), inner(bias));
    let y = match space {
        1 => normalised::<1>(&x.0, &buffers, parts, training, momentum, eps),
        _ => normalised::<2>(&x.0, &buffers, parts, training, momentum, eps),
    }?;
    if let (Some((mean, var, seen)), true) = (running, training) {
        for (handle, buffer) in [mean, var, seen].iter().zip(&buffers) {
            handle.get().replace("", buffer.get());
        }
    }
    Ok(PyTensor::made("native_batch_norm", y))
}

fn normalised<const SPACE: usize>(
    x: &Tensor,
    [mean, var, seen]: &[Buffer; 3],
    (weight, bias): (Option<Tensor>, Option<Tensor>),
    training: bool,
    momentum: Option<f64>,
    eps: f64,
) -> PyResult<Tensor>
where
    BatchNorm<SPACE>: Module + Layer,
{
    let layer = BatchNorm::<SPACE> {
        weight,
        bias,
        running_mean: mean.clone(),
        running_var: var.clone(),
        num_batches_tracked: seen.clone(),
        eps,
        momentum,
        mode: mode(training),
    };
    run_fit(|| layer.forward(x))
}

#[pyfunction]
fn dropout(x: Arg, p: f64, training: bool) -> PyResult<PyTensor> {
    made("dropout", &dropping(p, training), &x)
}

/// An activation by its name, with its number if it has one.
#[pyfunction]
#[pyo3(signature = (name, x, number=0.0))]
fn activation(name: &str, x: Arg, number: f64) -> PyResult<PyTensor> {
    let (by, activation) = match name {
        "relu" => ("relu", Activation::Relu),
        "leaky_relu" => ("leaky_relu", Activation::LeakyRelu(number)),
        "elu" => ("elu", Activation::Elu(number)),
        "selu" => ("selu", Activation::Selu),
        "gelu" => ("gelu", Activation::Gelu),
        "gelu_tanh" => ("gelu", Activation::GeluTanh),
        "silu" => ("silu", Activation::Silu),
        "mish" => ("mish", Activation::Mish),
        "tanh" => ("tanh", Activation::Tanh),
        "sigmoid" => ("sigmoid", Activation::Sigmoid),
        "softplus" => ("softplus", Activation::Softplus),
        "softsign" => ("softsign", Activation::Softsign),
        "logsigmoid" => ("log_sigmoid", Activation::LogSigmoid),
        "hardtanh" => ("hardtanh", Activation::HardTanh),
        "relu6" => ("hardtanh", Activation::Relu6),
        "hardsigmoid" => ("hardsigmoid", Activation::HardSigmoid),
        "hardswish" => ("hardswish", Activation::HardSwish),
        _ => return Err(wrong(format!("there is no activation {name}"))),
    };
    made(by, &activation, &x)
}

#[pyfunction]
fn softmax(x: Arg, axis: i64, log: bool) -> PyResult<PyTensor> {
    made(if log { "log_softmax" } else { "softmax" }, &Softmax { axis, log }, &x)
}

/// A tensor that a module learns: a leaf that requires gradients.
#[pyclass(name = "Parameter", module = "chainrule.nn", extends = PyTensor, frozen, subclass)]
struct PyParameter;

#[pymethods]
impl PyParameter {
    #[new]
    #[pyo3(signature = (data, requires_grad=true))]
    fn new(data: Arg, requires_grad: bool) -> PyResult<PyClassInitializer<PyParameter>> {
        let x = run(|| {
            let plain = data.0.detach();
            if requires_grad { plain.try_requires_grad() } else { Ok(plain) }
        })?;
        Ok(PyClassInitializer::from(PyTensor::given(x)).add_subclass(PyParameter))
    }
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    let sub = PyModule::new(m.py(), "_layers")?;
    sub.add_class::<PyParameter>()?;
    sub.add_function(wrap_pyfunction!(linear, &sub)?)?;
    sub.add_function(wrap_pyfunction!(embedding, &sub)?)?;
    sub.add_function(wrap_pyfunction!(layer_norm, &sub)?)?;
    sub.add_function(wrap_pyfunction!(rms_norm, &sub)?)?;
    sub.add_function(wrap_pyfunction!(batch_norm, &sub)?)?;
    sub.add_function(wrap_pyfunction!(dropout, &sub)?)?;
    sub.add_function(wrap_pyfunction!(activation, &sub)?)?;
    sub.add_function(wrap_pyfunction!(softmax, &sub)?)?;
    space::add(&sub)?;
    sequence::add(&sub)?;
    initial::add(&sub)?;
    m.add_submodule(&sub)
}
