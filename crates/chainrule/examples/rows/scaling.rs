//! How time grows: with elements, with nodes of the graph, and what a new structure costs once.
//!
//! - `elements`: the gradient of row 6's function on N elements.
//! - `nodes`: N operations on one number, forward and backward, as in row 2. The graph is recorded
//!   anew in each run, but has the structure of the last, so its plan is found and not made.
//! - `plan`: what the first evaluation of a structure takes beyond a later one, for the same N
//!   operations. Literals are part of a structure; each sample has one that no other had, runs
//!   once with it, then again, and the difference counts.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use chainrule::Tensor;

use crate::median;
use crate::work::{Outcome, chain, waves};

/// How long is measured, unless five runs take longer.
const SECONDS: f64 = 0.2;

/// The time in nanoseconds that `KIND N` asks for.
pub(crate) fn time(words: &str) -> Result<f64, String> {
    let (kind, n) = words.split_once(' ').unwrap_or((words, ""));
    let n: usize = n.parse().map_err(|_| format!("`{n}` is no size"))?;
    // The two operations of a round.
    let rounds = n / 2;
    let run = |outcome: Outcome| drop(outcome);
    match kind {
        "elements" => {
            let mut row = waves(Tensor::randn([n]))?;
            Ok(median(SECONDS, || run((row.run)())))
        }
        "nodes" => Ok(median(SECONDS, || run(chain(rounds, 0.5)))),
        "plan" => Ok(beyond(|literal| run(chain(rounds, literal)))),
        _ => Err(format!("`{kind}` is neither elements nor nodes nor plan")),
    }
}

/// The median over new literals of the time of the first run with it less that of the next ones.
fn beyond(run: impl Fn(f64)) -> f64 {
    // A literal for each sample of the process, all different in single precision.
    static SAMPLES: AtomicU32 = AtomicU32::new(1);
    let (start, mut times) = (Instant::now(), vec![]);
    while times.len() < 5 || start.elapsed() < Duration::from_secs_f64(SECONDS) {
        let literal = 0.5 + f64::from(SAMPLES.fetch_add(1, Ordering::Relaxed)) / f64::powi(2.0, 23);
        let once = || {
            let start = Instant::now();
            run(literal);
            start.elapsed().as_nanos() as f64
        };
        let first = once();
        times.push((first - once().min(once())).max(1.0));
    }
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
