//! Loops, branches, checkpoints: the same numbers and derivatives as the code written out.

use chainrule_core::{
    ErrorKind, Program, Result, Tensor, checkpoint, cond, fori_loop, grad, gradient, hessian,
    jacobian, jvp, no_grad, scan, stack, vmap, while_loop,
};

fn list(x: &Tensor) -> Vec<f64> {
    x.to_vec().expect("numbers")
}

fn close(a: &Tensor, b: &Tensor) {
    assert_eq!(a.shape(), b.shape());
    for (x, y) in list(a).iter().zip(list(b)) {
        assert!((x - y).abs() <= 1e-12 * y.abs().max(1.0), "{x} and {y} of {a} and {b}");
    }
}

/// A recurrent cell with weights w, and the state after each of the rows of x.
fn looped(w: &Tensor, x: &Tensor) -> Result<(Tensor, Tensor)> {
    let start = (Tensor::from([0.1, -0.2]), Tensor::from(0.5));
    let step = |(h, s): &(Tensor, Tensor), x: &Tensor| {
        let new = (w.matmul(h) + x).tanh();
        let s = s * 0.9 + new.sum() * Tensor::from(0.3);
        ((new.clone(), s.clone()), new * s.exp())
    };
    let ((h, s), all) = scan(step, &start, x)?;
    Ok((h.sum() * s, all))
}

fn unrolled(w: &Tensor, x: &Tensor) -> Result<(Tensor, Tensor)> {
    let (mut h, mut s) = (Tensor::from([0.1, -0.2]), Tensor::from(0.5));
    let mut all = vec![];
    for x in x.unbind(0)? {
        h = (w.matmul(&h) + x).tanh();
        s = s * 0.9 + h.sum() * 0.3;
        all.push(&h * s.exp());
    }
    Ok((h.sum() * s, stack(&all.iter().collect::<Vec<_>>(), 0)?))
}

fn inputs() -> (Tensor, Tensor) {
    let w = Tensor::from([[0.5, -0.3], [0.2, 0.8]]);
    let x = Tensor::from([[0.1, 0.2], [-0.5, 0.4], [0.7, -0.1], [0.0, 0.3]]);
    (w, x)
}

#[test]
fn a_scan_is_the_loop_written_out() {
    type Net = fn(&Tensor, &Tensor) -> Result<(Tensor, Tensor)>;
    let loss = |net: Net| {
        move |(w, x): &(Tensor, Tensor)| -> Result<Tensor> {
            let (last, all) = net(w, x)?;
            Ok(last + all.square().sum())
        }
    };
    let at = inputs();
    let v = (Tensor::from([[1.0, 0.5], [-0.5, 0.2]]), at.1.sin());
    {
        let (a, b) = (looped as Net, unrolled as Net);
        close(&loss(a)(&at).expect("a loss"), &loss(b)(&at).expect("a loss"));
        let (p, q) = (gradient(loss(a), &at).expect("one"), gradient(loss(b), &at).expect("two"));
        close(&p.0, &q.0);
        close(&p.1, &q.1);
        let (p, q) = (jvp(loss(a), &at, &v).expect("one").1, jvp(loss(b), &at, &v).expect("two").1);
        close(&p, &q);
        let (p, q) = (hessian(loss(a), &at).expect("one"), hessian(loss(b), &at).expect("two"));
        close(&p.0.0, &q.0.0);
        close(&p.0.1, &q.0.1);
        close(&p.1.1, &q.1.1);
        let twice = |f: Net| {
            let g =
                gradient(|at: &(Tensor, Tensor)| Ok(gradient(loss(f), at)?.0.square().sum()), &at);
            g.expect("a gradient of a gradient")
        };
        close(&twice(a).0, &twice(b).0);
        close(&twice(a).1, &twice(b).1);
    }
}

#[test]
fn a_scan_in_a_batch() {
    let (w, x) = inputs();
    let batch = stack(&[&x, &x.cos(), &(&x * -2.0)], 0).expect("a batch");
    let (last, all) = vmap(|x: &Tensor| looped(&w, x), &batch).expect("a batch");
    let rows = vmap(|x: &Tensor| gradient(|w: &Tensor| Ok(looped(w, x)?.0), &w), &batch);
    let rows = rows.expect("a gradient per sample");
    for i in 0..3 {
        let x = batch.i(i);
        let (l, a) = unrolled(&w, &x).expect("one");
        close(&last.i(i), &l);
        close(&all.i(i), &a);
        close(&rows.i(i), &gradient(|w: &Tensor| Ok(unrolled(w, &x)?.0), &w).expect("a gradient"));
    }
    let many = stack(&[&w, &w.t()], 0).expect("weights");
    let last = vmap(|w: &Tensor| Ok(looped(w, &x)?.0), &many).expect("a batch");
    close(&last.i(1), &unrolled(&w.t(), &x).expect("one").0);
}

#[test]
fn loops_by_count_and_by_condition() {
    let root = |a: &Tensor| {
        let heron = |_: &Tensor, x: &Tensor| 0.5 * (x + a / x);
        fori_loop(8, heron, &Tensor::from(1.0))
    };
    let until = |a: &Tensor| {
        let test = |x: &Tensor| (x.square() - a).abs().gt(1e-13);
        while_loop(test, |x: &Tensor| 0.5 * (x + a / x), &Tensor::from(1.0))
    };
    let a = Tensor::from(3.0);
    for f in [&root as &dyn Fn(&Tensor) -> Result<Tensor>, &until] {
        close(&f(&a).expect("a root"), &a.sqrt());
        close(&gradient(f, &a).expect("a slope"), &(0.5 * a.rsqrt()));
        close(&jvp(f, &a, &Tensor::from(1.0)).expect("a slope").1, &(0.5 * a.rsqrt()));
        close(&hessian(f, &a).expect("a curvature"), &(-0.25 * a.pow(Tensor::from(-1.5))));
    }
}

#[test]
fn a_body_that_changes_the_state_is_refused() {
    let start = Tensor::from([1.0]);
    let grow = |_: &Tensor, c: &Tensor| chainrule_core::cat(&[c, c], 0);
    let error = fori_loop(3, grow, &start).expect_err("it grows");
    assert_eq!(error.kind(), ErrorKind::Shape);
    let integers = |_: &Tensor, c: &Tensor| c.gt(0.0);
    assert_eq!(fori_loop(3, integers, &start).expect_err("truth").kind(), ErrorKind::Shape);
}

#[test]
fn branches() {
    let f = |x: &Tensor| cond(&x.gt(1.0), |x: &Tensor| x.ln(), |x: &Tensor| x.square(), x);
    let x = Tensor::from([0.5, 3.0, 0.0]);
    let slopes = vmap(|x: &Tensor| gradient(f, x), &x).expect("a batch");
    assert_eq!(list(&slopes), [1.0, 1.0 / 3.0, 0.0]);
    assert_eq!(list(&gradient(f, &Tensor::from(0.5)).expect("one")), [1.0]);
}

#[test]
fn checkpoints_change_no_bit() {
    let w = [0.5, -0.9].map(|c| Tensor::from([[c, -0.3], [0.2, 0.8]]).requires_grad());
    let layer = |x: &Tensor, w: &Tensor| (x.matmul(w).tanh() + x.softmax(1)).sin();
    let x = Tensor::from([[1.0, 2.0], [0.3, -0.7]]);
    let plain = layer(&layer(&x, &w[0]), &w[1]).square().sum();
    let first = checkpoint(|x: &Tensor| layer(x, &w[0]), &x).expect("one");
    let saved = checkpoint(|x: &Tensor| layer(x, &w[1]), &first).expect("two").square().sum();
    assert_eq!(list(&plain), list(&saved));
    let by = |y: &Tensor| grad(y, &[&w[0], &w[1]]).expect("gradients");
    let (a, b) = (by(&plain), by(&saved));
    assert_eq!([list(&a[0]), list(&a[1])], [list(&b[0]), list(&b[1])]);
    let second = |g: &[Tensor]| by(&(g[0].square().sum() + g[1].sin().sum()));
    let (a, b) = (second(&a), second(&b));
    close(&a[0], &b[0]);
    close(&a[1], &b[1]);
    let f = |x: &Tensor| Ok(checkpoint(|x: &Tensor| (x.exp(), x.sum()), x)?.0);
    let j = jacobian(f, &x.i(0)).expect("a Jacobian");
    close(&j, &Tensor::from([[1f64.exp(), 0.0], [0.0, 2f64.exp()]]));
}

#[test]
fn programs() {
    let w = Tensor::from([0.5, 2.0]).requires_grad();
    let f = |x: &Tensor| (x * &w).sin().sum();
    let program = Program::trace(f, &Tensor::from([0.0, 0.0])).expect("a program");
    let x = Tensor::from([1.0, -0.4]);
    close(&program.call(&x).expect("a call"), &f(&x));
    let g = grad(&program.call(&x).expect("a call"), &[&w]).expect("a gradient").remove(0);
    close(&g, &grad(&f(&x), &[&w]).expect("a gradient")[0]);
    // The parameter is the current one; without recording, numbers come at once.
    w.assign(&Tensor::from([3.0, 1.0])).expect("assign");
    let y = no_grad(|| program.call(&x)).expect("a call");
    assert!(!y.tracks_grad());
    close(&y, &f(&x));
    let slope = gradient(|x: &Tensor| program.call(x), &x).expect("a gradient");
    close(&slope, &gradient(f, &x).expect("a gradient"));
    let rows = stack(&[&x, &x.exp()], 0).expect("rows");
    let all = vmap(|x: &Tensor| program.call(x), &rows).expect("a batch");
    close(&all.i(1), &f(&x.exp()));
    let error = program.call(&Tensor::from([1.0])).expect_err("another shape");
    assert_eq!(error.kind(), ErrorKind::Shape);
}
