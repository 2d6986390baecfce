//! A checkpoint keeps less: the peak of memory in buffers with and without. One test, since the
//! peak is the process's.

use chainrule_core::{Result, Tensor, checkpoint, memory_stats};

const STEPS: usize = 64;
const EVERY: usize = 8;

fn chain(x: &Tensor, w: &Tensor, steps: usize) -> Tensor {
    (0..steps).fold(x.clone(), |x, _| x.matmul(w).tanh())
}

fn gradient(y: &Tensor, w: &Tensor) -> Result<Vec<f64>> {
    w.zero_grad();
    y.sum().backward()?;
    w.grad().expect("a gradient").to_vec()
}

#[test]
fn a_chain_of_checkpoints_keeps_the_square_root() -> Result<()> {
    let w = (Tensor::randn_f64([128, 128]) * 0.08).detach().requires_grad();
    let x = Tensor::randn_f64([128, 128]);
    let mut y = x.clone();
    for _ in 0..STEPS / EVERY {
        y = checkpoint(|y: &Tensor| chain(y, &w, EVERY), &y)?;
    }
    let saved = gradient(&y, &w)?;
    drop(y);
    let with = memory_stats().peak;
    let y = chain(&x, &w, STEPS);
    let plain = gradient(&y, &w)?;
    let without = memory_stats().peak;
    let far = saved.iter().zip(&plain).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    println!("peak {with} bytes with checkpoints, {without} without");
    assert!(far < 1e-12, "the gradients differ by {far}");
    // 8 states and one segment of 8 steps, against 64 steps.
    assert!(3 * with < without, "peak {with} bytes with checkpoints, {without} without");
    Ok(())
}
