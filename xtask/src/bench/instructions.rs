//! How many instructions some of our rows take: what does not depend on how busy the machine is.
//!
//! Each row runs on toy inputs, on one thread, under callgrind, which counts instructions one by
//! one. There is a count for many runs and one for few; their difference, over the difference of
//! runs, is the count of a run, without the program's start, the first run's plan and the way out.
//! At toy size this is mostly recording, differentiating, finding the plan and walking it, the part
//! of the library that a speed row with a million elements does not show.
//!
//! `bench/results/instructions.txt` holds the counts that are accepted, a line `ROW COUNT` each. A
//! row that takes more by a twentieth fails; `--bless` accepts what is. Counts belong to a version
//! of the compiler. Valgrind knows no AVX-512, so what is counted is the code for AVX2.
//!
//! Absent: cycles, caches and branches. Callgrind can simulate them, for a machine of its own.

use super::plan::Plan;
use super::{engines, note, say};
use crate::shell;
use std::fs;

/// Scalars, elements, networks, mixtures, recurrences and lookups.
const ROWS: &[&str] = &["1", "2", "6", "9", "11", "12", "13", "16b", "17b", "17c", "19"];

/// Runs of the two counts. Rows that are trained start anew in the first and after the hundredth.
const FEW: u64 = 10;
const MANY: u64 = 30;

/// The largest count beside the accepted one. Counts repeat within a hundredth.
const MARGIN: f64 = 1.05;

const ACCEPTED: &str = "bench/results/instructions.txt";

/// A row and the instructions of a run.
type Count<'a> = (&'a str, u64);

/// Whether there is a valgrind.
pub(super) fn can_count() -> bool {
    shell::capture(shell::program("valgrind", &["--version"])).is_ok()
}

/// Counts every row; whether none takes too many instructions.
pub(super) fn run(plan: &Plan) -> Result<bool, String> {
    note("building the worker");
    let worker = engines::our_worker()?;
    let text = shell::read(ACCEPTED).unwrap_or_default();
    let accepted = read(&text)?;
    let mut counts = Vec::new();
    say(&format!("{:4} {:>14} {:>14}", "#", "instructions", "accepted"));
    for name in ROWS {
        note(&format!("row {name}: counting"));
        let [few, many] = [FEW, MANY].map(|runs| count(&worker, name, runs));
        let found = (many?.saturating_sub(few?)) / (MANY - FEW);
        say(&line(name, found, of(&accepted, name)));
        counts.push((*name, found));
    }
    if plan.bless {
        let path = shell::root().join(ACCEPTED);
        let failed = |error| format!("{ACCEPTED} could not be written: {error}");
        fs::create_dir_all(path.with_file_name("")).map_err(failed)?;
        fs::write(path, written(&counts)).map_err(failed)?;
        println!("{ACCEPTED} has these counts now");
        return Ok(true);
    }
    let verdicts: Vec<_> = counts.iter().filter_map(|count| verdict(*count, &accepted)).collect();
    verdicts.iter().for_each(|verdict| println!("{verdict}"));
    Ok(verdicts.is_empty())
}

/// The instructions of the whole program with so many runs of a row.
fn count(worker: &str, name: &str, runs: u64) -> Result<u64, String> {
    let words = ["--tool=callgrind", "--callgrind-out-file=/dev/null", "--log-fd=1", worker];
    let mut command = shell::program("valgrind", &words);
    command.args(["count", name, &runs.to_string()]);
    let said = shell::capture(command)?;
    total(&said).ok_or_else(|| format!("valgrind did not say how much it counted:\n{said}"))
}

/// The number in callgrind's line `==PID== Collected : N`.
fn total(said: &str) -> Option<u64> {
    let count = |line: &str| line.split_once("Collected : ")?.1.trim().parse().ok();
    said.lines().find_map(count)
}

/// The accepted counts.
fn read(text: &str) -> Result<Vec<Count<'_>>, String> {
    let count = |line| {
        let (name, count) = str::split_once(line, ' ')?;
        Some((name, count.parse().ok()?))
    };
    let unclear = |line| format!("{ACCEPTED} has the line `{line}`, which is no row and its count");
    text.lines().map(|line| count(line).ok_or_else(|| unclear(line))).collect()
}

fn written(counts: &[Count<'_>]) -> String {
    counts.iter().map(|(name, count)| format!("{name} {count}\n")).collect()
}

fn of(accepted: &[Count<'_>], name: &str) -> Option<u64> {
    accepted.iter().find(|(known, _)| *known == name).map(|(_, count)| *count)
}

/// A line of the table: the counts and how far the new one is from the accepted one.
fn line(name: &str, found: u64, accepted: Option<u64>) -> String {
    match accepted {
        Some(accepted) => {
            let change = 100.0 * (found as f64 / accepted as f64 - 1.0);
            format!("{name:4} {found:>14} {accepted:>14} {change:>+6.1} %")
        }
        None => format!("{name:4} {found:>14} {:>14}", "–"),
    }
}

/// What is wrong with a count, if anything is.
fn verdict((name, found): Count<'_>, accepted: &[Count<'_>]) -> Option<String> {
    let Some(accepted) = of(accepted, name) else {
        return Some(format!("row {name} has no accepted count; --bless accepts this one"));
    };
    let part = found as f64 / accepted as f64;
    (part > MARGIN).then(|| format!("row {name} takes {part:.2} times the accepted instructions"))
}

#[cfg(test)]
mod tests {
    use super::super::rows;
    use super::*;

    #[test]
    fn counted_rows_are_rows() {
        assert!(ROWS.iter().all(|name| rows::ROWS.iter().any(|row| row.name == *name)));
    }

    #[test]
    fn the_total_is_what_callgrind_collected() {
        let said = "==7== Events    : Ir\n==7== Collected : 2516330\n==7== \n";
        assert_eq!(total(said), Some(2_516_330));
        assert_eq!(total("==7== Command: rows count 6 10\n"), None);
    }

    #[test]
    fn counts_are_read_and_written() {
        let counts = vec![("1", 20_000), ("16b", 3_000_000)];
        assert_eq!(read(&written(&counts)), Ok(counts));
        assert_eq!(read(""), Ok(vec![]));
        for line in ["1", "1 many", "1 2 3", "\n"] {
            assert!(read(line).unwrap_err().contains("no row and its count"), "{line}");
        }
    }

    #[test]
    fn a_twentieth_more_is_too_much() {
        let accepted = [("1", 1000), ("2", 1000)];
        for found in [0, 900, 1000, 1050] {
            assert_eq!(verdict(("1", found), &accepted), None);
        }
        let verdict = |count| verdict(count, &accepted).unwrap();
        assert_eq!(verdict(("2", 1100)), "row 2 takes 1.10 times the accepted instructions");
        assert_eq!(verdict(("6", 1)), "row 6 has no accepted count; --bless accepts this one");
        assert_eq!(line("2", 1100, Some(1000)), "2              1100           1000  +10.0 %");
        assert_eq!(line("2", 1100, None), "2              1100              –");
    }
}
