//! Fits of files that are read block by block are those of the same files in memory.

use std::fmt::Write;
use std::path::PathBuf;

use chainrule_fit::data::split::Random;
use chainrule_fit::data::stream::{Part, Shares, Stream};
use chainrule_fit::data::table::Table;
use chainrule_fit::glm::{Family, Fit, Request, Score, fit, fit_file};
use chainrule_fit::network;
use chainrule_fit::parallel::Single;

/// 9,000 rows, three blocks of 4096 at most: numbers, one of them a thousand times as large, some
/// missing, levels, and four targets.
fn file(folder: &tempfile::TempDir) -> PathBuf {
    let mut random = Random::new(5);
    let mut text = String::from("a,b,c,level,y,two,three,count\n");
    for row in 0..9000 {
        let [a, b, noise, p] = [0; 4].map(|_| random.uniform());
        let c = 1000.0 * (b + 0.3 * random.uniform());
        let level = ["red", "green", "blue"][random.below(3)];
        let eta = 2.0 * a - b + if level == "red" { 0.5 } else { 0.0 };
        let y = 3.0 + eta + 0.1 * noise;
        let two = if p < 1.0 / (1.0 + f64::exp(0.7 - eta)) { "yes" } else { "no" };
        let three = ["x", "y", "z"][((p + eta) * 1.2).clamp(0.0, 2.9) as usize];
        let count = (p * 2.0 * eta.exp()).floor();
        let b = if row % 97 == 3 { String::new() } else { b.to_string() };
        let _ = writeln!(text, "{a},{b},{c},{level},{y},{two},{three},{count}");
    }
    let path = folder.path().join("t.csv");
    std::fs::write(&path, text).unwrap();
    path
}

fn request(target: &str, family: Family) -> Request {
    let features = ["a", "b", "c", "level"].map(String::from).to_vec();
    Request { features: Some(features), test_split: 0.0, ..Request::new(target, family) }
}

/// Estimates and errors to eight digits: both solve to 10⁻¹⁰, from columns that are standardised
/// by moments which differ in their last digits.
fn agree(streamed: &Fit, whole: &Fit) {
    let close = |a: f64, b: f64, what: &str| {
        let gap = (a - b).abs();
        assert!(gap <= 1e-8 * b.abs().max(1e-3) || a.is_nan() && b.is_nan(), "{what}: {a} {b}");
    };
    assert_eq!(streamed.parameters.len(), whole.parameters.len());
    for (a, b) in streamed.parameters.iter().zip(&whole.parameters) {
        assert_eq!((&a.class, &a.estimate.name), (&b.class, &b.estimate.name));
        close(a.estimate.estimate, b.estimate.estimate, &b.estimate.name);
        close(a.estimate.std_error, b.estimate.std_error, "its error");
    }
    close(streamed.deviance, whole.deviance, "deviance");
    close(streamed.null_deviance, whole.null_deviance, "null deviance");
    close(streamed.log_likelihood, whole.log_likelihood, "likelihood");
    assert_eq!((streamed.rows, &streamed.classes), (whole.rows, &whole.classes));
    assert_eq!(streamed.missing[0].cells, whole.missing[0].cells);
    assert_eq!(
        (streamed.aic.is_some(), &streamed.warnings),
        (whole.aic.is_some(), &whole.warnings)
    );
    match (&streamed.train, &whole.train) {
        (Score::Numbers(a), Score::Numbers(b)) => {
            close(a.rmse, b.rmse, "RMSE");
            close(a.r2.unwrap(), b.r2.unwrap(), "R²");
        }
        (Score::Classes(a), Score::Classes(b)) => {
            assert_eq!(a.confusion, b.confusion);
            close(a.log_loss, b.log_loss, "log-loss");
            // Log-odds are rounded to a thousandth.
            assert!((a.auc.unwrap_or(0.0) - b.auc.unwrap_or(0.0)).abs() < 1e-4);
        }
        _ => panic!("scores of two kinds"),
    }
}

#[test]
fn generalised_linear_models_agree() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder);
    let table = Table::read(&path).unwrap();
    for (target, family) in [
        ("y", Family::Linear),
        ("y", Family::Ridge(0.1)),
        ("y", Family::Lasso(0.01)),
        ("two", Family::Logistic),
        ("three", Family::Softmax),
        ("count", Family::Poisson),
    ] {
        let request = request(target, family);
        agree(&fit_file(&path, &request, &Single).unwrap(), &fit(&table, &request).unwrap());
    }
    let ridge = Request { ridge: 0.05, ..request("two", Family::Logistic) };
    agree(&fit_file(&path, &ridge, &Single).unwrap(), &fit(&table, &ridge).unwrap());
}

#[test]
fn rows_to_test_on_teach_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder);
    let shares = Shares { test: 0.3, validation: 0.1, seed: 2 };
    let features = vec!["a".to_string()];
    let stream = Stream::divided(&path, "y", Some(&features), false, shares).unwrap();
    let table = Table::read(&path).unwrap();
    let train: Vec<f64> = (0..table.len())
        .filter(|&row| shares.part(row) == Part::Train)
        .map(|row| table.number(row, 0).unwrap().unwrap())
        .collect();
    let mean = train.iter().sum::<f64>() / train.len() as f64;
    assert!((stream.encoder().mean[0] - mean).abs() < 1e-12);
    let tested = Request { test_split: 0.3, seed: 2, ..request("two", Family::Logistic) };
    let found = fit_file(&path, &tested, &Single).unwrap();
    assert_eq!(found.rows.train + found.rows.test, 9000);
    let Some(Score::Classes(score)) = found.test else { panic!("a score of classes") };
    let rows: usize = score.confusion.iter().flatten().sum();
    assert!(rows == found.rows.test && score.auc.is_some_and(|auc| auc > 0.6));
}

/// A network in blocks learns what one in memory does: the same task, other batches.
#[test]
fn networks_learn_from_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder);
    let features = Some(["a", "b", "level"].map(String::from).to_vec());
    let usual = network::Request {
        features,
        hidden: vec![8],
        epochs: 4,
        batch: 64,
        ..network::Request::new("y")
    };
    let streamed = network::fit_file(&path, &usual, None).unwrap();
    let whole = network::fit(&Table::read(&path).unwrap(), &usual, None).unwrap();
    assert_eq!(streamed.rows.train + streamed.rows.validation + streamed.rows.test, 9000);
    let rmse = |fit: &network::Fit| match &fit.test {
        Some(Score::Numbers(metrics)) => metrics.rmse,
        _ => f64::NAN,
    };
    // Noise of deviation 0.029, missing cells of 0.03, and four short epochs.
    let (streamed_rmse, whole_rmse) = (rmse(&streamed), rmse(&whole));
    assert!(streamed_rmse < 0.08 && (streamed_rmse / whole_rmse - 1.0).abs() < 0.1);
    let again = network::fit_file(&path, &usual, None).unwrap();
    assert_eq!(again.trained.digest, streamed.trained.digest);
    let classes = network::Request { target: "two".into(), ..usual };
    let found = network::fit_file(&path, &classes, None).unwrap();
    assert_eq!(found.model.classes(), ["no", "yes"]);
}

#[test]
fn what_cannot_be_read_in_blocks_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    let said = |text: &str, target: &str, family: Family| {
        std::fs::write(&path, text).unwrap();
        let request = Request { test_split: 0.0, ..Request::new(target, family) };
        fit_file(&path, &request, &Single).unwrap_err().to_string()
    };
    let rows = |n: usize, last: &str| -> String {
        let all: String = (0..n).map(|i| format!("{i},{}\n", i % 3)).collect();
        format!("x,y\n{all}{last}\n")
    };
    let text = said(&rows(5000, "1,abc"), "y", Family::Linear);
    assert!(text.contains("line 5002, column \"y\": \"abc\" is not a number"), "{text}");
    let text = said(&rows(5000, "1,"), "y", Family::Linear);
    assert!(text.contains("line 5002: the row has no target"), "{text}");
    let text = said(&rows(10, "1,-2"), "y", Family::Poisson);
    assert!(text.contains("line 12") && text.contains("negative"), "{text}");
    let text = said(&rows(10, "1,1"), "y", Family::Logistic);
    assert!(text.contains("3 classes (0, 1, 2)"), "{text}");
    let text = said("x,y\n1,2\n2,2\n", "y", Family::Linear);
    assert!(text.contains("does not vary"), "{text}");
}
