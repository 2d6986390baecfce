//! What the names of a formula stand for: numbers, columns or matrices.

use std::collections::HashMap;

use super::matrix::MatrixFormula;
use crate::formula::{By, Expr, Formula, Function, Node};

/// What a name stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A number.
    Scalar,
    /// A column.
    Vector,
    /// A matrix.
    Matrix,
}

/// Whether a formula has vectors or matrices in it as it is written.
pub fn has_matrices(formula: &Formula) -> bool {
    let mut rest = vec![formula.root()];
    while let Some(node) = rest.pop() {
        let is_one = match node.expr() {
            Expr::Transpose(_) => true,
            Expr::Call(f, _) => {
                matches!(f, Function::Norm | Function::Dot | Function::Trace | Function::Sum)
            }
            _ => false,
        };
        if is_one {
            return true;
        }
        node.expr().for_children(&mut |child| rest.push(child));
    }
    false
}

/// What the names of a formula stand for, as people write: capitals are matrices; what is
/// transposed, measured, summed or stands behind a matrix or a row is a vector, and so is what is
/// added to such a product.
pub fn guessed_kinds(formula: &Formula) -> HashMap<String, Kind> {
    let capital = |name: &str| name.starts_with(char::is_uppercase);
    let mut kinds: HashMap<String, Kind> = formula
        .variables()
        .iter()
        .map(|n| (n.clone(), if capital(n) { Kind::Matrix } else { Kind::Scalar }))
        .collect();
    // The names of a sum of vectors are vectors.
    let mut vector = |node: &Node| {
        let mut inside = vec![node];
        while let Some(node) = inside.pop() {
            match node.expr() {
                Expr::Variable(name) if !capital(name) => {
                    kinds.insert(name.clone(), Kind::Vector);
                }
                Expr::Negate(a) => inside.push(a),
                Expr::Sum(a, rest) => {
                    inside.push(a);
                    inside.extend(rest.iter().map(|(_, x)| x));
                }
                _ => {}
            }
        }
    };
    let multiplies = |node: &Node| match node.expr() {
        Expr::Variable(name) => capital(name),
        Expr::Transpose(_) => true,
        _ => false,
    };
    let mut rest = vec![formula.root()];
    while let Some(node) = rest.pop() {
        match node.expr() {
            Expr::Transpose(a) => vector(a),
            Expr::Call(Function::Norm | Function::Dot | Function::Sum, all) => {
                all.iter().for_each(&mut vector);
            }
            Expr::Product(first, others) => {
                let all: Vec<&Node> =
                    std::iter::once(&**first).chain(others.iter().map(|(_, x)| x)).collect();
                for pair in all.windows(2) {
                    if multiplies(pair[0]) {
                        vector(pair[1]);
                    }
                }
            }
            Expr::Sum(first, others) => {
                let all = || std::iter::once(&**first).chain(others.iter().map(|(_, x)| x));
                if all().any(|term| is_product_of(term, &capital)) {
                    all().for_each(&mut vector);
                }
            }
            _ => {}
        }
        node.expr().for_children(&mut |child| rest.push(child));
    }
    kinds
}

/// Whether a term is a matrix times a name, such as −2A x.
fn is_product_of(term: &Node, capital: &impl Fn(&str) -> bool) -> bool {
    let is =
        |node: &Node, large: bool| matches!(node.expr(), Expr::Variable(n) if capital(n) == large);
    match term.expr() {
        Expr::Negate(a) => is_product_of(a, capital),
        Expr::Product(first, rest) => {
            let all: Vec<&Node> =
                std::iter::once(&**first).chain(rest.iter().map(|(_, x)| x)).collect();
            let plain =
                rest.iter().all(|(by, x)| *by == By::Times || matches!(x.expr(), Expr::Number(_)));
            plain && all.windows(2).any(|pair| is(pair[0], true) && is(pair[1], false))
        }
        _ => false,
    }
}

/// Whether a formula without any sign of vectors is read as one of them all the same: it is made
/// of sums and products only, and a capital stands before a small letter in it, as in A x + b.
pub fn is_linear_map(formula: &Formula) -> bool {
    let capital = |name: &str| name.starts_with(char::is_uppercase);
    let (mut rest, mut found) = (vec![formula.root()], false);
    while let Some(node) = rest.pop() {
        found |= is_product_of(node, &capital);
        let plain = match node.expr() {
            Expr::Number(_) | Expr::Variable(_) | Expr::Negate(_) | Expr::Sum(..) => true,
            Expr::Product(_, rest) => {
                rest.iter().all(|(by, x)| *by == By::Times || matches!(x.expr(), Expr::Number(_)))
            }
            _ => false,
        };
        if !plain {
            return false;
        }
        node.expr().for_children(&mut |child| rest.push(child));
    }
    found && MatrixFormula::new(formula, guessed_kinds(formula)).is_ok()
}
