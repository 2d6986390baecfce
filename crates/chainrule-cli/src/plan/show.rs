//! A plan as a table, as JSON, as a figure.

use chainrule_fit::parallel::cost::Job;
use chainrule_fit::report::number;
use chainrule_plot::{Axis, Figure, Ink, Mark, Panel};
use serde_json::{Value, json};

use super::Arguments;
use super::measure::Times;

/// The efficiency from which on communication no longer hurts.
const ENOUGH: f64 = 0.9;

/// The numbers of ranks that are shown: powers of two up to 1,024, and the one that was asked for.
fn sizes(nodes: usize) -> Vec<usize> {
    let mut all: Vec<usize> = (0..=10).map(|i| 1 << i).chain([nodes]).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Bytes as `16 KB`, `4.2 MB`.
fn bytes(n: f64) -> String {
    match n {
        ..1e6 => format!("{} KB", number(n / 1e3, 3)),
        1e6..1e9 => format!("{} MB", number(n / 1e6, 3)),
        _ => format!("{} GB", number(n / 1e9, 3)),
    }
}

pub(super) fn text(arguments: &Arguments, job: &Job, times: &Times) -> String {
    let (nodes, batch) = (arguments.nodes, arguments.batch as f64);
    let mut out = format!(
        "{} weights, {} of gradients, {} ms for a batch of {batch} on one machine\n\
         a message takes {} µs and {} µs for each MB\n\n\
         machines   efficiency   ms a step   buckets\n",
        number(arguments.weights(), 4),
        bytes(job.bytes),
        number(1e3 * job.step(1, batch, 1.0), 3),
        number(1e6 * job.network.latency, 3),
        number(1e12 * job.network.per_byte, 3),
    );
    for n in sizes(nodes) {
        let k = job.buckets(n, batch);
        let buckets =
            if n == 1 { "–".into() } else { format!("{k} × {}", bytes(job.bytes / k)) };
        out += &format!(
            "{n:>8} {:>10.1} % {:>11} {:>3} {buckets}\n",
            100.0 * job.efficiency(n, batch),
            number(1e3 * job.step(n, batch, k), 3),
            if n == nodes && n > 1 { "→" } else { "" },
        );
    }
    out += &match job.batch_for(nodes, ENOUGH) {
        Some(rows) => format!(
            "\nFrom {rows} rows a step on, {} on each, {nodes} machines are {:.0} % efficient.\n",
            rows / nodes as f64,
            100.0 * ENOUGH
        ),
        None => format!(
            "\nNo batch makes {nodes} machines {:.0} % efficient on this network.\n",
            100.0 * ENOUGH
        ),
    };
    for steps in &times.steps {
        out += &format!(
            "measured: {} ranks, {:.0} rows/s, {:.1} % waiting, {:.0} % of sums behind work\n",
            steps.ranks,
            steps.pace,
            100.0 * steps.waiting,
            100.0 * steps.overlap
        );
    }
    out
}

pub(super) fn json(arguments: &Arguments, job: &Job, times: &Times) -> Value {
    let (nodes, batch) = (arguments.nodes, arguments.batch as f64);
    let row = |n: usize| {
        let k = job.buckets(n, batch);
        json!({
            "nodes": n, "efficiency": job.efficiency(n, batch), "seconds": job.step(n, batch, k),
            "buckets": k, "bucket_bytes": job.bytes / k,
        })
    };
    let sum = |m: &chainrule_fit::parallel::cost::Measured| {
        json!({
            "ranks": m.ranks, "bytes": m.bytes, "seconds": m.seconds,
            "expected": job.network.sum(m.ranks, m.bytes),
        })
    };
    json!({
        "weights": arguments.weights(),
        "bytes": job.bytes,
        "seconds_per_row": job.seconds_per_row,
        "latency": job.network.latency,
        "seconds_per_byte": job.network.per_byte,
        "batch": batch,
        "nodes": nodes,
        "scaling": sizes(nodes).into_iter().map(row).collect::<Vec<_>>(),
        "enough_batch": job.batch_for(nodes, ENOUGH),
        "measured_sums": times.sums.iter().map(sum).collect::<Vec<_>>(),
    })
}

/// Sums against their bytes, and the pace against the ranks.
pub(super) fn figure(arguments: &Arguments, job: &Job, times: &Times) -> Figure {
    let batch = arguments.batch as f64;
    let mut ranks: Vec<usize> = times.sums.iter().map(|m| m.ranks).collect();
    ranks.sort_unstable();
    ranks.dedup();
    if ranks.is_empty() {
        ranks = vec![2, arguments.nodes.max(2)];
    }
    let sizes_of_sums: Vec<f64> = (0..=20).map(|i| 64.0 * 2f64.powi(i)).collect();
    let mut sums = Panel::new("bytes of each rank", "seconds of a sum").x(Axis::log).y(Axis::log);
    for (i, &n) in ranks.iter().enumerate() {
        let expected: Vec<f64> = sizes_of_sums.iter().map(|&b| job.network.sum(n, b)).collect();
        let line = Mark::line(&sizes_of_sums, &expected).ink(Ink::Series(i));
        let measured = times.sums.iter().filter(|m| m.ranks == n);
        let (x, y): (Vec<f64>, Vec<f64>) = measured.map(|m| (m.bytes, m.seconds)).unzip();
        sums = sums.with(line.label(&format!("{n} ranks")));
        if !x.is_empty() {
            sums = sums.with(Mark::points(&x, &y).ink(Ink::Series(i)));
        }
    }
    let all = sizes(arguments.nodes);
    let x: Vec<f64> = all.iter().map(|&n| n as f64).collect();
    let y: Vec<f64> = all.iter().map(|&n| 100.0 * job.efficiency(n, batch)).collect();
    let mut scaling = Panel::new("ranks", "efficiency, %")
        .x(Axis::log)
        .y(|axis| axis.range(0.0, 105.0))
        .with(Mark::line(&x, &y).label(&format!("batch {batch}")));
    if let Some(rows) = job.batch_for(arguments.nodes, ENOUGH).filter(|rows| *rows > batch) {
        let y: Vec<f64> = all.iter().map(|&n| 100.0 * job.efficiency(n, rows)).collect();
        scaling = scaling.with(Mark::line(&x, &y).dashed().label(&format!("batch {rows}")));
    }
    let one = times.steps.iter().find(|steps| steps.ranks == 1);
    if let Some(one) = one {
        let of = |steps: &super::measure::Steps| {
            (steps.ranks as f64, 100.0 * steps.pace / one.pace / steps.ranks as f64)
        };
        let (x, y): (Vec<f64>, Vec<f64>) = times.steps.iter().map(of).unzip();
        scaling = scaling.with(Mark::points(&x, &y).ink(Ink::Series(1)).label("measured"));
    }
    Figure::grid(vec![sums, scaling], 2, (460.0, 380.0))
        .title("Lines: expected. Points: measured.")
        .describe("Time of sums over ranks against bytes; efficiency of training against ranks")
}
