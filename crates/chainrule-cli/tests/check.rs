//! `chainrule check` as its users meet it.

use std::process::{Command, Stdio};

use serde_json::Value;

/// What one run left.
struct Run {
    code: i32,
    out: String,
    err: String,
}

fn check(arguments: &[&str]) -> Run {
    let done = Command::new(env!("CARGO_BIN_EXE_chainrule"))
        .arg("check")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the command starts");
    let text = |bytes| String::from_utf8(bytes).expect("the output is text");
    let code = done.status.code().expect("the command is not killed");
    let run = Run { code, out: text(done.stdout), err: text(done.stderr) };
    assert!(!run.err.contains("panicked"), "{}", run.err);
    assert!(!run.out.contains('\x1b') && !run.err.contains('\x1b'), "no styles in a pipe");
    run
}

/// The object that `--json` prints, and the exit code.
fn json(arguments: &[&str]) -> (Value, i32) {
    let run = check(&[arguments, &["--json"]].concat());
    let object = serde_json::from_str(&run.out);
    (object.unwrap_or_else(|e| panic!("one JSON object: {e}\n{}", run.err)), run.code)
}

#[test]
fn the_table() {
    let run = check(&["3x^2 - 4x", "--at", "x=2"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    let expected = "\
f = 3*x^2 - 4*x
  = 4 at x = 2

          reverse mode   forward mode   differences   digits
∂f/∂x                8              8             8       16
∂²f/∂x²              6              6             6       16

both derivatives agree to all digits
";
    assert_eq!(run.out, expected);
}

/// Formulas that are smooth at the point, in one and several variables, with vectors, at points
/// that are large, small, or near to where they are not smooth.
#[test]
fn smooth_formulas_agree() {
    for (formula, at) in [
        ("sin(x y)/y", "x=1,y=pi/3"),
        ("-x^2", "x=-1"),
        ("e^(-x²/2)/√(2π)", "x=0.3"),
        ("sin x", "x=0"),
        ("cos x", "x=0"),
        ("x^3", "x=0"),
        ("0 x + 3", "x=1"),
        ("x^x ln x", "x=1.5"),
        ("e^(x^2)", "x=10"),
        ("ln x", "x=1e-9"),
        ("sin(1/x)", "x=1e-4"),
        ("1/x", "x=-1e6"),
        ("1e10 + sin x", "x=1"),
        ("|x| + relu(x)", "x=1e-4"),
        ("{x^2 if x > 0; -x otherwise}", "x=-2"),
        ("atan2(y, x) + hypot(x, y)", "x=-1,y=1e-3"),
        ("lgamma(x) + erf x + digamma(x)", "x=3.3"),
        ("x' A x + ‖x‖²", "x=[1,2],A=[2,1;0,5]"),
        ("sum(softmax(x) .* [1, 2, 3])", "x=[1,2,0.5]"),
        ("xy + min max", "x=2,y=3,min=1,max=2"),
    ] {
        let run = check(&[formula, "--at", at]);
        assert_eq!(run.code, 0, "{formula}: {}{}", run.out, run.err);
    }
}

#[test]
fn json_has_everything() {
    let (all, code) = json(&["x^2 sin y", "--at", "x=1,y=2"]);
    assert_eq!(code, 0);
    assert_eq!(all["formula"], "x^2*sin(y)");
    assert_eq!(all["at"], serde_json::json!({"x": 1.0, "y": 2.0}));
    assert_eq!((&all["agrees"], &all["problem"]), (&Value::Bool(true), &Value::Null));
    let rows = all["derivatives"].as_array().expect("rows");
    let names: Vec<&str> = rows.iter().filter_map(|r| r["name"].as_str()).collect();
    assert_eq!(names, ["∂f/∂x", "∂f/∂y", "∂²f/∂x²", "∂²f/∂x∂y", "∂²f/∂y²"]);
    assert_eq!(rows[3]["wrt"], serde_json::json!(["x", "y"]));
    let expected = 2.0 * 2f64.cos();
    for way in ["reverse", "forward", "differences"] {
        assert!((rows[3][way].as_f64().expect("a number") - expected).abs() < 1e-9);
    }
    assert!(rows.iter().all(|r| r["digits"].as_u64().is_some_and(|d| d > 9)));

    let (all, _) = json(&["x' A x", "--at", "x=[1,2],A=[2,1;0,5]", "--wrt", "x", "--order", "1"]);
    assert_eq!(all["at"]["A"], serde_json::json!([[2.0, 1.0], [0.0, 5.0]]));
    assert_eq!(all["derivatives"].as_array().map(Vec::len), Some(2));
    assert_eq!(all["derivatives"][1]["name"], "∂f/∂x[1]");
}

/// Where there is no derivative, a sentence says so and the exit code is 1.
#[test]
fn points_without_a_derivative() {
    for (formula, at, said) in [
        ("|x|", "x=0", "the formula has a kink at x = 0, where its slope by x goes from -1 to 1"),
        ("max(x, y)", "x=1,y=1", "a kink at x = 1, y = 1, where its slope by x goes from 0 to 1"),
        ("norm(x)", "x=[0,0]", "no derivative by x[0]"),
        ("relu(x)^2", "x=0", "the slope ∂f/∂x has a kink at x = 0"),
        ("x|x|", "x=0", "no second derivative by x"),
        ("floor x", "x=2", "jumps or is infinitely steep"),
        ("cbrt x", "x=0", "∂f/∂x is infinite at x = 0"),
        ("x|y|", "x=0,y=0", "the slope ∂f/∂x has a kink at x = 0, y = 0"),
        ("sqrt x", "x=0", "the formula is not defined on both sides of x = 0"),
        ("2 ln x + 1", "x=-1", "`ln(x)` is not defined at x = -1"),
        ("1 + 1/x", "x=0", "`1/x` is infinite at x = 0"),
        ("{x if x > 0}", "x=-1", "the formula is not defined at x = -1"),
    ] {
        let run = check(&[formula, "--at", at]);
        assert_eq!(run.code, 1, "{formula}: {}", run.out);
        assert!(run.err.starts_with("error: ") && run.err.lines().count() == 1, "{}", run.err);
        assert!(run.err.contains(said), "{formula}: {}", run.err);
        let (all, code) = json(&[formula, "--at", at]);
        assert_eq!((code, &all["agrees"]), (1, &Value::Bool(false)));
        assert!(all["problem"].as_str().is_some_and(|p| p.contains(said)), "{all}");
    }
    // The first derivative is there, and agrees.
    assert_eq!(check(&["relu(x)^2", "--at", "x=0", "--order", "1"]).code, 0);
}

/// Steps of a staircase: reverse mode sees a step, differences see the stairs.
#[test]
fn disagreement() {
    let run = check(&["trunc(1e9 x)/1e9 + 0.001x", "--at", "x=0.3000000005", "--order", "1"]);
    assert_eq!(run.code, 1, "{}", run.out);
    assert!(run.out.contains("differs"), "{}", run.out);
    assert!(run.err.contains("∂f/∂x does not agree within the tolerance of 1e-6"), "{}", run.err);
}

#[test]
fn misuse() {
    for (arguments, said) in [
        (&["x +", "--at", "x=1"][..], "x +\n     ^"),
        (&["x^2"], "at which point? Give one, such as --at x=1"),
        (&["x^2 y", "--at", "x=1"], "`y` has no value"),
        (&["x^2", "--at", "x=1,z=2"], "the formula has no variable `z`; it has x"),
        (&["x^2", "--at", "x"], "`x` gives no value; write it as --at x=1,y=2"),
        (&["x^2", "--at", "2=x"], "`2` is no name of a variable"),
        (&["x^2", "--at", "x=1,x=2"], "--at gives `x` twice"),
        (&["x^2", "--at", "x=1e400"], "this number is too large"),
        (&["x^2", "--at", "x=a"], "`a` has no value"),
        (&["3", "--at", "x=1"], "the formula has no variable"),
        (&["x > 1", "--at", "x=1"], "the formula is true or false"),
        (&["f(x) = x^2", "--at", "x=1"], "write only what stands right of `=`: x^2"),
        (&["2x", "--at", "x=[1,2]"], "the formula gives 2 numbers, of shape [2]"),
        (&["x + y", "--at", "x=[1,2],y=[1,2,3]"], "shapes do not broadcast in `add`\n  x + y"),
        (&["x^2", "--at", "x=1", "--wrt", "y"], "--wrt names `y`; the variables are x"),
        (&["x^2", "--at", "x=1", "--wrt", "x,x"], "--wrt names a variable twice"),
        (&["x^2", "--at", "x=1", "--order", "3"], "--order"),
        (&["x^2", "--at", "x=1", "--tolerance", "0"], "such as 1e-6"),
        (&[], "FORMULA"),
    ] {
        let run = check(arguments);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{arguments:?}: {}", run.err);
        assert!(run.err.contains(said), "{arguments:?}: {}", run.err);
        assert!(!run.err.contains(".rs:"), "{arguments:?}: {}", run.err);
    }
}

#[test]
fn help_has_examples() {
    let run = check(&["--help"]);
    assert_eq!(run.code, 0);
    for line in run.out.lines().filter(|line| line.starts_with("  chainrule check")) {
        // The examples do what they promise.
        let words = line.trim_start_matches("  chainrule check ");
        let (mut all, mut quoted) = (vec![String::new()], false);
        for c in words.chars() {
            match c {
                '"' => quoted = !quoted,
                ' ' if !quoted => all.push(String::new()),
                c => all.last_mut().expect("a word").push(c),
            }
        }
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        assert_eq!(check(&all).code, 0, "{line}");
    }
    assert_eq!(run.out.matches("  chainrule check").count(), 3, "{}", run.out);
}

/// Long and deep arguments are refused or checked in little time.
#[test]
fn hostile_arguments() {
    let deep = "(".repeat(50_000);
    assert_eq!(check(&[&deep, "--at", "x=1"]).code, 2);
    let sum = "x+".repeat(2_000) + "x";
    let run = check(&[&sum, "--at", "x=1", "--order", "1"]);
    assert!(run.code == 0 && run.out.len() < 1000, "{}", run.out);
    let many: Vec<String> = (0..101).map(|i| i.to_string()).collect();
    let run = check(&["sum(x)", "--at", &format!("x=[{}]", many.join(","))]);
    assert!(run.code == 2 && run.err.contains("101 numbers to differentiate by"), "{}", run.err);
    let run = check(&["x + \u{1b}[31m", "--at", "x=1"]);
    assert!(run.code == 2 && run.err.contains(r"\u{1b}"), "{}", run.err);
}
