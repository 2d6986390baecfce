//! What runs together: stages, kernels, and what is stored between them.

use chainrule_kernels::reduce::Fold;
use chainrule_kernels::{Layout, slim};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::builder::{Builder, Factors, product_fits, stride_of};
use super::kernel::{Code, Level, PresetValue, Times, Total};
use super::{Item, Plan, Step, View};
use crate::graph::node::view;
use crate::op::lanes;
use crate::op::pairs::Known;
use crate::op::{Axes, Binary, Cmp, DType, Extremum, Linear, Op, Scalar};

/// Rows longer than this are not kept in registers.
const LONGEST_ROW: usize = 16 << 10;
/// A vector shorter than this that is summed up is treated as one row.
const SHORT_VECTOR: usize = 4096;
/// Values of no more than this weight (operations, and loads) are computed again where they are
/// used, rather than stored and loaded.
const LIGHT: u32 = 6;
/// A sum over leading axes is gathered inside a kernel if its result is no longer than this.
const WIDEST_TOTAL: usize = 16 << 10;

/// Where an item's value is.
#[derive(Clone, Debug)]
pub(super) enum Home {
    Const(Scalar),
    /// The index along an axis: made again wherever it is used.
    Iota(usize),
    /// In memory, from the end of a stage on (0: before the plan starts).
    Stored(View, u32),
    /// Cheap to compute from what is stored: computed again in each kernel that uses it.
    /// `from` is the last stage of its sources, `weight` what it costs with its sources.
    Deferred {
        from: u32,
        weight: u32,
    },
    /// In a kernel.
    Lane {
        kernel: usize,
        level: Level,
        value: u32,
    },
}

pub(super) struct Planner<'a> {
    pub(super) items: &'a [Item],
    pub(super) homes: Vec<Home>,
    pub(super) kernels: Vec<(u32, Builder)>,
    by_stage: FxHashMap<(u32, usize), usize>,
    /// Where kernels' values have been stored.
    stored: FxHashMap<(usize, u32), usize>,
    /// Deferred items that a kernel has computed already.
    emitted: FxHashMap<(usize, usize, Level), u32>,
    /// The row length of kernels over so many elements.
    pub(super) rows: FxHashMap<usize, usize>,
    /// For a number of rows, the number of elements that has so many.
    of_rows: FxHashMap<usize, usize>,
    /// The matrices of deferred products.
    factors: FxHashMap<usize, Factors>,
    steps: Vec<(u32, Step)>,
    inputs: usize,
    sizes: Vec<usize>,
    /// The items that kernels, and other steps by what they write, compute.
    in_kernel: FxHashMap<usize, SmallVec<[u32; 4]>>,
    in_slot: FxHashMap<usize, SmallVec<[u32; 4]>>,
}

/// Makes the plan for a sketch.
pub(crate) fn plan(items: &[Item]) -> Plan {
    let inputs = items.iter().filter(|i| i.input.is_some()).count();
    let rows = row_lengths(items);
    let of_rows = rows.iter().map(|(&n, &row)| (n / row, n)).collect();
    let mut p = Planner {
        items,
        homes: Vec::with_capacity(items.len()),
        kernels: vec![],
        by_stage: FxHashMap::default(),
        stored: FxHashMap::default(),
        emitted: FxHashMap::default(),
        rows,
        of_rows,
        factors: FxHashMap::default(),
        steps: vec![],
        inputs,
        sizes: vec![],
        in_kernel: FxHashMap::default(),
        in_slot: FxHashMap::default(),
    };
    let mut next_input = 0;
    for (i, item) in items.iter().enumerate() {
        let home = match &item.input {
            Some(layout) => {
                next_input += 1;
                Home::Stored(View { slot: next_input - 1, layout: layout.clone() }, 0)
            }
            None => p.place(i, item),
        };
        p.remember(i, &home);
        p.homes.push(home);
    }
    let mut outputs = vec![];
    for i in (0..items.len()).filter(|&i| items[i].output) {
        outputs.push(p.output(i));
    }
    p.finish(outputs)
}

/// For each number of elements, the row length that its reductions ask for first.
fn row_lengths(items: &[Item]) -> FxHashMap<usize, usize> {
    let mut rows = FxHashMap::default();
    for item in items {
        if let Some((axes, _)) = reduction(&item.op)
            && item.input.is_none()
        {
            let x = &items[item.src[0] as usize];
            let (n, count) = (x.len(), axes.product(&x.shape));
            if pattern(&x.shape, axes) == Pattern::Rows && count <= LONGEST_ROW && n > 0 {
                rows.entry(n).or_insert(count);
            }
        }
    }
    rows
}

/// What an element costs, in units of an addition.
fn cost(op: &Op) -> u32 {
    match op {
        Op::Map(op) => op.cost(),
        Op::Zip(op) => op.cost(),
        _ => 1,
    }
}

/// The axes and the combination of a reduction.
fn reduction(op: &Op) -> Option<(Axes, Fold)> {
    match op {
        Op::Linear(Linear::Sum(axes)) => Some((*axes, Fold::Sum)),
        Op::Reduce(Extremum::Max, axes) => Some((*axes, Fold::Max)),
        Op::Reduce(Extremum::Min, axes) => Some((*axes, Fold::Min)),
        _ => None,
    }
}

/// Where the axes of a reduction stand, axes of length 1 left aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pattern {
    /// No element is combined with another.
    Nothing,
    /// Everything.
    All,
    /// The last axes.
    Rows,
    /// The first axes.
    Columns,
    Mixed,
}

fn pattern(shape: &[usize], axes: Axes) -> Pattern {
    let long = (0..shape.len()).filter(|&i| shape[i] != 1).map(|i| axes.contains(i));
    let long: SmallVec<[bool; 8]> = long.collect();
    let reduced = long.iter().filter(|&&r| r).count();
    if reduced == 0 {
        Pattern::Nothing
    } else if reduced == long.len() {
        Pattern::All
    } else if long[long.len() - reduced..].iter().all(|&r| r) {
        Pattern::Rows
    } else if long[..reduced].iter().all(|&r| r) {
        Pattern::Columns
    } else {
        Pattern::Mixed
    }
}

impl Planner<'_> {
    pub(super) fn slot(&mut self, bytes: usize) -> usize {
        self.sizes.push(bytes);
        self.inputs + self.sizes.len() - 1
    }

    /// Remembers where an item is computed.
    fn remember(&mut self, i: usize, home: &Home) {
        let list = match home {
            Home::Lane { kernel, .. } => self.in_kernel.entry(*kernel).or_default(),
            Home::Stored(view, _) if view.slot >= self.inputs => {
                self.in_slot.entry(view.slot).or_default()
            }
            _ => return,
        };
        list.push(i as u32);
    }

    /// The kernel of a stage over `n` elements.
    pub(super) fn kernel(&mut self, stage: u32, n: usize) -> usize {
        let kernels = &mut self.kernels;
        *self.by_stage.entry((stage, n)).or_insert_with(|| {
            kernels.push((stage, Builder::new(n)));
            kernels.len() - 1
        })
    }

    /// The first stage that can read item `i` from memory.
    pub(super) fn after(&self, i: usize) -> u32 {
        match &self.homes[i] {
            Home::Const(_) => 1,
            Home::Iota(_) => 2,
            Home::Deferred { from, .. } => from + 2,
            Home::Stored(_, stage) => stage + 1,
            Home::Lane { kernel, .. } => self.kernels[*kernel].0 + 1,
        }
    }

    /// Item `i` in memory.
    pub(super) fn stored(&mut self, i: usize) -> View {
        let item = &self.items[i];
        match self.homes[i].clone() {
            Home::Stored(view, _) => view,
            Home::Const(c) => {
                let out = self.slot(item.dtype.size());
                self.steps.push((1, Step::Fill { c, dtype: item.dtype, out }));
                let strides = vec![0; item.shape.len()];
                let layout = Layout { shape: item.shape.to_vec(), strides, offset: 0 };
                let view = View { slot: out, layout };
                self.homes[i] = Home::Stored(view.clone(), 1);
                view
            }
            Home::Iota(_) => {
                let kernel = self.kernel(1, item.len());
                let value = self.operand(i, kernel, Level::Full);
                self.homes[i] = Home::Lane { kernel, level: Level::Full, value };
                self.stored(i)
            }
            Home::Deferred { from, .. } => {
                let kernel = self.kernel(from + 1, item.len());
                let value = self.operand(i, kernel, Level::Full);
                self.homes[i] = Home::Lane { kernel, level: Level::Full, value };
                self.stored(i)
            }
            Home::Lane { kernel, value, .. } => {
                let (value, layout) = self
                    .one_a_row(item, kernel, value)
                    .unwrap_or_else(|| (value, Layout::dense(&item.shape)));
                let kept = layout.strides.iter().zip(&item.shape);
                let kept: usize = kept.filter(|(s, _)| **s != 0).map(|(_, n)| n).product();
                let known = self.stored.get(&(kernel, value)).copied();
                let slot = known.unwrap_or_else(|| {
                    let slot = self.slot(kept * item.dtype.size());
                    self.kernels[kernel].1.store(value, slot);
                    self.stored.insert((kernel, value), slot);
                    slot
                });
                View { slot, layout }
            }
        }
    }

    /// For a value that is the same along rows: the row's number, and the layout that repeats it.
    fn one_a_row(&self, item: &Item, kernel: usize, value: u32) -> Option<(u32, Layout)> {
        let builder = &self.kernels[kernel].1;
        let row = builder.row_source(value)?;
        let mut layout = Layout::dense(&item.shape);
        let mut rest = builder.row?;
        for (stride, &n) in layout.strides.iter_mut().zip(&item.shape).rev() {
            if rest == 1 {
                *stride /= builder.row? as isize;
            } else if rest % n == 0 {
                (rest, *stride) = (rest / n, 0);
            } else {
                return None;
            }
        }
        (rest == 1).then_some((row, layout))
    }

    /// Item `i` as a value of a kernel: computed there, or loaded.
    pub(super) fn operand(&mut self, i: usize, kernel: usize, level: Level) -> u32 {
        let item = &self.items[i];
        match self.homes[i].clone() {
            Home::Const(c) => self.kernels[kernel].1.constant(c, item.dtype, level),
            Home::Iota(axis) => {
                let stride = stride_of(&item.shape, axis);
                self.kernels[kernel].1.iota(item.shape[axis], stride, level)
            }
            Home::Lane { kernel: k, level: l, value, .. } if (k, l) == (kernel, level) => value,
            Home::Deferred { .. } if level == Level::Full || !self.factors.contains_key(&i) => {
                if let Some(&value) = self.emitted.get(&(i, kernel, level)) {
                    return value;
                }
                let value = self.emit(i, kernel, level);
                self.emitted.insert((i, kernel, level), value);
                self.in_kernel.entry(kernel).or_default().push(i as u32);
                value
            }
            _ => {
                let view = self.stored(i);
                if level == Level::Full
                    && let Some(value) = self.load_rows(&view, item.dtype, kernel)
                {
                    return value;
                }
                self.kernels[kernel].1.load(&view, item.dtype, level)
            }
        }
    }

    /// Where the value of a pending item is to be.
    fn place(&mut self, i: usize, item: &Item) -> Home {
        let src = |k: usize| item.src[k] as usize;
        match &item.op {
            Op::Const(c) => Home::Const(*c),
            Op::Iota(axis) => Home::Iota(usize::from(*axis)),
            Op::Detach | Op::Version | Op::Parameter | Op::Variable | Op::Custom(_) => {
                self.reshape(item, src(0))
            }
            Op::Part(_, start) => {
                let packed = self.stored(src(0));
                let stage = self.after(src(0)) - 1;
                let offset = start / item.dtype.size();
                let layout = Layout { offset, ..Layout::dense(&item.shape) };
                Home::Stored(View { slot: packed.slot, layout }, stage)
            }
            Op::Linear(Linear::Cast) if matches!(self.homes[src(0)], Home::Const(_)) => {
                let Home::Const(c) = self.homes[src(0)] else { unreachable!("just matched") };
                Home::Const(c.cast(item.dtype))
            }
            Op::Map(_)
            | Op::Zip(_)
            | Op::Compare(_)
            | Op::Logic(_)
            | Op::Where
            | Op::Linear(Linear::Cast) => self.elementwise(i, item),
            Op::Linear(Linear::Reshape) => self.reshape(item, src(0)),
            Op::Linear(Linear::Expand(axes)) => self.expand(item, src(0), *axes),
            Op::Linear(linear) if linear.is_view() => self.view(item, src(0), linear),
            Op::Linear(Linear::Sum(_)) | Op::Reduce(..) => self.reduce(item, src(0)),
            Op::Dot if self.is_slim(item) => {
                let (a, b) = (self.stored(src(0)), self.stored(src(1)));
                let (k, n, dtype) = (b.layout.shape[0], b.layout.shape[1], item.dtype);
                let bytes = dtype.size()
                    * match dtype {
                        DType::F32 => slim::packed_len::<f32>(n, k),
                        _ => slim::packed_len::<f64>(n, k),
                    };
                let (stage, out) = (self.after(src(1)), self.slot(bytes));
                self.steps.push((stage, Step::Pack { x: b, out, dtype }));
                self.factors.insert(i, Factors { a, b: out, bytes, n, k });
                let from = stage.max(self.after(src(0)) - 1);
                Home::Deferred { from, weight: LIGHT }
            }
            Op::Dot if item.dtype.is_float() => {
                if let Some(home) = self.vector_product(item) {
                    return home;
                }
                let stage = self.after(src(0)).max(self.after(src(1)));
                let (a, b) = (self.stored(src(0)), self.stored(src(1)));
                let out = self.slot(item.len() * item.dtype.size());
                self.steps.push((stage, Step::Dot { a, b, out, dtype: item.dtype }));
                Home::Stored(View { slot: out, layout: Layout::dense(&item.shape) }, stage)
            }
            _ => self.eval(i, item),
        }
    }

    /// Whether a product is one that kernels compute.
    fn is_slim(&self, item: &Item) -> bool {
        let [m, n] = *item.shape else { return false };
        let k = self.items[item.src[0] as usize].shape[1];
        let row = self.rows.get(&(m * n)).copied();
        item.dtype.is_float() && product_fits((m, n, k), item.dtype, row)
    }

    /// The home of the same elements under another number.
    fn same(&self, x: usize) -> Home {
        match self.homes[x].clone() {
            Home::Deferred { from, weight } => Home::Deferred { from, weight: weight + 1 },
            home => home,
        }
    }

    fn elementwise(&mut self, i: usize, item: &Item) -> Home {
        let (mut from, mut weight, mut light) = (0, cost(&item.op), true);
        for &s in &item.src {
            match self.homes[s as usize] {
                Home::Const(_) => {}
                Home::Iota(_) => weight += 1,
                Home::Stored(_, stage) => (from, weight) = (from.max(stage), weight + 1),
                Home::Deferred { from: f, weight: w } => {
                    (from, weight) = (from.max(f), weight + w);
                }
                Home::Lane { .. } => light = false,
            }
        }
        if light && weight <= LIGHT {
            return Home::Deferred { from, weight };
        }
        let sources: SmallVec<[usize; 3]> = item.src.iter().map(|&s| s as usize).collect();
        let (kernel, level) = self.meet(&sources, item.len());
        let value = self.emit(i, kernel, level);
        Home::Lane { kernel, level, value }
    }

    /// The instruction for an item computed element by element, in a kernel.
    fn emit(&mut self, i: usize, kernel: usize, level: Level) -> u32 {
        let items = self.items;
        let item = &items[i];
        let source = items[item.src[0] as usize].dtype;
        if let Some(factors) = self.factors.get(&i) {
            return self.kernels[kernel].1.product(item.dtype, factors);
        }
        if item.op == Op::Where
            && let Some(value) = self.masked(i, kernel, level)
        {
            return value;
        }
        let s: SmallVec<[u32; 3]> =
            item.src.iter().map(|&s| self.operand(s as usize, kernel, level)).collect();
        if level == Level::Full
            && let Some(rows) = self.along_rows(kernel, &s)
        {
            let row = self.instruction(item, source, kernel, Level::Row, &rows);
            let code = Code::RowExpand(item.dtype.size(), row);
            return self.kernels[kernel].1.code(code, item.dtype, level, 1);
        }
        let short = match &item.op {
            Op::Zip(op) if level == Level::Full => (*op == Binary::Add)
                .then(|| self.add_hot(item.dtype, kernel, &s))
                .flatten()
                .or_else(|| self.zip_rows(*op, item.dtype, kernel, &s))
                .or_else(|| self.zip_one(*op, item.dtype, kernel, &s)),
            Op::Compare(Cmp::Eq) if level == Level::Full => self.one_hot(kernel, &s),
            _ => None,
        };
        short.unwrap_or_else(|| self.instruction(item, source, kernel, level, &s))
    }

    /// The instruction on values of its level, `source` being the first one's type.
    fn instruction(
        &mut self,
        item: &Item,
        source: DType,
        kernel: usize,
        level: Level,
        s: &[u32],
    ) -> u32 {
        let code = match &item.op {
            Op::Map(op) => Code::Map(op.kernel(item.dtype), s[0]),
            Op::Zip(op) => Code::Zip(op.kernel(item.dtype), s[0], s[1]),
            Op::Compare(cmp) => match lanes::kernel_compare(*cmp, source) {
                (kernel, true) => Code::Zip(kernel, s[1], s[0]),
                (kernel, false) => Code::Zip(kernel, s[0], s[1]),
            },
            Op::Logic(op) => Code::Zip(lanes::kernel_logic(*op), s[0], s[1]),
            Op::Where => Code::Where(lanes::kernel_where(item.dtype), s[0], s[1], s[2]),
            Op::Linear(Linear::Cast) => Code::Map(lanes::kernel_cast(source, item.dtype), s[0]),
            // The same elements under another number.
            _ => return s[0],
        };
        let builder = &mut self.kernels[kernel].1;
        let value = builder.code(code, item.dtype, level, cost(&item.op));
        builder.known(value, Known::of(&item.op), false)
    }

    /// The kernel and level at which sources of `n` elements can be used together, earliest first.
    pub(super) fn meet(&mut self, sources: &[usize], n: usize) -> (usize, Level) {
        let mut stage = 1;
        for &s in sources {
            stage = stage.max(match &self.homes[s] {
                Home::Lane { kernel, .. } => self.kernels[*kernel].0,
                Home::Stored(_, stage) | Home::Deferred { from: stage, .. } => stage + 1,
                Home::Const(_) | Home::Iota(_) => 1,
            });
        }
        let mut joint = None;
        for &s in sources {
            if let Home::Lane { kernel, level, .. } = self.homes[s]
                && self.kernels[kernel].0 == stage
            {
                match joint {
                    Some(known) if known != (kernel, level) => {
                        return (self.kernel(stage + 1, n), Level::Full);
                    }
                    _ => joint = Some((kernel, level)),
                }
            }
        }
        joint
            .or_else(|| self.beside_rows(stage, n))
            .unwrap_or_else(|| (self.kernel(stage, n), Level::Full))
    }

    /// The kernel of a stage with `n` rows, if there is one: numbers for rows that need nothing
    /// from it are computed there all the same, for they will meet those that do.
    fn beside_rows(&self, stage: u32, n: usize) -> Option<(usize, Level)> {
        let &all = self.of_rows.get(&n)?;
        let &kernel = self.by_stage.get(&(stage, all))?;
        let row = self.kernels[kernel].1.row?;
        (row * n == all).then_some((kernel, Level::Row))
    }

    fn reshape(&mut self, item: &Item, x: usize) -> Home {
        match self.homes[x].clone() {
            Home::Const(c) => Home::Const(c),
            Home::Stored(view, stage) => match view.layout.reshape(&item.shape) {
                Some(layout) => Home::Stored(View { slot: view.slot, layout }, stage),
                None => self.copy(item, x),
            },
            Home::Deferred { weight, .. } if weight > LIGHT => self.copy(item, x),
            Home::Lane { .. } | Home::Deferred { .. } => self.same(x),
            Home::Iota(_) => self.copy(item, x),
        }
    }

    /// The elements of `x`, in order, as a value of a kernel.
    fn copy(&mut self, item: &Item, x: usize) -> Home {
        let (kernel, level) = self.meet(&[x], item.len());
        let value = self.operand(x, kernel, level);
        Home::Lane { kernel, level, value }
    }

    fn expand(&mut self, item: &Item, x: usize, axes: Axes) -> Home {
        if let Home::Lane { kernel, level: Level::Row, value, .. } = self.homes[x] {
            let builder = &mut self.kernels[kernel].1;
            let rows = pattern(&item.shape, axes);
            if item.len() == builder.n && matches!(rows, Pattern::Rows | Pattern::All) {
                let code = Code::RowExpand(item.dtype.size(), value);
                let value = builder.code(code, item.dtype, Level::Full, 1);
                return Home::Lane { kernel, level: Level::Full, value };
            }
        }
        self.view(item, x, &Linear::Expand(axes))
    }

    /// Item `x` seen through other strides.
    fn view(&mut self, item: &Item, x: usize, linear: &Linear) -> Home {
        if let Home::Const(c) = self.homes[x] {
            return Home::Const(c);
        }
        let source = self.stored(x);
        let stage = self.after(x) - 1;
        match view(linear, &source.layout, &item.shape) {
            Some(layout) => Home::Stored(View { slot: source.slot, layout }, stage),
            None => self.copy(item, x),
        }
    }

    fn reduce(&mut self, item: &Item, x: usize) -> Home {
        let source = &self.items[x];
        let Some((axes, fold)) = reduction(&item.op) else { unreachable!("not a reduction") };
        let (n, count) = (source.len(), axes.product(&source.shape));
        let (dtype, kept) = (item.dtype, item.len());
        let pattern = pattern(&source.shape, axes);
        if pattern == Pattern::Nothing {
            return self.reshape(item, x);
        }
        if n == 0 {
            let c = match fold {
                Fold::Sum => Scalar::Int(0),
                Fold::Max => Scalar::Float(f64::NEG_INFINITY),
                Fold::Min => Scalar::Float(f64::INFINITY),
            };
            return Home::Const(c.cast(dtype));
        }
        let wanted = self.rows.get(&n).copied();
        let as_rows = match pattern {
            Pattern::Rows => count <= LONGEST_ROW && wanted == Some(count),
            Pattern::All => n <= SHORT_VECTOR && wanted.is_none(),
            _ => false,
        };
        let (mut kernel, mut level) = self.meet(&[x], n);
        if as_rows && pattern == Pattern::Rows && level == Level::Row {
            // Rows of numbers that are themselves one a row: in a kernel of their own.
            (kernel, level) = (self.kernel(self.kernels[kernel].0 + 1, n), Level::Full);
        }
        let known = self.kernels[kernel].1.row;
        if level == Level::Full && as_rows && known.is_none_or(|row| row == count) {
            let value = self.operand(x, kernel, level);
            let builder = &mut self.kernels[kernel].1;
            builder.row = Some(count);
            let code = match builder.as_hot(value) {
                Some((index, x)) if fold == Fold::Sum => Code::Pick(dtype, x, index),
                _ => Code::RowFold(fold, dtype, value),
            };
            let value = builder.code(code, dtype, Level::Row, 1);
            return Home::Lane { kernel, level: Level::Row, value };
        }
        let stage = self.kernels[kernel].0;
        let columns = pattern == Pattern::Columns && level == Level::Full;
        if pattern == Pattern::All || columns && kept <= WIDEST_TOTAL && count >= 4 {
            let value = self.operand(x, kernel, level);
            let slot = self.slot(kept * dtype.size());
            let total =
                Total { fold, dtype, x: value, times: Times::Nothing, level, slot, width: kept };
            self.kernels[kernel].1.total(total);
            return Home::Stored(View { slot, layout: Layout::dense(&item.shape) }, stage);
        }
        // Axes in the order kept, reduced.
        let stage = self.after(x);
        let source = self.stored(x);
        let rank = source.layout.shape.len();
        let order = (0..rank).filter(|&a| !axes.contains(a));
        let order: Vec<usize> = order.chain((0..rank).filter(|&a| axes.contains(a))).collect();
        let layout = Layout {
            shape: order.iter().map(|&a| source.layout.shape[a]).collect(),
            strides: order.iter().map(|&a| source.layout.strides[a]).collect(),
            offset: source.layout.offset,
        };
        let out = self.slot(kept * dtype.size());
        let x = View { slot: source.slot, layout };
        self.steps.push((stage, Step::Fold { fold, x, count, out, dtype }));
        Home::Stored(View { slot: out, layout: Layout::dense(&item.shape) }, stage)
    }

    /// A step of its own.
    fn eval(&mut self, i: usize, item: &Item) -> Home {
        let sources: Vec<usize> = item.src.iter().map(|&s| s as usize).collect();
        let stage = sources.iter().map(|&s| self.after(s)).max().unwrap_or(1);
        let src = sources.iter().map(|&s| (self.stored(s), self.items[s].dtype)).collect();
        let out = self.slot(item.len() * item.dtype.size());
        let (op, shape, dtype) = (item.op.clone(), item.shape.clone(), item.dtype);
        self.steps.push((stage, Step::Eval { item: i, op, src, shape, dtype, out }));
        Home::Stored(View { slot: out, layout: Layout::dense(&item.shape) }, stage)
    }

    /// Item `i` as an output: in memory, every element of a constant too.
    fn output(&mut self, i: usize) -> View {
        let item = &self.items[i];
        if let Home::Const(c) = self.homes[i] {
            let out = self.slot(item.len() * item.dtype.size());
            self.steps.push((1, Step::Fill { c, dtype: item.dtype, out }));
            return View { slot: out, layout: Layout::dense(&item.shape) };
        }
        self.stored(i)
    }

    /// Steps in the order of stages, and the slots that each step is the last to use.
    fn finish(mut self, outputs: Vec<View>) -> Plan {
        let mut steps: Vec<(u32, Step, SmallVec<[u32; 4]>)> = vec![];
        for (stage, step) in std::mem::take(&mut self.steps) {
            let made = step.out().and_then(|slot| self.in_slot.remove(&slot)).unwrap_or_default();
            steps.push((stage, step, made));
        }
        for (k, (stage, builder)) in std::mem::take(&mut self.kernels).into_iter().enumerate() {
            let kernel = builder.finish();
            let mut made = self.in_kernel.remove(&k).unwrap_or_default();
            for total in &kernel.totals {
                made.extend(self.in_slot.remove(&total.slot).unwrap_or_default());
            }
            steps.push((stage, Step::Kernel(kernel), made));
        }
        steps.sort_by_key(|s| s.0);
        let (steps, made): (Vec<Step>, Vec<_>) = steps.into_iter().map(|s| (s.1, s.2)).unzip();
        let total = self.inputs + self.sizes.len();
        let mut last = vec![usize::MAX; total];
        for (i, step) in steps.iter().enumerate() {
            step.slots(|slot| last[slot] = i);
        }
        for output in &outputs {
            last[output.slot] = usize::MAX;
        }
        let mut free = vec![SmallVec::new(); steps.len()];
        for slot in self.inputs..total {
            if last[slot] != usize::MAX {
                free[last[slot]].push(slot);
            }
        }
        Plan { inputs: self.inputs, sizes: self.sizes, steps, free, made, outputs }
    }
}

impl Step {
    /// The slot that a step other than a kernel writes.
    fn out(&self) -> Option<usize> {
        match self {
            Step::Kernel(_) => None,
            Step::Dot { out, .. }
            | Step::Fold { out, .. }
            | Step::Pack { out, .. }
            | Step::Fill { out, .. }
            | Step::Eval { out, .. } => Some(*out),
        }
    }

    /// Calls `f` with every slot that the step reads or writes.
    fn slots(&self, mut f: impl FnMut(usize)) {
        match self {
            Step::Kernel(k) => {
                k.inputs.iter().chain(&k.outputs).for_each(|s| f(s.slot));
                for total in &k.totals {
                    f(total.slot);
                    if let Times::Rows(a) = &total.times {
                        f(a.slot);
                    }
                }
                for p in &k.presets {
                    match &p.value {
                        PresetValue::Const(_) => {}
                        PresetValue::Element(slot, _) => f(*slot),
                        PresetValue::Period(view) => f(view.slot),
                    }
                }
                for instr in &k.code {
                    match &instr.code {
                        Code::Load { view, .. } => f(view.slot),
                        Code::Product { a, .. } => f(a.slot),
                        Code::TimesVector { a, x, .. } => {
                            [a.slot, x.slot].into_iter().for_each(&mut f);
                        }
                        _ => {}
                    }
                }
            }
            Step::Dot { a, b, out, .. } => [a.slot, b.slot, *out].into_iter().for_each(f),
            Step::Fold { x, out, .. } | Step::Pack { x, out, .. } => {
                [x.slot, *out].into_iter().for_each(f);
            }
            Step::Fill { out, .. } => f(*out),
            Step::Eval { src, out, .. } => {
                src.iter().for_each(|s| f(s.0.slot));
                f(*out);
            }
        }
    }
}
