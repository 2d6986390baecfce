//! What the functions take: matrices of a floating-point type, with equal batch axes.

use std::panic::Location;

use crate::error::{Error, ErrorKind, Result, count};
use crate::graph::Tensor;
use crate::op::{DType, Shape};
use crate::tensor::{clash, joint};

/// A matrix, or a batch of them, in floating-point numbers.
#[track_caller]
pub(super) fn matrix(op: &str, a: &Tensor) -> Result<Tensor> {
    if a.rank() < 2 {
        let what = format!("`{op}` of a tensor with {}", count(a.rank(), "axis", "axes"));
        return Err(Error::new(ErrorKind::Shape, what, Location::caller())
            .operand(a.operand("matrix"))
            .hint("its last two axes are rows and columns; others before them make a batch"));
    }
    Ok(a.to_dtype(a.dtype().to_float()))
}

/// A square matrix, or a batch of them, in floating-point numbers.
#[track_caller]
pub(super) fn square(op: &str, a: &Tensor) -> Result<Tensor> {
    let x = matrix(op, a)?;
    let [m, n] = sides(&x);
    if m != n {
        let what = format!("`{op}` of a matrix with {m} rows and {n} columns");
        return Err(Error::new(ErrorKind::Shape, what, Location::caller())
            .operand(a.operand("matrix"))
            .hint("it must be square; `lstsq`, `pinv`, `qr` and `svd` take any matrix"));
    }
    Ok(x)
}

/// (A + Aᵀ)/2 of a square matrix: what functions of symmetric matrices look at.
#[track_caller]
pub(super) fn symmetric(op: &str, a: &Tensor) -> Result<Tensor> {
    let x = square(op, a)?;
    Ok((&x + x.t()) * 0.5)
}

/// Rows and columns.
pub(super) fn sides(a: &Tensor) -> [usize; 2] {
    [a.shape()[a.rank() - 2], a.shape()[a.rank() - 1]]
}

/// How many axes a batch of matrices has before the last two.
pub(super) fn lead(a: &Tensor) -> usize {
    a.rank() - 2
}

/// A and B of an equation A X = B, of one type and with equal batch axes.
pub(super) struct Pair {
    pub(super) a: Tensor,
    pub(super) b: Tensor,
    /// B was a vector for each matrix, and has become a column.
    vector: bool,
}

impl Pair {
    /// Checks that B has as many rows as A; B may be a vector for each matrix.
    #[track_caller]
    pub(super) fn new(op: &str, a: &Tensor, b: &Tensor) -> Result<Pair> {
        let dtype = a.dtype().promote(b.dtype());
        let (a, mut x) = (a.to_dtype(dtype), b.to_dtype(dtype));
        let rows = sides(&a)[0];
        let vector = b.rank() == 1 || b.shape() == &a.shape()[..a.rank() - 1];
        if vector {
            x = x.try_unsqueeze(-1)?;
        }
        if x.rank() < 2 || sides(&x)[0] != rows {
            let what = format!("`{op}`: the matrix has {rows} rows, the right side another number");
            return Err(Error::new(ErrorKind::Shape, what, Location::caller())
                .operand(a.operand("matrix"))
                .operand(b.operand("right side"))
                .hint("the right side is a vector, or a matrix with a column for each equation"));
        }
        let batch = match joint(&a.shape()[..lead(&a)], &x.shape()[..lead(&x)]) {
            Ok(batch) => batch,
            Err(from_last) => {
                return Err(clash(op, ["matrix", "right side"], &a, b, from_last + 2)
                    .hint("the axes before the last two must broadcast"));
            }
        };
        let wide = |x: &Tensor| {
            x.try_expand(batch.iter().copied().chain(sides(x)).collect::<Shape>().as_slice())
        };
        Ok(Pair { a: wide(&a)?, b: wide(&x)?, vector })
    }

    /// X as the caller wrote B.
    #[track_caller]
    pub(super) fn like(&self, x: &Tensor) -> Result<Tensor> {
        if self.vector { x.try_squeeze(-1) } else { Ok(x.clone()) }
    }
}

/// The identity beside A: its rows, type and batch axes.
#[track_caller]
pub(super) fn eye_like(a: &Tensor) -> Result<Tensor> {
    let n = sides(a)[0];
    let batch = &a.shape()[..lead(a)];
    Tensor::eye(n).to_dtype(a.dtype()).try_expand([batch, &[n, n]].concat())
}

/// The diagonals of matrices.
#[track_caller]
pub(super) fn diagonal(a: &Tensor) -> Result<Tensor> {
    (a * eye_like(a)?).try_sum_axis(-1, false)
}

/// X whose elements on the diagonal are halved and those above it left out.
#[track_caller]
pub(super) fn half(x: &Tensor) -> Tensor {
    x.tril(0) - x.tril(0).triu(0) * 0.5
}

/// The word for a type in options.
pub(super) fn bits(flags: &[bool]) -> u64 {
    flags.iter().fold(1, |word, &flag| word << 1 | u64::from(flag))
}

/// The type and shape of one result.
pub(super) fn shaped(dtype: DType, shape: impl IntoIterator<Item = usize>) -> (DType, Shape) {
    (dtype, shape.into_iter().collect())
}

/// The rounding error of a tensor's type.
pub(super) fn epsilon(x: &Tensor) -> f64 {
    if x.dtype() == DType::F32 { f64::from(f32::EPSILON) } else { f64::EPSILON }
}
