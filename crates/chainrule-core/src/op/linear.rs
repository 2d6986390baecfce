//! The linear operations: one family, closed under adjoint.
//!
//! For each `L` here the adjoint `Lᵀ`, defined by ⟨u, Lx⟩ = ⟨Lᵀu, x⟩, is again in the family, and
//! Lᵀᵀ = L. Copying is adjoint to adding, taking to placing, and what only moves elements is
//! adjoint to moving them back. Reverse mode for all of them is therefore one line: apply the
//! adjoint.
//!
//! | L | Lᵀ |
//! |---|---|
//! | `Reshape` | `Reshape` |
//! | `Permute(p)` | `Permute(p⁻¹)` |
//! | `Flip(axes)` | `Flip(axes)` |
//! | `Expand(axes)`: copy along new axes | `Sum(axes)` |
//! | `Slice(windows)`: take a box | `Pad(windows)`: place it among zeros |
//! | `Gather(axis)`: take by index | `ScatterAdd(axis)`: add at index |
//! | `Unfold(sliding)`: windows along an axis | `Fold(sliding)`: add windows where they overlap |
//! | `Cumsum(axis, direction)` | `Cumsum(axis, other direction)` |
//! | `Cast` | `Cast` |
//!
//! Shapes are not part of an operation: both are known where it stands, as the shape of x and of y.

use smallvec::SmallVec;

/// The lengths of a tensor's axes.
pub type Shape = SmallVec<[usize; 4]>;

/// The largest rank of a tensor.
pub const MAX_RANK: usize = 16;

/// A set of axes: bit i stands for axis i.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Axes(pub u32);

impl Axes {
    /// The axes `from .. to`.
    pub fn range(from: usize, to: usize) -> Axes {
        Axes((1u32 << to) - (1u32 << from))
    }

    /// Whether `axis` is in the set.
    pub fn contains(self, axis: usize) -> bool {
        self.0 >> axis & 1 == 1
    }

    /// How many axes.
    pub fn count(self) -> usize {
        self.0.count_ones() as usize
    }

    /// The axes of `shape` that are not in the set.
    pub fn remove_from(self, shape: &[usize]) -> Shape {
        shape.iter().enumerate().filter(|&(i, _)| !self.contains(i)).map(|(_, &n)| n).collect()
    }

    /// Whether these are the last axes of a tensor of rank `rank`.
    pub fn is_suffix(self, rank: usize) -> bool {
        self == Axes::range(rank - self.count(), rank)
    }

    /// Whether these are the first axes.
    pub fn is_prefix(self) -> bool {
        self == Axes::range(0, self.count())
    }

    /// The product of the lengths of these axes in `shape`.
    pub fn product(self, shape: &[usize]) -> usize {
        shape.iter().enumerate().filter(|&(i, _)| self.contains(i)).map(|(_, &n)| n).product()
    }
}

/// An order of axes: axis i of y is axis `self.0[i]` of x.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Order(pub [u8; MAX_RANK]);

impl Order {
    /// From a list of axes.
    pub fn new(axes: impl IntoIterator<Item = usize>) -> Order {
        let mut order = [0; MAX_RANK];
        for (slot, axis) in order.iter_mut().zip(axes) {
            *slot = axis as u8;
        }
        Order(order)
    }

    /// Axis of x that becomes axis `i` of y.
    pub fn of(&self, i: usize) -> usize {
        usize::from(self.0[i])
    }

    /// The order that undoes this one on a tensor of rank `rank`.
    pub fn inverse(&self, rank: usize) -> Order {
        let mut inverse = [0; MAX_RANK];
        for i in 0..rank {
            inverse[self.of(i)] = i as u8;
        }
        Order(inverse)
    }
}

/// The elements `start, start + step, …` of an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// The first.
    pub start: usize,
    /// The distance, at least 1.
    pub step: usize,
}

/// Windows that slide along an axis: window j has the elements `j · step + i · dilation` for i
/// below `size`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sliding {
    /// The axis.
    pub axis: u8,
    /// The number of elements of a window, at least 1.
    pub size: usize,
    /// The distance of windows, at least 1.
    pub step: usize,
    /// The distance of elements in a window, at least 1.
    pub dilation: usize,
}

impl Sliding {
    /// How many windows an axis of length `n` has; `None` if it is shorter than one.
    pub fn count(&self, n: usize) -> Option<usize> {
        let reach = (self.size - 1).checked_mul(self.dilation)?;
        Some(n.checked_sub(reach.checked_add(1)?)? / self.step + 1)
    }
}

/// A linear operation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Linear {
    /// The same elements in row-major order, in another shape.
    Reshape,
    /// Axes in another order.
    Permute(Order),
    /// Some axes backwards.
    Flip(Axes),
    /// Copies along new axes (numbered in y).
    Expand(Axes),
    /// Sums over axes (numbered in x), which disappear.
    Sum(Axes),
    /// One window per axis of x.
    Slice(Box<[Window]>),
    /// x at one window per axis of y, zeros elsewhere.
    Pad(Box<[Window]>),
    /// y at (…, j, …) is x at (…, index(…, j, …), …); the index is the second source.
    Gather(u8),
    /// x at (…, j, …) is added to y at (…, index(…, j, …), …).
    ScatterAdd(u8),
    /// Windows along an axis of x: y at (…, j, …, i) is x at (…, j · step + i · dilation, …). The
    /// elements of a window are y's new last axis.
    Unfold(Box<Sliding>),
    /// x at (…, j, …, i) is added to y at (…, j · step + i · dilation, …).
    Fold(Box<Sliding>),
    /// Running sums along an axis, from the start or (`true`) from the end.
    Cumsum(u8, bool),
    /// To another element type; the identity as far as derivatives are concerned.
    Cast,
}

impl Linear {
    /// The adjoint, for an x of rank `rank`.
    pub fn adjoint(&self, rank: usize) -> Linear {
        match self {
            Linear::Reshape => Linear::Reshape,
            Linear::Permute(order) => Linear::Permute(order.inverse(rank)),
            Linear::Flip(axes) => Linear::Flip(*axes),
            Linear::Expand(axes) => Linear::Sum(*axes),
            Linear::Sum(axes) => Linear::Expand(*axes),
            Linear::Slice(windows) => Linear::Pad(windows.clone()),
            Linear::Pad(windows) => Linear::Slice(windows.clone()),
            Linear::Gather(axis) => Linear::ScatterAdd(*axis),
            Linear::ScatterAdd(axis) => Linear::Gather(*axis),
            Linear::Unfold(sliding) => Linear::Fold(sliding.clone()),
            Linear::Fold(sliding) => Linear::Unfold(sliding.clone()),
            Linear::Cumsum(axis, reverse) => Linear::Cumsum(*axis, !reverse),
            Linear::Cast => Linear::Cast,
        }
    }

    /// The method's name.
    pub fn name(&self) -> &'static str {
        match self {
            Linear::Reshape => "reshape",
            Linear::Permute(_) => "permute",
            Linear::Flip(_) => "flip",
            Linear::Expand(_) => "expand",
            Linear::Sum(_) => "sum",
            Linear::Slice(_) => "slice",
            Linear::Pad(_) => "pad",
            Linear::Gather(_) => "gather",
            Linear::ScatterAdd(_) => "scatter_add",
            Linear::Unfold(_) => "unfold",
            Linear::Fold(_) => "fold",
            Linear::Cumsum(..) => "cumsum",
            Linear::Cast => "to_dtype",
        }
    }

    /// Whether y is x seen through other strides, with no element copied or changed.
    pub fn is_view(&self) -> bool {
        matches!(
            self,
            Linear::Reshape
                | Linear::Permute(_)
                | Linear::Flip(_)
                | Linear::Expand(_)
                | Linear::Slice(_)
                | Linear::Unfold(_)
        )
    }
}
