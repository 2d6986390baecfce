//! Arrays in files: `NAME.bin` holds the numbers, little-endian, and a line of `shapes` the type
//! and the lengths.

use std::fs;
use std::path::Path;

use chainrule::{DType, Tensor};

use crate::work::Named;

/// Reads every array of a folder.
pub(crate) fn read(folder: &Path) -> Result<Vec<Named>, String> {
    let failed = |path: &Path| format!("{} cannot be read", path.display());
    let list = folder.join("shapes");
    let lines = fs::read_to_string(&list).map_err(|_| failed(&list))?;
    lines
        .lines()
        .map(|line| {
            let mut words = line.split(' ');
            let (name, kind) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
            let shape: Vec<i64> = words.filter_map(|n| n.parse().ok()).collect();
            let path = folder.join(format!("{name}.bin"));
            let bytes = fs::read(&path).map_err(|_| failed(&path))?;
            let tensor = match kind {
                "f32" => Tensor::from_vec(numbers(&bytes, f32::from_le_bytes), shape.as_slice()),
                "f64" => Tensor::from_vec(numbers(&bytes, f64::from_le_bytes), shape.as_slice()),
                "i64" => Tensor::from_vec(numbers(&bytes, i64::from_le_bytes), shape.as_slice()),
                _ => return Err(format!("{}: no type `{kind}`", list.display())),
            };
            Ok((name.to_string(), tensor.map_err(|e| e.to_string())?))
        })
        .collect()
}

fn numbers<const N: usize, T>(bytes: &[u8], of: fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks().0.iter().map(|&chunk| of(chunk)).collect()
}

/// Writes results into a folder.
pub(crate) fn write(folder: &Path, results: &[(&str, Tensor)]) -> Result<(), String> {
    let failed = |e: std::io::Error| format!("{}: {e}", folder.display());
    fs::create_dir_all(folder).map_err(failed)?;
    let mut list = String::new();
    for (name, x) in results {
        let (kind, bytes) = match x.dtype() {
            DType::F32 => ("f32", x.to_vec::<f32>().map(|v| le(&v, |x| x.to_le_bytes()))),
            _ => ("f64", x.to_vec::<f64>().map(|v| le(&v, |x| x.to_le_bytes()))),
        };
        fs::write(folder.join(format!("{name}.bin")), bytes.map_err(|e| e.to_string())?)
            .map_err(failed)?;
        let lengths: String = x.shape().iter().map(|n| format!(" {n}")).collect();
        list += &format!("{name} {kind}{lengths}\n");
    }
    fs::write(folder.join("shapes"), list).map_err(failed)
}

fn le<const N: usize, T>(numbers: &[T], of: impl Fn(&T) -> [u8; N]) -> Vec<u8> {
    numbers.iter().flat_map(of).collect()
}
