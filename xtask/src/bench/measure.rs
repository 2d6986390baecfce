//! One row, measured.
//!
//! Machines are shared and warm up, so times of one minute do not compare with those of another.
//! Engines therefore take turns: in each round everyone is timed for a moment, the order moves on
//! by one from round to round, and a pause before each turn lets the threads of the last one fall
//! asleep. A ratio is taken within a round, and the median over rounds is what counts. Only an
//! engine that computes what the others compute is timed at all.

use super::engines::{Engine, Library};
use super::results::{self, Array};
use super::rows::{Against, Row};
use super::{Plan, folder, note};
use std::path::PathBuf;
use std::time::Duration;
use std::{fs, thread};

const PAUSE: Duration = Duration::from_millis(10);

/// What came of an engine in a row.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Nanoseconds, one median per round.
    Timed(Vec<f64>),
    /// Which array differs from the other engines', and how much.
    Differs(String),
    /// Why there is no result.
    Absent(String),
}

/// A row and what came of every engine that was started.
pub(super) struct Measured {
    pub row: &'static Row,
    pub outcomes: Vec<(&'static Library, Outcome)>,
    /// Our times of the function without its gradient, where the row asks for them.
    pub primal: Vec<f64>,
    /// Whether our results had the same bits with another number of threads.
    pub bits: Option<bool>,
}

impl Measured {
    fn times(&self, wanted: impl Fn(&Library) -> bool) -> Option<&[f64]> {
        self.outcomes.iter().find_map(|(library, outcome)| match outcome {
            Outcome::Timed(times) if wanted(library) => Some(&**times),
            _ => None,
        })
    }

    pub(super) fn ours(&self) -> Option<&[f64]> {
        self.times(Library::is_ours)
    }

    /// The peer that the ratio is to.
    pub(super) fn peer(&self) -> Option<&'static Library> {
        let counts = |library: &Library| match self.row.against() {
            Against::Best => !self.row.is_informal(library.key),
            Against::Only(key) => library.key == key,
            Against::Primal => false,
        };
        let timed = self.outcomes.iter().filter_map(|(library, outcome)| match outcome {
            Outcome::Timed(times) if !library.is_ours() && counts(library) => {
                Some((median(times), *library))
            }
            _ => None,
        });
        timed.min_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, library)| library)
    }

    /// The median over rounds of our time over the other's.
    pub(super) fn ratio(&self) -> Option<f64> {
        let theirs = match self.row.against() {
            Against::Primal => &self.primal,
            _ => self.peer().and_then(|peer| self.times(|library| library.key == peer.key))?,
        };
        let ratios: Vec<f64> = self.ours()?.iter().zip(theirs).map(|(a, b)| a / b).collect();
        (!ratios.is_empty()).then(|| median(&ratios))
    }

    /// Whether the target is met, where there is one.
    pub(super) fn is_met(&self) -> Option<bool> {
        Some(self.ratio()? <= self.row.target?)
    }

    /// Whether we have results, and all agree, between engines and between numbers of threads.
    pub(super) fn is_sound(&self) -> bool {
        let differs = |outcome: &Outcome| matches!(outcome, Outcome::Differs(_));
        let agree = !self.outcomes.iter().any(|(_, outcome)| differs(outcome));
        agree && self.bits != Some(false) && self.ours().is_some()
    }
}

/// The value below which the part `p` of all values lie, between two of them where it must.
pub(super) fn quantile(values: &[f64], p: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let at = p * values.len().saturating_sub(1) as f64;
    let [below, above] = [at.floor(), at.ceil()].map(|at| values.get(at as usize).copied());
    let [below, above] = [below, above].map(|value| value.unwrap_or(f64::NAN));
    below + (above - below) * at.fract()
}

pub(super) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The width of the middle half, as a fraction of the median.
pub(super) fn spread(values: &[f64]) -> f64 {
    (quantile(values, 0.75) - quantile(values, 0.25)) / median(values)
}

/// Loads the row everywhere, compares, lets the engines take turns, and frees it.
pub(super) fn measure(row: &'static Row, engines: &mut [Engine], plan: &Plan) -> Measured {
    let ours = engines.iter().position(|engine| engine.library.is_ours());
    let otherwise = ours.and_then(|at| compute_otherwise(row, &mut engines[at], plan.threads));
    let mut outcomes = Vec::new();
    for engine in &mut *engines {
        note(&format!("row {}: {} computes", row.name, engine.library.label));
        let loaded = engine.load(row);
        outcomes.push(loaded.map_or_else(Outcome::Absent, |()| Outcome::Timed(Vec::new())));
    }
    let bits = ours.zip(otherwise).map(|(at, otherwise)| {
        let same = results::same_bytes(&results_of(&engines[at], row), &otherwise);
        let _ = fs::remove_dir_all(otherwise);
        same
    });
    judge(row, engines, &mut outcomes);
    note(&format!("row {}: taking turns", row.name));
    let primal = take_turns(row, engines, &mut outcomes, plan);
    for engine in &mut *engines {
        let _ = engine.tell("drop");
    }
    let outcomes = engines.iter().map(|engine| engine.library).zip(outcomes).collect();
    Measured { row, outcomes, primal, bits }
}

/// Our results with one thread, or with two if one is what is asked for, in a folder of their own.
fn compute_otherwise(row: &Row, ours: &mut Engine, threads: usize) -> Option<PathBuf> {
    note(&format!("row {}: {} computes with other threads", row.name, ours.library.label));
    let other = if threads == 1 { 2 } else { 1 };
    let computed = ours.tell(&format!("threads {other}")).and_then(|()| ours.load(row));
    let back = ours.tell(&format!("threads {threads}"));
    let results = results_of(ours, row);
    let kept = results.with_extension("otherwise");
    let _ = fs::remove_dir_all(&kept);
    (computed.is_ok() && back.is_ok() && fs::rename(results, &kept).is_ok()).then_some(kept)
}

/// Finds those who differ from the first engine with results, ours if it has any. Files that agree
/// go: the row is about to be timed, and writing them to disk would disturb it.
fn judge(row: &Row, engines: &[Engine], outcomes: &mut [Outcome]) {
    let mut expected: Option<(Vec<Array>, Vec<Array>)> = None;
    for (engine, outcome) in engines.iter().zip(&mut *outcomes) {
        if matches!(outcome, Outcome::Absent(_)) {
            continue;
        }
        let arrays = results::read(&results_of(engine, row), |_| true);
        let difference = match (arrays, &expected) {
            (Err(why), _) => Some(why),
            (Ok(theirs), Some((ours, inputs))) => {
                results::difference(ours, &theirs, inputs, row.tolerance())
            }
            (Ok(arrays), None) => {
                let is_result = |name: &str| arrays.iter().any(|array| array.name == name);
                let inputs = results::read(&folder(&["inputs", row.name]), is_result);
                expected = Some((arrays, inputs.unwrap_or_default()));
                None
            }
        };
        if let Some(how) = difference {
            *outcome = Outcome::Differs(how);
        }
    }
    if !outcomes.iter().any(|outcome| matches!(outcome, Outcome::Differs(_))) {
        for engine in engines {
            let _ = fs::remove_dir_all(results_of(engine, row));
        }
    }
}

fn results_of(engine: &Engine, row: &Row) -> PathBuf {
    folder(&["results", engine.library.key, row.name])
}

/// All rounds. Hands back our times without the gradient, where the row asks for them.
fn take_turns(
    row: &Row,
    engines: &mut [Engine],
    outcomes: &mut [Outcome],
    plan: &Plan,
) -> Vec<f64> {
    let mut primal = Vec::new();
    for round in 0..plan.rounds() {
        for turn in 0..engines.len() {
            let at = (round + turn) % engines.len();
            let Outcome::Timed(times) = &mut outcomes[at] else { continue };
            thread::sleep(PAUSE);
            match engines[at].time("time", plan.seconds()) {
                Ok(ns) => times.push(ns),
                Err(why) => outcomes[at] = Outcome::Absent(why),
            }
            if row.against() == Against::Primal && engines[at].library.is_ours() {
                primal.extend(engines[at].time("primal", plan.seconds()));
            }
        }
    }
    primal
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::engines::LIBRARIES;
    use super::super::rows::ROWS;
    use super::*;

    /// A row with these times in milliseconds of ours and of the peers.
    pub(crate) fn measured(name: &str, times: &[(&str, &[f64])]) -> Measured {
        let row = ROWS.iter().find(|row| row.name == name).unwrap();
        let outcome = |(key, times): &(&str, &[f64])| {
            let library = LIBRARIES.iter().find(|library| library.key == *key).unwrap();
            (library, Outcome::Timed(times.iter().map(|ms| ms * 1e6).collect()))
        };
        let outcomes = times.iter().map(outcome).collect();
        Measured { row, outcomes, primal: vec![], bits: Some(true) }
    }

    #[test]
    fn quantiles_lie_between_values() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(quantile(&[0.0, 1.0, 2.0, 3.0, 4.0], 0.25), 1.0);
        assert_eq!(quantile(&[0.0, 1.0], 0.25), 0.25);
        assert_eq!(spread(&[9.0, 10.0, 10.0, 10.0, 11.0]), 0.0);
        assert_eq!(spread(&[8.0, 9.0, 10.0, 11.0, 12.0]), 0.2);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn the_ratio_is_the_median_of_ratios_within_rounds() {
        // The machine slows down, both times double: the ratio of medians would be 1.
        let ours: &[f64] = &[1.0, 2.0, 4.0];
        let row = measured("6", &[("chainrule", ours), ("jax", &[2.0, 4.0, 2.0])]);
        assert_eq!(row.ratio(), Some(0.5));
        assert_eq!(row.is_met(), Some(true));
        let row = measured("21", &[("chainrule", ours), ("jax", ours)]);
        assert_eq!((row.ratio(), row.is_met()), (Some(1.0), None));
    }

    #[test]
    fn the_fastest_peer_that_counts_is_compared_with() {
        let times: &[(&str, &[f64])] =
            &[("chainrule", &[1.0]), ("torch", &[40.0]), ("jax", &[2.0]), ("candle", &[10.0])];
        assert_eq!(measured("6", times).peer().unwrap().key, "jax");
        assert_eq!(measured("17a", times).peer().unwrap().key, "torch");
        assert_eq!(measured("17a", times).ratio(), Some(0.025));
        let mut row = measured("6", times);
        row.outcomes[2].1 = Outcome::Differs("y, 1e-1".into());
        assert_eq!(row.peer().unwrap().key, "candle");
        assert!(!row.is_sound());
        let mut row = measured("18", &times[..1]);
        assert_eq!(row.ratio(), None);
        row.primal = vec![0.4e6];
        assert_eq!((row.ratio(), row.is_met()), (Some(2.5), Some(true)));
        row.bits = Some(false);
        assert!(!row.is_sound());
    }
}
