//! Every optimiser, and the problem that they are given. `tools/golden_optim.py` describes it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chainrule_core::{DType, Tensor, cat};
use chainrule_fit::optim::{
    Adadelta, Adafactor, Adagrad, Adam, AdamW, Adamax, Asgd, Clip, Descent, Group, Lamb, Lion,
    Muon, MuonScale, NAdam, Optimiser, RAdam, RmsProp, Rprop, Rule, Sgd, Together,
};

/// Live nodes and plans are counted for the whole process: one test at a time.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

type Make = Box<dyn Fn(Vec<Group>) -> Box<dyn Optimiser>>;

pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) rate: f64,
    pub(crate) decay: f64,
    make: Make,
}

impl Case {
    pub(crate) fn parameters(&self, dtype: DType) -> Vec<Tensor> {
        let matrices: &[&[usize]] = &[&[3, 2], &[2, 4]];
        let all: &[&[usize]] = &[&[3, 2], &[2], &[2, 4]];
        problem(if self.name.starts_with("muon") { matrices } else { all }, dtype)
    }

    pub(crate) fn over(&self, parameters: &[Tensor]) -> Box<dyn Optimiser> {
        let (first, last) = parameters.split_at(parameters.len() - 1);
        let up = self.name.ends_with("maximize");
        let group = |parameters, share: f64| {
            let group = Group::new(parameters, self.rate * share);
            group.weight_decay(self.decay * share).maximize(up)
        };
        (self.make)(vec![group(first, 1.0), group(last, 0.5)])
    }
}

pub(crate) fn case<R: Rule + Clone + 'static>(
    name: &'static str,
    rate: f64,
    decay: f64,
    rule: R,
) -> Case {
    let make = move |groups| Box::new(rule.clone().over_groups(groups)) as Box<dyn Optimiser>;
    Case { name, rate, decay, make: Box::new(make) }
}

/// Every optimiser that torch has as well, with every option.
#[rustfmt::skip]
pub(crate) fn in_torch() -> Vec<Case> {
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
pub(crate) fn all() -> Vec<Case> {
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
    all.push(around("averaged equally", |o| Box::new(o.averaged_equally())));
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

pub(crate) fn problem(shapes: &[&[usize]], dtype: DType) -> Vec<Tensor> {
    let mut i = 0.0;
    let parameter = |shape: &&[usize]| {
        let n = shape.iter().product();
        let x: Vec<f64> = (0..n).map(|k| (1.3 * (i + k as f64) + 0.5).sin()).collect();
        i += n as f64;
        Tensor::from_vec(x, *shape).unwrap().to_dtype(dtype).requires_grad()
    };
    shapes.iter().map(parameter).collect()
}

pub(crate) fn loss(parameters: &[Tensor]) -> Tensor {
    let flat: Vec<Tensor> = parameters.iter().map(|p| p.reshape([-1])).collect();
    let x = cat(&flat.iter().collect::<Vec<_>>(), 0).unwrap();
    let of = |f: fn(f64) -> f64| {
        Tensor::from((0..x.len()).map(|i| f(i as f64)).collect::<Vec<f64>>()).to_dtype(x.dtype())
    };
    let (weight, goal) = (of(|i| 1.0 + i % 3.0), of(|i| (0.7 * i).cos()));
    let own = weight * (&x - goal).square() / 2.0 + 0.3 * (2.0 * &x).sin();
    own.sum() + 0.05 * x.sum().square()
}

pub(crate) fn numbers(parameters: &[Tensor]) -> Vec<f64> {
    parameters.iter().flat_map(|p| p.to_vec::<f64>().unwrap()).collect()
}

/// The largest difference, relative where numbers are not small.
pub(crate) fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs() / b.abs().max(0.1)).fold(0.0, f64::max)
}
