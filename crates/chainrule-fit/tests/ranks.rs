//! Training over ranks: the model is that of one rank, whatever happens on the way.

use std::path::Path;
use std::sync::Mutex;

use chainrule_core::{Tensor, manual_seed};
use chainrule_fit::data::array::Array;
use chainrule_fit::data::dataset::{Arrays, Dataset, Example};
use chainrule_fit::data::loader::{Batch, DataLoader};
use chainrule_fit::nn::{
    Activation, BatchNorm1d, Layer, Linear, Module, Reduction, Sequential, loss, state,
};
use chainrule_fit::optim::{Adam, Clip, Optimiser, Rule, Sgd};
use chainrule_fit::parallel::{Communicator, Single, threads};
use chainrule_fit::train::{Checkpoints, Judged, PIECES, Task, Trained, Trainer};
use chainrule_fit::{Error, Result};

/// 100 points in the plane, of three classes around three centres.
fn blobs() -> Arrays {
    let (mut x, mut y) = (vec![], vec![]);
    for i in 0..100 {
        let (class, t) = (i % 3, i as f32);
        let angle = class as f32 * 2.1;
        x.extend([angle.cos() + 0.5 * (t * 1.3).sin(), angle.sin() + 0.5 * (t * 2.9).cos()]);
        y.push(class as i64);
    }
    Arrays::new(Array::new([100, 2], x).unwrap(), Array::new([100], y).unwrap()).unwrap()
}

/// The generator is one for all threads: one draws at a time.
static DRAWING: Mutex<()> = Mutex::new(());

fn net(seed: u64, with_norm: bool) -> Sequential {
    let _drawing = DRAWING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    manual_seed(seed);
    let net = Sequential::new().then(Linear::new(2, 16));
    let net = if with_norm { net.then(BatchNorm1d::new(16)) } else { net };
    net.then(Activation::Tanh).then(Linear::new(16, 3))
}

fn judged(net: &Sequential, batch: &Batch) -> Result<Judged> {
    let logits = net.forward(&batch.x)?;
    let hits =
        logits.argmax_axis(1, false).eq(&batch.y).to_dtype(chainrule_core::DType::F32).mean();
    let loss = loss::cross_entropy(&logits, &batch.y, Reduction::Mean)?;
    Ok(Judged { loss, metrics: vec![("accuracy", hits)] })
}

/// What a run ended with: all numbers of the model, and what was said of it.
type Ended = (Vec<f64>, Trained);

struct Case {
    with_norm: bool,
    adam: bool,
    batch: usize,
}

impl Case {
    fn train(&self, ranks: &dyn Communicator, trainer: Trainer) -> Result<Ended> {
        // Only the first rank's numbers count.
        let net = net(3 + ranks.rank() as u64, self.with_norm);
        let parameters = net.parameters();
        let mut optimiser: Box<dyn Optimiser> = match self.adam {
            true => Box::new(Adam::default().over(parameters, 0.02)),
            false => Box::new(Sgd::momentum(0.9).over(parameters, 0.1)),
        };
        let loader = DataLoader::new(blobs(), self.batch).shuffled(1);
        let validation = DataLoader::new(blobs(), 30);
        let task = Task {
            model: &net,
            optimiser: &mut optimiser,
            train: &loader,
            validation: Some(&validation),
            loss: &|batch| judged(&net, batch),
        };
        let trained = trainer.train_on(task, ranks, None)?;
        let all = state(&net);
        let numbers = all.iter().map(|(_, t)| t.to_dtype(chainrule_core::DType::F64));
        Ok((numbers.flat_map(|t| t.to_vec::<f64>().unwrap()).collect(), trained))
    }

    fn on(&self, size: usize, trainer: impl Fn() -> Trainer + Sync) -> Vec<Ended> {
        let ended = threads(size, |ranks| self.train(ranks, trainer()));
        ended.into_iter().map(Result::unwrap).collect()
    }
}

fn plain(epochs: usize) -> Trainer {
    Trainer { clip: Some(Clip::Norm(0.5)), ema: Some(0.8), ..Trainer::new(epochs) }
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// One rank with 32 rows at a time, or several with their parts of them, down to epochs whose last
/// batch has fewer rows than there are ranks: 100 = 3 · 33 + 1 = 2 · 49 + 2.
#[test]
fn the_trajectory_is_that_of_one() {
    for (with_norm, batch, accumulate) in
        [(false, 32, 1), (false, 33, 2), (true, 32, 1), (true, 49, 1), (true, 49, 2)]
    {
        let case = Case { with_norm, adam: false, batch };
        let trainer = || Trainer { accumulate, ..plain(6) };
        let (one, told) = case.train(&Single, trainer()).unwrap();
        assert!(told.communication.is_none());
        for size in [1, 2, 3] {
            let all = case.on(size, trainer);
            for (numbers, trained) in &all {
                // Rounding of F32, in six epochs.
                let off = distance(numbers, &one);
                assert!(off < 1e-6, "{with_norm} {batch} {accumulate} on {size}: {off}");
                assert_eq!(trained.digest, all[0].1.digest);
                assert_eq!(trained.steps, told.steps);
                assert_eq!(trained.communication.is_some(), size > 1);
                for (a, b) in trained.history.epochs.iter().zip(&told.history.epochs) {
                    assert_eq!(a.metrics.len(), b.metrics.len());
                    assert!((a.loss - b.loss).abs() < 1e-6);
                    assert!((a.validation.unwrap() - b.validation.unwrap()).abs() < 1e-6);
                    // Two rows, normalised, are divided by their small distance.
                    let (a, b) = (a.norm.unwrap(), b.norm.unwrap());
                    assert!((a - b).abs() < 1e-4 * b.max(1.0), "{batch} on {size}: {a} {b}");
                }
            }
        }
    }
}

/// In pieces, the bits are those of one rank on any number of them.
#[test]
fn the_bits_are_those_of_one() {
    for (with_norm, batch, accumulate) in
        [(false, 33, 1), (false, 33, 3), (true, 32, 1), (true, 49, 3)]
    {
        let case = Case { with_norm, adam: true, batch };
        let trainer = || Trainer { accumulate, pieces: Some(PIECES), ..plain(4) };
        let (one, told) = case.train(&Single, trainer()).unwrap();
        for size in [1, 2, 3, 5, 14] {
            for (numbers, trained) in case.on(size, trainer) {
                assert_eq!(trained.digest, told.digest, "{with_norm} {accumulate} on {size}");
                assert_eq!(numbers, one);
                let losses = |t: &Trained| -> Vec<u64> {
                    t.history.epochs.iter().map(|e| e.validation.unwrap().to_bits()).collect()
                };
                assert_eq!(losses(&trained), losses(&told));
            }
        }
        // And but for rounding those of whole batches; not with Adam, which makes a whole step of
        // the rounding of a gradient that is 0, as that of a bias before a batch norm is.
        let case = Case { adam: false, ..case };
        let (one, _) = case.train(&Single, trainer()).unwrap();
        let (whole, _) = case.train(&Single, Trainer { accumulate, ..plain(4) }).unwrap();
        let off = distance(&whole, &one);
        assert!(off < 1e-6, "{with_norm} {batch}: {off}");
    }
}

/// Buckets of a few bytes, of many, and an optimiser whose state is divided change nothing.
#[test]
fn buckets_and_shards_change_nothing() {
    let case = Case { with_norm: true, adam: true, batch: 32 };
    let all = case.on(3, || plain(3));
    let sharded = || Trainer { shard_optimiser: true, ..plain(3) };
    for (numbers, trained) in case.on(3, sharded) {
        assert_eq!(numbers, all[0].0);
        assert_eq!(trained.digest, all[0].1.digest);
    }
    let case = Case { with_norm: true, adam: false, batch: 32 };
    let all = case.on(3, || plain(3));
    for (numbers, _) in case.on(3, || Trainer { bucket: 8, ..plain(3) }) {
        assert!(distance(&numbers, &all[0].0) < 1e-6);
    }
}

#[test]
fn early_stopping_is_agreed() {
    let case = Case { with_norm: false, adam: true, batch: 32 };
    let trainer = || {
        let schedule =
            chainrule_fit::optim::schedule::Curve::Constant { factor: 20.0, steps: 9999 };
        Trainer {
            early_stop: Some(3),
            schedule: Some(Box::new(schedule)),
            pieces: Some(PIECES),
            ..Trainer::new(300)
        }
    };
    let (one, told) = case.train(&Single, trainer()).unwrap();
    assert!(told.history.epochs.len() < 300);
    for (numbers, trained) in case.on(2, trainer) {
        assert_eq!((trained.ending, trained.best), (told.ending, told.best));
        assert_eq!(numbers, one);
    }
}

/// Another dataset, until it was read so many times, if that is not 0.
struct Breaking(Arrays, Mutex<usize>);

impl Dataset for Breaking {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn read(&self, rows: &[usize]) -> Result<Example> {
        let mut left = self.1.lock().unwrap();
        if *left > 0 {
            *left -= 1;
            if *left == 0 {
                return Err(Error::new("row 17 is broken"));
            }
        }
        self.0.read(rows)
    }
}

fn resumable(folder: &Path, ranks: &dyn Communicator, size: usize, breaks: usize) -> Result<Ended> {
    let net = net(3 + ranks.rank() as u64, false);
    let mut optimiser = Adam::default().over(net.parameters(), 0.02);
    let breaks = if ranks.rank() == 1 { breaks } else { 0 };
    let loader = DataLoader::new(Breaking(blobs(), Mutex::new(breaks)), 33).shuffled(1);
    let task = Task {
        model: &net,
        optimiser: &mut optimiser,
        train: &loader,
        validation: None,
        loss: &|batch| judged(&net, batch),
    };
    let mut trainer = Trainer { pieces: Some(PIECES), resume: true, ..plain(6) };
    trainer.shard_optimiser = size == 3;
    trainer.checkpoints = Some(Checkpoints { every: Some(3), ..Checkpoints::new(folder) });
    let trained = trainer.train_on(task, ranks, None)?;
    let numbers = net.parameters().iter().flat_map(|p| p.to_vec::<f64>().unwrap()).collect();
    Ok((numbers, trained))
}

/// A job that ends on three ranks because of one goes on with any number of ranks to the same end.
#[test]
fn resumed_on_other_ranks() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, size: usize, breaks: usize| {
        let path = folder.path().join(name);
        threads(size, |ranks| resumable(&path, ranks, size, breaks))
    };
    let whole = run("whole", 1, 0)[0].as_ref().unwrap().0.clone();
    for (name, breaks, sizes) in [("a", 20, [1, 3]), ("b", 37, [3, 1]), ("c", 60, [2, 3])] {
        let said = run(name, 3, breaks);
        let broken: Vec<_> =
            said.iter().map(|s| s.as_ref().map(|_| ()).unwrap_err().to_string()).collect();
        assert!(broken.iter().all(|why| why.contains("row 17 is broken")), "{broken:?}");
        assert_eq!(broken.iter().filter(|why| why.contains("rank ")).count(), 2, "{broken:?}");
        let copy = folder.path().join(format!("{name} 2"));
        std::fs::create_dir(&copy).unwrap();
        for file in std::fs::read_dir(folder.path().join(name)).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), copy.join(file.file_name())).unwrap();
        }
        for (name, size) in [name.to_string(), format!("{name} 2")].iter().zip(sizes) {
            for ended in run(name, size, 0) {
                let (numbers, trained) = ended.unwrap();
                assert!(trained.resumed.is_some());
                assert_eq!(numbers, whole, "{name} on {size}");
            }
        }
    }
}

#[test]
fn ranks_that_are_not_alike() {
    let case = Case { with_norm: false, adam: false, batch: 32 };
    let said = threads(3, |ranks| {
        let epochs = if ranks.rank() == 1 { 7 } else { 6 };
        case.train(ranks, plain(epochs)).unwrap_err().to_string()
    });
    let expected = "epochs is 7 on rank 1 and is 6 on rank 0; start all ranks alike";
    assert!(said.iter().all(|why| why.contains(expected)), "{said:?}");
}

/// A number that is none is found where it is, and all ranks are told.
#[test]
fn bad_numbers_have_an_autopsy() {
    for pieces in [None, Some(PIECES)] {
        let said = threads(2, |ranks| {
            let net = net(3, true);
            let before = state(&net);
            let mut optimiser = Sgd::default().over(net.parameters(), 0.1);
            let loader = DataLoader::new(blobs(), 100);
            let task = Task {
                model: &net,
                optimiser: &mut optimiser,
                train: &loader,
                validation: None,
                loss: &|batch| {
                    let one = judged(&net, batch)?.loss;
                    // Only the second rank has row 70.
                    let bad = if batch.rows.contains(&70) { -1.0 } else { 1.0 };
                    Ok((&one + Tensor::from(bad as f32).ln()).into())
                },
            };
            let trainer = Trainer { pieces, ..Trainer::new(2) };
            let said = trainer.train_on(task, ranks, None).unwrap_err().to_string();
            for ((_, a), (_, b)) in before.iter().zip(state(&net)) {
                assert_eq!(a.to_vec::<f64>().unwrap(), b.to_vec::<f64>().unwrap());
            }
            said
        });
        for said in said {
            assert!(said.contains("on rank 1, the loss is NaN"), "{said}");
            assert!(said.contains("`ln` made NaN out of finite numbers"), "{said}");
        }
    }
}
