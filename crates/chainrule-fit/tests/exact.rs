//! Exact fits by several ranks are those of one: by threads for ranks, on rows in parts.

mod strd;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use chainrule_core::Tensor;
use chainrule_fit::curve::{CurveFit, Request as CurveRequest, fit_over};
use chainrule_fit::data::array::{Array, Numbers};
use chainrule_fit::data::npy;
use chainrule_fit::data::split::Random;
use chainrule_fit::glm::{Family, Fit, Request, fit_file};
use chainrule_fit::least_squares::ols::{ols, ols_over};
use chainrule_fit::parallel::{Communicator, Single, part, threads};
use chainrule_fit::solve::{Loss, Method, Options};
use strd::{LINEAR, Linear, NONLINEAR, Problem, judged};

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

/// NIST's linear problems keep the digits that one process has (`nist.rs`), also where ranks have
/// fewer rows than columns, or none.
#[test]
fn linear_problems_keep_their_certified_digits() {
    for (name, degree) in LINEAR {
        let problem = Linear::read(name, degree);
        let n = problem.response.len();
        let single = ols(&problem.design, &problem.response, 0.95).unwrap();
        for size in [1, 2, 3, 5, 100] {
            let fits = threads(size, |ranks| {
                let rows = part(n, ranks);
                let own = problem.design.rows(rows.clone());
                ols_over(&own, &problem.response[rows], 0.95, ranks).unwrap()
            });
            let first = &fits[0];
            for fit in &fits {
                assert_eq!((&fit.estimates, fit.rank), (&first.estimates, first.rank));
            }
            let (digits, errors) =
                judged(&first.estimates, &problem.certified, &problem.deviations, 15.0);
            println!("{name} on {size} ranks: {digits:.1} digits, errors {errors:.1}");
            assert!(digits >= 13.0, "{name} on {size} ranks: {digits}");
            let wanted = if name == "Filip" { 7.0 } else { 12.0 };
            assert!(errors >= wanted, "{name} on {size} ranks: {errors}");
            let near = |a: f64, b: f64| (a - b).abs() <= 1e-10 * b.abs();
            assert!(near(first.r_squared.unwrap(), single.r_squared.unwrap()));
            // Where y is a polynomial, F has nothing but rounding to divide by.
            let exact = single.rss < 1e-18 * problem.response.iter().map(|y| y * y).sum::<f64>();
            let (f, wanted) = (first.f.unwrap().0, single.f.unwrap().0);
            assert!(exact || near(f, wanted), "{name}: F is {f} for {wanted}");
            assert!((first.condition / single.condition - 1.0).abs() < 1e-6);
            let rows: usize = fits.iter().map(|fit| fit.residuals.len()).sum();
            assert_eq!((rows, first.dof), (n, single.dof));
        }
    }
}

/// The same problems as files. Columns are standardised and nothing is refined, so that condition
/// takes its digits: those of one process, bit for bit. Powers that are rounded to doubles are
/// another problem than Filip's (`nist.rs`).
#[test]
fn linear_problems_in_files_lose_nothing_by_ranks() {
    let folder = tempfile::tempdir().unwrap();
    for (name, degree, least) in [("Longley", None, 13.0), ("Filip", Some(10), 7.0)] {
        let problem = Linear::read(name, degree);
        let columns = &problem.columns[1..];
        let mut text: String = (1..=columns.len()).map(|j| format!("x{j},")).collect();
        text += "y\n";
        for (i, y) in problem.response.iter().enumerate() {
            columns.iter().for_each(|c| _ = write!(text, "{:?},", c[i]));
            let _ = writeln!(text, "{y:?}");
        }
        let path = folder.path().join("t.csv");
        std::fs::write(&path, text).unwrap();
        let request = Request { test_split: 0.0, ..Request::new("y", Family::Linear) };
        let single = fit_file(&path, &request, &Single).unwrap();
        let fits = threads(3, |ranks| fit_file(&path, &request, ranks).unwrap());
        assert!(fits.iter().all(|fit| fit.parameters == single.parameters));
        let all = fits[0].parameters.iter().map(|p| p.estimate.clone());
        let mut estimates: Vec<_> = all.collect();
        // The intercept comes last here.
        estimates.rotate_right(1);
        let (digits, errors) = judged(&estimates, &problem.certified, &problem.deviations, 15.0);
        println!("{name} as a file: {digits:.1} digits, errors {errors:.1}");
        assert!(digits >= least, "{name}: {digits}");
    }
}

#[test]
fn what_is_wrong_with_the_rows_of_a_rank() {
    let problem = Linear::read("Longley", None);
    let said = threads(3, |ranks| {
        let rows = part(16, ranks);
        let (own, mut y) = (problem.design.rows(rows.clone()), problem.response[rows].to_vec());
        if ranks.rank() == 1 {
            y[2] = f64::NAN;
        }
        ols_over(&own, &y, 0.95, ranks).unwrap_err().to_string()
    });
    assert_eq!(said, ["rank 1: a number of y is not finite; leave its row out"; 3]);
}

fn near(found: f64, wanted: f64, tolerance: f64, what: &str) {
    let same = found == wanted || found.is_nan() && wanted.is_nan();
    let gap = (found - wanted).abs();
    assert!(same || gap <= tolerance * wanted.abs(), "{what}: {found} for {wanted}");
}

/// What is said of a curve is what one process says; all ranks say the same.
fn agree(fits: &[CurveFit], single: &CurveFit, tolerance: f64, what: &str) {
    let near = |found, wanted, what: &str| near(found, wanted, tolerance, what);
    for fit in fits {
        assert_eq!(fit.estimates, fits[0].estimates, "{what}");
        assert_eq!(fit.residue.largest, fits[0].residue.largest, "{what}");
    }
    let fit = &fits[0];
    for (own, all) in fit.estimates.iter().zip(&single.estimates) {
        near(own.estimate, all.estimate, &format!("{what}: {}", own.name));
        near(own.std_error, all.std_error, &format!("{what}: error of {}", own.name));
    }
    near(fit.rss, single.rss, &format!("{what}: RSS"));
    near(fit.sigma, single.sigma, &format!("{what}: σ"));
    near(fit.aic, single.aic, &format!("{what}: AIC"));
    near(fit.metrics.rmse, single.metrics.rmse, &format!("{what}: RMSE"));
    near(fit.metrics.r2.unwrap(), single.metrics.r2.unwrap(), &format!("{what}: R²"));
    assert_eq!((fit.rows, fit.dof), (single.rows, single.dof));
    assert_eq!((&fit.at_bound, &fit.undetermined), (&single.at_bound, &single.undetermined));
    assert_eq!(fit.outcome.converged(), single.outcome.converged());
    let rows: Vec<usize> = fit.residue.largest.iter().map(|l| l.0).collect();
    let wanted: Vec<usize> = single.residue.largest.iter().map(|l| l.0).collect();
    assert_eq!(rows, wanted, "{what}");
    let p = |a: f64, b: f64| a.is_nan() && b.is_nan() || (a - b).abs() < 1e-8;
    assert!(p(fit.residue.runs_p, single.residue.runs_p), "{what}: runs");
    assert!(p(fit.residue.normal_p, single.residue.normal_p), "{what}: normality");
}

/// NIST's nonlinear problems by rows in parts: 11 digits are certified.
#[test]
fn nonlinear_problems_keep_their_certified_digits() {
    for size in [2, 3, 5] {
        let (mut least, mut least_errors) = (f64::INFINITY, f64::INFINITY);
        for (name, _) in NONLINEAR {
            let problem = Problem::read("nonlinear", name);
            let fits = threads(size, |ranks| {
                let own = problem.part(part(problem.response.len(), ranks));
                own.fit_over(&problem.starts[1], ranks)
            });
            let (certified, deviations) = (&problem.certified, &problem.deviations);
            let (digits, errors) = judged(&fits[0].estimates, certified, deviations, 11.0);
            println!("{name} on {size} ranks: {digits:.1} digits, errors {errors:.1}");
            assert!(fits.iter().all(|fit| fit.outcome.converged()), "{name}");
            assert!(fits.iter().all(|fit| fit.estimates == fits[0].estimates), "{name}");
            (least, least_errors) = (least.min(digits), least_errors.min(errors));
        }
        assert!(least >= 10.2 && least_errors >= 10.0, "{least} {least_errors}");
    }
}

/// Weights, a loss, a bound, a search without a start, more ranks than rows.
#[test]
fn curves_of_rows_in_parts() {
    let n = 40;
    let x: Vec<f64> = (0..n).map(|i| 0.1 * i as f64).collect();
    let mut random = Random::new(2);
    let mut curve = |x: &f64| 5.0 * (-0.8 * x).exp() + 1.0 + 0.2 * (random.uniform() - 0.5);
    let mut y: Vec<f64> = x.iter().map(&mut curve).collect();
    y[17] += 3.0;
    let weights: Vec<f64> = (0..n).map(|i| f64::from(i as u8 % 3)).collect();
    let free = (f64::NEG_INFINITY, f64::INFINITY);
    let plain = CurveRequest::new(["height", "rate", "floor"]);
    let options = Options::default();
    let with = |options: Options| CurveRequest { options, ..plain.clone().start(&[1.0; 3]) };
    for (what, request) in [
        ("plain", with(options.clone())),
        ("dogleg", with(Options { method: Method::Dogleg, ..options.clone() })),
        ("weights", with(Options { weights, ..options.clone() })),
        ("huber", with(Options { loss: Loss::Huber(0.1), ..options.clone() })),
        ("bound", with(Options { bounds: vec![free, (0.0, 0.7), free], ..options })),
        ("search", plain),
    ] {
        let fit = |rows: std::ops::Range<usize>, ranks: &dyn Communicator| {
            let at = Tensor::from(x[rows.clone()].to_vec());
            let weights = &request.options.weights;
            let weights = weights.get(rows.clone()).map_or(vec![], <[f64]>::to_vec);
            let options = Options { weights, ..request.options.clone() };
            let request = CurveRequest { options, ..request.clone() };
            let model = |b: &Tensor| b.i(0) * (-b.i(1) * &at).exp() + b.i(2);
            fit_over(model, &y[rows], &request, ranks).unwrap()
        };
        let single = fit(0..n, &Single);
        // A search exchanges a few numbers some ten thousand times.
        let sizes: &[usize] = match what {
            "plain" => &[1, 2, 3, 5, 50],
            "search" => &[3],
            _ => &[2, 3, 5],
        };
        for &size in sizes {
            let fits = threads(size, |ranks| fit(part(n, ranks), ranks));
            // Steps for a loss are not those of Newton, and end where the cost has no more digits,
            // at half of those of the parameters.
            let tolerance = if what == "huber" { 1e-8 } else { 1e-10 };
            agree(&fits, &single, tolerance, &format!("{what} on {size} ranks"));
        }
    }
}

/// Failures of one rank, and numbers of rows that count from the first rank's.
#[test]
fn what_is_wrong_with_the_curve_of_a_rank() {
    let said = |bad: f64, x0: f64| {
        threads(3, |ranks| {
            let x = Tensor::from(vec![if ranks.rank() == 1 { x0 } else { 1.0 }; 4]);
            let y = [1.0, 2.0, if ranks.rank() == 2 { bad } else { 3.0 }, 4.0];
            let request = CurveRequest::new(["a", "b"]).start(&[1.0, 1.0]);
            let model = |b: &Tensor| b.i(0) * x.ln() + b.i(1);
            fit_over(model, &y, &request, ranks).unwrap_err().to_string()
        })
    };
    let wanted = "rank 2: an observation is not finite; leave it out";
    assert_eq!(said(f64::NAN, 1.0), [wanted; 3]);
    let found = said(3.0, -1.0);
    assert!(found.iter().all(|text| *text == found[0]), "{found:?}");
    assert!(found[0].contains('5'), "{found:?}");
}

/// Ranks read their rows of an array, and no others: what is broken in those of one, only that one
/// meets.
#[test]
fn rows_of_arrays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let whole = Array::new([23, 3, 2], (0..138).map(|i| i as f32).collect::<Vec<f32>>()).unwrap();
    npy::write(&path, &whole).unwrap();
    for size in [1, 2, 3, 5, 30] {
        let parts = threads(size, |ranks| {
            let rows = npy::Rows::open(&path).unwrap();
            assert_eq!(rows.shape(), [23, 3, 2]);
            rows.read(part(rows.len(), ranks)).unwrap()
        });
        let numbers = parts.iter().flat_map(|array| match array.numbers() {
            Numbers::F32(x) => x.clone(),
            _ => vec![],
        });
        assert_eq!(Array::new([23, 3, 2], numbers.collect::<Vec<f32>>()).unwrap(), whole);
    }
    let rows = npy::Rows::open(&path).unwrap();
    assert!(rows.read(20..24).unwrap_err().to_string().contains("no rows 20 to 24 among 23"));
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.pop();
    std::fs::write(&path, &bytes).unwrap();
    assert!(npy::Rows::open(&path).unwrap_err().to_string().contains("it is cut off"));
    npy::write(&path, &Array::new([10, 2], vec![true; 20]).unwrap()).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.len() - 2;
    bytes[at] = 7;
    std::fs::write(&path, &bytes).unwrap();
    let found = threads(2, |ranks| {
        let rows = npy::Rows::open(&path).unwrap();
        rows.read(part(rows.len(), ranks)).map_err(|why| why.to_string())
    });
    assert_eq!(found[0], Ok(Array::new([5, 2], vec![true; 10]).unwrap()));
    assert!(found[1].as_ref().unwrap_err().contains("neither 0 nor 1"));
    for (shape, order, said) in [("()", "False", "has no rows"), ("(2, 3)", "True", "scattered")] {
        let text = format!("{{'descr': '<f8', 'fortran_order': {order}, 'shape': {shape}}}");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend([text.as_bytes(), &[0; 48][..]].concat());
        std::fs::write(&path, &bytes).unwrap();
        let found = npy::Rows::open(&path).unwrap_err().to_string();
        assert!(found.contains(said), "{found}");
    }
}
