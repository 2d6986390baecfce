//! Sums over ranks inside a model, as batch normalisation needs them.
//!
//! While a step is recorded over several ranks, the thread knows of them ([`within`]), and a layer
//! may ask for a sum over all rows of the step, wherever they are ([`total`]). The sum is made at
//! once. It is linear, and a change of x on one rank changes it on all, so that the cotangent of x
//! is again a sum over ranks:
//!
//! ```text
//! s = Σᵣ xᵣ          gxᵣ = Σᵣ gsᵣ          for the loss Σᵣ Lᵣ
//! ```
//!
//! All ranks record the same model and so come to their sums in the same order.

use std::cell::RefCell;
use std::panic::Location;
use std::rc::Rc;

use chainrule_core::{DType, ErrorKind, Function, Tensor};

use super::{Communicator, Summands};
use crate::error::{Error, Result, fail};

#[derive(Clone)]
struct Step {
    ranks: Rc<dyn Communicator>,
    /// Whether the rows of this rank belong to the step.
    counts: bool,
}

thread_local! {
    static STEP: RefCell<Option<Step>> = const { RefCell::new(None) };
}

/// Puts back what was there before.
struct Outer(Option<Step>);

impl Drop for Outer {
    fn drop(&mut self) {
        STEP.replace(self.0.take());
    }
}

/// Runs `f` as the part of a step over `ranks`. Rows that do not count are there only so that this
/// rank calls what the others call.
pub(crate) fn within<T>(ranks: &dyn Communicator, counts: bool, f: impl FnOnce() -> T) -> T {
    let _outer = Outer(STEP.replace(Some(Step { ranks: ranks.handle(), counts })));
    f()
}

/// Whether the rows of this thread are those of all ranks' step: `None` outside of a step over
/// ranks, else whether they count.
pub(crate) fn counts() -> Option<bool> {
    STEP.with_borrow(|step| step.as_ref().map(|step| step.counts))
}

/// The sum of `n` over the ranks of this step, for rows that count; `n` itself outside of one.
pub(crate) fn count(n: usize) -> Result<usize> {
    let Some(step) = STEP.with_borrow(Clone::clone) else { return Ok(n) };
    let own = if step.counts { n as f64 } else { 0.0 };
    match step.ranks.sum(Summands::F64(vec![own]))? {
        Summands::F64(sum) if sum.len() == 1 => Ok(sum[0] as usize),
        _ => fail!("the ranks do not add up the same"),
    }
}

/// The sum of `x` over the ranks of this step, with its derivative; `x` itself outside of one.
pub(crate) fn total(x: &Tensor) -> Result<Tensor> {
    let Some(counts) = counts() else { return Ok(x.clone()) };
    let x = if counts { x.clone() } else { x * 0.0 };
    let sum = Function::with_vjp(
        "sum over ranks",
        |xs: &[Tensor]| sum(&xs[0]),
        |_: &[Tensor], _: &Tensor, gy: &Tensor| sum(gy),
    );
    Ok(sum.call(&[&x])?)
}

fn sum(x: &Tensor) -> chainrule_core::Result<Tensor> {
    let Some(step) = STEP.with_borrow(Clone::clone) else { return Ok(x.clone()) };
    let numbers = match x.dtype() {
        DType::F64 => Summands::F64(x.to_vec()?),
        _ => Summands::F32(x.to_vec()?),
    };
    let stopped = |why: Error| {
        chainrule_core::Error::new(ErrorKind::Stopped, why.to_string(), Location::caller())
    };
    match step.ranks.sum(numbers).map_err(stopped)? {
        Summands::F32(sum) => Tensor::from_vec(sum, x.shape()),
        Summands::F64(sum) => Tensor::from_vec(sum, x.shape()),
    }
}
