//! `cargo xtask bench`: how fast chainrule is, beside what the machine can do and, with `--peers`,
//! beside other libraries.
//!
//! Every engine is a process that computes a row when it is asked to (`worker`); `engines` builds
//! and starts them. A `plan` says what to measure, `rows` what there is to measure, and `inputs`
//! makes the numbers for it. Row by row, all engines compute, their results are compared
//! (`results`), and they take turns at being timed (`measure`). What came of it is a line of a
//! `table` as soon as it is known, and a `record` with a `chart` in the end.
//!
//! ```text
//! cargo xtask bench                   ours alone, within two minutes
//! cargo xtask bench --rows 6,15a      some rows
//! cargo xtask bench --peers           all engines, which are built and installed first
//! cargo xtask bench --peers --save    and the record kept in bench/results
//! cargo xtask bench --scaling         how our time grows with the number of elements and of nodes
//! cargo xtask bench --memory          how much memory some rows take
//! cargo xtask bench --instructions    whether some rows take more instructions than they did
//! ```
//!
//! It fails when we have no results, or results differ between engines or between numbers of
//! threads, or when a row takes more instructions than are accepted. A target that is missed is
//! only reported: it is one machine's, on one day.

mod chart;
mod engines;
mod inputs;
mod instructions;
mod lines;
mod measure;
mod memory;
mod plan;
mod record;
mod results;
mod rows;
mod scaling;
mod table;
mod worker;

use crate::{shell, sizes};
use engines::{Engine, LIBRARIES, Library};
use measure::{Measured, measure};
use plan::{Plan, Quantity};
use rows::Limits;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::{fs, thread};
use worker::Answer;

/// The processor's cores, and the number of threads unless another is asked for.
fn cores() -> usize {
    thread::available_parallelism().map_or(2, usize::from)
}

/// This machine, as it is used today.
fn conditions(plan: &Plan) -> String {
    table::conditions(&record::machine(), cores(), plan.threads, &record::today())
}

/// What a run came to.
struct Run {
    date: String,
    machine: String,
    cores: usize,
    limits: Option<Limits>,
    /// The libraries that were started, ours first, and their versions.
    engines: Vec<(&'static Library, String)>,
    /// Those that were not, and why.
    absent: Vec<(&'static Library, String)>,
    rows: Vec<Measured>,
}

impl Run {
    fn peers(&self) -> Vec<&'static Library> {
        let libraries = self.engines.iter().map(|(library, _)| *library);
        libraries.filter(|library| !library.is_ours()).collect()
    }
}

pub(crate) fn run(words: &[String]) -> ExitCode {
    let plan = match Plan::parse(words) {
        Ok(plan) => plan,
        Err(misuse) => {
            eprintln!("error: {misuse}");
            return ExitCode::from(2);
        }
    };
    let sound = match plan.quantity {
        Quantity::Time => bench(&plan),
        Quantity::Scaling => scaling::run(&plan),
        Quantity::Memory => memory::run(&plan),
        Quantity::Instructions if !instructions::can_count() => {
            eprintln!("error: instructions are counted by valgrind, which is not installed");
            return ExitCode::from(2);
        }
        Quantity::Instructions => instructions::run(&plan),
    };
    match sound {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say("");
            eprintln!("error: {}", error.trim_end());
            ExitCode::FAILURE
        }
    }
}

/// Measures everything and puts it on record; whether all results agree.
fn bench(plan: &Plan) -> Result<bool, String> {
    for row in &plan.rows {
        note(&format!("making the inputs of row {}", row.name));
        inputs::make(row.name)?;
    }
    let (mut engines, absent) = start(plan);
    if !engines.iter().any(|engine| engine.library.is_ours()) && !plan.peers {
        return Err("there is nothing to measure".into());
    }
    let mut run = Run {
        date: record::today(),
        machine: record::machine(),
        cores: cores(),
        limits: limits(&mut engines),
        engines: engines.iter().map(|e| (e.library, e.version.clone())).collect(),
        absent,
        rows: Vec::new(),
    };
    let peers = run.peers();
    say(&table::first_line(&peers));
    for row in &plan.rows {
        let measured = measure(row, &mut engines, plan);
        say(&table::line(&measured, &peers, run.limits));
        run.rows.push(measured);
    }
    note("measuring the machine's limits");
    run.limits = faster(run.limits, limits(&mut engines));
    drop(engines);
    record::write(&run, plan).map_err(|error| format!("no record was written: {error}"))?;
    summarise(&run, plan);
    if plan.peers && !plan.quick {
        sizes::print_build()?;
    }
    Ok(run.rows.iter().all(Measured::is_sound))
}

/// Starts every library that takes part, and says who does not.
fn start(plan: &Plan) -> (Vec<Engine>, Vec<(&'static Library, String)>) {
    let _ = fs::remove_dir_all(folder(&["results"]));
    let (mut engines, mut absent) = (Vec::new(), Vec::new());
    for library in LIBRARIES.iter().filter(|library| library.is_ours() || plan.peers) {
        match Engine::start(library, plan.threads) {
            Ok(engine) => engines.push(engine),
            Err(why) => {
                say(&format!("{} is absent: {why}", library.label));
                absent.push((library, why));
            }
        }
    }
    (engines, absent)
}

/// What our worker measures of the machine.
fn limits(engines: &mut [Engine]) -> Option<Limits> {
    let ours = engines.iter_mut().find(|engine| engine.library.is_ours())?;
    match ours.ask("limits") {
        Ok(Answer::Limits(limits)) => Some(limits),
        _ => None,
    }
}

/// The better of two measurements: what disturbs one makes it slower, never faster.
fn faster(a: Option<Limits>, b: Option<Limits>) -> Option<Limits> {
    let (Some(a), Some(b)) = (a, b) else { return a.or(b) };
    Some(Limits {
        bandwidth: a.bandwidth.max(b.bandwidth),
        peak32: a.peak32.max(b.peak32),
        peak64: a.peak64.max(b.peak64),
    })
}

fn summarise(run: &Run, plan: &Plan) {
    say("");
    print!("{}", table::provenance(run, plan));
    let met: Vec<bool> = run.rows.iter().filter_map(Measured::is_met).collect();
    if !met.is_empty() {
        let reached = met.iter().filter(|met| **met).count();
        println!("{reached} of {} targets met", met.len());
    }
    let unsound: Vec<_> =
        run.rows.iter().filter(|row| !row.is_sound()).map(|m| m.row.name).collect();
    if !unsound.is_empty() {
        println!("results differ or are missing in rows {}", unsound.join(", "));
    }
    println!("target/bench/speed.md, .json and .svg have the whole of it");
}

/// A folder or file of the bench's own, under `target/bench`.
fn folder(parts: &[&str]) -> PathBuf {
    shell::root().join("target/bench").join(parts.iter().collect::<PathBuf>())
}

/// Shows on a terminal what is being done, until something else is said.
fn note(text: &str) {
    clear();
    if io::stdout().is_terminal() {
        print!("… {text}");
    }
    let _ = io::stdout().flush();
}

fn say(line: &str) {
    clear();
    println!("{line}");
}

/// Takes back the last note.
fn clear() {
    if io::stdout().is_terminal() {
        print!("\r\x1b[K");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_faster_measurement_of_a_limit_counts() {
        let limits = |bandwidth, peak32, peak64| Some(Limits { bandwidth, peak32, peak64 });
        let best = faster(limits(40.0, 190.0, 99.0), limits(39.0, 199.0, 98.0));
        assert_eq!(best, limits(40.0, 199.0, 99.0));
        assert_eq!(faster(None, best), best);
    }
}
