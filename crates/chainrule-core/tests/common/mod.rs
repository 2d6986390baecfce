//! What the laws share: samples, comparing, and both engines.

#![allow(dead_code, unreachable_pub)] // each test file uses its part

pub mod operations;

use chainrule_core::op::Unary;
use chainrule_core::{DType, Engine, Tensor, grad, with_engine};

/// The one number of a tensor.
pub fn item(x: &Tensor) -> f64 {
    x.item().expect("a number")
}

/// The numbers of a tensor.
pub fn list(x: &Tensor) -> Vec<f64> {
    x.to_vec().expect("numbers")
}

/// The integers of a tensor.
pub fn ints(x: &Tensor) -> Vec<i64> {
    x.to_vec().expect("integers")
}

/// The truth values of a tensor.
pub fn truths(x: &Tensor) -> Vec<bool> {
    x.to_vec().expect("truth values")
}

/// The gradient of Σ f at `x`.
pub fn gradient(x: &Tensor, f: impl Fn(&Tensor) -> Tensor) -> Vec<f64> {
    let x = x.detach().requires_grad();
    list(&grad(&f(&x).sum(), &[&x]).expect("a gradient")[0])
}

/// The gradient of Σ ∂(Σ f)/∂x, all at `x`.
pub fn second(x: &Tensor, f: impl Fn(&Tensor) -> Tensor) -> Vec<f64> {
    gradient(x, |x| grad(&f(x).sum(), &[x]).expect("a gradient").remove(0))
}

/// The method of a scalar operation.
pub fn apply(op: Unary, x: &Tensor) -> Tensor {
    let found = Tensor::SCALAR_METHODS.iter().find(|m| m.0 == op);
    found.map(|(_, method)| method(x)).expect("every operation has its method")
}

/// The numbers of a tensor from the fused engine and from the reference engine. `f` is run once for
/// each, as a tensor keeps its value.
pub fn both(f: impl Fn() -> Tensor) -> (Vec<f64>, Vec<f64>) {
    let fused = f().to_vec::<f64>().expect("fused");
    let plain = with_engine(Engine::Reference, || f().to_vec::<f64>().expect("reference"));
    (fused, plain)
}

/// Whether two lists have the same bits, NaN being equal to NaN.
pub fn same_bits(x: &[f64], y: &[f64]) -> bool {
    let same = |(x, y): (&f64, &f64)| x.to_bits() == y.to_bits() || x.is_nan() && y.is_nan();
    x.len() == y.len() && x.iter().zip(y).all(same)
}

/// The largest |x − y| / max(1, |y|).
pub fn distance(x: &[f64], y: &[f64]) -> f64 {
    assert_eq!(x.len(), y.len());
    let gap = |(x, y): (&f64, &f64)| {
        if x == y || x.is_nan() && y.is_nan() { 0.0 } else { (x - y).abs() / y.abs().max(1.0) }
    };
    x.iter().zip(y).map(gap).fold(0.0, |m: f64, e| if e.is_nan() { f64::NAN } else { m.max(e) })
}

/// `n` numbers of a fixed list, over and over.
pub fn cycle(list: &[f64], n: usize) -> Vec<f64> {
    list.iter().copied().cycle().take(n).collect()
}

/// Tensors of the given numbers in every kind of layout: 0-d, empty, plain, transposed, strided,
/// flipped, stretched.
pub fn layouts(list: &[f64], dtype: DType) -> Vec<(&'static str, Tensor)> {
    let of = |shape: &[usize]| {
        let n = shape.iter().product();
        Tensor::from_vec(cycle(list, n), shape).expect("a tensor").to_dtype(dtype)
    };
    vec![
        ("0-d", of(&[])),
        ("empty", of(&[0])),
        ("empty rows", of(&[3, 0])),
        ("vector", of(&[5])),
        ("matrix", of(&[2, 3])),
        ("transposed", of(&[3, 2]).t()),
        ("every second", of(&[9]).i(((1..9, 2),))),
        ("backwards", of(&[4]).flip(0)),
        ("stretched row", of(&[4]).expand([3, 4])),
        ("stretched column", of(&[3, 1]).expand([3, 4])),
        ("a number everywhere", Tensor::full([2, 3], list[0]).to_dtype(dtype)),
        ("long", of(&[5000])),
    ]
}

/// Numbers in (−2, 2), different for each `seed`.
pub fn numbers(n: usize, seed: u64) -> Vec<f64> {
    // Multiply and shift, twice: neighbours are unrelated.
    let mix = |x: u64| (x ^ x >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let word = |i: u64| mix(mix(i.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ mix(seed + 1)));
    (0..n as u64).map(|i| (word(i) >> 11) as f64 / (1u64 << 53) as f64 * 4.0 - 2.0).collect()
}

/// A tensor of [`numbers`].
pub fn tensor(shape: &[usize], seed: u64) -> Tensor {
    Tensor::from_vec(numbers(shape.iter().product(), seed), shape).expect("a tensor")
}

/// A tensor of distinct numbers, so that extrema and orders have no ties.
pub fn distinct(shape: &[usize]) -> Tensor {
    let n: usize = shape.iter().product();
    let number = |i: usize| ((i * 37 + 11) % (n + 7)) as f64 * 0.3 - 1.4 + 0.01 * i as f64;
    Tensor::from_vec((0..n).map(number).collect(), shape).expect("a tensor")
}
