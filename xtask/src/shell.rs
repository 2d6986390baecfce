//! The outside world: where the repository is, which files it has, and running programs in it.

use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::{env, fs, thread};

/// The repository's root folder.
pub(crate) fn root() -> PathBuf {
    let here = env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| ".".into(), PathBuf::from);
    let here = here.canonicalize().unwrap_or(here);
    let is_root = |folder: &&Path| folder.join(".cargo/config.toml").is_file();
    here.ancestors().find(is_root).unwrap_or(&here).to_path_buf()
}

/// A command of cargo's, to be run in the root folder.
pub(crate) fn cargo(words: &[&str]) -> Command {
    program(&env::var("CARGO").unwrap_or_else(|_| "cargo".into()), words)
}

/// A command to be run in the root folder.
pub(crate) fn program(name: &str, words: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.args(words).current_dir(root()).stdin(Stdio::null());
    command
}

/// Runs with the terminal's own output; the program's exit code becomes ours.
pub(crate) fn run(mut command: Command) -> ExitCode {
    match command.status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(status) => ExitCode::from(status.code().and_then(|c| u8::try_from(c).ok()).unwrap_or(1)),
        Err(error) => {
            eprintln!("error: {:?} did not start: {error}", command.get_program());
            ExitCode::FAILURE
        }
    }
}

/// Runs quietly: what it printed if it succeeded, all it said if not.
pub(crate) fn capture(mut command: Command) -> Result<String, String> {
    let output = command
        .output()
        .map_err(|error| format!("{:?} did not start: {error}", command.get_program()))?;
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(out);
    }
    Err(format!("{}{out}", String::from_utf8_lossy(&output.stderr)))
}

/// Runs aloud, and hands back every line said beside whether it succeeded.
pub(crate) fn tee(mut command: Command) -> io::Result<(bool, Vec<String>)> {
    if io::stderr().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (send, lines) = mpsc::channel();
    let out = child.stdout.take().map(|pipe| echo(pipe, io::stdout(), send.clone()));
    let err = child.stderr.take().map(|pipe| echo(pipe, io::stderr(), send));
    let lines = lines.into_iter().collect();
    for echo in [out, err].into_iter().flatten() {
        let _ = echo.join();
    }
    Ok((child.wait()?.success(), lines))
}

/// A thread that copies lines from `pipe` to `to` and reports each.
fn echo(
    pipe: impl Read + Send + 'static,
    mut to: impl Write + Send + 'static,
    lines: mpsc::Sender<String>,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while pipe.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
            let _ = to.write_all(&line).and_then(|()| to.flush());
            let _ = lines.send(String::from_utf8_lossy(&line).trim_end().to_string());
            line.clear();
        }
    })
}

/// The repository's files, as sorted paths with `/` from the root: tracked ones and those that are
/// neither tracked nor ignored. Outside git, all files.
pub(crate) fn files() -> Vec<String> {
    let words = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let mut files = match capture(program("git", &words)) {
        Ok(list) => list.split('\0').map(String::from).collect(),
        Err(_) => all_files(),
    };
    files.retain(|path| !path.is_empty() && root().join(path).is_file());
    files.sort();
    files.dedup();
    files
}

/// Every file under the root but git's own and build products, ignored ones too, in any order.
pub(crate) fn all_files() -> Vec<String> {
    let mut files = Vec::new();
    walk(&root(), "", &mut files);
    files
}

fn walk(folder: &Path, prefix: &str, files: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        match entry.file_type() {
            Ok(kind) if kind.is_file() => files.push(path),
            Ok(kind) if kind.is_dir() && name != "target" && name != ".git" => {
                walk(&entry.path(), &format!("{path}/"), files);
            }
            _ => {}
        }
    }
}

/// The text of a file of the repository; `None` if it is not text.
pub(crate) fn read(path: &str) -> Option<String> {
    fs::read_to_string(root().join(path)).ok()
}

/// The crates (`name version`) that a build of `package` compiles, itself among them.
pub(crate) fn crates_of(package: &str) -> Result<Vec<String>, String> {
    let words = ["tree", "-p", package, "-e", "normal,build", "--prefix", "none"];
    capture(cargo(&words)).map(|tree| crates_in(&tree))
}

fn crates_in(tree: &str) -> Vec<String> {
    let name = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let mut crates: Vec<String> = tree.lines().filter(|l| !l.is_empty()).map(name).collect();
    crates.sort();
    crates.dedup();
    crates
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_holds_the_workspace() {
        assert!(read("Cargo.toml").unwrap().contains("[workspace]"));
        assert!(files().iter().any(|path| path == "xtask/src/shell.rs"));
    }

    #[test]
    fn a_walk_finds_what_git_finds() {
        let walked = all_files();
        let listed = files();
        let mut listed = listed.iter().filter(|path| path.starts_with("xtask/"));
        assert!(listed.all(|path| walked.contains(path)));
    }

    #[test]
    fn crates_are_counted_once() {
        let tree = "a v1.0.0 (proc-macro)\nb v2.0.0\n\na v1.0.0 (*)\na v2.0.0\n";
        assert_eq!(crates_in(tree), ["a v1.0.0", "a v2.0.0", "b v2.0.0"]);
    }

    #[test]
    fn speaking_programs_are_heard() {
        let (ok, lines) = tee(cargo(&["--version"])).unwrap();
        assert!(ok && lines.iter().any(|line| line.starts_with("cargo ")));
        assert!(capture(cargo(&["no-such-command"])).unwrap_err().contains("no such command"));
    }
}
