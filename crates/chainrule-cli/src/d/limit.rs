//! The derivatives at a point, by everything that can compute them.

use chainrule::formula::Formula;
use chainrule::symbolic::Term;

use super::symbolic::Symbolic;
use crate::check::{Function, Trouble, derivative};

/// The steps of the table of difference quotients.
const STEPS: [f64; 5] = [0.1, 0.01, 0.001, 0.0001, 0.00001];

/// A derivative's value in each way; NaN where a way does not reach.
pub(super) struct Values {
    pub(super) symbolic: f64,
    pub(super) reverse: f64,
    pub(super) forward: f64,
    pub(super) numeric: f64,
    /// To how many digits they agree.
    pub(super) digits: u32,
}

/// What was found at a point.
pub(super) struct At {
    pub(super) place: String,
    pub(super) value: f64,
    /// One for each of the partial derivatives.
    pub(super) values: Vec<Values>,
    /// h and the difference quotient.
    pub(super) limit: Vec<(f64, f64)>,
    /// Why there is no derivative.
    pub(super) problem: Option<String>,
}

impl At {
    pub(super) fn compute(f: &Function, symbolic: &Symbolic) -> Result<At, Trouble> {
        let value = f.value(&f.point)?;
        let (place, mut at) = (f.place(), vec![]);
        if !value.is_finite() {
            let problem = Some(f.why_not_finite(value));
            return Ok(At { place, value, values: at, limit: vec![], problem });
        }
        let order = symbolic.order.min(2) as u8;
        let (reverse, forward) = (f.slopes(order)?, f.forward(order)?);
        let problem = f.no_derivative(order, &reverse).map(|(_, sentence)| sentence);
        let names: Vec<&str> = f.variables.iter().map(|v| v.name.as_str()).collect();
        let point: Vec<(&str, f64)> = names.iter().copied().zip(f.point.clone()).collect();
        let formula = |x: &[f64]| f.value(x).unwrap_or(f64::NAN);
        for partial in &symbolic.partials {
            // The places in the list of variables to differentiate by.
            let by: Vec<usize> = partial
                .by
                .iter()
                .filter_map(|name| symbolic.by.iter().position(|n| n == name))
                .collect();
            let (reverse, forward, numeric) = match by.len() {
                1 | 2 => {
                    let places: Vec<usize> = by.iter().map(|&i| f.wrt[i]).collect();
                    let numeric = derivative(&formula, &f.point, &places).value;
                    (reverse.at(&by), forward.at(&by), numeric)
                }
                _ => (f64::NAN, f64::NAN, f64::NAN),
            };
            let symbolic = number(&partial.term, &point)?;
            let digits = agreement(&[symbolic, reverse, forward, numeric]);
            at.push(Values { symbolic, reverse, forward, numeric, digits });
        }
        let quotient = |h: f64| {
            let mut moved = f.point.clone();
            moved[f.wrt[0]] += h;
            (formula(&moved) - value) / h
        };
        let limit = STEPS.iter().map(|&h| (h, quotient(h))).collect();
        Ok(At { place, value, values: at, limit, problem })
    }
}

/// A term's value.
fn number(term: &Term, point: &[(&str, f64)]) -> Result<f64, Trouble> {
    Ok(Formula::from_node(term.to_node()).value(point)?)
}

/// To how many digits the numbers that are there agree, at most 16.
pub(super) fn agreement(all: &[f64]) -> u32 {
    let there: Vec<f64> = all.iter().copied().filter(|x| !x.is_nan()).collect();
    agreement_to(&there, there.iter().fold(0.0f64, |m, x| m.max(x.abs())))
}

/// To how many digits of a number of this size the numbers agree, at most 16.
pub(super) fn agreement_to(there: &[f64], size: f64) -> u32 {
    let size = size.max(1e-300);
    let (low, high) = there.iter().fold((f64::MAX, f64::MIN), |(a, b), x| (a.min(*x), b.max(*x)));
    let error = (high - low) / size;
    (-error.max(1e-16).log10()).clamp(0.0, 16.0) as u32
}
