//! Laws over operations on whole tensors: movement, reductions, contractions.
//!
//! Each operation is listed once (`common/operations.rs`), as a function of its inputs; both
//! engines must agree on its value, and its derivatives must equal differences to second order.

mod common;

use chainrule_core::{DType, Engine, Tensor, grad, gradcheck, with_engine};
use common::operations::{Case, cases};
use common::{both, distance, list, tensor};

#[test]
fn both_engines_agree() {
    for Case { name, x, f, .. } in cases() {
        let (fused, plain) = both(|| f(&x));
        // Sums of at most 60 numbers of magnitude below 20, in another order.
        assert!(distance(&fused, &plain) <= 60.0 * 20.0 * f64::EPSILON, "{name}");
        let narrow: Vec<Tensor> = x.iter().map(|x| x.to_dtype(DType::F32)).collect();
        let single = f(&narrow).to_vec::<f64>().expect("values");
        // The same with the unit of single precision, 2⁻²⁴, and a factor 10 for divisions by small
        // standard deviations.
        assert!(distance(&single, &plain) <= 1e-4, "{name} in single precision");
    }
}

#[test]
fn derivatives_to_second_order() {
    for Case { name, x, f, .. } in cases() {
        let report = gradcheck(|x| f(x), &x, 2).expect("a report");
        // What differences leave of derivatives up to 10³; there is no kink to hide behind.
        assert!(report.passes(1e-9) && report.kinks() == 0, "{name}: {report}");
    }
}

/// ⟨u, Lv⟩ = ⟨Lᵀu, v⟩ for what is linear, without differences: only rounding is left. In both
/// engines, so that each adjoint has two implementations.
#[test]
fn adjoints_of_linear_operations() {
    for engine in [Engine::Fused, Engine::Reference] {
        for Case { name, x, f, .. } in cases().filter(|c| c.linear) {
            let v: Vec<Tensor> = x.iter().map(|x| x.detach().requires_grad()).collect();
            let y = f(&v);
            let u = tensor(y.shape(), 9);
            y.backward_with(&u).expect("backward");
            let inner = |a: &Tensor, b: &Tensor| -> f64 {
                list(a).iter().zip(list(b)).map(|(a, b)| a * b).sum()
            };
            let (left, right) = with_engine(engine, || {
                let each = v.iter().map(|v| inner(&v.grad().expect("a gradient"), v));
                (inner(&u, &y), each.sum::<f64>())
            });
            let error = (left - right).abs();
            assert!(error <= 1e-12 * left.abs().max(1.0), "{name}, {engine:?}: {left} {right}");
        }
    }
}

/// A cast to F32 and back has the identity as its derivative; the cotangent is cast along.
#[test]
fn casts_carry_gradients_between_types() {
    let x = tensor(&[2, 3], 1).requires_grad();
    let y = x.to_dtype(DType::F32);
    assert_eq!(y.dtype(), DType::F32);
    y.backward_with(&Tensor::from([[0.5f32, -2.0, 3.0], [0.25, 1.0, 0.0]])).expect("backward");
    let g = x.grad().expect("a gradient");
    assert_eq!(g.dtype(), DType::F64);
    assert_eq!(list(&g), [0.5, -2.0, 3.0, 0.25, 1.0, 0.0]);
    let mixed = (&x * Tensor::from([[1.0f32, 2.0, 4.0]])).sum();
    assert_eq!(mixed.dtype(), DType::F64);
    assert_eq!(list(&grad(&mixed, &[&x]).expect("a gradient")[0]), [1.0, 2.0, 4.0, 1.0, 2.0, 4.0]);
}
