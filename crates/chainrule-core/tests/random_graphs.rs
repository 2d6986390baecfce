//! Random graphs: both engines agree, in whatever order values are asked for; gradients are those
//! of differences; forward mode is the transpose of reverse mode, and a batch the loop over its
//! elements.

mod common;

use chainrule_core::{
    DType, Engine, Tensor, cat, grad, gradient, jacfwd, jacrev, jvp, realize, stack, vjp, vmap,
    with_engine, with_threads,
};
use common::{distance, item, list, numbers, same_bits, tensor};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// One step of a random graph: which operation, on which two earlier values, along which axis.
type Choice = (u8, u8, u8, u8);

/// The number of operations in [`smooth`] and in [`any_step`].
const SMOOTH: u8 = 22;
const ALL: u8 = 40;

/// A smooth operation, with slopes of about 1 at most, so that errors do not grow.
fn smooth(op: u8, x: &Tensor, y: &Tensor, axis: i64) -> Tensor {
    let rank = x.rank() as i64;
    let n = if rank == 0 { 1 } else { x.shape()[axis as usize] };
    match op {
        0 => x.sin(),
        1 => x.tanh(),
        2 => (x * 0.5).exp().tanh(),
        3 => x.square() * 0.25 - x,
        4 => x.atan() / (x.square() + 1.0),
        5 => x.hypot(1.0).ln(),
        6 => x.softplus() - x.erf() * 0.5,
        // Two operands: together if they broadcast.
        7 => x.try_mul(y.tanh()).unwrap_or_else(|_| x.sigmoid()),
        8 => (x.try_add(y).unwrap_or_else(|_| x + 0.5)) * 0.5,
        9 => x.reshape([-1]).cumsum(0).reshape(x.shape()) / x.len() as f64,
        // Along an axis.
        _ if rank == 0 => x.expand([2, 3]),
        10 => x.permute((0..rank).map(|a| (a + axis) % rank).collect::<Vec<_>>().as_slice()),
        11 => x.flip(axis),
        12 => x.mean_axis(axis, true),
        13 => x.sum_axis(axis, false) / n as f64,
        14 => x.softmax(axis) * (x + 1.0),
        15 => x.logsumexp(axis, n % 2 == 0) - (n as f64).ln(),
        16 => x.pad(axis, 1, 1).slice(axis, 0..n),
        17 if x.len() / x.shape()[x.rank() - 1] > 400 => x * 0.5,
        17 => {
            let rows = x.reshape([-1, x.shape()[x.rank() - 1] as i64]);
            rows.matmul(&rows.t()).tanh() / rows.shape()[1] as f64
        }
        18 => x.slice(axis, 0..1).expand(x.shape()),
        19 => {
            let centred = x - x.mean_axis(axis, true);
            &centred * (centred.square().mean_axis(axis, true) + 0.5).rsqrt()
        }
        20 => cat(&[x, &x.slice(axis, n / 2..n).flip(axis).tanh()], axis).expect("cat"),
        _ => x.unsqueeze(axis).transpose(axis, axis + 1) * 0.9,
    }
}

/// Any operation, kinks and selections too.
fn any_step(op: u8, x: &Tensor, y: &Tensor, axis: i64) -> Tensor {
    if op < SMOOTH || x.rank() == 0 {
        return smooth(op % SMOOTH, x, y, axis);
    }
    let n = x.shape()[axis as usize];
    // No number is compared with one that it may equal: rounding must not decide.
    let above = x.gt(0.123_456_7);
    let index = || {
        let list: Vec<i64> = (0..n as i64).map(|i| (i * 5 + 2) % n as i64).collect();
        let mut shape = vec![1; x.rank()];
        shape[axis as usize] = n;
        Tensor::from(list).reshape(shape).expand(x.shape())
    };
    match op - SMOOTH {
        0 => x.relu() - x.abs() * 0.5,
        1 => x.clamp(-0.7, 0.9),
        2 => above.where_(&x.sqrt(), &(-x)),
        3 => above.where_(x, 0.25),
        4 => above.to_dtype(DType::F64) * x,
        5 => above.logical_and(x.lt(0.7654)).logical_not().where_(&x.zeros_like(), x),
        6 => x.max_axis(axis, true),
        7 => x.min_axis(axis, false),
        8 => x.tanh().prod_axis(axis, true),
        9 => x.sort(axis, true),
        10 => x.gather(axis, &index()),
        11 => x.scatter_add(axis, &index(), &(x * 0.5)),
        12 => x.tanh().cumprod(axis),
        13 => (above.to_dtype(DType::I64).sum_axis(axis, true) + 1).recip() * x,
        14 => x.i(((.., -2),)),
        15 => x.maximum(0.321) - x.minimum(&(x * 0.5 + 0.2)),
        16 => x.var_axis(axis, 0.0, true).tanh() * x,
        _ => x.reshape([-1]).i(((.., 3),)),
    }
}

/// All values of a random graph, the leaves first.
fn grow(choices: &[Choice], leaves: &[Tensor], ops: u8) -> Vec<Tensor> {
    let mut values: Vec<Tensor> = leaves.to_vec();
    let most = leaves.iter().map(Tensor::len).fold(3000, usize::max) * 2;
    for &(op, a, b, c) in choices {
        let x = &values[usize::from(a) % values.len()];
        let y = &values[usize::from(b) % values.len()];
        let axis = i64::from(c) % x.rank().max(1) as i64;
        let next = any_step(op % ops, x, y, axis);
        // Bounded sizes and ranks.
        let next = if next.rank() > 4 { next.reshape([-1]) } else { next };
        let large = next.len() > most || next.len() == 0;
        values.push(if large { next.sum_axis(0, false).tanh() } else { next });
    }
    values
}

/// All values in one vector.
fn together(values: &[Tensor]) -> Tensor {
    let flat: Vec<Tensor> = values.iter().map(Tensor::flatten).collect();
    cat(&flat.iter().collect::<Vec<_>>(), 0).expect("cat")
}

/// One number of all values.
fn summary(values: &[Tensor]) -> Tensor {
    let all = together(values);
    all.mean() + all.tanh().square().mean()
}

fn choices(most: usize) -> impl Strategy<Value = Vec<Choice>> {
    prop::collection::vec(any::<Choice>(), 1..most)
}

/// Shapes of one to three axes, the last of them sometimes longer than a register or a block.
fn shape() -> impl Strategy<Value = Vec<usize>> {
    let long = prop_oneof![4 => 1usize..6, 1 => Just(65usize), 1 => Just(130), 1 => Just(700)];
    (prop::collection::vec(1usize..5, 0..3), long).prop_map(|(mut shape, last)| {
        shape.push(last);
        shape
    })
}

/// Each step multiplies errors by 3 at most, and chains are rarely longer than 12 steps: 10⁵ times
/// the errors of sums of up to 6,000 numbers of magnitude 1.
const BOUND: f64 = 1e-8;

fn config(cases: u32) -> ProptestConfig {
    // The same cases in every run.
    let rng_seed = RngSeed::Fixed(20_260);
    ProptestConfig { failure_persistence: None, cases, rng_seed, ..Default::default() }
}

proptest! {
    #![proptest_config(config(128))]

    /// Values and gradients of both engines agree, everything asked for at once.
    #[test]
    fn both_engines_agree(c in choices(40), a in shape(), b in shape(), seed in 0u64..1000) {
        let run = || {
            let x = tensor(&a, seed).requires_grad();
            let y = tensor(&b, seed + 1).requires_grad();
            let values = grow(&c, &[x.clone(), y.clone()], ALL);
            let total = summary(&values);
            let mut wanted = grad(&total, &[&x, &y]).expect("leaves are among the values");
            wanted.extend(values);
            realize(&wanted.iter().collect::<Vec<_>>()).expect("values");
            wanted.iter().map(|t| (t.shape().to_vec(), list(t))).collect::<Vec<_>>()
        };
        let fused = run();
        let plain = with_engine(Engine::Reference, run);
        for (i, ((s, x), (t, y))) in fused.iter().zip(&plain).enumerate() {
            prop_assert_eq!(s, t);
            prop_assert!(distance(x, y) <= BOUND, "value {}: {}", i, distance(x, y));
        }
    }

    /// Large tensors, whose work is shared by threads: the same bits for one thread and for two.
    #[test]
    fn any_number_of_threads_gives_the_same_bits(c in choices(16), seed in 0u64..1000) {
        let run = || {
            let x = tensor(&[250, 240], seed).requires_grad();
            let y = tensor(&[240], seed + 1).requires_grad();
            let values = grow(&c, &[x.clone(), y.clone()], ALL);
            let total = summary(&values);
            let mut wanted = grad(&total, &[&x, &y]).expect("leaves are among the values");
            wanted.extend(values);
            realize(&wanted.iter().collect::<Vec<_>>()).expect("values");
            wanted.iter().map(list).collect::<Vec<_>>()
        };
        let (one, two) = (with_threads(1, run), with_threads(2, run));
        for (i, (x, y)) in one.iter().zip(&two).enumerate() {
            prop_assert!(same_bits(x, y), "value {}", i);
        }
    }

    /// Values asked for one by one, in random order, are those asked for at once.
    #[test]
    fn any_order_gives_the_same_values(
        c in choices(40),
        a in shape(),
        order in prop::collection::vec(any::<u8>(), 1..12),
        seed in 0u64..1000,
    ) {
        let build = || {
            let x = tensor(&a, seed).requires_grad();
            let values = grow(&c, &[x.clone(), tensor(&[4], seed + 1)], ALL);
            let total = summary(&values);
            (x, values, total)
        };
        let (x, values, total) = build();
        let whole = grad(&total, &[&x]).expect("a gradient").remove(0);
        let all: Vec<&Tensor> = values.iter().chain([&total, &whole]).collect();
        realize(&all).expect("values");
        let (x, pieces, total) = build();
        let mut piecewise = None;
        for &at in &order {
            let i = usize::from(at) % (pieces.len() + 1);
            match pieces.get(i) {
                Some(piece) => prop_assert!(distance(&list(piece), &list(&values[i])) <= BOUND),
                None => piecewise = Some(grad(&total, &[&x]).expect("a gradient").remove(0)),
            }
        }
        drop(pieces);
        let late = || grad(&total, &[&x]).expect("a gradient").remove(0);
        let piecewise = piecewise.unwrap_or_else(late);
        prop_assert!(distance(&list(&piecewise), &list(&whole)) <= BOUND);
    }

    /// The gradient along a random direction, against differences of order h⁴ with h = 10⁻⁴.
    #[test]
    fn gradients_are_those_of_differences(c in choices(25), a in shape(), seed in 0u64..1000) {
        let x = tensor(&a, seed).requires_grad();
        let y = tensor(&[3, 1], seed + 1);
        let value = summary(&grow(&c, &[x.clone(), y.clone()], SMOOTH));
        let gradient = grad(&value, &[&x]).expect("the first leaf is among the values");
        let direction = numbers(x.len(), seed + 2);
        let slope: f64 = list(&gradient[0]).iter().zip(&direction).map(|(g, d)| g * d).sum();
        let at = |h: f64| {
            let moved = tensor(&a, seed) + tensor(&a, seed + 2) * h;
            item(&summary(&grow(&c, &[moved, y.clone()], SMOOTH)))
        };
        let difference = |h: f64| (at(h) - at(-h)) / (2.0 * h);
        let numeric = (4.0 * difference(5e-5) - difference(1e-4)) / 3.0;
        // Rounding leaves ε/h = 10⁻¹² of the value; fifth derivatives of compositions of up to 25
        // functions reach 10⁹, of which h⁴/480 is left.
        prop_assert!((slope - numeric).abs() < 1e-7 * numeric.abs().max(1.0), "{slope} {numeric}");
    }

    /// The gradient of ⟨∇f, v⟩ is symmetric in its two directions: ⟨H v, w⟩ = ⟨H w, v⟩.
    #[test]
    fn second_derivatives_are_symmetric(c in choices(12), seed in 0u64..1000) {
        let x = tensor(&[3, 4], seed).requires_grad();
        let value = summary(&grow(&c, &[x.clone(), tensor(&[4], seed + 1)], SMOOTH));
        let gradient = grad(&value, &[&x]).expect("a gradient").remove(0);
        let [v, w] = [tensor(&[3, 4], seed + 2), tensor(&[3, 4], seed + 3)];
        let along = |v: &Tensor, w: &Tensor| {
            let slope = (&gradient * v).sum();
            item(&(grad(&slope, &[&x]).expect("a gradient").remove(0) * w).sum())
        };
        let (vw, wv) = (along(&v, &w), along(&w, &v));
        // Rounding only; second derivatives of compositions are of magnitude 10³ at most.
        prop_assert!((vw - wv).abs() <= 1e-10 * vw.abs().max(1.0), "{vw} {wv}");
    }

    /// ⟨w, J v⟩ = ⟨Jᵀ w, v⟩ for all values of a graph at once, kinks and selections too.
    #[test]
    fn forward_is_the_transpose_of_reverse(
        c in choices(40),
        a in shape(),
        b in shape(),
        seed in 0u64..1000,
    ) {
        let x = [tensor(&a, seed), tensor(&b, seed + 1)];
        let v = [tensor(&a, seed + 2), tensor(&b, seed + 3)];
        let f = |x: &[Tensor; 2]| together(&grow(&c, x, ALL));
        let (y, dy) = jvp(f, &x, &v).expect("a tangent");
        let w = tensor(y.shape(), seed + 4);
        let (_, pull) = vjp(f, &x).expect("a pullback");
        let gx = pull.apply(&w).expect("cotangents");
        let terms = |a: &Tensor, b: &Tensor| -> Vec<f64> {
            list(a).iter().zip(list(b)).map(|(a, b)| a * b).collect()
        };
        let left = terms(&w, &dy);
        let right = [terms(&gx[0], &v[0]), terms(&gx[1], &v[1])].concat();
        let scale = left.iter().chain(&right).map(|t| t.abs()).sum::<f64>().max(1.0);
        let (left, right) = (left.iter().sum::<f64>(), right.iter().sum::<f64>());
        // Rounding in sums of up to 6,000 terms along 40 steps.
        prop_assert!((left - right).abs() <= 1e-11 * scale, "{left} {right} of {scale}");
    }

    /// Jacobians by forward and by reverse mode are one, and times a direction they are the
    /// tangent.
    #[test]
    fn jacobians_of_both_modes_agree(c in choices(20), seed in 0u64..1000) {
        let (x, y) = (tensor(&[3, 2], seed), tensor(&[2], seed + 1));
        let f = |x: &Tensor| grow(&c, &[x.clone(), y.clone()], ALL).pop().expect("a value");
        let forward = jacfwd(f, &x).expect("by columns");
        let reverse = jacrev(f, &x).expect("by rows");
        prop_assert_eq!(forward.shape(), reverse.shape());
        prop_assert!(distance(&list(&forward), &list(&reverse)) <= BOUND);
        let v = tensor(&[3, 2], seed + 2);
        let along = jvp(f, &x, &v).expect("a tangent").1;
        let product = forward.reshape([-1, 6]).matmul(&v.reshape([6])).reshape(along.shape());
        prop_assert!(distance(&list(&product), &list(&along)) <= BOUND);
    }

    /// A batch is the loop over its elements: values, gradients, tangents.
    #[test]
    fn a_batch_is_the_loop_over_its_elements(
        c in choices(25),
        a in shape(),
        b in shape(),
        seed in 0u64..1000,
    ) {
        let shared = tensor(&b, seed);
        let each: Vec<Tensor> = (1..4).map(|i| tensor(&a, seed + i)).collect();
        let all = stack(&each.iter().collect::<Vec<_>>(), 0).expect("one shape");
        let f = |x: &Tensor| together(&grow(&c, &[x.clone(), shared.clone()], ALL));
        let slope = |x: &Tensor| gradient(|x: &Tensor| f(x).tanh().mean(), x);
        let v = tensor(&a, seed + 5);
        let along = |x: &Tensor| Ok(jvp(f, x, &v)?.1);
        let compare = |batch: Tensor, each: Vec<Tensor>| {
            let each = stack(&each.iter().collect::<Vec<_>>(), 0).expect("one shape");
            assert_eq!(batch.shape(), each.shape());
            distance(&list(&batch), &list(&each))
        };
        let values = compare(vmap(f, &all).expect("a batch"), each.iter().map(f).collect());
        prop_assert!(values <= BOUND, "values: {values}");
        let one = |x: &Tensor| slope(x).expect("a gradient");
        let slopes = compare(vmap(slope, &all).expect("a batch"), each.iter().map(one).collect());
        prop_assert!(slopes <= BOUND, "gradients: {slopes}");
        let total = gradient(
            |x: &Tensor| Ok(vmap(|x: &Tensor| f(x).tanh().mean(), x)?.sum()),
            &all,
        );
        let outside = compare(total.expect("a gradient"), each.iter().map(one).collect());
        prop_assert!(outside <= BOUND, "gradients through the batch: {outside}");
        let one = |x: &Tensor| -> Tensor { along(x).expect("a tangent") };
        let tangents = compare(vmap(along, &all).expect("a batch"), each.iter().map(one).collect());
        prop_assert!(tangents <= BOUND, "tangents: {tangents}");
    }
}
