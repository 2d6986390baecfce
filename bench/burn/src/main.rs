//! The worker of Burn: its back end Flex with vector instructions, threads and gemm for AVX-512.

mod models;
mod rows;

use bench_common::{Array, Engine, Inputs, Result, Row, prepare, serve};
use burn::tensor::{DType, Device, Int, Tensor, TensorData, activation::tanh};

struct Burn;

impl Engine for Burn {
    const NAME: &'static str = "burn 0.23.0-pre.1";

    fn row(name: &str, inputs: &Inputs) -> Result<Row> {
        match name {
            "1" => Ok(rows::square()),
            "2" => Ok(rows::chain()),
            "3" => rows::plain(inputs, ["x", "y"], |[x, y]: [Tensor<1>; 2]| x + y),
            "4" => rows::plain(inputs, ["x"], |[x]: [Tensor<1>; 1]| x.exp()),
            "5" => rows::plain(inputs, ["x"], |[x]: [Tensor<1>; 1]| tanh(x)),
            "6" | "25" => rows::smooth_sum(inputs),
            "7" | "8" => rows::plain(inputs, ["a", "b"], |[a, b]: [Tensor<2>; 2]| a.matmul(b)),
            "9" | "10" => models::mlp(inputs),
            "11" => rows::cross_entropy(inputs),
            "12" => rows::layer_norm(inputs),
            "13" => models::transformer(inputs),
            "14" => models::logistic(inputs),
            "15a" | "15b" => Err("no second derivatives".into()),
            "17a" => models::lstm(inputs),
            "17b" => models::lstm_gradient(inputs),
            "18" => Err("no derivatives of plain numbers".into()),
            "19" => rows::embedding(inputs),
            "20" => rows::plain(inputs, ["a", "b"], |[a, b]: [Tensor<3>; 2]| a.matmul(b)),
            "21" => {
                rows::plain(inputs, ["x"], |[x]: [Tensor<2>; 1]| x.sum_dim(0).squeeze_dim::<1>(0))
            }
            "22" => {
                rows::plain(inputs, ["x"], |[x]: [Tensor<2>; 1]| x.sum_dim(1).squeeze_dim::<1>(1))
            }
            "23" => rows::plain(inputs, ["x", "y"], |[x, y]: [Tensor<2>; 2]| x + y.transpose()),
            "24" => rows::affine(inputs),
            "26" => rows::plain(inputs, ["x", "y"], |[x, y]: [Tensor<2>; 2]| x.matmul(y)),
            _ => Err("not written".into()),
        }
    }
}

/// An input as a tensor that takes no part in differentiation. A single number has one axis.
fn tensor<const D: usize>(inputs: &Inputs, name: &str) -> Result<Tensor<D>> {
    let (array, device) = (inputs.get(name)?, Device::flex());
    let shape = if array.shape().is_empty() { &[1][..] } else { array.shape() };
    Ok(match array.kind() {
        "f64" => {
            let data = TensorData::new(array.values::<f64>()?, shape);
            Tensor::from_data(data, (&device, DType::F64))
        }
        _ => Tensor::from_data(TensorData::new(array.values::<f32>()?, shape), &device),
    })
}

fn integers<const D: usize>(inputs: &Inputs, name: &str) -> Result<Tensor<D, Int>> {
    let array = inputs.get(name)?;
    let data = TensorData::new(array.values::<i64>()?, array.shape());
    Ok(Tensor::from_data(data, &Device::flex()))
}

/// An input to take derivatives with respect to.
fn variable<const D: usize>(inputs: &Inputs, name: &str) -> Result<Tensor<D>> {
    Ok(tensor(inputs, name)?.autodiff().require_grad())
}

fn array<const D: usize>(tensor: Tensor<D>) -> Result<Array> {
    let shape = tensor.dims();
    Ok(match tensor.dtype() {
        DType::F64 => Array::new(&shape, &tensor.into_data().try_to_vec::<f64>()?),
        _ => Array::new(&shape, &tensor.into_data().try_to_vec::<f32>()?),
    })
}

/// The array without axes of a tensor with one element.
fn scalar(tensor: Tensor<1>) -> Result<Array> {
    Ok(match tensor.dtype() {
        DType::F64 => Array::new(&[], &[tensor.into_scalar::<f64>()]),
        _ => Array::new(&[], &[tensor.into_scalar::<f32>()]),
    })
}

fn main() -> Result<()> {
    prepare()?;
    // In rayon's own pool its parallel sections start faster.
    rayon::scope(|_| serve::<Burn>())
}
