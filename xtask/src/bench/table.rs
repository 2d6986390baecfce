//! The comparison as a table: a line at a time on the terminal, and whole in Markdown.
//!
//! Both are made of the same cells. Times are milliseconds; the peer that the ratio is to is bold,
//! on the terminal marked by a star, and one that does not count stands in parentheses.

use super::engines::Library;
use super::measure::{Measured, Outcome, median, spread};
use super::rows::{Against, Limits};
use super::{Plan, Run};
use crate::columns;

/// Columns that are wider than the others: the row's name and its title.
const NAME: usize = 4;
const TITLE: usize = 42;

/// The columns, with one for each of `peers`.
fn head(peers: &[&Library]) -> Vec<String> {
    let before = ["#", "workload", "ours, ms", "spread"];
    let after = ["ratio", "target", "met", "limit, ms", "× limit", "bits"];
    let peers = peers.iter().map(|library| library.label);
    before.into_iter().chain(peers).chain(after).map(String::from).collect()
}

fn cells(measured: &Measured, peers: &[&Library], limits: Option<Limits>) -> Vec<String> {
    let row = measured.row;
    let ours = measured.ours();
    let limit = limits.and_then(|limits| row.limit(limits));
    let or_none = |cell: Option<String>| cell.unwrap_or_else(|| "–".into());
    let sign = |met| if met { "✓" } else { "✗" };
    let mut cells = vec![row.name.to_string(), row.title.to_string()];
    cells.push(our_time(measured));
    cells.push(or_none(ours.map(|times| format!("{:.1} %", 100.0 * spread(times)))));
    cells.extend(peers.iter().map(|library| peer(measured, library)));
    cells.push(or_none(measured.ratio().map(|ratio| format!("{ratio:.2}"))));
    cells.push(or_none(row.target.map(|target| format!("{target:.2}"))));
    cells.push(or_none(measured.is_met().map(|met| sign(met).into())));
    cells.push(or_none(limit.map(milliseconds)));
    cells.push(or_none(ours.zip(limit).map(|(times, ns)| format!("{:.2}", median(times) / ns))));
    cells.push(or_none(measured.bits.map(|same| if same { "equal" } else { "DIFFER" }.into())));
    cells
}

fn our_time(measured: &Measured) -> String {
    let ours = measured.outcomes.iter().find(|(library, _)| library.is_ours());
    ours.map_or_else(|| "–".into(), |(_, outcome)| time(outcome))
}

/// The cell of a peer.
fn peer(measured: &Measured, library: &Library) -> String {
    let outcome = measured.outcomes.iter().find(|(other, _)| other.key == library.key);
    let Some((_, outcome)) = outcome else { return "–".into() };
    let cell = time(outcome);
    match outcome {
        Outcome::Timed(_) if measured.row.is_informal(library.key) => format!("({cell})"),
        _ if measured.peer().is_some_and(|peer| peer.key == library.key) => format!("**{cell}**"),
        _ => cell,
    }
}

fn time(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Timed(times) => milliseconds(median(times)),
        Outcome::Differs(how) => format!("differs ({how})"),
        Outcome::Absent(_) => "–".into(),
    }
}

fn milliseconds(ns: f64) -> String {
    figures(ns / 1e6)
}

/// A positive number in three figures.
pub(super) fn figures(x: f64) -> String {
    let decimals = (2.0 - x.log10().floor()).clamp(0.0, 6.0);
    format!("{x:.*}", decimals as usize)
}

/// The first line on the terminal.
pub(super) fn first_line(peers: &[&Library]) -> String {
    aligned(&head(peers), peers)
}

/// The line of a row on the terminal, and below it who differs, and why we are absent if we are.
pub(super) fn line(measured: &Measured, peers: &[&Library], limits: Option<Limits>) -> String {
    let mut line = aligned(&cells(measured, peers, limits), peers);
    for (library, outcome) in &measured.outcomes {
        let said = match outcome {
            Outcome::Differs(how) => format!("differs: {how}"),
            Outcome::Absent(why) if library.is_ours() => format!("is absent: {why}"),
            _ => continue,
        };
        line += &format!("\n{:NAME$} {} {said}", "", library.label);
    }
    line
}

fn aligned(cells: &[String], peers: &[&Library]) -> String {
    let mut line = String::new();
    for (at, (cell, head)) in cells.iter().zip(head(peers)).enumerate() {
        // A mark stands behind the number, so that numbers stay below each other.
        let cell = if cell.starts_with("differs") { "differs" } else { cell };
        let cell = match cell.strip_prefix("**") {
            Some(best) => best.replace("**", "*"),
            None if at >= 4 && at < 4 + peers.len() => format!("{cell} "),
            None => cell.to_string(),
        };
        line += &match at {
            0 => format!("{cell:NAME$}"),
            1 => format!(" {cell:TITLE$}"),
            _ => format!(" {cell:>0$}", head.chars().count().max(7) + 1),
        };
    }
    line.trim_end().to_string()
}

/// The whole table in Markdown.
pub(super) fn table(run: &Run) -> String {
    let peers = run.peers();
    let rows = run.rows.iter().map(|measured| cells(measured, &peers, run.limits));
    columns::markdown(head(&peers), rows.collect(), 2)
}

/// Where, when and how the numbers of the table came to be.
pub(super) fn provenance(run: &Run, plan: &Plan) -> String {
    let conditions = conditions(&run.machine, run.cores, plan.threads, &run.date);
    let (rounds, seconds) = (plan.rounds(), plan.seconds());
    let mut text = format!("{conditions}; medians of {rounds} rounds of {seconds} s, by turns.");
    if let Some(limits) = run.limits {
        let Limits { bandwidth, peak32, peak64 } = limits;
        text += &format!(
            " Limits: copies at {bandwidth:.0} GB/s, products at {peak32:.0} GF/s in f32 and \
             {peak64:.0} in f64."
        );
    }
    let versions: Vec<_> = run.engines.iter().map(|(_, version)| version.as_str()).collect();
    text + &format!(" Versions: {}.\n", versions.join(", "))
}

/// The machine, how much of it was used, and when.
pub(super) fn conditions(machine: &str, cores: usize, threads: usize, date: &str) -> String {
    let word = if threads == 1 { "thread" } else { "threads" };
    format!("{machine}, {cores} cores, {threads} {word}, {date}")
}

/// How to read the table, and what is not in it.
pub(super) fn notes(run: &Run) -> String {
    let mut notes = vec![
        "Spread is the width of the middle half of the rounds. The ratio is the median over rounds \
         of our time over that of the peer in bold."
            .to_string(),
        "A limit is the bytes that must move or the operations of products; rows that stay in the \
         caches can go below it."
            .to_string(),
        "Bits are equal if one thread and several come to the same results, to the last bit."
            .to_string(),
    ];
    for row in run.rows.iter().map(|measured| measured.row) {
        let reference = match row.against() {
            Against::Best => continue,
            Against::Primal => "our own time without the gradient",
            Against::Only(key) => match run.peers().iter().find(|peer| peer.key == key) {
                Some(peer) => peer.label,
                None => continue,
            },
        };
        notes.push(format!("Row {} is held against {reference}.", row.name));
    }
    let absent = run.absent.iter();
    notes.extend(absent.map(|(library, why)| format!("{} is absent: {why}", library.label)));
    notes.iter().map(|note| format!("- {note}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::engines::LIBRARIES;
    use super::super::measure::tests::measured;
    use super::*;

    fn peers() -> Vec<&'static Library> {
        LIBRARIES.iter().filter(|library| ["torch", "jax"].contains(&library.key)).collect()
    }

    #[test]
    fn times_have_three_figures() {
        let cases = [(3170.0, "0.00317"), (1.3241e6, "1.32"), (912.4e6, "912"), (2.5e9, "2500")];
        for (ns, text) in cases {
            assert_eq!(milliseconds(ns), text);
        }
    }

    #[test]
    fn a_row_is_a_line_of_cells() {
        let times: &[(&str, &[f64])] =
            &[("chainrule", &[2.5]), ("torch", &[10.0]), ("jax", &[5.0])];
        let limits = Some(Limits { bandwidth: 60.0, peak32: 200.0, peak64: 100.0 });
        let mut row = measured("3", times);
        let expected = [
            "3",
            "x + y, 10⁷",
            "2.50",
            "0.0 %",
            "10.0",
            "**5.00**",
            "0.50",
            "0.25",
            "✗",
            "2.00",
            "1.25",
            "equal",
        ];
        assert_eq!(cells(&row, &peers(), limits), expected);
        row.bits = Some(false);
        row.outcomes[2].1 = Outcome::Differs("out, 3.1e-2".into());
        row.outcomes[0].1 = Outcome::Absent("too large".into());
        let expected = [
            "3",
            "x + y, 10⁷",
            "–",
            "–",
            "**10.0**",
            "differs (out, 3.1e-2)",
            "–",
            "0.25",
            "–",
            "–",
            "–",
            "DIFFER",
        ];
        assert_eq!(cells(&row, &peers(), None), expected);
        let lines = line(&row, &peers(), None);
        assert!(lines.ends_with("too large\n     JAX differs: out, 3.1e-2"), "{lines}");
        let informal = measured("17a", times);
        assert!(cells(&informal, &peers(), None).contains(&"(5.00)".to_string()));
    }

    #[test]
    fn lines_are_aligned() {
        let times: &[(&str, &[f64])] =
            &[("chainrule", &[2.5]), ("torch", &[10.0]), ("jax", &[5.0])];
        let (first, line) = (first_line(&peers()), line(&measured("6", times), &peers(), None));
        let column = |line: &str, word: &str| {
            let at = line.find(word).unwrap() + word.len();
            line[..at].chars().count()
        };
        assert_eq!(column(&first, "ours, ms"), column(&line, "2.50"));
        assert_eq!(column(&first, "PyTorch"), column(&line, "10.0"));
        assert_eq!(column(&first, "JAX"), column(&line, "5.00"));
        assert_eq!(column(&first, "bits"), column(&line, "equal"));
    }
}
