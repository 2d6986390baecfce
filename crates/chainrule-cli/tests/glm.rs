//! Generalised linear models on the command line: reports, files, predictions, refusals.

mod common;

use std::fs;
use std::path::Path;

use common::{Run, run};
use serde_json::Value;

fn json(run: &Run) -> Value {
    assert_eq!(run.code, 0, "{}", run.err);
    serde_json::from_str(&run.out).expect("one JSON object")
}

fn data(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data").join(name);
    path.to_str().expect("the path is text").to_string()
}

fn number(value: &Value, path: &str) -> f64 {
    value.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path} in {value}"))
}

const FEW: &str = "mean_radius,mean_texture,mean_smoothness";

#[test]
fn a_logistic_report() {
    let folder = tempfile::tempdir().unwrap();
    let path = data("breast_cancer.csv");
    let fit = ["fit", &path, "--target", "diagnosis", "--model", "logistic", "--features", FEW];
    let text = run(folder.path(), &fit);
    assert_eq!((text.code, text.err.as_str()), (0, ""));
    for part in [
        "455 rows to train on, 114 to test on (seed 0)",
        "log-odds of diagnosis being malignant, not benign",
        "estimate   std. error",
        "95 % from",
        "<0.0001",
        "ROC AUC",
        "→ benign   → malignant",
        "converged in ",
    ] {
        assert!(text.out.contains(part), "{part}: {}", text.out);
    }
    let all = json(&run(folder.path(), &[&fit[..], &["--json"]].concat()));
    let first = &all["parameters"][0];
    assert_eq!(
        (first["name"].as_str(), first["class"].as_str()),
        (Some("mean_radius"), Some("malignant"))
    );
    let (estimate, error) = (number(first, "/estimate"), number(first, "/std_error"));
    assert!((number(first, "/z") - estimate / error).abs() < 1e-12);
    assert!(number(first, "/p") < 1e-4);
    let width = number(first, "/interval/1") - number(first, "/interval/0");
    // 2 · 1.959964 standard errors.
    assert!((width / error - 3.919_927_969).abs() < 1e-8);
    assert_eq!(
        (all["outcome"].as_str(), all["rows"]["train"].as_u64()),
        (Some("converged"), Some(455))
    );
    assert!(number(&all, "/iterations") < 12.0 && number(&all, "/seconds") > 0.0);
    assert!(number(&all, "/deviance") < number(&all, "/null_deviance"));
    assert!(
        number(&all, "/metrics/train/accuracy") > 0.9
            && number(&all, "/metrics/test/roc_auc") > 0.95
    );
    assert_eq!(all["warnings"].as_array().map(Vec::len), Some(0));
}

#[test]
fn separation_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = data("breast_cancer.csv");
    let fit = ["fit", &path, "--target", "diagnosis", "--model", "logistic", "--json"];
    let done = run(folder.path(), &fit);
    let all = json(&done);
    assert_eq!(all["outcome"], "separated");
    assert_eq!(all["parameters"][0]["std_error"], Value::Null);
    assert!(
        done.err.contains("separate the classes") && done.err.contains("--ridge"),
        "{}",
        done.err
    );
    let done = run(folder.path(), &[&fit[..], &["--ridge", "0.01"]].concat());
    let all = json(&done);
    assert_eq!((all["outcome"].as_str(), done.err.as_str()), (Some("converged"), ""));
    assert!(number(&all, "/metrics/test/accuracy") > 0.95);
    assert_eq!(number(&all, "/penalty"), 0.01);
}

/// Fitted on everything, the report's numbers are those of statsmodels (tests/golden/glm.json).
#[test]
fn least_squares_with_inference() {
    let folder = tempfile::tempdir().unwrap();
    let path = data("diabetes.csv");
    let fit = ["fit", &path, "--target", "progression", "--test-split", "0", "--json", "--model"];
    let all = json(&run(folder.path(), &[&fit[..], &["linear"]].concat()));
    let bmi = &all["parameters"][2];
    assert!((number(bmi, "/estimate") - 5.602_962).abs() < 1e-5);
    assert!((number(bmi, "/t") - 7.813).abs() < 1e-3, "{bmi}");
    assert!((number(&all, "/metrics/train/r2") - 0.517_748).abs() < 1e-5);
    assert_eq!(all["metrics"]["test"]["r2"], Value::Null);
    let least = number(&all, "/rss");
    let ridge = json(&run(folder.path(), &[&fit[..], &["ridge:0.1"]].concat()));
    let lasso = json(&run(folder.path(), &[&fit[..], &["lasso:2"]].concat()));
    for penalised in [&ridge, &lasso] {
        assert!(number(penalised, "/rss") > least);
        assert_eq!(penalised["parameters"][2]["std_error"], Value::Null);
    }
    assert_eq!(number(&lasso, "/parameters/0/estimate"), 0.0);
    assert!(ridge["parameters"].as_array().unwrap().iter().all(|p| number(p, "/estimate") != 0.0));
}

#[test]
fn a_saved_classifier_predicts() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::from("size,colour,kind\n");
    for i in 0..90 {
        let (size, colour) = ((i * 7) % 13, ["red", "green"][i % 2]);
        let kind = ["small, round", "large", "odd"][(size + i % 5) / 6];
        text += &format!("{size},{colour},\"{kind}\"\n");
    }
    fs::write(folder.path().join("t.csv"), text).unwrap();
    let fit = ["fit", "t.csv", "--target", "kind", "--model", "softmax", "--out", "m", "--json"];
    let fitted = json(&run(folder.path(), &fit));
    assert_eq!(fitted["classes"].as_array().map(Vec::len), Some(3));
    assert_eq!(fitted["parameters"].as_array().map(Vec::len), Some(6));
    let all = json(&run(folder.path(), &["predict", "m", "t.csv", "--json"]));
    assert_eq!(all["predictions"].as_array().map(Vec::len), Some(90));
    let p = all["probabilities"][4].as_array().unwrap();
    let sum: f64 = p.iter().map(|p| p.as_f64().unwrap()).sum();
    assert!(p.len() == 3 && (sum - 1.0).abs() < 1e-12);
    let share = |path: &str, of: &Value| number(of, path);
    let (train, test) =
        (share("/metrics/train/accuracy", &fitted), share("/metrics/test/accuracy", &fitted));
    let both = (train * 72.0 + test * 18.0) / 90.0;
    assert!((share("/metrics/accuracy", &all) - both).abs() < 1e-12);

    let lines = run(folder.path(), &["predict", "m", "t.csv"]);
    let head = "row,predicted,p(large),p(odd),\"p(small, round)\",observed\n1,";
    assert!(lines.out.starts_with(head), "{}", lines.out);
    assert!(lines.err.contains("accuracy"), "{}", lines.err);
    let saved = run(folder.path(), &["predict", "m", "t.csv", "--out", "p.csv"]);
    assert_eq!(saved.out, "90 predictions in p.csv\n");
    assert_eq!(fs::read_to_string(folder.path().join("p.csv")).unwrap(), lines.out);

    // Damaged files are refused in a sentence.
    let bytes = fs::read(folder.path().join("m")).unwrap();
    fs::write(folder.path().join("cut"), &bytes[..bytes.len() / 2]).unwrap();
    let cut = run(folder.path(), &["predict", "cut", "t.csv"]);
    assert!(cut.code == 1 && cut.err.contains("cut is not a model"), "{}", cut.err);
}

#[test]
fn counts() {
    let folder = tempfile::tempdir().unwrap();
    let rows: String =
        (0..60).map(|i| format!("{},{}\n", i % 6, [1, 3, 2, 5, 8, 13][i % 6])).collect();
    fs::write(folder.path().join("t.csv"), format!("x,n\n{rows}")).unwrap();
    let fit = ["fit", "t.csv", "--target", "n", "--model", "poisson", "--out", "m"];
    let done = run(folder.path(), &fit);
    assert!(done.out.contains("logarithm of the mean of n") && done.out.contains("deviance"));
    let all = json(&run(folder.path(), &["predict", "m", "t.csv", "--json"]));
    assert!(number(&all, "/predictions/5") > number(&all, "/predictions/0"));
    assert_eq!(all["probabilities"], Value::Null);
}

#[test]
fn refusals_and_misuse() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("t.csv"), "x,c,n\n1,a,1\n2,b,-2\n3,c,3\n4,a,0\n5,b,1\n").unwrap();
    let refused = |arguments: &[&str], said: &str| {
        let fit = [&["fit", "t.csv", "--test-split", "0"][..], arguments].concat();
        let done = run(folder.path(), &fit);
        assert_eq!((done.code, done.out.as_str()), (1, ""), "{arguments:?}");
        assert!(done.err.starts_with("error: ") && done.err.contains(said), "{}", done.err);
    };
    refused(&["--target", "c", "--model", "logistic"], "use --model softmax");
    refused(&["--target", "n", "--model", "poisson"], "\"-2\" is negative");
    refused(&["--target", "c", "--model", "linear"], "--model logistic or softmax");
    refused(&["--target", "n", "--model", "linear", "--ridge", "1"], "--model ridge:1");
    refused(&["--target", "d", "--model", "softmax"], "no column \"d\"");
    for misused in [
        &["--model", "ridge"][..],
        &["--model", "lasso:-1"],
        &["--model", "logistic", "--ridge", "-1"],
        &["--model", "logistic", "--confidence", "1"],
    ] {
        let fit = [&["fit", "t.csv", "--target", "n"][..], misused].concat();
        assert_eq!(run(folder.path(), &fit).code, 2, "{misused:?}");
    }
}
