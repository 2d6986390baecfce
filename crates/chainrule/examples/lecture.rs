//! A lecture on calculus for deep learning, cell by cell: derivatives as limits, the blood-pressure
//! model, and automatic differentiation with `backward`, `detach` and `no_grad`.
//!
//! Each function is one cell; its text is what the cell prints. Run it with
//! `cargo run --example lecture`.

use std::fmt::Write;

use chainrule::prelude::*;

type Cell = (&'static str, fn() -> Result<String, Error>);

/// The cells, in the lecture's order.
pub(crate) const CELLS: &[Cell] = &[
    ("Recap: the data", data),
    ("Recap: a model with known parameters", model_cell),
    ("Recap: the loss", loss_cell),
    ("Functions: eight variables", eight_variables),
    ("Functions: f(x) = 3x² − 4x", function),
    ("Derivatives: the limit at x = 1", limits),
    ("Derivatives: f′(x) = 6x − 4", derivative),
    ("Automatic differentiation: y = 2xᵀx", forward),
    ("Automatic differentiation: backward", backward),
    ("Automatic differentiation: is it 4x?", comparison),
    ("Automatic differentiation: another function", sum),
    ("Automatic differentiation: y must be a scalar", not_a_scalar),
    ("Detaching: a constant", constant),
    ("Detaching: a sum that is a constant", detached),
    ("Detaching: a sum that is a function of x", attached),
    ("No gradients: the forward pass", without_gradients),
    ("No gradients: the backward pass", no_way_back),
];

fn main() -> Result<(), Error> {
    for (heading, cell) in CELLS {
        println!("── {heading}\n{}\n", cell()?);
    }
    Ok(())
}

// Three people: height, weight, age, hours of exercise; and their blood pressure.

fn inputs() -> Tensor {
    Tensor::from([[180.0, 89.0, 35.0, 1.0], [160.0, 49.0, 40.0, 4.0], [179.0, 69.0, 20.0, 2.0]])
}

fn truth() -> Tensor {
    Tensor::from([[160.0], [130.0], [110.0]])
}

fn data() -> Result<String, Error> {
    Ok(format!("X\n{}\nY\n{}", inputs(), truth()))
}

fn model(w: &Tensor, x: &Tensor) -> Tensor {
    w.i(0) * x.i(0) + w.i(1) * x.i(1) + w.i(2) * x.i(2) + w.i(3) * x.i(3)
}

fn prediction() -> Tensor {
    let w = Tensor::from([0.3, 0.8, -0.4, 10.0]);
    model(&w, &inputs().i(0))
}

fn model_cell() -> Result<String, Error> {
    Ok(format!("{}", prediction().item::<f64>()?))
}

fn loss(y: &Tensor, y_hat: &Tensor) -> Tensor {
    (y - y_hat).powi(2)
}

fn loss_cell() -> Result<String, Error> {
    let y0 = truth().i((0, 0));
    Ok(format!("{}", loss(&y0, &prediction()).item::<f64>()?))
}

fn eight_variables() -> Result<String, Error> {
    let w = Tensor::from([1.0, 2.0, 3.0, 4.0]);
    let x = Tensor::from([5.0, 6.0, 7.0, 8.0]);
    Ok(format!("y = {}", model(&w, &x).item::<f64>()?))
}

// One variable: a function, its limit of differences, its derivative.

fn f(x: &Tensor) -> Tensor {
    3.0 * x.powi(2) - 4.0 * x
}

/// A curve's two axes, each as a line: how many numbers, the first few, and the range.
fn curve(x: &Tensor, y: &Tensor) -> Result<String, Error> {
    let line = |name: &str, v: &Tensor| -> Result<String, Error> {
        let (low, high) = (v.min().item::<f64>()?, v.max().item::<f64>()?);
        let first = v.i(..3).to_vec::<f64>()?;
        let [a, b, c] = [first[0], first[1], first[2]];
        let n = v.len();
        Ok(format!("{name}: {n} numbers, {a:.2}, {b:.2}, {c:.2}, …; {low:.2} to {high:.2}"))
    };
    Ok(format!("{}\n{}", line("x", x)?, line("y", y)?))
}

fn function() -> Result<String, Error> {
    let x = Tensor::arange(-5.0, 5.0, 0.1);
    let y = f(&x);
    curve(&x, &y)
}

fn numerical_lim(f: fn(&Tensor) -> Tensor, x: f64, h: f64) -> Tensor {
    (f(&Tensor::from(x + h)) - f(&Tensor::from(x))) / h
}

fn limits() -> Result<String, Error> {
    let mut rows = String::new();
    let mut h = 0.1;
    for _ in 0..5 {
        let limit = numerical_lim(f, 1.0, h).item::<f64>()?;
        let _ = writeln!(rows, "h={h:.5}, numerical limit={limit:.5}");
        h *= 0.1;
    }
    Ok(rows.trim_end().into())
}

/// The derivative on the same axis twice: by the rules, and by this library.
fn derivative() -> Result<String, Error> {
    let f_prime = |x: &Tensor| 6.0 * x - 4.0;
    let x = Tensor::arange(-5.0, 5.0, 0.1).requires_grad();
    f(&x).sum().backward()?;
    let error = (gradient(&x)? - f_prime(&x)).abs().max().item::<f64>()?;
    let agree = if error < 1e-12 { "agrees" } else { "does not agree" };
    Ok(format!("{}\nthe gradient of f {agree} with 6x − 4", curve(&x, &f_prime(&x))?))
}

// Automatic differentiation.

/// x = [0, 1, 2, 3], of which gradients can be asked for.
fn leaf() -> Tensor {
    Tensor::arange(0.0, 4.0, 1.0).requires_grad()
}

/// What `backward` has gathered in `x`.
fn gradient(x: &Tensor) -> Result<Tensor, Error> {
    Ok(x.grad().unwrap_or_else(|| x.zeros_like()))
}

fn forward() -> Result<String, Error> {
    let x = leaf();
    let none = x.grad().map_or("None".to_string(), |g| g.to_string());
    let y = 2.0 * x.dot(&x);
    Ok(format!("{x}\n{none}\n{y}"))
}

fn backward() -> Result<String, Error> {
    let x = leaf();
    let y = 2.0 * x.dot(&x);
    y.backward()?;
    Ok(gradient(&x)?.to_string())
}

fn comparison() -> Result<String, Error> {
    let x = leaf();
    let y = 2.0 * x.dot(&x);
    y.backward()?;
    Ok(gradient(&x)?.eq(4.0 * &x).to_string())
}

fn sum() -> Result<String, Error> {
    let x = leaf();
    (2.0 * x.dot(&x)).backward()?;
    x.zero_grad(); // gradients add up: forget those of the function before
    let y = x.sum();
    y.backward()?;
    Ok(gradient(&x)?.to_string())
}

fn not_a_scalar() -> Result<String, Error> {
    let x = leaf();
    let y = &x * &x;
    Ok(refused(y.backward()))
}

fn constant() -> Result<String, Error> {
    let x = leaf();
    let f = 2.0 * x.dot(&x);
    let a = 2.0;
    let g = (f - a).powi(2);
    g.backward()?;
    Ok(gradient(&x)?.to_string())
}

fn detached() -> Result<String, Error> {
    let x = leaf();
    let f = 2.0 * x.dot(&x);
    let a = x.sum().detach(); // as good as 6.0
    let g = (f - a).powi(2);
    g.backward()?;
    Ok(gradient(&x)?.to_string())
}

fn attached() -> Result<String, Error> {
    let x = leaf();
    let f = 2.0 * x.dot(&x);
    let a = x.sum();
    let g = (f - a).powi(2);
    g.backward()?;
    Ok(gradient(&x)?.to_string())
}

fn without_gradients() -> Result<String, Error> {
    let x = leaf();
    let f = no_grad(|| 2.0 * x.dot(&x));
    Ok(f.to_string())
}

fn no_way_back() -> Result<String, Error> {
    let x = leaf();
    let f = no_grad(|| 2.0 * x.dot(&x));
    Ok(refused(f.backward()))
}

/// The text of an error that the lecture expects.
fn refused(outcome: Result<(), Error>) -> String {
    match outcome {
        Ok(()) => "no error".into(),
        Err(error) => error.to_string(),
    }
}
