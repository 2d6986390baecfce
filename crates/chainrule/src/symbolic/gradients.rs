//! Gradients of formulas with vectors and matrices by the rules of the book, step after step.
//!
//! | rule | |
//! |---|---|
//! | the lecture's table | ∇ Ax = Aᵀ, ∇ xᵀA = A, ∇ xᵀAx = (A + Aᵀ)x, ∇ ‖x‖² = 2x |
//! | beside it | ∇ x = I, ∇ ‖x‖ = x/‖x‖, ∇ sum(x) = ones |
//! | chain | ∇[f(u)] = f′(u) ∇[u], ∇[A u] = ∇[u] Aᵀ, ∇ ‖u‖² = 2 ∇[u] u |
//! | product | ∇[f g] = g ∇[f] + f ∇[g], ∇[uᵀv] = ∇[u] v + ∇[v] u, ∇[f y] = ∇[f] yᵀ + f ∇[y] |
//! | by a matrix | ∇ uᵀXv = u vᵀ, ∇ tr(A X B) = Aᵀ Bᵀ, and what follows from them |
//!
//! Constants, constant multiples, sums and quotients are as for numbers. A gradient has a row for
//! each element of the variable, and of a vector a column for each of its elements: it is the
//! transpose of the Jacobian.

use std::collections::HashMap;

use chainrule_core::op::Unary;

use super::kinds::Kind;
use super::matrix::{MatrixFormula, Shape};
use super::steps::{Draft, Operator, Rule, Step, call, depends, hole, number, over, raise};
use super::steps::{new, outer_slope, times};
use super::term::Term;
use crate::formula::{By, Expr, Formula, Function, Node, Sign};

/// A rule for vectors and matrices.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Known {
    /// ∇ x = I.
    Variable,
    /// ∇ Ax = Aᵀ.
    Linear,
    /// ∇ xᵀA = A.
    Row,
    /// ∇ xᵀAx = (A + Aᵀ)x.
    Quadratic,
    /// ∇ ‖x‖² = 2x.
    SquaredNorm,
    /// ∇ ‖x‖ = x/‖x‖.
    Norm,
    /// ∇ sum(x) = ones.
    Sum,
    /// `∇[uᵀ] = ∇[u]`.
    Transpose,
    /// `∇[A u] = ∇[u] Aᵀ`.
    LinearOf,
    /// `∇ ‖u‖² = 2 ∇[u] u`.
    SquaredNormOf,
    /// `∇ ‖u‖ = ∇[u] u/‖u‖`.
    NormOf,
    /// `∇ sum(u) = ∇[u] ones`.
    SumOf,
    /// `∇[uᵀ v] = ∇[u] v + ∇[v] u`.
    ScalarProduct,
    /// `∇[f y] = ∇[f] yᵀ + f ∇[y]`.
    Scaled,
    /// ∇ uᵀXv = u vᵀ, by a matrix, and other products.
    Matrix,
    /// ∇ tr(A X B) = Aᵀ Bᵀ.
    Trace,
    /// By a number: vectors and matrices are constants.
    Number,
}

impl Known {
    /// The rule.
    pub fn name(self) -> &'static str {
        match self {
            Known::Variable => "∇ x = I",
            Known::Linear => "∇ A x = A'",
            Known::Row => "∇ x' A = A",
            Known::Quadratic => "∇ x' A x = (A + A')x",
            Known::SquaredNorm => "∇ ‖x‖² = 2x",
            Known::Norm => "∇ ‖x‖ = x/‖x‖",
            Known::Sum => "∇ sum(x) = ones",
            Known::Transpose => "∇[u'] = ∇[u]",
            Known::LinearOf => "chain rule, ∇[A u] = ∇[u] A'",
            Known::SquaredNormOf => "chain rule, ∇ ‖u‖² = 2 ∇[u] u",
            Known::NormOf => "chain rule, ∇ ‖u‖ = ∇[u] u/‖u‖",
            Known::SumOf => "chain rule, ∇ sum(u) = ∇[u] ones",
            Known::ScalarProduct => "product rule, ∇[u' v] = ∇[u] v + ∇[v] u",
            Known::Scaled => "product rule, ∇[f y] = ∇[f] y' + f ∇[y]",
            Known::Matrix => "∇ u' X v = u v'",
            Known::Trace => "∇ trace(A X B) = A' B'",
            Known::Number => "vectors and matrices are constants",
        }
    }
}

/// The gradient of a formula by the variable `by`, step by step; the names stand for `kinds`.
///
/// ```
/// use chainrule::formula::Formula;
/// use chainrule::symbolic::{gradient_steps, guessed_kinds};
/// let formula = Formula::parse("norm(A x - b)^2")?;
/// let steps = gradient_steps(&formula, &guessed_kinds(&formula), "x")?;
/// let first = steps.to_string().lines().next().map(String::from).unwrap_or_default();
/// assert!(first.starts_with("∇_x[‖A x − b‖²] = 2 ∇_x[A x − b] (A x − b)   chain"), "{first}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If there is no formula of the gradient; the sentence says of what.
pub fn gradient_steps(
    formula: &Formula,
    kinds: &HashMap<String, Kind>,
    by: &str,
) -> Result<Step, String> {
    let kind = kinds.get(by).copied().unwrap_or(Kind::Scalar);
    Gradients { kinds, by, kind }.step(formula.root())
}

struct Gradients<'a> {
    kinds: &'a HashMap<String, Kind>,
    by: &'a str,
    kind: Kind,
}

type Found<T> = Result<T, String>;

fn d(i: usize) -> Node {
    new(Expr::Variable(hole(i)))
}

fn plus(a: Node, b: Node) -> Node {
    new(Expr::Sum(Box::new(a), vec![(Sign::Plus, b)]))
}

/// The transpose, of products and sums taken apart.
fn transposed(node: &Node) -> Node {
    match node.expr() {
        Expr::Transpose(a) => (**a).clone(),
        Expr::Product(first, rest) if rest.iter().all(|(by, _)| *by == By::Times) => {
            let all = rest.iter().rev().map(|(_, x)| transposed(x));
            times(all.chain([transposed(first)]).collect())
        }
        Expr::Number(_) | Expr::Constant(_) => node.clone(),
        _ => new(Expr::Transpose(Box::new(node.clone()))),
    }
}

impl Gradients<'_> {
    fn read(&self, node: &Node) -> Found<MatrixFormula> {
        MatrixFormula::new(&Formula::from_node(node.clone()), self.kinds.clone())
    }

    fn shape(&self, node: &Node) -> Found<Shape> {
        self.read(node).map(|f| f.shape())
    }

    fn depends(&self, node: &Node) -> bool {
        depends(node, self.by)
    }

    fn is_variable(&self, node: &Node) -> bool {
        matches!(node.expr(), Expr::Variable(name) if name == self.by)
    }

    fn is_row_variable(&self, node: &Node) -> bool {
        matches!(node.expr(), Expr::Transpose(a) if self.is_variable(a))
    }

    fn step(&self, node: &Node) -> Found<Step> {
        let value = match self.depends(node) {
            true => self.read(node)?.gradient(self.by)?.to_node(),
            false => number(0.0),
        };
        let Draft { rule, made, inner } = self.draft(node, &value)?;
        let parts = inner.iter().map(|part| self.step(part)).collect::<Found<Vec<Step>>>()?;
        let operator = Operator::Gradient;
        Ok(Step { rule, of: node.clone(), by: self.by.into(), operator, made, value, parts })
    }

    fn draft(&self, node: &Node, value: &Node) -> Found<Draft> {
        let draft = |rule, made, inner| Ok(Draft { rule, made, inner });
        let known = |known, made, inner| draft(Rule::Known(known), made, inner);
        let last = |rule| known(rule, value.clone(), vec![]);
        if !self.depends(node) {
            return draft(Rule::Constant, number(0.0), vec![]);
        }
        match node.expr() {
            _ if self.kind == Kind::Scalar => last(Known::Number),
            Expr::Variable(_) => last(Known::Variable),
            Expr::Transpose(a) => known(Known::Transpose, d(0), vec![(**a).clone()]),
            Expr::Negate(a) => {
                let made = new(Expr::Negate(Box::new(d(0))));
                draft(Rule::ConstantMultiple, made, vec![(**a).clone()])
            }
            Expr::Sum(first, rest) => {
                let terms = rest.iter().enumerate().map(|(i, (sign, _))| (*sign, d(i + 1)));
                let made = new(Expr::Sum(Box::new(d(0)), terms.collect()));
                let inner =
                    std::iter::once((**first).clone()).chain(rest.iter().map(|r| r.1.clone()));
                draft(Rule::Sum, made, inner.collect())
            }
            Expr::Product(first, rest) => self.product(first, rest, value),
            Expr::Power(base, exponent) => self.power(node, base, exponent, value),
            Expr::Call(function, arguments) => self.call(*function, arguments, value),
            _ => last(Known::Matrix),
        }
    }

    fn call(&self, function: Function, arguments: &[Node], value: &Node) -> Found<Draft> {
        let known = |rule, made, inner| Ok(Draft { rule: Rule::Known(rule), made, inner });
        let [u] = arguments else {
            if let (Function::Dot, [a, b]) = (function, arguments) {
                return Ok(Self::scalar_product(&transposed(a), b));
            }
            return known(Known::Matrix, value.clone(), vec![]);
        };
        let (plain, inner) = (self.is_variable(u), vec![u.clone()]);
        match function {
            Function::Norm if plain => known(Known::Norm, value.clone(), vec![]),
            Function::Norm => {
                let norm = new(Expr::Call(Function::Norm, inner.clone()));
                known(Known::NormOf, over(times(vec![d(0), u.clone()]), norm), inner)
            }
            Function::Sum if plain => known(Known::Sum, value.clone(), vec![]),
            Function::Sum => {
                let ones = new(Expr::Variable("ones".into()));
                known(Known::SumOf, times(vec![d(0), ones]), inner)
            }
            Function::Trace => known(Known::Trace, value.clone(), vec![]),
            Function::Map(_) => {
                let made = times(vec![outer_slope(function, u), d(0)]);
                Ok(Draft { rule: Rule::Chain(Some(function)), made, inner })
            }
            _ => known(Known::Matrix, value.clone(), vec![]),
        }
    }

    fn power(&self, node: &Node, base: &Node, exponent: &Node, value: &Node) -> Found<Draft> {
        if let (Expr::Call(Function::Norm, u), Expr::Number(2.0)) = (base.expr(), exponent.expr()) {
            let rule = |rule, made, inner| Ok(Draft { rule: Rule::Known(rule), made, inner });
            return match self.is_variable(&u[0]) {
                true => rule(Known::SquaredNorm, value.clone(), vec![]),
                false => {
                    let made = times(vec![number(2.0), d(0), u[0].clone()]);
                    rule(Known::SquaredNormOf, made, u.clone())
                }
            };
        }
        let chain = |slope: Vec<Node>, inner: &Node| {
            let made = times(slope.into_iter().chain([d(0)]).collect());
            Ok(Draft { rule: Rule::Chain(None), made, inner: vec![inner.clone()] })
        };
        match (self.depends(base), self.depends(exponent)) {
            (true, false) => {
                let term = Term::of(&Formula::from_node(exponent.clone()));
                let lower = term.map_err(|e| e.to_string())?;
                let lower = (&lower + &Term::integer(-1)).to_node();
                let lowered = match lower.expr() {
                    Expr::Number(1.0) => base.clone(),
                    _ => raise(base.clone(), lower),
                };
                chain(vec![exponent.clone(), lowered], base)
            }
            (false, _) => match base.expr() {
                Expr::Constant(crate::formula::Constant::E) => chain(vec![node.clone()], exponent),
                _ => chain(vec![node.clone(), call(Unary::ln, base.clone())], exponent),
            },
            (true, true) => {
                Ok(Draft { rule: Rule::GeneralPower, made: value.clone(), inner: vec![] })
            }
        }
    }

    fn product(&self, first: &Node, rest: &[(By, Node)], value: &Node) -> Found<Draft> {
        let all = || std::iter::once((By::Times, first)).chain(rest.iter().map(|(b, x)| (*b, x)));
        let pick = |over: bool| -> Vec<Node> {
            all().filter(|(by, _)| (*by == By::Over) == over).map(|(_, x)| x.clone()).collect()
        };
        let (above, below) = (pick(false), pick(true));
        let divisor = times(below.clone());
        if self.depends(&divisor) {
            return self.quotient(times(above), divisor, value);
        }
        let (mut fixed, mut moving) = (vec![], vec![]);
        for factor in above {
            match !self.depends(&factor) && self.shape(&factor)? == Shape::Scalar {
                true => fixed.push(factor),
                false => moving.push(factor),
            }
        }
        if fixed.is_empty() && below.is_empty() {
            return self.moving(moving, value);
        }
        let product = times(fixed.into_iter().chain([d(0)]).collect());
        let made = if below.is_empty() { product } else { over(product, divisor) };
        Ok(Draft { rule: Rule::ConstantMultiple, made, inner: vec![times(moving)] })
    }

    fn quotient(&self, f: Node, g: Node, value: &Node) -> Found<Draft> {
        let square = raise(g.clone(), number(2.0));
        let rule = Rule::Quotient;
        if self.shape(&f)? != Shape::Scalar {
            return Ok(Draft { rule, made: value.clone(), inner: vec![] });
        }
        if !self.depends(&f) {
            let made = new(Expr::Negate(Box::new(over(times(vec![f, d(0)]), square))));
            return Ok(Draft { rule, made, inner: vec![g] });
        }
        let right = times(vec![f.clone(), d(1)]);
        let left = times(vec![g.clone(), d(0)]);
        let difference = new(Expr::Sum(Box::new(left), vec![(Sign::Minus, right)]));
        Ok(Draft { rule, made: over(difference, square), inner: vec![f, g] })
    }

    /// A product without constant numbers in it.
    fn moving(&self, factors: Vec<Node>, value: &Node) -> Found<Draft> {
        let (mut scalars, mut rest) = (vec![], vec![]);
        for factor in factors {
            match self.shape(&factor)? {
                Shape::Scalar => scalars.push(factor),
                _ => rest.push(factor),
            }
        }
        if scalars.is_empty() {
            return self.word(&rest, value);
        }
        let (f, g) = match rest.is_empty() {
            true => (scalars.remove(0), times(scalars)),
            false => (times(scalars), times(rest)),
        };
        let (made, rule) = match self.shape(&g)? {
            Shape::Scalar => {
                let made = plus(times(vec![g.clone(), d(0)]), times(vec![f.clone(), d(1)]));
                (made, Rule::Product)
            }
            shape => {
                let row = if shape == Shape::Row { g.clone() } else { transposed(&g) };
                let made = plus(times(vec![d(0), row]), times(vec![f.clone(), d(1)]));
                (made, Rule::Known(Known::Scaled))
            }
        };
        Ok(Draft { rule, made, inner: vec![f, g] })
    }

    /// A product of vectors and matrices.
    fn word(&self, all: &[Node], value: &Node) -> Found<Draft> {
        let known = |rule, made, inner| Ok(Draft { rule: Rule::Known(rule), made, inner });
        let last = |rule| known(rule, value.clone(), vec![]);
        let moving: Vec<usize> = (0..all.len()).filter(|&i| self.depends(&all[i])).collect();
        let end = all.len() - 1;
        if self.kind == Kind::Matrix {
            return last(Known::Matrix);
        }
        match moving[..] {
            [i] if i == end && self.is_variable(&all[i]) => last(Known::Linear),
            [0] if self.is_row_variable(&all[0]) => last(Known::Row),
            [i] if i == end => {
                let left = transposed(&times(all[..end].to_vec()));
                known(Known::LinearOf, times(vec![d(0), left]), vec![all[end].clone()])
            }
            [0] => {
                let made = times([vec![d(0)], all[1..].to_vec()].concat());
                known(Known::LinearOf, made, vec![all[0].clone()])
            }
            [0, i] if i == end && self.is_row_variable(&all[0]) && self.is_variable(&all[i]) => {
                last(if end == 1 { Known::SquaredNorm } else { Known::Quadratic })
            }
            _ => {
                for k in moving[0] + 1..all.len() {
                    let (left, right) = (times(all[..k].to_vec()), times(all[k..].to_vec()));
                    if self.shape(&left)? == Shape::Row && self.shape(&right)? == Shape::Column {
                        return Ok(Self::scalar_product(&left, &right));
                    }
                }
                last(Known::Matrix)
            }
        }
    }

    /// uᵀ v.
    fn scalar_product(row: &Node, column: &Node) -> Draft {
        let of_column = times(vec![d(1), transposed(row)]);
        let made = plus(times(vec![d(0), column.clone()]), of_column);
        let inner = vec![transposed(row), column.clone()];
        Draft { rule: Rule::Known(Known::ScalarProduct), made, inner }
    }
}

#[cfg(test)]
mod tests {
    use super::super::kinds::guessed_kinds;
    use super::*;

    #[test]
    fn every_rule() {
        for (text, first) in [
            ("A x", "∇_x[A x] = A'   ∇ A x = A'"),
            ("x' A", "∇_x[x' A] = A   ∇ x' A = A"),
            ("x' A x", "∇_x[x' A x] = (A + A')x   ∇ x' A x = (A + A')x"),
            ("norm(x)^2", "∇_x[‖x‖²] = 2x   ∇ ‖x‖² = 2x"),
            ("x' x", "∇_x[x' x] = 2x   ∇ ‖x‖² = 2x"),
            ("norm(x)", "∇_x[‖x‖] = x/‖x‖   ∇ ‖x‖ = x/‖x‖"),
            ("sum(x)", "∇_x[sum x] = ones   ∇ sum(x) = ones"),
            ("2 x' x", "∇_x[2x' x] = 2 ∇_x[x' x]   constant multiple rule"),
            (
                "ln(1 + x' x)",
                "∇_x[ln(1 + x' x)] = ∇_x[1 + x' x]/(1 + x' x)   chain rule, derivative of ln",
            ),
            ("(b' x)^2", "∇_x[(b' x)²] = 2b' x ∇_x[b' x]   chain rule"),
            (
                "(x - b)' A (x - b)",
                "∇_x[(x − b)' A (x − b)] = ∇_x[x − b] A (x − b) + ∇_x[A (x − b)] (x − b)   \
                 product rule, ∇[u' v] = ∇[u] v + ∇[v] u",
            ),
            (
                "(x' x) x",
                "∇_x[(x' x)x] = ∇_x[x' x] x' + x' x ∇_x[x]   \
                 product rule, ∇[f y] = ∇[f] y' + f ∇[y]",
            ),
            ("A (x - b)", "∇_x[A (x − b)] = ∇_x[x − b] A'   chain rule, ∇[A u] = ∇[u] A'"),
        ] {
            let formula = Formula::parse(text).unwrap();
            let steps = gradient_steps(&formula, &guessed_kinds(&formula), "x").unwrap();
            assert_eq!(steps.to_string().lines().next().unwrap(), first, "{text}");
        }
    }
}
