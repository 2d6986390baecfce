//! The rows that a model learns from: a table in memory, or anything that goes over them in blocks.
//!
//! What [`likelihood`](super::likelihood) asks of rows is little: their number and the mean of
//! their targets, the mean loss of coefficients with its derivatives, and, for what is linear, the
//! products of columns. [`Rows`] is that. [`Memory`] has the rows; `passes` reads them from a file
//! whenever it is asked.

use std::borrow::Cow;

use chainrule_core::{Result as CoreResult, Tensor, no_grad};

use super::family::Family;
use super::target::Response;
use crate::error::Result;
use crate::solve::minimise::{Objective, Problem};

/// The most numbers that a Hessian may need on its way, rows times linear predictors times
/// coefficients; if more, it is made column by column.
const WIDE: usize = 10_000_000;

/// What targets are as a whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Totals {
    /// The number of rows.
    pub(super) rows: usize,
    /// The mean of the target, or of the number of its class.
    pub(super) mean: f64,
    /// How many rows each class has.
    pub(super) counts: Vec<usize>,
    /// ln of the likelihood of a model that knows every row.
    pub(super) saturated: f64,
}

impl Totals {
    pub(super) fn of(family: Family, y: &Response) -> Totals {
        let (mean, saturated) = (y.mean(), family.saturated(y));
        Totals { rows: y.len(), mean, counts: y.counts(), saturated }
    }

    pub(super) fn predictors(&self, family: Family) -> usize {
        family.predictors(self.counts.len())
    }
}

/// Rows whose columns have the same products with each other and with the target as all rows,
/// divided by their number: [x 1 y]ᵀ[x 1 y]/m for the m of them is that of all n rows over n.
pub(super) struct Design<'a> {
    /// The columns, row by row.
    pub(super) x: Cow<'a, [f64]>,
    /// The column that was of ones.
    pub(super) ones: Vec<f64>,
    /// The targets less their mean.
    pub(super) y: Vec<f64>,
}

/// Rows with targets.
pub(super) trait Rows {
    fn totals(&self) -> &Totals;

    /// The number of columns.
    fn width(&self) -> usize;

    /// The mean loss of coefficients, with a ridge penalty.
    fn losses(&self, ridge: f64) -> Result<Box<dyn Problem + '_>>;

    /// Whether a Hessian can be made in one piece.
    fn is_narrow(&self) -> bool;

    /// Whether the coefficients give every row's class the largest probability. Multiples of them
    /// then give it a probability as near to 1 as one likes, and there are no best ones.
    fn is_separated(&self, weight: &[f64]) -> Result<bool>;

    /// What least squares need to know.
    fn design(&self) -> Result<Design<'_>>;
}

/// Some rows as tensors.
pub(super) struct Block {
    family: Family,
    /// The columns and one of ones, n × (width + 1).
    x: Tensor,
    y: Tensor,
    predictors: usize,
}

impl Block {
    pub(super) fn new(family: Family, x: &[f64], width: usize, y: &Response) -> Result<Block> {
        let rows = y.len();
        let mut all = Vec::with_capacity(rows * (width + 1));
        for row in x.chunks(width.max(1)) {
            all.extend_from_slice(row);
            all.push(1.0);
        }
        let x = Tensor::from_vec(all, [rows, width + 1])?;
        let predictors = family.predictors(y.classes().len());
        Ok(Block { family, x, y: family.target(y)?, predictors })
    }

    fn eta(&self, b: &Tensor) -> CoreResult<Tensor> {
        let width = self.x.shape()[1];
        Ok(self.x.matmul(&b.try_reshape([self.predictors, width])?.t()))
    }

    /// The mean loss.
    pub(super) fn loss(&self, b: &Tensor) -> CoreResult<Tensor> {
        self.family.loss(&self.eta(b)?, &self.y)
    }

    /// Whether the Hessian of so many rows needs few enough numbers on its way.
    pub(super) fn fits(rows: usize, width: usize, predictors: usize) -> bool {
        let squared = predictors.saturating_mul(predictors);
        rows.saturating_mul(width + 1).saturating_mul(squared) <= WIDE
    }

    pub(super) fn is_separated(&self, weight: &[f64], y: &Response) -> Result<bool> {
        let Response::Classes { classes, rows } = y else { return Ok(false) };
        let b = Tensor::from_vec(weight.to_vec(), [weight.len()])?;
        let means = no_grad(|| self.family.mean(&self.eta(&b)?))?.to_vec::<f64>()?;
        let is_right =
            |(p, &k): (&[f64], &usize)| p.iter().enumerate().all(|(j, q)| j == k || *q < p[k]);
        Ok(means.chunks(classes.len()).zip(rows).all(is_right))
    }
}

/// 1 for weights and 0 for intercepts, times λ.
pub(super) fn penalties(ridge: f64, coefficients: usize, width: usize) -> Vec<f64> {
    let is_weight = |j: usize| f64::from(u8::from(j % (width + 1) != width));
    (0..coefficients).map(|j| ridge * is_weight(j)).collect()
}

/// A table in memory.
pub(super) struct Memory<'a> {
    x: &'a [f64],
    y: &'a Response,
    width: usize,
    totals: Totals,
    block: Block,
}

impl<'a> Memory<'a> {
    pub(super) fn new(
        family: Family,
        x: &'a [f64],
        width: usize,
        y: &'a Response,
    ) -> Result<Memory<'a>> {
        let block = Block::new(family, x, width, y)?;
        Ok(Memory { x, y, width, totals: Totals::of(family, y), block })
    }
}

impl Rows for Memory<'_> {
    fn totals(&self) -> &Totals {
        &self.totals
    }

    fn width(&self) -> usize {
        self.width
    }

    fn losses(&self, ridge: f64) -> Result<Box<dyn Problem + '_>> {
        let coefficients = self.block.predictors * (self.width + 1);
        let mask = Tensor::from(penalties(ridge, coefficients, self.width));
        let loss = move |b: &Tensor| {
            let loss = self.block.loss(b)?;
            Ok(if ridge > 0.0 { loss + 0.5 * (&mask * b.square()).sum() } else { loss })
        };
        Ok(Box::new(Objective::new(loss, coefficients)?))
    }

    fn is_narrow(&self) -> bool {
        Block::fits(self.y.len(), self.width, self.block.predictors)
    }

    fn is_separated(&self, weight: &[f64]) -> Result<bool> {
        self.block.is_separated(weight, self.y)
    }

    fn design(&self) -> Result<Design<'_>> {
        let mean = self.totals.mean;
        Ok(Design {
            x: Cow::Borrowed(self.x),
            ones: vec![1.0; self.y.len()],
            y: self.y.numbers().iter().map(|y| y - mean).collect(),
        })
    }
}
