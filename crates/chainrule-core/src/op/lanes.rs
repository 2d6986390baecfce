//! The loops over blocks of elements, one compiled copy per operation, element type and level of
//! vector instructions. Blocks are bytes here, so that a kernel is a plain function pointer.

use std::marker::PhantomData;

use bytemuck::{Pod, cast_slice, cast_slice_mut};
use chainrule_kernels::Float;
use chainrule_kernels::simd::{Vectorize, vectorize};

use super::scalar::{self, Scalar1, Scalar2, binary_list, unary_list};
use super::{Binary, Cmp, DType, Logic, Unary};

/// `(x, out)`: one input block.
pub(crate) type Kernel1 = fn(&[u8], &mut [u8]);
/// `(x, y, out)`: two input blocks.
pub(crate) type Kernel2 = fn(&[u8], &[u8], &mut [u8]);
/// `(condition, x, y, out)`.
pub(crate) type Kernel3 = fn(&[u8], &[u8], &[u8], &mut [u8]);

/// `(x, y, row, out)`: elements, and one number for each row of so many of them.
pub(crate) type KernelRows = fn(&[u8], &[u8], usize, &mut [u8]);

/// A loop over one block, `y[i] = f(x[i])`.
struct Map<'a, X, Y, G>(&'a [X], &'a mut [Y], G);

impl<X: Copy, Y, G: Fn(X) -> Y> Vectorize for Map<'_, X, Y, G> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        for (y, &x) in self.1.iter_mut().zip(self.0) {
            *y = (self.2)(x);
        }
    }
}

/// A loop over two blocks, `z[i] = f(x[i], y[i])`.
struct Zip<'a, X, Y, Z, G>(&'a [X], &'a [Y], &'a mut [Z], G);

impl<X: Copy, Y: Copy, Z, G: Fn(X, Y) -> Z> Vectorize for Zip<'_, X, Y, Z, G> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        for ((z, &x), &y) in self.2.iter_mut().zip(self.0).zip(self.1) {
            *z = (self.3)(x, y);
        }
    }
}

/// A scalar operation as a loop: inlining must reach through it, so it is no closure.
struct Apply<'a, S, F>(&'a [F], &'a mut [F], PhantomData<S>);

impl<S: Scalar1, F: Float> Vectorize for Apply<'_, S, F> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        S::block(self.0, self.1);
    }
}

/// Operations that cost no more take less time than a loop's beginning: of one element, they are
/// done without.
const LIGHT: u32 = 4;

/// What a loop over two blocks does with two elements.
trait Pair: 'static {
    /// Whether it is one instruction or a few.
    const LIGHT: bool = true;
    fn of<F: Float>(x: F, y: F) -> F;
}

impl<S: Scalar2> Pair for S {
    const LIGHT: bool = S::COST <= LIGHT;
    #[inline(always)]
    fn of<F: Float>(x: F, y: F) -> F {
        S::f(x, y)
    }
}

/// A masked cotangent x times a derivative y: 0 · ∞ and 0 · NaN are 0, for a zero may stand for a
/// branch that was not taken.
struct Masked;

impl Pair for Masked {
    #[inline(always)]
    fn of<F: Float>(x: F, y: F) -> F {
        let zero = F::lit(0.0);
        let product = x * y;
        F::select(product.is_nan() && x == zero, zero, product)
    }
}

/// The same and zero, as where an element is added to some of the products: −0 becomes 0.
struct MaskedPlusZero;

impl Pair for MaskedPlusZero {
    #[inline(always)]
    fn of<F: Float>(x: F, y: F) -> F {
        Masked::of(x, y) + F::lit(0.0)
    }
}

/// The exponential of a difference.
struct ExpLess;

impl Pair for ExpLess {
    const LIGHT: bool = false;
    #[inline(always)]
    fn of<F: Float>(x: F, y: F) -> F {
        scalar::exp::f(scalar::Sub::f(x, y))
    }
}

struct Apply2<'a, S, F>(&'a [F], &'a [F], &'a mut [F], PhantomData<S>);

impl<S: Pair, F: Float> Vectorize for Apply2<'_, S, F> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        for ((z, &x), &y) in self.2.iter_mut().zip(self.0).zip(self.1) {
            *z = S::of(x, y);
        }
    }
}

fn float1<S: Scalar1, F: Float>(x: &[u8], out: &mut [u8]) {
    let (x, out): (&[F], &mut [F]) = (cast_slice(x), cast_slice_mut(out));
    match (x, &mut *out) {
        ([x], [out]) if S::COST <= LIGHT => *out = S::f(*x),
        _ => vectorize(Apply::<S, F>(x, out, PhantomData)),
    }
}

fn float2<S: Pair, F: Float>(x: &[u8], y: &[u8], out: &mut [u8]) {
    let (x, y, out): (&[F], &[F], &mut [F]) = (cast_slice(x), cast_slice(y), cast_slice_mut(out));
    match (x, y, &mut *out) {
        ([x], [y], [out]) if S::LIGHT => *out = S::of(*x, *y),
        _ => vectorize(Apply2::<S, F>(x, y, out, PhantomData)),
    }
}

fn int1<S: Scalar1>(x: &[u8], out: &mut [u8]) {
    if let Some(f) = S::INT {
        vectorize(Map::<i64, i64, _>(cast_slice(x), cast_slice_mut(out), f));
    }
}

fn int2<S: Scalar2>(x: &[u8], y: &[u8], out: &mut [u8]) {
    if let Some(f) = S::INT {
        vectorize(Zip::<i64, i64, i64, _>(cast_slice(x), cast_slice(y), cast_slice_mut(out), f));
    }
}

/// The loop of a scalar operation. Integers only where the operation has integer values; recording
/// has cast everything else to floating point before.
fn kernel1<S: Scalar1>(dtype: DType) -> Kernel1 {
    match dtype {
        DType::F32 => float1::<S, f32>,
        DType::F64 => float1::<S, f64>,
        _ => int1::<S>,
    }
}

/// The loop of a scalar operation of two arguments.
fn kernel2<S: Scalar2>(dtype: DType) -> Kernel2 {
    match dtype {
        DType::F32 => float2::<S, f32>,
        DType::F64 => float2::<S, f64>,
        _ => int2::<S>,
    }
}

macro_rules! kernels {
    ($($op:ident)*) => {
        impl Unary {
            /// The loop over a block of elements.
            pub(crate) fn kernel(self, dtype: DType) -> Kernel1 {
                match self { $(Unary::$op => kernel1::<scalar::$op>(dtype)),* }
            }
        }
    };
}
unary_list!(kernels);

/// Rows of elements, each with one number: f(x, y), or f(y, x) if `SWAPPED`.
struct ApplyRows<'a, S, F, const SWAPPED: bool>(
    &'a [F],
    &'a [F],
    usize,
    &'a mut [F],
    PhantomData<S>,
);

impl<S: Pair, F: Float, const SWAPPED: bool> Vectorize for ApplyRows<'_, S, F, SWAPPED> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let ApplyRows(x, y, row, out, _) = self;
        let of = |x: F, y: F| if SWAPPED { S::of(y, x) } else { S::of(x, y) };
        let mut done = 0;
        if S::LIGHT && row < SHORT {
            // What a row's last vector writes beyond it, the next row writes again.
            let wide = row.next_multiple_of(VECTOR);
            while done < y.len() && done * row + wide <= out.len() {
                let (x, out) = (&x[done * row..][..wide], &mut out[done * row..][..wide]);
                for (out, x) in
                    out.as_chunks_mut::<VECTOR>().0.iter_mut().zip(x.as_chunks::<VECTOR>().0)
                {
                    *out = std::array::from_fn(|i| of(x[i], y[done]));
                }
                done += 1;
            }
        }
        // A row's end is not found by dividing, which would take as long as half a row.
        let (mut x, mut out) = (&x[done * row..], &mut out[done * row..]);
        for &y in &y[done..] {
            let (now, rest) = std::mem::take(&mut out).split_at_mut(row);
            for (z, &x) in now.iter_mut().zip(&x[..row]) {
                *z = of(x, y);
            }
            (x, out) = (&x[row..], rest);
        }
    }
}

/// Rows shorter than that are computed by whole vectors of `VECTOR` elements: loops over so few
/// would mostly be beginning and end.
const SHORT: usize = 64;
const VECTOR: usize = 8;

fn rows2<S: Pair, F: Float, const SWAPPED: bool>(x: &[u8], y: &[u8], row: usize, out: &mut [u8]) {
    let (x, y, out) = (cast_slice(x), cast_slice(y), cast_slice_mut(out));
    vectorize(ApplyRows::<S, F, SWAPPED>(x, y, row, out, PhantomData));
}

fn kernel_rows<S: Pair>(dtype: DType, swapped: bool) -> Option<KernelRows> {
    match (dtype, swapped) {
        (DType::F32, false) => Some(rows2::<S, f32, false>),
        (DType::F32, true) => Some(rows2::<S, f32, true>),
        (DType::F64, false) => Some(rows2::<S, f64, false>),
        (DType::F64, true) => Some(rows2::<S, f64, true>),
        _ => None,
    }
}

impl Binary {
    /// The loop over elements and one number for each row, which is the first argument if
    /// `swapped`: of the operations that meet row results, where copies along the row would cost
    /// as much as the operation.
    pub(crate) fn kernel_rows(self, dtype: DType, swapped: bool) -> Option<KernelRows> {
        match self {
            Binary::Add => kernel_rows::<scalar::Add>(dtype, swapped),
            Binary::Sub => kernel_rows::<scalar::Sub>(dtype, swapped),
            Binary::Mul => kernel_rows::<scalar::Mul>(dtype, swapped),
            Binary::Div => kernel_rows::<scalar::Div>(dtype, swapped),
            _ => None,
        }
    }
}

/// The loop of a masked cotangent times a derivative.
pub(crate) fn kernel_masked(dtype: DType) -> Option<Kernel2> {
    match dtype {
        DType::F32 => Some(float2::<Masked, f32>),
        DType::F64 => Some(float2::<Masked, f64>),
        _ => None,
    }
}

/// The same with one of the two, the cotangent if `swapped`, one number for each row.
pub(crate) fn kernel_masked_rows(dtype: DType, swapped: bool) -> Option<KernelRows> {
    kernel_rows::<Masked>(dtype, swapped)
}

/// The same, and zero added.
pub(crate) fn kernel_masked_rows_plus_zero(dtype: DType, swapped: bool) -> Option<KernelRows> {
    kernel_rows::<MaskedPlusZero>(dtype, swapped)
}

/// The loop of the exponential of elements less a number for each row.
pub(crate) fn kernel_exp_less(dtype: DType) -> Option<KernelRows> {
    kernel_rows::<ExpLess>(dtype, false)
}

macro_rules! kernels2 {
    ($($op:ident)*) => {
        impl Binary {
            /// The loop over two blocks of elements.
            pub(crate) fn kernel(self, dtype: DType) -> Kernel2 {
                match self { $(Binary::$op => kernel2::<scalar::$op>(dtype)),* }
            }
        }
    };
}
binary_list!(kernels2);

fn compare<T: Pod + PartialOrd, const OP: u8>(x: &[u8], y: &[u8], out: &mut [u8]) {
    let (x, y): (&[T], &[T]) = (cast_slice(x), cast_slice(y));
    match OP {
        0 => vectorize(Zip(x, y, out, |x: T, y: T| u8::from(x == y))),
        1 => vectorize(Zip(x, y, out, |x: T, y: T| u8::from(x != y))),
        2 => vectorize(Zip(x, y, out, |x: T, y: T| u8::from(x < y))),
        _ => vectorize(Zip(x, y, out, |x: T, y: T| u8::from(x <= y))),
    }
}

/// The loop of a comparison of two blocks of type `dtype`. `x > y` runs as `y < x`: the second
/// value says that the arguments change places.
pub(crate) fn kernel_compare(cmp: Cmp, dtype: DType) -> (Kernel2, bool) {
    fn of<T: Pod + PartialOrd>(cmp: Cmp) -> Kernel2 {
        match cmp {
            Cmp::Eq => compare::<T, 0>,
            Cmp::Ne => compare::<T, 1>,
            Cmp::Lt | Cmp::Gt => compare::<T, 2>,
            Cmp::Le | Cmp::Ge => compare::<T, 3>,
        }
    }
    let kernel = match dtype {
        DType::Bool => of::<u8>(cmp),
        DType::F32 => of::<f32>(cmp),
        DType::F64 => of::<f64>(cmp),
        _ => of::<i64>(cmp),
    };
    (kernel, matches!(cmp, Cmp::Gt | Cmp::Ge))
}

/// The loop of an operation on truth values, or on the bits of integers: bytes are bytes.
pub(crate) fn kernel_logic(op: Logic) -> Kernel2 {
    match op {
        Logic::And => |x, y, out| vectorize(Zip(x, y, out, |x: u8, y: u8| x & y)),
        Logic::Or => |x, y, out| vectorize(Zip(x, y, out, |x: u8, y: u8| x | y)),
        Logic::Xor => |x, y, out| vectorize(Zip(x, y, out, |x: u8, y: u8| x ^ y)),
    }
}

/// Bits, to be chosen by masks. A choice between two elements in memory is compiled to one load
/// from a chosen address, element by element; a choice between bits is not.
trait Bits: Pod {
    /// `x` where the truth value is not 0, else `y`.
    fn choose(c: u8, x: Self, y: Self) -> Self;
}

macro_rules! bits {
    ($($t:ident)*) => { $(
        impl Bits for $t {
            #[inline(always)]
            fn choose(c: u8, x: $t, y: $t) -> $t {
                let mask = $t::from(c == 0).wrapping_sub(1);
                (x & mask) | (y & !mask)
            }
        }
    )* };
}
bits! { u8 u32 u64 }

struct Select<'a, T>(&'a [u8], &'a [T], &'a [T], &'a mut [T]);

impl<T: Bits> Vectorize for Select<'_, T> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        for (((z, &c), &x), &y) in self.3.iter_mut().zip(self.0).zip(self.1).zip(self.2) {
            *z = T::choose(c, x, y);
        }
    }
}

/// The loop of `where`.
pub(crate) fn kernel_where(dtype: DType) -> Kernel3 {
    fn of<T: Bits>(c: &[u8], x: &[u8], y: &[u8], out: &mut [u8]) {
        vectorize(Select::<T>(c, cast_slice(x), cast_slice(y), cast_slice_mut(out)));
    }
    match dtype {
        DType::Bool | DType::U8 => of::<u8>,
        DType::I64 | DType::F64 => of::<u64>,
        DType::I32 | DType::F32 => of::<u32>,
    }
}

/// The loop of a cast. Floating point to integer truncates and saturates, NaN becomes 0. What is
/// only stored, U8 and I32, is cast from and to I64 alone.
pub(crate) fn kernel_cast(from: DType, to: DType) -> Kernel1 {
    macro_rules! cast {
        ($x:ty, $y:ty, $f:expr) => {
            |x, out| vectorize(Map::<$x, $y, _>(cast_slice(x), cast_slice_mut(out), $f))
        };
    }
    use DType::{Bool, F32, F64, I32, I64, U8};
    match (from, to) {
        (Bool | U8, I64) => cast!(u8, i64, i64::from),
        (I32, I64) => cast!(i32, i64, i64::from),
        (I64, U8) => cast!(i64, u8, |x| x as u8),
        (I64, I32) => cast!(i64, i32, |x| x as i32),
        (Bool, F32) => cast!(u8, f32, f32::from),
        (Bool, F64) => cast!(u8, f64, f64::from),
        (I64, Bool) => cast!(i64, u8, |x| u8::from(x != 0)),
        (I64, F32) => cast!(i64, f32, |x| x as f32),
        (I64, F64) => cast!(i64, f64, |x| x as f64),
        (F32, Bool) => cast!(f32, u8, |x| u8::from(x != 0.0)),
        (F32, I64) => cast!(f32, i64, |x| x as i64),
        (F32, F64) => cast!(f32, f64, f64::from),
        (F64, Bool) => cast!(f64, u8, |x| u8::from(x != 0.0)),
        (F64, I64) => cast!(f64, i64, |x| x as i64),
        (F64, F32) => cast!(f64, f32, |x| x as f32),
        (Bool, Bool) | (I64, I64) | (F32, F32) | (F64, F64) => |x, out| out.copy_from_slice(x),
        (U8 | I32, _) | (_, U8 | I32) => unreachable!("recorded as two casts, through int64"),
    }
}
