//! Long formulas with names for the parts that they repeat.
//!
//! The chain rule repeats itself: a derivative has the inner functions of the formula in many
//! places. A formula with more than [`LONG`] operations is easier to read, and to compute by hand,
//! if what it repeats is written once:
//!
//! ```
//! use chainrule::formula::Formula;
//! use chainrule::symbolic::Term;
//! let f = Formula::parse("e^(-(x^2 + y^2)/2) sin(x^2 + y^2) cos(x^2 + y^2)")?;
//! let slope = Term::of(&f)?.derivative("x");
//! let named = Term::named(&[slope]);
//! let parts: Vec<String> = named.equations().iter().map(|e| e.pretty()).collect();
//! assert_eq!(parts, ["u = cos(x² + y²)", "v = sin(x² + y²)"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Derivatives that are short, but have more than [`GROWTH`] times the operations of what was
//! differentiated, name whatever is repeated ([`Named::derivatives`]):
//!
//! ```
//! use chainrule::formula::Formula;
//! use chainrule::symbolic::{Named, Term};
//! let f = Formula::parse("atan2(y, x)")?;
//! let slopes = Term::of(&f)?.gradient(&["x", "y"]).iter().map(Term::to_node).collect::<Vec<_>>();
//! let named = Named::derivatives(&slopes, &[], f.root().operations());
//! assert_eq!(named.to_string(), "-y/u, x/u where u = x^2 + y^2");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The trees of all formulas are folded into one graph of distinct parts. From the largest part to
//! the smallest, a part gets a name if writing it once saves [`SAVED`] operations; a part that is
//! repeated only inside of larger ones that have names already is not. Names are letters that no
//! variable has. What is named are whole parts as they are printed, so that putting them back gives
//! the formula as it was, sign by sign.

use std::collections::HashMap;
use std::fmt;

use chainrule_core::op::Cmp;

use super::term::Term;
use crate::formula::{By, Case, Expr, Formula, Node, Span};

/// Formulas of at most so many operations are shown as they are.
pub const LONG: usize = 20;

/// The operations that a name has to save.
pub const SAVED: usize = 4;

/// So many operations for each one of a formula do its derivatives have without names.
pub const GROWTH: usize = 6;

/// The letters that parts are named with, in the order of preference.
const LETTERS: [&str; 10] = ["u", "v", "w", "s", "t", "p", "q", "r", "h", "k"];

/// Formulas in which parts have names.
#[derive(Clone, Debug)]
pub struct Named {
    /// The names, each with what it stands for; later ones may use earlier ones.
    pub parts: Vec<(String, Node)>,
    /// The formulas.
    pub results: Vec<Node>,
}

/// A distinct part: its children are variables that stand for other parts.
struct Part {
    shallow: Node,
    children: Vec<usize>,
    /// Its own operations, and those of everything in it, written out.
    own: usize,
    all: usize,
}

/// The distinct parts of trees, each after its own parts.
#[derive(Default)]
struct Parts {
    list: Vec<Part>,
    places: HashMap<String, usize>,
}

impl Node {
    /// The number of operations as it is written: signs, powers and functions. A fraction of
    /// numbers is a number; a case of a piecewise formula is one operation together with the
    /// comparison that it waits for.
    ///
    /// ```
    /// # use chainrule::formula::Formula;
    /// assert_eq!(Formula::parse("3x^2 - 4 sin(x)")?.root().operations(), 5);
    /// # Ok::<(), chainrule::formula::FormulaError>(())
    /// ```
    pub fn operations(&self) -> usize {
        let mut n = own_operations(self.expr());
        self.expr().for_children(&mut |child| n = n.saturating_add(child.operations()));
        n
    }
}

fn own_operations(expr: &Expr) -> usize {
    match expr {
        Expr::Number(_) | Expr::Constant(_) | Expr::Variable(_) | Expr::Vector(_) => 0,
        Expr::Negate(_) | Expr::Transpose(_) | Expr::Not(_) | Expr::Power(..) => 1,
        Expr::Sum(_, rest) => rest.len(),
        // A fraction of numbers is a number; 1/x is one operation, as is x/y.
        Expr::Product(first, rest) => rest.len() - usize::from(is_fraction(first, rest)),
        Expr::Compare(_, rest) => rest.len(),
        Expr::And(all) | Expr::Or(all) => all.len() - 1,
        Expr::Call(_, all) => all.len().saturating_sub(1).max(1),
        Expr::Piecewise(cases, _) => {
            let is_compared = |case: &&Case| matches!(case.condition.expr(), Expr::Compare(..));
            cases.len() - cases.iter().filter(is_compared).count()
        }
    }
}

/// Whether a product begins with a number over a number.
fn is_fraction(first: &Node, rest: &[(By, Node)]) -> bool {
    let is_number = |node: &Node| matches!(node.expr(), Expr::Number(_));
    is_number(first) && matches!(rest.first(), Some((By::Over, x)) if is_number(x))
}

/// The variable that stands for part `i` in the shallow tree of another.
fn place(i: usize) -> Node {
    variable(&format!("\u{2}{i}"))
}

fn variable(name: &str) -> Node {
    Node::new(Expr::Variable(name.into()), Span::default())
}

impl Parts {
    fn add(&mut self, node: &Node) -> usize {
        let mut children = vec![];
        let shallow = node.mapped(&mut |child| {
            children.push(self.add(child));
            place(children[children.len() - 1])
        });
        let key = shallow.to_string();
        if let Some(&at) = self.places.get(&key) {
            return at;
        }
        let own = own_operations(node.expr());
        let inside = children.iter().map(|&c| self.list[c].all);
        let all = inside.fold(own, usize::saturating_add);
        self.list.push(Part { shallow, children, own, all });
        self.places.insert(key, self.list.len() - 1);
        self.list.len() - 1
    }

    /// Which parts get a name.
    fn chosen(&self, results: &[usize], least: usize) -> Vec<bool> {
        let n = self.list.len();
        let (mut uses, mut named) = (vec![0usize; n], vec![false; n]);
        results.iter().for_each(|&i| uses[i] += 1);
        for (i, part) in self.list.iter().enumerate().rev() {
            let saved = uses[i].saturating_sub(1).saturating_mul(part.all);
            named[i] = is_value(part.shallow.expr()) && saved >= least;
            let times = if named[i] { 1 } else { uses[i] };
            part.children.iter().for_each(|&c| uses[c] = uses[c].saturating_add(times));
        }
        // What is one operation on names needs none of its own.
        let mut left = vec![0usize; n];
        for (i, part) in self.list.iter().enumerate() {
            let inside = part.children.iter().map(|&c| if named[c] { 0 } else { left[c] });
            left[i] = inside.fold(part.own, usize::saturating_add);
            named[i] &= left[i] > 1;
        }
        named
    }
}

/// Whether a part may have a name: it is a value, and more than another with a sign.
fn is_value(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::Sum(..) | Expr::Product(..) | Expr::Power(..) | Expr::Call(..) | Expr::Piecewise(..)
    )
}

/// So many names that are none of `taken`.
fn names(count: usize, taken: &[String]) -> Vec<String> {
    let free = |name: &&str| {
        let below = |t: &String| t.strip_prefix(*name).is_some_and(|r| r.starts_with('_'));
        !taken.iter().any(|t| t == name || below(t))
    };
    let mut letters = LETTERS.iter().copied().filter(free);
    if count <= 3 {
        let few: Vec<String> = letters.by_ref().take(count).map(String::from).collect();
        if few.len() == count {
            return few;
        }
    }
    let letter = LETTERS.iter().copied().find(free).unwrap_or("part");
    let numbered = (1..).map(|i| format!("{letter}_{i}"));
    numbered.filter(|name| !taken.contains(name)).take(count).collect()
}

impl Named {
    /// Gives names to what is repeated in `formulas`, if one of them is long. `taken` are names
    /// that mean something else, beside the variables of the formulas.
    pub fn new(formulas: &[Node], taken: &[&str]) -> Named {
        match formulas.iter().all(|node| node.operations() <= LONG) {
            true => Named { parts: vec![], results: formulas.to_vec() },
            false => Named::with(formulas, taken, SAVED),
        }
    }

    /// The same for derivatives of what has so many `operations`: whatever is repeated has a name
    /// if they have more than [`GROWTH`] times as many.
    pub fn derivatives(formulas: &[Node], taken: &[&str], operations: usize) -> Named {
        let named = Named::new(formulas, taken);
        if named.operations() <= operations.saturating_mul(GROWTH) {
            return named;
        }
        let more = Named::with(formulas, taken, 1);
        if more.operations() < named.operations() { more } else { named }
    }

    fn with(formulas: &[Node], taken: &[&str], least: usize) -> Named {
        let mut result = Named { parts: vec![], results: vec![] };
        let mut parts = Parts::default();
        let roots: Vec<usize> = formulas.iter().map(|node| parts.add(node)).collect();
        let chosen = parts.chosen(&roots, least);
        let mut taken: Vec<String> = taken.iter().map(ToString::to_string).collect();
        for node in formulas {
            taken.extend(Formula::from_node(node.clone()).variables().iter().cloned());
        }
        let mut names = names(chosen.iter().filter(|c| **c).count(), &taken).into_iter();
        let mut built: HashMap<String, Node> = HashMap::new();
        for (i, part) in parts.list.iter().enumerate() {
            let node = part.shallow.mapped(&mut |child| match child.expr() {
                Expr::Variable(name) => built.get(name).unwrap_or(child).clone(),
                _ => child.clone(),
            });
            let name = if chosen[i] { names.next() } else { None };
            let shown = match name {
                None => node,
                Some(name) => {
                    result.parts.push((name.clone(), node));
                    variable(&name)
                }
            };
            built.insert(format!("\u{2}{i}"), shown);
        }
        let of = |i: &usize| built.get(&format!("\u{2}{i}")).cloned();
        result.results = roots.iter().filter_map(of).collect();
        result
    }

    /// What the names stand for, as equations.
    pub fn equations(&self) -> Vec<Node> {
        let equation = |(name, node): &(String, Node)| {
            let right = vec![(Cmp::Eq, node.clone())];
            Node::new(Expr::Compare(Box::new(variable(name)), right), Span::default())
        };
        self.parts.iter().map(equation).collect()
    }

    /// The number of operations as they are written: those of a named part once.
    pub fn operations(&self) -> usize {
        let parts = self.parts.iter().map(|(_, node)| node);
        parts.chain(&self.results).map(Node::operations).sum()
    }

    /// The formulas and the meaning of the names as people write them, in one line.
    pub fn pretty(&self) -> String {
        self.joined(Node::pretty, " where ")
    }

    /// The formulas and the meaning of the names in LaTeX's mathematical mode.
    pub fn to_latex(&self) -> String {
        self.joined(Node::to_latex, r" \quad \text{where } ")
    }

    fn joined(&self, print: impl Fn(&Node) -> String, between: &str) -> String {
        let list = |all: &[Node]| all.iter().map(&print).collect::<Vec<_>>().join(", ");
        match self.parts.is_empty() {
            true => list(&self.results),
            false => format!("{}{between}{}", list(&self.results), list(&self.equations())),
        }
    }
}

/// The canonical texts, and behind `where` those of the names.
impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.joined(ToString::to_string, " where "))
    }
}

impl Term {
    /// The terms as formulas, with names for what long ones repeat.
    pub fn named(terms: &[Term]) -> Named {
        Named::new(&terms.iter().map(Term::to_node).collect::<Vec<_>>(), &[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str, by: &str) -> Named {
        let formula = Formula::parse(text).unwrap();
        Term::named(&[Term::of(&formula).unwrap().derivative(by)])
    }

    #[test]
    fn short_formulas_stay_as_they_are() {
        let short = named("x^2 e^(x^2)", "x");
        assert!(short.parts.is_empty());
        assert_eq!(short.to_string(), short.results[0].to_string());
    }

    #[test]
    fn names_are_new_ones() {
        let text = "v_1 e^(-(x^2 + u^2)/2) sin(x^2 + u^2) cos(x^2 + u^2)";
        let named = named(text, "x");
        let names: Vec<&str> = named.parts.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["w", "s"], "u is a variable, and v_1 too: {named}");
        assert_eq!(super::names(2, &[]), ["u", "v"]);
        assert_eq!(super::names(4, &["u".into()]), ["v_1", "v_2", "v_3", "v_4"]);
        let all: Vec<String> = LETTERS.iter().map(ToString::to_string).collect();
        assert_eq!(super::names(1, &all), ["part_1"]);
    }

    #[test]
    fn parts_inside_of_named_ones_have_no_names() {
        // sin(x² + 1) is there six times, x² + 1 only in it.
        let text = "(sin(x^2+1) + a)(sin(x^2+1) + b)(sin(x^2+1) + c)/(sin(x^2+1) + d) \
                    + ln(sin(x^2+1)) + e^sin(x^2+1) + 1";
        let formula = Formula::parse(text).unwrap();
        let named = Named::new(&[formula.root().clone()], &[]);
        assert_eq!(named.equations()[0].to_string(), "u = sin(x^2 + 1)");
        assert_eq!(named.parts.len(), 1);
    }
}
