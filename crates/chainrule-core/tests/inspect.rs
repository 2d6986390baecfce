//! Hooks, kept gradients, lost gradients, explanations, anomalies.

use std::sync::{Arc, Mutex};

use chainrule_core::{
    CutBy, ErrorKind, Tensor, detect_anomaly, explain, grad, lost_gradients, no_grad,
};

fn list(x: &Tensor) -> Vec<f64> {
    x.to_vec().expect("numbers")
}

fn gradient(x: &Tensor) -> Vec<f64> {
    list(&x.try_grad().expect("a gradient"))
}

#[test]
fn hooks_run_in_order_and_can_be_removed() {
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let note = |name: &'static str| {
        let seen = seen.clone();
        move |g: &Tensor| {
            seen.lock().expect("a log").push(format!("{name} {:?}", list(g)));
            None
        }
    };
    let x = Tensor::from([1.0, 2.0]).requires_grad();
    let y = x.square();
    let first = y.on_grad(note("first")).expect("a hook");
    y.on_grad(|g| Some(g * 10.0)).expect("a hook");
    y.on_grad(note("third")).expect("a hook");
    x.on_grad(note("leaf")).expect("a hook");
    let z = (&y * 3.0 + &y).sum();
    z.backward().expect("backward");
    // Both uses of y have given their part before its hooks run.
    assert_eq!(
        *seen.lock().expect("a log"),
        ["first [4.0, 4.0]", "third [40.0, 40.0]", "leaf [80.0, 160.0]"]
    );
    assert_eq!(gradient(&x), [80.0, 160.0]);
    assert!(first.remove());
    seen.lock().expect("a log").clear();
    let g = grad(&z, &[&x]).expect("a gradient");
    assert_eq!(list(&g[0]), [80.0, 160.0]);
    assert_eq!(seen.lock().expect("a log").len(), 2);
}

#[test]
fn hooks_that_do_not_fit_are_refused() {
    let x = Tensor::from([1.0, 2.0]).requires_grad();
    x.on_grad(|g| Some(g.sum())).expect("a hook");
    let error = x.sum().backward().expect_err("another shape");
    assert_eq!(error.kind(), ErrorKind::Cotangent);
    let plain = Tensor::from(1.0);
    assert_eq!(plain.on_grad(|_| None).expect_err("plain").kind(), ErrorKind::NoGraph);
    assert_eq!(plain.retain_grad().expect_err("plain").kind(), ErrorKind::NoGraph);
}

#[test]
fn gradients_kept_on_the_way() {
    let x = Tensor::from([1.0, 2.0]).requires_grad();
    let y = x.exp();
    let why = y.try_grad().expect_err("not kept").to_string();
    assert!(why.contains("retain_grad"), "{why}");
    y.retain_grad().expect("it tracks");
    let z = y.square().sum();
    z.backward().expect("backward");
    z.backward().expect("backward");
    let wanted: Vec<f64> = list(&y).iter().map(|y| 4.0 * y).collect();
    assert_eq!(gradient(&y), wanted);
    y.zero_grad();
    assert!(y.grad().is_none() && x.grad().is_some());
}

#[test]
fn lost_gradients_are_reported_with_what_cut_them() {
    let leaf = |c: f64, name: &str| Tensor::from(c).named(name).requires_grad();
    let (a, b, c) = (leaf(1.0, "a"), leaf(2.0, "b"), leaf(3.0, "c"));
    let (d, e) = (leaf(4.0, "d"), leaf(5.0, "e"));
    let detached = (&b * 2.0).detach();
    let silent = no_grad(|| &c * &b);
    let truth = d.gt(1.0).to_dtype(chainrule_core::DType::F64);
    // What was cut is forgotten by then, but not the cut.
    silent.to_vec::<f64>().expect("numbers");
    let y = &a * (detached + &silent) + &silent * truth;
    let report = lost_gradients(&y, &[&a, &b, &c, &d, &e]);
    let by: Vec<Vec<CutBy>> =
        report.lost.iter().map(|l| l.cuts.iter().map(|c| c.by).collect()).collect();
    assert_eq!(report.lost.iter().map(|l| l.index).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(by[0].len(), 2);
    assert!(by[0].contains(&CutBy::Detach) && by[0].contains(&CutBy::NoGrad));
    assert_eq!(by[1..], [vec![CutBy::NoGrad], vec![CutBy::Discrete], vec![]]);
    let text = report.to_string();
    assert!(text.starts_with("4 of 5 parameters get no gradient"), "{text}");
    assert!(text.contains("cut by `detach` at crates/chainrule-core/tests/inspect.rs"), "{text}");
    assert_eq!(lost_gradients(&y, &[&a]).to_string(), "all 1 parameters get a gradient");
}

#[test]
fn an_explanation_shows_the_chain_rule() {
    let x = Tensor::from(2.0).named("x").requires_grad();
    let a = (&x * 3.0).named("a");
    let y = (a.sin() * &x).named("y");
    let told = explain(&y, &x).expect("a chain");
    assert_eq!(told.steps.len(), 4);
    let slope = 3.0 * 6f64.cos() * 2.0 + 6f64.sin();
    let close = |x: &Tensor, v: f64| (x.item::<f64>().expect("a number") - v).abs() < 1e-12;
    assert!(close(&told.steps[0].gradient, slope));
    assert!(close(&told.steps[2].partials[0].1, 6f64.cos()));
    let last = told.steps.last().expect("y");
    assert_eq!(last.partials.len(), 2);
    assert!(close(&last.partials[1].1, 6f64.sin()));
    let text = told.to_string();
    assert!(text.contains("∂y/∂x = 5.481606") && text.contains("∂a/∂x = 3"), "{text}");
}

#[test]
fn anomalies_are_found_where_they_begin() {
    let x = Tensor::from([1.0, -0.5, 0.0]).named("x").requires_grad();
    let found = detect_anomaly(|| ((x.ln() * 2.0).exp() + 1.0).sum().item::<f64>());
    let error = found.expect_err("ln of a negative number");
    assert_eq!(error.kind(), ErrorKind::NonFinite);
    let text = error.to_string();
    assert!(text.contains("`ln` made NaN") && text.contains("at [1], of -0.5"), "{text}");
    // Forward is finite, backward is not.
    let y = x.square().sqrt().sum();
    assert!(y.item::<f64>().expect("a number").is_finite());
    let error = detect_anomaly(|| x.square().sqrt().sum().backward()).expect_err("1/0");
    let text = error.to_string();
    assert!(text.contains("the derivative of `sqrt` made inf"), "{text}");
    assert!(text.contains("at [2]"), "{text}");
    let fine = detect_anomaly(|| x.sigmoid().sum().item::<f64>());
    assert!(fine.is_ok());
    let given = Tensor::from([f64::NAN]) + 1.0;
    let text = detect_anomaly(|| given.to_vec::<f64>()).expect_err("NaN given").to_string();
    assert!(text.contains("given numbers contain NaN"), "{text}");
}
