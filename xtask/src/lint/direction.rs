//! The direction of the modules inside `chainrule-core`, and the check of it.
//!
//! A file may name modules of its own layer's name and of lower layers. Paths are looked for in
//! code, not in comments, strings or `#[cfg(test)]` items, in all the forms that reach the crate's
//! root: `crate::m`, `use crate::{m, n}`, `super::m` from the right depth. A name that the root
//! re-exports counts as the module it comes from, so `crate::Tensor` is no way round.

use super::File;
use crate::source;

/// The layers, lowest first; modules of one layer do not know each other. `lib.rs` is above all.
pub(crate) const LAYERS: &[&[&str]] = &[
    &["place"],
    &["error"],
    &["op"],
    &["graph"],
    &["grad", "rewrite", "scalar"],
    &["plan"],
    &["exec"],
    &["tensor"],
    &["transform"],
    &["linalg"],
    &["inspect"],
    &["check"],
];

const SOURCE: &str = "crates/chainrule-core/src/";

/// A name that code takes from the crate's root, and the byte where it stands.
type Mention = (usize, String);

/// Every path in core's modules leads downwards.
pub(super) fn modules(files: &[File]) -> Vec<String> {
    let inside = |file: &&File| file.is_rust() && file.path.starts_with(SOURCE);
    let files: Vec<_> = files.iter().filter(inside).collect();
    let root = files.iter().find(|file| file.path[SOURCE.len()..] == *"lib.rs");
    let exports = root.map_or_else(Vec::new, |root| exports(&source::code(&root.text)));
    let mut problems = Vec::new();
    for file in files {
        let place: Vec<&str> =
            file.path[SOURCE.len()..].trim_end_matches(".rs").split('/').collect();
        if place == ["lib"] || source::is_test_file(&file.path) {
            continue;
        }
        let Some(layer) = layer(place[0]) else {
            let known = file!();
            problems.push(format!("{}: `{}` has no row in LAYERS in {known}", file.path, place[0]));
            continue;
        };
        let depth = place.iter().filter(|part| **part != "mod").count();
        let code = source::without_tests(&source::code(&file.text));
        for (at, name) in mentions(&code, depth) {
            let origin = exports.iter().find(|(export, _)| *export == name);
            let module = origin.map_or(&*name, |(_, module)| module);
            let own = module == place[0];
            if !own && self::layer(module).is_some_and(|other| other >= layer) {
                let n = source::line_of(&code, at);
                let via = if name == module { String::new() } else { format!(" (`{name}`)") };
                problems.push(format!(
                    "{}:{n}: `{}` uses `{module}`{via}; the direction is {}",
                    file.path,
                    place[0],
                    rule()
                ));
            }
        }
    }
    problems
}

/// The index of a module's layer.
fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|row| row.contains(&module))
}

/// The table in one line.
fn rule() -> String {
    let row = |row: &&[&str]| match row {
        [one] => (*one).to_string(),
        several => format!("{{{}}}", several.join(", ")),
    };
    LAYERS.iter().map(row).collect::<Vec<_>>().join(" ← ")
}

/// Names that `code`, in a module `depth` below the root, takes from the root.
fn mentions(code: &str, depth: usize) -> Vec<Mention> {
    let mut found = Vec::new();
    for start in ["crate", "super"] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].trim_end();
            let whole = !code[..at].ends_with(source::is_word) && !before.ends_with("super::");
            let Some(rest) = path_to_root(&code[at..], depth).filter(|_| whole) else { continue };
            heads(code, code.len() - rest.len(), &mut found);
        }
    }
    found.sort();
    found.dedup();
    found
}

/// What follows `crate::`, or at least `depth` times `super::`.
fn path_to_root(path: &str, depth: usize) -> Option<&str> {
    if let Some(rest) = step(path, "crate") {
        return Some(rest);
    }
    let (mut rest, mut steps) = (path, 0);
    while let Some(next) = step(rest, "super") {
        (rest, steps) = (next, steps + 1);
    }
    (steps >= depth).then_some(rest)
}

/// What follows `word::`.
fn step<'a>(path: &'a str, word: &str) -> Option<&'a str> {
    path.strip_prefix(word)?.trim_start().strip_prefix("::").map(str::trim_start)
}

/// The first name of each branch of the path at byte `at`: of `a::b` it is `a`, of `{a, b::c}`
/// they are `a` and `b`.
fn heads(code: &str, at: usize, found: &mut Vec<Mention>) {
    let rest = &code[at..];
    let Some(group) = rest.strip_prefix('{') else {
        let length = rest.find(|c| !source::is_word(c)).unwrap_or(rest.len());
        if length > 0 {
            found.push((at, rest[..length].to_string()));
        }
        return;
    };
    let (mut depth, mut branch) = (0, true);
    for (offset, c) in group.char_indices() {
        match c {
            '}' if depth == 0 => return,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => branch = true,
            c if branch && !c.is_whitespace() => {
                branch = false;
                heads(code, at + 1 + offset, found);
            }
            _ => {}
        }
    }
}

/// `(name, module)` for each name that the root re-exports from a module of its own.
fn exports(root: &str) -> Vec<(String, String)> {
    let mut names = Vec::new();
    for statement in root.split(';') {
        let Some((_, path)) = statement.split_once("pub use ") else { continue };
        let path = step(path.trim(), "crate").or(step(path.trim(), "self")).unwrap_or(path.trim());
        let module = path.split("::").next().unwrap_or(path).trim();
        if layer(module).is_none() {
            continue;
        }
        // `a as b` is known as `b`; names of modules on the way are harmless extra entries.
        let leaves = path[module.len()..].split([',', '{', '}']);
        for leaf in leaves {
            let name = leaf.rsplit([' ', ':', '\n']).find(|word| !word.is_empty());
            names.extend(name.map(|name| (name.to_string(), module.to_string())));
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(code: &str, depth: usize) -> Vec<String> {
        mentions(code, depth).into_iter().map(|(_, name)| name).collect()
    }

    #[test]
    fn paths_from_the_root_are_found_in_every_form() {
        assert_eq!(names("use crate::graph::Node;", 1), ["graph"]);
        assert_eq!(
            names("use crate::{graph::{self, Node}, op, exec::x::{y, z}};", 1),
            ["graph", "op", "exec"]
        );
        assert_eq!(names("let t: crate :: tensor::T = $crate::plan::f();", 1), ["tensor", "plan"]);
        assert_eq!(names("use crate::{\n    plan,\n    Error,\n};", 1), ["plan", "Error"]);
        assert_eq!(names("use super::plan; use super::super::exec;", 1), ["plan", "exec"]);
        assert_eq!(names("use super::plan; use super::super::exec;", 2), ["exec"]);
        assert_eq!(names("pub(crate) fn f(); my_crate::x; pub(super) y; crate_x::y", 1), [""; 0]);
    }

    #[test]
    fn re_exports_lead_to_their_modules() {
        let root = "mod a;\npub use graph::{NoGrad, node::Tensor as T};\npub use error::Error;\n\
                    pub use chainrule_kernels::threads::with_threads; pub use crate::op::DType;";
        let exports = exports(root);
        let module = |name: &str| exports.iter().find(|(n, _)| n == name).map(|(_, m)| &**m);
        assert_eq!(module("NoGrad"), Some("graph"));
        assert_eq!(module("T"), Some("graph"));
        assert_eq!(module("Error"), Some("error"));
        assert_eq!(module("DType"), Some("op"));
        assert_eq!(module("with_threads"), None);
    }

    #[test]
    fn a_path_upwards_is_named_with_file_line_and_rule() {
        let file = |path: &str, text: &str| File::of(&format!("{SOURCE}{path}"), text);
        let files = [
            file("lib.rs", "pub use tensor::cat; pub use crate::error::Error;"),
            file("op/mod.rs", "use crate::Error;\n\nuse super::graph::Node; use super::op::x;"),
            file("graph/node.rs", "use crate::op; // crate::exec\nfn f() { crate::cat() }"),
            file("plan.rs", "use crate::grad;\n#[cfg(test)]\nmod t { use crate::tensor::cat; }"),
            file("grad/vjp.rs", "use super::x;\nuse crate::rewrite::y;\nuse crate::grad::z;"),
            file("op/tests.rs", "use crate::tensor::T;"),
            file("extra.rs", ""),
        ];
        let rule = rule();
        assert!(rule.starts_with("place ← error ← op ← graph ← {grad, rewrite, scalar} ← plan"));
        let known = file!();
        assert_eq!(
            modules(&files),
            [
                format!("{SOURCE}op/mod.rs:3: `op` uses `graph`; the direction is {rule}"),
                format!(
                    "{SOURCE}graph/node.rs:2: `graph` uses `tensor` (`cat`); \
                     the direction is {rule}"
                ),
                format!("{SOURCE}grad/vjp.rs:2: `grad` uses `rewrite`; the direction is {rule}"),
                format!("{SOURCE}extra.rs: `extra` has no row in LAYERS in {known}"),
            ]
        );
    }
}
