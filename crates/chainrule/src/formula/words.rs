//! What words mean.

use super::ast::{Constant, Function};

/// The words that hold a formula together.
const KEYWORDS: &[&str] = &["if", "otherwise", "else", "where", "and", "or", "not"];

pub(super) fn is_keyword(word: &str) -> bool {
    KEYWORDS.contains(&word)
}

/// The constant that `word` means.
pub(super) fn constant(word: &str) -> Option<Constant> {
    match word {
        "π" => Some(Constant::Pi),
        "τ" => Some(Constant::Tau),
        "infinity" | "∞" => Some(Constant::Infinity),
        _ => Constant::ALL.iter().copied().find(|c| c.name() == word),
    }
}

pub(super) fn is_function(word: &str) -> bool {
    Function::named(word).is_some()
}

/// Whether `word` means something other than a variable.
pub(super) fn is_known(word: &str) -> bool {
    is_keyword(word) || constant(word).is_some() || is_function(word)
}

/// The names of all functions.
pub(super) fn functions() -> Vec<&'static str> {
    Function::all().map(Function::name).collect()
}

/// Whether `word` looks like a function's name: several letters without an index.
pub(super) fn is_long(word: &str) -> bool {
    word.chars().filter(|c| c.is_alphabetic()).nth(1).is_some() && !word.contains('_')
}
