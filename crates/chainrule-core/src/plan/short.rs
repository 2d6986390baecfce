//! Short forms in kernels: what is the same for a row, or for all elements, meets elements as one
//! number, without copies of it.

use smallvec::SmallVec;

use super::View;
use super::fuse::{Home, Planner};
use super::kernel::{Code, Level};
use crate::op::pairs::Known;
use crate::op::{Binary, Cmp, DType, Op, lanes};

impl Planner<'_> {
    /// What is the same along each row, loaded once a row.
    pub(super) fn load_rows(&mut self, view: &View, dtype: DType, kernel: usize) -> Option<u32> {
        let builder = &mut self.kernels[kernel].1;
        let row = *self.rows.get(&builder.n)?;
        let mut layout = view.layout.merged();
        if builder.row.is_some_and(|known| known != row)
            || layout.shape.len() < 2
            || layout.strides.last() != Some(&0)
            || layout.shape.last() != Some(&row)
        {
            return None;
        }
        layout.shape.pop();
        layout.strides.pop();
        builder.row = Some(row);
        let value = builder.load(&View { slot: view.slot, layout }, dtype, Level::Row);
        Some(builder.code(Code::RowExpand(dtype.size(), value), dtype, Level::Full, 1))
    }

    /// An operation on elements and one number for each row.
    pub(super) fn zip_rows(
        &mut self,
        op: Binary,
        dtype: DType,
        kernel: usize,
        s: &[u32],
    ) -> Option<u32> {
        let builder = &mut self.kernels[kernel].1;
        let cost = op.cost();
        let code = match (builder.row_source(s[0]), builder.row_source(s[1])) {
            (Some(x), None) => Code::ZipRows(op.kernel_rows(dtype, true)?, s[1], x),
            (None, Some(y)) => Code::ZipRows(op.kernel_rows(dtype, false)?, s[0], y),
            _ => return None,
        };
        let swapped = builder.row_source(s[0]).is_some();
        let value = builder.code(code, dtype, Level::Full, cost);
        Some(builder.known(value, Known::of(&Op::Zip(op)), swapped))
    }

    /// Operands of which each is the same along rows, as numbers for rows, unless all are constant.
    pub(super) fn along_rows(&mut self, kernel: usize, s: &[u32]) -> Option<SmallVec<[u32; 3]>> {
        let builder = &mut self.kernels[kernel].1;
        s.iter().find(|&&value| builder.row_source(value).is_some())?;
        s.iter().map(|&value| builder.as_rows(value)).collect()
    }

    /// An operation on elements and one number in all.
    pub(super) fn zip_one(
        &mut self,
        op: Binary,
        dtype: DType,
        kernel: usize,
        s: &[u32],
    ) -> Option<u32> {
        let builder = &mut self.kernels[kernel].1;
        let (one, swapped) = match builder.as_one(s[1]) {
            Some(y) => (y, false),
            None => (builder.as_one(s[0])?, true),
        };
        let code = Code::ZipOne(op.kernel_rows(dtype, swapped)?, s[usize::from(swapped)], one);
        let value = builder.code(code, dtype, Level::Full, op.cost());
        Some(builder.known(value, Known::of(&Op::Zip(op)), swapped))
    }

    /// A sum to which only one element in each row may contribute.
    pub(super) fn add_hot(&mut self, dtype: DType, kernel: usize, s: &[u32]) -> Option<u32> {
        let builder = &mut self.kernels[kernel].1;
        let hot = |value| {
            let (index, number) = builder.as_hot(value)?;
            Some((index, builder.row_source(number)?))
        };
        let (x, (index, number)) = match (hot(s[0]), hot(s[1])) {
            (Some(hot), _) => (s[1], hot),
            (None, Some(hot)) => (s[0], hot),
            (None, None) => return None,
        };
        let code = Code::AddHot(dtype, x, index, number);
        Some(builder.code(code, dtype, Level::Full, 2))
    }

    /// A masked cotangent times a derivative, of which [`crate::grad`] records what it means: the
    /// product p of g and x, where p = p and where g = 0.
    pub(super) fn masked(&mut self, i: usize, kernel: usize, level: Level) -> Option<u32> {
        let items = self.items;
        let at = |i: u32| &items[i as usize];
        let zero = |i: u32| matches!(at(i).op, Op::Const(c) if c.to_f64() == 0.0);
        let [number, p, finite] = items[i].src[..] else { return None };
        let (number, product, finite) = (at(number), at(p), at(finite));
        let ([a, b], [none, z, q]) = (&number.src[..], &finite.src[..]) else { return None };
        let (none, is) = (at(*none), Op::Compare(Cmp::Eq));
        let shape = number.op == is
            && finite.op == Op::Where
            && none.op == is
            && product.op == Op::Zip(Binary::Mul)
            && [*a, *b, *q] == [p, p, p];
        if !shape || !zero(*z) || !zero(none.src[1]) {
            return None;
        }
        let here = match self.homes[p as usize] {
            Home::Lane { kernel: k, level: l, .. } => (k, l) == (kernel, level),
            _ => false,
        };
        let g = none.src[0];
        let x = if product.src[0] == g { product.src[1] } else { product.src[0] };
        if !here || !product.src.contains(&g) {
            return None;
        }
        let dtype = product.dtype;
        let (g, x) =
            (self.operand(g as usize, kernel, level), self.operand(x as usize, kernel, level));
        let builder = &mut self.kernels[kernel].1;
        let full = level == Level::Full;
        let (code, swapped) = match (builder.row_source(g), builder.row_source(x)) {
            (Some(g), None) if full => {
                (Code::ZipRows(lanes::kernel_masked_rows(dtype, true)?, x, g), true)
            }
            (None, Some(x)) if full => {
                (Code::ZipRows(lanes::kernel_masked_rows(dtype, false)?, g, x), false)
            }
            _ => {
                let code = Code::Zip(lanes::kernel_masked(dtype)?, g, x);
                return Some(builder.code(code, dtype, level, 2));
            }
        };
        let value = builder.code(code, dtype, level, 2);
        Some(builder.known(value, Some(Known::Masked), swapped))
    }

    /// Whether the index along rows equals a number for each row.
    pub(super) fn one_hot(&mut self, kernel: usize, s: &[u32]) -> Option<u32> {
        let builder = &mut self.kernels[kernel].1;
        let row = builder.row?;
        let index = match (builder.row_source(s[0]), builder.row_source(s[1])) {
            (None, Some(y)) if builder.is_index(s[0], row) => y,
            (Some(x), None) if builder.is_index(s[1], row) => x,
            _ => return None,
        };
        Some(builder.code(Code::OneHot(index), DType::Bool, Level::Full, 1))
    }
}
