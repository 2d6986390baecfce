//! Gradient checking: derivatives from the graph, in both modes, against differences.
//!
//! The function is made a scalar by a fixed random weighting of its results, s₁(x) = Σ w f(x), and
//! for order n by weighting the gradient of order n − 1: sₙ = ⟨wₙ, ∇sₙ₋₁⟩. Each component of ∇sₙ is
//! had three times: by reverse mode all the way, by forward mode all the way, and by differences of
//! sₙ, whose steps are chosen by themselves and whose error is estimated (`differences`). Along one
//! random direction all 2ⁿ mixtures of the modes must agree as well, ⟨w, J v⟩ = ⟨Jᵀ w, v⟩: this
//! identity has no step and sees errors of 10⁻¹².
//!
//! Where the slopes on the two sides differ, or differences do not converge, there is no derivative
//! to be right or wrong: such entries are reported as kinks. If a derivative is wrong, the recorded
//! graph is searched for the operation to blame (`blame`).

mod blame;
mod differences;
mod show;

use chainrule_kernels::random;

pub use blame::Culprit;
use differences::Estimate;

use crate::error::{Error, ErrorKind, Result};
use crate::graph::Tensor;
use crate::op::DType;
use crate::place::Place;
use crate::transform::{Outcome, Tree, gradient, jacfwd, jvp};

/// What a gradient check found: [`gradcheck`]. Its `Display` is a table for terminals.
#[derive(Clone, Debug)]
pub struct Gradcheck {
    /// A row for each derivative: by each element of each input, for each order.
    pub rows: Vec<GradcheckRow>,
    /// For each order, the mixture of modes that differs most from reverse mode.
    pub identities: Vec<Identity>,
    /// The operation whose derivative is wrong, if one is.
    pub culprit: Option<Culprit>,
}

/// One derivative, three times.
#[derive(Clone, Debug)]
pub struct GradcheckRow {
    /// The order of the derivative.
    pub order: usize,
    /// The number of the input by which it is taken.
    pub input: usize,
    /// The element of that input.
    pub index: Vec<usize>,
    /// By reverse mode.
    pub reverse: f64,
    /// By forward mode.
    pub forward: f64,
    /// By differences.
    pub numeric: f64,
    /// By how much the differences may be wrong.
    pub uncertainty: f64,
    /// What follows from these.
    pub verdict: Verdict,
}

/// What is to be thought of a derivative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Both modes and the differences agree.
    Agrees,
    /// One of the modes or both differ from the differences by more than these can be wrong.
    Wrong,
    /// The function has no derivative here that differences could find: its slopes on the two sides
    /// differ, it jumps, or its domain ends.
    Kink,
    /// The function's value here is no finite number.
    Undefined,
}

/// One derivative along a random direction by two mixtures of modes.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The order of the derivative.
    pub order: usize,
    /// The modes, the outermost first: `"forward over reverse"`.
    pub modes: String,
    /// The derivative by these.
    pub value: f64,
    /// By reverse mode all the way.
    pub reverse: f64,
    /// Their distance, in proportion to the terms of the sum.
    pub error: f64,
}

/// Distances below this are agreement: ten times what differences usually leave.
const AGREEMENT: f64 = 1e-7;

impl GradcheckRow {
    /// The larger distance of the two modes from the differences, relative to max(1, |numeric|);
    /// infinite if one of them is NaN.
    pub fn error(&self) -> f64 {
        let gap = |x: f64| {
            let gap = (x - self.numeric).abs() / self.numeric.abs().max(1.0);
            if gap.is_nan() { f64::INFINITY } else { gap }
        };
        gap(self.reverse).max(gap(self.forward))
    }

    fn judged(mut self, middle: f64, estimate: &Estimate) -> GradcheckRow {
        let allowed = 4.0 * self.uncertainty / self.numeric.abs().max(1.0) + AGREEMENT;
        self.verdict = if !middle.is_finite() {
            Verdict::Undefined
        } else if !estimate.exists() {
            Verdict::Kink
        } else if self.error() <= allowed {
            Verdict::Agrees
        } else {
            Verdict::Wrong
        };
        self
    }
}

impl Gradcheck {
    /// The row with the largest error of those that are no kinks.
    pub fn worst(&self) -> Option<&GradcheckRow> {
        self.checked().max_by(|a, b| a.error().total_cmp(&b.error()))
    }

    /// The largest error: [`GradcheckRow::error`] over all rows but kinks, and those of the
    /// identities; infinite if every row is a kink, as nothing was checked then.
    pub fn error(&self) -> f64 {
        if self.checked().next().is_none() && !self.rows.is_empty() {
            return f64::INFINITY;
        }
        let rows = self.checked().map(|row| match row.verdict {
            Verdict::Undefined => f64::INFINITY,
            _ => row.error(),
        });
        rows.chain(self.identities.iter().map(|i| i.error)).fold(0.0, f64::max)
    }

    /// Whether [`error`](Gradcheck::error) is at most `tolerance`. Kinks do not count.
    pub fn passes(&self, tolerance: f64) -> bool {
        self.error() <= tolerance
    }

    /// Whether every derivative that exists agrees with differences to within what these can be
    /// wrong: [`passes`](Gradcheck::passes) without a tolerance.
    pub fn agrees(&self) -> bool {
        let wrong = |row: &GradcheckRow| matches!(row.verdict, Verdict::Wrong | Verdict::Undefined);
        let nothing = self.checked().next().is_none() && !self.rows.is_empty();
        !nothing
            && !self.rows.iter().any(wrong)
            && self.identities.iter().all(|i| i.error <= AGREEMENT)
    }

    /// How many derivatives could not be checked because the function has a kink or an edge there.
    pub fn kinks(&self) -> usize {
        self.rows.len() - self.checked().count()
    }

    fn checked(&self) -> impl Iterator<Item = &GradcheckRow> {
        self.rows.iter().filter(|row| row.verdict != Verdict::Kink)
    }
}

/// Checks the derivatives of `f` at `inputs` (F64) up to order `order`: reverse mode, forward mode
/// and differences against each other. There is no step to be chosen. Of a function with several
/// results, the derivatives are those of a fixed random combination of them.
///
/// ```
/// # use chainrule_core::*;
/// let x = Tensor::from([0.3, 1.2]);
/// let report = gradcheck(|x| x[0].sin() * &x[0], &[x], 2)?;
/// assert!(report.passes(1e-9), "{report}");
/// # Ok::<(), Error>(())
/// ```
///
/// A wrong derivative is named:
///
/// ```
/// # use chainrule_core::*;
/// let square = Function::with_vjp(
///     "square",
///     |x: &[Tensor]| x[0].square(),
///     |x: &[Tensor], _y: &Tensor, gy: &Tensor| &x[0] * gy, // not 2 x
/// );
/// let report = gradcheck(|x| square.call(&[&x[0].exp()]), &[Tensor::from(0.5)], 1)?;
/// assert!(!report.agrees());
/// assert_eq!(report.culprit.unwrap().operation, "square");
/// # Ok::<(), Error>(())
/// ```
///
/// Where a function has no derivative, the row says so, and does not count:
///
/// ```
/// # use chainrule_core::*;
/// let report = gradcheck(|x| x[0].relu(), &[Tensor::from([-1.0, 0.0, 2.0])], 1)?;
/// assert_eq!((report.agrees(), report.kinks()), (true, 1));
/// assert_eq!(report.rows[1].verdict, Verdict::Kink);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// If an input is of floating-point numbers but not F64; those of the function and of its
/// derivatives.
#[track_caller]
pub fn gradcheck<Y: Outcome>(
    f: impl Fn(&[Tensor]) -> Y,
    inputs: &[Tensor],
    order: usize,
) -> Result<Gradcheck> {
    let here = Place::caller();
    run(&|x| Ok(f(x).outcome()?.leaves()), inputs, order, here)
}

/// [`gradcheck`] of a function of a structure; inputs are numbered in the order of its tensors.
///
/// ```
/// # use chainrule_core::*;
/// let pair = (Tensor::from([0.3, 1.2]), Tensor::from(2.0));
/// let report = gradcheck_tree(|(x, a)| (x * a).tanh(), &pair, 2)?;
/// assert!(report.agrees(), "{report}");
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// As [`gradcheck`].
#[track_caller]
pub fn gradcheck_tree<X: Tree, Y: Outcome>(
    f: impl Fn(&X) -> Y,
    x: &X,
    order: usize,
) -> Result<Gradcheck> {
    let here = Place::caller();
    let of = |list: &[Tensor]| -> Result<Vec<Tensor>> {
        let mut list = list.iter();
        let x = x.replace(&mut |leaf| Ok(list.next().unwrap_or(leaf).clone()))?;
        Ok(f(&x).outcome()?.leaves())
    };
    run(&of, &x.leaves(), order, here)
}

/// A function from a list of tensors to another.
type Function<'a> = dyn Fn(&[Tensor]) -> Result<Vec<Tensor>> + 'a;

/// Forward or reverse mode.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    Forward,
    Reverse,
}

use Mode::{Forward, Reverse};

fn run(f: &Function<'_>, inputs: &[Tensor], order: usize, here: Place) -> Result<Gradcheck> {
    let floats = || inputs.iter().filter(|x| x.dtype().is_float());
    if let Some(x) = floats().find(|x| x.dtype() != DType::F64) {
        let what = format!("`gradcheck` needs float64 inputs, got {}", x.dtype());
        return Err(Error::new(ErrorKind::DType, what, here)
            .operand(x.operand("input"))
            .hint("convert with `.to_dtype(DType::F64)`: differences need the digits"));
    }
    let inputs: Vec<Tensor> = inputs.iter().map(Tensor::detach).collect();
    let tower = Tower { f };
    let mut report = Gradcheck { rows: vec![], identities: vec![], culprit: None };
    for order in 1..=order {
        let found = tower.rows(&inputs, order)?;
        let settled = found.iter().all(|r| matches!(r.verdict, Verdict::Agrees | Verdict::Wrong));
        if settled && let Some(identity) = tower.identity(&inputs, order, &found)? {
            report.identities.push(identity);
        }
        let differ =
            report.identities.last().is_some_and(|i| i.order == order && i.error > AGREEMENT);
        let wrong = differ || found.iter().any(|row| row.verdict == Verdict::Wrong);
        report.rows.extend(found);
        if wrong && report.culprit.is_none() {
            report.culprit = blame::culprit(&tower, &inputs, order)?;
        }
    }
    Ok(report)
}

/// Fixed weights in (0.5, 1.5), others for each `stream`.
fn weights(stream: u32, like: &Tensor) -> Result<Tensor> {
    let word = |i: usize| random::word(7, u64::from(stream), i as u64);
    let list: Vec<f64> = (0..like.len()).map(|i| 0.5 + random::uniform(word(i))).collect();
    Tensor::from_vec(list, like.shape())
}

/// Σ `weights` · x over a list of tensors; integers do not count.
fn weighted(list: &[Tensor], stream: usize) -> Result<Tensor> {
    let mut sum = Tensor::from(0.0);
    for (i, y) in list.iter().enumerate().filter(|(_, y)| y.dtype().is_float()) {
        let w = weights((1000 * stream + i + 1) as u32, y)?;
        sum = sum + (y.to_dtype(DType::F64) * w).sum();
    }
    Ok(sum)
}

/// The function and the scalars s₁, s₂, … that are made of it.
struct Tower<'a> {
    f: &'a Function<'a>,
}

impl Tower<'_> {
    /// sₙ at `x` for n − 1 modes, the innermost first: each gradient is weighted in reverse mode,
    /// and in forward mode the tangent along the weights is the same number.
    fn scalar(&self, modes: &[Mode], x: &[Tensor]) -> Result<Tensor> {
        let Some((mode, inner)) = modes.split_last() else {
            let ys = (self.f)(x)?;
            return match &ys[..] {
                [y] if y.len() == 1 && y.dtype().is_float() => Ok(y.to_dtype(DType::F64).sum()),
                _ => weighted(&ys, 1),
            };
        };
        let (x, stream) = (x.to_vec(), modes.len() + 1);
        let below = |x: &Vec<Tensor>| self.scalar(inner, x);
        match mode {
            Reverse => weighted(&gradient(below, &x)?, stream),
            Forward => Ok(jvp(below, &x, &directions(&x, stream)?)?.1),
        }
    }

    /// The derivatives of order `order` by each element.
    fn rows(&self, inputs: &[Tensor], order: usize) -> Result<Vec<GradcheckRow>> {
        let (back, along) = (vec![Reverse; order - 1], vec![Forward; order - 1]);
        let x = inputs.to_vec();
        let reverse = gradient(|x: &Vec<Tensor>| self.scalar(&back, x), &x)?;
        let forward = jacfwd(|x: &Vec<Tensor>| self.scalar(&along, x), &x)?;
        let middle: f64 = self.scalar(&back, inputs)?.item()?;
        let mut rows = vec![];
        for (k, x) in inputs.iter().enumerate().filter(|(_, x)| x.dtype().is_float()) {
            let numbers = x.to_vec::<f64>()?;
            let modes = [reverse[k].to_vec::<f64>()?, forward[k].to_vec::<f64>()?];
            for (i, &v) in numbers.iter().enumerate() {
                let at = |v: f64| -> Result<f64> {
                    let (mut moved, mut inputs) = (numbers.clone(), inputs.to_vec());
                    moved[i] = v;
                    inputs[k] = Tensor::from_vec(moved, x.shape())?;
                    self.scalar(&back, &inputs)?.item()
                };
                let found = differences::slope(&at, v, middle, v.abs().max(0.1))?;
                let row = GradcheckRow {
                    order,
                    input: k,
                    index: index_of(i, x.shape()),
                    reverse: modes[0][i],
                    forward: modes[1][i],
                    numeric: found.value,
                    uncertainty: found.error,
                    verdict: Verdict::Agrees,
                };
                rows.push(row.judged(middle, &found));
            }
        }
        Ok(rows)
    }

    /// The derivative of order `order` along a direction by all mixtures of modes: that which
    /// differs most from reverse mode.
    fn identity(
        &self,
        inputs: &[Tensor],
        order: usize,
        rows: &[GradcheckRow],
    ) -> Result<Option<Identity>> {
        let reverse: f64 = self.scalar(&vec![Reverse; order], inputs)?.item()?;
        // The weights are about 1.
        let scale = rows.iter().map(|row| row.reverse.abs()).sum::<f64>().max(1.0);
        let mut worst: Option<Identity> = None;
        for mixture in 1..1usize << order {
            let mode = |i| if mixture >> i & 1 == 1 { Forward } else { Reverse };
            let modes: Vec<Mode> = (0..order).map(mode).collect();
            let value: f64 = self.scalar(&modes, inputs)?.item()?;
            let error = (value - reverse).abs() / scale;
            let error = if error.is_nan() { f64::INFINITY } else { error };
            if worst.as_ref().is_none_or(|w| error > w.error) {
                let name = |m: &Mode| if *m == Forward { "forward" } else { "reverse" };
                let modes: Vec<&str> = modes.iter().rev().map(name).collect();
                let modes = modes.join(" over ");
                worst = Some(Identity { order, modes, value, reverse, error });
            }
        }
        Ok(worst)
    }
}

/// A direction of the same numbers as the weights of `stream`.
fn directions(x: &[Tensor], stream: usize) -> Result<Vec<Tensor>> {
    let each = x.iter().enumerate();
    each.map(|(i, x)| {
        let float = x.dtype().is_float();
        if float { weights((1000 * stream + i + 1) as u32, x) } else { Ok(x.zeros_like()) }
    })
    .collect()
}

/// The indices of the `i`-th element of a tensor.
fn index_of(mut i: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (place, &n) in index.iter_mut().zip(shape).rev() {
        *place = i % n.max(1);
        i /= n.max(1);
    }
    index
}
