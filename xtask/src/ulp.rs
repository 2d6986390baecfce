//! `cargo xtask ulp`: how accurate the elementary functions are.
//!
//! The test `ulp` of `chainrule-kernels` measures, and prints a line for each function and type.
//! They become two tables here: errors in units of the last place with an argument where they
//! occur, and relative errors of functions that are only compared in that way. `--save` puts the
//! tables into `docs/accuracy.md`, between the marks `ulp`.

use crate::{columns, marks, shell};
use std::fs;
use std::process::ExitCode;

const DOCUMENT: &str = "docs/accuracy.md";

/// What the test said of a function in one type.
#[derive(Clone, Debug, PartialEq)]
struct Found {
    name: String,
    dtype: String,
    /// The error, and whether it is in units of the last place or relative.
    error: String,
    is_ulp: bool,
    place: Option<String>,
}

pub(crate) fn run(words: &[String]) -> ExitCode {
    let save = match words {
        [] => false,
        [word] if word == "--save" => true,
        _ => {
            eprintln!("error: `cargo xtask ulp` has one option, `--save`");
            return ExitCode::from(2);
        }
    };
    match print(save) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", error.trim_end());
            ExitCode::FAILURE
        }
    }
}

/// Measures, prints the tables, and saves them if that is asked for.
fn print(save: bool) -> Result<(), String> {
    let words = ["test", "--release", "-p", "chainrule-kernels", "--test", "ulp", "--"];
    let mut command = shell::cargo(&words);
    // One test at a time, so that each has its lines together.
    command.args(["--nocapture", "--test-threads=1", "table"]);
    let said = shell::capture(command)?;
    let found: Vec<Found> = said.lines().filter_map(read).collect();
    if found.is_empty() {
        return Err(format!("the test `ulp` printed no table:\n{said}"));
    }
    let tables = [units(&found), relative(&found)];
    for (head, rows) in &tables {
        println!("{}", columns::aligned(head, rows, 1));
    }
    if save {
        let tables = tables.map(|(head, rows)| columns::markdown(head, rows, 1)).join("\n");
        let text = shell::read(DOCUMENT).and_then(|text| marks::between(&text, "ulp", &tables));
        let text = text.ok_or_else(|| format!("{DOCUMENT} has no marks `ulp`"))?;
        fs::write(shell::root().join(DOCUMENT), text).map_err(|e| format!("{DOCUMENT}: {e}"))?;
        println!("{DOCUMENT} has these tables now");
    }
    Ok(())
}

/// Reads a line that the test prints, behind the name of the test if it is the first.
fn read(line: &str) -> Option<Found> {
    let line = match line.strip_prefix("test ") {
        Some(rest) => rest.split_once(" ... ")?.1,
        None => line,
    };
    let (name, rest) = line.split_once(' ')?;
    let (dtype, rest) = rest.trim_start().split_once("  ")?;
    let (error, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let nearest = error.parse::<f64>().ok()? == 0.0;
    // Whole numbers are exactly that: distances between rounded numbers.
    let error = error.trim_end_matches(".00");
    let place = rest.strip_prefix("ULP at ").and_then(shortened);
    ["f32", "f64"].contains(&dtype).then(|| Found {
        name: name.into(),
        dtype: dtype.into(),
        error: error.into(),
        is_ulp: !rest.is_empty(),
        place: place.filter(|_| !nearest),
    })
}

/// An argument, or two, in four digits.
fn shortened(place: &str) -> Option<String> {
    let numbers = place.split(", ").map(|x| x.parse::<f64>().ok().map(|x| format!("{x:.3e}")));
    numbers.collect::<Option<Vec<_>>>().map(|numbers| numbers.join(", "))
}

type Table = (Vec<String>, Vec<Vec<String>>);

/// A line for each function with its error in both types.
fn units(found: &[Found]) -> Table {
    let head = ["function", "f32, ULP", "at", "f64, ULP", "at"].map(String::from).to_vec();
    let mut names: Vec<&str> = Vec::new();
    for one in found.iter().filter(|one| one.is_ulp) {
        if !names.contains(&one.name.as_str()) {
            names.push(&one.name);
        }
    }
    let cells = |name: &str, dtype: &str| {
        let one = found.iter().find(|one| one.name == name && one.dtype == dtype);
        let or_none = |cell: Option<String>| cell.unwrap_or_else(|| "–".into());
        let error = or_none(one.map(|one| one.error.clone()));
        [error, or_none(one.and_then(|one| one.place.clone()))]
    };
    let row = |name: &str| {
        let types = ["f32", "f64"].into_iter().flat_map(|dtype| cells(name, dtype));
        std::iter::once(name.to_string()).chain(types).collect()
    };
    (head, names.into_iter().map(row).collect())
}

fn relative(found: &[Found]) -> Table {
    let head = ["function", "f64, relative"].map(String::from).to_vec();
    let rows = found.iter().filter(|one| !one.is_ulp);
    (head, rows.map(|one| vec![one.name.clone(), one.error.clone()]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "
running 4 tests
test table_of_single_precision ... exp        f32  0.98 ULP at 3.713828659057617e1
cbrt       f32  0.00 ULP at 0e0
erf        f32  1.08 ULP at -9.232615828514099e-1
ok
test table_of_double_precision ... exp        f64  1.00 ULP at 9.467999999947628e-2
ok
test table_of_special_functions ... erf        f64  1 between rounded values
lgamma     f64  4.3e-16
ok
test table_of_two_arguments ... pow        f32  0.50 ULP at 2.937389221191406e2, 1.5628e0
ok

test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out; finished in 1.48s
";

    #[test]
    fn lines_of_the_test_become_tables() {
        let found: Vec<Found> = SAID.lines().filter_map(read).collect();
        let lines = |(_, rows): Table| rows.iter().map(|r| r.join(" ")).collect::<Vec<_>>();
        let expected = [
            "exp 0.98 3.714e1 1 9.468e-2",
            "cbrt 0 – – –",
            "erf 1.08 -9.233e-1 1 –",
            "pow 0.50 2.937e2, 1.563e0 – –",
        ];
        assert_eq!(lines(units(&found)), expected);
        assert_eq!(lines(relative(&found)), ["lgamma 4.3e-16"]);
    }

    #[test]
    fn other_lines_are_not_read() {
        for line in ["", "ok", "running 4 tests", "test special_values ... ok", "exp f32  many"] {
            assert_eq!(read(line), None, "{line}");
        }
    }
}
