//! The speed rows at small sizes: every one runs, gives numbers, and gives the same bits whatever
//! the number of threads.
//!
//! The rows are those of the example `rows`, which `cargo xtask bench` measures; a speed is worth
//! something only while the row computes what it says. Whether the numbers are right is for the
//! bench to tell, which compares them with those of other libraries.

// What is not used here is used by the worker: its files, functions without their derivatives.
#[path = "../examples/rows/lstm.rs"]
mod lstm;
#[path = "../examples/rows/mixture.rs"]
mod mixture;
#[path = "../examples/rows/networks.rs"]
mod networks;
#[path = "../examples/rows/scalar.rs"]
mod scalar;
#[path = "../examples/rows/toy.rs"]
mod toy;
#[allow(dead_code)]
#[path = "../examples/rows/work.rs"]
mod work;

use chainrule::{DType, with_threads};
use toy::Size;

/// The bits of an array.
fn bits(x: &chainrule::Tensor) -> Vec<u64> {
    match x.dtype() {
        DType::F32 => x.to_vec::<f32>().unwrap().iter().map(|x| x.to_bits().into()).collect(),
        _ => x.to_vec::<f64>().unwrap().iter().map(|x| x.to_bits()).collect(),
    }
}

/// The results of two runs from the same start, name by name. The second goes on where rows carry
/// their parameters along.
fn runs(name: &str, size: Size, threads: usize) -> Vec<(&'static str, Vec<u64>)> {
    let run = || -> Result<Vec<_>, String> {
        let mut row = work::make(name, &toy::inputs(name, size))?;
        let mut found = vec![];
        for _ in 0..2 {
            for (result, x) in (row.run)().map_err(|e| e.to_string())? {
                assert!(x.isfinite().all().item::<bool>().unwrap(), "row {name}: {result}");
                found.push((result, bits(&x)));
            }
        }
        Ok(found)
    };
    with_threads(threads, run).unwrap_or_else(|why| panic!("row {name}: {why}"))
}

#[test]
fn every_row_gives_the_same_numbers_with_any_threads() {
    for name in work::NAMES {
        let (one, two) = (runs(name, Size::Toy, 1), runs(name, Size::Toy, 2));
        assert!(!one.is_empty() && one == two, "row {name}");
    }
}

/// As above where the work is shared: at toy size no second thread is ever woken.
#[test]
fn shared_work_gives_the_same_numbers() {
    for name in toy::MIDDLE {
        let (one, two) = (runs(name, Size::Middle, 1), runs(name, Size::Middle, 2));
        for ((result, one), (_, two)) in one.iter().zip(&two) {
            assert!(one == two, "row {name}: {result}");
        }
        assert_eq!(one.len(), two.len());
    }
}

/// The first run starts anew, the second goes on: parameters have moved again.
#[test]
fn training_carries_its_parameters_along() {
    for name in ["9", "10", "13"] {
        let found = runs(name, Size::Toy, 1);
        let (first, second) = found.split_at(found.len() / 2);
        assert!(first.iter().zip(second).all(|(a, b)| a.0 == b.0 && a.1 != b.1), "row {name}");
    }
}

#[test]
fn names_are_those_of_rows() {
    assert!(toy::MIDDLE.iter().all(|name| work::NAMES.contains(name)));
    let why = work::make("27", &[]).err().unwrap_or_default();
    assert!(why.starts_with("there is no row `27`; the rows are 1, 2, 3, "), "{why}");
}
