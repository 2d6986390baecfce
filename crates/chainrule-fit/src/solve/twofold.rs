//! Residuals that are rounding errors, computed in twice the precision.
//!
//! # The mathematics
//!
//! A residual f(x; θ) − y is a difference of numbers with 16 digits; where it is 10⁻¹³ of them,
//! three are left, and what is estimated from residuals (the sum of squares, s, all errors) has no
//! more. Two roundings make it so: that of the computation, and that of the data, since the double
//! that stands for 2.5134 is another number. Both are undone here. The model is recorded once more
//! as a graph and evaluated in pairs of doubles (`extended`), 32 digits; each number of the data
//! counts as the shortest decimal that reads as it. The parameters then lack digits too, and get
//! them by Gauss–Newton steps with these residuals:
//!
//! ```text
//! θ = θ_high + θ_low      r(θ) with 32 digits      θ ← θ − J⁺ r(θ)      J with 16
//! ```
//!
//! An error of J of ε makes the steps shrink by ε κ(J), not the limit wrong.
//!
//! # When
//!
//! If ‖√w r‖ < √ε ‖√w y‖: the residuals have then lost more than half of their digits. Others are
//! told by two norms that they have not, which is all that an ordinary fit pays. What is below
//! 10⁻²⁸ ‖y‖ is rounding of the pairs and counts as 0.
//!
//! # Not here
//!
//! Losses other than squares; models that use other operations than those of [`Values`], or more
//! than [`MOST`] numbers at once: their residuals stay as they are.
//!
//! Å. Björck (1996), *Numerical Methods for Least Squares Problems*, §2.9.

use chainrule_core::op::{Binary, Linear, Op, Unary};
use chainrule_core::{DType, GraphNode, Tensor, graph_of};

use super::local::Local;
use super::qr::norm;
use super::{Loss, Method, Options, Solution, tall};
use crate::error::Result;
use crate::least_squares::extended::Wide;
use crate::parallel::Communicator;
use crate::parallel::fold::{all, alone, total};

/// The most numbers of one tensor.
const MOST: usize = 1 << 22;

/// What is less than this share of the observations is rounding of the pairs.
const NOTHING: f64 = 1e-28;

/// Whether residuals have lost more than half of their digits.
pub(crate) fn is_needed(
    y: &[f64],
    found: &Solution,
    options: &Options,
    ranks: &dyn Communicator,
) -> Result<bool> {
    let size = |x: &[f64]| tall::norm(ranks, &weighted(x, options));
    let lost = size(&found.residuals)? < f64::EPSILON.sqrt() * size(y)?;
    Ok(options.loss == Loss::Linear && found.outcome.converged() && lost)
}

fn weighted(x: &[f64], options: &Options) -> Vec<f64> {
    let root = |i: usize| options.weights.get(i).map_or(1.0, |w| w.sqrt());
    x.iter().enumerate().map(|(i, x)| x * root(i)).collect()
}

/// Gives residuals and parameters of a solution the digits that the data have. `residuals` are
/// recorded at the parameters; where that is no graph for it, nothing changes.
///
/// # Errors
/// Those of `residuals`.
pub(crate) fn sharpen(
    residuals: impl Fn(&Tensor) -> chainrule_core::Result<Tensor>,
    y: &[f64],
    found: &mut Solution,
    options: &Options,
    ranks: &dyn Communicator,
) -> Result<()> {
    let theta = Tensor::from_vec(found.parameters.clone(), [found.parameters.len()])?;
    let theta = theta.requires_grad();
    let nodes = graph_of(&[&theta, &alone(ranks, || Ok(residuals(&theta)?))?]);
    // Of the rows of this rank; none if any rank cannot tell.
    let misses = |theta: &[Wide]| -> Result<Option<Vec<f64>>> {
        let values = evaluate(&nodes, theta).unwrap_or_default();
        let values: Vec<f64> = values.iter().map(|r| r.value()).collect();
        let known = values.len() == y.len() && values.iter().all(|r| r.is_finite());
        Ok(all(ranks, known)?.then_some(values))
    };
    let mut theta: Vec<Wide> = found.parameters.iter().map(|x| Wide::of(*x)).collect();
    let Some(mut r) = misses(&theta)? else { return Ok(()) };
    let free: Vec<usize> = (0..theta.len()).filter(|&j| !found.at_bound[j]).collect();
    let columns: Vec<Vec<f64>> =
        free.iter().map(|&j| weighted(&found.jacobian[j], options)).collect();
    let norms = columns.iter().map(|c| Ok(tall::norm(ranks, c)?.max(f64::MIN_POSITIVE)));
    let scale: Vec<f64> = norms.collect::<Result<_>>()?;
    let size = |x: &[f64]| norm(&x.iter().zip(&scale).map(|(x, s)| x * s).collect::<Vec<_>>());
    let mut last = 1e-6 * size(&free.iter().map(|&j| found.parameters[j]).collect::<Vec<_>>());
    for _ in 0..20 {
        let own = columns.iter().cloned().chain([weighted(&r, options)]).collect();
        let all = tall::over(ranks, own)?;
        let [columns @ .., r_all] = &all[..] else { break };
        let columns: Vec<&[f64]> = columns.iter().map(|c| &c[..]).collect();
        let model = Local::new(&columns, r_all, &scale);
        let step = model.step(Method::GaussNewton, f64::INFINITY);
        let step: Vec<f64> = step.iter().zip(&scale).map(|(p, s)| p / s).collect();
        let length = size(&step);
        // A step of half the last one's length is rounding, or the model is not linear here.
        if length.is_nan() || length == 0.0 || length > 0.5 * last {
            break;
        }
        let mut next = theta.clone();
        free.iter().zip(&step).for_each(|(&j, p)| next[j] = next[j].plus(*p));
        let inside = |(x, (low, high)): (&Wide, &(f64, f64))| (*low..=*high).contains(&x.high);
        let Some(less) = misses(&next)? else { break };
        if !next.iter().zip(&options.bounds).all(inside) {
            break;
        }
        (theta, r, last) = (next, less, length);
    }
    let size = |x: &[f64]| tall::norm(ranks, &weighted(x, options));
    let nothing = size(&r)? <= NOTHING * size(y)?;
    if nothing {
        r.fill(0.0);
    }
    found.parameters = theta.iter().map(|x| x.high).collect();
    found.cost = 0.5 * total(ranks, weighted(&r, options).iter().map(|r| r * r).sum())?;
    found.residuals = r;
    Ok(())
}

/// The numbers of a node, row by row.
struct Values {
    shape: Vec<usize>,
    numbers: Vec<Wide>,
}

/// The last node of a graph whose first is θ; `None` if an operation or a type is not known here.
fn evaluate(nodes: &[GraphNode], theta: &[Wide]) -> Option<Vec<Wide>> {
    let mut last = vec![0; nodes.len()];
    for (i, node) in nodes.iter().enumerate() {
        node.sources.iter().for_each(|&s| last[s] = i);
    }
    let mut all: Vec<Option<Values>> = vec![];
    for (i, node) in nodes.iter().enumerate() {
        let value = match i {
            0 => Values { shape: vec![theta.len()], numbers: theta.to_vec() },
            _ => one(node, &all)?,
        };
        all.push(Some(value));
        node.sources.iter().filter(|&&s| last[s] == i).for_each(|&s| all[s] = None);
    }
    Some(all.pop()??.numbers)
}

fn one(node: &GraphNode, all: &[Option<Values>]) -> Option<Values> {
    let shape = node.tensor.shape().to_vec();
    let length: usize = shape.iter().product();
    if length > MOST {
        return None;
    }
    let source = |k: usize| node.sources.get(k).and_then(|&s| all[s].as_ref());
    let numbers = match &node.op {
        Op::Const(number) => vec![Wide::decimal(number.to_f64()); length],
        // Given numbers, and values of which nobody remembers how they came about.
        _ if node.sources.is_empty() || node.is_parameter => {
            let numbers = node.tensor.to_dtype(DType::F64).to_vec::<f64>().ok()?;
            numbers.into_iter().map(Wide::decimal).collect()
        }
        Op::Map(op) => source(0)?.numbers.iter().map(|x| map(*op, *x)).collect::<Option<_>>()?,
        Op::Zip(op) => {
            let pairs = source(0)?.numbers.iter().zip(&source(1)?.numbers);
            pairs.map(|(x, y)| zip(*op, *x, *y)).collect::<Option<_>>()?
        }
        Op::Linear(op) => moved(op, source(0)?, &shape)?,
        Op::Detach | Op::After => source(0)?.numbers.clone(),
        _ => return None,
    };
    (numbers.len() == length).then_some(Values { shape, numbers })
}

fn map(op: Unary, x: Wide) -> Option<Wide> {
    let one = Wide::of(1.0);
    Some(match op {
        Unary::neg => -x,
        Unary::abs if x.high < 0.0 => -x,
        Unary::abs => x,
        Unary::recip => one / x,
        Unary::square => x * x,
        Unary::sqrt => x.sqrt(),
        Unary::rsqrt => one / x.sqrt(),
        Unary::exp => x.exp(),
        Unary::ln => x.ln(),
        Unary::sin => x.sin_cos().0,
        Unary::cos => x.sin_cos().1,
        Unary::tan => x.sin_cos().0 / x.sin_cos().1,
        Unary::atan => x.atan(),
        Unary::sigmoid => one / (one + (-x).exp()),
        _ => return None,
    })
}

fn zip(op: Binary, x: Wide, y: Wide) -> Option<Wide> {
    Some(match op {
        Binary::Add => x + y,
        Binary::Sub => x - y,
        Binary::Mul => x * y,
        Binary::Div => x / y,
        Binary::Pow => x.pow(y),
        _ => return None,
    })
}

/// Where the elements of y, row by row, are in x: at a start plus steps along the axes of y.
fn moved(op: &Linear, x: &Values, shape: &[usize]) -> Option<Vec<Wide>> {
    let mut steps = vec![1; x.shape.len()];
    for i in (1..steps.len()).rev() {
        steps[i - 1] = steps[i] * x.shape[i] as isize;
    }
    let (start, along): (isize, Vec<isize>) = match op {
        Linear::Reshape | Linear::Cast => return Some(x.numbers.clone()),
        Linear::Permute(order) => (0, (0..shape.len()).map(|i| steps[order.of(i)]).collect()),
        Linear::Expand(axes) => {
            let mut old = steps.iter().copied();
            let step = |i: usize| if axes.contains(i) { Some(0) } else { old.next() };
            (0, (0..shape.len()).map(step).collect::<Option<_>>()?)
        }
        Linear::Flip(axes) => {
            let turned = |i: &usize| axes.contains(*i);
            let ends = (0..shape.len()).filter(turned).map(|i| (shape[i] as isize - 1) * steps[i]);
            let step = |i: usize| if axes.contains(i) { -steps[i] } else { steps[i] };
            (ends.sum(), (0..shape.len()).map(step).collect())
        }
        Linear::Slice(windows) => {
            let starts = windows.iter().zip(&steps).map(|(w, s)| w.start as isize * s);
            (starts.sum(), windows.iter().zip(&steps).map(|(w, s)| w.step as isize * s).collect())
        }
        _ => return None,
    };
    let mut at = vec![start];
    for (n, step) in shape.iter().zip(&along) {
        at = at.iter().flat_map(|from| (0..*n as isize).map(move |i| from + i * step)).collect();
    }
    at.iter().map(|&i| x.numbers.get(usize::try_from(i).ok()?).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both sides of identities that doubles keep to 16 digits, through every operation.
    #[test]
    fn graphs_are_evaluated_in_pairs() {
        let x = Tensor::from([[0.1, 0.7, 1.3], [2.2, 0.4, 3.1]]);
        let check = |f: &dyn Fn(&Tensor) -> Tensor| {
            let theta = Tensor::from([0.3, 1.7]).requires_grad();
            let nodes = graph_of(&[&theta, &f(&theta)]);
            let found = evaluate(&nodes, &[Wide::decimal(0.3), Wide::decimal(1.7)]);
            let names: Vec<&str> = nodes.iter().map(GraphNode::label).collect();
            let found = found.unwrap_or_else(|| panic!("{names:?}"));
            assert!(found.iter().all(|r| r.value().abs() < 1e-29), "{found:?}");
        };
        check(&|b| b.i(0) + b.i(1) - 2.0);
        check(&|b| (b.i(0) * &x).exp().ln() / b.i(0) - &x);
        check(&|b| (b.i(1) * &x).sin().square() + (b.i(1) * &x).cos().powi(2) - 1.0);
        check(&|b| (&x / b.i(1) / 2.0).tan().atan() - &x / (2.0 * b.i(1)));
        check(&|b| (b.i(1) * &x).sqrt().powf(2.0) - b.i(1) * &x);
        check(&|b| (&x * b.i(1)).powf(2.5) - (&x * b.i(1)).square() * (&x * b.i(1)).sqrt());
        check(&|b| (&x * b.i(0)).sigmoid() - (1.0 + (-&x * b.i(0)).exp()).recip());
        let turned = x.t().flip(0).i((.., 1));
        check(&|b| b.i(1) * &turned - b.i(1) * Tensor::from([3.1, 0.4, 2.2]));
        let theta = Tensor::from([0.3, 1.7]).requires_grad();
        assert!(evaluate(&graph_of(&[&theta, &theta.erf()]), &[Wide::of(0.3)]).is_none());
    }
}
