//! What ranks say to each other.

use std::time::{Duration, Instant};

use chainrule_fit::Error;
use chainrule_fit::parallel::{Communicator, Summands, same_on_all};
use chainrule_mpi::{Mpi, is_launched};

use crate::launch::{mpirun, succeed, task, values};

/// One rank of what the tests below start.
#[test]
fn child() {
    let Some(what) = task() else { return };
    assert!(is_launched());
    let ranks = Mpi::start().unwrap();
    assert!(Mpi::start().is_err());
    match what.as_str() {
        "exchanges" => exchanges(&ranks),
        "fail" if ranks.rank() == 1 => ranks.abort(&Error::new("row 7 is broken")),
        "die" if ranks.rank() == 1 => std::process::abort(),
        "differ" => {
            let seed = ranks.rank().min(1).to_string();
            let why = same_on_all(&ranks, &[("version", "1"), ("--seed", &seed)]).unwrap_err();
            ranks.abort(&why);
        }
        // A rank for which the others wait in vain.
        _ => ranks.barrier().unwrap(),
    }
}

fn exchanges(ranks: &Mpi) {
    let (rank, size) = (ranks.rank(), ranks.size());
    let gathered = ranks.gather(vec![rank as u8; rank]).unwrap();
    assert!(gathered.iter().enumerate().all(|(r, bytes)| *bytes == vec![r as u8; r]));
    for root in 0..size {
        let given = if rank == root { vec![root as u8; 70_000] } else { vec![] };
        assert_eq!(ranks.broadcast(root, given).unwrap(), vec![root as u8; 70_000]);
    }
    // Sums on their way at once, waited for in the other order, looked at, and given up.
    let mut first = ranks.start_sum(Summands::F32(vec![rank as f32; 300_000])).unwrap();
    let second = ranks.start_sum(Summands::F64(vec![1.0, rank as f64])).unwrap();
    drop(ranks.start_sum(Summands::F64(vec![5.0; 9])).unwrap());
    let total = (size * (size - 1) / 2) as f64;
    assert_eq!(second.wait().unwrap(), Summands::F64(vec![size as f64, total]));
    while !first.is_ready() {}
    assert_eq!(first.wait().unwrap(), Summands::F32(vec![total as f32; 300_000]));
    assert_eq!(ranks.sum(Summands::F32(vec![])).unwrap(), Summands::F32(vec![]));
    same_on_all(ranks, &[("version", "1")]).unwrap();
    let other = ranks.handle();
    assert_eq!((other.rank(), other.size()), (rank, size));
    other.barrier().unwrap();
    print!("rank: {rank} of {size};");
}

#[test]
fn ranks_exchange() {
    for n in 1..=3 {
        let out = succeed(&mpirun(n, "exchange::child", "exchanges").output().unwrap());
        let mut ranks = values(&out, "rank");
        ranks.sort();
        let expected: Vec<String> = (0..n).map(|rank| format!("{rank} of {n}")).collect();
        assert_eq!(ranks, expected, "{out}");
    }
}

/// Who fails or dies ends the job, and it is said who and why.
#[test]
fn nobody_waits_for_ever() {
    for (what, said) in [
        ("fail", "error: rank 1 of 3: row 7 is broken"),
        ("differ", "error: rank 0 of 3: --seed is 1 on rank 1 and is 0 on rank 0"),
        ("die", "rank 1"),
    ] {
        let begun = Instant::now();
        let output = mpirun(3, "exchange::child", what).output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{what}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{what}");
        assert!(err.contains(said), "{what}: {err}");
        assert_eq!(err.matches("error: rank").count(), usize::from(what != "die"), "{err}");
    }
}
