//! A formula as a function of the numbers in its variables.

use chainrule::formula::{Expr, Formula, FormulaError};
use chainrule::op::Cmp;
use chainrule::{DType, ErrorKind, Tensor, grad, jacfwd};

use super::at::values;
use super::{Derivative, Trouble};

/// The most numbers to differentiate by.
const MOST: usize = 100;

/// A variable, whose numbers are a part of the point.
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    start: usize,
}

/// A formula and a point.
pub(crate) struct Function {
    pub(crate) formula: Formula,
    pub(crate) variables: Vec<Variable>,
    /// All numbers of all variables.
    pub(crate) point: Vec<f64>,
    /// The numbers to differentiate by, as indices in the point.
    pub(crate) wrt: Vec<usize>,
}

/// The derivatives by one mode.
pub(crate) struct Slopes {
    pub(crate) gradient: Vec<f64>,
    pub(crate) hessian: Vec<Vec<f64>>,
}

impl Slopes {
    /// One derivative, of order 1 or 2.
    pub(crate) fn at(&self, derivative: &Derivative) -> f64 {
        match derivative[..] {
            [i] => self.gradient[i],
            [i, j, ..] => self.hessian[i][j],
            [] => f64::NAN,
        }
    }
}

pub(crate) fn misuse(text: impl Into<String>) -> Trouble {
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
    pub(crate) fn read(
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
    pub(crate) fn coordinates(&self, names: Option<&[String]>) -> Result<Vec<usize>, Trouble> {
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

    pub(crate) fn tensors(&self, point: &[f64]) -> Result<Vec<Tensor>, Trouble> {
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

    /// The value at the function's point, recorded from parameters, and these.
    pub(crate) fn recorded(&self) -> Result<(Tensor, Vec<Tensor>), Trouble> {
        let leaves: Vec<Tensor> =
            self.tensors(&self.point)?.into_iter().map(Tensor::requires_grad).collect();
        let names = self.variables.iter().map(|v| v.name.as_str());
        let y = self.formula.eval(&names.zip(&leaves).collect::<Vec<_>>())?;
        Ok((y, leaves))
    }

    /// The value at a point.
    pub(crate) fn value(&self, point: &[f64]) -> Result<f64, Trouble> {
        Ok(self.eval(&self.tensors(point)?)?.item()?)
    }

    /// Whether a variable is a vector or matrix.
    pub(crate) fn has_vectors(&self) -> bool {
        self.variables.iter().any(|v| !v.shape.is_empty())
    }

    /// The derivatives at the function's point by reverse mode.
    pub(crate) fn slopes(&self, order: u8) -> Result<Slopes, Trouble> {
        self.slopes_at(&self.point, order)
    }

    pub(crate) fn slopes_at(&self, point: &[f64], order: u8) -> Result<Slopes, Trouble> {
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

    /// The derivatives at the function's point by forward mode, the second by forward over forward.
    pub(crate) fn forward(&self, order: u8) -> Result<Slopes, Trouble> {
        let point = Tensor::from(&self.point[..]);
        let f = |x: &Tensor| -> Result<Tensor, chainrule::Error> {
            let each = self.variables.iter().map(|v| {
                let n = v.shape.iter().product::<usize>();
                x.try_slice(0, v.start..v.start + n)?.try_reshape(&v.shape)
            });
            let tensors = each.collect::<Result<Vec<_>, _>>()?;
            self.eval(&tensors).map_err(|trouble| {
                let (Trouble::Misuse(text) | Trouble::Failure(text)) = trouble;
                chainrule::Error::new(ErrorKind::Data, text, std::panic::Location::caller())
            })
        };
        let pick = |all: &[f64]| self.wrt.iter().map(|&i| all[i]).collect::<Vec<_>>();
        let gradient = pick(&jacfwd(f, &point)?.to_vec::<f64>()?);
        let mut hessian = vec![];
        if order > 1 {
            let all = jacfwd(|x: &Tensor| jacfwd(f, x), &point)?.to_vec::<f64>()?;
            let rows: Vec<&[f64]> = all.chunks(self.point.len()).collect();
            hessian = self.wrt.iter().map(|&i| pick(rows[i])).collect();
        }
        Ok(Slopes { gradient, hessian })
    }

    /// The name of a number of the point: `x`, or `x[0]` and `A[0,1]` of vectors and matrices.
    pub(crate) fn coordinate(&self, i: usize) -> String {
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
    pub(crate) fn name(&self, derivative: &Derivative) -> String {
        let names: Vec<String> = derivative.iter().map(|&i| self.coordinate(self.wrt[i])).collect();
        match &names[..] {
            [x] => format!("∂f/∂{x}"),
            [x, y] if x == y => format!("∂²f/∂{x}²"),
            _ => format!("∂²f/∂{}", names.join("∂")),
        }
    }

    /// `x = 1, y = [1, 2]`.
    pub(crate) fn place(&self) -> String {
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
    pub(crate) fn values(&self) -> impl Iterator<Item = (&str, &[usize], &[f64])> {
        self.variables.iter().map(|v| {
            let n = v.shape.iter().product::<usize>();
            (v.name.as_str(), &v.shape[..], &self.point[v.start..v.start + n])
        })
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
