//! Exact fits by several ranks are those of one: by threads for ranks, on rows in parts.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use chainrule_fit::data::split::Random;
use chainrule_fit::glm::{Family, Fit, Request, fit_file};
use chainrule_fit::parallel::{Communicator, Single, threads};

/// 25,000 rows, seven blocks of 4096 at most: numbers, some missing, levels with ends of lines in
/// quotes, and four targets.
fn file(folder: &tempfile::TempDir) -> PathBuf {
    let mut random = Random::new(5);
    let mut text = String::from("a,b,level,y,two,three,count\n");
    for row in 0..25_000 {
        let [a, b, noise, p] = [0; 4].map(|_| random.uniform());
        let level = ["red", "\"dark\ngreen\"", "\"blue, \"\"light\"\"\""][random.below(3)];
        let eta = 2.0 * a - b + if level == "red" { 0.5 } else { 0.0 };
        let y = 3.0 + eta + 0.1 * noise;
        let two = if p < 1.0 / (1.0 + f64::exp(0.7 - eta)) { "yes" } else { "no" };
        let three = ["x", "y", "z"][((p + eta) * 1.2).clamp(0.0, 2.9) as usize];
        let count = (p * 2.0 * eta.exp()).floor();
        let b = if row % 97 == 3 { String::new() } else { b.to_string() };
        let _ = writeln!(text, "{a},{b},{level},{y},{two},{three},{count}");
    }
    let path = folder.path().join("t.csv");
    std::fs::write(&path, text).unwrap();
    path
}

fn request(target: &str, family: Family) -> Request {
    let features = ["a", "b", "level"].map(String::from).to_vec();
    Request { features: Some(features), ..Request::new(target, family) }
}

/// All of a fit but its time: numbers as texts that tell all bits apart.
fn all(path: &Path, request: &Request, ranks: &dyn Communicator) -> String {
    let fit = fit_file(path, request, ranks).unwrap();
    format!("{:?}", Fit { seconds: 0.0, ..fit })
}

/// The same bits, on every rank, for any number of ranks: 11 are more than there are blocks.
#[test]
fn generalised_linear_models_of_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder);
    for (target, family, sizes) in [
        ("y", Family::Linear, &[1, 2, 3, 5, 11][..]),
        ("y", Family::Ridge(0.1), &[2, 3]),
        ("y", Family::Lasso(0.01), &[3]),
        ("two", Family::Logistic, &[1, 2, 3, 5]),
        ("three", Family::Softmax, &[3]),
        ("count", Family::Poisson, &[2, 3, 5]),
    ] {
        let request = request(target, family);
        let wanted = all(&path, &request, &Single);
        for &size in sizes {
            let found = threads(size, |ranks| all(&path, &request, ranks));
            assert!(found.iter().all(|found| *found == wanted), "{family:?} on {size} ranks");
        }
    }
}

/// What only one rank can see is said by all, with its number; nobody waits.
#[test]
fn a_broken_part_ends_the_job() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    let rows: String = (0..9000).map(|i| format!("{i},{}\n", i % 3)).collect();
    for (last, family, said) in [
        ("1,-2", Family::Poisson, "line 9002, column \"y\": \"-2\" is negative"),
        ("1,2,3", Family::Linear, "line 9002: the row has 3 fields"),
    ] {
        std::fs::write(&path, format!("x,y\n{rows}{last}\n")).unwrap();
        let request = Request { test_split: 0.0, ..Request::new("y", family) };
        let single = fit_file(&path, &request, &Single).unwrap_err().to_string();
        assert!(single.contains(said), "{single}");
        let found = threads(3, |ranks| fit_file(&path, &request, ranks).unwrap_err().to_string());
        assert!(found[0].starts_with("rank ") && found[0].contains(said), "{found:?}");
        assert!(found.iter().all(|text| *text == found[0]), "{found:?}");
    }
    // What is wrong with the file as a whole all ranks find, as one would.
    std::fs::write(&path, format!("x,y\n{rows}inf,2\n")).unwrap();
    let linear = Request { test_split: 0.0, ..Request::new("y", Family::Linear) };
    let single = fit_file(&path, &linear, &Single).unwrap_err().to_string();
    assert!(single.contains("line 9002, column \"x\": text here"), "{single}");
    let found = threads(3, |ranks| fit_file(&path, &linear, ranks).unwrap_err().to_string());
    assert_eq!(found, [&*single; 3]);
}
