//! Rust source seen as text: where the code is, where the tests are.
//!
//! The checks of `cargo xtask lint` ask simple questions ("does this file say `unsafe`?") whose
//! answers must not depend on comments, strings or tests. So a file is *masked* first: what is not
//! asked about becomes spaces, and every line and column stays where it was. This is a lexer of a
//! page, not a parser; it knows strings, characters, comments, brackets and attributes.

/// `text` with the contents of comments, strings and characters replaced by spaces.
pub(crate) fn code(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = opaque(&chars, at);
        if end > at {
            out.extend(chars[at..end].iter().copied().map(blank));
            at = end;
        } else if is_word(chars[at]) {
            // A whole word at a time, so that the `r` of `for` starts no raw string.
            let end = at + chars[at..].iter().take_while(|&&c| is_word(c)).count();
            out.extend(&chars[at..end]);
            at = end;
        } else {
            out.push(chars[at]);
            at += 1;
        }
    }
    out
}

/// The end of the comment, string or character that starts at `at`; `at` itself if none does.
pub(crate) fn opaque(chars: &[char], at: usize) -> usize {
    let is = |offset: usize, c: char| chars.get(at + offset) == Some(&c);
    if is(0, '/') && is(1, '/') {
        return at + chars[at..].iter().take_while(|&&c| c != '\n').count();
    }
    if is(0, '/') && is(1, '*') {
        return block_comment(chars, at);
    }
    if is(0, '\'') {
        let escaped = is(1, '\\');
        return if escaped || is(2, '\'') { quoted(chars, at) } else { at };
    }
    let prefix = chars[at..].iter().take_while(|&&c| matches!(c, 'b' | 'c' | 'r')).count();
    let raw = prefix > 0 && is(prefix - 1, 'r');
    let hashes = chars[at + prefix..].iter().take_while(|&&c| c == '#').count();
    match () {
        () if raw && prefix <= 2 && is(prefix + hashes, '"') => {
            let closing = std::iter::once('"').chain(std::iter::repeat_n('#', hashes));
            let closing: Vec<char> = closing.collect();
            let start = at + prefix + hashes + 1;
            (start..chars.len())
                .find(|&i| chars[i..].starts_with(&closing))
                .map_or(chars.len(), |i| i + closing.len())
        }
        () if !raw && prefix <= 1 && is(prefix, '"') => quoted(chars, at + prefix),
        () if prefix == 1 && is(0, 'b') && is(1, '\'') => quoted(chars, at + 1),
        () => at,
    }
}

/// The end of a string or character whose opening quote is at `at`.
fn quoted(chars: &[char], at: usize) -> usize {
    let mut end = at + 1;
    while end < chars.len() && chars[end] != chars[at] {
        end += if chars[end] == '\\' { 2 } else { 1 };
    }
    (end + 1).min(chars.len())
}

/// The end of a block comment, which may hold others.
fn block_comment(chars: &[char], at: usize) -> usize {
    let (mut end, mut depth) = (at + 2, 1);
    while end < chars.len() && depth > 0 {
        match (chars[end], chars.get(end + 1)) {
            ('/', Some('*')) => (end, depth) = (end + 2, depth + 1),
            ('*', Some('/')) => (end, depth) = (end + 2, depth - 1),
            _ => end += 1,
        }
    }
    end
}

/// Masked `code` with every item under `#[cfg(test)]` replaced by spaces too.
pub(crate) fn without_tests(code: &str) -> String {
    const ATTRIBUTE: &str = "#[cfg(test)]";
    let mut out = code.to_string();
    while let Some(start) = out.find(ATTRIBUTE) {
        let end = start + ATTRIBUTE.len() + item_length(&out[start + ATTRIBUTE.len()..]);
        let blank: String = out[start..end].chars().map(blank).collect();
        out.replace_range(start..end, &blank);
    }
    out
}

fn blank(c: char) -> char {
    if c == '\n' { c } else { ' ' }
}

/// The bytes up to the end of the item at the head of `code`: its closing brace or semicolon.
fn item_length(code: &str) -> usize {
    let mut open = Vec::new();
    for (at, c) in code.char_indices() {
        match c {
            '(' | '[' | '{' => open.push(c),
            ')' | ']' | '}' => match open.pop() {
                Some('{') if open.is_empty() => return at + 1,
                Some(_) => {}
                None => return at,
            },
            ';' if open.is_empty() => return at + 1,
            _ => {}
        }
    }
    code.len()
}

/// Whether `c` may stand inside an identifier.
pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The line numbers (from 1) on which `word` stands as a whole word in `code`.
pub(crate) fn lines_with_word(code: &str, word: &str) -> Vec<usize> {
    let holds = |line: &str| {
        line.match_indices(word).any(|(at, _)| {
            let before = line[..at].chars().next_back().is_some_and(is_word);
            let after = line[at + word.len()..].chars().next().is_some_and(is_word);
            !before && !after
        })
    };
    code.lines().enumerate().filter(|(_, line)| holds(line)).map(|(n, _)| n + 1).collect()
}

/// The line (from 1) of the byte `at`.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// Lines of a source file by what they are for. Blank lines and plain comments count nowhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lines {
    pub(crate) code: usize,
    pub(crate) doc: usize,
    pub(crate) test: usize,
}

impl Lines {
    /// Counts a file; all code of a file that `is_test` is test.
    pub(crate) fn count(text: &str, is_test: bool) -> Lines {
        let masked = code(text);
        let kept = if is_test { String::new() } else { without_tests(&masked) };
        let mut kept = kept.lines();
        let mut lines = Lines::default();
        for (raw, all) in text.lines().zip(masked.lines()) {
            let in_code = kept.next().is_some_and(|line| !line.trim().is_empty());
            let raw = raw.trim_start();
            if raw.starts_with("///") || raw.starts_with("//!") {
                lines.doc += 1;
            } else if in_code {
                lines.code += 1;
            } else if !all.trim().is_empty() {
                lines.test += 1;
            }
        }
        lines
    }
}

impl std::ops::AddAssign for Lines {
    fn add_assign(&mut self, other: Lines) {
        self.code += other.code;
        self.doc += other.doc;
        self.test += other.test;
    }
}

/// Whether all of the file at `path` is test: a `tests` folder or module, or a benchmark.
pub(crate) fn is_test_file(path: &str) -> bool {
    let mut parts = path.split('/');
    let name = parts.next_back().unwrap_or(path);
    name == "tests.rs" || parts.any(|folder| folder == "tests" || folder == "benches")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masking_keeps_code_and_columns() {
        let cases = [
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */ d */ e", "a                   e"),
            (r#"f("a \" b", 'c', '\'')"#, r"f(        ,    ,     )"),
            ("r#\"a \" b\"# x", "           x"),
            ("for<'a> &'a str", "for<'a> &'a str"),
            ("b\"unsafe\" b'x' br\"y\" r#type", "                     r#type"),
            ("for\"x\"", "for   "),
        ];
        for (text, masked) in cases {
            assert_eq!(code(text), masked, "{text}");
        }
    }

    #[test]
    fn masking_keeps_every_line() {
        let text = "let s = \"a\nb\";\n/* c\nd */ e('\\n')";
        assert_eq!(code(text).lines().count(), text.lines().count());
        assert_eq!(line_of(text, text.find("e('").unwrap()), 4);
    }

    #[test]
    fn tests_are_blanked_and_the_rest_stays() {
        let text = "a;\n#[cfg(test)]\nmod tests {\n  fn f() { x; }\n}\nb;";
        assert_eq!(without_tests(text).split_whitespace().collect::<Vec<_>>(), ["a;", "b;"]);
        let text = "#[cfg(test)]\nconst X: [u8; 2] = [(1); 2]; y";
        assert_eq!(without_tests(text).trim(), "y");
        let text = "#[cfg(test)] #[path = x] mod tests; fn f<A, B>() {} #[cfg(test)] fn g() {} z";
        assert!(without_tests(text).trim().starts_with("fn f<A, B>() {}"));
        assert!(without_tests(text).ends_with(" z"));
    }

    #[test]
    fn words_are_whole() {
        let text = "unsafe_code\nunsafe {\nnot_unsafe\n(unsafe)";
        assert_eq!(lines_with_word(text, "unsafe"), [2, 4]);
    }

    #[test]
    fn lines_are_counted_by_purpose() {
        let text = "//! doc\n\n// note\nfn f() {}\n/// doc\nfn g() {}\n#[cfg(test)]\nmod t {\n}\n";
        assert_eq!(Lines::count(text, false), Lines { code: 2, doc: 2, test: 3 });
        assert_eq!(Lines::count(text, true), Lines { code: 0, doc: 2, test: 5 });
        assert!(is_test_file("crates/a/tests/laws.rs") && is_test_file("src/op/tests.rs"));
        assert!(!is_test_file("xtask/src/test.rs"));
    }
}
