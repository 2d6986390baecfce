//! The loss of a small LSTM on a sequence of characters, as ADBench defines it: gates without
//! mixing between units, so that every operation is on a handful of numbers, a thousand times over.

use chainrule::{Tensor, value_and_grad};

use crate::work::{Inputs, Row, results, row};

type Parameters = (Tensor, Tensor);

struct Sequence {
    /// One tensor a character.
    characters: Vec<Tensor>,
    state: Vec<(Tensor, Tensor)>,
}

impl Sequence {
    fn loss(&self, (main, extra): &Parameters) -> Tensor {
        let b = extra.shape()[1] as i64;
        let gates = |row: i64| [0, 1, 2, 3].map(|g| main.i((row, g * b..(g + 1) * b)));
        let layers: Vec<_> =
            (0..self.state.len() as i64).map(|i| (gates(2 * i), gates(2 * i + 1))).collect();
        let extra = [0, 1, 2].map(|row| extra.i(row));
        let mut state = self.state.clone();
        let mut total = Tensor::from(0.0);
        for pair in self.characters.windows(2) {
            let mut x = &pair[0] * &extra[0];
            for ((w, bias), (h, c)) in layers.iter().zip(&mut state) {
                let forget = (&x * &w[0] + &bias[0]).sigmoid();
                let input = (&*h * &w[1] + &bias[1]).sigmoid();
                let output = (&x * &w[2] + &bias[2]).sigmoid();
                let change = (&*h * &w[3] + &bias[3]).tanh();
                *c = &*c * forget + input * change;
                *h = output * c.tanh();
                x = h.clone();
            }
            let y = x * &extra[1] + &extra[2];
            let normal = &y - (y.exp().sum() + 2.0).ln();
            total = total + (&pair[1] * normal).sum();
        }
        total * (-1.0 / (b as f64 * (self.characters.len() - 1) as f64))
    }
}

fn parts(given: &Inputs<'_>) -> Result<(Sequence, Parameters), String> {
    let [main, extra, state, seq] = given.all(["main", "extra", "state", "seq"])?;
    let rows = |x: &Tensor| x.unbind(0).map_err(|e| e.to_string());
    let state = rows(&state)?.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
    Ok((Sequence { characters: rows(&seq)?, state }, (main, extra)))
}

/// The value.
pub(crate) fn objective(given: &Inputs<'_>) -> Result<Row, String> {
    let (sequence, at) = parts(given)?;
    row(move || results([("y", &sequence.loss(&at))]))
}

/// Value and gradient.
pub(crate) fn slope(given: &Inputs<'_>) -> Result<Row, String> {
    let (sequence, at) = parts(given)?;
    row(move || {
        let (y, g) = value_and_grad(|p: &Parameters| sequence.loss(p), &at)?;
        results([("y", &y), ("gmain", &g.0), ("gextra", &g.1)])
    })
}
