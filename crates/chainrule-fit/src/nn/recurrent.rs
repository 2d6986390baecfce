//! Recurrent layers: networks that read a sequence and keep a state.
//!
//! ```text
//! Rnn    h ← φ(W x + b + U h + c)                                     φ tanh or relu; Elman 1990
//! Lstm   i, f, o = σ(…), g = tanh(…) of the four parts of W x + b + U h + c
//!        c ← f c + i g,  h ← o tanh c                     Hochreiter & Schmidhuber 1997; Gers 2000
//! Gru    r, z = σ(…) of the first two parts of W x + b + U h + c
//!        n = tanh(W x + b + r (U h + c)) of the third
//!        h ← (1 − z) n + z h                                                       Cho et al. 2014
//! ```
//!
//! All gates are one product: W x for all steps at once, U h once a step. Steps are recorded one
//! after the other (a step is one product and one fused kernel; the plan is cached by the length of
//! the sequence), and nothing is cut: derivatives go back through all of them.
//!
//! ```
//! use chainrule_core::Tensor;
//! use chainrule_fit::nn::{Cell, Recurrent, RecurrentOptions};
//! let options = RecurrentOptions { batch_first: true, layers: 2, ..RecurrentOptions::default() };
//! let lstm = Recurrent::with(Cell::Lstm, 3, 5, options);
//! let (output, last) = lstm.run(&Tensor::ones([4, 7, 3]), None)?;
//! assert_eq!(output.shape(), [4, 7, 5]);
//! assert_eq!(last.hidden.shape(), [2, 4, 5]);
//! # Ok::<(), chainrule_fit::Error>(())
//! ```
//!
//! Names and shapes of parameters are torch's (`weight_ih_l0`, `bias_hh_l1_reverse`, …), initial
//! values uniform on ±1/√hidden. Not here: projections of the state, packed sequences (mask the
//! loss instead).

use chainrule_core::{Tensor, cat, stack};

use super::basic::{Dropout, affine};
use super::init;
use super::layer::{Layer, tell};
use super::module::{List, Module};
use crate::error::{Result, fail};

/// What a recurrent layer does in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// tanh(W x + b + U h + c).
    Rnn,
    /// relu(W x + b + U h + c).
    RnnRelu,
    /// Long short-term memory.
    Lstm,
    /// The gated recurrent unit.
    Gru,
}

impl Cell {
    /// The number of vectors that W x and U h consist of.
    fn gates(self) -> usize {
        match self {
            Cell::Rnn | Cell::RnnRelu => 1,
            Cell::Gru => 3,
            Cell::Lstm => 4,
        }
    }
}

/// The options of a recurrent layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RecurrentOptions {
    /// Layers above each other.
    pub layers: usize,
    /// Whether there are b and c.
    pub bias: bool,
    /// Whether inputs and outputs are \[batch, steps, …\] instead of \[steps, batch, …\].
    pub batch_first: bool,
    /// Whether a second set of parameters reads the sequence backwards.
    pub bidirectional: bool,
    /// The probability of dropout between layers.
    pub dropout: f64,
}

impl Default for RecurrentOptions {
    /// One layer, biases, steps first, one direction, no dropout.
    fn default() -> RecurrentOptions {
        RecurrentOptions {
            layers: 1,
            bias: true,
            batch_first: false,
            bidirectional: false,
            dropout: 0.0,
        }
    }
}

/// The parameters of one layer in one direction.
#[derive(Clone, Debug)]
pub struct Weights {
    /// W, \[gates · hidden, inputs\].
    pub ih: Tensor,
    /// U, \[gates · hidden, hidden\].
    pub hh: Tensor,
    /// b and c, \[gates · hidden\] each.
    pub bias: Option<(Tensor, Tensor)>,
}

/// States after the last step, \[layers · directions, batch, hidden\].
#[derive(Clone, Debug)]
pub struct State {
    /// h.
    pub hidden: Tensor,
    /// c, of an LSTM.
    pub cell: Option<Tensor>,
}

/// An RNN, LSTM or GRU of one layer or several.
#[derive(Clone, Debug)]
pub struct Recurrent {
    /// What a step does.
    pub cell: Cell,
    /// How layers are put together.
    pub options: RecurrentOptions,
    /// For each layer, the direction forwards, and backwards if there is that.
    pub weights: Vec<Weights>,
    dropout: Dropout,
    hidden: usize,
}

impl Recurrent {
    /// One layer from vectors of `inputs` numbers to states of `hidden`.
    pub fn new(cell: Cell, inputs: usize, hidden: usize) -> Recurrent {
        Recurrent::with(cell, inputs, hidden, RecurrentOptions::default())
    }

    /// With options.
    pub fn with(cell: Cell, inputs: usize, hidden: usize, options: RecurrentOptions) -> Recurrent {
        let bound = 1.0 / (hidden.max(1) as f64).sqrt();
        let wide = cell.gates() * hidden;
        let directions = 1 + usize::from(options.bidirectional);
        let mut weights = vec![];
        for layer in 0..options.layers {
            let inputs = if layer == 0 { inputs } else { hidden * directions };
            for _ in 0..directions {
                let draw = |shape: &[usize]| init::uniform(shape, bound);
                weights.push(Weights {
                    ih: draw(&[wide, inputs]),
                    hh: draw(&[wide, hidden]),
                    bias: options.bias.then(|| (draw(&[wide]), draw(&[wide]))),
                });
            }
        }
        let dropout = Dropout::new(options.dropout);
        Recurrent { cell, options, weights, dropout, hidden }
    }

    /// The parts of the last axis, one for each gate. They are cut once from each tensor, so that
    /// their cotangents are joined again in one piece.
    fn gates(&self, x: &Tensor) -> Result<Vec<Tensor>> {
        let n = self.hidden;
        let cut = |k: usize| Ok(x.try_slice(-1, k * n..(k + 1) * n)?);
        (0..self.cell.gates()).map(cut).collect()
    }

    fn directions(&self) -> usize {
        1 + usize::from(self.options.bidirectional)
    }

    /// All states of the last layer, forwards and backwards side by side, and the last states of
    /// all layers. `x` is \[steps, batch, inputs\], or as the options say; the batch may be
    /// missing. Without an initial state it is zero.
    ///
    /// # Errors
    /// If shapes do not fit, or the sequence is empty.
    pub fn run(&self, x: &Tensor, initial: Option<&State>) -> Result<(Tensor, State)> {
        let inputs = self.weights.first().map_or(0, |w| w.ih.shape()[1]);
        let single = x.rank() == 2;
        if !(2..=3).contains(&x.rank()) || x.shape().last() != Some(&inputs) || x.len() == 0 {
            fail!(
                "a recurrent layer of {inputs} inputs got a tensor of shape {:?}; it takes {} \
                 of at least one step",
                x.shape(),
                if self.options.batch_first {
                    "[batch, steps, inputs]"
                } else {
                    "[steps, batch, inputs]"
                }
            );
        }
        let x = match (single, self.options.batch_first) {
            (true, _) => x.try_unsqueeze(1)?,
            (false, true) => x.try_transpose(0, 1)?,
            (false, false) => x.clone(),
        };
        let start = self.start(&x, initial, single)?;
        let (mut y, mut ends) = (x, vec![]);
        for layer in 0..self.options.layers {
            if layer > 0 {
                y = self.dropout.drop(&y)?;
            }
            let mut sides = vec![];
            for direction in 0..self.directions() {
                let k = layer * self.directions() + direction;
                let (states, end) = self.pass(&y, &self.weights[k], &start[k], direction == 1)?;
                sides.push(states);
                ends.push(end);
            }
            y = match &sides[..] {
                [one] => one.clone(),
                both => cat(&both.iter().collect::<Vec<_>>(), -1)?,
            };
        }
        let together = |list: Vec<&Tensor>| -> Result<Tensor> {
            let all = stack(&list, 0)?;
            Ok(if single { all.try_squeeze(1)? } else { all })
        };
        let hidden = together(ends.iter().map(|e| &e.0).collect())?;
        let cells: Option<Vec<&Tensor>> = ends.iter().map(|e| e.1.as_ref()).collect();
        let y = match (single, self.options.batch_first) {
            (true, _) => y.try_squeeze(1)?,
            (false, true) => y.try_transpose(0, 1)?,
            (false, false) => y,
        };
        Ok((y, State { hidden, cell: cells.map(together).transpose()? }))
    }

    /// The states before the first step, for each layer and direction: h, and c of an LSTM.
    fn start(
        &self,
        x: &Tensor,
        initial: Option<&State>,
        single: bool,
    ) -> Result<Vec<(Tensor, Option<Tensor>)>> {
        let (count, batch) = (self.weights.len(), x.shape()[1]);
        let lstm = self.cell == Cell::Lstm;
        let Some(initial) = initial else {
            let zero = Tensor::zeros_of([batch, self.hidden], x.dtype());
            return Ok(vec![(zero.clone(), lstm.then_some(zero)); count]);
        };
        let wanted = [count, batch, self.hidden];
        let of = |t: &Tensor| -> Result<Tensor> {
            let t = if single && t.rank() == 2 { t.try_unsqueeze(1)? } else { t.clone() };
            if t.shape() != wanted {
                fail!("an initial state has shape {:?} instead of {wanted:?}", t.shape());
            }
            Ok(t)
        };
        let hidden = of(&initial.hidden)?.unbind(0)?;
        if !lstm {
            return Ok(hidden.into_iter().map(|h| (h, None)).collect());
        }
        let Some(cell) = &initial.cell else { fail!("an LSTM's initial state needs a cell state") };
        let cell = of(cell)?.unbind(0)?;
        Ok(hidden.into_iter().zip(cell.into_iter().map(Some)).collect())
    }

    /// All states of one layer in one direction, \[steps, batch, hidden\], and the last.
    fn pass(
        &self,
        x: &Tensor,
        weights: &Weights,
        start: &(Tensor, Option<Tensor>),
        backwards: bool,
    ) -> Result<(Tensor, (Tensor, Option<Tensor>))> {
        let steps = x.shape()[0];
        // A GRU's second bias is inside a product with a gate.
        let (outside, inside) = match (&weights.bias, self.cell) {
            (None, _) => (None, None),
            (Some((b, c)), Cell::Gru) => (Some(b.clone()), Some(c)),
            (Some((b, c)), _) => (Some(b + c), None),
        };
        let given = affine(x, &weights.ih, outside.as_ref())?.unbind(0)?;
        let inside = inside.map(|bias| self.gates(bias)).transpose()?;
        let recurrent = weights.hh.t();
        let (mut h, mut c) = start.clone();
        let mut states = Vec::with_capacity(steps);
        for step in 0..steps {
            let step = if backwards { steps - 1 - step } else { step };
            let given = self.gates(&given[step])?;
            let mut own = self.gates(&h.try_matmul(&recurrent)?)?;
            for (own, bias) in own.iter_mut().zip(inside.iter().flatten()) {
                *own = &*own + bias;
            }
            (h, c) = next(self.cell, &given, &own, &h, c.as_ref())?;
            states.push(h.clone());
        }
        if backwards {
            states.reverse();
        }
        Ok((stack(&states.iter().collect::<Vec<_>>(), 0)?, (h, c)))
    }
}

/// The states after a step, from the gates of W x + b and of U h + c and the states before it.
fn next(
    cell: Cell,
    given: &[Tensor],
    own: &[Tensor],
    h: &Tensor,
    c: Option<&Tensor>,
) -> Result<(Tensor, Option<Tensor>)> {
    let both = |k: usize| &given[k] + &own[k];
    Ok(match cell {
        Cell::Rnn => (both(0).tanh(), None),
        Cell::RnnRelu => (both(0).relu(), None),
        Cell::Gru => {
            let [reset, update] = [both(0).sigmoid(), both(1).sigmoid()];
            let new = (&given[2] + reset * &own[2]).tanh();
            (&new + update * (h - &new), None)
        }
        Cell::Lstm => {
            let Some(c) = c else { fail!("an LSTM has a cell state") };
            let [enter, keep] = [both(0).sigmoid(), both(1).sigmoid()];
            let [new, leave] = [both(2).tanh(), both(3).sigmoid()];
            let c = keep * c + enter * new;
            (leave * c.tanh(), Some(c))
        }
    })
}

impl Module for Recurrent {
    fn list(&self, list: &mut List) {
        for (k, weights) in self.weights.iter().enumerate() {
            let layer = k / self.directions();
            let back = if k % self.directions() == 1 { "_reverse" } else { "" };
            let mut add = |what: &str, t: &Tensor| {
                list.parameter(&format!("{what}_l{layer}{back}"), t);
            };
            add("weight_ih", &weights.ih);
            add("weight_hh", &weights.hh);
            if let Some((b, c)) = &weights.bias {
                add("bias_ih", b);
                add("bias_hh", c);
            }
        }
        list.mode(&self.dropout.mode);
    }

    fn label(&self) -> String {
        format!("{:?}", self.cell)
    }
}

impl Layer for Recurrent {
    /// The first result of [`run`](Recurrent::run), from the state zero.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (y, _) = self.run(x, None)?;
        let weights: usize = self.weights.iter().map(|w| w.ih.len() + w.hh.len()).sum();
        Ok(tell(self, y, |y| {
            let places = y.len() / (self.hidden * self.directions()).max(1);
            (places * weights) as u64
        }))
    }
}
