//! The matrix exponential by scaling and squaring.
//!
//! eᴬ = (e^(A/2ˢ))^(2ˢ), where A/2ˢ is so small that a Padé approximant of the exponential is right
//! to rounding: its degree is the least that suffices for A's 1-norm, and only beyond the bound for
//! degree 13 is A halved.
//!
//! Reference: Higham, *The scaling and squaring method for the matrix exponential revisited*
//! (2005): the bounds are those of table 2.3.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatRef};

use crate::systems::{lu, lu_solve};
use crate::{Entry, Fault, Outcome, SEQ, finite, matrix, store};

/// Degrees of approximants, and up to which 1-norm they are right to double precision.
const DEGREES: [(usize, f64); 5] = [
    (3, 1.495585217958292e-2),
    (5, 2.53939833006323e-1),
    (7, 9.504178996162932e-1),
    (9, 2.097847961257068),
    (13, 5.371920351148152),
];

pub(crate) fn expm<T: Entry>(a: &[T], n: usize, out: &mut [T]) -> Outcome {
    if n == 0 {
        return Ok(());
    }
    finite(a, n)?;
    let norm =
        (0..n).map(|j| (0..n).map(|i| a[i * n + j].into().abs()).sum::<f64>()).fold(0.0, f64::max);
    let (degree, bound) =
        DEGREES.into_iter().find(|&(_, bound)| norm <= bound).unwrap_or(DEGREES[4]);
    let halvings = (norm / bound).log2().ceil().max(0.0) as i32;
    let scale = 0.5f64.powi(halvings);
    let scaled: Vec<T> = a.iter().map(|&v| T::of(v.into() * scale)).collect();
    let mut x = approximant(&scaled, n, degree)?;
    for _ in 0..halvings {
        x = product(x.as_ref(), x.as_ref());
    }
    store(x.as_ref(), out);
    Ok(())
}

/// The diagonal Padé approximant p(A)/p(−A) of the exponential.
fn approximant<T: Entry>(a: &[T], n: usize, degree: usize) -> Result<Mat<T>, Fault> {
    let mut coefficients = vec![1.0f64];
    for k in 1..=degree {
        let before = coefficients[k - 1];
        coefficients.push(before * (degree + 1 - k) as f64 / (k * (2 * degree + 1 - k)) as f64);
    }
    // p(A) = E + A O, with E and O polynomials in A², of degree 6 at most: those up to A⁶, and A⁶
    // times the rest.
    let a = MatRef::from_row_major_slice(a, n, n);
    let square = product(a, a);
    let fourth = product(square.as_ref(), square.as_ref());
    let sixth = product(fourth.as_ref(), square.as_ref());
    let powers = [&square, &fourth, &sixth];
    let combine = |c: &[f64]| {
        let term = |i, j| powers.iter().zip(c).map(move |(x, &c)| x[(i, j)] * T::of(c));
        Mat::from_fn(n, n, |i, j| term(i, j).fold(T::of(0.0), |sum, v| sum + v))
    };
    let polynomial = |from: usize| {
        let c: Vec<f64> = coefficients.iter().skip(from).step_by(2).copied().collect();
        let (low, high) = c[1..].split_at(3.min(c.len() - 1));
        let mut y = combine(low);
        if !high.is_empty() {
            y += product(sixth.as_ref(), combine(high).as_ref());
        }
        (0..n).for_each(|i| y[(i, i)] += T::of(c[0]));
        y
    };
    let even = polynomial(0);
    let odd = product(a, polynomial(1).as_ref());
    let (mut above, mut below) = (vec![T::of(0.0); n * n], vec![T::of(0.0); n * n]);
    store((&even + &odd).as_ref(), &mut above);
    store((&even - &odd).as_ref(), &mut below);
    let (mut factors, mut order, mut y) = (below.clone(), vec![0; n], above.clone());
    lu(&below, n, &mut factors, &mut order);
    lu_solve(&factors, &order, false, &above, n, &mut y)?;
    Ok(matrix(&y, n, n))
}

fn product<T: Entry>(a: MatRef<'_, T>, b: MatRef<'_, T>) -> Mat<T> {
    let mut y = Mat::zeros(a.nrows(), b.ncols());
    matmul(y.as_mut(), Accum::Replace, a, b, T::of(1.0), SEQ);
    y
}
