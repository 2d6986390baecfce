//! `chainrule d` as its users meet it.

use std::process::{Command, Stdio};

use serde_json::Value;

fn d(arguments: &[&str]) -> (i32, String, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_chainrule"))
        .arg("d")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the command starts");
    let text = |bytes| String::from_utf8(bytes).expect("the output is text");
    let (out, err) = (text(done.stdout), text(done.stderr));
    assert!(!err.contains("panicked"), "{err}");
    assert!(!out.contains('\x1b') && !err.contains('\x1b'), "no styles in a pipe");
    (done.status.code().expect("the command is not killed"), out, err)
}

#[test]
fn the_lecture() {
    let (code, out, err) = d(&["3x^2 - 4x", "--at", "x=1", "--steps", "--limit"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let expected = "\
f  = 3x² − 4x
f′ = 6x − 4

d/dx[3x² − 4x] = d/dx[3x²] − d/dx[4x]   sum rule
  d/dx[3x²] = 3 d/dx[x²]                constant multiple rule
    d/dx[x²] = 2x                       power rule
  = 6x
  d/dx[4x] = 4 d/dx[x]                  constant multiple rule
  = 4
= 6x − 4

at x = 1: f = -1
     formula   reverse mode   forward mode   differences   digits
f′         2              2              2             2       16

h         (f(x + h) − f(x))/h
0.10000   2.30000
0.01000   2.03000
0.00100   2.00300
0.00010   2.00030
0.00001   2.00003
";
    assert_eq!(out, expected);
}

#[test]
fn formulas() {
    for (formula, slope) in [
        ("x^x", "x^x (ln x + 1)"),
        ("e^(-x²/2)/√(2π)", "−x e^(−x²/2)/√(2π)"),
        ("x^2 sin x", "x² cos x + 2x sin x"),
        ("ln x", "1/x"),
        ("7", "0"),
    ] {
        let (code, out, _) = d(&[formula]);
        assert_eq!(code, 0);
        assert_eq!(out.lines().nth(1), Some(format!("f′ = {slope}").as_str()), "{formula}");
    }
    let (_, out, _) = d(&["e^(-x^2)", "--order", "2", "--latex"]);
    assert!(out.contains(r"f'' = e^{-x^{2}} \left(4 x^{2} - 2\right)"), "{out}");
}

#[test]
fn several_variables_as_json() {
    let (code, out, _) = d(&["x^2 y + e^(x y)", "--at", "x=1,y=2", "--order", "2", "--json"]);
    let object: Value = serde_json::from_str(&out).expect("one object");
    assert_eq!(code, 0);
    let e2 = 2f64.exp();
    let near = |value: &Value, expected: f64| {
        let value = value.as_f64().expect("a number");
        assert!((value - expected).abs() <= 1e-12 * expected.abs(), "{value} {expected}");
    };
    near(&object["value"], 2.0 + e2);
    near(&object["gradient"][0], 4.0 + 2.0 * e2);
    near(&object["hessian"][0][1], 2.0 + 3.0 * e2);
    near(&object["hessian"][1][0], 2.0 + 3.0 * e2);
    let first = &object["derivatives"][0];
    assert_eq!(first["wrt"], serde_json::json!(["x"]));
    assert_eq!(first["formula"], "2*x*y + y*e^(x*y)");
    assert_eq!(first["latex"], "2 x y + y e^{x y}");
    near(&first["value"], 4.0 + 2.0 * e2);
    near(&first["forward"], 4.0 + 2.0 * e2);
    assert!((first["numeric"].as_f64().unwrap() - (4.0 + 2.0 * e2)).abs() < 1e-7);
}

#[test]
fn vectors_and_matrices() {
    let (code, out, err) = d(&["x' A x", "--wrt", "x", "--at", "x=[1,2],A=[2,1;0,5]"]);
    assert_eq!((code, err.as_str()), (0, ""));
    let expected = "\
f     = x' A x
∇_x f = (A + A')x

at x = [1, 2], A = [2, 1; 0, 5]: f = 24
∇_x f
  formula        6, 21
  reverse mode   6, 21
  forward mode   6, 21
  differences    6, 21
  digits         16
";
    assert_eq!(out, expected);
    let (_, out, _) = d(&["norm(A x - b)^2", "--wrt", "x", "--json"]);
    let object: Value = serde_json::from_str(&out).expect("one object");
    assert_eq!(object["derivatives"][0]["formula"], "2*A'*A*x - 2*A'*b");
}

#[test]
fn long_derivatives_have_names() {
    let text = "e^(-(x^2+y^2)/2) sin(x^2+y^2)";
    let (code, out, _) = d(&[text, "--order", "2"]);
    let expected = "\
f        = e^(−(x² + y²)/2) sin(x² + y²)
∂f/∂x    = u (2x v − x w)
∂f/∂y    = u (2y v − y w)
∂²f/∂x²  = u (2v − 4x² v − 3x² w − w)
∂²f/∂x∂y = u (−4x y v − 3x y w)
∂²f/∂y²  = u (2v − 4y² v − 3y² w − w)
where
u        = e^(−x²/2 − y²/2)
v        = cos(x² + y²)
w        = sin(x² + y²)
";
    assert_eq!((code, out.as_str()), (0, expected));
    let (_, out, _) = d(&[text, "--order", "2", "--json"]);
    let object: Value = serde_json::from_str(&out).expect("one object");
    assert_eq!(object["where"][1]["latex"], r"\cos \left(x^{2} + y^{2}\right)");
    assert_eq!(object["derivatives"][0]["short"], "u*(2*x*v - x*w)");
    assert!(
        object["derivatives"][0]["formula"].as_str().is_some_and(|f| f.contains("cos(x^2 + y^2)"))
    );
    let (_, out, _) = d(&[text, "--order", "2", "--mathml"]);
    assert_eq!(out.lines().count(), 9, "f, five derivatives and three names");
    let (_, out, _) = d(&["u^2 e^(-(u^2+v^2)) sin(u^2+v^2) cos(u^2+v^2)"]);
    assert!(out.contains("where\nw ") && !out.contains("\nu "), "names are new ones: {out}");
}

#[test]
fn decimals_stay_decimals() {
    for (formula, slope) in
        [("0.1x^2", "0.2x"), ("x^2/10", "x/5"), ("x^3/3 + 0.25x", "x² + 0.25"), ("x^1.5", "1.5 √x")]
    {
        let (_, out, _) = d(&[formula]);
        assert_eq!(out.lines().nth(1), Some(format!("f′ = {slope}").as_str()), "{formula}");
    }
}

#[test]
fn vectors_have_jacobians() {
    let (code, out, _) = d(&["A x", "--wrt", "x", "--at", "A=[2,1;0,5;1,1],x=[1,2]", "--steps"]);
    let expected = "\
f     = A x
∇_x f = A'
∂f/∂x = A

∂f/∂x is the Jacobian; ∇_x f, its transpose, has a row for each element of x

∇_x[A x] = A'   ∇ A x = A'

at A = [2, 1; 0, 5; 1, 1], x = [1, 2]: f = [4, 10, 3]
∇_x f
  formula        2, 0, 1; 1, 5, 1
  reverse mode   2, 0, 1; 1, 5, 1
  forward mode   2, 0, 1; 1, 5, 1
  differences    2, 0, 1; 1, 5, 1
  digits         16
";
    assert_eq!((code, out.as_str()), (0, expected));
    let (_, out, _) = d(&["x' A", "--at", "x=[1,2],A=[2,1,3;0,5,4]", "--wrt", "x"]);
    assert!(out.contains("∇_x f = A\n") && out.contains("digits         16"), "{out}");
    let (_, out, _) = d(&["A x"]);
    assert!(out.contains("read as: A a matrix, x a vector"), "{out}");
    assert!(out.contains("the derivative by A has three axes"), "{out}");
    let (_, out, _) = d(&["A x", "--at", "A=2,x=3"]);
    assert!(out.contains("∂f/∂A = x"), "numbers, if the point says so: {out}");
    let (_, out, _) = d(&["A e^(-k x)"]);
    assert!(out.contains("∂f/∂A = e^(−k x)"), "no product of vectors: {out}");
    let (_, out, _) = d(&["(2 x' x - sum(x))^2", "--at", "x=[0,1,2,3]", "--order", "2"]);
    assert!(out.contains("formula        -44, 132, 308, 484"), "{out}");
    assert!(out.contains("ones is a vector of ones, as long as x"), "{out}");
}

#[test]
fn lists_have_jacobians() {
    let (code, out, _) = d(&["[x^2 y, 5x + sin y]", "--at", "x=1,y=2"]);
    let expected = "\
f = [x² y, 5x + sin y]
J = [2x y, x²; 5, cos y]

J has a row for each element of f and a column for each of x, y

at x = 1, y = 2: f = [2, 5.9092974]
J
  formula        4, 1; 5, -0.41614684
  reverse mode   4, 1; 5, -0.41614684
  digits         16
";
    assert_eq!((code, out.as_str()), (0, expected));
    let (_, out, _) = d(&["[x^2 y, 7]", "--wrt", "x", "--at", "x=1,y=2", "--json"]);
    let object: Value = serde_json::from_str(&out).expect("one object");
    assert_eq!(object["jacobian"], "[[2*x*y], [0]]");
    assert_eq!(object["reverse"], serde_json::json!([[4.0], [0.0]]));
}

#[test]
fn steps_of_several_variables() {
    let (code, out, _) = d(&["u^2 e^v", "--let", "u = x^2", "--let", "v = sin x", "--steps"]);
    let expected = "\
f  = u² e^v
u  = x²
v  = sin x
f′ = e^sin(x) (x⁴ cos x + 4x³)

d/dx[u² e^v] = ∂/∂u[u² e^v] d/dx[x²] + ∂/∂v[u² e^v] d/dx[sin x]   chain rule in several variables
";
    assert!(code == 0 && out.starts_with(expected), "{out}");
    let (_, out, _) = d(&["x^2 y", "--order", "2", "--steps"]);
    let expected = "
∇f = [∂f/∂x; ∂f/∂y]                          gradient: the partial derivatives
= [2x y; x²]
H = [∂²f/∂x², ∂²f/∂x∂y; ∂²f/∂x∂y, ∂²f/∂y²]   Hessian: the partial derivatives of the gradient
= [2y, 2x; 2x, 0]
";
    assert!(out.ends_with(expected), "{out}");
}

#[test]
fn points_without_a_derivative() {
    let (code, out, err) = d(&["|x|", "--at", "x=0"]);
    assert_eq!(code, 1);
    assert!(out.contains("f′ = sign x") && err.contains("has a kink at x = 0"), "{out}{err}");
    let (code, _, err) = d(&["ln x", "--at", "x=-1"]);
    assert!(code == 1 && err.contains("not defined at x = -1"), "{err}");
}

#[test]
fn misuse() {
    for (arguments, said) in [
        (&["(x"][..], "is not closed"),
        (&["x", "--wrt", "x,x"], "twice"),
        (&["x y", "--at", "x=1"], "`y` has no value"),
        (&["x y", "--at", "x=1,y=1", "--limit"], "--wrt"),
        (&["x", "--limit"], "--at"),
        (&["x", "--order", "0"], "--order"),
        (&["a b c d e f g", "--order", "8"], "up to 100"),
        (&["x' A x", "--limit", "--at", "x=[1,2],A=[2,1;0,5]"], "formulas of numbers"),
        (&["A x", "--wrt", "A"], "more than two axes"),
        (&["u v", "--let", "u=x+"], "the formula ends"),
        (&["u v", "--let", "u"], "names nothing"),
        (&["u v", "--let", "u=u+1"], "stands for itself"),
        (&["u v", "--let", "u=x", "--at", "u=1"], "more than one meaning"),
        (&["[x, y]", "--order", "2"], "the Jacobian"),
        (&["sin(A x)' x"], "`chainrule check`"),
        (&["x' A x", "--wrt", "z"], "the variables are x, A"),
    ] {
        let (code, out, err) = d(arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?} {err}");
        assert!(err.contains(said), "{arguments:?} {err}");
    }
}

#[test]
fn pictures() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name).display().to_string();
    let read = |name: &str| std::fs::read(folder.path().join(name)).expect("a picture");
    for kind in ["derivative", "secants", "error"] {
        let name = format!("{kind}.svg");
        let (code, _, err) =
            d(&["sin x", "--at", "x=1", "--plot", &file(&name), "--plot-kind", kind]);
        assert_eq!((code, err.as_str()), (0, ""), "{kind}");
        let picture = String::from_utf8(read(&name)).expect("text");
        assert!(picture.contains("f(x) = sin x") && picture.ends_with("</svg>\n"), "{kind}");
    }
    let (code, ..) =
        d(&["x y^2", "--at", "x=1,y=2", "--wrt", "y", "--plot", &file("p.PNG"), "--dark"]);
    assert_eq!((code, &read("p.PNG")[..4]), (0, &b"\x89PNG"[..]));
    let plot = file("q.svg");
    for (arguments, sentence) in [
        (vec!["x y", "--at", "x=1,y=2", "--plot", &plot], "needs one variable"),
        (vec!["x", "--at", "x=1", "--plot", "q.gif"], "end the name in .svg or .png"),
        (vec!["x", "--at", "x=1", "--plot", &plot, "--range", "5:1"], "is no range"),
        (vec!["x' x", "--at", "x=[1,2]", "--plot", &plot], "functions of one number"),
    ] {
        let (code, _, err) = d(&arguments);
        assert!(code == 2 && err.contains(sentence), "{arguments:?}: {err}");
    }
    assert!(!folder.path().join("q.svg").exists(), "what fails writes nothing");
    let (code, ..) = d(&["|x|", "--at", "x=0", "--plot", &plot]);
    assert!(code == 1 && !folder.path().join("q.svg").exists(), "no tangent at a kink");
}

#[test]
fn web_pages() {
    let (code, out, _) = d(&["3x^2 - 4x", "--mathml"]);
    assert_eq!((code, out.lines().count()), (0, 2));
    assert!(out.lines().all(|line| line.starts_with("<math") && line.ends_with("</math>")));
}
