//! Derivatives of formulas with vectors and matrices: ∇(xᵀA x) = (A + Aᵀ) x.
//!
//! A vector or matrix is a sum of *words*, products of symbols that do not commute, each times a
//! scalar. A scalar is a [`Term`] in which a symbol stands for each word that is a single number,
//! such as xᵀA x; a word and its transpose are then the same number. With the word L x R, where
//! what stands right of a column x is a number,
//!
//! ```text
//! d(L x R) = L dx R      ⇒  ∇ₓ = R Lᵀ           d(L xᵀ R) = L dxᵀ R    ⇒  ∇ₓ = L R
//! d(L X R) = L dX R      ⇒  ∇_X = Lᵀ Rᵀ          d(L Xᵀ R)              ⇒  ∇_X = R L
//! ```
//!
//! and a term f of such words has ∇f = Σ ∂f/∂w ∇w. Of a vector y(x) the gradient is the transpose
//! of the Jacobian, ∇(A x) = Aᵀ. The rules are those of T. P. Minka, *Old and new matrix algebra
//! useful for statistics* (2000).
//!
//! Not here: functions of each element, inverses, determinants, and derivatives of matrices by
//! vectors.

use std::collections::HashMap;

use chainrule_core::Real;
use chainrule_core::op::{Binary, Unary};

use super::term::Term;
use crate::formula::{By, Expr, Formula, Function, Node, Sign, Span};

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

/// A symbol of a word.
#[derive(Clone, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
struct Atom {
    name: String,
    transposed: bool,
}

/// A product of symbols.
type Word = Vec<Atom>;

/// How a value lies: (is one row high, is one column wide).
type Lie = (bool, bool);

/// A value on the way.
#[derive(Clone)]
enum Value {
    Scalar(Term),
    Matrix(Vec<(Term, Word)>, Lie),
}

/// A formula with vectors and matrices, ready to be differentiated.
pub struct MatrixFormula {
    kinds: HashMap<String, Kind>,
    /// The words that are numbers, each with a symbol of its own.
    words: Vec<Word>,
    value: Option<Value>,
}

/// Whether a formula has vectors or matrices in it as it is written.
pub fn has_matrices(formula: &Formula) -> bool {
    let mut rest = vec![formula.root()];
    while let Some(node) = rest.pop() {
        let is_one = match node.expr() {
            Expr::Transpose(_) => true,
            Expr::Call(f, _) => matches!(f, Function::Norm | Function::Dot | Function::Trace),
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
/// transposed, measured or stands behind a matrix or a row is a vector.
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
            Expr::Call(Function::Norm | Function::Dot, all) => all.iter().for_each(&mut vector),
            Expr::Product(first, others) => {
                let all: Vec<&Node> =
                    std::iter::once(&**first).chain(others.iter().map(|(_, x)| x)).collect();
                for pair in all.windows(2) {
                    if multiplies(pair[0]) {
                        vector(pair[1]);
                    }
                }
            }
            _ => {}
        }
        node.expr().for_children(&mut |child| rest.push(child));
    }
    kinds
}

type Found<T> = Result<T, String>;

impl MatrixFormula {
    /// Reads a formula whose names stand for `kinds`.
    ///
    /// # Errors
    /// What in it is outside of what is described above.
    pub fn new(formula: &Formula, kinds: HashMap<String, Kind>) -> Result<MatrixFormula, String> {
        let mut all = MatrixFormula { kinds, words: vec![], value: None };
        all.value = Some(all.node(formula.root())?);
        Ok(all)
    }

    /// The symbol of a word that is a number: the word or its transpose, whichever is there.
    fn symbol(&mut self, word: &Word) -> Term {
        let other = transposed(word);
        let at = self.words.iter().position(|w| w == word || *w == other).unwrap_or_else(|| {
            self.words.push(word.clone());
            self.words.len() - 1
        });
        Term::symbol(&name(at))
    }

    fn lie(&self, word: &Word) -> Lie {
        let side = |atom: Option<&Atom>, flipped: bool| {
            atom.is_some_and(|a| {
                self.kinds.get(&a.name) == Some(&Kind::Vector) && a.transposed == flipped
            })
        };
        (side(word.first(), true), side(word.last(), false))
    }

    fn node(&mut self, node: &Node) -> Found<Value> {
        Ok(match node.expr() {
            Expr::Number(x) => Value::Scalar(Term::integer(0).lit(*x)),
            Expr::Constant(c) => Value::Scalar(Term::constant(*c)),
            Expr::Variable(name) => match self.kinds.get(name) {
                Some(Kind::Vector | Kind::Matrix) => {
                    let word = vec![Atom { name: name.clone(), transposed: false }];
                    let lie = self.lie(&word);
                    Value::Matrix(vec![(Term::integer(1), word)], lie)
                }
                _ => Value::Scalar(Term::symbol(name)),
            },
            Expr::Negate(a) => {
                let a = self.node(a)?;
                self.times(Value::Scalar(Term::integer(-1)), a)?
            }
            Expr::Sum(first, rest) => {
                let mut sum = self.node(first)?;
                for (sign, term) in rest {
                    let mut term = self.node(term)?;
                    if *sign == Sign::Minus {
                        term = self.times(Value::Scalar(Term::integer(-1)), term)?;
                    }
                    sum = match (sum, term) {
                        (Value::Scalar(x), Value::Scalar(y)) => Value::Scalar(&x + &y),
                        (Value::Matrix(a, lie), Value::Matrix(b, other)) if lie == other => {
                            Value::Matrix(collected([a, b].concat()), lie)
                        }
                        _ => return Err("a sum of things of different shapes".into()),
                    };
                }
                sum
            }
            Expr::Product(first, rest) => {
                let mut product = self.node(first)?;
                for (by, factor) in rest {
                    let factor = self.node(factor)?;
                    product = match (by, &factor) {
                        (By::Times, _) => self.times(product, factor)?,
                        (By::Over, Value::Scalar(x)) => {
                            self.times(product, Value::Scalar(x.to_the(-1, 1)))?
                        }
                        _ => return Err("a product or quotient element by element".into()),
                    };
                }
                product
            }
            Expr::Power(base, exponent) => {
                let (base, exponent) = (self.node(base)?, self.node(exponent)?);
                match (base, exponent) {
                    (Value::Scalar(x), Value::Scalar(y)) => Value::Scalar(x.raised(&y)),
                    _ => return Err("a power of a vector or matrix".into()),
                }
            }
            Expr::Transpose(a) => match self.node(a)? {
                Value::Matrix(all, (row, column)) => Value::Matrix(
                    all.into_iter().map(|(c, w)| (c, transposed(&w))).collect(),
                    (column, row),
                ),
                scalar => scalar,
            },
            Expr::Call(function, arguments) => self.call(*function, arguments)?,
            _ => return Err("cases, conditions or lists of elements".into()),
        })
    }

    fn call(&mut self, function: Function, arguments: &[Node]) -> Found<Value> {
        let mut all = vec![];
        for argument in arguments {
            all.push(self.node(argument)?);
        }
        let elements = || "a function of each element of a vector".to_string();
        Ok(match (function, all.as_slice()) {
            (Function::Norm, [v @ Value::Matrix(..)]) => match self.times(v.clone(), v.clone())? {
                Value::Scalar(x) => Value::Scalar(x.map(Unary::sqrt)),
                Value::Matrix(..) => return Err("the norm of a matrix".into()),
            },
            (Function::Norm, [Value::Scalar(x)]) => Value::Scalar(x.map(Unary::abs)),
            (Function::Dot, [a, b]) => self.times(a.clone(), b.clone())?,
            (Function::Map(op), [Value::Scalar(x)]) => Value::Scalar(x.map(op)),
            (Function::Zip(op), [Value::Scalar(x), Value::Scalar(y)]) => {
                Value::Scalar(x.zip(op, y))
            }
            (Function::Max, [Value::Scalar(x), Value::Scalar(y)]) => {
                Value::Scalar(x.zip(Binary::Maximum, y))
            }
            (Function::Min, [Value::Scalar(x), Value::Scalar(y)]) => {
                Value::Scalar(x.zip(Binary::Minimum, y))
            }
            _ => return Err(elements()),
        })
    }

    fn times(&mut self, a: Value, b: Value) -> Found<Value> {
        let (left, right, rows, columns) = match (a, b) {
            (Value::Scalar(x), Value::Scalar(y)) => return Ok(Value::Scalar(&x * &y)),
            (Value::Scalar(x), Value::Matrix(all, lie))
            | (Value::Matrix(all, lie), Value::Scalar(x)) => {
                let all = all.into_iter().map(|(c, w)| (&c * &x, w)).collect();
                return Ok(Value::Matrix(all, lie));
            }
            // The product of two columns is their scalar product.
            (Value::Matrix(left, (false, true)), Value::Matrix(right, (false, true))) => {
                let left = left.into_iter().map(|(c, w)| (c, transposed(&w))).collect();
                (left, right, true, true)
            }
            (Value::Matrix(left, l), Value::Matrix(right, r)) if l.1 == r.0 => {
                (left, right, l.0, r.1)
            }
            _ => return Err("a product of things of different shapes".into()),
        };
        let mut all = vec![];
        for (c, u) in &left {
            for (d, v) in &right {
                all.push((c * d, [u.clone(), v.clone()].concat()));
            }
        }
        if rows && columns {
            let mut sum = Term::integer(0);
            for (c, word) in &all {
                sum = &sum + &(c * &self.symbol(word));
            }
            return Ok(Value::Scalar(sum));
        }
        Ok(Value::Matrix(collected(all), (rows, columns)))
    }

    /// The gradient by `by`: as high as the variable, and as wide as the formula's value.
    ///
    /// # Errors
    /// If it is no vector or matrix; the sentence says of what.
    pub fn gradient(&mut self, by: &str) -> Result<Node, String> {
        let Some(value) = self.value.clone() else { return Err("there is no formula".into()) };
        let kind = self.kinds.get(by).copied().unwrap_or(Kind::Scalar);
        let result = match (value, kind) {
            (Value::Scalar(f), Kind::Scalar) => Value::Scalar(f.derivative(by)),
            (Value::Scalar(f), _) => self.of_scalar(&f, by, kind)?,
            (Value::Matrix(all, lie), Kind::Scalar) => {
                let all = all.into_iter().map(|(c, w)| (c.derivative(by), w)).collect();
                Value::Matrix(collected(all), lie)
            }
            (Value::Matrix(all, lie), Kind::Vector) if lie.0 || lie.1 => {
                self.of_vector(all, lie, by)?
            }
            _ => return Err(format!("the derivative by {by} has more than two axes")),
        };
        Ok(self.write(&result))
    }

    /// Σ ∂f/∂w ∇w over the words in f.
    fn of_scalar(&mut self, f: &Term, by: &str, kind: Kind) -> Found<Value> {
        let mut all = vec![];
        for k in 0..self.words.len() {
            let slope = f.derivative(&name(k));
            if slope.is(0) {
                continue;
            }
            let word = self.words[k].clone();
            for (c, w) in self.of_word(&word, by, kind) {
                all.push((&slope * &c, w));
            }
        }
        let lie = (false, kind == Kind::Vector);
        Ok(Value::Matrix(collected(all), lie))
    }

    /// The gradient of a word that is a number.
    fn of_word(&mut self, word: &Word, by: &str, kind: Kind) -> Vec<(Term, Word)> {
        let mut all = vec![];
        for (i, atom) in word.iter().enumerate().filter(|(_, a)| a.name == by) {
            let (left, right) = (word[..i].to_vec(), word[i + 1..].to_vec());
            let scalar = |this: &mut Self, w: &Word| match w.is_empty() {
                true => Term::integer(1),
                false => this.symbol(w),
            };
            all.push(match (kind, atom.transposed) {
                (Kind::Matrix, false) => {
                    (Term::integer(1), [transposed(&left), transposed(&right)].concat())
                }
                (Kind::Matrix, true) => (Term::integer(1), [right, left].concat()),
                (_, false) => (scalar(self, &right), transposed(&left)),
                (_, true) => (scalar(self, &left), right),
            });
        }
        all
    }

    /// The transpose of the Jacobian of a vector.
    fn of_vector(&mut self, all: Vec<(Term, Word)>, lie: Lie, by: &str) -> Found<Value> {
        let mut result = vec![];
        for (c, word) in all {
            let column = if lie.0 { transposed(&word) } else { word };
            for (i, atom) in column.iter().enumerate().filter(|(_, a)| a.name == by) {
                if atom.transposed || i + 1 != column.len() {
                    return Err(format!("the derivative by {by} needs a product that is no word"));
                }
                let left = column[..i].to_vec();
                let left = match left.is_empty() {
                    true => vec![Atom { name: "I".into(), transposed: false }],
                    false => transposed(&left),
                };
                result.push((c.clone(), left));
            }
            if let Value::Matrix(slopes, _) = self.of_scalar(&c, by, Kind::Vector)? {
                let row = transposed(&column);
                result.extend(slopes.into_iter().map(|(c, w)| (c, [w, row.clone()].concat())));
            }
        }
        Ok(Value::Matrix(collected(result), (false, false)))
    }

    fn write(&self, value: &Value) -> Node {
        match value {
            Value::Scalar(term) => self.scalar(term),
            Value::Matrix(all, _) => self.sum(all),
        }
    }

    /// A scalar, with the words that its symbols stand for.
    fn scalar(&self, term: &Term) -> Node {
        self.filled(&term.to_node())
    }

    fn filled(&self, node: &Node) -> Node {
        let word = |node: &Node| match node.expr() {
            Expr::Variable(n) => (0..self.words.len()).find(|&k| *n == name(k)),
            _ => None,
        };
        if let Expr::Call(Function::Map(Unary::sqrt), x) = node.expr()
            && let Some(k) = word(&x[0])
            && let [a, b] = self.words[k].as_slice()
            && a.name == b.name
        {
            let b = Atom { name: b.name.clone(), transposed: false };
            return new(Expr::Call(Function::Norm, vec![symbol(&b)]));
        }
        if let Some(k) = word(node) {
            return product(&self.words[k]);
        }
        let node = node.mapped(&mut |child| self.filled(child));
        match node.expr() {
            Expr::Product(first, rest) => flat(first, rest),
            _ => node,
        }
    }

    /// A sum of words, with what all have in common at one side taken out.
    fn sum(&self, all: &[(Term, Word)]) -> Node {
        let Some((c, first)) = all.first() else { return new(Expr::Number(0.0)) };
        if all.len() > 1 && all.iter().all(|(d, w)| d == c && w.len() > 1) {
            let same = |f: fn(&Word) -> Option<&Atom>| all.iter().all(|(_, w)| f(w) == f(first));
            let rest = |cut: fn(&Word) -> Word| -> Vec<(Term, Word)> {
                all.iter().map(|(_, w)| (Term::integer(1), cut(w))).collect()
            };
            if same(|w| w.last()) {
                let inner = self.sum(&rest(|w| w[..w.len() - 1].to_vec()));
                let last = product(&first[first.len() - 1..]);
                return self.scaled(c, new(times(inner, last)));
            }
            if same(|w| w.first()) {
                let inner = self.sum(&rest(|w| w[1..].to_vec()));
                return self.scaled(c, new(times(product(&first[..1]), inner)));
            }
        }
        let mut terms = all.iter().map(|(c, w)| {
            let (number, _) = c.split();
            match number.is_negative() {
                true => (Sign::Minus, self.scaled(&-c.clone(), product(w))),
                false => (Sign::Plus, self.scaled(c, product(w))),
            }
        });
        let Some((sign, node)) = terms.next() else { return new(Expr::Number(0.0)) };
        let node = if sign == Sign::Minus { new(Expr::Negate(Box::new(node))) } else { node };
        let rest: Vec<(Sign, Node)> = terms.collect();
        if rest.is_empty() { node } else { new(Expr::Sum(Box::new(node), rest)) }
    }

    /// A scalar times a word; its denominator stands behind it.
    fn scaled(&self, c: &Term, word: Node) -> Node {
        if c.is(1) {
            return word;
        }
        let factors = match word.expr() {
            Expr::Product(first, rest) if rest.iter().all(|(by, _)| *by == By::Times) => {
                [vec![(**first).clone()], rest.iter().map(|(_, x)| x.clone()).collect()].concat()
            }
            _ => vec![word],
        };
        let c = self.scalar(c);
        let (mut above, below) = match c.expr() {
            Expr::Product(first, rest) => {
                let (above, below): (Vec<_>, Vec<_>) =
                    rest.iter().cloned().partition(|(by, _)| *by == By::Times);
                let above =
                    std::iter::once((**first).clone()).chain(above.into_iter().map(|x| x.1));
                (above.filter(|x| *x.expr() != Expr::Number(1.0)).collect::<Vec<_>>(), below)
            }
            _ => (vec![c], vec![]),
        };
        above.extend(factors);
        let mut above = above.into_iter();
        let Some(first) = above.next() else { return new(Expr::Number(1.0)) };
        let rest: Vec<(By, Node)> = above.map(|x| (By::Times, x)).chain(below).collect();
        if rest.is_empty() { first } else { new(Expr::Product(Box::new(first), rest)) }
    }
}

/// A product in whose place of factors no other products stand.
fn flat(first: &Node, rest: &[(By, Node)]) -> Node {
    let mut all = vec![];
    for (by, node) in std::iter::once((By::Times, first)).chain(rest.iter().map(|(b, x)| (*b, x))) {
        match node.expr() {
            Expr::Product(first, rest) if by == By::Times => {
                all.push((by, (**first).clone()));
                all.extend(rest.iter().cloned());
            }
            _ => all.push((by, node.clone())),
        }
    }
    let first = all.remove(0).1;
    new(Expr::Product(Box::new(first), all))
}

fn name(k: usize) -> String {
    format!("\u{1}w{k}")
}

fn new(expr: Expr) -> Node {
    Node::new(expr, Span::default())
}

fn times(a: Node, b: Node) -> Expr {
    Expr::Product(Box::new(a), vec![(By::Times, b)])
}

fn symbol(atom: &Atom) -> Node {
    let variable = new(Expr::Variable(atom.name.clone()));
    if atom.transposed { new(Expr::Transpose(Box::new(variable))) } else { variable }
}

fn product(word: &[Atom]) -> Node {
    let mut all = word.iter().map(symbol);
    let Some(first) = all.next() else { return new(Expr::Number(1.0)) };
    let rest: Vec<(By, Node)> = all.map(|x| (By::Times, x)).collect();
    if rest.is_empty() { first } else { new(Expr::Product(Box::new(first), rest)) }
}

fn transposed(word: &Word) -> Word {
    let flip = |a: &Atom| Atom { name: a.name.clone(), transposed: !a.transposed };
    word.iter().rev().map(flip).collect()
}

/// Equal words become one.
fn collected(all: Vec<(Term, Word)>) -> Vec<(Term, Word)> {
    let mut one: Vec<(Term, Word)> = vec![];
    for (c, word) in all {
        match one.iter_mut().find(|(_, w)| *w == word) {
            Some((sum, _)) => *sum = &*sum + &c,
            None => one.push((c, word)),
        }
    }
    one.retain(|(c, _)| !c.is(0));
    one.sort_by(|a, b| a.1.cmp(&b.1));
    one
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient(text: &str, by: &str) -> String {
        let formula = Formula::parse(text).unwrap();
        let kinds = guessed_kinds(&formula);
        MatrixFormula::new(&formula, kinds).unwrap().gradient(by).unwrap().pretty()
    }

    #[test]
    fn the_table_of_the_lecture() {
        assert_eq!(gradient("A x", "x"), "A'");
        assert_eq!(gradient("x' A", "x"), "A");
        assert_eq!(gradient("x' A x", "x"), "(A + A')x");
        assert_eq!(gradient("norm(x)^2", "x"), "2x");
        assert_eq!(gradient("x' x", "x"), "2x");
        assert_eq!(gradient("2 x' x", "x"), "4x");
    }

    #[test]
    fn beyond_it() {
        assert_eq!(gradient("norm(x)", "x"), "x/‖x‖");
        assert_eq!(gradient("norm(A x - b)^2", "x"), "2A' A x − 2A' b");
        assert_eq!(gradient("x' A x", "A"), "x x'");
        assert_eq!(gradient("e^(-x' x/2)", "x"), "−e^(−x' x/2) x");
        assert_eq!(gradient("a' x b' x", "x"), "b' x a + a' x b");
        assert_eq!(gradient("(x' x) x", "x"), "x' x I + 2x x'");
        assert_eq!(gradient("c x' x", "c"), "x' x");
        assert_eq!(gradient("ln(1 + norm(x)^2)", "x"), "2x/(x' x + 1)");
    }
}
