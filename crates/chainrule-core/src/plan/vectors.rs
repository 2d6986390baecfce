//! Products of matrices and vectors in kernels.
//!
//! Each number of the matrix is used once, so such a product takes the time to read it. As an
//! instruction of the kernel over its rows, what it gives needs not be stored; and where what a
//! kernel computes for each row is multiplied by the rows themselves and summed up, as in gradients
//! of models that are linear in their parameters, that happens block by block, while the block's
//! rows are in the second-level cache: a matrix is read once for a model and its gradient.

use chainrule_kernels::Layout;
use chainrule_kernels::reduce::Fold;

use super::fuse::{Home, Planner};
use super::kernel::{Level, Times, Total};
use super::{Item, View};

/// Longer rows, in bytes, would leave room for too few of them in the cache.
const LONGEST: usize = 8 << 10;
/// With fewer rows, threads would have too little to share.
const FEWEST: usize = 1024;

impl Planner<'_> {
    /// A product of a matrix and a vector, if a kernel should compute it.
    pub(super) fn vector_product(&mut self, item: &Item) -> Option<Home> {
        let (a, b) = (item.src[0] as usize, item.src[1] as usize);
        // A row times a matrix is its transpose times a column.
        let (matrix, vector, turned) = match *item.shape {
            [_, 1] => (a, b, false),
            [1, _] => (b, a, true),
            _ => return None,
        };
        let mut rows = self.stored(matrix);
        if turned {
            rows.layout.shape.swap(0, 1);
            rows.layout.strides.swap(0, 1);
        }
        let (dtype, size) = (item.dtype, item.dtype.size());
        let ([m, k], [row, column]) = (&rows.layout.shape[..], &rows.layout.strides[..]) else {
            return None;
        };
        let (m, k) = (*m, *k);
        if *column == 1 && *row >= k as isize && m >= FEWEST && k * size <= LONGEST {
            let x = self.stored(vector);
            let x = View { slot: x.slot, layout: x.layout.merged() };
            let stage = self.after(matrix).max(self.after(vector));
            let kernel = x.layout.is_dense().then(|| self.kernel(stage, m))?;
            let value = self.kernels[kernel].1.times_vector(dtype, rows, x);
            return Some(Home::Lane { kernel, level: Level::Full, value });
        }
        let summed = *row == 1 && *column >= m as isize && k >= FEWEST && m * size <= LONGEST;
        let computed = matches!(self.homes[vector], Home::Lane { .. } | Home::Deferred { .. });
        if !summed || !computed || !matches!(self.homes[matrix], Home::Stored(..)) {
            return None;
        }
        let (kernel, level) = self.meet(&[matrix, vector], k);
        if level != Level::Full {
            return None;
        }
        let value = self.operand(vector, kernel, level);
        let slot = self.slot(m * size);
        rows.layout.shape.swap(0, 1);
        rows.layout.strides.swap(0, 1);
        let times = Times::Rows(rows);
        let total = Total { fold: Fold::Sum, dtype, x: value, times, level, slot, width: m };
        let (stage, builder) = &mut self.kernels[kernel];
        builder.rows_total(total);
        Some(Home::Stored(View { slot, layout: Layout::dense(&item.shape) }, *stage))
    }
}
