//! A derivative as a picture: the tangent, the secants that close in on it, the error of
//! difference quotients.
//!
//! The function is sampled from its formula, its derivative from the derivative's. Where values
//! run away to a pole they are left out, so that the rest can be seen: what lies further than three
//! times the middle nine tenths' range from them.

use chainrule::formula::Formula;
use chainrule_plot::Figure;
use chainrule_plot::ready::calculus::{self, Touch};
use clap::ValueEnum;

use super::Arguments;
use super::symbolic::Symbolic;
use crate::check::{Function, Trouble, misuse};
use crate::picture::Picture;

/// Points of a curve.
const SAMPLES: usize = 401;

/// What is to be seen.
#[derive(Clone, Copy, ValueEnum, PartialEq)]
pub(super) enum PlotKind {
    /// The function with its tangent, and below it the derivative
    Derivative,
    /// Secants that close in on the tangent
    Secants,
    /// The error of difference quotients against the step
    Error,
}

/// The file and the range, checked before any work.
pub(super) struct Plot {
    picture: Picture,
    range: Option<(f64, f64)>,
    kind: PlotKind,
}

/// The ends in `a:b`, each a number or a formula of numbers.
fn range(text: &str) -> Result<(f64, f64), Trouble> {
    let number = |text: &str| Formula::parse(text).ok()?.value(&[]).ok();
    let ends = text.split_once(':').and_then(|(a, b)| Some((number(a)?, number(b)?)));
    match ends {
        Some((a, b)) if a < b && a.is_finite() && b.is_finite() && (b - a).is_finite() => {
            Ok((a, b))
        }
        _ => Err(misuse(format!(
            "`{}` is no range; write it as --range -5:5",
            chainrule_fit::shown(text)
        ))),
    }
}

impl Plot {
    pub(super) fn new(arguments: &Arguments) -> Result<Option<Plot>, Trouble> {
        let Some(path) = &arguments.plot else { return Ok(None) };
        if arguments.at.is_empty() {
            return Err(misuse("--plot needs the point of the tangent, such as --at x=1"));
        }
        let range = arguments.range.as_deref().map(range).transpose()?;
        let picture = Picture::new(path, arguments.ground)?;
        Ok(Some(Plot { picture, range, kind: arguments.plot_kind }))
    }

    /// Draws the derivative of `f` at its point.
    pub(super) fn draw(&self, f: &Function, symbolic: &Symbolic) -> Result<(), Trouble> {
        let ([by], [i]) = (&symbolic.by[..], &f.wrt[..]) else {
            return Err(misuse(
                "--plot needs one variable to differentiate by: name it with --wrt",
            ));
        };
        let names: Vec<&str> = f.values().map(|(name, ..)| name).collect();
        let value = |formula: &Formula, x: f64| {
            let mut at: Vec<(&str, f64)> =
                names.iter().copied().zip(f.point.iter().copied()).collect();
            at[*i].1 = x;
            formula.value(&at).unwrap_or(f64::NAN)
        };
        let slope = Formula::from_node(symbolic.partials[0].term.to_node());
        let function = |x: f64| value(&f.formula, x);
        let derivative = |x: f64| value(&slope, x);
        let x = f.point[*i];
        let touch = Touch { x, y: function(x), slope: derivative(x) };
        if !touch.slope.is_finite() || !touch.y.is_finite() {
            return Err(Trouble::Failure(
                "there is no tangent to draw at the point; choose another with --at".into(),
            ));
        }
        let mut figure = match self.kind {
            PlotKind::Error => error(&function, touch),
            kind => self.curve(kind, &function, &derivative, touch),
        };
        figure.title = format!("f({by}) = {}", f.formula.root().pretty());
        if f.point.len() > 1 {
            figure.title += &format!(" at {}", f.place());
        }
        for panel in &mut figure.panels {
            if panel.x.label == "x" {
                panel.x.label.clone_from(by);
            }
            panel.y.label = panel.y.label.replace("(x)", &format!("({by})"));
        }
        self.picture.write(&figure)
    }

    fn curve(
        &self,
        kind: PlotKind,
        f: &dyn Fn(f64) -> f64,
        slope: &dyn Fn(f64) -> f64,
        at: Touch,
    ) -> Figure {
        let (low, high) = self.range.unwrap_or_else(|| around(f, at.x));
        let place = |k: usize| low + (high - low) * k as f64 / (SAMPLES - 1) as f64;
        let x: Vec<f64> = (0..SAMPLES).map(place).collect();
        let y = tamed(x.iter().map(|&x| f(x)).collect());
        if kind == PlotKind::Derivative {
            let slopes = tamed(x.iter().map(|&x| slope(x)).collect());
            return calculus::derivative(&x, &y, &slopes, at, "f(x)");
        }
        let (left, right) = (at.x - low, high - at.x);
        let side = if right >= left { right } else { -left };
        let unit = round(side.abs() * 0.8) * side.signum();
        let ends = [1.0, 0.5, 0.25, 0.125].map(|part| at.x + unit * part);
        let others: Vec<(f64, f64)> =
            ends.iter().map(|&x| (x, f(x))).filter(|p| p.1.is_finite() && p.0 != at.x).collect();
        calculus::secants(&x, &y, at, &others)
    }
}

/// The largest of 1, 2, 5 times a power of ten that is not above `x`.
fn round(x: f64) -> f64 {
    let power = 10f64.powf(x.log10().floor());
    [5.0, 2.0].into_iter().find(|n| n * power <= x * (1.0 + 1e-9)).unwrap_or(1.0) * power
}

/// A range about `x` in which the function is defined.
fn around(f: &dyn Fn(f64) -> f64, x: f64) -> (f64, f64) {
    let reach = if x.abs() <= 3.0 { 3.0 } else { x.abs() };
    let end = |side: f64| {
        let far = (1..=60).map(|k| x + side * reach * f64::from(k) / 60.0);
        far.take_while(|&x| f(x).is_finite()).last().unwrap_or(x + side * reach / 60.0)
    };
    (end(-1.0), end(1.0))
}

/// The values without those that run away.
fn tamed(mut values: Vec<f64>) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|y| y.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    if sorted.len() < 20 {
        return values;
    }
    let (low, high) = (sorted[sorted.len() / 20], sorted[sorted.len() - 1 - sorted.len() / 20]);
    let room = 3.0 * (high - low);
    let inside = |y: f64| y >= low - room && y <= high + room;
    values.iter_mut().filter(|y| !inside(**y)).for_each(|y| *y = f64::NAN);
    values
}

/// The errors of forward and central differences.
fn error(f: &dyn Fn(f64) -> f64, at: Touch) -> Figure {
    let unit = at.x.abs().max(1.0);
    let h: Vec<f64> = (0..=140).map(|k| unit * 10f64.powf(-15.0 + f64::from(k) / 10.0)).collect();
    let relative = |slope: f64| {
        (slope - at.slope).abs()
            / match at.slope {
                0.0 => 1.0,
                slope => slope.abs(),
            }
    };
    let forward: Vec<f64> = h.iter().map(|h| relative((f(at.x + h) - at.y) / h)).collect();
    let central: Vec<f64> =
        h.iter().map(|h| relative((f(at.x + h) - f(at.x - h)) / (2.0 * h))).collect();
    let names = ["(f(x + h) − f(x))/h", "(f(x + h) − f(x − h))/2h"];
    let mut figure = calculus::difference_error(&h, &[(names[0], &forward), (names[1], &central)]);
    if at.slope == 0.0 {
        for panel in &mut figure.panels {
            panel.y.label = "error of the derivative, which is 0".into();
        }
    }
    figure
}
