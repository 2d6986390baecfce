//! Solutions of equations: their derivatives against closed forms, in both modes, twice.

use chainrule_core::{
    ErrorKind, Result, Tensor, fixed_point, gradient, hessian, jvp, linear_solve, root, stack, vmap,
};

fn close(a: &Tensor, b: &Tensor, tolerance: f64) {
    assert_eq!(a.shape(), b.shape());
    let (x, y) = (a.to_vec::<f64>().expect("numbers"), b.to_vec::<f64>().expect("numbers"));
    for (x, y) in x.iter().zip(y) {
        assert!((x - y).abs() <= tolerance * y.abs().max(1.0), "{x} and {y}");
    }
}

/// The cube root, by its equation.
fn cube_root(a: &Tensor) -> Result<Tensor> {
    root(|x: &Tensor| x.powi(3) - a, &Tensor::from(1.0))
}

#[test]
fn a_root_has_the_derivatives_of_its_closed_form() {
    let a = Tensor::from(5.0);
    let wanted = |p: f64, c: f64| a.powf(p) * c;
    close(&cube_root(&a).expect("a root"), &a.cbrt(), 1e-14);
    close(&gradient(cube_root, &a).expect("a slope"), &wanted(-2.0 / 3.0, 1.0 / 3.0), 1e-13);
    let forward = jvp(cube_root, &a, &Tensor::from(1.0)).expect("a slope").1;
    close(&forward, &wanted(-2.0 / 3.0, 1.0 / 3.0), 1e-13);
    close(&hessian(cube_root, &a).expect("second"), &wanted(-5.0 / 3.0, -2.0 / 9.0), 1e-12);
}

#[test]
fn a_batch_of_roots() {
    let a = Tensor::from([1.0, 8.0, 27.0]);
    close(&vmap(cube_root, &a).expect("roots"), &Tensor::from([1.0, 2.0, 3.0]), 1e-13);
    let slopes = vmap(|a: &Tensor| gradient(cube_root, a), &a).expect("slopes");
    close(&slopes, &(a.powf(-2.0 / 3.0) / 3.0), 1e-12);
}

#[test]
fn a_linear_solve_has_the_derivatives_of_the_inverse() {
    let m = Tensor::from([[3.0, 1.0], [0.5, 2.0]]);
    let b = Tensor::from([1.0, -2.0]);
    let inverse = Tensor::from([[2.0, -1.0], [-0.5, 3.0]]) / 5.5;
    let solve = |m: &Tensor, b: &Tensor| linear_solve(|v: &Tensor| m.matmul(v), b);
    let x = solve(&m, &b).expect("a solution");
    close(&x, &inverse.matmul(&b), 1e-14);
    let w = Tensor::from([0.7, 0.3]);
    // ⟨w, A⁻¹ b⟩ has the cotangent A⁻ᵀ w by b, and −(A⁻ᵀ w) xᵀ by A.
    let adjoint = inverse.t().matmul(&w);
    let by_b = gradient(|b: &Tensor| Ok(solve(&m, b)?.dot(&w)), &b).expect("by b");
    close(&by_b, &adjoint, 1e-13);
    let by_m = gradient(|m: &Tensor| Ok(solve(m, &b)?.dot(&w)), &m).expect("by A");
    close(&by_m, &(-(adjoint.unsqueeze(1) * x.unsqueeze(0))), 1e-13);
    let v = stack(&[&w, &b], 0).expect("a direction");
    let forward = jvp(|m: &Tensor| Ok(solve(m, &b)?.dot(&w)), &m, &v).expect("forward").1;
    close(&forward, &(by_m * v).sum(), 1e-13);
}

#[test]
fn a_fixed_point_and_one_that_is_none() {
    let f = |a: &Tensor| fixed_point(|x: &Tensor| (a * x).cos(), &Tensor::from(0.5));
    let a = Tensor::from(0.8);
    let x = f(&a).expect("a fixed point");
    let sin = (&a * &x).sin();
    close(&gradient(f, &a).expect("a slope"), &(-(&sin * &x) / (1.0 + &a * &sin)), 1e-11);
    let grows = fixed_point(|x: &Tensor| x * 2.0 + 1.0, &Tensor::from(1.0));
    assert_eq!(grows.expect_err("it grows").kind(), ErrorKind::Numeric);
    let none = root(|x: &Tensor| x.square() + 1.0, &Tensor::from(0.3));
    assert_eq!(none.expect_err("no root").kind(), ErrorKind::Numeric);
}
