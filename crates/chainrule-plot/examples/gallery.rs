//! Every ready figure and every kind of mark, as SVG and as PNG in light and dark.
//!
//! ```text
//! cargo run -p chainrule-plot --example gallery -- OUT_DIR
//! ```

use std::path::Path;

use chainrule_plot::graph::{Graph, Role};
use chainrule_plot::ready::calculus::{self, Touch};
use chainrule_plot::ready::classification::{self, Class, Roc};
use chainrule_plot::ready::descent::{self, Curve, Way};
use chainrule_plot::ready::regression::{self, Fitted};
use chainrule_plot::scale::Scale;
use chainrule_plot::{Figure, Grid, Ink, Legend, Mark, Marker, Panel, Theme};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let out = std::env::args().nth(1).ok_or("usage: gallery OUT_DIR [NAME]")?;
    let only = std::env::args().nth(2);
    std::fs::create_dir_all(&out)?;
    for (name, figure) in figures() {
        if only.as_ref().is_some_and(|only| !name.contains(&**only)) {
            continue;
        }
        let path = |end: &str| Path::new(&out).join(format!("{name}{end}"));
        let svg = figure.svg(Theme::Auto);
        std::fs::write(path(".svg"), &svg)?;
        std::fs::write(path(".light.png"), figure.png(Theme::Light, 2.0)?)?;
        std::fs::write(path(".dark.png"), figure.png(Theme::Dark, 2.0)?)?;
        println!("{name:16} {:6} bytes of SVG", svg.len());
    }
    for (name, graph) in [("graph_small", small()), ("graph_network", network())] {
        if only.as_ref().is_some_and(|only| !name.contains(&**only)) {
            continue;
        }
        let path = |end: &str| Path::new(&out).join(format!("{name}{end}"));
        let svg = graph.svg(Theme::Auto)?;
        std::fs::write(path(".svg"), &svg)?;
        std::fs::write(path(".dot"), graph.dot())?;
        std::fs::write(path(".light.png"), graph.png(Theme::Light, 2.0)?)?;
        std::fs::write(path(".dark.png"), graph.png(Theme::Dark, 2.0)?)?;
        println!("{name:16} {:6} bytes of SVG", svg.len());
    }
    Ok(())
}

/// (x·y + sin x)², as in lectures.
fn small() -> Graph {
    let mut g = Graph::new("f = (x·y + sin x)²");
    let x = g.node(&["x", "2.0"], Role::Input);
    let y = g.node(&["y", "3.0"], Role::Input);
    let product = g.node(&["·", "6.0"], Role::Operation);
    let sine = g.node(&["sin", "0.909"], Role::Operation);
    let sum = g.node(&["+", "6.909"], Role::Operation);
    let two = g.node(&["2"], Role::Constant);
    let power = g.node(&["pow", "47.74"], Role::Operation);
    let f = g.node(&["f"], Role::Output);
    g.nodes[sine].tooltip = "∂f/∂(sin x) = 2(x·y + sin x)".into();
    let edges = [
        (x, product),
        (y, product),
        (x, sine),
        (product, sum),
        (sine, sum),
        (sum, power),
        (two, power),
        (power, f),
    ];
    edges.into_iter().for_each(|(a, b)| g.edge(a, b));
    g
}

/// A network of three layers with its loss and a connexion that jumps one layer.
fn network() -> Graph {
    let mut g = Graph::new("A network with a residual connexion and its loss");
    let mut h = g.node(&["images", "f32 [64, 784]"], Role::Input);
    let target = g.node(&["labels", "i64 [64]"], Role::Input);
    let mut before = h;
    for k in 1..=3 {
        let w = g.node(&[&format!("layer{k}.weight"), "f32 [128, 128]"], Role::Parameter);
        let b = g.node(&[&format!("layer{k}.bias"), "f32 [128]"], Role::Parameter);
        let t = g.node(&["transpose", "[128, 128]"], Role::Operation);
        let m = g.node(&["matmul", "[64, 128]"], Role::Operation);
        let a = g.node(&["add", "[64, 128]"], Role::Operation);
        let r = g.node(&["relu", "[64, 128]"], Role::Operation);
        for (from, to) in [(w, t), (h, m), (t, m), (m, a), (b, a), (a, r)] {
            g.edge(from, to);
        }
        if k == 3 {
            let sum = g.node(&["add", "[64, 128]"], Role::Operation);
            g.edge(before, sum);
            g.edge(r, sum);
            h = sum;
        } else {
            (before, h) = (r, r);
        }
    }
    let soft = g.node(&["log_softmax", "[64, 10]"], Role::Operation);
    let pick = g.node(&["gather", "[64]"], Role::Operation);
    let mean = g.node(&["mean"], Role::Operation);
    let half = g.node(&["−1"], Role::Constant);
    let neg = g.node(&["mul"], Role::Operation);
    let loss = g.node(&["loss"], Role::Output);
    for (from, to) in [
        (h, soft),
        (soft, pick),
        (target, pick),
        (pick, mean),
        (mean, neg),
        (half, neg),
        (neg, loss),
    ] {
        g.edge(from, to);
    }
    g
}

fn figures() -> Vec<(&'static str, Figure)> {
    vec![
        ("derivative", derivative()),
        ("secants", secants()),
        ("difference", difference()),
        ("losses", losses()),
        ("losses_log", losses_log()),
        ("rates", rates()),
        ("descent", rosenbrock()),
        ("bowl", bowl()),
        ("fit", fit()),
        ("residuals", residuals()),
        ("predicted", predicted()),
        ("coefficients", coefficients()),
        ("correlations", correlations()),
        ("roc", roc()),
        ("confusion", confusion()),
        ("boundary", boundary()),
        ("marks", marks()),
        ("bars", bars()),
        ("surface", surface()),
        ("scales", scales()),
        ("odd", odd()),
    ]
}

fn linspace(low: f64, high: f64, n: usize) -> Vec<f64> {
    (0..n).map(|k| low + (high - low) * k as f64 / (n - 1) as f64).collect()
}

fn map(x: &[f64], f: impl Fn(f64) -> f64) -> Vec<f64> {
    x.iter().map(|x| f(*x)).collect()
}

/// Standard normal numbers: sums of twelve uniform ones from a linear congruence.
fn normal(n: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut uniform = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    (0..n).map(|_| (0..12).map(|_| uniform()).sum::<f64>() - 6.0).collect()
}

fn derivative() -> Figure {
    let x = linspace(-2.5, 3.0, 400);
    let f = |x: f64| 0.5 * x * x * x - x * x - x + 1.0;
    let df = |x: f64| 1.5 * x * x - 2.0 * x - 1.0;
    let at = Touch { x: -0.8, y: f(-0.8), slope: df(-0.8) };
    calculus::derivative(&x, &map(&x, f), &map(&x, df), at, "f(x)")
}

fn secants() -> Figure {
    let x = linspace(0.0, 3.0, 300);
    let f = |x: f64| 0.6 * x * x + 0.5;
    let at = Touch { x: 0.8, y: f(0.8), slope: 0.96 };
    let others: Vec<_> = [1.8, 1.2, 0.6, 0.2].map(|h| (0.8 + h, f(0.8 + h))).to_vec();
    calculus::secants(&x, &map(&x, f), at, &others)
}

fn difference() -> Figure {
    let h: Vec<f64> = linspace(-16.0, 0.0, 161).into_iter().map(|e| 10f64.powf(e)).collect();
    let exact = 1f64.cos();
    let error = |d: f64| ((d - exact) / exact).abs();
    let forward = map(&h, |h| error(((1.0 + h).sin() - 1f64.sin()) / h));
    let central = map(&h, |h| error(((1.0 + h).sin() - (1.0 - h).sin()) / (2.0 * h)));
    calculus::difference_error(&h, &[("forward", &forward), ("central", &central)])
}

fn curves(n: usize) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let step = linspace(0.0, n as f64 - 1.0, n);
    let noise = normal(2 * n, 3);
    let train = |k: usize| {
        let t = step[k] / n as f64;
        (0.05 + 2.2 * (-9.0 * t).exp()) * (1.0 + 0.12 * noise[k])
    };
    let valid = |k: usize| {
        let t = step[k] / n as f64;
        (0.14 + 2.2 * (-9.0 * t).exp() + 0.35 * t * t) * (1.0 + 0.04 * noise[n + k])
    };
    let (train, valid) = ((0..n).map(train).collect(), (0..n).map(valid).collect());
    (step, train, valid)
}

fn losses() -> Figure {
    let (step, train, valid) = curves(60);
    let curves = [
        Curve { name: "training", step: &step, loss: &train },
        Curve { name: "validation", step: &step, loss: &valid },
    ];
    descent::losses(&curves, "epoch", Scale::Linear, 0.0)
}

fn losses_log() -> Figure {
    let (step, train, valid) = curves(4000);
    let curves = [
        Curve { name: "training", step: &step, loss: &train },
        Curve { name: "validation", step: &step, loss: &valid },
    ];
    descent::losses(&curves, "step", Scale::Log, 0.95)
}

fn rates() -> Figure {
    let rate: Vec<f64> = linspace(-6.0, 1.0, 120).into_iter().map(|e| 10f64.powf(e)).collect();
    let noise = normal(120, 5);
    let loss = |(k, r): (usize, &f64)| {
        let fall = 2.3 - 1.7 / (1.0 + (-(r.log10() + 2.6) * 2.5).exp());
        fall + (r / 0.5).powi(3).min(1e4) + 0.05 * noise[k]
    };
    let loss: Vec<f64> = rate.iter().enumerate().map(loss).collect();
    descent::learning_rates(&rate, &loss, Some(3.2e-3))
}

fn run(
    start: (f64, f64),
    rate: f64,
    keep: f64,
    n: usize,
    slope: impl Fn(f64, f64) -> (f64, f64),
) -> (Vec<f64>, Vec<f64>) {
    let (mut p, mut v) = (start, (0.0, 0.0));
    let mut path = vec![p];
    for _ in 0..n {
        let g = slope(p.0, p.1);
        v = (keep * v.0 - rate * g.0, keep * v.1 - rate * g.1);
        p = (p.0 + v.0, p.1 + v.1);
        path.push(p);
    }
    path.into_iter().unzip()
}

fn rosenbrock() -> Figure {
    let f = |x: f64, y: f64| (1.0 - x).powi(2) + 100.0 * (y - x * x).powi(2);
    let slope = |x: f64, y: f64| (-2.0 * (1.0 - x) - 400.0 * x * (y - x * x), 200.0 * (y - x * x));
    let grid = Grid::of(&linspace(-1.7, 1.7, 341), &linspace(-0.7, 2.4, 311), f);
    let plain = run((-1.3, 1.2), 9e-4, 0.0, 2000, slope);
    let heavy = run((-1.3, 1.2), 7e-4, 0.9, 160, slope);
    let ways = [
        Way { name: "gradient descent", x: &plain.0, y: &plain.1 },
        Way { name: "momentum 0.9", x: &heavy.0, y: &heavy.1 },
    ];
    descent::ways(grid, &[], &ways, ("θ₁", "θ₂")).title("Descent on Rosenbrock’s function")
}

fn bowl() -> Figure {
    let f = |x: f64, y: f64| 0.5 * (x * x + 9.0 * y * y);
    let grid = Grid::of(&linspace(-4.5, 1.5, 121), &linspace(-1.6, 1.6, 101), f);
    let way = run((-4.0, 1.2), 0.19, 0.0, 14, |x, y| (x, 9.0 * y));
    descent::ways(
        grid,
        &[],
        &[Way { name: "learning rate 0.19", x: &way.0, y: &way.1 }],
        ("θ₁", "θ₂"),
    )
    .title("A narrow valley")
}

fn fit() -> Figure {
    let x: Vec<f64> =
        linspace(0.2, 9.5, 45).iter().zip(normal(45, 1)).map(|(x, z)| x + 0.1 * z).collect();
    let f = |x: f64| 4.8 * (1.0 - (-0.45 * x).exp()) + 0.4;
    let y: Vec<f64> = x.iter().zip(normal(45, 2)).map(|(x, z)| f(*x) + 0.32 * z).collect();
    let grid = linspace(0.0, 10.0, 200);
    let half = |x: f64| 0.08 + 0.012 * (x - 5.0).powi(2);
    let (low, high) = (map(&grid, |x| f(x) - half(x)), map(&grid, |x| f(x) + half(x)));
    let wide = |x: f64| (half(x).powi(2) + 0.64f64.powi(2)).sqrt();
    let (least, most) = (map(&grid, |x| f(x) - wide(x)), map(&grid, |x| f(x) + wide(x)));
    let fit = Fitted {
        x: &x,
        y: &y,
        fitted: &map(&x, f),
        grid: &grid,
        curve: &map(&grid, f),
        confidence: (&low, &high),
        prediction: (&least, &most),
    };
    regression::curve(&fit, ("time (h)", "concentration (mg/l)"), &["R² = 0.951", "RMSE = 0.318"])
}

fn residuals() -> Figure {
    let fitted: Vec<f64> = normal(300, 8).iter().map(|z| 20.0 + 6.0 * z).collect();
    let rest: Vec<f64> =
        normal(300, 9).iter().zip(&fitted).map(|(z, f)| z * (0.5 + 0.04 * f)).collect();
    regression::residuals(&fitted, &rest)
}

fn predicted() -> Figure {
    let observed: Vec<f64> = normal(250, 4).iter().map(|z| 23.0 + 7.0 * z).collect();
    let predicted: Vec<f64> =
        observed.iter().zip(normal(250, 6)).map(|(o, z)| o + 2.4 * z).collect();
    regression::predicted_observed(&observed, &predicted, "miles per gallon")
}

fn coefficients() -> Figure {
    let names = ["horsepower", "weight", "acceleration", "model year", "cylinders", "displacement"];
    let estimate = [-0.6, -5.5, 0.22, 2.77, -0.55, 1.2];
    let half = [0.9, 1.1, 0.55, 0.37, 1.0, 0.85];
    let low: Vec<f64> = estimate.iter().zip(half).map(|(e, h)| e - h).collect();
    let high: Vec<f64> = estimate.iter().zip(half).map(|(e, h)| e + h).collect();
    regression::coefficients(&names, &estimate, &low, &high)
}

fn correlations() -> Figure {
    let names =
        ["mpg", "cylinders", "displacement", "horsepower", "weight", "acceleration", "year"];
    let rows = [
        [1.0, -0.78, -0.81, -0.78, -0.83, 0.42, 0.58],
        [-0.78, 1.0, 0.95, 0.84, 0.9, -0.5, -0.35],
        [-0.81, 0.95, 1.0, 0.9, 0.93, -0.54, -0.37],
        [-0.78, 0.84, 0.9, 1.0, 0.86, -0.69, -0.42],
        [-0.83, 0.9, 0.93, 0.86, 1.0, -0.42, -0.31],
        [0.42, -0.5, -0.54, -0.69, -0.42, 1.0, 0.29],
        [0.58, -0.35, -0.37, -0.42, -0.31, 0.29, 1.0],
    ];
    regression::correlations(&names, &rows.concat())
}

fn roc() -> Figure {
    let mut scores: Vec<(f64, bool)> = normal(200, 11).into_iter().map(|z| (z, false)).collect();
    scores.extend(normal(120, 12).into_iter().map(|z| (z + 1.6, true)));
    scores.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut fp, mut tp, mut auc) = (vec![0.0], vec![0.0], 0.0);
    let mut at = (0.0, 0.0);
    for (_, positive) in scores {
        if positive {
            at.1 += 1.0 / 120.0;
        } else {
            at.0 += 1.0 / 200.0;
            auc += at.1 / 200.0;
        }
        fp.push(at.0);
        tp.push(at.1);
    }
    classification::roc(&[Roc { name: "logistic", false_positive: &fp, true_positive: &tp, auc }])
}

fn confusion() -> Figure {
    let classes = ["setosa", "versicolor", "virginica"];
    classification::confusion(&classes, &[50, 0, 0, 0, 47, 3, 0, 2, 48])
}

fn boundary() -> Figure {
    let turn = linspace(0.0, std::f64::consts::PI, 70);
    let noise = normal(280, 21);
    let moon = |k: usize, up: bool| {
        let (s, c) = turn[k].sin_cos();
        let (dx, dy) =
            (0.13 * noise[2 * k + usize::from(up)], 0.13 * noise[140 + 2 * k + usize::from(up)]);
        if up { (c + dx, s + dy) } else { (1.0 - c + dx, 0.5 - s + dy) }
    };
    let (ax, ay): (Vec<f64>, Vec<f64>) = (0..70).map(|k| moon(k, true)).unzip();
    let (bx, by): (Vec<f64>, Vec<f64>) = (0..70).map(|k| moon(k, false)).unzip();
    let near = |x: f64, y: f64, xs: &[f64], ys: &[f64]| -> f64 {
        let of = |(a, b): (&f64, &f64)| (-((x - a).powi(2) + (y - b).powi(2)) / 0.09).exp();
        xs.iter().zip(ys).map(of).sum()
    };
    let p = |x: f64, y: f64| {
        let (a, b) = (near(x, y, &ax, &ay) + 0.02, near(x, y, &bx, &by) + 0.02);
        b / (a + b)
    };
    let grid = Grid::of(&linspace(-1.5, 2.5, 120), &linspace(-1.1, 1.6, 100), p);
    let classes = [
        Class { name: "upper moon", x: &ax, y: &ay },
        Class { name: "lower moon", x: &bx, y: &by },
    ];
    classification::boundary(grid, &classes, ("x₁", "x₂"))
}

fn marks() -> Figure {
    let x = linspace(0.0, 10.0, 200);
    let gaps = map(&x, |x| if (4.0..5.0).contains(&x) { f64::NAN } else { (x * 0.9).sin() });
    let step = linspace(0.0, 10.0, 11);
    let lines = Panel::new("x", "y")
        .title("Lines")
        .with(Mark::line(&x, &gaps).label("solid, with a gap"))
        .with(Mark::line(&x, &map(&x, |x| (x * 0.9 + 1.0).sin())).dashed().label("dashed"))
        .with(Mark::line(&x, &map(&x, |x| (x * 0.9 + 2.0).sin())).dotted().label("dotted"))
        .with(Mark::steps(&step, &map(&step, |x| 0.3 * (x * 2.0).cos())).label("steps"));
    let (a, b) = (normal(60, 31), normal(60, 32));
    let shift = |by: f64| (map(&a, |v| v + by), map(&b, |v| v + 0.5 * by));
    let mut points = Panel::new("x", "y").title("Points");
    let markers =
        [Marker::Circle, Marker::Square, Marker::Triangle, Marker::Diamond, Marker::Cross];
    for (k, marker) in markers.into_iter().enumerate() {
        let (x, y) = shift(2.5 * k as f64);
        points =
            points.with(Mark::points(&x, &y).marker(marker, 3.5).label(&format!("{marker:?}")));
    }
    let mut labelled = Panel::new("x", "y").title("Labelled points");
    let (px, py) = (normal(14, 41), normal(14, 42));
    labelled = labelled.with(Mark::points(&px, &py));
    for k in 0..14 {
        labelled = labelled.note(px[k], py[k], &format!("point {}", k + 1));
    }
    let v: Vec<f64> = a.iter().zip(&b).map(|(a, b)| (a * a + b * b).sqrt() * 1e-3).collect();
    let coloured = Panel::new("x", "y")
        .title("Colours for values")
        .with(Mark::coloured(&a, &b, &v).label("distance"));
    Figure::grid(vec![lines, points, labelled, coloured], 2, (900.0, 720.0)).title("Marks")
}

fn bars() -> Figure {
    let names = ["forward", "backward", "update", "data"];
    let grouped = Panel::new("", "time (ms)")
        .title("Grouped")
        .x(|axis| axis.names(&names))
        .with(Mark::bars(&[12.0, 25.0, 3.0, 6.0], (0, 2)).label("this engine"))
        .with(Mark::bars(&[15.0, 31.0, 8.0, 6.0], (1, 2)).label("another"));
    let long =
        ["a rather long name of a feature", "another quite long one", "short", "of middle length"];
    let flat = Panel::new("importance", "")
        .title("Lying")
        .y(|axis| axis.names(&long).reversed())
        .with(Mark::flat_bars(&[0.42, 0.31, 0.2, 0.07]));
    let turned = Panel::new("", "count")
        .title("Turned labels")
        .x(|axis| {
            axis.names(&[
                "January",
                "February",
                "March",
                "April",
                "May",
                "June",
                "July",
                "August",
                "September",
            ])
        })
        .with(
            Mark::bars(&[3.0, 5.0, 8.0, 12.0, 15.0, 18.0, 20.0, 19.0, 14.0], (0, 1))
                .ink(Ink::Series(2)),
        );
    let hist = Panel::new("x", "count")
        .title("Histogram")
        .with(Mark::histogram(&normal(2000, 51), 0, false).ink(Ink::Series(3)));
    Figure::grid(vec![grouped, flat, turned, hist], 2, (900.0, 680.0)).title("Bars")
}

fn surface() -> Figure {
    let f = |x: f64, y: f64| (x * 1.3).sin() * (y * 1.1).cos() + 0.15 * x;
    let (xs, ys) = (linspace(-3.0, 3.0, 90), linspace(-3.0, 3.0, 90));
    let grid = Grid::of(&xs, &ys, f);
    let levels = chainrule_plot::contour::levels(&grid, 10);
    let panels = vec![
        Panel::new("x", "y").title("Heat").with(Mark::heat(grid.clone()).label("f(x, y)")),
        Panel::new("x", "y")
            .title("Filled contours")
            .with(Mark::filled(grid.clone(), &chainrule_plot::contour::steps(&grid, 10))),
        Panel::new("x", "y").title("Contours").with(Mark::contour(grid, &levels)),
    ];
    Figure::grid(panels, 3, (1200.0, 400.0)).title("f(x, y) = sin 1.3x · cos 1.1y + 0.15x")
}

/// Data that are hardly any, or hardly numbers.
fn odd() -> Figure {
    let panel = |title: &str, x: &[f64], y: &[f64]| {
        let line = Panel::new("x", "y").title(title).with(Mark::line(x, y).label("line"));
        line.with(Mark::points(x, y).label("points"))
    };
    let nan = f64::NAN;
    let long = "a label that is much too long for the frame in which it has to find its place";
    let mut crowded = panel(long, &[0.0, 1.0], &[0.0, 1.0]);
    (crowded.x.label, crowded.y.label, crowded.marks[0].label) =
        (long.into(), long.into(), long.into());
    let panels = vec![
        panel("No data", &[], &[]),
        panel("One point", &[3.0], &[7.0]),
        panel("All equal", &[1.0, 2.0, 3.0], &[5.0; 3]),
        panel("Not numbers", &[1.0, 2.0, 3.0, 4.0], &[1.0, nan, 3.0, f64::INFINITY]),
        panel("From −10³⁰⁰ to 10³⁰⁰", &[-1e300, 0.0, 1e300], &[1e-300, 0.0, 2e-300]),
        crowded,
    ];
    Figure::grid(panels, 3, (1200.0, 640.0)).title("Odd data")
}

fn scales() -> Figure {
    let x = linspace(0.0, 1.0, 50);
    let big = Panel::new("small", "large")
        .title("Powers")
        .with(Mark::line(&map(&x, |x| x * 3e-7), &map(&x, |x| 2.5e8 * x * x)).label("x²"));
    let shifted = Panel::new("year", "offset")
        .title("Large offset")
        .with(Mark::points(&map(&x, |x| 1990.0 + 35.0 * x), &map(&x, |x| 1e6 + x)));
    let log = Panel::new("λ", "‖θ − θ̂‖₂")
        .title("Both logarithmic")
        .x(chainrule_plot::Axis::log)
        .y(chainrule_plot::Axis::log)
        .with(
            Mark::line(&map(&x, |x| 10f64.powf(6.0 * x - 3.0)), &map(&x, |x| 10f64.powf(-2.0 * x)))
                .label("error"),
        );
    let errors = Panel::new("∂f/∂x₁", "∇²f")
        .title("Error bars")
        .legend(Legend::Right)
        .with(
            Mark::errors(&[1.0, 2.0, 3.0, 4.0], &[0.5, 1.0, 1.2, 2.4], &[1.5, 1.9, 2.8, 3.2])
                .ink(Ink::Series(0))
                .label("± 2 s"),
        )
        .with(
            Mark::points(&[1.0, 2.0, 3.0, 4.0], &[1.0, 1.4, 2.0, 2.8])
                .ink(Ink::Series(0))
                .label("mean"),
        );
    Figure::grid(vec![big, shifted, log, errors], 2, (900.0, 680.0)).title("Scales")
}
