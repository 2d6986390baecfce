//! Branches and loops that end by a condition.
//!
//! Rust's own `if` and `while` work on tensors whose numbers are known: they decide what is
//! recorded. The functions here are for where numbers are not known ([`cond`] in
//! [`vmap`](crate::vmap)), and for long loops, whose body should be recorded and planned once.

use std::sync::Arc;

use super::again::again;
use super::scan::{Scan, check_state};
use super::trace::Trace;
use super::tree::{Outcome, Tree};
use crate::error::{Error, ErrorKind, Result};
use crate::exec::values;
use crate::graph::Tensor;
use crate::op::DType;
use crate::place::Place;

/// `then(x)` if `test` is true, else `otherwise(x)`.
///
/// Where the test's number is known, only the branch taken is recorded. Where it is not, as in
/// [`vmap`](crate::vmap), both are, and each element takes its own; derivatives flow into the
/// branch taken only.
///
/// ```
/// # use chainrule_core::*;
/// let f = |x: &Tensor| cond(&x.gt(0.0), |x: &Tensor| x.sqrt(), |x: &Tensor| -x, x);
/// assert_eq!(f(&Tensor::from(4.0))?.item::<f64>()?, 2.0);
/// let x = Tensor::from([4.0, -3.0]);
/// assert_eq!(vmap(f, &x)?.to_vec::<f64>()?, [2.0, 3.0]);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// Those of the branches; if the test has several elements; if branches that are both recorded give
/// different structures.
#[track_caller]
pub fn cond<X: Tree, Y: Outcome, Z: Outcome<Tree = Y::Tree>>(
    test: &Tensor,
    then: impl FnOnce(&X) -> Y,
    otherwise: impl FnOnce(&X) -> Z,
    x: &X,
) -> Result<Y::Tree> {
    let here = Place::caller();
    if test.len() != 1 {
        let what = format!("`cond` on a test with {} elements", test.len());
        return Err(Error::new(ErrorKind::NonScalar, what, here)
            .operand(test.operand("test"))
            .hint("reduce it with `.min()` (all) or `.max()` (any), or choose with `where_`"));
    }
    match test.item::<bool>() {
        Ok(true) => then(x).outcome(),
        Ok(false) => otherwise(x).outcome(),
        Err(e) if e.kind() == ErrorKind::Unknown => {
            let (a, b) = (then(x).outcome()?, otherwise(x).outcome()?);
            let test = test.try_reshape(())?;
            let mut other = b.leaves().into_iter();
            a.replace(&mut |a| match other.next() {
                Some(b) if a.shape() == b.shape() => test.try_where(a, &b),
                _ => Err(Error::new(ErrorKind::Shape, "the branches of `cond` differ", here)
                    .operand(a.operand("then"))
                    .hint("both must give tensors of the same shapes")),
            })
        }
        Err(e) => Err(e),
    }
}

/// The body applied to the state as long as the test holds.
///
/// Test and body are recorded and planned once, and run here and now. Derivatives flow through as
/// many steps as were made: reverse mode computes the states again and goes back through them.
///
/// ```
/// # use chainrule_core::*;
/// // Newton's iteration for the root of a, until it has converged.
/// let a = Tensor::from(2.0).requires_grad();
/// let x = while_loop(
///     |x: &Tensor| (x.square() - &a).abs().gt(1e-14),
///     |x: &Tensor| 0.5 * (x + &a / x),
///     &Tensor::from(1.0),
/// )?;
/// x.backward()?;
/// assert!((a.grad().unwrap().item::<f64>()? - 0.5 / 2f64.sqrt()).abs() < 1e-12);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// Those of the closures; if the test is not one number; if the state changes its shape or element
/// type; inside [`vmap`](crate::vmap), where elements would make different numbers of steps.
#[track_caller]
pub fn while_loop<C: Tree, T: Outcome<Tree = Tensor>, S: Outcome<Tree = C>>(
    test: impl FnOnce(&C) -> T,
    body: impl FnOnce(&C) -> S,
    init: &C,
) -> Result<C> {
    let here = Place::caller();
    let (test, seen, verdict) = Trace::of(test, init, false)?;
    if verdict.len() != 1 {
        let what = format!("`while_loop` on a test with {} elements", verdict.len());
        return Err(Error::new(ErrorKind::NonScalar, what, here)
            .operand(verdict.operand("test"))
            .hint("reduce it with `.min()` (all) or `.max()` (any)"));
    }
    let test = Trace::new(test.inputs, vec![test.outputs[0].to_dtype(DType::Bool)]);
    let (body, captured, state) = Trace::of(body, init, false)?;
    let start: Vec<Tensor> = init.leaves().iter().map(Tensor::source).collect();
    check_state(&start, &body.outputs, here)?;
    let sources = [&start[..], &captured].concat();
    let (end, steps) = run([&test, &body], [&seen, &captured], &start, here)?;
    let (n, body) = (start.len(), Arc::new(body));
    let recipe = move |xs: &[Tensor]| {
        let (body, backwards, history) = (body.clone(), false, false);
        let all = Scan { body, carries: n, slices: 0, steps, backwards, history };
        let mut state = all.record(xs)?;
        state.truncate(n);
        Ok(state)
    };
    let mut found = again("while_loop", &end, &sources, here, Box::new(recipe))?.into_iter();
    state.replace(&mut |leaf| Ok(found.next().unwrap_or_else(|| leaf.clone())))
}

/// Runs a loop on numbers: the last state, and how many steps were made.
fn run(
    [test, body]: [&Trace; 2],
    captured: [&[Tensor]; 2],
    start: &[Tensor],
    here: Place,
) -> Result<(Vec<Tensor>, usize)> {
    let mut state = values(start)?;
    let [seen, captured] = [values(captured[0])?, values(captured[1])?];
    let mut steps = 0;
    loop {
        let verdict =
            test.prepared()?.run(&[&state[..], &seen].concat()).map_err(|f| f.at(here))?;
        if verdict[0].buffer.bytes()[0] == 0 {
            break;
        }
        state = body.prepared()?.run(&[&state[..], &captured].concat()).map_err(|f| f.at(here))?;
        steps += 1;
    }
    let end = state.into_iter().zip(start).map(|(value, like)| Tensor::of_value(value, like));
    Ok((end.collect(), steps))
}
