//! Linear algebra: every function against differences, both modes against each other, batches
//! against loops; what happens where there is no inverse, no gap, no rank.
#![cfg(feature = "linalg")]

mod common;

use chainrule_core::linalg::{self, MatrixNorm};
use chainrule_core::{
    Error, ErrorKind, Result, Tensor, gradcheck, gradient, hessian, jvp, stack, value_and_grad,
    vjp, vmap,
};
use common::{distance, list, tensor};

type Function = fn(&[Tensor]) -> Result<Vec<Tensor>>;

/// A function of matrices, with shapes of its arguments. Square arguments get 2 on the diagonal.
struct Case {
    name: &'static str,
    f: Function,
    shapes: &'static [&'static [usize]],
}

/// Vectors up to their signs: their products with themselves, weighted.
fn projectors(v: &Tensor) -> Tensor {
    let weights = Tensor::arange(1.0, v.shape()[v.rank() - 1] as f64 + 1.0, 1.0);
    (v * weights).matmul(&v.t())
}

const CASES: &[Case] = &[
    Case {
        name: "solve",
        f: |x| Ok(vec![linalg::solve(&x[0], &x[1])?]),
        shapes: &[&[3, 3], &[3, 2]],
    },
    Case {
        name: "solve vector",
        f: |x| Ok(vec![linalg::solve(&x[0], &x[1])?]),
        shapes: &[&[4, 4], &[4]],
    },
    Case { name: "inv", f: |x| Ok(vec![linalg::inv(&x[0])?]), shapes: &[&[3, 3]] },
    Case { name: "det", f: |x| Ok(vec![linalg::det(&x[0])?]), shapes: &[&[3, 3]] },
    Case { name: "det 1 × 1", f: |x| Ok(vec![linalg::det(&x[0])?]), shapes: &[&[1, 1]] },
    Case { name: "slogdet", f: |x| Ok(vec![linalg::slogdet(&x[0])?.1]), shapes: &[&[4, 4]] },
    Case {
        name: "lower triangle",
        f: |x| Ok(vec![linalg::solve_triangular(&x[0], &x[1], false, false)?]),
        shapes: &[&[3, 3], &[3, 2]],
    },
    Case {
        name: "upper unit triangle",
        f: |x| Ok(vec![linalg::solve_triangular(&x[0], &x[1], true, true)?]),
        shapes: &[&[3, 3], &[3]],
    },
    Case {
        name: "cholesky",
        f: |x| Ok(vec![linalg::cholesky(&positive(&x[0]))?]),
        shapes: &[&[3, 3]],
    },
    Case {
        name: "cholesky_solve",
        f: |x| Ok(vec![linalg::cholesky_solve(&linalg::cholesky(&positive(&x[0]))?, &x[1])?]),
        shapes: &[&[3, 3], &[3]],
    },
    Case { name: "qr", f: orthogonal, shapes: &[&[3, 3]] },
    Case { name: "qr tall", f: orthogonal, shapes: &[&[4, 2]] },
    Case { name: "qr wide", f: orthogonal, shapes: &[&[2, 4]] },
    Case { name: "svd", f: decompose, shapes: &[&[3, 3]] },
    Case { name: "svd tall", f: decompose, shapes: &[&[4, 2]] },
    Case { name: "svd wide", f: decompose, shapes: &[&[2, 4]] },
    Case { name: "eigh", f: eigen, shapes: &[&[4, 4]] },
    Case { name: "eigvalsh", f: |x| Ok(vec![linalg::eigvalsh(&x[0])?]), shapes: &[&[3, 3]] },
    Case {
        name: "lstsq tall",
        f: |x| Ok(vec![linalg::lstsq(&x[0], &x[1])?]),
        shapes: &[&[4, 2], &[4, 2]],
    },
    Case {
        name: "lstsq wide",
        f: |x| Ok(vec![linalg::lstsq(&x[0], &x[1])?]),
        shapes: &[&[2, 4], &[2]],
    },
    Case { name: "pinv tall", f: |x| Ok(vec![linalg::pinv(&x[0])?]), shapes: &[&[4, 2]] },
    Case { name: "pinv wide", f: |x| Ok(vec![linalg::pinv(&x[0])?]), shapes: &[&[2, 3]] },
    Case { name: "matrix_exp", f: |x| Ok(vec![linalg::matrix_exp(&x[0])?]), shapes: &[&[3, 3]] },
    Case {
        name: "matrix_exp large",
        f: |x| Ok(vec![linalg::matrix_exp(&(&x[0] * 3.0))?]),
        shapes: &[&[2, 2]],
    },
    Case { name: "frobenius", f: |x| norm(x, MatrixNorm::Frobenius), shapes: &[&[3, 2]] },
    Case { name: "nuclear", f: |x| norm(x, MatrixNorm::Nuclear), shapes: &[&[3, 2]] },
    Case { name: "spectral", f: |x| norm(x, MatrixNorm::Spectral), shapes: &[&[3, 2]] },
    Case { name: "one", f: |x| norm(x, MatrixNorm::One), shapes: &[&[3, 2]] },
    Case { name: "infinity", f: |x| norm(x, MatrixNorm::Infinity), shapes: &[&[3, 2]] },
    Case {
        name: "p = 3",
        f: |x| Ok(vec![linalg::vector_norm(&x[0], 3.0, -1)?]),
        shapes: &[&[3, 2]],
    },
    Case {
        name: "p = 0.5",
        f: |x| Ok(vec![linalg::vector_norm(&x[0], 0.5, [-2, -1])?]),
        shapes: &[&[3, 2]],
    },
    Case { name: "cond", f: |x| Ok(vec![linalg::cond(&x[0])?]), shapes: &[&[3, 2]] },
];

fn orthogonal(x: &[Tensor]) -> Result<Vec<Tensor>> {
    linalg::qr(&x[0]).map(|(q, r)| vec![q, r])
}

fn positive(x: &Tensor) -> Tensor {
    x.matmul(&x.t())
}

fn decompose(x: &[Tensor]) -> Result<Vec<Tensor>> {
    let (u, s, vt) = linalg::svd(&x[0])?;
    Ok(vec![projectors(&u), s, projectors(&vt.t())])
}

fn eigen(x: &[Tensor]) -> Result<Vec<Tensor>> {
    let (w, v) = linalg::eigh(&x[0])?;
    Ok(vec![w, projectors(&v)])
}

fn norm(x: &[Tensor], norm: MatrixNorm) -> Result<Vec<Tensor>> {
    Ok(vec![linalg::matrix_norm(&x[0], norm)?])
}

/// Arguments of a case, `seed` for `seed`.
fn arguments(case: &Case, seed: u64) -> Vec<Tensor> {
    let argument = |(i, shape): (usize, &&[usize])| {
        let x = tensor(shape, seed + i as u64);
        if shape.len() == 2 && shape[0] == shape[1] { x + 2.0 * Tensor::eye(shape[0]) } else { x }
    };
    case.shapes.iter().enumerate().map(argument).collect()
}

#[test]
fn derivatives_equal_differences_to_second_order() {
    for case in CASES {
        let report = gradcheck(|x| (case.f)(x), &arguments(case, 3), 2).expect(case.name);
        assert!(report.agrees() && report.passes(1e-8), "{}: {report}", case.name);
    }
}

#[test]
fn forward_and_reverse_are_transposes() {
    for (case, seed) in CASES.iter().flat_map(|case| (10..15).map(move |seed| (case, seed))) {
        let x = arguments(case, seed);
        let v: Vec<Tensor> =
            x.iter().enumerate().map(|(i, x)| tensor(x.shape(), seed + 7 + i as u64)).collect();
        let f = |x: &Vec<Tensor>| (case.f)(x);
        let (y, dy) = jvp(f, &x, &v).expect(case.name);
        let (_, back) = vjp(f, &x).expect(case.name);
        let w: Vec<Tensor> =
            y.iter().enumerate().map(|(i, y)| tensor(y.shape(), 90 + i as u64)).collect();
        let gx = back.apply(&w).expect(case.name);
        let inner = |a: &[Tensor], b: &[Tensor]| -> (f64, f64) {
            let terms = a.iter().zip(b).flat_map(|(a, b)| list(&(a * b)));
            terms.fold((0.0, 0.0), |(sum, size), t| (sum + t, size + t.abs()))
        };
        let ((forward, a), (reverse, b)) = (inner(&w, &dy), inner(&gx, &v));
        assert!(
            (forward - reverse).abs() <= 1e-12 * (1.0 + a + b),
            "{} {seed}: {forward} and {reverse}",
            case.name
        );
    }
}

#[test]
fn backward_gives_the_gradient_in_numbers() {
    for case in CASES {
        let x = arguments(case, 30);
        let total = |x: &Vec<Tensor>| -> Result<Tensor> {
            Ok((case.f)(x)?.iter().map(|y| y.sin().sum()).reduce(|a, b| a + b).expect("a result"))
        };
        let slopes = gradient(total, &x).expect(case.name);
        let leaves: Vec<Tensor> = x.into_iter().map(Tensor::requires_grad).collect();
        let y = total(&leaves).expect(case.name);
        y.item::<f64>().expect(case.name);
        y.backward().expect(case.name);
        for (leaf, slope) in leaves.iter().zip(slopes) {
            let gathered = leaf.grad().expect(case.name);
            assert!(!gathered.tracks_grad());
            assert!(distance(&list(&gathered), &list(&slope)) < 1e-12, "{}", case.name);
        }
    }
}

#[test]
fn batches_are_loops() {
    for case in CASES {
        let each: Vec<Vec<Tensor>> = (20..23).map(|seed| arguments(case, seed)).collect();
        let column = |i: usize| -> Tensor {
            stack(&each.iter().map(|x| &x[i]).collect::<Vec<_>>(), 0).expect(case.name)
        };
        let all: Vec<Tensor> = (0..case.shapes.len()).map(column).collect();
        // The function, and a gradient, of one and of all.
        let total = |x: &Vec<Tensor>| -> Result<Tensor> {
            Ok((case.f)(x)?.iter().map(|y| y.sin().sum()).reduce(|a, b| a + b).expect("a result"))
        };
        let values = vmap(|x: &Vec<Tensor>| (case.f)(x), &all).expect(case.name);
        let slopes = vmap(|x: &Vec<Tensor>| gradient(total, x), &all).expect(case.name);
        for (i, x) in each.iter().enumerate() {
            for (all, one) in values.iter().zip((case.f)(x).expect(case.name)) {
                assert!(distance(&list(&all.i(i as i64)), &list(&one)) < 1e-12, "{}", case.name);
            }
            for (all, one) in slopes.iter().zip(gradient(total, x).expect(case.name)) {
                assert!(distance(&list(&all.i(i as i64)), &list(&one)) < 1e-11, "{}", case.name);
            }
        }
    }
}

fn matrix<const M: usize, const N: usize>(rows: [[f64; N]; M]) -> Tensor {
    Tensor::from(rows)
}

#[track_caller]
fn close(x: &Tensor, y: &Tensor, tolerance: f64) {
    assert_eq!(x.shape(), y.shape());
    let error = distance(&list(x), &list(y));
    assert!(error <= tolerance, "{x} is not {y}: {error:e}");
}

#[test]
fn closed_forms() {
    let (a, b) = (arguments(&CASES[0], 40), tensor(&[3, 3], 44));
    let (a, inverse) = (&a[0], linalg::inv(&a[0]).expect("an inverse"));
    // d tr(A⁻¹ B) = −A⁻ᵀ Bᵀ A⁻ᵀ.
    let slope = gradient(|a: &Tensor| Ok((linalg::inv(a)?.t() * &b).sum()), a);
    let form = -inverse.t().matmul(&b.t()).matmul(&inverse.t());
    close(&slope.expect("a gradient"), &form, 1e-13);
    // d det A = det A · A⁻ᵀ, d ln |det A| = A⁻ᵀ.
    let det = linalg::det(a).expect("a determinant");
    close(&gradient(linalg::det, a).expect("a gradient"), &(&det * inverse.t()), 1e-13);
    let (sign, log) = linalg::slogdet(a).expect("a determinant");
    close(&(sign * log.exp()), &det, 1e-14);
    let slope = gradient(|a: &Tensor| Ok(linalg::slogdet(a)?.1), a);
    close(&slope.expect("a gradient"), &inverse.t(), 1e-13);
    // d tr(eᴬ) = (eᴬ)ᵀ.
    let trace = |a: &Tensor| Ok((linalg::matrix_exp(a)? * Tensor::eye(3)).sum());
    let slope = gradient(trace, a).expect("a gradient");
    close(&slope, &linalg::matrix_exp(a).expect("an exponential").t(), 1e-13);
    // d Σ s = U Vᵀ.
    let (u, _, vt) = linalg::svd(a).expect("a decomposition");
    let slope = gradient(|a: &Tensor| linalg::matrix_norm(a, MatrixNorm::Nuclear), a);
    close(&slope.expect("a gradient"), &u.matmul(&vt), 1e-13);
    // The normal equations.
    let (tall, y) = (tensor(&[7, 3], 1), tensor(&[7], 2));
    let x = linalg::lstsq(&tall, &y).expect("a solution");
    close(&tall.t().matmul(&(y - tall.matmul(&x))), &Tensor::zeros([3]), 1e-13);
}

#[test]
fn determinants_of_singular_matrices() {
    // Ranks 2, 1 and 0, of three rows: gradients and Hessians are those of the polynomial.
    let polynomial = |a: &Tensor| {
        let at = |i: i64, j: i64| a.i((i, j));
        at(0, 0) * (at(1, 1) * at(2, 2) - at(1, 2) * at(2, 1))
            - at(0, 1) * (at(1, 0) * at(2, 2) - at(1, 2) * at(2, 0))
            + at(0, 2) * (at(1, 0) * at(2, 1) - at(1, 1) * at(2, 0))
    };
    for a in [
        matrix([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]),
        matrix([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 0.0]]),
        matrix([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [-1.0, -2.0, -3.0]]),
        matrix([[0.0, 5.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]),
        matrix([[0.0; 3]; 3]),
        matrix([[1e-9, 2.0, 3.0], [4.0, 5.0, 6.0], [4.0, 5.0, 6.000001]]),
    ] {
        close(&linalg::det(&a).expect("a determinant"), &polynomial(&a), 1e-13);
        let [f, g] = [gradient(linalg::det, &a), gradient(polynomial, &a)].map(|g| g.expect("one"));
        close(&f, &g, 1e-12);
        let [f, g] = [hessian(linalg::det, &a), hessian(polynomial, &a)].map(|g| g.expect("one"));
        close(&f, &g, 1e-12);
    }
    // Third derivatives, with two singular values of 0: 6 det of the direction's other part.
    let a = matrix([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [-1.0, -2.0, -3.0]]);
    let e = tensor(&[3, 3], 5);
    let along = |t: &Tensor| linalg::det(&(&a + t * &e));
    let exact = 6.0 * linalg::det(&e).expect("a determinant");
    let third = &chainrule_core::derivatives(along, &Tensor::from(0.0), 3).expect("derivatives")[3];
    close(third, &exact, 1e-11);
    // With three, third derivatives are not given, rather than given as 0.
    let along = |t: &Tensor| linalg::det(&(t * &e));
    let third = &chainrule_core::derivatives(along, &Tensor::from(0.0), 3).expect("derivatives")[3];
    assert!(!list(third)[0].is_finite());
}

#[test]
fn equal_eigenvalues_and_zero_singular_values() {
    let unit = matrix([[1.0, 0.0], [0.0, 1.0]]);
    // Symmetric functions of the values have their derivative: tr A³.
    let cubes = |a: &Tensor| Ok(linalg::eigvalsh(a)?.powi(3).sum());
    close(&gradient(cubes, &unit).expect("a gradient"), &(&unit * 3.0), 1e-14);
    let squares = |a: &Tensor| Ok(linalg::svdvals(a)?.square().sum());
    close(&gradient(squares, &unit).expect("a gradient"), &(&unit * 2.0), 1e-14);
    // Vectors have none, and none is made up.
    let corner = |a: &Tensor| Ok(linalg::eigh(a)?.1.square().i((0, 0)));
    let slope = gradient(corner, &unit).expect("a gradient");
    assert!(list(&slope).iter().any(|g| !g.is_finite()), "{slope}");
    let corner = |a: &Tensor| Ok(linalg::svd(a)?.0.square().i((0, 0)));
    let slope = gradient(corner, &unit).expect("a gradient");
    assert!(list(&slope).iter().any(|g| !g.is_finite()), "{slope}");
    // One singular value of 0, in a square matrix: vectors and squares are smooth.
    let flat = matrix([[3.0, 0.0], [0.0, 0.0]]);
    let report = gradcheck(
        |x| {
            let (u, s, vt) = linalg::svd(&x[0])?;
            let first = |v: &Tensor| v.slice(1, 0..1).matmul(&v.slice(1, 0..1).t());
            Ok(vec![first(&u), s.square(), first(&vt.t())])
        },
        std::slice::from_ref(&flat),
        1,
    );
    let report = report.expect("a report");
    assert!(report.passes(1e-8), "{report}");
    // The value itself has a kink; what is given lies between the slopes on both sides.
    let slope = gradient(|a: &Tensor| Ok(linalg::svdvals(a)?.i(1)), &flat).expect("a gradient");
    assert!(list(&slope).iter().all(|g| g.abs() <= 1.0 + 1e-14), "{slope}");
    // Norms at 0: the Frobenius norm gives 0, the nuclear norm a subgradient.
    let zero = matrix([[0.0; 2]; 3]);
    let slope = gradient(|a: &Tensor| linalg::matrix_norm(a, MatrixNorm::Frobenius), &zero);
    close(&slope.expect("a gradient"), &zero, 0.0);
    let slope = gradient(|a: &Tensor| linalg::matrix_norm(a, MatrixNorm::Nuclear), &zero);
    let size = linalg::matrix_norm(&slope.expect("a gradient"), MatrixNorm::Spectral);
    assert!(list(&size.expect("a norm"))[0] <= 1.0 + 1e-14);
    for p in [1.0, 1.5, 2.0, 3.0, f64::INFINITY] {
        let f = |x: &Tensor| linalg::vector_norm(x, p, -1);
        let (y, g) = value_and_grad(f, &Tensor::from([0.0, 0.0])).expect("a gradient");
        assert_eq!((list(&y), list(&g)), (vec![0.0], vec![0.0, 0.0]), "{p}");
    }
}

#[test]
fn rank_is_kept_or_not() {
    // Rank 1, of 3 × 2: derivatives within the rank, x = (a aᵀ + …)⁺ b along a curve of rank 1.
    let curve = |t: &Tensor| {
        let u = stack(&[&t.exp(), &t.sin(), &(t + 2.0)], 0)?.unsqueeze(1);
        let v = stack(&[&t.cos(), &(t * t)], 0)?.unsqueeze(0);
        Ok::<_, Error>(u.matmul(&v))
    };
    let b = tensor(&[3], 9);
    let f = |x: &[Tensor]| {
        let a = curve(&x[0])?;
        Ok::<_, Error>(vec![linalg::pinv(&a)?, linalg::lstsq(&a, &b)?])
    };
    let report = gradcheck(f, &[Tensor::from(0.4)], 2).expect("a report");
    assert!(report.passes(1e-7), "{report}");
    let a = curve(&Tensor::from(0.4)).expect("a matrix");
    let rank = linalg::matrix_rank(&stack(&[&a, &tensor(&[3, 2], 3)], 0).expect("two"));
    assert_eq!(rank.expect("ranks").to_vec::<i64>().expect("numbers"), [1, 2]);
    // Of a rank-deficient matrix QR has a value and no derivative.
    let deficient = matrix([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0]]);
    let (q, r) = linalg::qr(&deficient).expect("a value");
    close(&q.matmul(&r), &deficient, 1e-14);
    let slope = gradient(|a: &Tensor| Ok(linalg::qr(a)?.0.sum()), &deficient).expect("a graph");
    let error = slope.to_vec::<f64>().expect_err("no derivative").to_string();
    assert!(error.contains("`the derivative of qr` of a singular matrix"), "{error}");
}

#[test]
fn shapes_types_and_batches() {
    // Batch axes broadcast; vectors and columns; F32 stays F32; integers become F32.
    let a = tensor(&[2, 1, 3, 3], 1) + 3.0 * Tensor::eye(3);
    let b = tensor(&[4, 3, 2], 2);
    let x = linalg::solve(&a, &b).expect("solutions");
    assert_eq!(x.shape(), [2, 4, 3, 2]);
    close(&a.matmul(&x), &b.expand([2, 4, 3, 2]), 1e-13);
    let v = tensor(&[2, 1, 3], 3);
    let x = linalg::solve(&a, &v).expect("solutions");
    close(&a.matmul(&x.unsqueeze(-1)).squeeze(-1), &v, 1e-13);
    let narrow = a.to_dtype(chainrule_core::DType::F32);
    let x = linalg::solve(&narrow, &v.to_dtype(narrow.dtype())).expect("solutions");
    assert_eq!(x.dtype(), chainrule_core::DType::F32);
    let whole = linalg::det(&Tensor::from([[2, 1], [1, 3]])).expect("a determinant");
    assert_eq!((whole.dtype(), list(&whole)[0]), (chainrule_core::DType::F32, 5.0));
    // Nothing: empty batches, matrices without rows.
    let none = linalg::inv(&Tensor::zeros([0, 3, 3])).expect("no inverses");
    assert_eq!((none.shape(), none.to_vec::<f32>().expect("none").len()), (&[0, 3, 3][..], 0));
    assert_eq!(list(&linalg::det(&Tensor::zeros([0, 0])).expect("a number")), [1.0]);
    assert_eq!(linalg::svdvals(&Tensor::zeros([0, 3])).expect("none").shape(), [0]);
    assert_eq!(linalg::matrix_exp(&Tensor::zeros([0, 0])).expect("none").shape(), [0, 0]);
    // Symmetric functions look at the symmetric part, and their derivative is symmetric.
    let a = matrix([[2.0, 9.0], [1.0, 30.0]]);
    let sym = matrix([[2.0, 5.0], [5.0, 30.0]]);
    close(&linalg::cholesky(&a).expect("one"), &linalg::cholesky(&sym).expect("one"), 0.0);
    // A batch on two threads has the bits of one thread.
    let many = tensor(&[64, 16, 16], 5);
    let run = |n| chainrule_core::with_threads(n, || list(&linalg::svd(&many).expect("svd").0));
    assert_eq!(run(1), run(2));
}

/// The error of a result, when it is made or when its numbers are asked for.
fn error(result: Result<Tensor>) -> (ErrorKind, String) {
    let error = match result {
        Err(error) => error,
        Ok(x) => x.to_vec::<f64>().expect_err("no numbers"),
    };
    let text = error.to_string();
    // The line of this file is no part of what is tested.
    let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let first = first.split("  ").next().unwrap_or_default();
    let rest: Vec<&str> = rest.lines().map(|l| l.split("   made at").next().unwrap_or(l)).collect();
    (error.kind(), format!("{first}\n{}", rest.join("\n")))
}

#[test]
fn errors_say_what_to_do() {
    let singular = matrix([[1.0, 2.0], [2.0, 4.0]]);
    let (kind, text) = error(linalg::solve(&singular, &Tensor::from([1.0, 1.0])));
    assert_eq!(kind, ErrorKind::Numeric);
    insta::assert_snapshot!(text, @"
    error: `solve` of a singular matrix: pivot 1 is 0
      hint: a singular system has many solutions or none: `lstsq` finds the smallest of the
            nearest, `pinv` the pseudo-inverse
    ");
    let (sign, log) = linalg::slogdet(&singular).expect("a value");
    assert_eq!((list(&sign)[0], list(&log)[0]), (0.0, f64::NEG_INFINITY));
    let (kind, text) = error(gradient(|a: &Tensor| Ok(linalg::slogdet(a)?.1), &singular));
    assert_eq!(kind, ErrorKind::Numeric);
    assert!(
        text.contains("`the derivative of slogdet` of a singular matrix: pivot 1 is 0"),
        "{text}"
    );
    let (_, text) =
        error(linalg::inv(&stack(&[&Tensor::eye(2), &Tensor::zeros([2, 2])], 0).expect("two")));
    insta::assert_snapshot!(text, @"
    error: `inv` of a singular matrix, 1 of the batch: pivot 0 is 0
      hint: a singular system has many solutions or none: `lstsq` finds the smallest of the
            nearest, `pinv` the pseudo-inverse
    ");
    let (_, text) = error(linalg::cholesky(&matrix([[1.0, 2.0], [2.0, 1.0]])));
    insta::assert_snapshot!(text, @"
    error: `cholesky` of a matrix that is not positive definite: its leading 2 × 2 block is not
      hint: is it symmetric, and a covariance or a Hessian at a minimum? if rounding is to
            blame, add a small multiple of the identity
    ");
    let (_, text) = error(linalg::svdvals(&matrix([[1.0, f64::NAN]])));
    insta::assert_snapshot!(text, @"
    error: `svd` of a matrix that is NaN or infinite at [0, 1]
      hint: look for where it comes from with `detect_anomaly`
    ");
    let (kind, text) = error(linalg::det(&Tensor::zeros([2, 3])));
    assert_eq!(kind, ErrorKind::Shape);
    insta::assert_snapshot!(text, @"
    error: `det` of a matrix with 2 rows and 3 columns
      matrix   [2, 3]   filled with 0
      hint: it must be square; `lstsq`, `pinv`, `qr` and `svd` take any matrix
    ");
    let (_, text) = error(linalg::qr(&Tensor::zeros([3])).map(|(q, _)| q));
    insta::assert_snapshot!(text, @"
    error: `qr` of a tensor with 1 axis
      matrix   [3]   filled with 0
      hint: its last two axes are rows and columns; others before them make a batch
    ");
    let (_, text) = error(linalg::solve(&Tensor::eye(3), &Tensor::zeros([2])));
    insta::assert_snapshot!(text, @"
    error: `solve`: the matrix has 3 rows, the right side another number
      matrix       [3, 3]   given data   
      right side      [2]   filled with 0
      hint: the right side is a vector, or a matrix with a column for each equation
    ");
    let (_, text) = error(linalg::solve(&Tensor::zeros([2, 3, 3]), &Tensor::zeros([4, 3, 1])));
    insta::assert_snapshot!(text, @"
    error: shapes do not broadcast in `solve`
      matrix       [2, 3, 3]   filled with 0
      right side   [4, 3, 1]   filled with 0
                    ^ 2 and 4 differ on axis -3
      hint: the axes before the last two must broadcast
    ");
    let (_, text) = error(linalg::vector_norm(&Tensor::zeros([3]), -2.0, 0));
    insta::assert_snapshot!(text, @"
    error: `vector_norm` with the exponent -2
      hint: it is a positive number, 0, or plus or minus infinity
    ");
}
