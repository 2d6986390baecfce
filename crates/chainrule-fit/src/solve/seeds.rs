//! Where to begin when nobody says.
//!
//! Parameters that occur linearly need no start: for any values of the others, linear least squares
//! gives their best (variable projection, Golub and Pereyra 1973). Which ones do is found by
//! trying: a column of J that stays the same when a set of parameters moves belongs to that set.
//!
//! The others are drawn over many orders of magnitude, with both signs, as Latin hypercubes: each
//! order of each parameter is visited once, in an order that the seed decides. Some of the draws
//! take a typical size that the caller knows, such as places and reciprocals of the predictor's.
//! The best few by their cost are where searches begin.

use super::{Loss, Options, Residuals, Solution, best, least_squares_over, tall};
use crate::data::split::Random;
use crate::error::{Error, Result};
use crate::least_squares::least_squares as linear;
use crate::parallel::fold::{all, alone, gather, total};
use crate::parallel::{Communicator, Single};

/// How many points are tried, and how many searches follow.
#[derive(Clone, Debug, PartialEq)]
pub struct Seeds {
    /// Points that are tried.
    pub points: usize,
    /// Searches from the best of them.
    pub searches: usize,
    /// Decides the draws.
    pub seed: u64,
    /// Typical sizes that a parameter may have, such as places on the axis of the predictor.
    pub sizes: Vec<f64>,
}

impl Default for Seeds {
    fn default() -> Seeds {
        Seeds { points: 600, searches: 12, seed: 0, sizes: vec![] }
    }
}

/// Searches from drawn starts, and returns the best solution.
///
/// # Errors
/// As [`least_squares`]; if the residuals are finite at none of the points.
///
/// [`least_squares`]: super::least_squares
pub fn search(problem: &mut dyn Residuals, options: &Options, seeds: &Seeds) -> Result<Solution> {
    search_over(problem, options, seeds, &Single)
}

/// [`search`] where each of the `ranks` has some of the residuals.
pub(crate) fn search_over(
    problem: &mut dyn Residuals,
    options: &Options,
    seeds: &Seeds,
    ranks: &dyn Communicator,
) -> Result<Solution> {
    let p = problem.parameters();
    let points = points(p, options, seeds);
    let free = projected(problem, options, &points, ranks)?;
    let mut tried: Vec<(f64, Vec<f64>)> = vec![];
    for mut theta in points {
        let r = match free.is_empty() {
            true => alone(ranks, || problem.evaluate(&theta))?,
            false => project(problem, &mut theta, &free, options, ranks)?,
        };
        let cost = total(ranks, cost(&r, options))?;
        if cost.is_finite() {
            tried.push((cost, theta));
        }
    }
    tried.sort_by(|a, b| a.0.total_cmp(&b.0));
    tried.dedup_by(|a, b| (a.0 - b.0).abs() <= 1e-6 * b.0.abs());
    let starts: Vec<Vec<f64>> = tried.into_iter().take(seeds.searches).map(|t| t.1).collect();
    if starts.is_empty() {
        return Err(Error::new(
            "the model is finite at none of the start values that were tried; give some with \
             --start",
        ));
    }
    let brief = Options { max_steps: 200.min(options.max_steps), ..options.clone() };
    let mut best = best(problem, &starts, &brief, ranks)?;
    if !best.outcome.converged() {
        let steps = best.steps;
        best = least_squares_over(problem, &best.parameters, options, ranks)?;
        best.steps += steps;
    }
    Ok(best)
}

fn cost(r: &[f64], options: &Options) -> f64 {
    let weight = |i: usize| options.weights.get(i).map_or(1.0, |w| w.sqrt());
    r.iter().enumerate().map(|(i, r)| options.loss.rho(r * weight(i))).sum()
}

/// Points of all orders of magnitude, within the bounds.
fn points(p: usize, options: &Options, seeds: &Seeds) -> Vec<Vec<f64>> {
    let (n, mut random) = (seeds.points.max(1), Random::new(seeds.seed));
    let mut points = vec![vec![1.0; p]; n];
    for j in 0..p {
        let (low, high) =
            options.bounds.get(j).copied().unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
        let mut order: Vec<usize> = (1..n).collect();
        random.shuffle(&mut order);
        for (point, k) in points[1..].iter_mut().zip(order) {
            let share = (k as f64 + 0.5) / n as f64;
            point[j] = if low.is_finite() && high.is_finite() {
                low + share * (high - low)
            } else {
                drawn(share, k, &seeds.sizes).clamp(low, high)
            };
        }
        points[0][j] = 1f64.clamp(low, high);
    }
    points
}

/// Every second draw is positive and about 1 in size, or has a given size; others go far.
fn drawn(share: f64, k: usize, sizes: &[f64]) -> f64 {
    let sign = if k % 5 == 4 { -1.0 } else { 1.0 };
    match k % 4 {
        0 | 2 if !sizes.is_empty() => sizes[(k / 4) % sizes.len()],
        1 => sign * 10f64.powf(4.0 * share - 2.0),
        _ => sign * 10f64.powf(12.0 * share - 8.0),
    }
}

/// A set of parameters without bounds in which the residuals are linear, for ordinary losses.
///
/// It is looked for at the first of the points where every parameter makes a difference.
fn projected(
    problem: &mut dyn Residuals,
    options: &Options,
    points: &[Vec<f64>],
    ranks: &dyn Communicator,
) -> Result<Vec<usize>> {
    let mut set: Vec<usize> = vec![];
    if options.loss != Loss::Linear {
        return Ok(set);
    }
    let size = |column: &Vec<f64>| column.iter().fold(0.0f64, |a, x| a.max(x.abs()));
    for at in points.iter().take(200) {
        let (_, before) = alone(ranks, || problem.linearise(at))?;
        let finite = all(ranks, before.iter().flatten().all(|x| x.is_finite()))?;
        let sizes = gather(ranks, &before.iter().map(size).collect::<Vec<f64>>())?;
        let size = |j: usize| sizes.iter().fold(0.0f64, |a, of| a.max(of[j]));
        if !finite || (0..at.len()).any(|j| size(j) < 1e-100) {
            continue;
        }
        for j in 0..at.len() {
            let bounded = options.bounds.get(j).is_some_and(|b| b.0.is_finite() || b.1.is_finite());
            if bounded {
                continue;
            }
            set.push(j);
            let mut moved = at.clone();
            set.iter().for_each(|&k| moved[k] = -1.3 * at[k] - 0.21 * (1 + k) as f64);
            let (_, after) = alone(ranks, || problem.linearise(&moved))?;
            let same = |k: &usize| {
                let mut gaps = before[*k].iter().zip(&after[*k]).map(|(a, b)| (a - b).abs());
                gaps.all(|gap| gap <= 1e-10 * size(*k))
            };
            if !all(ranks, set.iter().all(same))? {
                set.pop();
            }
        }
        break;
    }
    Ok(set)
}

/// Sets the parameters of `set` to their best for the others, and returns the residuals.
fn project(
    problem: &mut dyn Residuals,
    theta: &mut [f64],
    set: &[usize],
    options: &Options,
    ranks: &dyn Communicator,
) -> Result<Vec<f64>> {
    set.iter().for_each(|&j| theta[j] = 0.0);
    let (r, columns) = alone(ranks, || problem.linearise(theta))?;
    let root = |i: usize| options.weights.get(i).map_or(1.0, |w| w.sqrt());
    let weighted = |c: &[f64]| c.iter().enumerate().map(|(i, x)| x * root(i)).collect();
    let mut own: Vec<Vec<f64>> = set.iter().map(|&j| weighted(&columns[j])).collect();
    own.push(weighted(&r.iter().map(|r| -r).collect::<Vec<f64>>()));
    if !all(ranks, own.iter().flatten().all(|x| x.is_finite()))? {
        return Ok(vec![f64::NAN; r.len()]);
    }
    let whole = tall::over(ranks, own)?;
    let [columns @ .., y] = &whole[..] else { return Ok(r) };
    let x: Vec<f64> = (0..y.len()).flat_map(|i| columns.iter().map(move |c| c[i])).collect();
    for (&j, w) in set.iter().zip(linear(&x, set.len(), y).weight) {
        theta[j] = w;
    }
    alone(ranks, || problem.evaluate(theta))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::solve::Traced;
    use chainrule_core::Tensor;

    #[test]
    fn linear_parameters_are_found() {
        let x = Tensor::from([0.5, 1.0, 2.0, 4.0, 7.0]);
        let f = |b: &Tensor| b.i(0) * (-b.i(1) * &x).exp() + b.i(2) * b.i(3) * &x;
        let mut problem = Traced::new(f, 4).unwrap();
        let points = [vec![0.0; 4], vec![0.7, 1.1, 0.4, 2.0]];
        assert_eq!(projected(&mut problem, &Options::default(), &points, &Single).unwrap(), [0, 2]);
        let bounds = vec![(0.0, 1.0), (0.0, 1.0), (f64::NEG_INFINITY, f64::INFINITY), (0.0, 1.0)];
        let options = Options { bounds, ..Options::default() };
        assert_eq!(projected(&mut problem, &options, &points, &Single).unwrap(), [2]);
    }

    #[test]
    fn a_search_needs_no_start() {
        let x = Tensor::from([77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4]);
        let y = 240.0 * (1.0 - (-5.5e-4 * &x).exp());
        let f = |b: &Tensor| b.i(0) * (1.0 - (-b.i(1) * &x).exp()) - &y;
        let mut problem = Traced::new(f, 2).unwrap();
        let found = search(&mut problem, &Options::default(), &Seeds::default()).unwrap();
        assert!((found.parameters[0] - 240.0).abs() < 1e-6, "{:?}", found.parameters);
        assert!((found.parameters[1] - 5.5e-4).abs() < 1e-12);
    }
}
