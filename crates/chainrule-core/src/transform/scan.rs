//! Loops whose body is recorded and planned once.
//!
//! [`scan`] carries a state along an axis. Its body is a [`Trace`], so that a loop of any length is
//! one node of the graph, and a derivative of it is again such a loop:
//!
//! - forward, the state and its tangent are carried together;
//! - in reverse, from the last step to the first, the cotangent of the state is carried, each step
//!   being computed again from the state before it, which the loop keeps (in a step's size, not in
//!   that of everything computed in it);
//! - for a batch, the body is the body's batch.

use std::sync::Arc;

use super::numbers::store;
use super::solve::widened;
use super::trace::{Trace, pull, push};
use super::tree::{Outcome, Tree};
use crate::error::{Error, ErrorKind, Result, count};
use crate::exec::value_of;
use crate::graph::call::{Array, Point, Primitive, Rule, Slopes, call};
use crate::graph::node::Value;
use crate::graph::{Tensor, is_grad_enabled};
use crate::op::{DType, Shape};
use crate::place::Place;

type Line = Place;

/// The recurrence (cₜ₊₁, yₜ) = f(cₜ, xₜ) along the first axis of xs, from c₀ = `init` on: the last
/// state, and all yₜ along a new first axis.
///
/// ```
/// # use chainrule_core::*;
/// // A running product, and every value on the way.
/// let xs = Tensor::from([2.0, 3.0, 4.0]);
/// let (last, all) = scan(|c: &Tensor, x: &Tensor| (c * x, c + x), &Tensor::from(1.0), &xs)?;
/// assert_eq!(last.item::<f64>()?, 24.0);
/// assert_eq!(all.to_vec::<f64>()?, [3.0, 5.0, 10.0]);
/// # Ok::<(), Error>(())
/// ```
///
/// `f` runs once, on tensors that stand for any step; it is planned once, and the loop is one
/// operation of the graph. Derivatives of any order flow to `init`, to xs and to what `f` captures.
///
/// # Errors
/// Those of `f`; if the state changes its shape or element type; if lengths differ; if `f` asks for
/// numbers.
#[track_caller]
pub fn scan<C: Tree, X: Tree, Y: Tree, S: Outcome<Tree = (C, Y)>>(
    f: impl FnOnce(&C, &X) -> S,
    init: &C,
    xs: &X,
) -> Result<(C, Y)> {
    let here = Place::caller();
    let steps = super::vmap::common("scan", &xs.leaves(), here)?;
    let element =
        (init.replace(&mut |c| Ok(c.unknown()))?, xs.replace(&mut |x| Ok(x.unknown_element()))?);
    let (body, captured, (state, ys)) = Trace::of(|(c, x)| f(c, x), &element, false)?;
    let (starts, slices) = (init.leaves(), xs.leaves());
    let ends = &body.outputs[..state.leaves().len()];
    check_state(&starts, ends, here)?;
    let loop_ = Scan {
        carries: starts.len(),
        slices: slices.len(),
        body: Arc::new(body),
        steps,
        backwards: false,
        history: false,
    };
    let sources: Vec<Tensor> =
        [starts, slices, captured].concat().iter().map(Tensor::source).collect();
    let mut results = loop_.record(&sources)?.into_iter();
    let mut next = |leaf: &Tensor| Ok(results.next().unwrap_or_else(|| leaf.clone()));
    Ok((state.replace(&mut next)?, ys.replace(&mut next)?))
}

/// f applied n times: cᵢ₊₁ = f(i, cᵢ) for i = 0 … n−1, the index being an I64 tensor. The body is
/// recorded and planned once; see [`scan`].
///
/// ```
/// # use chainrule_core::*;
/// let x = Tensor::from(2.0).requires_grad();
/// let y = fori_loop(10, |_i: &Tensor, c: &Tensor| c * 0.5 + &x / c * 0.5, &Tensor::from(1.0))?;
/// y.backward()?; // Heron's root
/// assert!((x.grad().unwrap().item::<f64>()? - 0.5 / 2f64.sqrt()).abs() < 1e-15);
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// As [`scan`].
#[track_caller]
pub fn fori_loop<C: Tree, S: Outcome<Tree = C>>(
    n: usize,
    f: impl FnOnce(&Tensor, &C) -> S,
    init: &C,
) -> Result<C> {
    let step = |c: &C, i: &Tensor| Ok((f(i, c).outcome()?, ()));
    Ok(scan(step, init, &Tensor::arange(0, n as i64, 1))?.0)
}

/// That the state stays what it is.
pub(super) fn check_state(starts: &[Tensor], ends: &[Tensor], here: Line) -> Result<()> {
    if starts.len() != ends.len() {
        let what = format!(
            "a loop begins with {} in its state and its body gives {}",
            count(starts.len(), "tensor", "tensors"),
            ends.len()
        );
        return Err(Error::new(ErrorKind::Shape, what, here)
            .hint("the body gives a state of the form that it is given"));
    }
    for (start, end) in starts.iter().zip(ends) {
        if start.shape() != end.shape() || start.dtype() != end.dtype() {
            let what = format!(
                "the state of a loop begins as {} {:?} and the body makes it {} {:?}",
                start.dtype(),
                start.shape(),
                end.dtype(),
                end.shape()
            );
            return Err(Error::new(ErrorKind::Shape, what, here)
                .operand(start.operand("begins"))
                .hint(
                    "a state keeps its shape and element type: `.expand` or `.to_dtype` the first \
                     one, or stack what grows as a result of each step",
                ));
        }
    }
    Ok(())
}

/// A loop. Sources: carried state, tensors that are cut into steps, what is the same in each step;
/// results: the last state, the results of all steps, and (with `history`) the states before them.
#[derive(Clone)]
pub(super) struct Scan {
    pub(super) body: Arc<Trace>,
    pub(super) carries: usize,
    pub(super) slices: usize,
    pub(super) steps: usize,
    pub(super) backwards: bool,
    pub(super) history: bool,
}

impl Scan {
    /// Records the loop; with the history if derivatives may be asked for.
    #[track_caller]
    pub(super) fn record(mut self, sources: &[Tensor]) -> Result<Vec<Tensor>> {
        self.history |= is_grad_enabled() && sources.iter().any(Tensor::tracks_grad);
        let long = |x: &Tensor| {
            let shape: Shape =
                std::iter::once(self.steps).chain(x.0.shape.iter().copied()).collect();
            (x.dtype(), shape)
        };
        let (state, ys) = self.body.outputs.split_at(self.carries);
        let mut results: Vec<(DType, Shape)> =
            state.iter().map(|c| (c.dtype(), c.0.shape.clone())).collect();
        results.extend(ys.iter().map(long));
        if self.history {
            results.extend(state.iter().map(long));
        }
        call(Box::new(self), results, sources)
    }

    /// How many tensors are the same in each step.
    fn shared(&self) -> usize {
        self.body.inputs.len() - self.carries - self.slices
    }

    /// The states before each step.
    fn states(&self, at: &Point<'_>) -> Result<Vec<Tensor>> {
        let from = self.body.outputs.len();
        if self.history {
            return Ok(at.ys[from..].to_vec());
        }
        let again = Scan { history: true, ..self.clone() };
        Ok(again.record(at.xs)?.split_off(from))
    }
}

/// The elements of `list` for which `keep` holds.
fn filter(list: &[Tensor], keep: impl Fn(usize, &Tensor) -> bool) -> Vec<Tensor> {
    list.iter().enumerate().filter(|(i, x)| keep(*i, x)).map(|(_, x)| x.clone()).collect()
}

/// Unknowns like these.
fn unknowns(list: &[Tensor]) -> Vec<Tensor> {
    list.iter().map(Tensor::unknown).collect()
}

fn smooth(_: usize, x: &Tensor) -> bool {
    x.dtype().is_float()
}

/// The tensors of `list` in the places where `at` holds.
fn spread(list: &[Tensor], n: usize, at: impl Fn(usize) -> bool) -> Vec<Option<Tensor>> {
    let mut list = list.iter().cloned();
    (0..n).map(|i| if at(i) { list.next() } else { None }).collect()
}

impl Rule for Scan {
    fn name(&self) -> &str {
        "scan"
    }

    fn vjp(&self, at: &Point<'_>, gys: &[Option<Tensor>]) -> Result<Slopes> {
        let (nc, ns, no) = (self.carries, self.slices, self.body.outputs.len());
        let states = self.states(at)?;
        let inputs = &self.body.inputs;
        let (outs, shared_in) = (&self.body.outputs, &inputs[nc + ns..]);
        let given = |i: usize| gys.get(i).is_some_and(Option::is_some);
        // Carried: cotangents of the state and of what is shared.
        let gc = unknowns(&filter(&inputs[..nc], smooth));
        let gs = unknowns(&filter(shared_in, smooth));
        // Of each step: state, slices, cotangents of its results and of the state before it.
        let (c, x) = (unknowns(&inputs[..nc]), unknowns(&inputs[nc..nc + ns]));
        let gy = unknowns(&filter(&outs[nc..], |i, _| given(nc + i)));
        let gh = unknowns(&filter(&inputs[..nc], |i, _| given(no + i)));
        let shared = unknowns(shared_in);
        let is_float = |i: usize| inputs[i].dtype().is_float();
        let seeds = [spread(&gc, nc, is_float), spread(&gy, no - nc, |i| given(nc + i))].concat();
        let slopes = pull(&|xs| self.body.apply(xs), &[&c[..], &x, &shared].concat(), &seeds)?;
        let before = spread(&gh, nc, |i| given(no + i));
        let slope = |i: usize| slopes[i].clone().unwrap_or_else(|| inputs[i].zeros_like());
        let plus = |i: usize| match before[i].clone() {
            Some(g) => slope(i) + g,
            None => slope(i),
        };
        let mut results: Vec<Tensor> = (0..nc).filter(|&i| is_float(i)).map(plus).collect();
        let floats = (nc + ns..inputs.len()).filter(|&i| is_float(i));
        results.extend(floats.zip(&gs).map(|(i, sum)| match &slopes[i] {
            Some(g) => sum + g,
            None => sum.clone(),
        }));
        results.extend((nc..nc + ns).filter(|&i| is_float(i)).map(slope));
        let reverse = Scan {
            carries: gc.len() + gs.len(),
            slices: nc + ns + gy.len() + gh.len(),
            body: Arc::new(Trace::new([gc, gs, c, x, gy, gh, shared].concat(), results)),
            steps: self.steps,
            backwards: !self.backwards,
            history: false,
        };
        let last = (0..nc).filter(|&i| is_float(i));
        let last = last.map(|i| gys[i].clone().unwrap_or_else(|| at.xs[i].zeros_like()));
        let sources = [
            last.collect(),
            filter(&at.xs[nc + ns..], smooth).iter().map(Tensor::zeros_like).collect(),
            states,
            at.xs[nc..nc + ns].to_vec(),
            gys[nc..no].iter().flatten().cloned().collect(),
            gys[no..].iter().flatten().cloned().collect(),
            at.xs[nc + ns..].to_vec(),
        ];
        let mut found = reverse.record(&sources.concat())?.into_iter();
        let mut take = |range: std::ops::Range<usize>| {
            range.map(|i| if is_float(i) { found.next() } else { None }).collect::<Vec<_>>()
        };
        let (start, shared) = (take(0..nc), take(nc + ns..inputs.len()));
        let slices = take(nc..nc + ns);
        Ok([start, slices, shared].concat().into())
    }

    fn jvp(&self, at: &Point<'_>, dxs: &[Option<Tensor>]) -> Result<Slopes> {
        let (nc, ns, no) = (self.carries, self.slices, self.body.outputs.len());
        let inputs = &self.body.inputs;
        let is_float = |i: usize| inputs[i].dtype().is_float();
        let moved = |i: usize| dxs[i].is_some();
        let xs = unknowns(inputs);
        // The state's tangent is carried even where it begins as 0.
        let dc = unknowns(&filter(&inputs[..nc], smooth));
        let dx = unknowns(&filter(&inputs[nc..nc + ns], |i, _| moved(nc + i)));
        let ds = unknowns(&filter(&inputs[nc + ns..], |i, _| moved(nc + ns + i)));
        let slopes = [
            spread(&dc, nc, is_float),
            spread(&dx, ns, |i| moved(nc + i)),
            spread(&ds, self.shared(), |i| moved(nc + ns + i)),
        ];
        let (ys, dys) = push(&|xs| self.body.apply(xs), &xs, &slopes.concat())?;
        let smooth_out = |i: &usize| ys[*i].dtype().is_float();
        let tangent = |i: usize| dys[i].clone().unwrap_or_else(|| ys[i].zeros_like());
        let mut results = ys[..nc].to_vec();
        results.extend((0..nc).filter(smooth_out).map(tangent));
        results.extend((nc..no).filter(smooth_out).map(tangent));
        results.extend(dc.iter().cloned());
        let (c, rest) = xs.split_at(nc);
        let (x, shared) = rest.split_at(ns);
        let n = dc.len();
        let both = Scan {
            carries: nc + n,
            slices: ns + dx.len(),
            body: Arc::new(Trace::new([c, &dc, x, &dx, shared, &ds].concat(), results)),
            steps: self.steps,
            backwards: self.backwards,
            history: false,
        };
        let start = (0..nc).filter(|&i| is_float(i));
        let start = start.map(|i| dxs[i].clone().unwrap_or_else(|| at.xs[i].zeros_like()));
        let sources = [
            at.xs[..nc].to_vec(),
            start.collect(),
            at.xs[nc..nc + ns].to_vec(),
            dxs[nc..nc + ns].iter().flatten().cloned().collect(),
            at.xs[nc + ns..].to_vec(),
            dxs[nc + ns..].iter().flatten().cloned().collect(),
        ];
        let mut found = both.record(&sources.concat())?.into_iter().skip(nc);
        let mut take = |range: std::ops::Range<usize>| {
            range.map(|i| if smooth_out(&i) { found.next() } else { None }).collect::<Vec<_>>()
        };
        let (end, along, before) = (take(0..nc), take(nc..no), take(0..nc));
        let before = if at.ys.len() > no { before } else { vec![] };
        Ok([end, along, before].concat().into())
    }
}

impl Primitive for Scan {
    fn prepare(&self) -> Result<()> {
        self.body.prepared().map(|_| ())
    }

    fn key(&self, words: &mut Vec<u64>) {
        words.extend([self.carries as u64, self.slices as u64, self.steps as u64]);
        words.push(u64::from(self.backwards) | u64::from(self.history) << 1);
        self.body.key(words);
    }

    fn batch(&self, xs: &[Tensor], batched: &[bool], size: usize) -> Result<Vec<Tensor>> {
        let (nc, ns, no) = (self.carries, self.slices, self.body.outputs.len());
        let (mut sources, flags) = widened(xs, batched, 0..nc, size)?;
        for i in (nc..nc + ns).filter(|&i| flags[i]) {
            sources[i] = sources[i].try_transpose(0, 1)?;
        }
        let body = Arc::new(self.body.batched(size, &flags)?);
        let mut results = Scan { body, ..self.clone() }.record(&sources)?;
        results.truncate(no + if self.history { nc } else { 0 });
        for y in &mut results[nc..] {
            *y = y.try_transpose(0, 1)?;
        }
        Ok(results)
    }

    fn eval(&self, xs: &[Array<'_>], ys: &mut [&mut [u8]]) -> Result<(), (String, String)> {
        let (nc, ns, no) = (self.carries, self.slices, self.body.outputs.len());
        let body = self.body.prepared().map_err(|e| (e.to_string(), String::new()))?;
        let bytes = |x: &Tensor| x.len() * x.dtype().size();
        let mut values: Vec<Value> = xs
            .iter()
            .enumerate()
            .map(|(i, x)| value_of(if (nc..nc + ns).contains(&i) { &[] } else { x.bytes }))
            .collect();
        for k in 0..self.steps {
            let t = if self.backwards { self.steps - 1 - k } else { k };
            for (i, x) in xs.iter().enumerate().skip(nc).take(ns) {
                let n = x.bytes.len() / x.shape[0];
                values[i] = value_of(&x.bytes[t * n..][..n]);
            }
            if self.history {
                for (i, c) in values[..nc].iter().enumerate() {
                    let n = bytes(&self.body.outputs[i]);
                    ys[no + i][t * n..][..n].copy_from_slice(&c.buffer.bytes()[..n]);
                }
            }
            let results = body.run(&values)?;
            for (i, y) in results.into_iter().enumerate() {
                if i < nc {
                    values[i] = y;
                } else {
                    let n = bytes(&self.body.outputs[i]);
                    ys[i][t * n..][..n].copy_from_slice(&y.buffer.bytes()[..n]);
                }
            }
        }
        store(&values[..nc], ys);
        Ok(())
    }
}
