//! Reading handwritten digits.
//!
//! ```sh
//! cargo run --release -p chainrule-fit --example digits                # a multilayer perceptron
//! cargo run --release -p chainrule-fit --example digits -- --cnn       # a convolutional network
//! cargo run --release -p chainrule-fit --example digits -- --cnn --plot digits.svg
//! cargo xtask data mnist && cargo run --release -p chainrule-fit --example digits -- --cnn --mnist
//! ```
//!
//! # Data
//!
//! `data/digits.csv`: 1,797 digits of 13 people, 8 × 8 pixels with 17 shades. With `--mnist`,
//! 10,000 digits of MNIST, 28 × 28 with 256 shades, which `cargo xtask data mnist` fetches. A fifth
//! of each digit, drawn with the seed 0 whatever `--seed` says, is kept to test on. Its loss is
//! shown after each epoch, but decides nothing: the length of the training is fixed and the last
//! model counts, so that the accuracy is not the best of many looks.
//!
//! # Models
//!
//! The logits z = f(x) of a picture x give the probability of digit k as a softmax, and training
//! makes the mean surprise of the true digits y small:
//!
//! ```text
//! p(k | x) = e^zₖ / Σⱼ e^zⱼ        loss = −(1/n) Σᵢ ln p(yᵢ | xᵢ)
//!
//! perceptron       64 → 256 → 256 → 10, relu between, dropout
//! convolutional    3×3 to 32 channels, 3×3 to 32, halved; 3×3 to 64, halved; → 128 → 10
//! ```
//!
//! The convolutional network knows that neighbours are neighbours and that a stroke is a stroke
//! wherever it is, which the perceptron must learn from examples. Both see each digit moved by up
//! to one pixel (two for MNIST), differently in every epoch: a moved digit is the same digit. AdamW
//! with a rate that falls along a cosine; what is judged is the running mean of the parameters.
//!
//! # What to expect
//!
//! Test accuracies of at least 97.5 % and 98.5 %, in some ten seconds; with MNIST about 96 % and
//! 98 %. docs/examples.md has what was measured.

pub(crate) mod common;

use std::process::ExitCode;

use chainrule_core::DType::{F32, F64};
use chainrule_core::{Tensor, manual_seed, no_grad};
use chainrule_fit::data::array::Array;
use chainrule_fit::data::dataset::Arrays;
use chainrule_fit::data::loader::{Batch, DataLoader};
use chainrule_fit::data::transform::Transform;
use chainrule_fit::data::{idx, split::stratified};
use chainrule_fit::metrics::classes::Classification;
use chainrule_fit::nn::{
    Activation, Conv2d, ConvOptions, Dropout, Flatten, Layer, Linear, MaxPool2d, Module, Reduction,
    Sequential, loss, summary,
};
use chainrule_fit::optim::schedule::Curve;
use chainrule_fit::optim::{AdamW, Group, Rule};
use chainrule_fit::train::{Event, History, Judged, Task, Trainer};
use chainrule_fit::{Error, Result};
use chainrule_plot::Figure;
use chainrule_plot::ready::{classification, descent};
use chainrule_plot::scale::Scale;
use common::Options;

const FLAGS: &[&str] = &["--cnn", "--mnist"];

fn main() -> ExitCode {
    common::start(FLAGS, run)
}

/// Trains and tests, and returns the accuracy.
pub(crate) fn run(options: &Options) -> Result<f64> {
    let (x, y) = if options.has("--mnist") { mnist()? } else { digits()? };
    let side = x.shape()[2];
    let classes: Vec<i64> = y.to_tensor()?.to_vec()?;
    let classes: Vec<usize> = classes.into_iter().map(|k| k as usize).collect();
    let (mut train, test) = stratified(&classes, 0.2, 0);
    if options.quick {
        train.truncate(600);
    }
    println!("{} digits to train on, {} to test on", train.len(), test.len());

    manual_seed(options.seed);
    let cnn = options.has("--cnn");
    let model = if cnn { convolutional(side)? } else { perceptron(side) };
    println!("\n{}", summary(&model, &Tensor::zeros_of([1, 1, side, side], F32))?);

    let rows = |rows: &[usize]| Arrays::new(x.rows(rows)?, y.rows(rows)?);
    let history = learn(&model, rows(&train)?, rows(&test)?, side, options)?;
    model.set_training(false);
    let logits = no_grad(|| model.forward(&x.rows(&test)?.to_f32().to_tensor()?))?;
    let probabilities: Vec<f64> = logits.softmax(-1).to_dtype(F64).to_vec()?;
    let truth: Vec<usize> = test.iter().map(|&row| classes[row]).collect();
    let names: Vec<String> = (0..10).map(|k| k.to_string()).collect();
    let Some(score) = Classification::of(&names, &truth, &probabilities) else {
        return Err(Error::new("there are no digits to test on"));
    };
    println!("\n{}", matrix(&score));
    let right: usize = (0..10).map(|k| score.confusion[k][k]).sum();
    println!("test: {right} of {} right, {}", test.len(), score.summary());
    options.draw(|| Ok(figure(&history, &score)))?;
    Ok(score.accuracy)
}

/// The digits of scikit-learn: pictures [n, 1, 8, 8] with shades from 0 to 1, and what they show.
fn digits() -> Result<(Array, Array)> {
    let table = common::table("digits.csv")?;
    let (mut pixels, mut shown) = (vec![], vec![]);
    for row in 0..table.len() {
        for column in 0..64 {
            pixels.push(table.number(row, column)?.unwrap_or(0.0) as f32 / 16.0);
        }
        shown.push(table.number(row, 64)?.unwrap_or(0.0) as i64);
    }
    let n = shown.len();
    Ok((Array::new([n, 1, 8, 8], pixels)?, Array::new([n], shown)?))
}

/// The digits of MNIST, as bytes.
fn mnist() -> Result<(Array, Array)> {
    let folder = common::path("target/data/mnist");
    let read = |name: &str| {
        idx::read(&folder.join(name)).map_err(|_| {
            Error::new("target/data/mnist is not there; `cargo xtask data mnist` fetches it")
        })
    };
    let x = read("images-idx3-ubyte")?;
    let shape = [x.len(), 1, 28, 28];
    Ok((x.reshaped(shape)?, read("labels-idx1-ubyte")?))
}

/// Three layers on pictures of `side` × `side` pixels, read as lists of numbers.
fn perceptron(side: usize) -> Sequential {
    Sequential::new()
        .then(Flatten::default())
        .then(Linear::new(side * side, 256))
        .then(Activation::Relu)
        .then(Dropout::new(0.1))
        .then(Linear::new(256, 256))
        .then(Activation::Relu)
        .then(Dropout::new(0.1))
        .then(Linear::new(256, 10))
}

/// Three convolutions and two layers behind them.
fn convolutional(side: usize) -> Result<Sequential> {
    let padding = ConvOptions { padding: [1, 1], ..ConvOptions::default() };
    let conv = |from, to| Conv2d::with(from, to, [3, 3], padding);
    let quarter = side / 4;
    Ok(Sequential::new()
        .then(conv(1, 32)?)
        .then(Activation::Relu)
        .then(conv(32, 32)?)
        .then(Activation::Relu)
        .then(MaxPool2d::new([2, 2]))
        .then(conv(32, 64)?)
        .then(Activation::Relu)
        .then(MaxPool2d::new([2, 2]))
        .then(Flatten::default())
        .then(Dropout::new(0.3))
        .then(Linear::new(64 * quarter * quarter, 128))
        .then(Activation::Relu)
        .then(Linear::new(128, 10)))
}

/// Trains `model`, says how it goes, and returns the losses.
fn learn(
    model: &Sequential,
    train: Arrays,
    test: Arrays,
    side: usize,
    options: &Options,
) -> Result<History> {
    let epochs = match (options.has("--cnn"), side) {
        _ if options.quick => 6,
        (true, 28) => 3,
        (false, 28) => 10,
        (true, _) => 30,
        (false, _) => 100,
    };
    let move_by = Transform::Shift(if side == 28 { 2 } else { 1 });
    let train = DataLoader::new(train, 32).shuffled(options.seed).with(move_by);
    let test = DataLoader::new(test, 360);
    let group = Group::new(model.parameters(), 3e-3).weight_decay(1e-2);
    let mut optimiser = AdamW::default().over_groups([group]);
    let steps = epochs * train.per_epoch();
    let trainer = Trainer {
        schedule: Some(Box::new(Curve::Cosine { steps, least: 0.0 })),
        ema: (!options.quick).then_some(0.99),
        ..Trainer::new(epochs)
    };
    let judge = |batch: &Batch| -> Result<Judged> {
        let loss = loss::cross_entropy(&model.forward(&batch.x)?, &batch.y, Reduction::Mean)?;
        Ok(loss.into())
    };
    let task = Task {
        model,
        optimiser: &mut optimiser,
        train: &train,
        validation: Some(&test),
        loss: &judge,
    };
    let every = (epochs / 10).max(1);
    let mut tell = |event: &Event<'_>| {
        let Some(end) = event.end.filter(|end| end.epoch % every == 0) else { return };
        let test = end.validation.unwrap_or(f64::NAN);
        let seconds = event.elapsed.as_secs_f64();
        println!(
            "epoch {:3}   loss {:.4}   test loss {test:.4}   {seconds:5.1} s",
            end.epoch, end.loss
        );
    };
    Ok(trainer.train(task, Some(&mut tell))?.history)
}

/// The digits that were shown, and how often each was read as what.
fn matrix(score: &Classification) -> String {
    let mut out = "shown \\ read".to_string();
    (0..10).for_each(|k| out += &format!("{k:5}"));
    for (k, row) in score.confusion.iter().enumerate() {
        out += &format!("\n{k:12}");
        for n in row {
            out += &if *n == 0 { format!("{:>5}", "·") } else { format!("{n:5}") };
        }
    }
    out + "\n"
}

/// The losses and the confusion matrix, side by side.
fn figure(history: &History, score: &Classification) -> Figure {
    let (epoch, train): (Vec<f64>, Vec<f64>) = history.loss().into_iter().unzip();
    let test: Vec<f64> = history.validation().into_iter().map(|point| point.1).collect();
    let curves = [
        descent::Curve { name: "training", step: &epoch, loss: &train },
        descent::Curve { name: "test", step: &epoch, loss: &test },
    ];
    let names: Vec<String> = (0..10).map(|k| k.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let counts: Vec<usize> = score.confusion.iter().flatten().copied().collect();
    let mut losses = descent::losses(&curves, "epoch", Scale::Log, 0.0).panels;
    // The best epoch is of no interest: the last one counts.
    losses.iter_mut().for_each(|panel| panel.notes.clear());
    losses.extend(classification::confusion(&names, &counts).panels);
    Figure::grid(losses, 2, (1100.0, 520.0)).title("Handwritten digits")
}
