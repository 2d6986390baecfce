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
