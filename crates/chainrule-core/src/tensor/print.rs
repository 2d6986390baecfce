//! Printing: the grid that numpy and torch print for small tensors; corners and a line of
//! statistics for large ones. NaN and infinities are counted, so that they are not overlooked.

use std::fmt;

use crate::error::Result;
use crate::graph::Tensor;
use crate::op::{DType, Op, Scalar};

/// Tensors with more elements than this are summarised.
const WHOLE: usize = 1000;
/// How many elements a summary shows at each end of an axis.
const EDGE: usize = 3;

/// How the numbers of one tensor are written.
struct Style {
    scientific: bool,
    decimals: usize,
    width: usize,
}

impl Style {
    fn new(shown: &[Scalar], precision: usize) -> Style {
        let finite: Vec<f64> = shown
            .iter()
            .filter_map(|s| if let Scalar::Float(x) = s { Some(*x) } else { None })
            .filter(|x| x.is_finite())
            .collect();
        let largest = finite.iter().fold(0.0f64, |m, x| m.max(x.abs()));
        let non_zero = finite.iter().map(|x| x.abs()).filter(|&x| x > 0.0);
        let smallest = non_zero.fold(f64::INFINITY, f64::min);
        let whole = finite.iter().all(|x| x.fract() == 0.0);
        let scientific = largest >= 1e8
            || !whole && (smallest < 1e-4 || largest / smallest > 1e6 && smallest < 1e-3);
        let mut style = Style { scientific, decimals: if whole { 0 } else { precision }, width: 0 };
        if scientific {
            style.decimals = precision;
        }
        style.width = shown.iter().map(|&s| style.text(s).chars().count()).max().unwrap_or(0);
        style
    }

    fn text(&self, number: Scalar) -> String {
        match number {
            Scalar::Bool(b) => b.to_string(),
            Scalar::Int(i) => i.to_string(),
            Scalar::Float(x) if x.is_nan() => "nan".into(),
            Scalar::Float(x) if x.is_infinite() => if x > 0.0 { "inf" } else { "-inf" }.into(),
            Scalar::Float(x) if self.scientific => format!("{x:.*e}", self.decimals),
            Scalar::Float(x) if self.decimals == 0 => format!("{x:.0}."),
            Scalar::Float(x) => format!("{x:.*}", self.decimals),
        }
    }
}

/// The indices of an axis that are shown; `None` stands for the gap.
fn shown(n: usize, whole: bool) -> Vec<Option<usize>> {
    if whole || n <= 2 * EDGE {
        return (0..n).map(Some).collect();
    }
    (0..EDGE).map(Some).chain([None]).chain((n - EDGE..n).map(Some)).collect()
}

/// The numbers of a grid, nested in brackets.
struct Grid<'a> {
    shape: &'a [usize],
    numbers: &'a [Scalar],
    style: Style,
    whole: bool,
}

impl Grid<'_> {
    fn write(&self, out: &mut String, axis: usize, offset: usize, indent: usize) {
        if axis == self.shape.len() {
            *out += &format!("{:>1$}", self.style.text(self.numbers[offset]), self.style.width);
            return;
        }
        let inner: usize = self.shape[axis + 1..].iter().product();
        let last = axis + 1 == self.shape.len();
        out.push('[');
        let mut column = 0;
        for (k, index) in shown(self.shape[axis], self.whole).into_iter().enumerate() {
            if k > 0 {
                column += self.style.width + 2;
                let full = last && indent + column + self.style.width > 96;
                let newlines = if last { 1 } else { self.shape.len() - axis - 1 };
                if !last || full {
                    *out += &format!(",{}{}", "\n".repeat(newlines), " ".repeat(indent + 1));
                    column = 0;
                } else {
                    *out += ", ";
                }
            }
            match index {
                Some(i) => self.write(out, axis + 1, offset + i * inner, indent + 1),
                None => *out += "...",
            }
        }
        out.push(']');
    }
}

impl Tensor {
    fn render(&self, precision: usize) -> Result<String> {
        let numbers = self.detach().scalars()?;
        let whole = numbers.len() <= WHOLE;
        let grid = Grid {
            shape: self.shape(),
            style: Style::new(&self.corners(&numbers, whole), precision),
            numbers: &numbers,
            whole,
        };
        let mut out = "tensor(".to_string();
        grid.write(&mut out, 0, 0, 7);
        if self.dtype().is_float() {
            out += &format!(", {}", self.dtype());
        }
        if numbers.is_empty() || !whole {
            out += &format!(", shape={:?}", self.shape());
        }
        if let Some(name) = self.name() {
            out += &format!(", name={name:?}");
        }
        match self.0.op {
            Op::Parameter => out += ", requires_grad",
            ref op if self.tracks_grad() => out += &format!(", grad_fn=<{}>", op.name()),
            _ => {}
        }
        let finite: Vec<f64> =
            numbers.iter().map(|s| s.to_f64()).filter(|x| x.is_finite()).collect();
        let nan = numbers.iter().filter(|s| s.to_f64().is_nan()).count();
        let infinite = numbers.len() - finite.len() - nan;
        if nan > 0 {
            out += &format!(", {nan} NaN!");
        }
        if infinite > 0 {
            out += &format!(", {infinite} Inf!");
        }
        out.push(')');
        if !whole && self.dtype() != DType::Bool && !finite.is_empty() {
            let n = finite.len() as f64;
            let mean = finite.iter().sum::<f64>() / n;
            let var = finite.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
            let low = finite.iter().copied().fold(f64::INFINITY, f64::min);
            let high = finite.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            out += &format!(
                "\n{} elements: mean {mean:.4}, std {:.4}, min {low:.4}, max {high:.4}",
                numbers.len(),
                var.sqrt()
            );
        }
        Ok(out)
    }

    /// All elements, each as it is.
    fn scalars(&self) -> Result<Vec<Scalar>> {
        Ok(match self.dtype() {
            DType::Bool => self.to_vec::<bool>()?.into_iter().map(Scalar::Bool).collect(),
            dtype if dtype.is_integer() => {
                self.to_vec::<i64>()?.into_iter().map(Scalar::Int).collect()
            }
            _ => self.to_vec::<f64>()?.into_iter().map(Scalar::Float).collect(),
        })
    }

    /// The elements that are shown.
    fn corners(&self, numbers: &[Scalar], whole: bool) -> Vec<Scalar> {
        if whole {
            return numbers.to_vec();
        }
        let mut places = vec![0usize];
        for (axis, &n) in self.shape().iter().enumerate() {
            let inner: usize = self.shape()[axis + 1..].iter().product();
            let here: Vec<usize> = shown(n, false).into_iter().flatten().collect();
            places = places.iter().flat_map(|p| here.iter().map(move |i| p + i * inner)).collect();
        }
        places.into_iter().map(|p| numbers[p]).collect()
    }
}

/// The numbers; `{:.2}` sets the decimals (4 by default). A computation that fails prints its
/// error.
impl fmt::Display for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.render(f.precision().unwrap_or(4)) {
            Ok(text) => f.write_str(&text),
            Err(error) => write!(f, "tensor({error})"),
        }
    }
}

/// What the tensor is, without computing it.
impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tensor({:?}, {}, {}", self.shape(), self.dtype(), self.0.op.name())?;
        if let Some(name) = self.name() {
            write!(f, ", {name:?}")?;
        }
        f.write_str(")")
    }
}
