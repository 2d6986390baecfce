//! What was found, as a table, as a sentence and as JSON.

use std::io;

use chainrule_fit::report::number;
use serde_json::{Value, json};

use super::function::Function;
use super::{Findings, Row};

/// The digits that are shown.
const DIGITS: usize = 12;

fn shown(x: f64, digits: usize) -> String {
    let sign = if x.is_sign_negative() && x != 0.0 && !x.is_finite() { "-" } else { "" };
    format!("{sign}{}", number(x, digits))
}

/// The sentence of the result: good news, or what is wrong.
pub(super) fn verdict(f: &Function, found: &Findings, tolerance: f64) -> Result<String, String> {
    if let Some(problem) = &found.problem {
        return Err(problem.clone());
    }
    let bad: Vec<String> =
        found.rows.iter().filter(|r| !r.agrees).map(|r| f.name(&r.derivative)).collect();
    if !bad.is_empty() {
        let verb = if bad.len() == 1 { "does" } else { "do" };
        let list = bad.join(", ");
        return Err(format!("{list} {verb} not agree within the tolerance of {tolerance:e}"));
    }
    let digits = found.rows.iter().map(|r| r.digits).min().unwrap_or(0);
    Ok(match found.rows.len() {
        1 => format!("the derivative agrees to {digits} digits"),
        n => format!("all {n} derivatives agree to {digits} digits or more"),
    })
}

/// The table, with the good news below it.
pub(super) fn table(f: &Function, found: &Findings, good: Option<&String>) -> String {
    let styled = crate::is_styled(&io::stdout());
    let mut text = format!("f = {}\n", f.formula);
    text += &format!("  = {} at {}\n", shown(found.value, DIGITS), f.place());
    if found.rows.is_empty() {
        return text;
    }
    let mut cells = vec![vec![String::new()]];
    cells[0].extend(found.names.iter().map(|&name| name.to_string()));
    cells[0].push("digits".into());
    for row in &found.rows {
        let mut line = vec![f.name(&row.derivative)];
        let numbers = row.values.iter().chain([&row.estimate.value]);
        line.extend(numbers.map(|&x| shown(x, DIGITS)));
        line.push(row.digits.to_string());
        cells.push(line);
    }
    let columns = cells[0].len();
    let width = |k: usize| cells.iter().map(|line| line[k].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    text.push('\n');
    for (n, line) in cells.iter().enumerate() {
        let mut out = String::new();
        for (k, cell) in line.iter().enumerate() {
            let pad = " ".repeat(widths[k] - cell.chars().count());
            out += &match k {
                0 => format!("{cell}{pad}"),
                _ => format!("   {pad}{cell}"),
            };
        }
        let wrong = n > 0 && !found.rows[n - 1].agrees;
        out += if wrong { "   differs" } else { "" };
        let styled = styled && (n == 0 || wrong);
        text += &crate::bold(out.trim_end(), styled);
        text.push('\n');
    }
    if let Some(good) = good {
        text += &format!("\n{good}\n");
    }
    text
}

/// The findings as one object. Numbers that are not finite are `null`.
pub(super) fn json(f: &Function, found: &Findings, tolerance: f64) -> Value {
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
        "problem": found.problem,
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
