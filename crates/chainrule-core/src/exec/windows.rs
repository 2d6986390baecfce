//! Adding windows where they overlap: the adjoint of reading sliding windows.
//!
//! Reading is a view through overlapping strides and costs nothing. Adding is one pass for each
//! place i in a window: the elements (…, j, …, i) for all j stand at the strides of x, and go to a
//! part of y that has strides too, so each pass adds one strided box to another, run by run. Each
//! task has some of y for itself, and every element of y gets its summands in the order of i: the
//! bits do not depend on the number of threads.

use bytemuck::cast_slice_mut;
use chainrule_kernels::reduce::Reduce;
use chainrule_kernels::threads;
use smallvec::SmallVec;

use super::eval::{Elements, MOVE, around};
use crate::op::Sliding;

/// Elements of y that a task should have at least.
const SHARE: usize = 1 << 14;

pub(super) fn fold_windows<T: Reduce>(
    x: &Elements<'_>,
    sliding: &Sliding,
    shape: &[usize],
    out: &mut [u8],
) {
    let out: &mut [T] = cast_slice_mut(out);
    let axis = usize::from(sliding.axis);
    let (outer, n, inner) = around(shape, axis);
    let data = x.slice::<T>();
    let block = n * inner;
    if block == 0 || outer == 0 {
        return;
    }
    if x.layout.is_empty() {
        return out.fill(T::ZERO);
    }
    let (rank, last) = (shape.len(), x.layout.shape.len() - 1);
    // From the axis on, without the place in the window.
    let mut to = vec![1isize; rank - axis];
    for a in (axis + 1..rank).rev() {
        to[a - axis - 1] = to[a - axis] * shape[a] as isize;
    }
    let across = to[0];
    to[0] *= sliding.step as isize;
    let boxes = Boxes::new(&x.layout.shape[axis..last], &x.layout.strides[axis..last], &to);
    let mut first = x.layout.clone();
    first.shape.truncate(axis);
    first.strides.truncate(axis);
    let each = SHARE.div_ceil(block);
    let tasks: Vec<_> = out.chunks_mut(each * block).enumerate().collect();
    let work = (x.layout.len() + outer * block) as f64 * MOVE;
    threads::for_each(tasks, work, |(task, out)| {
        out.fill(T::ZERO);
        for (o, out) in (task * each..).zip(out.chunks_exact_mut(block)) {
            let start = first.at(o) as isize;
            for i in 0..sliding.size as isize {
                let from = start + i * x.layout.strides[last];
                let at = i * sliding.dilation as isize * across;
                boxes.add(data, from, out, at);
            }
        }
    });
}

/// Two strided boxes of one shape, with as few axes as possible.
struct Boxes {
    /// Length, stride from, stride to; the last axis is the innermost.
    axes: SmallVec<[(usize, isize, isize); 4]>,
}

impl Boxes {
    fn new(shape: &[usize], from: &[isize], to: &[isize]) -> Boxes {
        let mut axes: SmallVec<[(usize, isize, isize); 4]> = SmallVec::new();
        for ((&n, &s), &t) in shape.iter().zip(from).zip(to) {
            match axes.last_mut() {
                _ if n == 1 => {}
                Some(outer) if outer.1 == s * n as isize && outer.2 == t * n as isize => {
                    *outer = (outer.0 * n, s, t);
                }
                _ => axes.push((n, s, t)),
            }
        }
        Boxes { axes }
    }

    fn add<T: Reduce>(&self, x: &[T], mut from: isize, y: &mut [T], mut to: isize) {
        let Some((&(n, s, t), outer)) = self.axes.split_last() else {
            y[to as usize] = y[to as usize].plus(x[from as usize]);
            return;
        };
        let mut index: SmallVec<[usize; 4]> = SmallVec::from_elem(0, outer.len());
        loop {
            add_run(x, (from, s), y, (to, t), n);
            // The next index, as an odometer counts.
            let mut axis = outer.len();
            loop {
                if axis == 0 {
                    return;
                }
                axis -= 1;
                let (len, s, t) = outer[axis];
                index[axis] += 1;
                (from, to) = (from + s, to + t);
                if index[axis] < len {
                    break;
                }
                index[axis] = 0;
                (from, to) = (from - s * len as isize, to - t * len as isize);
            }
        }
    }
}

#[inline]
fn add_run<T: Reduce>(x: &[T], from: (isize, isize), y: &mut [T], to: (isize, isize), n: usize) {
    let ((from, s), (to, t)) = ((from.0 as usize, from.1), (to.0 as usize, to.1));
    match (s, t) {
        (1, 1) => {
            for (y, &x) in y[to..to + n].iter_mut().zip(&x[from..from + n]) {
                *y = y.plus(x);
            }
        }
        (s, 1) => {
            for (i, y) in y[to..to + n].iter_mut().enumerate() {
                *y = y.plus(x[(from as isize + i as isize * s) as usize]);
            }
        }
        _ => {
            for i in 0..n as isize {
                let y = &mut y[(to as isize + i * t) as usize];
                *y = y.plus(x[(from as isize + i * s) as usize]);
            }
        }
    }
}
