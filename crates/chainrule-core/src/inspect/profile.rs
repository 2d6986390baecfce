//! Where the time goes.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::{Duration, Instant};

use crate::exec::watch::{Event, Label, note, watch};

/// Runs `f`, and tells what was evaluated in it on this thread: every kernel, matrix product and
/// other step, with the time it took, what it moved and computed, and the lines that asked for it.
///
/// ```
/// # use chainrule_core::*;
/// let x = Tensor::from([1.0, 2.0, 3.0]);
/// let (y, profile) = profile(|| (x.sin() * x.exp()).sum().item::<f64>());
/// assert!(y.is_ok());
/// assert!(profile.rows().iter().any(|row| row.name.contains("sin")));
/// println!("{profile}");
/// std::fs::write("/dev/null", profile.to_chrome_trace()).unwrap(); // opens in Perfetto
/// ```
///
/// Evaluation happens when numbers are asked for. What is recorded in `f` and computed after it is
/// not seen; ask for the numbers inside.
pub fn profile<R>(f: impl FnOnce() -> R) -> (R, Profile) {
    let start = Instant::now();
    let (result, events) = watch(f);
    (result, Profile { start, elapsed: start.elapsed(), events })
}

/// Adds what was done since `start`, a step that is not the engine's, to the profiles that watch
/// this thread.
pub fn profile_note(name: &str, start: Instant) {
    note(name, start);
}

/// What [`profile`] saw.
#[derive(Clone, Debug)]
pub struct Profile {
    start: Instant,
    elapsed: Duration,
    events: Vec<Event>,
}

/// One kind of step: those with the same operations from the same lines.
#[derive(Clone, Debug)]
pub struct ProfileRow {
    /// The operations, in the order in which they were recorded; `plan` is the making of plans.
    pub name: String,
    /// The user's lines, as `file:line`.
    pub lines: Vec<String>,
    /// How often it ran.
    pub runs: usize,
    /// Time in seconds.
    pub seconds: f64,
    /// Bytes read and written.
    pub bytes: f64,
    /// Operations on numbers.
    pub operations: f64,
}

impl Profile {
    /// The time that `f` took, in seconds; the rows account for a part of it, recording and
    /// everything else of `f` for the rest.
    pub fn seconds(&self) -> f64 {
        self.elapsed.as_secs_f64()
    }

    /// All kinds of steps, the dearest first.
    pub fn rows(&self) -> Vec<ProfileRow> {
        let mut rows: BTreeMap<&Label, ProfileRow> = BTreeMap::new();
        for event in &self.events {
            let row = rows.entry(&event.label).or_insert_with(|| ProfileRow {
                name: event.label.name.clone(),
                lines: lines(&event.label),
                runs: 0,
                seconds: 0.0,
                bytes: 0.0,
                operations: 0.0,
            });
            row.runs += 1;
            row.seconds += event.end.duration_since(event.start).as_secs_f64();
            row.bytes += event.bytes;
            row.operations += event.operations;
        }
        let mut rows: Vec<ProfileRow> = rows.into_values().collect();
        rows.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        rows
    }

    /// The steps in time, in the format of Chrome's tracing, which Perfetto and `about:tracing`
    /// open. Times are in microseconds from the start.
    pub fn to_chrome_trace(&self) -> String {
        let mut text = String::from("{\"traceEvents\":[\n");
        let whole = self.elapsed.as_secs_f64() * 1e6;
        let _ = write!(
            text,
            "{{\"name\":\"profile\",\"ph\":\"X\",\"ts\":0,\"dur\":{whole:.3},\"pid\":1,\"tid\":1}}"
        );
        for event in &self.events {
            let micros = |t: Instant| t.saturating_duration_since(self.start).as_secs_f64() * 1e6;
            let (from, to) = (micros(event.start), micros(event.end));
            let quoted: Vec<String> = lines(&event.label).iter().map(|l| quote(l)).collect();
            let _ = write!(
                text,
                ",\n{{\"name\":{},\"ph\":\"X\",\"ts\":{from:.3},\"dur\":{:.3},\"pid\":1,\"tid\":1,\
                 \"args\":{{\"lines\":[{}],\"bytes\":{:.0},\"operations\":{:.0}}}}}",
                quote(&event.label.name),
                to - from,
                quoted.join(","),
                event.bytes,
                event.operations,
            );
        }
        text + "\n],\"displayTimeUnit\":\"ms\"}\n"
    }
}

fn lines(label: &Label) -> Vec<String> {
    label.lines.iter().map(|at| format!("{}:{}", at.file(), at.line())).collect()
}

/// A JSON string.
fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c < ' ' => quoted += &format!("\\u{:04x}", c as u32),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

/// A table, the dearest step first.
impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.rows();
        let known: f64 = rows.iter().map(|row| row.seconds).sum();
        let whole = self.seconds().max(1e-9);
        let line = |f: &mut fmt::Formatter<'_>, cells: [String; 6], rest: &str| {
            let [time, share, runs, bytes, operations, name] = cells;
            writeln!(
                f,
                "{time:>10} {share:>6} {runs:>7} {bytes:>7} {operations:>7}  {name:<32} {rest}"
            )
        };
        let head = ["ms", "share", "runs", "GB/s", "GF/s", "operations"].map(String::from);
        line(f, head, "lines")?;
        let rate = |x: f64, seconds: f64| match x / seconds.max(1e-9) / 1e9 {
            0.0 => "–".to_string(),
            rate => format!("{rate:.1}"),
        };
        let cells = |seconds: f64| {
            (format!("{:.3}", seconds * 1e3), format!("{:.1} %", 100.0 * seconds / whole))
        };
        for row in &rows {
            let (time, share) = cells(row.seconds);
            let rates = (rate(row.bytes, row.seconds), rate(row.operations, row.seconds));
            let cells = [time, share, row.runs.to_string(), rates.0, rates.1, row.name.clone()];
            let more = row.lines.len().saturating_sub(2);
            let mut at = row.lines[..row.lines.len() - more].join(", ");
            if more > 0 {
                at += &format!(" +{more}");
            }
            line(f, cells, &at)?;
        }
        let (time, share) = cells((whole - known).max(0.0));
        let none = || "–".to_string();
        line(f, [time, share, none(), none(), none(), "recording and the rest".into()], "")?;
        let (time, share) = cells(whole);
        line(f, [time, share, none(), none(), none(), "all".into()], "")
    }
}
