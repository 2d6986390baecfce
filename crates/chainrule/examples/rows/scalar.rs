//! Programs on single numbers, for the reverse tape: what a gradient costs beside the function.
//!
//! The LSTM of `lstm.rs` number by number, and the determinant of a matrix by Laplace's expansion,
//! as in GradBench.

use chainrule::Tensor;
use chainrule::scalar::{Number, ScalarFn, Tape, scalar_fn};

use crate::work::{Outcome, Row};

/// Units of a layer, layers, characters of the sequence.
const UNITS: usize = 14;
const LAYERS: usize = 2;
const LENGTH: usize = 256;

/// The loss for parameters `p`: for each layer four gates of weights and biases, then three rows
/// for the way in and out.
fn lstm<R: Number>(p: &[R]) -> R {
    let gate = |layer: usize, kind: usize, g: usize, j: usize| {
        p[(2 * layer + kind) * 4 * UNITS + g * UNITS + j]
    };
    let extra = |row: usize, j: usize| p[LAYERS * 8 * UNITS + row * UNITS + j];
    let sigmoid = |x: R| R::from(1.0) / (R::from(1.0) + (-x).exp());
    let character = |t: usize, j: usize| f64::from(u8::from((t * 7 + j * 5) % 11 < 4));
    let mut h = [[R::from(0.1); UNITS]; LAYERS];
    let mut c = [[R::from(-0.2); UNITS]; LAYERS];
    let mut total = R::from(0.0);
    for t in 0..LENGTH - 1 {
        let mut x: [R; UNITS] = std::array::from_fn(|j| extra(0, j) * character(t, j));
        for i in 0..LAYERS {
            for j in 0..UNITS {
                let sum = |g: usize, x: R| x * gate(i, 0, g, j) + gate(i, 1, g, j);
                let (forget, input) = (sigmoid(sum(0, x[j])), sigmoid(sum(1, h[i][j])));
                let (output, change) = (sigmoid(sum(2, x[j])), sum(3, h[i][j]).tanh());
                c[i][j] = c[i][j] * forget + input * change;
                h[i][j] = output * c[i][j].tanh();
            }
            x = h[i];
        }
        let y: [R; UNITS] = std::array::from_fn(|j| x[j] * extra(1, j) + extra(2, j));
        let norm = (y.iter().fold(R::from(0.0), |sum, y| sum + y.exp()) + 2.0).ln();
        for (j, &y) in y.iter().enumerate() {
            if character(t + 1, j) == 1.0 {
                total += y - norm;
            }
        }
    }
    total * (-1.0 / (UNITS * (LENGTH - 1)) as f64)
}

/// The determinant of the rows from `row` on, in the columns that are left.
fn minor<R: Number>(a: &[R], n: usize, row: usize, columns: &[usize]) -> R {
    if let [column] = columns {
        return a[row * n + column];
    }
    let mut sum = R::from(0.0);
    for (i, &column) in columns.iter().enumerate() {
        let mut rest = [0; 16];
        let others = columns.iter().filter(|&&c| c != column);
        rest.iter_mut().zip(others).for_each(|(to, &c)| *to = c);
        let term = a[row * n + column] * minor(a, n, row + 1, &rest[..columns.len() - 1]);
        sum = if i % 2 == 0 { sum + term } else { sum - term };
    }
    sum
}

fn determinant<R: Number>(a: &[R]) -> R {
    let n = a.len().isqrt();
    minor(a, n, 0, &(0..n).collect::<Vec<_>>())
}

/// A row whose run is the gradient, and whose primal is the function.
fn both(f: impl ScalarFn + Copy + 'static, p: Vec<f64>) -> Row {
    let (at, mut tape) = (p.clone(), Tape::new());
    let run = move || {
        let (y, g) = tape.value_and_gradient(|x| f.call(x), &at);
        named(&[("y", &[y]), ("grad", &g)])
    };
    Row { run: Box::new(run), primal: Box::new(move || named(&[("y", &[f.call(&p)])])) }
}

fn named(arrays: &[(&'static str, &[f64])]) -> Outcome {
    Ok(arrays.iter().map(|(n, x)| (*n, Tensor::from(*x))).collect())
}

fn numbers(n: usize, scale: f64) -> Vec<f64> {
    (0..n).map(|i| (i as f64 * 1.7).sin() * scale).collect()
}

/// The loss of the LSTM.
pub(crate) fn recurrent() -> Row {
    both(scalar_fn!(lstm), numbers(UNITS * (8 * LAYERS + 3), 0.5))
}

/// A determinant of 8 × 8.
pub(crate) fn expansion() -> Row {
    both(scalar_fn!(determinant), numbers(64, 1.0))
}
