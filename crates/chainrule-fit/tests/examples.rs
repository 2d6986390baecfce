//! The examples, each on less: that they run, and that what they learn is no accident.

#![allow(clippy::duplicate_mod, reason = "each example brings what all of them share")]

#[path = "../examples/breast_cancer.rs"]
#[allow(dead_code, reason = "a test does not start at main")]
mod breast_cancer;
#[path = "../examples/co2.rs"]
#[allow(dead_code, reason = "a test does not start at main")]
mod co2;
#[path = "../examples/curves.rs"]
#[allow(dead_code, reason = "a test does not start at main")]
mod curves;
#[path = "../examples/diabetes.rs"]
#[allow(dead_code, reason = "a test does not start at main")]
mod diabetes;
#[path = "../examples/digits.rs"]
#[allow(dead_code, reason = "a test does not start at main")]
mod digits;
#[path = "../examples/names.rs"]
#[allow(dead_code, reason = "a test does not start at main")]
mod names;
#[path = "../examples/spiral.rs"]
#[allow(dead_code, reason = "a test does not start at main")]
mod spiral;

/// The options of an example: quick, with a figure in a folder that goes away, and `words`.
macro_rules! quick {
    ($example:ident, $($word:expr),*) => {{
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("figure.svg");
        let plot = file.to_str().unwrap();
        let words: &[&str] = &["--quick", "--plot", plot, $($word),*];
        let flags: &[&str] = &[$($word),*];
        let options = $example::common::Options::read(words, flags).unwrap();
        let found = $example::run(&options).unwrap();
        let figure = std::fs::read_to_string(&file).unwrap();
        assert!(figure.starts_with("<svg") && figure.len() > 2000);
        found
    }};
}

#[test]
fn digits_are_read() {
    // After few epochs on a third of the rows; a guess has 0.1.
    assert!(quick!(digits,) > 0.7);
}

#[test]
fn digits_are_read_by_convolutions() {
    assert!(quick!(digits, "--cnn") > 0.7);
}

/// Two short epochs: better than the frequencies of letters alone, whose entropy is 2.81.
#[test]
fn names_are_learnt() {
    assert!(quick!(names,) < 2.7);
    assert!(quick!(names, "--lstm") < 2.8);
}

#[test]
fn carbon_dioxide_is_forecast() {
    assert!(quick!(co2,) < 2.0);
}

#[test]
fn tumours_are_told_apart() {
    assert!(quick!(breast_cancer,) > 0.94);
}

#[test]
fn the_lasso_predicts_progression() {
    assert!((quick!(diabetes,) - 0.4796).abs() < 1e-3);
}

/// 80 points: two of them may be wrong. A straight line gets some 60 % right.
#[test]
fn spirals_are_told_apart() {
    assert!(quick!(spiral,) > 0.97);
}

#[test]
fn curves_agree_with_nist() {
    assert!(quick!(curves,) > 7.0);
}

#[test]
fn a_word_that_is_no_option() {
    let why = digits::common::Options::read(&["--qick"], &["--cnn"]).unwrap_err();
    let options = "--quick, --seed N, --plot FILE, --cnn";
    assert_eq!(why.to_string(), format!("--qick is no option; there are {options}"));
}
