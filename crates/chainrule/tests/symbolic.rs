//! Printed derivatives against derivatives computed in three other ways.

use chainrule::formula::{Formula, Node};
use chainrule::prelude::*;
use chainrule::scalar::Dual;
use chainrule::symbolic::{
    Kind, LONG, MatrixFormula, Named, Step, Term, gradient_steps, guessed_kinds,
};

struct Case {
    text: &'static str,
    low: f64,
    high: f64,
}

/// The formulas, with where x and y may lie.
fn cases() -> Vec<Case> {
    let lines = include_str!("formulas.txt").lines().filter(|line| !line.starts_with('#'));
    let case = |line: &'static str| {
        let parts: Vec<&str> = line.split(" ; ").collect();
        Case { text: parts[0], low: parts[1].parse().unwrap(), high: parts[2].parse().unwrap() }
    };
    lines.map(case).collect()
}

/// Twenty points between `low` and `high`, no two alike, none at a round number.
fn points(low: f64, high: f64, offset: f64) -> Vec<f64> {
    let golden = 0.618_033_988_749_895;
    (1..=20).map(|i| low + (high - low) * (offset + golden * f64::from(i)).fract()).collect()
}

fn close(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * (1.0 + a.abs().max(b.abs())) || (a.is_nan() && b.is_nan())
}

#[test]
fn printed_derivatives_are_right() {
    let cases = cases();
    assert!(cases.len() >= 300, "{}", cases.len());
    for case in &cases {
        check(case);
    }
}

fn check(case: &Case) {
    let text = case.text;
    let formula = Formula::parse_with(text, &["x", "y"]).unwrap();
    let term = Term::of(&formula).unwrap();
    let names: Vec<&str> = formula.variables().iter().map(String::as_str).collect();
    let (xs, ys) = (points(case.low, case.high, 0.1), points(case.low, case.high, 0.7));
    for (k, &name) in ["x", "y"].iter().enumerate().filter(|(_, n)| names.contains(n)) {
        let slope = term.derivative(name);
        let pretty = slope.to_node().pretty();
        let [printed, pretty] = [slope.to_string(), pretty]
            .map(|s| Formula::parse_with(&s, &["x", "y"]).unwrap_or_else(|e| panic!("{s}: {e}")));
        for i in 0..20 {
            let at = [("x", xs[i]), ("y", ys[i])];
            let dual = at.map(|(n, x)| {
                let direction = if n == name { 1.0 } else { 0.0 };
                let mut dual = Dual::<1>::constant(x);
                dual.tangent[0] = direction;
                (n, dual)
            });
            let forward = formula.eval_real(&Dual::<1>::constant(0.0), &dual).unwrap().tangent[0];
            let moved = |h: f64| {
                let at = at.map(|(n, x)| (n, if n == name { x + h } else { x }));
                formula.value(&at).unwrap()
            };
            let difference = |h: f64| (moved(h) - moved(-h)) / (2.0 * h);
            let leaves = at.map(|(n, x)| (n, Tensor::from(x).requires_grad()));
            let y = formula.eval(&leaves.each_ref().map(|(n, x)| (*n, x))).unwrap();
            let reverse = grad(&y, &[&leaves[k].1]).unwrap()[0].item::<f64>().unwrap();
            let got = printed.value(&at).unwrap();
            let what = format!("{text}: d/d{name} = {slope} at {at:?}");
            // Rounding in formulas of a few dozen operations, some of them ill-conditioned.
            assert!(close(got, pretty.value(&at).unwrap(), 1e-13), "{what}, {pretty}");
            assert!(close(got, forward, 1e-9), "{what}: {got}, forward {forward}");
            assert!(close(got, reverse, 1e-9), "{what}: {got}, reverse {reverse}");
            let (near, far) = (difference(1e-6), difference(1e-4));
            // A kink or jump between the points makes the two differences disagree.
            if close(near, far, 1e-4) {
                assert!(close(got, near, 1e-5), "{what}: {got}, differences {near}");
            }
        }
    }
}

/// A gradient has at most six operations for each of the formula's, with each shared part once, and
/// as it is printed, repetitions and all, with names where it is long.
#[test]
fn printed_derivatives_stay_short() {
    let mut plain = 0;
    for case in &cases() {
        let formula = Formula::parse_with(case.text, &["x", "y"]).unwrap();
        let term = Term::of(&formula).unwrap();
        let slopes = term.gradient(&["x", "y"]);
        let (n, m) = (term.operations(), Term::operations_of(&slopes));
        assert!(m <= 6 * n.max(1), "{}: {n} operations, gradient {m}: {slopes:?}", case.text);
        let written = formula.root().operations();
        let nodes: Vec<Node> = slopes.iter().map(Term::to_node).collect();
        let printed = Named::derivatives(&nodes, &[], written);
        // `n` counts an activation as what it abbreviates.
        let (n, m) = (written.max(n), printed.operations());
        assert!(m <= 6 * n, "{}: {n} operations, printed {m}: {printed}", case.text);
        plain += usize::from(printed.parts.is_empty());
    }
    // Most are short enough to need no names.
    assert!(4 * plain > 3 * cases().len(), "{plain} without names");
}

/// The value of a result, after those of the names.
fn value(named: &Named, print: fn(&Node) -> String, i: usize, at: &[(&str, f64)]) -> f64 {
    let mut all: Vec<(&str, f64)> = at.to_vec();
    let read = |node: &Node, all: &[(&str, f64)]| {
        let names: Vec<&str> = all.iter().map(|(n, _)| *n).collect();
        let text = print(node);
        Formula::parse_with(&text, &names).unwrap_or_else(|e| panic!("{text}: {e}")).value(all)
    };
    for (name, part) in &named.parts {
        assert!(all.iter().all(|(n, _)| n != name), "{name} is taken");
        let x = read(part, &all).unwrap();
        all.push((name, x));
    }
    read(&named.results[i], &all).unwrap()
}

/// Names put back give the numbers of the whole formula, and save operations.
#[test]
fn named_parts_mean_the_same() {
    let (mut with_names, mut whole, mut short) = (0, 0, 0);
    for case in &cases() {
        let formula = Formula::parse_with(case.text, &["x", "y"]).unwrap();
        let term = Term::of(&formula).unwrap();
        let second = term.derivative("x").gradient(&["x", "y"]);
        let slopes = [term.gradient(&["x", "y"]), second].concat();
        let named = Term::named(&slopes);
        let written: usize = slopes.iter().map(|t| t.to_node().operations()).sum();
        let is_long = slopes.iter().any(|t| t.to_node().operations() > LONG);
        assert!(is_long || named.parts.is_empty(), "{named}");
        assert!(named.operations() <= written, "{named}");
        if !named.parts.is_empty() {
            with_names += 1;
            whole += written;
            short += named.operations();
        }
        // With a name for whatever is repeated, too.
        let nodes: Vec<Node> = slopes.iter().map(Term::to_node).collect();
        let all = Named::derivatives(&nodes, &[], 0);
        assert!(all.operations() <= named.operations(), "{all}");
        for x in points(case.low, case.high, 0.3).into_iter().take(5) {
            let at = [("x", x), ("y", 0.3 + x / 2.0)];
            let both = |s| [(s, &named), (s, &all)];
            for ((i, slope), named) in slopes.iter().enumerate().flat_map(both) {
                let expected = Formula::from_node(slope.to_node()).value(&at).unwrap();
                for print in [|n: &Node| n.to_string(), |n: &Node| n.pretty()] {
                    let got = value(named, print, i, &at);
                    // The same operations in the same order have the same bits.
                    let same =
                        got.to_bits() == expected.to_bits() || got.is_nan() && expected.is_nan();
                    assert!(same, "{}: {named}: {got} {expected}", case.text);
                }
            }
        }
    }
    assert!(with_names > 30, "{with_names} formulas have names");
    assert!(4 * short < 3 * whole, "{whole} operations become {short}");
}

fn numbers(n: usize, start: f64) -> Vec<f64> {
    (0..n).map(|i| (start + 1.7 * i as f64).sin() + 0.1).collect()
}

/// A value for a name: a matrix, a number or a vector.
fn leaf(name: &str) -> Tensor {
    let start = f64::from(name.as_bytes()[0]);
    match name {
        "A" | "B" => Tensor::from_vec(numbers(9, start), [3, 3]).unwrap(),
        "I" => Tensor::from([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
        "ones" => Tensor::ones([3]).to_dtype(DType::F64),
        "c" => Tensor::from(0.7),
        _ => Tensor::from(numbers(3, start)),
    }
}

const SCALARS: [&str; 28] = [
    "x' A x",
    "norm(x)^2",
    "norm(x)",
    "norm(A x - b)^2",
    "e^(-x' x/2)",
    "ln(1 + norm(x)^2)",
    "x' A' A x + b' x",
    "(b' x)^2",
    "(b' x)(x' A b)",
    "x' A b/(1 + norm(x)^2)",
    "c norm(x - b)",
    "sin(x' A b)",
    "dot(x, A b) + x' x",
    "max(x' b, c)",
    "b' A B x",
    "x' (A + B) x",
    "c^2 x' A x",
    "norm(A x)/norm(x)",
    "tanh(b' x)^2",
    "(x - b)' A (x - b)",
    "sum(x)",
    "sum(A x - b)^2",
    "sum(x' A)",
    "trace(A B)",
    "trace(A' B A) + x' x",
    "trace(A x x')",
    "2^(x' b)",
    "0.5 norm(x)^3",
];

const VECTORS: [&str; 10] = [
    "A x",
    "x' A",
    "A x + b",
    "0.5 A (x - b)",
    "(x' x) x",
    "x x' b",
    "x/norm(x)",
    "(b' x) A b",
    "A x/(1 + x' x)",
    "sum(x) x - A' x",
];

/// Gradients by vectors and matrices against reverse mode, at vectors of three numbers.
#[test]
fn printed_gradients_of_vectors_are_right() {
    for text in SCALARS.iter().chain(&VECTORS) {
        let formula = Formula::parse(text).unwrap();
        let matrix = MatrixFormula::new(&formula, guessed_kinds(&formula)).unwrap();
        for name in formula.variables() {
            let names = formula.variables().iter().map(String::as_str);
            let all: Vec<(&str, Tensor)> =
                names.chain(["I", "ones"]).map(|n| (n, leaf(n))).collect();
            let values: Vec<(&str, &Tensor)> = all.iter().map(|(n, x)| (*n, x)).collect();
            let f = |x: &Tensor| -> Result<Tensor, Error> {
                let values: Vec<(&str, &Tensor)> =
                    values.iter().map(|(n, y)| (*n, if n == name { x } else { y })).collect();
                Ok(formula.eval(&values).unwrap())
            };
            let Ok(slope) = matrix.gradient(name) else {
                assert!(VECTORS.contains(text) && name == "A", "{text} by {name}");
                continue;
            };
            // Its rows are the variable's elements, those of a Jacobian the value's.
            let expected = jacobian(f, &leaf(name)).unwrap();
            let expected = match VECTORS.contains(text) {
                true => expected.t(),
                false => expected,
            };
            let expected: Vec<f64> = expected.to_vec().unwrap();
            let eval = |text: &str| -> Vec<f64> {
                let again = Formula::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
                again.eval(&values).unwrap().to_vec().unwrap()
            };
            let near = |got: &[f64], printed: &str| {
                assert_eq!(got.len(), expected.len(), "{text}: ∇_{name} = {printed}");
                for (a, b) in got.iter().zip(&expected) {
                    assert!(close(*a, *b, 1e-12), "{text}: ∇_{name} = {printed}: {a} {b}");
                }
            };
            let node = slope.to_node();
            for printed in [node.to_string(), node.pretty()] {
                near(&eval(&printed), &printed);
            }
            if guessed_kinds(&formula)[name] == Kind::Vector {
                let steps = gradient_steps(&formula, &guessed_kinds(&formula), name).unwrap();
                check_steps(&steps, &eval);
            }
        }
    }
}

/// What each rule makes is the derivative.
fn check_steps(step: &Step, eval: &dyn Fn(&str) -> Vec<f64>) {
    let (made, value) = (step.filled().to_string(), step.value.to_string());
    let (a, b) = (eval(&made), eval(&value));
    let same = a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| close(*a, *b, 1e-12));
    assert!(same, "{}: {made} is not {value}: {a:?} {b:?}\n{step}", step.rule.name());
    step.parts.iter().for_each(|part| check_steps(part, eval));
}
