//! How our time grows with the size of the work: a table and a picture.
//!
//! Three things are measured, each in steps of ten: the gradient of a function of many elements, a
//! graph of many nodes whose plan is known, and what the plan for so many nodes costs when the
//! structure is new. Our worker does it (`scaling KIND N`, in the example's `scaling.rs`). All
//! three should grow in proportion once they are large: a step of ten takes ten times as long, and
//! the lines of the picture are straight at 45°. Small sizes are above that, by what a graph costs
//! whatever its size; large ones are again where elements, or the nodes of the graph, leave a
//! cache.

use super::engines::{Engine, LIBRARIES};
use super::lines::{self, Line, power_of_ten};
use super::plan::Plan;
use super::table::figures;
use super::{chart, conditions, note, record, say};
use crate::columns;
use std::ops::RangeInclusive;

/// What grows, its label and colour in the picture, one of what the time is per, and the powers of
/// ten that are measured.
struct Kind {
    name: &'static str,
    label: &'static str,
    colour: &'static str,
    one: &'static str,
    powers: RangeInclusive<i32>,
}

#[rustfmt::skip]
const KINDS: [Kind; 3] = [
    Kind { name: "elements", label: "gradient of row 6's function on N elements",
           colour: "#d6336c", one: "element", powers: 2..=8 },
    Kind { name: "nodes",    label: "chain of N operations, gradient, plan known",
           colour: "#364fc7", one: "node",    powers: 1..=6 },
    Kind { name: "plan",     label: "what a new plan for N operations adds, once",
           colour: "#f08c00", one: "node",    powers: 1..=5 },
];

/// A kind and its times in nanoseconds, one for each power.
type Grown = (&'static Kind, Vec<f64>);

/// Measures everything; a size without an answer is an error.
pub(super) fn run(plan: &Plan) -> Result<bool, String> {
    let ours = LIBRARIES.iter().find(|library| library.is_ours()).ok_or("we are not listed")?;
    let mut engine = Engine::start(ours, plan.threads)?;
    let mut grown: Vec<Grown> = Vec::new();
    for kind in &KINDS {
        let mut times = Vec::new();
        for power in kind.powers.clone() {
            note(&format!("{}, N = {}", kind.name, power_of_ten(power)));
            times.push(engine.nanoseconds(&format!("scaling {} {}", kind.name, size(power)))?);
        }
        grown.push((kind, times));
    }
    let told = format!("{}. Version: {}.\n", conditions(plan), engine.version);
    let mut document = format!("{told}\n![](scaling.svg)\n");
    for one in &grown {
        let ((head, rows), label) = (table(one), one.0.label);
        say(&format!("{label}\n{}", columns::aligned(&head, &rows, 0)));
        document += &format!("\n## {label}\n\n{}", columns::markdown(head, rows, 0));
    }
    print!("{told}");
    let picture = lines::svg(&grown.iter().map(line).collect::<Vec<_>>());
    for (name, text) in [("scaling.md", document), ("scaling.svg", picture)] {
        record::keep(name, &text, plan).map_err(|error| format!("{name}: {error}"))?;
    }
    println!("target/bench/scaling.md and .svg have the whole of it");
    Ok(true)
}

fn size(power: i32) -> u64 {
    10u64.pow(power.unsigned_abs())
}

/// N, time, time of one, and the ratio to the time of a tenth.
fn table((kind, times): &Grown) -> (Vec<String>, Vec<Vec<String>>) {
    let per = format!("per {}", kind.one);
    let head = ["N", "time", per.as_str(), "× a tenth"].map(String::from).to_vec();
    let rows = kind.powers.clone().zip(times).enumerate().map(|(at, (power, ns))| {
        let before = at.checked_sub(1).map(|before| ns / times[before]);
        let ratio = before.map_or_else(|| "–".into(), |ratio| format!("{ratio:.1}"));
        let one = format!("{} ns", figures(ns / size(power) as f64));
        vec![power_of_ten(power), chart::time(*ns), one, ratio]
    });
    let rows = rows.collect();
    (head, rows)
}

fn line((kind, times): &Grown) -> Line {
    let sizes = kind.powers.clone().map(|power| size(power) as f64);
    let points = sizes.zip(times.iter().copied()).collect();
    Line { label: kind.label, colour: kind.colour, points }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_of_ten_has_a_ratio() {
        let (head, rows) = table(&(&KINDS[1], vec![2e3, 1.5e4, 1.5e5]));
        assert_eq!(head, ["N", "time", "per node", "× a tenth"]);
        let lines: Vec<_> = rows.iter().map(|cells| cells.join(" ")).collect();
        assert_eq!(lines[0], "10 2.00 µs 200 ns –");
        assert_eq!(lines[1], "10² 15.0 µs 150 ns 7.5");
        assert_eq!(lines[2], "10³ 150 µs 150 ns 10.0");
    }

    #[test]
    fn lines_start_at_the_smallest_size() {
        let line = line(&(&KINDS[0], vec![1e3, 2e3]));
        assert_eq!(line.points, [(1e2, 1e3), (1e3, 2e3)]);
    }
}
