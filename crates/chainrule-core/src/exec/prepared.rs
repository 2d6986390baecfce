//! Graphs on variables without values, planned once and run with many values.

use std::sync::Arc;

use chainrule_kernels::guarded::lock;
use chainrule_kernels::{Buffer, Layout};

use super::watch::{self, Label};
use super::{Failure, describe, fused, sketch};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Tensor;
use crate::graph::node::{Node, Value};
use crate::graph::walk::Walk;
use crate::op::{Op, Shape};
use crate::plan::{Plan, cache, fuse};

/// A planned graph.
pub(crate) struct Prepared {
    plan: Arc<Plan>,
    /// For each of the plan's inputs, the number of the variable; dense.
    inputs: Vec<usize>,
    /// For each result, its place among the plan's outputs, and its shape and bytes.
    results: Vec<(usize, Shape, usize)>,
    words: Vec<u64>,
    /// What each step is, for profiles.
    labels: Vec<Arc<Label>>,
}

impl Prepared {
    /// Plans `results` in terms of `variables`, on which alone they may depend.
    pub(crate) fn new(results: &[Tensor], variables: &[Tensor]) -> Result<Prepared> {
        let key = lock();
        let number = |node: &Node| variables.iter().position(|v| v.0.serial == node.serial);
        let walk = Walk::new(&key, results, |node| node.is_pending() && number(node).is_none());
        let mut wanted = vec![false; walk.nodes.len()];
        for result in results {
            wanted[walk.index(&result.0).unwrap_or_default()] = true;
        }
        let place = |s: &Tensor| walk.index(&s.0).unwrap_or_default();
        let (mut words, mut inputs, mut items) = (vec![], vec![], vec![]);
        for (i, &node) in walk.nodes.iter().enumerate() {
            if let Some(k) = number(&node.0) {
                inputs.push(k);
                words.push(u64::MAX);
                words.push(node.0.dtype as u64 | u64::from(wanted[i]) << 8);
                words.push(node.0.shape.len() as u64);
                words.extend(node.0.shape.iter().map(|&n| n as u64));
                let mut item = sketch(node, wanted[i], |_| 0, &[]);
                item.input = Some(Layout::dense(&node.0.shape));
                items.push(item);
                continue;
            }
            let src = node.0.src.get(&key);
            if node.0.is_realized() || src.is_empty() && matches!(node.0.op, Op::Variable) {
                return Err(foreign(node));
            }
            let places = src.iter().map(|s| place(s) as u64);
            describe(&mut words, &node.0, wanted[i], places, None);
            items.push(sketch(node, wanted[i], |s| place(s) as u32, src));
        }
        let ends = (0..wanted.len()).filter(|&i| wanted[i]).collect::<Vec<_>>();
        let results = results.iter().map(|r| {
            let at = ends.iter().position(|&i| i == place(r)).unwrap_or_default();
            (at, r.0.shape.clone(), r.0.dtype.size())
        });
        let results = results.collect();
        let plan = cache::get(&words, || fuse::plan(&items));
        let labels = watch::labels(&plan, &walk.nodes);
        Ok(Prepared { plan, inputs, results, words, labels })
    }

    /// What tells this structure from others.
    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    /// The results for values of all variables, which must be dense.
    pub(crate) fn run(&self, values: &[Value]) -> Result<Vec<Value>, Failure> {
        let inputs: Vec<Value> = self.inputs.iter().map(|&k| values[k].clone()).collect();
        let labels = if watch::is_on() { self.labels.as_slice() } else { &[] };
        let outputs = fused::run(&self.plan, &inputs, labels)?;
        let dense = |(at, shape, size): &(usize, Shape, usize)| match &outputs[*at].layout {
            None => outputs[*at].clone(),
            Some(_) => Value::dense(super::dense(&outputs[*at], shape, *size)),
        };
        Ok(self.results.iter().map(dense).collect())
    }
}

/// The values of tensors, dense.
#[track_caller]
pub(crate) fn values(tensors: &[Tensor]) -> Result<Vec<Value>> {
    super::realize(&tensors.iter().collect::<Vec<_>>())?;
    let one = |x: &Tensor| {
        let (x, size) = (x.source(), x.0.dtype.size());
        match x.0.value.get() {
            Some(value) if value.layout.is_none() => value.clone(),
            Some(value) => Value::dense(super::dense(value, &x.0.shape, size)),
            None => {
                let mut buffer = Buffer::new(x.0.len() * size);
                if let Some(c) = x.as_constant() {
                    c.fill(x.0.dtype, buffer.bytes_mut());
                }
                Value::dense(buffer)
            }
        }
    };
    Ok(tensors.iter().map(one).collect())
}

/// A dense value with these bytes.
pub(crate) fn value_of(bytes: &[u8]) -> Value {
    let mut buffer = Buffer::new(bytes.len());
    buffer.bytes_mut().copy_from_slice(bytes);
    Value::dense(buffer)
}

fn foreign(node: &Tensor) -> Error {
    let what = "a traced function depends on a variable of another transformation";
    Error::new(ErrorKind::Unknown, what, node.0.place())
        .operand(node.operand("variable"))
        .hint("give it to the function as an argument instead of capturing it")
}
