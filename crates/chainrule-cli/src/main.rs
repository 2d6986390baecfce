//! The `chainrule` command.
//!
//! Each subcommand is a module with its arguments and a function `run`. Results go to standard
//! output, everything else (progress, warnings, errors) to standard error, so that the output can
//! be piped on. Exit codes: 0 done, 1 failed, 2 misused. A reader that closes the pipe early, like
//! `head`, is no failure.
//!
//! Under `mpirun` there are several processes (`ranks`); only the first says anything.

mod check;
mod d;
mod fit;
mod graph;
mod ops;
mod picture;
mod plan;
mod predict;
mod progress;
mod ranks;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use chainrule_fit::{Error, Result};
use clap::{Parser, Subcommand};

/// Differentiate programs and fit models.
#[derive(Parser)]
#[command(
    name = "chainrule",
    version,
    after_help = "\
Examples:
  chainrule fit data/diabetes.csv --target bp
  chainrule d \"x^2 sin x\" --steps
  chainrule check \"sin(x)/x\" --at x=1
  chainrule graph \"(x + y)^2\" --at x=1,y=2 --out graph.html

Exit codes: 0 done, 1 failed, 2 misused. Colours are off when NO_COLOR is set."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    D(d::Arguments),
    Check(check::Arguments),
    Graph(graph::Arguments),
    Ops(ops::Arguments),
    Fit(Box<fit::Arguments>),
    Predict(predict::Arguments),
    Plan(plan::Arguments),
}

fn main() -> ExitCode {
    let ranks = match ranks::start() {
        Ok(ranks) => ranks,
        Err(error) => {
            note("error", &error.to_string());
            return ExitCode::FAILURE;
        }
    };
    if let Err(error) = ranks::agree(&*ranks) {
        note("error", &error.to_string());
        return ExitCode::from(2);
    }
    let command = match Arguments::try_parse() {
        Ok(arguments) => arguments.command,
        Err(said) => {
            if ranks::is_talking() {
                let _ = said.print();
            }
            return ExitCode::from(said.exit_code() as u8);
        }
    };
    let outcome = match command {
        Command::Fit(arguments) => fit::run(&arguments, &*ranks),
        Command::Plan(arguments) => plan::run(&arguments, &*ranks),
        // The rest is the work of one.
        _ if !ranks.is_first() => Ok(ExitCode::SUCCESS),
        Command::D(arguments) => d::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Graph(arguments) => graph::run(&arguments),
        Command::Ops(arguments) => ops::run(&arguments),
        Command::Predict(arguments) => predict::run(&arguments).map(|()| ExitCode::SUCCESS),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            if ranks.size() > 1 {
                ranks.abort(&error);
            }
            note("error", &error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Writes a result to standard output.
fn print(text: &str) -> Result<()> {
    if !ranks::is_talking() {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::new(format!("standard output cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes a line to standard error; if even that fails there is nobody left to tell.
fn note(kind: &str, text: &str) {
    if !ranks::is_talking() {
        return;
    }
    let mut err = io::stderr().lock();
    let kind = bold(kind, is_styled(&err));
    let _ = err.write_all(format!("{kind}: {text}\n").as_bytes());
}

/// Writes the warnings of a run to standard error.
fn warn(warnings: &[String]) {
    for warning in warnings {
        note("warning", warning);
    }
}

/// Whether `stream` is a terminal that shows styles.
fn is_styled(stream: &impl IsTerminal) -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    stream.is_terminal() && !set("NO_COLOR") && !dumb
}

fn bold(text: &str, styled: bool) -> String {
    if styled { format!("\x1b[1m{text}\x1b[0m") } else { text.into() }
}
