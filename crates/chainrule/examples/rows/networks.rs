//! Rows of networks: a perceptron under Adam, its curvature, a transformer block.

use chainrule::{Error, Tensor, grad, hvp, no_grad, realize};

use crate::work::{Inputs, Outcome, Row, normalize, results, row};

/// A fresh start after so many steps (the median does not see it): on one batch the loss would go
/// to 0, and the arithmetic to subnormal numbers.
const FRESH: i32 = 100;

const WEIGHTS: [&str; 6] = ["w1", "b1", "w2", "b2", "w3", "b3"];

fn logits(x: &Tensor, w: &[Tensor]) -> Tensor {
    let h = (x.matmul(&w[0]) + &w[1]).relu();
    let h = (h.matmul(&w[2]) + &w[3]).relu();
    h.matmul(&w[4]) + &w[5]
}

/// Parameters that are trained, from the values that they started with.
struct Training {
    names: &'static [&'static str],
    start: Vec<Tensor>,
    parameters: Vec<Tensor>,
    moments: Vec<(Tensor, Tensor)>,
    step: i32,
}

impl Training {
    fn new(names: &'static [&'static str], given: &Inputs<'_>) -> Result<Training, String> {
        let start = names.iter().map(|n| given.get(n)).collect::<Result<Vec<_>, _>>()?;
        let (parameters, moments) = (vec![], vec![]);
        Ok(Training { names, start, parameters, moments, step: FRESH })
    }

    /// Counts a step, the first of a new start if it is time for that.
    fn begin(&mut self) -> Result<(), Error> {
        if self.step == FRESH {
            self.parameters = self.start.iter().map(|w| (w * 1.0).requires_grad()).collect();
            let zeros = |w: &Tensor| (w.zeros_like(), w.zeros_like());
            self.moments = self.start.iter().map(zeros).collect();
            self.step = 0;
            let pairs = self.moments.iter().flat_map(|(m, v)| [m, v]);
            realize(&self.parameters.iter().chain(pairs).collect::<Vec<_>>())?;
        }
        self.step += 1;
        Ok(())
    }

    fn gradients(&self, loss: &Tensor) -> Result<Vec<Tensor>, Error> {
        grad(loss, &self.parameters.iter().collect::<Vec<_>>())
    }

    /// One step of Adam (Kingma & Ba 2015, the form at the end of their section 2). The rates are
    /// data: a literal that changes from step to step would make a new plan for each.
    fn adam(&mut self, gradients: &[Tensor]) -> Result<(), Error> {
        let (b1, b2) = (0.9, 0.999);
        let [c1, c2] = [b1, b2].map(|b| 1.0 - f64::powi(b, self.step));
        let rate = Tensor::from((1e-3 * c2.sqrt() / c1) as f32);
        let small = Tensor::from((1e-8 * c2.sqrt()) as f32);
        for ((p, g), (m, v)) in self.parameters.iter().zip(gradients).zip(&mut self.moments) {
            *m = &*m * b1 + g * (1.0 - b1);
            *v = &*v * b2 + g.square() * (1.0 - b2);
            p.assign(&(p - &*m * &rate / (v.sqrt() + &small)))?;
        }
        Ok(())
    }

    fn descent(&self, gradients: &[Tensor]) -> Result<(), Error> {
        for (p, g) in self.parameters.iter().zip(gradients) {
            p.assign(&(p - 0.01 * g))?;
        }
        Ok(())
    }

    /// Computes the loss, the parameters and the moments.
    fn finish(&self, loss: &Tensor) -> Outcome {
        let mut wanted = vec![loss];
        wanted.extend(&self.parameters);
        wanted.extend(self.moments.iter().flat_map(|(m, v)| [m, v]));
        realize(&wanted)?;
        let loss = [("loss", loss.clone())].into_iter();
        let named = self.names.iter().zip(&self.parameters);
        let named = named.map(|(&name, p)| (name, p.clone()));
        Ok(loss.chain(named).collect())
    }
}

/// 784-256-128-10, cross-entropy, Adam: one step.
pub(crate) fn perceptron(given: &Inputs<'_>) -> Result<Row, String> {
    let [x, t] = given.all(["x", "t"])?;
    let mut training = Training::new(&WEIGHTS, given)?;
    row(move || {
        training.begin()?;
        let loss = logits(&x, &training.parameters).cross_entropy(&t);
        let gradients = training.gradients(&loss)?;
        no_grad(|| training.adam(&gradients))?;
        training.finish(&loss)
    })
}

/// The product of the Hessian of that loss with a vector.
pub(crate) fn curvature(given: &Inputs<'_>) -> Result<Row, String> {
    let [x, t] = given.all(["x", "t"])?;
    let w = given.all(WEIGHTS)?.to_vec();
    let v = given.all(["vw1", "vb1", "vw2", "vb2", "vw3", "vb3"])?.to_vec();
    row(move || {
        let h = hvp(|w: &Vec<Tensor>| logits(&x, w).cross_entropy(&t), &w, &v)?;
        let names = ["hw1", "hb1", "hw2", "hb2", "hw3", "hb3"];
        results(std::array::from_fn::<_, 6, _>(|i| (names[i], &h[i])))
    })
}

const BLOCK: [&str; 12] =
    ["ln1g", "ln1b", "wqkv", "bqkv", "wo", "bo", "ln2g", "ln2b", "wf1", "bf1", "wf2", "bf2"];

/// Attention with 8 heads, then two layers, each with a norm before it and a way around it.
fn block(x: &Tensor, w: &[Tensor]) -> Tensor {
    let (batch, tokens, width) = (x.shape()[0] as i64, x.shape()[1] as i64, x.shape()[2] as i64);
    let heads = 8;
    let size = width / heads;
    let qkv = normalize(x, &w[0], &w[1]).matmul(&w[2]) + &w[3];
    let qkv = qkv.reshape([batch, tokens, 3, heads, size]).permute([2, 0, 3, 1, 4]);
    let (q, k, v) = (qkv.i(0), qkv.i(1), qkv.i(2));
    let scores = q.matmul(&k.transpose(-1, -2)) * (1.0 / (size as f64).sqrt());
    let mixed = scores.softmax(-1).matmul(&v);
    let mixed = mixed.permute([0, 2, 1, 3]).reshape([batch, tokens, width]);
    let h = x + mixed.matmul(&w[4]) + &w[5];
    let wide = (normalize(&h, &w[6], &w[7]).matmul(&w[8]) + &w[9]).gelu();
    &h + wide.matmul(&w[10]) + &w[11]
}

/// A transformer block, mean squared error, plain descent: one step.
pub(crate) fn transformer(given: &Inputs<'_>) -> Result<Row, String> {
    let [x, target] = given.all(["x", "target"])?;
    let mut training = Training::new(&BLOCK, given)?;
    row(move || {
        training.begin()?;
        let loss = (block(&x, &training.parameters) - &target).square().mean();
        let gradients = training.gradients(&loss)?;
        no_grad(|| training.descent(&gradients))?;
        let mut found = training.finish(&loss)?;
        found.retain(|(name, _)| {
            ["loss", "wqkv", "wo", "wf1", "wf2", "ln1g", "bqkv"].contains(name)
        });
        Ok(found)
    })
}
