//! Contractions: `dot`, `matmul`, `einsum`. All are one operation of the graph, the batched matrix
//! product, between changes of shape.

use std::panic::Location;

use smallvec::smallvec;

use super::args::{broadcast, stretch};
use super::methods;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Tensor;
use crate::graph::node::record;
use crate::op::{Axes, DType, Linear, Op, Shape};

methods! {
    /// Σ x y of two vectors.
    ///
    /// # Panics
    /// If they are not vectors of one length.
    fn dot / try_dot(&self, other: &Tensor) {
        if self.rank() != 1 || other.rank() != 1 || self.shape() != other.shape() {
            let what = "`dot` needs two vectors of one length";
            return Err(Error::new(ErrorKind::Shape, what, Location::caller())
                .operand(self.operand("left"))
                .operand(other.operand("right"))
                .hint("for matrices use `matmul`; for all elements of two tensors, `(a * b).sum()`"));
        }
        self.try_mul(other)?.try_sum()
    }

    /// The matrix product over the last axis of this tensor and the axis before the last of the
    /// other. Leading axes broadcast; a vector stands for a row on the left and for a column on the
    /// right, and its axis disappears (as in numpy and torch).
    ///
    /// ```
    /// # use chainrule_core::*;
    /// let a = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
    /// assert_eq!(a.matmul(&Tensor::from([1.0, 1.0])).to_vec::<f64>()?, [3.0, 7.0]);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Panics
    /// If an operand is 0-d, or lengths do not agree.
    fn matmul / try_matmul(&self, other: &Tensor) {
        if self.rank() == 0 || other.rank() == 0 {
            let what = "`matmul` on a 0-d tensor";
            return Err(Error::new(ErrorKind::Shape, what, Location::caller())
                .operand(self.operand("left"))
                .operand(other.operand("right"))
                .hint("multiply by a number with `*`"));
        }
        let dtype = self.dtype().promote(other.dtype());
        let (mut a, mut b) = (self.to_dtype(dtype), other.to_dtype(dtype));
        let (row, column) = (a.rank() == 1, b.rank() == 1);
        if row {
            a = a.try_unsqueeze(0)?;
        }
        if column {
            b = b.try_unsqueeze(1)?;
        }
        let (m, k) = (a.shape()[a.rank() - 2], a.shape()[a.rank() - 1]);
        let (l, n) = (b.shape()[b.rank() - 2], b.shape()[b.rank() - 1]);
        if k != l {
            return Err(mismatch(self, other, k, l));
        }
        let y = if b.rank() == 2 && a.rank() > 2 {
            // One matrix for all rows of all batches.
            let mut shape = a.0.shape.clone();
            let rows: usize = shape[..shape.len() - 1].iter().product();
            let flat = a.linear(Linear::Reshape, smallvec![rows, k]);
            let last = shape.len() - 1;
            shape[last] = n;
            let product = record(Op::Dot, dtype, smallvec![rows, n], smallvec![flat, b]);
            product.linear(Linear::Reshape, shape)
        } else {
            if a.rank() > 2 || b.rank() > 2 {
                let lead = |x: &Tensor| {
                    let shape: Shape = x.shape()[..x.rank() - 2].iter().copied().collect();
                    Tensor::constant(crate::op::Scalar::Int(0), dtype, shape)
                };
                let batch = broadcast("matmul", &lead(&a), &lead(&b)).map_err(|e| {
                    e.hint("the axes before the last two of `matmul`'s operands must broadcast")
                })?;
                let with = |tail: [usize; 2]| batch.iter().copied().chain(tail).collect::<Shape>();
                a = stretch(a, &with([m, k]));
                b = stretch(b, &with([k, n]));
            }
            let mut shape = a.0.shape.clone();
            let last = shape.len() - 1;
            shape[last] = n;
            record(Op::Dot, dtype, shape, smallvec![a, b])
        };
        let mut gone = Axes::default();
        let rank = y.rank();
        if row {
            gone.0 |= 1 << (rank - 2);
        }
        if column {
            gone.0 |= 1 << (rank - 1);
        }
        Ok(y.linear(Linear::Reshape, gone.remove_from(y.shape())))
    }
}

#[track_caller]
#[cold]
fn mismatch(a: &Tensor, b: &Tensor, k: usize, l: usize) -> Error {
    let (last, rank) = (a.shape().last(), b.rank());
    let hint = if rank >= 2 && b.shape().last() == last {
        "the last axes agree: did you mean `a.matmul(&b.t())`?"
    } else if a.rank() >= 2 && a.shape()[a.rank() - 2] == l {
        "the first axis of left agrees: did you mean `a.t().matmul(&b)`?"
    } else {
        "the last axis of left must be as long as the axis before the last of right (or its only \
         axis)"
    };
    let what = format!("`matmul` sums over {k} elements of left and {l} of right");
    Error::new(ErrorKind::Shape, what, Location::caller())
        .operand(a.operand("left"))
        .operand(b.operand("right"))
        .hint(hint)
}

/// Sums of products by Einstein's convention: each letter names an axis; letters that are not in
/// the result are summed over. Without `->` the result has the letters that occur once, in
/// alphabetical order.
///
/// ```
/// # use chainrule_core::*;
/// let a = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
/// assert_eq!(einsum("ii", &[&a])?.item::<f64>()?, 5.0); // trace
/// assert_eq!(einsum("ij->ji", &[&a])?.to_vec::<f64>()?, [1.0, 3.0, 2.0, 4.0]);
/// let x = Tensor::from([1.0, -1.0]);
/// assert_eq!(einsum("i,ij,j->", &[&x, &a, &x])?.item::<f64>()?, 0.0); // quadratic form
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// If the formula is malformed or does not fit the operands.
#[track_caller]
pub fn einsum(formula: &str, operands: &[&Tensor]) -> Result<Tensor> {
    let here = Location::caller();
    let fail = |what: String| {
        Error::new(ErrorKind::Shape, format!("`einsum` {formula:?}: {what}"), here)
            .hint("write one group of letters per operand, as in \"ij,jk->ik\"")
    };
    let clean: String = formula.chars().filter(|c| !c.is_whitespace()).collect();
    let (inputs, output) = match clean.split_once("->") {
        Some((inputs, output)) => (inputs, Some(output.to_string())),
        None => (clean.as_str(), None),
    };
    let groups: Vec<Vec<char>> = inputs.split(',').map(|g| g.chars().collect()).collect();
    if groups.len() != operands.len() {
        return Err(fail(format!("{} groups for {} operands", groups.len(), operands.len())));
    }
    let letters: Vec<char> = groups.iter().flatten().copied().collect();
    if let Some(c) = letters.iter().find(|c| !c.is_ascii_alphabetic()) {
        return Err(fail(format!("{c:?} is no letter")));
    }
    let output: Vec<char> = output.map_or_else(
        || {
            let mut once: Vec<char> = letters.clone();
            once.retain(|c| letters.iter().filter(|d| *d == c).count() == 1);
            once.sort_unstable();
            once
        },
        |o| o.chars().collect(),
    );
    for (i, c) in output.iter().enumerate() {
        if !letters.contains(c) || output[..i].contains(c) {
            return Err(fail(format!(
                "{c:?} of the result is in no operand, or stands there twice"
            )));
        }
    }
    let mut sizes: Vec<(char, usize)> = vec![];
    for (group, x) in groups.iter().zip(operands) {
        if group.len() != x.rank() {
            let text: String = group.iter().collect();
            return Err(fail(format!("{text:?} for a tensor with {} axes", x.rank()))
                .operand(x.operand("operand")));
        }
        for (&c, &n) in group.iter().zip(x.shape()) {
            match sizes.iter().find(|s| s.0 == c) {
                Some(&(_, m)) if m != n => return Err(fail(format!("{c:?} is both {m} and {n}"))),
                Some(_) => {}
                None => sizes.push((c, n)),
            }
        }
    }
    let mut terms: Vec<(Tensor, Vec<char>)> = vec![];
    for (group, x) in groups.iter().zip(operands) {
        terms.push(diagonals(x, group)?);
    }
    let Some(mut result) = terms.first().cloned() else { return Err(fail("no operands".into())) };
    for (i, next) in terms.iter().enumerate().skip(1) {
        let later = |c: &char| output.contains(c) || terms[i + 1..].iter().any(|t| t.1.contains(c));
        result = contract(result, next, later)?;
    }
    let (x, group) = result;
    let summed: Vec<i64> =
        (0..group.len()).filter(|&i| !output.contains(&group[i])).map(|i| i as i64).collect();
    let x = if summed.is_empty() { x } else { x.try_sum_axis(summed.as_slice(), false)? };
    let kept: Vec<char> = group.into_iter().filter(|c| output.contains(c)).collect();
    let order: Vec<usize> =
        output.iter().filter_map(|c| kept.iter().position(|d| d == c)).collect();
    if order.is_empty() { Ok(x) } else { x.try_permute(order.as_slice()) }
}

/// `x` with each repeated letter's axes replaced by their diagonal.
#[track_caller]
fn diagonals(x: &Tensor, group: &[char]) -> Result<(Tensor, Vec<char>)> {
    let (mut x, mut group) = (x.source(), group.to_vec());
    let twice = |g: &[char]| {
        (0..g.len())
            .find_map(|i| g[i + 1..].iter().position(|c| *c == g[i]).map(|j| (i, i + 1 + j)))
    };
    while let Some((i, j)) = twice(&group) {
        // Keep the elements whose two indices agree: mask, then sum one of the axes.
        let n = x.shape()[i];
        let index = |axis: usize| {
            let shape = x.0.shape.clone();
            record(Op::Iota(axis as u8), DType::I64, shape, smallvec![])
        };
        let mask = index(i).try_eq(&index(j))?;
        debug_assert_eq!(n, x.shape()[j]);
        x = mask.try_where(&x, &x.zeros_like())?.try_sum_axis(j as i64, false)?;
        group.remove(j);
    }
    Ok((x, group))
}

/// The product of two terms, summed over the letters that nobody needs later.
#[track_caller]
fn contract(
    a: (Tensor, Vec<char>),
    b: &(Tensor, Vec<char>),
    later: impl Fn(&char) -> bool,
) -> Result<(Tensor, Vec<char>)> {
    let has = |g: &[char], c: &char| g.contains(c);
    let shared = |c: &&char| has(&b.1, c);
    let batch: Vec<char> = a.1.iter().filter(shared).filter(|c| later(c)).copied().collect();
    let sum: Vec<char> = a.1.iter().filter(shared).filter(|c| !later(c)).copied().collect();
    let rows: Vec<char> = a.1.iter().filter(|c| !has(&b.1, c)).copied().collect();
    let cols: Vec<char> = b.1.iter().filter(|c| !has(&a.1, c)).copied().collect();
    let arrange = |(x, group): &(Tensor, Vec<char>), second: &[char], third: &[char]| {
        let size = |list: &[char]| -> Vec<usize> {
            list.iter()
                .filter_map(|c| group.iter().position(|d| d == c).map(|i| x.shape()[i]))
                .collect()
        };
        let order: Vec<usize> = batch
            .iter()
            .chain(second)
            .chain(third)
            .filter_map(|c| group.iter().position(|d| d == c))
            .collect();
        let lens = [size(&batch), size(second), size(third)];
        let [p, q, r] = [0, 1, 2].map(|i| lens[i].iter().product::<usize>());
        let x = if order.is_empty() { x.source() } else { x.try_permute(order.as_slice())? };
        Ok::<_, Error>((x.try_reshape([p, q, r])?, lens))
    };
    let (x, la) = arrange(&a, &rows, &sum)?;
    let (y, lb) = arrange(b, &sum, &cols)?;
    let shape: Vec<usize> = [&la[0][..], &la[1][..], &lb[2][..]].concat();
    let product = x.try_matmul(&y)?.try_reshape(shape)?;
    Ok((product, [batch, rows, cols].concat()))
}
