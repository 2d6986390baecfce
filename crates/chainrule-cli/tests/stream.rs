//! `chainrule fit --stream`: what it says is what is said of the same file in memory.

mod common;

use std::path::Path;

use serde_json::Value;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/");

fn fit(arguments: &[&str]) -> (i32, String, String) {
    let run = common::run(Path::new(DATA), &[&["fit"], arguments].concat());
    (run.code, run.out, run.err)
}

fn estimates(arguments: &[&str]) -> Vec<(String, f64, f64)> {
    let (code, out, err) = fit(&[arguments, &["--test-split", "0", "--json"]].concat());
    assert_eq!(code, 0, "{err}");
    let found: Value = serde_json::from_str(&out).expect("JSON");
    let parameters = found["parameters"].as_array().expect("parameters");
    let number = |p: &Value, key: &str| p[key].as_f64().unwrap_or(f64::NAN);
    let one = |p: &Value| (p["name"].to_string(), number(p, "estimate"), number(p, "std_error"));
    parameters.iter().map(one).collect()
}

#[test]
fn the_same_numbers_as_in_memory() {
    for (file, target, model) in [
        ("diabetes.csv", "progression", "linear"),
        ("diabetes.csv", "progression", "ridge:0.1"),
        ("diabetes.csv", "sex", "logistic"),
    ] {
        let usual = [file, "--target", target, "--model", model];
        let whole = estimates(&usual);
        let streamed = estimates(&[&usual[..], &["--stream"]].concat());
        assert_eq!(whole.len(), streamed.len());
        for (a, b) in whole.iter().zip(&streamed) {
            let close = |x: f64, y: f64| x.is_nan() && y.is_nan() || (x / y - 1.0).abs() < 1e-7;
            assert!(a.0 == b.0 && close(a.1, b.1) && close(a.2, b.2), "{model}: {a:?} {b:?}");
        }
    }
}

#[test]
fn what_needs_all_rows_says_so() {
    for (arguments, said) in [
        (&["diabetes.csv", "--target", "bp"][..], "add --model linear"),
        (&["co2.csv", "--target", "co2", "--model", "a + b*year"], "a formula needs all rows"),
        (
            &["diabetes.csv", "--target", "bp", "--model", "mlp:4", "--task", "number"],
            "leave --task out",
        ),
    ] {
        let (code, out, err) = fit(&[arguments, &["--stream"]].concat());
        assert!(code != 0 && out.is_empty() && err.contains(said), "{arguments:?}: {err}");
        assert_eq!(err.trim().lines().count(), 1, "{err}");
    }
}

/// What an option cannot do is not passed over in silence.
#[test]
fn options_of_other_models_are_refused() {
    for (arguments, said) in [
        (&["--model", "linear", "--optimizer", "sgd"][..], "--optimizer is for networks"),
        (
            &["--model", "ridge:1", "--epochs", "3", "--lr", "1"],
            "--epochs and --lr are for descents",
        ),
        (&["--start", "a=1"], "--start is for formulas"),
        (&["--early-stop", "3"], "--early-stop is for networks"),
    ] {
        let (code, out, err) = fit(&[&["diabetes.csv", "--target", "bp"], arguments].concat());
        assert!(code == 2 && out.is_empty() && err.contains(said), "{arguments:?}: {err}");
    }
}
