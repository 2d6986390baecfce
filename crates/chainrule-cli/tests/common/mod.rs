//! Running the command in a folder of its own.

use std::path::Path;
use std::process::{Command, Stdio};

/// What one run left.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs the command in `folder`; neither panics nor styles may be in what it writes.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Run {
    let done = Command::new(env!("CARGO_BIN_EXE_chainrule"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("the command starts");
    let text = |bytes| String::from_utf8(bytes).expect("the output is text");
    let code = done.status.code().expect("the command is not killed");
    let run = Run { code, out: text(done.stdout), err: text(done.stderr) };
    assert!(!run.err.contains("panicked"), "{}", run.err);
    assert!(!run.out.contains('\x1b') && !run.err.contains('\x1b'), "no styles in a pipe");
    run
}
