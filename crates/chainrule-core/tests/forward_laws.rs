//! Laws of both modes over all operations: forward and reverse mode, in any mixture and to any
//! order, are the same derivative; a batch is the loop over its elements.
//!
//! ⟨w, J v⟩ = ⟨Jᵀ w, v⟩ has no step size: rounding alone is left. Differences (`laws.rs`,
//! `tensors.rs`) then have to anchor one of the modes only, and anchor both.

mod common;

use chainrule_core::op::{Binary, Unary};
use chainrule_core::{
    Result, Tensor, derivatives, gradcheck, gradient, jacfwd, jacrev, jvp, linearize, stack, vjp,
    vmap,
};
use common::operations::{Case, cases, contractions, movement, reductions};
use common::{apply, distance, list, tensor};

type Function<'a> = dyn Fn(&Tensor) -> Result<Tensor> + 'a;

/// The derivative of a function that works element by element, by one mode after the other: forward
/// where `modes` has a bit, the innermost first.
fn tower(f: &Function<'_>, modes: u32, order: u32, x: &Tensor) -> Result<Tensor> {
    let Some(last) = order.checked_sub(1) else { return f(x) };
    let inner = |x: &Tensor| tower(f, modes, last, x);
    if modes >> last & 1 == 1 {
        Ok(jvp(inner, x, &x.ones_like())?.1)
    } else {
        gradient(|x: &Tensor| Ok(inner(x)?.sum()), x)
    }
}

/// Derivatives of order 1 to 3 by all mixtures of modes.
fn all_mixtures_agree(name: &str, f: &Function<'_>, x: &Tensor) {
    let series = derivatives(f, x, 3).expect(name);
    for order in 1..=3 {
        let exact = list(&series[order as usize]);
        let scale = series.iter().flat_map(list).fold(1.0, |m: f64, v| m.max(v.abs()));
        for modes in 0..1 << order {
            let other = list(&tower(f, modes, order, x).expect(name));
            let errors = exact.iter().zip(&other).map(|(a, b)| (a - b).abs());
            let error = errors.fold(0.0, |m: f64, e| if e.is_nan() { f64::NAN } else { m.max(e) });
            // The same expressions, summed in another order: a few units of the terms.
            assert!(error <= 1e-13 * scale, "{name}, order {order}, modes {modes:b}: {error:e}");
        }
    }
}

#[test]
fn scalar_functions_to_third_order_in_all_modes() {
    for &op in Unary::ALL {
        let x = Tensor::from(op.samples().to_vec());
        all_mixtures_agree(op.name(), &|x| Ok(apply(op, x)), &x);
    }
    for &op in Binary::ALL {
        let (a, b): (Vec<f64>, Vec<f64>) = op.samples().iter().copied().unzip();
        let (a, b) = (Tensor::from(a), Tensor::from(b));
        all_mixtures_agree(op.name(), &|y| Ok(Tensor::of_two(op, &a, y)), &b);
        if op.smooth_in_x() {
            all_mixtures_agree(op.name(), &|x| Ok(Tensor::of_two(op, x, &b)), &a);
            // Both at once, along the diagonal.
            let zero = a.zeros_like();
            let both = |t: &Tensor| Ok(Tensor::of_two(op, &(&a + t), &(&b + t)));
            all_mixtures_agree(op.name(), &both, &zero);
        }
    }
}

/// Third derivatives reach 10⁴ at the samples; differences of second ones leave 10⁻¹¹ of the
/// fourth.
const THIRD: f64 = 1e-8;

#[test]
fn scalar_functions_to_third_order_against_differences() {
    for &op in Unary::ALL {
        let x = Tensor::from(op.samples().to_vec());
        let report = gradcheck(|x| apply(op, &x[0]), &[x], 3).expect("a report");
        assert!(report.passes(THIRD) && report.kinks() == 0, "{}: {report}", op.name());
    }
    for &op in Binary::ALL {
        let (a, b): (Vec<f64>, Vec<f64>) = op.samples().iter().copied().unzip();
        let (a, b) = (Tensor::from(a), Tensor::from(b));
        let report = if op.smooth_in_x() {
            gradcheck(|x| Tensor::of_two(op, &x[0], &x[1]), &[a, b], 3)
        } else {
            gradcheck(|x| Tensor::of_two(op, &a, &x[0]), &[b], 3)
        };
        let report = report.expect("a report");
        assert!(report.passes(THIRD) && report.kinks() == 0, "{}: {report}", op.name());
    }
}

/// Σ a b, and Σ |a b|, to which errors are in proportion.
fn inner(a: &[Tensor], b: &[Tensor]) -> (f64, f64) {
    let (a, b): (Vec<f64>, Vec<f64>) =
        (a.iter().flat_map(list).collect(), b.iter().flat_map(list).collect());
    assert_eq!(a.len(), b.len());
    let terms = a.iter().zip(&b).map(|(a, b)| a * b);
    (terms.clone().sum(), terms.map(f64::abs).sum())
}

/// That the two sides of an identity are equal, up to the rounding of a few dozen operations.
fn equal(name: &str, (left, a): (f64, f64), (right, b): (f64, f64)) {
    let error = (left - right).abs();
    assert!(error <= 1e-12 * a.max(b).max(1.0), "{name}: {left} {right}: {error:e}");
}

fn random_like(x: &[Tensor], seed: u64) -> Vec<Tensor> {
    x.iter().enumerate().map(|(i, x)| tensor(x.shape(), seed + i as u64)).collect()
}

/// ⟨w, J v⟩ = ⟨Jᵀ w, v⟩.
#[test]
fn forward_is_the_transpose_of_reverse() {
    for Case { name, x, f, .. } in cases() {
        let f = |x: &Vec<Tensor>| f(x);
        let v = random_like(&x, 21);
        let (y, dy) = jvp(f, &x, &v).expect(name);
        let w = tensor(y.shape(), 31);
        let (z, pull) = vjp(f, &x).expect(name);
        assert_eq!((list(&y), list(&z)), (list(&f(&x)), list(&y)), "{name}");
        let gx = pull.apply(&w).expect(name);
        equal(name, inner(std::slice::from_ref(&w), std::slice::from_ref(&dy)), inner(&gx, &v));
        let (_, push) = linearize(f, &x).expect(name);
        assert_eq!(list(&push.apply(&v).expect(name)), list(&dy), "{name}");
        let (a, b) = (jacfwd(f, &x).expect(name), jacrev(f, &x).expect(name));
        for (a, b) in a.iter().zip(&b) {
            assert_eq!(a.shape(), b.shape(), "{name}");
            assert!(distance(&list(a), &list(b)) <= 1e-12, "{name}"); // as above
        }
    }
}

/// The same for the gradient of ⟨w, f⟩, and for the tangent of f in place of the gradient.
#[test]
fn forward_is_the_transpose_of_reverse_at_second_order() {
    for Case { name, x, f, .. } in cases() {
        let w = tensor(f(&x).shape(), 31);
        let scalar = |x: &Vec<Tensor>| (f(x) * &w).sum();
        let slope = |x: &Vec<Tensor>| gradient(scalar, x);
        let (u, v) = (random_like(&x, 21), random_like(&x, 41));
        let forward = jvp(slope, &x, &v).expect(name).1;
        let reverse = vjp(slope, &x).expect(name).1.apply(&u).expect(name);
        equal(name, inner(&u, &forward), inner(&reverse, &v));
        // ⟨u, H v⟩ by three other mixtures.
        let along = |x: &Vec<Tensor>| Ok(jvp(scalar, x, &u)?.1);
        let both = jvp(along, &x, &v).expect(name).1;
        let scale = inner(&u, &forward).1;
        equal(name, (common::item(&both), scale), inner(&u, &forward));
        let back = gradient(along, &x).expect(name);
        equal(name, inner(&back, &v), inner(&u, &forward));
    }
}

/// Three sets of arguments for an operation: no ties where there were none.
fn three(x: &[Tensor]) -> Vec<Vec<Tensor>> {
    [1.0, 0.75, -1.25].iter().map(|&c| x.iter().map(|x| x * c).collect()).collect()
}

/// Several lists of tensors as one list with a first axis.
fn joined(all: &[Vec<Tensor>]) -> Vec<Tensor> {
    let parts = |i: usize| all.iter().map(|x| &x[i]).collect::<Vec<_>>();
    (0..all[0].len()).map(|i| stack(&parts(i), 0).expect("one shape")).collect()
}

/// Operations and how far a batch may be from the loop: not at all, but for products of matrices,
/// which are cut into other blocks: their sums of a dozen terms may be added in another order.
fn with_bounds() -> impl Iterator<Item = (Case, f64)> {
    let exact = movement().into_iter().chain(reductions()).map(|case| (case, 0.0));
    exact.chain(contractions().into_iter().map(|case| (case, 64.0 * f64::EPSILON)))
}

/// Sums over a batch are added in another order.
const SUMS: f64 = 64.0 * f64::EPSILON;

fn same((name, bound): (&str, f64), what: &str, batch: &Tensor, each: &[Tensor]) {
    let each = stack(&each.iter().collect::<Vec<_>>(), 0).expect("one shape");
    assert_eq!(batch.shape(), each.shape(), "{what} of {name}");
    let error = distance(&list(batch), &list(&each));
    assert!(error <= bound, "{what} of {name}: {error:e}");
}

#[test]
fn a_batch_is_the_loop_over_its_elements() {
    for (Case { name, x, f, .. }, bound) in with_bounds() {
        let case = (name, bound);
        let f = |x: &Vec<Tensor>| f(x);
        let each = three(&x);
        let all = joined(&each);
        let w = tensor(f(&x).shape(), 31);
        let scalar = |x: &Vec<Tensor>| (f(x) * &w).sum();
        let v = random_like(&x, 41);
        let values: Vec<Tensor> = each.iter().map(f).collect();
        same(case, "the value", &vmap(f, &all).expect(name), &values);
        let slopes: Vec<Vec<Tensor>> =
            each.iter().map(|x| gradient(scalar, x).expect(name)).collect();
        let inside = vmap(|x: &Vec<Tensor>| gradient(scalar, x), &all).expect(name);
        let outside = gradient(|x: &Vec<Tensor>| Ok(vmap(scalar, x)?.sum()), &all).expect(name);
        let second = |x: &Vec<Tensor>| jvp(|x: &Vec<Tensor>| gradient(scalar, x), x, &v);
        let curved: Vec<Vec<Tensor>> = each.iter().map(|x| second(x).expect(name).1).collect();
        let mapped = vmap(|x: &Vec<Tensor>| Ok(second(x)?.1), &all).expect(name);
        for i in 0..x.len() {
            let part = |of: &[Vec<Tensor>]| of.iter().map(|x| x[i].clone()).collect::<Vec<_>>();
            same(case, "the gradient inside", &inside[i], &part(&slopes));
            same(case, "the gradient outside", &outside[i], &part(&slopes));
            same(case, "the second derivative", &mapped[i], &part(&curved));
        }
        let tangents: Vec<Tensor> = each.iter().map(|x| jvp(f, x, &v).expect(name).1).collect();
        let mapped = vmap(|x: &Vec<Tensor>| Ok(jvp(f, x, &v)?.1), &all).expect(name);
        same(case, "the tangent", &mapped, &tangents);
    }
}

/// One argument in a batch and the others shared, and a batch of batches.
#[test]
fn arguments_may_be_shared_by_a_batch() {
    for (Case { name, x, f, .. }, bound) in with_bounds() {
        let case = (name, bound);
        let each = three(&x);
        for i in 0..x.len() {
            let with = |one: &Tensor| {
                let mut x = x.clone();
                x[i] = one.clone();
                f(&x)
            };
            let own: Vec<Tensor> = each.iter().map(|x| x[i].clone()).collect();
            let all = stack(&own.iter().collect::<Vec<_>>(), 0).expect(name);
            let values: Vec<Tensor> = own.iter().map(with).collect();
            same(case, "the value", &vmap(with, &all).expect(name), &values);
            let w = tensor(values[0].shape(), 31);
            let slope = |one: &Tensor| gradient(|one: &Tensor| (with(one) * &w).sum(), one);
            let slopes: Vec<Tensor> = own.iter().map(|x| slope(x).expect(name)).collect();
            same(case, "the gradient", &vmap(slope, &all).expect(name), &slopes);
            // The gradient by what is shared is the sum over the batch.
            let shared = gradient(
                |x: &Vec<Tensor>| {
                    let with = |one: &Tensor| {
                        let mut x = x.clone();
                        x[i] = one.clone();
                        (f(&x) * &w).sum()
                    };
                    Ok(vmap(with, &all)?.sum())
                },
                &x,
            );
            let shared = shared.expect(name);
            for j in (0..x.len()).filter(|&j| j != i) {
                let mut sum = x[j].zeros_like();
                for one in &own {
                    let mut x = x.clone();
                    x[i] = one.clone();
                    let slope = gradient(|x: &Vec<Tensor>| (f(x) * &w).sum(), &x).expect(name);
                    sum = sum + &slope[j];
                }
                assert!(distance(&list(&shared[j]), &list(&sum)) <= SUMS, "{name} by {j}");
            }
        }
        let lists = joined(&three(&x));
        let two = joined(&[lists.clone(), lists.iter().map(|x| x * 0.5).collect()]);
        let f = |x: &Vec<Tensor>| f(x);
        let nested = vmap(|x: &Vec<Tensor>| vmap(f, x), &two).expect(name);
        let halves = |c: f64| lists.iter().map(|x| x * c).collect::<Vec<_>>();
        let rows = [1.0, 0.5].map(|c| vmap(f, &halves(c)).expect(name));
        same(case, "a batch of batches", &nested, &rows);
    }
}

/// Scalar functions have the same bits one by one and in a batch.
#[test]
fn scalar_functions_in_a_batch_have_the_same_bits() {
    for &op in Unary::ALL {
        let x = Tensor::from(op.samples().to_vec());
        let batch = list(&vmap(|x: &Tensor| apply(op, x), &x).expect("a batch"));
        let each: Vec<f64> =
            op.samples().iter().map(|&x| list(&apply(op, &Tensor::from(x)))[0]).collect();
        assert!(common::same_bits(&batch, &each), "{}", op.name());
        let slope = |x: &Tensor| gradient(|x: &Tensor| apply(op, x), x);
        let batch = list(&vmap(slope, &x).expect("a batch"));
        let one = |&x: &f64| list(&slope(&Tensor::from(x)).expect("a slope"))[0];
        let each: Vec<f64> = op.samples().iter().map(one).collect();
        assert!(common::same_bits(&batch, &each), "the slope of {}", op.name());
    }
    for &op in Binary::ALL {
        let (a, b): (Vec<f64>, Vec<f64>) = op.samples().iter().copied().unzip();
        let (a, b) = (Tensor::from(a), Tensor::from(b));
        let (x, y) = (a.i(0), b.i(0));
        let whole = [Tensor::of_two(op, &x, &b), Tensor::of_two(op, &a, &y)].map(|t| list(&t));
        let right = vmap(|y: &Tensor| Tensor::of_two(op, &x, y), &b).expect("a batch");
        assert!(common::same_bits(&list(&right), &whole[0]), "{}", op.name());
        // Variables stand for what derivatives may be taken by.
        if op.smooth_in_x() {
            let left = vmap(|x: &Tensor| Tensor::of_two(op, x, &y), &a).expect("a batch");
            assert!(common::same_bits(&list(&left), &whole[1]), "{}", op.name());
        }
    }
}
