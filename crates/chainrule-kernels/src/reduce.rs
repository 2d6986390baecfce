//! Sums and extrema of blocks.
//!
//! A block is summed in 64 partial sums, combined in a fixed tree: that fills vector registers,
//! hides the latency of addition, is more accurate than a running sum, and always gives the same
//! bits. Extrema propagate NaN. Integers have the same bits in any order: their plain loop is as
//! good, and a tenth of the code.

use bytemuck::Pod;

use crate::Float;
use crate::simd::{self, Vectorize, vectorize};

/// A number that can be reduced.
pub trait Reduce: Pod + PartialOrd + Send + Sync {
    /// Whether the order of additions does not matter.
    const EXACT: bool;
    /// The sum's neutral element.
    const ZERO: Self;
    /// The smallest value: neutral for `larger`.
    const LOWEST: Self;
    /// The largest value: neutral for `smaller`.
    const HIGHEST: Self;
    /// x + y, wrapping for integers.
    fn plus(self, y: Self) -> Self;
    /// x − y, wrapping for integers.
    fn minus(self, y: Self) -> Self;
    /// x · y, wrapping for integers.
    fn times(self, y: Self) -> Self;
    /// The larger; NaN if either is.
    fn larger(self, y: Self) -> Self;
    /// The smaller; NaN if either is.
    fn smaller(self, y: Self) -> Self;
    /// In the order of the numbers: equal for equal numbers, of NaN the largest.
    fn key(self) -> u64;
    /// Each row of `n` elements in one, by eight rows, where instructions for that are known and
    /// the machine has them: whether it was done.
    #[inline]
    fn rows_by_eight(_: Fold, _: &[Self], _n: usize, _out: &mut [[Self; 8]]) -> bool {
        false
    }
}

macro_rules! float {
    ($t:ident) => {
        impl Reduce for $t {
            const EXACT: bool = false;
            const ZERO: $t = 0.0;
            const LOWEST: $t = $t::NEG_INFINITY;
            const HIGHEST: $t = $t::INFINITY;
            #[inline(always)]
            fn plus(self, y: $t) -> $t {
                self + y
            }
            #[inline(always)]
            fn minus(self, y: $t) -> $t {
                self - y
            }
            #[inline(always)]
            fn times(self, y: $t) -> $t {
                self * y
            }
            #[inline(always)]
            fn larger(self, y: $t) -> $t {
                let m = if self > y { self } else { y };
                if Float::is_nan(self) { self } else { m }
            }
            #[inline(always)]
            fn smaller(self, y: $t) -> $t {
                let m = if self < y { self } else { y };
                if Float::is_nan(self) { self } else { m }
            }
            fn key(self) -> u64 {
                // −0 becomes 0. Of negative numbers all bits turn around, of others the sign.
                let bits = (f64::from(self) + 0.0).to_bits();
                let turned = ((bits as i64) >> 63) as u64 | 1 << 63;
                if Float::is_nan(self) { u64::MAX } else { bits ^ turned }
            }
            #[cfg(target_arch = "x86_64")]
            #[inline]
            fn rows_by_eight(fold: Fold, x: &[$t], n: usize, out: &mut [[$t; 8]]) -> bool {
                let known = simd::level() == simd::Level::Avx512 && n > 1;
                if known {
                    // SAFETY: the machine has what the level stands for.
                    unsafe { <$t as crate::short::Turned>::rows(fold, x, n, out) }
                }
                known
            }
        }
    };
}
float!(f32);
float!(f64);

macro_rules! int {
    ($t:ident) => {
        impl Reduce for $t {
            const EXACT: bool = true;
            const ZERO: $t = 0;
            const LOWEST: $t = $t::MIN;
            const HIGHEST: $t = $t::MAX;
            #[inline(always)]
            fn plus(self, y: $t) -> $t {
                self.wrapping_add(y)
            }
            #[inline(always)]
            fn minus(self, y: $t) -> $t {
                self.wrapping_sub(y)
            }
            #[inline(always)]
            fn times(self, y: $t) -> $t {
                self.wrapping_mul(y)
            }
            #[inline(always)]
            fn larger(self, y: $t) -> $t {
                self.max(y)
            }
            #[inline(always)]
            fn smaller(self, y: $t) -> $t {
                self.min(y)
            }
            fn key(self) -> u64 {
                (self as i64 as u64) ^ (1 << 63)
            }
        }
    };
}
int!(i64);
int!(u8);

/// How elements combine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fold {
    /// The sum.
    Sum,
    /// The largest.
    Max,
    /// The smallest.
    Min,
}

impl Fold {
    /// The neutral element.
    #[inline(always)]
    pub fn neutral<T: Reduce>(self) -> T {
        match self {
            Fold::Sum => T::ZERO,
            Fold::Max => T::LOWEST,
            Fold::Min => T::HIGHEST,
        }
    }

    /// Two elements in one.
    #[inline(always)]
    pub fn combine<T: Reduce>(self, x: T, y: T) -> T {
        match self {
            Fold::Sum => x.plus(y),
            Fold::Max => x.larger(y),
            Fold::Min => x.smaller(y),
        }
    }

    /// All elements of a block in one.
    pub fn block<T: Reduce>(self, x: &[T]) -> T {
        match self {
            Fold::Sum => vectorize(Block(x, T::ZERO, T::plus)),
            Fold::Max => extremum(x, T::LOWEST, T::larger, |x, y| if x > y { x } else { y }),
            Fold::Min => extremum(x, T::HIGHEST, T::smaller, |x, y| if x < y { x } else { y }),
        }
    }

    /// Each row of `x`, of length `out.len()` rows, in one element of `out`.
    pub fn rows<T: Reduce>(self, x: &[T], out: &mut [T]) {
        fn of<T: Reduce>(fold: Fold, x: &[T], out: &mut [T], f: impl Fn(T, T) -> T + Copy) {
            let neutral = fold.neutral();
            if !T::EXACT && x.len() < LANES * out.len() {
                let n = x.len() / out.len();
                let (groups, rest) = out.as_chunks_mut::<TOGETHER>();
                let (together, last) = x.split_at(groups.len() * TOGETHER * n);
                if !T::rows_by_eight(fold, together, n, groups) {
                    vectorize(ShortRows(together, groups, neutral, f));
                }
                for (out, row) in rest.iter_mut().zip(last.chunks_exact(n.max(1))) {
                    *out = block(row, neutral, f);
                }
            } else if let [out] = out {
                *out = fold.block(x);
            } else {
                // One row a call: in a loop over rows, the lanes would stand in memory.
                let n = x.len() / out.len().max(1);
                for (row, out) in x.chunks_exact(n.max(1)).zip(out) {
                    *out = fold.block(row);
                }
            }
        }
        match self {
            Fold::Sum => of(self, x, out, T::plus),
            Fold::Max => of(self, x, out, T::larger),
            Fold::Min => of(self, x, out, T::smaller),
        }
    }

    /// `acc[i]` becomes `acc[i]` and `x[i]` in one.
    pub fn into<T: Reduce>(self, acc: &mut [T], x: &[T]) {
        match self {
            Fold::Sum => vectorize(Into(acc, x, T::plus)),
            Fold::Max => vectorize(Into(acc, x, T::larger)),
            Fold::Min => vectorize(Into(acc, x, T::smaller)),
        }
    }
}

/// Partial sums of a block, in groups of a vector register's size.
const LANES: usize = 64;
const GROUP: usize = 16;
/// Rows shorter than that are reduced so many at a time.
const TOGETHER: usize = 8;

#[inline(always)]
fn block<T: Reduce>(x: &[T], neutral: T, f: impl Fn(T, T) -> T + Copy) -> T {
    if T::EXACT || x.len() < LANES {
        let mut total = neutral;
        for &v in x {
            total = f(total, v);
        }
        return total;
    }
    let mut lanes = [[neutral; GROUP]; LANES / GROUP];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for chunk in chunks {
        lanes = each(lanes, chunk, f);
    }
    if !rest.is_empty() {
        // Filled up with what changes nothing: lanes reached one by one would stand in memory.
        let mut last = [neutral; LANES];
        last[..rest.len()].copy_from_slice(rest);
        lanes = each(lanes, &last, f);
    }
    tree(&lanes, f)
}

/// Each lane with its element. Arrays by value, in groups: as one array in memory the lanes would
/// be loaded and stored for every chunk.
#[inline(always)]
fn each<T: Reduce>(
    lanes: [[T; GROUP]; LANES / GROUP],
    chunk: &[T; LANES],
    f: impl Fn(T, T) -> T + Copy,
) -> [[T; GROUP]; LANES / GROUP] {
    let (x, _) = chunk.as_chunks::<GROUP>();
    let [a, b, c, d] = lanes;
    [group(a, &x[0], f), group(b, &x[1], f), group(c, &x[2], f), group(d, &x[3], f)]
}

#[inline(always)]
fn group<T: Reduce, const N: usize>(
    mut lanes: [T; N],
    x: &[T; N],
    f: impl Fn(T, T) -> T,
) -> [T; N] {
    for i in 0..N {
        lanes[i] = f(lanes[i], x[i]);
    }
    lanes
}

/// All lanes in one: halves, halves of halves, …. A function of its own: seen together with the
/// loop before it, its narrow steps would decide how that is vectorised.
#[inline(never)]
fn tree<T: Reduce>(lanes: &[[T; GROUP]; LANES / GROUP], f: impl Fn(T, T) -> T + Copy) -> T {
    let [a, b, c, d] = lanes;
    let a = group(group(*a, c, f), &group(*b, d, f), f);
    let a = half::<T, GROUP, 8>(&a, f);
    let a = half::<T, 8, 4>(&a, f);
    let a = half::<T, 4, 2>(&a, f);
    f(a[0], a[1])
}

/// Each lane of the first half with one of the second.
#[inline(always)]
fn half<T: Reduce, const N: usize, const H: usize>(x: &[T; N], f: impl Fn(T, T) -> T) -> [T; H] {
    let mut y = [x[0]; H];
    for i in 0..H {
        y[i] = f(x[i], x[i + H]);
    }
    y
}

struct Block<'a, T, G>(&'a [T], T, G);

impl<T: Reduce, G: Fn(T, T) -> T + Copy> Vectorize for Block<'_, T, G> {
    type Output = T;
    #[inline(always)]
    fn call(self) -> T {
        block(self.0, self.1, self.2)
    }
}

/// The extremum of a block: `f` where there is no NaN, which costs less than `exact` to know.
fn extremum<T: Reduce>(
    x: &[T],
    neutral: T,
    exact: impl Fn(T, T) -> T + Copy,
    f: impl Fn(T, T) -> T + Copy,
) -> T {
    if T::EXACT || x.len() < LANES {
        return vectorize(Block(x, neutral, exact));
    }
    let found = vectorize(Extremum(x, neutral, f));
    found.unwrap_or_else(|| vectorize(Block(x, neutral, exact)))
}

/// The extremum of a block of floating-point numbers, unless they, or their sums, are NaN.
struct Extremum<'a, T, G>(&'a [T], T, G);

impl<T: Reduce, G: Fn(T, T) -> T + Copy> Vectorize for Extremum<'_, T, G> {
    type Output = Option<T>;
    #[inline(always)]
    fn call(self) -> Option<T> {
        let Extremum(x, neutral, f) = self;
        let mut lanes = [[neutral; GROUP]; LANES / GROUP];
        let mut sums = [[T::ZERO; GROUP]; LANES / GROUP];
        let (chunks, rest) = x.as_chunks::<LANES>();
        for chunk in chunks {
            lanes = each(lanes, chunk, f);
            sums = each(sums, chunk, T::plus);
        }
        if !rest.is_empty() {
            let mut last = [neutral; LANES];
            last[..rest.len()].copy_from_slice(rest);
            lanes = each(lanes, &last, f);
            sums = each(sums, &last, T::plus);
        }
        let [a, b, c, d] = sums;
        let sums = group(group(a, &b, T::plus), &group(c, &d, T::plus), T::plus);
        let numbers = sums.iter().fold(true, |all, &x| all & ((x < T::ZERO) | (x >= T::ZERO)));
        numbers.then(|| tree(&lanes, f))
    }
}

/// Rows of fewer elements than lanes: side by side, each in order, so that no addition waits for
/// the end of another.
struct ShortRows<'a, T, G>(&'a [T], &'a mut [[T; TOGETHER]], T, G);

impl<T: Reduce, G: Fn(T, T) -> T + Copy> Vectorize for ShortRows<'_, T, G> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let ShortRows(x, out, neutral, f) = self;
        let n = x.len() / (TOGETHER * out.len()).max(1);
        for (out, x) in out.iter_mut().zip(x.chunks_exact((TOGETHER * n).max(1))) {
            let mut totals = [neutral; TOGETHER];
            for j in 0..n {
                for r in 0..TOGETHER {
                    totals[r] = f(totals[r], x[r * n + j]);
                }
            }
            *out = totals;
        }
    }
}

/// For each row of `x` and `y`, of which there are `out.len()`, the sum of the products of their
/// elements: the bits of products first, sums of rows then.
pub fn dots<T: Reduce>(x: &[T], y: &[T], out: &mut [T]) {
    if let [out] = out {
        return *out = dot(x, y);
    }
    let n = (x.len() / out.len().max(1)).max(1);
    for ((x, y), out) in x.chunks_exact(n).zip(y.chunks_exact(n)).zip(out) {
        *out = dot(x, y);
    }
}

/// The sum of the products of two blocks' elements: the bits of products first, their sum then.
pub fn dot<T: Reduce>(x: &[T], y: &[T]) -> T {
    vectorize(Dot(x, y))
}

/// `acc[i]` becomes `acc[i] + x[i] · y[i]`, rounded twice.
pub fn add_products<T: Reduce>(acc: &mut [T], x: &[T], y: &[T]) {
    vectorize(AddProducts(acc, x, y));
}

struct AddProducts<'a, T>(&'a mut [T], &'a [T], &'a [T]);

impl<T: Reduce> Vectorize for AddProducts<'_, T> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        for ((acc, &x), &y) in self.0.iter_mut().zip(self.1).zip(self.2) {
            *acc = acc.plus(x.times(y));
        }
    }
}

struct Dot<'a, T>(&'a [T], &'a [T]);

impl<T: Reduce> Vectorize for Dot<'_, T> {
    type Output = T;
    #[inline(always)]
    fn call(self) -> T {
        let (xs, x) = self.0.as_chunks::<LANES>();
        let (ys, y) = self.1.as_chunks::<LANES>();
        if T::EXACT || xs.is_empty() {
            return self.0.iter().zip(self.1).fold(T::ZERO, |sum, (&x, &y)| sum.plus(x.times(y)));
        }
        let mut lanes = [[T::ZERO; GROUP]; LANES / GROUP];
        for (x, y) in xs.iter().zip(ys) {
            lanes = each(lanes, &group(*x, y, T::times), T::plus);
        }
        if !x.is_empty() {
            let mut last = [T::ZERO; LANES];
            for (last, (&x, &y)) in last.iter_mut().zip(x.iter().zip(y)) {
                *last = x.times(y);
            }
            lanes = each(lanes, &last, T::plus);
        }
        tree(&lanes, T::plus)
    }
}

/// `out[i]` becomes `x[i] + y`.
pub fn plus<T: Reduce>(x: &[T], y: T, out: &mut [T]) {
    vectorize(Plus(x, y, out));
}

struct Plus<'a, T>(&'a [T], T, &'a mut [T]);

impl<T: Reduce> Vectorize for Plus<'_, T> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        for (out, &x) in self.2.iter_mut().zip(self.0) {
            *out = x.plus(self.1);
        }
    }
}

struct Into<'a, T, G>(&'a mut [T], &'a [T], G);

impl<T: Reduce, G: Fn(T, T) -> T> Vectorize for Into<'_, T, G> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        for (acc, &x) in self.0.iter_mut().zip(self.1) {
            *acc = (self.2)(*acc, x);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_order() {
        let x = [f64::NEG_INFINITY, -2.0, -1e-310, 0.0, 1e-310, 2.0, f64::INFINITY, f64::NAN];
        assert!(x.windows(2).all(|w| w[0].key() < w[1].key()));
        assert!(x.iter().all(|x| (*x as f32).key() == f64::from(*x as f32).key()));
        assert_eq!(((-0.0f64).key(), (-f64::NAN).key()), (0.0f64.key(), f64::NAN.key()));
        assert!([i64::MIN, -1, 0, 7, i64::MAX].windows(2).all(|w| w[0].key() < w[1].key()));
        assert!(0u8.key() < 255u8.key());
    }

    #[test]
    fn blocks_of_every_length() {
        for n in 0..300 {
            let x: Vec<f64> = (0..n).map(|i| f64::from((i * 29) % 31) - 11.0).collect();
            assert_eq!(Fold::Sum.block(&x), x.iter().sum::<f64>());
            assert_eq!(Fold::Max.block(&x), x.iter().copied().fold(f64::NEG_INFINITY, f64::max));
            assert_eq!(Fold::Min.block(&x), x.iter().copied().fold(f64::INFINITY, f64::min));
        }
    }

    #[test]
    fn rows_of_every_length_have_the_bits_of_blocks() {
        for n in 1..130 {
            let x: Vec<f32> = (0..n * 21).map(|i| ((i * 29) % 31) as f32 / 3.0 - 4.0).collect();
            for fold in [Fold::Sum, Fold::Max, Fold::Min] {
                let mut rows = [0.0; 21];
                fold.rows(&x, &mut rows);
                let blocks: Vec<f32> = x.chunks(n).map(|row| fold.block(row)).collect();
                assert_eq!(rows.as_slice(), blocks, "{fold:?} of rows of {n}");
            }
        }
    }

    #[test]
    fn short_rows_are_folded_in_order_with_nan_and_zeros_of_both_signs() {
        fn check<T: Reduce + Float>(n: usize) {
            let special = [0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e-310];
            let number = |i: usize| match i * 7919 % 101 {
                hit if hit < 6 && i.is_multiple_of(3) => special[hit],
                other => other as f64 / 3.0 - 16.0,
            };
            let x: Vec<T> = (0..n * 43).map(|i| T::lit(number(i))).collect();
            for fold in [Fold::Sum, Fold::Max, Fold::Min] {
                let mut rows = vec![T::ZERO; 43];
                fold.rows(&x, &mut rows);
                for (i, (row, found)) in x.chunks(n).zip(rows).enumerate() {
                    let expected = row.iter().fold(fold.neutral(), |t: T, &v| fold.combine(t, v));
                    let same = expected.key() == found.key();
                    assert!(
                        same && expected == found || found.is_nan() && expected.is_nan(),
                        "{fold:?} of row {i} of {n}: {expected:?}, not {found:?}"
                    );
                    let sign = |x: T| T::lit(1.0).copysign(x);
                    assert!(found.is_nan() || sign(found) == sign(expected), "{fold:?} of {n}");
                }
            }
        }
        for n in 1..LANES {
            check::<f32>(n);
            check::<f64>(n);
        }
    }

    #[test]
    fn extrema_of_blocks_see_every_nan_and_both_infinities() {
        for n in [64, 65, 200, 1000] {
            let mut x: Vec<f32> = (0..n).map(|i| (i % 37) as f32).collect();
            (x[n / 2], x[n / 3]) = (f32::INFINITY, f32::NEG_INFINITY);
            assert_eq!(Fold::Max.block(&x), f32::INFINITY);
            assert_eq!(Fold::Min.block(&x), f32::NEG_INFINITY);
            for at in [0, 1, n / 2, n - 1] {
                let mut x = x.clone();
                x[at] = f32::NAN;
                assert!(
                    Fold::Max.block(&x).is_nan() && Fold::Min.block(&x).is_nan(),
                    "{at} of {n}"
                );
            }
        }
    }

    #[test]
    fn sums_of_products_have_the_bits_of_sums() {
        for n in 1..200 {
            let at = |i: i32, k: i32| f64::from((i * k) % 31) / 3.0 - 4.0;
            let x: Vec<f64> = (0..3 * n).map(|i| at(i, 29)).collect();
            let y: Vec<f64> = (0..3 * n).map(|i| at(i, 17)).collect();
            let products: Vec<f64> = x.iter().zip(&y).map(|(x, y)| x * y).collect();
            let (mut sums, mut direct) = ([0.0; 3], [0.0; 3]);
            Fold::Sum.rows(&products, &mut sums);
            dots(&x, &y, &mut direct);
            assert_eq!(sums, direct, "rows of {n}");
        }
    }

    #[test]
    fn products_are_added_as_in_two_steps() {
        let x: Vec<f32> = (0..100).map(|i| ((i * 29) % 31) as f32 / 3.0 - 4.0).collect();
        let y: Vec<f32> = (0..100).map(|i| ((i * 17) % 31) as f32 / 7.0 - 2.0).collect();
        let (mut steps, mut once) = ([0.1; 100], [0.1; 100]);
        let products: Vec<f32> = x.iter().zip(&y).map(|(x, y)| x * y).collect();
        Fold::Sum.into(&mut steps, &products);
        add_products(&mut once, &x, &y);
        assert_eq!(steps, once);
    }

    #[test]
    fn nan_wins_wherever_it_stands() {
        for at in [0, 5, 63, 64, 99] {
            let mut x = vec![1.0f32; 100];
            x[at] = f32::NAN;
            assert!(Fold::Max.block(&x).is_nan() && Fold::Min.block(&x).is_nan());
        }
    }
}
