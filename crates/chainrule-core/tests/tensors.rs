//! Laws over operations on whole tensors: movement, reductions, contractions.
//!
//! Each operation is listed once, as a function of its inputs; both engines must agree on its
//! value, and its derivatives must equal differences to second order.

mod common;

use chainrule_core::{DType, Tensor, cat, einsum, grad, gradcheck, stack};
use common::{both, distance, tensor};

type Function = Box<dyn Fn(&[Tensor]) -> Tensor>;

/// One operation: name, inputs, function.
struct Case(&'static str, Vec<Tensor>, Function);

fn case(name: &'static str, x: Vec<Tensor>, f: impl Fn(&[Tensor]) -> Tensor + 'static) -> Case {
    Case(name, x, Box::new(f))
}

/// Distinct numbers, so that extrema and orders have no ties.
fn distinct(shape: &[usize]) -> Tensor {
    let n: usize = shape.iter().product();
    let number = |i: usize| ((i * 37 + 11) % (n + 7)) as f64 * 0.3 - 1.4 + 0.01 * i as f64;
    Tensor::from_vec((0..n).map(number).collect(), shape).expect("a tensor")
}

fn movement() -> Vec<Case> {
    let x = || vec![tensor(&[2, 3, 4], 1)];
    let index = Tensor::from([[2, 0, 2, 1], [1, 1, 0, -1]]).unsqueeze(1).expand([2, 3, 4]);
    let rows = Tensor::from([1, 0, 0, 1, -1]);
    let (gather, scatter) = (index.clone(), index);
    vec![
        case("reshape", x(), |x| x[0].reshape([4, -1])),
        case("permute", x(), |x| x[0].permute([2, 0, 1])),
        case("transpose", x(), |x| x[0].transpose(0, 2).reshape([-1])),
        case("flip", x(), |x| x[0].flip([0, 2])),
        case("expand", vec![tensor(&[3, 1], 2)], |x| x[0].expand([2, 3, 4])),
        case("slice", x(), |x| x[0].slice(2, 1..3)),
        case("slice with step", x(), |x| x[0].i((.., (0..3, 2), (.., -3)))),
        case("pad", x(), |x| x[0].pad(1, 2, 1)),
        case("gather", x(), move |x| x[0].gather(1, &gather)),
        case("scatter_add", vec![tensor(&[2, 3, 4], 1), tensor(&[2, 3, 4], 2)], move |x| {
            x[0].scatter_add(1, &scatter, &x[1])
        }),
        case("index_select", x(), move |x| x[0].index_select(0, &rows)),
        case("mask", x(), |x| x[0].i(&tensor(&[2, 3, 4], 5).gt(0.0))),
        case("cumsum", x(), |x| x[0].cumsum(1)),
        case("cumprod", x(), |x| x[0].cumprod(2)),
        case("cumprod with zeros", vec![Tensor::from([2.0, 0.0, 3.0, 0.0, 1.5])], |x| {
            x[0].cumprod(0)
        }),
        case("cast", x(), |x| (x[0].to_dtype(DType::F64) * 2.0).to_dtype(DType::F64)),
        case("cat", vec![tensor(&[2, 3], 1), tensor(&[2, 2], 2)], |x| {
            cat(&[&x[0], &x[1], &x[0]], 1).expect("cat")
        }),
        case("stack", vec![tensor(&[2, 3], 1), tensor(&[2, 3], 2)], |x| {
            stack(&[&x[0], &x[1]], 1).expect("stack")
        }),
        case("where", vec![tensor(&[2, 3], 1), tensor(&[3], 2)], |x| {
            tensor(&[2, 1], 3).gt(0.0).where_(&x[0], &x[1])
        }),
        // The cotangent of the `where`, and of the maximum, is 0 at this point: not masked, but a
        // number like others, on whose derivative the second derivative depends.
        case("where times 0", vec![Tensor::from([1.0, 2.0])], |x| {
            x[0].gt(-1.0).where_(&x[0].square(), 0.0) * (&x[0] - 1.0)
        }),
        case("max times 0", vec![Tensor::from([3.0, 1.0])], |x| {
            x[0].square().max() * (x[0].i(0) - 3.0)
        }),
        case("clamp", x(), |x| x[0].clamp(-0.5, 0.7)),
        case("diagonal", vec![tensor(&[4, 3], 1)], |x| x[0].diagonal().expect("a matrix")),
        case("sort", vec![distinct(&[3, 5])], |x| x[0].sort(1, true)),
        case("topk", vec![distinct(&[3, 5])], |x| x[0].topk(2, 1).expect("topk").0),
        case("lerp", vec![tensor(&[3], 1), tensor(&[3], 2)], |x| x[0].lerp(&x[1], 0.3)),
    ]
}

fn reductions() -> Vec<Case> {
    let x = || vec![distinct(&[3, 4, 5])];
    let target = Tensor::from([1, 0, 3]);
    vec![
        case("sum", x(), |x| x[0].sum()),
        case("sum of rows", x(), |x| x[0].sum_axis(-1, false)),
        case("sum of columns", x(), |x| x[0].sum_axis(0, true)),
        case("sum of the middle", x(), |x| x[0].sum_axis(1, false)),
        case("sum of both ends", x(), |x| x[0].sum_axis([0, 2], false)),
        case("mean", x(), |x| x[0].mean_axis([1, 2], true)),
        case("var", x(), |x| x[0].var_axis(1, 1.0, false)),
        case("std", x(), |x| x[0].std_axis([0, 2], 0.0, false)),
        case("max", x(), |x| x[0].max()),
        case("max of rows", x(), |x| x[0].max_axis(2, true)),
        case("min of columns", x(), |x| x[0].min_axis(0, false)),
        case("min of the middle", x(), |x| x[0].min_axis(1, false)),
        case("prod", vec![Tensor::from([1.5, -0.5, 2.0, 0.3, 1.1])], |x| x[0].prod()),
        case("prod with zeros", vec![Tensor::from([[1.5, 0.0, 2.0], [0.0, 0.3, 0.0]])], |x| {
            x[0].prod_axis(1, false)
        }),
        case("logsumexp", x(), |x| x[0].logsumexp([0, 2], false)),
        case("softmax", x(), |x| x[0].softmax(1)),
        case("softmax of rows", x(), |x| x[0].softmax(-1)),
        case("log_softmax", x(), |x| x[0].log_softmax(-1)),
        case("cross_entropy", vec![tensor(&[3, 4], 7)], move |x| x[0].cross_entropy(&target)),
        case("norm", x(), |x| x[0].norm_axis(2, false)),
        case("layer norm", vec![tensor(&[3, 6], 1), tensor(&[6], 2)], |x| {
            let centred = &x[0] - x[0].mean_axis(1, true);
            let variance = centred.square().mean_axis(1, true);
            centred * (variance + 1e-3).rsqrt() * &x[1]
        }),
    ]
}

fn contractions() -> Vec<Case> {
    let pair = |a: &[usize], b: &[usize]| vec![tensor(a, 1), tensor(b, 2)];
    vec![
        case("dot", pair(&[4], &[4]), |x| x[0].dot(&x[1])),
        case("matmul", pair(&[2, 3], &[3, 4]), |x| x[0].matmul(&x[1])),
        case("matmul transposed", pair(&[3, 2], &[4, 3]), |x| x[0].t().matmul(&x[1].t())),
        case("matrix · vector", pair(&[2, 3], &[3]), |x| x[0].matmul(&x[1])),
        case("vector · matrix", pair(&[3], &[3, 2]), |x| x[0].matmul(&x[1])),
        case("batched", pair(&[2, 2, 3], &[2, 3, 2]), |x| x[0].matmul(&x[1])),
        case("one matrix for a batch", pair(&[2, 2, 3], &[3, 2]), |x| x[0].matmul(&x[1])),
        case("broadcast batch", pair(&[2, 1, 2, 3], &[3, 3, 2]), |x| x[0].matmul(&x[1])),
        case("trace", vec![tensor(&[3, 3], 1)], |x| einsum("ii", &[&x[0]]).expect("einsum")),
        case("quadratic form", pair(&[3], &[3, 3]), |x| {
            einsum("i,ij,j->", &[&x[0], &x[1], &x[0]]).expect("einsum")
        }),
        case("bilinear", pair(&[2, 3], &[3, 4]), |x| {
            einsum("bi,ij->jb", &[&x[0], &x[1]]).expect("einsum")
        }),
        case("outer", pair(&[2], &[3]), |x| einsum("i,j->ji", &[&x[0], &x[1]]).expect("einsum")),
        case("diagonal", vec![tensor(&[3, 3], 1)], |x| einsum("ii->i", &[&x[0]]).expect("einsum")),
    ]
}

fn cases() -> impl Iterator<Item = Case> {
    movement().into_iter().chain(reductions()).chain(contractions())
}

#[test]
fn both_engines_agree() {
    for Case(name, x, f) in cases() {
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
    for Case(name, x, f) in cases() {
        let report = gradcheck(|x| f(x), &x, 2).expect("a report");
        // As in `laws.rs`: what differences leave of derivatives up to 10³.
        assert!(report.passes(1e-6), "{name}: {report}");
    }
}

/// ⟨u, Lv⟩ = ⟨Lᵀu, v⟩ for what is linear, without differences: only rounding is left.
#[test]
fn adjoints_of_linear_operations() {
    let linear = [
        "reshape",
        "permute",
        "transpose",
        "flip",
        "expand",
        "slice",
        "slice with step",
        "pad",
        "gather",
        "index_select",
        "mask",
        "cumsum",
        "sum",
        "sum of rows",
        "sum of columns",
        "sum of the middle",
        "sum of both ends",
        "mean",
        "trace",
        "diagonal",
    ];
    let mut checked = 0;
    for Case(name, x, f) in cases().filter(|c| linear.contains(&c.0)) {
        let v = x[0].detach().requires_grad();
        let y = f(std::slice::from_ref(&v));
        let u = tensor(y.shape(), 9);
        y.backward_with(&u).expect("backward");
        let left = (&u * &y).sum().item::<f64>().expect("a number");
        let adjoint = v.grad().expect("a gradient");
        let right = (adjoint * &v).sum().item::<f64>().expect("a number");
        assert!((left - right).abs() <= 1e-12 * left.abs().max(1.0), "{name}: {left} {right}");
        checked += 1;
    }
    assert_eq!(checked, linear.len() + 1); // two are called `diagonal`
}

#[test]
fn kinks_ties_and_masked_branches() {
    let gradient = |x: Tensor, f: &dyn Fn(&Tensor) -> Tensor| {
        let x = x.requires_grad();
        f(&x).sum().backward().expect("backward");
        x.grad().expect("a gradient").to_vec::<f64>().expect("numbers")
    };
    let zero = || Tensor::from([0.0]);
    assert_eq!(gradient(zero(), &|x| x.relu()), [0.0]);
    assert_eq!(gradient(zero(), &|x| x.abs()), [0.0]);
    assert_eq!(gradient(Tensor::from([0.0, 0.0]), &|x| x.norm()), [0.0, 0.0]);
    assert_eq!(gradient(Tensor::from([2.0, 5.0, 5.0]), &|x| x.max()), [0.0, 0.5, 0.5]);
    assert_eq!(gradient(Tensor::from([1.0]), &|x| x.maximum(1.0)), [0.5]);
    assert_eq!(gradient(Tensor::from([-1.0, 1.0, 2.0]), &|x| x.clamp(-1.0, 1.0)), [1.0, 1.0, 0.0]);
    // Branches that are not taken have infinite or undefined derivatives.
    let taken = |x: &Tensor, y: Tensor| x.gt(0.0).where_(&y, 1.0);
    let at = || Tensor::from([0.0, 4.0]);
    assert_eq!(gradient(at(), &|x| taken(x, x.sqrt())), [0.0, 0.25]);
    assert_eq!(gradient(at(), &|x| taken(x, x.ln())), [0.0, 0.25]);
    assert_eq!(gradient(at(), &|x| taken(x, x.recip())), [0.0, -0.0625]);
    assert_eq!(gradient(at(), &|x| taken(x, 8.0 / x)), [0.0, -0.5]);
    assert_eq!(gradient(at(), &|x| taken(x, x.powf(-0.5))), [0.0, -0.0625]);
    assert_eq!(gradient(at(), &|x| taken(x, (x.sqrt() * 2.0).exp().ln())), [0.0, 0.5]);
}

#[test]
fn second_derivatives_through_a_zero_cotangent() {
    // x² (x − 1) has the second derivative 6x − 2.
    let x = Tensor::from(1.0).requires_grad();
    let y = x.gt(-1.0).where_(&x.square(), 0.0) * (&x - 1.0);
    let slope = &grad(&y, &[&x]).expect("first")[0];
    let curvature = &grad(slope, &[&x]).expect("second")[0];
    let number = |t: &Tensor| t.item::<f64>().expect("a number");
    assert_eq!((number(slope), number(curvature)), (1.0, 4.0));
    // What is not taken still gives an exact 0, to second order.
    let x = Tensor::from([0.0, 4.0]).requires_grad();
    let y = x.gt(0.0).where_(&x.sqrt(), 1.0).sum();
    let slope = &grad(&y, &[&x]).expect("first")[0];
    let curvature = &grad(&slope.sum(), &[&x]).expect("second")[0];
    assert_eq!(curvature.to_vec::<f64>().expect("numbers"), [0.0, -0.03125]);
}

#[test]
fn truth_values_are_counted() {
    let row = Tensor::from([[true; 256]]);
    assert_eq!(row.matmul(&row.t()).to_vec::<i64>().expect("a count"), [256]);
    let x = Tensor::from([true, false]);
    let placed = x.scatter_add(0, &Tensor::from([1, 1]), &Tensor::from([true, true]));
    assert_eq!(placed.to_vec::<i64>().expect("counts"), [1, 2]);
}

#[test]
fn edges_of_reductions() {
    let empty = Tensor::zeros_of([0], DType::F64);
    let number = |t: Tensor| t.item::<f64>().expect("a number");
    assert_eq!(number(empty.sum()), 0.0);
    assert_eq!(number(empty.prod()), 1.0);
    assert!(number(empty.mean()).is_nan());
    assert!(empty.try_max().is_err());
    assert!(!empty.any().item::<bool>().expect("a bool"));
    assert!(empty.all().item::<bool>().expect("a bool"));
    let x = Tensor::from([1.0, f64::NAN, 3.0]);
    assert!(number(x.max()).is_nan() && number(x.min()).is_nan());
    assert_eq!(x.argmax().item::<i64>().expect("an index"), 1);
    assert_eq!(Tensor::from([2, 7, 7]).argmax().item::<i64>().expect("an index"), 1);
    let order = Tensor::from([2.0, f64::NAN, 1.0, 2.0]).argsort(0, false);
    assert_eq!(order.to_vec::<i64>().expect("indices"), [2, 0, 3, 1]);
    let low = Tensor::from([f64::NEG_INFINITY, f64::NEG_INFINITY]);
    assert_eq!(number(low.logsumexp(0, false)), f64::NEG_INFINITY);
    let rows = Tensor::from([[1000.0, 1000.0], [f64::NEG_INFINITY, 0.0]]).softmax(1);
    assert_eq!(rows.to_vec::<f64>().expect("numbers"), [0.5, 0.5, 0.0, 1.0]);
    assert_eq!(Tensor::from([true, false, true]).sum().item::<i64>().expect("a count"), 2);
    assert_eq!((Tensor::from([7]) / 2).to_vec::<f64>().expect("numbers"), [3.5]);
    assert_eq!((Tensor::from([1i64]) + 0.5).dtype(), DType::F32);
    assert_eq!((Tensor::from([1.0f32]) + Tensor::from([1i64])).dtype(), DType::F32);
    assert_eq!((Tensor::from([true]) + Tensor::from([true])).to_vec::<i64>().expect("ints"), [2]);
}
