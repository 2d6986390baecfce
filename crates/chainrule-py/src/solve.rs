//! Fits: curves, sums of squares and minima of functions that Python writes with tensors.
//!
//! The function runs once, on a vector that stands for any numbers; it is recorded with its exact
//! derivatives, and what searches is Rust with the interpreter released.

use chainrule::fit::curve::{self, CurveFit, Request};
use chainrule::fit::report::curve::text;
use chainrule::fit::solve::minimise::{Bounds, Found, Method as Way, Minimiser, Objective};
use chainrule::fit::solve::{Loss, Method, Options, Solution, least_squares_of};
use chainrule::formula::Formula;
use chainrule::{Tensor, fit};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::run_detached;
use crate::func::call_one;
use crate::sentence::exception;

fn searched<R: Send>(py: Python<'_>, f: impl FnOnce() -> fit::Result<R> + Send) -> PyResult<R> {
    run_detached(py, || Ok(f()))?.map_err(|e| exception(&e.to_string()))
}

fn wrong(what: String) -> PyErr {
    PyValueError::new_err(what)
}

/// How to search, by scipy's names.
fn options(of: &Bound<'_, PyDict>) -> PyResult<Options> {
    let mut options = Options::default();
    if let Some(method) = of.get_item("method")? {
        options.method = match &*method.extract::<String>()? {
            "trf" | "lm" => Method::LevenbergMarquardt,
            "dogbox" | "dogleg" => Method::Dogleg,
            "gauss-newton" => Method::GaussNewton,
            other => return Err(wrong(format!("method must be trf, lm or dogbox, not {other}"))),
        };
    }
    if let Some(loss) = of.get_item("loss")? {
        let loss: String = loss.extract()?;
        let scale: f64 = match of.get_item("f_scale")? {
            Some(scale) => scale.extract()?,
            None => 1.0,
        };
        let spelled = if loss == "linear" { loss } else { format!("{loss}:{scale}") };
        options.loss = spelled.parse::<Loss>().map_err(wrong)?;
    }
    let set = |key: &str, to: &mut f64| -> PyResult<()> {
        if let Some(value) = of.get_item(key)? {
            *to = value.extract()?;
        }
        Ok(())
    };
    set("ftol", &mut options.ftol)?;
    set("xtol", &mut options.xtol)?;
    set("gtol", &mut options.gtol)?;
    if let Some(bounds) = of.get_item("bounds")? {
        options.bounds = bounds.extract()?;
    }
    if let Some(weights) = of.get_item("weights")? {
        options.weights = weights.extract()?;
    }
    if let Some(steps) = of.get_item("max_steps")? {
        options.max_steps = steps.extract()?;
    }
    Ok(options)
}

/// Where a search for the least sum of squares ended, as scipy's names.
#[pyfunction]
fn least_squares<'py>(
    py: Python<'py>,
    f: Py<PyAny>,
    start: Vec<f64>,
    how: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyDict>> {
    let options = options(how)?;
    let Solution { parameters, cost, residuals, jacobian, outcome, steps, evaluations, at_bound } =
        searched(py, || least_squares_of(|x: &Tensor| call_one(&f, x), &start, &options))?;
    let found = PyDict::new(py);
    found.set_item("x", parameters)?;
    found.set_item("cost", cost)?;
    found.set_item("fun", residuals)?;
    found.set_item("jac", jacobian)?;
    found.set_item("active", at_bound)?;
    found.set_item("nfev", evaluations)?;
    found.set_item("njev", steps)?;
    found.set_item("success", outcome.converged())?;
    found.set_item("word", outcome.word())?;
    found.set_item("message", format!("{outcome}. {}", outcome.advice()))?;
    Ok(found)
}

/// Where a minimisation ended, as scipy's names.
#[pyfunction]
#[pyo3(signature = (f, start, method, tolerance=None, max_steps=None, bounds=None, memory=10))]
#[allow(clippy::too_many_arguments)]
fn minimize<'py>(
    py: Python<'py>,
    f: Py<PyAny>,
    start: Vec<f64>,
    method: &str,
    tolerance: Option<f64>,
    max_steps: Option<usize>,
    bounds: Option<(Vec<f64>, Vec<f64>)>,
    memory: usize,
) -> PyResult<Bound<'py, PyDict>> {
    let way = match method {
        "lbfgs" => Way::Lbfgs { memory },
        "bfgs" => Way::Bfgs,
        "newton" => Way::Newton,
        "newton-cg" => Way::NewtonCg,
        "cg" => Way::ConjugateGradient,
        "steepest" => Way::SteepestDescent,
        _ => Way::NelderMead,
    };
    let mut minimiser = Minimiser::new(way);
    minimiser.tolerance = tolerance.unwrap_or(minimiser.tolerance);
    minimiser.max_steps = max_steps.unwrap_or(minimiser.max_steps);
    minimiser.bounds = bounds.map(|(low, high)| Bounds::new(low, high));
    let Found { x, value, gradient, slope, steps, counts, outcome } = searched(py, || {
        let objective = Objective::new(|x: &Tensor| call_one(&f, x), start.len())?;
        minimiser.run(&objective, &start)
    })?;
    let found = PyDict::new(py);
    found.set_item("x", x)?;
    found.set_item("fun", value)?;
    found.set_item("jac", gradient)?;
    found.set_item("optimality", slope)?;
    found.set_item("nit", steps)?;
    found.set_item("nfev", counts.values)?;
    found.set_item("njev", counts.gradients)?;
    found.set_item("nhev", counts.hessians + counts.products)?;
    found.set_item("success", outcome.word() == "converged")?;
    found.set_item("word", outcome.word())?;
    found.set_item("message", outcome.to_string())?;
    Ok(found)
}

/// Value, standard error, confidence band and prediction band at one place.
type Predicted = (f64, f64, (f64, f64), (f64, f64));

/// A fitted curve with its report.
#[pyclass(name = "CurveFit", module = "chainrule.fit", frozen)]
struct PyCurveFit {
    fit: CurveFit,
    model: Model,
}

/// What predicts.
enum Model {
    Function(Py<PyAny>),
    Formula(Formula, Vec<String>),
}

impl Model {
    /// What it predicts with parameters θ where the columns are.
    fn at(&self, theta: &Tensor, columns: &[(String, Tensor)]) -> chainrule::Result<Tensor> {
        match self {
            Model::Function(f) => call_one(f, theta),
            Model::Formula(formula, names) => {
                let parts = theta.unbind(0)?;
                let of = |pair: &(String, Tensor)| (pair.0.clone(), pair.1.clone());
                let all: Vec<(String, Tensor)> =
                    columns.iter().map(of).chain(names.iter().cloned().zip(parts)).collect();
                let values: Vec<(&str, &Tensor)> =
                    all.iter().map(|(name, t)| (name.as_str(), t)).collect();
                let y = formula
                    .eval(&values)
                    .map_err(|e| crate::errors::carry(PyValueError::new_err(e.to_string())))?;
                match columns.first() {
                    Some((_, x)) => y.try_expand(x.shape()),
                    None => Ok(y),
                }
            }
        }
    }
}

#[pymethods]
impl PyCurveFit {
    /// The names of the parameters.
    #[getter]
    fn names(&self) -> Vec<String> {
        self.fit.estimates.iter().map(|e| e.name.clone()).collect()
    }

    /// Their values.
    #[getter]
    fn values(&self) -> Vec<f64> {
        self.fit.parameters()
    }

    /// Their standard errors.
    #[getter]
    fn errors(&self) -> Vec<f64> {
        self.fit.estimates.iter().map(|e| e.std_error).collect()
    }

    /// Their confidence intervals.
    #[getter]
    fn intervals(&self) -> Vec<(f64, f64)> {
        self.fit.estimates.iter().map(|e| e.interval).collect()
    }

    /// Their covariance, row by row.
    #[getter]
    fn covariance(&self) -> Vec<f64> {
        self.fit.covariance.clone()
    }

    /// The estimated deviation of an observation of weight 1.
    #[getter]
    fn sigma(&self) -> f64 {
        self.fit.sigma
    }

    /// Σ wᵢ rᵢ².
    #[getter]
    fn rss(&self) -> f64 {
        self.fit.rss
    }

    /// Observations less parameters that are free and determined.
    #[getter]
    fn dof(&self) -> usize {
        self.fit.dof
    }

    /// R², the share of the variance that the curve explains; None if nothing varies.
    #[getter]
    fn r2(&self) -> Option<f64> {
        self.fit.metrics.r2
    }

    /// Akaike's criterion.
    #[getter]
    fn aic(&self) -> f64 {
        self.fit.aic
    }

    /// Schwarz's criterion.
    #[getter]
    fn bic(&self) -> f64 {
        self.fit.bic
    }

    /// What the curve says about each observation.
    #[getter]
    fn fitted(&self) -> Vec<f64> {
        self.fit.fitted.clone()
    }

    /// The residuals y − f(x).
    #[getter]
    fn residuals(&self) -> Vec<f64> {
        self.fit.residue.values.clone()
    }

    /// How the search ended.
    #[getter]
    fn message(&self) -> String {
        self.fit.outcome.to_string()
    }

    /// Whether it ended at a minimum.
    #[getter]
    fn success(&self) -> bool {
        self.fit.outcome.converged()
    }

    /// What one should know, each a clause.
    #[getter]
    fn warnings(&self) -> Vec<String> {
        self.fit.warnings.clone()
    }

    #[getter]
    fn steps(&self) -> usize {
        self.fit.steps
    }

    /// The curve where the columns are: value, standard error, confidence and prediction bands.
    fn _predict(
        &self,
        py: Python<'_>,
        columns: Vec<(String, Vec<f64>)>,
    ) -> PyResult<Vec<Predicted>> {
        let columns = tensors(columns);
        let all =
            searched(py, || self.fit.predict(|theta: &Tensor| self.model.at(theta, &columns)))?;
        let parts = |p: curve::Prediction| (p.value, p.std_error, p.confidence, p.prediction);
        Ok(all.into_iter().map(parts).collect())
    }

    /// The report as text.
    fn __str__(&self) -> String {
        text(&self.fit, &str::to_string)
    }

    fn __repr__(&self) -> String {
        let all = self.fit.estimates.iter().map(|e| format!("{}={:.6}", e.name, e.estimate));
        format!("CurveFit({})", all.collect::<Vec<_>>().join(", "))
    }
}

fn tensors(columns: Vec<(String, Vec<f64>)>) -> Vec<(String, Tensor)> {
    columns.into_iter().map(|(name, x)| (name, Tensor::from(x))).collect()
}

fn request(
    names: Vec<String>,
    start: Option<Vec<f64>>,
    confidence: f64,
    how: &Bound<'_, PyDict>,
) -> PyResult<Request> {
    let mut request = Request::new(names);
    (request.start, request.confidence) = (start, confidence);
    request.options = options(how)?;
    Ok(request)
}

/// Fits a function of the vector θ to y.
#[pyfunction]
fn curve_fit(
    py: Python<'_>,
    f: Py<PyAny>,
    y: Vec<f64>,
    names: Vec<String>,
    start: Option<Vec<f64>>,
    confidence: f64,
    how: &Bound<'_, PyDict>,
) -> PyResult<PyCurveFit> {
    let request = request(names, start, confidence, how)?;
    let model = Model::Function(f);
    let fit = searched(py, || curve::fit(|theta: &Tensor| model.at(theta, &[]), &y, &request))?;
    Ok(PyCurveFit { fit, model })
}

/// Fits a formula whose other names are the parameters.
#[pyfunction]
fn formula_fit(
    py: Python<'_>,
    formula: &str,
    columns: Vec<(String, Vec<f64>)>,
    y: Vec<f64>,
    start: Vec<(String, f64)>,
    confidence: f64,
    how: &Bound<'_, PyDict>,
) -> PyResult<PyCurveFit> {
    let known: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    let declared: Vec<&str> =
        known.iter().copied().chain(start.iter().map(|(name, _)| name.as_str())).collect();
    let formula = Formula::parse_with(formula, &declared).map_err(|e| wrong(e.to_string()))?;
    let free = |name: &&String| !known.contains(&name.as_str());
    let names: Vec<String> = formula.variables().iter().filter(free).cloned().collect();
    if let Some((name, _)) = start.iter().find(|(name, _)| !names.contains(name)) {
        return Err(wrong(format!("the formula has no parameter {name}")));
    }
    let given = |name: &String| start.iter().find(|(n, _)| n == name).map(|(_, x)| *x);
    let begin = match start.is_empty() {
        true => None,
        false => Some(names.iter().map(|name| given(name).unwrap_or(1.0)).collect()),
    };
    let request = request(names.clone(), begin, confidence, how)?;
    let (model, columns) = (Model::Formula(formula, names), tensors(columns));
    let fit =
        searched(py, || curve::fit(|theta: &Tensor| model.at(theta, &columns), &y, &request))?;
    Ok(PyCurveFit { fit, model })
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    let sub = PyModule::new(m.py(), "_solve")?;
    sub.add_class::<PyCurveFit>()?;
    sub.add_function(wrap_pyfunction!(least_squares, &sub)?)?;
    sub.add_function(wrap_pyfunction!(minimize, &sub)?)?;
    sub.add_function(wrap_pyfunction!(curve_fit, &sub)?)?;
    sub.add_function(wrap_pyfunction!(formula_fit, &sub)?)?;
    m.add_submodule(&sub)
}
