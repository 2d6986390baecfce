//! Training: the same bits on any number of ranks, what a rank remembers, and its end.

use std::time::{Duration, Instant};

use chainrule_core::{DType, Tensor, manual_seed, memory_stats};
use chainrule_fit::data::array::Array;
use chainrule_fit::data::dataset::Arrays;
use chainrule_fit::data::loader::{Batch, DataLoader};
use chainrule_fit::nn::{
    Activation, BatchNorm1d, Dropout, Layer, Linear, Module, Reduction, Sequential, loss, state,
};
use chainrule_fit::optim::{Adam, Clip, Rule, Sgd};
use chainrule_fit::parallel::Communicator;
use chainrule_fit::train::{PIECES, Task, Trained, Trainer};
use chainrule_fit::{Error, Result};
use chainrule_mpi::Mpi;

use crate::launch::{mpirun, succeed, task, values};

/// One rank of what the tests below start.
#[test]
fn child() {
    let Some(what) = task() else { return };
    let ranks = Mpi::start().unwrap();
    match what.as_str() {
        "pieces" | "parts" => {
            let (numbers, trained) = small(&ranks, what == "pieces").unwrap();
            let sum: f64 = numbers.iter().map(|x| x * x).sum();
            println!("digest: {};\nsquares: {sum:.9};", trained.digest);
        }
        "whole" | "sharded" => println!("bytes: {};", large(&ranks, what == "sharded").unwrap()),
        _ => {
            let why = broken(&ranks).unwrap_err();
            panic!("the job goes on after {why}");
        }
    }
}

fn data(rows: usize, columns: usize) -> Arrays {
    let x: Vec<f32> = (0..rows * columns).map(|i| (i as f32 * 0.37).sin()).collect();
    let y: Vec<f32> = (0..rows).map(|i| (i as f32 * 0.11).cos()).collect();
    Arrays::new(Array::new([rows, columns], x).unwrap(), Array::new([rows, 1], y).unwrap()).unwrap()
}

/// A network with all that depends on ranks: batch norm, and in pieces dropout.
fn small(ranks: &Mpi, in_pieces: bool) -> Result<(Vec<f64>, Trained)> {
    // Only the weights of the first rank count.
    manual_seed(7 + ranks.rank() as u64);
    let net = Sequential::new().then(Linear::new(4, 16)).then(BatchNorm1d::new(16));
    let net = net.then(Activation::Tanh).then(Dropout::new(if in_pieces { 0.2 } else { 0.0 }));
    let net = net.then(Linear::new(16, 1));
    let (train, validation) = (DataLoader::new(data(200, 4), 48), DataLoader::new(data(70, 4), 30));
    let train = train.shuffled(1);
    let mut optimiser = Sgd::momentum(0.9).over(net.parameters(), 0.05);
    let task = Task {
        model: &net,
        optimiser: &mut optimiser,
        train: &train,
        validation: Some(&validation),
        loss: &|b: &Batch| Ok(loss::mse(&net.forward(&b.x)?, &b.y, Reduction::Mean)?.into()),
    };
    let mut trainer = Trainer { clip: Some(Clip::Norm(0.5)), ema: Some(0.9), ..Trainer::new(5) };
    trainer.pieces = in_pieces.then_some(PIECES);
    // So that sums are on their way while others begin.
    trainer.bucket = 64;
    let trained = trainer.train_on(task, ranks, None)?;
    let all = state(&net);
    let numbers = all.iter().map(|(_, t)| t.to_dtype(DType::F64).to_vec::<f64>().unwrap());
    Ok((numbers.flatten().collect(), trained))
}

#[test]
fn the_same_on_one_two_and_three() {
    let all = |what: &str| -> Vec<(Vec<String>, Vec<String>)> {
        let outs = (1..=3).map(|n| mpirun(n, "train::child", what).output().unwrap());
        let outs = outs.map(|output| succeed(&output));
        outs.map(|out| (values(&out, "digest"), values(&out, "squares"))).collect()
    };
    let pieces = all("pieces");
    for (n, (digests, _)) in (1..).zip(&pieces) {
        assert_eq!(digests, &vec![pieces[0].0[0].clone(); n]);
    }
    let parts = all("parts");
    let number = |text: &str| text.parse::<f64>().unwrap();
    for (n, (digests, squares)) in (1..).zip(&parts) {
        assert_eq!(digests, &vec![digests[0].clone(); n]);
        // Some hundred numbers of about 1, each off by rounding.
        assert!((number(&squares[0]) - number(&parts[0].1[0])).abs() < 1e-5, "{squares:?}");
    }
}

/// The bytes that this rank holds after some steps of Adam, which remembers twice the weights.
fn large(ranks: &Mpi, shard: bool) -> Result<usize> {
    manual_seed(0);
    let net = Sequential::new().then(Linear::new(64, 512)).then(Linear::new(512, 512));
    let net = net.then(Linear::new(512, 512)).then(Linear::new(512, 1));
    let train = DataLoader::new(data(96, 64), 48);
    let mut optimiser = Adam::default().over(net.parameters(), 1e-3);
    let task = Task {
        model: &net,
        optimiser: &mut optimiser,
        train: &train,
        validation: None,
        loss: &|b: &Batch| Ok(loss::mse(&net.forward(&b.x)?, &b.y, Reduction::Mean)?.into()),
    };
    Trainer { shard_optimiser: shard, ..Trainer::new(2) }.train_on(task, ranks, None)?;
    Ok(memory_stats().live)
}

/// With its state divided among two ranks, an optimiser's two moments of 560,000 weights of four
/// bytes are 2.2 MB less on each.
#[test]
fn a_divided_state_is_smaller() {
    let most = |what: &str| -> f64 {
        let out = succeed(&mpirun(2, "train::child", what).output().unwrap());
        let all = values(&out, "bytes");
        assert_eq!(all.len(), 2, "{out}");
        all.iter().map(|n| n.parse::<f64>().unwrap()).fold(0.0, f64::max)
    };
    let saved = most("whole") - most("sharded");
    // Half of 8 bytes for each weight, where whole layers are dealt out.
    assert!((1.9e6..2.5e6).contains(&saved), "{saved}");
}

/// A row that only one rank reads cannot be read.
fn broken(ranks: &Mpi) -> Result<Trained> {
    let net = Linear::new(4, 1);
    let train = DataLoader::new(data(90, 4), 30);
    let mut optimiser = Sgd::default().over(net.parameters(), 0.01);
    let task = Task {
        model: &net,
        optimiser: &mut optimiser,
        train: &train,
        validation: None,
        loss: &|b: &Batch| {
            if b.rows.contains(&47) {
                return Err(Error::new("row 47 is broken"));
            }
            let y: Tensor = net.forward(&b.x)?;
            Ok(loss::mse(&y, &b.y, Reduction::Mean)?.into())
        },
    };
    Trainer::new(9).train_on(task, ranks, None)
}

#[test]
fn a_broken_row_ends_the_job() {
    let begun = Instant::now();
    let output = mpirun(3, "train::child", "broken").output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(err.matches("error: rank").count(), 1, "{err}");
    assert!(err.contains("error: rank 1 of 3: ") && err.contains("row 47 is broken"), "{err}");
}
