//! `docs/lecture.md` shows what its commands print and draw.
//!
//! With `INSTA_UPDATE=always`, as `cargo xtask bless` sets it, the document takes over what the
//! commands print now.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

/// The words of a command; double quotes keep spaces.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut quoted) = (vec![String::new()], false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().expect("a word").push(c),
        }
    }
    words
}

/// What a command prints, in a folder; standard error after standard output.
fn printed(line: &str, folder: &Path) -> String {
    let all = words(line);
    assert_eq!(all[0], "chainrule", "{line}");
    let done = Command::new(env!("CARGO_BIN_EXE_chainrule"))
        .args(&all[1..])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("the command starts");
    let text = |bytes| String::from_utf8(bytes).expect("the output is text");
    text(done.stdout) + &text(done.stderr)
}

#[test]
fn the_document_shows_what_its_commands_print() {
    let path = docs().join("lecture.md");
    let old = fs::read_to_string(&path).expect("the document");
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir_all(folder.path().join("docs/pictures")).expect("a folder for pictures");
    let (mut new, mut commands, mut lines) = (String::new(), 0, old.lines());
    while let Some(line) = lines.next() {
        new += line;
        new.push('\n');
        if line != "```console" {
            continue;
        }
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let command = block[0].strip_prefix("$ ").expect("a command");
        new += &format!("$ {command}\n{}```\n", printed(command, folder.path()));
        commands += 1;
    }
    let bless = std::env::var_os("INSTA_UPDATE").is_some_and(|mode| mode == "always");
    if bless {
        fs::write(&path, &new).expect("the document can be written");
    } else {
        assert_eq!(old, new, "run `cargo xtask bless`, and read the difference");
    }
    assert!(commands > 20, "{commands} commands");
    for entry in fs::read_dir(folder.path().join("docs/pictures")).expect("pictures") {
        let drawn = entry.expect("a picture").path();
        let kept = docs().join("pictures").join(drawn.file_name().expect("a name"));
        let name = kept.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(old.contains(&format!("](pictures/{name})")), "{name} is not shown");
        let drawn = fs::read_to_string(drawn).expect("a picture");
        assert!(drawn.len() <= 60_000, "{name} has {} bytes", drawn.len());
        if bless {
            fs::create_dir_all(docs().join("pictures")).expect("a folder for pictures");
            fs::write(&kept, drawn).expect("the picture can be written");
        } else {
            assert!(fs::read_to_string(&kept).expect("a picture") == drawn, "{name} has changed");
        }
    }
}

#[test]
fn the_operations_are_those_of_the_table() {
    let path = docs().join("operations.md");
    let new = printed("chainrule ops --markdown", Path::new("."));
    if std::env::var_os("INSTA_UPDATE").is_some_and(|mode| mode == "always") {
        fs::write(&path, &new).expect("the document can be written");
    }
    assert_eq!(fs::read_to_string(&path).expect("the document"), new, "run `cargo xtask bless`");
    assert!(!new.contains('✗'), "a rule and differences differ");
}
