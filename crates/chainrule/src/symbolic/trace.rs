//! From a program on tensors to the formula that it computes.
//!
//! The program runs once, on variables that have no value, and the graph that it records is read:
//! functions of one and two arguments, choices, numbers, and whatever moves a single number.

use std::cell::RefCell;

use chainrule_core::op::{Binary, Cmp, Linear, Logic, Op, Unary};
use chainrule_core::{DType, Error, ErrorKind, GraphNode, Outcome, Real, Tensor, graph_of, vmap};

use super::term::Term;

/// The formula that a function of single numbers computes.
///
/// ```
/// use chainrule::symbolic::trace;
/// let f = trace(&["x"], |v| 3.0 * v[0].powi(2) - 4.0 * &v[0])?;
/// assert_eq!(f.to_string(), "3*x^2 - 4*x");
/// assert_eq!(f.derivative("x").to_string(), "6*x - 4");
/// let f = trace(&["x", "y"], |v| v[0].gt(&v[1]).where_(&v[0].sin(), 0.0))?;
/// assert_eq!(f.to_string(), "{sin(x) if x > y; 0 otherwise}");
/// # Ok::<(), chainrule::Error>(())
/// ```
///
/// # Errors
/// The function's own; if it asks a variable for its value, as a branch of the program does; if
/// what it computes is no formula of single numbers, with the operation and its line.
#[track_caller]
pub fn trace<Y: Outcome<Tree = Tensor>>(
    names: &[&str],
    f: impl FnOnce(&[Tensor]) -> Y,
) -> Result<Term, Error> {
    let found = RefCell::new(None);
    let variables: Vec<Tensor> = names.iter().map(|_| Tensor::from([0.0f64])).collect();
    let run = |v: &Vec<Tensor>| -> Result<Tensor, Error> {
        let y = f(v).outcome()?;
        let roots: Vec<&Tensor> = v.iter().chain([&y]).collect();
        let nodes = graph_of(&roots);
        let place = match v.iter().position(|x| is_same(x, &y)) {
            Some(i) => i,
            None => nodes.len() - 1,
        };
        found.replace(Some(terms(names, &nodes)?.swap_remove(place)));
        Ok(y)
    };
    match names.is_empty() {
        true => drop(run(&vec![])?),
        false => drop(vmap(run, &variables)?),
    }
    found.into_inner().ok_or_else(|| refused("nothing was recorded", None))
}

/// Whether two handles lead to one node.
fn is_same(x: &Tensor, y: &Tensor) -> bool {
    graph_of(&[x, y]).len() == 1
}

#[track_caller]
fn refused(what: &str, node: Option<&GraphNode>) -> Error {
    let at = node.map_or_else(crate::Place::caller, |node| node.at);
    Error::new(ErrorKind::NoDerivative, what, at)
        .hint("formulas are traced from functions of single numbers; see `symbolic::trace`")
}

/// The terms of all nodes; the first of them are the variables.
fn terms(names: &[&str], nodes: &[GraphNode]) -> Result<Vec<Term>, Error> {
    let mut all: Vec<Term> = Vec::with_capacity(nodes.len());
    for (i, node) in nodes.iter().enumerate() {
        let term = match names.get(i) {
            Some(name) => Term::symbol(name),
            None => term(node, &all)?,
        };
        all.push(term);
    }
    Ok(all)
}

fn term(node: &GraphNode, all: &[Term]) -> Result<Term, Error> {
    let name = node.op.name();
    if node.tensor.len() != 1 {
        let what = format!("`{name}` gives {:?} numbers; a formula has one", node.tensor.shape());
        return Err(refused(&what, Some(node)));
    }
    let source = |i: usize| all[node.sources[i]].clone();
    let zero = Term::integer(0);
    Ok(match &node.op {
        Op::Const(_) | Op::Leaf | Op::Parameter | Op::Version => {
            Term::written().lit(node.tensor.to_dtype(DType::F64).to_vec::<f64>()?[0])
        }
        Op::Map(op) => source(0).map(*op),
        Op::Zip(op) => source(0).zip(*op, &source(1)),
        Op::Compare(cmp) => source(0).indicator(*cmp, &source(1)),
        Op::Where => source(0).pick(Cmp::Ne, &zero, &source(1), &source(2)),
        Op::Logic(logic) => {
            let (x, y) = (source(0), source(1));
            let not = |x: &Term| x.indicator(Cmp::Eq, &zero);
            match logic {
                Logic::And => x.zip(Binary::Mul, &y),
                Logic::Or => x.pick(Cmp::Ne, &zero, &x.lit(1.0), &y),
                Logic::Xor => x.pick(Cmp::Ne, &zero, &not(&y), &y),
            }
        }
        Op::Linear(Linear::Cast) => match node.tensor.dtype() {
            DType::Bool => source(0).indicator(Cmp::Ne, &zero),
            dtype if dtype.is_float() => source(0),
            _ => source(0).map(Unary::trunc),
        },
        Op::Linear(
            Linear::Reshape
            | Linear::Permute(_)
            | Linear::Flip(_)
            | Linear::Expand(_)
            | Linear::Cumsum(..),
        )
        | Op::After => source(0),
        Op::Linear(Linear::Sum(_)) | Op::Reduce(..) if node.sources.len() == 1 => source(0),
        _ => {
            let what = format!("`{name}` has no formula of single numbers");
            return Err(refused(&what, Some(node)));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_one_number_is_that_number() {
        let f = trace(&["x", "y"], |v| {
            let x = v[0].reshape([1, 1]).t().flatten().sum();
            (&x * &v[1]).exp() / (2.0 * &x)
        });
        assert_eq!(f.unwrap().to_string(), "e^(x*y)/(2*x)");
        assert_eq!(trace(&["x"], |v| v[0].clone()).unwrap().to_string(), "x");
        assert_eq!(trace(&["x"], |_| Tensor::from(2.5)).unwrap().to_string(), "2.5");
    }

    #[test]
    fn what_is_no_formula_is_refused_with_its_line() {
        let line = line!() + 1;
        let error = trace(&["x"], |v| v[0].expand([3]).cumsum(0).sum()).unwrap_err().to_string();
        assert!(error.contains(&format!("trace.rs:{line}")), "{error}");
        assert!(error.contains("`expand` gives [3] numbers"), "{error}");
        let error = trace(&["x"], |v| v[0].detach()).unwrap_err().to_string();
        assert!(error.contains("`detach` has no formula"), "{error}");
        let value = trace(&["x"], |v| Ok(Tensor::from(v[0].item::<f64>()?)));
        assert!(value.is_err(), "a variable has no value");
    }
}
