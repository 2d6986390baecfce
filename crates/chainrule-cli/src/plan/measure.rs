//! Times of sums and of steps, taken on the ranks of a job and kept in a file of JSON lines.

use std::fs;
use std::path::Path;
use std::time::Instant;

use chainrule::{Tensor, manual_seed};
use chainrule_fit::data::array::Array;
use chainrule_fit::data::dataset::Arrays;
use chainrule_fit::data::loader::DataLoader;
use chainrule_fit::nn::{Activation, Layer as _, Linear, Module as _, Reduction, Sequential, loss};
use chainrule_fit::optim::{Rule as _, Sgd};
use chainrule_fit::parallel::cost::Measured;
use chainrule_fit::parallel::{Communicator, Summands};
use chainrule_fit::train::{Communication, Task, Trainer};
use chainrule_fit::{Error, Result, atomic};
use serde_json::{Value, json};

use super::Arguments;

/// What a file of times holds.
#[derive(Default)]
pub(super) struct Times {
    pub(super) sums: Vec<Measured>,
    pub(super) steps: Vec<Steps>,
}

/// Steps of a network on some ranks.
pub(super) struct Steps {
    pub(super) ranks: usize,
    /// Rows for each second, of all ranks.
    pub(super) pace: f64,
    /// The share of the time in which a rank waited for others.
    pub(super) waiting: f64,
    /// The share of the sums' time in which it computed.
    pub(super) overlap: f64,
}

/// The elements of the sums that are timed.
const SIZES: [usize; 8] = [16, 256, 1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20];

/// How often each is timed.
const TIMES: usize = 30;

/// Takes times, and adds them to the file.
pub(super) fn run(arguments: &Arguments, ranks: &dyn Communicator, file: &Path) -> Result<()> {
    let mut lines: Vec<Value> = vec![];
    for n in SIZES.into_iter().filter(|_| ranks.size() > 1) {
        let mut best = f64::INFINITY;
        for _ in 0..TIMES {
            let numbers = Summands::F32(vec![1.0; n]);
            ranks.barrier()?;
            let begun = Instant::now();
            ranks.sum(numbers)?;
            best = best.min(begun.elapsed().as_secs_f64());
        }
        lines.push(json!({"sum": 4 * n, "ranks": ranks.size(), "seconds": best}));
    }
    let (pace, told) = steps(arguments, ranks)?;
    let told = told.unwrap_or_default();
    lines.push(json!({
        "steps": told.steps, "ranks": ranks.size(), "batch": arguments.batch, "pace": pace,
        "waiting": told.share(), "overlap": told.overlap(), "bytes": told.bytes,
    }));
    if !ranks.is_first() {
        return Ok(());
    }
    let mut text = fs::read_to_string(file).unwrap_or_default();
    lines.iter().for_each(|line| text += &format!("{line}\n"));
    atomic::write(file, text.as_bytes())?;
    crate::print(&format!(
        "{} ranks: {pace:.0} rows/s, {:.1} % of the time waiting, {:.0} % of sums behind work\n",
        ranks.size(),
        100.0 * told.share(),
        100.0 * told.overlap()
    ))
}

/// The rows a second of all ranks in the best of some epochs of twenty steps.
fn steps(arguments: &Arguments, ranks: &dyn Communicator) -> Result<(f64, Option<Communication>)> {
    manual_seed(0);
    let layers = arguments.layers();
    let mut net = Sequential::new();
    for (i, w) in layers.windows(2).enumerate() {
        let inner = net.then(Linear::new(w[0], w[1]));
        net = if i + 2 < layers.len() { inner.then(Activation::Relu) } else { inner };
    }
    let rows = 20 * arguments.batch;
    let Some(numbers) = rows.checked_mul(arguments.inputs).filter(|n| *n < 1 << 28) else {
        return Err(Error::new(
            "twenty such batches are too many numbers; choose a smaller --batch",
        ));
    };
    let x: Vec<f32> = (0..numbers).map(|i| ((i % 9973) as f32 * 0.37).sin()).collect();
    let y: Vec<f32> = (0..rows * arguments.outputs).map(|i| (i as f32 * 0.11).cos()).collect();
    let data = Arrays::new(
        Array::new([rows, arguments.inputs], x)?,
        Array::new([rows, arguments.outputs], y)?,
    )?;
    let train = DataLoader::new(data, arguments.batch);
    let mut optimiser = Sgd::default().over(net.parameters(), 1e-3);
    let task = Task {
        model: &net,
        optimiser: &mut optimiser,
        train: &train,
        validation: None,
        loss: &|batch| {
            let y: Tensor = net.forward(&batch.x)?;
            Ok(loss::mse(&y, &batch.y, Reduction::Mean)?.into())
        },
    };
    let mut trainer = Trainer::new(4);
    trainer.norm = false;
    let trained = trainer.train_on(task, ranks, None)?;
    let best = trained.history.epochs.iter().map(|e| e.seconds).fold(f64::INFINITY, f64::min);
    Ok((rows as f64 / best, trained.communication))
}

/// Reads a file of times.
pub(super) fn read(path: &Path) -> Result<Times> {
    let wrong = |why: &str| Error::new(format!("{} {why}", path.display()));
    let text =
        fs::read_to_string(path).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
    let mut times = Times::default();
    for (line, text) in (1..).zip(text.lines()) {
        let bad = || wrong(&format!("has no time in line {line}; write it with --measure"));
        let value: Value = serde_json::from_str(text).map_err(|_| bad())?;
        let number = |key: &str| value[key].as_f64().ok_or_else(bad);
        let ranks = number("ranks")? as usize;
        if value["sum"].is_number() {
            let (bytes, seconds) = (number("sum")?, number("seconds")?);
            times.sums.push(Measured { ranks, bytes, seconds });
        } else {
            let (pace, waiting, overlap) =
                (number("pace")?, number("waiting")?, number("overlap")?);
            times.steps.push(Steps { ranks, pace, waiting, overlap });
        }
    }
    Ok(times)
}
