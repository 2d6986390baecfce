//! The command as its users meet it: arguments in; text, files and exit codes out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// What one run left.
struct Run {
    code: i32,
    out: String,
    err: String,
}

/// A folder with the files of a test.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a temporary folder"))
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).expect("a file is written");
        path
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).expect("the folder is read");
        let mut names: Vec<String> =
            entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Runs the command in the folder.
    fn run(&self, arguments: &[&str]) -> Run {
        let done = Command::new(env!("CARGO_BIN_EXE_chainrule"))
            .args(arguments)
            .current_dir(self.0.path())
            .stdin(Stdio::null())
            .output()
            .expect("the command starts");
        let text = |bytes| String::from_utf8(bytes).expect("the output is text");
        let run = Run {
            code: done.status.code().expect("the command is not killed"),
            out: text(done.stdout),
            err: text(done.stderr),
        };
        assert!(!run.err.contains("panicked"), "{}", run.err);
        assert!(!run.out.contains('\x1b') && !run.err.contains('\x1b'), "no styles in a pipe");
        run
    }

    /// Runs a fit that must fail with exit code 1, one sentence, and nothing left behind.
    fn refused(&self, arguments: &[&str]) -> String {
        let before = self.names();
        let run = self.run(arguments);
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{arguments:?}: {}", run.err);
        assert_eq!(self.names(), before, "{arguments:?}");
        let error: Vec<&str> = run.err.lines().filter(|l| l.starts_with("error: ")).collect();
        assert_eq!(error.len(), 1, "{}", run.err);
        error[0].trim_start_matches("error: ").to_string()
    }
}

fn data(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data").join(name);
    path.to_str().expect("the path is text").to_string()
}

fn number(value: &Value, path: &str) -> f64 {
    value.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path} in {value}"))
}

#[test]
fn the_main_job() {
    let folder = Folder::new();
    let run = folder.run(&["fit", &data("diabetes.csv"), "--target", "bp", "--json"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let all: Value = serde_json::from_str(&run.out).expect("one JSON object");
    let near = |a: &str, b: &str, gap: f64| {
        let (a, b) = (number(&all, a), number(&all, b));
        assert!((a - b).abs() <= gap, "{a} and {b}");
    };
    near("/metrics/test/r2", "/closed_form/test/r2", 1e-4);
    near("/metrics/train/r2", "/closed_form/train/r2", 1e-6);
    near("/metrics/test/rmse", "/closed_form/test/rmse", 1e-3);
    assert!(number(&all, "/metrics/train/r2") > 0.35);
    assert_eq!((number(&all, "/rows/train"), number(&all, "/rows/test")), (354.0, 88.0));
    assert!(number(&all, "/epochs") >= 1.0 && number(&all, "/seconds") > 0.0);
    let (ours, exact) = (&all["parameters"], &all["closed_form"]["parameters"]);
    assert_eq!(ours.as_array().map(Vec::len), Some(11));
    for i in 0..11 {
        assert_eq!(ours[i]["name"], exact[i]["name"]);
        let (a, b) = (number(&ours[i], "/estimate"), number(&exact[i], "/estimate"));
        assert!((a - b).abs() <= 1e-3 * b.abs(), "{}: {a} and {b}", ours[i]["name"]);
    }
    assert_eq!(ours[10]["name"], "intercept");
}

#[test]
fn the_table() {
    let folder = Folder::new();
    let arguments = ["fit", &data("diabetes.csv"), "--target", "bp", "--features", "age, bmi"];
    let run = folder.run(&arguments);
    assert_eq!(run.code, 0);
    for part in ["predicting bp", "descent   least squares", "intercept", "test R²", "train RMSE"]
    {
        assert!(run.out.contains(part), "{part}: {}", run.out);
    }
    assert!(!run.out.contains("progression"));
    assert_eq!(run.err.lines().filter(|l| l.starts_with("epoch ")).count(), 5, "{}", run.err);
    // The same again gives the same numbers.
    let head = |run: &Run| run.out.lines().take(12).collect::<Vec<_>>().join("\n");
    assert_eq!(head(&run), head(&folder.run(&arguments)));
}

#[test]
fn three_rows_have_no_unique_answer() {
    let folder = Folder::new();
    let path = data("blood_pressure.csv");
    let fit = ["fit", &path, "--target", "blood_pressure", "--test-split", "0"];
    let run = folder.run(&fit);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.contains("not unique: the 4 columns have rank 2"), "{}", run.out);
    let run = folder.run(&[&fit[..], &["--json"]].concat());
    let all: Value = serde_json::from_str(&run.out).expect("one JSON object");
    assert_eq!(all["metrics"]["test"]["r2"], Value::Null);
    assert_eq!(all["closed_form"]["unique"], false);
    assert!(number(&all, "/metrics/train/r2") > 0.9999);
}

#[test]
fn a_saved_model_predicts() {
    let folder = Folder::new();
    let path = data("diabetes.csv");
    let run = folder.run(&["fit", &path, "--target", "bp", "--out", "bp.safetensors", "--json"]);
    assert_eq!((run.code, folder.names()), (0, vec!["bp.safetensors".to_string()]));
    let fitted: Value = serde_json::from_str(&run.out).expect("one JSON object");

    let run = folder.run(&["predict", "bp.safetensors", &path, "--json"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let all: Value = serde_json::from_str(&run.out).expect("one JSON object");
    // The first row by hand, from the coefficients in the units of the table.
    let row = [59., 2., 32.1, 157., 93.2, 38., 4., 4.8598, 87., 151., 1.];
    let by_hand: f64 =
        (0..11).map(|i| number(&fitted, &format!("/parameters/{i}/estimate")) * row[i]).sum();
    assert!((number(&all, "/predictions/0") - by_hand).abs() < 1e-9);
    assert_eq!(all["predictions"].as_array().map(Vec::len), Some(442));
    let (train, test) =
        (number(&fitted, "/metrics/train/rmse"), number(&fitted, "/metrics/test/rmse"));
    let both = ((train * train * 354.0 + test * test * 88.0) / 442.0).sqrt();
    assert!((number(&all, "/metrics/rmse") - both).abs() < 1e-9);

    let lines = folder.run(&["predict", "bp.safetensors", &path]);
    assert!(lines.out.starts_with("row,predicted,observed\n1,"), "{}", lines.out);
    assert_eq!(lines.out.lines().count(), 443);
    assert!(lines.err.contains("R² 0.3"), "{}", lines.err);
    let saved = folder.run(&["predict", "bp.safetensors", &path, "--out", "p.csv"]);
    assert_eq!(saved.out, "442 predictions in p.csv\n");
    assert_eq!(fs::read_to_string(folder.0.path().join("p.csv")).unwrap(), lines.out);
    assert_eq!(folder.names(), ["bp.safetensors", "p.csv"]);
}

/// A table after the report and a trace in a file; standard output is as without.
#[test]
fn a_profile() {
    let folder = Folder::new();
    let path = data("diabetes.csv");
    let fit = ["fit", &path, "--target", "bp", "--epochs", "20", "--json", "--profile", "p.json"];
    let run = folder.run(&fit);
    assert_eq!((run.code, folder.names()), (0, vec!["p.json".to_string()]), "{}", run.err);
    let fitted: Value = serde_json::from_str(&run.out).expect("one JSON object");
    assert_eq!(number(&fitted, "/epochs"), 20.0);
    for part in ["share", "GF/s", "recording and the rest", "The profile is in p.json\n"] {
        assert!(run.err.contains(part), "{part}: {}", run.err);
    }
    let trace = fs::read_to_string(folder.0.path().join("p.json")).unwrap();
    let trace: Value = serde_json::from_str(&trace).expect("one JSON object");
    let events = trace["traceEvents"].as_array().expect("a list of events");
    assert!(events.len() > 20 && events.iter().all(|event| event["dur"].is_f64()));
    assert_eq!(events[0]["name"], "profile");
}

#[test]
fn categories_and_missing_values() {
    let folder = Folder::new();
    let mut text = String::from("size,colour,\"price, net\",name\n");
    for i in 0..60 {
        let (size, colour) = (i % 7, ["red", "green", "\"blue, dark\""][i % 3]);
        let price = 10.0 + 2.0 * size as f64 + [0.0, 5.0, -3.0][i % 3];
        let size = if i == 20 { "NA".into() } else { size.to_string() };
        let price = if i == 30 { "?".into() } else { price.to_string() };
        text += &format!("{size},{colour},{price},same\n");
    }
    folder.file("t.csv", text);
    let fit = ["fit", "t.csv", "--target", "price, net", "--out", "m", "--json"];
    let run = folder.run(&fit);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.err.contains("warning: the feature \"name\" is constant"), "{}", run.err);
    let all: Value = serde_json::from_str(&run.out).expect("one JSON object");
    assert_eq!(number(&all, "/rows/without_target"), 1.0);
    assert_eq!(all["missing"][0]["column"], "size");
    assert_eq!(number(&all, "/missing/0/cells"), 1.0);
    let text = folder.run(&fit[..4]).out;
    assert!(text.contains("1 more row has no target and took no part\n"), "{text}");
    assert!(text.contains("1 missing value of \"size\" took the mean of the training"), "{text}");
    let names: Vec<&str> =
        all["parameters"].as_array().unwrap().iter().filter_map(|p| p["name"].as_str()).collect();
    assert_eq!(names.len(), 4, "{names:?}");
    assert!(names.contains(&"colour=green") || names.contains(&"colour=red"), "{names:?}");
    assert!(number(&all, "/metrics/test/r2") > 0.95);

    folder.file("new.csv", "colour,size\nred,1\nviolet,2\n,\n");
    let run = folder.run(&["predict", "m", "new.csv"]);
    assert_eq!((run.code, run.out.lines().count()), (0, 4), "{}", run.err);
    assert!(run.err.contains("2 values that the training rows do not have"), "{}", run.err);
    assert!(run.err.contains("warning: 1 missing value of \"size\" took the mean"), "{}", run.err);
}

/// Every way in which a table can be wrong: the sentence says what and where.
#[test]
fn bad_tables() {
    let folder = Folder::new();
    let levels: String = (0..100).map(|i| format!("v{i},{i}\n")).collect();
    let wide = vec!["c"; 10_001].join(",");
    let cases: &[(&str, Vec<u8>, &str)] = &[
        ("empty", b"".to_vec(), "t.csv is empty; the first line must name the columns"),
        ("header", b"x,y\n".to_vec(), "t.csv has a header but no rows of data below it"),
        (
            "one row",
            b"x,y\n1,2\n".to_vec(),
            "t.csv has 1 row with a target, and 0 left to train on",
        ),
        (
            "text target",
            b"x,y\n1,2\n2,high\n".to_vec(),
            "t.csv, line 3, column \"y\": \"high\" is not",
        ),
        ("wrong name", b"x,yy\n1,2\n2,3\n".to_vec(), "no column \"y\"; did you mean \"yy\"?"),
        ("twice", b"x,x,y\n1,2,3\n".to_vec(), "two columns are named \"x\"; rename one of them"),
        (
            "ragged",
            b"x,y\n1,2\n3\n".to_vec(),
            "t.csv, line 3: the row has 1 field but the header has 2",
        ),
        ("flat", b"x,y\n1,2\n2,2\n3,2\n".to_vec(), "the target \"y\" is 2 in all training rows"),
        ("flat feature", b"x,y\n1,2\n1,3\n1,4\n".to_vec(), "no feature that varies"),
        (
            "infinite",
            b"x,y\n1,2\ninf,3\n4,4\n".to_vec(),
            "line 3, column \"x\": \"inf\" is infinite",
        ),
        (
            "overflow",
            b"x,y\n1,2\n2,1e999\n4,4\n".to_vec(),
            "line 3, column \"y\": \"1e999\" is infinite",
        ),
        (
            "huge",
            b"x,y\n1e308,2\n-1e308,3\n4,4\n".to_vec(),
            "column \"x\": its numbers are too large",
        ),
        ("no target", b"x,y\n1,NA\n2,\n".to_vec(), "the target \"y\" has no value in any row"),
        ("only target", b"y\n1\n2\n".to_vec(), "no column besides the target"),
        ("not text", b"x,y\n1,2\n\xff,3\n".to_vec(), "t.csv, line 3: the bytes here are not UTF-8"),
        ("zeros", vec![0; 100], "t.csv"),
        ("long line", [b"x,y\n1,", &vec![b'7'; 2 << 20][..]].concat(), "line 2: the row is longer"),
        ("open quote", b"x,y\n1,2,\"3\n4,5\n".to_vec(), "is a quote left open?"),
        ("many columns", format!("{wide}\n").into_bytes(), "names 10001 columns"),
        (
            "many levels",
            format!("x,y\n{levels}").into_bytes(),
            "\"v0\" makes this a column of text",
        ),
    ];
    for (case, bytes, said) in cases {
        folder.file("t.csv", bytes);
        let error = folder.refused(&["fit", "t.csv", "--target", "y", "--out", "m.safetensors"]);
        assert!(error.contains(said), "{case}: {error}");
    }
    folder.file("t.csv", "x,e,y\n1,,2\n2,NA,3\n3,?,5\n4,,6\n");
    let error = folder.refused(&["fit", "t.csv", "--target", "y", "--features", "x,e"]);
    assert!(error.contains("the feature \"e\" has no value in any row; leave it out"), "{error}");
    let run = folder.run(&["fit", "t.csv", "--target", "y"]);
    assert!(run.code == 0 && run.err.contains("\"e\" has no value in any row"), "{}", run.err);
}

#[test]
fn bad_files_and_names() {
    let folder = Folder::new();
    folder.file("t.csv", "x,y\n1,2\n2,3\n3,5\n4,6\n5,6\n");
    fs::create_dir(folder.0.path().join("d")).unwrap();
    let fit = |rest: &[&str]| folder.refused(&[&["fit"], rest].concat());
    for (arguments, said) in [
        (&["u.csv", "--target", "y"][..], "u.csv: there is no such file; check the path"),
        (&["d", "--target", "y"], "d is a directory; name a file in it"),
        (&["t.csv", "--target", "Y"], "no column \"Y\"; did you mean \"y\"?"),
        (&["t.csv", "--target", "y", "--features", "x,q"], "t.csv has no column \"q\""),
        (&["t.csv", "--target", "y", "--features", "x,y"], "--features names the target \"y\""),
        (&["t.csv", "--target", "y", "--features", "x,x"], "--features names \"x\" twice"),
        (
            &["t.csv", "--target", "y", "--out", "no/m"],
            "no/m cannot be written: the folder does not",
        ),
        (&["t.csv", "--target", "y", "--out", "d"], "d is a directory; name a file to write"),
        (&["t.csv", "--target", "y", "--out", "t.csv"], "would replace the file that is read"),
        (
            &["t.csv", "--target", "y", "--profile", "t.csv"],
            "--profile t.csv would replace the file that is read",
        ),
        (
            &["t.csv", "--target", "y", "--profile", "no/p.json"],
            "no/p.json cannot be written: the folder does not",
        ),
        (
            &["t.csv", "--target", "y", "--profile", "a", "--out", "./a"],
            "--out and --profile name the same file",
        ),
        (&["t.csv", "--target", "y", "--lr", "1e300"], "the descent diverged"),
        (&["t.csv", "--target", "y", "--test-split", "0.9"], "0 left to train on"),
    ] {
        let error = fit(arguments);
        assert!(error.contains(said), "{arguments:?}: {error}");
    }
}

#[cfg(unix)]
#[test]
fn devices_are_not_replaced() {
    let folder = Folder::new();
    folder.file("t.csv", "x,y\n1,2\n2,3\n3,5\n");
    let error = folder.refused(&["fit", "t.csv", "--target", "y", "--out", "/dev/null"]);
    assert!(error.contains("/dev/null is not an ordinary file"), "{error}");
}

#[test]
fn bad_models() {
    let folder = Folder::new();
    folder.file("t.csv", "x,y\n1,2\n2,3\n3,5\n4,6\n");
    let run = folder.run(&["fit", "t.csv", "--target", "y", "--out", "m"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let good = fs::read(folder.0.path().join("m")).unwrap();
    let header = |json: &str| [&(json.len() as u64).to_le_bytes()[..], json.as_bytes()].concat();
    let mut infinite = good.clone();
    let end = infinite.len();
    infinite[end - 8..].copy_from_slice(&f64::NAN.to_le_bytes());
    let huge = [&(1u64 << 40).to_le_bytes()[..], b"{}"].concat();
    let renamed: Vec<u8> = {
        let at = good.windows(8).position(|w| w == b"\"weight\"").expect("a weight");
        [&good[..at], b"\"height\"", &good[at + 8..]].concat()
    };
    for (case, bytes) in [
        ("empty", vec![]),
        ("cut", good[..good.len() - 5].to_vec()),
        ("longer", [&good[..], b"x"].concat()),
        ("noise", (1..500u32).map(|i| (i.wrapping_mul(2_654_435_769) >> 7) as u8).collect()),
        ("huge header", huge),
        (
            "other tensors",
            header("{\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}"),
        ),
        ("renamed", renamed),
        ("not finite", infinite),
        ("a table", b"x,y\n1,2\n".to_vec()),
    ] {
        folder.file("bad", bytes);
        let error = folder.refused(&["predict", "bad", "t.csv", "--out", "p.csv"]);
        assert!(error.starts_with("bad is not a model of `chainrule fit`: "), "{case}: {error}");
    }
    let error = folder.refused(&["predict", "none", "t.csv"]);
    assert!(error.contains("none: there is no such file"), "{error}");
    folder.file("u.csv", "z\n1\n");
    let error = folder.refused(&["predict", "m", "u.csv"]);
    assert!(error.contains("u.csv has no column \"x\""), "{error}");
    folder.file("u.csv", "x\n1\nmany\n");
    let error = folder.refused(&["predict", "m", "u.csv"]);
    assert!(error.contains("u.csv, line 3, column \"x\": \"many\" is not a number"), "{error}");
}

#[test]
fn misuse() {
    let folder = Folder::new();
    for arguments in [
        &[][..],
        &["fly"],
        &["fit"],
        &["fit", "t.csv"],
        &["fit", "t.csv", "--target", "y", "--epochs", "0"],
        &["fit", "t.csv", "--target", "y", "--lr", "-1"],
        &["fit", "t.csv", "--target", "y", "--lr", "nan"],
        &["fit", "t.csv", "--target", "y", "--test-split", "1"],
        &["fit", "t.csv", "--target", "y", "--batch", "x"],
        &["fit", "t.csv", "--target", "y", "--sed", "1"],
        &["predict", "m"],
    ] {
        let run = folder.run(arguments);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{arguments:?}: {}", run.err);
    }
}

#[test]
fn help_has_examples() {
    let folder = Folder::new();
    for arguments in [&["--help"][..], &["fit", "--help"], &["predict", "--help"]] {
        let run = folder.run(arguments);
        assert_eq!(run.code, 0);
        assert!(
            run.out.contains("Example") && run.out.contains("  chainrule fit data/diabetes.csv")
        );
    }
}

/// Whoever stops reading, like `head`, causes neither a panic nor a failure.
#[test]
fn a_closed_pipe() {
    let folder = Folder::new();
    let rows: String = (0..200_000).map(|i| format!("{i},{}\n", i % 10)).collect();
    folder.file("t.csv", format!("x,y\n{rows}"));
    let fit = ["fit", "t.csv", "--target", "y", "--epochs", "1", "--out", "m"];
    assert_eq!(folder.run(&fit).code, 0);
    let mut child = Command::new(env!("CARGO_BIN_EXE_chainrule"))
        .args(["predict", "m", "t.csv"])
        .current_dir(folder.0.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    drop(child.stdout.take());
    let done = child.wait_with_output().expect("the command ends");
    let err = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && !err.contains("panicked"), "{err}");
}

/// Escape sequences in a file do not reach the terminal; `run` checks that none is printed.
#[test]
fn names_are_safe_to_print() {
    let folder = Folder::new();
    folder.file("t.csv", "\x1b[2Jx,y,\x1b[31mc\n1,2,7\n2,3,7\n3,5,7\n4,4,7\n");
    let run = folder.run(&["fit", "t.csv", "--target", "y"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.contains(r"\u{1b}[2Jx"), "{}", run.out);
}
