//! Paths that are formulas, and loops over plain numbers.

use std::f64::consts::PI;

use chainrule_core::{DType, Tensor};
use chainrule_fit::optim::schedule::{Curve, OneCycle, Plateau, Schedule, Scheduler};
use chainrule_fit::optim::{
    Adagrad, Adam, AdamW, Adamax, Averaged, Lbfgs, LbfgsOptions, Lion, Muon, Optimiser, RmsProp,
    Rprop, Rule, Sgd,
};

use crate::cases::{all, alone, distance, loss, numbers};

/// The gradient of that, by hand.
fn slope(x: &[f64]) -> Vec<f64> {
    let sum: f64 = x.iter().sum();
    let one = |(i, x): (usize, &f64)| {
        let (weight, goal) = ((1 + i % 3) as f64, (0.7 * i as f64).cos());
        weight * (x - goal) + 0.6 * (2.0 * x).cos() + 0.1 * sum
    };
    x.iter().enumerate().map(one).collect()
}

/// Lion and LAMB in loops over numbers, each group and tensor by itself.
#[test]
fn plain_loops() {
    let _alone = alone();
    let pieces = [(0..6, 1.0), (6..8, 1.0), (8..16, 0.5)];
    for case in all().iter().filter(|case| ["lion", "lamb"].contains(&case.name)) {
        let parameters = case.parameters(DType::F64);
        let mut x = numbers(&parameters);
        let (mut m, mut v) = ([0.0; 16], [0.0; 16]);
        let mut optimiser = case.over(&parameters);
        for t in 1..=100 {
            optimiser.minimise(&loss(&parameters), &[]).unwrap();
            let g = slope(&x);
            for (piece, share) in pieces.clone() {
                let (rate, decay) = (case.rate * share, case.decay * share);
                if case.name == "lion" {
                    for i in piece {
                        let along: f64 = 0.9 * m[i] + 0.1 * g[i];
                        x[i] -= rate * (along.signum() + decay * x[i]);
                        m[i] = 0.99 * m[i] + 0.01 * g[i];
                    }
                    continue;
                }
                let mut u = [0.0; 16];
                for i in piece.clone() {
                    m[i] = 0.9 * m[i] + 0.1 * g[i];
                    v[i] = 0.999 * v[i] + 0.001 * g[i] * g[i];
                    let (m, v) = (m[i] / (1.0 - 0.9f64.powi(t)), v[i] / (1.0 - 0.999f64.powi(t)));
                    u[i] = m / (v.sqrt() + 1e-6) + decay * x[i];
                }
                let norm = |x: &[f64]| piece.clone().map(|i| x[i] * x[i]).sum::<f64>().sqrt();
                let trust = norm(&x) / norm(&u);
                piece.for_each(|i| x[i] -= rate * trust * u[i]);
            }
        }
        let far = distance(&numbers(&parameters), &x);
        assert!(far < 1e-10, "{}: {far}", case.name);
    }
}

/// The value of x after `steps` steps of `rule` from 2 under the loss that `f` gives.
fn after(rule: impl Rule, rate: f64, steps: usize, f: fn(&Tensor) -> Tensor) -> f64 {
    let x = Tensor::from(2.0).requires_grad();
    let mut optimiser = rule.over([&x], rate);
    for _ in 0..steps {
        optimiser.minimise(&f(&x), &[]).unwrap();
    }
    x.item().unwrap()
}

/// Where the gradient is linear or constant, the path is a formula.
#[test]
fn closed_forms() {
    let _alone = alone();
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-11, "{a}, not {b}");
    let bowl = |x: &Tensor| x.square() * 1.5;
    let ramp = |x: &Tensor| x * 4.0;
    // x ← x − η 3 x.
    near(after(Sgd::default(), 0.1, 20, bowl), 2.0 * 0.7f64.powi(20));
    // With momentum, xₜ₊₁ = (1 + μ − 3 η) xₜ − μ xₜ₋₁: two geometric series, with the roots of
    // z² − (1 + μ − 3 η) z + μ.
    let (mu, eta): (f64, f64) = (0.2, 0.1);
    let b = 1.0 + mu - 3.0 * eta;
    let root = (b * b - 4.0 * mu).sqrt();
    let (p, q) = ((b + root) / 2.0, (b - root) / 2.0);
    // x₀ = 2 and x₁ = 2 (1 − 3 η) = c + d with c p + d q.
    let c = 2.0 * (1.0 - 3.0 * eta - q) / (p - q);
    let path = c * p.powi(20) + (2.0 - c) * q.powi(20);
    near(after(Sgd::momentum(mu), eta, 20, bowl), path);
    // A constant gradient is its own mean: m̂ = g and v̂ = g².
    near(after(Adam::default(), 0.1, 30, ramp), 2.0 - 30.0 * 0.1 * 4.0 / (4.0 + 1e-8));
    near(after(Adamax::default(), 0.1, 1, ramp), 2.0 - 0.1 * 4.0 / (4.0 + 1e-8));
    near(after(Lion::default(), 0.01, 30, ramp), 2.0 - 0.3);
    let sum = |f: fn(f64) -> f64| (1..=30).map(|t| f(f64::from(t))).sum::<f64>();
    let sharp = Adagrad { epsilon: 0.0, ..Adagrad::default() };
    near(after(sharp, 0.1, 30, ramp), 2.0 - 0.1 * sum(|t| 1.0 / t.sqrt()));
    let sharp = RmsProp { epsilon: 0.0, ..RmsProp::default() };
    near(after(sharp, 0.01, 30, ramp), 2.0 - 0.01 * sum(|t| (1.0 - 0.99f64.powf(t)).powf(-0.5)));
    near(after(Rprop::default(), 0.01, 9, ramp), 2.0 - 0.01 * (1.2f64.powi(9) - 1.0) / 0.2);
    // No gradient leaves AdamW its decay.
    near(after(AdamW::default(), 0.1, 30, |x| x * 0.0), 2.0 * 0.999f64.powi(30));
}

/// Of a matrix with orthogonal rows of one length, Muon's polynomial is one of a number.
#[test]
fn an_orthogonal_gradient() {
    let _alone = alone();
    let w = Tensor::from([[0.0, 0.0], [0.0, 0.0]]).requires_grad();
    let along = Tensor::from([[0.6, 0.8], [-0.8, 0.6]]);
    let mut muon = Muon::default().over([&w], 0.5);
    muon.minimise(&(&w * &along).sum(), &[]).unwrap();
    let mut s: f64 = 0.5f64.sqrt();
    for _ in 0..5 {
        s = 3.4445 * s - 4.7750 * s.powi(3) + 2.0315 * s.powi(5);
    }
    let want: Vec<f64> = numbers(&[along]).iter().map(|x| -0.5 * s * x).collect();
    assert!(distance(&numbers(&[w]), &want) < 1e-12);
}

/// A quadratic with n different curvatures is at its bottom after a few more than n iterations.
#[test]
fn a_memory_knows_a_quadratic() {
    let _alone = alone();
    let x = Tensor::from([1.0, 1.0, 1.0, 1.0]).requires_grad();
    let curvature = Tensor::from([1.0, 10.0, 100.0, 1000.0]);
    let options = LbfgsOptions {
        strong_wolfe: true,
        max_iter: 30,
        tolerance_grad: 1e-10,
        ..Default::default()
    };
    let mut lbfgs = Lbfgs::new([&x], 1.0, options);
    lbfgs.step_with(&mut || Ok((x.square() * &curvature).sum())).unwrap();
    let far = numbers(&[x]).iter().fold(0.0, |a: f64, b| a.max(b.abs()));
    assert!(far < 1e-6 && lbfgs.evaluations() < 40, "{far}, {}", lbfgs.evaluations());
    assert!(lbfgs.step().is_err() && lbfgs.record(&[None]).is_err());
}

/// k equal batches make the step of one; k different ones, that of their mean.
#[test]
fn several_batches_are_one_step() {
    let _alone = alone();
    let goals = [1.0, -2.0, 4.0];
    let of = |x: &Tensor, goal: f64| (x - Tensor::from(goal)).square().sum();
    let (x, y) =
        (Tensor::from([3.0, 0.5]).requires_grad(), Tensor::from([3.0, 0.5]).requires_grad());
    let mut parts = Adam::default().over([&x], 0.1).accumulated(3);
    let mut whole = Adam::default().over([&y], 0.1);
    for _ in 0..4 {
        for goal in goals {
            let before = numbers(std::slice::from_ref(&x));
            let last = parts.is_last();
            parts.minimise(&of(&x, goal), &[]).unwrap();
            assert_eq!(before != numbers(std::slice::from_ref(&x)), last);
        }
        let mean = goals.map(|goal| of(&y, goal)).into_iter().reduce(|a, b| a + b).unwrap() / 3.0;
        whole.minimise(&mean, &[]).unwrap();
    }
    assert!(distance(&numbers(&[x]), &numbers(&[y])) < 1e-13);
}

#[test]
fn means_of_parameters() {
    let _alone = alone();
    let x = Tensor::from(4.0).requires_grad();
    let mut sgd: Averaged<_> = Sgd::default().over([&x], 0.1).averaged(0.75);
    let (mut at, mut mean): (f64, f64) = (4.0, f64::NAN);
    for step in 0..6 {
        sgd.minimise(&x.square(), &[]).unwrap();
        at *= 0.8;
        mean = if step == 0 { at } else { 0.75 * mean + 0.25 * at };
    }
    let value = |x: &Tensor| x.item::<f64>().unwrap();
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-14, "{a}, not {b}");
    close(value(&sgd.means()[0]), mean);
    sgd.swap().unwrap();
    close(value(&x), mean);
    assert!(sgd.is_swapped() && sgd.minimise(&x.square(), &[]).is_err());
    close(value(&sgd.means()[0]), mean);
    sgd.swap().unwrap();
    close(value(&x), at);

    let mut sgd = Sgd::default().over([&x], 0.1).averaged_equally();
    (0..5).for_each(|_| sgd.minimise(&x.square(), &[]).unwrap());
    let sum: f64 = (1..=5).map(|t| at * 0.8f64.powi(t)).sum();
    close(value(&sgd.means()[0]), sum / 5.0);
}

#[test]
fn schedules_go_on_where_they_were() {
    let _alone = alone();
    let x = Tensor::from(1.0).requires_grad();
    let plateau = Plateau { patience: 1, factor: 0.5, ..Plateau::default() };
    let mut sgd = Sgd::default().over([&x], 0.8);
    let mut scheduler = Scheduler::new(plateau, &mut sgd);
    for _ in 0..5 {
        scheduler.observe(1.0);
        scheduler.step(&mut sgd);
    }
    assert_eq!(sgd.rates(), [0.2]);
    let mut fresh = Sgd::default().over([&x], 0.8);
    let mut other = Scheduler::new(plateau, &mut fresh);
    other.load_state(&scheduler.state()).unwrap();
    for scheduler in [&mut scheduler, &mut other] {
        for rate in [0.2, 0.1] {
            scheduler.observe(1.0);
            scheduler.step(&mut fresh);
            assert_eq!(fresh.rates(), [rate]);
        }
    }
    assert!(other.load_state(&scheduler.state()[1..]).is_err());
    assert_eq!(other.steps(), 7);
}

/// Rates far beyond the end, and lengths of 0, are numbers.
#[test]
fn schedules_have_no_edges() {
    let _alone = alone();
    let cosine = Curve::Cosine { steps: 0, least: 0.0 };
    for curve in [
        Curve::Step { every: 0, gamma: 0.5 },
        Curve::Linear { from: 0.0, to: 1.0, steps: 0 },
        Curve::Polynomial { steps: 0, power: 2.0 },
        Curve::CosineRestarts { steps: 0, factor: 0, least: 0.0 },
        Curve::CosineRestarts { steps: 0, factor: 2, least: 0.0 },
        Curve::OneCycle(OneCycle::new(0)),
        Curve::OneCycle(OneCycle::new(1)),
        Curve::Sequential { curves: vec![], milestones: vec![3, 1] },
        cosine,
    ] {
        for t in [0, 1, 7, usize::MAX] {
            assert!(curve.rate(0.1, t).is_finite(), "{curve:?} at {t}");
        }
    }
    let half = chainrule_fit::optim::cosine(2.0, 5, 10);
    assert!((half - (1.0 + (PI / 2.0).cos())).abs() < 1e-15);
    assert_eq!(chainrule_fit::optim::cosine(2.0, 99, 10), 0.0);
}
