//! From characters to [`Token`]s: every way of writing a sign becomes one sign.

use super::ast::Span;
use super::error::{FormulaError, is_invisible};

/// A word or sign.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Token {
    Number(f64),
    /// A name, with subscripts written after an underscore.
    Word(String),
    Plus,
    Minus,
    Star,
    /// `.*`
    DotStar,
    Slash,
    Caret,
    /// `.^`
    DotCaret,
    /// Around an exponent written in small raised characters.
    Raise,
    Lower,
    Prime,
    Open(char),
    Close(char),
    Comma,
    Semicolon,
    Bar,
    DoubleBar,
    Root,
    CubeRoot,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    End,
}

/// A token with its place, and whether there is space before it.
#[derive(Clone, Debug)]
pub(super) struct Lexeme {
    pub(super) token: Token,
    pub(super) span: Span,
    pub(super) spaced: bool,
}

/// Raised characters and what they stand for.
#[rustfmt::skip]
const RAISED: &[(char, char)] = &[
    ('⁰', '0'), ('¹', '1'), ('²', '2'), ('³', '3'), ('⁴', '4'), ('⁵', '5'), ('⁶', '6'), ('⁷', '7'),
    ('⁸', '8'), ('⁹', '9'), ('⁺', '+'), ('⁻', '-'), ('⁽', '('), ('⁾', ')'), ('ᵃ', 'a'), ('ᵇ', 'b'),
    ('ᶜ', 'c'), ('ᵈ', 'd'), ('ᵉ', 'e'), ('ᶠ', 'f'), ('ᵍ', 'g'), ('ʰ', 'h'), ('ⁱ', 'i'), ('ʲ', 'j'),
    ('ᵏ', 'k'), ('ˡ', 'l'), ('ᵐ', 'm'), ('ⁿ', 'n'), ('ᵒ', 'o'), ('ᵖ', 'p'), ('ʳ', 'r'), ('ˢ', 's'),
    ('ᵗ', 't'), ('ᵘ', 'u'), ('ᵛ', 'v'), ('ʷ', 'w'), ('ˣ', 'x'), ('ʸ', 'y'), ('ᶻ', 'z'),
];

/// Lowered characters and what they stand for.
#[rustfmt::skip]
const LOWERED: &[(char, char)] = &[
    ('₀', '0'), ('₁', '1'), ('₂', '2'), ('₃', '3'), ('₄', '4'), ('₅', '5'), ('₆', '6'), ('₇', '7'),
    ('₈', '8'), ('₉', '9'), ('ₐ', 'a'), ('ₑ', 'e'), ('ₕ', 'h'), ('ᵢ', 'i'), ('ⱼ', 'j'), ('ₖ', 'k'),
    ('ₗ', 'l'), ('ₘ', 'm'), ('ₙ', 'n'), ('ₒ', 'o'), ('ₚ', 'p'), ('ᵣ', 'r'), ('ₛ', 's'), ('ₜ', 't'),
    ('ᵤ', 'u'), ('ᵥ', 'v'), ('ₓ', 'x'),
];

/// Fractions of one character.
#[rustfmt::skip]
const FRACTIONS: &[(char, f64)] = &[
    ('½', 0.5), ('⅓', 1.0 / 3.0), ('⅔', 2.0 / 3.0), ('¼', 0.25), ('¾', 0.75), ('⅕', 0.2),
    ('⅛', 0.125),
];

fn lookup<T: Copy>(table: &[(char, T)], c: char) -> Option<T> {
    table.iter().find(|row| row.0 == c).map(|row| row.1)
}

/// The tokens of a text, the last of them `End`. A word whose letters are all among the names of
/// one letter in `declared`, and which is itself not `known`, is split into them.
pub(super) fn lex(
    text: &str,
    declared: &[&str],
    known: &dyn Fn(&str) -> bool,
) -> Result<Vec<Lexeme>, FormulaError> {
    let chars: Vec<char> = text.chars().collect();
    let mut lexer = Lexer { text, chars, at: 0, spaced: false, tokens: vec![], declared, known };
    while lexer.at < lexer.chars.len() {
        lexer.step()?;
    }
    lexer.push(Token::End, lexer.at);
    Ok(lexer.tokens)
}

struct Lexer<'a> {
    text: &'a str,
    chars: Vec<char>,
    at: usize,
    spaced: bool,
    tokens: Vec<Lexeme>,
    declared: &'a [&'a str],
    known: &'a dyn Fn(&str) -> bool,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> char {
        self.chars.get(self.at + ahead).copied().unwrap_or('\0')
    }

    /// A token from `start` to here.
    fn push(&mut self, token: Token, start: usize) {
        let span = Span { start, end: self.at };
        self.tokens.push(Lexeme { token, span, spaced: std::mem::take(&mut self.spaced) });
    }

    fn fail<T>(&self, what: String, start: usize, hint: &str) -> Result<T, FormulaError> {
        let span = Span { start, end: self.at.max(start + 1) };
        Err(FormulaError::new(what, self.text, span).hint(hint))
    }

    fn step(&mut self) -> Result<(), FormulaError> {
        let (c, start) = (self.peek(0), self.at);
        if c.is_whitespace() || is_invisible(c) {
            self.at += 1;
            self.spaced |= c.is_whitespace();
        } else if c.is_ascii_digit() || c == '.' && self.peek(1).is_ascii_digit() {
            self.number()?;
        } else if let Some(x) = lookup(FRACTIONS, c) {
            self.at += 1;
            self.push(Token::Number(x), start);
        } else if lookup(RAISED, c).is_some() {
            self.raised()?;
        } else if is_letter(c) || is_greek(c) {
            self.word()?;
        } else {
            self.sign()?;
        }
        Ok(())
    }

    /// Digits, perhaps a point and digits, perhaps an exponent.
    fn number(&mut self) -> Result<(), FormulaError> {
        let start = self.at;
        self.digits();
        if self.peek(0) == '.' && !"*/^".contains(self.peek(1)) {
            self.at += 1;
            self.digits();
        }
        if matches!(self.peek(0), 'e' | 'E') {
            let signed = usize::from(matches!(self.peek(1), '+' | '-' | '−'));
            if self.peek(1 + signed).is_ascii_digit() {
                self.at += 1 + signed;
                self.digits();
            }
        }
        let written: String = self.chars[start..self.at].iter().collect();
        if self.peek(0) == '.' && self.peek(1).is_ascii_digit() {
            return self.fail("a number with two points".into(), start, "write one decimal point");
        }
        match written.replace('−', "-").parse::<f64>() {
            Ok(x) if x.is_finite() => self.push(Token::Number(x), start),
            _ => {
                let hint = "the largest number is 1.797e308; `inf` is infinity";
                return self.fail("this number is too large".into(), start, hint);
            }
        }
        Ok(())
    }

    fn digits(&mut self) {
        while self.peek(0).is_ascii_digit() {
            self.at += 1;
        }
    }

    /// An exponent in raised characters: its own tokens, between `Raise` and `Lower`.
    fn raised(&mut self) -> Result<(), FormulaError> {
        let start = self.at;
        let mut written = String::new();
        while let Some(c) = lookup(RAISED, self.peek(0)) {
            written.push(c);
            self.at += 1;
        }
        let end = std::mem::replace(&mut self.at, start);
        self.push(Token::Raise, start);
        let inner = lex(&written, self.declared, self.known)?;
        for mut lexeme in inner.into_iter().filter(|l| l.token != Token::End) {
            lexeme.span = Span { start: lexeme.span.start + start, end: lexeme.span.end + start };
            self.tokens.push(lexeme);
        }
        self.at = end;
        self.push(Token::Lower, end);
        Ok(())
    }

    /// A name: a Greek letter, or letters and digits; then perhaps subscripts.
    fn word(&mut self) -> Result<(), FormulaError> {
        let start = self.at;
        let mut name = String::new();
        if is_greek(self.peek(0)) {
            name.push(if self.peek(0) == 'µ' { 'μ' } else { self.peek(0) });
            self.at += 1;
        } else {
            while is_letter(self.peek(0)) || self.peek(0).is_ascii_digit() {
                name.push(self.peek(0));
                self.at += 1;
            }
        }
        let plain = self.at;
        loop {
            let c = self.peek(0);
            let braced = c == '_' && self.peek(1) == '{';
            if braced || c == '_' && is_subscript(self.peek(1)) {
                self.at += 1 + usize::from(braced);
                name.push('_');
                while is_subscript(self.peek(0)) {
                    name.push(self.peek(0));
                    self.at += 1;
                }
                if braced && (self.peek(0) != '}' || name.ends_with('_')) {
                    let hint = "a subscript is letters and digits, as in x_12 or x_{12}";
                    return self.fail("the subscript does not end".into(), start, hint);
                }
                self.at += usize::from(braced);
            } else if lookup(LOWERED, c).is_some() {
                name.push('_');
                while let Some(c) = lookup(LOWERED, self.peek(0)) {
                    name.push(c);
                    self.at += 1;
                }
            } else {
                break;
            }
        }
        let single = |c: char| self.declared.iter().any(|d| d.chars().eq([c]));
        let known = self.declared.contains(&name.as_str()) || (self.known)(&name);
        if plain == self.at && name.chars().nth(1).is_some() && !known && name.chars().all(single) {
            for (i, c) in name.chars().enumerate() {
                self.at = start + i + 1;
                self.push(Token::Word(c.into()), start + i);
            }
        } else {
            self.push(Token::Word(name), start);
        }
        Ok(())
    }

    fn sign(&mut self) -> Result<(), FormulaError> {
        let (c, start) = (self.peek(0), self.at);
        let pair = [c, self.peek(1)];
        let two = match pair {
            ['*', '*'] => Some(Token::Caret),
            ['.', '*'] => Some(Token::DotStar),
            ['.', '/'] => Some(Token::Slash),
            ['.', '^'] => Some(Token::DotCaret),
            ['=', '='] => Some(Token::Eq),
            ['!', '='] | ['<', '>'] => Some(Token::Ne),
            ['<', '='] | ['=', '<'] => Some(Token::Le),
            ['>', '='] => Some(Token::Ge),
            ['&', '&'] => Some(Token::Word("and".into())),
            _ => None,
        };
        let one = match c {
            '+' => Token::Plus,
            '-' | '−' | '–' | '‐' | '‑' | '﹣' | '－' => Token::Minus,
            '*' | '·' | '⋅' | '∙' | '•' | '×' | '∗' | '@' => Token::Star,
            '⊙' => Token::DotStar,
            '/' | '÷' | '∕' | '⁄' => Token::Slash,
            '^' => Token::Caret,
            '\'' | '′' | '’' | 'ᵀ' | '⊤' => Token::Prime,
            '(' | '[' | '{' | '⌊' | '⌈' => Token::Open(c),
            ')' | ']' | '}' | '⌋' | '⌉' => Token::Close(c),
            ',' => Token::Comma,
            ';' => Token::Semicolon,
            '|' | '∣' => Token::Bar,
            '‖' | '∥' => Token::DoubleBar,
            '√' => Token::Root,
            '∛' => Token::CubeRoot,
            '∞' => Token::Word("inf".into()),
            '=' => Token::Eq,
            '≠' => Token::Ne,
            '<' => Token::Lt,
            '≤' | '⩽' => Token::Le,
            '>' => Token::Gt,
            '≥' | '⩾' => Token::Ge,
            '∧' => Token::Word("and".into()),
            '∨' => Token::Word("or".into()),
            '¬' => Token::Word("not".into()),
            _ if two.is_some() => Token::End,
            _ => return self.stranger(c),
        };
        self.at += 1 + usize::from(two.is_some());
        self.push(two.unwrap_or(one), start);
        Ok(())
    }

    #[cold]
    fn stranger(&self, c: char) -> Result<(), FormulaError> {
        let hint = match c {
            '!' => "n! is exp(lgamma(n + 1)); `!=` and `not` belong to conditions",
            '\\' => "write functions without a backslash, and fractions with `/`",
            '%' => "the remainder is fmod(x, y)",
            '&' => "conditions are joined with `and`",
            '.' => "a decimal point stands beside a digit",
            '_' => "a subscript follows a name, as in x_1",
            '∑' | '∏' | '∫' | '∂' | '∇' => {
                "there are sum(x) and prod(x); derivatives are computed"
            }
            c if lookup(LOWERED, c).is_some() => "a subscript follows a name, as in x₁",
            _ => "a formula has numbers, names, functions and + - * / ^ ( ) | |",
        };
        let shown = if c.is_control() { c.escape_unicode().to_string() } else { c.to_string() };
        self.fail(format!("`{shown}` has no meaning here"), self.at, hint)
    }
}

/// A letter of words; small raised and lowered letters are none.
fn is_letter(c: char) -> bool {
    c.is_alphabetic()
        && !is_greek(c)
        && c != 'ᵀ'
        && lookup(RAISED, c).is_none()
        && lookup(LOWERED, c).is_none()
}

/// Greek letters are names one by one, as in `πr`.
fn is_greek(c: char) -> bool {
    matches!(c, '\u{370}'..='\u{3ff}' | 'µ') && c.is_alphabetic()
}

fn is_subscript(c: char) -> bool {
    is_letter(c) || is_greek(c) || c.is_ascii_digit()
}
