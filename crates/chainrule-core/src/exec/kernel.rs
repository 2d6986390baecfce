//! Running kernels.
//!
//! A kernel's elements are cut into tasks, the same ones for any number of threads; each task gets
//! its own piece of every output, so tasks share nothing but inputs. Inside a task the code runs
//! block after block on registers that stay in the first-level cache. Totals are kept per task and
//! combined in order when all tasks are done.

use std::cell::RefCell;

use bytemuck::{cast_slice, cast_slice_mut};
use chainrule_kernels::reduce::{self, Fold, Reduce};
use chainrule_kernels::{Buffer, Float, simd, slim, threads};
use smallvec::SmallVec;

use super::eval::{self, by_type};
use super::fused::Slots;
use crate::op::DType;
use crate::op::pairs::KernelTwo;
use crate::plan::kernel::{Code, Instr, Kernel, Kind, Level, Place, PresetValue, Total};
use crate::plan::{Plan, View};

/// A piece of a kernel's work.
struct Task<'a> {
    start: usize,
    end: usize,
    outputs: SmallVec<[&'a mut [u8]; 4]>,
    /// One partial result for each total.
    totals: SmallVec<[&'a mut [u8]; 2]>,
}

/// A register file has at least so many bytes, so that it fits most kernels (and is aligned).
const SMALLEST_FILE: usize = 64 << 10;
/// A larger file does not wait for the next kernel.
const LARGEST_FILE: usize = 1 << 20;

thread_local! {
    /// Register files that wait for the next kernel.
    static FILES: RefCell<Vec<Buffer>> = const { RefCell::new(Vec::new()) };
}

/// Runs a kernel: its outputs and totals are then in their slots.
pub(super) fn run_kernel(plan: &Plan, kernel: &Kernel, slots: &mut Slots<'_>) {
    let bytes = |slot: usize| plan.sizes[slot - plan.inputs];
    let mut outputs: SmallVec<[Buffer; 4]> =
        kernel.outputs.iter().map(|s| Buffer::new(bytes(s.slot))).collect();
    let tasks = if kernel.n == 0 { 0 } else { kernel.n.div_ceil(kernel.task) };
    let mut partials: SmallVec<[Buffer; 2]> =
        kernel.totals.iter().map(|t| Buffer::new(bytes(t.slot) * tasks.max(1))).collect();
    let shared = &*slots;
    let inputs: SmallVec<[&[u8]; 8]> = kernel
        .inputs
        .iter()
        .map(|s| {
            let at = shared.base(s.slot).wrapping_add(s.offset) * s.size;
            &shared.get(s.slot).bytes()[at..]
        })
        .collect();
    let run = |task: Task<'_>| {
        let waiting = FILES.with(|f| f.borrow_mut().pop()).filter(|f| f.len() >= kernel.file);
        let mut file = waiting.unwrap_or_else(|| Buffer::new(kernel.file.max(SMALLEST_FILE)));
        run_task(kernel, shared, &inputs, task, &mut file);
        if file.len() <= LARGEST_FILE {
            FILES.with(|f| f.borrow_mut().push(file));
        }
    };
    if tasks == 1 {
        run(Task {
            start: 0,
            end: kernel.n,
            outputs: outputs.iter_mut().map(Buffer::bytes_mut).collect(),
            totals: partials.iter_mut().map(Buffer::bytes_mut).collect(),
        });
    } else {
        let mut pieces: SmallVec<[std::slice::ChunksMut<'_, u8>; 4]> = outputs
            .iter_mut()
            .zip(&kernel.outputs)
            .map(|(b, s)| b.bytes_mut().chunks_mut(elements(kernel, s.level, kernel.task) * s.size))
            .collect();
        let mut sums: SmallVec<[std::slice::ChunksMut<'_, u8>; 2]> = partials
            .iter_mut()
            .zip(&kernel.totals)
            .map(|(b, t)| b.bytes_mut().chunks_mut(bytes(t.slot).max(1)))
            .collect();
        let work = (0..tasks).map(|i| Task {
            start: i * kernel.task,
            end: ((i + 1) * kernel.task).min(kernel.n),
            outputs: pieces.iter_mut().filter_map(Iterator::next).collect(),
            totals: sums.iter_mut().filter_map(Iterator::next).collect(),
        });
        threads::for_each(work.collect(), kernel.nanoseconds, run);
    }
    drop(inputs);
    for (stream, buffer) in kernel.outputs.iter().zip(outputs) {
        slots.set(stream.slot, buffer);
    }
    for (total, mut partial) in kernel.totals.iter().zip(partials) {
        if tasks != 1 {
            let mut buffer = Buffer::new(bytes(total.slot));
            by_type!(total.dtype, combine, total, &partial, &mut buffer);
            partial = buffer;
        }
        slots.set(total.slot, partial);
    }
}

/// How many numbers of a level stand for `n` elements.
fn elements(kernel: &Kernel, level: Level, n: usize) -> usize {
    match level {
        Level::Full => n,
        Level::Row => n / kernel.row,
        Level::One => 1,
    }
}

/// The tasks' partial results in one: pairs, pairs of pairs, ….
fn combine<T: Reduce>(total: &Total<Place>, partial: &Buffer, out: &mut Buffer) {
    let width = total.width;
    let mut rows: Vec<Vec<T>> = partial.as_slice::<T>().chunks(width).map(<[T]>::to_vec).collect();
    while rows.len() > 1 {
        rows = rows
            .chunks(2)
            .map(|pair| {
                let mut sum = pair[0].clone();
                if let Some(other) = pair.get(1) {
                    total.fold.into(&mut sum, other);
                }
                sum
            })
            .collect();
    }
    out.as_mut_slice::<T>().copy_from_slice(&rows[0]);
}

/// What instructions see while a block runs. Numbers come in threes: index them by level.
struct Frame<'a, 'o> {
    kernel: &'a Kernel,
    slots: &'a Slots<'a>,
    inputs: &'a [&'a [u8]],
    outputs: &'a mut [&'o mut [u8]],
    /// How many there are in this block, and before it in the whole kernel and in the task.
    count: [usize; 3],
    start: [usize; 3],
    inside: [usize; 3],
}

fn run_task(
    kernel: &Kernel,
    slots: &Slots<'_>,
    inputs: &[&[u8]],
    mut task: Task<'_>,
    file: &mut Buffer,
) {
    for preset in &kernel.presets {
        let register = &kernel.registers[preset.reg as usize];
        let bytes = &mut file.bytes_mut()[register.at..][..register.bytes];
        let size = preset.dtype.size();
        match &preset.value {
            PresetValue::Const(c) => c.fill(preset.dtype, bytes),
            PresetValue::Period(view) => {
                let period = view.layout.shape.last().copied().unwrap_or(1) * size;
                let at = slots.layout(view).offset * size;
                let once = &slots.get(view.slot).bytes()[at..at + period];
                bytes.chunks_exact_mut(period).for_each(|c| c.copy_from_slice(once));
            }
            &PresetValue::Element(slot, offset) => {
                let at = slots.base(slot).wrapping_add(offset) * size;
                let element = &slots.get(slot).bytes()[at..at + size];
                bytes.chunks_exact_mut(size).for_each(|c| c.copy_from_slice(element));
            }
        }
    }
    for (total, out) in kernel.totals.iter().zip(&mut task.totals) {
        by_type!(total.dtype, clear, total.fold, out);
    }
    let streams = kernel.inputs.iter().chain(&kernel.outputs);
    let moved: usize = streams.filter(|s| s.level == Level::Full).map(|s| s.size).sum();
    let ahead = kernel.n * moved >= STREAMED && kernel.code.len() >= LONG;
    let places = |n: usize, one| [n, if kernel.row == 1 { n } else { n / kernel.row }, one];
    let mut start = task.start;
    while start < task.end {
        let len = kernel.block.min(task.end - start);
        let mut frame = Frame {
            kernel,
            slots,
            inputs,
            outputs: &mut task.outputs,
            count: places(len, 1),
            start: places(start, 0),
            inside: places(start - task.start, 0),
        };
        let next = if ahead { kernel.block.min(task.end - start - len) } else { 0 };
        let mut soon = frame.soon(next);
        for instr in &kernel.code {
            soon.ask();
            frame.run(instr, file.bytes_mut());
        }
        let file = Registers { before: file.bytes(), after: &[], from: usize::MAX };
        for (total, out) in kernel.totals.iter().zip(&mut task.totals) {
            let x = frame.read(&file, total.x, total.level);
            by_type!(total.dtype, accumulate, total, x, start, out);
        }
        start += len;
    }
}

fn clear<T: Reduce>(fold: Fold, out: &mut [u8]) {
    cast_slice_mut::<u8, T>(out).fill(fold.neutral());
}

/// Takes a block into a total. Blocks of one task come in order.
fn accumulate<T: Reduce>(total: &Total<Place>, x: &[u8], start: usize, out: &mut [u8]) {
    let (mut x, out): (&[T], &mut [T]) = (cast_slice(x), cast_slice_mut(out));
    if total.width == 1 {
        out[0] = total.fold.combine(out[0], total.fold.block(x));
        return;
    }
    let mut at = start % total.width;
    while !x.is_empty() {
        let n = x.len().min(total.width - at);
        total.fold.into(&mut out[at..at + n], &x[..n]);
        x = &x[n..];
        at = 0;
    }
}

/// The register file around the register that an instruction writes.
struct Registers<'a> {
    before: &'a [u8],
    after: &'a [u8],
    /// Where `after` starts in the file.
    from: usize,
}

impl Registers<'_> {
    #[inline(always)]
    fn get(&self, at: usize, bytes: usize) -> &[u8] {
        if at < self.from {
            &self.before[at..at + bytes]
        } else {
            &self.after[at - self.from..][..bytes]
        }
    }
}

/// Kernels that read and write so many bytes do so beyond the caches.
const STREAMED: usize = 24 << 20;
/// Kernels of so many instructions have time to ask for the next block meanwhile.
const LONG: usize = 6;

/// The lines of the cache that the next block takes, asked for while instructions of this one run.
#[derive(Default)]
struct Soon {
    now: simd::Lines,
    later: SmallVec<[simd::Lines; 8]>,
    /// How many with each instruction.
    each: usize,
}

impl Soon {
    /// Asks for some of them.
    #[inline]
    fn ask(&mut self) {
        let mut left = self.each;
        while left > 0 {
            left -= self.now.prefetch(left);
            if left > 0 {
                let Some(next) = self.later.pop() else { return self.each = 0 };
                self.now = next;
            }
        }
    }
}

impl Frame<'_, '_> {
    /// What the next block, of so many elements, will read and write.
    fn soon(&self, next: usize) -> Soon {
        let mut soon = Soon::default();
        if next == 0 {
            return soon;
        }
        let mut add = |bytes: &[u8], from: usize, size: usize, write: bool| {
            let from = (from + self.count[0]) * size;
            soon.later.push(simd::Lines::of(&bytes[from..from + next * size], write));
        };
        let inputs = self.kernel.inputs.iter().zip(self.inputs);
        for (stream, bytes) in inputs.filter(|(stream, _)| stream.level == Level::Full) {
            add(bytes, self.start[0], stream.size, false);
        }
        let outputs = self.kernel.outputs.iter().zip(&*self.outputs);
        for (stream, bytes) in outputs.filter(|(stream, _)| stream.level == Level::Full) {
            add(bytes, self.inside[0], stream.size, true);
        }
        let lines: usize = soon.later.iter().map(simd::Lines::len).sum();
        soon.each = lines.div_ceil(self.kernel.code.len());
        soon
    }

    /// The block at a place.
    #[inline(always)]
    fn read<'f>(&'f self, file: &'f Registers<'_>, place: Place, level: Level) -> &'f [u8] {
        let (at, size, level) = (place.at, place.size, level as usize);
        let bytes = self.count[level] * size;
        match place.kind {
            Kind::Register => file.get(at, bytes),
            Kind::Input => &self.inputs[at][self.start[level] * size..][..bytes],
            Kind::Output => &self.outputs[at][self.inside[level] * size..][..bytes],
        }
    }

    #[inline]
    fn run(&mut self, instr: &Instr<Place>, file: &mut [u8]) {
        let (at, size, level) = (instr.to.at, instr.to.size, instr.level as usize);
        let bytes = self.count[level] * size;
        if instr.to.kind == Kind::Register {
            if let Code::SinCos(kernel, x, cosine) = &instr.code {
                return self.sin_cos(*kernel, *x, *cosine, at, file);
            }
            let (before, rest) = file.split_at_mut(at);
            let (to, after) = rest.split_at_mut(bytes);
            return self.fill(instr, &Registers { before, after, from: at + bytes }, to);
        }
        let out = std::mem::take(&mut self.outputs[at]);
        let file = Registers { before: file, after: &[], from: usize::MAX };
        self.fill(instr, &file, &mut out[self.inside[level] * size..][..bytes]);
        self.outputs[at] = out;
    }

    /// Into the register that starts at a byte, and the next.
    fn sin_cos(&self, kernel: KernelTwo, x: Place, cosine: bool, at: usize, file: &mut [u8]) {
        let mut from = self.kernel.registers.iter().skip_while(|register| register.at != at);
        let (Some(first), Some(second)) = (from.next(), from.next()) else {
            unreachable!("it has two registers")
        };
        let bytes = self.count[Level::Full as usize] * first.size;
        let (before, rest) = file.split_at_mut(at);
        let (one, rest) = rest.split_at_mut(second.at - at);
        let (other, after) = rest.split_at_mut(bytes);
        let from = before.len() + one.len() + other.len();
        let (one, file) = (&mut one[..bytes], Registers { before, after, from });
        let x = self.read(&file, x, Level::Full);
        let (sin, cos) = if cosine { (other, one) } else { (one, other) };
        kernel(x, sin, cos);
    }

    fn fill(&self, instr: &Instr<Place>, file: &Registers<'_>, out: &mut [u8]) {
        let level = instr.level;
        let read = |place| self.read(file, place, level);
        match &instr.code {
            Code::Map(kernel, x) => kernel(read(*x), out),
            Code::Zip(kernel, x, y) => kernel(read(*x), read(*y), out),
            Code::Where(kernel, c, x, y) => kernel(read(*c), read(*x), read(*y), out),
            Code::Copy(x) => out.copy_from_slice(read(*x)),
            Code::SinCos(..) => unreachable!("it has two registers, see `run`"),
            Code::Load { view, size } => {
                let layout = self.slots.layout(view);
                let from = self.start[level as usize];
                eval::copy(&layout, from, self.slots.get(view.slot).bytes(), out, *size);
            }
            Code::Product { dtype, a, b, n, k } => {
                let (b, size) = (self.read(file, *b, Level::One), (*n, *k));
                match dtype {
                    DType::F32 => self.product::<f32>(a, b, size, out),
                    _ => self.product::<f64>(a, b, size, out),
                }
            }
            Code::Iota { len, stride } => {
                iota(self.start[level as usize], *len, *stride, cast_slice_mut(out));
            }
            Code::ZipRows(kernel, x, y) => {
                let y = self.read(file, *y, Level::Row);
                kernel(self.read(file, *x, Level::Full), y, self.kernel.row, out);
            }
            Code::ZipOne(kernel, x, y) => {
                kernel(read(*x), self.read(file, *y, Level::One), self.count[level as usize], out);
            }
            Code::OneHot(x) => {
                out.fill(0);
                let indices: &[i64] = cast_slice(self.read(file, *x, Level::Row));
                for (row, &index) in out.chunks_exact_mut(self.kernel.row).zip(indices) {
                    if let Some(i) = hot(row.len(), index) {
                        row[i] = 1;
                    }
                }
            }
            Code::Pick(dtype, x, index) => {
                let indices: &[i64] = cast_slice(self.read(file, *index, Level::Row));
                let x = self.read(file, *x, Level::Full);
                by_type!(*dtype, pick, x, indices, self.kernel.row, out);
            }
            Code::PickLess(dtype, x, index, less) => {
                let indices: &[i64] = cast_slice(self.read(file, *index, Level::Row));
                let (x, less) =
                    (self.read(file, *x, Level::Full), self.read(file, *less, Level::Row));
                by_type!(*dtype, pick_less, x, indices, less, self.kernel.row, out);
            }
            Code::RowsHot(kernel, dtype, [x, y, index, number]) => {
                let indices: &[i64] = cast_slice(self.read(file, *index, Level::Row));
                let [y, number] = [*y, *number].map(|place| self.read(file, place, Level::Row));
                kernel(self.read(file, *x, Level::Full), y, self.kernel.row, out);
                by_type!(*dtype, plus_hot, indices, number, self.kernel.row, out);
            }
            Code::AddHot(dtype, x, index, number) => {
                let indices: &[i64] = cast_slice(self.read(file, *index, Level::Row));
                let (x, number) =
                    (self.read(file, *x, Level::Full), self.read(file, *number, Level::Row));
                by_type!(*dtype, add_hot, x, indices, number, self.kernel.row, out);
            }
            Code::Pair((kernel, signs), x, (y, by), (w, with)) => {
                let in_rows = *by == Level::Row || *with == Level::Row;
                let row = if in_rows { self.kernel.row } else { self.count[level as usize] };
                let (y, w) = (self.read(file, *y, *by), self.read(file, *w, *with));
                kernel([read(*x), y, w], *signs, row, out);
            }
            Code::RowDot(dtype, x, y) => {
                let (x, y) = (self.read(file, *x, Level::Full), self.read(file, *y, Level::Full));
                by_type!(*dtype, row_dot, x, y, out);
            }
            Code::RowFold(fold, dtype, x) => {
                let x = self.read(file, *x, Level::Full);
                by_type!(*dtype, row_fold, *fold, x, out);
            }
            Code::RowExpand(_, x) => {
                let x = self.read(file, *x, Level::Row);
                match instr.to.size {
                    1 => row_expand::<u8>(x, self.kernel.row, out),
                    4 => row_expand::<u32>(x, self.kernel.row, out),
                    _ => row_expand::<u64>(x, self.kernel.row, out),
                }
            }
        }
    }
}

impl Frame<'_, '_> {
    /// The block's elements of a product.
    fn product<T: Float + bytemuck::Pod>(
        &self,
        a: &View,
        b: &[u8],
        (n, k): (usize, usize),
        out: &mut [u8],
    ) {
        let (a, b) = (self.slots.matrix::<T>(a), cast_slice(b));
        let out: &mut [T] = cast_slice_mut(out);
        let (start, len) = (self.start[Level::Full as usize], out.len());
        let (first, before) = (start / n, start % n);
        if before == 0 && len % n == 0 {
            return slim::product(out, first, a, b, (n, k));
        }
        // A block of which the planner made no whole rows.
        let mut whole = vec![T::default(); (before + len).next_multiple_of(n)];
        slim::product(&mut whole, first, a, b, (n, k));
        out.copy_from_slice(&whole[before..before + len]);
    }
}

/// The index along an axis of length `len` and the given stride, from element `from` on.
fn iota(from: usize, len: usize, stride: usize, mut out: &mut [i64]) {
    let (mut index, mut inside) = (from / stride % len, from % stride);
    while !out.is_empty() {
        // With stride 1 a whole axis is one run; otherwise an index repeats `stride` times.
        let run = if stride == 1 { len - index } else { stride - inside };
        let (now, rest) = out.split_at_mut(run.min(out.len()));
        let step = i64::from(stride == 1);
        for (i, y) in (0..).zip(now) {
            *y = index as i64 + step * i;
        }
        out = rest;
        index = if stride == 1 || index + 1 == len { 0 } else { index + 1 };
        inside = 0;
    }
}

fn row_fold<T: Reduce>(fold: Fold, x: &[u8], out: &mut [u8]) {
    fold.rows::<T>(cast_slice(x), cast_slice_mut(out));
}

/// The element of a row that an index is about.
fn hot(row: usize, index: i64) -> Option<usize> {
    usize::try_from(index).ok().filter(|&i| i < row)
}

/// As a sum of zeros and one element: −0 becomes 0.
fn pick<T: Reduce>(x: &[u8], indices: &[i64], row: usize, out: &mut [u8]) {
    let (x, out): (&[T], &mut [T]) = (cast_slice(x), cast_slice_mut(out));
    for ((x, &index), out) in x.chunks_exact(row).zip(indices).zip(out) {
        *out = T::ZERO.plus(hot(row, index).map_or(T::ZERO, |i| x[i]));
    }
}

fn pick_less<T: Reduce>(x: &[u8], indices: &[i64], less: &[u8], row: usize, out: &mut [u8]) {
    let (x, less, out): (&[T], &[T], &mut [T]) =
        (cast_slice(x), cast_slice(less), cast_slice_mut(out));
    for (((x, &index), &less), out) in x.chunks_exact(row).zip(indices).zip(less).zip(out) {
        *out = T::ZERO.plus(hot(row, index).map_or(T::ZERO, |i| x[i].minus(less)));
    }
}

/// To one of each row's elements a number is added.
fn plus_hot<T: Reduce>(indices: &[i64], number: &[u8], row: usize, out: &mut [u8]) {
    let (number, out): (&[T], &mut [T]) = (cast_slice(number), cast_slice_mut(out));
    for ((out, &index), &number) in out.chunks_exact_mut(row).zip(indices).zip(number) {
        if let Some(i) = hot(row, index) {
            out[i] = out[i].plus(number);
        }
    }
}

fn add_hot<T: Reduce>(x: &[u8], indices: &[i64], number: &[u8], row: usize, out: &mut [u8]) {
    let (x, number, out): (&[T], &[T], &mut [T]) =
        (cast_slice(x), cast_slice(number), cast_slice_mut(out));
    reduce::plus(x, T::ZERO, out);
    let rows = out.chunks_exact_mut(row).zip(x.chunks_exact(row));
    for (((out, x), &index), &number) in rows.zip(indices).zip(number) {
        if let Some(i) = hot(row, index) {
            out[i] = x[i].plus(number);
        }
    }
}

fn row_dot<T: Reduce>(x: &[u8], y: &[u8], out: &mut [u8]) {
    reduce::dots::<T>(cast_slice(x), cast_slice(y), cast_slice_mut(out));
}

fn row_expand<T: bytemuck::Pod>(x: &[u8], row: usize, out: &mut [u8]) {
    let (x, out): (&[T], &mut [T]) = (cast_slice(x), cast_slice_mut(out));
    for (out, &x) in out.chunks_exact_mut(row).zip(x) {
        out.fill(x);
    }
}
