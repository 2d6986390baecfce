//! What is minimised: a value, and the derivatives that a method asks for.
//!
//! A [`Problem`] works on slices of f64, so that anything can be one. An [`Objective`] is one made
//! of a closure of tensors: the closure runs once for each kind of derivative, is recorded and
//! planned, and every later question runs that plan on new numbers. The derivatives are exact.

use std::cell::{Cell, OnceCell};
use std::fmt;

use chainrule_core::{Outcome, Program, Tensor, hessian, hvp, value_and_grad};

use crate::error::{Error, Result, fail};

/// A function of n numbers, with derivatives.
pub trait Problem {
    /// The number of unknowns, n.
    fn len(&self) -> usize;

    /// Whether there are no unknowns.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// f(x).
    ///
    /// # Errors
    /// The problem's own.
    fn value(&self, x: &[f64]) -> Result<f64>;

    /// f(x) and ∇f(x).
    ///
    /// # Errors
    /// The problem's own.
    fn value_and_gradient(&self, x: &[f64]) -> Result<(f64, Vec<f64>)>;

    /// ∇²f(x) v. Problems without second derivatives leave it out.
    ///
    /// # Errors
    /// The problem's own; by default, that there is none.
    fn hvp(&self, _x: &[f64], _v: &[f64]) -> Result<Vec<f64>> {
        fail!("this problem has no second derivatives; use a method that needs none, as L-BFGS")
    }

    /// ∇²f(x), row by row; by default from n products.
    ///
    /// # Errors
    /// As [`Problem::hvp`].
    fn hessian(&self, x: &[f64]) -> Result<Vec<f64>> {
        let n = x.len();
        let mut rows = Vec::with_capacity(n * n);
        let mut unit = vec![0.0; n];
        for i in 0..n {
            unit[i] = 1.0;
            rows.extend(self.hvp(x, &unit)?);
            unit[i] = 0.0;
        }
        Ok(rows)
    }
}

/// A closure of tensors as a [`Problem`]: from a vector of n numbers of type F64 to one number.
///
/// ```
/// use chainrule_core::Tensor;
/// use chainrule_fit::solve::minimise::{Objective, Problem};
/// let f = Objective::new(|x: &Tensor| x.prod().square(), 2)?; // x₀² x₁²
/// assert_eq!(f.value_and_gradient(&[1.0, 2.0])?, (4.0, vec![8.0, 4.0]));
/// assert_eq!(f.hessian(&[1.0, 2.0])?, [8.0, 8.0, 8.0, 2.0]);
/// # Ok::<(), chainrule_fit::Error>(())
/// ```
///
/// Parameters that the closure captures are used with the values they have at each call; other
/// tensors stay what they were.
pub struct Objective<F> {
    f: F,
    len: usize,
    first: Program<Tensor, (Tensor, Tensor)>,
    value: OnceCell<Program<Tensor, Tensor>>,
    product: OnceCell<Program<(Tensor, Tensor), Tensor>>,
    second: OnceCell<Program<Tensor, Tensor>>,
}

impl<Y: Outcome<Tree = Tensor>, F: Fn(&Tensor) -> Y> Objective<F> {
    /// `f` as a problem of `len` unknowns.
    ///
    /// # Errors
    /// Those of `f`; if it does not give one number.
    pub fn new(f: F, len: usize) -> Result<Objective<F>> {
        let first = Program::trace(|x: &Tensor| value_and_grad(&f, x), &vector(&vec![0.0; len])?)?;
        let (value, product, second) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        Ok(Objective { f, len, first, value, product, second })
    }

    fn example(&self) -> chainrule_core::Result<Tensor> {
        vector(&vec![0.0; self.len])
    }
}

impl<Y: Outcome<Tree = Tensor>, F: Fn(&Tensor) -> Y> Problem for Objective<F> {
    fn len(&self) -> usize {
        self.len
    }

    fn value(&self, x: &[f64]) -> Result<f64> {
        let program = once(&self.value, || Program::trace(&self.f, &self.example()?))?;
        Ok(program.call(&vector(x)?)?.item()?)
    }

    fn value_and_gradient(&self, x: &[f64]) -> Result<(f64, Vec<f64>)> {
        let (value, gradient) = self.first.call(&vector(x)?)?;
        Ok((value.item()?, gradient.to_vec()?))
    }

    fn hvp(&self, x: &[f64], v: &[f64]) -> Result<Vec<f64>> {
        let program = once(&self.product, || {
            let example = self.example()?;
            Program::trace(
                |(x, v): &(Tensor, Tensor)| hvp(&self.f, x, v),
                &(example.clone(), example),
            )
        })?;
        Ok(program.call(&(vector(x)?, vector(v)?))?.to_vec()?)
    }

    fn hessian(&self, x: &[f64]) -> Result<Vec<f64>> {
        let program =
            once(&self.second, || Program::trace(|x| hessian(&self.f, x), &self.example()?))?;
        Ok(program.call(&vector(x)?)?.to_vec()?)
    }
}

impl<F> fmt::Debug for Objective<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Objective").field("len", &self.len).finish_non_exhaustive()
    }
}

fn vector(x: &[f64]) -> chainrule_core::Result<Tensor> {
    Tensor::from_vec(x.to_vec(), [x.len()])
}

/// What the cell holds, made if it is empty.
fn once<T>(cell: &OnceCell<T>, make: impl FnOnce() -> chainrule_core::Result<T>) -> Result<&T> {
    if let Some(made) = cell.get() {
        return Ok(made);
    }
    let made = make()?;
    Ok(cell.get_or_init(|| made))
}

/// How often a problem was asked for what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Values, alone or with a gradient.
    pub values: usize,
    /// Gradients, each with a value.
    pub gradients: usize,
    /// Products with a Hessian.
    pub products: usize,
    /// Whole Hessians.
    pub hessians: usize,
}

/// A point with value and gradient.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) x: Vec<f64>,
    pub(super) value: f64,
    pub(super) gradient: Vec<f64>,
}

impl Point {
    pub(super) fn is_finite(&self) -> bool {
        self.value.is_finite() && self.gradient.iter().all(|g| g.is_finite())
    }
}

/// A problem, and how often it was asked.
pub(super) struct Counted<'a> {
    problem: &'a dyn Problem,
    counts: Cell<Counts>,
}

impl<'a> Counted<'a> {
    pub(super) fn new(problem: &'a dyn Problem) -> Counted<'a> {
        Counted { problem, counts: Cell::default() }
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts.get()
    }

    fn count(&self, change: impl FnOnce(&mut Counts)) {
        let mut counts = self.counts.get();
        change(&mut counts);
        self.counts.set(counts);
    }

    pub(super) fn value(&self, x: &[f64]) -> Result<f64> {
        self.count(|c| c.values += 1);
        self.problem.value(x)
    }

    pub(super) fn point(&self, x: Vec<f64>) -> Result<Point> {
        self.count(|c| {
            c.values += 1;
            c.gradients += 1;
        });
        let (value, gradient) = self.problem.value_and_gradient(&x)?;
        sized("gradient", gradient.len(), x.len())?;
        Ok(Point { x, value, gradient })
    }

    pub(super) fn hvp(&self, x: &[f64], v: &[f64]) -> Result<Vec<f64>> {
        self.count(|c| c.products += 1);
        let product = self.problem.hvp(x, v)?;
        sized("Hessian-vector product", product.len(), x.len())?;
        Ok(product)
    }

    pub(super) fn hessian(&self, x: &[f64]) -> Result<Vec<f64>> {
        self.count(|c| c.hessians += 1);
        let hessian = self.problem.hessian(x)?;
        sized("Hessian", hessian.len(), x.len() * x.len())?;
        Ok(hessian)
    }
}

fn sized(what: &str, got: usize, wanted: usize) -> Result<()> {
    if got == wanted {
        return Ok(());
    }
    Err(Error::new(format!("the problem's {what} has {got} numbers instead of {wanted}")))
}
