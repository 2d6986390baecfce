//! The line of Python that the engine works for.
//!
//! Each call into the engine looks at the frame that runs: its code and how far it has come. The
//! line that this is has a number in the engine, found once for each instruction. Frames of the
//! package itself are passed over, so that errors name the user's line.

use std::sync::{Mutex, PoisonError};

use chainrule::{ForeignLine, foreign_line, work_for};
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use rustc_hash::FxHashMap;

/// While it lives, what the engine records stands at the line of Python that ran when it began.
pub(crate) struct Entered(ForeignLine);

impl Drop for Entered {
    #[inline]
    fn drop(&mut self) {
        work_for(self.0);
    }
}

/// Finds the line.
#[inline]
pub(crate) fn enter() -> Entered {
    // SAFETY: every caller holds the interpreter: methods and functions called by Python.
    let py = unsafe { Python::assume_attached() };
    Entered(work_for(line(py).unwrap_or_default()))
}

/// What is known about an instruction.
#[derive(Clone, Copy)]
enum Known {
    User(ForeignLine),
    /// It is one of the package's own.
    Own,
}

/// Code objects by address, which stay alive because they are held, and instructions in them.
struct Lines {
    known: FxHashMap<(usize, i64), Known>,
    held: Vec<Py<PyAny>>,
}

static LINES: Mutex<Option<Lines>> = Mutex::new(None);

/// So many instructions are remembered; the place of others is not known.
const MOST: usize = 1 << 16;

fn with<R>(f: impl FnOnce(&mut Lines) -> R) -> R {
    let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    f(lines.get_or_insert_with(|| Lines { known: FxHashMap::default(), held: vec![] }))
}

fn line(py: Python<'_>) -> Option<ForeignLine> {
    // SAFETY: the interpreter is held; the result is borrowed from the running frame, or null.
    let frame = unsafe { ffi::PyEval_GetFrame() }.cast::<ffi::PyObject>();
    if frame.is_null() {
        return None;
    }
    // SAFETY: a frame is an object, alive while it runs.
    let mut frame = unsafe { Bound::from_borrowed_ptr(py, frame) };
    loop {
        match at(&frame)? {
            Known::User(line) => return Some(line),
            Known::Own => frame = frame.getattr(intern!(py, "f_back")).ok()?,
        }
        if frame.is_none() {
            return None;
        }
    }
}

/// What is known about the instruction that a frame is at.
fn at(frame: &Bound<'_, PyAny>) -> Option<Known> {
    let py = frame.py();
    let code = frame.getattr(intern!(py, "f_code")).ok()?;
    let reached: i64 = frame.getattr(intern!(py, "f_lasti")).ok()?.extract().ok()?;
    let key = (code.as_ptr() as usize, reached);
    match with(|lines| (lines.known.get(&key).copied(), lines.known.len())) {
        (Some(known), _) => return Some(known),
        (None, count) if count >= MOST => return None,
        _ => {}
    }
    // Found without the key to the table, as Python may let another thread run meanwhile.
    let file: String = code.getattr(intern!(py, "co_filename")).ok()?.extract().ok()?;
    let number: u32 = frame.getattr(intern!(py, "f_lineno")).ok()?.extract().ok()?;
    let known = match is_own(py, &file) {
        true => Known::Own,
        false => Known::User(foreign_line(&file, number)),
    };
    let code = code.unbind();
    with(|lines| {
        lines.known.insert(key, known);
        lines.held.push(code);
    });
    Some(known)
}

/// Whether a file is one of the package's.
fn is_own(py: Python<'_>, file: &str) -> bool {
    static HOME: pyo3::sync::PyOnceLock<String> = pyo3::sync::PyOnceLock::new();
    let home = HOME.get_or_init(py, || {
        let package =
            py.import("chainrule").and_then(|m| m.getattr("__file__")?.extract::<String>());
        package.map_or(String::new(), |path| path.trim_end_matches("__init__.py").to_string())
    });
    !home.is_empty() && file.starts_with(home.as_str())
}
