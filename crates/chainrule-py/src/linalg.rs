//! Linear algebra, by the names of `torch.linalg`.

use chainrule::linalg::{self, MatrixNorm};
use chainrule::{Result, Tensor};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::errors::run;
use crate::reduce::Dims;
use crate::tensor::{Arg, Operand, PyTensor};

macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident $by:literal $f:expr;)*) => {
        $(
            $(#[$doc])*
            #[pyfunction]
            #[pyo3(name = $by)]
            #[allow(non_snake_case)]
            fn $name(a: Arg) -> PyResult<PyTensor> {
                let f: fn(&Tensor) -> Result<Tensor> = $f;
                run(|| f(&a.0)).map(|y| PyTensor::made(concat!("linalg_", $by), y))
            }
        )*
        fn register_each(m: &Bound<'_, PyModule>) -> PyResult<()> {
            $( m.add_function(wrap_pyfunction!($name, m)?)?; )*
            Ok(())
        }
    };
}

functions! {
    /// The inverse of square matrices; use `solve` where a product with it is wanted.
    inv "inv" linalg::inv;
    /// The determinant of square matrices.
    det "det" linalg::det;
    /// The lower triangular L with a positive diagonal and L Lᵀ = A, A symmetric positive definite.
    cholesky "cholesky" linalg::cholesky;
    /// The eigenvalues of symmetric matrices, in ascending order.
    eigvalsh "eigvalsh" linalg::eigvalsh;
    /// The singular values of matrices, in descending order.
    svdvals "svdvals" linalg::svdvals;
    /// The pseudo-inverse of matrices of full rank.
    pinv "pinv" linalg::pinv;
    /// The exponential of square matrices: Σ Aᵏ/k!.
    matrix_exp "matrix_exp" linalg::matrix_exp;
    /// The condition of matrices: the largest singular value over the smallest.
    cond "cond" linalg::cond;
    /// The number of singular values that are not negligible.
    matrix_rank "matrix_rank" linalg::matrix_rank;
}

type Pair = (PyTensor, PyTensor);

fn two(by: &'static str, pair: (Tensor, Tensor)) -> Pair {
    (PyTensor::made(by, pair.0), PyTensor::made(by, pair.1))
}

/// The sign of the determinant, and the logarithm of its absolute value.
#[pyfunction]
fn slogdet(a: Arg) -> PyResult<Pair> {
    run(|| linalg::slogdet(&a.0)).map(|pair| two("linalg_slogdet", pair))
}

/// Q with orthonormal columns and R upper triangular with a non-negative diagonal, Q R = A.
#[pyfunction]
fn qr(a: Arg) -> PyResult<Pair> {
    run(|| linalg::qr(&a.0)).map(|pair| two("linalg_qr", pair))
}

/// Eigenvalues in ascending order and eigenvectors in columns of symmetric matrices.
#[pyfunction]
fn eigh(a: Arg) -> PyResult<Pair> {
    run(|| linalg::eigh(&a.0)).map(|pair| two("linalg_eigh", pair))
}

/// U, s and Vᵀ with A = U diag(s) Vᵀ: the reduced form, `full_matrices=False` in torch.
#[pyfunction]
#[pyo3(signature = (a, full_matrices=false))]
fn svd(a: Arg, full_matrices: bool) -> PyResult<(PyTensor, PyTensor, PyTensor)> {
    if full_matrices {
        return Err(PyValueError::new_err(
            "`svd` gives the reduced form\n  hint: call it with `full_matrices=False`",
        ));
    }
    let (u, s, v) = run(|| linalg::svd(&a.0))?;
    let made = |x| PyTensor::made("linalg_svd", x);
    Ok((made(u), made(s), made(v)))
}

/// X with A X = B; B a vector or columns.
#[pyfunction]
fn solve(a: Arg, b: Arg) -> PyResult<PyTensor> {
    run(|| linalg::solve(&a.0, &b.0)).map(|x| PyTensor::made("linalg_solve", x))
}

/// X with T X = B, T the upper or lower triangle of A.
#[pyfunction]
#[pyo3(signature = (a, b, *, upper, unitriangular=false))]
fn solve_triangular(a: Arg, b: Arg, upper: bool, unitriangular: bool) -> PyResult<PyTensor> {
    run(|| linalg::solve_triangular(&a.0, &b.0, upper, unitriangular))
        .map(|x| PyTensor::made("linalg_solve_triangular", x))
}

/// X with L Lᵀ X = B.
#[pyfunction]
fn cholesky_solve(b: Arg, l: Arg) -> PyResult<PyTensor> {
    run(|| linalg::cholesky_solve(&l.0, &b.0)).map(|x| PyTensor::made("cholesky_solve", x))
}

/// The X that makes ‖A X − B‖ least.
#[pyfunction]
fn lstsq(a: Arg, b: Arg) -> PyResult<PyTensor> {
    run(|| linalg::lstsq(&a.0, &b.0)).map(|x| PyTensor::made("linalg_lstsq", x))
}

/// A norm of matrices: `"fro"`, `"nuc"`, 2, 1 or infinity.
#[pyfunction]
#[pyo3(signature = (a, ord=None))]
fn matrix_norm(a: Arg, ord: Option<&Bound<'_, PyAny>>) -> PyResult<PyTensor> {
    let name = ord.map_or(Ok("fro".to_string()), |o| o.str().map(|s| s.to_string()))?;
    let norm = match &*name {
        "fro" => MatrixNorm::Frobenius,
        "nuc" => MatrixNorm::Nuclear,
        "2" | "2.0" => MatrixNorm::Spectral,
        "1" | "1.0" => MatrixNorm::One,
        "inf" => MatrixNorm::Infinity,
        _ => return Err(PyValueError::new_err("`ord` is \"fro\", \"nuc\", 2, 1 or inf")),
    };
    run(|| linalg::matrix_norm(&a.0, norm)).map(|y| PyTensor::made("linalg_matrix_norm", y))
}

/// The p-norm of all elements or along axes: (Σ|x|ᵖ)^(1/p).
#[pyfunction]
#[pyo3(signature = (x, ord=None, dim=None, keepdim=false))]
fn vector_norm(
    x: &PyTensor,
    ord: Option<Operand>,
    dim: Option<Dims>,
    keepdim: bool,
) -> PyResult<PyTensor> {
    x.norm(ord, dim, keepdim)
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    let inner = PyModule::new(m.py(), "_linalg")?;
    register_each(&inner)?;
    macro_rules! add {
        ($($name:ident)*) => { $( inner.add_function(wrap_pyfunction!($name, &inner)?)?; )* };
    }
    add! {
        slogdet qr eigh svd solve solve_triangular cholesky_solve lstsq matrix_norm vector_norm
    }
    m.add_submodule(&inner)
}
