//! A deep network's graph as a page: `cargo run --example network_page --features draw >
//! page.html`.
//!
//! Twelve layers, each x + tanh(x W + b), are one node until they are unfolded.

use chainrule::draw::draw;
use chainrule::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    manual_seed(1);
    let mut x = Tensor::randn([4, 8]).named("x");
    let mut parameters = vec![];
    for layer in 0..12 {
        let w = (Tensor::randn([8, 8]) * 0.3).requires_grad().named(format!("W{layer}"));
        let b = Tensor::zeros([8]).requires_grad().named(format!("b{layer}"));
        x = &x + (x.matmul(&w) + &b).tanh();
        parameters.extend([w, b]);
    }
    let loss = x.square().mean().named("loss");
    let drawing = draw(&loss).title("Twelve residual layers");
    eprintln!("{} nodes, {} repetitions", drawing.nodes().len(), drawing.repetitions());
    print!("{}", drawing.html()?);
    Ok(())
}
