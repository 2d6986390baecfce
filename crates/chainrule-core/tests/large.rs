//! Both engines on tensors of many blocks: what small shapes never reach. Blocks of several rows,
//! tiles of transposed elements, periods, numbers for rows, one-hot rows, rows that are gathered,
//! products.

use chainrule_core::{DType, Engine, Error, Tensor, cat, grad, realize, with_engine};

/// The largest difference between the engines, relative to the largest number.
fn difference(f: impl Fn() -> Result<Tensor, Error>) -> f64 {
    let numbers = |engine| with_engine(engine, || f()?.to_vec::<f64>()).unwrap();
    let (fused, reference) = (numbers(Engine::Fused), numbers(Engine::Reference));
    assert_eq!(fused.len(), reference.len());
    let size = reference.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    assert!(size.is_finite() && size > 0.0);
    fused.iter().zip(&reference).fold(0.0f64, |m, (a, b)| m.max((a - b).abs())) / size
}

#[test]
fn elementwise_operations_have_the_same_bits() {
    let x = Tensor::randn_f64([300, 200]);
    let y = Tensor::randn_f64([200, 300]);
    let cube = Tensor::randn_f64([7, 130, 65]);
    let (bias, column) = (Tensor::randn_f64([200]), Tensor::randn_f64([300, 1]));
    assert_eq!(difference(|| Ok(&x + y.t())), 0.0);
    assert_eq!(difference(|| Ok(y.t() * 2.0 - &bias)), 0.0);
    assert_eq!(difference(|| Ok(cube.transpose(1, 2).exp() * 3.0)), 0.0);
    assert_eq!(difference(|| Ok(cube.permute([2, 0, 1]) + 1.0)), 0.0);
    assert_eq!(difference(|| Ok(&x * &bias + &column)), 0.0);
    // Two periods, of which one block must be a multiple.
    let (six, four) = (Tensor::randn_f64([6]), Tensor::randn_f64([4, 6]));
    let z = Tensor::randn_f64([999, 4, 6]);
    assert_eq!(difference(|| Ok((&z + &six) / &four)), 0.0);
}

/// Whether both engines give the same bits, in rows of 150 numbers, for two operations that run in
/// one loop: `f` takes elements and what is one number for a row or in all besides.
#[test]
fn pairs_of_operations_have_the_same_bits() {
    type Operation = fn(&Tensor, &Tensor) -> Tensor;
    let operations: [Operation; 7] = [
        |x, y| x + y,
        |x, y| x - y,
        |x, y| y - x,
        |x, y| x * y,
        |x, y| y * x,
        |x, _| x.square(),
        |x, _| -x,
    ];
    for single in [false, true] {
        let random = |shape: [usize; 2]| {
            if single { Tensor::randn(shape) } else { Tensor::randn_f64(shape) }
        };
        let x = random([20, 150]);
        let besides = [random([20, 150]), random([20, 1]), random([1, 1]), x.full_like(0.7)];
        for (i, f) in operations.iter().enumerate() {
            for (j, g) in operations.iter().enumerate() {
                for (k, y) in besides.iter().enumerate() {
                    for (l, w) in besides.iter().enumerate() {
                        // The sum makes it a kernel of rows.
                        let z = || g(&f(&x.exp(), y), w);
                        let both = || Ok(&z() * 0.5 + z().sum_axis(1, true) * 0.0);
                        let what = format!("{i} {j} {k} {l} {single}");
                        assert_eq!(difference(|| Ok(z())), 0.0, "{what}");
                        assert_eq!(difference(both), 0.0, "{what} in rows");
                    }
                }
            }
        }
    }
}

#[test]
fn sine_and_cosine_together_have_the_same_bits() {
    for scale in [1.0, 1e9] {
        for x in [Tensor::randn([3000]), Tensor::randn_f64([3000])] {
            let x = x * scale;
            // Either may come first, or twice, or last.
            assert_eq!(difference(|| Ok(x.sin() * 2.0 - x.cos())), 0.0);
            assert_eq!(difference(|| Ok(x.cos() / (x.sin() + x.cos()))), 0.0);
            let slope = || Ok((x.sin() + 1.5).ln() * x.cos() + (x.cos() + 2.0).sqrt() * x.sin());
            assert_eq!(difference(slope), 0.0);
            assert_eq!(difference(|| Ok(x.cos() + x.exp().sin())), 0.0);
        }
    }
}

#[test]
fn rows_agree() {
    // Sums of n terms in another order differ by about n roundings of 2⁻⁵³.
    let bound = 1e-13;
    for (n, row) in [(5000, 10), (700, 65), (300, 1000)] {
        let x = Tensor::randn_f64([n, row]).requires_grad();
        let (gain, bias) = (Tensor::randn_f64([row]), Tensor::randn_f64([row]));
        let weight = Tensor::randn_f64([n, 1]);
        let norm = || {
            let z = &x - x.mean_axis(1, true);
            let y = &z * (z.square().mean_axis(1, true) + 1e-5).rsqrt() * &gain + &bias;
            (y.softmax(1) * &weight).square().sum()
        };
        assert!(difference(|| Ok(norm())) < bound);
        assert!(difference(|| Ok(grad(&norm(), &[&x])?.remove(0))) < bound);
        // Some targets are no class.
        let classes: Vec<i64> = (0..n as i64).map(|i| i * 7 % (row as i64 + 3) - 1).collect();
        let target = Tensor::from(classes);
        let loss = || x.cross_entropy(&target);
        assert!(difference(|| Ok(loss())) < bound);
        assert!(difference(|| Ok(grad(&loss(), &[&x])?.remove(0))) < bound);
    }
}

/// Columns of products are summed without the products, and rows of what is negative with its sign
/// turned afterwards. Of whole numbers, all sums are exact.
#[test]
fn sums_of_products_and_of_negative_numbers_have_the_same_bits() {
    let bits = |f: &dyn Fn() -> Tensor| {
        let numbers = |engine| with_engine(engine, || f().to_vec::<f64>()).unwrap();
        let of = |engine| numbers(engine).into_iter().map(f64::to_bits).collect::<Vec<_>>();
        let (fused, reference) = (of(Engine::Fused), of(Engine::Reference));
        let other = fused.iter().zip(&reference).position(|(a, b)| a != b);
        assert!(other.is_none() && fused.len() == reference.len(), "at {other:?}");
    };
    for (n, row) in [(9, 70), (300, 150), (1100, 64), (50, 1100), (4000, 5)] {
        let whole = || {
            let x = (Tensor::randn_f64([n, row]) * 3.0).round();
            realize(&[&x]).unwrap();
            x
        };
        let (x, y, w) = (whole(), whole(), whole());
        bits(&|| (&x * &y).sum_axis(0, false));
        bits(&|| x.square().sum_axis(0, false));
        bits(&|| (&x * &y).sum());
        // Of a product that is kept, or used once more.
        let products = || {
            let product = &x * &y;
            let total = product.sum_axis(0, false);
            realize(&[&product, &total]).unwrap();
            cat(&[&product, &total.unsqueeze(0)], 0).unwrap()
        };
        bits(&products);
        bits(&|| (&x * &y).sum_axis(0, false) + ((&x * &y) * &w).sum_axis(0, false));
        bits(&|| (&x * &y).sum_axis(0, false) + (&x * &y).sum_axis(1, true));
        // −0, where rows are not empty, and of zeros of both signs.
        let zero = &x * 0.0;
        for x in [&x, &zero, &zero.abs(), &-zero.abs()] {
            bits(&|| (-(x * 1.0)).sum_axis(1, true) + &w);
            bits(&|| (-(x * 1.0)).sum_axis(1, true) * &w);
            bits(&|| (-(x * &y)).sum_axis(1, true).abs() + (-(x * &w)).sum_axis(1, true));
        }
    }
    bits(&|| (-Tensor::zeros_of([3, 0], DType::F64)).sum_axis(1, true));
}

/// Products of matrices and vectors are computed in kernels, and so are their gradients. Of whole
/// numbers, all sums are exact.
#[test]
fn products_with_vectors_have_the_same_bits() {
    for (dtype, m, k) in [
        (DType::F32, 3000, 70),
        (DType::F64, 1025, 1),
        (DType::F64, 2000, 900),
        (DType::F32, 900, 9),
    ] {
        let whole = |shape: &[usize]| {
            let x = (Tensor::randn_f64(shape) * 3.0).round().to_dtype(dtype);
            realize(&[&x]).unwrap();
            x
        };
        let same = |f: &dyn Fn() -> Tensor| {
            assert_eq!(difference(|| Ok(f().to_dtype(DType::F64))), 0.0, "{dtype:?} {m} {k}");
        };
        // A matrix by itself, part of a larger one, turned, and computed.
        let wide = whole(&[m, k + 5]);
        let turned = whole(&[k, m]).t();
        let whole_matrix = whole(&[m, k]);
        let parts = [whole_matrix.clone(), wide.i((.., 3..k + 3)), turned, &whole_matrix * 2.0];
        let (target, others) = (whole(&[m]), whole(&[2 * k + 1]) + 5.0);
        for x in &parts {
            for w in [whole(&[k]) + 5.0, others.i(k..2 * k), others.i(((0..2 * k, 2),))] {
                let w = w.requires_grad();
                let error = || x.matmul(&w).relu() - &target;
                same(&|| x.matmul(&w));
                same(&error);
                same(&|| w.matmul(&x.t()) * &target);
                same(&|| grad(&error().square().sum(), &[&w]).unwrap().remove(0));
                // Beside what else is summed up, and a product that is kept.
                let both = || {
                    let error = error();
                    let g = grad(&error.square().sum(), &[&w]).unwrap().remove(0);
                    cat(&[&error, &g, &x.t().matmul(&(&error * 2.0))], 0).unwrap()
                };
                same(&both);
                same(&|| (&target * &target).matmul(x));
                same(&|| target.matmul(x) + target.exp().round().minimum(9.0).matmul(x));
                let rows = || {
                    (x.matmul(&w) * 2.0).reshape([m / 5, 5]).sum_axis(1, true)
                        * &target.reshape([m / 5, 5])
                };
                same(&|| x.t().matmul(&rows().reshape([m])));
            }
        }
    }
}

/// Products with short sums are computed inside kernels. Of whole numbers, all sums are exact.
#[test]
fn products_in_kernels_have_the_same_bits() {
    for (dtype, [m, k, n], parts) in [
        (DType::F64, [1000, 10, 250], 25),
        (DType::F32, [1000, 16, 250], 10),
        (DType::F64, [333, 3, 8], 2),
        (DType::F32, [9, 5, 33], 3),
        (DType::F64, [50, 7, 15], 3),
        (DType::F32, [61, 4, 90], 7),
        (DType::F64, [24, 16, 96], 1),
    ] {
        let whole = |shape: &[usize]| {
            let x = (Tensor::randn_f64(shape) * 3.0).round().to_dtype(dtype);
            realize(&[&x]).unwrap();
            x
        };
        let (a, b) = (whole(&[m, k]).requires_grad(), whole(&[k, n]).requires_grad());
        let (row, column, like) = (whole(&[n]), whole(&[m, 1]), whole(&[m, n]));
        let f64s = |x: Tensor| Ok(x.to_dtype(DType::F64));
        assert_eq!(difference(|| f64s(a.matmul(&b))), 0.0);
        assert_eq!(difference(|| f64s((a.matmul(&b) - &row).relu() * &column)), 0.0);
        assert_eq!(difference(|| f64s((a.matmul(&b) - &row).square().sum_axis(1, false))), 0.0);
        assert_eq!(difference(|| f64s((a.matmul(&b) + &like).sum_axis(0, false))), 0.0);
        assert_eq!(difference(|| f64s(b.t().matmul(&a.t()) * &like.t() + &column.t())), 0.0);
        // Rows of the sum that are no rows of the product.
        let parted = || a.matmul(&b).reshape([m * parts, n / parts]);
        if n % parts == 0 {
            assert_eq!(difference(|| f64s((parted() + 1.0).square().sum_axis(1, false))), 0.0);
        }
        let all = m * n;
        let across = || (a.matmul(&b).reshape([all]).i(1..) * 2.0 + 1.0).square();
        assert_eq!(difference(|| f64s(across())), 0.0);
        // One number for each of longer rows, and in two kernels.
        let wide = whole(&[m, n, 3]);
        let long = || (a.matmul(&b).unsqueeze(2) * &wide).sum_axis(2, false);
        assert_eq!(difference(|| f64s(long() * &like + a.matmul(&b))), 0.0);
        let loss = || (a.matmul(&b) - &row).square().sum_axis(1, false).sum() * 0.5;
        assert_eq!(difference(|| f64s(grad(&loss(), &[&a])?.remove(0))), 0.0);
        assert_eq!(difference(|| f64s(grad(&loss(), &[&b])?.remove(0))), 0.0);
    }
}

#[test]
fn gathered_rows_agree() {
    let table = Tensor::randn_f64([700, 64]).requires_grad();
    let ids = Tensor::from((0..3000i64).map(|i| i * i % 700).collect::<Vec<_>>());
    let c = Tensor::randn_f64([3000, 64]);
    assert_eq!(difference(|| Ok(table.index_select(0, &ids) * 1.0)), 0.0);
    let slope = || Ok(grad(&(table.index_select(0, &ids) * &c).sum(), &[&table])?.remove(0));
    assert!(difference(slope) < 1e-14);
}

#[test]
fn slices_pull_back_to_what_padding_gives() {
    let x = Tensor::randn_f64([40, 90]).requires_grad();
    let square = |start: i64, end: i64, k: f64| x.i((.., start..end)).square().sum() * k;
    for parts in [
        vec![(0, 30), (30, 60), (60, 90)],
        vec![(60, 90), (0, 30), (30, 60)],
        vec![(0, 30), (60, 90)],
        vec![(0, 50), (30, 90)],
        vec![(0, 45), (0, 45), (45, 90)],
    ] {
        let y = parts.iter().fold(Tensor::from(0.0), |y, &(s, e)| y + square(s, e, s as f64 + 1.0));
        let g = grad(&y, &[&x]).unwrap().remove(0);
        let x = x.to_vec::<f64>().unwrap();
        let expected = |i: usize| {
            let inside = parts.iter().filter(|p| (p.0..p.1).contains(&((i % 90) as i64)));
            inside.map(|p| 2.0 * x[i] * (p.0 as f64 + 1.0)).sum::<f64>()
        };
        for (i, g) in g.to_vec::<f64>().unwrap().into_iter().enumerate() {
            assert!((g - expected(i)).abs() <= 1e-12, "{parts:?}: {i}");
        }
    }
}
