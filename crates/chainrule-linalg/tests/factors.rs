//! Each factorisation multiplies back to its matrix, in both widths and for many sizes.

use chainrule_linalg::*;

/// A small generator: numbers in −1..1.
fn numbers<T: Entry>(seed: u64, n: usize) -> Vec<T> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        T::of((state >> 11) as f64 / (1u64 << 52) as f64 - 1.0)
    };
    (0..n).map(|_| next()).collect()
}

fn times<T: Entry>(a: &[T], b: &[T], [m, n, k]: [usize; 3]) -> Vec<T> {
    let sum = |i: usize, j: usize| -> f64 {
        (0..n).map(|l| a[i * n + l].into() * b[l * k + j].into()).sum()
    };
    (0..m * k).map(|at| T::of(sum(at / k, at % k))).collect()
}

fn transpose<T: Entry>(a: &[T], m: usize, n: usize) -> Vec<T> {
    (0..m * n).map(|at| a[at % m * n + at / m]).collect()
}

fn eye<T: Entry>(n: usize) -> Vec<T> {
    (0..n * n).map(|at| T::of(if at / n == at % n { 1.0 } else { 0.0 })).collect()
}

#[track_caller]
fn close<T: Entry>(x: &[T], y: &[T], scale: f64) {
    assert_eq!(x.len(), y.len());
    for (&x, &y) in x.iter().zip(y) {
        let (x, y): (f64, f64) = (x.into(), y.into());
        assert!((x - y).abs() <= 20.0 * scale * T::EPSILON, "{x} is not {y}");
    }
}

const SIZES: [usize; 7] = [1, 2, 3, 5, 16, 33, 70];

fn systems<T: Entry>() {
    let zero = T::of(0.0);
    for n in SIZES {
        let size = n as f64 * n as f64;
        let mut a = numbers::<T>(n as u64, n * n);
        (0..n).for_each(|i| a[i * n + i] += T::of(2.0 + n as f64 / 4.0));
        let wanted = numbers::<T>(7, n * 3);
        let (mut f, mut order, mut x) = (a.clone(), vec![0; n], wanted.clone());
        T::lu(&a, n, &mut f, &mut order);
        for transposed in [false, true] {
            let b = if transposed { transpose(&a, n, n) } else { a.clone() };
            let b = times(&b, &wanted, [n, n, 3]);
            T::lu_solve(&f, &order, transposed, &b, 3, &mut x).unwrap();
            close(&x, &wanted, size);
        }
        for (upper, unit, transposed) in (0..8).map(|i| (i & 1 != 0, i & 2 != 0, i & 4 != 0)) {
            let element = |at: usize| {
                let (i, j) = (at / n, at % n);
                match (i == j, (j > i) == upper) {
                    (true, _) if unit => T::of(1.0),
                    (true, _) => a[at],
                    (false, true) => T::of(a[at].into() / n as f64),
                    (false, false) => zero,
                }
            };
            let t: Vec<T> = (0..n * n).map(element).collect();
            // What stands in the other triangle, or on a unit diagonal, is not read.
            let read = |at: usize| {
                let (i, j) = (at / n, at % n);
                if (i == j && unit) || (i != j && (j > i) != upper) { T::of(9.0) } else { t[at] }
            };
            let noisy: Vec<T> = (0..n * n).map(read).collect();
            let b = if transposed { transpose(&t, n, n) } else { t.clone() };
            let b = times(&b, &wanted, [n, n, 3]);
            let triangle = Triangle { upper, unit, transposed };
            T::solve_triangular(&noisy, n, triangle, &b, 3, &mut x).unwrap();
            close(&x, &wanted, size);
        }
        let b = numbers::<T>(3, n * n);
        let mut a = times(&b, &transpose(&b, n, n), [n, n, n]);
        (0..n).for_each(|i| a[i * n + i] += T::of(1.0));
        let mut l = a.clone();
        T::cholesky(&a, n, &mut l).unwrap();
        close(&times(&l, &transpose(&l, n, n), [n, n, n]), &a, size);
        assert!((0..n * n).all(|at| at % n <= at / n || l[at] == zero));
    }
}

fn spectra<T: Entry>() {
    for (m, n) in SIZES.into_iter().flat_map(|m| [(m, m), (m + 4, m), (m, m + 3)]) {
        let (k, size) = (m.min(n), (m + n) as f64);
        let a = numbers::<T>(11 + n as u64, m * n);
        if m >= n {
            let (mut q, mut r) = (vec![T::of(0.0); m * n], vec![T::of(0.0); n * n]);
            T::qr(&a, m, n, &mut q, &mut r);
            close(&times(&q, &r, [m, n, n]), &a, size);
            close(&times(&transpose(&q, m, n), &q, [n, m, n]), &eye(n), size);
            assert!((0..n * n).all(|at| at % n >= at / n || r[at] == T::of(0.0)));
            assert!((0..n).all(|i| r[i * n + i] >= T::of(0.0)));
        }
        let (mut u, mut s, mut vt) =
            (vec![T::of(0.0); m * k], vec![T::of(0.0); k], vec![T::of(0.0); k * n]);
        T::svd(&a, m, n, &mut u, &mut s, &mut vt).unwrap();
        assert!(s.windows(2).all(|w| w[0] >= w[1]) && s[k - 1] >= T::of(0.0));
        close(&times(&transpose(&u, m, k), &u, [k, m, k]), &eye(k), size);
        close(&times(&vt, &transpose(&vt, k, n), [k, n, k]), &eye(k), size);
        let us: Vec<T> = (0..m * k).map(|at| u[at] * s[at % k]).collect();
        close(&times(&us, &vt, [m, k, n]), &a, size);
        let mut p = vec![T::of(0.0); m * n];
        T::pinv(&a, m, n, T::EPSILON * size, &mut p).unwrap();
        let largest = p.iter().fold(1.0, |l: f64, &v| l.max(v.into().abs()));
        close(&times(&times(&a, &p, [m, n, m]), &a, [m, m, n]), &a, size * size * largest);
        let b = numbers::<T>(5, m * 2);
        let mut x = vec![T::of(0.0); n * 2];
        T::lstsq(&a, m, n, T::EPSILON * size, &b, 2, &mut x).unwrap();
        close(&x, &times(&p, &b, [n, m, 2]), size * largest);
    }
    for n in SIZES {
        let b = numbers::<T>(13, n * n);
        let t = transpose(&b, n, n);
        let a: Vec<T> = b.iter().zip(&t).map(|(&x, &y)| x + y).collect();
        let (mut w, mut v) = (vec![T::of(0.0); n], vec![T::of(0.0); n * n]);
        T::eigh(&a, n, &mut w, &mut v).unwrap();
        assert!(w.windows(2).all(|w| w[0] <= w[1]));
        let vw: Vec<T> = (0..n * n).map(|at| v[at] * w[at % n]).collect();
        close(&times(&vw, &transpose(&v, n, n), [n, n, n]), &a, n as f64 * 4.0);
    }
}

#[test]
fn factors_multiply_back() {
    systems::<f64>();
    systems::<f32>();
    spectra::<f64>();
    spectra::<f32>();
}

#[test]
fn exponentials() {
    // Of [[0, −t], [t, 0]], a rotation by t; t from tiny to where A is halved ten times.
    for t in [1e-9, 0.01, 0.2, 0.8, 2.0, 5.0, 30.0, 2000.0] {
        let mut y = [0.0; 4];
        f64::expm(&[0.0, -t, t, 0.0], 2, &mut y).unwrap();
        close(&y, &[f64::cos(t), -f64::sin(t), f64::sin(t), f64::cos(t)], 1.0 + t / 4.0);
        let mut y = [0f32; 4];
        f32::expm(&[0.0, -t as f32, t as f32, 0.0], 2, &mut y).unwrap();
        let t = f64::from(t as f32);
        close(&y, &[t.cos(), -t.sin(), t.sin(), t.cos()].map(|v| v as f32), 1.0 + t / 4.0);
    }
    // Nilpotent: the series ends.
    let mut y = [0.0; 9];
    f64::expm(&[0.0, 1.0, 2.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0], 3, &mut y).unwrap();
    close(&y, &[1.0, 1.0, 3.5, 0.0, 1.0, 3.0, 0.0, 0.0, 1.0], 2.0);
    // Of a diagonal matrix, and with a scale that overflows.
    f64::expm(&[1.0, 0.0, 0.0, -700.0], 2, &mut y[..4]).unwrap();
    assert!((y[0] / std::f64::consts::E - 1.0).abs() < 1e-12 && y[3] < 1e-290, "{y:?}");
    f64::expm(&[800.0], 1, &mut y[..1]).unwrap();
    assert_eq!(y[0], f64::INFINITY);
}

#[test]
fn faults() {
    // Several pivots of 0: the factors are finite, and multiply back.
    for (a, zeros) in [
        ([1.0, 2.0, 3.0, 2.0, 4.0, 6.0, -1.0, -2.0, -3.0], 2),
        ([0.0, 0.0, 5.0, 0.0, 0.0, 1.0, 0.0, 3.0, 0.0], 1),
        ([0.0; 9], 3),
    ] {
        let (mut f, mut order) = (a, [0; 3]);
        f64::lu(&a, 3, &mut f, &mut order);
        assert_eq!((0..3).filter(|i| f[i * 4] == 0.0).count(), zeros, "{a:?} {f:?}");
        let part = |lower: bool| -> Vec<f64> {
            let one = |at: usize| match (at / 3, at % 3) {
                (i, j) if i == j && lower => 1.0,
                (i, j) if (j < i) == lower => f[at],
                _ => 0.0,
            };
            (0..9).map(one).collect()
        };
        let permuted: Vec<f64> = (0..9).map(|at| a[order[at / 3] as usize * 3 + at % 3]).collect();
        close(&times(&part(true), &part(false), [3, 3, 3]), &permuted, 1.0);
    }
    let singular = [1.0, 2.0, 2.0, 4.0];
    let (mut f, mut order, mut x) = (singular, [0; 2], [0.0; 4]);
    f64::lu(&singular, 2, &mut f, &mut order);
    let solved = f64::lu_solve(&f, &order, false, &singular, 2, &mut x);
    assert_eq!(solved, Err(Fault::Singular(1)));
    let triangle = Triangle { upper: true, unit: false, transposed: false };
    let solved = f64::solve_triangular(&[0.0, 1.0, 0.0, 1.0], 2, triangle, &singular, 2, &mut x);
    assert_eq!(solved, Err(Fault::Singular(0)));
    for (a, fault) in [
        ([1.0, 2.0, 2.0, 1.0], 1),
        ([0.0, 0.0, 0.0, 1.0], 0),
        ([-1.0, 0.0, 0.0, 1.0], 0),
        ([1.0, 1.0, 1.0, 1.0], 1),
    ] {
        assert_eq!(f64::cholesky(&a, 2, &mut x), Err(Fault::NotPositive(fault)), "{a:?}");
    }
    let bad = [1.0, 2.0, f64::INFINITY, 4.0];
    let fault = Err(Fault::NotFinite(1, 0));
    assert_eq!(f64::cholesky(&bad, 2, &mut x), fault);
    assert_eq!(f64::eigh(&bad, 2, &mut [0.0; 2], &mut x), fault);
    assert_eq!(f64::expm(&bad, 2, &mut x), fault);
    assert_eq!(f64::pinv(&bad, 2, 2, 0.0, &mut x), fault);
    assert_eq!(f64::lstsq(&bad, 2, 2, 0.0, &singular, 2, &mut x), fault);
}

#[test]
fn empty_matrices() {
    let none: &mut [f64] = &mut [];
    f64::lu(&[], 0, &mut none[..], &mut []);
    f64::qr(&[], 3, 0, &mut [], &mut []);
    assert_eq!(f64::cholesky(&[], 0, none), Ok(()));
    assert_eq!(f64::eigh(&[], 0, &mut [], &mut [] as &mut [f64]), Ok(()));
    let mut x = [1.0; 4];
    assert_eq!(f64::lstsq(&[], 0, 2, 0.0, &[], 2, &mut x), Ok(()));
    assert_eq!(x, [0.0; 4]);
}
