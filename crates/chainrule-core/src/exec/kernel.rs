//! Running kernels.
//!
//! A kernel's elements are cut into tasks, the same ones for any number of threads; each task gets
//! its own piece of every output, so tasks share nothing but inputs. Inside a task the code runs
//! block after block on registers that stay in the first-level cache. Totals are kept per task and
//! combined in order when all tasks are done.

use std::cell::RefCell;

use bytemuck::{cast_slice, cast_slice_mut};
use chainrule_kernels::reduce::{self, Fold, Reduce};
use chainrule_kernels::{Buffer, Float, gemv, simd, slim, threads};
use smallvec::SmallVec;

use super::eval::{self, by_type};
use super::fused::Slots;
use crate::op::DType;
use crate::plan::kernel::{Code, Instr, Kernel, Level, Place, PresetValue, Times, Total};
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

/// What one of a kernel's places is while a block runs.
enum Piece<'a> {
    Read(&'a [u8]),
    Write(&'a mut [u8]),
}

impl Piece<'_> {
    /// No more than so many of its bytes.
    fn truncate(&mut self, bytes: usize) {
        if let Piece::Write(piece) = self
            && piece.len() > bytes
        {
            *piece = &mut std::mem::take(piece)[..bytes];
        }
    }
}

/// What instructions see while a block runs. Numbers come in threes: index them by level.
struct Frame<'a, 'f> {
    kernel: &'f Kernel,
    slots: &'f Slots<'f>,
    /// By their places: inputs, outputs, registers.
    pieces: &'f mut [Piece<'a>],
    /// How many there are in this block, and before it.
    count: [usize; 3],
    start: [usize; 3],
}

/// The registers, before the first block.
fn registers<'a>(kernel: &Kernel, slots: &Slots<'_>, file: &'a mut [u8]) -> Vec<&'a mut [u8]> {
    let (mut rest, mut passed) = (file, 0);
    let registers = kernel.registers.iter().map(|register| {
        let (_, from) = std::mem::take(&mut rest).split_at_mut(register.at - passed);
        let (piece, later) = from.split_at_mut(register.bytes);
        (rest, passed) = (later, register.at + register.bytes);
        piece
    });
    let mut registers: Vec<_> = registers.collect();
    for preset in &kernel.presets {
        let bytes = &mut *registers[preset.reg as usize];
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
    registers
}

fn run_task(
    kernel: &Kernel,
    slots: &Slots<'_>,
    inputs: &[&[u8]],
    task: Task<'_>,
    file: &mut Buffer,
) {
    let Task { start: first, end, outputs, mut totals } = task;
    // What later blocks write.
    let mut left: SmallVec<[&mut [u8]; 4]> =
        outputs.into_iter().map(|piece| &mut piece[..]).collect();
    for (total, out) in kernel.totals.iter().zip(&mut totals) {
        by_type!(total.dtype, clear, total.fold, out);
    }
    let streams = kernel.inputs.iter().chain(&kernel.outputs);
    let moved: usize = streams.clone().filter(|s| s.level == Level::Full).map(|s| s.size).sum();
    let ahead = kernel.n * moved >= STREAMED && kernel.code.len() >= LONG;
    let none = streams.map(|_| Piece::Read(&[]));
    let registers = registers(kernel, slots, file.bytes_mut()).into_iter().map(Piece::Write);
    let mut pieces: SmallVec<[Piece<'_>; 16]> = none.chain(registers).collect();
    let places = |n: usize, one| [n, if kernel.row == 1 { n } else { n / kernel.row }, one];
    let mut start = first;
    while start < end {
        let len = kernel.block.min(end - start);
        let next = if ahead { kernel.block.min(end - start - len) } else { 0 };
        let (count, from) = (places(len, 1), places(start, 0));
        let mut soon = Soon::default();
        let (streams, registers) = pieces.split_at_mut(inputs.len() + left.len());
        let (reading, writing) = streams.split_at_mut(inputs.len());
        for ((piece, stream), bytes) in reading.iter_mut().zip(&kernel.inputs).zip(inputs) {
            let (level, size) = (stream.level as usize, stream.size);
            let later = &bytes[from[level] * size..];
            let (now, later) = later.split_at(count[level] * size);
            *piece = Piece::Read(now);
            if next > 0 && stream.level == Level::Full {
                soon.add(&later[..next * size], false);
            }
        }
        for ((piece, stream), left) in writing.iter_mut().zip(&kernel.outputs).zip(&mut left) {
            let (level, size) = (stream.level as usize, stream.size);
            if stream.level == Level::One && start > first {
                continue;
            }
            let (now, later) = std::mem::take(left).split_at_mut(count[level] * size);
            if next > 0 && stream.level == Level::Full {
                soon.add(&later[..next * size], true);
            }
            (*piece, *left) = (Piece::Write(now), later);
        }
        if len < kernel.block {
            for (piece, register) in registers.iter_mut().zip(&kernel.registers) {
                piece.truncate(count[register.level as usize] * register.size);
            }
        }
        soon.each = soon.lines.div_ceil(kernel.code.len().max(1));
        let mut frame = Frame { kernel, slots, pieces: &mut pieces, count, start: from };
        for instr in &kernel.code {
            soon.ask();
            frame.run(instr);
        }
        for (total, out) in kernel.totals.iter().zip(&mut totals) {
            match (&total.times, total.dtype) {
                (Times::Rows(a), DType::F32) => frame.add_rows::<f32>(total.x, a, out),
                (Times::Rows(a), _) => frame.add_rows::<f64>(total.x, a, out),
                _ => {
                    let x = frame.read(total.x);
                    let times = match total.times {
                        Times::Elements(y) => Some(frame.read(y)),
                        _ => None,
                    };
                    by_type!(total.dtype, accumulate, total, x, times, start, out);
                }
            }
        }
        start += len;
    }
}

fn clear<T: Reduce>(fold: Fold, out: &mut [u8]) {
    cast_slice_mut::<u8, T>(out).fill(fold.neutral());
}

/// Takes a block into a total. Blocks of one task come in order.
fn accumulate<T: Reduce>(
    total: &Total<Place>,
    x: &[u8],
    times: Option<&[u8]>,
    start: usize,
    out: &mut [u8],
) {
    let (mut x, out): (&[T], &mut [T]) = (cast_slice(x), cast_slice_mut(out));
    let mut times: Option<&[T]> = times.map(cast_slice);
    if total.width == 1 {
        let block = match times {
            Some(times) => reduce::dot(x, times),
            None => total.fold.block(x),
        };
        return out[0] = total.fold.combine(out[0], block);
    }
    let mut at = if start == 0 { 0 } else { start % total.width };
    while !x.is_empty() {
        let n = x.len().min(total.width - at);
        let (out, now) = (&mut out[at..at + n], &x[..n]);
        match &mut times {
            Some(times) => {
                reduce::add_products(out, now, &times[..n]);
                *times = &times[n..];
            }
            None => total.fold.into(out, now),
        }
        (x, at) = (&x[n..], 0);
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
    /// How many there are.
    lines: usize,
    /// How many with each instruction.
    each: usize,
}

impl Soon {
    fn add(&mut self, bytes: &[u8], write: bool) {
        let lines = simd::Lines::of(bytes, write);
        self.lines += lines.len();
        self.later.push(lines);
    }

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
    /// The block at a place.
    #[inline(always)]
    fn read(&self, place: Place) -> &[u8] {
        match &self.pieces[place] {
            Piece::Read(piece) => piece,
            Piece::Write(piece) => piece,
        }
    }

    /// Runs an instruction, with the piece that it writes taken out.
    #[inline]
    fn run(&mut self, instr: &Instr<Place>) {
        let mut to = std::mem::replace(&mut self.pieces[instr.to], Piece::Read(&[]));
        if let Piece::Write(out) = &mut to {
            self.fill(instr, out);
        }
        self.pieces[instr.to] = to;
    }

    fn fill(&mut self, instr: &Instr<Place>, out: &mut [u8]) {
        let read = |place| self.read(place);
        match &instr.code {
            Code::Map(kernel, x) => kernel(read(*x), out),
            Code::Zip(kernel, x, y) => kernel(read(*x), read(*y), out),
            Code::Where(kernel, c, x, y) => kernel(read(*c), read(*x), read(*y), out),
            Code::Copy(x) => out.copy_from_slice(read(*x)),
            &Code::SinCos(kernel, x, cosine) => {
                let mut next = std::mem::replace(&mut self.pieces[instr.to + 1], Piece::Read(&[]));
                if let Piece::Write(next) = &mut next {
                    let (sin, cos) = if cosine { (&mut **next, out) } else { (out, &mut **next) };
                    kernel(self.read(x), sin, cos);
                }
                self.pieces[instr.to + 1] = next;
            }
            Code::Load { view, size } => {
                let layout = self.slots.layout(view);
                let from = self.start[instr.level as usize];
                eval::copy(&layout, from, self.slots.get(view.slot).bytes(), out, *size);
            }
            Code::Product { dtype, a, b, n, k } => {
                let (b, size) = (read(*b), (*n, *k));
                match dtype {
                    DType::F32 => self.product::<f32>(a, b, size, out),
                    _ => self.product::<f64>(a, b, size, out),
                }
            }
            Code::TimesVector { dtype: DType::F32, a, x } => self.times_vector::<f32>(a, x, out),
            Code::TimesVector { a, x, .. } => self.times_vector::<f64>(a, x, out),
            Code::Iota { len, stride } => {
                iota(self.start[instr.level as usize], *len, *stride, cast_slice_mut(out));
            }
            Code::ZipRows(kernel, x, y) => {
                let y = read(*y);
                kernel(read(*x), y, self.kernel.row, out);
            }
            Code::ZipOne(kernel, x, y) => {
                kernel(read(*x), read(*y), self.count[instr.level as usize], out);
            }
            Code::OneHot(x) => {
                out.fill(0);
                let indices: &[i64] = cast_slice(read(*x));
                for (row, &index) in out.chunks_exact_mut(self.kernel.row).zip(indices) {
                    if let Some(i) = hot(row.len(), index) {
                        row[i] = 1;
                    }
                }
            }
            Code::Pick(dtype, x, index) => {
                let indices: &[i64] = cast_slice(read(*index));
                let x = read(*x);
                by_type!(*dtype, pick, x, indices, self.kernel.row, out);
            }
            Code::PickLess(dtype, x, index, less) => {
                let indices: &[i64] = cast_slice(read(*index));
                let (x, less) = (read(*x), read(*less));
                by_type!(*dtype, pick_less, x, indices, less, self.kernel.row, out);
            }
            Code::RowsHot(kernel, dtype, [x, y, index, number]) => {
                let indices: &[i64] = cast_slice(read(*index));
                let [y, number] = [*y, *number].map(read);
                kernel(read(*x), y, self.kernel.row, out);
                by_type!(*dtype, plus_hot, indices, number, self.kernel.row, out);
            }
            Code::AddHot(dtype, x, index, number) => {
                let indices: &[i64] = cast_slice(read(*index));
                let (x, number) = (read(*x), read(*number));
                by_type!(*dtype, add_hot, x, indices, number, self.kernel.row, out);
            }
            Code::Pair((kernel, signs), x, (y, by), (w, with)) => {
                let in_rows = *by == Level::Row || *with == Level::Row;
                let row = if in_rows { self.kernel.row } else { self.count[instr.level as usize] };
                let (y, w) = (read(*y), read(*w));
                kernel([read(*x), y, w], *signs, row, out);
            }
            Code::RowDot(dtype, x, y) => {
                let (x, y) = (read(*x), read(*y));
                by_type!(*dtype, row_dot, x, y, out);
            }
            Code::RowFold(fold, dtype, x) => {
                let x = read(*x);
                by_type!(*dtype, row_fold, *fold, x, out);
            }
            Code::RowExpand(size, x) => {
                let x = read(*x);
                match size {
                    1 => row_expand::<u8>(x, self.kernel.row, out),
                    4 => row_expand::<u32>(x, self.kernel.row, out),
                    _ => row_expand::<u64>(x, self.kernel.row, out),
                }
            }
        }
    }
}

impl Frame<'_, '_> {
    /// The products of the block's rows of a matrix with a vector.
    fn times_vector<T: Float + bytemuck::Pod>(&self, a: &View, x: &View, out: &mut [u8]) {
        let (rows, stride) = self.rows::<T>(a);
        let layout = self.slots.layout(x);
        let x: &[T] = cast_slice(self.slots.get(x.slot).bytes());
        let x = &x[layout.offset..][..layout.len()];
        gemv::dots(cast_slice_mut(out), rows, stride, x);
    }

    /// Adds the block's rows of a matrix, times elements, to a total.
    fn add_rows<T: Float + bytemuck::Pod>(&self, x: Place, a: &View, out: &mut [u8]) {
        let (rows, stride) = self.rows::<T>(a);
        gemv::add_rows(cast_slice_mut(out), rows, stride, cast_slice(self.read(x)));
    }

    /// A matrix from the block's first row on, and the distance from one row to the next.
    fn rows<T: bytemuck::Pod>(&self, a: &View) -> (&[T], usize) {
        let a = self.slots.matrix::<T>(a);
        let stride = a.row as usize;
        (&a.data[a.offset + self.start[Level::Full as usize] * stride..], stride)
    }

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
