//! What ranks say to each other, with threads for ranks.

use std::time::{Duration, Instant};

use chainrule_fit::Error;
use chainrule_fit::parallel::{Communicator, Single, Summands, threads};

#[test]
fn exchanges() {
    for size in 1..=4 {
        threads(size, |ranks| {
            let rank = ranks.rank();
            let gathered = ranks.gather(vec![rank as u8; rank]).unwrap();
            assert!(gathered.iter().enumerate().all(|(r, bytes)| *bytes == vec![r as u8; r]));
            for root in 0..size {
                assert_eq!(ranks.broadcast(root, vec![rank as u8]).unwrap(), [root as u8]);
            }
            // Two sums on their way at once, waited for in the other order.
            let first = ranks.start_sum(Summands::F32(vec![rank as f32; 3])).unwrap();
            let second = ranks.start_sum(Summands::F64(vec![1.0, rank as f64])).unwrap();
            let total = (size * (size - 1) / 2) as f64;
            assert_eq!(second.wait().unwrap(), Summands::F64(vec![size as f64, total]));
            assert_eq!(first.wait().unwrap(), Summands::F32(vec![total as f32; 3]));
            ranks.barrier().unwrap();
        });
    }
    assert_eq!(Single.gather(vec![7]).unwrap(), [[7]]);
    assert_eq!(Single.sum(Summands::F64(vec![7.0])).unwrap(), Summands::F64(vec![7.0]));
}

/// Who fails ends the job; the others do not wait.
#[test]
fn nobody_waits_for_ever() {
    let begun = Instant::now();
    let results = threads(3, |ranks| {
        if ranks.rank() == 1 {
            ranks.abort(&Error::new("row 7 is broken"));
            return Ok(());
        }
        ranks.barrier()
    });
    for rank in [0, 2] {
        assert_eq!(results[rank].as_ref().unwrap_err().to_string(), "rank 1: row 7 is broken");
    }
    let panicked = std::panic::catch_unwind(|| {
        threads(2, |ranks| {
            assert!(ranks.rank() == 0, "rank 1 fails");
            assert!(ranks.barrier().unwrap_err().to_string().contains("rank 1 panicked"));
        })
    });
    assert!(panicked.is_err());
    let unequal = threads(2, |ranks| ranks.sum(Summands::F32(vec![0.0; ranks.rank()])));
    assert!(unequal.iter().all(Result::is_err));
    assert!(begun.elapsed() < Duration::from_secs(20));
}
