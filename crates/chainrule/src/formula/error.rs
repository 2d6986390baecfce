//! What is wrong with a formula, and where: the line with a caret under the place.

use std::fmt;
use std::panic::Location;

use chainrule_core::{Error, ErrorKind};

use super::ast::Span;

/// The longest part of a line that an error shows.
const WIDTH: usize = 80;

/// A mistake in a formula.
///
/// Printed, it shows the line with carets below the place:
///
/// ```
/// # use chainrule::formula::Formula;
/// let error = Formula::parse("3x^2 - sqr(x)").unwrap_err();
/// assert_eq!(error.span().start, 7);
/// assert_eq!(
///     error.to_string(),
///     "error: `sqr` is not a function
///   3x^2 - sqr(x)
///          ^^^
///   hint: did you mean `sqrt`? a product is written `sqr*(…)`"
/// );
/// ```
#[derive(Clone)]
pub struct FormulaError(Box<Report>);

#[derive(Clone)]
struct Report {
    what: String,
    text: String,
    span: Span,
    hint: Option<String>,
    cause: Option<Error>,
}

impl FormulaError {
    pub(super) fn new(what: impl Into<String>, text: &str, span: Span) -> FormulaError {
        let (what, text) = (what.into(), text.into());
        FormulaError(Box::new(Report { what, text, span, hint: None, cause: None }))
    }

    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> FormulaError {
        self.0.hint = Some(hint.into());
        self
    }

    /// The error that arithmetic on tensors gave for the part of the formula at `span`.
    pub(super) fn of(cause: Error, text: &str, span: Span) -> FormulaError {
        let whole = cause.to_string();
        let first = whole.lines().next().unwrap_or_default();
        let what = first.strip_suffix(&cause.location().to_string()).unwrap_or(first).trim_end();
        let what = what.strip_prefix("error: ").unwrap_or(what);
        let mut error = FormulaError::new(what, text, span);
        error.0.cause = Some(cause);
        error
    }

    /// What is wrong, in one clause.
    pub fn message(&self) -> &str {
        &self.0.what
    }

    /// Where it is wrong, in characters of the formula. It may be the place after the last one.
    pub fn span(&self) -> Span {
        self.0.span
    }

    /// The error of the arithmetic that the formula led to, if it is one.
    pub fn cause(&self) -> Option<&Error> {
        self.0.cause.as_ref()
    }

    /// The line of the place, the number of characters before the place on it, and the line's
    /// number, both from 0.
    fn line(&self) -> (Vec<char>, usize, usize) {
        let (mut line, mut start, mut number) = (vec![], 0, 0);
        for (i, c) in self.0.text.chars().enumerate() {
            match c {
                '\n' if i >= self.0.span.start => break,
                '\n' => (line, start, number) = (vec![], i + 1, number + 1),
                // Whatever a terminal would not show as one character.
                c if c.is_control() || is_invisible(c) => {
                    line.push(if c == '\t' { ' ' } else { '�' });
                }
                c => line.push(c),
            }
        }
        (line, self.0.span.start.saturating_sub(start), number)
    }
}

/// Characters without width, and those that turn the direction of writing.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{feff}' | '\u{ad}')
}

impl fmt::Display for FormulaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column, number) = self.line();
        write!(f, "error: {}", self.0.what)?;
        if number > 0 {
            write!(f, " (line {}, character {})", number + 1, column + 1)?;
        }
        // A window on a long line, with the place in its middle.
        let from = match line.len() > WIDTH {
            true => column.saturating_sub(WIDTH / 2).min(line.len() - WIDTH),
            false => 0,
        };
        let to = line.len().min(from + WIDTH);
        let shown: String = line[from..to].iter().collect();
        let (before, after) =
            (["", "…"][usize::from(from > 0)], ["", "…"][usize::from(to < line.len())]);
        if !shown.trim().is_empty() {
            write!(f, "\n  {before}{shown}{after}")?;
            let carets =
                (self.0.span.end - self.0.span.start).min(to.saturating_sub(column)).max(1);
            let column = column - from + before.chars().count();
            write!(f, "\n  {:column$}{}", "", "^".repeat(carets))?;
        }
        if let Some(cause) = &self.0.cause {
            cause.to_string().lines().skip(1).try_for_each(|line| write!(f, "\n{line}"))?;
        }
        self.0.hint.iter().try_for_each(|hint| write!(f, "\n  hint: {hint}"))
    }
}

impl fmt::Debug for FormulaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for FormulaError {}

/// The error of the arithmetic, or else one of kind [`ErrorKind::Data`] with the same text.
impl From<FormulaError> for Error {
    #[track_caller]
    fn from(error: FormulaError) -> Error {
        let text = error.to_string();
        let what = text.strip_prefix("error: ").unwrap_or(&text);
        match error.0.cause {
            Some(cause) => cause,
            None => Error::new(ErrorKind::Data, what, Location::caller()),
        }
    }
}

/// The name nearest to what was written, if one is near: one letter in three may be wrong.
pub(super) fn nearest<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wrong: Vec<char> = wrong.to_lowercase().chars().collect();
    if wrong.len() < 2 || wrong.len() > 40 {
        return None;
    }
    names
        .filter(|name| name.chars().count() > 1 && name.len() <= 80)
        .map(|name| (distance(&wrong, &name.chars().collect::<Vec<_>>()), name))
        .filter(|near| near.0 <= wrong.len().div_ceil(3) && near.0 < wrong.len())
        .min_by_key(|near| near.0)
        .map(|near| near.1)
}

/// The number of letters to insert, delete or replace, by the table of Wagner and Fischer.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let replaced = last[j] + usize::from(x != y);
            row.push(replaced.min(last[j + 1] + 1).min(row[j] + 1));
        }
        last = row;
    }
    last[b.len()]
}
