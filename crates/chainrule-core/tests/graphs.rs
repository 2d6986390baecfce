//! Graphs as such: depth, width, what backward does, and random ones.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};

use chainrule_core::{ErrorKind, NoGrad, Tensor, cat, grad, is_grad_enabled, no_grad, realize};
use common::{both, distance, numbers, tensor};
use proptest::prelude::*;

fn item(x: &Tensor) -> f64 {
    x.item().expect("a number")
}

/// A million nodes are recorded, differentiated, run and dropped on a stack of 256 KiB.
#[test]
fn a_chain_of_a_million_nodes_needs_no_stack() {
    let run = || {
        let x = Tensor::from(1.0).requires_grad();
        let mut z = x.clone();
        for _ in 0..500_000 {
            z = &z * 0.999_999 + 1e-6;
        }
        let g = grad(&z, &[&x]).expect("a gradient");
        realize(&[&z, &g[0]]).expect("values");
        (item(&z), item(&g[0]))
    };
    let thread = std::thread::Builder::new().stack_size(256 << 10).spawn(run);
    let (z, g) = thread.expect("a thread").join().expect("no overflow");
    // z stays at the fixed point 1; the slope is 0.999999^500000, to n roundings.
    assert!((z - 1.0).abs() < 1e-9 && (g - 0.999_999f64.powi(500_000)).abs() < 1e-9, "{z} {g}");
}

#[test]
fn a_wide_sum() {
    let leaves: Vec<Tensor> =
        (0..10_000).map(|i| Tensor::from(f64::from(i)).requires_grad()).collect();
    let total = leaves[1..].iter().fold(leaves[0].square(), |sum, x| sum + x.square());
    total.backward().expect("backward");
    assert_eq!(item(&total), (0..10_000).map(|i| f64::from(i * i)).sum());
    assert_eq!(item(&leaves[777].grad().expect("a gradient")), 2.0 * 777.0);
}

/// What is pending below a running total that nobody looks at is bounded, and so is its memory.
#[test]
fn a_running_total_is_computed_by_itself() {
    let mut total = Tensor::from(0.0);
    for i in 0..100_000 {
        total = total + f64::from(i);
    }
    assert_eq!(item(&total), 4_999_950_000.0);
}

#[test]
fn gradients_add_up_until_they_are_cleared() {
    let x = Tensor::from([1.0, 2.0]).requires_grad();
    let y = x.square().sum();
    y.backward().expect("backward");
    y.backward().expect("again: nothing was freed");
    assert_eq!(x.grad().expect("a gradient").to_vec::<f64>().expect("numbers"), [4.0, 8.0]);
    x.zero_grad();
    assert!(x.grad().is_none());
    y.backward().expect("backward");
    assert_eq!(x.grad().expect("a gradient").to_vec::<f64>().expect("numbers"), [2.0, 4.0]);
}

#[test]
fn assigning_changes_no_recorded_graph() {
    let w = Tensor::from(3.0).requires_grad();
    let before = w.square();
    w.assign(&Tensor::from(10.0)).expect("assign");
    let after = w.square();
    assert_eq!((item(&before), item(&after), item(&w)), (9.0, 100.0, 10.0));
    before.backward().expect("backward");
    assert_eq!(item(&w.grad().expect("a gradient")), 6.0);
    let sum = &before + &after;
    assert_eq!(item(&grad(&sum, &[&w]).expect("gradients")[0]), 26.0);
}

#[test]
fn no_grad_is_restored_after_a_panic_and_nests() {
    let result = catch_unwind(AssertUnwindSafe(|| no_grad(|| panic!("inside"))));
    assert!(result.is_err() && is_grad_enabled());
    no_grad(|| {
        let guard = NoGrad::new();
        drop(guard);
        assert!(!is_grad_enabled());
    });
    assert!(is_grad_enabled());
}

#[test]
fn gradients_of_intermediates_and_of_gradients() {
    let x = Tensor::from(2.0).requires_grad();
    let h = x.square();
    let y = h.square();
    let g = grad(&y, &[&h, &x, &x]).expect("gradients");
    assert_eq!([item(&g[0]), item(&g[1]), item(&g[2])], [8.0, 32.0, 32.0]);
    let second = &grad(&g[1], &[&x]).expect("second")[0];
    let third = &grad(second, &[&x]).expect("third")[0];
    assert_eq!([item(second), item(third)], [48.0, 48.0]);
    let other = Tensor::from(1.0).requires_grad();
    let error = grad(&y, &[&other.clone().named("other")]).expect_err("unused");
    assert_eq!(error.kind(), ErrorKind::Unused);
}

/// Asking for an intermediate value first changes neither values nor gradients.
#[test]
fn values_in_any_order() {
    let build = || {
        let x = tensor(&[20, 30], 3).requires_grad();
        let w = tensor(&[30, 10], 4).requires_grad();
        let h = x.matmul(&w).tanh();
        let loss = (&h * &h).mean_axis(0, false).sum();
        (x, w, h, loss)
    };
    let (x, w, _, loss) = build();
    loss.backward().expect("backward");
    let whole = (item(&loss), x.grad(), w.grad());
    let (x, w, h, loss) = build();
    h.to_vec::<f64>().expect("numbers");
    let first = item(&loss);
    loss.backward().expect("backward");
    w.grad().expect("a gradient").to_vec::<f64>().expect("numbers");
    assert_eq!(first, whole.0);
    for (a, b) in [(x.grad(), whole.1), (w.grad(), whole.2)] {
        let (a, b) = (a.expect("a gradient"), b.expect("a gradient"));
        assert_eq!(a.to_vec::<f64>().expect("numbers"), b.to_vec::<f64>().expect("numbers"));
    }
}

/// Several threads build, differentiate and compute graphs over the same tensors.
#[test]
fn threads_share_tensors() {
    let x = tensor(&[40, 30], 1).requires_grad();
    let shared = (x.sin() + 1.0).ln();
    let work = |k: f64| {
        let loss = (&shared * k).tanh().sum();
        let g = grad(&loss, &[&x]).expect("a gradient");
        realize(&[&g[0], &loss]).expect("values");
        (item(&loss), g[0].to_vec::<f64>().expect("numbers"))
    };
    let alone: Vec<_> = (1..9).map(|k| work(f64::from(k))).collect();
    std::thread::scope(|scope| {
        let one = |t: usize| {
            let (work, alone) = (&work, &alone);
            scope.spawn(move || {
                for round in 0..50 {
                    let k = (t + round) % 8;
                    assert_eq!(work(k as f64 + 1.0), alone[k]);
                }
            })
        };
        let threads: Vec<_> = (0..4).map(one).collect();
        threads.into_iter().for_each(|t| t.join().expect("no panic"));
    });
}

/// One step of a random graph: which operation, on which earlier values.
type Choice = (u8, u8, u8);

/// The value of a random graph. Values stay matrices, of shape [3, 4] or [4, 3] or [1, 4] …, and
/// smooth, so that differences can be trusted.
fn grow(choices: &[Choice], leaves: &[Tensor]) -> Tensor {
    let mut values: Vec<Tensor> = leaves.to_vec();
    for &(op, a, b) in choices {
        let x = &values[usize::from(a) % values.len()];
        let y = &values[usize::from(b) % values.len()];
        let next = match op % 16 {
            0 => x.sin(),
            1 => x.tanh(),
            2 => x.sigmoid(),
            3 => (x * 0.5).exp().tanh(),
            4 => x.t(),
            5 => x.flip(0),
            6 => x.sum_axis(1, true).tanh(),
            7 => x.mean_axis(0, true),
            8 => x.reshape([1, -1]).cumsum(1).reshape(x.shape()).tanh(),
            9 => x.softmax(1),
            10 => x.pad(1, 1, 0).slice(1, 0..x.shape()[1]),
            11 => x.logsumexp(1, true),
            12 => x.matmul(&x.t()).tanh(),
            13 => x.i((.., 0..1)).expand(x.shape()),
            // Two operands: together if they broadcast.
            14 => x.try_mul(y).unwrap_or_else(|_| x.square()),
            _ => x.try_add(y).unwrap_or_else(|_| x * 0.5),
        };
        // Bounded sizes.
        values.push(if next.len() > 64 { next.sum_axis(0, true).tanh() } else { next });
    }
    let flat: Vec<Tensor> = values.iter().map(Tensor::flatten).collect();
    cat(&flat.iter().collect::<Vec<_>>(), 0).expect("cat").mean()
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: 128,
        ..Default::default()
    })]

    #[test]
    fn random_graphs(choices in prop::collection::vec(any::<Choice>(), 1..30), seed in 0u64..1000) {
        let leaves =
            || [tensor(&[3, 4], seed).requires_grad(), tensor(&[4], seed + 1).unsqueeze(0)];
        let (fused, plain) = both(|| grow(&choices, &leaves()));
        // A few thousand roundings of numbers of magnitude about 1.
        prop_assert!(distance(&fused, &plain) < 1e-12);
        let [x, y] = leaves();
        let value = grow(&choices, &[x.clone(), y.clone()]);
        let gradient = grad(&value, &[&x]).expect("the first leaf is among the values");
        // Along a direction, against differences of order h⁴ with h = 10⁻⁴.
        let direction = numbers(12, seed + 2);
        let slope: f64 = gradient[0].to_vec::<f64>().expect("numbers")
            .iter().zip(&direction).map(|(g, d)| g * d).sum();
        let at = |h: f64| {
            let moved = tensor(&[3, 4], seed) + tensor(&[3, 4], seed + 2) * h;
            item(&grow(&choices, &[moved, y.clone()]))
        };
        let difference = |h: f64| (at(h) - at(-h)) / (2.0 * h);
        let numeric = (4.0 * difference(5e-5) - difference(1e-4)) / 3.0;
        // Rounding leaves ε/h = 10⁻¹²; fifth derivatives of compositions of up to 30 functions
        // reach 10⁹, of which h⁴/480 is left.
        prop_assert!((slope - numeric).abs() < 1e-7 * numeric.abs().max(1.0), "{slope} {numeric}");
    }

    /// A chain of views addresses what index arithmetic says.
    #[test]
    fn random_views(steps in prop::collection::vec((0u8..5, 0usize..3, 0usize..4), 0..8)) {
        let n = [2, 3, 4];
        let mut x = Tensor::arange(0, 24, 1).reshape(n);
        // The oracle: for each element of the view, its number; by index, through a closure.
        let mut oracle: Vec<i64> = (0..24).collect();
        let mut shape: Vec<usize> = n.to_vec();
        for (kind, axis, by) in steps {
            let old = shape.clone();
            let at = |i: &[usize]| i.iter().zip(&old).fold(0, |o, (i, n)| o * n + i);
            let map: Box<dyn Fn(Vec<usize>) -> Vec<usize>> = match kind {
                0 => {
                    x = x.flip(axis);
                    let n = shape[axis];
                    Box::new(move |mut i| { i[axis] = n - 1 - i[axis]; i })
                }
                1 => {
                    let other = by % 3;
                    x = x.transpose(axis as i64, other as i64);
                    shape.swap(axis, other);
                    Box::new(move |mut i| { i.swap(axis, other); i })
                }
                2 if shape[axis] > 1 => {
                    let start = by % shape[axis];
                    x = x.slice(axis as i64, start..shape[axis]);
                    shape[axis] -= start;
                    Box::new(move |mut i| { i[axis] += start; i })
                }
                3 if shape[axis] > 1 => {
                    x = match axis {
                        0 => x.i(((0..99, 2),)),
                        1 => x.i((.., (0..99, 2))),
                        _ => x.i((.., .., (0..99, 2))),
                    };
                    shape[axis] = shape[axis].div_ceil(2);
                    Box::new(move |mut i| { i[axis] *= 2; i })
                }
                _ => {
                    shape.rotate_left(1);
                    x = x.reshape(shape.as_slice());
                    continue;
                }
            };
            let total: usize = shape.iter().product();
            oracle = (0..total).map(|mut k| {
                let mut i = vec![0; 3];
                for a in (0..3).rev() { i[a] = k % shape[a]; k /= shape[a]; }
                oracle[at(&map(i))]
            }).collect();
        }
        prop_assert_eq!(x.shape(), shape.as_slice());
        prop_assert_eq!(x.to_vec::<i64>().expect("numbers"), oracle);
    }
}
