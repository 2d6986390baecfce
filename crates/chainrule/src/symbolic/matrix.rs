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
//! The sum of a vector is its product with a vector of ones. The trace of a product of matrices is
//! the same wherever the product begins, so that tr(L X R) has the gradient of a number L X R.
//!
//! Not here: functions of each element, inverses, determinants, and derivatives of matrices by
//! vectors.

use std::collections::HashMap;

use chainrule_core::Real;
use chainrule_core::op::{Binary, Unary};

use super::kinds::Kind;
use super::term::Term;
use crate::formula::{By, Expr, Formula, Function, Node, Sign, Span};

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

/// How a value lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// A number.
    Scalar,
    /// A vector, as a column.
    Column,
    /// A vector, as a row.
    Row,
    /// A matrix.
    Matrix,
}

/// A name in a result that stands for no variable of the formula.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Extra {
    /// The name.
    pub name: String,
    /// A vector of ones if [`Kind::Vector`], the identity matrix if [`Kind::Matrix`].
    pub kind: Kind,
    /// It is as long as this variable is high,
    pub like: String,
    /// or, if this is true, wide.
    pub wide: bool,
}

/// A value on the way.
#[derive(Clone)]
enum Value {
    Scalar(Term),
    Matrix(Vec<(Term, Word)>, Lie),
}

/// A formula with vectors and matrices, ready to be differentiated.
#[derive(Clone)]
pub struct MatrixFormula {
    kinds: HashMap<String, Kind>,
    /// The words that are numbers, each with a symbol of its own, and whether they are traces.
    words: Vec<(Word, bool)>,
    extras: Vec<Extra>,
    value: Value,
}

type Found<T> = Result<T, String>;

impl MatrixFormula {
    /// Reads a formula whose names stand for `kinds`.
    ///
    /// # Errors
    /// What in it is outside of what is described above.
    pub fn new(formula: &Formula, kinds: HashMap<String, Kind>) -> Result<MatrixFormula, String> {
        let value = Value::Scalar(Term::integer(0));
        let mut all = MatrixFormula { kinds, words: vec![], extras: vec![], value };
        all.value = all.read(formula.root())?;
        Ok(all)
    }

    /// How the value lies.
    pub fn shape(&self) -> Shape {
        match &self.value {
            Value::Scalar(_) | Value::Matrix(_, (true, true)) => Shape::Scalar,
            Value::Matrix(_, (false, true)) => Shape::Column,
            Value::Matrix(_, (true, false)) => Shape::Row,
            Value::Matrix(_, (false, false)) => Shape::Matrix,
        }
    }

    /// The names in results that are no variables of the formula.
    pub fn extras(&self) -> &[Extra] {
        &self.extras
    }

    /// The formula, simplified.
    pub fn to_node(&self) -> Node {
        match &self.value {
            Value::Scalar(term) => self.scalar(term),
            Value::Matrix(all, _) => self.sum(all),
        }
    }

    /// The formula of the transpose.
    #[must_use]
    pub fn transposed(&self) -> MatrixFormula {
        // The identity is its own transpose.
        let symmetric =
            |name: &str| self.extras.iter().any(|e| e.kind == Kind::Matrix && e.name == name);
        let flipped = |word: &Word| {
            let keep = |a: Atom| Atom { transposed: a.transposed && !symmetric(&a.name), ..a };
            transposed(word).into_iter().map(keep).collect()
        };
        let value = match &self.value {
            Value::Scalar(x) => Value::Scalar(x.clone()),
            Value::Matrix(all, lie) => Value::Matrix(
                collected(all.iter().map(|(c, w)| (c.clone(), flipped(w))).collect()),
                (lie.1, lie.0),
            ),
        };
        MatrixFormula { value, ..self.clone() }
    }

    /// A name that nothing else has for ones or an identity as long as `like` is high, or wide if
    /// it is transposed.
    fn extra(&mut self, kind: Kind, like: &Atom) -> Atom {
        let atom = |name: &str| Atom { name: name.into(), transposed: false };
        let same = |e: &&Extra| (e.kind, &e.like, e.wide) == (kind, &like.name, like.transposed);
        if let Some(extra) = self.extras.iter().find(same) {
            return atom(&extra.name);
        }
        let stem = if kind == Kind::Matrix { "I" } else { "ones" };
        let names = std::iter::once(stem.to_string()).chain((2..).map(|i| format!("{stem}_{i}")));
        let name = names.into_iter().find(|n| !self.kinds.contains_key(n)).unwrap_or_default();
        self.kinds.insert(name.clone(), kind);
        let (like, wide) = (like.name.clone(), like.transposed);
        self.extras.push(Extra { name: name.clone(), kind, like, wide });
        atom(&name)
    }

    /// The symbol of a word that is a number, or the trace of a word: the word or its transpose,
    /// whichever is there.
    fn symbol(&mut self, word: &Word, traced: bool) -> Term {
        let other = transposed(word);
        let same = |(w, t): &(Word, bool)| *t == traced && (w == word || *w == other);
        let at = self.words.iter().position(same).unwrap_or_else(|| {
            self.words.push((word.clone(), traced));
            self.words.len() - 1
        });
        Term::symbol(&name(at))
    }

    /// A word without the numbers in it, such as (xᵀ a) x of x xᵀ a.
    fn reduced(&mut self, c: Term, word: Word) -> (Term, Word) {
        let vector = |atom: &Atom, transposed: bool| {
            self.kinds.get(&atom.name) == Some(&Kind::Vector) && atom.transposed == transposed
        };
        let inside = (0..word.len()).find_map(|i| {
            let end = || (i + 1..word.len()).find(|&j| vector(&word[j], false));
            vector(&word[i], true).then(end).flatten().map(|j| (i, j))
        });
        match inside {
            Some((i, j)) if j - i + 1 < word.len() => {
                let number = self.symbol(&word[i..=j].to_vec(), false);
                self.reduced(&c * &number, [&word[..i], &word[j + 1..]].concat())
            }
            _ => (c, word),
        }
    }

    /// The trace of a product.
    fn trace(&mut self, all: &[(Term, Word)]) -> Term {
        let mut sum = Term::integer(0);
        for (c, word) in all {
            let is_row = |a: &Atom| a.transposed && self.kinds.get(&a.name) == Some(&Kind::Vector);
            let number = match word.iter().position(is_row) {
                // tr(L x yᵀ R) = yᵀ R L x.
                Some(i) => self.symbol(&[&word[i..], &word[..i]].concat(), false),
                None => self.symbol(word, true),
            };
            sum = &sum + &(c * &number);
        }
        sum
    }

    fn lie(&self, word: &Word) -> Lie {
        let side = |atom: Option<&Atom>, flipped: bool| {
            atom.is_some_and(|a| {
                self.kinds.get(&a.name) == Some(&Kind::Vector) && a.transposed == flipped
            })
        };
        (side(word.first(), true), side(word.last(), false))
    }

    fn read(&mut self, node: &Node) -> Found<Value> {
        Ok(match node.expr() {
            Expr::Number(x) => Value::Scalar(Term::written().lit(*x)),
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
                let a = self.read(a)?;
                self.times(Value::Scalar(Term::integer(-1)), a)?
            }
            Expr::Sum(first, rest) => {
                let mut sum = self.read(first)?;
                for (sign, term) in rest {
                    let mut term = self.read(term)?;
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
                let mut product = self.read(first)?;
                for (by, factor) in rest {
                    let factor = self.read(factor)?;
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
                let (base, exponent) = (self.read(base)?, self.read(exponent)?);
                match (base, exponent) {
                    (Value::Scalar(x), Value::Scalar(y)) => Value::Scalar(x.raised(&y)),
                    _ => return Err("a power of a vector or matrix".into()),
                }
            }
            Expr::Transpose(a) => match self.read(a)? {
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
            all.push(self.read(argument)?);
        }
        let elements = || "a function of each element of a vector".to_string();
        Ok(match (function, all.as_slice()) {
            (Function::Norm, [v @ Value::Matrix(..)]) => match self.times(v.clone(), v.clone())? {
                Value::Scalar(x) => Value::Scalar(x.map(Unary::sqrt)),
                Value::Matrix(..) => return Err("the norm of a matrix".into()),
            },
            (Function::Norm, [Value::Scalar(x)]) => Value::Scalar(x.map(Unary::abs)),
            (Function::Trace | Function::Sum, [Value::Scalar(x)]) => Value::Scalar(x.clone()),
            (Function::Trace, [Value::Matrix(all, (false, false))]) => {
                Value::Scalar(self.trace(all))
            }
            (Function::Sum, [v @ Value::Matrix(all, lie)]) if lie.0 != lie.1 => {
                let first = all.first().and_then(|(_, w)| if lie.0 { w.last() } else { w.first() });
                let Some(first) = first.cloned() else {
                    return Ok(Value::Scalar(Term::integer(0)));
                };
                let like = Atom { transposed: first.transposed != lie.0, ..first };
                let ones = self.extra(Kind::Vector, &like);
                let ones = vec![(Term::integer(1), vec![Atom { transposed: !lie.0, ..ones }])];
                match lie.0 {
                    false => self.times(Value::Matrix(ones, (true, false)), v.clone())?,
                    true => self.times(v.clone(), Value::Matrix(ones, (false, true)))?,
                }
            }
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
                all.push(self.reduced(c * d, [u.clone(), v.clone()].concat()));
            }
        }
        if rows && columns {
            let mut sum = Term::integer(0);
            for (c, word) in &all {
                sum = &sum + &(c * &self.symbol(word, false));
            }
            return Ok(Value::Scalar(sum));
        }
        Ok(Value::Matrix(collected(all), (rows, columns)))
    }

    /// The formula of the gradient by `by`: as high as the variable, and as wide as the value.
    ///
    /// ```
    /// use chainrule::formula::Formula;
    /// use chainrule::symbolic::{MatrixFormula, guessed_kinds};
    /// let formula = Formula::parse("x' A x")?;
    /// let f = MatrixFormula::new(&formula, guessed_kinds(&formula))?;
    /// let slope = f.gradient("x")?;
    /// assert_eq!(slope.to_node().pretty(), "(A + A')x");
    /// assert_eq!(slope.gradient("x")?.to_node().pretty(), "A + A'");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If it is no vector or matrix; the sentence says of what.
    pub fn gradient(&self, by: &str) -> Result<MatrixFormula, String> {
        let mut all = self.clone();
        let kind = self.kinds.get(by).copied().unwrap_or(Kind::Scalar);
        all.value = match (self.value.clone(), kind) {
            (Value::Scalar(f), Kind::Scalar) => Value::Scalar(f.derivative(by)),
            (Value::Scalar(f), _) => all.of_scalar(&f, by, kind)?,
            (Value::Matrix(parts, lie), Kind::Scalar) => {
                let parts = parts.into_iter().map(|(c, w)| (c.derivative(by), w)).collect();
                Value::Matrix(collected(parts), lie)
            }
            (Value::Matrix(parts, lie), Kind::Vector) if lie.0 || lie.1 => {
                all.of_vector(parts, lie, by)?
            }
            _ => return Err(format!("the derivative by {by} has more than two axes")),
        };
        Ok(all)
    }

    /// Σ ∂f/∂w ∇w over the words in f.
    fn of_scalar(&mut self, f: &Term, by: &str, kind: Kind) -> Found<Value> {
        let mut all = vec![];
        for k in 0..self.words.len() {
            let slope = f.derivative(&name(k));
            if slope.is(0) {
                continue;
            }
            let (word, _) = self.words[k].clone();
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
                false => this.symbol(w, false),
            };
            if left.is_empty() && right.is_empty() && kind == Kind::Matrix {
                let like = Atom { name: by.into(), transposed: false };
                all.push((Term::integer(1), vec![self.extra(kind, &like)]));
                continue;
            }
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
                    true => {
                        let like = Atom { name: by.into(), transposed: false };
                        vec![self.extra(Kind::Matrix, &like)]
                    }
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
            && let ([a, b], false) = (self.words[k].0.as_slice(), self.words[k].1)
            && a.name == b.name
        {
            let b = Atom { name: b.name.clone(), transposed: false };
            return new(Expr::Call(Function::Norm, vec![symbol(&b)]));
        }
        if let Some(k) = word(node) {
            let call = |f, word: &[Atom]| new(Expr::Call(f, vec![product(word)]));
            let ones =
                |a: &Atom| self.extras.iter().any(|e| e.kind == Kind::Vector && e.name == a.name);
            return match (&self.words[k].0[..], self.words[k].1) {
                (word, true) => call(Function::Trace, word),
                ([a, rest @ ..], _) if ones(a) && !rest.is_empty() => call(Function::Sum, rest),
                ([rest @ .., a], _) if ones(a) => call(Function::Sum, &transposed(rest)),
                (word, false) => product(word),
            };
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

fn transposed(word: &[Atom]) -> Word {
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
    use super::super::kinds::guessed_kinds;
    use super::*;

    fn gradient(text: &str, by: &str) -> String {
        let formula = Formula::parse(text).unwrap();
        let kinds = guessed_kinds(&formula);
        MatrixFormula::new(&formula, kinds).unwrap().gradient(by).unwrap().to_node().pretty()
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
        assert_eq!(gradient("sum(x)", "x"), "ones");
        assert_eq!(gradient("sum(A x - b)", "x"), "A' ones");
        assert_eq!(gradient("sum(x)^2", "x"), "2 sum(x) ones");
        assert_eq!(gradient("A x + b", "x"), "A'");
        assert_eq!(gradient("x x' a", "x"), "x' a I + a x'");
        assert_eq!(gradient("trace(A X B)", "X"), "A' B'");
        assert_eq!(gradient("trace(X' A X)", "X"), "(A + A')X");
        assert_eq!(gradient("trace(X)", "X"), "I");
        assert_eq!(gradient("trace(A x x')", "x"), "(A + A')x");
        assert_eq!(gradient("c x' x", "c"), "x' x");
        assert_eq!(gradient("ln(1 + norm(x)^2)", "x"), "2x/(x' x + 1)");
    }
}
