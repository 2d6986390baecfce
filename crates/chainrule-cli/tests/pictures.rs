//! `chainrule fit --plot` and `--report`.

mod common;

use std::fs;
use std::path::Path;

fn fit(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let run = common::run(folder, &[&["fit"], arguments].concat());
    (run.code, run.err)
}

/// A table with a number and a class that follow from x.
fn table(folder: &Path) {
    let mut text = String::from("x,y,class\n");
    for i in 0..60 {
        let x = f64::from(i) / 10.0;
        let noise = (f64::from(i) * 1.7).sin();
        let class = if x + noise > 3.0 { "high" } else { "low" };
        text += &format!("{x},{},{class}\n", 5.0 * (-0.5 * x).exp() + 0.1 * noise);
    }
    fs::write(folder.join("t.csv"), text).unwrap();
}

#[test]
fn every_kind_of_model_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    table(folder.path());
    for (name, target, model) in [
        ("curve", "y", "a*e^(-b*x)"),
        ("linear", "y", "linear"),
        ("logistic", "class", "logistic"),
        ("network", "class", "mlp:4"),
    ] {
        let features = if model.starts_with('a') { &[][..] } else { &["--features", "x"] };
        let (svg, page) = (format!("{name}.svg"), format!("{name}.html"));
        let usual = ["t.csv", "--target", target, "--model", model];
        let pictures = ["--plot", svg.as_str(), "--report", page.as_str()];
        let (code, err) = fit(folder.path(), &[&usual[..], &pictures[..], features].concat());
        assert_eq!(code, 0, "{name}: {err}");
        let svg = fs::read_to_string(folder.path().join(svg)).unwrap();
        assert!(svg.contains("<svg") && svg.contains("</svg>"), "{name}");
        let page = fs::read_to_string(folder.path().join(page)).unwrap();
        assert!(page.starts_with("<!doctype html>") && page.contains("</svg>"), "{name}");
        assert!(page.contains("<pre>") && !page.contains("<script"), "{name}");
        // Nothing is loaded from elsewhere.
        assert!(!page.contains("src=") && !page.contains("@import"), "{name}");
        let curve = name == "logistic" || name == "network";
        assert_eq!(page.contains("false positive rate"), curve, "{name}");
    }
    let usual = ["t.csv", "--target", "y", "--features", "x"];
    let plain = [&usual[..], &["--plot", "d.svg", "--report", "d.html"]].concat();
    assert_eq!(fit(folder.path(), &plain).0, 0);
    let [svg, page] = ["d.svg", "d.html"].map(|f| fs::read_to_string(folder.path().join(f)));
    assert!(svg.unwrap().contains("predicted") && page.unwrap().contains("Normal QQ"));
    let png = [&usual[..], &["--model", "linear", "--plot", "p.png", "--dark"]].concat();
    assert_eq!(fit(folder.path(), &png).0, 0);
    let bytes = fs::read(folder.path().join("p.png")).unwrap();
    assert!(bytes.starts_with(b"\x89PNG"));
}

#[test]
fn what_cannot_be_drawn_is_said_before_the_work() {
    let folder = tempfile::tempdir().unwrap();
    table(folder.path());
    for (arguments, said) in [
        (&["--model", "linear", "--plot", "p.pdf"][..], ".svg or .png"),
        (&["--model", "linear", "--report", "p.txt"], "end it in .html"),
        (&["--model", "linear", "--plot", "no/p.svg"], "does not exist"),
    ] {
        let all = [&["t.csv", "--target", "y", "--features", "x"], arguments].concat();
        let (code, err) = fit(folder.path(), &all);
        assert!(code != 0 && err.contains(said), "{arguments:?}: {err}");
    }
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1);
}
