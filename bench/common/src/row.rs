//! A row made ready to run, and its timing.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::{Array, Result};

/// Below this the clock is read once for several runs.
const SHORTEST_READING: Duration = Duration::from_micros(100);
const FEWEST_READINGS: usize = 5;
/// The share of the asked time that goes to warming up.
const WARM_UP: f64 = 0.1;

/// One row of the comparison with its inputs in memory: a computation that can run repeatedly.
pub struct Row(Box<dyn Workload>);

/// [`Row`] without the type of what a run returns.
trait Workload {
    fn results(&mut self) -> Result<Vec<(&'static str, Array)>>;
    fn runs(&mut self, count: usize) -> Result<Duration>;
}

struct Job<const N: usize, R, S> {
    names: [&'static str; N],
    run: R,
    show: S,
}

impl<const N: usize, T, R, S> Workload for Job<N, R, S>
where
    R: FnMut() -> Result<T>,
    S: Fn(T) -> Result<[Array; N]>,
{
    fn results(&mut self) -> Result<Vec<(&'static str, Array)>> {
        let value = (self.run)()?;
        Ok(self.names.into_iter().zip((self.show)(value)?).collect())
    }

    fn runs(&mut self, count: usize) -> Result<Duration> {
        let start = Instant::now();
        for _ in 0..count {
            drop(black_box((self.run)()?));
        }
        Ok(start.elapsed())
    }
}

impl Row {
    /// A row with results of these names. `run` computes everything anew and returns it in the
    /// engine's own form; `show`, which is never timed, turns that into arrays.
    pub fn new<const N: usize, T: 'static>(
        names: [&'static str; N],
        run: impl FnMut() -> Result<T> + 'static,
        show: impl Fn(T) -> Result<[Array; N]> + 'static,
    ) -> Self {
        Self(Box::new(Job { names, run, show }))
    }

    /// Runs once and returns the results.
    pub(crate) fn results(&mut self) -> Result<Vec<(&'static str, Array)>> {
        self.0.results()
    }

    /// The median time of one run in nanoseconds, of as many runs as fit into `seconds`.
    pub(crate) fn time(&mut self, seconds: f64) -> Result<f64> {
        let warm_up = Instant::now();
        while warm_up.elapsed().as_secs_f64() < seconds * WARM_UP {
            self.0.runs(1)?;
        }
        let mut group = 1;
        while self.0.runs(group)? < SHORTEST_READING {
            group *= 2;
        }
        let mut readings = Vec::new();
        let start = Instant::now();
        while readings.len() < FEWEST_READINGS || start.elapsed().as_secs_f64() < seconds {
            readings.push(self.0.runs(group)?.as_secs_f64() * 1e9 / group as f64);
        }
        Ok(median(&mut readings))
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
    f64::midpoint(low, high)
}

/// Counts the steps of a training row, whose parameters go back to the given ones now and then.
#[derive(Default)]
pub struct Steps(usize);

impl Steps {
    const BETWEEN_RESTARTS: usize = 100;

    /// Counts one more step; true when it has to start from the given parameters.
    pub fn restart(&mut self) -> bool {
        let first = self.0 == 0;
        self.0 = (self.0 + 1) % Self::BETWEEN_RESTARTS;
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_of_odd_and_even_counts() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}
