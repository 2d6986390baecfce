//! Optimisers: for each group of parameters one of `chainrule_fit`'s, and one plan for a step.
//!
//! The Python half owns the groups with torch's options. Here a [`PyRule`] is the rule with these
//! options and its moments; a step of several records all of them and computes them together.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use chainrule::fit::optim::schedule::{Curve, OneCycle, Plateau, Schedule};
use chainrule::fit::optim::{
    Adadelta, Adafactor, Adagrad, Adam, AdamW, Adamax, Asgd, Clip, Group, Lamb, Lbfgs,
    LbfgsOptions, Lion, Muon, MuonScale, NAdam, Optimiser, RAdam, RmsProp, Rprop, Rule, Sgd, clip,
};
use chainrule::{Tensor, fit, realize};
use pyo3::exceptions::{PyKeyError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::{carry, run_detached};
use crate::sentence::{exception, run_fit};
use crate::tensor::{Arg, PyTensor};

type Inner = Box<dyn Optimiser + Send>;

/// One group of parameters and what moves them.
#[pyclass(name = "Rule", module = "chainrule.optim", frozen)]
struct PyRule(Mutex<Inner>);

/// The options of a group, by torch's names.
struct Options<'a, 'py>(&'a Bound<'py, PyDict>);

impl Options<'_, '_> {
    fn get<T: for<'a, 'py> FromPyObject<'a, 'py, Error = PyErr>>(&self, key: &str) -> PyResult<T> {
        match self.0.get_item(key)? {
            Some(value) => value.extract(),
            None => Err(PyKeyError::new_err(format!("the group has no option \"{key}\""))),
        }
    }

    /// A number, or a tensor of one.
    fn number(&self, key: &str) -> PyResult<f64> {
        match self.0.get_item(key)? {
            Some(value) => {
                value.extract::<f64>().or_else(|_| value.call_method0("item")?.extract())
            }
            None => Err(PyKeyError::new_err(format!("the group has no option \"{key}\""))),
        }
    }
}

fn over(rule: impl Rule + Send + 'static, group: Group) -> Inner {
    Box::new(rule.over_groups([group]))
}

/// The rule called `kind` with these options, over one group.
fn made(kind: &str, o: &Options<'_, '_>, group: Group) -> PyResult<Inner> {
    let (betas, epsilon) = (|| o.get::<(f64, f64)>("betas"), || o.number("eps"));
    Ok(match kind {
        "sgd" => {
            let (momentum, dampening) = (o.number("momentum")?, o.number("dampening")?);
            over(Sgd { momentum, dampening, nesterov: o.get("nesterov")? }, group)
        }
        "asgd" => {
            let (lambda, alpha) = (o.number("lambd")?, o.number("alpha")?);
            over(Asgd { lambda, alpha, start: o.number("t0")? }, group)
        }
        "lion" => over(Lion { betas: betas()? }, group),
        "rprop" => {
            let (etas, step_sizes) = (o.get("etas")?, o.get("step_sizes")?);
            over(Rprop { etas, step_sizes }, group)
        }
        "adam" | "adamw" => {
            let adam = Adam { betas: betas()?, epsilon: epsilon()?, amsgrad: o.get("amsgrad")? };
            let beside = kind == "adamw" || o.get("decoupled_weight_decay")?;
            if beside { over(AdamW(adam), group) } else { over(adam, group) }
        }
        "nadam" => {
            let rule = NAdam {
                betas: betas()?,
                epsilon: epsilon()?,
                momentum_decay: o.number("momentum_decay")?,
                decoupled_weight_decay: o.get("decoupled_weight_decay")?,
            };
            over(rule, group)
        }
        "radam" => {
            let decoupled_weight_decay = o.get("decoupled_weight_decay")?;
            let rule = RAdam { betas: betas()?, epsilon: epsilon()?, decoupled_weight_decay };
            over(rule, group)
        }
        "adamax" => over(Adamax { betas: betas()?, epsilon: epsilon()? }, group),
        "lamb" => over(Lamb { betas: betas()?, epsilon: epsilon()? }, group),
        _ => more(kind, o, group)?,
    })
}

fn more(kind: &str, o: &Options<'_, '_>, group: Group) -> PyResult<Inner> {
    Ok(match kind {
        "rmsprop" => {
            let rule = RmsProp {
                alpha: o.number("alpha")?,
                epsilon: o.number("eps")?,
                momentum: o.number("momentum")?,
                centered: o.get("centered")?,
            };
            over(rule, group)
        }
        "adagrad" => {
            let rule = Adagrad {
                rate_decay: o.number("lr_decay")?,
                initial_accumulator: o.number("initial_accumulator_value")?,
                epsilon: o.number("eps")?,
            };
            over(rule, group)
        }
        "adadelta" => over(Adadelta { rho: o.number("rho")?, epsilon: o.number("eps")? }, group),
        "adafactor" => {
            let rule = Adafactor {
                beta2_decay: o.number("beta2_decay")?,
                epsilons: o.get("eps")?,
                clip: o.number("d")?,
            };
            over(rule, group)
        }
        "muon" => {
            let scale = match o.get::<Option<String>>("adjust_lr_fn")?.as_deref() {
                None | Some("original") => MuonScale::Original,
                Some("match_rms_adamw") => MuonScale::MatchRmsAdamW,
                Some("spectral_unclamped") => MuonScale::SpectralUnclamped,
                Some(other) => {
                    let what = format!("there is no adjust_lr_fn \"{other}\"");
                    return Err(PyValueError::new_err(what));
                }
            };
            let rule = Muon {
                momentum: o.number("momentum")?,
                nesterov: o.get("nesterov")?,
                coefficients: o.get("ns_coefficients")?,
                epsilon: o.number("eps")?,
                steps: o.get("ns_steps")?,
                scale,
            };
            over(rule, group)
        }
        "lbfgs" => {
            let options = LbfgsOptions {
                max_iter: o.get("max_iter")?,
                max_eval: o.get("max_eval")?,
                tolerance_grad: o.number("tolerance_grad")?,
                tolerance_change: o.number("tolerance_change")?,
                history: o.get("history_size")?,
                strong_wolfe: o.get::<Option<String>>("line_search_fn")?.is_some(),
            };
            Box::new(Lbfgs::new(group.parameters.clone(), group.rate, options))
        }
        _ => return Err(PyValueError::new_err(format!("there is no optimiser {kind}"))),
    })
}

type Handles = Vec<Py<PyTensor>>;

/// The parameters behind handles.
fn parameters(handles: &Handles) -> Vec<Tensor> {
    handles.iter().map(|p| p.get().tensor()).collect()
}

impl PyRule {
    /// The rule, unless a step of it is under way: waiting could be for ever, since a closure that
    /// a step calls may ask for the state.
    fn lock(&self) -> fit::Result<MutexGuard<'_, Inner>> {
        match self.0.try_lock() {
            Ok(inner) => Ok(inner),
            Err(TryLockError::Poisoned(inner)) => Ok(inner.into_inner()),
            Err(TryLockError::WouldBlock) => Err(fit::Error::new(
                "the optimiser is in the midst of a step; wait for its end, and do not ask for its \
                 state inside a closure",
            )),
        }
    }
}

#[pymethods]
impl PyRule {
    #[new]
    fn new(kind: &str, options: &Bound<'_, PyDict>, handles: Handles) -> PyResult<PyRule> {
        let group = group(&Options(options), parameters(&handles))?;
        made(kind, &Options(options), group).map(|inner| PyRule(Mutex::new(inner)))
    }

    /// Moments and numbers of steps by name, such as `0.exp_avg`.
    fn state(&self) -> PyResult<Vec<(String, PyTensor)>> {
        let state = run_fit(|| Ok(self.lock()?.state()))?;
        Ok(state.into_iter().map(|(name, t)| (name, PyTensor::given(t))).collect())
    }

    /// Takes over what `state` gave.
    fn load_state(&self, state: Vec<(String, Arg)>) -> PyResult<()> {
        let state: Vec<(String, Tensor)> = state.into_iter().map(|(n, t)| (n, t.0)).collect();
        run_fit(|| self.lock()?.load_state(&state))
    }

    /// One step of an optimiser that evaluates the loss itself, by `closure`.
    fn step_with(&self, options: &Bound<'_, PyDict>, closure: Py<PyAny>) -> PyResult<PyTensor> {
        let rate = Options(options).number("lr")?;
        let mut loss = || {
            let value = Python::attach(|py| closure.call0(py)?.extract::<Arg>(py));
            Ok(value.map_err(carry)?.0)
        };
        let before = run_fit(|| {
            let mut inner = self.lock()?;
            inner.set_rate(rate);
            inner.step_with(&mut loss)
        });
        before.map(PyTensor::given)
    }
}

/// The group that options and parameters make.
fn group(o: &Options<'_, '_>, parameters: Vec<Tensor>) -> PyResult<Group> {
    Ok(Group {
        parameters,
        rate: o.number("lr")?,
        weight_decay: o.number("weight_decay")?,
        maximize: o.get("maximize")?,
    })
}

/// One step of several groups along the gradients of their parameters, and what is to be computed
/// with it.
#[pyfunction]
fn step(
    py: Python<'_>,
    rules: Vec<(Py<PyRule>, Bound<'_, PyDict>, Handles)>,
    also: Vec<Arg>,
) -> PyResult<()> {
    let mut all = vec![];
    for (rule, options, handles) in rules {
        all.push((rule, group(&Options(&options), parameters(&handles))?));
    }
    let also: Vec<Tensor> = also.into_iter().map(|x| x.0).collect();
    let wanted = run_detached(py, || Ok(recorded(&all)))?.map_err(|e| exception(&e.to_string()))?;
    run_detached(py, || realize(&wanted.iter().chain(&also).collect::<Vec<_>>()))
}

/// Records one step of all groups, and gives what must be computed for it.
fn recorded(all: &[(Py<PyRule>, Group)]) -> fit::Result<Vec<Tensor>> {
    let mut wanted = vec![];
    for (rule, now) in all {
        let mut inner = rule.get().lock()?;
        let mut gradients = vec![];
        for own in inner.groups_mut() {
            (own.rate, own.weight_decay) = (now.rate, now.weight_decay);
            own.maximize = now.maximize;
            for (own, p) in own.parameters.iter_mut().zip(&now.parameters) {
                // A handle that was frozen is no parameter, and is left alone.
                gradients.push(if p.is_parameter() { p.grad() } else { None });
                if p.is_parameter() {
                    *own = p.clone();
                }
            }
        }
        wanted.extend(inner.record(&gradients)?);
    }
    Ok(wanted)
}

/// Bounds the gradients of parameters: their norm together, or each element. Gives the norm before.
#[pyfunction]
fn clip_gradients(handles: Handles, bound: f64, by_value: bool) -> PyResult<Option<PyTensor>> {
    let parameters = parameters(&handles);
    let mut gradients: Vec<Option<Tensor>> = parameters.iter().map(Tensor::grad).collect();
    let how = if by_value { Clip::Value(bound) } else { Clip::Norm(bound) };
    let norm = run_fit(|| {
        let norm = clip(&mut gradients, how)?;
        for (p, g) in parameters.iter().zip(&gradients) {
            if let Some(g) = g {
                p.set_grad(g)?;
            }
        }
        Ok(norm)
    })?;
    Ok(norm.map(PyTensor::given))
}

/// A learning rate that depends on the step alone.
#[pyclass(name = "Curve", module = "chainrule.optim.lr_scheduler", frozen)]
struct PyCurve(Curve);

#[pymethods]
impl PyCurve {
    #[new]
    fn new(kind: &str, options: &Bound<'_, PyDict>) -> PyResult<PyCurve> {
        let o = Options(options);
        let (steps, gamma) = (|key: &str| o.get::<usize>(key), || o.number("gamma"));
        Ok(PyCurve(match kind {
            "constant" => {
                Curve::Constant { factor: o.number("factor")?, steps: steps("total_iters")? }
            }
            "step" => Curve::Step { every: steps("step_size")?, gamma: gamma()? },
            "multistep" => Curve::MultiStep { milestones: o.get("milestones")?, gamma: gamma()? },
            "exponential" => Curve::Exponential { gamma: gamma()? },
            "linear" => Curve::Linear {
                from: o.number("start_factor")?,
                to: o.number("end_factor")?,
                steps: steps("total_iters")?,
            },
            "polynomial" => {
                Curve::Polynomial { steps: steps("total_iters")?, power: o.number("power")? }
            }
            "cosine" => Curve::Cosine { steps: steps("T_max")?, least: o.number("eta_min")? },
            "restarts" => Curve::CosineRestarts {
                steps: steps("T_0")?,
                factor: steps("T_mult")?,
                least: o.number("eta_min")?,
            },
            "onecycle" => Curve::OneCycle(OneCycle {
                steps: steps("total_steps")?,
                rise: o.number("pct_start")?,
                start: o.number("div_factor")?,
                end: o.number("final_div_factor")?,
                linear: o.get("linear")?,
                three_phases: o.get("three_phase")?,
            }),
            _ => return Err(PyValueError::new_err(format!("there is no curve {kind}"))),
        }))
    }

    /// The rate of step `t` for a group that began with the rate `base`.
    fn rate(&self, base: f64, t: usize) -> f64 {
        self.0.rate(base, t)
    }
}

/// A learning rate that drops when a metric has not become better for a while.
#[pyclass(name = "Plateau", module = "chainrule.optim.lr_scheduler", frozen)]
struct PyPlateau(Mutex<Plateau>);

#[pymethods]
impl PyPlateau {
    #[new]
    fn new(options: &Bound<'_, PyDict>) -> PyResult<PyPlateau> {
        let o = Options(options);
        Ok(PyPlateau(Mutex::new(Plateau {
            factor: o.number("factor")?,
            patience: o.get("patience")?,
            threshold: o.number("threshold")?,
            relative: o.get("relative")?,
            cooldown: o.get("cooldown")?,
            least: 0.0,
            epsilon: o.number("eps")?,
            maximize: o.get("maximize")?,
            ..Plateau::default()
        })))
    }

    /// Tells the metric, and gives how many drops there have been.
    fn observe(&self, metric: f64) -> PyResult<()> {
        self.lock().observe(metric);
        Ok(())
    }

    /// The rate of a group that began with `base` and does not fall below `least`.
    fn rate(&self, base: f64, least: f64) -> f64 {
        Plateau { least, ..*self.lock() }.rate(base, 0)
    }

    fn state(&self) -> Vec<(String, PyTensor)> {
        let state = self.lock().state();
        state.into_iter().map(|(name, t)| (name, PyTensor::given(t))).collect()
    }

    fn load_state(&self, state: Vec<(String, Arg)>) -> PyResult<()> {
        let state: Vec<(String, Tensor)> = state.into_iter().map(|(n, t)| (n, t.0)).collect();
        run_fit(|| self.lock().load_state(&state))
    }
}

impl PyPlateau {
    fn lock(&self) -> MutexGuard<'_, Plateau> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says that a list of parameters is one that can be optimised.
#[pyfunction]
fn check_leaves(handles: Handles) -> PyResult<()> {
    for (i, p) in handles.iter().enumerate() {
        let p = p.get().tensor();
        if p.tracks_grad() && !p.is_parameter() {
            return Err(PyRuntimeError::new_err(format!(
                "can't optimize a non-leaf Tensor: parameter {i} was computed from others\n  \
                 hint: give the leaves that it was computed from, or `.detach().requires_grad_()`"
            )));
        }
    }
    Ok(())
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    let sub = PyModule::new(m.py(), "_optim")?;
    sub.add_class::<PyRule>()?;
    sub.add_class::<PyCurve>()?;
    sub.add_class::<PyPlateau>()?;
    sub.add_function(wrap_pyfunction!(step, &sub)?)?;
    sub.add_function(wrap_pyfunction!(clip_gradients, &sub)?)?;
    sub.add_function(wrap_pyfunction!(check_leaves, &sub)?)?;
    m.add_submodule(&sub)
}
