//! Which operation is to blame for a wrong derivative.
//!
//! A derivative is a product of the derivatives of the operations on the way. Each of these can be
//! checked by itself: the operation recorded again on sources of its own is a function, whose
//! products with the Jacobian from both sides are compared with differences. The first operation,
//! sources before results, that fails is named.
//!
//! What cuts the graph (`detach`, `no_grad`) fails such a check as well, but may be meant: a
//! maximum subtracted for the sake of overflow needs no derivative. A cut is named only if nothing
//! else is wrong and the derivative of the whole changes without it.

use super::differences::{self, Estimate};
use super::{Forward, Mode, Reverse, Tower, directions};
use crate::error::Result;
use crate::grad::{Between, Expr, between, pull_back, replay, uncut};
use crate::graph::{Tensor, mode};
use crate::op::{DType, Op};
use crate::place::Place;
use crate::transform::{gradient, jvp};

/// The operation whose derivative is wrong: its slope by itself along a random direction.
#[derive(Clone, Debug, PartialEq)]
pub struct Culprit {
    /// The name of the operation.
    pub operation: String,
    /// The line that recorded it.
    pub at: Place,
    /// The shape of its result.
    pub shape: Vec<usize>,
    /// Its slope by reverse mode.
    pub reverse: f64,
    /// By forward mode.
    pub forward: f64,
    /// By differences.
    pub numeric: f64,
    /// What else is to be said.
    pub note: &'static str,
}

const RULE: &str = "its derivative is not that of its value";
const CUT: &str = "no derivative flows through it";
const HIDDEN: &str = "all others are right; its value cannot be recorded again by itself";

/// An operation as a function of its own.
struct Local {
    step: Between,
    /// Variables without values, and the result in terms of them.
    variables: Vec<Tensor>,
    result: Tensor,
}

impl Local {
    fn of(step: Between) -> Result<Local> {
        let variables: Vec<Tensor> = step.sources.iter().map(Tensor::unknown).collect();
        let one = std::slice::from_ref(&step.node);
        let result = replay(one, &step.sources, &variables)?.remove(0);
        Ok(Local { step, variables, result })
    }

    /// Whether derivatives end here, or ended before.
    fn is_cut(&self) -> bool {
        !self.step.node.0.tracks()
    }

    fn is_behind_cut(&self) -> bool {
        self.is_cut() && !self.step.sources.iter().any(|x| x.0.tracks())
    }

    /// The slopes by both modes and by differences along a random direction.
    fn slopes(&self) -> Result<Option<(f64, f64, Estimate)>> {
        let double = |x: &Tensor| x.dtype() == DType::F64;
        if !self.step.sources.iter().all(double) || !double(&self.step.node) {
            return Ok(None);
        }
        let here =
            self.step.sources.iter().map(|x| Tensor::from_vec(x.to_vec::<f64>()?, x.shape()));
        let here: Vec<Tensor> = here.collect::<Result<_>>()?;
        let one = std::slice::from_ref(&self.result);
        let f = |xs: &[Tensor]| replay(one, &self.variables, xs);
        let tower = Tower { f: &f };
        let scalar = |x: &Vec<Tensor>| tower.scalar(&[], x);
        // In proportion to the elements, some forwards and some backwards.
        let along = directions(&here, 900)?.into_iter().zip(&here);
        let along: Vec<Tensor> = along.map(|(d, x)| (d - 1.0) * x.abs().maximum(0.1)).collect();
        let slope = gradient(scalar, &here)?;
        let each = slope.iter().zip(&along).map(|(g, d)| (g * d).sum().item::<f64>());
        let reverse = each.sum::<Result<f64>>()?;
        let forward = jvp(scalar, &here, &along)?.1.item()?;
        let at = |t: f64| -> Result<f64> {
            let t = Tensor::from(t);
            let moved: Vec<Tensor> = here.iter().zip(&along).map(|(x, d)| x + d * &t).collect();
            tower.scalar(&[], &moved)?.item()
        };
        let numeric = differences::slope(&at, 0.0, at(0.0)?, 1.0)?;
        Ok(Some((reverse, forward, numeric)))
    }

    /// The accusation, if the slopes differ.
    fn judge(&self) -> Result<Option<Culprit>> {
        let Some((reverse, forward, numeric)) = self.slopes()? else { return Ok(None) };
        let differs = |slope: f64| {
            let scale = slope.abs() + numeric.value.abs();
            let right = (slope - numeric.value).abs() <= 4.0 * numeric.error + 1e-7 * scale;
            numeric.exists() && !right
        };
        let wrong = differs(reverse) || differs(forward);
        Ok(wrong.then(|| self.accuse(reverse, forward, numeric.value, RULE)))
    }

    fn accuse(&self, reverse: f64, forward: f64, numeric: f64, note: &'static str) -> Culprit {
        let node = &self.step.node;
        let operation = match &node.0.op {
            Op::Part(..) => self.step.call.as_ref().map_or("part", |c| c.0.op.name()),
            op => op.name(),
        };
        let shape = node.shape().to_vec();
        Culprit {
            operation: operation.into(),
            at: node.0.place(),
            shape,
            reverse,
            forward,
            numeric,
            note,
        }
    }
}

/// The operation to blame for wrong derivatives of order `order`.
pub(super) fn culprit(
    tower: &Tower<'_>,
    inputs: &[Tensor],
    order: usize,
) -> Result<Option<Culprit>> {
    for mode in [Reverse, Forward] {
        let found = search(tower, inputs, &vec![mode; order - 1])?;
        if found.is_some() || order == 1 {
            return Ok(found);
        }
    }
    Ok(None)
}

fn search(tower: &Tower<'_>, inputs: &[Tensor], modes: &[Mode]) -> Result<Option<Culprit>> {
    let _recording = mode::set_no_grad(None);
    // Without values yet, so that what is recorded on them stays connected.
    let token = Tensor::from(0.0);
    let vars: Vec<Tensor> = inputs
        .iter()
        .map(|x| if x.dtype().is_float() { x.after(&token).variable() } else { x.clone() })
        .collect();
    let root = tower.scalar(modes, &vars)?.source();
    // All before the first evaluation, which lets edges go.
    let steps = between(&root, &vars);
    let whole: Vec<Between> = steps.iter().filter(|s| !s.cut()).cloned().collect();
    let cuts: Vec<Between> = steps.into_iter().filter(Between::cut).collect();
    let locals: Vec<Local> = whole.into_iter().map(Local::of).collect::<Result<_>>()?;
    let without = cuts.iter().map(|cut| uncut(&root, &cut.node, &cut.sources[0]));
    let without: Vec<Tensor> = without.collect::<Result<_>>()?;
    let (visible, hidden): (Vec<Local>, Vec<Local>) =
        locals.into_iter().partition(|l| l.step.visible);
    let mut blocked = None;
    for local in visible.iter().filter(|l| !l.is_behind_cut()) {
        match local.judge() {
            Ok(Some(found)) if !local.is_cut() => return Ok(Some(found)),
            Ok(Some(found)) => blocked = blocked.or(Some(Culprit { note: CUT, ..found })),
            // Outside its domain, or what else; others may tell more.
            Ok(None) | Err(_) => {}
        }
    }
    if blocked.is_some() {
        return Ok(blocked);
    }
    let slope = along(&root, &vars)?;
    for (cut, without) in cuts.iter().zip(&without) {
        let other = along(without, &vars)?;
        if (other - slope).abs() > 1e-9 * slope.abs().max(1.0) {
            return Ok(Some(Culprit {
                operation: cut.node.0.op.name().into(),
                at: cut.node.0.place(),
                shape: cut.node.shape().to_vec(),
                reverse: slope,
                forward: slope,
                numeric: other,
                note: CUT,
            }));
        }
    }
    let unknown = f64::NAN;
    Ok(hidden.first().map(|local| local.accuse(unknown, unknown, unknown, HIDDEN)))
}

/// The derivative of a recorded number along the weights.
fn along(root: &Tensor, vars: &[Tensor]) -> Result<f64> {
    let slopes = pull_back(std::slice::from_ref(root), vec![Expr::Lit(1.0)], vars, root.0.place())?;
    let each = slopes.into_iter().zip(vars).zip(directions(vars, 901)?);
    let sum = each.filter_map(|((g, x), d)| Some((g?.like(x) * d).sum().item::<f64>()));
    sum.sum()
}
