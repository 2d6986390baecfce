//! The Statistical Reference Datasets of NIST: files, models, and the digits that are right.
//!
//! The header of a file says on which lines its parts are. Parameter rows of nonlinear files are
//! `b1 = start1 start2 certified deviation`, those of linear ones `B0 certified deviation`. The
//! first column of the data is the response.

#![allow(dead_code, reason = "the test and the example each use a part")]

use std::path::PathBuf;

use chainrule_core::Tensor;
use chainrule_fit::curve::{CurveFit, Request, fit, fit_over};
use chainrule_fit::inference::Estimate;
use chainrule_fit::least_squares::ols::Design;
use chainrule_fit::parallel::Communicator;
use chainrule_fit::solve::Options;

/// The nonlinear problems, in NIST's order of difficulty.
pub(crate) const NONLINEAR: [(&str, &str); 27] = [
    ("Misra1a", "lower"),
    ("Chwirut2", "lower"),
    ("Chwirut1", "lower"),
    ("Lanczos3", "lower"),
    ("Gauss1", "lower"),
    ("Gauss2", "lower"),
    ("DanWood", "lower"),
    ("Misra1b", "lower"),
    ("Kirby2", "average"),
    ("Hahn1", "average"),
    ("Nelson", "average"),
    ("MGH17", "average"),
    ("Lanczos1", "average"),
    ("Lanczos2", "average"),
    ("Gauss3", "average"),
    ("Misra1c", "average"),
    ("Misra1d", "average"),
    ("Roszman1", "average"),
    ("ENSO", "average"),
    ("MGH09", "higher"),
    ("Thurber", "higher"),
    ("BoxBOD", "higher"),
    ("Rat42", "higher"),
    ("MGH10", "higher"),
    ("Eckerle4", "higher"),
    ("Rat43", "higher"),
    ("Bennett5", "higher"),
];

/// The linear problems, and the degree of those that are polynomials.
pub(crate) const LINEAR: [(&str, Option<usize>); 11] = [
    ("Norris", Some(1)),
    ("Pontius", Some(2)),
    ("NoInt1", None),
    ("NoInt2", None),
    ("Filip", Some(10)),
    ("Longley", None),
    ("Wampler1", Some(5)),
    ("Wampler2", Some(5)),
    ("Wampler3", Some(5)),
    ("Wampler4", Some(5)),
    ("Wampler5", Some(5)),
];

/// A linear problem: its columns as plain doubles, and as a design.
pub(crate) struct Linear {
    pub(crate) columns: Vec<Vec<f64>>,
    pub(crate) design: Design,
    pub(crate) response: Vec<f64>,
    pub(crate) certified: Vec<f64>,
    pub(crate) deviations: Vec<f64>,
}

impl Linear {
    /// Reads `data/nist/linear/<name>.csv` and what is certified about it.
    pub(crate) fn read(name: &str, degree: Option<usize>) -> Linear {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../data/nist/linear");
        let text = std::fs::read_to_string(folder.join(format!("{name}.csv"))).expect("the data");
        let row = |line: &str| -> Vec<f64> {
            line.split(',').map(|x| x.parse().expect("a number")).collect()
        };
        let rows: Vec<Vec<f64>> = text.lines().skip(1).map(row).collect();
        let column = |j: usize| -> Vec<f64> { rows.iter().map(|row| row[j]).collect() };
        let certified = std::fs::read_to_string(folder.join("certified.csv")).expect("the answers");
        let answers: Vec<Vec<f64>> = certified
            .lines()
            .filter(|line| line.split(',').next() == Some(name))
            .map(|line| line.split(',').skip(2).map(|x| x.parse().expect("a number")).collect())
            .collect();
        let (columns, design) = match degree {
            Some(k) => {
                let x = column(1);
                let powers = (0..=k).map(|k| x.iter().map(|x| x.powi(k as i32)).collect());
                (powers.collect(), Design::polynomial(&x, k))
            }
            None => {
                let mut columns: Vec<Vec<f64>> = (1..rows[0].len()).map(column).collect();
                if name == "Longley" {
                    columns.insert(0, vec![1.0; rows.len()]);
                }
                let names = (0..columns.len()).map(|j| format!("B{j}")).collect();
                (columns.clone(), Design::new(names, columns).expect("columns"))
            }
        };
        Linear {
            columns,
            design,
            response: column(0),
            certified: answers.iter().map(|a| a[0]).collect(),
            deviations: answers.iter().map(|a| a[1]).collect(),
        }
    }
}

/// A problem with its certified answer.
pub(crate) struct Problem {
    pub(crate) name: String,
    /// One vector for each of NIST's starts.
    pub(crate) starts: Vec<Vec<f64>>,
    pub(crate) certified: Vec<f64>,
    pub(crate) deviations: Vec<f64>,
    pub(crate) response: Vec<f64>,
    /// The columns of predictors.
    pub(crate) predictors: Vec<Vec<f64>>,
}

impl Problem {
    /// Reads `data/nist/<kind>/<name>.dat`.
    pub(crate) fn read(kind: &str, name: &str) -> Problem {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../data/nist").join(kind);
        let path = folder.join(format!("{name}.dat"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path:?}: {e}"));
        let lines: Vec<&str> = text.lines().collect();
        let part = |title: &str| {
            let header = lines.iter().find(|l| l.contains(title) && l.contains("lines"));
            let header = header.unwrap_or_else(|| panic!("{name} names no {title}"));
            let range: Vec<usize> = header[header.find("(lines").unwrap_or(0)..]
                .split(|c: char| !c.is_ascii_digit())
                .filter_map(|n| n.parse().ok())
                .collect();
            &lines[range[0] - 1..range[1].min(lines.len())]
        };
        let numbers = |line: &&str| -> Vec<f64> {
            line.split_whitespace().filter_map(|n| n.parse().ok()).collect()
        };
        let parameters: Vec<Vec<f64>> = part("Certified Values")
            .iter()
            .filter(|l| l.trim_start().starts_with(['b', 'B']))
            .map(numbers)
            .collect();
        let data: Vec<Vec<f64>> =
            part("Data ").iter().map(numbers).filter(|row| row.len() > 1).collect();
        let column = |rows: &[Vec<f64>], j: usize| rows.iter().map(|row| row[j]).collect();
        let given = parameters[0].len() - 2;
        Problem {
            name: name.into(),
            starts: (0..given).map(|j| column(&parameters, j)).collect(),
            certified: column(&parameters, given),
            deviations: column(&parameters, given + 1),
            response: column(&data, 0),
            predictors: (1..data[0].len()).map(|j| column(&data, j)).collect(),
        }
    }

    /// What is fitted: the response, or its logarithm where the file says so.
    pub(crate) fn observed(&self) -> Vec<f64> {
        match self.name == "Nelson" {
            true => self.response.iter().map(|y| y.ln()).collect(),
            false => self.response.clone(),
        }
    }

    /// The nonlinear model.
    pub(crate) fn model(&self) -> impl Fn(&Tensor) -> Tensor {
        let (name, x) = (self.name.clone(), self.predictors.clone());
        let x: Vec<Tensor> = x.into_iter().map(Tensor::from).collect();
        move |b| model(&name, b, &x)
    }

    /// The fit from one of the starts.
    pub(crate) fn fit(&self, start: &[f64], options: &Options) -> CurveFit {
        let names = (1..=start.len()).map(|k| format!("b{k}"));
        let request = Request { options: options.clone(), ..Request::new(names).start(start) };
        fit(self.model(), &self.observed(), &request).expect("a fit")
    }
}

impl Problem {
    /// The same with some of the rows.
    pub(crate) fn part(&self, rows: std::ops::Range<usize>) -> Problem {
        let some = |column: &Vec<f64>| column[rows.clone()].to_vec();
        Problem {
            name: self.name.clone(),
            starts: self.starts.clone(),
            certified: self.certified.clone(),
            deviations: self.deviations.clone(),
            response: some(&self.response),
            predictors: self.predictors.iter().map(some).collect(),
        }
    }

    /// The fit of the rows that each rank has.
    pub(crate) fn fit_over(&self, start: &[f64], ranks: &dyn Communicator) -> CurveFit {
        let names = (1..=start.len()).map(|k| format!("b{k}"));
        let request = Request::new(names).start(start);
        fit_over(self.model(), &self.observed(), &request, ranks).expect("a fit")
    }
}

/// The digits of estimates and of their errors.
pub(crate) fn judged(
    estimates: &[Estimate],
    certified: &[f64],
    deviations: &[f64],
    most: f64,
) -> (f64, f64) {
    let values: Vec<f64> = estimates.iter().map(|e| e.estimate).collect();
    let errors: Vec<f64> = estimates.iter().map(|e| e.std_error).collect();
    (least(&values, certified, most), least(&errors, deviations, most))
}

/// The models, as the files write them.
fn model(name: &str, b: &Tensor, xs: &[Tensor]) -> Tensor {
    let b = |k: i64| b.i(k - 1);
    let x = &xs[0];
    let pi = std::f64::consts::PI;
    let wave = |c: i64, s: i64, period: &Tensor| {
        b(c) * (2.0 * pi * x / period).cos() + b(s) * (2.0 * pi * x / period).sin()
    };
    let bell = |h: i64, m: i64, s: i64| b(h) * (-(x - b(m)).square() / b(s).square()).exp();
    match name {
        "Misra1a" | "BoxBOD" => b(1) * (1.0 - (-b(2) * x).exp()),
        "Misra1b" => b(1) * (1.0 - (1.0 + b(2) * x / 2.0).powi(-2)),
        "Misra1c" => b(1) * (1.0 - (1.0 + 2.0 * b(2) * x).powf(-0.5)),
        "Misra1d" => b(1) * b(2) * x / (1.0 + b(2) * x),
        "Chwirut1" | "Chwirut2" => (-b(1) * x).exp() / (b(2) + b(3) * x),
        "Lanczos1" | "Lanczos2" | "Lanczos3" => {
            b(1) * (-b(2) * x).exp() + b(3) * (-b(4) * x).exp() + b(5) * (-b(6) * x).exp()
        }
        "Gauss1" | "Gauss2" | "Gauss3" => b(1) * (-b(2) * x).exp() + bell(3, 4, 5) + bell(6, 7, 8),
        "DanWood" => b(1) * x.pow(b(2)),
        "Kirby2" => (b(1) + b(2) * x + b(3) * x.powi(2)) / (1.0 + b(4) * x + b(5) * x.powi(2)),
        "Hahn1" | "Thurber" => {
            (b(1) + b(2) * x + b(3) * x.powi(2) + b(4) * x.powi(3))
                / (1.0 + b(5) * x + b(6) * x.powi(2) + b(7) * x.powi(3))
        }
        "Nelson" => b(1) - b(2) * x * (-b(3) * &xs[1]).exp(),
        "MGH17" => b(1) + b(2) * (-x * b(4)).exp() + b(3) * (-x * b(5)).exp(),
        "Roszman1" => b(1) - b(2) * x - (b(3) / (x - b(4))).atan() / pi,
        "ENSO" => {
            let year = Tensor::from(12.0);
            b(1) + wave(2, 3, &year) + wave(5, 6, &b(4)) + wave(8, 9, &b(7))
        }
        "MGH09" => b(1) * (x.powi(2) + x * b(2)) / (x.powi(2) + x * b(3) + b(4)),
        "Rat42" => b(1) / (1.0 + (b(2) - b(3) * x).exp()),
        "Rat43" => b(1) / (1.0 + (b(2) - b(3) * x).exp()).pow(1.0 / b(4)),
        "MGH10" => b(1) * (b(2) / (x + b(3))).exp(),
        "Eckerle4" => b(1) / b(2) * (-0.5 * ((x - b(3)) / b(2)).square()).exp(),
        "Bennett5" => b(1) * (b(2) + x).pow(-1.0 / b(3)),
        other => panic!("there is no model {other}"),
    }
}

/// The digits of `got` that are right: −log₁₀ |got − certified|/|certified|, or of the difference
/// itself where the certified value is 0, from 0 to `most`.
pub(crate) fn digits(got: f64, certified: f64, most: f64) -> f64 {
    let gap = (got - certified).abs();
    let relative = if certified == 0.0 { gap } else { gap / certified.abs() };
    let digits = -relative.log10();
    if digits.is_nan() { 0.0 } else { digits.clamp(0.0, most) }
}

/// The digits of the worst of all.
pub(crate) fn least(got: &[f64], certified: &[f64], most: f64) -> f64 {
    got.iter().zip(certified).map(|(g, c)| digits(*g, *c, most)).fold(most, f64::min)
}
