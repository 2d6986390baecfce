//! What reverse mode means: accumulation, scopes, detaching, assigning, derivatives of derivatives,
//! and its errors.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};

use chainrule_core::{
    DType, Engine, ErrorKind, NoGrad, Tensor, grad, gradcheck, is_grad_enabled, no_grad, realize,
    stack, with_engine,
};
use common::{distance, item, list, numbers, tensor};

/// The gradient that a parameter has gathered.
fn gathered(x: &Tensor) -> Vec<f64> {
    list(&x.grad().expect("a gradient"))
}

#[test]
fn gradients_add_up_until_they_are_cleared() {
    let x = Tensor::from([1.0, 2.0]).requires_grad();
    assert!(x.grad().is_none());
    let y = x.square().sum();
    y.backward().expect("backward");
    let first = x.grad().expect("a gradient");
    y.backward().expect("again: nothing was freed");
    assert_eq!(gathered(&x), [4.0, 8.0]);
    assert_eq!(list(&first), [2.0, 4.0], "a gradient that was taken stays as it was");
    (&y * 10.0).backward().expect("another graph");
    assert_eq!(gathered(&x), [24.0, 48.0]);
    x.zero_grad();
    assert!(x.grad().is_none());
    y.backward().expect("backward");
    assert_eq!(gathered(&x), [2.0, 4.0]);
    // `grad` returns gradients and gathers none.
    grad(&y, &[&x]).expect("a gradient");
    assert_eq!(gathered(&x), [2.0, 4.0]);
    // What has been gathered is a number: it tracks no gradients.
    assert!(!x.grad().expect("a gradient").tracks_grad());
}

/// Looking at values, before or between, changes nothing.
#[test]
fn values_may_be_looked_at_any_time() {
    let run = |look: bool| {
        let x = tensor(&[20, 30], 3).requires_grad();
        let w = tensor(&[30, 10], 4).requires_grad();
        let h = x.matmul(&w).tanh();
        if look {
            list(&h);
        }
        let loss = (&h * &h).mean_axis(0, false).sum();
        if look {
            item(&loss);
        }
        loss.backward().expect("backward");
        if look {
            gathered(&w);
        }
        (item(&loss), gathered(&x), gathered(&w))
    };
    assert_eq!(run(false), run(true));
}

#[test]
fn one_parameter_in_two_graphs() {
    let w = Tensor::from([1.0, -2.0]).requires_grad();
    let (first, second) = ((&w * 3.0).sum(), w.square().sum());
    drop(first.clone());
    second.backward().expect("backward");
    first.backward().expect("backward");
    assert_eq!(gathered(&w), [3.0 + 2.0, 3.0 - 4.0]);
    // A graph outlives the handles on what is inside it, but gradients need their parameter.
    let v = Tensor::from(2.0).requires_grad();
    let y = v.square() * &w.i(0);
    drop(v);
    w.zero_grad();
    y.backward().expect("backward");
    assert_eq!(gathered(&w), [4.0, 0.0]);
}

#[test]
fn assigning_changes_no_recorded_graph() {
    let w = Tensor::from(3.0).requires_grad();
    let alias = w.clone();
    let before = w.square();
    w.assign(&Tensor::from(10.0)).expect("assign");
    let after = w.square();
    assert_eq!((item(&before), item(&after), item(&w), item(&alias)), (9.0, 100.0, 10.0, 10.0));
    before.backward().expect("backward");
    assert_eq!(gathered(&w), [6.0]);
    // Both versions are the parameter.
    let sum = &before + &after;
    assert_eq!(item(&grad(&sum, &[&w]).expect("gradients")[0]), 26.0);
    // A value that depends on the parameter itself, not yet computed.
    w.assign(&(&w * 2.0 + 1.0)).expect("assign");
    w.assign(&(&w * 2.0 + 1.0)).expect("assign");
    assert_eq!(item(&w), 43.0);
    let refused = w.assign(&Tensor::from([1.0, 2.0])).expect_err("another shape");
    assert_eq!(refused.kind(), ErrorKind::Shape);
    let refused = w.assign(&Tensor::from(1.0f32)).expect_err("another type");
    assert_eq!(refused.kind(), ErrorKind::DType);
    assert!(before.assign(&Tensor::from(1.0)).is_err(), "not a parameter");
    assert_eq!(item(&w), 43.0);
}

#[test]
fn no_grad_is_restored_after_a_panic_and_nests() {
    let result = catch_unwind(AssertUnwindSafe(|| no_grad(|| panic!("inside"))));
    assert!(result.is_err() && is_grad_enabled());
    let x = Tensor::from(2.0).requires_grad();
    no_grad(|| {
        no_grad(|| assert!(!is_grad_enabled()));
        let guard = NoGrad::new();
        drop(guard);
        assert!(!is_grad_enabled());
        let caught = catch_unwind(AssertUnwindSafe(|| no_grad(|| panic!("deeper"))));
        assert!(caught.is_err() && !is_grad_enabled());
        // Parameters are parameters here too; another thread has a switch of its own.
        assert!(Tensor::from(1.0).requires_grad().tracks_grad());
        assert!(!x.square().tracks_grad());
        std::thread::scope(|s| {
            s.spawn(|| assert!(is_grad_enabled() && x.square().tracks_grad()));
        });
    });
    assert!(is_grad_enabled());
    let y = no_grad(|| x.square());
    assert!(y.backward().expect_err("cut").to_string().contains("no_grad"));
    // One path is cut, the other is not.
    (&y * &x).backward().expect("backward");
    assert_eq!(gathered(&x), [4.0]);
    // The backward pass of a graph recorded before does not mind the switch.
    let z = x.square();
    x.zero_grad();
    no_grad(|| z.backward()).expect("backward");
    assert_eq!(gathered(&x), [4.0]);
}

#[test]
fn detach_cuts_one_path() {
    let x = Tensor::from(3.0).requires_grad();
    let y = x.square();
    (y.detach() * &x).backward().expect("backward");
    assert_eq!(gathered(&x), [9.0]); // as if x² were a number
    assert_eq!(item(&y.detach()), 9.0);
    let error = (y.detach() * 2.0).backward().expect_err("cut");
    assert_eq!(error.kind(), ErrorKind::NoGraph);
    assert!(error.to_string().contains("detach"), "{error}");
    // A detached parameter keeps the value that it had.
    let old = x.detach();
    x.assign(&Tensor::from(5.0)).expect("assign");
    assert_eq!(item(&old), 3.0);
}

#[test]
fn cotangents() {
    let x = Tensor::from([[1.0, 2.0], [3.0, 4.0]]).requires_grad();
    let y = x.square();
    y.backward_with(&Tensor::from([[1.0, 0.0], [0.0, 10.0]])).expect("backward");
    assert_eq!(gathered(&x), [2.0, 0.0, 0.0, 80.0]);
    for wrong in [Tensor::from([1.0, 2.0]), Tensor::from(1.0), Tensor::ones([2, 2, 1])] {
        assert_eq!(y.backward_with(&wrong).expect_err("shape").kind(), ErrorKind::Cotangent);
    }
    assert_eq!(y.backward().expect_err("four elements").kind(), ErrorKind::NonScalar);
    assert_eq!(grad(&y, &[&x]).expect_err("four elements").kind(), ErrorKind::NonScalar);
    assert_eq!(gathered(&x), [2.0, 0.0, 0.0, 80.0], "errors leave gradients as they are");
    // One element is enough, whatever the rank; a cotangent of another type is converted.
    x.zero_grad();
    y.i((1..2, 1..2)).backward().expect("one element");
    y.backward_with(&Tensor::ones([2, 2])).expect("a cotangent in F32");
    assert_eq!(gathered(&x), [2.0, 4.0, 6.0, 16.0]);
    assert_eq!(x.grad().expect("a gradient").dtype(), DType::F64);
}

#[test]
fn what_has_no_gradient_says_so() {
    let x = Tensor::from(1.0).requires_grad();
    let other = Tensor::from(1.0).requires_grad().named("other");
    let error = grad(&x.square(), &[&x, &other]).expect_err("unreachable");
    assert_eq!(error.kind(), ErrorKind::Unused);
    assert!(error.to_string().contains("\"other\""), "{error}");
    let plain = Tensor::from(1.0);
    assert_eq!(grad(&(&x * &plain), &[&plain]).expect_err("plain").kind(), ErrorKind::Unused);
    assert_eq!((&plain * 2.0).backward().expect_err("no graph").kind(), ErrorKind::NoGraph);
    assert_eq!(Tensor::from(1).try_requires_grad().expect_err("int").kind(), ErrorKind::DType);
    let order = Tensor::from(1.0).requires_grad();
    let refused = order.try_polygamma(&x).expect_err("no derivative in the order");
    assert_eq!(refused.kind(), ErrorKind::NoDerivative);
    // `backward` passes by the parameters that it does not reach.
    x.square().backward().expect("backward");
    assert!(other.grad().is_none());
    // Comparisons and integers cut the graph.
    assert!(!x.gt(0.0).tracks_grad() && !x.to_dtype(DType::I64).tracks_grad());
    assert!(!Tensor::from([1.0, 2.0]).requires_grad().argmax().tracks_grad());
}

#[test]
fn gradients_of_intermediates() {
    let x = Tensor::from(2.0).requires_grad();
    let h = x.square();
    let y = h.square() + &x;
    let g = grad(&y, &[&h, &x, &x, &y, &h]).expect("gradients");
    assert_eq!(g.iter().map(item).collect::<Vec<_>>(), [8.0, 33.0, 33.0, 1.0, 8.0]);
    // A view of the intermediate is another tensor: it is not on the way.
    assert!(grad(&y, &[&h.reshape([1])]).is_err());
    // After the intermediate has been computed, too.
    let h = x.exp();
    let y = (&h * 3.0).sum();
    list(&h);
    assert_eq!(item(&grad(&y, &[&h]).expect("a gradient")[0]), 3.0);
    // Along several paths.
    let m = tensor(&[3, 4], 1).requires_grad();
    let h = m.tanh();
    let y = h.sum_axis(0, false).square().sum() + h.t().i(0).sum();
    let g = list(&grad(&y, &[&h]).expect("a gradient")[0]);
    let sums = list(&h.sum_axis(0, false));
    let expected: Vec<f64> =
        (0..12).map(|i| 2.0 * sums[i % 4] + f64::from(u8::from(i % 4 == 0))).collect();
    assert!(distance(&g, &expected) <= 4.0 * f64::EPSILON); // sums in another order
}

#[test]
fn derivatives_of_derivatives() {
    // x⁴ by products: 4x³, 12x², 24x, 24, 0.
    let x = Tensor::from(1.5).requires_grad();
    let mut y = x.square() * x.square();
    for expected in [13.5, 27.0, 36.0, 24.0] {
        y = grad(&y, &[&x]).expect("a derivative").remove(0);
        assert!((item(&y) - expected).abs() <= 8.0 * f64::EPSILON * expected); // a few products
    }
    // Every fourth derivative of the sine is the sine.
    let mut y = x.sin();
    for _ in 0..8 {
        y = grad(&y, &[&x]).expect("a derivative").remove(0);
    }
    assert!((item(&y) - 1.5f64.sin()).abs() < 1e-15);
    // e^(x²) has y‴ = (8x³ + 12x) y, and x^x has y′ = y (ln x + 1), y″ = y′ (ln x + 1) + y/x.
    let mut y = x.square().exp();
    for _ in 0..3 {
        y = grad(&y, &[&x]).expect("a derivative").remove(0);
    }
    let exact = (8.0 * 1.5f64.powi(3) + 18.0) * 2.25f64.exp();
    assert!((item(&y) / exact - 1.0).abs() < 1e-14); // a dozen roundings
    let first = grad(&x.pow(&x), &[&x]).expect("a derivative").remove(0);
    let second = grad(&first, &[&x]).expect("a derivative").remove(0);
    let (power, log) = (1.5f64.powf(1.5), 1.5f64.ln() + 1.0);
    assert!((item(&first) / (power * log) - 1.0).abs() < 1e-14);
    assert!((item(&second) / (power * (log * log + 1.0 / 1.5)) - 1.0).abs() < 1e-14);
}

/// A penalty on the gradient: backward through a backward pass through products of matrices.
#[test]
fn gradients_of_gradients_through_matmul() {
    let penalty = |x: &[Tensor]| {
        let y = x[0].matmul(&x[1]).tanh().matmul(&x[2]).square().sum();
        let g = grad(&y, &[&x[0], &x[1]]).expect("gradients");
        stack(&[&g[0].square().sum(), &g[1].square().sum()], 0).expect("stack")
    };
    let inputs = [tensor(&[2, 3], 1), tensor(&[3, 4], 2), tensor(&[4], 3)];
    // Derivatives of third order are of magnitude 10³; differences leave 10⁻¹⁰ of them.
    let report = gradcheck(
        |x| {
            let x: Vec<Tensor> = x
                .iter()
                .map(|x| if x.tracks_grad() { x.clone() } else { x.clone().requires_grad() })
                .collect();
            penalty(&x)
        },
        &inputs,
        1,
    );
    let report = report.expect("a report");
    assert!(report.passes(1e-7), "{report}");
}

/// The Hessian of a quadratic form is A + Aᵀ, exactly.
#[test]
fn hessians() {
    let a = Tensor::from([[1.0, 2.0, 3.0], [0.0, -1.0, 4.0], [5.0, 0.5, 2.0]]);
    let x = Tensor::from([1.0, -2.0, 0.5]).requires_grad();
    let y = x.dot(&a.matmul(&x));
    let g = &grad(&y, &[&x]).expect("a gradient")[0];
    let rows: Vec<Tensor> =
        (0..3).map(|i| grad(&g.i(i), &[&x]).expect("a row").remove(0)).collect();
    let hessian = stack(&rows.iter().collect::<Vec<_>>(), 0).expect("stack");
    assert_eq!(list(&hessian), list(&(&a + &a.t())));
}

/// Gradients are the same numbers in both engines, also for a whole network.
#[test]
fn both_engines_agree_on_a_network() {
    let run = || {
        let [w, v] = [tensor(&[8, 16], 1), tensor(&[16, 4], 2)].map(Tensor::requires_grad);
        let b = tensor(&[16], 3).requires_grad();
        let h = (tensor(&[10, 8], 4).matmul(&w) + &b).gelu();
        let target = Tensor::from([0, 1, 2, 3, 0, 1, 2, 3, 0, 1]);
        let loss = h.matmul(&v).cross_entropy(&target) + (w.square().sum() + 1e-6).sqrt() * 1e-2;
        let g = grad(&loss, &[&w, &b, &v]).expect("gradients");
        realize(&[&loss, &g[0], &g[1], &g[2]]).expect("values");
        g.iter().flat_map(list).chain([item(&loss)]).collect::<Vec<_>>()
    };
    let (fused, plain) = (run(), with_engine(Engine::Reference, run));
    // Sums of up to 128 numbers of magnitude below 30, in another order.
    assert!(distance(&fused, &plain) <= 128.0 * 30.0 * f64::EPSILON);
}

/// Products with more than one use of a tensor, on all its paths at once.
#[test]
fn a_tensor_used_many_times() {
    let x = Tensor::from(numbers(7, 1)).requires_grad();
    let mut y = x.clone();
    for _ in 0..12 {
        y = &y + &y; // 2¹² paths
    }
    assert_eq!(list(&grad(&y.sum(), &[&x]).expect("a gradient")[0]), [4096.0; 7]);
    let y = (&x - &x).sum();
    assert_eq!(list(&grad(&y, &[&x]).expect("a gradient")[0]), [0.0; 7]);
}
