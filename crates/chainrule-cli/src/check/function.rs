//! A formula as a function of the numbers in its variables.

use std::cell::RefCell;
use std::collections::HashMap;

use chainrule::formula::{Expr, Formula, FormulaError, Node};
use chainrule::op::Cmp;
use chainrule::{DType, ErrorKind, Tensor, grad};

use super::differences::{Place, place};
use super::{Derivative, Trouble};

/// The most numbers to differentiate by.
const MOST: usize = 100;

/// A variable, whose numbers are a part of the point.
struct Variable {
    name: String,
    shape: Vec<usize>,
    start: usize,
}

/// A formula and a point.
pub(super) struct Function {
    pub(super) formula: Formula,
    variables: Vec<Variable>,
    /// All numbers of all variables.
    pub(super) point: Vec<f64>,
    /// The numbers to differentiate by, as indices in the point.
    pub(super) wrt: Vec<usize>,
}

/// The derivatives by reverse mode.
pub(super) struct Slopes {
    pub(super) gradient: Vec<f64>,
    pub(super) hessian: Vec<Vec<f64>>,
}

fn misuse(text: impl Into<String>) -> Trouble {
    Trouble::Misuse(text.into())
}

/// An error of the library as a sentence for `note`, which writes its own `error: `; places in
/// this program mean nothing to its users.
fn text(error: &dyn std::fmt::Display) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let lines: Vec<&str> = text
        .lines()
        .map(|line| line.split_once("   made at ").map_or(line, |(before, _)| before).trim_end())
        .collect();
    lines.join("\n")
}

impl From<FormulaError> for Trouble {
    fn from(error: FormulaError) -> Trouble {
        misuse(text(&error))
    }
}

impl From<chainrule::Error> for Trouble {
    fn from(error: chainrule::Error) -> Trouble {
        Trouble::Failure(text(&error))
    }
}

impl Function {
    /// Reads the arguments of the command.
    pub(super) fn read(
        formula: &str,
        at: &[String],
        wrt: Option<&[String]>,
    ) -> Result<Function, Trouble> {
        let values = values(at)?;
        let names: Vec<&str> = values.iter().map(|(name, _)| name.as_str()).collect();
        let formula = Formula::parse_with(formula, &names)?;
        let used = formula.variables();
        if used.is_empty() {
            return Err(misuse("the formula has no variable to differentiate by"));
        }
        if let Some(name) = names.iter().find(|name| !used.iter().any(|u| u == *name)) {
            let list = used.join(", ");
            return Err(misuse(format!("the formula has no variable `{name}`; it has {list}")));
        }
        let missing: Vec<&str> =
            used.iter().map(String::as_str).filter(|u| !names.contains(u)).collect();
        if let Expr::Compare(_, right) = formula.root().expr()
            && let [(Cmp::Eq, right)] = &right[..]
        {
            return Err(misuse(format!("write only what stands right of `=`: {right}")));
        }
        if !missing.is_empty() && !values.is_empty() {
            let tensors: Vec<(&str, &Tensor)> = values.iter().map(|(n, x)| (&**n, x)).collect();
            formula.eval(&tensors)?;
        } else if !missing.is_empty() {
            let each: Vec<String> = missing.iter().map(|name| format!("{name}=1")).collect();
            return Err(misuse(format!(
                "at which point? Give one, such as --at {}",
                each.join(",")
            )));
        }
        let (mut variables, mut point) = (vec![], vec![]);
        for name in used {
            let Some((_, x)) = values.iter().find(|(n, _)| n == name) else { continue };
            let (name, shape) = (name.clone(), x.shape().to_vec());
            variables.push(Variable { name, shape, start: point.len() });
            point.extend(x.to_vec::<f64>()?);
        }
        let mut f = Function { formula, variables, point, wrt: vec![] };
        f.wrt = f.coordinates(wrt)?;
        Ok(f)
    }

    /// The places in the point of the variables to differentiate by.
    fn coordinates(&self, names: Option<&[String]>) -> Result<Vec<usize>, Trouble> {
        let all: Vec<&str> = self.variables.iter().map(|v| v.name.as_str()).collect();
        let names = match names {
            Some(names) => names.iter().map(|name| name.trim()).collect(),
            None => all.clone(),
        };
        let mut wrt = vec![];
        for name in names {
            let Some(v) = self.variables.iter().find(|v| v.name == name) else {
                let list = all.join(", ");
                return Err(misuse(format!("--wrt names `{name}`; the variables are {list}")));
            };
            wrt.extend(v.start..v.start + v.shape.iter().product::<usize>());
        }
        if wrt.is_empty() || wrt.len() > MOST {
            let n = wrt.len();
            return Err(misuse(format!(
                "{n} numbers to differentiate by; 1 to {MOST} are possible"
            )));
        }
        let once = wrt.iter().enumerate().all(|(i, w)| !wrt[..i].contains(w));
        if once { Ok(wrt) } else { Err(misuse("--wrt names a variable twice")) }
    }

    fn tensors(&self, point: &[f64]) -> Result<Vec<Tensor>, Trouble> {
        let each = self.variables.iter().map(|v| {
            let n = v.shape.iter().product::<usize>();
            let x = Tensor::from_vec(point[v.start..v.start + n].to_vec(), &v.shape)?;
            Ok(x.named(&v.name))
        });
        each.collect()
    }

    /// The formula on tensors, one for each variable: a single number.
    fn eval(&self, tensors: &[Tensor]) -> Result<Tensor, Trouble> {
        let values: Vec<(&str, &Tensor)> =
            self.variables.iter().map(|v| v.name.as_str()).zip(tensors).collect();
        let y = self.formula.eval(&values)?;
        if y.dtype() == DType::Bool {
            return Err(misuse("the formula is true or false; derivatives need a number"));
        }
        if y.len() != 1 {
            return Err(misuse(format!(
                "the formula gives {} numbers, of shape {:?}; make it one, with sum(…) or norm(…)",
                y.len(),
                y.shape()
            )));
        }
        Ok(y.try_flatten()?.try_sum()?)
    }

    /// The value at a point.
    pub(super) fn value(&self, point: &[f64]) -> Result<f64, Trouble> {
        Ok(self.eval(&self.tensors(point)?)?.item()?)
    }

    /// The derivatives at the function's point by reverse mode.
    pub(super) fn slopes(&self, order: u8) -> Result<Slopes, Trouble> {
        self.slopes_at(&self.point, order)
    }

    fn slopes_at(&self, point: &[f64], order: u8) -> Result<Slopes, Trouble> {
        let leaves: Vec<Tensor> =
            self.tensors(point)?.into_iter().map(Tensor::requires_grad).collect();
        let first = gradient(&self.eval(&leaves)?, &leaves)?;
        let pick = |all: &[f64]| self.wrt.iter().map(|&i| all[i]).collect::<Vec<_>>();
        let gradient_at = pick(&first.to_vec::<f64>()?);
        let mut hessian = vec![];
        if order > 1 {
            for &i in &self.wrt {
                hessian.push(pick(&gradient(&first.try_i(i as i64)?, &leaves)?.to_vec::<f64>()?));
            }
        }
        Ok(Slopes { gradient: gradient_at, hessian })
    }

    /// The name of a number of the point: `x`, or `x[0]` and `A[0,1]` of vectors and matrices.
    pub(super) fn coordinate(&self, i: usize) -> String {
        let after = self.variables.partition_point(|v| v.start <= i);
        let Some(v) = self.variables[..after].last() else { return String::new() };
        if v.shape.is_empty() {
            return v.name.clone();
        }
        let (mut rest, mut places) = (i - v.start, vec![]);
        for n in v.shape.iter().rev() {
            places.insert(0, (rest % n).to_string());
            rest /= n;
        }
        format!("{}[{}]", v.name, places.join(","))
    }

    /// `∂f/∂x`, `∂²f/∂x²`, `∂²f/∂x∂y`.
    pub(super) fn name(&self, derivative: &Derivative) -> String {
        let names: Vec<String> = derivative.iter().map(|&i| self.coordinate(self.wrt[i])).collect();
        match &names[..] {
            [x] => format!("∂f/∂{x}"),
            [x, y] if x == y => format!("∂²f/∂{x}²"),
            _ => format!("∂²f/∂{}", names.join("∂")),
        }
    }

    /// `x = 1, y = [1, 2]`.
    pub(super) fn place(&self) -> String {
        let each = self.variables.iter().map(|v| {
            let n = v.shape.iter().product::<usize>();
            let text = |x: &f64| format!("{x:?}");
            let short = |x: String| x.strip_suffix(".0").map(String::from).unwrap_or(x);
            let numbers = self.point[v.start..v.start + n].iter();
            let numbers: Vec<String> = numbers.map(text).map(short).collect();
            match v.shape.len() {
                0 => format!("{} = {}", v.name, numbers.join("")),
                1 => format!("{} = [{}]", v.name, numbers.join(", ")),
                _ => {
                    let rows = numbers.chunks(v.shape[v.shape.len() - 1].max(1));
                    let rows: Vec<String> = rows.map(|row| row.join(", ")).collect();
                    format!("{} = [{}]", v.name, rows.join("; "))
                }
            }
        });
        each.collect::<Vec<_>>().join(", ")
    }

    /// Each variable with its numbers.
    pub(super) fn values(&self) -> impl Iterator<Item = (&str, &[usize], &[f64])> {
        self.variables.iter().map(|v| {
            let n = v.shape.iter().product::<usize>();
            (v.name.as_str(), &v.shape[..], &self.point[v.start..v.start + n])
        })
    }

    /// The sentence about a value that is NaN or infinite.
    pub(super) fn why_not_finite(&self, value: f64) -> String {
        let place = self.place();
        let root = self.formula.root();
        let part = self.culprit(root, value);
        let of = match std::ptr::eq(part, root) {
            true => "the formula".to_string(),
            false => format!("`{part}`"),
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
    pub(super) fn no_derivative(&self, order: u8, slopes: &Slopes) -> Option<(usize, String)> {
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
            Place::Kink(a, b) if a.abs().max(b.abs()) > 1e4 => {
                format!("{what} jumps or is infinitely steep at or very near {place}")
            }
            Place::Kink(a, b) => {
                let [a, b] = [a, b].map(|x| super::show::trimmed(x, 4));
                format!("{what} has a kink at {place}, its slope by {name} going from {a} to {b}")
            }
        };
        Some((order, format!("{what}: there is no {derivative} by {name}")))
    }
}

/// All derivatives of y by the leaves, as one vector; 0 where y does not depend on a leaf.
fn gradient(y: &Tensor, leaves: &[Tensor]) -> Result<Tensor, Trouble> {
    let mut all = vec![];
    for x in leaves {
        let slope = match grad(y, &[x]) {
            Ok(mut slopes) => slopes.remove(0),
            Err(e) if matches!(e.kind(), ErrorKind::Unused | ErrorKind::NoGraph) => x.zeros_like(),
            Err(e) => return Err(e.into()),
        };
        all.push(slope.try_flatten()?);
    }
    Ok(chainrule::cat(&all.iter().collect::<Vec<_>>(), 0)?)
}

/// The values in `--at`: names, `=`, and formulas without variables.
fn values(at: &[String]) -> Result<Vec<(String, Tensor)>, Trouble> {
    let mut values: Vec<(String, Tensor)> = vec![];
    for part in at.iter().flat_map(|text| parts(text)) {
        let form = "write it as --at x=1,y=2";
        let Some((name, value)) = part.split_once('=') else {
            return Err(misuse(format!(
                "`{}` gives no value; {form}",
                chainrule_fit::shown(&part)
            )));
        };
        let name = name.trim();
        let shown = chainrule_fit::shown(name);
        let declared = Formula::parse_with(name, &[name]);
        let Some([name]) = declared.as_ref().ok().map(Formula::variables) else {
            return Err(misuse(format!("`{shown}` is no name of a variable; {form}")));
        };
        if values.iter().any(|(n, _)| n == name) {
            return Err(misuse(format!("--at gives `{shown}` twice")));
        }
        let x = Formula::parse(value)?.eval(&[])?;
        values.push((name.clone(), x.to_dtype(DType::F64)));
    }
    Ok(values)
}

/// The parts between commas that stand in no bracket.
fn parts(text: &str) -> Vec<String> {
    let (mut parts, mut depth) = (vec![String::new()], 0i32);
    for c in text.chars() {
        depth += i32::from("([{".contains(c)) - i32::from(")]}".contains(c));
        match parts.last_mut() {
            Some(part) if c != ',' || depth > 0 => part.push(c),
            _ => parts.push(String::new()),
        }
    }
    parts
}
