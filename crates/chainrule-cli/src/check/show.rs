//! What was found, as a table, as a sentence and as JSON.

use std::fmt::Display;
use std::io;

use chainrule_fit::report::number;
use serde_json::{Value, json};

use super::function::Function;
use super::{Findings, Row};

/// The digits that are shown.
const DIGITS: usize = 12;

/// A number with up to so many digits.
pub(crate) fn trimmed(x: f64, digits: usize) -> String {
    if !x.is_finite() {
        return x.to_string();
    }
    let text = number(x, digits);
    let (mantissa, exponent) = match text.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, format!("e{exponent}")),
        None => (text.as_str(), String::new()),
    };
    match mantissa.contains('.') {
        true => mantissa.trim_end_matches('0').trim_end_matches('.').to_string() + &exponent,
        false => text,
    }
}

/// The text of a formula, or its start if it is long.
pub(crate) fn clipped(formula: &dyn Display, most: usize) -> String {
    let text = formula.to_string();
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Numbers below each other, point below point; a dash for those that are not there.
fn aligned(column: &[f64]) -> Vec<String> {
    let cell = |x: &f64| if x.is_nan() { "–".into() } else { trimmed(*x, DIGITS) };
    let cells: Vec<String> = column.iter().map(cell).collect();
    let tail = |cell: &str| cell.find(['.', 'e']).map_or(0, |at| cell.len() - at);
    let longest = cells.iter().map(|cell| tail(cell)).max().unwrap_or(0);
    cells.iter().map(|cell| format!("{cell}{}", " ".repeat(longest - tail(cell)))).collect()
}

/// The sentence of the result: good news, or what is wrong.
pub(crate) fn verdict(f: &Function, found: &Findings, tolerance: f64) -> Result<String, String> {
    if let Some((_, problem)) = &found.problem {
        return Err(problem.clone());
    }
    let bad: Vec<String> =
        found.rows.iter().filter(|r| !r.agrees).map(|r| f.name(&r.derivative)).collect();
    if !bad.is_empty() {
        let verb = if bad.len() == 1 { "does" } else { "do" };
        let list = bad.join(", ");
        return Err(format!("{list} {verb} not agree within the tolerance of {tolerance:e}"));
    }
    let digits = found.rows.iter().filter_map(|r| r.digits).min().unwrap_or(0);
    let what = match found.rows.len() {
        1 => "the derivative agrees".to_string(),
        2 => "both derivatives agree".into(),
        n => format!("all {n} derivatives agree"),
    };
    // Where values are large and change little, rounding leaves few digits to compare.
    let vague =
        found.rows.iter().any(|r| r.values.iter().any(|&v| r.estimate.error(v) > tolerance));
    Ok(match digits {
        _ if vague => format!("{what} as far as differences can tell"),
        16 => format!("{what} to all digits"),
        digits => format!("{what} to {digits} digits or more"),
    })
}

/// The table, with the good news below it.
pub(crate) fn table(f: &Function, found: &Findings, good: Option<&String>) -> String {
    let styled = crate::is_styled(&io::stdout());
    let mut text = format!("f = {}\n", clipped(&f.formula, 300));
    text += &format!("  = {} at {}\n", trimmed(found.value, DIGITS), f.place());
    if found.rows.is_empty() {
        return text;
    }
    text.push('\n');
    let columns = columns(f, found);
    for n in 0..=found.rows.len() {
        let mut line = String::new();
        for (k, column) in columns.iter().enumerate() {
            let width = column.iter().map(|cell| cell.chars().count()).max().unwrap_or(0);
            let pad = " ".repeat(width - column[n].chars().count());
            line += &match k {
                0 => format!("{}{pad}", column[n]),
                _ => format!("   {pad}{}", column[n]),
            };
        }
        let row = n.checked_sub(1).map(|n| &found.rows[n]);
        let differs = row.is_some_and(|row| !row.agrees && row.digits.is_some());
        line += if differs { "   differs" } else { "" };
        text += &crate::bold(line.trim_end(), styled && (n == 0 || differs));
        text.push('\n');
    }
    if let Some(good) = good {
        text += &format!("\n{good}\n");
    }
    text
}

/// The columns of the table, each with its title.
fn columns(f: &Function, found: &Findings) -> Vec<Vec<String>> {
    let names = found.rows.iter().map(|r| f.name(&r.derivative)).collect();
    let mut columns = vec![[vec![String::new()], names].concat()];
    for (k, name) in found.names.iter().enumerate() {
        let number = |r: &Row| r.values.get(k).copied().unwrap_or(r.estimate.value);
        let numbers: Vec<f64> = found.rows.iter().map(number).collect();
        columns.push([vec![name.to_string()], aligned(&numbers)].concat());
    }
    let digits = |r: &Row| r.digits.map_or("–".into(), |digits| digits.to_string());
    let digits: Vec<String> = found.rows.iter().map(digits).collect();
    columns.push([vec!["digits".into()], digits].concat());
    columns
}

/// The findings as one object. Numbers that are not finite are `null`.
pub(crate) fn json(f: &Function, found: &Findings, tolerance: f64) -> Value {
    let mut at = serde_json::Map::new();
    for (name, shape, numbers) in f.values() {
        at.insert(name.into(), nested(shape, numbers));
    }
    let row = |row: &Row| {
        let by: Vec<String> = row.derivative.iter().map(|&i| f.coordinate(f.wrt[i])).collect();
        let mut object = json!({ "name": f.name(&row.derivative), "wrt": by });
        for (name, x) in found.names.iter().zip(row.values.iter().chain([&row.estimate.value])) {
            object[name.replace(" mode", "")] = json!(x);
        }
        object["digits"] = json!(row.digits);
        object["doubt"] = json!(row.estimate.doubt);
        object["agrees"] = json!(row.agrees);
        object
    };
    json!({
        "formula": f.formula.to_string(),
        "at": at,
        "value": found.value,
        "tolerance": tolerance,
        "derivatives": found.rows.iter().map(row).collect::<Vec<_>>(),
        "agrees": verdict(f, found, tolerance).is_ok(),
        "problem": found.problem.as_ref().map(|(_, sentence)| sentence),
    })
}

/// Numbers in arrays of arrays.
fn nested(shape: &[usize], numbers: &[f64]) -> Value {
    match shape {
        [] => json!(numbers.first()),
        [_] => json!(numbers),
        [n, rest @ ..] => {
            let each = numbers.len() / (*n).max(1);
            numbers.chunks(each.max(1)).map(|part| nested(rest, part)).collect()
        }
    }
}
