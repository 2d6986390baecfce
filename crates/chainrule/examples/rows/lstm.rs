//! The loss of a small LSTM on a sequence of characters, as ADBench defines it: gates without
//! mixing between units, so that every operation is on a handful of numbers, a thousand times over.
//!
//! [`Sequence::loss`] is how one would write it for speed, and as the other engines' rows are:
//! gates that see only a layer's input are computed for the whole sequence, the rest is a `scan`.
//! [`Sequence::loop_loss`] is the plain loop, each step of which is recorded.

use chainrule::{Error, Tensor, scan, value_and_grad};

use crate::work::{Inputs, Outcome, Row, results, row};

type Parameters = (Tensor, Tensor);

struct Sequence {
    /// The characters, a row each.
    inputs: Tensor,
    /// Those that follow them.
    targets: Tensor,
    /// Of each layer.
    state: Vec<(Tensor, Tensor)>,
}

/// The scale of the inputs, and the weights and bias of the prediction.
fn around(extra: &Tensor) -> [Tensor; 3] {
    [0, 1, 2].map(|row| extra.i(row))
}

impl Sequence {
    /// Weights and biases of the gates that a layer has: forget, input, output, change.
    fn gates(&self, main: &Tensor, layer: usize) -> [Parameters; 4] {
        let (b, weights) = (self.inputs.shape()[1] as i64, 2 * layer as i64);
        [0, 1, 2, 3].map(|gate| {
            let part = gate * b..(gate + 1) * b;
            (main.i((weights, part.clone())), main.i((weights + 1, part)))
        })
    }

    fn loss(&self, (main, extra): &Parameters) -> Result<Tensor, Error> {
        let [scale, weight, bias] = around(extra);
        let mut x = &self.inputs * scale;
        for (i, start) in self.state.iter().enumerate() {
            let [forget, input, output, change] = self.gates(main, i);
            let [forget, output] = [forget, output].map(|(w, b)| (&x * w + b).sigmoid());
            let step = |(h, c): &Parameters, (forget, output): &Parameters| {
                let [input, change] = [&input, &change].map(|(w, b)| h * w + b);
                let c = c * forget + input.sigmoid() * change.tanh();
                let h = output * c.tanh();
                ((h.clone(), c), h)
            };
            x = scan(step, start, &(forget, output))?.1;
        }
        let y = x * weight + bias;
        let normal = &y - (y.exp().sum_axis(1, true) + 2.0).ln();
        Ok((&self.targets * normal).sum() * self.scale())
    }

    fn loop_loss(&self, (main, extra): &Parameters) -> Result<Tensor, Error> {
        let layers: Vec<_> = (0..self.state.len()).map(|i| self.gates(main, i)).collect();
        let [scale, weight, bias] = around(extra);
        let mut state = self.state.clone();
        let mut total = Tensor::from(0.0);
        for (x, target) in self.inputs.unbind(0)?.iter().zip(self.targets.unbind(0)?) {
            let mut x = x * &scale;
            for ([forget, input, output, change], (h, c)) in layers.iter().zip(&mut state) {
                let forget = (&x * &forget.0 + &forget.1).sigmoid();
                let input = (&*h * &input.0 + &input.1).sigmoid();
                let output = (&x * &output.0 + &output.1).sigmoid();
                let change = (&*h * &change.0 + &change.1).tanh();
                *c = &*c * forget + input * change;
                *h = output * c.tanh();
                x = h.clone();
            }
            let y = x * &weight + &bias;
            let normal = &y - (y.exp().sum() + 2.0).ln();
            total = total + (target * normal).sum();
        }
        Ok(total * self.scale())
    }

    /// Minus one over the number of characters' bits.
    fn scale(&self) -> f64 {
        -1.0 / self.inputs.len() as f64
    }
}

fn parts(given: &Inputs<'_>) -> Result<(Sequence, Parameters), String> {
    let [main, extra, state, seq] = given.all(["main", "extra", "state", "seq"])?;
    let rows = state.unbind(0).map_err(|e| e.to_string())?;
    let state = rows.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
    Ok((Sequence { inputs: seq.i(..-1), targets: seq.i(1..), state }, (main, extra)))
}

/// The value, with the graph that its gradient would need.
pub(crate) fn objective(given: &Inputs<'_>) -> Result<Row, String> {
    let (sequence, (main, extra)) = parts(given)?;
    let at = (main.requires_grad(), extra.requires_grad());
    row(move || results([("y", &sequence.loss(&at)?)]))
}

/// Value and gradient.
pub(crate) fn slope(given: &Inputs<'_>) -> Result<Row, String> {
    sloped(given, Sequence::loss)
}

/// The same of the plain loop.
pub(crate) fn loop_slope(given: &Inputs<'_>) -> Result<Row, String> {
    sloped(given, Sequence::loop_loss)
}

fn sloped(
    given: &Inputs<'_>,
    loss: fn(&Sequence, &Parameters) -> Result<Tensor, Error>,
) -> Result<Row, String> {
    let (sequence, at) = parts(given)?;
    let run = move || -> Outcome {
        let (y, g) = value_and_grad(|p: &Parameters| loss(&sequence, p), &at)?;
        results([("y", &y), ("gmain", &g.0), ("gextra", &g.1)])
    };
    row(run)
}
