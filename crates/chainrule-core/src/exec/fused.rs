//! Running plans: one step after the other.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use bytemuck::{cast_slice, cast_slice_mut};
use chainrule_kernels::gemm::{Gemm, Matrix};
use chainrule_kernels::reduce::{Fold, Reduce};
use chainrule_kernels::shared::Shared;
use chainrule_kernels::{Buffer, Layout, slim, threads};
use smallvec::{SmallVec, smallvec};

use super::eval::{self, Elements, by_type};
use super::kernel::run_kernel;
use super::watch::{self, Label, Times};
use super::{Failure, STOPS};
use crate::graph::node::Value;
use crate::op::DType;
use crate::plan::{Plan, Step, View};

/// The slots of a running plan.
pub(super) struct Slots<'a> {
    inputs: &'a [Value],
    computed: SmallVec<[Option<Shared<Buffer>>; 8]>,
}

impl Slots<'_> {
    pub(super) fn get(&self, slot: usize) -> &Buffer {
        match self.inputs.get(slot) {
            Some(value) => &value.buffer,
            None => self.computed[slot - self.inputs.len()]
                .as_ref()
                .unwrap_or_else(|| unreachable!("slot {slot} is read before it is written")),
        }
    }

    /// Where the elements of a slot start, in elements.
    pub(super) fn base(&self, slot: usize) -> usize {
        let layout = self.inputs.get(slot).and_then(|v| v.layout.as_ref());
        layout.map_or(0, |l| l.offset)
    }

    pub(super) fn layout(&self, view: &View) -> Layout {
        let base = self.base(view.slot);
        Layout { offset: base.wrapping_add(view.layout.offset), ..view.layout.clone() }
    }

    /// The matrix that a view is.
    pub(super) fn matrix<T: bytemuck::Pod>(&self, view: &View) -> Matrix<'_, T> {
        Matrix {
            data: cast_slice(self.get(view.slot).bytes()),
            offset: self.base(view.slot).wrapping_add(view.layout.offset),
            row: view.layout.strides[0],
            col: view.layout.strides[1],
        }
    }

    pub(super) fn set(&mut self, slot: usize, buffer: Buffer) {
        self.computed[slot - self.inputs.len()] = Some(Shared::new(buffer));
    }
}

/// Runs a plan. The values come in the order of its outputs. If the steps have labels, the thread
/// is watched.
pub(super) fn run(
    plan: &Plan,
    inputs: &[Value],
    labels: &[Arc<Label>],
) -> Result<Vec<Value>, Failure> {
    debug_assert_eq!(plan.inputs, inputs.len());
    let mut times = (!labels.is_empty()).then(Times::new);
    let values = run_steps(plan, inputs, times.as_mut());
    if let Some(times) = times {
        watch::steps(plan, labels, times);
    }
    values
}

fn run_steps(
    plan: &Plan,
    inputs: &[Value],
    mut times: Option<&mut Times>,
) -> Result<Vec<Value>, Failure> {
    let mut slots = Slots { inputs, computed: smallvec![None; plan.sizes.len()] };
    let stops = STOPS.load(Relaxed);
    for (i, (step, free)) in plan.steps.iter().zip(&plan.free).enumerate() {
        if STOPS.load(Relaxed) != stops {
            return Err(Failure::stopped());
        }
        let start = times.is_some().then(Instant::now);
        run_step(plan, step, &mut slots)?;
        if let (Some(times), Some(start)) = (times.as_deref_mut(), start) {
            times.push((i, start, Instant::now()));
        }
        for &slot in free {
            slots.computed[slot - inputs.len()] = None;
        }
    }
    let outputs = plan.outputs.iter().map(|view| {
        let dense = view.layout.offset == 0 && view.layout.is_dense();
        match slots.inputs.get(view.slot) {
            None => Value {
                buffer: slots.computed[view.slot - inputs.len()]
                    .clone()
                    .unwrap_or_else(|| unreachable!("an output is computed by some step")),
                layout: (!dense).then(|| Box::new(view.layout.clone())),
            },
            Some(input) => {
                let layout = slots.layout(view);
                let dense = layout.offset == 0 && layout.is_dense();
                let layout = (!dense).then(|| Box::new(layout));
                Value { buffer: input.buffer.clone(), layout }
            }
        }
    });
    Ok(outputs.collect())
}

fn run_step(plan: &Plan, step: &Step, slots: &mut Slots<'_>) -> Result<(), Failure> {
    let new = |slot: usize| Buffer::new(plan.sizes[slot - plan.inputs]);
    match step {
        Step::Kernel(kernel) => run_kernel(plan, kernel, slots),
        Step::Fill { c, dtype, out } => {
            let mut buffer = new(*out);
            c.fill(*dtype, buffer.bytes_mut());
            slots.set(*out, buffer);
        }
        Step::Dot { a, b, out, dtype } => {
            let mut buffer = new(*out);
            match dtype {
                DType::F32 => dot::<f32>(slots, a, b, cast_slice_mut(buffer.bytes_mut())),
                _ => dot::<f64>(slots, a, b, cast_slice_mut(buffer.bytes_mut())),
            }
            slots.set(*out, buffer);
        }
        Step::Fold { fold, x, count, out, dtype } => {
            let mut buffer = new(*out);
            let layout = slots.layout(x);
            let bytes = slots.get(x.slot).bytes();
            by_type!(*dtype, fold_step, *fold, bytes, &layout, *count, buffer.bytes_mut());
            slots.set(*out, buffer);
        }
        Step::Pack { x, out, dtype } => {
            let mut buffer = new(*out);
            let (to, size) = (buffer.bytes_mut(), (x.layout.shape[1], x.layout.shape[0]));
            match dtype {
                DType::F32 => slim::pack::<f32>(slots.matrix(x), size, cast_slice_mut(to)),
                _ => slim::pack::<f64>(slots.matrix(x), size, cast_slice_mut(to)),
            }
            slots.set(*out, buffer);
        }
        Step::Eval { item, op, src, shape, dtype, out } => {
            let mut buffer = new(*out);
            let from = &*slots;
            let elements: SmallVec<[Elements<'_>; 2]> = src
                .iter()
                .map(|(view, dtype)| Elements {
                    bytes: from.get(view.slot).bytes(),
                    layout: from.layout(view),
                    dtype: *dtype,
                })
                .collect();
            eval::eval(op, &elements, shape, *dtype, buffer.bytes_mut())
                .map_err(|fault| Failure::new(*item, op, fault))?;
            drop(elements);
            slots.set(*out, buffer);
        }
    }
    Ok(())
}

fn fold_step<T: Reduce>(fold: Fold, x: &[u8], layout: &Layout, count: usize, out: &mut [u8]) {
    let (x, out): (&[T], &mut [T]) = (cast_slice(x), cast_slice_mut(out));
    // Kept indices are shared out along the first axis, as far as that gives enough pieces.
    let outer = layout.shape.first().copied().unwrap_or(1);
    let pieces = outer.min(64);
    let kept = out.len();
    if pieces < 2 || kept % outer != 0 || kept == 1 {
        return eval::fold(fold, x, layout, count, out);
    }
    let inner = kept / outer;
    let each = outer.div_ceil(pieces);
    let tasks: Vec<(usize, &mut [T])> = out.chunks_mut(each * inner).enumerate().collect();
    let work = (kept * count) as f64 * 0.3;
    threads::for_each(tasks, work, |(i, out)| {
        let mut part = layout.clone();
        part.shape[0] = out.len() / inner;
        part.offset = (part.offset as isize + (i * each) as isize * part.strides[0]) as usize;
        eval::fold(fold, x, &part, count, out);
    });
}

fn dot<T: Gemm + bytemuck::Pod>(slots: &Slots<'_>, a: &View, b: &View, out: &mut [T]) {
    let (la, lb) = (slots.layout(a), slots.layout(b));
    let (xa, xb): (&[T], &[T]) =
        (cast_slice(slots.get(a.slot).bytes()), cast_slice(slots.get(b.slot).bytes()));
    let rank = la.shape.len();
    let (m, k, n) = (la.shape[rank - 2], la.shape[rank - 1], lb.shape[rank - 1]);
    let batch = |l: &Layout| Layout {
        shape: l.shape[..rank - 2].to_vec(),
        strides: l.strides[..rank - 2].to_vec(),
        offset: l.offset,
    };
    let (ba, bb) = (batch(&la), batch(&lb));
    let matrix = |data, l: &Layout, offset| Matrix {
        data,
        offset,
        row: l.strides[rank - 2],
        col: l.strides[rank - 1],
    };
    if m * n == 0 {
        return;
    }
    let one = |(i, c): (usize, &mut [T])| {
        T::gemm(m, n, k, c, matrix(xa, &la, ba.at(i)), matrix(xb, &lb, bb.at(i)));
    };
    let count = out.len() / (m * n);
    // Large products thread inside; many small ones thread over the batch.
    if m * n * k >= 1 << 22 || count < 2 {
        return out.chunks_mut(m * n).enumerate().for_each(one);
    }
    let each = count.div_ceil(64);
    let tasks: Vec<(usize, &mut [T])> = out.chunks_mut(each * m * n).enumerate().collect();
    let work = 0.02 * (m * n * k * count) as f64;
    threads::for_each(tasks, work, |(i, out)| {
        let products = out.chunks_mut(m * n).enumerate();
        threads::with_threads(1, || products.for_each(|(j, c)| one((i * each + j, c))));
    });
}
