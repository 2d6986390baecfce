//! What holds for all optimisers.

use chainrule_core::{DType, Tensor, live_nodes, profile};
use chainrule_fit::optim::schedule::{Curve, Scheduler};
use chainrule_fit::optim::{Adam, Group, Lbfgs, LbfgsOptions, Muon, Optimiser, Rprop, Rule, Sgd};

use crate::cases::{all, alone, loss, numbers, problem};

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
fn a_memory_in_single_precision() {
    let _alone = alone();
    let parameters = problem(&[&[3, 2], &[2]], DType::F32);
    let mut lbfgs = Lbfgs::new(&parameters, 1.0, LbfgsOptions::default());
    let first = loss(&parameters).item::<f64>().unwrap();
    lbfgs.step_with(&mut || Ok(loss(&parameters))).unwrap();
    assert!(loss(&parameters).item::<f64>().unwrap() < first);
    assert!(parameters.iter().all(|p| p.dtype() == DType::F32));
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
            if step > 0 {
                lbfgs.step_with(&mut || Ok(loss(&parameters))).unwrap();
            }
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

/// From the fourth step on nothing is planned and nothing is left behind. A momentum begins as the
/// gradient itself, which may lie in memory in another order than the sums that follow; RAdam
/// changes its form between the fifth and the sixth step, and an accumulated step differs from one
/// that is not.
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
        let plans = |f: &mut dyn FnMut()| -> usize {
            let (_, seen) = profile(f);
            seen.rows().iter().filter(|row| row.name == "plan").map(|row| row.runs).sum()
        };
        // Everything of a step is in one plan (which may be there from another test).
        assert!(plans(&mut || steps(1)) <= 1, "{}", case.name);
        let special = case.name.starts_with("radam") || case.name.contains("accumulated");
        steps(if special { 7 } else { 2 });
        assert_eq!(plans(&mut || steps(10)), 0, "{}", case.name);
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

/// Once the memory is full, it does not grow.
#[test]
fn a_memory_keeps_no_graph() {
    let _alone = alone();
    let parameters = problem(&[&[3, 2], &[2]], DType::F64);
    let options = LbfgsOptions {
        max_iter: 2,
        history: 3,
        strong_wolfe: true,
        tolerance_grad: 0.0,
        tolerance_change: 0.0,
        ..LbfgsOptions::default()
    };
    let mut lbfgs = Lbfgs::new(&parameters, 0.1, options);
    let mut count = |steps: usize| {
        for _ in 0..steps {
            // Another point each time, so that there is always something to remember.
            lbfgs.step_with(&mut || Ok(loss(&parameters))).unwrap();
            parameters[0].assign(&(parameters[0].detach() * 0.9)).unwrap();
        }
        live_nodes()
    };
    let before = count(20);
    assert_eq!(count(50), before);
}

#[test]
fn parameters_can_be_added_but_not_exchanged() {
    let _alone = alone();
    let (x, y) = (Tensor::from([1.0]).requires_grad(), Tensor::from([1.0]).requires_grad());
    let mut adam = Adam::default().over([&x], 0.1);
    adam.minimise(&x.sum(), &[]).unwrap();
    adam.add(Group::new([&y], 0.2));
    adam.minimise(&(&x + &y).sum(), &[]).unwrap();
    // The first step of each has the length of its rate.
    assert!((y.item::<f64>().unwrap() - 0.8).abs() < 1e-8);
    assert!(adam.minimise(&x.sum(), &[]).unwrap_err().to_string().contains("does not depend"));
    adam.zero_grad();
    x.sum().backward().unwrap();
    adam.step().unwrap();
    assert!((y.item::<f64>().unwrap() - 0.8).abs() < 1e-8);
    adam.groups_mut()[1].parameters = vec![Tensor::from([1.0, 2.0]).requires_grad()];
    let gradients = [None, Some(Tensor::from([1.0, 2.0]))];
    assert!(adam.record(&gradients).unwrap_err().to_string().contains("exchanged"));
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
