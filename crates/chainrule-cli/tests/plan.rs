//! What to expect of training on many machines.

mod common;

use std::fs;

use common::run;
use serde_json::Value;

const PLAN: [&str; 7] = ["plan", "--model", "mlp:512,512", "--inputs", "100", "--gflops", "500"];

#[test]
fn a_table_and_an_object() {
    let folder = tempfile::tempdir().unwrap();
    let say = |more: &[&str]| run(folder.path(), &[&PLAN[..], more].concat());
    let table = say(&["--nodes", "48", "--gbps", "100"]);
    assert_eq!(table.code, 0, "{}", table.err);
    let rows = ["machines   efficiency", "    1024 ", "      48 ", "machines are 90 % efficient"];
    assert!(rows.iter().all(|row| table.out.contains(row)), "{}", table.out);
    let object = say(&["--nodes", "64", "--gbps", "100", "--json"]);
    let all: Value = serde_json::from_str(&object.out).unwrap();
    // 100 · 512 + 512 · 512 + 512 · 1 weights, and one more for each neuron.
    assert_eq!(all["weights"], 100.0 * 512.0 + 512.0 * 512.0 + 512.0 + 1025.0);
    let efficiency = |all: &Value, i: usize| all["scaling"][i]["efficiency"].as_f64().unwrap();
    assert_eq!(efficiency(&all, 0), 1.0);
    let faster = say(&["--nodes", "64", "--gbps", "800", "--json"]);
    let faster: Value = serde_json::from_str(&faster.out).unwrap();
    assert!(efficiency(&faster, 6) > efficiency(&all, 6));
    assert!(faster["enough_batch"].as_f64() <= all["enough_batch"].as_f64());
}

/// A network is found in times that were measured, and drawn with them.
#[test]
fn from_times() {
    let folder = tempfile::tempdir().unwrap();
    let mut lines =
        String::from("{\"steps\":9,\"ranks\":1,\"pace\":100,\"waiting\":0,\"overlap\":0}\n");
    for ranks in [2.0f64, 4.0] {
        for bytes in [64.0, 65536.0, 4194304.0] {
            // 10 µs and 1 ns a byte, by the cheaper of both ways.
            let ring = 2.0 * (ranks - 1.0) * (1e-5 + bytes / ranks * 1e-9);
            let doubling = ranks.log2() * (1e-5 + bytes * 1e-9);
            let seconds = ring.min(doubling);
            lines += &format!("{{\"sum\":{bytes},\"ranks\":{ranks},\"seconds\":{seconds}}}\n");
        }
    }
    fs::write(folder.path().join("times.jsonl"), &lines).unwrap();
    let more = ["--measured", "times.jsonl", "--plot", "scaling.svg", "--json"];
    let ran = run(folder.path(), &[&PLAN[..], &more].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    let all: Value = serde_json::from_str(&ran.out).unwrap();
    assert!((all["latency"].as_f64().unwrap() * 1e5 - 1.0).abs() < 1e-6, "{all:#}");
    assert!((all["seconds_per_byte"].as_f64().unwrap() * 1e9 - 1.0).abs() < 1e-6);
    let drawn = fs::read_to_string(folder.path().join("scaling.svg")).unwrap();
    assert!(drawn.contains("4 ranks") && drawn.contains("efficiency"));
    let broken = lines.replace("seconds", "hours");
    fs::write(folder.path().join("times.jsonl"), broken).unwrap();
    for (more, code, said) in [
        (&["--measured", "times.jsonl"][..], 1, "has no time in line 2"),
        (&["--measured", "nothing.jsonl"], 1, "cannot be read"),
        (&["--measure", "times.jsonl"], 1, "between processes"),
        (&["--plot", "scaling.bmp"], 2, "names no format"),
        (&["--gbps", "-1"], 2, "positive number"),
        (&["--model", "mlp:0"], 2, "widths"),
    ] {
        let more = [&["plan"][..], if more[0] == "--model" { &[][..] } else { &PLAN[1..3] }, more];
        let ran = run(folder.path(), &more.concat());
        assert_eq!(ran.code, code, "{more:?}: {}", ran.err);
        assert!(ran.err.contains(said), "{more:?}: {}", ran.err);
    }
}
