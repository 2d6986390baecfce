//! A gradient check as a table for terminals, and as JSON.

use std::fmt::{self, Display, Write};

use super::{Culprit, Gradcheck, GradcheckRow, Identity, Verdict};

/// So many rows are shown; the rest is counted.
const ROWS: usize = 16;

impl Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Agrees => "agrees",
            Verdict::Wrong => "wrong",
            Verdict::Kink => "kink",
            Verdict::Undefined => "undefined",
        })
    }
}

impl Display for Culprit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Culprit { operation, at, shape, reverse, forward, numeric, note } = self;
        write!(f, "`{operation}` at {at}, which gives {shape:?}: {note}")?;
        if !numeric.is_nan() {
            write!(
                f,
                "\n  its slope along a random direction: {reverse:.6e} by reverse mode, \
                 {forward:.6e} by forward mode, {numeric:.6e} by differences"
            )?;
        }
        Ok(())
    }
}

/// The cells of a row.
fn cells(row: &GradcheckRow) -> [String; 8] {
    let index: Vec<String> = row.index.iter().map(usize::to_string).collect();
    [
        row.order.to_string(),
        row.input.to_string(),
        format!("[{}]", index.join(", ")),
        format!("{:.10e}", row.reverse),
        format!("{:.10e}", row.forward),
        format!("{:.10e}", row.numeric),
        format!("{:.0e}", row.uncertainty),
        row.verdict.to_string(),
    ]
}

const HEAD: [&str; 8] =
    ["order", "input", "index", "reverse", "forward", "differences", "±", "verdict"];

impl Gradcheck {
    /// The rows to show: all in order, or those that matter most.
    fn shown(&self) -> Vec<&GradcheckRow> {
        let mut rows: Vec<&GradcheckRow> = self.rows.iter().collect();
        if rows.len() > ROWS {
            let weight = |row: &GradcheckRow| match row.verdict {
                Verdict::Wrong | Verdict::Undefined => 0,
                Verdict::Kink => 1,
                Verdict::Agrees => 2,
            };
            let key = |row: &GradcheckRow| (weight(row), row.order);
            rows.sort_by(|a, b| key(a).cmp(&key(b)).then(b.error().total_cmp(&a.error())));
            rows.truncate(ROWS);
        }
        rows
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.rows.iter().filter(|row| row.verdict == verdict).count()
    }

    /// The check as JSON, on one line: `error`, `agrees`, the `rows`, the `identities` and the
    /// `culprit` or null. Numbers that are not finite are the strings `"NaN"`, `"inf"`, `"-inf"`.
    ///
    /// ```
    /// # use chainrule_core::*;
    /// let json = gradcheck(|x| x[0].square(), &[Tensor::from(3.0)], 1)?.to_json();
    /// assert!(json.contains(r#""rows":[{"order":1,"input":0,"index":[],"reverse":6.0,"#));
    /// assert!(json.ends_with(r#""culprit":null}"#));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn to_json(&self) -> String {
        let list = |rows: Vec<String>| format!("[{}]", rows.join(","));
        let rows = self.rows.iter().map(|row| {
            let index: Vec<String> = row.index.iter().map(usize::to_string).collect();
            object(&[
                ("order", row.order.to_string()),
                ("input", row.input.to_string()),
                ("index", list(index)),
                ("reverse", number(row.reverse)),
                ("forward", number(row.forward)),
                ("numeric", number(row.numeric)),
                ("uncertainty", number(row.uncertainty)),
                ("error", number(row.error())),
                ("verdict", text(&row.verdict.to_string())),
            ])
        });
        let identities = self.identities.iter().map(|i| {
            object(&[
                ("order", i.order.to_string()),
                ("modes", text(&i.modes)),
                ("value", number(i.value)),
                ("reverse", number(i.reverse)),
                ("error", number(i.error)),
            ])
        });
        let culprit = self.culprit.as_ref().map_or("null".into(), |c| {
            let shape: Vec<String> = c.shape.iter().map(usize::to_string).collect();
            object(&[
                ("operation", text(&c.operation)),
                ("file", text(c.at.file())),
                ("line", c.at.line().to_string()),
                ("column", c.at.column().to_string()),
                ("shape", list(shape)),
                ("reverse", number(c.reverse)),
                ("forward", number(c.forward)),
                ("numeric", number(c.numeric)),
                ("note", text(c.note)),
            ])
        });
        object(&[
            ("agrees", self.agrees().to_string()),
            ("error", number(self.error())),
            ("kinks", self.kinks().to_string()),
            ("rows", list(rows.collect())),
            ("identities", list(identities.collect())),
            ("culprit", culprit),
        ])
    }
}

impl Display for Gradcheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.rows.len();
        write!(f, "{n} derivatives: {} agree", self.count(Verdict::Agrees))?;
        for verdict in [Verdict::Wrong, Verdict::Kink, Verdict::Undefined] {
            if self.count(verdict) > 0 {
                let what = if verdict == Verdict::Kink { "at kinks" } else { &verdict.to_string() };
                write!(f, ", {} {what}", self.count(verdict))?;
            }
        }
        writeln!(f)?;
        let mut table: Vec<[String; 8]> = vec![HEAD.map(String::from)];
        table.extend(self.shown().into_iter().map(cells));
        let width = |j: usize| table.iter().map(|row| row[j].chars().count()).max().unwrap_or(0);
        let widths: [usize; 8] = std::array::from_fn(width);
        for row in &table {
            let mut line = String::new();
            for (j, (cell, width)) in row.iter().zip(widths).enumerate() {
                let gap = if j == 0 { "" } else { "  " };
                // Words to the left, numbers to the right.
                if j == 2 || j == 7 {
                    write!(line, "{gap}{cell:<width$}")?;
                } else {
                    write!(line, "{gap}{cell:>width$}")?;
                }
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        if n > ROWS {
            writeln!(f, "… and {} more", n - ROWS)?;
        }
        if let Some(row) = self.worst() {
            write!(
                f,
                "worst: order {}, input {}, {}: {:e} and {:e} from the graph, {:e} by differences, \
                 error {:.1e}",
                row.order,
                row.input,
                cells(row)[2],
                row.reverse,
                row.forward,
                row.numeric,
                row.error(),
            )?;
        } else if n > 0 {
            write!(f, "nothing could be checked: move the inputs off the kinks")?;
        }
        for Identity { order, modes, value, reverse, error } in &self.identities {
            write!(
                f,
                "\norder {order}, along a direction: {value:e} by {modes}, {reverse:e} by reverse \
                 mode, error {error:.1e}"
            )?;
        }
        if let Some(culprit) = &self.culprit {
            write!(f, "\nto blame: {culprit}")?;
        }
        Ok(())
    }
}

fn object(entries: &[(&str, String)]) -> String {
    let each: Vec<String> = entries.iter().map(|(k, v)| format!("{}:{v}", text(k))).collect();
    format!("{{{}}}", each.join(","))
}

fn number(x: f64) -> String {
    if x.is_finite() { format!("{x:?}") } else { text(&x.to_string()) }
}

fn text(of: &str) -> String {
    let mut quoted = String::from('"');
    for c in of.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if (c as u32) < 0x20 => quoted.push_str(&format!("\\u{:04x}", c as u32)),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_escaped() {
        assert_eq!(text("a \"b\" \\ \n é"), "\"a \\\"b\\\" \\\\ \\u000a é\"");
        assert_eq!(
            [f64::NAN, f64::NEG_INFINITY, 1e300].map(number),
            ["\"NaN\"", "\"-inf\"", "1e300"]
        );
    }
}
