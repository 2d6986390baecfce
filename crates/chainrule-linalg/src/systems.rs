//! Systems of equations: LU, triangles, Cholesky.

use std::cmp::Ordering;

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{LltError, LltRegularization};
use faer::linalg::cholesky::llt::factor::{cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::lu::partial_pivoting::factor::{lu_in_place, lu_in_place_scratch};
use faer::linalg::triangular_solve as triangular;

use crate::{Entry, Fault, Outcome, SEQ, finite, matrix, store};

pub(crate) fn lu<T: Entry>(a: &[T], n: usize, lu: &mut [T], order: &mut [i64]) {
    if n == 0 {
        return;
    }
    let mut x = matrix(a, n, n);
    let (mut rows, mut inverse) = (vec![0usize; n], vec![0usize; n]);
    let mut memory = MemBuffer::new(lu_in_place_scratch::<usize, T>(n, n, SEQ, Default::default()));
    lu_in_place(
        x.as_mut(),
        &mut rows,
        &mut inverse,
        SEQ,
        MemStack::new(&mut memory),
        Default::default(),
    );
    store(x.as_ref(), lu);
    order.iter_mut().zip(rows).for_each(|(to, row)| *to = row as i64);
    // Behind a pivot of 0 there is NaN.
    if finite(lu, n).is_err() && finite(a, n).is_ok() {
        lu.copy_from_slice(a);
        eliminate(lu, n, order);
    }
}

/// The factorisation of a singular matrix, where columns without a pivot are left as they are.
fn eliminate<T: Entry>(lu: &mut [T], n: usize, order: &mut [i64]) {
    order.iter_mut().zip(0..).for_each(|(to, row)| *to = row);
    for j in 0..n {
        let size = |i: usize| lu[i * n + j].into().abs();
        let pivot = (j..n).fold(j, |best, i| if size(i) > size(best) { i } else { best });
        if size(pivot) == 0.0 {
            continue;
        }
        if pivot != j {
            (0..n).for_each(|k| lu.swap(j * n + k, pivot * n + k));
            order.swap(j, pivot);
        }
        let (above, below) = lu.split_at_mut((j + 1) * n);
        let top = &above[j * n..];
        for row in below.chunks_exact_mut(n) {
            let factor = row[j] / top[j];
            row[j] = factor;
            row[j + 1..].iter_mut().zip(&top[j + 1..]).for_each(|(x, &t)| *x -= factor * t);
        }
    }
}

pub(crate) fn lu_solve<T: Entry>(
    lu: &[T],
    order: &[i64],
    transposed: bool,
    b: &[T],
    k: usize,
    x: &mut [T],
) -> Outcome {
    let n = order.len();
    if let Some(j) = (0..n).find(|j| lu[j * n + j] == T::of(0.0)) {
        return Err(Fault::Singular(j));
    }
    if n == 0 || k == 0 {
        return Ok(());
    }
    let (factors, mut y) = (matrix(lu, n, n), matrix(b, n, k));
    if transposed {
        let factors = factors.transpose();
        triangular::solve_lower_triangular_in_place(factors, y.as_mut(), SEQ);
        triangular::solve_unit_upper_triangular_in_place(factors, y.as_mut(), SEQ);
        for (i, &row) in order.iter().enumerate() {
            (0..k).for_each(|j| x[row as usize * k + j] = y[(i, j)]);
        }
    } else {
        for (i, &row) in order.iter().enumerate() {
            (0..k).for_each(|j| y[(i, j)] = b[row as usize * k + j]);
        }
        triangular::solve_unit_lower_triangular_in_place(factors.as_ref(), y.as_mut(), SEQ);
        triangular::solve_upper_triangular_in_place(factors.as_ref(), y.as_mut(), SEQ);
        store(y.as_ref(), x);
    }
    Ok(())
}

/// Which triangle of a matrix is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Triangle {
    /// The upper one, else the lower.
    pub upper: bool,
    /// Its diagonal is 1, whatever stands there.
    pub unit: bool,
    /// Its transpose is meant.
    pub transposed: bool,
}

pub(crate) fn solve_triangular<T: Entry>(
    a: &[T],
    n: usize,
    triangle: Triangle,
    b: &[T],
    k: usize,
    x: &mut [T],
) -> Outcome {
    let Triangle { upper, unit, transposed } = triangle;
    if let Some(j) = (0..n).find(|j| !unit && a[j * n + j] == T::of(0.0)) {
        return Err(Fault::Singular(j));
    }
    if n == 0 || k == 0 {
        return Ok(());
    }
    let (a, mut y) = (matrix(a, n, n), matrix(b, n, k));
    let a = if transposed { a.transpose() } else { a.as_ref() };
    let to = y.as_mut();
    match (upper != transposed, unit) {
        (false, false) => triangular::solve_lower_triangular_in_place(a, to, SEQ),
        (false, true) => triangular::solve_unit_lower_triangular_in_place(a, to, SEQ),
        (true, false) => triangular::solve_upper_triangular_in_place(a, to, SEQ),
        (true, true) => triangular::solve_unit_upper_triangular_in_place(a, to, SEQ),
    }
    store(y.as_ref(), x);
    Ok(())
}

pub(crate) fn cholesky<T: Entry>(a: &[T], n: usize, l: &mut [T]) -> Outcome {
    if n == 0 {
        return Ok(());
    }
    finite(a, n)?;
    let mut x = matrix(a, n, n);
    let mut memory = MemBuffer::new(cholesky_in_place_scratch::<T>(n, SEQ, Default::default()));
    let stack = MemStack::new(&mut memory);
    let none = LltRegularization::default();
    if let Err(LltError::NonPositivePivot { index }) =
        cholesky_in_place(x.as_mut(), none, SEQ, stack, Default::default())
    {
        return Err(Fault::NotPositive(index));
    }
    store(x.as_ref(), l);
    for i in 0..n {
        l[i * n + i + 1..(i + 1) * n].fill(T::of(0.0));
        if l[i * n + i].partial_cmp(&T::of(0.0)) != Some(Ordering::Greater) {
            return Err(Fault::NotPositive(i));
        }
    }
    Ok(())
}
