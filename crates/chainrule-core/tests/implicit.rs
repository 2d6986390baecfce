//! Functions given by equations: closed forms, and the two modes against each other.

use chainrule_core::{
    DType, Engine, ErrorKind, Program, Result, Tensor, argmin, cat, fixed_point, grad, gradient,
    hessian, jacfwd, jacrev, jvp, linear_solve, linear_solve_spd, no_grad, root, root_with, stack,
    vjp, vmap, with_engine,
};

fn list(x: &Tensor) -> Vec<f64> {
    x.to_vec().expect("numbers")
}

fn within(tolerance: f64, a: &Tensor, b: &Tensor) {
    assert_eq!(a.shape(), b.shape());
    for (x, y) in list(a).iter().zip(list(b)) {
        assert!((x - y).abs() <= tolerance * y.abs().max(1.0), "{x} and {y} of {a} and {b}");
    }
}

fn close(a: &Tensor, b: &Tensor) {
    within(1e-13, a, b);
}

fn number(x: &Tensor) -> f64 {
    x.item().expect("a number")
}

type Scalar<'a> = &'a dyn Fn(&Tensor) -> Result<Tensor>;

/// Value and first two derivatives of x(a), in both modes.
fn check(f: Scalar<'_>, a: f64, [x, first, second]: [f64; 3], tolerance: f64) {
    let (a, one) = (Tensor::from(a), Tensor::from(1.0));
    let same = |found: &Tensor, wanted: f64| {
        let found = number(found);
        let error = (found - wanted).abs() / wanted.abs().max(1.0);
        assert!(error <= tolerance, "{found} for {wanted}: {error:.1e}");
    };
    same(&f(&a).expect("a solution"), x);
    same(&gradient(f, &a).expect("reverse"), first);
    same(&jvp(f, &a, &one).expect("forward").1, first);
    same(&hessian(f, &a).expect("forward over reverse"), second);
    same(&gradient(|a: &Tensor| gradient(f, a), &a).expect("reverse over reverse"), second);
    let forward = |a: &Tensor| Ok(jvp(f, a, &one)?.1);
    same(&jvp(forward, &a, &one).expect("forward over forward").1, second);
    same(&gradient(forward, &a).expect("reverse over forward"), second);
}

#[test]
fn a_square_root() {
    let newton = |a: &Tensor| root(|x: &Tensor| x.square() - a, &Tensor::from(1.0));
    let heron = |a: &Tensor| fixed_point(|x: &Tensor| 0.5 * (x + a / x), &Tensor::from(1.0));
    let known = |a: &Tensor| {
        let solve = |_: &Tensor| Ok(Tensor::from(number(a).sqrt()));
        root_with(|x: &Tensor| x.square() - a, solve, &Tensor::from(1.0))
    };
    let a = 3f64;
    let exact = [a.sqrt(), 0.5 / a.sqrt(), -0.25 * a.powf(-1.5)];
    for f in [&newton as Scalar<'_>, &heron, &known] {
        check(f, a, exact, 1e-14);
    }
}

#[test]
fn a_cube_root() {
    let f = |a: &Tensor| root(|x: &Tensor| x.powi(3) - a, &Tensor::from(1.0));
    let a = 5f64;
    check(&f, a, [a.cbrt(), a.powf(-2.0 / 3.0) / 3.0, -2.0 / 9.0 * a.powf(-5.0 / 3.0)], 1e-14);
}

#[test]
fn keplers_equation() {
    // dE/de = sin E / (1 − e cos E).
    let (e, m) = (0.6f64, 0.9f64);
    let mut x = m;
    for _ in 0..50 {
        x -= (x - e * x.sin() - m) / (1.0 - e * x.cos());
    }
    let d = 1.0 - e * x.cos();
    let first = x.sin() / d;
    // The derivative of sin E / d by e, E moving along.
    let second = (x.cos() * first * d - x.sin() * (e * x.sin() * first - x.cos())) / (d * d);
    let f = |e: &Tensor| root(|x: &Tensor| x - e * x.sin() - m, &Tensor::from(m));
    check(&f, e, [x, first, second], 1e-13);
    let g = |e: &Tensor| fixed_point(|x: &Tensor| e * x.sin() + m, &Tensor::from(m));
    check(&g, e, [x, first, second], 1e-13);
}

#[test]
fn the_fixed_point_of_a_cosine() {
    let a = 0.8f64;
    let mut x = 0.7f64;
    for _ in 0..2000 {
        x = (a * x).cos();
    }
    let s = (a * x).sin();
    let first = -s * x / (1.0 + a * s);
    // Of x' = −s x / (1 + a s), with s' = cos(a x) (x + a x') = x (x + a x').
    let ds = x * (x + a * first);
    let d = 1.0 + a * s;
    let second = (-(ds * x + s * first) * d + s * x * (s + a * ds)) / (d * d);
    let f = |a: &Tensor| fixed_point(|x: &Tensor| (a * x).cos(), &Tensor::from(0.5));
    check(&f, a, [x, first, second], 1e-12);
}

#[test]
fn linear_systems_by_hand() {
    // x = A⁻¹ b for 2 × 2, by Cramer's rule.
    let entries = Tensor::from([2.0, 1.0, -1.0, 3.0, 5.0, 4.0]);
    let by_hand = |v: &Tensor| -> Result<Tensor> {
        let n = |i: i64| v.i(i);
        let d = n(0) * n(3) - n(1) * n(2);
        stack(&[&((n(4) * n(3) - n(1) * n(5)) / &d), &((n(0) * n(5) - n(2) * n(4)) / &d)], 0)
    };
    let solved = |v: &Tensor| {
        let a = v.i(..4).reshape([2, 2]);
        linear_solve(|x: &Tensor| a.matmul(x), &v.i(4..))
    };
    close(&solved(&entries).expect("x"), &by_hand(&entries).expect("x"));
    let exact = jacrev(by_hand, &entries).expect("a Jacobian");
    close(&jacrev(solved, &entries).expect("reverse"), &exact);
    close(&jacfwd(solved, &entries).expect("forward"), &exact);
    let sum = |f: Scalar<'_>, v: &Tensor| Ok(f(v)?.sin().sum());
    let exact = hessian(|v: &Tensor| sum(&by_hand, v), &entries).expect("a Hessian");
    close(&hessian(|v: &Tensor| sum(&solved, v), &entries).expect("a Hessian"), &exact);
}

#[test]
fn a_symmetric_system_and_its_inverse() {
    let a = Tensor::from([[4.0, 1.0, 0.5], [1.0, 3.0, -1.0], [0.5, -1.0, 2.0]]);
    let b = Tensor::from([1.0, -2.0, 0.3]);
    let general = |(a, b): &(Tensor, Tensor)| linear_solve(|x: &Tensor| a.matmul(x), b);
    let definite = |(a, b): &(Tensor, Tensor)| linear_solve_spd(|x: &Tensor| a.matmul(x), b);
    let at = (a.clone(), b.clone());
    let x = definite(&at).expect("a solution");
    close(&a.matmul(&x), &b);
    close(&x, &general(&at).expect("a solution"));
    // gA = −A⁻ᵀ gx xᵀ and gb = A⁻ᵀ gx.
    let weights = Tensor::from([0.2, 1.0, -0.7]);
    let loss = |at: &(Tensor, Tensor)| Ok(definite(at)?.dot(&weights));
    let (ga, gb) = gradient(loss, &at).expect("a gradient");
    close(&a.matmul(&gb), &weights);
    close(&ga, &-(gb.unsqueeze(1) * x.unsqueeze(0)));
    // Along a symmetric direction, the second derivatives of both agree.
    let along = |solve: &dyn Fn(&(Tensor, Tensor)) -> Result<Tensor>| {
        let f = |c: &Tensor| Ok(solve(&(&a + c * c * &a, &b * c.exp()))?.sin().sum());
        number(&hessian(f, &Tensor::from(0.4)).expect("a curvature"))
    };
    assert!((along(&definite) - along(&general)).abs() < 1e-13);
}

/// A map of the plane, near one, on a pair of vectors.
fn mixed(w: &Tensor) -> impl Fn(&(Tensor, Tensor)) -> (Tensor, Tensor) {
    let w = w.clone();
    move |(x, y)| (x + 0.3 * (w.matmul(y)).sin() - 0.5, y + 0.2 * x.square() - w.i(0))
}

#[test]
fn structures_and_both_modes() {
    let w = Tensor::from([[0.5, -0.3], [0.2, 0.8]]);
    let start = (Tensor::from([0.0, 0.0]), Tensor::from([0.0, 0.0]));
    let f = |w: &Tensor| root(mixed(w), &start);
    let (x, pull) = vjp(f, &w).expect("a solution");
    let rest = mixed(&w)(&x);
    assert!(number(&(rest.0.abs().sum() + rest.1.abs().sum())) < 1e-14);
    let dw = Tensor::from([[0.1, 1.0], [-0.4, 0.3]]);
    let g = (Tensor::from([1.0, -0.5]), Tensor::from([0.25, 2.0]));
    let dx = jvp(f, &w, &dw).expect("forward").1;
    let gw = pull.apply(&g).expect("reverse");
    let (a, b) = (g.0.dot(&dx.0) + g.1.dot(&dx.1), (gw * &dw).sum());
    close(&a, &b);
    // Against central differences.
    let h = 1e-5;
    let moved = |c: f64| f(&(&w + &dw * c)).expect("a solution");
    let (up, down) = (moved(h), moved(-h));
    within(1e-9, &dx.0, &((up.0 - down.0) / (2.0 * h)));
    within(1e-9, &dx.1, &((up.1 - down.1) / (2.0 * h)));
}

#[test]
fn what_is_captured_has_gradients() {
    let a = Tensor::from(2.0).requires_grad();
    let b = Tensor::from(5.0).requires_grad();
    let x = root(|x: &Tensor| &a * x.exp() - &b, &Tensor::from(0.0)).expect("ln(b / a)");
    close(&x, &Tensor::from(2.5f64.ln()));
    let g = grad(&x, &[&a, &b]).expect("gradients");
    close(&g[0], &Tensor::from(-0.5));
    close(&g[1], &Tensor::from(0.2));
    let gg = grad(&g[0], &[&a]).expect("second");
    close(&gg[0], &Tensor::from(0.25));
    x.backward().expect("gradients");
    close(&a.grad().expect("a gradient"), &Tensor::from(-0.5));
    let plain = no_grad(|| root(|x: &Tensor| &a * x.exp() - &b, &Tensor::from(0.0)));
    let plain = plain.expect("a root without a graph");
    assert!(!plain.tracks_grad());
    close(&plain, &x);
}

#[test]
fn the_minimum_moves_with_the_data() {
    // The mean as a minimum, and one that is none.
    let points = Tensor::from([1.0, 2.0, 6.0]);
    let mean = |p: &Tensor| argmin(|x: &Tensor| (x - p).square().sum(), &Tensor::from(0.0));
    close(&mean(&points).expect("a mean"), &Tensor::from(3.0));
    close(&gradient(mean, &points).expect("a gradient"), &Tensor::full([3], 1.0 / 3.0));
    let soft = |p: &Tensor| argmin(|x: &Tensor| (x - p).cosh().sum(), &Tensor::from(3.0));
    // Σ sinh(x − p) = 0: the gradient is cosh(x − p) / Σ.
    let x = soft(&points).expect("a minimum");
    let weights = (&x - &points).cosh();
    close(&gradient(soft, &points).expect("a gradient"), &(&weights / weights.sum()));
}

#[test]
fn in_batches() {
    let a = Tensor::from([2.0, 3.0, 50.0, 1e6]);
    let f = |a: &Tensor| root(|x: &Tensor| x.square() - a, &Tensor::from(1.0));
    close(&vmap(f, &a).expect("a batch"), &a.sqrt());
    let slopes = vmap(|a: &Tensor| gradient(f, a), &a).expect("slopes of each");
    close(&slopes, &(0.5 * a.rsqrt()));
    let slopes = gradient(|a: &Tensor| Ok(vmap(f, a)?.sum()), &a).expect("slopes of all");
    close(&slopes, &(0.5 * a.rsqrt()));
    let curved = vmap(|a: &Tensor| hessian(f, a), &a).expect("curvatures of each");
    close(&curved, &(-0.25 * a.pow(Tensor::from(-1.5))));
    let b = stack(&[&a, &(&a + 1.0)], 0).expect("a table");
    close(&vmap(|a: &Tensor| vmap(f, a), &b).expect("batches of batches"), &b.sqrt());
    let g = |a: &Tensor| fixed_point(|x: &Tensor| (a * x).cos(), &Tensor::from(0.5));
    let c = Tensor::from([0.1, 0.5, 0.9]);
    let all = vmap(g, &c).expect("a batch");
    close(&all, &(&c * &all).cos());
    let given = |a: &Tensor| root_with(|x: &Tensor| x.square() - a, |_: &Tensor| a.sqrt(), a);
    let slopes = vmap(|a: &Tensor| gradient(given, a), &a).expect("slopes of each");
    close(&slopes, &(0.5 * a.rsqrt()));
}

#[test]
fn systems_in_batches() {
    let a = Tensor::from([[[2.0, 1.0], [0.0, 3.0]], [[1.0, -1.0], [4.0, 2.0]]]);
    let b = Tensor::from([1.0, 2.0]);
    let solve = |a: &Tensor| linear_solve(|x: &Tensor| a.matmul(x), &b);
    let x = vmap(solve, &a).expect("a batch");
    (0..2).for_each(|i| close(&a.i(i).matmul(&x.i(i)), &b));
    let all = vmap(|a: &Tensor| gradient(|a: &Tensor| Ok(solve(a)?.sum()), a), &a);
    let all = all.expect("gradients");
    for i in 0..2 {
        let one = gradient(|a: &Tensor| Ok(solve(a)?.sum()), &a.i(i)).expect("a gradient");
        close(&all.i(i), &one);
    }
    let many = Tensor::from([[1.0, 0.0], [0.5, -2.0], [3.0, 3.0]]);
    let x = vmap(|b: &Tensor| linear_solve(|x: &Tensor| a.i(0).matmul(x), b), &many);
    close(&x.expect("a batch").matmul(&a.i(0).t()), &many);
}

/// v minus a part of its neighbours on a ring; not symmetric.
fn ring(v: &Tensor, c: &Tensor) -> Result<Tensor> {
    let left = cat(&[&v.i(1..), &v.i(..1)], 0)?;
    let right = cat(&[&v.i(-1..), &v.i(..-1)], 0)?;
    Ok(v - left * c - right * c * 0.5)
}

#[test]
fn large_systems() {
    let n = 500;
    let b = Tensor::linspace(-1.0, 1.0, n);
    for dtype in [DType::F64, DType::F32] {
        let b = b.to_dtype(dtype);
        let tolerance = if dtype == DType::F64 { 1e-12 } else { 2e-5 };
        let solve = |c: &Tensor| linear_solve(|v: &Tensor| ring(v, c), &b);
        let c = Tensor::from(0.45).to_dtype(dtype);
        let x = solve(&c).expect("a solution");
        assert_eq!(x.dtype(), dtype);
        within(tolerance, &ring(&x, &c).expect("a product"), &b);
        let (g, t) = (
            gradient(|c: &Tensor| Ok(solve(c)?.square().sum()), &c).expect("reverse"),
            jvp(|c: &Tensor| Ok(solve(c)?.square().sum()), &c, &c.ones_like()).expect("forward").1,
        );
        within(10.0 * tolerance, &g, &t);
    }
    let batch = stack(&[&b, &b.sin(), &Tensor::zeros([n]).to_dtype(DType::F64)], 0).expect("rows");
    let c = Tensor::from(0.3);
    let x = vmap(|b: &Tensor| linear_solve(|v: &Tensor| ring(v, &c), b), &batch).expect("a batch");
    let back = vmap(|v: &Tensor| ring(v, &c), &x).expect("products");
    within(1e-12, &back, &batch);
    // A root in many unknowns.
    let f = |c: &Tensor| root(|x: &Tensor| Ok(ring(x, c)? + x.powi(3) - &b), &b);
    let x = f(&c).expect("a root");
    within(1e-12, &(ring(&x, &c).expect("a product") + x.powi(3)), &b);
}

#[test]
fn in_programs() {
    let f = |a: &Tensor| root(|x: &Tensor| x.powi(3) - a, &Tensor::from(1.0));
    let program = Program::trace(f, &Tensor::from(1.0)).expect("a program");
    for a in [8.0, 27.0] {
        let a = Tensor::from(a);
        let exact = a.pow(Tensor::from(1.0 / 3.0));
        close(&program.call(&a).expect("a root"), &exact);
        let slope = with_engine(Engine::Reference, || {
            let g = gradient(|a: &Tensor| program.call(a), &a).expect("a gradient");
            number(&g);
            g
        });
        close(&slope, &(exact / (3.0 * a)));
    }
}

#[test]
fn at_zero_and_in_single_precision() {
    let f = |a: &Tensor| root(|x: &Tensor| x + x.powi(3) - a, &Tensor::from(1.0));
    check(&f, 0.0, [0.0, 1.0, 0.0], 1e-14);
    let a = Tensor::from([2.0f32, 7.0]);
    let x = root(|x: &Tensor| x.square() - &a, &Tensor::from([1.0f32, 1.0])).expect("roots");
    assert_eq!(x.dtype(), DType::F32);
    within(2e-7, &x, &a.sqrt());
    let x = fixed_point(|x: &Tensor| 0.5 * (x + &a / x), &Tensor::from([1.0f32, 1.0]));
    within(2e-7, &x.expect("roots"), &a.sqrt());
}

fn failure<T>(found: Result<T>, kind: ErrorKind, text: &str) {
    let Err(error) = found else { panic!("no error where {text:?} was expected") };
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(text), "{error}");
}

#[test]
fn what_cannot_be_solved() {
    use ErrorKind::{DType as Type, Numeric, Shape};
    let one = Tensor::from(1.0);
    failure(root(|x: &Tensor| x.square() + 1.0, &one), Numeric, "`root`");
    failure(root(|x: &Tensor| x * f64::NAN, &one), Numeric, "not finite");
    failure(root(|x: &Tensor| x * 0.0 + 1.0, &one), Numeric, "singular");
    failure(fixed_point(|x: &Tensor| x + 1.0, &one), Numeric, "10,000 steps");
    failure(fixed_point(|x: &Tensor| 2.0 * x, &one), Numeric, "not finite");
    failure(fixed_point(|x: &Tensor| -x, &one), Numeric, "10,000 steps");
    let twice = Tensor::from([[0.1, 0.2], [0.3, 0.6]]);
    let b = Tensor::from([1.0, 2.0]);
    failure(linear_solve(|x: &Tensor| twice.matmul(x), &b), Numeric, "singular");
    failure(linear_solve(|x: &Tensor| x + 1.0, &b), Numeric, "takes 0 to");
    failure(linear_solve_spd(|x: &Tensor| -x, &b), Numeric, "not positive definite");
    failure(linear_solve(|x: &Tensor| x * 2.0, &(&b / 0.0)), Numeric, "inf");
    failure(root(|x: &Tensor| x.sum(), &b), Shape, "shape");
    failure(root(|x: &Tensor| x - 1, &Tensor::from([1i64])), Type, "int64");
    // What fails only when it is evaluated fails in the same way.
    let lazy = |x: &Tensor| linear_solve(|v: &Tensor| twice.matmul(v), x);
    let rows = stack(&[&b, &b], 0).expect("a batch");
    let late = |x: Result<Tensor>| x.and_then(|x| x.to_vec::<f64>());
    failure(late(vmap(lazy, &rows)), Numeric, "singular");
    let program = Program::trace(lazy, &b).expect("a program");
    failure(program.call(&b), Numeric, "singular");
    // The double root of x² = 0 has no derivative.
    let a = Tensor::from(0.0);
    let double = |a: &Tensor| root_with(|x: &Tensor| x.square() - a, |x: &Tensor| x * 0.0, &one);
    let slope = gradient(double, &a).and_then(|g| g.item::<f64>());
    assert!(slope.expect_err("no slope").to_string().contains("singular"));
}
