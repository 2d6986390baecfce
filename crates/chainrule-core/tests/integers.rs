//! Integers of three widths: what is stored wraps around, in both engines and in fused chains.
//! What is expected is Rust's own arithmetic.

mod common;

use chainrule_core::op::{Binary, Unary};
use chainrule_core::{DType, Element, Engine, Tensor, cat, einsum, with_engine};
use common::ints;

/// Every element type of integers, with numbers at both ends of its range.
fn samples(dtype: DType) -> Vec<i64> {
    let ends = match dtype {
        DType::U8 => [0, 1, 254, 255],
        DType::I32 => [i32::MIN.into(), -7, 2, i32::MAX.into()],
        _ => [i64::MIN, -7, 2, i64::MAX],
    };
    [&ends[..], &[0, 3, 100, 17]].concat()
}

const INTEGERS: [DType; 3] = [DType::U8, DType::I32, DType::I64];

fn wrap(dtype: DType, x: i64) -> i64 {
    match dtype {
        DType::U8 => i64::from(x as u8),
        DType::I32 => i64::from(x as i32),
        _ => x,
    }
}

fn of(numbers: &[i64], dtype: DType) -> Tensor {
    Tensor::from(numbers).to_dtype(dtype)
}

/// The integers that both engines agree on.
fn both(run: impl Fn() -> Tensor) -> Vec<i64> {
    let fused = ints(&run());
    assert_eq!(with_engine(Engine::Reference, || ints(&run())), fused);
    fused
}

#[test]
fn every_operation_wraps_around() {
    for dtype in INTEGERS {
        let all = samples(dtype);
        let x = of(&all, dtype);
        for &op in Unary::ALL {
            let Some(f) = op.int() else { continue };
            let (_, method) = Tensor::SCALAR_METHODS.iter().find(|m| m.0 == op).expect("a method");
            let expected: Vec<i64> = all.iter().map(|&x| wrap(dtype, f(x))).collect();
            assert_eq!(
                (method(&x).dtype(), both(|| method(&x))),
                (dtype, expected),
                "{}",
                op.name()
            );
        }
        for &op in Binary::ALL.iter().filter(|&&op| op != Binary::Div) {
            let Some(f) = op.int() else { continue };
            let (column, row) = (x.unsqueeze(1), x.unsqueeze(0));
            let pairs = all.iter().flat_map(|&x| all.iter().map(move |&y| wrap(dtype, f(x, y))));
            let run = || Tensor::of_two(op, &column, &row);
            assert_eq!(
                (run().dtype(), both(run)),
                (dtype, pairs.collect::<Vec<_>>()),
                "{}",
                op.name()
            );
        }
    }
}

#[test]
fn quotients_are_exact() {
    for dtype in INTEGERS {
        let all = samples(dtype);
        let (column, row) = (of(&all, dtype).unsqueeze(1), of(&all, dtype).unsqueeze(0));
        let pairs: Vec<(i64, i64)> =
            all.iter().flat_map(|&x| all.iter().map(move |&y| (x, y))).collect();
        let floor = |&(x, y): &(i64, i64)| {
            let (x, y) = (i128::from(x), i128::from(y));
            if y == 0 {
                0
            } else {
                wrap(dtype, (x.div_euclid(y) - i128::from(y < 0 && x.rem_euclid(y) != 0)) as i64)
            }
        };
        let rest = |&(x, y): &(i64, i64)| {
            let (x, y) = (i128::from(x), i128::from(y));
            if y == 0 { 0 } else { ((x % y + y) % y) as i64 }
        };
        assert_eq!(both(|| column.floor_divide(&row)), pairs.iter().map(floor).collect::<Vec<_>>());
        assert_eq!(both(|| column.remainder(&row)), pairs.iter().map(rest).collect::<Vec<_>>());
        assert_eq!((&column / &row).dtype(), DType::F32);
    }
    // As Python's, of fractions too: the remainder and a quotient of 0 have signs.
    let (x, y) =
        (Tensor::from([7.5, -7.5, 0.0, -0.0, 0.5]), Tensor::from([2.0, 2.0, -1.0, 3.0, -1.0]));
    assert_eq!(x.floor_divide(&y).to_vec::<f64>().unwrap(), [3.0, -4.0, 0.0, 0.0, -1.0]);
    assert_eq!(x.remainder(&y).to_vec::<f64>().unwrap(), [1.5, 0.5, 0.0, 0.0, -0.5]);
    let signs = |t: Tensor| -> Vec<bool> {
        t.to_vec::<f64>().unwrap().iter().map(|x| x.is_sign_negative()).collect()
    };
    assert_eq!(signs(x.floor_divide(&y)), [false, true, true, true, true]);
    assert_eq!(signs(x.remainder(&y)), [false, false, true, false, true]);
}

#[test]
fn chains_wrap_where_it_matters() {
    // A quotient after an overflow sees what is stored, not what was meant.
    let x = of(&[200, 100, 255], DType::U8);
    assert_eq!(both(|| ((&x + &x) / 2).to_dtype(DType::I64)), [72, 100, 127]);
    assert_eq!(both(|| (&x + 100).maximum(&x)), [200, 200, 255]);
    assert_eq!(both(|| (&x * 2).gt(&x).to_dtype(DType::I64)), [0, 1, 0]);
    assert_eq!(both(|| (-&x).floor_divide(3)), [18, 52, 0]);
    let big = of(&[i32::MAX.into(), 1], DType::I32);
    assert_eq!(both(|| &big + 1), [i32::MIN.into(), 2]);
    assert_eq!(both(|| (&big + 1).abs()), [i32::MIN.into(), 2]);
}

#[test]
fn sums_are_wide_and_extrema_keep_the_type() {
    for dtype in INTEGERS {
        let x = of(&[100, 100, 100, 7, 5, 250], dtype).reshape([2, 3]);
        let wide = |y: &Tensor| assert_eq!(y.dtype(), DType::I64);
        for y in [x.sum(), x.prod(), x.cumsum(1), x.cumprod(0), x.argmax(), x.argsort(1, false)] {
            wide(&y);
        }
        assert_eq!(both(|| x.sum()), [562]);
        assert_eq!(both(|| x.sum_axis(0, false)), [107, 105, 350]);
        assert_eq!(both(|| x.cumsum(1)), [100, 200, 300, 7, 12, 262]);
        assert_eq!(both(|| x.prod_axis(1, false)), [1_000_000, 8750]);
        assert_eq!((x.max().dtype(), both(|| x.max())), (dtype, vec![250]));
        assert_eq!(
            (x.min_axis(1, false).dtype(), both(|| x.min_axis(1, false))),
            (dtype, vec![100, 5])
        );
        assert_eq!(both(|| x.argmin_axis(1, false)), [0, 1]);
        assert_eq!(
            (x.sort(1, true).dtype(), both(|| x.sort(1, true))),
            (dtype, vec![100, 100, 100, 250, 7, 5])
        );
        assert_eq!(x.mean().dtype(), DType::F32);
    }
}

#[test]
fn elements_are_moved_as_they_are() {
    for dtype in INTEGERS {
        let all = samples(dtype);
        let x = of(&all, dtype).reshape([2, 4]);
        let same = |run: &dyn Fn() -> Tensor, expected: &[i64]| {
            assert_eq!((run().dtype(), both(run)), (dtype, expected.to_vec()));
        };
        let [a, b, c, d] = [all[0], all[1], all[2], all[3]];
        same(&|| x.t().t().flip([0, 1]).flip([1, 0]), &all);
        same(&|| x.slice(0, 0..1).pad(1, 1, 1), &[0, a, b, c, d, 0]);
        same(&|| x.slice(0, 0..1).expand([2, 4]), &[a, b, c, d, a, b, c, d]);
        same(&|| cat(&[&x.slice(1, 0..1), &x.slice(1, 3..4)], 1).expect("cat"), &[a, d, 0, 17]);
        same(&|| x.gt(0).where_(&x, x.zeros_like()).logical_not().where_(&x, &x), &all);
        let index = Tensor::from([3, 0]);
        for kind in INTEGERS {
            same(&|| x.index_select(1, &index.to_dtype(kind)), &[d, a, 17, 0]);
        }
        let doubled = all.iter().map(|&x| wrap(dtype, x.wrapping_add(x))).collect::<Vec<_>>();
        let places = Tensor::arange(0, 4, 1).expand([2, 4]);
        same(&|| x.scatter_add(1, &places, &x), &doubled);
        same(&|| x.unfold(1, 2, 2).fold(1, 4, 2, 1), &all);
        let bytes = x.numbers().expect("numbers").bytes().to_vec();
        assert_eq!(bytes.len(), 8 * dtype.size());
        assert_eq!(ints(&Tensor::from_bytes(&bytes, [8], dtype).expect("a tensor")), all);
    }
}

#[test]
fn products_of_matrices_wrap_around() {
    for dtype in INTEGERS {
        let x = of(&[100, 3, 2, 50], dtype).reshape([2, 2]);
        let expected: Vec<i64> =
            [10006, 450, 300, 2506].into_iter().map(|v| wrap(dtype, v)).collect();
        assert_eq!((x.matmul(&x).dtype(), both(|| x.matmul(&x))), (dtype, expected.clone()));
        assert_eq!(both(|| einsum("ij,jk->ik", &[&x, &x]).expect("einsum")), expected);
    }
}

#[test]
fn bits() {
    for dtype in INTEGERS {
        let all = samples(dtype);
        let (column, row) = (of(&all, dtype).unsqueeze(1), of(&all, dtype).unsqueeze(0));
        let each = |f: fn(i64, i64) -> i64| -> Vec<i64> {
            all.iter().flat_map(|&x| all.iter().map(move |&y| f(x, y))).collect()
        };
        assert_eq!(both(|| column.bitwise_and(&row)), each(|x, y| x & y));
        assert_eq!(both(|| column.bitwise_or(&row)), each(|x, y| x | y));
        assert_eq!(both(|| column.bitwise_xor(&row)), each(|x, y| x ^ y));
        assert_eq!(column.bitwise_xor(-1).dtype(), dtype);
    }
    let truth = Tensor::from([true, false]);
    assert_eq!(truth.bitwise_xor(true).dtype(), DType::Bool);
    let mixed = of(&[300, 5], DType::I32).bitwise_and(of(&[255, 4], DType::U8));
    assert_eq!((mixed.dtype(), ints(&mixed)), (DType::I32, vec![44, 4]));
    let fraction = Tensor::from([1.0]).try_bitwise_or(1).expect_err("no bits");
    assert!(fraction.to_string().contains("no bits"), "{fraction}");
}

#[test]
fn casts_go_both_ways() {
    let x = Tensor::from([-1.9, 300.7, 3e9, f64::NAN]);
    let expected =
        |to: fn(f64) -> i64| -> Vec<i64> { [-1.9, 300.7, 3e9, f64::NAN].map(to).to_vec() };
    assert_eq!(both(|| x.to_dtype(DType::U8)), expected(|x| i64::from(x as i64 as u8)));
    assert_eq!(both(|| x.to_dtype(DType::I32)), expected(|x| i64::from(x as i64 as i32)));
    for dtype in INTEGERS {
        let all = samples(dtype);
        let narrow = of(&all, dtype);
        let float = narrow.to_dtype(DType::F64).to_vec::<f64>().expect("numbers");
        assert_eq!(float, all.iter().map(|&x| x as f64).collect::<Vec<_>>());
        let truth = narrow.to_dtype(DType::Bool).to_vec::<bool>().expect("truths");
        assert_eq!(truth, all.iter().map(|&x| x != 0).collect::<Vec<_>>());
        for other in INTEGERS {
            let there: Vec<i64> = all.iter().map(|&x| wrap(other, x)).collect();
            assert_eq!(both(|| narrow.to_dtype(other)), there, "{dtype} to {other}");
        }
        assert_eq!(narrow.to_vec::<u8>().expect("bytes")[2], all[2] as u8);
    }
    assert_eq!(
        (u8::DTYPE, Tensor::from_vec(vec![1u8], [1]).expect("bytes").dtype()),
        (DType::U8, DType::U8)
    );
    let one = of(&[7], DType::I32);
    assert_eq!(format!("{:?}", one.item::<i32>().expect("one")), "7");
    assert!(format!("{one}").contains('7') && format!("{one:?}").contains("int32"));
}

#[test]
fn classes_may_be_of_any_width() {
    let logits = Tensor::from([[0.1, 2.0, -1.0], [1.0, 0.0, 0.5]]);
    let wide = Tensor::from([1, 2]);
    let loss = logits.cross_entropy(&wide).item::<f64>().expect("a loss");
    for dtype in INTEGERS {
        let classes = wide.to_dtype(dtype);
        assert_eq!(logits.cross_entropy(&classes).item::<f64>().expect("a loss"), loss);
        let hot = classes.one_hot(3).expect("one hot");
        assert_eq!(hot.to_vec::<f64>().expect("numbers"), [0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
    }
}
