//! The rules of differentiation that the lecture states, each proved in numbers: both sides are
//! computed, the derivatives by this library or by central differences, and compared.

use chainrule::prelude::*;

type Function = (&'static str, fn(&Tensor) -> Tensor);

/// Where functions of one variable are compared; all are positive, for powers and logarithms.
const POINTS: [f64; 5] = [0.2, 0.7, 1.0, 1.9, 3.4];

/// Functions that are smooth and not 0 at the points.
const FUNCTIONS: &[Function] = &[
    ("x", |x| x.clone()),
    ("3x² − 4x + 2", |x| 3.0 * x.powi(2) - 4.0 * x + 2.0),
    ("eˣ", Tensor::exp),
    ("ln x + 3", |x| x.ln() + 3.0),
    ("√x", Tensor::sqrt),
    ("2 + sin x", |x| x.sin() + 2.0),
    ("1/(1 + x)", |x| (x + 1.0).recip()),
];

/// df/dx at x.
fn d(f: impl Fn(&Tensor) -> Tensor, x: f64) -> f64 {
    let x = Tensor::from(x).requires_grad();
    let y = f(&x);
    if !y.tracks_grad() {
        return 0.0; // f is a constant
    }
    grad(&y, &[&x]).unwrap()[0].item().unwrap()
}

/// f at x.
fn at(f: impl Fn(&Tensor) -> Tensor, x: f64) -> f64 {
    f(&Tensor::from(x)).item().unwrap()
}

/// The gradient of a function of a vector by central differences of step h. For a function with
/// third derivatives of size 1 they are off by h²/6 and, from rounding, by about 10⁻¹⁶/h.
fn partials(f: impl Fn(&Tensor) -> Tensor, x: &[f64]) -> Vec<f64> {
    let h = 1e-5;
    let moved = |i: usize, by: f64| {
        let mut x = x.to_vec();
        x[i] += by;
        f(&Tensor::from(x)).item::<f64>().unwrap()
    };
    (0..x.len()).map(|i| (moved(i, h) - moved(i, -h)) / (2.0 * h)).collect()
}

/// Numbers from the library against numbers from a formula: only rounding stands between them.
#[track_caller]
fn same(name: &str, x: f64, left: f64, right: f64) {
    close(name, x, left, right, 1e-13);
}

#[track_caller]
fn close(name: &str, x: f64, left: f64, right: f64, tolerance: f64) {
    let error = (left - right).abs() / right.abs().max(1.0);
    assert!(error <= tolerance, "{name} at {x}: {left} and {right}");
}

#[track_caller]
fn all_close(name: &str, left: &[f64], right: &[f64], tolerance: f64) {
    assert_eq!(left.len(), right.len(), "{name}");
    for (i, (&l, &r)) in left.iter().zip(right).enumerate() {
        close(name, i as f64, l, r, tolerance);
    }
}

// Differentiation rules.

#[test]
fn the_derivative_is_the_limit_of_difference_quotients() {
    for (name, f) in FUNCTIONS {
        for x in POINTS {
            let quotients = partials(|x| f(&x.i(0)), &[x]);
            close(name, x, d(f, x), quotients[0], 1e-8);
        }
    }
}

#[test]
fn a_constant_has_derivative_0() {
    for x in POINTS {
        same("5", x, d(|_| Tensor::from(5.0), x), 0.0);
        same("5 + 0x", x, d(|x| 0.0 * x + 5.0, x), 0.0);
    }
}

#[test]
fn the_power_rule() {
    for n in [-3.0, -1.0, -0.5, 0.0, 1.0 / 3.0, 0.5, 1.0, 2.0, 2.5, 7.0, std::f64::consts::PI] {
        for x in POINTS {
            let name = format!("x^{n}");
            let slope: f64 = n * x.powf(n - 1.0);
            same(&name, x, d(|x| x.powf(n), x), slope);
            if n.fract() == 0.0 {
                same(&name, x, d(|x| x.powi(n as i32), x), slope);
                // For whole n negative x will do as well.
                let slope = n * (-x).powi(n as i32 - 1);
                same(&name, -x, d(|x| x.powi(n as i32), -x), slope);
            }
        }
    }
}

#[test]
fn exponential_and_logarithm() {
    for x in POINTS {
        same("eˣ", x, d(Tensor::exp, x), x.exp());
        same("eˣ", -x, d(Tensor::exp, -x), (-x).exp());
        same("ln x", x, d(Tensor::ln, x), 1.0 / x);
    }
}

#[test]
fn the_constant_multiple_rule() {
    for (name, f) in FUNCTIONS {
        for (x, c) in POINTS.into_iter().zip([-2.0, 0.0, 0.5, 3.0, 1e6]) {
            same(name, x, d(|x| c * f(x), x), c * d(f, x));
        }
    }
}

/// Calls `check` with all pairs of functions at all points.
fn pairs(check: impl Fn(&str, Function, Function, f64)) {
    for &f in FUNCTIONS {
        for &g in FUNCTIONS {
            POINTS.iter().for_each(|&x| check(&format!("{} and {}", f.0, g.0), f, g, x));
        }
    }
}

#[test]
fn the_sum_rule() {
    pairs(|name, (_, f), (_, g), x| same(name, x, d(|x| f(x) + g(x), x), d(f, x) + d(g, x)));
}

#[test]
fn the_product_rule() {
    pairs(|name, (_, f), (_, g), x| {
        let rule = at(f, x) * d(g, x) + at(g, x) * d(f, x);
        same(name, x, d(|x| f(x) * g(x), x), rule);
    });
}

#[test]
fn the_quotient_rule() {
    pairs(|name, (_, f), (_, g), x| {
        let rule = (at(g, x) * d(f, x) - at(f, x) * d(g, x)) / at(g, x).powi(2);
        same(name, x, d(|x| f(x) / g(x), x), rule);
    });
}

#[test]
fn the_rules_together_give_6x_minus_4() {
    let f = |x: &Tensor| 3.0 * x.powi(2) - 4.0 * x;
    same("3x² − 4x", 1.0, d(f, 1.0), 2.0);
    for x in [-5.0, 0.0, 1.0, 10.0] {
        let rules = 3.0 * d(|x| x.powi(2), x) - 4.0 * d(Tensor::clone, x);
        same("3x² − 4x", x, d(f, x), rules);
        same("3x² − 4x", x, rules, 6.0 * x - 4.0);
    }
}

#[test]
fn the_tangent_touches_the_curve() {
    let f = |x: &Tensor| 3.0 * x.powi(2) - 4.0 * x;
    let tangent = |x: f64| d(f, 1.0) * (x - 1.0) + at(f, 1.0);
    same("2x − 3", 0.0, tangent(0.0), -3.0);
    for h in [1e-1, 1e-2, 1e-3] {
        // What is left between them is the 3h² of the parabola.
        close("distance", h, at(f, 1.0 + h) - tangent(1.0 + h), 3.0 * h * h, 1e-14);
    }
}

// Partial derivatives and gradients.

/// The gradient as a vector of partial derivatives, by this library.
fn gradient(f: impl Fn(&Tensor) -> Tensor, x: &[f64]) -> Vec<f64> {
    let x = Tensor::from(x).requires_grad();
    let g = grad(&f(&x), &[&x]).unwrap();
    assert_eq!(g[0].shape(), x.shape());
    g[0].to_vec().unwrap()
}

#[test]
fn the_gradient_is_the_vector_of_partial_derivatives() {
    let x = [0.4, -1.3, 2.2, 0.9];
    let functions: [Function; 5] = [
        ("w·x", |x| x.dot(&Tensor::from([0.3, 0.8, -0.4, 10.0]))),
        ("x₀ x₁ + sin x₂ + e^(x₃ x₀)", |x| {
            x.i(0) * x.i(1) + x.i(2).sin() + (x.i(3) * x.i(0)).exp()
        }),
        ("ln Σ eˣ", |x| x.logsumexp(0, false)),
        ("|x|", Tensor::norm),
        ("Π (x + 3)", |x| (x + 3.0).prod()),
    ];
    for (name, f) in functions {
        all_close(name, &gradient(f, &x), &partials(f, &x), 1e-8);
    }
}

#[test]
fn a_partial_derivative_treats_the_other_variables_as_constants() {
    let y = |x: &[Tensor]| &x[0] * x[1].exp() + (&x[1] * &x[2]).sin();
    let at = [0.7, -0.2, 1.5];
    let whole = gradient(|x| y(&[x.i(0), x.i(1), x.i(2)]), &at);
    for i in 0..3 {
        let alone = |x: &Tensor| {
            let variables: Vec<Tensor> =
                (0..3).map(|j| if i == j { x.clone() } else { Tensor::from(at[j]) }).collect();
            y(&variables)
        };
        same("y", at[i], whole[i], d(alone, at[i]));
    }
}

// Commonly used multivariate functions. A gradient with several components of y is laid out as in
// the lecture: row i belongs to xᵢ, column j to yⱼ, so that ∇Ax is Aᵀ.

fn matrix() -> Tensor {
    Tensor::from([[1.0, -2.0, 0.5], [0.0, 3.0, 4.0]])
}

/// ∇y, a column for each component of y.
fn layout(f: impl Fn(&Tensor) -> Tensor, x: &Tensor) -> Tensor {
    let x = x.clone().requires_grad();
    let columns: Vec<Tensor> =
        f(&x).unbind(0).unwrap().iter().map(|y| grad(y, &[&x]).unwrap().remove(0)).collect();
    stack(&columns.iter().collect::<Vec<_>>(), 1).unwrap()
}

#[track_caller]
fn equal(left: &Tensor, right: &Tensor) {
    assert_eq!(left.shape(), right.shape());
    let (l, r): (Vec<f64>, Vec<f64>) = (left.to_vec().unwrap(), right.to_vec().unwrap());
    all_close("", &l, &r, 1e-14);
}

#[test]
fn the_gradient_of_a_x_is_a_transposed() {
    let a = matrix();
    let x = Tensor::from([0.3, -1.0, 2.0]);
    equal(&layout(|x| a.matmul(x), &x), &a.t());
}

#[test]
fn the_gradient_of_x_transposed_a_is_a() {
    let a = matrix();
    let x = Tensor::from([0.3, -1.0]);
    equal(&layout(|x| x.matmul(&a), &x), &a);
}

#[test]
fn the_gradient_of_a_quadratic_form() {
    let a = Tensor::from([[1.0, -2.0, 0.5], [0.0, 3.0, 4.0], [7.0, 0.25, -1.0]]);
    let x = Tensor::from([0.3, -1.0, 2.0]).requires_grad();
    let y = x.dot(&a.matmul(&x));
    equal(&grad(&y, &[&x]).unwrap()[0], &(&a + a.t()).matmul(&x));
    // The same with a matrix that is its own transpose: 2Ax.
    let s = &a + a.t();
    let y = einsum("i,ij,j->", &[&x, &s, &x]).unwrap();
    equal(&grad(&y, &[&x]).unwrap()[0], &(2.0 * s.matmul(&x)));
}

#[test]
fn the_gradient_of_the_squared_norm() {
    let x = Tensor::from([0.3, -1.0, 2.0]).requires_grad();
    for y in [x.norm().square(), x.dot(&x), x.square().sum()] {
        equal(&grad(&y, &[&x]).unwrap()[0], &(2.0 * &x));
    }
}

// The chain rule.

#[test]
fn the_chain_rule_of_one_variable() {
    for (outer, f) in FUNCTIONS {
        for (inner, g) in FUNCTIONS {
            for x in POINTS {
                let u = at(g, x);
                if u <= 0.0 {
                    continue; // √ and ln want positive numbers
                }
                let name = format!("{outer} of {inner}");
                same(&name, x, d(|x| f(&g(x)), x), d(f, u) * d(g, x));
            }
        }
    }
}

/// u(x), three functions of two variables.
fn inner(x: &Tensor) -> [Tensor; 3] {
    let (a, b) = (x.i(0), x.i(1));
    [&a * &b, a.sin() + b.square(), (a - &b).exp()]
}

/// y(u), a function of three variables.
fn outer(u: &[Tensor; 3]) -> Tensor {
    &u[0] * u[1].tanh() + u[2].square() / (u[0].square() + 1.0)
}

#[test]
fn the_chain_rule_of_many_variables() {
    let point = [0.8, -0.5];
    let whole = gradient(|x| outer(&inner(x)), &point);

    // ∂y/∂uⱼ, at u(x), with u as variables of their own.
    let u = inner(&Tensor::from(point)).map(|u| u.detach().requires_grad());
    let dy: Vec<f64> = grad(&outer(&u), &[&u[0], &u[1], &u[2]])
        .unwrap()
        .iter()
        .map(|g| g.item().unwrap())
        .collect();
    // ∂uⱼ/∂xᵢ, row by row.
    let du: Vec<Vec<f64>> = (0..3).map(|j| gradient(|x| inner(x)[j].clone(), &point)).collect();

    let sums: Vec<f64> = (0..2).map(|i| (0..3).map(|j| dy[j] * du[j][i]).sum()).collect();
    all_close("Σ dy/du du/dx", &whole, &sums, 1e-14);
    all_close("differences", &whole, &partials(|x| outer(&inner(x)), &point), 1e-8);
}

#[test]
fn the_chain_rule_goes_on_through_many_layers() {
    // tanh of tanh of … of x, whose derivative is the product of 1 − y² over the layers.
    for x in POINTS {
        let (mut y, mut product) = (x, 1.0);
        for _ in 0..20 {
            y = y.tanh();
            product *= 1.0 - y * y;
        }
        let composite = |x: &Tensor| (0..20).fold(x.clone(), |y, _| y.tanh());
        same("tanh ∘ … ∘ tanh", x, d(composite, x), product);
    }
}
