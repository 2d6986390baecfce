//! The loop of commands and answers.

use std::any::Any;
use std::env;
use std::io::{self, BufRead as _, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::Command;

use crate::{Inputs, Result, Row, array};

/// A library that takes part.
pub trait Engine {
    /// Its name and version.
    const NAME: &'static str;

    /// Makes the row of this name ready, or fails with the reason why it is absent.
    fn row(name: &str, inputs: &Inputs) -> Result<Row>;
}

/// Starts this program anew with the environment that libraries read before `main`: as many threads
/// as `BENCH_THREADS` says. To be called first thing in `main`; it returns once that is so.
pub fn prepare() -> Result<()> {
    let threads = env::var("BENCH_THREADS").unwrap_or_else(|_| "2".into());
    if env::var("RAYON_NUM_THREADS").as_ref() == Ok(&threads) {
        return Ok(());
    }
    let mut anew = Command::new(env::current_exe()?);
    replace_with(anew.args(env::args_os().skip(1)).env("RAYON_NUM_THREADS", threads))
}

#[cfg(unix)]
fn replace_with(command: &mut Command) -> Result<()> {
    use std::os::unix::process::CommandExt as _;
    Err(command.exec().into())
}

#[cfg(not(unix))]
fn replace_with(command: &mut Command) -> Result<()> {
    std::process::exit(command.status()?.code().unwrap_or(1))
}

/// Answers commands until `quit` or the end of the input.
pub fn serve<E: Engine>() -> Result<()> {
    let directories: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [inputs, results] = directories.as_slice() else {
        return Err("usage: WORKER INPUTS RESULTS".into());
    };
    let mut row = None;
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (command, argument) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        let answer = match command {
            "name" => E::NAME.to_owned(),
            "row" => {
                row = None;
                let made = guarded(|| {
                    let mut made = E::row(argument, &Inputs::new(inputs.join(argument)))?;
                    array::write(&results.join(argument), &made.results()?)?;
                    Ok(made)
                });
                made.map_or_else(absent, |made| {
                    row = Some(made);
                    "ok".to_owned()
                })
            }
            "time" => guarded(|| row.as_mut().ok_or("no row is loaded")?.time(argument.parse()?))
                .map_or_else(absent, |median| format!("ns {median:.1}")),
            "drop" => {
                row = None;
                "ok".to_owned()
            }
            "quit" => break,
            _ => format!("absent unknown command {command}"),
        };
        println!("{answer}");
        io::stdout().flush()?;
    }
    Ok(())
}

fn absent(reason: impl ToString) -> String {
    let reason = reason.to_string();
    let lines: Vec<&str> = reason.lines().map(str::trim).collect();
    format!("absent {}", lines.join(" "))
}

/// Runs what may panic, making a panic an error.
fn guarded<T>(run: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| Err(message(&*panic).into()))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("panicked")
        .to_owned()
}
