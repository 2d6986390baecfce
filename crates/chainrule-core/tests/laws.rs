//! Laws over all scalar operations: written once, run over the lists, so that a new operation is
//! covered without a line here.

mod common;

use chainrule_core::op::{Binary, Cmp, Unary};
use chainrule_core::{DType, Tensor, gradcheck, with_threads};
use common::{both, layouts, same_bits};

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
];

/// The method of a scalar operation.
fn apply(op: Unary, x: &Tensor) -> Tensor {
    let found = Tensor::SCALAR_METHODS.iter().find(|m| m.0 == op);
    found.map(|(_, method)| method(x)).expect("every operation has its method")
}

fn apply2(op: Binary, x: &Tensor, y: &Tensor) -> Tensor {
    match op {
        Binary::Add => x.add(y),
        Binary::Sub => x.sub(y),
        Binary::Mul => x.mul(y),
        Binary::Div => x.div(y),
        Binary::Pow => x.pow(y),
        Binary::Rem => x.fmod(y),
        Binary::Maximum => x.maximum(y),
        Binary::Minimum => x.minimum(y),
        Binary::Atan2 => x.atan2(y),
        Binary::Hypot => x.hypot(y),
        Binary::Copysign => x.copysign(y),
        Binary::Logaddexp => x.logaddexp(y),
        Binary::Xlogy => x.xlogy(y),
        Binary::Polygamma => x.polygamma(y),
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
fn both_engines_give_the_same_bits() {
    for dtype in [DType::F32, DType::F64] {
        for &op in Unary::ALL {
            let list: Vec<f64> = op.samples().iter().chain(SPECIAL).copied().collect();
            for (name, x) in layouts(&list, dtype) {
                let (fused, plain) = both(|| apply(op, &x));
                assert_eq!(apply(op, &x).shape(), x.shape(), "{} of {name}", op.name());
                assert!(same_bits(&fused, &plain), "{} of {name} {dtype}", op.name());
            }
        }
        for &op in Binary::ALL {
            let (a, b): (Vec<f64>, Vec<f64>) = op.samples().iter().copied().unzip();
            let a: Vec<f64> = a.iter().chain(SPECIAL).copied().collect();
            let b: Vec<f64> = b.iter().chain(SPECIAL.iter().rev()).copied().collect();
            for ((name, x), (_, y)) in layouts(&a, dtype).into_iter().zip(layouts(&b, dtype)) {
                let (fused, plain) = both(|| apply2(op, &x, &y));
                assert!(same_bits(&fused, &plain), "{} of {name} {dtype}", op.name());
            }
            let (row, column) = (Tensor::from(a.clone()), Tensor::from(b).unsqueeze(1));
            let (fused, plain) = both(|| apply2(op, &row, &column));
            assert_eq!(fused.len(), a.len() * column.len());
            assert!(same_bits(&fused, &plain), "{} broadcast", op.name());
        }
        for &cmp in Cmp::ALL {
            for (name, x) in layouts(SPECIAL, dtype) {
                let run = || match cmp {
                    Cmp::Eq => x.eq(x.flip_last()),
                    Cmp::Ne => x.ne(x.flip_last()),
                    Cmp::Lt => x.lt(0.5),
                    Cmp::Le => x.le(0.5),
                    Cmp::Gt => x.gt(0.5),
                    Cmp::Ge => x.ge(0.5),
                };
                let (fused, plain) = both(run);
                assert!(same_bits(&fused, &plain), "{} of {name}", cmp.name());
            }
        }
    }
}

/// A tensor's elements in another order, whatever its rank.
trait Flipped {
    fn flip_last(&self) -> Tensor;
}

impl Flipped for Tensor {
    fn flip_last(&self) -> Tensor {
        if self.rank() == 0 { self.clone() } else { self.flip(-1) }
    }
}

#[test]
fn single_precision_is_double_precision_rounded() {
    for &op in Unary::ALL {
        let x = Tensor::from(op.samples().to_vec());
        let wide = apply(op, &x).to_vec::<f64>().expect("values");
        let narrow = apply(op, &x.to_dtype(DType::F32)).to_vec::<f64>().expect("values");
        for ((a, b), x) in wide.iter().zip(narrow).zip(op.samples()) {
            // The argument is rounded (its error times the derivative), and the result: with
            // derivatives of at most 30 at the samples, 32 units of 2⁻²⁴.
            assert!((a - b).abs() <= 2e-6 * a.abs().max(1.0), "{}({x}): {a} {b}", op.name());
        }
    }
}

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

/// The differences of `gradcheck` have steps of 2·10⁻⁴ |x|: h⁴ and ε/h leave 10⁻⁸ of the third and
/// fifth derivatives, which reach 10³ at the samples.
const GRADCHECK: f64 = 1e-6;

#[test]
fn gradients_to_second_order() {
    for &op in Unary::ALL {
        let x = Tensor::from(op.samples().to_vec());
        let report = gradcheck(|x| apply(op, &x[0]), &[x], 2).expect("a report");
        assert!(report.passes(GRADCHECK), "{}: {report}", op.name());
    }
    for &op in Binary::ALL {
        let (a, b): (Vec<f64>, Vec<f64>) = op.samples().iter().copied().unzip();
        let (a, b) = (Tensor::from(a), Tensor::from(b));
        let report = if op.smooth_in_x() {
            gradcheck(|x| apply2(op, &x[0], &x[1]), &[a, b], 2)
        } else {
            gradcheck(|x| apply2(op, &a, &x[0]), &[b], 2)
        };
        let report = report.expect("a report");
        assert!(report.passes(GRADCHECK), "{}: {report}", op.name());
    }
}

#[test]
fn values_outside_the_domain_are_nan() {
    for &op in Unary::ALL {
        let (low, high) = op.domain();
        for outside in [low - 0.5, high + 0.5] {
            if outside.is_finite() {
                assert!(op.f(outside).is_nan(), "{}({outside})", op.name());
            }
        }
        for &inside in op.samples() {
            assert!(op.f(inside).is_finite(), "{}({inside})", op.name());
        }
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

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let x = Tensor::rand([600, 700]) - 0.5;
    let a = Tensor::randn([257, 129]);
    let b = Tensor::randn([129, 65]);
    let runs: [(&str, &dyn Fn() -> Tensor); 8] = [
        ("sum", &|| x.sum()),
        ("sum of columns", &|| x.sum_axis(0, false)),
        ("sum of rows", &|| x.sum_axis(1, false)),
        ("max of columns", &|| x.t().max_axis(1, false)),
        ("softmax", &|| x.softmax(1)),
        ("fused", &|| (x.sin() * x.exp() + x.tanh()).mean()),
        ("matmul", &|| a.matmul(&b)),
        ("normal", &|| {
            chainrule_core::manual_seed(5);
            Tensor::randn([300, 1000])
        }),
    ];
    for (name, run) in runs {
        let one = with_threads(1, || run().to_vec::<f32>().expect("values"));
        let two = with_threads(2, || run().to_vec::<f32>().expect("values"));
        let bits = |x: &[f32]| x.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&one), bits(&two), "{name}");
    }
}
