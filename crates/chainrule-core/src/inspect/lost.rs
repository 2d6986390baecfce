//! What gets no gradient, and what cut the way to it.

use std::fmt;
use std::sync::Arc;

use chainrule_kernels::guarded::lock;

use crate::error::Operand;
use crate::graph::Tensor;
use crate::graph::cut::{Cut, Cuts};
use crate::graph::node::{Link, Node};
use crate::graph::walk::Walk;

/// A parameter that gets no gradient.
#[derive(Clone, Debug)]
pub struct LostGradient {
    /// Its number in the list that was given.
    pub index: usize,
    /// What cut the way to it; nothing if the result does not use it at all.
    pub cuts: Vec<Cut>,
    shown: Operand,
}

/// The parameters that get no gradient from a result.
#[derive(Clone, Debug)]
pub struct LostGradients {
    /// Those that get none, in order.
    pub lost: Vec<LostGradient>,
    of: usize,
}

/// Which of `parameters` get no gradient from y, and which `detach`, `no_grad` or integer operation
/// cut the way to each, with its line.
///
/// ```
/// # use chainrule_core::*;
/// let (a, b) = (Tensor::from(2.0).requires_grad(), Tensor::from(3.0).named("b").requires_grad());
/// let y = &a * b.exp().detach();
/// let report = lost_gradients(&y, &[&a, &b]);
/// assert_eq!(report.lost.len(), 1);
/// assert_eq!(report.lost[0].cuts[0].by, CutBy::Detach);
/// println!("{report}");
/// ```
///
/// With more than 64 parameters in the process, a cut may be named for a parameter that is not
/// behind it; whether a parameter gets a gradient is always exact.
pub fn lost_gradients(y: &Tensor, parameters: &[&Tensor]) -> LostGradients {
    let y = y.source();
    let mut reached = vec![false; parameters.len()];
    let mut cuts: Vec<Cut> = vec![];
    let mut add = |more: &Cuts| {
        for cut in more.iter().flat_map(|c| c.iter()) {
            if !cuts.contains(cut) {
                cuts.push(*cut);
            }
        }
    };
    {
        let key = lock();
        let walk = Walk::new(&key, [&y], Node::is_inner);
        for node in &walk.nodes {
            add(&node.0.cuts);
            for (x, reached) in parameters.iter().zip(&mut reached) {
                *reached |= match (x.cell(), &node.0.link) {
                    (Some(p), Link::Version(q)) => std::ptr::eq(Arc::as_ptr(p), q.as_ptr()),
                    _ => node.0.serial == x.0.serial && node.0.tracks(),
                };
            }
        }
    }
    let lost = parameters.iter().zip(reached).enumerate().filter(|(_, (_, reached))| !reached);
    let lost = lost.map(|(index, (x, _))| {
        let mask = x.cell().map_or(x.0.mask, |p| p.mask);
        let behind = |cut: &&Cut| cut.mask & mask != 0;
        let shown = x.operand("parameter");
        LostGradient { index, cuts: cuts.iter().filter(behind).copied().collect(), shown }
    });
    LostGradients { lost: lost.collect(), of: parameters.len() }
}

impl fmt::Display for LostGradients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.lost.is_empty() {
            return write!(f, "all {} parameters get a gradient", self.of);
        }
        write!(f, "{} of {} parameters get no gradient", self.lost.len(), self.of)?;
        for lost in &self.lost {
            write!(f, "\n  {}   {}   {}", lost.index, lost.shown.fact, lost.shown.what)?;
            if let Some(at) = lost.shown.at {
                write!(f, "   made at {at}")?;
            }
            if lost.cuts.is_empty() {
                write!(f, "\n      not used by the result")?;
            }
            for cut in &lost.cuts {
                write!(f, "\n      cut by {cut}")?;
            }
        }
        Ok(())
    }
}
