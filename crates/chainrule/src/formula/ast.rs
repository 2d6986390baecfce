//! The tree of a formula: [`Node`]s, each an [`Expr`] with the place it was read from.
//!
//! Sums and products hold all their terms side by side, as they are written, so that a tree is as
//! high as its brackets are deep and not as its text is long. Two trees are equal if they say the
//! same; where they stood in a text does not matter.

use std::f64::consts;
use std::fmt;

use chainrule_core::op::{Binary, Cmp, Unary};

/// A part of a text: from character `start` up to, not including, character `end`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Span {
    /// The number of the first character.
    pub start: usize,
    /// The number of the character after the last.
    pub end: usize,
}

impl Span {
    /// The part of the text from the start of this one to the end of the other.
    #[must_use]
    pub fn to(self, other: Span) -> Span {
        Span { start: self.start, end: other.end }
    }
}

/// An expression, and where it stands in the text.
#[derive(Clone)]
pub struct Node {
    expr: Expr,
    span: Span,
    height: usize,
}

/// An expression.
#[derive(Clone, PartialEq, Debug)]
pub enum Expr {
    /// A number as written: finite, and not negative.
    Number(f64),
    /// A number with a name.
    Constant(Constant),
    /// A variable.
    Variable(String),
    /// −a.
    Negate(Box<Node>),
    /// a + b − c + …: the first term, then the others, each with its sign.
    Sum(Box<Node>, Vec<(Sign, Node)>),
    /// a · b / c …: the first factor, then the others, each with how it is applied.
    Product(Box<Node>, Vec<(By, Node)>),
    /// The base to the power of the exponent.
    Power(Box<Node>, Box<Node>),
    /// The transpose.
    Transpose(Box<Node>),
    /// A function of arguments.
    Call(Function, Vec<Node>),
    /// a < b ≤ c …, true where all neighbours compare so.
    Compare(Box<Node>, Vec<(Cmp, Node)>),
    /// True where all are.
    And(Vec<Node>),
    /// True where at least one is.
    Or(Vec<Node>),
    /// True where the operand is not.
    Not(Box<Node>),
    /// The value of the first case whose condition is true.
    Piecewise(Vec<Case>, Option<Box<Node>>),
    /// The elements of a vector, or the rows of a matrix.
    Vector(Vec<Node>),
}

/// A value, and the condition under which it is taken.
#[derive(Clone, PartialEq, Debug)]
pub struct Case {
    /// The value.
    pub value: Node,
    /// The condition.
    pub condition: Node,
}

/// How a term is added.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sign {
    /// It is added.
    Plus,
    /// It is subtracted.
    Minus,
}

/// How a factor is applied to what stands before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// `*` or nothing: the product; of vectors and matrices, the matrix product.
    Times,
    /// `.*`: the product of matching elements.
    Elementwise,
    /// `/`: the quotient of matching elements.
    Over,
}

/// The numbers with names.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Constant {
    /// π.
    Pi,
    /// τ = 2π.
    Tau,
    /// The base of the natural logarithm.
    E,
    /// ∞.
    Infinity,
}

impl Constant {
    /// Every constant.
    pub const ALL: &'static [Constant] =
        &[Constant::Pi, Constant::Tau, Constant::E, Constant::Infinity];

    /// The number.
    pub fn value(self) -> f64 {
        match self {
            Constant::Pi => consts::PI,
            Constant::Tau => consts::TAU,
            Constant::E => consts::E,
            Constant::Infinity => f64::INFINITY,
        }
    }

    /// The name that formulas are printed with.
    pub fn name(self) -> &'static str {
        match self {
            Constant::Pi => "pi",
            Constant::Tau => "tau",
            Constant::E => "e",
            Constant::Infinity => "inf",
        }
    }
}

/// The functions that formulas know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Function {
    /// A scalar function of one argument.
    Map(Unary),
    /// A scalar function of two arguments.
    Zip(Binary),
    /// The largest argument, or the largest element of the only one.
    Max,
    /// The smallest argument, or the smallest element of the only one.
    Min,
    /// 1/cos x.
    Sec,
    /// 1/sin x.
    Csc,
    /// 1/tan x.
    Cot,
    /// Σx.
    Sum,
    /// Πx.
    Prod,
    /// The arithmetic mean.
    Mean,
    /// The variance Σ(x − mean)²/(n − 1).
    Var,
    /// The square root of the variance.
    Std,
    /// √Σx².
    Norm,
    /// ln Σeˣ.
    Logsumexp,
    /// eˣ/Σeˣ along the last axis.
    Softmax,
    /// The sum of the diagonal of a matrix.
    Trace,
    /// Σxy of two vectors.
    Dot,
}

/// The functions that are not in the lists of scalar operations.
const OTHERS: &[(&str, Function)] = &[
    ("max", Function::Max),
    ("min", Function::Min),
    ("sec", Function::Sec),
    ("csc", Function::Csc),
    ("cot", Function::Cot),
    ("sum", Function::Sum),
    ("prod", Function::Prod),
    ("mean", Function::Mean),
    ("var", Function::Var),
    ("std", Function::Std),
    ("norm", Function::Norm),
    ("logsumexp", Function::Logsumexp),
    ("softmax", Function::Softmax),
    ("trace", Function::Trace),
    ("dot", Function::Dot),
];

/// Other names that people write.
const ALIASES: &[(&str, &str)] = &[
    ("log", "ln"),
    ("log_2", "log2"),
    ("log_10", "log10"),
    ("arcsin", "asin"),
    ("arccos", "acos"),
    ("arctan", "atan"),
    ("arcsinh", "asinh"),
    ("arccosh", "acosh"),
    ("arctanh", "atanh"),
    ("arsinh", "asinh"),
    ("arcosh", "acosh"),
    ("artanh", "atanh"),
    ("arctan2", "atan2"),
    ("sgn", "sign"),
];

impl Function {
    /// The function that `name` means.
    pub fn named(name: &str) -> Option<Function> {
        let name = ALIASES.iter().find(|(other, _)| *other == name).map_or(name, |(_, own)| own);
        Function::all().find(|f| f.name() == name)
    }

    /// Every function.
    pub fn all() -> impl Iterator<Item = Function> {
        let maps = Unary::ALL.iter().map(|&op| Function::Map(op));
        let zips = Binary::ALL.iter().map(|&op| Function::Zip(op));
        maps.chain(zips).chain(OTHERS.iter().map(|other| other.1))
    }

    /// The name that formulas are printed with.
    pub fn name(self) -> &'static str {
        match self {
            Function::Map(op) => op.name(),
            Function::Zip(op) => op.name(),
            other => OTHERS.iter().find(|(_, f)| *f == other).map_or("", |(name, _)| name),
        }
    }

    /// The smallest and the largest number of arguments.
    pub fn arguments(self) -> (usize, usize) {
        match self {
            Function::Zip(_) | Function::Dot => (2, 2),
            Function::Max | Function::Min => (1, usize::MAX),
            _ => (1, 1),
        }
    }

    /// The function that f⁻¹ means, for those of which everybody means the inverse by it.
    pub fn inverse(self) -> Option<Function> {
        let Function::Map(op) = self else { return None };
        Some(Function::Map(match op {
            Unary::sin => Unary::asin,
            Unary::cos => Unary::acos,
            Unary::tan => Unary::atan,
            Unary::sinh => Unary::asinh,
            Unary::cosh => Unary::acosh,
            Unary::tanh => Unary::atanh,
            _ => return None,
        }))
    }
}

impl Node {
    /// An expression that was read from `span`; any span will do for one that was not read.
    pub fn new(expr: Expr, span: Span) -> Node {
        let mut height = 0;
        expr.for_children(&mut |child| height = height.max(child.height));
        Node { expr, span, height: height + 1 }
    }

    /// The expression.
    pub fn expr(&self) -> &Expr {
        &self.expr
    }

    /// Where it stands in the text, with its brackets.
    pub fn span(&self) -> Span {
        self.span
    }

    /// The length of the longest way down the tree; 1 for a number.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The same expression, read from `span`.
    #[must_use]
    pub(super) fn spanning(self, span: Span) -> Node {
        Node { span, ..self }
    }

    /// The same expression with each of its parts made into another.
    #[must_use]
    pub fn mapped(&self, make: &mut impl FnMut(&Node) -> Node) -> Node {
        let one = |x: &Node, make: &mut dyn FnMut(&Node) -> Node| Box::new(make(x));
        let expr = match &self.expr {
            Expr::Number(_) | Expr::Constant(_) | Expr::Variable(_) => self.expr.clone(),
            Expr::Negate(a) => Expr::Negate(one(a, make)),
            Expr::Transpose(a) => Expr::Transpose(one(a, make)),
            Expr::Not(a) => Expr::Not(one(a, make)),
            Expr::Sum(a, rest) => {
                let first = one(a, make);
                Expr::Sum(first, rest.iter().map(|(s, x)| (*s, make(x))).collect())
            }
            Expr::Product(a, rest) => {
                let first = one(a, make);
                Expr::Product(first, rest.iter().map(|(b, x)| (*b, make(x))).collect())
            }
            Expr::Compare(a, rest) => {
                let first = one(a, make);
                Expr::Compare(first, rest.iter().map(|(c, x)| (*c, make(x))).collect())
            }
            Expr::Power(a, b) => Expr::Power(one(a, make), one(b, make)),
            Expr::Call(f, all) => Expr::Call(*f, all.iter().map(make).collect()),
            Expr::And(all) => Expr::And(all.iter().map(make).collect()),
            Expr::Or(all) => Expr::Or(all.iter().map(make).collect()),
            Expr::Vector(all) => Expr::Vector(all.iter().map(make).collect()),
            Expr::Piecewise(cases, otherwise) => {
                let mut case =
                    |c: &Case| Case { value: make(&c.value), condition: make(&c.condition) };
                let cases = cases.iter().map(&mut case).collect();
                Expr::Piecewise(cases, otherwise.as_ref().map(|x| one(x, make)))
            }
        };
        Node::new(expr, self.span)
    }

    /// Whether the value is known without any variable or function: it is written with numbers,
    /// names of numbers and signs only.
    pub(super) fn is_literal(&self) -> bool {
        match &self.expr {
            Expr::Number(_) | Expr::Constant(_) => true,
            Expr::Negate(a) => a.is_literal(),
            Expr::Power(a, b) => a.is_literal() && b.is_literal(),
            Expr::Product(a, rest) => a.is_literal() && rest.iter().all(|(_, b)| b.is_literal()),
            _ => false,
        }
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Node) -> bool {
        self.expr == other.expr
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.expr, f)
    }
}

impl Expr {
    /// Gives the parts to `see`, from left to right.
    pub fn for_children<'a>(&'a self, see: &mut impl FnMut(&'a Node)) {
        match self {
            Expr::Number(_) | Expr::Constant(_) | Expr::Variable(_) => {}
            Expr::Negate(a) | Expr::Transpose(a) | Expr::Not(a) => see(a),
            Expr::Power(a, b) => {
                see(a);
                see(b);
            }
            Expr::Sum(a, rest) => [&**a].into_iter().chain(rest.iter().map(|r| &r.1)).for_each(see),
            Expr::Product(a, rest) => {
                [&**a].into_iter().chain(rest.iter().map(|r| &r.1)).for_each(see);
            }
            Expr::Compare(a, rest) => {
                [&**a].into_iter().chain(rest.iter().map(|r| &r.1)).for_each(see);
            }
            Expr::Call(_, all) | Expr::And(all) | Expr::Or(all) | Expr::Vector(all) => {
                all.iter().for_each(see);
            }
            Expr::Piecewise(cases, otherwise) => {
                for case in cases {
                    see(&case.value);
                    see(&case.condition);
                }
                otherwise.iter().for_each(|x| see(x));
            }
        }
    }
}
