//! Formulas: what they mean, how they are printed, what is said about mistakes, and what happens to
//! texts that are no formulas at all.

mod hostile;
mod mistakes;

use std::f64::consts::{E, LN_2, PI, TAU};

use chainrule::formula::{Expr, Formula, Span};
use chainrule::prelude::*;
use chainrule::scalar::Dual;

const X: f64 = 0.7;
const Y: f64 = -1.3;
const T: f64 = 2.0;
const N: f64 = 3.0;

fn parse(text: &str) -> Formula {
    Formula::parse(text).unwrap_or_else(|e| panic!("{e}"))
}

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-14 * b.abs().max(1.0) || a == b || a.is_nan() && b.is_nan()
}

/// A text, its canonical text, and its value.
#[rustfmt::skip]
fn table() -> Vec<(&'static str, &'static str, f64)> {
    vec![
        // Sums, products, powers.
        ("3x^2 - 4x", "3*x^2 - 4*x", 3.0 * X * X - 4.0 * X),
        ("x y", "x*y", X * Y),
        ("2(x+1)", "2*(x + 1)", 2.0 * (X + 1.0)),
        ("(x)(y)", "x*y", X * Y),
        ("x(x+1)", "x*(x + 1)", X * (X + 1.0)),
        ("-x^2", "-x^2", -(X * X)),
        ("(-x)^2", "(-x)^2", X * X),
        ("2^3^2", "2^(3^2)", 512.0),
        ("(2^3)^2", "(2^3)^2", 64.0),
        ("x**2", "x^2", X * X),
        ("2^-x^2", "2^(-x^2)", (-(X * X)).exp2()),
        ("2*-x", "2*(-x)", -2.0 * X),
        ("-x y + -2", "-x*y + (-2)", -X * Y - 2.0),
        ("x - -y", "x - (-y)", X + Y),
        ("--x", "-(-x)", X),
        ("+x", "x", X),
        ("x - (y - t)", "x - (y - t)", X - (Y - T)),
        ("x - y - t", "x - y - t", X - Y - T),
        ("x/y/t*n", "x/y/t*n", X / Y / T * N),
        ("x/(y t)", "x/(y*t)", X / (Y * T)),
        ("x/2 y", "x/2*y", X / 2.0 * Y),
        ("(1+x)/(1-x)", "(1 + x)/(1 - x)", (1.0 + X) / (1.0 - X)),
        ("((((x))))", "x", X),
        // Numbers and constants.
        ("1e-3x + .5x + 5.x", "0.001*x + 0.5*x + 5*x", 5.501 * X),
        ("2e^x", "2*e^x", 2.0 * X.exp()),
        ("1e9/1000000 + 1000 + 0.001 + 1e-7", "1e9/1e6 + 1000 + 0.001 + 1e-7", 2000.0010001),
        ("e", "e", E),
        ("pi + π", "pi + pi", TAU),
        ("τ x", "tau*x", TAU * X),
        ("1/∞", "1/inf", 0.0),
        ("½x²", "0.5*x^2", 0.5 * X * X),
        // Functions and where their arguments end.
        ("sin x cos y", "sin(x)*cos(y)", X.sin() * Y.cos()),
        ("sin x y", "sin(x)*y", X.sin() * Y),
        ("sin(x)y", "sin(x)*y", X.sin() * Y),
        ("sin 2x", "sin(2*x)", (2.0 * X).sin()),
        ("sin 2πx", "sin(2*pi*x)", (TAU * X).sin()),
        ("sin 2(x+1)", "sin(2*(x + 1))", (2.0 * (X + 1.0)).sin()),
        ("sin 2cos x", "sin(2*cos(x))", (2.0 * X.cos()).sin()),
        ("sin -x", "sin(-x)", -X.sin()),
        ("sin x^2", "sin(x^2)", (X * X).sin()),
        ("sin(x)^2", "sin(x)^2", X.sin().powi(2)),
        ("sin^2 x", "sin(x)^2", X.sin().powi(2)),
        ("sin²(x)y", "sin(x)^2*y", X.sin().powi(2) * Y),
        ("sin^n x", "sin(x)^n", X.sin().powi(3)),
        ("sin⁻¹ x", "asin(x)", X.asin()),
        ("sin^-1 x", "asin(x)", X.asin()),
        ("ln 2 sin x", "ln(2)*sin(x)", LN_2 * X.sin()),
        ("ln x + log x + log_2 x + log₁₀ x", "ln(x) + ln(x) + log2(x) + log10(x)",
            2.0 * X.ln() + X.log2() + X.log10()),
        ("e^sin x", "e^sin(x)", X.sin().exp()),
        ("arctan x sec x", "atan(x)*sec(x)", X.atan() / X.cos()),
        ("csc x + cot x", "csc(x) + cot(x)", (1.0 + X.cos()) / X.sin()),
        ("max(x, y) + min(x, y, t)", "max(x, y) + min(x, y, t)", X + Y),
        ("atan2(y, x) hypot(x, y)", "atan2(y, x)*hypot(x, y)", Y.atan2(X) * X.hypot(Y)),
        ("logaddexp(x, y) + xlogy(x, t)", "logaddexp(x, y) + xlogy(x, t)",
            (X.exp() + Y.exp()).ln() + X * LN_2),
        ("norm(y) + sum(x) + dot(x, y)", "norm(y) + sum(x) + dot(x, y)", -Y + X + X * Y),
        // Bars and other brackets.
        ("|y|", "abs(y)", -Y),
        ("|x|y|t|", "abs(x)*y*abs(t)", X * Y * T),
        ("||x| - 1|", "abs(abs(x) - 1)", 1.0 - X),
        ("||y|| + ‖y‖", "norm(y) + norm(y)", -2.0 * Y),
        ("⌊y⌋ + ⌈x⌉", "floor(y) + ceil(x)", -1.0),
        ("x^{2n}", "x^(2*n)", X.powi(6)),
        // Raised and lowered characters, and other signs.
        ("e^(-x²/2)/sqrt(2π)", "e^(-x^2/2)/sqrt(2*pi)", (-X * X / 2.0).exp() / TAU.sqrt()),
        ("x⁻¹", "x^(-1)", 1.0 / X),
        ("xⁿ + x²ⁿ", "x^n + x^(2*n)", X.powi(3) + X.powi(6)),
        ("e⁻ˣ", "e^(-x)", (-X).exp()),
        ("2 × 3 ÷ 4 − 1·5", "2*3/4 - 1*5", -3.5),
        ("√2π", "sqrt(2)*pi", 2f64.sqrt() * PI),
        ("√x² + ∛x", "sqrt(x^2) + cbrt(x)", X + X.cbrt()),
        ("x'", "x'", X),
        // Conditions.
        ("{x^2 if x > 0; -x otherwise}", "{x^2 if x > 0; -x otherwise}", X * X),
        ("{1 if y > 0, 2 if y > -2, 3 else}", "{1 if y > 0; 2 if y > -2; 3 otherwise}", 2.0),
        ("{1 if x < 0}", "{1 if x < 0}", f64::NAN),
        ("if(x ≤ 0, x, -x)", "{x if x <= 0; -x otherwise}", -X),
        ("0 < x <= 1 and not y > 2 or t == 1", "0 < x <= 1 and not y > 2 or t = 1", 1.0),
        ("x ≠ y && y ≥ 2", "x != y and y >= 2", 0.0),
        ("2 (x > 0)", "2*(x > 0)", 2.0),
        ("x < y < 1", "x < y < 1", 0.0),
    ]
}

#[test]
fn formulas_mean_what_they_look_like() {
    let values = [("x", X), ("y", Y), ("t", T), ("n", N)];
    let tensors = values.map(|(name, x)| (name, Tensor::from(x)));
    let tensors: Vec<(&str, &Tensor)> = tensors.iter().map(|(name, x)| (*name, x)).collect();
    for (text, canonical, expected) in table() {
        let f = parse(text);
        assert_eq!(f.to_string(), canonical, "{text}");
        assert_eq!(parse(canonical), f, "{text}");
        let value = f.value(&values).unwrap_or_else(|e| panic!("{e}"));
        assert!(same(value, expected), "{text}: {value}, expected {expected}");
        let value = f.eval(&tensors).unwrap_or_else(|e| panic!("{e}")).item::<f64>().unwrap();
        assert!(same(value, expected), "{text} on tensors: {value}, expected {expected}");
    }
}

/// Numbers that carry derivatives through a formula find those of reverse mode.
#[test]
fn other_arithmetics() {
    for (text, _, expected) in table() {
        let f = parse(text);
        let [y, t, n] = [Y, T, N].map(Dual::<1>::constant);
        let given = [("x", Dual::variable(X, 0)), ("y", y), ("t", t), ("n", n)];
        let dual = f.eval_real(&y, &given).unwrap_or_else(|e| panic!("{e}"));
        assert!(same(dual.primal, expected), "{text}: {dual:?}, expected {expected}");
        let x = Tensor::from(X).requires_grad();
        let [y, t, n] = [Y, T, N].map(Tensor::from);
        let z = f.eval(&[("x", &x), ("y", &y), ("t", &t), ("n", &n)]).unwrap();
        let slope = grad(&z, &[&x]).map_or(0.0, |g| g[0].item::<f64>().unwrap());
        assert!(same(dual.tangent[0], slope), "{text}: {dual:?}, reverse mode has {slope}");
    }
    assert!(parse("[x, 1]").eval_real(&0.0, &[("x", 1.0)]).is_err());
}

#[test]
fn variables_and_declared_names() {
    assert_eq!(
        parse("y x_1 + x₁² μ_max + Ax + αβ").variables(),
        ["y", "x_1", "μ_max", "Ax", "α", "β"]
    );
    assert_eq!(parse("e pi sin(2)").variables(), [""; 0]);
    let with = |text, names| Formula::parse_with(text, names).unwrap().to_string();
    assert_eq!(with("xᵀAx + xy", &["x", "A", "y"]), "x'*A*x + x*y");
    assert_eq!(with("1/(2e) + sin xy²", &["e", "x", "y"]), "1/(2*e) + sin(x*y^2)");
    assert_eq!(with("min max(x, 1)", &["min", "x"]), "min*max(x, 1)");
    assert_eq!(with("mean + rate", &["rate", "r", "a", "t", "e", "mean"]), "mean + rate");
}

#[test]
fn vectors_and_matrices() {
    let x = Tensor::from([1.0, 2.0]);
    let y = Tensor::from([3.0, -1.0]);
    let a = Tensor::from([[2.0, 1.0], [0.0, 5.0]]);
    let value = |text: &str| -> (Vec<usize>, Vec<f64>) {
        let z = parse(text).eval(&[("x", &x), ("y", &y), ("A", &a)]);
        let z = z.unwrap_or_else(|e| panic!("{e}"));
        (z.shape().to_vec(), z.to_vec().unwrap())
    };
    let of = |shape: &[usize], numbers: &[f64]| (shape.to_vec(), numbers.to_vec());
    assert_eq!(value("x' A y"), of(&[], &[-5.0]));
    assert_eq!(value("A x"), of(&[2], &[4.0, 10.0]));
    assert_eq!(value("x'A"), of(&[2], &[2.0, 11.0]));
    assert_eq!(value("x·y"), of(&[], &[1.0]));
    assert_eq!(value("x'y"), of(&[], &[1.0]));
    assert_eq!(value("x y'"), of(&[2, 2], &[3.0, -1.0, 6.0, -2.0]));
    assert_eq!(value("x .* y"), of(&[2], &[3.0, -2.0]));
    assert_eq!(value("A A'"), of(&[2, 2], &[5.0, 5.0, 5.0, 25.0]));
    assert_eq!(value("A^2"), of(&[2, 2], &[4.0, 7.0, 0.0, 25.0]));
    assert_eq!(value("A.^2"), of(&[2, 2], &[4.0, 1.0, 0.0, 25.0]));
    assert_eq!(value("x^2 + 1/x"), of(&[2], &[2.0, 4.5]));
    assert_eq!(value("norm([3, 4])^2 + ‖[0, 4]‖² + ||[3, 4]||"), of(&[], &[46.0]));
    assert_eq!(value("[1, 2; 3, sum(y)] x"), of(&[2], &[5.0, 7.0]));
    assert_eq!(value("max(x, y) - min(y)"), of(&[2], &[4.0, 3.0]));
    assert_eq!(value("{x if x > 1; -x otherwise}"), of(&[2], &[-1.0, 2.0]));
    assert_eq!(value("trace(A) + prod(x) + mean(y) + var(x)"), of(&[], &[10.5]));
    let z = parse("x/3 + 0.1").eval(&[("x", &x.to_dtype(DType::F32))]).unwrap();
    assert_eq!(z.dtype(), DType::F32, "numbers take the tensors' type");
    let z = parse("x/2").eval(&[("x", &Tensor::from([1i64, 2]))]).unwrap();
    assert_eq!(z.to_vec::<f64>().unwrap(), [0.5, 1.0]);
}

#[test]
fn formulas_are_differentiated() {
    let x = Tensor::from(0.5).requires_grad();
    let y = parse("x^3 sin 2x + {x² if x > 0; 1/x otherwise}").eval(&[("x", &x)]).unwrap();
    let dy = grad(&y, &[&x]).unwrap().remove(0);
    let expected = 0.75 * 1f64.sin() + 0.25 * 1f64.cos() + 1.0;
    assert!(same(dy.item().unwrap(), expected));
    let a = Tensor::from([[2.0, 1.0], [0.0, 5.0]]);
    let x = Tensor::from([1.0, 2.0]).requires_grad();
    let y = parse("x' A x").eval(&[("x", &x), ("A", &a)]).unwrap();
    assert_eq!(grad(&y, &[&x]).unwrap()[0].to_vec::<f64>().unwrap(), [6.0, 21.0]);
}

/// Every function has a name, and the name leads back to it.
#[test]
fn functions_have_names() {
    use chainrule::formula::Function;
    for f in Function::all() {
        assert_eq!(Function::named(f.name()), Some(f), "{}", f.name());
        let arguments = if f.arguments().0 == 1 { "x" } else { "x, x" };
        let text = format!("{}({arguments})", f.name());
        assert_eq!(parse(&text).to_string(), text);
        let value = |t: &str| parse(&text).eval(&[("x", &Tensor::from(0.4))]).map(|_| t.len());
        if !matches!(f.name(), "softmax" | "trace") {
            value(&text).unwrap_or_else(|e| panic!("{e}"));
        }
    }
}

#[test]
fn places_are_counted_in_characters() {
    let f = parse("π² + sin(xy)");
    let Expr::Sum(first, rest) = f.root().expr() else { panic!("a sum") };
    assert_eq!(first.span(), Span { start: 0, end: 2 });
    assert_eq!(rest[0].1.span(), Span { start: 5, end: 12 });
    assert_eq!(Formula::parse("π² + ?").unwrap_err().span(), Span { start: 5, end: 6 });
}
