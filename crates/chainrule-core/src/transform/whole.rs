//! Whole derivatives: Jacobians, Hessians, products with a Hessian, higher derivatives.
//!
//! A Jacobian of m results by n arguments is m products Jᵀ eᵢ, or n products J eⱼ. Either kind is
//! recorded once, on a vector that stands for any eᵢ, and then once more for the batch of all of
//! them; the fewer are taken. A Hessian is the forward Jacobian of the gradient. All of it is one
//! graph, and runs as one plan.

use super::first::{all_smooth, pushed, seal, structure};
use super::scope::{Scope, directions, results, scalar, smooth, variables};
use super::tree::{Outcome, Tree};
use crate::error::{Error, ErrorKind, Result};
use crate::grad::{Expr, batch, pull_back, push_forward};
use crate::graph::Tensor;
use crate::place::Place;

type Line = Place;

/// The n unit vectors, in the shape of `x`, as a batch.
fn units(x: &Tensor) -> Result<Tensor> {
    let n = x.len();
    let shape: Vec<usize> = std::iter::once(n).chain(x.shape().iter().copied()).collect();
    Tensor::eye(n).to_dtype(x.dtype()).try_reshape(shape)
}

/// ∂y/∂x for each x, of the shape of y and then of x, by products Jᵀ eᵢ.
fn rows(y: &Tensor, xs: &[Tensor], here: Line) -> Result<Vec<Tensor>> {
    let e = y.unknown();
    let slopes = pull_back(std::slice::from_ref(y), vec![Expr::of(&e)], xs, here)?;
    let slopes: Vec<Tensor> =
        slopes.into_iter().zip(xs).map(|(g, x)| g.unwrap_or(Expr::Lit(0.0)).like(x)).collect();
    let all = batch(&slopes, &[e], &[units(y)?], y.len())?;
    let each = all.into_iter().zip(xs);
    each.map(|(g, x)| g.try_reshape([y.shape(), x.shape()].concat())).collect()
}

/// ∂y/∂x for each y, of the shape of y and then of x, by products J eⱼ.
fn columns(ys: &[Tensor], x: &Tensor, here: Line) -> Result<Vec<Tensor>> {
    let e = x.unknown();
    let slopes = push_forward(ys, std::slice::from_ref(x), &[Expr::of(&e)], here)?;
    let slopes: Vec<Tensor> =
        slopes.into_iter().zip(ys).map(|(d, y)| d.unwrap_or(Expr::Lit(0.0)).like(y)).collect();
    let all = batch(&slopes, &[e], &[units(x)?], x.len())?;
    let each = all.into_iter().zip(ys);
    each.map(|(d, y)| {
        let order: Vec<usize> = (1..d.rank()).chain([0]).collect();
        d.try_permute(order.as_slice())?.try_reshape([y.shape(), x.shape()].concat())
    })
    .collect()
}

/// Which products make a Jacobian.
#[derive(Clone, Copy)]
enum Way {
    Fewer,
    Forward,
    Reverse,
}

/// For each y, for each x, the block ∂y/∂x.
fn blocks(ys: &[Tensor], xs: &[Tensor], way: Way, here: Line) -> Result<Vec<Vec<Tensor>>> {
    let count = |list: &[Tensor]| list.iter().map(Tensor::len).sum::<usize>();
    let forward = match way {
        Way::Fewer => count(xs) <= count(ys),
        Way::Forward => true,
        Way::Reverse => false,
    };
    if !forward {
        return ys.iter().map(|y| rows(y, xs, here)).collect();
    }
    let by_x: Vec<Vec<Tensor>> = xs.iter().map(|x| columns(ys, x, here)).collect::<Result<_>>()?;
    Ok((0..ys.len()).map(|i| by_x.iter().map(|c| c[i].clone()).collect()).collect())
}

/// Blocks in the structures of y and x.
fn arrange<X: Tree, Y: Tree>(y: &Y, x: &X, blocks: Vec<Vec<Tensor>>) -> Result<Y::Of<X>> {
    let mut rows = blocks.into_iter();
    y.map(&mut |y| {
        let mut row = rows.next().unwrap_or_default().into_iter();
        x.replace(&mut |x| {
            let block = if x.dtype().is_float() { row.next() } else { None };
            Ok(block.unwrap_or_else(|| {
                let shape = [y.shape(), x.shape()].concat();
                Tensor::full(shape, 0.0f64).to_dtype(y.dtype())
            }))
        })
    })
}

#[track_caller]
fn jacobian_by<X: Tree, Y: Outcome>(
    op: &str,
    f: impl FnOnce(&X) -> Y,
    x: &X,
    way: Way,
) -> Result<<Y::Tree as Tree>::Of<X>> {
    let here = Place::caller();
    let scope = Scope::enter();
    let (vars, list) = variables(x)?;
    let y = results(f(&vars))?;
    all_smooth(op, &y, here)?;
    let blocks = blocks(&y.leaves(), &list, way, here)?;
    scope.seal(&blocks.iter().flatten().collect::<Vec<_>>());
    arrange(&y, x, blocks)
}

/// All partial derivatives ∂yᵢ/∂xⱼ of y = f(x): for tensors, a tensor of the shape of y and then of
/// x; for structures, one such block for each pair of tensors, as a structure of y's form whose
/// elements have x's. Forward or reverse mode, whichever takes fewer products.
///
/// ```
/// # use chainrule_core::*;
/// let x = Tensor::from([1.0, 2.0, 3.0]);
/// let j = jacobian(|x: &Tensor| x.cumsum(0), &x)?;
/// assert_eq!(j.shape(), [3, 3]);
/// assert_eq!(j.to_vec::<f64>()?, [1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0]);
/// let pair = (Tensor::from(2.0), Tensor::from(5.0));
/// let (da, db) = jacobian(|(a, b)| a * b, &pair)?;
/// assert_eq!((da.item::<f64>()?, db.item::<f64>()?), (5.0, 2.0));
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// Those of `f`; if it gives integers.
#[track_caller]
pub fn jacobian<X: Tree, Y: Outcome>(
    f: impl FnOnce(&X) -> Y,
    x: &X,
) -> Result<<Y::Tree as Tree>::Of<X>> {
    jacobian_by("jacobian", f, x, Way::Fewer)
}

/// [`jacobian`] by forward mode: as many products as x has elements.
///
/// # Errors
/// As [`jacobian`].
#[track_caller]
pub fn jacfwd<X: Tree, Y: Outcome>(
    f: impl FnOnce(&X) -> Y,
    x: &X,
) -> Result<<Y::Tree as Tree>::Of<X>> {
    jacobian_by("jacfwd", f, x, Way::Forward)
}

/// [`jacobian`] by reverse mode: as many products as y has elements.
///
/// # Errors
/// As [`jacobian`].
#[track_caller]
pub fn jacrev<X: Tree, Y: Outcome>(
    f: impl FnOnce(&X) -> Y,
    x: &X,
) -> Result<<Y::Tree as Tree>::Of<X>> {
    jacobian_by("jacrev", f, x, Way::Reverse)
}

/// All second derivatives ∂²f/∂xᵢ∂xⱼ of a function that gives one number: for a tensor, one of
/// twice its axes; for a structure, a block for each pair of its tensors. Forward over reverse.
///
/// ```
/// # use chainrule_core::*;
/// let x = Tensor::from([1.0, 2.0]);
/// let h = hessian(|x: &Tensor| x.prod().square(), &x)?; // x₀² x₁²
/// assert_eq!(h.to_vec::<f64>()?, [8.0, 8.0, 8.0, 2.0]);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// As [`value_and_grad`](crate::value_and_grad).
#[track_caller]
pub fn hessian<X: Tree, Y: Outcome<Tree = Tensor>>(
    f: impl FnOnce(&X) -> Y,
    x: &X,
) -> Result<X::Of<X>> {
    let here = Place::caller();
    let scope = Scope::enter();
    let (vars, list) = variables(x)?;
    let y = f(&vars).outcome()?.source();
    scalar("hessian", &y, here)?;
    let slopes = pull_back(&[y], vec![Expr::Lit(1.0)], &list, here)?;
    let gradient: Vec<Tensor> =
        slopes.into_iter().zip(&list).map(|(g, x)| g.unwrap_or(Expr::Lit(0.0)).like(x)).collect();
    let mut rows = blocks(&gradient, &list, Way::Forward, here)?.into_iter();
    // Rows of zeros for tensors of integers.
    let full: Vec<Vec<Tensor>> = x
        .leaves()
        .iter()
        .map(|x| if x.dtype().is_float() { rows.next().unwrap_or_default() } else { vec![] })
        .collect();
    scope.seal(&full.iter().flatten().collect::<Vec<_>>());
    arrange(x, x, full)
}

/// The Hessian of f at x times v, at the cost of a few gradients and without the Hessian: forward
/// over reverse.
///
/// ```
/// # use chainrule_core::*;
/// let (x, v) = (Tensor::from([1.0, 2.0]), Tensor::from([1.0, 0.0]));
/// let hv = hvp(|x: &Tensor| x.prod().square(), &x, &v)?;
/// assert_eq!(hv.to_vec::<f64>()?, [8.0, 8.0]);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// As [`value_and_grad`](crate::value_and_grad); if `v` has another shape than `x`.
#[track_caller]
pub fn hvp<X: Tree, Y: Outcome<Tree = Tensor>>(f: impl FnOnce(&X) -> Y, x: &X, v: &X) -> Result<X> {
    let here = Place::caller();
    let dxs = directions("hvp", "direction", x, v, here)?;
    let scope = Scope::enter();
    let (vars, list) = variables(x)?;
    let y = f(&vars).outcome()?.source();
    scalar("hvp", &y, here)?;
    let slopes = pull_back(&[y], vec![Expr::Lit(1.0)], &list, here)?;
    let gradient = structure(x, slopes)?;
    let dxs: Vec<Expr> = dxs.iter().map(Expr::of).collect();
    let hv = pushed(&gradient, &list, &dxs, here)?;
    seal!(scope, hv);
    Ok(hv)
}

/// f(x), f′(x), f″(x), … up to the n-th derivative, of a function that works element by element (or
/// takes and gives one number).
///
/// ```
/// # use chainrule_core::*;
/// let x = Tensor::from(1.0);
/// let y = derivatives(|x: &Tensor| 3.0 * x.powi(2) - 4.0 * x, &x, 3)?;
/// let numbers: Vec<f64> = y.iter().map(|y| y.item()).collect::<Result<_>>()?;
/// assert_eq!(numbers, [-1.0, 2.0, 6.0, 0.0]);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// Those of `f`; if it changes the shape.
#[track_caller]
pub fn derivatives<Y: Outcome<Tree = Tensor>>(
    f: impl FnOnce(&Tensor) -> Y,
    x: &Tensor,
    n: usize,
) -> Result<Vec<Tensor>> {
    let here = Place::caller();
    let scope = Scope::enter();
    let (var, list) = variables(x)?;
    let y = f(&var).outcome()?.source();
    smooth("derivatives", &y, here)?;
    smooth("derivatives", &var, here)?;
    if y.shape() != x.shape() {
        let what = "`derivatives` needs a function that works element by element";
        return Err(Error::new(ErrorKind::Shape, what, here)
            .operand(x.operand("argument"))
            .operand(y.operand("result"))
            .hint("for functions of several numbers use `jacobian` and `hessian`"));
    }
    let mut list_of = vec![y];
    for k in 0..n {
        let last = list_of[k].clone();
        let slope =
            push_forward(std::slice::from_ref(&last), &list, &[Expr::Lit(1.0)], here)?.remove(0);
        list_of.push(slope.unwrap_or(Expr::Lit(0.0)).like(&last));
    }
    scope.seal(&list_of.iter().collect::<Vec<_>>());
    Ok(list_of)
}

/// The n-th derivative of a function that works element by element; the last of [`derivatives`].
///
/// # Errors
/// As [`derivatives`].
#[track_caller]
pub fn derivative<Y: Outcome<Tree = Tensor>>(
    f: impl FnOnce(&Tensor) -> Y,
    x: &Tensor,
    n: usize,
) -> Result<Tensor> {
    let mut all = derivatives(f, x, n)?;
    Ok(all.swap_remove(n))
}
