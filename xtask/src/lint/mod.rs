//! `cargo xtask lint`: everything that can be judged without running the project's tests.
//!
//! A check is a name and a function from the repository to a list of problems; an empty list is a
//! pass. All checks run, each prints one line and then all it found.

mod direction;
mod manifest;
mod text;

use crate::mpi::Mpi;
use crate::shell;
use std::io::{self, IsTerminal, Write};
use std::process::{Command, ExitCode};
use std::time::Instant;

/// The most crates that a build of the library may compile.
pub(crate) const MAX_CRATES: usize = 75;

/// A file of the repository; `text` is empty for pictures and other data that are not text.
pub(crate) struct File {
    path: String,
    text: String,
    bytes: u64,
}

impl File {
    fn load(path: String) -> File {
        let bytes = shell::root().join(&path).metadata().map_or(0, |data| data.len());
        let text = shell::read(&path).unwrap_or_default();
        File { path, text, bytes }
    }

    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    #[cfg(test)]
    fn of(path: &str, text: &str) -> File {
        File { path: path.into(), text: text.into(), bytes: text.len() as u64 }
    }
}

type Check = fn(&[File]) -> Vec<String>;

/// Cheap checks first, so that a typing mistake is known at once.
const CHECKS: &[(&str, Check)] = &[
    ("formatting", |_| tool(shell::cargo(&["fmt", "--all", "--check", "--", "--color=never"]))),
    ("sizes of files and lines", text::sizes),
    ("nothing left undone", text::undone),
    ("unsafe only in kernels", text::unsafe_code),
    ("paths and hosts of one machine", text::machine),
    ("workspace lints", manifest::lints),
    ("crates point one way", manifest::crates),
    ("core's modules point one way", direction::modules),
    ("number of crates", |_| number_of_crates()),
    ("clippy", |_| {
        let mut clippy = shell::cargo(&["clippy", "--quiet", "--keep-going", "--workspace"]);
        clippy.arg("--all-targets");
        // Where there is no MPI, `chainrule-mpi` is empty.
        if let Ok(mpi) = Mpi::here() {
            mpi.equip(&mut clippy);
        }
        clippy.args(["--", "-D", "warnings"]);
        tool(clippy)
    }),
    ("documentation", |_| {
        let mut doc = shell::cargo(&["doc", "--quiet", "--keep-going", "--workspace", "--no-deps"]);
        doc.env("RUSTDOCFLAGS", "-Dwarnings");
        if let Ok(mpi) = Mpi::here() {
            mpi.equip(&mut doc);
        }
        tool(doc)
    }),
];

/// Runs the checks whose names contain one of `words`, or all.
pub(crate) fn run(words: &[String]) -> ExitCode {
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(&**word));
    let checks: Vec<_> = CHECKS.iter().filter(|(name, _)| wanted(name)).collect();
    if checks.is_empty() {
        let names: Vec<_> = CHECKS.iter().map(|(name, _)| format!("  {name}")).collect();
        eprintln!("error: no check has this in its name; the checks are\n{}", names.join("\n"));
        return ExitCode::from(2);
    }
    let files: Vec<File> = shell::files().into_iter().map(File::load).collect();
    let failed = checks.iter().filter(|(name, check)| !report(name, *check, &files)).count();
    println!("checks: {} passed, {failed} failed", checks.len() - failed);
    ExitCode::from(u8::from(failed > 0))
}

/// Runs one check and prints its line; true if it passed.
fn report(name: &str, check: Check, files: &[File]) -> bool {
    let waiting = io::stdout().is_terminal();
    if waiting {
        print!("… {name}\r");
        let _ = io::stdout().flush();
    }
    let start = Instant::now();
    let problems = check(files);
    let sign = if problems.is_empty() { '✓' } else { '✗' };
    println!("{sign} {name:<32}{:6.1} s", start.elapsed().as_secs_f64());
    for problem in &problems {
        println!("    {}", problem.replace('\n', "\n    "));
    }
    problems.is_empty()
}

/// A program that judges for itself: its whole output is the problem.
fn tool(command: Command) -> Vec<String> {
    shell::capture(command).err().map(|said| said.trim_end().to_string()).into_iter().collect()
}

fn number_of_crates() -> Vec<String> {
    match shell::crates_of("chainrule") {
        Ok(crates) if crates.len() <= MAX_CRATES => Vec::new(),
        Ok(crates) => {
            let list = crates.join(", ");
            vec![format!("{} crates, {MAX_CRATES} allowed: {list}", crates.len())]
        }
        Err(said) => vec![said],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The workspace's own layers, proven by `cargo test` as well as by the linter.
    #[test]
    fn the_workspace_points_one_way() {
        let files: Vec<File> = shell::files().into_iter().map(File::load).collect();
        assert_eq!(direction::modules(&files), [""; 0]);
        assert_eq!(manifest::crates(&files), [""; 0]);
    }

    #[test]
    fn a_check_is_found_by_part_of_its_name() {
        assert_eq!(run(&["no such check".into()]), ExitCode::from(2));
        assert_eq!(run(&["workspace lints".into()]), ExitCode::SUCCESS);
    }

    #[test]
    fn a_failing_program_is_a_problem_with_its_words() {
        assert!(tool(shell::cargo(&["--version"])).is_empty());
        assert!(tool(shell::cargo(&["no-such-command"]))[0].contains("no such command"));
    }
}
