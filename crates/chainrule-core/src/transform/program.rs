//! Functions recorded and planned once, called many times.

use std::fmt;

use super::trace::Trace;
use super::tree::{Outcome, Tree};
use crate::error::{Error, ErrorKind, Result};
use crate::exec::values;
use crate::graph::{Tensor, is_grad_enabled};
use crate::place::Place;

/// A function that has been recorded and planned, and is called without being recorded again.
///
/// ```
/// # use chainrule_core::*;
/// let step = Program::trace(
///     |(w, x): &(Tensor, Tensor)| {
///         let (loss, g) = value_and_grad(|w: &Tensor| (w * x - 1.0).square().sum(), w)?;
///         Ok((w - g * 0.1, loss))
///     },
///     &(Tensor::from([0.0, 0.0]), Tensor::from([1.0, 2.0])),
/// )?;
/// let (mut w, x) = (Tensor::from([0.0, 0.0]), Tensor::from([1.0, 2.0]));
/// for _ in 0..50 {
///     w = step.call(&(w, x.clone()))?.0;
/// }
/// assert!((w.i(1).item::<f64>()? - 0.5).abs() < 1e-6);
/// # Ok::<(), Error>(())
/// ```
///
/// Shapes and element types are those of the example; numbers are free. Parameters that the
/// function captured are used with the value they have when the program is called; other tensors
/// that it captured, and random numbers drawn in it, stay what they were. Where an argument or a
/// captured parameter tracks gradients, the call is recorded in the graph like any other operation;
/// otherwise its results are computed at once.
pub struct Program<X, Y> {
    trace: Trace,
    captured: Vec<Tensor>,
    example: X,
    results: Y,
}

impl<X: Tree, Y: Tree> Program<X, Y> {
    /// Records `f`, on tensors of the shapes and types of `example` that stand for any numbers.
    ///
    /// # Errors
    /// Those of `f`; if it asks for numbers.
    #[track_caller]
    pub fn trace<F: Outcome<Tree = Y>>(
        f: impl FnOnce(&X) -> F,
        example: &X,
    ) -> Result<Program<X, Y>> {
        let (trace, captured, results) = Trace::of(f, example, false)?;
        trace.prepared()?;
        let example = example.replace(&mut |x| Ok(x.unknown()))?;
        Ok(Program { trace, captured, example, results })
    }

    /// The function of `x`.
    ///
    /// # Errors
    /// If a tensor has another shape or type than in the example; if an index is out of range.
    #[track_caller]
    pub fn call(&self, x: &X) -> Result<Y> {
        let here = Place::caller();
        let mut inputs = x.leaves();
        self.check(&inputs, here)?;
        inputs.extend(self.captured.iter().map(Tensor::newest));
        let recorded = inputs.iter().any(|x| x.tracks_grad() && is_grad_enabled());
        let numbers = if recorded { None } else { known(values(&inputs))? };
        let outputs = match numbers {
            None => self.trace.apply(&inputs)?,
            Some(numbers) => {
                let found = self.trace.prepared()?.run(&numbers).map_err(|f| f.at(here))?;
                let like = found.into_iter().zip(&self.trace.outputs);
                like.map(|(value, like)| Tensor::of_value(value, like)).collect()
            }
        };
        let mut outputs = outputs.into_iter();
        self.results.replace(&mut |leaf| Ok(outputs.next().unwrap_or_else(|| leaf.clone())))
    }

    fn check(&self, given: &[Tensor], here: Place) -> Result<()> {
        let wanted = self.example.leaves();
        if given.len() != wanted.len() {
            let what = format!("a program of {} tensors got {}", wanted.len(), given.len());
            return Err(Error::new(ErrorKind::Shape, what, here)
                .hint("give the structure of the example that it was traced with"));
        }
        for (x, like) in given.iter().zip(&wanted) {
            if x.shape() != like.shape() || x.dtype() != like.dtype() {
                let what = format!(
                    "a program traced for {} {:?} got {} {:?}",
                    like.dtype(),
                    like.shape(),
                    x.dtype(),
                    x.shape()
                );
                return Err(Error::new(ErrorKind::Shape, what, here)
                    .operand(x.operand("argument"))
                    .hint("trace another program for other shapes and element types"));
            }
        }
        Ok(())
    }
}

/// Values, or none where they are not known yet.
fn known<T>(values: Result<T>) -> Result<Option<T>> {
    match values {
        Err(e) if e.kind() == ErrorKind::Unknown => Ok(None),
        other => other.map(Some),
    }
}

impl<X: Tree, Y: Tree> fmt::Debug for Program<X, Y> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shapes = |list: Vec<Tensor>| {
            list.iter().map(|x| format!("{} {:?}", x.dtype(), x.shape())).collect::<Vec<_>>()
        };
        f.debug_struct("Program")
            .field("arguments", &shapes(self.example.leaves()))
            .field("results", &shapes(self.trace.outputs.clone()))
            .finish_non_exhaustive()
    }
}
