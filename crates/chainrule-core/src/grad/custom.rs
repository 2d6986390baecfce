//! Custom derivatives: transposing a linear map, and the rule of a batch.
//!
//! A rule that knows one mode has the other as its transpose: the one it knows is recorded on
//! unknown slopes, in which it must be linear, and differentiated by them.

use super::replay::{batch, depends};
use super::{Expr, pull_back};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Tensor;
use crate::graph::call::{Custom, Point, Rule, Slopes};
use crate::graph::mode;
use crate::op::Opaque;
use crate::place::Place;

/// Lᵀ `slopes` for a linear map L of tensors like `like`, one result for each of these.
pub(crate) fn transpose(
    name: &str,
    here: Place,
    like: &[Tensor],
    map: impl FnOnce(&[Tensor]) -> Result<Vec<Option<Tensor>>>,
    slopes: &[Option<Tensor>],
) -> Result<Slopes> {
    let unknown: Vec<Tensor> = like.iter().map(Tensor::unknown).collect();
    // The map is recorded also where gradients are switched off, as `backward` does.
    let outer = mode::no_grad_scope();
    let results = {
        let _on = mode::set_no_grad(None);
        map(&unknown)?
    };
    let (mut ys, mut seeds) = (vec![], vec![]);
    for (y, slope) in results.into_iter().zip(slopes) {
        if let (Some(y), Some(slope)) = (y, slope) {
            ys.push(y.source());
            seeds.push(Expr::of(slope));
        }
    }
    let slopes = pull_back(&ys, seeds, &unknown, here)?;
    let plain = |g: Tensor| if outer.is_some() { g.cut_off() } else { g };
    let new: Slopes = slopes.into_iter().zip(like).map(|(g, x)| Some(plain(g?.like(x)))).collect();
    let given: Vec<Tensor> = new.iter().flatten().cloned().collect();
    if depends(&given, &unknown) {
        let what = format!("the derivative given for `{name}` is not linear in its slopes");
        return Err(Error::new(ErrorKind::NoDerivative, what, here).hint(
            "each slope may be multiplied by numbers that depend on the inputs, and summed; not \
             squared, divided by, or compared",
        ));
    }
    Ok(new)
}

/// A custom function for a batch: its rule is the rule of one element, recorded for all.
pub(super) struct Batched {
    pub(super) inner: Opaque,
    /// One element's inputs and value, for their shapes.
    pub(super) xs: Vec<Tensor>,
    pub(super) y: Tensor,
    pub(super) size: usize,
}

impl Batched {
    fn rule(&self) -> &dyn Rule {
        let inner = self.inner.get::<Custom>();
        inner.map_or_else(|| unreachable!("a custom rule"), |c| &*c.0)
    }

    /// A rule of one element applied to the batch.
    fn run(
        &self,
        at: &Point<'_>,
        given: &[Option<Tensor>],
        rule: impl FnOnce(&dyn Rule, &Point<'_>, &[Option<Tensor>]) -> Result<Slopes>,
    ) -> Result<Slopes> {
        let element = |x: &Tensor| x.unknown();
        let xs: Vec<Tensor> = self.xs.iter().map(element).collect();
        let ys = [element(&self.y)];
        let slopes: Vec<Option<Tensor>> =
            given.iter().map(|g| g.as_ref().map(Tensor::unknown_element)).collect();
        let results = rule(self.rule(), &Point { xs: &xs, ys: &ys }, &slopes)?;
        let from = [&xs[..], &ys, &slopes.into_iter().flatten().collect::<Vec<_>>()].concat();
        let to = [at.xs, at.ys, &given.iter().flatten().cloned().collect::<Vec<_>>()].concat();
        let roots: Vec<Tensor> = results.iter().flatten().map(Tensor::source).collect();
        let mut new = batch(&roots, &from, &to, self.size)?.into_iter();
        Ok(results.into_iter().map(|r| r.and_then(|_| new.next())).collect())
    }
}

impl Rule for Batched {
    fn name(&self) -> &str {
        self.rule().name()
    }
    fn vjp(&self, at: &Point<'_>, gys: &[Option<Tensor>]) -> Result<Slopes> {
        self.run(at, gys, Rule::vjp)
    }
    fn jvp(&self, at: &Point<'_>, dxs: &[Option<Tensor>]) -> Result<Slopes> {
        self.run(at, dxs, Rule::jvp)
    }
}
