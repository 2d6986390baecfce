//! As much JSON as notes need, other tools' and our own: whole values are read and written.

use std::fmt;

/// A JSON value. Numbers and words stay as they are written.
#[derive(Debug, PartialEq)]
pub(crate) enum Json {
    Text(String),
    Word(String),
    List(Vec<Json>),
    Map(Vec<(String, Json)>),
}

impl Json {
    /// Reads a whole text; `None` if it is not one JSON value.
    pub(crate) fn parse(text: &str) -> Option<Json> {
        let mut rest = text;
        let value = value(&mut rest)?;
        rest.trim().is_empty().then_some(value)
    }

    /// What a map has under `key`.
    pub(crate) fn get(&self, key: &str) -> Option<&Json> {
        let Json::Map(entries) = self else { return None };
        entries.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// A string's text, or how a number or word is written.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Json::Text(text) | Json::Word(text) => Some(text),
            Json::List(_) | Json::Map(_) => None,
        }
    }
}

/// On one line; with `{:#}`, entries of the outermost value and of those in it stand on their own.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0, if f.alternate() { 2 } else { 0 })
    }
}

impl Json {
    /// Writes a value `depth` levels inside another; the first `broken` levels have lines.
    fn write(&self, f: &mut fmt::Formatter<'_>, depth: usize, broken: usize) -> fmt::Result {
        let (open, close, entries): (_, _, Vec<(Option<&str>, &Json)>) = match self {
            Json::Word(word) => return f.write_str(word),
            Json::Text(text) => return quote(f, text),
            Json::List(items) => ('[', ']', items.iter().map(|item| (None, item)).collect()),
            Json::Map(entries) => {
                ('{', '}', entries.iter().map(|(key, value)| (Some(&**key), value)).collect())
            }
        };
        let lines = depth < broken && !entries.is_empty();
        let line = |depth: usize| if lines { format!("\n{:1$}", "", 2 * depth) } else { "".into() };
        write!(f, "{open}")?;
        for (at, (key, value)) in entries.iter().enumerate() {
            let comma = if at == 0 {
                ""
            } else if lines {
                ","
            } else {
                ", "
            };
            write!(f, "{comma}{}", line(depth + 1))?;
            if let Some(key) = key {
                quote(f, key)?;
                f.write_str(": ")?;
            }
            value.write(f, depth + 1, broken)?;
        }
        write!(f, "{}{close}", line(depth))
    }
}

fn quote(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(f, "\\{c}")?,
            c if c < ' ' => write!(f, "\\u{:04x}", c as u32)?,
            c => write!(f, "{c}")?,
        }
    }
    f.write_str("\"")
}

fn value(rest: &mut &str) -> Option<Json> {
    match rest.trim_start().chars().next()? {
        '"' => string(rest).map(Json::Text),
        '[' => list(rest, "[", "]", value).map(Json::List),
        '{' => list(rest, "{", "}", entry).map(Json::Map),
        _ => {
            *rest = rest.trim_start();
            let end = rest.find([',', ']', '}', ' ', '\n']).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            *rest = after;
            (!word.is_empty()).then(|| Json::Word(word.to_string()))
        }
    }
}

fn entry(rest: &mut &str) -> Option<(String, Json)> {
    let key = string(rest)?;
    take(rest, ":")?;
    Some((key, value(rest)?))
}

/// Items between `open` and `close`, with commas between them.
fn list<T>(
    rest: &mut &str,
    open: &str,
    close: &str,
    item: fn(&mut &str) -> Option<T>,
) -> Option<Vec<T>> {
    take(rest, open)?;
    let mut items = Vec::new();
    while take(rest, close).is_none() {
        if !items.is_empty() {
            take(rest, ",")?;
        }
        items.push(item(rest)?);
    }
    Some(items)
}

/// Moves past `sign`, if it comes next.
fn take(rest: &mut &str, sign: &str) -> Option<()> {
    *rest = rest.trim_start().strip_prefix(sign)?;
    Some(())
}

fn string(rest: &mut &str) -> Option<String> {
    take(rest, "\"")?;
    // In UTF-16, since `\u` escapes are: a rare character is two of them.
    let mut units = Vec::new();
    let mut chars = rest.chars();
    loop {
        let c = match chars.next()? {
            '"' => break,
            '\\' => match chars.next()? {
                'u' => {
                    let (digits, after) = chars.as_str().split_at_checked(4)?;
                    units.push(u16::from_str_radix(digits, 16).ok()?);
                    chars = after.chars();
                    continue;
                }
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                'b' => '\u{8}',
                'f' => '\u{c}',
                c => c,
            },
            c => c,
        };
        units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
    }
    *rest = chars.as_str();
    String::from_utf16(&units).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read() {
        let json = Json::parse(r#" {"a": [1, "x\n\"\u00e9\ud83d\ude00\"", null ], "b":{}} "#);
        let json = json.unwrap();
        let Some(Json::List(items)) = json.get("a") else { panic!("{json:?}") };
        let texts: Vec<_> = items.iter().filter_map(Json::text).collect();
        assert_eq!(texts, ["1", "x\n\"é😀\"", "null"]);
        assert_eq!(json.get("b"), Some(&Json::Map(vec![])));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let text = r#"{"a": [1, "x\u000a\"\\é"], "b": {}, "c": {"d": null}}"#;
        let json = Json::parse(text).unwrap();
        assert_eq!(json.to_string(), text);
        let lines = format!("{json:#}");
        let expected = "{\n  \"a\": [\n    1,\n    \"x\\u000a\\\"\\\\é\"\n  ],\n  \"b\": {},";
        assert!(lines.starts_with(expected), "{lines}");
        assert_eq!(Json::parse(&lines), Some(json));
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in ["", "{", "[1 2]", "{\"a\" 1}", "\"a", "1 2", "\"\\u12\""] {
            assert_eq!(Json::parse(text), None, "{text}");
        }
    }
}
