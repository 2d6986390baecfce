//! From a plan to numbers.
//!
//! [`realize`] is the one way in: it walks what is pending below some tensors, finds or makes the
//! plan for it, runs the plan and stores the values in the nodes. [`fused`] runs plans;
//! [`reference`](mod@reference) computes node by node, slowly and obviously, and is what the laws
//! compare with; [`eval`] holds the operations that both run one at a time.

pub(crate) mod anomaly;
pub(crate) mod eval;
mod fused;
mod index;
mod kernel;
mod prepared;
mod reference;
pub(crate) mod watch;
mod windows;

pub use anomaly::detect_anomaly;
pub(crate) use prepared::{Prepared, value_of, values};

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

use chainrule_kernels::Buffer;
use chainrule_kernels::guarded::{Key, lock};
use chainrule_kernels::shared::Shared;
use smallvec::SmallVec;

use crate::error::{Error, ErrorKind, Result};
use crate::graph::Tensor;
use crate::graph::call::details;
use crate::graph::node::{Node, Sources, Value};
use crate::graph::walk::Walk;
use crate::op::{DType, Linear, Op};
use crate::place::Place;
use crate::plan::{Item, cache, fuse};

/// What evaluates graphs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Fused kernels, planned once per structure: the default.
    Fused,
    /// Node by node: slow, and as plain as can be.
    Reference,
}

thread_local! {
    static ENGINE: Cell<Engine> = const { Cell::new(Engine::Fused) };
    static SCRATCH: RefCell<Scratch> = const { RefCell::new(Scratch::NEW) };
}

/// Memory for a computation, kept for the next.
#[derive(Default)]
struct Scratch {
    /// The structural key.
    words: Vec<u64>,
    /// How often each node is a source in the computation, and whether its value is wanted.
    uses: Vec<u32>,
    wanted: Vec<bool>,
}

impl Scratch {
    const NEW: Scratch = Scratch { words: Vec::new(), uses: Vec::new(), wanted: Vec::new() };
}

/// How often evaluations were asked to stop.
static STOPS: AtomicUsize = AtomicUsize::new(0);

/// Asks the evaluations that run now, on any thread, to stop at their next step, with an error of
/// kind [`Stopped`](ErrorKind::Stopped). A handler of signals may call this.
pub fn stop_evaluations() {
    STOPS.fetch_add(1, Relaxed);
}

/// Runs `f` with another engine on this thread; restored on return and on panic.
pub fn with_engine<R>(engine: Engine, f: impl FnOnce() -> R) -> R {
    struct Restore(Engine);
    impl Drop for Restore {
        fn drop(&mut self) {
            ENGINE.set(self.0);
        }
    }
    let _restore = Restore(ENGINE.replace(engine));
    f()
}

/// What went wrong in a step: which item, and what.
pub(crate) struct Failure {
    item: usize,
    pub(crate) kind: ErrorKind,
    what: String,
    hint: String,
}

impl Failure {
    fn new(item: usize, op: &Op, (what, hint): (String, String)) -> Failure {
        let kind = if matches!(op, Op::Call(_)) { ErrorKind::Numeric } else { ErrorKind::Index };
        Failure { item, kind, what, hint }
    }

    fn stopped() -> Failure {
        let what = "the computation was stopped".to_string();
        let hint = "what was not computed is computed when it is asked for again".to_string();
        Failure { item: 0, kind: ErrorKind::Stopped, what, hint }
    }

    pub(crate) fn at(self, here: Place) -> Error {
        Error::new(self.kind, self.what, here).hint(self.hint)
    }
}

/// As a primitive that runs a plan fails: what is wrong, and what to do.
impl From<Failure> for (String, String) {
    fn from(failure: Failure) -> (String, String) {
        (failure.what, failure.hint)
    }
}

/// A held intermediate value of no more elements than this is kept when it is computed.
const SMALL: usize = 1024;
/// A held intermediate value above so long a pending chain is kept when it is computed.
const DEEP: u32 = 16;

/// Whether to keep the value of a node that is computed on the way to something else.
fn keeps(node: &Tensor, uses: usize) -> bool {
    let held = Shared::count(&node.0) > uses;
    match node.0.op {
        Op::Version => held,
        Op::Detach | Op::Variable | Op::Part(..) => false,
        ref op if op.is_dear() => held || node.0.tracks(),
        _ => held && (node.0.len() <= SMALL || node.0.depth >= DEEP),
    }
}

/// Computes several tensors, together with everything that they need, as one plan.
///
/// A tensor computes itself when its numbers are asked for; computing several at once shares the
/// work, as in `realize(&[&loss, &gradient])`.
///
/// ```
/// # use chainrule_core::*;
/// let x = Tensor::from([1.0, 2.0]).requires_grad();
/// let y = x.square().sum();
/// let g = &grad(&y, &[&x])?[0];
/// realize(&[&y, g])?;
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// If an index is out of range, reported with the line that recorded the operation.
#[track_caller]
pub fn realize(tensors: &[&Tensor]) -> Result<()> {
    let here = Place::caller();
    let roots: SmallVec<[Tensor; 4]> = tensors.iter().map(|t| t.source()).collect();
    if roots.iter().all(|t| t.0.is_realized()) {
        return Ok(());
    }
    SCRATCH.with(|kept| {
        let mut scratch = kept.take();
        let result = compute(&roots, &mut scratch, here);
        kept.replace(scratch);
        result
    })
}

fn compute(roots: &[Tensor], scratch: &mut Scratch, here: Place) -> Result<()> {
    let Scratch { words, uses, wanted } = scratch;
    words.clear();
    uses.clear();
    wanted.clear();
    let key = lock();
    let walk = Walk::new(&key, roots, Node::is_pending);
    uses.resize(walk.nodes.len(), 0);
    wanted.resize(walk.nodes.len(), false);
    for node in walk.nodes.iter().filter(|n| n.0.is_pending()) {
        for s in node.0.src.get(&key) {
            uses[walk.index(&s.0).unwrap_or_default()] += 1;
        }
    }
    let looking = anomaly::is_on();
    let made = if looking { anomaly::made(&walk, &key) } else { vec![] };
    for root in roots {
        wanted[walk.index(&root.0).unwrap_or_default()] = root.0.value.get().is_none();
    }
    let mut inputs: SmallVec<[Value; 8]> = SmallVec::new();
    let mut outputs: SmallVec<[Tensor; 4]> = SmallVec::new();
    for (i, &node) in walk.nodes.iter().enumerate() {
        if is_unknown(node, &key) {
            return Err(unknown(node, here));
        }
        if let Some(value) = node.0.value.get() {
            inputs.push(value.clone());
            describe(words, &node.0, false, std::iter::empty(), Some(value));
            continue;
        }
        wanted[i] |= node.0.is_pending() && (looking || keeps(node, uses[i] as usize));
        if wanted[i] {
            outputs.push(node.clone());
        }
        let src = node.0.src.get(&key).iter();
        let places = src.map(|s| walk.index(&s.0).unwrap_or_default() as u64);
        describe(words, &node.0, wanted[i], places, None);
    }
    let sketch = || {
        let place = |s: &Tensor| walk.index(&s.0).unwrap_or_default() as u32;
        let nodes = walk.nodes.iter().zip(&*wanted);
        nodes.map(|(node, &w)| sketch(node, w, place, node.0.src.get(&key))).collect::<Vec<_>>()
    };
    let engine = ENGINE.get();
    let values = if engine == Engine::Fused {
        let watched = watch::is_on();
        let plan = cache::get(words, || {
            let start = Instant::now();
            let plan = fuse::plan(&sketch());
            if watched {
                watch::note("plan", start);
            }
            plan
        });
        let labels = if watched { watch::labels(&plan, &walk.nodes) } else { vec![] };
        drop(walk);
        drop(key);
        fused::run(&plan, &inputs, &labels)
    } else {
        let items = sketch();
        drop(walk);
        drop(key);
        reference::run(&items, &inputs)
    };
    let values = match values {
        Ok(values) => values,
        Err(failure) => return Err(locate(roots, failure)),
    };
    let mut dropped: Vec<Sources> = vec![];
    {
        let mut key = lock();
        for (node, value) in outputs.iter().zip(values) {
            let _ = node.0.value.set(value);
            if !node.0.is_inner() {
                dropped.push(std::mem::take(node.0.src.get_mut(&mut key)));
            }
        }
    }
    anomaly::check(&made)
}

/// Whether the node is a variable whose value nobody knows.
fn is_unknown(node: &Tensor, key: &Key) -> bool {
    matches!(node.0.op, Op::Variable) && !node.0.is_realized() && node.0.src.get(key).is_empty()
}

/// The error for a number that depends on such a variable.
fn unknown(variable: &Tensor, here: Place) -> Error {
    let what = "a number was asked for that is not known yet";
    Error::new(ErrorKind::Unknown, what, here).operand(variable.operand("variable")).hint(
        "inside `vmap`, `Program::trace` and bodies of loops, tensors stand for any number: \
             choose with `where_` or `cond` instead of `item`, `to_vec` and `if`; a tensor kept \
             from there stays unknown",
    )
}

/// The error for a failed step, at the line that recorded it.
fn locate(roots: &[Tensor], failure: Failure) -> Error {
    let key = lock();
    let walk = Walk::new(&key, roots, Node::is_pending);
    let node = walk.nodes[failure.item];
    let error = failure.at(node.0.place());
    match (&node.0.op, node.0.src.get(&key).first()) {
        (Op::Linear(Linear::Gather(_)), Some(x)) => error.operand(x.operand("tensor")),
        _ => error,
    }
}

/// Appends a node to a structural key.
fn describe(
    words: &mut Vec<u64>,
    node: &Node,
    output: bool,
    src: impl Iterator<Item = u64>,
    value: Option<&Value>,
) {
    let head = |tag: u64, detail: u64| {
        tag | detail << 8
            | (node.dtype as u64) << 48
            | u64::from(output) << 52
            | (node.shape.len() as u64) << 56
    };
    if let Some(value) = value {
        words.push(head(0, u64::from(value.layout.is_some())));
        words.extend(node.shape.iter().map(|&n| n as u64));
        if let Some(layout) = &value.layout {
            words.extend(layout.strides.iter().map(|&s| s as u64));
        }
        return;
    }
    let windows = |words: &mut Vec<u64>, w: &[crate::op::Window]| {
        words.extend(w.iter().flat_map(|w| [w.start as u64, w.step as u64]));
    };
    match &node.op {
        Op::Leaf | Op::Parameter => words.push(head(1, 0)),
        Op::Version => words.push(head(2, 0)),
        Op::Detach => words.push(head(3, 0)),
        Op::Const(c) => {
            words.push(head(4, 0));
            words.push(c.bits());
        }
        Op::Iota(axis) => words.push(head(5, u64::from(*axis))),
        Op::Map(op) => words.push(head(6, *op as u64)),
        Op::Zip(op) => words.push(head(7, *op as u64)),
        Op::Compare(op) => words.push(head(8, *op as u64)),
        Op::Logic(op) => words.push(head(9, *op as u64)),
        Op::Where => words.push(head(10, 0)),
        Op::Dot => words.push(head(11, 0)),
        Op::Reduce(e, axes) => words.push(head(12 + *e as u64, u64::from(axes.0))),
        Op::ArgReduce(e, axis) => words.push(head(14 + *e as u64, u64::from(*axis))),
        Op::ArgSort(axis, down) => words.push(head(16 + u64::from(*down), u64::from(*axis))),
        Op::Cat(axis) => words.push(head(18, u64::from(*axis) | (src.size_hint().0 as u64) << 8)),
        Op::Linear(linear) => match linear {
            Linear::Reshape => words.push(head(20, 0)),
            Linear::Permute(order) => {
                words.push(head(21, 0));
                words.extend(
                    order
                        .0
                        .chunks(8)
                        .map(|c| c.iter().fold(0, |word, &axis| word << 8 | u64::from(axis))),
                );
            }
            Linear::Flip(axes) => words.push(head(22, u64::from(axes.0))),
            Linear::Expand(axes) => words.push(head(23, u64::from(axes.0))),
            Linear::Sum(axes) => words.push(head(24, u64::from(axes.0))),
            Linear::Slice(w) => {
                words.push(head(25, 0));
                windows(words, w);
            }
            Linear::Pad(w) => {
                words.push(head(26, 0));
                windows(words, w);
            }
            Linear::Gather(axis) => words.push(head(27, u64::from(*axis))),
            Linear::ScatterAdd(axis) => words.push(head(28, u64::from(*axis))),
            Linear::Cumsum(axis, back) => {
                words.push(head(29 + u64::from(*back), u64::from(*axis)));
            }
            Linear::Cast => words.push(head(31, 0)),
            Linear::Unfold(s) | Linear::Fold(s) => {
                let tag = if linear.is_view() { 35 } else { 36 };
                words.push(head(tag, u64::from(s.axis)));
                words.extend([s.size, s.step, s.dilation].map(|n| n as u64));
            }
        },
        // The same numbers as the first source.
        Op::Variable | Op::Custom(_) => words.push(head(3, 0)),
        Op::Call(_) => {
            let at = words.len();
            words.push(0);
            if let Some(call) = details(&node.op) {
                call.primitive.key(words);
            }
            words[at] = head(32, (words.len() - at) as u64 | (src.size_hint().0 as u64) << 20);
        }
        Op::Part(k, start) => {
            words.push(head(33, u64::from(*k)));
            words.push(*start as u64);
        }
        Op::After => words.push(head(34, 0)),
    }
    words.extend(node.shape.iter().map(|&n| n as u64));
    words.extend(src);
}

/// A node as the planner sees it.
fn sketch(node: &Tensor, output: bool, place: impl Fn(&Tensor) -> u32, src: &[Tensor]) -> Item {
    let value = node.0.value.get();
    let input = value.map(|v| {
        let mut layout = v.layout(&node.0.shape);
        layout.offset = 0;
        layout
    });
    Item {
        op: node.0.op.clone(),
        dtype: node.0.dtype,
        shape: node.0.shape.clone(),
        src: if input.is_some() { SmallVec::new() } else { src.iter().map(place).collect() },
        input,
        output,
    }
}

/// The first n floating-point numbers in memory.
pub(crate) fn floats(dtype: DType, bytes: &[u8], n: usize) -> Vec<f64> {
    let bytes = &bytes[..n * dtype.size()];
    match dtype {
        DType::F32 => bytemuck::cast_slice::<u8, f32>(bytes).iter().map(|&v| v.into()).collect(),
        _ => bytemuck::cast_slice::<u8, f64>(bytes).to_vec(),
    }
}

/// Copies the elements of a value, dense and in row-major order.
pub(crate) fn dense(value: &Value, shape: &[usize], size: usize) -> Buffer {
    let layout = value.layout(shape);
    let n = layout.len();
    let mut out = Buffer::new(n * size);
    eval::copy(&layout, 0, value.buffer.bytes(), out.bytes_mut(), size);
    out
}
