//! Special values: kinks, ties, masks, NaN and infinities, empty tensors, integers and promotion.
//! What is expected is written down from the definitions, and holds in both engines.

mod common;

use chainrule_core::op::Unary;
use chainrule_core::{DType, Engine, Tensor, grad, with_engine};
use common::{apply, distance, gradient, ints, item, list, same_bits, second, truths};

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

/// Runs a test in both engines.
fn in_both_engines(test: impl Fn()) {
    test();
    with_engine(Engine::Reference, test);
}

#[test]
fn kinks_have_their_documented_derivative() {
    in_both_engines(|| {
        let zero = Tensor::from([0.0, -0.0]);
        assert_eq!(gradient(&zero, Tensor::relu), [0.0, 0.0]);
        assert_eq!(gradient(&zero, Tensor::abs), [0.0, 0.0]);
        assert_eq!(gradient(&zero, Tensor::leaky_relu), [0.01, 0.01]);
        assert_eq!(gradient(&zero, Tensor::elu), [1.0, 1.0]);
        assert_eq!(gradient(&zero, Tensor::softsign), [1.0, 1.0]);
        assert_eq!(gradient(&zero, Tensor::norm), [0.0, 0.0]);
        assert_eq!(gradient(&zero, |x| x.norm_axis(0, false)), [0.0, 0.0]);
        assert_eq!(gradient(&zero, |x| x.hypot(0.0)), [0.0, 0.0]);
        // At a jump, the derivative of both sides.
        for step in [Tensor::sign, Tensor::floor, Tensor::ceil, Tensor::round, Tensor::trunc] {
            assert_eq!(gradient(&Tensor::from([0.0, 1.0, 0.5]), step), [0.0; 3]);
        }
        let bounds = Tensor::from([-1.0, 1.0, 2.0, -3.0, 0.5]);
        assert_eq!(gradient(&bounds, |x| x.clamp(-1.0, 1.0)), [1.0, 1.0, 0.0, 0.0, 1.0]);
        // One row of zeros disturbs no other.
        let rows = Tensor::from([[0.0, 0.0], [3.0, 4.0]]);
        let unit = gradient(&rows, |x| x.norm_axis(1, false));
        assert_eq!(unit[..2], [0.0, 0.0]);
        assert!(distance(&unit[2..], &[0.6, 0.8]) <= 2.0 * f64::EPSILON); // a root and a quotient
        assert_eq!(second(&Tensor::from([0.0, 0.0]), Tensor::norm), [0.0, 0.0]);
    });
}

#[test]
fn ties_share_equally() {
    in_both_engines(|| {
        let x = Tensor::from([2.0, 5.0, 5.0, 1.0, 1.0, 1.0, 1.0]);
        assert_eq!(gradient(&x, Tensor::max), [0.0, 0.5, 0.5, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(gradient(&x, Tensor::min), [0.0, 0.0, 0.0, 0.25, 0.25, 0.25, 0.25]);
        let rows = Tensor::from([[1.0, 1.0, 0.0], [0.0, 2.0, 1.0]]);
        let share = [0.5, 0.5, 0.0, 0.0, 1.0, 0.0];
        assert_eq!(gradient(&rows, |x| x.max_axis(1, false)), share);
        assert_eq!(gradient(&rows.t(), |x| x.max_axis(0, true)), [0.5, 0.0, 0.5, 1.0, 0.0, 0.0]);
        let y = Tensor::from([1.0, 0.0, 2.0]);
        let at = Tensor::from([1.0, 1.0, 1.0]);
        assert_eq!(gradient(&at, |x| x.maximum(&y)), [0.5, 1.0, 0.0]);
        assert_eq!(gradient(&at, |x| y.maximum(x)), [0.5, 1.0, 0.0]);
        assert_eq!(gradient(&at, |x| x.minimum(&y)), [0.5, 0.0, 1.0]);
        assert_eq!(gradient(&at, |x| x.maximum(x)), [1.0, 1.0, 1.0]);
        // A sort takes each derivative back to where the element came from.
        let weights = Tensor::from([1.0, 10.0, 100.0, 1000.0]);
        let x = Tensor::from([3.0, 1.0, 3.0, 2.0]);
        assert_eq!(gradient(&x, |x| x.sort(0, false) * &weights), [100.0, 1.0, 1000.0, 10.0]);
        assert_eq!(gradient(&x, |x| x.topk(2, 0).expect("topk").0), [1.0, 0.0, 1.0, 0.0]);
    });
}

/// What is not taken has infinite or undefined derivatives, and gives an exact 0.
#[test]
fn masks_keep_nan_and_infinities_out() {
    in_both_engines(|| {
        let taken = |x: &Tensor, y: Tensor| x.gt(0.0).where_(&y, 1.0);
        let at = Tensor::from([0.0, 4.0]);
        let g = |f: fn(&Tensor) -> Tensor| gradient(&at, |x| taken(x, f(x)));
        assert_eq!(g(Tensor::sqrt), [0.0, 0.25]);
        assert_eq!(g(Tensor::ln), [0.0, 0.25]);
        assert_eq!(g(Tensor::recip), [0.0, -0.0625]);
        assert_eq!(g(Tensor::rsqrt), [0.0, -0.0625]);
        assert_eq!(g(|x| 8.0 / x), [0.0, -0.5]);
        assert_eq!(g(|x| x / x), [0.0, 0.0]);
        assert_eq!(g(|x| x.powf(-0.5)), [0.0, -0.0625]);
        assert_eq!(g(|x| x.pow(Tensor::from([-1.0, 2.0]))), [0.0, 8.0]);
        assert_eq!(g(|x| (x.sqrt() * 2.0).exp().ln()), [0.0, 0.5]);
        let beyond = Tensor::from([3.0, 0.6, -1.0]);
        let g = gradient(&beyond, |x| x.abs().lt(1.0).where_(&x.asin(), 0.0));
        assert!(g[0] == 0.0 && (g[1] - 1.25).abs() < 1e-15 && g[2] == 0.0, "{g:?}");
        // Nested, in either branch, and under sums and products.
        let nested = |x: &Tensor| {
            let inner = x.gt(1.0).where_(&(x - 1.0).sqrt(), x.square());
            x.gt(0.0).where_(&inner, (-x).ln())
        };
        let x = Tensor::from([0.0, 1.0, 5.0, -2.0]);
        assert_eq!(gradient(&x.slice(0, 1..4), nested), [2.0, 0.25, -0.5]);
        let total = |x: &Tensor| (x.gt(0.0).where_(&x.ln(), 0.0) * 3.0).sum().square();
        assert_eq!(gradient(&Tensor::from([0.0, 1.0, -1.0]), total), [0.0, 0.0, 0.0]);
        // To second order: −¼ x^(−3/2), −1/x², 2/x³.
        let g = |f: fn(&Tensor) -> Tensor| second(&at, |x| taken(x, f(x)));
        assert_eq!(g(Tensor::sqrt), [0.0, -0.03125]);
        assert_eq!(g(Tensor::ln), [0.0, -0.0625]);
        assert_eq!(g(|x| 8.0 / x), [0.0, 0.25]);
        // A maximum with a bound masks as well: the element that is NaN is nobody's maximum.
        let x = Tensor::from([1.0, NAN]);
        assert!(same_bits(&gradient(&x, |x| x.isnan().where_(&x.zeros_like(), x)), &[1.0, 0.0]));
    });
}

/// A cotangent that happens to be 0 where the branch *is* taken is a number like others: the
/// second derivative depends on its derivative. x² (x − 1) has 6x − 2.
#[test]
fn second_derivatives_through_a_zero_cotangent() {
    in_both_engines(|| {
        let one = Tensor::from([1.0]);
        let cube = |x: &Tensor| x.gt(-1.0).where_(&x.square(), 0.0) * (x - 1.0);
        assert_eq!((gradient(&one, cube), second(&one, cube)), (vec![1.0], vec![4.0]));
        let three = Tensor::from([3.0]);
        let peak = |x: &Tensor| x.square().max() * (x - 3.0);
        assert_eq!((gradient(&three, peak), second(&three, peak)), (vec![9.0], vec![12.0]));
    });
}

/// NaN that the taken branch really has is not hidden.
#[test]
fn real_nan_comes_through() {
    let x = Tensor::from([-1.0, 4.0]);
    assert!(gradient(&x, |x| x.gt(-5.0).where_(&x.sqrt(), 0.0))[0].is_nan());
    assert!(gradient(&x, |x| x.gt(-5.0).where_(&(x.ln() * x), 0.0))[0].is_nan());
}

#[test]
fn signed_zeros_and_signs() {
    in_both_engines(|| {
        let x = Tensor::from([0.0, -0.0, 2.5, -2.5, INF, -INF, NAN]);
        assert!(same_bits(&list(&x.sign()), &[0.0, -0.0, 1.0, -1.0, 1.0, -1.0, NAN]));
        assert!(same_bits(&list(&-&x), &[-0.0, 0.0, -2.5, 2.5, -INF, INF, NAN]));
        assert!(same_bits(&list(&x.recip()), &[INF, -INF, 0.4, -0.4, 0.0, -0.0, NAN]));
        let ones = Tensor::from([1.0; 7]).copysign(&x).slice(0, 0..6);
        assert_eq!(list(&ones), [1.0, -1.0, 1.0, -1.0, 1.0, -1.0]);
        let halves = Tensor::from([0.5, 1.5, 2.5, -0.5, -1.5, -0.2]);
        assert!(same_bits(&list(&halves.round()), &[0.0, 2.0, 2.0, -0.0, -2.0, -0.0]));
    });
}

/// Limits at infinity and at the edges of domains.
#[test]
fn limits() {
    let cases: &[(Unary, f64, f64)] = &[
        (Unary::exp, -INF, 0.0),
        (Unary::exp, INF, INF),
        (Unary::expm1, -INF, -1.0),
        (Unary::ln, 0.0, -INF),
        (Unary::ln, INF, INF),
        (Unary::log1p, -1.0, -INF),
        (Unary::sqrt, INF, INF),
        (Unary::sqrt, -0.0, -0.0),
        (Unary::rsqrt, 0.0, INF),
        (Unary::cbrt, -INF, -INF),
        (Unary::tanh, INF, 1.0),
        (Unary::tanh, -INF, -1.0),
        (Unary::sigmoid, -INF, 0.0),
        (Unary::sigmoid, INF, 1.0),
        (Unary::sin, INF, NAN),
        (Unary::tan, -INF, NAN),
        (Unary::asin, 1.0, std::f64::consts::FRAC_PI_2),
        (Unary::acos, 1.0, 0.0),
        (Unary::acosh, 1.0, 0.0),
        (Unary::atan, -INF, -std::f64::consts::FRAC_PI_2),
        (Unary::atanh, 1.0, INF),
        (Unary::logit, 0.0, -INF),
        (Unary::logit, 1.0, INF),
        (Unary::softplus, 1000.0, 1000.0),
        (Unary::softplus, -INF, 0.0),
        (Unary::logsigmoid, -1000.0, -1000.0),
        (Unary::relu, -INF, 0.0),
        (Unary::relu, NAN, NAN),
        (Unary::erf, INF, 1.0),
        (Unary::erfc, INF, 0.0),
        (Unary::erfc, -INF, 2.0),
        (Unary::lgamma, 1.0, 0.0),
        (Unary::lgamma, 0.0, INF),
        (Unary::lgamma, -2.0, INF),
        (Unary::digamma, -3.0, NAN),
        (Unary::floor, -INF, -INF),
    ];
    for &(op, x, expected) in cases {
        for dtype in [DType::F32, DType::F64] {
            let y = item(&apply(op, &Tensor::from(x).to_dtype(dtype)));
            let rounded = item(&Tensor::from(expected).to_dtype(dtype));
            assert!(same_bits(&[y], &[rounded]), "{}({x}) = {y}, {dtype}", op.name());
        }
    }
}

#[test]
fn nan_in_comparisons_extrema_and_orders() {
    in_both_engines(|| {
        let x = Tensor::from([1.0, NAN, 3.0]);
        assert_eq!(truths(&x.eq(&x)), [true, false, true]);
        assert_eq!(truths(&x.ne(&x)), [false, true, false]);
        assert_eq!(truths(&x.lt(2.0)), [true, false, false]);
        assert_eq!(truths(&x.ge(2.0)), [false, false, true]);
        assert_eq!(truths(&x.isnan()), [false, true, false]);
        assert_eq!(truths(&Tensor::from([1.0, INF, NAN]).isfinite()), [true, false, false]);
        assert_eq!(truths(&Tensor::from([1.0, -INF, NAN]).isinf()), [false, true, false]);
        assert!(item(&x.max()).is_nan() && item(&x.min()).is_nan());
        assert!(list(&x.maximum(2.0))[1].is_nan() && list(&x.minimum(2.0))[1].is_nan());
        let two = Tensor::from([2.0; 3]);
        assert!(list(&two.maximum(&x))[1].is_nan() && list(&two.minimum(&x))[1].is_nan());
        assert!(list(&x.clamp(0.0, 2.0))[1].is_nan());
        assert_eq!(list(&x.clamp(0.0, 2.0))[2], 2.0);
        assert_eq!((item(&x.argmax()), item(&x.argmin())), (1.0, 1.0));
        let ties = Tensor::from([[2, 7, 7], [1, 1, 0]]);
        assert_eq!(ints(&ties.argmax_axis(1, false)), [1, 0]);
        assert_eq!(ints(&ties.argmin_axis(1, false)), [0, 2]);
        assert_eq!(ints(&ties.argmax_axis(0, true)), [0, 0, 0]);
        assert_eq!(item(&ties.argmax()), 1.0);
        let x = Tensor::from([2.0, NAN, 1.0, 2.0, -INF]);
        assert_eq!(ints(&x.argsort(0, false)), [4, 2, 0, 3, 1]);
        assert_eq!(ints(&x.argsort(0, true)), [1, 0, 3, 2, 4]);
        assert!(same_bits(&list(&x.sort(0, false)), &[-INF, 1.0, 2.0, 2.0, NAN]));
    });
}

#[test]
fn softmax_and_its_relatives_overflow_nowhere() {
    in_both_engines(|| {
        let rows = Tensor::from([[1000.0, 1000.0], [-INF, 0.0], [-1e300, 1e300]]);
        assert_eq!(list(&rows.softmax(1)), [0.5, 0.5, 0.0, 1.0, 0.0, 1.0]);
        let log = list(&rows.log_softmax(1));
        assert!((log[0] + std::f64::consts::LN_2).abs() < 1e-15 && log[2] == -INF && log[3] == 0.0);
        let sums = list(&rows.logsumexp(1, false));
        assert_eq!(sums, [1000.0 + std::f64::consts::LN_2, 0.0, 1e300]);
        let low = Tensor::from([-INF, -INF]);
        assert_eq!(item(&low.logsumexp(0, false)), -INF);
        assert_eq!(item(&Tensor::from([INF, 0.0]).logsumexp(0, false)), INF);
        assert!(list(&low.softmax(0)).iter().all(|v| v.is_nan()));
        assert_eq!(list(&low.logaddexp(&low)), [-INF, -INF]);
        assert_eq!(list(&Tensor::from([INF, 800.0]).logaddexp(INF)), [INF, INF]);
        let g =
            gradient(&Tensor::from([[-INF, 0.0], [1000.0, -1000.0]]), |x| x.logsumexp(1, false));
        assert_eq!(g, [0.0, 1.0, 1.0, 0.0]);
        // The loss of a certain and right prediction is 0, of a certain and wrong one large.
        let logits = Tensor::from([[500.0, 0.0], [500.0, 0.0]]);
        assert_eq!(item(&logits.cross_entropy(&Tensor::from([0, 1]))), 250.0);
        let hypotenuse = item(&Tensor::from(3e200).hypot(4e200));
        assert!((hypotenuse / 5e200 - 1.0).abs() <= 2.0 * f64::EPSILON); // a root and a quotient
        assert_eq!(list(&Tensor::from([0.0, 0.0]).xlogy(Tensor::from([0.0, INF]))), [0.0, 0.0]);
        assert!(item(&Tensor::from(0.0).xlogy(NAN)).is_nan());
    });
}

#[test]
fn reductions_of_nothing() {
    in_both_engines(|| {
        for empty in [Tensor::zeros_of([0], DType::F64), Tensor::from(Vec::<f64>::new())] {
            assert_eq!((item(&empty.sum()), item(&empty.prod())), (0.0, 1.0));
            assert!(item(&empty.mean()).is_nan());
            assert!(empty.try_max().is_err() && empty.try_min().is_err());
            assert!(empty.try_argmax().is_err() && empty.try_logsumexp(0, false).is_err());
            assert!(empty.try_softmax(0).is_err());
            assert_eq!((truths(&empty.any()), truths(&empty.all())), (vec![false], vec![true]));
        }
        let rows = Tensor::from_vec(Vec::<f64>::new(), [3, 0]).expect("a tensor");
        assert_eq!(list(&rows.sum_axis(1, false)), [0.0; 3]);
        assert_eq!(rows.sum_axis(0, false).shape(), [0]);
        assert_eq!(rows.max_axis(0, false).shape(), [0]);
        assert_eq!(rows.matmul(&rows.t()).shape(), [3, 3]);
        assert_eq!(list(&rows.matmul(&rows.t())), [0.0; 9]);
        assert_eq!(rows.t().matmul(&rows).shape(), [0, 0]);
        assert_eq!(gradient(&rows, |x| x.exp() * 2.0), [0.0; 0]);
        let w = Tensor::from([1.0, 2.0]);
        assert_eq!(gradient(&w, |w| w.slice(0, 1..1).sum() + w.i(0)), [1.0, 0.0]);
    });
}

#[test]
fn integers_and_truth_values() {
    in_both_engines(|| {
        let x = Tensor::from([7, -7]);
        assert_eq!(((&x / 2).dtype(), list(&(&x / 2))), (DType::F32, vec![3.5, -3.5]));
        assert_eq!(ints(&x.fmod(2)), [1, -1]);
        assert_eq!(ints(&x.fmod(0)), [0, 0]);
        assert_eq!(
            ints(&(&x * i64::MAX)),
            [7i64.wrapping_mul(i64::MAX), 7i64.wrapping_neg().wrapping_mul(i64::MAX)]
        );
        assert_eq!(ints(&x.powi(3)), [343, -343]);
        assert_eq!(ints(&Tensor::from([2, 1, -1, 0]).pow(Tensor::from([-1]))), [0, 1, -1, 0]);
        assert_eq!(ints(&x.abs()), [7, 7]);
        assert_eq!((x.floor().dtype(), ints(&x.sign())), (DType::I64, vec![1, -1]));
        assert_eq!((x.sin().dtype(), x.mean().dtype()), (DType::F32, DType::F32));
        let big = i64::MAX - 1; // not a double
        assert_eq!(ints(&Tensor::from([big, 0]).sum()), [big]);
        assert_eq!(ints(&Tensor::from([big, big - 1]).max()), [big]);
        assert_eq!(truths(&Tensor::from([big]).eq(Tensor::from([big + 1]))), [false]);
        let halfway = Tensor::from([(1i64 << 53) + (1 << 29) + 1]); // rounded once, not twice
        let nearest = ((1i64 << 53) + (1 << 30)) as f64;
        assert_eq!(list(&halfway.to_dtype(DType::F32)), [nearest]);
        assert_eq!(halfway.to_vec::<f32>().expect("numbers"), [nearest as f32]);
        let cast = Tensor::from([2.9, -2.9, NAN, INF, -INF]).to_dtype(DType::I64);
        assert_eq!(ints(&cast), [2, -2, 0, i64::MAX, i64::MIN]);
        let truth = Tensor::from([true, false, true]);
        assert_eq!((truth.sum().dtype(), ints(&truth.sum())), (DType::I64, vec![2]));
        assert_eq!(ints(&truth.cumsum(0)), [1, 1, 2]);
        assert_eq!(ints(&(&truth + &truth)), [2, 0, 2]);
        assert_eq!(ints(&truth.prod()), [0]);
        assert_eq!((item(&truth.max()), item(&truth.min())), (1.0, 0.0));
        assert_eq!(truths(&!&truth), [false, true, false]);
        assert_eq!(
            truths(&Tensor::from([0.0, -0.0, NAN]).to_dtype(DType::Bool)),
            [false, false, true]
        );
        // Products of truth values are counted, as their sums are.
        let row = Tensor::from([[true; 256]]);
        assert_eq!(ints(&row.matmul(&row.t())), [256]);
        let placed = truth.scatter_add(0, &Tensor::from([1, 1, 2]), &truth.logical_or(true));
        assert_eq!(ints(&placed), [1, 2, 2]);
    });
}

/// Bool < U8 < I32 < I64 < F32 < F64; a number takes the tensor's type, if it can hold its kind.
#[test]
fn promotion() {
    let all = [DType::Bool, DType::U8, DType::I32, DType::I64, DType::F32, DType::F64];
    let of = |dtype| Tensor::from([1.0]).to_dtype(dtype);
    for (i, &a) in all.iter().enumerate() {
        for (j, &b) in all.iter().enumerate() {
            let joint = all[i.max(j)];
            assert_eq!(a.promote(b), joint);
            // Arithmetic on truth values is arithmetic on 0 and 1.
            assert_eq!((of(a) + of(b)).dtype(), joint.counted());
            assert_eq!((of(a) / of(b)).dtype(), joint.to_float());
            assert_eq!(of(a).lt(of(b)).dtype(), DType::Bool);
            assert_eq!(of(DType::Bool).where_(&of(a), of(b)).dtype(), joint);
            let joined = chainrule_core::cat(&[&of(a), &of(b)], 0).expect("cat");
            assert_eq!((joined.dtype(), list(&joined)), (joint, vec![1.0, 1.0]));
        }
        assert_eq!((of(a) + 1.5).dtype(), a.to_float());
        assert_eq!((1.5 + of(a)).dtype(), a.to_float());
        assert_eq!((of(a) + 1.5f32).dtype(), a.to_float());
        assert_eq!((of(a) + 1).dtype(), a.counted());
        assert_eq!(list(&(2 - of(a))), [1.0]);
        assert_eq!(of(a).gt(0.5).dtype(), DType::Bool);
        assert_eq!(of(a).exp().dtype(), a.to_float());
    }
    // The number is rounded to the tensor's type first.
    let third = Tensor::from([1.0f32]) / 3.0;
    assert_eq!(third.to_vec::<f32>().expect("numbers"), [1.0 / 3.0]);
    assert_eq!(list(&(Tensor::from([0.0f32]) + 0.1)), [f64::from(0.1f32)]);
}

/// A derivative that is 0 everywhere is a tensor of zeros, not an error.
#[test]
fn derivatives_that_vanish() {
    let x = Tensor::from([1.5, -2.0]).requires_grad();
    for y in [x.floor(), x.sign(), &x * 0.0, x.powi(0) + &x - &x] {
        assert_eq!(list(&grad(&y.sum(), &[&x]).expect("zeros")[0]), [0.0, 0.0]);
    }
}

#[test]
fn products_of_no_matrices_and_sums_of_nothing() {
    in_both_engines(|| {
        let none = Tensor::full([0, 3, 4], 1.0).matmul(&Tensor::full([0, 4, 5], 1.0));
        assert_eq!((none.shape(), list(&none).len()), (&[0, 3, 5][..], 0));
        // Read from memory, not known from a constant.
        let x = Tensor::from(vec![7.0; 6]).reshape([2, 3]).slice(1, 0..0);
        assert_eq!(list(&x.sum_axis(1, false)), [0.0, 0.0]);
    });
}
