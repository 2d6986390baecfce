//! Losses that compare vectors, or ranks: what is alike should be near, what is not, apart by a
//! margin.
//!
//! Hadsell, Chopra & LeCun 2006 (contrastive losses); Schroff, Kalenichenko & Philbin 2015
//! (triplets).

use chainrule_core::Tensor;

use super::{Reduction, alike};
use crate::error::{Result, fail};

/// x for y = 1, max(0, margin − x) for y = −1; torch's default margin is 1.
///
/// # Errors
/// If the shapes differ.
pub fn hinge_embedding(
    x: &Tensor,
    y: &Tensor,
    margin: f64,
    reduction: Reduction,
) -> Result<Tensor> {
    alike("hinge_embedding", ["prediction", "target"], x, y)?;
    let apart = (-x + margin).relu();
    reduction.of(&y.gt(0.0).try_where(x, &apart)?)
}

/// max(0, −y (a − b) + margin): for y = 1, a should be larger than b; torch's default margin is 0.
///
/// # Errors
/// If the shapes differ.
pub fn margin_ranking(
    a: &Tensor,
    b: &Tensor,
    y: &Tensor,
    margin: f64,
    reduction: Reduction,
) -> Result<Tensor> {
    alike("margin_ranking", ["first", "second"], a, b)?;
    alike("margin_ranking", ["first", "target"], a, y)?;
    reduction.of(&(y * (b - a) + margin).relu())
}

/// 1 − cos for y = 1, max(0, cos − margin) for y = −1, with the cosine of the angle between rows a
/// and b, \[n, width\] or \[width\]; torch's default margin is 0.
///
/// # Errors
/// If the shapes do not fit.
pub fn cosine_embedding(
    a: &Tensor,
    b: &Tensor,
    y: &Tensor,
    margin: f64,
    reduction: Reduction,
) -> Result<Tensor> {
    alike("cosine_embedding", ["first", "second"], a, b)?;
    if !(1..=2).contains(&a.rank()) || y.shape() != &a.shape()[..a.rank() - 1] {
        fail!(
            "cosine_embedding needs rows [n, width] and targets [n]; these are {:?} and {:?}",
            a.shape(),
            y.shape()
        );
    }
    let over = |t: Tensor| t.try_sum_axis(-1, false);
    let (aa, bb) = (over(a.square())? + COSINE_EPS, over(b.square())? + COSINE_EPS);
    let cosine = over(a * b)? / (aa * bb).sqrt();
    let alike = 1.0 - &cosine;
    let apart = (cosine - margin).relu();
    reduction.of(&y.gt(0.0).try_where(&alike, &apart)?)
}

/// So that a row of zeros has a cosine.
const COSINE_EPS: f64 = 1e-12;

/// The options of a triplet loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TripletMargin {
    /// By how much the negative should be further.
    pub margin: f64,
    /// The norm, Σ|d|^p to the power 1/p; at least 1.
    pub p: f64,
    /// What is added to each difference, so that the norm has a derivative.
    pub eps: f64,
    /// Whether the negative's distance is the smaller one of those from anchor and positive.
    pub swap: bool,
    /// What becomes of the rows' losses.
    pub reduction: Reduction,
}

impl Default for TripletMargin {
    fn default() -> TripletMargin {
        let reduction = Reduction::Mean;
        TripletMargin { margin: 1.0, p: 2.0, eps: 1e-6, swap: false, reduction }
    }
}

impl TripletMargin {
    /// The loss of rows \[n, width\] or \[width\].
    ///
    /// # Errors
    /// If the shapes differ, or p is less than 1.
    pub fn of(&self, anchor: &Tensor, positive: &Tensor, negative: &Tensor) -> Result<Tensor> {
        alike("triplet_margin", ["anchor", "positive"], anchor, positive)?;
        alike("triplet_margin", ["anchor", "negative"], anchor, negative)?;
        if self.p.is_nan() || self.p < 1.0 {
            fail!("triplet_margin needs a norm with p of 1 or more, not {}", self.p);
        }
        let near = self.distance(anchor, positive)?;
        let mut far = self.distance(anchor, negative)?;
        if self.swap {
            far = far.try_minimum(&self.distance(positive, negative)?)?;
        }
        self.reduction.of(&(near - far + self.margin).relu())
    }

    fn distance(&self, a: &Tensor, b: &Tensor) -> Result<Tensor> {
        let d = a - b + self.eps;
        if self.p == 2.0 {
            return Ok(d.try_norm_axis(-1, false)?);
        }
        Ok(d.abs().powf(self.p).try_sum_axis(-1, false)?.powf(1.0 / self.p))
    }
}

/// max(0, d(anchor, positive) − d(anchor, negative) + 1) with Euclidean distances of rows.
///
/// # Errors
/// If the shapes differ.
pub fn triplet_margin(
    anchor: &Tensor,
    positive: &Tensor,
    negative: &Tensor,
    reduction: Reduction,
) -> Result<Tensor> {
    TripletMargin { reduction, ..TripletMargin::default() }.of(anchor, positive, negative)
}
