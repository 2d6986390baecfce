//! What the training loop costs over one written by hand, and how much memory a stream takes.
//!
//! ```text
//! cargo run --release -p chainrule-fit --example loop_overhead
//! cargo run --release -p chainrule-fit --example loop_overhead -- stream FILE.csv TARGET
//! ```
//!
//! The network has 784-256-128-10 neurons, a batch 64 rows, the optimiser is Adam.

use std::path::Path;
use std::time::Instant;

use chainrule_core::manual_seed;
use chainrule_fit::data::array::Array;
use chainrule_fit::data::dataset::Arrays;
use chainrule_fit::data::loader::{Batch, DataLoader, Position};
use chainrule_fit::data::stream::Stream;
use chainrule_fit::nn::{Activation, Layer, Linear, Module, Reduction, Sequential, loss};
use chainrule_fit::optim::{Adam, Optimiser, Rule};
use chainrule_fit::train::{Task, Trainer};
use chainrule_fit::{Error, Result};

const ROWS: usize = 64 * 100;

fn net() -> Sequential {
    manual_seed(0);
    Sequential::new()
        .then(Linear::new(784, 256))
        .then(Activation::Relu)
        .then(Linear::new(256, 128))
        .then(Activation::Relu)
        .then(Linear::new(128, 10))
}

fn data() -> Result<Arrays> {
    let x = (0..ROWS * 784).map(|i| ((i * 2_654_435_761) % 251) as u8).collect::<Vec<u8>>();
    let y = (0..ROWS).map(|i| (i % 10) as i64).collect::<Vec<i64>>();
    Arrays::new(Array::new([ROWS, 784], x)?, Array::new([ROWS], y)?)
}

fn by_hand(loader: &DataLoader) -> Result<f64> {
    let net = net();
    let mut adam = Adam::default().over(net.parameters(), 1e-3);
    let mut start = Instant::now();
    for epoch in 0..2 {
        // The first epoch warms up.
        start = Instant::now();
        for batch in loader.batches(Position { epoch, batch: 0 }) {
            let batch = batch?;
            let loss = loss::cross_entropy(&net.forward(&batch.x)?, &batch.y, Reduction::Mean)?;
            adam.minimise(&loss, &[])?;
            loss.item::<f64>()?;
        }
    }
    Ok(start.elapsed().as_secs_f64())
}

fn by_loop(loader: &DataLoader, norm: bool, log: Option<&Path>) -> Result<f64> {
    let net = net();
    let mut adam = Adam::default().over(net.parameters(), 1e-3);
    let mut trainer = Trainer::new(2);
    trainer.norm = norm;
    trainer.log = log.map(Path::to_path_buf);
    let loss = |batch: &Batch| {
        let logits = net.forward(&batch.x)?;
        Ok(loss::cross_entropy(&logits, &batch.y, Reduction::Mean)?.into())
    };
    let task =
        Task { model: &net, optimiser: &mut adam, train: loader, validation: None, loss: &loss };
    let trained = trainer.train(task, None)?;
    Ok(trained.history.epochs[1].seconds)
}

fn stream(path: &str, target: &str) -> Result<()> {
    let start = Instant::now();
    let stream = Stream::open(Path::new(path), target, None)?;
    println!("opened in {:.1} s", start.elapsed().as_secs_f64());
    let loader = DataLoader::new(stream, 1000).shuffled(0);
    let start = Instant::now();
    let mut rows = 0;
    for batch in loader.batches(Position::default()) {
        rows += batch?.rows.len();
    }
    println!("{rows} rows in {:.1} s", start.elapsed().as_secs_f64());
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    for line in status.lines().filter(|line| line.starts_with("VmHWM")) {
        println!("{line}");
    }
    Ok(())
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [_, path, target] = &arguments[..] {
        return stream(path, target);
    }
    let folder = tempfile::tempdir().map_err(|e| Error::new(e.to_string()))?;
    let log = folder.path().join("log.jsonl");
    let loader = DataLoader::new(data()?, 64).shuffled(0);
    let steps = loader.per_epoch() as f64;
    let mut best = [f64::INFINITY; 4];
    for _ in 0..5 {
        let times = [
            by_hand(&loader)?,
            by_loop(&loader, false, None)?,
            by_loop(&loader, true, None)?,
            by_loop(&loader, true, Some(&log))?,
        ];
        best.iter_mut().zip(times).for_each(|(best, time)| *best = best.min(time));
    }
    for (what, time) in ["by hand", "the loop", "with norm", "with norm and log"].iter().zip(best) {
        println!("{what:<18} {:8.1} µs a step", 1e6 * time / steps);
    }
    Ok(())
}
