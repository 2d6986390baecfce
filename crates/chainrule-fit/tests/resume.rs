//! A run that is killed and resumed, again and again, ends with the bits of one that was not.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use chainrule_core::{Tensor, manual_seed};
use chainrule_fit::data::array::Array;
use chainrule_fit::data::dataset::Arrays;
use chainrule_fit::data::loader::DataLoader;
use chainrule_fit::data::transform::Transform;
use chainrule_fit::nn::{
    Activation, BatchNorm1d, Dropout, Layer, Linear, Module, Reduction, Sequential, loss,
};
use chainrule_fit::optim::schedule::{Curve, OneCycle};
use chainrule_fit::optim::{AdamW, Clip, Rule};
use chainrule_fit::train::{Checkpoints, Task, Trained, Trainer};

const ROWS: usize = 300;

fn data(shift: usize) -> Arrays {
    let at = |i: usize| (((i * 7919 + shift) % 1009) as f32 / 504.5) - 1.0;
    let x: Vec<f32> = (0..ROWS * 16).map(at).collect();
    let y = x.chunks(16).map(|row| i64::from(row[0] + row[1] * row[2] > 0.0));
    let y: Vec<i64> = y.collect();
    Arrays::new(Array::new([ROWS, 1, 4, 4], x).unwrap(), Array::new([ROWS], y).unwrap()).unwrap()
}

/// The generator is one for all threads, and tests are threads: one run draws at a time.
static DRAWING: std::sync::Mutex<()> = std::sync::Mutex::new(());

/// A run with everything that has a state: shuffling, drawn transforms, dropout, running moments,
/// Adam, a schedule, running means, several batches for a step, early stopping.
fn run(folder: &Path, epochs: usize, log: Option<&Path>) -> chainrule_fit::Result<Trained> {
    let _drawing = DRAWING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    manual_seed(11);
    let net = Sequential::new()
        .then(Linear::new(16, 32))
        .then(BatchNorm1d::new(32))
        .then(Activation::Relu)
        .then(Dropout::new(0.2))
        .then(Linear::new(32, 2));
    let mut train = DataLoader::new(data(0), 16).shuffled(5).with(Transform::Flip(0.5));
    train.transforms.push(Transform::Shift(1));
    let validation = DataLoader::new(data(3), 100);
    let mut optimiser = AdamW::default().over(net.parameters(), 0.01);
    let mut trainer = Trainer::new(epochs);
    let steps = epochs * train.per_epoch().div_ceil(2);
    trainer.schedule = Some(Box::new(Curve::OneCycle(OneCycle::new(steps))));
    trainer.clip = Some(Clip::Norm(1.0));
    trainer.accumulate = 2;
    trainer.ema = Some(0.95);
    trainer.early_stop = Some(500);
    trainer.resume = true;
    trainer.log = log.map(Path::to_path_buf);
    trainer.checkpoints = Some(Checkpoints { every: Some(3), ..Checkpoints::new(folder) });
    let loss = |b: &chainrule_fit::data::loader::Batch| {
        let x = b.x.reshape([b.rows.len() as i64, 16]);
        Ok(loss::cross_entropy(&net.forward(&x)?, &b.y, Reduction::Mean)?.into())
    };
    let task = Task {
        model: &net,
        optimiser: &mut optimiser,
        train: &train,
        validation: Some(&validation),
        loss: &loss,
    };
    trainer.train(task, None)
}

/// What the parent starts: not a test by itself.
#[test]
fn child() {
    let Some(folder) = std::env::var_os("CHAINRULE_TEST_RUN") else { return };
    let folder = Path::new(&folder);
    match run(&folder.join("run"), 100, Some(&folder.join("log.jsonl"))) {
        Ok(trained) => std::fs::write(folder.join("digest"), trained.digest).unwrap(),
        Err(error) => eprintln!("error: {error}"),
    }
}

fn start(folder: &Path) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact"])
        .env("CHAINRULE_TEST_RUN", folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn killed_at_ten_moments() {
    let (once, often) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let begun = Instant::now();
    assert!(start(once.path()).wait().unwrap().success());
    let whole = begun.elapsed();

    // Moments from a fixed sequence: from before the first step to a ninth of the run. Beside other
    // tests the first run may have been slow: the ten together are two thirds of it.
    let steps = |folder: &Path| -> Vec<String> {
        let log = std::fs::read_to_string(folder.join("log.jsonl")).unwrap_or_default();
        let lines = log.lines().filter(|line| line.contains("\"event\":\"step\""));
        lines.map(String::from).collect()
    };
    let (mut killed, mut amid) = (0, 0);
    while killed < 10 {
        let mut child = start(often.path());
        std::thread::sleep(whole * [1, 9, 3, 7, 5, 2, 8, 4, 6, 5][killed] / 80);
        if child.try_wait().unwrap().is_some() {
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        killed += 1;
        amid += usize::from(!steps(often.path()).is_empty());
    }
    let mut last = start(often.path());
    assert!(last.wait().unwrap().success());
    let digest = |folder: &Path| std::fs::read_to_string(folder.join("digest")).unwrap();
    assert_eq!(digest(often.path()), digest(once.path()), "after {killed} kills");
    // On a busy machine the first run may have been slow and the others fast.
    assert!(killed >= 5, "the run was over after {killed} kills, in {whole:?}");
    assert!(amid > 0, "all {killed} kills came before the first step, in {whole:?}");
    // The logs agree but for times and whether the run was done in one go.
    assert_eq!(steps(often.path()), steps(once.path()));
}

/// Damaged, foreign and missing checkpoints: one sentence, and the one before is used.
#[test]
fn damaged_checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let whole = run(&path, 6, None).unwrap();
    let names = || {
        let mut names: Vec<String> = std::fs::read_dir(&path)
            .unwrap()
            .map(|f| f.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let files = names();
    assert_eq!(files.len(), 3, "{files:?}");
    let last = path.join(&files[2]);
    let bytes = std::fs::read(&last).unwrap();
    let mut flipped = bytes.clone();
    let end = flipped.len() - 9;
    flipped[end] ^= 4;
    for damage in [&bytes[..bytes.len() / 2], &[], &flipped] {
        std::fs::write(&last, damage).unwrap();
        let again = run(&path, 6, None).unwrap();
        assert_eq!(again.digest, whole.digest);
        assert_eq!(again.warnings.len(), 1, "{:?}", again.warnings);
        assert!(again.warnings[0].contains("the one before it is used"), "{:?}", again.warnings);
        assert_eq!(names(), files);
    }
    for file in files.iter().filter(|f| f.starts_with("step")) {
        std::fs::write(path.join(file), b"nothing").unwrap();
    }
    let got = run(&path, 6, None).unwrap_err().to_string();
    assert!(got.contains("no sound one before it"), "{got}");
}

fn small(folder: &Path, width: usize, resume: bool, seed: u64) -> chainrule_fit::Result<Trained> {
    let _drawing = DRAWING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let net = Linear::new(width, 1);
    let x = Array::new([8, width], vec![0.5f32; 8 * width])?;
    let train = DataLoader::new(Arrays::new(x, Array::new([8, 1], vec![1f32; 8])?)?, 4);
    let train = train.shuffled(seed);
    let mut optimiser = AdamW::default().over(net.parameters(), 0.01);
    let mut trainer = Trainer::new(2);
    trainer.resume = resume;
    trainer.checkpoints = Some(Checkpoints::new(folder));
    let loss = |b: &chainrule_fit::data::loader::Batch| {
        let y: Tensor = net.forward(&b.x)?;
        Ok(loss::mse(&y, &b.y, Reduction::Mean)?.into())
    };
    let task = Task {
        model: &net,
        optimiser: &mut optimiser,
        train: &train,
        validation: None,
        loss: &loss,
    };
    trainer.train(task, None)
}

#[test]
fn checkpoints_of_another_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    small(&path, 3, false, 0).unwrap();
    let before: Vec<_> = std::fs::read_dir(&path).unwrap().map(|f| f.unwrap().path()).collect();
    let got = small(&path, 4, true, 0).unwrap_err().to_string();
    assert!(got.contains("weight is [1, 3] instead of [1, 4]"), "{got}");
    let got = small(&path, 3, true, 1).unwrap_err().to_string();
    assert!(got.contains("was made with shuffle"), "{got}");
    let got = small(&path, 3, false, 0).unwrap_err().to_string();
    assert!(got.contains("already holds checkpoints"), "{got}");
    let after: Vec<_> = std::fs::read_dir(&path).unwrap().map(|f| f.unwrap().path()).collect();
    assert_eq!(before, after);
    assert_eq!(small(&path, 3, true, 0).unwrap().resumed, Some(4));
}

/// Where nothing can be written any more, one sentence; what was written before is still there, and
/// with room again the run ends as if nothing had happened.
#[cfg(unix)]
#[test]
fn a_full_disk() {
    let (once, full) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    assert!(start(once.path()).wait().unwrap().success());
    let mut child = start(full.path());
    let run = full.path().join("run");
    let names = || {
        let entries = std::fs::read_dir(&run).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries.map(|f| f.file_name().into_string().unwrap()).collect();
        names.retain(|name| name.starts_with("step-"));
        names.sort();
        names
    };
    while names().is_empty() {
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before = names();
    // Files of more than 4 blocks of 512 bytes fail to be written, as on a disk that is full.
    let limited = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 4; exec \"$0\" child --exact --nocapture"])
        .arg(std::env::current_exe().unwrap())
        .env("CHAINRULE_TEST_RUN", full.path())
        .output()
        .unwrap();
    let said = String::from_utf8(limited.stderr).unwrap();
    let said = said.lines().find(|line| line.starts_with("error: ")).expect("a sentence");
    assert!(said.contains("cannot be written: file too large"), "{said}");
    assert_eq!(names(), before);
    assert!(start(full.path()).wait().unwrap().success());
    let digest = |folder: &Path| std::fs::read_to_string(folder.join("digest")).unwrap();
    assert_eq!(digest(full.path()), digest(once.path()));
}

#[test]
fn nowhere_to_write() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let got = small(&file, 3, false, 0).unwrap_err().to_string();
    assert!(got.contains("for checkpoints cannot be used"), "{got}");
}
