//! `cargo xtask notebook`: the lecture's notebook in Jupyter, compared with what it says.
//!
//! The Rust kernel, evcxr, is built once into `target/notebook`, which takes a quarter of an
//! hour: too long for every change, so that `cargo xtask test` runs the same cells as one program
//! instead. Here they go through the kernel, by `jupyter nbconvert`, which has to be installed
//! (`pip install nbconvert`). What cells print has to be what `examples/lecture.ipynb` holds, but
//! for the places of errors, which are other ones in a notebook.

use std::fs;
use std::process::{Command, ExitCode};

use crate::json::Json;
use crate::shell;

/// The version of the kernel that was looked at.
const KERNEL: &str = "0.22.0";

const NOTEBOOK: &str = "examples/lecture.ipynb";

pub(crate) fn run() -> ExitCode {
    match compared() {
        Ok(cells) => {
            println!("{cells} cells print in Jupyter what {NOTEBOOK} holds");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

fn compared() -> Result<usize, String> {
    let folder = shell::root().join("target/notebook");
    let kernel = folder.join(format!("bin/evcxr_jupyter{}", std::env::consts::EXE_SUFFIX));
    let root = folder.display().to_string();
    if !kernel.exists() {
        let words = ["install", "evcxr_jupyter", "--version", KERNEL, "--locked", "--root", &root];
        let (built, _) = shell::tee(shell::cargo(&words)).map_err(|e| e.to_string())?;
        if !built {
            return Err(format!("evcxr_jupyter {KERNEL} could not be built"));
        }
    }
    let share = folder.join("share/jupyter");
    let within = |mut command: Command| {
        command.env("JUPYTER_PATH", &share);
        shell::capture(command)
    };
    within(shell::program(&kernel.display().to_string(), &["--install"]))?;
    let words = ["nbconvert", "--to", "notebook", "--execute"];
    let patience = "--ExecutePreprocessor.timeout=3600";
    let mut jupyter = shell::program("jupyter", &words);
    jupyter.args([patience, "--output-dir", &root, NOTEBOOK]);
    within(jupyter).map_err(|why| {
        format!("{why}\n`jupyter nbconvert` runs the notebook; `pip install nbconvert` brings it")
    })?;
    let read = |path: String| {
        let text = fs::read_to_string(&path).map_err(|e| format!("{path}: {e}"))?;
        Json::parse(&text).and_then(|n| cells(&n)).ok_or(format!("{path} is no notebook"))
    };
    let stored = read(shell::root().join(NOTEBOOK).display().to_string())?;
    let found = read(folder.join("lecture.ipynb").display().to_string())?;
    let differences: Vec<String> = stored
        .iter()
        .zip(&found)
        .enumerate()
        .filter(|(_, (a, b))| a != b)
        .map(|(i, (a, b))| format!("cell {}:\n  stored  {a:?}\n  Jupyter {b:?}", i + 1))
        .collect();
    match differences.is_empty() && stored.len() == found.len() {
        true => Ok(found.len()),
        false => Err(format!("the notebook prints something else\n{}", differences.join("\n"))),
    }
}

/// What each cell of code shows: texts and contents, each with its kind, in alphabetical order.
fn cells(notebook: &Json) -> Option<Vec<Vec<(String, String)>>> {
    let Json::List(all) = notebook.get("cells")? else { return None };
    let is_code = |cell: &&Json| cell.get("cell_type").and_then(Json::text) == Some("code");
    let shown = |cell: &Json| {
        let Json::List(outputs) = cell.get("outputs")? else { return None };
        let (mut printed, mut all) = (String::new(), vec![]);
        for output in outputs {
            if let Some(Json::Map(data)) = output.get("data") {
                all.extend(data.iter().map(|(kind, text)| (kind.clone(), joined(text))));
            } else if output.get("name").and_then(Json::text) == Some("stdout") {
                printed += &output.get("text").map(joined).unwrap_or_default();
                printed.push('\n');
            } else if let Some(error) = output.get("evalue") {
                all.push(("error".into(), joined(error)));
            }
        }
        all.push(("printed".into(), without_places(&printed)));
        all.sort();
        Some(all)
    };
    all.iter().filter(is_code).map(shown).collect()
}

/// A text, or the lines of one; without space at its end.
fn joined(text: &Json) -> String {
    let all: String = match text {
        Json::List(lines) => lines.iter().filter_map(Json::text).collect(),
        other => other.text().unwrap_or_default().to_string(),
    };
    all.trim_end().to_string()
}

/// The words of a text. Those that name a line of a program are other ones in a notebook, and the
/// text may be broken into lines elsewhere for them.
fn without_places(text: &str) -> String {
    let one = |word: &str| if word.contains(".rs:") { "…".into() } else { word.to_string() };
    text.split_whitespace().map(one).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_compared_without_places() {
        let notebook = |text: &str| {
            let text = format!(
                r#"{{"cells":[{{"cell_type":"markdown"}},{{"cell_type":"code","outputs":[
                {{"name":"stdout","text":["a  src/lib.rs:3\n","b\n"]}},
                {{"data":{{"text/plain":{text}}}}}]}}]}}"#
            );
            cells(&Json::parse(&text).unwrap()).unwrap()
        };
        let expected = vec![vec![
            ("printed".to_string(), "a … b".to_string()),
            ("text/plain".to_string(), "x\ny".to_string()),
        ]];
        assert_eq!(notebook(r#"["x\n","y"]"#), expected);
        assert_eq!(notebook(r#""x\ny""#), expected);
        assert_eq!(cells(&Json::Word("1".into())), None);
    }
}
