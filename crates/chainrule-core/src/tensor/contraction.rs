//! Contractions: `dot`, `matmul`, `einsum`, and the triangles of matrices. All are one operation of
//! the graph, the batched matrix product, between changes of shape.

use std::panic::Location;

use smallvec::smallvec;

use super::args::{axis, clash, joint, record, stretch};
use super::methods;
use crate::error::{Error, ErrorKind, Result, count};
use crate::graph::Tensor;
use crate::op::{Axes, DType, Linear, Op, Shape};
use crate::place::Place;

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
                .hint(
                    "for matrices use `matmul`; for all elements of two tensors, \
                     `(a * b).sum()`",
                ));
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
                .hint("a single number multiplies with `*`"));
        }
        // Products of truth values are counted, as `sum` counts them.
        let result = self.dtype().promote(other.dtype()).counted();
        let dtype = result.lanes();
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
                let lead = |x: &Tensor| x.shape()[..x.rank() - 2].to_vec();
                let batch = match joint(&lead(&a), &lead(&b)) {
                    Ok(batch) => batch,
                    Err(from_last) => {
                        return Err(clash("matmul", ["left", "right"], self, other, from_last + 2)
                            .hint("the axes before the last two must broadcast"));
                    }
                };
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
        Ok(y.linear(Linear::Reshape, gone.remove_from(y.shape())).into_dtype(result))
    }

    /// The lower triangle of the last two axes, 0 elsewhere: elements in row i and column
    /// j ≤ i + `diagonal`.
    ///
    /// ```
    /// # use chainrule_core::*;
    /// let a = Tensor::ones([2, 3]);
    /// assert_eq!(a.tril(0).to_vec::<f32>()?, [1.0, 0.0, 0.0, 1.0, 1.0, 0.0]);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Panics
    /// If there are fewer than two axes.
    fn tril / try_tril(&self, diagonal: i64) {
        triangle("tril", self, |row, column| column.try_le(&(row + diagonal)))
    }

    /// The upper triangle of the last two axes, 0 elsewhere: elements in row i and column
    /// j ≥ i + `diagonal`.
    ///
    /// # Panics
    /// If there are fewer than two axes.
    fn triu / try_triu(&self, diagonal: i64) {
        triangle("triu", self, |row, column| column.try_ge(&(row + diagonal)))
    }
}

/// The elements of the last two axes for whose row and column numbers `keep` holds, 0 elsewhere.
#[track_caller]
fn triangle(
    op: &str,
    x: &Tensor,
    keep: impl FnOnce(&Tensor, &Tensor) -> Result<Tensor>,
) -> Result<Tensor> {
    let (row, column) = (axis(op, x, -2)?, axis(op, x, -1)?);
    let iota = |a: usize| record(Op::Iota(a as u8), DType::I64, x.0.shape.clone(), smallvec![]);
    keep(&iota(row), &iota(column))?.try_where(x, x.zeros_like())
}

#[track_caller]
#[cold]
fn mismatch(a: &Tensor, b: &Tensor, k: usize, l: usize) -> Error {
    let (last, rank) = (a.shape().last(), b.rank());
    let hint = if rank >= 2 && b.shape().last() == last {
        "the last axes agree: did you mean `left.matmul(&right.t())`?"
    } else if a.rank() >= 2 && a.shape()[a.rank() - 2] == l {
        "left's other axis agrees: did you mean `left.t().matmul(&right)`?"
    } else {
        "left's last axis must be as long as right's axis before the last, or its only one"
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
    let here = Place::caller();
    let fail = |what: String, hint: &str| {
        Error::new(ErrorKind::Shape, format!("`einsum` {formula:?}: {what}"), here).hint(hint)
    };
    let per_operand = "write one group of letters per operand, as in \"ij,jk->ik\" for two";
    let clean: String = formula.chars().filter(|c| !c.is_whitespace()).collect();
    let (inputs, output) = match clean.split_once("->") {
        Some((inputs, output)) => (inputs, Some(output.to_string())),
        None => (clean.as_str(), None),
    };
    let groups: Vec<Vec<char>> = inputs.split(',').map(|g| g.chars().collect()).collect();
    if groups.len() != operands.len() {
        let groups = count(groups.len(), "group", "groups");
        let operands = count(operands.len(), "operand", "operands");
        return Err(fail(format!("{groups} for {operands}"), per_operand));
    }
    let letters: Vec<char> = groups.iter().flatten().copied().collect();
    if let Some(c) = letters.iter().find(|c| !c.is_ascii_alphabetic()) {
        return Err(fail(
            format!("{c:?} is no letter"),
            "each axis has a letter, a to z or A to Z",
        ));
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
        if !letters.contains(c) {
            let hint = "only letters of the operands can stand behind `->`";
            return Err(fail(format!("{c:?} of the result is in no operand"), hint));
        }
        if output[..i].contains(c) {
            let hint =
                "a letter stands once behind `->`; twice in an operand it takes the diagonal";
            return Err(fail(format!("{c:?} stands twice in the result"), hint));
        }
    }
    let mut sizes: Vec<(char, usize, &Tensor)> = vec![];
    for (group, x) in groups.iter().zip(operands) {
        if group.len() != x.rank() {
            let text: String = group.iter().collect();
            let axes = count(x.rank(), "axis", "axes");
            let hint = "write one letter per axis";
            return Err(fail(format!("{text:?} for {axes}"), hint).operand(x.operand("operand")));
        }
        for (&c, &n) in group.iter().zip(x.shape()) {
            match sizes.iter().find(|s| s.0 == c) {
                Some(&(_, m, first)) if m != n => {
                    let hint = "a letter has one length: check the order of the letters";
                    return Err(fail(format!("{c:?} is both {m} and {n}"), hint)
                        .operand(first.operand("first"))
                        .operand(x.operand("then")));
                }
                Some(_) => {}
                None => sizes.push((c, n, x)),
            }
        }
    }
    let mut terms: Vec<(Tensor, Vec<char>)> = vec![];
    for (group, x) in groups.iter().zip(operands) {
        terms.push(diagonals(x, group)?);
    }
    let Some(mut result) = terms.first().cloned() else {
        return Err(fail("no operands".into(), per_operand));
    };
    for (i, next) in terms.iter().enumerate().skip(1) {
        let later = |c: &char| output.contains(c) || terms[i + 1..].iter().any(|t| t.1.contains(c));
        result = contract(&result, next, later)?;
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
        let row = record(Op::Iota(i as u8), DType::I64, x.0.shape.clone(), smallvec![]);
        let column = record(Op::Iota(j as u8), DType::I64, x.0.shape.clone(), smallvec![]);
        let mask = row.try_eq(&column)?;
        debug_assert_eq!(n, x.shape()[j]);
        x = mask.try_where(&x, x.zeros_like())?.try_sum_axis(j as i64, false)?;
        group.remove(j);
    }
    Ok((x, group))
}

/// The product of two terms, summed over the letters that nobody needs later.
#[track_caller]
fn contract(
    a: &(Tensor, Vec<char>),
    b: &(Tensor, Vec<char>),
    later: impl Fn(&char) -> bool,
) -> Result<(Tensor, Vec<char>)> {
    let has = |g: &[char], c: &char| g.contains(c);
    let shared = |c: &&char| has(&b.1, c);
    let batch: Vec<char> = a.1.iter().filter(shared).filter(|c| later(c)).copied().collect();
    let sum: Vec<char> = a.1.iter().filter(shared).filter(|c| !later(c)).copied().collect();
    let rows: Vec<char> = a.1.iter().filter(|c| !has(&b.1, c)).copied().collect();
    let cols: Vec<char> = b.1.iter().filter(|c| !has(&a.1, c)).copied().collect();
    let (x, la) = arrange(a, [&batch, &rows, &sum])?;
    let (y, lb) = arrange(b, [&batch, &sum, &cols])?;
    let shape: Vec<usize> = [&la[0][..], &la[1][..], &lb[2][..]].concat();
    let product = x.try_matmul(&y)?.try_reshape(shape)?;
    Ok((product, [batch, rows, cols].concat()))
}

/// A term with its axes in three groups, each made one axis, and the lengths in each group.
#[track_caller]
fn arrange(
    (x, group): &(Tensor, Vec<char>),
    parts: [&[char]; 3],
) -> Result<(Tensor, [Vec<usize>; 3])> {
    let place = |c: &char| group.iter().position(|d| d == c);
    let order: Vec<usize> = parts.iter().flat_map(|p| p.iter().filter_map(place)).collect();
    let lens = parts.map(|p| p.iter().filter_map(place).map(|i| x.shape()[i]).collect::<Vec<_>>());
    let [p, q, r] = [0, 1, 2].map(|i| lens[i].iter().product::<usize>());
    let x = if order.is_empty() { x.source() } else { x.try_permute(order.as_slice())? };
    Ok((x.try_reshape([p, q, r])?, lens))
}
