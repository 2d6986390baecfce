//! From a graph to a list of kernels.
//!
//! Planning sees a *sketch* of the pending graph ([`Item`]s: operations, shapes, types, sources by
//! number — no nodes, no numbers) and turns it into a [`Plan`]. Graphs with equal sketches share a
//! plan, so a training loop plans once ([`cache`]).
//!
//! [`fuse`] decides what runs together. Every value gets a *stage*; values of one stage over one
//! number of elements form one [`Kernel`]. A value can join the kernel of its sources if it is
//! computed element by element, or reduces rows, or copies row results along rows; otherwise its
//! sources are stored and it belongs to a later stage. Edges inside a stage stay inside a kernel,
//! all others go to later stages, so kernels never wait for each other in a circle.
//!
//! [`kernel`] is the kernel's code: instructions over blocks of elements that fit the first-level
//! cache, with registers assigned by last use.

mod builder;
pub(crate) mod cache;
pub(crate) mod fuse;
pub(crate) mod kernel;
mod pairs;
mod short;
mod vectors;

use chainrule_kernels::Layout;
use chainrule_kernels::reduce::Fold;
use smallvec::SmallVec;

use crate::op::{DType, Op, Scalar, Shape};
pub(crate) use kernel::Kernel;

/// One node of a sketch.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) op: Op,
    pub(crate) dtype: DType,
    pub(crate) shape: Shape,
    pub(crate) src: SmallVec<[u32; 2]>,
    /// For numbers that exist already: their layout, from the start of the input's own.
    pub(crate) input: Option<Layout>,
    /// Whether the value is asked for.
    pub(crate) output: bool,
}

impl Item {
    pub(crate) fn len(&self) -> usize {
        self.shape.iter().product()
    }
}

/// Elements somewhere in a slot. Slots are numbered: inputs first, then what the plan computes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct View {
    pub(crate) slot: usize,
    pub(crate) layout: Layout,
}

/// One step of a plan.
#[derive(Debug)]
pub(crate) enum Step {
    /// A fused kernel.
    Kernel(Kernel),
    /// A product of matrices.
    Dot { a: View, b: View, out: usize, dtype: DType },
    /// A reduction of axes that no kernel takes: the layout has kept axes first, `count` reduced
    /// elements last.
    Fold { fold: Fold, x: View, count: usize, out: usize, dtype: DType },
    /// A matrix, for the products of kernels.
    Pack { x: View, out: usize, dtype: DType },
    /// One number everywhere.
    Fill { c: Scalar, dtype: DType, out: usize },
    /// Any other operation, by itself.
    Eval { item: usize, op: Op, src: Vec<(View, DType)>, shape: Shape, dtype: DType, out: usize },
}

/// What to do, in order, to compute some outputs from some inputs.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) inputs: usize,
    /// Bytes of each slot after the inputs.
    pub(crate) sizes: Vec<usize>,
    pub(crate) steps: Vec<Step>,
    /// Slots that no step after this one needs.
    pub(crate) free: Vec<SmallVec<[usize; 4]>>,
    /// The items that each step computes, for profiles.
    pub(crate) made: Vec<SmallVec<[u32; 4]>>,
    /// Where each item with `output` stands, in order of items.
    pub(crate) outputs: Vec<View>,
}
