//! The rows of the comparison: what is measured, and what is hoped for.
//!
//! A row is one workload that every engine runs in the way that is fastest for it. Its *target* is
//! the largest ratio of our time to that of the fastest peer in the same run; times on one machine
//! say little about another, ratios say more. Beside it stands what no library can avoid: the bytes
//! that must move between memory and processor, each input once and each output once, and the
//! operations of matrix products. The longer of the two, at the machine's measured speeds, is the
//! row's *limit*. A row whose arrays stay in the caches from run to run (the weights of row 9, on a
//! large machine the 40 MB of row 14) can go below the limit of its bytes.
//!
//! Absent: the workloads themselves, which are in the engines that run them. The driver only knows
//! that all engines must come to the same results.

use super::inputs::Kind::{self, F32, F64};

/// What our time is divided by for the ratio.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Against {
    /// The time of the fastest peer that counts.
    Best,
    /// The time of this peer.
    Only(&'static str),
    /// Our own time of the function without its gradient.
    Primal,
}

/// One workload.
pub(super) struct Row {
    pub name: &'static str,
    pub title: &'static str,
    pub kind: Kind,
    /// The largest ratio that is hoped for.
    pub target: Option<f64>,
    bytes: f64,
    operations: f64,
}

/// What the machine can do: bytes and operations per nanosecond.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Limits {
    pub bandwidth: f64,
    pub peak32: f64,
    pub peak64: f64,
}

impl Row {
    /// The least time in nanoseconds that the machine allows, where something is known about it.
    pub(super) fn limit(&self, limits: Limits) -> Option<f64> {
        let peak = if self.kind == F64 { limits.peak64 } else { limits.peak32 };
        let limit = (self.bytes / limits.bandwidth).max(self.operations / peak);
        (limit > 0.0).then_some(limit)
    }

    /// How far results may lie apart, as a fraction of the array's largest element: as sums of a
    /// thousand or a million terms do in another order.
    pub(super) fn tolerance(&self) -> f64 {
        if self.kind == F64 { 1e-9 } else { 2e-4 }
    }

    /// What the ratio is to. The target of rows 17 is one against PyTorch; row 18 is a mode that no
    /// peer has, and is held against the function itself.
    pub(super) fn against(&self) -> Against {
        match self.name {
            "17a" | "17b" | "17c" => Against::Only("torch"),
            "18" | "18b" => Against::Primal,
            _ => Against::Best,
        }
    }

    /// Whether an engine is shown without counting: JAX traces and compiles rows 17 once, while
    /// the rows ask for a graph that is recorded anew in every run; num-dual computes with
    /// single numbers, compiled into the function, and has no graph.
    pub(super) fn is_informal(&self, engine: &str) -> bool {
        match self.name {
            "17a" | "17b" | "17c" => engine == "jax",
            "1" | "2" => engine == "num-dual",
            _ => false,
        }
    }
}

/// A row as the table below lists it, where 0 stands for what there is not.
const fn row(
    name: &'static str,
    title: &'static str,
    kind: Kind,
    target: f64,
    bytes: f64,
    operations: f64,
) -> Row {
    let target = if target > 0.0 { Some(target) } else { None };
    Row { name, title, kind, target, bytes, operations }
}

/// Bytes of a matrix of f32.
const fn matrix(rows: u32, columns: u32) -> f64 {
    4.0 * rows as f64 * columns as f64
}

/// Operations of a matrix product.
const fn product(m: u32, k: u32, n: u32) -> f64 {
    2.0 * m as f64 * k as f64 * n as f64
}

const WIDE: f64 = matrix(4096, 1024);
const SQUARE: f64 = matrix(4096, 4096);
const QUARTER: f64 = matrix(2048, 2048);
const TABLE: f64 = matrix(50_000, 256) + 4.0 * matrix(8192, 256);
const CUBE: f64 = product(1024, 1024, 1024);
const SMALLS: f64 = 4096.0 * product(16, 16, 16);
const LAYER: f64 = product(64, 784, 256);
/// Adam reads weights, gradients and both moments, and writes all but the gradients.
const ADAM: f64 = 7.0 * (matrix(784, 256) + matrix(256, 128) + matrix(128, 10));
/// Twice as long backward as forward: 1024 tokens through the weights, scores and values of 64
/// heads.
const BLOCK_STEP: f64 =
    3.0 * (product(1024, 256, 768 + 256 + 2 * 1024) + 2.0 * 64.0 * product(128, 32, 128));

/// Each layer forward, and backward for its weights and, but for the first, for its input.
const fn mlp_step(batch: u32) -> f64 {
    2.0 * product(batch, 784, 256) + 3.0 * (product(batch, 256, 128) + product(batch, 128, 10))
}

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    row("1",   "gradient of 2 x·x, n = 4",                  F32, 0.60, 0.0,          0.0),
    row("2",   "chain of 2,000 scalars, gradient",          F32, 0.60, 0.0,          0.0),
    row("3",   "x + y, 10⁷",                                F32, 0.25, 12e7,         0.0),
    row("4",   "exp x, 10⁷",                                F32, 0.25, 8e7,          0.0),
    row("5",   "tanh x, 10⁷",                               F32, 0.25, 8e7,          0.0),
    row("6",   "Σ sin x e^(−x²) + 3 tanh x, 10⁶, gradient", F32, 0.50, 8e6,          0.0),
    row("7",   "matmul 1024³",                              F32, 1.00, 0.0,          CUBE),
    row("8",   "matmul 64 × 784 × 256",                     F32, 0.90, 0.0,          LAYER),
    row("9",   "perceptron, Adam step, batch 64",           F32, 0.75, ADAM,         mlp_step(64)),
    row("10",  "perceptron, Adam step, batch 512",          F32, 0.85, ADAM,         mlp_step(512)),
    row("11",  "cross-entropy 4096 × 1024, gradient",       F32, 0.70, 2.0 * WIDE,   0.0),
    row("12",  "layer norm 4096 × 1024, gradient",          F32, 0.70, 4.0 * WIDE,   0.0),
    row("13",  "transformer block, step, 8 × 128 × 256",    F32, 0.90, 0.0,          BLOCK_STEP),
    row("14",  "logistic regression 10⁵ × 100, gradient",   F32, 0.90, 4e7,          4e7),
    row("15a", "Hessian-vector product of row 6",           F32, 0.80, 12e6,         0.0),
    row("15b", "Hessian-vector product of row 9's loss",    F32, 0.80, 0.0,          0.0),
    row("16a", "GMM objective, 10 × 25 × 1000, f64",        F64, 0.80, 0.0,          0.0),
    row("16b", "GMM gradient, f64",                         F64, 0.80, 0.0,          0.0),
    row("17a", "LSTM objective, 2 × 1024, f64",             F64, 0.05, 0.0,          0.0),
    row("17b", "LSTM gradient, f64",                        F64, 0.05, 0.0,          0.0),
    row("17c", "row 17b, each step of a loop recorded",     F64, 0.00, 0.0,          0.0),
    row("18",  "scalar tape: LSTM, gradient / primal",      F64, 3.00, 0.0,          0.0),
    row("18b", "scalar tape: determinant, grad. / primal",  F64, 3.00, 0.0,          0.0),
    row("19",  "embedding 8192 of 50,000 × 256, gradient",  F32, 0.00, TABLE,        0.0),
    row("20",  "4096 matmuls 16³",                          F32, 0.00, 0.75 * WIDE,  SMALLS),
    row("21",  "sum of 4096² over axis 0",                  F32, 0.00, SQUARE,       0.0),
    row("22",  "sum of 4096² over axis 1",                  F32, 0.00, SQUARE,       0.0),
    row("23",  "x + yᵀ, 2048²",                             F32, 0.00, 3.0 * QUARTER, 0.0),
    row("24",  "x·row + column, 4096 × 1024",               F32, 0.00, 2.0 * WIDE,   0.0),
    row("25",  "row 6 in f64",                              F64, 0.00, 16e6,         0.0),
    row("26",  "matmul 1024³, f64",                         F64, 0.00, 0.0,          CUBE),
];

/// The arrays that a row starts from, a line for each: name, type, lengths, and after the colon
/// what it holds, which `inputs` explains. Rows without any make their own.
pub(super) fn arrays(row: &str) -> String {
    let lines = match row {
        "3" => "x f32 10000000: normal 1\ny f32 10000000: normal 1",
        "4" | "5" => "x f32 10000000: normal 1",
        "6" => "x f32 1000000: normal 1",
        "7" => "a f32 1024 1024: normal 1\nb f32 1024 1024: normal 1",
        "8" => "a f32 64 784: normal 1\nb f32 784 256: normal 1",
        "9" => return perceptron(64),
        "10" => return perceptron(512),
        "11" => "x f32 4096 1024: normal 1\nt i64 4096: index 1024",
        "12" => LAYER_NORM,
        "13" => BLOCK,
        "14" => LOGISTIC,
        "15a" => "x f32 1000000: normal 1\nv f32 1000000: normal 1",
        "15b" => return perceptron(64) + "\n" + DIRECTION,
        "16a" | "16b" => GMM,
        "17a" | "17b" | "17c" => LSTM,
        "19" => EMBEDDING,
        "20" => "a f32 4096 16 16: normal 1\nb f32 4096 16 16: normal 1",
        "21" | "22" => "x f32 4096 4096: normal 1",
        "23" => "x f32 2048 2048: normal 1\ny f32 2048 2048: normal 1",
        "24" => "x f32 4096 1024: normal 1\nr f32 1024: normal 1\nc f32 4096 1: normal 1",
        "25" => "x f64 1000000: normal 1",
        "26" => "x f64 1024 1024: normal 1\ny f64 1024 1024: normal 1",
        _ => "",
    };
    lines.to_string()
}

/// A batch of images and their classes, and the weights for them.
fn perceptron(batch: usize) -> String {
    format!("x f32 {batch} 784: normal 1\nt i64 {batch}: index 10\n{LAYERS}")
}

const LAYERS: &str = "\
w1 f32 784 256: normal 0.05
b1 f32 256: normal 0.05
w2 f32 256 128: normal 0.08
b2 f32 128: normal 0.05
w3 f32 128 10: normal 0.1
b3 f32 10: normal 0.05";

const DIRECTION: &str = "\
vw1 f32 784 256: normal 1
vb1 f32 256: normal 1
vw2 f32 256 128: normal 1
vb2 f32 128: normal 1
vw3 f32 128 10: normal 1
vb3 f32 10: normal 1";

const LAYER_NORM: &str = "\
x f32 4096 1024: normal 1
gain f32 1024: normal 1
bias f32 1024: normal 1
c f32 4096 1024: normal 1";

const BLOCK: &str = "\
x f32 8 128 256: normal 1
target f32 8 128 256: normal 1
ln1g f32 256: normal 0.1 around 1
ln1b f32 256: normal 0.1
wqkv f32 256 768: normal 0.06
bqkv f32 768: normal 0.05
wo f32 256 256: normal 0.06
bo f32 256: normal 0.05
ln2g f32 256: normal 0.1 around 1
ln2b f32 256: normal 0.1
wf1 f32 256 1024: normal 0.06
bf1 f32 1024: normal 0.05
wf2 f32 1024 256: normal 0.03
bf2 f32 256: normal 0.05";

const LOGISTIC: &str = "\
x f32 100000 100: normal 1
t f32 100000: coin
w f32 100: normal 0.1
b f32: normal 0 around 0.1";

const GMM: &str = "\
alphas f64 25: normal 1
means f64 25 10: normal 1
icf f64 25 55: normal 0.5
x f64 1000 10: normal 1";

const LSTM: &str = "\
main f64 4 56: normal 0.5
extra f64 3 14: normal 1
state f64 4 14: normal 1
seq f64 1024 14: coin";

const EMBEDDING: &str = "\
table f32 50000 256: normal 1
ids i64 8192: index 50000
c f32 8192 256: normal 1";

#[cfg(test)]
mod tests {
    use super::*;

    /// The row of this name.
    fn named(name: &str) -> &'static Row {
        ROWS.iter().find(|row| row.name == name).unwrap()
    }

    #[test]
    fn names_are_unique_and_titles_fit() {
        for (at, row) in ROWS.iter().enumerate() {
            assert!(ROWS[..at].iter().all(|other| other.name != row.name), "{}", row.name);
            assert!(row.title.chars().count() <= 41, "{}", row.title);
        }
    }

    #[test]
    fn limits_are_the_longer_of_moving_and_computing() {
        let limits = Limits { bandwidth: 40.0, peak32: 200.0, peak64: 100.0 };
        let limit = |name| named(name).limit(limits);
        assert_eq!(limit("1"), None);
        assert_eq!(limit("3"), Some(3e6));
        assert_eq!(limit("7"), Some(2.0 * 1024f64.powi(3) / 200.0));
        assert_eq!(limit("26"), limit("7").map(|ns| 2.0 * ns));
        let weights = 784.0 * 256.0 + 256.0 * 128.0 + 128.0 * 10.0;
        let step = 2.0 * 512.0 * (3.0 * weights - 784.0 * 256.0);
        assert_eq!(limit("10"), Some(step / 200.0));
        let slow = Limits { bandwidth: 0.5, ..limits };
        assert_eq!(named("9").limit(slow), Some(28.0 * weights / 0.5));
    }
}
