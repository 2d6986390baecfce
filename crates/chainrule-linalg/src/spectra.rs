//! Orthogonal factorisations: QR, singular values, eigenvalues, and what follows from them.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::householder::{
    apply_block_householder_sequence_on_the_left_in_place_scratch as apply_scratch,
    apply_block_householder_sequence_on_the_left_in_place_with_conj as apply,
};
use faer::linalg::matmul::matmul;
use faer::linalg::qr::no_pivoting::factor::{
    qr_in_place, qr_in_place_scratch, recommended_block_size,
};
use faer::linalg::svd::{self as faer_svd, ComputeSvdVectors, svd_scratch};
use faer::{Accum, Conj, Mat};

use crate::{Entry, Fault, Outcome, SEQ, finite, matrix, store};

pub(crate) fn qr<T: Entry>(a: &[T], m: usize, n: usize, q: &mut [T], r: &mut [T]) {
    if n == 0 {
        return;
    }
    let mut x = matrix(a, m, n);
    let block = recommended_block_size::<T>(m, n);
    let mut factor = Mat::zeros(block, n);
    let scratch = qr_in_place_scratch::<T>(m, n, block, SEQ, Default::default())
        .or(apply_scratch::<T>(m, block, n));
    let mut memory = MemBuffer::new(scratch);
    let stack = MemStack::new(&mut memory);
    qr_in_place(x.as_mut(), factor.as_mut(), SEQ, stack, Default::default());
    let mut y = Mat::from_fn(m, n, |i, j| T::of(if i == j { 1.0 } else { 0.0 }));
    apply(x.as_ref(), factor.as_ref(), Conj::No, y.as_mut(), SEQ, stack);
    for i in 0..n {
        let sign = if x[(i, i)] < T::of(0.0) { T::of(-1.0) } else { T::of(1.0) };
        for j in 0..n {
            r[i * n + j] = if j < i { T::of(0.0) } else { sign * x[(i, j)] };
        }
        (0..m).for_each(|j| q[j * n + i] = sign * y[(j, i)]);
    }
}

pub(crate) fn svd<T: Entry>(
    a: &[T],
    m: usize,
    n: usize,
    u: &mut [T],
    s: &mut [T],
    vt: &mut [T],
) -> Outcome {
    if a.is_empty() {
        return Ok(());
    }
    let (left, values, right) = thin(a, m, n)?;
    store(left.as_ref(), u);
    s.copy_from_slice(&values);
    store(right.transpose(), vt);
    Ok(())
}

/// U, s and V.
type Factors<T> = (Mat<T>, Vec<T>, Mat<T>);

fn thin<T: Entry>(a: &[T], m: usize, n: usize) -> Result<Factors<T>, Fault> {
    finite(a, n)?;
    let k = m.min(n);
    let (mut u, mut v) = (Mat::zeros(m, k), Mat::zeros(n, k));
    let mut s = Diag::<T>::zeros(k);
    let thin = ComputeSvdVectors::Thin;
    let mut memory = MemBuffer::new(svd_scratch::<T>(m, n, thin, thin, SEQ, Default::default()));
    faer_svd::svd(
        matrix(a, m, n).as_ref(),
        s.as_mut(),
        Some(u.as_mut()),
        Some(v.as_mut()),
        SEQ,
        MemStack::new(&mut memory),
        Default::default(),
    )
    .map_err(|_| Fault::NoConvergence)?;
    Ok((u, s.column_vector().iter().copied().collect(), v))
}

pub(crate) fn eigh<T: Entry>(a: &[T], n: usize, w: &mut [T], v: &mut [T]) -> Outcome {
    if n == 0 {
        return Ok(());
    }
    finite(a, n)?;
    let mut vectors = Mat::zeros(n, n);
    let mut values = Diag::<T>::zeros(n);
    let yes = ComputeEigenvectors::Yes;
    let mut memory = MemBuffer::new(self_adjoint_evd_scratch::<T>(n, yes, SEQ, Default::default()));
    self_adjoint_evd(
        matrix(a, n, n).as_ref(),
        values.as_mut(),
        Some(vectors.as_mut()),
        SEQ,
        MemStack::new(&mut memory),
        Default::default(),
    )
    .map_err(|_| Fault::NoConvergence)?;
    w.iter_mut().zip(values.column_vector().iter()).for_each(|(w, &value)| *w = value);
    store(vectors.as_ref(), v);
    Ok(())
}

/// V diag(1/s) and U of the singular values above `cutoff` times the largest.
fn inverted<T: Entry>(a: &[T], m: usize, n: usize, cutoff: f64) -> Result<(Mat<T>, Mat<T>), Fault> {
    let (u, s, mut v) = thin(a, m, n)?;
    let least = cutoff * s.first().map_or(0.0, |&s| s.into());
    for (j, &s) in s.iter().enumerate() {
        let inverse = if s.into() > least { T::of(1.0) / s } else { T::of(0.0) };
        (0..n).for_each(|i| v[(i, j)] *= inverse);
    }
    Ok((v, u))
}

pub(crate) fn pinv<T: Entry>(a: &[T], m: usize, n: usize, cutoff: f64, out: &mut [T]) -> Outcome {
    if a.is_empty() {
        return Ok(());
    }
    let (v, u) = inverted(a, m, n, cutoff)?;
    let mut y = Mat::zeros(n, m);
    matmul(y.as_mut(), Accum::Replace, v.as_ref(), u.transpose(), T::of(1.0), SEQ);
    store(y.as_ref(), out);
    Ok(())
}

pub(crate) fn lstsq<T: Entry>(
    a: &[T],
    m: usize,
    n: usize,
    cutoff: f64,
    b: &[T],
    k: usize,
    x: &mut [T],
) -> Outcome {
    x.fill(T::of(0.0));
    if a.is_empty() || k == 0 {
        return Ok(());
    }
    let (v, u) = inverted(a, m, n, cutoff)?;
    let b = matrix(b, m, k);
    let (mut c, mut y) = (Mat::zeros(u.ncols(), k), Mat::zeros(n, k));
    matmul(c.as_mut(), Accum::Replace, u.transpose(), b.as_ref(), T::of(1.0), SEQ);
    matmul(y.as_mut(), Accum::Replace, v.as_ref(), c.as_ref(), T::of(1.0), SEQ);
    store(y.as_ref(), x);
    Ok(())
}
