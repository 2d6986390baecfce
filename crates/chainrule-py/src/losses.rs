//! Losses: `chainrule_fit`'s, with torch's options.

use chainrule::fit::nn::Reduction;
use chainrule::fit::nn::loss::{self, CrossEntropy, TripletMargin};
use chainrule::{Tensor, fit};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::sentence::run_fit;
use crate::tensor::{Arg, PyTensor};

/// A reduction by torch's name.
struct Reduced(Reduction);

impl<'a, 'py> FromPyObject<'a, 'py> for Reduced {
    type Error = PyErr;
    fn extract(of: Borrowed<'a, 'py, PyAny>) -> PyResult<Reduced> {
        Ok(Reduced(match &*of.extract::<String>()? {
            "mean" => Reduction::Mean,
            "sum" => Reduction::Sum,
            "none" => Reduction::None,
            "batchmean" => Reduction::BatchMean,
            other => {
                let what = format!("{other} is not a valid value for reduction: mean, sum or none");
                return Err(PyValueError::new_err(what));
            }
        }))
    }
}

fn made(by: &'static str, f: impl FnOnce() -> fit::Result<Tensor>) -> PyResult<PyTensor> {
    run_fit(f).map(|y| PyTensor::made(by, y))
}

#[pyfunction]
fn mse(x: Arg, y: Arg, reduction: Reduced) -> PyResult<PyTensor> {
    made("mse_loss", || loss::mse(&x.0, &y.0, reduction.0))
}

#[pyfunction]
fn l1(x: Arg, y: Arg, reduction: Reduced) -> PyResult<PyTensor> {
    made("l1_loss", || loss::l1(&x.0, &y.0, reduction.0))
}

#[pyfunction]
fn smooth_l1(x: Arg, y: Arg, beta: f64, reduction: Reduced) -> PyResult<PyTensor> {
    made("smooth_l1_loss", || loss::smooth_l1(&x.0, &y.0, beta, reduction.0))
}

#[pyfunction]
fn huber(x: Arg, y: Arg, delta: f64, reduction: Reduced) -> PyResult<PyTensor> {
    made("huber_loss", || loss::huber(&x.0, &y.0, delta, reduction.0))
}

#[pyfunction]
fn poisson_nll(x: Arg, y: Arg, log: bool, full: bool, reduction: Reduced) -> PyResult<PyTensor> {
    made("poisson_nll_loss", || loss::poisson_nll(&x.0, &y.0, log, full, reduction.0))
}

#[pyfunction]
fn gaussian_nll(x: Arg, y: Arg, var: Arg, full: bool, reduction: Reduced) -> PyResult<PyTensor> {
    made("gaussian_nll_loss", || loss::gaussian_nll(&x.0, &y.0, &var.0, full, reduction.0))
}

/// Cross-entropy of logits, or with `log` the negative log-likelihood of log-probabilities.
#[pyfunction]
fn cross_entropy(
    x: Arg,
    y: Arg,
    weight: Option<Arg>,
    ignore_index: i64,
    label_smoothing: f64,
    reduction: Reduced,
    log: bool,
) -> PyResult<PyTensor> {
    let (weight, reduction) = (weight.map(|w| w.0), reduction.0);
    let options = CrossEntropy { weight, ignore_index, label_smoothing, reduction };
    made("nll_loss", || match log {
        false => options.of(&x.0, &y.0),
        true => loss::nll(&x.0, &y.0, &options),
    })
}

#[pyfunction]
fn bce(x: Arg, y: Arg, reduction: Reduced) -> PyResult<PyTensor> {
    made("binary_cross_entropy", || loss::bce(&x.0, &y.0, reduction.0))
}

#[pyfunction]
fn bce_with_logits(
    x: Arg,
    y: Arg,
    pos_weight: Option<Arg>,
    reduction: Reduced,
) -> PyResult<PyTensor> {
    let weight = pos_weight.map(|w| w.0);
    made("binary_cross_entropy_with_logits", || {
        loss::bce_with_logits(&x.0, &y.0, weight.as_ref(), reduction.0)
    })
}

#[pyfunction]
fn kl_div(x: Arg, y: Arg, log_target: bool, reduction: Reduced) -> PyResult<PyTensor> {
    made("kl_div", || loss::kl_div(&x.0, &y.0, log_target, reduction.0))
}

#[pyfunction]
fn soft_margin(x: Arg, y: Arg, reduction: Reduced) -> PyResult<PyTensor> {
    made("soft_margin_loss", || loss::soft_margin(&x.0, &y.0, reduction.0))
}

#[pyfunction]
fn multilabel_soft_margin(
    x: Arg,
    y: Arg,
    weight: Option<Arg>,
    reduction: Reduced,
) -> PyResult<PyTensor> {
    let weight = weight.map(|w| w.0);
    made("multilabel_soft_margin_loss", || {
        loss::multilabel_soft_margin(&x.0, &y.0, weight.as_ref(), reduction.0)
    })
}

#[pyfunction]
fn hinge_embedding(x: Arg, y: Arg, margin: f64, reduction: Reduced) -> PyResult<PyTensor> {
    made("hinge_embedding_loss", || loss::hinge_embedding(&x.0, &y.0, margin, reduction.0))
}

#[pyfunction]
fn margin_ranking(a: Arg, b: Arg, y: Arg, margin: f64, reduction: Reduced) -> PyResult<PyTensor> {
    made("margin_ranking_loss", || loss::margin_ranking(&a.0, &b.0, &y.0, margin, reduction.0))
}

#[pyfunction]
fn cosine_embedding(a: Arg, b: Arg, y: Arg, margin: f64, reduction: Reduced) -> PyResult<PyTensor> {
    made("cosine_embedding_loss", || loss::cosine_embedding(&a.0, &b.0, &y.0, margin, reduction.0))
}

#[pyfunction]
#[allow(clippy::too_many_arguments)]
fn triplet_margin(
    anchor: Arg,
    positive: Arg,
    negative: Arg,
    margin: f64,
    p: f64,
    eps: f64,
    swap: bool,
    reduction: Reduced,
) -> PyResult<PyTensor> {
    let options = TripletMargin { margin, p, eps, swap, reduction: reduction.0 };
    made("triplet_margin_loss", || options.of(&anchor.0, &positive.0, &negative.0))
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    let sub = PyModule::new(m.py(), "_losses")?;
    sub.add_function(wrap_pyfunction!(mse, &sub)?)?;
    sub.add_function(wrap_pyfunction!(l1, &sub)?)?;
    sub.add_function(wrap_pyfunction!(smooth_l1, &sub)?)?;
    sub.add_function(wrap_pyfunction!(huber, &sub)?)?;
    sub.add_function(wrap_pyfunction!(poisson_nll, &sub)?)?;
    sub.add_function(wrap_pyfunction!(gaussian_nll, &sub)?)?;
    sub.add_function(wrap_pyfunction!(cross_entropy, &sub)?)?;
    sub.add_function(wrap_pyfunction!(bce, &sub)?)?;
    sub.add_function(wrap_pyfunction!(bce_with_logits, &sub)?)?;
    sub.add_function(wrap_pyfunction!(kl_div, &sub)?)?;
    sub.add_function(wrap_pyfunction!(soft_margin, &sub)?)?;
    sub.add_function(wrap_pyfunction!(multilabel_soft_margin, &sub)?)?;
    sub.add_function(wrap_pyfunction!(hinge_embedding, &sub)?)?;
    sub.add_function(wrap_pyfunction!(margin_ranking, &sub)?)?;
    sub.add_function(wrap_pyfunction!(cosine_embedding, &sub)?)?;
    sub.add_function(wrap_pyfunction!(triplet_margin, &sub)?)?;
    m.add_submodule(&sub)
}
