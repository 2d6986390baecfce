//! How long a forward pass and all gradients of some layers take, as `tools/nn_speed.py` measures
//! with torch.
//!
//! `cargo run --release -p chainrule-fit --example nn_speed -- 2`, with the number of threads.

use std::time::Instant;

use chainrule_core::{Result, Tensor, grad, manual_seed, realize, with_threads};
use chainrule_fit::nn::{
    Activation, Cell, Conv2d, ConvOptions, Layer, Recurrent, RecurrentOptions,
    TransformerEncoderLayer, TransformerOptions,
};

/// The least milliseconds of forward, and of forward and backward, of many runs.
fn measure(name: &str, layer: &dyn Layer, x: &Tensor) -> Result<()> {
    let x = x.detach().requires_grad();
    let parameters = layer.parameters();
    let all: Vec<&Tensor> = parameters.iter().chain([&x]).collect();
    let mut least = [f64::INFINITY; 2];
    for _ in 0..50 {
        let start = Instant::now();
        let y = layer.forward(&x).expect("the layer takes this input");
        realize(&[&y])?;
        least[0] = least[0].min(start.elapsed().as_secs_f64());
        let start = Instant::now();
        let y = layer.forward(&x).expect("the layer takes this input").square().sum();
        let gradients = grad(&y, &all)?;
        realize(&gradients.iter().chain([&y]).collect::<Vec<_>>())?;
        least[1] = least[1].min(start.elapsed().as_secs_f64());
    }
    println!("{name:24} {:8.3} {:8.3}", least[0] * 1e3, least[1] * 1e3);
    Ok(())
}

fn main() -> Result<()> {
    let threads = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(2);
    with_threads(threads, run)
}

fn run() -> Result<()> {
    manual_seed(0);
    println!("{:24} {:>8} {:>8}   ms", "", "forward", "both");
    let padding = ConvOptions { padding: [1, 1], ..ConvOptions::default() };
    let conv = |i, o, k, options| Conv2d::with(i, o, k, options).expect("a convolution");
    let x = Tensor::randn([32, 16, 28, 28]);
    measure("conv2d 3x3", &conv(16, 32, [3, 3], padding), &x)?;
    measure("conv2d 1x1", &conv(16, 32, [1, 1], ConvOptions::default()), &x)?;
    let lstm = Recurrent::with(Cell::Lstm, 64, 128, RecurrentOptions::default());
    measure("lstm 50 steps", &lstm, &Tensor::randn([50, 32, 64]))?;
    let options = TransformerOptions {
        dropout: 0.0,
        activation: Activation::Gelu,
        norm_first: true,
        batch_first: true,
    };
    let block = TransformerEncoderLayer::with(128, 4, 512, options).expect("a block");
    measure("transformer block", &block, &Tensor::randn([16, 64, 128]))
}
