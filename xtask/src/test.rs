//! `cargo xtask test` and `cargo xtask bless`: everything that proves the project, and accepting
//! what the snapshots of texts should say from now on.

use crate::shell;
use std::ops::AddAssign;
use std::process::{Command, ExitCode};

/// How many tests did what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: usize,
    failed: usize,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// The runner of unit and integration tests.
#[derive(Clone, Copy, PartialEq)]
enum Runner {
    /// `cargo nextest`, where it is installed: one process per test.
    Nextest,
    /// `cargo test`, which every machine has.
    Libtest,
}

impl Runner {
    fn here() -> Runner {
        let nextest = shell::capture(shell::cargo(&["nextest", "--version"]));
        if nextest.is_ok() { Runner::Nextest } else { Runner::Libtest }
    }

    /// The command that runs all tests but those in documentation. Both build the examples.
    fn command(self, filter: Option<&str>) -> Command {
        let mut command = match self {
            Runner::Nextest => shell::cargo(&["nextest", "run", "--workspace", "--no-fail-fast"]),
            Runner::Libtest => {
                // All targets but benchmarks, which prove nothing and take their time.
                let targets = ["--lib", "--bins", "--tests", "--examples"];
                let mut command = shell::cargo(&["test", "--workspace", "--no-fail-fast"]);
                command.args(targets);
                command
            }
        };
        if let Some(filter) = filter {
            command.arg(filter);
            if self == Runner::Nextest {
                command.arg("--no-tests=pass");
            }
        }
        command
    }
}

/// Runs all tests, or those whose names contain `filter`. The last line is their sum, unless
/// something that is no test went wrong, such as a crate that does not compile.
pub(crate) fn run(filter: Option<&str>) -> ExitCode {
    let mut doc = shell::cargo(&["test", "--workspace", "--doc", "--no-fail-fast"]);
    doc.args(filter);
    let mut total = Some(Tally::default());
    let mut passed = true;
    for command in [Runner::here().command(filter), doc] {
        let (ok, tally) = prove(command);
        passed &= ok;
        total = total.zip(tally).map(|(mut total, tally)| {
            total += tally;
            total
        });
        if !ok && tally.is_none_or(|tally| tally.failed == 0) {
            total = None;
        }
    }
    if let Some(Tally { passed, failed }) = total {
        println!("\n{passed} passed, {failed} failed");
    }
    ExitCode::from(u8::from(!passed))
}

/// Runs one command of tests: whether it succeeded, and the sum of its summary lines if it has any.
fn prove(mut command: Command) -> (bool, Option<Tally>) {
    command
        .env("INSTA_UPDATE", "no")
        .env("INSTA_FORCE_PASS", "0")
        .env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "true");
    match shell::tee(command) {
        Ok((ok, lines)) => (ok, tally(&lines)),
        Err(error) => {
            eprintln!("error: the tests did not start: {error}");
            (false, None)
        }
    }
}

/// The sum of all summary lines; `None` without one.
fn tally(lines: &[String]) -> Option<Tally> {
    let mut found = lines.iter().filter_map(|line| summary(&plain(line))).peekable();
    found.peek()?;
    let mut total = Tally::default();
    found.for_each(|tally| total += tally);
    Some(total)
}

/// Reads the summary line of either runner: of libtest
/// `test result: ok. 3 passed; 0 failed; …`, of nextest `Summary [ 0.1s] 3 tests run: 3 passed, …`.
fn summary(line: &str) -> Option<Tally> {
    let line = line.trim();
    if let Some(rest) = line.strip_prefix("test result:") {
        let (_, counts) = rest.split_once(". ")?;
        return Some(Tally { passed: count(counts, "passed")?, failed: count(counts, "failed")? });
    }
    let (_, rest) = line.strip_prefix("Summary [")?.split_once(']')?;
    let (run, counts) = rest.split_once(" run: ")?;
    // `5/9 tests` after an early end; what ran and did not pass failed, in whatever way.
    let run: usize = run.trim().split(['/', ' ']).next()?.parse().ok()?;
    let passed = count(counts, "passed").unwrap_or(0);
    Some(Tally { passed, failed: run.checked_sub(passed)? })
}

/// The number before `word` in `3 passed; 0 failed` or `3 passed (1 slow), 1 failed`.
fn count(counts: &str, word: &str) -> Option<usize> {
    let mut words = counts.split([' ', ',', ';']).filter(|word| !word.is_empty());
    let mut last = "";
    words.find_map(|next| {
        let number = if next == word { last.parse().ok() } else { None };
        last = next;
        number
    })
}

/// `line` without the escapes that colour it.
fn plain(line: &str) -> String {
    let mut out = String::new();
    for (at, part) in line.split('\u{1b}').enumerate() {
        let coloured = if at == 0 { None } else { part.split_once('m') };
        out.push_str(coloured.map_or(part, |(_, rest)| rest));
    }
    out
}

/// Accepts the texts that the code produces now as the right ones, and formats the code.
pub(crate) fn bless() -> ExitCode {
    let mut command = Runner::here().command(None);
    command.env("INSTA_UPDATE", "always").env("INSTA_FORCE_PASS", "1");
    let tests = shell::run(command);
    let format = shell::run(shell::cargo(&["fmt", "--all"]));
    let inline = pending();
    for path in &inline {
        eprintln!("error: a snapshot inside the source differs; edit it by hand: {path}");
        let _ = std::fs::remove_file(shell::root().join(path));
    }
    if tests != ExitCode::SUCCESS || !inline.is_empty() {
        return ExitCode::FAILURE;
    }
    if format == ExitCode::SUCCESS {
        println!("the snapshots say what the code says; read the difference before you keep it");
    }
    format
}

/// The notes that insta leaves for snapshots it cannot write, those inside a source file.
fn pending() -> Vec<String> {
    shell::files().into_iter().filter(|path| path.ends_with(".pending-snap")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(text: &str) -> Option<(usize, usize)> {
        let lines: Vec<String> = text.lines().map(String::from).collect();
        tally(&lines).map(|tally| (tally.passed, tally.failed))
    }

    #[test]
    fn libtest_is_summed() {
        let text = "running 3 tests\ntest a ... ok\n\n\
            test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; in 0.0s\n\
            test result: FAILED. 10 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(sum(text), Some((13, 2)));
    }

    #[test]
    fn nextest_is_summed() {
        let cases = [
            ("     Summary [   0.005s] 2 tests run: 2 passed, 0 skipped", (2, 0)),
            (
                "     Summary [   1m 2.5s] 10 tests run: 7 passed (1 slow, 2 flaky), 2 failed, \
              1 timed out, 3 skipped",
                (7, 3),
            ),
            ("     Summary [   0.1s] 5/9 tests run: 4 passed, 1 failed, 0 skipped", (4, 1)),
            ("     Summary [   0.1s] 1 test run: 1 failed, 0 skipped", (0, 1)),
            ("     Summary [   0.1s] 0 tests run: 0 passed, 9 skipped", (0, 0)),
        ];
        for (line, expected) in cases {
            assert_eq!(sum(line), Some(expected), "{line}");
        }
    }

    #[test]
    fn colours_do_not_hide_a_summary() {
        let line = "\u{1b}[32;1m     Summary\u{1b}[0m [   0.005s] \u{1b}[1m3\u{1b}[0m tests run: \
                    \u{1b}[1m3\u{1b}[0m \u{1b}[32;1mpassed\u{1b}[0m, \u{1b}[1m0\u{1b}[0m skipped";
        assert_eq!(sum(line), Some((3, 0)));
    }

    #[test]
    fn no_summary_is_no_sum() {
        assert_eq!(sum("error: could not compile `a`\nSummary of things: 3 passed"), None);
    }
}
