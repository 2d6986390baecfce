//! The speed rows: each workload, its median time here, and what it is to be held against.
//!
//! `cargo xtask bench` runs this. Times are medians over repetitions of at least half a second
//! (`--quick`: a twentieth). The limits are measured in the same run: the bandwidth of a copy, and
//! the speed of a matrix product of 1024³.

use std::time::{Duration, Instant};

use chainrule::{DType, Tensor, grad, no_grad, realize};

type Outcome = Result<(), chainrule::Error>;

/// One row: number, name, work, and the time in milliseconds to stay under.
struct Row {
    number: u32,
    name: &'static str,
    /// Bytes that must move, or operations, for the limit printed beside the time.
    bytes: f64,
    operations: f64,
    goal: Option<f64>,
    run: Box<dyn FnMut() -> Outcome>,
}

fn median(minimum: Duration, mut run: impl FnMut() -> Outcome) -> Result<f64, chainrule::Error> {
    for _ in 0..3 {
        run()?;
    }
    let (start, mut times) = (Instant::now(), vec![]);
    while start.elapsed() < minimum || times.len() < 5 {
        let once = Instant::now();
        run()?;
        times.push(once.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

/// A multi-layer perceptron under Adam.
struct Mlp {
    parameters: Vec<Tensor>,
    moments: Vec<(Tensor, Tensor)>,
    step: i32,
}

impl Mlp {
    fn new(sizes: &[usize]) -> Mlp {
        let mut parameters = vec![];
        for pair in sizes.windows(2) {
            let scale = (2.0 / pair[0] as f64).sqrt();
            parameters.push((Tensor::randn([pair[0], pair[1]]) * scale).requires_grad());
            parameters.push(Tensor::zeros([pair[1]]).requires_grad());
        }
        let moments = parameters.iter().map(|p| (p.zeros_like(), p.zeros_like())).collect();
        Mlp { parameters, moments, step: 0 }
    }

    fn loss(&self, x: &Tensor, target: &Tensor) -> Tensor {
        let mut h = x.clone();
        let layers = self.parameters.len() / 2;
        for (i, layer) in self.parameters.chunks(2).enumerate() {
            h = h.matmul(&layer[0]) + &layer[1];
            if i + 1 < layers {
                h = h.relu();
            }
        }
        h.cross_entropy(target)
    }

    fn train(&mut self, x: &Tensor, target: &Tensor) -> Outcome {
        let loss = self.loss(x, target);
        let all: Vec<&Tensor> = self.parameters.iter().collect();
        let gradients = grad(&loss, &all)?;
        self.step += 1;
        let (b1, b2) = (0.9, 0.999);
        // Numbers that change from step to step are data, so that the plan stays the same.
        let rate =
            1e-3 * (1.0 - f64::powi(b2, self.step)).sqrt() / (1.0 - f64::powi(b1, self.step));
        let rate = Tensor::from(rate as f32);
        no_grad(|| {
            let mut wanted = vec![];
            for ((p, g), (m, v)) in self.parameters.iter().zip(&gradients).zip(&mut self.moments) {
                *m = &*m * b1 + g * (1.0 - b1);
                *v = &*v * b2 + g.square() * (1.0 - b2);
                p.assign(&(p - &*m * &rate / (v.sqrt() + 1e-8)))?;
                wanted.extend([p.clone(), m.clone(), v.clone()]);
            }
            let mut wanted: Vec<&Tensor> = wanted.iter().collect();
            wanted.push(&loss);
            realize(&wanted)
        })
    }
}

fn mlp_row(number: u32, batch: usize, goal: Option<f64>) -> Row {
    let x = Tensor::randn([batch, 784]);
    let target = (Tensor::rand([batch]) * 10.0).to_dtype(DType::I64);
    let _ = realize(&[&target]);
    let mut mlp = Mlp::new(&[784, 256, 128, 10]);
    let weights = (784 * 256 + 256 * 128 + 128 * 10) as f64;
    Row {
        number,
        name: if batch == 64 { "MLP step, batch 64" } else { "MLP step, batch 512" },
        bytes: weights * 28.0,
        operations: 2.0 * batch as f64 * (3.0 * weights - 784.0 * 256.0),
        goal,
        run: Box::new(move || {
            // A fresh start now and then (the median does not see it): on one batch the loss would
            // go to 0, and the arithmetic to subnormal numbers.
            if mlp.step == 100 {
                mlp = Mlp::new(&[784, 256, 128, 10]);
            }
            mlp.train(&x, &target)
        }),
    }
}

/// A row that only evaluates something.
fn row(
    number: u32,
    name: &'static str,
    (bytes, operations): (f64, f64),
    goal: Option<f64>,
    run: impl FnMut() -> Outcome + 'static,
) -> Row {
    Row { number, name, bytes, operations, goal, run: Box::new(run) }
}

/// Makes a row with its data.
type Make = fn() -> Row;

/// All rows, each made when its turn comes, so that their data do not stand in memory together.
const ROWS: &[(u32, Make)] = &[
    (1, || {
        row(1, "gradient of 2 x·x, n = 4", (0.0, 0.0), Some(0.6 * 0.0030), || {
            let x = Tensor::from([0.0f32, 1.0, 2.0, 3.0]).requires_grad();
            let y = 2.0 * x.dot(&x);
            y.backward()?;
            x.grad().map_or(Ok(()), |g| realize(&[&y, &g]))
        })
    }),
    (2, || {
        let x = Tensor::from(1.0f32).requires_grad();
        row(2, "chain of 2,000 scalars, both ways", (0.0, 0.0), Some(0.6 * 1.15), move || {
            let mut z = x.clone();
            for _ in 0..1000 {
                z = &z * 1.0001 + 0.5;
            }
            let g = grad(&z, &[&x])?;
            realize(&[&z, &g[0]])
        })
    }),
    (3, || {
        let (x, y) = (Tensor::randn([10_000_000]), Tensor::randn([10_000_000]));
        row(3, "x + y, 10⁷", (12e7, 0.0), Some(0.25 * 15.4), move || realize(&[&(&x + &y)]))
    }),
    (4, || {
        let x = Tensor::randn([10_000_000]);
        row(4, "exp x, 10⁷", (8e7, 0.0), Some(0.25 * 12.4), move || realize(&[&x.exp()]))
    }),
    (5, || {
        let x = Tensor::randn([10_000_000]);
        row(5, "tanh x, 10⁷", (8e7, 0.0), Some(0.25 * 13.2), move || realize(&[&x.tanh()]))
    }),
    (6, || {
        let x = Tensor::randn([1_000_000]).requires_grad();
        let name = "Σ sin x e^(−x²) + 3 tanh x, 10⁶, gradient";
        row(6, name, (8e6, 0.0), Some(0.5 * 2.74), move || {
            let y = (x.sin() * (-x.square()).exp() + 3.0 * x.tanh()).sum();
            let g = grad(&y, &[&x])?;
            realize(&[&y, &g[0]])
        })
    }),
    (7, || {
        let (a, b) = (Tensor::randn([1024, 1024]), Tensor::randn([1024, 1024]));
        let work = (0.0, 2.0 * 1024f64.powi(3));
        row(7, "matmul 1024³", work, Some(10.3), move || realize(&[&a.matmul(&b)]))
    }),
    (8, || {
        let (a, b) = (Tensor::randn([64, 784]), Tensor::randn([784, 256]));
        let work = (0.0, 2.0 * 64.0 * 784.0 * 256.0);
        row(8, "matmul 64 × 784 × 256", work, Some(0.9 * 0.146), move || {
            realize(&[&a.matmul(&b)])
        })
    }),
    (9, || mlp_row(9, 64, Some(0.75 * 0.76))),
    (10, || mlp_row(10, 512, Some(0.85 * 3.42))),
    (11, || {
        let logits = Tensor::randn([4096, 1024]).requires_grad();
        let classes = (Tensor::rand([4096]) * 1024.0).to_dtype(DType::I64);
        let _ = realize(&[&classes]);
        let bytes = 2.0 * 4096.0 * 1024.0 * 4.0;
        row(11, "cross-entropy 4096 × 1024, gradient", (bytes, 0.0), None, move || {
            let y = logits.cross_entropy(&classes);
            let g = grad(&y, &[&logits])?;
            realize(&[&y, &g[0]])
        })
    }),
    (12, || {
        let x = Tensor::randn([4096, 1024]).requires_grad();
        let gain = Tensor::ones([1024]).requires_grad();
        let bias = Tensor::zeros([1024]).requires_grad();
        let cotangent = Tensor::randn([4096, 1024]);
        let bytes = 3.0 * 4096.0 * 1024.0 * 4.0;
        row(12, "layer norm 4096 × 1024, gradient", (bytes, 0.0), None, move || {
            let centred = &x - &x.mean_axis(1, true);
            let variance = centred.square().mean_axis(1, true);
            let y = &centred * (variance + 1e-5).rsqrt() * &gain + &bias;
            let g = grad(&(&y * &cotangent).sum(), &[&x, &gain, &bias])?;
            realize(&[&g[0], &g[1], &g[2]])
        })
    }),
];

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let quick = arguments.iter().any(|a| a == "--quick");
    let chosen: Option<Vec<u32>> = arguments
        .iter()
        .position(|a| a == "--rows")
        .and_then(|i| arguments.get(i + 1))
        .map(|list| list.split(',').filter_map(|n| n.parse().ok()).collect());
    if let Some(n) = arguments.iter().position(|a| a == "--threads") {
        let n = arguments.get(n + 1).and_then(|n| n.parse().ok()).unwrap_or(0);
        return chainrule::with_threads(n, || table(quick, chosen.as_deref()));
    }
    table(quick, chosen.as_deref())
}

fn table(quick: bool, chosen: Option<&[u32]>) -> Outcome {
    let minimum = Duration::from_millis(if quick { 25 } else { 500 });
    let source = Tensor::randn([10_000_000]);
    let copy = median(minimum, || realize(&[&(&source * 1.5)]))?;
    let bandwidth = 8e7 / copy / 1e6; // bytes per millisecond to GB/s
    let (a, b) = (Tensor::randn([1024, 1024]), Tensor::randn([1024, 1024]));
    let product = median(minimum, || realize(&[&a.matmul(&b)]))?;
    let peak = 2.0 * 1024f64.powi(3) / product / 1e6;
    println!("copy {bandwidth:.0} GB/s, matrix product {peak:.0} GF/s\n");
    println!("| # | workload | ms | limit, ms | goal, ms | time / goal |");
    println!("|---|---|---|---|---|---|");
    for (number, make) in ROWS {
        if chosen.is_some_and(|c| !c.contains(number)) {
            continue;
        }
        let mut row = make();
        let time = median(minimum, &mut row.run)?;
        let limit = (row.bytes / bandwidth / 1e6).max(row.operations / peak / 1e6);
        let limit = if limit > 0.0 { format!("{limit:.3}") } else { "–".into() };
        let goal = row.goal.map_or("–".into(), |g| format!("{g:.4}"));
        let ratio = row.goal.map_or("–".into(), |g| format!("{:.2}", time / g));
        println!("| {} | {} | {time:.4} | {limit} | {goal} | {ratio} |", row.number, row.name);
    }
    Ok(())
}
