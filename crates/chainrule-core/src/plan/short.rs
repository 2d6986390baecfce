//! Short forms in kernels: what is the same for a row, or for all elements, meets elements as one
//! number, without copies of it.

use super::View;
use super::fuse::Planner;
use super::kernel::{Code, Level};
use crate::op::{Binary, DType};

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

    /// An operation on elements and one number for each row, or on numbers for rows alone.
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
            (Some(x), Some(y)) => {
                let code = Code::Zip(op.kernel(dtype), x, y);
                let row = builder.code(code, dtype, Level::Row, cost);
                return Some(builder.code(
                    Code::RowExpand(dtype.size(), row),
                    dtype,
                    Level::Full,
                    1,
                ));
            }
            (Some(x), None) => Code::ZipRows(op.kernel_rows(dtype, true)?, s[1], x),
            (None, Some(y)) => Code::ZipRows(op.kernel_rows(dtype, false)?, s[0], y),
            (None, None) => return None,
        };
        Some(builder.code(code, dtype, Level::Full, cost))
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
        let code = if let Some(y) = builder.as_one(s[1]) {
            Code::ZipOne(op.kernel_rows(dtype, false)?, s[0], y)
        } else {
            let x = builder.as_one(s[0])?;
            Code::ZipOne(op.kernel_rows(dtype, true)?, s[1], x)
        };
        Some(builder.code(code, dtype, Level::Full, op.cost()))
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
