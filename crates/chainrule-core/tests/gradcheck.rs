//! The gradient check itself: it finds what is wrong, says where, and is silent about the rest.

mod common;

use chainrule_core::{
    Function, Tensor, Verdict, checkpoint, gradcheck, gradcheck_tree, no_grad, tree, while_loop,
};
use common::{distinct, tensor};

/// A wrong rule among right operations: 2x is forgotten to be 2.
fn wrong_square() -> Function {
    Function::with_vjp(
        "wrong_square",
        |x: &[Tensor]| x[0].square(),
        |x: &[Tensor], _: &Tensor, gy: &Tensor| &x[0] * gy,
    )
}

#[test]
fn smooth_functions_pass_to_third_order() {
    let x = [tensor(&[2, 3], 1), tensor(&[3], 2)];
    let report = gradcheck(|x| (x[0].sin() * &x[1]).softmax(1) * x[0].exp(), &x, 3);
    let report = report.expect("a report");
    // What differences leave; they choose their steps for 10⁻¹¹ and may miss it by rounding.
    assert!(report.agrees() && report.passes(1e-9), "{report}");
    assert_eq!((report.rows.len(), report.kinks(), report.identities.len()), (27, 0, 3));
    assert!(report.culprit.is_none());
    // Third derivatives by eight mixtures of modes: rounding only.
    assert!(report.identities.iter().all(|i| i.error < 1e-12), "{report}");
}

#[test]
fn structures_are_checked_as_lists() {
    struct Line {
        slope: Tensor,
        offsets: Vec<Tensor>,
    }
    tree!(Line { slope, offsets });
    let line = Line { slope: tensor(&[3], 1), offsets: vec![tensor(&[], 2), tensor(&[3], 3)] };
    let f = |l: &Line| (&l.slope * &l.offsets[0], (&l.slope + &l.offsets[1]).tanh());
    let report = gradcheck_tree(f, &line, 2).expect("a report");
    assert!(report.passes(1e-9), "{report}");
    let inputs: Vec<usize> = report.rows.iter().map(|row| row.input).collect();
    assert_eq!(inputs[..7], [0, 0, 0, 1, 2, 2, 2]);
}

#[test]
fn integers_have_no_derivatives() {
    let report = gradcheck(
        |x| x[0].index_select(0, &x[1]).square(),
        &[tensor(&[4], 1), Tensor::from([2, 2, 0])],
        2,
    );
    let report = report.expect("a report");
    assert!(report.passes(1e-9) && report.rows.iter().all(|row| row.input == 0), "{report}");
}

#[test]
fn the_wrong_rule_is_named_with_its_line() {
    let f = wrong_square();
    let line = line!() + 1;
    let call = |x: &Tensor| f.call(&[&(x * 2.0)]);
    let report = gradcheck(|x| Ok(call(&x[0].exp())?.sin().sum()), &[tensor(&[3], 1)], 1);
    let report = report.expect("a report");
    assert!(!report.agrees() && !report.passes(1e-3));
    let culprit = report.culprit.as_ref().expect("a culprit");
    assert_eq!(culprit.operation, "wrong_square");
    assert_eq!((culprit.at.line(), culprit.shape.as_slice()), (line, &[3][..]));
    assert!(culprit.at.file().ends_with("gradcheck.rs"));
    // Half of what it should be.
    assert!((culprit.numeric / culprit.reverse - 2.0).abs() < 1e-6);
    let (text, json) = (report.to_string(), report.to_json());
    assert!(text.contains("3 wrong") && text.contains("to blame: `wrong_square` at "), "{text}");
    assert!(json.contains(r#""operation":"wrong_square""#) && json.contains(r#""agrees":false"#));
}

#[test]
fn rules_for_either_mode_are_checked() {
    let f = Function::with_jvp(
        "cube",
        |x: &[Tensor]| x[0].powi(3),
        |x: &[Tensor], _: &Tensor, dx: &[Tensor]| 3.1 * x[0].square() * &dx[0],
    );
    let report = gradcheck(|x| f.call(&[&x[0]]), &[tensor(&[2], 1)], 1).expect("a report");
    assert_eq!(report.culprit.expect("a culprit").operation, "cube");
}

/// First derivatives are right and second ones are not: the rule hides where it came from.
#[test]
fn a_rule_with_a_wrong_derivative_of_its_own() {
    let f = Function::with_vjp(
        "cube",
        |x: &[Tensor]| x[0].powi(3),
        |x: &[Tensor], _: &Tensor, gy: &Tensor| 3.0 * x[0].detach().square() * gy,
    );
    let report = gradcheck(|x| f.call(&[&x[0]]), &[tensor(&[2], 1)], 2).expect("a report");
    let wrong: Vec<usize> =
        report.rows.iter().filter(|r| r.verdict == Verdict::Wrong).map(|r| r.order).collect();
    assert_eq!(wrong, [2, 2], "{report}");
    let culprit = report.culprit.expect("a culprit");
    assert_eq!(culprit.operation, "detach");
    assert_eq!(culprit.at.line(), line!() - 8);
}

#[test]
fn cuts_are_named_if_they_change_the_derivative() {
    let x = [tensor(&[3], 1)];
    // `logsumexp` detaches its maximum, which is right.
    let f = |x: &[Tensor]| x[0].logsumexp(0, false) * x[0].detach().sum();
    let report = gradcheck(f, &x, 1).expect("a report");
    let culprit = report.culprit.expect("a culprit");
    assert_eq!((culprit.operation.as_str(), culprit.at.line()), ("detach", line!() - 3));
    let report = gradcheck(|x| &x[0] + no_grad(|| x[0].sin()), &x, 1).expect("a report");
    let culprit = report.culprit.expect("a culprit");
    assert_eq!(culprit.operation, "sin");
    assert_eq!(culprit.note, "no derivative flows through it");
}

/// A value made of numbers cannot be computed again elsewhere; it is found by exclusion.
#[test]
fn a_rule_whose_value_is_opaque() {
    let f = Function::with_vjp(
        "opaque",
        |x: &[Tensor]| {
            let list: Vec<f64> = x[0].to_vec()?;
            Ok(Tensor::from(list.iter().map(|v| v * v).collect::<Vec<_>>()))
        },
        |x: &[Tensor], _: &Tensor, gy: &Tensor| 2.5 * &x[0] * gy,
    );
    let report = gradcheck(|x| Ok(f.call(&[&x[0].sin()])?.exp()), &[tensor(&[2], 1)], 1);
    let culprit = report.expect("a report").culprit.expect("a culprit");
    assert_eq!(culprit.operation, "opaque");
}

#[test]
fn loops_and_checkpoints_pass() {
    let x = [tensor(&[3], 1), Tensor::from(2.0)];
    let f = |x: &[Tensor]| checkpoint(|x: &Tensor| x.tanh().exp().sin(), &x[0]);
    let report = gradcheck(f, &x[..1], 2).expect("a report");
    assert!(report.passes(1e-9), "{report}");
    let root = |x: &[Tensor]| {
        let test = |r: &Tensor| (r.square() - &x[0]).abs().gt(1e-15);
        while_loop(test, |r: &Tensor| 0.5 * (r + &x[0] / r), &Tensor::from(1.0))
    };
    let report = gradcheck(root, &x[1..], 2).expect("a report");
    // Both sides follow the iteration, which stops within 10⁻¹⁵ of the root.
    assert!(report.passes(1e-8), "{report}");
}

#[test]
fn kinks_are_no_mistakes() {
    let at_zero = [Tensor::from([-1.0, 0.0, 2.0])];
    type Case = (&'static str, fn(&[Tensor]) -> Tensor);
    let cases: [Case; 6] = [
        ("relu", |x| x[0].relu()),
        ("abs", |x| x[0].abs()),
        ("a jump", |x| x[0].gt(0.0).where_(&(&x[0] + 1.0), &x[0])),
        ("floor", |x| (&x[0] * 0.7).floor() + &x[0]),
        ("maximum", |x| x[0].maximum(&(&x[0] * 3.0))),
        ("clamp", |x| x[0].clamp(0.0, 1.0)),
    ];
    for (name, f) in cases {
        let report = gradcheck(f, &at_zero, 1).expect("a report");
        assert!(report.agrees() && report.passes(1e-9), "{name}: {report}");
        assert_eq!((report.kinks(), report.rows[1].verdict), (1, Verdict::Kink), "{name}");
    }
    // Beside the kink everything is checked, and a wrong rule is found there.
    let f = wrong_square();
    let report = gradcheck(|x| Ok(x[0].relu() + f.call(&[&x[0]])?), &at_zero, 1).expect("a report");
    assert!(!report.agrees());
    assert_eq!(report.culprit.expect("a culprit").operation, "wrong_square");
}

/// Where nothing is checked nothing passes, and no number is no derivative.
#[test]
fn nothing_checked_is_nothing_passed() {
    let report = gradcheck(|x| x[0].abs(), &[Tensor::from(0.0)], 1).expect("a report");
    assert!(!report.agrees() && !report.passes(1e9), "{report}");
    let report = gradcheck(|x| x[0].ln(), &[Tensor::from([-1.0, 2.0])], 1).expect("a report");
    assert!(!report.agrees() && !report.passes(1e9), "{report}");
    assert!(report.rows.iter().all(|row| row.verdict == Verdict::Undefined));
    assert!(report.to_json().contains(r#""numeric":"NaN""#));
    // The edge of the domain.
    let report = gradcheck(|x| x[0].sqrt(), &[Tensor::from(0.0)], 1).expect("a report");
    assert_eq!(report.rows[0].verdict, Verdict::Kink);
}

#[test]
fn the_table() {
    let x = [Tensor::from([[0.5, 0.0]]), Tensor::from(-2.0)];
    let report = gradcheck(|x| x[0].relu() * &x[1], &x, 1).expect("a report");
    let text = report.to_string();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    assert_eq!(lines[0], "3 derivatives: 2 agree, 1 at kinks");
    assert!(lines[1].starts_with("order  input  index"), "{text}");
    assert!(lines[3].starts_with("    1      0  [0, 1]") && lines[3].ends_with("kink"), "{text}");
    let many = gradcheck(|x| x[0].square(), &[distinct(&[5, 6])], 1).expect("a report");
    assert!(many.to_string().contains("… and 14 more"), "{many}");
}
