//! What every mistake says, and at which line.
//!
//! Each text is a snapshot, in which places are made readable: the error's own place, which is
//! asserted in every case to be the line of the mistake, is `here`, and any other is what stands in
//! the source at that line and column.

mod gradients;
mod indices;
mod panics;
mod shapes;
mod transforms;
mod values;

use chainrule::Error;

/// The error that an expression written on one line gives, as text, once it is known to be reported
/// at this file and line.
macro_rules! fails {
    ($mistake:expr) => {
        $crate::fails!(at line!(), $mistake)
    };
    (at $line:expr, $mistake:expr) => {{
        let (line, error) = ($line, $mistake.expect_err("a mistake"));
        assert_eq!((error.location().file(), error.location().line()), (file!(), line), "{error}");
        $crate::text(&error)
    }};
}
use fails;

/// The text of an error, with what stands at each place that it names.
fn text(error: &Error) -> String {
    let (text, here) = (error.to_string(), error.location().to_string());
    let mut parts = text.split(concat!(env!("CARGO_PKG_NAME"), "/tests/errors/"));
    let mut out = String::new();
    let mut before = parts.next().unwrap_or_default();
    for part in parts {
        let before_path = before.strip_suffix("crates/").expect("a path from the workspace's root");
        let end = part.find([' ', '\n']).unwrap_or(part.len());
        let place = part[..end].trim_end_matches(':');
        out += before_path;
        out += &if here.ends_with(place) { "here".into() } else { source(place) };
        before = &part[place.len()..];
    }
    out + before
}

/// The expression at `file:line:column`.
fn source(place: &str) -> String {
    let [file, line, column] = place.split(':').collect::<Vec<_>>()[..] else {
        panic!("{place} is no place")
    };
    let [line, column] = [line, column].map(|n| n.parse::<usize>().expect("a number") - 1);
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/errors/");
    let code = std::fs::read_to_string(format!("{directory}{file}")).expect("a source file");
    let code: String = code.lines().nth(line).expect("a line").chars().skip(column).collect();
    let mut depth = 0;
    let end = code.find(|c| {
        depth += i32::from("([{".contains(c)) - i32::from(")]}".contains(c));
        depth < 0 || depth == 0 && ";,".contains(c)
    });
    format!("`{}`", &code[..end.unwrap_or(code.len())])
}
