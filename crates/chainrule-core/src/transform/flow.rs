//! The solution of a differential equation as an operation of the graph, and its derivatives.
//!
//! See [`odeint`](crate::odeint) for what they are.

use std::sync::Arc;

use super::again::again;
use super::dopri::{Path, Walk, replayed, step};
use super::krylov::Fail;
use super::numbers::{now, store};
use super::ode::{Gradient, Ode};
use super::scan::{Scan, scan};
use super::solve::{full, widened};
use super::trace::{Slopes as List, Trace, pull, push};
use crate::error::{Error, ErrorKind, Result};
use crate::exec::{floats, value_of, values};
use crate::graph::Tensor;
use crate::graph::call::{Array, Point, Primitive, Rule, Slopes, call};
use crate::graph::node::Value;
use crate::op::{DType, Shape};
use crate::place::Place;
use crate::tensor::{cat, stack};

type Line = Place;

/// An equation y' = f(t, y). Sources: the times, the start, and what f depends on besides; results:
/// the states at the times.
#[derive(Clone)]
pub(super) struct Flow {
    /// f from time, state and the rest.
    body: Arc<Trace>,
    step: Arc<Trace>,
    /// Of how many tensors the state consists.
    states: usize,
    options: Ode,
}

/// Slopes with a time axis, times a number for each time.
fn along(f: &Tensor, dt: &Tensor) -> Result<Tensor> {
    let shape: Vec<usize> =
        f.shape().iter().enumerate().map(|(i, &n)| if i == 0 { n } else { 1 }).collect();
    Ok(f * dt.to_dtype(f.dtype()).try_reshape(shape)?)
}

impl Flow {
    pub(super) fn new(body: Trace, states: usize, options: Ode) -> Result<Flow> {
        let step = Arc::new(step(&body, states, &options)?);
        Ok(Flow { body: Arc::new(body), step, states, options })
    }

    /// The solution: at once where the numbers are known.
    pub(super) fn record(self, sources: &[Tensor], here: Line) -> Result<Vec<Tensor>> {
        let times = sources[0].len();
        let long = |y: &Tensor| {
            let shape: Shape = std::iter::once(times).chain(y.0.shape.iter().copied()).collect();
            (y.dtype(), shape)
        };
        let results: Vec<(DType, Shape)> = self.body.outputs.iter().map(long).collect();
        if self.options.gradient == Gradient::Adjoint {
            return now(Box::new(self), results, sources, here);
        }
        let numbers = match values(sources) {
            Err(e) if e.kind() == ErrorKind::Unknown => {
                return call(Box::new(self), results, sources);
            }
            numbers => numbers?,
        };
        let failed = |(what, hint): Fail| Error::new(ErrorKind::Numeric, what, here).hint(hint);
        let path = self.path(&numbers, times).map_err(failed)?;
        let mut outputs = vec![];
        for (i, (dtype, shape)) in results.into_iter().enumerate() {
            let like = Tensor::zeros_of(&shape[..], dtype);
            outputs.push(Tensor::of_value(joined(&path, i, &like), &like));
        }
        let (body, n) = (self.body, self.states);
        let recipe = move |xs: &[Tensor]| again_along(&body, n, &path, xs);
        again("odeint", &outputs, sources, here, Box::new(recipe))
    }

    /// The way through the times, given the values of all sources.
    fn path(&self, sources: &[Value], times: usize) -> Result<Path, Fail> {
        let times = floats(self.body.inputs[0].dtype(), sources[0].buffer.bytes(), times);
        let up = times.windows(2).all(|w| w[0] <= w[1]);
        if !(up || times.windows(2).all(|w| w[0] >= w[1])) || times.iter().any(|t| !t.is_finite()) {
            let what = "an integration through times that do not go one way";
            return Err((what.into(), "sort the times".into()));
        }
        let rest = sources[1 + self.states..].to_vec();
        let walk = Walk { body: &self.body, step: &self.step, options: &self.options, rest };
        walk.run(&times, sources[1..=self.states].to_vec())
    }

    /// The right side at all times of the solution.
    fn slopes(&self, at: &Point<'_>) -> Result<Vec<Tensor>> {
        let mut flags = vec![false; at.xs.len()];
        flags[..=self.states].fill(true);
        let all = self.body.batched(at.xs[0].len(), &flags)?;
        all.apply(&[&at.xs[..1], at.ys, &at.xs[1 + self.states..]].concat())
    }

    /// The equation of state, adjoint, and the gradient by what f depends on.
    fn adjoint(&self) -> Result<Flow> {
        let n = self.states;
        let new = |list: &[Tensor]| list.iter().map(Tensor::unknown).collect::<Vec<_>>();
        let inputs = new(&self.body.inputs);
        let (state, rest) = inputs[1..].split_at(n);
        let a = new(state);
        let seeds: List = a.iter().cloned().map(Some).collect();
        let slopes = pull(&|xs| self.body.apply(xs), &inputs, &seeds)?;
        let back = slopes.into_iter().zip(&inputs).skip(1);
        let back = back.filter(|(_, x)| x.dtype().is_float());
        let back: Vec<Tensor> =
            back.map(|(g, x)| g.map_or_else(|| x.zeros_like(), |g| -g)).collect();
        let outputs = [self.body.apply(&inputs)?, back].concat();
        let gradient: Vec<Tensor> = rest.iter().filter(|x| x.dtype().is_float()).cloned().collect();
        let all = [&inputs[..1], state, &a, &new(&gradient), rest].concat();
        Flow::new(Trace::new(all, outputs), 2 * n + gradient.len(), self.options)
    }

    /// The equation of state and tangent, where those of the rest that are moved have one.
    fn tangent(&self, moved: &[bool]) -> Result<Flow> {
        let n = self.states;
        let new = |list: &[Tensor]| list.iter().map(Tensor::unknown).collect::<Vec<_>>();
        let inputs = new(&self.body.inputs);
        let (state, rest) = inputs[1..].split_at(n);
        let dy = new(state);
        let drest = rest.iter().zip(moved).map(|(x, &moved)| moved.then(|| x.unknown()));
        let drest: List = drest.collect();
        let tangents: List = std::iter::once(None)
            .chain(dy.iter().cloned().map(Some))
            .chain(drest.iter().cloned())
            .collect();
        let (y, slopes) = push(&|xs| self.body.apply(xs), &inputs, &tangents)?;
        let outputs = [&y[..], &full(&slopes, &y)].concat();
        let drest: Vec<Tensor> = drest.into_iter().flatten().collect();
        let all = [&inputs[..1], state, &dy, rest, &drest].concat();
        Flow::new(Trace::new(all, outputs), 2 * n, self.options)
    }
}

/// The i-th tensors of the states, one after the other.
fn joined(path: &Path, i: usize, like: &Tensor) -> Value {
    let n = like.len() * like.dtype().size() / path.states.len();
    let all: Vec<u8> =
        path.states.iter().flat_map(|s| &s[i].buffer.bytes()[..n]).copied().collect();
    value_of(&all)
}

/// The steps of a path once more, as one loop.
fn again_along(body: &Trace, n: usize, path: &Path, xs: &[Tensor]) -> Result<Vec<Tensor>> {
    let (times, start, rest) = (&xs[0], &xs[1..=n], &xs[n + 1..]);
    let count = path.steps.len();
    let first = start.iter().map(|y| y.try_unsqueeze(0)).collect::<Result<Vec<_>>>()?;
    let ends: Vec<i64> = path.ends.iter().map(|&i| i as i64).collect();
    let ends = Tensor::from_vec(ends, [path.ends.len()])?;
    if count == 0 {
        return first.iter().map(|y| y.try_index_select(0, &ends)).collect();
    }
    let part = |f: &dyn Fn(&(usize, f64, f64)) -> f64| {
        Tensor::from_vec(path.steps.iter().map(f).collect(), [count])
    };
    let segment = Tensor::from_vec(path.steps.iter().map(|s| s.0 as i64).collect(), [count])?;
    let wide = times.to_dtype(DType::F64);
    let from = wide.try_index_select(0, &segment)?;
    let span = wide.try_index_select(0, &(&segment + 1))? - &from;
    let t = (&from + part(&|s| s.1)? * &span).to_dtype(times.dtype());
    let h = part(&|s| s.2)? * span;
    let body = Arc::new(replayed(body, n)?);
    let (backwards, history) = (false, false);
    let loop_ = Scan { body, carries: n, slices: 2, steps: count, backwards, history };
    let all = loop_.record(&[start, &[t, h], rest].concat())?;
    let each = first.iter().zip(&all[n..2 * n]);
    each.map(|(first, later)| cat(&[first, later], 0)?.try_index_select(0, &ends)).collect()
}

impl Flow {
    /// The cotangent of the times, given that of the start without what it gets as a result.
    fn by_times(&self, at: &Point<'_>, gys: &[Tensor], start: &[Tensor]) -> Result<Tensor> {
        let times = &at.xs[0];
        let k = times.len();
        let mut sum = times.zeros_like();
        for ((f, gy), a) in self.slopes(at)?.iter().zip(gys).zip(start) {
            let later = (f * gy).try_reshape([k as i64, -1])?.try_sum_axis(1, false)?;
            let first = -(f.i(0) * a).sum().try_reshape([1])?;
            let all = cat(&[&first, &later.try_slice(0, 1..k)?], 0)?;
            sum = sum + all.to_dtype(times.dtype());
        }
        Ok(sum)
    }
}

impl Rule for Flow {
    fn name(&self) -> &str {
        "odeint"
    }

    fn vjp(&self, at: &Point<'_>, gys: &[Option<Tensor>]) -> Result<Slopes> {
        let (n, k) = (self.states, at.xs[0].len());
        let (times, rest) = (&at.xs[0], &at.xs[1 + n..]);
        let gys = full(gys, at.ys);
        let backwards = |x: &Tensor| x.try_slice(0, 1..k)?.try_flip([0]);
        let before = times.try_slice(0, 0..k - 1)?.try_flip([0])?;
        let pairs = stack(&[&backwards(times)?, &before], 1)?;
        let list = |xs: &[Tensor]| xs.iter().map(backwards).collect::<Result<Vec<_>>>();
        let slices = (pairs, list(at.ys)?, list(&gys)?);
        let smooth = |i: &usize| rest[*i].dtype().is_float();
        let places: Vec<usize> = (0..rest.len()).filter(smooth).collect();
        let zeros = places.iter().map(|&i| rest[i].zeros_like()).collect::<Vec<_>>();
        let start = at.xs[1..=n].iter().map(Tensor::zeros_like).collect::<Vec<_>>();
        let mut carried = (start, zeros);
        if k > 1 {
            let flow = self.adjoint()?;
            let here = times.0.place();
            let back = |(a, g): &(Vec<Tensor>, Vec<Tensor>),
                        (t, y, gy): &(Tensor, Vec<Tensor>, Vec<Tensor>)| {
                let a: Vec<Tensor> = a.iter().zip(gy).map(|(a, g)| a + g).collect();
                let sources = [std::slice::from_ref(t), &y[..], &a, g, rest].concat();
                let found = flow.record(&sources, here)?;
                let mut ends = found[n..].iter().map(|x| x.i(1));
                Ok((((&mut ends).take(n).collect(), ends.collect()), ()))
            };
            carried = scan(back, &carried, &slices)?.0;
        }
        let (a, g) = carried;
        let mut slopes: List = vec![None; 1 + n + rest.len()];
        if times.tracks_grad() {
            slopes[0] = Some(self.by_times(at, &gys, &a)?);
        }
        for (i, a) in a.into_iter().enumerate() {
            slopes[1 + i] = Some(a + gys[i].i(0));
        }
        for (i, g) in places.into_iter().zip(g) {
            slopes[1 + n + i] = Some(g);
        }
        Ok(slopes.into())
    }

    fn jvp(&self, at: &Point<'_>, dxs: &[Option<Tensor>]) -> Result<Slopes> {
        let n = self.states;
        let slopes = if dxs[0].is_some() { self.slopes(at)? } else { vec![] };
        let mut dy = full(&dxs[1..=n], &at.xs[1..=n]);
        if let Some(dt) = &dxs[0] {
            for (dy, f) in dy.iter_mut().zip(&slopes) {
                *dy = &*dy - f.i(0) * dt.i(0).to_dtype(f.dtype());
            }
        }
        let moved: Vec<bool> = dxs[1 + n..].iter().map(Option::is_some).collect();
        let drest: Vec<Tensor> = dxs[1 + n..].iter().flatten().cloned().collect();
        let sources = [&at.xs[..=n], &dy, &at.xs[1 + n..], &drest].concat();
        let mut found = self.tangent(&moved)?.record(&sources, at.xs[0].0.place())?.split_off(n);
        if let Some(dt) = &dxs[0] {
            for (dy, f) in found.iter_mut().zip(&slopes) {
                *dy = &*dy + along(f, dt)?;
            }
        }
        Ok(found.into_iter().map(Some).collect())
    }
}

impl Primitive for Flow {
    fn prepare(&self) -> Result<()> {
        self.body.prepared()?;
        self.step.prepared().map(|_| ())
    }

    fn key(&self, words: &mut Vec<u64>) {
        words.extend([self.states as u64, self.options.steps as u64]);
        words.extend([self.options.rtol.to_bits(), self.options.atol.to_bits()]);
        self.step.key(words);
    }

    fn batch(&self, xs: &[Tensor], batched: &[bool], size: usize) -> Result<Vec<Tensor>> {
        let here = xs[0].0.place();
        if batched[0] {
            let what = "`odeint` for a batch whose elements have different times";
            return Err(Error::new(ErrorKind::Shape, what, here)
                .hint("let all have the same times, and put what differs into the right side"));
        }
        let n = self.states;
        let (sources, flags) = widened(xs, batched, 1..n + 1, size)?;
        let steps = [&[false, false], &vec![true; 2 * n][..], &flags[1 + n..]].concat();
        let all = Flow {
            body: Arc::new(self.body.batched(size, &flags)?),
            step: Arc::new(self.step.batched(size, &steps)?),
            ..self.clone()
        };
        let found = all.record(&sources, here)?;
        found.iter().map(|y| y.try_transpose(0, 1)).collect()
    }

    fn eval(&self, xs: &[Array<'_>], ys: &mut [&mut [u8]]) -> Result<(), Fail> {
        let sources: Vec<Value> = xs.iter().map(|x| value_of(x.bytes)).collect();
        let path = self.path(&sources, xs[0].shape[0])?;
        let joint = (0..self.states).map(|i| {
            let like = &self.body.outputs[i];
            let shape = [&[path.states.len()], like.shape()].concat();
            joined(&path, i, &Tensor::zeros_of(shape, like.dtype()))
        });
        store(&joint.collect::<Vec<_>>(), ys);
        Ok(())
    }
}
