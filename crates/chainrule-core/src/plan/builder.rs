//! Building kernels: code in single-assignment form, which then gets registers by last use, and a
//! block length such that the registers fit the first-level cache.

use chainrule_kernels::{Layout, slim};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::View;
use super::kernel::{
    Code, Instr, Kernel, Level, Place, Preset, PresetValue, Register, Stream, Total,
};
use crate::op::pairs::Known;
use crate::op::{DType, Scalar};

/// Bytes of registers that a block may use.
const CACHE: usize = 32 << 10;
/// The same where transposed elements are read, of the second-level cache.
const SECOND: usize = 512 << 10;
/// What repeats after more elements than this is loaded anew for each block.
const LONGEST_PERIOD: usize = 4096;
/// Products whose sums have no more terms are computed in kernels, and again in each that uses
/// them: that takes no longer than storing and loading them beyond the second-level cache,
const LONGEST_SUM: usize = 16;
/// if their second factor, which all blocks read, leaves room in the first.
const LARGEST_FACTOR: usize = 24 << 10;

/// A place before registers stand anywhere: numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spot {
    Reg(u32),
    In(u32),
    Out(u32),
}

/// A value while building.
#[derive(Clone, Debug)]
pub(super) enum Def {
    Preset(PresetValue),
    /// The stream `inputs[i]`.
    Input(u32),
    Code(Code<u32>),
    /// The second result of the code of this value.
    Second(u32),
}

#[derive(Clone, Debug)]
pub(super) struct Val {
    pub(super) def: Def,
    pub(super) dtype: DType,
    pub(super) level: Level,
    cost: u32,
    /// What it is, if that may be joined with others, and whether its arguments have changed
    /// places.
    pub(super) known: Option<(Known, bool)>,
}

/// A kernel being built.
#[derive(Default)]
pub(crate) struct Builder {
    pub(crate) n: usize,
    pub(crate) row: Option<usize>,
    /// The row length of a transposed load, for which blocks should have several rows.
    across: Option<usize>,
    pub(super) vals: Vec<Val>,
    inputs: Vec<Stream>,
    /// Bytes of matrices that are read for an element.
    beside: usize,
    /// Known loads, so that each is done once.
    loads: Vec<(View, Level, u32)>,
    consts: FxHashMap<(u64, DType, Level), u32>,
    /// Known instructions, so that each is done once.
    codes: FxHashMap<(CodeKey, DType, Level), u32>,
    /// Numbers that are the same everywhere, as one.
    ones: FxHashMap<u32, u32>,
    pub(super) stores: Vec<(u32, usize)>,
    pub(super) totals: Vec<Total<u32>>,
}

impl Builder {
    pub(crate) fn new(n: usize) -> Builder {
        Builder { n, ..Builder::default() }
    }

    pub(super) fn push(&mut self, def: Def, dtype: DType, level: Level, cost: u32) -> u32 {
        self.vals.push(Val { def, dtype, level, cost, known: None });
        self.vals.len() as u32 - 1
    }

    pub(crate) fn constant(&mut self, c: Scalar, dtype: DType, level: Level) -> u32 {
        if let Some(&known) = self.consts.get(&(c.bits(), dtype, level)) {
            return known;
        }
        let value = self.push(Def::Preset(PresetValue::Const(c)), dtype, level, 0);
        self.consts.insert((c.bits(), dtype, level), value);
        value
    }

    /// The elements of a view, in the order of its layout.
    pub(crate) fn load(&mut self, view: &View, dtype: DType, level: Level) -> u32 {
        let view = View { slot: view.slot, layout: view.layout.merged() };
        let known = self.loads.iter().rev().take(64).find(|l| l.0 == view && l.1 == level);
        if let Some(known) = known {
            return known.2;
        }
        let layout = &view.layout;
        let value = if layout.strides.iter().all(|&s| s == 0) {
            let element = PresetValue::Element(view.slot, layout.offset);
            self.push(Def::Preset(element), dtype, level, 0)
        } else if layout.is_dense() {
            let (slot, offset) = (view.slot, layout.offset);
            self.inputs.push(Stream { slot, offset, size: dtype.size(), level });
            self.push(Def::Input(self.inputs.len() as u32 - 1), dtype, level, 1)
        } else {
            if level != Level::One
                && let ([_, period], [0, 1]) = (layout.shape.as_slice(), layout.strides.as_slice())
                && *period <= LONGEST_PERIOD
            {
                let repeated = Def::Preset(PresetValue::Period(view.clone()));
                let value = self.push(repeated, dtype, level, 0);
                self.loads.push((view, level, value));
                return value;
            }
            let mut cost = if layout.strides.last().is_some_and(|s| s.abs() < 2) { 2 } else { 12 };
            if layout.is_transposed() && layout.len() == self.n {
                let row = layout.shape.last().copied();
                self.across = self.across.or(row);
                cost = 4;
            }
            let load = Code::Load { view: view.clone(), size: dtype.size() };
            self.push(Def::Code(load), dtype, level, cost)
        };
        self.loads.push((view, level, value));
        value
    }

    /// A product, see [`product_fits`].
    pub(super) fn product(&mut self, dtype: DType, factors: &Factors) -> u32 {
        let &Factors { ref a, b, bytes, n, k } = factors;
        self.inputs.push(Stream { slot: b, offset: 0, size: bytes, level: Level::One });
        let b = self.push(Def::Input(self.inputs.len() as u32 - 1), dtype, Level::One, 0);
        let code = Code::Product { dtype, a: a.clone(), b, n, k };
        self.push(Def::Code(code), dtype, Level::Full, k as u32 / 2 + 1)
    }

    /// The products of a matrix's rows with a vector.
    pub(super) fn times_vector(&mut self, dtype: DType, a: View, x: View) -> u32 {
        let k = a.layout.shape[1];
        self.beside = self.beside.max(k * dtype.size());
        let code = Code::TimesVector { dtype, a, x };
        self.push(Def::Code(code), dtype, Level::Full, 4 * k as u32)
    }

    /// A sum of a matrix's rows.
    pub(super) fn rows_total(&mut self, total: Total<u32>) {
        self.beside = self.beside.max(total.width * total.dtype.size());
        self.total(total);
    }

    /// The row's number of which a value is copies.
    pub(crate) fn row_source(&self, value: u32) -> Option<u32> {
        match self.vals[value as usize].def {
            Def::Code(Code::RowExpand(_, row)) => Some(row),
            _ => None,
        }
    }

    /// What is the same along each row as one number for each: copies of such numbers, or of one.
    pub(crate) fn as_rows(&mut self, value: u32) -> Option<u32> {
        if let Some(row) = self.row_source(value) {
            return Some(row);
        }
        let Val { dtype, ref def, .. } = self.vals[value as usize];
        match def {
            Def::Preset(PresetValue::Const(c)) => Some(self.constant(*c, dtype, Level::Row)),
            _ => None,
        }
    }

    /// A number that is the same everywhere, as one.
    pub(crate) fn as_one(&mut self, value: u32) -> Option<u32> {
        let Val { dtype, ref def, .. } = self.vals[value as usize];
        let Def::Preset(number @ (PresetValue::Const(_) | PresetValue::Element(..))) = def else {
            return None;
        };
        let number = number.clone();
        if let Some(&one) = self.ones.get(&value) {
            return Some(one);
        }
        let one = self.push(Def::Preset(number), dtype, Level::One, 0);
        self.ones.insert(value, one);
        Some(one)
    }

    /// Whether a value is the index along an axis of this length whose elements are neighbours.
    pub(crate) fn is_index(&self, value: u32, row: usize) -> bool {
        let def = &self.vals[value as usize].def;
        matches!(def, Def::Code(Code::Iota { len, stride: 1 }) if *len == row)
    }

    /// If a value is 0 but for one element in each row: the index, and the elements it is one of.
    pub(crate) fn as_hot(&self, value: u32) -> Option<(u32, u32)> {
        let def = |value: u32| &self.vals[value as usize].def;
        let Def::Code(Code::Where(_, one, then, otherwise)) = def(value) else { return None };
        let Def::Preset(PresetValue::Const(c)) = def(*otherwise) else { return None };
        let Def::Code(Code::OneHot(index)) = def(*one) else { return None };
        (c.to_f64().to_bits() == 0).then_some((*index, *then))
    }

    /// Values that something stored or summed up depends on.
    pub(super) fn needed(&self) -> Vec<bool> {
        let mut needed = vec![false; self.vals.len()];
        let ends =
            self.stores.iter().map(|s| s.0).chain(self.totals.iter().flat_map(Total::sources));
        ends.for_each(|v| needed[v as usize] = true);
        for i in (0..self.vals.len()).rev() {
            match (needed[i], &self.vals[i].def) {
                (true, Def::Code(code)) => code.sources(|s| needed[s as usize] = true),
                (true, Def::Second(first)) => needed[*first as usize] = true,
                _ => {}
            }
        }
        needed
    }

    /// Elements of which a block must have a multiple: a row, and a period of what repeats. What
    /// would make that too long is loaded anew for each block.
    fn unit(&mut self, needed: &[bool]) -> usize {
        let mut unit = self.row.unwrap_or(1);
        for (val, _) in self.vals.iter().zip(needed).filter(|(_, needed)| **needed) {
            let Def::Code(Code::Product { n, .. }) = val.def else { continue };
            let group = slim::GROUP * n;
            unit = unit / gcd(unit, group) * group;
        }
        for (val, _) in self.vals.iter_mut().zip(needed).filter(|(_, needed)| **needed) {
            let Def::Preset(PresetValue::Period(view)) = &val.def else { continue };
            let one = if val.level == Level::Row { self.row.unwrap_or(1) } else { 1 };
            let period = one * view.layout.shape.last().unwrap_or(&1);
            let both = unit / gcd(unit, period) * period;
            if both <= LONGEST_PERIOD.max(unit) {
                unit = both;
            } else {
                val.cost = 2;
                val.def = Def::Code(Code::Load { view: view.clone(), size: val.dtype.size() });
            }
        }
        unit
    }

    pub(crate) fn iota(&mut self, len: usize, stride: usize, level: Level) -> u32 {
        self.push(Def::Code(Code::Iota { len, stride }), DType::I64, level, 4)
    }

    pub(crate) fn code(&mut self, code: Code<u32>, dtype: DType, level: Level, cost: u32) -> u32 {
        let key = code.key().map(|key| (key, dtype, level));
        if let Some(&known) = key.and_then(|key| self.codes.get(&key)) {
            return known;
        }
        let value = self.push(Def::Code(code), dtype, level, cost);
        self.codes.extend(key.map(|key| (key, value)));
        value
    }

    /// Says which operation a value is, and whether its arguments have changed places.
    pub(crate) fn known(&mut self, value: u32, op: Option<Known>, swapped: bool) -> u32 {
        self.vals[value as usize].known = op.map(|op| (op, swapped));
        value
    }

    pub(crate) fn store(&mut self, value: u32, slot: usize) {
        self.stores.push((value, slot));
    }

    pub(crate) fn total(&mut self, total: Total<u32>) {
        self.totals.push(total);
    }

    /// Assigns registers and sizes.
    pub(crate) fn finish(mut self) -> Kernel {
        self.pair();
        let needed = self.needed();
        let unit = self.unit(&needed);
        // A stored value is computed in its place; one that is no code, or is stored twice, copied.
        let mut out_of: Vec<Option<u32>> = vec![None; self.vals.len()];
        let mut outputs = Vec::new();
        for (value, slot) in std::mem::take(&mut self.stores) {
            let Val { dtype, level, ref def, .. } = self.vals[value as usize];
            outputs.push(Stream { slot, offset: 0, size: dtype.size(), level });
            let computed = matches!(def, Def::Code(_)) && out_of[value as usize].is_none();
            let value = if computed {
                value
            } else {
                out_of.push(None);
                self.push(Def::Code(Code::Copy(value)), dtype, level, 1)
            };
            out_of[value as usize] = Some(outputs.len() as u32 - 1);
        }
        let mut last = vec![0usize; self.vals.len()];
        let is_needed = |i: usize| needed.get(i).copied().unwrap_or(true);
        for (i, val) in self.vals.iter().enumerate().filter(|(i, _)| is_needed(*i)) {
            if let Def::Code(code) = &val.def {
                code.sources(|s| last[s as usize] = i);
            }
        }
        for value in self.totals.iter().flat_map(Total::sources) {
            last[value as usize] = usize::MAX;
        }
        let mut file = Registers::default();
        let mut spots = vec![Spot::Reg(u32::MAX); self.vals.len()];
        let (mut code, mut presets) = (Vec::new(), Vec::new());
        let mut cost = 0;
        let at_hand = |(i, _): &(usize, &Val)| is_needed(*i);
        for (i, val) in self.vals.iter().enumerate().filter(at_hand) {
            // Vectors hold half as many numbers of twice the size.
            let wide = if val.dtype.size() == 8 { 2 } else { 1 };
            cost += if val.level == Level::Full { val.cost * wide } else { 0 };
            match &val.def {
                Def::Preset(value) => {
                    let reg = file.fresh(val.dtype.size(), val.level);
                    presets.push(Preset { reg, value: value.clone(), dtype: val.dtype });
                    spots[i] = Spot::Reg(reg);
                }
                Def::Input(stream) => spots[i] = Spot::In(*stream),
                Def::Code(_) | Def::Second(_) => {}
            }
        }
        for (i, val) in self.vals.iter().enumerate().filter(at_hand) {
            if let Def::Second(first) = &val.def {
                spots[i] = spots[*first as usize];
                if let Spot::Reg(reg) = &mut spots[i] {
                    *reg += 1;
                    debug_assert_eq!(file.regs[*reg as usize].1, Level::Full);
                }
            }
            if let Def::Code(c) = &val.def {
                let size = val.dtype.size();
                let place = match (out_of[i], c) {
                    (Some(out), _) => Spot::Out(out),
                    (None, Code::SinCos(..)) => Spot::Reg(file.two(size, val.level)),
                    (None, _) => Spot::Reg(file.take(size, val.level)),
                };
                spots[i] = place;
                code.push(Instr {
                    code: c.map(|s| spots[s as usize]),
                    to: place,
                    level: val.level,
                });
                let mut dying: SmallVec<[u32; 3]> = SmallVec::new();
                c.sources(|s| {
                    if last[s as usize] == i && !dying.contains(&s) {
                        dying.push(s);
                    }
                });
                for s in dying {
                    let v = &self.vals[s as usize];
                    let computed = matches!(v.def, Def::Code(_) | Def::Second(_));
                    if let (Spot::Reg(reg), true) = (spots[s as usize], computed) {
                        file.give_back(reg, v.dtype.size(), v.level);
                    }
                }
            }
        }
        let row = self.row.unwrap_or(1);
        let block = file.block(self.n, unit, self.across, self.beside);
        let per_element = 0.03 * f64::from(cost) + 0.1 * (self.inputs.len() + outputs.len()) as f64;
        let nanoseconds = self.n as f64 * per_element + code.len() as f64 * 10.0;
        let unit = self.totals.iter().map(|t| t.width).max().unwrap_or(1).max(block);
        // Two for what is worth sharing at all.
        let least = if nanoseconds > 10_000.0 { 2.0 } else { 1.0 };
        let tasks = (nanoseconds / 20_000.0).ceil().clamp(least, 64.0) as usize;
        let task = self.n.div_ceil(tasks).max(unit).next_multiple_of(block.max(1));
        let (registers, bytes) = file.place(block, row);
        let (ins, outs) = (self.inputs.len(), outputs.len());
        let place = |spot: Spot| -> Place {
            match spot {
                Spot::In(i) => i as usize,
                Spot::Out(o) => ins + o as usize,
                Spot::Reg(r) => ins + outs + r as usize,
            }
        };
        let code = code.into_iter().map(|i: Instr<Spot>| i.map(place)).collect();
        let totals = self.totals.iter().map(|t| t.map(|x| place(spots[x as usize]))).collect();
        let (n, inputs) = (self.n, self.inputs);
        Kernel {
            n,
            row,
            block,
            task,
            nanoseconds,
            presets,
            code,
            inputs,
            outputs,
            totals,
            registers,
            file: bytes,
        }
    }
}

/// Registers and which of them are free.
#[derive(Default)]
struct Registers {
    regs: Vec<(usize, Level)>,
    free: Vec<(usize, Level, u32)>,
}

impl Registers {
    fn fresh(&mut self, size: usize, level: Level) -> u32 {
        self.regs.push((size, level));
        self.regs.len() as u32 - 1
    }

    /// Two that follow each other: the first.
    fn two(&mut self, size: usize, level: Level) -> u32 {
        let first = self.fresh(size, level);
        self.fresh(size, level);
        first
    }

    fn take(&mut self, size: usize, level: Level) -> u32 {
        match self.free.iter().rposition(|f| (f.0, f.1) == (size, level)) {
            Some(i) => self.free.swap_remove(i).2,
            None => self.fresh(size, level),
        }
    }

    fn give_back(&mut self, reg: u32, size: usize, level: Level) {
        self.free.push((size, level, reg));
    }

    /// Each register's place in a file for blocks of so many elements, and the file's bytes. Every
    /// register starts on a cache line of its own, one after the line where the next would be a
    /// multiple of 4 KiB away: stores and loads at such distances are taken for the same address.
    fn place(&self, block: usize, row: usize) -> (Vec<Register>, usize) {
        let mut at = 0;
        let registers = self.regs.iter().map(|&(size, level)| {
            let bytes = size
                * match level {
                    Level::Full => block,
                    Level::Row => block / row,
                    Level::One => 1,
                };
            let register = Register { at, bytes, size, level };
            at += bytes.next_multiple_of(64) + 64;
            register
        });
        (registers.collect(), at)
    }

    /// Elements of a block: as many as the first-level cache takes, in whole units; or, where lines
    /// are read across rows of length `across`, up to a cache line of rows in the second level; or,
    /// where rows of matrices are read with `beside` bytes an element, as many as that takes.
    fn block(&self, n: usize, unit: usize, across: Option<usize>, beside: usize) -> usize {
        let full = self.regs.iter().filter(|r| r.1 == Level::Full);
        let bytes: usize = full.map(|r| r.0).sum::<usize>().max(4);
        if let Some(length) = across.filter(|&length| length % unit == 0) {
            let rows = (SECOND / (bytes * length)).min(16);
            if rows > 1 {
                return length * rows.min(n / length);
            }
        }
        let most = SECOND.checked_div(beside).map_or(4096, |most| most.max(64));
        let fit = (CACHE / bytes).clamp(128, 4096).min(most);
        if unit == 1 {
            return (fit & !63).min(n.next_multiple_of(64)).max(1);
        }
        unit * (fit / unit).clamp(1, (n / unit).max(1))
    }
}

/// What makes two instructions equal: kind, loop, sources. One loop may have several addresses;
/// then the instructions are two.
type CodeKey = (u8, usize, [u32; 3]);

impl Code<u32> {
    /// The key of the kinds that are recorded often.
    fn key(&self) -> Option<CodeKey> {
        Some(match *self {
            Code::Map(k, x) => (0, k as usize, [x, 0, 0]),
            Code::Zip(k, x, y) => (1, k as usize, [x, y, 0]),
            Code::ZipRows(k, x, y) => (2, k as usize, [x, y, 0]),
            Code::ZipOne(k, x, y) => (3, k as usize, [x, y, 0]),
            Code::Where(k, c, x, y) => (4, k as usize, [c, x, y]),
            Code::RowExpand(size, x) => (5, size, [x, 0, 0]),
            Code::RowFold(fold, _, x) => (6, fold as usize, [x, 0, 0]),
            _ => return None,
        })
    }
}

/// The matrices of a product: the first one, and the slot and the bytes of the second as packed;
/// `n` columns, sums of `k` terms.
#[derive(Clone, Debug)]
pub(super) struct Factors {
    pub(super) a: View,
    pub(super) b: usize,
    pub(super) bytes: usize,
    pub(super) n: usize,
    pub(super) k: usize,
}

/// Whether kernels of rows of length `row` should compute a product: its sums are short, and so is
/// what a block must have a multiple of.
pub(super) fn product_fits(
    (m, n, k): (usize, usize, usize),
    dtype: DType,
    row: Option<usize>,
) -> bool {
    let (row, factor) = (row.unwrap_or(1), n * k * dtype.size());
    k <= LONGEST_SUM
        && slim::is_short(m, n, k)
        && factor <= LARGEST_FACTOR
        && row / gcd(row, slim::GROUP * n) * slim::GROUP * n <= LONGEST_PERIOD
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The distance in elements between neighbours on `axis` in row-major order.
pub(crate) fn stride_of(shape: &[usize], axis: usize) -> usize {
    Layout::dense(shape).strides[axis] as usize
}
