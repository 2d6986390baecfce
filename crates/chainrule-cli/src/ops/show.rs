//! The table of operations as text, as JSON and as a page of documentation.

use std::fmt::Write;
use std::io;

use serde_json::{Value, json};

use super::table::{Family, Kink, Operation, Sample};
use crate::check::trimmed;

fn number(x: f64) -> String {
    trimmed(x, 6).replace("inf", "∞").replace('-', "−")
}

fn numbers(all: &[f64]) -> String {
    let list: Vec<String> = all.iter().map(|&x| number(x)).collect();
    if list.len() == 1 { list.concat() } else { format!("({})", list.join(", ")) }
}

fn domain(of: &Operation) -> Option<String> {
    let (low, high) = of.domain?;
    Some(match (low.is_finite(), high.is_finite()) {
        (false, false) => "all numbers".into(),
        (true, false) => format!("from {}", number(low)),
        (false, true) => format!("up to {}", number(high)),
        (true, true) => format!("from {} to {}", number(low), number(high)),
    })
}

fn kink(kink: &Kink) -> String {
    format!("{} at {}", numbers(&kink.slopes), numbers(&kink.at))
}

fn proven(of: &Operation) -> String {
    let right = of.samples.iter().filter(|s| s.agrees).count();
    match of.samples.len() {
        0 => String::new(),
        n if n == right => format!("✓ at {n} points"),
        n => format!("✗ at {} of {n} points", n - right),
    }
}

/// All operations on aligned lines.
pub(super) fn list(all: &[Operation]) -> String {
    let styled = crate::is_styled(&io::stdout());
    let mut text = String::new();
    for family in Family::ALL {
        let rows: Vec<[String; 3]> = all.iter().filter(|o| o.family == family).map(row).collect();
        let width = |k: usize| {
            rows.iter().map(|row| row[k].chars().count()).filter(|n| *n <= 44).max().unwrap_or(0)
        };
        let (first, second) = (width(0), width(1));
        let break_line = if text.is_empty() { "" } else { "\n" };
        let _ = writeln!(text, "{break_line}{}", crate::bold(family.title(), styled));
        for [name, formula, rest] in rows {
            let line = format!("  {name:<first$}  {formula:<second$}  {rest}");
            let _ = writeln!(text, "{}", line.trim_end());
        }
    }
    text
}

fn row(of: &Operation) -> [String; 3] {
    let partials: Vec<String> =
        of.partials.iter().map(|(name, _, text)| format!("{name} = {text}")).collect();
    let rest = if partials.is_empty() { of.note.clone() } else { partials.join(", ") };
    [of.name.into(), of.pretty.clone(), rest]
}

/// One operation in detail.
pub(super) fn one(of: &Operation) -> String {
    let mut text = format!("{}: {}\n", of.name, of.pretty);
    let mut rows: Vec<(String, String)> = vec![];
    if !of.latex.is_empty() {
        rows.push(("LaTeX".into(), of.latex.clone()));
    }
    rows.extend(of.partials.iter().map(|(name, _, text)| (name.clone(), text.clone())));
    rows.extend(domain(of).map(|text| ("domain".into(), text)));
    rows.extend(of.kinks.iter().map(|k| ("kink".into(), kink(k))));
    if !of.note.is_empty() {
        rows.push(("note".into(), of.note.clone()));
    }
    let width = rows.iter().map(|r| r.0.chars().count()).max().unwrap_or(0);
    for (name, what) in rows {
        let _ = writeln!(text, "  {name:<width$}  {what}");
    }
    if !of.samples.is_empty() {
        text += "\n  at             value          derivative     differences\n";
    }
    for Sample { at, value, slopes, agrees } in &of.samples {
        let (at, value, slopes) = (numbers(at), number(*value), numbers(slopes));
        let agrees = if *agrees { "agree" } else { "differ" };
        let _ = writeln!(text, "  {at:<13}  {value:<13}  {slopes:<13}  {agrees}");
    }
    text
}

pub(super) fn json(of: &Operation) -> Value {
    let partial = |partial: &(String, String, String)| {
        let (name, latex, text) = partial;
        json!({ "name": name, "latex": latex, "formula": text })
    };
    let kink = |k: &Kink| json!({ "at": k.at, "derivative": k.slopes });
    let sample = |s: &Sample| {
        let Sample { at, value, slopes, agrees, .. } = s;
        json!({ "at": at, "value": value, "derivative": slopes, "agrees": agrees })
    };
    json!({
        "name": of.name,
        "family": of.family.title(),
        "latex": of.latex,
        "formula": of.pretty,
        "partials": of.partials.iter().map(partial).collect::<Vec<_>>(),
        "domain": domain(of),
        "kinks": of.kinks.iter().map(kink).collect::<Vec<_>>(),
        "samples": of.samples.iter().map(sample).collect::<Vec<_>>(),
        "note": of.note,
    })
}

/// The page `docs/operations.md`.
pub(super) fn markdown(all: &[Operation]) -> String {
    let mut text = String::from(
        "# Operations\n\nMade by `chainrule ops --markdown`. The derivatives are printed by \
         running the rules themselves\non formulas; each is compared with differences of values \
         at its sample points.\n",
    );
    for family in Family::ALL {
        let _ = writeln!(text, "\n## {}\n", family.title());
        text += match family {
            Family::One => {
                "| name | y | dy/dx | domain | at kinks | checked |\n|---|---|---|---|---|---|\n"
            }
            Family::Two => {
                "| name | z | ∂z/∂x, ∂z/∂y | at kinks | checked |\n|---|---|---|---|---|\n"
            }
            _ => "| name | what | derivative |\n|---|---|---|\n",
        };
        for of in all.iter().filter(|o| o.family == family) {
            let formulas: Vec<String> =
                of.partials.iter().map(|p| format!("${}$", cell(&p.1))).collect();
            let kinks: Vec<String> = of.kinks.iter().map(kink).collect();
            let (latex, formulas) = (cell(&of.latex), formulas.join(", "));
            let (kinks, proven) = (kinks.join(", "), proven(of));
            let name = of.name;
            let _ = match family {
                Family::One => {
                    let domain = domain(of).unwrap_or_default();
                    let line = format!("| `{name}` | ${latex}$ | {formulas} | {domain} |");
                    writeln!(text, "{line} {kinks} | {proven} |")
                }
                Family::Two => {
                    let note = if of.note.is_empty() { "" } else { " (no derivative by x)" };
                    let line = format!("| `{name}` | ${latex}$ | {formulas}{note} |");
                    writeln!(text, "{line} {kinks} | {proven} |")
                }
                _ => writeln!(text, "| `{name}` | {} | {} |", of.pretty, of.note),
            };
        }
    }
    text
}

/// A formula in a cell of a table, where a bar would end it.
fn cell(latex: &str) -> String {
    latex
        .replace(r"\left|", r"\left\vert ")
        .replace(r"\right|", r"\right\vert ")
        .replace('|', r"\vert ")
}
