//! Ranks that cut a file among them read what one reader reads, whatever the file.

use std::fmt::Write;

use proptest::prelude::*;

use super::*;
use crate::parallel::threads;

/// Small blocks, so that small files have several.
fn small(path: &Path, rows: usize, ranks: &dyn Communicator) -> Result<Stream> {
    let shares = Shares { test: 0.2, validation: 0.1, seed: 3 };
    Stream::learn(path, "y", None, false, (shares, &|_| rows), ranks)
}

/// The cells and lines of a stream's own blocks.
fn cells(stream: &Stream) -> Vec<(usize, Vec<Option<String>>)> {
    let mut all = vec![];
    for block in stream.own() {
        let table = stream.table(block).unwrap();
        for row in 0..table.len() {
            let cell = |c| table.cell(row, c).map(str::to_string);
            all.push((table.line(row), (0..table.names().len()).map(cell).collect()));
        }
    }
    all
}

/// A field as people and programs write it: bare, also with quotes inside, or quoted, also with
/// ends of lines, separators and doubled quotes inside.
fn field() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[0-9]{1,3}",
        2 => "[a-c]{0,3}",
        1 => "[a-c]\"[a-c]\"?",
        3 => "\"([a-c,]|\"\"|\n|\r|\r\n|é){0,8}\"",
        1 => "\"[a-c]{0,2}\"[a-c][a-c\"]?",
    ]
}

fn ending() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("\n"), Just("\r\n"), Just("\r"), Just("\n\n"), Just("\r\n\r\n")]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn ranks_read_every_row_once(
        rows in prop::collection::vec((field(), field(), 0..99u8, ending()), 3..40),
        head in ending(),
        block in 1..7usize,
        is_open in any::<bool>(),
    ) {
        let mut text = format!("a,b,y{head}");
        for (i, (a, b, y, end)) in rows.iter().enumerate() {
            let end = if is_open && i + 1 == rows.len() { "" } else { *end };
            let _ = write!(text, "{a},{b},{y}{end}");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        std::fs::write(&path, &text).unwrap();
        let Ok(whole) = small(&path, block, &Single) else {
            // Nothing that varies, say; the ranks agree on that too.
            for size in [2, 3] {
                let said = threads(size, |ranks| small(&path, block, ranks).is_err());
                prop_assert!(said.iter().all(|failed| *failed));
            }
            return Ok(());
        };
        let table = Table::parse("t.csv", text.as_bytes()).unwrap();
        let wanted = cells(&whole);
        prop_assert_eq!(wanted.len(), table.len());
        for (row, (line, cells)) in wanted.iter().enumerate() {
            prop_assert_eq!(*line, table.line(row));
            let same = |c: usize| cells[c].as_deref() == table.cell(row, c);
            prop_assert!((0..3).all(same), "row {}", row);
        }
        for size in [1, 2, 3, 5, 17] {
            let parts = threads(size, |ranks| part_of(&path, block, ranks).unwrap());
            let mut row = 0;
            for (part, before) in &parts {
                prop_assert!(part.is_empty() || *before == row);
                for i in 0..part.len() {
                    prop_assert_eq!(part.line(i), table.line(row));
                    prop_assert!((0..3).all(|c| part.cell(i, c) == table.cell(row, c)));
                    row += 1;
                }
            }
            prop_assert_eq!(row, table.len());
            let found = threads(size, |ranks| {
                let own = small(&path, block, ranks).unwrap();
                (cells(&own), own)
            });
            let all: Vec<_> = found.iter().flat_map(|(cells, _)| cells.clone()).collect();
            prop_assert_eq!(&all, &wanted);
            for (_, own) in &found {
                prop_assert_eq!(&own.starts, &whole.starts);
                prop_assert_eq!(&own.lines, &whole.lines);
                prop_assert_eq!(&own.encoder, &whole.encoder);
                prop_assert_eq!(&own.target, &whole.target);
                prop_assert_eq!(&own.missing, &whole.missing);
                prop_assert_eq!(&own.warnings, &whole.warnings);
            }
        }
    }
}

fn written(folder: &tempfile::TempDir, text: &str) -> PathBuf {
    let path = folder.path().join("t.csv");
    std::fs::write(&path, text).unwrap();
    path
}

/// What one rank alone can know ends the job; what is wrong is said as for one rank.
#[test]
fn broken_rows_end_the_job() {
    let folder = tempfile::tempdir().unwrap();
    let rows: String = (0..300).map(|i| format!("{i},\"b\nb\",{}\n", i % 7)).collect();
    for (last, said) in [
        ("1,2,3,4\n", "line 602: the row has 4 fields but the header has 3"),
        ("1,2,\n", "line 602: the row has no target"),
    ] {
        let path = written(&folder, &format!("a,b,y\n{rows}{last}"));
        let single = small(&path, 4, &Single).err().unwrap().to_string();
        assert!(single.contains(said), "{single}");
        for size in [2, 3, 5] {
            let found = threads(size, |ranks| small(&path, 4, ranks).err().unwrap().to_string());
            let wanted = format!("rank {}: {single}", size - 1);
            assert!(found.iter().all(|found| *found == wanted), "{found:?}");
        }
    }
    let open = format!("a,b,y\n{rows}7,\"open,1\n{}", "1,2,3\n".repeat(400_000));
    let path = written(&folder, &open);
    let single = small(&path, 4, &Single).err().unwrap().to_string();
    assert!(single.contains("line 602: the row is longer than 1 MiB"), "{single}");
    let found = threads(3, |ranks| small(&path, 4, ranks).err().unwrap().to_string());
    assert!(found.iter().all(|found| *found == format!("rank 0: {single}")), "{found:?}");
}

/// Kinds, levels, missing cells and targets that only some ranks have seen are known to all.
#[test]
fn what_one_rank_sees_all_know() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::from("a,b,c,y\n");
    for i in 0..200 {
        let a = if i >= 190 { "x".into() } else { (i % 5).to_string() };
        let b = if i % 90 == 7 { String::new() } else { (1e6 + f64::from(i)).to_string() };
        let _ =
            writeln!(text, "{a},{b},{},{}", f64::from(i).sin(), ["no", "yes"][i as usize / 180]);
    }
    let path = written(&folder, &text);
    let whole = small(&path, 8, &Single).unwrap();
    assert!(whole.encoder.names().contains(&"a=x".to_string()));
    assert_eq!(whole.target, Target::Class(vec!["no".into(), "yes".into()]));
    assert_eq!(whole.missing[0].cells, 3);
    for size in [2, 3, 5, 40] {
        threads(size, |ranks| {
            let own = small(&path, 8, ranks).unwrap();
            assert_eq!((&own.encoder, &own.target), (&whole.encoder, &whole.target));
            assert_eq!((&own.missing, &own.warnings), (&whole.missing, &whole.warnings));
            let own = Arc::new(own);
            let parts = [Part::Train, Part::Validation, Part::Test];
            assert_eq!(parts.map(|part| own.section(part).len()).iter().sum::<usize>(), 200);
        });
    }
}

#[test]
fn another_file_on_another_rank_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let texts = ["a,y\n1,2\n2,3\n4,5\n", "a,y\n1,2\n2,3\n4,50\n"];
    let paths = [0, 1].map(|i| {
        let path = folder.path().join(format!("{i}.csv"));
        std::fs::write(&path, texts[i]).unwrap();
        path
    });
    let said = threads(2, |ranks| small(&paths[ranks.rank()], 4, ranks).err().unwrap().to_string());
    assert!(said.iter().all(|said| said.contains("is not the same file on the ranks")), "{said:?}");
    std::fs::remove_file(&paths[1]).unwrap();
    let said = threads(2, |ranks| small(&paths[ranks.rank()], 4, ranks).err().unwrap().to_string());
    assert!(said.iter().all(|said| said.starts_with("rank 1: ")), "{said:?}");
}
