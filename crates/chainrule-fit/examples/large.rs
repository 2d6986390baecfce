//! Fits of a file larger than memory, by one process and by ranks, and whether they are equal.
//!
//! ```text
//! cargo run --release --example large -- make t.csv 200      a CSV file of 200 MB
//! cargo run --release --example large -- fit t.csv 2         fits of it by 2 ranks, as threads
//! cargo run --release --example large -- compare t.csv 2     the same beside one process
//! ```
//!
//! The file has six columns of numbers, one of levels with an end of a line in quotes, and a target
//! for each of three models. Numbers of a fit are compared as texts that tell all bits apart.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use chainrule_fit::data::split::Random;
use chainrule_fit::glm::{Family, Fit, Request, fit_file};
use chainrule_fit::parallel::{Communicator, Single, threads};
use chainrule_fit::{Error, Result};

const USAGE: &str = "usage: large make FILE.csv MB | fit FILE.csv RANKS | compare FILE.csv RANKS";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match &words.iter().map(String::as_str).collect::<Vec<&str>>()[..] {
        ["make", path, size] => number(size).and_then(|mb| make(Path::new(path), mb << 20)),
        ["fit", path, size] => number(size).and_then(|n| compare(Path::new(path), n, false)),
        ["compare", path, size] => number(size).and_then(|n| compare(Path::new(path), n, true)),
        _ => Err(Error::new(USAGE)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

fn number(text: &str) -> Result<usize> {
    text.parse().map_err(|_| Error::new(format!("{text} is no number; {USAGE}")))
}

/// Writes about `size` bytes.
fn make(path: &Path, size: usize) -> Result<()> {
    let failed = |why| Error::new(format!("{} cannot be written: {why}", path.display()));
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).map_err(failed)?);
    let mut random = Random::new(1);
    let mut text = String::from("a,b,c,d,e,f,level,y,two,count\n");
    let mut written = 0;
    while written < size {
        for _ in 0..1000 {
            let x: Vec<f64> = (0..6).map(|_| random.uniform() - 0.5).collect();
            let level = ["red", "\"dark\ngreen\"", "blue"][random.below(3)];
            let shift = if level == "red" { 0.3 } else { 0.0 };
            let along = x.iter().zip([1.0, -0.5, 0.2, 0.0, 0.7, -0.1]).map(|(x, w)| w * x);
            let eta = shift + along.sum::<f64>();
            let noise: f64 = (0..4).map(|_| random.uniform() - 0.5).sum();
            let two = if random.uniform() < 1.0 / (1.0 + (-eta).exp()) { "yes" } else { "no" };
            let count = (random.uniform() * 2.0 * eta.exp()).floor();
            x.iter().for_each(|x| _ = write!(text, "{x:.6},"));
            let _ = writeln!(text, "{level},{:.6},{two},{count}", 2.0 + eta + noise);
        }
        file.write_all(text.as_bytes()).map_err(failed)?;
        written += text.len();
        text.clear();
    }
    file.flush().map_err(failed)
}

/// All of a fit but its time, with the estimates.
fn one(path: &Path, request: &Request, ranks: &dyn Communicator) -> Result<(String, Vec<f64>)> {
    let fit = fit_file(path, request, ranks)?;
    let estimates = fit.parameters.iter().map(|p| p.estimate.estimate).collect();
    Ok((format!("{:?}", Fit { seconds: 0.0, ..fit }), estimates))
}

fn compare(path: &Path, size: usize, with_one: bool) -> Result<()> {
    let features: Vec<String> = ["a", "b", "c", "d", "e", "f", "level"].map(String::from).to_vec();
    for (target, family) in
        [("y", Family::Linear), ("two", Family::Logistic), ("count", Family::Poisson)]
    {
        let features = Some(features.clone());
        let request = Request { features, ..Request::new(target, family) };
        let begin = Instant::now();
        let parts = threads(size, |ranks| one(path, &request, ranks));
        let parts = parts.into_iter().collect::<Result<Vec<_>>>()?;
        println!("{target} by {size} ranks in {:.1} s", begin.elapsed().as_secs_f64());
        println!("  {:?}", parts[0].1);
        if !parts.iter().all(|part| *part == parts[0]) {
            return Err(Error::new("the ranks do not agree"));
        }
        if with_one {
            let begin = Instant::now();
            let whole = one(path, &request, &Single)?;
            let gaps = whole.1.iter().zip(&parts[0].1).map(|(a, b)| (a - b).abs() / a.abs());
            let same = if whole == parts[0] { "every bit" } else { "not every bit" };
            println!(
                "  by one process in {:.1} s: {same} the same, estimates to {:.1e}",
                begin.elapsed().as_secs_f64(),
                gaps.fold(0.0, f64::max)
            );
        }
    }
    Ok(())
}
