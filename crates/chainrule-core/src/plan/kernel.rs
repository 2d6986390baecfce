//! Kernels: code over blocks of elements.
//!
//! A kernel runs over `n` elements in row-major order, in blocks; if it has row-level values, each
//! block is a whole number of rows of `row` elements. [`builder`](super::builder) makes them.

use chainrule_kernels::reduce::Fold;

use super::View;
use crate::op::lanes::{Kernel1, Kernel2, Kernel3, KernelRows};
use crate::op::pairs::{KernelPair, KernelTwo, Signs};
use crate::op::{DType, Scalar};

/// Whether a value has one number per element, one per row, or one in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Level {
    Full,
    Row,
    One,
}

/// Where an instruction finds or puts a block: the kernel's inputs, its outputs, its registers.
pub(crate) type Place = usize;

/// What an instruction does. `P` is a value's number while building, a [`Place`] in the end.
#[derive(Clone, Debug)]
pub(crate) enum Code<P> {
    /// Gathers strided elements.
    Load {
        view: View,
        size: usize,
    },
    /// A product of matrices with short sums: the first one, and the second as packed; `n` columns,
    /// sums of `k` terms.
    Product {
        dtype: DType,
        a: View,
        b: P,
        n: usize,
        k: usize,
    },
    /// The products of a matrix's dense rows, one a number, with a dense vector.
    TimesVector {
        dtype: DType,
        a: View,
        x: View,
    },
    /// Indices along the axis with this length and stride of the row-major order.
    Iota {
        len: usize,
        stride: usize,
    },
    Map(Kernel1, P),
    Zip(Kernel2, P, P),
    Where(Kernel3, P, P, P),
    /// Rows to one number each.
    RowFold(Fold, DType, P),
    /// One number to each row.
    RowExpand(usize, P),
    /// Elements, and one number for each row.
    ZipRows(KernelRows, P, P),
    /// Elements, and one number in all.
    ZipOne(KernelRows, P, P),
    /// Truth values: in each row, whether the index is the row's number.
    OneHot(P),
    /// From each row the element at the row's index, 0 where there is none: elements, indices.
    Pick(DType, P, P),
    /// The same of elements less a number for each row: elements, indices, numbers.
    PickLess(DType, P, P, P),
    /// Elements, to one of which in each row something is added: elements, indices, numbers.
    AddHot(DType, P, P, P),
    /// The same where the elements are themselves products with a number for each row: elements,
    /// numbers, indices, what is added.
    RowsHot(KernelRows, DType, [P; 4]),
    /// Two operations in one loop: elements, and what each takes besides.
    Pair((KernelPair, Signs), P, (P, Level), (P, Level)),
    /// Sine and cosine: the kernel takes two results, of which this is the sine's place or, if it
    /// is said so, the cosine's. The register after it takes the other.
    SinCos(KernelTwo, P, bool),
    /// In each row the sum of products of elements.
    RowDot(DType, P, P),
    /// Copies, for a value that must stand in two places.
    Copy(P),
}

/// An instruction: what, to where, at which level, and the element's size.
#[derive(Clone, Debug)]
pub(crate) struct Instr<P> {
    pub(crate) code: Code<P>,
    pub(crate) to: P,
    pub(crate) level: Level,
}

impl<P: Copy> Instr<P> {
    pub(super) fn map<Q>(&self, f: impl Fn(P) -> Q) -> Instr<Q> {
        Instr { code: self.code.map(&f), to: f(self.to), level: self.level }
    }
}

/// A dense array that a kernel reads or writes at its own position.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    pub(crate) slot: usize,
    /// First element, in elements.
    pub(crate) offset: usize,
    pub(crate) size: usize,
    pub(crate) level: Level,
}

/// A register that holds the same in every block, set before the first.
#[derive(Clone, Debug)]
pub(crate) struct Preset {
    pub(crate) reg: u32,
    pub(crate) value: PresetValue,
    pub(crate) dtype: DType,
}

/// What a [`Preset`] holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum PresetValue {
    Const(Scalar),
    /// The element of a slot.
    Element(usize, usize),
    /// The last axis of a view, again and again.
    Period(View),
}

/// A reduction over blocks: its result is stored when the kernel ends.
#[derive(Clone, Debug)]
pub(crate) struct Total<P> {
    pub(crate) fold: Fold,
    pub(crate) dtype: DType,
    pub(crate) x: P,
    pub(crate) times: Times<P>,
    pub(crate) level: Level,
    pub(crate) slot: usize,
    /// Elements of the result: 1, or the length of the last axes that are kept.
    pub(crate) width: usize,
}

/// What the elements of a total are multiplied by before they are summed up.
#[derive(Clone, Debug)]
pub(crate) enum Times<P> {
    Nothing,
    /// Another element each.
    Elements(P),
    /// A dense row of a matrix each.
    Rows(View),
}

impl<P: Copy> Total<P> {
    pub(super) fn map<Q>(&self, f: impl Fn(P) -> Q) -> Total<Q> {
        let &Total { fold, dtype, x, ref times, level, slot, width } = self;
        let times = match times {
            Times::Nothing => Times::Nothing,
            &Times::Elements(y) => Times::Elements(f(y)),
            Times::Rows(a) => Times::Rows(a.clone()),
        };
        Total { fold, dtype, x: f(x), times, level, slot, width }
    }

    /// What it reads.
    pub(crate) fn sources(&self) -> impl Iterator<Item = P> {
        let times = if let Times::Elements(y) = self.times { Some(y) } else { None };
        [Some(self.x), times].into_iter().flatten()
    }
}

/// A fused kernel.
#[derive(Debug)]
pub(crate) struct Kernel {
    pub(crate) n: usize,
    /// Elements of a row; 1 if the kernel knows no rows.
    pub(crate) row: usize,
    /// Elements of a block, a multiple of `row`.
    pub(crate) block: usize,
    /// Elements of a task, a multiple of `block`; tasks may run on several threads.
    pub(crate) task: usize,
    /// Estimated time of the whole kernel.
    pub(crate) nanoseconds: f64,
    pub(crate) presets: Vec<Preset>,
    pub(crate) code: Vec<Instr<Place>>,
    pub(crate) inputs: Vec<Stream>,
    pub(crate) outputs: Vec<Stream>,
    pub(crate) totals: Vec<Total<Place>>,
    pub(crate) registers: Vec<Register>,
    /// Bytes of the register file.
    pub(crate) file: usize,
}

/// A register: where it stands in the register file, its bytes, and those of a number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Register {
    pub(crate) at: usize,
    pub(crate) bytes: usize,
    pub(crate) size: usize,
    pub(crate) level: Level,
}

impl<P: Copy> Code<P> {
    /// Calls `f` on each source.
    pub(super) fn sources(&self, mut f: impl FnMut(P)) {
        match *self {
            Code::Load { .. } | Code::Iota { .. } | Code::TimesVector { .. } => {}
            Code::Product { b, .. } => f(b),
            Code::Map(_, x)
            | Code::RowFold(_, _, x)
            | Code::RowExpand(_, x)
            | Code::OneHot(x)
            | Code::SinCos(_, x, _)
            | Code::Copy(x) => f(x),
            Code::Zip(_, x, y)
            | Code::ZipRows(_, x, y)
            | Code::ZipOne(_, x, y)
            | Code::RowDot(_, x, y)
            | Code::Pick(_, x, y) => {
                f(x);
                f(y);
            }
            Code::RowsHot(_, _, of) => of.into_iter().for_each(f),
            Code::Where(_, c, x, y)
            | Code::AddHot(_, c, x, y)
            | Code::PickLess(_, c, x, y)
            | Code::Pair(_, c, (x, _), (y, _)) => {
                f(c);
                f(x);
                f(y);
            }
        }
    }

    pub(super) fn map<Q>(&self, mut f: impl FnMut(P) -> Q) -> Code<Q> {
        match *self {
            Code::Load { ref view, size } => Code::Load { view: view.clone(), size },
            Code::Iota { len, stride } => Code::Iota { len, stride },
            Code::TimesVector { dtype, ref a, ref x } => {
                Code::TimesVector { dtype, a: a.clone(), x: x.clone() }
            }
            Code::Product { dtype, ref a, b, n, k } => {
                Code::Product { dtype, a: a.clone(), b: f(b), n, k }
            }
            Code::Map(k, x) => Code::Map(k, f(x)),
            Code::Zip(k, x, y) => Code::Zip(k, f(x), f(y)),
            Code::Where(k, c, x, y) => Code::Where(k, f(c), f(x), f(y)),
            Code::RowFold(fold, dtype, x) => Code::RowFold(fold, dtype, f(x)),
            Code::RowExpand(size, x) => Code::RowExpand(size, f(x)),
            Code::ZipRows(k, x, y) => Code::ZipRows(k, f(x), f(y)),
            Code::ZipOne(k, x, y) => Code::ZipOne(k, f(x), f(y)),
            Code::OneHot(x) => Code::OneHot(f(x)),
            Code::Pick(dtype, x, y) => Code::Pick(dtype, f(x), f(y)),
            Code::PickLess(dtype, x, y, z) => Code::PickLess(dtype, f(x), f(y), f(z)),
            Code::AddHot(dtype, x, y, z) => Code::AddHot(dtype, f(x), f(y), f(z)),
            Code::RowsHot(k, dtype, of) => Code::RowsHot(k, dtype, of.map(f)),
            Code::Pair(k, x, (y, ly), (w, lw)) => Code::Pair(k, f(x), (f(y), ly), (f(w), lw)),
            Code::SinCos(k, x, cosine) => Code::SinCos(k, f(x), cosine),
            Code::RowDot(dtype, x, y) => Code::RowDot(dtype, f(x), f(y)),
            Code::Copy(x) => Code::Copy(f(x)),
        }
    }
}
