//! Files become arrays and batches; hostile files become one sentence.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use chainrule_fit::data::array::{Array, Numbers};
use chainrule_fit::data::dataset::{Arrays, Dataset};
use chainrule_fit::data::image::Images;
use chainrule_fit::data::loader::{DataLoader, Position};
use chainrule_fit::data::stream::Stream;
use chainrule_fit::data::tensors::{self, Tensors};
use chainrule_fit::data::transform::Transform;
use chainrule_fit::data::{idx, npy};
use proptest::prelude::*;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn file(folder: &tempfile::TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("a file is written");
    path
}

fn counting(n: usize) -> Array {
    Array::new([n, 2], (0..2 * n).map(|i| i as f32).collect::<Vec<f32>>()).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(vec![], flate2::Compression::default());
    gz.write_all(bytes).unwrap();
    gz.finish().unwrap()
}

fn png(width: u32, height: u32, color: png::ColorType, pixels: &[u8]) -> Vec<u8> {
    let mut bytes = vec![];
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(color);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(pixels).unwrap();
    writer.finish().unwrap();
    bytes
}

/// Bytes that numpy wrote; `tools/golden_npy.py` prints them.
#[test]
fn numpy_wrote_these() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let arrays = npy::read_archive(&golden.join("mixed.npz")).unwrap();
    let names: Vec<&str> = arrays.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["f4", "i2_big", "fortran", "truth", "scalar", "half"]);
    let get = |name: &str| &arrays.iter().find(|(n, _)| n == name).unwrap().1;
    let f4 = Array::new([2, 3], vec![0.5f32, 1.5, 2.5, 3.5, 4.5, 5.5]).unwrap();
    assert_eq!(get("f4"), &f4);
    assert_eq!(get("i2_big"), &Array::new([3], vec![1i64, -2, 300]).unwrap());
    assert_eq!(get("fortran"), &Array::new([2, 3], vec![0i32, 1, 2, 3, 4, 5]).unwrap());
    assert_eq!(get("truth"), &Array::new([2], vec![true, false]).unwrap());
    assert_eq!(get("scalar"), &Array::new([], vec![2.5f64]).unwrap());
    assert_eq!(get("half"), &Array::new([2], vec![1.5f32, -0.25]).unwrap());
    let packed = npy::read_archive(&golden.join("deflated.npz")).unwrap();
    assert_eq!(packed[0].1, Array::new([1000], vec![7i64; 1000]).unwrap());
}

#[test]
fn archives_and_tensors_read_back() {
    let folder = folder();
    let (a, b) = (counting(3), Array::new([0], Vec::<bool>::new()).unwrap());
    let path = folder.path().join("a.npz");
    npy::write_archive(&path, &[("a", &a), ("b", &b)]).unwrap();
    let want = vec![("a".to_string(), a), ("b".into(), b)];
    assert_eq!(npy::read_archive(&path).unwrap(), want);
    let file = Tensors { arrays: want, texts: vec![("k".into(), "v".into())] };
    let path = folder.path().join("a.safetensors");
    tensors::write(&path, &file).unwrap();
    assert_eq!(tensors::read(&path).unwrap(), file);
}

#[test]
fn idx_plain_and_compressed() {
    let folder = folder();
    let bytes = [&[0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3][..], &[1, 2, 3, 4, 5, 6]].concat();
    let want = Array::new([2, 3], vec![1u8, 2, 3, 4, 5, 6]).unwrap();
    assert_eq!(idx::read(&file(&folder, "a", &bytes)).unwrap(), want);
    assert_eq!(idx::read(&file(&folder, "a.gz", &gzip(&bytes))).unwrap(), want);
    let got = idx::read(&file(&folder, "b", &bytes[..15])).unwrap_err().to_string();
    assert!(got.ends_with("it is cut off; fetch the file again"), "{got}");
}

#[test]
fn images_in_folders() {
    let folder = folder();
    for (class, value) in [("cat", 10), ("ant", 20)] {
        fs::create_dir(folder.path().join(class)).unwrap();
        let pixels = png(2, 1, png::ColorType::Rgb, &[value, 1, 2, value, 4, 5]);
        fs::write(folder.path().join(class).join("1.png"), pixels).unwrap();
    }
    fs::write(folder.path().join("cat").join("notes.txt"), "no image").unwrap();
    let images = Images::open(folder.path()).unwrap();
    assert_eq!(
        (images.classes(), images.shape()),
        (&["ant", "cat"].map(String::from)[..], [3, 1, 2])
    );
    let read = images.read(&[1, 0]).unwrap();
    assert_eq!(read.y, Array::new([2], vec![1i64, 0]).unwrap());
    let want = vec![10u8, 10, 1, 4, 2, 5, 20, 20, 1, 4, 2, 5];
    assert_eq!(read.x, Array::new([2, 3, 1, 2], want).unwrap());
    let odd = png(1, 1, png::ColorType::Grayscale, &[7]);
    fs::write(folder.path().join("cat").join("2.png"), odd).unwrap();
    let got = Images::open(folder.path()).unwrap().read(&[2]).unwrap_err().to_string();
    assert!(got.contains("2.png is [1, 1, 1]"), "{got}");
}

/// A gigabyte of zeros in a megabyte, a shape of 10¹⁸, an image of 10⁹ pixels: a sentence each, in
/// no time and no memory to speak of.
#[test]
fn bombs_are_refused() {
    let folder = folder();
    let huge = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000000000,), }\n";
    let npy = [b"\x93NUMPY\x01\0", &(huge.len() as u16).to_le_bytes()[..], huge].concat();
    let got = npy::read(&file(&folder, "a.npy", &npy)).unwrap_err().to_string();
    assert!(got.contains("asks for more than 2048 MiB"), "{got}");

    let idx = [&[0, 0, 8, 2][..], &[0xff; 8]].concat();
    let got = idx::read(&file(&folder, "a", &gzip(&idx))).unwrap_err().to_string();
    assert!(got.contains("asks for more than"), "{got}");

    // The header promises few numbers, and what is packed behind it has no end.
    let small = [&[0, 0, 8, 1, 0, 0, 0, 1][..], &vec![0; 1 << 24]].concat();
    let got = idx::read(&file(&folder, "b", &gzip(&small))).unwrap_err().to_string();
    assert!(got.contains("bytes after its last number"), "{got}");

    fs::create_dir(folder.path().join("c")).unwrap();
    let mut image = png(1, 1, png::ColorType::Grayscale, &[7]);
    image[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
    let crc = crc32(&image[12..29]);
    image[29..33].copy_from_slice(&crc.to_be_bytes());
    fs::write(folder.path().join("c/1.png"), image).unwrap();
    let got = Images::open(folder.path()).unwrap_err().to_string();
    assert!(got.contains("more than 67108864 pixels"), "{got}");
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Wherever a byte is changed or the file ends, each reader gives an array or a sentence.
    #[test]
    fn damage_is_survived(at in 0.0..1.0f64, byte: u8, cut in 0.0..1.5f64) {
        let folder = folder();
        let a = counting(4);
        let npz = folder.path().join("whole.npz");
        npy::write_archive(&npz, &[("a", &a), ("b", &a)]).unwrap();
        let st = Tensors { arrays: vec![("a".into(), a.clone())], texts: vec![] };
        let npy_path = folder.path().join("whole.npy");
        npy::write(&npy_path, &a).unwrap();
        let idx_bytes = [&[0, 0, 8, 1, 0, 0, 0, 3][..], &[7, 8, 9]].concat();
        let kinds: [(&str, Vec<u8>); 6] = [
            ("npz", fs::read(&npz).unwrap()),
            ("npy", fs::read(&npy_path).unwrap()),
            ("safetensors", st.to_bytes().unwrap()),
            ("idx", idx_bytes.clone()),
            ("idx.gz", gzip(&idx_bytes)),
            ("png", png(3, 2, png::ColorType::Grayscale, &[1, 2, 3, 4, 5, 6])),
        ];
        for (kind, mut bytes) in kinds {
            let place = (at * bytes.len() as f64) as usize;
            bytes[place] ^= byte;
            bytes.truncate((cut * bytes.len() as f64) as usize);
            fs::create_dir_all(folder.path().join("images/c")).unwrap();
            let path = match kind {
                "png" => folder.path().join("images/c/a.png"),
                _ => folder.path().join("damaged"),
            };
            fs::write(&path, &bytes).unwrap();
            let said = match kind {
                "npz" => npy::read_archive(&path).err(),
                "npy" => npy::read(&path).err(),
                "safetensors" => tensors::read(&path).err(),
                "idx" | "idx.gz" => idx::read(&path).err(),
                _ => Images::open(&folder.path().join("images")).and_then(|i| i.read(&[0])).err(),
            };
            if let Some(said) = said {
                let said = said.to_string();
                prop_assert!(said.len() < 400 && !said.contains('\n'), "{}", said);
            }
        }
    }
}

fn arrays(n: usize) -> Arrays {
    Arrays::new(counting(n), Array::new([n], (0..n as i64).collect::<Vec<i64>>()).unwrap()).unwrap()
}

fn rows_of(loader: &DataLoader, epoch: usize, batch: usize) -> Vec<Vec<usize>> {
    loader.batches(Position { epoch, batch }).map(|b| b.unwrap().rows).collect()
}

#[test]
fn batches_are_the_rows_they_say() {
    for ahead in [0, 1, 5] {
        let mut loader = DataLoader::new(arrays(23), 5).shuffled(3);
        loader.ahead = ahead;
        for batch in loader.batches(Position { epoch: 4, batch: 0 }) {
            let batch = batch.unwrap();
            let want: Vec<i64> = batch.rows.iter().map(|&r| r as i64).collect();
            assert_eq!(batch.y.to_vec::<i64>().unwrap(), want);
            let first: Vec<f64> = batch.rows.iter().map(|&r| 2.0 * r as f64).collect();
            assert_eq!(batch.x.i((.., 0)).to_vec::<f64>().unwrap(), first);
        }
        assert_eq!(rows_of(&loader, 4, 0).len(), 5);
        assert_eq!(rows_of(&loader, 4, 3), rows_of(&loader, 4, 0)[3..]);
        loader.drop_last = true;
        assert_eq!(rows_of(&loader, 4, 0).len(), 4);
    }
    let plain = DataLoader::new(arrays(5), 2);
    assert_eq!(rows_of(&plain, 9, 0), [vec![0, 1], vec![2, 3], vec![4]]);
}

#[test]
fn a_reader_that_is_left_stops() {
    let loader = DataLoader::new(arrays(100_000), 1).shuffled(0);
    for _ in 0..20 {
        let mut batches = loader.batches(Position::default());
        batches.next().unwrap().unwrap();
    }
}

#[test]
fn transformed_batches_resume() {
    let n = 30;
    let x = Array::new([n, 1, 4, 4], (0..n * 16).map(|i| i as u8).collect::<Vec<u8>>()).unwrap();
    let y = Array::new([n], vec![0i64; n]).unwrap();
    let loader = DataLoader::new(Arrays::new(x, y).unwrap(), 4)
        .shuffled(1)
        .with(Transform::Flip(0.5))
        .with(Transform::Shift(1))
        .with(Transform::Normalise { mean: vec![0.5], deviation: vec![0.25] });
    let x = |batch| -> Vec<Vec<f32>> {
        let batches = loader.batches(Position { epoch: 2, batch });
        batches.map(|b| b.unwrap().x.to_vec().unwrap()).collect()
    };
    assert_eq!(x(3), x(0)[3..]);
}

/// A table in memory and the same file as a stream give the same numbers.
#[test]
fn a_stream_is_the_table() {
    let folder = folder();
    let mut text = String::from("\u{feff}a;kind;y\r\n");
    for i in 0..9000 {
        let kind = ["red", "\"gr;een\"", "", "blue"][i % 4];
        text += &format!("{};{kind};{}\r\n", (i as f64 * 0.7).sin(), i % 13);
    }
    let path = file(&folder, "t.csv", text.as_bytes());
    let stream = Stream::open(&path, "y", None).unwrap();
    assert_eq!(stream.len(), 9000);
    let rows: Vec<usize> = (0..9000).rev().step_by(17).collect();
    let read = stream.read(&rows).unwrap();

    let table = chainrule_fit::data::table::Table::read(&path).unwrap();
    let all: Vec<usize> = (0..9000).collect();
    let encoder =
        chainrule_fit::data::encode::Encoder::learn(&table, &[0, 1], &all, &mut vec![]).unwrap();
    assert_eq!(stream.encoder().features, encoder.features);
    let x = encoder.encode(&table, &rows, &mut vec![]).unwrap();
    let Numbers::F32(got) = read.x.numbers() else { panic!("F32") };
    for (a, b) in got.iter().zip(&x) {
        assert!((f64::from(*a) - b).abs() < 1e-5, "{a} {b}");
    }
    // Every row comes once, also in windows of blocks.
    let loader = DataLoader::new(stream, 512).shuffled(5);
    let mut rows = rows_of(&loader, 1, 0).concat();
    assert_eq!(rows_of(&loader, 1, 9).concat(), rows[9 * 512..]);
    rows.sort_unstable();
    assert_eq!(rows, all);
}

#[test]
fn streams_refuse_with_the_line() {
    let folder = folder();
    let open = |text: &[u8]| {
        let path = file(&folder, "t.csv", text);
        match Stream::open(&path, "y", None) {
            Ok(_) => panic!("the file should be refused"),
            Err(error) => error.to_string(),
        }
    };
    assert!(open(b"a,y\n1,2\n3\n").contains("line 3: the row has 1 field"));
    assert!(open(b"a,y\n1,2\n3,\n").contains("line 3: the row has no target"));
    assert!(open(b"a,y\n").contains("no rows of data"));
    assert!(open(b"").contains("empty"));
    assert!(open(b"a,z\n1,2\n").contains("no column \"y\""));
    assert!(open(b"a,y\n1,\xff\n").contains("UTF-8"));
    let endless = [b"a,y\n1,\"", &vec![b'x'; 4 << 20][..]].concat();
    assert!(open(&endless).contains("a quote left open"), "{}", open(&endless));
}

/// Twenty megabytes in blocks that are read from their byte ranges, more of them than are kept.
/// (What a gigabyte takes is measured by the example `loop_overhead`.)
#[test]
fn streams_keep_little() {
    let folder = folder();
    let path = folder.path().join("big.csv");
    let mut out = std::io::BufWriter::new(fs::File::create(&path).unwrap());
    let columns: Vec<String> = (0..20).map(|i| format!("x{i}")).collect();
    writeln!(out, "{},y", columns.join(",")).unwrap();
    for i in 0..130_000u32 {
        for j in 0..20u32 {
            write!(out, "{}.{},", i % 97, (i * 31 + j * 7) % 9000 + 1000).unwrap();
        }
        writeln!(out, "{}", i % 5).unwrap();
    }
    drop(out);
    assert!(fs::metadata(&path).unwrap().len() > 18_000_000);
    let stream = Stream::open(&path, "y", None).unwrap();
    let loader = DataLoader::new(stream, 1000).shuffled(0);
    let rows: usize = loader.batches(Position::default()).map(|b| b.unwrap().rows.len()).sum();
    assert_eq!(rows, 130_000);
}
