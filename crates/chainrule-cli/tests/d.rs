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
  digits         16
";
    assert_eq!(out, expected);
    let (_, out, _) = d(&["norm(A x - b)^2", "--wrt", "x", "--json"]);
    let object: Value = serde_json::from_str(&out).expect("one object");
    assert_eq!(object["derivatives"][0]["formula"], "2*A'*A*x - 2*A'*b");
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
        (&["x' A x", "--steps"], "formulas of numbers"),
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
