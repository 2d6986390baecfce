//! Nothing leaks: nodes and buffers are counted back to where they were. One test, since the counts
//! are the process's.

use chainrule_core::{
    Gradient, Ode, Result, Tensor, checkpoint, empty_cache, gradient, hessian, live_nodes,
    memory_stats, no_grad, odeint, realize, root, scan, vmap,
};

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

/// Derivatives of closures: loops, equations, batches, checkpoints.
fn transform() -> Result<()> {
    let a = Tensor::from(2.0);
    let root_of = |a: &Tensor| root(|x: &Tensor| x.square() - a, &Tensor::from(1.0));
    hessian(root_of, &a)?.item::<f64>()?;
    let times = Tensor::from([0.0, 1.0, 2.0]);
    for gradient_by in [Gradient::Direct, Gradient::Adjoint] {
        let options = Ode { gradient: gradient_by, ..Ode::default() };
        let decay = |r: &Tensor| {
            let y = odeint(|_: &Tensor, y: &Tensor| -(r * y), &Tensor::from(1.0), &times, &options);
            Ok(y?.sum())
        };
        gradient(decay, &a)?.item::<f64>()?;
    }
    let product = |a: &Tensor| {
        let step = |c: &Tensor, x: &Tensor| (c * x * a, c.sin());
        let (last, all) = scan(step, &Tensor::from(1.0), &times)?;
        checkpoint(|x: &Tensor| x.exp(), &(last + all.sum()))
    };
    hessian(product, &a)?.item::<f64>()?;
    vmap(|t: &Tensor| gradient(|t: &Tensor| (t * &a).sin(), t), &times)?.to_vec::<f64>()?;
    Ok(())
}

#[test]
fn memory_does_not_grow_and_comes_back() {
    train(10, 5); // fills the registers that threads keep
    transform().expect("derivatives"); // and plans with loops in them the cache
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
    (0..20).for_each(|_| transform().expect("derivatives"));
    let (after, held, _) = counts();
    assert_eq!(after, nodes, "nodes");
    assert_eq!(held, buffers, "buffers");
    empty_cache();
    assert_eq!(memory_stats().pooled, 0);
}
