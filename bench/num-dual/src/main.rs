//! The worker of num-dual: forward mode by dual numbers, so only the rows about few numbers.

use std::hint::black_box;

use bench_common::{Array, Engine, Inputs, Result, Row, prepare, serve};
use nalgebra::SVector;
use num_dual::{DualSVec32, first_derivative, gradient};

struct NumDual;

impl Engine for NumDual {
    const NAME: &'static str = "num-dual 0.15.1";

    fn row(name: &str, _: &Inputs) -> Result<Row> {
        match name {
            "1" => Ok(square()),
            "2" => Ok(chain()),
            _ => Err("no arrays and no reverse mode".into()),
        }
    }
}

/// 2 x·x
fn square() -> Row {
    let run = || {
        let x = SVector::from(black_box([0f32, 1.0, 2.0, 3.0]));
        Ok(gradient(|x: SVector<DualSVec32<4>, 4>| x.dot(&x) * 2.0, &x))
    };
    Row::new(["y", "grad"], run, |(y, grad)| {
        Ok([Array::new(&[], &[y]), Array::new(&[4], grad.as_slice())])
    })
}

fn chain() -> Row {
    let run = || {
        let steps = |z| (0..1000).fold(z, |z, _| z * 1.0001 + 0.5);
        Ok(first_derivative(steps, black_box(1f32)))
    };
    Row::new(["z", "grad"], run, |(z, grad)| Ok([Array::new(&[], &[z]), Array::new(&[], &[grad])]))
}

fn main() -> Result<()> {
    prepare()?;
    serve::<NumDual>()
}
