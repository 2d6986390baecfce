//! The pair of Dormand and Prince: steps of order 5, with an error estimate of order 4.
//!
//! A step from y at t evaluates the right side seven times, the last one at the new state, which is
//! the first one of the next step. Its length is chosen such that the estimated error stays below
//! the tolerance, by a controller that looks at this step's error and at that of the one before.
//!
//! References: Dormand & Prince, *A family of embedded Runge–Kutta formulae* (1980); Hairer,
//! Nørsett & Wanner, *Solving ordinary differential equations I* (1993), §II.4 and §II.5;
//! Gustafsson, *Control theoretic techniques for stepsize selection* (1991).

use super::krylov::Fail;
use super::numbers::Unknowns;
use super::ode::Ode;
use super::trace::Trace;
use crate::error::Result;
use crate::exec::{floats, value_of};
use crate::graph::Tensor;
use crate::graph::node::Value;
use crate::op::DType;

/// Where in the step the right side is evaluated, after its start and before its end.
const C: [f64; 5] = [1.0 / 5.0, 3.0 / 10.0, 4.0 / 5.0, 8.0 / 9.0, 1.0];

/// The slopes that make up the state at which each slope after the first is taken; the last row is
/// the step.
#[rustfmt::skip]
const A: [&[f64]; 6] = [
    &[1.0 / 5.0],
    &[3.0 / 40.0, 9.0 / 40.0],
    &[44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0],
    &[19372.0 / 6561.0, -25360.0 / 2187.0, 64448.0 / 6561.0, -212.0 / 729.0],
    &[9017.0 / 3168.0, -355.0 / 33.0, 46732.0 / 5247.0, 49.0 / 176.0, -5103.0 / 18656.0],
    &[35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0],
];

/// The step of order 5 minus that of order 4.
#[rustfmt::skip]
const E: [f64; 7] = [
    71.0 / 57600.0, 0.0, -71.0 / 16695.0, 71.0 / 1920.0, -17253.0 / 339200.0, 22.0 / 525.0,
    -1.0 / 40.0,
];

/// h Σ weights · slopes, for the i-th tensor of the state.
fn sum(h: &Tensor, weights: &[f64], slopes: &[Vec<Tensor>], i: usize) -> Tensor {
    let terms = weights.iter().zip(slopes).filter(|(w, _)| **w != 0.0).map(|(w, k)| &k[i] * *w);
    let sum = terms.reduce(|a, b| a + b).unwrap_or_else(|| slopes[0][i].zeros_like());
    h.to_dtype(sum.dtype()) * sum
}

/// The new state and the first six slopes.
fn advance(
    body: &Trace,
    [t, h]: [&Tensor; 2],
    y: &[Tensor],
    first: Vec<Tensor>,
    rest: &[Tensor],
) -> Result<(Vec<Tensor>, Vec<Vec<Tensor>>)> {
    let mut slopes = vec![first];
    let state = |row: usize, slopes: &[Vec<Tensor>]| -> Vec<Tensor> {
        (0..y.len()).map(|i| &y[i] + sum(h, A[row], slopes, i)).collect()
    };
    for (row, c) in C.into_iter().enumerate() {
        let time = t + (h * c).to_dtype(t.dtype());
        let at = [&[time], &state(row, &slopes)[..], rest].concat();
        slopes.push(body.apply(&at)?);
    }
    Ok((state(5, &slopes), slopes))
}

/// Unknown time, step, state and rest for a right side with `n` tensors in its state.
type Inputs = (Tensor, Tensor, Vec<Tensor>, Vec<Tensor>);

fn unknown(body: &Trace, n: usize) -> Inputs {
    let new = |list: &[Tensor]| list.iter().map(Tensor::unknown).collect();
    let inputs = &body.inputs;
    (inputs[0].unknown(), Tensor::from(0.0).unknown(), new(&inputs[1..=n]), new(&inputs[n + 1..]))
}

/// A step as a function of time, length, state, first slopes and the rest: the new state, its
/// slopes, and for each tensor the mean square of its error in terms of the tolerance.
pub(super) fn step(body: &Trace, n: usize, options: &Ode) -> Result<Trace> {
    let (t, h, y, rest) = unknown(body, n);
    let first: Vec<Tensor> = y.iter().map(Tensor::unknown).collect();
    let (new, mut slopes) = advance(body, [&t, &h], &y, first.clone(), &rest)?;
    let end = &t + h.to_dtype(t.dtype());
    slopes.push(body.apply(&[&[end], &new[..], &rest].concat())?);
    let error = |i: usize| {
        let size = y[i].abs().try_maximum(new[i].abs())?;
        let allowed = size * options.relative(y[i].dtype()) + options.atol;
        let ratio = sum(&h, &E, &slopes, i) / allowed;
        if ratio.len() == 0 { Ok(Tensor::full((), 0.0)) } else { Ok(ratio.square().mean()) }
    };
    let errors = (0..n).map(error).collect::<Result<Vec<_>>>()?;
    let outputs = [&new[..], &slopes[6], &errors].concat();
    Ok(Trace::new([&[t, h], &y[..], &first, &rest].concat(), outputs))
}

/// A step as a function of state, time, length and the rest, for a loop over given steps: the new
/// state, twice.
pub(super) fn replayed(body: &Trace, n: usize) -> Result<Trace> {
    let (t, h, y, rest) = unknown(body, n);
    let first = body.apply(&[std::slice::from_ref(&t), &y[..], &rest].concat())?;
    let (new, _) = advance(body, [&t, &h], &y, first, &rest)?;
    Ok(Trace::new([&y[..], &[t, h], &rest].concat(), [&new[..], &new].concat()))
}

/// The way that was gone.
#[derive(Default)]
pub(super) struct Path {
    /// The states at the output times.
    pub(super) states: Vec<Vec<Value>>,
    /// For each accepted step, the interval between output times in which it lies, and where it
    /// begins and how long it is in terms of this interval.
    pub(super) steps: Vec<(usize, f64, f64)>,
    /// How many steps were made before each output time.
    pub(super) ends: Vec<usize>,
}

/// An integration of y' = f(t, y) in numbers.
pub(super) struct Walk<'a> {
    pub(super) body: &'a Trace,
    pub(super) step: &'a Trace,
    pub(super) options: &'a Ode,
    pub(super) rest: Vec<Value>,
}

/// What an integration goes on with.
struct Place {
    y: Vec<Value>,
    slopes: Vec<Value>,
    /// The length of the next step, and the error of the last one.
    h: f64,
    error: f64,
    tried: usize,
}

fn scalar(v: f64, dtype: DType) -> Value {
    match dtype {
        DType::F32 => value_of(&(v as f32).to_ne_bytes()),
        _ => value_of(&v.to_ne_bytes()),
    }
}

impl Walk<'_> {
    /// From the first of the times through all others.
    pub(super) fn run(&self, times: &[f64], start: Vec<Value>) -> Result<Path, Fail> {
        let mut path = Path::default();
        let (first, last) = (times[0], times[times.len() - 1]);
        path.states.push(start.clone());
        path.ends.push(0);
        let mut place = Place { y: start, slopes: vec![], h: 0.0, error: 1e-4, tried: 0 };
        if first != last {
            place.slopes = self.slopes(first, &place.y)?;
            place.h = self.first_step(first, last - first, &place)?;
        }
        for (segment, pair) in times.windows(2).enumerate() {
            if pair[0] != pair[1] {
                self.segment(segment, [pair[0], pair[1]], &mut place, &mut path)?;
            }
            path.states.push(place.y.clone());
            path.ends.push(path.steps.len());
        }
        Ok(path)
    }

    fn slopes(&self, t: f64, y: &[Value]) -> Result<Vec<Value>, Fail> {
        let plan = self.body.prepared().map_err(|e| (e.to_string(), String::new()))?;
        let t = scalar(t, self.body.inputs[0].dtype());
        Ok(plan.run(&[&[t], y, &self.rest].concat())?)
    }

    /// The numbers of state or slopes.
    fn vector(&self, values: &[Value]) -> Vec<f64> {
        let space = Unknowns::new(&self.body.outputs, 1);
        space.gather(values.iter().map(|v| v.buffer.bytes())).concat()
    }

    /// A first step so small that the slopes change little in it.
    fn first_step(&self, t: f64, span: f64, place: &Place) -> Result<f64, Fail> {
        let (y, k) = (self.vector(&place.y), self.vector(&place.slopes));
        if let Some(bad) = k.iter().find(|k| !k.is_finite()) {
            let what = format!("the right side of an equation is {bad} at its start, t = {t}");
            return Err((what, "look for where with `detect_anomaly`".into()));
        }
        let size = |v: &mut dyn Iterator<Item = f64>| {
            let allowed = y.iter().map(|y| self.options.atol + self.options.rtol * y.abs());
            v.zip(allowed).fold(0.0f64, |m, (v, a)| m.max(v.abs() / a))
        };
        let (d0, d1) = (size(&mut y.iter().copied()), size(&mut k.iter().copied()));
        let h = if d0 < 1e-5 || d1 < 1e-5 { 1e-6 } else { 0.01 * d0 / d1 };
        let h = h.min(span.abs());
        let moved = y.iter().zip(&k).map(|(y, k)| y + h * span.signum() * k).collect();
        let moved = Unknowns::new(&self.body.outputs, 1).scatter(&[moved]);
        let next = self.vector(&self.slopes(t + h * span.signum(), &moved)?);
        let d2 = size(&mut next.iter().zip(&k).map(|(a, b)| a - b)) / h;
        let bent = d1.max(d2);
        let other = if bent <= 1e-15 { h * 1e3 } else { (0.01 / bent).powf(0.2) };
        Ok(if other.is_finite() { (100.0 * h).min(other).min(span.abs()) } else { h })
    }

    /// From one output time to the next.
    fn segment(
        &self,
        number: usize,
        [from, to]: [f64; 2],
        place: &mut Place,
        path: &mut Path,
    ) -> Result<(), Fail> {
        let plan = self.step.prepared().map_err(|e| (e.to_string(), String::new()))?;
        let (n, time) = (place.y.len(), self.step.inputs[0].dtype());
        let (span, smallest) = (to - from, 4.0 * f64::EPSILON * from.abs().max(to.abs()));
        let (mut t, mut refused) = (from, false);
        loop {
            let last = place.h * 1.001 >= (to - t).abs();
            let h = if last { to - t } else { place.h * span.signum() };
            self.check(t, place, !last && place.h <= smallest)?;
            place.tried += 1;
            let numbers = [scalar(t, time), scalar(h, DType::F64)];
            let inputs = [&numbers, &place.y[..], &place.slopes, &self.rest].concat();
            let mut results = plan.run(&inputs)?;
            let error = self.error(&results[2 * n..]);
            if error > 1.0 {
                place.h = h.abs() * (0.9 * error.powf(-0.2)).max(0.2);
                refused = true;
                continue;
            }
            path.steps.push((number, (t - from) / span, h / span));
            results.truncate(2 * n);
            place.slopes = results.split_off(n);
            place.y = results;
            let factor = 0.9 * error.max(1e-10).powf(-0.17) * place.error.powf(0.04);
            let factor = factor.clamp(0.2, if refused { 1.0 } else { 10.0 });
            place.error = error.max(1e-4);
            // A step cut short by an output time says nothing against the length planned.
            place.h = if last { place.h.max(h.abs() * factor) } else { h.abs() * factor };
            refused = false;
            if last {
                return Ok(());
            }
            t += h;
        }
    }

    fn check(&self, t: f64, place: &Place, vanishing: bool) -> Result<(), Fail> {
        if vanishing {
            return Err((
                format!("the steps of an integration have become too small at t = {t}"),
                "the solution has a singularity there, or the right side is NaN, infinite or has \
                 a jump"
                    .into(),
            ));
        }
        if place.tried >= self.options.steps {
            return Err((
                format!("an integration has come to t = {t} in {} steps", place.tried),
                "allow more `steps`, or a larger error by `rtol` and `atol`; if the equation is \
                 stiff (slopes of very different sizes), explicit steps are no way to solve it"
                    .into(),
            ));
        }
        Ok(())
    }

    /// The largest error in terms of the tolerance; infinite where it is no number.
    fn error(&self, squares: &[Value]) -> f64 {
        let like = &self.step.outputs[self.step.outputs.len() - squares.len()..];
        let all = squares
            .iter()
            .zip(like)
            .flat_map(|(value, like)| floats(like.dtype(), value.buffer.bytes(), like.len()));
        all.fold(0.0, |m, v| if v.is_finite() { v.sqrt().max(m) } else { f64::INFINITY })
    }
}
