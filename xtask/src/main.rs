//! The project's own tasks: `cargo xtask TASK`. `cargo xtask help` lists them.
//!
//! Plain Rust on the standard library alone, so that a fresh machine with a Rust toolchain can
//! prove the project, and so that a task reads the same on every system.

mod bench;
mod bless;
mod columns;
mod data;
mod json;
mod lint;
mod marks;
mod mpi;
mod notebook;
mod python;
mod shell;
mod sizes;
mod source;
mod test;
mod ulp;

use std::process::ExitCode;

/// A task: how it is written, what it does, and how to start it.
struct Task {
    name: &'static str,
    arguments: &'static str,
    about: &'static str,
    run: fn(&[String]) -> ExitCode,
}

const TASKS: &[Task] = &[
    Task {
        name: "lint",
        arguments: "[CHECK…]",
        about: "all checks but the tests; or those whose names contain CHECK",
        run: lint::run,
    },
    Task {
        name: "test",
        arguments: "[FILTER]",
        about: "all tests and doc-tests; or those whose names contain FILTER",
        run: |words| match words {
            [] => test::run(None),
            [filter] => test::run(Some(filter)),
            [_, extra, ..] => misused(extra),
        },
    },
    Task {
        name: "python",
        arguments: "[FILTER]",
        about: "build the Python package and run its tests",
        run: |words| match words {
            [] => python::run(None),
            [filter] => python::run(Some(filter)),
            [_, extra, ..] => misused(extra),
        },
    },
    Task {
        name: "wheel",
        arguments: "",
        about: "build the wheel of the Python package, in target/wheels",
        run: |words| words.first().map_or_else(python::wheel, |extra| misused(extra)),
    },
    Task {
        name: "bless",
        arguments: "",
        about: "accept the snapshots as the code writes them now, and format",
        run: |words| words.first().map_or_else(bless::run, |extra| misused(extra)),
    },
    Task {
        name: "sizes",
        arguments: "",
        about: "lines per crate, crates in the tree, time of a clean release build",
        run: |words| words.first().map_or_else(sizes::run, |extra| misused(extra)),
    },
    Task {
        name: "bench",
        arguments: "[--peers] [--rows 6,15a] [--quick] [--threads N] [--save]",
        about: "how fast we and our peers are",
        run: bench::run,
    },
    Task {
        name: "bench",
        arguments: "--scaling [--save]",
        about: "how our time grows with the size",
        run: bench::run,
    },
    Task {
        name: "bench",
        arguments: "--memory [--peers] [--save]",
        about: "how much memory we and our peers take",
        run: bench::run,
    },
    Task {
        name: "bench",
        arguments: "--instructions [--bless]",
        about: "whether we take more instructions than we did",
        run: bench::run,
    },
    Task {
        name: "ulp",
        arguments: "[--save]",
        about: "how accurate the elementary functions are",
        run: ulp::run,
    },
    Task {
        name: "data",
        arguments: "mnist",
        about: "fetch data that are too large for the repository",
        run: data::run,
    },
    Task {
        name: "setup-mpi",
        arguments: "",
        about: "install what is needed to build with MPI (Debian and its kin)",
        run: |words| words.first().map_or_else(mpi::setup, |extra| misused(extra)),
    },
    Task {
        name: "notebook",
        arguments: "",
        about: "run the lecture's notebook in Jupyter, with the Rust kernel",
        run: |words| words.first().map_or_else(notebook::run, |extra| misused(extra)),
    },
    Task {
        name: "help",
        arguments: "",
        about: "this list",
        run: |_| {
            print!("{}", help());
            ExitCode::SUCCESS
        },
    },
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (name, rest) = match words.split_first() {
        None => ("help", &[][..]),
        Some((name, rest)) if name == "--help" || name == "-h" => ("help", rest),
        Some((name, rest)) => (name.as_str(), rest),
    };
    if rest.iter().any(|word| word == "--help" || word == "-h") {
        print!("{}", help());
        return ExitCode::SUCCESS;
    }
    match TASKS.iter().find(|task| task.name == name) {
        Some(task) => (task.run)(rest),
        None => {
            eprint!("{}", unknown(name));
            ExitCode::from(2)
        }
    }
}

fn help() -> String {
    let line = |task: &Task| {
        let usage = format!("{} {}", task.name, task.arguments);
        format!("  {usage:<30}  {}\n", task.about)
    };
    format!("usage: cargo xtask TASK\n\n{}", TASKS.iter().map(line).collect::<String>())
}

fn unknown(name: &str) -> String {
    let nearest = TASKS.iter().map(|task| (distance(name, task.name), task.name)).min();
    let meant = match nearest {
        Some((distance, task)) if distance <= 2 => format!("; did you mean `{task}`?"),
        _ => String::new(),
    };
    format!("error: there is no task `{name}`{meant}\n\n{}", help())
}

fn misused(extra: &str) -> ExitCode {
    eprint!("error: `{extra}` is one argument too many\n\n{}", help());
    ExitCode::from(2)
}

/// The number of letters to insert, delete or replace to make `b` of `a`, after Wagner and Fischer.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.chars().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.chars().count()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_is_listed_on_one_line() {
        let help = help();
        assert_eq!(help.lines().count(), TASKS.len() + 2);
        assert!(help.lines().all(|line| line.chars().count() <= 100));
        assert!(TASKS.iter().all(|task| help.contains(task.about)));
    }

    #[test]
    fn a_slip_of_the_finger_is_understood() {
        assert!(unknown("tset").contains("did you mean `test`?"));
        assert!(unknown("bles").contains("did you mean `bless`?"));
        assert!(!unknown("deploy").contains("did you mean"));
    }

    #[test]
    fn distances() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("lint", "lint"), 0);
    }
}
