//! Reads what the engine's sources say about each function of one number, for the docstrings: the
//! comments above the implementations, which have the definition and the derivative.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

const FILES: [&str; 3] = ["elementary", "activation", "rounding"];

fn main() {
    let home = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let mut macros = String::new();
    for file in FILES {
        let path = Path::new(&home).join(format!("../chainrule-core/src/op/{file}.rs"));
        println!("cargo::rerun-if-changed={}", path.display());
        let text = fs::read_to_string(path).unwrap_or_default();
        for (name, doc) in operations(&text) {
            let _ = writeln!(macros, "({name}) => {{ {doc:?} }};");
        }
    }
    let macros = format!(
        "macro_rules! said {{ {macros} ($other:ident) => {{ concat!(\"`\", stringify!($other), \
         \"`, element by element.\") }}; }}"
    );
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "macos") {
        // What Python itself has is found when it loads the library.
        println!("cargo::rustc-cdylib-link-arg=-undefined");
        println!("cargo::rustc-cdylib-link-arg=dynamic_lookup");
    }
    let out = env::var("OUT_DIR").unwrap_or_default();
    fs::write(Path::new(&out).join("said.rs"), macros).expect("the output folder can be written");
}

/// Each operation's name, and a docstring: what the comment above it says, and its LaTeX.
fn operations(text: &str) -> Vec<(String, String)> {
    let (mut found, mut doc): (Vec<(String, String)>, Vec<String>) = (vec![], vec![]);
    for line in text.lines().map(str::trim) {
        if let Some(words) = line.strip_prefix("///") {
            doc.push(words.trim().replace("[`", "`").replace("`]", "`"));
            continue;
        }
        // The constant in an implementation that was named before.
        if let (Some(tex), Some(last)) =
            (line.strip_prefix("const TEX: &'static str = "), found.last_mut())
        {
            last.1 += &latex(tex);
        }
        if doc.is_empty() || line.starts_with("#[") {
            continue;
        }
        let (name, tex) = match line.strip_prefix("impl Scalar1 for ") {
            Some(rest) => (rest.split_whitespace().next(), ""),
            // An entry of a table: `tanh r"\tanh #" …`.
            None => match line.split_once(' ') {
                Some((name, rest)) if rest.starts_with(['r', '"']) => (Some(name), rest),
                _ => (None, ""),
            },
        };
        if let Some(name) = name.filter(|n| n.chars().all(|c| c.is_alphanumeric() || c == '_')) {
            let said = doc.join("\n");
            let text = format!("`{name}`, element by element: {said}{}", latex(tex));
            found.push((name.to_string(), text));
        }
        doc.clear();
    }
    found
}

/// A line with the LaTeX of the literal at the start of `text`, if there is one.
fn latex(text: &str) -> String {
    match text.split('"').nth(1) {
        Some(tex) => format!("\n\nLaTeX: {}", tex.replace('#', "x")),
        None => String::new(),
    }
}
