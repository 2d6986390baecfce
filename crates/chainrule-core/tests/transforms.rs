//! Functions of functions: every way to a derivative agrees with every other.

use chainrule_core::{
    DType, ErrorKind, Function, Program, Result, Tensor, derivative, derivatives, grad, gradient,
    hessian, hvp, jacfwd, jacobian, jacrev, jvp, linearize, no_grad, tree, value_and_grad, vjp,
    vmap,
};

fn list(x: &Tensor) -> Vec<f64> {
    x.to_vec().expect("numbers")
}

fn close(a: &Tensor, b: &Tensor, tolerance: f64) {
    assert_eq!(a.shape(), b.shape());
    for (x, y) in list(a).iter().zip(list(b)) {
        assert!((x - y).abs() <= tolerance * y.abs().max(1.0), "{x} and {y} of {a} and {b}");
    }
}

type Function1 = fn(&Tensor) -> Tensor;

/// Functions of a vector of three to one number.
fn scalars() -> Vec<(&'static str, Function1)> {
    vec![
        ("polynomial", |x| (3.0 * x.powi(2) - 4.0 * x).sum()),
        ("product", |x| x.prod() * x.sin().sum()),
        ("softmax", |x| (x.softmax(0) * x.square()).sum()),
        ("norm", |x| x.norm() * x.tanh().sum()),
        ("extremum", |x| (x * x.max() - x.min().exp()).sum()),
        ("where", |x| x.gt(0.4).where_(&(x.sqrt() * 3.0), x.square()).sum()),
        ("matrix", |x| {
            let m = Tensor::from([[1.0, 2.0, 0.5], [0.0, -1.0, 1.0], [2.0, 0.3, 0.1]]);
            m.matmul(x).sigmoid().dot(&m.t().matmul(x).cos())
        }),
        ("moving", |x| {
            let y = x.flip(0).pad(0, 1, 2).cumsum(0).slice(0, 1..5);
            (y.square() * y.exp()).sum()
        }),
        ("gather", |x| {
            let index = Tensor::from([2i64, 0, 0, 1]);
            let y = x.index_select(0, &index);
            (y.reshape([2, 2]).matmul(&y.reshape([2, 2]).t()) * 0.5).sum().exp()
        }),
        ("cat", |x| {
            let y = chainrule_core::cat(&[x, &x.exp(), x], 0).expect("parts");
            (y.square().sum() + y.cumsum(0).sin().sum()).sqrt()
        }),
        ("constant", |x| x.sum() * 0.0 + 2.0),
        ("linear", |x| x.sum() * 3.0),
    ]
}

fn point() -> Tensor {
    Tensor::from([0.3, 1.2, 0.7])
}

fn direction() -> Tensor {
    Tensor::from([0.5, -1.0, 2.0])
}

#[test]
fn five_ways_to_a_first_derivative() {
    let (x, v) = (point(), direction());
    for (name, f) in scalars() {
        println!("{name}");
        let (y, g) = value_and_grad(f, &x).expect(name);
        assert_eq!(list(&y), list(&f(&x)), "{name}");
        let slope = g.dot(&v);
        let (_, forward) = jvp(f, &x, &v).expect(name);
        close(&forward, &slope, 1e-12);
        let (_, map) = linearize(f, &x).expect(name);
        close(&map.apply(&v).expect(name), &slope, 1e-12);
        let (_, pull) = vjp(f, &x).expect(name);
        close(&pull.apply(&Tensor::from(1.0)).expect(name), &g, 1e-12);
        for j in [jacfwd(f, &x), jacrev(f, &x), jacobian(f, &x)] {
            close(&j.expect(name), &g, 1e-12);
        }
        let program = Program::trace(|x: &Tensor| gradient(f, x), &x).expect(name);
        close(&program.call(&x).expect(name), &g, 1e-12);
        let leaf = x.clone().requires_grad();
        let y = f(&leaf);
        if name != "constant" {
            close(&grad(&y, &[&leaf]).expect(name)[0], &g, 1e-12);
        }
        let many = chainrule_core::stack(&[&x, &(&x * 2.0)], 0).expect("a batch");
        let rows = vmap(|x: &Tensor| gradient(f, x), &many).expect(name);
        close(&rows.i(0), &g, 1e-12);
        close(&rows.i(1), &gradient(f, &(&x * 2.0)).expect(name), 1e-12);
        let total = gradient(|x: &Tensor| Ok(vmap(f, x)?.sum()), &many).expect(name);
        close(&total, &rows, 1e-12);
    }
}

#[test]
fn seven_ways_to_a_second_derivative() {
    let (x, v) = (point(), direction());
    for (name, f) in scalars() {
        println!("{name}");
        let h = hessian(f, &x).expect(name);
        let hv = h.matmul(&v);
        close(&h, &h.t(), 1e-11);
        close(&hvp(f, &x, &v).expect(name), &hv, 1e-11);
        let first = |x: &Tensor| gradient(f, x);
        close(&jvp(first, &x, &v).expect(name).1, &hv, 1e-11);
        close(&gradient(|x: &Tensor| Ok(gradient(f, x)?.dot(&v)), &x).expect(name), &hv, 1e-11);
        let slope = |x: &Tensor| Ok(jvp(f, x, &v)?.1);
        close(&gradient(slope, &x).expect(name), &hv, 1e-11);
        close(&jvp(slope, &x, &v).expect(name).1, &hv.dot(&v), 1e-11);
        for j in [jacfwd(first, &x), jacrev(first, &x), jacobian(first, &x)] {
            close(&j.expect(name), &h, 1e-11);
        }
        let mapped = vmap(|v: &Tensor| hvp(f, &x, v), &Tensor::eye(3).to_dtype(DType::F64));
        close(&mapped.expect(name), &h, 1e-11);
        let (_, pull) = vjp(first, &x).expect(name);
        close(&pull.apply(&v).expect(name), &hv, 1e-11);
        let program = Program::trace(|x: &Tensor| hessian(f, x), &x).expect(name);
        close(&program.call(&x).expect(name), &h, 1e-11);
        let program = Program::trace(f, &x).expect(name);
        close(&hessian(|x: &Tensor| program.call(x), &x).expect(name), &h, 1e-11);
    }
}

#[test]
fn third_derivatives() {
    let x = point();
    for (name, f) in scalars() {
        let h = |x: &Tensor| hessian(f, x);
        let (a, b) = (jacfwd(h, &x).expect(name), jacrev(h, &x).expect(name));
        assert_eq!(a.shape(), [3, 3, 3]);
        close(&a, &b, 1e-10);
        close(&a, &a.permute([2, 0, 1]), 1e-10);
    }
}

#[test]
fn derivatives_of_scalar_functions() {
    let x = Tensor::from(1.0);
    let all = derivatives(|x: &Tensor| 3.0 * x.powi(2) - 4.0 * x, &x, 4).expect("derivatives");
    let numbers: Vec<f64> = all.iter().map(|y| y.item().expect("a number")).collect();
    assert_eq!(numbers, [-1.0, 2.0, 6.0, 0.0, 0.0]);
    let x = Tensor::from([0.1, 0.7, -2.0]);
    let fifth = derivative(|x: &Tensor| x.sin(), &x, 5).expect("fifth");
    close(&fifth, &x.cos(), 1e-14);
    let error = derivative(|x: &Tensor| x.sum(), &x, 1).expect_err("a sum");
    assert_eq!(error.kind(), ErrorKind::Shape);
}

#[test]
fn structures() {
    struct Line {
        slope: Tensor,
        offset: Tensor,
    }
    tree!(Line { slope, offset });
    let line = Line { slope: Tensor::from(2.0), offset: Tensor::from([1.0, 0.5]) };
    let x = Tensor::from([0.5, -1.0]);
    let f = |l: &Line| (&l.slope * &x + &l.offset).square().sum();
    let (_, g) = value_and_grad(f, &line).expect("a gradient");
    close(&g.offset, &(2.0 * (&line.slope * &x + &line.offset)), 1e-15);
    let h = hessian(f, &line).expect("blocks");
    assert_eq!(h[0].slope.shape(), [0usize; 0]);
    assert_eq!(h[0].offset.shape(), [2]);
    assert_eq!(h[1].offset.shape(), [2, 2]);
    close(&h[1].slope, &(2.0 * &x), 1e-15);
    let pair = (Tensor::from([1.0, 2.0]), [Tensor::from(3.0), Tensor::from(4.0)]);
    let j = jacobian(|(a, [b, c]): &(Tensor, [Tensor; 2])| (a * b, c.exp()), &pair);
    let (first, second) = j.expect("blocks");
    assert_eq!(first.0.shape(), [2, 2]);
    close(&first.1[0], &pair.0, 1e-15);
    close(&second.1[1], &pair.1[1].exp(), 1e-15);
    assert_eq!(list(&second.0), [0.0, 0.0]);
}

#[test]
fn results_are_plain_unless_something_outside_tracks() {
    let x = point();
    let (y, g) = value_and_grad(|x: &Tensor| x.square().sum(), &x).expect("a gradient");
    assert!(!y.tracks_grad() && !g.tracks_grad());
    let w = Tensor::from(2.0).requires_grad();
    let (y, g) = value_and_grad(|x: &Tensor| (x.square() * &w).sum(), &x).expect("a gradient");
    assert!(y.tracks_grad() && g.tracks_grad());
    close(&grad(&g.sum(), &[&w]).expect("by w")[0], &(2.0 * x.sum()), 1e-15);
    let off = no_grad(|| value_and_grad(|x: &Tensor| (x.square() * &w).sum(), &x));
    let (y, g) = off.expect("a gradient without recording outside");
    assert!(!y.tracks_grad() && !g.tracks_grad());
    close(&g, &(4.0 * &x), 1e-15);
    let h = jacobian(|x: &Tensor| x.square(), &x).expect("a Jacobian");
    assert!(!h.tracks_grad());
}

#[test]
fn cuts_stay_cut() {
    let x = point();
    let f = |x: &Tensor| (x.detach() * x + no_grad(|| x.square())).sum();
    let g = gradient(f, &x).expect("a gradient");
    close(&g, &x, 1e-15);
    let rows = chainrule_core::stack(&[&x, &x], 0).expect("rows");
    let total = gradient(|rows: &Tensor| Ok(vmap(f, rows)?.sum()), &rows).expect("a gradient");
    close(&total.i(1), &x, 1e-15);
}

#[test]
fn random_numbers_in_a_batch() {
    chainrule_core::manual_seed(3);
    let x = Tensor::full([4], 1.0);
    let y = vmap(|x: &Tensor| x + Tensor::randn_f64([2]), &x).expect("a batch");
    assert_eq!(y.shape(), [4, 2]);
    let numbers = list(&y);
    assert!((0..8).all(|i| (0..i).all(|j| numbers[i] != numbers[j])));
    let outer = Tensor::full([3, 4], 0.0);
    let nested = vmap(|x: &Tensor| vmap(|x: &Tensor| x + Tensor::rand_f64(()), x), &outer);
    let numbers = list(&nested.expect("batches"));
    assert!((0..12).all(|i| (0..i).all(|j| numbers[i] != numbers[j])));
}

#[test]
fn numbers_are_not_known_in_a_batch() {
    let x = Tensor::from([1.0, 2.0]);
    let error = vmap(|x: &Tensor| Ok(x * x.item::<f64>()?), &x).expect_err("a number");
    assert_eq!(error.kind(), ErrorKind::Unknown);
}

#[test]
fn functions_with_their_own_derivative() {
    let reverse = Function::with_vjp(
        "cube",
        |x: &[Tensor]| x[0].powi(3) * &x[1],
        |x: &[Tensor], _: &Tensor, gy: &Tensor| {
            [3.0 * x[0].square() * &x[1] * gy, x[0].powi(3) * gy]
        },
    );
    let forward = Function::with_jvp(
        "cube",
        |x: &[Tensor]| x[0].powi(3) * &x[1],
        |x: &[Tensor], _: &Tensor, dx: &[Tensor]| {
            3.0 * x[0].square() * &x[1] * &dx[0] + x[0].powi(3) * &dx[1]
        },
    );
    let plain = |x: &[Tensor; 2]| (x[0].powi(3) * &x[1]).sin().sum();
    let x = [point(), direction()];
    let v = [direction(), point()];
    for f in [reverse, forward] {
        let own = |x: &[Tensor; 2]| -> Result<Tensor> { Ok(f.call(&[&x[0], &x[1]])?.sin().sum()) };
        let (a, b) = (gradient(own, &x).expect("own"), gradient(plain, &x).expect("plain"));
        close(&a[0], &b[0], 1e-14);
        close(&a[1], &b[1], 1e-14);
        let leaves = [0, 1].map(|i| x[i].detach().requires_grad());
        own(&leaves).expect("own").backward().expect("gradients");
        close(&leaves[0].grad().expect("one"), &b[0], 1e-14);
        close(&leaves[1].grad().expect("one"), &b[1], 1e-14);
        let (a, b) = (jvp(own, &x, &v).expect("own").1, jvp(plain, &x, &v).expect("plain").1);
        close(&a, &b, 1e-14);
        let (a, b) = (hessian(own, &x).expect("own"), hessian(plain, &x).expect("plain"));
        for i in 0..4 {
            close(&a[i / 2][i % 2], &b[i / 2][i % 2], 1e-13);
        }
        let rows = [0, 1].map(|i| chainrule_core::stack(&[&x[i], &v[i]], 0).expect("rows"));
        let a = vmap(|x: &[Tensor; 2]| gradient(own, x), &rows).expect("own");
        let b = vmap(|x: &[Tensor; 2]| gradient(plain, x), &rows).expect("plain");
        close(&a[0], &b[0], 1e-14);
        let a = gradient(|x: &[Tensor; 2]| Ok(vmap(own, x)?.sum()), &rows).expect("own");
        close(&a[0], &b[0], 1e-14);
    }
}
