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

use super::{Binary, DType, Op, Unary};

/// `([x, y, w], signs, row, out)`: elements, what each of the two operations takes besides, and the
/// length of the rows for which that may be one number.
pub(crate) type KernelPair = fn([&[u8]; 3], Signs, usize, &mut [u8]);

/// Which of the two arguments of each operation count as negative.
pub(crate) type Signs = [[bool; 2]; 2];

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
    Exp,
    /// x · y where zeros stay zeros, see [`crate::op::lanes::kernel_masked`].
    Masked,
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
            Op::Map(Unary::exp) => Some(Known::Exp),
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

impl Part {
    /// Which of x and y count as negative, if it is a difference.
    fn signs(self) -> [bool; 2] {
        let minus = self.op == Known::Sub;
        [minus && self.swapped, minus && !self.swapped]
    }
}

/// One of the two operations, as a type: of x, what it takes besides, and the signs of both.
trait Step: 'static {
    const ROW: bool;
    fn of<F: Float>(x: F, y: F, signs: [F; 2]) -> F;
}

/// ±x ± y, y an element or a number for the row. A product with a sign is exact, so that one loop
/// stands for sums and differences either way round.
struct Sum<const ROW: bool>;

impl<const ROW: bool> Step for Sum<ROW> {
    const ROW: bool = ROW;
    #[inline(always)]
    fn of<F: Float>(x: F, y: F, [a, b]: [F; 2]) -> F {
        a * x + b * y
    }
}

/// x · y.
struct Product<const ROW: bool>;

impl<const ROW: bool> Step for Product<ROW> {
    const ROW: bool = ROW;
    #[inline(always)]
    fn of<F: Float>(x: F, y: F, _: [F; 2]) -> F {
        x * y
    }
}

/// x · x, whatever y is.
struct Itself;

impl Step for Itself {
    const ROW: bool = true;
    #[inline(always)]
    fn of<F: Float>(x: F, _: F, _: [F; 2]) -> F {
        x * x
    }
}

struct Pair<'a, S, T, F> {
    x: &'a [F],
    y: &'a [F],
    w: &'a [F],
    signs: [[F; 2]; 2],
    row: usize,
    out: &'a mut [F],
    steps: PhantomData<(S, T)>,
}

impl<S: Step, T: Step, F: Float> Vectorize for Pair<'_, S, T, F> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let Pair { x, y, w, signs: [first, second], row, out, .. } = self;
        // By hand: to make exact chunks takes a division, as long as half a row.
        let (mut left, mut r) = (out, 0);
        while let Some((out, later)) = std::mem::take(&mut left).split_at_mut_checked(row) {
            let x = &x[r * row..][..row];
            let y = if S::ROW { &y[r..=r] } else { &y[r * row..][..row] };
            let w = if T::ROW { &w[r..=r] } else { &w[r * row..][..row] };
            for i in 0..row {
                let y = y[if S::ROW { 0 } else { i }];
                let w = w[if T::ROW { 0 } else { i }];
                out[i] = T::of(S::of(x[i], y, first), w, second);
            }
            (left, r) = (later, r + 1);
        }
    }
}

fn pair<S: Step, T: Step, F: Float>(
    [x, y, w]: [&[u8]; 3],
    signs: Signs,
    row: usize,
    out: &mut [u8],
) {
    let (x, y, w, out) = (cast_slice(x), cast_slice(y), cast_slice(w), cast_slice_mut(out));
    let signs = signs.map(|pair| pair.map(|minus| F::lit(if minus { -1.0 } else { 1.0 })));
    vectorize(Pair::<S, T, F> { x, y, w, signs, row, out, steps: PhantomData });
}

fn typed<S: Step, T: Step>(dtype: DType) -> Option<KernelPair> {
    match dtype {
        DType::F32 => Some(pair::<S, T, f32>),
        DType::F64 => Some(pair::<S, T, f64>),
        _ => None,
    }
}

fn then<S: Step>(dtype: DType, second: Part) -> Option<KernelPair> {
    match (second.op, second.row) {
        (Known::Add | Known::Sub, false) => typed::<S, Sum<false>>(dtype),
        (Known::Add | Known::Sub, true) => typed::<S, Sum<true>>(dtype),
        (Known::Mul, false) => typed::<S, Product<false>>(dtype),
        (Known::Mul | Known::Neg, true) => typed::<S, Product<true>>(dtype),
        (Known::Square, _) => typed::<S, Itself>(dtype),
        (Known::Neg | Known::Sin | Known::Cos | Known::Exp | Known::Masked, _) => None,
    }
}

/// The loop of two operations, and its signs. The first is a square if it takes x itself besides.
pub(crate) fn kernel(dtype: DType, first: Part, second: Part) -> Option<(KernelPair, Signs)> {
    let kernel = match (first.op, first.row) {
        (Known::Add | Known::Sub, false) => then::<Sum<false>>(dtype, second),
        (Known::Add | Known::Sub, true) => then::<Sum<true>>(dtype, second),
        (Known::Mul | Known::Square, false) => then::<Product<false>>(dtype, second),
        (Known::Mul | Known::Neg, true) => then::<Product<true>>(dtype, second),
        _ => None,
    };
    Some((kernel?, [first.signs(), second.signs()]))
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
        _ => None,
    }
}
