//! Models: their losses, and one step of training.

use bench_common::{Inputs, Result, Row, Steps};
use candle_core::{D, Tensor, Var};
use candle_nn::{AdamW, Optimizer, ParamsAdamW, SGD, loss, ops};

use crate::{row, tensor, variable};

/// Parameters in training, and what they were at first.
struct Parameters<const N: usize> {
    vars: [Var; N],
    given: [Tensor; N],
    steps: Steps,
}

impl<const N: usize> Parameters<N> {
    fn new(inputs: &Inputs, names: [&str; N]) -> Result<Self> {
        let given = names.iter().map(|name| tensor(inputs, name)).collect::<Result<Vec<_>>>()?;
        let vars = given.iter().map(Var::from_tensor).collect::<candle_core::Result<Vec<_>>>()?;
        Ok(Self {
            vars: vars.try_into().expect("a variable for every name"),
            given: given.try_into().expect("a tensor for every name"),
            steps: Steps::default(),
        })
    }

    /// Counts a step; true when everything starts afresh.
    fn restart(&mut self) -> Result<bool> {
        let restart = self.steps.restart();
        if restart {
            for (var, given) in self.vars.iter().zip(&self.given) {
                var.set(given)?;
            }
        }
        Ok(restart)
    }
}

fn linear(x: &Tensor, weight: &Tensor, bias: &Tensor) -> candle_core::Result<Tensor> {
    x.matmul(weight)?.broadcast_add(bias)
}

pub fn mlp(inputs: &Inputs) -> Result<Row> {
    let (x, t) = (tensor(inputs, "x")?, tensor(inputs, "t")?);
    let names = ["w1", "b1", "w2", "b2", "w3", "b3"];
    let mut parameters = Parameters::new(inputs, names)?;
    let plain_adam = ParamsAdamW { weight_decay: 0.0, ..ParamsAdamW::default() };
    let mut adam = None;
    row(["loss", "w1", "b1", "w2", "b2", "w3", "b3"], move || {
        if parameters.restart()? {
            adam = Some(AdamW::new(parameters.vars.to_vec(), plain_adam.clone())?);
        }
        let [w1, b1, w2, b2, w3, b3] = &parameters.vars;
        let hidden = linear(&x, w1, b1)?.relu()?;
        let hidden = linear(&hidden, w2, b2)?.relu()?;
        let loss = loss::cross_entropy(&linear(&hidden, w3, b3)?, &t)?;
        adam.as_mut().ok_or("no optimizer")?.backward_step(&loss)?;
        let [w1, b1, w2, b2, w3, b3] =
            parameters.vars.each_ref().map(|var| var.as_tensor().clone());
        Ok([loss, w1, b1, w2, b2, w3, b3])
    })
}

const HEADS: usize = 8;

pub fn transformer(inputs: &Inputs) -> Result<Row> {
    let (x, target) = (tensor(inputs, "x")?, tensor(inputs, "target")?);
    let mut parameters = Parameters::new(
        inputs,
        ["ln1g", "ln1b", "wqkv", "bqkv", "wo", "bo", "ln2g", "ln2b", "wf1", "bf1", "wf2", "bf2"],
    )?;
    let mut sgd = SGD::new(parameters.vars.to_vec(), 0.01)?;
    row(["loss", "wqkv", "wo", "wf1", "wf2", "ln1g", "bqkv"], move || {
        parameters.restart()?;
        let [ln1g, ln1b, wqkv, bqkv, wo, bo, ln2g, ln2b, wf1, bf1, wf2, bf2] = &parameters.vars;
        // The weights' gradients are cheapest when all tokens are rows of one matrix.
        let (batch, tokens, width) = x.dims3()?;
        let rows = x.reshape((batch * tokens, width))?;
        let normed = ops::layer_norm_slow(&rows, ln1g, ln1b, 1e-5)?;
        let heads = |part: &Tensor| {
            part.reshape((batch, tokens, HEADS, width / HEADS))?.transpose(1, 2)?.contiguous()
        };
        let qkv = linear(&normed, wqkv, bqkv)?.chunk(3, D::Minus1)?;
        let (q, k, v) = (heads(&qkv[0])?, heads(&qkv[1])?, heads(&qkv[2])?);
        let scores = (q.matmul(&k.t()?)? / ((width / HEADS) as f64).sqrt())?;
        let mixed = ops::softmax(&scores, D::Minus1)?.matmul(&v)?;
        let mixed = mixed.transpose(1, 2)?.reshape((batch * tokens, width))?;
        let h = (rows + linear(&mixed, wo, bo)?)?;
        let wide = linear(&ops::layer_norm_slow(&h, ln2g, ln2b, 1e-5)?, wf1, bf1)?.gelu_erf()?;
        let y = (h + linear(&wide, wf2, bf2)?)?;
        let loss = loss::mse(&y, &target.reshape((batch * tokens, width))?)?;
        sgd.backward_step(&loss)?;
        let [wqkv, wo, wf1, wf2, ln1g, bqkv] =
            [wqkv, wo, wf1, wf2, ln1g, bqkv].map(|var| var.as_tensor().clone());
        Ok([loss, wqkv, wo, wf1, wf2, ln1g, bqkv])
    })
}

pub fn logistic(inputs: &Inputs) -> Result<Row> {
    let (x, t) = (tensor(inputs, "x")?, tensor(inputs, "t")?);
    let (w, b) = (variable(inputs, "w")?, variable(inputs, "b")?);
    row(["loss", "gw", "gb"], move || {
        let z = x.matmul(&w.unsqueeze(1)?)?.squeeze(1)?.broadcast_add(&b)?;
        let softplus = (z.relu()? + (z.abs()?.neg()?.exp()? + 1.0)?.log()?)?;
        let loss = (softplus - (&t * z)?)?.mean_all()?;
        let mut grads = loss.backward()?;
        let mut grad = |of: &Var| grads.remove(of).ok_or("no gradient");
        Ok([loss, grad(&w)?, grad(&b)?])
    })
}

const LAYERS: usize = 2;

/// The inputs of the LSTM's objective.
struct Lstm {
    main: Var,
    extra: Var,
    state: Tensor,
    sequence: Vec<Tensor>,
}

impl Lstm {
    fn new(inputs: &Inputs) -> Result<Self> {
        let sequence = tensor(inputs, "seq")?;
        Ok(Self {
            main: variable(inputs, "main")?,
            extra: variable(inputs, "extra")?,
            state: tensor(inputs, "state")?,
            sequence: (0..sequence.dim(0)?)
                .map(|index| sequence.get(index))
                .collect::<candle_core::Result<_>>()?,
        })
    }

    fn objective(&self) -> Result<Tensor> {
        let width = self.state.dim(1)?;
        // Each parameter is taken out once, so that its gradient is put back once.
        let gates = |row: usize| self.main.get(row)?.chunk(4, 0);
        let layers: Vec<_> = (0..LAYERS)
            .map(|layer| Ok((gates(2 * layer)?, gates(2 * layer + 1)?)))
            .collect::<Result<_>>()?;
        let extra = [self.extra.get(0)?, self.extra.get(1)?, self.extra.get(2)?];
        let mut state: Vec<_> = (0..LAYERS)
            .map(|layer| Ok((self.state.get(2 * layer)?, self.state.get(2 * layer + 1)?)))
            .collect::<Result<_>>()?;
        let mut total = Tensor::new(0f64, self.state.device())?;
        for (now, next) in self.sequence.iter().zip(&self.sequence[1..]) {
            let mut x = (now * &extra[0])?;
            for ((weights, biases), (h, c)) in layers.iter().zip(&mut state) {
                let gate = |of: &Tensor, index: usize| (of * &weights[index])? + &biases[index];
                let forget = ops::sigmoid(&gate(&x, 0)?)?;
                let ingate = ops::sigmoid(&gate(h, 1)?)?;
                let outgate = ops::sigmoid(&gate(&x, 2)?)?;
                let change = gate(h, 3)?.tanh()?;
                *c = ((&*c * forget)? + (ingate * change)?)?;
                *h = (outgate * c.tanh()?)?;
                x = h.clone();
            }
            let predicted = ((x * &extra[1])? + &extra[2])?;
            let norm = (predicted.exp()?.sum_all()? + 2.0)?.log()?;
            total = (total + (next * predicted.broadcast_sub(&norm)?)?.sum_all()?)?;
        }
        Ok((total * (-1.0 / (width * (self.sequence.len() - 1)) as f64))?)
    }
}

pub fn lstm(inputs: &Inputs) -> Result<Row> {
    let lstm = Lstm::new(inputs)?;
    row(["y"], move || Ok([lstm.objective()?]))
}

pub fn lstm_gradient(inputs: &Inputs) -> Result<Row> {
    let lstm = Lstm::new(inputs)?;
    row(["y", "gmain", "gextra"], move || {
        let y = lstm.objective()?;
        let mut grads = y.backward()?;
        let mut grad = |of: &Var| grads.remove(of).ok_or("no gradient");
        Ok([y, grad(&lstm.main)?, grad(&lstm.extra)?])
    })
}
