//! Two operations in one pass, and sums of products without the products.
//!
//! When a kernel is complete, operations that follow each other are joined where that saves a pass
//! over the block ([`crate::op::pairs`]): where what lies between them is used nowhere else, or
//! only by a second operation that can be joined to it too, and is computed twice then. Sine and
//! cosine of one argument are one instruction. Results have the same bits.

use chainrule_kernels::reduce::Fold;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::builder::{Builder, Def};
use super::kernel::{Code, Level, Times, Total};
use crate::op::pairs::{self, Known, Part};
use crate::op::{Binary, Scalar, lanes};

/// Rows shorter than that are summed side by side, where elements are gathered anyway.
const SHORT_ROW: usize = 64;

/// What some values become.
type Codes = SmallVec<[(u32, Code<u32>); 2]>;

/// An operation seen from one of its arguments: the argument, what it takes besides.
#[derive(Clone, Copy)]
struct View {
    x: u32,
    besides: u32,
    level: Level,
    part: Part,
}

impl Builder {
    /// Joins what can be joined.
    pub(super) fn pair(&mut self) {
        self.total_products();
        let needed = &self.needed()[..];
        let mut users = self.users(needed);
        self.negated_sums(&users);
        self.sines(needed, &users);
        self.dots(&mut users);
        self.exponentials(needed, &mut users);
        self.hot_products(needed, &users);
        for first in 0..needed.len() as u32 {
            let mine: SmallVec<[u32; 2]> = users[first as usize].clone();
            if !needed[first as usize] || mine.is_empty() || mine.len() > 2 {
                continue;
            }
            let joined: Option<Codes> =
                mine.iter().map(|&second| Some((second, self.joined(first, second)?))).collect();
            for (second, code) in joined.into_iter().flatten() {
                self.vals[second as usize].def = Def::Code(code);
                self.vals[second as usize].known = None;
            }
        }
    }

    /// The values that use each value. What is kept is used by more than can be joined.
    fn users(&self, needed: &[bool]) -> Vec<SmallVec<[u32; 2]>> {
        let mut users: Vec<SmallVec<[u32; 2]>> = vec![SmallVec::new(); self.vals.len()];
        for (i, val) in self.vals.iter().enumerate().filter(|(i, _)| needed[*i]) {
            if let Def::Code(code) = &val.def {
                code.sources(|s| users[s as usize].push(i as u32));
            }
        }
        let kept = self.stores.iter().map(|s| s.0);
        let kept = kept.chain(self.totals.iter().flat_map(Total::sources));
        kept.for_each(|v| users[v as usize].extend([u32::MAX; 3]));
        users
    }

    /// Sine and cosine of one argument become one instruction, which computes the later of the two
    /// too, unless one has its place in a result.
    fn sines(&mut self, needed: &[bool], users: &[SmallVec<[u32; 2]>]) {
        let mut of: FxHashMap<u32, (Known, u32)> = FxHashMap::default();
        for i in (0..needed.len()).filter(|&i| needed[i]) {
            let (Def::Code(Code::Map(_, x)), Some((op @ (Known::Sin | Known::Cos), _))) =
                (&self.vals[i].def, self.vals[i].known)
            else {
                continue;
            };
            let x = *x;
            if self.vals[i].level != Level::Full || users[i].contains(&u32::MAX) {
                continue;
            }
            match of.get(&x) {
                Some(&(other, first)) if other != op => {
                    let Some(kernel) = pairs::sin_cos(self.vals[i].dtype) else { continue };
                    let code = Code::SinCos(kernel, x, other == Known::Cos);
                    self.vals[first as usize].def = Def::Code(code);
                    self.vals[i].def = Def::Second(first);
                    of.remove(&x);
                }
                _ => {
                    of.insert(x, (op, i as u32));
                }
            }
        }
    }

    /// The factors of a product.
    fn factors(&self, product: u32) -> Option<(u32, u32)> {
        let val = &self.vals[product as usize];
        match (&val.def, val.known) {
            (Def::Code(Code::Zip(_, x, y)), Some((Known::Mul, _))) => Some((*x, *y)),
            (Def::Code(Code::Map(_, x)), Some((Known::Square, _))) => Some((*x, *x)),
            _ => None,
        }
    }

    /// Totals of products that nothing else uses become sums of products.
    fn total_products(&mut self) {
        let users = self.users(&self.needed());
        for t in 0..self.totals.len() {
            let Total {
                fold: Fold::Sum,
                x: product,
                level: Level::Full,
                times: Times::Nothing,
                ..
            } = self.totals[t]
            else {
                continue;
            };
            if let (Some((x, y)), [_, _, _]) = (self.factors(product), &users[product as usize][..])
                && self.stores.iter().all(|s| s.0 != product)
            {
                (self.totals[t].x, self.totals[t].times) = (x, Times::Elements(y));
            }
        }
    }

    /// Sums of what is −x become 0 − the sum of x: sums begin with 0, and so are never −0.
    fn negated_sums(&mut self, users: &[SmallVec<[u32; 2]>]) {
        for i in 0..self.vals.len() {
            let Def::Code(Code::RowFold(Fold::Sum, dtype, minus)) = self.vals[i].def else {
                continue;
            };
            let val = &self.vals[minus as usize];
            if let (Def::Code(Code::Map(_, x)), Some((Known::Neg, _)), [_]) =
                (&val.def, val.known, &users[minus as usize][..])
            {
                // The sum takes the place of −x, and the difference the sum's.
                let sum = Code::RowFold(Fold::Sum, dtype, *x);
                let zero = self.constant(Scalar::Int(0).cast(dtype), dtype, Level::Row);
                let val = &mut self.vals[minus as usize];
                (val.def, val.level, val.known) = (Def::Code(sum), Level::Row, None);
                let kernel = Binary::Sub.kernel(dtype);
                self.vals[i].def = Def::Code(Code::Zip(kernel, zero, minus));
            }
        }
    }

    /// Sums over rows of products become sums of products.
    fn dots(&mut self, users: &mut [SmallVec<[u32; 2]>]) {
        if self.row.is_none_or(|row| row < SHORT_ROW) {
            return;
        }
        for i in 0..self.vals.len() {
            let Def::Code(Code::RowFold(Fold::Sum, dtype, product)) = self.vals[i].def else {
                continue;
            };
            let (Some((x, y)), [_]) = (self.factors(product), &users[product as usize][..]) else {
                continue;
            };
            for source in [x, y] {
                for user in users[source as usize].iter_mut().filter(|u| **u == product) {
                    *user = i as u32;
                }
            }
            users[product as usize].clear();
            self.vals[i].def = Def::Code(Code::RowDot(dtype, x, y));
        }
    }

    /// Exponentials of elements less a number for each row, in one loop: the elements of a softmax.
    /// Of the difference itself only chosen elements may be needed besides.
    fn exponentials(&mut self, needed: &[bool], users: &mut [SmallVec<[u32; 2]>]) {
        for d in (0..needed.len()).filter(|&d| needed[d]) {
            let val = &self.vals[d];
            let Def::Code(Code::ZipRows(_, x, row)) = val.def else { continue };
            let Some(kernel) = lanes::kernel_exp_less(val.dtype) else { continue };
            if val.known != Some((Known::Sub, false)) {
                continue;
            }
            let mine = users[d].clone();
            let is_exp = |u: u32| self.vals[u as usize].known == Some((Known::Exp, false));
            let is_pick = |u: u32| {
                let def = &self.vals[u as usize].def;
                matches!(def, Def::Code(Code::Pick(_, of, _)) if *of as usize == d)
            };
            let here = |u: u32| u != u32::MAX && (is_exp(u) || is_pick(u));
            if !mine.iter().all(|&u| here(u)) || !mine.iter().any(|&u| is_exp(u)) {
                continue;
            }
            for &u in &mine {
                let val = &mut self.vals[u as usize];
                val.known = None;
                val.def = Def::Code(match val.def {
                    Def::Code(Code::Pick(dtype, _, index)) => Code::PickLess(dtype, x, index, row),
                    _ => Code::ZipRows(kernel, x, row),
                });
                users[x as usize].push(u);
                users[row as usize].push(u);
            }
            for source in [x, row] {
                users[source as usize].retain(|u| *u as usize != d);
            }
            users[d].clear();
        }
    }

    /// Masked products to one of which in each row something is added.
    fn hot_products(&mut self, needed: &[bool], users: &[SmallVec<[u32; 2]>]) {
        for i in (0..needed.len()).filter(|&i| needed[i]) {
            let Def::Code(Code::AddHot(dtype, product, index, number)) = self.vals[i].def else {
                continue;
            };
            let val = &self.vals[product as usize];
            let Def::Code(Code::ZipRows(_, x, row)) = val.def else { continue };
            let Some((Known::Masked, swapped)) = val.known else { continue };
            let kernel = lanes::kernel_masked_rows_plus_zero(dtype, swapped);
            if let (Some(kernel), [_]) = (kernel, &users[product as usize][..]) {
                self.vals[i].def = Def::Code(Code::RowsHot(kernel, dtype, [x, row, index, number]));
            }
        }
    }

    /// The code of `second` with `first`, whose value it uses, in the same loop.
    fn joined(&mut self, first: u32, second: u32) -> Option<Code<u32>> {
        let dtype = self.vals[second as usize].dtype;
        let after = self.seen_from(second, Some(first))?;
        let before = self.seen_from(first, None)?;
        let (mut y, mut w) = ((before.besides, before.level), (after.besides, after.level));
        if matches!((y.1, w.1), (Level::Row, Level::One) | (Level::One, Level::Row)) {
            y = (self.in_rows(y.0)?, Level::Row);
            w = (self.in_rows(w.0)?, Level::Row);
        }
        let kernel = pairs::kernel(dtype, before.part, after.part)?;
        Some(Code::Pair(kernel, before.x, y, w))
    }

    /// A known operation on elements, seen from the given argument or from its first.
    fn seen_from(&mut self, value: u32, argument: Option<u32>) -> Option<View> {
        let val = &self.vals[value as usize];
        let (op, swapped) = val.known?;
        let Def::Code(code) = &val.def else { return None };
        if val.level != Level::Full {
            return None;
        }
        let dtype = val.dtype;
        let row = |x, besides, level, swapped| View {
            x,
            besides,
            level,
            part: Part { op, row: level != Level::Full, swapped },
        };
        let view = match *code {
            Code::Zip(_, x, y) if argument == Some(x) && x != y => row(x, y, Level::Full, false),
            Code::Zip(_, x, y) if argument == Some(y) && x != y => row(y, x, Level::Full, true),
            Code::Zip(_, x, y) if argument.is_none() => row(x, y, Level::Full, false),
            Code::ZipRows(_, x, y) => row(x, y, Level::Row, swapped),
            Code::ZipOne(_, x, y) => row(x, y, Level::One, swapped),
            Code::Map(_, x) if op == Known::Neg => {
                let minus = self.constant(Scalar::Float(-1.0), dtype, Level::One);
                row(x, minus, Level::One, false)
            }
            _ if matches!(op, Known::Sin | Known::Cos | Known::Exp | Known::Masked) => return None,
            Code::Map(_, x) if argument.is_none() => row(x, x, Level::Full, false),
            // Any number will do besides.
            Code::Map(_, x) => {
                let one = self.constant(Scalar::Float(-1.0), dtype, Level::One);
                row(x, one, Level::One, false)
            }
            _ => return None,
        };
        argument.is_none_or(|a| a == view.x).then_some(view)
    }

    /// A number that is the same everywhere as one for each row; numbers for rows as they are.
    fn in_rows(&mut self, value: u32) -> Option<u32> {
        let val = &self.vals[value as usize];
        match (&val.def, val.level) {
            (_, Level::Row) => Some(value),
            (Def::Preset(number), Level::One) => {
                let (number, dtype) = (number.clone(), val.dtype);
                Some(self.push(Def::Preset(number), dtype, Level::Row, 0))
            }
            _ => None,
        }
    }
}
