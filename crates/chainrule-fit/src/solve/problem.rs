//! What is solved: residuals and their derivatives as functions of the parameters.
//!
//! Solvers see slices of `f64`. [`Traced`] makes them of a closure on tensors, whose derivatives are
//! exact: the closure is recorded once, with its Jacobian, and only numbers are exchanged after.

use chainrule_core::{Outcome, Program, Tensor, jacobian};

use crate::error::{Result, fail};

/// Residuals r(θ) and their Jacobian.
pub trait Residuals {
    /// The number of parameters.
    fn parameters(&self) -> usize;

    /// The number of residuals.
    fn residuals(&self) -> usize;

    /// r(θ).
    ///
    /// # Errors
    /// If it cannot be computed. Numbers that are not finite are no error: solvers step back.
    fn evaluate(&mut self, theta: &[f64]) -> Result<Vec<f64>>;

    /// r(θ) and the columns ∂r/∂θⱼ of its Jacobian.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate).
    fn linearise(&mut self, theta: &[f64]) -> Result<(Vec<f64>, Vec<Vec<f64>>)>;
}

/// A closure on tensors, recorded with its Jacobian.
///
/// ```
/// use chainrule_core::Tensor;
/// use chainrule_fit::solve::{Residuals, Traced};
/// let x = Tensor::from([1.0, 2.0, 3.0]);
/// let mut line = Traced::new(|b: &Tensor| b.i(0) + b.i(1) * &x, 2)?;
/// let (r, j) = line.linearise(&[0.5, 2.0])?;
/// assert_eq!((r, j), (vec![2.5, 4.5, 6.5], vec![vec![1.0; 3], vec![1.0, 2.0, 3.0]]));
/// # Ok::<(), chainrule_fit::Error>(())
/// ```
pub struct Traced {
    value: Program<Tensor, Tensor>,
    both: Program<Tensor, (Tensor, Tensor)>,
    parameters: usize,
    residuals: usize,
}

impl Traced {
    /// Records `f`, which takes a vector of F64 with all `parameters` and gives the residuals as a
    /// tensor of any shape. It is called here, at other parameters than those of the fit, and never
    /// again: what it does must not depend on their numbers except through tensors.
    ///
    /// # Errors
    /// Those of `f`; if there is no parameter, or it gives no numbers with derivatives.
    pub fn new<Y: Outcome<Tree = Tensor>>(
        f: impl Fn(&Tensor) -> Y,
        parameters: usize,
    ) -> Result<Traced> {
        if parameters == 0 {
            fail!("there is no parameter to fit; name at least one");
        }
        let example = Tensor::from_vec(vec![1.0; parameters], [parameters])?;
        let flat = |theta: &Tensor| -> chainrule_core::Result<Tensor> {
            let r = f(theta).outcome()?;
            let n = r.len();
            r.try_reshape([n])
        };
        let value = Program::trace(flat, &example)?;
        let both =
            Program::trace(|theta: &Tensor| Ok((flat(theta)?, jacobian(flat, theta)?)), &example)?;
        let residuals = value.call(&example)?.len();
        Ok(Traced { value, both, parameters, residuals })
    }
}

impl Residuals for Traced {
    fn parameters(&self) -> usize {
        self.parameters
    }

    fn residuals(&self) -> usize {
        self.residuals
    }

    fn evaluate(&mut self, theta: &[f64]) -> Result<Vec<f64>> {
        let theta = Tensor::from_vec(theta.to_vec(), [theta.len()])?;
        Ok(self.value.call(&theta)?.to_vec::<f64>()?)
    }

    fn linearise(&mut self, theta: &[f64]) -> Result<(Vec<f64>, Vec<Vec<f64>>)> {
        let theta = Tensor::from_vec(theta.to_vec(), [theta.len()])?;
        let (r, j) = self.both.call(&theta)?;
        let (r, j) = (r.to_vec::<f64>()?, j.to_vec::<f64>()?);
        let column = |k: usize| j.iter().skip(k).step_by(self.parameters).copied().collect();
        Ok((r, (0..self.parameters).map(column).collect()))
    }
}
