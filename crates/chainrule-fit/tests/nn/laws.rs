//! What holds for every layer and every loss.

use std::collections::HashSet;

use chainrule_core::{DType, Engine, Tensor, grad, gradcheck, manual_seed, with_engine};
use chainrule_fit::nn::{Slot, from_bytes, load_state, state, to_bytes};

use super::cases::{Case, layers, losses};
use super::golden::{inputs, stored, weighted};
use super::{drawing, seeded};

fn numbers(all: &[Tensor]) -> Vec<Vec<f64>> {
    all.iter().map(|x| x.to_vec::<f64>().expect("numbers")).collect()
}

/// The largest |x − y| / max(1, |y|).
fn distance(x: &[Vec<f64>], y: &[Vec<f64>]) -> f64 {
    let pairs = x.iter().flatten().zip(y.iter().flatten());
    let gap = |(x, y): (&f64, &f64)| {
        if x == y { 0.0 } else { (x - y).abs() / y.abs().max(1.0) }
    };
    pairs.map(gap).fold(0.0, |m: f64, e| if e.is_nan() { f64::INFINITY } else { m.max(e) })
}

fn run(case: &Case, x: &[Tensor]) -> Vec<Tensor> {
    (case.run)(x).unwrap_or_else(|e| panic!("{}: {e}", case.name))
}

/// Forward and reverse mode, first and second order, against differences. Buffers are put back, as
/// their values must not depend on unknown tensors.
#[test]
fn derivatives_by_inputs_agree_with_differences() {
    let _any = drawing();
    let golden = stored();
    for case in layers(DType::F64).into_iter().chain(losses()) {
        let x = inputs(&golden[&case.name]);
        let free: Vec<usize> = (0..x.len()).filter(|&i| x[i].tracks_grad()).collect();
        let given: Vec<Tensor> = free.iter().map(|&i| x[i].detach()).collect();
        // The differences of numbers of 10⁴ have too few digits left; golden values cover these.
        if given.is_empty() || case.name.contains("huge") {
            continue;
        }
        let before: Vec<_> = case
            .module
            .entries()
            .into_iter()
            .filter_map(|e| match e.slot {
                Slot::Buffer(buffer) => Some((buffer.get(), buffer)),
                Slot::Parameter(_) => None,
            })
            .collect();
        let f = |moved: &[Tensor]| {
            before.iter().for_each(|(value, buffer)| buffer.set(value.clone()));
            let mut x = x.clone();
            free.iter().zip(moved).for_each(|(&i, m)| x[i] = m.clone());
            weighted(&run(&case, &x))
        };
        let order = if given.iter().map(Tensor::len).sum::<usize>() <= 12 { 2 } else { 1 };
        let report = gradcheck(f, &given, order).unwrap_or_else(|e| panic!("{}: {e}", case.name));
        assert!(report.agrees(), "{}:\n{report}", case.name);
    }
}

#[test]
fn both_engines_agree() {
    let _any = drawing();
    let golden = stored();
    for case in layers(DType::F64).into_iter().chain(losses()) {
        let x = inputs(&golden[&case.name]);
        let values = || numbers(&run(&case, &x));
        let plain = with_engine(Engine::Reference, values);
        // Sums in another order: 53 bits, and sums of at most a few hundred terms.
        assert!(distance(&values(), &plain) < 1e-12, "{}", case.name);
    }
}

#[test]
fn single_and_double_precision_agree() {
    let _alone = seeded(0);
    let golden = stored();
    let both = [DType::F32, DType::F64].map(|dtype| {
        manual_seed(3);
        layers(dtype)
    });
    let [single, double] = both;
    for (a, b) in single.iter().zip(&double) {
        let x = inputs(&golden[&a.name]);
        let narrow =
            |x: &Tensor| if x.dtype().is_float() { x.to_dtype(DType::F32) } else { x.clone() };
        let narrow: Vec<Tensor> = x.iter().map(narrow).collect();
        let (y, z) = (run(a, &narrow), run(b, &x));
        assert!(y.iter().all(|y| y.dtype() == DType::F32), "{} is wider than its input", a.name);
        // 24 bits, and batch norm divides by deviations of about 1/2.
        assert!(distance(&numbers(&y), &numbers(&z)) < 1e-4, "{}", a.name);
    }
}

#[test]
fn the_same_seed_gives_the_same_model() {
    let _alone = seeded(0);
    let models = [5, 5, 6].map(|seed| {
        manual_seed(seed);
        let cases = layers(DType::F32);
        cases.iter().flat_map(|c| numbers(&state_of(c))).collect::<Vec<_>>()
    });
    assert_eq!(models[0], models[1]);
    assert_ne!(models[0], models[2]);
}

fn state_of(case: &Case) -> Vec<Tensor> {
    state(&*case.module).into_iter().map(|s| s.1).collect()
}

#[test]
fn a_state_goes_through_a_file() {
    let _alone = seeded(1);
    let saved = layers(DType::F32);
    let fresh = layers(DType::F32);
    for (a, b) in saved.iter().zip(&fresh) {
        let names: HashSet<String> = state(&*a.module).into_iter().map(|s| s.0).collect();
        assert_eq!(names.len(), state(&*a.module).len(), "{} has a name twice", a.name);
        let bytes = to_bytes(&state(&*a.module), None).expect("bytes");
        load_state(&*b.module, &from_bytes(&bytes).expect("tensors").0).expect("the same model");
        assert_eq!(numbers(&state_of(a)), numbers(&state_of(b)), "{}", a.name);
    }
}

#[test]
fn every_parameter_gets_a_gradient() {
    let _any = drawing();
    let golden = stored();
    for case in layers(DType::F64) {
        let parameters = case.module.parameters();
        let y = weighted(&run(&case, &inputs(&golden[&case.name])));
        let all: Vec<&Tensor> = parameters.iter().collect();
        for (i, g) in grad(&y, &all).expect("gradients").iter().enumerate() {
            let size: f64 = g.abs().sum().item().expect("a number");
            assert!(size > 0.0 && size.is_finite(), "{}: parameter {i}", case.name);
        }
    }
}
