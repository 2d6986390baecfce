//! The graph's own [`Real`]: rules instantiated here record nodes.
//!
//! Constants stay numbers as long as they can, and the neutral elements of addition and
//! multiplication vanish, so that the derivative of `2 x` is the constant 2 and not a graph.

use std::ops::{Add, Div, Mul, Neg, Sub};

use smallvec::smallvec;

use crate::graph::Tensor;
use crate::graph::node::record;
use crate::op::{Binary, Cmp, DType, Op, Real, Scalar, Shape, Unary};

/// A constant, or a tensor.
#[derive(Clone)]
pub(crate) enum Expr {
    Lit(f64),
    Node(Tensor),
}

use Expr::{Lit, Node};

impl Expr {
    pub(crate) fn of(x: &Tensor) -> Expr {
        match x.as_constant() {
            Some(c) if x.0.dtype.is_float() => Lit(c.to_f64()),
            _ => Node(x.clone()),
        }
    }

    /// As a tensor of the shape and type of `like`.
    pub(crate) fn like(self, like: &Tensor) -> Tensor {
        match self {
            Lit(c) => {
                Tensor::constant(Scalar::Float(c), like.0.dtype, Shape::from_slice(&like.0.shape))
            }
            Node(x) => x,
        }
    }

    fn zip2(op: Binary, x: Expr, y: Expr) -> Expr {
        let (x, y) = match (x, y) {
            (Lit(a), Lit(b)) => return Lit(op.f(a, b)),
            (Node(x), y) => (x.clone(), y.like(&x)),
            (x, Node(y)) => (x.like(&y), y),
        };
        let (dtype, shape) = (x.0.dtype, Shape::from_slice(&x.0.shape));
        Node(record(Op::Zip(op), dtype, shape, smallvec![x, y]))
    }
}

impl Add for Expr {
    type Output = Expr;
    fn add(self, other: Expr) -> Expr {
        match (self, other) {
            (Lit(0.0), x) | (x, Lit(0.0)) => x,
            (x, y) => Expr::zip2(Binary::Add, x, y),
        }
    }
}

impl Sub for Expr {
    type Output = Expr;
    fn sub(self, other: Expr) -> Expr {
        match (self, other) {
            (x, Lit(0.0)) => x,
            (Lit(0.0), x) => -x,
            (x, y) => Expr::zip2(Binary::Sub, x, y),
        }
    }
}

impl Mul for Expr {
    type Output = Expr;
    fn mul(self, other: Expr) -> Expr {
        match (self, other) {
            (Lit(1.0), x) | (x, Lit(1.0)) => x,
            (Lit(-1.0), x) | (x, Lit(-1.0)) => -x,
            (Lit(0.0), _) | (_, Lit(0.0)) => Lit(0.0),
            (x, y) => Expr::zip2(Binary::Mul, x, y),
        }
    }
}

impl Div for Expr {
    type Output = Expr;
    fn div(self, other: Expr) -> Expr {
        match (self, other) {
            (x, Lit(1.0)) => x,
            (Lit(1.0), Node(x)) => Node(x).map(Unary::recip),
            (x, y) => Expr::zip2(Binary::Div, x, y),
        }
    }
}

impl Neg for Expr {
    type Output = Expr;
    fn neg(self) -> Expr {
        self.map(Unary::neg)
    }
}

/// A number on the right is a constant.
macro_rules! with_number {
    ($($Op:ident $op:ident)*) => { $(
        impl $Op<f64> for Expr {
            type Output = Expr;
            fn $op(self, c: f64) -> Expr { self.$op(Lit(c)) }
        }
    )* };
}

with_number! { Add add Sub sub Mul mul Div div }

impl Real for Expr {
    fn lit(&self, c: f64) -> Expr {
        Lit(c)
    }

    fn map(&self, op: Unary) -> Expr {
        match self {
            Lit(c) => Lit(op.f(*c)),
            Node(x) => {
                let (dtype, shape) = (x.0.dtype, Shape::from_slice(&x.0.shape));
                Node(record(Op::Map(op), dtype, shape, smallvec![x.clone()]))
            }
        }
    }

    fn zip(&self, op: Binary, other: &Expr) -> Expr {
        Expr::zip2(op, self.clone(), other.clone())
    }

    fn pick(&self, cmp: Cmp, other: &Expr, then: &Expr, otherwise: &Expr) -> Expr {
        let (x, y) = match (self, other) {
            (Lit(a), Lit(b)) => return if cmp.holds(a, b) { then } else { otherwise }.clone(),
            (Node(x), y) => (x.clone(), y.clone().like(x)),
            (x, Node(y)) => (x.clone().like(y), y.clone()),
        };
        let (then, otherwise) = (then.clone().like(&x), otherwise.clone().like(&x));
        let shape = &Shape::from_slice(&x.0.shape);
        let dtype = then.0.dtype;
        let test = record(Op::Compare(cmp), DType::Bool, shape.clone(), smallvec![x, y]);
        Node(record(Op::Where, dtype, shape.clone(), smallvec![test, then, otherwise]))
    }
}
