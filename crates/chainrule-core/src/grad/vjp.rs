//! How each operation pulls a cotangent back to its sources.
//!
//! For y = f(x), the cotangent gx of x is Jᵀ gy, J being the Jacobian of f. Scalar functions have
//! a diagonal J, their derivative; linear operations are their own J; a product of matrices is
//! linear in each factor. The rules for the rest are derived where they stand.

use chainrule_kernels::shared::Shared;
use smallvec::smallvec;

use super::real::Expr;
use crate::graph::Tensor;
use crate::graph::node::record;
use crate::op::{Axes, Binary, Cmp, DType, Linear, Op, Order, Real, Shape, Window};

/// A cotangent on its way back.
#[derive(Clone)]
pub(super) struct Cotangent {
    pub(super) value: Expr,
    /// Whether it came through a `where` or an extremum: a zero may then stand for a branch that
    /// was not taken, and times ∞ or NaN it stays 0, so that nothing leaks from there.
    pub(super) masked: bool,
}

impl Cotangent {
    /// Times a derivative.
    fn times(self, partial: Expr) -> Expr {
        match (self.masked, &partial) {
            (false, _) | (_, Expr::Lit(_)) => self.value * partial,
            (true, _) => {
                let zero = Expr::Lit(0.0);
                let product = self.value.clone() * partial;
                // Only 0 · ∞ and 0 · NaN are replaced: elsewhere a zero is a number like others, on
                // whose derivative the second derivative depends.
                let finite = self.value.pick(Cmp::Eq, &zero, &zero, &product);
                product.pick(Cmp::Eq, &product, &product, &finite)
            }
        }
    }
}

/// Calls `give(i, cotangent)` for those sources that `wants(i)`.
pub(super) fn vjp(
    y: &Tensor,
    src: &[Tensor],
    gy: Cotangent,
    wants: impl Fn(usize) -> bool,
    mut give: impl FnMut(usize, Expr),
) {
    match &y.0.op {
        Op::Map(op) => {
            let partial = op.d(Expr::of(&src[0]), Expr::Node(y.clone()));
            give(0, gy.times(partial));
        }
        // x · x is one source twice: the cotangent meets 2x.
        Op::Zip(Binary::Mul) if Shared::same(&src[0].0, &src[1].0) => {
            let twice = Cotangent { value: gy.value * 2.0, masked: gy.masked };
            give(0, twice.times(Expr::of(&src[0])));
        }
        Op::Zip(op) => {
            let at = || (Expr::of(&src[0]), Expr::of(&src[1]), Expr::Node(y.clone()));
            if wants(0) {
                let (a, b, c) = at();
                give(0, gy.clone().times(op.dx(a, b, c)));
            }
            if wants(1) {
                let (a, b, c) = at();
                give(1, gy.times(op.dy(a, b, c)));
            }
        }
        // The branch that was not taken gets an exact 0, whatever its own derivative would be.
        Op::Where => {
            let gy = gy.value.like(y);
            let zero = || Expr::Lit(0.0).like(y);
            let select = |then, otherwise| {
                let (dtype, shape) = (y.0.dtype, Shape::from_slice(&y.0.shape));
                let sources = smallvec![src[0].clone(), then, otherwise];
                Expr::Node(record(Op::Where, dtype, shape, sources))
            };
            if wants(1) {
                give(1, select(gy.clone(), zero()));
            }
            if wants(2) {
                give(2, select(zero(), gy));
            }
        }
        Op::Linear(linear) => give(0, adjoint(linear, y, src, gy.value)),
        Op::Dot => {
            let gy = gy.value.like(y);
            if wants(0) {
                give(0, Expr::Node(dot(&gy, &transpose(&src[1]))));
            }
            if wants(1) {
                give(1, Expr::Node(dot(&transpose(&src[0]), &gy)));
            }
        }
        Op::Reduce(_, axes) => give(0, extremum(y, &src[0], *axes, gy.value)),
        Op::Cat(axis) => {
            let gy = gy.value.like(y);
            let mut start = 0;
            for (i, x) in src.iter().enumerate() {
                if wants(i) {
                    let mut windows = vec![Window { start: 0, step: 1 }; x.0.shape.len()];
                    windows[usize::from(*axis)].start = start;
                    let slice = Op::Linear(Linear::Slice(windows.into()));
                    let shape = Shape::from_slice(&x.0.shape);
                    give(i, Expr::Node(record(slice, x.0.dtype, shape, smallvec![gy.clone()])));
                }
                start += x.0.shape[usize::from(*axis)];
            }
        }
        Op::Variable | Op::After => give(0, gy.value),
        Op::Leaf
        | Op::Parameter
        | Op::Version
        | Op::Detach
        | Op::Custom(_)
        | Op::Call(_)
        | Op::Part(..)
        | Op::Const(_)
        | Op::Iota(_)
        | Op::Compare(_)
        | Op::Logic(_)
        | Op::ArgReduce(..)
        | Op::ArgSort(..) => unreachable!("`{}` has no rule of this form", y.0.op.name()),
    }
}

/// Lᵀ gy for y = L x.
fn adjoint(linear: &Linear, y: &Tensor, src: &[Tensor], gy: Expr) -> Expr {
    let x = &src[0];
    let (dtype, shape) = (x.0.dtype, Shape::from_slice(&x.0.shape));
    let transposed = linear.adjoint(shape.len());
    if let Expr::Lit(c) = gy {
        match &transposed {
            l if l.is_view() => return Expr::Lit(c),
            Linear::Cast | Linear::Gather(_) => return Expr::Lit(c),
            Linear::Sum(axes) => return Expr::Lit(c * axes.product(&y.0.shape) as f64),
            _ => {}
        }
    }
    let mut sources = smallvec![gy.like(y)];
    sources.extend(src.get(1).cloned());
    Expr::Node(record(Op::Linear(transposed), dtype, shape, sources))
}

/// The last two axes exchanged.
pub(super) fn transpose(x: &Tensor) -> Tensor {
    let rank = x.0.shape.len();
    let mut shape = Shape::from_slice(&x.0.shape);
    shape.swap(rank - 1, rank - 2);
    let order = Order::new((0..rank - 2).chain([rank - 1, rank - 2]));
    record(Op::Linear(Linear::Permute(order)), x.0.dtype, shape, smallvec![x.clone()])
}

pub(super) fn dot(a: &Tensor, b: &Tensor) -> Tensor {
    let mut shape = Shape::from_slice(&a.0.shape);
    let rank = shape.len();
    shape[rank - 1] = b.0.shape[rank - 1];
    record(Op::Dot, a.0.dtype, shape, smallvec![a.clone(), b.clone()])
}

/// Which x equal the extremum y over `axes`, and (in y's shape) how many.
pub(super) fn share(y: &Tensor, x: &Tensor, axes: Axes) -> (Tensor, Tensor) {
    let (dtype, shape) = (x.0.dtype, Shape::from_slice(&x.0.shape));
    let sources = smallvec![x.clone(), expand(y.clone(), axes, &shape)];
    let mask = record(Op::Compare(Cmp::Eq), DType::Bool, shape.clone(), sources);
    let ones = record(Op::Linear(Linear::Cast), dtype, shape, smallvec![mask.clone()]);
    let ties = record(
        Op::Linear(Linear::Sum(axes)),
        dtype,
        Shape::from_slice(&y.0.shape),
        smallvec![ones],
    );
    (mask, ties)
}

fn expand(t: Tensor, axes: Axes, shape: &Shape) -> Tensor {
    let dtype = t.0.dtype;
    record(Op::Linear(Linear::Expand(axes)), dtype, shape.clone(), smallvec![t])
}

/// y is the value of those x that equal it; they share the cotangent equally.
fn extremum(y: &Tensor, x: &Tensor, axes: Axes, gy: Expr) -> Expr {
    let (dtype, shape) = (x.0.dtype, Shape::from_slice(&x.0.shape));
    let (mask, ties) = share(y, x, axes);
    let each = expand((gy / Expr::Node(ties)).like(y), axes, &shape);
    let zero = Expr::Lit(0.0).like(x);
    Expr::Node(record(Op::Where, dtype, shape, smallvec![mask, each, zero]))
}
