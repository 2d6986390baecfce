//! Optimisers against torch's numbers, closed forms and loops in plain arithmetic; and what holds
//! for all of them, once.
//!
//! `golden/optim.json` is written by `tools/golden_optim.py`, which describes the problem.

use std::f64::consts::PI;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chainrule_core::{DType, Tensor, cat, grad, live_nodes, no_grad, profile};
use chainrule_fit::optim::schedule::{Curve, OneCycle, Plateau, Schedule, Scheduler};
use chainrule_fit::optim::{
    Adadelta, Adafactor, Adagrad, Adam, AdamW, Adamax, Asgd, Averaged, Clip, Descent, Group, Lamb,
    Lbfgs, LbfgsOptions, Lion, Muon, MuonScale, NAdam, Optimiser, RAdam, RmsProp, Rprop, Rule, Sgd,
    Together, clip,
};

/// Live nodes and plans are counted for the whole process: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

type Make = Box<dyn Fn(Vec<Group>) -> Box<dyn Optimiser>>;

struct Case {
    name: &'static str,
    rate: f64,
    decay: f64,
    make: Make,
}

impl Case {
    fn parameters(&self, dtype: DType) -> Vec<Tensor> {
        let matrices: &[&[usize]] = &[&[3, 2], &[2, 4]];
        let all: &[&[usize]] = &[&[3, 2], &[2], &[2, 4]];
        problem(if self.name.starts_with("muon") { matrices } else { all }, dtype)
    }

    fn over(&self, parameters: &[Tensor]) -> Box<dyn Optimiser> {
        let (first, last) = parameters.split_at(parameters.len() - 1);
        let up = self.name.ends_with("maximize");
        let group = |parameters, share: f64| {
            let group = Group::new(parameters, self.rate * share);
            group.weight_decay(self.decay * share).maximize(up)
        };
        (self.make)(vec![group(first, 1.0), group(last, 0.5)])
    }
}

fn case<R: Rule + Clone + 'static>(name: &'static str, rate: f64, decay: f64, rule: R) -> Case {
    let make = move |groups| Box::new(rule.clone().over_groups(groups)) as Box<dyn Optimiser>;
    Case { name, rate, decay, make: Box::new(make) }
}

/// Every optimiser that torch has as well, with every option.
#[rustfmt::skip]
fn in_torch() -> Vec<Case> {
    let sgd = Sgd::default();
    let (adam, nadam, radam, adamax) =
        (Adam::default(), NAdam::default(), RAdam::default(), Adamax::default());
    let (rms, adagrad, adadelta) = (RmsProp::default(), Adagrad::default(), Adadelta::default());
    let (asgd, rprop) = (Asgd::default(), Rprop::default());
    let (factor, muon) = (Adafactor::default(), Muon::default());
    let amsgrad = Adam { amsgrad: true, ..adam };
    vec![
        case("sgd", 0.05, 0.0, sgd),
        case("sgd decay", 0.05, 0.1, sgd),
        case("sgd momentum", 0.02, 0.0, Sgd::momentum(0.9)),
        case("sgd momentum decay", 0.02, 0.1, Sgd::momentum(0.9)),
        case("sgd dampening", 0.05, 0.0, Sgd { momentum: 0.9, dampening: 0.4, ..sgd }),
        case("sgd nesterov", 0.02, 0.1, Sgd { momentum: 0.9, nesterov: true, ..sgd }),
        case("sgd maximize", 0.001, 0.1, Sgd::momentum(0.5)),
        case("adam", 0.05, 0.0, adam),
        case("adam betas", 0.05, 0.0, Adam { betas: (0.8, 0.95), epsilon: 1e-3, ..adam }),
        case("adam decay", 0.05, 0.1, adam),
        case("adam amsgrad", 0.05, 0.1, amsgrad),
        case("adam maximize", 0.05, 0.1, adam),
        case("adamw", 0.05, 0.1, AdamW(adam)),
        case("adamw amsgrad", 0.05, 0.1, AdamW(amsgrad)),
        case("adamw maximize", 0.05, 0.1, AdamW(adam)),
        case("nadam", 0.05, 0.0, nadam),
        case("nadam decay", 0.05, 0.1, NAdam { momentum_decay: 0.02, ..nadam }),
        case("nadam decoupled", 0.05, 0.1, NAdam { decoupled_weight_decay: true, ..nadam }),
        case("nadam maximize", 0.05, 0.0, nadam),
        case("radam", 0.05, 0.0, radam),
        case("radam decay", 0.05, 0.1, RAdam { betas: (0.8, 0.99), ..radam }),
        case("radam decoupled", 0.05, 0.1, RAdam { decoupled_weight_decay: true, ..radam }),
        case("radam maximize", 0.05, 0.0, radam),
        case("adamax", 0.05, 0.0, adamax),
        case("adamax decay", 0.05, 0.1, Adamax { betas: (0.8, 0.99), ..adamax }),
        case("adamax maximize", 0.05, 0.0, adamax),
        case("rmsprop", 0.01, 0.0, rms),
        case("rmsprop alpha", 0.01, 0.1, RmsProp { alpha: 0.9, epsilon: 1e-4, ..rms }),
        case("rmsprop momentum", 0.01, 0.0, RmsProp { momentum: 0.8, ..rms }),
        case("rmsprop centered", 0.01, 0.0, RmsProp { centered: true, ..rms }),
        case("rmsprop all", 0.01, 0.1, RmsProp { momentum: 0.8, centered: true, ..rms }),
        case("rmsprop maximize", 0.01, 0.0, rms),
        case("adagrad", 0.2, 0.0, adagrad),
        case("adagrad decay", 0.2, 0.1, Adagrad { rate_decay: 0.02, ..adagrad }),
        case("adagrad initial", 0.2, 0.0, Adagrad { initial_accumulator: 0.5, ..adagrad }),
        case("adagrad maximize", 0.2, 0.0, adagrad),
        case("adadelta", 1.0, 0.0, adadelta),
        case("adadelta decay", 1.0, 0.1, Adadelta { rho: 0.95, epsilon: 1e-5 }),
        case("adadelta maximize", 1.0, 0.0, adadelta),
        case("asgd", 0.05, 0.0, asgd),
        case("asgd decay", 0.05, 0.1, Asgd { lambda: 0.02, alpha: 0.5, start: 5.0 }),
        case("asgd maximize", 0.001, 0.0, asgd),
        case("rprop", 0.05, 0.0, rprop),
        case("rprop options", 0.05, 0.0, Rprop { etas: (0.6, 1.1), step_sizes: (1e-3, 0.1) }),
        case("rprop maximize", 0.01, 0.0, Rprop { step_sizes: (1e-6, 0.05), ..rprop }),
        case("adafactor", 0.05, 0.0, factor),
        case("adafactor options", 0.3, 0.1,
            Adafactor { beta2_decay: -0.6, epsilons: (Some(1e-6), 0.1), clip: 2.0 }),
        case("adafactor maximize", 0.05, 0.0, factor),
        case("muon", 0.02, 0.0, muon),
        case("muon decay", 0.02, 0.1, Muon { momentum: 0.8, steps: 3, ..muon }),
        case("muon plain", 0.02, 0.0,
            Muon { nesterov: false, scale: MuonScale::MatchRmsAdamW, ..muon }),
        case("muon spectral", 0.02, 0.0, Muon { scale: MuonScale::SpectralUnclamped, ..muon }),
    ]
}

/// Those, those that torch lacks, and what can stand around one.
fn all() -> Vec<Case> {
    let mut all = in_torch();
    all.push(case("lion", 0.02, 0.1, Lion::default()));
    all.push(case("lamb", 0.02, 0.1, Lamb::default()));
    let around = |name, make: fn(Descent<AdamW>) -> Box<dyn Optimiser>| {
        let make = move |groups| make(AdamW::default().over_groups(groups));
        Case { name, rate: 0.05, decay: 0.1, make: Box::new(make) }
    };
    all.push(around("clipped by norm", |o| Box::new(o.clipped(Clip::Norm(0.5)))));
    all.push(around("clipped by value", |o| Box::new(o.clipped(Clip::Value(0.1)))));
    all.push(around("averaged", |o| Box::new(o.averaged(0.9))));
    all.push(around("averaged, accumulated", |o| {
        Box::new(o.clipped(Clip::Norm(1.0)).averaged(0.9).accumulated(2))
    }));
    let make = |groups: Vec<Group>| {
        let second = Sgd::momentum(0.9).over_groups(groups[1..].to_vec());
        let first = Adam::default().over_groups(groups[..1].to_vec());
        Box::new(Together(first, second)) as Box<dyn Optimiser>
    };
    all.push(Case { name: "together", rate: 0.01, decay: 0.1, make: Box::new(make) });
    all
}

fn problem(shapes: &[&[usize]], dtype: DType) -> Vec<Tensor> {
    let mut i = 0.0;
    let parameter = |shape: &&[usize]| {
        let n = shape.iter().product();
        let x: Vec<f64> = (0..n).map(|k| (1.3 * (i + k as f64) + 0.5).sin()).collect();
        i += n as f64;
        Tensor::from_vec(x, *shape).unwrap().to_dtype(dtype).requires_grad()
    };
    shapes.iter().map(parameter).collect()
}

fn loss(parameters: &[Tensor]) -> Tensor {
    let flat: Vec<Tensor> = parameters.iter().map(|p| p.reshape([-1])).collect();
    let x = cat(&flat.iter().collect::<Vec<_>>(), 0).unwrap();
    let of = |f: fn(f64) -> f64| {
        Tensor::from((0..x.len()).map(|i| f(i as f64)).collect::<Vec<f64>>()).to_dtype(x.dtype())
    };
    let (weight, goal) = (of(|i| 1.0 + i % 3.0), of(|i| (0.7 * i).cos()));
    let own = weight * (&x - goal).square() / 2.0 + 0.3 * (2.0 * &x).sin();
    own.sum() + 0.05 * x.sum().square()
}

/// The gradient of that, by hand.
fn slope(x: &[f64]) -> Vec<f64> {
    let sum: f64 = x.iter().sum();
    let one = |(i, x): (usize, &f64)| {
        let (weight, goal) = ((1 + i % 3) as f64, (0.7 * i as f64).cos());
        weight * (x - goal) + 0.6 * (2.0 * x).cos() + 0.1 * sum
    };
    x.iter().enumerate().map(one).collect()
}

fn numbers(parameters: &[Tensor]) -> Vec<f64> {
    parameters.iter().flat_map(|p| p.to_vec::<f64>().unwrap()).collect()
}

fn golden() -> serde_json::Value {
    serde_json::from_str(include_str!("golden/optim.json")).unwrap()
}

fn list(value: &serde_json::Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

/// The largest difference, relative where numbers are not small.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs() / b.abs().max(0.1)).fold(0.0, f64::max)
}

/// How far a case is from torch in the first 10 steps, and after 100.
fn from_torch(case: &Case, dtype: DType, golden: &serde_json::Value) -> [f64; 2] {
    let parameters = case.parameters(dtype);
    let mut optimiser = case.over(&parameters);
    let mut far = [0.0f64; 2];
    for step in 1..=100 {
        optimiser.minimise(&loss(&parameters), &[]).unwrap();
        if let Some(k) = [1, 2, 10, 100].iter().position(|&s| s == step) {
            let here = distance(&numbers(&parameters), &list(&golden[case.name][k]));
            far[k / 3] = far[k / 3].max(here);
        }
    }
    far
}

/// The order of additions is all that differs. 2·10⁻¹⁴ is reached in 10 steps, and 9·10⁻¹² after
/// 100, where rules that divide by small gradients have amplified that; most stay below 10⁻¹⁴.
#[test]
fn torch_in_double_precision() {
    let _alone = alone();
    let golden = golden();
    let cases = in_torch();
    assert_eq!(golden["f64"].as_object().unwrap().len(), cases.len());
    for case in cases {
        let [ten, hundred] = from_torch(&case, DType::F64, &golden["f64"]);
        println!("{}: {ten:.1e} {hundred:.1e}", case.name);
        assert!(ten < 1e-12 && hundred < 1e-10, "{}: {ten:.1e} {hundred:.1e}", case.name);
    }
}

/// Roundings of 6·10⁻⁸ each: 7·10⁻⁷ is reached in 10 steps, 3·10⁻⁶ after 100.
#[test]
fn torch_in_single_precision() {
    let _alone = alone();
    let golden = golden();
    let known = golden["f32"].as_object().unwrap();
    let mut seen = 0;
    for case in in_torch().iter().filter(|case| known.contains_key(case.name)) {
        let [ten, hundred] = from_torch(case, DType::F32, &golden["f32"]);
        println!("{}: {ten:.1e} {hundred:.1e}", case.name);
        assert!(ten < 1e-6 && hundred < 1e-5, "{}: {ten} {hundred}", case.name);
        seen += 1;
    }
    assert_eq!(seen, known.len());
}

#[test]
fn torch_with_a_memory() {
    let _alone = alone();
    let golden = &golden()["lbfgs"];
    let options = LbfgsOptions { max_iter: 3, ..LbfgsOptions::default() };
    let wolfe = LbfgsOptions { strong_wolfe: true, ..options };
    for (name, rate, options) in [
        ("lbfgs", 0.5, options),
        ("lbfgs history", 0.5, LbfgsOptions { max_iter: 4, history: 3, ..options }),
        ("lbfgs wolfe", 1.0, wolfe),
        ("lbfgs wolfe short", 5.0, LbfgsOptions { max_iter: 4, max_eval: Some(4), ..wolfe }),
        ("lbfgs wolfe far", 60.0, LbfgsOptions { max_iter: 2, ..wolfe }),
    ] {
        let parameters = problem(&[&[3, 2], &[2], &[2, 4]], DType::F64);
        let mut lbfgs = Lbfgs::new(&parameters, rate, options);
        for step in 1..=4 {
            let before = loss(&parameters).item::<f64>().unwrap();
            let told = lbfgs.step_with(&mut || Ok(loss(&parameters))).unwrap();
            assert_eq!(told.item::<f64>().unwrap(), before);
            if let Some(k) = [1, 2, 4].iter().position(|&s| s == step) {
                let far = distance(&numbers(&parameters), &list(&golden[name][k]));
                assert!(far < 1e-9, "{name}, step {step}: {far}");
            }
        }
    }
}

#[test]
fn torch_bounds_gradients_alike() {
    let _alone = alone();
    let golden = &golden()["clip"];
    let parameters = problem(&[&[3, 2], &[2], &[2, 4]], DType::F64);
    let gradients = grad(&loss(&parameters), &parameters.iter().collect::<Vec<_>>()).unwrap();
    let mut gradients: Vec<_> = gradients.into_iter().map(Some).collect();
    let norm = clip(&mut gradients, Clip::Norm(0.7)).unwrap().unwrap();
    let flat = |g: &[Option<Tensor>]| numbers(&g.iter().flatten().cloned().collect::<Vec<_>>());
    assert!((norm.item::<f64>().unwrap() - golden["norm"].as_f64().unwrap()).abs() < 1e-13);
    assert!(distance(&flat(&gradients), &list(&golden["by_norm"])) < 1e-13);
    clip(&mut gradients, Clip::Value(0.1)).unwrap();
    assert!(distance(&flat(&gradients), &list(&golden["by_value"])) < 1e-13);
    assert!(clip(&mut gradients, Clip::Norm(f64::NAN)).is_err());
}

/// torch multiplies from step to step what is a closed form here: rounding of 100 products.
#[test]
fn torch_has_these_rates() {
    let _alone = alone();
    let golden = golden();
    let line = Curve::Linear { from: 0.1, to: 1.0, steps: 10 };
    let cycle = OneCycle::new(101);
    let straight = OneCycle { rise: 0.2, linear: true, start: 10.0, end: 100.0, ..cycle };
    let curves = [
        ("constant", Curve::Constant { factor: 0.25, steps: 7 }),
        ("step", Curve::Step { every: 15, gamma: 0.5 }),
        ("multistep", Curve::MultiStep { milestones: vec![20, 55, 55, 90], gamma: 0.3 }),
        ("exponential", Curve::Exponential { gamma: 0.97 }),
        ("linear", line.clone()),
        ("polynomial", Curve::Polynomial { steps: 60, power: 1.7 }),
        ("cosine", Curve::Cosine { steps: 40, least: 0.01 }),
        ("restarts", Curve::CosineRestarts { steps: 10, factor: 2, least: 0.02 }),
        ("restarts equal", Curve::CosineRestarts { steps: 13, factor: 1, least: 0.0 }),
        ("one cycle", Curve::OneCycle(cycle)),
        ("one cycle linear", Curve::OneCycle(straight)),
        ("one cycle three", Curve::OneCycle(OneCycle { three_phases: true, ..cycle })),
        (
            "sequential",
            line.clone()
                .then(10, Curve::Cosine { steps: 60, least: 0.0 })
                .then(70, Curve::Exponential { gamma: 0.9 }),
        ),
        ("chained", Curve::Chained(vec![line, Curve::Exponential { gamma: 0.95 }])),
    ];
    assert_eq!(golden["schedules"].as_object().unwrap().len(), curves.len());
    for (name, curve) in curves {
        for (t, torch) in list(&golden["schedules"][name]).into_iter().enumerate() {
            let rate = curve.rate(0.5, t);
            assert!((rate - torch).abs() < 1e-12, "{name} at {t}: {rate}, not {torch}");
        }
    }
}

#[test]
fn torch_has_these_plateaus() {
    let _alone = alone();
    let golden = golden();
    let first = Plateau { factor: 0.5, patience: 3, ..Plateau::default() };
    let second = Plateau {
        factor: 0.3,
        patience: 2,
        threshold: 0.01,
        relative: false,
        cooldown: 4,
        least: 0.02,
        maximize: true,
        ..Plateau::default()
    };
    for (name, mut plateau) in [("plateau", first), ("plateau options", second)] {
        for (t, torch) in list(&golden["plateaus"][name]).into_iter().enumerate() {
            let rate = plateau.rate(0.5, t);
            assert!((rate - torch).abs() < 1e-15, "{name} at {t}: {rate}, not {torch}");
            plateau.observe(1.0 / (1 + t / 12) as f64 + 0.001 * (t % 5) as f64);
        }
        let mut other = Plateau { factor: plateau.factor, ..Plateau::default() };
        other.load_state(&plateau.state()).unwrap();
        assert_eq!(other.state().len(), 4);
    }
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

/// A state at step 5, in a fresh optimiser at the same parameters, ends at the same bits.
#[test]
fn all_go_on_where_they_were() {
    let _alone = alone();
    for case in all() {
        for dtype in [DType::F64, DType::F32] {
            let run = |optimiser: &mut dyn Optimiser, parameters: &[Tensor], steps| {
                for _ in 0..steps {
                    optimiser.minimise(&loss(parameters), &[]).unwrap();
                }
            };
            let parameters = case.parameters(dtype);
            let mut optimiser = case.over(&parameters);
            run(&mut optimiser, &parameters, 4);
            optimiser.set_rate(case.rate * 0.7);
            run(&mut optimiser, &parameters, 1);
            let mut state = optimiser.state();
            state.reverse();
            let copies: Vec<Tensor> =
                parameters.iter().map(|p| copy(&p.detach()).requires_grad()).collect();
            let state: Vec<_> = state.into_iter().map(|(name, x)| (name, copy(&x))).collect();
            let mut other = case.over(&copies);
            other.load_state(&state).unwrap();
            assert_eq!(other.rates(), optimiser.rates());
            run(&mut optimiser, &parameters, 5);
            run(&mut other, &copies, 5);
            let bits = |p: &[Tensor]| numbers(p).iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&parameters), bits(&copies), "{} {dtype}", case.name);
            assert!(parameters.iter().all(|p| p.dtype() == dtype));
        }
    }
}

/// The same numbers, as a file gives them.
fn copy(x: &Tensor) -> Tensor {
    match x.dtype() {
        DType::I64 => Tensor::from_vec(x.to_vec::<i64>().unwrap(), x.shape()),
        DType::F32 => Tensor::from_vec(x.to_vec::<f32>().unwrap(), x.shape()),
        _ => Tensor::from_vec(x.to_vec::<f64>().unwrap(), x.shape()),
    }
    .unwrap()
}

#[test]
fn a_memory_goes_on_where_it_was() {
    let _alone = alone();
    for strong_wolfe in [false, true] {
        let options =
            LbfgsOptions { max_iter: 2, history: 3, strong_wolfe, ..LbfgsOptions::default() };
        let parameters = problem(&[&[3, 2], &[2]], DType::F64);
        let mut lbfgs = Lbfgs::new(&parameters, 0.5, options);
        for step in 0..5 {
            lbfgs.step_with(&mut || Ok(loss(&parameters))).unwrap();
            let copies: Vec<Tensor> =
                parameters.iter().map(|p| copy(&p.detach()).requires_grad()).collect();
            let mut other = Lbfgs::new(&copies, 0.5, options);
            let state: Vec<_> = lbfgs.state().into_iter().map(|(n, x)| (n, copy(&x))).collect();
            other.load_state(&state).unwrap();
            other.step_with(&mut || Ok(loss(&copies))).unwrap();
            lbfgs.step_with(&mut || Ok(loss(&parameters))).unwrap();
            assert_eq!(numbers(&parameters), numbers(&copies), "{step}");
        }
        let short = LbfgsOptions { history: 2, ..options };
        assert!(Lbfgs::new(&parameters, 0.5, short).load_state(&lbfgs.state()).is_err());
    }
}

/// From the third step on nothing is planned and nothing is left behind. RAdam changes its form
/// between the fifth and the sixth step, and an accumulated step differs from one that is not.
#[test]
fn all_keep_one_plan_and_no_graph() {
    let _alone = alone();
    for case in all() {
        let parameters = case.parameters(DType::F64);
        let mut optimiser = case.over(&parameters);
        let mut scheduler = Scheduler::new(Curve::Exponential { gamma: 0.999 }, &mut optimiser);
        let mut steps = |n: usize| {
            for _ in 0..n {
                optimiser.minimise(&loss(&parameters), &[]).unwrap();
                scheduler.step(&mut optimiser);
            }
        };
        let special = case.name.starts_with("radam") || case.name.contains("accumulated");
        steps(if special { 8 } else { 2 });
        let (_, seen) = profile(|| steps(10));
        let planned: usize =
            seen.rows().iter().filter(|row| row.name == "plan").map(|row| row.runs).sum();
        assert_eq!(planned, 0, "{}", case.name);
        let before = live_nodes();
        steps(1000);
        assert_eq!(live_nodes(), before, "{}", case.name);
    }
}

/// All come down from where they start, the climbers up.
#[test]
fn all_make_progress() {
    let _alone = alone();
    for case in all() {
        let parameters = case.parameters(DType::F64);
        let mut optimiser = case.over(&parameters);
        let first = loss(&parameters).item::<f64>().unwrap();
        for _ in 0..50 {
            optimiser.minimise(&loss(&parameters), &[]).unwrap();
        }
        let last = loss(&parameters).item::<f64>().unwrap();
        assert_eq!(last > first, case.name.ends_with("maximize"), "{}: {first} {last}", case.name);
    }
}

/// `backward` and `step`, `minimise`, and `step_with` are the same step, and parameters without a
/// gradient stay.
#[test]
fn all_step_in_three_ways() {
    let _alone = alone();
    for case in all() {
        let run = |way: usize| {
            let parameters = case.parameters(DType::F64);
            let mut optimiser = case.over(&parameters);
            for _ in 0..4 {
                match way {
                    0 => {
                        optimiser.zero_grad();
                        loss(&parameters).backward().unwrap();
                        optimiser.step().unwrap();
                    }
                    1 => optimiser.minimise(&loss(&parameters), &[]).unwrap(),
                    _ => {
                        optimiser.step_with(&mut || Ok(loss(&parameters))).unwrap();
                    }
                }
            }
            let done = numbers(&parameters);
            let none: Vec<Option<Tensor>> = parameters.iter().map(|_| None).collect();
            optimiser.record(&none).unwrap();
            assert_eq!(numbers(&parameters), done, "{}", case.name);
            done
        };
        assert_eq!(run(0), run(1), "{}", case.name);
        assert_eq!(run(1), run(2), "{}", case.name);
    }
}

/// What does not fit is refused in a sentence, and nothing is changed.
#[test]
fn all_refuse_what_does_not_fit() {
    let _alone = alone();
    for case in all() {
        let parameters = case.parameters(DType::F64);
        let before = numbers(&parameters);
        let mut optimiser = case.over(&parameters);
        let good: Vec<_> = parameters.iter().map(|p| Some(p.ones_like())).collect();
        let mut narrow = good.clone();
        narrow[1] = Some(Tensor::from([1.0]));
        let mut single = good.clone();
        single[0] = Some(parameters[0].ones_like().to_dtype(DType::F32));
        for wrong in [&good[1..], &narrow, &single] {
            let told = optimiser.record(wrong).unwrap_err().to_string();
            assert!(told.contains("give"), "{told}");
        }
        optimiser.set_rate(f64::NAN);
        if !case.name.contains("accumulated") {
            assert!(optimiser.record(&good).unwrap_err().to_string().contains("rate"));
        }
        assert_eq!(numbers(&parameters), before, "{}", case.name);

        let state = optimiser.state();
        let mut less = state.clone();
        less.pop();
        let mut more = state.clone();
        more.push(("a\u{1b}[31m".into(), Tensor::from(1.0)));
        let mut twice = state.clone();
        twice.push(state[0].clone());
        let mut other = state.clone();
        other.last_mut().unwrap().1 = Tensor::from([1i64, 2, 3]);
        let mut negative = state.clone();
        for (name, tensor) in &mut negative {
            if name.ends_with("step") {
                *tensor = Tensor::from(-1i64);
            }
        }
        for wrong in [less, more, twice, other, negative] {
            let told = optimiser.load_state(&wrong).unwrap_err().to_string();
            assert!(told.contains(';') && !told.contains('\u{1b}'), "{told}");
        }
        let names = |state: &[(String, Tensor)]| {
            state.iter().map(|(n, x)| (n.clone(), x.to_vec::<f64>().unwrap())).collect::<Vec<_>>()
        };
        assert_eq!(
            format!("{:?}", names(&optimiser.state())),
            format!("{:?}", names(&state)),
            "{}",
            case.name
        );
    }
}

#[test]
fn options_are_checked() {
    let _alone = alone();
    let x = Tensor::from([1.0]).requires_grad();
    let told = |mut optimiser: Box<dyn Optimiser>| {
        optimiser.record(&[Some(Tensor::from([1.0]))]).unwrap_err().to_string()
    };
    let lone = Sgd { nesterov: true, ..Sgd::default() };
    assert!(told(Box::new(lone.over([&x], 0.1))).contains("momentum"));
    let wild = Adam { betas: (0.9, 1.0), ..Adam::default() };
    assert!(told(Box::new(wild.over([&x], 0.1))).contains("β = 1"));
    assert!(told(Box::new(Muon::default().over([&x], 0.1))).contains("[1]"));
    let group = Group::new([&x], 0.1).weight_decay(0.1);
    assert!(told(Box::new(Rprop::default().over_groups([group]))).contains("decay"));
    assert!(told(Box::new(Sgd::default().over([&x], -1.0))).contains("rate"));
    assert_eq!(x.to_vec::<f64>().unwrap(), [1.0]);
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
    assert_eq!(no_grad(|| chainrule_fit::optim::cosine(2.0, 99, 10)), 0.0);
}
