//! Derivatives by the rules of the book, one step after the other.
//!
//! A [`Step`] differentiates one expression as it is written: it names the rule, shows what the
//! rule makes of the expression, with the derivatives that are still to be found inside, and has a
//! step for each of these. Its `value` is the derivative, simplified.
//!
//! | rule | |
//! |---|---|
//! | constant | D C = 0 |
//! | variable | D x = 1 |
//! | constant multiple | D[C f] = C D[f] |
//! | sum | D[f + g] = D[f] + D[g] |
//! | product | D[f g] = g D[f] + f D[g] |
//! | quotient | D[f/g] = (g D[f] − f D[g])/g² |
//! | power | D xⁿ = n xⁿ⁻¹ |
//! | exponential | D eˣ = eˣ, D aˣ = aˣ ln a |
//! | chain | D[f(u)] = f′(u) D[u] |
//! | general power | D[f^g] = f^g (D[g] ln f + g D[f]/f) |
//! | function | the derivative of sin, ln, … from the table of operations |
//! | chain, several variables | D[f(u, v)] = ∂f/∂u D[u] + ∂f/∂v D[v] |
//! | cases | each case by itself |

use chainrule_core::Real;
use chainrule_core::op::{Binary, Unary};

use super::gradients::Known;
use super::term::Term;
use crate::formula::{By, Case, Constant, Expr, Formula, FormulaError, Function, Node, Sign, Span};

/// A rule of differentiation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rule {
    /// What does not depend on the variable.
    Constant,
    /// The variable itself.
    Variable,
    /// A constant factor.
    ConstantMultiple,
    /// Sums and differences.
    Sum,
    /// Products.
    Product,
    /// Quotients.
    Quotient,
    /// A constant exponent.
    Power,
    /// A constant base.
    Exponential,
    /// Base and exponent both depend on the variable.
    GeneralPower,
    /// The derivative of a function of the table.
    Function(Function),
    /// A function of an expression.
    Chain(Option<Function>),
    /// A function of several expressions.
    ChainOfSeveral(Function),
    /// A function of several variables that are functions themselves.
    ChainOfVariables,
    /// Cases.
    Cases,
    /// A rule for vectors and matrices.
    Known(Known),
}

impl Rule {
    /// The name of the rule.
    pub fn name(self) -> String {
        match self {
            Rule::Constant => "constant rule".into(),
            Rule::Variable => "derivative of the variable".into(),
            Rule::ConstantMultiple => "constant multiple rule".into(),
            Rule::Sum => "sum rule".into(),
            Rule::Product => "product rule".into(),
            Rule::Quotient => "quotient rule".into(),
            Rule::Power => "power rule".into(),
            Rule::Exponential => "exponential rule".into(),
            Rule::GeneralPower => "general power rule".into(),
            Rule::Function(f) => format!("derivative of {}", f.name()),
            Rule::Chain(None) => "chain rule".into(),
            Rule::Chain(Some(f)) => format!("chain rule, derivative of {}", f.name()),
            Rule::ChainOfSeveral(f) => {
                format!("chain rule in several variables, partial derivatives of {}", f.name())
            }
            Rule::ChainOfVariables => "chain rule in several variables".into(),
            Rule::Cases => "each case by itself".into(),
            Rule::Known(known) => known.name().into(),
        }
    }
}

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operator {
    /// d/dx, of functions of one variable.
    Derivative,
    /// ∂/∂x, of functions of several.
    Partial,
    /// ∇ₓ, by a vector or matrix.
    Gradient,
}

/// The derivative of one expression.
#[derive(Clone, Debug)]
pub struct Step {
    /// The rule that applies.
    pub rule: Rule,
    /// What is differentiated.
    pub of: Node,
    /// The variable.
    pub by: String,
    /// Which derivative by it.
    pub operator: Operator,
    /// What the rule makes of it; variables named by [`hole`] stand for the derivatives in `parts`.
    pub(super) made: Node,
    /// The derivative, simplified.
    pub value: Node,
    /// The derivatives that the rule asks for.
    pub parts: Vec<Step>,
}

/// The name of the variable that stands for the derivative of part `i`.
pub(super) fn hole(i: usize) -> String {
    format!("\u{1}{i}\u{2}")
}

pub(super) fn new(expr: Expr) -> Node {
    Node::new(expr, Span::default())
}

pub(super) fn number(x: f64) -> Node {
    new(Expr::Number(x))
}

/// The product of all, with the divisors of quotients among them at its end.
pub(super) fn times(all: Vec<Node>) -> Node {
    let (mut above, mut below) = (vec![], vec![]);
    for node in all {
        match node.expr() {
            Expr::Number(1.0) => {}
            Expr::Product(first, rest) if rest.iter().all(|(by, _)| *by != By::Elementwise) => {
                above.push((**first).clone());
                for (by, factor) in rest {
                    let side = if *by == By::Over { &mut below } else { &mut above };
                    side.push(factor.clone());
                }
            }
            _ => above.push(node),
        }
    }
    above.retain(|x| *x.expr() != Expr::Number(1.0));
    let mut above = above.into_iter();
    let first = above.next().unwrap_or_else(|| number(1.0));
    let rest: Vec<(By, Node)> =
        above.map(|x| (By::Times, x)).chain(below.into_iter().map(|x| (By::Over, x))).collect();
    if rest.is_empty() { first } else { new(Expr::Product(Box::new(first), rest)) }
}

pub(super) fn over(above: Node, below: Node) -> Node {
    let quotient = new(Expr::Product(Box::new(number(1.0)), vec![(By::Over, below)]));
    times(vec![above, quotient])
}

pub(super) fn raise(base: Node, exponent: Node) -> Node {
    new(Expr::Power(Box::new(base), Box::new(exponent)))
}

pub(super) fn call(op: Unary, x: Node) -> Node {
    new(Expr::Call(Function::Map(op), vec![x]))
}

/// The derivative of a formula by the variable `by`, step by step.
///
/// ```
/// use chainrule::formula::Formula;
/// use chainrule::symbolic::{Rule, steps};
/// let steps = steps(&Formula::parse("3x^2 - 4x")?, "x")?;
/// assert_eq!(steps.rule, Rule::Sum);
/// let first = steps.to_string().lines().next().map(String::from);
/// assert_eq!(first.unwrap(), "d/dx[3x² − 4x] = d/dx[3x²] − d/dx[4x]   sum rule");
/// assert_eq!(steps.value.pretty(), "6x − 4");
/// # Ok::<(), chainrule::formula::FormulaError>(())
/// ```
///
/// # Errors
/// If the formula has a vector in it.
pub fn steps(formula: &Formula, by: &str) -> Result<Step, FormulaError> {
    Term::of(formula)?;
    let operator = match formula.variables().len() {
        0 | 1 => Operator::Derivative,
        _ => Operator::Partial,
    };
    Ok(Steps { by, operator }.step(formula.root()))
}

struct Steps<'a> {
    by: &'a str,
    operator: Operator,
}

/// A step on the way: what the rule makes, and what is differentiated in it.
pub(super) struct Draft {
    pub(super) rule: Rule,
    pub(super) made: Node,
    pub(super) inner: Vec<Node>,
}

/// Whether the variable `by` occurs in a tree.
pub(super) fn depends(node: &Node, by: &str) -> bool {
    let mut rest = vec![node];
    while let Some(node) = rest.pop() {
        if matches!(node.expr(), Expr::Variable(name) if name == by) {
            return true;
        }
        node.expr().for_children(&mut |child| rest.push(child));
    }
    false
}

/// f′(u), found with a name for u that nothing else has.
pub(super) fn outer_slope(function: Function, u: &Node) -> Node {
    let name = "\u{1}u";
    let f = new(Expr::Call(function, vec![new(Expr::Variable(name.into()))]));
    let slope = term(&f).derivative(name).to_node();
    replaced(&slope, name, u)
}

fn term(node: &Node) -> Term {
    Term::of(&Formula::from_node(node.clone())).unwrap_or_else(|_| Term::symbol("?"))
}

impl Steps<'_> {
    fn depends(&self, node: &Node) -> bool {
        depends(node, self.by)
    }

    fn is_variable(&self, node: &Node) -> bool {
        matches!(node.expr(), Expr::Variable(name) if name == self.by)
    }

    fn step(&self, node: &Node) -> Step {
        let Draft { rule, made, inner } = self.draft(node);
        let value = term(node).derivative(self.by).to_node();
        let parts = inner.iter().map(|part| self.step(part)).collect();
        let (by, operator) = (self.by.into(), self.operator);
        Step { rule, of: node.clone(), by, operator, made, value, parts }
    }

    fn draft(&self, node: &Node) -> Draft {
        let done = |rule, made| Draft { rule, made, inner: vec![] };
        if !self.depends(node) {
            return done(Rule::Constant, number(0.0));
        }
        let d = |i| new(Expr::Variable(hole(i)));
        match node.expr() {
            Expr::Variable(_) => done(Rule::Variable, number(1.0)),
            Expr::Negate(a) => Draft {
                rule: Rule::ConstantMultiple,
                made: new(Expr::Negate(Box::new(d(0)))),
                inner: vec![(**a).clone()],
            },
            Expr::Sum(first, rest) => {
                let terms = rest.iter().enumerate().map(|(i, (sign, _))| (*sign, d(i + 1)));
                let made = new(Expr::Sum(Box::new(d(0)), terms.collect()));
                let inner = std::iter::once((**first).clone())
                    .chain(rest.iter().map(|(_, term)| term.clone()));
                Draft { rule: Rule::Sum, made, inner: inner.collect() }
            }
            Expr::Product(first, rest) => self.product(first, rest),
            Expr::Power(base, exponent) => self.power(node, base, exponent),
            Expr::Call(function, arguments) => self.call(node, *function, arguments),
            Expr::Piecewise(cases, otherwise) => {
                let mut inner: Vec<Node> = cases.iter().map(|c| c.value.clone()).collect();
                inner.extend(otherwise.iter().map(|x| (**x).clone()));
                let made = cases.iter().enumerate();
                let made = made.map(|(i, c)| Case { value: d(i), condition: c.condition.clone() });
                let last = otherwise.as_ref().map(|_| Box::new(d(cases.len())));
                Draft { rule: Rule::Cases, made: new(Expr::Piecewise(made.collect(), last)), inner }
            }
            _ => done(Rule::Constant, number(0.0)),
        }
    }

    fn product(&self, first: &Node, rest: &[(By, Node)]) -> Draft {
        let d = |i| new(Expr::Variable(hole(i)));
        let all = || std::iter::once((By::Times, first)).chain(rest.iter().map(|(b, x)| (*b, x)));
        let pick = |over: bool| -> Vec<Node> {
            all().filter(|(by, _)| (*by == By::Over) == over).map(|(_, x)| x.clone()).collect()
        };
        let (above, below) = (pick(false), pick(true));
        let (below_moves, divisor) = (below.iter().any(|x| self.depends(x)), times(below.clone()));
        if below_moves {
            let dividend = times(above);
            let square = raise(divisor.clone(), number(2.0));
            if !self.depends(&dividend) {
                // C/g = C g⁻¹, without a term that is 0.
                let made = new(Expr::Negate(Box::new(over(times(vec![dividend, d(0)]), square))));
                return Draft { rule: Rule::Quotient, made, inner: vec![divisor] };
            }
            let left = times(vec![divisor.clone(), d(0)]);
            let right = times(vec![dividend.clone(), d(1)]);
            let difference = new(Expr::Sum(Box::new(left), vec![(Sign::Minus, right)]));
            let inner = vec![dividend, divisor];
            return Draft { rule: Rule::Quotient, made: over(difference, square), inner };
        }
        let (moving, fixed): (Vec<Node>, Vec<Node>) =
            above.into_iter().partition(|x| self.depends(x));
        if !fixed.is_empty() || !below.is_empty() {
            let product = times(fixed.into_iter().chain([d(0)]).collect());
            let made = if below.is_empty() { product } else { over(product, divisor) };
            return Draft { rule: Rule::ConstantMultiple, made, inner: vec![times(moving)] };
        }
        let term = |i: usize| {
            let others = moving.iter().enumerate().filter(|(j, _)| *j != i);
            times(others.map(|(_, x)| x.clone()).chain([d(i)]).collect())
        };
        let rest = (1..moving.len()).map(|i| (Sign::Plus, term(i))).collect();
        let made = new(Expr::Sum(Box::new(term(0)), rest));
        Draft { rule: Rule::Product, made, inner: moving }
    }

    fn power(&self, node: &Node, base: &Node, exponent: &Node) -> Draft {
        let d = |i| new(Expr::Variable(hole(i)));
        match (self.depends(base), self.depends(exponent)) {
            (true, false) => {
                let lower = (&term(exponent) + &Term::integer(-1)).to_node();
                let lowered = match lower.expr() {
                    Expr::Number(1.0) => base.clone(),
                    _ => raise(base.clone(), lower),
                };
                let slope = vec![exponent.clone(), lowered];
                if self.is_variable(base) {
                    return Draft { rule: Rule::Power, made: times(slope), inner: vec![] };
                }
                let made = times(slope.into_iter().chain([d(0)]).collect());
                Draft { rule: Rule::Chain(None), made, inner: vec![base.clone()] }
            }
            (false, _) => {
                let mut slope = vec![node.clone()];
                if *base.expr() != Expr::Constant(Constant::E) {
                    slope.push(call(Unary::ln, base.clone()));
                }
                if self.is_variable(exponent) {
                    return Draft { rule: Rule::Exponential, made: times(slope), inner: vec![] };
                }
                slope.push(d(0));
                let inner = vec![exponent.clone()];
                Draft { rule: Rule::Chain(None), made: times(slope), inner }
            }
            (true, true) => {
                let first = times(vec![d(1), call(Unary::ln, base.clone())]);
                let second = over(times(vec![exponent.clone(), d(0)]), base.clone());
                let sum = new(Expr::Sum(Box::new(first), vec![(Sign::Plus, second)]));
                let made = times(vec![node.clone(), sum]);
                let inner = vec![base.clone(), exponent.clone()];
                Draft { rule: Rule::GeneralPower, made, inner }
            }
        }
    }

    fn call(&self, node: &Node, function: Function, arguments: &[Node]) -> Draft {
        let d = |i| new(Expr::Variable(hole(i)));
        if let [x] = arguments {
            let slope = outer_slope(function, x);
            if self.is_variable(x) {
                return Draft { rule: Rule::Function(function), made: slope, inner: vec![] };
            }
            let made = match slope.expr() {
                Expr::Number(1.0) => d(0),
                _ => times(vec![slope, d(0)]),
            };
            return Draft { rule: Rule::Chain(Some(function)), made, inner: vec![x.clone()] };
        }
        let binary = match (function, arguments) {
            (Function::Max, [_, _]) => Some(Binary::Maximum),
            (Function::Min, [_, _]) => Some(Binary::Minimum),
            (Function::Zip(op), [_, _]) => Some(op),
            _ => None,
        };
        let Some(op) = binary else {
            // Several arguments of a maximum: by what it is chosen from.
            let made = term(node).derivative(self.by).to_node();
            return Draft { rule: Rule::ChainOfSeveral(function), made, inner: vec![] };
        };
        let (u, v) = (Term::symbol("\u{1}u"), Term::symbol("\u{1}v"));
        let f = u.zip(op, &v);
        let (mut terms, mut inner) = (vec![], vec![]);
        for (name, x) in ["\u{1}u", "\u{1}v"].iter().zip(arguments) {
            if self.depends(x) {
                let partial = f.derivative(name).to_node();
                let partial = replaced(&partial, "\u{1}u", &arguments[0]);
                let partial = replaced(&partial, "\u{1}v", &arguments[1]);
                terms.push(times(vec![partial, d(inner.len())]));
                inner.push(x.clone());
            }
        }
        let mut terms = terms.into_iter();
        let first = terms.next().unwrap_or_else(|| number(0.0));
        let rest: Vec<(Sign, Node)> = terms.map(|x| (Sign::Plus, x)).collect();
        let made = if rest.is_empty() { first } else { new(Expr::Sum(Box::new(first), rest)) };
        Draft { rule: Rule::ChainOfSeveral(function), made, inner }
    }
}

/// The tree with `x` in the place of the variable `name`.
pub(super) fn replaced(node: &Node, name: &str, x: &Node) -> Node {
    if matches!(node.expr(), Expr::Variable(n) if n == name) {
        return x.clone();
    }
    node.mapped(&mut |child| replaced(child, name, x))
}

impl Step {
    /// `d/dx[…]` of what is differentiated.
    fn question(&self, latex: bool) -> String {
        if latex {
            let by = new(Expr::Variable(self.by.clone())).to_latex();
            let sign = match self.operator {
                Operator::Derivative => format!(r"\frac{{d}}{{d{by}}}"),
                Operator::Partial => format!(r"\frac{{\partial}}{{\partial {by}}}"),
                Operator::Gradient => format!(r"\nabla_{{{by}}}"),
            };
            format!(r"{sign}\left[{}\right]", self.of.to_latex())
        } else {
            let (by, of) = (&self.by, self.of.pretty());
            match self.operator {
                Operator::Derivative => format!("d/d{by}[{of}]"),
                Operator::Partial => format!("∂/∂{by}[{of}]"),
                Operator::Gradient => format!("∇_{by}[{of}]"),
            }
        }
    }

    /// What the rule makes of it.
    fn answer(&self, latex: bool) -> String {
        let mut text = if latex { self.made.to_latex() } else { self.made.pretty() };
        for (i, part) in self.parts.iter().enumerate() {
            text = text.replace(&hole(i), &part.question(latex));
        }
        text
    }

    /// What the rule makes of it, with the derivatives that it asks for in their places: equal to
    /// `value`, but not simplified.
    pub fn filled(&self) -> Node {
        let parts = self.parts.iter().enumerate();
        parts.fold(self.made.clone(), |node, (i, part)| replaced(&node, &hole(i), &part.value))
    }

    /// The lines of the tree down to `depth`: how deep, what, and by which rule. A step whose parts
    /// were needed is followed by its value.
    pub fn lines(&self, depth: usize, latex: bool) -> Vec<(usize, String, String)> {
        let mut lines = vec![];
        self.collect(0, depth, latex, &mut lines);
        lines
    }

    fn collect(
        &self,
        level: usize,
        depth: usize,
        latex: bool,
        lines: &mut Vec<(usize, String, String)>,
    ) {
        let answer = self.answer(latex);
        let value = if latex { self.value.to_latex() } else { self.value.pretty() };
        lines.push((level, format!("{} = {answer}", self.question(latex)), self.rule.name()));
        if level < depth {
            let worth = |part: &&Step| !matches!(part.rule, Rule::Constant | Rule::Variable);
            for part in self.parts.iter().filter(worth) {
                part.collect(level + 1, depth, latex, lines);
            }
        }
        if answer != value {
            lines.push((level, format!("= {value}"), String::new()));
        }
    }
}

/// The whole tree, one line for each step.
impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (level, text, rule) in self.lines(usize::MAX, false) {
            let space = if rule.is_empty() { "" } else { "   " };
            writeln!(f, "{:1$}{text}{space}{rule}", "", 2 * level)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        steps(&Formula::parse(text).unwrap(), "x").unwrap().to_string()
    }

    #[test]
    fn the_lecture() {
        assert_eq!(
            shown("3x^2 - 4x"),
            "d/dx[3x² − 4x] = d/dx[3x²] − d/dx[4x]   sum rule\n  \
               d/dx[3x²] = 3 d/dx[x²]   constant multiple rule\n    \
                 d/dx[x²] = 2x   power rule\n  \
               = 6x\n  \
               d/dx[4x] = 4 d/dx[x]   constant multiple rule\n  \
               = 4\n\
             = 6x − 4\n"
        );
    }

    #[test]
    fn every_rule() {
        for (text, first) in [
            ("x sin x", "d/dx[x sin x] = sin(x) d/dx[x] + x d/dx[sin x]   product rule"),
            ("sin(x)/x", "d/dx[sin(x)/x] = (x d/dx[sin x] − sin(x) d/dx[x])/x²   quotient rule"),
            ("1/x", "d/dx[1/x] = −d/dx[x]/x²   quotient rule"),
            ("e^(x²)", "d/dx[e^(x²)] = e^(x²) d/dx[x²]   chain rule"),
            ("2^x", "d/dx[2^x] = 2^x ln 2   exponential rule"),
            ("x^x", "d/dx[x^x] = x^x (d/dx[x] ln x + x d/dx[x]/x)   general power rule"),
            ("(x+1)^3", "d/dx[(x + 1)³] = 3 (x + 1)² d/dx[x + 1]   chain rule"),
            ("ln(sin x)", "d/dx[ln(sin x)] = d/dx[sin x]/sin(x)   chain rule, derivative of ln"),
            ("cos x", "d/dx[cos x] = −sin x   derivative of cos"),
            (
                "hypot(x, 2)",
                "d/dx[hypot(x, 2)] = x d/dx[x]/hypot(x, 2)   \
              chain rule in several variables, partial derivatives of hypot",
            ),
            (
                "{x² if x > 0; 0 otherwise}",
                "d/dx[{x² if x > 0; 0 otherwise}] = \
              {d/dx[x²] if x > 0; d/dx[0] otherwise}   each case by itself",
            ),
        ] {
            let shown = shown(text);
            let line = shown.lines().next().unwrap();
            assert_eq!(line, first, "{text}");
        }
    }
}
