//! What can go wrong between a file and a fitted model: one sentence that says what, where, and
//! what to do.
//!
//! People who fit a table do not read backtraces, so an [`Error`] *is* its sentence. Text that
//! comes from a file passes through [`shown`] first: a cell can hold a megabyte, or the escape
//! sequences of a terminal.

use std::fmt;

/// A failure, as the sentence that the user reads.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(String);

/// A result with an [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The error that reads `sentence`.
    pub fn new(sentence: impl Into<String>) -> Error {
        Error(sentence.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl From<chainrule_core::Error> for Error {
    fn from(error: chainrule_core::Error) -> Error {
        Error(error.to_string())
    }
}

/// Returns early with the error that a format string makes.
macro_rules! fail {
    ($($argument:tt)*) => { return Err($crate::error::Error::new(format!($($argument)*))) };
}
pub(crate) use fail;

/// The most characters of foreign text that a message repeats.
const LONGEST: usize = 40;

/// Text from a file, made safe to print: control characters escaped, the end cut off.
///
/// ```
/// assert_eq!(chainrule_fit::shown("a\u{1b}[31m"), r"a\u{1b}[31m");
/// assert_eq!(chainrule_fit::shown(&"x".repeat(99)).chars().count(), 40);
/// ```
pub fn shown(text: &str) -> String {
    let mut safe = String::new();
    for (i, c) in text.chars().enumerate() {
        if i + 1 == LONGEST && text.chars().nth(LONGEST).is_some() {
            safe.push('…');
            break;
        }
        if is_plain(c) { safe.push(c) } else { safe.extend(c.escape_unicode()) }
    }
    safe
}

/// Whether a terminal shows `c` as itself: no control character, and none that turns the direction
/// of writing or has no width.
fn is_plain(c: char) -> bool {
    !(c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || c == '\u{feff}')
}

/// The number of insertions, deletions, replacements and swaps of neighbours that lead from `a` to
/// `b`: the restricted Damerau–Levenshtein distance, by the usual table of three rows.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let (mut older, mut last) = (vec![0; b.len() + 1], (0..=b.len()).collect::<Vec<_>>());
    for i in 0..a.len() {
        let mut row = vec![i + 1; b.len() + 1];
        for j in 0..b.len() {
            let replaced = last[j] + usize::from(a[i] != b[j]);
            row[j + 1] = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                row[j + 1] = row[j + 1].min(older[j - 1] + 1);
            }
        }
        older = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

/// The name that somebody who wrote `wrong` probably meant, if one is near enough: a third of the
/// letters may be wrong, but never all.
pub(crate) fn nearest<'a>(wrong: &str, names: &'a [String]) -> Option<&'a str> {
    let length = |name: &str| name.chars().count();
    let small = wrong.to_lowercase();
    if length(&small) > 200 {
        return None;
    }
    let allowed = (length(&small) / 3).max(1);
    names
        .iter()
        .filter(|name| length(name) <= 200)
        .map(|name| (distance(&small, &name.to_lowercase()), name.as_str()))
        .filter(|near| near.0 <= allowed && near.0 < length(&small).max(length(near.1)))
        .min_by_key(|near| near.0)
        .map(|near| near.1)
}

/// Names for a sentence, the first dozen of them: `a, b, c and 5 more`.
pub(crate) fn listed<T: AsRef<str>>(names: &[T]) -> String {
    let first: Vec<String> = names.iter().take(12).map(|name| shown(name.as_ref())).collect();
    match names.len().saturating_sub(12) {
        0 => first.join(", "),
        rest => format!("{} and {rest} more", first.join(", ")),
    }
}

/// `1 row`, `2 rows`.
pub(crate) fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// What the operating system says, without the number it says it with.
pub(crate) fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |c| c.to_lowercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, d) in
            [("", "abc", 3), ("bp", "bp", 0), ("bp", "pb", 1), ("kitten", "sitting", 3)]
        {
            assert_eq!((distance(a, b), distance(b, a)), (d, d), "{a} {b}");
        }
    }

    #[test]
    fn the_nearest_name_is_near() {
        let names = ["age".to_string(), "progression".into(), "bp".into()];
        assert_eq!(nearest("BP", &names), Some("bp"));
        assert_eq!(nearest("progresion", &names), Some("progression"));
        assert_eq!(nearest("height", &names), None);
        assert_eq!(nearest("x", &["y".to_string(), "xx".into()]), Some("xx"));
        assert_eq!(nearest(&"x".repeat(100_000), &names), None);
    }

    #[test]
    fn long_lists_end() {
        let names: Vec<String> = (0..20).map(|i| i.to_string()).collect();
        assert_eq!(listed(&names), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 8 more");
        assert_eq!(listed(&names[..2]), "0, 1");
    }

    #[test]
    fn text_from_files_is_safe() {
        assert_eq!(shown("größe\t"), r"größe\u{9}");
        assert_eq!(shown("a\u{202e}b"), r"a\u{202e}b");
        assert_eq!(shown(&"é".repeat(40)), "é".repeat(40));
        assert_eq!(shown(&"é".repeat(41)), "é".repeat(39) + "…");
    }
}
