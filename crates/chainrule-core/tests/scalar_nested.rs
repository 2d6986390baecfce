//! Derivatives inside derivatives: the saddle point and the particle of Pearlmutter & Siskind
//! (2008), each with forward or reverse mode inside and outside.
//!
//! Both minimise by steps along the gradient a function that itself takes derivatives, of functions
//! that use the outer variables. The numbers expected are those that the same descent gives in
//! every system that keeps its perturbations apart.

use chainrule_core::scalar::{Dual, Number, Var, derivative, gradient};

/// A function of `x` that may use numbers of type `R` from outside, through `lift`.
trait Objective<R: Number> {
    fn call<S: Number>(&self, x: &[S], lift: impl Fn(R) -> S) -> S;
}

/// A way to take gradients.
trait Mode {
    fn gradient<R: Number>(f: &impl Objective<R>, x: &[R]) -> Vec<R>;
}

struct Forward;
struct Reverse;

impl Mode for Forward {
    fn gradient<R: Number>(f: &impl Objective<R>, x: &[R]) -> Vec<R> {
        let by = |i: usize| {
            let lift = |(j, &x): (usize, &R)| Dual { primal: x, tangent: [unit(i == j)] };
            let x: Vec<Dual<1, R>> = x.iter().enumerate().map(lift).collect();
            f.call(&x, Dual::constant).tangent[0]
        };
        (0..x.len()).map(by).collect()
    }
}

impl Mode for Reverse {
    fn gradient<R: Number>(f: &impl Objective<R>, x: &[R]) -> Vec<R> {
        gradient(|x| f.call(x, Var::constant), x)
    }
}

fn unit<R: Number>(one: bool) -> R {
    R::from(f64::from(u8::from(one)))
}

fn length<R: Number>(x: &[R]) -> R {
    x.iter().map(|&x| x * x).sum::<R>().sqrt()
}

fn distance<R: Number>(x: &[R], y: &[R]) -> R {
    length(&x.iter().zip(y).map(|(&x, &y)| x - y).collect::<Vec<_>>())
}

/// Descent along the gradient; the step doubles after ten steps downhill and halves otherwise.
fn argmin<M: Mode, R: Number>(f: &impl Objective<R>, start: &[R]) -> Vec<R> {
    let at = |x: &[R]| f.call(x, |r| r);
    let (mut x, mut step, mut good) = (start.to_vec(), 1e-5, 0);
    let (mut y, mut slope) = (at(&x), M::gradient(f, &x));
    while length(&slope) > 1e-5 {
        if good == 10 {
            (step, good) = (step * 2.0, 0);
        }
        let next: Vec<R> = x.iter().zip(&slope).map(|(&x, &g)| x - g * step).collect();
        if distance(&x, &next) <= 1e-5 {
            break;
        }
        let value = at(&next);
        if value < y {
            (y, slope, good) = (value, M::gradient(f, &next), good + 1);
            x = next;
        } else {
            (step, good) = (step / 2.0, 0);
        }
    }
    x
}

/// −(x₁² + y₁² − x₂² − y₂²) in (x₂, y₂), for (x₁, y₁) from outside.
struct Inner<R>([R; 2]);

fn hill<S: Number>(p: [S; 2], q: &[S]) -> S {
    (p[0] * p[0] + p[1] * p[1]) - (q[0] * q[0] + q[1] * q[1])
}

impl<R: Number> Objective<R> for Inner<R> {
    fn call<S: Number>(&self, q: &[S], lift: impl Fn(R) -> S) -> S {
        -hill(self.0.map(lift), q)
    }
}

/// max over (x₂, y₂), in (x₁, y₁).
struct Outer<I>(std::marker::PhantomData<I>);

impl<I: Mode> Objective<f64> for Outer<I> {
    fn call<S: Number>(&self, p: &[S], _: impl Fn(f64) -> S) -> S {
        let p = [p[0], p[1]];
        hill(p, &argmin::<I, S>(&Inner(p), &[S::from(1.0); 2]))
    }
}

fn saddle<O: Mode, I: Mode>() -> [f64; 4] {
    let p = argmin::<O, f64>(&Outer::<I>(std::marker::PhantomData), &[1.0, 1.0]);
    let q = argmin::<O, f64>(&Inner([p[0], p[1]]), &[1.0, 1.0]);
    [p[0], p[1], q[0], q[1]]
}

/// The sum of 1/‖x − c‖ over two charges, one of which depends on `w` from outside.
struct Potential<R>(R);

impl<R: Number> Objective<R> for Potential<R> {
    fn call<S: Number>(&self, x: &[S], lift: impl Fn(R) -> S) -> S {
        let charges = [[S::from(10.0), -lift(self.0) + 10.0], [S::from(10.0), S::from(0.0)]];
        charges.iter().map(|c| distance(x, c).recip()).sum()
    }
}

/// Where a particle that starts at (0, 8) and is repelled by the charges crosses the axis, squared,
/// in w: by Euler steps until it is below.
struct Landing<I>(std::marker::PhantomData<I>);

impl<I: Mode> Objective<f64> for Landing<I> {
    fn call<S: Number>(&self, w: &[S], _: impl Fn(f64) -> S) -> S {
        let (mut x, mut v) = ([S::from(0.0), S::from(8.0)], [S::from(0.75), S::from(0.0)]);
        loop {
            let slope = I::gradient(&Potential(w[0]), &x);
            let next = [x[0] + v[0] * 0.1, x[1] + v[1] * 0.1];
            if next[1] <= 0.0 {
                let time = -x[1] / v[1];
                return (x[0] + time * v[0]).square();
            }
            x = next;
            v = [v[0] - slope[0] * 0.1, v[1] - slope[1] * 0.1];
        }
    }
}

fn particle<O: Mode, I: Mode>() -> f64 {
    argmin::<O, f64>(&Landing::<I>(std::marker::PhantomData), &[0.0])[0]
}

#[test]
fn saddle_point_in_all_modes() {
    let expected = 8.246_324_826_140_356e-6;
    for (name, found) in [
        ("forward over forward", saddle::<Forward, Forward>()),
        ("forward over reverse", saddle::<Forward, Reverse>()),
        ("reverse over forward", saddle::<Reverse, Forward>()),
        ("reverse over reverse", saddle::<Reverse, Reverse>()),
    ] {
        for x in found {
            assert!((x / expected - 1.0).abs() < 1e-9, "{name}: {found:?}");
        }
    }
}

#[test]
fn particle_in_all_modes() {
    let expected = 0.207_191_874_648_611_6;
    for (name, w) in [
        ("forward over forward", particle::<Forward, Forward>()),
        ("forward over reverse", particle::<Forward, Reverse>()),
        ("reverse over forward", particle::<Reverse, Forward>()),
        ("reverse over reverse", particle::<Reverse, Reverse>()),
    ] {
        // Roundings differ between the modes and are magnified by the descent.
        assert!((w / expected - 1.0).abs() < 1e-9, "{name}: {w}");
    }
}

#[test]
fn perturbations_are_kept_apart() {
    // Siskind & Pearlmutter (2005): d/dx x · (d/dy x + y) = 1, not 2.
    let f = |x: Dual<1>| x * derivative(|y| Dual::constant(x) + y, Dual::from(1.0));
    assert_eq!(derivative(f, 1.0), 1.0);
    // The same in reverse, and mixed: ∂/∂x (x · ∂/∂y (x y²)) = 4 x y at x = 3, y = 2.
    fn slope<R: Number>(x: R) -> R {
        gradient(|y| Var::constant(x) * y[0] * y[0], &[R::from(2.0)])[0] * x
    }
    assert_eq!(gradient(|x| slope(x[0]), &[3.0]), [24.0]);
    assert_eq!(derivative(slope, 3.0), 24.0);
}
