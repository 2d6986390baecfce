//! Places in the user's program, which errors name.
//!
//! A place is the caller's line in Rust. A binding to another language has the same few lines of
//! Rust for all of its users' lines; it registers those ([`foreign_line`]) and says which of them
//! a thread works for ([`work_for`]). Places taken meanwhile are places there.
//!
//! ```
//! # use chainrule_core::*;
//! let line = foreign_line("model.py", 12);
//! let before = work_for(line);
//! let error = Tensor::ones([2]).try_add(&Tensor::ones([3])).unwrap_err();
//! work_for(before);
//! assert_eq!((error.location().file(), error.location().line()), ("model.py", 12));
//! ```

use std::cell::Cell;
use std::fmt;
use std::panic::Location;
use std::sync::{PoisonError, RwLock};

/// A place in the user's program: a line of Rust, or one of another language that a binding serves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub(crate) rust: &'static Location<'static>,
    pub(crate) foreign: ForeignLine,
}

/// A registered line of another language; the default is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ForeignLine(u32);

thread_local! {
    static FOREIGN: Cell<ForeignLine> = const { Cell::new(ForeignLine(0)) };
}

/// The lines in the order in which they were registered, from number 1 on.
static LINES: RwLock<Vec<(&'static str, u32)>> = RwLock::new(Vec::new());

/// So many lines are told apart; later ones are none.
const MOST: usize = 1 << 20;

/// Registers a line of another language. Its name stays in memory, so each should be registered
/// once; beyond a million lines the answer is none.
pub fn foreign_line(file: &str, line: u32) -> ForeignLine {
    let mut lines = LINES.write().unwrap_or_else(PoisonError::into_inner);
    if lines.len() >= MOST {
        return ForeignLine::default();
    }
    let known = lines.iter().rev().find(|(known, _)| *known == file);
    let file = known.map_or_else(|| &*Box::leak(file.to_string().into_boxed_str()), |k| k.0);
    lines.push((file, line));
    ForeignLine(lines.len() as u32)
}

/// Says which foreign line this thread works for from now on, and gives the one before.
#[inline]
pub fn work_for(line: ForeignLine) -> ForeignLine {
    FOREIGN.replace(line)
}

impl Place {
    /// The caller's line, or the foreign line that the thread works for.
    #[track_caller]
    #[inline]
    pub fn caller() -> Place {
        Place::from(Location::caller())
    }

    fn foreign(&self) -> Option<(&'static str, u32)> {
        let at = self.foreign.0.checked_sub(1)?;
        LINES.read().unwrap_or_else(PoisonError::into_inner).get(at as usize).copied()
    }

    /// The file's name.
    pub fn file(&self) -> &'static str {
        self.foreign().map_or(self.rust.file(), |foreign| foreign.0)
    }

    /// The line, from 1 on.
    pub fn line(&self) -> u32 {
        self.foreign().map_or(self.rust.line(), |foreign| foreign.1)
    }

    /// The column, from 1 on; foreign places have no other.
    pub fn column(&self) -> u32 {
        if self.foreign().is_some() { 1 } else { self.rust.column() }
    }
}

impl From<&'static Location<'static>> for Place {
    #[inline]
    fn from(rust: &'static Location<'static>) -> Place {
        Place { rust, foreign: FOREIGN.get() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.foreign() {
            Some((file, line)) => write!(f, "{file}:{line}"),
            None => self.rust.fmt(f),
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
