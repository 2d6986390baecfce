//! `cargo xtask python`: the Python package, built and proven.
//!
//! The package is put together under `target/python` of its Python sources and the library that
//! cargo built, beside a virtual environment with what the tests need (the pinned list is
//! `crates/chainrule-py/requirements.txt`, installed once). `cargo xtask test` uses the library
//! that it builds with everything else; the wheel that users install is made by `cargo xtask
//! wheel`.

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::{env, fs, io};

use crate::shell;

const CRATE: &str = "crates/chainrule-py";

/// How the tests of the package went.
pub(crate) enum Outcome {
    /// So many passed and failed.
    Ran { passed: usize, failed: usize },
    /// There is no Python on this machine, or one that is too old.
    Skipped(String),
    /// Something that is no test went wrong.
    Broken(String),
}

/// Builds the package and runs the tests whose names contain `filter`.
pub(crate) fn run(filter: Option<&str>) -> ExitCode {
    if !succeeds(shell::cargo(&["build", "--package", "chainrule-py"])) {
        return ExitCode::FAILURE;
    }
    match prove(filter) {
        Outcome::Ran { failed: 0, .. } => ExitCode::SUCCESS,
        Outcome::Ran { .. } => ExitCode::FAILURE,
        Outcome::Skipped(why) => {
            println!("skipped the Python package: {why}");
            ExitCode::SUCCESS
        }
        Outcome::Broken(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

/// `cargo xtask wheel`: the wheel that users install, in `target/wheels`.
pub(crate) fn wheel() -> ExitCode {
    match environment() {
        Err(Outcome::Skipped(why) | Outcome::Broken(why)) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
        Err(Outcome::Ran { .. }) => ExitCode::FAILURE,
        Ok(python) => {
            let manifest = format!("{CRATE}/Cargo.toml");
            let words = ["-m", "maturin", "build", "--release", "--manifest-path", &manifest];
            shell::run(shell::program(&python.to_string_lossy(), &words))
        }
    }
}

/// Puts the package together with the library that was built last, and runs the tests.
pub(crate) fn prove(filter: Option<&str>) -> Outcome {
    // Names of Python's tests are words; pytest takes anything else for an expression.
    if filter.is_some_and(|filter| !filter.chars().all(|c| c.is_alphanumeric() || c == '_')) {
        return Outcome::Ran { passed: 0, failed: 0 };
    }
    let python = match environment() {
        Ok(python) => python,
        Err(outcome) => return outcome,
    };
    let package = match assemble() {
        Ok(package) => package,
        Err(error) => return Outcome::Broken(format!("the package was not put together: {error}")),
    };
    let mut pytest = shell::program(&python.to_string_lossy(), &["-m", "pytest", "-q"]);
    let rules = format!("{CRATE}/pyproject.toml");
    pytest.args(["-p", "no:cacheprovider", "-c", &rules, "--rootdir", CRATE]);
    pytest.arg(format!("{CRATE}/tests"));
    pytest.env("PYTHONPATH", package).env("PYTHONDONTWRITEBYTECODE", "1");
    if let Some(filter) = filter {
        pytest.args(["-k", filter]);
    }
    match shell::tee(pytest) {
        Err(error) => Outcome::Broken(format!("pytest did not start: {error}")),
        Ok((_, lines)) => match lines.iter().rev().find_map(|line| tally(line)) {
            Some((passed, failed)) => Outcome::Ran { passed, failed },
            None => Outcome::Broken("pytest did not say how many tests it ran".into()),
        },
    }
}

/// Reads `3 failed, 40 passed, 2 errors in 5.10s`, or `5 deselected in 0.02s`.
fn tally(line: &str) -> Option<(usize, usize)> {
    let line = line.trim_matches(['=', ' ']);
    let (counts, _) = line.rsplit_once(" in ")?;
    let (mut passed, mut failed, mut any) = (0, 0, false);
    for part in counts.split(", ") {
        let (number, what) = part.split_once(' ')?;
        let number: usize = number.parse().ok()?;
        any = true;
        match what {
            "passed" => passed += number,
            "failed" | "error" | "errors" => failed += number,
            _ => {}
        }
    }
    any.then_some((passed, failed))
}

/// Where build products go.
fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| shell::root().join("target"), PathBuf::from)
}

/// The environment's interpreter, with everything that the tests need.
fn environment() -> Result<PathBuf, Outcome> {
    let system = ["python3", "python"].into_iter().find(|name| suits(name));
    let Some(system) = system else {
        return Err(Outcome::Skipped("there is no Python 3.9 or newer with `venv`".into()));
    };
    let home = target().join("python/venv");
    let python = home.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let wanted = shell::read(&format!("{CRATE}/requirements.txt")).unwrap_or_default();
    let seal = home.join("installed.txt");
    if fs::read_to_string(&seal).is_ok_and(|there| there == wanted) {
        return Ok(python);
    }
    let broken = |said: String| Outcome::Broken(format!("no environment for Python:\n{said}"));
    let home = home.to_string_lossy().into_owned();
    shell::capture(shell::program(system, &["-m", "venv", &home])).map_err(broken)?;
    let list = format!("{CRATE}/requirements.txt");
    let words = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", &list];
    shell::capture(shell::program(&python.to_string_lossy(), &words)).map_err(broken)?;
    fs::write(&seal, wanted).map_err(|error| broken(error.to_string()))?;
    Ok(python)
}

/// Whether an interpreter is new enough and can make environments.
fn suits(name: &str) -> bool {
    let test = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 9))";
    shell::capture(shell::program(name, &["-c", test])).is_ok()
}

/// Puts the package together: its Python sources, and the library under its Python name.
fn assemble() -> io::Result<PathBuf> {
    let package = target().join("python/package");
    let folder = package.join("chainrule");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let prefix = format!("{CRATE}/python/chainrule/");
    for path in shell::files().iter().filter_map(|path| path.strip_prefix(&prefix)) {
        let to = folder.join(path);
        fs::create_dir_all(to.parent().unwrap_or(&folder))?;
        fs::copy(shell::root().join(&prefix).join(path), to)?;
    }
    let (built, name) = if cfg!(windows) {
        ("chainrule_native.dll", "_native.pyd")
    } else if cfg!(target_os = "macos") {
        ("libchainrule_native.dylib", "_native.abi3.so")
    } else {
        ("libchainrule_native.so", "_native.abi3.so")
    };
    fs::copy(target().join("debug/deps").join(built), folder.join(name))?;
    Ok(package)
}

fn succeeds(mut command: Command) -> bool {
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_of_pytest_is_read() {
        assert_eq!(tally("40 passed in 5.10s"), Some((40, 0)));
        assert_eq!(tally("3 failed, 40 passed, 2 errors in 65.10s (0:01:05)"), Some((40, 5)));
        assert_eq!(tally("===== 5 deselected in 0.02s ====="), Some((0, 0)));
        assert_eq!(tally("E   assert 3 in 4.0"), None);
    }

    #[test]
    fn the_package_is_where_the_crate_is() {
        assert!(shell::root().join(CRATE).join("pyproject.toml").is_file());
    }
}
