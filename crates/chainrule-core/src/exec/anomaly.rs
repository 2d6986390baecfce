//! Anomaly mode: the first operation that made a NaN or an infinity out of finite numbers.
//!
//! While it is on, every value on the way to what is asked for is computed and looked at, in order.
//! That is slow and takes memory; it is for finding out, not for running.

use std::cell::Cell;

use chainrule_kernels::guarded::Key;

use crate::error::{Error, ErrorKind, Result};
use crate::graph::Tensor;
use crate::graph::node::{Sources, Value};
use crate::graph::walk::Walk;
use crate::op::Op;

thread_local! {
    static ON: Cell<bool> = const { Cell::new(false) };
}

/// Whether anomalies are being looked for on this thread.
pub(crate) fn is_on() -> bool {
    ON.get()
}

/// Runs `f` in anomaly mode: what asks for numbers, and `backward`, are errors as soon as an
/// operation, forward or backward, makes a NaN or an infinity out of finite numbers. The error
/// names the operation, its line, the element and the numbers that went in.
///
/// ```
/// # use chainrule_core::*;
/// let x = Tensor::from([1.0, 0.0]).requires_grad();
/// let error = detect_anomaly(|| {
///     let y = x.sqrt().sum(); // finite, but its derivative is not
///     y.backward()
/// }).unwrap_err();
/// assert!(error.to_string().contains("the derivative of `sqrt`"));
/// ```
///
/// # Errors
/// Those of `f`.
pub fn detect_anomaly<T>(f: impl FnOnce() -> Result<T>) -> Result<T> {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            ON.set(self.0);
        }
    }
    let _restore = Restore(ON.replace(true));
    f()
}

/// A node with what it was made from.
pub(super) struct Made {
    pub(super) node: Tensor,
    pub(super) src: Sources,
}

/// The nodes of a walk with their sources.
pub(super) fn made(walk: &Walk<'_>, key: &Key) -> Vec<Made> {
    let one = |n: &&Tensor| Made { node: (*n).clone(), src: n.0.src.get(key).clone() };
    walk.nodes.iter().map(one).collect()
}

/// All numbers of a floating-point tensor that has a value.
fn numbers(x: &Tensor) -> Option<Vec<f64>> {
    if let Some(c) = x.as_constant() {
        return Some(vec![c.to_f64(); x.len().min(1)]);
    }
    let value: &Value = x.0.value.get()?;
    if !x.dtype().is_float() {
        return None;
    }
    let dense = super::dense(value, x.shape(), x.dtype().size());
    Some(super::floats(x.dtype(), dense.bytes(), x.len()))
}

fn is_finite(x: &Tensor) -> bool {
    numbers(x).is_none_or(|list| list.iter().all(|v| v.is_finite()))
}

/// The first anomaly among computed nodes.
pub(super) fn check(made: &[Made]) -> Result<()> {
    for one in made {
        let Some(list) = numbers(&one.node) else { continue };
        let Some(i) = list.iter().position(|v| !v.is_finite()) else { continue };
        if matches!(one.node.0.op, Op::Const(_)) || !one.src.iter().all(is_finite) {
            continue;
        }
        return Err(report(one, i, list[i], made));
    }
    Ok(())
}

/// Element `i` of `x`, or of the tensor it was expanded from.
fn element(x: &Tensor, i: usize) -> Option<f64> {
    let list = numbers(x)?;
    list.get(if list.len() == 1 { 0 } else { i }).copied()
}

fn report(one: &Made, i: usize, bad: f64, made: &[Made]) -> Error {
    let node = &one.node;
    let place = index(i, node.shape());
    let forward = node.0.of.and_then(|serial| find(serial.get(), made));
    let op = match (&forward, node.0.of) {
        (Some(of), _) => format!("the derivative of `{}`", of.0.op.name()),
        (None, Some(_)) => "a derivative".into(),
        (None, None) => format!("`{}`", node.0.op.name()),
    };
    let given = node.grad_fn().is_none();
    let what = match given {
        true => format!("given numbers contain {bad}"),
        false => format!("{op} made {bad} out of finite numbers"),
    };
    let mut error = Error::new(ErrorKind::NonFinite, what, node.0.place());
    let mut facts = vec![];
    let known =
        forward.as_ref().and_then(|of| made.iter().find(|m| m.node.0.serial == of.0.serial));
    for x in &known.unwrap_or(one).src {
        error = error.operand(x.operand("input"));
        if let Some(v) = element(x, i).filter(|_| x.len() == node.len() || x.len() == 1) {
            facts.push(format!("{v}"));
        }
    }
    if let (Some(of), [x]) = (&forward, &facts[..])
        && let Op::Map(op) = &of.0.op
        && let Ok(x) = x.parse::<f64>()
    {
        facts = vec![format!("{x}, where it is {}", op.d(x, op.f(x)))];
    }
    let inputs = facts.join(" and ");
    let at = if place.is_empty() { String::new() } else { format!("at {place}, ") };
    let hint = match (given, inputs.is_empty()) {
        (true, _) => format!("{at}look where the numbers come from"),
        (false, true) => format!("{at}look at the inputs' sizes"),
        (false, false) => format!(
            "{at}of {inputs}; keep arguments inside the operation's domain, or choose with `where_`"
        ),
    };
    error.hint(hint)
}

/// The node with a serial number, among these and their sources.
fn find(serial: u64, made: &[Made]) -> Option<Tensor> {
    let mut all = made.iter().flat_map(|m| std::iter::once(&m.node).chain(&m.src));
    all.find(|n| n.0.serial == serial).cloned()
}

/// The index of the element with a number.
fn index(mut i: usize, shape: &[usize]) -> String {
    if shape.is_empty() {
        return String::new();
    }
    let mut place = vec![0; shape.len()];
    for (at, n) in place.iter_mut().zip(shape).rev() {
        (*at, i) = (i % n, i / n);
    }
    format!("{place:?}")
}
