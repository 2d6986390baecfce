//! Sums over the whole batch inside a model, as batch normalisation needs them, where the batch is
//! cut into parts.
//!
//! While a part is recorded, the thread knows of it, and a layer may ask for a sum over all parts
//! of the batch, wherever they are ([`total`]). The sum is linear, and a change of x in one part
//! changes it for all, so that the cotangent of x is again a sum over parts:
//!
//! ```text
//! s = Σᵢ xᵢ          gxᵢ = Σᵢ gsᵢ          for the loss Σᵢ Lᵢ
//! ```
//!
//! Where each rank has one part ([`on_ranks`]), all record the same model and so come to their sums
//! in the same order: a sum over ranks is made at once, in the forward pass and in the backward
//! pass.
//!
//! Where one rank has several pieces, the first must wait for the last. So a pass is broken off at
//! the first sum that is not known ([`Sums::asked`]); when all pieces have said what they have of
//! it, it is known, and they begin again ([`on_piece`]).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::Location;
use std::rc::Rc;

use chainrule_core::{DType, ErrorKind, Function, Tensor};

use super::{Communicator, Summands};
use crate::error::{Error, Result, fail};

#[derive(Clone)]
enum Part {
    Rank {
        ranks: Rc<dyn Communicator>,
        /// Whether the rows of this rank belong to the batch.
        counts: bool,
    },
    Piece(Rc<RefCell<Sums>>),
}

/// The sums over pieces that a model asks for.
#[derive(Default)]
pub(crate) struct Sums {
    /// Those of the forward pass that are known, with the numbers that went into them, in order.
    values: Vec<(Tensor, usize)>,
    /// Those of the backward pass, by the number of their sum in the forward pass.
    cotangents: BTreeMap<usize, Tensor>,
    /// The number of the next sum in the forward pass.
    next: usize,
    asked: Option<Asked>,
}

/// A sum that is not known yet.
#[derive(Clone)]
pub(crate) struct Asked {
    /// What this piece has of it.
    pub(crate) own: Tensor,
    /// How many numbers that is the sum of; 0 in the backward pass.
    pub(crate) count: usize,
    /// Which sum's cotangent it is, in the backward pass.
    of: Option<usize>,
}

impl Sums {
    /// The sum at which the last pass was broken off, if it was.
    pub(crate) fn asked(&self) -> Option<&Asked> {
        self.asked.as_ref()
    }

    /// Takes in the sum that was asked for, over `count` numbers in all.
    pub(crate) fn answer(&mut self, sum: Tensor, count: usize) {
        match self.asked.take().and_then(|asked| asked.of) {
            Some(number) => drop(self.cotangents.insert(number, sum)),
            None => self.values.push((sum, count)),
        }
    }
}

thread_local! {
    static PART: RefCell<Option<Part>> = const { RefCell::new(None) };
}

/// Puts back what was there before.
struct Outer(Option<Part>);

impl Drop for Outer {
    fn drop(&mut self) {
        PART.replace(self.0.take());
    }
}

/// Runs `f` as the part of a batch that this one of `ranks` has. Rows that do not count are there
/// only so that this rank calls what the others call.
pub(crate) fn on_ranks<T>(ranks: &dyn Communicator, counts: bool, f: impl FnOnce() -> T) -> T {
    let _outer = Outer(PART.replace(Some(Part::Rank { ranks: ranks.handle(), counts })));
    f()
}

/// Runs the forward or the backward pass of a piece. If it fails and [`Sums::asked`] is some, it
/// was broken off.
pub(crate) fn on_piece<T>(sums: &Rc<RefCell<Sums>>, f: impl FnOnce() -> T) -> T {
    let _outer = Outer(PART.replace(Some(Part::Piece(sums.clone()))));
    let mut own = sums.borrow_mut();
    (own.next, own.asked) = (0, None);
    drop(own);
    f()
}

/// Whether the rows of this thread are a part of a batch.
pub(crate) fn is_cut() -> bool {
    PART.with_borrow(Option::is_some)
}

/// The sum over the whole batch of `x`, itself a sum of `count` numbers, with its derivative, and
/// how many numbers that is the sum of; `x` and `count` where a batch is not cut.
pub(crate) fn total(x: &Tensor, count: usize) -> Result<(Tensor, usize)> {
    let Some(part) = PART.with_borrow(Clone::clone) else { return Ok((x.clone(), count)) };
    match part {
        Part::Rank { ranks, counts } => {
            let own = if counts { count as f64 } else { 0.0 };
            let all = match ranks.sum(Summands::F64(vec![own]))? {
                Summands::F64(all) if all.len() == 1 => all[0] as usize,
                _ => fail!("the ranks do not add up the same"),
            };
            let x = if counts { x.clone() } else { x * 0.0 };
            let sum = Function::with_vjp(
                "sum over ranks",
                |xs: &[Tensor]| sum(&xs[0]),
                |_: &[Tensor], _: &Tensor, gy: &Tensor| sum(gy),
            );
            Ok((sum.call(&[&x])?, all))
        }
        Part::Piece(sums) => {
            let mut sums = sums.borrow_mut();
            let number = sums.next;
            sums.next += 1;
            let Some((sum, all)) = sums.values.get(number).cloned() else {
                sums.asked = Some(Asked { own: x.detach(), count, of: None });
                fail!("a sum over the whole batch is not known yet")
            };
            drop(sums);
            let sum = Function::with_vjp(
                "sum over pieces",
                move |_: &[Tensor]| sum.clone(),
                move |_: &[Tensor], _: &Tensor, gy: &Tensor| cotangent(number, gy),
            );
            Ok((sum.call(&[x])?, all))
        }
    }
}

/// The sum of `x` over the ranks of this thread's part.
fn sum(x: &Tensor) -> chainrule_core::Result<Tensor> {
    let Some(Part::Rank { ranks, .. }) = PART.with_borrow(Clone::clone) else {
        return Ok(x.clone());
    };
    let numbers = match x.dtype() {
        DType::F64 => Summands::F64(x.to_vec()?),
        _ => Summands::F32(x.to_vec()?),
    };
    match ranks.sum(numbers).map_err(|why| stopped(&why))? {
        Summands::F32(sum) => Tensor::from_vec(sum, x.shape()),
        Summands::F64(sum) => Tensor::from_vec(sum, x.shape()),
    }
}

/// The sum over pieces of the cotangent of the sum `number`.
fn cotangent(number: usize, gy: &Tensor) -> chainrule_core::Result<Tensor> {
    let Some(Part::Piece(sums)) = PART.with_borrow(Clone::clone) else { return Ok(gy.clone()) };
    let mut sums = sums.borrow_mut();
    if let Some(sum) = sums.cotangents.get(&number) {
        return Ok(sum.clone());
    }
    sums.asked = Some(Asked { own: gy.detach(), count: 0, of: Some(number) });
    Err(stopped(&Error::new("a sum over the whole batch is not known yet")))
}

fn stopped(why: &Error) -> chainrule_core::Error {
    chainrule_core::Error::new(ErrorKind::Stopped, why.to_string(), Location::caller())
}
