//! `cargo xtask bless`: the texts that the code produces now become its snapshots.
//!
//! insta writes snapshots with a file of their own by itself. For those inside a source file,
//! `assert_snapshot!(value, @"text")`, it leaves notes in `.NAME.rs.pending-snap`: one JSON object
//! a line, with the line of the assertion and the new text. Here the notes become source.

use crate::json::Json;
use crate::{shell, source, test};
use std::collections::BTreeMap;
use std::fs;
use std::process::ExitCode;

/// Runs all tests so that they accept what they see, then formats the code.
pub(crate) fn run() -> ExitCode {
    notes().iter().for_each(|path| remove(path));
    let mut command = test::Runner::here().command(None);
    command.env("INSTA_UPDATE", "always").env("INSTA_FORCE_PASS", "1");
    let tests = shell::run(command);
    let problems: Vec<String> = notes().iter().filter_map(|path| accept(path).err()).collect();
    let format = shell::run(shell::cargo(&["fmt", "--all"]));
    for problem in &problems {
        eprintln!("error: {problem}");
    }
    if tests != ExitCode::SUCCESS || !problems.is_empty() {
        return ExitCode::FAILURE;
    }
    if format == ExitCode::SUCCESS {
        println!("the snapshots say what the code says; read the difference before you keep it");
    }
    format
}

/// The notes about snapshots inside sources.
fn notes() -> Vec<String> {
    shell::all_files().into_iter().filter(|path| path.ends_with(".pending-snap")).collect()
}

fn remove(path: &str) {
    let _ = fs::remove_file(shell::root().join(path));
}

/// Brings the notes at `path` into the source they are about, and removes them.
fn accept(path: &str) -> Result<(), String> {
    let note = shell::read(path).ok_or_else(|| format!("{path} cannot be read"))?;
    remove(path);
    let (folder, name) = path.rsplit_once('/').unwrap_or((".", path));
    let name = name.trim_start_matches('.').trim_end_matches(".pending-snap");
    let path = format!("{folder}/{name}");
    let mut text = shell::read(&path).ok_or_else(|| format!("{path} cannot be read"))?;
    // From the last to the first, so that the lines above stay where the notes saw them.
    for (line, new) in texts(&note).into_iter().rev() {
        text = replaced(&text, line, &new)
            .ok_or_else(|| format!("{path}:{line}: no snapshot to write to is found here"))?;
    }
    fs::write(shell::root().join(&path), text).map_err(|error| format!("{path}: {error}"))
}

/// The new texts by line. An assertion that ran several times has the last word.
fn texts(note: &str) -> BTreeMap<usize, String> {
    let read = |line: &str| {
        let note = Json::parse(line)?;
        let at = note.get("line")?.text()?.parse().ok()?;
        Some((at, note.get("new")?.get("snapshot")?.text()?.to_string()))
    };
    note.lines().filter_map(read).collect()
}

/// `text` with the first `@"…"` from `line` (counted from 1) on replaced by one that says `new`.
fn replaced(text: &str, line: usize, new: &str) -> Option<String> {
    // Masked a character for a character, so positions are counted in characters.
    let raw: Vec<char> = text.chars().collect();
    let masked: Vec<char> = source::code(text).chars().collect();
    let start = raw.iter().enumerate().filter(|(_, c)| **c == '\n').map(|(at, _)| at + 1);
    let start = std::iter::once(0).chain(start).nth(line - 1)?;
    let quoted = |at: &usize| matches!(raw[at + 1], '"' | 'r') && masked[at + 1] == ' ';
    let at = (start..raw.len().saturating_sub(1)).find(|at| masked[*at] == '@' && quoted(at))? + 1;
    let end = source::opaque(&raw, at);
    let indent: String = raw[start..].iter().take_while(|c| **c == ' ').collect();
    let [before, after] = [&raw[..at], &raw[end..]].map(|part| part.iter().collect::<String>());
    Some(before + &literal(new, &indent) + &after)
}

/// A string literal that insta reads as `text`: several lines stand indented, between empty ones.
fn literal(text: &str, indent: &str) -> String {
    let text = text.trim_end();
    if text.contains(|c: char| c.is_control() && !"\n\t\u{1b}".contains(c)) {
        return format!("{text:?}");
    }
    let hashes = (1..).map(|n| "#".repeat(n)).find(|hashes| !text.contains(&format!("\"{hashes}")));
    let (open, close) = match hashes {
        Some(hashes) if text.contains('"') => (format!("r{hashes}\""), format!("\"{hashes}")),
        _ if text.contains('\\') => ("r\"".to_string(), "\"".to_string()),
        _ => ("\"".to_string(), "\"".to_string()),
    };
    if !text.contains('\n') {
        return format!("{open}{text}{close}");
    }
    let line = |line: &str| if line.is_empty() { String::new() } else { format!("{indent}{line}") };
    let lines: Vec<String> = text.lines().map(line).collect();
    format!("{open}\n{}\n{indent}{close}", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_read() {
        let note = "{\"line\":7,\"new\":{\"metadata\":{},\"snapshot\":\"a\\n\"},\"old\":null}\n\
                    {\"line\":9,\"new\":null,\"old\":null}\nnonsense\n\
                    {\"line\":7,\"new\":{\"snapshot\":\"c\"}}\n";
        assert_eq!(texts(note), BTreeMap::from([(7, "c".to_string())]));
    }

    #[test]
    fn the_literal_of_the_line_is_replaced() {
        let text =
            "f(a, @\"x\");\n    f(\"@\", // @\n      b, @r#\"y\n  \"z\"\"#);\nf(é @ _, @\"\");";
        let first = replaced(text, 1, "new \"x\"").unwrap();
        assert!(first.starts_with("f(a, @r#\"new \"x\"\"#);\n    f("));
        let second = replaced(text, 2, "1\n\n2").unwrap();
        assert!(second.contains("b, @\"\n    1\n\n    2\n    \");\nf(é"));
        assert!(replaced(text, 5, "n").unwrap().ends_with("f(é @ _, @\"n\");"));
        assert_eq!(replaced("f(@x)", 1, "n"), None);
        assert_eq!(replaced("", 1, "n"), None);
    }

    #[test]
    fn literals_are_as_plain_as_they_can_be() {
        assert_eq!(literal("a", ""), "\"a\"");
        assert_eq!(literal("a\\b", ""), "r\"a\\b\"");
        assert_eq!(literal("\"a\"# b", ""), "r##\"\"a\"# b\"##");
        assert_eq!(literal("a\rb", ""), "\"a\\rb\"");
        assert_eq!(literal("a\n b\n", "  "), "\"\n  a\n   b\n  \"");
    }
}
