//! Differential equations with known solutions, and their derivatives in both ways.

use chainrule_core::{
    DType, Engine, ErrorKind, Gradient, Ode, Program, Result, Tensor, grad, gradient, hessian,
    jacobian, jvp, no_grad, odeint, stack, vjp, vmap, with_engine,
};

fn list(x: &Tensor) -> Vec<f64> {
    x.to_vec().expect("numbers")
}

fn number(x: &Tensor) -> f64 {
    x.item().expect("a number")
}

fn error(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.shape(), b.shape());
    let each = list(a).into_iter().zip(list(b)).map(|(x, y)| (x - y).abs() / y.abs().max(1.0));
    each.fold(0.0, f64::max)
}

fn within(tolerance: f64, a: &Tensor, b: &Tensor) {
    let error = error(a, b);
    assert!(error <= tolerance, "{error:.1e} between {a} and {b}");
}

/// Tolerances of 1e-10, with both gradients.
fn both() -> [Ode; 2] {
    let sharp = Ode { rtol: 1e-10, atol: 1e-12, ..Ode::default() };
    [sharp, Ode { gradient: Gradient::Adjoint, ..sharp }]
}

/// y' = −r y from y₀ through times.
fn decay(r: &Tensor, y0: &Tensor, t: &Tensor, options: &Ode) -> Result<Tensor> {
    odeint(|_: &Tensor, y: &Tensor| -(r * y), y0, t, options)
}

fn decayed(r: &Tensor, y0: &Tensor, t: &Tensor) -> Tensor {
    y0 * (-(r * (t - t.i(0)))).exp()
}

#[test]
fn exponential_decay() {
    let (r, y0, t) = (Tensor::from(1.3), Tensor::from(2.0), Tensor::from([0.5, 1.0, 1.7, 4.0]));
    for options in both() {
        let f = |(r, y0, t): &(Tensor, Tensor, Tensor)| decay(r, y0, t, &options);
        let exact = |(r, y0, t): &(Tensor, Tensor, Tensor)| decayed(r, y0, t);
        let at = (r.clone(), y0.clone(), t.clone());
        within(1e-9, &f(&at).expect("a solution"), &exact(&at));
        let (a, b) = (jacobian(f, &at).expect("all"), jacobian(exact, &at).expect("all"));
        within(1e-9, &a.0, &b.0);
        within(1e-9, &a.1, &b.1);
        within(1e-9, &a.2, &b.2);
        let v = (Tensor::from(0.3), Tensor::from(-1.0), Tensor::from([0.1, -0.2, 0.4, 1.0]));
        let (a, b) = (jvp(f, &at, &v).expect("forward").1, jvp(exact, &at, &v).expect("one").1);
        within(1e-9, &a, &b);
        let (y, pull) = vjp(f, &at).expect("reverse");
        let gy = Tensor::from([0.2, 1.0, -0.5, 3.0]);
        let g = pull.apply(&gy).expect("a cotangent");
        assert_eq!(y.shape(), [4]);
        within(1e-8, &(g.0 * v.0 + g.1 * v.1 + g.2.dot(&v.2)), &gy.dot(&a));
    }
}

#[test]
fn second_derivatives() {
    let t = Tensor::from([0.0, 0.7, 2.0]);
    for options in both() {
        let loss = |(r, y0): &(Tensor, Tensor)| Ok(decay(r, y0, &t, &options)?.square().sum());
        let exact = |(r, y0): &(Tensor, Tensor)| decayed(r, y0, &t).square().sum();
        let at = (Tensor::from(0.8), Tensor::from(1.5));
        let (a, b) = (hessian(loss, &at).expect("a Hessian"), hessian(exact, &at).expect("one"));
        within(1e-8, &a.0.0, &b.0.0);
        within(1e-8, &a.0.1, &b.0.1);
        within(1e-8, &a.1.0, &b.1.0);
        within(1e-8, &a.1.1, &b.1.1);
        let twice = |(r, y0): &(Tensor, Tensor)| {
            let slope = |r: &Tensor| loss(&(r.clone(), y0.clone()));
            gradient(slope, r)
        };
        let (by_r, by_y0) = gradient(twice, &at).expect("reverse over reverse");
        within(1e-8, &by_r, &b.0.0);
        within(1e-8, &by_y0, &b.0.1);
    }
}

#[test]
fn an_oscillator_there_and_back() {
    let w = Tensor::from(2.0);
    let start = (Tensor::from(1.0), Tensor::from(0.5));
    for times in [[0.0, 1.0, 3.0], [0.0, -2.0, -2.5]] {
        let t = Tensor::from(times);
        for options in both() {
            let f = |(w, start): &(Tensor, (Tensor, Tensor))| {
                let swing = |_: &Tensor, (x, v): &(Tensor, Tensor)| (v.clone(), -(w * w * x));
                odeint(swing, start, &t, &options)
            };
            let exact = |(w, (x, v)): &(Tensor, (Tensor, Tensor))| {
                let (c, s) = ((w * &t).cos(), (w * &t).sin());
                (x * &c + v * &s / w, v * &c - x * w * s)
            };
            let at = (w.clone(), start.clone());
            let (a, b) = (f(&at).expect("a solution"), exact(&at));
            within(1e-9, &a.0, &b.0);
            within(1e-9, &a.1, &b.1);
            let (a, b) = (jacobian(f, &at).expect("all"), jacobian(exact, &at).expect("all"));
            within(2e-9, &a.0.0, &b.0.0);
            within(2e-9, &a.0.1.0, &b.0.1.0);
            within(2e-9, &a.0.1.1, &b.0.1.1);
            within(2e-9, &a.1.0, &b.1.0);
            within(2e-9, &a.1.1.1, &b.1.1.1);
        }
    }
    // Out and back again.
    let turn = |_: &Tensor, y: &Tensor| stack(&[&y.i(1), &-y.i(0)], 0);
    let y0 = Tensor::from([0.3, -1.0]);
    let options = both()[0];
    let there = odeint(turn, &y0, &Tensor::from([0.0, 5.0]), &options).expect("there");
    let back = odeint(turn, &there.i(1), &Tensor::from([5.0, 0.0]), &options).expect("back");
    within(1e-8, &back.i(1), &y0);
}

#[test]
fn logistic_growth_and_captured_parameters() {
    let t = Tensor::linspace(0.0, 5.0, 6);
    for options in both() {
        let rate = Tensor::from([0.5, 1.0]).requires_grad();
        let size = Tensor::from(2.0).requires_grad();
        let y0 = Tensor::from([0.1, 0.4]).requires_grad();
        let grow = |_: &Tensor, y: &Tensor| &rate * y * (1.0 - y / &size);
        let y = odeint(grow, &y0, &t, &options).expect("a solution");
        let growth = (t.unsqueeze(1) * &rate).exp();
        let exact = &size / (1.0 + (&size / &y0 - 1.0) / growth);
        within(1e-9, &y, &exact);
        let sum = |y: &Tensor| (y * t.unsqueeze(1).sin()).sum();
        let by = [&rate, &size, &y0];
        sum(&y).backward().expect("gradients");
        let found = grad(&sum(&y), &by).expect("found");
        for ((x, a), b) in by.iter().zip(&found).zip(grad(&sum(&exact), &by).expect("exact")) {
            within(2e-8, a, &b);
            within(2e-8, &x.grad().expect("a gradient"), &b);
        }
        assert!(!no_grad(|| odeint(grow, &y0, &t, &options)).expect("y").tracks_grad());
    }
}

#[test]
fn a_right_side_with_time_in_it() {
    // y' = a cos(t) y: y = y₀ exp(a (sin t − sin t₀)).
    let t = Tensor::from([1.0, 0.2, -1.0]);
    for options in both() {
        let f = |(a, t): &(Tensor, Tensor)| {
            odeint(|t: &Tensor, y: &Tensor| a * t.cos() * y, &Tensor::from(1.5), t, &options)
        };
        let exact = |(a, t): &(Tensor, Tensor)| 1.5 * (a * (t.sin() - t.i(0).sin())).exp();
        let at = (Tensor::from(0.9), t.clone());
        within(1e-9, &f(&at).expect("a solution"), &exact(&at));
        let (a, b) = (jacobian(f, &at).expect("all"), jacobian(exact, &at).expect("all"));
        within(1e-9, &a.0, &b.0);
        within(1e-9, &a.1, &b.1);
        let loss = |at: &(Tensor, Tensor)| Ok(f(at)?.sum());
        let (a, b) = (hessian(loss, &at).expect("a Hessian"), hessian(|at| exact(at).sum(), &at));
        let b = b.expect("a Hessian");
        within(1e-7, &a.0.1, &b.0.1);
        within(1e-7, &a.1.1, &b.1.1);
    }
}

/// The right side of van der Pol's equation.
fn relax(mu: f64) -> impl Fn(&Tensor, &(Tensor, Tensor)) -> (Tensor, Tensor) {
    move |_, (x, v)| (v.clone(), mu * (1.0 - x.square()) * v - x)
}

#[test]
fn the_error_follows_the_tolerance() {
    let start = (Tensor::from(2.0), Tensor::from(0.0));
    let t = Tensor::from([0.0, 30.0]);
    let solve = |rtol: f64| {
        let options = Ode { rtol, atol: rtol * 1e-2, ..Ode::default() };
        odeint(relax(20.0), &start, &t, &options).expect("a solution").0.i(1)
    };
    let exact = solve(1e-12);
    let errors: Vec<f64> = [1e-4, 1e-6, 1e-8, 1e-10].map(|r| error(&solve(r), &exact)).into();
    println!("van der Pol, μ = 20: errors {errors:?}");
    for (e, rtol) in errors.iter().zip([1e-4, 1e-6, 1e-8, 1e-10]) {
        assert!(*e < 100.0 * rtol, "{e:.1e} for {rtol:.1e}");
    }
    assert!(errors[3] < errors[0] * 1e-3, "{errors:?}");
}

#[test]
fn direct_and_adjoint_agree() {
    let t = Tensor::from([0.0, 1.0, 2.5]);
    let w = Tensor::from([[-0.5, 1.2], [-1.0, -0.3]]);
    let y0 = Tensor::from([1.0, -0.5]);
    let gradients = both().map(|options| {
        let loss = |(w, y0): &(Tensor, Tensor)| {
            let f = |_: &Tensor, y: &Tensor| w.matmul(&y.powi(3)).tanh();
            Ok((odeint(f, y0, &t, &options)? * Tensor::from([1.0, 2.0])).square().sum())
        };
        gradient(loss, &(w.clone(), y0.clone())).expect("a gradient")
    });
    within(1e-8, &gradients[0].0, &gradients[1].0);
    within(1e-8, &gradients[0].1, &gradients[1].1);
}

#[test]
fn in_batches() {
    let t = Tensor::from([0.0, 1.0, 2.0]);
    let rates = Tensor::from([0.1, 1.0, 3.0]);
    let y0 = Tensor::from(2.0);
    for options in both() {
        let f = |r: &Tensor| decay(r, &y0, &t, &options);
        let exact = |r: &Tensor| decayed(r, &y0, &t);
        let (a, b) = (vmap(f, &rates).expect("a batch"), vmap(exact, &rates).expect("a batch"));
        within(1e-9, &a, &b);
        let slope = |r: &Tensor| gradient(|r: &Tensor| Ok(f(r)?.sum()), r);
        let exact_slope = |r: &Tensor| gradient(|r: &Tensor| exact(r).sum(), r);
        let b = vmap(exact_slope, &rates).expect("slopes of each");
        within(1e-8, &vmap(slope, &rates).expect("slopes of each"), &b);
        let all = gradient(|r: &Tensor| Ok(vmap(f, r)?.sum()), &rates).expect("slopes of all");
        within(1e-8, &all, &b);
        let starts = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
        let rows = vmap(|y0: &Tensor| decay(&y0.exp(), y0, &t, &options), &starts);
        let rows = rows.expect("a batch");
        assert_eq!(rows.shape(), [2, 3, 2]);
    }
}

#[test]
fn single_precision_integers_and_few_times() {
    let (r, y0) = (Tensor::from(0.5f32), Tensor::from([1.0f32, 2.0]));
    for options in
        [Gradient::Direct, Gradient::Adjoint].map(|gradient| Ode { gradient, ..Ode::default() })
    {
        let t = Tensor::from([0i64, 1, 4]);
        let y = decay(&r, &y0, &t, &options).expect("a solution");
        assert_eq!((y.dtype(), y.shape()), (DType::F32, &[3, 2][..]));
        let exact = stack(&[&y0, &(&y0 * (-0.5f64).exp()), &(&y0 * (-2f64).exp())], 0);
        within(2e-6, &y, &exact.expect("three"));
        let g = gradient(|r: &Tensor| Ok(decay(r, &y0, &t, &options)?.i(2).sum()), &r);
        within(1e-5, &g.expect("a gradient"), &Tensor::from(-12.0 * (-2f64).exp()));
        let one = Tensor::from([3.0]);
        let g = gradient(|y0: &Tensor| Ok(decay(&r, y0, &one, &options)?.sum()), &y0);
        assert_eq!(list(&g.expect("a gradient")), [1.0, 1.0]);
        let same = Tensor::from([1.0, 1.0, 2.0, 2.0]);
        let y = decay(&r, &y0, &same, &options).expect("a solution");
        assert_eq!(list(&y.i(0)), list(&y.i(1)));
        assert_eq!(list(&y.i(2)), list(&y.i(3)));
        let g = gradient(|r: &Tensor| Ok(decay(r, &y0, &same, &options)?.sum()), &r);
        within(1e-5, &g.expect("a gradient"), &Tensor::from(-6.0 * (-0.5f64).exp()));
    }
}

fn failure<T>(found: Result<T>, kind: ErrorKind, text: &str) {
    let Err(error) = found else { panic!("no error where {text:?} was expected") };
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(text), "{error}");
}

#[test]
fn what_cannot_be_integrated() {
    use ErrorKind::{Numeric, Shape};
    let (one, t) = (Tensor::from(1.0), Tensor::from([0.0, 2.0]));
    for options in both() {
        let solve = |f: &dyn Fn(&Tensor, &Tensor) -> Tensor, t: &Tensor, options: &Ode| {
            odeint(|t: &Tensor, y: &Tensor| f(t, y), &one, t, options)
        };
        failure(solve(&|_, y| y * f64::NAN, &t, &options), Numeric, "at its start");
        // y = 1 / (1 − t) ends at t = 1; a root becomes imaginary at y = 0.
        failure(solve(&|_, y| y.square(), &t, &options), Numeric, "too small at t = ");
        failure(solve(&|_, y| -1.0 - (y * 0.0).sqrt() - y.sqrt(), &t, &options), Numeric, "small");
        let few = Ode { steps: 10, ..options };
        failure(solve(&|_, y| -1000.0 * y, &t, &few), Numeric, "10 steps");
        let mixed = Tensor::from([0.0, 2.0, 1.0]);
        failure(solve(&|_, y| -y, &mixed, &options), Numeric, "one way");
        failure(solve(&|_, y| -y, &Tensor::from([0.0, f64::NAN]), &options), Numeric, "one way");
        failure(solve(&|_, y| -y, &one, &options), Shape, "times of shape");
        failure(solve(&|_, y| stack(&[y, y], 0).expect("two"), &t, &options), Shape, "shape");
        let many = Tensor::from([[0.0, 1.0], [0.0, 2.0]]);
        failure(vmap(|t: &Tensor| decay(&one, &one, t, &options), &many), Shape, "different times");
    }
}

#[test]
fn in_programs_and_on_the_other_engine() {
    let (t, y0) = (Tensor::from([0.0, 1.0, 2.0]), Tensor::from(2.0));
    for options in both() {
        let f = |r: &Tensor| Ok(decay(r, &y0, &t, &options)?.sum());
        let exact = |r: &Tensor| decayed(r, &y0, &t).sum();
        let program = Program::trace(f, &Tensor::from(0.0)).expect("a program");
        for r in [0.3, 1.5].map(Tensor::from) {
            within(1e-9, &program.call(&r).expect("a call"), &exact(&r));
            let slope = gradient(exact, &r).expect("a gradient");
            let found = gradient(|r: &Tensor| program.call(r), &r).expect("a gradient");
            within(1e-8, &found, &slope);
            let found = with_engine(Engine::Reference, || {
                let g = gradient(f, &r).expect("a gradient");
                number(&g);
                g
            });
            within(1e-8, &found, &slope);
        }
    }
}
