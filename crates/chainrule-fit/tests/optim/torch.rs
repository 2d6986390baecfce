//! What torch computes, from `golden/optim.json`.

use chainrule_core::{DType, Tensor, grad};
use chainrule_fit::optim::schedule::{Curve, OneCycle, Plateau, Schedule};
use chainrule_fit::optim::{Clip, Lbfgs, LbfgsOptions, Optimiser, clip};

use crate::cases::{Case, alone, distance, in_torch, loss, numbers, problem};

fn golden() -> serde_json::Value {
    serde_json::from_str(include_str!("../golden/optim.json")).unwrap()
}

fn list(value: &serde_json::Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
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

/// Roundings of 6·10⁻⁸ each: 3·10⁻⁷ is reached in 10 steps, 3·10⁻⁶ after 100.
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

/// The same 43 evaluations along the valley, with their roundings.
#[test]
fn torch_in_a_valley() {
    let _alone = alone();
    let golden = &golden()["rosenbrock"];
    let x = Tensor::from([-1.2, 1.0]).requires_grad();
    let options = LbfgsOptions { strong_wolfe: true, max_iter: 100, ..LbfgsOptions::default() };
    let mut lbfgs = Lbfgs::new([&x], 1.0, options);
    let valley = || {
        let (a, b) = (x.i(0), x.i(1));
        Ok((1.0 - &a).square() + 100.0 * (b - a.square()).square())
    };
    lbfgs.step_with(&mut { valley }).unwrap();
    assert_eq!(Some(lbfgs.evaluations()), golden["evaluations"].as_u64());
    let far = distance(&numbers(std::slice::from_ref(&x)), &list(&golden["x"]));
    assert!(far < 1e-9, "{far}");
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
