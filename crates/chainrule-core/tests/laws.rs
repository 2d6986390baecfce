//! Laws over all scalar operations: written once, run over the lists, so that a new operation is
//! covered without a line here.

mod common;

use chainrule_core::op::{Axes, Binary, Cmp, Linear, Logic, Order, Sliding, Unary, Window};
use chainrule_core::{DType, Tensor, gradcheck, with_threads};
use common::{apply, both, cycle, distance, item, layouts, list, same_bits, tensor};

const FLOATS: [DType; 2] = [DType::F32, DType::F64];

const SPECIAL: &[f64] = &[
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    2.0,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    1e-30,
    -1e-30,
    1e10,
    -3.5,
    88.0,
    -104.0,
    1e-310,
    -1e300,
];

/// The samples of an operation by themselves — blocks of them take the fast paths — and among
/// special numbers.
fn lists(samples: &[f64]) -> [Vec<f64>; 2] {
    [samples.to_vec(), [samples, SPECIAL].concat()]
}

/// The same for pairs; each special number meets several others.
fn pair_lists(op: Binary) -> [[Vec<f64>; 2]; 2] {
    let (a, b): (Vec<f64>, Vec<f64>) = op.samples().iter().copied().unzip();
    let (special, n) = (cycle(SPECIAL, 17 * 17), 17 * 17);
    let other: Vec<f64> = (0..n).map(|i| SPECIAL[(i + i / 17) % 17]).collect();
    [[a.clone(), b.clone()], [[a, special].concat(), [b, other].concat()]]
}

#[test]
fn both_engines_give_the_same_bits_in_one_argument() {
    for (dtype, &op) in FLOATS.iter().flat_map(|&d| Unary::ALL.iter().map(move |op| (d, op))) {
        for numbers in lists(op.samples()) {
            for (name, x) in layouts(&numbers, dtype) {
                let y = apply(op, &x);
                assert_eq!((y.shape(), y.dtype()), (x.shape(), dtype), "{} {name}", op.name());
                let (fused, plain) = both(|| apply(op, &x));
                assert!(same_bits(&fused, &plain), "{} of {name} {dtype}", op.name());
            }
        }
    }
}

#[test]
fn both_engines_give_the_same_bits_in_two_arguments() {
    for (dtype, &op) in FLOATS.iter().flat_map(|&d| Binary::ALL.iter().map(move |op| (d, op))) {
        let run = |x: &Tensor, y: &Tensor| Tensor::of_two(op, x, y);
        for [a, b] in pair_lists(op) {
            for ((name, x), (_, y)) in layouts(&a, dtype).into_iter().zip(layouts(&b, dtype)) {
                let z = run(&x, &y);
                assert_eq!((z.shape(), z.dtype()), (x.shape(), dtype), "{} {name}", op.name());
                let (fused, plain) = both(|| run(&x, &y));
                assert!(same_bits(&fused, &plain), "{} of {name} {dtype}", op.name());
            }
            let part = |list: &[f64], shape: [usize; 2]| {
                Tensor::from_vec(cycle(list, 4)[..shape[0] * shape[1]].to_vec(), shape)
                    .expect("a tensor")
                    .to_dtype(dtype)
            };
            let (column, row) = (part(&a, [3, 1]), part(&b, [1, 4]));
            assert_eq!(run(&column, &row).shape(), [3, 4]);
            let (fused, plain) = both(|| run(&column, &row));
            // By definition: each pair by itself.
            let (x, y) = (list(&column), list(&row));
            let pair = |x: f64, y: f64| {
                let of = |v: f64| Tensor::from(v).to_dtype(dtype);
                item(&run(&of(x), &of(y)))
            };
            let each: Vec<f64> =
                x.iter().flat_map(|&x| y.iter().map(move |&y| pair(x, y))).collect();
            assert!(same_bits(&fused, &plain) && same_bits(&fused, &each), "{}", op.name());
        }
    }
}

/// The user's methods run the operations of their names.
#[test]
fn methods_have_the_names_of_their_operations() {
    for &(op, method) in Tensor::SCALAR_METHODS {
        assert_eq!(method(&Tensor::from([0.5])).grad_fn(), Some(op.name()));
    }
    assert_eq!(Tensor::SCALAR_METHODS.len(), Unary::ALL.len());
    type Method = fn(&Tensor, &Tensor) -> Tensor;
    let methods: [(&str, Method); 14] = [
        ("add", |x, y| x + y),
        ("sub", |x, y| x - y),
        ("mul", |x, y| x * y),
        ("div", |x, y| x / y),
        ("pow", |x, y| x.pow(y)),
        ("fmod", |x, y| x.fmod(y)),
        ("maximum", |x, y| x.maximum(y)),
        ("minimum", |x, y| x.minimum(y)),
        ("atan2", |x, y| x.atan2(y)),
        ("hypot", |x, y| x.hypot(y)),
        ("copysign", |x, y| x.copysign(y)),
        ("logaddexp", |x, y| x.logaddexp(y)),
        ("xlogy", |x, y| x.xlogy(y)),
        ("polygamma", |x, y| x.polygamma(y)),
    ];
    let (x, y) = (Tensor::from([0.7, 2.0]), Tensor::from([1.5, -0.5]));
    for (name, method) in methods {
        let op = Binary::ALL.iter().find(|op| op.name() == name).expect("an operation");
        assert_eq!(method(&x, &y).grad_fn(), Some(name));
        assert!(same_bits(&list(&method(&x, &y)), &list(&Tensor::of_two(*op, &x, &y))), "{name}");
    }
}

/// Comparisons and logic, by the definition in Rust.
#[test]
fn comparisons_and_logic() {
    let right: Vec<f64> = SPECIAL.iter().rev().copied().chain([0.5]).collect();
    let left: Vec<f64> = SPECIAL.iter().copied().chain([0.5]).collect();
    for dtype in FLOATS {
        let of = |list: &[f64]| Tensor::from(list).to_dtype(dtype);
        let (x, y) = (of(&left), of(&right));
        let pairs: Vec<(f64, f64)> = list(&x).into_iter().zip(list(&y)).collect();
        for &cmp in Cmp::ALL {
            let run = || match cmp {
                Cmp::Eq => x.eq(&y),
                Cmp::Ne => x.ne(&y),
                Cmp::Lt => x.lt(&y),
                Cmp::Le => x.le(&y),
                Cmp::Gt => x.gt(&y),
                Cmp::Ge => x.ge(&y),
            };
            let expected: Vec<f64> =
                pairs.iter().map(|&(x, y)| f64::from(u8::from(cmp.holds(x, y)))).collect();
            assert_eq!((run().dtype(), run().grad_fn()), (DType::Bool, Some(cmp.name())));
            let (fused, plain) = both(run);
            assert!(fused == expected && plain == expected, "{} {dtype}", cmp.name());
        }
        for op in [Logic::And, Logic::Or, Logic::Xor] {
            let run = || match op {
                Logic::And => x.logical_and(&y),
                Logic::Or => x.logical_or(&y),
                Logic::Xor => x.logical_xor(&y),
            };
            let truth = |(x, y): &(f64, f64)| match op {
                Logic::And => *x != 0.0 && *y != 0.0,
                Logic::Or => *x != 0.0 || *y != 0.0,
                Logic::Xor => (*x != 0.0) != (*y != 0.0),
            };
            let expected: Vec<f64> = pairs.iter().map(|p| f64::from(u8::from(truth(p)))).collect();
            let (fused, plain) = both(run);
            assert!(fused == expected && plain == expected, "{} {dtype}", op.name());
        }
    }
}

/// 2⁻²⁴ is the unit of single precision. The argument is rounded, which the derivative multiplies,
/// and the result is (and inner results of compositions, by a few units more).
fn single(slope: f64, value: f64) -> f64 {
    f64::powi(2.0, -24) * (slope + 8.0 * value.abs().max(1.0))
}

#[test]
fn single_precision_is_double_precision_rounded() {
    for &op in Unary::ALL {
        for &x in op.samples() {
            let wide = item(&apply(op, &Tensor::from(x)));
            let narrow = item(&apply(op, &Tensor::from(x as f32)));
            let bound = single((op.d(x, wide) * x).abs(), wide);
            assert!((wide - narrow).abs() <= bound, "{}({x}): {wide} {narrow}", op.name());
        }
    }
    for &op in Binary::ALL {
        for &(x, y) in op.samples() {
            let wide = item(&Tensor::of_two(op, &Tensor::from(x), &Tensor::from(y)));
            let narrow = Tensor::of_two(op, &Tensor::from(x as f32), &Tensor::from(y as f32));
            let slope = (op.dx(x, y, wide) * x).abs() + (op.dy(x, y, wide) * y).abs();
            let error = (wide - item(&narrow)).abs();
            assert!(error <= single(slope, wide), "{}({x}, {y}): {wide} {narrow}", op.name());
        }
    }
}

/// Central differences with two steps, of order h⁴.
fn slope(f: impl Fn(f64) -> f64, x: f64) -> f64 {
    let h = 1e-3 * x.abs().max(0.1);
    let at = |h: f64| (f(x + h) - f(x - h)) / ((x + h) - (x - h));
    (4.0 * at(h / 2.0) - at(h)) / 3.0
}

/// h⁴ f⁗′/30 with h = 10⁻³ |x|, and rounding ε/h, are both below 10⁻⁸ of the largest derivatives at
/// the sample points.
const DIFFERENCES: f64 = 1e-8;

#[test]
fn partial_derivatives_equal_differences() {
    for &op in Unary::ALL {
        for &x in op.samples() {
            let (exact, numeric) = (op.d(x, op.f(x)), slope(|x| op.f(x), x));
            let error = (exact - numeric).abs() / numeric.abs().max(1.0);
            assert!(error < DIFFERENCES, "{}′({x}) = {exact}, not {numeric}", op.name());
        }
    }
    for &op in Binary::ALL {
        for &(x, y) in op.samples() {
            let z = op.f(x, y);
            if op.smooth_in_x() {
                let (exact, numeric) = (op.dx(x, y, z), slope(|x| op.f(x, y), x));
                let error = (exact - numeric).abs() / numeric.abs().max(1.0);
                assert!(error < DIFFERENCES, "∂x {}({x}, {y}) = {exact}, not {numeric}", op.name());
            }
            let (exact, numeric) = (op.dy(x, y, z), slope(|y| op.f(x, y), y));
            let error = (exact - numeric).abs() / numeric.abs().max(1.0);
            assert!(error < DIFFERENCES, "∂y {}({x}, {y}) = {exact}, not {numeric}", op.name());
        }
    }
}

/// What the differences of `gradcheck` leave of derivatives of up to 10³; `forward_laws.rs` goes to
/// third order.
const GRADCHECK: f64 = 1e-9;

/// A gradient to a stretched argument is the sum over its copies.
#[test]
fn gradients_through_broadcasting() {
    for &op in Binary::ALL.iter().filter(|op| op.smooth_in_x()) {
        let (a, b): (Vec<f64>, Vec<f64>) = op.samples().iter().copied().unzip();
        let b: Vec<f64> = b.iter().map(|y| y.abs()).collect(); // any pair is in the domain
        let a: Vec<f64> = a.iter().map(|x| x.abs() + 0.05).collect();
        let (column, row) = (Tensor::from(&a[..3]).unsqueeze(1), Tensor::from(b));
        let report = gradcheck(|x| Tensor::of_two(op, &x[0], &x[1]), &[column, row], 1);
        let report = report.expect("a report");
        assert!(report.passes(GRADCHECK) && report.kinks() == 0, "{}: {report}", op.name());
    }
}

#[test]
fn values_outside_the_domain_are_nan() {
    for &op in Unary::ALL {
        let (low, high) = op.domain();
        for outside in [low - 0.5, high + 0.5, low - 1e6, high + 1e6] {
            if outside.is_finite() {
                assert!(op.f(outside).is_nan(), "{}({outside})", op.name());
                assert!(op.f(outside as f32).is_nan(), "{}({outside})", op.name());
            }
        }
        let (from, to) = (low.max(-30.0), high.min(30.0));
        let inside = (1..200).map(|i| from + (to - from) * f64::from(i) / 200.01);
        for x in inside.chain(op.samples().iter().copied()) {
            assert!(op.f(x).is_finite(), "{}({x})", op.name());
        }
        assert!(op.f(f64::NAN).is_nan() && op.f(f32::NAN).is_nan(), "{}(NaN)", op.name());
    }
}

/// Every operation can be written down: LaTeX that names its arguments.
#[test]
fn every_operation_has_its_formula() {
    for &op in Unary::ALL {
        let [name, tex] = [op.name(), op.tex()];
        assert!(
            tex.contains('#') && tex.matches('{').count() == tex.matches('}').count(),
            "{name}"
        );
        assert!(Unary::ALL.iter().filter(|o| o.name() == name || o.tex() == tex).count() == 1);
    }
    for &op in Binary::ALL {
        assert!(op.tex().contains('#') && op.tex().contains('@'), "{}", op.name());
    }
}

/// Runs `f` on one thread and on two; the bits must agree.
fn on_threads(name: &str, f: impl Fn() -> Tensor) {
    let one = with_threads(1, || f().to_vec::<f64>().expect("values"));
    let two = with_threads(2, || f().to_vec::<f64>().expect("values"));
    assert!(same_bits(&one, &two), "{name}");
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let n = 300_001; // no multiple of a block or of a task
    for dtype in FLOATS {
        let x = tensor(&[n], 1).to_dtype(dtype);
        let y = tensor(&[n], 2).to_dtype(dtype);
        for &op in Unary::ALL {
            on_threads(op.name(), || apply(op, &x));
        }
        for &op in Binary::ALL {
            on_threads(op.name(), || Tensor::of_two(op, &x, &y));
        }
        let x = tensor(&[150, 40, 60], 3).to_dtype(dtype);
        let [a, b] = [tensor(&[257, 129], 4), tensor(&[129, 65], 5)].map(|t| t.to_dtype(dtype));
        let runs: [(&str, &dyn Fn() -> Tensor); 16] = [
            ("sum", &|| x.sum()),
            ("sum of axis 0", &|| x.sum_axis(0, false)),
            ("sum of axis 1", &|| x.sum_axis(1, false)),
            ("sum of axis 2", &|| x.sum_axis(2, false)),
            ("sum of axes 0 and 2", &|| x.sum_axis([0, 2], false)),
            ("sum of a transpose", &|| x.permute([2, 0, 1]).sum_axis(1, false)),
            ("max", &|| x.max()),
            ("max of columns", &|| x.t().max_axis(1, false)),
            ("softmax of rows", &|| x.softmax(2)),
            ("softmax of columns", &|| x.softmax(0)),
            ("fused", &|| (x.sin() * x.exp() + x.tanh()).mean()),
            ("matmul", &|| a.matmul(&b)),
            ("matmul of transposes", &|| b.t().matmul(&a.t())),
            ("batched", &|| x.matmul(&x.t())),
            ("unfold", &|| x.unfold(2, 5, 3) * 2.0),
            ("fold", &|| x.fold(1, 40 + 59, 1, 1)),
        ];
        for (name, run) in runs {
            on_threads(name, run);
        }
    }
}

/// Lᵀᵀ = L for one of each variant.
#[test]
fn the_adjoint_of_the_adjoint_is_the_operation() {
    let window = |start, step| Window { start, step };
    let all = [
        Linear::Reshape,
        Linear::Permute(Order::new([2, 0, 1])),
        Linear::Flip(Axes(5)),
        Linear::Expand(Axes(2)),
        Linear::Sum(Axes(3)),
        Linear::Slice(vec![window(1, 2), window(0, 1), window(3, 1)].into()),
        Linear::Pad(vec![window(0, 1), window(2, 3), window(0, 1)].into()),
        Linear::Gather(1),
        Linear::ScatterAdd(2),
        Linear::Unfold(Box::new(Sliding { axis: 1, size: 3, step: 2, dilation: 2 })),
        Linear::Fold(Box::new(Sliding { axis: 0, size: 2, step: 1, dilation: 3 })),
        Linear::Cumsum(0, false),
        Linear::Cumsum(2, true),
        Linear::Cast,
    ];
    for linear in &all {
        let adjoint = linear.adjoint(3);
        assert_eq!(adjoint.adjoint(3), *linear, "{}", linear.name());
        let itself = matches!(linear, Linear::Reshape | Linear::Flip(_) | Linear::Cast);
        assert_eq!(adjoint == *linear, itself, "{}", linear.name());
    }
}

/// The engine's error bound for sums: n ε Σ|x|, whatever the order of summation. (The reference
/// sums in double precision and rounds once.)
#[test]
fn sums_are_within_their_bound() {
    for (dtype, unit) in [(DType::F32, f64::powi(2.0, -24)), (DType::F64, f64::powi(2.0, -53))] {
        for shape in [[1, 7, 3], [3, 1, 5], [40, 30, 20], [2, 2, 5000], [5000, 2, 3]] {
            let x = tensor(&shape, 8).to_dtype(dtype);
            for set in [&[0][..], &[1], &[2], &[0, 1], &[0, 2], &[1, 2], &[0, 1, 2]] {
                let (fused, plain) = both(|| x.sum_axis(set, false));
                let bound = x.abs().to_dtype(DType::F64).sum_axis(set, false);
                let n: usize = set.iter().map(|&a: &i32| shape[a as usize]).product();
                for ((a, b), bound) in fused.iter().zip(&plain).zip(list(&bound)) {
                    assert!((a - b).abs() <= n as f64 * unit * bound, "{shape:?} over {set:?}");
                }
                let (fused, plain) = both(|| x.max_axis(set, false));
                assert_eq!(distance(&fused, &plain), 0.0);
            }
        }
    }
}
