//! What can go wrong, said so that the reader knows what to do: what, where, between which
//! operands, and a way out. One type, one renderer.
//!
//! Mistakes of shape and type in arithmetic panic with this text at the user's line; each such
//! method has a `try_` twin that returns the error instead.

use crate::place::Place;
use std::cell::RefCell;
use std::fmt;

thread_local! {
    static RAISED: RefCell<Option<Error>> = const { RefCell::new(None) };
}

/// The error behind the last panic of this thread, if a mistake in arithmetic raised it, and only
/// once: for bindings to other languages, which catch the panic and raise an exception of theirs.
///
/// ```
/// # use chainrule_core::*;
/// let mistake = || Tensor::ones([2]) + Tensor::ones([3]);
/// assert!(std::panic::catch_unwind(mistake).is_err());
/// assert_eq!(take_raised().unwrap().kind(), ErrorKind::Broadcast);
/// ```
pub fn take_raised() -> Option<Error> {
    RAISED.take()
}

/// The kinds of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Two shapes do not broadcast.
    Broadcast,
    /// A shape does not fit the operation.
    Shape,
    /// An element type does not fit the operation.
    DType,
    /// An axis is outside the tensor's rank.
    Axis,
    /// An index is outside its axis.
    Index,
    /// `backward` on a tensor with several elements.
    NonScalar,
    /// `backward` on a tensor that tracks no gradients.
    NoGraph,
    /// A gradient was asked for with respect to a tensor that the result does not depend on.
    Unused,
    /// A cotangent does not have the shape of its tensor.
    Cotangent,
    /// An operation has no derivative in a tracked argument.
    NoDerivative,
    /// A number is NaN or infinite where it must not be.
    NonFinite,
    /// Data do not have the promised form.
    Data,
    /// A number was asked for that depends on a variable without a value.
    Unknown,
    /// A computation that has no result for these numbers, such as the inverse of a singular
    /// matrix.
    Numeric,
    /// The computation was asked to stop.
    Stopped,
}

/// One operand of a failed operation, as the error shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Operand {
    /// Its part in the operation: `left`, `index`, ….
    pub role: &'static str,
    /// Its shape, or another short fact.
    pub fact: String,
    /// What it is: a name, or the operation that made it.
    pub what: String,
    /// Where it was made.
    pub at: Option<Place>,
}

/// Hints are broken into lines of at most so many characters.
const WIDTH: usize = 92;

/// An error, with everything needed to understand it.
#[derive(Clone)]
pub struct Error(Box<Report>);

#[derive(Clone)]
struct Report {
    kind: ErrorKind,
    what: String,
    operands: Vec<Operand>,
    marker: Option<(usize, String)>,
    hint: Option<String>,
    at: Place,
}

impl Error {
    /// An error of kind `kind` at `at`, with one clause that says what is wrong.
    pub fn new(kind: ErrorKind, what: impl Into<String>, at: impl Into<Place>) -> Error {
        let (what, at) = (what.into(), at.into());
        let report = Report { kind, what, operands: vec![], marker: None, hint: None, at };
        Error(Box::new(report))
    }

    /// Adds an operand.
    #[must_use]
    pub fn operand(mut self, operand: Operand) -> Error {
        self.0.operands.push(operand);
        self
    }

    /// Adds a caret and a remark under the operands' facts: under their last character, or `back`
    /// characters before it.
    #[must_use]
    pub fn marker(mut self, back: usize, remark: impl Into<String>) -> Error {
        self.0.marker = Some((back, remark.into()));
        self
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Error {
        self.0.hint = Some(hint.into());
        self
    }

    /// What kind of error this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The user's line.
    pub fn location(&self) -> Place {
        self.0.at
    }

    /// Panics with this error as the message, at the caller's line.
    #[track_caller]
    #[cold]
    pub(crate) fn raise(&self) -> ! {
        RAISED.set(Some(self.clone()));
        panic!("{}", self.text(false))
    }

    /// The text, with the location in the first line or (as a panic has its own) without.
    fn text(&self, located: bool) -> String {
        let r = &*self.0;
        let mut text = format!("error: {}", r.what);
        if located {
            text = format!("{text:<64}  {}", r.at);
        }
        let fact = r.operands.iter().map(|o| o.fact.chars().count()).max().unwrap_or(0);
        let role = r.operands.iter().map(|o| o.role.len()).max().unwrap_or(0);
        let what = r.operands.iter().map(|o| o.what.chars().count()).max().unwrap_or(0);
        for o in &r.operands {
            text += &format!("\n  {:<role$}   {:>fact$}   {:<what$}", o.role, o.fact, o.what);
            if let Some(at) = o.at {
                text += &format!("   made at {at}");
            }
            text.truncate(text.trim_end().len());
        }
        if let Some((back, remark)) = &r.marker {
            let column = fact.saturating_sub(*back);
            text += &format!("\n  {:role$}   {:>column$} {remark}", "", "^");
        }
        let mut end = 0;
        for word in r.hint.iter().flat_map(|hint| hint.split(' ')) {
            let n = word.chars().count();
            text += match end {
                0 => "\n  hint: ",
                _ if end + 1 + n > WIDTH => "\n        ",
                _ => " ",
            };
            end = if end == 0 || end + 1 + n > WIDTH { 8 + n } else { end + 1 + n };
            text += word;
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(true))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The value, or a panic at the caller's line. (In a closure, as `unwrap_or_else` takes, the caller
/// would be this library.)
#[track_caller]
pub(crate) fn or_raise<T>(result: Result<T>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => error.raise(),
    }
}

/// `1 axis`, `2 axes`: a number with its noun.
pub(crate) fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// Which numbers name one of `n` places: `0 to 3, or -4 to -1 from the end`.
pub(crate) fn places(n: usize) -> String {
    match n {
        1 => "0, or -1 from the end".into(),
        _ => format!("0 to {}, or -{n} to -1 from the end", n - 1),
    }
}
