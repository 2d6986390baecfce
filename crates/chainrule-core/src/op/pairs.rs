//! Loops that do two operations in one pass.
//!
//! A pass over a block in the first-level cache waits for its loads and stores: an addition costs
//! no more than the copy would. Pairs of additions, subtractions and products that follow each
//! other, `g(f(x, y), w)`, are therefore computed together, element by element, with the same
//! roundings as one after the other. Each of y and w is a block of elements, or one number for a
//! row. Squares and negations are such operations too.
//!
//! Sine and cosine of the same argument have most of their work in common, and are computed
//! together in [`sin_cos`].

use std::marker::PhantomData;

use bytemuck::{cast_slice, cast_slice_mut};
use chainrule_kernels::Float;
use chainrule_kernels::simd::{Vectorize, vectorize};

use super::scalar::{Add, Mul, Scalar2, Sub};
use super::{Binary, DType, Op, Unary};

/// `(x, y, w, row, out)`: elements, what each of the two operations takes besides, and the length
/// of the rows for which that may be one number.
pub(crate) type KernelPair = fn(&[u8], &[u8], &[u8], usize, &mut [u8]);

/// An operation that may share a loop with another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    Add,
    Sub,
    Mul,
    /// x · x
    Square,
    /// x · (−1)
    Neg,
    Sin,
    Cos,
}

impl Known {
    /// The operation, if it may.
    pub(crate) fn of(op: &Op) -> Option<Known> {
        match op {
            Op::Zip(Binary::Add) => Some(Known::Add),
            Op::Zip(Binary::Sub) => Some(Known::Sub),
            Op::Zip(Binary::Mul) => Some(Known::Mul),
            Op::Map(Unary::square) => Some(Known::Square),
            Op::Map(Unary::neg) => Some(Known::Neg),
            Op::Map(Unary::sin) => Some(Known::Sin),
            Op::Map(Unary::cos) => Some(Known::Cos),
            _ => None,
        }
    }
}

/// What one of the two operations does with x (what comes in) and y (what it takes besides).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) op: Known,
    /// Whether y is one number for each row.
    pub(crate) row: bool,
    /// Whether it is `f(y, x)`.
    pub(crate) swapped: bool,
}

/// One of the two operations, as a type.
trait Step: 'static {
    const ROW: bool;
    fn of<F: Float>(x: F, y: F) -> F;
}

/// `f(x, y)` with y an element (`ROW` is 0) or a number for the row; or `f(y, x)`.
struct Take<S, const ROW: bool, const SWAPPED: bool>(PhantomData<S>);

impl<S: Scalar2, const ROW: bool, const SWAPPED: bool> Step for Take<S, ROW, SWAPPED> {
    const ROW: bool = ROW;
    #[inline(always)]
    fn of<F: Float>(x: F, y: F) -> F {
        if SWAPPED { S::f(y, x) } else { S::f(x, y) }
    }
}

/// x · x, whatever y is.
struct Itself;

impl Step for Itself {
    const ROW: bool = true;
    #[inline(always)]
    fn of<F: Float>(x: F, _: F) -> F {
        x * x
    }
}

struct Pair<'a, S, T, F> {
    x: &'a [F],
    y: &'a [F],
    w: &'a [F],
    row: usize,
    out: &'a mut [F],
    steps: PhantomData<(S, T)>,
}

impl<S: Step, T: Step, F: Float> Vectorize for Pair<'_, S, T, F> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let Pair { x, y, w, row, out, .. } = self;
        for (r, (out, x)) in out.chunks_exact_mut(row).zip(x.chunks_exact(row)).enumerate() {
            let y = if S::ROW { &y[r..=r] } else { &y[r * row..][..row] };
            let w = if T::ROW { &w[r..=r] } else { &w[r * row..][..row] };
            for i in 0..row {
                let y = y[if S::ROW { 0 } else { i }];
                let w = w[if T::ROW { 0 } else { i }];
                out[i] = T::of(S::of(x[i], y), w);
            }
        }
    }
}

fn pair<S: Step, T: Step, F: Float>(x: &[u8], y: &[u8], w: &[u8], row: usize, out: &mut [u8]) {
    let (x, y, w) = (cast_slice(x), cast_slice(y), cast_slice(w));
    vectorize(Pair::<S, T, F> { x, y, w, row, out: cast_slice_mut(out), steps: PhantomData });
}

fn typed<S: Step, T: Step>(dtype: DType) -> Option<KernelPair> {
    match dtype {
        DType::F32 => Some(pair::<S, T, f32>),
        DType::F64 => Some(pair::<S, T, f64>),
        DType::I64 | DType::Bool => None,
    }
}

fn then<S: Step>(dtype: DType, second: Part) -> Option<KernelPair> {
    match (second.op, second.row, second.swapped) {
        (Known::Add, false, _) => typed::<S, Take<Add, false, false>>(dtype),
        (Known::Add, true, _) => typed::<S, Take<Add, true, false>>(dtype),
        (Known::Sub, false, false) => typed::<S, Take<Sub, false, false>>(dtype),
        (Known::Sub, false, true) => typed::<S, Take<Sub, false, true>>(dtype),
        (Known::Sub, true, false) => typed::<S, Take<Sub, true, false>>(dtype),
        (Known::Sub, true, true) => typed::<S, Take<Sub, true, true>>(dtype),
        (Known::Mul, false, _) => typed::<S, Take<Mul, false, false>>(dtype),
        (Known::Mul | Known::Neg, true, _) => typed::<S, Take<Mul, true, false>>(dtype),
        (Known::Square, ..) => typed::<S, Itself>(dtype),
        (Known::Neg | Known::Sin | Known::Cos, ..) => None,
    }
}

/// The loop of two operations. The first is a square if it takes x itself besides.
pub(crate) fn kernel(dtype: DType, first: Part, second: Part) -> Option<KernelPair> {
    match (first.op, first.row, first.swapped) {
        (Known::Add, false, _) => then::<Take<Add, false, false>>(dtype, second),
        (Known::Add, true, _) => then::<Take<Add, true, false>>(dtype, second),
        (Known::Sub, false, false) => then::<Take<Sub, false, false>>(dtype, second),
        (Known::Sub, true, false) => then::<Take<Sub, true, false>>(dtype, second),
        (Known::Sub, true, true) => then::<Take<Sub, true, true>>(dtype, second),
        (Known::Mul | Known::Square, false, _) => then::<Take<Mul, false, false>>(dtype, second),
        (Known::Mul | Known::Neg, true, _) => then::<Take<Mul, true, false>>(dtype, second),
        (Known::Sub, false, true) | (Known::Square, true, _) | (Known::Neg, false, _) => None,
        (Known::Sin | Known::Cos, ..) => None,
    }
}

/// `(x, sin, cos)`: a block, its sines and its cosines.
pub(crate) type KernelTwo = fn(&[u8], &mut [u8], &mut [u8]);

struct SinCos<'a, F>(&'a [F], &'a mut [F], &'a mut [F]);

impl<F: Float> Vectorize for SinCos<'_, F> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let SinCos(x, sin, cos) = self;
        for ((x, sin), cos) in x.chunks(64).zip(sin.chunks_mut(64)).zip(cos.chunks_mut(64)) {
            let mut far = false;
            for x in x {
                far |= x.abs() > F::TRIG_BOUND;
            }
            let both = x.iter().zip(sin).zip(cos);
            if far {
                both.for_each(|((x, sin), cos)| (*sin, *cos) = (x.sin(), x.cos()));
            } else {
                both.for_each(|((x, sin), cos)| (*sin, *cos) = (x.sin_fast(), x.cos_fast()));
            }
        }
    }
}

/// The loop of sine and cosine of floating-point numbers.
pub(crate) fn sin_cos(dtype: DType) -> Option<KernelTwo> {
    fn of<F: Float>(x: &[u8], sin: &mut [u8], cos: &mut [u8]) {
        vectorize(SinCos::<F>(cast_slice(x), cast_slice_mut(sin), cast_slice_mut(cos)));
    }
    match dtype {
        DType::F32 => Some(of::<f32>),
        DType::F64 => Some(of::<f64>),
        DType::I64 | DType::Bool => None,
    }
}
