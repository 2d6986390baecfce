//! The cost of derivatives of loops of a million steps, as multiples of the loop itself in `f64`.
//!
//! `cargo run --release -p chainrule-core --example scalar_loop`
//!
//! Each line is the least time of fifteen runs: the loop, its value and gradient by reverse mode on
//! a tape that is used again and on a fresh one, its value and its derivative by the first variable
//! in forward mode, and the length of the tape.

use std::hint::black_box;
use std::time::Instant;

use chainrule_core::scalar::{Dual, Number, ScalarFn, Tape, scalar_fn};

const STEPS: usize = 1_000_000;

/// The last of `STEPS` iterates of `step` from `start`.
fn iterate<R: Copy>(start: R, step: impl Fn(R) -> R) -> R {
    let mut x = start;
    for _ in 0..STEPS {
        x = step(x);
    }
    x
}

fn sine<R: Number>(p: &[R]) -> R {
    iterate(p[0], |x| x * 0.999_999 + x.sin() * 1e-6)
}

fn affine<R: Number>(p: &[R]) -> R {
    iterate(p[0], |x| x * 0.999_999 + 1e-6)
}

fn square<R: Number>(p: &[R]) -> R {
    iterate(p[0], |x| x + x * x * 1e-7)
}

fn logistic<R: Number>(p: &[R]) -> R {
    iterate(p[0], |x| x * 3.2 * (R::from(1.0) - x))
}

fn logistic_with_rate<R: Number>(p: &[R]) -> R {
    iterate(p[0], |x| p[1] * x * (R::from(1.0) - x))
}

fn newton<R: Number>(p: &[R]) -> R {
    iterate(R::from(1.0), |x| (x + p[0] / x) * 0.5)
}

fn branches<R: Number>(p: &[R]) -> R {
    iterate(p[0], |x| if x > 1.0 { x * 0.5 } else { x.exp() * 0.9 })
}

fn horner<R: Number>(p: &[R]) -> R {
    (0..STEPS).fold(R::from(0.0), |y, i| y * p[0] + (i % 7) as f64 * 0.1)
}

fn pendulum<R: Number>(p: &[R]) -> R {
    let step = |(q, v): (R, R)| {
        let v = v - q.sin() * 1e-3;
        (q + v * 1e-3, v)
    };
    iterate((p[0], p[1]), step).0
}

fn pendulum_with_step<R: Number>(p: &[R]) -> R {
    let step = |(q, v): (R, R)| {
        let v = v - q.sin() * p[2];
        (q + v * p[2], v)
    };
    iterate((p[0], p[1]), step).0
}

fn lorenz<R: Number>(p: &[R]) -> R {
    let step = |[x, y, z]: [R; 3]| {
        let (dx, dy) = ((y - x) * 10.0, x * (R::from(28.0) - z) - y);
        let dz = x * y - z * (8.0 / 3.0);
        [x + dx * 1e-9, y + dy * 1e-9, z + dz * 1e-9]
    };
    iterate([p[0], p[1], p[2]], step)[0]
}

/// The least time of fifteen runs, in milliseconds.
fn time(mut run: impl FnMut() -> f64) -> f64 {
    let once = |_| {
        let start = Instant::now();
        black_box(run());
        start.elapsed().as_secs_f64() * 1e3
    };
    (0..15).map(once).fold(f64::INFINITY, f64::min)
}

fn measure(name: &str, f: &impl ScalarFn, x: &[f64]) {
    let plain = time(|| f.call(black_box(x)));
    let mut tape = Tape::new();
    let both = |(y, g): (f64, Vec<f64>)| y + g[0];
    let reverse = time(|| both(tape.value_and_gradient(|x| f.call(x), black_box(x))));
    let fresh = time(|| both(f.value_and_gradient(black_box(x))));
    let mut point: Vec<Dual<1>> = x.iter().map(|&x| x.into()).collect();
    point[0] = Dual::variable(x[0], 0);
    let forward = time(|| {
        let y = f.call(black_box(&point[..]));
        y.primal + y.tangent[0]
    });
    println!(
        "{name:20} {plain:7.2} ms   {:6.2} {:6.2} {:6.2}   {:8}",
        reverse / plain,
        fresh / plain,
        forward / plain,
        tape.len()
    );
}

fn main() {
    println!(
        "{:20} {:>10}   {:>6} {:>6} {:>6}   {:>8}",
        "loop", "f64", "Var", "fresh", "Dual", "tape"
    );
    measure("sine", &scalar_fn!(sine), &[0.5]);
    measure("affine", &scalar_fn!(affine), &[0.5]);
    measure("square", &scalar_fn!(square), &[0.5]);
    measure("logistic", &scalar_fn!(logistic), &[0.3]);
    measure("newton", &scalar_fn!(newton), &[2.0]);
    measure("branches", &scalar_fn!(branches), &[0.5]);
    measure("horner", &scalar_fn!(horner), &[0.5]);
    measure("logistic, rate", &scalar_fn!(logistic_with_rate), &[0.3, 3.2]);
    measure("pendulum", &scalar_fn!(pendulum), &[0.5, 0.1]);
    measure("pendulum, step", &scalar_fn!(pendulum_with_step), &[0.5, 0.1, 1e-3]);
    measure("lorenz", &scalar_fn!(lorenz), &[1.0, 1.0, 1.0]);
}
