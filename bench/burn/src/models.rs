//! Models: their losses, and one step of training.

use bench_common::{Inputs, Result, Row, Steps};
use burn::module::{Module, Param};
use burn::nn::loss::{CrossEntropyLossConfig, MseLoss, Reduction};
use burn::nn::{LayerNorm, LayerNormConfig, Linear};
use burn::optim::{AdamConfig, GradientsParams, SgdConfig};
use burn::tensor::activation::{gelu, relu, sigmoid, softplus, tanh};
use burn::tensor::{Device, Tensor, module};

use crate::{array, integers, scalar, tensor, variable};

fn parameter<const D: usize>(inputs: &Inputs, name: &str) -> Result<Param<Tensor<D>>> {
    Ok(Param::from_tensor(tensor(inputs, name)?.autodiff()))
}

fn linear(inputs: &Inputs, weight: &str, bias: &str) -> Result<Linear> {
    Ok(Linear { weight: parameter(inputs, weight)?, bias: Some(parameter(inputs, bias)?) })
}

fn norm(inputs: &Inputs, gain: &str, bias: &str) -> Result<LayerNorm> {
    let gain = parameter(inputs, gain)?;
    let mut norm = LayerNormConfig::new(gain.dims()[0]).init(&Device::flex().autodiff());
    (norm.gamma, norm.beta) = (gain, Some(parameter(inputs, bias)?));
    Ok(norm)
}

fn bias(linear: &Linear) -> Result<Tensor<1>> {
    Ok(linear.bias.as_ref().ok_or("no bias")?.val())
}

#[derive(Module, Debug)]
struct Mlp {
    first: Linear,
    second: Linear,
    third: Linear,
}

impl Mlp {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let hidden = relu(self.first.forward(x));
        let hidden = relu(self.second.forward(hidden));
        self.third.forward(hidden)
    }
}

pub fn mlp(inputs: &Inputs) -> Result<Row> {
    let (x, t) = (tensor(inputs, "x")?, integers(inputs, "t")?);
    let given = Mlp {
        first: linear(inputs, "w1", "b1")?,
        second: linear(inputs, "w2", "b2")?,
        third: linear(inputs, "w3", "b3")?,
    };
    let criterion = CrossEntropyLossConfig::new().init(&Device::flex());
    let config = AdamConfig::new().with_epsilon(1e-8);
    let (mut model, mut adam, mut steps) = (given.clone(), config.init(), Steps::default());
    let run = move || {
        if steps.restart() {
            (model, adam) = (given.clone(), config.init());
        }
        let loss = criterion.forward(model.forward(x.clone()), t.clone());
        let grads = GradientsParams::from_grads(loss.backward(), &model);
        model = adam.step(1e-3, model.clone(), grads);
        Ok((loss, model.clone()))
    };
    Ok(Row::new(["loss", "w1", "b1", "w2", "b2", "w3", "b3"], run, |(loss, model)| {
        Ok([
            scalar(loss)?,
            array(model.first.weight.val())?,
            array(bias(&model.first)?)?,
            array(model.second.weight.val())?,
            array(bias(&model.second)?)?,
            array(model.third.weight.val())?,
            array(bias(&model.third)?)?,
        ])
    }))
}

const HEADS: usize = 8;

#[derive(Module, Debug)]
struct Block {
    norm1: LayerNorm,
    qkv: Linear,
    mix: Linear,
    norm2: LayerNorm,
    widen: Linear,
    narrow: Linear,
}

impl Block {
    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let [batch, tokens, width] = x.dims();
        let qkv = self.qkv.forward(self.norm1.forward(x.clone()));
        let [q, k, v] = [0, 1, 2].map(|part| {
            qkv.clone()
                .narrow(2, part * width, width)
                .reshape([batch, tokens, HEADS, width / HEADS])
                .swap_dims(1, 2)
        });
        let mixed = module::attention(q, k, v, None, None, Default::default());
        let mixed = mixed.swap_dims(1, 2).reshape([batch, tokens, width]);
        let h = x + self.mix.forward(mixed);
        let wide = gelu(self.widen.forward(self.norm2.forward(h.clone())));
        h + self.narrow.forward(wide)
    }
}

pub fn transformer(inputs: &Inputs) -> Result<Row> {
    let (x, target) = (tensor(inputs, "x")?, tensor(inputs, "target")?);
    let given = Block {
        norm1: norm(inputs, "ln1g", "ln1b")?,
        qkv: linear(inputs, "wqkv", "bqkv")?,
        mix: linear(inputs, "wo", "bo")?,
        norm2: norm(inputs, "ln2g", "ln2b")?,
        widen: linear(inputs, "wf1", "bf1")?,
        narrow: linear(inputs, "wf2", "bf2")?,
    };
    let (mut model, mut sgd, mut steps) =
        (given.clone(), SgdConfig::new().init(), Steps::default());
    let run = move || {
        if steps.restart() {
            model = given.clone();
        }
        let y = model.forward(x.clone());
        let loss = MseLoss::new().forward(y, target.clone(), Reduction::Mean);
        let grads = GradientsParams::from_grads(loss.backward(), &model);
        model = sgd.step(0.01, model.clone(), grads);
        Ok((loss, model.clone()))
    };
    Ok(Row::new(["loss", "wqkv", "wo", "wf1", "wf2", "ln1g", "bqkv"], run, |(loss, model)| {
        Ok([
            scalar(loss)?,
            array(model.qkv.weight.val())?,
            array(model.mix.weight.val())?,
            array(model.widen.weight.val())?,
            array(model.narrow.weight.val())?,
            array(model.norm1.gamma.val())?,
            array(bias(&model.qkv)?)?,
        ])
    }))
}

pub fn logistic(inputs: &Inputs) -> Result<Row> {
    let (x, t): (Tensor<2>, Tensor<1>) = (tensor(inputs, "x")?, tensor(inputs, "t")?);
    let (w, b): (Tensor<1>, Tensor<1>) = (variable(inputs, "w")?, variable(inputs, "b")?);
    let run = move || {
        let weight = w.clone().unsqueeze_dim(1);
        let z = module::linear(x.clone(), weight, Some(b.clone())).squeeze_dim::<1>(1);
        let loss = (softplus(z.clone(), 1.0) - t.clone() * z).mean();
        let mut grads = loss.backward();
        let gw = w.grad_remove(&mut grads).ok_or("no gradient")?;
        let gb = b.grad_remove(&mut grads).ok_or("no gradient")?;
        Ok((loss, gw, gb))
    };
    Ok(Row::new(["loss", "gw", "gb"], run, |(loss, gw, gb)| {
        Ok([scalar(loss)?, array(gw)?, scalar(gb)?])
    }))
}

const LAYERS: usize = 2;

/// The inputs of the LSTM's objective.
struct Lstm {
    main: Tensor<2>,
    extra: Tensor<2>,
    state: Vec<Tensor<1>>,
    sequence: Vec<Tensor<1>>,
}

/// The rows of a matrix.
fn rows(matrix: &Tensor<2>) -> Vec<Tensor<1>> {
    let count = matrix.dims()[0];
    (0..count).map(|row| matrix.clone().narrow(0, row, 1).squeeze_dim(0)).collect()
}

impl Lstm {
    fn new(inputs: &Inputs) -> Result<Self> {
        Ok(Self {
            main: variable(inputs, "main")?,
            extra: variable(inputs, "extra")?,
            state: rows(&tensor(inputs, "state")?),
            sequence: rows(&tensor(inputs, "seq")?),
        })
    }

    fn objective(&self) -> Tensor<1> {
        // Each parameter is taken out once, so that its gradient is put back once.
        let gates: Vec<_> = rows(&self.main).into_iter().map(|row| row.chunk(4, 0)).collect();
        let extra = rows(&self.extra);
        let mut state = self.state.clone();
        let mut total: Option<Tensor<1>> = None;
        for (now, next) in self.sequence.iter().zip(&self.sequence[1..]) {
            let mut x = extra[0].clone() * now.clone();
            for layer in 0..LAYERS {
                let (weights, biases) = (&gates[2 * layer], &gates[2 * layer + 1]);
                let [h, c] = &mut state[2 * layer..2 * layer + 2] else { unreachable!() };
                let gate = |of: &Tensor<1>, index: usize| {
                    of.clone() * weights[index].clone() + biases[index].clone()
                };
                let forget = sigmoid(gate(&x, 0));
                let ingate = sigmoid(gate(h, 1));
                let outgate = sigmoid(gate(&x, 2));
                let change = tanh(gate(h, 3));
                *c = c.clone() * forget + ingate * change;
                *h = outgate * tanh(c.clone());
                x = h.clone();
            }
            let predicted = x * extra[1].clone() + extra[2].clone();
            let norm = predicted.clone().exp().sum().add_scalar(2.0).log();
            let term = ((predicted - norm) * next.clone()).sum();
            total = Some(total.map_or_else(|| term.clone(), |total| total + term.clone()));
        }
        let count = self.state[0].dims()[0] * (self.sequence.len() - 1);
        total.expect("a sequence of two or more").mul_scalar(-1.0 / count as f64)
    }
}

pub fn lstm(inputs: &Inputs) -> Result<Row> {
    let lstm = Lstm::new(inputs)?;
    Ok(Row::new(["y"], move || Ok(lstm.objective()), |y| Ok([scalar(y)?])))
}

pub fn lstm_gradient(inputs: &Inputs) -> Result<Row> {
    let lstm = Lstm::new(inputs)?;
    let run = move || {
        let y = lstm.objective();
        let mut grads = y.backward();
        let gmain = lstm.main.grad_remove(&mut grads).ok_or("no gradient")?;
        let gextra = lstm.extra.grad_remove(&mut grads).ok_or("no gradient")?;
        Ok((y, gmain, gextra))
    };
    Ok(Row::new(["y", "gmain", "gextra"], run, |(y, gmain, gextra)| {
        Ok([scalar(y)?, array(gmain)?, array(gextra)?])
    }))
}
