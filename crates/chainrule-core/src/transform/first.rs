//! First derivatives: value and gradient, products with the Jacobian from both sides.

use super::scope::{Scope, directions, results, scalar, smooth, unknowns, variables};
use super::tree::{Outcome, Tree};
use crate::error::Result;
use crate::grad::{Expr, pull_back, push_forward, replay};
use crate::graph::Tensor;
use crate::place::Place;

/// Slopes in the structure of `x`: those of floating-point tensors in order, zeros elsewhere.
pub(super) fn structure<X: Tree>(x: &X, slopes: Vec<Option<Expr>>) -> Result<X> {
    let mut slopes = slopes.into_iter();
    x.replace(&mut |leaf| {
        let slope = if leaf.dtype().is_float() { slopes.next().flatten() } else { None };
        let leaf = leaf.source();
        Ok(slope.map_or_else(|| leaf.zeros_like(), |g| g.like(&leaf)))
    })
}

/// Ends a scope with these structures as its results.
macro_rules! seal {
    ($scope:expr, $($tree:expr),+) => {{
        let leaves: Vec<$crate::graph::Tensor> = [$($tree.leaves()),+].concat();
        $scope.seal(&leaves.iter().collect::<Vec<_>>());
    }};
}
pub(super) use seal;

/// f(x), one number, and its gradient ∂f/∂x in the structure of x.
///
/// ```
/// # use chainrule_core::*;
/// let x = Tensor::from([0.0, 1.0, 2.0, 3.0]);
/// let (y, g) = value_and_grad(|x| 2.0 * x.dot(x), &x)?;
/// assert_eq!(y.item::<f64>()?, 28.0);
/// assert_eq!(g.to_vec::<f64>()?, [0.0, 4.0, 8.0, 12.0]);
/// # Ok::<(), Error>(())
/// ```
///
/// The results track gradients only if x, or something that `f` captured, does. Where f does not
/// depend on x, the gradient is 0.
///
/// # Errors
/// Those of `f`; if it gives several numbers, or integers.
#[track_caller]
pub fn value_and_grad<X: Tree, Y: Outcome<Tree = Tensor>>(
    f: impl FnOnce(&X) -> Y,
    x: &X,
) -> Result<(Tensor, X)> {
    let (y, g, ()) = differentiate("value_and_grad", |x| Ok((f(x).outcome()?, ())), x)?;
    Ok((y, g))
}

/// [`value_and_grad`] of a function that gives something else besides, which is handed through: a
/// prediction, an accuracy, a new state.
///
/// ```
/// # use chainrule_core::*;
/// let x = Tensor::from([3.0, 4.0]);
/// let (_, g, norm) = value_and_grad_aux(|x: &Tensor| {
///     let norm = x.norm();
///     Ok((norm.square(), norm))
/// }, &x)?;
/// assert_eq!((g.to_vec::<f64>()?, norm.item::<f64>()?), (vec![6.0, 8.0], 5.0));
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// As [`value_and_grad`].
#[track_caller]
pub fn value_and_grad_aux<X: Tree, A: Tree>(
    f: impl FnOnce(&X) -> Result<(Tensor, A)>,
    x: &X,
) -> Result<(Tensor, X, A)> {
    differentiate("value_and_grad_aux", f, x)
}

#[track_caller]
fn differentiate<X: Tree, A: Tree>(
    op: &str,
    f: impl FnOnce(&X) -> Result<(Tensor, A)>,
    x: &X,
) -> Result<(Tensor, X, A)> {
    let here = Place::caller();
    let scope = Scope::enter();
    let (vars, list) = variables(x)?;
    let (y, aux) = f(&vars)?;
    let y = y.source();
    scalar(op, &y, here)?;
    let slopes = pull_back(std::slice::from_ref(&y), vec![Expr::Lit(1.0)], &list, here)?;
    let gradient = structure(x, slopes)?;
    seal!(scope, y, gradient, aux);
    Ok((y, gradient, aux))
}

/// f(x) and its tangent J v: the derivative of f at x in the direction v, by forward mode.
///
/// ```
/// # use chainrule_core::*;
/// let (x, v) = (Tensor::from([1.0, 2.0]), Tensor::from([1.0, 0.0]));
/// let (y, dy) = jvp(|x| x.square(), &x, &v)?;
/// assert_eq!((y.to_vec::<f64>()?, dy.to_vec::<f64>()?), (vec![1.0, 4.0], vec![2.0, 0.0]));
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// Those of `f`; if `v` has another shape than `x`.
#[track_caller]
pub fn jvp<X: Tree, Y: Outcome>(
    f: impl FnOnce(&X) -> Y,
    x: &X,
    v: &X,
) -> Result<(Y::Tree, Y::Tree)> {
    let here = Place::caller();
    let dxs = directions("jvp", "tangent", x, v, here)?;
    let scope = Scope::enter();
    let (vars, list) = variables(x)?;
    let y = results(f(&vars))?;
    let dxs: Vec<Expr> = dxs.iter().map(Expr::of).collect();
    let dy = pushed(&y, &list, &dxs, here)?;
    seal!(scope, y, dy);
    Ok((y, dy))
}

/// The tangents of a structure of results.
pub(super) fn pushed<Y: Tree>(y: &Y, vars: &[Tensor], dxs: &[Expr], here: Place) -> Result<Y> {
    let ys: Vec<Tensor> = y.leaves().into_iter().filter(|y| y.dtype().is_float()).collect();
    structure(y, push_forward(&ys, vars, dxs, here)?)
}

/// A linear map between structures of tensors: a derivative that was taken once and can be applied
/// many times.
pub struct LinearMap<X, Y> {
    op: &'static str,
    role: &'static str,
    /// What stands for the argument, and the result in terms of it.
    from: X,
    variables: Vec<Tensor>,
    to: Y,
}

/// The results of a function, and the map from their cotangents to those of its arguments.
pub type WithPullback<X, Y> = (<Y as Outcome>::Tree, LinearMap<<Y as Outcome>::Tree, X>);
/// The results of a function, and the map from tangents of its arguments to theirs.
pub type WithPushforward<X, Y> = (<Y as Outcome>::Tree, LinearMap<X, <Y as Outcome>::Tree>);

impl<X: Tree, Y: Tree> LinearMap<X, Y> {
    /// The map applied to `v`.
    ///
    /// # Errors
    /// If `v` has other shapes than the map's arguments.
    #[track_caller]
    pub fn apply(&self, v: &X) -> Result<Y> {
        let vs = directions(self.op, self.role, &self.from, v, Place::caller())?;
        let mut new = replay(&self.to.leaves(), &self.variables, &vs)?.into_iter();
        self.to.replace(&mut |leaf| Ok(new.next().unwrap_or_else(|| leaf.clone())))
    }
}

/// f(x), and the map from cotangents of f(x) to cotangents Jᵀ w of x, by reverse mode.
///
/// ```
/// # use chainrule_core::*;
/// let x = Tensor::from([1.0, 2.0]);
/// let (y, pull) = vjp(|x: &Tensor| x.square(), &x)?;
/// assert_eq!(pull.apply(&Tensor::from([1.0, 0.0]))?.to_vec::<f64>()?, [2.0, 0.0]);
/// assert_eq!(pull.apply(&Tensor::from([0.0, 1.0]))?.to_vec::<f64>()?, [0.0, 4.0]);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// Those of `f`.
#[track_caller]
pub fn vjp<X: Tree, Y: Outcome>(f: impl FnOnce(&X) -> Y, x: &X) -> Result<WithPullback<X, Y>> {
    let here = Place::caller();
    let scope = Scope::enter();
    let (vars, list) = variables(x)?;
    let y = results(f(&vars))?;
    let (from, cotangents) = unknowns(&y)?;
    let ys: Vec<Tensor> = y.leaves().into_iter().filter(|y| y.dtype().is_float()).collect();
    let seeds = cotangents.iter().map(Expr::of).collect();
    let to = structure(x, pull_back(&ys, seeds, &list, here)?)?;
    seal!(scope, y, to);
    Ok((y, LinearMap { op: "vjp", role: "cotangent", from, variables: cotangents, to }))
}

/// f(x), and its derivative at x as a linear map from tangents v to J v, by forward mode. Unlike
/// [`jvp`] it runs `f` once for any number of directions.
///
/// ```
/// # use chainrule_core::*;
/// let x = Tensor::from([1.0, 2.0]);
/// let (y, derivative) = linearize(|x: &Tensor| x.square(), &x)?;
/// assert_eq!(derivative.apply(&Tensor::from([1.0, 1.0]))?.to_vec::<f64>()?, [2.0, 4.0]);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// Those of `f`.
#[track_caller]
pub fn linearize<X: Tree, Y: Outcome>(
    f: impl FnOnce(&X) -> Y,
    x: &X,
) -> Result<WithPushforward<X, Y>> {
    let here = Place::caller();
    let scope = Scope::enter();
    let (vars, list) = variables(x)?;
    let y = results(f(&vars))?;
    let (from, tangents) = unknowns(x)?;
    let dxs: Vec<Expr> = tangents.iter().map(Expr::of).collect();
    let to = pushed(&y, &list, &dxs, here)?;
    seal!(scope, y, to);
    Ok((y, LinearMap { op: "linearize", role: "tangent", from, variables: tangents, to }))
}

/// ∂f/∂x alone, in the structure of x: [`value_and_grad`] without the value.
///
/// # Errors
/// As [`value_and_grad`].
#[track_caller]
pub fn gradient<X: Tree, Y: Outcome<Tree = Tensor>>(f: impl FnOnce(&X) -> Y, x: &X) -> Result<X> {
    let (_, g, ()) = differentiate("gradient", |x| Ok((f(x).outcome()?, ())), x)?;
    Ok(g)
}

/// Checks results that must be floating-point.
pub(super) fn all_smooth<Y: Tree>(op: &str, y: &Y, here: Place) -> Result<()> {
    y.leaves().iter().try_for_each(|leaf| smooth(op, leaf, here))
}
