//! Fits under `mpirun`: the same command, the same answer.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// What one run left.
struct Run {
    code: i32,
    out: String,
    err: String,
}

/// The command on `n` ranks; on none, without `mpirun`.
fn command(folder: &Path, n: usize, arguments: &[&str]) -> Command {
    let program = env!("CARGO_BIN_EXE_chainrule");
    let mut command = match n {
        0 => Command::new(program),
        _ => {
            let mut command = Command::new("mpirun");
            command.args(["-n", &n.to_string(), program]);
            command
        }
    };
    command
        .args(arguments)
        .current_dir(folder)
        // OpenMPI's words for running as root and with more ranks than cores, in versions 4 and 5.
        .envs(["OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"].map(|name| (name, "1")))
        .env("OMPI_MCA_rmaps_base_oversubscribe", "1")
        .env("PRTE_MCA_rmaps_default_mapping_policy", ":oversubscribe")
        .stdin(Stdio::null());
    command
}

fn run(folder: &Path, n: usize, arguments: &[&str]) -> Run {
    let done = command(folder, n, arguments).output().expect("mpirun starts");
    let text = |bytes| String::from_utf8(bytes).expect("the output is text");
    let code = done.status.code().expect("the command is not killed");
    Run { code, out: text(done.stdout), err: text(done.stderr) }
}

fn object(run: &Run) -> Value {
    assert_eq!(run.code, 0, "{}", run.err);
    serde_json::from_str(&run.out).expect("one JSON object")
}

/// A target that no linear model finds: whether a point is inside a ring.
fn ring(folder: &Path) {
    let mut text = String::from("a,b,where\n");
    for i in 0..400 {
        let (x, y) = ((f64::from(i) * 0.754).sin() * 2.0, (f64::from(i) * 1.323).cos() * 2.0);
        text += &format!("{x:.4},{y:.4},{}\n", if x.hypot(y) < 1.5 { "in" } else { "out" });
    }
    fs::write(folder.join("ring.csv"), text).unwrap();
}

const FIT: [&str; 10] = [
    "fit",
    "ring.csv",
    "--target",
    "where",
    "--model",
    "mlp:16,8",
    "--epochs",
    "20",
    "--json",
    "--batch=50",
];

/// The loss of the last epoch on rows that were learnt from and on others.
fn losses(all: &Value) -> Vec<f64> {
    let of = |part: &str| all["metrics"][part]["log_loss"].as_f64().unwrap();
    vec![of("train"), of("test")]
}

#[test]
fn the_same_answer() {
    let folder = tempfile::tempdir().unwrap();
    ring(folder.path());
    let exact = [&FIT[..], &["--deterministic"]].concat();
    let one = object(&run(folder.path(), 0, &exact));
    let plain = object(&run(folder.path(), 0, &FIT));
    for n in 1..=3 {
        let more = ["--shard-optimizer", "--log", "log.jsonl", "--out", "m.safetensors"];
        let ran = run(folder.path(), n, &[&exact[..], &more].concat());
        let all = object(&ran);
        assert_eq!(all["digest"], one["digest"], "{n}");
        assert_eq!(losses(&all), losses(&one));
        // One progress, one log, one model.
        assert_eq!(ran.err.lines().filter(|l| l.starts_with("epoch ")).count(), 5, "{}", ran.err);
        let log = fs::read_to_string(folder.path().join("log.jsonl")).unwrap();
        assert_eq!(log.lines().filter(|line| line.contains("\"event\":\"epoch\"")).count(), 20);
        assert!(log.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
        let near = object(&run(folder.path(), n, &FIT));
        for (a, b) in losses(&near).iter().zip(losses(&plain)) {
            // Adam's divisions make rounding larger than it is in the gradients.
            assert!((a - b).abs() < 1e-4, "{n}: {a} {b}");
        }
    }
    // A lane for each rank, with what it computed and when it waited.
    let ran = run(folder.path(), 2, &[&FIT[..], &["--profile", "trace.json"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    let trace = fs::read_to_string(folder.path().join("trace.json")).unwrap();
    let trace: Value = serde_json::from_str(&trace).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    for lane in 1..=2 {
        let of = |name: &str| events.iter().any(|e| e["tid"] == lane && e["name"] == name);
        assert!(of("thread_name") && of("profile") && of("begin a sum over ranks"), "{lane}");
    }
    let streamed = [&exact[..], &["--stream"]].concat();
    let one = object(&run(folder.path(), 0, &streamed));
    assert_eq!(object(&run(folder.path(), 3, &streamed))["digest"], one["digest"]);
}

/// Exact fits, of which each rank reads its part of the file.
#[test]
fn exact_fits() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::from("x,y,n\n");
    for i in 0..500 {
        let x = f64::from(i) / 100.0;
        let y = 2.0 + 3.0 * (-0.7 * x).exp() + 0.01 * (f64::from(i) * 1.7).sin();
        text += &format!("{x},{y},{}\n", (y * 2.0).round());
    }
    fs::write(folder.path().join("t.csv"), text).unwrap();
    for (model, target, stream) in
        [("linear", "y", true), ("poisson", "n", true), ("top + a*exp(-k*x)", "y", false)]
    {
        let mut fit = vec!["fit", "t.csv", "--target", target, "--model", model, "--json"];
        if model.contains('a') && !stream {
            fit.extend(["--start", "top=1,a=1,k=1"]);
        } else {
            fit.extend(["--features", "x", "--stream"]);
        }
        let estimates = |n: usize| -> Vec<f64> {
            let all = object(&run(folder.path(), n, &fit));
            let all = all["parameters"].as_array().expect("parameters").clone();
            all.iter().map(|one| one["estimate"].as_f64().unwrap()).collect()
        };
        let fit_of_two = estimates(2);
        assert_eq!(estimates(3), fit_of_two, "{model}");
        // A formula in one process tests on other rows.
        if stream {
            for (a, b) in estimates(0).iter().zip(&fit_of_two) {
                assert!((a - b).abs() <= 1e-10 * b.abs(), "{model}: {a} {b}");
            }
        }
    }
}

/// Whether the folder `run` has a checkpoint.
fn has_checkpoint(folder: &Path) -> bool {
    let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    let names = fs::read_dir(folder.join("run")).into_iter().flatten().flatten().map(name);
    names.into_iter().any(|name| name.starts_with("step-") && name.ends_with(".safetensors"))
}

/// The processes of rank `rank` among those that `mpirun` started.
fn process_of(mpirun: u32, rank: usize) -> Option<u32> {
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let id: u32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        let parent: u32 = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()?;
        let environment = fs::read(entry.path().join("environ")).ok()?;
        let is_rank =
            |all: &str| all.split('\0').any(|one| one == format!("OMPI_COMM_WORLD_RANK={rank}"));
        (parent == mpirun && is_rank(&String::from_utf8_lossy(&environment))).then_some(id)
    })
}

/// One rank is killed at five moments: the job ends with a message, and goes on with one rank and
/// with three to the same end.
#[cfg(target_os = "linux")]
#[test]
fn a_rank_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    ring(folder.path());
    let mut fit = [&FIT[..], &["--deterministic"]].concat();
    fit[7] = "60";
    let whole = object(&run(folder.path(), 0, &fit));
    let with = [&fit[..], &["--checkpoint", "run", "--resume"]].concat();
    for moment in 0..5 {
        let mut child = command(folder.path(), 3, &with)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        while !has_checkpoint(folder.path()) {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(40 * moment));
        let victim = process_of(child.id(), moment as usize % 3).expect("a rank");
        let killed = Command::new("kill").args(["-9", &victim.to_string()]).status().unwrap();
        assert!(killed.success());
        let begun = Instant::now();
        let status = child.wait().unwrap();
        assert!(begun.elapsed() < Duration::from_secs(10));
        let mut said = String::new();
        std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut said).unwrap();
        assert!(!status.success(), "{said}");
        assert!(said.contains(&format!("process rank {}", moment % 3)), "{said}");
        assert!(said.contains("signal 9"), "{said}");
        for n in [1, 3] {
            let copy = tempfile::tempdir().unwrap();
            ring(copy.path());
            fs::create_dir(copy.path().join("run")).unwrap();
            for file in fs::read_dir(folder.path().join("run")).unwrap().flatten() {
                fs::copy(file.path(), copy.path().join("run").join(file.file_name())).unwrap();
            }
            let resumed = object(&run(copy.path(), n, &with));
            assert!(resumed["resumed"].as_u64().unwrap() > 0);
            assert_eq!(resumed["digest"], whole["digest"]);
            assert_eq!(losses(&resumed), losses(&whole));
        }
        fs::remove_dir_all(folder.path().join("run")).unwrap();
    }
}

/// What is wrong is said once, by whom it concerns, and at once.
#[test]
fn refusals() {
    let folder = tempfile::tempdir().unwrap();
    ring(folder.path());
    let base = ["fit", "ring.csv", "--target", "where", "--model", "mlp:8"];
    let say = |more: &[&str]| {
        let begun = Instant::now();
        let run = run(folder.path(), 3, &[&base[..], more].concat());
        assert!(begun.elapsed() < Duration::from_secs(10));
        assert_ne!(run.code, 0);
        run.err
    };
    for (more, said) in [
        (&["--optimizer", "magic"][..], "must be one of adamw"),
        (&["--features", "c"], "\"c\""),
        (&["--out", "no/such/model"], "the folder does not exist"),
        (&["--lr", "1e30", "--epochs", "3"], "training stopped in step"),
        (&["--model", "linear"], "cannot be used multiple times"),
    ] {
        let err = say(more);
        assert_eq!(err.matches(said).count(), 1, "{more:?}: {err}");
        assert!(err.matches("error: rank").count() <= 1, "{more:?}: {err}");
        assert!(!err.contains("panicked"), "{err}");
    }
    // Two programs of one job, with other arguments.
    let mut two = command(folder.path(), 1, &base);
    two.args([":", "-n", "1", env!("CARGO_BIN_EXE_chainrule")]).args(base).args(["--seed", "1"]);
    let output = two.output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(err.contains("argument 7 is --seed on rank 1 and is missing on rank 0"), "{err}");
}
