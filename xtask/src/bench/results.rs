//! What an engine computed, and whether it is the same.
//!
//! Results are files like inputs: `shapes` names the arrays of numbers beside it. Two arrays are
//! the same if no element differs by more than a fraction of the largest.
//!
//! That says nothing about a weight that a step of training has moved by a ten-thousandth. An array
//! that was among the inputs is compared by what the step added to it, and as a whole: Adam divides
//! a gradient by its own size, so where it is nearly zero its rounding errors become a large part
//! of that one element's step.

use super::inputs::{Kind, shape_of};
use std::fs;
use std::path::Path;

/// How far the steps of two engines may lie apart, as a fraction of their length. They do by 10⁻⁴
/// and less; weights near 1 with a step near 10⁻⁵ have rounding errors of several thousandths.
const STEP: f64 = 5e-3;

/// A named array of numbers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Array {
    pub name: String,
    values: Vec<f64>,
}

/// The arrays of a folder whose names are `wanted`, in the order of their names.
pub(super) fn read(folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<Array>, String> {
    let shapes = fs::read_to_string(folder.join("shapes")).map_err(|_| "no results".to_string())?;
    let mut arrays = Vec::new();
    for line in shapes.lines() {
        let (name, kind, count) = shape_of(line).ok_or_else(|| format!("no shape: {line}"))?;
        if !wanted(name) {
            continue;
        }
        let bytes = fs::read(folder.join(name).with_extension("bin"))
            .map_err(|error| format!("{name}: {error}"))?;
        if bytes.len() != count * kind.bytes() {
            return Err(format!("{name} has {} bytes for {count} numbers", bytes.len()));
        }
        arrays.push(Array { name: name.to_string(), values: values(kind, &bytes) });
    }
    arrays.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(arrays)
}

fn values(kind: Kind, bytes: &[u8]) -> Vec<f64> {
    let (fours, _) = bytes.as_chunks::<4>();
    let (eights, _) = bytes.as_chunks::<8>();
    match kind {
        Kind::F32 => fours.iter().map(|b| f32::from_le_bytes(*b).into()).collect(),
        Kind::F64 => eights.iter().map(|b| f64::from_le_bytes(*b)).collect(),
        Kind::I64 => eights.iter().map(|b| i64::from_le_bytes(*b) as f64).collect(),
    }
}

/// The first way in which `theirs` differs from `ours`, given the row's inputs.
pub(super) fn difference(
    ours: &[Array],
    theirs: &[Array],
    inputs: &[Array],
    tolerance: f64,
) -> Option<String> {
    let lacks = |a: &[Array], b: &[Array]| {
        let lost = a.iter().find(|x| b.iter().all(|y| x.name != y.name))?;
        Some(lost.name.clone())
    };
    if let Some(name) = lacks(ours, theirs) {
        return Some(format!("no {name}"));
    }
    if let Some(name) = lacks(theirs, ours) {
        return Some(format!("{name} too many"));
    }
    ours.iter().zip(theirs).find_map(|(a, b)| {
        let [x, y] = [a, b].map(|array| &array.values);
        if x.len() != y.len() {
            return Some(format!("{}, {} elements for {}", a.name, y.len(), x.len()));
        }
        let start = inputs.iter().find(|start| start.name == a.name);
        let Some(start) = start.filter(|start| start.values.len() == x.len()) else {
            let far = distance(x, y);
            return (far > tolerance).then(|| format!("{}, {far:.1e}", a.name));
        };
        let far = distance_of_steps(x, y, &start.values);
        (far > STEP).then(|| format!("step of {}, {far:.1e}", a.name))
    })
}

/// The largest difference over the largest element of `x`; infinite where one is not a number and
/// the other is.
fn distance(x: &[f64], y: &[f64]) -> f64 {
    let mut far: f64 = 0.0;
    for (x, y) in x.iter().zip(y) {
        let same = x == y || x.is_nan() && y.is_nan();
        let apart = (x - y).abs();
        far = if same { far } else { far.max(if apart.is_nan() { f64::INFINITY } else { apart }) };
    }
    let largest = x.iter().filter(|x| x.is_finite()).fold(0.0, |m: f64, x| m.max(x.abs()));
    if far == 0.0 { 0.0 } else { far / largest }
}

/// The length of the difference between two steps from `start`, over that of the step to `x`.
fn distance_of_steps(x: &[f64], y: &[f64], start: &[f64]) -> f64 {
    let squares = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
    let (apart, length) = (squares(x, y), squares(x, start));
    let far = (apart / length).sqrt();
    match apart {
        0.0 => 0.0,
        _ if far.is_nan() => f64::INFINITY,
        _ => far,
    }
}

/// Whether two folders hold the same files, byte for byte.
pub(super) fn same_bytes(a: &Path, b: &Path) -> bool {
    let files = |folder: &Path| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
        names.sort();
        names
    };
    let names = files(a);
    let same = |name: &std::ffi::OsString| {
        let [a, b] = [a, b].map(|folder| fs::read(folder.join(name)).ok());
        a.is_some() && a == b
    };
    !names.is_empty() && names == files(b) && names.iter().all(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrays(arrays: &[(&str, &[f64])]) -> Vec<Array> {
        let array = |(name, values): &(&str, &[f64])| Array {
            name: name.to_string(),
            values: values.to_vec(),
        };
        arrays.iter().map(array).collect()
    }

    fn compare(x: &[f64], y: &[f64]) -> Option<String> {
        difference(&arrays(&[("y", x)]), &arrays(&[("y", y)]), &[], 1e-3)
    }

    #[test]
    fn elements_may_differ_by_a_fraction_of_the_largest() {
        assert_eq!(compare(&[1.0, -100.0], &[1.09, -100.0]), None);
        assert_eq!(compare(&[1.0, -100.0], &[1.2, -100.0]), Some("y, 2.0e-3".into()));
        assert_eq!(compare(&[0.0, 0.0], &[0.0, -0.0]), None);
        assert_eq!(compare(&[0.0], &[1e-30]), Some("y, inf".into()));
        assert_eq!(compare(&[], &[]), None);
    }

    #[test]
    fn what_is_not_a_number_differs_from_numbers_only() {
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        assert_eq!(compare(&[nan, inf, 1.0], &[nan, inf, 1.0]), None);
        for (x, y) in [(nan, 1.0), (1.0, nan), (inf, 1.0), (1.0, inf), (inf, -inf), (inf, nan)] {
            assert_eq!(compare(&[x, 1.0], &[y, 1.0]), Some("y, inf".into()), "{x} {y}");
        }
    }

    #[test]
    fn arrays_are_the_same_by_name_and_size() {
        let (a, b) = (arrays(&[("a", &[1.0])]), arrays(&[("a", &[1.0]), ("b", &[1.0])]));
        assert_eq!(difference(&b, &a, &[], 1e-3), Some("no b".into()));
        assert_eq!(difference(&a, &b, &[], 1e-3), Some("b too many".into()));
        assert_eq!(compare(&[1.0], &[1.0, 1.0]), Some("y, 2 elements for 1".into()));
    }

    #[test]
    fn a_step_of_training_must_be_made() {
        let w = |step: [f64; 3]| arrays(&[("w", &step.map(|step| 1.0 + 1e-5 * step))]);
        let compare = |x, y| difference(&w(x), &w(y), &w([0.0; 3]), 1e-3);
        assert_eq!(compare([1.0, 2.0, 3.0], [1.0, 2.0, 3.01]), None);
        let missing = compare([1.0, 2.0, 3.0], [0.0; 3]).unwrap();
        assert_eq!(missing, "step of w, 1.0e0");
        let half = compare([1.0, 2.0, 3.0], [0.5, 1.0, 1.5]).unwrap();
        assert_eq!(half, "step of w, 5.0e-1");
        assert_eq!(compare([0.0; 3], [0.0; 3]), None);
        assert_eq!(compare([0.0; 3], [0.0, 0.0, 1.0]), Some("step of w, inf".into()));
        assert_eq!(compare([1.0; 3], [f64::NAN; 3]), Some("step of w, inf".into()));
    }

    #[test]
    fn files_are_read_and_compared() {
        let folder = std::env::temp_dir().join(format!("results-{}", std::process::id()));
        let [a, b] = ["a", "b"].map(|name| folder.join(name));
        for (folder, last) in [(&a, 2.0f32), (&b, 3.0)] {
            fs::create_dir_all(folder).unwrap();
            fs::write(folder.join("shapes"), "x f32 1 2\ny f64\n").unwrap();
            let x = [1.0f32, last].map(f32::to_le_bytes).concat();
            fs::write(folder.join("x.bin"), x).unwrap();
            fs::write(folder.join("y.bin"), 0.5f64.to_le_bytes()).unwrap();
        }
        assert_eq!(read(&a, |_| true).unwrap(), arrays(&[("x", &[1.0, 2.0]), ("y", &[0.5])]));
        assert_eq!(read(&a, |name| name == "y").unwrap(), arrays(&[("y", &[0.5])]));
        assert!(same_bytes(&a, &a) && !same_bytes(&a, &b) && !same_bytes(&folder, &a));
        fs::write(a.join("y.bin"), [0; 4]).unwrap();
        assert_eq!(read(&a, |_| true), Err("y has 4 bytes for 1 numbers".into()));
        assert_eq!(read(&folder, |_| true), Err("no results".into()));
        fs::remove_dir_all(folder).unwrap();
    }
}
