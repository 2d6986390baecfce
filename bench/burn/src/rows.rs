//! Single operations and small expressions.

use bench_common::{Inputs, Result, Row};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::tensor::{Device, Tensor, activation::tanh, module};

use crate::{array, integers, scalar, tensor, variable};

/// A computation on inputs of one rank, without derivatives.
pub fn plain<const N: usize, const D: usize, const E: usize>(
    inputs: &Inputs,
    names: [&str; N],
    compute: impl Fn([Tensor<D>; N]) -> Tensor<E> + 'static,
) -> Result<Row> {
    let inputs = names.iter().map(|name| tensor(inputs, name)).collect::<Result<Vec<_>>>()?;
    let inputs: [Tensor<D>; N] = inputs.try_into().expect("a tensor for every name");
    Ok(Row::new(["out"], move || Ok(compute(inputs.clone())), |out| Ok([array(out)?])))
}

pub fn affine(inputs: &Inputs) -> Result<Row> {
    let (x, c): (Tensor<2>, Tensor<2>) = (tensor(inputs, "x")?, tensor(inputs, "c")?);
    let r: Tensor<1> = tensor(inputs, "r")?;
    let run = move || Ok(x.clone() * r.clone().unsqueeze() + c.clone());
    Ok(Row::new(["out"], run, |out| Ok([array(out)?])))
}

pub fn square() -> Row {
    let device = Device::flex().autodiff();
    let run = move || {
        let x = Tensor::<1>::from_floats([0.0, 1.0, 2.0, 3.0], &device).require_grad();
        let y = x.clone().square().sum().mul_scalar(2.0);
        let grad = x.grad_remove(&mut y.backward()).ok_or("no gradient")?;
        Ok((y, grad))
    };
    Row::new(["y", "grad"], run, |(y, grad)| Ok([scalar(y)?, array(grad)?]))
}

pub fn chain() -> Row {
    let device = Device::flex().autodiff();
    let run = move || {
        let x = Tensor::<1>::from_floats([1.0], &device).require_grad();
        let mut z = x.clone();
        for _ in 0..1000 {
            z = z.mul_scalar(1.0001).add_scalar(0.5);
        }
        let grad = x.grad_remove(&mut z.backward()).ok_or("no gradient")?;
        Ok((z, grad))
    };
    Row::new(["z", "grad"], run, |(z, grad)| Ok([scalar(z)?, scalar(grad)?]))
}

/// Σ sin x · exp(−x²) + 3 tanh x
pub fn smooth_sum(inputs: &Inputs) -> Result<Row> {
    let x: Tensor<1> = variable(inputs, "x")?;
    let run = move || {
        let bell = x.clone().square().neg().exp();
        let y = (x.clone().sin() * bell + tanh(x.clone()).mul_scalar(3.0)).sum();
        let grad = x.grad_remove(&mut y.backward()).ok_or("no gradient")?;
        Ok((y, grad))
    };
    Ok(Row::new(["y", "grad"], run, |(y, grad)| Ok([scalar(y)?, array(grad)?])))
}

pub fn cross_entropy(inputs: &Inputs) -> Result<Row> {
    let x: Tensor<2> = variable(inputs, "x")?;
    let t = integers(inputs, "t")?;
    let criterion = CrossEntropyLossConfig::new().init(&Device::flex());
    let run = move || {
        let loss = criterion.forward(x.clone(), t.clone());
        let grad = x.grad_remove(&mut loss.backward()).ok_or("no gradient")?;
        Ok((loss, grad))
    };
    Ok(Row::new(["loss", "grad"], run, |(loss, grad)| Ok([scalar(loss)?, array(grad)?])))
}

pub fn layer_norm(inputs: &Inputs) -> Result<Row> {
    let (x, c): (Tensor<2>, Tensor<2>) = (variable(inputs, "x")?, tensor(inputs, "c")?);
    let (gain, bias): (Tensor<1>, Tensor<1>) =
        (variable(inputs, "gain")?, variable(inputs, "bias")?);
    let run = move || {
        let y = module::layer_norm(x.clone(), gain.clone(), Some(bias.clone()), 1e-5);
        let mut grads = (y.clone() * c.clone()).sum().backward();
        let gx = x.grad_remove(&mut grads).ok_or("no gradient")?;
        let ggain = gain.grad_remove(&mut grads).ok_or("no gradient")?;
        let gbias = bias.grad_remove(&mut grads).ok_or("no gradient")?;
        Ok((y, gx, ggain, gbias))
    };
    Ok(Row::new(["y", "gx", "ggain", "gbias"], run, |(y, gx, ggain, gbias)| {
        Ok([array(y)?, array(gx)?, array(ggain)?, array(gbias)?])
    }))
}

pub fn embedding(inputs: &Inputs) -> Result<Row> {
    let table: Tensor<2> = variable(inputs, "table")?;
    let ids = integers::<1>(inputs, "ids")?.unsqueeze::<2>();
    let c = tensor::<2>(inputs, "c")?.unsqueeze::<3>();
    let run = move || {
        let out = module::embedding(table.clone(), ids.clone());
        let mut grads = (out.clone() * c.clone()).sum().backward();
        Ok((out.squeeze_dim::<2>(0), table.grad_remove(&mut grads).ok_or("no gradient")?))
    };
    Ok(Row::new(["out", "grad"], run, |(out, grad)| Ok([array(out)?, array(grad)?])))
}
