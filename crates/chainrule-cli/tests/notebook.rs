//! The notebook of the lecture is what `examples/lecture.rs` says and prints.
//!
//! The program is compiled into this test, which runs itself once more to read what each cell
//! prints. With `INSTA_UPDATE=always`, as `cargo xtask bless` sets it, the notebook is written
//! anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

/// What stands between the outputs of two cells.
const MARK: &str = "\u{1}cell";

/// Set for the run whose output is read.
const RUNNING: &str = "LECTURE_NOTEBOOK_RUNS";

/// The cell that fetches the libraries, as one that all cells share; the program has them already.
const LIBRARIES: &str = "\
:dep notebook = { path = \"notebook\" }
use notebook::{chainrule, chainrule_plot};
";

macro_rules! cell {
    ($text:literal) => {
        println!("{}", crate::MARK);
    };
}

#[path = "../../../examples/lecture.rs"]
mod lecture;

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

/// A cell: the text above it, and its code.
struct Cell {
    text: String,
    code: String,
}

/// The cells of the program.
fn cells(source: &str) -> Vec<Cell> {
    let begin = source.find("    cell!(").expect("a first cell");
    let end = source.rfind("\n    Ok(())\n}").expect("the end of the last cell");
    let each = source[begin..end].split("    cell!(\n        r\"\n").skip(1);
    let cell = |part: &str| {
        let (text, code) = part.split_once("\n\"\n    );\n").expect("the end of a text");
        let line = |line: &str| line.strip_prefix("    ").unwrap_or(line).to_string();
        let code = code.trim_end().lines().map(line).collect::<Vec<_>>().join("\n");
        // The kernel shows the last value by itself.
        let code = code.strip_suffix(".evcxr_display();").unwrap_or(&code).to_string();
        // Nor is a loop a value to be shown.
        let end = if code.ends_with('}') { ";" } else { "" };
        Cell { text: text.to_string(), code: code + end }
    };
    each.map(cell).collect()
}

/// A text without the places of errors, which are other ones in a notebook.
fn without_places(text: &str) -> String {
    let word = |word: &str| if word.contains(".rs:") { "…".into() } else { word.to_string() };
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// Lines as a notebook keeps them, each with its end.
fn lines(text: &str) -> Value {
    json!(text.split_inclusive('\n').collect::<Vec<_>>())
}

/// What a cell printed as outputs of a notebook: contents for display, and text.
fn outputs(printed: &str) -> Vec<Value> {
    let (mut text, mut data) = (String::new(), serde_json::Map::new());
    let mut rest = printed.lines();
    while let Some(line) = rest.next() {
        match line.strip_prefix("EVCXR_BEGIN_CONTENT ") {
            Some(kind) => {
                let block = rest.by_ref().take_while(|line| *line != "EVCXR_END_CONTENT");
                let block = block.collect::<Vec<_>>().join("\n");
                data.insert(kind.to_string(), lines(&block));
            }
            None => text += &format!("{line}\n"),
        }
    }
    let mut all = vec![];
    if !text.is_empty() {
        let text = without_places(&text) + "\n";
        all.push(json!({ "name": "stdout", "output_type": "stream", "text": lines(&text) }));
    }
    if !data.is_empty() {
        all.push(json!({
            "data": data, "execution_count": null, "metadata": {},
            "output_type": "execute_result"
        }));
    }
    all
}

/// The notebook that the program is.
fn notebook(source: &str, printed: &[&str]) -> Value {
    let mut all = vec![];
    let mut add = |kind: &str, text: &str, outputs: Option<Vec<Value>>| {
        let id = format!("cell-{}", all.len());
        let mut cell = json!({
            "cell_type": kind, "id": id, "metadata": {}, "source": lines(text)
        });
        if let Some(outputs) = outputs {
            cell["execution_count"] = Value::Null;
            cell["outputs"] = json!(outputs);
        }
        all.push(cell);
    };
    for (i, cell) in cells(source).iter().enumerate() {
        add("markdown", &cell.text, None);
        let code = if i == 0 { format!("{LIBRARIES}{}", cell.code) } else { cell.code.clone() };
        add("code", &code, Some(outputs(printed[i])));
    }
    json!({
        "cells": all,
        "metadata": {
            "kernelspec": { "display_name": "Rust", "language": "rust", "name": "rust" },
            "language_info": {
                "file_extension": ".rs", "mimetype": "text/rust", "name": "Rust"
            }
        },
        "nbformat": 4,
        "nbformat_minor": 5
    })
}

#[test]
fn the_notebook_is_what_the_program_prints() {
    if std::env::var_os(RUNNING).is_some() {
        lecture::lecture().expect("every cell runs");
        return;
    }
    let name = "the_notebook_is_what_the_program_prints";
    let done = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", name, "--nocapture"])
        .env(RUNNING, "1")
        .output()
        .expect("the program starts");
    let out = String::from_utf8(done.stdout).expect("text");
    assert!(done.status.success(), "{out}{}", String::from_utf8_lossy(&done.stderr));
    let printed: Vec<&str> = out.split(&format!("{MARK}\n")).skip(1).collect();
    // After the last cell stands what the test says of itself.
    let last = printed.len() - 1;
    let end = printed[last].find("test ").unwrap_or(printed[last].len());
    let printed = [&printed[..last], &[&printed[last][..end]]].concat();
    let source = fs::read_to_string(examples().join("lecture.rs")).expect("the program");
    assert_eq!(cells(&source).len(), printed.len(), "as many cells as marks");
    let path = examples().join("lecture.ipynb");
    let mut new = serde_json::to_string_pretty(&notebook(&source, &printed)).expect("JSON");
    new.push('\n');
    if std::env::var_os("INSTA_UPDATE").is_some_and(|mode| mode == "always") {
        fs::write(&path, &new).expect("the notebook can be written");
    }
    assert!(new.len() < 400_000, "the notebook has {} bytes", new.len());
    let old = fs::read_to_string(&path).expect("the notebook");
    for (line, (a, b)) in old.lines().zip(new.lines()).enumerate() {
        assert_eq!(a, b, "line {}: run `cargo xtask bless`, and read the difference", line + 1);
    }
    assert_eq!(old.lines().count(), new.lines().count(), "run `cargo xtask bless`");
}
