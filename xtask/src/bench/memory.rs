//! How much memory a row takes.
//!
//! A new worker is started for each row and each engine. Once it has told its name, everything is
//! loaded that a program of that library has in memory before it does anything: that is the
//! baseline. Then it loads the row and runs it for a second. The largest memory it had by then,
//! less the baseline, is what the row takes: inputs, results, what lives between forward and
//! backward, and what allocators keep for the next run. The inputs, which are read from files,
//! count for everybody alike, and so do the copies made to write results; nothing is reset in
//! between.
//!
//! Memory is what is resident (`VmRSS` and its peak `VmHWM` in `/proc/PID/status`): pages that were
//! touched, those of shared libraries among them. What an engine loads or compiles when it first
//! computes anything comes after the baseline and can be more than the row itself. Row 1, a
//! gradient of four numbers, has nothing but that; so there is a second ratio, of what a row takes
//! beyond row 1. The first is what a program's user sees, the second what becomes of larger
//! programs.
//!
//! Absent: the other rows, and other systems than Linux.

use super::engines::{Engine, LIBRARIES, Library};
use super::plan::Plan;
use super::rows::{self, Row};
use super::{conditions, inputs, note, record, say};
use crate::columns;
use std::fs;

const ROWS: &[&str] = &[FIXED, "6", "9", "10", "13"];

/// The row that takes what every row takes; it is measured first.
const FIXED: &str = "1";

/// Who takes part: those for which a program's memory is the row's and not a compiler's.
const KEYS: &[&str] = &["chainrule", "torch", "jax"];

/// The largest part of PyTorch's memory that we hope to take.
const TARGET: f64 = 0.6;

/// A row and the megabytes that each engine takes for it.
struct Taken {
    row: &'static Row,
    megabytes: Vec<(&'static Library, Option<f64>)>,
}

impl Taken {
    fn of(&self, key: &str) -> Option<f64> {
        self.megabytes.iter().find(|(library, _)| library.key == key)?.1
    }

    /// Our memory over PyTorch's.
    fn ratio(&self) -> Option<f64> {
        Some(self.of("chainrule")? / self.of("torch")?)
    }

    /// The same of the memory beyond that of another row, where both take more.
    fn ratio_beyond(&self, fixed: &Taken) -> Option<f64> {
        let beyond = |key| Some(self.of(key)? - fixed.of(key)?).filter(|more| *more > 0.0);
        Some(beyond("chainrule")? / beyond("torch")?)
    }

    fn cells(&self, fixed: Option<&Taken>) -> Vec<String> {
        let or_none = |cell: Option<String>| cell.unwrap_or_else(|| "–".into());
        let of_ratio = |ratio: Option<f64>| or_none(ratio.map(|ratio| format!("{ratio:.2}")));
        let mut cells = vec![self.row.name.to_string(), self.row.title.to_string()];
        let size = |megabytes: Option<f64>| or_none(megabytes.map(|mb| format!("{mb:.1}")));
        cells.extend(self.megabytes.iter().map(|(_, megabytes)| size(*megabytes)));
        let fixed = fixed.filter(|fixed| fixed.row.name != self.row.name);
        let ratio = fixed.and_then(|_| self.ratio());
        let met = |ratio| if ratio <= TARGET { "✓" } else { "✗" };
        cells.push(of_ratio(ratio));
        cells.push(of_ratio(fixed.and_then(|fixed| self.ratio_beyond(fixed))));
        cells.push(or_none(fixed.map(|_| format!("{TARGET:.2}"))));
        cells.push(or_none(ratio.map(|ratio| met(ratio).into())));
        cells
    }
}

/// Measures every row with every engine; whether we have a number for each.
pub(super) fn run(plan: &Plan) -> Result<bool, String> {
    if !cfg!(target_os = "linux") {
        return Err("memory is read from /proc, which only Linux has".into());
    }
    let (mut engines, mut taken) = (Vec::new(), Vec::new());
    for library in LIBRARIES.iter().filter(|library| KEYS.contains(&library.key)) {
        if library.is_ours() || plan.peers {
            match Engine::start(library, plan.threads) {
                Ok(engine) => engines.push(engine),
                Err(why) => say(&format!("{} is absent: {why}", library.label)),
            }
        }
    }
    for row in rows::ROWS.iter().filter(|row| ROWS.contains(&row.name)) {
        inputs::make(row.name)?;
        let mut megabytes = Vec::new();
        for engine in &mut engines {
            note(&format!("row {}: {}", row.name, engine.library.label));
            let found = measure(engine, row);
            if let Err(why) = &found {
                say(&format!("row {}: {}: {why}", row.name, engine.library.label));
            }
            megabytes.push((engine.library, found.ok()));
        }
        taken.push(Taken { row, megabytes });
    }
    let rows: Vec<_> = taken.iter().map(|row| row.cells(taken.first())).collect();
    let head = head(&engines);
    say(columns::aligned(&head, &rows, 2).trim_end());
    let versions: Vec<_> = engines.iter().map(|engine| engine.version.as_str()).collect();
    let conditions = conditions(plan);
    let table = columns::markdown(head, rows, 2);
    let told = format!("{conditions}. Versions: {}.\n\n{table}\n{NOTE}", versions.join(", "));
    record::keep("memory.md", &told, plan).map_err(|error| format!("memory.md: {error}"))?;
    Ok(taken.iter().all(|taken| taken.of("chainrule").is_some()))
}

const NOTE: &str = "\
The peak of resident memory over a second of runs, less that of the same process before it loaded
the row, in megabytes. The inputs count for everybody. Ratio: ours over PyTorch's. Row 1 is what
every row takes, mostly libraries that are loaded when they are first needed; the second ratio
leaves it out.
";

fn head(engines: &[Engine]) -> Vec<String> {
    let libraries = engines.iter().map(|engine| format!("{}, MB", engine.library.label));
    let [before, after] = [vec!["#", "workload"], vec!["ratio", "beyond row 1", "target", "met"]]
        .map(|words| words.into_iter().map(String::from));
    before.chain(libraries).chain(after).collect()
}

/// The megabytes that a row takes in a process of its own.
fn measure(engine: &mut Engine, row: &Row) -> Result<f64, String> {
    engine.leave();
    engine.ask("name")?;
    let before = kilobytes(engine, "VmRSS")?;
    engine.load(row)?;
    engine.time("time", 1.0)?;
    let peak = kilobytes(engine, "VmHWM")?;
    engine.leave();
    Ok((peak - before) * 1024.0 / 1e6)
}

/// A quantity of the engine's process.
fn kilobytes(engine: &Engine, quantity: &str) -> Result<f64, String> {
    let process = engine.process().ok_or("it has no process")?;
    let status = fs::read_to_string(format!("/proc/{process}/status"));
    let found = status.ok().and_then(|status| entry(&status, quantity));
    found.ok_or_else(|| format!("process {process} does not have {quantity}"))
}

/// The number of an entry such as `VmRSS:     1234 kB`.
fn entry(status: &str, quantity: &str) -> Option<f64> {
    let rest = status.lines().find_map(|line| line.strip_prefix(quantity)?.strip_prefix(':'))?;
    rest.strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(ours: Option<f64>, theirs: Option<f64>) -> Taken {
        let of = |key: &str| LIBRARIES.iter().find(|library| library.key == key).unwrap();
        let megabytes = vec![(of("chainrule"), ours), (of("torch"), theirs)];
        Taken { row: rows::ROWS.iter().find(|row| row.name == "9").unwrap(), megabytes }
    }

    #[test]
    fn rows_and_libraries_are_known() {
        assert!(ROWS.iter().all(|name| rows::ROWS.iter().any(|row| row.name == *name)));
        assert!(KEYS.iter().all(|key| LIBRARIES.iter().any(|library| library.key == *key)));
    }

    #[test]
    fn entries_of_a_status_are_read() {
        let status = "Name:\trows\nVmHWM:\t    5120 kB\nVmRSS:\t    4096 kB\n";
        assert_eq!(entry(status, "VmRSS"), Some(4096.0));
        assert_eq!(entry(status, "VmHWM"), Some(5120.0));
        assert_eq!(entry(status, "VmSwap"), None);
        assert_eq!(entry("VmRSS: many kB", "VmRSS"), None);
    }

    #[test]
    fn the_ratio_is_to_pytorch() {
        let mut fixed = taken(Some(1.0), Some(38.0));
        fixed.row = rows::ROWS.iter().find(|row| row.name == FIXED).unwrap();
        let cells = |ours, theirs| taken(ours, theirs).cells(Some(&fixed))[2..].join(" ");
        assert_eq!(cells(Some(10.0), Some(40.0)), "10.0 40.0 0.25 4.50 0.60 ✓");
        assert_eq!(cells(Some(30.0), Some(40.0)), "30.0 40.0 0.75 14.50 0.60 ✗");
        assert_eq!(cells(Some(30.0), None), "30.0 – – – 0.60 –");
        assert_eq!(cells(Some(10.0), Some(30.0)), "10.0 30.0 0.33 – 0.60 ✓");
        assert_eq!(fixed.cells(Some(&fixed))[2..].join(" "), "1.0 38.0 – – – –");
    }
}
