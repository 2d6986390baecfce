//! Hooks on gradients, and gradients kept where usually none are.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Weak};

use crate::error::{Error, ErrorKind, Result};
use crate::graph::Tensor;
use crate::graph::extra::{Extra, Hook};
use crate::place::Place;

static NEXT: AtomicU64 = AtomicU64::new(0);

/// A hook that was added, to remove it again. Dropping the handle leaves the hook.
#[derive(Debug)]
pub struct HookHandle {
    number: u64,
    at: Weak<Extra>,
}

impl HookHandle {
    /// Removes the hook; whether it was still there.
    pub fn remove(self) -> bool {
        self.at.upgrade().is_some_and(|extra| extra.remove(self.number))
    }
}

impl Tensor {
    /// Calls `hook` with the gradient by this tensor whenever one is computed on the way through
    /// it, by [`backward`](Tensor::backward) or [`grad`](crate::grad()). What the hook returns
    /// takes the gradient's place; `None` leaves it.
    ///
    /// A tensor's hooks run in the order in which they were added, once all uses of the tensor have
    /// given their part, before the gradient goes on to what the tensor was made from; hooks of a
    /// parameter run before its gradient is added to [`grad`](Tensor::grad).
    ///
    /// ```
    /// # use chainrule_core::*;
    /// let x = Tensor::from([3.0, 4.0]).requires_grad();
    /// let clip = x.on_grad(|g| Some(g.clamp(-1.0, 1.0)))?;
    /// x.square().sum().backward()?;
    /// assert_eq!(x.grad().unwrap().to_vec::<f64>()?, [1.0, 1.0]);
    /// assert!(clip.remove());
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// If the tensor tracks no gradients.
    #[track_caller]
    pub fn on_grad(
        &self,
        hook: impl Fn(&Tensor) -> Option<Tensor> + Send + Sync + 'static,
    ) -> Result<HookHandle> {
        self.check_hookable("on_grad", Place::caller())?;
        let number = NEXT.fetch_add(1, Relaxed);
        let hook: Hook = Arc::new(hook);
        let extra = self.extra().get_or_init(Default::default);
        extra.add(number, hook);
        Ok(HookHandle { number, at: Arc::downgrade(extra) })
    }

    /// Keeps the gradient by this tensor, which is no parameter, when
    /// [`backward`](Tensor::backward) passes through it: [`grad`](Tensor::grad) then gives it.
    ///
    /// ```
    /// # use chainrule_core::*;
    /// let x = Tensor::from(2.0).requires_grad();
    /// let y = x.square();
    /// y.retain_grad()?;
    /// (&y * 3.0).backward()?;
    /// assert_eq!(y.grad().unwrap().item::<f64>()?, 3.0);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// If the tensor tracks no gradients.
    #[track_caller]
    pub fn retain_grad(&self) -> Result<()> {
        self.check_hookable("retain_grad", Place::caller())?;
        if self.cell().is_none() {
            self.extra().get_or_init(Default::default).retained().get_or_insert(None);
        }
        Ok(())
    }

    /// The gradient, or why there is none: the tensor tracks no gradients, is no parameter, or
    /// `backward` has not reached it.
    ///
    /// # Errors
    /// If there is no gradient.
    #[track_caller]
    pub fn try_grad(&self) -> Result<Tensor> {
        let here = Place::caller();
        if let Some(g) = self.grad() {
            return Ok(g);
        }
        self.check_hookable("grad", here)?;
        let kept = self.extra().get().is_some_and(|extra| extra.retained().is_some());
        let what = "the tensor has no gradient";
        let hint = match self.cell().is_some() || kept {
            true => {
                "call `backward` on a result that depends on it first; `lost_gradients` tells \
                 what cut the way from there"
            }
            false => {
                "only parameters keep gradients: call `.retain_grad()` on it before `backward`, \
                 or ask with `grad(&y, &[&x])`"
            }
        };
        Err(Error::new(ErrorKind::NoGraph, what, here).operand(self.operand("tensor")).hint(hint))
    }

    fn check_hookable(&self, op: &str, here: Place) -> Result<()> {
        self.source().check_tracked(op, here)
    }
}
