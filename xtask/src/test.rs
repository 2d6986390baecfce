//! `cargo xtask test`: everything that proves the project.

use crate::mpi::Mpi;
use crate::python::{self, Outcome};
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
pub(crate) enum Runner {
    /// `cargo nextest`, where it is installed: one process per test.
    Nextest,
    /// `cargo test`, which every machine has.
    Libtest,
}

impl Runner {
    /// The best runner that this machine has.
    pub(crate) fn here() -> Runner {
        let nextest = shell::capture(shell::cargo(&["nextest", "--version"]));
        if nextest.is_ok() { Runner::Nextest } else { Runner::Libtest }
    }

    /// The command that runs all tests but those in documentation. Both build the examples.
    pub(crate) fn command(self, filter: Option<&str>) -> Command {
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

    /// Reads a summary line. Only the runner's own: nextest repeats what failing tests said, which
    /// includes the summaries of libtest, one for each.
    fn summary(self, line: &str) -> Option<Tally> {
        match self {
            // test result: ok. 3 passed; 0 failed; 0 ignored; …
            Runner::Libtest => {
                let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
                Some(Tally { passed: count(counts, "passed")?, failed: count(counts, "failed")? })
            }
            //      Summary [   0.1s] 3 tests run: 2 passed (1 slow), 1 timed out, 0 skipped
            Runner::Nextest => {
                let (_, rest) = line.trim_start().strip_prefix("Summary [")?.split_once(']')?;
                let (run, counts) = rest.split_once(" run: ")?;
                // `5/9 tests` after an early end; what ran and did not pass failed in some way.
                let run: usize = run.trim().split(['/', ' ']).next()?.parse().ok()?;
                let passed = count(counts, "passed").unwrap_or(0);
                Some(Tally { passed, failed: run.checked_sub(passed)? })
            }
        }
    }
}

/// Runs all tests, or those whose names contain `filter`. The last line is their sum, unless
/// something that is no test went wrong, such as a crate that does not compile.
pub(crate) fn run(filter: Option<&str>) -> ExitCode {
    let runner = Runner::here();
    let mut tests = runner.command(filter);
    let mpi = Mpi::here();
    if let Ok(mpi) = &mpi {
        mpi.equip(&mut tests);
    }
    let mut doc = shell::cargo(&["test", "--workspace", "--doc", "--no-fail-fast"]);
    // Its documentation is Python's.
    doc.args(["--exclude", "chainrule-py"]);
    doc.args(filter);
    let runs = [(runner, tests), (Runner::Libtest, doc)];
    let runs = runs.map(|(runner, command)| prove(runner, command));
    let sound = |(ok, tally): &(bool, Option<Tally>)| *ok || tally.is_some_and(|t| t.failed > 0);
    if !runs.iter().all(sound) {
        eprintln!("\nerror: not only tests failed; see above");
        return ExitCode::FAILURE;
    }
    let mut total = Tally::default();
    runs.iter().filter_map(|(_, tally)| *tally).for_each(|tally| total += tally);
    match python::prove(filter) {
        Outcome::Ran { passed, failed } => total += Tally { passed, failed },
        Outcome::Skipped(why) => println!("\nskipped the Python package: {why}"),
        Outcome::Broken(why) => {
            eprintln!("\nerror: the Python package: {why}");
            return ExitCode::FAILURE;
        }
    }
    if let Err(why) = mpi {
        println!("\nskipped what runs under MPI: {why}; see `cargo xtask setup-mpi`");
    }
    if let (Some(filter), Tally { passed: 0, failed: 0 }) = (filter, total) {
        eprintln!("\nerror: no test has `{filter}` in its name");
        return ExitCode::from(2);
    }
    println!("\n{} passed, {} failed", total.passed, total.failed);
    ExitCode::from(u8::from(total.failed > 0))
}

/// Runs one command of tests: whether it succeeded, and the sum of its summary lines if it has any.
fn prove(runner: Runner, mut command: Command) -> (bool, Option<Tally>) {
    command
        .env("INSTA_UPDATE", "no")
        .env("INSTA_FORCE_PASS", "0")
        .env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "true");
    match shell::tee(command) {
        Ok((ok, lines)) => (ok, tally(runner, &lines)),
        Err(error) => {
            eprintln!("error: the tests did not start: {error}");
            (false, None)
        }
    }
}

/// The sum of all summary lines; `None` without one.
fn tally(runner: Runner, lines: &[String]) -> Option<Tally> {
    let mut found = lines.iter().filter_map(|line| runner.summary(&plain(line))).peekable();
    found.peek()?;
    let mut total = Tally::default();
    found.for_each(|tally| total += tally);
    Some(total)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(runner: Runner, text: &str) -> Option<(usize, usize)> {
        let lines: Vec<String> = text.lines().map(String::from).collect();
        tally(runner, &lines).map(|tally| (tally.passed, tally.failed))
    }

    #[test]
    fn libtest_is_summed() {
        let text = "running 3 tests\ntest a ... ok\n\n\
            test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; in 0.0s\n\
            test result: FAILED. 10 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(sum(Runner::Libtest, text), Some((13, 2)));
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
            assert_eq!(sum(Runner::Nextest, line), Some(expected), "{line}");
        }
    }

    #[test]
    fn colours_do_not_hide_a_summary() {
        let line = "\u{1b}[32;1m     Summary\u{1b}[0m [   0.005s] \u{1b}[1m3\u{1b}[0m tests run: \
                    \u{1b}[1m3\u{1b}[0m \u{1b}[32;1mpassed\u{1b}[0m, \u{1b}[1m0\u{1b}[0m skipped";
        assert_eq!(sum(Runner::Nextest, line), Some((3, 0)));
    }

    #[test]
    fn what_a_failing_test_said_is_not_summed() {
        let text = "  stdout ───\n\n    test result: FAILED. 0 passed; 1 failed; 0 ignored\n\
                    \n     Summary [   0.006s] 2 tests run: 1 passed, 1 failed, 0 skipped";
        assert_eq!(sum(Runner::Nextest, text), Some((1, 1)));
    }

    #[test]
    fn no_summary_is_no_sum() {
        let text = "error: could not compile `a`\nSummary of things: 3 passed";
        assert_eq!(sum(Runner::Libtest, text), None);
        assert_eq!(sum(Runner::Nextest, text), None);
    }
}
