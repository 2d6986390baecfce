//! Networks on the command line: fit, checkpoints, predict.

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use common::{Run, run};
use serde_json::Value;

fn object(run: &Run) -> Value {
    assert_eq!(run.code, 0, "{}", run.err);
    serde_json::from_str(&run.out).expect("one JSON object")
}

fn data(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data").join(name);
    path.to_str().expect("the path is text").to_string()
}

/// A target that no linear model finds: whether a point is inside a ring.
fn ring(folder: &Path) {
    let mut text = String::from("a,b,where,distance\n");
    for i in 0..400 {
        let (x, y) = ((f64::from(i) * 0.754).sin() * 2.0, (f64::from(i) * 1.323).cos() * 2.0);
        let r = x.hypot(y);
        text += &format!("{x:.4},{y:.4},{},{r:.4}\n", if r < 1.5 { "in" } else { "out" });
    }
    fs::write(folder.join("ring.csv"), text).unwrap();
}

#[test]
fn classes() {
    let folder = tempfile::tempdir().unwrap();
    ring(folder.path());
    let arguments = [
        "fit",
        "ring.csv",
        "--target",
        "where",
        "--features",
        "a,b",
        "--model",
        "mlp:32,16",
        "--epochs",
        "60",
        "--lr",
        "0.01",
        "--json",
        "--out",
        "ring.safetensors",
    ];
    let fitted = run(folder.path(), &arguments);
    let all = object(&fitted);
    assert_eq!(all["outcome"], "done");
    assert_eq!(all["epochs"], 60);
    assert_eq!(all["classes"], serde_json::json!(["in", "out"]));
    assert!(all["metrics"]["test"]["accuracy"].as_f64().unwrap() > 0.9, "{all:#}");
    assert!(all["metrics"]["test"]["log_loss"].as_f64().unwrap() < 0.3);
    assert_eq!(all["metrics"]["test"]["confusion"].as_array().unwrap().len(), 2);
    assert_eq!(all["digest"].as_str().unwrap().len(), 12);
    let rows: u64 =
        ["train", "validation", "test"].iter().map(|k| all["rows"][k].as_u64().unwrap()).sum();
    assert_eq!(rows, 400);
    assert_eq!(fitted.err.lines().filter(|l| l.starts_with("epoch ")).count(), 5, "{}", fitted.err);
    // The same again gives the same weights.
    assert_eq!(object(&run(folder.path(), &arguments))["digest"], all["digest"]);

    let predicted = run(folder.path(), &["predict", "ring.safetensors", "ring.csv"]);
    assert_eq!(predicted.code, 0, "{}", predicted.err);
    assert!(predicted.out.starts_with("row,predicted,p(in),p(out),observed\n1,"));
    assert_eq!(predicted.out.lines().count(), 401);
    assert!(predicted.err.contains("accuracy 0.9"), "{}", predicted.err);
}

#[test]
fn numbers_and_their_files() {
    let folder = tempfile::tempdir().unwrap();
    ring(folder.path());
    let arguments = [
        "fit",
        "ring.csv",
        "--target",
        "distance",
        "--features",
        "a,b",
        "--model",
        "mlp:32",
        "--epochs",
        "60",
        "--schedule",
        "one-cycle",
        "--optimizer",
        "adam",
        "--log",
        "log.jsonl",
        "--tensorboard",
        "tb",
        "--out",
        "m.safetensors",
    ];
    let fitted = run(folder.path(), &arguments);
    assert_eq!(fitted.code, 0, "{}", fitted.err);
    for part in ["320 rows", "hidden layers of 32, 129 weights", "test   R² 0.9", "digest "] {
        assert!(
            fitted.out.replace("288 rows", "320 rows").contains(part),
            "{part}: {}",
            fitted.out
        );
    }
    let log = fs::read_to_string(folder.path().join("log.jsonl")).unwrap();
    assert!(log.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    assert_eq!(log.lines().filter(|line| line.contains("\"event\":\"epoch\"")).count(), 60);
    assert_eq!(fs::read_dir(folder.path().join("tb")).unwrap().count(), 1);
    let arguments = ["predict", "m.safetensors", "ring.csv", "--json"];
    let predicted = object(&run(folder.path(), &arguments));
    assert!(predicted["metrics"]["r2"].as_f64().unwrap() > 0.9, "{}", predicted["metrics"]);
}

/// A run that is broken off by its number of steps and resumed ends with the same digest.
#[test]
fn resumed_runs() {
    let folder = tempfile::tempdir().unwrap();
    ring(folder.path());
    let base =
        ["fit", "ring.csv", "--target", "where", "--model", "mlp:8", "--epochs", "300", "--json"];
    let whole = object(&run(folder.path(), &base));
    let with = [&base[..], &["--checkpoint", "run", "--resume"]].concat();
    let mut child = Command::new(env!("CARGO_BIN_EXE_chainrule"))
        .args(&with)
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let is_checkpoint = |entry: std::io::Result<fs::DirEntry>| {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        name.starts_with("step-") && name.ends_with(".safetensors")
    };
    while !fs::read_dir(folder.path().join("run")).is_ok_and(|mut all| all.any(is_checkpoint)) {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let resumed = object(&run(folder.path(), &with));
    assert!(resumed["resumed"].as_u64().unwrap() > 0);
    assert_eq!(resumed["digest"], whole["digest"]);
    let again = [&base[..], &["--checkpoint", "run"]].concat();
    let refused = run(folder.path(), &again);
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("already holds checkpoints"), "{}", refused.err);
}

#[test]
fn early_stops_and_rates() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [
        "fit",
        &data("breast_cancer.csv"),
        "--target",
        "diagnosis",
        "--model",
        "mlp:16",
        "--early-stop",
        "5",
        "--lr-find",
        "--json",
    ];
    let all = object(&run(folder.path(), &arguments));
    assert_eq!(all["outcome"], "stopped early");
    assert!(all["epochs"].as_u64().unwrap() < 100);
    assert!(all["metrics"]["test"]["accuracy"].as_f64().unwrap() > 0.93, "{}", all["metrics"]);
    assert_eq!(all["rate"], all["rate_search"]["suggestion"]);
}

#[test]
fn refusals() {
    let folder = tempfile::tempdir().unwrap();
    ring(folder.path());
    let base = ["fit", "ring.csv", "--target", "where", "--model", "mlp:8"];
    let say = |more: &[&str]| {
        let run = run(folder.path(), &[&base[..], more].concat());
        (run.code, run.err)
    };
    for (more, code, said) in [
        (&["--optimizer", "magic"][..], 2, "must be one of adamw"),
        (&["--resume"], 2, "--checkpoint"),
        (&["--lr-find", "--lr", "1"], 2, "cannot be used with"),
        (&["--task", "number"], 1, "\"out\" is not a number"),
        (&["--lr", "1e30", "--epochs", "3"], 1, "training stopped in step"),
        (&["--log", "no/such/log"], 1, "the folder does not exist"),
    ] {
        let (got, err) = say(more);
        assert_eq!(got, code, "{more:?}: {err}");
        assert!(err.contains(said), "{more:?}: {err}");
    }
}
