//! Strided addressing: which element of a buffer an index of a tensor means.

/// A shape, with the distance in elements between neighbours on each axis, and a start.
///
/// A stride of 0 repeats an element along its axis; a negative stride walks backwards.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    /// Length of each axis.
    pub shape: Vec<usize>,
    /// Distance between neighbours on each axis.
    pub strides: Vec<isize>,
    /// Where index (0, …, 0) stands.
    pub offset: usize,
}

impl Layout {
    /// Row-major and dense, from the start.
    pub fn dense(shape: &[usize]) -> Layout {
        Layout { strides: dense_strides(shape), shape: shape.to_vec(), offset: 0 }
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.shape.contains(&0)
    }

    /// Whether the elements stand one after the other in row-major order.
    pub fn is_dense(&self) -> bool {
        let mut expected = 1;
        for (&n, &s) in self.shape.iter().zip(&self.strides).rev() {
            if n != 1 && s != expected {
                return false;
            }
            expected *= n as isize;
        }
        true
    }

    /// Whether neighbours on the last axis stand far apart, while those on the axis before it are
    /// neighbours in memory.
    pub fn is_transposed(&self) -> bool {
        let rank = self.shape.len();
        rank >= 2 && self.strides[rank - 2] == 1 && self.strides[rank - 1].abs() > 1
    }

    /// The same elements with as few axes as possible: axes of length 1 go, neighbours that are one
    /// run merge. The order of elements stays.
    pub fn merged(&self) -> Layout {
        let (mut shape, mut strides): (Vec<usize>, Vec<isize>) = (vec![], vec![]);
        for (&n, &s) in self.shape.iter().zip(&self.strides) {
            if n == 1 {
                continue;
            }
            match (shape.last_mut(), strides.last_mut()) {
                (Some(m), Some(t)) if *t == s * n as isize => {
                    *m *= n;
                    *t = s;
                }
                _ => {
                    shape.push(n);
                    strides.push(s);
                }
            }
        }
        Layout { shape, strides, offset: self.offset }
    }

    /// The layout of the same elements in another shape, if strides can express it without a copy.
    pub fn reshape(&self, shape: &[usize]) -> Option<Layout> {
        if self.is_empty() {
            return Some(Layout { offset: self.offset, ..Layout::dense(shape) });
        }
        let merged = self.merged();
        let mut strides = vec![0isize; shape.len()];
        let mut axis = merged.shape.len();
        let mut left = 1; // of the current merged axis, not yet given to new axes
        let mut stride = 0;
        for (i, &n) in shape.iter().enumerate().rev() {
            if n == 1 {
                continue;
            }
            if left == 1 {
                axis = axis.checked_sub(1)?;
                left = merged.shape[axis];
                stride = merged.strides[axis];
            }
            if left % n != 0 {
                return None;
            }
            strides[i] = stride;
            stride *= n as isize;
            left /= n;
        }
        Some(Layout { shape: shape.to_vec(), strides, offset: self.offset })
    }

    /// Calls `f(start, length, stride)` for the runs that cover elements `from .. from + len` of
    /// the row-major order.
    #[inline]
    pub fn runs(&self, from: usize, len: usize, mut f: impl FnMut(usize, usize, isize)) {
        let rank = self.shape.len();
        if len == 0 {
            return;
        }
        if rank == 0 {
            return f(self.offset, 1, 0);
        }
        let (n, step) = (self.shape[rank - 1], self.strides[rank - 1]);
        let (mut rest, mut col) = (from / n, from % n);
        let (mut at, mut left) = (self.offset as isize, len);
        let mut index = vec![0; rank - 1];
        for axis in (0..rank - 1).rev() {
            index[axis] = rest % self.shape[axis];
            rest /= self.shape[axis];
            at += index[axis] as isize * self.strides[axis];
        }
        loop {
            let take = left.min(n - col);
            f((at + col as isize * step) as usize, take, step);
            left -= take;
            col = 0;
            if left == 0 {
                return;
            }
            // The next row, as an odometer counts.
            for axis in (0..rank - 1).rev() {
                index[axis] += 1;
                at += self.strides[axis];
                if index[axis] < self.shape[axis] {
                    break;
                }
                at -= self.strides[axis] * self.shape[axis] as isize;
                index[axis] = 0;
            }
        }
    }

    /// Where the element with row-major number `index` stands.
    pub fn at(&self, mut index: usize) -> usize {
        let mut at = self.offset as isize;
        for (&n, &s) in self.shape.iter().zip(&self.strides).rev() {
            at += (index % n) as isize * s;
            index /= n;
        }
        at as usize
    }
}

/// The strides of a dense row-major tensor.
pub fn dense_strides(shape: &[usize]) -> Vec<isize> {
    let mut strides = vec![0; shape.len()];
    let mut step = 1isize;
    for (s, &n) in strides.iter_mut().zip(shape).rev() {
        *s = step;
        step *= n.max(1) as isize;
    }
    strides
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn merging_keeps_the_elements() {
        let x = Layout { shape: vec![2, 1, 3, 4], strides: vec![12, 7, 4, 1], offset: 3 };
        assert_eq!(x.merged(), Layout { shape: vec![24], strides: vec![1], offset: 3 });
        let t = Layout { shape: vec![4, 3], strides: vec![1, 4], offset: 0 };
        assert_eq!(t.merged(), t);
        assert_eq!(t.reshape(&[12]), None);
        assert_eq!(t.reshape(&[2, 2, 3]).unwrap().strides, [2, 1, 4]);
    }

    proptest! {
        #[test]
        fn runs_and_reshape_visit_what_at_says(
            shape in prop::collection::vec(1usize..5, 0..4),
            strides in prop::collection::vec(-3isize..6, 4),
            from in 0usize..20,
        ) {
            let x = Layout { strides: strides[..shape.len()].to_vec(), shape, offset: 100 };
            let all: Vec<usize> = (0..x.len()).map(|i| x.at(i)).collect();
            let from = from.min(x.len());
            let mut seen = vec![];
            x.runs(from, x.len() - from, |start, n, step| {
                seen.extend((0..n).map(|i| (start as isize + i as isize * step) as usize));
            });
            prop_assert_eq!(&seen, &all[from..]);
            if let Some(y) = x.reshape(&[x.len()]) {
                prop_assert_eq!((0..y.len()).map(|i| y.at(i)).collect::<Vec<_>>(), all);
            }
        }
    }
}
