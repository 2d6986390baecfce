//! What can be computed: a closed set of operations, each in one place.
//!
//! [`Op`] is the whole set. Evaluation, differentiation, printing and drawing are functions over it
//! that live elsewhere; what they need to know about an operation stands here once: a scalar
//! function's derivative (`scalar`), a linear operation's adjoint (`linear`). This layer knows
//! only the arithmetic trait [`Real`], neither graph nor tensor.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

mod activation;
mod dtype;
mod elementary;
pub(crate) mod lanes;
mod linear;
pub(crate) mod pairs;
mod real;
mod rounding;
mod scalar;
mod two;

pub use dtype::{DType, Element, Scalar};
pub use linear::{Axes, Linear, MAX_RANK, Order, Shape, Sliding, Window};
pub use real::Real;
pub(crate) use scalar::unary_list;
pub use scalar::*;

/// How a reduction combines elements.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Extremum {
    /// The largest; NaN if any element is. On truth values: any.
    Max,
    /// The smallest; NaN if any element is. On truth values: all.
    Min,
}

/// An operation of the graph.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Given numbers.
    Leaf,
    /// A parameter: a cell that holds a tensor, and gathers gradients.
    Parameter,
    /// The value that a parameter had when it was used; where differentiation ends.
    Version,
    /// The source as it is, but cut from the graph for differentiation.
    Detach,
    /// One number everywhere.
    Const(Scalar),
    /// The index along an axis (I64).
    Iota(u8),
    /// A scalar function of one tensor.
    Map(Unary),
    /// A scalar function of two tensors of one shape and type.
    Zip(Binary),
    /// A comparison, to truth values.
    Compare(Cmp),
    /// An operation on truth values, or on the bits of integers of any width.
    Logic(Logic),
    /// The second source where the first is true, else the third.
    Where,
    /// A linear operation.
    Linear(Linear),
    /// Matrix product over the last two axes: […, m, k] · […, k, n], leading axes equal.
    Dot,
    /// The largest or smallest element along axes, which disappear.
    Reduce(Extremum, Axes),
    /// The index (I64) of the first largest or smallest element along an axis, which disappears.
    ArgReduce(Extremum, u8),
    /// The indices (I64) that sort along an axis; `true`: descending. Stable; NaN counts as
    /// largest.
    ArgSort(u8, bool),
    /// The sources one after the other along an axis.
    Cat(u8),
    /// The variable of a transformation: its source, or, without one, a number not known yet.
    Variable,
    /// The first source; the derivative by the others is given by a rule.
    Custom(Opaque),
    /// Several tensors at once, packed into bytes, computed by a primitive.
    Call(Opaque),
    /// One of the tensors packed by a `Call`: its number, and the byte at which it starts.
    Part(u32, usize),
    /// The first source, but not before the second has been computed.
    After,
}

/// What an operation of the graph refers to without its layer knowing what it is: a primitive or a
/// derivative rule. Equal only to itself.
#[derive(Clone)]
pub struct Opaque(Arc<(Box<str>, Arc<dyn Any + Send + Sync>)>);

impl Opaque {
    /// Wraps something under a name.
    pub fn new(name: &str, what: Arc<dyn Any + Send + Sync>) -> Opaque {
        Opaque(Arc::new((name.into(), what)))
    }

    /// What was wrapped, if it is a `T`.
    pub fn get<T: Any>(&self) -> Option<&T> {
        self.0.1.downcast_ref()
    }
}

impl PartialEq for Opaque {
    fn eq(&self, other: &Opaque) -> bool {
        Arc::ptr_eq(&self.0.1, &other.0.1)
    }
}

impl fmt::Debug for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.0)
    }
}

impl Op {
    /// The name of the method that records this operation.
    pub fn name(&self) -> &str {
        match self {
            Op::Leaf => "leaf",
            Op::Parameter | Op::Version => "parameter",
            Op::Detach => "detach",
            Op::Const(_) => "full",
            Op::Iota(_) => "arange",
            Op::Map(op) => op.name(),
            Op::Zip(op) => op.name(),
            Op::Compare(op) => op.name(),
            Op::Logic(op) => op.name(),
            Op::Where => "where",
            Op::Linear(op) => op.name(),
            Op::Dot => "matmul",
            Op::Reduce(Extremum::Max, _) => "max",
            Op::Reduce(Extremum::Min, _) => "min",
            Op::ArgReduce(Extremum::Max, _) => "argmax",
            Op::ArgReduce(Extremum::Min, _) => "argmin",
            Op::ArgSort(..) => "argsort",
            Op::Cat(_) => "cat",
            Op::Variable => "variable",
            Op::Custom(rule) => &rule.0.0,
            Op::Call(call) => &call.0.0,
            Op::Part(..) => "part",
            Op::After => "after",
        }
    }

    /// Whether elements are only moved, chosen or cast, so that they may be of any type.
    pub(crate) fn moves(&self) -> bool {
        match self {
            Op::Map(_)
            | Op::Zip(_)
            | Op::Compare(_)
            | Op::Dot
            | Op::Reduce(..)
            | Op::ArgReduce(..)
            | Op::ArgSort(..) => false,
            Op::Linear(linear) => {
                linear.is_view()
                    || matches!(linear, Linear::Cast | Linear::Pad(_) | Linear::Gather(_))
            }
            _ => true,
        }
    }

    /// Whether the value is dear to compute, so that it is kept rather than computed again.
    pub fn is_dear(&self) -> bool {
        matches!(
            self,
            Op::Dot
                | Op::Reduce(..)
                | Op::ArgReduce(..)
                | Op::ArgSort(..)
                | Op::Call(_)
                | Op::Linear(
                    Linear::Sum(_)
                        | Linear::Gather(_)
                        | Linear::ScatterAdd(_)
                        | Linear::Fold(_)
                        | Linear::Cumsum(..)
                )
        )
    }
}
