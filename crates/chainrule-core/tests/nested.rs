//! Derivatives inside derivatives, on tensors: closures that differentiate closures, which use
//! variables of one another.
//!
//! The saddle point and the particle of Pearlmutter & Siskind (2008) minimise, by steps along the
//! gradient, functions that themselves take derivatives; here with forward or reverse mode inside
//! and outside. The numbers expected are those that the same descent gives in every system that
//! keeps its perturbations apart (Siskind & Pearlmutter, *Perturbation confusion and referential
//! transparency*, 2005).

mod common;

use chainrule_core::{
    Result, Tensor, derivative, gradient, hessian, jacfwd, jacobian, jvp, stack, vmap, while_loop,
};
use common::{item, list};

/// A function of a vector to one number.
type Function<'a> = dyn Fn(&Tensor) -> Result<Tensor> + 'a;
/// A way to take gradients.
type Mode = fn(&Function<'_>, &Tensor) -> Result<Tensor>;

fn forward(f: &Function<'_>, x: &Tensor) -> Result<Tensor> {
    jacfwd(f, x)
}

/// One product J eⱼ after the other, each a run of the function of its own.
fn one_by_one(f: &Function<'_>, x: &Tensor) -> Result<Tensor> {
    let unit =
        |j| Tensor::from((0..x.len()).map(|i| f64::from(u8::from(i == j))).collect::<Vec<_>>());
    let each: Vec<Tensor> =
        (0..x.len()).map(|j| Ok(jvp(f, x, &unit(j))?.1)).collect::<Result<_>>()?;
    stack(&each.iter().collect::<Vec<_>>(), 0)
}

fn reverse(f: &Function<'_>, x: &Tensor) -> Result<Tensor> {
    gradient(f, x)
}

/// All pairs: outside, inside; and forward mode in other words.
const PAIRS: [(&str, Mode, Mode); 5] = [
    ("forward over forward", forward, forward),
    ("forward over reverse", forward, reverse),
    ("reverse over forward", reverse, forward),
    ("reverse over reverse", reverse, reverse),
    ("tangents one by one", one_by_one, one_by_one),
];

fn length(x: &Tensor) -> Result<f64> {
    x.norm().item()
}

/// Descent along the gradient; the step doubles after ten steps downhill and halves otherwise.
fn argmin(mode: Mode, f: &Function<'_>, start: &Tensor) -> Result<Tensor> {
    let (mut x, mut step, mut good) = (start.clone(), 1e-5, 0);
    let (mut y, mut slope): (f64, Tensor) = (f(&x)?.item()?, mode(f, &x)?);
    while length(&slope)? > 1e-5 {
        if good == 10 {
            (step, good) = (step * 2.0, 0);
        }
        // The step is data: a number in the code would make a new plan each time.
        let next = &x - &slope * Tensor::from(step);
        if length(&(&next - &x))? <= 1e-5 {
            break;
        }
        let value = f(&next)?.item()?;
        if value < y {
            (y, slope, good) = (value, mode(f, &next)?, good + 1);
            x = next;
        } else {
            (step, good) = (step / 2.0, 0);
        }
    }
    Ok(x)
}

/// min over p, max over q of ‖p‖² − ‖q‖².
fn saddle(outside: Mode, inside: Mode) -> Result<[Tensor; 2]> {
    let hill = |p: &Tensor, q: &Tensor| p.square().sum() - q.square().sum();
    let start = Tensor::from([1.0, 1.0]);
    let best = |p: &Tensor| argmin(inside, &|q| Ok(-hill(p, q)), &start);
    let p = argmin(outside, &|p| Ok(hill(p, &best(p)?)), &start)?;
    let q = best(&p)?;
    Ok([p, q])
}

/// How a particle at x with velocity v moves on: the force is the slope of a potential of two
/// charges, one of which depends on `w`.
fn step(inside: Mode, w: &Tensor, [x, v]: &[Tensor; 2]) -> Result<[Tensor; 2]> {
    let (ten, zero) = (Tensor::from(10.0), Tensor::from(0.0));
    let charges = [stack(&[&ten, &(&ten - w.i(0))], 0)?, stack(&[&ten, &zero], 0)?];
    let distance = |x: &Tensor, i: usize| (x - &charges[i]).norm();
    let potential = |x: &Tensor| Ok(distance(x, 0).recip() + distance(x, 1).recip());
    let slope = inside(&potential, x)?;
    Ok([x + v * 0.1, v - slope * 0.1])
}

fn is_above([x, v]: &[Tensor; 2]) -> Tensor {
    (x.i(1) + v.i(1) * 0.1).gt(0.0)
}

/// Where a particle that starts at (0, 8) crosses the axis, squared: by Euler steps until the next
/// one would be below.
fn landing(looped: bool, inside: Mode, w: &Tensor) -> Result<Tensor> {
    let mut state = [Tensor::from([0.0, 8.0]), Tensor::from([0.75, 0.0])];
    if looped {
        state = while_loop(is_above, |state| step(inside, w, state), &state)?;
    } else {
        while is_above(&state).item()? {
            state = step(inside, w, &state)?;
        }
    }
    let [x, v] = state;
    let time = -x.i(1) / v.i(1);
    Ok((x.i(0) + time * v.i(0)).square())
}

#[test]
fn saddle_point_in_all_modes() {
    let expected = 8.246_324_826_140_356e-6;
    for (name, outside, inside) in &PAIRS[..4] {
        let found = saddle(*outside, *inside).expect(name);
        for x in found.iter().flat_map(list) {
            assert!((x / expected - 1.0).abs() < 1e-9, "{name}: {x}");
        }
    }
}

#[test]
fn particle_in_all_modes() {
    let expected = 0.207_191_874_648_611_6;
    for (name, outside, inside) in &PAIRS[..4] {
        let start = Tensor::from([0.0]);
        let w = argmin(*outside, &|w| landing(true, *inside, w), &start).expect(name);
        // Roundings differ between the modes and are magnified by the descent.
        assert!((list(&w)[0] / expected - 1.0).abs() < 1e-9, "{name}: {w}");
    }
}

/// A loop that is recorded step by step has the derivative of the loop that is recorded once.
#[test]
fn the_particle_in_a_rust_loop() {
    let w = Tensor::from([0.1]);
    let at = |looped, inside| move |w: &Tensor| landing(looped, inside, w);
    let slope = list(&reverse(&at(true, reverse), &w).expect("a slope"))[0];
    for (name, outside, inside) in PAIRS {
        let other = list(&outside(&at(false, inside), &w).expect(name))[0];
        // A hundred steps, each with a few roundings.
        assert!((other / slope - 1.0).abs() < 1e-12, "{name}: {other} {slope}");
    }
}

/// ∂/∂x (x · ∂/∂y (x + y)) = 1: a system that takes the tangent of y for that of x says 2.
#[test]
fn perturbations_are_kept_apart() {
    let one = Tensor::from([1.0]);
    let same: Mode = |f, x| jvp(f, x, &Tensor::from([1.0])).map(|(_, slope)| slope.sum());
    let modes: [Mode; 4] = [forward, one_by_one, reverse, same];
    for (i, outside) in modes.iter().enumerate() {
        for (j, inside) in modes.iter().enumerate() {
            let f = |x: &Tensor| {
                let inner = |y: &Tensor| Ok((x + y).sum());
                Ok((x * inside(&inner, &one)?).sum())
            };
            assert_eq!(list(&outside(&f, &one).expect("a slope")), [1.0], "{i} {j}");
            // ∂/∂x (x · ∂/∂y (x y²)) = 4 x y at x = 3, y = 2.
            let f = |x: &Tensor| {
                let inner = |y: &Tensor| Ok((x * y.square()).sum());
                Ok((x * inside(&inner, &Tensor::from([2.0]))?).sum())
            };
            let slope = outside(&f, &Tensor::from([3.0])).expect("a slope");
            assert_eq!(list(&slope), [24.0], "{i} {j}");
        }
    }
    let f = |x: &Tensor| Ok(x * derivative(|y: &Tensor| x + y, &Tensor::from(1.0), 1)?);
    assert_eq!(item(&derivative(f, &Tensor::from(1.0), 1).expect("a slope")), 1.0);
}

/// The same function inside and outside, at the same point.
#[test]
fn three_levels_of_one_closure() {
    let cube = |x: &Tensor| Ok((x.square() * x).sum());
    let first = |x: &Tensor| Ok((x * gradient(cube, x)?).sum()); // 3 x³
    let second = |x: &Tensor| Ok((x * gradient(first, x)?).sum()); // 9 x³
    let x = Tensor::from([2.0]);
    assert_eq!(list(&gradient(second, &x).expect("a slope")), [27.0 * 4.0]);
    assert_eq!(list(&forward(&second, &x).expect("a slope")), [27.0 * 4.0]);
}

/// Batches inside, outside and between: each element has its own perturbation.
#[test]
fn perturbations_of_a_batch_are_kept_apart() {
    let points = Tensor::from([1.0, 2.0, -3.0]);
    let slope = |f: &Function<'_>, x: &Tensor| derivative(f, x, 1);
    // x · ∂/∂y (x + y), mapped over x; its derivative is 1 everywhere.
    let f = |x: &Tensor| Ok(x * slope(&|y| Ok(x + y), &Tensor::from(1.0))?);
    let mapped = vmap(|x: &Tensor| slope(&f, x), &points).expect("slopes");
    assert_eq!(list(&mapped), [1.0; 3]);
    let diagonal = jacobian(|x: &Tensor| vmap(f, x), &points).expect("a Jacobian");
    assert_eq!(list(&diagonal), [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
    // A batch between: Σᵢ ∂/∂y (x y pᵢ) = 6 x, times x; its derivative is 12 x for p = (1, 2, 3).
    let weights = Tensor::from([1.0, 2.0, 3.0]);
    let g = |x: &Tensor| {
        let inner = |p: &Tensor| slope(&|y| Ok(x * y * p), &Tensor::from(5.0));
        Ok(x * vmap(inner, &weights)?.sum())
    };
    assert_eq!(item(&slope(&g, &Tensor::from(2.0)).expect("a slope")), 24.0);
    let all = vmap(|x: &Tensor| slope(&g, x), &points).expect("slopes");
    assert_eq!(list(&all), [12.0, 24.0, -36.0]);
    assert_eq!(item(&gradient(g, &Tensor::from(2.0)).expect("a slope")), 24.0);
}

/// What a closure captures is constant to it, and a variable to those around it.
#[test]
fn captured_variables_belong_to_their_own_level() {
    let (x, w) = (Tensor::from([1.5, -0.5]), Tensor::from([2.0, 3.0]).requires_grad());
    // g(w) = ‖∂/∂x Σ w x³‖² = Σ 9 w² x⁴, and ∂g/∂w = 18 w x⁴.
    let g = |w: &Tensor| gradient(|x: &Tensor| (w * x.powi(3)).sum(), &x);
    let norm = g(&w).expect("a gradient").square().sum();
    let expected: Vec<f64> =
        list(&x).iter().zip(list(&w)).map(|(x, w)| 18.0 * w * x.powi(4)).collect();
    norm.backward().expect("backward");
    assert_eq!(list(&w.grad().expect("a gradient")), expected);
    let inside = |w: &Tensor| Ok(g(w)?.square().sum());
    assert_eq!(list(&gradient(inside, &w).expect("a gradient")), expected);
    assert_eq!(list(&forward(&inside, &w).expect("a gradient")), expected);
    // A result of an outer level, captured by an inner one.
    let f = |x: &Tensor| {
        let y = x.square();
        let inner = gradient(|z: &Tensor| (z * &y).sum(), x)?; // x²
        Ok((inner * &y).sum()) // Σ x⁴
    };
    let quartic = gradient(f, &x).expect("a gradient");
    assert_eq!(list(&quartic), list(&(4.0 * x.powi(3))));
    let second = hessian(f, &x).expect("a Hessian");
    assert_eq!(list(&second), [27.0, 0.0, 0.0, 3.0]);
}
