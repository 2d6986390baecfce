//! A run on record: `speed.json` with every number, `speed.md` for readers, `speed.svg` to be seen.
//!
//! They are written to `target/bench`. `--save` keeps them in `bench/results`, and puts the table
//! where `<!-- table -->` and `<!-- /table -->` stand in `bench/README.md` and `README.md`.

use super::measure::{Measured, Outcome, median};
use super::{Plan, Run, chart, folder, table};
use crate::json::Json;
use crate::{marks, shell};
use std::fs;
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

/// Writes the three files, and keeps them if the plan says so.
pub(super) fn write(run: &Run, plan: &Plan) -> io::Result<()> {
    let told = format!("{}\n{}", table::provenance(run, plan), table::table(run));
    let files = [
        ("speed.json", format!("{:#}\n", json(run, plan))),
        ("speed.md", format!("{told}\n{}", table::notes(run))),
        ("speed.svg", chart::svg(run)),
    ];
    files.iter().try_for_each(|(name, text)| keep(name, text, plan))?;
    for path in ["bench/README.md", "README.md"].iter().filter(|_| plan.save) {
        let told = shell::read(path).and_then(|text| marks::between(&text, "table", &told));
        told.map_or(Ok(()), |text| fs::write(shell::root().join(path), text))?;
    }
    Ok(())
}

/// Writes a file to `target/bench`, and to `bench/results` if the plan says so.
pub(super) fn keep(name: &str, text: &str, plan: &Plan) -> io::Result<()> {
    // A reason for being absent may name files, which are elsewhere on other machines.
    let text = text.replace(&format!("{}/", shell::root().display()), "");
    fs::create_dir_all(folder(&[]))?;
    fs::write(folder(&[name]), &text)?;
    if plan.save {
        let kept = shell::root().join("bench/results");
        fs::create_dir_all(&kept)?;
        fs::write(kept.join(name), text)?;
    }
    Ok(())
}

fn json(run: &Run, plan: &Plan) -> Json {
    let limits = run.limits.map(|limits| {
        map([
            ("bandwidth", number(limits.bandwidth)),
            ("peak32", number(limits.peak32)),
            ("peak64", number(limits.peak64)),
        ])
    });
    let engines = run.engines.iter().map(|(library, version)| (library.key, text(version)));
    let absent = run.absent.iter().map(|(library, why)| (library.key, text(why)));
    map([
        ("date", text(&run.date)),
        ("machine", text(&run.machine)),
        ("cores", number(run.cores as f64)),
        ("threads", number(plan.threads as f64)),
        ("rounds", number(plan.rounds() as f64)),
        ("seconds", number(plan.seconds())),
        ("limits", limits.unwrap_or_else(null)),
        ("engines", map(engines)),
        ("absent", map(absent)),
        ("rows", Json::List(run.rows.iter().map(|measured| row(measured, run)).collect())),
    ])
}

/// A row, times in nanoseconds.
fn row(measured: &Measured, run: &Run) -> Json {
    let row = measured.row;
    let limit = run.limits.and_then(|limits| row.limit(limits));
    let outcomes = measured.outcomes.iter().map(|(library, outcome)| {
        let outcome = match outcome {
            Outcome::Timed(times) => times_of(times),
            Outcome::Differs(how) => map([("differs", text(how))]),
            Outcome::Absent(why) => map([("absent", text(why))]),
        };
        (library.key, outcome)
    });
    let bits = measured.bits.map(|same| Json::Word(same.to_string()));
    let mut entries = vec![
        ("row", text(row.name)),
        ("title", text(row.title)),
        ("target", row.target.map_or_else(null, number)),
        ("ratio", measured.ratio().map_or_else(null, number)),
        ("peer", measured.peer().map_or_else(null, |peer| text(peer.key))),
        ("limit", limit.map_or_else(null, number)),
        ("bits_equal", bits.unwrap_or_else(null)),
        ("engines", map(outcomes)),
    ];
    if !measured.primal.is_empty() {
        entries.push(("primal", times_of(&measured.primal)));
    }
    map(entries)
}

fn times_of(times: &[f64]) -> Json {
    let rounds = times.iter().copied().map(number).collect();
    map([("median", number(median(times))), ("rounds", Json::List(rounds))])
}

fn map<'a>(entries: impl IntoIterator<Item = (&'a str, Json)>) -> Json {
    Json::Map(entries.into_iter().map(|(key, value)| (key.to_string(), value)).collect())
}

fn text(text: &str) -> Json {
    Json::Text(text.to_string())
}

fn number(number: f64) -> Json {
    if number.is_finite() { Json::Word(number.to_string()) } else { null() }
}

fn null() -> Json {
    Json::Word("null".into())
}

/// The processor's name.
pub(super) fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name"));
    name.map_or("unknown processor", |name| name.trim_start_matches([' ', '\t', ':'])).to_string()
}

/// The date of today, in Greenwich.
pub(super) fn today() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    date(now.as_secs() / 86_400)
}

/// The date of a day since 1970. Years are counted from March, so that a leap day ends one, and in
/// eras of 400 years, which all have as many days. (Hinnant: *chrono-compatible low-level date
/// algorithms*, 2013.)
fn date(day: u64) -> String {
    let day = day + 719_468;
    let (era, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = if month < 10 { (year, month + 3) } else { (year + 1, month - 9) };
    format!("{:04}-{month:02}-{day:02}", 400 * era + year)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_dates() {
        let cases = [(0, "1970-01-01"), (11_016, "2000-02-29"), (11_017, "2000-03-01")];
        for (day, text) in cases {
            assert_eq!(date(day), text);
        }
        assert_eq!(date(20_820), "2027-01-02");
    }
}
