//! Points at which there is no derivative, and what is said about them.

use std::cell::RefCell;
use std::collections::HashMap;

use chainrule::Tensor;
use chainrule::formula::{Expr, Formula, Node};

use super::Derivative;
use super::differences::{Place, place};
use super::function::{Function, Slopes};
use super::show::{clipped, trimmed};

impl Function {
    /// The sentence about a value that is NaN or infinite.
    pub(crate) fn why_not_finite(&self, value: f64) -> String {
        let place = self.place();
        let root = self.formula.root();
        let part = self.culprit(root, value);
        let of = match std::ptr::eq(part, root) {
            true => "the formula".to_string(),
            false => format!("`{}`", clipped(part, 60)),
        };
        if value.is_nan() {
            format!("{of} is not defined at {place}: there is no value, and no derivative")
        } else {
            format!("{of} is infinite at {place}: there is no derivative")
        }
    }

    /// The smallest part of the formula that is not finite either.
    fn culprit<'a>(&self, node: &'a Node, value: f64) -> &'a Node {
        if matches!(node.expr(), Expr::Piecewise(..)) {
            return node;
        }
        let mut bad: Option<&Node> = None;
        node.expr().for_children(&mut |child| {
            let is_constant = matches!(child.expr(), Expr::Constant(_));
            if bad.is_none() && !is_constant && self.is_bad(child, value) {
                bad = Some(child);
            }
        });
        bad.map_or(node, |child| self.culprit(child, value))
    }

    fn is_bad(&self, node: &Node, value: f64) -> bool {
        let names: Vec<&str> = self.variables.iter().map(|v| v.name.as_str()).collect();
        let of = || {
            let part = Formula::parse_with(&node.to_string(), &names).ok()?;
            let tensors = self.tensors(&self.point).ok()?;
            let values: Vec<(&str, &Tensor)> = names.iter().copied().zip(&tensors).collect();
            part.eval(&values).ok()?.to_vec::<f64>().ok()
        };
        let numbers: Vec<f64> = of().unwrap_or_default();
        numbers.iter().any(|x| if value.is_nan() { x.is_nan() } else { x.is_infinite() })
    }

    /// The sentence about the point if the function, or for second derivatives its gradient, has a
    /// kink or an edge there.
    pub(crate) fn no_derivative(&self, order: u8, slopes: &Slopes) -> Option<(usize, String)> {
        let moved = |i: usize, step: f64| {
            let mut point = self.point.clone();
            point[i] += step;
            point
        };
        let by_value = |&i: &usize| {
            let f = |step: f64| self.value(&moved(i, step)).unwrap_or(f64::NAN);
            self.sentence(place(&f, self.unit(i)), "the formula", i, 1)
        };
        if let Some(sentence) = self.wrt.iter().find_map(by_value) {
            return Some(sentence);
        }
        if let Some(i) = slopes.gradient.iter().position(|x| !x.is_finite()) {
            return Some((3, self.not_finite(&vec![i], slopes.gradient[i])));
        }
        if order < 2 {
            return None;
        }
        let kink = self.wrt.iter().find_map(|&i| {
            // The whole gradient at each step, computed once.
            let seen: RefCell<HashMap<u64, Vec<f64>>> = RefCell::default();
            let slope = |k: usize, step: f64| {
                let compute = || self.slopes_at(&moved(i, step), 1).map(|s| s.gradient);
                let mut seen = seen.borrow_mut();
                let all =
                    seen.entry(step.to_bits()).or_insert_with(|| compute().unwrap_or_default());
                all.get(k).copied().unwrap_or(f64::NAN)
            };
            (0..self.wrt.len()).find_map(|k| {
                let name = format!("the slope {}", self.name(&vec![k]));
                self.sentence(place(&|step| slope(k, step), self.unit(i)), &name, i, 2)
            })
        });
        kink.or_else(|| {
            let n = self.wrt.len();
            let mut all = (0..n).flat_map(|i| (i..n).map(move |j| vec![i, j]));
            let bad = all.find(|d| !slopes.hessian[d[0]][d[1]].is_finite())?;
            Some((3, self.not_finite(&bad, slopes.hessian[bad[0]][bad[1]])))
        })
    }

    fn not_finite(&self, derivative: &Derivative, value: f64) -> String {
        let what = if value.is_nan() { "not a number" } else { "infinite" };
        format!("{} is {what} at {}", self.name(derivative), self.place())
    }

    /// A length over which the function may be looked at beside the number.
    fn unit(&self, i: usize) -> f64 {
        if self.point[i] == 0.0 { 1.0 } else { self.point[i].abs() }
    }

    fn sentence(
        &self,
        found: Place,
        what: &str,
        i: usize,
        order: usize,
    ) -> Option<(usize, String)> {
        let (name, place) = (self.coordinate(i), self.place());
        let derivative = if order == 1 { "derivative" } else { "second derivative" };
        let what = match found {
            Place::Smooth => return None,
            Place::Edge => format!("{what} is not defined on both sides of {place}"),
            Place::Jump => {
                format!("{what} jumps or is infinitely steep at or very near {place}")
            }
            Place::Kink(a, b) => {
                let [a, b] = [a, b].map(|x| trimmed(x, 4));
                format!(
                    "{what} has a kink at {place}, where its slope by {name} goes from {a} to {b}"
                )
            }
        };
        Some((order, format!("{what}: no {derivative} by {name}")))
    }
}
