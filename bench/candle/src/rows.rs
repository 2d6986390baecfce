//! Single operations and small expressions.

use bench_common::{Inputs, Result, Row};
use candle_core::{Device, Tensor, Var};
use candle_nn::{loss, ops};

use crate::{row, tensor, variable};

/// A computation without derivatives.
pub fn plain<const N: usize>(
    inputs: &Inputs,
    names: [&str; N],
    compute: impl Fn([&Tensor; N]) -> Result<Tensor> + 'static,
) -> Result<Row> {
    let inputs = names.iter().map(|name| tensor(inputs, name)).collect::<Result<Vec<_>>>()?;
    row(["out"], move || Ok([compute(std::array::from_fn(|index| &inputs[index]))?]))
}

pub fn square() -> Result<Row> {
    row(["y", "grad"], || {
        let x = Var::new(&[0f32, 1.0, 2.0, 3.0], &Device::Cpu)?;
        let y = (x.sqr()?.sum_all()? * 2.0)?;
        let grad = y.backward()?.remove(&x).ok_or("no gradient")?;
        Ok([y, grad])
    })
}

/// Two operators, two operations: what is measured is the cost of an operation (`affine` would make
/// one of the two).
pub fn chain() -> Result<Row> {
    row(["z", "grad"], || {
        let x = Var::new(1f32, &Device::Cpu)?;
        let mut z = x.as_tensor().clone();
        for _ in 0..1000 {
            z = ((z * 1.0001)? + 0.5)?;
        }
        let grad = z.backward()?.remove(&x).ok_or("no gradient")?;
        Ok([z, grad])
    })
}

/// Σ sin x · exp(−x²) + 3 tanh x
pub fn smooth_sum(inputs: &Inputs) -> Result<Row> {
    let x = variable(inputs, "x")?;
    row(["y", "grad"], move || {
        let bell = x.sqr()?.neg()?.exp()?;
        let y = ((x.sin()? * bell)? + (x.tanh()? * 3.0)?)?.sum_all()?;
        let grad = y.backward()?.remove(&x).ok_or("no gradient")?;
        Ok([y, grad])
    })
}

pub fn cross_entropy(inputs: &Inputs) -> Result<Row> {
    let (x, t) = (variable(inputs, "x")?, tensor(inputs, "t")?);
    row(["loss", "grad"], move || {
        let loss = loss::cross_entropy(&x, &t)?;
        let grad = loss.backward()?.remove(&x).ok_or("no gradient")?;
        Ok([loss, grad])
    })
}

pub fn layer_norm(inputs: &Inputs) -> Result<Row> {
    let c = tensor(inputs, "c")?;
    let [x, gain, bias] = ["x", "gain", "bias"].map(|name| variable(inputs, name));
    let (x, gain, bias) = (x?, gain?, bias?);
    row(["y", "gx", "ggain", "gbias"], move || {
        // The faster `layer_norm` has no derivative.
        let y = ops::layer_norm_slow(&x, &gain, &bias, 1e-5)?;
        let mut grads = (&y * &c)?.sum_all()?.backward()?;
        let mut grad = |of: &Var| grads.remove(of).ok_or("no gradient");
        Ok([y, grad(&x)?, grad(&gain)?, grad(&bias)?])
    })
}

pub fn embedding(inputs: &Inputs) -> Result<Row> {
    let table = variable(inputs, "table")?;
    let (ids, c) = (tensor(inputs, "ids")?, tensor(inputs, "c")?);
    row(["out", "grad"], move || {
        let out = table.embedding(&ids)?;
        let grad = (&out * &c)?.sum_all()?.backward()?.remove(&table).ok_or("no gradient")?;
        Ok([out, grad])
    })
}
