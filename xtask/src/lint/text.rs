//! Checks of files one at a time: their size, and words that must not stand in them.

use super::File;
use crate::source;

const MAX_LINES: usize = 800;
const MAX_COLUMNS: usize = 100;
const MAX_BYTES: u64 = 2 << 20;

/// The only crates that may hold `unsafe`: numbers in memory, their exchange with Python, and
/// memory that MPI fills while the program goes on.
const UNSAFE_HOMES: [&str; 3] =
    ["crates/chainrule-kernels/", "crates/chainrule-mpi/src/", "crates/chainrule-py/src/"];

/// Calls and attributes that say "later", with what to do about them.
const UNDONE: &[(&str, &str)] = &[
    ("#[ignore", "a test runs or does not exist"),
    ("todo!(", "finish it, or return an error"),
    ("unimplemented!(", "finish it, or return an error"),
];

/// Folders of somebody's machine. The lists here and below are cut in two, for this file is
/// checked as well.
const FOLDERS: &[&str] =
    &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];

/// Ways of naming a package registry other than the public one, which `PUBLIC` names.
const REGISTRIES: &[&str] = &[
    concat!("registry", "+"),
    concat!("sparse", "+"),
    concat!("replace", "-with"),
    concat!("index", "-url"),
    concat!("arti", "factory"),
];
const PUBLIC: &str = concat!("registry", "+https://github.com/rust-lang/crates.io-index");

/// Rust files of at most 800 lines, lines of at most 100 columns without tabs, nothing over 2 MB.
pub(super) fn sizes(files: &[File]) -> Vec<String> {
    let mut problems = Vec::new();
    for file in files {
        let path = &file.path;
        if file.bytes > MAX_BYTES {
            problems.push(format!("{path}: {} bytes, {MAX_BYTES} allowed", file.bytes));
        }
        if !file.is_rust() {
            continue;
        }
        let lines = file.text.lines().count();
        if lines > MAX_LINES {
            problems.push(format!("{path}: {lines} lines, {MAX_LINES} allowed"));
        }
        for (n, line) in (1..).zip(file.text.lines()) {
            let columns = line.chars().count();
            if columns > MAX_COLUMNS && !line.contains("://") {
                problems.push(format!("{path}:{n}: {columns} columns, {MAX_COLUMNS} allowed"));
            }
            if line.contains('\t') {
                problems.push(format!("{path}:{n}: a tab; write spaces"));
            }
        }
    }
    problems
}

/// No ignored tests, in code or in documentation, and no code that is still to be written.
pub(super) fn undone(files: &[File]) -> Vec<String> {
    let mut problems = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        let code = source::code(&file.text);
        for (n, (line, raw)) in (1..).zip(code.lines().zip(file.text.lines())) {
            let found = UNDONE.iter().filter(|(word, _)| line.contains(word));
            problems.extend(found.map(|(word, way)| format!("{}:{n}: `{word}`: {way}", file.path)));
            if ignored_example(raw) {
                let way = "an example runs or is marked `text`";
                problems.push(format!("{}:{n}: an ignored example: {way}", file.path));
            }
        }
    }
    problems
}

/// Whether a line of documentation opens an example that rustdoc does not compile.
fn ignored_example(line: &str) -> bool {
    let line = line.trim_start();
    let doc = line.strip_prefix("///").or_else(|| line.strip_prefix("//!"));
    let fence = doc.and_then(|doc| doc.trim_start().strip_prefix("```"));
    fence.is_some_and(|words| words.split([',', ' ']).any(|word| word.starts_with("ignore")))
}

/// `unsafe` stands in few crates, where every block says why it is sound.
pub(super) fn unsafe_code(files: &[File]) -> Vec<String> {
    let home = |file: &File| UNSAFE_HOMES.iter().any(|home| file.path.starts_with(home));
    let files = files.iter().filter(|file| file.is_rust() && !home(file));
    let found = |file: &File| -> Vec<String> {
        let lines = source::lines_with_word(&source::code(&file.text), "unsafe");
        let place =
            |n| format!("{}:{n}: `unsafe` outside {}", file.path, UNSAFE_HOMES.join(" and "));
        lines.into_iter().map(place).collect()
    };
    files.flat_map(found).collect()
}

/// Nothing that is true on one machine only: folders of its user, hosts of its registries.
pub(super) fn machine(files: &[File]) -> Vec<String> {
    let mut problems = Vec::new();
    for file in files {
        for (n, line) in (1..).zip(file.text.lines()) {
            let line = line.replace(PUBLIC, "");
            if let Some(folder) = FOLDERS.iter().find(|folder| starts_a_path(&line, folder)) {
                problems.push(format!("{}:{n}: a path under {folder}", file.path));
            }
            if let Some(word) = REGISTRIES.iter().find(|word| line.contains(**word)) {
                problems.push(format!("{}:{n}: `{word}` names a registry", file.path));
            }
        }
    }
    problems
}

/// Whether `folder` stands in `line` other than in the middle of a longer path or address.
fn starts_a_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| source::is_word(c) || "./-~}>*".contains(c))
            || line[..at].ends_with("file://")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_files_and_lines_are_all_named() {
        let wide = "x".repeat(101);
        let text = format!("{wide}\nfine\n\tfn f() {{}}\n// https://{wide}\n{}", "\n".repeat(797));
        let found = sizes(&[File::of("a.rs", &text)]);
        assert_eq!(
            found,
            [
                "a.rs: 801 lines, 800 allowed",
                "a.rs:1: 101 columns, 100 allowed",
                "a.rs:3: a tab; write spaces",
            ]
        );
        assert!(sizes(&[File::of("a.csv", &text)]).is_empty());
        let full = "é".repeat(100);
        assert!(sizes(&[File::of("a.rs", &full)]).is_empty());
        let big = File { bytes: MAX_BYTES + 1, ..File::of("a.png", "") };
        assert_eq!(sizes(&[big]), ["a.png: 2097153 bytes, 2097152 allowed"]);
    }

    #[test]
    fn undone_code_is_found_but_not_talk_of_it() {
        let text = "fn f() { todo!() }\n// todo!()\nlet s = \"todo!()\";\n#[ignore = \"slow\"]\n\
                    fn g() { unimplemented!(\"later\") }\n/// ```ignore\n/// ```rust,ignore\n\
                    //! ```text\n/// ```\n";
        let lines: Vec<_> = undone(&[File::of("a.rs", text)])
            .iter()
            .map(|problem| problem.split(':').nth(1).unwrap().to_string())
            .collect();
        assert_eq!(lines, ["1", "4", "5", "6", "7"]);
    }

    #[test]
    fn unsafe_stands_in_kernels_only() {
        let text = "#![forbid(unsafe_code)]\nfn f() { unsafe { g() } }";
        let files = [File::of("crates/chainrule-kernels/src/a.rs", text), File::of("a.rs", text)];
        assert_eq!(
            unsafe_code(&files),
            [format!("a.rs:2: `unsafe` outside {}", UNSAFE_HOMES.join(" and "))]
        );
    }

    #[test]
    fn machines_are_not_named() {
        let [work, home] = [FOLDERS[0], FOLDERS[2]];
        let bad = [
            format!("path = \"{work}x\""),
            format!("cd {home}me"),
            format!("file://{home}me"),
            format!("source = \"{}https://mirror.example\"", REGISTRIES[0]),
            format!("[source.crates-io]\n{} = \"mirror\"", REGISTRIES[2]),
        ];
        for text in bad {
            assert_eq!(machine(&[File::of("a", &text)]).len(), 1, "{text}");
        }
        let good = [
            format!("https://example.org{home}page"),
            format!("crates{work}x ./a{work} ~{home}"),
            format!("source = \"{PUBLIC}\""),
        ];
        for text in good {
            assert!(machine(&[File::of("a", &text)]).is_empty(), "{text}");
        }
    }
}
