//! Formulas on the command line: `fit --model` and `predict` as their users meet them.

mod common;

use std::path::Path;

use common::Run;
use serde_json::Value;
use tempfile::TempDir;

/// Runs the command in a folder with the tables of this file.
fn run(folder: &TempDir, arguments: &[&str]) -> Run {
    common::run(folder.path(), arguments)
}

/// NIST's data of a problem of one predictor, as a table.
fn nist(folder: &TempDir, name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/nist/nonlinear");
    let text = std::fs::read_to_string(path.join(format!("{name}.dat"))).expect("the data");
    let mut table = String::from("y,x\n");
    for line in text.lines().skip(60) {
        let row: Vec<&str> = line.split_whitespace().collect();
        if let [y, x] = row[..] {
            table += &format!("{y},{x}\n");
        }
    }
    std::fs::write(folder.path().join(format!("{name}.csv")), table).expect("a file is written");
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for name in ["Misra1a", "Rat43", "ENSO", "Eckerle4", "MGH17"] {
        nist(&folder, name);
    }
    let rows = "x,y,w,temperature\n0,1.1,1,3\n1,2.9,2,5\n2,5.2,0,4\n3,6.9,1,\n4,9,1,8\n";
    std::fs::write(folder.path().join("t.csv"), rows).expect("a file is written");
    folder
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.out).unwrap_or_else(|e| panic!("{e}: {}{}", run.out, run.err))
}

const ENSO: &str = "b1 + b2*cos(2π x/12) + b3*sin(2π x/12) + b5*cos(2π x/b4) + b6*sin(2π x/b4) \
                    + b8*cos(2π x/b7) + b9*sin(2π x/b7)";

/// Without any start the certified sums of squares are found.
#[test]
fn no_start_is_needed() {
    let folder = folder();
    for (name, model, rss) in [
        ("Misra1a", "b1*(1 - exp(-b2 x))", 1.245_513_889_4e-1),
        ("Rat43", "b1/(1 + exp(b2 - b3 x))^(1/b4)", 8.786_404_908_0e3),
        ("Eckerle4", "y ~ b1/b2*exp(-((x - b3)/b2)²/2)", 1.463_588_748_7e-3),
        ("MGH17", "y = b1 + b2*exp(-x*b4) + b3*exp(-x*b5)", 5.464_894_697_5e-5),
        ("ENSO", ENSO, 7.885_397_866_8e2),
    ] {
        let data = format!("{name}.csv");
        let arguments =
            ["fit", &data, "--target", "y", "--model", model, "--test-split", "0", "--json"];
        let run = run(&folder, &arguments);
        assert_eq!(run.code, 0, "{name}: {}", run.err);
        let object = json(&run);
        let found = object["rss"].as_f64().expect("a number");
        assert!((found / rss - 1.0).abs() < 1e-9, "{name}: {found}");
        assert_eq!(object["outcome"], "converged");
        assert_eq!(object["rows"]["test"], 0);
    }
}

/// NIST certifies 2.3894212918E+02 ± 2.7070075241E+00 and 5.5015643181E-04 ± 7.2668688436E-06.
#[test]
fn the_main_job() {
    let folder = folder();
    let model = "b1*(1-exp(-b2*x))";
    let fit = ["fit", "Misra1a.csv", "--target", "y", "--model", model, "--test-split", "0"];
    let start = ["--start", "b1=500,b2=1e-4", "--out", "m.safetensors"];
    let first = run(&folder, &[&fit[..], &start].concat());
    assert_eq!((first.code, first.err.as_str()), (0, ""));
    for said in
        ["Misra1a.csv: 14 rows", "y ≈ b1*(1 - exp(-b2*x))", "238.942", "2.707", "5.50156", "-0.999"]
    {
        let digits = said == "5.50156" && first.out.contains("0.000550156");
        assert!(digits || first.out.contains(said), "{said}: {}", first.out);
    }
    assert!(first.out.contains("The model is in m.safetensors"));
    assert!(!first.out.contains("many starts"), "{}", first.out);

    let predicted = run(&folder, &["predict", "m.safetensors", "Misra1a.csv"]);
    assert_eq!(predicted.code, 0);
    let mut lines = predicted.out.lines();
    assert_eq!(lines.next(), Some("row,predicted,low,high,observed"));
    for line in lines {
        let row: Vec<f64> = line.split(',').map(|x| x.parse().expect("a number")).collect();
        assert!(row[2] < row[1] && row[1] < row[3] && row[2] < row[4] && row[4] < row[3], "{line}");
    }
    assert!(predicted.err.contains("R² 0.99998"), "{}", predicted.err);
    let object = json(&run(&folder, &["predict", "m.safetensors", "Misra1a.csv", "--json"]));
    assert_eq!(object["predictions"].as_array().map(Vec::len), Some(14));
    assert_eq!(object["confidence_bands"][0].as_array().map(Vec::len), Some(2));

    let other = run(&folder, &["predict", "m.safetensors", "t.csv"]);
    assert_eq!(other.code, 0, "t.csv has a column x as well: {}", other.err);
}

#[test]
fn a_file_that_was_tampered_with_is_refused() {
    let folder = folder();
    let fit = ["fit", "t.csv", "--target", "y", "--model", "a*x + b", "--out", "m.safetensors"];
    assert_eq!(run(&folder, &fit).code, 0);
    let path = folder.path().join("m.safetensors");
    let bytes = std::fs::read(&path).expect("the model");
    let at = bytes.windows(7).position(|w| w == b"a*x + b").expect("the formula is in the header");
    for formula in [b"a*x + c", b"a*x + (", b"[a,x,b]"] {
        let mut bytes = bytes.clone();
        bytes[at..at + 7].copy_from_slice(formula);
        std::fs::write(&path, bytes).expect("a file is written");
        let run = run(&folder, &["predict", "m.safetensors", "t.csv"]);
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{}", run.err);
        assert!(run.err.contains("is not a model of `chainrule fit`"), "{}", run.err);
    }
}

#[test]
fn weights_bounds_losses_and_methods_reach_the_solver() {
    let folder = folder();
    let fit =
        ["fit", "t.csv", "--target", "y", "--model", "a*x + b", "--test-split", "0", "--json"];
    let with = |more: &[&str]| json(&run(&folder, &[&fit[..], more].concat()));
    let plain = with(&[]);
    assert!((plain["parameters"][0]["estimate"].as_f64().unwrap() - 1.98).abs() < 1e-12);
    let weighted = with(&["--weights", "w"]);
    assert_eq!(weighted["degrees_of_freedom"], 2);
    let bounded = with(&["--bounds", "a=:1.5"]);
    assert_eq!(bounded["parameters"][0]["estimate"], 1.5);
    assert!(bounded["parameters"][0]["std_error"].is_null());
    assert_eq!(bounded["at_bound"][0], "a");
    let robust = with(&["--loss", "huber:0.1", "--start", "a=1,b=1", "--method", "dogleg"]);
    assert_eq!(robust["loss"]["scale"], 0.1);
    assert!(robust["aic"].is_null());
    let wide = with(&["--confidence", "0.5"])["parameters"][0]["interval"].clone();
    let narrow = plain["parameters"][0]["interval"][0].as_f64().unwrap();
    assert!(wide[0].as_f64().unwrap() > narrow);
}

#[test]
fn what_the_data_cannot_tell_is_said() {
    let folder = folder();
    let fit = ["fit", "t.csv", "--target", "y", "--model", "a*b*x + c", "--test-split", "0"];
    let run = run(&folder, &fit);
    assert_eq!(run.code, 0);
    assert!(run.err.contains("warning: the data do not determine a and b apart"), "{}", run.err);
    assert!(run.out.contains('–'));
}

#[test]
fn rows_without_numbers_take_no_part() {
    let folder = folder();
    let fit = ["fit", "t.csv", "--target", "y", "--model", "a*temperature", "--test-split", "0"];
    let run = run(&folder, &fit);
    assert!(run.out.contains("t.csv: 4 rows to train on"), "{}", run.out);
    assert!(run.err.contains("1 row lacks a number"), "{}", run.err);
}

#[test]
fn misuse_says_what_and_where() {
    let folder = folder();
    for (code, arguments, said) in [
        (1, &["--target", "z", "--model", "a*x"][..], "has no column \"z\""),
        (2, &["--target", "y", "--model", "2*x"], "no parameter"),
        (2, &["--target", "y", "--model", "a*(x"], "\n  a*(x\n    ^"),
        (2, &["--target", "y", "--model", "a*sqr(x)"], "did you mean `sqrt`?"),
        (2, &["--target", "y", "--model", "a + foo"], "uses no column of t.csv; there are x, w"),
        (2, &["--target", "y", "--model", "a*x + y"], "uses the target `y`"),
        (2, &["--target", "y", "--model", "z ~ a*x"], "the target, `y`"),
        (2, &["--target", "y", "--model", "[a, x]"], "one that gives one"),
        (2, &["--target", "y", "--model", "a*x", "--features", "x"], "leave --features out"),
        (2, &["--target", "y", "--model", "a*x", "--start", "a=nan"], "finite number"),
        (1, &["--target", "y", "--model", "a*x", "--start", "c=1"], "no parameter of the formula"),
        (1, &["--target", "y", "--model", "a*x+b", "--start", "a=1"], "no value for `b`"),
        (1, &["--target", "y", "--model", "a*x", "--start", "a=1,a=2"], "gives `a` twice"),
        (2, &["--target", "y", "--model", "a*x", "--bounds", "a=2:1"], "lower bound comes first"),
        (2, &["--target", "y", "--model", "a*x", "--loss", "l2"], "it is linear, huber"),
        (1, &["--target", "y", "--model", "a*x", "--weights", "v"], "has no column \"v\""),
        (1, &["--target", "y", "--model", "a*ln(x-99)"], "finite at none of the start values"),
        (1, &["--target", "y", "--model", "a*ln(x-99)", "--start", "a=1"], "observation 1; begin"),
        (1, &["--target", "y", "--model", "a*x+b*x²+c*x³+d*x^4+f"], "add rows, or test on fewer"),
    ] {
        let run = run(&folder, &[&["fit", "t.csv"], arguments].concat());
        assert_eq!((run.code, run.out.as_str()), (code, ""), "{arguments:?}: {}", run.err);
        assert!(run.err.contains(said), "{arguments:?}: {}", run.err);
    }
    let fit = ["fit", "t.csv", "--target", "y", "--model", "a*x + temprature"];
    let run = run(&folder, &fit);
    assert!(run.err.contains("did you mean the column temperature?"), "{}", run.err);
    let run = self::run(&folder, &["fit", "t.csv", "--target", "y", "--model", "d*x + e*e^(-x)"]);
    assert!(run.err.contains("`e` is the number 2.718"), "{}", run.err);
}
