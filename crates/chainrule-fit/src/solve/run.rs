//! The loop.

use super::local::Local;
use super::qr::norm;
use super::tall;
use super::{Method, Options, Outcome, Place, Residuals, Solution, Why};
use crate::error::Result;
use crate::parallel::Communicator;
use crate::parallel::fold::{all, alone, gather};

/// A step is taken if the cost falls by this share of what the linear model promised.
const ENOUGH: f64 = 1e-4;

/// A parameter this large has run away.
const FAR: f64 = 1e60;

/// A point with its residuals, weighted: those of this rank.
struct Point {
    theta: Vec<f64>,
    r: Vec<f64>,
}

/// The linear model at a point, of residuals corrected for weights and loss: as they are, or rows
/// that stand for those of all ranks.
struct Slopes {
    r: Vec<f64>,
    columns: Vec<Vec<f64>>,
}

/// What a length gave.
enum Trial {
    Accepted {
        point: Point,
        actual: f64,
        predicted: f64,
    },
    Rejected,
    /// The linear model promises nothing.
    Flat,
}

struct Run<'a> {
    problem: &'a mut dyn Residuals,
    ranks: &'a dyn Communicator,
    /// The rows of the ranks before this one.
    before: usize,
    options: &'a Options,
    roots: Vec<f64>,
    scale: Vec<f64>,
    /// The length of steps, in the scale.
    radius: f64,
    evaluations: usize,
    steps: usize,
}

pub(super) fn run(
    problem: &mut dyn Residuals,
    start: &[f64],
    options: &Options,
    ranks: &dyn Communicator,
) -> Result<Solution> {
    let p = start.len();
    let rows = gather(ranks, &[problem.residuals() as f64])?.concat();
    let mut run = Run {
        before: rows[..ranks.rank()].iter().sum::<f64>() as usize,
        ranks,
        roots: options.weights.iter().map(|w| w.sqrt()).collect(),
        scale: vec![0.0; p],
        radius: 0.0,
        evaluations: 0,
        steps: 0,
        problem,
        options,
    };
    let mut theta = start.to_vec();
    if let Some(parameter) = theta.iter().position(|x| !x.is_finite()) {
        let outcome = Outcome::NonFinite { place: Place::Start { parameter } };
        return Ok(run.ended(theta, (vec![], vec![]), f64::NAN, outcome));
    }
    theta.iter_mut().enumerate().for_each(|(j, x)| *x = x.clamp(run.bound(j).0, run.bound(j).1));
    let r = run.residuals(&theta)?;
    let mut point = Point { theta, r };
    let outcome = run.search(&mut point)?;
    if matches!(outcome, Outcome::Converged { .. } | Outcome::Stalled) {
        run.polish(&mut point)?;
    }
    let last = alone(ranks, || run.problem.linearise(&point.theta))?;
    let cost = run.cost(&run.weighted(last.0.clone()))?;
    Ok(run.ended(point.theta, last, cost, outcome))
}

impl Run<'_> {
    fn bound(&self, j: usize) -> (f64, f64) {
        self.options.bounds.get(j).copied().unwrap_or((f64::NEG_INFINITY, f64::INFINITY))
    }

    fn weighted(&self, mut x: Vec<f64>) -> Vec<f64> {
        x.iter_mut().zip(&self.roots).for_each(|(x, root)| *x *= root);
        x
    }

    fn residuals(&mut self, theta: &[f64]) -> Result<Vec<f64>> {
        self.evaluations += 1;
        let r = alone(self.ranks, || self.problem.evaluate(theta))?;
        Ok(self.weighted(r))
    }

    /// The linear model at `theta`, or the place of a number that is not finite.
    fn slopes(&mut self, theta: &[f64]) -> Result<std::result::Result<Slopes, Place>> {
        self.steps += 1;
        let (r, columns) = alone(self.ranks, || self.problem.linearise(theta))?;
        let mut r = self.weighted(r);
        let mut columns: Vec<Vec<f64>> = columns.into_iter().map(|c| self.weighted(c)).collect();
        if let Some(place) = self.trouble(&r, &columns)? {
            return Ok(Err(place));
        }
        if self.options.loss != super::Loss::Linear {
            for (i, r) in r.iter_mut().enumerate() {
                let (corrected, root) = self.options.loss.correct(*r);
                *r = corrected;
                columns.iter_mut().for_each(|c| c[i] *= root);
            }
        }
        columns.push(r);
        let mut columns = tall::over(self.ranks, columns)?;
        let r = columns.pop().unwrap_or_default();
        for (scale, column) in self.scale.iter_mut().zip(&columns) {
            *scale = scale.max(norm(column));
        }
        Ok(Ok(Slopes { r, columns }))
    }

    /// The first number that is not finite, on the first rank that has one: among residuals, else
    /// among derivatives, else among those by the next parameter.
    fn trouble(&self, r: &[f64], columns: &[Vec<f64>]) -> Result<Option<Place>> {
        let bad = |column: &[f64]| column.iter().position(|x| !x.is_finite());
        let first = std::iter::once(r).chain(columns.iter().map(|c| &c[..]));
        let first = first.enumerate().find_map(|(k, column)| bad(column).map(|row| (k, row)));
        let own = first.map(|(k, row)| vec![k as f64, (self.before + row) as f64]);
        let found = gather(self.ranks, &own.unwrap_or_default())?;
        let first = found.iter().filter(|f| !f.is_empty()).min_by(|a, b| a[0].total_cmp(&b[0]));
        Ok(first.map(|place| match (place[0] as usize, place[1] as usize) {
            (0, row) => Place::Residual { row },
            (k, row) => Place::Derivative { row, parameter: k - 1 },
        }))
    }

    /// The scale, with 1 for parameters that have not changed anything yet.
    fn unit(&self, j: usize) -> f64 {
        if self.scale[j] > 0.0 { self.scale[j] } else { 1.0 }
    }

    /// ‖D x‖.
    fn length(&self, x: &[f64]) -> f64 {
        norm(&x.iter().enumerate().map(|(j, x)| self.unit(j) * x).collect::<Vec<_>>())
    }

    fn search(&mut self, point: &mut Point) -> Result<Outcome> {
        if let Some(place) = self.trouble(&point.r, &[])? {
            return Ok(Outcome::NonFinite { place });
        }
        for step in 0..self.options.max_steps {
            if all(self.ranks, point.r.iter().all(|r| *r == 0.0))? {
                return Ok(Outcome::Converged { why: Why::Exact });
            }
            let slopes = match self.slopes(&point.theta)? {
                Ok(slopes) => slopes,
                Err(place) => return Ok(Outcome::NonFinite { place }),
            };
            if step == 0 || self.options.method == Method::GaussNewton {
                let size = self.length(&point.theta);
                let whole =
                    if size > 0.0 { self.options.factor * size } else { self.options.factor };
                self.radius =
                    if self.options.method == Method::GaussNewton { f64::INFINITY } else { whole };
            }
            let free = self.free(point, &slopes);
            let cosine = cosine(&slopes, &free);
            if cosine <= self.options.gtol {
                return Ok(Outcome::Converged { why: Why::Gradient });
            }
            let model = self.model(&slopes, &free, &slopes.r);
            if let Some(outcome) = self.descend(point, &slopes, &free, &model, cosine)? {
                return Ok(outcome);
            }
            if let Some(parameter) = point.theta.iter().position(|x| x.abs() > FAR) {
                return Ok(Outcome::Diverged { parameter });
            }
        }
        Ok(Outcome::MaxSteps)
    }

    /// Tries shorter and shorter steps until one is taken, or the search ends.
    fn descend(
        &mut self,
        point: &mut Point,
        slopes: &Slopes,
        free: &[usize],
        model: &Local,
        cosine: f64,
    ) -> Result<Option<Outcome>> {
        let cost = self.cost(&point.r)?;
        let size = self.length(&point.theta);
        loop {
            match self.attempt(point, slopes, free, model)? {
                Trial::Flat => return Ok(Some(Outcome::Converged { why: Why::Cost })),
                Trial::Accepted { point: next, actual, predicted } => {
                    let way: Vec<f64> =
                        next.theta.iter().zip(&point.theta).map(|(a, b)| a - b).collect();
                    let moved = self.length(&way);
                    *point = next;
                    let tol = self.options.ftol * cost;
                    if actual <= tol && predicted <= tol && actual <= 2.0 * predicted {
                        return Ok(Some(Outcome::Converged { why: Why::Cost }));
                    }
                    if moved <= self.options.xtol * size {
                        return Ok(Some(Outcome::Converged { why: Why::Step }));
                    }
                    return Ok(None);
                }
                Trial::Rejected if self.radius <= self.options.xtol.max(1e-16) * size => {
                    // Rounding hides what is left of the slope, unless there is much of it.
                    let near = norm(&model.step(self.options.method, f64::INFINITY));
                    let flat = cosine < 1e-5 || near <= 1e-6 * size;
                    return Ok(Some(match flat {
                        true => Outcome::Converged { why: Why::Step },
                        false => Outcome::Stalled,
                    }));
                }
                Trial::Rejected if self.radius < 1e-300 => return Ok(Some(Outcome::Stalled)),
                Trial::Rejected => {}
            }
        }
    }

    /// The step of the present length, judged; the length for the next follows.
    fn attempt(
        &mut self,
        point: &Point,
        slopes: &Slopes,
        free: &[usize],
        model: &Local,
    ) -> Result<Trial> {
        let p = self.step(point, slopes, free, model);
        let theta: Vec<f64> = point.theta.iter().zip(&p).map(|(x, p)| x + p).collect();
        let length = self.length(&p);
        let image = image(&slopes.columns, &p, slopes.r.len());
        let predicted = -sum(image.iter().zip(&slopes.r).map(|(j, r)| j * (r + 0.5 * j)));
        if theta == point.theta || predicted.is_nan() || predicted <= 0.0 {
            return Ok(Trial::Flat);
        }
        let r = self.residuals(&theta)?;
        let actual = self.fall(&point.r, &r)?;
        let ratio = actual / predicted;
        if self.options.method == Method::GaussNewton {
            if ratio >= ENOUGH {
                return Ok(Trial::Accepted { point: Point { theta, r }, actual, predicted });
            }
            self.radius = 0.5 * self.radius.min(length);
            return Ok(Trial::Rejected);
        }
        if ratio.is_nan() || ratio <= 0.25 {
            // The minimum of the parabola through both values and the slope here.
            let slope = -sum(image.iter().zip(&slopes.r).map(|(j, r)| j * r));
            let share = if actual >= 0.0 { 0.5 } else { 0.5 * slope / (slope - actual) };
            let share = if share.is_nan() { 0.1 } else { share.clamp(0.1, 0.5) };
            self.radius = share * self.radius.min(10.0 * length);
        } else if ratio >= 0.75 || length < 0.9 * self.radius {
            self.radius = self.radius.max(2.0 * length);
            if ratio >= 0.75 && length < 0.4 * self.radius {
                self.radius = 2.0 * length;
            }
        }
        Ok(if ratio >= ENOUGH {
            Trial::Accepted { point: Point { theta, r }, actual, predicted }
        } else {
            Trial::Rejected
        })
    }

    /// The cost of weighted residuals.
    fn cost(&self, r: &[f64]) -> Result<f64> {
        self.half(r.iter().map(|r| self.options.loss.rho(*r)))
    }

    /// By how much the cost of `b` is less than that of `a`, without the cancellation of large
    /// sums; NaN or −∞ if `b` is not finite.
    fn fall(&self, a: &[f64], b: &[f64]) -> Result<f64> {
        if self.options.loss == super::Loss::Linear {
            return self.half(a.iter().zip(b).map(|(a, b)| (a - b) * (a + b)));
        }
        let rho = |r: f64| self.options.loss.rho(r);
        self.half(a.iter().zip(b).map(|(a, b)| rho(*a) - rho(*b)))
    }

    /// Half the sum over the rows of all ranks.
    fn half(&self, own: impl Iterator<Item = f64>) -> Result<f64> {
        Ok(0.5 * sum(gather(self.ranks, &[sum(own)])?.iter().map(|part| part[0])))
    }

    /// The parameters that can move: not at a bound with the cost falling outwards.
    fn free(&self, point: &Point, slopes: &Slopes) -> Vec<usize> {
        let can_move = |j: &usize| {
            let (low, high) = self.bound(*j);
            let x = point.theta[*j];
            if low < x && x < high {
                return true;
            }
            let g: f64 = slopes.columns[*j].iter().zip(&slopes.r).map(|(j, r)| j * r).sum();
            low < high && (x > low || g < 0.0) && (x < high || g > 0.0)
        };
        (0..point.theta.len()).filter(can_move).collect()
    }

    fn model(&self, slopes: &Slopes, free: &[usize], r: &[f64]) -> Local {
        let columns: Vec<&[f64]> = free.iter().map(|&j| &slopes.columns[j][..]).collect();
        let scale: Vec<f64> = free.iter().map(|&j| self.unit(j)).collect();
        Local::new(&columns, r, &scale)
    }

    /// The step within the length and the bounds.
    fn step(&self, point: &Point, slopes: &Slopes, free: &[usize], model: &Local) -> Vec<f64> {
        let mut p = vec![0.0; point.theta.len()];
        let mut free = free.to_vec();
        let mut radius = self.radius;
        let mut again: Option<Local> = None;
        while !free.is_empty() {
            let found = again.as_ref().unwrap_or(model).step(self.options.method, radius);
            let moves: Vec<f64> =
                free.iter().zip(&found).map(|(&j, found)| found / self.unit(j)).collect();
            let mut kept = vec![];
            for (&j, &by) in free.iter().zip(&moves) {
                let (low, high) = self.bound(j);
                let to = point.theta[j] + by;
                p[j] = by;
                if to < low || to > high {
                    p[j] = to.clamp(low, high) - point.theta[j];
                } else {
                    kept.push(j);
                }
            }
            if kept.len() == free.len() {
                break;
            }
            kept.iter().for_each(|&j| p[j] = 0.0);
            let used = self.length(&p);
            radius = (self.radius * self.radius - used * used).max(0.0).sqrt();
            let moved = image(&slopes.columns, &p, slopes.r.len());
            let r: Vec<f64> = slopes.r.iter().zip(moved).map(|(r, m)| r + m).collect();
            free = kept;
            if radius == 0.0 {
                break;
            }
            again = Some(self.model(slopes, &free, &r));
        }
        p
    }

    /// Gauss–Newton steps for as long as they get shorter.
    fn polish(&mut self, point: &mut Point) -> Result<()> {
        let mut last = f64::INFINITY;
        self.scale.fill(0.0);
        self.radius = f64::INFINITY;
        let cost = self.cost(&point.r)?;
        for _ in 0..100 {
            let Ok(slopes) = self.slopes(&point.theta)? else { break };
            let free = self.free(point, &slopes);
            let model = self.model(&slopes, &free, &slopes.r);
            let p = self.step(point, &slopes, &free, &model);
            let (length, size) = (self.length(&p), self.length(&point.theta));
            let little = if last.is_finite() { 0.9 * last } else { 1e-3 * size };
            if length.is_nan() || length == 0.0 || length > little {
                break;
            }
            let theta: Vec<f64> = point.theta.iter().zip(&p).map(|(x, p)| x + p).collect();
            let r = self.residuals(&theta)?;
            let next = self.cost(&r)?;
            if next.is_nan() || next > cost * (1.0 + 1e-9) && next > 1e-300 {
                break;
            }
            *point = Point { theta, r };
            last = length;
        }
        Ok(())
    }

    fn ended(
        &self,
        parameters: Vec<f64>,
        (residuals, jacobian): (Vec<f64>, Vec<Vec<f64>>),
        cost: f64,
        outcome: Outcome,
    ) -> Solution {
        let at_bound = |(j, x): (usize, &f64)| {
            let (low, high) = self.bound(j);
            *x <= low || *x >= high
        };
        Solution {
            at_bound: parameters.iter().enumerate().map(at_bound).collect(),
            cost,
            parameters,
            residuals,
            jacobian,
            outcome,
            steps: self.steps,
            evaluations: self.evaluations,
        }
    }
}

/// The largest cosine between the residuals and a column that is free.
fn cosine(slopes: &Slopes, free: &[usize]) -> f64 {
    let size = norm(&slopes.r);
    let of = |&j: &usize| {
        let column = &slopes.columns[j];
        let along = sum(column.iter().zip(&slopes.r).map(|(j, r)| j * r)).abs();
        let cosine = along / norm(column) / size;
        if cosine.is_nan() { 0.0 } else { cosine }
    };
    free.iter().map(of).fold(0.0, f64::max)
}

/// J p.
fn image(columns: &[Vec<f64>], p: &[f64], rows: usize) -> Vec<f64> {
    let mut image = vec![0.0; rows];
    for (column, p) in columns.iter().zip(p).filter(|(_, p)| **p != 0.0) {
        image.iter_mut().zip(column).for_each(|(y, x)| *y += x * p);
    }
    image
}

/// The sum, with the errors of its additions added up as well (Neumaier 1974).
fn sum(numbers: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut lost) = (0.0f64, 0.0);
    for x in numbers {
        let next = sum + x;
        lost += if sum.abs() >= x.abs() { (sum - next) + x } else { (x - next) + sum };
        sum = next;
    }
    if lost.is_finite() { sum + lost } else { sum }
}
