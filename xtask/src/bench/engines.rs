//! The engines that take part: chainrule and its peers, each built and started here.
//!
//! chainrule's worker is an example of the crate. Those of the Rust libraries are packages of the
//! workspace in `bench`, apart from ours so that their dependencies are not ours; they are built in
//! its folder, whose own settings of cargo hold for them. PyTorch, torch.compile and JAX share a
//! Python environment under `target/bench/venv`, which is filled once from
//! `bench/python/requirements.txt`. An engine that cannot be built or started is absent, with the
//! last line of what it said; nothing is known about its speed then.

use super::rows::Row;
use super::worker::{Answer, Worker, last_line};
use super::{folder, note};
use crate::shell;
use std::env::consts::EXE_SUFFIX;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// Where an engine's worker comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Source {
    /// The example `rows` of our library.
    Ours,
    /// The package `bench-KEY` of the workspace in `bench`.
    Package,
    /// The Python worker, told which engine it is.
    Python,
}

/// A library that can take part: its name in files, its name to readers, its colour in the chart.
#[derive(Debug)]
pub(super) struct Library {
    pub key: &'static str,
    pub label: &'static str,
    pub colour: &'static str,
    source: Source,
}

impl Library {
    pub(super) fn is_ours(&self) -> bool {
        self.source == Source::Ours
    }
}

const fn library(
    key: &'static str,
    label: &'static str,
    colour: &'static str,
    source: Source,
) -> Library {
    Library { key, label, colour, source }
}

#[rustfmt::skip]
pub(super) const LIBRARIES: &[Library] = &[
    library("chainrule", "chainrule",     "#d6336c", Source::Ours),
    library("torch",     "PyTorch",       "#364fc7", Source::Python),
    library("compile",   "torch.compile", "#74a0f0", Source::Python),
    library("jax",       "JAX",           "#2b8a3e", Source::Python),
    library("candle",    "candle",        "#f08c00", Source::Package),
    library("burn",      "Burn",          "#862e9c", Source::Package),
    library("num-dual",  "num-dual",      "#868e96", Source::Package),
];

/// A library that was built and started.
pub(super) struct Engine {
    pub library: &'static Library,
    /// The name and version it gives itself.
    pub version: String,
    command: Command,
    /// `None` after it was lost; the next row starts it anew.
    worker: Option<Worker>,
}

impl Engine {
    /// Builds and starts an engine, or says why it is absent.
    pub(super) fn start(library: &'static Library, threads: usize) -> Result<Engine, String> {
        note(&format!("building {}", library.label));
        let mut command = prepare(library).map_err(|said| last_line(&said))?;
        let results = folder(&["results", library.key]);
        fs::create_dir_all(&results).map_err(|error| error.to_string())?;
        let _ = fs::remove_file(log(library));
        command.arg(folder(&["inputs"])).arg(results).env("BENCH_THREADS", threads.to_string());
        note(&format!("starting {}", library.label));
        let mut engine = Engine { library, version: String::new(), command, worker: None };
        match engine.ask("name")? {
            Answer::Other(name) => engine.version = name,
            answer => return Err(format!("its name is no name: {answer:?}")),
        }
        Ok(engine)
    }

    /// Asks the worker, which is started if there is none, and forgotten if it is lost.
    pub(super) fn ask(&mut self, command: &str) -> Result<Answer, String> {
        let mut worker = match self.worker.take() {
            Some(worker) => worker,
            None => Worker::start(&mut self.command, log(self.library))?,
        };
        let answer = worker.ask(command)?;
        self.worker = Some(worker);
        Ok(answer)
    }

    /// Has the worker end; the next question starts another.
    pub(super) fn leave(&mut self) {
        self.worker = None;
    }

    /// The number of the worker's process.
    pub(super) fn process(&self) -> Option<u32> {
        self.worker.as_ref().map(Worker::process)
    }

    /// Asks for something that is done (`ok`) or not, and why.
    pub(super) fn tell(&mut self, command: &str) -> Result<(), String> {
        match self.ask(command)? {
            Answer::Ok => Ok(()),
            Answer::Absent(reason) => Err(reason),
            answer => Err(format!("said {answer:?} to `{command}`")),
        }
    }

    /// Loads a row and computes it once; results of earlier runs are not mistaken for its own.
    pub(super) fn load(&mut self, row: &Row) -> Result<(), String> {
        let results = folder(&["results", self.library.key, row.name]);
        let _ = fs::remove_dir_all(results);
        self.tell(&format!("row {}", row.name))
    }

    /// The median time in nanoseconds that `command` (`time` or `primal`) answers.
    pub(super) fn time(&mut self, command: &str, seconds: f64) -> Result<f64, String> {
        self.nanoseconds(&format!("{command} {seconds}"))
    }

    /// The time that a command answers.
    pub(super) fn nanoseconds(&mut self, command: &str) -> Result<f64, String> {
        match self.ask(command)? {
            Answer::Nanoseconds(ns) => Ok(ns),
            Answer::Absent(reason) => Err(reason),
            answer => Err(format!("said {answer:?} to `{command}`")),
        }
    }
}

/// Where everything goes that a worker says beside its answers.
fn log(library: &Library) -> PathBuf {
    folder(&[library.key]).with_extension("log")
}

/// The command that starts a library's worker, once everything it needs is built.
fn prepare(library: &Library) -> Result<Command, String> {
    match library.source {
        Source::Ours => Ok(shell::program(&our_worker()?, &[])),
        Source::Package => {
            let package = format!("bench-{}", library.key);
            let mut build = shell::cargo(&["build", "--release", "-p", &package, "--target-dir"]);
            build.arg(folder(&[])).current_dir(shell::root().join("bench"));
            shell::capture(build)?;
            let program = folder(&["release", &format!("{package}{EXE_SUFFIX}")]);
            Ok(shell::program(&program.to_string_lossy(), &[]))
        }
        Source::Python => {
            let python = environment()?;
            Ok(shell::program(&python, &["bench/python/worker.py", library.key]))
        }
    }
}

/// Our own worker, built.
pub(super) fn our_worker() -> Result<String, String> {
    let words = ["build", "--release", "-p", "chainrule", "--example", "rows"];
    shell::capture(shell::cargo(&words))?;
    let program = format!("target/release/examples/rows{EXE_SUFFIX}");
    Ok(shell::root().join(program).to_string_lossy().into_owned())
}

/// The Python of an environment with everything in `requirements.txt`, made if it is not there.
fn environment() -> Result<String, String> {
    const WANTED: &str = "bench/python/requirements.txt";
    let wanted = shell::read(WANTED).ok_or_else(|| format!("there is no {WANTED}"))?;
    let environment = folder(&["venv"]);
    let programs = environment.join(if cfg!(windows) { "Scripts" } else { "bin" });
    let python = programs.join(format!("python{EXE_SUFFIX}")).to_string_lossy().into_owned();
    let filled = environment.join("filled");
    if fs::read_to_string(&filled).is_ok_and(|have| have == wanted) {
        return Ok(python);
    }
    note("filling target/bench/venv, once");
    shell::capture(shell::program("python3", &["-m", "venv", &environment.to_string_lossy()]))?;
    shell::capture(shell::program(&python, &["-m", "pip", "install", "-q", "-r", WANTED]))?;
    fs::write(filled, wanted).map_err(|error| error.to_string())?;
    Ok(python)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_library_is_ours_and_all_have_their_own_name_and_colour() {
        assert_eq!(LIBRARIES.iter().filter(|library| library.is_ours()).count(), 1);
        for (at, a) in LIBRARIES.iter().enumerate() {
            let differs = |b: &Library| a.key != b.key && a.colour != b.colour;
            assert!(LIBRARIES[..at].iter().all(differs), "{}", a.key);
        }
    }
}
