//! Nothing leaks: nodes and buffers are counted back to where they were. One test, since the counts
//! are the process's.

use chainrule_core::{Tensor, empty_cache, live_nodes, memory_stats, no_grad, realize};

/// A linear model under plain gradient descent, `steps` steps; the counts after the step `look`.
fn train(steps: usize, look: usize) -> (usize, usize, usize) {
    let x = Tensor::randn_f64([64, 8]);
    let target = x.sum_axis(1, false);
    let w = Tensor::zeros_of([8], chainrule_core::DType::F64).requires_grad();
    let mut early = (0, 0, 0);
    for step in 0..steps {
        let loss = (x.matmul(&w) - &target).square().mean();
        w.zero_grad();
        loss.backward().expect("backward");
        no_grad(|| w.assign(&(&w - w.grad().expect("a gradient") * 0.05)).expect("assign"));
        realize(&[&w, &loss]).expect("values");
        if step == look {
            early = counts();
        }
    }
    let late = counts();
    assert!(late.0 <= early.0 && late.1 <= early.1 && late.2 <= early.2, "{early:?} {late:?}");
    let error = w.to_vec::<f64>().expect("numbers").iter().map(|w| (w - 1.0).abs()).sum::<f64>();
    assert!(steps < 1000 || error < 1e-6, "the descent has not converged: {error}");
    late
}

/// Live nodes, live buffers, peak of the memory in buffers.
fn counts() -> (usize, usize, usize) {
    let stats = memory_stats();
    (live_nodes(), stats.buffers, stats.peak)
}

#[test]
fn memory_does_not_grow_and_comes_back() {
    train(10, 5); // fills the registers that threads keep
    let (nodes, buffers, _) = counts();
    train(10_000, 100);
    {
        // Deep tapes, second derivatives, dropped without having been computed.
        let x = Tensor::randn_f64([100]).requires_grad();
        let y = (0..1000).fold(x.clone(), |y, _| (y * 0.5).sin()).sum();
        let g = chainrule_core::grad(&y, &[&x]).expect("a gradient");
        let _ = chainrule_core::grad(&g[0].sum(), &[&x]).expect("a second gradient");
        y.backward().expect("backward");
    }
    let (after, held, _) = counts();
    assert_eq!(after, nodes, "nodes");
    assert_eq!(held, buffers, "buffers");
    empty_cache();
    assert_eq!(memory_stats().pooled, 0);
}
