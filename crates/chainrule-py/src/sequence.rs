//! Layers that read sequences: recurrent networks, attention, and what tells positions.

use chainrule::Tensor;
use chainrule::fit::nn::init::with_dtype;
use chainrule::fit::nn::{
    Cell, Linear, Masks, Module, MultiheadAttention, Recurrent, RecurrentOptions, ScaledDotProduct,
    State, Weights, rotary, sinusoids,
};
use pyo3::prelude::*;

use crate::dtype::AnyDType;
use crate::layers::{dropping, inner, ranked, wrong};
use crate::sentence::run_fit;
use crate::tensor::{Arg, PyTensor};

/// All states of a recurrent network, and the last ones of each layer.
#[pyfunction]
#[pyo3(signature = (
    cell, x, hidden, weights, layers, bias, batch_first, bidirectional, dropout, training, h0, c0
))]
#[allow(clippy::too_many_arguments)]
fn recurrent(
    cell: &str,
    x: Arg,
    hidden: usize,
    weights: Vec<Arg>,
    layers: usize,
    bias: bool,
    batch_first: bool,
    bidirectional: bool,
    dropout: f64,
    training: bool,
    h0: Option<Arg>,
    c0: Option<Arg>,
) -> PyResult<(PyTensor, PyTensor, Option<PyTensor>)> {
    let cell = match cell {
        "rnn_tanh" => Cell::Rnn,
        "rnn_relu" => Cell::RnnRelu,
        "gru" => Cell::Gru,
        _ => Cell::Lstm,
    };
    let options = RecurrentOptions { layers: 0, bias, batch_first, bidirectional, dropout };
    let mut network = Recurrent::with(cell, 1, hidden, options);
    network.options.layers = layers;
    let each = if bias { 4 } else { 2 };
    if weights.len() != each * layers * (1 + usize::from(bidirectional)) {
        return Err(wrong(format!("{} weights do not make {layers} layers", weights.len())));
    }
    for (i, w) in weights.iter().enumerate() {
        ranked("recurrent", &w.0, if i % each < 2 { &[2] } else { &[1] })?;
    }
    network.weights = weights
        .chunks_exact(each)
        .map(|w| {
            let t = |i: usize| w[i].0.clone();
            Weights { ih: t(0), hh: t(1), bias: bias.then(|| (t(2), t(3))) }
        })
        .collect();
    network.set_training(training);
    let initial = h0.map(|h| State { hidden: h.0, cell: inner(c0) });
    let (y, last) = run_fit(|| network.run(&x.0, initial.as_ref()))?;
    let by = |t: Tensor| PyTensor::made("rnn", t);
    Ok((by(y), by(last.hidden), last.cell.map(by)))
}

/// Attention of several heads: the output, and the weights averaged over heads.
#[pyfunction]
#[pyo3(signature = (
    query, others, in_weight, in_bias, out_weight, out_bias, heads, batch_first, p, training,
    causal, key_padding, mask
))]
#[allow(clippy::too_many_arguments)]
fn attention(
    query: Arg,
    others: Option<(Arg, Arg)>,
    in_weight: Arg,
    in_bias: Option<Arg>,
    out_weight: Arg,
    out_bias: Option<Arg>,
    heads: usize,
    batch_first: bool,
    p: f64,
    training: bool,
    causal: bool,
    key_padding: Option<Arg>,
    mask: Option<Arg>,
) -> PyResult<(PyTensor, PyTensor)> {
    let width = in_weight.0.shape().get(1).copied().unwrap_or(0);
    if in_weight.0.shape() != [3 * width, width] || heads == 0 || !width.is_multiple_of(heads) {
        return Err(wrong(format!(
            "attention of {heads} heads has an input projection of shape {:?}; it needs [3 · \
             width, width], and heads divide the width",
            in_weight.0.shape()
        )));
    }
    ranked("attention's output", &out_weight.0, &[2])?;
    let layer = MultiheadAttention {
        in_proj_weight: in_weight.0,
        in_proj_bias: inner(in_bias),
        out_proj: Linear { weight: out_weight.0, bias: inner(out_bias) },
        heads,
        batch_first,
        dropout: dropping(p, training),
    };
    let masks = Masks { causal, key_padding: inner(key_padding), attention: inner(mask) };
    let found = run_fit(|| match &others {
        None => layer.of_itself(&query.0, &masks),
        Some((key, value)) => layer.attention(&query.0, &key.0, &value.0, &masks),
    })?;
    let by = |t: Tensor| PyTensor::made("attention", t);
    Ok((by(found.output), by(found.weights)))
}

/// Attention without projections.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
fn scaled_dot_product(
    query: Arg,
    key: Arg,
    value: Arg,
    mask: Option<Arg>,
    p: f64,
    causal: bool,
    scale: Option<f64>,
    grouped: bool,
) -> PyResult<PyTensor> {
    let dropout = dropping(p, true);
    let layer = ScaledDotProduct { causal, mask: inner(mask), scale, dropout, grouped };
    run_fit(|| layer.of(&query.0, &key.0, &value.0)).map(|y| PyTensor::made("attention", y))
}

/// Sines and cosines that tell positions.
#[pyfunction]
#[pyo3(name = "sinusoids")]
fn table_of_sinusoids(length: usize, width: usize, dtype: AnyDType) -> PyResult<PyTensor> {
    run_fit(|| with_dtype(dtype.0, || sinusoids(length, width))).map(PyTensor::given)
}

/// Pairs of a vector turned by its position.
#[pyfunction]
#[pyo3(name = "rotary")]
fn turned(x: Arg) -> PyResult<PyTensor> {
    run_fit(|| rotary(&x.0)).map(|y| PyTensor::made("rotary", y))
}

/// Adds these to the module of layers.
pub(crate) fn add(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(recurrent, m)?)?;
    m.add_function(wrap_pyfunction!(attention, m)?)?;
    m.add_function(wrap_pyfunction!(scaled_dot_product, m)?)?;
    m.add_function(wrap_pyfunction!(table_of_sinusoids, m)?)?;
    m.add_function(wrap_pyfunction!(turned, m)?)
}
