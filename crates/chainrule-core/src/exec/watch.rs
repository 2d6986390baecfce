//! Watching plans run: when each step began, how long it took, what it moved and computed.
//!
//! While a thread is watched, its evaluations leave [`Event`]s. Which operations a step stands for
//! is known from the plan, the user's lines from the nodes; both are looked up only then.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use smallvec::SmallVec;

use crate::graph::Tensor;
use crate::op::{DType, Op};
use crate::place::Place;
use crate::plan::kernel::{Code, Kernel, Level, Stream, Times as Factor};
use crate::plan::{Plan, Step, View};

/// What a step is, for people.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Label {
    pub(crate) name: String,
    pub(crate) lines: BTreeSet<Place>,
}

/// Something that took time.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) label: Arc<Label>,
    pub(crate) start: Instant,
    pub(crate) end: Instant,
    /// Bytes read and written, and operations on numbers.
    pub(crate) bytes: f64,
    pub(crate) operations: f64,
}

/// When steps began and ended, by their numbers in the plan.
pub(super) type Times = Vec<(usize, Instant, Instant)>;

thread_local! {
    static EVENTS: RefCell<Option<Vec<Event>>> = const { RefCell::new(None) };
}

/// Runs `f`, and gives what was evaluated in it on this thread. Events of an inner call belong to
/// the outer one too.
pub(crate) fn watch<R>(f: impl FnOnce() -> R) -> (R, Vec<Event>) {
    struct Restore(Option<Vec<Event>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            let inner = EVENTS.replace(self.0.take());
            EVENTS.with_borrow_mut(|outer| {
                if let Some(outer) = outer {
                    outer.extend(inner.into_iter().flatten());
                }
            });
        }
    }
    let restore = Restore(EVENTS.replace(Some(vec![])));
    let result = f();
    let events = EVENTS.with_borrow(|events| events.clone().unwrap_or_default());
    drop(restore);
    (result, events)
}

/// Whether this thread is watched.
pub(super) fn is_on() -> bool {
    EVENTS.with_borrow(Option::is_some)
}

/// Leaves an event that is no step: planning, say.
pub(crate) fn note(name: &str, start: Instant) {
    let label = Arc::new(Label { name: name.into(), lines: BTreeSet::new() });
    leave([Event { label, start, end: Instant::now(), bytes: 0.0, operations: 0.0 }]);
}

fn leave(events: impl IntoIterator<Item = Event>) {
    EVENTS.with_borrow_mut(|known| {
        if let Some(known) = known {
            known.extend(events);
        }
    });
}

/// The label of each step of a plan over these nodes.
pub(super) fn labels(plan: &Plan, nodes: &[&Tensor]) -> Vec<Arc<Label>> {
    let label = |items: &SmallVec<[u32; 4]>| {
        let (mut names, mut lines) = (vec![], BTreeSet::new());
        for node in items.iter().filter_map(|&i| nodes.get(i as usize)) {
            lines.insert(node.0.place());
            let name = node.0.op.name();
            // Movement costs nothing inside a kernel, unless it is all there is.
            let moves = matches!(&node.0.op, Op::Linear(l) if l.is_view());
            if !names.contains(&name) && (!moves || items.len() == 1) {
                names.push(name);
            }
        }
        let more = names.len().saturating_sub(6);
        let mut name = names[..names.len() - more].join(" ");
        if more > 0 {
            name += &format!(" +{more}");
        }
        if name.is_empty() {
            name = "copy".into();
        }
        Arc::new(Label { name, lines })
    };
    plan.made.iter().map(label).collect()
}

/// Leaves an event for each step that was timed.
pub(super) fn steps(plan: &Plan, labels: &[Arc<Label>], times: Times) {
    leave(times.into_iter().map(|(i, start, end)| {
        let (bytes, operations) = work(plan, &plan.steps[i]);
        Event { label: labels[i].clone(), start, end, bytes, operations }
    }));
}

/// Bytes that a step reads and writes, and operations that it makes.
fn work(plan: &Plan, step: &Step) -> (f64, f64) {
    let written = |slot: usize| plan.sizes[slot - plan.inputs] as f64;
    match step {
        Step::Kernel(kernel) => kernel_work(kernel, written),
        Step::Dot { a, b, out, dtype } => {
            let (m, n) = (a.layout.len() as f64, b.layout.len() as f64);
            let columns = b.layout.shape.last().copied().unwrap_or(1) as f64;
            let bytes = (m + n) * dtype.size() as f64 + written(*out);
            (bytes, 2.0 * m * columns)
        }
        Step::Fold { x, out, dtype, .. } => {
            let n = x.layout.len() as f64;
            (n * dtype.size() as f64 + written(*out), n)
        }
        Step::Pack { out, .. } => (2.0 * written(*out), 0.0),
        Step::Fill { out, .. } => (written(*out), 0.0),
        Step::Eval { src, out, .. } => {
            let read: f64 = src.iter().map(|(v, t)| (v.layout.len() * t.size()) as f64).sum();
            (read + written(*out), 0.0)
        }
    }
}

fn kernel_work(kernel: &Kernel, written: impl Fn(usize) -> f64) -> (f64, f64) {
    let count = |level| match level {
        Level::Full => kernel.n as f64,
        Level::Row => (kernel.n / kernel.row) as f64,
        Level::One => 1.0,
    };
    let stream = |s: &Stream| count(s.level) * s.size as f64;
    let mut bytes: f64 = kernel.inputs.iter().chain(&kernel.outputs).map(stream).sum();
    bytes += kernel.totals.iter().map(|t| written(t.slot)).sum::<f64>();
    let matrix = |a: &View, dtype: DType| (a.layout.len() * dtype.size()) as f64;
    let mut operations = 0.0;
    for total in &kernel.totals {
        if let Factor::Rows(a) = &total.times {
            bytes += matrix(a, total.dtype);
            operations += 2.0 * a.layout.len() as f64;
        } else {
            operations += (total.sources().count() * kernel.n) as f64;
        }
    }
    for instr in &kernel.code {
        match &instr.code {
            Code::Load { size, .. } => bytes += count(instr.level) * *size as f64,
            Code::RowFold(..) => operations += kernel.n as f64,
            Code::Product { dtype, a, k, .. } => {
                bytes += (a.layout.len() * dtype.size()) as f64;
                operations += (2 * kernel.n * k) as f64;
            }
            Code::TimesVector { dtype, a, .. } => {
                bytes += matrix(a, *dtype);
                operations += 2.0 * a.layout.len() as f64;
            }
            Code::Iota { .. } | Code::RowExpand(..) | Code::OneHot(_) | Code::Copy(_) => {}
            _ => operations += count(instr.level),
        }
    }
    (bytes, operations)
}
