//! The speed rows: the worker of chainrule in the comparison with other libraries.
//!
//! `cargo xtask bench` starts it as `rows INPUTS RESULTS` and lets it take turns with the others.
//! It reads commands from its input, one a line, and answers each with one line:
//!
//! | command | does | answers |
//! |---|---|---|
//! | `name` | | `chainrule VERSION` |
//! | `threads N` | later commands use N threads | `ok` |
//! | `row N` | loads row N, runs it once and writes its results | `ok`, or `absent WHY` |
//! | `time S` | runs the row for S seconds | `ns MEDIAN` |
//! | `primal S` | the same for the function without its derivative (row 18) | `ns MEDIAN` |
//! | `scaling KIND N` | measures one of `elements`, `nodes` and `plan` at size N | `ns MEDIAN` |
//! | `limits` | copies and multiplies, as fast as the machine can | `limits GB/s GF/s GF/s` |
//! | `drop` | forgets the row | `ok` |
//! | `quit` | | |
//!
//! As `rows count ROW RUNS` it talks to nobody: it runs the row so often on toy inputs, on one
//! thread, for somebody who counts its instructions.
//!
//! The rows themselves are in `work.rs`.

mod files;
mod lstm;
mod mixture;
mod networks;
mod scalar;
mod scaling;
#[allow(dead_code)] // its middle size, which tests run
mod toy;
mod work;

use std::io::{BufRead, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use chainrule::{Tensor, realize, with_threads};
use work::Row;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [inputs, results] => serve(Path::new(inputs), Path::new(results)),
        ["count", name, runs] => match repeat(name, runs) {
            Ok(()) => {}
            Err(why) => misused(&why),
        },
        _ => misused("run `cargo xtask bench`, which makes the inputs and starts this program"),
    }
}

fn misused(why: &str) {
    eprintln!("error: {why}");
    std::process::exit(2);
}

/// Runs a row on toy inputs, on one thread.
fn repeat(name: &str, runs: &str) -> Result<(), String> {
    let runs: usize = runs.parse().map_err(|_| format!("`{runs}` is no number of runs"))?;
    with_threads(1, || {
        let mut row = work::make(name, &toy::inputs(name, toy::Size::Toy))?;
        (0..runs).try_for_each(|_| (row.run)().map(drop)).map_err(|e| e.to_string())
    })
}

/// Answers commands until there are no more.
fn serve(inputs: &Path, results: &Path) {
    let mut threads = std::env::var("BENCH_THREADS").ok().and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut row = None;
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let (command, word) = line.split_once(' ').unwrap_or((&line, ""));
        let answer = match command {
            "quit" => return,
            "name" => format!("chainrule {}", env!("CARGO_PKG_VERSION")),
            "threads" => {
                threads = word.parse().unwrap_or(0);
                "ok".into()
            }
            "row" => {
                row = None;
                let paths = (inputs.join(word), results.join(word));
                match with_threads(threads, || first(word, &paths.0, &paths.1)) {
                    Ok(made) => {
                        row = Some(made);
                        "ok".into()
                    }
                    Err(why) => format!("absent {}", why.replace('\n', " ")),
                }
            }
            "drop" => {
                row = None;
                "ok".into()
            }
            "limits" => with_threads(threads, limits),
            "scaling" => match with_threads(threads, || scaling::time(word)) {
                Ok(ns) => format!("ns {ns}"),
                Err(why) => format!("absent {why}"),
            },
            "time" | "primal" => match &mut row {
                Some(row) => {
                    let run = if command == "time" { &mut row.run } else { &mut row.primal };
                    let seconds = word.parse().unwrap_or(0.1);
                    format!("ns {}", with_threads(threads, || median(seconds, || drop(run()))))
                }
                None => "absent no row is loaded".into(),
            },
            other => format!("absent there is no command `{other}`"),
        };
        println!("{answer}");
        let _ = std::io::stdout().flush();
    }
}

/// Makes a row, runs it once and writes what it gave.
fn first(name: &str, inputs: &Path, results: &Path) -> Result<Row, String> {
    let given = if inputs.exists() { files::read(inputs)? } else { vec![] };
    let mut row = work::make(name, &given)?;
    let outputs = (row.run)().map_err(|e| e.to_string())?;
    files::write(results, &outputs)?;
    Ok(row)
}

/// The median time of a run in nanoseconds. Short runs are timed in groups of at least 100 µs.
fn median(seconds: f64, mut run: impl FnMut()) -> f64 {
    let mut once = || {
        let start = Instant::now();
        run();
        start.elapsed()
    };
    once();
    let single = once().min(once());
    let group = (100_000 / single.as_nanos().max(1)).clamp(1, 100_000) as u32;
    let (start, mut times) = (Instant::now(), vec![]);
    while start.elapsed() < Duration::from_secs_f64(seconds) || times.len() < 5 {
        let group_start = Instant::now();
        for _ in 0..group {
            run();
        }
        times.push(group_start.elapsed().as_nanos() as f64 / f64::from(group));
    }
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// What the machine allows: the bandwidth of a copy of 10⁷ numbers, counting reads and writes, and
/// the speed of matrix products of 1024³ in both widths.
fn limits() -> String {
    let best = |mut run: Box<dyn FnMut()>| {
        (0..5).map(|_| median(0.1, &mut run)).fold(f64::INFINITY, f64::min)
    };
    let source = Tensor::randn([10_000_000]);
    let copy = best(Box::new(move || drop(realize(&[&(&source * 1.5)]))));
    let product = |a: Tensor, b: Tensor| best(Box::new(move || drop(realize(&[&a.matmul(&b)]))));
    let n = [1024, 1024];
    let single = product(Tensor::randn(n), Tensor::randn(n));
    let double = product(Tensor::randn_f64(n), Tensor::randn_f64(n));
    let operations = 2.0 * 1024f64.powi(3);
    format!("limits {:.1} {:.1} {:.1}", 8e7 / copy, operations / single, operations / double)
}
