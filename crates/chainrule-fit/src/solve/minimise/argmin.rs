//! Problems of this crate for the solvers of the crate [`argmin`](https://docs.rs/argmin).
//!
//! An [`Argmin`] wraps any [`Problem`] and implements argmin's traits with `Vec<f64>` for points
//! and gradients and `Vec<Vec<f64>>` for Hessians, so that its solvers run with exact derivatives.
//! Only with the feature `argmin`.
//!
//! ```
//! use argmin::core::{CostFunction, Gradient};
//! use chainrule_core::Tensor;
//! use chainrule_fit::solve::minimise::{Objective, argmin::Argmin};
//! let f = Argmin(Objective::new(|x: &Tensor| x.square().sum(), 2)?);
//! assert_eq!(f.cost(&vec![1.0, 2.0])?, 5.0);
//! assert_eq!(f.gradient(&vec![1.0, 2.0])?, [2.0, 4.0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use argmin::core::{CostFunction, Error, Gradient, Hessian};

use super::Problem;

/// A [`Problem`] with the traits of argmin.
#[derive(Clone, Copy, Debug)]
pub struct Argmin<P>(
    /// The problem.
    pub P,
);

impl<P: Problem> CostFunction for Argmin<P> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, x: &Vec<f64>) -> Result<f64, Error> {
        Ok(self.0.value(x)?)
    }
}

impl<P: Problem> Gradient for Argmin<P> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, x: &Vec<f64>) -> Result<Vec<f64>, Error> {
        Ok(self.0.value_and_gradient(x)?.1)
    }
}

impl<P: Problem> Hessian for Argmin<P> {
    type Param = Vec<f64>;
    type Hessian = Vec<Vec<f64>>;

    fn hessian(&self, x: &Vec<f64>) -> Result<Vec<Vec<f64>>, Error> {
        Ok(self.0.hessian(x)?.chunks(x.len().max(1)).map(<[f64]>::to_vec).collect())
    }
}
