//! The worker of candle: its CPU back end with the matrix products of gemm.

mod models;
mod rows;

use bench_common::{Array, Engine, Inputs, Result, Row, prepare, serve};
use candle_core::{DType, Device, Tensor, Var};

struct Candle;

impl Engine for Candle {
    const NAME: &'static str = "candle 0.11.1";

    fn row(name: &str, inputs: &Inputs) -> Result<Row> {
        match name {
            "1" => rows::square(),
            "2" => rows::chain(),
            "3" => rows::plain(inputs, ["x", "y"], |[x, y]| Ok((x + y)?)),
            "4" => rows::plain(inputs, ["x"], |[x]| Ok(x.exp()?)),
            "5" => rows::plain(inputs, ["x"], |[x]| Ok(x.tanh()?)),
            "6" | "25" => rows::smooth_sum(inputs),
            "7" | "8" | "20" => rows::plain(inputs, ["a", "b"], |[a, b]| Ok(a.matmul(b)?)),
            "9" | "10" => models::mlp(inputs),
            "11" => rows::cross_entropy(inputs),
            "12" => rows::layer_norm(inputs),
            "13" => models::transformer(inputs),
            "14" => models::logistic(inputs),
            "17a" => models::lstm(inputs),
            "17b" | "17c" => models::lstm_gradient(inputs),
            "19" => rows::embedding(inputs),
            "21" => rows::plain(inputs, ["x"], |[x]| Ok(x.sum(0)?)),
            "22" => rows::plain(inputs, ["x"], |[x]| Ok(x.sum(1)?)),
            "23" => rows::plain(inputs, ["x", "y"], |[x, y]| Ok((x + y.t()?)?)),
            "24" => rows::plain(inputs, ["x", "r", "c"], |[x, r, c]| {
                Ok(x.broadcast_mul(r)?.broadcast_add(c)?)
            }),
            "26" => rows::plain(inputs, ["x", "y"], |[x, y]| Ok(x.matmul(y)?)),
            "15a" | "15b" => Err("second derivatives are out of its scope".into()),
            "18" => Err("no derivatives of plain numbers".into()),
            _ => Err("not written".into()),
        }
    }
}

/// An input as a tensor.
fn tensor(inputs: &Inputs, name: &str) -> Result<Tensor> {
    let array = inputs.get(name)?;
    Ok(match array.kind() {
        "f64" => Tensor::from_vec(array.values::<f64>()?, array.shape(), &Device::Cpu),
        "i64" => Tensor::from_vec(array.values::<i64>()?, array.shape(), &Device::Cpu),
        _ => Tensor::from_vec(array.values::<f32>()?, array.shape(), &Device::Cpu),
    }?)
}

/// An input to take derivatives with respect to.
fn variable(inputs: &Inputs, name: &str) -> Result<Var> {
    Ok(Var::from_tensor(&tensor(inputs, name)?)?)
}

/// A row whose results are tensors.
fn row<const N: usize>(
    names: [&'static str; N],
    run: impl FnMut() -> Result<[Tensor; N]> + 'static,
) -> Result<Row> {
    Ok(Row::new(names, run, |tensors| {
        let arrays: Vec<Array> = tensors.iter().map(array).collect::<Result<_>>()?;
        Ok(arrays.try_into().unwrap_or_else(|_| unreachable!("as many arrays as tensors")))
    }))
}

fn array(tensor: &Tensor) -> Result<Array> {
    let flat = tensor.flatten_all()?;
    Ok(match tensor.dtype() {
        DType::F64 => Array::new(tensor.dims(), &flat.to_vec1::<f64>()?),
        _ => Array::new(tensor.dims(), &flat.to_vec1::<f32>()?),
    })
}

fn main() -> Result<()> {
    prepare()?;
    // In candle's own pool its parallel sections start faster.
    Device::Cpu.with_context(serve::<Candle>)
}
