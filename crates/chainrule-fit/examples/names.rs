//! A model of first names, letter by letter, that makes up new ones.
//!
//! ```sh
//! cargo run --release -p chainrule-fit --example names              # a transformer
//! cargo run --release -p chainrule-fit --example names -- --lstm    # a recurrent network
//! ```
//!
//! # Data
//!
//! `data/names.txt`: 5,163 names in small letters. A tenth of them, drawn with the seed 0 whatever
//! `--seed` says, is held out (516 names, 3,599 letters and ends).
//!
//! # Models
//!
//! A name c₁ … cₙ followed by its end c₍ₙ₊₁₎ = 0 has the probability
//!
//! ```text
//! p(c) = Πₜ p(cₜ | 0 c₁ … cₜ₋₁)        loss = −(1/T) Σ ln p(cₜ | …) over all T letters and ends
//! ```
//!
//! so that e^loss is the number of equally likely letters between which the model wavers. One that
//! knows nothing has ln 27 = 3.30; one that knows the frequencies of letters, 2.81.
//!
//! The transformer has two blocks of width 64 with 4 heads, which normalise first, a learnt vector
//! for each position, and a mask that hides what comes later. The other reads letters with an LSTM
//! of 128 numbers. Names are padded to 12 places; padding is not judged, and since it comes last,
//! nothing that is judged sees it. The rate of AdamW rises for 100 steps and falls along a cosine.
//!
//! `tools/names_torch.py` trains the same transformer with torch: same layers, initial
//! distributions, optimiser, schedule, names held out and number of batches. Both end within 2 %
//! of each other.
//!
//! # What to expect
//!
//! A held-out loss of 1.94 (1.90 with the LSTM) after 15 epochs, in less than a minute, and names
//! such as `hellia` or `brentha`.

pub(crate) mod common;

use std::process::ExitCode;

use chainrule_core::DType::{F64, I64};
use chainrule_core::{Tensor, manual_seed, no_grad};
use chainrule_fit::data::array::Array;
use chainrule_fit::data::dataset::Arrays;
use chainrule_fit::data::loader::{Batch, DataLoader};
use chainrule_fit::data::split::{Random, split};
use chainrule_fit::nn::loss::CrossEntropy;
use chainrule_fit::nn::{
    Activation, Cell, Embedding, Layer, LayerNorm, Linear, Masks, Module, PositionalEmbedding,
    Recurrent, RecurrentOptions, TransformerEncoderLayer, TransformerOptions, summary,
};
use chainrule_fit::optim::schedule::Curve;
use chainrule_fit::optim::{AdamW, Clip, Group, Rule};
use chainrule_fit::train::{Event, History, Judged, Task, Trainer};
use chainrule_fit::{Error, Result, module};
use chainrule_plot::ready::descent;
use chainrule_plot::scale::Scale;
use common::Options;

const FLAGS: &[&str] = &["--lstm", "--transformer"];

/// The letters, after the end of a name.
const LETTERS: usize = 27;

/// The places of a name: eleven letters at most, and the end.
const PLACES: usize = 12;

/// What stands at places that are not judged.
const NOTHING: i64 = -100;

fn main() -> ExitCode {
    common::start(FLAGS, run)
}

/// Trains, and returns the held-out loss.
pub(crate) fn run(options: &Options) -> Result<f64> {
    let text = std::fs::read_to_string(common::path("data/names.txt"))
        .map_err(|e| Error::new(format!("data/names.txt: {e}")))?;
    let names: Vec<&[u8]> = text.lines().map(str::as_bytes).collect();
    let (mut known, held) = split(names.len(), 0.1, 0);
    if options.quick {
        known.truncate(1000);
    }
    println!("{} names to learn from, {} held out", known.len(), held.len());

    manual_seed(options.seed);
    let model: Box<dyn Layer> = match options.has("--lstm") {
        true => Box::new(Lstm::new()),
        false => Box::new(Transformer::new()?),
    };
    println!("\n{}", summary(&model, &Tensor::zeros_of([1, PLACES], I64))?);

    let rows = |rows: &[usize]| places(rows.iter().map(|&row| names[row]));
    let history = learn(&model, rows(&known)?, rows(&held)?, options)?;
    model.set_training(false);
    println!("\nmade up (* is in the list):");
    for line in invent(&model, options.seed)?.chunks(8) {
        let shown = line.iter().map(|name| {
            let star = if names.contains(&name.as_bytes()) { "*" } else { "" };
            format!("{:12}", format!("{name}{star}"))
        });
        println!("  {}", shown.collect::<String>().trim_end());
    }
    options.draw(|| {
        let (epoch, train): (Vec<f64>, Vec<f64>) = history.loss().into_iter().unzip();
        let held: Vec<f64> = history.validation().into_iter().map(|point| point.1).collect();
        let curves = [
            descent::Curve { name: "learnt from", step: &epoch, loss: &train },
            descent::Curve { name: "held out", step: &epoch, loss: &held },
        ];
        let figure =
            descent::losses(&curves, "epoch", Scale::Linear, 0.0).title("Names, letter by letter");
        Ok(figure)
    })?;
    let last = history.validation().last().map(|point| point.1);
    last.ok_or_else(|| Error::new("no epoch was trained"))
}

/// What is known before each place, and what stands there.
fn places<'a>(names: impl Iterator<Item = &'a [u8]>) -> Result<Arrays> {
    let (mut before, mut there) = (vec![], vec![]);
    for name in names {
        let letters: Vec<i64> = name.iter().map(|&c| i64::from(c - b'a') + 1).collect();
        let all = |at: usize| letters.get(at).copied();
        before.extend((0..PLACES).map(|t| t.checked_sub(1).and_then(all).unwrap_or(0)));
        let end = letters.len();
        there.extend((0..PLACES).map(|t| all(t).unwrap_or(if t == end { 0 } else { NOTHING })));
    }
    let shape = [before.len() / PLACES, PLACES];
    Arrays::new(Array::new(shape, before)?, Array::new(shape, there)?)
}

/// A transformer that sees what comes before.
struct Transformer {
    letters: Embedding,
    position: PositionalEmbedding,
    blocks: Vec<TransformerEncoderLayer>,
    norm: LayerNorm,
    head: Linear,
    masks: Masks,
}
module!(Transformer { letters, position, blocks, norm, head });

impl Transformer {
    fn new() -> Result<Transformer> {
        let options = TransformerOptions {
            dropout: 0.1,
            activation: Activation::Gelu,
            norm_first: true,
            batch_first: true,
        };
        let block = |_| TransformerEncoderLayer::with(64, 4, 256, options);
        Ok(Transformer {
            letters: Embedding::new(LETTERS, 64),
            position: PositionalEmbedding::new(PLACES, 64),
            blocks: (0..2).map(block).collect::<Result<_>>()?,
            norm: LayerNorm::new([64]),
            head: Linear::new(64, LETTERS),
            masks: Masks { causal: true, ..Masks::default() },
        })
    }
}

impl Layer for Transformer {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut x = self.position.forward(&self.letters.forward(x)?)?;
        for block in &self.blocks {
            x = block.masked(&x, &self.masks)?;
        }
        self.head.forward(&self.norm.forward(&x)?)
    }
}

/// A recurrent network: what came before is in its state.
struct Lstm {
    letters: Embedding,
    lstm: Recurrent,
    head: Linear,
}
module!(Lstm { letters, lstm, head });

impl Lstm {
    fn new() -> Lstm {
        let options = RecurrentOptions { batch_first: true, ..RecurrentOptions::default() };
        Lstm {
            letters: Embedding::new(LETTERS, 32),
            lstm: Recurrent::with(Cell::Lstm, 32, 128, options),
            head: Linear::new(128, LETTERS),
        }
    }
}

impl Layer for Lstm {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (states, _) = self.lstm.run(&self.letters.forward(x)?, None)?;
        self.head.forward(&states)
    }
}

/// Trains `model`, and says after each epoch how it does on names that it has not seen.
fn learn(model: &dyn Layer, known: Arrays, held: Arrays, options: &Options) -> Result<History> {
    let epochs = if options.quick { 2 } else { 15 };
    let mut train = DataLoader::new(known, 64).shuffled(options.seed);
    train.drop_last = true;
    // One batch, since the mean is one over letters and names differ in length.
    let rows = held.y().len();
    let held = DataLoader::new(held, rows);
    let group = Group::new(model.parameters(), 3e-3).weight_decay(1e-2);
    let mut optimiser = AdamW::default().over_groups([group]);
    let steps = epochs * train.per_epoch() - 100.min(epochs * train.per_epoch() / 2);
    let warm = epochs * train.per_epoch() - steps;
    let rise = Curve::Linear { from: 0.01, to: 1.0, steps: warm };
    let trainer = Trainer {
        schedule: Some(Box::new(rise.then(warm, Curve::Cosine { steps, least: 0.0 }))),
        clip: Some(Clip::Norm(1.0)),
        ..Trainer::new(epochs)
    };
    let surprise = CrossEntropy { ignore_index: NOTHING, ..CrossEntropy::default() };
    let judge = |batch: &Batch| -> Result<Judged> {
        let logits = model.forward(&batch.x)?.try_reshape([-1, LETTERS as i64])?;
        Ok(surprise.of(&logits, &batch.y.try_reshape([-1])?)?.into())
    };
    let mut tell = |event: &Event<'_>| {
        let Some(end) = event.end else { return };
        let (loss, seconds) = (end.loss, event.elapsed.as_secs_f64());
        let held = end.validation.unwrap_or(f64::NAN);
        println!("epoch {:3}   loss {loss:.4}   held out {held:.4}   {seconds:5.1} s", end.epoch);
    };
    let (train, validation) = (&train, Some(&held));
    let task = Task { model, optimiser: &mut optimiser, train, validation, loss: &judge };
    Ok(trainer.train(task, Some(&mut tell))?.history)
}

/// Draws 24 names, all letter by letter at once.
fn invent(model: &dyn Layer, seed: u64) -> Result<Vec<String>> {
    let mut random = Random::of(&[seed, 24]);
    let mut names = vec![vec![]; 24];
    let mut done = [false; 24];
    for place in 0..PLACES {
        let before = names.iter().flat_map(|name: &Vec<i64>| {
            (0..PLACES).map(|t| t.checked_sub(1).and_then(|t| name.get(t)).copied().unwrap_or(0))
        });
        let x = Tensor::from_vec(before.collect(), [24, PLACES as i64])?;
        let p = no_grad(|| Ok::<Tensor, Error>(model.forward(&x)?.softmax(-1).to_dtype(F64)))?;
        let p: Vec<f64> = p.to_vec()?;
        for (k, name) in names.iter_mut().enumerate().filter(|(k, _)| !done[*k]).collect::<Vec<_>>()
        {
            let row = (k * PLACES + place) * LETTERS;
            let mut left = random.uniform();
            let letter = (0..LETTERS - 1).find(|letter| {
                left -= p[row + letter];
                left < 0.0
            });
            match letter.unwrap_or(LETTERS - 1) {
                0 => done[k] = true,
                letter => name.push(letter as i64),
            }
        }
    }
    let word = |name: &Vec<i64>| name.iter().map(|&c| char::from(b'a' + c as u8 - 1)).collect();
    Ok(names.iter().map(word).collect())
}
