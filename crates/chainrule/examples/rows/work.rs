//! The rows: what each computes, from named inputs to named results.
//!
//! A run records its graph anew, differentiates it where the row says so, and computes the results.

use chainrule::{Error, Tensor, gradient, hvp, no_grad, realize, value_and_grad};

use crate::{lstm, mixture, networks, scalar};

/// A tensor with the name it has in files.
pub(crate) type Named = (String, Tensor);
/// What a run gives.
pub(crate) type Outcome = Result<Vec<(&'static str, Tensor)>, Error>;

/// Something to be run again and again.
pub(crate) struct Row {
    /// Computes the results.
    pub(crate) run: Box<dyn FnMut() -> Outcome>,
    /// The function without its derivative, for rows that compare the two.
    pub(crate) primal: Box<dyn FnMut() -> Outcome>,
}

/// The inputs of a row.
pub(crate) struct Inputs<'a>(&'a [Named]);

impl Inputs<'_> {
    /// The input of this name.
    pub(crate) fn get(&self, name: &str) -> Result<Tensor, String> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, x)| x.clone()).ok_or_else(|| format!("the input `{name}` is missing"))
    }

    /// Several inputs at once.
    pub(crate) fn all<const N: usize>(&self, names: [&str; N]) -> Result<[Tensor; N], String> {
        let mut found = names.map(|_| Tensor::from(0.0));
        for (to, name) in found.iter_mut().zip(names) {
            *to = self.get(name)?;
        }
        Ok(found)
    }
}

/// Computes tensors together and names them.
pub(crate) fn results<const N: usize>(named: [(&'static str, &Tensor); N]) -> Outcome {
    realize(&named.map(|(_, x)| x))?;
    Ok(named.into_iter().map(|(name, x)| (name, x.clone())).collect())
}

/// A row that is its run.
pub(crate) fn row(run: impl FnMut() -> Outcome + 'static) -> Result<Row, String> {
    Ok(Row { run: Box::new(run), primal: Box::new(|| Ok(vec![])) })
}

/// A row of one function of one tensor.
fn map(x: Tensor, f: fn(&Tensor) -> Tensor) -> Result<Row, String> {
    row(move || results([("out", &f(&x))]))
}

/// A row of one function of two tensors.
fn zip([x, y]: [Tensor; 2], f: fn(&Tensor, &Tensor) -> Tensor) -> Result<Row, String> {
    row(move || results([("out", &f(&x, &y))]))
}

/// The names of all rows.
pub(crate) const NAMES: &[&str] = &[
    "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15a", "15b", "16a",
    "16b", "17a", "17b", "17c", "18", "18b", "19", "20", "21", "22", "23", "24", "25", "26",
];

/// The row of this name.
pub(crate) fn make(name: &str, given: &[Named]) -> Result<Row, String> {
    let given = &Inputs(given);
    match name {
        "1" => row(small_gradient),
        "2" => row(|| chain(1000, 0.5)),
        "3" => zip(given.all(["x", "y"])?, |x, y| x + y),
        "4" => map(given.get("x")?, Tensor::exp),
        "5" => map(given.get("x")?, Tensor::tanh),
        "6" | "25" => waves(given.get("x")?),
        "7" | "8" => zip(given.all(["a", "b"])?, Tensor::matmul),
        "9" | "10" => networks::perceptron(given),
        "11" => cross_entropy(given.all(["x", "t"])?),
        "12" => layer_norm(given.all(["x", "gain", "bias", "c"])?),
        "13" => networks::transformer(given),
        "14" => logistic(given.all(["x", "t", "w", "b"])?),
        "15a" => {
            let [x, v] = given.all(["x", "v"])?;
            row(move || results([("out", &hvp(wave, &x, &v)?)]))
        }
        "15b" => networks::curvature(given),
        "16a" => mixture::objective(given),
        "16b" => mixture::slope(given),
        "17a" => lstm::objective(given),
        "17b" => lstm::slope(given),
        "17c" => lstm::loop_slope(given),
        "18" => Ok(scalar::recurrent()),
        "18b" => Ok(scalar::expansion()),
        "19" => embedding(given.all(["table", "ids", "c"])?),
        "20" => zip(given.all(["a", "b"])?, Tensor::matmul),
        "21" => map(given.get("x")?, |x| x.sum_axis(0, false)),
        "22" => map(given.get("x")?, |x| x.sum_axis(1, false)),
        "23" => zip(given.all(["x", "y"])?, |x, y| x + y.t()),
        "24" => {
            let [x, r, c] = given.all(["x", "r", "c"])?;
            row(move || results([("out", &(&x * &r + &c))]))
        }
        "26" => zip(given.all(["x", "y"])?, Tensor::matmul),
        _ => Err(format!("there is no row `{name}`; the rows are {}", NAMES.join(", "))),
    }
}

/// The gradient of 2 x·x, from numbers to numbers.
fn small_gradient() -> Outcome {
    let x = Tensor::from([0.0f32, 1.0, 2.0, 3.0]).requires_grad();
    let y = 2.0 * x.dot(&x);
    y.backward()?;
    let g = x.grad().unwrap_or_else(|| x.zeros_like());
    results([("y", &y), ("grad", &g)])
}

/// Two operations on one number, `rounds` times, and back.
pub(crate) fn chain(rounds: usize, addend: f64) -> Outcome {
    let x = Tensor::from(1.0f32).requires_grad();
    let mut z = x.clone();
    for _ in 0..rounds {
        z = &z * 1.0001 + addend;
    }
    let g = chainrule::grad(&z, &[&x])?;
    results([("z", &z), ("grad", &g[0])])
}

fn wave(x: &Tensor) -> Tensor {
    (x.sin() * (-x.square()).exp() + 3.0 * x.tanh()).sum()
}

pub(crate) fn waves(x: Tensor) -> Result<Row, String> {
    row(move || {
        let (y, g) = value_and_grad(wave, &x)?;
        results([("y", &y), ("grad", &g)])
    })
}

fn cross_entropy([x, t]: [Tensor; 2]) -> Result<Row, String> {
    row(move || {
        let (y, g) = value_and_grad(|x: &Tensor| x.cross_entropy(&t), &x)?;
        results([("loss", &y), ("grad", &g)])
    })
}

/// (x − mean)/√(var + ε) · gain + bias over the last axis.
pub(crate) fn normalize(x: &Tensor, gain: &Tensor, bias: &Tensor) -> Tensor {
    let centred = x - x.mean_axis(-1, true);
    let variance = centred.square().mean_axis(-1, true);
    centred * (variance + 1e-5).rsqrt() * gain + bias
}

fn layer_norm([x, gain, bias, c]: [Tensor; 4]) -> Result<Row, String> {
    let [x, gain, bias] = [x, gain, bias].map(|p| p.requires_grad());
    row(move || {
        let y = normalize(&x, &gain, &bias);
        let g = chainrule::grad(&(&y * &c).sum(), &[&x, &gain, &bias])?;
        results([("y", &y), ("gx", &g[0]), ("ggain", &g[1]), ("gbias", &g[2])])
    })
}

fn logistic([x, t, w, b]: [Tensor; 4]) -> Result<Row, String> {
    row(move || {
        let loss = |(w, b): &(Tensor, Tensor)| {
            let z = x.matmul(w) + b;
            (z.softplus() - &t * &z).mean()
        };
        let (y, (gw, gb)) = value_and_grad(loss, &(w.clone(), b.clone()))?;
        results([("loss", &y), ("gw", &gw), ("gb", &gb)])
    })
}

fn embedding([table, ids, c]: [Tensor; 3]) -> Result<Row, String> {
    row(move || {
        let out = no_grad(|| table.index_select(0, &ids));
        let g = gradient(|table: &Tensor| (table.index_select(0, &ids) * &c).sum(), &table)?;
        results([("out", &out), ("grad", &g)])
    })
}
