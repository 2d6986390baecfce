//! `cargo xtask sizes`: how much there is to compile, to read and to wait for.

use crate::lint::MAX_CRATES;
use crate::shell;
use crate::source::{self, Lines};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// The longest that a clean release build of the library may take, on two cores.
const MAX_BUILD: Duration = Duration::from_secs(60);

/// Prints the three sizes; fails where a limit is passed.
pub(crate) fn run() -> ExitCode {
    print_lines();
    let crates = print_crates();
    let build = print_build();
    for said in [&crates, &build].into_iter().filter_map(|result| result.as_ref().err()) {
        eprintln!("{said}");
    }
    ExitCode::from(u8::from(crates != Ok(true) || build != Ok(true)))
}

/// Source lines per crate, and their sum.
fn print_lines() {
    let mut rows: BTreeMap<String, Lines> = BTreeMap::new();
    let mut total = Lines::default();
    for path in shell::files().iter().filter(|path| path.ends_with(".rs")) {
        let text = shell::read(path).unwrap_or_default();
        let lines = Lines::count(&text, source::is_test_file(path));
        *rows.entry(home(path)).or_default() += lines;
        total += lines;
    }
    println!("{:<24}{:>8}{:>8}{:>8}", "source lines", "code", "doc", "test");
    for (name, lines) in rows.iter().chain([(&"total".to_string(), &total)]) {
        println!("{name:<24}{:>8}{:>8}{:>8}", lines.code, lines.doc, lines.test);
    }
}

/// The crate or top folder that a file belongs to.
fn home(path: &str) -> String {
    let path = path.strip_prefix("crates/").unwrap_or(path);
    path.split('/').next().unwrap_or(path).to_string()
}

/// The number of crates in the library's tree; whether it is within the limit.
fn print_crates() -> Result<bool, String> {
    let count = shell::crates_of("chainrule")?.len();
    let fits = count <= MAX_CRATES;
    println!("\n{} {count} crates in the library's tree, {MAX_CRATES} allowed", sign(fits));
    Ok(fits)
}

/// The time of a clean release build in a folder of its own; whether it is within the limit.
pub(crate) fn print_build() -> Result<bool, String> {
    shell::capture(shell::cargo(&["fetch"]))?; // downloads are not building
    let folder = Scratch::new();
    let mut build = shell::cargo(&["build", "--release", "-p", "chainrule", "--target-dir"]);
    build.arg(&folder.0);
    let start = Instant::now();
    shell::capture(build)?;
    let time = start.elapsed();
    let fits = time <= MAX_BUILD;
    let [time, limit] = [time, MAX_BUILD].map(|time| time.as_secs_f64());
    println!("{} {time:.1} s for a clean release build, {limit:.0} s allowed", sign(fits));
    Ok(fits)
}

fn sign(fits: bool) -> char {
    if fits { '✓' } else { '✗' }
}

/// A folder for build products that goes when it is dropped. It stands in the ignored `target`, so
/// that a run that was interrupted leaves nothing to be seen either, and the next one clears it.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Scratch {
        let scratch = Scratch(shell::root().join("target/sizes"));
        scratch.clear();
        scratch
    }

    fn clear(&self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_a_home() {
        assert_eq!(home("crates/chainrule-core/src/op/mod.rs"), "chainrule-core");
        assert_eq!(home("xtask/src/main.rs"), "xtask");
    }
}
