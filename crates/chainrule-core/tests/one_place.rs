//! An operation stands in one place: one `impl`, and one word in a list.

use std::fs;
use std::path::{Path, PathBuf};

use chainrule_core::op::Unary;

/// Every source file of the crate, comments and strings blanked out.
fn sources(folder: &Path, files: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).expect("the crate's sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, files);
        } else {
            let text = fs::read_to_string(&path).expect("a source file");
            let code = |line: &str| {
                let line = line.split("//").next().unwrap_or_default();
                line.split('"').step_by(2).collect::<Vec<_>>().join(" ") + "\n"
            };
            files.push((path, text.lines().map(code).collect()));
        }
    }
}

/// The lines on which `word` stands as a word of its own, and not as `.word`.
fn mentions(code: &str, word: &str) -> Vec<String> {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    let here = |line: &str| {
        line.match_indices(word).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            let after = line[at + word.len()..].chars().next();
            !before.is_some_and(|c| part(c) || c == '.') && !after.is_some_and(part)
        })
    };
    code.lines().filter(|l| here(l)).map(|l| l.trim().to_string()).collect()
}

#[test]
fn a_scalar_operation_is_one_impl_and_one_word() {
    let mut files = vec![];
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    // Operations that no other operation's derivative needs are mentioned nowhere else at all.
    for name in ["softsign", "mish", "silu", "logit", "gelu_tanh", "log10", "atanh", "frac", "ceil"]
    {
        assert!(Unary::ALL.iter().any(|op| op.name() == name));
        let all: Vec<String> = files.iter().flat_map(|(_, code)| mentions(code, name)).collect();
        assert_eq!(all.len(), 2, "`{name}` is to stand in the list and at its impl: {all:#?}");
    }
}
