//! Formulas and their derivatives as formulas.

use chainrule::Tensor;
use chainrule::formula::{Formula, FormulaError};
use chainrule::symbolic::{Step, Term, steps};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::sure;
use crate::tensor::{Arg, PyTensor};

fn told<R>(result: Result<R, FormulaError>) -> PyResult<R> {
    result.map_err(|e| PyValueError::new_err(e.to_string()))
}

/// A formula, and the steps that led to it if it is a derivative.
#[pyclass(name = "Formula", module = "chainrule.symbolic", frozen)]
struct PyFormula {
    formula: Formula,
    step: Option<Step>,
}

impl PyFormula {
    /// The one variable, if none is named.
    fn by(&self, by: Option<&str>) -> PyResult<String> {
        match (by, self.formula.variables()) {
            (Some(by), _) => Ok(by.to_string()),
            (None, [one]) => Ok(one.clone()),
            (None, []) => Ok("x".into()),
            (None, several) => Err(PyTypeError::new_err(format!(
                "the formula has the variables {}; say by which to differentiate",
                several.join(", ")
            ))),
        }
    }
}

#[pymethods]
impl PyFormula {
    #[new]
    #[pyo3(signature = (text, variables=vec![]))]
    fn new(text: &str, variables: Vec<String>) -> PyResult<PyFormula> {
        let declared: Vec<&str> = variables.iter().map(String::as_str).collect();
        let formula = told(sure(|| Formula::parse_with(text, &declared))?)?;
        Ok(PyFormula { formula, step: None })
    }

    /// The names of the variables.
    #[getter]
    fn variables(&self) -> Vec<String> {
        self.formula.variables().to_vec()
    }

    /// The formula in LaTeX.
    #[getter]
    fn latex(&self) -> String {
        self.formula.root().to_latex()
    }

    /// The formula as a person would write it, such as `3x² − 4x`.
    #[getter]
    fn pretty(&self) -> String {
        self.formula.root().pretty()
    }

    /// The derivative by a variable, simplified; the variable may be left out if there is one.
    #[pyo3(signature = (by=None))]
    fn d(&self, by: Option<&str>) -> PyResult<PyFormula> {
        let by = self.by(by)?;
        let term = told(sure(|| Term::of(&self.formula))?)?;
        let formula = sure(|| Formula::from_node(term.derivative(&by).to_node()))?;
        Ok(PyFormula { formula, step: sure(|| steps(&self.formula, &by))?.ok() })
    }

    /// The formula, simplified.
    fn simplify(&self) -> PyResult<PyFormula> {
        let term = told(sure(|| Term::of(&self.formula))?)?;
        Ok(PyFormula { formula: Formula::from_node(term.to_node()), step: None })
    }

    /// The lines of (depth, equation, rule) that led to this derivative.
    #[pyo3(signature = (depth=None, latex=false))]
    fn lines(&self, depth: Option<usize>, latex: bool) -> PyResult<Vec<(usize, String, String)>> {
        let Some(step) = &self.step else {
            let what = "this formula is no derivative, so that no steps led to it; call `d` first";
            return Err(PyValueError::new_err(what));
        };
        sure(|| step.lines(depth.unwrap_or(usize::MAX), latex))
    }

    /// The steps that led to this derivative, one rule a line.
    fn steps(&self) -> PyResult<String> {
        self.lines(None, false)?;
        self.step.as_ref().map_or(Ok(String::new()), |step| sure(|| step.to_string()))
    }

    /// The value where the variables are these tensors or numbers.
    #[pyo3(signature = (*args, **values))]
    fn __call__(&self, args: Vec<Arg>, values: Option<&Bound<'_, PyDict>>) -> PyResult<PyTensor> {
        let names = self.formula.variables();
        if args.len() > names.len() {
            let what = format!("{} values for the variables {}", args.len(), names.join(", "));
            return Err(PyTypeError::new_err(what));
        }
        let mut all: Vec<(String, Tensor)> =
            names.iter().cloned().zip(args.into_iter().map(|x| x.0)).collect();
        for (name, value) in values.iter().flat_map(|values| values.iter()) {
            all.push((name.extract()?, value.extract::<Arg>()?.0));
        }
        let values: Vec<(&str, &Tensor)> = all.iter().map(|(name, t)| (name.as_str(), t)).collect();
        told(sure(|| self.formula.eval(&values))?).map(|y| PyTensor::made("formula", y))
    }

    fn __str__(&self) -> String {
        self.formula.to_string()
    }

    fn __repr__(&self) -> String {
        format!("Formula({:?})", self.formula.to_string())
    }

    fn _repr_latex_(&self) -> String {
        format!("${}$", self.latex())
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        if let Ok(other) = other.cast::<PyFormula>() {
            return self.formula == other.get().formula;
        }
        other.extract::<String>().is_ok_and(|text| text == self.formula.to_string())
    }

    fn __hash__(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        self.formula.to_string().hash(&mut hasher);
        hasher.finish()
    }
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    let sub = PyModule::new(m.py(), "_symbolic")?;
    sub.add_class::<PyFormula>()?;
    m.add_submodule(&sub)
}
