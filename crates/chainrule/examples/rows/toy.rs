//! Small inputs of every row, for counting instructions and for tests.
//!
//! The names, types and relations of lengths are those of the real inputs, which `cargo xtask
//! bench` makes; the lengths are odd where they may be, so that vectors have remainders. A line is
//! an array: its name, type and lengths, and after a colon how many integers there are from 0 on.
//! Other numbers are between −1 and 1, a hash of their place.
//!
//! In a second size, for some rows, the work is worth more than one thread.

use chainrule::Tensor;

use crate::work::Named;

/// The sizes in which there are inputs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Size {
    /// A few dozen numbers.
    Toy,
    /// Some hundred thousand.
    Middle,
}

/// The rows that have inputs of the second size.
pub(crate) const MIDDLE: &[&str] = &["6", "9", "11", "12", "14", "16b", "21", "22", "23"];

/// The inputs of a row; none for rows that make their own.
pub(crate) fn inputs(row: &str, size: Size) -> Vec<Named> {
    let lines = match size {
        Size::Toy => small(row),
        Size::Middle => middle(row),
    };
    lines.lines().map(array).collect()
}

fn small(row: &str) -> &'static str {
    match row {
        "3" => "x f32 37\ny f32 37",
        "4" | "5" | "6" => "x f32 37",
        "7" => "a f32 7 9\nb f32 9 5",
        "8" => "a f32 3 17\nb f32 17 6",
        "9" | "10" | "15b" => PERCEPTRON,
        "11" => "x f32 7 11\nt i64 7: 11",
        "12" => "x f32 7 11\ngain f32 11\nbias f32 11\nc f32 7 11",
        "13" => BLOCK,
        "14" => "x f32 13 5\nt f32 13: 2\nw f32 5\nb f32",
        "15a" => "x f32 37\nv f32 37",
        "16a" | "16b" => "alphas f64 2\nmeans f64 2 3\nicf f64 2 6\nx f64 5 3",
        "17a" | "17b" | "17c" => "main f64 4 12\nextra f64 3 3\nstate f64 4 3\nseq f64 6 3: 2",
        "19" => "table f32 23 5\nids i64 9: 23\nc f32 9 5",
        "20" => "a f32 5 4 4\nb f32 5 4 4",
        "21" | "22" => "x f32 7 9",
        "23" => "x f32 7 7\ny f32 7 7",
        "24" => "x f32 6 7\nr f32 7\nc f32 6 1",
        "25" => "x f64 37",
        "26" => "x f64 7 9\ny f64 9 5",
        _ => "",
    }
}

fn middle(row: &str) -> &'static str {
    match row {
        "6" => "x f32 300001",
        "9" => LARGE_PERCEPTRON,
        "11" => "x f32 1001 301\nt i64 1001: 301",
        "12" => "x f32 1001 301\ngain f32 301\nbias f32 301\nc f32 1001 301",
        "14" => "x f32 10001 51\nt f32 10001: 2\nw f32 51\nb f32",
        "16b" => "alphas f64 25\nmeans f64 25 10\nicf f64 25 55\nx f64 1001 10",
        "21" | "22" => "x f32 601 703",
        "23" => "x f32 603 603\ny f32 603 603",
        _ => "",
    }
}

/// Row 9, and for row 15b a direction as well.
const PERCEPTRON: &str = "\
x f32 8 20
t i64 8: 5
w1 f32 20 12
b1 f32 12
w2 f32 12 7
b2 f32 7
w3 f32 7 5
b3 f32 5
vw1 f32 20 12
vb1 f32 12
vw2 f32 12 7
vb2 f32 7
vw3 f32 7 5
vb3 f32 5";

const LARGE_PERCEPTRON: &str = "\
x f32 64 301
t i64 64: 10
w1 f32 301 256
b1 f32 256
w2 f32 256 128
b2 f32 128
w3 f32 128 10
b3 f32 10";

/// Eight heads of two.
const BLOCK: &str = "\
x f32 2 8 16
target f32 2 8 16
ln1g f32 16
ln1b f32 16
wqkv f32 16 48
bqkv f32 48
wo f32 16 16
bo f32 16
ln2g f32 16
ln2b f32 16
wf1 f32 16 64
bf1 f32 64
wf2 f32 64 16
bf2 f32 16";

/// The array of a line.
fn array(line: &str) -> Named {
    let (shape, end) = line.split_once(": ").unwrap_or((line, ""));
    let mut words = shape.split(' ');
    let (name, kind) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let lengths: Vec<i64> = words.filter_map(|n| n.parse().ok()).collect();
    let salt = name.bytes().fold(0, |sum, byte| 31 * sum + u64::from(byte));
    let end: Option<u64> = end.parse().ok();
    let number = |at: u64| {
        let bits = scrambled((salt << 32) + at);
        match end {
            Some(end) => (bits % end) as f64,
            None => (bits >> 11) as f64 / (1u64 << 52) as f64 - 1.0,
        }
    };
    let numbers = (0..lengths.iter().product::<i64>() as u64).map(number);
    let tensor = match kind {
        "f32" => Tensor::from_vec(numbers.map(|x| x as f32).collect(), lengths.as_slice()),
        "i64" => Tensor::from_vec(numbers.map(|x| x as i64).collect(), lengths.as_slice()),
        _ => Tensor::from_vec(numbers.collect::<Vec<f64>>(), lengths.as_slice()),
    };
    (name.to_string(), tensor.expect("as many numbers as the shape has"))
}

/// The scrambling of SplitMix64.
fn scrambled(at: u64) -> u64 {
    let z = at.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
