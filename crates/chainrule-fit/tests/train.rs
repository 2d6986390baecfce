//! The loop: what a step is, what is told, written and said when numbers go wrong.

use std::cell::{Cell, RefCell};

use chainrule_core::{Tensor, grad, manual_seed};
use chainrule_fit::data::array::Array;
use chainrule_fit::data::dataset::Arrays;
use chainrule_fit::data::loader::{Batch, DataLoader, Position};
use chainrule_fit::nn::{Activation, Layer, Linear, Module, Reduction, Sequential, loss};
use chainrule_fit::optim::schedule::Curve;
use chainrule_fit::optim::{Adam, Optimiser, Rule, Sgd};
use chainrule_fit::train::{
    Ending, Judged, SweepOptions, Task, Trained, Trainer, Watcher, digest, lr_find,
};
use serde_json::Value;

/// 120 points in the plane, of three classes around three centres.
fn blobs() -> Arrays {
    let (mut x, mut y) = (vec![], vec![]);
    for i in 0..120 {
        let (class, t) = (i % 3, i as f32);
        let angle = class as f32 * 2.1;
        x.extend([angle.cos() + 0.5 * (t * 1.3).sin(), angle.sin() + 0.5 * (t * 2.9).cos()]);
        y.push(class as i64);
    }
    Arrays::new(Array::new([120, 2], x).unwrap(), Array::new([120], y).unwrap()).unwrap()
}

/// The generator is one for all threads, and tests are threads: one draws at a time.
static DRAWING: std::sync::Mutex<()> = std::sync::Mutex::new(());

fn net() -> Sequential {
    let _drawing = DRAWING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    manual_seed(3);
    Sequential::new().then(Linear::new(2, 16)).then(Activation::Tanh).then(Linear::new(16, 3))
}

fn judged(net: &Sequential, batch: &Batch) -> chainrule_fit::Result<Judged> {
    let logits = net.forward(&batch.x)?;
    let hits =
        logits.argmax_axis(1, false).eq(&batch.y).to_dtype(chainrule_core::DType::F32).mean();
    let loss = loss::cross_entropy(&logits, &batch.y, Reduction::Mean)?;
    Ok(Judged { loss, metrics: vec![("accuracy", hits)] })
}

fn train(
    net: &Sequential,
    trainer: Trainer,
    batch: usize,
    watcher: Option<Watcher<'_>>,
) -> chainrule_fit::Result<Trained> {
    let loader = DataLoader::new(blobs(), batch).shuffled(1);
    let validation = DataLoader::new(blobs(), 50);
    let mut optimiser = Adam::default().over(net.parameters(), 0.02);
    let task = Task {
        model: net,
        optimiser: &mut optimiser,
        train: &loader,
        validation: Some(&validation),
        loss: &|batch| judged(net, batch),
    };
    trainer.train(task, watcher)
}

#[test]
fn classes_are_learnt_and_told() {
    let net = net();
    let mut told = vec![];
    let mut watcher = |event: &chainrule_fit::train::Event<'_>| {
        assert!(event.loss.is_finite() && event.norm.is_some_and(|n| n > 0.0));
        told.push((event.step, event.end.is_some()));
    };
    let trained = train(&net, Trainer::new(20), 16, Some(&mut watcher)).unwrap();
    assert_eq!(trained.ending, Ending::Done);
    assert_eq!(trained.steps, 160);
    assert_eq!(told.iter().filter(|t| t.1).count(), 20);
    assert_eq!(told.iter().filter(|t| !t.1).count(), 160);
    let accuracy = trained.history.metric("accuracy");
    assert!(accuracy.last().unwrap().1 > 0.85, "{accuracy:?}");
    assert_eq!(trained.history.epochs[19].digest, trained.digest);
}

/// The loop does what one writes by hand, bit for bit.
#[test]
fn the_loop_is_the_loop() {
    let (ours, theirs) = (net(), net());
    let trained = train(&ours, Trainer::new(3), 16, None).unwrap();
    let loader = DataLoader::new(blobs(), 16).shuffled(1);
    let mut optimiser = Adam::default().over(theirs.parameters(), 0.02);
    for epoch in 0..3 {
        for batch in loader.batches(Position { epoch, batch: 0 }) {
            let loss = judged(&theirs, &batch.unwrap()).unwrap().loss;
            optimiser.minimise(&loss, &[]).unwrap();
        }
    }
    let by_hand = digest(&chainrule_fit::nn::state(&theirs)).unwrap();
    assert_eq!(trained.digest, by_hand);
}

/// Four batches of 30, 30, 30 and 30 rows in one step are one batch of 120; so are 50, 50 and 20.
#[test]
fn accumulated_batches_are_one() {
    let state = |batch: usize, accumulate: usize| {
        let net = net();
        let loader = DataLoader::new(blobs(), batch);
        let mut optimiser = Sgd::default().over(net.parameters(), 0.5);
        let mut trainer = Trainer::new(5);
        trainer.accumulate = accumulate;
        let task = Task {
            model: &net,
            optimiser: &mut optimiser,
            train: &loader,
            validation: None,
            loss: &|batch| judged(&net, batch),
        };
        let trained = trainer.train(task, None).unwrap();
        assert_eq!(trained.steps, 5);
        net.parameters().iter().flat_map(|p| p.to_vec::<f64>().unwrap()).collect::<Vec<f64>>()
    };
    let whole = state(120, 1);
    for parts in [state(30, 4), state(50, 3)] {
        // Sums of F32 in another order.
        assert!(whole.iter().zip(&parts).all(|(a, b)| (a - b).abs() < 1e-5));
    }
}

#[test]
fn early_stopping_keeps_the_best() {
    let net = net();
    let mut trainer = Trainer::new(500);
    trainer.early_stop = Some(3);
    // So fast that the loss soon stops becoming better.
    trainer.schedule = Some(Box::new(Curve::Constant { factor: 20.0, steps: 100_000 }));
    let trained = train(&net, trainer, 16, None).unwrap();
    assert_eq!(trained.ending, Ending::Stopped);
    let (epoch, value) = trained.best.unwrap();
    assert_eq!(trained.history.epochs.len(), epoch + 3);
    let record = &trained.history.epochs[epoch - 1];
    assert_eq!((record.validation, &record.digest), (Some(value), &trained.digest));
}

#[test]
fn running_means_are_what_is_left() {
    let net = net();
    let mut trainer = Trainer::new(2);
    trainer.ema = Some(0.9);
    let trained = train(&net, trainer, 120, None).unwrap();
    // By hand, from the same two steps.
    let other = self::net();
    let loader = DataLoader::new(blobs(), 120).shuffled(1);
    let mut optimiser = Adam::default().over(other.parameters(), 0.02);
    let first = &other.parameters()[0];
    let mut mean: Vec<f64> = first.to_vec().unwrap();
    for epoch in 0..2 {
        let batch = loader.batches(Position { epoch, batch: 0 }).next().unwrap().unwrap();
        optimiser.minimise(&judged(&other, &batch).unwrap().loss, &[]).unwrap();
        let now: Vec<f64> = first.to_vec().unwrap();
        mean.iter_mut().zip(now).for_each(|(m, p)| *m = 0.9 * *m + 0.1 * p);
    }
    let got: Vec<f64> = net.parameters()[0].to_vec().unwrap();
    assert!(got.iter().zip(&mean).all(|(a, b)| (a - b).abs() < 1e-6), "{got:?} {mean:?}");
    assert_ne!(trained.digest, trained.history.epochs[1].digest);
}

#[test]
fn bad_numbers_have_an_autopsy() {
    let net = net();
    let before = RefCell::new(String::new());
    let loader = DataLoader::new(blobs(), 16);
    let mut optimiser = Adam::default().over(net.parameters(), 0.02);
    let step = Cell::new(0);
    let loss = |batch: &Batch| {
        let logits = net.forward(&batch.x)?;
        if step.get() >= 5 {
            // The logarithm of something below 0, from the sixth step on.
            before.replace(digest(&chainrule_fit::nn::state(&net))?);
            return Ok((logits.square() - 1e6).ln().mean().into());
        }
        step.set(step.get() + 1);
        Ok(loss::cross_entropy(&logits, &batch.y, Reduction::Mean)?.into())
    };
    let task = Task {
        model: &net,
        optimiser: &mut optimiser,
        train: &loader,
        validation: None,
        loss: &loss,
    };
    let said = Trainer::new(3).train(task, None).unwrap_err().to_string();
    assert!(said.contains("stopped in step 6 (epoch 1, batch 6)"), "{said}");
    assert!(said.contains("`ln` made NaN out of finite numbers"), "{said}");
    assert!(said.contains("tests/train.rs:"), "{said}");
    assert_eq!(digest(&chainrule_fit::nn::state(&net)).unwrap(), *before.borrow());
    assert!(net.parameters().iter().all(|p| p.to_vec::<f64>().unwrap()[0].is_finite()));
}

#[test]
fn a_log_is_lines_of_json() {
    let folder = tempfile::tempdir().unwrap();
    let net = net();
    let mut trainer = Trainer::new(2);
    trainer.log = Some(folder.path().join("log.jsonl"));
    trainer.tensorboard = Some(folder.path().join("tb"));
    let trained = train(&net, trainer, 60, None).unwrap();
    let text = std::fs::read_to_string(folder.path().join("log.jsonl")).unwrap();
    let lines: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let kinds: Vec<&str> = lines.iter().map(|l| l["event"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["start", "step", "step", "epoch", "step", "step", "epoch", "end"]);
    assert_eq!(lines[6]["digest"], trained.digest.as_str());
    assert!(lines[1]["accuracy"].is_number() && lines[1]["norm"].is_number());
    let events = std::fs::read_dir(folder.path().join("tb")).unwrap().next().unwrap().unwrap();
    let bytes = std::fs::read(events.path()).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    for tag in ["brain.Event:2", "train/loss", "epoch/validation", "epoch/accuracy"] {
        assert!(text.contains(tag), "{tag}");
    }
}

#[test]
fn a_sweep_suggests_and_restores() {
    let net = net();
    let loader = DataLoader::new(blobs(), 40).shuffled(0);
    let mut optimiser = Sgd::default().over(net.parameters(), 0.123);
    let before = digest(&chainrule_fit::nn::state(&net)).unwrap();
    let task = Task {
        model: &net,
        optimiser: &mut optimiser,
        train: &loader,
        validation: None,
        loss: &|batch| judged(&net, batch),
    };
    let sweep = lr_find(task, SweepOptions { to: 1e3, ..SweepOptions::default() }).unwrap();
    let rate = sweep.suggestion.expect("a rate");
    // With these standardised blobs, descent needs more than 10⁻³ to move and bursts above 100.
    assert!((1e-3..100.0).contains(&rate), "{rate} {}", sweep.reason);
    assert!(sweep.reason.contains("falls fastest"), "{}", sweep.reason);
    assert_eq!(digest(&chainrule_fit::nn::state(&net)).unwrap(), before);
    assert_eq!(optimiser.rates(), [0.123]);
}

/// A gradient that overflows while the loss is finite is noticed in the step that makes it.
#[test]
fn a_gradient_that_overflows() {
    let drawing = DRAWING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let w = Linear::new(1, 1);
    drop(drawing);
    w.weight.assign(&Tensor::from([[1.0f32]])).unwrap();
    let data = Arrays::new(
        Array::new([1, 1], vec![1e25f32]).unwrap(),
        Array::new([1, 1], vec![0f32]).unwrap(),
    );
    let loader = DataLoader::new(data.unwrap(), 1);
    let mut optimiser = Sgd::default().over([&w.weight], 0.1);
    let loss = |b: &Batch| Ok((b.x.matmul(&w.weight) * 1e-20).square().sum().into());
    // The gradient is 2 · 10⁵ · 10⁵, which is fine; squared for the norm it still is.
    let good = Task {
        model: &w,
        optimiser: &mut optimiser,
        train: &loader,
        validation: None,
        loss: &loss,
    };
    assert!(Trainer::new(1).train(good, None).is_ok());
    let bad = |b: &Batch| Ok((b.x.matmul(&w.weight) * 1e-25).sqrt().sum().into());
    w.weight.assign(&Tensor::from([[0.0f32]])).unwrap();
    let mut optimiser = Sgd::default().over([&w.weight], 0.1);
    let task =
        Task { model: &w, optimiser: &mut optimiser, train: &loader, validation: None, loss: &bad };
    let said = Trainer::new(1).train(task, None).unwrap_err().to_string();
    assert!(said.contains("the gradient is not finite"), "{said}");
    assert!(said.contains("the derivative of `sqrt`"), "{said}");
    assert_eq!(w.weight.to_vec::<f32>().unwrap(), [0.0]);
    assert!(grad(&w.weight.sum(), &[&w.weight]).is_ok());
}
