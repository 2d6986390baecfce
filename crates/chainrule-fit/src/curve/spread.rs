//! From a solution to its figures: covariance, what is not determined, the look of the residuals.

use super::{Direction, Residue};
use crate::error::Result;
use crate::inference::distribution::{chi2_tail, normal_cdf};
use crate::inference::orthogonal;
use crate::parallel::Communicator;
use crate::parallel::fold::{gather, total};
use crate::solve::qr::{Qr, norm};
use crate::solve::{Loss, Options, Solution, tall};

/// The deviation of an observation of weight 1.
pub(super) fn deviation(
    weighted: &[f64],
    rows: usize,
    dof: usize,
    loss: Loss,
    ranks: &dyn Communicator,
) -> Result<f64> {
    if dof == 0 {
        return Ok(f64::NAN);
    }
    let (mut squares, mut slopes) = (0.0, 0.0);
    for &r in weighted {
        let (first, second, z) = loss.slopes(r);
        squares += (r * first) * (r * first);
        slopes += first + 2.0 * z * second;
    }
    let (squares, slopes) = (total(ranks, squares)?, total(ranks, slopes)?);
    let all = total(ranks, weighted.len() as f64)?;
    // Rows without weight have r = 0, for which ψ′ is 1.
    let mean = (slopes - (all - rows as f64)) / rows as f64;
    Ok((squares / dof as f64).sqrt() / mean)
}

/// What the Jacobian tells about all parameters.
pub(super) struct Spread {
    /// (J̃ᵀJ̃)⁻¹ in the units of the parameters.
    pub(super) inverse: Vec<f64>,
    pub(super) rank: usize,
    pub(super) condition: f64,
    /// Directions that change nothing, in the units of the parameters.
    pub(super) directions: Vec<Vec<f64>>,
}

impl Spread {
    pub(super) fn of(
        found: &Solution,
        options: &Options,
        ranks: &dyn Communicator,
    ) -> Result<Spread> {
        let (n, p) = (total(ranks, found.residuals.len() as f64)?, found.parameters.len());
        let root = |i: usize| options.weights.get(i).map_or(1.0, |w| w.sqrt());
        let free: Vec<usize> = (0..p).filter(|&j| !found.at_bound[j]).collect();
        let weighted = |j: &usize| -> Vec<f64> {
            found.jacobian[*j].iter().enumerate().map(|(i, x)| x * root(i)).collect()
        };
        let mut columns = tall::over(ranks, free.iter().map(weighted).collect())?;
        let lengths: Vec<f64> = columns.iter().map(|c| norm(c).max(1e-300)).collect();
        for (column, length) in columns.iter_mut().zip(&lengths) {
            column.iter_mut().for_each(|x| *x /= length);
        }
        let rows = columns.first().map_or(0, Vec::len);
        let qr = Qr::new(columns, rows, 0.0);
        let row = |i: usize| if i < qr.rank() { qr.row(i) } else { vec![0.0; free.len()] };
        let rows: Vec<Vec<f64>> = (0..free.len()).map(row).collect();
        let column = |j: usize| rows.iter().map(|r| r[j]).collect();
        // Columns of R, turned until they are orthogonal, are U S; the combinations are V.
        let turned = orthogonal((0..free.len()).map(column).collect());
        let most = turned.first().map_or(1.0, |t| t.0);
        let least = most * f64::EPSILON * 4.0 * n.max(p as f64);
        let mut spread =
            Spread { inverse: vec![0.0; p * p], rank: 0, condition: 1.0, directions: vec![] };
        let mut nothing = vec![];
        for (s, _, v) in turned {
            if s > least {
                let mut direction = vec![0.0; p];
                for (&at, x) in qr.order.iter().zip(&v) {
                    direction[free[at]] = x / lengths[at];
                }
                spread.rank += 1;
                spread.condition = most / s;
                spread.add(s, &direction);
            } else {
                nothing.push(v);
            }
        }
        sparse(&mut nothing);
        for v in nothing {
            let mut direction = vec![0.0; p];
            for (&at, x) in qr.order.iter().zip(&v) {
                direction[free[at]] = x / lengths[at];
            }
            spread.leave(direction);
        }
        Ok(spread)
    }

    /// A direction with its singular value.
    fn add(&mut self, s: f64, direction: &[f64]) {
        let p = direction.len();
        for (i, a) in direction.iter().enumerate() {
            for (j, b) in direction.iter().enumerate() {
                self.inverse[i * p + j] += a / s * (b / s);
            }
        }
    }

    /// A direction that changes nothing.
    fn leave(&mut self, direction: Vec<f64>) {
        let p = direction.len();
        for j in (0..p).filter(|&j| direction[j] != 0.0) {
            for k in 0..p {
                self.inverse[j * p + k] = f64::NAN;
                self.inverse[k * p + j] = f64::NAN;
            }
        }
        self.condition = f64::INFINITY;
        self.directions.push(direction);
    }
}

/// The same plane, by vectors with as many zeros as elimination makes.
fn sparse(vectors: &mut [Vec<f64>]) {
    for k in 0..vectors.len() {
        let size = |v: &[f64]| v.iter().fold(0.0f64, |a, x| a.max(x.abs()));
        let best =
            (k..vectors.len()).max_by(|&a, &b| size(&vectors[a]).total_cmp(&size(&vectors[b])));
        vectors.swap(k, best.unwrap_or(k));
        let pivot = vectors[k].clone();
        let most = size(&pivot);
        let Some(at) = pivot.iter().position(|x| x.abs() == most) else { continue };
        for (_, v) in vectors.iter_mut().enumerate().filter(|(i, _)| *i != k) {
            let share = v[at] / pivot[at];
            v.iter_mut().zip(&pivot).for_each(|(x, p)| *x -= share * p);
            v[at] = 0.0;
        }
    }
    // Rounding puts a little of every parameter into every direction.
    for v in vectors {
        let most = v.iter().fold(0.0f64, |a, x| a.max(x.abs()));
        v.iter_mut().filter(|x| x.abs() <= 1e-6 * most).for_each(|x| *x = 0.0);
    }
}

pub(super) fn named(directions: &[Vec<f64>], names: &[String]) -> Vec<Direction> {
    let name = |direction: &Vec<f64>| {
        let first = direction.iter().fold(0.0f64, |a, x| if x.abs() > a.abs() { *x } else { a });
        let parts = names.iter().zip(direction).filter(|(_, x)| **x != 0.0);
        Direction { parts: parts.map(|(name, x)| (name.clone(), x / first)).collect() }
    };
    directions.iter().map(name).collect()
}

/// Residuals are f − y in solvers and y − f to people.
pub(super) fn residue(
    residuals: &[f64],
    weighted: &[f64],
    sigma: f64,
    ranks: &dyn Communicator,
) -> Result<Residue> {
    let values: Vec<f64> = residuals.iter().map(|r| -r).collect();
    let counts = gather(ranks, &[values.len() as f64])?.concat();
    let before = counts[..ranks.rank()].iter().sum::<f64>() as usize;
    let sizes = weighted.iter().enumerate().map(|(i, r)| (before + i, r.abs() / sigma));
    let mut largest: Vec<(usize, f64)> = sizes.filter(|(_, r)| !r.is_nan()).collect();
    let few = |largest: &mut Vec<(usize, f64)>| {
        largest.sort_by(|a, b| b.1.total_cmp(&a.1));
        largest.truncate(3);
    };
    few(&mut largest);
    let own: Vec<f64> = largest.iter().flat_map(|(i, r)| [*i as f64, *r]).collect();
    let all = gather(ranks, &own)?.concat();
    largest = all.chunks_exact(2).map(|pair| (pair[0] as usize, pair[1])).collect();
    few(&mut largest);
    let enough = counts.iter().sum::<f64>() >= 10.0;
    let (runs_p, normal_p) = match enough {
        true => (runs(&values, ranks)?, normality(weighted, ranks)?),
        false => (f64::NAN, f64::NAN),
    };
    Ok(Residue { values, largest, runs_p, normal_p })
}

fn runs(values: &[f64], ranks: &dyn Communicator) -> Result<f64> {
    let signs: Vec<bool> = values.iter().filter(|r| **r != 0.0).map(|r| *r > 0.0).collect();
    let positive = signs.iter().filter(|s| **s).count() as f64;
    let changes = signs.windows(2).filter(|w| w[0] != w[1]).count() as f64;
    let ends = [signs.first(), signs.last()].map(|s| s.map(|s| f64::from(u8::from(*s))));
    let own =
        [signs.len() as f64, positive, changes, ends[0].unwrap_or(0.0), ends[1].unwrap_or(0.0)];
    let mut all = [0.0; 5];
    for part in gather(ranks, &own)?.iter().filter(|part| part[0] > 0.0) {
        let turns = all[0] > 0.0 && all[4] != part[3];
        all[2] += f64::from(u8::from(turns));
        (0..3).for_each(|k| all[k] += part[k]);
        all[4] = part[4];
    }
    let [n, positive, changes, ..] = all;
    let negative = n - positive;
    let count = 1.0 + changes;
    let product = 2.0 * positive * negative;
    let mean = product / n + 1.0;
    let variance = product * (product - n) / (n * n * (n - 1.0));
    Ok(normal_cdf((count - mean) / variance.sqrt()))
}

fn normality(r: &[f64], ranks: &dyn Communicator) -> Result<f64> {
    let n = total(ranks, r.len() as f64)?;
    let mean = total(ranks, r.iter().sum())? / n;
    let moment = |k: i32| total(ranks, r.iter().map(|r| (r - mean).powi(k)).sum());
    let (variance, third, fourth) = (moment(2)? / n, moment(3)? / n, moment(4)? / n);
    let (skew, heavy) = (third / variance.powf(1.5), fourth / (variance * variance) - 3.0);
    Ok(chi2_tail(n / 6.0 * (skew * skew + heavy * heavy / 4.0), 2.0))
}
