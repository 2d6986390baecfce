//! The linear model ŷ = X w + b and its fit by gradient descent.
//!
//! The loss is the mean squared error. With standardised columns and target it starts at about 1,
//! the variance of the target, and ends at 1 − R² of the training rows:
//!
//! ```text
//! L(w, b) = ‖X w + b − y‖² / n            ∂L/∂w = 2 Xᵀ (X w + b − y) / n
//! ```
//!
//! Nobody writes that derivative here: the loss is recorded as it stands, and [`minimise`](Optimiser::minimise) derives it.
//! Adam follows it with a rate that falls to 0 along a cosine, which lets the parameters settle,
//! also when each step sees only a batch of the rows.
//!
//! ```
//! use chainrule_fit::linear::{Rows, Schedule, descend};
//! let rows = Rows { x: &[-1.0, 0.0, 1.0], y: &[-2.0, 0.1, 2.0] };
//! let descent = descend(1, rows, None, &Schedule::default(), None)?;
//! assert!((descent.model.weight[0] - 2.0).abs() < 1e-6);
//! # Ok::<(), chainrule_fit::Error>(())
//! ```
//!
//! Not here: what the columns mean ([`crate::data::encode`]) and the answer in closed form
//! ([`crate::least_squares`]).

use std::time::{Duration, Instant};

use chainrule_core::{Tensor, no_grad};

use crate::data::split::Random;
use crate::error::{Result, fail};
use crate::optim::{Adam, Optimiser, Rule, cosine};

/// The steps that a descent takes unless the number of epochs is given …
const STEPS: usize = 3000;

/// … or fewer, so that not more than this many numbers are read in all …
const WORK: usize = 3_000_000_000;

/// … but at least this many.
const FEWEST: usize = 500;

/// Weights and bias.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    /// One weight for each column.
    pub weight: Vec<f64>,
    /// What is added to every row.
    pub bias: f64,
}

impl Linear {
    /// X w + b for the rows of `x`.
    ///
    /// # Errors
    /// If `x` is not a whole number of rows.
    pub fn predict(&self, x: &[f64]) -> Result<Vec<f64>> {
        let width = self.weight.len();
        no_grad(|| {
            let x = matrix(x, width)?;
            let w = matrix(&self.weight, 1)?;
            Ok(predicted(&x, &w, &Tensor::from(self.bias)).to_vec()?)
        })
    }
}

/// Standardised columns, row by row, and the target of each row.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// The columns, row by row.
    pub x: &'a [f64],
    /// The target.
    pub y: &'a [f64],
}

/// How long and how fast to descend.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// Passes over the training rows; by default as many as make 3000 steps, or fewer, but at least
    /// 500, where the table is large.
    pub epochs: Option<usize>,
    /// The learning rate of the first step.
    pub rate: f64,
    /// Rows for each step; by default all of them. Steps on a part cost less and end less near.
    pub batch: Option<usize>,
    /// Decides the order of the rows where there are several batches.
    pub seed: u64,
}

impl Default for Schedule {
    fn default() -> Schedule {
        Schedule { epochs: None, rate: 0.05, batch: None, seed: 0 }
    }
}

/// How far a descent has come.
#[derive(Clone, Debug)]
pub struct Epoch {
    /// The number of epochs done.
    pub done: usize,
    /// The number of epochs in all.
    pub of: usize,
    /// The mean loss over the steps of the last epoch.
    pub loss: f64,
    /// The loss of the test rows, if there are any.
    pub validation: Option<f64>,
    /// The time since the start.
    pub elapsed: Duration,
}

/// Somebody who wants to know how a descent is going.
pub struct Watcher<'a> {
    /// How often to be told, at the most, in the whole descent; the last epoch is told anyway.
    pub times: usize,
    /// Is told.
    pub tell: &'a mut dyn FnMut(&Epoch),
}

/// Where a descent ended.
#[derive(Clone, Debug)]
pub struct Descent {
    /// The parameters.
    pub model: Linear,
    /// The number of epochs.
    pub epochs: usize,
    /// The rows of a step.
    pub batch: usize,
    /// The time that it took.
    pub elapsed: Duration,
}

/// Fits a model with `width` columns to the rows `train`.
///
/// # Errors
/// If the loss grows without bound, or the rows are no matrix.
pub fn descend(
    width: usize,
    train: Rows<'_>,
    test: Option<Rows<'_>>,
    schedule: &Schedule,
    mut watcher: Option<Watcher<'_>>,
) -> Result<Descent> {
    let start = Instant::now();
    let n = train.y.len();
    let batch = schedule.batch.unwrap_or(n).clamp(1, n.max(1));
    let per_epoch = n.div_ceil(batch).max(1);
    let usual = (WORK / train.x.len().max(1)).clamp(FEWEST, STEPS);
    let epochs = schedule.epochs.unwrap_or((usual / per_epoch).max(20));
    let steps = epochs.saturating_mul(per_epoch);

    let both = |rows: Rows<'_>| -> Result<(Tensor, Tensor)> {
        Ok((matrix(rows.x, width)?, matrix(rows.y, 1)?))
    };
    let (x, y) = both(train)?;
    let test = test.map(both).transpose()?;
    let w = Tensor::full([width, 1], 0.0f64).requires_grad().named("weight");
    let b = Tensor::from(0.0).requires_grad().named("bias");
    let mut adam = Adam::default().over([&w, &b], schedule.rate);

    let mut order: Vec<i64> = (0..n as i64).collect();
    let mut random = Random::new(schedule.seed.wrapping_add(1));
    let every = watcher.as_ref().map_or(usize::MAX, |w| epochs.div_ceil(w.times.max(1)));
    let mut step = 0;
    for epoch in 1..=epochs {
        let mut sum = 0.0;
        if per_epoch > 1 {
            random.shuffle(&mut order);
        }
        for rows in order.chunks(batch) {
            let (x, y) = if per_epoch == 1 {
                (x.clone(), y.clone())
            } else {
                let rows = Tensor::from(rows);
                (x.index_select(0, &rows), y.index_select(0, &rows))
            };
            let loss = loss(&x, &y, &w, &b);
            adam.set_rate(cosine(schedule.rate, step, steps));
            adam.minimise(&loss, &[])?;
            sum += loss.item::<f64>()? * rows.len() as f64;
            step += 1;
        }
        let loss = sum / n as f64;
        if !loss.is_finite() || loss > 1e12 {
            fail!(
                "the descent diverged in epoch {epoch}: the loss is {loss:.1e}; choose a smaller \
                 --lr than {}",
                schedule.rate
            );
        }
        if let Some(watcher) = watcher.as_mut()
            && (epoch % every == 0 || epoch == epochs)
        {
            let validation = test.as_ref().map(|(x, y)| validation(x, y, &w, &b)).transpose()?;
            let elapsed = start.elapsed();
            (watcher.tell)(&Epoch { done: epoch, of: epochs, loss, validation, elapsed });
        }
    }
    let model = Linear { weight: w.to_vec()?, bias: b.item()? };
    if !model.bias.is_finite() || model.weight.iter().any(|w| !w.is_finite()) {
        fail!("the descent diverged; choose a smaller --lr than {}", schedule.rate);
    }
    Ok(Descent { model, epochs, batch, elapsed: start.elapsed() })
}

fn matrix(numbers: &[f64], width: usize) -> Result<Tensor> {
    Ok(Tensor::from_vec(numbers.to_vec(), [numbers.len() / width.max(1), width])?)
}

fn predicted(x: &Tensor, w: &Tensor, b: &Tensor) -> Tensor {
    x.matmul(w) + b
}

fn loss(x: &Tensor, y: &Tensor, w: &Tensor, b: &Tensor) -> Tensor {
    (predicted(x, w, b) - y).square().mean()
}

fn validation(x: &Tensor, y: &Tensor, w: &Tensor, b: &Tensor) -> Result<f64> {
    no_grad(|| Ok(loss(x, y, w, b).item()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::least_squares::least_squares;

    /// Three columns, the third nearly the sum of the first two, and a target with some noise.
    fn example(n: usize) -> (Vec<f64>, Vec<f64>) {
        let (mut x, mut y) = (vec![], vec![]);
        for i in 0..n {
            let t = i as f64;
            let (a, b) = ((t * 0.9).sin() * 1.4, (t * 1.7).cos() * 1.4);
            let c = (a + b) * 0.7 + (t * 2.3).sin() * 0.3;
            x.extend([a, b, c]);
            y.push(0.5 * a - 0.2 * b + 0.3 * c + (t * 5.1).sin() * 0.4);
        }
        (x, y)
    }

    fn distance(x: &[f64], y: &[f64], schedule: &Schedule) -> f64 {
        let with_one: Vec<f64> = x.chunks(3).flat_map(|r| [r[0], r[1], r[2], 1.0]).collect();
        let exact = least_squares(&with_one, 4, y).weight;
        let model = descend(3, Rows { x, y }, None, schedule, None).unwrap().model;
        let all = [model.weight, vec![model.bias]].concat();
        all.iter().zip(exact).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn the_descent_ends_at_the_closed_form() {
        let (x, y) = example(60);
        let far = distance(&x, &y, &Schedule::default());
        assert!(far < 1e-5, "{far}");
    }

    #[test]
    fn batches_end_near_it() {
        let (x, y) = example(60);
        let schedule = Schedule { batch: Some(16), epochs: Some(500), ..Schedule::default() };
        let far = distance(&x, &y, &schedule);
        assert!(far < 0.02, "{far}");
    }

    #[test]
    fn watchers_are_told_in_time() {
        let (x, y) = example(10);
        let rows = Rows { x: &x, y: &y };
        let schedule = Schedule { epochs: Some(23), ..Schedule::default() };
        let mut told = vec![];
        let mut tell = |e: &Epoch| told.push((e.done, e.validation.is_some()));
        let watcher = Watcher { times: 5, tell: &mut tell };
        descend(3, rows, Some(rows), &schedule, Some(watcher)).unwrap();
        assert_eq!(told.iter().map(|t| t.0).collect::<Vec<_>>(), [5, 10, 15, 20, 23]);
        assert!(told.iter().all(|t| t.1));
    }

    #[test]
    fn runs_repeat() {
        let (x, y) = example(50);
        let schedule = Schedule { batch: Some(7), epochs: Some(5), ..Schedule::default() };
        let run = || descend(3, Rows { x: &x, y: &y }, None, &schedule, None).unwrap().model;
        assert_eq!(run(), run());
    }

    #[test]
    fn a_wild_rate_is_refused() {
        let (x, y) = example(50);
        let schedule = Schedule { rate: 1e300, ..Schedule::default() };
        let got = descend(3, Rows { x: &x, y: &y }, None, &schedule, None).unwrap_err().to_string();
        assert!(got.starts_with("the descent diverged"), "{got}");
    }

    #[test]
    fn predictions() {
        let model = Linear { weight: vec![2.0, -1.0], bias: 0.5 };
        assert_eq!(model.predict(&[1.0, 1.0, 0.0, 3.0]).unwrap(), [1.5, -2.5]);
    }
}
